/* SPDX-License-Identifier: Apache-2.0 */
/* What client_http2.c and client_http2_receive.c share: one connection that carries many outbounds. */
#pragma once

#include "http/client_internal.h"
#include "http/http2_frames.h"
#include "http/send_queue.h"

struct client_http2 {
	nghttp2_session *session;
	struct client_link *link;
	struct list touched;           /* outbounds about which there is something to tell or do */
	struct send_queue output;      /* what the kernel has not taken: one batch of frames at most */
	struct http2_conduct conduct;
	unsigned finishing;            /* outbounds whose last byte is out of nghttp2, perhaps not with the kernel */
	const char *reason;            /* what is wrong with the connection as a whole */
	bool leaving;                  /* it takes no new streams */
	bool running;                  /* in on_ready(): what is to become of the link is decided at its end */
	bool send_broken;              /* the peer takes no more; answers may have come all the same */
	bool lost, closed;             /* the connection has ended; in an orderly way */
};

/* client_http2_receive.c: nghttp2's callbacks, which only record. */
void client_http2_set_callbacks(nghttp2_session_callbacks *callbacks);
/* There is something to tell or do about it, once nghttp2 has returned. */
void client_http2_touch(struct client_http2 *h, struct outbound *o);
