/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of an answer comes back to the same turn, in the same places, and to no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange/vault.h"
#include "llm/state.h"

struct fixture {
	struct arena arena;
	struct vault_turn vault;
	struct buf document;
	struct slice id;
	struct chat chat;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	arena_init(&f->arena);
	vault_turn_init(&f->vault, true);
	buf_init(&f->document, SIZE_MAX);
	chat_init(&f->chat, DIALECT_OPENAI_CHAT);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vault_turn_done(&f->vault);
	buf_done(&f->document);
	arena_done(&f->arena);
	free(f);
	return 0;
}

/* ---- an answer ---- */

static void say(struct fixture *f, enum event_kind kind, unsigned block, const char *text)
{
	vault_note(&f->vault, &(struct event){ .kind = kind, .block = block, .text = slice_cstr(text) });
}

static void sign(struct fixture *f, unsigned block, const char *payload, bool redacted)
{
	struct slice wrapped = state_wrap(slice_cstr(payload), SLICE("bee"), DIALECT_ANTHROPIC, &f->arena);

	vault_note(&f->vault, &(struct event){ .kind = EVENT_SIGNATURE, .block = block,
					       .signature = { .payload = wrapped, .redacted = redacted } });
}

static void call(struct fixture *f, unsigned block, const char *id, const char *arguments)
{
	vault_note(&f->vault, &(struct event){ .kind = EVENT_TOOL_BEGIN, .block = block,
					       .tool = { .id = slice_cstr(id), .name = SLICE("find") } });
	say(f, EVENT_TOOL_ARGUMENTS, block, arguments);
}

static void stop(struct fixture *f, enum stop_reason reason)
{
	vault_note(&f->vault, &(struct event){ .kind = EVENT_STOP, .stop = { .reason = reason } });
}

static bool kept(struct fixture *f)
{
	buf_clear(&f->document);
	return vault_write(&f->vault, SLICE("bee"), &f->arena, &f->document, &f->id);
}

/* ---- a turn ---- */

static struct turn *turn(struct fixture *f)
{
	return chat_add_turn(&f->chat, &f->arena, ROLE_ASSISTANT);
}

static struct part *add_call(struct fixture *f, struct turn *t, const char *id, const char *arguments)
{
	struct part *p = turn_add_part(t, &f->arena, PART_TOOL_CALL);

	p->call = arena_new(&f->arena, struct tool_call);
	p->call->id = slice_cstr(id);
	p->call->name = SLICE("find");
	p->call->arguments = slice_cstr(arguments);
	return p;
}

/* "r(text/state) t(text/state) c(id/state)" */
static struct slice shown(struct fixture *f, const struct turn *t)
{
	struct slice text = SLICE("");

	for (const struct part *p = t->parts; p; p = p->next)
		text = arena_printf(&f->arena, "%.*s%s%c(%.*s/%.*s%s)", SLICE_ARG(text), text.len ? " " : "",
				    p->kind == PART_REASONING ? 'r' : p->kind == PART_TEXT ? 't' : 'c',
				    SLICE_ARG(p->call ? p->call->id : p->text), SLICE_ARG(p->state.payload),
				    p->redacted ? "!" : "");
	return text;
}

static void assert_shown(struct fixture *f, const struct turn *t, const char *expected)
{
	struct slice text = shown(f, t);

	assert_string_equal(arena_cstr(&f->arena, text), expected);
}

/* ---- tests ---- */

static void test_there_and_back(void **state)
{
	struct fixture *f = *state;
	struct turn *t = turn(f);
	struct slice id;

	say(f, EVENT_REASONING, 0, "let me ");
	say(f, EVENT_REASONING, 0, "see");
	sign(f, 0, "S0", false);
	sign(f, 1, "S1", true);
	say(f, EVENT_TEXT, 2, "I look it up.");
	call(f, 3, "call_1", "{\"a\": 1, \"b\": \"\\u00e9\"}");
	sign(f, 3, "S3", false);
	say(f, EVENT_REASONING, 4, "and that");
	sign(f, 4, "S4", false);
	call(f, 5, "call_2", "{}");
	stop(f, STOP_TOOL_CALLS);
	assert_true(kept(f));

	turn_add_text(t, &f->arena, SLICE("I look it up."));
	add_call(f, t, "call_1", "{\"b\":\"é\",\"a\":1}");
	add_call(f, t, "call_2", "{}");
	id = vault_wanted(t, &f->arena);
	assert_true(slice_eq(id, f->id));
	assert_true(slice_eq(vault_provider(buf_slice(&f->document), &f->arena), SLICE("bee")));
	assert_true(vault_apply(t, buf_slice(&f->document), &f->arena));
	assert_shown(f, t, "r(let me see/S0) r(/S1!) t(I look it up./) c(call_1/S3) r(and that/S4) c(call_2/)");
	assert_true(slice_eq(t->parts->state.provider, SLICE("bee")));
	assert_int_equal(t->parts->state.dialect, DIALECT_ANTHROPIC);
	assert_ptr_equal(t->last->call->id.ptr, t->parts->next->next->next->next->next->call->id.ptr);
	/* Now it has what it needs. */
	assert_null(vault_wanted(t, &f->arena).ptr);
}

static void test_text_without_signature_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct turn *t = turn(f);

	say(f, EVENT_REASONING, 0, "hm");
	sign(f, 0, "S", false);
	call(f, 1, "c", "");
	stop(f, STOP_TOOL_CALLS);
	assert_true(kept(f));
	turn_add_part(t, &f->arena, PART_REASONING)->text = SLICE("hm");
	add_call(f, t, "c", "{}");
	assert_true(slice_eq(vault_wanted(t, &f->arena), f->id));
	assert_true(vault_apply(t, buf_slice(&f->document), &f->arena));
	assert_shown(f, t, "r(hm/S) c(c/)");
}

static void test_what_is_not_kept(void **state)
{
	struct fixture *f = *state;

	/* No calls. */
	say(f, EVENT_REASONING, 0, "hm");
	stop(f, STOP_END);
	assert_false(kept(f));
	/* Calls without anything that a provider wants back. */
	vault_turn_done(&f->vault);
	vault_turn_init(&f->vault, true);
	say(f, EVENT_TEXT, 0, "so");
	call(f, 1, "c", "{}");
	stop(f, STOP_TOOL_CALLS);
	assert_false(kept(f));
	/* Cut. */
	vault_turn_done(&f->vault);
	vault_turn_init(&f->vault, true);
	say(f, EVENT_REASONING, 0, "hm");
	call(f, 1, "c", "{}");
	assert_false(kept(f));
	/* Nobody wants it. */
	vault_turn_done(&f->vault);
	vault_turn_init(&f->vault, false);
	say(f, EVENT_REASONING, 0, "hm");
	call(f, 1, "c", "{}");
	stop(f, STOP_TOOL_CALLS);
	assert_false(kept(f));
}

static void test_too_much(void **state)
{
	struct fixture *f = *state;
	static char text[1 << 16];

	memset(text, 'x', sizeof(text) - 1);
	for (unsigned i = 0; i < 5; i++)
		say(f, EVENT_REASONING, 0, text);
	call(f, 1, "c", "{}");
	stop(f, STOP_TOOL_CALLS);
	assert_false(kept(f));
}

/* What is only said, or only a call's business, takes no room. */
static void test_long_but_little(void **state)
{
	struct fixture *f = *state;
	static char text[1 << 16];

	memset(text, 'x', sizeof(text) - 1);
	say(f, EVENT_REASONING, 0, "hm");
	for (unsigned i = 0; i < 5; i++)
		say(f, EVENT_TEXT, 1, text);
	call(f, 2, "c", "{}");
	call(f, 3, "d", text);
	for (unsigned i = 0; i < 5; i++)
		say(f, EVENT_TOOL_ARGUMENTS, 3, text);
	stop(f, STOP_TOOL_CALLS);
	assert_true(kept(f));
}

static void test_ids(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	static char longest[1000];
	struct slice id = vault_id(SLICE("c"), SLICE("find"), SLICE("{\"a\":[1,2.0,null],\"b\":{}}"), a), other;

	assert_true(slice_eq(
		id, vault_id(SLICE("c"), SLICE("find"), SLICE(" { \"b\" : {} , \"a\" : [1.0, 2, null] } "), a)));
	assert_false(slice_eq(id, vault_id(SLICE("c"), SLICE("find"), SLICE("{\"a\":[2,1,null],\"b\":{}}"), a)));
	assert_false(slice_eq(id, vault_id(SLICE("c"), SLICE("found"), SLICE("{\"a\":[1,2,null],\"b\":{}}"), a)));
	assert_false(slice_eq(id, vault_id(SLICE("d"), SLICE("find"), SLICE("{\"a\":[1,2,null],\"b\":{}}"), a)));
	/* Free text, and JSON that is none. */
	assert_false(slice_eq(vault_id(SLICE("c"), SLICE("x"), SLICE("{no"), a),
			      vault_id(SLICE("c"), SLICE("x"), SLICE("{on"), a)));
	assert_true(slice_eq(vault_id(SLICE("c"), SLICE("x"), SLICE("{}"), a),
			     vault_id(SLICE("c"), SLICE("x"), SLICE(""), a)));
	/* A value that swaps places with another of the same object. */
	assert_false(slice_eq(vault_id(SLICE("c"), SLICE("x"), SLICE("{\"a\":1,\"b\":2}"), a),
			      vault_id(SLICE("c"), SLICE("x"), SLICE("{\"a\":2,\"b\":1}"), a)));

	memset(longest, 'i', sizeof(longest));
	id = vault_id(slice_of(longest, sizeof(longest)), SLICE("x"), SLICE(""), a);
	longest[sizeof(longest) - 1] = 'j';
	other = vault_id(slice_of(longest, sizeof(longest)), SLICE("x"), SLICE(""), a);
	assert_true(id.len < 512);
	assert_false(slice_eq(id, other));
}

static void test_documents_of_others(void **state)
{
	struct fixture *f = *state;
	struct turn *t = turn(f);

	add_call(f, t, "c", "{}");
	assert_false(vault_apply(t, SLICE(""), &f->arena));
	assert_false(vault_apply(t, SLICE("{\"parts\":1}"), &f->arena));
	assert_false(vault_apply(t, SLICE("[]"), &f->arena));
	assert_null(vault_provider(SLICE("[1"), &f->arena).ptr);
	/* Calls that the client has cut out of the turn are no place for anything. */
	assert_true(
		vault_apply(t, SLICE("{\"parts\":[{\"kind\":\"call\",\"id\":\"gone\",\"state\":\"x\"}]}"), &f->arena));
	assert_shown(f, t, "c(c/)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_without_signature_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_but_little, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_documents_of_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
