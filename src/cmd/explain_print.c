/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation as a table. */
#include "cmd/explain_internal.h"

#include <stdio.h>
#include "cmd/terminal.h"

static struct slice text_of(struct json object, const char *name, struct arena *a)
{
	return json_text(json_member(object, slice_cstr(name)), a);
}

static bool is_true(struct json object, const char *name)
{
	return json_to_bool(json_member(object, slice_cstr(name)), false);
}

/* "$0.0012": at least four decimals, so that columns line up, and none behind the last that says something. */
static struct slice money(struct json candidate, struct arena *a)
{
	struct slice amount = text_of(candidate, "estimate_usd", a);
	size_t point;

	if (!amount.ptr)
		return SLICE("unknown");
	point = slice_find(amount, SLICE("."));
	while (point != SIZE_MAX && amount.len > point + 5 && amount.ptr[amount.len - 1] == '0')
		amount.len--;
	return arena_printf(a, "$%.*s", SLICE_ARG(amount));
}

static struct slice first_token(struct json candidate, struct arena *a)
{
	double ms;

	if (!json_to_double(json_get(candidate, "first_token_ms"), &ms))
		return SLICE("unknown");
	return ms < 10000 ? arena_printf(a, "%.0f ms", ms) : arena_printf(a, "%.1f s", ms / 1000);
}

static struct slice reason(struct json candidate, struct arena *a)
{
	struct slice why = text_of(candidate, "why", a);
	struct slice passed_over = text_of(candidate, "passed_over", a), rests = text_of(candidate, "rests", a);
	struct slice to = text_of(candidate, "translated_to", a), dropped = text_of(candidate, "dropped", a);
	struct slice cause = text_of(candidate, "on", a);

	if (passed_over.ptr)
		return arena_printf(a, "passed over: %.*s", SLICE_ARG(passed_over));
	if (to.ptr)
		why = arena_printf(a, "%.*s; translated to %.*s%s%.*s", SLICE_ARG(why), SLICE_ARG(to), dropped.len ? ", without " : "",
				   SLICE_ARG(dropped));
	if (cause.ptr)
		why = arena_printf(a, "only on %.*s: %.*s", SLICE_ARG(cause), SLICE_ARG(why));
	return rests.ptr ? arena_printf(a, "%.*s; %.*s", SLICE_ARG(rests), SLICE_ARG(why)) : why;
}

static void print_candidates(struct json candidates, struct arena *a)
{
	static const char *const titles[] = { "#", "PROVIDER", "MODEL", "SENT AS", "ESTIMATE", "FIRST TOKEN", "WHY" };
	struct table t;
	unsigned place = 0;

	table_init(&t, a, COUNT_OF(titles), titles, 1u << 0 | 1u << 4 | 1u << 5);
	for (struct json_walk k = json_walk(candidates); json_walk_next(&k);) {
		bool usable = is_true(k.value, "usable"), rests = text_of(k.value, "rests", a).ptr != NULL;
		struct slice *row = table_row(&t, !usable ? STYLE_DIM : rests ? STYLE_WARN : STYLE_COUNT);
		struct slice model = text_of(k.value, "model", a);

		row[0] = usable ? arena_printf(a, "%u", ++place) : SLICE("-");
		row[1] = text_of(k.value, "provider", a);
		row[2] = is_true(k.value, "substituted") ? arena_printf(a, "%.*s (stands in)", SLICE_ARG(model)) : model;
		row[3] = text_of(k.value, "sent_as", a);
		row[4] = money(k.value, a);
		row[5] = first_token(k.value, a);
		row[6] = reason(k.value, a);
	}
	table_print(&t, stdout);
}

static void print_urls(struct json candidates, struct arena *a)
{
	unsigned place = 0;

	for (struct json_walk k = json_walk(candidates); json_walk_next(&k);)
		if (is_true(k.value, "usable")) {
			place++;
			printf("%s%u  POST %.*s\n", place == 1 ? "\n" : "", place, SLICE_ARG(text_of(k.value, "url", a)));
		}
}

static void print_actions(struct json root, struct arena *a)
{
	bool first = true;

	for (struct json_walk k = json_walk(json_get(root, "actions")); json_walk_next(&k); first = false)
		printf("%s %.*s", first ? "      " : ";", SLICE_ARG(json_text(k.value, a)));
	if (!first)
		printf("\n");
}

/* What holds beside the order, where it is more than nothing. */
static void print_resilience(struct json root, struct arena *a)
{
	struct json hedge = json_get(root, "hedge"), mirror = json_get(root, "mirror"), rescue = json_get(root, "rescue");
	struct slice when_down = text_of(root, "when_down", a);
	double share;

	if (json_is(hedge, JSON_OBJECT) && json_to_double(json_get(hedge, "share"), &share))
		printf("hedge  after %.*s, at most %g %% of requests\n", SLICE_ARG(text_of(hedge, "after", a)), share * 100);
	if (json_count(rescue) > 0) {
		printf("rescue");
		for (struct json_walk k = json_walk(rescue); json_walk_next(&k);)
			printf(" %.*s", SLICE_ARG(json_text(k.value, a)));
		printf("\n");
	}
	if (!slice_eq(when_down, SLICE("least_bad")))
		printf("when down  %.*s\n", SLICE_ARG(when_down));
	if (json_is(mirror, JSON_OBJECT))
		printf("mirror %.*s/%.*s\n", SLICE_ARG(text_of(mirror, "provider", a)), SLICE_ARG(text_of(mirror, "model", a)));
}

static void print_head(struct json root, struct arena *a)
{
	struct slice asked = text_of(root, "asked", a), public_id = text_of(root, "public_id", a);
	struct json rule = json_get(root, "rule");
	int64_t tokens = 0;

	json_to_i64(json_get(root, "prompt_tokens"), &tokens);
	printf("%s%.*s%s  %.*s in %.*s%s, %lld prompt tokens\n", style_on(stdout, STYLE_BOLD), SLICE_ARG(asked), style_off(stdout),
	       SLICE_ARG(text_of(root, "operation", a)), SLICE_ARG(text_of(root, "dialect", a)),
	       is_true(root, "stream") ? ", streamed" : "", (long long)tokens);
	printf("name   %.*s", SLICE_ARG(text_of(root, "named", a)));
	if (public_id.len > 0 && !slice_eq(public_id, asked))
		printf(": %.*s", SLICE_ARG(public_id));
	printf("\nroute  %.*s%s\n", SLICE_ARG(text_of(root, "route", a)),
	       json_is(rule, JSON_OBJECT) ? " (the first rule that matches)" : "");
	print_actions(root, a);
	printf("order  %.*s\n", SLICE_ARG(text_of(root, "order", a)));
	print_resilience(root, a);
	printf("\n");
}

void explain_print(struct json root, struct arena *a)
{
	struct json candidates = json_get(root, "candidates"), refusal = json_get(root, "refusal");
	int64_t status = 0;

	print_head(root, a);
	if (json_count(candidates) > 0)
		print_candidates(candidates, a);
	if (!json_is(refusal, JSON_OBJECT)) {
		print_urls(candidates, a);
		return;
	}
	json_to_i64(json_get(refusal, "status"), &status);
	printf("%s%snobody can answer this%s: the client gets %lld: %.*s\n", json_count(candidates) > 0 ? "\n" : "",
	       style_on(stdout, STYLE_BAD), style_off(stdout), (long long)status,
	       SLICE_ARG(text_of(refusal, "message", a)));
}
