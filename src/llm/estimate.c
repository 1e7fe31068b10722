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
		[FOUND_PROMPT] = 458, [FOUND_TEXT] = 94, [FOUND_MESSAGES] = 243, [FOUND_SYSTEM] = 223, [FOUND_CALLS] = 38,
		[FOUND_CALL_TEXT] = 90, [FOUND_RESULTS] = 1420, [FOUND_TOOL_USE] = 1720, [FOUND_TOOL_CHOICE] = 208,
		[FOUND_TOOLS] = 355, [FOUND_TOOL_TEXT] = 95, [FOUND_SCHEMA_PROPERTIES] = 345, [FOUND_SCHEMA_TEXT] = 102,
		[FOUND_SCHEMA_NAMES] = 121, [FOUND_FORMAT] = 1110, [FOUND_FORMAT_JSON] = 53, [FOUND_PAGES] = 20910,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_OPENAI_5] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 168, [FOUND_TEXT] = 102, [FOUND_MESSAGES] = 384, [FOUND_CALLS] = 849,
		[FOUND_CALL_TEXT] = 99, [FOUND_RESULTS] = 349, [FOUND_TOOL_USE] = 9800, [FOUND_TOOL_CHOICE] = -486,
		[FOUND_TOOL_TEXT] = 144, [FOUND_SCHEMA_TEXT] = 100, [FOUND_SCHEMA_NAMES] = 96, [FOUND_FORMAT] = 580,
		[FOUND_FORMAT_JSON] = 70, [FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 566, [FOUND_TEXT] = 105, [FOUND_MESSAGES] = 205, [FOUND_CALLS] = 1430,
		[FOUND_CALL_TEXT] = 67, [FOUND_RESULTS] = 1430, [FOUND_TOOL_USE] = 28530, [FOUND_TOOL_CHOICE] = 1181,
		[FOUND_TOOLS] = 2660, [FOUND_TOOL_TEXT] = 92, [FOUND_SCHEMA_PROPERTIES] = 306, [FOUND_SCHEMA_NAMES] = 3,
		[FOUND_SCHEMA_JSON] = 95, [FOUND_FORMAT] = 1640, [FOUND_FORMAT_JSON] = 96, [FOUND_REASONING] = 2650,
		[FOUND_STATE] = 4, [FOUND_PAGES] = 162850, [FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC_4_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 744, [FOUND_TEXT] = 102, [FOUND_MESSAGES] = 153, [FOUND_CALLS] = 2910,
		[FOUND_CALL_TEXT] = 101, [FOUND_RESULTS] = 2910, [FOUND_TOOL_USE] = 48520, [FOUND_TOOL_CHOICE] = 7498,
		[FOUND_TOOLS] = 1760, [FOUND_TOOL_TEXT] = 94, [FOUND_SCHEMA_PROPERTIES] = 408, [FOUND_SCHEMA_TEXT] = 4,
		[FOUND_SCHEMA_JSON] = 105, [FOUND_FORMAT] = 10700, [FOUND_FORMAT_JSON] = 128, [FOUND_REASONING] = 2600,
		[FOUND_PAGES] = 7120, [FOUND_MEDIA] = 100 } },
	[TOKENS_ANTHROPIC_5] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 298, [FOUND_TEXT] = 140, [FOUND_MESSAGES] = 283, [FOUND_SYSTEM] = 16, [FOUND_CALLS] = 2540,
		[FOUND_CALL_TEXT] = 101, [FOUND_RESULTS] = 2540, [FOUND_TOOL_USE] = 40110, [FOUND_TOOL_CHOICE] = 2873,
		[FOUND_TOOLS] = 1570, [FOUND_TOOL_TEXT] = 97, [FOUND_SCHEMA_PROPERTIES] = 558, [FOUND_SCHEMA_TEXT] = 6,
		[FOUND_SCHEMA_NAMES] = 7, [FOUND_SCHEMA_JSON] = 159, [FOUND_FORMAT] = 12000, [FOUND_FORMAT_JSON] = 110,
		[FOUND_REASONING] = 4320, [FOUND_PAGES] = 160000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GEMINI] = { .picture = PICTURE_TILES_768, .part = {
		[FOUND_PROMPT] = 53, [FOUND_TEXT] = 100, [FOUND_CALLS] = 1710, [FOUND_CALL_TEXT] = 120,
		[FOUND_TOOL_USE] = 464, [FOUND_TOOL_CHOICE] = -94, [FOUND_TOOL_TEXT] = 84, [FOUND_SCHEMA_TEXT] = 104,
		[FOUND_SCHEMA_NAMES] = 16, [FOUND_STATE] = 6, [FOUND_PAGES] = 26110, [FOUND_MEDIA] = 100 } },
	[TOKENS_GEMINI_3] = { .picture = PICTURE_FIXED, .part = {
		[FOUND_TEXT] = 98, [FOUND_SYSTEM] = 96, [FOUND_CALL_TEXT] = 110, [FOUND_TOOL_TEXT] = 126,
		[FOUND_SCHEMA_PROPERTIES] = 2120, [FOUND_SCHEMA_TEXT] = 115, [FOUND_SCHEMA_NAMES] = 141,
		[FOUND_FORMAT] = 110, [FOUND_STATE] = 19, [FOUND_MEDIA] = 100 } },
	[TOKENS_COHERE] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 49880, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 545, [FOUND_SYSTEM] = 53,
		[FOUND_CALLS] = 2000, [FOUND_CALL_TEXT] = 109, [FOUND_RESULTS] = 1500, [FOUND_TOOL_USE] = 92840,
		[FOUND_TOOLS] = 786, [FOUND_TOOL_TEXT] = 96, [FOUND_SCHEMA_PROPERTIES] = 1, [FOUND_SCHEMA_TEXT] = 2,
		[FOUND_SCHEMA_JSON] = 82, [FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70, [FOUND_REASONING] = 1110,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GROK] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 11340, [FOUND_TEXT] = 96, [FOUND_MESSAGES] = 370, [FOUND_CALLS] = 468,
		[FOUND_CALL_TEXT] = 105, [FOUND_TOOL_USE] = 364, [FOUND_TOOL_CHOICE] = -1545, [FOUND_TOOLS] = 1480,
		[FOUND_TOOL_TEXT] = 80, [FOUND_SCHEMA_PROPERTIES] = 624, [FOUND_SCHEMA_TEXT] = 29, [FOUND_SCHEMA_NAMES] = 22,
		[FOUND_SCHEMA_JSON] = 205, [FOUND_FORMAT] = 2150, [FOUND_FORMAT_JSON] = 79, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_GROK_4_3] = { .picture = PICTURE_AREA, .part = {
		[FOUND_PROMPT] = 18960, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 391, [FOUND_CALL_TEXT] = 41,
		[FOUND_TOOL_USE] = 4690, [FOUND_TOOLS] = 367, [FOUND_TOOL_TEXT] = 90, [FOUND_SCHEMA_TEXT] = 13,
		[FOUND_SCHEMA_JSON] = 70, [FOUND_FORMAT] = 1540, [FOUND_FORMAT_JSON] = 73, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_DEEPSEEK] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 365, [FOUND_TEXT] = 94, [FOUND_CALLS] = 2710, [FOUND_CALL_TEXT] = 115,
		[FOUND_RESULTS] = 2710, [FOUND_TOOL_USE] = 22320, [FOUND_TOOLS] = 952, [FOUND_TOOL_TEXT] = 102,
		[FOUND_SCHEMA_PROPERTIES] = 157, [FOUND_SCHEMA_NAMES] = 2, [FOUND_SCHEMA_JSON] = 103, [FOUND_FORMAT] = 500,
		[FOUND_FORMAT_JSON] = 70, [FOUND_REASONING] = 23, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_MISTRAL] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_TEXT] = 93, [FOUND_MESSAGES] = 384, [FOUND_CALLS] = 745, [FOUND_CALL_TEXT] = 102,
		[FOUND_RESULTS] = 245, [FOUND_TOOL_USE] = 1500, [FOUND_TOOL_CHOICE] = -152, [FOUND_TOOLS] = 1340,
		[FOUND_TOOL_TEXT] = 107, [FOUND_SCHEMA_JSON] = 111, [FOUND_FORMAT_JSON] = 14, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_LLAMA] = { .picture = PICTURE_TILES_512, .part = {
		[FOUND_PROMPT] = 309, [FOUND_TEXT] = 101, [FOUND_MESSAGES] = 1080, [FOUND_SYSTEM] = 730,
		[FOUND_CALL_TEXT] = 71, [FOUND_RESULTS] = 1360, [FOUND_TOOL_TEXT] = 73, [FOUND_SCHEMA_PROPERTIES] = 330,
		[FOUND_SCHEMA_TEXT] = 40, [FOUND_SCHEMA_NAMES] = 73, [FOUND_SCHEMA_JSON] = 101, [FOUND_FORMAT] = 500,
		[FOUND_FORMAT_JSON] = 70, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_QWEN] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 876, [FOUND_TEXT] = 95, [FOUND_MESSAGES] = 165, [FOUND_SYSTEM] = 49, [FOUND_CALLS] = 1340,
		[FOUND_CALL_TEXT] = 107, [FOUND_RESULTS] = 1100, [FOUND_TOOL_USE] = 12710, [FOUND_TOOL_CHOICE] = 5631,
		[FOUND_TOOL_TEXT] = 95, [FOUND_SCHEMA_PROPERTIES] = 236, [FOUND_SCHEMA_JSON] = 47, [FOUND_FORMAT] = 4980,
		[FOUND_FORMAT_JSON] = 88, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_GPT_OSS] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 6860, [FOUND_TEXT] = 98, [FOUND_MESSAGES] = 210, [FOUND_CALLS] = 782,
		[FOUND_CALL_TEXT] = 97, [FOUND_RESULTS] = 282, [FOUND_TOOLS] = 520, [FOUND_TOOL_TEXT] = 80,
		[FOUND_SCHEMA_JSON] = 56, [FOUND_FORMAT] = 6040, [FOUND_FORMAT_JSON] = 84, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_GLM] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 221, [FOUND_TEXT] = 100, [FOUND_MESSAGES] = 258, [FOUND_CALLS] = 272,
		[FOUND_CALL_TEXT] = 94, [FOUND_TOOL_USE] = 9140, [FOUND_TOOLS] = 1630, [FOUND_TOOL_TEXT] = 118,
		[FOUND_SCHEMA_PROPERTIES] = 20, [FOUND_SCHEMA_NAMES] = 20, [FOUND_SCHEMA_JSON] = 96,
		[FOUND_REASONING] = 3560, [FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_KIMI] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 741, [FOUND_TEXT] = 98, [FOUND_SYSTEM] = 276, [FOUND_CALLS] = 1730, [FOUND_CALL_TEXT] = 116,
		[FOUND_RESULTS] = 1230, [FOUND_TOOL_USE] = 2540, [FOUND_TOOL_CHOICE] = -1159, [FOUND_TOOL_TEXT] = 68,
		[FOUND_SCHEMA_PROPERTIES] = 91, [FOUND_SCHEMA_TEXT] = 10, [FOUND_SCHEMA_JSON] = 72, [FOUND_FORMAT_JSON] = 1,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
	[TOKENS_MINIMAX] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 3580, [FOUND_TEXT] = 99, [FOUND_MESSAGES] = 77, [FOUND_CALLS] = 265, [FOUND_CALL_TEXT] = 93,
		[FOUND_TOOL_USE] = 11020, [FOUND_TOOL_CHOICE] = 314, [FOUND_TOOLS] = 832, [FOUND_TOOL_TEXT] = 101,
		[FOUND_SCHEMA_PROPERTIES] = 13, [FOUND_SCHEMA_TEXT] = 1, [FOUND_SCHEMA_JSON] = 84, [FOUND_PAGES] = 100000,
		[FOUND_MEDIA] = 100 } },
	[TOKENS_NOVA] = { .picture = PICTURE_PATCHES, .part = {
		[FOUND_PROMPT] = 1720, [FOUND_TEXT] = 97, [FOUND_MESSAGES] = 431, [FOUND_CALLS] = 1360,
		[FOUND_CALL_TEXT] = 104, [FOUND_RESULTS] = 864, [FOUND_TOOL_USE] = 9640, [FOUND_TOOL_CHOICE] = -989,
		[FOUND_TOOLS] = 854, [FOUND_TOOL_TEXT] = 130, [FOUND_SCHEMA_PROPERTIES] = 289, [FOUND_SCHEMA_TEXT] = 15,
		[FOUND_SCHEMA_NAMES] = 14, [FOUND_SCHEMA_JSON] = 187, [FOUND_FORMAT] = 500, [FOUND_FORMAT_JSON] = 70,
		[FOUND_PAGES] = 100000, [FOUND_MEDIA] = 100 } },
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
		[DIALECT_OPENAI_CHAT] = TOKENS_OPENAI, [DIALECT_OPENAI_RESPONSES] = TOKENS_OPENAI,
		[DIALECT_ANTHROPIC] = TOKENS_ANTHROPIC_4_5, [DIALECT_GEMINI] = TOKENS_GEMINI,
		[DIALECT_BEDROCK] = TOKENS_ANTHROPIC_4_5, [DIALECT_COHERE] = TOKENS_COHERE, [DIALECT_OLLAMA] = TOKENS_OPENAI,
	};

	enum token_family family = rules->tokens != TOKENS_UNSAID ? rules->tokens : own[dialect];

	return family == TOKENS_OPENAI_5 && dialect != DIALECT_OPENAI_CHAT ? TOKENS_OPENAI : family;
}
