/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a model, whatever the dialect. */
#pragma once

#include "base/slice.h"

enum operation {
	OPERATION_CHAT,                /* chat/completions, responses, messages, (stream)generateContent */
	OPERATION_COMPLETIONS,         /* the legacy text completion */
	OPERATION_EMBEDDINGS,          /* embeddings, embedContent */
	OPERATION_COUNT_TOKENS,        /* count_tokens, countTokens, responses/input_tokens */
	OPERATION_COMPACT,             /* responses/compact */
	OPERATION_COUNT
};

/* "chat", "completions", "embeddings", "count_tokens", "compact": the words of `operations:` in the configuration. */
const char *operation_name(enum operation op);
/* OPERATION_COUNT when it is none. */
enum operation operation_by_name(struct slice name);
