/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together: one thread per worker, each with its own listeners; one thread for the admin plane. Threads
 * talk only by letters to each other's mailboxes. */
#include "cmd/gateway.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include "admin/admin.h"
#include "base/clock.h"
#include "base/log.h"
#include "exchange/exchange.h"
#include "net/listener.h"
#include "net/mailbox.h"

enum {
	/* A worker this many requests ahead of the least busy one hands fresh connections over (DESIGN §4). */
	HANDOVER_LEAD = 8,
	DRAIN_LOOK_MS = 20,
};

/* A worker's thread and listeners. */
struct station {
	struct gateway *gateway;
	struct worker worker;
	struct listener **listeners;   /* one per `listen` entry */
	unsigned listener_count;
	struct http_handler handler;
	pthread_t thread;
	bool running;
	_Atomic unsigned busy;         /* exchanges, as others may see it */
	_Atomic bool idle;             /* drained and done */
	struct timer drain_look;
};

struct gateway {
	struct config *config;
	struct config *first_config;   /* owns the proxy settings of the tokens' keeper */
	struct shared shared;
	struct station *stations;
	struct worker **workers;       /* into the stations: the admin plane's view */
	unsigned count;
	struct loop *admin_loop;
	struct admin *admin;
	struct listener *admin_listener;
	pthread_t admin_thread;
	bool admin_running;
};

/* ---- letters ---- */

enum order { ORDER_CONFIG, ORDER_DRAIN, ORDER_STOP, ORDER_CONNECTION };

/* What one thread asks of another. */
struct order_letter {
	struct letter letter;
	enum order order;
	struct station *station;       /* NULL: the admin plane's */
	struct gateway *gateway;
	struct config *config;         /* ORDER_CONFIG: a reference */
	int fd;                        /* ORDER_CONNECTION */
	struct address peer;
};

static void look_if_drained(struct timer *t);

static void drain_station(struct station *s)
{
	for (unsigned i = 0; i < s->listener_count; i++)
		s->listeners[i] = listener_close(s->listeners[i]);
	http_server_drain(s->worker.server);
	look_if_drained(&s->drain_look);
}

static void open_order(struct letter *letter, struct loop *loop)
{
	struct order_letter *o = CONTAINER_OF(letter, struct order_letter, letter);
	struct station *s = o->station;

	switch (o->order) {
	case ORDER_CONFIG:
		if (s)
			worker_swap_config(&s->worker, o->config);
		else
			admin_swap_config(o->gateway->admin, o->config);
		config_unref(o->config);
		break;
	case ORDER_DRAIN:
		drain_station(s);
		break;
	case ORDER_STOP:
		loop_stop(loop);
		break;
	case ORDER_CONNECTION:
		atomic_store_explicit(&s->busy, s->worker.exchange_count, memory_order_relaxed);
		http_server_accept(s->worker.server, o->fd, &o->peer, s->worker.snapshot->config->server_tls,
				   &s->handler);
		break;
	}
	free(o);
}

/* A full mailbox belongs to a loop that is far behind: orders of the gateway are few, so the main thread waits for
 * room. */
static void send_order(struct loop *to, struct order_letter order)
{
	struct order_letter *o = xmalloc(sizeof(*o));

	*o = order;
	o->letter.open = open_order;
	while (!mailbox_post(loop_mailbox(to), &o->letter))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
}

/* ---- connections ---- */

static struct station *least_busy(struct gateway *g)
{
	struct station *least = &g->stations[0];

	for (unsigned i = 1; i < g->count; i++)
		if (atomic_load_explicit(&g->stations[i].busy, memory_order_relaxed) <
		    atomic_load_explicit(&least->busy, memory_order_relaxed))
			least = &g->stations[i];
	return least;
}

static void on_accept(void *ctx, struct loop *loop, int fd, const struct address *peer)
{
	struct station *s = ctx;
	struct station *least;

	atomic_store_explicit(&s->busy, s->worker.exchange_count, memory_order_relaxed);
	least = s->gateway->count > 1 ? least_busy(s->gateway) : s;
	if (s->worker.exchange_count > atomic_load_explicit(&least->busy, memory_order_relaxed) + HANDOVER_LEAD) {
		struct order_letter *o = xmalloc(sizeof(*o));

		*o = (struct order_letter){
			.letter.open = open_order, .order = ORDER_CONNECTION, .station = least, .fd = fd, .peer = *peer
		};
		if (mailbox_post(loop_mailbox(least->worker.loop), &o->letter))
			return;
		free(o);
	}
	http_server_accept(s->worker.server, fd, peer, s->worker.snapshot->config->server_tls, &s->handler);
}

static void on_admin_accept(void *ctx, struct loop *loop, int fd, const struct address *peer)
{
	struct gateway *g = ctx;

	http_server_accept(admin_server(g->admin), fd, peer, NULL, admin_handler(g->admin));
}

/* ---- start ---- */

static bool fail(char *reterr, size_t size, const char *what, const struct address *where, int error)
{
	char text[ADDRESS_TEXT_MAX];

	snprintf(reterr, size, "%s %s: %s", what, address_format(where, text), strerror(-error));
	return false;
}

static bool open_listener(struct station *s, const struct address *a, int inherited, char *reterr, size_t size)
{
	int r = listener_open(s->worker.loop, a, inherited, on_accept, s, &s->listeners[s->listener_count]);

	if (r < 0)
		return fail(reterr, size, "cannot listen on", a, r);
	s->listener_count++;
	return true;
}

static bool open_configured(struct gateway *g, char *reterr, size_t size)
{
	for (unsigned l = 0; l < g->config->listen_count; l++) {
		struct address a = g->config->listen[l].address;
		int r = listener_probe(&a);

		if (r < 0)
			return fail(reterr, size, "cannot listen on", &a, r);
		for (unsigned i = 0; i < g->count; i++) {
			if (!open_listener(&g->stations[i], &a, -1, reterr, size))
				return false;
			if (i == 0) /* where the system chose the port, the others take the same */
				a = *listener_address(g->stations[0].listeners[g->stations[0].listener_count - 1]);
		}
	}
	return true;
}

static bool open_inherited(struct gateway *g, const struct inherited_sockets *in, char *reterr, size_t size)
{
	for (unsigned l = 0; l < in->data_count; l++)
		for (unsigned i = 0; i < g->count; i++)
			if (!open_listener(&g->stations[i], &g->config->listen[0].address, in->data[l], reterr, size))
				return false;
	return true;
}

static bool open_admin(struct gateway *g, int inherited, char *reterr, size_t size)
{
	const struct address *a = &g->config->admin.address;
	int r = inherited < 0 ? listener_probe(a) : 0;

	if (r == 0)
		r = listener_open(g->admin_loop, a, inherited, on_admin_accept, g, &g->admin_listener);
	return r == 0 || fail(reterr, size, "cannot listen for admin on", a, r);
}

/* Last, and only when the listeners are open: a second instance that cannot start leaves the file alone. */
static void open_store(struct gateway *g)
{
	struct store_options o;

	store_options_init(&o);
	o.path = g->config->store_path;
	if (g->config->store_has_no_place)
		log_warn("no folder for the store is named by $STATE_DIRECTORY, $XDG_STATE_HOME or $HOME; "
			 "everything is kept in memory only until a restart");
	g->shared.store = store_open(&o);
}

static void *run_station(void *arg)
{
	struct station *s = arg;

	pthread_setname_np(pthread_self(), "worker");
	loop_run(s->worker.loop);
	return NULL;
}

static void *run_admin(void *arg)
{
	struct gateway *g = arg;

	pthread_setname_np(pthread_self(), "admin");
	loop_run(g->admin_loop);
	return NULL;
}

static void start_threads(struct gateway *g)
{
	for (unsigned i = 0; i < g->count; i++) {
		check(pthread_create(&g->stations[i].thread, NULL, run_station, &g->stations[i]) == 0, "a worker thread can be made");
		g->stations[i].running = true;
	}
	check(pthread_create(&g->admin_thread, NULL, run_admin, g) == 0, "the admin thread can be made");
	g->admin_running = true;
}

static void make_station(struct gateway *g, unsigned index, unsigned listeners_max)
{
	struct station *s = &g->stations[index];

	s->gateway = g;
	worker_init(&s->worker, index, &g->shared, g->config);
	mailbox_new(s->worker.loop);
	timer_init(&s->drain_look, s->worker.loop, look_if_drained);
	s->handler = (struct http_handler){ exchange_accept, exchange_write_server_error, &s->worker };
	s->listeners = xcalloc(listeners_max, sizeof(*s->listeners));
	g->workers[index] = &s->worker;
}

struct gateway *gateway_start(struct config *config, const struct inherited_sockets *inherited, char *reterr,
			      size_t size)
{
	struct gateway *g = xcalloc(1, sizeof(*g));
	unsigned inherited_count = inherited ? inherited->data_count : 0;
	unsigned listeners = inherited_count > config->listen_count ? inherited_count : config->listen_count;

	g->config = config_ref(config);
	g->count = config->workers;
	g->first_config = config_ref(config);
	shared_init(&g->shared);
	g->shared.tokens = token_keeper_new(&config->proxies);
	g->shared.bodies.cap = config->limits.bodies;
	g->stations = xcalloc(g->count, sizeof(*g->stations));
	g->workers = xcalloc(g->count, sizeof(struct worker *));
	for (unsigned i = 0; i < g->count; i++)
		make_station(g, i, listeners);
	g->admin_loop = loop_new(g->count);
	mailbox_new(g->admin_loop);
	g->admin = admin_new(g->admin_loop, &g->shared, g->workers, g->count, config);
	if (!(inherited_count > 0 ? open_inherited(g, inherited, reterr, size) : open_configured(g, reterr, size)) ||
	    !open_admin(g, inherited ? inherited->admin : -1, reterr, size))
		return gateway_stop(g);
	open_store(g);
	start_threads(g);
	return g;
}

/* ---- reload, drain, stop ---- */

bool gateway_reload(struct gateway *g, struct config *config, char *reterr, size_t size)
{
	const char *key = config_needs_restart(g->config, config);

	if (key) {
		snprintf(reterr, size, "'%s' cannot change without a restart; the running configuration stays", key);
		return false;
	}
	config->version = g->config->version + 1;
	for (unsigned i = 0; i < g->count; i++)
		send_order(g->workers[i]->loop, (struct order_letter){ .order = ORDER_CONFIG,
								       .station = &g->stations[i],
								       .config = config_ref(config) });
	send_order(g->admin_loop,
		   (struct order_letter){ .order = ORDER_CONFIG, .gateway = g, .config = config_ref(config) });
	g->shared.bodies.cap = config->limits.bodies;
	config_unref(g->config);
	g->config = config_ref(config);
	return true;
}

void gateway_drain(struct gateway *g)
{
	atomic_store(&g->shared.draining, true);
	for (unsigned i = 0; i < g->count; i++)
		send_order(g->workers[i]->loop,
			   (struct order_letter){ .order = ORDER_DRAIN, .station = &g->stations[i] });
}

static void look_if_drained(struct timer *t)
{
	struct station *s = CONTAINER_OF(t, struct station, drain_look);
	struct http_server_counts counts;

	http_server_get_counts(s->worker.server, &counts);
	if (counts.connections == 0 && s->worker.exchange_count == 0)
		atomic_store(&s->idle, true);
	else
		timer_set(t, loop_now(s->worker.loop) + DRAIN_LOOK_MS * NS_PER_MS);
}

bool gateway_is_idle(const struct gateway *g)
{
	for (unsigned i = 0; i < g->count; i++)
		if (!atomic_load(&g->stations[i].idle))
			return false;
	return true;
}

/* The admin plane first: nobody asks a worker that does not run any more. */
static void stop_threads(struct gateway *g)
{
	if (g->admin_running) {
		send_order(g->admin_loop, (struct order_letter){ .order = ORDER_STOP });
		pthread_join(g->admin_thread, NULL);
	}
	for (unsigned i = 0; i < g->count; i++) {
		struct station *s = &g->stations[i];

		if (!s->running)
			continue;
		send_order(s->worker.loop, (struct order_letter){ .order = ORDER_STOP });
		pthread_join(s->thread, NULL);
	}
}

/* Letters that are still out name workers and the admin plane: they are opened while all of these are there. */
static void empty_mailboxes(struct gateway *g)
{
	for (unsigned i = 0; i < g->count; i++)
		mailbox_empty(loop_mailbox(g->workers[i]->loop));
	mailbox_empty(loop_mailbox(g->admin_loop));
}

struct gateway *gateway_stop(struct gateway *g)
{
	if (!g)
		return NULL;
	stop_threads(g);
	token_keeper_stop(g->shared.tokens);
	empty_mailboxes(g);
	listener_close(g->admin_listener);
	admin_free(g->admin);
	for (unsigned i = 0; i < g->count; i++) {
		struct station *s = &g->stations[i];

		for (unsigned l = 0; l < s->listener_count; l++)
			listener_close(s->listeners[l]);
		timer_cancel(&s->drain_look);
		worker_done(&s->worker);
		free(s->listeners);
	}
	loop_free(g->admin_loop);
	/* Ending exchanges may still put; nobody waits for an answer any more. */
	store_close(g->shared.store);
	shared_done(&g->shared);
	token_keeper_free(g->shared.tokens);
	config_unref(g->first_config);
	config_unref(g->config);
	free(g->stations);
	free(g->workers);
	free(g);
	return NULL;
}

/* ---- addresses ---- */

void gateway_address(const struct gateway *g, char ret[static ADDRESS_TEXT_MAX])
{
	address_format(listener_address(g->stations[0].listeners[0]), ret);
}

void gateway_admin_address(const struct gateway *g, char ret[static ADDRESS_TEXT_MAX])
{
	address_format(listener_address(g->admin_listener), ret);
}
