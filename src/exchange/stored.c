/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up stored responses and conversations: one question at a time, asynchronously, two seconds in all. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "base/digits.h"
#include "base/random.h"

void stored_make_id(const char *prefix, char ret[static STORED_ID_MAX])
{
	char *at = (char *)mempcpy(ret, prefix, strlen(prefix));

	for (unsigned i = 0; i < 3; i++)
		at = digits_put_hex(at, random_u64(), 16);
	*at = '\0';
}

struct stored *stored_begin(struct exchange *x)
{
	if (!x->stored) {
		x->stored = xcalloc(1, sizeof(*x->stored));
		x->stored->exchange = x;
		arena_init(&x->stored->arena);
	}
	return x->stored;
}

struct stored *stored_free(struct stored *s)
{
	if (s) {
		arena_done(&s->arena);
		free(s);
	}
	return NULL;
}

/* ---- bindings ---- */

static const char secret_name[] = "bound response ids";

bool stored_read_bound(struct exchange *x, struct slice id)
{
	unsigned char secret[STORE_SECRET_SIZE];
	struct stored *s = stored_begin(x);

	store_secret(x->worker->shared->store, secret_name, secret);
	s->is_bound = bound_id_read(secret, x->record.key, id, &s->arena, &s->bound);
	s->bound_text = arena_dup(&s->arena, id);
	return s->is_bound;
}

bool stored_make_bound(struct exchange *x, const struct provider *p, const struct credential *key, struct slice own,
		       char ret[static BOUND_ID_MAX])
{
	unsigned char secret[STORE_SECRET_SIZE];
	struct bound_id b = { .target = bound_target(p->name, key->fingerprint), .own = own };

	store_secret(x->worker->shared->store, secret_name, secret);
	return bound_id_make(secret, x->record.key, &b, ret);
}

bool stored_is_referred_to(const struct exchange *x)
{
	return x->asked || (x->facts.needs & NEEDS_STATE) || (x->endpoint && x->endpoint->kind == ENDPOINT_STORED) ||
	       (x->stored && x->stored->is_bound);
}

const struct credential *stored_key(const struct exchange *x, const struct provider *p)
{
	for (unsigned i = 0; x->stored && x->stored->is_bound && i < p->key_count; i++)
		if (bound_target(p->name, p->keys[i].fingerprint) == x->stored->bound.target)
			return &p->keys[i];
	return NULL;
}

bool stored_find_target(const struct exchange *x, const struct provider **ret_provider,
			const struct credential **ret_key)
{
	const struct routing *routing = &x->snapshot->config->routing;

	for (unsigned i = 0; i < routing->provider_count; i++) {
		*ret_provider = &routing->providers[i];
		*ret_key = stored_key(x, *ret_provider);
		if (*ret_key)
			return true;
	}
	return false;
}

/* ---- the store ---- */

static struct store_key key_of(const struct exchange *x, enum store_kind kind, struct slice id)
{
	return (struct store_key){ .kind = kind, .owner = x->record.key, .id = id };
}

static void on_answer(struct store_request *r, const struct store_answer *answer)
{
	struct stored *s = CONTAINER_OF(r, struct stored, request);

	s->answered = true;
	s->found = answer->found;
	s->value = answer->found == STORE_FOUND ? arena_dup(&s->exchange->arena, answer->value) : slice_of(NULL, 0);
	exchange_wake(s->exchange);
}

static enum stored_result fail_unavailable(struct exchange *x)
{
	stored_cancel(x);
	exchange_refuse(x, FAILURE_UNAVAILABLE, "the store does not answer; try again later");
	return STORED_ENDED;
}

/* The end of a question: what was asked for is in `found` and `value`. */
static enum stored_result conclude(struct exchange *x)
{
	struct stored *s = x->stored;

	s->asked = s->answered = false;
	return s->found == STORE_UNAVAILABLE || s->found == STORE_UNKNOWN ? fail_unavailable(x) : STORED_READY;
}

/* The time for all questions of a request runs from the first. */
static enum stored_result wait_for_answer(struct exchange *x, bool good)
{
	if (!good)
		return fail_unavailable(x);
	x->stored->asked = true;
	if (!timer_is_set(&x->store_wait))
		timer_set(&x->store_wait, clock_now_ns() + STORE_WAIT_MS * NS_PER_MS);
	return STORED_WAITS;
}

static bool is_valid(struct slice id)
{
	return id.len > 0 && id.len <= STORE_ID_MAX;
}

static enum stored_result still_waits(struct exchange *x)
{
	if (x->stored->answered)
		return conclude(x);
	return timer_is_set(&x->store_wait) ? STORED_WAITS : fail_unavailable(x);
}

enum stored_result stored_fetch(struct exchange *x, enum store_kind kind, struct slice id)
{
	struct store *store = x->worker->shared->store;
	struct store_key key = key_of(x, kind, id);
	struct stored *s = stored_begin(x);

	if (s->asked)
		return still_waits(x);
	s->found = is_valid(id) ? store_peek(store, &key, &x->arena, &s->value, NULL) : STORE_ABSENT;
	if (s->found != STORE_UNKNOWN)
		return conclude(x);
	s->request.on_answer = on_answer;
	return wait_for_answer(x, store_get(store, x->worker->loop, &key, &s->request));
}

enum stored_result stored_delete(struct exchange *x, enum store_kind kind, struct slice id)
{
	struct store_key key = key_of(x, kind, id);
	struct stored *s = stored_begin(x);

	if (s->asked)
		return still_waits(x);
	if (!is_valid(id)) {
		s->found = STORE_ABSENT;
		return conclude(x);
	}
	s->request.on_answer = on_answer;
	return wait_for_answer(x, store_delete(x->worker->shared->store, x->worker->loop, &key, &s->request));
}

void stored_cancel(struct exchange *x)
{
	timer_cancel(&x->store_wait);
	if (x->stored) {
		store_cancel(x->worker->shared->store, &x->stored->request);
		x->stored->asked = x->stored->answered = false;
	}
}

bool stored_put(struct exchange *x, enum store_kind kind, struct slice id, struct slice document)
{
	struct store_key key = key_of(x, kind, id);

	return store_put(x->worker->shared->store, &key, document,
			 clock_wall_ms() + (int64_t)STORED_LIFE_DAYS * 24 * 60 * 60 * 1000);
}

struct slice stored_item_key(struct slice item_id, struct arena *a)
{
	return arena_join(a, SLICE("item:"), item_id);
}

void stored_forget_item(struct exchange *x, struct slice item_id)
{
	struct store_key key = key_of(x, STORE_RESPONSES, stored_item_key(item_id, &x->arena));

	/* What has expired is gone; deleting it would be one more question to wait for. */
	(void)store_put(x->worker->shared->store, &key, SLICE(""), clock_wall_ms() - 1);
}

struct json stored_parse(struct exchange *x, struct slice document)
{
	struct json_doc *doc = arena_new(&x->arena, struct json_doc);
	struct json_error error;

	return document.ptr && json_parse(&x->arena, document, doc, &error) ? json_root(doc) : (struct json){ 0 };
}

/* ---- chains ---- */

enum stored_result stored_fail_previous(struct exchange *x, struct slice id)
{
	stored_cancel(x);
	exchange_refuse(x, FAILURE_NO_PREVIOUS, "Previous response with id '%.*s' not found.",
			(int)(id.len < 200 ? id.len : 200), id.ptr);
	failure_copy_text(x->failure->param, sizeof(x->failure->param), SLICE("previous_response_id"));
	return STORED_ENDED;
}

enum stored_result stored_fail_missing(struct exchange *x, const char *what, struct slice id)
{
	stored_cancel(x);
	exchange_refuse(x, FAILURE_NOT_STORED, "%s with id '%.*s' not found.", what, (int)(id.len < 200 ? id.len : 200),
			id.ptr);
	return STORED_ENDED;
}

static bool add_link(struct exchange *x, struct slice id)
{
	struct stored *s = x->stored;
	struct stored_link *link = arena_new(&x->arena, struct stored_link);
	struct json root = stored_parse(x, s->value);

	link->id = id;
	link->response = json_get(root, "response");
	link->input = json_get(root, "input");
	link->newer = s->oldest;
	s->oldest = link;
	if (!s->newest)
		s->newest = link;
	s->links++;
	s->bytes += s->value.len;
	s->next = json_text(json_get(root, "previous"), &x->arena);
	if (s->links > STORED_CHAIN_MAX)
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "more than %d responses follow each other here",
				       STORED_CHAIN_MAX);
	if (s->bytes > x->snapshot->config->limits.body)
		return exchange_refuse(x, FAILURE_TOO_LARGE,
				       "the stored responses that this one follows are longer than limits.body");
	return true;
}

enum stored_result stored_chain(struct exchange *x, struct slice id)
{
	struct stored *s = stored_begin(x);

	if (!s->chain_begun) {
		s->chain_begun = true;
		s->next = id;
	}
	while (s->next.len > 0) {
		enum stored_result result = stored_fetch(x, STORE_RESPONSES, s->next);

		if (result != STORED_READY)
			return result;
		/* A conversation with a hole in it is another conversation. */
		if (s->found != STORE_FOUND)
			return stored_fail_previous(x, s->next);
		if (!add_link(x, s->next))
			return STORED_ENDED;
	}
	return STORED_READY;
}
