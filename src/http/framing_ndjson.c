/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON value per line, ended by LF or CRLF (DIALECTS.md §5.8; recorded: ollama and cohere send LF). Whether a line
 * is good JSON is for its reader to say. */
#include "http/framing_internal.h"

static const char *find_line_end(struct framer *f)
{
	const char *stop = memchr(f->input.ptr, '\n', f->input.len);

	return stop ? stop + 1 : NULL;
}

static void read_line(struct framer *f, struct frame *frame)
{
	struct slice line = frame->raw;

	line.len -= slice_ends_with(line, SLICE("\n"));
	line.len -= slice_ends_with(line, SLICE("\r"));
	frame->has_data = slice_trim(line).len > 0;
	if (frame->has_data)
		frame->data = line;
}

static bool last_line_is_frame(const struct framer *f)
{
	return true;
}

const struct cutter ndjson_cutter = { find_line_end, read_line, last_line_is_frame };

bool ndjson_write(struct buf *out, struct slice data)
{
	char *p = buf_reserve(out, data.len + 1);

	check(slice_find(data, SLICE("\n")) == SIZE_MAX, "a line of NDJSON has a line end inside");
	if (!p)
		return false;
	if (data.len > 0)
		p = mempcpy(p, data.ptr, data.len);
	*p = '\n';
	buf_commit(out, data.len + 1);
	return true;
}
