/* SPDX-License-Identifier: Apache-2.0 */
/* Ids from clients: none that we have not made is taken, and every own id that is taken at all comes back. */
#include "exchange/bound_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char secret[STORE_SECRET_SIZE] = "nobody's";
	struct bound_id b = { .target = 7, .own = slice_of((const char *)data, size) }, back;
	struct slice owner = SLICE("alice");
	char id[BOUND_ID_MAX];
	struct arena arena;

	arena_init(&arena);
	check(!bound_id_read(secret, owner, b.own, &arena, &back), "forged");
	check(!bound_id_read(secret, owner, arena_join(&arena, SLICE("resp_w"), b.own), &arena, &back), "forged");
	if (bound_id_make(secret, owner, &b, id)) {
		check(bound_id_read(secret, owner, slice_cstr(id), &arena, &back), "ours");
		check(back.target == b.target && slice_eq(back.own, b.own), "as it was made");
	}
	arena_done(&arena);
	return 0;
}
