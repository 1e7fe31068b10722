/* SPDX-License-Identifier: Apache-2.0 */
/* Google's access tokens: for a service account by a signed assertion, for a user by a refresh token, or from the
 * metadata server (DIALECTS.md §9.1; application default credentials in the order of Google's own libraries). */
#include "provider/token_internal.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include "base/buf.h"
#include "json/json.h"
#include "json/writer.h"

enum {
	ASSERTION_MAX = 16 << 10,
	ASSERTION_LIFE_S = 3600,
	CLOCK_SKEW_S = 300             /* this machine's clock may be ahead by so much (pain.md F40) */
};

static const char token_uri[] = "https://oauth2.googleapis.com/token";

/* ---- service account: RS256 over header.claims (RFC 7515, RFC 7523) ---- */

static bool append_base64url(struct buf *out, const void *bytes, size_t len)
{
	char *at = buf_reserve(out, 4 * (len / 3 + 1) + 1);
	int n;

	if (!at)
		return false;
	n = EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
	while (n > 0 && at[n - 1] == '=')
		n--;
	for (int i = 0; i < n; i++)
		at[i] = at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i];
	buf_commit(out, (size_t)n);
	return true;
}

static bool append_json(struct buf *out, struct buf *json, const struct json_writer *w)
{
	bool done = !w->overflow && append_base64url(out, buf_slice(json).ptr, json->len);

	buf_clear(json);
	return done;
}

static bool append_claims(struct buf *out, const struct token_job *job)
{
	const struct token_source *s = job->source;
	_cleanup_(buf_done) struct buf json;
	struct json_writer w;
	bool done;

	buf_init(&json, ASSERTION_MAX);
	json_writer_init(&w, &json);
	json_begin_object(&w);
	json_member_cstr(&w, "alg", "RS256");
	json_member_cstr(&w, "typ", "JWT");
	if (s->key_id.len > 0)
		json_member_string(&w, "kid", s->key_id);
	json_end_object(&w);
	done = append_json(out, &json, &w) && buf_append(out, ".", 1);
	json_writer_init(&w, &json);
	json_begin_object(&w);
	json_member_string(&w, "iss", s->client);
	json_member_string(&w, "scope", s->scope);
	json_member_string(&w, "aud", s->endpoint_text);
	json_member_int(&w, "iat", job->wall_s - CLOCK_SKEW_S);
	json_member_int(&w, "exp", job->wall_s - CLOCK_SKEW_S + ASSERTION_LIFE_S);
	json_end_object(&w);
	return done && append_json(out, &json, &w);
}

static EVP_PKEY *read_private_key(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool append_signature(struct buf *out, struct slice pem)
{
	EVP_PKEY *key = read_private_key(pem);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	bool done = key && context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestSign(context, signature, &len, (const unsigned char *)buf_slice(out).ptr, out->len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return done && buf_append(out, ".", 1) && append_base64url(out, signature, len);
}

static bool ask_account(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	_cleanup_(buf_done) struct buf assertion;

	buf_init(&assertion, ASSERTION_MAX);
	if (!append_claims(&assertion, job) || !append_signature(&assertion, secret_reveal(job->source->secret))) {
		token_fail(reterr, job, "its private_key cannot sign");
		return false;
	}
	ret->target = job->source->endpoint.path.len > 0 ? job->source->endpoint.path : SLICE("/");
	token_set_form(ret, arena_join(&job->arena,
				       SLICE("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="),
				       buf_slice(&assertion)));
	return true;
}

static const struct token_recipe service_account = { .ask = ask_account, .take = token_take_oauth };

/* ---- a user's refresh token, as `gcloud auth application-default login` leaves it ---- */

static bool ask_user(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	const struct token_source *s = job->source;
	struct arena *a = &job->arena;
	struct slice id = token_encode(a, s->client), secret = token_encode(a, secret_reveal(s->secret));
	struct slice refresh = token_encode(a, secret_reveal(s->refresh));

	ret->target = s->endpoint.path.len > 0 ? s->endpoint.path : SLICE("/");
	token_set_form(ret, arena_printf(a, "grant_type=refresh_token&client_id=%.*s&client_secret=%.*s&refresh_token=%.*s",
					 SLICE_ARG(id), SLICE_ARG(secret), SLICE_ARG(refresh)));
	return true;
}

static enum token_step take_user(struct token_job *job, const struct token_reply *reply, struct token **ret,
				 struct failure *reterr)
{
	enum token_step step = token_take_oauth(job, reply, ret, reterr);
	struct slice project = job->source->quota_project;

	if (step == TOKEN_STEP_DONE && project.len > 0)
		(*ret)->quota_project = xstrndup(project.ptr, project.len);
	return step;
}

static const struct token_recipe authorized_user = { .ask = ask_user, .take = take_user };

/* ---- metadata server ---- */

static bool ask_metadata(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	struct slice scope = token_encode(&job->arena, job->source->scope);

	ret->target = arena_printf(&job->arena,
				   "%.*s/computeMetadata/v1/instance/service-accounts/default/token?scopes=%.*s",
				   SLICE_ARG(job->source->endpoint.path), SLICE_ARG(scope));
	token_add_header(ret, SLICE("metadata-flavor"), SLICE("Google"));
	return true;
}

static const struct token_recipe metadata = { .direct = true, .ask = ask_metadata, .take = token_take_oauth };

/* ---- where they are found ---- */

static struct slice member(struct json object, const char *name, struct arena *a)
{
	struct slice text = json_text(json_member(object, slice_cstr(name)), a);

	return text.ptr ? text : SLICE("");
}

/* Secrets are read by way of `scratch`: what stays is in pages of its own. */
static bool read_account(struct token_source *s, struct json root, struct arena *scratch, const char **reterr)
{
	struct slice pem = member(root, "private_key", scratch);
	EVP_PKEY *key = read_private_key(pem);

	EVP_PKEY_free(key);
	s->client = member(root, "client_email", &s->arena);
	if (!key || s->client.len == 0) {
		*reterr = "this service account's JSON has no client_email, or no private_key that is an RSA key in PEM";
		return false;
	}
	s->recipe = &service_account;
	s->title = arena_printf(&s->arena, "Google service account %.*s", SLICE_ARG(s->client));
	s->key_id = member(root, "private_key_id", &s->arena);
	s->secret = secret_new(pem);
	return true;
}

static bool read_user(struct token_source *s, struct json root, struct arena *scratch, const char **reterr)
{
	struct slice secret = member(root, "client_secret", scratch), refresh = member(root, "refresh_token", scratch);

	s->client = member(root, "client_id", &s->arena);
	if (s->client.len == 0 || secret.len == 0 || refresh.len == 0) {
		*reterr = "this authorized user's JSON lacks client_id, client_secret or refresh_token";
		return false;
	}
	s->recipe = &authorized_user;
	s->title = arena_printf(&s->arena, "Google user credentials of client %.*s", SLICE_ARG(s->client));
	s->secret = secret_new(secret);
	s->refresh = secret_new(refresh);
	s->quota_project = member(root, "quota_project_id", &s->arena);
	if (!http_value_is_clean(s->quota_project))
		s->quota_project = SLICE("");
	return true;
}

static bool read_json(struct token_source *s, const struct token_query *q, struct slice text, const char **reterr)
{
	_cleanup_(arena_done) struct arena scratch;
	struct json_doc doc;
	struct json_error error;
	struct slice type, uri;
	bool done;

	arena_init(&scratch);
	s->scope = arena_dup(&s->arena, q->scope);
	if (!json_parse(&scratch, text, &doc, &error)) {
		*reterr = "this is not the JSON of Google credentials";
		return false;
	}
	type = member(json_root(&doc), "type", &scratch);
	if (slice_eq(type, SLICE("service_account"))) {
		done = read_account(s, json_root(&doc), &scratch, reterr);
	} else if (slice_eq(type, SLICE("authorized_user"))) {
		done = read_user(s, json_root(&doc), &scratch, reterr);
	} else {
		*reterr = "only Google credentials of the types service_account and authorized_user can be used";
		return false;
	}
	uri = member(json_root(&doc), "token_uri", &scratch);
	/* Texts without escapes point into what the caller frees. */
	s->client = arena_dup(&s->arena, s->client);
	s->key_id = arena_dup(&s->arena, s->key_id);
	s->quota_project = arena_dup(&s->arena, s->quota_project);
	return done && token_source_set_endpoint(s, uri.len > 0 ? uri : slice_cstr(token_uri), reterr);
}

bool token_google_read_key(const struct token_query *q, struct slice text, struct token_finding *ret,
			   const char **reterr)
{
	struct token_source *s;

	text = slice_trim(text);
	if (text.len == 0 || text.ptr[0] != '{')
		return true; /* an API key */
	s = token_source_new(NULL);
	if (!read_json(s, q, text, reterr)) {
		token_source_unref(s);
		return false;
	}
	*ret = (struct token_finding){ .source = token_source_seal(s) };
	return true;
}

static bool find_metadata(const struct token_query *q, struct token_finding *ret, const char **reterr)
{
	struct slice host = token_variable("GCE_METADATA_HOST");
	struct token_source *s = token_source_new(&metadata);

	s->title = SLICE("Google's metadata server");
	s->advice = SLICE("elsewhere than on Google Cloud, set GOOGLE_APPLICATION_CREDENTIALS");
	s->scope = arena_dup(&s->arena, q->scope);
	if (!token_source_set_endpoint(s, arena_join(&s->arena, SLICE("http://"), host.ptr ? host : SLICE("169.254.169.254")),
				       reterr)) {
		token_source_unref(s);
		return false;
	}
	ret->source = token_source_seal(s);
	return true;
}

bool token_google_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr)
{
	struct slice path = token_variable("GOOGLE_APPLICATION_CREDENTIALS"), home = token_variable("HOME"), text;
	bool named = path.ptr != NULL, found;

	if (!named && home.ptr)
		path = arena_printf(a, "%.*s/.config/gcloud/application_default_credentials.json", SLICE_ARG(home));
	if (path.ptr && token_read_file(a, path, &text, reterr)) {
		found = token_google_read_key(q, text, ret, reterr) && ret->source;
		if (found)
			return true;
		*reterr = arena_cstr(a, arena_printf(a, "%.*s cannot be used: %s", SLICE_ARG(path),
						     *reterr ? *reterr : "this is not the JSON of Google credentials"));
		return false;
	}
	if (named) {
		*reterr = arena_cstr(a, arena_printf(a, "GOOGLE_APPLICATION_CREDENTIALS: %.*s cannot be read: %s",
						     SLICE_ARG(path), *reterr));
		return false;
	}
	return !q->metadata || find_metadata(q, ret, reterr);
}
