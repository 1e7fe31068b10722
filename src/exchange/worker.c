/* SPDX-License-Identifier: Apache-2.0 */
/* Making, re-configuring and ending a worker's parts. The thread itself is the gateway's business (cmd/gateway.c). */
#include "exchange/worker.h"

#include "exchange/checkup.h"
#include "exchange/exchange.h"

static struct snapshot *snapshot_new(struct config *config)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));

	s->config = config_ref(config);
	return s;
}

static void snapshot_free_if_unused(struct snapshot *s)
{
	if (!s->retired || s->exchanges > 0)
		return;
	config_unref(s->config);
	free(s);
}

struct snapshot *snapshot_take(struct worker *w)
{
	w->snapshot->exchanges++;
	return w->snapshot;
}

void snapshot_release(struct snapshot *s)
{
	s->exchanges--;
	snapshot_free_if_unused(s);
}

void shared_init(struct shared *s)
{
	s->breakers = breakers_new();
	s->vitals = vitals_new();
	s->keys = key_pool_new();
	s->affinity = affinity_new();
	s->room = waiting_room_new();
	s->health = health_new();
}

void shared_done(struct shared *s)
{
	s->breakers = breakers_free(s->breakers);
	s->vitals = vitals_free(s->vitals);
	s->keys = key_pool_free(s->keys);
	s->affinity = affinity_free(s->affinity);
	s->room = waiting_room_free(s->room);
	s->health = health_free(s->health);
}

/* One worker does it for all. */
static void look_after_providers(struct worker *w)
{
	w->checkups = checkups_free(w->checkups);
	if (w->index == 0)
		w->checkups = checkups_new(w);
}

void worker_init(struct worker *w, unsigned index, struct shared *shared, struct config *config)
{
	struct http_server_options server;
	struct http_client_options client;

	*w = (struct worker){
		.index = index, .shared = shared, .loop = loop_new(index), .snapshot = snapshot_new(config)
	};
	list_init(&w->exchanges);
	list_init(&w->spare);
	arena_init(&w->scratch);
	buf_init(&w->line, RECORD_LINE_MAX);

	http_server_options_init(&server);
	server.body_max = config->limits.body;
	server.bodies = &shared->bodies;
	w->server = http_server_new(w->loop, &server);

	http_client_options_init(&client);
	/* The proxies come from the environment and stay for the life of the process: every snapshot has the same. */
	client.proxies = &config->proxies;
	w->first_config = config_ref(config);
	w->client = http_client_new(w->loop, &client);
	look_after_providers(w);
}

void worker_swap_config(struct worker *w, struct config *config)
{
	struct snapshot *old = w->snapshot;

	w->snapshot = snapshot_new(config);
	look_after_providers(w);
	http_server_set_body_max(w->server, config->limits.body);
	old->retired = true;
	snapshot_free_if_unused(old);
}

void worker_done(struct worker *w)
{
	while (!list_is_empty(&w->exchanges))
		exchange_end(w, w->exchanges.next);
	w->checkups = checkups_free(w->checkups);
	w->server = http_server_free(w->server);
	w->client = http_client_free(w->client);
	exchange_free_spares(w);
	w->snapshot->retired = true;
	snapshot_free_if_unused(w->snapshot);
	config_unref(w->first_config);
	arena_done(&w->scratch);
	buf_done(&w->line);
	history_done(&w->history);
	w->loop = loop_free(w->loop);
}
