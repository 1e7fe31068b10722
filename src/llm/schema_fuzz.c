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
	if (json_parse(&arena, slice_of((const char *)data, size), &doc, &error)) {
		struct json root = json_root(&doc);
		struct buf out;
		struct json_writer w;

		property_check_all(root, &arena);
		buf_init(&out, 1 << 24);
		json_writer_init(&w, &out);
		/* Any schema, any value: here the same. */
		schema_drop_nulls(root, root, &arena, &w);
		if (!w.overflow)
			property_parse(arena_dup(&arena, buf_slice(&out)), &arena);
		buf_done(&out);
	}
	arena_done(&arena);
	return 0;
}
