/* SPDX-License-Identifier: Apache-2.0 */
/* In-place edits of the verbatim relay that a target's model or provider asks for (PRODUCT §2.1): parameters that it
 * rejects are left out, those it calls otherwise are renamed or mapped. The conversation's bytes are not touched, save
 * where a declared quirk of the provider meets them. What the edits are is decided where it is decided for
 * translations, by the verdict on fields and the dialect's own writer: of what it writes, only these members are taken
 * over, and only where they differ in meaning. */
#include "dialect/dialect_internal.h"

static bool is_same(struct json a, struct json b)
{
	if (json_type(a) != json_type(b))
		return false;
	if (slice_eq(json_raw(a), json_raw(b)))
		return true;
	switch (json_type(a)) {
	case JSON_NUMBER: {
		double x, y;

		return json_to_double(a, &x) && json_to_double(b, &y) && x == y;
	}
	case JSON_OBJECT:
		if (json_count(a) != json_count(b))
			return false;
		for (struct json_walk w = json_walk(a); json_walk_next(&w);) {
			struct slice key = json_raw(w.key);
			struct json_walk other = json_walk(b);
			bool found = false;

			while (!found && json_walk_next(&other))
				found = slice_eq(key, json_raw(other.key)) && is_same(w.value, other.value);
			if (!found)
				return false;
		}
		return true;
	case JSON_ARRAY: {
		struct json_walk x = json_walk(a), y = json_walk(b);

		if (json_count(a) != json_count(b))
			return false;
		while (json_walk_next(&x) && json_walk_next(&y))
			if (!is_same(x.value, y.value))
				return false;
		return true;
	}
	default:
		return false;
	}
}

bool parameters_are_said(const struct dialect *d, const struct request_facts *facts, uint64_t quirks)
{
	struct json root = json_root(&facts->doc);

	for (const struct parameter *p = d->parameters; p && p->name; p++)
		if ((p->quirks == 0 || (p->quirks & quirks)) && json_exists(json_member(root, slice_cstr(p->name))))
			return true;
	return false;
}

/* A wish for reasoning in a form that the model does not take. */
static bool is_foreign_wish(const struct reasoning *wish, const struct model_rules *rules)
{
	bool by_words = rules->reasoning == REASONING_EFFORT || rules->reasoning == REASONING_ADAPTIVE ||
			rules->reasoning == REASONING_LEVEL;

	switch (wish->wish) {
	case REASONING_UNSAID:
		return false;
	case REASONING_OFF:
		return (rules->rejects & REJECTS_REASONING_OFF) != 0;
	case REASONING_BY_BUDGET:
		return by_words;
	case REASONING_BY_EFFORT:
		return rules->reasoning == REASONING_BUDGET ||
		       (rules->efforts != 0 && !(rules->efforts & wish->effort));
	case REASONING_ON:
		return rules->reasoning == REASONING_BUDGET;
	}
	return false;
}

static bool is_foreign_limit(struct json root, const struct model_rules *rules)
{
	return (rules->rejects & REJECTS_MAX_TOKENS_NAME) && json_exists(json_get(root, "max_tokens"));
}

/* Takes over from `wanted` what may be edited. Returns the fields of it; `*ret_ok`: the edits fit. */
static uint64_t take_over(const struct dialect *d, struct json root, struct json wanted, uint64_t met,
			  struct splice *out, struct arena *a, bool *ret_ok)
{
	uint64_t fields = 0;

	*ret_ok = true;
	for (const struct parameter *p = d->parameters; p->name; p++) {
		struct slice name = slice_cstr(p->name);
		struct json theirs = json_member(wanted, name), ours = json_member(root, name);

		if ((p->quirks != 0 && !(p->quirks & met)) || (!json_exists(ours) && !json_exists(theirs)))
			continue;
		if (!json_exists(theirs))
			*ret_ok &= splice_remove(out, root, name);
		else if (!json_exists(ours))
			*ret_ok &= splice_insert(out, root, name, json_raw(theirs), a);
		else if (!is_same(ours, theirs))
			*ret_ok &= splice_replace(out, ours, json_raw(theirs));
		else
			continue;
		fields |= p->fields;
	}
	return fields;
}

bool parameters_edit(const struct dialect *d, const struct request_facts *facts, const struct chat *c,
		     struct chat_target *target, struct splice *out, struct buf *body, struct arena *a,
		     struct arena *scratch, uint64_t *ret_dropped)
{
	struct json root = json_root(&facts->doc);
	struct field_verdict v = field_judge(c, d->fields, d->id, target->rules, target->quirks);
	uint64_t met = deviations_met(c, root, target->quirks);
	struct json_error error;
	struct failure ignored;
	struct json_doc doc;
	bool ok;

	*ret_dropped = 0;
	target->carried = v.carried | v.refused;
	if (v.dropped == 0 && met == 0 && !is_foreign_wish(&c->reasoning, target->rules) &&
	    !is_foreign_limit(root, target->rules))
		return true;
	/* What cannot be said there at all is for the provider to judge. */
	if (!d->write_chat(c, target, scratch, body, &ignored) ||
	    !json_parse(a, arena_dup(a, buf_slice(body)), &doc, &error))
		return true;
	/* A tool that had to be renamed would come back to the client by a name it does not know. */
	if (target->names->count > 0)
		met = 0;
	*ret_dropped = take_over(d, root, json_root(&doc), met, out, a, &ok) & (v.dropped | *target->rewritten_lossy);
	return ok;
}
