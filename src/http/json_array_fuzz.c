/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a streamed JSON array, in any portions: the same elements as the JSON reader finds, and not a byte lost. */
#include "http/framing_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t next_len(void *userdata)
{
	uint32_t *state = userdata;

	*state = *state * 1664525 + 1013904223;
	return *state >> 28;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	uint32_t state = (uint32_t)size;

	json_array_property(input, portion_of_one, NULL);
	json_array_property(input, next_len, &state);
	return 0;
}
