/* SPDX-License-Identifier: Apache-2.0 */
/* Any stream of events in any portions: the same events as a plain reading finds, and not a byte lost. What sse_write()
 * makes of any data is read back as it was. */
#include "http/framing_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t next_len(void *userdata)
{
	uint32_t *state = userdata;

	*state = *state * 1664525 + 1013904223;
	return *state >> 29;
}

static void check_written(struct slice text)
{
	struct framing_outcome o;
	struct buf written, should, joined;

	buf_init(&written, PROPERTY_LIMIT);
	buf_init(&should, PROPERTY_LIMIT);
	buf_init(&joined, PROPERTY_LIMIT);
	/* Line ends become LF. */
	for (size_t i = 0; i < text.len; i++) {
		bool cr = text.ptr[i] == '\r';

		if (cr && i + 1 < text.len && text.ptr[i + 1] == '\n')
			i++;
		check(buf_append(&joined, cr ? "\n" : &text.ptr[i], 1), "too long for this test");
	}
	outcome_add_event(&should, SLICE("delta"), buf_slice(&joined));
	check(sse_write(&written, SLICE("delta"), text), "not written");
	framing_replay(&o, FRAMING_SSE, buf_slice(&written), FRAME_MAX, portion_of_all, NULL);
	check_same_bytes(&o.events, buf_slice(&should), "what was written is read back otherwise");
	outcome_done(&o);
	buf_done(&written);
	buf_done(&should);
	buf_done(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	uint32_t state = (uint32_t)size;

	sse_property(input, portion_of_one, NULL);
	sse_property(input, portion_of_all, NULL);
	sse_property(input, next_len, &state);
	check_written(input);
	return 0;
}
