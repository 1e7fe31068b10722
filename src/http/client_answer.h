/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1 answer as its bytes arrive, in any pieces. Pure: no socket, no clock. */
#pragma once

#include "base/arena.h"
#include "http/coding.h"
#include "http/llhttp.h"
#include "http/message.h"

/* Where a head is put together before its size is known; used inside client_answer_parse() only, so all answers of a
 * thread share one. Most heads come in one read and go from here to their arena in exactly the room they need. */
struct client_answer_space {
	struct header items[HEADERS_MAX];
	char text[8 << 10];
};

struct client_answer {
	/* What is known. */
	int status;                    /* status, headers and coding are valid once `head_done` is set */
	struct headers headers;
	enum coding coding;
	bool started;                  /* a byte has arrived */
	bool head_done;                /* of the final answer: 1xx are skipped */
	bool complete;                 /* its framing says that it is all here */
	bool keep_alive;               /* when complete: nothing in it speaks against another request */
	const char *reason;            /* what is wrong with it, NULL = nothing yet */
	struct slice body; /* what the last client_answer_parse() found of the body, in one piece of its input */

	/* How far it is parsed. */
	llhttp_t parser;
	struct arena *arena;
	struct client_answer_space *space;
	size_t head_max;
	bool to_head;                  /* answers a HEAD request */
	unsigned interim;              /* 1xx heads skipped */
	unsigned header_cap;
	char *text;                    /* names and values back to back */
	size_t text_len, text_cap;
	size_t name_start, value_start; /* of the header being read */
	size_t raw;                    /* bytes parsed before the head was done */
	size_t overhead;               /* names and values of heads, later of chunk extensions and trailers */
};

/* The head goes into `arena`. Heads of more than `head_max` bytes (all 1xx included), and as many bytes of trailers,
 * are refused. The answer may not move. */
void client_answer_init(struct client_answer *a, struct arena *arena, struct client_answer_space *space, bool to_head,
			size_t head_max);
/* Chunked coding is taken off in place: `data` is overwritten. Not to be called after a fault or when complete.
 * False: there is a `reason`; `body` may hold bytes from before the fault. Bytes after the end clear `keep_alive`. */
bool client_answer_parse(struct client_answer *a, char *data, size_t len);
/* The peer has ended its side in an orderly way. True when that completes the answer. */
bool client_answer_end(struct client_answer *a);
