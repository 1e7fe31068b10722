/* SPDX-License-Identifier: Apache-2.0 */
/* Two answers of any events: whatever the second one is, nothing is told after a stop, and what is told of both has its
 * blocks in order. */
#include "base/cleanup.h"
#include "llm/replay.h"

enum { FUZZ_EVENTS_MAX = 512, FUZZ_BLOCKS = 8, FUZZ_CHOICES = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the client has. */
struct client {
	bool stopped[FUZZ_CHOICES];
	unsigned next[FUZZ_CHOICES];
};

static struct logprob logprobs[4];

/* Three bytes are one event. */
static struct event event_from(const uint8_t *p)
{
	static const char letters[] = "aaaaaaab";
	struct event e = { .kind = p[0] % (EVENT_STOP + 1), .choice = p[0] >= 0x80, .block = p[1] % FUZZ_BLOCKS };
	struct slice text = slice_of(letters + p[2] % 4, p[2] / 4 % 5);

	switch (e.kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		e.text = text;
		break;
	case EVENT_TOOL_BEGIN:
		e.tool.name = slice_of(letters + 6, 1 + p[2] % 2);
		break;
	case EVENT_MEDIA:
		e.media.source = p[2] >= 0x80 ? MEDIA_URL : MEDIA_DATA;
		e.media.value = text;
		break;
	case EVENT_LOGPROBS:
		e.logprobs.items = logprobs;
		e.logprobs.count = p[2] % COUNT_OF(logprobs);
		break;
	default:
		break;
	}
	return e;
}

static void check_told(struct client *c, const struct event *e)
{
	check(e->kind == EVENT_START || !c->stopped[e->choice], "nothing is told of a choice that had stopped");
	if (e->kind == EVENT_STOP)
		c->stopped[e->choice] = true;
	else if (e->kind != EVENT_START)
		check(e->block <= c->next[e->choice], "blocks are numbered without a gap");
	if (e->kind != EVENT_STOP && e->kind != EVENT_START && e->block == c->next[e->choice])
		c->next[e->choice]++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = size / 3 < FUZZ_EVENTS_MAX ? size / 3 : FUZZ_EVENTS_MAX;
	size_t first = size > 0 ? data[size - 1] % (count + 1) : 0;
	struct replay *r = replay_new();
	struct client client = { 0 };
	struct slice text;
	bool swallowed, goes_on = true;
	const char *error;

	replay_keep_text(r, 16);
	for (size_t i = 0; i < first; i++) {
		struct event e = event_from(data + 3 * i);

		/* The first attempt's numbers are in order. */
		if (e.block > client.next[e.choice])
			e.block = client.next[e.choice];
		if (e.kind != EVENT_START && client.stopped[e.choice])
			continue;
		check(replay_note(r, &e), "so few blocks can be followed");
		check_told(&client, &e);
	}
	if (replay_is_plain_text(r, &text) && count % 2 == 1)
		replay_continue(r);
	else
		replay_again(r);
	for (size_t i = first; i < count && goes_on; i++) {
		struct event e = event_from(data + 3 * i);

		goes_on = replay_filter(r, &e, &swallowed, &error);
		check(goes_on == (error == NULL), "there is a reason exactly when it diverged");
		if (goes_on && !swallowed)
			check_told(&client, &e);
		else
			check(swallowed, "what diverged is not told");
	}
	replay_free(r);
	return 0;
}
