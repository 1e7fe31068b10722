/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects' folders share: reading request members, event bookkeeping, error bodies, estimates. Private to
 * dialect/. */
#pragma once

#include "base/buf.h"
#include "dialect/dialect.h"
#include "json/writer.h"

/* request.c: the members every dialect has. Those that return bool fill in a FAILURE_BAD_REQUEST. */
enum { REQUEST_MODEL_MAX = 512 };      /* bytes of a model name; the longest real ones (ARNs) are near 200 */

/* Clears all facts but the document, and finds the root, which must be an object. */
bool request_begin(struct request_facts *facts, struct json *ret, struct failure *reterr);
/* Refuses a member that is there twice, however its name is escaped. */
bool request_single(struct json root, struct slice name, struct failure *reterr);
bool request_read_model(struct request_facts *facts, struct json root, struct arena *a, struct failure *reterr);
/* A model that came by the path: the same rules, without a body. */
bool request_check_model(struct slice model, struct failure *reterr);
bool request_read_stream(struct request_facts *facts, struct json root, struct failure *reterr);
/* The first of two members that is a whole number of tokens, or -1. */
int64_t request_read_limit(struct json object, const char *name, const char *otherwise);
/* True for a string, array or object that has something in it. */
bool json_is_filled(struct json v);
/* Puts the target's model where the asked one stands. */
bool request_edit_model(const struct request_facts *facts, const struct request_edits *want, struct splice *out,
			struct arena *a);
/* A JSON string literal of `text`. */
struct slice json_quote(struct slice text, struct arena *a);
/* Foreign JSON without line ends, which would end an event or a line of NDJSON; itself when it has none. */
struct slice json_one_line(struct slice json, struct arena *a);
/* Everything but letters, digits and `unescaped` as %XX: what a path segment may not hold (RFC 3986 §3.3). */
struct slice path_escape(struct slice text, const char *unescaped, struct arena *a);
/* path?query, or the path alone. */
struct slice request_join_query(struct slice path, struct slice query, struct arena *a);

/* prompt_measure.c: what is in the members that make up the prompt, named by a NULL-ended list. */
void prompt_measure(struct json root, const char *const *members, struct arena *scratch, struct prompt_parts *ret);
/* prompt.c: a hash over them. `turns` is the member with the conversation, of which only what leads up to and includes
 * the first user turn counts. */
uint64_t prompt_prefix_hash(struct json root, const char *const *members, const char *turns);

/* events.c */
void reading_init(struct reading *ret);
void reading_malformed(struct reading *ret, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
void reader_init(struct event_reader *r, const struct dialect *d, enum operation op);
/* Parses an event's data, which must be an object. False: `ret` says MALFORMED. Halves of characters at either end of a
 * string are marked for the reader's sink (llm/event.h). */
bool event_parse(struct event_reader *r, struct slice data, struct arena *scratch, struct json_doc *doc,
		 struct json *root, struct reading *ret);
/* The same for a whole answer, and judges it so far: an error body, HTML, nothing and null are told apart. */
bool whole_parse(struct slice body, struct arena *scratch, struct json_doc *doc, struct json *root,
		 struct reading *ret);
/* Marks a whole answer as read to its end. */
void whole_complete(struct event_reader *r, struct reading *ret);
/* The bytes of a member and the comma that belongs to it, within the document's text. */
struct slice member_span(struct json object, const char *name);
void reader_note_model(struct event_reader *r, struct json model, struct arena *scratch);
/* Counts a string (or the source of anything else) as output; true when there was something in it. */
bool reader_count_output(struct event_reader *r, struct json v);
/* A usage counter; -1 when it is not said, or is beyond reason (counters are added up: nothing near overflow gets
 * in). */
#define COUNT_OF_TOKENS_MAX 1000000000000
int64_t count_of(struct json object, const char *name);
/* Takes a cumulative report. One without a positive counter is no report (pain F11); zeros never take a count back. */
void reader_note_usage(struct event_reader *r, struct usage *report);
/* A choice was seen, `finished` if with its finish; returns true when with it the whole answer has finished. */
bool reader_note_choice(struct event_reader *r, int64_t index, bool finished);

/* An id that nobody gave: the same one for the same seed and order. */
enum { WRITER_ID_MAX = 48 };           /* prefix of at most 15, 24 letters and digits */
struct slice writer_make_id(struct event_writer *w, const char *prefix, char ret[static WRITER_ID_MAX]);

/* failure_read.c */
void failure_read(int status, struct slice body, struct arena *scratch, struct failure *ret);
/* The name of a google.rpc.Code, INVALID_ARGUMENT: as no one else writes a type. */
bool failure_type_is_google(const char *type);
/* True, and `ret` filled in, when an answer that should be of `answer_member` (NULL: any) carries an error instead. */
bool failure_in_band(struct json root, const char *answer_member, struct arena *scratch, struct failure *ret);

/* What an error body says, before it is judged. */
struct error_parts {
	struct slice message, type, code, param;
	struct slice status_name;      /* google.rpc: "RESOURCE_EXHAUSTED" */
	struct slice reason;           /* the most specific code: ErrorInfo.reason, innererror.code, error_code */
	int number;                    /* an HTTP status inside the body, or 0 */
	bool daily;                    /* a quota that comes back tomorrow, not in a minute */
	int64_t retry_after_ms;
};
/* failure_kind.c: DIALECTS §6.2, §6.4–6.6. `status` is HTTP's, below 400 for an error inside an answer. */
enum failure_kind failure_classify(const struct error_parts *p, int status);

/* deviations.c: those of the quirks that meet this request where it is relayed verbatim. */
enum {
	QUIRKS_OF_REASONING = QUIRK_THINKING_TYPE | QUIRK_ENABLE_THINKING | QUIRK_REASONING_OBJECT |
			      QUIRK_CHAT_TEMPLATE_THINKING | QUIRK_REASONING_ENABLED,
};
uint64_t deviations_met(const struct chat *c, struct json root, uint64_t quirks);

/* openai.c: what both OpenAI dialects share. */
/* The path with the query that goes with it. Azure's classic URLs always name a version of the API: the client's own,
 * or the base URL's, or this (DIALECTS §2.2). */
#define OPENAI_AZURE_VERSION "2025-03-01-preview"
struct slice openai_path(struct slice path, const struct request_route *route, struct arena *a);
void openai_read_usage(struct event_reader *r, struct json usage);
/* {token, logprob, bytes, top_logprobs}: LogProb of OpenAI's API description, and Ollama's (DIALECTS §4.7).
 * `bytes_first`: before the number, as Responses has them. */
void openai_write_logprob(struct json_writer *w, const struct logprob *p, bool with_top, bool bytes_first);
/* The member "error" of an object that is being written. */
void openai_write_error(struct json_writer *w, const struct failure_view *v);
void openai_write_failure(const struct failure_view *v, struct buf *out);
const char *sse_content_type(enum framing framing);
/* A comment, which the WHATWG grammar has clients ignore; nothing in framings that have no such thing. */
struct slice sse_comment_heartbeat(enum framing framing);
extern const char *const openai_request_headers[];
extern const char *const openai_answer_headers[];

/* A failure's texts are bounded; escaped they take at most six times their size. */
enum { FAILURE_EVENT_MAX = 16384 };
/* events.c: one SSE event around JSON written with a writer. An `out` without room stays as it was: its owner
 * chose the limit, and a stream that ends without the event is still seen to be cut. */
void event_begin(struct json_writer *w, struct buf *data);
void event_end(struct json_writer *w, struct slice event, struct buf *out);
