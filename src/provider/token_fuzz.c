/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a credential somebody wrote down, and as what a token service answers: never a crash or a leak; either
 * something usable or a sentence. The first byte chooses the reader. */
#include <stdint.h>
#include <stdlib.h>
#include "provider/token_internal.h"

enum { STEPS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	enum auth_kind auth;
	const char *name, *value, *second_name, *second_value;
} services[] = {
	{ AUTH_SIGV4, "AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null", "AWS_ROLE_ARN", "arn:aws:iam::1:role/r" },
	{ AUTH_SIGV4, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x", "HOME", "/nowhere" },
	{ AUTH_SIGV4, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", "HOME", "/nowhere" },
	{ AUTH_GOOGLE, "GCE_METADATA_HOST", "127.0.0.1:1", "HOME", "/nowhere" },
	{ AUTH_AZURE, "IDENTITY_ENDPOINT", "http://127.0.0.1:1/x", "IDENTITY_HEADER", "h" },
};

static struct token_source *source_of(unsigned service)
{
	static struct token_source *sources[COUNT_OF(services)];
	struct token_query query = { .auth = services[service].auth, .scope = SLICE("s"), .metadata = true };
	struct token_finding found;
	const char *error = NULL;
	struct arena a;

	if (sources[service])
		return sources[service];
	arena_init(&a);
	setenv(services[service].name, services[service].value, 1);
	setenv(services[service].second_name, services[service].second_value, 1);
	check(token_find(&query, &a, &found, &error) && found.source, "the environment is complete");
	unsetenv(services[service].name);
	unsetenv(services[service].second_name);
	arena_done(&a);
	return sources[service] = found.source;
}

static void check_answer(struct token_source *source, unsigned step, struct slice body)
{
	struct header date = { SLICE("date"), body };
	struct headers headers = { .items = &date, .count = 1 };
	struct token_job job = { .source = source, .step = step };
	struct token_reply reply = { 200, &headers, body };
	struct token *token = NULL;
	struct failure failure = { 0 };
	enum token_step next;

	arena_init(&job.arena);
	next = source->recipe->take(&job, &reply, &token, &failure);
	check((next == TOKEN_STEP_DONE) == (token != NULL), "a token when it is done");
	check(next != TOKEN_STEP_FAILED || failure.message[0], "a failure says why");
	check(!token || (token->secret && token->expires_ns >= 0), "a token is whole");
	token_unref(token);
	arena_done(&job.arena);
}

static void check_key(enum auth_kind auth, struct slice text)
{
	struct token_query query = { .auth = auth, .scope = SLICE("s") };
	struct token_finding found;
	const char *error = NULL;

	if (!token_read_key(&query, text, &found, &error))
		check(error != NULL, "a refusal says why");
	else
		check((found.source != NULL) != (found.text.ptr != NULL), "a text, or a source");
	token_source_unref(found.source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum auth_kind kinds[] = { AUTH_SIGV4, AUTH_GOOGLE, AUTH_AZURE };
	struct slice text;

	if (size < 2)
		return 0;
	text = slice_of((const char *)data + 1, size - 1);
	if (data[0] < COUNT_OF(kinds))
		check_key(kinds[data[0]], text);
	else
		check_answer(source_of(data[0] % COUNT_OF(services)), data[0] / COUNT_OF(services) % STEPS, text);
	return 0;
}
