/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, reading and complaining about the configuration file. */
#include "cmd/config_file.h"
#include "cmd/terminal.h"

#define DEFAULT_FILE "weir.yaml"

const char *config_file_path(const char *given)
{
	const char *named = getenv("WEIR_CONFIG");

	if (given)
		return given;
	if (named && *named)
		return named;
	return access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
}

static void print_problem(const struct config_report *r, const struct config_problem *p, FILE *f)
{
	if (r->file.len > 0)
		fprintf(f, "%.*s:", SLICE_ARG(r->file));
	if (p->line > 0)
		fprintf(f, "%u:%u:", p->line, p->column);
	fprintf(f, "%s%s%s%s %.*s\n", r->file.len > 0 || p->line > 0 ? " " : "", style_on(f, p->warning ? STYLE_WARN : STYLE_BAD),
		p->warning ? "warning:" : "error:", style_off(f), SLICE_ARG(p->text));
}

void config_file_print(const struct config_report *r, bool warnings, FILE *f)
{
	for (unsigned i = 0; i < r->count; i++)
		if (warnings || !r->problems[i].warning)
			print_problem(r, &r->problems[i], f);
}

struct config *config_file_load(const char *given)
{
	struct config_report report;
	struct config *c = config_load(config_file_path(given), &report);

	if (!c)
		config_file_print(&report, false, stderr);
	config_report_done(&report);
	return c;
}
