/* SPDX-License-Identifier: Apache-2.0 */
/* A request that is planned but never sent: what `weir explain` and POST /api/explain are asked, as one JSON object
 * (docs/admin-api.md). It says either what matters of a request, or gives a whole one ("body"), which is then read as
 * the data plane would. */
#pragma once

#include "config/config.h"
#include "dialect/dialect.h"
#include "exchange/explanation.h"

struct question {
	struct plan_query query;       /* its ctx is the question: it may not move */
	const struct config *config;
	struct arena *arena;
	const struct dialect *dialect;
	struct request_facts facts;    /* of a whole request */
	bool has_body;
	int64_t tokens;                /* said, or estimated on first need; -1 = not yet */
	bool chat_tried;
	struct chat *chat;             /* NULL: it cannot be read */
	struct failure chat_failure;
	struct headers headers;
	unsigned header_room;
};

/* `config` and `a` outlive it. False: reterr is a FAILURE_BAD_REQUEST that says what would be right, or what the data
 * plane says of such a body. */
bool question_read(struct json root, const struct config *config, struct arena *a, struct question *ret,
		   struct failure *reterr);
/* Plans it with what is known now (NULL: nothing) and takes the decision down. */
struct explanation *question_answer(struct question *q, const struct knowledge *knowledge);
