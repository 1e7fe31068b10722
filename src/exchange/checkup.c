/* SPDX-License-Identifier: Apache-2.0 */
/* One small machine per base URL: wait → ask → judge → wait. */
#include "exchange/checkup.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "provider/auth.h"

enum {
	CHECKUPS_MAX = HEALTH_MAX,     /* base URLs; further ones are not checked */
	FIRST_WITHIN_MS = 1000,        /* after the start, spread over it */
	LABEL_MAX = 128,
	HEADERS_ROOM = 16,             /* a binding's fixed ones and the credential's */
};

struct checkup {
	struct checkups *all;
	const struct provider *provider;
	unsigned binding;              /* of the provider; the first with that base */
	struct timer timer;            /* until the next, or until this one takes too long */
	struct task task;
	struct client_stream *stream;  /* NULL between checks */
	bool timed_out;
	unsigned key;                  /* this time's; they take turns */
	uint64_t keys_refused;         /* a bit each: said already */
	int64_t asked_ns;
};

struct checkups {
	struct worker *worker;
	struct config *config;
	struct arena scratch;
	unsigned count;
	struct checkup items[];
};

/* What is free to be read with a key, relative to the base URL, and short where that can be said. */
static const char *const lists[DIALECT_COUNT] = {
	[DIALECT_OPENAI_CHAT] = "/models",       /* OpenAI's API description, listModels */
	[DIALECT_OPENAI_RESPONSES] = "/models",
	[DIALECT_ANTHROPIC] = "/v1/models?limit=1",
	[DIALECT_GEMINI] = "/models?pageSize=1", /* models.list */
	[DIALECT_COHERE] = "/v1/models?page_size=1",
	[DIALECT_OLLAMA] = "/api/tags",
};

/* Clouds that sign or fetch tokens have their lists elsewhere, if at all: a connection has to do there. */
static const char *list_of(const struct provider *p, const struct binding *b)
{
	bool simple = b->auth == AUTH_NONE || b->auth == AUTH_BEARER || b->auth == AUTH_HEADER;

	return p->health == HEALTH_MODELS && simple ? lists[b->dialect_id] : NULL;
}

static const struct binding *binding_of(const struct checkup *c)
{
	return &c->provider->bindings[c->binding];
}

static int64_t now_of(const struct checkup *c)
{
	return loop_now(c->all->worker->loop);
}

/* ---- asking ---- */

static void on_event(struct client_stream *s)
{
	struct checkup *c = s->owner;

	loop_queue(c->all->worker->loop, &c->task);
}

static unsigned write_headers(const struct checkup *c, struct slice target, struct header *headers)
{
	const struct binding *b = binding_of(c);
	unsigned count = 0;

	while (count < b->header_count && count < HEADERS_ROOM - AUTH_HEADERS_MAX) {
		headers[count] = b->headers[count];
		count++;
	}
	return count + auth_write(&(struct auth_request){
		.binding = b, .key = &c->provider->keys[c->key], .method = HTTP_GET, .target = target,
		.headers = headers, .header_count = count, .unix_seconds = clock_wall_ms() / 1000,
	}, headers + count, &c->all->scratch);
}

static void ask(struct checkup *c)
{
	const struct provider *p = c->provider;
	const struct binding *b = binding_of(c);
	const char *list = p->keys[c->key].source ? NULL : list_of(p, b);
	struct slice target = list ? arena_join(&c->all->scratch, b->base.path, slice_cstr(list)) : SLICE("/");
	struct header headers[HEADERS_ROOM];
	struct client_request r = {
		.origin = &p->keys[c->key].origins[c->binding],
		.method = HTTP_GET, .target = target, .headers = headers,
		.connect_timeout_ms = p->timeout.connect, .connect_only = !list,
	};

	if (list)
		r.header_count = write_headers(c, target, headers);
	c->asked_ns = now_of(c);
	c->timed_out = false;
	timer_set(&c->timer, c->asked_ns + p->timeout.connect * NS_PER_MS);
	c->stream = client_stream_open(c->all->worker->client, &r, on_event, c);
	arena_reset(&c->all->scratch);
}

/* ---- judging ---- */

enum finding { FOUND_NOTHING, FOUND_WORKING, FOUND_FAULT };

/* The key is bad, the provider is there. Of several, the one is not asked for a while. */
static void note_refused(struct checkup *c)
{
	const struct provider *p = c->provider;
	const struct credential *key = &p->keys[c->key];

	if (p->key_count > 1)
		key_pool_tell(c->all->worker->shared->keys,
			      key_pool_id(p->name, binding_of(c)->base_text, key->fingerprint), KEY_REFUSED, now_of(c));
	if (!(c->keys_refused & 1ull << c->key))
		log_warn("provider %.*s refuses key %s for its list of models (status %d)", SLICE_ARG(p->name), key->name,
			 c->stream->status);
	c->keys_refused |= 1ull << c->key;
}

static enum finding judge_status(struct checkup *c, char why[static FAILURE_MESSAGE_MAX])
{
	int status = c->stream->status;

	if (status == 401 || status == 403)
		note_refused(c);
	else
		c->keys_refused &= ~(1ull << c->key);
	/* Whoever says 404 or 429 is there. A redirect is none of ours to follow: somebody else has the address. */
	if (status < 300 || (status >= 400 && status < 500))
		return FOUND_WORKING;
	snprintf(why, FAILURE_MESSAGE_MAX, "its list of models answers with status %d", status);
	return FOUND_FAULT;
}

static enum finding judge(struct checkup *c, char why[static FAILURE_MESSAGE_MAX])
{
	const struct client_stream *s = c->stream;

	if (s->state == CLIENT_FAILED) {
		snprintf(why, FAILURE_MESSAGE_MAX, "%s", s->failure->message);
		return FOUND_FAULT;
	}
	if (s->state == CLIENT_DONE && s->status == 0)
		return FOUND_WORKING; /* it connected */
	if (s->state == CLIENT_BODY || s->state == CLIENT_DONE)
		return judge_status(c, why);
	if (!c->timed_out)
		return FOUND_NOTHING;
	snprintf(why, FAILURE_MESSAGE_MAX, "nothing came within %lld ms", (long long)c->provider->timeout.connect);
	return FOUND_FAULT;
}

static void tell(const struct checkup *c, bool works, int64_t next_ns, const char *why)
{
	const struct provider *p = c->provider;
	const struct binding *b = binding_of(c);
	int64_t longest_ms = p->health_every_ms + p->timeout.connect;
	char label[LABEL_MAX];
	struct health_report report = {
		.place = binding_identity(p, b), .works = works, .asked_ns = c->asked_ns, .next_ns = next_ns,
		.believed_until_ns = now_of(c) + 2 * longest_ms * NS_PER_MS,
	};

	snprintf(label, sizeof label, "%.*s (%.*s)", SLICE_ARG(p->name), SLICE_ARG(b->base.authority));
	report.label = slice_cstr(label);
	switch (health_tell(c->all->worker->shared->health, &report, now_of(c))) {
	case HEALTH_WENT_DOWN:
		log_warn("provider %s is down: %s", label, why);
		break;
	case HEALTH_CAME_BACK:
		log_info("provider %s is there again", label);
		break;
	case HEALTH_SAME:
		break;
	}
}

/* A tenth more or less: those who started together do not ask together for ever. */
static int64_t next_ms(const struct provider *p)
{
	int64_t tenth = p->health_every_ms / 10;

	return p->health_every_ms - tenth + (int64_t)random_below((uint64_t)(2 * tenth + 1));
}

static void look(struct task *t)
{
	struct checkup *c = CONTAINER_OF(t, struct checkup, task);
	char why[FAILURE_MESSAGE_MAX] = "";
	enum finding found = c->stream ? judge(c, why) : FOUND_NOTHING;
	int64_t next_ns;

	if (found == FOUND_NOTHING)
		return;
	next_ns = now_of(c) + next_ms(c->provider) * NS_PER_MS;
	tell(c, found == FOUND_WORKING, next_ns, why);
	c->stream = client_stream_close(c->stream);
	c->key = (c->key + 1) % c->provider->key_count;
	timer_set(&c->timer, next_ns);
}

static void on_timer(struct timer *t)
{
	struct checkup *c = CONTAINER_OF(t, struct checkup, timer);

	if (!c->stream) {
		ask(c);
		return;
	}
	c->timed_out = true;
	loop_queue(c->all->worker->loop, &c->task);
}

/* ---- who is checked ---- */

/* Dialects at one base are one place. */
static bool is_first_with_its_base(const struct provider *p, unsigned binding)
{
	for (unsigned i = 0; i < binding; i++)
		if (slice_eq(p->bindings[i].base_text, p->bindings[binding].base_text))
			return false;
	return true;
}

static void add(struct checkups *all, const struct provider *p)
{
	if (p->health == HEALTH_OFF || p->key_count == 0)
		return;
	for (unsigned i = 0; i < p->binding_count && all->count < CHECKUPS_MAX; i++) {
		struct checkup *c = &all->items[all->count];

		if (!is_first_with_its_base(p, i))
			continue;
		*c = (struct checkup){ .all = all, .provider = p, .binding = i };
		task_init(&c->task, look);
		timer_init(&c->timer, all->worker->loop, on_timer);
		timer_set(&c->timer, now_of(c) + (int64_t)random_below(FIRST_WITHIN_MS) * NS_PER_MS);
		all->count++;
	}
}

struct checkups *checkups_new(struct worker *w)
{
	const struct routing *routing = &w->snapshot->config->routing;
	struct checkups *all;
	size_t places = 0;

	for (unsigned i = 0; i < routing->provider_count; i++)
		if (routing->providers[i].health != HEALTH_OFF)
			places += routing->providers[i].binding_count;
	if (places == 0)
		return NULL;
	all = xcalloc(1, sizeof(*all) + places * sizeof(all->items[0]));
	all->worker = w;
	all->config = config_ref(w->snapshot->config);
	arena_init(&all->scratch);
	for (unsigned i = 0; i < routing->provider_count; i++)
		add(all, &routing->providers[i]);
	return all;
}

struct checkups *checkups_free(struct checkups *c)
{
	if (!c)
		return NULL;
	for (unsigned i = 0; i < c->count; i++) {
		c->items[i].stream = client_stream_close(c->items[i].stream);
		task_cancel(&c->items[i].task);
		timer_cancel(&c->items[i].timer);
	}
	arena_done(&c->scratch);
	config_unref(c->config);
	free(c);
	return NULL;
}
