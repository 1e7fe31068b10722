/* SPDX-License-Identifier: Apache-2.0 */
/* Microsoft Entra's access tokens: by a client's secret, by a federated identity, or from a managed identity
 * (DIALECTS.md §9.2; in the order of Azure's own libraries). */
#include "provider/token_internal.h"

/* A scope is its resource and "/.default"; managed identities are asked for the resource. */
static struct slice resource_of(struct slice scope)
{
	if (slice_ends_with(scope, SLICE("/.default")))
		scope.len -= 9;
	return scope;
}

/* ---- client secret, or a federated identity in its place ---- */

static bool ask_entra(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	const struct token_source *s = job->source;
	struct arena *a = &job->arena;
	struct slice id = token_encode(a, s->client), scope = token_encode(a, s->scope), proof;
	const char *error = NULL;

	if (s->secret) {
		proof = arena_join(a, SLICE("client_secret="), token_encode(a, secret_reveal(s->secret)));
	} else if (token_read_file(a, s->file, &proof, &error)) {
		proof = arena_join(a,
				   SLICE("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
					 "&client_assertion="),
				   token_encode(a, proof));
	} else {
		token_fail(reterr, job, arena_cstr(a, arena_printf(a, "%.*s cannot be read: %s", SLICE_ARG(s->file), error)));
		return false;
	}
	ret->target = s->endpoint.path;
	token_set_form(ret, arena_printf(a, "grant_type=client_credentials&client_id=%.*s&scope=%.*s&%.*s", SLICE_ARG(id),
					 SLICE_ARG(scope), SLICE_ARG(proof)));
	return true;
}

static const struct token_recipe entra = { .ask = ask_entra, .take = token_take_oauth };

static struct token_source *entra_new(const struct token_query *q, struct slice tenant, struct slice client,
				      const char **reterr)
{
	struct token_source *s = token_source_new(&entra);
	struct slice host = token_variable("AZURE_AUTHORITY_HOST"), directory = token_encode(&s->arena, tenant);

	if (!host.ptr)
		host = SLICE("https://login.microsoftonline.com");
	while (host.len > 0 && host.ptr[host.len - 1] == '/')
		host.len--;
	s->title = arena_printf(&s->arena, "Microsoft Entra for client %.*s", SLICE_ARG(client));
	s->client = arena_dup(&s->arena, client);
	s->scope = arena_dup(&s->arena, q->scope);
	host = arena_printf(&s->arena, "%.*s/%.*s/oauth2/v2.0/token", SLICE_ARG(host), SLICE_ARG(directory));
	if (token_source_set_endpoint(s, host, reterr))
		return s;
	return token_source_unref(s);
}

bool token_azure_read_key(const struct token_query *q, struct slice text, struct token_finding *ret,
			  const char **reterr)
{
	struct slice secret = text, tenant = slice_next_token(&secret, ':'), client = slice_next_token(&secret, ':');
	struct token_source *s;

	if (tenant.len == text.len)
		return true; /* without a colon: an API key */
	if (tenant.len == 0 || client.len == 0 || secret.len == 0) {
		*reterr = "an Entra credential is written as TENANT:CLIENT_ID:CLIENT_SECRET";
		return false;
	}
	s = entra_new(q, tenant, client, reterr);
	if (!s)
		return false;
	s->secret = secret_new(secret);
	*ret = (struct token_finding){ .source = token_source_seal(s) };
	return true;
}

/* ---- managed identity ---- */

static bool ask_identity(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	const struct token_source *s = job->source;
	struct arena *a = &job->arena;
	bool is_app_service = s->secret != NULL;
	struct slice path = s->endpoint.path.len > 0 ? s->endpoint.path : SLICE("/");
	struct slice resource = token_encode(a, resource_of(s->scope)), client = token_encode(a, s->client);

	ret->target = arena_printf(a, "%.*s?api-version=%s&resource=%.*s", SLICE_ARG(path),
				   is_app_service ? "2019-08-01" : "2018-02-01", SLICE_ARG(resource));
	if (client.len > 0)
		ret->target = arena_printf(a, "%.*s&client_id=%.*s", SLICE_ARG(ret->target), SLICE_ARG(client));
	if (is_app_service)
		token_add_header(ret, SLICE("x-identity-header"), secret_reveal(s->secret));
	else
		token_add_header(ret, SLICE("metadata"), SLICE("true"));
	return true;
}

static const struct token_recipe managed_identity = { .direct = true, .ask = ask_identity, .take = token_take_oauth };

static bool found_identity(const struct token_query *q, struct slice url, struct slice header,
			   struct token_finding *ret, const char **reterr)
{
	struct token_source *s = token_source_new(&managed_identity);
	struct slice client = token_variable("AZURE_CLIENT_ID");

	s->title = SLICE("Azure's managed identity");
	s->advice = SLICE("elsewhere than on Azure, set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET");
	s->client = client.ptr ? arena_dup(&s->arena, client) : SLICE("");
	s->scope = arena_dup(&s->arena, q->scope);
	s->secret = header.ptr ? secret_new(header) : NULL;
	if (!token_source_set_endpoint(s, url, reterr)) {
		token_source_unref(s);
		return false;
	}
	ret->source = token_source_seal(s);
	return true;
}

bool token_azure_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr)
{
	struct slice tenant = token_variable("AZURE_TENANT_ID"), client = token_variable("AZURE_CLIENT_ID");
	struct slice secret = token_variable("AZURE_CLIENT_SECRET"), file = token_variable("AZURE_FEDERATED_TOKEN_FILE");
	struct slice endpoint = token_variable("IDENTITY_ENDPOINT"), header = token_variable("IDENTITY_HEADER");
	struct slice imds = token_variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");

	if (tenant.ptr && client.ptr && (secret.ptr || file.ptr)) {
		struct token_source *s = entra_new(q, tenant, client, reterr);

		if (!s)
			return false;
		if (secret.ptr)
			s->secret = secret_new(secret);
		else
			s->file = arena_dup(&s->arena, file);
		ret->source = token_source_seal(s);
		return true;
	}
	if (endpoint.ptr && header.ptr)
		return found_identity(q, endpoint, header, ret, reterr);
	if (!q->metadata)
		return true;
	imds = arena_join(a, imds.ptr ? imds : SLICE("http://169.254.169.254"), SLICE("/metadata/identity/oauth2/token"));
	return found_identity(q, imds, (struct slice){ 0 }, ret, reterr);
}
