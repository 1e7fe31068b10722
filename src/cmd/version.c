/* SPDX-License-Identifier: Apache-2.0 */
/* `weir version` and `weir help`. */
#include <stdio.h>
#include "cmd/cmd.h"
#include "provider/catalogue.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

const struct command command_version = {
	.name = "version",
	.summary = "print the program's version and its catalogue's date",
	.run = cmd_version,
};

const struct command command_help = {
	.name = "help",
	.summary = "list the commands, or say more about one: `weir help check`",
	.run = cmd_help,
};

static int cmd_version(int argc, char **argv)
{
	struct options o;
	int status;

	if (!options_parse(&o, &command_version, argc, argv, &status))
		return status;
	printf("weir %s (catalogue %s: %u providers, %u models)\n", WEIR_VERSION, catalogue_version, catalogue_provider_count,
	       catalogue_model_count);
	return 0;
}

static int cmd_help(int argc, char **argv)
{
	const struct command *about = argc == 2 ? command_find(argv[1]) : NULL;
	struct options o;
	int status;

	if (about) {
		command_print_help(about);
		return 0;
	}
	if (!options_parse(&o, &command_help, argc, argv, &status))
		return status;
	commands_print();
	return 0;
}
