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

static void read_rescue(struct reader *r, struct yaml v, void *into)
{
	rescue_read(r, v, &r->config->routing.defaults.rescue);
}

static void read_slow_stream(struct reader *r, struct yaml v, void *into)
{
	slow_stream_read(r, v, &r->config->routing.defaults.slow_stream);
}

static void read_hedge(struct reader *r, struct yaml v, void *into)
{
	r->config->routing.defaults.hedge_said = true;
	hedge_read(r, v, &r->config->routing.defaults.hedge);
}

static void read_when_down(struct reader *r, struct yaml v, void *into)
{
	when_down_read(r, v, &r->config->routing.defaults.when_down);
}

static void read_wait(struct reader *r, struct yaml v, void *into)
{
	r->wait_place = v;
	wait_read(r, v, &r->config->routing.defaults.wait);
}

static void read_retry_budget(struct reader *r, struct yaml v, void *into)
{
	value_share(r, v, &r->config->defaults.retry_budget);
}

static void read_affinity_for(struct reader *r, struct yaml v, void *into)
{
	value_duration(r, v, &r->config->defaults.affinity_for_ms);
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
	{ "retry_budget", "share", "10%", "How many further tries of a target that has just failed all requests together may make.",
	  read_retry_budget },
	{ "hedge", "true, false or map", "false", "As in a rule: when the first content is late, a second target is asked as well.",
	  read_hedge },
	{ "slow_stream", "true, false or map", "false", "As in a rule: a stream that begins slower is given up for the next target.",
	  read_slow_stream },
	{ "rescue", "off, hold, replay, continue, or a list", "off", "What becomes of a stream that breaks after content.",
	  read_rescue },
	{ "when_down", "least_bad, wait or refuse", "least_bad", "What happens when every target rests or is saturated.",
	  read_when_down },
	{ "wait", "map", "10s, 100, 5", "As in a rule: how requests stand in line; means `when_down: wait`.", read_wait },
	{ "affinity_for", "duration", "10m", "How long it is remembered where a conversation was answered.",
	  read_affinity_for },
	{ "unsupported", "drop or refuse", "drop",
	  "Tuning that a target cannot be told: left out and named in `x-weir-dropped`, or the target is passed over.",
	  read_unsupported },
	{ 0 }
};
const struct section section_defaults = { "defaults", "'defaults'", defaults_keys, NULL };

void defaults_init(struct reader *r)
{
	struct config *c = r->config;

	c->defaults.request_timeout_ms = 15 * 60000;
	c->defaults.attempts = 4;
	c->defaults.heartbeat_after_ms = 15000;
	c->defaults.heartbeat_every_ms = 15000;
	c->defaults.retry_budget = SHARE_WHOLE / 10;
	c->defaults.affinity_for_ms = 10 * 60000;
	c->routing.defaults.hedge = (struct hedge){ .after_ms = -1, .share = SHARE_WHOLE / 20 };
	c->routing.defaults.wait = (struct wait_policy){ .up_to_ms = 10000, .queue = 100, .priority = 5 };
	r->timeout =
		(struct attempt_timeouts){ .connect = 3000, .first_token = 120000, .idle = 120000, .total = 600000 };
	r->retries = 1;
}

void defaults_finish(struct reader *r)
{
	struct actions *defaults = &r->config->routing.defaults;

	wait_finish(r, r->wait_place, &defaults->when_down);
	if (defaults->when_down == WHEN_DOWN_UNSAID)
		defaults->when_down = WHEN_DOWN_LEAST_BAD;
}
