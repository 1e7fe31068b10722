/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that breaks off anywhere and comes again in other pieces; and answers that are not the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "llm/answer.h"
#include "llm/replay.h"

enum { EVENTS = 512 };

struct script {
	struct event items[EVENTS];
	unsigned count;
};

static struct logprob two_logprobs[] = { { .token = SLICE("a") }, { .token = SLICE("b") } };

#define SAID(kind_, block_, text_) { .kind = EVENT_##kind_, .block = (block_), .text = SLICE(text_) }
#define TEXT(block, text) SAID(TEXT, block, text)
#define REASONING(block, text) SAID(REASONING, block, text)
#define ARGUMENTS(block, text) SAID(TOOL_ARGUMENTS, block, text)
#define START { .kind = EVENT_START, .start = { .id = SLICE("x"), .model = SLICE("m") } }
#define STOP { .kind = EVENT_STOP, .stop.reason = STOP_END }
#define SIGNATURE(block_, payload_) { .kind = EVENT_SIGNATURE, .block = (block_), .signature.payload = SLICE(payload_) }
#define BEGIN(block_, id_, name_) { .kind = EVENT_TOOL_BEGIN, .block = (block_), .tool = { .id = SLICE(id_), .name = SLICE(name_) } }
#define END(block_) { .kind = EVENT_TOOL_END, .block = (block_) }
#define CITATION(block_, start_) { .kind = EVENT_CITATION, .block = (block_), .citation = { .url = SLICE("u"), .start = (start_), .end = -1 } }
#define LOGPROBS(block_) { .kind = EVENT_LOGPROBS, .block = (block_), .logprobs = { .items = two_logprobs, .count = 2 } }
#define OPAQUE(block_) { .kind = EVENT_OPAQUE, .block = (block_), .opaque.raw = SLICE("{}") }
#define PICTURE(block_, data_) { .kind = EVENT_MEDIA, .block = (block_), .media = { .mime = SLICE("image/png"), .value = SLICE(data_) } }
#define EVENTS_OF(...) (const struct event[]){ __VA_ARGS__ }, COUNT_OF(((const struct event[]){ __VA_ARGS__ }))

static const struct event whole[] = {
	START,
	REASONING(0, "Let me"), REASONING(0, " think."), SIGNATURE(0, "sig"),
	TEXT(1, "Z\xc3\xbcrich has"), LOGPROBS(1), CITATION(1, 2), TEXT(1, " rain"), LOGPROBS(1), TEXT(1, "."), CITATION(1, 3),
	BEGIN(2, "c1", "weather"), ARGUMENTS(2, "{\"city\":"),
	BEGIN(3, "c2", "clock"), ARGUMENTS(3, "{\"zone\""), ARGUMENTS(2, "\"Z\""), SIGNATURE(2, "s2"), ARGUMENTS(3, ":\"CET\""),
	ARGUMENTS(2, "}"), END(2), ARGUMENTS(3, "}"), END(3),
	REASONING(4, "And"), REASONING(4, " so"), TEXT(5, ""), TEXT(5, "Done"), OPAQUE(6), PICTURE(7, "AAAA"), PICTURE(7, "BBBB"), TEXT(8, "Bye."),
	STOP,
	{ .kind = EVENT_TEXT, .choice = 1, .text = SLICE("Other") }, { .kind = EVENT_STOP, .choice = 1 },
};

static void add(struct script *s, struct event e)
{
	assert_true(s->count < EVENTS);
	s->items[s->count++] = e;
}

/* The same in pieces of so many bytes, and with other numbers. */
static void cut_to_pieces(struct script *s, const struct event *events, unsigned count, size_t size, unsigned factor)
{
	s->count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct event e = events[i];

		e.block *= factor;
		switch (e.kind) {
		case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
			for (struct slice rest = e.text;; rest = slice_after(rest, e.text.len)) {
				e.text = slice_of(rest.ptr, rest.len < size ? rest.len : size);
				add(s, e);
				if (rest.len <= size)
					break;
			}
			break;
		case EVENT_MEDIA:
			for (struct slice rest = e.media.value; rest.len > 0; rest = slice_after(rest, e.media.value.len)) {
				e.media.value = slice_of(rest.ptr, rest.len < size ? rest.len : size);
				add(s, e);
			}
			break;
		case EVENT_LOGPROBS:
			e.logprobs.count = size == 1 ? 1 : 2;
			add(s, e);
			e.logprobs.items += 1;
			if (size == 1)
				add(s, e);
			break;
		default:
			add(s, e);
		}
	}
}

static void assert_same_block(const struct answer_block *a, const struct answer_block *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->number, b->number);
	assert_true(slice_eq(buf_slice(&a->text), buf_slice(&b->text)));
	assert_true(slice_eq(a->state, b->state));
	assert_true(slice_eq(a->id, b->id));
	assert_true(slice_eq(a->name, b->name));
	assert_true(slice_eq(a->raw, b->raw));
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->citation_count, b->citation_count);
	for (unsigned i = 0; i < a->citation_count; i++)
		assert_int_equal(a->citations[i].start, b->citations[i].start);
	assert_int_equal(a->logprob_count, b->logprob_count);
	for (unsigned i = 0; i < a->logprob_count; i++)
		assert_true(slice_eq(a->logprobs[i].token, b->logprobs[i].token));
}

static void assert_same(const struct answer *a, const struct answer *b)
{
	assert_true(slice_eq(a->id, b->id));
	assert_int_equal(a->choice_count, b->choice_count);
	for (unsigned i = 0; i < a->choice_count; i++) {
		const struct answer_block *x = a->choices[i].blocks, *y = b->choices[i].blocks;

		for (; x && y; x = x->next, y = y->next)
			assert_same_block(x, y);
		assert_null(x);
		assert_null(y);
		assert_int_equal(a->choices[i].stopped, b->choices[i].stopped);
	}
}

static bool filter(struct replay *r, struct event e, struct answer *told, const char **reterr)
{
	bool swallowed;

	if (!replay_filter(r, &e, &swallowed, reterr)) {
		assert_non_null(*reterr);
		assert_true(swallowed);
		return false;
	}
	assert_null(*reterr);
	if (!swallowed)
		answer_add(told, &e);
	return true;
}

/* Broken after `first` events, then the second attempt after `second`, then all. */
static void check_cuts(const struct answer *expected, const struct event *events, unsigned first, const struct script *again,
		       unsigned second, const struct script *third)
{
	struct replay *r = replay_new();
	struct answer told;
	struct arena a;
	const char *error;

	arena_init(&a);
	answer_init(&told, &a, 100000);
	for (unsigned i = 0; i < first; i++) {
		assert_true(replay_note(r, &events[i]));
		answer_add(&told, &events[i]);
	}
	replay_again(r);
	for (unsigned i = 0; i < second; i++)
		assert_true(filter(r, again->items[i], &told, &error));
	replay_again(r);
	for (unsigned i = 0; i < third->count; i++)
		assert_true(filter(r, third->items[i], &told, &error));
	assert_true(replay_has_caught_up(r));
	assert_same(&told, expected);
	answer_done(&told);
	arena_done(&a);
	assert_null(replay_free(r));
}

static void test_every_cut(void **state)
{
	static struct script again, third;
	struct answer expected;
	struct arena a;

	arena_init(&a);
	answer_init(&expected, &a, 100000);
	for (unsigned i = 0; i < COUNT_OF(whole); i++)
		answer_add(&expected, &whole[i]);
	for (size_t size = 1; size < 20; size++) {
		cut_to_pieces(&again, whole, COUNT_OF(whole), size, 1);
		cut_to_pieces(&third, whole, COUNT_OF(whole), 20 - size, 3);
		for (unsigned first = 0; first <= COUNT_OF(whole); first++)
			check_cuts(&expected, whole, first, &again, 0, &again);
		for (unsigned first = 0; first <= COUNT_OF(whole); first += 2)
			for (unsigned second = 1; second <= again.count; second += size % 3 + 1)
				check_cuts(&expected, whole, first, &again, second, &third);
	}
	answer_done(&expected);
	arena_done(&a);
}

static unsigned drawn;

static unsigned draw(unsigned below)
{
	drawn = drawn * 1664525 + 1013904223;
	return (drawn >> 12) % below;
}

/* Any answer that keeps the order of the hub, of so many events. */
static void draw_answer(struct script *s, unsigned count)
{
	static const enum event_kind kinds[] = { EVENT_TEXT, EVENT_REASONING, EVENT_REFUSAL, EVENT_MEDIA };
	unsigned calls[4], open = 0, next = 0, block = 0;
	enum event_kind kind = EVENT_STOP;

	s->count = 0;
	while (s->count < count) {
		unsigned what = draw(12), call = draw(4) % (open > 0 ? open : 1);
		struct event e = { .kind = kind, .block = block, .text = slice_after(SLICE("abababba"), draw(9)) };

		if (what < 3 || kind == EVENT_STOP || (what < 6 && open == 4)) {
			e.kind = kind = kinds[draw(4)];
			e.block = block = next++;
		} else if (what < 6) {
			e.kind = EVENT_TOOL_BEGIN;
			e.tool.name = draw(2) ? SLICE("f") : SLICE("g");
			e.tool.id = SLICE("i");
			kind = EVENT_STOP;
			e.block = calls[open++] = next++;
		} else if (what < 9 && open > 0) {
			e.kind = what < 8 ? EVENT_TOOL_ARGUMENTS : EVENT_TOOL_END;
			e.block = calls[call];
			kind = EVENT_STOP;
			if (what == 8)
				calls[call] = calls[--open];
		} else if (what == 10 && kind == EVENT_TEXT) {
			e = (struct event)CITATION(block, draw(9));
		} else if (what == 11 && kind == EVENT_REASONING) {
			e = (struct event)SIGNATURE(block, "s");
			kind = EVENT_STOP;
		}
		if (e.kind == EVENT_MEDIA)
			e.media = (struct media){ .mime = SLICE("image/png"), .value = SLICE("DATA") };
		add(s, e);
	}
	add(s, (struct event)STOP);
}

static void test_any_answer(void **state)
{
	static struct script answer, again, third;

	for (unsigned round = 0; round < 3000; round++) {
		struct answer expected;
		struct arena a;

		drawn = round;
		draw_answer(&answer, 1 + draw(30));
		cut_to_pieces(&again, answer.items, answer.count, 1 + draw(6), 1);
		cut_to_pieces(&third, answer.items, answer.count, 1 + draw(6), 2);
		arena_init(&a);
		answer_init(&expected, &a, 100000);
		for (unsigned i = 0; i < answer.count; i++)
			answer_add(&expected, &answer.items[i]);
		check_cuts(&expected, answer.items, draw(answer.count + 1), &again, draw(again.count + 1), &third);
		answer_done(&expected);
		arena_done(&a);
	}
}

/* What the client has of text (choice 0, all blocks) after the second attempt, or why it diverged. */
struct outcome {
	struct arena arena;
	struct answer told;
	const char *error;
	unsigned at;                   /* events of the second attempt before it diverged */
	bool caught_up;
};

static void outcome_init(struct outcome *o, const struct event *first, size_t first_count, const struct event *second,
			 size_t second_count, bool continues)
{
	struct replay *r = replay_new();

	*o = (struct outcome){ 0 };
	arena_init(&o->arena);
	answer_init(&o->told, &o->arena, 100000);
	if (continues)
		replay_keep_text(r, 1000);
	for (size_t i = 0; i < first_count; i++) {
		assert_true(replay_note(r, &first[i]));
		answer_add(&o->told, &first[i]);
	}
	if (continues)
		replay_continue(r);
	else
		replay_again(r);
	while (o->at < second_count && filter(r, second[o->at], &o->told, &o->error))
		o->at++;
	o->caught_up = replay_has_caught_up(r);
	replay_free(r);
}

static void outcome_done(struct outcome *o)
{
	answer_done(&o->told);
	arena_done(&o->arena);
}

/* "t:Hello|c:weather{}." is a text and an ended call; '!' stands for a stop. */
static void assert_told(struct outcome *o, const char *expected)
{
	static const char letters[] = { [EVENT_TEXT] = 't', [EVENT_REASONING] = 'r', [EVENT_REFUSAL] = 'f',
					[EVENT_TOOL_BEGIN] = 'c', [EVENT_MEDIA] = 'm', [EVENT_OPAQUE] = 'o' };
	struct buf b;
	unsigned number = 0;

	buf_init(&b, 10000);
	for (struct answer_block *x = o->told.choices[0].blocks; x; x = x->next) {
		assert_int_equal(x->number, number++);
		assert_true(buf_printf(&b, "%s%c:%.*s%.*s%s", x == o->told.choices[0].blocks ? "" : "|", letters[x->kind],
				       SLICE_ARG(x->name), SLICE_ARG(buf_slice(&x->text)), x->ended ? "." : ""));
	}
	assert_true(buf_printf(&b, "%s%c", o->told.choices[0].stopped ? "!" : "", 0));
	assert_string_equal(buf_slice(&b).ptr, expected);
	buf_done(&b);
}

#define LIST(...) __VA_ARGS__
#define CHECK_GOES_ON(first, second, expected) do { \
	struct outcome o_; \
	outcome_init(&o_, EVENTS_OF(first), EVENTS_OF(second), false); \
	assert_null(o_.error); \
	assert_told(&o_, expected); \
	outcome_done(&o_); \
} while (0)
#define CHECK_DIVERGES(first, second, reason, at_) do { \
	struct outcome o_; \
	outcome_init(&o_, EVENTS_OF(first), EVENTS_OF(second), false); \
	assert_string_equal(o_.error ? o_.error : "(none)", reason); \
	assert_int_equal(o_.at, at_); \
	outcome_done(&o_); \
} while (0)
#define CHECK_CONTINUES(first, second, expected) do { \
	struct outcome o_; \
	outcome_init(&o_, EVENTS_OF(first), EVENTS_OF(second), true); \
	assert_null(o_.error); \
	assert_true(o_.caught_up); \
	assert_told(&o_, expected); \
	outcome_done(&o_); \
} while (0)

static void test_other_numbers(void **state)
{
	/* Reasoning that was not shown the first time, or only then. */
	CHECK_GOES_ON(LIST(START, TEXT(0, "Hel")), LIST(START, REASONING(0, "Hm"), SIGNATURE(0, "s"), TEXT(1, "Hello"), STOP), "t:Hello!");
	CHECK_GOES_ON(LIST(START, REASONING(0, "Hm"), TEXT(1, "Hel")), LIST(TEXT(0, "Hello"), REASONING(1, "more"), TEXT(2, "x")),
		      "r:Hm|t:Hello|r:more|t:x");
	CHECK_GOES_ON(LIST(REASONING(0, "Hm"), TEXT(1, "He")),
		      LIST(REASONING(0, "Well"), REASONING(1, "and so"), SIGNATURE(2, "x"), TEXT(3, "Hey"), BEGIN(4, "i", "f")),
		      "r:Hm|t:Hey|c:f");
	/* Nothing of the answer was delivered yet. */
	CHECK_GOES_ON(LIST(START), LIST(START, REASONING(3, "Hm"), TEXT(7, "Hi"), STOP), "r:Hm|t:Hi!");
	/* Two calls, in one order and one after the other. */
	CHECK_GOES_ON(LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{"), BEGIN(1, "b", "g"), ARGUMENTS(1, "[")),
		      LIST(BEGIN(5, "y", "f"), ARGUMENTS(5, "{}"), END(5), BEGIN(6, "z", "g"), ARGUMENTS(6, "[]"), END(6),
			   BEGIN(7, "k", "h"), END(7), STOP),
		      "c:f{}.|c:g[].|c:h.!");
}

static void test_ids_stay(void **state)
{
	struct outcome o;

	outcome_init(&o, EVENTS_OF(BEGIN(0, "a", "f")), EVENTS_OF(BEGIN(0, "z", "f"), END(0), BEGIN(1, "y", "f"), END(1), STOP), false);
	assert_null(o.error);
	assert_true(slice_eq(o.told.choices[0].blocks->id, SLICE("a")));
	assert_true(slice_eq(o.told.choices[0].blocks->next->id, SLICE("y")));
	outcome_done(&o);
}

static void test_empty_texts(void **state)
{
	CHECK_GOES_ON(LIST(TEXT(0, ""), BEGIN(1, "a", "f")), LIST(BEGIN(0, "a", "f"), END(0), STOP), "t:|c:f.!");
	CHECK_GOES_ON(LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{")), LIST(TEXT(0, ""), BEGIN(1, "a", "f"), ARGUMENTS(1, "{}"), END(1)), "c:f{}.");
	CHECK_GOES_ON(LIST(TEXT(0, "A"), BEGIN(1, "a", "f")), LIST(TEXT(0, ""), TEXT(0, "A"), BEGIN(1, "a", "f"), END(1), TEXT(2, "")), "t:A|c:f.|t:");
	CHECK_GOES_ON(LIST(TEXT(0, ""), BEGIN(1, "a", "f")), LIST(BEGIN(1, "a", "f"), END(1), TEXT(2, "A")), "t:|c:f.|t:A");
	CHECK_GOES_ON(LIST(TEXT(0, "")), LIST(REASONING(0, "Hm"), TEXT(1, "A")), "t:|r:Hm|t:A");
}

/* What was delivered of reasoning stands once something follows it. */
static void test_reasoning_differs(void **state)
{
	CHECK_GOES_ON(LIST(REASONING(0, "Hm"), SIGNATURE(0, "s"), TEXT(1, "A")),
		      LIST(REASONING(0, "Otherwise thought"), SIGNATURE(0, "t"), TEXT(1, "AB"), STOP),
		      "r:Hm|t:AB!");
	CHECK_GOES_ON(LIST(REASONING(0, "Hm"), SIGNATURE(0, "s")), LIST(REASONING(0, "Otherwise"), SIGNATURE(0, "t"), TEXT(1, "AB"), STOP), "r:Hm|t:AB!");
	CHECK_DIVERGES(LIST(REASONING(0, "Hm")), LIST(REASONING(0, "H"), REASONING(0, "x")), "it says something else", 1);
	CHECK_DIVERGES(LIST(REASONING(0, "Hm")), LIST(REASONING(0, "H"), TEXT(1, "x")), "a part of it ends before what was delivered of it", 1);
	CHECK_DIVERGES(LIST(REASONING(0, "Hm")), LIST(TEXT(0, "x")), "another part comes before what was delivered", 0);
}

static void test_divergence(void **state)
{
	CHECK_DIVERGES(LIST(TEXT(0, "Hello")), LIST(START, TEXT(0, "Hel"), TEXT(0, "p me")), "it says something else", 2);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello")), LIST(TEXT(0, "Hell"), STOP), "it ended before what was delivered", 1);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello")), LIST(TEXT(0, "Hell"), BEGIN(1, "a", "f")), "a part of it ends before what was delivered of it", 1);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello")), LIST(BEGIN(0, "a", "f")), "another part comes before what was delivered", 0);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello"), BEGIN(1, "a", "f")), LIST(TEXT(0, "Hello!")), "a part of it goes on where the delivered one had ended", 0);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello"), BEGIN(1, "a", "f")), LIST(TEXT(0, "Hello"), STOP), "it ended before what was delivered", 1);
	CHECK_DIVERGES(LIST(TEXT(0, "Hello"), BEGIN(1, "a", "f")), LIST(TEXT(0, "Hello"), BEGIN(1, "a", "g")), "it calls another tool", 1);
	CHECK_DIVERGES(LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{}"), END(0)), LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{"), END(0)),
		       "a part of it ends before what was delivered of it", 2);
	CHECK_DIVERGES(LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{}"), END(0)), LIST(BEGIN(0, "a", "f"), ARGUMENTS(0, "{}}")),
		       "a part of it goes on where the delivered one had ended", 1);
	CHECK_DIVERGES(LIST(TEXT(0, "A"), BEGIN(1, "a", "f"), END(1), TEXT(2, "B")), LIST(BEGIN(0, "a", "f"), END(0), TEXT(1, "AB")),
		       "a part of it goes on where the delivered one had ended", 2);
	/* The text alone is repeated, without the call that stood between: nothing of the rest is told. */
	CHECK_DIVERGES(LIST(TEXT(0, "A"), BEGIN(1, "a", "f"), END(1), TEXT(2, "B")), LIST(TEXT(0, "A"), TEXT(1, "B"), TEXT(1, "C")),
		       "another part comes before what was delivered", 2);
	CHECK_DIVERGES(LIST(START), LIST(ARGUMENTS(0, "{}")), "it has arguments of no call", 0);
	CHECK_DIVERGES(LIST(TEXT(0, "A")), LIST(TEXT(0, "A"), ARGUMENTS(0, "B")), "a part of it is of another kind", 1);
	CHECK_DIVERGES(LIST(OPAQUE(0)), LIST(TEXT(0, "A")), "another part comes before what was delivered", 0);
	CHECK_DIVERGES(LIST(PICTURE(0, "AAAA")), LIST(PICTURE(0, "ABAA")), "it says something else", 0);
	CHECK_GOES_ON(LIST(PICTURE(0, "AAAA"), TEXT(1, "a")), LIST(PICTURE(0, "ABAA"), PICTURE(0, "CCCC"), TEXT(1, "ab")), "m:AAAA|t:ab");
}

/* Nothing that follows can make up for it: a difference is found before anything is told. */
static void test_nothing_is_told_of_a_different_answer(void **state)
{
	struct outcome o;

	outcome_init(&o, EVENTS_OF(TEXT(0, "It is 5 degrees")), EVENTS_OF(TEXT(0, "It is 7 degrees and sunny.")), false);
	assert_string_equal(o.error, "it says something else");
	assert_told(&o, "t:It is 5 degrees");
	assert_false(o.caught_up);
	outcome_done(&o);
}

static void test_stopped_choice_is_left_alone(void **state)
{
	CHECK_GOES_ON(LIST(TEXT(0, "A"), STOP), LIST(TEXT(0, "Quite different"), BEGIN(1, "a", "f"), STOP), "t:A!");
}

/* State of a call that comes after its end is told as long as nothing follows it. */
static void test_signature_of_an_ended_call(void **state)
{
	struct outcome o;

	outcome_init(&o, EVENTS_OF(BEGIN(0, "a", "f"), END(0)), EVENTS_OF(BEGIN(0, "a", "f"), END(0), SIGNATURE(0, "s")), false);
	assert_null(o.error);
	assert_true(slice_eq(o.told.choices[0].blocks->state, SLICE("s")));
	outcome_done(&o);
	outcome_init(&o, EVENTS_OF(BEGIN(0, "a", "f"), END(0), TEXT(1, "x")),
		     EVENTS_OF(BEGIN(0, "a", "f"), END(0), SIGNATURE(0, "s"), TEXT(1, "x")), false);
	assert_null(o.error);
	assert_int_equal(o.told.choices[0].blocks->state.len, 0);
	outcome_done(&o);
}

static void test_citations_and_logprobs_count(void **state)
{
	struct outcome o;

	outcome_init(&o, EVENTS_OF(TEXT(0, "A"), CITATION(0, 0), LOGPROBS(0), TEXT(1, "B")),
		     EVENTS_OF(TEXT(0, "A"), CITATION(0, 0), CITATION(0, 0), LOGPROBS(0), LOGPROBS(0), TEXT(1, "B"), CITATION(1, 0), STOP), false);
	assert_null(o.error);
	assert_int_equal(o.told.choices[0].blocks->citation_count, 1);
	assert_int_equal(o.told.choices[0].blocks->logprob_count, 2);
	assert_int_equal(o.told.choices[0].blocks->next->citation_count, 1);
	outcome_done(&o);
}

static void test_continue(void **state)
{
	struct outcome o;

	CHECK_CONTINUES(LIST(START, TEXT(0, "Hel")), LIST(START, TEXT(0, "lo"), TEXT(0, "."), STOP), "t:Hello.!");
	CHECK_CONTINUES(LIST(START, TEXT(0, "Hel")),
			LIST(REASONING(0, "Hm"), SIGNATURE(0, "s"), TEXT(1, "lo"), REASONING(2, "so"), TEXT(3, "x")),
			"t:Hello|r:so|t:x");
	CHECK_CONTINUES(LIST(START, TEXT(0, "Hel")), LIST(BEGIN(0, "a", "f"), END(0), TEXT(1, "x"), STOP), "t:Hel|c:f.|t:x!");
	CHECK_CONTINUES(LIST(START, TEXT(0, "Hel")), LIST(STOP), "t:Hel!");
	CHECK_CONTINUES(LIST(START), LIST(START, REASONING(0, "Hm"), TEXT(1, "x"), STOP), "r:Hm|t:x!");
	/* Its places are in its own text. */
	outcome_init(&o, EVENTS_OF(TEXT(0, "In "), TEXT(1, "Z\xc3\xbc")), EVENTS_OF(TEXT(0, "rich"), CITATION(0, 1)), true);
	assert_told(&o, "t:In |t:Z\xc3\xbcrich");
	assert_int_equal(o.told.choices[0].blocks->next->citations[0].start, 3);
	assert_int_equal(o.told.choices[0].blocks->next->citations[0].end, -1);
	outcome_done(&o);
}

/* A continuation broke too: the third attempt repeats both. */
static void test_replay_after_continuation(void **state)
{
	struct replay *r = replay_new();
	struct event first = TEXT(0, "Hel"), more = TEXT(4, "lo"), all = TEXT(0, "Hello.");
	struct slice text;
	const char *error;
	bool swallowed;

	replay_keep_text(r, 100);
	assert_true(replay_note(r, &first));
	replay_continue(r);
	assert_true(replay_filter(r, &more, &swallowed, &error) && !swallowed);
	assert_int_equal(more.block, 0);
	assert_true(replay_is_plain_text(r, &text));
	assert_true(slice_eq(text, SLICE("Hello")));
	replay_again(r);
	assert_false(replay_has_caught_up(r));
	assert_true(replay_filter(r, &all, &swallowed, &error) && !swallowed);
	assert_true(slice_eq(all.text, SLICE(".")));
	assert_true(replay_has_caught_up(r));
	replay_free(r);
}

static void test_plain_text(void **state)
{
	static const struct event not_plain[] = {
		REASONING(1, "x"), BEGIN(1, "a", "f"), CITATION(0, 1), LOGPROBS(0), STOP, OPAQUE(1), TEXT(0, "too long for it"),
		{ .kind = EVENT_TEXT, .choice = 1 },
	};
	struct event start = START, text = TEXT(0, "Hi");
	struct slice kept;

	for (unsigned i = 0; i < COUNT_OF(not_plain); i++) {
		struct replay *r = replay_new();

		replay_keep_text(r, 10);
		assert_true(replay_note(r, &start) && replay_note(r, &text));
		assert_true(replay_is_plain_text(r, &kept));
		assert_true(slice_eq(kept, SLICE("Hi")));
		assert_true(replay_note(r, &not_plain[i]));
		assert_false(replay_is_plain_text(r, &kept));
		assert_int_equal(kept.len, 0);
		replay_free(r);
	}
}

static void test_too_many_channels(void **state)
{
	struct replay *r = replay_new();
	struct event e = OPAQUE(0);
	const char *error = NULL;
	bool swallowed;

	for (e.block = 0; e.block < REPLAY_CHANNELS_MAX; e.block++)
		assert_true(replay_note(r, &e));
	replay_again(r);
	for (e.block = 0; e.block < REPLAY_CHANNELS_MAX; e.block++)
		assert_true(replay_filter(r, &e, &swallowed, &error) && swallowed);
	assert_true(replay_has_caught_up(r));
	assert_false(replay_filter(r, &e, &swallowed, &error));
	assert_string_equal(error, "it has more blocks than can be followed");
	assert_false(replay_note(r, &e));
	assert_false(replay_note(r, &e));
	assert_null(replay_free(r));
	assert_null(replay_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut), cmocka_unit_test(test_any_answer), cmocka_unit_test(test_other_numbers), cmocka_unit_test(test_ids_stay),
		cmocka_unit_test(test_empty_texts), cmocka_unit_test(test_reasoning_differs), cmocka_unit_test(test_divergence),
		cmocka_unit_test(test_nothing_is_told_of_a_different_answer), cmocka_unit_test(test_stopped_choice_is_left_alone),
		cmocka_unit_test(test_signature_of_an_ended_call), cmocka_unit_test(test_citations_and_logprobs_count), cmocka_unit_test(test_continue),
		cmocka_unit_test(test_replay_after_continuation), cmocka_unit_test(test_plain_text),
		cmocka_unit_test(test_too_many_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
