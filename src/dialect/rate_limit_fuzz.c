/* SPDX-License-Identifier: Apache-2.0 */
/* Any names and values: a line is a header, "name: value". What is read is -1 or a number that nothing overflows by. */
#include <stdint.h>
#include "base/cleanup.h"
#include "dialect/rate_limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(int64_t left, int64_t reset_ms)
{
	check(left >= -1, "less than nothing is left");
	check(reset_ms >= -1 && reset_ms <= 366 * INT64_C(86400000), "a window that ends too far away");
	check(left >= 0 || reset_ms == -1, "a window of nothing ends");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that reading one byte too far is seen. */
	char *text = xmalloc(size > 0 ? size : 1);
	struct slice rest = slice_of(text, size);
	struct header head[HEADERS_MAX];
	struct headers h = { head, 0 };
	struct rate_limit limit;

	if (size > 0)
		memcpy(text, data, size);
	while (rest.len > 0 && h.count < HEADERS_MAX) {
		struct slice value = slice_next_token(&rest, '\n'), name = slice_next_token(&value, ':');

		head[h.count++] = (struct header){ name, slice_trim(value) };
	}
	rate_limit_read(&h, INT64_C(1768945020000), &limit);
	check_number(limit.requests_left, limit.requests_reset_ms);
	check_number(limit.tokens_left, limit.tokens_reset_ms);
	check(limit.said == (limit.requests_left >= 0 || limit.tokens_left >= 0), "said and not said");
	free(text);
	return 0;
}
