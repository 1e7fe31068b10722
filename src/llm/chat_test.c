/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's requests: pairing of calls and results, fields, efforts, media; names and reasoning state. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "llm/field.h"
#include "llm/names.h"
#include "llm/quirks.h"
#include "llm/state.h"

#define assert_slice(s, text) \
	do { \
		struct slice s_ = (s); \
		if (!slice_eq(s_, slice_cstr(text))) \
			fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s_), text); \
	} while (0)

static struct arena a;

static int setup(void **state)
{
	arena_init(&a);
	return 0;
}

static int teardown(void **state)
{
	arena_done(&a);
	return 0;
}

static struct tool_call *add_call(struct chat *c, struct slice id, struct slice name)
{
	struct part *p = turn_add_part(chat_turn_of(c, &a, ROLE_ASSISTANT), &a, PART_TOOL_CALL);

	p->call->id = id;
	p->call->name = name;
	return p->call;
}

static struct tool_result *add_result(struct chat *c, struct slice id, struct slice name)
{
	struct part *p = turn_add_part(chat_turn_of(c, &a, ROLE_USER), &a, PART_TOOL_RESULT);

	p->result->id = id;
	p->result->name = name;
	return p->result;
}

static void test_pairs_by_id(void **state)
{
	struct chat c;
	struct failure f;

	chat_init(&c, DIALECT_OPENAI_CHAT);
	add_call(&c, SLICE("a"), SLICE("one"));
	add_call(&c, SLICE("b"), SLICE("two"));
	struct tool_result *second = add_result(&c, SLICE("b"), (struct slice){ 0 });
	struct tool_result *first = add_result(&c, SLICE("a"), (struct slice){ 0 });

	assert_true(chat_finish(&c, &a, &f));
	assert_slice(second->name, "two");
	assert_slice(first->name, "one");
}

static void test_pairs_by_name_then_order(void **state)
{
	struct chat c;
	struct failure f;
	struct slice none = { 0 };

	chat_init(&c, DIALECT_GEMINI);
	struct tool_call *one = add_call(&c, none, SLICE("weather")), *two = add_call(&c, none, SLICE("weather"));
	struct tool_call *three = add_call(&c, none, SLICE("time"));
	struct tool_result *time = add_result(&c, none, SLICE("time"));
	struct tool_result *w1 = add_result(&c, none, SLICE("weather")), *w2 = add_result(&c, none, none);

	assert_true(chat_finish(&c, &a, &f));
	assert_true(one->id.len > 0 && !slice_eq(one->id, two->id));
	assert_slice(one->arguments, "{}");
	assert_true(slice_eq(time->id, three->id));
	assert_true(slice_eq(w1->id, one->id));
	assert_true(slice_eq(w2->id, two->id));
	assert_slice(w2->name, "weather");
}

/* The next request of the same conversation makes up the same ids. */
static void test_ids_are_stable(void **state)
{
	struct slice ids[2];

	for (unsigned round = 0; round < 2; round++) {
		struct chat c;
		struct failure f;

		chat_init(&c, DIALECT_OLLAMA);
		turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("go"));
		ids[round] = (struct slice){ 0 };
		struct tool_call *call = add_call(&c, ids[round], SLICE("x"));
		if (round == 1) {
			add_result(&c, ids[0], (struct slice){ 0 });
			turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("more"));
		}
		assert_true(chat_finish(&c, &a, &f));
		ids[round] = call->id;
	}
	assert_true(slice_eq(ids[0], ids[1]));
}

static void test_orphaned_result_stays(void **state)
{
	struct chat c;
	struct failure f;

	chat_init(&c, DIALECT_COHERE);
	struct tool_result *r = add_result(&c, SLICE("lost"), (struct slice){ 0 });

	assert_true(chat_finish(&c, &a, &f));
	assert_slice(r->id, "lost");
}

static void test_empty_conversation(void **state)
{
	struct chat c;
	struct failure f;

	chat_init(&c, DIALECT_GEMINI);
	assert_false(chat_finish(&c, &a, &f));
	assert_int_equal(f.kind, FAILURE_BAD_REQUEST);
}

static void test_fields(void **state)
{
	struct chat c;
	struct failure f;

	chat_init(&c, DIALECT_ANTHROPIC);
	turn_add_text(chat_add_turn(&c, &a, ROLE_SYSTEM), &a, SLICE("s"))->cache_mark = CACHE_MARK_1H;
	struct turn *user = chat_add_turn(&c, &a, ROLE_USER);
	turn_add_part(user, &a, PART_IMAGE)->media->source = MEDIA_URL;
	turn_add_text(chat_add_turn(&c, &a, ROLE_SYSTEM), &a, SLICE("later"));
	turn_add_text(chat_add_turn(&c, &a, ROLE_ASSISTANT), &a, SLICE("{"));
	c.temperature = (struct number){ .said = true, .value = 0.5 };
	c.n = 2;
	assert_true(chat_finish(&c, &a, &f));
	assert_true(c.fields == (FIELD_SYSTEM | FIELD_CACHE_MARKS | FIELD_IMAGE_URL | FIELD_LATER_SYSTEM | FIELD_PREFILL |
				 FIELD_TEMPERATURE | FIELD_N));
	assert_slice(field_list(FIELD_N | FIELD_TEMPERATURE, &a), "temperature, n");
	struct json_doc doc;
	struct json_error error;
	assert_true(json_parse(&a, SLICE("[1]"), &doc, &error));
	chat_add_other(&c, &a, FIELD_OTHER, SLICE("odd\r\nx-header: 1"), json_at(json_root(&doc), 0));
	assert_slice(chat_field_list(&c, FIELD_N | FIELD_OTHER, &a), "n, odd??x-header:?1");
}

static void test_judge(void **state)
{
	struct field_row table[FIELD_COUNT] = { 0 };
	struct model_rules rules = { .sampling = SAMPLING_WITHOUT_REASONING, .reasoning = REASONING_EFFORT };
	struct chat c;
	struct failure f;
	struct field_verdict v;

	chat_init(&c, DIALECT_OPENAI_CHAT);
	turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("hi"));
	c.temperature = c.seed = (struct number){ .said = true };
	c.stops = &(struct slice){ "x", 1 };
	c.stop_count = 1;
	assert_true(chat_finish(&c, &a, &f));
	table[FIELD_INDEX_STOP].carriage = REFUSED;
	table[FIELD_INDEX_SEED].carriage = CARRIED;
	v = field_judge(&c, table, DIALECT_ANTHROPIC, &rules, 0);
	assert_true(v.refused == FIELD_STOP && v.dropped == FIELD_TEMPERATURE && v.carried == FIELD_SEED);
	c.reasoning = (struct reasoning){ .wish = REASONING_BY_EFFORT, .effort = EFFORT_NONE };
	c.fields = chat_fields(&c);
	v = field_judge(&c, table, DIALECT_ANTHROPIC, &rules, QUIRK_NO_SEED);
	assert_true(v.dropped == FIELD_SEED && (v.carried & FIELD_TEMPERATURE));
}

static void test_judge_forced_tool(void **state)
{
	struct model_rules rules = { .reasoning = REASONING_ADAPTIVE, .sampling = SAMPLING_WITHOUT_REASONING,
				     .rejects = REJECTS_FORCED_TOOL_WITH_REASONING };
	struct field_row table[FIELD_COUNT] = { 0 };
	struct chat c;
	struct failure f;
	struct field_verdict v;

	chat_init(&c, DIALECT_OPENAI_CHAT);
	turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("hi"));
	c.choice.mode = CHOICE_REQUIRED;
	c.reasoning = (struct reasoning){ .wish = REASONING_BY_EFFORT, .effort = EFFORT_HIGH };
	c.temperature.said = true;
	assert_true(chat_finish(&c, &a, &f));
	v = field_judge(&c, table, DIALECT_ANTHROPIC, &rules, 0);
	assert_true(v.refused == 0 && v.dropped == FIELD_REASONING);
	assert_true(v.carried == (FIELD_CHOICE_REQUIRED | FIELD_TEMPERATURE));
	/* DeepSeek's reasons unasked: only a word for "off" helps */
	rules.reasoning = REASONING_EFFORT;
	assert_true(field_judge(&c, table, DIALECT_ANTHROPIC, &rules, 0).refused == FIELD_CHOICE_REQUIRED);
	assert_true(field_judge(&c, table, DIALECT_OPENAI_CHAT, &rules, 0).refused == FIELD_CHOICE_REQUIRED);
	assert_true(field_judge(&c, table, DIALECT_OPENAI_CHAT, &rules, QUIRK_THINKING_TYPE).refused == 0);
	c.choice.mode = CHOICE_AUTO;
	c.fields = chat_fields(&c);
	v = field_judge(&c, table, DIALECT_ANTHROPIC, &rules, 0);
	assert_true(v.refused == 0 && v.dropped == FIELD_TEMPERATURE && v.carried == FIELD_REASONING);
}

static void test_judge_of_an_imitation(void **state)
{
	struct field_row table[FIELD_COUNT] = { 0 };
	struct chat c = { .fields = FIELD_VERBOSITY | FIELD_TOOLS | FIELD_CUSTOM_TOOLS | FIELD_DOCUMENT_DATA | FIELD_DOCUMENT_TEXT };
	struct field_verdict v = field_judge(&c, table, DIALECT_OPENAI_CHAT, &model_rules_unknown,
					     QUIRK_NO_VERBOSITY | QUIRK_NO_CUSTOM_TOOLS | QUIRK_NO_FILE_DATA);

	assert_true(v.carried == (FIELD_TOOLS | FIELD_DOCUMENT_TEXT));
	assert_true(v.dropped == FIELD_VERBOSITY && v.refused == (FIELD_CUSTOM_TOOLS | FIELD_DOCUMENT_DATA));
}

static void test_judge_too_many_stops(void **state)
{
	struct model_rules rules = { .stop_max = 4 };
	struct field_row table[FIELD_COUNT] = { 0 };
	struct slice stops[5] = { { "a", 1 }, { "b", 1 }, { "c", 1 }, { "d", 1 }, { "e", 1 } };
	struct chat c;
	struct failure f;

	chat_init(&c, DIALECT_ANTHROPIC);
	turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("hi"));
	c.stops = stops;
	c.stop_count = 4;
	assert_true(chat_finish(&c, &a, &f));
	assert_true(field_judge(&c, table, DIALECT_OPENAI_CHAT, &rules, 0).carried == FIELD_STOP);
	c.stop_count = 5;
	assert_true(field_judge(&c, table, DIALECT_OPENAI_CHAT, &rules, 0).refused == FIELD_STOP);
}

static void test_efforts(void **state)
{
	assert_int_equal(effort_by_name(SLICE("xhigh")), EFFORT_XHIGH);
	assert_int_equal(effort_by_name(SLICE("huge")), 0);
	assert_int_equal(effort_nearest(EFFORT_MAX, EFFORT_LOW | EFFORT_HIGH), EFFORT_HIGH);
	assert_int_equal(effort_nearest(EFFORT_MINIMAL, EFFORT_NONE | EFFORT_LOW | EFFORT_HIGH), EFFORT_LOW);
	assert_int_equal(effort_nearest(EFFORT_NONE, EFFORT_LOW | EFFORT_HIGH), EFFORT_LOW);
	assert_int_equal(effort_to_budget(EFFORT_LOW, 64000, 1024, 32000), 6400);
	assert_int_equal(effort_to_budget(EFFORT_MINIMAL, 8192, 1024, 0), 1024);
	assert_int_equal(effort_to_budget(EFFORT_MAX, 64000, 0, 24576), 24576);
	assert_int_equal(budget_to_effort(6400, 64000), EFFORT_LOW);
	assert_int_equal(budget_to_effort(0, 64000), EFFORT_NONE);
	assert_int_equal(budget_to_effort(1 << 30, 64000), EFFORT_MAX);
}

static void test_media(void **state)
{
	struct slice mime, data;
	struct media m = { .source = MEDIA_DATA, .value = SLICE("UklGRiQQAABXRUJQVlA4IA==") };

	assert_true(media_read_data_url(SLICE("data:image/png;charset=x;base64,AAA"), &mime, &data));
	assert_slice(mime, "image/png");
	assert_slice(data, "AAA");
	assert_false(media_read_data_url(SLICE("data:text/plain,hello"), &mime, &data));
	assert_false(media_read_data_url(SLICE("https://x/y.png"), &mime, &data));
	assert_slice(media_guess_mime(&m), "image/webp");
	m.value = SLICE("UklGRiQQAABXQVZFZm10IA==");
	assert_slice(media_guess_mime(&m), "audio/wav");
	m.value = SLICE("AAAAIGZ0eXBpc29t");
	assert_slice(media_guess_mime(&m), "video/mp4");
	m = (struct media){ .source = MEDIA_URL, .value = SLICE("https://x/Y.JPG?size=2") };
	assert_slice(media_guess_mime(&m), "image/jpeg");
	assert_int_equal(media_part_kind(SLICE("application/pdf")), PART_DOCUMENT);
}

static void test_names(void **state)
{
	struct names n;

	names_init(&n, &a);
	struct slice plain = names_out(&n, SLICE("get_weather"), &name_rule_openai);
	struct slice dotted = names_out(&n, SLICE("mcp.server:get weather"), &name_rule_openai);
	struct slice other = names_out(&n, SLICE("mcp_server_get_weather"), &name_rule_openai);
	assert_slice(plain, "get_weather");
	assert_slice(other, "mcp_server_get_weather");
	assert_false(slice_eq(dotted, other));
	assert_true(slice_eq(dotted, names_out(&n, SLICE("mcp.server:get weather"), &name_rule_openai)));
	assert_slice(names_back(&n, dotted), "mcp.server:get weather");
	assert_slice(names_back(&n, SLICE("unheard")), "unheard");
	assert_int_equal(n.count, 1);
	assert_true(names_out(&n, SLICE("9lives"), &name_rule_gemini).ptr[0] == '_');
	assert_slice(names_out(&n, SLICE("a.b:c-d"), &name_rule_gemini), "a.b:c-d");

	static const struct name_rule nine = { "", 9, false };
	assert_slice(names_id(SLICE("abcdefghi"), &nine, true, &a), "abcdefghi");
	assert_int_equal(names_id(SLICE("call_123456789"), &nine, true, &a).len, 9);
	assert_true(slice_eq(names_id(SLICE("call_1"), &nine, true, &a), names_id(SLICE("call_1"), &nine, true, &a)));
}

static void test_state(void **state)
{
	struct slice payload = SLICE("EqQB\x01\xff/+==");
	struct slice wrapped = state_wrap(payload, SLICE("anthropic"), DIALECT_ANTHROPIC, &a);
	struct reasoning_state s = state_read(wrapped, DIALECT_OPENAI_CHAT, &a);

	assert_true(slice_starts_with(wrapped, SLICE(STATE_MARK)));
	assert_true(slice_eq(s.payload, payload));
	assert_slice(s.provider, "anthropic");
	assert_true(state_is_at_home(&s, SLICE("anthropic"), DIALECT_ANTHROPIC));
	assert_false(state_is_at_home(&s, SLICE("bedrock"), DIALECT_ANTHROPIC));
	assert_false(state_is_at_home(&s, SLICE("anthropic"), DIALECT_OPENAI_CHAT));
	s = state_read(SLICE("EqQB"), DIALECT_ANTHROPIC, &a);
	assert_true(state_is_at_home(&s, SLICE("anything"), DIALECT_ANTHROPIC));
	assert_false(state_is_at_home(&s, SLICE("anything"), DIALECT_GEMINI));
	s = state_read(SLICE(STATE_MARK "!!"), DIALECT_ANTHROPIC, &a);
	assert_false(state_is_at_home(&s, SLICE("anthropic"), DIALECT_ANTHROPIC));
	s = state_read((struct slice){ 0 }, DIALECT_ANTHROPIC, &a);
	assert_null(s.payload.ptr);
	for (size_t len = 0; len < 5; len++) {
		struct slice some = slice_of("abcde", len);
		assert_true(slice_eq(state_read(state_wrap(some, SLICE("p"), DIALECT_GEMINI, &a), DIALECT_GEMINI, &a).payload, some));
	}
}

/* However many letters of the mark stand before it, and wherever it is cut. */
static void test_state_is_found(void **state)
{
	static const char *const fillers[] = { "x", "V", "d2V", "d2Vpcg", "d2VpcgD", "Lorem Vpsum ", "2V" };
	char text[1200];

	assert_false(state_is_in((struct slice){ 0 }));
	assert_false(state_is_in(SLICE("V")));
	assert_false(state_is_in(SLICE("VpcgE d2Vpcg")));
	assert_true(state_is_in(SLICE(STATE_MARK)));
	for (size_t f = 0; f < COUNT_OF(fillers); f++)
		for (size_t len = 0; len < sizeof(text) - 8; len += 1 + len / 40) {
			struct slice body = slice_of(text, len + 7);

			for (size_t i = 0; i < len; i++)
				text[i] = fillers[f][i % strlen(fillers[f])];
			memcpy(text + len, STATE_MARK, 7);
			assert_true(state_is_in(body));
			assert_int_equal(state_is_in(slice_of(text, len + 6)), slice_find(slice_of(text, len + 6), SLICE(STATE_MARK)) != SIZE_MAX);
			text[len + 6] = 'D';
			assert_false(state_is_in(body));
		}
}

/* Left out, and named: what belongs to somebody else, and words that the model does not ask to have back. */
static void test_lost_reasoning(void **state)
{
	static const struct model_rules plain, asks = { .replay = REPLAY_CONTENT };
	struct chat c;
	struct part *p;

	chat_init(&c, DIALECT_OPENAI_CHAT);
	p = turn_add_part(chat_add_turn(&c, &a, ROLE_ASSISTANT), &a, PART_REASONING);
	p->text = SLICE("Hm.");
	assert_true(state_loses_reasoning(&c, SLICE("anthropic"), DIALECT_ANTHROPIC, &plain));
	assert_false(state_loses_reasoning(&c, SLICE("deepseek"), DIALECT_ANTHROPIC, &asks));
	assert_false(state_loses_reasoning(&c, SLICE("openai"), DIALECT_OPENAI_CHAT, &plain));
	p->state = state_read(state_wrap(SLICE("EqQB"), SLICE("anthropic"), DIALECT_ANTHROPIC, &a), DIALECT_OPENAI_CHAT, &a);
	assert_false(state_loses_reasoning(&c, SLICE("anthropic"), DIALECT_ANTHROPIC, &plain));
	assert_true(state_loses_reasoning(&c, SLICE("vertex"), DIALECT_ANTHROPIC, &plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pairs_by_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pairs_by_name_then_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids_are_stable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphaned_result_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_conversation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_forced_tool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_of_an_imitation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge_too_many_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_efforts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_media, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_reasoning, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
