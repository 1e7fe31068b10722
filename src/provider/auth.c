/* SPDX-License-Identifier: Apache-2.0 */
/* How a credential gets into a request: the one place where a provider's key is revealed (DIALECTS.md §2.1). */
#include "provider/provider.h"

bool auth_write(const struct binding *b, const struct credential *key, struct header *ret, struct arena *a)
{
	struct slice secret;

	*ret = (struct header){ 0 };
	if (b->auth == AUTH_NONE || !key || !key->secret)
		return true;
	secret = secret_reveal(key->secret);
	if (b->auth == AUTH_BEARER) {
		ret->name = SLICE("authorization");
		ret->value = arena_join(a, SLICE("Bearer "), secret);
		return true;
	}
	if (b->auth == AUTH_HEADER) {
		ret->name = b->auth_header;
		ret->value = arena_dup(a, secret);
		return true;
	}
	return false;
}
