/* SPDX-License-Identifier: Apache-2.0 */
/* How many tokens a prompt is likely to be. Nobody but the provider knows: what is here approximates modern tokenizers
 * by the shape of words, and what providers add to the text by weights per family, fitted to usage that providers
 * reported. Documented in docs/configuration.md. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "llm/token_family.h"

/* A text, as a tokenizer with a vocabulary of some 200,000 pieces would count it (OpenAI's o200k, Gemini's): one pass,
 * made for rules on prompt_length to be cheap. */
int64_t estimate_text_tokens(const char *text, size_t len);

struct text_estimate {
	int64_t tokens;
	int64_t digits;                /* more tokens where each digit is one (Gemini, Qwen, Nova), not each three */
};

struct text_estimate estimate_text(const char *text, size_t len);

/* What was found in a prompt: counts, and tokens by estimate_text_tokens(). */
enum prompt_part {
	FOUND_PROMPT,                   /* 1: what every request costs */
	FOUND_TEXT,                     /* what is said, instructions included */
	FOUND_MESSAGES,
	FOUND_SYSTEM,                   /* 1: there are instructions */
	FOUND_CALLS,                    /* tool calls of earlier turns */
	FOUND_CALL_TEXT,                /* their arguments, as JSON */
	FOUND_RESULTS,
	FOUND_TOOL_USE,                 /* 1: there are tools */
	FOUND_TOOL_CHOICE,              /* 1: one of them has to be called */
	FOUND_TOOLS,
	FOUND_TOOL_TEXT,                /* their names and descriptions */
	FOUND_SCHEMA_PROPERTIES,
	FOUND_SCHEMA_TEXT,              /* their descriptions and titles */
	FOUND_SCHEMA_NAMES,             /* names of properties, and what enums allow */
	FOUND_SCHEMA_JSON,              /* the tools' schemas as the JSON they are */
	FOUND_FORMAT,                  /* 1: the answer has a schema */
	FOUND_FORMAT_JSON,             /* that schema */
	FOUND_REASONING,                /* 1: reasoning is asked for */
	FOUND_THOUGHTS,                /* reasoning in words since the user last spoke */
	FOUND_OLD_THOUGHTS,            /* … before that */
	FOUND_STATE,                   /* bytes of signatures and encrypted reasoning since the user last spoke */
	FOUND_OLD_STATE,               /* … before that */
	FOUND_PAGES,                   /* of documents */
	FOUND_MEDIA,                   /* tokens of audio and video */
	FOUND_SCHEMA_GIVEN,            /* tokens of FOUND_SCHEMA_JSON that Gemini gets as JSON Schema, not as its own */
	FOUND_DIGITS,                  /* second and third digits of numbers, wherever */
	FOUND_COUNT
};

/* How pictures are counted. */
enum picture_rule {
	PICTURE_TILES_512,
	PICTURE_PATCHES,
	PICTURE_AREA,
	PICTURE_TILES_768,
	PICTURE_FIXED,
	PICTURE_TILES_448,
	PICTURE_AREA_NOVA,
	PICTURE_RULE_COUNT
};

struct prompt_parts {
	int64_t count[FOUND_COUNT];
	int64_t picture[PICTURE_RULE_COUNT]; /* tokens of all pictures, by each rule */
};

/* A picture of that size in pixels; 0 × 0: of unknown size. `low`: little detail was asked for. */
void estimate_add_picture(struct prompt_parts *p, uint32_t width, uint32_t height, bool low);
int64_t estimate_tokens(const struct prompt_parts *p, enum token_family family);

/* media_size.c: width and height from the head of a PNG, JPEG, GIF or WebP in base64. False: none of these. */
bool picture_size(struct slice base64, uint32_t *ret_width, uint32_t *ret_height);
/* Of a document: counted in a PDF where it shows them, else guessed from its size; at least 1. */
unsigned document_pages(struct slice base64);
