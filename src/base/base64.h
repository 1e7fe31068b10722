/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), both ways. */
#pragma once

#include "base/arena.h"

/* What one character of either alphabet stands for, or -1. */
int base64_digit(char c);
/* The standard and the URL alphabet, with padding or without, line ends ignored. False on anything else. */
bool base64_decode(struct slice text, struct arena *a, struct slice *ret) MUSTCHECK;
/* The standard alphabet, padded. */
struct slice base64_encode(struct slice bytes, struct arena *a);
