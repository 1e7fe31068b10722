/* SPDX-License-Identifier: Apache-2.0 */
/* Which configuration a command reads, and how its problems are printed. */
#pragma once

#include <stdio.h>
#include "config/config.h"

/* `given` (from -c), else $WEIR_CONFIG, else ./weir.yaml when there is one, else NULL: no file, the providers are those
 * whose key variables are set. */
const char *config_file_path(const char *given);
/* "weir.yaml:3:5: error: unknown key …", one line each; with `warnings` false only the errors. */
void config_file_print(const struct config_report *r, bool warnings, FILE *f);
/* Reads it for a command that only looks: NULL when there are errors, which were printed on standard error. */
struct config *config_file_load(const char *given);
