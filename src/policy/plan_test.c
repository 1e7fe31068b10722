/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the planner: a request's name and what the configuration says → the candidates in order, as one line of text.
 * "anthropic:claude-opus-4-7" is a usable one, "~" marks another model than asked for, "=gemini" that it is translated
 * into that dialect, "!…" why it is passed over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "policy/plan.h"

#define TEXT(literal) { "" literal "", sizeof(literal) - 1 }
#define USD INT64_C(1000000000)
#define BIT(op) (1u << OPERATION_##op)
#define ALL_ABILITIES (NEEDS_TOOLS | NEEDS_IMAGES | NEEDS_DOCUMENTS | NEEDS_STRUCTURED_OUTPUT | NEEDS_REASONING)

static const struct model opus = { TEXT("claude-opus-4.7"), TIER_FRONTIER, 1000000, 128000, ALL_ABILITIES, BIT(CHAT), 0 };
static const struct model sonnet = { TEXT("claude-sonnet-4.6"), TIER_FAST, 1000000, 64000, ALL_ABILITIES, BIT(CHAT), 0 };
static const struct model pro = { TEXT("gemini-3.1-pro"), TIER_FRONTIER, 1000000, 64000, ALL_ABILITIES, BIT(CHAT), 0 };
static const struct model flash = { TEXT("gemini-3-flash"), TIER_FAST, 1000000, 64000, ALL_ABILITIES, BIT(CHAT), 0 };
static const struct model gpt = { TEXT("gpt-5.5"), TIER_FRONTIER, 400000, 128000, ALL_ABILITIES, BIT(CHAT), 0 };
static const struct model mini = { TEXT("gpt-5.4-mini"), TIER_CHEAP, 400000, 128000, NEEDS_TOOLS, BIT(CHAT), 0 };
static const struct model nano = { TEXT("gpt-5.4-nano"), TIER_CHEAP, 400000, 128000, NEEDS_TOOLS, BIT(CHAT), 0 };
static const struct model embed = { TEXT("text-embedding-3-small"), TIER_NONE, 8191, 0, 0, BIT(EMBEDDINGS), 0 };
static const struct model plain = { TEXT("house-7b"), TIER_NONE, 0, 0, 0, 0, 0 };

#define PRICE(in, out) \
	{ .rates = { .input = (in) * USD, .output = (out) * USD, .cached = PRICE_UNKNOWN, .written_5m = PRICE_UNKNOWN, \
		     .written_1h = PRICE_UNKNOWN } }

static struct slice opus_dated[] = { TEXT("claude-opus-4-7-20260416") };

static struct offer anthropic_offers[] = {
	{ &opus, TEXT("claude-opus-4-7"), opus_dated, 1, PRICE(5, 25) },
	{ &sonnet, TEXT("claude-sonnet-4-6"), NULL, 0, PRICE(3, 15) },
};
static struct offer google_offers[] = {
	{ &pro, TEXT("gemini-3.1-pro-preview"), NULL, 0, PRICE(2, 12) },
	{ &flash, TEXT("gemini-3-flash-preview"), NULL, 0, PRICE(1, 3) },
};
static struct offer openai_offers[] = {
	{ &mini, TEXT("gpt-5.4-mini"), NULL, 0, PRICE(2, 4) },
	{ &nano, TEXT("gpt-5.4-nano"), NULL, 0, PRICE(1, 2) },
	{ &gpt, TEXT("gpt-5.5"), NULL, 0, PRICE(6, 30) },
	{ &embed, TEXT("text-embedding-3-small"), NULL, 0, PRICE(1, 0) },
};
static struct offer router_offers[] = {
	{ &opus, TEXT("anthropic/claude-opus-4.7"), NULL, 0, PRICE(4, 20) },
	{ &gpt, TEXT("openai/gpt-5.5"), NULL, 0, { .rates = { .input = PRICE_UNKNOWN, .output = PRICE_UNKNOWN } } },
};
static struct offer keyless_offers[] = {
	{ &opus, TEXT("opus"), NULL, 0, PRICE(1, 1) },
};
static struct offer lone_offers[] = {
	{ &plain, TEXT("house/7b"), NULL, 0, { .rates = { .input = PRICE_UNKNOWN, .output = PRICE_UNKNOWN } } },
};

static bool write_nothing(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr)
{
	return true;
}

/* Dialects that carry everything but what their tables refuse or drop; nothing is ever written. */
static const struct field_row chat_fields_there[FIELD_COUNT] = { [FIELD_INDEX_TOP_K] = { .carriage = DROPPED } };
static const struct field_row anthropic_fields_there[FIELD_COUNT] = {
	[FIELD_INDEX_N] = { .carriage = REFUSED }, [FIELD_INDEX_SEED] = { .carriage = DROPPED },
};
static const struct dialect fake_chat = { .id = DIALECT_OPENAI_CHAT, .fields = chat_fields_there, .write_chat = write_nothing };
static const struct dialect fake_responses = { .id = DIALECT_OPENAI_RESPONSES, .fields = anthropic_fields_there, .write_chat = write_nothing };
static const struct dialect fake_anthropic = { .id = DIALECT_ANTHROPIC, .fields = anthropic_fields_there, .write_chat = write_nothing };
static const struct dialect fake_gemini = { .id = DIALECT_GEMINI, .fields = chat_fields_there, .write_chat = write_nothing };

static struct binding anthropic_bindings[] = {
	{ .dialect_id = DIALECT_ANTHROPIC, .dialect = &fake_anthropic, .operations = BIT(CHAT) | BIT(COUNT_TOKENS) },
	{ .dialect_id = DIALECT_OPENAI_CHAT, .dialect = &fake_chat, .operations = BIT(CHAT) },
};
static struct binding google_bindings[] = {
	{ .dialect_id = DIALECT_GEMINI, .dialect = &fake_gemini, .operations = BIT(CHAT) | BIT(COUNT_TOKENS) },
	{ .dialect_id = DIALECT_OPENAI_CHAT, .dialect = &fake_chat, .operations = BIT(CHAT) | BIT(EMBEDDINGS) },
};
static struct binding openai_bindings[] = {
	{ .dialect_id = DIALECT_OPENAI_RESPONSES, .dialect = &fake_responses, .operations = BIT(CHAT) | BIT(COMPACT) },
	{ .dialect_id = DIALECT_OPENAI_CHAT, .dialect = &fake_chat, .operations = BIT(CHAT) | BIT(EMBEDDINGS) },
};
static struct binding chat_bindings[] = {
	{ .dialect_id = DIALECT_OPENAI_CHAT, .dialect = &fake_chat, .operations = BIT(CHAT) },
};
static struct binding lone_bindings[] = {
	{ .dialect_id = DIALECT_ANTHROPIC, .dialect = &fake_anthropic, .operations = BIT(CHAT) },
};

static struct credential some_key;

#define PROVIDER(provider_name, p, n, bound) \
	.name = TEXT(provider_name), .priority = (p), .order = (n), .bindings = (bound), .binding_count = COUNT_OF(bound)
#define OFFERS(list) .offers = (list), .offer_count = COUNT_OF(list), .lists_models = true
#define KEYED .needs_key = true, .keys = &some_key, .key_count = 1

enum { ANTHROPIC, OPENAI, GOOGLE, ROUTER, KEYLESS, BOX, LONE, PROVIDER_COUNT };

/* In file order; google comes before openai by priority, router before keyless by file order. */
static struct provider providers[PROVIDER_COUNT] = {
	[ANTHROPIC] = { PROVIDER("anthropic", 1, ANTHROPIC, anthropic_bindings), OFFERS(anthropic_offers), KEYED },
	[OPENAI] = { PROVIDER("openai", 3, OPENAI, openai_bindings), OFFERS(openai_offers), KEYED },
	[GOOGLE] = { PROVIDER("google", 2, GOOGLE, google_bindings), OFFERS(google_offers), KEYED },
	[ROUTER] = { PROVIDER("router", 100, ROUTER, chat_bindings), OFFERS(router_offers), KEYED },
	[KEYLESS] = { PROVIDER("keyless", 100, KEYLESS, chat_bindings), OFFERS(keyless_offers), .needs_key = true,
		      .key_variable = TEXT("KEYLESS_API_KEY") },
	[BOX] = { PROVIDER("box", 100, BOX, chat_bindings), .foreign = true },
	[LONE] = { PROVIDER("lone", 100, LONE, lone_bindings), OFFERS(lone_offers), .foreign = true },
};

/* `models:` of the fixture. */
static struct try_item smart_items[] = { { TRY_MODEL, .model = TEXT("claude-opus-4.7") } };
static struct try_item best_items[] = {
	{ TRY_PROVIDER_MODEL, &providers[ANTHROPIC], &anthropic_offers[0], TEXT("claude-opus-4-7-20260416") },
	{ TRY_MODEL, .model = TEXT("gpt-5.5") },
};
static struct try_item all_items[] = {
	{ TRY_PROVIDER_MODEL, &providers[BOX], NULL, TEXT("Any/Id") },
	{ TRY_GROUP, .model = TEXT("best") },
	{ TRY_GROUP, .model = TEXT("fast") },
};
static struct try_item loop_items[] = {
	{ TRY_GROUP, .model = TEXT("loop") },
	{ TRY_MODEL, .model = TEXT("gpt-5.5") },
};
static struct try_item shadow_items[] = {
	{ TRY_PROVIDER, &providers[ROUTER] },
	{ TRY_MODEL, .model = TEXT("gpt-5.5") },
};
static struct try_item nested_items[] = {
	{ TRY_MODEL, .model = TEXT("claude-sonnet-4.6") },
	{ TRY_GROUP, .model = TEXT("gpt-5.5") },
};
static struct try_item vision_items[] = {
	{ TRY_MODEL, .model = TEXT("gpt-5.4-nano") },
	{ TRY_MODEL, .model = TEXT("gemini-3-flash") },
};
#define ENTRY(entry_name, entry_route, list) \
	.name = TEXT(entry_name), .route = TEXT(entry_route), .actions.try = { (list), COUNT_OF(list) }
static struct model_name entries[] = {
	{ ENTRY("smart", "smart", smart_items), .is_alias = true },
	{ ENTRY("best", "the-best", best_items) },
	{ ENTRY("all", "all", all_items) },
	{ ENTRY("cheapest-best", "cheapest-best", best_items), .actions.has_preference = true,
	  .actions.prefer = { [PREFER_CHEAPEST] = 1 } },
	{ ENTRY("loop", "loop", loop_items) },
	{ ENTRY("gpt-5.5", "gpt-5.5", shadow_items) },
	{ ENTRY("vision", "vision", vision_items) },
	{ ENTRY("nested", "nested", nested_items) },
};

/* Rules; a case picks one or several by their place. */
static struct slice opus_names[] = { TEXT("claude-opus-4.7") };
static struct slice smart_names[] = { TEXT("smart") };
static struct slice gemini_globs[] = { TEXT("gemini-*") };
static struct slice mini_names[] = { TEXT("gpt-5.4-mini"), TEXT("gpt-5.4-nano") };
static struct slice embed_names[] = { TEXT("text-embedding-*") };
static struct try_item anthropic_openai[] = { { TRY_PROVIDER, &providers[ANTHROPIC] }, { TRY_PROVIDER, &providers[OPENAI] } };
static struct try_item google_anthropic[] = { { TRY_PROVIDER, &providers[GOOGLE] }, { TRY_PROVIDER, &providers[ANTHROPIC] } };
static struct try_item lone_then_google[] = { { TRY_PROVIDER, &providers[LONE] }, { TRY_PROVIDER, &providers[GOOGLE] } };
static struct try_item only_box[] = { { TRY_PROVIDER, &providers[BOX] } };
static struct try_item openai_google[] = { { TRY_PROVIDER, &providers[OPENAI] }, { TRY_PROVIDER, &providers[GOOGLE] } };
#define CHEAPEST .actions.has_preference = true, .actions.prefer = { [PREFER_CHEAPEST] = 1 }
#define TRY(list) .actions.try = { (list), COUNT_OF(list) }
#define MATCH(list) .match.models = (list), .match.model_count = COUNT_OF(list)
enum { OPUS_RULE, GEMINI_RULE, SHORT_RULE, MINI_RULE, EMBED_RULE, SMART_RULE, BOX_RULE, LONE_RULE, CHEAP_TRY_RULE, OTHERS_RULE };
static const struct rule all_rules[] = {
	[OPUS_RULE] = { TEXT("rule-1"), MATCH(opus_names), TRY(anthropic_openai) },
	[GEMINI_RULE] = { TEXT("flashy"), MATCH(gemini_globs), TRY(google_anthropic) },
	[SHORT_RULE] = { TEXT("short"), .match.has_prompt_length = true,
			 .match.prompt_length = { 0, 1999 }, CHEAPEST },
	[MINI_RULE] = { TEXT("mini"), MATCH(mini_names), TRY(google_anthropic) },
	[EMBED_RULE] = { TEXT("embed"), MATCH(embed_names), TRY(openai_google) },
	[SMART_RULE] = { TEXT("smart-rule"), MATCH(smart_names), TRY(openai_google) },
	[BOX_RULE] = { TEXT("boxed"), TRY(only_box) },
	[LONE_RULE] = { TEXT("lonely"), TRY(lone_then_google) },
	[CHEAP_TRY_RULE] = { TEXT("cheap-try"), MATCH(opus_names), TRY(anthropic_openai), CHEAPEST },
	[OTHERS_RULE] = { TEXT("others"), MATCH(gemini_globs), TRY(anthropic_openai) },
};

struct plan_case {
	const char *model;
	enum dialect_id dialect;       /* openai-chat when not said */
	enum operation operation;      /* chat when not said */
	unsigned needs;
	uint64_t fields;               /* of the request */
	const struct model_rules *model_rules; /* of all models; NULL = unknown */
	enum unsupported unsupported;
	bool foreign_state;
	const char *only;
	unsigned rules;                /* bits: which of all_rules are configured, in their order */
	bool alone;                    /* without the fixture's `models:` section */
	int64_t prompt;                /* tokens, should anybody ask */
	const char *route;
	const char *candidates;
	enum failure_kind kind;
	const char *message;           /* what the failure's message contains */
};

struct fixture {
	struct routing routing;
	struct rule rules[COUNT_OF(all_rules)];
	struct arena arena;
	unsigned asked_tokens;
	int64_t tokens;
	struct chat chat;
};

static const struct chat *answer_chat(void *ctx)
{
	return &((struct fixture *)ctx)->chat;
}

static int64_t answer_tokens(void *ctx)
{
	struct fixture *f = ctx;

	f->asked_tokens++;
	return f->tokens;
}

static void fixture_init(struct fixture *f, const struct plan_case *c)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena);
	f->tokens = c->prompt;
	chat_init(&f->chat, c->dialect);
	f->chat.fields = c->fields;
	for (unsigned i = 0; i < COUNT_OF(providers); i++)
		for (unsigned k = 0; k < providers[i].offer_count; k++)
			providers[i].offers[k].rules = c->model_rules ? c->model_rules : &model_rules_unknown;
	f->routing.providers = providers;
	f->routing.provider_count = COUNT_OF(providers);
	map_init(&f->routing.provider_by_name);
	for (unsigned i = 0; i < COUNT_OF(providers); i++)
		map_put(&f->routing.provider_by_name, providers[i].name, &providers[i]);
	map_init(&f->routing.model_by_name);
	f->routing.models = entries;
	f->routing.model_count = c->alone ? 0 : COUNT_OF(entries);
	for (unsigned i = 0; i < f->routing.model_count; i++)
		map_put(&f->routing.model_by_name, entries[i].name, &entries[i]);
	for (unsigned i = 0; i < COUNT_OF(all_rules); i++)
		if (c->rules & (1u << i))
			f->rules[f->routing.rule_count++] = all_rules[i];
	f->routing.rules = f->rules;
	f->routing.defaults.unsupported = c->unsupported;
}

static void fixture_done(struct fixture *f)
{
	map_done(&f->routing.provider_by_name);
	map_done(&f->routing.model_by_name);
	arena_done(&f->arena);
}

static const char *render(struct arena *a, const struct plan *plan)
{
	struct slice text = SLICE("");

	for (unsigned i = 0; i < plan->count; i++) {
		const struct candidate *c = &plan->candidates[i];

		text = arena_printf(a, "%.*s%s%.*s:%.*s%s%s%s%s%s", SLICE_ARG(text), i > 0 ? " | " : "",
				    SLICE_ARG(c->provider->name), SLICE_ARG(c->own_id), c->substituted ? "~" : "",
				    c->translates ? "=" : "", c->translates ? dialect_id_name(c->binding->dialect_id) : "",
				    c->passed_over ? "!" : "", c->passed_over ? c->passed_over : "");
	}
	return text.ptr;
}

static void run_case(const struct plan_case *c)
{
	struct fixture f;
	struct plan plan;
	struct failure failure;
	struct plan_query q = { .dialect = c->dialect, .operation = c->operation, .model = slice_cstr(c->model),
				.needs = c->needs, .max_output = -1, .only = slice_cstr(c->only),
				.has_foreign_state = c->foreign_state,
				.prompt_tokens = answer_tokens, .chat = answer_chat, .ctx = &f };
	bool ok;

	fixture_init(&f, c);
	ok = plan_make(&f.routing, &q, &f.arena, &plan, &failure);
	print_message("%s\n", c->model);
	if (c->candidates)
		assert_string_equal(render(&f.arena, &plan), c->candidates);
	assert_int_equal(ok, c->kind == FAILURE_NONE);
	if (ok)
		assert_string_equal(arena_cstr(&f.arena, plan.route), c->route);
	else
		assert_int_equal(failure.kind, c->kind);
	if (c->message && !strstr(failure.message, c->message))
		fail_msg("'%s' does not say '%s'", failure.message, c->message);
	assert_true(f.asked_tokens <= 1);
	fixture_done(&f);
}

#define RUN_ALL(cases) do { for (unsigned i = 0; i < COUNT_OF(cases); i++) run_case(&(cases)[i]); } while (0)

static void test_names(void **state)
{
	static const struct plan_case cases[] = {
		{ "claude-sonnet-4.6", .route = "direct", .candidates = "anthropic:claude-sonnet-4-6" },
		{ "gemini-3.1-pro-preview", .route = "direct", .candidates = "google:gemini-3.1-pro-preview" },
		{ "claude-opus-4.7", .route = "direct",
		  .candidates = "anthropic:claude-opus-4-7 | router:anthropic/claude-opus-4.7 | "
				"keyless:opus!no key: set KEYLESS_API_KEY" },
		/* A dated id goes as asked to its own provider only. */
		{ "claude-opus-4-7-20260416", .route = "direct", .only = "anthropic,router",
		  .candidates = "anthropic:claude-opus-4-7-20260416 | router:anthropic/claude-opus-4.7 | "
				"keyless:opus!left out by x-weir-only" },
		/* (2) comes before (3): somebody lists this very name, so it is not pinned. */
		{ "anthropic/claude-opus-4.7", .route = "direct", .only = "anthropic , router",
		  .candidates = "anthropic:claude-opus-4-7 | router:anthropic/claude-opus-4.7 | "
				"keyless:opus!left out by x-weir-only" },
		{ "anthropic/claude-sonnet-4.6", .route = "direct", .candidates = "anthropic:claude-sonnet-4-6" },
		{ "anthropic/claude-opus-4-7-20260416", .route = "direct", .candidates = "anthropic:claude-opus-4-7-20260416" },
		{ "router/openai/gpt-5.5", .route = "direct", .candidates = "router:openai/gpt-5.5" },
		{ "box/Org/Model:tag", .route = "direct", .candidates = "box:Org/Model:tag" },
		{ "unheard-of", .route = "direct", .candidates = "box:unheard-of" },
		{ "smart", .route = "smart", .only = "router",
		  .candidates = "anthropic:claude-opus-4-7!left out by x-weir-only | router:anthropic/claude-opus-4.7 | "
				"keyless:opus!left out by x-weir-only" },
		/* (1) comes before (2): the entry decides, its own model comes by its provider. */
		{ "gpt-5.5", .route = "gpt-5.5", .candidates = "router:openai/gpt-5.5 | openai:gpt-5.5" },
	};

	RUN_ALL(cases);
}

static void test_tiers(void **state)
{
	static const struct plan_case cases[] = {
		{ "frontier", .route = "direct", .alone = true,
		  .candidates = "anthropic:claude-opus-4-7 | google:gemini-3.1-pro-preview | openai:gpt-5.5 | "
				"router:anthropic/claude-opus-4.7 | keyless:opus!no key: set KEYLESS_API_KEY | "
				"router:openai/gpt-5.5" },
		{ "fast", .route = "direct", .candidates = "anthropic:claude-sonnet-4-6 | google:gemini-3-flash-preview" },
		{ "cheap", .route = "direct", .candidates = "openai:gpt-5.4-mini | openai:gpt-5.4-nano" },
		{ "frontier", .rules = 1 << SHORT_RULE, .prompt = 100, .route = "short",
		  .candidates = "keyless:opus!no key: set KEYLESS_API_KEY | google:gemini-3.1-pro-preview | "
				"router:anthropic/claude-opus-4.7 | anthropic:claude-opus-4-7 | openai:gpt-5.5 | "
				"router:openai/gpt-5.5" },
		{ "cheap", .needs = NEEDS_IMAGES, .kind = FAILURE_BAD_REQUEST, .message = "does not take images",
		  .candidates = "openai:gpt-5.4-mini!does not take images | openai:gpt-5.4-nano!does not take images" },
		{ "cheap", .dialect = DIALECT_GEMINI, .route = "direct",
		  .candidates = "openai:gpt-5.4-mini=openai-responses | openai:gpt-5.4-nano=openai-responses" },
		{ "fast", .operation = OPERATION_EMBEDDINGS, .kind = FAILURE_NO_MODEL },
	};

	RUN_ALL(cases);
}

static void test_groups(void **state)
{
	static const struct plan_case cases[] = {
		{ "best", .route = "the-best",
		  .candidates = "anthropic:claude-opus-4-7-20260416 | openai:gpt-5.5 | router:openai/gpt-5.5" },
		{ "all", .route = "all",
		  .candidates = "box:Any/Id | anthropic:claude-opus-4-7-20260416 | openai:gpt-5.5 | router:openai/gpt-5.5 | "
				"anthropic:claude-sonnet-4-6 | google:gemini-3-flash-preview" },
		{ "cheapest-best", .route = "cheapest-best", .prompt = 1000,
		  .candidates = "anthropic:claude-opus-4-7-20260416 | openai:gpt-5.5 | router:openai/gpt-5.5" },
		{ "loop", .route = "loop", .candidates = "openai:gpt-5.5 | router:openai/gpt-5.5" },
		/* A bare provider means its entry's own name, wherever the entry is named. */
		{ "nested", .route = "nested", .candidates = "anthropic:claude-sonnet-4-6 | router:openai/gpt-5.5 | openai:gpt-5.5" },
		/* A member that cannot do what the request needs gives way to one that can. */
		{ "vision", .needs = NEEDS_IMAGES, .route = "vision",
		  .candidates = "openai:gpt-5.4-nano!does not take images | google:gemini-3-flash-preview" },
		/* A rule's provider without the group's first model stands in by that model's tier. */
		{ "best", .rules = 1 << LONE_RULE, .route = "lonely",
		  .candidates = "lone:claude-opus-4.7!does not list the model and has none near its tier that can do this | "
				"google:gemini-3.1-pro-preview" },
	};

	RUN_ALL(cases);
}

static void test_rules(void **state)
{
	static const struct plan_case cases[] = {
		{ "claude-opus-4.7", .rules = 1 << OPUS_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7 | openai:gpt-5.5~" },
		/* By the name as asked or by what it resolves to; the first that matches decides alone. */
		{ "claude-opus-4-7-20260416", .rules = 1 << OPUS_RULE | 1 << SHORT_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7-20260416 | openai:gpt-5.5~" },
		{ "smart", .rules = 1 << OPUS_RULE | 1 << SMART_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7 | openai:gpt-5.5~" },
		{ "smart", .rules = 1 << SMART_RULE, .route = "smart-rule",
		  .candidates = "openai:gpt-5.5~ | google:gemini-3.1-pro-preview~" },
		{ "gemini-3-flash", .rules = 1 << OPUS_RULE | 1 << GEMINI_RULE, .route = "flashy",
		  .candidates = "google:gemini-3-flash-preview | anthropic:claude-sonnet-4-6~" },
		/* Pinned: no rule. */
		{ "anthropic/claude-sonnet-4.6", .rules = 1 << BOX_RULE, .route = "direct",
		  .candidates = "anthropic:claude-sonnet-4-6" },
		{ "claude-sonnet-4.6", .rules = 1 << BOX_RULE, .route = "boxed", .candidates = "box:claude-sonnet-4.6" },
		/* prefer: cheapest on a plain model orders its providers. */
		{ "claude-opus-4.7", .rules = 1 << SHORT_RULE, .prompt = 1999, .route = "short",
		  .candidates = "keyless:opus!no key: set KEYLESS_API_KEY | router:anthropic/claude-opus-4.7 | "
				"anthropic:claude-opus-4-7" },
		{ "claude-opus-4.7", .rules = 1 << SHORT_RULE, .prompt = 2000, .route = "direct",
		  .candidates = "anthropic:claude-opus-4-7 | router:anthropic/claude-opus-4.7 | "
				"keyless:opus!no key: set KEYLESS_API_KEY" },
		{ "claude-opus-4.7", .rules = 1 << CHEAP_TRY_RULE, .route = "cheap-try", .prompt = 10,
		  .candidates = "anthropic:claude-opus-4-7 | openai:gpt-5.5~" },
	};

	RUN_ALL(cases);
}

static void test_stand_ins(void **state)
{
	static const struct plan_case cases[] = {
		/* No cheap model: the next tier up. */
		{ "gpt-5.4-mini", .rules = 1 << MINI_RULE, .route = "mini",
		  .candidates = "google:gemini-3-flash-preview~ | anthropic:claude-sonnet-4-6~" },
		/* fast at openai: none; up: gpt-5.5 even though the next tier down is cheaper. */
		{ "gemini-3-flash", .rules = 1 << SMART_RULE | 1 << OPUS_RULE | 1 << LONE_RULE, .route = "lonely",
		  .candidates = "lone:gemini-3-flash!does not list the model and has none near its tier that can do this | "
				"google:gemini-3-flash-preview" },
		/* Needs narrow who may stand in. */
		{ "claude-opus-4.7", .needs = NEEDS_AUDIO, .rules = 1 << OPUS_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7 | "
				"openai:claude-opus-4.7!does not list the model and has none near its tier that can do this" },
		/* Never for embeddings, counting, or what is bound to state. */
		{ "text-embedding-3-small", .operation = OPERATION_EMBEDDINGS, .rules = 1 << EMBED_RULE, .route = "embed",
		  .candidates = "openai:text-embedding-3-small | google:text-embedding-3-small!does not list the model, "
				"and no other may stand in for embeddings" },
		{ "claude-opus-4.7", .dialect = DIALECT_ANTHROPIC, .operation = OPERATION_COUNT_TOKENS,
		  .rules = 1 << OPUS_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7 | openai:claude-opus-4.7!does not list the model, and no other "
				"may stand in for count_tokens" },
		{ "claude-opus-4.7", .needs = NEEDS_STATE, .rules = 1 << OPUS_RULE, .route = "rule-1",
		  .candidates = "anthropic:claude-opus-4-7 | openai:claude-opus-4.7!does not list the model, and no other "
				"may stand in for a request bound to stored state" },
		{ "house-7b", .dialect = DIALECT_ANTHROPIC, .rules = 1 << LONE_RULE, .route = "lonely",
		  .candidates = "lone:house/7b | google:house-7b!does not list the model, whose tier is unknown: none can "
				"stand in" },
	};

	RUN_ALL(cases);
}

static const struct model_rules tools_elsewhere = { .rejects = REJECTS_TOOLS_ON_CHAT };

static void test_dialects(void **state)
{
	static const struct plan_case cases[] = {
		/* "=dialect" where the request goes through the hub. */
		{ "claude-opus-4.7", .dialect = DIALECT_ANTHROPIC, .route = "direct",
		  .candidates = "anthropic:claude-opus-4-7 | router:anthropic/claude-opus-4.7=openai-chat | "
				"keyless:opus=openai-chat!no key: set KEYLESS_API_KEY" },
		{ "gemini-3-flash", .dialect = DIALECT_ANTHROPIC, .route = "direct", .candidates = "google:gemini-3-flash-preview=gemini" },
		{ "gpt-5.4-mini", .dialect = DIALECT_GEMINI, .route = "direct", .candidates = "openai:gpt-5.4-mini=openai-responses" },
		/* The first listed dialect cannot carry it, the second can. */
		{ "gpt-5.4-mini", .dialect = DIALECT_GEMINI, .fields = FIELD_N, .route = "direct",
		  .candidates = "openai:gpt-5.4-mini=openai-chat" },
		{ "claude-sonnet-4.6", .dialect = DIALECT_GEMINI, .fields = FIELD_N | FIELD_SEED, .route = "direct",
		  .candidates = "anthropic:claude-sonnet-4-6=openai-chat" },
		{ "house-7b", .dialect = DIALECT_OPENAI_CHAT, .fields = FIELD_N | FIELD_STOP, .kind = FAILURE_UNSUPPORTED,
		  .candidates = "lone:house/7b!cannot carry n", .message = "no target for 'house-7b' can do what was asked: lone cannot carry n" },
		/* Tuning is dropped, unless that was forbidden. */
		{ "house-7b", .fields = FIELD_SEED, .route = "direct", .candidates = "lone:house/7b=anthropic" },
		{ "house-7b", .fields = FIELD_SEED, .unsupported = UNSUPPORTED_REFUSE, .kind = FAILURE_UNSUPPORTED,
		  .candidates = "lone:house/7b!cannot carry seed", .message = "lone cannot carry seed" },
		/* Tools that a model takes in Responses only. */
		{ "gpt-5.4-mini", .needs = NEEDS_TOOLS, .fields = FIELD_TOOLS, .model_rules = &tools_elsewhere, .route = "direct",
		  .candidates = "openai:gpt-5.4-mini=openai-responses" },
		{ "gpt-5.4-mini", .model_rules = &tools_elsewhere, .route = "direct", .candidates = "openai:gpt-5.4-mini" },
		/* Wrapped state of another provider never goes out as it is. */
		{ "claude-sonnet-4.6", .dialect = DIALECT_ANTHROPIC, .foreign_state = true, .route = "direct",
		  .candidates = "anthropic:claude-sonnet-4-6=anthropic" },
		{ "text-embedding-3-small", .dialect = DIALECT_GEMINI, .operation = OPERATION_EMBEDDINGS,
		  .kind = FAILURE_NEEDS_TRANSLATION, .message = "openai speaks openai-chat; embeddings is not translated" },
		{ "gpt-5.5", .operation = OPERATION_EMBEDDINGS, .alone = true, .kind = FAILURE_BAD_REQUEST,
		  .message = "does not serve embeddings" },
		{ "claude-opus-4.7", .operation = OPERATION_COUNT_TOKENS, .only = "router", .kind = FAILURE_BAD_REQUEST,
		  .message = "router does not serve count_tokens" },
	};

	RUN_ALL(cases);
}

static void test_refusals(void **state)
{
	static const struct plan_case cases[] = {
		{ "anthropic/claude-opus-4.6", .kind = FAILURE_NONE, .route = "direct", .candidates = "box:anthropic/claude-opus-4.6" },
		{ "keyless/opus", .kind = FAILURE_NO_CREDENTIALS, .message = "set KEYLESS_API_KEY" },
		{ "gpt-5.5", .only = "anthropic", .kind = FAILURE_BAD_REQUEST, .message = "x-weir-only leaves no provider" },
		{ "gpt-5.5", .only = "opnai", .kind = FAILURE_BAD_REQUEST, .message = "did you mean 'openai'?" },
		{ "gpt-5.5", .only = "zzzzzzzz", .kind = FAILURE_BAD_REQUEST, .message = "names no configured provider: 'zzzzzzzz'" },
	};

	RUN_ALL(cases);
}

/* Without the provider that takes any id, unknown names are refused with the nearest ones. */
static void test_nearest_names(void **state)
{
	static const struct plan_case none = { .model = "" };
	static const struct { const char *asked, *message; } cases[] = {
		{ "claude-opus-4.6", "nearest: claude-opus-4.7, claude-sonnet-4.6" },
		{ "gpt55", "nearest: gpt-5.5" },
		{ "fats", "nearest: fast" },
		{ "anthropic/claude-opus-4.8", "nearest: anthropic/claude-opus-4.7" },
		{ "something else entirely, at length", "'something else entirely, at length' does not exist here" },
	};
	struct fixture f;

	fixture_init(&f, &none);
	f.routing.provider_count = BOX;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct plan_query q = { .model = slice_cstr(cases[i].asked), .max_output = -1 };
		struct plan plan;
		struct failure failure;

		assert_false(plan_make(&f.routing, &q, &f.arena, &plan, &failure));
		assert_int_equal(failure.kind, FAILURE_NO_MODEL);
		if (!strstr(failure.message, cases[i].message))
			fail_msg("'%s' does not say '%s'", failure.message, cases[i].message);
		assert_int_equal(plan.count, 0);
	}
	fixture_done(&f);
}

static void test_nobody_configured(void **state)
{
	static const struct plan_case none = { .model = "", .alone = true };
	struct plan_query q = { .model = SLICE("gpt-5.5"), .max_output = -1 };
	struct fixture f;
	struct plan plan;
	struct failure failure;

	fixture_init(&f, &none);
	f.routing.providers = &providers[KEYLESS];
	f.routing.provider_count = 1;
	assert_false(plan_make(&f.routing, &q, &f.arena, &plan, &failure));
	assert_int_equal(failure.kind, FAILURE_NO_CREDENTIALS);
	assert_non_null(strstr(failure.message, "KEYLESS_API_KEY"));
	f.routing.provider_count = 0;
	assert_false(plan_make(&f.routing, &q, &f.arena, &plan, &failure));
	assert_int_equal(failure.kind, FAILURE_NO_CREDENTIALS);
	fixture_done(&f);
}

static void test_estimates(void **state)
{
	/* 1 M tokens in at 5 USD, 1000 (the guess) or the model's 128,000 out at 25 USD per million. */
	assert_true(plan_cost_estimate(&anthropic_offers[0], 1000000, -1) == 5 * USD + 25 * USD / 1000);
	assert_true(plan_cost_estimate(&anthropic_offers[0], 0, INT64_MAX) == 25 * USD / 1000 * 128);
	assert_true(plan_cost_estimate(&router_offers[1], 10, 10) == PRICE_UNKNOWN);
	assert_true(plan_cost_estimate(NULL, 10, 10) == PRICE_UNKNOWN);
}

static void test_tokens_are_counted_only_when_needed(void **state)
{
	static const struct plan_case two_rules = { .model = "", .rules = 1 << OPUS_RULE | 1 << SHORT_RULE, .prompt = 5 };
	struct fixture f;
	struct plan plan;
	struct failure failure;
	struct plan_query q = { .model = SLICE("claude-opus-4.7"), .max_output = -1, .prompt_tokens = answer_tokens, .ctx = &f };

	fixture_init(&f, &two_rules);
	assert_true(plan_make(&f.routing, &q, &f.arena, &plan, &failure));
	assert_int_equal(f.asked_tokens, 0);
	assert_int_equal(plan.prompt_tokens, -1);
	q.model = SLICE("gpt-5.5");
	assert_true(plan_make(&f.routing, &q, &f.arena, &plan, &failure));
	assert_int_equal(f.asked_tokens, 1);
	assert_int_equal(plan.prompt_tokens, 5);
	assert_true(plan.candidates[0].cost_estimate > 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_tiers),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_stand_ins),
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nearest_names),
		cmocka_unit_test(test_nobody_configured),
		cmocka_unit_test(test_estimates),
		cmocka_unit_test(test_tokens_are_counted_only_when_needed),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
