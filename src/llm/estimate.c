/* SPDX-License-Identifier: Apache-2.0 */
/* From what is in a prompt to a number of tokens, by family. */
#include "llm/estimate.h"
#include "llm/rules.h"

/* Percent of a token per unit of a part. Fitted by test/e2e/fit_estimates.py, family by family, to the usage that
 * providers reported of some 600 recorded prompts: least relative errors, held near what is documented or what
 * relatives have where there are few recordings.
 * Not fitted but documented: pictures (below), pages (Anthropic's guide on PDF: 1,500 to 3,000; Gemini's: 258 each,
 * recorded for the third generation: twice that), tokens of media. How near they come: docs/configuration.md. */
struct weights {
	enum picture_rule picture;
	int part[FOUND_COUNT];
};

static const struct weights families[TOKENS_COUNT] = {
	/* Documented: what most have in common, before it is known who answers. */
	[TOKENS_UNSAID] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_TEXT] = 100, [FOUND_MESSAGES] = 400, [FOUND_CALLS] = 1000, [FOUND_CALL_TEXT] = 100,
		[FOUND_RESULTS] = 1000, [FOUND_TOOLS] = 2000, [FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_JSON] = 100,
		[FOUND_FORMAT_JSON] = 100, [FOUND_THOUGHTS] = 100, [FOUND_OLD_THOUGHTS] = 100, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_OPENAI] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 409, [FOUND_TEXT] = 94, [FOUND_MESSAGES] = 226, [FOUND_SYSTEM] = 99,
		[FOUND_CALLS] = 5, [FOUND_CALL_TEXT] = 74, [FOUND_RESULTS] = 1570, [FOUND_TOOL_USE] = 1940,
		[FOUND_TOOL_CHOICE] = 80, [FOUND_TOOLS] = 243, [FOUND_TOOL_TEXT] = 108,
		[FOUND_SCHEMA_PROPERTIES] = 335, [FOUND_SCHEMA_TEXT] = 97, [FOUND_SCHEMA_NAMES] = 112,
		[FOUND_FORMAT] = 1100, [FOUND_FORMAT_JSON] = 54, [FOUND_THOUGHTS] = 50, [FOUND_OLD_THOUGHTS] = 1,
		[FOUND_STATE] = 5, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_DIGITS] = 18 } },
	[TOKENS_OPENAI_5] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 158, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 395, [FOUND_CALLS] = 731,
		[FOUND_CALL_TEXT] = 98, [FOUND_RESULTS] = 331, [FOUND_TOOL_USE] = 9370,
		[FOUND_TOOL_CHOICE] = -143, [FOUND_TOOLS] = 801, [FOUND_TOOL_TEXT] = 99,
		[FOUND_SCHEMA_PROPERTIES] = 399, [FOUND_SCHEMA_TEXT] = 100, [FOUND_SCHEMA_NAMES] = 100,
		[FOUND_SCHEMA_JSON] = 1, [FOUND_FORMAT] = 748, [FOUND_FORMAT_JSON] = 69, [FOUND_THOUGHTS] = 28,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 1 } },
	[TOKENS_ANTHROPIC_3] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 508, [FOUND_TEXT] = 105, [FOUND_MESSAGES] = 204, [FOUND_CALLS] = 2180,
		[FOUND_CALL_TEXT] = 76, [FOUND_RESULTS] = 1680, [FOUND_TOOL_USE] = 24770, [FOUND_TOOLS] = 1960,
		[FOUND_TOOL_TEXT] = 103, [FOUND_SCHEMA_PROPERTIES] = 318, [FOUND_SCHEMA_TEXT] = 18,
		[FOUND_SCHEMA_NAMES] = 11, [FOUND_SCHEMA_JSON] = 114, [FOUND_FORMAT] = 1990,
		[FOUND_FORMAT_JSON] = 84, [FOUND_REASONING] = 2800, [FOUND_THOUGHTS] = 100, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 14 } },
	[TOKENS_ANTHROPIC] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 328, [FOUND_TEXT] = 104, [FOUND_MESSAGES] = 336, [FOUND_CALLS] = 2920,
		[FOUND_CALL_TEXT] = 95, [FOUND_RESULTS] = 2420, [FOUND_TOOL_USE] = 28560,
		[FOUND_TOOL_CHOICE] = -3740, [FOUND_TOOLS] = 3830, [FOUND_TOOL_TEXT] = 106,
		[FOUND_SCHEMA_PROPERTIES] = 424, [FOUND_SCHEMA_NAMES] = 21, [FOUND_SCHEMA_JSON] = 123,
		[FOUND_FORMAT] = 5000, [FOUND_FORMAT_JSON] = 100, [FOUND_REASONING] = 2570, [FOUND_THOUGHTS] = 62,
		[FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 23 } },
	[TOKENS_ANTHROPIC_4_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 721, [FOUND_TEXT] = 101, [FOUND_CALLS] = 3450, [FOUND_CALL_TEXT] = 105,
		[FOUND_RESULTS] = 2950, [FOUND_TOOL_USE] = 48750, [FOUND_TOOL_CHOICE] = 9220,
		[FOUND_TOOLS] = 2230, [FOUND_TOOL_TEXT] = 95, [FOUND_SCHEMA_PROPERTIES] = 233,
		[FOUND_SCHEMA_TEXT] = 8, [FOUND_SCHEMA_JSON] = 95, [FOUND_FORMAT] = 9030,
		[FOUND_FORMAT_JSON] = 156, [FOUND_REASONING] = 2800, [FOUND_THOUGHTS] = 62,
		[FOUND_OLD_THOUGHTS] = 162, [FOUND_STATE] = 2, [FOUND_OLD_STATE] = 1, [FOUND_PAGES] = 160000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 504, [FOUND_TEXT] = 140, [FOUND_MESSAGES] = 52, [FOUND_SYSTEM] = 5,
		[FOUND_CALLS] = 2330, [FOUND_CALL_TEXT] = 98, [FOUND_RESULTS] = 1830, [FOUND_TOOL_USE] = 39280,
		[FOUND_TOOL_CHOICE] = 5010, [FOUND_TOOLS] = 1750, [FOUND_TOOL_TEXT] = 95,
		[FOUND_SCHEMA_PROPERTIES] = 451, [FOUND_SCHEMA_TEXT] = 2, [FOUND_SCHEMA_NAMES] = 3,
		[FOUND_SCHEMA_JSON] = 148, [FOUND_FORMAT] = 5000, [FOUND_FORMAT_JSON] = 100,
		[FOUND_REASONING] = 3510, [FOUND_THOUGHTS] = 100, [FOUND_STATE] = 2, [FOUND_PAGES] = 160000,
		[FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 8 } },
	[TOKENS_GEMINI] = { .picture = PICTURE_TILES_768, .part = {
		[FOUND_PROMPT] = 3, [FOUND_TEXT] = 101, [FOUND_CALL_TEXT] = 94, [FOUND_TOOL_USE] = 1550,
		[FOUND_TOOL_CHOICE] = 2060, [FOUND_TOOL_TEXT] = 62, [FOUND_SCHEMA_PROPERTIES] = 66,
		[FOUND_SCHEMA_TEXT] = 16, [FOUND_SCHEMA_NAMES] = 25, [FOUND_THOUGHTS] = 50, [FOUND_STATE] = 9,
		[FOUND_PAGES] = 25800, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 43, [FOUND_DIGITS] = 54 } },
	[TOKENS_GEMINI_3] = { .picture = PICTURE_FIXED, .part = {
		[FOUND_TEXT] = 89, [FOUND_SYSTEM] = 145, [FOUND_CALL_TEXT] = 102, [FOUND_RESULTS] = 463,
		[FOUND_TOOL_TEXT] = 154, [FOUND_SCHEMA_PROPERTIES] = 2620, [FOUND_SCHEMA_TEXT] = 18,
		[FOUND_SCHEMA_NAMES] = 35, [FOUND_FORMAT] = 184, [FOUND_THOUGHTS] = 50,
		[FOUND_OLD_THOUGHTS] = 106, [FOUND_STATE] = 19, [FOUND_OLD_STATE] = 2, [FOUND_PAGES] = 53000,
		[FOUND_MEDIA] = 100, [FOUND_DIGITS] = 48 } },
	[TOKENS_COHERE_R] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 19120, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 400, [FOUND_CALLS] = 1000,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 600, [FOUND_TOOL_USE] = 63440, [FOUND_TOOLS] = 836,
		[FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_PROPERTIES] = 105, [FOUND_SCHEMA_TEXT] = 31,
		[FOUND_SCHEMA_NAMES] = 30, [FOUND_SCHEMA_JSON] = 81, [FOUND_FORMAT_JSON] = 40,
		[FOUND_THOUGHTS] = 50, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100,
		[FOUND_SCHEMA_GIVEN] = 1 } },
	[TOKENS_COHERE] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 50340, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 514, [FOUND_SYSTEM] = 48,
		[FOUND_CALLS] = 2010, [FOUND_CALL_TEXT] = 108, [FOUND_RESULTS] = 1610, [FOUND_TOOL_USE] = 92310,
		[FOUND_TOOLS] = 863, [FOUND_TOOL_TEXT] = 101, [FOUND_SCHEMA_PROPERTIES] = 91,
		[FOUND_SCHEMA_TEXT] = 26, [FOUND_SCHEMA_NAMES] = 29, [FOUND_SCHEMA_JSON] = 77,
		[FOUND_FORMAT] = 3710, [FOUND_FORMAT_JSON] = 97, [FOUND_THOUGHTS] = 50, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_DIGITS] = 11 } },
	[TOKENS_COHERE_PLUS] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 44000, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 400, [FOUND_CALLS] = 1000,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 600, [FOUND_TOOL_USE] = 92000, [FOUND_TOOLS] = 800,
		[FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_PROPERTIES] = 100, [FOUND_SCHEMA_TEXT] = 30,
		[FOUND_SCHEMA_NAMES] = 30, [FOUND_SCHEMA_JSON] = 80, [FOUND_FORMAT] = 1000,
		[FOUND_FORMAT_JSON] = 70, [FOUND_THOUGHTS] = 50, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_COHERE_REASONING] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 138780, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 402, [FOUND_CALLS] = 1000,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 600, [FOUND_TOOL_USE] = 475, [FOUND_TOOLS] = 805,
		[FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_PROPERTIES] = 101, [FOUND_SCHEMA_TEXT] = 30,
		[FOUND_SCHEMA_NAMES] = 30, [FOUND_SCHEMA_JSON] = 80, [FOUND_FORMAT] = 1000,
		[FOUND_FORMAT_JSON] = 70, [FOUND_REASONING] = 44, [FOUND_THOUGHTS] = 50, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GROK] = { .picture = PICTURE_TILES_448, .part = {
		[FOUND_PROMPT] = 12110, [FOUND_TEXT] = 94, [FOUND_MESSAGES] = 286, [FOUND_SYSTEM] = 15,
		[FOUND_CALLS] = 415, [FOUND_CALL_TEXT] = 99, [FOUND_RESULTS] = 15, [FOUND_TOOL_CHOICE] = -3010,
		[FOUND_TOOLS] = 960, [FOUND_TOOL_TEXT] = 89, [FOUND_SCHEMA_PROPERTIES] = 741,
		[FOUND_SCHEMA_TEXT] = 69, [FOUND_SCHEMA_NAMES] = 45, [FOUND_SCHEMA_JSON] = 146,
		[FOUND_FORMAT] = 1440, [FOUND_FORMAT_JSON] = 79, [FOUND_THOUGHTS] = 17, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 66, [FOUND_DIGITS] = 6 } },
	[TOKENS_GROK_4_3] = { .picture = PICTURE_TILES_448, .part = {
		[FOUND_PROMPT] = 19040, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 483, [FOUND_SYSTEM] = 16,
		[FOUND_CALLS] = 748, [FOUND_CALL_TEXT] = 88, [FOUND_RESULTS] = 348, [FOUND_TOOL_USE] = 4080,
		[FOUND_TOOLS] = 490, [FOUND_TOOL_TEXT] = 98, [FOUND_SCHEMA_TEXT] = 38, [FOUND_SCHEMA_NAMES] = 27,
		[FOUND_SCHEMA_JSON] = 72, [FOUND_FORMAT] = 1330, [FOUND_FORMAT_JSON] = 73,
		[FOUND_OLD_THOUGHTS] = 83, [FOUND_STATE] = 14, [FOUND_OLD_STATE] = 11, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100, [FOUND_DIGITS] = 14 } },
	[TOKENS_DEEPSEEK] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 175, [FOUND_TEXT] = 103, [FOUND_MESSAGES] = 159, [FOUND_CALLS] = 1290,
		[FOUND_CALL_TEXT] = 137, [FOUND_RESULTS] = 1290, [FOUND_TOOL_USE] = 21740, [FOUND_TOOLS] = 1090,
		[FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_PROPERTIES] = 223, [FOUND_SCHEMA_NAMES] = 1,
		[FOUND_SCHEMA_JSON] = 101, [FOUND_FORMAT] = 1000, [FOUND_FORMAT_JSON] = 70, [FOUND_THOUGHTS] = 95,
		[FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 1 } },
	[TOKENS_DEEPSEEK_RESPONSES] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 8260, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 11, [FOUND_CALLS] = 1910,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 1910, [FOUND_TOOL_USE] = 22210, [FOUND_TOOLS] = 812,
		[FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_PROPERTIES] = 202, [FOUND_SCHEMA_JSON] = 100,
		[FOUND_FORMAT] = 1000, [FOUND_FORMAT_JSON] = 70, [FOUND_THOUGHTS] = 59, [FOUND_OLD_THOUGHTS] = 5,
		[FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_DIGITS] = 1 } },
	[TOKENS_MISTRAL] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_TEXT] = 97, [FOUND_MESSAGES] = 341, [FOUND_CALLS] = 244, [FOUND_CALL_TEXT] = 108,
		[FOUND_TOOL_USE] = 1960, [FOUND_TOOL_CHOICE] = -1100, [FOUND_TOOLS] = 1560,
		[FOUND_TOOL_TEXT] = 116, [FOUND_SCHEMA_PROPERTIES] = 80, [FOUND_SCHEMA_NAMES] = 31,
		[FOUND_SCHEMA_JSON] = 93, [FOUND_FORMAT_JSON] = 12, [FOUND_THOUGHTS] = 50,
		[FOUND_OLD_THOUGHTS] = 131, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100,
		[FOUND_DIGITS] = 62 } },
	[TOKENS_LLAMA] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 2940, [FOUND_TEXT] = 93, [FOUND_MESSAGES] = 475, [FOUND_CALLS] = 561,
		[FOUND_CALL_TEXT] = 90, [FOUND_RESULTS] = 161, [FOUND_TOOL_USE] = 20620,
		[FOUND_TOOL_CHOICE] = -4490, [FOUND_TOOLS] = 503, [FOUND_TOOL_TEXT] = 95,
		[FOUND_SCHEMA_TEXT] = 33, [FOUND_SCHEMA_NAMES] = 61, [FOUND_SCHEMA_JSON] = 65,
		[FOUND_FORMAT] = 1000, [FOUND_FORMAT_JSON] = 70, [FOUND_THOUGHTS] = 50, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_DIGITS] = 15 } },
	[TOKENS_QWEN] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 668, [FOUND_TEXT] = 98, [FOUND_MESSAGES] = 289, [FOUND_CALLS] = 1200,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 803, [FOUND_TOOL_USE] = 23490,
		[FOUND_TOOL_CHOICE] = -3360, [FOUND_TOOL_TEXT] = 77, [FOUND_SCHEMA_PROPERTIES] = 50,
		[FOUND_SCHEMA_TEXT] = 17, [FOUND_SCHEMA_NAMES] = 14, [FOUND_SCHEMA_JSON] = 40,
		[FOUND_FORMAT] = 205, [FOUND_FORMAT_JSON] = 57, [FOUND_THOUGHTS] = 32, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_DIGITS] = 103 } },
	[TOKENS_GPT_OSS] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 6660, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 412, [FOUND_CALLS] = 1000,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 600, [FOUND_TOOLS] = 351, [FOUND_TOOL_TEXT] = 73,
		[FOUND_SCHEMA_PROPERTIES] = 28, [FOUND_SCHEMA_TEXT] = 26, [FOUND_SCHEMA_NAMES] = 27,
		[FOUND_SCHEMA_JSON] = 65, [FOUND_FORMAT] = 4760, [FOUND_FORMAT_JSON] = 108, [FOUND_THOUGHTS] = 50,
		[FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GLM] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 220, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 246, [FOUND_CALLS] = 1060,
		[FOUND_CALL_TEXT] = 101, [FOUND_RESULTS] = 663, [FOUND_TOOL_USE] = 9340, [FOUND_TOOLS] = 1750,
		[FOUND_TOOL_TEXT] = 115, [FOUND_SCHEMA_PROPERTIES] = 58, [FOUND_SCHEMA_TEXT] = 21,
		[FOUND_SCHEMA_NAMES] = 47, [FOUND_SCHEMA_JSON] = 84, [FOUND_REASONING] = 1670,
		[FOUND_THOUGHTS] = 65, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100,
		[FOUND_SCHEMA_GIVEN] = 4 } },
	[TOKENS_KIMI] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 443, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 305, [FOUND_CALLS] = 1420,
		[FOUND_CALL_TEXT] = 105, [FOUND_RESULTS] = 1020, [FOUND_TOOL_USE] = 2900,
		[FOUND_TOOL_CHOICE] = -1350, [FOUND_TOOL_TEXT] = 72, [FOUND_SCHEMA_PROPERTIES] = 166,
		[FOUND_SCHEMA_TEXT] = 44, [FOUND_SCHEMA_JSON] = 63, [FOUND_FORMAT_JSON] = 1,
		[FOUND_OLD_THOUGHTS] = 9, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_MINIMAX] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 2010, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 640, [FOUND_CALLS] = 1020,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 622, [FOUND_TOOL_USE] = 11940,
		[FOUND_TOOL_CHOICE] = 372, [FOUND_TOOLS] = 859, [FOUND_TOOL_TEXT] = 99,
		[FOUND_SCHEMA_PROPERTIES] = 98, [FOUND_SCHEMA_TEXT] = 26, [FOUND_SCHEMA_NAMES] = 30,
		[FOUND_SCHEMA_JSON] = 77, [FOUND_THOUGHTS] = 53, [FOUND_STATE] = 2, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_NOVA] = { .picture = PICTURE_AREA_NOVA, .part = {
		[FOUND_PROMPT] = 468, [FOUND_TEXT] = 96, [FOUND_MESSAGES] = 371, [FOUND_CALLS] = 759,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 359, [FOUND_TOOL_USE] = 33480,
		[FOUND_TOOL_CHOICE] = -824, [FOUND_TOOLS] = 462, [FOUND_TOOL_TEXT] = 104,
		[FOUND_SCHEMA_PROPERTIES] = 171, [FOUND_SCHEMA_TEXT] = 34, [FOUND_SCHEMA_NAMES] = 32,
		[FOUND_SCHEMA_JSON] = 83, [FOUND_FORMAT] = 1000, [FOUND_FORMAT_JSON] = 70, [FOUND_THOUGHTS] = 50,
		[FOUND_STATE] = 2, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100, [FOUND_SCHEMA_GIVEN] = 3,
		[FOUND_DIGITS] = 138 } },
};

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* Fits width × height into a box whose longer side is `longer` and whose shorter one is `shorter`; never enlarges. */
static void shrink(uint64_t *width, uint64_t *height, uint64_t longer, uint64_t shorter)
{
	uint64_t *large = *width > *height ? width : height, *small = large == width ? height : width;

	if (*large > longer) {
		*small = ceil_div(*small * longer, *large);
		*large = longer;
	}
	if (*small > shorter) {
		*large = ceil_div(*large * shorter, *small);
		*small = shorter;
	}
}

enum { SIDE_MAX = 65535, GEMINI_TILES_MAX = 64 };

/* Gemini's guide on tokens: one up to 384 × 384, else tiles whose side is two thirds of the shorter side, 256 to 768
 * (Vertex's guide). Recorded: one more, for the whole. */
static uint64_t gemini_tiles(uint64_t width, uint64_t height)
{
	uint64_t side = ceil_div((width < height ? width : height) * 2, 3);
	uint64_t tiles;

	if (width <= 384 && height <= 384)
		return 1;
	side = side < 256 ? 256 : side > 768 ? 768 : side;
	tiles = ceil_div(width, side) * ceil_div(height, side) + 1;
	return tiles < GEMINI_TILES_MAX ? tiles : GEMINI_TILES_MAX;
}

void estimate_add_picture(struct prompt_parts *p, uint32_t width, uint32_t height, bool low)
{
	uint64_t w = width < SIDE_MAX ? width : SIDE_MAX, h = height < SIDE_MAX ? height : SIDE_MAX;
	uint64_t tile, patches;

	if (w == 0 || h == 0)          /* as the larger ones on the Web are */
		w = h = 1024;
	uint64_t tw = w, th = h;

	/* OpenAI's guide on images: into 2,048 × 2,048, the shorter side to 768, 170 a tile of 512 and 85. */
	shrink(&tw, &th, 2048, 768);
	p->picture[PICTURE_TILES_512] += (int64_t)(low ? 85 : 85 + 170 * ceil_div(tw, 512) * ceil_div(th, 512));
	/* The same guide: patches of 32, at most 1,536. */
	patches = ceil_div(w, 32) * ceil_div(h, 32);
	p->picture[PICTURE_PATCHES] += (int64_t)(patches < 1536 ? patches : 1536);
	/* Anthropic's vision guide: the longer side to 1,568, a token for every 750 pixels, about 1,600 at most. */
	tw = w, th = h;
	shrink(&tw, &th, 1568, 1568);
	p->picture[PICTURE_AREA] += (int64_t)(tw * th / 750 < 1600 ? tw * th / 750 + 1 : 1600);
	p->picture[PICTURE_TILES_768] += 258 * (int64_t)gemini_tiles(w, h);
	/* Gemini 3, recorded: 1 × 1 and 128 × 128 cost the same. */
	p->picture[PICTURE_FIXED] += 1090;
	/* xAI's guide on image understanding: 256 a tile of 448, six at most, and one for the whole; recorded: 256 for
	 * one of 128 × 128. */
	tile = ceil_div(w, 448) * ceil_div(h, 448);
	p->picture[PICTURE_TILES_448] += (int64_t)(256 * (tile == 1 ? 1 : tile < 6 ? tile + 1 : 7));
	/* Amazon's guide (1,300 for 900 × 900, 2,600 for 1,300 × 1,300); recorded: 530 for 1 × 1. */
	p->picture[PICTURE_AREA_NOVA] += (int64_t)(w * h / 650 < 530 ? 530 : w * h / 650 < 2600 ? w * h / 650 : 2600);
}

int64_t estimate_tokens(const struct prompt_parts *p, enum token_family family)
{
	const struct weights *w = &families[family];
	int64_t sum = 0;

	for (unsigned i = 0; i < FOUND_COUNT; i++)
		sum += p->count[i] * w->part[i];
	sum = sum / 100 + p->picture[w->picture];
	return sum > 0 ? sum : 0;
}

const char *const token_family_names[TOKENS_COUNT] = {
	[TOKENS_UNSAID] = "unsaid", [TOKENS_OPENAI] = "openai", [TOKENS_OPENAI_5] = "openai_5",
	[TOKENS_ANTHROPIC_3] = "anthropic_3", [TOKENS_COHERE_R] = "cohere_r", [TOKENS_COHERE_PLUS] = "cohere_plus",
	[TOKENS_COHERE_REASONING] = "cohere_reasoning", [TOKENS_DEEPSEEK_RESPONSES] = "deepseek_responses",
	[TOKENS_ANTHROPIC] = "anthropic", [TOKENS_ANTHROPIC_4_5] = "anthropic_4_5",
	[TOKENS_ANTHROPIC_5] = "anthropic_5", [TOKENS_GEMINI] = "gemini", [TOKENS_GEMINI_3] = "gemini_3",
	[TOKENS_COHERE] = "cohere", [TOKENS_GROK] = "grok", [TOKENS_GROK_4_3] = "grok_4_3",
	[TOKENS_DEEPSEEK] = "deepseek", [TOKENS_MISTRAL] = "mistral", [TOKENS_LLAMA] = "llama",
	[TOKENS_QWEN] = "qwen", [TOKENS_GPT_OSS] = "gpt_oss", [TOKENS_GLM] = "glm", [TOKENS_KIMI] = "kimi",
	[TOKENS_MINIMAX] = "minimax", [TOKENS_NOVA] = "nova",
};

enum token_family token_family_of(const struct model_rules *rules, enum dialect_id dialect)
{
	static const enum token_family own[DIALECT_COUNT] = {
		[DIALECT_OPENAI_CHAT] = TOKENS_OPENAI,      [DIALECT_OPENAI_RESPONSES] = TOKENS_OPENAI,
		[DIALECT_ANTHROPIC] = TOKENS_ANTHROPIC_4_5, [DIALECT_GEMINI] = TOKENS_GEMINI,
		[DIALECT_BEDROCK] = TOKENS_ANTHROPIC_4_5,   [DIALECT_COHERE] = TOKENS_COHERE,
		[DIALECT_OLLAMA] = TOKENS_OPENAI,
	};

	enum token_family family = rules->tokens != TOKENS_UNSAID ? rules->tokens : own[dialect];

	if (family == TOKENS_DEEPSEEK && dialect == DIALECT_OPENAI_RESPONSES)
		return TOKENS_DEEPSEEK_RESPONSES;
	return family == TOKENS_OPENAI_5 && dialect != DIALECT_OPENAI_CHAT ? TOKENS_OPENAI : family;
}
