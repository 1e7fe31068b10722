/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider says in the head of an answer about how much more it will take (DIALECTS §6.3). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	bool said;
	int64_t requests_left, tokens_left;          /* -1 = not said */
	int64_t requests_reset_ms, tokens_reset_ms;  /* from now; -1 = not said */
};
