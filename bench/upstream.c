/* SPDX-License-Identifier: Apache-2.0 */
/* The provider of the benchmark: answers OpenAI chat requests on loopback, always with the same bytes and as cheaply as
 * possible. The request's model name, expected near the start of the body, says what the answer is:
 *     answer           one whole JSON answer of about 600 bytes
 *     answer-BYTES     one whole JSON answer with so many bytes of text
 *     stream-N-HZ      N events of about 215 bytes, HZ per second (0: all at once), usage if asked for, [DONE]
 * Usage: upstream PORT [TLS_PORT CERTIFICATE KEY] */

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include "wire.h"

enum {
	READ_MAX = 256 << 10,
	MODEL_WITHIN = 4 << 10, /* the model's name and include_usage are looked for in so much of the body */
	EVENTS_MAX = 256,
};

#define CHUNK_TEXT \
	"data: {\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"bench\"," \
	"\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" measured\"},\"logprobs\":null," \
	"\"finish_reason\":null}]}\n\n"
#define FINISH_TEXT \
	"data: {\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"bench\"," \
	"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE_TEXT \
	"data: {\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\"model\":\"bench\"," \
	"\"choices\":[],\"usage\":{\"prompt_tokens\":400,\"completion_tokens\":100,\"total_tokens\":500}}\n\n"
#define DONE_TEXT "data: [DONE]\n\n"
#define ANSWER_START \
	"{\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion\",\"created\":1750000000,\"model\":\"bench\"," \
	"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
#define ANSWER_END \
	"\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":400," \
	"\"completion_tokens\":40,\"total_tokens\":440},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}"
#define HEAD_COMMON \
	"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jun 2026 00:00:00 GMT\r\nserver: bench\r\nx-request-id: req_0123456789abcdef\r\n" \
	"openai-organization: bench\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n" \
	"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
enum { ANSWER_TEXT_BYTES = 220 };

struct peer {
	int fd;
	SSL *ssl; /* NULL = plain */
	bool wants_write;
	/* The request. */
	char head[HEAD_MAX + 1];   /* the head, then the first bytes of the body */
	size_t head_len, head_end; /* read so far; where the body begins, 0 = not known */
	int64_t body_left;
	char model_part[MODEL_WITHIN + 1];
	size_t model_len;
	/* What is still to be sent of the answer. */
	char *out;
	size_t out_len, out_pos, out_cap;
	/* A stream that is paced. */
	int64_t events_left, period_ns, due_ns;
	bool usage_asked;
	struct peer *previous, *next; /* in the order of due_ns */
};

static int poller;
static struct peer queue = { .previous = &queue, .next = &queue };
static char scratch[READ_MAX];

static void queue_remove(struct peer *p)
{
	if (!p->next)
		return;
	p->previous->next = p->next;
	p->next->previous = p->previous;
	p->next = p->previous = NULL;
}

/* Streams of one rate come in order, so the place is found at once. */
static void queue_insert(struct peer *p)
{
	struct peer *before = queue.previous;

	while (before != &queue && before->due_ns > p->due_ns)
		before = before->previous;
	p->previous = before;
	p->next = before->next;
	before->next->previous = p;
	before->next = p;
}

static void peer_free(struct peer *p)
{
	queue_remove(p);
	if (p->ssl)
		SSL_free(p->ssl);
	close(p->fd);
	free(p->out);
	free(p);
}

/* Bytes moved, 0 = would block, -1 = gone. */
static ssize_t tls_result(struct peer *p, int result)
{
	if (result > 0)
		return result;
	int error = SSL_get_error(p->ssl, result);

	ERR_clear_error();
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t plain_result(ssize_t result)
{
	if (result > 0)
		return result;
	return result < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t peer_read(struct peer *p, char *into, size_t len)
{
	if (p->ssl)
		return tls_result(p, SSL_read(p->ssl, into, (int)len));
	return plain_result(recv(p->fd, into, len, 0));
}

static ssize_t peer_write(struct peer *p, const char *from, size_t len)
{
	if (p->ssl)
		return tls_result(p, SSL_write(p->ssl, from, (int)len));
	return plain_result(send(p->fd, from, len, MSG_NOSIGNAL));
}

static void watch(struct peer *p, bool wants_write)
{
	struct epoll_event event = { .events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = p };

	if (p->wants_write == wants_write)
		return;
	p->wants_write = wants_write;
	epoll_ctl(poller, EPOLL_CTL_MOD, p->fd, &event);
}

static void append(struct peer *p, const char *text, size_t len)
{
	if (p->out_len + len > p->out_cap) {
		p->out_cap = (p->out_len + len) * 2;
		p->out = realloc(p->out, p->out_cap);
		if (!p->out)
			give_up("out of memory");
	}
	memcpy(p->out + p->out_len, text, len);
	p->out_len += len;
}

static void append_chunk(struct peer *p, const char *text, size_t len)
{
	char size[24];
	int size_len = snprintf(size, sizeof size, "%zx\r\n", len);

	append(p, size, (size_t)size_len);
	append(p, text, len);
	append(p, "\r\n", 2);
}

/* Sends what there is; false when the other side is gone. */
static bool flush(struct peer *p)
{
	while (p->out_pos < p->out_len) {
		ssize_t sent = peer_write(p, p->out + p->out_pos, p->out_len - p->out_pos);

		if (sent < 0)
			return false;
		if (sent == 0)
			break;
		p->out_pos += (size_t)sent;
	}
	watch(p, p->out_pos < p->out_len);
	if (p->out_pos == p->out_len)
		p->out_pos = p->out_len = 0;
	return true;
}

static void append_stream_end(struct peer *p)
{
	append_chunk(p, FINISH_TEXT, sizeof FINISH_TEXT - 1);
	if (p->usage_asked)
		append_chunk(p, USAGE_TEXT, sizeof USAGE_TEXT - 1);
	append_chunk(p, DONE_TEXT, sizeof DONE_TEXT - 1);
	append(p, "0\r\n\r\n", 5);
}

static void start_stream(struct peer *p, int64_t events, int64_t per_second)
{
	static const char head[] =
		HEAD_COMMON "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

	p->usage_asked = memmem(p->model_part, p->model_len, "include_usage", 13) != NULL;
	append(p, head, sizeof head - 1);
	append_chunk(p, CHUNK_TEXT, sizeof CHUNK_TEXT - 1);
	p->events_left = events - 1;
	if (per_second > 0) {
		p->period_ns = NS_PER_S / per_second;
		p->due_ns = now_ns() + p->period_ns;
		queue_insert(p);
		return;
	}
	while (p->events_left-- > 0)
		append_chunk(p, CHUNK_TEXT, sizeof CHUNK_TEXT - 1);
	append_stream_end(p);
}

static void start_answer(struct peer *p, size_t text_bytes)
{
	char head[1024], text[1024];
	size_t len = sizeof ANSWER_START - 1 + text_bytes + sizeof ANSWER_END - 1;

	int head_len = snprintf(head, sizeof head,
				HEAD_COMMON "content-type: application/json\r\ncontent-length: %zu\r\n\r\n", len);

	append(p, head, (size_t)head_len);
	append(p, ANSWER_START, sizeof ANSWER_START - 1);
	memset(text, 'w', sizeof text);
	for (size_t left = text_bytes, part; left > 0; left -= part) {
		part = left < sizeof text ? left : sizeof text;
		append(p, text, part);
	}
	append(p, ANSWER_END, sizeof ANSWER_END - 1);
}

static bool answer(struct peer *p)
{
	p->model_part[p->model_len] = '\0';
	const char *model = strstr(p->model_part, "\"model\"");
	long long first = 0, second = 0;

	model = model ? strchr(model + 7, '"') : NULL;
	if (!model)
		give_up("upstream: no model within the first %d bytes of the body", MODEL_WITHIN);
	if (strncmp(model, "\"stream-", 8) == 0) {
		char *end;

		first = strtoll(model + 8, &end, 10);
		second = *end == '-' ? strtoll(end + 1, NULL, 10) : 0;
		start_stream(p, first, second);
	} else if (strncmp(model, "\"answer-", 8) == 0) {
		start_answer(p, (size_t)strtoull(model + 8, NULL, 10));
	} else {
		start_answer(p, ANSWER_TEXT_BYTES);
	}
	p->head_len = p->head_end = p->model_len = 0;
	return flush(p);
}

static bool take_body(struct peer *p, const char *bytes, size_t len)
{
	size_t room = MODEL_WITHIN - p->model_len;

	if ((int64_t)len > p->body_left)
		give_up("upstream: more bytes than the request announced (pipelining is not expected here)");
	if (room > 0) {
		size_t part = len < room ? len : room;

		memcpy(p->model_part + p->model_len, bytes, part);
		p->model_len += part;
	}
	p->body_left -= (int64_t)len;
	return p->body_left > 0 || answer(p);
}

static bool take_head(struct peer *p, const char *bytes, size_t len)
{
	size_t part = len < HEAD_MAX - p->head_len ? len : HEAD_MAX - p->head_len;

	memcpy(p->head + p->head_len, bytes, part);
	p->head_len += part;
	p->head[p->head_len] = '\0';
	p->head_end = head_length(p->head, p->head_len);
	if (p->head_end == 0) {
		if (p->head_len == HEAD_MAX)
			give_up("upstream: request head over %d bytes", HEAD_MAX);
		return true;
	}
	size_t used = part - (p->head_len - p->head_end);

	p->head[p->head_end] = '\0';
	const char *length = head_value(p->head, "\r\ncontent-length:");

	if (!length)
		give_up("upstream: only requests with content-length are expected");
	p->body_left = strtoll(length, NULL, 10);
	return len == used || take_body(p, bytes + used, len - used);
}

static bool on_readable(struct peer *p)
{
	for (;;) {
		ssize_t got = peer_read(p, scratch, sizeof scratch);

		if (got <= 0)
			return got == 0;
		if (!(p->head_end ? take_body(p, scratch, (size_t)got) : take_head(p, scratch, (size_t)got)))
			return false;
		if (!p->ssl && (size_t)got < sizeof scratch)
			return true;
	}
}

static void send_due(void)
{
	int64_t now = now_ns();

	while (queue.next != &queue && queue.next->due_ns <= now) {
		struct peer *p = queue.next;

		queue_remove(p);
		append_chunk(p, CHUNK_TEXT, sizeof CHUNK_TEXT - 1);
		if (--p->events_left > 0) {
			p->due_ns += p->period_ns;
			queue_insert(p);
		} else {
			append_stream_end(p);
		}
		if (!flush(p))
			peer_free(p);
	}
}

static int listen_on(int port)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = loopback(port);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
		give_up("upstream: port %d: %m", port);
	return fd;
}

static void accept_all(int listener, SSL_CTX *tls)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *p = allocate(1, sizeof *p);
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = p };

		set_nodelay(fd);
		p->fd = fd;
		if (tls) {
			p->ssl = SSL_new(tls);
			SSL_set_fd(p->ssl, fd);
			SSL_set_accept_state(p->ssl);
		}
		epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
	}
}

static SSL_CTX *tls_context(const char *certificate, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		give_up("upstream: cannot use %s with %s", certificate, key);
	return tls;
}

/* Nanoseconds until the next event of a stream is due; NULL = nothing is. */
static struct timespec *time_to_next(struct timespec *ret)
{
	if (queue.next == &queue)
		return NULL;
	int64_t left = queue.next->due_ns - now_ns();

	left = left > 0 ? left : 0;
	*ret = (struct timespec){ .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };
	return ret;
}

int main(int argc, char **argv)
{
	int listeners[2] = { -1, -1 };
	SSL_CTX *tls = NULL;

	if (argc != 2 && argc != 5)
		give_up("usage: upstream PORT [TLS_PORT CERTIFICATE KEY]");
	signal(SIGPIPE, SIG_IGN);
	poller = epoll_create1(EPOLL_CLOEXEC);
	listeners[0] = listen_on((int)strtol(argv[1], NULL, 10));
	if (argc == 5) {
		listeners[1] = listen_on((int)strtol(argv[2], NULL, 10));
		tls = tls_context(argv[3], argv[4]);
	}
	for (int i = 0; i < 2 && listeners[i] >= 0; i++)
		epoll_ctl(poller, EPOLL_CTL_ADD, listeners[i],
			  &(struct epoll_event){ .events = EPOLLIN, .data.ptr = &listeners[i] });
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		struct timespec wait;
		int count = epoll_pwait2(poller, events, EVENTS_MAX, time_to_next(&wait), NULL);

		for (int i = 0; i < count; i++) {
			void *who = events[i].data.ptr;

			if (who == &listeners[0] || who == &listeners[1]) {
				accept_all(*(int *)who, who == &listeners[1] ? tls : NULL);
				continue;
			}
			struct peer *p = who;
			bool alive = !(events[i].events & (EPOLLHUP | EPOLLERR));

			if (alive && events[i].events & EPOLLIN)
				alive = on_readable(p);
			if (alive && p->wants_write && events[i].events & EPOLLOUT)
				alive = flush(p);
			if (!alive)
				peer_free(p);
		}
		send_due();
	}
}
