/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the clocks, and the two formats of the wall clock: RFC 3339 for records, HTTP dates (RFC 9110 §5.6.7) from
 * providers' Retry-After. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "base/digits.h"

int64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

void clock_format_wall(int64_t wall_ms, char ret[static 25])
{
	int64_t ms = wall_ms % 1000;
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm t;

	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	if (!gmtime_r(&seconds, &t) || t.tm_year < -1900 || t.tm_year > 9999 - 1900) {
		memcpy(ret, "0000-00-00T00:00:00.000Z", 25);
		return;
	}
	memcpy(ret, "0000-00-00T00:00:00.000Z", 25);
	digits_put(ret, (uint64_t)t.tm_year + 1900, 4);
	digits_put(ret + 5, (uint64_t)t.tm_mon + 1, 2);
	digits_put(ret + 8, (uint64_t)t.tm_mday, 2);
	digits_put(ret + 11, (uint64_t)t.tm_hour, 2);
	digits_put(ret + 14, (uint64_t)t.tm_min, 2);
	digits_put(ret + 17, (uint64_t)t.tm_sec, 2);
	digits_put(ret + 20, (uint64_t)ms, 3);
}

static int month_of(const char *name)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; i < 12; i++)
		if (strncasecmp(name, months + 3 * i, 3) == 0)
			return i;
	return -1;
}

/* RFC 9110: a two-digit year more than fifty years ahead is the most recent past year with these digits. */
static int year_of_two_digits(int year)
{
	time_t now = time(NULL);
	struct tm t;
	if (!gmtime_r(&now, &t))
		return year + 2000;
	int this_year = t.tm_year + 1900;
	int full = this_year / 100 * 100 + year;
	return full > this_year + 50 ? full - 100 : full;
}

int64_t clock_parse_http_date(const char *text)
{
	int day, year, hour, minute, second, end = 0;
	char month[4];

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute, &second,
		   &end) == 6 && end > 0) {
		/* IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT" */
	} else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute,
			  &second, &end) == 6 && end > 0) {
		/* RFC 850: "Sunday, 06-Nov-94 08:49:37 GMT" */
		if (year < 0)
			return -1;
		year = year_of_two_digits(year);
	} else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &day, &hour, &minute, &second, &year,
			  &end) == 6 && end > 0) {
		/* asctime: "Sun Nov  6 08:49:37 1994" */
	} else {
		return -1;
	}
	struct tm t = { .tm_mday = day, .tm_mon = month_of(month), .tm_year = year - 1900,
			.tm_hour = hour, .tm_min = minute, .tm_sec = second };
	if (text[end] != '\0' || t.tm_mon < 0 || day < 1 || day > 31 || year < 1970 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60)
		return -1;
	return (int64_t)timegm(&t);
}
