/* SPDX-License-Identifier: Apache-2.0 */
/* Error bodies of every known shape (DIALECTS §6.1): the `error` object, an `error` that is a text, flat
 * message/type/code, FastAPI's `detail`, `errors`, arrays around any of them, pages of HTML, plain text, nothing. */
#include "dialect/dialect_internal.h"

#include "base/secret.h"

enum { PLAIN_TEXT_MAX = 300 };         /* of a body that is no JSON, or a part that is kept as JSON */

static void take(struct slice *field, struct slice text)
{
	if (field->len == 0)
		*field = text;
}

static struct slice shortened(struct slice s)
{
	return slice_of(s.ptr, s.len < PLAIN_TEXT_MAX ? s.len : PLAIN_TEXT_MAX);
}

/* A word: a string, or a number as it is written. */
static struct slice word_of(struct json v, struct arena *a)
{
	if (json_is(v, JSON_NUMBER))
		return json_raw(v);
	return json_text(v, a);
}

/* A text for people: a string, FastAPI's [{"loc":["body","store"],"msg":"Extra inputs are not permitted"}], an
 * object with one inside (Mistral), or whatever it is, as JSON. */
static struct slice text_of(struct json v, struct arena *a)
{
	static const char *const inner[] = { "message", "msg", "detail", "error" };
	if (json_is(v, JSON_STRING))
		return json_text(v, a);
	if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
		return (struct slice){ 0 };
	struct json first = json_is(v, JSON_ARRAY) ? json_at(v, 0) : v;
	if (json_is(first, JSON_STRING))
		return json_text(first, a);
	for (size_t i = 0; i < COUNT_OF(inner); i++) {
		struct json found = json_member(first, slice_cstr(inner[i]));
		if (json_is(found, JSON_ARRAY))
			found = json_get(json_at(found, 0), "msg");
		struct slice text = json_text(found, a);
		if (text.len == 0)
			continue;
		struct json where = json_get(first, "loc");
		if (json_exists(where))
			return arena_printf(a, "%.*s: %.*s", SLICE_ARG(shortened(json_raw(where))), SLICE_ARG(text));
		return text;
	}
	return shortened(json_raw(v));
}

static void read_number(struct error_parts *p, struct json v, struct arena *a)
{
	unsigned long long n;
	if (p->number == 0 && slice_to_u64(word_of(v, a), &n) && n >= 400 && n < 600)
		p->number = (int)n;
}

/* "23s", "34.4s", "6m0s", "850ms": protobuf durations and what messages say. -1 when it is none. */
static int64_t read_duration(struct slice s)
{
	double total = 0;
	size_t i = 0;
	bool any = false;
	while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
		double value = 0, scale = 1;
		for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
			value = value * 10 + (s.ptr[i] - '0');
		if (i < s.len && s.ptr[i] == '.')
			for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
				value += (s.ptr[i] - '0') * (scale /= 10);
		struct slice unit = slice_after(s, i);
		if (slice_starts_with(unit, SLICE("ms")))
			total += value, i += 2;
		else if (slice_starts_with(unit, SLICE("s")))
			total += value * 1000, i += 1;
		else if (slice_starts_with(unit, SLICE("m")))
			total += value * 60000, i += 1;
		else if (slice_starts_with(unit, SLICE("h")))
			total += value * 3600000, i += 1;
		else
			break;
		any = true;
	}
	return any && total < 1e12 ? (int64_t)(total + 0.999) : -1;
}

/* OpenAI and Groq: "Please try again in 50.597142857s."; Gemini: "Please retry in 23.5s." */
static void read_wait_in_message(struct error_parts *p)
{
	static const char *const before[] = { "try again in ", "retry in " };
	for (size_t i = 0; i < COUNT_OF(before) && p->retry_after_ms < 0; i++) {
		size_t at = slice_find_nocase(p->message, slice_cstr(before[i]));
		if (at != SIZE_MAX)
			p->retry_after_ms = read_duration(slice_after(p->message, at + strlen(before[i])));
	}
}

/* "GenerateRequestsPerDayPerProjectPerModel-FreeTier" */
static bool is_daily(struct slice quota)
{
	return slice_find(quota, SLICE("PerDay")) != SIZE_MAX;
}

/* google.rpc: RetryInfo, QuotaFailure, ErrorInfo. Anthropic: {"error_code": "…"}. */
static void read_details(struct error_parts *p, struct json details, struct arena *a)
{
	take(&p->reason, json_text(json_get(details, "error_code"), a));
	if (!json_is(details, JSON_ARRAY))
		return;
	for (struct json_walk w = json_walk(details); json_walk_next(&w);) {
		struct slice type = json_text(json_get(w.value, "@type"), a);
		if (slice_ends_with(type, SLICE(".RetryInfo")))
			p->retry_after_ms = read_duration(json_text(json_get(w.value, "retryDelay"), a));
		else if (slice_ends_with(type, SLICE(".ErrorInfo")))
			take(&p->reason, json_text(json_get(w.value, "reason"), a));
		else if (slice_ends_with(type, SLICE(".QuotaFailure")))
			for (struct json_walk v = json_walk(json_get(w.value, "violations")); json_walk_next(&v);)
				p->daily |= is_daily(json_text(json_get(v.value, "quotaId"), a));
	}
}

/* OpenRouter's "Provider returned error" keeps what the provider said in metadata.raw. */
static void read_metadata(struct error_parts *p, struct json metadata, struct arena *a)
{
	take(&p->reason, json_text(json_get(metadata, "error_type"), a));
	struct slice raw = json_text(json_get(metadata, "raw"), a);
	if (raw.len > 0)
		p->message = arena_printf(a, "%.*s: %.*s", SLICE_ARG(p->message), SLICE_ARG(shortened(raw)));
}

/* One object that holds an error's members, at whatever level. */
static void read_members(struct error_parts *p, struct json o, struct arena *a)
{
	static const char *const messages[] = { "message", "Message", "msg", "detail", "error_description", "errors" };
	static const char *const numbers[] = { "code", "status", "status_code", "statusCode", "raw_status_code" };
	for (size_t i = 0; i < COUNT_OF(messages) && p->message.len == 0; i++)
		p->message = text_of(json_member(o, slice_cstr(messages[i])), a);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		read_number(p, json_member(o, slice_cstr(numbers[i])), a);
	if (!json_text_eq(json_get(o, "type"), SLICE("error"))) /* an outer "type" only says that it is one */
		take(&p->type, json_text(json_get(o, "type"), a));
	take(&p->type, json_text(json_get(o, "__type"), a));
	take(&p->type, json_text(json_get(o, "error_type"), a));
	take(&p->code, word_of(json_get(o, "code"), a));
	take(&p->code, word_of(json_get(o, "error_code"), a));
	take(&p->param, json_text(json_get(o, "param"), a));
	take(&p->status_name, json_text(json_get(o, "status"), a));
	read_details(p, json_get(o, "details"), a);
	take(&p->reason, json_text(json_get(json_get(o, "innererror"), "code"), a));
	take(&p->reason, json_text(json_get(json_get(o, "inner_error"), "code"), a));
	read_metadata(p, json_get(o, "metadata"), a);
}

static void read_body(struct error_parts *p, struct json root, struct arena *a)
{
	struct json error = json_get(root, "error");
	if (json_is(error, JSON_OBJECT)) {
		read_members(p, error, a);
		take(&p->message, text_of(json_get(root, "message"), a));
		take(&p->code, word_of(json_get(root, "code"), a));
		return;
	}
	read_members(p, root, a);
	if (!json_is(error, JSON_STRING))
		return;
	/* A text beside a message is the kind of error (Fireworks), alone it is the message (xAI, Ollama, Venice). */
	if (p->message.len > 0)
		take(&p->type, json_text(error, a));
	else
		p->message = json_text(error, a);
}

/* <title> is what a proxy's page says in one line. */
static struct slice read_page(struct slice body)
{
	size_t from = slice_find_nocase(body, SLICE("<title"));
	if (from == SIZE_MAX)
		return (struct slice){ 0 };
	struct slice rest = slice_after(body, from);
	size_t open = slice_find(rest, SLICE(">"));
	if (open == SIZE_MAX)
		return (struct slice){ 0 };
	rest = slice_after(rest, open + 1);
	size_t close = slice_find(rest, SLICE("<"));
	return shortened(slice_of(rest.ptr, close == SIZE_MAX ? rest.len : close));
}

static void read_plain(struct error_parts *p, struct slice body)
{
	while (body.len > 0 && strchr(" \t\r\n", body.ptr[0]))
		body = slice_after(body, 1);
	p->message = body.len > 0 && body.ptr[0] == '<' ? read_page(body) : shortened(body);
}

bool failure_type_is_google(const char *type)
{
	return type[0] != '\0' && type[strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

/* Where the reason is finer than the code (Google has none but the status), it is the code. */
static void fill_in(struct failure *ret, const struct error_parts *p, int status, enum failure_kind kind)
{
	failure_set(ret, kind, "%s", "");
	ret->status = status >= 400 ? status : p->number;
	ret->retry_after_ms = p->retry_after_ms;
	bool google = p->status_name.len > 0 && p->type.len == 0;
	failure_copy_text(ret->type, sizeof(ret->type), google ? p->status_name : p->type);
	failure_copy_text(ret->code, sizeof(ret->code), google || p->code.len == 0 ? p->reason : p->code);
	failure_copy_text(ret->param, sizeof(ret->param), p->param);
	failure_copy_text(ret->message, sizeof(ret->message), p->message);
	if (ret->message[0] == '\0' && ret->status > 0)
		failure_copy_text(ret->message, sizeof(ret->message), SLICE("the provider gave no reason for its error"));
	else if (ret->message[0] == '\0')
		failure_copy_text(ret->message, sizeof(ret->message), SLICE("the provider reported an error and gave no reason"));
	secret_strip(ret->message, strlen(ret->message), NULL, 0);
}

void failure_read(int status, struct slice body, struct arena *scratch, struct failure *ret)
{
	struct error_parts p = { .retry_after_ms = -1 };
	struct json_doc doc;
	struct json_error error;
	bool plain = !json_parse(scratch, body, &doc, &error);

	if (!plain) {
		struct json root = json_root(&doc);
		if (json_is(root, JSON_ARRAY))
			root = json_at(root, 0);
		if (json_is(root, JSON_OBJECT))
			read_body(&p, root, scratch);
		else
			p.message = json_text(root, scratch);
	} else {
		read_plain(&p, body);
	}
	read_wait_in_message(&p);
	enum failure_kind kind = failure_classify(&p, status);
	/* In an answer that should have been one, what does not even look like an error is just no answer. */
	bool silent = p.message.len == 0 && p.type.len == 0 && p.code.len == 0;
	if (status < 400 && kind == FAILURE_IN_BAND && (plain || silent))
		kind = FAILURE_MALFORMED;
	fill_in(ret, &p, status, kind);
}

/* An `error` that is there: not null, false, "" or {} (Responses and some proxies write null into every answer). */
static bool has_error(struct json root)
{
	struct json error = json_get(root, "error");
	if (json_is_filled(error))
		return true;
	/* Mistral writes "object", Anthropic and Responses "type". */
	return json_text_eq(json_get(root, "object"), SLICE("error")) || json_text_eq(json_get(root, "type"), SLICE("error"));
}

bool failure_in_band(struct json root, const char *answer_member, struct arena *scratch, struct failure *ret)
{
	bool flat = answer_member && !json_exists(json_member(root, slice_cstr(answer_member))) &&
		    (json_is_filled(json_get(root, "detail")) ||
		     (json_is_filled(json_get(root, "message")) &&
		      (json_exists(json_get(root, "code")) || json_exists(json_get(root, "error_code")))));
	if (!has_error(root) && !flat)
		return false;
	struct error_parts p = { .retry_after_ms = -1 };
	read_body(&p, root, scratch);
	read_wait_in_message(&p);
	fill_in(ret, &p, 0, failure_classify(&p, 0));
	return true;
}
