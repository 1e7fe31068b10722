/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's chat as a generateContent request or the count of its tokens: its members but the conversation, the
 * tools and generationConfig (DIALECTS §3.1, §3.10, §8.10). What stays the same over a conversation stands in front
 * of what grows. */
#include "dialect/gemini/gemini.h"

enum { LABEL_MAX = 63 };               /* DIALECTS §3.10 */

static bool is_within(const struct other_member *m, struct slice parent)
{
	if (parent.len == 0)
		return slice_find(m->path, SLICE(".")) == SIZE_MAX;
	return m->path.len > parent.len + 1 && slice_starts_with(m->path, parent) && m->path.ptr[parent.len] == '.' &&
	       slice_find(slice_after(m->path, parent.len + 1), SLICE(".")) == SIZE_MAX;
}

static const struct other_member *first_other(const struct request_writing *r, const struct other_member *m,
					      struct slice parent)
{
	/* Without a field: what matters to nobody else, and is only kept. */
	while (m && !((m->field == 0 || writes(r, m->field)) && is_within(m, parent)))
		m = m->next;
	return m;
}

bool gemini_has_others(const struct request_writing *r, struct slice parent)
{
	return r->own && first_other(r, r->chat->others, parent);
}

void gemini_write_others(struct request_writing *r, struct slice parent)
{
	const struct other_member *m = r->own ? first_other(r, r->chat->others, parent) : NULL;

	for (; m; m = first_other(r, m->next, parent)) {
		json_key(&r->json, parent.len > 0 ? slice_after(m->path, parent.len + 1) : m->path);
		json_value_raw(&r->json, m->raw);
	}
}

/* ---- labels and tier ---- */

/* Lower-case letters, digits, '_' and '-', at most 63 (Google Cloud's rule for labels); a key begins with a letter. */
static bool is_label(struct slice text, bool key)
{
	if (text.len > LABEL_MAX || (key && (text.len == 0 || text.ptr[0] < 'a' || text.ptr[0] > 'z')))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* Vertex only. AI Studio has no place for either (DIALECTS §3.10). */
static void write_labels(struct request_writing *r)
{
	const struct chat *c = r->chat;
	bool user = c->user.len > 0 && writes(r, FIELD_USER);
	bool pairs = json_count(c->metadata) > 0 && writes(r, FIELD_METADATA);
	bool vertex = (r->target->quirks & QUIRK_VERTEX_BODY) != 0, any = false;

	if (r->own && vertex && pairs) {
		json_literal_key(&r->json, "labels");
		json_value_raw(&r->json, json_raw(c->metadata));
		return;
	}
	for (struct json_walk w = json_walk(pairs ? c->metadata : (struct json){ 0 }); json_walk_next(&w);) {
		struct slice key = json_text(w.key, r->arena), value = json_text(w.value, r->arena);

		if (!vertex || !json_is(w.value, JSON_STRING) || !is_label(key, true) || !is_label(value, false)) {
			r->lossy |= FIELD_METADATA;
			continue;
		}
		if (!any) {
			json_literal_key(&r->json, "labels");
			json_begin_object(&r->json);
			any = true;
		}
		json_key(&r->json, key);
		json_string(&r->json, value);
	}
	if (user && vertex && is_label(c->user, false)) {
		if (!any) {
			json_literal_key(&r->json, "labels");
			json_begin_object(&r->json);
			any = true;
		}
		json_member_string(&r->json, "safety_identifier", c->user);
	} else if (user) {
		r->lossy |= FIELD_USER;
	}
	if (any)
		json_end_object(&r->json);
}

/* flex, standard, priority; Vertex has headers for it (DIALECTS §3.10). What "auto" leaves to the provider is left to
 * it. */
static void write_tier(struct request_writing *r)
{
	static const struct { const char *name, *ours; } tiers[] = {
		{ "default", "standard" }, { "flex", "flex" }, { "priority", "priority" }, { "fast", "priority" },
	};
	struct slice tier = r->chat->service_tier;

	if (tier.len == 0 || !writes(r, FIELD_SERVICE_TIER) || slice_eq(tier, SLICE("auto")))
		return;
	for (size_t i = 0; i < COUNT_OF(tiers) && !(r->target->quirks & QUIRK_VERTEX_BODY); i++)
		if (slice_eq(tier, slice_cstr(tiers[i].name))) {
			json_member_cstr(&r->json, "serviceTier", tiers[i].ours);
			return;
		}
	r->lossy |= FIELD_SERVICE_TIER;
}

/* Whoever asks for it in another dialect means weir's own keeping, too. Vertex has no such member (DIALECTS §3.10). */
static void write_store(struct request_writing *r)
{
	if (r->chat->store == UNSAID || !r->own || !writes(r, FIELD_STORE))
		return;
	if (r->target->quirks & QUIRK_VERTEX_BODY)
		r->lossy |= FIELD_STORE;
	else
		json_member_bool(&r->json, "store", r->chat->store == SAID_YES);
}

/* ---- the whole ---- */

static bool write_members(struct request_writing *r)
{
	bool count = r->target->operation == OPERATION_COUNT_TOKENS;

	gemini_write_system(r);
	if (!gemini_write_tools(r, !count))
		return false;
	if (!count) {
		if (!gemini_write_config(r))
			return false;
		gemini_write_others(r, SLICE(""));
		write_labels(r);
		write_tier(r);
		write_store(r);
	}
	return gemini_write_contents(r);
}

/* AI Studio takes a whole request, Vertex the members themselves (protos CountTokensRequest). */
static void begin_count(struct request_writing *r)
{
	struct slice model = r->target->model;

	json_literal_key(&r->json, "generateContentRequest");
	json_begin_object(&r->json);
	json_member_string(&r->json, "model", slice_find(model, SLICE("/")) != SIZE_MAX ? model :
			   arena_printf(r->arena, "models/%.*s", SLICE_ARG(model)));
}

bool gemini_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr)
{
	struct request_writing r;
	bool wrapped = t->operation == OPERATION_COUNT_TOKENS && !(t->quirks & QUIRK_VERTEX_BODY);

	request_writing_init(&r, c, t, DIALECT_GEMINI, scratch, out, reterr);
	json_begin_object(&r.json);
	if (wrapped)
		begin_count(&r);
	if (!write_members(&r))
		return false;
	if (wrapped)
		json_end_object(&r.json);
	json_end_object(&r.json);
	return request_writing_end(&r);
}
