/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas for every target: DIALECTS §3.8 row by row, tools in the shape of coding agents' and MCP servers', hostile ones,
 * and all those in recorded requests where there are recordings beside the project (or where WEIR_RECORDINGS says). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "llm/schema_property.h"

static struct arena arena;

static struct json parse(const char *text)
{
	return property_parse(arena_dup(&arena, slice_cstr(text)), &arena);
}

static struct property_result written(const char *schema, enum schema_target target, enum schema_use use)
{
	arena_reset(&arena);
	struct json root = parse(schema);
	property_check(root, target, use, &arena);
	return property_write(root, target, use, &arena);
}

static void expect(const char *schema, enum schema_target target, enum schema_use use, const char *result, const char *lost)
{
	struct property_result is = written(schema, target, use);

	if (!is.written)
		fail_msg("%s: %s: %s", schema_target_name(target), schema, is.report.reason);
	if (!slice_eq(is.text, slice_cstr(result)))
		fail_msg("%s:\n%s became\n%.*s, not\n%s", schema_target_name(target), schema, SLICE_ARG(is.text), result);
	assert_string_equal(is.report.lost, lost);
	assert_int_equal(is.report.lossy, *lost != '\0');
}

/* A property `p` as it comes and as it goes; NULL: as it came. */
struct row {
	const char *property;
	enum schema_target target;
	const char *result;
	const char *lost;
};

static void check_rows(const struct row *rows, size_t count)
{
	static const struct { const char *before, *after; } objects[SCHEMA_TARGET_COUNT] = {
		[SCHEMA_PLAIN] = { "{\"type\":\"object\",\"properties\":{\"p\":", "},\"required\":[\"p\"]}" },
		[SCHEMA_OPENAI_STRICT] = { "{\"type\":\"object\",\"properties\":{\"p\":",
					   "},\"required\":[\"p\"],\"additionalProperties\":false}" },
		[SCHEMA_ANTHROPIC] = { "{\"type\":\"object\",\"properties\":{\"p\":",
				       "},\"required\":[\"p\"],\"additionalProperties\":false}" },
		[SCHEMA_GEMINI_JSON] = { "{\"type\":\"object\",\"properties\":{\"p\":", "},\"required\":[\"p\"]}" },
		[SCHEMA_GEMINI_OPENAPI] = { "{\"type\":\"OBJECT\",\"properties\":{\"p\":", "},\"required\":[\"p\"]}" },
		[SCHEMA_COHERE] = { "{\"type\":\"object\",\"properties\":{\"p\":", "},\"required\":[\"p\"]}" },
		[SCHEMA_MISTRAL_STRICT] = { "{\"type\":\"object\",\"properties\":{\"p\":",
					    "},\"required\":[\"p\"],\"additionalProperties\":false}" },
	};

	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		const char *property = row->result ? row->result : row->property;
		char schema[4096], result[4096];
		snprintf(schema, sizeof(schema), "%s%s%s", objects[row->target].before, row->property,
			 objects[row->target].after);
		snprintf(result, sizeof(result), "%s%s%s", objects[row->target].before, property, objects[row->target].after);
		expect(schema, row->target, SCHEMA_TOOL, result, row->lost ? row->lost : "");
		expect(schema, row->target, SCHEMA_OUTPUT, result, row->lost ? row->lost : "");
	}
}

#define S SCHEMA_OPENAI_STRICT
#define A SCHEMA_ANTHROPIC
#define J SCHEMA_GEMINI_JSON
#define G SCHEMA_GEMINI_OPENAPI
#define C SCHEMA_COHERE
#define M SCHEMA_MISTRAL_STRICT

static void test_types_and_values(void **state)
{
	static const struct row rows[] = {
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", S, NULL, NULL },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", A, NULL, NULL },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", J, NULL, NULL },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", G,
		  "{\"type\":\"STRING\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", NULL },
		{ "{\"type\":\"STRING\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", G, NULL, NULL },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", C, NULL, NULL },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"d\"}", M, NULL, NULL },
		{ "{\"type\":\"integer\",\"enum\":[1,2]}", G, "{\"type\":\"INTEGER\",\"description\":\"one of [1,2]\"}", "enum" },
		{ "{\"type\":\"string\",\"enum\":[\"\",\"b\"]}", G,
		  "{\"type\":\"STRING\",\"enum\":[\"b\"],\"description\":\"one of [\\\"\\\",\\\"b\\\"]\"}", "enum" },
		{ "{\"enum\":[{\"a\":1}],\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},"
		  "\"required\":[\"a\"],\"additionalProperties\":false}", A,
		  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"],"
		  "\"additionalProperties\":false,\"description\":\"one of [{\\\"a\\\":1}]\"}", "enum" },
		{ "{\"const\":\"x\",\"type\":\"string\"}", S, NULL, NULL },
		{ "{\"const\":\"x\",\"type\":\"string\"}", A, NULL, NULL },
		{ "{\"const\":\"x\",\"type\":\"string\"}", J, "{\"enum\":[\"x\"],\"type\":\"string\"}", NULL },
		{ "{\"const\":\"x\"}", G, "{\"enum\":[\"x\"],\"type\":\"STRING\"}", NULL },
		{ "{\"const\":\"x\",\"type\":\"string\"}", C, NULL, NULL },
		{ "{\"const\":\"x\",\"type\":\"string\"}", M, NULL, NULL },
		{ "{\"type\":[\"string\",\"null\"]}", S, NULL, NULL },
		{ "{\"type\":[\"string\",\"null\"]}", A, NULL, NULL },
		{ "{\"type\":[\"string\",\"null\"]}", J, NULL, NULL },
		{ "{\"type\":[\"string\",\"null\"]}", G, "{\"type\":\"STRING\",\"nullable\":true}", NULL },
		{ "{\"type\":\"STRING\",\"nullable\":true}", G, NULL, NULL },
		{ "{\"type\":\"STRING\",\"nullable\":true}", S, "{\"type\":[\"string\",\"null\"]}", NULL },
		{ "{\"type\":\"string\",\"nullable\":true}", SCHEMA_PLAIN, "{\"type\":[\"string\",\"null\"]}", NULL },
		{ "{\"type\":[\"string\",\"null\"]}", C, NULL, NULL },
		{ "{\"type\":[\"string\",\"integer\"],\"maxLength\":3,\"description\":\"d\"}", G,
		  "{\"anyOf\":[{\"type\":\"INTEGER\",\"description\":\"d\"},{\"type\":\"STRING\",\"maxLength\":3,"
		  "\"description\":\"d\"}]}", NULL },
		{ "{\"title\":\"t\",\"$id\":\"i\",\"type\":\"string\",\"x-widget\":1,\"$comment\":\"c\"}", S,
		  "{\"title\":\"t\",\"type\":\"string\"}", NULL },
		{ "{\"title\":\"t\",\"$id\":\"i\",\"$anchor\":\"k\",\"type\":\"string\"}", A, NULL, NULL },
		{ "{\"title\":\"t\",\"$id\":\"i\",\"$anchor\":\"k\",\"type\":\"string\"}", J, NULL, NULL },
		{ "{\"title\":\"t\",\"$id\":\"i\",\"$anchor\":\"k\",\"type\":\"string\"}", G,
		  "{\"title\":\"t\",\"type\":\"STRING\"}", NULL },
		{ "{\"type\":\"string\",\"default\":\"v\"}", S, "{\"type\":\"string\",\"description\":\"default: \\\"v\\\"\"}", NULL },
		{ "{\"type\":\"string\",\"default\":\"v\"}", A, NULL, NULL },
		{ "{\"type\":\"string\",\"default\":\"v\"}", J, "{\"type\":\"string\",\"description\":\"default: \\\"v\\\"\"}", NULL },
		{ "{\"type\":\"STRING\",\"default\":\"v\"}", G, NULL, NULL },
		{ "{\"type\":\"string\",\"default\":\"v\"}", C, NULL, NULL },
	};

	check_rows(rows, COUNT_OF(rows));
}

static void test_limits(void **state)
{
	static const struct row rows[] = {
		{ "{\"type\":\"string\",\"pattern\":\"^a$\"}", S, NULL, NULL },
		{ "{\"type\":\"string\",\"pattern\":\"(?=a)\",\"description\":\"Name.\"}", S,
		  "{\"type\":\"string\",\"description\":\"Name. (must match /(?=a)/)\"}", "pattern" },
		{ "{\"type\":\"string\",\"pattern\":\"^a$\"}", A, "{\"type\":\"string\",\"description\":\"must match /^a$/\"}",
		  "pattern" },
		{ "{\"type\":\"string\",\"pattern\":\"^a$\"}", J, "{\"type\":\"string\",\"description\":\"must match /^a$/\"}",
		  "pattern" },
		{ "{\"type\":\"STRING\",\"pattern\":\"^a$\",\"minLength\":1,\"maxLength\":2}", G, NULL, NULL },
		{ "{\"type\":\"string\",\"pattern\":\"^a$\"}", C, NULL, NULL },
		{ "{\"type\":\"string\",\"format\":\"uuid\"}", S, NULL, NULL },
		{ "{\"type\":\"string\",\"format\":\"uri\"}", S, "{\"type\":\"string\",\"description\":\"format: uri\"}", "format" },
		{ "{\"type\":\"string\",\"format\":\"uri\"}", A, NULL, NULL },
		{ "{\"type\":\"string\",\"format\":\"date\"}", J, NULL, NULL },
		{ "{\"type\":\"STRING\",\"format\":\"date\"}", G, "{\"type\":\"STRING\",\"description\":\"format: date\"}", "format" },
		{ "{\"type\":\"INTEGER\",\"format\":\"int64\"}", G, NULL, NULL },
		{ "{\"type\":\"integer\",\"format\":\"int64\"}", S, "{\"type\":\"integer\",\"description\":\"format: int64\"}", NULL },
		{ "{\"type\":\"string\",\"format\":\"uuid\"}", C, NULL, NULL },
		{ "{\"type\":\"string\",\"format\":\"uuid\"}", M, "{\"type\":\"string\",\"description\":\"format: uuid\"}", "format" },
		{ "{\"type\":\"number\",\"minimum\":1,\"maximum\":9,\"multipleOf\":2}", S, NULL, NULL },
		{ "{\"type\":\"number\",\"minimum\":1,\"maximum\":9}", A,
		  "{\"type\":\"number\",\"description\":\"at least 1; at most 9\"}", "minimum,maximum" },
		{ "{\"type\":\"number\",\"minimum\":1,\"maximum\":9}", J, NULL, NULL },
		{ "{\"type\":\"integer\",\"exclusiveMinimum\":1}", J, "{\"type\":\"integer\",\"minimum\":2}", NULL },
		{ "{\"type\":\"number\",\"exclusiveMaximum\":1.5}", G, "{\"type\":\"NUMBER\",\"description\":\"less than 1.5\"}",
		  "exclusiveMaximum" },
		{ "{\"type\":\"number\",\"minimum\":1}", C, "{\"type\":\"number\",\"description\":\"at least 1\"}", "minimum" },
		{ "{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}", S,
		  "{\"type\":\"string\",\"description\":\"at least 1 characters; at most 2 characters\"}", "minLength,maxLength" },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":3,\"maxItems\":4}", S, NULL, NULL },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":3,\"maxItems\":4}", A,
		  "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"at least 3 items; at most 4 items\"}",
		  "minItems,maxItems" },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1}", A, NULL, NULL },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":3,\"maxItems\":4}", J, NULL, NULL },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}", S,
		  "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"no item twice\"}", "uniqueItems" },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":3}", C,
		  "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"at least 3 items\"}", "minItems" },
		{ "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", J, NULL, NULL },
		{ "{\"type\":\"array\",\"items\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", S,
		  "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]},\"description\":"
		  "\"items in this order: [{\\\"type\\\":\\\"string\\\"},{\\\"type\\\":\\\"number\\\"}]\"}", "prefixItems" },
	};

	check_rows(rows, COUNT_OF(rows));
}

static void test_combinations(void **state)
{
	static const struct row rows[] = {
		{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", S, NULL, NULL },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", S,
		  "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", NULL },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", A,
		  "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", NULL },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", J, NULL, NULL },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}", G,
		  "{\"anyOf\":[{\"type\":\"STRING\"},{\"type\":\"NUMBER\"}]}", NULL },
		{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}],\"description\":\"d\"}", G,
		  "{\"description\":\"d\",\"nullable\":true,\"type\":\"STRING\"}", NULL },
		{ "{\"allOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"number\",\"minimum\":3}]}", S,
		  "{\"type\":\"integer\",\"minimum\":3}", NULL },
		{ "{\"allOf\":[{\"type\":\"string\"},{\"enum\":[\"a\",\"b\"]},{\"enum\":[\"b\",\"c\"]}]}", A,
		  "{\"type\":\"string\",\"enum\":[\"b\"]}", NULL },
		{ "{\"type\":\"string\",\"not\":{\"const\":\"x\"}}", S,
		  "{\"type\":\"string\",\"description\":\"not: {\\\"const\\\":\\\"x\\\"}\"}", "not" },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
		  "\"if\":{\"required\":[\"a\"]},\"then\":{\"properties\":{\"b\":{\"type\":\"string\"}}}}", J,
		  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}},\"required\":"
		  "[\"a\"],\"description\":\"if: {\\\"required\\\":[\\\"a\\\"]}; then: {\\\"properties\\\":{\\\"b\\\":"
		  "{\\\"type\\\":\\\"string\\\"}}}\"}", "if,then" },
		{ "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}", J, NULL, NULL },
		{ "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}", G,
		  "{\"type\":\"OBJECT\",\"description\":\"other properties: {\\\"type\\\":\\\"string\\\"}\"}",
		  "additionalProperties" },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
		  "\"additionalProperties\":false}", G,
		  "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\"}},\"required\":[\"a\"]}", NULL },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
		  "\"additionalProperties\":false}", C, NULL, NULL },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"propertyOrdering\":[\"a\"]}", J, NULL, NULL },
		{ "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\"}},\"property_ordering\":[\"a\"]}", J,
		  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"propertyOrdering\":[\"a\"]}", NULL },
		{ "true", G, "{\"anyOf\":[{\"type\":\"BOOLEAN\",\"description\":\"any JSON value\",\"nullable\":true},{\"type\":"
		  "\"NUMBER\",\"description\":\"any JSON value\",\"nullable\":true},{\"type\":\"STRING\",\"description\":"
		  "\"any JSON value\",\"nullable\":true}]}", "type" },
		{ "{}", S, "{\"type\":[\"boolean\",\"number\",\"string\",\"null\"],\"description\":\"any JSON value\"}", "type" },
		{ "{}", J, NULL, NULL },
		{ "false", J, "{\"type\":\"null\",\"description\":\"must not be used\"}", "false" },
		{ "false", SCHEMA_PLAIN, NULL, NULL },
	};

	check_rows(rows, COUNT_OF(rows));
}

static void test_optional_properties(void **state)
{
	static const char schema[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"enum\":[\"x\"],"
				     "\"type\":\"string\"},\"c\":{\"const\":1,\"type\":\"integer\"}},\"required\":[\"a\"]}";
	struct property_result is = written(schema, S, SCHEMA_TOOL);

	assert_true(is.report.nullable && !is.report.lossy);
	expect(schema, S, SCHEMA_TOOL, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"enum\":[\"x\",null],"
	       "\"type\":[\"string\",\"null\"]},\"c\":{\"anyOf\":[{\"const\":1,\"type\":\"integer\"},{\"type\":\"null\"}]}},"
	       "\"required\":[\"a\",\"b\",\"c\"],\"additionalProperties\":false}", "");
	expect("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}}}", C, SCHEMA_TOOL,
	       "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]},\"b\":{\"type\":\"string\"}},"
	       "\"required\":[\"a\"]}", "");
}

static void test_roots(void **state)
{
	struct property_result is;

	for (unsigned t = 0; t < SCHEMA_TARGET_COUNT; t++) {
		is = written("{}", (enum schema_target)t, SCHEMA_TOOL);
		assert_true(is.written && is.report.empty && !is.report.lossy);
		assert_false(written("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", (enum schema_target)t, SCHEMA_TOOL).written);
		assert_false(written("[]", (enum schema_target)t, SCHEMA_TOOL).written);
	}
	is = property_write((struct json){ 0 }, SCHEMA_PLAIN, SCHEMA_TOOL, &arena);
	assert_true(slice_eq(is.text, SLICE("{\"type\":\"object\",\"properties\":{}}")));
	assert_false(written("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", S, SCHEMA_OUTPUT).written);
	assert_true(written("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", J, SCHEMA_OUTPUT).written);
	expect("{\"type\":\"object\",\"oneOf\":[{\"properties\":{\"k\":{\"const\":\"a\"},\"x\":{\"type\":\"string\"}},\"required\":"
	       "[\"k\",\"x\"]},{\"properties\":{\"k\":{\"const\":\"b\"}},\"required\":[\"k\"]}]}", SCHEMA_PLAIN, SCHEMA_TOOL,
	       "{\"type\":\"object\",\"properties\":{\"k\":{\"anyOf\":[{\"const\":\"a\"},{\"const\":\"b\"}]},\"x\":{\"type\":"
	       "\"string\"}},\"required\":[\"k\"],\"description\":\"required is one of these sets: (k, x) or (k)\"}", "oneOf");
	expect("{\"$ref\":\"#/definitions/F\",\"definitions\":{\"F\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}",
	       G, SCHEMA_TOOL, "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\"}}}", "");
}

#define TREE "{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"string\"},\"kids\":{\"type\":\"array\",\"items\":{\"$ref\":"
#define TREE_STRICT "}}},\"required\":[\"v\",\"kids\"],\"additionalProperties\":false}"

static void test_references(void **state)
{
	/* Recursion stays where it may, byte for byte. */
	expect("{\"type\":\"object\",\"properties\":{\"t\":{\"$ref\":\"#/$defs/T\"}},\"required\":[\"t\"],\"additionalProperties\":"
	       "false, \"$defs\": {\"T\":" TREE "\"#/$defs/T\"" TREE_STRICT "}}", S, SCHEMA_OUTPUT,
	       "{\"type\":\"object\",\"properties\":{\"t\":{\"$ref\":\"#/$defs/T\"}},\"required\":[\"t\"],\"additionalProperties\":"
	       "false, \"$defs\": {\"T\":" TREE "\"#/$defs/T\"" TREE_STRICT "}}", "");
	expect(TREE "\"#\"" TREE_STRICT, S, SCHEMA_OUTPUT, TREE "\"#\"" TREE_STRICT, "");
	expect(TREE "\"#\"}}}}", G, SCHEMA_OUTPUT,
	       "{\"type\":\"OBJECT\",\"properties\":{\"v\":{\"type\":\"STRING\"},\"kids\":{\"type\":\"ARRAY\",\"items\":{\"type\":"
	       "\"OBJECT\",\"properties\":{\"v\":{\"type\":\"STRING\"},\"kids\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"OBJECT\","
	       "\"properties\":{\"v\":{\"type\":\"STRING\"},\"kids\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"OBJECT\","
	       "\"description\":\"like root around it, and so on\"}}}}}}}}}}", "$ref");
	/* Gemini: below what may be left out. */
	expect("{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#/$defs/N\"}},\"$defs\":{\"N\":{\"type\":\"object\","
	       "\"properties\":{\"next\":{\"$ref\":\"#/$defs/N\"}}}}}", J, SCHEMA_TOOL,
	       "{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#/$defs/N\"}},\"$defs\":{\"N\":{\"type\":\"object\","
	       "\"properties\":{\"next\":{\"$ref\":\"#/$defs/N\"}}}}}", "");
	/* definitions, a reference with a neighbour, a pointer into the middle (zod-to-json-schema) and one to nowhere. */
	expect("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/definitions/D\"},\"b\":{\"$ref\":\"#/definitions/D\","
	       "\"description\":\"b\"},\"c\":{\"$ref\":\"#/properties/b\"},\"d\":{\"$ref\":\"https://example.com/s\"}},\"required\":"
	       "[\"a\",\"b\",\"c\",\"d\"],\"additionalProperties\":false,\"definitions\":{\"D\":{\"type\":\"string\"}}}",
	       S, SCHEMA_TOOL,
	       "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/D\"},\"b\":{\"description\":\"b\",\"type\":\"string\"},"
	       "\"c\":{\"$ref\":\"#/$defs/b\"},\"d\":{\"type\":[\"boolean\",\"number\",\"string\",\"null\"],\"description\":"
	       "\"see https://example.com/s; any JSON value\"}},\"required\":[\"a\",\"b\",\"c\",\"d\"],\"additionalProperties\":false,"
	       "\"$defs\":{\"D\":{\"type\":\"string\"},\"b\":{\"description\":\"b\",\"type\":\"string\"}}}", "$ref,type");
}

/* In the shape of what coding agents and MCP servers declare. */
static const char *const tools[] = {
	/* a shell */
	"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{\"command\":{\"type\":"
	"\"string\",\"description\":\"What to run\"},\"timeout\":{\"type\":\"number\",\"maximum\":600000},\"background\":{\"type\":"
	"\"boolean\",\"default\":false}},\"required\":[\"command\"],\"additionalProperties\":false}",
	/* a to-do list */
	"{\"type\":\"object\",\"properties\":{\"todos\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"content\":"
	"{\"type\":\"string\",\"minLength\":1},\"status\":{\"type\":\"string\",\"enum\":[\"pending\",\"done\"]}},\"required\":"
	"[\"content\",\"status\"],\"additionalProperties\":false}}},\"required\":[\"todos\"],\"additionalProperties\":false}",
	/* several edits of one file */
	"{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"},\"edits\":{\"type\":\"array\",\"minItems\":1,\"items\":"
	"{\"type\":\"object\",\"properties\":{\"old\":{\"type\":\"string\"},\"new\":{\"type\":\"string\"},\"all\":{\"type\":\"boolean\","
	"\"default\":false}},\"required\":[\"old\",\"new\"]}}},\"required\":[\"path\",\"edits\"]}",
	/* a query with either of two names (MCP) */
	"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"limit\":{\"type\":\"integer\","
	"\"exclusiveMinimum\":0,\"maximum\":100}},\"anyOf\":[{\"required\":[\"id\"]},{\"required\":[\"name\"]}]}",
	/* a page with blocks that hold blocks (MCP) */
	"{\"type\":\"object\",\"properties\":{\"parent\":{\"oneOf\":[{\"$ref\":\"#/$defs/page\"},{\"$ref\":\"#/$defs/space\"}]},"
	"\"children\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/block\"}}},\"required\":[\"parent\"],\"$defs\":{\"page\":{\"type\":"
	"\"object\",\"properties\":{\"page_id\":{\"type\":\"string\",\"format\":\"uuid\"}},\"required\":[\"page_id\"]},\"space\":{\"type\":"
	"\"object\",\"properties\":{\"space\":{\"const\":true}},\"required\":[\"space\"]},\"block\":{\"type\":\"object\",\"properties\":"
	"{\"text\":{\"type\":\"string\"},\"children\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/block\"}}}}}}",
	/* pydantic's Optional and a nested model */
	"{\"properties\":{\"when\":{\"anyOf\":[{\"format\":\"date-time\",\"type\":\"string\"},{\"type\":\"null\"}],\"default\":null,"
	"\"title\":\"When\"},\"owner\":{\"allOf\":[{\"$ref\":\"#/$defs/User\"}],\"description\":\"Who\"},\"tags\":{\"default\":[],"
	"\"items\":{\"type\":\"string\"},\"title\":\"Tags\",\"type\":\"array\",\"uniqueItems\":true}},\"required\":[\"owner\"],\"title\":"
	"\"Make\",\"type\":\"object\",\"$defs\":{\"User\":{\"properties\":{\"name\":{\"title\":\"Name\",\"type\":\"string\"}},\"required\":"
	"[\"name\"],\"title\":\"User\",\"type\":\"object\"}}}",
	/* headers of a request, and a body that may be anything */
	"{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\",\"format\":\"uri\"},\"headers\":{\"type\":\"object\","
	"\"additionalProperties\":{\"type\":\"string\"},\"propertyNames\":{\"pattern\":\"^[A-Za-z-]+$\"}},\"body\":{},\"items\":{\"type\":"
	"\"array\"}},\"required\":[\"url\"]}",
};

static void test_tools(void **state)
{
	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		arena_reset(&arena);
		property_check_all(parse(tools[i]), &arena);
		property_check_names(parse(tools[i]), &arena);
		for (unsigned t = 0; t < SCHEMA_TARGET_COUNT; t++)
			assert_true(written(tools[i], (enum schema_target)t, SCHEMA_TOOL).written);
	}
}

static struct slice repeated(const char *before, const char *middle, const char *after, unsigned times)
{
	struct buf out;

	buf_init(&out, 1 << 22);
	for (unsigned i = 0; i < times; i++)
		assert_true(buf_append_slice(&out, slice_cstr(before)));
	assert_true(buf_append_slice(&out, slice_cstr(middle)));
	for (unsigned i = 0; i < times; i++)
		assert_true(buf_append_slice(&out, slice_cstr(after)));
	struct slice text = arena_dup(&arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

static void check_hostile(struct slice text)
{
	property_check_all(property_parse(text, &arena), &arena);
	arena_reset(&arena);
}

static void test_hostile(void **state)
{
	struct slice text = SLICE("");

	arena_reset(&arena);
	check_hostile(repeated("{\"type\":\"object\",\"properties\":{\"a\":", "{}", "}}", 120));
	check_hostile(repeated("{\"allOf\":[", "{}", "]}", 120));
	check_hostile(repeated("{\"anyOf\":[{\"type\":\"object\"},", "{}", "]}", 120));
	check_hostile(SLICE("{\"$ref\":\"#\"}"));
	check_hostile(SLICE("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#/allOf/0\"}],\"anyOf\":[{\"$ref\":\"#\"}]}"));
	check_hostile(SLICE("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"properties\":{\"a\":{\"$ref\":"
			    "\"#/$defs/a\"}}}"));
	check_hostile(SLICE("{\"type\":\"object\",\"type\":1,\"properties\":{\"a\":{},\"a\":{\"type\":\"string\"},\"\\u0061\":{}}}"));
	/* Doubles with every definition: 2^40 when inlined. */
	for (unsigned i = 0; i < 40; i++)
		text = arena_printf(&arena, "%.*s,\"d%u\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%u\"},\"b\":{"
				    "\"$ref\":\"#/$defs/d%u\"}}}", SLICE_ARG(text), i, i + 1, i + 1);
	text = arena_printf(&arena, "{\"type\":\"object\",\"properties\":{\"p\":{\"$ref\":\"#/$defs/d0\"}},\"$defs\":{\"d40\":{}%.*s}}",
			    SLICE_ARG(text));
	struct property_result is = property_write(property_parse(text, &arena), G, SCHEMA_TOOL, &arena);
	assert_false(is.written);
	check_hostile(text);
}

/* Finds what may be a schema, whatever the dialect of the request. */
static unsigned check_recorded(struct json v, unsigned depth)
{
	static const char *const names[] = { "parameters", "input_schema", "parametersJsonSchema", "schema", "responseSchema",
					     "responseJsonSchema", "response_schema", "response_json_schema",
					     "parameters_json_schema" };
	unsigned count = 0;

	for (struct json_walk w = json_walk(v); depth < 32 && json_walk_next(&w);) {
		bool is_schema = false;
		for (size_t i = 0; i < COUNT_OF(names); i++)
			is_schema |= json_exists(w.key) && json_text_eq(w.key, slice_cstr(names[i]));
		if (is_schema && json_is(w.value, JSON_OBJECT) && json_exists(json_get(w.value, "type"))) {
			property_check_all(w.value, &arena);
			property_check_names(w.value, &arena);
			count++;
		} else if (json_is(w.value, JSON_OBJECT) || json_is(w.value, JSON_ARRAY)) {
			count += check_recorded(w.value, depth + 1);
		}
	}
	return count;
}

static unsigned check_file(const char *path)
{
	struct json_doc doc;
	struct json_error error;
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	rewind(f);
	char *text = arena_alloc(&arena, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, f), size);
	fclose(f);
	assert_true(json_parse(&arena, slice_of(text, (size_t)size), &doc, &error));
	unsigned count = check_recorded(json_get(json_get(json_root(&doc), "request"), "body"), 0);
	arena_reset(&arena);
	return count;
}

static void test_recorded(void **state)
{
	const char *folder = getenv("WEIR_RECORDINGS");
	char beside[1024], path[2048];
	unsigned count = 0;

	struct slice here = slice_cstr(__FILE__);
	while (here.len > 0 && here.ptr[here.len - 1] != '/')
		here.len--;
	snprintf(beside, sizeof(beside), "%.*s../../../shared/recordings/open", SLICE_ARG(here));
	if (!folder)
		folder = beside;
	DIR *d = opendir(folder);
	if (!d) {
		print_message("no recordings at %s\n", folder);
		skip();
	}
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		count += check_file(path);
	}
	closedir(d);
	print_message("%u recorded schemas\n", count);
	assert_true(count > 0);
}

static int set_up(void **state)
{
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_values),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_combinations),
		cmocka_unit_test(test_optional_properties),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
