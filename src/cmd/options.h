/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options, described once: the same table parses them, prints --help and is what the manual page and the
 * shell completions are tested against. "--name VALUE", "--name=VALUE", "-x VALUE" and "-xVALUE" are understood. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"

enum { OPTIONS_MAX = 24, OPTION_VALUES_MAX = 16, EXIT_USAGE = 2 };

struct option {
	const char *name;              /* without its dashes */
	char letter;                   /* short form, or 0 */
	const char *argument;          /* "FILE"; NULL = takes none */
	const char *help;              /* one line */
	bool repeats;                  /* may be given up to OPTION_VALUES_MAX times */
};

struct command;

struct options {
	const struct command *command;
	struct {
		unsigned count;        /* how often it was given */
		const char *values[OPTION_VALUES_MAX]; /* borrowed from argv */
	} given[OPTIONS_MAX];
};

/* `argv[0]` is the command's name. False when there is nothing more to do: --help was printed (*ret_exit 0) or what was
 * wrong (*ret_exit EXIT_USAGE). */
bool options_parse(struct options *o, const struct command *command, int argc, char **argv, int *ret_exit) MUSTCHECK;
bool options_has(const struct options *o, const char *name);
unsigned options_count(const struct options *o, const char *name);
/* NULL when it was not given. */
const char *options_get(const struct options *o, const char *name);
const char *options_at(const struct options *o, const char *name, unsigned index);
/* Leaves *ret alone when the option was not given. False, with a message printed, when it is no number between low and
 * high. */
bool options_number(const struct options *o, const char *name, int64_t low, int64_t high, int64_t *ret) MUSTCHECK;
/* The same for "250ms", "20s", "10m". */
bool options_duration(const struct options *o, const char *name, int64_t *ret_ms) MUSTCHECK;
/* "weir check: …; see weir check --help" on standard error. Returns EXIT_USAGE. */
int options_complain(const struct options *o, const char *format, ...) PRINTF(2, 3);
