/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in catalogue is sane, and the names people know resolve. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
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
		assert_string_equal(o->own_id, k->own_id);
		assert_int_equal(m->tier, k->tier);
		assert_int_equal(o->price.rates.input, USD_PER_MILLION(k->input));
		assert_int_equal(o->price.rates.output, USD_PER_MILLION(k->output));
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

static void test_price_details(void **state)
{
	const struct catalogue_provider *anthropic = catalogue_find_provider(SLICE("anthropic"));
	const struct catalogue_provider *openai = catalogue_find_provider(SLICE("openai"));
	const struct price *opus = &catalogue_find_offer(anthropic, SLICE("claude-opus-4-7-20260416"))->price;
	const struct price *gpt = &catalogue_find_offer(openai, SLICE("gpt-5.5-2026-04-23"))->price;

	assert_int_equal(opus->rates.cached, USD_PER_MILLION(0.5));
	assert_int_equal(opus->rates.written_5m, USD_PER_MILLION(6.25));
	assert_int_equal(opus->rates.written_1h, USD_PER_MILLION(10));
	assert_null(find_band(opus, SERVICE_STANDARD, 0));
	assert_int_equal(find_band(gpt, SERVICE_STANDARD, 272000)->input, USD_PER_MILLION(10));
	assert_int_equal(find_band(gpt, SERVICE_STANDARD, 272000)->output, USD_PER_MILLION(45));
	assert_int_equal(find_band(gpt, SERVICE_STANDARD, 272000)->cached, USD_PER_MILLION(1));
	assert_int_equal(gpt->rates.written_1h, PRICE_UNKNOWN);
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
			assert_non_null(p->key_variables[0]);
		for (unsigned j = 0; j < p->binding_count; j++)
			check_binding(&p->bindings[j]);
		for (unsigned j = 0; j < p->offer_count; j++) {
			const struct model *m = catalogue_find_model(slice_cstr(p->offers[j].model));
			unsigned served = 0;

			assert_non_null(m);
			check_rates(&p->offers[j].price);
			for (unsigned k = 0; k < p->binding_count; k++)
				served |= p->bindings[k].operations & m->operations;
			assert_true(served != 0);
		}
	}
	for (unsigned i = 0; i < catalogue_model_count; i++)
		assert_ptr_equal(catalogue_find_model(catalogue_models[i].id), &catalogue_models[i]);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
