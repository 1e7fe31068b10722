/* SPDX-License-Identifier: Apache-2.0 */
/* `weir explain`: the plan for a request that is not sent: what its name means, which rule decides, every candidate in
 * order with the reason it is there or passed over, and what each would cost. The options become the question that POST
 * /api/explain takes; it is answered here, knowing nothing of the world, or with --live by a running gateway. */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include "cmd/config_file.h"
#include "cmd/explain_internal.h"
#include "exchange/question.h"

static int cmd_explain(int argc, char **argv);

enum { TOKENS_MAX = 100000000 };

static const struct option explain_options[] = {
	{ "config", 'c', "FILE", "the configuration (default: $WEIR_CONFIG, else ./weir.yaml, else none)", false },
	{ "model", 'm', "MODEL", "the name as the client would ask for it", false },
	{ "request", 'r', "FILE", "a whole request body instead (- is standard input); nothing of it is sent", false },
	{ "endpoint", 0, "PATH", "with --request: the path it would be sent to, such as /v1/messages", false },
	{ "prompt-tokens", 0, "N", "length of the prompt (default 1000, with --request its estimate)", false },
	{ "max-output", 0, "N", "the request's own limit of the answer, in tokens", false },
	{ "stream", 0, NULL, "a streamed request", false },
	{ "dialect", 0, "NAME",
	  "dialect of the client, such as openai-chat (default), anthropic, gemini", false },
	{ "operation", 0, "NAME", "chat (default), completions, embeddings, count_tokens, compact", false },
	{ "needs", 0, "LIST", "tools, images, audio, documents, structured_output, reasoning, state", false },
	{ "only", 0, "LIST", "as the request header x-weir-only: providers, comma-separated", false },
	{ "key", 0, "NAME", "the name of the caller's key", false },
	{ "user", 0, "NAME", "as the request header x-weir-user", false },
	{ "session", 0, "ID", "as the request header x-weir-session", false },
	{ "tags", 0, "LIST", "as the request header x-weir-tags", false },
	{ "header", 0, "NAME=VALUE", "a request header", true },
	{ "hour", 0, "HOUR", "of the day in UTC, 0 to 23 (default: now)", false },
	{ "live", 0, "URL", "ask the running gateway whose admin plane is there, such as http://127.0.0.1:8485", false },
	{ "json", 0, NULL, "print JSON", false },
};

const struct command command_explain = {
	.name = "explain",
	.summary = "print the plan for a request: every candidate, why, and what it would cost",
	.details = "Estimates take the prompt as uncached and the answer as --max-output or 1000 tokens long. Latencies, breakers and\n"
		   "limits are known to a running gateway only: --live asks one, with $WEIR_ADMIN_TOKEN or the token of the\n"
		   "configuration. The exit status is 1 when nobody could answer such a request. It is not sent anywhere.",
	.options = explain_options,
	.option_count = COUNT_OF(explain_options),
	.run = cmd_explain,
};

/* ---- the options as a question ---- */

static bool read_file(const struct options *o, const char *path, struct buf *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *room;
	size_t n;

	if (!f) {
		options_complain(o, "--request cannot be read: %s: %s", path, strerror(errno));
		return false;
	}
	while ((room = buf_reserve(out, 64 << 10)) && (n = fread(room, 1, 64 << 10, f)) > 0)
		buf_commit(out, n);
	if (f != stdin)
		fclose(f);
	if (!room)
		options_complain(o, "--request is too large: %s", path);
	return room;
}

static bool write_body(const struct options *o, struct json_writer *w, struct arena *a)
{
	struct json_error error;
	struct json_doc doc;
	struct slice text;
	struct buf body;
	bool ok;

	buf_init(&body, EXPLAIN_BODY_MAX);
	ok = read_file(o, options_get(o, "request"), &body);
	text = arena_dup(a, buf_slice(&body));
	buf_done(&body);
	if (!ok)
		return false;
	if (!json_parse(a, text, &doc, &error)) {
		unsigned line, column;

		json_position(text, error.offset, &line, &column);
		options_complain(o, "--request is not valid JSON: %s at line %u, column %u", error.message, line, column);
		return false;
	}
	json_literal_key(w, "body");
	json_value_raw(w, json_raw(json_root(&doc)));
	return true;
}

static bool write_headers(const struct options *o, struct json_writer *w)
{
	if (!options_has(o, "header"))
		return true;
	json_literal_key(w, "headers");
	json_begin_object(w);
	for (unsigned i = 0; i < options_count(o, "header"); i++) {
		struct slice rest = slice_cstr(options_at(o, "header", i));
		struct slice name = slice_next_token(&rest, '=');

		if (!rest.ptr) {
			options_complain(o, "--header takes NAME=VALUE, not '%.*s'", SLICE_ARG(name));
			return false;
		}
		json_key(w, name);
		json_string(w, rest);
	}
	json_end_object(w);
	return true;
}

static bool write_number(const struct options *o, const char *option, const char *name, int64_t high,
			 struct json_writer *w)
{
	int64_t number = -1;

	if (!options_number(o, option, 0, high, &number))
		return false;
	if (number >= 0) {
		json_key(w, slice_cstr(name));
		json_int(w, number);
	}
	return true;
}

/* Options that a whole request says itself. */
static bool check_request(const struct options *o)
{
	static const char *const said[] = { "max-output", "needs" };

	if (!options_has(o, "request")) {
		if (!options_has(o, "model"))
			options_complain(o, "--model or --request is needed");
		else if (options_has(o, "endpoint"))
			options_complain(o, "--endpoint goes with --request");
		else
			return true;
		return false;
	}
	for (unsigned i = 0; i < COUNT_OF(said); i++)
		if (options_has(o, said[i])) {
			options_complain(o, "--%s is read from the --request", said[i]);
			return false;
		}
	return true;
}

static bool write_question(const struct options *o, struct json_writer *w, struct arena *a)
{
	static const char *const texts[] = { "model", "endpoint", "dialect", "operation", "needs",
					     "only",  "key",      "user",    "session",   "tags" };

	if (!check_request(o))
		return false;
	json_begin_object(w);
	for (unsigned i = 0; i < COUNT_OF(texts); i++)
		if (options_has(o, texts[i])) {
			json_key(w, slice_cstr(texts[i]));
			json_string(w, slice_cstr(options_get(o, texts[i])));
		}
	if (options_has(o, "stream"))
		json_member_bool(w, "stream", true);
	if (!write_number(o, "prompt-tokens", "prompt_tokens", TOKENS_MAX, w) ||
	    !write_number(o, "max-output", "max_output", TOKENS_MAX, w) || !write_number(o, "hour", "hour", 23, w) ||
	    !write_headers(o, w) || (options_has(o, "request") && !write_body(o, w, a)))
		return false;
	json_end_object(w);
	return true;
}

/* ---- answering ---- */

/* Planned here with nothing known. Returns the exit status, 0 when `out` has the answer. */
static int answer_here(const struct options *o, struct slice text, struct buf *out, struct arena *a)
{
	struct config *c = config_file_load(options_get(o, "config"));
	struct explanation *e;
	struct json_error error;
	struct failure refusal;
	struct json_writer w;
	struct question q;
	struct json_doc doc;

	if (!c)
		return 1;
	check(json_parse(a, text, &doc, &error), "the question was written here");
	if (!question_read(json_root(&doc), c, a, &q, &refusal)) {
		options_complain(o, "%s", refusal.message);
		config_unref(c);
		return EXIT_USAGE;
	}
	e = question_answer(&q, NULL);
	json_writer_init(&w, out);
	json_begin_object(&w);
	explanation_write(e, &c->routing, &w, a);
	json_end_object(&w);
	explanation_free(e);
	config_unref(c);
	return 0;
}

static int show(const struct options *o, struct slice answer, struct arena *a)
{
	struct json_error error;
	struct json_doc doc;
	struct json root;

	if (!json_parse(a, answer, &doc, &error)) {
		fprintf(stderr, "weir explain: the answer is not JSON\n");
		return 1;
	}
	root = json_root(&doc);
	if (!json_exists(json_get(root, "candidates"))) {
		fprintf(stderr, "weir explain: %.*s\n", SLICE_ARG(json_text(json_get(root, "error"), a)));
		return 1;
	}
	if (options_has(o, "json"))
		printf("%.*s\n", SLICE_ARG(answer));
	else
		explain_print(root, a);
	return json_is(json_get(root, "refusal"), JSON_NULL) ? 0 : 1;
}

static int cmd_explain(int argc, char **argv)
{
	struct buf question, answer;
	struct json_writer w;
	struct options o;
	struct arena a;
	int status;

	if (!options_parse(&o, &command_explain, argc, argv, &status))
		return status;
	arena_init(&a);
	buf_init(&question, EXPLAIN_BODY_MAX + (1 << 20));
	buf_init(&answer, EXPLAIN_ANSWER_MAX);
	json_writer_init(&w, &question);
	if (!write_question(&o, &w, &a))
		status = EXIT_USAGE;
	else if (options_has(&o, "live"))
		status = explain_live(&o, buf_slice(&question), &answer, &a);
	else
		status = answer_here(&o, buf_slice(&question), &answer, &a);
	if (status == 0)
		status = show(&o, buf_slice(&answer), &a);
	buf_done(&question);
	buf_done(&answer);
	arena_done(&a);
	return status;
}
