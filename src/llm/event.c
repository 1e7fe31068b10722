/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of events, and why an answer stopped. */
#include "llm/event.h"

void event_list_init(struct event_list *l, struct arena *a)
{
	*l = (struct event_list){ .arena = a };
}

struct event *event_add(struct event_list *l, enum event_kind kind, unsigned choice, unsigned block)
{
	struct event *e;

	if (l->count == EVENTS_MAX || choice >= CHOICES_MAX || block >= BLOCKS_MAX) {
		l->overflow = true;
		e = arena_new(l->arena, struct event);
	} else {
		if (l->count == l->capacity) {
			unsigned capacity = l->capacity ? 2 * l->capacity : 8;
			struct event *grown = arena_array(l->arena, struct event, capacity);

			if (l->count > 0)
				memcpy(grown, l->items, l->count * sizeof(*grown));
			l->items = grown;
			l->capacity = capacity;
		}
		e = &l->items[l->count++];
		*e = (struct event){ 0 };
	}
	e->kind = kind;
	e->choice = choice;
	e->block = block;
	return e;
}

/* Rows: what the provider said. Columns: nothing special happened; tool calls came; the model refused. */
static const enum stop_reason decisions[STOP_REASON_COUNT][3] = {
	[STOP_END]        = { STOP_END,       STOP_TOOL_CALLS, STOP_DECLINED },
	[STOP_SEQUENCE]   = { STOP_SEQUENCE,  STOP_TOOL_CALLS, STOP_SEQUENCE },
	[STOP_LENGTH]     = { STOP_LENGTH,    STOP_LENGTH,     STOP_LENGTH },
	[STOP_CONTEXT]    = { STOP_CONTEXT,   STOP_CONTEXT,    STOP_CONTEXT },
	[STOP_TOOL_CALLS] = { STOP_END,       STOP_TOOL_CALLS, STOP_DECLINED },
	[STOP_REFUSAL]    = { STOP_REFUSAL,   STOP_REFUSAL,    STOP_REFUSAL },
	[STOP_DECLINED]   = { STOP_DECLINED,  STOP_DECLINED,   STOP_DECLINED },
	[STOP_PAUSE]      = { STOP_PAUSE,     STOP_PAUSE,      STOP_PAUSE },
	[STOP_MALFORMED]  = { STOP_MALFORMED, STOP_MALFORMED,  STOP_MALFORMED },
	[STOP_UNKNOWN]    = { STOP_END,       STOP_TOOL_CALLS, STOP_DECLINED },
};

enum stop_reason stop_decide(enum stop_reason said, bool has_tool_calls, bool has_refusal)
{
	return decisions[said][has_tool_calls ? 1 : has_refusal ? 2 : 0];
}

const char *stop_reason_name(enum stop_reason r)
{
	static const char *const names[STOP_REASON_COUNT] = {
		[STOP_END] = "end",
		[STOP_SEQUENCE] = "stop_sequence",
		[STOP_LENGTH] = "length",
		[STOP_CONTEXT] = "context",
		[STOP_TOOL_CALLS] = "tool_calls",
		[STOP_REFUSAL] = "refusal",
		[STOP_DECLINED] = "declined",
		[STOP_PAUSE] = "pause",
		[STOP_MALFORMED] = "malformed",
		[STOP_UNKNOWN] = "unknown",
	};

	return names[r];
}
