/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between two requests. A pool is made by the first request of its kind and goes with its last connection
 * and request. The connection used last is taken first, so that a surplus grows old and is closed. */
#include "base/clock.h"
#include "http/client_internal.h"

enum { POOL_HOST_MAX = 255 };

/* The fixed part of a key; the host's name follows it. */
struct key_head {
	const void *tls, *proxy;
	uint64_t credential;
	uint64_t port_scheme_version;
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
	p->http = origin->http;
	p->speaks_http2 = origin->http == HTTP_2;
	list_init(&p->idle);
	list_init(&p->roomy);
	list_init(&p->connecting);
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
		.port_scheme_version = (uint64_t)origin->http << 17 | (uint64_t)origin->url.port << 1 | origin->url.tls,
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
	list_init(&link->users);
	p->refs++;
	return link;
}

void link_attach(struct client_link *link, struct outbound *o)
{
	list_append(&link->users, &o->on_link);
	link->user_count++;
	o->link = link;
}

void link_detach(struct outbound *o)
{
	list_remove(&o->on_link);
	o->link->user_count--;
	o->link = NULL;
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
	list_remove(&link->node);
	link->tunnel = tunnel_free(link->tunnel);
	link->http2 = client_http2_free(link->http2);
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

	if (!list_is_empty(&p->roomy))
		return LIST_ENTRY(p->roomy.next, struct client_link, node);
	if (list_is_empty(&p->idle))
		return NULL;
	link = LIST_ENTRY(p->idle.next, struct client_link, node);
	link_leave_idle(link);
	return link;
}

struct client_link *pool_take_connecting(struct client_pool *p)
{
	if (!p->speaks_http2)
		return NULL;
	LIST_EACH(node, &p->connecting) {
		struct client_link *link = LIST_ENTRY(node, struct client_link, node);

		if (link->user_count < CLIENT_STREAMS_MAX)
			return link;
	}
	return NULL;
}

static struct client_link *oldest_idle(struct http_client *c)
{
	return LIST_ENTRY(c->idle.next, struct client_link, age);
}

void link_rest(struct client_link *link)
{
	struct http_client *c = link->client;
	struct client_pool *p = link->pool;

	if (c->options.idle_max == 0 || c->options.idle_total_max == 0) {
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
	list_remove(&link->node);
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
