/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator of the benchmark. One process, one thread, loopback only; prints one line of JSON.
 *     load closed  PORT CONNECTIONS REQUESTS BODY PID      as fast as it goes, keep-alive
 *     load open    PORT RATE SECONDS BODY PID              fixed schedule; latency counts from the scheduled time
 *     load streams PORT STREAMS SECONDS BODY PID [PATH]    opens all, waits for every first event, then counts events
 *     load start   PORT CORE COMMAND…                      time from exec to the first answer to GET /healthz
 * PID is the measured process: its CPU clock is read at the start and at the end of the measured part (0 = none). The
 * first fifth of a run is for warming up. An answer that is not 200, or not of the usual length, is an error and
 * counted. */

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include "wire.h"

enum {
	READ_MAX = 256 << 10,
	CHUNK_LINE_MAX = 16,
	EVENTS_MAX = 256,
	CONNECTIONS_MAX = 20000,
	START_SECONDS = 10,
	STALL_SECONDS = 20, /* no answer for so long: give up */
	CONNECTS_AT_ONCE = 64,
};

enum framing { FRAMING_HEAD, FRAMING_LENGTH, FRAMING_SIZE_LINE, FRAMING_CHUNK, FRAMING_CHUNK_END, FRAMING_TRAILER };

struct client {
	int fd;
	bool busy, wants_write;
	size_t sent; /* of the request */
	enum framing framing;
	char head[HEAD_MAX + 1];
	size_t head_len;
	int status;
	uint64_t left; /* of the body or the chunk */
	char size_line[CHUNK_LINE_MAX];
	size_t size_len;
	uint64_t body_len;
	unsigned events;
	bool after_newline; /* an event ends with an empty line */
	int64_t scheduled_ns;
	struct client *next_idle;
};

static struct {
	int poller, port;
	char *request;
	size_t request_len;
	pid_t pid;
	clockid_t pid_clock;
	uint64_t answers, errors, events, streams_begun;
	uint64_t usual_len; /* of an answer's body, from the first one */
	char first_error[160];
	struct client *idle;
	void (*on_answer)(struct client *c);
} load;

static char scratch[READ_MAX];

__attribute__((format(printf, 1, 2))) static void note_error(const char *format, ...)
{
	va_list args;

	load.errors++;
	if (load.first_error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(load.first_error, sizeof load.first_error, format, args);
	va_end(args);
	for (char *c = load.first_error; *c != '\0'; c++) /* it is printed within JSON */
		if (*c < ' ' || *c == '"' || *c == '\\')
			*c = ' ';
}

static int64_t cpu_ns(void) { return load.pid ? clock_ns(load.pid_clock) : 0; }

static long resident_kb(void)
{
	char path[64], line[256];
	long kb = 0;

	snprintf(path, sizeof path, "/proc/%d/status", load.pid ? (int)load.pid : (int)getpid());
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

/* Head and body as the OpenAI SDK sends them. */
static void read_request(const char *path, const char *body_file)
{
	static const char format[] =
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json\r\n"
		"Content-Type: application/json\r\nUser-Agent: OpenAI/JS 5.8.2\r\nX-Stainless-Retry-Count: 0\r\n"
		"X-Stainless-Lang: js\r\nX-Stainless-Package-Version: 5.8.2\r\nX-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\n"
		"X-Stainless-Runtime: node\r\nAuthorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n"
		"Connection: keep-alive\r\nContent-Length: %ld\r\n\r\n";
	FILE *file = fopen(body_file, "re");

	if (!file || fseek(file, 0, SEEK_END) != 0)
		give_up("load: %s: %m", body_file);
	long body_len = ftell(file);

	rewind(file);
	size_t room = sizeof format + strlen(path) + 64;

	load.request = allocate(1, room + (size_t)body_len);
	int head_len = snprintf(load.request, room, format, path, load.port, body_len);
	if (fread(load.request + head_len, 1, (size_t)body_len, file) != (size_t)body_len)
		give_up("load: %s: short", body_file);
	load.request_len = (size_t)head_len + (size_t)body_len;
	fclose(file);
}

/* ---- connections ---- */

static void watch(struct client *c, bool wants_write)
{
	struct epoll_event event = { .events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = c };

	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	epoll_ctl(load.poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void client_connect(struct client *c)
{
	struct sockaddr_in address = loopback(load.port);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
		give_up("load: connect to port %d: %m", load.port);
	set_nodelay(c->fd);
	c->wants_write = false;
	epoll_ctl(load.poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void client_send(struct client *c)
{
	while (c->sent < load.request_len) {
		ssize_t sent =
			send(c->fd, load.request + c->sent, load.request_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0)
			break;
		c->sent += (size_t)sent;
	}
	watch(c, c->sent < load.request_len);
}

static void client_start(struct client *c)
{
	if (c->fd < 0)
		client_connect(c);
	c->busy = true;
	c->sent = c->head_len = c->size_len = 0;
	c->framing = FRAMING_HEAD;
	c->body_len = 0;
	c->events = 0;
	c->after_newline = false;
	client_send(c);
}

static void client_finish(struct client *c)
{
	c->busy = false;
	if (load.usual_len == 0)
		load.usual_len = c->body_len;
	if (c->status != 200)
		note_error("status %d: %.100s", c->status, c->head);
	else if (c->body_len != load.usual_len)
		note_error("an answer of %ju bytes instead of %ju", (uintmax_t)c->body_len, (uintmax_t)load.usual_len);
	load.answers++;
	load.on_answer(c);
}

/* ---- reading answers ---- */

static void count_events(struct client *c, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	for (const char *at = bytes; at < end;) {
		if (c->after_newline && *at == '\n') {
			load.streams_begun += c->events == 0;
			c->events++;
			load.events++;
		}
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		c->after_newline = newline != NULL;
		if (!newline)
			return;
		at = newline + 1;
	}
}

static bool parse_head(struct client *c)
{
	const char *length = head_value(c->head, "\r\ncontent-length:"),
		   *coding = head_value(c->head, "\r\ntransfer-encoding:");

	c->status = c->head_len > 12 ? (int)strtol(c->head + 9, NULL, 10) : 0;
	if (coding && strncasecmp(coding, "chunked", 7) == 0) {
		c->framing = FRAMING_SIZE_LINE;
		return true;
	}
	if (!length)
		return false;
	c->framing = FRAMING_LENGTH;
	c->left = strtoull(length, NULL, 10);
	return true;
}

/* Takes what belongs to the head; returns the bytes used, or -1 when it is none. */
static ssize_t take_head(struct client *c, const char *bytes, size_t len)
{
	size_t part = len < HEAD_MAX - c->head_len ? len : HEAD_MAX - c->head_len;

	memcpy(c->head + c->head_len, bytes, part);
	c->head[c->head_len + part] = '\0';
	size_t end = head_length(c->head, c->head_len + part);

	if (end == 0) {
		c->head_len += part;
		return c->head_len == HEAD_MAX ? -1 : (ssize_t)part;
	}
	size_t used = end - c->head_len;

	c->head_len = end;
	c->head[end] = '\0';
	return parse_head(c) ? (ssize_t)used : -1;
}

static size_t take_size_line(struct client *c, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			c->size_line[c->size_len] = '\0';
			c->size_len = 0;
			c->left = strtoull(c->size_line, NULL, 16);
			c->framing = c->left ? FRAMING_CHUNK : FRAMING_TRAILER;
			return i + 1;
		}
		if (c->size_len < CHUNK_LINE_MAX - 1)
			c->size_line[c->size_len++] = bytes[i];
	}
	return len;
}

static size_t take_payload(struct client *c, const char *bytes, size_t len)
{
	size_t part = len < c->left ? len : (size_t)c->left;

	if (c->framing == FRAMING_CHUNK)
		count_events(c, bytes, part);
	c->left -= part;
	c->body_len += part;
	if (c->left == 0 && c->framing == FRAMING_CHUNK)
		c->framing = FRAMING_CHUNK_END;
	return part;
}

/* An answer ends after an empty line (the trailer) or with its last byte. Returns false when this is no HTTP. */
static bool take(struct client *c, const char *bytes, size_t len)
{
	while (len > 0 && c->busy) {
		size_t used = 1;

		switch (c->framing) {
		case FRAMING_HEAD: {
			ssize_t taken = take_head(c, bytes, len);

			if (taken < 0)
				return false;
			used = (size_t)taken;
			break;
		}
		case FRAMING_LENGTH:
		case FRAMING_CHUNK:
			used = take_payload(c, bytes, len);
			break;
		case FRAMING_SIZE_LINE:
			used = take_size_line(c, bytes, len);
			break;
		case FRAMING_CHUNK_END:
			if (*bytes == '\n')
				c->framing = FRAMING_SIZE_LINE;
			break;
		case FRAMING_TRAILER:
			if (*bytes == '\n')
				client_finish(c);
			break;
		}
		bytes += used;
		len -= used;
		if (c->busy && c->framing == FRAMING_LENGTH && c->left == 0)
			client_finish(c);
	}
	return true;
}

static void on_readable(struct client *c)
{
	ssize_t got = recv(c->fd, scratch, sizeof scratch, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && take(c, scratch, (size_t)got))
		return;
	bool was_busy = c->busy;

	client_close(c);
	if (was_busy) {
		note_error(got > 0 ? "no HTTP answer" : "connection closed within an answer");
		c->busy = false;
		load.on_answer(c);
	}
}

/* Waits until `deadline_ns` (0 = for ever) or for something to happen, and lets it happen. */
static void turn(int64_t deadline_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t limit = deadline_ns ? deadline_ns - now_ns() : STALL_SECONDS * NS_PER_S;
	struct timespec wait = { 0 };

	if (limit > 0)
		wait = (struct timespec){ .tv_sec = limit / NS_PER_S, .tv_nsec = limit % NS_PER_S };
	int count = epoll_pwait2(load.poller, events, EVENTS_MAX, &wait, NULL);

	if (count == 0 && !deadline_ns)
		give_up("load: no answer within %d s; %s", STALL_SECONDS, load.first_error);
	for (int i = 0; i < count; i++) {
		struct client *c = events[i].data.ptr;

		if (c->fd >= 0 && c->wants_write && events[i].events & EPOLLOUT)
			client_send(c);
		if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			on_readable(c);
	}
}

static struct client *clients_new(unsigned count)
{
	if (count == 0 || count > CONNECTIONS_MAX)
		give_up("load: 1 to %d connections", CONNECTIONS_MAX);
	struct client *clients = allocate(count, sizeof *clients);

	for (unsigned i = 0; i < count; i++)
		clients[i].fd = -1;
	return clients;
}

/* ---- the four kinds of load ---- */

static void again(struct client *c) { client_start(c); }

static void run_closed(unsigned connections, uint64_t requests)
{
	struct client *clients = clients_new(connections);
	uint64_t warm = requests / 5 + 1;

	load.on_answer = again;
	for (unsigned i = 0; i < connections; i++)
		client_start(&clients[i]);
	while (load.answers < warm)
		turn(0);
	int64_t cpu = cpu_ns(), began = now_ns();
	uint64_t before = load.answers;

	while (load.answers < before + requests && load.errors < requests)
		turn(0);
	printf("{\"requests\": %ju, \"errors\": %ju, \"cpu_ns\": %jd, \"elapsed_ns\": %jd, \"answer_bytes\": %ju, \"rss_kb\": %ld, "
	       "\"first_error\": \"%s\"}\n",
	       (uintmax_t)(load.answers - before), (uintmax_t)load.errors, (intmax_t)(cpu_ns() - cpu),
	       (intmax_t)(now_ns() - began), (uintmax_t)load.usual_len, resident_kb(), load.first_error);
}

static int64_t *latencies;
static uint64_t latency_count, latency_max;

static void put_back(struct client *c)
{
	if (latencies && latency_count < latency_max)
		latencies[latency_count++] = now_ns() - c->scheduled_ns;
	c->next_idle = load.idle;
	load.idle = c;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sends `count` requests on their schedule and waits for the rest of the answers. */
static void send_on_schedule(uint64_t count, int64_t period_ns)
{
	uint64_t expected = load.answers + load.errors + count;
	int64_t due = now_ns() + period_ns;

	for (uint64_t i = 0; i < count; i++, due += period_ns) {
		while (now_ns() < due)
			turn(due);
		struct client *c = load.idle;

		if (!c)
			give_up("load: too slow for this rate: no free connection");
		load.idle = c->next_idle;
		c->scheduled_ns = due;
		client_start(c);
	}
	while (load.answers + load.errors < expected)
		turn(0);
}

static void run_open(unsigned rate, unsigned seconds)
{
	enum { CONNECTIONS = 256 };
	struct client *clients = clients_new(CONNECTIONS);
	uint64_t count = (uint64_t)rate * seconds;

	load.on_answer = put_back;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		put_back(&clients[i]);
	send_on_schedule(count / 5 + 1, NS_PER_S / rate);
	latencies = allocate(count, sizeof *latencies);
	latency_max = count;
	int64_t cpu = cpu_ns();

	send_on_schedule(count, NS_PER_S / rate);
	cpu = cpu_ns() - cpu;
	qsort(latencies, latency_count, sizeof *latencies, compare);
	printf("{\"requests\": %ju, \"errors\": %ju, \"cpu_ns\": %jd, \"p50_ns\": %jd, \"p99_ns\": %jd, \"first_error\": \"%s\"}\n",
	       (uintmax_t)latency_count, (uintmax_t)load.errors, (intmax_t)cpu, (intmax_t)latencies[latency_count / 2],
	       (intmax_t)latencies[latency_count * 99 / 100], load.first_error);
}

static void stream_over(struct client *c)
{
	(void)c;
	note_error("a stream ended too early");
}

static void run_streams(unsigned streams, unsigned seconds)
{
	struct client *clients = clients_new(streams);

	load.on_answer = stream_over;
	for (unsigned i = 0; i < streams; i++) {
		client_start(&clients[i]);
		if (i % CONNECTS_AT_ONCE == 0)
			turn(now_ns() + NS_PER_S / 1000);
	}
	int64_t ramp_end = now_ns() + STALL_SECONDS * NS_PER_S;

	while (load.streams_begun < streams && load.errors == 0 && now_ns() < ramp_end)
		turn(ramp_end);
	if (load.streams_begun < streams)
		note_error("only %ju streams began", (uintmax_t)load.streams_begun);
	int64_t end = now_ns() + NS_PER_S / 2;

	while (now_ns() < end)
		turn(end);
	int64_t cpu = cpu_ns(), began = now_ns();
	uint64_t before = load.events;

	end = began + seconds * NS_PER_S;
	while (now_ns() < end && load.errors == 0)
		turn(end);
	printf("{\"streams\": %u, \"errors\": %ju, \"events\": %ju, \"cpu_ns\": %jd, \"elapsed_ns\": %jd, \"rss_kb\": %ld, "
	       "\"first_error\": \"%s\"}\n",
	       streams, (uintmax_t)load.errors, (uintmax_t)(load.events - before), (intmax_t)(cpu_ns() - cpu),
	       (intmax_t)(now_ns() - began), resident_kb(), load.first_error);
}

static bool is_answering(void)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = loopback(load.port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[16] = "";
	bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		    send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
		    recv(fd, answer, sizeof answer - 1, 0) > 12 && strncmp(answer + 9, "200", 3) == 0;

	close(fd);
	return good;
}

static void run_start(int core, char **command)
{
	int64_t began = now_ns(), answered = 0;
	pid_t child = fork();

	if (child == 0) {
		cpu_set_t cores;

		CPU_ZERO(&cores);
		CPU_SET(core, &cores);
		sched_setaffinity(0, sizeof cores, &cores);
		/* Our standard output is for one line of JSON. */
		if (!freopen("/dev/null", "w", stdout))
			give_up("load: /dev/null: %m");
		execvp(command[0], command);
		give_up("load: %s: %m", command[0]);
	}
	while (!answered && now_ns() < began + START_SECONDS * NS_PER_S) {
		if (is_answering())
			answered = now_ns();
		else
			nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
	}
	kill(child, SIGTERM);
	for (int waited = 0; waitpid(child, NULL, WNOHANG) == 0; waited++) {
		if (waited == START_SECONDS * 1000)
			kill(child, SIGKILL);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	printf("{\"errors\": %d, \"start_ns\": %jd, \"first_error\": \"%s\"}\n", answered ? 0 : 1,
	       answered ? (intmax_t)(answered - began) : 0, answered ? "" : "no answer");
}

static unsigned number(const char *text) { return (unsigned)strtoul(text, NULL, 10); }

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	load.poller = epoll_create1(EPOLL_CLOEXEC);
	if (argc < 5)
		give_up("usage: load closed|open|streams PORT N N BODY PID, or load start PORT CORE COMMAND…");
	load.port = (int)number(argv[2]);
	if (strcmp(argv[1], "start") == 0) {
		run_start((int)number(argv[3]), argv + 4);
		return 0;
	}
	if (argc != 7 && argc != 8)
		give_up("load %s: six arguments, or seven with the path", argv[1]);
	load.pid = (pid_t)number(argv[6]);
	if (load.pid && clock_getcpuclockid(load.pid, &load.pid_clock) != 0)
		give_up("load: no process %s", argv[6]);
	read_request(argc == 8 ? argv[7] : "/v1/chat/completions", argv[5]);
	if (strcmp(argv[1], "closed") == 0)
		run_closed(number(argv[3]), number(argv[4]));
	else if (strcmp(argv[1], "open") == 0)
		run_open(number(argv[3]), number(argv[4]));
	else if (strcmp(argv[1], "streams") == 0)
		run_streams(number(argv[3]), number(argv[4]));
	else
		give_up("load: unknown '%s'", argv[1]);
	return 0;
}
