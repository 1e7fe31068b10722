/* SPDX-License-Identifier: Apache-2.0 */
/* A credential. It has its own type so that it cannot be printed, logged or compared by accident: the one way to its
 * bytes is secret_reveal(), which a reviewer can grep for. Memory is locked when the system allows it, left out of
 * core dumps, and wiped when freed. */
#pragma once

#include "base/slice.h"

struct secret;

/* Copies the text. An empty text gives an empty secret, never NULL. */
struct secret *secret_new(struct slice text);
/* Wipes and frees; accepts NULL; returns NULL. */
struct secret *secret_free(struct secret *s);
/* The bytes, for writing into a request to the host they belong to. Borrowed from the secret. */
struct slice secret_reveal(const struct secret *s);
/* Eight hexadecimal digits of the SHA-256 and NUL: names a credential in logs without giving it away. */
void secret_fingerprint(const struct secret *s, char ret[static 9]);
/* The whole SHA-256. */
void secret_digest(struct slice text, unsigned char ret[static 32]);
/* Constant time. */
bool digest_eq(const unsigned char a[static 32], const unsigned char b[static 32]);
/* Replaces in `text`, in place, everything that looks like a credential (known prefixes such as "sk-", "AIza",
 * "Bearer ", "key=", and any run equal to one of `known`) by asterisks. For provider messages before they go anywhere. */
void secret_strip(char *text, size_t len, struct secret *const known[], size_t known_count);
