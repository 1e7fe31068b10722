/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Everything inside weir is monotonic nanoseconds; the wall clock is for records only. */
#pragma once

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NEVER INT64_MAX

/* Monotonic, nanoseconds. */
int64_t clock_now_ns(void);
/* Unix time, milliseconds. */
int64_t clock_wall_ms(void);
/* RFC 3339 with milliseconds and Z: 24 characters and NUL. */
void clock_format_wall(int64_t wall_ms, char ret[static 25]);
/* Seconds that an HTTP date (IMF-fixdate, RFC 850 or asctime) lies after the Unix epoch; -1 if it is none. */
int64_t clock_parse_http_date(const char *text);
