/* SPDX-License-Identifier: Apache-2.0 */
/* A rule's actions in words, close to how they are written in the configuration. */
#include "exchange/explanation.h"

/* Texts are joined with ", ". */
static struct slice join(struct slice text, struct slice more, struct arena *a)
{
	return text.len == 0 ? more : arena_printf(a, "%.*s, %.*s", SLICE_ARG(text), SLICE_ARG(more));
}

/* With `split`, each item behind its weight. */
static struct slice list_words(const struct try_list *list, const uint32_t *split, struct arena *a)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < list->count; i++) {
		struct slice item = try_item_text(&list->items[i], a);

		text = join(text, split ? arena_printf(a, "%u %.*s", split[i], SLICE_ARG(item)) : item, a);
	}
	return text;
}

static void write_words(struct json_writer *w, const char *verb, struct slice words, struct arena *a)
{
	json_string(w, arena_printf(a, "%s %.*s", verb, SLICE_ARG(words)));
}

static struct slice share_words(uint32_t share, struct arena *a)
{
	return arena_printf(a, "%g %%", 100.0 * share / SHARE_WHOLE);
}

static void write_try(const struct actions *actions, struct json_writer *w, struct arena *a)
{
	static const char *const sticky[] = {
		[STICKY_SESSION] = "by session", [STICKY_USER] = "by user", [STICKY_KEY] = "by key",
		[STICKY_NONE] = "anew each time"
	};

	if (actions->split)
		json_string(w, arena_printf(a, "split %.*s, %s", SLICE_ARG(list_words(&actions->try, actions->split, a)),
					    sticky[actions->sticky]));
	else if (actions->try.count > 0)
		write_words(w, "try", list_words(&actions->try, NULL, a), a);
}

static void write_prefer(const struct actions *actions, struct json_writer *w, struct arena *a)
{
	struct slice text = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < PREFER_COUNT; i++)
		count += actions->prefer[i] > 0;
	for (unsigned i = 0; i < PREFER_COUNT; i++) {
		struct slice name = slice_cstr(prefer_name((enum prefer)i));

		if (actions->prefer[i] > 0)
			text = join(text, count == 1 ? name : arena_printf(a, "%.*s %g", SLICE_ARG(name), actions->prefer[i]), a);
	}
	if (actions->has_preference)
		write_words(w, "prefer", text, a);
}

static void write_require(const struct require *r, struct json_writer *w, struct arena *a)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < r->region_count; i++)
		text = i == 0 ? r->regions[i] : arena_printf(a, "%.*s or %.*s", SLICE_ARG(text), SLICE_ARG(r->regions[i]));
	if (r->region_count > 0)
		text = arena_printf(a, "region %.*s", SLICE_ARG(text));
	if (r->zero_retention)
		text = join(text, SLICE("zero retention"), a);
	if (text.len > 0)
		write_words(w, "require", text, a);
}

static void write_hedge(const struct hedge *h, struct json_writer *w, struct arena *a)
{
	struct slice share = share_words(h->share, a);

	if (!h->on)
		json_string(w, SLICE("no hedge"));
	else if (h->after_ms < 0)
		json_string(w, arena_printf(a, "hedge after p95, at most %.*s", SLICE_ARG(share)));
	else
		json_string(w, arena_printf(a, "hedge after %lld ms, at most %.*s", (long long)h->after_ms,
					    SLICE_ARG(share)));
}

static void write_rescue(const struct rescue_list *r, struct json_writer *w, struct arena *a)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < RESCUES_MAX && r->modes[i] != RESCUE_OFF; i++)
		text = join(text, slice_cstr(rescue_name((enum rescue)r->modes[i])), a);
	write_words(w, "rescue", text.len > 0 ? text : SLICE("off"), a);
}

static void write_when_down(const struct actions *actions, struct json_writer *w, struct arena *a)
{
	if (actions->when_down == WHEN_DOWN_WAIT)
		json_string(w, arena_printf(a, "when down wait up to %lld ms, %u in line, priority %d",
					    (long long)actions->wait.up_to_ms, actions->wait.queue,
					    actions->wait.priority));
	else if (actions->when_down != WHEN_DOWN_UNSAID)
		write_words(w, "when down", slice_cstr(when_down_name(actions->when_down)), a);
}

void explanation_write_actions(const struct actions *actions, struct json_writer *w, struct arena *a)
{
	json_begin_array(w);
	if (actions->deny.ptr)
		json_string(w, arena_printf(a, "deny: %.*s", SLICE_ARG(actions->deny)));
	write_try(actions, w, a);
	write_prefer(actions, w, a);
	write_require(&actions->require, w, a);
	if (actions->mirror.target)
		json_string(w, arena_printf(a, "mirror %.*s to %.*s", SLICE_ARG(share_words(actions->mirror.share, a)),
					    SLICE_ARG(try_item_text(actions->mirror.target, a))));
	if (actions->hedge_said)
		write_hedge(&actions->hedge, w, a);
	for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++)
		if (actions->on[i].count > 0)
			json_string(w, arena_printf(a, "on %s try %.*s", cause_name((enum cause)i),
						    SLICE_ARG(list_words(&actions->on[i], NULL, a))));
	if (actions->rescue.said)
		write_rescue(&actions->rescue, w, a);
	write_when_down(actions, w, a);
	if (actions->affinity != CONDITION_ANY)
		json_string(w, actions->affinity == CONDITION_TRUE ? SLICE("affinity") : SLICE("no affinity"));
	if (actions->unsupported != UNSUPPORTED_UNSAID)
		write_words(w, "unsupported",
			    actions->unsupported == UNSUPPORTED_DROP ? SLICE("is dropped") : SLICE("is refused"), a);
	json_end_array(w);
}
