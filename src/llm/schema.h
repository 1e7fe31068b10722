/* SPDX-License-Identifier: Apache-2.0 */
/* JSON schemas of tools and of structured output, rewritten to what a target takes. Every target has an allow-list of
 * keywords (schema_keywords.h, from DIALECTS §3.8): what is not on it is rewritten to something that is, or else said
 * in words in the schema's `description`, and then the report names it. A property is never dropped. A schema that
 * already suits its target is copied byte for byte, so that prompt caches keep hitting; a rewritten one depends on
 * nothing but the schema, and rewriting it once more changes nothing. */
#pragma once

#include "json/json.h"
#include "json/writer.h"

enum schema_target {
	SCHEMA_PLAIN,                  /* any JSON schema (2020-12): tools that are not strict, Ollama, llama.cpp, vLLM.
					* Older drafts' and OpenAPI's spellings are modernised, the root of tool
					* parameters is made a plain object */
	SCHEMA_OPENAI_STRICT,
	SCHEMA_ANTHROPIC,              /* strict tools and output_config.format; also of Claude on Bedrock */
	SCHEMA_GEMINI_JSON,            /* parametersJsonSchema, responseJsonSchema */
	SCHEMA_GEMINI_OPENAPI,         /* parameters, responseSchema: OpenAPI 3.0 subset */
	SCHEMA_COHERE,
	SCHEMA_MISTRAL_STRICT,
	SCHEMA_TARGET_COUNT
};

enum schema_use {
	SCHEMA_TOOL,                   /* parameters of a function */
	SCHEMA_OUTPUT                  /* what a structured answer has to look like */
};

/* Bounds of the work. Beyond them the schema is refused with a reason. */
enum {
	SCHEMA_NODES_MAX = 16384,      /* schemas within a schema, before and after references are inlined */
	SCHEMA_NAMES_MAX = 2048,       /* properties, definitions or required names in one place */
	SCHEMA_LEVELS_MAX = 128,       /* of nesting */
	SCHEMA_OUTPUT_MAX = 4 << 20,   /* bytes */
	SCHEMA_WORDS_MAX = 512,        /* of a description added for one keyword */
	SCHEMA_LOST_MAX = 256
};

struct schema_report {
	bool changed;
	bool lossy;                    /* something is not enforced there: `lost` has its keyword */
	bool nullable;                 /* optional properties became required ones that may be null: the answer has
					* nulls where the client's schema knows none */
	bool empty;                    /* an object without properties: Gemini wants it left out (DIALECTS §3.4) */
	char lost[SCHEMA_LOST_MAX];    /* keywords, each once, separated by commas; as many as fit */
	const char *reason;            /* static; why false was returned, else NULL */
};

/* Writes `schema` (missing or null: one that says nothing) as one value. False when the target has no form for it or it
 * exceeds a bound: nothing has been written then, and the report has the reason. Overflow of `out` is the caller's to
 * see. What it makes lives in `scratch`. */
bool schema_write(struct json schema, enum schema_target target, enum schema_use use, struct arena *scratch,
		  struct json_writer *out, struct schema_report *ret);
/* "openai-strict", … for documents and logs. */
const char *schema_target_name(enum schema_target target);
