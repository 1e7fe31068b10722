/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to a connection that can carry a request: resolve, connect, with a proxy and TLS ask for a tunnel
 * (CONNECT, RFC 9110 §9.3.6), TLS. The outbound's timer covers all of it. */
#include <errno.h>
#include <stdio.h>
#include "http/client_internal.h"

enum { TUNNEL_REQUEST_MAX = 4 << 10, TUNNEL_READ_MAX = 4 << 10 };

struct tunnel {
	llhttp_t parser;
	struct buf out;                /* what of the request is not with the kernel */
	size_t head_bytes;
	int status;                    /* of the reply; 0 = not complete */
};

struct tunnel *tunnel_free(struct tunnel *t)
{
	if (t)
		buf_done(&t->out);
	free(t);
	return NULL;
}

/* For all who wait for it; the last one's leaving frees the link. */
static void connect_failed(struct client_link *link, const struct failure *f)
{
	for (unsigned left = link->user_count; left > 0; left--) {
		struct outbound *o = link_user(link);

		*outbound_failure(o) = *f;
		outbound_fail(o);
		outbound_notify(o);
	}
}

static void on_answer(struct dns_query *q, const struct dns_answer *answer)
{
	struct client_link *link = CONTAINER_OF(q, struct client_link, query);

	link->step = LINK_CONNECTING;
	if (answer->count == 0) {
		const struct client_pool *p = link->pool;
		struct failure f;

		failure_set(&f, FAILURE_DNS, "the name %s%.*s does not resolve: %s",
			    p->proxy ? "of the proxy " : "", SLICE_ARG(p->proxy ? p->proxy->url.host : p->host), answer->error);
		connect_failed(link, &f);
		return;
	}
	link->conn = conn_connect(link->client->loop, answer, link_on_ready, link);
}

void link_connect(struct outbound *o)
{
	struct client_pool *p = o->pool;
	struct client_link *link = link_new(p);

	link_attach(link, o);
	list_append(&p->connecting, &link->node);
	link->step = LINK_RESOLVING;
	link->query.on_answer = on_answer;
	if (p->proxy)
		dns_resolve(link->client->loop, p->proxy->url.host, p->proxy->url.port, &link->query);
	else
		dns_resolve(link->client->loop, p->host, p->port, &link->query);
}

/* The two callbacks that reading a reply's status needs: no reply to CONNECT has a body that matters, and what
 * follows the head of the last one stays unread. */
static int on_tunnel_head(llhttp_t *parser)
{
	struct tunnel *t = parser->data;

	if (parser->status_code >= 200)
		t->status = parser->status_code;
	return 1;
}

static int on_tunnel_message(llhttp_t *parser)
{
	const struct tunnel *t = parser->data;

	return t->status ? HPE_PAUSED : 0;
}

static const llhttp_settings_t tunnel_settings = {
	.on_headers_complete = on_tunnel_head,
	.on_message_complete = on_tunnel_message,
};

static void start_tunnel(struct client_link *link)
{
	const struct client_pool *p = link->pool;
	struct tunnel *t = link->tunnel = xcalloc(1, sizeof(*t));
	bool ipv6 = memchr(p->host.ptr, ':', p->host.len) != NULL;
	const char *open = ipv6 ? "[" : "", *close = ipv6 ? "]" : "";
	bool fits;

	llhttp_init(&t->parser, HTTP_RESPONSE, &tunnel_settings);
	t->parser.data = t;
	buf_init(&t->out, TUNNEL_REQUEST_MAX);
	fits = buf_printf(&t->out, "CONNECT %s%.*s%s:%u HTTP/1.1\r\nhost: %s%.*s%s:%u\r\n", open, SLICE_ARG(p->host), close, p->port,
			  open, SLICE_ARG(p->host), close, p->port);
	if (p->proxy->authorization.len)
		fits = fits && buf_printf(&t->out, "proxy-authorization: %.*s\r\n", SLICE_ARG(p->proxy->authorization));
	fits = fits && buf_printf(&t->out, "\r\n");
	check(fits, "a proxy's credentials are longer than the settings allow");
	link->step = LINK_TUNNELLING;
}

enum tunnel_result { TUNNEL_WAITS, TUNNEL_STANDS, TUNNEL_GONE };

static enum tunnel_result tunnel_failed(struct client_link *link, enum failure_kind kind, const char *cause)
{
	const struct client_pool *p = link->pool;
	struct failure f;

	failure_set(&f, kind, "the proxy %.*s gives no way to %.*s: %s", SLICE_ARG(p->proxy->url.authority),
		    SLICE_ARG(link_user(link)->authority), cause);
	connect_failed(link, &f);
	return TUNNEL_GONE;
}

static enum tunnel_result tunnel_refused(struct client_link *link, int status)
{
	char cause[96];

	snprintf(cause, sizeof(cause), "it answered %d %s%s", status, http_reason(status),
		 status == 407 ? " (the credentials in the proxy's URL are missing or wrong)" : "");
	return tunnel_failed(link, FAILURE_REFUSED, cause);
}

static enum tunnel_result tunnel_parse(struct client_link *link, const char *data, size_t len)
{
	struct tunnel *t = link->tunnel;
	llhttp_errno_t result = llhttp_execute(&t->parser, data, len);

	t->head_bytes += len;
	if (t->status && (t->status < 200 || t->status > 299))
		return tunnel_refused(link, t->status);
	if (t->status) {
		/* The origin speaks only after our ClientHello; what follows the head is not from there. */
		if (llhttp_get_error_pos(&t->parser) != data + len)
			return tunnel_failed(link, FAILURE_MALFORMED, "bytes follow its answer to CONNECT");
		return TUNNEL_STANDS;
	}
	if (result != HPE_OK)
		return tunnel_failed(link, FAILURE_MALFORMED, "its answer to CONNECT is not HTTP");
	if (t->head_bytes > link->client->options.head_max)
		return tunnel_failed(link, FAILURE_MALFORMED, "its answer to CONNECT is too long");
	return TUNNEL_WAITS;
}

/* GONE: the link, too, is gone. */
static enum tunnel_result run_tunnel(struct client_link *link)
{
	struct tunnel *t = link->tunnel;
	char *scratch = loop_scratch(link->client->loop);
	enum tunnel_result result = TUNNEL_WAITS;

	while (t->out.len) {
		struct slice left = buf_slice(&t->out);
		ssize_t n = conn_writev(link->conn, &(struct iovec){ (char *)left.ptr, left.len }, 1);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			return tunnel_failed(link, FAILURE_REFUSED, strerror((int)-n));
		link->client->counts.bytes_out += (uint64_t)n;
		buf_consume(&t->out, (size_t)n);
	}
	while (result == TUNNEL_WAITS) {
		ssize_t n = conn_read(link->conn, scratch, TUNNEL_READ_MAX);

		if (n == -EAGAIN)
			break;
		if (n <= 0)
			return tunnel_failed(link, FAILURE_REFUSED, n ? strerror((int)-n) : "it closed the connection");
		link->client->counts.bytes_in += (uint64_t)n;
		result = tunnel_parse(link, scratch, (size_t)n);
	}
	return result;
}

static void lost_while_connecting(struct client_link *link)
{
	const struct client_pool *p = link->pool;
	struct slice authority = link_user(link)->authority;
	struct failure f;
	const char *cause = link->conn->error && link->conn->error[0] ? link->conn->error : "the connection was lost";

	if (link->step == LINK_TUNNELLING) {
		tunnel_failed(link, FAILURE_REFUSED, cause);
		return;
	}
	if (link->step == LINK_SECURING)
		failure_set(&f, FAILURE_TLS, "no TLS with %.*s: %s", SLICE_ARG(authority), cause);
	else if (p->proxy)
		failure_set(&f, FAILURE_REFUSED, "no connection to the proxy %.*s: %s", SLICE_ARG(p->proxy->url.authority),
			    cause);
	else
		failure_set(&f, FAILURE_REFUSED, "no connection to %.*s: %s", SLICE_ARG(authority), cause);
	connect_failed(link, &f);
}

/* What the connection is to speak, or NULL with the failure set. */
static const struct client_protocol *choose_protocol(struct client_link *link, struct failure *reterr)
{
	struct slice authority = link_user(link)->authority, found = conn_alpn(link->conn);
	enum http_version_choice wanted = link->pool->http;

	if (!link->pool->tls)
		return wanted == HTTP_2 ? &client_http2 : &client_http1;
	if (slice_eq(found, SLICE("h2")) && wanted != HTTP_1)
		return &client_http2;
	if (found.len && !slice_eq(found, SLICE("http/1.1")))
		failure_set(reterr, FAILURE_TLS, "%.*s wants to speak %.*s", SLICE_ARG(authority), SLICE_ARG(found));
	else if (wanted == HTTP_2)
		failure_set(reterr, FAILURE_TLS, "%.*s does not speak HTTP/2, as 'http: 2' demands", SLICE_ARG(authority));
	else
		return &client_http1;
	return NULL;
}

static void connected(struct client_link *link)
{
	struct failure f;
	struct list *next;

	link->tunnel = tunnel_free(link->tunnel);
	link->protocol = choose_protocol(link, &f);
	if (!link->protocol) {
		connect_failed(link, &f);
		return;
	}
	list_remove(&link->node);
	link->step = LINK_BUSY;
	link->client->counts.opened++;
	link->pool->speaks_http2 = link->protocol == &client_http2;
	if (link->pool->speaks_http2) {
		client_http2_begin(link);
	} else {
		/* HTTP/1.1 was not expected by those who waited for room on it. */
		for (struct list *node = link_user(link)->on_link.next; node != &link->users; node = next) {
			next = node->next;
			outbound_reconnect(LIST_ENTRY(node, struct outbound, on_link));
		}
	}
	for (struct list *node = link->users.next; node != &link->users; node = next) {
		next = node->next;
		outbound_connected(LIST_ENTRY(node, struct outbound, on_link));
	}
}

static void start_tls(struct client_link *link)
{
	link->tunnel = tunnel_free(link->tunnel);
	link->step = LINK_SECURING;
	conn_start_tls(link->conn, link->pool->tls, link->pool->host);
}

static void open_tunnel(struct client_link *link)
{
	if (run_tunnel(link) != TUNNEL_STANDS)
		return;
	if (link->pool->tls)
		start_tls(link);
	else
		connected(link);
}

/* Proxies pass plain HTTP/1.1 on themselves; everything else goes through a tunnel. */
static bool needs_tunnel(const struct client_pool *p)
{
	return p->proxy && (p->tls || p->http == HTTP_2);
}

/* Goes from step to step as far as the connection's state allows. */
static void link_advance(struct client_link *link)
{
	if (link->conn->state == CONN_FAILED) {
		lost_while_connecting(link);
		return;
	}
	if (link->conn->state != CONN_OPEN)
		return;
	switch (link->step) {
	case LINK_CONNECTING:
		if (needs_tunnel(link->pool)) {
			start_tunnel(link);
			open_tunnel(link);
		} else if (link->pool->tls) {
			start_tls(link);
		} else {
			connected(link);
		}
		return;
	case LINK_TUNNELLING:
		open_tunnel(link);
		return;
	case LINK_SECURING:
		connected(link);
		return;
	default:
		return;
	}
}

void link_on_ready(struct conn *c)
{
	struct client_link *link = c->owner;

	if (link->protocol)
		link->protocol->on_ready(link);
	else
		link_advance(link);
}
