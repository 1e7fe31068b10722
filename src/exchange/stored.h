/* SPDX-License-Identifier: Apache-2.0 */
/* Stored responses and conversations (OpenAI's Responses API), within an exchange.
 *
 *   kept here      what weir translates, or a provider without storage answers: the response and its own input are put
 *                  into the store; previous_response_id and conversation are resolved from there into plain input, so
 *                  that any backend can go on with it
 *   bound          what a provider with storage answers verbatim: its id is replaced by one that says where it lies
 *                  (bound_id.h), and a follow-up goes there and nowhere else
 *   conversations  are kept here, whoever answers
 *
 * A kept response: {"response":{…},"input":[its own items],"previous":"resp_…"}, and for those who go on by
 * item_reference each item of its output as "item:ID": {"item":{…}}; the chain of `previous` leads to the
 * conversation's beginning. A conversation: {"conversation":{…},"items":[…]}. */
#pragma once

#include "exchange/bound_id.h"
#include "json/json.h"
#include "json/writer.h"
#include "policy/plan.h"

struct exchange;
struct attempt;

enum {
	STORED_CHAIN_MAX = 1024,       /* responses that follow each other */
	STORED_ID_MAX = 64,            /* of ids that weir makes */
	STORED_LIFE_DAYS = 30,         /* as at OpenAI */
};

enum stored_result {
	STORED_READY,
	STORED_WAITS,                  /* the store has been asked, and wakes the exchange: call again */
	STORED_ENDED                   /* there is a failure, or the answer is made */
};

/* One response of a chain; in the exchange's arena. */
struct stored_link {
	struct stored_link *newer;
	struct slice id;
	struct json response, input;   /* object, array */
};

struct stored {
	struct arena arena;            /* what is still needed when the request's memory is gone */
	struct exchange *exchange;

	/* The question that is on its way to the store. */
	struct store_request request;
	bool asked, answered;
	enum store_found found;
	struct slice value;            /* in the exchange's arena */

	/* The chain, as far as it is loaded. */
	struct stored_link *oldest, *newest;
	unsigned links;
	size_t bytes;
	struct slice next;             /* id of the one before; empty = it is complete */
	bool chain_begun;

	/* The request's own input, when items in it that are only named have been found. */
	struct slice *references;      /* one per item_reference, in order; NULL pointer = not kept here */
	unsigned references_done;
	bool has_reference, items_forgotten;
	struct slice own_items;        /* with commas, no brackets; NULL pointer = as in the body */

	/* Where the request must go. */
	bool is_bound;
	struct bound_id bound;
	struct slice bound_text;       /* as the client has it */

	/* What will be kept. */
	bool wanted;                   /* the client did not say store: false */
	bool has_input;
	char id[STORED_ID_MAX];        /* of the answer */
	struct slice input;            /* items with commas between, no brackets */
	struct slice previous;
	struct slice conversation;     /* its id */
	struct slice conversation_document; /* as it was */
};

/* ---- ids ---- */

void stored_make_id(const char *prefix, char ret[static STORED_ID_MAX]);
/* Is it bound, and to this client? Fills in x->stored. False: it looks bound and is not ours. */
bool stored_read_bound(struct exchange *x, struct slice id);
/* False: the own id is too long. */
bool stored_make_bound(struct exchange *x, const struct provider *p, const struct credential *key, struct slice own,
		       char ret[static BOUND_ID_MAX]);
/* The provider and key that it is bound to; false: not in this configuration. */
bool stored_find_target(const struct exchange *x, const struct provider **ret_provider,
			const struct credential **ret_key);
/* Does the request refer to something that is stored, here or at a provider? */
bool stored_is_referred_to(const struct exchange *x);
/* The key that the request must use at that provider; NULL = any. */
const struct credential *stored_key(const struct exchange *x, const struct provider *p);

/* ---- looking up ---- */

struct stored *stored_begin(struct exchange *x);
/* One document; after STORED_READY `found` and `value` are set. STORED_ENDED: the store does not answer, said. */
enum stored_result stored_fetch(struct exchange *x, enum store_kind kind, struct slice id);
enum stored_result stored_delete(struct exchange *x, enum store_kind kind, struct slice id);
/* The response of that id and all before it, into x->stored. STORED_ENDED: one is missing, said. */
enum stored_result stored_chain(struct exchange *x, struct slice id);
enum stored_result stored_fail_previous(struct exchange *x, struct slice id);
/* 404 in OpenAI's words; `what` is "Response" or "Conversation". */
enum stored_result stored_fail_missing(struct exchange *x, const char *what, struct slice id);
void stored_cancel(struct exchange *x);
/* Accepts NULL, returns NULL. */
struct stored *stored_free(struct stored *s);
bool stored_put(struct exchange *x, enum store_kind kind, struct slice id, struct slice document);
/* Of an item of a kept response's output. */
struct slice stored_item_key(struct slice item_id, struct arena *a);
/* Away with it, without waiting. */
void stored_forget_item(struct exchange *x, struct slice item_id);
/* Parses a document; missing when it is none. */
struct json stored_parse(struct exchange *x, struct slice document);

/* ---- the steps ---- */

/* resolve.c, after the request is decoded: what it refers to becomes part of it. */
enum stored_result stored_resolve(struct exchange *x);
/* After the plan is made: only what the request is bound to. False: nobody is left (reterr). */
bool stored_constrain(struct exchange *x, struct plan_query *query, struct failure *reterr);
/* stored_endpoint.c: the endpoints of stored responses. STORED_READY: it lies at a provider, to be proxied. */
enum stored_result stored_serve(struct exchange *x);
/* conversation.c: those of conversations. */
enum stored_result conversation_serve(struct exchange *x);
/* The document with these items (commas between, no brackets) at its end. */
bool conversation_write(struct json document, struct slice input, struct slice output, struct arena *a,
			struct buf *out);

/* stored_items.c */
/* An item as the listings show it: with an id, type and status, content in parts. `id`: for one that has none. */
void stored_write_item(struct json_writer *w, struct json item, struct slice id, struct arena *a);
/* A new one, with the prefix that its kind has. */
struct slice stored_item_id(struct json item, struct arena *a);
/* {"object":"list",…} of the items that the query's limit, order and after leave. False: refused. */
bool stored_list(struct exchange *x, const struct json *items, const struct slice *ids, unsigned count);
/* The ids of items: their own, or made of `seed` and their number. */
struct slice *stored_ids(const struct json *items, unsigned count, struct slice seed, struct arena *a);

/* ---- the answer (stored_keep.c) ---- */

/* How an attempt's answer is named: by weir, or by a bound id. */
enum stored_naming { STORED_UNNAMED, STORED_HERE, STORED_BOUND };

/* Of a verbatim answer: the provider's ids, and what the client gets in their place; empty until the provider has said
 * them. */
struct stored_names {
	enum stored_naming naming;
	char own_id[BOUND_ID_MAX], shown_id[BOUND_ID_MAX];
	char own_previous[BOUND_ID_MAX], shown_previous[BOUND_ID_MAX];
};

/* Of an attempt that begins, while the request is still there: makes its `names`, or leaves NULL. */
void stored_begin_attempt(struct exchange *x, struct attempt *a);
/* A verbatim answer's bytes with the client's ids in place of the provider's; the same bytes when there are none. */
struct slice stored_rename(struct exchange *x, struct attempt *a, struct slice bytes, struct arena *arena);
/* The complete response object, or what the last event of a stream says of it. */
void stored_keep(struct exchange *x, const struct attempt *a, struct slice response);
void stored_keep_event(struct exchange *x, struct attempt *a, struct slice data);
/* The same of x->last, where a translated stream's end has been written. */
void stored_keep_last(struct exchange *x, struct attempt *a);
/* resolve.c: the items of an input: a string is one message. Commas between, no brackets; copied. */
struct slice stored_items(struct json input, struct arena *a);
