/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations as they are written, and what becomes of them. What is wrong with one is in config_problems_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "config/config.h"
#include "provider/catalogue.h"

/* Loads, and shows what is wrong when it does not. */
static struct config *load(const char *text)
{
	struct config_report report;
	struct config *c = config_parse(slice_cstr(text), "test.yaml", &report);

	for (unsigned i = 0; !c && i < report.count; i++)
		print_message("%u:%u: %.*s\n", report.problems[i].line, report.problems[i].column,
			      SLICE_ARG(report.problems[i].text));
	assert_non_null(c);
	assert_int_equal(report.errors, 0);
	config_report_done(&report);
	return c;
}

static void assert_slice(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_cstr(expected)))
		print_message("'%.*s' instead of '%s'\n", SLICE_ARG(s), expected ? expected : "nothing");
	assert_true(slice_eq(s, slice_cstr(expected)));
}

static const struct provider *provider(const struct config *c, const char *name)
{
	const struct provider *p = map_get(&c->routing.provider_by_name, slice_cstr(name));

	assert_non_null(p);
	return p;
}

/* No variable of the machine reaches the tests. */
static int clean_environment(void **state)
{
	static const char *const variables[] = {
		"http_proxy",
		"https_proxy",
		"HTTP_PROXY",
		"HTTPS_PROXY",
		"no_proxy",
		"NO_PROXY",
		"all_proxy",
		"ALL_PROXY",
	};

	for (unsigned i = 0; i < catalogue_provider_count; i++)
		for (const char *const *key = catalogue_providers[i].key_variables; *key; key++)
			unsetenv(*key);
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	setenv("WEIR_ADMIN_TOKEN", "token-of-the-admin", 1);
	setenv("APP_KEY", "app-key-0123456789", 1);
	setenv("BOX_KEY_1", "box-key-one", 1);
	setenv("BOX_KEY_2", "box-key-two", 1);
	return 0;
}

/* The first fragment of PRODUCT §6, as it stands. */
static const char product_routing[] =
	"providers:\n"
	"  anthropic:\n"
	"    priority: 1\n"
	"    models: [claude-opus-4.7, claude-sonnet-4.6]\n"
	"  google:\n"
	"    priority: 2\n"
	"    models: [gemini-3.1-pro, gemini-3-flash]\n"
	"  openai:\n"
	"    priority: 3\n"
	"    models: [gpt-5.5, gpt-5.4-mini]\n"
	"routing:\n"
	"  - match: { model: \"claude-opus-4.7\" }\n"
	"    try: [anthropic, openai]\n"
	"  - match: { model: \"gemini-3-flash\" }\n"
	"    try: [google, anthropic]\n"
	"  - match: { prompt_length: \"<2000\" }\n"
	"    prefer: cheapest\n";

static void test_product_routing(void **state)
{
	struct config *c = load(product_routing);
	const struct provider *anthropic = provider(c, "anthropic");

	assert_int_equal(c->routing.provider_count, 3);
	assert_int_equal(anthropic->priority, 1);
	assert_int_equal(anthropic->offer_count, 2);
	assert_true(anthropic->lists_models);
	assert_false(anthropic->foreign);
	assert_int_equal(anthropic->key_count, 0);
	assert_true(anthropic->needs_key);
	assert_slice(anthropic->key_variable, "ANTHROPIC_API_KEY");
	assert_slice(anthropic->offers[0].own_id, "claude-opus-4-7");
	assert_int_equal(anthropic->offers[1].model->tier, TIER_FAST);
	assert_int_equal(anthropic->binding_count, 2);
	assert_slice(anthropic->bindings[1].base_text, "https://api.anthropic.com/v1");
	assert_non_null(anthropic->tls);
	assert_ptr_equal(anthropic->tls, provider(c, "openai")->tls);

	assert_int_equal(c->routing.rule_count, 3);
	assert_slice(c->routing.rules[0].route, "rule-1");
	assert_slice(c->routing.rules[0].match.models[0], "claude-opus-4.7");
	assert_int_equal(c->routing.rules[0].actions.try.count, 2);
	assert_int_equal(c->routing.rules[0].actions.try.items[1].kind, TRY_PROVIDER);
	assert_ptr_equal(c->routing.rules[0].actions.try.items[1].provider, provider(c, "openai"));
	assert_true(c->routing.rules[2].match.has_prompt_length);
	assert_int_equal(c->routing.rules[2].match.prompt_length.low, 0);
	assert_int_equal(c->routing.rules[2].match.prompt_length.high, 1999);
	assert_int_equal(c->routing.rules[2].actions.prefer[PREFER_CHEAPEST], 1);
	assert_int_equal(c->routing.rules[2].actions.try.count, 0);
	config_unref(c);
}

/* The second fragment; `models:` names the first one's providers, so they join it. */
static const char product_foreign[] =
	"listen: 127.0.0.1:8484\n"
	"admin: { listen: 127.0.0.1:8485, token: \"${WEIR_ADMIN_TOKEN}\" }\n"
	"workers: auto\n"
	"keys: [{ name: app, key: \"${APP_KEY}\" }]\n"
	"providers:\n"
	"  box:\n"
	"    dialect: openai-chat          # openai-chat | openai-responses |"
	" anthropic | gemini | bedrock | cohere | ollama\n"
	"    base_url: http://127.0.0.1:8000/v1\n"
	"    keys: [\"${BOX_KEY_1}\", \"${BOX_KEY_2}\"]\n"
	"    models: { qwen3-32b: Qwen/Qwen3-32B }      # public id: the provider's own id\n"
	"    region: eu\n"
	"    timeout: { connect: 2s, first_token: 20s, idle: 30s, total: 10m }    # this box is near\n"
	"    retries: 2\n"
	"%s"
	"models:\n"
	"  frontier: { try: [anthropic/claude-opus-4.7, openai/gpt-5.5] }\n"
	"  smart: claude-opus-4.7\n";

static void test_product_foreign(void **state)
{
	char text[4096];
	struct config *c;
	const struct provider *box;

	/* As it stands: the models of providers that are not configured are passed over. */
	snprintf(text, sizeof(text), product_foreign, "");
	c = load(text);
	assert_int_equal(c->routing.provider_count, 1);
	assert_int_equal(c->routing.models[0].actions.try.count, 2);
	config_unref(c);

	snprintf(text, sizeof(text), product_foreign, "  anthropic:\n  openai:\n");
	c = load(text);
	box = provider(c, "box");
	assert_int_equal(c->listen_count, 1);
	assert_slice(c->listen[0].text, "127.0.0.1:8484");
	assert_slice(secret_reveal(c->admin_token), "token-of-the-admin");
	assert_true(c->workers >= 1);
	assert_true(box->foreign);
	assert_false(box->needs_key);
	assert_int_equal(box->key_count, 2);
	assert_slice(secret_reveal(box->keys[1].secret), "box-key-two");
	assert_int_equal(box->keys[0].origins[0].url.port, 8000);
	assert_true(box->keys[0].fingerprint != box->keys[1].fingerprint);
	assert_int_equal(c->secret_count, 2);
	assert_int_equal(box->bindings[0].auth, AUTH_BEARER);
	assert_int_equal(box->bindings[0].usage_in_stream, USAGE_ASKED);
	assert_slice(box->bindings[0].base_text, "http://127.0.0.1:8000/v1");
	assert_null(box->tls);
	assert_slice(box->offers[0].own_id, "Qwen/Qwen3-32B");
	assert_slice(box->offers[0].model->id, "qwen3-32b");
	assert_int_equal(box->offers[0].price.rates.input, PRICE_UNKNOWN);
	assert_slice(box->region, "eu");
	assert_int_equal(box->timeout.connect, 2000);
	assert_int_equal(box->timeout.first_token, 20000);
	assert_int_equal(box->timeout.idle, 30000);
	assert_int_equal(box->timeout.total, 600000);
	assert_int_equal(box->retries, 2);

	assert_int_equal(c->routing.model_count, 2);
	assert_slice(c->routing.models[0].route, "frontier");
	assert_false(c->routing.models[0].is_alias);
	assert_int_equal(c->routing.models[0].actions.try.items[0].kind, TRY_PROVIDER_MODEL);
	assert_ptr_equal(c->routing.models[0].actions.try.items[0].provider, provider(c, "anthropic"));
	assert_slice(c->routing.models[0].actions.try.items[0].offer->own_id, "claude-opus-4-7");
	assert_true(c->routing.models[1].is_alias);
	assert_int_equal(c->routing.models[1].actions.try.items[0].kind, TRY_MODEL);
	assert_slice(c->routing.models[1].actions.try.items[0].model, "claude-opus-4.7");
	config_unref(c);
}

static void test_defaults_of_an_empty_file(void **state)
{
	static const char *const empties[] = { "", "\n", "# nothing\n", "---\n", "{}", "\xef\xbb\xbf" };

	for (size_t i = 0; i < COUNT_OF(empties); i++) {
		struct config *c = load(empties[i]);

		assert_int_equal(c->listen_count, 2);
		assert_slice(c->listen[0].text, "127.0.0.1:8484");
		assert_slice(c->listen[1].text, "[::1]:8484");
		assert_slice(c->admin.text, "127.0.0.1:8485");
		assert_null(c->admin_token);
		assert_int_equal(c->key_count, 0);
		assert_int_equal(c->routing.provider_count, 0);
		assert_int_equal(c->defaults.request_timeout_ms, 15 * 60000);
		assert_int_equal(c->defaults.attempts, 4);
		assert_int_equal(c->defaults.heartbeat_after_ms, 15000);
		assert_int_equal(c->limits.body, 64 << 20);
		assert_int_equal(c->limits.hold, 8 << 20);
		config_unref(c);
	}
}

static void test_json_is_accepted(void **state)
{
	struct config *c = load(
		"{\n\t\"listen\": [\"127.0.0.1:1\", \"unix:/tmp/weir.sock\"],\n"
		"\t\"providers\": {\"box\": {\"dialect\": \"openai-chat\", \"base_url\": \"http:\\/\\/127.0.0.1:1/v1\","
		" \"zero_retention\": true, \"priority\": 7}}\n}");

	assert_int_equal(c->listen_count, 2);
	assert_int_equal(provider(c, "box")->priority, 7);
	assert_true(provider(c, "box")->zero_retention);
	assert_int_equal(provider(c, "box")->bindings[0].base.port, 1);
	config_unref(c);
}

static void test_defaults_reach_providers(void **state)
{
	struct config *c =
		load("providers:\n"
		     "  a: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, timeout: { idle: 5s } }\n"
		     "defaults:\n"
		     "  timeout: { connect: 250ms, idle: 1m, request: 1h }\n"
		     "  retries: 0\n"
		     "  attempts: 7\n"
		     "  heartbeat: { after: 1s, every: 2s }\n"
		     "  rescue: off\n"
		     "limits: { body: 1MB, bodies: 2GB, hold: 512KB, event: 100B }\n");
	const struct provider *a = provider(c, "a");

	assert_int_equal(a->timeout.connect, 250);
	assert_int_equal(a->timeout.first_token, 120000);
	assert_int_equal(a->timeout.idle, 5000);
	assert_int_equal(a->retries, 0);
	assert_int_equal(c->defaults.request_timeout_ms, 3600000);
	assert_int_equal(c->defaults.attempts, 7);
	assert_int_equal(c->defaults.heartbeat_every_ms, 2000);
	assert_int_equal(c->limits.body, 1 << 20);
	assert_true(c->limits.bodies == (size_t)2 << 30);
	assert_int_equal(c->limits.event, 100);
	config_unref(c);
}

static void test_dialects_of_a_provider(void **state)
{
	struct config *c = load(
		"providers:\n"
		"  map: { dialect: { anthropic: \"http://127.0.0.1:1/anthropic\","
		" openai-chat: \"http://127.0.0.1:1/v1\" } }\n"
		"  list: { dialect: [openai-responses, openai-chat], base_url: \"http://127.0.0.1:2/v1/\" }\n"
		"  narrow: { dialect: openai-chat, base_url: \"http://127.0.0.1:3/v1\", operations: embeddings }\n"
		"  header: { dialect: anthropic, base_url: \"http://127.0.0.1:4\","
		" auth: \"header:Api-Key\", keys: k }\n"
		"  chosen: { dialect: anthropic, base_url: \"http://127.0.0.1:5\", usage_in_stream: never }\n");
	const struct provider *p = provider(c, "map");

	assert_int_equal(p->binding_count, 2);
	assert_int_equal(p->bindings[0].dialect_id, DIALECT_ANTHROPIC);
	assert_slice(p->bindings[0].base.path, "/anthropic");
	assert_slice(p->bindings[0].headers[0].name, "anthropic-version");
	assert_slice(p->bindings[1].base.path, "/v1");
	assert_int_equal(p->key_count, 1);
	assert_null(p->keys[0].secret);
	assert_int_equal(p->keys[0].origins[1].credential, 0);
	p = provider(c, "list");
	assert_int_equal(p->binding_count, 2);
	assert_int_equal(p->bindings[0].dialect_id, DIALECT_OPENAI_RESPONSES);
	assert_slice(p->bindings[1].base.path, "/v1");
	assert_int_equal(provider(c, "narrow")->bindings[0].operations, 1u << OPERATION_EMBEDDINGS);
	p = provider(c, "header");
	assert_int_equal(p->bindings[0].auth, AUTH_HEADER);
	assert_slice(p->bindings[0].auth_header, "api-key");
	assert_int_equal(provider(c, "chosen")->bindings[0].usage_in_stream, USAGE_NEVER);
	config_unref(c);
}

static void test_which_version_of_http(void **state)
{
	struct config *c = load(
		"providers:\n"
		"  plain: { dialect: openai-chat, base_url: \"http://127.0.0.1:1/v1\", http: 2 }\n"
		"  any: { dialect: openai-chat, base_url: \"https://127.0.0.1:2/v1\", http: auto }\n"
		"  unsaid: { dialect: openai-chat, base_url: \"https://127.0.0.1:3/v1\" }\n"
		"  old: { dialect: openai-chat, base_url: \"https://127.0.0.1:4/v1\", http: 1 }\n"
		"  new: { dialect: openai-chat, base_url: \"https://127.0.0.1:5/v1\", http: \"2\" }\n");

	assert_int_equal(provider(c, "plain")->http, HTTP_2);
	assert_int_equal(provider(c, "plain")->keys[0].origins[0].http, HTTP_2);
	assert_int_equal(provider(c, "any")->keys[0].origins[0].http, HTTP_AUTO);
	assert_int_equal(provider(c, "unsaid")->keys[0].origins[0].http, HTTP_AUTO);
	assert_int_equal(provider(c, "old")->keys[0].origins[0].http, HTTP_1);
	assert_int_equal(provider(c, "new")->keys[0].origins[0].http, HTTP_2);
	/* What a context offers by ALPN is its own. */
	assert_ptr_equal(provider(c, "any")->tls, provider(c, "new")->tls);
	assert_ptr_not_equal(provider(c, "any")->tls, provider(c, "old")->tls);
	config_unref(c);
}

static void test_gemini_base_has_its_version(void **state)
{
	static const struct { const char *written, *kept; } cases[] = {
		{ "http://127.0.0.1:1", "http://127.0.0.1:1/v1beta" },
		{ "http://127.0.0.1:1/", "http://127.0.0.1:1/v1beta" },
		{ "http://127.0.0.1:1/v1beta", "http://127.0.0.1:1/v1beta" },
		{ "http://127.0.0.1:1/v1beta/", "http://127.0.0.1:1/v1beta" },
		{ "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1" },
		{ "http://127.0.0.1:1/gemini", "http://127.0.0.1:1/gemini/v1beta" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[256];
		struct config *c;

		snprintf(text, sizeof(text), "providers: { g: { dialect: gemini, base_url: \"%s\" } }",
			 cases[i].written);
		c = load(text);
		assert_slice(c->routing.providers[0].bindings[0].base_text, cases[i].kept);
		config_unref(c);
	}
}

static void test_moved_catalogue_provider_stays_together(void **state)
{
	struct config *c = load("providers:\n"
				"  anthropic: { base_url: http://127.0.0.1:1, keys: [a] }\n"
				"  google: { base_url: http://127.0.0.1:2, keys: [b] }\n"
				"  openai: { base_url: http://127.0.0.1:3/v1, auth: none }\n"
				"  openrouter: { base_url: http://127.0.0.1:4/api/v1, keys: c }\n");
	const struct provider *p = provider(c, "anthropic");

	assert_int_equal(p->binding_count, 2);
	assert_slice(p->bindings[0].base_text, "http://127.0.0.1:1");
	assert_slice(p->bindings[1].base_text, "http://127.0.0.1:1/v1");
	assert_int_equal(p->bindings[0].auth, AUTH_HEADER);
	assert_int_equal(p->bindings[1].auth, AUTH_BEARER);
	p = provider(c, "google");
	assert_slice(p->bindings[0].base_text, "http://127.0.0.1:2/v1beta");
	assert_slice(p->bindings[1].base_text, "http://127.0.0.1:2/v1beta/openai");
	p = provider(c, "openai");
	assert_int_equal(p->binding_count, 2);
	assert_false(p->needs_key);
	assert_int_equal(p->key_count, 1);
	/* What does not follow from the given base is left out: no key goes to a place that was not named. */
	p = provider(c, "openrouter");
	assert_int_equal(p->binding_count, 2);
	for (unsigned i = 0; i < p->binding_count; i++)
		assert_slice(p->bindings[i].base.host, "127.0.0.1");
	config_unref(c);
}

static void test_models_of_a_provider(void **state)
{
	struct config *c = load(
		"providers:\n"
		"  openai: { models: [gpt-4o-2024-11-20, gpt-9-unheard-of] }\n"
		"  anthropic: { models: { claude-opus-4.7: claude-opus-4-7-20260416,"
		" mine: claude-haiku-4-5, other: x } }\n"
		"  mistral:\n"
		"  bedrock: { base_url: https://bedrock-runtime.eu-west-1.amazonaws.com, keys: [k],"
		" models: { claude-sonnet-4.6: eu.anthropic.claude-sonnet-4-6 } }\n"
		"  box: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1,"
		" models: [kimi-k2.6, own, gpt-9-unheard-of] }\n"
		"  any: { dialect: openai-chat, base_url: http://127.0.0.1:2/v1 }\n");
	const struct offer *o = provider(c, "openai")->offers;

	assert_slice(o[0].model->id, "gpt-4o");
	assert_slice(o[0].own_id, "gpt-4o");
	assert_int_equal(o[1].price.rates.input, PRICE_UNKNOWN);
	assert_ptr_equal(o[1].model, provider(c, "box")->offers[2].model);
	o = provider(c, "anthropic")->offers;
	assert_slice(o[0].model->id, "claude-opus-4.7");
	assert_slice(o[0].own_id, "claude-opus-4-7-20260416");
	assert_true(o[0].price.rates.input > 0);
	assert_slice(o[1].model->id, "mine");
	assert_slice(o[1].own_id, "claude-haiku-4-5");
	assert_true(o[1].price.rates.input > 0);
	assert_slice(o[2].own_id, "x");
	assert_int_equal(o[2].price.rates.input, PRICE_UNKNOWN);
	/* What is sent may be another offer's id there; the name is the one that was written. */
	o = provider(c, "bedrock")->offers;
	assert_slice(o[0].model->id, "claude-sonnet-4.6");
	assert_slice(o[0].own_id, "eu.anthropic.claude-sonnet-4-6");
	assert_true(o[0].price.rates.input > 0);
	assert_true(provider(c, "mistral")->offer_count >= 5);
	assert_false(provider(c, "mistral")->lists_models);
	/* A known public id keeps its row at a foreign provider, but what it costs there is unknown. */
	o = provider(c, "box")->offers;
	assert_true(o[0].model->context > 0);
	assert_int_equal(o[0].price.rates.input, PRICE_UNKNOWN);
	assert_int_equal(o[1].model->abilities, ~0u);
	assert_int_equal(provider(c, "any")->offer_count, 0);
	assert_false(provider(c, "any")->lists_models);
	config_unref(c);
}

static void test_try_words(void **state)
{
	struct config *c = load("providers:\n"
				"  openai:\n"
				"  any: { dialect: openai-chat, base_url: http://127.0.0.1:2/v1 }\n"
				"models:\n"
				"  gpt-4o: { try: [gpt-4o, any/anything], prefer: cheapest, name: four }\n"
				"  nested: { try: [gpt-4o, frontier] }\n"
				"  dated: gpt-4o-2024-11-20\n"
				"routing:\n"
				"  - match: { model: [gpt-*, nested], prompt_length: 1000..2000 }\n"
				"    try: [openai, any/x, nested, gpt-5.5, cheap]\n"
				"    name: all\n");
	const struct try_item *items = c->routing.rules[0].actions.try.items;

	assert_slice(c->routing.models[0].route, "four");
	assert_int_equal(c->routing.models[0].actions.prefer[PREFER_CHEAPEST], 1);
	assert_int_equal(c->routing.models[0].actions.try.items[0].kind, TRY_MODEL);
	assert_int_equal(c->routing.models[0].actions.try.items[1].kind, TRY_PROVIDER_MODEL);
	assert_null(c->routing.models[0].actions.try.items[1].offer);
	assert_slice(c->routing.models[0].actions.try.items[1].model, "anything");
	assert_int_equal(c->routing.models[1].actions.try.items[0].kind, TRY_GROUP);
	assert_int_equal(c->routing.models[1].actions.try.items[1].kind, TRY_GROUP);
	assert_slice(c->routing.models[2].actions.try.items[0].model, "gpt-4o");
	assert_int_equal(c->routing.rules[0].match.model_count, 2);
	assert_int_equal(c->routing.rules[0].match.prompt_length.low, 1000);
	assert_int_equal(c->routing.rules[0].match.prompt_length.high, 2000);
	assert_slice(c->routing.rules[0].route, "all");
	assert_int_equal(c->routing.rules[0].actions.try.count, 5);
	assert_int_equal(items[0].kind, TRY_PROVIDER);
	assert_int_equal(items[1].kind, TRY_PROVIDER_MODEL);
	assert_int_equal(items[2].kind, TRY_GROUP);
	assert_int_equal(items[3].kind, TRY_MODEL);
	assert_int_equal(items[4].kind, TRY_GROUP);
	config_unref(c);
}

static void test_prompt_lengths(void **state)
{
	static const struct { const char *written; int64_t low, high;
	} cases[] = {
		{ "<2000", 0, 1999 },          { "<=2000", 0, 2000 }, { ">2000", 2001, INT64_MAX },
		{ ">=2000", 2000, INT64_MAX }, { "< 2000", 0, 1999 }, { "10..20", 10, 20 },
		{ "10-20", 10, 20 },           { "7", 7, 7 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[256];
		struct config *c;

		snprintf(text, sizeof(text), "routing: [{ match: { prompt_length: \"%s\" }, prefer: cheapest }]",
			 cases[i].written);
		c = load(text);
		assert_int_equal(c->routing.rules[0].match.prompt_length.low, cases[i].low);
		assert_int_equal(c->routing.rules[0].match.prompt_length.high, cases[i].high);
		config_unref(c);
	}
}

static void test_references_are_expanded(void **state)
{
	char path[] = "/tmp/weir-config-test-XXXXXX", text[512];
	int fd = mkstemp(path);
	struct config *c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "from-a-file\n", 12), 12);
	close(fd);
	setenv("WEIR_TEST_HOST", "127.0.0.1", 1);
	snprintf(
		text, sizeof(text),
		"providers:\n  a:\n    dialect: openai-chat\n"
		"    base_url: \"http://${WEIR_TEST_HOST}:80/${WEIR_TEST_HOST}\"\n"
		"    keys: [\"${file:%s}\", \"a$${b}$c\"]\n",
		path);
	c = load(text);
	assert_slice(c->routing.providers[0].bindings[0].base.path, "/127.0.0.1");
	assert_slice(secret_reveal(c->routing.providers[0].keys[0].secret), "from-a-file");
	assert_slice(secret_reveal(c->routing.providers[0].keys[1].secret), "a${b}$c");
	config_unref(c);
	unlink(path);
}

static void test_aliases_and_merge_keys(void **state)
{
	struct config *c = load(
		"providers:\n"
		"  a: &base { dialect: openai-chat, base_url: &url http://127.0.0.1:1/v1,"
		" priority: 5, models: &m [x, y] }\n"
		"  b: *base\n"
		"  c:\n"
		"    <<: *base\n"
		"    priority: 6\n"
		"    base_url: http://127.0.0.1:2/v1\n"
		"  d: { dialect: openai-chat, base_url: *url, models: *m }\n");

	assert_int_equal(provider(c, "b")->priority, 5);
	assert_int_equal(provider(c, "c")->priority, 6);
	assert_int_equal(provider(c, "c")->bindings[0].base.port, 2);
	assert_int_equal(provider(c, "c")->offer_count, 2);
	assert_int_equal(provider(c, "d")->offer_count, 2);
	config_unref(c);
}

static void test_zero_configuration(void **state)
{
	struct config_report report;
	struct config *c = config_load(NULL, &report);

	assert_null(c);
	assert_int_equal(report.errors, 1);
	assert_true(slice_find(report.problems[0].text, SLICE("ANTHROPIC_API_KEY")) != SIZE_MAX);
	assert_true(slice_find(report.problems[0].text, SLICE("weir demo")) != SIZE_MAX);
	config_report_done(&report);

	setenv("OPENROUTER_API_KEY", "or", 1);
	setenv("GROQ_API_KEY", "", 1);
	setenv("GOOGLE_API_KEY", "g", 1);
	setenv("ANTHROPIC_API_KEY", "a", 1);
	c = config_load(NULL, &report);
	assert_non_null(c);
	config_report_done(&report);
	assert_int_equal(c->routing.provider_count, 3);
	/* First-party before resellers, then catalogue order. */
	assert_slice(c->routing.providers[0].name, "anthropic");
	assert_slice(c->routing.providers[1].name, "google");
	assert_slice(c->routing.providers[2].name, "openrouter");
	assert_slice(secret_reveal(c->routing.providers[1].keys[0].secret), "g");
	assert_int_equal(c->routing.providers[2].order, 2);
	assert_int_equal(c->file.len, 0);
	config_unref(c);
	/* A file that does not speak of providers has the environment's. */
	c = load("workers: 1\n");
	assert_int_equal(c->routing.provider_count, 3);
	config_unref(c);
	c = load("providers: {}\n");
	assert_int_equal(c->routing.provider_count, 0);
	config_unref(c);
	clean_environment(NULL);
	unsetenv("OPENROUTER_API_KEY");
}

static void test_keys_are_found(void **state)
{
	struct config *c =
		load("keys: [{ name: one, key: key-one-0123456789 }, { name: two, key: key-two-0123456789 }]\n"
		     "listen: [0.0.0.0:8484, \"unix:/run/weir.sock\"]\n"
		     "admin: { listen: 0.0.0.0:8485, token: abc }\n");

	assert_int_equal(c->key_count, 2);
	assert_slice(config_find_key(c, SLICE("key-two-0123456789"))->name, "two");
	assert_null(config_find_key(c, SLICE("key-two-012345678")));
	assert_null(config_find_key(c, SLICE("")));
	config_unref(c);
}

static void assert_store(const char *text, const char *path, bool has_no_place)
{
	struct config *c = load(text);

	assert_int_equal(c->store_path != NULL, path != NULL);
	if (path)
		assert_string_equal(c->store_path, path);
	assert_int_equal(c->store_has_no_place, has_no_place);
	config_unref(c);
}

static void test_where_the_store_is(void **state)
{
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_store("", NULL, true);
	assert_store("store: memory", NULL, false);
	assert_store("store: sqlite:/a/b.db", "/a/b.db", false);
	setenv("HOME", "/home/anna", 1);
	assert_store("", "/home/anna/.local/state/weir/weir.db", false);
	assert_store("store: memory", NULL, false);
	assert_store("store: \"sqlite:${HOME}/x.db\"", "/home/anna/x.db", false);
	unsetenv("HOME");
}

static void test_what_needs_a_restart(void **state)
{
	static const struct { const char *old, *new, *key; } cases[] = {
		{ "workers: 2", "workers: 2", NULL },
		{ "workers: 2", "workers: 3", "workers" },
		{ "", "listen: 127.0.0.1:1", "listen" },
		{ "", "listen: [127.0.0.1:8484, \"[::1]:8484\"]", NULL },
		{ "", "admin: { listen: 127.0.0.1:1 }", "admin.listen" },
		{ "", "admin: { token: abc }", NULL },
		{ "store: memory", "store: sqlite:/a/b.db", "store" },
		{ "store: sqlite:/a/b.db", "store: sqlite:/a/c.db", "store" },
		{ "store: sqlite:/a/b.db", "store: \"sqlite:/a/b.db\"", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config *old = load(cases[i].old), *new = load(cases[i].new);
		const char *key = config_needs_restart(old, new);

		assert_true(new->version > old->version);
		assert_int_equal(key != NULL, cases[i].key != NULL);
		assert_true(!key || strcmp(key, cases[i].key) == 0);
		config_unref(old);
		config_unref(new);
	}
}

static void test_references_are_counted(void **state)
{
	struct config *c = load("");

	assert_ptr_equal(config_ref(c), c);
	assert_null(config_unref(c));
	assert_slice(c->listen[0].text, "127.0.0.1:8484");
	assert_null(config_unref(c));
	assert_null(config_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_product_routing),
		cmocka_unit_test(test_product_foreign),
		cmocka_unit_test(test_defaults_of_an_empty_file),
		cmocka_unit_test(test_json_is_accepted),
		cmocka_unit_test(test_defaults_reach_providers),
		cmocka_unit_test(test_dialects_of_a_provider),
		cmocka_unit_test(test_which_version_of_http),
		cmocka_unit_test(test_gemini_base_has_its_version),
		cmocka_unit_test(test_moved_catalogue_provider_stays_together),
		cmocka_unit_test(test_models_of_a_provider),
		cmocka_unit_test(test_try_words),
		cmocka_unit_test(test_prompt_lengths),
		cmocka_unit_test(test_references_are_expanded),
		cmocka_unit_test(test_aliases_and_merge_keys),
		cmocka_unit_test(test_zero_configuration),
		cmocka_unit_test(test_keys_are_found),
		cmocka_unit_test(test_where_the_store_is),
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_references_are_counted),
	};

	return cmocka_run_group_tests(tests, clean_environment, NULL);
}
