/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of quirks and of rules share: one request, written for a target with and without a property, and what
 * the difference must be. */
#pragma once

#include "dialect/dialect_internal.h"
#include "dialect/dialect_test.h"
#include "llm/field.h"

enum target_way {
	WAY_TRANSLATED,                /* through the hub */
	WAY_RELAYED,                   /* the client's own bytes, edited */
	WAY_PATH,                      /* `body` is the query of the client */
	WAY_USAGE                      /* `body` is the usage of an answer; the output tokens that are read */
};

struct target_outcome {
	const char *holds, *lacks;     /* pieces of what is sent; NULL = nothing to say */
	bool refused;
};

struct target_case {
	enum target_way way;
	const struct dialect *client, *target;
	const char *body;              /* members of the request behind the model */
	struct target_outcome with, without;
};

struct target_property {
	const struct model_rules *rules;
	uint64_t quirks;
};

static inline bool target_write(const struct target_case *k, const struct target_property *p, struct request *q, struct chat *chat,
				struct chat_target *target, struct buf *out)
{
	struct field_verdict v;

	if (k->way == WAY_RELAYED) {
		struct request_edits want = { .model = SLICE("own"), .quirks = p->quirks };
		struct splice *splice = arena_new(&q->arena, struct splice);
		uint64_t dropped;

		splice_init(splice, slice_of(q->facts.doc.text.ptr, q->facts.doc.text.len));
		assert_true(k->target->edit_request(&q->facts, OPERATION_CHAT, &want, splice, &q->arena));
		assert_true(parameters_edit(k->target, &q->facts, chat, target, splice, out, &q->arena, &q->arena, &dropped));
		buf_clear(out);
		return buf_append_slice(out, splice_flatten(splice, &q->arena));
	}
	v = field_judge(chat, k->target->fields, k->target->id, p->rules, p->quirks);
	target->carried = v.carried;
	return v.refused == 0 && k->target->write_chat(chat, target, &q->arena, out, &q->failure);
}

/* What is sent, in `out`; false: refused. */
static inline bool target_send(const struct target_case *k, const struct target_property *p, struct buf *out)
{
	struct request q = { 0 };
	struct chat chat;
	struct names names;
	uint64_t lossy = 0;
	char body[4096];
	bool ok;

	snprintf(body, sizeof(body), "{\"model\":\"m\",%s%s}", k->client == &dialect_anthropic ? "\"max_tokens\":4096," : "", k->body);
	if (!request_read(&q, k->client, OPERATION_CHAT, body) ||
	    !k->client->read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
		fail_msg("%s: %s", body, q.failure.message);
	names_init(&names, &q.arena);
	struct chat_target target = {
		.model = SLICE("own"), .provider = SLICE("there"), .rules = p->rules, .quirks = p->quirks, .max_output = 32000,
		.stream = q.facts.stream, .ask_usage = q.facts.stream, .names = &names, .rewritten_lossy = &lossy,
	};
	ok = target_write(k, p, &q, &chat, &target, out);
	arena_done(&q.arena);
	return ok;
}

static inline bool target_take(const struct target_case *k, const struct target_property *p, struct buf *out)
{
	struct arena a;

	arena_init(&a);
	if (k->way == WAY_PATH) {
		struct request_route route = { .operation = OPERATION_CHAT, .model = SLICE("a/b"), .query = slice_cstr(k->body),
					       .quirks = p->quirks };

		assert_true(buf_append_slice(out, k->target->request_path(&route, &a)));
	} else if (k->way == WAY_USAGE) {
		struct heard heard;

		heard_init(&heard, k->target, OPERATION_CHAT);
		heard.reader.quirks = p->quirks;
		heard_whole(&heard, k->body);
		assert_true(buf_append_slice(out, arena_printf(&a, "%lld", (long long)heard.reader.usage.output)));
		heard_done(&heard);
	}
	arena_done(&a);
	return k->way == WAY_PATH || k->way == WAY_USAGE || target_send(k, p, out);
}

static inline void check_outcome(const struct target_case *k, const struct target_property *p, const struct target_outcome *o,
				 const char *name)
{
	struct buf out;
	bool ok;

	buf_init(&out, 1 << 20);
	ok = target_take(k, p, &out);
	if (ok == o->refused)
		fail_msg("%s: %s is %s", name, k->body, ok ? "taken" : "refused");
	if (ok && o->holds && slice_find(buf_slice(&out), slice_cstr(o->holds)) == SIZE_MAX)
		fail_msg("%s: %s is not in %.*s", name, o->holds, SLICE_ARG(buf_slice(&out)));
	if (ok && o->lacks && slice_find(buf_slice(&out), slice_cstr(o->lacks)) != SIZE_MAX)
		fail_msg("%s: %s is in %.*s", name, o->lacks, SLICE_ARG(buf_slice(&out)));
	buf_done(&out);
}

/* A case must tell the two apart. */
static inline void check_case(const struct target_case *k, const struct target_property *with,
			      const struct target_property *without, const char *name)
{
	check_outcome(k, with, &k->with, name);
	check_outcome(k, without, &k->without, name);
	if (!k->with.holds && !k->with.lacks && !k->with.refused && !k->without.holds && !k->without.refused)
		fail_msg("%s: a case that says nothing", name);
}

/* Pieces of requests. */
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define CHAT(list) "\"messages\":[" list "]"
#define HI CHAT(USER("Hi"))
#define CHAT_TOOL(more) "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"," \
			"\"properties\":{}}" more "}}]"
#define CLAUDE_TOOL "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]"
#define CHAT_CALLED "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\"," \
		    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_1\"," \
		    "\"content\":\"42\"}"
#define CLAUDE_CALLED "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"f\",\"input\":{}}]}," \
		      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"call_1\",\"content\":\"42\"}]}"
#define CHAT_SCHEMA "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"," \
		    "\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}}}"
