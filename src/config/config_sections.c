/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over a map by its table of keys, and the words for what is wrong with a key. */
#include "config/config_internal.h"

const struct section *const config_sections[] = { &section_top,          &section_admin,    &section_tls,
						  &section_key,          &section_provider, &section_health,
						  &section_provider_key, &section_timeout,  &section_provider_tls,
						  &section_entry,        &section_rule,     &section_match,
						  &section_actions,      &section_mirror,   &section_require,
						  &section_on,           &section_hedge,    &section_slow_stream,
						  &section_wait,         &section_defaults, &section_timeout_defaults,
						  &section_heartbeat,    &section_limits,   NULL };

void nearest_init(struct nearest *n, struct slice wanted)
{
	*n = (struct nearest){ .wanted = wanted, .distance = wanted.len < 6 ? (unsigned)wanted.len / 2 : 3 };
}

void nearest_offer(struct nearest *n, struct slice word)
{
	unsigned distance;

	/* Far longer or shorter words cannot be near; the distance is quadratic in the lengths. */
	if (n->wanted.len > 128 || word.len > 128)
		return;
	distance = slice_edit_distance(n->wanted, word);
	if (distance > n->distance || (n->best.ptr && distance == n->distance))
		return;
	n->best = word;
	n->distance = distance;
}

const char *nearest_hint(struct reader *r, const struct nearest *n)
{
	if (!n->best.ptr)
		return "";
	return arena_printf(r->arena, "; did you mean '%.*s'?", SLICE_ARG(n->best)).ptr;
}

static const struct key *find_key(const struct section *s, struct slice name)
{
	for (; s; s = s->base)
		for (const struct key *k = s->keys; k->name; k++)
			if (slice_eq(slice_cstr(k->name), name))
				return k;
	return NULL;
}

static void unknown_key(struct reader *r, const struct section *s, const struct yaml_member *m)
{
	struct slice allowed = SLICE("");
	struct nearest near;

	nearest_init(&near, m->key);
	for (const struct section *part = s; part; part = part->base)
		for (const struct key *k = part->keys; k->name; k++) {
			const char *comma = allowed.len ? ", " : "";

			nearest_offer(&near, slice_cstr(k->name));
			if (k->read)
				allowed = arena_printf(r->arena, "%.*s%s%s", SLICE_ARG(allowed), comma, k->name);
		}
	if (near.best.ptr)
		problem(r, m->place, "unknown key '%.*s'%s", SLICE_ARG(m->key), nearest_hint(r, &near));
	else
		problem(r, m->place, "unknown key '%.*s'; %s has: %.*s", SLICE_ARG(m->key), s->what,
			SLICE_ARG(allowed));
}

void section_read(struct reader *r, const struct section *s, struct yaml v, void *into)
{
	struct yaml_member *members;
	unsigned count = yaml_members(r, v, s->what, &members);

	for (unsigned i = 0; i < count; i++) {
		const struct key *k = find_key(s, members[i].key);

		if (!k)
			unknown_key(r, s, &members[i]);
		else if (!k->read)
			problem(r, members[i].place, "'%s' comes later: this version does not have it yet", k->name);
		else
			k->read(r, members[i].value, into);
	}
}
