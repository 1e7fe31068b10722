/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between two requests. A pool is made by the first request of its kind and goes with its last connection
 * and request. The connection used last is taken first, so that a surplus grows old and is closed. An idle connection
 * on which anything happens (an end, a stray byte) is closed at once: a late answer must never meet a later request. */
#include <errno.h>
#include "base/clock.h"
#include "http/client_internal.h"

enum { POOL_HOST_MAX = 255 };

/* The fixed part of a key; the host's name follows it. */
struct key_head {
	const void *tls, *proxy;
	uint64_t credential;
	uint64_t port_and_scheme;
};

static struct client_pool *pool_new(struct http_client *c, const struct origin *origin, struct slice key,
				    const struct outbound_proxy *proxy)
{
	struct client_pool *p = xcalloc(1, sizeof(*p) + key.len);

	memcpy(p->text, key.ptr, key.len);
	p->key = slice_of(p->text, key.len);
	p->host = slice_after(p->key, sizeof(struct key_head));
	p->port = origin->url.port;
	p->client = c;
	p->proxy = proxy;
	p->tls = origin->url.tls ? tls_context_ref(origin->tls) : NULL;
	list_init(&p->idle);
	map_put(&c->pools, p->key, p);
	return p;
}

struct client_pool *pool_get(struct http_client *c, const struct origin *origin)
{
	const struct outbound_proxy *proxy = c->options.proxies ? proxy_for(c->options.proxies, &origin->url) : NULL;
	struct key_head head = {
		.tls = origin->url.tls ? origin->tls : NULL,
		.proxy = proxy,
		.credential = origin->credential,
		.port_and_scheme = (uint64_t)origin->url.port << 1 | origin->url.tls,
	};
	char key[sizeof(head) + POOL_HOST_MAX];
	struct slice host = origin->url.host, whole;
	struct client_pool *p;

	check(host.len <= POOL_HOST_MAX, "an origin's host was not parsed by url_parse()");
	check(!origin->url.tls || origin->tls, "an https origin has no TLS context");
	memcpy(key, &head, sizeof(head));
	memcpy(key + sizeof(head), host.ptr, host.len);
	whole = slice_of(key, sizeof(head) + host.len);
	p = map_get(&c->pools, whole);
	if (!p)
		p = pool_new(c, origin, whole, proxy);
	p->refs++;
	return p;
}

void pool_unref(struct client_pool *p)
{
	if (!p || --p->refs)
		return;
	map_remove(&p->client->pools, p->key);
	tls_context_unref(p->tls);
	free(p);
}

struct client_link *link_new(struct client_pool *p)
{
	struct http_client *c = p->client;
	struct client_link *link;

	if (list_is_empty(&c->free_links)) {
		link = xmalloc(sizeof(*link));
	} else {
		link = LIST_ENTRY(c->free_links.next, struct client_link, node);
		list_remove(&link->node);
		c->free_link_count--;
	}
	*link = (struct client_link){ .client = c, .pool = p };
	list_init(&link->node);
	list_init(&link->age);
	p->refs++;
	return link;
}

static void link_leave_idle(struct client_link *link)
{
	list_remove(&link->node);
	list_remove(&link->age);
	link->pool->idle_count--;
	link->client->counts.idle--;
	link->step = LINK_BUSY;
}

void link_drop(struct client_link *link)
{
	struct http_client *c = link->client;

	if (link->step == LINK_IDLE)
		link_leave_idle(link);
	if (link->step == LINK_RESOLVING)
		dns_cancel(&link->query);
	link->tunnel = tunnel_free(link->tunnel);
	/* What a peer has not taken of a cancelled request must not follow it. */
	if (link->conn && !link->conn->writable)
		link->conn = conn_reset(link->conn);
	else
		link->conn = conn_close(link->conn);
	pool_unref(link->pool);
	if (c->free_link_count >= CLIENT_FREE_MAX) {
		free(link);
		return;
	}
	list_prepend(&c->free_links, &link->node);
	c->free_link_count++;
}

struct client_link *pool_take(struct client_pool *p)
{
	struct client_link *link;

	if (list_is_empty(&p->idle))
		return NULL;
	link = LIST_ENTRY(p->idle.next, struct client_link, node);
	link_leave_idle(link);
	return link;
}

/* Open, and nothing to read from it. A TLS connection may hold records that are not ours to see (session tickets);
 * reading consumes them. */
static bool link_is_silent(struct client_link *link)
{
	char byte;

	if (link->conn->state != CONN_OPEN || link->conn->peer_closed)
		return false;
	return !link->conn->readable || (conn_read(link->conn, &byte, 1) == -EAGAIN && !link->conn->readable);
}

void link_idle_ready(struct client_link *link)
{
	if (!link_is_silent(link))
		link_drop(link);
}

static struct client_link *oldest_idle(struct http_client *c)
{
	return LIST_ENTRY(c->idle.next, struct client_link, age);
}

void link_release(struct client_link *link)
{
	struct http_client *c = link->client;
	struct client_pool *p = link->pool;

	link->user = NULL;
	if (!link_is_silent(link) || c->options.idle_max == 0 || c->options.idle_total_max == 0) {
		link_drop(link);
		return;
	}
	if (p->idle_count >= c->options.idle_max)
		link_drop(LIST_ENTRY(p->idle.prev, struct client_link, node));
	if (c->counts.idle >= c->options.idle_total_max)
		link_drop(oldest_idle(c));
	link->step = LINK_IDLE;
	link->conn->reused = true;
	link->idle_since_ns = loop_now(c->loop);
	list_prepend(&p->idle, &link->node);
	list_append(&c->idle, &link->age);
	p->idle_count++;
	c->counts.idle++;
	if (!timer_is_set(&c->idle_timer))
		timer_set(&c->idle_timer, link->idle_since_ns + c->options.idle_timeout_ms * NS_PER_MS);
}

void pool_expire_idle(struct timer *t)
{
	struct http_client *c = CONTAINER_OF(t, struct http_client, idle_timer);

	while (!list_is_empty(&c->idle)) {
		int64_t deadline = oldest_idle(c)->idle_since_ns + c->options.idle_timeout_ms * NS_PER_MS;

		if (deadline > loop_now(c->loop)) {
			timer_set(t, deadline);
			return;
		}
		link_drop(oldest_idle(c));
	}
}
