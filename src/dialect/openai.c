/* SPDX-License-Identifier: Apache-2.0 */
/* What both OpenAI dialects share: the usage object in its many spellings, the error object, and which headers pass. */
#include "dialect/dialect_internal.h"

#include "http/url.h"

/* The first of several spellings that is a number. */
static int64_t first_of(struct json object, const char *a, const char *b, const char *c)
{
	int64_t n = count_of(object, a);
	if (n < 0 && b)
		n = count_of(object, b);
	if (n < 0 && c)
		n = count_of(object, c);
	return n;
}

/* Cached tokens: prompt_tokens_details (OpenAI), prompt_token_details (MiniMax's spelling), prompt_cache_hit_tokens
 * (DeepSeek), cached_tokens at the top (Moonshot), cache_read_input_tokens (Venice, Databricks): DIALECTS §4.4 and the
 * recordings. All of them are inside prompt_tokens. */
static void read_input_parts(struct json usage, struct json details, struct usage *u)
{
	u->input_cached = count_of(details, "cached_tokens");
	if (u->input_cached < 0)
		u->input_cached =
			first_of(usage, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens");
	u->input_audio = count_of(details, "audio_tokens");

	int64_t written = first_of(details, "cache_write_tokens", "cache_creation_input_tokens", NULL);
	if (written < 0)
		written = count_of(usage, "cache_creation_input_tokens");
	/* The dearer of the two lifetimes: 12 h at OpenAI, 1 h at Anthropic's models behind an OpenAI face. Both
	 * are billed as the slot `written_1h`, the cheaper ones (30 min, 5 min) as `written_5m`: DIALECTS §3.11. */
	int64_t longer = count_of(json_get(details, "cache_write_tokens_details"), "ttl_12h_tokens");
	if (longer < 0)
		longer = count_of(json_get(usage, "cache_creation"), "ephemeral_1h_input_tokens");
	if (longer > written)
		longer = written;
	u->input_written_1h = longer;
	u->input_written_5m = written >= 0 && longer > 0 ? written - longer : written;
}

/* Some leave tokens out of the two counters that they have in the total. The sum gives away which, whoever does
 * it: reasoning (xAI: 133 + 10 + 134 = 277), audio input (Mistral: 11 + 15 + 375 = 401), reasoning that is
 * reported nowhere (Gemini's compatible endpoint: 35 + 12, total 109; pain F11). All three as recorded; DIALECTS
 * §4.4. */
static void settle_total(struct usage *u, int64_t total)
{
	if (u->input < 0 || u->output < 0 || total <= u->input + u->output)
		return;
	int64_t rest = total - u->input - u->output;
	if (rest == u->input_audio) {
		u->input += rest;
	} else if (rest == u->output_reasoning || u->output_reasoning <= 0) {
		u->output += rest;
		u->output_reasoning = rest;
	}
}

void openai_read_usage(struct event_reader *r, struct json usage)
{
	struct usage u;
	if (!json_is(usage, JSON_OBJECT))
		return;
	usage_init_absent(&u);
	u.input = first_of(usage, "prompt_tokens", "input_tokens", NULL);
	u.output = first_of(usage, "completion_tokens", "output_tokens", NULL);
	if (u.input < 0 && u.output < 0)
		u.input = count_of(usage, "total_tokens"); /* Voyage's embeddings say only the total: DIALECTS §8.1 */

	struct json in = json_get(usage, "prompt_tokens_details");
	if (!json_is(in, JSON_OBJECT))
		in = json_get(usage, "input_tokens_details");
	if (!json_is(in, JSON_OBJECT))
		in = json_get(usage, "prompt_token_details");
	read_input_parts(usage, in, &u);

	struct json out = json_get(usage, "completion_tokens_details");
	if (!json_is(out, JSON_OBJECT))
		out = json_get(usage, "output_tokens_details");
	if (!json_is(out, JSON_OBJECT))
		out = json_get(usage, "completion_token_details");
	u.output_reasoning = count_of(out, "reasoning_tokens");
	if (u.output_reasoning < 0)
		u.output_reasoning = count_of(usage, "reasoning_tokens");
	u.output_audio = count_of(out, "audio_tokens");

	u.input_image = count_of(in, "image_tokens");
	u.output_image = count_of(out, "image_tokens");
	u.web_searches = count_of(usage, "num_search_queries"); /* Perplexity: DIALECTS §7.7 */

	int64_t said = u.output;
	settle_total(&u, count_of(usage, "total_tokens"));
	/* Perplexity leaves its reasoning out of the total as well: nothing but the quirk gives it away (DIALECTS
	 * §4.4). */
	if ((r->quirks & QUIRK_OUTPUT_EXCLUDES_REASONING) && u.output == said && u.output >= 0 &&
	    u.output_reasoning > 0)
		u.output += u.output_reasoning;
	reader_note_usage(r, &u);
}

static void write_bytes(struct json_writer *w, struct slice token)
{
	json_literal_key(w, "bytes");
	json_begin_array(w);
	for (size_t i = 0; i < token.len; i++)
		json_int(w, (unsigned char)token.ptr[i]);
	json_end_array(w);
}

void openai_write_logprob(struct json_writer *w, const struct logprob *p, bool with_top, bool bytes_first)
{
	json_begin_object(w);
	json_member_string(w, "token", p->token);
	if (bytes_first)
		write_bytes(w, p->token);
	json_literal_key(w, "logprob");
	json_double(w, p->value);
	if (!bytes_first)
		write_bytes(w, p->token);
	if (with_top) {
		json_literal_key(w, "top_logprobs");
		json_begin_array(w);
		for (unsigned i = 0; i < p->top_count; i++)
			openai_write_logprob(w, &p->top[i], false, bytes_first);
		json_end_array(w);
	}
	json_end_object(w);
}

/* The types that OpenAI's API uses itself; its SDKs choose the exception by status alone, people and other clients
 * by type. */
static const char *type_of_status(int status)
{
	switch (status) {
	case 401: return "authentication_error";
	case 402: return "insufficient_quota";
	case 403: return "permission_error";
	case 429: return "rate_limit_error";
	case 503: return "service_unavailable_error";
	case 504: return "timeout_error";
	default: return status >= 500 ? "server_error" : "invalid_request_error";
	}
}

static struct slice version_query(const struct request_route *route, struct arena *a)
{
	struct slice base = route->base_query, query = route->query;

	if (query.len > 0 && query.ptr[0] == '?')
		query = slice_after(query, 1);
	if (query_get(a, query, SLICE("api-version")).ptr)
		return query;
	if (!query_get(a, base, SLICE("api-version")).ptr)
		base = SLICE("api-version=" OPENAI_AZURE_VERSION);
	return query.len > 0 ? arena_printf(a, "%.*s&%.*s", SLICE_ARG(base), SLICE_ARG(query)) : base;
}

struct slice openai_path(struct slice path, const struct request_route *route, struct arena *a)
{
	bool classic = (route->quirks & QUIRK_DEPLOYMENT_PATH) != 0;

	return request_join_query(path, classic ? version_query(route, a) : route->query, a);
}

static void write_text_or_null(struct json_writer *w, const char *text)
{
	if (text && text[0] != '\0')
		json_string(w, slice_cstr(text));
	else
		json_null(w);
}

/* A provider's word as it is, even where it is its own (vLLM's BadRequestError); but Google's and AWS's are from other
 * dialects altogether. */
static bool is_own_type(const struct failure_view *v)
{
	const char *type = v->failure->type;

	return v->from_provider && type[0] && !failure_type_is_google(type) &&
	       !slice_ends_with(slice_cstr(type), SLICE("Exception"));
}

/* "error":{message,type,param,code}: ErrorResponse of OpenAI's API description; all four are always there. */
void openai_write_error(struct json_writer *w, const struct failure_view *v)
{
	const struct failure *f = v->failure;
	json_key(w, SLICE("error"));
	json_begin_object(w);
	json_member_cstr(w, "message", f->message);
	json_member_cstr(w, "type", is_own_type(v) ? f->type : type_of_status(v->status));
	json_key(w, SLICE("param"));
	write_text_or_null(w, f->param);
	json_key(w, SLICE("code"));
	write_text_or_null(w, v->code ? v->code : f->code);
	json_end_object(w);
}

void openai_write_failure(const struct failure_view *v, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_begin_object(&w);
	openai_write_error(&w, v);
	json_end_object(&w);
}

struct slice sse_comment_heartbeat(enum framing framing)
{
	return framing == FRAMING_SSE ? SLICE(": ping\n\n") : SLICE("");
}

const char *sse_content_type(enum framing framing)
{
	return "text/event-stream; charset=utf-8";
}

/* Not here on purpose: openai-organization and openai-project (they belong to the client's key, not to ours),
 * x-stainless-* (describes the client's machine, changes nothing at the provider), traceparent, cookies and every
 * credential. An idempotency key is the client's word about its request and goes along. The last six select
 * features of compatible providers: DIALECTS §2.2, §3.11, §4.8, §7.4. */
const char *const openai_request_headers[] = {
	"user-agent", "openai-beta", "idempotency-key", "x-client-request-id",
	"http-referer", "x-title", "x-openrouter-*", "x-session-affinity", "x-grok-conv-id", "extra-parameters",
	NULL
};

/* DIALECTS §4.8 and §6.3. openai-organization would tell whose key we hold. */
const char *const openai_answer_headers[] = {
	"x-request-id", "openai-processing-ms", "openai-version", "openai-model", "retry-after", "retry-after-ms",
	"x-ratelimit-*", "x-ratelimitbysize-*", "ratelimitbysize-*", "x-tokenlimit-*",
	"apim-request-id", "x-ms-region", "x-groq-region", "mistral-correlation-id", "x-generation-id",
	NULL
};
