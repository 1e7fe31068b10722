/* SPDX-License-Identifier: Apache-2.0 */
/* `health` of a provider: how it is looked after between requests. */
#include "config/config_internal.h"

enum { EVERY_LEAST_MS = 1000 };

struct health_draft {
	struct provider *provider;
	bool has_check;
};

static void read_check(struct reader *r, struct yaml v, void *into)
{
	static const char *const words[] = { "off", "connect", "models", NULL };
	struct health_draft *d = into;
	unsigned word;

	d->has_check = true;
	if (value_word(r, v, words, NULL, &word))
		d->provider->health = (enum health_check)word;
}

static void read_every(struct reader *r, struct yaml v, void *into)
{
	int64_t ms;

	if (!value_duration(r, v, &ms))
		return;
	if (ms < EVERY_LEAST_MS)
		problem(r, v, "'%.*s' is too often: at least 1s", SLICE_ARG(yaml_text(v)));
	else
		((struct health_draft *)into)->provider->health_every_ms = ms;
}

static const struct key health_keys[] = {
	{ "check", "off, connect or models", "required", "By connecting (TCP and TLS), or by asking for its list of models.",
	  read_check },
	{ "every", "duration", "30s", "How often, at least 1s apart.", read_every },
	{ 0 }
};
const struct section section_health = { "providers.NAME.health", "'health'", health_keys, NULL };

void health_read(struct reader *r, struct yaml v, struct provider *ret)
{
	struct health_draft d = { .provider = ret };
	unsigned errors = r->report->errors;

	if (yaml_kind(v) != YAML_MAP) {
		read_check(r, v, &d);
		return;
	}
	section_read(r, &section_health, v, &d);
	if (!d.has_check && r->report->errors == errors)
		problem(r, v, "'health' needs 'check': connect, models or off");
}
