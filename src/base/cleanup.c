/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways in which the process ends by its own hand (a broken invariant, an empty allocator) and the allocation
 * functions that use the second. */
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

/* Neither may allocate or take a lock: whoever calls them may hold any lock of the process. */
static NORETURN void die(const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = write(STDERR_FILENO, text, left);
		if (n <= 0)
			break;
		text += n;
		left -= (size_t)n;
	}
	abort();
}

void bug_at(const char *file, int line, const char *sentence)
{
	char text[512];
	snprintf(text, sizeof(text), "weir: bug at %s:%d: %s\n", file, line, sentence);
	die(text);
}

void out_of_memory(void)
{
	die("weir: out of memory\n");
}

void *xmalloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);
	if (unlikely(!p))
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
	if (unlikely(!p))
		out_of_memory();
	return p;
}

void *xrealloc(void *ptr, size_t size)
{
	void *p = realloc(ptr, size > 0 ? size : 1);
	if (unlikely(!p))
		out_of_memory();
	return p;
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
	size_t have = strnlen(text, len);
	char *copy = xmalloc(have + 1);
	memcpy(copy, text, have);
	copy[have] = '\0';
	return copy;
}
