/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of HTTP/2 need around nghttp2: its options, how much nonsense a peer may send, frames put together
 * for one system call. */
#pragma once

#include <nghttp2/nghttp2.h>
#include "base/slice.h"

enum {
	HTTP2_CONNECTION_WINDOW = 1 << 20,
	HTTP2_GATHER_SIZE = 64 << 10,
};

/* Counts start anew every ten seconds. */
struct http2_conduct {
	int64_t since;
	unsigned resets, completed, control_frames;
};

enum http2_act { HTTP2_ACT_RESET, HTTP2_ACT_COMPLETED, HTTP2_ACT_CONTROL };

/* False: that was too much (CVE-2023-44487, CVE-2019-9512, -9513, -9515, -9518). `now` is the loop's. */
bool http2_conduct_count(struct http2_conduct *c, enum http2_act act, int64_t now);
/* Whether a frame that came is of those that cost its sender nothing. */
bool http2_frame_is_control(const nghttp2_frame *frame);

/* Windows are returned by hand only, and acknowledgements do not pile up. Not NULL; free with nghttp2_option_del(). */
nghttp2_option *http2_options_new(void);
nghttp2_nv http2_pair(struct slice name, struct slice value);
/* Takes frames as long as a whole one is sure to fit into HTTP2_GATHER_SIZE bytes. 0 = there are none; < 0 = nghttp2
 * gives up. */
ssize_t http2_gather(nghttp2_session *session, char *out);
