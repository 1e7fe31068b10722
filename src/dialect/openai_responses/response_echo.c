/* SPDX-License-Identifier: Apache-2.0 */
/* What a response repeats of its request, with OpenAI's defaults where the client said nothing (recorded: openai). */
#include "dialect/openai_responses/events_write_internal.h"

static const struct {
	const char *name, *otherwise;  /* JSON; NULL: the member is left out */
} echoes[ECHO_COUNT] = {
	[ECHO_BACKGROUND] = { "background", "false" },
	[ECHO_CONVERSATION] = { "conversation", NULL },
	[ECHO_INSTRUCTIONS] = { "instructions", "null" },
	[ECHO_MAX_OUTPUT] = { "max_output_tokens", "null" },
	[ECHO_MAX_TOOL_CALLS] = { "max_tool_calls", "null" },
	[ECHO_PARALLEL] = { "parallel_tool_calls", "true" },
	[ECHO_PREVIOUS] = { "previous_response_id", "null" },
	[ECHO_CACHE_KEY] = { "prompt_cache_key", "null" },
	[ECHO_CACHE_RETENTION] = { "prompt_cache_retention", "null" },
	[ECHO_REASONING] = { "reasoning", "{\"effort\":null,\"summary\":null}" },
	[ECHO_SAFETY_IDENTIFIER] = { "safety_identifier", "null" },
	[ECHO_SERVICE_TIER] = { "service_tier", "\"default\"" },
	[ECHO_STORE] = { "store", "true" },
	[ECHO_TEMPERATURE] = { "temperature", "1.0" },
	[ECHO_TEXT] = { "text", "{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}" },
	[ECHO_CHOICE] = { "tool_choice", "\"auto\"" },
	[ECHO_TOOLS] = { "tools", "[]" },
	[ECHO_TOP_LOGPROBS] = { "top_logprobs", "0" },
	[ECHO_TOP_P] = { "top_p", "1.0" },
	[ECHO_TRUNCATION] = { "truncation", "\"disabled\"" },
	[ECHO_USER] = { "user", "null" },
	[ECHO_METADATA] = { "metadata", "{}" },
};

/* `reasoning` and `text` are objects whose two best known members are always there. */
static struct slice complete_object(struct json object, const char *first, const char *first_otherwise,
				    const char *second, const char *second_otherwise, struct arena *a)
{
	const char *names[] = { first, second }, *otherwise[] = { first_otherwise, second_otherwise };
	struct json_writer j;
	struct buf text;
	struct slice kept;

	buf_init(&text, 2 * json_raw(object).len + 256);
	json_writer_init(&j, &text);
	json_begin_object(&j);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct json v = json_member(object, slice_cstr(names[i]));

		json_key(&j, slice_cstr(names[i]));
		json_value_raw(&j, json_exists(v) && !json_is(v, JSON_NULL) ? json_raw(v) : slice_cstr(otherwise[i]));
	}
	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		struct slice name = json_text(w.key, a);

		if (slice_eq(name, slice_cstr(first)) || slice_eq(name, slice_cstr(second)))
			continue;
		json_key(&j, name);
		json_value_raw(&j, json_raw(w.value));
	}
	json_end_object(&j);
	kept = arena_dup(a, json_one_line(buf_slice(&text), a));
	buf_done(&text);
	return kept;
}

void responses_keep_echo(struct responses_writing *s, struct json root, struct arena *a)
{
	for (size_t i = 0; i < ECHO_COUNT; i++) {
		struct json v = json_member(root, slice_cstr(echoes[i].name));

		if (!json_exists(v) || json_is(v, JSON_NULL))
			s->echo[i] = slice_cstr(echoes[i].otherwise);
		else if (i == ECHO_REASONING && json_is(v, JSON_OBJECT))
			s->echo[i] = complete_object(v, "effort", "null", "summary", "null", a);
		else if (i == ECHO_TEXT && json_is(v, JSON_OBJECT))
			s->echo[i] = complete_object(v, "format", "{\"type\":\"text\"}", "verbosity", "\"medium\"", a);
		else if (i == ECHO_CONVERSATION && json_is(v, JSON_STRING))
			s->echo[i] = arena_join(a, arena_join(a, SLICE("{\"id\":"), json_raw(v)), SLICE("}"));
		else
			s->echo[i] = arena_dup(a, json_one_line(json_raw(v), a));
	}
}

void responses_write_echo(struct json_writer *j, const struct responses_writing *s, enum responses_echo from,
			  enum responses_echo to)
{
	for (size_t i = from; i <= (size_t)to; i++) {
		if (!s->echo[i].ptr)
			continue;
		json_key(j, slice_cstr(echoes[i].name));
		if (i == ECHO_SERVICE_TIER && s->service_tier.len > 0)
			json_string(j, s->service_tier);
		else
			json_value_raw(j, s->echo[i]);
	}
}
