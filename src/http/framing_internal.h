/* SPDX-License-Identifier: Apache-2.0 */
/* What each framing tells the framer. */
#pragma once

#include "http/framing.h"

struct cutter {
	/* Where in the input the frame ends. NULL when it ends behind it, or `overflow` or `malformed` has been set. */
	const char *(*find_end)(struct framer *f);
	/* Takes a frame apart of which `raw` is set; may set `overflow` or `malformed`. */
	void (*read)(struct framer *f, struct frame *frame);
	/* At the end of the input: whether the tail counts as a frame. NULL: never. */
	bool (*tail_is_frame)(const struct framer *f);
};

extern const struct cutter sse_cutter, json_array_cutter, event_stream_cutter, ndjson_cutter;

/* Returns NULL, as find_end() has to. */
static inline const char *framer_malformed(struct framer *f)
{
	f->malformed = true;
	return NULL;
}
