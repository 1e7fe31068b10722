/* SPDX-License-Identifier: Apache-2.0 */
/* `defaults`: times and tries of every request, and of every provider that says nothing of its own. */
#include "config/config_internal.h"

enum { ATTEMPTS_MAX = 20, RETRIES_MAX = 10 };

static void read_connect(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &((struct attempt_timeouts *)into)->connect);
}

static void read_first_token(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &((struct attempt_timeouts *)into)->first_token);
}

static void read_idle(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &((struct attempt_timeouts *)into)->idle);
}

static void read_total(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &((struct attempt_timeouts *)into)->total);
}

static void read_request(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &r->config->defaults.request_timeout_ms);
}

static const struct key timeout_keys[] = {
	{ "connect", "duration", "of `defaults`", "Name, TCP, proxy and TLS together.", read_connect },
	{ "first_token", "duration", "of `defaults`",
	  "Streams: until the first content, or an opened reasoning or output item.", read_first_token },
	{ "idle", "duration", "of `defaults`", "Streams: between two events.", read_idle },
	{ "total", "duration", "of `defaults`", "One attempt, from its start to its last byte.", read_total },
	{ 0 }
};
const struct section section_timeout = { "providers.NAME.timeout", "'timeout'", timeout_keys };

static const struct key timeout_defaults_keys[] = {
	{ "connect", "duration", "3s", "Name, TCP, proxy and TLS together.", read_connect },
	{ "first_token", "duration", "120s", "Streams: until the first content, or an opened reasoning or output item.",
	  read_first_token },
	{ "idle", "duration", "120s", "Streams: between two events.", read_idle },
	{ "total", "duration", "10m", "One attempt, from its start to its last byte.", read_total },
	{ "request", "duration", "15m", "The whole request, all attempts together.", read_request },
	{ 0 }
};
const struct section section_timeout_defaults = { "defaults.timeout", "'timeout'", timeout_defaults_keys };

static void read_after(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &r->config->defaults.heartbeat_after_ms);
}

static void read_every(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &r->config->defaults.heartbeat_every_ms);
}

static const struct key heartbeat_keys[] = {
	{ "after", "duration", "15s", "Silence towards a streaming client before the first heartbeat.", read_after },
	{ "every", "duration", "15s", "Between two heartbeats.", read_every },
	{ 0 }
};
const struct section section_heartbeat = { "defaults.heartbeat", "'heartbeat'", heartbeat_keys };

static void read_timeout(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_timeout_defaults, v, &r->timeout);
}

static void read_attempts(struct reader *r, struct yaml v, void *into)
{
	int64_t attempts;

	if (value_integer(r, v, 1, ATTEMPTS_MAX, &attempts))
		r->config->defaults.attempts = (int)attempts;
}

static void read_retries(struct reader *r, struct yaml v, void *into)
{
	int64_t retries;

	if (value_integer(r, v, 0, RETRIES_MAX, &retries))
		r->retries = (int)retries;
}

static void read_heartbeat(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_heartbeat, v, into);
}

/* `off` is what happens, so it may be said; the modes come with the rescue of broken streams. */
static void read_rescue(struct reader *r, struct yaml v, void *into)
{
	static const char *const words[] = { "off", NULL };
	static const char *const later[] = { "replay", "continue", "hold", NULL };
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), ignored;

	for (unsigned i = 0; i < count; i++)
		value_word(r, items[i], words, later, &ignored);
}

static void read_unsupported(struct reader *r, struct yaml v, void *into)
{
	unsupported_read(r, v, &r->config->routing.defaults.unsupported);
}

static const struct key defaults_keys[] = {
	{ "timeout", "map", "below", "Bounds of one attempt, and of the request.", read_timeout },
	{ "attempts", "1 to 20", "4", "Upstream tries of one request, over all targets.", read_attempts },
	{ "retries", "0 to 10", "1", "Further tries of the same target after a transient fault.", read_retries },
	{ "heartbeat", "map", "below", "Signs of life on silent streams.", read_heartbeat },
	{ "rescue", "off", "off", "What happens when a stream breaks after content.", read_rescue },
	{ "unsupported", "drop or refuse", "drop",
	  "Tuning that a target cannot be told: left out and named in `x-weir-dropped`, or the target is passed over.",
	  read_unsupported },
	{ 0 }
};
const struct section section_defaults = { "defaults", "'defaults'", defaults_keys };
