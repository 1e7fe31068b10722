/* SPDX-License-Identifier: Apache-2.0 */
/* What a chat request can ask for, field by field, and what becomes of each where it is written in another dialect:
 * the one source of `x-weir-dropped`, of candidates passed over, and of docs/translation.md.
 *
 *     MEANING  what the answer would be wrong without: a target that cannot carry or emulate it exactly is passed over
 *     TUNING   how well or how cheaply it is answered: dropped and named (or refused: `defaults.unsupported`)
 *     HINT     of no consequence to the answer: dropped and named, never refused */
#pragma once

#include "llm/chat.h"

#define CHAT_FIELDS(X) \
	X(SYSTEM, "system", MEANING) \
	X(LATER_SYSTEM, "system text within the conversation", TUNING) \
	X(PREFILL, "an assistant turn at the end", MEANING) \
	X(PARTICIPANT_NAME, "name", TUNING) \
	X(IMAGE_DATA, "image as data", MEANING) \
	X(IMAGE_URL, "image by URL", MEANING) \
	X(AUDIO, "audio", MEANING) \
	X(VIDEO, "video", MEANING) \
	X(DOCUMENT_DATA, "document as data", MEANING) \
	X(DOCUMENT_URL, "document by URL", MEANING) \
	X(DOCUMENT_TEXT, "document as text", MEANING) \
	X(FILE_ID, "file id", MEANING) \
	X(RESULT_MEDIA, "media in a tool result", MEANING) \
	X(RESULT_ERROR, "error flag of a tool result", TUNING) \
	X(TOOLS, "tools", MEANING) \
	X(CUSTOM_TOOLS, "custom tools", MEANING) \
	X(WEB_SEARCH, "web search", MEANING) \
	X(SERVER_TOOLS, "tools run by the provider", MEANING) \
	X(TOOL_STRICT, "strict tools", TUNING) \
	X(CHOICE_NONE, "tool choice none", MEANING) \
	X(CHOICE_REQUIRED, "tool choice required", MEANING) \
	X(CHOICE_NAMED, "tool choice by name", MEANING) \
	X(CHOICE_ALLOWED, "allowed tools", MEANING) \
	X(PARALLEL_CONTROL, "parallel tool calls", TUNING) \
	X(FORMAT_JSON, "JSON output", MEANING) \
	X(FORMAT_SCHEMA, "JSON schema output", MEANING) \
	X(MAX_OUTPUT, "maximum output", MEANING) \
	X(TEMPERATURE, "temperature", TUNING) \
	X(TOP_P, "top_p", TUNING) \
	X(TOP_K, "top_k", TUNING) \
	X(MIN_P, "min_p", TUNING) \
	X(FREQUENCY_PENALTY, "frequency_penalty", TUNING) \
	X(PRESENCE_PENALTY, "presence_penalty", TUNING) \
	X(REPEAT_PENALTY, "repeat_penalty", TUNING) \
	X(SEED, "seed", TUNING) \
	X(STOP, "stop", MEANING) \
	X(N, "n", MEANING) \
	X(LOGPROBS, "logprobs", MEANING) \
	X(LOGIT_BIAS, "logit_bias", TUNING) \
	X(REASONING, "reasoning effort", TUNING) \
	X(REASONING_VISIBLE, "reasoning summaries", HINT) \
	X(REASONING_HISTORY, "reasoning of earlier turns", HINT) \
	X(VERBOSITY, "verbosity", TUNING) \
	X(SERVICE_TIER, "service_tier", TUNING) \
	X(USER, "user", TUNING) \
	X(METADATA, "metadata", TUNING) \
	X(CACHE_MARKS, "cache markers", TUNING) \
	X(CACHE_KEY, "prompt_cache_key", HINT) \
	X(STORE, "store", HINT)        /* kept by weir where the target keeps nothing */ \
	X(PREVIOUS_RESPONSE, "previous_response_id", MEANING) \
	X(BACKGROUND, "background", MEANING) \
	X(AUDIO_OUTPUT, "audio output", MEANING) \
	X(IMAGE_OUTPUT, "image output", MEANING) \
	X(DOCUMENT_CITATIONS, "citations of documents", TUNING) \
	X(SAFETY_SETTINGS, "safety settings", TUNING) \
	X(OPAQUE_PART, "a part only its own dialect knows", TUNING) \
	X(OTHER_MEANING, "a member only its own dialect knows, with a meaning", MEANING) \
	X(OTHER, "a member only its own dialect knows", TUNING)

enum field_index {
#define X(name, words, class_) FIELD_INDEX_##name,
	CHAT_FIELDS(X)
#undef X
	FIELD_COUNT
};

enum {
#define X(name, words, class_) FIELD_##name = 1ull << FIELD_INDEX_##name,
	CHAT_FIELDS(X)
#undef X
};
_Static_assert(FIELD_COUNT <= 64, "fields are bits of a uint64_t");

enum field_class { FIELD_CLASS_MEANING, FIELD_CLASS_TUNING, FIELD_CLASS_HINT };

/* What a dialect's writer does with a field. */
enum carriage {
	CARRIED,                       /* has a place of its own there */
	REWRITTEN,                     /* said with other means, same effect */
	DROPPED,                       /* TUNING and HINT: left out and named */
	REFUSED                        /* MEANING: cannot be said there */
};

/* One dialect's side of the table, one entry per field. */
struct field_row {
	bool expressed;                /* its clients can ask for it */
	enum carriage carriage;        /* what its writer makes of it */
};

const char *field_words(enum field_index f);
enum field_class field_class(enum field_index f);
const char *carriage_name(enum carriage c);

/* Fields in use: computed by chat_finish(). */
uint64_t chat_fields(const struct chat *c);

/* What becomes of a chat at a target. */
struct field_verdict {
	uint64_t carried;              /* may be written */
	uint64_t dropped;              /* must be left out, and named */
	uint64_t refused;              /* cannot be done without: pass over */
};
/* By the dialect's table (FIELD_COUNT rows), the model's rules and the provider's quirks; also sampling beside
 * reasoning and other rules that hang together. */
struct field_verdict field_judge(const struct chat *c, const struct field_row *table, enum dialect_id target,
				 const struct model_rules *rules, uint64_t quirks);
/* The fields with a meaning that a provider with these quirks cannot take, in whatever words. */
uint64_t field_refusals(uint64_t quirks);
/* The model calls a forced tool only without reasoning: the tool is what the answer would be wrong without, so the
 * reasoning is left out, and switched off where the model would reason unasked and there is a word for that. */
bool forced_tool_silences(const struct chat *c, enum dialect_id target, const struct model_rules *rules,
			  uint64_t quirks);
/* "temperature, seed": the words of all bits, for people and for x-weir-dropped. */
struct slice field_list(uint64_t fields, struct arena *a);
/* The same for one chat: members that the hub has no word for are named as the client wrote them, in printable ASCII
 * (this goes into a header). */
struct slice chat_field_list(const struct chat *c, uint64_t fields, struct arena *a);
