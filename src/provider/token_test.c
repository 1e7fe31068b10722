/* SPDX-License-Identifier: Apache-2.0 */
/* Where tokens come from and how they are kept: every source against a service on loopback that the test itself plays, in
 * the keeper's own loop. */
#include "http/client_test.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "base/clock.h"
#include "provider/token_internal.h"

/* One keeper; the caller's mailbox is on the keeper's loop, so that turning that one does everything. */
struct fixture {
	struct token_keeper *keeper;
	struct test peer;              /* only its loop and its listener are used */
	struct proxy_settings proxies;
	struct arena arena;
	unsigned changes;
	struct token *token;
	struct token_wait *wait;
	struct failure failure;
};

static const char *const variables[] = {
	"AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
	"AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_DISABLED",
	"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER",
	"AZURE_POD_IDENTITY_AUTHORITY_HOST", "HOME",
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	f->keeper = token_keeper_new_unthreaded(&f->proxies);
	f->peer.loop = token_keeper_loop(f->keeper);
	f->peer.listener = test_listen(&f->peer.port);
	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	token_unref(f->token);
	token_keeper_free(f->keeper);
	close(f->peer.listener);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static void set(const char *name, const char *format, ...) PRINTF(2, 3);
static void set(const char *name, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	setenv(name, value, 1);
}

static void set_url(struct fixture *f, const char *name, const char *path)
{
	set(name, "http://127.0.0.1:%u%s", f->peer.port, path);
}

/* A file below the test's working directory's temporary one. */
static const char *file_with(struct fixture *f, const char *text)
{
	char *path = arena_cstr(&f->arena, SLICE("/tmp/token-test-XXXXXX"));
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static struct token_source *found(struct fixture *f, enum auth_kind auth, const char *scope, bool metadata)
{
	struct token_query q = { .auth = auth, .scope = slice_cstr(scope), .region = SLICE("eu-west-1"), .metadata = metadata };
	struct token_finding finding;
	const char *error = NULL;

	if (!token_find(&q, &f->arena, &finding, &error))
		fail_msg("%s", error);
	assert_null(finding.text.ptr);
	return finding.source;
}

static void on_change(void *ctx)
{
	struct fixture *f = ctx;

	f->changes++;
	f->wait = NULL;
}

static enum token_answer ask(struct fixture *f, struct token_source *s)
{
	struct token_caller caller = { loop_mailbox(f->peer.loop), on_change, f };

	f->token = token_unref(f->token);
	return token_ask(f->keeper, s, &caller, &f->token, &f->wait, &f->failure);
}

/* One request on that connection, head and body, whose text is returned. */
static struct slice take_request(struct fixture *f, int fd)
{
	struct buf got;
	struct slice text, head;
	size_t end, at;
	unsigned long long length = 0;

	buf_init(&got, 64 << 10);
	for (;;) {
		text = buf_slice(&got);
		end = slice_find(text, SLICE("\r\n\r\n"));
		if (end != SIZE_MAX) {
			head = slice_of(text.ptr, end);
			at = slice_find(head, SLICE("content-length: "));
			if (at != SIZE_MAX) {
				struct slice rest = slice_after(head, at + 16);

				assert_true(slice_to_u64(slice_trim(slice_next_token(&rest, '\r')), &length));
			}
			if (text.len >= end + 4 + length)
				break;
		}
		peer_receive(&f->peer, fd, &got, got.len + 1);
	}
	text = arena_dup(&f->arena, buf_slice(&got));
	buf_done(&got);
	return text;
}

static void answer(int fd, int status, const char *body)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\ncontent-length: %zu\r\ndate: Fri, 20 Nov 2026 12:00:00 GMT\r\n\r\n%s",
			 status, strlen(body), body);

	assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

static void expect_piece(struct slice text, const char *piece)
{
	if (slice_find(text, slice_cstr(piece)) == SIZE_MAX)
		fail_msg("'%s' is not in\n%.*s", piece, SLICE_ARG(text));
}

/* Asks for the first time, plays the service once, and gets what it gave. */
static struct slice first_token(struct fixture *f, struct token_source *s, const char *body, const char *secret)
{
	struct slice request;
	int fd;

	assert_non_null(s);
	assert_int_equal(ask(f, s), TOKEN_WAITS);
	fd = peer_accept(&f->peer);
	request = take_request(f, fd);
	answer(fd, 200, body);
	UNTIL(&f->peer, f->changes == 1);
	close(fd);
	assert_int_equal(ask(f, s), TOKEN_READY);
	assert_true(slice_eq(secret_reveal(f->token->secret), slice_cstr(secret)));
	return request;
}

/* ---- AWS ---- */

static void check_aws(const struct fixture *f, const char *id, const char *session)
{
	assert_string_equal(f->token->key_id, id);
	if (session)
		assert_true(slice_eq(secret_reveal(f->token->session), slice_cstr(session)));
	else
		assert_null(f->token->session);
}

static void test_aws_keys_as_written(void **state)
{
	struct fixture *f = *state;
	struct token_query q = { .auth = AUTH_SIGV4, .scope = SLICE("bedrock") };
	struct token_finding finding;
	const char *error = NULL;

	assert_true(token_read_key(&q, SLICE("ABSKQmVkcm9jaw=="), &finding, &error));
	assert_null(finding.source);
	assert_true(slice_eq(finding.text, SLICE("ABSKQmVkcm9jaw==")));
	assert_true(token_read_key(&q, SLICE("AKID:se/cret"), &finding, &error));
	assert_int_equal(ask(f, finding.source), TOKEN_READY);
	check_aws(f, "AKID", NULL);
	token_source_unref(finding.source);
	assert_true(token_read_key(&q, SLICE("AKID:se/cret:session=="), &finding, &error));
	assert_int_equal(ask(f, finding.source), TOKEN_READY);
	check_aws(f, "AKID", "session==");
	assert_false(token_refuse(f->keeper, finding.source, f->token));
	token_source_unref(finding.source);
	assert_false(token_read_key(&q, SLICE(":secret"), &finding, &error));
	assert_false(token_read_key(&q, SLICE("id:"), &finding, &error));
	assert_false(token_read_key(&q, SLICE("id\n:secret"), &finding, &error));
}

static void test_aws_environment_and_profile(void **state)
{
	struct fixture *f = *state;
	struct token_query q = { .auth = AUTH_SIGV4, .scope = SLICE("bedrock") };
	struct token_finding finding;
	const char *error = NULL, *path;
	struct token_source *s;

	assert_null(found(f, AUTH_SIGV4, "bedrock", false));
	path = file_with(f, "# mine\n[other]\naws_access_key_id=NO\naws_secret_access_key=no\n[default]\r\n"
			    "aws_access_key_id = DEFAULT \r\naws_secret_access_key = a=b\r\n");
	set("AWS_SHARED_CREDENTIALS_FILE", "%s", path);
	s = found(f, AUTH_SIGV4, "bedrock", false);
	assert_int_equal(ask(f, s), TOKEN_READY);
	check_aws(f, "DEFAULT", NULL);
	assert_true(slice_eq(secret_reveal(f->token->secret), SLICE("a=b")));
	token_source_unref(s);

	set("AWS_PROFILE", "missing");
	assert_false(token_find(&q, &f->arena, &finding, &error));
	expect_piece(slice_cstr(error), "'missing'");
	unlink(path);

	set("AWS_ACCESS_KEY_ID", "ENV");
	set("AWS_SECRET_ACCESS_KEY", "x");
	set("AWS_SESSION_TOKEN", "y");
	s = found(f, AUTH_SIGV4, "bedrock", false);
	assert_int_equal(ask(f, s), TOKEN_READY);
	check_aws(f, "ENV", "y");
	token_source_unref(s);

	set("AWS_BEARER_TOKEN_BEDROCK", "bearer-key");
	assert_true(token_find(&q, &f->arena, &finding, &error));
	assert_null(finding.source);
	assert_true(slice_eq(finding.text, SLICE("bearer-key")));
}

static void test_aws_web_identity(void **state)
{
	struct fixture *f = *state;
	const char *path = file_with(f, "projected.jwt+/=\n");
	struct token_source *s;
	struct slice request;

	set("AWS_WEB_IDENTITY_TOKEN_FILE", "%s", path);
	set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
	set_url(f, "AWS_ENDPOINT_URL_STS", "");
	s = found(f, AUTH_SIGV4, "bedrock", true);
	request = first_token(f, s,
			      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
			      "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>sec/ret</SecretAccessKey>"
			      "<SessionToken>sess==</SessionToken><Expiration>2026-11-20T13:00:00Z</Expiration></Credentials>"
			      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
			      "sec/ret");
	check_aws(f, "ASIA1", "sess==");
	expect_piece(request, "POST / HTTP/1.1\r\n");
	expect_piece(request, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
			      "&RoleSessionName=weir&WebIdentityToken=projected.jwt%2B%2F%3D");
	/* An hour by the service's own clock, whatever ours says. */
	assert_in_range(f->token->expires_ns - clock_now_ns(), 3500 * NS_PER_S, 3600 * NS_PER_S);
	token_source_unref(s);
	unlink(path);
}

static void test_aws_container(void **state)
{
	struct fixture *f = *state;
	struct token_source *s;
	struct slice request;

	set_url(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v1/credentials?a=b");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-authorization");
	s = found(f, AUTH_SIGV4, "bedrock", false);
	request = first_token(f, s,
			      "{\"AccessKeyId\":\"ASIA2\",\"SecretAccessKey\":\"s2\",\"Token\":\"t2\","
			      "\"Expiration\":\"2026-11-20T12:10:00Z\"}",
			      "s2");
	check_aws(f, "ASIA2", "t2");
	expect_piece(request, "GET /v1/credentials?a=b HTTP/1.1\r\n");
	expect_piece(request, "authorization: container-authorization\r\n");
	token_source_unref(s);
}

static void test_aws_instance(void **state)
{
	struct fixture *f = *state;
	struct token_source *s;
	struct slice request;
	int fd;

	set_url(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
	set("AWS_EC2_METADATA_DISABLED", "true");
	assert_null(found(f, AUTH_SIGV4, "bedrock", true));
	unsetenv("AWS_EC2_METADATA_DISABLED");
	assert_null(found(f, AUTH_SIGV4, "bedrock", false));
	s = found(f, AUTH_SIGV4, "bedrock", true);
	assert_int_equal(ask(f, s), TOKEN_WAITS);
	fd = peer_accept(&f->peer);
	request = take_request(f, fd);
	expect_piece(request, "PUT /latest/api/token HTTP/1.1\r\n");
	expect_piece(request, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
	answer(fd, 200, "SESSION");
	request = take_request(f, fd);
	expect_piece(request, "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n");
	expect_piece(request, "x-aws-ec2-metadata-token: SESSION\r\n");
	answer(fd, 200, "my-role\n");
	request = take_request(f, fd);
	expect_piece(request, "GET /latest/meta-data/iam/security-credentials/my-role HTTP/1.1\r\n");
	answer(fd, 200, "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA3\",\"SecretAccessKey\":\"s3\",\"Token\":\"t3\","
			"\"Expiration\":\"2026-11-20T18:00:00Z\"}");
	UNTIL(&f->peer, f->changes == 1);
	assert_int_equal(ask(f, s), TOKEN_READY);
	check_aws(f, "ASIA3", "t3");
	close(fd);
	token_source_unref(s);
}

/* ---- Google ---- */

static EVP_PKEY *private_key;          /* made for this run */

/* In PEM, its line ends as JSON writes them. */
static struct slice private_key_json(struct fixture *f)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct slice pem, text = SLICE("");
	char *bytes;

	if (!private_key)
		private_key = EVP_RSA_gen(2048);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, private_key, NULL, NULL, 0, NULL, NULL), 1);
	pem.len = (size_t)BIO_get_mem_data(bio, &bytes);
	pem.ptr = bytes;
	while (pem.ptr && pem.len > 0) {
		struct slice line = slice_next_token(&pem, '\n');

		text = arena_printf(&f->arena, "%.*s%.*s\\n", SLICE_ARG(text), SLICE_ARG(line));
	}
	BIO_free(bio);
	return text;
}

static size_t base64url_decode(struct slice text, unsigned char *ret, size_t size)
{
	char padded[4096];
	size_t len = (text.len + 3) / 4 * 4;

	assert_true(len < sizeof(padded) && len / 4 * 3 <= size);
	memset(padded, '=', len);
	for (size_t i = 0; i < text.len; i++)
		padded[i] = text.ptr[i] == '-' ? '+' : text.ptr[i] == '_' ? '/' : text.ptr[i];
	return (size_t)EVP_DecodeBlock(ret, (unsigned char *)padded, (int)len) - (len - text.len);
}

/* An assertion signed with the private key: its claims. */
static struct slice verified_claims(struct fixture *f, struct slice assertion)
{
	struct slice rest = assertion, signature;
	unsigned char bytes[512], *claims = arena_alloc(&f->arena, 2048);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len;

	slice_next_token(&rest, '.');
	signature = rest;
	rest = slice_next_token(&signature, '.');
	len = base64url_decode(signature, bytes, sizeof(bytes));
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, private_key), 1);
	assert_int_equal(EVP_DigestVerify(context, bytes, len, (const unsigned char *)assertion.ptr,
					  (size_t)(signature.ptr - 1 - assertion.ptr)), 1);
	EVP_MD_CTX_free(context);
	return slice_of((char *)claims, base64url_decode(rest, claims, 2048));
}

static struct token_source *read_key(enum auth_kind auth, const char *scope, struct slice text)
{
	struct token_query q = { .auth = auth, .scope = slice_cstr(scope) };
	struct token_finding finding;
	const char *error = NULL;

	if (!token_read_key(&q, text, &finding, &error))
		fail_msg("%s", error);
	return finding.source;
}

static struct slice account_json(struct fixture *f)
{
	struct slice pem = private_key_json(f);

	return arena_printf(&f->arena, "{\"type\":\"service_account\",\"client_email\":\"me@p.iam\",\"private_key_id\":\"kid1\","
				       "\"private_key\":\"%.*s\",\"token_uri\":\"http://127.0.0.1:%u/token\"}",
			    SLICE_ARG(pem), f->peer.port);
}

static void test_google_service_account(void **state)
{
	struct fixture *f = *state;
	struct token_source *s = read_key(AUTH_GOOGLE, "https://scope", account_json(f));
	struct slice request = first_token(f, s, "{\"access_token\":\"ya29.one\",\"expires_in\":3599,\"token_type\":\"Bearer\"}",
					   "ya29.one");

	expect_piece(request, "POST /token HTTP/1.1\r\n");
	expect_piece(request, "content-type: application/x-www-form-urlencoded\r\n");
	/* {"alg":"RS256","typ":"JWT","kid":"kid1"} */
	expect_piece(request, "\r\n\r\ngrant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
			      "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtpZDEifQ.");
	request = slice_after(request, slice_find(request, SLICE("&assertion=")) + 11);
	request = verified_claims(f, request);
	expect_piece(request, "{\"iss\":\"me@p.iam\",\"scope\":\"https://scope\",\"aud\":\"http://127.0.0.1:");
	expect_piece(request, "/token\",\"iat\":");
	assert_in_range(f->token->expires_ns - clock_now_ns(), 3500 * NS_PER_S, 3599 * NS_PER_S);
	token_source_unref(s);
}

static void test_google_user(void **state)
{
	struct fixture *f = *state;
	const char *path = file_with(f, arena_cstr(&f->arena, arena_printf(&f->arena,
		"{\"type\":\"authorized_user\",\"client_id\":\"id\",\"client_secret\":\"s+s\",\"refresh_token\":\"r/r\","
		"\"quota_project_id\":\"billed\",\"token_uri\":\"http://127.0.0.1:%u/token\"}", f->peer.port)));
	struct token_source *s;

	set("GOOGLE_APPLICATION_CREDENTIALS", "%s", path);
	s = found(f, AUTH_GOOGLE, "scope", true);
	expect_piece(first_token(f, s, "{\"access_token\":\"ya29.two\"}", "ya29.two"),
		     "grant_type=refresh_token&client_id=id&client_secret=s%2Bs&refresh_token=r%2Fr");
	assert_string_equal(f->token->quota_project, "billed");
	token_source_unref(s);
	unlink(path);
}

static void test_google_metadata(void **state)
{
	struct fixture *f = *state;
	struct token_source *s;
	struct slice request;

	assert_null(found(f, AUTH_GOOGLE, "https://scope", false));
	set("GCE_METADATA_HOST", "127.0.0.1:%u", f->peer.port);
	s = found(f, AUTH_GOOGLE, "https://scope", true);
	request = first_token(f, s, "{\"access_token\":\"ya29.three\",\"expires_in\":100}", "ya29.three");
	expect_piece(request, "GET /computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fscope ");
	expect_piece(request, "metadata-flavor: Google\r\n");
	token_source_unref(s);
}

static void test_what_google_credentials_must_have(void **state)
{
	static const char *const broken[] = {
		"{", "{}", "{\"type\":\"external_account\"}", "{\"type\":\"service_account\",\"client_email\":\"a@b\"}",
		"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n\"}",
		"{\"type\":\"authorized_user\",\"client_id\":\"a\"}",
		"{\"type\":\"authorized_user\",\"client_id\":\"a\",\"client_secret\":\"b\",\"refresh_token\":\"c\","
		"\"token_uri\":\"http://example.com/\"}",
		"{\"type\":\"authorized_user\",\"client_id\":\"a\",\"client_secret\":\"b\",\"refresh_token\":\"c\","
		"\"token_uri\":\"http://169.254.example.com/\"}",
	};
	struct token_query q = { .auth = AUTH_GOOGLE, .scope = SLICE("s") };
	struct token_finding finding;

	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		const char *error = NULL;

		assert_false(token_read_key(&q, slice_cstr(broken[i]), &finding, &error));
		assert_non_null(error);
	}
}

/* ---- Azure ---- */

static void test_azure_client_secret(void **state)
{
	struct fixture *f = *state;
	struct token_source *s;
	struct slice request;

	set_url(f, "AZURE_AUTHORITY_HOST", "/");
	s = read_key(AUTH_AZURE, "https://cognitiveservices.azure.com/.default", SLICE("tenant:client:se:cr~et"));
	request = first_token(f, s, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ.azure\"}", "eyJ.azure");
	expect_piece(request, "POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n");
	expect_piece(request, "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fcognitiveservices.azure.com"
			      "%2F.default&client_secret=se%3Acr~et");
	token_source_unref(s);
}

static void test_azure_identities(void **state)
{
	struct fixture *f = *state;
	struct token_source *s;
	struct slice request;

	assert_null(found(f, AUTH_AZURE, "https://x.example/.default", false));
	set_url(f, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
	s = found(f, AUTH_AZURE, "https://x.example/.default", true);
	request = first_token(f, s, "{\"access_token\":\"a\",\"expires_on\":\"4102444800\"}", "a");
	expect_piece(request, "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fx.example HTTP");
	expect_piece(request, "metadata: true\r\n");
	/* It says the year 2100: believed for a week. */
	assert_in_range(f->token->expires_ns - clock_now_ns(), 0, (int64_t)TOKEN_LIFE_MAX_S * NS_PER_S);
	token_source_unref(s);

	f->changes = 0;
	set_url(f, "IDENTITY_ENDPOINT", "/msi/token");
	set("IDENTITY_HEADER", "identity-secret");
	set("AZURE_CLIENT_ID", "c1");
	s = found(f, AUTH_AZURE, "https://x.example/.default", false);
	request = first_token(f, s, "{\"access_token\":\"b\",\"expires_on\":\"4102444800\"}", "b");
	expect_piece(request, "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fx.example&client_id=c1 HTTP");
	expect_piece(request, "x-identity-header: identity-secret\r\n");
	token_source_unref(s);

	f->changes = 0;
	set("AZURE_TENANT_ID", "t1");
	set("AZURE_FEDERATED_TOKEN_FILE", "%s", file_with(f, "federated.jwt"));
	set_url(f, "AZURE_AUTHORITY_HOST", "");
	s = found(f, AUTH_AZURE, "sc", false);
	expect_piece(first_token(f, s, "{\"access_token\":\"c\",\"expires_in\":\"60\"}", "c"),
		     "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=federated.jwt");
	unlink(getenv("AZURE_FEDERATED_TOKEN_FILE"));
	token_source_unref(s);
}

/* ---- the keeper ---- */

static struct token_source *user_source(struct fixture *f, const char *name)
{
	return read_key(AUTH_GOOGLE, "scope",
			arena_printf(&f->arena, "{\"type\":\"authorized_user\",\"client_id\":\"%s\",\"client_secret\":\"s\","
						"\"refresh_token\":\"r\",\"token_uri\":\"http://127.0.0.1:%u/\"}",
				     name, f->peer.port));
}

static void test_identity_is_what_a_source_says(void **state)
{
	struct fixture *f = *state;
	struct token_source *a = user_source(f, "a"), *again = user_source(f, "a"), *b = user_source(f, "b");

	assert_true(token_source_id(a) == token_source_id(again));
	assert_true(token_source_id(a) != token_source_id(b));
	token_source_unref(a);
	token_source_unref(again);
	token_source_unref(b);
}

static void test_many_ask_and_one_fetches(void **state)
{
	struct fixture *f = *state;
	struct token_source *s = user_source(f, "a");
	struct pollfd p = { .fd = f->peer.listener, .events = POLLIN };
	struct token_wait *cancelled;
	int fd;

	for (int i = 0; i < 49; i++)
		assert_int_equal(ask(f, s), TOKEN_WAITS);
	assert_int_equal(ask(f, s), TOKEN_WAITS);
	cancelled = f->wait;
	assert_null(token_wait_cancel(cancelled));
	fd = peer_accept(&f->peer);
	take_request(f, fd);
	assert_int_equal(poll(&p, 1, 0), 0);
	answer(fd, 200, "{\"access_token\":\"x\",\"expires_in\":60}");
	UNTIL(&f->peer, f->changes == 49);
	assert_int_equal(ask(f, s), TOKEN_READY);
	close(fd);
	token_source_unref(s);
}

static void test_failure_rests_and_says_why(void **state)
{
	struct fixture *f = *state;
	struct token_source *s = user_source(f, "a");
	int fd;

	assert_int_equal(ask(f, s), TOKEN_WAITS);
	fd = peer_accept(&f->peer);
	take_request(f, fd);
	answer(fd, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked.\"}");
	UNTIL(&f->peer, f->changes == 1);
	assert_int_equal(ask(f, s), TOKEN_FAILED);
	assert_int_equal(f->failure.kind, FAILURE_CREDENTIALS);
	expect_piece(slice_cstr(f->failure.message), "no token from Google user credentials of client a: it answered 400: "
						     "invalid_grant: Token has been revoked.");
	close(fd);
	token_source_unref(s);
}

static void test_bad_answers_are_failures(void **state)
{
	static const char *const bodies[] = { "", "no", "{}", "{\"access_token\":5}", "{\"access_token\":\"a\\nb\"}",
					      "{\"access_token\":\"stale\",\"expires_in\":0}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct token_source *s = user_source(f, arena_cstr(&f->arena, arena_printf(&f->arena, "client-%zu", i)));
		int fd;

		f->changes = 0;
		assert_int_equal(ask(f, s), TOKEN_WAITS);
		fd = peer_accept(&f->peer);
		take_request(f, fd);
		answer(fd, 200, bodies[i]);
		UNTIL(&f->peer, f->changes == 1);
		assert_int_equal(ask(f, s), TOKEN_FAILED);
		close(fd);
		token_source_unref(s);
	}
}

/* The old token is handed out while the new one is fetched, and while it cannot be had. */
static void test_refreshed_ahead(void **state)
{
	struct fixture *f = *state;
	struct token_source *s = user_source(f, "a");
	struct token *first;
	int fd;

	first_token(f, s, "{\"access_token\":\"short\",\"expires_in\":1}", "short");
	first = token_ref(f->token);
	fd = peer_accept(&f->peer); /* at four fifths of its life */
	take_request(f, fd);
	assert_int_equal(ask(f, s), TOKEN_READY);
	assert_ptr_equal(f->token, first);
	answer(fd, 200, "{\"access_token\":\"next\",\"expires_in\":60}");
	UNTIL(&f->peer, ask(f, s) == TOKEN_READY && f->token != first);
	assert_true(slice_eq(secret_reveal(f->token->secret), SLICE("next")));
	token_unref(first);
	close(fd);
	token_source_unref(s);
}

static void test_a_refused_token_is_replaced_once(void **state)
{
	struct fixture *f = *state;
	struct token_source *s = user_source(f, "a");
	struct token *refused;
	int fd;

	first_token(f, s, "{\"access_token\":\"revoked\",\"expires_in\":3600}", "revoked");
	refused = token_ref(f->token);
	assert_true(token_refuse(f->keeper, s, refused));
	assert_true(token_refuse(f->keeper, s, refused)); /* another request that had it: a fresh one is on its way */
	assert_int_equal(ask(f, s), TOKEN_WAITS);
	fd = peer_accept(&f->peer);
	take_request(f, fd);
	answer(fd, 200, "{\"access_token\":\"fresh\",\"expires_in\":3600}");
	UNTIL(&f->peer, f->changes == 2);
	assert_true(token_refuse(f->keeper, s, refused));
	assert_int_equal(ask(f, s), TOKEN_READY);
	assert_true(slice_eq(secret_reveal(f->token->secret), SLICE("fresh")));
	assert_false(token_refuse(f->keeper, s, f->token)); /* no better: not again at once */
	token_unref(refused);
	close(fd);
	token_source_unref(s);
}

/* On its own thread it ends with a fetch under way. */
static void test_the_thread_ends(void **state)
{
	struct fixture *f = *state;
	struct token_keeper *k = token_keeper_new(&f->proxies);
	struct token_source *s = user_source(f, "a");
	struct token_caller caller = { loop_mailbox(f->peer.loop), on_change, f };
	int fd;

	assert_int_equal(token_ask(k, s, &caller, &f->token, &f->wait, &f->failure), TOKEN_WAITS);
	fd = peer_accept(&f->peer);
	token_keeper_stop(k);
	f->wait = token_wait_cancel(f->wait);
	token_keeper_free(k);
	close(fd);
	token_source_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_aws_keys_as_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_aws_environment_and_profile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_aws_web_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_aws_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_aws_instance, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_google_service_account, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_google_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_google_metadata, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_google_credentials_must_have, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_azure_client_secret, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_azure_identities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identity_is_what_a_source_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_ask_and_one_fetches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failure_rests_and_says_why, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_answers_are_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refreshed_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_refused_token_is_replaced_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_thread_ends, set_up, tear_down),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	EVP_PKEY_free(private_key);
	return failed;
}
