/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as lines of JSON, in any portions: the same lines as a plain reading finds, and not a byte lost. What
 * ndjson_write() makes of any line is read back as it was. */
#include "http/framing_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t next_len(void *userdata)
{
	uint32_t *state = userdata;

	*state = *state * 1664525 + 1013904223;
	return *state >> 28;
}

static void check_written(struct slice line)
{
	struct framing_outcome o;
	struct buf written, should;

	buf_init(&written, PROPERTY_LIMIT);
	buf_init(&should, PROPERTY_LIMIT);
	ndjson_reference(line, &should);
	check(ndjson_write(&written, line) && written.len == line.len + 1, "not written");
	framing_replay(&o, FRAMING_NDJSON, buf_slice(&written), FRAME_MAX, portion_of_all, NULL);
	check_same_bytes(&o.events, buf_slice(&should), "what was written is read back otherwise");
	outcome_done(&o);
	buf_done(&written);
	buf_done(&should);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size), rest = input;
	uint32_t state = (uint32_t)size;

	ndjson_property(input, portion_of_one, NULL);
	ndjson_property(input, portion_of_all, NULL);
	ndjson_property(input, next_len, &state);
	check_written(slice_next_token(&rest, '\n'));
	return 0;
}
