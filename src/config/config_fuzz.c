/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: never a crash, a leak or a hang; either a configuration or at least one error. */
#include <stdint.h>
#include <stdlib.h>
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 itself forgets 2 KB when it scans many doubled quotes. Unit tests run without this. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct config_report report;
	struct config *c;

	/* The input must not choose files of this machine to read. */
	if (slice_find(text, SLICE("file:")) != SIZE_MAX)
		return 0;
	c = config_parse(text, "fuzz.yaml", &report);
	if ((c == NULL) != (report.errors > 0))
		abort();
	config_unref(c);
	config_report_done(&report);
	return 0;
}
