/* SPDX-License-Identifier: Apache-2.0 */
/* The routing language, word by word: what is written is what the planner finds; what cannot be meant is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/buf.h"
#include "config/config_test_support.h"

enum { TEXT_MAX = 1 << 16 };

/* Two providers that say where they run, one that does not; every rule below stands beside them, in line 6. */
#define PROVIDERS                                                                                                      \
	"keys: [{ name: app, key: 0123456789abcdef }, { name: trial-1, key: 0123456789abcdeg }]\n"                      \
	"providers:\n"                                                                                                 \
	"  a: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, models: [one, two], region: eu, zero_retention: true }\n" \
	"  b: { dialect: anthropic, base_url: http://127.0.0.1:2, models: [one, three], region: us }\n"                \
	"  c: { dialect: openai-chat, base_url: http://127.0.0.1:3/v1, models: [four] }\n"

/* ---- what is found, in words ---- */

#define PUT(...) assert_true(buf_printf(__VA_ARGS__))

static void put_texts(struct buf *out, const char *name, const struct slice *texts, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		PUT(out, "%s=%.*s ", name, SLICE_ARG(texts[i]));
}

static void put_match(struct buf *out, const struct match *m)
{
	put_texts(out, "model", m->models, m->model_count);
	if (m->has_prompt_length)
		PUT(out, "prompt=%lld..%lld ", (long long)m->prompt_length.low, (long long)m->prompt_length.high);
	if (m->has_max_tokens)
		PUT(out, "max=%lld..%lld ", (long long)m->max_tokens.low, (long long)m->max_tokens.high);
	if (m->dialects)
		PUT(out, "dialects=%x ", m->dialects);
	if (m->stream)
		PUT(out, "stream=%s ", m->stream == CONDITION_TRUE ? "yes" : "no");
	if (m->needs || m->needs_not)
		PUT(out, "needs=%x,%x ", m->needs, m->needs_not);
	put_texts(out, "key", m->keys, m->key_count);
	put_texts(out, "tag", m->tags, m->tag_count);
	for (unsigned i = 0; i < m->header_count; i++)
		PUT(out, "header=%.*s:%.*s ", SLICE_ARG(m->headers[i].name), SLICE_ARG(m->headers[i].pattern));
	put_texts(out, "region", m->regions, m->region_count);
	if (m->hours)
		PUT(out, "hours=%x ", m->hours);
}

static void put_item(struct buf *out, const struct try_item *item)
{
	switch (item->kind) {
	case TRY_PROVIDER:
		PUT(out, "%.*s", SLICE_ARG(item->provider->name));
		break;
	case TRY_PROVIDER_MODEL:
		PUT(out, "%.*s/%.*s", SLICE_ARG(item->provider->name), SLICE_ARG(item->model));
		break;
	case TRY_GROUP:
		PUT(out, "group:%.*s", SLICE_ARG(item->model));
		break;
	case TRY_MODEL:
		PUT(out, "model:%.*s", SLICE_ARG(item->model));
		break;
	}
}

static void put_list(struct buf *out, const char *name, const struct try_list *list)
{
	if (list->count > 0)
		PUT(out, "%s=", name);
	for (unsigned i = 0; i < list->count; i++) {
		if (i > 0)
			PUT(out, ",");
		put_item(out, &list->items[i]);
	}
	if (list->count > 0)
		PUT(out, " ");
}

static void put_order(struct buf *out, const struct actions *actions)
{
	put_list(out, "try", &actions->try);
	for (unsigned i = 0; actions->split && i < actions->try.count; i++)
		PUT(out, "%s%u%s", i ? "/" : "split=", actions->split[i], i + 1 == actions->try.count ? " " : "");
	if (actions->sticky)
		PUT(out, "sticky=%d ", (int)actions->sticky);
	for (unsigned i = 0; i < PREFER_COUNT; i++)
		if (actions->prefer[i] > 0)
			PUT(out, "prefer=%s:%g ", prefer_name((enum prefer)i), actions->prefer[i]);
	assert_int_equal(actions->has_preference, slice_find(buf_slice(out), SLICE("prefer=")) != SIZE_MAX);
	if (actions->mirror.target) {
		PUT(out, "mirror=");
		put_item(out, actions->mirror.target);
		PUT(out, ":%u ", actions->mirror.share);
	}
	put_texts(out, "in", actions->require.regions, actions->require.region_count);
	if (actions->require.zero_retention)
		PUT(out, "zero ");
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		put_list(out, cause_name((enum cause)i), &actions->on[i]);
}

static void put_resilience(struct buf *out, const struct actions *actions)
{
	if (actions->slow_stream_said)
		PUT(out, "slow=%lld:%lld ", (long long)actions->slow_stream.below, (long long)actions->slow_stream.within_ms);
	if (actions->hedge_said)
		PUT(out, "hedge=%s:%lld:%u ", actions->hedge.on ? "on" : "off", (long long)actions->hedge.after_ms,
			   actions->hedge.share);
	if (actions->rescue.said)
		PUT(out, "rescue=%s,%s,%s ", rescue_name((enum rescue)actions->rescue.modes[0]),
			   rescue_name((enum rescue)actions->rescue.modes[1]),
			   rescue_name((enum rescue)actions->rescue.modes[2]));
	if (actions->when_down != WHEN_DOWN_UNSAID)
		PUT(out, "down=%s ", when_down_name(actions->when_down));
	if (actions->when_down == WHEN_DOWN_WAIT)
		PUT(out, "wait=%lld:%u:%d ", (long long)actions->wait.up_to_ms, actions->wait.queue,
			   actions->wait.priority);
	if (actions->affinity)
		PUT(out, "affinity=%s ", actions->affinity == CONDITION_TRUE ? "yes" : "no");
	if (actions->unsupported)
		PUT(out, "unsupported=%d ", (int)actions->unsupported);
	if (actions->deny.ptr)
		PUT(out, "deny=%.*s ", SLICE_ARG(actions->deny));
}

static bool is_described(const char *text, const struct match *match, const struct actions *actions, const char *expected)
{
	_cleanup_(buf_done) struct buf out;
	struct slice found;

	buf_init(&out, TEXT_MAX);
	if (match)
		put_match(&out, match);
	put_order(&out, actions);
	put_resilience(&out, actions);
	found = slice_trim(buf_slice(&out));
	if (slice_eq(found, slice_cstr(expected)))
		return true;
	print_message("%s\n  is   %.*s\n  not  %s\n", text, SLICE_ARG(found), expected);
	return false;
}

struct good_case {
	const char *text;              /* of a rule or an entry */
	const char *found;
};

static const struct good_case conditions[] = {
	{ "model: one", "model=one" },
	{ "model: [one, \"t*\"]", "model=one model=t*" },
	{ "prompt_length: \"<2000\"", "prompt=0..1999" },
	{ "max_tokens: 10..20", "max=10..20" },
	{ "dialect: openai-chat", "dialects=1" },
	{ "dialect: [openai-responses, anthropic, gemini]", "dialects=e" },
	{ "stream: true", "stream=yes" },
	{ "stream: false", "stream=no" },
	{ "tools: true, image: true, audio: true", "needs=7,0" },
	{ "document: false, structured_output: false, reasoning: false", "needs=0,38" },
	{ "tools: true, image: false", "needs=1,2" },
	{ "key: app", "key=app" },
	{ "key: [app, \"trial-*\"]", "key=app key=trial-*" },
	{ "tag: nightly", "tag=nightly" },
	{ "tag: [nightly, \"batch-*\"]", "tag=nightly tag=batch-*" },
	{ "header: { X-Team: \"blue*\", x-any: \"*\" }", "header=x-team:blue* header=x-any:*" },
	{ "header: { x-team: \"${WEIR_TEST_TEAM}\" }", "header=x-team:green" },
	{ "region: eu", "region=eu" },
	{ "region: [eu, us]", "region=eu region=us" },
	{ "hour: 9", "hours=200" },
	{ "hour: 22..1", "hours=c00003" },
	{ "hour: [8..9, 12]", "hours=1300" },
};

static const struct good_case actions[] = {
	{ "try: a", "try=a" },
	{ "try: [a, b/three, two, frontier, group]", "try=a,b/three,model:two,group:frontier,group:group" },
	{ "try: [b, a], split: 10/90", "try=b,a split=10/90" },
	{ "try: [a, b, c], split: \"0 / 1 / 1000000\", sticky: user", "try=a,b,c split=0/1/1000000 sticky=1" },
	{ "split: { a/one: 1, b/three: 99 }, sticky: session", "try=a/one,b/three split=1/99" },
	{ "split: { a/one: 1 }, sticky: key", "try=a/one split=1 sticky=2" },
	{ "split: { a/one: 1 }, sticky: none", "try=a/one split=1 sticky=3" },
	{ "prefer: cheapest", "prefer=cheapest:1" },
	{ "prefer: fastest", "prefer=fastest:1" },
	{ "prefer: fastest_throughput", "prefer=fastest_throughput:1" },
	{ "prefer: quality", "prefer=quality:1" },
	{ "prefer: least_busy", "prefer=least_busy:1" },
	{ "prefer: priority", "prefer=priority:1" },
	{ "prefer: nearest", "prefer=nearest:1" },
	{ "prefer: { cheapest: 2, quality: 0.5 }", "prefer=cheapest:2 prefer=quality:0.5" },
	{ "mirror: b", "mirror=b:1000000" },
	{ "mirror: { to: b/one, share: 5% }", "mirror=b/one:50000" },
	{ "mirror: { to: group }", "mirror=group:group:1000000" },
	{ "hedge: true", "hedge=on:-1:50000" },
	{ "hedge: false", "hedge=off:-1:50000" },
	{ "hedge: off", "hedge=off:-1:50000" },
	{ "hedge: { after: 800ms }", "hedge=on:800:50000" },
	{ "slow_stream: true", "slow=10:3000" },
	{ "slow_stream: { below: 25, within: 500ms }", "slow=25:500" },
	{ "slow_stream: off", "slow=0:0" },
	{ "hedge: { after: p95, share: 0.5% }", "hedge=on:-1:5000" },
	{ "require: { region: eu }", "in=eu" },
	{ "require: { region: [us, eu], zero_retention: true }", "in=us in=eu zero" },
	{ "on: { context_length: b/three, content_filter: [c, a] }", "context_length=b/three content_filter=c,a" },
	{ "on: { rate_limit: [group], timeout: a, error: [b] }", "rate_limit=group:group timeout=a error=b" },
	{ "rescue: off", "rescue=off,off,off" },
	{ "rescue: hold", "rescue=hold,off,off" },
	{ "rescue: [replay, continue]", "rescue=replay,continue,off" },
	{ "rescue: [continue, hold, replay]", "rescue=continue,hold,replay" },
	{ "when_down: least_bad", "down=least_bad" },
	{ "when_down: refuse", "down=refuse" },
	{ "when_down: wait", "down=wait wait=10000:100:5" },
	{ "wait: { up_to: 10m, priority: 0 }", "down=wait wait=600000:100:0" },
	{ "when_down: wait, wait: { queue: 7, priority: 9 }", "down=wait wait=10000:7:9" },
	{ "affinity: true", "affinity=yes" },
	{ "affinity: false", "affinity=no" },
	{ "unsupported: drop", "unsupported=1" },
	{ "unsupported: refuse", "unsupported=2" },
};

static struct config *load(const char *format, const char *text)
{
	_cleanup_(buf_done) struct buf whole;
	struct config_report report;
	struct config *c;

	buf_init(&whole, TEXT_MAX);
	assert_true(buf_append_slice(&whole, SLICE(PROVIDERS "models:\n  group: { try: [a/two, b/three] }\n")));
	for (const char *at = format; *at; at++) {
		if (*at == '@')
			assert_true(buf_append_slice(&whole, slice_cstr(text)));
		else
			assert_true(buf_append(&whole, at, 1));
	}
	c = config_parse(buf_slice(&whole), "test.yaml", &report);
	if (report.count > 0) {
		print_message("%s\n", text);
		print_report(&report);
	}
	assert_non_null(c);
	assert_int_equal(report.count, 0);
	config_report_done(&report);
	return c;
}

static void test_conditions(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT_OF(conditions); i++) {
		struct config *c = load("routing: [{ match: { @ }, deny: \"no\" }]\n", conditions[i].text);
		const struct rule *rule = &c->routing.rules[0];
		struct actions none = { 0 };

		assert_true(slice_eq(rule->actions.deny, SLICE("no")));
		wrong += !is_described(conditions[i].text, &rule->match, &none, conditions[i].found);
		config_unref(c);
	}
	assert_int_equal(wrong, 0);
}

static void test_actions_of_rules(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		struct config *c = load("routing: [{ @ }]\n", actions[i].text);
		const struct rule *rule = &c->routing.rules[0];

		wrong += !is_described(actions[i].text, &rule->match, &rule->actions, actions[i].found);
		config_unref(c);
	}
	assert_int_equal(wrong, 0);
}

/* The same words in an entry called `one`, which all bare providers but `c` list. */
static void test_actions_of_entries(void **state)
{
	_cleanup_(arena_done) struct arena a;
	unsigned wrong = 0, tested = 0;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		struct slice text = slice_cstr(actions[i].text);
		bool has_list = slice_starts_with(text, SLICE("try:")) || slice_starts_with(text, SLICE("split:"));
		const char *expected = actions[i].found;
		struct config *c;

		if (slice_find(text, SLICE("c, a]")) != SIZE_MAX || slice_find(text, SLICE(", c]")) != SIZE_MAX)
			continue;
		if (!has_list) {
			text = arena_printf(&a, "try: [b, a], %.*s", SLICE_ARG(text));
			expected = arena_printf(&a, "try=b,a %s", expected).ptr;
		}
		c = load("  one: { @ }\n", arena_cstr(&a, text));
		wrong += !is_described(actions[i].text, NULL, &c->routing.models[1].actions, expected);
		config_unref(c);
		tested++;
	}
	assert_int_equal(wrong, 0);
	assert_true(tested > 30);
}

static void test_denial_and_name(void **state)
{
	struct config *c = load("routing: [{ @ }]\n", "match: { model: one }, deny: Ask for another., name: closed");

	assert_true(slice_eq(c->routing.rules[0].route, SLICE("closed")));
	assert_true(slice_eq(c->routing.rules[0].actions.deny, SLICE("Ask for another.")));
	config_unref(c);
}

static void test_defaults(void **state)
{
	struct config *c = load("@", "");
	const struct actions *d = &c->routing.defaults;

	assert_int_equal(c->defaults.retry_budget, 100000);
	assert_int_equal(c->defaults.affinity_for_ms, 600000);
	assert_false(d->hedge.on);
	assert_int_equal(d->hedge.after_ms, -1);
	assert_int_equal(d->rescue.modes[0], RESCUE_OFF);
	assert_int_equal(d->when_down, WHEN_DOWN_LEAST_BAD);
	assert_true(slice_eq(c->routing.region, SLICE("eu")));
	config_unref(c);

	c = load("defaults: { @ }\nrouting: [{ match: { tag: x }, hedge: true, when_down: wait },\n"
		 "  { match: { tag: y }, wait: { queue: 2 } }, { hedge: { share: 1% } }]\n",
		 "retry_budget: 0.2, affinity_for: 1h, hedge: { after: 2s, share: 10% }, rescue: [replay], "
		 "wait: { up_to: 30s, priority: 3 }, unsupported: refuse");
	assert_int_equal(c->defaults.retry_budget, 200000);
	assert_int_equal(c->defaults.affinity_for_ms, 3600000);
	assert_true(is_described("defaults", NULL, &c->routing.defaults,
				 "hedge=on:2000:100000 rescue=replay,off,off down=wait wait=30000:100:3 unsupported=2"));
	/* What a rule says of hedging and waiting is said over the defaults. */
	assert_true(is_described("rule 1", NULL, &c->routing.rules[0].actions,
				 "hedge=on:2000:100000 down=wait wait=30000:100:3"));
	assert_true(is_described("rule 2", NULL, &c->routing.rules[1].actions, "down=wait wait=30000:2:3"));
	assert_true(is_described("rule 3", NULL, &c->routing.rules[2].actions, "hedge=on:2000:10000"));
	config_unref(c);
}

static void test_providers(void **state)
{
	struct config *c = load("@", "");
	struct config_report report;
	const struct provider *p;

	assert_true(c->routing.providers[0].offers[0].quality < 0);
	assert_int_equal(c->routing.providers[0].health, HEALTH_OFF);
	assert_int_equal(c->routing.providers[0].health_every_ms, 30000);
	assert_int_equal(c->routing.providers[0].keys[0].weight, 1);
	config_unref(c);

	c = config_parse(SLICE("providers:\n"
			       "  p: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, models: [one, two], quality: 62.5,"
			       " health: connect, keys: [k, { key: l, weight: 3, requests_per_minute: 60, in_flight: 4 },"
			       " { key: m, tokens_per_minute: 5000000000 }] }\n"
			       "  q: { dialect: openai-chat, base_url: http://127.0.0.1:2/v1, models: [one, two],"
			       " quality: { two: 100 }, health: { check: models, every: 5s }, keys: { key: n, weight: 2 } }\n"),
			 "test.yaml", &report);
	assert_non_null(c);
	config_report_done(&report);
	p = &c->routing.providers[0];
	assert_true(p->offers[0].quality == 62.5 && p->offers[1].quality == 62.5);
	assert_int_equal(p->health, HEALTH_CONNECT);
	assert_int_equal(p->key_count, 3);
	assert_int_equal(p->keys[0].weight, 1);
	assert_int_equal(p->keys[0].limits.in_flight, 0);
	assert_int_equal(p->keys[1].weight, 3);
	assert_int_equal(p->keys[1].limits.requests_per_minute, 60);
	assert_int_equal(p->keys[1].limits.in_flight, 4);
	assert_true(p->keys[2].limits.tokens_per_minute == UINT64_C(5000000000));
	p = &c->routing.providers[1];
	assert_true(p->offers[0].quality < 0 && p->offers[1].quality == 100);
	assert_int_equal(p->health, HEALTH_MODELS);
	assert_int_equal(p->health_every_ms, 5000);
	assert_int_equal(p->key_count, 1);
	assert_int_equal(p->keys[0].weight, 2);
	config_unref(c);
}

/* ---- what is wrong ---- */

#define RULE(text_) PROVIDERS "routing: [{ " text_ " }]\n"
#define MATCH(text_) RULE("match:  { " text_ " }, prefer: cheapest")
#define ENTRY(text_) PROVIDERS "models: { one: { " text_ " } }\n"
#define PROVIDER(text_)                                                                                                \
	"providers:\n  p: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, models: [one],\n    " text_ " }\n"

static const struct text_case bad[] = {
	/* Conditions. */
	{ MATCH("prompt_length: many"), "6:38: 'many' should be a number of tokens\n" },
	{ MATCH("max_tokens: \"<0\""), "6:35: '<0' should be a number of tokens\n" },
	{ MATCH("max_tokens: []"), "6:23: a single value belongs here, not a list\n" },
	{ MATCH("dialect: [openai-caht, grpc]"),
	  "6:33: unknown word 'openai-caht'; did you mean 'openai-chat'?\n6:46: unknown word 'grpc'\n" },
	{ MATCH("dialect: []"), "6:23: 'dialect' is one or several of\n" },
	{ MATCH("stream: yes"), "6:31: 'yes' should be true or false\n" },
	{ MATCH("tools: 1"), "6:30: '1' should be true or false\n" },
	{ MATCH("images: true"), "6:23: unknown key 'images'; did you mean 'image'?\n" },
	{ MATCH("key: [ap, \"\"]"), "6:33: 'key' is empty here\n" },
	{ MATCH("key: ap"), "6:28: warning none of 'keys' has the name 'ap'; did you mean 'app'?\n" },
	{ "routing: [{ match: { key: app }, deny: x }]\n", "1:27: warning without 'keys' every caller is 'local'\n" },
	{ MATCH("tag: \"a,b\""), "6:28: a tag has no comma\n" },
	{ MATCH("tag: []"), "6:23: 'tag' is one word or a list\n" },
	{ MATCH("header: { \"x team\": a }"), "6:33: 'x team' is no header name\n" },
	{ MATCH("header: x-team"), "6:31: 'header' is a map\n6:31: 'header' is a map of header names\n" },
	{ MATCH("header: { x-team: [a] }"), "6:33: a single value belongs here\n" },
	{ MATCH("region: []"), "6:23: 'region' is one word or a list\n" },
	{ MATCH("hour: 24"), "6:29: '24' should be an hour from 0 to 23\n" },
	{ MATCH("hour: [8, 8..25, noon]"), "6:33: '8..25' should be\n6:40: 'noon' should be\n" },
	{ MATCH("hour: []"), "6:23: 'hour' is an hour\n" },
	{ MATCH("team: a, budget: \">80%\""), "6:23: 'team' comes later\n6:32: 'budget' comes later\n" },

	/* Targets and weights. */
	{ RULE("try: [a, b], split: 10/20/70"), "6:33: 'split' has 3 weights, but 'try' has 2 targets\n" },
	{ RULE("try: a, split: 10/20"), "6:28: 'split' has 2 weights, but 'try' has 1 target\n" },
	{ RULE("try: [a, b], split: 0/0"), "6:33: all weights are 0\n" },
	{ RULE("split: { a: 0 }"), "6:13: all weights are 0\n" },
	{ RULE("split: 10/90"), "6:20: these weights are of the targets in 'try', which is missing\n" },
	{ RULE("try: [a, b], split: 10:90"), "6:33: '10:90' should be weights such as 10/90\n" },
	{ RULE("try: [a, b], split: 1/1000001"), "6:33: '1/1000001' should be weights\n" },
	{ RULE("try: [a, b], split: [10, 90]"), "6:26: weights are written as 10/90, or as a map\n" },
	{ RULE("try: [a, b], split: { a: 1 }"), "6:26: stand for 'try': leave one of the two out\n" },
	{ RULE("split: {}"), "6:13: 'split' has 1 to 64 targets\n" },
	{ RULE("split: { a: 1, d: 2, b: -1 }"),
	  "6:28: 'd' is no provider, model or group here\n6:37: '-1' should be a whole number\n" },
	{ RULE("try: [a, b], split: 1/1, prefer: cheapest"), "6:46: 'split' and 'prefer' both say\n" },
	{ RULE("try: a, sticky: user"), "6:29: 'sticky' belongs to a 'split'\n" },
	{ RULE("split: { a: 1 }, sticky: sesion"), "6:38: unknown word 'sesion'; did you mean 'session'?\n" },
	{ RULE("mirror: onee"), "6:21: 'onee' is no provider, model or group here; did you mean 'one'?\n" },
	{ RULE("mirror: { share: 5% }"), "6:13: 'mirror' needs a target\n" },
	{ RULE("mirror: { to: b, share: 105% }"), "6:37: '105%' should be a share such as 5%\n" },
	{ RULE("mirror: { to: b, part: 5% }"), "6:30: unknown key 'part'\n" },
	{ RULE("mirror: [a, b]"), "6:13: a single value belongs here\n" },
	{ RULE("on: { context_lenght: a }"), "6:19: unknown key 'context_lenght'; did you mean 'context_length'?\n" },
	{ RULE("on: { timeout: [], error: d }"), "6:19: 'timeout' is a list of 1 to 64\n6:39: 'd' is no provider\n" },
	{ RULE("on: a"), "6:17: 'on' is a map\n" },

	/* Preferences. */
	{ RULE("prefer: cheapst"), "6:21: unknown word 'cheapst'; did you mean 'cheapest'?\n" },
	{ RULE("prefer: [cheapest, fastest]"), "6:13: several preferences need weights: { cheapest: 2, fastest: 1 }\n" },
	{ RULE("prefer: { cheapest: 0, fast: 1, quality: -1 }"),
	  "6:33: a weight of 0 says nothing\n6:36: unknown word 'fast'\n6:54: '-1' should be a number from 0 to\n" },
	{ RULE("prefer: {}"), "6:13: 'prefer' is empty\n" },

	/* Constraints. */
	{ RULE("require: { region: ue }"), "6:32: warning no provider is in the region 'ue'; did you mean 'eu'?\n" },
	{ RULE("require: { region: [eu, mars] }"),
	  "6:37: warning no provider is in the region 'mars'; known are: eu, us\n" },
	{ RULE("try: [b, c/four], require: { region: eu }"), "6:31: warning no target of 'try' is what 'require' asks for\n" },
	{ RULE("try: [three], require: { zero_retention: true }"), "6:27: warning no target of 'try'\n" },
	{ RULE("require: { region: us, zero_retention: true }"), "6:13: warning no provider is what 'require' asks for\n" },
	{ RULE("require: { region: eu }, mirror: b, on: { error: [b, three] }"),
	  "6:13: warning no target of 'mirror'\n6:13: warning no target of 'error'\n" },
	{ RULE("require: { zero_retention: no }"), "6:40: 'no' should be true or false\n" },
	{ PROVIDERS "models: { x: { try: [y], require: { region: eu } }, y: { try: [b/one] } }\n",
	  "6:26: warning no target of 'try'\n" },
	{ "routing: [{ require: { region: eu } }]\n",
	  "1:32: warning no provider is in the region 'eu'; none of them says where it runs\n" },

	/* Resilience. */
	{ RULE("slow_stream: { within: 1ms }"), "6:36: '1ms' should be between 100ms and 1m\n" },
	{ RULE("hedge: maybe"), "6:20: unknown word 'maybe'\n" },
	{ RULE("hedge: { after: p99, share: 2 }"), "6:29: 'p99' should be a duration\n6:41: '2' should be a share\n" },
	{ RULE("rescue: [off, hold]"), "6:22: 'off' stands alone\n" },
	{ RULE("rescue: [hold, replay, hold]"), "6:36: 'hold' stands twice\n" },
	{ RULE("rescue: []"), "6:13: 'rescue' is off, or one or several\n" },
	{ RULE("rescue: repaly"), "6:21: did you mean 'replay'?\n" },
	{ RULE("when_down: least-bad"), "6:24: did you mean 'least_bad'?\n" },
	{ RULE("when_down: refuse, wait: { up_to: 5s }"), "6:32: 'wait' goes with when_down: wait, but this says when_down: refuse\n" },
	{ RULE("wait: { up_to: 11m, queue: 0, priority: 10 }"),
	  "6:28: '11m' is longer than a request may wait: 10m\n6:40: '0' should be a whole number from 1\n"
	  "6:53: '10' should be a whole number from 0 to 9\n" },
	{ RULE("wait: 10s"), "6:19: 'wait' is a map\n" },
	{ RULE("affinity: auto"), "6:23: 'auto' should be true or false\n" },
	{ "defaults: { when_down: refuse, wait: { up_to: 5s } }\n", "1:32: 'wait' goes with when_down: wait\n" },
	{ "defaults: { retry_budget: 20, affinity_for: 5, rescue: [off, replay] }\n",
	  "1:27: '20' should be a share\n1:45: '5' should be a duration\n1:57: 'off' stands alone\n" },

	/* Refusals. */
	{ RULE("deny: true"), "6:19: 'deny' is the message\n" },
	{ RULE("deny: \"\""), "6:19: 'deny' is the message\n" },
	{ RULE("deny: no, try: a"), "6:28: 'try' beside 'deny': what is denied goes nowhere\n" },
	{ RULE("deny: no, prefer: cheapest, rescue: off"), "6:31: 'prefer' beside 'deny'\n6:49: 'rescue' beside 'deny'\n" },
	{ RULE("name: x"), "6:13: a rule needs something to do\n" },
	{ ENTRY("deny: no"), "6:11: 'one' needs 'try' or 'split'\n6:18: unknown key 'deny'\n" },
	{ ENTRY("try: a, match: { model: x }"), "6:26: unknown key 'match'\n" },
	{ ENTRY("try: a, on_exhaust: b"), "6:26: 'on_exhaust' comes later\n" },
	{ ENTRY("try: [a, c]"), "6:18: 'c' does not list 'one': say which of its models, as c/MODEL\n" },
	{ ENTRY("split: { c: 1, a: 1 }"), "6:18: 'c' does not list 'one'\n" },
	{ ENTRY("try: a, mirror: c, on: { error: [c] }"), "6:34: 'c' does not list 'one'\n6:37: 'c' does not list 'one'\n" },

	/* Never reached. */
	{ PROVIDERS "routing:\n  - { match: { stream: true }, prefer: cheapest }\n  - { match: { stream: true, tools: true }, try: a }\n"
	  "  - { match: { stream: false }, try: a }\n  - { match: { tools: true }, try: b }\n",
	  "8:7: warning this rule is never reached: rule-1 before it matches all that this one does\n" },
	{ PROVIDERS "routing:\n  - { match: { model: \"o*\", hour: 8..18 }, try: a }\n  - { match: { model: one, hour: 9..10 }, try: b }\n"
	  "  - { match: { model: one, hour: 9..20 }, try: b }\n  - { match: { model: [one, two], hour: 9 }, try: b }\n",
	  "8:7: warning this rule is never reached\n" },
	{ PROVIDERS "routing:\n  - { match: { prompt_length: \"<2000\", header: { x-a: \"*\" } }, try: a }\n"
	  "  - { match: { prompt_length: \"<1000\", header: { x-a: b, x-c: d } }, try: b }\n"
	  "  - { match: { prompt_length: \"<1000\" }, try: b }\n"
	  "  - { match: { prompt_length: \"<=2000\", header: { x-a: \"*\" } }, try: b }\n",
	  "8:7: warning this rule is never reached\n" },
	{ PROVIDERS "routing:\n  - { match: { dialect: [anthropic, gemini], key: [app, \"trial*\"], tag: \"x*\", region: eu, max_tokens: \">5\" }, try: a }\n"
	  "  - { match: { dialect: gemini, key: trial-1, tag: [x, xy], region: eu, max_tokens: 6 }, try: b }\n"
	  "  - { match: { dialect: gemini, key: trial-1, tag: [x, y], region: eu, max_tokens: 6 }, try: b }\n"
	  "  - { match: { key: trial-1, tag: [x, xy], region: eu, max_tokens: 6 }, try: b }\n"
	  "  - { match: { dialect: gemini, key: trial-1, tag: x, region: eu }, try: b }\n",
	  "8:7: warning this rule is never reached\n" },
	{ PROVIDERS "routing:\n  - { match: { image: false }, try: a }\n  - { match: { image: false, audio: true }, try: b }\n"
	  "  - { match: { image: true }, try: b }\n  - { name: rest, try: a }\n  - { deny: never }\n",
	  "8:7: warning this rule is never reached: rule-1\n11:7: warning this rule is never reached: rest before it matches everything\n" },

	/* Of providers. */
	{ PROVIDER("quality: 101"), "3:14: '101' should be a number from 0 to 100\n" },
	{ PROVIDER("quality: good"), "3:14: 'good' should be a number from 0 to 100\n" },
	{ PROVIDER("quality: { on: 5, one: -1 }"),
	  "3:16: 'p' does not list 'on'; did you mean 'one'?\n3:28: '-1' should be a number\n" },
	{ "providers: { p: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, quality: 5 } }\n",
	  "1:83: 'quality' is of models, and 'p' lists none\n" },
	{ PROVIDER("health: connct"), "3:13: unknown word 'connct'; did you mean 'connect'?\n" },
	{ PROVIDER("health: { every: 5s }"), "3:5: 'health' needs 'check'\n" },
	{ PROVIDER("health: { check: models, every: 500ms }"), "3:37: '500ms' is too often\n" },
	{ PROVIDER("keys: [{ weight: 2 }]"), "3:14: a key with limits is written as { key: KEY\n" },
	{ PROVIDER("keys: [{ key: k, weight: 0, requests_per_minute: 0, in_flight: x }]"),
	  "3:30: '0' should be a whole number from 1\n3:54: '0' should be\n3:68: 'x' should be\n" },
	{ PROVIDER("keys: [{ key: k, wieght: 2 }]"), "3:22: unknown key 'wieght'; did you mean 'weight'?\n" },
};

static void test_what_cannot_be_meant(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		wrong += !check_case(&bad[i]);
	assert_int_equal(wrong, 0);
}

static void test_region_of_nowhere(void **state)
{
	static const struct text_case c = { MATCH("region: eu"), "6:31: warning this matches only where the environment variable WEIR_REGION\n" };

	unsetenv("WEIR_REGION");
	assert_true(check_case(&c));
	setenv("WEIR_REGION", "eu", 1);
}

/* Comparing every rule with every other one has an end. */
static void test_many_rules(void **state)
{
	_cleanup_(buf_done) struct buf text;
	struct config_report report;
	struct config *c;

	buf_init(&text, 4 << 20);
	assert_true(buf_append_slice(&text, SLICE("routing:\n")));
	for (int i = 0; i < 10000; i++)
		assert_true(buf_printf(&text, "  - { match: { tag: t%d }, deny: x }\n", i));
	c = config_parse(buf_slice(&text), "test.yaml", &report);
	assert_non_null(c);
	assert_int_equal(c->routing.rule_count, 10000);
	config_unref(c);
	config_report_done(&report);
}

static int set_environment(void **state)
{
	setenv("WEIR_REGION", "eu", 1);
	setenv("WEIR_TEST_TEAM", "green", 1);
	/* One provider by environment, so that files without `providers:` say nothing about that. */
	setenv("XAI_API_KEY", "x", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_actions_of_rules),
		cmocka_unit_test(test_actions_of_entries),
		cmocka_unit_test(test_denial_and_name),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_providers),
		cmocka_unit_test(test_what_cannot_be_meant),
		cmocka_unit_test(test_region_of_nowhere),
		cmocka_unit_test(test_many_rules),
	};

	return cmocka_run_group_tests(tests, set_environment, NULL);
}
