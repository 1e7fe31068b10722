/* SPDX-License-Identifier: Apache-2.0 */
/* The list of dialects: one line each. */
#include "dialect/dialect.h"

static const struct {
	const char *name;
	const struct dialect *dialect;  /* NULL: named by the contract, no code yet */
} dialects[DIALECT_COUNT] = {
	[DIALECT_OPENAI_CHAT] = { "openai-chat", &dialect_openai_chat },
	[DIALECT_OPENAI_RESPONSES] = { "openai-responses", &dialect_openai_responses },
	[DIALECT_ANTHROPIC] = { "anthropic", &dialect_anthropic },
	[DIALECT_GEMINI] = { "gemini", &dialect_gemini },
	[DIALECT_BEDROCK] = { "bedrock", &dialect_bedrock },
	[DIALECT_COHERE] = { "cohere", &dialect_cohere },
	[DIALECT_OLLAMA] = { "ollama", &dialect_ollama },
};

const struct dialect *dialect_by_id(enum dialect_id id)
{
	return (unsigned)id < DIALECT_COUNT ? dialects[id].dialect : NULL;
}

enum dialect_id dialect_id_by_name(struct slice name)
{
	for (unsigned i = 0; i < DIALECT_COUNT; i++)
		if (slice_eq(name, slice_cstr(dialects[i].name)))
			return (enum dialect_id)i;
	return DIALECT_COUNT;
}

const char *dialect_id_name(enum dialect_id id)
{
	check((unsigned)id < DIALECT_COUNT, "a dialect without a name");
	return dialects[id].name;
}
