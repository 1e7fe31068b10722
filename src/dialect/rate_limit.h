/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a provider says in the head of an answer about how much more it will take. */
#pragma once

#include "http/message.h"
#include "llm/rate_limit.h"

/* Any provider's headers (DIALECTS §6.3); of several windows the tightest. `now_wall_ms`: some say the time of day. */
void rate_limit_read(const struct headers *h, int64_t now_wall_ms, struct rate_limit *ret);
