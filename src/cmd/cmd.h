/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the program. Each has a file of its own; commands.c lists them, main.c runs the one named. */
#pragma once

#include "cmd/options.h"

struct command {
	const char *name;
	const char *summary;           /* one line, for the list */
	const char *details;           /* paragraphs for --help, or NULL */
	const struct option *options;
	unsigned option_count;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

extern const struct command command_serve, command_demo, command_check, command_explain, command_models, command_mock,
	command_version, command_help;

/* In the order of `weir help`. */
extern const struct command *const commands[];
extern const unsigned command_count;

const struct command *command_find(const char *name);
/* The command's name that is nearest to a word that is none, or NULL. */
const char *command_nearest(const char *name);
/* Usage, options and details of one command; the list of all of them. */
void command_print_help(const struct command *c);
void commands_print(void);
/* Names the contract reserves for later: "virtual keys come later"; NULL for any other word. */
const char *command_comes_later(const char *name);

int cmd_serve(int argc, char **argv);
