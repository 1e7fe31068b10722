/* SPDX-License-Identifier: Apache-2.0 */
/* The wire formats by name. Their code is in dialect/; here only what data and the hub need to speak of them. */
#pragma once

#include "base/slice.h"

enum dialect_id {
	DIALECT_OPENAI_CHAT,
	DIALECT_OPENAI_RESPONSES,
	DIALECT_ANTHROPIC,
	DIALECT_GEMINI,
	DIALECT_BEDROCK,               /* Converse and ConverseStream */
	DIALECT_COHERE,                /* v2 chat */
	DIALECT_OLLAMA,
	DIALECT_COUNT
};
