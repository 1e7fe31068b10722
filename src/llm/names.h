/* SPDX-License-Identifier: Apache-2.0 */
/* Tool names and call ids outside a target's alphabet, mapped reversibly: the same name is always mapped to the same
 * one (a grown conversation keeps its bytes), two names never to one, and answers are mapped back. */
#pragma once

#include "base/arena.h"

/* An alphabet: letters, digits and `others`, at most `max` bytes; `letter_first`: no digit or '-' in front. */
struct name_rule {
	const char *others;
	size_t max;
	bool letter_first;
};

extern const struct name_rule name_rule_openai;    /* [A-Za-z0-9_-]{1,64} (DIALECTS §3.4) */
extern const struct name_rule name_rule_anthropic; /* [A-Za-z0-9_-]{1,128} */
extern const struct name_rule name_rule_gemini;    /* [A-Za-z_][A-Za-z0-9_.:-]{0,127} */

/* Stands for structured output at models that have none: it must be called, and its input is the answer. */
#define NAMES_ANSWER_TOOL "json_output"

enum { NAMES_MAX = 1024 };             /* more tools than any provider takes */

struct names {
	struct arena *arena;           /* as long as the answer may need them */
	struct name_pair { struct slice theirs, ours; } *pairs; /* those that differ */
	unsigned count, capacity;
	struct slice *customs;         /* clients' names of custom tools that are written as functions */
	unsigned custom_count, custom_capacity;
	struct slice answer_tool;      /* set by who wrote the request with that tool: answering_prepare() makes the
					* answer's text of its calls */
};

void names_init(struct names *n, struct arena *a);
/* What the target is told. Unchanged when it fits; else every illegal byte becomes '_' and a hash of the whole is
 * appended. Over NAMES_MAX the name is still mapped but not remembered. */
struct slice names_out(struct names *n, struct slice name, const struct name_rule *rule);
/* A custom tool is written as a function (custom_input.h): its calls' arguments become free text again. */
void names_add_custom(struct names *n, struct slice name);
bool names_is_custom(const struct names *n, struct slice theirs);
/* What the client called it; unknown names as they are. */
struct slice names_back(const struct names *n, struct slice name);
/* A call's id as the target takes it: unchanged when it fits; else a hash that depends on nothing but the id. `exact`:
 * the length must be exactly `rule->max` (Mistral's nine). */
struct slice names_id(struct slice id, const struct name_rule *rule, bool exact, struct arena *a);
