/* SPDX-License-Identifier: Apache-2.0 */
/* What Gemini requests, chunks and answers mean, case by case. */
#include "dialect/dialect_test.h"

enum { SAID = READING_CONTENT | READING_PROGRESS, WHOLE = SAID | READING_FINISH | READING_TERMINATOR };

#define PARTS(parts) "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]},\"index\":0}],\"modelVersion\":\"gemini-4\"}"
#define FINISH(reason) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":" reason ",\"index\":0}]}"


static void init(struct heard *a)
{
	heard_init(a, &dialect_gemini, OPERATION_CHAT);
}

static void assert_reads(const char *data, unsigned flags)
{
	struct heard a;
	init(&a);
	if (heard_data(&a, data) != flags)
		fail_msg("%s reads as %#x", data, a.reading.flags);
	heard_done(&a);
}

static void test_parts(void **state)
{
	assert_reads(PARTS("{\"text\":\"Hi\"}"), SAID);
	assert_reads(PARTS("{\"text\":\"\"}"), 0);
	assert_reads(PARTS(""), 0);
	assert_reads(PARTS("{\"text\":\"Plan\",\"thought\":true}"), SAID);
	assert_reads(PARTS("{\"text\":\"\",\"thought\":true}"), 0);
	assert_reads(PARTS("{\"text\":\"\",\"thoughtSignature\":\"CiQ\"}"), SAID); /* a thought that closes without a word */
	assert_reads(PARTS("{\"functionCall\":{\"name\":\"f\",\"args\":{}}}"), SAID);
	assert_reads(PARTS("{\"functionCall\":{}}"), SAID);                       /* the end of a streamed call */
	assert_reads(PARTS("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}}"), SAID);
	assert_reads(PARTS("{\"executableCode\":{\"code\":\"1\"}}"), SAID);
	assert_reads(PARTS("{\"ofTomorrow\":{\"x\":1}}"), SAID);
	assert_reads("{\"candidates\":[{\"index\":0}],\"ofTomorrow\":1}", 0);
	assert_reads("{\"usageMetadata\":{\"promptTokenCount\":3}}", 0);
}

static void test_finish(void **state)
{
	assert_reads(FINISH("\"STOP\""), SAID | READING_FINISH);
	assert_reads(FINISH("\"MALFORMED_FUNCTION_CALL\""), SAID | READING_FINISH);
	assert_reads(FINISH("1"), SAID | READING_FINISH);                         /* enum-encoding=int */
	assert_reads(FINISH("0"), 0);
	assert_reads(FINISH("null"), 0);
	assert_reads(FINISH("\"FINISH_REASON_UNSPECIFIED\""), 0);
	assert_reads("{\"candidates\":[{\"finishReason\":\"SAFETY\"}]}", SAID | READING_FINISH);
	assert_reads("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", SAID | READING_FINISH);
	assert_reads("{\"promptFeedback\":{}}", 0);
}

static void test_every_candidate_must_finish(void **state)
{
	struct heard a;
	init(&a);
	heard_data(&a, "{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"a\"}]}},{\"index\":1}]}");
	assert_int_equal(heard_data(&a, FINISH("\"STOP\"")), SAID);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_data(&a, "{\"candidates\":[{\"index\":1,\"finishReason\":\"STOP\"}]}"), SAID | READING_FINISH);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_int_equal(a.reader.finished_choices, 2);
	heard_done(&a);
}

static unsigned array_element(struct heard *a, const char *raw, const char *data, bool closes)
{
	struct frame f = { .raw = slice_cstr(raw), .data = slice_cstr(data), .has_data = data != NULL, .closes = closes };
	arena_reset(&a->scratch);
	dialect_gemini.read_event(&a->reader, &f, &a->scratch, &a->reading);
	return a->reading.flags;
}

static void test_json_array(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(array_element(&a, "[" PARTS("{\"text\":\"Hi\"}"), PARTS("{\"text\":\"Hi\"}"), false), SAID);
	assert_int_equal(array_element(&a, "\n,\r\n" FINISH("\"STOP\""), FINISH("\"STOP\""), false), SAID | READING_FINISH);
	assert_int_equal(heard_end(&a), STREAM_NEEDS_TERMINATOR);
	assert_int_equal(array_element(&a, "\n]", NULL, true), READING_TERMINATOR);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	heard_done(&a);

	init(&a);
	array_element(&a, "[" PARTS("{\"text\":\"Hi\"}"), PARTS("{\"text\":\"Hi\"}"), false);
	assert_int_equal(array_element(&a, "]", NULL, true), READING_MALFORMED | READING_TERMINATOR);
	assert_int_equal(a.reading.failure.kind, FAILURE_CUT);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

static void test_usage(void **state)
{
	struct heard a;
	init(&a);
	heard_data(&a, "{\"usageMetadata\":{\"promptTokenCount\":8,\"thoughtsTokenCount\":30,\"totalTokenCount\":38}}");
	assert_int_equal(a.reader.usage.output, 30);
	heard_data(&a, "{\"usageMetadata\":{\"promptTokenCount\":8,\"toolUsePromptTokenCount\":5,\"cachedContentTokenCount\":6,"
		    "\"candidatesTokenCount\":4,\"thoughtsTokenCount\":30,\"promptTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":2}],"
		    "\"candidatesTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":1},{\"modality\":\"AUDIO\",\"tokenCount\":3}]}}");
	assert_int_equal(a.reader.usage.input, 13);
	assert_int_equal(a.reader.usage.input_cached, 6);
	assert_int_equal(a.reader.usage.input_audio, 2);
	assert_int_equal(a.reader.usage.output, 34);
	assert_int_equal(a.reader.usage.output_reasoning, 30);
	assert_int_equal(a.reader.usage.output_audio, 3);
	heard_data(&a, "{\"usageMetadata\":{\"promptTokenCount\":0,\"totalTokenCount\":0}}");
	assert_int_equal(a.reader.usage.input, 13);
	heard_done(&a);
}

static void assert_failure(const char *data, unsigned flags, enum failure_kind kind)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, data), flags);
	assert_int_equal(a.reading.failure.kind, kind);
	heard_done(&a);
}

static void test_failures(void **state)
{
	struct heard a;
	assert_failure("{\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}", READING_FAILURE, FAILURE_OVERLOADED);
	assert_failure("{\"error\":{\"code\":500,\"message\":\"x\",\"status\":\"INTERNAL\"}}", READING_FAILURE, FAILURE_SERVER);
	assert_failure("{\"error\":{\"code\":429,\"message\":\"x\",\"status\":\"RESOURCE_EXHAUSTED\"}}", READING_FAILURE, FAILURE_RATE_LIMITED);
	assert_failure("[1]", READING_MALFORMED, FAILURE_MALFORMED);
	assert_failure("{\"candidates\":", READING_MALFORMED, FAILURE_MALFORMED);

	/* bare JSON between the events of an SSE stream */
	init(&a);
	assert_int_equal(array_element(&a, "{\n \"error\": {\n \"code\": 503,\n \"message\": \"x\",\n \"status\": \"UNAVAILABLE\"\n }\n}\n\n",
				       NULL, false), READING_FAILURE);
	assert_int_equal(a.reading.failure.kind, FAILURE_SERVER);
	assert_int_equal(a.reading.failure.status, 503);
	assert_int_equal(array_element(&a, ": a comment\n\n", NULL, false), 0);
	heard_done(&a);
}

static void test_whole_answers(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_whole(&a, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]},\"finishReason\":\"STOP\"}],"
				      "\"modelVersion\":\"gemini-4\"}") & WHOLE, WHOLE);
	assert_string_equal(a.reader.model, "gemini-4");
	assert_int_equal(a.reader.output_bytes, 5);
	heard_done(&a);

	init(&a);
	assert_int_equal(heard_whole(&a, "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}"), WHOLE);
	assert_int_equal(heard_whole(&a, "[{\"error\":{\"code\":500,\"message\":\"x\"}}]"), READING_FAILURE);
	heard_done(&a);

	init(&a);
	assert_int_equal(heard_whole(&a, "{\"usageMetadata\":{\"promptTokenCount\":3}}"), READING_MALFORMED);
	assert_int_equal(heard_whole(&a, "{\"candidates\":[]}"), READING_MALFORMED);
	heard_done(&a);

	heard_init(&a, &dialect_gemini, OPERATION_COUNT_TOKENS);
	assert_int_equal(heard_whole(&a, "{\"totalTokens\":61,\"promptTokensDetails\":[]}"), WHOLE);
	assert_int_equal(a.reader.usage.input, 61);
	assert_int_equal(heard_whole(&a, "{}"), WHOLE);
	assert_int_equal(heard_whole(&a, "{\"x\":1}"), READING_MALFORMED);
	heard_done(&a);

	heard_init(&a, &dialect_gemini, OPERATION_EMBEDDINGS);
	assert_int_equal(heard_whole(&a, "{\"embedding\":{\"values\":[0.1]},\"usageMetadata\":{\"promptTokenCount\":11}}"), WHOLE);
	assert_int_equal(a.reader.usage.input, 11);
	heard_done(&a);
}

static void assert_needs(const char *body, unsigned needs)
{
	struct request q = { .variant = false };
	assert_true(request_read(&q, &dialect_gemini, OPERATION_CHAT, body));
	assert_slice(q.facts.model, "gemini-x");
	assert_int_equal(q.facts.needs, needs);
	arena_done(&q.arena);
}

static void test_needs(void **state)
{
	assert_needs("{\"contents\":[{\"parts\":[{\"text\":\"image/\"}]}]}", 0);
	assert_needs("{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\"}},{\"inline_data\":{\"mime_type\":\"audio/wav\"}}]}]}",
		     NEEDS_IMAGES | NEEDS_AUDIO);
	assert_needs("{\"contents\":[{\"parts\":[{\"fileData\":{\"mimeType\":\"application/pdf\",\"fileUri\":"
		     "\"https://generativelanguage.googleapis.com/v1beta/files/x\"}}]}]}", NEEDS_DOCUMENTS | NEEDS_STATE);
	assert_needs("{\"contents\":[{\"parts\":[{\"fileData\":{\"mimeType\":\"video/mp4\",\"fileUri\":\"https://youtu.be/x\"}}]}]}", 0);
	assert_needs("{\"tools\":[{}],\"cachedContent\":\"cachedContents/x\"}", NEEDS_TOOLS | NEEDS_STATE);
	assert_needs("{\"generationConfig\":{\"responseMimeType\":\"application/json\"}}", NEEDS_STRUCTURED_OUTPUT);
	assert_needs("{\"generation_config\":{\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}}}", NEEDS_REASONING);
	assert_needs("{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":0}}}", 0);
}

static void test_models(void **state)
{
	struct request q = { .variant = false };
	struct splice splice;
	struct request_edits want = { .model = SLICE("gemini-y") };
	assert_true(request_read(&q, &dialect_gemini, OPERATION_EMBEDDINGS, "{\"model\": \"models/gemini-x\", \"content\":{}}"));
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_gemini.edit_request(&q.facts, OPERATION_EMBEDDINGS, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), "{\"model\": \"models/gemini-y\", \"content\":{}}");
	arena_done(&q.arena);

	assert_true(request_read(&q, &dialect_gemini, OPERATION_CHAT, "{\"contents\":[]}"));
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_gemini.edit_request(&q.facts, OPERATION_CHAT, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), "{\"contents\":[]}");
	arena_done(&q.arena);

	assert_false(request_read(&q, &dialect_gemini, OPERATION_CHAT, "{\"model\":\"models/a\",\"model\":\"models/b\"}"));
	arena_done(&q.arena);
	assert_false(request_read(&q, &dialect_gemini, OPERATION_CHAT, "[]"));
	arena_done(&q.arena);
}

static void test_batch(void **state)
{
	struct request_edits want = { .model = SLICE("own") };
	struct splice splice;
	struct request q = { .variant = true };
	assert_true(request_read(
		&q, &dialect_gemini, OPERATION_EMBEDDINGS,
		"{\"requests\":[{\"model\":\"models/gemini-x\",\"n\":1.0},{\"model\":\"models/gemini-x\"},{}]}"));
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_gemini.edit_request(&q.facts, OPERATION_EMBEDDINGS, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), "{\"requests\":[{\"model\":\"models/own\",\"n\":1.0},{\"model\":\"models/own\"},{}]}");
	assert_slice(dialect_gemini.request_path(&(struct request_route){ .operation = OPERATION_EMBEDDINGS,
									  .variant = true,
									  .model = SLICE("own") },
						 &q.arena),
		     "/models/own:batchEmbedContents");
	arena_done(&q.arena);
	assert_false(request_read(&q, &dialect_gemini, OPERATION_EMBEDDINGS, "{\"content\":{}}"));
	arena_done(&q.arena);
}

static void test_paths(void **state)
{
	struct arena a;
	struct slice none = { 0 };
	const struct dialect *d = &dialect_gemini;
	arena_init(&a);
	assert_slice(
		d->request_path(&(struct request_route){ .operation = OPERATION_CHAT, .model = SLICE("gemini-x") }, &a),
		"/models/gemini-x:generateContent");
	assert_slice(d->request_path(&(struct request_route){ .operation = OPERATION_CHAT,
							      .stream = true,
							      .model = SLICE("gemini-x"),
							      .query = SLICE("alt=sse") },
				     &a),
		     "/models/gemini-x:streamGenerateContent?alt=sse");
	assert_slice(d->request_path(&(struct request_route){ .operation = OPERATION_COUNT_TOKENS,
							      .model = SLICE("tunedModels/a b") },
				     &a),
		     "/tunedModels/a%20b:countTokens");
	assert_slice(
		d->request_path(&(struct request_route){ .operation = OPERATION_EMBEDDINGS, .model = SLICE("x?y#z%") },
				&a),
		"/models/x%3Fy%23z%25:embedContent");
	assert_slice(d->request_path(&(struct request_route){ .operation = OPERATION_CHAT, .model = SLICE("../x") }, &a), "/models/..%2Fx:generateContent");
	assert_slice(d->request_path(&(struct request_route){ .operation = OPERATION_CHAT, .model = SLICE("a//x") }, &a), "/models/a%2F%2Fx:generateContent");
	assert_null(d->request_path(&(struct request_route){ .operation = OPERATION_COMPACT, .model = SLICE("x") }, &a).ptr);
	assert_int_equal(d->stream_framing(SLICE("alt=sse")), FRAMING_SSE);
	assert_int_equal(d->stream_framing(SLICE("?x=1&%24alt=sse")), FRAMING_SSE);
	assert_int_equal(d->stream_framing(SLICE("alt=json")), FRAMING_JSON_ARRAY);
	assert_int_equal(d->stream_framing(SLICE("salt=sse")), FRAMING_JSON_ARRAY);
	assert_int_equal(d->stream_framing(none), FRAMING_JSON_ARRAY);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_every_candidate_must_finish),
		cmocka_unit_test(test_json_array),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
