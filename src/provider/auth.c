/* SPDX-License-Identifier: Apache-2.0 */
/* How a credential gets into a request: the one place where a provider's key is revealed (DIALECTS.md §2.1, §2.2). A
 * row per kind says how a key is sent as it stands and what is done with a token. */
#include "provider/auth.h"

#include "provider/auth_sigv4.h"

static unsigned bearer(struct arena *a, struct slice secret, struct header *ret)
{
	*ret = (struct header){ SLICE("authorization"), arena_join(a, SLICE("Bearer "), secret) };
	return 1;
}

static unsigned write_bearer(const struct auth_request *r, struct slice secret, struct header *ret, struct arena *a)
{
	return bearer(a, secret, ret);
}

static unsigned write_header(const struct auth_request *r, struct slice secret, struct header *ret, struct arena *a)
{
	*ret = (struct header){ r->binding->auth_header, arena_dup(a, secret) };
	return 1;
}

/* Vertex's express mode takes an API key (§2.2). */
static unsigned write_google_key(const struct auth_request *r, struct slice secret, struct header *ret, struct arena *a)
{
	*ret = (struct header){ SLICE("x-goog-api-key"), arena_dup(a, secret) };
	return 1;
}

/* Azure OpenAI and Foundry take the same header (§2.2). */
static unsigned write_azure_key(const struct auth_request *r, struct slice secret, struct header *ret, struct arena *a)
{
	*ret = (struct header){ SLICE("api-key"), arena_dup(a, secret) };
	return 1;
}

static unsigned write_bearer_token(const struct auth_request *r, struct header *ret, struct arena *a)
{
	unsigned count = bearer(a, secret_reveal(r->token->secret), ret);

	/* User credentials are billed to the project that they name (§9.1, quota project). */
	if (r->token->quota_project)
		ret[count++] = (struct header){ SLICE("x-goog-user-project"), arena_dup(a, slice_cstr(r->token->quota_project)) };
	return count;
}

/* Only what nobody on the way rewrites is signed: the host, AWS's own headers, and the type of the body. */
static bool is_signed(struct slice name)
{
	return slice_eq(name, SLICE("content-type")) || slice_starts_with(name, SLICE("x-amz-"));
}

static unsigned write_signature(const struct auth_request *r, struct header *ret, struct arena *a)
{
	struct header signed_headers[SIGV4_HEADERS_MAX];
	struct slice query = r->target, path = slice_next_token(&query, '?');
	struct sigv4_request request = {
		.method = r->method, .path = path, .query = query, .headers = signed_headers,
		.body = r->body, .body_count = r->body_count,
		.region = r->binding->auth_region, .service = r->binding->auth_scope, .unix_seconds = r->unix_seconds,
	};
	char date[SIGV4_DATE_MAX];
	unsigned count = 0, all = 0;

	sigv4_date(r->unix_seconds, date);
	ret[count++] = (struct header){ SLICE("x-amz-date"), arena_dup(a, slice_cstr(date)) };
	if (r->token->session)
		ret[count++] = (struct header){ SLICE("x-amz-security-token"), arena_dup(a, secret_reveal(r->token->session)) };
	signed_headers[all++] = (struct header){ SLICE("host"), r->binding->base.authority };
	for (unsigned i = 0; i < count; i++)
		signed_headers[all++] = ret[i];
	for (unsigned i = 0; i < r->header_count && all < SIGV4_HEADERS_MAX; i++)
		if (is_signed(r->headers[i].name))
			signed_headers[all++] = r->headers[i];
	request.header_count = all;
	ret[count++] = (struct header){ SLICE("authorization"),
					sigv4_authorization(&request, slice_cstr(r->token->key_id),
							    secret_reveal(r->token->secret), a) };
	return count;
}

/* How each kind pays. `key`: with a secret that is sent as it is; `token`: with what a source of tokens gave. */
static const struct {
	unsigned (*key)(const struct auth_request *r, struct slice secret, struct header *ret, struct arena *a);
	unsigned (*token)(const struct auth_request *r, struct header *ret, struct arena *a);
	struct slice scope;
} kinds[] = {
	[AUTH_NONE] = { 0 },
	[AUTH_BEARER] = { .key = write_bearer },
	[AUTH_HEADER] = { .key = write_header },
	/* A Bedrock API key is a bearer key (§9.3). */
	[AUTH_SIGV4] = { .key = write_bearer, .token = write_signature, .scope = { "bedrock", 7 } },
	[AUTH_GOOGLE] = { .key = write_google_key, .token = write_bearer_token,
			  .scope = { "https://www.googleapis.com/auth/cloud-platform", 46 } },
	[AUTH_AZURE] = { .key = write_azure_key, .token = write_bearer_token,
			 .scope = { "https://cognitiveservices.azure.com/.default", 44 } },
};

unsigned auth_write(const struct auth_request *r, struct header ret[static AUTH_HEADERS_MAX], struct arena *a)
{
	enum auth_kind kind = r->binding->auth;

	if (r->token && kinds[kind].token)
		return kinds[kind].token(r, ret, a);
	if (!r->key || !r->key->secret || !kinds[kind].key)
		return 0;
	return kinds[kind].key(r, secret_reveal(r->key->secret), ret, a);
}

bool auth_is_stale(const struct binding *b, const struct failure *f)
{
	/* AWS says it with 403: ExpiredTokenException, UnrecognizedClientException (DIALECTS.md §6.2, §9.3). */
	static const struct slice codes[] = { { "ExpiredToken", 12 },
					      { "UnrecognizedClient", 18 },
					      { "security token", 14 } };

	if (!kinds[b->auth].token)
		return false;
	if (f->status == 401)
		return true;
	for (size_t i = 0; f->status == 403 && i < COUNT_OF(codes); i++)
		if (slice_find(slice_cstr(f->type), codes[i]) != SIZE_MAX ||
		    slice_find(slice_cstr(f->code), codes[i]) != SIZE_MAX ||
		    slice_find(slice_cstr(f->message), codes[i]) != SIZE_MAX)
			return true;
	return false;
}

struct slice auth_default_scope(enum auth_kind kind)
{
	return kinds[kind].scope;
}

/* "us-east-1", "us-gov-west-1", "ap-southeast-2": letters first, a number of one or two digits last. */
static bool is_region(struct slice label)
{
	unsigned parts = 0;
	struct slice part = { 0 };

	for (struct slice rest = label; rest.ptr; parts++) {
		part = slice_next_token(&rest, '-');
		for (size_t i = 0; rest.ptr && i < part.len; i++)
			if (part.ptr[i] < 'a' || part.ptr[i] > 'z')
				return false;
	}
	for (size_t i = 0; i < part.len; i++)
		if (part.ptr[i] < '0' || part.ptr[i] > '9')
			return false;
	return parts >= 3 && part.len >= 1 && part.len <= 2;
}

struct slice auth_region_of_host(struct slice host)
{
	while (host.ptr) {
		struct slice label = slice_next_token(&host, '.');

		if (is_region(label))
			return label;
	}
	return SLICE("");
}
