/* SPDX-License-Identifier: Apache-2.0 */
/* Resumable client sessions of one context: a full handshake costs 0.4 ms of processor time and a certificate check, a
 * resumed one a fraction. One session per host, the newest; the host used longest ago makes room. */
#include <pthread.h>
#include "base/list.h"
#include "base/map.h"
#include "net/tls_internal.h"

enum { RESUMPTION_HOSTS_MAX = 256 };

struct tls_resumption {
	pthread_mutex_t lock;
	struct map by_host;            /* struct entry */
	struct list used;              /* longest ago first */
};

struct entry {
	struct list node;
	SSL_SESSION *session;
	size_t host_len;
	char host[];
};

struct tls_resumption *tls_resumption_new(void)
{
	struct tls_resumption *r = xcalloc(1, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	map_init(&r->by_host);
	list_init(&r->used);
	return r;
}

/* With the lock held. */
static void entry_free(struct tls_resumption *r, struct entry *e)
{
	map_remove(&r->by_host, slice_of(e->host, e->host_len));
	list_remove(&e->node);
	SSL_SESSION_free(e->session);
	free(e);
}

struct tls_resumption *tls_resumption_free(struct tls_resumption *r)
{
	if (r) {
		while (!list_is_empty(&r->used))
			entry_free(r, LIST_ENTRY(r->used.next, struct entry, node));
		map_done(&r->by_host);
		pthread_mutex_destroy(&r->lock);
		free(r);
	}
	return NULL;
}

void tls_resumption_put(struct tls_resumption *r, struct slice host, const SSL_SESSION *session)
{
	SSL_SESSION *copy = SSL_SESSION_dup(session);
	if (!copy)
		return;
	pthread_mutex_lock(&r->lock);
	struct entry *e = map_get(&r->by_host, host);
	if (e) {
		SSL_SESSION_free(e->session);
		list_remove(&e->node);
	} else {
		if (r->by_host.count >= RESUMPTION_HOSTS_MAX)
			entry_free(r, LIST_ENTRY(r->used.next, struct entry, node));
		e = xmalloc(sizeof(*e) + host.len);
		e->host_len = host.len;
		if (host.len > 0)
			memcpy(e->host, host.ptr, host.len);
		map_put(&r->by_host, slice_of(e->host, host.len), e);
	}
	e->session = copy;
	list_append(&r->used, &e->node);
	pthread_mutex_unlock(&r->lock);
}

SSL_SESSION *tls_resumption_get(struct tls_resumption *r, struct slice host)
{
	SSL_SESSION *session = NULL;
	pthread_mutex_lock(&r->lock);
	struct entry *e = map_get(&r->by_host, host);
	if (e) {
		session = SSL_SESSION_dup(e->session);
		list_remove(&e->node);
		list_append(&r->used, &e->node);
	}
	pthread_mutex_unlock(&r->lock);
	return session;
}

void tls_resumption_forget(struct tls_resumption *r, struct slice host)
{
	pthread_mutex_lock(&r->lock);
	struct entry *e = map_get(&r->by_host, host);
	if (e)
		entry_free(r, e);
	pthread_mutex_unlock(&r->lock);
}
