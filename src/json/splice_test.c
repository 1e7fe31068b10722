/* SPDX-License-Identifier: Apache-2.0 */
/* Editing JSON in its original bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "json/seed_support.h"
#include "json/splice_property.h"

static struct arena arena;
static struct json_doc doc;
static struct splice splice;

static struct json start(const char *text)
{
	struct json_error error;

	arena_reset(&arena);
	assert_true(json_parse(&arena, slice_cstr(text), &doc, &error));
	splice_init(&splice, slice_cstr(text));
	return json_root(&doc);
}

static void assert_result(const char *should)
{
	struct slice is = splice_flatten(&splice, &arena);

	assert_int_equal(splice_len(&splice), is.len);
	if (is.len != strlen(should) || memcmp(is.ptr, should, is.len) != 0)
		fail_msg("got %.*s, not %s", SLICE_ARG(is), should);
}

static void removed(struct json object, const char *name)
{
	assert_true(splice_remove(&splice, object, slice_cstr(name)));
}

static void inserted(struct json object, const char *name, const char *json)
{
	assert_true(splice_insert(&splice, object, slice_cstr(name), slice_cstr(json), &arena));
}

static void test_nothing_else_changes(void **state)
{
	struct json root = start(" {\n\t\"model\" : \"a\\u0062\" ,\"x\":1.50,  \"y\" : [ ] }\n");

	assert_result(" {\n\t\"model\" : \"a\\u0062\" ,\"x\":1.50,  \"y\" : [ ] }\n");
	assert_true(splice_replace(&splice, json_get(root, "model"), SLICE("\"m\"")));
	assert_result(" {\n\t\"model\" : \"m\" ,\"x\":1.50,  \"y\" : [ ] }\n");
}

static void test_insert(void **state)
{
	struct json root = start("{}");

	inserted(root, "a", "1");
	assert_result("{\"a\":1}");
	inserted(root, "b\"\n", "2");
	assert_result("{\"a\":1,\"b\\\"\\n\":2}");
	root = start("{ \n }");
	inserted(root, "a", "1");
	assert_result("{\"a\":1 \n }");
	root = start("{\"a\" : {} \n}");
	inserted(root, "b", "[]");
	assert_result("{\"a\" : {},\"b\":[] \n}");
	inserted(json_get(root, "a"), "c", "null");
	assert_result("{\"a\" : {\"c\":null},\"b\":[] \n}");
}

static void test_remove(void **state)
{
	static const char text[] = "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }";

	removed(start(text), "a");
	assert_result("{ \"b\" : 2 , \"c\" : 3 }");
	removed(start(text), "b");
	assert_result("{ \"a\" : 1 , \"c\" : 3 }");
	removed(start(text), "c");
	assert_result("{ \"a\" : 1 , \"b\" : 2 }");
	removed(start(text), "missing");
	assert_result(text);
	removed(start("{ \"a\":1 }"), "a");
	assert_result("{  }");
	removed(start("{\"a\":1,\"b\":2,\"\\u0061\":3}"), "a");
	assert_result("{\"b\":2}");
}

/* Every order of removing every subset of four members leaves the same. */
static void test_removals_in_any_order(void **state)
{
	static const char names[4][2] = { "a", "b", "c", "d" };

	for (unsigned order = 0; order < 256; order++) {
		struct json root = start("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
		char should[32] = "{";

		for (unsigned i = 0; i < 4; i++) {
			removed(root, names[order >> (2 * i) & 3]);
			if (i == 1)
				inserted(root, "z", "0");
		}
		for (unsigned m = 0; m < 4; m++) {
			bool gone = false;

			for (unsigned i = 0; i < 4; i++)
				gone |= (order >> (2 * i) & 3) == m;
			if (!gone)
				snprintf(should + strlen(should), sizeof(should) - strlen(should), "\"%s\":%u,", names[m], m + 1);
		}
		snprintf(should + strlen(should), sizeof(should) - strlen(should), "\"z\":0}");
		assert_result(should);
	}
}

static void test_replace_remove_and_insert_together(void **state)
{
	struct json root = start("{\"model\":\"a\",\"service_tier\":\"x\",\"stream\":true,\"user\":\"u\"}");

	inserted(root, "stream_options", "{\"include_usage\":true}");
	removed(root, "user");
	assert_true(splice_replace(&splice, json_get(root, "model"), SLICE("\"b\"")));
	removed(root, "service_tier");
	assert_result("{\"model\":\"b\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_true(splice_replace(&splice, json_get(root, "stream"), SLICE("false")));
	assert_result("{\"model\":\"b\",\"stream\":false,\"stream_options\":{\"include_usage\":true}}");
}

static void test_overlaps_are_refused(void **state)
{
	struct json root = start("{\"a\":{\"b\":1},\"c\":2}");
	struct json inner = json_get(root, "a");

	assert_true(splice_replace(&splice, json_get(inner, "b"), SLICE("5")));
	assert_false(splice_replace(&splice, json_get(inner, "b"), SLICE("6")));
	assert_false(splice_replace(&splice, inner, SLICE("{}")));
	assert_false(splice_remove(&splice, root, SLICE("a")));
	assert_false(splice_remove(&splice, inner, SLICE("b")));
	assert_result("{\"a\":{\"b\":5},\"c\":2}");
	removed(root, "c");
	assert_false(splice_replace(&splice, json_get(root, "c"), SLICE("6")));
	assert_result("{\"a\":{\"b\":5}}");
}

static void test_too_many_edits_are_refused(void **state)
{
	char text[2 * SPLICE_EDITS_MAX + 4];
	struct slice pieces[SPLICE_PIECES_MAX];
	struct json root;

	memset(text, '0', sizeof(text));
	for (unsigned i = 0; i <= SPLICE_EDITS_MAX; i++)
		text[2 * i] = i == 0 ? '[' : ',';
	memcpy(text + sizeof(text) - 2, "]", 2);
	root = start(text);
	for (unsigned i = SPLICE_EDITS_MAX; i > 0; i--)
		assert_true(splice_replace(&splice, json_at(root, i), SLICE("1")));
	assert_false(splice_replace(&splice, json_at(root, 0), SLICE("1")));
	assert_int_equal(splice_pieces(&splice, pieces), SPLICE_PIECES_MAX);
	assert_int_equal(splice_len(&splice), strlen(text));
}

static unsigned draw(void *userdata)
{
	return (unsigned)random();
}

/* A random document: objects with the names that the edits use, sometimes twice, and white space anywhere. */
static void write_document(struct buf *out, unsigned depth)
{
	static const char *const scalars[] = { "1", "\"}\\\",\"", "null", "-0.5e3", "[]", "{}", "{ \n}", "\"\xe4\xb8\xad\"" };
	static const char *const names[] = { "\"a\"", "\"b\"", "\"\\u0063\"", "\"d\"", "\"\"", "\"\\\"\\n\"", "\"x\"" };
	static const char *const spaces[] = { "", "", "", " ", "\n\t", "  " };
	bool object = random() % 4 > 0;
	unsigned members = (unsigned)random() % 6;

	if (depth > 4 || random() % 4 == 0) {
		assert_true(buf_printf(out, "%s", scalars[(size_t)random() % COUNT_OF(scalars)]));
		return;
	}
	assert_true(buf_printf(out, "%s%s", object ? "{" : "[", spaces[(size_t)random() % COUNT_OF(spaces)]));
	for (unsigned i = 0; i < members; i++) {
		if (i > 0)
			assert_true(buf_printf(out, ",%s", spaces[(size_t)random() % COUNT_OF(spaces)]));
		if (object)
			assert_true(buf_printf(out, "%s%s:", names[(size_t)random() % COUNT_OF(names)],
					       spaces[(size_t)random() % COUNT_OF(spaces)]));
		assert_true(buf_printf(out, "%s", spaces[(size_t)random() % COUNT_OF(spaces)]));
		write_document(out, depth + 1);
		assert_true(buf_printf(out, "%s", spaces[(size_t)random() % COUNT_OF(spaces)]));
	}
	assert_true(buf_printf(out, "%s", object ? "}" : "]"));
}

static void test_random_edits(void **state)
{
	struct buf text;

	srandom(test_seed());
	buf_init(&text, 1 << 20);
	for (unsigned i = 0; i < 5000; i++) {
		buf_clear(&text);
		write_document(&text, 0);
		property_run(buf_slice(&text), i % PROPERTY_OPERATIONS_MAX, draw, NULL);
	}
	buf_done(&text);
}

static int done(void **state)
{
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_else_changes), cmocka_unit_test(test_insert), cmocka_unit_test(test_remove),
		cmocka_unit_test(test_removals_in_any_order), cmocka_unit_test(test_replace_remove_and_insert_together),
		cmocka_unit_test(test_overlaps_are_refused), cmocka_unit_test(test_too_many_edits_are_refused), cmocka_unit_test(test_random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
