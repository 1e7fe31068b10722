/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request of this dialect, written for targets of all dialects. */
#include "dialect/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	fuzz_chat(&dialect_gemini, OPERATION_CHAT, input);
	fuzz_chat(&dialect_gemini, OPERATION_COUNT_TOKENS, input);
	return 0;
}
