/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a request whatever its dialect: what routing and the verbatim relay need, and for whom it is written
 * when it is translated. */
#pragma once

#include "json/json.h"
#include "llm/names.h"
#include "llm/operation.h"
#include "llm/quirks.h"
#include "llm/rules.h"

/* What a request needs of a model; bits of request_facts.needs. */
enum {
	NEEDS_TOOLS = 1 << 0,
	NEEDS_IMAGES = 1 << 1,
	NEEDS_AUDIO = 1 << 2,
	NEEDS_DOCUMENTS = 1 << 3,
	NEEDS_STRUCTURED_OUTPUT = 1 << 4,
	NEEDS_REASONING = 1 << 5,
	NEEDS_STATE = 1 << 6,          /* refers to what lies at one provider: previous_response_id, files, … */
};

/* The few things that routing, accounting and the verbatim relay need of a request body. */
struct request_facts {
	struct json_doc doc;           /* parsed by the caller; the values below point into it: facts may not move */
	struct slice model;            /* as asked: from the body, or from the path (Gemini) */
	struct json model_value;       /* where it stands in the body; missing when it came by the path */
	bool stream;
	bool variant; /* the path is the operation's other form (Gemini's batchEmbedContents, Ollama's api/generate);
		       * set by the caller before read_request */
	bool usage_asked;              /* the client itself asked for usage in the stream */
	int64_t max_output;            /* tokens; -1 = not said */
	unsigned needs;                /* NEEDS_… */
	struct slice user;             /* the provider's end-user field, for the record; may be empty */
};

/* The edits of PRODUCT §2.1 that a target needs. */
struct request_edits {
	struct slice model;            /* the target's own id; equal to the asked one = no edit */
	bool ask_usage;                /* make the stream report usage */
	uint64_t quirks;               /* of the target: QUIRK_… that change a body or path */
};

/* What the path of a request to a provider depends on. */
/* An item of a Responses input that only names one which lies at the provider, or here. `type` may be left out
 * (ItemReferenceParam of OpenAI's API description). */
bool responses_is_reference(struct json item);

struct request_route {
	enum operation operation;
	bool stream, variant;
	struct slice stored;           /* "/resp_1/cancel": that of a response which lies there, instead of the operation */
	struct slice model;            /* the target's own id */
	struct slice query;            /* the client's, credentials already cut; empty when translated */
	struct slice base_query;       /* of the base URL, where a quirk lets it have one */
	uint64_t quirks;
};

/* Whom a chat is written for. */
struct chat_target {
	enum operation operation;      /* CHAT or COUNT_TOKENS */
	struct slice model;            /* own id */
	struct slice provider;         /* name: whose reasoning state is at home */
	const struct model_rules *rules; /* never NULL */
	uint64_t quirks;
	int64_t max_output;            /* of the model, 0 = unknown: where the dialect requires the member */
	uint64_t carried;              /* FIELD_… that may be written; the rest was judged (field_judge) */
	bool stream;
	bool ask_usage;                /* the stream shall report usage, and does so only when asked */
	struct names *names;           /* for tool names outside the alphabet */
	uint64_t *rewritten_lossy;     /* the writer adds FIELD_… it could carry only in part: a clamped value, a schema
					* that lost keywords */
};

/* A member of a request's root that the verbatim relay may edit. */
struct parameter {
	const char *name;
	uint64_t fields;               /* FIELD_… it says */
	uint64_t quirks; /* QUIRK_…: edited only where one of them meets the request; 0 = says how to answer,
			  * not what, and is edited whenever the model or provider rejects what is said */
};
