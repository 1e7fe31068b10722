/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision says of itself: the rule in words, each candidate with what is known of it, and why nobody is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "exchange/question.h"

static const char text[] =
	"providers:\n"
	"  a: { dialect: openai-chat, base_url: 'http://127.0.0.1:9/v1', keys: [sk-a], priority: 1, models: { m: m-at-a, big: big } }\n"
	"  b: { dialect: anthropic, base_url: 'http://127.0.0.1:9', keys: [sk-b, sk-c], priority: 2, health: connect, models: { m: m-at-b } }\n"
	"routing:\n"
	"  - match: { model: m, tools: true }\n"
	"    name: toolish\n"
	"    split: { a: 25, b: 75 }\n"
	"    sticky: user\n"
	"    hedge: { after: 800ms, share: 2% }\n"
	"    rescue: [replay, hold]\n"
	"    wait: { up_to: 3s, queue: 7, priority: 2 }\n"
	"    on: { context_length: [a/big] }\n"
	"  - match: { model: m, stream: true }\n"
	"    prefer: { cheapest: 2, fastest: 1 }\n"
	"  - match: { tag: closed }\n"
	"    deny: not today\n";

struct bench {
	struct arena arena;
	struct config *config;
	struct config_report report;
	struct knowledge knowledge;
	struct buf out;
	struct json_doc doc;
};

static int set_up(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	arena_init(&b->arena);
	b->config = config_parse(slice_of(text, sizeof(text) - 1), "weir.yaml", &b->report);
	if (!b->config)
		for (unsigned i = 0; i < b->report.count; i++)
			print_message("%.*s\n", SLICE_ARG(b->report.problems[i].text));
	assert_non_null(b->config);
	b->knowledge = (struct knowledge){ vitals_new(), breakers_new(), key_pool_new(), affinity_new(), health_new() };
	buf_init(&b->out, 1 << 20);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	vitals_free(b->knowledge.vitals);
	breakers_free(b->knowledge.breakers);
	key_pool_free(b->knowledge.keys);
	affinity_free(b->knowledge.affinity);
	health_free(b->knowledge.health);
	config_unref(b->config);
	config_report_done(&b->report);
	buf_done(&b->out);
	arena_done(&b->arena);
	free(b);
	return 0;
}

/* The explanation of that question, parsed; valid until the next call. */
static struct json explain(struct bench *b, const char *question, const struct knowledge *k)
{
	struct explanation *e;
	struct failure refusal;
	struct json_error error;
	struct json_writer w;
	struct json_doc doc;
	struct question q;

	assert_true(json_parse(&b->arena, slice_cstr(question), &doc, &error));
	if (!question_read(json_root(&doc), b->config, &b->arena, &q, &refusal))
		fail_msg("%s", refusal.message);
	e = question_answer(&q, k);
	buf_clear(&b->out);
	json_writer_init(&w, &b->out);
	json_begin_object(&w);
	explanation_write(e, &b->config->routing, &w, &b->arena);
	json_end_object(&w);
	explanation_free(e);
	assert_false(w.overflow);
	if (!json_parse(&b->arena, buf_slice(&b->out), &b->doc, &error))
		fail_msg("%s in %.*s", error.message, SLICE_ARG(buf_slice(&b->out)));
	return json_root(&b->doc);
}

static struct json candidate(struct json root, const char *provider, unsigned nth)
{
	for (struct json_walk w = json_walk(json_get(root, "candidates")); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "provider"), slice_cstr(provider)) && nth-- == 0)
			return w.value;
	fail_msg("%s is no candidate", provider);
	return (struct json){ 0 };
}

#define ASSERT_RAW(object, name, expected) \
	do { \
		struct slice raw_ = json_raw(json_get(object, name)); \
		if (!slice_eq(raw_, SLICE(expected))) \
			fail_msg("%s is %.*s", name, SLICE_ARG(raw_)); \
	} while (0)

static void a_rule_in_words(void **state)
{
	struct json root = explain(*state, "{\"model\":\"m\",\"needs\":[\"tools\"],\"user\":\"u\"}", NULL);

	ASSERT_RAW(root, "route", "\"toolish\"");
	ASSERT_RAW(root, "rule", "{\"name\":\"toolish\",\"number\":1}");
	ASSERT_RAW(root, "actions", "[\"split 25 a, 75 b, by user\",\"hedge after 800 ms, at most 2 %\",\"on context_length try a/big\","
				    "\"rescue replay, hold\",\"when down wait up to 3000 ms, 7 in line, priority 2\"]");
	ASSERT_RAW(root, "hedge", "{\"after\":\"800ms\",\"share\":0.02}");
	ASSERT_RAW(root, "rescue", "[\"replay\",\"hold\"]");
	ASSERT_RAW(root, "when_down", "\"wait\"");
	ASSERT_RAW(root, "wait", "{\"up_to_ms\":3000,\"queue\":7,\"priority\":2}");
	ASSERT_RAW(root, "order", "\"drawn by weight\"");
	ASSERT_RAW(root, "refusal", "null");
}

static void preferences_in_words(void **state)
{
	struct json root = explain(*state, "{\"model\":\"m\",\"stream\":true}", NULL);

	ASSERT_RAW(root, "route", "\"rule-2\"");
	ASSERT_RAW(root, "actions", "[\"prefer cheapest 2, fastest 1\"]");
}

static void candidates_in_order(void **state)
{
	struct json root = explain(*state, "{\"model\":\"m\",\"prompt_tokens\":77}", NULL);
	struct json a = candidate(root, "a", 0), b = candidate(root, "b", 0);

	ASSERT_RAW(root, "prompt_tokens", "77");
	ASSERT_RAW(root, "considered", "2");
	ASSERT_RAW(a, "sent_as", "\"m-at-a\"");
	ASSERT_RAW(a, "chosen", "true");
	ASSERT_RAW(a, "translated_to", "null");
	ASSERT_RAW(a, "url", "\"http://127.0.0.1:9/v1/chat/completions\"");
	ASSERT_RAW(b, "chosen", "false");
	ASSERT_RAW(b, "translated_to", "\"anthropic\"");
	ASSERT_RAW(b, "breaker", "null");
	ASSERT_RAW(b, "first_token_ms", "null");
	assert_int_equal(json_count(json_get(b, "keys")), 2);
}

static void what_a_cause_brings_is_never_chosen_first(void **state)
{
	struct json root = explain(*state, "{\"model\":\"m\",\"needs\":[\"tools\"]}", NULL);
	struct json big = candidate(root, "a", 1);

	ASSERT_RAW(big, "on", "\"context_length\"");
	ASSERT_RAW(big, "model", "\"big\"");
	ASSERT_RAW(big, "chosen", "false");
}

static uint64_t target_of(const struct bench *b, unsigned provider, unsigned key)
{
	const struct provider *p = &b->config->routing.providers[provider];

	return breaker_key(p->name, p->bindings[0].base_text, p->keys[key].fingerprint, SLICE("m"));
}

static void who_rests_is_not_chosen(void **state)
{
	struct bench *b = *state;
	struct json root, a;

	breaker_report(b->knowledge.breakers, target_of(b, 0, 0), false, BREAKER_FAULT, 60000, clock_now_ns());
	root = explain(b, "{\"model\":\"m\"}", &b->knowledge);
	a = candidate(root, "a", 0);
	ASSERT_RAW(a, "breaker", "\"open\"");
	ASSERT_RAW(a, "usable", "true");
	ASSERT_RAW(a, "chosen", "false");
	assert_true(slice_starts_with(json_text(json_get(a, "rests"), &b->arena), SLICE("resting after faults for ")));
	assert_in_range(json_i64_or(json_get(a, "open_for_ms"), 0), 50000, 60000);
	ASSERT_RAW(candidate(root, "b", 0), "chosen", "true");
	ASSERT_RAW(candidate(root, "b", 0), "breaker", "\"closed\"");
}

static void what_is_known_of_a_target(void **state)
{
	struct bench *b = *state;
	int64_t now = clock_now_ns();
	struct vital *v = vitals_use(b->knowledge.vitals, target_of(b, 0, 0), SLICE("a"), SLICE("m"), SLICE("key"));
	struct rate_limit limit = { true, 12, 3456, 60000, 60000 };
	struct json a;

	vital_begin(v);
	vital_first_token(v, 250000, now);
	vital_streamed(v, 100, 2000000, now);
	vital_limits(v, &limit, now);
	a = candidate(explain(b, "{\"model\":\"m\",\"prompt_tokens\":10}", &b->knowledge), "a", 0);
	ASSERT_RAW(a, "first_token_ms", "250");
	ASSERT_RAW(a, "token_ms", "20");
	ASSERT_RAW(a, "tokens_per_second", "50");
	ASSERT_RAW(a, "in_flight", "1");
	ASSERT_RAW(a, "requests_left", "12");
	ASSERT_RAW(a, "tokens_left", "3456");
	ASSERT_RAW(a, "rests", "null");
}

static void retired_keys(void **state)
{
	struct bench *b = *state;
	const struct provider *p = &b->config->routing.providers[0];
	uint64_t id = key_pool_id(p->name, p->bindings[0].base_text, p->keys[0].fingerprint);
	struct json a, key;

	key_pool_tell(b->knowledge.keys, id, KEY_REFUSED, clock_now_ns());
	a = candidate(explain(b, "{\"model\":\"m\"}", &b->knowledge), "a", 0);
	key = json_at(json_get(a, "keys"), 0);
	ASSERT_RAW(key, "state", "\"retired\"");
	assert_true(json_i64_or(json_get(key, "for_ms"), 0) > 0);
	ASSERT_RAW(a, "rests", "\"no key of it can be used now\"");
	ASSERT_RAW(a, "chosen", "false");
}

static void who_fails_its_health_check_rests(void **state)
{
	struct bench *b = *state;
	const struct provider *p = &b->config->routing.providers[1];
	int64_t now = clock_now_ns();
	struct health_report report = { binding_identity(p, &p->bindings[0]), SLICE("b (127.0.0.1)"), false, now, now + 9 * NS_PER_S,
					now + 60 * NS_PER_S };
	struct json root;

	ASSERT_RAW(candidate(explain(b, "{\"model\":\"m\"}", &b->knowledge), "b", 0), "health", "\"up\"");
	for (unsigned i = 0; i < HEALTH_FAILURES_MAX; i++)
		health_tell(b->knowledge.health, &report, now);
	root = explain(b, "{\"model\":\"m\"}", &b->knowledge);
	ASSERT_RAW(candidate(root, "b", 0), "health", "\"down\"");
	assert_true(slice_starts_with(json_text(json_get(candidate(root, "b", 0), "rests"), &b->arena), SLICE("not there, as its")));
	ASSERT_RAW(candidate(root, "a", 0), "health", "null");
}

static void refusals(void **state)
{
	struct json root = explain(*state, "{\"model\":\"mm\"}", NULL), refusal = json_get(root, "refusal");

	assert_int_equal(json_count(json_get(root, "candidates")), 0);
	ASSERT_RAW(refusal, "status", "404");
	ASSERT_RAW(refusal, "code", "\"model_not_found\"");
	root = explain(*state, "{\"model\":\"big\",\"tags\":[\"closed\"]}", NULL);
	refusal = json_get(root, "refusal");
	ASSERT_RAW(refusal, "status", "403");
	ASSERT_RAW(refusal, "kind", "\"denied\"");
	ASSERT_RAW(refusal, "message", "\"not today\"");
	ASSERT_RAW(root, "actions", "[\"deny: not today\"]");
}

/* A kept one is without what only a person asks for, and without the rule's words when the configuration has changed. */
static void a_kept_one_is_bounded(void **state)
{
	struct bench *b = *state;
	struct plan_query query = { .model = SLICE("m"), .max_output = -1, .knowledge = &b->knowledge, .now_ns = clock_now_ns() };
	struct candidate *many;
	struct explanation *e;
	struct json_writer w;
	struct plan plan;
	struct failure failure;

	assert_true(plan_make(&b->config->routing, &query, &b->arena, &plan, &failure));
	many = arena_array(&b->arena, struct candidate, 40);
	for (unsigned i = 0; i < 40; i++)
		many[i] = plan.candidates[i % plan.count];
	plan.candidates = many;
	plan.count = 40;
	e = explanation_new(&b->config->routing, &query, &plan, NULL, NULL);
	assert_in_range(explanation_size(e), 16 * 100, 8 << 10);
	json_writer_init(&w, &b->out);
	json_begin_object(&w);
	explanation_write(e, NULL, &w, &b->arena);
	json_end_object(&w);
	explanation_free(e);

	struct json_error error;

	assert_true(json_parse(&b->arena, buf_slice(&b->out), &b->doc, &error));
	assert_int_equal(json_count(json_get(json_root(&b->doc), "candidates")), EXPLAINED_KEPT_MAX);
	ASSERT_RAW(json_root(&b->doc), "considered", "40");
	ASSERT_RAW(json_root(&b->doc), "actions", "[]");
	assert_false(json_exists(json_get(candidate(json_root(&b->doc), "a", 0), "url")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_in_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(preferences_in_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(candidates_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_cause_brings_is_never_chosen_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_rests_is_not_chosen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_known_of_a_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retired_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_fails_its_health_check_rests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_kept_one_is_bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
