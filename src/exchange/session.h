/* SPDX-License-Identifier: Apache-2.0 */
/* Whose conversation is it: the session ids that known agents and SDKs send of themselves, in headers and in members of
 * the body. They are read only; what reaches a provider is no other for it. */
#pragma once

#include "base/arena.h"
#include "http/message.h"
#include "json/json.h"

enum {
	SESSION_MAX = 128,             /* bytes of an id; a longer one is known by its hash */
	SESSION_USER_MAX = 4096,       /* a longer metadata.user_id is not looked into */
};

/* The first that is there, or an empty slice. Lies in what it came from, or in `a`. */
struct slice session_find(const struct headers *h, struct json root, struct arena *a);
/* The id itself, or "sha256-…" of one that is too long: cut, two of them could be one. */
struct slice session_bound(struct slice id, struct arena *a);
