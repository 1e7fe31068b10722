/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt asks: the bytes of its request, its headers and its one credential, written anew for every target. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "provider/auth.h"

enum { ATTEMPT_HEADERS_MAX = 64 };

static bool has_header(const struct header *items, unsigned count, struct slice name)
{
	for (unsigned i = 0; i < count; i++)
		if (slice_eq(items[i].name, name))
			return true;
	return false;
}

/* Recomputed for every target: what the client may say to a provider of this dialect, and what the dialect needs there
 * (pain.md F39, P7). */
static unsigned write_headers(struct attempt *a, struct header *out)
{
	struct exchange *x = a->exchange;
	const struct headers *from = &x->stream->headers;
	const struct dialect *d = a->binding->dialect;
	unsigned count = 0;

	if (x->stream->method == HTTP_POST)
		out[count++] = (struct header){ SLICE("content-type"), SLICE("application/json") };
	/* What a client says in another dialect's headers means nothing here. */
	for (unsigned i = 0; !a->translation && i < from->count && count < ATTEMPT_HEADERS_MAX / 2; i++)
		if (header_passes(d->request_headers, from->items[i].name))
			out[count++] = from->items[i];
	for (unsigned i = 0; i < a->binding->header_count && count < ATTEMPT_HEADERS_MAX - AUTH_HEADERS_MAX; i++)
		if (!has_header(out, count, a->binding->headers[i].name))
			out[count++] = a->binding->headers[i];
	return count;
}

/* The one credential, ours; last, because it may be a signature over the rest. */
static void authorize(const struct attempt *a, struct client_request *r, struct header *headers)
{
	struct auth_request request = {
		.binding = a->binding, .key = a->key, .token = a->token,
		.method = r->method, .target = r->target, .headers = headers, .header_count = r->header_count,
		.body = r->body, .body_count = r->body_count, .unix_seconds = clock_wall_ms() / 1000,
	};

	r->header_count += auth_write(&request, headers + r->header_count, &a->exchange->arena);
}

static bool was_refused_usage(const struct worker *w, uint64_t target)
{
	for (unsigned i = 0; i < WORKER_NO_USAGE_MAX; i++)
		if (w->no_usage[i] == target)
			return true;
	return false;
}

/* Usage is asked for wherever the provider only tells when asked, whatever the client said (pain.md F11). */
bool asking_wants_usage(const struct exchange *x, const struct candidate *c, uint64_t target)
{
	bool client_asked = x->facts.usage_asked && !c->translates;

	return x->endpoint->kind == ENDPOINT_MODEL && translate_asks_stream(x, c) && !client_asked && !x->plain_retry &&
	       c->binding->usage_in_stream == USAGE_ASKED && !was_refused_usage(x->worker, target);
}

/* The client's own bytes with the few edits that the target needs. */
static unsigned edit_body(struct attempt *a, const struct candidate *c, struct slice pieces[static SPLICE_PIECES_MAX])
{
	struct exchange *x = a->exchange;
	struct request_edits edits = { .model = c->own_id, .ask_usage = a->asked_usage, .quirks = a->binding->quirks };
	struct splice splice;

	splice_init(&splice, buf_slice(&x->body));
	if (a->names && a->names->own_previous[0])
		check(splice_replace(&splice, json_get(json_root(&x->facts.doc), "previous_response_id"),
				     arena_printf(&x->arena, "\"%s\"", a->names->own_previous)), "a request takes a few edits at most");
	check(a->binding->dialect->edit_request(&x->facts, x->endpoint->operation, &edits, &splice, &x->arena) &&
	      translate_parameters(x, a, c, &splice), "a request takes a few edits at most");
	return splice_pieces(&splice, pieces);
}

static struct slice request_target(const struct attempt *a, const struct candidate *c)
{
	struct exchange *x = a->exchange;
	const struct dialect *d = a->binding->dialect;
	bool stream = a->translation ? a->translation->stream : x->facts.stream;
	struct request_route route = {
		.operation = x->endpoint->operation,
		.stream = stream,
		.variant = x->facts.variant && !a->translation,
		.model = c->own_id,
		.query = a->translation ? (stream ? d->stream_query : SLICE("")) : x->query,
		.base_query = a->binding->base.query,
		.quirks = a->binding->quirks,
	};

	if (x->endpoint->kind == ENDPOINT_STORED)
		route.stored = stored_path(x, &x->arena);
	return arena_join(&x->arena, a->binding->base.path, d->request_path(&route, &x->arena));
}

struct client_stream *asking_open(struct attempt *a, const struct candidate *c,
				  void (*on_event)(struct client_stream *))
{
	struct exchange *x = a->exchange;
	struct header headers[ATTEMPT_HEADERS_MAX];
	struct slice pieces[SPLICE_PIECES_MAX];
	unsigned count = 1;

	if (a->translation)
		pieces[0] = buf_slice(&a->translation->request);
	else if (x->endpoint->kind == ENDPOINT_STORED)
		count = 0;
	else
		count = edit_body(a, c, pieces);

	struct client_request request = {
		.origin = &a->key->origins[a->binding - a->provider->bindings],
		.method = x->stream->method,
		.target = request_target(a, c),
		.headers = headers,
		.header_count = write_headers(a, headers),
		.body = pieces,
		.body_count = count,
		.connect_timeout_ms = a->provider->timeout.connect,
	};
	authorize(a, &request, headers);
	return client_stream_open(x->worker->client, &request, on_event, a);
}
