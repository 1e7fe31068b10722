/* SPDX-License-Identifier: Apache-2.0 */
/* The hub, first half: a chat request in weir's own words. Every dialect reads its requests into this and writes them
 * from it, so that seven dialects need seven readers and seven writers and no pair of them knows of each other.
 *
 * Everything lies in the request's arena or points into the request's body; text is decoded (no JSON escapes), schemas
 * and other foreign JSON stay as parsed. Order is kept everywhere: the same conversation grown by a turn is written
 * with the same bytes in front, so that providers' prompt caches keep hitting (pain.md F5).
 *
 *     chat ── turns (system, user, assistant) ── parts (text, reasoning, media, tool call, tool result, opaque)
 *          ── tools, choice, format, sampling, reasoning, …
 */
#pragma once

#include "base/failure.h"
#include "json/json.h"
#include "llm/dialect_id.h"
#include "llm/rules.h"

/* ---- parts ---- */

enum cache_mark { CACHE_MARK_NONE, CACHE_MARK_5M, CACHE_MARK_1H };

/* What a provider gave to have its own reasoning handed back: a signature, an encrypted block, a whole item. Only the
 * dialect that read it knows what is in it. */
struct reasoning_state {
	struct slice payload;          /* NULL pointer = none; what the dialect needs, without weir's wrapping */
	struct slice provider;         /* whose it is; empty: as the client sent it, unwrapped (native in `dialect`) */
	enum dialect_id dialect;       /* in which dialect it was read */
};

enum media_source {
	MEDIA_DATA,                    /* `value` is base64 */
	MEDIA_URL,                     /* http(s)://, gs://, s3:// */
	MEDIA_FILE_ID,                 /* uploaded at one provider */
	MEDIA_TEXT                     /* documents: `value` is plain text */
};

struct media {
	enum media_source source;
	struct slice mime;             /* "image/png"; empty = not said (see media_guess_mime) */
	struct slice value;
	struct slice name;             /* file name or title; may be empty */
	struct slice context;          /* documents (Anthropic, Bedrock) */
	struct slice detail;           /* images: low, high, auto, original */
	bool citations;                /* documents: quote from it */
	struct slice transcript;       /* audio in an answer */
	struct slice id;               /* audio in an answer, as earlier audio is referred to */
};

struct tool_call {
	struct slice id;               /* never empty after chat_finish() */
	struct slice name;             /* the client's */
	struct slice arguments;        /* JSON text of an object; free text when custom */
	bool custom;                   /* OpenAI's custom tools */
	struct slice item_id;          /* Responses: "fc_…" */
};

struct tool_result {
	struct slice id;               /* of the call */
	struct slice name;             /* of the tool; filled in by chat_finish() from the call when not said */
	bool is_error;
	bool custom;
	struct part *parts;            /* text and media; NULL = nothing */
	struct part *last;
};

enum part_kind {
	PART_TEXT,
	PART_REASONING,                /* text and/or state; `redacted`: only the provider can read it */
	PART_REFUSAL,
	PART_IMAGE,
	PART_AUDIO,
	PART_VIDEO,
	PART_DOCUMENT,
	PART_TOOL_CALL,                /* assistant */
	PART_TOOL_RESULT,              /* user */
	PART_OPAQUE                    /* a part only its own dialect knows: server tools' calls and results, … */
};

struct part {
	struct part *next;
	enum part_kind kind;
	enum cache_mark cache_mark;    /* a marker stands after this part */
	struct slice text;             /* TEXT, REASONING, REFUSAL */
	bool redacted;                 /* REASONING */
	struct reasoning_state state;  /* REASONING; also TEXT and TOOL_CALL (Gemini's thoughtSignature) */
	struct media *media;           /* IMAGE, AUDIO, VIDEO, DOCUMENT */
	struct tool_call *call;
	struct tool_result *result;
	struct slice raw;              /* OPAQUE: the JSON as it came; else empty, or the native extras of this part */
	enum dialect_id raw_dialect;
	struct slice item_id;          /* Responses: "msg_…", "rs_…" */
	struct slice phase;            /* Responses: commentary | final_answer, replayed as received */
};

enum chat_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct turn {
	struct turn *next;
	enum chat_role role;
	bool developer;                /* ROLE_SYSTEM said as developer */
	struct slice name;             /* participant's name (openai-chat) */
	struct part *parts, *last;
};

/* ---- tools ---- */

enum said { UNSAID, SAID_NO, SAID_YES };

enum tool_kind {
	TOOL_FUNCTION,
	TOOL_CUSTOM,                   /* free text in, optionally by a grammar */
	TOOL_WEB_SEARCH,               /* run by the provider; the plain forms exist in several dialects */
	TOOL_WEB_FETCH,
	TOOL_CODE,
	TOOL_OTHER                     /* run by the provider, known to its own dialect only */
};

struct tool {
	struct tool *next;
	enum tool_kind kind;
	struct slice name, description;
	struct json parameters;        /* JSON schema; missing = takes none */
	enum said strict;
	enum cache_mark cache_mark;
	struct json grammar;           /* TOOL_CUSTOM: OpenAI's format object; missing = free text */
	struct json raw;               /* the whole definition as it came */
	enum dialect_id raw_dialect;
};

enum choice_mode {
	CHOICE_UNSAID,
	CHOICE_AUTO,
	CHOICE_NONE,
	CHOICE_REQUIRED,               /* some tool */
	CHOICE_NAMED,                  /* this tool: `name` */
};

struct tool_choice {
	enum choice_mode mode;
	struct slice name;
	struct slice *allowed;         /* only these (allowed_tools, allowedFunctionNames); NULL = all */
	unsigned allowed_count;
	enum said parallel;            /* SAID_NO: one call at a time */
};

/* ---- the rest ---- */

struct number {                        /* one that may be unsaid; keeps its digits */
	bool said;
	double value;
	struct slice text;             /* as written; empty when computed */
};

enum format_kind { FORMAT_UNSAID, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

struct output_format {
	enum format_kind kind;
	struct slice name, description;
	struct json schema;
	enum said strict;
};

enum reasoning_wish {
	REASONING_UNSAID,
	REASONING_OFF,
	REASONING_ON,                  /* on, the amount being the model's business (adaptive, dynamic, think: true) */
	REASONING_BY_EFFORT,
	REASONING_BY_BUDGET
};

struct reasoning {
	enum reasoning_wish wish;
	unsigned effort;               /* one EFFORT_… bit; with BY_EFFORT, or beside ON (adaptive + effort) */
	int64_t budget;                /* tokens, with BY_BUDGET */
	enum said visible;             /* summaries or thoughts in the answer */
	struct slice summary;          /* Responses: auto, concise, detailed */
};

/* A member of the request that the hub has no word for. */
struct other_member {
	struct other_member *next;
	struct slice path;             /* "generationConfig.speechConfig", "response_format": for messages */
	struct slice raw;              /* its value's JSON */
	uint64_t field;                /* FIELD_… bit it counts as: FIELD_OTHER if nothing better */
};

enum { CHAT_STOPS_MAX = 64 };

struct chat {
	enum dialect_id dialect;       /* it was read from */
	struct slice model;            /* as asked */
	bool stream;
	bool usage_asked;              /* openai-chat: stream_options.include_usage */

	struct turn *turns, *last_turn;
	struct tool *tools, *last_tool;
	struct tool_choice choice;
	struct output_format format;

	int64_t max_output;            /* -1 = not said */
	struct number temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, repeat_penalty, seed;
	struct slice *stops;
	unsigned stop_count;
	int64_t n;                     /* answers; 1 unless said */
	bool logprobs;
	int64_t top_logprobs;          /* -1 = not said */
	struct json logit_bias;        /* object */
	struct reasoning reasoning;
	struct slice verbosity;
	struct slice service_tier; /* in OpenAI's words: auto, default, flex, priority, scale, …; empty = not said */
	struct slice user;             /* end user */
	struct json metadata;          /* object */
	struct slice cache_key;        /* prompt_cache_key */
	enum cache_mark cache_whole;   /* Anthropic's top-level cache_control: mark the last block */
	enum said store;
	struct slice previous_response_id;
	struct json conversation;
	bool background;
	bool audio_output, image_output; /* asked for, beside or instead of text; the details are in `others` */

	struct other_member *others, *last_other;

	uint64_t fields;               /* FIELD_… bits in use; chat_finish() */
};

/* Unsaid everywhere, n = 1. */
void chat_init(struct chat *c, enum dialect_id dialect);
/* Appends; the result is zeroed but for what is given. */
struct turn *chat_add_turn(struct chat *c, struct arena *a, enum chat_role role);
/* The last turn when it has that role, else a new one: for dialects whose turns are flat lists of items. */
struct turn *chat_turn_of(struct chat *c, struct arena *a, enum chat_role role);
struct part *turn_add_part(struct turn *t, struct arena *a, enum part_kind kind);
struct part *turn_add_text(struct turn *t, struct arena *a, struct slice text);
struct part *result_add_part(struct tool_result *r, struct arena *a, enum part_kind kind);
struct tool *chat_add_tool(struct chat *c, struct arena *a, enum tool_kind kind);
void chat_add_other(struct chat *c, struct arena *a, uint64_t field, struct slice path, struct json value);
/* A member that must be a number: said, value and digits. Anything but a number stays unsaid. */
void number_read(struct number *n, struct json v);
/* A string, or an array of strings, as stop sequences. */
void chat_read_stops(struct chat *c, struct arena *a, struct json v);
/* After everything was read: gives calls without an id one that depends only on their place in the conversation, gives
 * results the id and name of the call they answer (by id, else by name, else by order), and computes `fields`. False:
 * the conversation refers to calls that are not in it in a way no dialect allows (reterr: FAILURE_BAD_REQUEST). */
bool chat_finish(struct chat *c, struct arena *a, struct failure *reterr);

/* The conversation with the beginning of an answer at its end: a copy that shares everything with `c`, which must
 * outlive it. */
const struct chat *chat_with_prefill(const struct chat *c, struct slice text, struct arena *a);

/* "minimal" → EFFORT_MINIMAL, 0 when it is no such word. */
unsigned effort_by_name(struct slice name);
const char *effort_name(unsigned effort);
/* The nearest effort that `allowed` (0 = all) has: the next weaker, else the next stronger; NONE only for NONE unless
 * nothing else is there. */
unsigned effort_nearest(unsigned effort, unsigned allowed);
/* Between efforts and budgets, as shares of the model's longest output: minimal 2 %, low 10 %, medium 30 %, high 60 %,
 * xhigh 90 %, max all of it, within [low, high] (DIALECTS §3.12). */
int64_t effort_to_budget(unsigned effort, int64_t max_output, int64_t low, int64_t high);
unsigned budget_to_effort(int64_t budget, int64_t max_output);

/* "data:image/png;base64,…" → mime and base64 data; false when it is no base64 data URL. */
bool media_read_data_url(struct slice url, struct slice *ret_mime, struct slice *ret_data);
/* A type for data that came without one: by its first bytes, else by the name's or URL's ending, else empty. */
struct slice media_guess_mime(const struct media *m);
/* PART_IMAGE, PART_AUDIO, PART_VIDEO or PART_DOCUMENT. */
enum part_kind media_part_kind(struct slice mime);
