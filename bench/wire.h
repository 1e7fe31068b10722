/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generator and the simulated upstream of the benchmark share: sockets, clocks and just enough HTTP/1.1
 * to find the end of a message. They are measuring instruments on loopback: anything unexpected ends them with a
 * sentence. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 8 << 10 };

#define NS_PER_S 1000000000LL

__attribute__((noreturn, format(printf, 1, 2))) static inline void give_up(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vfprintf(stderr, format, args);
	__builtin_va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		give_up("out of memory");
	return memory;
}

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		give_up("clock_gettime: %m");
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static inline struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static inline void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Length of the message head in `text` including its blank line, 0 while it is incomplete. */
static inline size_t head_length(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - text) + 4 : 0;
}

/* The value of a header (name in lower case, with "\r\n" before and ':' after it), NULL when absent. The head is terminated. */
static inline const char *head_value(const char *head, const char *line_start)
{
	const char *found = strcasestr(head, line_start);

	if (!found)
		return NULL;
	found += strlen(line_start);
	return found + strspn(found, " \t");
}
