/* SPDX-License-Identifier: Apache-2.0 */
/* How the routing language writes ranges, shares, hours and weights: one text each, nothing else. */
#pragma once

#include "policy/rule.h"

/* "2.5": the number times ten to the power of `places`, exactly. False on a sign, an exponent, more digits behind the
 * point than `places`, or more than twelve before it. */
bool decimal_parse(struct slice text, unsigned places, uint64_t *ret);
/* "<2000", "<=2000", ">2000", ">=2000", "1000..2000" (both ends included), "1000-2000" or "2000". */
bool range_parse(struct slice text, struct token_range *ret);
/* "5%", "0.5%" or "0.05": parts of a million, SHARE_WHOLE at most. */
bool share_parse(struct slice text, uint32_t *ret);
/* "8..18" (both ends included), "22..6" over midnight, or "9": bits 1 << hour. */
bool hours_parse(struct slice text, uint32_t *ret);
/* "10/90": up to `room` weights. */
bool weights_parse(struct slice text, unsigned room, uint32_t *ret, unsigned *ret_count);

enum { WEIGHT_MAX = 1000000 };
