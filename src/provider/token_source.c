/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and their sources as objects, and what the recipes of all clouds have in common. */
#include "provider/token_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"
#include "provider/auth_sigv4.h"

/* ---- tokens ---- */

struct token *token_new(struct slice secret)
{
	struct token *t = xcalloc(1, sizeof(*t));

	t->references = 1;
	t->secret = secret_new(secret);
	t->expires_ns = NEVER;
	return t;
}

struct token *token_ref(struct token *t)
{
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

struct token *token_unref(struct token *t)
{
	if (t && atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) == 1) {
		secret_free(t->secret);
		secret_free(t->session);
		free(t->key_id);
		free(t->quota_project);
		free(t);
	}
	return NULL;
}

void token_set_life(struct token *t, int64_t life_s)
{
	if (life_s > TOKEN_LIFE_MAX_S)
		life_s = TOKEN_LIFE_MAX_S;
	t->expires_ns = clock_now_ns() + (life_s > 0 ? life_s : 0) * NS_PER_S;
}

/* ---- sources ---- */

struct token_source *token_source_new(const struct token_recipe *recipe)
{
	struct token_source *s = xcalloc(1, sizeof(*s));

	s->references = 1;
	s->recipe = recipe;
	arena_init(&s->arena);
	return s;
}

struct token_source *token_source_ref(struct token_source *s)
{
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

struct token_source *token_source_unref(struct token_source *s)
{
	if (s && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) {
		token_unref(s->fixed);
		secret_free(s->secret);
		secret_free(s->refresh);
		arena_done(&s->arena);
		free(s);
	}
	return NULL;
}

static struct slice revealed(const struct secret *s)
{
	return s ? secret_reveal(s) : SLICE("");
}

struct token_source *token_source_seal(struct token_source *s)
{
	struct slice parts[] = {
		s->title, s->endpoint_text, s->scope, s->client, s->key_id, s->session_name, s->file, s->quota_project,
		revealed(s->secret), revealed(s->refresh), revealed(s->fixed ? s->fixed->secret : NULL),
		revealed(s->fixed ? s->fixed->session : NULL), slice_cstr(s->fixed ? s->fixed->key_id : NULL),
	};
	unsigned char digests[COUNT_OF(parts)][32], digest[32];

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		secret_digest(parts[i].len > 0 ? parts[i] : SLICE(""), digests[i]);
	secret_digest(slice_of((const char *)digests, sizeof(digests)), digest);
	memcpy(&s->id, digest, sizeof(s->id));
	return s;
}

uint64_t token_source_id(const struct token_source *s)
{
	return s->id;
}

struct slice token_source_title(const struct token_source *s)
{
	return s->title;
}

unsigned token_source_secrets(const struct token_source *s, struct slice ret[static TOKEN_SOURCE_SECRETS_MAX])
{
	struct secret *const secrets[] = { s->secret, s->refresh, s->fixed ? s->fixed->secret : NULL,
					   s->fixed ? s->fixed->session : NULL };
	unsigned count = 0;

	for (size_t i = 0; i < COUNT_OF(secrets); i++)
		if (secrets[i])
			ret[count++] = secret_reveal(secrets[i]);
	return count;
}

static bool is_near(const struct url *url)
{
	bool is_ipv6 = slice_find(url->host, SLICE(":")) != SIZE_MAX;
	/* Metadata services: 169.254.0.0/16, EKS's and EC2's IPv6 addresses, Google's name. */
	static const struct slice starts[] = { { "127.", 4 }, { "169.254.", 8 }, { "fd00:ec2:", 9 } };
	static const struct slice names[] = { { "localhost", 9 }, { "::1", 3 }, { "metadata.google.internal", 24 } };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_eq(url->host, names[i]))
			return true;
	/* An address, not a name that begins like one. */
	for (size_t i = 0; i < url->host.len; i++)
		if (url->host.ptr[i] > (is_ipv6 ? 'f' : '9'))
			return false;
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		if (slice_starts_with(url->host, starts[i]))
			return true;
	return false;
}

bool token_source_set_endpoint(struct token_source *s, struct slice url, const char **reterr)
{
	s->endpoint_text = arena_dup(&s->arena, url);
	if (!url_parse(&s->arena, s->endpoint_text, &s->endpoint, reterr))
		return false;
	if (!s->endpoint.tls && !is_near(&s->endpoint)) {
		*reterr = "the address of its token service is not https://";
		return false;
	}
	return true;
}

/* ---- what recipes share ---- */

struct slice token_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? slice_cstr(value) : (struct slice){ 0 };
}

bool token_read_file(struct arena *a, struct slice path, struct slice *ret, const char **reterr)
{
	_cleanup_(close_fdp) int fd = open(arena_cstr(a, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*reterr = strerror(errno);
		return false;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > TOKEN_FILE_MAX) {
		*reterr = S_ISREG(st.st_mode) ? "it is larger than 64 KB" : "it is not a regular file";
		return false;
	}
	text = arena_alloc(a, TOKEN_FILE_MAX);
	while (len < TOKEN_FILE_MAX && (n = read(fd, text + len, TOKEN_FILE_MAX - len)) != 0) {
		if (n < 0 && errno != EINTR) {
			*reterr = strerror(errno);
			return false;
		}
		len += n > 0 ? (size_t)n : 0;
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	*ret = slice_of(text, len);
	return true;
}

struct slice token_encode(struct arena *a, struct slice text)
{
	return sigv4_encode(a, text, false);
}

void token_add_header(struct token_request *r, struct slice name, struct slice value)
{
	check(r->header_count < TOKEN_HEADERS_MAX, "a token's request has few headers");
	r->headers[r->header_count++] = (struct header){ name, value };
}

void token_set_form(struct token_request *r, struct slice body)
{
	r->method = HTTP_POST;
	r->body = body;
	token_add_header(r, SLICE("content-type"), SLICE("application/x-www-form-urlencoded"));
}

bool token_fail(struct failure *f, const struct token_job *job, const char *what)
{
	struct slice title = job->source->title, advice = job->source->advice;

	return failure_set(f, FAILURE_CREDENTIALS, "no token from %.*s: %s%s%.*s", SLICE_ARG(title), what,
			   advice.len ? "; " : "", SLICE_ARG(advice));
}

/* A number, or one in quotes, as Azure writes it. */
static bool read_number(struct json v, struct arena *a, int64_t *ret)
{
	unsigned long long n;
	struct slice text = json_text(v, a);

	if (json_to_i64(v, ret))
		return true;
	if (!text.ptr || !slice_to_u64(text, &n) || n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

enum token_step token_take_oauth(struct token_job *job, const struct token_reply *reply, struct token **ret,
				 struct failure *reterr)
{
	struct json_doc doc;
	struct json_error error;
	int64_t life, at;
	struct slice text;

	if (!json_parse(&job->arena, reply->body, &doc, &error)) {
		token_fail(reterr, job, "its answer is not JSON");
		return TOKEN_STEP_FAILED;
	}
	text = json_text(json_get(json_root(&doc), "access_token"), &job->arena);
	if (text.len == 0 || !http_value_is_clean(text)) {
		token_fail(reterr, job, "its answer has no access_token");
		return TOKEN_STEP_FAILED;
	}
	if (!read_number(json_get(json_root(&doc), "expires_in"), &job->arena, &life))
		life = read_number(json_get(json_root(&doc), "expires_on"), &job->arena, &at) ? at - clock_wall_ms() / 1000 : 3600;
	*ret = token_new(text);
	token_set_life(*ret, life);
	return TOKEN_STEP_DONE;
}

bool token_seconds_until(struct slice time, const struct token_job *job, const struct token_reply *reply, int64_t *ret)
{
	struct slice date = headers_get(reply->headers, SLICE("date"));
	int64_t now = clock_wall_ms() / 1000;
	struct tm tm = { 0 };
	char text[32];
	int end = 0;

	if (time.len < 20 || time.len >= sizeof(text))
		return false;
	memcpy(text, time.ptr, time.len);
	text[time.len] = '\0';
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
		   &end) != 6 || end != 19)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (date.len > 0 && date.len < sizeof(text)) {
		char sent[sizeof(text)];
		int64_t at;

		memcpy(sent, date.ptr, date.len);
		sent[date.len] = '\0';
		at = clock_parse_http_date(sent);
		now = at >= 0 ? at : now; /* this machine's clock may be wrong */
	}
	*ret = (int64_t)timegm(&tm) - now;
	return true;
}

/* ---- by kind ---- */

static const struct {
	bool (*read_key)(const struct token_query *q, struct slice text, struct token_finding *ret,
			 const char **reterr);
	bool (*find)(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr);
	const char *advice;
} kinds[] = {
	[AUTH_NONE] = { 0 },
	[AUTH_BEARER] = { 0 },
	[AUTH_HEADER] = { 0 },
	[AUTH_SIGV4] = { token_aws_read_key, token_aws_find, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" },
	[AUTH_GOOGLE] = { token_google_read_key, token_google_find, "GOOGLE_APPLICATION_CREDENTIALS" },
	[AUTH_AZURE] = { token_azure_read_key, token_azure_find, "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" },
};

bool token_read_key(const struct token_query *q, struct slice text, struct token_finding *ret, const char **reterr)
{
	*ret = (struct token_finding){ .text = text };
	return !kinds[q->auth].read_key || kinds[q->auth].read_key(q, text, ret, reterr);
}

bool token_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr)
{
	*ret = (struct token_finding){ 0 };
	return !kinds[q->auth].find || kinds[q->auth].find(q, a, ret, reterr);
}

const char *token_advice(enum auth_kind auth)
{
	return kinds[auth].advice;
}
