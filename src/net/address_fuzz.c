/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever address_parse() accepts can be printed, and what is printed means the same again. */
#include <stdint.h>
#include "base/cleanup.h"
#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a, again;
	const char *error = NULL;
	char text[ADDRESS_TEXT_MAX], second[ADDRESS_TEXT_MAX];

	if (!address_parse(slice_of((const char *)data, size), &a, &error)) {
		check(error, "refused without a reason");
		return 0;
	}
	check(address_parse(slice_cstr(address_format(&a, text)), &again, &error), "cannot read what was printed");
	check(strcmp(text, address_format(&again, second)) == 0, "printed differently the second time");
	check(address_is_loopback(&a) == address_is_loopback(&again), "loopback changed on the way");
	return 0;
}
