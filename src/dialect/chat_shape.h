/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects descended from OpenAI's chat completions have in common (openai-chat, Cohere's v2 chat, Ollama's
 * /api/chat; Mistral and everyone compatible by way of the first): tools, tool calls, tool choice, response formats,
 * content parts, results of tools as messages. What differs is an option here, not a copy there. DIALECTS §3.2–§3.7. */
#pragma once

#include "dialect/chat_read.h"
#include "dialect/request_write.h"
#include "llm/schema.h"

/* ---- reading ---- */

enum shape_role { SHAPE_UNKNOWN, SHAPE_SYSTEM, SHAPE_DEVELOPER, SHAPE_USER, SHAPE_ASSISTANT, SHAPE_TOOL };

enum shape_role shape_read_role(struct json role);

/* Where parts that are read go: a turn, or a tool's result within one. */
struct shape_place {
	struct chat *chat;
	struct arena *arena;
	struct turn *turn;
	struct tool_result *result;    /* NULL: into the turn */
	const char *path;              /* of the content, for messages: "messages[2].content" */
};

struct part *shape_add_part(const struct shape_place *at, enum part_kind kind);
/* A string, an array of parts, or nothing. `read_part` reads one element of an array; shape_read_part where the dialect
 * has no parts of its own. */
void shape_read_content(const struct shape_place *at, struct json content,
			void (*read_part)(const struct shape_place *at, struct json part));
/* text, refusal, image_url, input_audio, file, video_url, document_url (Mistral); anything else becomes opaque. */
void shape_read_part(const struct shape_place *at, struct json part);
/* cache_control (Anthropic's, through OpenRouter and DashScope) and prompt_cache_breakpoint (OpenAI). */
enum cache_mark shape_read_cache_mark(struct json part);
/* A data URL or another one; `bare`: a string that is no URL is base64 (Mistral's input_audio). */
void shape_read_url(struct media *m, struct slice url, bool bare);

/* [{type: function|custom, function: {name, description, parameters, strict}}]. Other types are tools that the provider
 * runs. False: one has no name (reterr). */
bool shape_read_tools(struct chat *c, struct arena *a, struct json tools, struct failure *reterr);
/* [{id, type, function: {name, arguments}}], arguments as text or as an object. */
void shape_read_calls(struct turn *t, struct arena *a, struct json calls);
struct part *shape_read_call(struct turn *t, struct arena *a, struct json call);
/* "auto", "none", "required" or "any" in any case, or an object that names tools. False: something else. */
bool shape_read_choice(struct chat *c, struct arena *a, struct json choice);
/* {type: text | json_object | json_schema}, with the schema in any of the places known. False: something else. */
bool shape_read_format(struct chat *c, struct arena *a, struct json format);
/* The turn that results of tools are gathered in: consecutive ones answer the same assistant turn. */
struct turn *shape_result_turn(struct chat *c, struct arena *a);
/* An array of so many messages at least, each by `read_message`. */
bool shape_read_messages(struct chat_reading *r, struct json messages, unsigned least,
			 bool (*read_message)(struct chat_reading *r, struct json message));

/* ---- writing ---- */

enum {                                 /* bits of chat_shape.options */
	SHAPE_STRICT = 1 << 0,         /* functions carry `strict` */
	SHAPE_CUSTOM = 1 << 1,         /* custom tools and calls */
	SHAPE_ARGUMENTS_OBJECT = 1 << 2, /* a call's arguments are an object, not its text (Ollama) */
	SHAPE_CALL_INDEX = 1 << 3,     /* function.index in calls (Ollama) */
	SHAPE_NO_CALL_TYPE = 1 << 4,   /* calls without `type` (Ollama) */
	SHAPE_ALL_TOOLS = 1 << 5,      /* those that may not be called are sent too: allowed_tools says which may */
	SHAPE_OWN_SCHEMAS = 1 << 6,    /* schemas go as they came: the client wrote them for this dialect */
};

/* One dialect's (or provider's) way. */
struct chat_shape {
	unsigned options;
	const struct name_rule *names; /* of tools */
	const struct name_rule *ids;   /* of calls; NULL = any */
	bool ids_exact;
	bool cut_schema_member;        /* QUIRK_NO_SCHEMA_MEMBER */
	enum schema_target tools, strict_tools;
};

/* Parts to be written as one content. All zero: none. */
struct content {
	const struct part **items;
	unsigned count, capacity;
};

void content_add(struct content *c, const struct part *p, struct arena *scratch);

/* Ends the message that is being written, with what it had beyond the hub when it came in this dialect (`own`); the
 * next one gets the next number. */
void shape_end_message(struct json_writer *w, const struct chat *c, const struct chat_target *t, bool own,
		       unsigned *number);
/* The array of tools, functions and custom tools only. A choice limited to some of them is said by leaving out the
 * others unless SHAPE_ALL_TOOLS is set: it has an equal effect, only the prefix changes (DIALECTS §3.5). */
bool shape_write_tools(struct json_writer *w, const struct chat *c, const struct chat_target *t,
		       const struct chat_shape *s, struct arena *scratch, struct failure *reterr);
/* How many it would write. */
unsigned shape_count_tools(const struct chat *c, const struct chat_target *t, const struct chat_shape *s);
/* {id, type, function: {name, arguments}}; the object is left open for more members: json_end_object() closes it. */
void shape_begin_call(struct json_writer *w, const struct tool_call *call, unsigned index, const struct chat_target *t,
		      const struct chat_shape *s, struct arena *scratch);
/* {type: image_url, image_url: {url, detail}}, left open likewise. */
void shape_begin_image(struct json_writer *w, const struct media *m, struct arena *scratch);
/* "data:image/png;base64,…", or the URL. */
struct slice shape_media_url(const struct media *m, const char *otherwise, struct arena *scratch);
/* JSON text of an object, whatever the model wrote: {"_raw": "…"} around what is none (DIALECTS §3.6). */
struct slice shape_arguments_object(struct slice arguments, struct arena *scratch);
/* What a tool's result says where it may only be text: "Error: " in front when it is one, a word in place of each
 * medium, which follows in the next user message (DIALECTS §3.6). */
struct slice shape_result_text(const struct tool_result *r, struct arena *scratch);
/* A document that is text, in a frame of its own: where there are no documents. */
struct slice shape_document_text(const struct media *m, struct arena *scratch);
/* All texts of a list of parts with something between them; the text itself when there is one. */
struct slice shape_join_texts(const struct part *parts, const char *between, struct arena *scratch);
/* The end of the run of turns of the same role that begins with `t`. */
const struct turn *shape_run_end(const struct turn *t);
bool shape_has_results(const struct turn *t, const struct turn *end);
