/* SPDX-License-Identifier: Apache-2.0 */
/* A command that asks over HTTP: one request, whose answer is read to its end while the loop turns here. */
#pragma once

#include "http/client.h"

struct answer_reader {
	int64_t patience_ns;           /* for all of it */
	const bool *stop;              /* becomes true when the user has had enough; may be NULL */
	bool (*take)(void *ctx, struct slice bytes); /* false: no more of it */
	void *ctx;
};

enum answer_end { ANSWER_COMPLETE, ANSWER_STOPPED, ANSWER_LATE, ANSWER_FAILED };

/* Sends the request; *ret is closed by the caller, after it has looked at status or failure. */
enum answer_end answer_read(struct loop *l, struct http_client *client, const struct client_request *request,
			    const struct answer_reader *how, struct client_stream **ret);
