/* SPDX-License-Identifier: Apache-2.0 */
/* anthropic: the Messages API. */
#include "dialect/anthropic/anthropic.h"

static enum framing anthropic_stream_framing(struct slice client_query)
{
	return FRAMING_SSE;
}

static void anthropic_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_anthropic, op);
}

/* anthropic-beta passes whatever its value (pain F15). Not here on purpose: x-api-key and authorization (the
 * gateway's own), anthropic-organization-id and anthropic-workspace-id (they belong to our key),
 * anthropic-dangerous-direct-browser-access, x-stainless-* (describes the client's machine, changes nothing at the
 * provider). anthropic-user-profile-id names the end user (DIALECTS §3.10); x-app and x-claude-code-* are what
 * Claude Code sends (recorded). */
static const char *const request_headers[] = {
	"anthropic-version", "anthropic-beta", "anthropic-user-profile-id", "idempotency-key", "user-agent", "x-app",
	"x-claude-code-*",
	NULL
};

/* DIALECTS §4.8, §6.3. anthropic-organization-id would tell whose key we hold. */
static const char *const answer_headers[] = {
	"request-id", "retry-after", "retry-after-ms", "anthropic-ratelimit-*", "anthropic-priority-*",
	"anthropic-fast-*", "x-ratelimit-*", "apim-request-id", "x-ms-region",
	NULL
};

const struct dialect dialect_anthropic = {
	.id = DIALECT_ANTHROPIC,
	.name = "anthropic",
	.read_request = anthropic_read_request,
	.estimate_prompt = anthropic_estimate_prompt,
	.prefix_hash = anthropic_prefix_hash,
	.edit_request = anthropic_edit_request,
	.request_path = anthropic_request_path,
	.stream_framing = anthropic_stream_framing,
	.reader_init = anthropic_reader_init,
	.read_event = anthropic_read_event,
	.read_end = anthropic_read_end,
	.read_whole = anthropic_read_whole,
	.read_failure = failure_read,
	.write_failure = anthropic_write_failure,
	.write_failure_event = anthropic_write_failure_event,
	.write_terminator = anthropic_write_terminator,
	.heartbeat = sse_comment_heartbeat,
	.stream_content_type = sse_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
