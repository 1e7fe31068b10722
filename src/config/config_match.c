/* SPDX-License-Identifier: Apache-2.0 */
/* `match`: what a rule asks of a request. All that is said must hold. */
#include "config/config_internal.h"
#include "config/config_notation.h"

static bool is_glob(struct slice s)
{
	return slice_find(s, SLICE("*")) != SIZE_MAX;
}

static bool name_is_known(const struct config *c, struct slice name)
{
	if (map_get(&c->routing.model_by_name, name))
		return true;
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		const struct provider *p = &c->routing.providers[i];
		struct slice rest = name, head = slice_next_token(&rest, '/');

		/* Without a list a provider takes any id: nothing can be said about a name then. */
		if (provider_find_offer(p, name) || (p->foreign && !p->lists_models) ||
		    (rest.ptr && slice_eq(head, p->name)))
			return true;
	}
	return slice_eq(name, SLICE("frontier")) || slice_eq(name, SLICE("fast")) || slice_eq(name, SLICE("cheap"));
}

static void read_model(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), errors = r->report->errors;

	value_texts(r, v, "'model'", &match->models, &match->model_count);
	for (unsigned i = 0; i < count && r->report->errors == errors; i++)
		if (!is_glob(match->models[i]) && !name_is_known(r->config, match->models[i]))
			warning(r, items[i], "no provider lists '%.*s': this matches only a request that is refused",
				SLICE_ARG(yaml_text(items[i])));
}

static bool read_range(struct reader *r, struct yaml v, struct token_range *ret)
{
	struct slice text;

	if (!value_text(r, v, &text))
		return false;
	if (range_parse(text, ret))
		return true;
	problem(r, v, "'%.*s' should be a number of tokens such as \"<2000\", \">=8000\" or \"2000..8000\"",
		SLICE_ARG(yaml_text(v)));
	return false;
}

static void read_prompt_length(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;

	match->has_prompt_length = read_range(r, v, &match->prompt_length);
}

static void read_max_tokens(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;

	match->has_max_tokens = read_range(r, v, &match->max_tokens);
}

static void read_dialect(struct reader *r, struct yaml v, void *into)
{
	const char *words[DIALECT_COUNT + 1] = { NULL };
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), word;

	for (unsigned i = 0; i < DIALECT_COUNT; i++)
		words[i] = dialect_id_name((enum dialect_id)i);
	if (count == 0)
		problem(r, v, "'dialect' is one or several of openai-chat, openai-responses, anthropic, gemini, …");
	for (unsigned i = 0; i < count; i++)
		if (value_word(r, items[i], words, NULL, &word))
			((struct match *)into)->dialects |= 1u << word;
}

static void read_stream(struct reader *r, struct yaml v, void *into)
{
	value_condition(r, v, &((struct match *)into)->stream);
}

static void read_need(struct reader *r, struct yaml v, void *into, unsigned need)
{
	struct match *match = into;
	bool wanted;

	if (!value_bool(r, v, &wanted))
		return;
	if (wanted)
		match->needs |= need;
	else
		match->needs_not |= need;
}

static void read_image(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_IMAGES);
}

static void read_audio(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_AUDIO);
}

static void read_document(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_DOCUMENTS);
}

static void read_tools(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_TOOLS);
}

static void read_structured_output(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_STRUCTURED_OUTPUT);
}

static void read_reasoning(struct reader *r, struct yaml v, void *into)
{
	read_need(r, v, into, NEEDS_REASONING);
}

static bool is_caller(const struct config *c, struct slice name)
{
	for (unsigned i = 0; i < c->key_count; i++)
		if (slice_eq(c->keys[i].name, name))
			return true;
	return c->key_count == 0 && slice_eq(name, SLICE("local"));
}

static void warn_of_stranger(struct reader *r, struct yaml where, struct slice name)
{
	const struct config *c = r->config;
	struct nearest near;

	nearest_init(&near, name);
	for (unsigned i = 0; i < c->key_count; i++)
		nearest_offer(&near, c->keys[i].name);
	if (c->key_count == 0)
		warning(r, where, "without 'keys' every caller is 'local': '%.*s' is nobody", SLICE_ARG(yaml_text(where)));
	else
		warning(r, where, "none of 'keys' has the name '%.*s'%s", SLICE_ARG(yaml_text(where)), nearest_hint(r, &near));
}

static void read_key(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), errors = r->report->errors;

	value_texts(r, v, "'key'", &match->keys, &match->key_count);
	for (unsigned i = 0; i < count && r->report->errors == errors; i++)
		if (!is_glob(match->keys[i]) && !is_caller(r->config, match->keys[i]))
			warn_of_stranger(r, items[i], match->keys[i]);
}

static void read_tag(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;

	value_texts(r, v, "'tag'", &match->tags, &match->tag_count);
	for (unsigned i = 0; i < match->tag_count; i++)
		if (slice_find(match->tags[i], SLICE(",")) != SIZE_MAX)
			problem(r, v, "a tag has no comma: several are a list, any of which will do");
}

static void read_header(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;
	struct yaml_member *members;
	unsigned count = yaml_members(r, v, "'header'", &members);

	if (count == 0 || count > CONFIG_TEXTS_MAX) {
		problem(r, v, "'header' is a map of header names and patterns: { x-team: \"blue*\" }");
		return;
	}
	match->headers = arena_array(r->arena, struct header_condition, count);
	for (unsigned i = 0; i < count; i++) {
		struct header_condition *header = &match->headers[match->header_count];

		if (!header_name_parse(r, members[i].key, &header->name))
			problem(r, members[i].place, "'%.*s' is no header name", SLICE_ARG(members[i].key));
		else if (value_text(r, members[i].value, &header->pattern))
			match->header_count++;
	}
}

static void read_region(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;

	value_texts(r, v, "'region'", &match->regions, &match->region_count);
	if (r->config->routing.region.len == 0)
		warning(r, v, "this matches only where the environment variable WEIR_REGION says the region; it is not set here");
}

static void read_hour(struct reader *r, struct yaml v, void *into)
{
	struct match *match = into;
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	if (count == 0)
		problem(r, v, "'hour' is an hour from 0 to 23, a range such as 8..18, or a list");
	for (unsigned i = 0; i < count; i++) {
		struct slice text;
		uint32_t hours;

		if (!value_text(r, items[i], &text))
			continue;
		if (hours_parse(text, &hours))
			match->hours |= hours;
		else
			problem(r, items[i], "'%.*s' should be an hour from 0 to 23, or a range such as 8..18 or 22..6 (UTC)",
				SLICE_ARG(yaml_text(items[i])));
	}
}

static const struct key match_keys[] = {
	{ "model", "name or pattern, or a list", "every model",
	  "The name as asked, or the public id it resolves to. `*` stands for anything.", read_model },
	{ "prompt_length", "comparison or range", "any length",
	  "Estimated tokens: `<2000`, `<=2000`, `>2000`, `>=2000`, `1000..2000`.", read_prompt_length },
	{ "max_tokens", "comparison or range", "any, or none said",
	  "The limit of the answer that the request says; holds for none that says nothing.", read_max_tokens },
	{ "dialect", "word, or a list", "any", "What the client speaks: `openai-chat`, `openai-responses`, `anthropic`, …",
	  read_dialect },
	{ "stream", "true or false", "both", "A streamed answer is asked for.", read_stream },
	{ "image", "true or false", "both", "There are pictures.", read_image },
	{ "audio", "true or false", "both", "There is sound.", read_audio },
	{ "document", "true or false", "both", "There are documents, such as PDF files.", read_document },
	{ "tools", "true or false", "both", "There are tools.", read_tools },
	{ "structured_output", "true or false", "both", "The answer is to be JSON.", read_structured_output },
	{ "reasoning", "true or false", "both", "Reasoning is asked for.", read_reasoning },
	{ "key", "name or pattern, or a list", "anybody", "The caller, by the name in `keys`; `local` without `keys`.",
	  read_key },
	{ "tag", "word or pattern, or a list", "any", "One of the request's tags (`x-weir-tags`, comma-separated) is among these.",
	  read_tag },
	{ "header", "map of name: pattern", "any", "Headers of the request; `*` alone: it is there. All must match.",
	  read_header },
	{ "region", "word, or a list", "anywhere", "Where this weir runs: the environment variable `WEIR_REGION`.", read_region },
	{ "hour", "hour, range, or a list", "any", "Of the day, UTC: `8..18` (both included), `22..6`, `9`.", read_hour },
	{ "team", "", "", "", NULL },
	{ "budget", "", "", "", NULL },
	{ 0 }
};
const struct section section_match = { "routing[].match", "'match'", match_keys, NULL };

void match_read(struct reader *r, struct yaml v, struct match *ret)
{
	section_read(r, &section_match, v, ret);
}
