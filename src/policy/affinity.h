/* SPDX-License-Identifier: Apache-2.0 */
/* Where a conversation was answered last: its prompt cache is there. A preference only; state that is bound to a place
 * travels in signed ids (exchange/bound_id.h). Shared by all workers; bounded, expiring, and each tenant has its own
 * conversations, because the owner is part of the key. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum { AFFINITY_MAX = 65536 };         /* conversations; over it the one that expires first makes room */

struct affinity;

struct affinity *affinity_new(void);
struct affinity *affinity_free(struct affinity *a);

/* `name`: the session's id, or the hash of the prompt's beginning as bytes. */
uint64_t affinity_key(struct slice owner, struct slice name);
/* The place: a hash of provider and model. */
uint64_t affinity_place(struct slice provider, struct slice model);
/* 0 = nothing is known, or it has expired. */
uint64_t affinity_find(struct affinity *a, uint64_t key, int64_t now_ns);
/* It was answered there; kept for `keep_ns` from now. */
void affinity_note(struct affinity *a, uint64_t key, uint64_t place, int64_t keep_ns, int64_t now_ns);
unsigned affinity_count(struct affinity *a, int64_t now_ns);
