/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's providers as a configuration that names them gets them: where a request would go, what pays for it,
 * which headers are fixed. The table is what DIALECTS.md §2 says, written down by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/cleanup.h"
#include "config/config.h"
#include "provider/catalogue.h"

/* Every fact about an account that a base URL asks for. */
static const struct { const char *name, *value; } account[] = {
	{ "AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com/" },
	{ "ANTHROPIC_FOUNDRY_RESOURCE", "res" },
	{ "GOOGLE_CLOUD_PROJECT", "p" },
	{ "DATABRICKS_HOST", "https://ws.cloud.databricks.com" },
	{ "CLOUDFLARE_ACCOUNT_ID", "acc" },
};

/* Others that a base URL reads, and that a machine may have set. */
static const char *const unset[] = {
	"AWS_REGION", "AWS_DEFAULT_REGION", "AZURE_RESOURCE_NAME", "ANTHROPIC_FOUNDRY_BASE_URL", "GOOGLE_VERTEX_PROJECT",
	"ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_LOCATION", "CLOUD_ML_REGION", "http_proxy",
	"https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
};

static int clean_environment(void **state)
{
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		for (const char *const *variable = catalogue_providers[i].key_variables; *variable; variable++)
			unsetenv(*variable);
	for (size_t i = 0; i < COUNT_OF(unset); i++)
		unsetenv(unset[i]);
	for (size_t i = 0; i < COUNT_OF(account); i++)
		unsetenv(account[i].name);
	return 0;
}

static void set_account(void)
{
	for (size_t i = 0; i < COUNT_OF(account); i++)
		setenv(account[i].name, account[i].value, 1);
}

static struct config *load(const char *text, struct config_report *report)
{
	struct config *c = config_parse(slice_cstr(text), "test.yaml", report);

	for (unsigned i = 0; !c && i < report->count; i++)
		print_message("%u:%u: %.*s\n", report->problems[i].line, report->problems[i].column,
			      SLICE_ARG(report->problems[i].text));
	assert_non_null(c);
	return c;
}

struct golden {
	const char *provider;
	enum dialect_id dialect;
	const char *url;               /* of a chat with model "m" */
	const char *auth;              /* a header, or the kind of what is not one */
	const char *header;            /* fixed: "name: value" */
};

#define VERSION "anthropic-version: 2023-06-01"

static const struct golden golden[] = {
	{ "openai", DIALECT_OPENAI_RESPONSES, "https://api.openai.com/v1/responses", "authorization", NULL },
	{ "openai", DIALECT_OPENAI_CHAT, "https://api.openai.com/v1/chat/completions", "authorization", NULL },
	{ "anthropic", DIALECT_ANTHROPIC, "https://api.anthropic.com/v1/messages", "x-api-key", VERSION },
	{ "anthropic", DIALECT_OPENAI_CHAT, "https://api.anthropic.com/v1/chat/completions", "authorization", NULL },
	{ "google", DIALECT_GEMINI, "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent", "x-goog-api-key",
	  NULL },
	{ "google", DIALECT_OPENAI_CHAT, "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
	  "authorization", NULL },
	{ "mistral", DIALECT_OPENAI_CHAT, "https://api.mistral.ai/v1/chat/completions", "authorization", NULL },
	{ "cohere", DIALECT_COHERE, "https://api.cohere.com/v2/chat", "authorization", NULL },
	{ "cohere", DIALECT_OPENAI_CHAT, "https://api.cohere.ai/compatibility/v1/chat/completions", "authorization", NULL },
	{ "moonshot", DIALECT_OPENAI_CHAT, "https://api.moonshot.ai/v1/chat/completions", "authorization", NULL },
	{ "moonshot", DIALECT_ANTHROPIC, "https://api.moonshot.ai/anthropic/v1/messages", "x-api-key", VERSION },
	{ "dashscope", DIALECT_OPENAI_CHAT, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
	  "authorization", NULL },
	{ "zai", DIALECT_OPENAI_CHAT, "https://api.z.ai/api/paas/v4/chat/completions", "authorization", NULL },
	{ "zai", DIALECT_ANTHROPIC, "https://api.z.ai/api/anthropic/v1/messages", "x-api-key", VERSION },
	{ "minimax", DIALECT_ANTHROPIC, "https://api.minimax.io/anthropic/v1/messages", "x-api-key", VERSION },
	{ "minimax", DIALECT_OPENAI_CHAT, "https://api.minimax.io/v1/chat/completions", "authorization", NULL },
	{ "volcengine", DIALECT_OPENAI_CHAT, "https://ark.cn-beijing.volces.com/api/v3/chat/completions", "authorization", NULL },
	{ "volcengine", DIALECT_OPENAI_RESPONSES, "https://ark.cn-beijing.volces.com/api/v3/responses", "authorization", NULL },
	{ "ai21", DIALECT_OPENAI_CHAT, "https://api.ai21.com/studio/v1/chat/completions", "authorization", NULL },
	{ "groq", DIALECT_OPENAI_CHAT, "https://api.groq.com/openai/v1/chat/completions", "authorization", NULL },
	{ "groq", DIALECT_OPENAI_RESPONSES, "https://api.groq.com/openai/v1/responses", "authorization", NULL },
	{ "deepseek", DIALECT_OPENAI_CHAT, "https://api.deepseek.com/chat/completions", "authorization", NULL },
	{ "deepseek", DIALECT_OPENAI_RESPONSES, "https://api.deepseek.com/responses", "authorization", NULL },
	{ "deepseek", DIALECT_ANTHROPIC, "https://api.deepseek.com/anthropic/v1/messages", "x-api-key", VERSION },
	{ "xai", DIALECT_OPENAI_RESPONSES, "https://api.x.ai/v1/responses", "authorization", NULL },
	{ "xai", DIALECT_OPENAI_CHAT, "https://api.x.ai/v1/chat/completions", "authorization", NULL },
	{ "perplexity", DIALECT_OPENAI_CHAT, "https://api.perplexity.ai/chat/completions", "authorization", NULL },
	{ "cerebras", DIALECT_OPENAI_CHAT, "https://api.cerebras.ai/v1/chat/completions", "authorization", NULL },
	{ "fireworks", DIALECT_OPENAI_CHAT, "https://api.fireworks.ai/inference/v1/chat/completions", "authorization", NULL },
	{ "together", DIALECT_OPENAI_CHAT, "https://api.together.xyz/v1/chat/completions", "authorization", NULL },
	{ "openrouter", DIALECT_OPENAI_CHAT, "https://openrouter.ai/api/v1/chat/completions", "authorization", NULL },
	{ "openrouter", DIALECT_OPENAI_RESPONSES, "https://openrouter.ai/api/v1/responses", "authorization", NULL },
	{ "openrouter", DIALECT_ANTHROPIC, "https://openrouter.ai/api/v1/messages", "authorization", VERSION },
	{ "azure", DIALECT_OPENAI_RESPONSES, "https://res.openai.azure.com/openai/v1/responses", "azure", NULL },
	{ "azure", DIALECT_OPENAI_CHAT, "https://res.openai.azure.com/openai/v1/chat/completions", "azure", NULL },
	{ "azure-anthropic", DIALECT_ANTHROPIC, "https://res.services.ai.azure.com/anthropic/v1/messages", "azure", VERSION },
	{ "vertex", DIALECT_GEMINI,
	  "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/m:generateContent", "google",
	  NULL },
	{ "vertex", DIALECT_ANTHROPIC,
	  "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/m:rawPredict", "google",
	  NULL },
	{ "vertex", DIALECT_OPENAI_CHAT,
	  "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi/chat/completions", "google", NULL },
	{ "bedrock", DIALECT_BEDROCK, "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", "sigv4", NULL },
	{ "bedrock-mantle", DIALECT_ANTHROPIC, "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages", "sigv4", VERSION },
	{ "bedrock-mantle", DIALECT_OPENAI_RESPONSES, "https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses", "sigv4", NULL },
	{ "bedrock-mantle", DIALECT_OPENAI_CHAT, "https://bedrock-mantle.us-east-1.api.aws/openai/v1/chat/completions", "sigv4",
	  NULL },
	{ "nvidia", DIALECT_OPENAI_CHAT, "https://integrate.api.nvidia.com/v1/chat/completions", "authorization", NULL },
	{ "github", DIALECT_OPENAI_CHAT, "https://models.github.ai/inference/chat/completions", "authorization",
	  "x-github-api-version: 2022-11-28" },
	{ "huggingface", DIALECT_OPENAI_CHAT, "https://router.huggingface.co/v1/chat/completions", "authorization", NULL },
	{ "huggingface", DIALECT_OPENAI_RESPONSES, "https://router.huggingface.co/v1/responses", "authorization", NULL },
	{ "databricks", DIALECT_OPENAI_CHAT, "https://ws.cloud.databricks.com/serving-endpoints/chat/completions", "authorization",
	  NULL },
	{ "cloudflare", DIALECT_OPENAI_CHAT, "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions",
	  "authorization", NULL },
	{ "sambanova", DIALECT_OPENAI_CHAT, "https://api.sambanova.ai/v1/chat/completions", "authorization", NULL },
	{ "deepinfra", DIALECT_OPENAI_CHAT, "https://api.deepinfra.com/v1/openai/chat/completions", "authorization", NULL },
	{ "novita", DIALECT_OPENAI_CHAT, "https://api.novita.ai/openai/chat/completions", "authorization", NULL },
	{ "nebius", DIALECT_OPENAI_CHAT, "https://api.tokenfactory.nebius.com/v1/chat/completions", "authorization", NULL },
	{ "hyperbolic", DIALECT_OPENAI_CHAT, "https://api.hyperbolic.xyz/v1/chat/completions", "authorization", NULL },
	{ "baseten", DIALECT_OPENAI_CHAT, "https://inference.baseten.co/v1/chat/completions", "authorization", NULL },
	{ "ollama", DIALECT_OLLAMA, "http://127.0.0.1:11434/api/chat", "authorization", NULL },
	{ "ollama", DIALECT_OPENAI_CHAT, "http://127.0.0.1:11434/v1/chat/completions", "authorization", NULL },
	{ "ollama", DIALECT_OPENAI_RESPONSES, "http://127.0.0.1:11434/v1/responses", "authorization", NULL },
	{ "vllm", DIALECT_OPENAI_CHAT, "http://127.0.0.1:8000/v1/chat/completions", "authorization", NULL },
	{ "vllm", DIALECT_OPENAI_RESPONSES, "http://127.0.0.1:8000/v1/responses", "authorization", NULL },
	{ "vllm", DIALECT_ANTHROPIC, "http://127.0.0.1:8000/v1/messages", "x-api-key", VERSION },
	{ "llamacpp", DIALECT_OPENAI_CHAT, "http://127.0.0.1:8080/v1/chat/completions", "authorization", NULL },
	{ "llamacpp", DIALECT_OPENAI_RESPONSES, "http://127.0.0.1:8080/v1/responses", "authorization", NULL },
	{ "llamacpp", DIALECT_ANTHROPIC, "http://127.0.0.1:8080/v1/messages", "x-api-key", VERSION },
	{ "lmstudio", DIALECT_OPENAI_CHAT, "http://127.0.0.1:1234/v1/chat/completions", "authorization", NULL },
	{ "lmstudio", DIALECT_OPENAI_RESPONSES, "http://127.0.0.1:1234/v1/responses", "authorization", NULL },
	{ "lmstudio", DIALECT_ANTHROPIC, "http://127.0.0.1:1234/v1/messages", "x-api-key", VERSION },
	{ "sglang", DIALECT_OPENAI_CHAT, "http://127.0.0.1:30000/v1/chat/completions", "authorization", NULL },
	{ "tgi", DIALECT_OPENAI_CHAT, "http://127.0.0.1:3000/v1/chat/completions", "authorization", NULL },
};

static struct slice auth_text(const struct binding *b)
{
	if (b->auth == AUTH_BEARER)
		return SLICE("authorization");
	return b->auth == AUTH_HEADER ? b->auth_header : slice_cstr(auth_kind_name(b->auth));
}

/* A dialect that has no code yet is judged by its base. */
static bool url_is(const struct binding *b, const char *expected, struct arena *a)
{
	struct request_route route = { .operation = OPERATION_CHAT, .model = SLICE("m"), .quirks = b->quirks };

	if (!b->dialect)
		return slice_starts_with(slice_cstr(expected), b->base_text);
	return slice_eq(slice_cstr(expected), arena_join(a, b->base_text, b->dialect->request_path(&route, a)));
}

static void check_binding(const struct golden *g, const struct binding *b, struct arena *a)
{
	struct slice header = b->header_count ? arena_printf(a, "%.*s: %.*s", SLICE_ARG(b->headers[0].name),
							     SLICE_ARG(b->headers[0].value)) : SLICE("");

	if (!url_is(b, g->url, a))
		print_message("%s: '%.*s' instead of '%s'\n", g->provider, SLICE_ARG(b->base_text), g->url);
	assert_true(url_is(b, g->url, a));
	assert_int_equal(b->dialect_id, g->dialect);
	assert_true(slice_eq(auth_text(b), slice_cstr(g->auth)));
	assert_true(b->header_count <= 1);
	assert_true(slice_eq(header, slice_cstr(g->header ? g->header : "")));
}

static void set_keys(const struct catalogue_provider *known)
{
	if (known->key_variables[0])
		setenv(known->key_variables[0], "key-of-the-test-0123456789", 1);
}

/* One file names them all. */
static struct slice everybody(struct arena *a)
{
	struct slice text = SLICE("providers:\n");

	for (unsigned i = 0; i < catalogue_provider_count; i++)
		text = arena_printf(a, "%.*s  %s:\n", SLICE_ARG(text), catalogue_providers[i].name);
	return text;
}

static void test_what_each_provider_gets(void **state)
{
	_cleanup_(arena_done) struct arena a;
	struct config_report report;
	struct config *c;
	unsigned seen = 0;

	arena_init(&a);
	set_account();
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		set_keys(&catalogue_providers[i]);
	c = load(arena_cstr(&a, everybody(&a)), &report);
	assert_int_equal(report.errors, 0);
	assert_int_equal(c->routing.provider_count, catalogue_provider_count);
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		const struct provider *p = &c->routing.providers[i];

		assert_int_equal(p->binding_count, catalogue_providers[i].binding_count);
		assert_false(p->lacks_address);
		for (unsigned j = 0; j < p->binding_count; j++, seen++) {
			assert_true(seen < COUNT_OF(golden));
			assert_true(slice_eq(p->name, slice_cstr(golden[seen].provider)));
			check_binding(&golden[seen], &p->bindings[j], &a);
			assert_int_equal(p->bindings[j].quirks, catalogue_providers[i].bindings[j].quirks);
		}
		for (unsigned j = 0; j < p->offer_count; j++)
			assert_non_null(p->offers[j].rules);
	}
	assert_int_equal(seen, COUNT_OF(golden));
	config_report_done(&report);
	config_unref(c);
}

/* Where Vertex's Gemini is, for that location. */
static void check_location(const char *location, const char *base)
{
	struct config_report report;
	struct config *c;

	setenv("CLOUD_ML_REGION", location, 1);
	c = load("providers:\n  vertex:\n", &report);
	assert_true(slice_eq(c->routing.providers[0].bindings[0].base_text, slice_cstr(base)));
	config_report_done(&report);
	config_unref(c);
}

static void test_locations_have_hosts(void **state)
{
	set_account();
	check_location("global", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google");
	check_location("us", "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us/publishers/google");
	check_location("eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google");
	check_location("us-east5", "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google");
	check_location("", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google");
}

static void check_azure(const char *variable, const char *value, const char *base)
{
	struct config_report report;
	struct config *c;

	unsetenv("AZURE_OPENAI_ENDPOINT");
	setenv(variable, value, 1);
	c = load("providers:\n  azure: { keys: k-0123456789 }\n", &report);
	assert_true(slice_eq(c->routing.providers[0].bindings[0].base_text, slice_cstr(base)));
	config_report_done(&report);
	config_unref(c);
}

static void test_forms_of_a_host(void **state)
{
	check_azure("AZURE_RESOURCE_NAME", "name", "https://name.openai.azure.com/openai/v1");
	check_azure("AZURE_OPENAI_ENDPOINT", "res.openai.azure.com", "https://res.openai.azure.com/openai/v1");
	check_azure("AZURE_OPENAI_ENDPOINT", " https://res.openai.azure.com// ", "https://res.openai.azure.com/openai/v1");
	check_azure("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9", "http://127.0.0.1:9/openai/v1");
}

static void test_region(void **state)
{
	struct config_report report;
	struct config *c;

	setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
	c = load("providers:\n  bedrock: { keys: k-0123456789 }\n", &report);
	assert_true(slice_eq(c->routing.providers[0].bindings[0].base_text,
			     SLICE("https://bedrock-runtime.eu-west-1.amazonaws.com")));
	config_report_done(&report);
	config_unref(c);
}

static void test_a_missing_account_passes_over(void **state)
{
	struct config_report report;
	struct config *c = load("providers:\n  cloudflare: { keys: k-0123456789 }\n  azure: { keys: k-0123456789 }\n", &report);
	const struct provider *p = c->routing.providers;

	assert_int_equal(report.errors, 0);
	assert_int_equal(report.count, 2);
	assert_true(slice_find(report.problems[0].text, SLICE("no base URL for 'cloudflare': CLOUDFLARE_ACCOUNT_ID is not set")) == 0);
	assert_int_equal(report.problems[0].line, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(p[i].lacks_address);
		assert_int_equal(p[i].binding_count, 0);
		assert_true(p[i].needs_key && p[i].key_count == 0);
	}
	assert_true(slice_eq(p[0].key_variable, SLICE("CLOUDFLARE_ACCOUNT_ID")));
	assert_true(slice_eq(p[1].key_variable, SLICE("AZURE_OPENAI_ENDPOINT")));
	config_report_done(&report);
	config_unref(c);
}

static void test_a_base_url_needs_no_account(void **state)
{
	struct config_report report;
	struct config *c = load("providers:\n  azure: { keys: k-0123456789, base_url: \"http://127.0.0.1:9/openai/v1\" }\n"
				"  vertex: { dialect: gemini, auth: bearer, keys: k-0123456789,"
				" base_url: \"http://127.0.0.1:9/v1/projects/p/locations/l/publishers/google\" }\n", &report);
	const struct provider *p = c->routing.providers;

	assert_false(p[0].lacks_address);
	assert_int_equal(p[0].binding_count, 2);
	assert_true(slice_eq(p[0].bindings[1].base_text, SLICE("http://127.0.0.1:9/openai/v1")));
	/* The version is there, if not at its end. */
	assert_true(slice_eq(p[1].bindings[0].base_text, SLICE("http://127.0.0.1:9/v1/projects/p/locations/l/publishers/google")));
	assert_true(p[1].bindings[0].quirks & QUIRK_VERTEX_BODY);
	config_report_done(&report);
	config_unref(c);
}

static bool has_provider(const struct config *c, const char *name)
{
	return map_get(&c->routing.provider_by_name, slice_cstr(name)) != NULL;
}

static void test_who_is_there_without_a_file(void **state)
{
	struct config_report report;
	struct config *c;

	setenv("GROQ_API_KEY", "key-of-the-test-0123456789", 1);
	setenv("CLOUDFLARE_API_TOKEN", "key-of-the-test-0123456789", 1);
	setenv("OLLAMA_API_KEY", "key-of-the-test-0123456789", 1);
	c = load("", &report);
	assert_true(has_provider(c, "groq"));
	assert_false(has_provider(c, "cloudflare"));
	assert_false(has_provider(c, "ollama"));
	config_report_done(&report);
	config_unref(c);
	setenv("CLOUDFLARE_ACCOUNT_ID", "acc", 1);
	c = load("", &report);
	assert_true(has_provider(c, "cloudflare"));
	config_report_done(&report);
	config_unref(c);
}

static void test_servers_of_ones_own_need_no_key(void **state)
{
	struct config_report report;
	struct config *c;

	setenv("VLLM_API_KEY", "key-of-the-test-0123456789", 1);
	c = load("providers: { ollama: {}, vllm: {}, sglang: { base_url: \"http://10.0.0.1:30000/v1\" } }\n", &report);
	assert_int_equal(report.count, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(c->routing.providers[i].needs_key);
		assert_int_equal(c->routing.providers[i].key_count, 1);
		assert_true(c->routing.providers[i].foreign);
	}
	assert_null(c->routing.providers[0].keys[0].secret);
	assert_non_null(c->routing.providers[1].keys[0].secret);
	config_report_done(&report);
	config_unref(c);
}

static void test_quirks_are_named(void **state)
{
	struct config_report report;
	struct config *c = load("providers:\n"
				"  box: { dialect: openai-chat, base_url: \"http://127.0.0.1:1/v1\" }\n"
				"  odd: { dialect: openai-chat, base_url: \"http://127.0.0.1:1/v1\", quirks: [no_n, thinking_type] }\n"
				"  mistral: { keys: k-0123456789, quirks: no_stop }\n"
				"  groq: { keys: k-0123456789, quirks: [] }\n", &report);
	const struct provider *p = c->routing.providers;

	assert_int_equal(report.errors, 0);
	assert_int_equal(p[0].bindings[0].quirks, 0);
	assert_int_equal(p[1].bindings[0].quirks, QUIRK_NO_N | QUIRK_THINKING_TYPE);
	assert_int_equal(p[2].bindings[0].quirks, QUIRK_NO_STOP);
	assert_int_equal(p[3].bindings[0].quirks, 0);
	config_report_done(&report);
	config_unref(c);
	c = config_parse(SLICE("providers: { openai: { keys: k-0123456789, quirks: no_m } }\n"), "test.yaml", &report);
	assert_null(c);
	assert_true(slice_find(report.problems[0].text, SLICE("did you mean 'no_n'?")) != SIZE_MAX);
	config_report_done(&report);
}

/* Azure's classic URLs: the one base with a query (DIALECTS §2.2). */
static void test_deployment_path(void **state)
{
	struct config_report report;
	struct config *c = load("providers:\n"
				"  azure: { keys: k-0123456789, quirks: deployment_path,\n"
				"           base_url: \"https://r.openai.azure.com/openai?api-version=2024-10-21\" }\n", &report);
	const struct binding *b = c->routing.providers[0].bindings;

	assert_int_equal(report.errors, 0);
	assert_int_equal(c->routing.providers[0].binding_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(b[i].quirks, QUIRK_DEPLOYMENT_PATH);
		assert_true(slice_eq(b[i].base_text, SLICE("https://r.openai.azure.com/openai")));
		assert_true(slice_eq(b[i].base.query, SLICE("api-version=2024-10-21")));
	}
	config_report_done(&report);
	config_unref(c);
}

static void test_offers_carry_rules(void **state)
{
	struct config_report report;
	struct config *c = load("providers:\n"
				"  box: { dialect: openai-chat, base_url: \"http://127.0.0.1:1/v1\","
				" models: { mine: org/claude-opus-4-7, other: org/other } }\n", &report);
	const struct provider *p = c->routing.providers;

	assert_int_equal(p->offers[0].rules->reasoning, REASONING_ADAPTIVE);
	assert_ptr_equal(p->offers[1].rules, &model_rules_unknown);
	config_report_done(&report);
	config_unref(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean_environment, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_each_provider_gets),
		TEST(test_locations_have_hosts),
		TEST(test_forms_of_a_host),
		TEST(test_region),
		TEST(test_a_missing_account_passes_over),
		TEST(test_a_base_url_needs_no_account),
		TEST(test_who_is_there_without_a_file),
		TEST(test_servers_of_ones_own_need_no_key),
		TEST(test_quirks_are_named), TEST(test_deployment_path),
		TEST(test_offers_carry_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
