/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request of this dialect, written for targets of all dialects. */
#include "dialect/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_chat(&dialect_ollama, OPERATION_CHAT, slice_of((const char *)data, size));
	return 0;
}
