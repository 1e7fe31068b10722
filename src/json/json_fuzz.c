/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: the reader must agree with yyjson about what is JSON, and about every value of what is. */
#include "json/json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that reading one byte too far is seen. */
	char *text = xmalloc(size + 1);

	if (size > 0)
		memcpy(text, data, size);
	text = xrealloc(text, size > 0 ? size : 1);
	oracle_compare(slice_of(text, size));
	free(text);
	return 0;
}
