/* SPDX-License-Identifier: Apache-2.0 */
/* How long a routing decision takes: plans among 20 candidates, all of them measured, out of a configuration as it is
 * read. Per case the median of the rounds and the fastest, on standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/lot.h"
#include "config/config.h"
#include "policy/plan.h"

enum { CANDIDATES = 20, RULES = 10, ROUNDS = 25, CALLS = 20000, CONFIG_MAX = 1 << 20, LIMIT_NS = 2000 };

static const struct { const char *name, *rule, *model; } cases[] = {
	{ "one candidate of its own provider", NULL, "p7/m" },
	{ "20 by priority, no rule", NULL, "m" },
	{ "20 as listed, behind 10 rules", "try: [%s]", "m" },
	{ "20 drawn by weight, sticky", "split: { %s }", "m" },
	{ "20 cheapest first", "prefer: cheapest", "m" },
	{ "20 fastest first", "prefer: fastest", "m" },
	{ "20 least busy first", "prefer: least_busy", "m" },
	{ "20 by three preferences, weighed", "prefer: { cheapest: 2, fastest: 1, quality: 1 }", "m" },
	{ "20, 19 of them passed over", "require: { region: here }", "m" },
};

static int64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t tokens(void *ctx)
{
	return 1500;
}

static uint64_t conversation(void *ctx)
{
	return *(const uint64_t *)ctx;
}

#define say(...) check(buf_printf(__VA_ARGS__), "no room")

/* The words of a rule; "%s" stands for all providers, with weights where a split needs them. */
static void write_rule(struct buf *out, const char *rule)
{
	const char *gap = strstr(rule, "%s");

	say(out, "  - { %.*s", gap ? (int)(gap - rule) : (int)strlen(rule), rule);
	for (unsigned i = 0; gap && i < CANDIDATES; i++)
		say(out, "%sp%u%s", i > 0 ? ", " : "", i, rule[0] == 's' ? ": 5" : "");
	say(out, "%s }\n", gap ? gap + 2 : "");
}

static struct config *read_config(const char *rule)
{
	struct config_report report;
	struct config *c;
	struct buf text;

	buf_init(&text, CONFIG_MAX);
	say(&text, "providers:\n");
	for (unsigned i = 0; i < CANDIDATES; i++)
		say(&text, "  p%u: { dialect: openai-chat, base_url: 'http://127.0.0.1:1/v1', keys: [key-%u], models: [m, other], "
			   "priority: %u, region: %s }\n", i, i, i * 7 % CANDIDATES, i == 7 ? "here" : "there");
	if (rule) {
		say(&text, "routing:\n");
		for (unsigned i = 0; i < RULES; i++)
			say(&text, "  - { match: { model: 'name-%u-*', key: 'team-*' }, try: [p%u] }\n", i, i);
		write_rule(&text, rule);
	}
	c = config_parse(buf_slice(&text), "bench", &report);
	for (unsigned i = 0; !c && i < report.count; i++)
		fprintf(stderr, "line %u: %.*s\n", report.problems[i].line, SLICE_ARG(report.problems[i].text));
	check(c, "the benchmark's own configuration is refused");
	config_report_done(&report);
	buf_done(&text);
	return c;
}

/* Prices, which foreign providers have none of, and measurements of everybody. */
static void make_known(struct config *c, struct vitals *vitals, int64_t now_ns)
{
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		struct provider *p = &c->routing.providers[i];
		uint64_t target = breaker_key(p->name, p->bindings[0].base_text, p->keys[0].fingerprint, SLICE("m"));
		struct vital *v = vitals_use(vitals, target, p->name, SLICE("m"), SLICE("key"));

		p->offers[0].price.rates.input = (i * 11 % CANDIDATES + 1) * INT64_C(100000000);
		p->offers[0].price.rates.output = 4 * p->offers[0].price.rates.input;
		vital_first_token(v, 200000 + i * 13 % CANDIDATES * 10000, now_ns);
		for (unsigned k = 0; k < i * 3 % 5; k++)
			vital_begin(v);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* True if the median is within the promise. */
static bool measure(unsigned which)
{
	int64_t now_ns = clock_now_ns();
	struct knowledge known = { vitals_new(), breakers_new(), key_pool_new(), affinity_new() };
	struct config *c = read_config(cases[which].rule);
	double rounds[ROUNDS];
	uint64_t who;
	struct plan_query q = { .operation = OPERATION_CHAT,
				.dialect = DIALECT_OPENAI_CHAT,
				.model = slice_cstr(cases[which].model),
				.max_output = -1,
				.prompt_tokens = tokens,
				.prompt_most = 6000,
				.conversation = conversation,
				.ctx = &who,
				.caller = { .key = SLICE("app") },
				.knowledge = &known,
				.now_ns = now_ns,
				.deadline_ns = now_ns + 900 * NS_PER_S };
	struct arena a;

	arena_init(&a);
	make_known(c, known.vitals, now_ns);
	for (unsigned r = 0; r < ROUNDS; r++) {
		int64_t start = cpu_now_ns();

		for (unsigned i = 0; i < CALLS; i++) {
			struct plan plan;
			struct failure failure;

			q.draw = who = lot_mix(i, r);
			check(plan_make(&c->routing, &q, &a, &plan, &failure), "no plan");
			arena_reset(&a);
		}
		rounds[r] = (double)(cpu_now_ns() - start) / CALLS;
	}
	arena_done(&a);
	config_unref(c);
	affinity_free(known.affinity);
	key_pool_free(known.keys);
	breakers_free(known.breakers);
	vitals_free(known.vitals);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	printf("routing  %-34s median %7.0f ns  fastest %7.0f ns\n", cases[which].name, rounds[ROUNDS / 2], rounds[0]);
	return rounds[ROUNDS / 2] <= LIMIT_NS;
}

int main(void)
{
	bool ok = true;

	for (unsigned i = 0; i < COUNT_OF(cases); i++)
		ok &= measure(i);
	if (!ok)
		printf("routing  slower than the promised %d ns\n", LIMIT_NS);
	return 0;
}
