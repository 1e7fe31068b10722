/* SPDX-License-Identifier: Apache-2.0 */
/* How a body is cut into events. A framer survives any split of its input: it is fed what the network gave and hands
 * out whole frames; the tail of an unfinished one stays inside, up to a limit.
 *
 *   SSE          text/event-stream: LF, CRLF or CR, comments, BOM, several data lines (WHATWG HTML, §9.2)
 *   JSON_ARRAY   one JSON array streamed element by element (Gemini without alt=sse): "[{…}\n,\r\n{…}\n]"
 *   EVENT_STREAM application/vnd.amazon.eventstream: binary frames with check sums (DIALECTS.md §5.6)
 *   NDJSON       one JSON value per line, LF or CRLF (DIALECTS.md §5.8)
 *
 * Frames keep their exact bytes: what is relayed verbatim is `raw`, and the raws of consecutive frames are adjacent in
 * memory as long as they came from one feed. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

enum framing { FRAMING_SSE, FRAMING_JSON_ARRAY, FRAMING_EVENT_STREAM, FRAMING_NDJSON };

enum { FRAME_MAX = 16 << 20 };         /* default cap of one event; the configuration may lower or raise it */

struct frame {
	struct slice raw;              /* as received, with its blank line or line end (array: separator before) */
	struct slice event;            /* SSE "event" field; an event stream's ":event-type"; else empty */
	struct slice data;             /* SSE data lines joined by LF; the element; payload; line without its end */
	struct slice exception;        /* event stream: an exception's type or error's code, never empty for these */
	bool has_data;                 /* false: comments, fields without data, blank lines, unknown message types */
	bool closes;                   /* JSON array: this frame is the closing bracket (raw may be all it has) */
};

/* Where a JSON array's framer is. */
enum array_place { ARRAY_BEFORE, ARRAY_OPENED, ARRAY_AFTER_COMMA, ARRAY_IN_ELEMENT, ARRAY_AFTER_ELEMENT, ARRAY_CLOSED };

/* Everything but `overflow` and `malformed` is private. */
struct framer {
	enum framing framing;
	struct buf tail;               /* bytes of an unfinished frame from earlier feeds */
	struct buf joined;             /* several data lines of one event, joined */
	struct slice input;            /* what is left of the current feed */
	bool tail_given;               /* the last frame handed out was `tail` */
	bool started;                  /* SSE: the byte order mark is dealt with */
	unsigned char mark_bytes;      /* SSE: how much of it has been seen */
	bool line_begun;               /* SSE: the current line is not empty */
	bool after_cr;                 /* SSE: the last byte was a CR: an LF that follows belongs to it */
	bool in_string, escaped;       /* JSON array */
	enum array_place place;
	unsigned depth;
	size_t element_at;             /* JSON array: where in its frame the element begins */
	bool closing_given;            /* JSON array: the frame that closes it has been handed out */
	size_t frame_len;              /* event stream: of the frame at hand once its prelude is in, else 0 */
	bool overflow, malformed;
};

void framer_init(struct framer *f, enum framing framing, size_t frame_max);
void framer_done(struct framer *f);
/* Gives it more bytes, borrowed until framer_next() has returned false. Call only then. */
void framer_feed(struct framer *f, struct slice bytes);
/* The next whole frame; its slices are valid until the next call. False: needs more, or `overflow` or `malformed` is
 * set. The raws follow each other without a gap, whatever the split. Frames without data are comments and blank lines,
 * the LF of a CRLF whose CR ended the feed before (nothing is held back to wait for it), white space after an array. */
bool framer_next(struct framer *f, struct frame *ret);
/* At the end of the input: an unfinished SSE frame that has complete lines is returned as if a blank line had followed
 * (some providers forget it; `raw` holds what was received), and so is the last line of NDJSON without its line end,
 * which may be cut: its JSON tells. True if there was one. Anything else left in the tail is a cut. */
bool framer_end(struct framer *f, struct frame *ret);
/* True when bytes of an unfinished frame are held. */
bool framer_has_tail(const struct framer *f);
/* At the end of the input, after framer_end(): nothing is missing, neither of a frame nor the closing bracket. */
bool framer_is_complete(const struct framer *f);

/* Writes one SSE event: an event line when `event` is not empty, one data line per line of `data` (whichever its line
 * ends), a blank line. False, with nothing written, over the buffer's limit. */
bool sse_write(struct buf *out, struct slice event, struct slice data) MUSTCHECK;
/* One event stream frame with content type application/json. `message_type` is "event" or "exception", `type_name` the
 * name of that event or exception. False, with nothing written, over the buffer's or the format's limits. */
bool event_stream_write(struct buf *out, struct slice message_type, struct slice type_name,
			struct slice payload) MUSTCHECK;
/* One line of NDJSON. `data` is JSON that we wrote: without line ends. False, with nothing written, over the limit. */
bool ndjson_write(struct buf *out, struct slice data) MUSTCHECK;

/* The media type, without parameters. */
const char *framing_content_type(enum framing framing);
