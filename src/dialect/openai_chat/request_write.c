/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's request as a chat completion: its top level (DIALECTS §3.1, §3.5, §3.7, §3.9, §7). What stays the same over
 * a conversation stands in front (model, tools, system text), what may change from turn to turn behind the messages:
 * a conversation grown by one turn keeps its bytes up to there. */
#include "dialect/openai_chat/openai_chat_internal.h"

#include "llm/names.h"

static const struct name_rule rule_short_id = { .others = "", .max = 9 }; /* Mistral: DIALECTS §3.6 */

enum { MARKS_MAX = 4, TOP_LOGPROBS_MAX = 20 };

const struct other_member *writing_other(const struct chat_writing *wr, const char *name)
{
	for (const struct other_member *m = wr->same ? wr->chat->others : NULL; m; m = m->next)
		if (slice_eq(m->path, slice_cstr(name)) && writing_takes(wr, m))
			return m;
	return NULL;
}

/* ---- numbers ---- */

static void write_number(struct chat_writing *wr, uint64_t field, const char *name, const struct number *n, double low,
			 double high)
{
	if (n->said && writing_carries(wr, field))
		writing_lost(wr, field, request_write_number(&wr->w, name, n, low, high));
}

/* Ranges: DIALECTS §3.9. */
static void write_sampling(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;
	const struct model_rules *rules = wr->target->rules;
	double hottest = rules->temperature_max > 0 ? rules->temperature_max : 2;

	write_number(wr, FIELD_TEMPERATURE, "temperature", &c->temperature, 0, hottest);
	write_number(wr, FIELD_TOP_P, "top_p", &c->top_p, 0, 1);
	write_number(wr, FIELD_TOP_K, "top_k", &c->top_k, -1, 1e9);
	write_number(wr, FIELD_MIN_P, "min_p", &c->min_p, 0, 1);
	write_number(wr, FIELD_FREQUENCY_PENALTY, "frequency_penalty", &c->frequency_penalty, -2, 2);
	write_number(wr, FIELD_PRESENCE_PENALTY, "presence_penalty", &c->presence_penalty, -2, 2);
	write_number(wr, FIELD_REPEAT_PENALTY, "repetition_penalty", &c->repeat_penalty, 0, 1e9);
	write_number(wr, FIELD_SEED, writing_quirk(wr, QUIRK_RANDOM_SEED) ? "random_seed" : "seed", &c->seed, -0x1p63,
		     0x1p63);
}

static void write_stops(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;

	if (c->stop_count == 0 || !writing_carries(wr, FIELD_STOP))
		return;
	json_literal_key(&wr->w, "stop");
	json_begin_array(&wr->w);
	for (unsigned i = 0; i < c->stop_count; i++)
		json_string(&wr->w, c->stops[i]);
	json_end_array(&wr->w);
}

static void write_length(struct chat_writing *wr)
{
	bool completion = (wr->target->rules->rejects & REJECTS_MAX_TOKENS_NAME) &&
			  !writing_quirk(wr, QUIRK_MAX_TOKENS_ONLY);
	int64_t most = request_max_output(wr->chat, wr->target, wr->same);

	if (most < 0)
		return;
	json_key(&wr->w, completion ? SLICE("max_completion_tokens") : SLICE("max_tokens"));
	json_int(&wr->w, most);
}

static void write_logprobs(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;
	int64_t top = c->top_logprobs < TOP_LOGPROBS_MAX ? c->top_logprobs : TOP_LOGPROBS_MAX;

	if (!c->logprobs || !writing_carries(wr, FIELD_LOGPROBS))
		return;
	json_member_bool(&wr->w, "logprobs", true);
	if (top >= 0)
		json_member_int(&wr->w, "top_logprobs", top);
	writing_lost(wr, FIELD_LOGPROBS, c->top_logprobs > TOP_LOGPROBS_MAX);
}

/* ---- the rest ---- */

/* Words of OpenAI's newer models, which by their rules are the ones with a developer role; those who know them too have
 * a quirk that says so, or are spoken to by clients of this dialect. */
static bool takes_words_of_openai(const struct chat_writing *wr)
{
	return wr->same || wr->target->rules->system_role == SYSTEM_AS_DEVELOPER;
}

static void write_accounting(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;
	struct json_writer *w = &wr->w;

	if (c->user.len > 0 && writing_carries(wr, FIELD_USER) && !writing_other(wr, "user") &&
	    !writing_other(wr, "safety_identifier") && !writing_other(wr, "user_id"))
		json_member_string(w, "user", c->user);
	if (json_count(c->metadata) > 0 && writing_carries(wr, FIELD_METADATA)) {
		json_literal_key(w, "metadata");
		json_value_raw(w, json_raw(c->metadata));
	}
	if (c->service_tier.len > 0 && writing_carries(wr, FIELD_SERVICE_TIER))
		json_member_string(w, "service_tier", c->service_tier);
	if (c->cache_key.len > 0 && writing_carries(wr, FIELD_CACHE_KEY)) {
		if (takes_words_of_openai(wr) || writing_quirk(wr, QUIRK_PROMPT_CACHE_KEY))
			json_member_string(w, "prompt_cache_key", c->cache_key);
		else
			writing_lost(wr, FIELD_CACHE_KEY, true);
	}
	/* What other clients want stored weir keeps itself: `store` means OpenAI's own place for completions. */
	if (c->store != UNSAID && wr->same && writing_carries(wr, FIELD_STORE))
		json_member_bool(w, "store", c->store == SAID_YES);
	if (c->verbosity.len > 0 && writing_carries(wr, FIELD_VERBOSITY)) {
		if (takes_words_of_openai(wr))
			json_member_string(w, "verbosity", c->verbosity);
		else
			writing_lost(wr, FIELD_VERBOSITY, true);
	}
}

/* A voice has to be chosen; in streams only pcm16 is to be had [oai]. */
static void write_modalities(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;
	struct json_writer *w = &wr->w;

	if (wr->same)
		return;                /* they go back as they came */
	if (c->audio_output && writing_carries(wr, FIELD_AUDIO_OUTPUT)) {
		json_literal_key(w, "modalities");
		json_value_raw(w, SLICE("[\"text\",\"audio\"]"));
		json_literal_key(w, "audio");
		json_value_raw(w, wr->target->stream ? SLICE("{\"voice\":\"alloy\",\"format\":\"pcm16\"}")
						     : SLICE("{\"voice\":\"alloy\",\"format\":\"wav\"}"));
	} else if (c->image_output && writing_carries(wr, FIELD_IMAGE_OUTPUT)) {
		json_literal_key(w, "modalities");
		json_value_raw(w, SLICE("[\"image\",\"text\"]")); /* OpenRouter: DIALECTS §7.4 */
	}
}

static void write_others(struct chat_writing *wr)
{
	for (const struct other_member *m = wr->same ? wr->chat->others : NULL; m; m = m->next) {
		if (slice_starts_with(m->path, SLICE("messages[")) || !writing_takes(wr, m))
			continue;
		json_key(&wr->w, m->path);
		json_value_raw(&wr->w, m->raw);
	}
}

/* ---- markers ---- */

static unsigned count_marks(const struct chat *c)
{
	unsigned count = 0;

	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			count += p->cache_mark != CACHE_MARK_NONE;
			for (const struct part *q = p->result ? p->result->parts : NULL; q; q = q->next)
				count += q->cache_mark != CACHE_MARK_NONE;
		}
	return count;
}

static void find_marks(struct chat_writing *wr)
{
	const struct model_rules *rules = wr->target->rules;
	unsigned count = count_marks(wr->chat);

	wr->marks = CACHE_MARKS_NONE;
	if (!(wr->chat->fields & FIELD_CACHE_MARKS) || !writing_carries(wr, FIELD_CACHE_MARKS))
		return;
	if (rules->cache_marks == CACHE_MARKS_BREAKPOINT)
		wr->marks = CACHE_MARKS_BREAKPOINT;
	else if (rules->cache_marks == CACHE_MARKS_CONTROL || writing_quirk(wr, QUIRK_CACHE_CONTROL))
		wr->marks = CACHE_MARKS_CONTROL;
	wr->marks_skipped = count > MARKS_MAX ? count - MARKS_MAX : 0;
	writing_lost(wr, FIELD_CACHE_MARKS, wr->marks == CACHE_MARKS_NONE || count > MARKS_MAX ||
						    request_marks_tools(wr->chat));
}

static void write_cache_options(struct chat_writing *wr)
{
	if (wr->marks == CACHE_MARKS_BREAKPOINT && !writing_other(wr, "prompt_cache_options") &&
	    count_marks(wr->chat) > 0) {
		json_literal_key(&wr->w, "prompt_cache_options");
		json_value_raw(&wr->w, SLICE("{\"mode\":\"explicit\"}"));
	}
	if (wr->marks == CACHE_MARKS_CONTROL && wr->chat->cache_whole != CACHE_MARK_NONE)
		openai_chat_write_mark(wr, wr->chat->cache_whole); /* OpenRouter takes it at the top (§7.4) */
}

/* ---- all ---- */

static void writing_init(struct chat_writing *wr)
{
	wr->same = wr->chat->dialect == DIALECT_OPENAI_CHAT;
	wr->shape = (struct chat_shape){
		.options = SHAPE_CUSTOM | (writing_quirk(wr, QUIRK_NO_STRICT) ? 0 : SHAPE_STRICT) |
			   (wr->same ? SHAPE_ALL_TOOLS | SHAPE_OWN_SCHEMAS : 0),
		.names = &name_rule_openai,
		.ids = writing_quirk(wr, QUIRK_SHORT_TOOL_IDS) ? &rule_short_id : NULL,
		.ids_exact = writing_quirk(wr, QUIRK_SHORT_TOOL_IDS),
		.cut_schema_member = writing_quirk(wr, QUIRK_NO_SCHEMA_MEMBER),
		.tools = SCHEMA_PLAIN,
		.strict_tools = SCHEMA_OPENAI_STRICT,
	};
	find_marks(wr);
	openai_chat_find_words(wr);
}

static void write_stream(struct chat_writing *wr)
{
	if (!wr->target->stream)
		return;
	json_member_bool(&wr->w, "stream", true);
	if (wr->target->ask_usage) {
		json_literal_key(&wr->w, "stream_options");
		json_value_raw(&wr->w, SLICE("{\"include_usage\":true}"));
	}
}

static bool write_all(struct chat_writing *wr)
{
	const struct chat *c = wr->chat;
	unsigned tools = shape_count_tools(c, wr->target, &wr->shape) + openai_chat_count_native_tools(wr);

	json_member_string(&wr->w, "model", wr->target->model);
	if (!openai_chat_write_tools(wr, tools))
		return false;
	openai_chat_write_web_search(wr);
	json_literal_key(&wr->w, "messages");
	openai_chat_write_messages(wr);
	if (tools > 0) {
		openai_chat_write_choice(wr);
		openai_chat_write_parallel(wr);
	}
	if (!openai_chat_write_format(wr))
		return false;
	write_length(wr);
	write_sampling(wr);
	write_stops(wr);
	if (c->n > 1 && writing_carries(wr, FIELD_N))
		json_member_int(&wr->w, "n", c->n);
	write_logprobs(wr);
	if (json_count(c->logit_bias) > 0 && writing_carries(wr, FIELD_LOGIT_BIAS)) {
		json_literal_key(&wr->w, "logit_bias");
		json_value_raw(&wr->w, json_raw(c->logit_bias));
	}
	openai_chat_write_reasoning(wr);
	write_accounting(wr);
	write_cache_options(wr);
	write_modalities(wr);
	write_others(wr);
	write_stream(wr);
	return true;
}

bool openai_chat_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			    struct failure *reterr)
{
	struct chat_writing wr = { .chat = c, .target = t, .scratch = scratch, .reterr = reterr };

	json_writer_init(&wr.w, out);
	writing_init(&wr);
	json_begin_object(&wr.w);
	if (!write_all(&wr))
		return false;
	json_end_object(&wr.w);
	if (wr.w.overflow)
		return failure_set(reterr, FAILURE_REQUEST, "the request is too large once translated");
	return true;
}
