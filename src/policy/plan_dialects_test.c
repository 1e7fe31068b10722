/* SPDX-License-Identifier: Apache-2.0 */
/* A model that only some of its provider's dialects serve is reached through one of them, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "llm/chat.h"
#include "policy/plan.h"

#define BIT(operation) (1u << OPERATION_##operation)

static const struct model pro = { .id = { "pro", 3 }, .abilities = ~0u, .operations = BIT(CHAT) | BIT(EMBEDDINGS) };
static const struct field_row everything[FIELD_COUNT];

static bool write_nothing(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr)
{
	return true;
}

static const struct dialect chat = { .id = DIALECT_OPENAI_CHAT, .fields = everything, .write_chat = write_nothing };
static const struct dialect responses = { .id = DIALECT_OPENAI_RESPONSES, .fields = everything, .write_chat = write_nothing };

static struct binding bindings[] = {
	{ .dialect_id = DIALECT_OPENAI_CHAT, .dialect = &chat, .operations = BIT(CHAT) | BIT(EMBEDDINGS) },
	{ .dialect_id = DIALECT_OPENAI_RESPONSES, .dialect = &responses, .operations = BIT(CHAT) },
};

static uint64_t asked_fields;
static unsigned asked_needs;
static char said[128];                 /* why it was passed over */

static const struct chat *read_chat(void *ctx)
{
	return ctx;
}

/* The dialect that the plan's only candidate is asked in; -1 when it is passed over. */
static int planned_dialect(unsigned dialects, enum dialect_id client, enum operation operation)
{
	_cleanup_(arena_done) struct arena a;
	struct offer offer = { .model = &pro, .own_id = SLICE("pro-1"), .price = price_unknown,
			       .rules = &model_rules_unknown, .dialects = dialects };
	struct provider p = { .name = SLICE("maker"), .bindings = bindings, .binding_count = COUNT_OF(bindings),
			      .offers = &offer, .offer_count = 1, .lists_models = true };
	struct routing r = { .providers = &p, .provider_count = 1 };
	struct plan_query q = { .dialect = client, .operation = operation, .model = SLICE("pro"), .max_output = -1,
				.chat = read_chat };
	struct chat asked;
	struct plan plan;
	struct failure failure;
	int dialect = -1;

	arena_init(&a);
	chat_init(&asked, client);
	asked.fields = asked_fields;
	q.ctx = &asked;
	q.needs = asked_needs;
	map_init(&r.provider_by_name);
	map_init(&r.model_by_name);
	if (plan_make(&r, &q, &a, &plan, &failure))
		dialect = (int)plan.candidates[0].binding->dialect_id;
	snprintf(said, sizeof(said), "%s", plan.candidates[0].passed_over ? plan.candidates[0].passed_over : "");
	map_done(&r.provider_by_name);
	map_done(&r.model_by_name);
	return dialect;
}

static void test_all_dialects(void **state)
{
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_CHAT);
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_RESPONSES, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	assert_int_equal(planned_dialect(0, DIALECT_ANTHROPIC, OPERATION_CHAT), DIALECT_OPENAI_CHAT);
}

static void test_one_dialect(void **state)
{
	unsigned only = 1u << DIALECT_OPENAI_RESPONSES;

	assert_int_equal(planned_dialect(only, DIALECT_OPENAI_RESPONSES, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	/* Translated rather than sent to an endpoint that does not have it. */
	assert_int_equal(planned_dialect(only, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	assert_int_equal(planned_dialect(only, DIALECT_ANTHROPIC, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	assert_int_equal(planned_dialect(only, DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS), -1);
	assert_int_equal(planned_dialect(1u << DIALECT_GEMINI, DIALECT_OPENAI_CHAT, OPERATION_CHAT), -1);
}

/* The native API beside an imitation of another's: the imitation only where nothing else serves the operation, or the native
 * one cannot carry the request. */
static void test_an_imitation_comes_second(void **state)
{
	static const struct field_row no_choices[FIELD_COUNT] = { [FIELD_INDEX_N] = { .carriage = REFUSED } };
	static const struct dialect native = { .id = DIALECT_OPENAI_RESPONSES, .fields = no_choices, .write_chat = write_nothing };

	bindings[0].quirks = QUIRK_COMPAT;
	bindings[1].dialect = &native;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	assert_int_equal(planned_dialect(0, DIALECT_ANTHROPIC, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS), DIALECT_OPENAI_CHAT);
	asked_fields = FIELD_N;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_CHAT);
	asked_fields = 0;
	bindings[0].quirks = 0;
	bindings[1].dialect = &responses;
}

/* Its quirks say that it cannot be told what the request holds: then not in the client's own words either. */
static void test_what_the_quirks_refuse(void **state)
{
	static const struct field_row choices[FIELD_COUNT] = { [FIELD_INDEX_N] = { .carriage = CARRIED } };
	static const struct dialect carrying = { .id = DIALECT_OPENAI_RESPONSES, .fields = choices, .write_chat = write_nothing };
	static const struct field_row none[FIELD_COUNT] = { [FIELD_INDEX_N] = { .carriage = REFUSED } };
	static const struct dialect refusing = { .id = DIALECT_OPENAI_RESPONSES, .fields = none, .write_chat = write_nothing };

	bindings[0].quirks = QUIRK_NO_N | QUIRK_NO_SEED | QUIRK_NO_CUSTOM_TOOLS;
	bindings[1].dialect = &refusing;
	asked_fields = FIELD_N | FIELD_SEED;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), -1);
	assert_string_equal(said, "cannot carry n");
	/* Vectors have no such fields. */
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS), DIALECT_OPENAI_CHAT);
	bindings[0].quirks |= QUIRK_COMPAT;
	assert_int_equal(planned_dialect(1u << DIALECT_OPENAI_CHAT, DIALECT_OPENAI_CHAT, OPERATION_CHAT), -1);
	assert_string_equal(said, "cannot carry n");
	bindings[0].quirks &= ~(uint64_t)QUIRK_COMPAT;
	/* Another of its dialects may be able to. */
	bindings[1].dialect = &carrying;
	asked_fields = FIELD_N;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_RESPONSES);
	/* Tuning is taken out in place; what the request does not hold is no reason. */
	asked_fields = FIELD_SEED;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_CHAT);
	asked_fields = FIELD_TOOLS | FIELD_CUSTOM_TOOLS;
	asked_needs = NEEDS_TOOLS;
	bindings[1].dialect = &refusing;
	assert_int_equal(planned_dialect(1u << DIALECT_OPENAI_CHAT, DIALECT_OPENAI_CHAT, OPERATION_CHAT), -1);
	assert_string_equal(said, "cannot carry custom tools");
	asked_fields = FIELD_TOOLS;
	assert_int_equal(planned_dialect(0, DIALECT_OPENAI_CHAT, OPERATION_CHAT), DIALECT_OPENAI_CHAT);
	asked_needs = 0;
	asked_fields = 0;
	bindings[0].quirks = 0;
	bindings[1].dialect = &responses;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_dialects),
		cmocka_unit_test(test_one_dialect),
		cmocka_unit_test(test_an_imitation_comes_second),
		cmocka_unit_test(test_what_the_quirks_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
