/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in Google's shape, {"error":{code,message,status,details}}: google.rpc.Status as JSON (DIALECTS §6.1,
 * §6.2). */
#include "dialect/gemini/gemini.h"

#include <stdio.h>

/* google.rpc.Code by HTTP status, the way Google's front end maps it (google/rpc/code.proto). */
static const char *status_name(int status)
{
	switch (status) {
	case 400: case 413: case 415: case 422: case 431: return "INVALID_ARGUMENT";
	case 401: return "UNAUTHENTICATED";
	case 402: return "FAILED_PRECONDITION";
	case 403: return "PERMISSION_DENIED";
	case 404: return "NOT_FOUND";
	case 405: case 501: return "UNIMPLEMENTED";
	case 408: case 504: return "DEADLINE_EXCEEDED";
	case 409: return "ABORTED";
	case 429: return "RESOURCE_EXHAUSTED";
	case 499: return "CANCELLED";
	case 500: return "INTERNAL";
	default: return status >= 500 ? "UNAVAILABLE" : "FAILED_PRECONDITION";
	}
}

/* The machine-readable code stands in ErrorInfo.reason, when to come back in RetryInfo, as Google does it. */
static void write_details(struct json_writer *w, const struct failure_view *v)
{
	const char *reason = v->code ? v->code : v->failure->code;
	int64_t wait_ms = v->failure->retry_after_ms;
	char delay[32];
	if (!reason[0] && wait_ms < 0)
		return;
	json_key(w, SLICE("details"));
	json_begin_array(w);
	if (reason[0]) {
		json_begin_object(w);
		json_member_cstr(w, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
		json_member_cstr(w, "reason", reason);
		json_member_cstr(w, "domain", v->from_provider ? "googleapis.com" : "weir");
		json_end_object(w);
	}
	if (wait_ms >= 0) {
		snprintf(delay, sizeof(delay), "%lld.%03llds", (long long)(wait_ms / 1000), (long long)(wait_ms % 1000));
		json_begin_object(w);
		json_member_cstr(w, "@type", "type.googleapis.com/google.rpc.RetryInfo");
		json_member_cstr(w, "retryDelay", delay);
		json_end_object(w);
	}
	json_end_array(w);
}

void gemini_write_failure(const struct failure_view *v, struct buf *out)
{
	struct json_writer w;
	bool own_name = v->from_provider && v->status == v->failure->status && failure_type_is_google(v->failure->type);
	json_writer_init(&w, out);
	json_begin_object(&w);
	json_key(&w, SLICE("error"));
	json_begin_object(&w);
	json_member_int(&w, "code", v->status);
	json_member_cstr(&w, "message", v->failure->message);
	json_member_cstr(&w, "status", own_name ? v->failure->type : status_name(v->status));
	write_details(&w, v);
	json_end_object(&w);
	json_end_object(&w);
}

/* In an array: one more element and the end of the array, so that what the client got is JSON to the last byte.
 *
 * In SSE: an event, for whoever reads events (DIALECTS §5.1), and then the same as bare JSON without a line end,
 * as Google's own servers do it. The official SDKs take an event with an `error` for a chunk without candidates
 * and go on, so that a cut answer would look complete; bare JSON they report as an error (sources at read_bare()). */
void gemini_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out)
{
	struct buf body;
	buf_init(&body, FAILURE_EVENT_MAX);
	gemini_write_failure(v, &body);
	struct slice json = buf_slice(&body);
	if (framing == FRAMING_JSON_ARRAY)
		(void)!buf_printf(out, "%c%.*s]", elements_written ? ',' : '[', SLICE_ARG(json));
	else
		(void)!buf_printf(out, "data: %.*s\r\n\r\n%.*s", SLICE_ARG(json), SLICE_ARG(json));
	buf_done(&body);
}

void gemini_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
	if (framing == FRAMING_JSON_ARRAY)
		(void)!buf_append_slice(out, SLICE("]"));
}
