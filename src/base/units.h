/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write them in headers and on the command line. */
#pragma once

#include <stdint.h>
#include "base/slice.h"

/* "250ms", "20s", "1.5s", "10m", "2h", "7d": milliseconds. A bare number is refused: it does not say of what. */
bool duration_parse(struct slice text, int64_t *ret_ms);
