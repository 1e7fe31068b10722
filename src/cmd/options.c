/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of command-line options by a command's table. */
#include <stdarg.h>
#include <stdio.h>
#include "base/slice.h"
#include "base/units.h"
#include "cmd/cmd.h"

static void PRINTF(2, 0) complain(const struct command *c, const char *format, va_list args)
{
	fprintf(stderr, "weir %s: ", c->name);
	vfprintf(stderr, format, args);
	fprintf(stderr, " (see `weir %s --help`)\n", c->name);
}

int options_complain(const struct options *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(o->command, format, args);
	va_end(args);
	return EXIT_USAGE;
}

static unsigned find_option(const struct command *c, struct slice name)
{
	unsigned i = 0;

	while (i < c->option_count && !slice_eq(slice_cstr(c->options[i].name), name))
		i++;
	return i;
}

static unsigned find_letter(const struct command *c, char letter)
{
	unsigned i = 0;

	while (i < c->option_count && c->options[i].letter != letter)
		i++;
	return i;
}

static void complain_unknown(const struct options *o, struct slice name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	if (name.len < 64 && slice_edit_distance(name, SLICE("help")) < best_distance) {
		best_distance = slice_edit_distance(name, SLICE("help"));
		best = "help";
	}
	for (unsigned i = 0; name.len < 64 && i < o->command->option_count; i++) {
		unsigned distance = slice_edit_distance(name, slice_cstr(o->command->options[i].name));

		if (distance < best_distance) {
			best_distance = distance;
			best = o->command->options[i].name;
		}
	}
	if (best)
		options_complain(o, "unknown option '--%.*s'; did you mean '--%s'?", SLICE_ARG(name), best);
	else
		options_complain(o, "unknown option '--%.*s'", SLICE_ARG(name));
}

static bool note(struct options *o, unsigned index, const char *value)
{
	const struct option *option = &o->command->options[index];

	if (o->given[index].count == (option->repeats ? OPTION_VALUES_MAX : 1)) {
		options_complain(o, "--%s is given too often", option->name);
		return false;
	}
	o->given[index].values[o->given[index].count++] = value;
	return true;
}

/* One argument from the line, and the next one when it is the value. False: complained. */
static bool take(struct options *o, const char *text, const char *next, bool *ret_used_next)
{
	bool is_long = text[1] == '-';
	const char *equals = is_long ? strchr(text, '=') : NULL;
	struct slice name = is_long ? slice_of(text + 2, equals ? (size_t)(equals - text - 2) : strlen(text + 2))
				    : slice_of(text + 1, 1);
	unsigned index = is_long ? find_option(o->command, name) : find_letter(o->command, text[1]);
	const char *value = is_long ? (equals ? equals + 1 : NULL) : (text[2] ? text + 2 : NULL);

	if (index == o->command->option_count) {
		if (is_long)
			complain_unknown(o, name);
		else
			options_complain(o, "unknown option '-%c'", text[1]);
		return false;
	}
	if (!o->command->options[index].argument) {
		if (value) {
			options_complain(o, "--%s takes no value", o->command->options[index].name);
			return false;
		}
	} else if (!value) {
		if (!next) {
			options_complain(o, "--%s needs %s", o->command->options[index].name,
					 o->command->options[index].argument);
			return false;
		}
		value = next;
		*ret_used_next = true;
	}
	return note(o, index, value);
}

bool options_parse(struct options *o, const struct command *command, int argc, char **argv, int *ret_exit)
{
	check(command->option_count <= OPTIONS_MAX, "a command has more options than struct options holds");
	*o = (struct options){ .command = command };
	*ret_exit = EXIT_USAGE;
	for (int i = 1; i < argc; i++) {
		bool used_next = false;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			command_print_help(command);
			*ret_exit = 0;
			return false;
		}
		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			options_complain(o, "unexpected argument '%s'", argv[i]);
			return false;
		}
		if (!take(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used_next))
			return false;
		i += used_next;
	}
	return true;
}

static unsigned index_of(const struct options *o, const char *name)
{
	unsigned index = find_option(o->command, slice_cstr(name));

	check(index < o->command->option_count, "a command asks for an option that is not in its table");
	return index;
}

bool options_has(const struct options *o, const char *name)
{
	return options_count(o, name) > 0;
}

unsigned options_count(const struct options *o, const char *name)
{
	return o->given[index_of(o, name)].count;
}

const char *options_get(const struct options *o, const char *name)
{
	return options_at(o, name, 0);
}

const char *options_at(const struct options *o, const char *name, unsigned index)
{
	unsigned i = index_of(o, name);

	return index < o->given[i].count ? o->given[i].values[index] : NULL;
}

bool options_number(const struct options *o, const char *name, int64_t low, int64_t high, int64_t *ret)
{
	const char *text = options_get(o, name);
	unsigned long long value;

	if (!text)
		return true;
	if (!slice_to_u64(slice_cstr(text), &value) || value > (unsigned long long)high || (int64_t)value < low) {
		options_complain(o, "--%s takes a number from %lld to %lld, not '%s'", name, (long long)low, (long long)high,
				 text);
		return false;
	}
	*ret = (int64_t)value;
	return true;
}

bool options_duration(const struct options *o, const char *name, int64_t *ret_ms)
{
	const char *text = options_get(o, name);

	if (!text || duration_parse(slice_cstr(text), ret_ms))
		return true;
	options_complain(o, "--%s takes a duration such as 250ms or 20s, not '%s'", name, text);
	return false;
}
