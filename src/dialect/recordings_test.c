/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded traffic of real providers, where there is any beside the project (or where WEIR_RECORDINGS says): every
 * stream reads as finished, every whole answer as an answer, every error as one with a kind and a message, every
 * request can be routed and edited. Each file is one JSON object: request {method, url, headers, body}, response
 * {status, headers, body_base64}. */
#include "dialect/dialect_test.h"

#include <dirent.h>
#include <stdio.h>
#include "base/base64.h"
#include "http/framing.h"

/* Recordings that are what they are because the provider failed, or that are no answer of the endpoint they are
 * filed under. */
static const struct {
	const char *id;
	enum failure_kind kind;        /* what is read from it; FAILURE_NONE: not to be read at all */
} exceptions[] = {
	{ "groq.chat__groq__052f573579", FAILURE_IN_BAND },            /* the model's tool call did not fit its schema */
	{ "openrouter__openrouter__0d09cabc8a", FAILURE_REQUEST },     /* an error with code 400 after the content */
	{ "anthropic.messages__anthropic__e55ceed82b", FAILURE_OVERLOADED }, /* event: error, and nothing else */
	{ "openai.responses__openai__3fbd4f3030", FAILURE_IN_BAND },   /* error "unknown-error", then response.failed */
	{ "openai.responses__openai__a36be3394a", FAILURE_RATE_LIMITED },
	{ "anthropic.messages__anthropic__71905a1fe0", FAILURE_NONE }, /* fifteen messages joined by the recorder */
	{ "cohere.chat__cohere__b4d91f3700", FAILURE_IN_BAND },        /* finish_reason ERROR: no valid tool call */
	{ "cohere.chat__cohere__dabb6152cf", FAILURE_IN_BAND },
	{ "ollama.chat__ollama__31b6e92515", FAILURE_NONE },           /* a chat completion of /v1 */
	{ "openai.chat__openai__8d1224aa61", FAILURE_NONE },           /* a list of stored completions */
	{ "openai.completions__openai__5c19515cde", FAILURE_NONE },    /* a page of the usage API */
};

static const struct {
	const char *wire;
	const struct dialect *dialect;
	enum operation operation;
} wires[] = {
	{ "openai.chat", &dialect_openai_chat, OPERATION_CHAT },
	{ "openai.completions", &dialect_openai_chat, OPERATION_COMPLETIONS },
	{ "openai.embeddings", &dialect_openai_chat, OPERATION_EMBEDDINGS },
	{ "mistral.fim", &dialect_openai_chat, OPERATION_COMPLETIONS },
	{ "openai.responses", &dialect_openai_responses, OPERATION_CHAT },
	{ "openai.input_tokens", &dialect_openai_responses, OPERATION_COUNT_TOKENS },
	{ "anthropic.messages", &dialect_anthropic, OPERATION_CHAT },
	{ "anthropic.count_tokens", &dialect_anthropic, OPERATION_COUNT_TOKENS },
	{ "gemini.generate", &dialect_gemini, OPERATION_CHAT },
	{ "gemini.stream", &dialect_gemini, OPERATION_CHAT },
	{ "gemini.embed", &dialect_gemini, OPERATION_EMBEDDINGS },
	{ "gemini.count_tokens", &dialect_gemini, OPERATION_COUNT_TOKENS },
	{ "bedrock.converse", &dialect_bedrock, OPERATION_CHAT },
	{ "bedrock.count_tokens", &dialect_bedrock, OPERATION_COUNT_TOKENS },
	{ "cohere.chat.v2", &dialect_cohere, OPERATION_CHAT },
	{ "cohere.embed.v2", &dialect_cohere, OPERATION_EMBEDDINGS },
	{ "ollama.chat", &dialect_ollama, OPERATION_CHAT },
	{ "ollama.generate", &dialect_ollama, OPERATION_CHAT },
	{ "ollama.embed", &dialect_ollama, OPERATION_EMBEDDINGS },
};

/* Says what is wrong with one recording and goes on with the others. */
#define complain(...) (counts.complaints++, print_error(__VA_ARGS__), print_error("\n"))

static struct { unsigned complaints, files, streams, wholes, errors, requests, without_model, without_usage, unterminated; } counts;

struct recording {
	struct slice id, url, body;
	struct json root;
	struct json_doc doc;
	const struct dialect *dialect;
	enum operation operation;
	int status;
	bool stream;
	enum failure_kind expected;
	bool excepted;
};

static struct slice read_file(const char *path, struct arena *a)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	rewind(f);
	char *text = arena_alloc(a, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, f), size);
	fclose(f);
	return slice_of(text, (size_t)size);
}

static struct slice decode_base64(struct slice s, struct arena *a)
{
	struct slice bytes;

	assert_true(base64_decode(s, a, &bytes));
	return bytes;
}

static bool open_recording(struct recording *rec, const char *path, struct arena *a)
{
	struct json_error error;
	memset(rec, 0, sizeof(*rec));
	assert_true(json_parse(a, read_file(path, a), &rec->doc, &error));
	rec->root = json_root(&rec->doc);
	rec->id = json_text(json_get(rec->root, "id"), a);
	for (size_t i = 0; i < COUNT_OF(wires); i++) {
		if (!json_text_eq(json_get(rec->root, "wire"), slice_cstr(wires[i].wire)))
			continue;
		rec->dialect = wires[i].dialect;
		rec->operation = wires[i].operation;
	}
	if (!rec->dialect)
		return false;
	for (size_t i = 0; i < COUNT_OF(exceptions); i++) {
		if (!slice_eq(rec->id, slice_cstr(exceptions[i].id)))
			continue;
		rec->excepted = true;
		rec->expected = exceptions[i].kind;
	}
	struct json response = json_get(rec->root, "response");
	rec->url = json_text(json_get(json_get(rec->root, "request"), "url"), a);
	rec->status = (int)json_i64_or(json_get(response, "status"), 0);
	rec->body = decode_base64(json_text(json_get(response, "body_base64"), a), a);
	if (slice_ends_with(rec->url, SLICE("/compact")))
		rec->operation = OPERATION_COMPACT;
	struct json framing = json_get(rec->root, "framing");
	rec->stream = json_text_eq(framing, SLICE("sse")) || json_text_eq(framing, SLICE("ndjson")) ||
		      json_text_eq(framing, SLICE("aws-eventstream")) ||
		      (rec->body.len > 0 && rec->body.ptr[0] == '[' && rec->dialect == &dialect_gemini);
	return true;
}

static void check_usage(const struct recording *rec, const struct event_reader *r)
{
	struct usage u = r->usage;
	if (!u.reported) {
		counts.without_usage++;
		return;
	}
	usage_clamp(&u);
	if (u.input <= 0 && u.output <= 0)
		complain("%.*s: usage is reported and empty", SLICE_ARG(rec->id));
}

/* What is left of a chunk after the cut is a chunk without usage. */
static void check_cut(const struct recording *rec, const struct frame *f, struct slice cut, struct arena *scratch)
{
	struct json_doc doc;
	struct json_error error;
	size_t before = (size_t)(cut.ptr - f->data.ptr);
	assert_true(cut.ptr >= f->data.ptr && before + cut.len <= f->data.len);
	struct slice left = arena_printf(scratch, "%.*s%.*s", (int)before, f->data.ptr,
					 (int)(f->data.len - before - cut.len), cut.ptr + cut.len);
	if (!json_parse(scratch, left, &doc, &error) || json_exists(json_get(json_root(&doc), "usage")))
		complain("%.*s: the cut leaves %.*s", SLICE_ARG(rec->id), SLICE_ARG(left));
}

/* False: a failure, which must be the expected one. */
static bool check_frame(const struct recording *rec, struct heard *a, const struct frame *f)
{
	arena_reset(&a->scratch);
	rec->dialect->read_event(&a->reader, f, &a->scratch, &a->reading);
	if (a->reading.flags & (READING_FAILURE | READING_MALFORMED)) {
		if (!rec->excepted || a->reading.failure.kind != rec->expected)
			complain("%.*s: %s: %s", SLICE_ARG(rec->id), failure_kind_name(a->reading.failure.kind),
				 a->reading.failure.message);
		return false;
	}
	if (a->reading.usage_member.ptr)
		check_cut(rec, f, a->reading.usage_member, &a->scratch);
	return true;
}

static enum framing framing_of(const struct recording *rec)
{
	if (rec->body.ptr[0] == '[')
		return FRAMING_JSON_ARRAY;
	return rec->dialect == &dialect_ollama ? FRAMING_NDJSON : rec->dialect == &dialect_bedrock ? FRAMING_EVENT_STREAM : FRAMING_SSE;
}

static void check_stream(const struct recording *rec)
{
	struct framer framer;
	struct frame frame;
	struct heard a;
	bool whole = true;

	counts.streams++;
	heard_init(&a, rec->dialect, rec->operation);
	framer_init(&framer, framing_of(rec), FRAME_MAX);
	for (size_t at = 0, step = 1; at < rec->body.len && whole; at += step) {
		step = 1 + (at * 7919) % 4096;
		if (step > rec->body.len - at)
			step = rec->body.len - at;
		framer_feed(&framer, slice_of(rec->body.ptr + at, step));
		while (whole && framer_next(&framer, &frame))
			whole = check_frame(rec, &a, &frame);
	}
	if (whole && framer_end(&framer, &frame))
		whole = check_frame(rec, &a, &frame);
	if (whole && (heard_end(&a) == STREAM_CUT || !a.reader.content))
		complain("%.*s: the stream is cut", SLICE_ARG(rec->id));
	counts.unterminated += whole && heard_end(&a) == STREAM_NEEDS_TERMINATOR;
	check_usage(rec, &a.reader);
	framer_done(&framer);
	heard_done(&a);
}

static void check_whole(const struct recording *rec)
{
	struct heard a;
	counts.wholes++;
	heard_init(&a, rec->dialect, rec->operation);
	rec->dialect->read_whole(&a.reader, rec->body, &a.scratch, &a.reading);
	if (a.reading.flags & (READING_FAILURE | READING_MALFORMED))
		complain("%.*s: %s: %s", SLICE_ARG(rec->id), failure_kind_name(a.reading.failure.kind), a.reading.failure.message);
	assert_true(a.reading.flags & READING_FINISH);
	check_usage(rec, &a.reader);
	heard_done(&a);
}

static bool is_plausible(int status, enum failure_kind kind)
{
	switch (status) {
	case 401:
		return kind == FAILURE_CREDENTIALS;
	case 403:
		return kind == FAILURE_CREDENTIALS || kind == FAILURE_CONTENT_FILTER;
	case 404:
		return kind == FAILURE_MODEL_UNKNOWN || kind == FAILURE_REQUEST || kind == FAILURE_MALFORMED;
	case 429:
		return kind == FAILURE_RATE_LIMITED || kind == FAILURE_QUOTA;
	default:
		return kind != FAILURE_NONE && kind != FAILURE_IN_BAND;
	}
}

static void check_error(const struct recording *rec)
{
	struct failure f;
	struct arena scratch;
	counts.errors++;
	arena_init(&scratch);
	rec->dialect->read_failure(rec->status, rec->body, &scratch, &f);
	if (f.message[0] == '\0' || !is_plausible(rec->status, f.kind))
		complain("%.*s: %d became %s: %s", SLICE_ARG(rec->id), rec->status, failure_kind_name(f.kind), f.message);
	arena_done(&scratch);
}

/* ".../models/gemini-x:generateContent?…", ".../model/x/converse" */
static struct slice model_of_url(struct slice url)
{
	size_t at = slice_find(url, SLICE("/models/")), bedrock = slice_find(url, SLICE("/model/"));
	if (bedrock != SIZE_MAX) {
		struct slice tail = slice_after(url, bedrock + 7);
		return slice_next_token(&tail, '/');
	}
	if (at == SIZE_MAX)
		return (struct slice){ 0 };
	struct slice rest = slice_after(url, at + 8);
	return slice_next_token(&rest, ':');
}

static void check_edits(const struct recording *rec, struct request_facts *facts, struct arena *a)
{
	struct request_edits want = { .model = SLICE("another/\"model\""), .ask_usage = true };
	struct splice splice;
	struct json_doc doc;
	struct json_error error;
	splice_init(&splice, facts->doc.text);
	assert_true(rec->dialect->edit_request(facts, rec->operation, &want, &splice, a));
	assert_true(json_parse(a, splice_flatten(&splice, a), &doc, &error));
	struct json root = json_root(&doc);
	if (json_exists(facts->model_value) && rec->dialect != &dialect_gemini)
		assert_true(json_text_eq(json_get(root, "model"), want.model));
	if (facts->stream && rec->dialect == &dialect_openai_chat)
		assert_true(json_is(json_get(json_get(root, "stream_options"), "include_usage"), JSON_TRUE));
	assert_true(dialect_estimate_prompt(rec->dialect, facts, rec->operation, TOKENS_UNSAID, a) >= 0);
}

static void check_request(const struct recording *rec, struct arena *a)
{
	struct json body = json_get(json_get(rec->root, "request"), "body");
	struct request_facts facts = { 0 };
	struct failure failure;
	struct json_error error;
	struct slice text = json_raw(body);
	struct json inner = json_get(body, "base64");
	if (!json_exists(inner))
		inner = json_get(body, "b64");
	if (json_count(body) == 1 && json_is(inner, JSON_STRING))
		text = decode_base64(json_text(inner, a), a);
	if (!json_is(body, JSON_OBJECT) || !json_parse(a, text, &facts.doc, &error) || !json_is(json_root(&facts.doc), JSON_OBJECT))
		return;
	bool in_path = rec->dialect == &dialect_gemini || rec->dialect == &dialect_bedrock;
	bool named = in_path || json_is(json_get(json_root(&facts.doc), "model"), JSON_STRING);
	bool ok = rec->dialect->read_request(&facts, rec->operation, model_of_url(rec->url), rec->stream, a, &failure);
	/* Azure's and Vertex's older paths carry the model outside of the body, and some requests name a stored
	 * prompt instead. */
	if (ok != named)
		complain("%.*s: %s", SLICE_ARG(rec->id), ok ? "read without a model" : failure.message);
	if (!ok) {
		counts.without_model++;
		return;
	}
	counts.requests++;
	check_edits(rec, &facts, a);
}

static void check_recording(const char *path)
{
	struct recording rec;
	struct arena a;
	arena_init(&a);
	if (open_recording(&rec, path, &a) && !(rec.excepted && rec.expected == FAILURE_NONE)) {
		counts.files++;
		check_request(&rec, &a);
		if (rec.status >= 400)
			check_error(&rec);
		else if (rec.stream)
			check_stream(&rec);
		else
			check_whole(&rec);
	}
	arena_done(&a);
}

static void test_recordings(void **state)
{
	const char *folder = getenv("WEIR_RECORDINGS");
	char beside[1024], path[1536];
	if (!folder) {
		snprintf(beside, sizeof(beside), "%.*s/../../../shared/recordings/open",
			 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
		folder = beside;
	}
	DIR *dir = opendir(folder);
	if (!dir) {
		print_message("no recordings beside the project: skipped\n");
		skip();
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!slice_ends_with(slice_cstr(entry->d_name), SLICE(".json")))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		check_recording(path);
	}
	closedir(dir);
	print_message("%u recordings: %u streams (%u without terminator), %u whole answers, %u errors, %u requests (%u more "
		      "without a model), %u answers without usage\n", counts.files, counts.streams, counts.unterminated,
		      counts.wholes, counts.errors, counts.requests, counts.without_model, counts.without_usage);
	assert_int_equal(counts.complaints, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_recordings) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
