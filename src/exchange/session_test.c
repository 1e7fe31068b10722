/* SPDX-License-Identifier: Apache-2.0 */
/* Every agent's session id is found where it stands, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "exchange/session.h"

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_done(&arena);
	return 0;
}

/* `headers`: "name: value" lines. */
static struct slice find(const char *headers, const char *body)
{
	struct json_doc *doc = arena_new(&arena, struct json_doc);
	struct slice rest = slice_cstr(headers);
	struct headers h = { 0 };
	struct json_error error;
	unsigned room = 0;

	while (rest.len > 0) {
		struct slice line = slice_next_token(&rest, '\n');
		struct slice name = slice_next_token(&line, ':');

		assert_true(headers_add(&h, &room, &arena, name, line));
	}
	assert_true(json_parse(&arena, slice_cstr(body), doc, &error));
	return session_find(&h, json_root(doc), &arena);
}

static const struct {
	const char *label, *headers, *body, *session;
} cases[] = {
	{ "nobody says one", "user-agent: curl", "{\"model\":\"m\"}", "" },
	{ "claude code", "x-claude-code-session-id: 1f0e", "{}", "1f0e" },
	{ "claude code, body", "", "{\"metadata\":{\"user_id\":\"user_ab_account__session_1f0e-77\"}}", "1f0e-77" },
	{ "claude code, object in body", "",
	  "{\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"d\\\",\\\"account_uuid\\\":\\\"\\\",\\\"session_id\\\":\\\"s-9\\\"}\"}}", "s-9" },
	{ "its header before its member", "x-claude-code-session-id: h",
	  "{\"metadata\":{\"user_id\":\"user_ab_account__session_b\"}}", "h" },
	{ "a user id of another's", "", "{\"metadata\":{\"user_id\":\"user-17\"}}", "" },
	{ "a user id that only holds the word", "", "{\"metadata\":{\"user_id\":\"bob_session_1\"}}", "" },
	{ "a user id with nothing behind it", "", "{\"metadata\":{\"user_id\":\"user_a_session_\"}}", "" },
	{ "a broken object", "", "{\"metadata\":{\"user_id\":\"{\\\"session_id\\\":\\\"s\\\"\"}}", "" },
	{ "an object without one", "", "{\"metadata\":{\"user_id\":\"{}\"}}", "" },
	{ "no text in it", "", "{\"metadata\":{\"user_id\":\"{\\\"session_id\\\":7}\"}}", "" },
	{ "metadata of OpenAI's", "", "{\"metadata\":{\"topic\":\"x\"}}", "" },
	{ "metadata is no object", "", "{\"metadata\":[\"user_id\"]}", "" },
	{ "user id is no text", "", "{\"metadata\":{\"user_id\":[1]}}", "" },
	{ "codex", "session-id: 0199-c", "{}", "0199-c" },
	{ "codex before 0.149", "session_id: 0199-b", "{\"prompt_cache_key\":\"0199-b\"}", "0199-b" },
	{ "codex without headers", "", "{\"prompt_cache_key\":\"0199-d\"}", "0199-d" },
	{ "opencode, own provider", "x-opencode-session: ses_1", "{}", "ses_1" },
	{ "opencode, crush", "x-session-affinity: ses_2\nx-session-id: ses_2", "{}", "ses_2" },
	{ "goose", "agent-session-id: 20261120_3", "{}", "20261120_3" },
	{ "kilo code", "x-kilocode-taskid: t-4", "{}", "t-4" },
	{ "copilot cli", "x-client-session-id: c-5", "{}", "c-5" },
	{ "openrouter's member before its header", "x-session-id: header", "{\"session_id\":\"member\"}", "member" },
	{ "openrouter's header", "x-session-id: header", "{}", "header" },
	{ "a conversation", "", "{\"conversation\":\"conv_1\"}", "conv_1" },
	{ "a conversation as an object", "", "{\"conversation\":{\"id\":\"conv_2\"}}", "conv_2" },
	{ "a conversation before a cache key", "", "{\"conversation\":\"conv_1\",\"prompt_cache_key\":\"k\"}", "conv_1" },
	{ "an empty one is none", "x-session-id: \nx-session-affinity:", "{\"session_id\":\" \",\"prompt_cache_key\":\"k\"}", "k" },
	{ "null is none", "", "{\"session_id\":null,\"conversation\":null,\"prompt_cache_key\":null}", "" },
	{ "no object", "", "[\"session_id\"]", "" },
	{ "nothing is parsed of a body that is text", "", "\"session_id\"", "" },
};

static void test_table(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct slice found = find(cases[i].headers, cases[i].body);

		if (!slice_eq(found, slice_cstr(cases[i].session)))
			fail_msg("%s: '%.*s'", cases[i].label, SLICE_ARG(found));
	}
}

static void test_without_a_body(void **state)
{
	struct headers none = { 0 };

	assert_int_equal(session_find(&none, (struct json){ 0 }, &arena).len, 0);
}

static void test_long_ones_stay_apart(void **state)
{
	char one[SESSION_MAX + 1], two[SESSION_MAX + 1];
	struct slice first, second;

	memset(one, 'a', sizeof one);
	memset(two, 'a', sizeof two);
	two[SESSION_MAX] = 'b';
	first = session_bound(slice_of(one, sizeof one), &arena);
	second = session_bound(slice_of(two, sizeof two), &arena);
	assert_true(slice_starts_with(first, SLICE("sha256-")));
	assert_int_equal(first.len, 7 + 32);
	assert_false(slice_eq(first, second));
	assert_true(slice_eq(first, session_bound(slice_of(one, sizeof one), &arena)));
	assert_int_equal(session_bound(slice_of(one, SESSION_MAX), &arena).len, SESSION_MAX);
}

static void test_a_huge_user_id_is_not_looked_into(void **state)
{
	struct buf body;

	buf_init(&body, 2 * SESSION_USER_MAX);
	assert_true(buf_append_slice(&body, SLICE("{\"metadata\":{\"user_id\":\"user_")));
	for (unsigned i = 0; i < SESSION_USER_MAX; i++)
		assert_true(buf_append_slice(&body, SLICE("x")));
	assert_true(buf_append_slice(&body, SLICE("_session_1\"}}")));
	assert_true(buf_append(&body, "", 1));
	assert_int_equal(find("", buf_slice(&body).ptr).len, 0);
	buf_done(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_a_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_ones_stay_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_huge_user_id_is_not_looked_into, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
