/* SPDX-License-Identifier: Apache-2.0 */
/* Name resolution by c-ares on the loop. One lookup per name at a time, however many ask; its answer is shared and
 * kept. c-ares' sockets are watched level-triggered; their events and its timeouts are worked off in a task. */
#include "net/dns.h"

#include <ares.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include "base/clock.h"
#include "base/map.h"
#include "net/dns_internal.h"
#include "net/loop_internal.h"

enum { DNS_HOST_MAX = 254, DNS_TIMEOUT_MS = 2000, DNS_TRIES = 3 };
#define DNS_TTL_MIN_NS (1 * NS_PER_S)
#define DNS_TTL_MAX_NS (300 * NS_PER_S)

struct dns_resolver {
	struct loop *loop;
	ares_channel channel;
	struct map names;              /* struct name */
	struct list used;              /* names, longest ago first */
	struct list sockets;
	struct task task;
	struct timer timer;
	bool freeing;
};

/* A name that is being asked for, or whose answer is known. */
struct name {
	struct list node;
	struct dns_resolver *resolver;
	struct list waiting;           /* struct waiter; not empty only while `asking` */
	bool asking;
	int64_t expires;
	struct dns_answer answer;      /* port 0 */
	size_t len;
	char text[DNS_HOST_MAX + 1];
};

struct waiter {
	struct list node;
	struct dns_query *query;
	unsigned port;
};

struct dns_socket {
	struct list node;
	struct watch watch;
	struct dns_resolver *resolver;
	uint32_t events;               /* reported and not yet worked off */
};

/* Answers. */

static void set_port(struct address *a, unsigned port)
{
	if (a->storage.ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&a->storage)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)(void *)&a->storage)->sin_port = htons((uint16_t)port);
}

static void deliver(struct dns_query *q, const struct dns_answer *shared, unsigned port)
{
	struct dns_answer answer = *shared;
	for (unsigned i = 0; i < answer.count; i++)
		set_port(&answer.addresses[i], port);
	q->internal = NULL;
	q->on_answer(q, &answer);
}

static void deliver_error(struct dns_query *q, const char *error)
{
	struct dns_answer answer = { .error = error };
	q->internal = NULL;
	q->on_answer(q, &answer);
}

static const char *status_text(int status)
{
	switch (status) {
	case ARES_ENOTFOUND: return "no such host";
	case ARES_ENODATA: return "the name has no address";
	case ARES_ETIMEOUT: return "the name servers do not answer";
	/* c-ares gives the first also when the last server answered with an error (SERVFAIL, REFUSED). */
	case ARES_ECONNREFUSED: case ARES_ESERVFAIL: case ARES_EREFUSED: return "the name servers fail or cannot be reached";
	case ARES_EBADNAME: return "not a host name";
	default: return ares_strerror(status);
	}
}

/* The first of each family in turn, beginning with the family that c-ares (RFC 6724) puts first, so that one broken
 * family costs one attempt and not all of them. */
static void interleave(const struct ares_addrinfo_node *nodes, struct dns_answer *ret)
{
	const struct ares_addrinfo_node *at[2] = { nodes, nodes };
	int families[2] = { nodes->ai_family, nodes->ai_family == AF_INET6 ? AF_INET : AF_INET6 };
	for (int turn = 0; ret->count < DNS_ADDRESSES_MAX && (at[0] || at[1]); turn = !turn) {
		while (at[turn] && at[turn]->ai_family != families[turn])
			at[turn] = at[turn]->ai_next;
		if (!at[turn])
			continue;
		struct address *a = &ret->addresses[ret->count++];
		a->len = at[turn]->ai_addrlen;
		memcpy(&a->storage, at[turn]->ai_addr, a->len);
		at[turn] = at[turn]->ai_next;
	}
}

static int64_t shortest_ttl(const struct ares_addrinfo_node *nodes)
{
	int64_t ttl = DNS_TTL_MAX_NS;
	for (; nodes; nodes = nodes->ai_next)
		if (nodes->ai_ttl * NS_PER_S < ttl)
			ttl = nodes->ai_ttl * NS_PER_S;
	return ttl < DNS_TTL_MIN_NS ? DNS_TTL_MIN_NS : ttl;
}

static void name_free(struct name *n)
{
	map_remove(&n->resolver->names, slice_of(n->text, n->len));
	list_remove(&n->node);
	free(n);
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct name *n = arg;
	struct dns_answer *answer = &n->answer;
	int64_t ttl = DNS_TTL_MIN_NS;

	*answer = (struct dns_answer){ 0 };
	if (status == ARES_SUCCESS && result->nodes) {
		interleave(result->nodes, answer);
		ttl = shortest_ttl(result->nodes);
	}
	if (answer->count == 0)
		answer->error = status_text(status == ARES_SUCCESS ? ARES_ENODATA : status);
	if (result)
		ares_freeaddrinfo(result);
	n->expires = clock_now_ns() + ttl;

	/* Still `asking`: nobody can evict the name while its askers are told, and who asks again joins the list. */
	while (!list_is_empty(&n->waiting)) {
		struct waiter *w = LIST_ENTRY(n->waiting.next, struct waiter, node);
		struct dns_query *q = w->query;
		unsigned port = w->port;
		list_remove(&w->node);
		free(w);
		if (!n->resolver->freeing)
			deliver(q, answer, port);
		else
			q->internal = NULL;
	}
	n->asking = false;
}

/* c-ares on the loop. */

static void arm_timer(struct dns_resolver *r)
{
	struct timeval tv;
	if (ares_timeout(r->channel, NULL, &tv))
		timer_set(&r->timer, loop_now(r->loop) + (int64_t)tv.tv_sec * NS_PER_S + tv.tv_usec * NS_PER_US);
	else
		timer_set(&r->timer, NEVER);
}

static void resolver_run(struct task *t)
{
	struct dns_resolver *r = CONTAINER_OF(t, struct dns_resolver, task);
	/* Processing may open and close any socket: begin again until none has events. */
	for (bool found = true; found;) {
		found = false;
		LIST_EACH(node, &r->sockets) {
			struct dns_socket *s = LIST_ENTRY(node, struct dns_socket, node);
			uint32_t events = s->events;
			if (!events)
				continue;
			s->events = 0;
			found = true;
			bool failed = events & (EPOLLERR | EPOLLHUP);
			ares_process_fd(r->channel, failed || events & EPOLLIN ? s->watch.fd : ARES_SOCKET_BAD,
					failed || events & EPOLLOUT ? s->watch.fd : ARES_SOCKET_BAD);
			break;
		}
	}
	arm_timer(r);
}

static void socket_on_event(struct watch *w, uint32_t events)
{
	struct dns_socket *s = CONTAINER_OF(w, struct dns_socket, watch);
	s->events = events;
	loop_queue(s->resolver->loop, &s->resolver->task);
}

static void timer_on_expire(struct timer *t)
{
	struct dns_resolver *r = CONTAINER_OF(t, struct dns_resolver, timer);
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(r);
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns_resolver *r = data;
	struct dns_socket *s = NULL;
	uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0);

	LIST_EACH(node, &r->sockets)
		if (LIST_ENTRY(node, struct dns_socket, node)->watch.fd == fd)
			s = LIST_ENTRY(node, struct dns_socket, node);
	if (s && !events) {
		loop_unwatch(r->loop, &s->watch);
		list_remove(&s->node);
		free(s);
	} else if (s) {
		(void)loop_rewatch(r->loop, &s->watch, events);
	} else if (events) {
		s = xcalloc(1, sizeof(*s));
		s->resolver = r;
		s->watch = (struct watch){ .fd = fd, .on_event = socket_on_event };
		list_append(&r->sockets, &s->node);
		/* Unwatched it will only time out. */
		(void)loop_watch(r->loop, &s->watch, events);
	}
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		out_of_memory();
}

static struct dns_resolver *resolver_new(struct loop *l)
{
	struct dns_resolver *r = xcalloc(1, sizeof(*r));
	struct ares_options options = { .timeout = DNS_TIMEOUT_MS, .tries = DNS_TRIES, .sock_state_cb = on_socket_state,
					.sock_state_cb_data = r };
	r->loop = l;
	map_init(&r->names);
	list_init(&r->used);
	list_init(&r->sockets);
	task_init(&r->task, resolver_run);
	timer_init(&r->timer, l, timer_on_expire);
	pthread_once(&library_once, library_init);
	int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
	/* Since c-ares 1.31 answers are kept there, too, by default: without a bound on their number, and failures for
	 * as long as a zone likes. The cache here is the one that counts; qcache_max_ttl = 0 turns the other off. */
	given |= ARES_OPT_QUERY_CACHE;
#endif
	if (ares_init_options(&r->channel, &options, given) != ARES_SUCCESS)
		out_of_memory();
	return r;
}

struct dns_resolver *dns_resolver_free(struct dns_resolver *r)
{
	if (r) {
		r->freeing = true;
		ares_destroy(r->channel);
		task_cancel(&r->task);
		timer_cancel(&r->timer);
		while (!list_is_empty(&r->used))
			name_free(LIST_ENTRY(r->used.next, struct name, node));
		map_done(&r->names);
		free(r);
	}
	return NULL;
}

static struct dns_resolver *resolver_of(struct loop *l)
{
	if (!l->resolver)
		l->resolver = resolver_new(l);
	return l->resolver;
}

bool dns_use_servers(struct loop *l, const char *servers)
{
	return ares_set_servers_ports_csv(resolver_of(l)->channel, servers) == ARES_SUCCESS;
}

/* Questions. */

static bool is_localhost(struct slice host)
{
	struct slice name = SLICE("localhost"), below = SLICE(".localhost");
	/* A dot at the end only says that no search domain is to be tried. */
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return slice_eq_nocase(host, name) ||
	       (host.len > below.len && slice_eq_nocase(slice_after(host, host.len - below.len), below));
}

/* What needs no name server (RFC 6761 §6.3 for localhost). IPv4 first: most local servers listen there only. */
static bool resolve_locally(struct slice host, struct dns_answer *ret)
{
	*ret = (struct dns_answer){ 0 };
	if (address_from_ip(host, 0, &ret->addresses[0])) {
		ret->count = 1;
	} else if (is_localhost(host)) {
		(void)address_from_ip(SLICE("127.0.0.1"), 0, &ret->addresses[0]);
		(void)address_from_ip(SLICE("::1"), 0, &ret->addresses[1]);
		ret->count = 2;
	}
	return ret->count > 0;
}

/* Forgets the name used longest ago that nobody waits for; false when there is none. */
static bool evict_one(struct dns_resolver *r)
{
	LIST_EACH(node, &r->used) {
		struct name *n = LIST_ENTRY(node, struct name, node);
		if (!n->asking) {
			name_free(n);
			return true;
		}
	}
	return false;
}

static struct name *name_of(struct dns_resolver *r, struct slice host)
{
	char folded[DNS_HOST_MAX];
	for (size_t i = 0; i < host.len; i++)
		folded[i] = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] + 32) : host.ptr[i];
	struct name *n = map_get(&r->names, slice_of(folded, host.len));
	if (n) {
		list_remove(&n->node);
		list_append(&r->used, &n->node);
		return n;
	}
	if (r->names.count >= DNS_CACHE_MAX && !evict_one(r))
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->resolver = r;
	n->len = host.len;
	memcpy(n->text, folded, host.len);
	list_init(&n->waiting);
	list_append(&r->used, &n->node);
	map_put(&r->names, slice_of(n->text, n->len), n);
	return n;
}

static void ask(struct name *n)
{
	static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	n->asking = true;
	ares_getaddrinfo(n->resolver->channel, n->text, NULL, &hints, on_addrinfo, n);
	arm_timer(n->resolver);
}

void dns_resolve(struct loop *l, struct slice host, unsigned port, struct dns_query *q)
{
	struct dns_answer local;
	q->internal = NULL;
	if (resolve_locally(host, &local)) {
		deliver(q, &local, port);
		return;
	}
	if (host.len == 0 || host.len > DNS_HOST_MAX || memchr(host.ptr, '\0', host.len)) {
		deliver_error(q, "not a host name");
		return;
	}
	struct name *n = name_of(resolver_of(l), host);
	if (!n) {
		deliver_error(q, "too many names are being looked up");
		return;
	}
	if (!n->asking && n->expires > clock_now_ns()) {
		deliver(q, &n->answer, port);
		return;
	}
	struct waiter *w = xcalloc(1, sizeof(*w));
	w->query = q;
	w->port = port;
	list_append(&n->waiting, &w->node);
	q->internal = w;
	if (!n->asking)
		ask(n);
}

void dns_cancel(struct dns_query *q)
{
	struct waiter *w = q->internal;
	q->internal = NULL;
	if (w) {
		list_remove(&w->node);
		free(w);
	}
}
