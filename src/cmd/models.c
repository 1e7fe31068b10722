/* SPDX-License-Identifier: Apache-2.0 */
/* `weir models`: what this configuration serves, one row per public id, and the names of its `models:` section. */
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/terminal.h"
#include "base/map.h"
#include "json/writer.h"

static int cmd_models(int argc, char **argv);

enum { JSON_MAX = 16 << 20, NAMES_SHOWN = 4 };

static const struct option models_options[] = {
	{ "config", 'c', "FILE", "the configuration (default: $WEIR_CONFIG, else ./weir.yaml, else none)", false },
	{ "match", 'm', "TEXT", "only models with TEXT in their id, tier, a provider's name or id", false },
	{ "json", 0, NULL, "print JSON", false },
};

const struct command command_models = {
	.name = "models",
	.summary = "list the models it serves: providers, tier, context, prices, abilities",
	.details = "Prices are US dollars per million tokens, input and output; a range where providers differ. A provider in\n"
		   "parentheses has no key. --json has every part of the prices: tiers, caches, audio, batch, fees.",
	.options = models_options,
	.option_count = COUNT_OF(models_options),
	.run = cmd_models,
};

/* One public id and the offers of it, in the providers' order of preference. */
struct listing {
	const struct model *model;
	const struct provider **providers;
	const struct offer **offers;
	unsigned count;
};

struct listings {
	struct listing *items;
	unsigned count;
};

static bool is_preferred(const struct provider *a, const struct provider *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

static void add_offer(struct listing *l, const struct provider *p, const struct offer *offer)
{
	unsigned at = l->count++;

	for (; at > 0 && is_preferred(p, l->providers[at - 1]); at--) {
		l->providers[at] = l->providers[at - 1];
		l->offers[at] = l->offers[at - 1];
	}
	l->providers[at] = p;
	l->offers[at] = offer;
}

static void collect(const struct config *c, struct arena *a, struct listings *ret)
{
	unsigned most = 0;
	struct map by_id;

	for (unsigned i = 0; i < c->routing.provider_count; i++)
		most += c->routing.providers[i].offer_count;
	map_init(&by_id);
	ret->items = arena_array(a, struct listing, most);
	ret->count = 0;
	for (unsigned i = 0; i < c->routing.provider_count; i++)
		for (unsigned k = 0; k < c->routing.providers[i].offer_count; k++) {
			const struct offer *offer = &c->routing.providers[i].offers[k];
			struct listing *l = map_get(&by_id, offer->model->id);

			if (!l) {
				l = &ret->items[ret->count++];
				l->model = offer->model;
				l->providers = arena_array(a, const struct provider *, c->routing.provider_count);
				l->offers = arena_array(a, const struct offer *, c->routing.provider_count);
				map_put(&by_id, offer->model->id, l);
			}
			if (l->count < c->routing.provider_count)
				add_offer(l, &c->routing.providers[i], offer);
		}
	map_done(&by_id);
}

static bool has_key(const struct provider *p)
{
	return !p->needs_key || p->key_count > 0;
}

static struct slice join(struct arena *a, struct slice list, struct slice word)
{
	return list.len ? arena_printf(a, "%.*s, %.*s", SLICE_ARG(list), SLICE_ARG(word)) : word;
}

/* The preferred ones; some models have a dozen. */
static struct slice provider_names(const struct listing *l, struct arena *a)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < l->count && i < NAMES_SHOWN; i++) {
		struct slice name = l->providers[i]->name;

		text = join(a, text, has_key(l->providers[i]) ? name : arena_printf(a, "(%.*s)", SLICE_ARG(name)));
	}
	if (l->count <= NAMES_SHOWN)
		return text;
	return arena_printf(a, "%.*s +%u", SLICE_ARG(text), l->count - NAMES_SHOWN);
}

static bool has_text(struct slice where, struct slice text)
{
	return slice_find_nocase(where, text) < where.len;
}

static bool is_wanted(const struct provider *p, const struct offer *offer, struct slice text)
{
	if (text.len == 0 || has_text(offer->model->id, text) || has_text(p->name, text) ||
	    has_text(offer->own_id, text) || slice_eq_nocase(slice_cstr(tier_name(offer->model->tier)), text))
		return true;
	for (unsigned i = 0; i < offer->alias_count; i++)
		if (has_text(offer->aliases[i], text))
			return true;
	return false;
}

/* Keeps the models of which any offer has the text. */
static void narrow(struct listings *l, struct slice text)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < l->count; i++) {
		bool wanted = false;

		for (unsigned k = 0; k < l->items[i].count && !wanted; k++)
			wanted = is_wanted(l->items[i].providers[k], l->items[i].offers[k], text);
		if (wanted)
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

static struct slice tokens(int64_t count, struct arena *a)
{
	if (count <= 0)
		return SLICE("-");
	if (count >= 1000000)
		return arena_printf(a, "%.3gM", (double)count / 1e6);
	return count >= 1000 ? arena_printf(a, "%lldk", (long long)(count + 500) / 1000) : arena_printf(a, "%lld", (long long)count);
}

static struct slice dollars(int64_t rate, struct arena *a)
{
	return arena_printf(a, "%.6g", (double)rate / 1e9);
}

/* The rate at `member` of every offer's price: one number, a range, or "-". */
static struct slice rates(const struct listing *l, size_t member, struct arena *a)
{
	int64_t low = INT64_MAX, high = -1;

	for (unsigned i = 0; i < l->count; i++) {
		int64_t rate = *(const int64_t *)(const void *)((const char *)&l->offers[i]->price.rates + member);

		if (rate == PRICE_UNKNOWN)
			continue;
		low = rate < low ? rate : low;
		high = rate > high ? rate : high;
	}
	if (high < 0)
		return SLICE("-");
	return low == high ? dollars(low, a) : arena_printf(a, "%.*s–%.*s", SLICE_ARG(dollars(low, a)), SLICE_ARG(dollars(high, a)));
}

static const char *const ability_names[] = {
	"tools", "images", "audio", "documents", "structured_output", "reasoning"
};

static struct slice abilities(const struct model *m, struct arena *a)
{
	struct slice text = { 0 };

	for (enum operation op = OPERATION_COMPLETIONS; op <= OPERATION_EMBEDDINGS; op++)
		if (m->operations == 1u << op)
			text = join(a, text, slice_cstr(operation_name(op)));
	for (unsigned i = 0; i < COUNT_OF(ability_names); i++)
		if (m->abilities & (1u << i))
			text = join(a, text, slice_cstr(ability_names[i]));
	return text;
}

/* "2.5": as it is written. */
static struct slice weight(double number, struct arena *a)
{
	return arena_printf(a, "%.12g", number);
}

static unsigned count_preferences(const struct actions *actions)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PREFER_COUNT; i++)
		count += actions->prefer[i] > 0;
	return count;
}

/* "cheapest first", or "cheapest 2, fastest 1". */
static struct slice preference(const struct actions *actions, struct arena *a)
{
	static const char *const phrases[PREFER_COUNT] = {
		"cheapest first", "fastest first", "highest throughput first", "best first", "least busy first",
		"by priority", "nearest first"
	};
	bool one = count_preferences(actions) == 1;
	struct slice text = { 0 };

	for (unsigned i = 0; i < PREFER_COUNT; i++)
		if (actions->prefer[i] > 0)
			text = join(a, text, one ? slice_cstr(phrases[i]) :
						   arena_printf(a, "%s %.*s", prefer_name((enum prefer)i),
								SLICE_ARG(weight(actions->prefer[i], a))));
	return text;
}

static struct slice split_weights(const struct actions *actions, struct arena *a)
{
	struct slice text = { 0 };

	for (unsigned i = 0; actions->split && i < actions->try.count; i++)
		text = arena_printf(a, "%.*s%s%u", SLICE_ARG(text), i > 0 ? "/" : "split ", actions->split[i]);
	return text;
}

static void print_names(const struct config *c, struct arena *a)
{
	if (c->routing.model_count > 0)
		printf("\n");
	for (unsigned i = 0; i < c->routing.model_count; i++) {
		const struct model_name *entry = &c->routing.models[i];
		struct slice text = { 0 }, order;

		for (unsigned k = 0; k < entry->actions.try.count; k++)
			text = join(a, text, try_item_text(&entry->actions.try.items[k], a));
		order = entry->actions.split ? split_weights(&entry->actions, a) : preference(&entry->actions, a);
		if (order.len > 0)
			order = arena_printf(a, " (%.*s)", SLICE_ARG(order));
		printf("%.*s = %.*s%.*s\n", SLICE_ARG(entry->name), SLICE_ARG(text), SLICE_ARG(order));
	}
}

static void print_table(const struct config *c, const struct listings *l, struct arena *a)
{
	static const char *const titles[] = { "MODEL", "PROVIDERS", "TIER", "CONTEXT", "INPUT", "OUTPUT", "ABILITIES" };
	struct table t;

	table_init(&t, a, COUNT_OF(titles), titles, 1u << 3 | 1u << 4 | 1u << 5);
	for (unsigned i = 0; i < l->count; i++) {
		const struct listing *m = &l->items[i];
		struct slice *row = table_row(&t, STYLE_COUNT);

		row[0] = m->model->id;
		row[1] = provider_names(m, a);
		row[2] = m->model->tier == TIER_NONE ? SLICE("-") : slice_cstr(tier_name(m->model->tier));
		row[3] = tokens(m->model->context, a);
		row[4] = rates(m, offsetof(struct price_rates, input), a);
		row[5] = rates(m, offsetof(struct price_rates, output), a);
		row[6] = abilities(m->model, a);
	}
	if (l->count > 0)
		table_print(&t, stdout);
	print_names(c, a);
}

static void write_rate(struct json_writer *w, struct slice name, int64_t rate)
{
	json_key(w, name);
	if (rate == PRICE_UNKNOWN)
		json_null(w);
	else
		json_double(w, (double)rate / 1e9);
}

static void write_rates(struct json_writer *w, const struct price_rates *r)
{
	static const struct {
		const char *name;
		size_t member;
	} parts[] = {
		{ "input", offsetof(struct price_rates, input) },
		{ "output", offsetof(struct price_rates, output) },
		{ "cached", offsetof(struct price_rates, cached) },
		{ "written_5m", offsetof(struct price_rates, written_5m) },
		{ "written_1h", offsetof(struct price_rates, written_1h) },
		{ "input_audio", offsetof(struct price_rates, input_audio) },
		{ "output_audio", offsetof(struct price_rates, output_audio) },
		{ "cached_audio", offsetof(struct price_rates, cached_audio) },
		{ "input_image", offsetof(struct price_rates, input_image) },
		{ "output_image", offsetof(struct price_rates, output_image) },
		{ "reasoning", offsetof(struct price_rates, reasoning) },
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		int64_t rate = *(const int64_t *)(const void *)((const char *)r + parts[i].member);

		/* The three that always matter are null where unknown; of the others only what is known is said. */
		if (i < 3 || rate != PRICE_UNKNOWN)
			write_rate(w, slice_cstr(parts[i].name), rate);
	}
}

static const char *service_name(enum service_tier service)
{
	switch (service) {
	case SERVICE_BATCH:
		return "batch";
	case SERVICE_FLEX:
		return "flex";
	case SERVICE_PRIORITY:
		return "priority";
	case SERVICE_NOT_SAID:
	case SERVICE_STANDARD:
		break;
	}
	return "standard";
}

static void write_price(struct json_writer *w, const struct price *p)
{
	json_begin_object(w);
	write_rates(w, &p->rates);
	if (p->request != PRICE_UNKNOWN)
		write_rate(w, SLICE("request"), p->request);
	if (p->web_search != PRICE_UNKNOWN)
		write_rate(w, SLICE("web_search"), p->web_search);
	if (p->band_count > 0) {
		json_key(w, SLICE("bands"));
		json_begin_array(w);
		for (unsigned i = 0; i < p->band_count; i++) {
			json_begin_object(w);
			json_member_cstr(w, "service", service_name(p->bands[i].service));
			json_member_int(w, "over", p->bands[i].over);
			write_rates(w, &p->bands[i].rates);
			json_end_object(w);
		}
		json_end_array(w);
	}
	json_end_object(w);
}

static void write_offer(struct json_writer *w, const struct provider *p, const struct offer *offer)
{
	json_begin_object(w);
	json_member_string(w, "provider", p->name);
	json_member_string(w, "id", offer->own_id);
	json_member_bool(w, "has_key", has_key(p));
	json_key(w, SLICE("aliases"));
	json_begin_array(w);
	for (unsigned i = 0; i < offer->alias_count; i++)
		json_string(w, offer->aliases[i]);
	json_end_array(w);
	json_key(w, SLICE("usd_per_million"));
	write_price(w, &offer->price);
	json_end_object(w);
}

static void write_words(struct json_writer *w, unsigned bits, unsigned count, const char *(*name)(unsigned))
{
	json_begin_array(w);
	for (unsigned i = 0; i < count; i++)
		if (bits & (1u << i))
			json_string(w, slice_cstr(name(i)));
	json_end_array(w);
}

static const char *ability_name(unsigned i)
{
	return ability_names[i];
}

static const char *name_of_operation(unsigned i)
{
	return operation_name((enum operation)i);
}

static void write_model(struct json_writer *w, const struct listing *l)
{
	json_begin_object(w);
	json_member_string(w, "id", l->model->id);
	json_member_cstr(w, "tier", tier_name(l->model->tier));
	json_member_int(w, "context", l->model->context);
	json_member_int(w, "max_output", l->model->max_output);
	json_key(w, SLICE("abilities"));
	write_words(w, l->model->abilities, COUNT_OF(ability_names), ability_name);
	json_key(w, SLICE("operations"));
	write_words(w, l->model->operations, OPERATION_COUNT, name_of_operation);
	json_key(w, SLICE("offers"));
	json_begin_array(w);
	for (unsigned i = 0; i < l->count; i++)
		write_offer(w, l->providers[i], l->offers[i]);
	json_end_array(w);
	json_end_object(w);
}

/* As in the configuration: a word, or weights of several; "none" without. */
static void write_preference(struct json_writer *w, const struct actions *actions)
{
	unsigned count = count_preferences(actions), last = 0;

	json_key(w, SLICE("prefer"));
	if (count > 1)
		json_begin_object(w);
	for (unsigned i = 0; i < PREFER_COUNT; i++) {
		if (actions->prefer[i] <= 0)
			continue;
		last = i;
		if (count > 1) {
			json_key(w, slice_cstr(prefer_name((enum prefer)i)));
			json_double(w, actions->prefer[i]);
		}
	}
	if (count > 1)
		json_end_object(w);
	else
		json_string(w, slice_cstr(count == 1 ? prefer_name((enum prefer)last) : "none"));
}

static void write_split(struct json_writer *w, const struct actions *actions)
{
	if (!actions->split)
		return;
	json_key(w, SLICE("split"));
	json_begin_array(w);
	for (unsigned i = 0; i < actions->try.count; i++)
		json_int(w, actions->split[i]);
	json_end_array(w);
}

static void write_name(struct json_writer *w, const struct model_name *entry, struct arena *a)
{
	json_begin_object(w);
	json_member_string(w, "name", entry->name);
	json_member_bool(w, "alias", entry->is_alias);
	write_preference(w, &entry->actions);
	write_split(w, &entry->actions);
	json_key(w, SLICE("try"));
	json_begin_array(w);
	for (unsigned i = 0; i < entry->actions.try.count; i++)
		json_string(w, try_item_text(&entry->actions.try.items[i], a));
	json_end_array(w);
	json_end_object(w);
}

static void print_json(const struct config *c, const struct listings *l, struct arena *a)
{
	struct buf out;
	struct json_writer w;

	buf_init(&out, JSON_MAX);
	json_writer_init(&w, &out);
	json_begin_object(&w);
	json_key(&w, SLICE("models"));
	json_begin_array(&w);
	for (unsigned i = 0; i < l->count; i++)
		write_model(&w, &l->items[i]);
	json_end_array(&w);
	json_key(&w, SLICE("names"));
	json_begin_array(&w);
	for (unsigned i = 0; i < c->routing.model_count; i++)
		write_name(&w, &c->routing.models[i], a);
	json_end_array(&w);
	json_end_object(&w);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_done(&out);
}

static int cmd_models(int argc, char **argv)
{
	struct options o;
	struct listings listings;
	struct config *c;
	struct arena a;
	int status;
	bool any;

	if (!options_parse(&o, &command_models, argc, argv, &status))
		return status;
	c = config_file_load(options_get(&o, "config"));
	if (!c)
		return 1;
	arena_init(&a);
	collect(c, &a, &listings);
	any = listings.count > 0;
	narrow(&listings, slice_cstr(options_get(&o, "match")));
	if (options_has(&o, "json"))
		print_json(c, &listings, &a);
	else
		print_table(c, &listings, &a);
	if (!any && !options_has(&o, "json"))
		fprintf(stderr, "weir models: no provider with models is configured; set ANTHROPIC_API_KEY or OPENAI_API_KEY, or try "
				"`weir demo`\n");
	arena_done(&a);
	config_unref(c);
	return 0;
}
