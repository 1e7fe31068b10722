/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound clean-up and the attributes the whole tree uses. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define MUSTCHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Hands ownership out of a _cleanup_ variable. */
#define TAKE_PTR(p) ({ __typeof__(p) take_ptr_ = (p); (p) = NULL; take_ptr_; })
#define TAKE_FD(fd) ({ int take_fd_ = (fd); (fd) = -1; take_fd_; })

static inline void free_charp(char **p) { free(*p); }
static inline void close_fdp(int *fd) { if (*fd >= 0) close(*fd); }

/* Reports a bug and aborts. Asserts stay on in release builds: a gateway that goes on after a broken invariant loses
 * money. */
NORETURN void bug_at(const char *file, int line, const char *sentence);
#define check(condition, sentence) do { if (unlikely(!(condition))) bug_at(__FILE__, __LINE__, sentence); } while (0)
/* The one path for an empty allocator. */
NORETURN void out_of_memory(void);
/* malloc, calloc, realloc, strdup that end in out_of_memory() instead of NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
