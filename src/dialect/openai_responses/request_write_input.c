/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation of a Responses request, out of the hub: `instructions` and the items of `input` (DIALECTS §3.2,
 * §3.3, §3.6, §3.11, §3.13). */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"
#include "llm/state.h"

enum { MARKS_MAX = 4 };                /* written per request; with the automatic one, three (DIALECTS §3.11) */

/* ---- cache markers ---- */

static bool takes_marks(const struct responses_request *q)
{
	return responses_says(q, FIELD_CACHE_MARKS) &&
	       (q->own || q->target->rules->cache_marks == CACHE_MARKS_BREAKPOINT);
}

/* Where breakpoints may stand: input_text, input_image and input_file, in messages and in tools' outputs. */
static bool has_place(const struct part *p)
{
	return p->cache_mark != CACHE_MARK_NONE &&
	       (p->kind == PART_TEXT || p->kind == PART_IMAGE || p->kind == PART_DOCUMENT);
}

static unsigned count_marks(const struct part *parts)
{
	unsigned count = 0;

	for (const struct part *p = parts; p; p = p->next) {
		count += has_place(p);
		if (p->kind == PART_TOOL_RESULT)
			count += count_marks(p->result->parts);
	}
	return count;
}

void responses_plan_input(struct responses_request *q)
{
	unsigned most = q->chat->cache_whole != CACHE_MARK_NONE ? MARKS_MAX - 1 : MARKS_MAX;

	for (const struct turn *t = q->chat->turns; t; t = t->next)
		if (t->role != ROLE_ASSISTANT)
			q->marks += count_marks(t->parts);
	if ((q->chat->fields & FIELD_CACHE_MARKS) && !(takes_marks(q) && (q->marks > 0 || q->chat->cache_whole)))
		*q->target->rewritten_lossy |= FIELD_CACHE_MARKS & q->target->carried;
	if (!takes_marks(q))
		q->marks = 0;
	q->marks_to_skip = q->marks > most && !q->own ? q->marks - most : 0;
	if (q->marks_to_skip > 0 || request_marks_tools(q->chat))
		*q->target->rewritten_lossy |= FIELD_CACHE_MARKS & q->target->carried;
}

/* A marker at the end of everything is what this API sets by itself, unless told that markers are explicit. */
void responses_write_cache_options(const struct responses_request *q)
{
	if (q->marks > 0 && q->chat->cache_whole == CACHE_MARK_NONE)
		(json_literal_key(q->w, "prompt_cache_options"), json_value_raw(q->w, SLICE("{\"mode\":\"explicit\"}")));
}

static void write_mark(struct responses_request *q, const struct part *p)
{
	if (q->marks == 0 || !has_place(p))
		return;
	if (q->marks_to_skip > 0) {
		q->marks_to_skip--;
		return;
	}
	json_literal_key(q->w, "prompt_cache_breakpoint");
	json_value_raw(q->w, p->cache_mark == CACHE_MARK_1H ? SLICE("{\"mode\":\"explicit\",\"ttl\":\"12h\"}")
							    : SLICE("{\"mode\":\"explicit\"}"));
}

/* ---- instructions ---- */

static bool is_text_only(const struct turn *t)
{
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->kind != PART_TEXT)
			return false;
	return true;
}

/* The end of the leading system turns that become `instructions`: all of them as one text when they came from another
 * dialect and nothing in them needs a part of its own; from this one, what were instructions. */
static const struct turn *instructions_end(const struct responses_request *q)
{
	const struct turn *first = q->chat->turns, *end = first;

	if (!first || first->role != ROLE_SYSTEM)
		return first;
	if (q->own) {
		const struct part *p = first->parts;

		return p && p->raw.ptr && p->raw_dialect == DIALECT_OPENAI_RESPONSES ? first->next : first;
	}
	if (q->target->rules->system_role == SYSTEM_AS_USER)
		return first;
	for (; end && end->role == ROLE_SYSTEM; end = end->next)
		if (!is_text_only(end) || (q->marks > 0 && count_marks(end->parts) > 0))
			return first;
	return end ? end : first; /* an `input` of nothing is refused */
}

void responses_write_instructions(const struct responses_request *q)
{
	const struct turn *end = instructions_end(q);
	struct part *list = NULL, **last = &list;

	for (const struct turn *t = q->chat->turns; t != end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			*last = arena_new(q->scratch, struct part);
			(*last)->kind = PART_TEXT;
			(*last)->text = p->text;
			last = &(*last)->next;
		}
	if (list)
		json_member_string(q->w, "instructions", shape_join_texts(list, "\n\n", q->scratch));
}

/* ---- content parts ---- */

static void begin_typed(const struct responses_request *q, const char *type)
{
	json_begin_object(q->w);
	json_member_cstr(q->w, "type", type);
}

static void write_text_part(struct responses_request *q, const struct part *p, struct slice text)
{
	begin_typed(q, "input_text");
	json_member_string(q->w, "text", text);
	write_mark(q, p);
	json_end_object(q->w);
}

static void write_image(struct responses_request *q, const struct part *p)
{
	begin_typed(q, "input_image");
	if (p->media->source == MEDIA_FILE_ID)
		json_member_string(q->w, "file_id", p->media->value);
	else
		json_member_string(q->w, "image_url", shape_media_url(p->media, "image/png", q->scratch));
	json_member_string(q->w, "detail", p->media->detail.len > 0 ? p->media->detail : SLICE("auto"));
	write_mark(q, p);
	json_end_object(q->w);
}

/* Data has to have a name there. */
static struct slice file_name(const struct media *m)
{
	if (m->name.len > 0)
		return m->name;
	return slice_eq(media_guess_mime(m), SLICE("application/pdf")) ? SLICE("document.pdf") : SLICE("document");
}

/* A document that is text is said as text, below its title: files of text are not taken by every model. What
 * Anthropic's clients say about a document stands before it. */
static void write_document(struct responses_request *q, const struct part *p)
{
	static const struct part unmarked = { .kind = PART_TEXT };
	const struct media *m = p->media;

	if (m->context.len > 0)
		write_text_part(q, &unmarked, m->context);
	if (m->source == MEDIA_TEXT) {
		struct slice head = m->name.len > 0 ? arena_join(q->scratch, m->name, SLICE("\n\n")) : SLICE("");

		write_text_part(q, p, head.len > 0 ? arena_join(q->scratch, head, m->value) : m->value);
		return;
	}
	begin_typed(q, "input_file");
	if (m->source == MEDIA_FILE_ID) {
		json_member_string(q->w, "file_id", m->value);
	} else if (m->source == MEDIA_URL) {
		json_member_string(q->w, "file_url", m->value);
	} else {
		json_member_string(q->w, "filename", file_name(m));
		json_member_string(q->w, "file_data", shape_media_url(m, "application/pdf", q->scratch));
	}
	if (m->detail.len > 0)
		json_member_string(q->w, "detail", m->detail);
	write_mark(q, p);
	json_end_object(q->w);
}

static void write_audio(struct responses_request *q, const struct part *p)
{
	struct slice mime = media_guess_mime(p->media);

	begin_typed(q, "input_audio");
	json_literal_key(q->w, "input_audio");
	json_begin_object(q->w);
	json_member_string(q->w, "data", p->media->value);
	json_member_string(q->w, "format", slice_eq(mime, SLICE("audio/mpeg"))             ? SLICE("mp3")
					   : slice_starts_with(mime, SLICE("audio/")) ? slice_after(mime, 6)
										      : SLICE("wav"));
	json_end_object(q->w);
	json_end_object(q->w);
}

/* False: it has no place in content. */
static bool is_content(const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL: case PART_IMAGE: case PART_AUDIO: case PART_DOCUMENT:
		return true;
	default:
		return false;
	}
}

static void write_part(struct responses_request *q, const struct part *p)
{
	switch (p->kind) {
	case PART_IMAGE:
		write_image(q, p);
		break;
	case PART_DOCUMENT:
		write_document(q, p);
		break;
	case PART_AUDIO:
		write_audio(q, p);
		break;
	default:
		write_text_part(q, p, p->text);
		break;
	}
}

static unsigned count_content(const struct part *parts)
{
	unsigned count = 0;

	for (const struct part *p = parts; p; p = p->next)
		count += is_content(p);
	return count;
}

/* One text alone is a string, unless it has a marker to carry. */
static void write_content(struct responses_request *q, const struct part *parts)
{
	const struct part *only = parts;

	while (only && !is_content(only))
		only = only->next;
	if (only && only->kind == PART_TEXT && count_content(parts) == 1 && !(q->marks > 0 && has_place(only))) {
		json_string(q->w, only->text);
		return;
	}
	json_begin_array(q->w);
	for (const struct part *p = parts; p; p = p->next)
		if (is_content(p))
			write_part(q, p);
	json_end_array(q->w);
}

static void write_message(struct responses_request *q, const char *role, const struct part *parts)
{
	begin_typed(q, "message");
	json_member_cstr(q->w, "role", role);
	json_literal_key(q->w, "content");
	write_content(q, parts);
	json_end_object(q->w);
}

/* ---- the user's and the system's turns ---- */

/* The id of a call; a client of this dialect has it from a provider that knows it. */
static void write_call_id(const struct responses_request *q, struct slice id)
{
	json_member_string(q->w, "call_id", q->own ? id : names_id(id, &name_rule_openai, false, q->scratch));
}

/* There is no member for an error: the text says it (DIALECTS §3.6). */
static void write_output(struct responses_request *q, const struct tool_result *r)
{
	static const struct part error = { .kind = PART_TEXT };
	bool parts = r->parts && (r->parts->next || r->parts->media || (q->marks > 0 && has_place(r->parts)));

	begin_typed(q, r->custom ? "custom_tool_call_output" : "function_call_output");
	write_call_id(q, r->id);
	json_literal_key(q->w, "output");
	if (!parts) {
		json_string(q->w, shape_result_text(r, q->scratch));
	} else {
		json_begin_array(q->w);
		if (r->is_error)
			write_text_part(q, &error, SLICE("Error:"));
		for (const struct part *p = r->parts; p; p = p->next)
			if (is_content(p))
				write_part(q, p);
		json_end_array(q->w);
	}
	json_end_object(q->w);
}

static void write_opaque(const struct responses_request *q, const struct part *p)
{
	if (q->own && p->raw_dialect == DIALECT_OPENAI_RESPONSES && responses_says(q, FIELD_OPAQUE_PART))
		json_value_raw(q->w, p->raw);
}

/* Results first: they have to follow the calls (DIALECTS §3.2). */
static void write_user(struct responses_request *q, const struct turn *t)
{
	for (const struct part *p = t->parts; p; p = p->next) {
		if (p->kind == PART_TOOL_RESULT)
			write_output(q, p->result);
		else if (p->kind == PART_OPAQUE)
			write_opaque(q, p);
	}
	if (count_content(t->parts) > 0)
		write_message(q, "user", t->parts);
}

static void write_system(struct responses_request *q, const struct turn *t)
{
	static const char *const roles[] = {
		[SYSTEM_AS_SYSTEM] = "system", [SYSTEM_AS_DEVELOPER] = "developer", [SYSTEM_AS_USER] = "user",
	};
	enum system_role role = q->target->rules->system_role;

	if (count_content(t->parts) == 0)
		return;
	if (role == SYSTEM_AS_SYSTEM && t->developer)
		role = SYSTEM_AS_DEVELOPER;
	write_message(q, q->own ? roles[t->developer ? SYSTEM_AS_DEVELOPER : SYSTEM_AS_SYSTEM] : roles[role], t->parts);
}

/* ---- the assistant's turns ---- */

/* The item that the provider gave, which may be trusted to be JSON only when it came straight from the request. */
static bool is_reasoning_item(struct slice payload, struct arena *scratch)
{
	struct json_doc doc;
	struct json_error error;

	return payload.len > 0 && payload.ptr[0] == '{' && json_parse(scratch, payload, &doc, &error) &&
	       json_is(json_root(&doc), JSON_OBJECT) &&
	       json_text_eq(json_get(json_root(&doc), "type"), SLICE("reasoning"));
}

static bool is_at_home(const struct responses_request *q, const struct part *p)
{
	return p->kind == PART_REASONING && responses_says(q, FIELD_REASONING_HISTORY) &&
	       state_is_at_home(&p->state, q->target->provider, DIALECT_OPENAI_RESPONSES);
}

/* Foreign reasoning goes to none but models that need to see their text again; others would take it for their own. */
static void write_reasoning(struct responses_request *q, const struct part *p)
{
	bool replay = q->target->rules->replay == REPLAY_CONTENT && p->text.len > 0;

	if (is_at_home(q, p) && is_reasoning_item(p->state.payload, q->scratch)) {
		json_value_raw(q->w, p->state.payload);
		return;
	}
	if (!replay || !responses_says(q, FIELD_REASONING_HISTORY))
		return;
	begin_typed(q, "reasoning");
	json_literal_key(q->w, "summary");
	json_value_raw(q->w, SLICE("[]"));
	json_literal_key(q->w, "content");
	json_begin_array(q->w);
	begin_typed(q, "reasoning_text");
	json_member_string(q->w, "text", p->text);
	json_end_object(q->w);
	json_end_array(q->w);
	json_end_object(q->w);
}

void responses_write_tool_name(const struct responses_request *q, struct slice name)
{
	struct slice namespace = SLICE("");

	for (const struct other_member *m = q->own ? q->chat->others : NULL; m && namespace.len == 0; m = m->next)
		if (slice_starts_with(m->path, SLICE("namespaces."))) {
			struct slice one = slice_after(m->path, SLICE("namespaces.").len);

			responses_own_name(&one, 1, name, &namespace);
		}
	name = namespace.len > 0 ? slice_after(name, namespace.len + 1) : name;
	json_member_string(q->w, "name", names_out(q->target->names, name, &name_rule_openai));
	if (namespace.len > 0)
		json_member_string(q->w, "namespace", namespace);
}

static void write_call(struct responses_request *q, const struct part *p, bool with_id)
{
	const struct tool_call *call = p->call;
	struct slice none = call->custom ? SLICE("") : SLICE("{}");

	if (q->own && p->raw.ptr && p->raw_dialect == DIALECT_OPENAI_RESPONSES) {
		json_value_raw(q->w, p->raw);
		return;
	}
	begin_typed(q, call->custom ? "custom_tool_call" : "function_call");
	if (with_id && call->item_id.len > 0)
		json_member_string(q->w, "id", call->item_id);
	write_call_id(q, call->id);
	responses_write_tool_name(q, call->name);
	json_key(q->w, call->custom ? SLICE("input") : SLICE("arguments"));
	json_string(q->w, call->arguments.len > 0 ? call->arguments : none);
	json_end_object(q->w);
}

static bool is_said(const struct part *p)
{
	return p->kind == PART_TEXT || p->kind == PART_REFUSAL;
}

/* The end of the run of texts that are one message. */
static const struct part *message_end(const struct part *p)
{
	const struct part *end = p;

	while (end && is_said(end) && slice_eq(end->item_id, p->item_id) && slice_eq(end->phase, p->phase))
		end = end->next;
	return end;
}

/* The provider's own message: as it was, annotations included. */
static void write_own_message(struct responses_request *q, const struct part *p, const struct part *end)
{
	json_member_string(q->w, "id", p->item_id);
	json_member_cstr(q->w, "status", "completed");
	json_literal_key(q->w, "content");
	json_begin_array(q->w);
	for (; p != end; p = p->next) {
		if (p->raw.ptr && p->raw_dialect == DIALECT_OPENAI_RESPONSES) {
			json_value_raw(q->w, p->raw);
			continue;
		}
		begin_typed(q, p->kind == PART_REFUSAL ? "refusal" : "output_text");
		json_key(q->w, p->kind == PART_REFUSAL ? SLICE("refusal") : SLICE("text"));
		json_string(q->w, p->text);
		if (p->kind == PART_TEXT) {
			json_literal_key(q->w, "annotations");
			json_value_raw(q->w, SLICE("[]"));
			json_literal_key(q->w, "logprobs");
			json_value_raw(q->w, SLICE("[]"));
		}
		json_end_object(q->w);
	}
	json_end_array(q->w);
}

/* Content in parts belongs to messages that have an id (OutputMessage); without one it is a string (EasyInputMessage),
 * in which texts that another dialect had cut in pieces, for its citations, are whole again. */
static void write_said(struct responses_request *q, const struct part *p, const struct part *end, bool with_id)
{
	struct part *list = NULL, **last = &list;

	begin_typed(q, "message");
	json_member_cstr(q->w, "role", "assistant");
	if (p->phase.len > 0)
		json_member_string(q->w, "phase", p->phase);
	if (with_id && p->item_id.len > 0) {
		write_own_message(q, p, end);
	} else {
		for (const struct part *at = p; at != end; at = at->next) {
			*last = arena_new(q->scratch, struct part);
			(*last)->kind = PART_TEXT;
			(*last)->text = at->text;
			last = &(*last)->next;
		}
		json_member_string(q->w, "content", shape_join_texts(list, "", q->scratch));
	}
	json_end_object(q->w);
}

/* Ids of items name what lies at a provider, or belong to its reasoning: they go home with it, or not at all. */
static void write_assistant(struct responses_request *q, const struct turn *t)
{
	bool home = false, media = false;
	const struct part *end;

	for (const struct part *p = t->parts; p; p = p->next) {
		home |= is_at_home(q, p);
		media |= p->media != NULL;
	}
	for (const struct part *p = t->parts; p; p = end) {
		end = p->next;
		if (is_said(p)) {
			end = message_end(p);
			write_said(q, p, end, home);
		} else if (p->kind == PART_REASONING) {
			write_reasoning(q, p);
		} else if (p->kind == PART_TOOL_CALL) {
			write_call(q, p, home);
		} else if (p->kind == PART_OPAQUE) {
			write_opaque(q, p);
		}
	}
	if (!media)
		return;
	/* Pictures that a model made can only be shown to it again, as the user would. */
	begin_typed(q, "message");
	json_member_cstr(q->w, "role", "user");
	json_literal_key(q->w, "content");
	json_begin_array(q->w);
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->media && is_content(p))
			write_part(q, p);
	json_end_array(q->w);
	json_end_object(q->w);
}

/* JSON mode without the word in the input is a 400 at OpenAI, for chat completions too; clients of other dialects need
 * not know that. */
static void write_json_word(struct responses_request *q)
{
	static const struct part word = { .kind = PART_TEXT, .text = { "Answer in JSON.", 15 } };

	if (q->chat->format.kind == FORMAT_JSON && !q->own && q->chat->dialect != DIALECT_OPENAI_CHAT &&
	    responses_says(q, FIELD_FORMAT_JSON))
		write_message(q, q->target->rules->system_role == SYSTEM_AS_DEVELOPER ? "developer" : "system", &word);
}

void responses_write_input(struct responses_request *q)
{
	json_literal_key(q->w, "input");
	json_begin_array(q->w);
	write_json_word(q);
	for (const struct turn *t = instructions_end(q); t; t = t->next) {
		if (t->role == ROLE_SYSTEM)
			write_system(q, t);
		else if (t->role == ROLE_ASSISTANT)
			write_assistant(q, t);
		else
			write_user(q, t);
	}
	json_end_array(q->w);
}
