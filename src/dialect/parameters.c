/* SPDX-License-Identifier: Apache-2.0 */
/* In-place edits of the verbatim relay that a target's model or provider asks for (PRODUCT §2.1): parameters that it
 * rejects are left out, those it calls otherwise are renamed or mapped. The conversation's bytes are not touched. What
 * the edits are is decided where it is decided for translations, by the verdict on fields and the dialect's own writer:
 * of what it writes, only the parameters are taken over, and only where they differ in meaning. */
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

bool parameters_are_said(const struct dialect *d, const struct request_facts *facts)
{
	struct json root = json_root(&facts->doc);

	for (const struct parameter *p = d->parameters; p && p->name; p++)
		if (json_exists(json_member(root, slice_cstr(p->name))))
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
		return rules->reasoning == REASONING_BUDGET || (rules->efforts != 0 && !(rules->efforts & wish->effort));
	case REASONING_ON:
		return rules->reasoning == REASONING_BUDGET;
	}
	return false;
}

static bool is_foreign_limit(struct json root, const struct model_rules *rules, uint64_t quirks)
{
	return ((rules->rejects & REJECTS_MAX_TOKENS_NAME) && json_exists(json_get(root, "max_tokens"))) ||
	       ((quirks & QUIRK_MAX_TOKENS_ONLY) && json_exists(json_get(root, "max_completion_tokens")));
}

bool parameters_need_edits(const struct chat *c, const struct request_facts *facts, const struct field_verdict *v,
			   const struct model_rules *rules, uint64_t quirks)
{
	return v->dropped != 0 || is_foreign_wish(&c->reasoning, rules) ||
	       is_foreign_limit(json_root(&facts->doc), rules, quirks);
}

bool parameters_edit(const struct dialect *d, const struct request_facts *facts, struct json wanted, struct splice *out,
		     struct arena *a, uint64_t *ret_dropped)
{
	struct json root = json_root(&facts->doc);
	bool ok = true;

	*ret_dropped = 0;
	for (const struct parameter *p = d->parameters; p && p->name; p++) {
		struct slice name = slice_cstr(p->name);
		struct json theirs = json_member(wanted, name), ours = json_member(root, name);

		if (json_exists(ours) && !json_exists(theirs)) {
			ok &= splice_remove(out, root, name);
			*ret_dropped |= p->fields;
		} else if (json_exists(ours) && !is_same(ours, theirs)) {
			ok &= splice_replace(out, ours, json_raw(theirs));
		} else if (!json_exists(ours) && json_exists(theirs)) {
			ok &= splice_insert(out, root, name, json_raw(theirs), a);
		}
	}
	return ok;
}
