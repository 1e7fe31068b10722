/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, counted one way whatever the provider's arithmetic: `input` is everything the model read, cached and newly
 * cached tokens included (as OpenAI and Gemini count; Anthropic's three disjoint counters are added up by its dialect);
 * `output` is everything it wrote, reasoning included. All other token counters are parts of one of the two. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a request was served as, where the provider says it (OpenAI's and Anthropic's service_tier): each has prices of
 * its own. */
enum service_tier {
	SERVICE_NOT_SAID,              /* priced as standard */
	SERVICE_STANDARD,
	SERVICE_BATCH,
	SERVICE_FLEX,
	SERVICE_PRIORITY
};

struct usage {
	bool reported;                 /* the provider said so; false = nothing was heard */
	bool estimated;                /* filled in by weir */
	int64_t input;
	int64_t input_cached;          /* read from the prompt cache */
	int64_t input_written_5m;      /* written to the prompt cache */
	int64_t input_written_1h;
	int64_t input_audio;
	int64_t output;
	int64_t output_reasoning;
	int64_t output_audio;
	int64_t input_cached_audio;    /* the part of input_cached that is audio */
	int64_t input_image;
	int64_t input_tool;            /* the provider's own tool-use prompt (Gemini's toolUsePromptTokenCount) */
	int64_t output_image;
	int64_t web_searches;          /* calls of the provider's own search, no tokens and part of nothing */
	enum service_tier service;
};

/* Takes the later report over the earlier one, counter by counter: streams report cumulatively, never in parts to be
 * added. A counter absent from `later` (-1) keeps its value; negative values otherwise never enter. */
void usage_update(struct usage *u, const struct usage *later);
/* All counters -1: "not said". */
void usage_init_absent(struct usage *u);
/* Parts larger than their whole are cut to it, negatives become 0. Call when the answer is over. */
void usage_clamp(struct usage *u);
