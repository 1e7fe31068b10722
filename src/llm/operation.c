/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the operations. */
#include "llm/operation.h"

#include "base/cleanup.h"

static const char *const names[OPERATION_COUNT] = {
	[OPERATION_CHAT] = "chat",
	[OPERATION_COMPLETIONS] = "completions",
	[OPERATION_EMBEDDINGS] = "embeddings",
	[OPERATION_COUNT_TOKENS] = "count_tokens",
	[OPERATION_COMPACT] = "compact",
};

const char *operation_name(enum operation op)
{
	check((unsigned)op < OPERATION_COUNT, "an operation that does not exist");
	return names[op];
}

enum operation operation_by_name(struct slice name)
{
	unsigned op = 0;

	while (op < OPERATION_COUNT && !slice_eq(name, slice_cstr(names[op])))
		op++;
	return (enum operation)op;
}
