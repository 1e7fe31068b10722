/* SPDX-License-Identifier: Apache-2.0 */
/* The table of session ids that agents send, each row with where that is known from. */
#include "exchange/session.h"

#include <openssl/sha.h>
#include "base/cleanup.h"
#include "base/digits.h"

struct place {
	struct slice header;           /* lower case; empty: it is in the body */
	struct slice member, inner;    /* of the body's root, and of that object */
	/* Takes the id out of what stands there, which may be no string; NULL: it is the id. */
	struct slice (*read)(struct json value, struct arena *a);
};

/* "user_<hash>_account_<id>_session_<uuid>", since Claude Code 2.1 a text that is an object: {"device_id": …,
 * "account_uuid": …, "session_id": …} (coder/coder aibridge/session.go; can1357/oh-my-pi#971, seen in 2.1.126). */
static struct slice read_user_id(struct json value, struct arena *a)
{
	struct slice text = json_text(value, a);
	size_t at = slice_find(text, SLICE("_session_"));
	struct json_doc *doc = arena_new(a, struct json_doc);
	struct json_error error;

	if (text.len > SESSION_USER_MAX)
		return SLICE("");
	if (slice_starts_with(text, SLICE("{"))) {
		if (!json_parse(a, text, doc, &error))
			return SLICE("");
		return json_text(json_get(json_root(doc), "session_id"), a);
	}
	return slice_starts_with(text, SLICE("user_")) && at != SIZE_MAX ? slice_after(text, at + 9) : SLICE("");
}

/* "conv_…", or an object with that id. */
static struct slice read_conversation(struct json value, struct arena *a)
{
	return json_text(json_is(value, JSON_OBJECT) ? json_get(value, "id") : value, a);
}

#define HEADER(name) { .header = { name, sizeof(name) - 1 } }
#define MEMBER(name) .member = { name, sizeof(name) - 1 }

/* In this order: what names an agent's session before what several use, and what is said of a cache last. */
static const struct place places[] = {
	/* Claude Code: its documentation, "LLM gateway protocol", request headers. */
	HEADER("x-claude-code-session-id"),
	{ MEMBER("metadata"), .inner = { "user_id", 7 }, .read = read_user_id },
	/* Codex CLI: "session-id" since 0.149 (weave-os/router#1046), before it "session_id" (openai/codex
	 * codex-rs/codex-api/src/requests/headers.rs). */
	HEADER("session-id"),
	HEADER("session_id"),
	/* opencode to its own providers, and goose to the same (anomalyco/opencode#15520, aaif-goose/goose#11944);
	 * opencode to all others: x-session-affinity (coder/coder#26140). */
	HEADER("x-opencode-session"),
	HEADER("agent-session-id"),    /* goose (aaif-goose/goose#6626) */
	HEADER("x-kilocode-taskid"),   /* Kilo Code (packages/kilo-gateway/src/headers.ts there) */
	HEADER("x-client-session-id"), /* Copilot CLI (coder/coder aibridge/session.go) */
	/* OpenRouter's clients: the member wins over the header x-session-id (its API description). */
	{ MEMBER("session_id") },
	/* opencode and crush (diegosouzapw/OmniRoute#4028, charmbracelet/crush#3723) send both, with the same value. */
	HEADER("x-session-affinity"),
	HEADER("x-session-id"),
	/* Responses (ConversationParam of OpenAI's API description). */
	{ MEMBER("conversation"), .read = read_conversation },
	/* OpenAI's API description; Codex CLI's is its conversation. */
	{ MEMBER("prompt_cache_key") },
};

static struct slice read_place(const struct place *p, const struct headers *h, struct json root, struct arena *a)
{
	struct json value;

	if (p->header.len > 0)
		return headers_get(h, p->header);
	value = json_member(root, p->member);
	if (p->inner.len > 0)
		value = json_member(value, p->inner);
	return p->read ? p->read(value, a) : json_text(value, a);
}

struct slice session_find(const struct headers *h, struct json root, struct arena *a)
{
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct slice id = slice_trim(read_place(&places[i], h, root, a));

		if (id.len > 0)
			return session_bound(id, a);
	}
	return SLICE("");
}

struct slice session_bound(struct slice id, struct arena *a)
{
	enum { PREFIX = 7, HASH_SHOWN = 16 };
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[PREFIX + 2 * HASH_SHOWN] = "sha256-", *at = text + PREFIX;

	if (id.len <= SESSION_MAX)
		return id;
	SHA256((const unsigned char *)id.ptr, id.len, digest);
	for (unsigned i = 0; i < HASH_SHOWN; i++)
		at = digits_put_hex(at, digest[i], 2);
	return arena_dup(a, slice_of(text, sizeof text));
}
