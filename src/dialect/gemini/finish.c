/* SPDX-License-Identifier: Apache-2.0 */
/* Finish reasons and reasons for blocking a prompt, both ways (DIALECTS §4.3). */
#include "dialect/gemini/gemini.h"

/* The numbers are those of generativelanguage v1beta (Candidate.FinishReason). */
static const struct { const char *word; int number; enum stop_reason reason; } words[] = {
	{ "STOP", 1, STOP_END },
	{ "MAX_TOKENS", 2, STOP_LENGTH },
	{ "SAFETY", 3, STOP_REFUSAL },
	{ "RECITATION", 4, STOP_REFUSAL },
	{ "OTHER", 5, STOP_UNKNOWN },
	{ "LANGUAGE", 6, STOP_REFUSAL },
	{ "BLOCKLIST", 7, STOP_REFUSAL },
	{ "PROHIBITED_CONTENT", 8, STOP_REFUSAL },
	{ "SPII", 9, STOP_REFUSAL },
	{ "MALFORMED_FUNCTION_CALL", 10, STOP_MALFORMED },
	{ "IMAGE_SAFETY", 11, STOP_REFUSAL },
	{ "UNEXPECTED_TOOL_CALL", 12, STOP_MALFORMED },
	{ "TOO_MANY_TOOL_CALLS", 13, STOP_MALFORMED },
	{ "IMAGE_PROHIBITED_CONTENT", 14, STOP_REFUSAL },
	{ "IMAGE_OTHER", 15, STOP_UNKNOWN },
	{ "NO_IMAGE", 16, STOP_UNKNOWN },
	{ "IMAGE_RECITATION", 17, STOP_REFUSAL },
	{ "MALFORMED_RESPONSE", 0, STOP_MALFORMED },
	{ "CONTINUATION", 0, STOP_PAUSE },
	{ "MODEL_ARMOR", 0, STOP_REFUSAL },
	{ "JAILBREAK", 0, STOP_REFUSAL },
};

enum stop_reason gemini_stop_reason(struct slice word)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (slice_eq(word, slice_cstr(words[i].word)))
			return words[i].reason;
	return STOP_UNKNOWN;
}

struct slice gemini_finish_word(int64_t number, bool vertex)
{
	/* aiplatform v1beta1, from where the two differ */
	static const char *const vertex_words[] = {
		"BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR",
	};

	if (vertex && number >= 6 && number < 6 + (int64_t)COUNT_OF(vertex_words))
		return slice_cstr(vertex_words[number - 6]);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (number > 0 && words[i].number == number)
			return slice_cstr(words[i].word);
	return SLICE("");
}

struct slice gemini_finish_of(enum stop_reason reason, struct slice word)
{
	static const char *const plain[STOP_REASON_COUNT] = {
		[STOP_END] = "STOP", [STOP_SEQUENCE] = "STOP", [STOP_LENGTH] = "MAX_TOKENS",
		[STOP_CONTEXT] = "MAX_TOKENS",
		[STOP_TOOL_CALLS] = "STOP", [STOP_REFUSAL] = "SAFETY", [STOP_DECLINED] = "STOP",
		[STOP_PAUSE] = "CONTINUATION",
		[STOP_MALFORMED] = "MALFORMED_FUNCTION_CALL", [STOP_UNKNOWN] = "OTHER",
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (words[i].reason == reason && slice_eq(word, slice_cstr(words[i].word)))
			return word;
	return slice_cstr(plain[reason]);
}
