/* SPDX-License-Identifier: Apache-2.0 */
/* The model listings: each public id once plus the names of `models:`, in the shape of the caller's dialect (OpenAI's,
 * Anthropic's when anthropic-version is sent, Gemini's below /v1beta, Ollama's below /api). Shapes: the types Model,
 * ModelInfo and Model of the SDKs openai, @anthropic-ai/sdk and @google/genai; ModelSummary and ShowResponse of
 * Ollama's API description. */
#include "exchange/exchange_internal.h"

#include <stdio.h>
#include "json/writer.h"
#include "provider/catalogue.h"

/* One name that a client may ask for. */
struct listed {
	struct slice name;
	struct slice owner;
	const struct model *model;     /* NULL for names of `models:` */
};

struct listing {
	struct listed *items;
	unsigned count;
};

static void add_once(struct listing *l, struct map *seen, struct listed item)
{
	if (map_put(seen, item.name, (void *)item.name.ptr))
		return;
	l->items[l->count++] = item;
}

static struct listing collect(struct exchange *x)
{
	const struct config *c = x->snapshot->config;
	struct listing l = { .count = 0 };
	unsigned most = c->routing.model_count;
	struct map seen;

	for (unsigned p = 0; p < c->routing.provider_count; p++)
		most += c->routing.providers[p].offer_count;
	l.items = arena_array(&x->arena, struct listed, most + 1);
	map_init(&seen);
	for (unsigned m = 0; m < c->routing.model_count; m++)
		add_once(&l, &seen, (struct listed){ c->routing.models[m].name, SLICE("weir"), NULL });
	for (unsigned p = 0; p < c->routing.provider_count; p++) {
		const struct provider *provider = &c->routing.providers[p];

		if (provider->key_count == 0)
			continue; /* no key: it cannot serve them */
		for (unsigned o = 0; o < provider->offer_count; o++)
			add_once(&l, &seen,
				 (struct listed){ provider->offers[o].model->id, provider->name,
						  provider->offers[o].model });
	}
	map_done(&seen);
	return l;
}

static void write_openai(struct json_writer *w, const struct listed *m)
{
	json_begin_object(w);
	json_member_string(w, "id", m->name);
	json_member_cstr(w, "object", "model");
	json_member_int(w, "created", 0);
	json_member_string(w, "owned_by", m->owner);
	if (m->model && m->model->context > 0)
		json_member_int(w, "context_window", m->model->context);
	json_end_object(w);
}

static void write_anthropic(struct json_writer *w, const struct listed *m)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "model");
	json_member_string(w, "id", m->name);
	json_member_string(w, "display_name", m->name);
	json_member_cstr(w, "created_at", "1970-01-01T00:00:00Z");
	if (m->model && m->model->context > 0)
		json_member_int(w, "max_input_tokens", m->model->context);
	if (m->model && m->model->max_output > 0)
		json_member_int(w, "max_tokens", m->model->max_output);
	json_end_object(w);
}

static void write_gemini(struct json_writer *w, const struct listed *m)
{
	char name[RECORD_TEXT_MAX + 8];
	unsigned operations = m->model ? m->model->operations : 1u << OPERATION_CHAT;

	snprintf(name, sizeof name, "models/%.*s", (int)(m->name.len < RECORD_TEXT_MAX ? m->name.len : RECORD_TEXT_MAX), m->name.ptr);
	json_begin_object(w);
	json_member_cstr(w, "name", name);
	json_member_string(w, "displayName", m->name);
	if (m->model && m->model->context > 0)
		json_member_int(w, "inputTokenLimit", m->model->context);
	if (m->model && m->model->max_output > 0)
		json_member_int(w, "outputTokenLimit", m->model->max_output);
	json_key(w, SLICE("supportedGenerationMethods"));
	json_begin_array(w);
	if (operations & 1u << OPERATION_CHAT) {
		json_string(w, SLICE("generateContent"));
		json_string(w, SLICE("countTokens"));
	}
	if (operations & 1u << OPERATION_EMBEDDINGS)
		json_string(w, SLICE("embedContent"));
	json_end_array(w);
	json_end_object(w);
}

/* What every listing of Ollama's has, empty where it speaks of a file on a disk. */
static void write_ollama_details(struct json_writer *w)
{
	json_member_cstr(w, "modified_at", "1970-01-01T00:00:00Z");
	json_literal_key(w, "details");
	json_value_raw(w, SLICE("{\"parent_model\":\"\",\"format\":\"\",\"family\":\"\",\"families\":[],\"parameter_size\":\"\","
				"\"quantization_level\":\"\"}"));
}

/* Ollama's own command line shows the first twelve digits of the digest, and must find them. */
static void write_ollama(struct json_writer *w, const struct listed *m)
{
	json_begin_object(w);
	json_member_string(w, "name", m->name);
	json_member_string(w, "model", m->name);
	json_member_int(w, "size", 0);
	json_member_cstr(w, "digest", "0000000000000000000000000000000000000000000000000000000000000000");
	write_ollama_details(w);
	json_end_object(w);
}

/* A name of `models:` may lead to any model: it is held to be able to do everything that a chat needs. */
static void write_ollama_capabilities(struct json_writer *w, const struct model *m)
{
	unsigned abilities = m ? m->abilities : NEEDS_TOOLS;
	unsigned operations = m ? m->operations : 1u << OPERATION_CHAT;

	json_literal_key(w, "capabilities");
	json_begin_array(w);
	if (operations & 1u << OPERATION_CHAT)
		json_string(w, SLICE("completion"));
	if (operations & 1u << OPERATION_EMBEDDINGS)
		json_string(w, SLICE("embedding"));
	if (abilities & NEEDS_TOOLS)
		json_string(w, SLICE("tools"));
	if (abilities & NEEDS_IMAGES)
		json_string(w, SLICE("vision"));
	if (abilities & NEEDS_REASONING)
		json_string(w, SLICE("thinking"));
	json_end_array(w);
}

/* Clients look for the length of the context under the architecture's name. */
static void write_ollama_shown(struct json_writer *w, const struct listed *m)
{
	json_begin_object(w);
	json_member_cstr(w, "modelfile", "");
	json_member_cstr(w, "parameters", "");
	json_member_cstr(w, "template", "");
	write_ollama_details(w);
	json_literal_key(w, "model_info");
	json_begin_object(w);
	json_member_cstr(w, "general.architecture", "weir");
	json_member_string(w, "general.basename", m->name);
	if (m->model && m->model->context > 0)
		json_member_int(w, "weir.context_length", m->model->context);
	json_end_object(w);
	write_ollama_capabilities(w, m->model);
	json_end_object(w);
}

static void write_item(struct json_writer *w, enum dialect_id dialect, const struct listed *m)
{
	if (dialect == DIALECT_ANTHROPIC)
		write_anthropic(w, m);
	else if (dialect == DIALECT_GEMINI)
		write_gemini(w, m);
	else if (dialect == DIALECT_OLLAMA)
		write_ollama(w, m);
	else
		write_openai(w, m);
}

void listing_models(struct exchange *x)
{
	struct listing l = collect(x);
	enum dialect_id dialect = x->dialect->id;
	struct json_writer w;

	json_writer_init(&w, &x->answer);
	json_begin_object(&w);
	if (dialect == DIALECT_OPENAI_CHAT)
		json_member_cstr(&w, "object", "list");
	json_key(&w, dialect == DIALECT_GEMINI || dialect == DIALECT_OLLAMA ? SLICE("models") : SLICE("data"));
	json_begin_array(&w);
	for (unsigned i = 0; i < l.count; i++)
		write_item(&w, dialect, &l.items[i]);
	json_end_array(&w);
	if (dialect == DIALECT_ANTHROPIC) {
		json_member_bool(&w, "has_more", false);
		json_key(&w, SLICE("first_id"));
		l.count ? json_string(&w, l.items[0].name) : json_null(&w);
		json_key(&w, SLICE("last_id"));
		l.count ? json_string(&w, l.items[l.count - 1].name) : json_null(&w);
	}
	json_end_object(&w);
	if (w.overflow)
		exchange_refuse(x, FAILURE_INTERNAL, "the listing is longer than limits.hold");
}

void listing_model(struct exchange *x)
{
	struct listing l = collect(x);
	struct json_writer w;

	for (unsigned i = 0; i < l.count; i++) {
		if (!slice_eq(l.items[i].name, x->path_id))
			continue;
		json_writer_init(&w, &x->answer);
		if (x->dialect->id == DIALECT_OLLAMA)
			write_ollama_shown(&w, &l.items[i]);
		else
			write_item(&w, x->dialect->id, &l.items[i]);
		return;
	}
	exchange_refuse(x, FAILURE_NO_MODEL, "there is no model '%.*s' here; %s lists those there are",
			(int)(x->path_id.len < 200 ? x->path_id.len : 200), x->path_id.ptr,
			x->dialect->id == DIALECT_GEMINI   ? "/v1beta/models"
			: x->dialect->id == DIALECT_OLLAMA ? "/api/tags"
							   : "/v1/models");
}

/* Clients compare it with the version that brought what they use: this is the one whose API weir speaks. */
#define OLLAMA_VERSION "0.13.0"

void listing_version(struct exchange *x)
{
	check(buf_append_slice(&x->answer, SLICE("{\"version\":\"" OLLAMA_VERSION "\"}")), "a new buffer has room");
}
