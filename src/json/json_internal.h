/* SPDX-License-Identifier: Apache-2.0 */
/* The tape: one node per value, in source order. An object's members are two nodes each, the key (always a string) and
 * the value; an array's elements one. Private to json/. */
#pragma once

#include "json/json.h"

struct json_node {
	uint32_t at;                   /* offset of the value's first byte in the text */
	uint32_t len;                  /* of its source, quotes and brackets included */
	uint32_t skip;                 /* nodes of the subtree, itself included: where the next sibling stands. While a
					* container is being read: the index of the container around it */
	uint8_t type;                  /* enum json_type */
	bool escaped;                  /* a string with at least one backslash */
};

/* Reads four hexadecimal digits; false when they are not. */
bool json_hex4(const char *p, unsigned *ret);
