/* SPDX-License-Identifier: Apache-2.0 */
/* Format: RFC 9113. What peers may not do too often, and the batch in which frames leave. */
#include "http/http2_frames.h"

#include <string.h>
#include "base/arena.h"
#include "base/clock.h"

enum {
	COUNT_S = 10,
	RESETS_MAX = 100,              /* without as many completed answers: rapid reset */
	CONTROL_FRAMES_MAX = 1000,     /* PING, SETTINGS, PRIORITY, empty DATA */
	OUTBOUND_ACK_MAX = 200,
	SENT_HEAD_MAX = 256 << 10,     /* more than anybody may hand to weir to send on */
	/* nghttp2 gives out whole frames and never asks for larger ones than it must be able to send. */
	FRAME_MAX = 9 + (16 << 10) + 256,
};

bool http2_conduct_count(struct http2_conduct *c, enum http2_act act, int64_t now)
{
	if (now - c->since > COUNT_S * NS_PER_S)
		*c = (struct http2_conduct){ .since = now };
	switch (act) {
	case HTTP2_ACT_RESET:
		c->resets++;
		break;
	case HTTP2_ACT_COMPLETED:
		c->completed++;
		break;
	case HTTP2_ACT_CONTROL:
		c->control_frames++;
		break;
	}
	return c->resets <= RESETS_MAX + c->completed && c->control_frames <= CONTROL_FRAMES_MAX;
}

bool http2_frame_is_control(const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		return frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PING:
	case NGHTTP2_PRIORITY:
		return true;
	default:
		return false;
	}
}

nghttp2_option *http2_options_new(void)
{
	nghttp2_option *options;

	if (nghttp2_option_new(&options) != 0)
		out_of_memory();
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_option_set_max_outbound_ack(options, OUTBOUND_ACK_MAX);
	nghttp2_option_set_max_send_header_block_length(options, SENT_HEAD_MAX);
	return options;
}

nghttp2_nv http2_pair(struct slice name, struct slice value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len,
			     NGHTTP2_NV_FLAG_NONE };
}

ssize_t http2_gather(nghttp2_session *session, char *out)
{
	size_t filled = 0;

	while (HTTP2_GATHER_SIZE - filled >= FRAME_MAX) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(session, &frame);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		check((size_t)n <= HTTP2_GATHER_SIZE - filled, "nghttp2 gives out a frame larger than frames are");
		memcpy(out + filled, frame, (size_t)n);
		filled += (size_t)n;
	}
	return (ssize_t)filled;
}
