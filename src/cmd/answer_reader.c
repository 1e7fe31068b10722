/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a command's own request. */
#include "cmd/answer_reader.h"

#include "base/clock.h"

enum { TURN_MS = 50 };

static void on_event(struct client_stream *s)
{
}

/* Takes what has come. True when the answer is over, well or badly. */
static bool take(struct client_stream *s, const struct answer_reader *how, bool *ret_complete)
{
	struct slice bytes;

	if (s->state == CLIENT_FAILED)
		return true;
	if (s->state != CLIENT_BODY && s->state != CLIENT_DONE)
		return false;
	for (;;) {
		switch (client_stream_read(s, &bytes)) {
		case CLIENT_READ_DATA:
			if (!how->take(how->ctx, bytes))
				return true;
			break;
		case CLIENT_READ_AGAIN:
			return false;
		case CLIENT_READ_END:
			*ret_complete = true;
			return true;
		case CLIENT_READ_FAILED:
			return true;
		}
	}
}

enum answer_end answer_read(struct loop *l, struct http_client *client, const struct client_request *request,
			    const struct answer_reader *how, struct client_stream **ret)
{
	int64_t deadline = clock_now_ns() + how->patience_ns;
	bool complete = false;

	*ret = client_stream_open(client, request, on_event, NULL);
	while (!take(*ret, how, &complete)) {
		if (how->stop && *how->stop)
			return ANSWER_STOPPED;
		if (clock_now_ns() >= deadline)
			return ANSWER_LATE;
		loop_turn(l, TURN_MS);
	}
	return complete ? ANSWER_COMPLETE : ANSWER_FAILED;
}
