/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `weir explain`. */
#pragma once

#include "base/buf.h"
#include "cmd/options.h"
#include "json/json.h"

enum { EXPLAIN_BODY_MAX = 64 << 20, EXPLAIN_ANSWER_MAX = 16 << 20 };

/* An explanation (docs/admin-api.md) for people. */
void explain_print(struct json root, struct arena *a);
/* Asks the gateway that --live names. Returns the exit status, 0 when `out` has its answer. */
int explain_live(const struct options *o, struct slice question, struct buf *out, struct arena *a);
