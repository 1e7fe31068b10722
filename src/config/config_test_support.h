/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of configurations: a text and the problems it has, one per line, in order. */
#pragma once

#include <stdio.h>
#include "config/config.h"

/* `expected` holds the problems in order, one per line: "LINE:COLUMN: part of the sentence"; "warning " before the
 * sentence for warnings. Every line must be there, and nothing else. "*": some error, at some line. */
struct text_case {
	const char *text;
	const char *expected;
};

static inline void print_report(const struct config_report *report)
{
	for (unsigned i = 0; i < report->count; i++)
		print_message("  %u:%u: %s%.*s\n", report->problems[i].line, report->problems[i].column,
			      report->problems[i].warning ? "warning " : "", SLICE_ARG(report->problems[i].text));
}

/* True if the problem is what the line says. */
static inline bool problem_matches(const struct config_problem *p, struct slice line)
{
	char place[32];

	snprintf(place, sizeof(place), "%u:%u: ", p->line, p->column);
	if (!slice_starts_with(line, slice_cstr(place)))
		return false;
	line = slice_after(line, strlen(place));
	if (slice_starts_with(line, SLICE("warning ")) != p->warning)
		return false;
	if (p->warning)
		line = slice_after(line, 8);
	return slice_find(p->text, line) != SIZE_MAX;
}

static inline bool check_case(const struct text_case *c)
{
	struct config_report report;
	struct config *config = config_parse(slice_cstr(c->text), "test.yaml", &report);
	struct slice expected = slice_cstr(c->expected);
	bool good = (config == NULL) == (report.errors > 0);
	unsigned i = 0;

	if (strcmp(c->expected, "*") == 0) {
		good &= report.errors > 0 && report.problems[0].line > 0;
	} else {
		while (expected.len > 0) {
			struct slice line = slice_next_token(&expected, '\n');

			good &= i < report.count && problem_matches(&report.problems[i], line);
			i++;
		}
		good &= i == report.count;
	}
	if (!good) {
		print_message("%sgives\n", c->text);
		print_report(&report);
	}
	config_unref(config);
	config_report_done(&report);
	return good;
}
