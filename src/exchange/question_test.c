/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked: what of a request is read from where, and what is wrong with a question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange/question.h"

static const char text[] = "keys: [ { name: alice, key: wk-alice-0123456789 } ]\n"
			   "providers:\n"
			   "  a: { dialect: openai-chat, base_url: 'http://127.0.0.1:9/v1', keys: [sk-a], models: { m: m } }\n";

static struct arena arena;
static struct config *config;
static struct config_report report;

static int set_up(void **state)
{
	config = config_parse(slice_of(text, sizeof(text) - 1), "weir.yaml", &report);
	for (unsigned i = 0; !config && i < report.count; i++)
		print_message("%.*s\n", SLICE_ARG(report.problems[i].text));
	return config ? 0 : -1;
}

static int tear_down(void **state)
{
	config_unref(config);
	config_report_done(&report);
	arena_done(&arena);
	return 0;
}

static bool read_question(const char *question, struct question *q, struct failure *reterr)
{
	struct json_doc *doc = arena_new(&arena, struct json_doc);
	struct json_error error;

	assert_true(json_parse(&arena, slice_cstr(question), doc, &error));
	return question_read(json_root(doc), config, &arena, q, reterr);
}

static void what_matters_of_a_request(void **state)
{
	struct failure refusal;
	struct question q;

	assert_true(read_question("{\"model\":\"m\",\"dialect\":\"anthropic\",\"operation\":\"count_tokens\",\"stream\":true,\"prompt_tokens\":5,"
				  "\"max_output\":7,\"needs\":\"tools, images\",\"only\":[\"a\",\"b\"],\"key\":\"alice\",\"user\":\"u\","
				  "\"session\":\"s\",\"tags\":[\"x\",\"y\"],\"headers\":{\"X-Lane\":\"fast\"},\"hour\":23}",
				  &q, &refusal));
	assert_true(slice_eq(q.query.model, SLICE("m")));
	assert_int_equal(q.query.dialect, DIALECT_ANTHROPIC);
	assert_int_equal(q.query.operation, OPERATION_COUNT_TOKENS);
	assert_true(q.query.stream);
	assert_int_equal(q.query.prompt_tokens(q.query.ctx), 5);
	assert_int_equal(q.query.max_output, 7);
	assert_int_equal(q.query.needs, NEEDS_TOOLS | NEEDS_IMAGES);
	assert_true(slice_eq(q.query.only, SLICE("a,b")));
	assert_true(slice_eq(q.query.caller.key, SLICE("alice")));
	assert_true(slice_eq(q.query.caller.user, SLICE("u")));
	assert_true(slice_eq(q.query.caller.session, SLICE("s")));
	assert_true(slice_eq(q.query.caller.tags, SLICE("x,y")));
	assert_true(slice_eq(headers_get(q.query.caller.headers, SLICE("x-lane")), SLICE("fast")));
	assert_int_equal(q.query.caller.hour, 23);
}

static void a_whole_request(void **state)
{
	struct failure refusal;
	struct question q;

	assert_true(read_question("{\"endpoint\":\"/v1/messages?beta=true\",\"headers\":{\"x-weir-tags\":\"t\",\"x-weir-session\":\"s\"},\"body\":"
				  "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
				  "\"messages\":[{\"role\":\"user\",\"content\":\"Hello there\"}]}}", &q, &refusal));
	assert_int_equal(q.query.dialect, DIALECT_ANTHROPIC);
	assert_int_equal(q.query.max_output, 9);
	assert_true(q.query.stream);
	assert_int_equal(q.query.needs, NEEDS_TOOLS);
	assert_true(slice_eq(q.query.caller.tags, SLICE("t")));
	assert_true(slice_eq(q.query.caller.session, SLICE("s")));
	assert_in_range(q.query.prompt_tokens(q.query.ctx), 1, 100);
	assert_non_null(q.query.chat(q.query.ctx));
	assert_int_equal(q.query.conversation(q.query.ctx), q.query.conversation(q.query.ctx));
}

static void the_model_of_a_path(void **state)
{
	struct failure refusal;
	struct question q;

	assert_true(read_question("{\"endpoint\":\"/v1beta/models/m:streamGenerateContent\",\"body\":{\"contents\":[]}}", &q, &refusal));
	assert_true(slice_eq(q.query.model, SLICE("m")));
	assert_true(q.query.stream);
	assert_true(read_question("{\"dialect\":\"gemini\",\"model\":\"m\",\"body\":{\"contents\":[]}}", &q, &refusal));
	assert_true(slice_eq(q.query.model, SLICE("m")));
	assert_int_equal(q.query.dialect, DIALECT_GEMINI);
	assert_false(q.query.stream);
}

static void what_is_wrong(void **state)
{
	static const struct { const char *question, *said; } cases[] = {
		{ "[]", "a question is a JSON object" },
		{ "{}", "model is needed" },
		{ "{\"modle\":\"m\"}", "did you mean 'model'?" },
		{ "{\"model\":\"m\",\"model\":\"m\"}", "more than once" },
		{ "{\"model\":7}", "model must be a string" },
		{ "{\"model\":\"m\",\"dialect\":\"latin\"}", "dialect does not know 'latin'" },
		{ "{\"model\":\"m\",\"operation\":\"sing\"}", "operation does not know 'sing'" },
		{ "{\"model\":\"m\",\"needs\":[\"luck\"]}", "needs does not know 'luck'" },
		{ "{\"model\":\"m\",\"needs\":[1]}", "needs must be a list of strings" },
		{ "{\"model\":\"m\",\"stream\":\"yes\"}", "stream must be true or false" },
		{ "{\"model\":\"m\",\"hour\":24}", "hour must be a whole number from 0 to 23" },
		{ "{\"model\":\"m\",\"prompt_tokens\":-1}", "prompt_tokens must be" },
		{ "{\"model\":\"m\",\"headers\":{\"a\":1}}", "headers must be an object of strings" },
		{ "{\"model\":\"m\",\"key\":\"bob\"}", "no key of the configuration is called 'bob'" },
		{ "{\"endpoint\":\"/v1/nothing\",\"body\":{}}", "endpoint must be a path" },
		{ "{\"endpoint\":\"/v1/models\",\"body\":{}}", "endpoint must be a path" },
		{ "{\"endpoint\":\"/v1/messages\",\"body\":[]}", "body must be" },
		{ "{\"endpoint\":\"/v1/messages\",\"body\":{}}", "model" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct failure refusal;
		struct question q;

		if (read_question(cases[i].question, &q, &refusal))
			fail_msg("%s is taken", cases[i].question);
		assert_int_equal(refusal.kind, FAILURE_BAD_REQUEST);
		if (!strstr(refusal.message, cases[i].said))
			fail_msg("%s: %s", cases[i].question, refusal.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matters_of_a_request), cmocka_unit_test(a_whole_request), cmocka_unit_test(the_model_of_a_path),
		cmocka_unit_test(what_is_wrong),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
