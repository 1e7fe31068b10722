/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's ways in: which dialects at which base URLs, for which operations, with the credential in which header.
 * */
#include <stdlib.h>
#include "config/config_internal.h"
#include "provider/auth.h"

/* What a dialect is like at a server that the catalogue does not know. Sources: DIALECTS.md §2.1, §5.1. */
static const struct {
	unsigned operations;
	enum usage_in_stream usage;
	enum auth_kind auth;
	const char *auth_header;
	const char *header, *header_value;
} usual[DIALECT_COUNT] = {
	[DIALECT_OPENAI_CHAT] = { 1u << OPERATION_CHAT | 1u << OPERATION_COMPLETIONS | 1u << OPERATION_EMBEDDINGS,
				  USAGE_ASKED, AUTH_BEARER, NULL, NULL, NULL },
	[DIALECT_OPENAI_RESPONSES] = { 1u << OPERATION_CHAT | 1u << OPERATION_COUNT_TOKENS | 1u << OPERATION_COMPACT,
				       USAGE_ALWAYS, AUTH_BEARER, NULL, NULL, NULL },
	[DIALECT_ANTHROPIC] = { 1u << OPERATION_CHAT | 1u << OPERATION_COUNT_TOKENS, USAGE_ALWAYS, AUTH_HEADER,
				"x-api-key", "anthropic-version", "2023-06-01" },
	[DIALECT_GEMINI] = { 1u << OPERATION_CHAT | 1u << OPERATION_COUNT_TOKENS | 1u << OPERATION_EMBEDDINGS,
			     USAGE_ALWAYS, AUTH_HEADER, "x-goog-api-key", NULL, NULL },
	[DIALECT_BEDROCK] = { 1u << OPERATION_CHAT | 1u << OPERATION_COUNT_TOKENS, USAGE_ALWAYS, AUTH_SIGV4, NULL, NULL,
			      NULL },
	[DIALECT_COHERE] = { 1u << OPERATION_CHAT | 1u << OPERATION_EMBEDDINGS, USAGE_ALWAYS, AUTH_BEARER, NULL, NULL,
			     NULL },
	[DIALECT_OLLAMA] = { 1u << OPERATION_CHAT | 1u << OPERATION_EMBEDDINGS, USAGE_ALWAYS, AUTH_BEARER, NULL, NULL,
			     NULL },
};

/* A binding on its way: where it comes from, and its base as text. */
struct binding_draft {
	enum dialect_id dialect;
	const struct catalogue_binding *known; /* NULL: not the catalogue's */
	struct slice base;             /* NULL pointer: of the catalogue, or derived from `base_url` */
	struct yaml place;
};

struct drafts {
	struct binding_draft items[DIALECT_COUNT];
	unsigned count;
};

static const struct catalogue_binding *known_binding(const struct provider_draft *d, enum dialect_id dialect)
{
	for (unsigned i = 0; d->known && i < d->known->binding_count; i++)
		if (d->known->bindings[i].dialect == dialect)
			return &d->known->bindings[i];
	return NULL;
}

static bool dialect_word(struct reader *r, struct yaml where, struct slice word, enum dialect_id *ret)
{
	struct nearest near;

	*ret = dialect_id_by_name(word);
	if (*ret != DIALECT_COUNT)
		return true;
	nearest_init(&near, word);
	for (enum dialect_id id = 0; id < DIALECT_COUNT; id++)
		nearest_offer(&near, slice_cstr(dialect_id_name(id)));
	if (near.best.ptr)
		problem(r, where, "unknown dialect '%.*s'%s", SLICE_ARG(yaml_text(where)), nearest_hint(r, &near));
	else
		problem(r, where,
			"unknown dialect '%.*s'; there are openai-chat, openai-responses, anthropic, gemini, bedrock, cohere and ollama",
			SLICE_ARG(yaml_text(where)));
	return false;
}

static struct binding_draft *add_draft(struct reader *r, struct provider_draft *d, struct drafts *out,
				       enum dialect_id dialect, struct yaml place)
{
	for (unsigned i = 0; i < out->count; i++) {
		if (out->items[i].dialect != dialect)
			continue;
		problem(r, place, "'%s' stands twice", dialect_id_name(dialect));
		return NULL;
	}
	out->items[out->count] =
		(struct binding_draft){ .dialect = dialect, .known = known_binding(d, dialect), .place = place };
	return &out->items[out->count++];
}

/* `dialect: { openai-chat: https://x/v1, anthropic: https://x/anthropic }` */
static void drafts_from_map(struct reader *r, struct provider_draft *d, struct drafts *out)
{
	struct yaml_member *members;
	unsigned count = yaml_members(r, d->dialect, "'dialect'", &members);

	if (d->base_url.line)
		problem(r, d->base_url, "'dialect' names a base URL for each dialect already: leave 'base_url' out");
	for (unsigned i = 0; i < count; i++) {
		struct binding_draft *b;
		enum dialect_id dialect;
		struct slice base;

		if (!dialect_word(r, members[i].place, members[i].key, &dialect) ||
		    !value_text(r, members[i].value, &base))
			continue;
		b = add_draft(r, d, out, dialect, members[i].value);
		if (b)
			b->base = base;
	}
}

static void drafts_from_words(struct reader *r, struct provider_draft *d, struct drafts *out)
{
	struct yaml *items;
	unsigned count = yaml_items(r, d->dialect, &items);

	for (unsigned i = 0; i < count; i++) {
		enum dialect_id dialect;
		struct slice word;

		if (value_text(r, items[i], &word) && dialect_word(r, items[i], word, &dialect))
			add_draft(r, d, out, dialect, items[i]);
	}
}

static void drafts_from_catalogue(struct reader *r, struct provider_draft *d, struct drafts *out)
{
	for (unsigned i = 0; i < d->known->binding_count; i++)
		add_draft(r, d, out, d->known->bindings[i].dialect, d->place);
}

static void foreign_needs_dialect(struct reader *r, struct provider_draft *d)
{
	struct nearest near;

	nearest_init(&near, d->provider->name);
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		nearest_offer(&near, slice_cstr(catalogue_providers[i].name));
	problem(r, d->place, "'%.*s' is not in the catalogue: it needs 'dialect' and 'base_url'%s",
		SLICE_ARG(d->provider->name), nearest_hint(r, &near));
}

/* Gemini's base is accepted with and without its version; kept with it. Vertex has more behind it:
 * /v1/projects/P/locations/L/publishers/google. */
static struct slice with_gemini_version(struct reader *r, struct slice base)
{
	struct slice rest;

	while (base.len > 0 && base.ptr[base.len - 1] == '/')
		base.len--;
	rest = base;
	while (rest.ptr) {
		struct slice part = slice_next_token(&rest, '/');

		if (part.len >= 2 && part.ptr[0] == 'v' && part.ptr[1] >= '0' && part.ptr[1] <= '9')
			return base;
	}
	return arena_printf(r->arena, "%.*s/v1beta", SLICE_ARG(base));
}

/* A vendor's second dialect lives below its first one's base (…/v1 below https://api.anthropic.com). When the first
 * base is moved by `base_url`, the second moves along, so that a credential goes to the one place that was named. */
static struct slice derived_base(struct reader *r, const struct binding_draft *first, const struct binding_draft *b,
				 struct slice base)
{
	struct slice from, to;

	if (b == first || !first->known || !b->known)
		return base;
	from = slice_cstr(first->known->base_urls[0]);
	to = slice_cstr(b->known->base_urls[0]);
	if (!slice_starts_with(to, from))
		return (struct slice){ 0 };
	while (base.len > 0 && base.ptr[base.len - 1] == '/')
		base.len--;
	return arena_printf(r->arena, "%.*s%.*s", SLICE_ARG(base), SLICE_ARG(slice_after(to, from.len)));
}

/* An account that the environment says nothing of is no mistake: the provider is passed over, as without a key. */
static void known_base(struct reader *r, struct provider_draft *d, struct binding_draft *b)
{
	struct provider *p = d->provider;
	struct slice missing;

	if (address_find(r->arena, b->known, &b->base, &missing))
		return;
	b->base = (struct slice){ 0 };
	if (!p->lacks_address)
		warning(r, d->place, "no base URL for '%.*s': %.*s is not set; requests pass it over", SLICE_ARG(p->name),
			SLICE_ARG(missing));
	p->lacks_address = true;
	p->key_variable = missing;
}

/* Gives every draft its base; drops those that have none. */
static void place_drafts(struct reader *r, struct provider_draft *d, struct drafts *drafts)
{
	struct slice base = { 0 };
	struct drafts placed = { 0 };
	bool given = d->base_url.line && yaml_kind(d->dialect) != YAML_MAP;

	if (given && !value_text(r, d->base_url, &base)) {
		drafts->count = 0;
		return;
	}
	if (given && drafts->count && drafts->items[0].dialect == DIALECT_GEMINI)
		base = with_gemini_version(r, base);
	for (unsigned i = 0; i < drafts->count; i++) {
		struct binding_draft b = drafts->items[i];

		if (given) {
			b.base = derived_base(r, &drafts->items[0], &drafts->items[i], base);
			b.place = d->base_url;
			if (!b.base.ptr)
				warning(r, d->base_url,
					"'%s' is left out: its base URL does not follow from this one; write 'dialect' "
					"as a map to say it",
					dialect_id_name(b.dialect));
		} else if (!b.base.ptr && b.known) {
			known_base(r, d, &b);
		} else if (!b.base.ptr) {
			problem(r, b.place, "'%.*s' needs a 'base_url' for %s", SLICE_ARG(d->provider->name),
				dialect_id_name(b.dialect));
		}
		if (b.base.ptr)
			placed.items[placed.count++] = b;
	}
	if (placed.count)
		d->provider->lacks_address = false;
	*drafts = placed;
}

static unsigned operations_read(struct reader *r, struct provider_draft *d)
{
	static const char *const later[] = { "images",  "audio",  "videos",   "moderations", "files",
					     "batches", "rerank", "realtime", NULL };
	const char *words[OPERATION_COUNT + 1] = { 0 };
	struct yaml *items;
	unsigned count = yaml_items(r, d->operations, &items), operations = 0;

	for (enum operation op = 0; op < OPERATION_COUNT; op++)
		words[op] = operation_name(op);
	for (unsigned i = 0; i < count; i++) {
		unsigned op;

		if (value_word(r, items[i], words, later, &op))
			operations |= 1u << op;
	}
	if (d->operations.line && count == 0)
		problem(r, d->operations, "'operations' is empty: leave it out, or name at least one");
	return count ? operations : ~0u;
}

/* `sigv4:SERVICE`, `google:SCOPE`, `azure:SCOPE`: what a token or a signature is for, where it is not the usual. */
static bool is_scoped_auth(struct reader *r, struct slice text, enum auth_kind *ret, struct slice *ret_scope)
{
	static const enum auth_kind kinds[] = { AUTH_SIGV4, AUTH_GOOGLE, AUTH_AZURE };
	struct slice scope = text, word = slice_next_token(&scope, ':');

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (!scope.len || !http_value_is_clean(scope) || !slice_eq(word, slice_cstr(auth_kind_name(kinds[i]))))
			continue;
		*ret = kinds[i];
		*ret_scope = arena_dup(r->arena, slice_trim(scope));
		return true;
	}
	return false;
}

/* `auth: bearer | header:NAME | sigv4 | google | azure | none`. */
static bool auth_read(struct reader *r, struct provider_draft *d, enum auth_kind *ret, struct slice *ret_header,
		      struct slice *ret_scope)
{
	static const char *const words[] = { "none", "bearer", "sigv4", "google", "azure", "header:NAME", NULL };
	static const enum auth_kind kinds[] = { AUTH_NONE, AUTH_BEARER, AUTH_SIGV4, AUTH_GOOGLE, AUTH_AZURE };
	unsigned errors = r->report->errors, word;
	struct slice text = yaml_text(d->auth);

	if (is_scoped_auth(r, text, ret, ret_scope))
		return true;
	if (!slice_starts_with(text, SLICE("header:"))) {
		if (!value_word(r, d->auth, words, NULL, &word) || word >= COUNT_OF(kinds))
			return false;
		*ret = kinds[word];
		return true;
	}
	text = slice_trim(slice_after(text, 7));
	if (!header_name_parse(r, text, ret_header) && text.len > 0)
		problem(r, d->auth, "'%.*s' is no header name", SLICE_ARG(text));
	*ret = AUTH_HEADER;
	if (text.len == 0 || http_header_is_hop_by_hop(*ret_header))
		problem(r, d->auth, "'header:' is followed by the name of a header, such as header:x-api-key");
	return r->report->errors == errors;
}

static void binding_headers(struct reader *r, const struct binding_draft *draft, struct binding *b)
{
	const char *const *words = draft->known ? draft->known->headers : NULL;
	unsigned count = 0;

	if (!words) {
		const char *name = usual[draft->dialect].header;

		b->headers = arena_array(r->arena, struct header, 1);
		b->headers[0] = (struct header){ slice_cstr(name), slice_cstr(usual[draft->dialect].header_value) };
		b->header_count = name != NULL;
		return;
	}
	while (words[2 * count])
		count++;
	b->headers = arena_array(r->arena, struct header, count);
	b->header_count = count;
	for (unsigned i = 0; i < count; i++)
		b->headers[i] = (struct header){ slice_cstr(words[2 * i]), slice_cstr(words[2 * i + 1]) };
}

static bool binding_base(struct reader *r, const struct binding_draft *draft, struct binding *b)
{
	const char *error = NULL;
	struct slice text = draft->base;

	if (draft->dialect == DIALECT_GEMINI)
		text = with_gemini_version(r, text);
	if (!url_parse(r->arena, text, &b->base, &error)) {
		problem(r, draft->place, "this base URL cannot be used: %s", error);
		return false;
	}
	if (b->base.query.len > 0 && !(b->quirks & QUIRK_DEPLOYMENT_PATH)) {
		problem(r, draft->place, "this base URL cannot be used: it has a query ('?')");
		return false;
	}
	b->base_text = slice_next_token(&text, '?');
	return true;
}

/* `quirks: [name, …]`: complete where given, for all dialects. */
static uint64_t quirks_read(struct reader *r, struct provider_draft *d)
{
	const char *words[QUIRK_COUNT + 1] = { 0 };
	struct yaml *items;
	unsigned count = yaml_items(r, d->quirks, &items);
	uint64_t quirks = 0;

	for (unsigned i = 0; i < QUIRK_COUNT; i++) {
		char *name = arena_cstr(r->arena, slice_cstr(quirk_names[i]));

		for (char *c = name; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		words[i] = name;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned word;

		if (value_word(r, items[i], words, NULL, &word))
			quirks |= 1ull << word;
	}
	return quirks;
}

/* `quirks`: NULL = of the catalogue. */
static bool binding_make(struct reader *r, const struct binding_draft *draft, const uint64_t *quirks, struct binding *b)
{
	const struct catalogue_binding *known = draft->known;

	b->dialect_id = draft->dialect;
	b->dialect = dialect_by_id(draft->dialect);
	b->operations = known ? known->operations : usual[draft->dialect].operations;
	b->usage_in_stream = known ? known->usage_in_stream : usual[draft->dialect].usage;
	b->auth = known ? known->auth : usual[draft->dialect].auth;
	b->auth_header = slice_cstr(known ? known->auth_header : usual[draft->dialect].auth_header);
	b->auth_scope = slice_cstr(known ? known->auth_scope : NULL);
	b->quirks = quirks ? *quirks : known ? known->quirks : 0;
	binding_headers(r, draft, b);
	return binding_base(r, draft, b);
}

/* What a signature is for: the host says it, or the configuration, or the environment as AWS's SDKs read it. */
static struct slice region_of(struct reader *r, const struct provider *p, const struct binding *b)
{
	static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
	struct slice region = auth_region_of_host(b->base.host);

	if (!region.len)
		region = auth_region_of_host(p->region);
	for (size_t i = 0; !region.len && i < COUNT_OF(variables); i++) {
		const char *value = getenv(variables[i]);

		region = auth_region_of_host(slice_cstr(value ? value : ""));
	}
	return arena_dup(r->arena, region);
}

static void scope_fill_in(struct reader *r, const struct provider *p, struct binding *b)
{
	if (!b->auth_scope.len)
		b->auth_scope = auth_default_scope(b->auth);
	if (b->auth == AUTH_SIGV4)
		b->auth_region = region_of(r, p, b);
}

/* A base URL of the catalogue has its region from the environment, or its usual one. */
static void warn_of_two_regions(struct reader *r, const struct provider_draft *d)
{
	const struct provider *p = d->provider;
	struct slice said = auth_region_of_host(p->region);

	for (unsigned i = 0; i < p->binding_count && said.len; i++) {
		struct slice signed_for = p->bindings[i].auth_region;

		if (!signed_for.len || slice_eq(signed_for, said))
			continue;
		warning(r, d->place, "'region' of '%.*s' is %.*s, but its base URL is in %.*s: write 'base_url', or set AWS_REGION",
			SLICE_ARG(p->name), SLICE_ARG(said), SLICE_ARG(signed_for));
		return;
	}
}

/* What the provider says for all its bindings. */
static void overrides_read(struct reader *r, struct provider_draft *d)
{
	static const char *const usage_words[] = { "asked", "always", "never", NULL };
	static const enum usage_in_stream usages[] = { USAGE_ASKED, USAGE_ALWAYS, USAGE_NEVER };
	struct provider *p = d->provider;
	unsigned operations = operations_read(r, d), usage, kept = 0;
	enum auth_kind auth = AUTH_NONE;
	struct slice header = { 0 }, scope = { 0 };
	bool has_auth = d->auth.line && auth_read(r, d, &auth, &header, &scope);
	bool has_usage = d->usage.line && value_word(r, d->usage, usage_words, NULL, &usage);

	for (unsigned i = 0; i < p->binding_count; i++) {
		struct binding b = p->bindings[i];

		if (has_auth) {
			b.auth_header = header;
			b.auth_scope = scope.len || b.auth != auth ? scope : b.auth_scope;
			b.auth = auth;
		}
		scope_fill_in(r, p, &b);
		if (has_usage)
			b.usage_in_stream = usages[usage];
		b.operations &= operations;
		if (b.operations)
			p->bindings[kept++] = b;
	}
	if (p->binding_count && !kept && operations)
		problem(r, d->operations, "'%.*s' can do none of these operations", SLICE_ARG(p->name));
	p->binding_count = kept;
	warn_of_two_regions(r, d);
}

void bindings_read(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;
	uint64_t quirks = d->quirks.line ? quirks_read(r, d) : 0;
	struct drafts drafts = { 0 };

	if (yaml_kind(d->dialect) == YAML_MAP)
		drafts_from_map(r, d, &drafts);
	else if (yaml_kind(d->dialect) != YAML_NOTHING)
		drafts_from_words(r, d, &drafts);
	else if (d->dialect.line)
		problem(r, d->dialect, "'dialect' is empty");
	else if (d->known)
		drafts_from_catalogue(r, d, &drafts);
	else
		foreign_needs_dialect(r, d);
	place_drafts(r, d, &drafts);
	p->bindings = arena_array(r->arena, struct binding, drafts.count);
	for (unsigned i = 0; i < drafts.count; i++)
		if (binding_make(r, &drafts.items[i], d->quirks.line ? &quirks : NULL, &p->bindings[p->binding_count]))
			p->binding_count++;
	overrides_read(r, d);
}
