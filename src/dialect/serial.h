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
/* Hands what waits to `apply`, block by block in the order in which they began (a call's state right behind its begin),
 * until none waits or a call `is_open` again. False: `apply` was. */
bool serial_release(struct serial *s, struct event_writer *w, struct buf *out,
		    bool (*is_open)(const struct event_writer *w),
		    bool (*apply)(struct event_writer *w, const struct event *e, struct buf *out));
