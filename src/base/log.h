/* SPDX-License-Identifier: Apache-2.0 */
/* Structured log: one JSON object per line on standard output (or standard error for the command-line tools).
 * Lines are handed to a writer thread; no caller ever blocks on a slow reader. When more than LOG_QUEUE_MAX bytes
 * wait, lines are dropped and counted, and the count is logged when there is room again. */
#pragma once

#include <stdint.h>
#include "base/cleanup.h"
#include "base/slice.h"

#define LOG_QUEUE_MAX (4u << 20)

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Starts the writer thread on `fd`. Before this, and after log_stop(), lines are written directly. */
void log_start(int fd, enum log_level lowest);
/* Flushes and ends the writer. */
void log_stop(void);
/* One event: {"time":…,"level":…,"message":…}. The formatted message is escaped as JSON; its length is capped. */
void log_event(enum log_level level, const char *format, ...) PRINTF(2, 3);
#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)
/* A finished line (a request's record), without its newline. Batched: a caller's lines leave together within 50 ms. */
void log_line(struct slice json);
/* Lines dropped since the start. */
uint64_t log_dropped(void);
