/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what prints it. */
#include <stdio.h>
#include "base/slice.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

static const struct option serve_options[] = {
	{ "config", 'c', "FILE", "the configuration (default: $WEIR_CONFIG, else ./weir.yaml, else none)", false },
};

const struct command command_serve = {
	.name = "serve",
	.summary = "run the gateway",
	.details = "Without a configuration the providers are those whose key variables are set (ANTHROPIC_API_KEY,\n"
		   "OPENAI_API_KEY, GEMINI_API_KEY, …). SIGHUP reads the configuration again, SIGTERM finishes what is under\n"
		   "way and ends, a second SIGTERM ends at once.",
	.options = serve_options,
	.option_count = COUNT_OF(serve_options),
	.run = cmd_serve,
};

const struct command *const commands[] = {
	&command_serve,  &command_demo, &command_check,   &command_explain,
	&command_models, &command_mock, &command_version, &command_help,
};
const unsigned command_count = COUNT_OF(commands);

static const struct { const char *name, *sentence; } later[] = {
	{ "key", "virtual keys come later; a configuration's `keys:` work now" },
	{ "usage", "spend and invoices come later; every request is a line of the log" },
	{ "eval", "evaluation sets come later" },
	{ "top", "the live view comes later; /metrics of the admin listener has the numbers" },
	{ "import", "reading other gateways' configurations comes later" },
};

const char *command_comes_later(const char *name)
{
	for (unsigned i = 0; i < COUNT_OF(later); i++)
		if (strcmp(name, later[i].name) == 0)
			return later[i].sentence;
	return NULL;
}

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; i < command_count; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

const char *command_nearest(const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (unsigned i = 0; strlen(name) < 64 && i < command_count; i++) {
		unsigned distance = slice_edit_distance(slice_cstr(name), slice_cstr(commands[i]->name));

		if (distance < best_distance) {
			best_distance = distance;
			best = commands[i]->name;
		}
	}
	return best;
}

static void print_option(const struct option *o, char letter)
{
	char left[64];
	int width = snprintf(left, sizeof(left), "%c%c%s --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ', letter ? "," : " ",
			     o->name, o->argument ? " " : "", o->argument ? o->argument : "");

	if (width > 27)
		printf("  %s\n  %-28s%s\n", left, "", o->help);
	else
		printf("  %-28s%s\n", left, o->help);
}

void command_print_help(const struct command *c)
{
	static const struct option help = { "help", 'h', NULL, "show this text", false };

	printf("%sweir %s%s: %s\n\n%sUsage:%s weir %s [options]\n\n%sOptions:%s\n", style_on(stdout, STYLE_BOLD), c->name,
	       style_off(stdout), c->summary, style_on(stdout, STYLE_BOLD), style_off(stdout), c->name,
	       style_on(stdout, STYLE_BOLD), style_off(stdout));
	for (unsigned i = 0; i < c->option_count; i++)
		print_option(&c->options[i], c->options[i].letter);
	print_option(&help, help.letter);
	if (c->details)
		printf("\n%s\n", c->details);
}

void commands_print(void)
{
	printf("%sweir%s: an AI gateway: one base URL in front of every model provider\n\n"
	       "%sUsage:%s weir COMMAND [options]\n\n%sCommands:%s\n",
	       style_on(stdout, STYLE_BOLD), style_off(stdout), style_on(stdout, STYLE_BOLD), style_off(stdout),
	       style_on(stdout, STYLE_BOLD), style_off(stdout));
	for (unsigned i = 0; i < command_count; i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	printf("\n`weir COMMAND --help` says more about one. Exit status: 0 fine, 1 failed, 2 wrong usage.\n");
}
