/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in Anthropic's shape, {"type":"error","error":{type,message},"request_id"}: DIALECTS §6.1, §6.2. */
#include "dialect/anthropic/anthropic.h"

/* Each type belongs to one status; clients look at either. */
static const struct {
	int status;
	const char *type;
} types[] = {
	{ 400, "invalid_request_error" },
	{ 401, "authentication_error" },
	{ 402, "billing_error" },
	{ 403, "permission_error" },
	{ 404, "not_found_error" },
	{ 409, "conflict_error" },
	{ 413, "request_too_large" },
	{ 429, "rate_limit_error" },
	{ 500, "api_error" },
	{ 504, "timeout_error" },
	{ 529, "overloaded_error" },
};

/* The status decides: others who share a word with Anthropic have it with other statuses (OpenAI's 404 is an
 * invalid_request_error). The provider's own type is for statuses that have none. */
static const char *type_of(const struct failure_view *v)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].status == v->status)
			return types[i].type;
	for (size_t i = 0; v->from_provider && v->status == v->failure->status && i < COUNT_OF(types); i++)
		if (strcmp(v->failure->type, types[i].type) == 0)
			return types[i].type;
	return v->status >= 500 ? "api_error" : "invalid_request_error";
}

/* The dialect has no slot for a code. `code` is an addition that SDKs pass on in the error's body and otherwise
 * ignore; a provider's own goes there too when it has one (Anthropic's details.error_code:
 * enforced_spend_limit_reached, …). */
static void write_members(struct json_writer *w, const struct failure_view *v)
{
	const char *code = v->code ? v->code : v->failure->code;
	json_member_cstr(w, "type", "error");
	json_key(w, SLICE("error"));
	json_begin_object(w);
	json_member_cstr(w, "type", type_of(v));
	json_member_cstr(w, "message", v->failure->message);
	if (code[0])
		json_member_cstr(w, "code", code);
	json_end_object(w);
	if (v->request_id.len > 0)
		json_member_string(w, "request_id", v->request_id);
}

void anthropic_write_failure(const struct failure_view *v, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_begin_object(&w);
	write_members(&w, v);
	json_end_object(&w);
}

/* event: error. The SDK throws on the event's name; no message_stop follows. */
void anthropic_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				   const struct event_reader *r, struct buf *out)
{
	struct json_writer w;
	struct buf data;
	event_begin(&w, &data);
	write_members(&w, v);
	event_end(&w, SLICE("error"), out);
}

void anthropic_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
	(void)!sse_write(out, SLICE("message_stop"), SLICE("{\"type\":\"message_stop\"}"));
}
