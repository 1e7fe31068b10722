/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of responses that lie at one provider under one key: they carry that binding, signed, so that a follow-up goes
 * where it must, whatever the rules say then, and only for the client whose it is.
 *
 *     "resp_w" base64url( flags(1) target(8) tag(16) the provider's own id )
 *
 * target: a hash over the provider's name and the credential's fingerprint. flags: the own id was "resp_" and an even
 * number of lower-case hexadecimal digits (so are OpenAI's and Azure's, recorded), kept as bytes. tag: HMAC-SHA256 over
 * owner and the rest, cut to 16 bytes, with a secret of the store's. */
#pragma once

#include "base/arena.h"
#include "store/store.h"

enum { BOUND_ID_MAX = 256 };           /* of an id that is made; an own id that needs more is not bound */

struct bound_id {
	uint64_t target;               /* bound_target() */
	struct slice own;              /* the provider's */
};

uint64_t bound_target(struct slice provider, uint64_t fingerprint);
/* Does it look like one? Those that weir keeps itself ("resp_" and hexadecimal digits) do not. */
bool bound_id_is(struct slice id);
/* False: too long, or with characters that no path takes as they are. */
bool bound_id_make(const unsigned char secret[static STORE_SECRET_SIZE], struct slice owner, const struct bound_id *b,
		   char ret[static BOUND_ID_MAX]) MUSTCHECK;
/* False: not made by us for that owner. */
bool bound_id_read(const unsigned char secret[static STORE_SECRET_SIZE], struct slice owner, struct slice id,
		   struct arena *a, struct bound_id *ret) MUSTCHECK;
