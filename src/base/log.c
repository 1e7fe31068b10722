/* SPDX-License-Identifier: Apache-2.0 */
/* Callers append to one of two buffers under a short lock; the writer thread swaps them and writes without the lock. It
 * is woken when the buffer stops being empty, then lets lines gather for LOG_GATHER_NS before it writes, so that a busy
 * process pays one wake-up and one write(2) per gathering, not per line. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

/* A reader that hangs may not keep the process from ending: after LOG_STOP_S the rest is given up. */
enum { LOG_MESSAGE_MAX = 4096, LOG_HURRY = 256 << 10, LOG_STOP_S = 3 };
#define LOG_GATHER_NS (40 * NS_PER_MS)

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;        /* not empty any more, a lot waits, or stopping */
	pthread_t thread;
	struct buf waiting;
	size_t writing;                /* bytes the writer holds */
	uint64_t unreported;           /* dropped since the last report */
	bool stopping;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .waiting = { .limit = LOG_QUEUE_MAX } };

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int log_lowest = LOG_INFO;
static _Atomic bool running;
static _Atomic uint64_t dropped;

/* Everything, even to a non-blocking descriptor; gives up when nobody can read any more. */
static void write_all(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.ptr, s.len);
		if (n > 0) {
			s = slice_after(s, (size_t)n);
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };
			(void)poll(&p, 1, -1);
		} else if (n == 0 || errno != EINTR) {
			return;
		}
	}
}

static void add_to_deadline(struct timespec *t, int64_t ns)
{
	t->tv_nsec += ns;
	t->tv_sec += t->tv_nsec / NS_PER_S;
	t->tv_nsec %= NS_PER_S;
}

/* With the lock held: until there is something to write and it has gathered, or the end. */
static void wait_for_lines(void)
{
	while (queue.waiting.len == 0 && !queue.stopping)
		pthread_cond_wait(&queue.changed, &queue.lock);
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	add_to_deadline(&until, LOG_GATHER_NS);
	while (queue.waiting.len < LOG_HURRY && !queue.stopping)
		if (pthread_cond_timedwait(&queue.changed, &queue.lock, &until) == ETIMEDOUT)
			break;
}

/* With the lock held: the room that writing made is used to say what was lost. */
static void report_dropped(void)
{
	char now[25];
	if (queue.unreported == 0)
		return;
	clock_format_wall(clock_wall_ms(), now);
	if (buf_printf(&queue.waiting, "{\"time\":\"%s\",\"level\":\"warn\",\"message\":\"log lines dropped, the reader is "
		       "too slow\",\"dropped\":%llu}\n", now, (unsigned long long)queue.unreported))
		queue.unreported = 0;
}

static void *write_lines(void *unused)
{
	struct buf lines;
	buf_init(&lines, LOG_QUEUE_MAX);
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		wait_for_lines();
		if (queue.waiting.len == 0)
			break;
		struct buf swap = lines;
		lines = queue.waiting;
		queue.waiting = swap;
		queue.writing = lines.len;
		pthread_mutex_unlock(&queue.lock);
		write_all(log_fd, buf_slice(&lines));
		buf_consume(&lines, lines.len);
		pthread_mutex_lock(&queue.lock);
		queue.writing = 0;
		report_dropped();
	}
	pthread_mutex_unlock(&queue.lock);
	buf_done(&lines);
	return unused;
}

void log_start(int fd, enum log_level lowest)
{
	check(!running, "the log is started twice");
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	log_fd = fd;
	log_lowest = (int)lowest;
	queue.stopping = false;
	/* Without a thread lines are written directly: slower, but nothing is lost. */
	running = pthread_create(&queue.thread, NULL, write_lines, NULL) == 0;
}

void log_stop(void)
{
	if (!running)
		return;
	pthread_mutex_lock(&queue.lock);
	queue.stopping = true;
	pthread_cond_signal(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	running = false;

	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOG_STOP_S;
	if (pthread_timedjoin_np(queue.thread, NULL, &until) == 0) {
		buf_done(&queue.waiting);
		pthread_cond_destroy(&queue.changed);
	} else {
		pthread_detach(queue.thread);
	}
}

static void enqueue(struct slice line)
{
	size_t len = line.len + 1;
	pthread_mutex_lock(&queue.lock);
	size_t before = queue.waiting.len;
	char *to = queue.writing + before + len <= LOG_QUEUE_MAX ? buf_reserve(&queue.waiting, len) : NULL;
	if (to) {
		if (line.len > 0)
			memcpy(to, line.ptr, line.len);
		to[line.len] = '\n';
		buf_commit(&queue.waiting, len);
		if (before == 0 || (before < LOG_HURRY && queue.waiting.len >= LOG_HURRY))
			pthread_cond_signal(&queue.changed);
	} else {
		queue.unreported++;
		dropped++;
	}
	pthread_mutex_unlock(&queue.lock);
}

void log_line(struct slice json)
{
	if (running) {
		enqueue(json);
		return;
	}
	/* In one call, so that lines of several threads do not mix. */
	struct iovec parts[] = { { (char *)json.ptr, json.len }, { (char[]){ '\n' }, 1 } };
	ssize_t n = writev(log_fd, parts, COUNT_OF(parts));
	if (n >= 0 && (size_t)n <= json.len) {
		write_all(log_fd, slice_after(json, (size_t)n));
		write_all(log_fd, SLICE("\n"));
	}
}

/* Appends `text` as the inside of a JSON string (RFC 8259 §7), malformed bytes as U+FFFD. */
static void append_escaped(struct buf *b, struct slice text)
{
	bool fits = true;
	for (size_t i = 0; i < text.len && fits;) {
		size_t len = utf8_sequence(text.ptr + i, text.len - i);
		unsigned char c = (unsigned char)text.ptr[i];
		if (len == 0)
			fits = buf_append_slice(b, SLICE("\xef\xbf\xbd"));
		else if (c < 0x20)
			fits = buf_printf(b, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			fits = buf_append(b, (char[]){ '\\', (char)c }, 2);
		else
			fits = buf_append(b, text.ptr + i, len);
		i += len > 0 ? len : 1;
	}
}

void log_event(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char message[LOG_MESSAGE_MAX], now[25];
	struct buf line;

	if ((int)level < log_lowest)
		return;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	check(len >= 0, "a format that cannot be printed");

	clock_format_wall(clock_wall_ms(), now);
	/* Six bytes for each byte of the message is the most that escaping makes of it. */
	buf_init(&line, 6 * LOG_MESSAGE_MAX + 128);
	bool fits = buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", now, names[level]);
	append_escaped(&line, slice_cstr(message));
	fits = fits && buf_append_slice(&line, SLICE("\"}"));
	check(fits, "a log line over its limit");
	log_line(buf_slice(&line));
	buf_done(&line);
}

uint64_t log_dropped(void)
{
	return dropped;
}
