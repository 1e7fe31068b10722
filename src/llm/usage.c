/* SPDX-License-Identifier: Apache-2.0 */
/* Token counters: putting reports together, and estimating what nobody reported. */
#include "llm/usage.h"

#include <string.h>

static void update_counter(int64_t *counter, int64_t later)
{
	if (later >= 0)
		*counter = later;
}

void usage_update(struct usage *u, const struct usage *later)
{
	if (later->reported) {
		u->reported = true;
		u->estimated = false;
	}
	u->estimated |= later->estimated;
	update_counter(&u->input, later->input);
	update_counter(&u->input_cached, later->input_cached);
	update_counter(&u->input_written_5m, later->input_written_5m);
	update_counter(&u->input_written_1h, later->input_written_1h);
	update_counter(&u->input_audio, later->input_audio);
	update_counter(&u->output, later->output);
	update_counter(&u->output_reasoning, later->output_reasoning);
	update_counter(&u->output_audio, later->output_audio);
	update_counter(&u->input_cached_audio, later->input_cached_audio);
	update_counter(&u->input_image, later->input_image);
	update_counter(&u->input_tool, later->input_tool);
	update_counter(&u->output_image, later->output_image);
	update_counter(&u->web_searches, later->web_searches);
	if (later->service != SERVICE_NOT_SAID)
		u->service = later->service;
}

void usage_init_absent(struct usage *u)
{
	*u = (struct usage){
		.input = -1, .input_cached = -1, .input_written_5m = -1, .input_written_1h = -1, .input_audio = -1,
		.output = -1, .output_reasoning = -1, .output_audio = -1, .input_cached_audio = -1, .input_image = -1,
		.input_tool = -1, .output_image = -1, .web_searches = -1, .service = SERVICE_NOT_SAID,
	};
}

/* Cuts the part to what is there; returns what is left for parts that may not overlap with it. */
static int64_t clamp(int64_t *part, int64_t whole)
{
	if (*part < 0)
		*part = 0;
	if (*part > whole)
		*part = whole;
	return whole - *part;
}

void usage_clamp(struct usage *u)
{
	int64_t left;

	clamp(&u->input, INT64_MAX);
	clamp(&u->output, INT64_MAX);
	/* A token is read from the cache, written to it, or neither. */
	left = clamp(&u->input_cached, u->input);
	left = clamp(&u->input_written_5m, left);
	clamp(&u->input_written_1h, left);
	/* A token is of one modality, and the tool-use prompt may be of any. */
	left = clamp(&u->input_audio, u->input);
	clamp(&u->input_image, left);
	clamp(&u->input_cached_audio, u->input_audio < u->input_cached ? u->input_audio : u->input_cached);
	clamp(&u->input_tool, u->input);
	left = clamp(&u->output_reasoning, u->output);
	left = clamp(&u->output_audio, left);
	clamp(&u->output_image, left);
	clamp(&u->web_searches, INT64_MAX);
}
