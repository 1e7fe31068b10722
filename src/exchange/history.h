/* SPDX-License-Identifier: Apache-2.0 */
/* The last requests of one worker, each with the decision behind it and its record as it went to the log. Bounded in
 * number and in bytes; only the worker's own thread touches it. */
#pragma once

#include "base/slice.h"
#include "exchange/explanation.h"
#include "exchange/record.h"

enum { HISTORY_MAX = 2048, HISTORY_BYTES_MAX = 4 << 20 };

struct history_entry {
	uint64_t id;                   /* hash of the request's */
	int64_t wall_ms;               /* when it began */
	uint64_t config_version;
	struct explanation *explanation; /* NULL: it never came to a plan */
	struct slice line;             /* of the log; heap */
};

struct history {                       /* all zero is an empty one */
	struct history_entry *entries; /* a ring, allocated as it is used */
	unsigned room, first, count;
	size_t bytes;
};

void history_done(struct history *h);
/* Takes the explanation over (NULL: there is none) and copies the line that was logged of the record. */
void history_keep(struct history *h, const struct record *r, struct slice line, struct explanation *e);
/* NULL: not one of the last. */
const struct history_entry *history_find(const struct history *h, struct slice id);
/* 0 = the newest; NULL behind the oldest. */
const struct history_entry *history_newest(const struct history *h, unsigned index);
