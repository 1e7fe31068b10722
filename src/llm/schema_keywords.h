/* SPDX-License-Identifier: Apache-2.0 */
/* The allow-lists: what becomes of each JSON Schema keyword at each target. From DIALECTS §3.8; for Gemini the comment
 * on response_json_schema in generativelanguage's generative_service.proto and message Schema in its content.proto. A
 * "?" in the table (Mistral) counts as not accepted. A keyword without a row is dropped, except at SCHEMA_PLAIN. */
#pragma once

enum schema_form { FORM_VALUE, FORM_ONE /* a schema */, FORM_LIST /* of schemas */, FORM_MAP /* names to schemas */ };

enum schema_action {
	ACTION_DROP,                   /* means nothing to a model */
	ACTION_KEEP,                   /* unless the value does not fit, see schema_fits(): then words */
	ACTION_WORDS,                  /* into the description; no longer enforced, so reported */
	ACTION_NOTE,                   /* into the description; never was enforced */
	ACTION_ENUM,                   /* const: an enum of one */
	ACTION_ANY_OF,                 /* oneOf: as anyOf */
	ACTION_MERGE,                  /* allOf: into the schema itself */
	ACTION_INLINE,                 /* $ref: what it refers to is put in its place */
	ACTION_ITEMS,                  /* prefixItems: one schema for all items, words for the rest */
	ACTION_FALSE                   /* additionalProperties: only false */
};

/* Which JSON types a keyword speaks about; 0: all. */
enum {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_INTEGER = 4,
	TYPE_NUMBER = 8,
	TYPE_STRING = 16,
	TYPE_ARRAY = 32,
	TYPE_OBJECT = 64
};
enum { TYPE_NUMERIC = TYPE_INTEGER | TYPE_NUMBER };
enum { TYPE_COUNT = 7 };

/* What JSON value a keyword of FORM_VALUE has; another one is no keyword. */
enum schema_value { VALUE_ANY, VALUE_STRING, VALUE_NUMBER, VALUE_BOOLEAN, VALUE_ARRAY, VALUE_OBJECT, VALUE_TYPE };

/* X(identifier, name, form, value, types, plain, OpenAI strict, Anthropic, Gemini JSON, Gemini OpenAPI, Cohere, Mistral
 *   strict, words before the value, words after it)
 * K keep, W words, N note, D drop, E enum, A any_of, M merge, I inline, T items, F false. */
#define SCHEMA_KEYWORDS(X) \
	X(TYPE, "type", VALUE, TYPE, 0,                                  K, K, K, K, K, K, K, "type: ", "") \
	X(PROPERTIES, "properties", MAP, OBJECT, TYPE_OBJECT,            K, K, K, K, K, K, K, "properties: ", "") \
	X(REQUIRED, "required", VALUE, ARRAY, TYPE_OBJECT,               K, K, K, K, K, K, K, "required: ", "") \
	X(ITEMS, "items", ONE, ANY, TYPE_ARRAY,                          K, K, K, K, K, K, K, "items: ", "") \
	X(ENUM, "enum", VALUE, ARRAY, 0,                                 K, K, K, K, K, K, K, "one of ", "") \
	X(DESCRIPTION, "description", VALUE, STRING, 0,                  K, K, K, K, K, K, K, "", "") \
	X(TITLE, "title", VALUE, STRING, 0,                              K, K, K, K, K, K, K, "", "") \
	X(ADDITIONAL_PROPERTIES, "additionalProperties", ONE, ANY, TYPE_OBJECT, K, F, F, K, D, F, F, \
	  "other properties: ", "") \
	X(REF, "$ref", VALUE, STRING, 0,                                 K, K, K, K, I, K, K, "see ", "") \
	X(DEFS, "$defs", MAP, OBJECT, 0,                                 K, K, K, K, I, K, K, "", "") \
	X(DEFINITIONS, "definitions", MAP, OBJECT, 0,                    K, D, D, D, D, D, D, "", "") \
	X(ANY_OF, "anyOf", LIST, ARRAY, 0,                               K, K, K, K, K, K, K, "any of: ", "") \
	X(ONE_OF, "oneOf", LIST, ARRAY, 0,                               K, A, A, K, A, A, A, "one of: ", "") \
	X(ALL_OF, "allOf", LIST, ARRAY, 0,                               K, M, M, M, M, M, M, "all of: ", "") \
	X(NOT, "not", ONE, ANY, 0,                                       K, W, W, W, W, W, W, "not: ", "") \
	X(IF, "if", ONE, ANY, 0,                                         K, W, W, W, W, W, W, "if: ", "") \
	X(THEN, "then", ONE, ANY, 0,                                     K, W, W, W, W, W, W, "then: ", "") \
	X(ELSE, "else", ONE, ANY, 0,                                     K, W, W, W, W, W, W, "else: ", "") \
	X(DEPENDENT_REQUIRED, "dependentRequired", VALUE, OBJECT, TYPE_OBJECT, K, W, W, W, W, W, W, \
	  "each of these properties requires others: ", "") \
	X(DEPENDENT_SCHEMAS, "dependentSchemas", MAP, OBJECT, TYPE_OBJECT, K, W, W, W, W, W, W, \
	  "when these properties are there: ", "") \
	X(DEPENDENCIES, "dependencies", VALUE, OBJECT, TYPE_OBJECT,      K, W, W, W, W, W, W, \
	  "each of these properties requires others: ", "") \
	X(CONST, "const", VALUE, ANY, 0,                                 K, K, K, E, E, K, K, "always ", "") \
	X(PATTERN, "pattern", VALUE, STRING, TYPE_STRING,                K, K, W, W, K, K, W, "must match /", "/") \
	X(FORMAT, "format", VALUE, STRING, 0,                            K, K, K, K, K, K, W, "format: ", "") \
	X(MINIMUM, "minimum", VALUE, NUMBER, TYPE_NUMERIC,               K, K, W, K, K, W, W, "at least ", "") \
	X(MAXIMUM, "maximum", VALUE, NUMBER, TYPE_NUMERIC,               K, K, W, K, K, W, W, "at most ", "") \
	X(EXCLUSIVE_MINIMUM, "exclusiveMinimum", VALUE, NUMBER, TYPE_NUMERIC, K, K, W, W, W, W, W, "more than ", "") \
	X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", VALUE, NUMBER, TYPE_NUMERIC, K, K, W, W, W, W, W, "less than ", "") \
	X(MULTIPLE_OF, "multipleOf", VALUE, NUMBER, TYPE_NUMERIC,        K, K, W, W, W, W, W, "a multiple of ", "") \
	X(MIN_LENGTH, "minLength", VALUE, NUMBER, TYPE_STRING,           K, W, W, W, K, W, W, \
	  "at least ", " characters") \
	X(MAX_LENGTH, "maxLength", VALUE, NUMBER, TYPE_STRING,           K, W, W, W, K, W, W, \
	  "at most ", " characters") \
	X(MIN_ITEMS, "minItems", VALUE, NUMBER, TYPE_ARRAY,              K, K, K, K, K, W, W, "at least ", " items") \
	X(MAX_ITEMS, "maxItems", VALUE, NUMBER, TYPE_ARRAY,              K, K, W, K, K, W, W, "at most ", " items") \
	X(UNIQUE_ITEMS, "uniqueItems", VALUE, BOOLEAN, TYPE_ARRAY,       K, W, W, W, W, W, W, "no item twice: ", "") \
	X(CONTAINS, "contains", ONE, ANY, TYPE_ARRAY,                    K, W, W, W, W, W, W, \
	  "contains an item like ", "") \
	X(MIN_CONTAINS, "minContains", VALUE, NUMBER, TYPE_ARRAY,        K, W, W, W, W, W, W, \
	  "at least ", " such items") \
	X(MAX_CONTAINS, "maxContains", VALUE, NUMBER, TYPE_ARRAY,        K, W, W, W, W, W, W, \
	  "at most ", " such items") \
	X(PREFIX_ITEMS, "prefixItems", LIST, ARRAY, TYPE_ARRAY,          K, T, T, K, T, T, T, \
	  "items in this order: ", "") \
	X(ADDITIONAL_ITEMS, "additionalItems", ONE, ANY, TYPE_ARRAY,     K, D, D, D, D, D, D, "", "") \
	X(UNEVALUATED_ITEMS, "unevaluatedItems", ONE, ANY, TYPE_ARRAY,   K, W, W, W, W, W, W, "other items: ", "") \
	X(UNEVALUATED_PROPERTIES, "unevaluatedProperties", ONE, ANY, TYPE_OBJECT, K, W, W, W, W, W, W, \
	  "other properties: ", "") \
	X(MIN_PROPERTIES, "minProperties", VALUE, NUMBER, TYPE_OBJECT,   K, W, W, W, K, W, W, \
	  "at least ", " properties") \
	X(MAX_PROPERTIES, "maxProperties", VALUE, NUMBER, TYPE_OBJECT,   K, W, W, W, K, W, W, \
	  "at most ", " properties") \
	X(PATTERN_PROPERTIES, "patternProperties", MAP, OBJECT, TYPE_OBJECT, K, W, W, W, W, W, W, \
	  "properties by the pattern of their names: ", "") \
	X(PROPERTY_NAMES, "propertyNames", ONE, ANY, TYPE_OBJECT,        K, W, W, W, W, W, W, \
	  "names of properties: ", "") \
	X(DEFAULT, "default", VALUE, ANY, 0,                             K, N, K, N, K, K, N, "default: ", "") \
	X(EXAMPLE, "example", VALUE, ANY, 0,                             K, N, N, N, N, N, N, "example: ", "") \
	X(EXAMPLES, "examples", VALUE, ANY, 0,                           K, N, N, N, N, N, N, "examples: ", "") \
	X(ID, "$id", VALUE, STRING, 0,                                   K, D, K, K, D, K, K, "", "") \
	X(ANCHOR, "$anchor", VALUE, STRING, 0,                           K, D, K, K, D, K, K, "", "") \
	X(SCHEMA, "$schema", VALUE, ANY, 0,                              K, D, D, D, D, D, D, "", "") \
	X(DYNAMIC_REF, "$dynamicRef", VALUE, ANY, 0,                     K, W, W, W, W, W, W, "see ", "") \
	X(RECURSIVE_REF, "$recursiveRef", VALUE, ANY, 0,                 K, W, W, W, W, W, W, "see ", "") \
	X(PROPERTY_ORDERING, "propertyOrdering", VALUE, ARRAY, TYPE_OBJECT, K, D, D, K, K, D, D, "", "") \
	X(NULLABLE, "nullable", VALUE, BOOLEAN, 0,                       K, D, D, D, K, D, D, "", "") \
	X(CONTENT_ENCODING, "contentEncoding", VALUE, ANY, TYPE_STRING,  K, N, N, N, N, N, N, "encoding: ", "") \
	X(CONTENT_MEDIA_TYPE, "contentMediaType", VALUE, ANY, TYPE_STRING, K, N, N, N, N, N, N, "media type: ", "")

enum schema_keyword {
#define X(identifier, ...) KEYWORD_##identifier,
	SCHEMA_KEYWORDS(X)
#undef X
	KEYWORD_UNKNOWN,
	KEYWORD_COUNT = KEYWORD_UNKNOWN
};
_Static_assert(KEYWORD_COUNT < 64, "keywords are bits of a uint64_t");

struct schema_keyword_row {
	struct slice name;
	enum schema_form form;
	enum schema_value value;
	unsigned types;
	unsigned char actions[SCHEMA_TARGET_COUNT];
	const char *before, *after;
};

extern const struct schema_keyword_row schema_keywords[KEYWORD_COUNT];

/* KEYWORD_UNKNOWN when there is none. Google's snake_case spellings count (proto3 JSON reads both). */
enum schema_keyword schema_keyword_find(struct slice name);
