/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when something fails, or takes long: `hedge`, `slow_stream`, `rescue`, `when_down`, `wait`,
 * `unsupported`. The same words in rules, in entries of `models` and in `defaults`. */
#include "config/config_internal.h"

enum { WAIT_MAX_MS = 600000, QUEUE_MAX = 100000, PRIORITY_LAST = 9, TOKEN_RATE_MAX = 100000 };
enum { WITHIN_LEAST_MS = 100, WITHIN_MAX_MS = 60000 };

static void read_hedge_after(struct reader *r, struct yaml v, void *into)
{
	struct hedge *hedge = into;

	if (slice_eq(yaml_text(v), SLICE("p95")))
		hedge->after_ms = -1;
	else
		value_duration(r, v, &hedge->after_ms);
}

static void read_hedge_share(struct reader *r, struct yaml v, void *into)
{
	value_share(r, v, &((struct hedge *)into)->share);
}

static const struct key hedge_keys[] = {
	{ "after", "p95, or a duration", "p95",
	  "How long the first content may take; p95: what 95 of 100 answers there take at most.", read_hedge_after },
	{ "share", "share", "5%", "Of all requests, at most.", read_hedge_share },
	{ 0 }
};
const struct section section_hedge = { "routing[].hedge", "'hedge'", hedge_keys, NULL };

void hedge_read(struct reader *r, struct yaml v, struct hedge *ret)
{
	static const char *const words[] = { "false", "off", "true", NULL };
	unsigned word;

	if (yaml_kind(v) == YAML_MAP) {
		ret->on = true;
		section_read(r, &section_hedge, v, ret);
	} else if (value_word(r, v, words, NULL, &word)) {
		ret->on = word == 2;
	}
}

static void read_below(struct reader *r, struct yaml v, void *into)
{
	value_integer(r, v, 1, TOKEN_RATE_MAX, &((struct slow_stream *)into)->below);
}

static void read_within(struct reader *r, struct yaml v, void *into)
{
	int64_t ms;

	if (!value_duration(r, v, &ms))
		return;
	if (ms < WITHIN_LEAST_MS || ms > WITHIN_MAX_MS)
		problem(r, v, "'%.*s' should be between 100ms and 1m", SLICE_ARG(yaml_text(v)));
	else
		((struct slow_stream *)into)->within_ms = ms;
}

static const struct key slow_stream_keys[] = {
	{ "below", "1 to 100000", "10", "Tokens per second, estimated from the characters that came.", read_below },
	{ "within", "100ms to 1m", "3s", "From the first content on.", read_within },
	{ 0 }
};
const struct section section_slow_stream = { "routing[].slow_stream", "'slow_stream'", slow_stream_keys, NULL };

void slow_stream_read(struct reader *r, struct yaml v, struct slow_stream *ret)
{
	static const char *const words[] = { "false", "off", "true", NULL };
	unsigned word = 2;

	*ret = (struct slow_stream){ 0 };
	if (yaml_kind(v) != YAML_MAP && !value_word(r, v, words, NULL, &word))
		return;
	if (word == 2)
		*ret = (struct slow_stream){ .below = 10, .within_ms = 3000 };
	if (yaml_kind(v) == YAML_MAP)
		section_read(r, &section_slow_stream, v, ret);
}

static bool has_mode(const struct rescue_list *list, unsigned count, unsigned mode)
{
	for (unsigned i = 0; i < count; i++)
		if (list->modes[i] == mode)
			return true;
	return false;
}

void rescue_read(struct reader *r, struct yaml v, struct rescue_list *ret)
{
	static const char *const words[] = { "off", "hold", "replay", "continue", NULL };
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), kept = 0, mode;

	*ret = (struct rescue_list){ .said = true };
	if (count == 0)
		problem(r, v, "'rescue' is off, or one or several of hold, replay and continue, in order");
	for (unsigned i = 0; i < count; i++) {
		if (!value_word(r, items[i], words, NULL, &mode))
			continue;
		if (mode == RESCUE_OFF && count > 1)
			problem(r, items[i], "'off' stands alone, or not at all");
		else if (has_mode(ret, kept, mode))
			problem(r, items[i], "'%s' stands twice", words[mode]);
		else if (mode != RESCUE_OFF)
			ret->modes[kept++] = (unsigned char)mode; /* as many places as there are ways */
	}
}

void when_down_read(struct reader *r, struct yaml v, enum when_down *ret)
{
	static const char *const words[] = { "least_bad", "wait", "refuse", NULL };
	unsigned word;

	if (value_word(r, v, words, NULL, &word))
		*ret = WHEN_DOWN_LEAST_BAD + word;
}

void unsupported_read(struct reader *r, struct yaml v, enum unsupported *ret)
{
	static const char *const words[] = { "drop", "refuse", NULL };
	unsigned word;

	if (value_word(r, v, words, NULL, &word))
		*ret = word == 0 ? UNSUPPORTED_DROP : UNSUPPORTED_REFUSE;
}

static void read_up_to(struct reader *r, struct yaml v, void *into)
{
	int64_t ms;

	if (!value_duration(r, v, &ms))
		return;
	if (ms > WAIT_MAX_MS)
		problem(r, v, "'%.*s' is longer than a request may wait: 10m", SLICE_ARG(yaml_text(v)));
	else
		((struct wait_policy *)into)->up_to_ms = ms;
}

static void read_queue(struct reader *r, struct yaml v, void *into)
{
	int64_t queue;

	if (value_integer(r, v, 1, QUEUE_MAX, &queue))
		((struct wait_policy *)into)->queue = (unsigned)queue;
}

static void read_wait_priority(struct reader *r, struct yaml v, void *into)
{
	int64_t priority;

	if (value_integer(r, v, 0, PRIORITY_LAST, &priority))
		((struct wait_policy *)into)->priority = (int)priority;
}

static const struct key wait_keys[] = {
	{ "up_to", "duration", "10s", "How long a request may stand in line, at most 10m.", read_up_to },
	{ "queue", "number", "100", "How many may stand in the line of one route; who comes then is refused.", read_queue },
	{ "priority", "0 to 9", "5", "Who is served first: 0 before 9. Among equals, callers in turn.", read_wait_priority },
	{ 0 }
};
const struct section section_wait = { "routing[].wait", "'wait'", wait_keys, NULL };

void wait_read(struct reader *r, struct yaml v, struct wait_policy *ret)
{
	section_read(r, &section_wait, v, ret);
}

void wait_finish(struct reader *r, struct yaml wait, enum when_down *when_down)
{
	if (!wait.line)
		return;
	if (*when_down != WHEN_DOWN_UNSAID && *when_down != WHEN_DOWN_WAIT)
		problem(r, wait, "'wait' goes with when_down: wait, but this says when_down: %s", when_down_name(*when_down));
	*when_down = WHEN_DOWN_WAIT;
}
