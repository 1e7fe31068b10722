/* SPDX-License-Identifier: Apache-2.0 */
/* From what is in a prompt to a number of tokens, by family. */
#include "llm/estimate.h"
#include "llm/rules.h"

/* Percent of a token per unit of a part. */
struct weights {
	enum picture_rule picture;
	int part[FOUND_COUNT];
};

static const struct weights families[TOKENS_COUNT] = {
	/* Documented: what most have in common, before it is known who answers. */
	[TOKENS_UNSAID] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_TEXT] = 100, [FOUND_MESSAGES] = 400, [FOUND_CALLS] = 1000, [FOUND_CALL_TEXT] = 100,
		[FOUND_RESULTS] = 1000, [FOUND_TOOLS] = 2000, [FOUND_TOOL_TEXT] = 100, [FOUND_SCHEMA_JSON] = 100,
		[FOUND_FORMAT_JSON] = 100, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_OPENAI] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 393, [FOUND_TEXT] = 95, [FOUND_MESSAGES] = 261, [FOUND_SYSTEM] = 27,
		[FOUND_CALL_TEXT] = 71, [FOUND_RESULTS] = 1730, [FOUND_TOOL_USE] = 1920,
		[FOUND_TOOL_CHOICE] = 101, [FOUND_TOOLS] = 254, [FOUND_TOOL_TEXT] = 106,
		[FOUND_SCHEMA_PROPERTIES] = 339, [FOUND_SCHEMA_TEXT] = 100, [FOUND_SCHEMA_NAMES] = 106,
		[FOUND_FORMAT] = 1100, [FOUND_FORMAT_JSON] = 53, [FOUND_STATE] = 5, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_OPENAI_5] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 175, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 396, [FOUND_CALLS] = 784,
		[FOUND_CALL_TEXT] = 99, [FOUND_RESULTS] = 284, [FOUND_TOOL_USE] = 9360,
		[FOUND_TOOL_CHOICE] = -132, [FOUND_TOOLS] = 804, [FOUND_TOOL_TEXT] = 99,
		[FOUND_SCHEMA_PROPERTIES] = 402, [FOUND_SCHEMA_TEXT] = 100, [FOUND_SCHEMA_NAMES] = 100,
		[FOUND_SCHEMA_JSON] = 2, [FOUND_FORMAT] = 605, [FOUND_FORMAT_JSON] = 71, [FOUND_PAGES] = 97110,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 457, [FOUND_TEXT] = 105, [FOUND_MESSAGES] = 229, [FOUND_CALLS] = 2040,
		[FOUND_CALL_TEXT] = 73, [FOUND_RESULTS] = 2040, [FOUND_TOOL_USE] = 27010,
		[FOUND_TOOL_CHOICE] = 338, [FOUND_TOOLS] = 3380, [FOUND_TOOL_TEXT] = 105,
		[FOUND_SCHEMA_PROPERTIES] = 361, [FOUND_SCHEMA_NAMES] = 10, [FOUND_SCHEMA_JSON] = 112,
		[FOUND_FORMAT] = 1720, [FOUND_FORMAT_JSON] = 96, [FOUND_REASONING] = 2800, [FOUND_STATE] = 2,
		[FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC_4_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 636, [FOUND_TEXT] = 103, [FOUND_MESSAGES] = 22, [FOUND_CALLS] = 3000,
		[FOUND_CALL_TEXT] = 102, [FOUND_RESULTS] = 3000, [FOUND_TOOL_USE] = 48660,
		[FOUND_TOOL_CHOICE] = 7426, [FOUND_TOOLS] = 1720, [FOUND_TOOL_TEXT] = 92,
		[FOUND_SCHEMA_PROPERTIES] = 415, [FOUND_SCHEMA_TEXT] = 5, [FOUND_SCHEMA_JSON] = 106,
		[FOUND_FORMAT] = 11000, [FOUND_FORMAT_JSON] = 127, [FOUND_REASONING] = 2810,
		[FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 354, [FOUND_TEXT] = 140, [FOUND_MESSAGES] = 65, [FOUND_SYSTEM] = 122,
		[FOUND_CALLS] = 2070, [FOUND_CALL_TEXT] = 97, [FOUND_RESULTS] = 2070, [FOUND_TOOL_USE] = 40840,
		[FOUND_TOOL_CHOICE] = 3244, [FOUND_TOOLS] = 1440, [FOUND_TOOL_TEXT] = 95,
		[FOUND_SCHEMA_PROPERTIES] = 537, [FOUND_SCHEMA_TEXT] = 2, [FOUND_SCHEMA_NAMES] = 5,
		[FOUND_SCHEMA_JSON] = 150, [FOUND_FORMAT] = 12000, [FOUND_FORMAT_JSON] = 110,
		[FOUND_REASONING] = 4320, [FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GEMINI] = { .picture = PICTURE_TILES_768, .part = {
		[FOUND_PROMPT] = 15, [FOUND_TEXT] = 101, [FOUND_MESSAGES] = 6, [FOUND_CALLS] = 2820,
		[FOUND_CALL_TEXT] = 133, [FOUND_TOOL_USE] = 1680, [FOUND_TOOL_CHOICE] = -1113,
		[FOUND_TOOL_TEXT] = 51, [FOUND_SCHEMA_TEXT] = 43, [FOUND_SCHEMA_NAMES] = 22, [FOUND_STATE] = 3,
		[FOUND_PAGES] = 25800, [FOUND_MEDIA] = 100 } },
	[TOKENS_GEMINI_3] = { .picture = PICTURE_FIXED, .part = {
		[FOUND_TEXT] = 97, [FOUND_SYSTEM] = 83, [FOUND_CALL_TEXT] = 89, [FOUND_RESULTS] = 427,
		[FOUND_TOOL_TEXT] = 129, [FOUND_SCHEMA_PROPERTIES] = 2270, [FOUND_SCHEMA_TEXT] = 110,
		[FOUND_SCHEMA_NAMES] = 147, [FOUND_FORMAT] = 148, [FOUND_STATE] = 19, [FOUND_PAGES] = 50240,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_COHERE] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 49390, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 547, [FOUND_SYSTEM] = 69,
		[FOUND_CALLS] = 2080, [FOUND_CALL_TEXT] = 110, [FOUND_RESULTS] = 1580, [FOUND_TOOL_USE] = 93200,
		[FOUND_TOOLS] = 722, [FOUND_TOOL_TEXT] = 95, [FOUND_SCHEMA_PROPERTIES] = 5,
		[FOUND_SCHEMA_JSON] = 79, [FOUND_FORMAT] = 27, [FOUND_FORMAT_JSON] = 68, [FOUND_REASONING] = 468,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GROK] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 12300, [FOUND_TEXT] = 97, [FOUND_MESSAGES] = 240, [FOUND_SYSTEM] = 23,
		[FOUND_CALLS] = 385, [FOUND_CALL_TEXT] = 100, [FOUND_TOOL_USE] = 165, [FOUND_TOOL_CHOICE] = -3153,
		[FOUND_TOOLS] = 1470, [FOUND_TOOL_TEXT] = 75, [FOUND_SCHEMA_PROPERTIES] = 587,
		[FOUND_SCHEMA_TEXT] = 31, [FOUND_SCHEMA_NAMES] = 21, [FOUND_SCHEMA_JSON] = 202,
		[FOUND_FORMAT] = 1610, [FOUND_FORMAT_JSON] = 76, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GROK_4_3] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 19010, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 592, [FOUND_CALLS] = 606,
		[FOUND_CALL_TEXT] = 41, [FOUND_RESULTS] = 106, [FOUND_TOOL_USE] = 5720, [FOUND_TOOLS] = 62,
		[FOUND_TOOL_TEXT] = 79, [FOUND_SCHEMA_TEXT] = 25, [FOUND_SCHEMA_JSON] = 69, [FOUND_FORMAT] = 1320,
		[FOUND_FORMAT_JSON] = 72, [FOUND_STATE] = 10, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_DEEPSEEK] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 2460, [FOUND_TEXT] = 98, [FOUND_CALLS] = 2120, [FOUND_CALL_TEXT] = 128,
		[FOUND_RESULTS] = 2120, [FOUND_TOOL_USE] = 20710, [FOUND_TOOLS] = 786, [FOUND_TOOL_TEXT] = 86,
		[FOUND_SCHEMA_PROPERTIES] = 281, [FOUND_SCHEMA_NAMES] = 8, [FOUND_SCHEMA_JSON] = 99,
		[FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_MISTRAL] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_TEXT] = 99, [FOUND_MESSAGES] = 328, [FOUND_CALLS] = 351, [FOUND_CALL_TEXT] = 111,
		[FOUND_TOOL_USE] = 2160, [FOUND_TOOL_CHOICE] = -1293, [FOUND_TOOLS] = 1510,
		[FOUND_TOOL_TEXT] = 104, [FOUND_SCHEMA_TEXT] = 30, [FOUND_SCHEMA_JSON] = 103,
		[FOUND_FORMAT_JSON] = 11, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_LLAMA] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 3040, [FOUND_TEXT] = 98, [FOUND_MESSAGES] = 420, [FOUND_CALLS] = 576,
		[FOUND_CALL_TEXT] = 90, [FOUND_RESULTS] = 76, [FOUND_TOOL_USE] = 21960,
		[FOUND_TOOL_CHOICE] = -5284, [FOUND_TOOLS] = 473, [FOUND_TOOL_TEXT] = 96, [FOUND_SCHEMA_TEXT] = 8,
		[FOUND_SCHEMA_NAMES] = 21, [FOUND_SCHEMA_JSON] = 62, [FOUND_FORMAT] = 500,
		[FOUND_FORMAT_JSON] = 70, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_QWEN] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 1360, [FOUND_TEXT] = 98, [FOUND_CALLS] = 1460, [FOUND_CALL_TEXT] = 96,
		[FOUND_RESULTS] = 957, [FOUND_TOOL_USE] = 21850, [FOUND_TOOL_CHOICE] = -3546,
		[FOUND_TOOL_TEXT] = 82, [FOUND_SCHEMA_JSON] = 28, [FOUND_FORMAT_JSON] = 56,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GPT_OSS] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 6640, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 409, [FOUND_CALLS] = 1000,
		[FOUND_CALL_TEXT] = 100, [FOUND_RESULTS] = 500, [FOUND_TOOLS] = 516, [FOUND_TOOL_TEXT] = 74,
		[FOUND_SCHEMA_JSON] = 65, [FOUND_FORMAT] = 6050, [FOUND_FORMAT_JSON] = 84, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_GLM] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 6190, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 268, [FOUND_CALLS] = 247,
		[FOUND_CALL_TEXT] = 94, [FOUND_TOOL_USE] = 3170, [FOUND_TOOLS] = 1620, [FOUND_TOOL_TEXT] = 118,
		[FOUND_SCHEMA_PROPERTIES] = 20, [FOUND_SCHEMA_NAMES] = 20, [FOUND_SCHEMA_JSON] = 96,
		[FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70, [FOUND_REASONING] = 1420, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_KIMI] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 481, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 464, [FOUND_SYSTEM] = 208,
		[FOUND_CALLS] = 1150, [FOUND_CALL_TEXT] = 109, [FOUND_RESULTS] = 654, [FOUND_TOOL_USE] = 2270,
		[FOUND_TOOL_CHOICE] = -1148, [FOUND_TOOL_TEXT] = 71, [FOUND_SCHEMA_PROPERTIES] = 94,
		[FOUND_SCHEMA_TEXT] = 9, [FOUND_SCHEMA_JSON] = 72, [FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_MINIMAX] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 3580, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 77, [FOUND_CALLS] = 265,
		[FOUND_CALL_TEXT] = 93, [FOUND_TOOL_USE] = 11150, [FOUND_TOOL_CHOICE] = 224, [FOUND_TOOLS] = 823,
		[FOUND_TOOL_TEXT] = 101, [FOUND_SCHEMA_PROPERTIES] = 11, [FOUND_SCHEMA_TEXT] = 1,
		[FOUND_SCHEMA_JSON] = 84, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_NOVA] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 1150, [FOUND_TEXT] = 97, [FOUND_MESSAGES] = 430, [FOUND_SYSTEM] = 1,
		[FOUND_CALLS] = 1360, [FOUND_CALL_TEXT] = 104, [FOUND_RESULTS] = 864, [FOUND_TOOL_USE] = 10160,
		[FOUND_TOOL_CHOICE] = -989, [FOUND_TOOLS] = 849, [FOUND_TOOL_TEXT] = 127,
		[FOUND_SCHEMA_PROPERTIES] = 262, [FOUND_SCHEMA_TEXT] = 14, [FOUND_SCHEMA_NAMES] = 13,
		[FOUND_SCHEMA_JSON] = 177, [FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
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

enum { SIDE_MAX = 65535 };

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
	/* Gemini's guide on tokens: 258 up to 384 × 384, else per tile of 768. */
	tile = w <= 384 && h <= 384 ? 1 : ceil_div(w, 768) * ceil_div(h, 768);
	p->picture[PICTURE_TILES_768] += (int64_t)(258 * tile);
	/* Gemini 3, recorded: 1 × 1 and 128 × 128 cost the same. */
	p->picture[PICTURE_FIXED] += 1090;
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

	return family == TOKENS_OPENAI_5 && dialect != DIALECT_OPENAI_CHAT ? TOKENS_OPENAI : family;
}
