/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and terminators as the clients of each dialect get them, to the byte. */
#include "dialect/dialect_test.h"

static struct failure provider_failure(void)
{
	struct failure f;
	failure_set(&f, FAILURE_RATE_LIMITED, "Slow \"down\"");
	f.status = 429;
	f.retry_after_ms = 2500;
	failure_copy_text(f.type, sizeof(f.type), SLICE("tokens"));
	failure_copy_text(f.code, sizeof(f.code), SLICE("rate_limit_exceeded"));
	failure_copy_text(f.param, sizeof(f.param), SLICE("model"));
	return f;
}

static void assert_written(const struct dialect *d, const struct failure_view *v, const char *expected)
{
	struct buf out;
	buf_init(&out, 65536);
	d->write_failure(v, &out);
	assert_slice(buf_slice(&out), expected);
	buf_done(&out);
}

static void assert_event(const struct dialect *d, const struct failure_view *v, enum framing framing, bool elements,
			 const struct event_reader *r, const char *expected)
{
	struct buf out;
	buf_init(&out, 65536);
	d->write_failure_event(v, framing, elements, r, &out);
	assert_slice(buf_slice(&out), expected);
	buf_done(&out);
}

static void assert_terminator(const struct dialect *d, enum framing framing, const char *expected)
{
	struct buf out;
	buf_init(&out, 1024);
	d->write_terminator(NULL, framing, &out);
	assert_slice(buf_slice(&out), expected);
	buf_done(&out);
}

#define CHAT_ERROR "{\"error\":{\"message\":\"Slow \\\"down\\\"\",\"type\":\"tokens\",\"param\":\"model\",\"code\":\"rate_limit_exceeded\"}}"

static void test_openai(void **state)
{
	struct failure f = provider_failure();
	struct failure_view v = { .failure = &f, .status = 429, .from_provider = true };
	assert_written(&dialect_openai_chat, &v, CHAT_ERROR);
	assert_written(&dialect_openai_responses, &v, CHAT_ERROR);
	assert_event(&dialect_openai_chat, &v, FRAMING_SSE, false, NULL, "data: " CHAT_ERROR "\n\n");

	failure_set(&f, FAILURE_UNAVAILABLE, "draining");
	v = (struct failure_view){ .failure = &f, .status = 503, .code = "weir_unavailable" };
	assert_written(&dialect_openai_chat, &v, "{\"error\":{\"message\":\"draining\",\"type\":\"service_unavailable_error\","
		       "\"param\":null,\"code\":\"weir_unavailable\"}}");
	failure_set(&f, FAILURE_BAD_REQUEST, "no model");
	v = (struct failure_view){ .failure = &f, .status = 400 };
	assert_written(&dialect_openai_chat, &v, "{\"error\":{\"message\":\"no model\",\"type\":\"invalid_request_error\","
		       "\"param\":null,\"code\":null}}");
	assert_terminator(&dialect_openai_chat, FRAMING_SSE, "data: [DONE]\n\n");
	assert_terminator(&dialect_openai_responses, FRAMING_SSE, "");
}

static void test_responses_events_continue_the_stream(void **state)
{
	struct failure f;
	struct heard a;
	heard_init(&a, &dialect_openai_responses, OPERATION_CHAT);
	heard_data(&a, "{\"type\":\"response.created\",\"sequence_number\":41,\"response\":{\"id\":\"resp_1\",\"model\":\"gpt\"}}");
	failure_set(&f, FAILURE_CUT, "cut");
	struct failure_view v = { .failure = &f, .status = 502, .code = "weir_upstream_cut" };
	assert_event(&dialect_openai_responses, &v, FRAMING_SSE, false, &a.reader,
		"event: error\n"
		"data: {\"type\":\"error\",\"sequence_number\":42,\"code\":\"weir_upstream_cut\",\"message\":\"cut\",\"param\":null,"
		"\"error\":{\"message\":\"cut\",\"type\":\"server_error\",\"param\":null,\"code\":\"weir_upstream_cut\"}}\n\n"
		"event: response.failed\n"
		"data: {\"type\":\"response.failed\",\"sequence_number\":43,\"response\":{\"id\":\"resp_1\",\"object\":\"response\","
		"\"status\":\"failed\",\"error\":{\"code\":\"weir_upstream_cut\",\"message\":\"cut\"},\"incomplete_details\":null,"
		"\"model\":\"gpt\",\"output\":[],\"usage\":null}}\n\n");
	heard_done(&a);
}

static void test_anthropic(void **state)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
		{ 400, "invalid_request_error" }, { 401, "authentication_error" }, { 402, "billing_error" }, { 403, "permission_error" },
		{ 404, "not_found_error" }, { 405, "invalid_request_error" }, { 413, "request_too_large" }, { 415, "invalid_request_error" },
		{ 429, "rate_limit_error" }, { 431, "invalid_request_error" }, { 500, "api_error" }, { 501, "api_error" },
		{ 502, "api_error" }, { 503, "api_error" }, { 504, "timeout_error" }, { 529, "overloaded_error" },
	};
	struct failure f;
	char expected[256];
	failure_set(&f, FAILURE_INTERNAL, "m");
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct failure_view v = { .failure = &f, .status = types[i].status, .code = "weir_x", .request_id = SLICE("req_1") };
		snprintf(expected, sizeof(expected), "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\",\"code\":\"weir_x\"},"
			 "\"request_id\":\"req_1\"}", types[i].type);
		assert_written(&dialect_anthropic, &v, expected);
	}
	struct failure_view v = { .failure = &f, .status = 529, .from_provider = true };
	assert_event(&dialect_anthropic, &v, FRAMING_SSE, false, NULL,
		     "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n");
	assert_terminator(&dialect_anthropic, FRAMING_SSE, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

/* A provider's type goes with the provider's status only: its 402 is our 502. */
static void test_anthropic_type_belongs_to_the_status(void **state)
{
	struct failure f;
	failure_set(&f, FAILURE_CREDENTIALS, "m");
	f.status = 402;
	failure_copy_text(f.type, sizeof(f.type), SLICE("billing_error"));
	struct failure_view v = { .failure = &f, .status = 502, .from_provider = true };
	assert_written(&dialect_anthropic, &v, "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}");
	f.status = v.status = 400;
	failure_copy_text(f.type, sizeof(f.type), SLICE("tokens"));
	assert_written(&dialect_anthropic, &v, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}}");
}

#define GEMINI_ERROR "{\"error\":{\"code\":502,\"message\":\"m\",\"status\":\"UNAVAILABLE\",\"details\":[{\"@type\":" \
	"\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"weir_upstream_cut\",\"domain\":\"weir\"}]}}"

static void test_gemini(void **state)
{
	struct failure f = provider_failure();
	struct failure_view v = { .failure = &f, .status = 502, .code = "weir_upstream_cut" };
	f.retry_after_ms = -1;
	failure_copy_text(f.message, sizeof(f.message), SLICE("m"));
	assert_written(&dialect_gemini, &v, GEMINI_ERROR);
	assert_event(&dialect_gemini, &v, FRAMING_JSON_ARRAY, true, NULL, "," GEMINI_ERROR "]");
	assert_event(&dialect_gemini, &v, FRAMING_JSON_ARRAY, false, NULL, "[" GEMINI_ERROR "]");
	assert_event(&dialect_gemini, &v, FRAMING_SSE, false, NULL, "data: " GEMINI_ERROR "\r\n\r\n" GEMINI_ERROR);
	assert_terminator(&dialect_gemini, FRAMING_JSON_ARRAY, "]");
	assert_terminator(&dialect_gemini, FRAMING_SSE, "");

	failure_set(&f, FAILURE_RATE_LIMITED, "m");
	f.status = 429;
	f.retry_after_ms = 2500;
	failure_copy_text(f.type, sizeof(f.type), SLICE("RESOURCE_EXHAUSTED"));
	v = (struct failure_view){ .failure = &f, .status = 429, .from_provider = true };
	assert_written(&dialect_gemini, &v, "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{"
		       "\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2.500s\"}]}}");
}

/* Words of one API are no types in another: clients compare them. */
static void test_foreign_types(void **state)
{
	static const char *const foreign[] = { "INVALID_ARGUMENT", "ValidationException" };
	struct failure f;
	struct failure_view v = { .failure = &f, .status = 400, .from_provider = true };

	failure_set(&f, FAILURE_REQUEST, "m");
	f.status = 400;
	for (size_t i = 0; i < COUNT_OF(foreign); i++) {
		failure_copy_text(f.type, sizeof(f.type), slice_cstr(foreign[i]));
		assert_written(&dialect_openai_chat, &v, "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\","
			       "\"param\":null,\"code\":null}}");
	}
	failure_copy_text(f.type, sizeof(f.type), SLICE("invalid_request_error"));
	assert_written(&dialect_gemini, &v, "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}");
	failure_copy_text(f.type, sizeof(f.type), SLICE("FAILED_PRECONDITION"));
	assert_written(&dialect_gemini, &v, "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"FAILED_PRECONDITION\"}}");
}

/* What we write inside a stream, another of us must read as a failure. */
static void test_written_events_read_as_failures(void **state)
{
	static const struct dialect *const all[] = { &dialect_openai_chat, &dialect_openai_responses, &dialect_anthropic, &dialect_gemini };
	struct failure f;
	failure_set(&f, FAILURE_CUT, "cut");
	struct failure_view v = { .failure = &f, .status = 502, .code = "weir_upstream_cut" };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct buf out;
		struct framer framer;
		struct frame frame;
		struct heard a;
		heard_init(&a, all[i], OPERATION_CHAT);
		buf_init(&out, 65536);
		all[i]->write_failure_event(&v, FRAMING_SSE, true, &a.reader, &out);
		framer_init(&framer, FRAMING_SSE, 65536);
		framer_feed(&framer, buf_slice(&out));
		assert_true(framer_next(&framer, &frame));
		all[i]->read_event(&a.reader, &frame, &a.scratch, &a.reading);
		assert_int_equal(a.reading.flags, READING_FAILURE);
		assert_string_equal(a.reading.failure.message, "cut");
		framer_done(&framer);
		buf_done(&out);
		heard_done(&a);
	}
}

static void test_no_room_changes_nothing(void **state)
{
	struct failure f;
	struct buf out;
	failure_set(&f, FAILURE_CUT, "cut");
	struct failure_view v = { .failure = &f, .status = 502 };
	buf_init(&out, 8);
	dialect_openai_chat.write_failure_event(&v, FRAMING_SSE, false, NULL, &out);
	assert_int_equal(out.len, 0);
	buf_done(&out);
}

static void test_names(void **state)
{
	assert_int_equal(dialect_id_by_name(SLICE("openai-chat")), DIALECT_OPENAI_CHAT);
	assert_int_equal(dialect_id_by_name(SLICE("ollama")), DIALECT_OLLAMA);
	assert_int_equal(dialect_id_by_name(SLICE("openai")), DIALECT_COUNT);
	assert_ptr_equal(dialect_by_id(DIALECT_GEMINI), &dialect_gemini);
	assert_ptr_equal(dialect_by_id(DIALECT_BEDROCK), &dialect_bedrock);
	assert_null(dialect_by_id(DIALECT_COUNT));
	for (unsigned i = 0; i < DIALECT_COUNT; i++) {
		const struct dialect *d = dialect_by_id((enum dialect_id)i);
		assert_int_equal(dialect_id_by_name(slice_cstr(dialect_id_name((enum dialect_id)i))), i);
		if (d) {
			assert_int_equal(d->id, i);
			assert_string_equal(d->name, dialect_id_name((enum dialect_id)i));
		}
	}
}

/* Credentials, cookies and what belongs to our key never pass, in no dialect and in neither direction. */
static void test_header_lists(void **state)
{
	static const char *const never[] = {
		"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "set-cookie", "server", "proxy-authorization",
		"openai-organization", "openai-project", "anthropic-organization-id", "x-weir-tags", "host", "content-length",
		"content-encoding", "transfer-encoding", "connection", "x-forwarded-for", "x-should-retry",
	};
	static const struct dialect *const all[] = { &dialect_openai_chat, &dialect_openai_responses, &dialect_anthropic, &dialect_gemini };
	for (size_t d = 0; d < COUNT_OF(all); d++) {
		const char *const *lists[] = { all[d]->request_headers, all[d]->answer_headers };
		for (size_t l = 0; l < COUNT_OF(lists); l++)
			for (const char *const *name = lists[l]; *name; name++)
				for (size_t n = 0; n < COUNT_OF(never); n++)
					assert_false(slice_matches_glob(slice_cstr(never[n]), slice_cstr(*name)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openai),
		cmocka_unit_test(test_responses_events_continue_the_stream),
		cmocka_unit_test(test_anthropic),
		cmocka_unit_test(test_anthropic_type_belongs_to_the_status),
		cmocka_unit_test(test_gemini),
		cmocka_unit_test(test_foreign_types),
		cmocka_unit_test(test_written_events_read_as_failures),
		cmocka_unit_test(test_no_room_changes_nothing),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_header_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
