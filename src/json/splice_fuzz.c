/* SPDX-License-Identifier: Apache-2.0 */
/* Any document and any edits: the result is JSON and holds what was asked for. Edits are drawn from the input's last bytes. */
#include "json/splice_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUMBERS = 64, OPERATIONS = 8 };

static unsigned draw(void *userdata)
{
	struct slice *numbers = userdata;
	unsigned char number;

	if (numbers->len == 0)
		return 0;
	number = (unsigned char)*numbers->ptr;
	*numbers = slice_after(*numbers, 1);
	return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t numbers_len = size / 2 < NUMBERS ? size / 2 : NUMBERS;
	struct slice text = slice_of((const char *)data, size - numbers_len);
	struct slice numbers = slice_after(slice_of((const char *)data, size), text.len);

	property_run(text, OPERATIONS, draw, &numbers);
	return 0;
}
