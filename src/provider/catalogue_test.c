/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in catalogue is sane, and the names people know resolve. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/map.h"
#include "provider/catalogue.h"

#define USD_PER_MILLION(dollars) ((int64_t)((dollars) * 1000000000.0 + 0.5))

struct known {
	const char *provider, *model, *own_id;
	enum tier tier;
	double input, output;
};

/* The public ids that PRODUCT.md uses, and what their makers call and charge for them. */
static const struct known known[] = {
	{ "anthropic", "claude-opus-4.7", "claude-opus-4-7", TIER_FRONTIER, 5, 25 },
	{ "anthropic", "claude-sonnet-4.6", "claude-sonnet-4-6", TIER_FAST, 3, 15 },
	{ "anthropic", "claude-haiku-4.5", "claude-haiku-4-5", TIER_CHEAP, 1, 5 },
	{ "google", "gemini-3.1-pro", "gemini-3.1-pro-preview", TIER_FRONTIER, 2, 12 },
	{ "google", "gemini-3-flash", "gemini-3-flash-preview", TIER_FAST, 0.5, 3 },
	{ "openai", "gpt-5.5", "gpt-5.5", TIER_FRONTIER, 5, 30 },
	{ "openai", "gpt-5.4-mini", "gpt-5.4-mini", TIER_FAST, 0.75, 4.5 },
	{ "openai", "gpt-4o", "gpt-4o", TIER_FAST, 2.5, 10 },
	{ "openai", "text-embedding-3-small", "text-embedding-3-small", TIER_NONE, 0.02, 0 },
	{ "anthropic", "claude-sonnet-4", "claude-sonnet-4-0", TIER_FAST, 3, 15 },
	{ "moonshot", "kimi-k2.6", "kimi-k2.6", TIER_FAST, 0.95, 4 },
	{ "fireworks", "kimi-k2.6", "accounts/fireworks/models/kimi-k2p6", TIER_FAST, 0.95, 4 },
};

static void test_known_names(void **state)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		const struct known *k = &known[i];
		const struct catalogue_provider *p = catalogue_find_provider(slice_cstr(k->provider));
		const struct model *m = catalogue_find_model(slice_cstr(k->model));
		const struct catalogue_offer *o;

		assert_non_null(p);
		assert_non_null(m);
		o = catalogue_find_offer(p, slice_cstr(k->model));
		assert_non_null(o);
		assert_string_equal(catalogue_own_id(o), k->own_id);
		assert_int_equal(m->tier, k->tier);
		assert_int_equal(catalogue_price(o).rates.input, USD_PER_MILLION(k->input));
		assert_int_equal(catalogue_price(o).rates.output, USD_PER_MILLION(k->output));
		assert_ptr_equal(catalogue_find_offer(p, slice_cstr(k->own_id)), o);
	}
}

static const struct price_rates *find_band(const struct price *p, enum service_tier service, int64_t over)
{
	for (unsigned i = 0; i < p->band_count; i++)
		if (p->bands[i].service == service && (!over || p->bands[i].over == over))
			return &p->bands[i].rates;
	return NULL;
}

static struct price price_of(const struct catalogue_provider *p, struct slice name)
{
	return catalogue_price(catalogue_find_offer(p, name));
}

static void test_price_details(void **state)
{
	const struct catalogue_provider *anthropic = catalogue_find_provider(SLICE("anthropic"));
	const struct catalogue_provider *openai = catalogue_find_provider(SLICE("openai"));
	struct price opus = price_of(anthropic, SLICE("claude-opus-4-7-20260416"));
	struct price gpt = price_of(openai, SLICE("gpt-5.5-2026-04-23"));

	assert_int_equal(opus.rates.cached, USD_PER_MILLION(0.5));
	assert_int_equal(opus.rates.written_5m, USD_PER_MILLION(6.25));
	assert_int_equal(opus.rates.written_1h, USD_PER_MILLION(10));
	assert_null(find_band(&opus, SERVICE_STANDARD, 0));
	assert_int_equal(find_band(&gpt, SERVICE_STANDARD, 272000)->input, USD_PER_MILLION(10));
	assert_int_equal(find_band(&gpt, SERVICE_STANDARD, 272000)->output, USD_PER_MILLION(45));
	assert_int_equal(find_band(&gpt, SERVICE_STANDARD, 272000)->cached, USD_PER_MILLION(1));
	assert_int_equal(gpt.rates.written_1h, PRICE_UNKNOWN);
}

static void check_rates(const struct price *p)
{
	assert_true(p->rates.input >= 0 || p->rates.input == PRICE_UNKNOWN);
	/* An unknown price is unknown altogether; a known one has both sides. */
	assert_int_equal(p->rates.input == PRICE_UNKNOWN, p->rates.output == PRICE_UNKNOWN);
	assert_true(p->rates.cached <= p->rates.input);
	for (unsigned i = 0; i < p->band_count; i++) {
		assert_true(p->bands[i].service != SERVICE_NOT_SAID);
		assert_true(p->bands[i].rates.input >= 0 && p->bands[i].rates.output >= 0);
		assert_true(p->bands[i].service != SERVICE_STANDARD || p->bands[i].rates.input >= p->rates.input);
	}
}

static void check_binding(const struct catalogue_binding *b)
{
	_cleanup_(arena_done) struct arena a;
	const char *error = NULL;
	struct url url;

	arena_init(&a);
	/* Those that name a variable are looked at where it is filled in: config/config_rows_test.c. */
	if (slice_find(slice_cstr(b->base_urls[0]), SLICE("${")) == SIZE_MAX)
		assert_true(url_parse(&a, slice_cstr(b->base_urls[0]), &url, &error));
	assert_true(b->operations != 0);
	assert_int_equal(b->auth == AUTH_HEADER, b->auth_header != NULL);
}

static void test_every_row_is_sane(void **state)
{
	assert_int_equal(catalogue_provider_count, 41);
	for (unsigned i = 0; i < catalogue_provider_count; i++) {
		const struct catalogue_provider *p = &catalogue_providers[i];

		assert_ptr_equal(catalogue_find_provider(slice_cstr(p->name)), p);
		/* Vertex has no key of its own: tokens. */
		if (p->bindings[0].auth != AUTH_GOOGLE)
			for (unsigned j = 0; j < p->binding_count; j++)
			check_binding(&p->bindings[j]);
		for (unsigned j = 0; j < p->offer_count; j++) {
			const struct model *m = &catalogue_models[p->offers[j].model];
			struct price price = catalogue_price(&p->offers[j]);
			unsigned served = 0;

			assert_true(p->offers[j].model < catalogue_model_count);
			check_rates(&price);
			for (unsigned k = 0; k < p->binding_count; k++)
				served |= p->bindings[k].operations & m->operations;
			assert_true(served != 0);
		}
	}
	for (unsigned i = 0; i < catalogue_model_count; i++)
		assert_ptr_equal(catalogue_find_model(catalogue_models[i].id), &catalogue_models[i]);
}

static const struct catalogue_offer *offer_at(const char *provider, const char *name)
{
	const struct catalogue_provider *p = catalogue_find_provider(slice_cstr(provider));
	const struct catalogue_offer *o = p ? catalogue_find_offer(p, slice_cstr(name)) : NULL;

	if (!o)
		fail_msg("nobody called '%s' at %s", name, provider);
	return o;
}

/* The names that issue 3 asks for, whoever is asked. */
static void test_any_name_of_a_model(void **state)
{
	static const struct {
		const char *name, *model, *provider;
	} names[] = {
		{ "claude-opus-4.7", "claude-opus-4.7", "bedrock" },
		{ "claude-opus-4-7-20260416", "claude-opus-4.7", "vertex" },
		{ "claude-sonnet-4.6", "claude-sonnet-4.6", "anthropic" },
		{ "gemini-3.1-pro", "gemini-3.1-pro", "google" },
		{ "gemini-3-flash", "gemini-3-flash", "vertex" },
		{ "gpt-5.5", "gpt-5.5", "azure" },
		{ "gpt-5.4-mini", "gpt-5.4-mini", "openai" },
		{ "kimi-k2.6", "kimi-k2.6", "moonshot" },
		{ "haiku-4.5", "claude-haiku-4.5", "anthropic" },
		{ "haiku-4.5", "claude-haiku-4.5", "bedrock" },
		{ "gpt-4o", "gpt-4o", "azure" },
		{ "claude-sonnet-4-20250514", "claude-sonnet-4", "anthropic" },
		{ "claude-sonnet-4-20250514", "claude-sonnet-4", "bedrock" },
		{ "meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b", "nebius" },
		{ "openai/gpt-oss-120b", "gpt-oss-120b", "groq" },
		{ "gpt-oss-120b", "gpt-oss-120b", "cerebras" },
		{ "deepseek-ai/DeepSeek-V3.1", "deepseek-v3.1", "together" },
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct catalogue_offer *o = offer_at(names[i].provider, names[i].name);

		assert_string_equal(catalogue_models[o->model].id.ptr, names[i].model);
		assert_true(catalogue_price(o).rates.input > 0);
	}
}

static void check_name(struct map *meanings, const char *name, const struct model *m)
{
	const struct model *before = map_put(meanings, slice_cstr(name), (void *)m);

	if (before && before != m)
		fail_msg("'%s' means %s and %s", name, before->id.ptr, m->id.ptr);
}

static void test_no_name_means_two_models(void **state)
{
	struct map meanings;

	map_init(&meanings);
	for (unsigned i = 0; i < catalogue_provider_count; i++) {
		const struct catalogue_provider *p = &catalogue_providers[i];

		for (unsigned j = 0; j < p->offer_count; j++) {
			const struct model *m = &catalogue_models[p->offers[j].model];

			check_name(&meanings, m->id.ptr, m);
			for (const char *name = catalogue_own_id(&p->offers[j]); name; name = catalogue_next_name(name))
				check_name(&meanings, name, m);
			for (const char *const *known_as = m->names; known_as && *known_as; known_as++)
				check_name(&meanings, *known_as, m);
		}
	}
	map_done(&meanings);
}

static void assert_band(const char *provider, const char *model, enum service_tier service, int64_t over, double input, double output)
{
	struct price price = catalogue_price(offer_at(provider, model));
	const struct price_rates *r = find_band(&price, service, over);

	assert_non_null(r);
	assert_int_equal(r->input, USD_PER_MILLION(input));
	assert_int_equal(r->output, USD_PER_MILLION(output));
}

static void test_bands(void **state)
{
	assert_band("anthropic", "claude-haiku-5.5", SERVICE_STANDARD, 100000, 0.5, 2.5);
	assert_band("anthropic", "claude-opus-4.7", SERVICE_BATCH, 0, 2.5, 12.5);
	assert_band("google", "gemini-2.5-pro", SERVICE_STANDARD, 200000, 2.5, 15);
	assert_band("openai", "gpt-5.4", SERVICE_FLEX, 0, 1.25, 7.5);
	assert_band("openai", "gpt-5.4", SERVICE_PRIORITY, 0, 5, 30);
	assert_band("openai", "gpt-5.4", SERVICE_BATCH, 0, 1.25, 7.5);
	assert_band("openai", "gpt-6.1-sol", SERVICE_STANDARD, 272000, 4, 15);
	assert_band("dashscope", "qwen3-max", SERVICE_STANDARD, 32000, 2.4, 12);
	assert_band("dashscope", "qwen3-max", SERVICE_STANDARD, 128000, 3, 15);
}

static void test_fees_and_modalities(void **state)
{
	struct price audio = catalogue_price(offer_at("google", "gemini-2.5-flash"));
	struct price sonar = catalogue_price(offer_at("perplexity", "sonar-pro"));
	struct price opus = catalogue_price(offer_at("anthropic", "claude-opus-4.7"));

	assert_int_equal(audio.rates.input_audio, USD_PER_MILLION(1));
	assert_int_equal(sonar.request, USD_PER_MILLION(6000));
	assert_int_equal(opus.web_search, USD_PER_MILLION(10000));
	assert_int_equal(opus.request, PRICE_UNKNOWN);
}

/* What only one of a provider's dialects serves. */
static void test_dialects_of_an_offer(void **state)
{
	assert_int_equal(offer_at("openai", "gpt-5-pro")->dialects, 1u << DIALECT_OPENAI_RESPONSES);
	assert_int_equal(offer_at("openai", "gpt-5.4")->dialects, 0);
	assert_int_equal(offer_at("vertex", "claude-opus-4.7")->dialects, 1u << DIALECT_ANTHROPIC);
	assert_int_equal(offer_at("vertex", "gemini-2.5-pro")->dialects, 1u << DIALECT_GEMINI);
}

/* Every provider with fixed models has some. */
static void test_every_provider_has_models(void **state)
{
	assert_true(catalogue_model_count > 900);
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		if (!catalogue_providers[i].local && catalogue_providers[i].offer_count == 0)
			fail_msg("%s has no models", catalogue_providers[i].name);
}

static const struct catalogue_binding *find_binding(const char *provider, enum dialect_id dialect)
{
	const struct catalogue_provider *p = catalogue_find_provider(slice_cstr(provider));

	for (unsigned i = 0; i < p->binding_count; i++)
		if (p->bindings[i].dialect == dialect)
			return &p->bindings[i];
	return NULL;
}

static void test_vendors_own_compatible_endpoints(void **state)
{
	const struct catalogue_binding *claude = find_binding("anthropic", DIALECT_OPENAI_CHAT);
	const struct catalogue_binding *gemini = find_binding("google", DIALECT_OPENAI_CHAT);

	assert_string_equal(claude->base_urls[0], "https://api.anthropic.com/v1");
	assert_int_equal(claude->operations, 1u << OPERATION_CHAT);
	assert_string_equal(gemini->base_urls[0], "https://generativelanguage.googleapis.com/v1beta/openai");
	assert_int_equal(gemini->operations, 1u << OPERATION_CHAT | 1u << OPERATION_EMBEDDINGS);
	assert_int_equal(gemini->auth, AUTH_BEARER);
	assert_non_null(find_binding("openai", DIALECT_OPENAI_RESPONSES));
	assert_non_null(find_binding("openai", DIALECT_OPENAI_CHAT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_names),
		cmocka_unit_test(test_price_details),
		cmocka_unit_test(test_every_row_is_sane),
		cmocka_unit_test(test_vendors_own_compatible_endpoints),
		cmocka_unit_test(test_any_name_of_a_model),
		cmocka_unit_test(test_no_name_means_two_models),
		cmocka_unit_test(test_bands),
		cmocka_unit_test(test_fees_and_modalities),
		cmocka_unit_test(test_dialects_of_an_offer),
		cmocka_unit_test(test_every_provider_has_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
