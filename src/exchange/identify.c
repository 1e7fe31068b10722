/* SPDX-License-Identifier: Apache-2.0 */
/* The step `identify`: whose request is it, may they make it, and what do its x-weir-* headers ask for. */
#include "exchange/exchange_internal.h"
#include "exchange/session.h"

#include "base/clock.h"
#include "base/units.h"

/* The credential in one place, or a NULL pointer. Two different ones in one place are ambiguous: *ret_twice. */
static struct slice credential_in_header(const struct headers *h, struct slice name, bool *ret_twice)
{
	if (headers_count(h, name) > 1)
		*ret_twice = true;
	return headers_get(h, name);
}

/* AWS's SDKs sign: "AWS4-HMAC-SHA256 Credential=KEY/20261120/us-east-1/bedrock/aws4_request, …". Their access key id is
 * the key here; the signature is over a secret that weir does not hold, and TLS keeps what it would. */
static struct slice access_key(struct slice value)
{
	size_t at = slice_find(value, SLICE("Credential="));
	struct slice rest;

	if (at == SIZE_MAX)
		return value;
	rest = slice_after(value, at + 11);
	return slice_next_token(&rest, '/');
}

static struct slice bearer(const struct headers *h, bool *ret_twice)
{
	struct slice value = credential_in_header(h, SLICE("authorization"), ret_twice);

	if (!value.ptr)
		return value;
	if (value.len > 7 && slice_eq_nocase(slice_of(value.ptr, 7), SLICE("Bearer ")))
		return slice_trim(slice_after(value, 7));
	return slice_starts_with(value, SLICE("AWS4-HMAC-SHA256")) ? access_key(value) : value;
}

/* The dialect's own place first, then the others; the first present decides (PRODUCT §4). */
static struct slice presented_key(struct exchange *x, bool *ret_twice)
{
	const struct headers *h = &x->stream->headers;
	struct slice by_anthropic = credential_in_header(h, SLICE("x-api-key"), ret_twice);
	struct slice by_google = credential_in_header(h, SLICE("x-goog-api-key"), ret_twice);
	struct slice by_bearer = bearer(h, ret_twice);
	struct slice by_query = query_get(&x->stream->arena, x->stream->target.query, SLICE("key"));
	struct slice order[4] = { by_bearer, by_anthropic, by_google, by_query };

	if (x->dialect->id == DIALECT_ANTHROPIC) {
		order[0] = by_anthropic;
		order[1] = by_bearer;
	} else if (x->dialect->id == DIALECT_GEMINI) {
		order[0] = by_google;
		order[1] = by_query;
		order[2] = by_bearer;
		order[3] = by_anthropic;
	}
	for (unsigned i = 0; i < COUNT_OF(order); i++)
		if (order[i].ptr)
			return order[i];
	return slice_of(NULL, 0);
}

static bool identify_without_keys(struct exchange *x)
{
	x->record.key = SLICE("local");
	if (headers_get(&x->stream->headers, SLICE("origin")).ptr)
		return exchange_refuse(x, FAILURE_FORBIDDEN, "requests from web pages are refused while no keys are configured");
	/* A page that rebinds its own name to loopback still sends its own name. */
	if (!host_is_loopback(x->stream->host))
		return exchange_refuse(x, FAILURE_FORBIDDEN,
				       "the Host header does not name this machine's loopback; configure keys to be called by other names");
	return true;
}

static bool identify_by_key(struct exchange *x)
{
	bool twice = false;
	struct slice presented = presented_key(x, &twice);

	if (twice)
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "a credential header is sent more than once");
	if (!presented.ptr)
		return exchange_refuse(x, FAILURE_UNAUTHENTICATED,
				       "no API key: send it as your SDK does (Authorization: Bearer, x-api-key or x-goog-api-key)");
	x->key = config_find_key(x->snapshot->config, presented);
	if (!x->key)
		return exchange_refuse(x, FAILURE_UNAUTHENTICATED, "this API key is not known here");
	x->record.key = x->key->name;
	return true;
}

/* ---- x-weir-* ---- */

static bool read_cache_control(struct exchange *x, struct slice value)
{
	/* There is no cache yet, so every answer is fresh: both words already hold. */
	if (slice_eq(value, SLICE("off")) || slice_eq(value, SLICE("refresh")))
		return true;
	return exchange_refuse(x, FAILURE_BAD_REQUEST, "x-weir-cache is 'off' or 'refresh', not '%.*s'", (int)(value.len < 60 ? value.len : 60),
			       value.ptr);
}

static bool read_timeout(struct exchange *x, struct slice value)
{
	int64_t ms, configured = x->snapshot->config->defaults.request_timeout_ms;

	if (!duration_parse(value, &ms) || ms <= 0)
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "x-weir-timeout is a duration such as 250ms, 20s or 10m, not '%.*s'",
				       (int)(value.len < 60 ? value.len : 60), value.ptr);
	timer_set(&x->deadline, x->stream->started_ns + (ms < configured ? ms : configured) * NS_PER_MS);
	return true;
}

static bool read_tags(struct exchange *x, struct slice value)
{
	x->record.tags = exchange_keep(x, value);
	return true;
}

static bool read_user(struct exchange *x, struct slice value)
{
	x->record.user = exchange_keep(x, value);
	return true;
}

static bool read_session(struct exchange *x, struct slice value)
{
	x->record.session = exchange_keep(x, session_bound(value, &x->stream->arena));
	return true;
}

static bool read_only(struct exchange *x, struct slice value)
{
	if (value.len == 0) /* nothing would be narrowed */
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "x-weir-only is a list of providers, not empty");
	x->only = value;
	return true;
}

static const struct control {
	struct slice name;
	bool (*read)(struct exchange *x, struct slice value);
} controls[] = {
	{ { "x-weir-tags", 11 }, read_tags },
	{ { "x-weir-user", 11 }, read_user },
	{ { "x-weir-session", 14 }, read_session },
	{ { "x-weir-cache", 12 }, read_cache_control },
	{ { "x-weir-timeout", 14 }, read_timeout },
	{ { "x-weir-only", 11 }, read_only },
};

static bool refuse_control(struct exchange *x, struct slice name)
{
	struct slice nearest = controls[0].name;

	for (unsigned i = 1; i < COUNT_OF(controls); i++)
		if (slice_edit_distance(name, controls[i].name) < slice_edit_distance(name, nearest))
			nearest = controls[i].name;
	return exchange_refuse(x, FAILURE_BAD_REQUEST, "unknown control header '%.*s'; did you mean '%.*s'?",
			       (int)(name.len < 60 ? name.len : 60), name.ptr, SLICE_ARG(nearest));
}

static bool read_controls(struct exchange *x)
{
	const struct headers *h = &x->stream->headers;

	for (unsigned i = 0; i < h->count; i++) {
		const struct header *header = &h->items[i];
		const struct control *control = NULL;

		if (!slice_starts_with(header->name, SLICE("x-weir-")))
			continue;
		for (unsigned c = 0; c < COUNT_OF(controls) && !control; c++)
			if (slice_eq(header->name, controls[c].name))
				control = &controls[c];
		if (!control)
			return refuse_control(x, header->name);
		if (headers_count(h, header->name) > 1)
			return exchange_refuse(x, FAILURE_BAD_REQUEST, "%.*s is sent more than once", SLICE_ARG(header->name));
		if (!control->read(x, header->value))
			return false;
	}
	return true;
}

bool identify_client(struct exchange *x)
{
	bool has_keys = x->snapshot->config->key_count > 0;

	if (x->endpoint->auth == AUTH_OPEN || (x->endpoint->auth == AUTH_ANYONE && has_keys))
		return true;
	if (has_keys ? !identify_by_key(x) : !identify_without_keys(x))
		return false;
	return read_controls(x);
}
