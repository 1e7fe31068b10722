/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command that was named and runs it. The commands themselves are listed in commands.c. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"

static int run_unknown(const char *name)
{
	const char *later = command_comes_later(name);
	const char *nearest = command_nearest(name);

	if (later)
		fprintf(stderr, "weir %s: %s\n", name, later);
	else if (nearest)
		fprintf(stderr, "weir: unknown command '%s'; did you mean '%s'? See `weir --help`\n", name, nearest);
	else
		fprintf(stderr, "weir: unknown command '%s'; see `weir --help`\n", name);
	return EXIT_USAGE;
}

/* What was printed must have arrived, unless whoever read it has seen enough. */
static int finish(int status)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return status;
	fprintf(stderr, "weir: the output cannot be written: %s\n", strerror(errno));
	return status == 0 ? 1 : status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command;

	/* Writing to a peer that went away is an error code, not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	command = command_find(name);
	if (command)
		return finish(command->run(argc - 1, argv + 1));
	if (argc < 2) {
		commands_print();
		return EXIT_USAGE;
	}
	return run_unknown(name);
}
