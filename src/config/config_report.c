/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what is wrong with a configuration, and what is merely worth saying. */
#include <stdarg.h>
#include <stdio.h>
#include "config/config_internal.h"

enum { SENTENCE_MAX = 1024 };

void report_init(struct config_report *report, const char *file)
{
	*report = (struct config_report){ 0 };
	arena_init(&report->arena);
	report->file = arena_dup(&report->arena, slice_cstr(file));
}

void config_report_done(struct config_report *r)
{
	arena_done(&r->arena);
	*r = (struct config_report){ 0 };
}

static void add(struct config_report *report, struct config_problem p)
{
	if (!p.warning)
		report->errors++;
	if (report->count >= CONFIG_PROBLEMS_MAX)
		return;
	if (report->count == 0 || (report->count >= 16 && (report->count & (report->count - 1)) == 0)) {
		unsigned cap = report->count ? report->count * 2 : 16;
		struct config_problem *grown = arena_array(&report->arena, struct config_problem, cap);

		if (report->count)
			memcpy(grown, report->problems, report->count * sizeof(*grown));
		report->problems = grown;
	}
	report->problems[report->count++] = p;
}

static void PRINTF(4, 0) add_sentence(struct reader *r, struct yaml where, bool is_warning, const char *format,
					  va_list args)
{
	char sentence[SENTENCE_MAX];

	vsnprintf(sentence, sizeof(sentence), format, args);
	/* What is quoted from the file may hold anything; a terminal must not obey it. */
	for (char *c = sentence; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	add(r->report, (struct config_problem){ .warning = is_warning, .line = where.line, .column = where.column,
						.text = arena_dup(&r->report->arena, slice_cstr(sentence)) });
}

void problem(struct reader *r, struct yaml where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(r, where, false, format, args);
	va_end(args);
}

void warning(struct reader *r, struct yaml where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(r, where, true, format, args);
	va_end(args);
}

static bool comes_before(const struct config_problem *a, const struct config_problem *b)
{
	if (a->line == 0 || b->line == 0)
		return b->line == 0 && a->line != 0;
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void report_sort(struct config_report *report)
{
	/* Insertion keeps the order of problems at one place; the list is short. */
	for (unsigned i = 1; i < report->count; i++) {
		struct config_problem p = report->problems[i];
		unsigned j = i;

		for (; j > 0 && comes_before(&p, &report->problems[j - 1]); j--)
			report->problems[j] = report->problems[j - 1];
		report->problems[j] = p;
	}
}
