/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by AWS's published test suite (aws-sig-v4-test-suite: its keys, its time, its service), and the headers that
 * each kind of credential becomes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "provider/auth.h"
#include "provider/auth_sigv4.h"
#include "provider/token_internal.h"

enum { SUITE_TIME = 1440938160 };      /* 20150830T123600Z */

#define SUITE_KEY "AKIDEXAMPLE"
#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_START "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
#define HEADER(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } }
#define HOST HEADER("host", "example.amazonaws.com")
#define DATE HEADER("x-amz-date", "20150830T123600Z")

static const struct {
	const char *name;
	enum http_method method;
	const char *path, *query;
	struct header headers[6];
	const char *body;
	const char *signed_headers, *signature;
} suite[] = {
	{ "get-vanilla", HTTP_GET, "/", "", { HOST, DATE }, "", "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-vanilla-query-order-key-case", HTTP_GET, "/", "Param2=value2&Param1=value1", { HOST, DATE }, "", "host;x-amz-date",
	  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-query-unreserved", HTTP_GET, "/",
	  "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
	  "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	  { HOST, DATE }, "", "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
	{ "get-utf8", HTTP_GET, "/\u1234", "", { HOST, DATE }, "", "host;x-amz-date",
	  "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-header-key-duplicate", HTTP_GET, "/", "",
	  { HOST, HEADER("my-header1", "value2"), HEADER("my-header1", "value2"), HEADER("my-header1", "value1"), DATE }, "",
	  "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "get-header-value-trim", HTTP_GET, "/", "",
	  { HOST, HEADER("my-header1", " value1"), HEADER("my-header2", " \"a   b   c\""), DATE }, "",
	  "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "post-vanilla", HTTP_POST, "/", "", { HOST, DATE }, "", "host;x-amz-date",
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "post-x-www-form-urlencoded", HTTP_POST, "/", "",
	  { HEADER("content-type", "application/x-www-form-urlencoded"), HOST, DATE }, "Param1=value1",
	  "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-sts-header-after", HTTP_POST, "/", "", { HOST, DATE }, "", "host;x-amz-date",
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
};

static void test_published_vectors(void **state)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(suite); i++) {
		struct slice body = slice_cstr(suite[i].body);
		struct sigv4_request r = {
			.method = suite[i].method, .path = slice_cstr(suite[i].path), .query = slice_cstr(suite[i].query),
			.headers = suite[i].headers, .body = &body, .body_count = 1,
			.region = SLICE("us-east-1"), .service = SLICE("service"), .unix_seconds = SUITE_TIME,
		};
		struct slice expected = arena_printf(&a, SUITE_START "%s, Signature=%s", suite[i].signed_headers, suite[i].signature);
		struct slice got;

		while (r.header_count < COUNT_OF(suite[i].headers) && suite[i].headers[r.header_count].name.ptr)
			r.header_count++;
		got = sigv4_authorization(&r, SLICE(SUITE_KEY), SLICE(SUITE_SECRET), &a);
		if (!slice_eq(got, expected))
			fail_msg("%s:\n%.*s\n%.*s", suite[i].name, SLICE_ARG(got), SLICE_ARG(expected));
	}
}

static struct slice signature_of(struct arena *a, const char *path, const struct slice *body, unsigned body_count)
{
	static const struct header headers[] = { HOST, DATE };
	struct sigv4_request r = {
		.method = HTTP_POST, .path = slice_cstr(path), .headers = headers, .header_count = 2,
		.body = body, .body_count = body_count, .region = SLICE("us-east-1"), .service = SLICE("bedrock"),
		.unix_seconds = SUITE_TIME,
	};

	return sigv4_authorization(&r, SLICE(SUITE_KEY), SLICE(SUITE_SECRET), a);
}

/* Computed by an implementation of its own (hashlib and hmac) from the canonical request of DIALECTS.md §9.3, whose path
 * is /model/anthropic.claude-x-v1%253A0/converse. */
static void test_model_ids_with_colons_are_encoded_twice(void **state)
{
	_cleanup_(arena_done) struct arena a;
	struct slice whole = SLICE("{\"messages\":[]}"), pieces[] = { SLICE("{\"mess"), SLICE(""), SLICE("ages\":[]}") };
	struct slice got;

	arena_init(&a);
	got = signature_of(&a, "/model/anthropic.claude-x-v1%3A0/converse", &whole, 1);
	assert_true(slice_ends_with(got, SLICE("Signature=d8121a1823eae2f6ef297ff916d19f6e41a987dee9ef1d7c10b3d8a8a8f8c3c0")));
	assert_true(slice_eq(got, signature_of(&a, "/model/anthropic.claude-x-v1%3A0/converse", pieces, 3)));
	assert_false(slice_eq(got, signature_of(&a, "/model/anthropic.claude-x-v1:0/converse", &whole, 1)));
}

/* ---- headers ---- */

struct fixture {
	struct arena arena;
	struct binding binding;
	struct credential key;
	struct auth_request request;
	struct header headers[AUTH_HEADERS_MAX];
};

static void fixture_init(struct fixture *f, enum auth_kind kind)
{
	static const struct header sent[] = { HEADER("content-type", "application/json"), HEADER("x-amzn-bedrock-trace", "ENABLED") };
	const char *error;

	*f = (struct fixture){ .binding = { .auth = kind, .auth_header = SLICE("x-api-key"), .auth_scope = SLICE("bedrock"),
					    .auth_region = SLICE("eu-west-1") } };
	arena_init(&f->arena);
	assert_true(url_parse(&f->arena, SLICE("https://bedrock-runtime.eu-west-1.amazonaws.com"), &f->binding.base, &error));
	f->request = (struct auth_request){ .binding = &f->binding, .key = &f->key, .method = HTTP_POST,
					    .target = SLICE("/model/x%3A0/converse?a=b"), .headers = sent, .header_count = 2,
					    .unix_seconds = SUITE_TIME };
}

static void fixture_done(struct fixture *f)
{
	f->key.secret = secret_free(f->key.secret);
	arena_done(&f->arena);
}

static void check_key(enum auth_kind kind, const char *name, const char *value)
{
	struct fixture f;

	fixture_init(&f, kind);
	/* A provider that takes no credential gets none, whatever its kind. */
	assert_int_equal(auth_write(&f.request, f.headers, &f.arena), 0);
	f.key.secret = secret_new(SLICE("sk-test"));
	assert_int_equal(auth_write(&f.request, f.headers, &f.arena), *name ? 1 : 0);
	if (*name) {
		assert_true(slice_eq(f.headers[0].name, slice_cstr(name)));
		assert_true(slice_eq(f.headers[0].value, slice_cstr(value)));
	}
	fixture_done(&f);
}

static void test_keys_are_one_header(void **state)
{
	check_key(AUTH_NONE, "", "");
	check_key(AUTH_BEARER, "authorization", "Bearer sk-test");
	check_key(AUTH_HEADER, "x-api-key", "sk-test");
	check_key(AUTH_SIGV4, "authorization", "Bearer sk-test");
	check_key(AUTH_GOOGLE, "x-goog-api-key", "sk-test");
	check_key(AUTH_AZURE, "api-key", "sk-test");
}

static void check_token(enum auth_kind kind, const char *project)
{
	struct fixture f;
	struct token *t = token_new(SLICE("ya29.token"));

	fixture_init(&f, kind);
	t->quota_project = project ? xstrdup(project) : NULL;
	f.request.token = t;
	assert_int_equal(auth_write(&f.request, f.headers, &f.arena), project ? 2 : 1);
	assert_true(slice_eq(f.headers[0].name, SLICE("authorization")));
	assert_true(slice_eq(f.headers[0].value, SLICE("Bearer ya29.token")));
	if (project) {
		assert_true(slice_eq(f.headers[1].name, SLICE("x-goog-user-project")));
		assert_true(slice_eq(f.headers[1].value, slice_cstr(project)));
	}
	token_unref(t);
	fixture_done(&f);
}

static void test_tokens_are_bearers(void **state)
{
	check_token(AUTH_GOOGLE, NULL);
	check_token(AUTH_GOOGLE, "billed-1");
	check_token(AUTH_AZURE, NULL);
}

static void test_aws_keys_sign(void **state)
{
	struct fixture f;
	struct token *t = token_new(SLICE(SUITE_SECRET));

	fixture_init(&f, AUTH_SIGV4);
	t->key_id = xstrdup(SUITE_KEY);
	t->session = secret_new(SLICE("session=="));
	f.request.token = t;
	assert_int_equal(auth_write(&f.request, f.headers, &f.arena), 3);
	assert_true(slice_eq(f.headers[0].name, SLICE("x-amz-date")));
	assert_true(slice_eq(f.headers[0].value, SLICE("20150830T123600Z")));
	assert_true(slice_eq(f.headers[1].name, SLICE("x-amz-security-token")));
	assert_true(slice_eq(f.headers[1].value, SLICE("session==")));
	assert_true(slice_eq(f.headers[2].name, SLICE("authorization")));
	assert_true(slice_starts_with(f.headers[2].value,
				      SLICE("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request, "
					    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=")));
	token_unref(t);
	fixture_done(&f);
}

static void test_stale_is_what_a_fresh_token_may_cure(void **state)
{
	struct binding google = { .auth = AUTH_GOOGLE }, aws = { .auth = AUTH_SIGV4 }, plain = { .auth = AUTH_BEARER };
	struct failure f = { .status = 401 };

	assert_true(auth_is_stale(&google, &f));
	assert_false(auth_is_stale(&plain, &f));
	f = (struct failure){ .status = 403 };
	assert_false(auth_is_stale(&aws, &f));
	failure_copy_text(f.type, sizeof(f.type), SLICE("AccessDeniedException"));
	assert_false(auth_is_stale(&aws, &f));
	failure_copy_text(f.type, sizeof(f.type), SLICE("ExpiredTokenException"));
	assert_true(auth_is_stale(&aws, &f));
	f.status = 400;
	assert_false(auth_is_stale(&aws, &f));
}

static void test_region_of_a_host(void **state)
{
	static const struct { const char *host, *region; } cases[] = {
		{ "bedrock-runtime.us-east-1.amazonaws.com", "us-east-1" },
		{ "bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1" },
		{ "bedrock-runtime.us-gov-west-1.api.aws", "us-gov-west-1" },
		{ "vpce-0a1b-2c3d4e5f.bedrock-runtime.ap-southeast-12.vpce.amazonaws.com", "ap-southeast-12" },
		{ "bedrock-runtime-fips.ca-central-1.amazonaws.com", "ca-central-1" },
		{ "127.0.0.1", "" }, { "localhost", "" }, { "my-proxy-1x.example", "" }, { "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_true(slice_eq(auth_region_of_host(slice_cstr(cases[i].host)), slice_cstr(cases[i].region)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_model_ids_with_colons_are_encoded_twice),
		cmocka_unit_test(test_keys_are_one_header),
		cmocka_unit_test(test_tokens_are_bearers),
		cmocka_unit_test(test_aws_keys_sign),
		cmocka_unit_test(test_stale_is_what_a_fresh_token_may_cure),
		cmocka_unit_test(test_region_of_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
