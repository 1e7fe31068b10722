/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the table of endpoints: each declares its plane, who may call it and what follows, and each path finds its own row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "exchange/endpoint.h"
#include "exchange/metrics.h"

static void test_every_row_declares_its_policy(void **state)
{
	assert_true(endpoint_count <= METRICS_ENDPOINTS_MAX);
	for (unsigned i = 0; i < endpoint_count; i++) {
		const struct endpoint *e = &endpoints[i];
		enum endpoint_auth by_plane = e->plane == PLANE_ADMIN ? AUTH_ADMIN : AUTH_KEY;

		/* Only liveness is open; each plane has its own credential. */
		assert_int_equal(e->auth, e->local == LOCAL_HEALTH ? AUTH_OPEN : e->local == LOCAL_ROOT ? AUTH_ANYONE : by_plane);
		if (e->plane == PLANE_ADMIN)
			assert_int_equal(e->kind, ENDPOINT_LOCAL);
		if (e->kind == ENDPOINT_LOCAL)
			assert_int_not_equal(e->local, LOCAL_NONE);
		if (e->kind == ENDPOINT_MODEL) {
			assert_non_null(dialect_by_id(e->dialect));
			assert_string_equal(e->methods, "POST");
		}
	}
}

/* A concrete path for a pattern. */
static struct slice example_of(const char *pattern, char out[static 256])
{
	struct slice p = slice_cstr(pattern);
	size_t brace = slice_find(p, SLICE("{id}"));

	if (brace != SIZE_MAX)
		snprintf(out, 256, "%.*ssome-model%s", (int)brace, pattern, pattern + brace + 4);
	else if (p.ptr[p.len - 1] == '*')
		snprintf(out, 256, "%.*sanything/below", (int)p.len - 1, pattern);
	else
		snprintf(out, 256, "%s", pattern);
	return slice_cstr(out);
}

static enum http_method first_method(const char *methods)
{
	return strncmp(methods, "GET", 3) == 0 ? HTTP_GET : HTTP_POST;
}

static void test_every_path_finds_its_row(void **state)
{
	for (unsigned i = 0; i < endpoint_count; i++) {
		char text[256];
		struct endpoint_match match = endpoint_find(endpoints[i].plane, first_method(endpoints[i].methods), example_of(endpoints[i].pattern, text));

		assert_ptr_equal(match.endpoint, &endpoints[i]);
		assert_false(match.wrong_method);
	}
}

static void test_planes_do_not_mix(void **state)
{
	assert_null(endpoint_find(PLANE_DATA, HTTP_GET, SLICE("/metrics")).endpoint);
	assert_null(endpoint_find(PLANE_DATA, HTTP_GET, SLICE("/readyz")).endpoint);
	assert_null(endpoint_find(PLANE_ADMIN, HTTP_POST, SLICE("/v1/chat/completions")).endpoint);
}

static void test_methods(void **state)
{
	struct endpoint_match match = endpoint_find(PLANE_DATA, HTTP_GET, SLICE("/v1/chat/completions"));

	assert_true(match.wrong_method);
	assert_string_equal(match.endpoint->methods, "POST");
	assert_true(endpoint_find(PLANE_DATA, HTTP_DELETE, SLICE("/v1/models")).wrong_method);
}

/* PRODUCT §4: the id is everything up to the last colon followed by a known verb. */
static void test_ids(void **state)
{
	static const struct { const char *path, *pattern, *id; } cases[] = {
		{ "/v1beta/models/gemini-3-flash:generateContent", "/v1beta/models/{id}:generateContent", "gemini-3-flash" },
		{ "/v1beta/models/a:b:streamGenerateContent", "/v1beta/models/{id}:streamGenerateContent", "a:b" },
		{ "/v1beta/models/x:generateContent:countTokens", "/v1beta/models/{id}:countTokens", "x:generateContent" },
		{ "/v1/models/org%2Fname", "/v1/models/{id}", "org%2Fname" },
		{ "/v1/models/org/name", "/v1/models/{id}", "org/name" },
		{ "/v1beta/models/qwen3%3A8b:generateContent", "/v1beta/models/{id}:generateContent", "qwen3%3A8b" },
		{ "/model/us.anthropic.claude-v1%3A0/converse-stream", "/model/{id}/converse-stream", "us.anthropic.claude-v1%3A0" },
		{ "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/converse", "/model/{id}/converse",
		  "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx" },
		{ "/model/arn:aws:bedrock:us-east-1:1:inference-profile/x/converse", "/model/{id}/converse",
		  "arn:aws:bedrock:us-east-1:1:inference-profile/x" },
		{ "/model/anthropic.claude:0/converse", "/model/{id}/converse", "anthropic.claude:0" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct endpoint_match match = endpoint_find(
			PLANE_DATA,
			strstr(cases[i].path, ":") || strstr(cases[i].pattern, "/model/") ? HTTP_POST : HTTP_GET,
			slice_cstr(cases[i].path));

		assert_non_null(match.endpoint);
		assert_string_equal(match.endpoint->pattern, cases[i].pattern);
		assert_true(slice_eq(match.id, slice_cstr(cases[i].id)));
	}
}

static void test_unknown_paths(void **state)
{
	static const char *const paths[] = { "/v1", "/v1/chat", "/v1/chat/completions/", "/V1/chat/completions", "/v1/models/" };

	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_null(endpoint_find(PLANE_DATA, HTTP_POST, slice_cstr(paths[i])).endpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_declares_its_policy), cmocka_unit_test(test_every_path_finds_its_row),
		cmocka_unit_test(test_planes_do_not_mix), cmocka_unit_test(test_methods), cmocka_unit_test(test_ids),
		cmocka_unit_test(test_unknown_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
