/* SPDX-License-Identifier: Apache-2.0 */
/* The local estimate: texts, sizes of media, families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "llm/estimate.h"
#include "llm/rules.h"

static int64_t estimate(const char *text)
{
	return estimate_text_tokens(text, strlen(text));
}

/* What o200k makes of such texts, give or take a tenth. */
static void test_texts(void **state)
{
	static const struct { const char *text; int64_t low, high; } rows[] = {
		{ "", 0, 0 },
		{ "a", 1, 1 },
		{ "hello", 1, 2 },
		{ "The quick brown fox jumps over the lazy dog, twice.", 11, 13 },
		{ "getUserNameById", 4, 6 },
		{ "HTMLParser", 2, 4 },
		{ "1234567890", 4, 4 },
		{ "a 1 2 3", 7, 7 },
		{ "internationalization", 2, 4 },
		{ "{\"type\":\"object\",\"properties\":{}}", 9, 12 },
		{ "one\n\n\ntwo", 3, 3 },
		{ "if (x) {\n        return;\n}", 9, 12 },
		{ "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", 3, 3 },
		{ "\xf0\x9f\x98\x80", 1, 2 },
		{ "\xff\xfe\x80", 0, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_in_range(estimate(rows[i].text), rows[i].low, rows[i].high);
	assert_int_equal(estimate_text_tokens(NULL, 0), 0);
}

/* What a number costs more where each digit is a token. */
static void test_digits(void **state)
{
	assert_int_equal(estimate_text("1", 1).digits, 0);
	assert_int_equal(estimate_text("123", 3).digits, 2);
	assert_int_equal(estimate_text("1234567890", 10).digits, 6);
	assert_int_equal(estimate_text("in 2026, at 7", 13).digits, 2);
	assert_int_equal(estimate_text("none", 4).digits, 0);
	assert_int_equal(estimate_text(NULL, 0).digits, 0);
}

/* Every byte in every place is coped with, and the end is not overrun. */
static void test_bytes(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		char *text = malloc(64);

		memset(text, (int)c, 64);
		assert_in_range(estimate_text_tokens(text, 64), 0, 128);
		free(text);
	}
}

static void test_pictures(void **state)
{
	static const struct { const char *base64; uint32_t width, height; } rows[] = {
		{ "iVBORw0KGgoAAAANSUhEUgAABAAAAAIACAYAAAA=", 1024, 512 },
		{ "R0lGODlhQAHwAA==", 320, 240 },
		{ "/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCADwAUADASIA", 320, 240 },
		{ "UklGRgAAAABXRUJQVlA4IAAAAAAAAACdASpAAfAA", 320, 240 },
		{ "UklGRgAAAABXRUJQVlA4TAAAAAAvP8E7AA==", 320, 240 },
		{ "UklGRgAAAABXRUJQVlA4WAAAAAAAAAAAPwEA7wAA", 320, 240 },
		/* cut, empty, something else */
		{ "iVBORw0KGgoAAAANSUhEUgAABAAAAA", 0, 0 },
		{ "/9j/4AAQSkZJRgABAQAAAQAB", 0, 0 },
		{ "/9j/4AAA", 0, 0 },
		{ "", 0, 0 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0, 0 },
		{ "iVBORw0K!!!!", 0, 0 },
	};
	uint32_t width, height;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = picture_size(slice_cstr(rows[i].base64), &width, &height);

		assert_int_equal(found, rows[i].width > 0);
		if (found) {
			assert_int_equal(width, rows[i].width);
			assert_int_equal(height, rows[i].height);
		}
	}
}

static void test_picture_rules(void **state)
{
	struct prompt_parts p = { .count = { 0 } };

	/* OpenAI's guide: 765 for 1,024 × 1,024, 1,105 for 2,048 × 4,096 */
	estimate_add_picture(&p, 1024, 1024, false);
	assert_int_equal(p.picture[PICTURE_TILES_512], 765);
	assert_int_equal(p.picture[PICTURE_PATCHES], 1024);
	/* Gemini: recorded for 640 × 480, as for 1,024 × 1,024 */
	assert_int_equal(p.picture[PICTURE_TILES_768], 1290);
	/* xAI: nine tiles of 448 are no more than six */
	assert_int_equal(p.picture[PICTURE_TILES_448], 7 * 256);
	assert_int_equal(p.picture[PICTURE_AREA_NOVA], 1024 * 1024 / 650);
	p = (struct prompt_parts){ .count = { 0 } };
	estimate_add_picture(&p, 2048, 4096, false);
	assert_int_equal(p.picture[PICTURE_TILES_512], 1105);
	assert_int_equal(p.picture[PICTURE_PATCHES], 1536);
	assert_int_equal(p.picture[PICTURE_AREA], 1600);
	p = (struct prompt_parts){ .count = { 0 } };
	estimate_add_picture(&p, 200, 200, false);
	assert_int_equal(p.picture[PICTURE_AREA], 54);
	assert_int_equal(p.picture[PICTURE_TILES_768], 258);
	assert_int_equal(p.picture[PICTURE_TILES_448], 256);
	assert_int_equal(p.picture[PICTURE_AREA_NOVA], 530);
	p = (struct prompt_parts){ .count = { 0 } };
	estimate_add_picture(&p, 640, 480, false);
	assert_int_equal(p.picture[PICTURE_TILES_768], 1290);
	assert_int_equal(p.picture[PICTURE_TILES_448], 5 * 256);
	estimate_add_picture(&p, UINT32_MAX, UINT32_MAX, false);
	assert_true(p.picture[PICTURE_TILES_768] < 10000000);
}

static void test_documents(void **state)
{
	/* "%PDF-1.4 /Type/Pages /Type /Page /Type/Page>" */
	assert_int_equal(document_pages(SLICE("JVBERi0xLjQgL1R5cGUvUGFnZXMgL1R5cGUgL1BhZ2UgL1R5cGUvUGFnZT4g")), 2);
	assert_int_equal(document_pages(SLICE("JVBERi0xLjQg")), 1);
	assert_int_equal(document_pages(SLICE("")), 1);
	assert_int_equal(document_pages(SLICE("bm8gUERG")), 1);
}

static void test_families(void **state)
{
	struct prompt_parts p = { .count = { [FOUND_PROMPT] = 1, [FOUND_TEXT] = 1000, [FOUND_MESSAGES] = 1 } };
	struct model_rules rules = { .tokens = TOKENS_UNSAID };

	for (unsigned family = 0; family < TOKENS_COUNT; family++) {
		assert_non_null(token_family_names[family]);
		/* Cohere's have a prompt of their own of up to 1,400 */
		assert_in_range(estimate_tokens(&p, family), 800, 2500);
	}
	assert_int_equal(token_family_of(&rules, DIALECT_ANTHROPIC), TOKENS_ANTHROPIC_4_5);
	assert_int_equal(token_family_of(&rules, DIALECT_OPENAI_RESPONSES), TOKENS_OPENAI);
	rules.tokens = TOKENS_OPENAI_5;
	assert_int_equal(token_family_of(&rules, DIALECT_OPENAI_CHAT), TOKENS_OPENAI_5);
	assert_int_equal(token_family_of(&rules, DIALECT_OPENAI_RESPONSES), TOKENS_OPENAI);
	rules.tokens = TOKENS_DEEPSEEK;
	assert_int_equal(token_family_of(&rules, DIALECT_OPENAI_CHAT), TOKENS_DEEPSEEK);
	assert_int_equal(token_family_of(&rules, DIALECT_OPENAI_RESPONSES), TOKENS_DEEPSEEK_RESPONSES);
}

/* What no part of a prompt changes is not negative, and no weight is beyond reason. */
static void test_weights(void **state)
{
	for (unsigned family = 0; family < TOKENS_COUNT; family++) {
		struct prompt_parts p = { .count = { 0 } };

		assert_int_equal(estimate_tokens(&p, family), 0);
		p.count[FOUND_TOOL_CHOICE] = 1;
		assert_true(estimate_tokens(&p, family) >= 0);
		p = (struct prompt_parts){ .count = { [FOUND_TEXT] = 100000 } };
		assert_in_range(estimate_tokens(&p, family), 85000, 145000);
		p = (struct prompt_parts){ .count = { [FOUND_STATE] = 10000 } };
		assert_in_range(estimate_tokens(&p, family), 0, 2500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts), cmocka_unit_test(test_bytes), cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_picture_rules), cmocka_unit_test(test_documents), cmocka_unit_test(test_families),
		cmocka_unit_test(test_digits), cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
