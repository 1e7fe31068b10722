/* SPDX-License-Identifier: Apache-2.0 */
/* Error bodies of every shape in DIALECTS §6.1, and what they are taken for. */
#include "dialect/dialect_test.h"

static struct failure read_failure(int status, const char *body)
{
	struct failure f;
	struct arena a;
	arena_init(&a);
	dialect_anthropic.read_failure(status, slice_cstr(body), &a, &f);
	arena_done(&a);
	if (status >= 400)
		assert_int_equal(f.status, status);
	return f;
}

static void assert_parts(int status, const char *body, const char *message, const char *type, const char *code, const char *param)
{
	struct failure f = read_failure(status, body);
	assert_string_equal(f.message, message);
	assert_string_equal(f.type, type);
	assert_string_equal(f.code, code);
	assert_string_equal(f.param, param);
}

static void test_shapes(void **state)
{
	assert_parts(400, "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}", "m", "t", "c", "p");
	assert_parts(400, "{\"error\":{\"message\":\"m\",\"type\":null,\"param\":null,\"code\":null}}", "m", "", "", "");
	assert_parts(400, "{\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"m\"},\"request_id\":\"r\"}", "m", "t", "", "");
	assert_parts(429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\",\"details\":{\"error_code\":\"e\"}}}",
		     "m", "rate_limit_error", "e", "");
	assert_parts(503, "[{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}]", "m", "UNAVAILABLE", "", "");
	assert_parts(400, "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
		     "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"R\"}]}}", "m", "INVALID_ARGUMENT", "R", "");
	assert_parts(500, "{\"error\":\"m\"}", "m", "", "", "");                                          /* Ollama */
	assert_parts(400, "{\"code\":\"c\",\"error\":\"m\"}", "m", "", "c", "");                          /* xAI */
	assert_parts(429, "{\"error\":\"Too Many Requests\",\"message\":\"m\"}", "m", "Too Many Requests", "", ""); /* Fireworks */
	assert_parts(400, "{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}", "m", "t", "c", "p"); /* Cerebras */
	assert_parts(400, "{\"object\":\"error\",\"message\":{\"detail\":[{\"msg\":\"m\"}]},\"type\":\"t\"}", "m", "t", "", ""); /* Mistral */
	assert_parts(403, "{\"Message\":\"m\",\"__type\":\"AccessDeniedException\"}", "m", "AccessDeniedException", "", "");   /* Bedrock */
	assert_parts(400, "{\"detail\":\"m\"}", "m", "", "", "");                                         /* Voyage */
	assert_parts(422, "{\"detail\":[{\"type\":\"x\",\"loc\":[\"body\",\"store\"],\"msg\":\"no\"}]}", "[\"body\",\"store\"]: no", "", "", "");
	assert_parts(400, "{\"success\":false,\"errors\":[{\"code\":7,\"message\":\"m\"}]}", "m", "", "", ""); /* Cloudflare */
	assert_parts(402, "{\"error\":{\"code\":402,\"message\":\"m\"},\"user_id\":\"u\"}", "m", "", "402", ""); /* OpenRouter */
	assert_parts(400, "{\"error\":{\"message\":\"Provider returned error\",\"code\":400,\"metadata\":{\"raw\":\"why\"}}}",
		     "Provider returned error: why", "", "400", "");
	assert_parts(401, "{\"statusCode\":401,\"message\":\"m\"}", "m", "", "", "");                     /* APIM */
	assert_parts(500, "\"m\"", "m", "", "", "");
	assert_parts(500, "upstream connect error", "upstream connect error", "", "", "");
	assert_parts(502, "<html>\r\n<head><title>502 Bad Gateway</title></head>", "502 Bad Gateway", "", "", "");
	assert_parts(500, "{\"unfinished\":", "{\"unfinished\":", "", "", "");
}

static void test_nothing_said(void **state)
{
	static const char *const bodies[] = { "", "  \r\n", "null", "[]", "{}", "[[]]", "{\"error\":null}", "<html></html>", "{\"error\":{}}" };
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct failure f = read_failure(500, bodies[i]);
		assert_int_equal(f.kind, FAILURE_SERVER);
		assert_string_equal(f.message, "the provider gave no reason for its error");
	}
}

static void test_kinds(void **state)
{
	static const struct {
		int status;
		enum failure_kind kind;
		const char *body;
	} cases[] = {
		/* by status alone */
		{ 400, FAILURE_REQUEST, "" }, { 401, FAILURE_CREDENTIALS, "" }, { 402, FAILURE_CREDENTIALS, "" },
		{ 403, FAILURE_CREDENTIALS, "" }, { 408, FAILURE_SERVER, "" }, { 409, FAILURE_SERVER, "" }, { 413, FAILURE_REQUEST, "" },
		{ 415, FAILURE_REQUEST, "" }, { 422, FAILURE_REQUEST, "" }, { 424, FAILURE_SERVER, "" }, { 429, FAILURE_RATE_LIMITED, "" },
		{ 498, FAILURE_OVERLOADED, "" }, { 500, FAILURE_SERVER, "" }, { 502, FAILURE_SERVER, "<html>" }, { 503, FAILURE_SERVER, "" },
		{ 524, FAILURE_SERVER, "" }, { 529, FAILURE_OVERLOADED, "" },
		/* what is not there */
		{ 404, FAILURE_MALFORMED, "" }, { 404, FAILURE_MALFORMED, "<html><title>404 Not Found</title>" },
		{ 404, FAILURE_MALFORMED, "{\"detail\":\"Not Found\"}" },
		{ 404, FAILURE_MALFORMED, "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}" },
		{ 404, FAILURE_MODEL_UNKNOWN, "{\"error\":{\"message\":\"The model `x` does not exist\",\"code\":\"model_not_found\"}}" },
		{ 404, FAILURE_MODEL_UNKNOWN, "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"model: claude-x\"}}" },
		{ 404, FAILURE_MODEL_UNKNOWN, "{\"error\":{\"code\":404,\"message\":\"models/x is not found for API version\",\"status\":\"NOT_FOUND\"}}" },
		{ 404, FAILURE_MODEL_UNKNOWN, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API deployment does not exist\"}}" },
		{ 404, FAILURE_MODEL_UNKNOWN, "{\"error\":{\"code\":404,\"message\":\"No endpoints found that support tool use.\"}}" },
		{ 404, FAILURE_REQUEST, "{\"error\":{\"message\":\"Response with id 'resp_1' not found.\"}}" },
		{ 404, FAILURE_REQUEST, "{\"error\":{\"code\":404,\"message\":\"Not found: cache content metadata 8.\",\"status\":\"NOT_FOUND\"}}" },
		{ 400, FAILURE_MODEL_UNKNOWN, "{\"message\":\"Invalid model: x\",\"type\":\"invalid_model\",\"code\":\"1500\"}" },
		{ 400, FAILURE_MODEL_UNKNOWN, "{\"error\":{\"message\":\"x is not a valid model ID\",\"code\":400}}" },
		{ 400, FAILURE_REQUEST, "{\"error\":{\"message\":\"Previous response with id 'r' not found.\",\"code\":\"previous_response_not_found\"}}" },
		/* context length */
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"message\":\"prompt is too long: 3333404 tokens > 200000 maximum\"}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"message\":\"The input token count (2) exceeds the maximum number of tokens allowed (1)\"}}" },
		{ 413, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"type\":\"request_too_large\",\"message\":\"m\"}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"message\":\"m\",\"type\":\"exceed_context_size_error\",\"code\":400}}" },
		{ 500, FAILURE_CONTEXT_LENGTH, "the request exceeds the available context size" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"code\":400,\"message\":\"m\",\"metadata\":{\"error_type\":\"max_tokens_exceeded\"}}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"code\":400,\"message\":\"m\",\"metadata\":{\"error_type\":\"string_too_long\"}}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":{\"message\":\"Invalid 'input': string too long. Expected a string with maximum length 9\"}}" },
		{ 400, FAILURE_REQUEST, "{\"error\":{\"message\":\"Invalid 'user': string too long. Expected a string with maximum length 9\","
		  "\"code\":\"string_above_max_length\"}}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"message\":\"Malformed input request: expected maxLength: 9, actual: 10\"}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":\"the input length exceeds the context length\"}" },
		{ 400, FAILURE_CONTEXT_LENGTH, "{\"error\":\"prompt too long; exceeded max context length by 4 tokens\"}" },
		{ 422, FAILURE_CONTEXT_LENGTH, "{\"error\":\"`inputs` must have less than 9 tokens. Given: 10\"}" },
		{ 403, FAILURE_CONTENT_FILTER, "{\"error\":{\"code\":403,\"message\":\"Your input was flagged for violence\"}}" },
		{ 403, FAILURE_CONTENT_FILTER, "{\"object\":\"error\",\"message\":\"Blocked by guardrail\"}" },
		{ 498, FAILURE_CREDENTIALS, "{\"message\":\"invalid api token\"}" },
		{ 429, FAILURE_QUOTA, "{\"message\":\"You are using a Trial key, which is limited to 1000 API calls / month.\"}" },
		{ 400, FAILURE_REQUEST, "{\"error\":{\"code\":\"string_above_max_length\",\"message\":\"string too long, maximum context length\"}}" },
		/* content policy */
		{ 400, FAILURE_CONTENT_FILTER, "{\"error\":{\"message\":\"m\",\"code\":\"content_filter\"}}" },
		{ 400, FAILURE_CONTENT_FILTER, "{\"error\":{\"message\":\"m\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}" },
		{ 403, FAILURE_CONTENT_FILTER, "{\"code\":\"x\",\"error\":\"Content violates usage guidelines.\"}" },
		/* money */
		{ 429, FAILURE_QUOTA, "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":\"insufficient_quota\",\"code\":null}}" },
		{ 400, FAILURE_QUOTA, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low\"}}" },
		{ 403, FAILURE_QUOTA, "{\"error\":{\"type\":\"exceeded_current_quota_error\",\"message\":\"m\"}}" },
		{ 429, FAILURE_QUOTA, "{\"error\":{\"code\":\"1113\",\"message\":\"m\"}}" },
		{ 429, FAILURE_QUOTA, "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"m\",\"details\":[{\"@type\":"
			"\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":\"GenerateRequestsPerDayPerProject\"}]}]}}" },
		{ 402, FAILURE_CREDENTIALS, "{\"error\":{\"message\":\"requires more credits\",\"code\":402}}" },
		/* rates and load */
		{ 413, FAILURE_RATE_LIMITED, "{\"error\":{\"message\":\"Request too large for model `x`\",\"code\":\"rate_limit_exceeded\"}}" },
		{ 400, FAILURE_RATE_LIMITED, "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}" },
		{ 500, FAILURE_RATE_LIMITED, "{\"error\":{\"code\":\"429\",\"message\":\"m\"}}" },
		{ 429, FAILURE_REQUEST, "{\"error\":{\"message\":\"Invalid `signature` in `thinking` block\"}}" },
		{ 503, FAILURE_OVERLOADED, "{\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}" },
		{ 500, FAILURE_OVERLOADED, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}" },
		/* our key there */
		{ 400, FAILURE_CREDENTIALS, "{\"error\":{\"code\":400,\"message\":\"API key not valid.\",\"status\":\"INVALID_ARGUMENT\"}}" },
		{ 400, FAILURE_CREDENTIALS, "User location is not supported for the API use." },
		{ 401, FAILURE_CREDENTIALS, "{\"error\":{\"message\":\"model does not exist for this key\"}}" },
		/* the model's own mistake is the request's when HTTP says so */
		{ 400, FAILURE_REQUEST, "{\"error\":{\"message\":\"m\",\"code\":\"tool_use_failed\"}}" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct failure f = read_failure(cases[i].status, cases[i].body);
		if (f.kind != cases[i].kind)
			fail_msg("%d %s became %s", cases[i].status, cases[i].body, failure_kind_name(f.kind));
	}
}

static void test_when_to_come_back(void **state)
{
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":"
				      "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34.4s\"}]}}").retry_after_ms, 34400);
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"Please try again in 50.597142857s. Visit\"}}").retry_after_ms, 50598);
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"Please try again in 6m0s.\"}}").retry_after_ms, 360000);
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"Please try again in 850ms\"}}").retry_after_ms, 850);
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"try again in a while\"}}").retry_after_ms, -1);
	assert_int_equal(read_failure(429, "{\"error\":{\"message\":\"try again in 99999999999999999999h\"}}").retry_after_ms, -1);
	assert_int_equal(read_failure(429, "").retry_after_ms, -1);
}

/* Status 200: only what looks like an error is one. */
static void test_inside_an_answer(void **state)
{
	assert_int_equal(read_failure(200, "{\"error\":{\"message\":\"m\",\"code\":529}}").kind, FAILURE_OVERLOADED);
	assert_int_equal(read_failure(200, "{\"error\":\"m\"}").kind, FAILURE_IN_BAND);
	assert_int_equal(read_failure(200, "{\"id\":\"x\",\"choices\":[]}").kind, FAILURE_MALFORMED);
	assert_int_equal(read_failure(200, "<html><title>Sign in</title>").kind, FAILURE_MALFORMED);
	assert_int_equal(read_failure(200, "").kind, FAILURE_MALFORMED);
}

static void test_secrets_are_stripped(void **state)
{
	struct failure f = read_failure(401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-abcdefghijklmnopqrstuvwxyz0123456789.\"}}");
	assert_null(strstr(f.message, "abcdefghijklmnop"));
	assert_non_null(strstr(f.message, "Incorrect API key provided"));
}

static void test_large_bodies_are_bounded(void **state)
{
	struct failure f;
	struct arena a;
	size_t size = 1 << 20;
	arena_init(&a);
	char *body = arena_alloc(&a, size);
	memset(body, 'x', size);
	dialect_gemini.read_failure(500, slice_of(body, size), &a, &f);
	assert_int_equal(strlen(f.message), 300);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_when_to_come_back),
		cmocka_unit_test(test_inside_an_answer),
		cmocka_unit_test(test_secrets_are_stripped),
		cmocka_unit_test(test_large_bodies_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
