/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream, an answer, an error and a request of this dialect. */
#include "dialect/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_dialect(&dialect_cohere, data, size);
}
