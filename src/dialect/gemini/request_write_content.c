/* SPDX-License-Identifier: Apache-2.0 */
/* systemInstruction and contents of a generateContent request (DIALECTS §3.2, §3.3, §3.6, §3.13).
 *
 * What was read in this dialect goes out content by content as it came, but for foreign state. Of everything else a run
 * of turns between two assistant turns becomes one content of the user's: the results of tools first, in the order of
 * their calls (Vertex pairs them by that), then their media that have no place in a result, then the rest in order,
 * system text among it as <system-reminder>, because Gemini has system text in front only. All of it depends on the
 * conversation so far and on nothing that comes later, so that a grown one begins with the same bytes; so does the
 * dummy signature, which would be needed in the current turn only. */
#include "dialect/gemini/gemini.h"

#include "dialect/chat_shape.h"
#include "llm/state.h"

/* Gemini 3 and later refuse a function call without a signature; this one is documented to stand for those that
 * never had one (DIALECTS §3.13). */
#define DUMMY_SIGNATURE "skip_thought_signature_validator"

enum { ORDERED_MAX = 512 };            /* calls or results of one run that are brought into order */

struct contents {
	struct request_writing *r;
	bool any, open;
	enum chat_role role;           /* of the open or last one */
	bool signed_call;              /* the first call of the model's run was written */
	const struct turn *calls, *calls_end; /* the assistant's run before */
};

/* ---- signatures ---- */

static bool is_at_home(const struct request_writing *r, const struct part *p)
{
	return state_is_at_home(&p->state, r->target->provider, DIALECT_GEMINI);
}

/* Models with levels are those that check signatures. Parallel calls: only the first has one (DIALECTS §3.13). */
static struct slice call_signature(struct contents *c, const struct part *p)
{
	bool first = !c->signed_call;

	c->signed_call = true;
	if (is_at_home(c->r, p))
		return p->state.payload;
	return first && c->r->target->rules->reasoning == REASONING_LEVEL ? SLICE(DUMMY_SIGNATURE) : SLICE("");
}

static void write_signature(struct request_writing *r, struct slice signature)
{
	if (signature.len > 0)
		json_member_string(&r->json, "thoughtSignature", signature);
}

/* ---- media ---- */

static struct slice mime_of(const struct part *p)
{
	struct slice mime = media_guess_mime(p->media);

	if (mime.len > 0)
		return mime;
	return p->kind == PART_IMAGE ? SLICE("image/jpeg") : p->kind == PART_AUDIO ? SLICE("audio/wav") :
	       p->kind == PART_VIDEO ? SLICE("video/mp4") : SLICE("application/pdf");
}

static void write_blob(struct request_writing *r, const struct part *p)
{
	json_literal_key(&r->json, "inlineData");
	json_begin_object(&r->json);
	json_member_string(&r->json, "mimeType", mime_of(p));
	json_member_string(&r->json, "data", p->media->value);
	json_end_object(&r->json);
}

/* A document that is text is said as text: what it is called, and what is said about it, in front of it. */
static struct slice document_text(struct request_writing *r, const struct media *m)
{
	struct slice head = m->name;

	if (m->context.len > 0)
		head = head.len > 0 ? arena_printf(r->arena, "%.*s\n%.*s", SLICE_ARG(head), SLICE_ARG(m->context)) : m->context;
	if (head.len == 0)
		return m->value;
	return arena_printf(r->arena, "%.*s\n\n%.*s", SLICE_ARG(head), SLICE_ARG(m->value));
}

/* A name is for files within a function's response only (FunctionResponseBlob), and nothing is for the rest. */
static void write_document_words(struct request_writing *r, const struct media *m)
{
	struct slice words = request_document_words(m, false, r->arena);

	if (words.len == 0)
		return;
	json_begin_object(&r->json);
	json_member_string(&r->json, "text", words);
	json_end_object(&r->json);
}

static bool write_media(struct request_writing *r, const struct part *p)
{
	const struct media *m = p->media;

	if (m->source == MEDIA_FILE_ID && !r->own)
		return request_cannot_write(r, "a file that was uploaded elsewhere is not to be had at this provider");
	if (m->source == MEDIA_URL && slice_starts_with(m->value, SLICE("s3://")))
		return request_cannot_write(r, "this provider does not fetch from s3://");
	if (m->source == MEDIA_URL && slice_starts_with(m->value, SLICE("data:")))
		return request_cannot_write(r, "a data: address that is not base64 cannot be written for this provider");
	if (m->source == MEDIA_TEXT && m->value.len == 0)
		return true;
	if (p->kind == PART_DOCUMENT && m->source != MEDIA_TEXT && !r->own)
		write_document_words(r, m);
	json_begin_object(&r->json);
	if (m->source == MEDIA_TEXT) {
		json_member_string(&r->json, "text", document_text(r, m));
	} else if (m->source == MEDIA_DATA) {
		write_blob(r, p);
	} else {
		json_literal_key(&r->json, "fileData");
		json_begin_object(&r->json);
		json_member_string(&r->json, "mimeType", mime_of(p));
		json_member_string(&r->json, "fileUri", m->value);
		json_end_object(&r->json);
	}
	json_end_object(&r->json);
	return true;
}

/* ---- contents ---- */

static void close_content(struct contents *c)
{
	if (!c->open)
		return;
	json_end_array(&c->r->json);
	json_end_object(&c->r->json);
	c->open = false;
}

static void begin_content(struct contents *c, enum chat_role role)
{
	struct json_writer *j = &c->r->json;

	json_begin_object(j);
	json_member_cstr(j, "role", role == ROLE_ASSISTANT ? "model" : "user");
	json_literal_key(j, "parts");
	json_begin_array(j);
	if (role != ROLE_ASSISTANT)
		c->signed_call = false;
	c->any = c->open = true;
	c->role = role;
}

static void write_text(struct request_writing *r, struct slice text, struct slice signature)
{
	json_begin_object(&r->json);
	json_member_string(&r->json, "text", text);
	write_signature(r, signature);
	json_end_object(&r->json);
}

static bool is_system_as_user(const struct request_writing *r)
{
	return r->target->rules->system_role == SYSTEM_AS_USER;
}

/* Of models without system text (Gemma), in front of the user's first (DIALECTS §3.2). */
static void write_leading_system(struct contents *c)
{
	for (const struct turn *t = c->r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TEXT && p->text.len > 0 && writes(c->r, FIELD_SYSTEM))
				write_text(c->r, p->text, SLICE(""));
}

/* The first content is the user's (DIALECTS §3.2). */
static void open_content(struct contents *c, enum chat_role role)
{
	if (c->open && c->role == role)
		return;
	close_content(c);
	if (!c->any && is_system_as_user(c->r)) {
		begin_content(c, ROLE_USER);
		write_leading_system(c);
		if (role == ROLE_USER)
			return;
		write_text(c->r, SLICE(REQUEST_FIRST_WORD), SLICE(""));
		close_content(c);
	} else if (!c->any && role != ROLE_USER && !c->r->own) {
		begin_content(c, ROLE_USER);
		write_text(c->r, SLICE(REQUEST_FIRST_WORD), SLICE(""));
		close_content(c);
	}
	begin_content(c, role);
}

/* ---- the model's parts ---- */

static void write_id(struct request_writing *r, struct slice id)
{
	if (id.len > 0 && !(r->target->quirks & QUIRK_NO_FUNCTION_CALL_ID))
		json_member_string(&r->json, "id", id);
}

static void write_call(struct contents *c, const struct part *p)
{
	struct json_writer *j = &c->r->json;

	json_begin_object(j);
	json_literal_key(j, "functionCall");
	json_begin_object(j);
	write_id(c->r, p->call->id);
	json_member_string(j, "name", names_out(c->r->target->names, p->call->name, &name_rule_gemini));
	json_literal_key(j, "args");
	json_value_raw(j, shape_arguments_object(p->call->arguments, c->r->arena));
	json_end_object(j);
	write_signature(c->r, call_signature(c, p));
	json_end_object(j);
}

/* Only what Gemini itself thought: its state, and the summary that it came with. */
static void write_reasoning(struct request_writing *r, const struct part *p)
{
	json_begin_object(&r->json);
	json_member_string(&r->json, "text", p->text);
	if (p->text.len > 0)
		json_member_bool(&r->json, "thought", true);
	write_signature(r, p->state.payload);
	json_end_object(&r->json);
}

static bool write_model_part(struct contents *c, const struct part *p)
{
	struct request_writing *r = c->r;

	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		if (p->text.len == 0)
			return true;
		open_content(c, ROLE_ASSISTANT);
		write_text(r, p->text, is_at_home(r, p) ? p->state.payload : SLICE(""));
		return true;
	case PART_REASONING:
		if (!is_at_home(r, p) || !writes(r, FIELD_REASONING_HISTORY))
			return true;
		open_content(c, ROLE_ASSISTANT);
		write_reasoning(r, p);
		return true;
	case PART_TOOL_CALL:
		open_content(c, ROLE_ASSISTANT);
		write_call(c, p);
		return true;
	case PART_IMAGE: case PART_AUDIO: case PART_VIDEO: case PART_DOCUMENT:
		open_content(c, ROLE_ASSISTANT);
		return write_media(r, p);
	case PART_TOOL_RESULT: case PART_OPAQUE:
		break;
	}
	return true;
}

/* ---- the user's parts ---- */

/* Gemini 3 and later take pictures within a result, as data (DIALECTS §3.6). */
static bool is_within_result(const struct request_writing *r, const struct part *p)
{
	return p->media && p->media->source == MEDIA_DATA && r->target->rules->reasoning == REASONING_LEVEL;
}

static void write_result_parts(struct request_writing *r, const struct tool_result *result)
{
	bool any = false;

	for (const struct part *p = result->parts; p; p = p->next) {
		if (!is_within_result(r, p))
			continue;
		if (!any) {
			json_literal_key(&r->json, "parts");
			json_begin_array(&r->json);
			any = true;
		}
		json_begin_object(&r->json);
		write_blob(r, p);
		json_end_object(&r->json);
	}
	if (any)
		json_end_array(&r->json);
}

static void write_result(struct contents *c, const struct tool_result *result)
{
	struct json_writer *j = &c->r->json;
	bool error = result->is_error && writes(c->r, FIELD_RESULT_ERROR);
	struct slice name = result->name.len > 0 ? result->name : result->id;

	open_content(c, ROLE_USER);
	json_begin_object(j);
	json_literal_key(j, "functionResponse");
	json_begin_object(j);
	write_id(c->r, result->id);
	json_member_string(j, "name", names_out(c->r->target->names, name, &name_rule_gemini));
	json_literal_key(j, "response");
	json_begin_object(j);
	json_ready_key(j, error ? SLICE(",\"error\":") : SLICE(",\"output\":"));
	json_string(j, shape_join_texts(result->parts, "\n", c->r->arena));
	json_end_object(j);
	write_result_parts(c->r, result);
	json_end_object(j);
	json_end_object(j);
}

static bool write_result_media(struct contents *c, const struct tool_result *result)
{
	for (const struct part *p = result->parts; p; p = p->next) {
		if (!p->media || is_within_result(c->r, p))
			continue;
		open_content(c, ROLE_USER);
		if (!write_media(c->r, p))
			return false;
	}
	return true;
}

/* Results in the order of their calls, then those whose call is not there. */
static void write_results(struct contents *c, const struct turn *from, const struct turn *to)
{
	const struct tool_result *results[ORDERED_MAX];
	unsigned count = 0;

	for (const struct turn *t = from; t != to; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (p->kind != PART_TOOL_RESULT)
				continue;
			if (count < ORDERED_MAX)
				results[count++] = p->result;
			else
				write_result(c, p->result);
		}
	unsigned calls = 0;
	for (const struct turn *t = c->calls; count > 0 && t != c->calls_end; t = t->next)
		for (const struct part *p = t->parts; p && calls < ORDERED_MAX; p = p->next) {
			if (p->kind != PART_TOOL_CALL)
				continue;
			calls++;
			for (unsigned i = 0; i < count; i++)
				if (results[i] && slice_eq(results[i]->id, p->call->id)) {
					write_result(c, results[i]);
					results[i] = NULL;
					break;
				}
		}
	for (unsigned i = 0; i < count; i++)
		if (results[i])
			write_result(c, results[i]);
}

static struct slice remind(struct request_writing *r, struct slice text)
{
	return arena_printf(r->arena, "<system-reminder>\n%.*s\n</system-reminder>", SLICE_ARG(text));
}

static bool write_user_part(struct contents *c, const struct turn *t, const struct part *p)
{
	if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) {
		if (p->text.len == 0)
			return true;
		open_content(c, ROLE_USER);
		write_text(c->r, t->role == ROLE_SYSTEM ? remind(c->r, p->text) : p->text, SLICE(""));
		return true;
	}
	if (!p->media)
		return true;
	open_content(c, ROLE_USER);
	return write_media(c->r, p);
}

static bool write_run(struct contents *c, const struct turn *from, const struct turn *to)
{
	write_results(c, from, to);
	for (const struct turn *t = from; t != to; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT && !write_result_media(c, p->result))
				return false;
	for (const struct turn *t = from; t != to; t = t->next) {
		if (t->role == ROLE_SYSTEM && !writes(c->r, FIELD_LATER_SYSTEM))
			continue;
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind != PART_TOOL_RESULT && !write_user_part(c, t, p))
				return false;
	}
	return true;
}

static bool write_foreign(struct contents *c, const struct turn *t)
{
	while (t) {
		const struct turn *from = t;

		for (; t && t->role != ROLE_ASSISTANT; t = t->next)
			;
		if (t != from && !write_run(c, from, t))
			return false;
		for (from = t; t && t->role == ROLE_ASSISTANT; t = t->next)
			for (const struct part *p = t->parts; p; p = p->next)
				if (!write_model_part(c, p))
					return false;
		c->calls = from;
		c->calls_end = t;
	}
	return true;
}

/* ---- parts of this dialect ---- */

/* A call or a result without its id. */
static void write_without_id(struct request_writing *r, struct json inner)
{
	json_begin_object(&r->json);
	for (struct json_walk w = json_walk(inner); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("id")))
			continue;
		json_key(&r->json, json_text(w.key, r->arena));
		json_value_raw(&r->json, json_raw(w.value));
	}
	json_end_object(&r->json);
}

/* Its members, with another signature than it had, and as the target takes ids. */
static void write_edited(struct request_writing *r, const struct part *p, struct slice signature)
{
	bool no_id = (r->target->quirks & QUIRK_NO_FUNCTION_CALL_ID) != 0;
	struct json_error error;
	struct json_doc doc;

	if (!json_parse(r->arena, p->raw, &doc, &error))
		return;
	json_begin_object(&r->json);
	for (struct json_walk w = json_walk(json_root(&doc)); json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);
		bool has_id = slice_eq(name, SLICE("functionCall")) || slice_eq(name, SLICE("functionResponse"));

		if (slice_eq(name, SLICE("thoughtSignature")))
			continue;
		json_key(&r->json, json_text(w.key, r->arena));
		if (no_id && has_id)
			write_without_id(r, w.value);
		else
			json_value_raw(&r->json, json_raw(w.value));
	}
	write_signature(r, signature);
	json_end_object(&r->json);
}

static void write_own_part(struct contents *c, const struct turn *t, const struct part *p)
{
	struct request_writing *r = c->r;
	bool is_call = p->kind == PART_TOOL_CALL, paired = is_call || p->kind == PART_TOOL_RESULT;
	bool wrapped = slice_find(p->raw, SLICE(STATE_MARK)) != SIZE_MAX;
	struct slice signature = is_at_home(r, p) ? p->state.payload : SLICE("");

	/* What another provider thought, or nothing but its state. */
	if (p->kind == PART_REASONING && (p->raw.len == 0 || (wrapped && signature.len == 0)))
		return;
	if (p->kind == PART_OPAQUE && !writes(r, FIELD_OPAQUE_PART))
		return;
	open_content(c, t->role);
	if (p->raw.len == 0) {
		write_text(r, p->text, SLICE(""));
		return;
	}
	if (is_call)
		signature = call_signature(c, p);
	if (wrapped || (is_call && !p->state.payload.ptr && signature.len > 0) ||
	    (paired && (r->target->quirks & QUIRK_NO_FUNCTION_CALL_ID)))
		write_edited(r, p, signature);
	else
		json_value_raw(&r->json, p->raw);
}

static bool write_own(struct contents *c, const struct turn *t)
{
	for (; t; t = t->next) {
		for (const struct part *p = t->parts; p; p = p->next)
			write_own_part(c, t, p);
		close_content(c);
	}
	return true;
}

/* ---- both ---- */

void gemini_write_system(struct request_writing *r)
{
	bool any = false;

	if (is_system_as_user(r))
		return;
	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			bool raw = r->own && p->raw.len > 0;

			if (!writes(r, FIELD_SYSTEM) || (!raw && (p->kind != PART_TEXT || p->text.len == 0)))
				continue;
			if (!any) {
				json_literal_key(&r->json, "systemInstruction");
				json_begin_object(&r->json);
				json_literal_key(&r->json, "parts");
				json_begin_array(&r->json);
				any = true;
			}
			if (raw)
				json_value_raw(&r->json, p->raw);
			else
				write_text(r, p->text, SLICE(""));
		}
	if (!any)
		return;
	json_end_array(&r->json);
	gemini_write_others(r, SLICE("systemInstruction"));
	json_end_object(&r->json);
}

bool gemini_write_contents(struct request_writing *r)
{
	struct contents c = { .r = r };
	const struct turn *t = r->chat->turns;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	json_literal_key(&r->json, "contents");
	json_begin_array(&r->json);
	if (!(r->own ? write_own(&c, t) : write_foreign(&c, t)))
		return false;
	if (!c.any) {
		open_content(&c, ROLE_USER);
		if (!is_system_as_user(r) || !r->chat->turns || !r->chat->turns->parts)
			write_text(r, SLICE(REQUEST_FIRST_WORD), SLICE(""));
	}
	close_content(&c);
	json_end_array(&r->json);
	return true;
}
