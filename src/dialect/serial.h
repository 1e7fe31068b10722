/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks one after the other: for dialects whose streams cannot hold two open at once, while tool calls may overlap
 * in the hub. As long as a call is open, the events of other blocks wait here, by block, in the order in which
 * these began. */
#pragma once

#include "dialect/dialect.h"

enum { SERIAL_BLOCKS_MAX = 1024 };

/* An event that has to wait, with its texts copied. */
struct serial_event {
	struct serial_event *next;
	struct event event;
};

struct serial_block;

/* All zero: nothing waits. */
struct serial {
	struct serial_block *blocks, *last;
	unsigned count;                /* of those */
	size_t held;                   /* bytes of what waits */
};

/* False: too much waits, in blocks or in bytes (w->limit). */
bool serial_hold(struct serial *s, struct event_writer *w, const struct event *e);
/* Takes off the block that has waited longest: its events, a call's state right behind its begin. NULL: none waits. */
const struct serial_event *serial_next(struct serial *s);
