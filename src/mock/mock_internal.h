/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated provider's dialects and its sessions share. */
#pragma once

#include <stdio.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/failure.h"
#include "json/json.h"
#include "mock/mock.h"

enum mock_job { MOCK_CHAT, MOCK_COMPLETION, MOCK_EMBED, MOCK_COUNT, MOCK_LIST };

/* One answer, before it is words on a wire. */
struct mock_reply {
	const char *name;              /* of the mock */
	enum mock_job job;
	struct slice model;
	bool stream;
	bool wants_usage;              /* OpenAI: stream_options.include_usage */
	bool wants_base64;             /* OpenAI: encoding_format of embeddings */
	bool is_array;                 /* Gemini: streamed without alt=sse */
	bool wrote_element;            /* of that array */
	unsigned inputs;               /* embeddings */
	unsigned dimensions;
	uint64_t seed;                 /* of the request: makes vectors */
	uint64_t number;               /* of the answer, in ids */
	int64_t created_s;             /* Unix time */
	int64_t prompt_tokens;
	unsigned tokens;
	struct mock_speech *speech;    /* mock_hub.c: the dialect's writer */
};

struct dialect;

/* A dialect from the provider's side. All append to `out`, whose limit they never reach (MOCK_OUT_MAX). */
struct mock_wire {
	const struct dialect *dialect; /* NULL: shapes of its own */
	const char *(*stream_type)(const struct mock_reply *r);
	void (*write_whole)(const struct mock_reply *r, struct buf *out);
	void (*write_begin)(struct mock_reply *r, struct buf *out);
	void (*write_token)(struct mock_reply *r, unsigned index, struct buf *out);
	void (*write_finish)(struct mock_reply *r, struct buf *out);
	void (*write_terminator)(struct mock_reply *r, struct buf *out);
	void (*write_error)(const struct mock_wire *wire, int status, const char *message, struct buf *out);
	void (*write_error_event)(struct mock_reply *r, struct buf *out);
};

extern const struct mock_wire mock_openai, mock_anthropic, mock_gemini;
extern const struct mock_wire mock_responses, mock_bedrock, mock_cohere, mock_ollama; /* mock_hub.c */

/* Reads a request of a wire that has a dialect: model and stream into the reply, and makes its writer ready in `a`. */
bool mock_hub_read(struct mock_reply *r, const struct mock_wire *wire, const struct json_doc *doc,
		   struct slice path_model, bool path_stream, struct arena *a, struct failure *reterr);

enum { MOCK_OUT_MAX = 4 << 20, MOCK_DIMENSIONS_MAX = 4096, MOCK_INPUTS_MAX = 64, MOCK_WORD_MAX = 160 };

/* The index-th word of the answer, with its leading space; borrowed from `word` or static. */
struct slice mock_word(const struct mock_reply *r, unsigned index, char word[static MOCK_WORD_MAX]);
/* The whole text, in `a`. */
struct slice mock_text(const struct mock_reply *r, struct arena *a);
/* The k-th number of the i-th vector, in [-1, 1). */
float mock_number(const struct mock_reply *r, unsigned i, unsigned k);
void mock_put(struct buf *out, struct slice text);

/* Which fault a request for that model meets; counts it. */
struct mock_fault mock_fault_pick(struct mock_fault *faults, unsigned count, struct slice model);
