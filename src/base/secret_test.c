/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: keeping, naming, comparing and masking them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/cleanup.h"
#include "base/secret.h"

static void keeps_the_bytes(void **state)
{
	struct secret *s = secret_new(SLICE("abc"));
	char name[9];
	assert_true(slice_eq(secret_reveal(s), SLICE("abc")));
	secret_fingerprint(s, name);
	assert_string_equal(name, "ba7816bf");    /* FIPS 180-2, appendix B.1 */
	assert_null(secret_free(s));
	s = secret_new(slice_of(NULL, 0));
	assert_int_equal(secret_reveal(s).len, 0);
	secret_free(s);
	char large[10000];
	memset(large, 'x', sizeof(large));
	s = secret_new(slice_of(large, sizeof(large)));
	assert_true(slice_eq(secret_reveal(s), slice_of(large, sizeof(large))));
	secret_free(s);
	assert_null(secret_free(NULL));
}

static void *digest_abc(void *out)
{
	secret_digest(SLICE("abc"), out);
	return NULL;
}

static void digests_in_any_thread(void **state)
{
	unsigned char digests[3][32];
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, digest_abc, digests[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(digest_eq(digests[0], digests[1]));
	secret_digest(SLICE("abd"), digests[2]);
	assert_false(digest_eq(digests[0], digests[2]));
}

static void masks(void **state)
{
	struct secret *known[] = { secret_new(SLICE("hunter22")), NULL, secret_new(SLICE("ab")) };
	static const struct { const char *before, *after; } cases[] = {
		{ "", "" },
		{ "Incorrect API key provided: sk-proj-abc123DEF.", "Incorrect API key provided: *****************." },
		{ "use sk-ip or task-force", "use sk-ip or task-force" },
		{ "risk-assessment-report", "risk-assessment-report" },
		{ "key AIzaSyA1234567 is bad", "key ************** is bad" },
		{ "Authorization: Bearer abcdefgh12", "Authorization: Bearer **********" },
		{ "bearer of bad news", "bearer of bad news" },
		{ "https://host/path?key=0123456789&x=1", "https://host/path?key=**********&x=1" },
		{ "(hunter22)(hunter22)", "(********)(********)" },
		{ "xhunter22y", "x********y" },
		{ "abbey", "abbey" },
		{ "sk-12345678", "***********" },
		{ "sk-", "sk-" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[128];
		size_t len = strlen(cases[i].before);
		memcpy(text, cases[i].before, len + 1);
		secret_strip(text, len, known, COUNT_OF(known));
		assert_string_equal(text, cases[i].after);
	}
	for (size_t i = 0; i < COUNT_OF(known); i++)
		secret_free(known[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_bytes), cmocka_unit_test(digests_in_any_thread), cmocka_unit_test(masks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
