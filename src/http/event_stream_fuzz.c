/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an AWS event stream, in any portions: the same events as a plain reading finds, and not a byte lost. No
 * fuzzer guesses check sums, so the same bytes are also read with lengths and sums put right. What
 * event_stream_write() makes of any payload is read back as it was. */
#include "http/framing_event_stream_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t next_len(void *userdata)
{
	uint32_t *state = userdata;

	*state = *state * 1664525 + 1013904223;
	return *state >> 28;
}

static void put_number(char *at, size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (char)(n >> (24 - 8 * i));
}

/* Lengths that fit and check sums that are right, frame after frame. */
static void repair(char *bytes, size_t len)
{
	while (len >= 16) {
		size_t total = 16 + big_endian_reference(slice_of(bytes, len), 0, 4) % (len - 16 + 1);
		size_t headers = big_endian_reference(slice_of(bytes, len), 4, 4) % (total - 16 + 1);

		put_number(bytes, total);
		put_number(bytes + 4, headers);
		put_number(bytes + 8, crc32_reference(slice_of(bytes, 8)));
		put_number(bytes + total - 4, crc32_reference(slice_of(bytes, total - 4)));
		bytes += total;
		len -= total;
	}
}

static void check_portions(struct slice input)
{
	uint32_t state = (uint32_t)input.len;

	event_stream_property(input, portion_of_one, NULL);
	event_stream_property(input, portion_of_all, NULL);
	event_stream_property(input, next_len, &state);
}

static void check_written(struct slice input)
{
	struct slice name = slice_of(input.ptr, input.len < 16 ? input.len : 16);
	struct buf written, should;
	struct framing_outcome o;

	buf_init(&written, PROPERTY_LIMIT);
	buf_init(&should, PROPERTY_LIMIT);
	outcome_add_event(&should, name, input);
	outcome_add_exception(&should, name.len > 0 ? name : SLICE("exception"), input);
	check(event_stream_write(&written, SLICE("event"), name, input), "not written");
	check(event_stream_write(&written, SLICE("exception"), name, input), "not written");
	framing_replay(&o, FRAMING_EVENT_STREAM, buf_slice(&written), FRAME_MAX, portion_of_all, NULL);
	check(o.complete, "what was written is not complete");
	check_same_bytes(&o.events, buf_slice(&should), "what was written is read back otherwise");
	outcome_done(&o);
	buf_done(&written);
	buf_done(&should);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *repaired = xmalloc(size > 0 ? size : 1);

	if (size > 0)
		memcpy(repaired, data, size);
	repair(repaired, size);
	check_portions(slice_of((const char *)data, size));
	check_portions(slice_of(repaired, size));
	check_written(slice_of((const char *)data, size));
	free(repaired);
	return 0;
}
