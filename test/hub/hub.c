/* SPDX-License-Identifier: Apache-2.0 */
/* The hub on a pipe, for tests that hold translations against other readers: one JSON command per line in, one JSON
 * result per line out, in order.
 *
 *   {"op":"request","client":D,"provider":D,"body":T[,"model":public id,"own":id there,"name":provider's name,
 *    "path_model":M,"path_stream":true,"max_output":N,"quirks":["…"],"variant":true,"operation":"count_tokens"]}
 *     → {"ok":true,"body":T,"path":P,"dropped":"…"} | {"ok":false,"stage":"read|judge|write","error":"…","fields":"…"}
 *   {"op":"relay", as "request", of one dialect}: the client's bytes with the edits that the target asks for
 *     → {"ok":true,"body":T,"path":P,"dropped":"…"}
 *   {"op":"answer","client":D,"provider":D,"body_base64":B,"stream":what the client wants,"from_stream":what came
 *    [,"asked":the client's request,"query":"alt=sse","provider_query":"alt=sse","split":bytes per feed,
 *    "status":200,"name":…,"model":…,"quirks":["…"]]}
 *     → {"ok":true,"body_base64":B,"usage":{…},"end":"complete|cut"} | {"ok":false,"kind":"…","error":"…"}
 *   {"op":"count","client":D,"tokens":N} → {"ok":true,"body":T}
 *   {"op":"estimate","client":D,"body":T[,"provider":D,"name":provider's name,"model":public id,"own":id there]}
 *     → {"ok":true,"tokens":N,"family":F,"parts":[…],"pictures":[…]}
 *   {"op":"fields"} → {"ok":true,"fields":[{"words":W,"class":C,
 *    "dialects":{D:{"expressed":true,"carriage":"carried"}}}]}
 *
 * A translation is deterministic here: the same seed, the same time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "dialect/translation.h"
#include "json/writer.h"
#include "llm/state.h"
#include "provider/rules.h"

enum { LINE_MAX_BYTES = 256 << 20, LIMIT = 64 << 20 };

static struct arena arena;

static struct slice text_of(struct json root, const char *name, const char *otherwise)
{
	struct slice s = json_text(json_member(root, slice_cstr(name)), &arena);

	return s.ptr ? s : slice_cstr(otherwise);
}

static const struct dialect *dialect_of(struct json root, const char *name)
{
	return dialect_by_id(dialect_id_by_name(text_of(root, name, "")));
}

static uint64_t quirks_of(struct json list)
{
	uint64_t quirks = 0;

	for (struct json_walk w = json_walk(list); json_walk_next(&w);)
		for (unsigned i = 0; i < QUIRK_COUNT; i++)
			if (slice_eq_nocase(json_text(w.value, &arena), slice_cstr(quirk_names[i])))
				quirks |= 1ull << i;
	return quirks;
}

static void begin(struct json_writer *w, struct buf *out, bool ok)
{
	buf_clear(out);
	json_writer_init(w, out);
	json_begin_object(w);
	json_member_bool(w, "ok", ok);
}

static void refuse(struct json_writer *w, struct buf *out, const char *stage, const struct failure *f, uint64_t fields)
{
	begin(w, out, false);
	json_member_cstr(w, "stage", stage);
	json_member_cstr(w, "kind", failure_kind_name(f->kind));
	json_member_cstr(w, "error", f->message);
	json_member_string(w, "fields", field_list(fields, &arena));
	json_end_object(w);
}

static bool read_facts(struct json root, const struct dialect *d, struct slice body, enum operation op,
		       struct request_facts *facts, struct failure *f)
{
	struct json_error error;

	*facts = (struct request_facts){ .variant = json_to_bool(json_get(root, "variant"), false) };
	if (!json_parse(&arena, body, &facts->doc, &error))
		return failure_set(f, FAILURE_BAD_REQUEST, "not JSON: %s at %zu", error.message, error.offset);
	return d->read_request(facts, op, text_of(root, "path_model", "model"),
			       json_to_bool(json_get(root, "path_stream"), false), &arena, f);
}

static void do_request(struct json root, struct buf *out)
{
	const struct dialect *client = dialect_of(root, "client"), *provider = dialect_of(root, "provider");
	enum operation op = operation_by_name(text_of(root, "operation", "chat"));
	struct slice name = text_of(root, "name", "there"), own = text_of(root, "own", "own-model");
	struct request_facts facts;
	struct chat chat;
	struct failure f = { .kind = FAILURE_INTERNAL, .message = "no such dialect" };
	struct json_writer w;
	struct translation t;
	uint64_t quirks = quirks_of(json_get(root, "quirks"));
	const struct model_rules *rules = rules_find(name, text_of(root, "model", ""), own);

	if (!client || !provider || !client->read_chat || !provider->write_chat ||
	    !read_facts(root, client, text_of(root, "body", ""), op, &facts, &f) ||
	    !client->read_chat(&facts, op, &arena, &chat, &f)) {
		refuse(&w, out, "read", &f, 0);
		return;
	}

	struct field_verdict v = field_judge(&chat, provider->fields, provider->id, rules, quirks);
	if (v.refused) {
		failure_set(&f, FAILURE_UNSUPPORTED, "cannot be carried");
		refuse(&w, out, "judge", &f, v.refused);
		return;
	}
	translation_init(&t, LIMIT);
	t.losses = v.dropped;

	struct chat_target target = {
		.operation = op, .model = own, .provider = name, .rules = rules, .quirks = quirks,
		.max_output = json_i64_or(json_get(root, "max_output"), 0), .carried = v.carried, .stream = facts.stream,
		.ask_usage = facts.stream, .names = &t.names, .rewritten_lossy = &t.losses,
	};
	if (!provider->write_chat(&chat, &target, &arena, &t.request, &f)) {
		refuse(&w, out, "write", &f, 0);
	} else {
		if (state_loses_reasoning(&chat, name, provider->id, rules))
			t.losses |= FIELD_REASONING_HISTORY;
		struct request_route route = { .operation = op, .stream = facts.stream, .model = own, .quirks = quirks,
					       .query = facts.stream ? provider->stream_query : SLICE("") };

		begin(&w, out, true);
		json_member_string(&w, "body", buf_slice(&t.request));
		json_member_string(&w, "path", provider->request_path(&route, &arena));
		json_member_string(&w, "dropped", field_list(t.losses, &arena));
		json_end_object(&w);
	}
	translation_done(&t);
}

static void do_relay(struct json root, struct buf *out)
{
	const struct dialect *d = dialect_of(root, "client");
	struct slice name = text_of(root, "name", "there"), own = text_of(root, "own", "own-model");
	struct slice body = text_of(root, "body", "");
	uint64_t quirks = quirks_of(json_get(root, "quirks")), dropped = 0;
	struct splice *splice = arena_new(&arena, struct splice);
	struct failure f = { .kind = FAILURE_INTERNAL, .message = "no such dialect" };
	struct request_facts facts;
	struct json_writer w;
	struct translation t;
	struct chat chat;

	if (!d || !read_facts(root, d, body, OPERATION_CHAT, &facts, &f) ||
	    !d->read_chat(&facts, OPERATION_CHAT, &arena, &chat, &f)) {
		refuse(&w, out, "read", &f, 0);
		return;
	}
	translation_init(&t, LIMIT);
	splice_init(splice, body);

	struct request_edits edits = { .model = own, .quirks = quirks };
	struct request_route route = { .stream = facts.stream, .model = own, .quirks = quirks };
	struct chat_target target = {
		.model = own, .provider = name, .quirks = quirks,
		.rules = rules_find(name, text_of(root, "model", ""), own),
		.max_output = json_i64_or(json_get(root, "max_output"), 0), .stream = facts.stream, .names = &t.names,
		.rewritten_lossy = &t.losses,
	};
	bool ok = d->edit_request(&facts, OPERATION_CHAT, &edits, splice, &arena) &&
		  parameters_edit(d, &facts, &chat, &target, splice, &t.request, &arena, &arena, &dropped);

	begin(&w, out, ok);
	json_member_string(&w, "body", splice_flatten(splice, &arena));
	json_member_string(&w, "path", d->request_path(&route, &arena));
	json_member_string(&w, "dropped", field_list(dropped, &arena));
	json_end_object(&w);
	translation_done(&t);
}

static void write_usage(struct json_writer *w, const struct usage *u)
{
	json_literal_key(w, "usage");
	json_begin_object(w);
	json_member_bool(w, "reported", u->reported);
	json_member_int(w, "input", u->input);
	json_member_int(w, "input_cached", u->input_cached);
	json_member_int(w, "input_written_5m", u->input_written_5m);
	json_member_int(w, "input_written_1h", u->input_written_1h);
	json_member_int(w, "output", u->output);
	json_member_int(w, "output_reasoning", u->output_reasoning);
	json_end_object(w);
}

static bool next_frame(struct framer *framer, bool at_end, struct frame *ret)
{
	if (framer_next(framer, ret))
		return true;
	return at_end && !framer->malformed && !framer->overflow && framer_end(framer, ret);
}

/* Both ways of the wire: a stream in feeds of `split` bytes, or a whole body. False: `f` says what went wrong. */
static bool take_stream(struct event_reader *r, struct translation *t, enum framing framing, struct slice body,
			size_t split, struct failure *f)
{
	struct framer framer;
	bool ok = true, at_end = false, over = false;

	framer_init(&framer, framing, LIMIT);
	while (ok && !at_end && !over) {
		size_t n = split && split < body.len ? split : body.len;
		struct frame frame;

		framer_feed(&framer, slice_of(body.ptr, n));
		body = slice_after(body, n);
		at_end = body.len == 0;
		while (ok && !over && next_frame(&framer, at_end, &frame)) {
			struct event_list events;
			struct reading reading;
			struct arena scratch;

			arena_init(&scratch);
			event_list_init(&events, &scratch);
			r->sink = &events;
			r->dialect->read_event(r, &frame, &scratch, &reading);
			ok = !(reading.flags & (READING_FAILURE | READING_MALFORMED));
			if (!ok)
				*f = reading.failure;
			else
				ok = translation_take(t, &events, &scratch, f);
			over = (reading.flags & READING_TERMINATOR) != 0;
			arena_done(&scratch);
		}
	}
	if (ok && (framer.malformed || framer.overflow))
		ok = failure_set(f, FAILURE_MALFORMED, "no event stream");
	if (ok && r->dialect->read_end(r) == STREAM_CUT)
		ok = failure_set(f, FAILURE_CUT, "cut");
	framer_done(&framer);
	return ok;
}

static bool take_whole(struct event_reader *r, struct translation *t, struct slice body, struct failure *f)
{
	struct event_list events;
	struct reading reading;

	event_list_init(&events, &arena);
	r->sink = &events;
	r->dialect->read_whole(r, body, &arena, &reading);
	if (reading.flags & (READING_FAILURE | READING_MALFORMED)) {
		*f = reading.failure;
		return false;
	}
	return translation_take(t, &events, &arena, f);
}

static void do_answer(struct json root, struct buf *out)
{
	const struct dialect *client = dialect_of(root, "client"), *provider = dialect_of(root, "provider");
	struct slice body = { 0 };
	bool stream = json_to_bool(json_get(root, "stream"), false), from_stream = json_to_bool(json_get(root, "from_stream"), stream);
	struct failure f = { .kind = FAILURE_INTERNAL, .message = "no such dialect" };
	struct request_facts facts;
	struct event_reader reader;
	struct json_writer w;
	struct translation t;
	int64_t status = json_i64_or(json_get(root, "status"), 200);
	bool ok = base64_decode(text_of(root, "body_base64", ""), &arena, &body);

	if (!ok || !client || !provider || !client->write_event || !provider->read_event ||
	    !read_facts(root, client, text_of(root, "asked", "{\"model\":\"model\"}"), OPERATION_CHAT, &facts, &f)) {
		refuse(&w, out, "read", &f, 0);
		return;
	}
	if (status >= 400) {
		provider->read_failure((int)status, body, &arena, &f);
		refuse(&w, out, "answer", &f, 0);
		return;
	}
	provider->reader_init(&reader, OPERATION_CHAT);
	reader.dialect = provider;
	translation_init(&t, LIMIT);
	reader.arena = &t.arena;
	reader.quirks = quirks_of(json_get(root, "quirks"));
	translation_begin_answer(&t, &(struct translation_answer){
		.client = client, .facts = &facts, .framing = client->stream_framing(text_of(root, "query", "")),
		.folds = !stream, .provider = text_of(root, "name", "there"), .provider_dialect = provider->id,
		.model = text_of(root, "model", "public-model"),
		.usage = &reader.usage, .seed = 42, .now_s = 1763640000, .limit = LIMIT,
	});
	if (from_stream)
		ok = take_stream(&reader, &t, provider->stream_framing(text_of(root, "provider_query", "alt=sse")),
				 body, (size_t)json_i64_or(json_get(root, "split"), 0), &f);
	else
		ok = take_whole(&reader, &t, body, &f);
	usage_clamp(&reader.usage);
	ok = ok && translation_end(&t, &t.out, &f);
	if (ok) {
		begin(&w, out, true);
		json_member_string(&w, "body_base64", base64_encode(buf_slice(&t.out), &arena));
		write_usage(&w, &reader.usage);
		json_end_object(&w);
	} else {
		refuse(&w, out, "answer", &f, 0);
	}
	translation_done(&t);
}

static void do_count(struct json root, struct buf *out)
{
	const struct dialect *client = dialect_of(root, "client");
	struct json_writer w;
	struct buf body;

	buf_init(&body, LIMIT);
	client->write_count(json_i64_or(json_get(root, "tokens"), 0), false, &body);
	begin(&w, out, true);
	json_member_string(&w, "body", buf_slice(&body));
	json_end_object(&w);
	buf_done(&body);
}

/* Whose tokens a target counts, and what was counted: for calibration. */
static void do_estimate(struct json root, struct buf *out)
{
	const struct dialect *client = dialect_of(root, "client"), *provider = dialect_of(root, "provider");
	const struct model_rules *rules =
		rules_find(text_of(root, "name", ""), text_of(root, "model", ""), text_of(root, "own", ""));
	struct prompt_parts parts;
	struct request_facts facts;
	struct json_writer w;
	struct failure f;

	if (!client || !read_facts(root, client, text_of(root, "body", ""), OPERATION_CHAT, &facts, &f)) {
		refuse(&w, out, "read", &f, 0);
		return;
	}
	enum token_family family = provider ? token_family_of(rules, provider->id) : TOKENS_UNSAID;

	client->measure_prompt(&facts, OPERATION_CHAT, &arena, &parts);
	begin(&w, out, true);
	json_member_int(&w, "tokens", estimate_tokens(&parts, family));
	json_member_cstr(&w, "family", token_family_names[family]);
	json_literal_key(&w, "parts");
	json_begin_array(&w);
	for (unsigned i = 0; i < FOUND_COUNT; i++)
		json_int(&w, parts.count[i]);
	json_end_array(&w);
	json_literal_key(&w, "pictures");
	json_begin_array(&w);
	for (unsigned i = 0; i < PICTURE_RULE_COUNT; i++)
		json_int(&w, parts.picture[i]);
	json_end_array(&w);
	json_end_object(&w);
}

static void write_field(struct json_writer *w, unsigned field)
{
	static const char *const classes[] = { "meaning", "tuning", "hint" };

	json_begin_object(w);
	json_member_cstr(w, "words", field_words(field));
	json_member_cstr(w, "class", classes[field_class(field)]);
	json_literal_key(w, "dialects");
	json_begin_object(w);
	for (enum dialect_id id = 0; id < DIALECT_COUNT; id++) {
		const struct dialect *d = dialect_by_id(id);

		if (!d || !d->fields)
			continue;
		json_key(w, slice_cstr(d->name));
		json_begin_object(w);
		json_member_bool(w, "expressed", d->fields[field].expressed);
		json_member_cstr(w, "carriage", carriage_name(d->fields[field].carriage));
		json_end_object(w);
	}
	json_end_object(w);
	json_end_object(w);
}

static void do_fields(struct json root, struct buf *out)
{
	struct json_writer w;

	begin(&w, out, true);
	json_literal_key(&w, "fields");
	json_begin_array(&w);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		write_field(&w, i);
	json_end_array(&w);
	json_end_object(&w);
}

int main(void)
{
	static const struct { const char *name; void (*run)(struct json, struct buf *); } operations[] = {
		{ "request", do_request }, { "relay", do_relay }, { "answer", do_answer }, { "count", do_count },
		{ "estimate", do_estimate }, { "fields", do_fields },
	};
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	struct buf out;

	buf_init(&out, LINE_MAX_BYTES);
	while ((len = getline(&line, &room, stdin)) > 0) {
		struct json_doc doc;
		struct json_error error;

		arena_init(&arena);
		if (!json_parse(&arena, slice_of(line, (size_t)len), &doc, &error)) {
			fprintf(stderr, "hub: a command is not JSON: %s at byte %zu\n", error.message, error.offset);
			return 1;
		}
		buf_clear(&out);
		for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
			if (json_text_eq(json_get(json_root(&doc), "op"), slice_cstr(operations[i].name)))
				operations[i].run(json_root(&doc), &out);
		printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
		fflush(stdout);
		arena_done(&arena);
	}
	buf_done(&out);
	free(line);
	return 0;
}
