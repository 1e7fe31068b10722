/* SPDX-License-Identifier: Apache-2.0 */
/* generationConfig into the hub (DIALECTS §3.1, §3.7, §3.9, §3.12; proto GenerationConfig). */
#include "dialect/gemini/gemini.h"

/* Thoughts' levels are words in any case, or "THINKING_LEVEL_HIGH" in older SDKs' enums. */
static unsigned read_level(struct chat_reading *r, struct json level)
{
	struct slice name = json_text(level, r->arena);
	struct slice prefix = SLICE("THINKING_LEVEL_");
	char lower[16];

	if (slice_starts_with(name, prefix))
		name = slice_after(name, prefix.len);
	if (name.len >= sizeof(lower))
		return 0;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] - 'A' + 'a') : name.ptr[i];
	return effort_by_name(slice_of(lower, name.len));
}

/* 0 is off, -1 the model's business (DIALECTS §3.12). */
static void read_budget(struct reasoning *ret, int64_t budget)
{
	ret->wish = budget == 0 ? REASONING_OFF : budget < 0 ? REASONING_ON : REASONING_BY_BUDGET;
	ret->budget = budget > 0 ? budget : 0;
}

static void read_thinking(struct chat_reading *r, struct json config)
{
	struct reasoning *ret = &r->chat->reasoning;

	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);
		unsigned level = slice_eq(name, SLICE("thinkingLevel")) ? read_level(r, w.value) : 0;
		int64_t budget;

		if (level != 0) {
			ret->effort = level;
			ret->wish = REASONING_BY_EFFORT;
		} else if (slice_eq(name, SLICE("thinkingBudget")) && json_to_i64(w.value, &budget)) {
			if (ret->wish == REASONING_UNSAID)
				read_budget(ret, budget);
		} else if (slice_eq(name, SLICE("includeThoughts"))) {
			ret->visible = json_is(w.value, JSON_TRUE) ? SAID_YES :
				       json_is(w.value, JSON_FALSE) ? SAID_NO : UNSAID;
		} else {
			gemini_keep_other(r, FIELD_OTHER, "generationConfig.thinkingConfig", &w);
		}
	}
}

static bool is_enum_mime(struct json mime)
{
	return json_text_eq(mime, SLICE("text/x.enum"));
}

/* The schema stands in one of three members. Which one it was is kept, so that it goes back there. */
static void read_schema(struct chat_reading *r, const struct json_walk *w, bool of_enum)
{
	if (!json_is(w->value, JSON_OBJECT)) {
		gemini_keep_other(r, FIELD_OTHER, "generationConfig", w);
		return;
	}
	/* The answer is to be the bare word, not JSON: nobody else has that. */
	gemini_keep_other(r, of_enum ? FIELD_OTHER_MEANING : FIELD_FORMAT_SCHEMA, "generationConfig", w);
	if (of_enum)
		return;
	r->chat->format.kind = FORMAT_SCHEMA;
	r->chat->format.strict = SAID_YES;
	r->chat->format.schema = w->value;
}

static void read_mime(struct chat_reading *r, const struct json_walk *w)
{
	if (json_text_eq(w->value, SLICE("text/plain"))) {
		if (r->chat->format.kind == FORMAT_UNSAID)
			r->chat->format.kind = FORMAT_TEXT;
	} else if (json_text_eq(w->value, SLICE("application/json"))) {
		if (r->chat->format.kind != FORMAT_SCHEMA)
			r->chat->format.kind = FORMAT_JSON;
	} else {
		gemini_keep_other(r, is_enum_mime(w->value) ? FIELD_OTHER_MEANING : FIELD_OTHER, "generationConfig", w);
	}
}

static void read_modalities(struct chat_reading *r, const struct json_walk *w)
{
	uint64_t fields = 0;

	for (struct json_walk m = json_walk(w->value); json_walk_next(&m);) {
		struct slice name = json_text(m.value, r->arena);

		r->chat->audio_output |= slice_eq_nocase(name, SLICE("AUDIO"));
		r->chat->image_output |= slice_eq_nocase(name, SLICE("IMAGE"));
	}
	fields |= r->chat->audio_output ? FIELD_AUDIO_OUTPUT : 0;
	fields |= r->chat->image_output ? FIELD_IMAGE_OUTPUT : 0;
	/* Text alone is what everybody answers with: it counts as no field. */
	gemini_keep_other(r, fields, "generationConfig", w);
}

static bool read_number(struct chat_reading *r, struct slice name, struct json value)
{
	struct chat *c = r->chat;
	const struct { const char *name; struct number *place; } numbers[] = {
		{ "temperature", &c->temperature }, { "topP", &c->top_p }, { "topK", &c->top_k }, { "seed", &c->seed },
		{ "presencePenalty", &c->presence_penalty }, { "frequencyPenalty", &c->frequency_penalty },
	};

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (slice_eq(name, slice_cstr(numbers[i].name))) {
			number_read(numbers[i].place, value);
			return true;
		}
	return false;
}

static void read_member(struct chat_reading *r, const struct json_walk *w, bool of_enum)
{
	struct slice name = gemini_key(w->key, r->arena);
	struct chat *c = r->chat;

	if (read_number(r, name, w->value))
		return;
	if (slice_eq(name, SLICE("candidateCount")))
		c->n = json_i64_or(w->value, 1) > 1 ? json_i64_or(w->value, 1) : 1;
	else if (slice_eq(name, SLICE("maxOutputTokens")))
		c->max_output = json_i64_or(w->value, -1);
	else if (slice_eq(name, SLICE("stopSequences")))
		chat_read_stops(c, r->arena, w->value);
	else if (slice_eq(name, SLICE("responseLogprobs")))
		c->logprobs = json_is(w->value, JSON_TRUE);
	else if (slice_eq(name, SLICE("logprobs")))
		c->top_logprobs = json_i64_or(w->value, -1);
	else if (slice_eq(name, SLICE("responseMimeType")))
		read_mime(r, w);
	else if (slice_eq(name, SLICE("responseSchema")) || slice_eq(name, SLICE("responseJsonSchema")) ||
		 slice_eq(name, SLICE("_responseJsonSchema")))
		read_schema(r, w, of_enum);
	else if (slice_eq(name, SLICE("responseModalities")))
		read_modalities(r, w);
	else if (slice_eq(name, SLICE("thinkingConfig")))
		read_thinking(r, w->value);
	else
		gemini_keep_other(r, FIELD_OTHER, "generationConfig", w);
}

void gemini_read_config(struct chat_reading *r, struct json config)
{
	bool of_enum = is_enum_mime(gemini_get(config, "responseMimeType"));

	if (!json_is(config, JSON_OBJECT))
		return;
	for (struct json_walk w = json_walk(config); json_walk_next(&w);)
		if (!json_is(w.value, JSON_NULL))
			read_member(r, &w, of_enum);
}
