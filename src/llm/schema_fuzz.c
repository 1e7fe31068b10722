/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a schema, for every target: see schema_property.h for what has to hold. */
#include "llm/schema_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct json_doc doc;
	struct json_error error;

	arena_init(&arena);
	if (json_parse(&arena, slice_of((const char *)data, size), &doc, &error))
		property_check_all(json_root(&doc), &arena);
	arena_done(&arena);
	return 0;
}
