/* SPDX-License-Identifier: Apache-2.0 */
/* AWS keys: written down, in the environment or a profile, or for a time from STS, a container's or an instance's
 * metadata (DIALECTS.md §9.3; the order is that of AWS's own SDKs). */
#include "provider/token_internal.h"

#include <stdio.h>
#include "json/json.h"

static struct slice job_target(struct token_job *job, const char *below)
{
	return arena_printf(&job->arena, "%.*s%s", SLICE_ARG(job->source->endpoint.path), below);
}

static struct token *aws_token(struct slice id, struct slice secret, struct slice session)
{
	struct token *t = token_new(secret);

	t->key_id = xstrndup(id.ptr, id.len);
	if (session.len > 0)
		t->session = secret_new(session);
	return t;
}

static enum token_step take_keys(struct token_job *job, const struct token_reply *reply, struct slice id,
				 struct slice secret, struct slice session, struct slice expiration, struct token **ret,
				 struct failure *reterr)
{
	int64_t life;

	if (id.len == 0 || secret.len == 0 || !http_value_is_clean(id) || !http_value_is_clean(session)) {
		token_fail(reterr, job, "its answer has no AWS keys");
		return TOKEN_STEP_FAILED;
	}
	*ret = aws_token(id, secret, session);
	token_set_life(*ret, token_seconds_until(expiration, job, reply, &life) ? life : 3600);
	return TOKEN_STEP_DONE;
}

/* Both metadata services: {AccessKeyId, SecretAccessKey, Token, Expiration}. */
static enum token_step take_json_keys(struct token_job *job, const struct token_reply *reply, struct token **ret,
				      struct failure *reterr)
{
	struct arena *a = &job->arena;
	struct json_doc doc;
	struct json_error error;
	struct json root;

	if (!json_parse(a, reply->body, &doc, &error)) {
		token_fail(reterr, job, "its answer is not JSON");
		return TOKEN_STEP_FAILED;
	}
	root = json_root(&doc);
	return take_keys(job, reply, json_text(json_get(root, "AccessKeyId"), a), json_text(json_get(root, "SecretAccessKey"), a),
			 json_text(json_get(root, "Token"), a), json_text(json_get(root, "Expiration"), a), ret, reterr);
}

/* ---- web identity: a projected token for a role's keys ---- */

static bool ask_sts(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	const struct token_source *s = job->source;
	struct arena *a = &job->arena;
	const char *error = NULL;
	struct slice identity, role = token_encode(a, s->client), session = token_encode(a, s->session_name);

	if (!token_read_file(a, s->file, &identity, &error)) {
		token_fail(reterr, job, arena_cstr(a, arena_printf(a, "%.*s cannot be read: %s", SLICE_ARG(s->file), error)));
		return false;
	}
	identity = token_encode(a, identity);
	ret->target = job_target(job, "/");
	token_set_form(ret, arena_printf(a, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=%.*s"
					    "&RoleSessionName=%.*s&WebIdentityToken=%.*s",
					 SLICE_ARG(role), SLICE_ARG(session), SLICE_ARG(identity)));
	return true;
}

/* The text of the first element of that name. STS answers in a fixed shape without entities in what is read here. */
static struct slice element(struct slice xml, const char *name)
{
	char tag[64];
	size_t at;

	snprintf(tag, sizeof(tag), "<%s>", name);
	at = slice_find(xml, slice_cstr(tag));
	if (at == SIZE_MAX)
		return SLICE("");
	xml = slice_after(xml, at + strlen(tag));
	at = slice_find(xml, SLICE("<"));
	return at == SIZE_MAX ? SLICE("") : slice_trim(slice_of(xml.ptr, at));
}

static enum token_step take_sts(struct token_job *job, const struct token_reply *reply, struct token **ret,
				struct failure *reterr)
{
	return take_keys(job, reply, element(reply->body, "AccessKeyId"), element(reply->body, "SecretAccessKey"),
			 element(reply->body, "SessionToken"), element(reply->body, "Expiration"), ret, reterr);
}

static const struct token_recipe web_identity = { .ask = ask_sts, .take = take_sts };

static bool find_web_identity(const struct token_query *q, struct token_finding *ret, const char **reterr)
{
	struct slice file = token_variable("AWS_WEB_IDENTITY_TOKEN_FILE"), role = token_variable("AWS_ROLE_ARN");
	struct slice session = token_variable("AWS_ROLE_SESSION_NAME"), url = token_variable("AWS_ENDPOINT_URL_STS");
	struct token_source *s;

	if (!file.ptr || !role.ptr)
		return true;
	s = token_source_new(&web_identity);
	s->title = arena_printf(&s->arena, "AWS STS for %.*s", SLICE_ARG(role));
	s->client = arena_dup(&s->arena, role);
	s->file = arena_dup(&s->arena, file);
	s->session_name = arena_dup(&s->arena, session.ptr ? session : SLICE("weir"));
	if (!url.ptr && q->region.len > 0)
		url = arena_printf(&s->arena, "https://sts.%.*s.amazonaws.com%s", SLICE_ARG(q->region),
				   slice_starts_with(q->region, SLICE("cn-")) ? ".cn" : "");
	if (!token_source_set_endpoint(s, url.ptr ? url : SLICE("https://sts.amazonaws.com"), reterr)) {
		token_source_unref(s);
		return false;
	}
	ret->source = token_source_seal(s);
	return true;
}

/* ---- ECS, EKS pod identity ---- */

static bool ask_container(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	const struct token_source *s = job->source;
	struct slice authorization = s->secret ? secret_reveal(s->secret) : SLICE("");
	const char *error = NULL;

	if (s->file.len > 0 && !token_read_file(&job->arena, s->file, &authorization, &error)) {
		token_fail(reterr, job, "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read");
		return false;
	}
	ret->target = s->endpoint.path.len > 0 ? s->endpoint.path : SLICE("/");
	if (s->endpoint.query.len > 0)
		ret->target = arena_printf(&job->arena, "%.*s?%.*s", SLICE_ARG(ret->target), SLICE_ARG(s->endpoint.query));
	if (authorization.len > 0)
		token_add_header(ret, SLICE("authorization"), authorization);
	return true;
}

static const struct token_recipe container = { .direct = true, .ask = ask_container, .take = take_json_keys };

static bool find_container(struct token_finding *ret, const char **reterr)
{
	struct slice relative = token_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	struct slice full = token_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct slice token = token_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct slice file = token_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	struct token_source *s;

	if (!relative.ptr && !full.ptr)
		return true;
	s = token_source_new(&container);
	s->title = SLICE("the container's credential service");
	s->file = file.ptr ? arena_dup(&s->arena, file) : SLICE("");
	s->secret = token.ptr && !file.ptr ? secret_new(token) : NULL;
	if (relative.ptr)
		full = arena_join(&s->arena, SLICE("http://169.254.170.2"), relative);
	if (!token_source_set_endpoint(s, full, reterr)) {
		token_source_unref(s);
		return false;
	}
	ret->source = token_source_seal(s);
	return true;
}

/* ---- an instance's metadata, version 2 ---- */

enum { IMDS_SESSION, IMDS_ROLE, IMDS_KEYS };

static bool ask_instance(struct token_job *job, struct token_request *ret, struct failure *reterr)
{
	static const char roles[] = "/latest/meta-data/iam/security-credentials/";
	struct arena *a = &job->arena;

	if (job->step == IMDS_SESSION) {
		ret->method = HTTP_PUT;
		ret->target = job_target(job, "/latest/api/token");
		token_add_header(ret, SLICE("x-aws-ec2-metadata-token-ttl-seconds"), SLICE("21600"));
		return true;
	}
	ret->target =
		arena_join(a, job_target(job, roles), job->step == IMDS_KEYS ? token_encode(a, job->role) : SLICE(""));
	token_add_header(ret, SLICE("x-aws-ec2-metadata-token"), job->session);
	return true;
}

static enum token_step take_instance(struct token_job *job, const struct token_reply *reply, struct token **ret,
				     struct failure *reterr)
{
	struct slice lines = reply->body;

	if (job->step == IMDS_KEYS)
		return take_json_keys(job, reply, ret, reterr);
	/* One line: a session, or the role's name (the first, were there ever more). */
	lines = slice_trim(slice_next_token(&lines, '\n'));
	if (lines.len == 0 || !http_value_is_clean(lines)) {
		token_fail(reterr, job, "this instance has no role");
		return TOKEN_STEP_FAILED;
	}
	if (job->step == IMDS_SESSION)
		job->session = arena_dup(&job->arena, lines);
	else
		job->role = arena_dup(&job->arena, lines);
	return TOKEN_STEP_NEXT;
}

static const struct token_recipe instance = { .direct = true, .ask = ask_instance, .take = take_instance };

static bool find_instance(struct token_finding *ret, const char **reterr)
{
	struct slice url = token_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	struct slice mode = token_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	struct slice disabled = token_variable("AWS_EC2_METADATA_DISABLED");
	struct token_source *s;

	if (slice_eq_nocase(disabled, SLICE("true")))
		return true;
	if (!url.ptr)
		url = slice_eq_nocase(mode, SLICE("ipv6")) ? SLICE("http://[fd00:ec2::254]")
							   : SLICE("http://169.254.169.254");
	s = token_source_new(&instance);
	s->title = SLICE("the instance's metadata service");
	s->advice = SLICE("elsewhere than on AWS, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	if (!token_source_set_endpoint(s, url, reterr)) {
		token_source_unref(s);
		return false;
	}
	ret->source = token_source_seal(s);
	return true;
}

/* ---- keys that stay ---- */

static void found_keys(struct token_finding *ret, struct slice id, struct slice secret, struct slice session)
{
	struct token_source *s = token_source_new(NULL);

	s->title = arena_printf(&s->arena, "AWS key %.*s", SLICE_ARG(id));
	s->fixed = aws_token(id, secret, session);
	*ret = (struct token_finding){ .source = token_source_seal(s) };
}

bool token_aws_read_key(const struct token_query *q, struct slice text, struct token_finding *ret, const char **reterr)
{
	struct slice session = text, id = slice_next_token(&session, ':'), secret = slice_next_token(&session, ':');

	if (id.len == text.len)
		return true; /* without a colon: a Bedrock API key */
	if (id.len == 0 || secret.len == 0 || !http_value_is_clean(text)) {
		*reterr = "an AWS key is written as ACCESS_KEY_ID:SECRET_ACCESS_KEY, or with :SESSION_TOKEN after it";
		return false;
	}
	found_keys(ret, id, secret, session);
	return true;
}

/* `name = value` within `[profile]`; the last one counts. */
static struct slice profile_value(struct slice file, struct slice profile, struct slice name)
{
	struct slice found = SLICE("");
	bool inside = false;

	while (file.ptr) {
		struct slice line = slice_next_token(&file, '\n'), value;

		while (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		line = slice_trim(line);
		if (line.len >= 2 && line.ptr[0] == '[') {
			line = slice_after(line, 1);
			inside = slice_eq(slice_trim(slice_next_token(&line, ']')), profile);
			continue;
		}
		value = line;
		if (inside && slice_eq(slice_trim(slice_next_token(&value, '=')), name) && value.ptr)
			found = slice_trim(value);
	}
	return found;
}

static bool find_profile(struct arena *a, struct token_finding *ret, const char **reterr)
{
	struct slice profile = token_variable("AWS_PROFILE"), path = token_variable("AWS_SHARED_CREDENTIALS_FILE");
	struct slice file, id, secret, home = token_variable("HOME");
	bool named = profile.ptr != NULL;

	if (!path.ptr && !home.ptr)
		return true;
	if (!path.ptr)
		path = arena_printf(a, "%.*s/.aws/credentials", SLICE_ARG(home));
	if (!named)
		profile = SLICE("default");
	if (!token_read_file(a, path, &file, reterr)) {
		*reterr = arena_cstr(a, arena_printf(a, "%.*s cannot be read: %s", SLICE_ARG(path), *reterr));
		return !named;
	}
	id = profile_value(file, profile, SLICE("aws_access_key_id"));
	secret = profile_value(file, profile, SLICE("aws_secret_access_key"));
	if (id.len > 0 && secret.len > 0 && http_value_is_clean(id)) {
		found_keys(ret, id, secret, profile_value(file, profile, SLICE("aws_session_token")));
		return true;
	}
	*reterr = arena_cstr(a, arena_printf(a, "the profile '%.*s' in %.*s has no aws_access_key_id and aws_secret_access_key",
					     SLICE_ARG(profile), SLICE_ARG(path)));
	return !named;
}

bool token_aws_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr)
{
	struct slice id = token_variable("AWS_ACCESS_KEY_ID"), secret = token_variable("AWS_SECRET_ACCESS_KEY");
	struct slice session = token_variable("AWS_SESSION_TOKEN");

	if (slice_starts_with(q->scope, SLICE("bedrock")))
		ret->text = token_variable("AWS_BEARER_TOKEN_BEDROCK");
	if (ret->text.ptr)
		return true;
	if (id.ptr && secret.ptr) {
		if (!http_value_is_clean(id) || !http_value_is_clean(session)) {
			*reterr = "AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN has characters that no header can carry";
			return false;
		}
		found_keys(ret, id, secret, session);
		return true;
	}
	if (!find_web_identity(q, ret, reterr))
		return false;
	if (!ret->source && !find_profile(a, ret, reterr))
		return false;
	if (!ret->source && !find_container(ret, reterr))
		return false;
	return ret->source || !q->metadata || find_instance(ret, reterr);
}
