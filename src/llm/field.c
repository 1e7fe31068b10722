/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields a chat uses, and what becomes of them at a target. */
#include "llm/field.h"

#include "llm/quirks.h"

static const struct { const char *words; enum field_class class; } rows[FIELD_COUNT] = {
#define X(name, words_, class_) [FIELD_INDEX_##name] = { words_, FIELD_CLASS_##class_ },
	CHAT_FIELDS(X)
#undef X
};

const char *field_words(enum field_index f)
{
	return rows[f].words;
}

enum field_class field_class(enum field_index f)
{
	return rows[f].class;
}

const char *carriage_name(enum carriage c)
{
	static const char *const names[] = {
		[CARRIED] = "carried", [REWRITTEN] = "rewritten", [DROPPED] = "dropped", [REFUSED] = "refused",
	};

	return names[c];
}

/* ---- which fields are in use ---- */

static uint64_t media_fields(const struct part *p)
{
	const struct media *m = p->media;
	uint64_t fields = m->citations ? FIELD_DOCUMENT_CITATIONS : 0;

	if (m->source == MEDIA_FILE_ID)
		return fields | FIELD_FILE_ID;
	switch (p->kind) {
	case PART_IMAGE:
		return fields | (m->source == MEDIA_URL ? FIELD_IMAGE_URL : FIELD_IMAGE_DATA);
	case PART_AUDIO:
		return fields | FIELD_AUDIO;
	case PART_VIDEO:
		return fields | FIELD_VIDEO;
	default:
		return fields | (m->source == MEDIA_URL    ? FIELD_DOCUMENT_URL
				 : m->source == MEDIA_TEXT ? FIELD_DOCUMENT_TEXT
							   : FIELD_DOCUMENT_DATA);
	}
}

static uint64_t result_fields(const struct tool_result *r)
{
	uint64_t fields = r->is_error ? FIELD_RESULT_ERROR : 0;

	for (const struct part *p = r->parts; p; p = p->next) {
		if (p->media)
			fields |= FIELD_RESULT_MEDIA | media_fields(p);
		else if (p->kind == PART_OPAQUE)
			fields |= FIELD_OPAQUE_PART;
		if (p->cache_mark != CACHE_MARK_NONE)
			fields |= FIELD_CACHE_MARKS;
	}
	return fields;
}

static uint64_t part_fields(const struct part *p)
{
	uint64_t fields = p->cache_mark != CACHE_MARK_NONE ? FIELD_CACHE_MARKS : 0;

	switch (p->kind) {
	case PART_IMAGE: case PART_AUDIO: case PART_VIDEO: case PART_DOCUMENT:
		return fields | media_fields(p);
	case PART_TOOL_RESULT:
		return fields | result_fields(p->result);
	case PART_REASONING:
		return fields | FIELD_REASONING_HISTORY;
	case PART_OPAQUE:
		return fields | FIELD_OPAQUE_PART;
	case PART_TOOL_CALL: case PART_TEXT: case PART_REFUSAL:
		break;
	}
	return fields;
}

static uint64_t conversation_fields(const struct chat *c)
{
	uint64_t fields = 0;
	bool begun = false;

	for (const struct turn *t = c->turns; t; t = t->next) {
		if (t->role == ROLE_SYSTEM)
			fields |= begun ? FIELD_LATER_SYSTEM : FIELD_SYSTEM;
		else
			begun = true;
		if (t->name.len > 0)
			fields |= FIELD_PARTICIPANT_NAME;
		for (const struct part *p = t->parts; p; p = p->next)
			fields |= part_fields(p);
	}
	/* An assistant turn that ends in a tool call waits for a result; it is no beginning of an answer. */
	if (c->last_turn && c->last_turn->role == ROLE_ASSISTANT && c->last_turn->last &&
	    c->last_turn->last->kind == PART_TEXT)
		fields |= FIELD_PREFILL;
	return fields;
}

static uint64_t tool_fields(const struct chat *c)
{
	uint64_t fields = 0;

	for (const struct tool *t = c->tools; t; t = t->next) {
		static const uint64_t of_kind[] = {
			[TOOL_FUNCTION] = FIELD_TOOLS, [TOOL_CUSTOM] = FIELD_TOOLS | FIELD_CUSTOM_TOOLS,
			[TOOL_WEB_SEARCH] = FIELD_WEB_SEARCH, [TOOL_WEB_FETCH] = FIELD_SERVER_TOOLS,
			[TOOL_CODE] = FIELD_SERVER_TOOLS, [TOOL_OTHER] = FIELD_SERVER_TOOLS,
		};

		fields |= of_kind[t->kind];
		if (t->strict == SAID_YES)
			fields |= FIELD_TOOL_STRICT;
		if (t->cache_mark != CACHE_MARK_NONE)
			fields |= FIELD_CACHE_MARKS;
	}
	switch (c->choice.mode) {
	case CHOICE_NONE:
		fields |= c->tools ? FIELD_CHOICE_NONE : 0;
		break;
	case CHOICE_REQUIRED:
		fields |= FIELD_CHOICE_REQUIRED;
		break;
	case CHOICE_NAMED:
		fields |= FIELD_CHOICE_NAMED;
		break;
	case CHOICE_UNSAID: case CHOICE_AUTO:
		break;
	}
	if (c->choice.allowed_count > 0)
		fields |= FIELD_CHOICE_ALLOWED;
	if (c->choice.parallel == SAID_NO)
		fields |= FIELD_PARALLEL_CONTROL;
	return fields;
}

static uint64_t when(bool condition, uint64_t field)
{
	return condition ? field : 0;
}

static uint64_t parameter_fields(const struct chat *c)
{
	return when(c->max_output >= 0, FIELD_MAX_OUTPUT) | when(c->temperature.said, FIELD_TEMPERATURE) |
	       when(c->top_p.said, FIELD_TOP_P) | when(c->top_k.said, FIELD_TOP_K) | when(c->min_p.said, FIELD_MIN_P) |
	       when(c->frequency_penalty.said, FIELD_FREQUENCY_PENALTY) |
	       when(c->presence_penalty.said, FIELD_PRESENCE_PENALTY) |
	       when(c->repeat_penalty.said, FIELD_REPEAT_PENALTY) | when(c->seed.said, FIELD_SEED) |
	       when(c->stop_count > 0, FIELD_STOP) | when(c->n > 1, FIELD_N) | when(c->logprobs, FIELD_LOGPROBS) |
	       when(json_count(c->logit_bias) > 0, FIELD_LOGIT_BIAS) |
	       when(c->reasoning.wish != REASONING_UNSAID || c->reasoning.effort != 0, FIELD_REASONING) |
	       when(c->reasoning.visible != UNSAID || c->reasoning.summary.len > 0, FIELD_REASONING_VISIBLE) |
	       when(c->verbosity.len > 0, FIELD_VERBOSITY) | when(c->service_tier.len > 0, FIELD_SERVICE_TIER) |
	       when(c->user.len > 0, FIELD_USER) | when(json_count(c->metadata) > 0, FIELD_METADATA) |
	       when(c->cache_key.len > 0, FIELD_CACHE_KEY) |
	       when(c->cache_whole != CACHE_MARK_NONE, FIELD_CACHE_MARKS) | when(c->store != UNSAID, FIELD_STORE) |
	       when(c->previous_response_id.len > 0 || json_exists(c->conversation), FIELD_PREVIOUS_RESPONSE) |
	       when(c->background, FIELD_BACKGROUND) | when(c->audio_output, FIELD_AUDIO_OUTPUT) |
	       when(c->image_output, FIELD_IMAGE_OUTPUT) | when(c->format.kind == FORMAT_JSON, FIELD_FORMAT_JSON) |
	       when(c->format.kind == FORMAT_SCHEMA, FIELD_FORMAT_SCHEMA);
}

uint64_t chat_fields(const struct chat *c)
{
	uint64_t fields = conversation_fields(c) | tool_fields(c) | parameter_fields(c);

	for (const struct other_member *m = c->others; m; m = m->next)
		fields |= m->field;
	return fields;
}

/* ---- what becomes of them ---- */

static const struct { unsigned reject; uint64_t fields; } rejections[] = {
	{ REJECTS_STOP, FIELD_STOP },
	{ REJECTS_PENALTIES, FIELD_FREQUENCY_PENALTY | FIELD_PRESENCE_PENALTY | FIELD_REPEAT_PENALTY },
	{ REJECTS_LOGPROBS, FIELD_LOGPROBS },
	{ REJECTS_LOGIT_BIAS, FIELD_LOGIT_BIAS },
	{ REJECTS_SEED, FIELD_SEED },
	{ REJECTS_TOP_K, FIELD_TOP_K },
	{ REJECTS_FORCED_TOOL, FIELD_CHOICE_REQUIRED | FIELD_CHOICE_NAMED },
	{ REJECTS_PREFILL, FIELD_PREFILL },
	{ REJECTS_PARALLEL_CONTROL, FIELD_PARALLEL_CONTROL },
	{ REJECTS_VERBOSITY, FIELD_VERBOSITY },
};

static const struct { uint64_t quirk, fields; } deviations[] = {
	{ QUIRK_NO_USER, FIELD_USER },
	{ QUIRK_NO_STRICT, FIELD_TOOL_STRICT },
	{ QUIRK_NO_PARALLEL_CONTROL, FIELD_PARALLEL_CONTROL },
	{ QUIRK_NO_N, FIELD_N },
	{ QUIRK_NO_LOGPROBS, FIELD_LOGPROBS },
	{ QUIRK_NO_LOGIT_BIAS, FIELD_LOGIT_BIAS },
	{ QUIRK_NO_PENALTIES, FIELD_FREQUENCY_PENALTY | FIELD_PRESENCE_PENALTY | FIELD_REPEAT_PENALTY },
	{ QUIRK_NO_SEED, FIELD_SEED },
	{ QUIRK_NO_STOP, FIELD_STOP },
	{ QUIRK_NO_SERVICE_TIER, FIELD_SERVICE_TIER },
	{ QUIRK_NO_METADATA, FIELD_METADATA },
	{ QUIRK_NO_VERBOSITY, FIELD_VERBOSITY },
	{ QUIRK_NO_CUSTOM_TOOLS, FIELD_CUSTOM_TOOLS },
	{ QUIRK_NO_FILE_DATA, FIELD_DOCUMENT_DATA | FIELD_FILE_ID },
	{ QUIRK_NO_TOOLS, FIELD_TOOLS | FIELD_CUSTOM_TOOLS | FIELD_CHOICE_REQUIRED | FIELD_CHOICE_NAMED },
	{ QUIRK_NO_FORCED_TOOL, FIELD_CHOICE_REQUIRED | FIELD_CHOICE_NAMED },
	{ QUIRK_NO_IMAGE_URL, FIELD_IMAGE_URL },
};

/* What a dialect has words for, but not everyone who speaks it: only with a quirk that says so. */
static const struct { enum dialect_id dialect; uint64_t field, quirks; } extensions[] = {
	{ DIALECT_OPENAI_CHAT, FIELD_VIDEO, QUIRK_VIDEO_URL },
	{ DIALECT_OPENAI_CHAT, FIELD_PREFILL, QUIRK_PREFIX | QUIRK_PARTIAL },
};

static const uint64_t sampling_fields = FIELD_TEMPERATURE | FIELD_TOP_P | FIELD_TOP_K | FIELD_MIN_P;

/* Models of which it is known that they reason do so unless told otherwise. */
static bool reasons(const struct chat *c, const struct model_rules *rules)
{
	if (c->reasoning.wish == REASONING_OFF)
		return (rules->rejects & REJECTS_REASONING_OFF) != 0;
	if (c->reasoning.wish != REASONING_UNSAID)
		return !(c->reasoning.wish == REASONING_BY_EFFORT && c->reasoning.effort == EFFORT_NONE);
	return rules->reasoning == REASONING_EFFORT || rules->reasoning == REASONING_ALWAYS;
}

/* Words that switch off what a model does unasked. */
static const uint64_t switches = QUIRK_THINKING_TYPE | QUIRK_ENABLE_THINKING | QUIRK_REASONING_OBJECT |
				 QUIRK_REASONING_ENABLED | QUIRK_CHAT_TEMPLATE_THINKING;

bool forced_tool_silences(const struct chat *c, enum dialect_id target, const struct model_rules *rules,
			  uint64_t quirks)
{
	bool quiet = rules->reasoning != REASONING_EFFORT || (target == DIALECT_OPENAI_CHAT && (quirks & switches));

	return (rules->rejects & REJECTS_FORCED_TOOL_WITH_REASONING) && quiet &&
	       (c->choice.mode == CHOICE_REQUIRED || c->choice.mode == CHOICE_NAMED);
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] || !strchr(" \t\r\n\v\f", s.ptr[i]))
			return false;
	return true;
}

/* Fewer of them than were asked for would let the answer run on. Anthropic: "each stop sequence must contain
 * non-whitespace"; Gemini takes five (DIALECTS §3.9). */
static bool stops_rejected(const struct chat *c, const struct model_rules *rules, enum dialect_id target)
{
	unsigned most = rules->stop_max > 0 ? (unsigned)rules->stop_max : target == DIALECT_GEMINI ? 5 : CHAT_STOPS_MAX;

	if (c->stop_count > most)
		return true;
	for (unsigned i = 0; target == DIALECT_ANTHROPIC && i < c->stop_count; i++)
		if (is_blank(c->stops[i]))
			return true;
	return false;
}

/* Where models have no structured output there are words for it (openai-chat), or a tool that must be called (dialects
 * of blocks) if one may be forced; Gemini has neither. */
static bool schema_rejected(const struct chat *c, const struct model_rules *rules, enum dialect_id target)
{
	bool by_tool = target == DIALECT_ANTHROPIC || target == DIALECT_BEDROCK;

	if (!(rules->rejects & REJECTS_SCHEMA))
		return false;
	return by_tool ? (rules->rejects & REJECTS_FORCED_TOOL) != 0 : target == DIALECT_GEMINI && c->dialect != target;
}

/* Claude's own word for it goes with a choice that is left to the model: beside another one Converse answers 400
 * (litellm #36536). */
static bool single_call_rejected(const struct chat *c, const struct model_rules *rules, enum dialect_id target)
{
	bool left = c->choice.mode == CHOICE_UNSAID || c->choice.mode == CHOICE_AUTO;
	bool answers_by_tool = c->format.kind == FORMAT_SCHEMA && (rules->rejects & REJECTS_SCHEMA);

	return target == DIALECT_BEDROCK &&
	       (rules->single_call != SINGLE_CALL_TOOL_CHOICE || !left || answers_by_tool || !c->tools);
}

static uint64_t rule_fields(const struct chat *c, const struct model_rules *rules, enum dialect_id target,
			    uint64_t quirks)
{
	uint64_t out = 0;
	bool silenced = forced_tool_silences(c, target, rules, quirks), reasoning = !silenced && reasons(c, rules);

	for (unsigned i = 0; i < sizeof(rejections) / sizeof(rejections[0]); i++)
		if (rules->rejects & rejections[i].reject)
			out |= rejections[i].fields;
	if (rules->sampling == SAMPLING_REJECTED || (rules->sampling == SAMPLING_WITHOUT_REASONING && reasoning))
		out |= sampling_fields | FIELD_LOGPROBS;
	if ((rules->rejects & REJECTS_TEMPERATURE_WITH_TOP_P) && c->temperature.said)
		out |= FIELD_TOP_P;
	if ((rules->rejects & REJECTS_FORCED_TOOL_WITH_REASONING) && c->reasoning.wish != REASONING_UNSAID &&
	    reasons(c, rules))
		out |= silenced ? FIELD_REASONING | FIELD_REASONING_VISIBLE
				: FIELD_CHOICE_REQUIRED | FIELD_CHOICE_NAMED;
	if (rules->reasoning == REASONING_ABSENT)
		out |= FIELD_REASONING | FIELD_REASONING_VISIBLE;
	if (target == DIALECT_OPENAI_CHAT &&
	    ((rules->rejects & REJECTS_TOOLS_ON_CHAT) ||
	     ((rules->rejects & REJECTS_TOOLS_ON_CHAT_WITH_REASONING) && reasoning)))
		out |= FIELD_TOOLS | FIELD_CUSTOM_TOOLS;
	/* Other models answer 400, or never look (DIALECTS §3.14). */
	if (target == DIALECT_OPENAI_CHAT && c->dialect != target && rules->web_search != SEARCH_WORDS_OPTIONS)
		out |= FIELD_WEB_SEARCH;
	if (single_call_rejected(c, rules, target))
		out |= FIELD_PARALLEL_CONTROL;
	if (stops_rejected(c, rules, target))
		out |= FIELD_STOP;
	if (schema_rejected(c, rules, target))
		out |= FIELD_FORMAT_SCHEMA;
	if ((rules->rejects & REJECTS_SCHEMA_WITH_TOOLS) && c->tools)
		out |= FIELD_FORMAT_JSON | FIELD_FORMAT_SCHEMA;
	return out;
}

static uint64_t deviating_fields(uint64_t quirks)
{
	uint64_t fields = 0;

	for (unsigned i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++)
		if (quirks & deviations[i].quirk)
			fields |= deviations[i].fields;
	return fields;
}

uint64_t field_refusals(uint64_t quirks)
{
	/* Asked for every candidate of every plan. */
	static const uint64_t meaning = 0
#define X(name, words, class_) | (FIELD_CLASS_##class_ == FIELD_CLASS_MEANING ? 1ull << FIELD_INDEX_##name : 0)
		CHAT_FIELDS(X)
#undef X
		;

	return quirks ? deviating_fields(quirks) & meaning : 0;
}

struct field_verdict field_judge(const struct chat *c, const struct field_row *table, enum dialect_id target,
				 const struct model_rules *rules, uint64_t quirks)
{
	struct field_verdict v = { 0 };
	uint64_t out = rule_fields(c, rules, target, quirks) | deviating_fields(quirks);

	for (unsigned i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (target == extensions[i].dialect && c->dialect != target && !(quirks & extensions[i].quirks))
			out |= extensions[i].field;
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		uint64_t bit = 1ull << i;
		bool is_own = c->dialect == target && table[i].expressed;

		if (!(c->fields & bit))
			continue;
		if (!(out & bit) && (is_own || table[i].carriage == CARRIED || table[i].carriage == REWRITTEN))
			v.carried |= bit;
		else if (rows[i].class == FIELD_CLASS_MEANING)
			v.refused |= bit;
		else
			v.dropped |= bit;
	}
	return v;
}

static struct slice join(struct slice text, struct slice more, struct arena *a)
{
	return text.len == 0 ? more : arena_printf(a, "%.*s, %.*s", SLICE_ARG(text), SLICE_ARG(more));
}

struct slice field_list(uint64_t fields, struct arena *a)
{
	struct slice text = SLICE("");

	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (fields & 1ull << i)
			text = join(text, slice_cstr(rows[i].words), a);
	return text;
}

enum { MEMBER_SHOWN_MAX = 64 };

static struct slice show_member(struct slice path, struct arena *a)
{
	size_t len = path.len < MEMBER_SHOWN_MAX ? path.len : MEMBER_SHOWN_MAX;
	char *shown = arena_alloc(a, len + 1);

	for (size_t i = 0; i < len; i++)
		shown[i] = path.ptr[i] > ' ' && path.ptr[i] < 0x7f && path.ptr[i] != ',' ? path.ptr[i] : '?';
	return slice_of(shown, len);
}

struct slice chat_field_list(const struct chat *c, uint64_t fields, struct arena *a)
{
	const uint64_t nameless = FIELD_OTHER | FIELD_OTHER_MEANING;
	struct slice text = field_list(fields & ~nameless, a);

	for (const struct other_member *m = c->others; m; m = m->next)
		if (m->field & fields & nameless)
			text = join(text, show_member(m->path, a), a);
	return text;
}
