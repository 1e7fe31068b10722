/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of one loop. Watched level-triggered: what one turn does not accept is reported again. Options
 * are set on the listening socket; accepted ones inherit them. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "net/conn_internal.h"

enum { ACCEPT_TURN_MAX = 64, LISTEN_BACKLOG = 4096 };
/* Without descriptors or memory accepting pauses; the clients wait in the kernel's backlog. */
#define ACCEPT_PAUSE_NS (100 * NS_PER_MS)

/* The workers of this process share one socket file: it cannot be bound twice, as a port with SO_REUSEPORT can. */
struct shared_file {
	struct list node;
	struct address address;
	dev_t device;
	ino_t inode;
	int fd;
	unsigned users;
};

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list shared_files = { &shared_files, &shared_files };

struct listener {
	struct watch watch;
	struct loop *loop;
	struct task task;
	struct timer pause;
	struct address address;
	struct shared_file *shared;    /* NULL for all but our own unix sockets */
	bool exclusive;                /* other loops or processes wait on the same socket */
	bool starved;                  /* the pause has been logged */
	listener_accept_fn *on_accept;
	void *ctx;
};

/* Sockets. */

static void set_option(int fd, int level, int name)
{
	int one = 1;
	(void)setsockopt(fd, level, name, &one, sizeof(one));
}

/* A socket for `a`; a machine without IPv6 listens on IPv4 only where both families were asked for. */
static int open_socket(struct address *a)
{
	struct sockaddr_in6 *in6 = (void *)&a->storage;
	int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool any = a->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);

	if (fd < 0 && errno == EAFNOSUPPORT && any) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
		*a = (struct address){ .len = sizeof(in) };
		memcpy(&a->storage, &in, sizeof(in));
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	if (any && a->storage.ss_family == AF_INET6) {
		int off = 0;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (a->storage.ss_family != AF_UNIX)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	return fd;
}

static int bind_to(int fd, const struct address *a)
{
	return bind(fd, (const struct sockaddr *)&a->storage, a->len) < 0 ? -errno : 0;
}

static const char *file_of(const struct address *a)
{
	return ((const struct sockaddr_un *)(const void *)&a->storage)->sun_path;
}

/* Removes a socket file that nobody listens on any more. 0 when the path is free, or -errno. */
static int remove_stale(const struct address *a)
{
	struct stat st;
	if (lstat(file_of(a), &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a->storage, a->len) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(file_of(a)) < 0 && errno != ENOENT ? -errno : 0;
}

int listener_probe(const struct address *a)
{
	struct address copy = *a;
	_cleanup_(close_fdp) int fd = open_socket(&copy);
	if (fd < 0)
		return fd;
	if (copy.storage.ss_family != AF_UNIX)
		return bind_to(fd, &copy);
	int r = remove_stale(&copy);
	if (r < 0)
		return r;
	r = bind_to(fd, &copy);
	if (r == 0)
		(void)unlink(file_of(&copy));
	return r;
}

/* Our own unix socket: bound once, a duplicate for every loop. */
static int open_shared(const struct address *a, struct shared_file **ret)
{
	LIST_EACH(node, &shared_files) {
		struct shared_file *f = LIST_ENTRY(node, struct shared_file, node);
		if (strcmp(file_of(&f->address), file_of(a)) != 0)
			continue;
		int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		f->users++;
		*ret = f;
		return fd;
	}
	int r = remove_stale(a);
	if (r < 0)
		return r;
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = bind_to(fd, a);
	if (r < 0)
		return r;
	_cleanup_(close_fdp) int kept = listen(fd, LISTEN_BACKLOG) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	struct stat st;
	if (kept < 0 || stat(file_of(a), &st) < 0) {
		r = -errno;
		(void)unlink(file_of(a));
		return r;
	}
	struct shared_file *f = xcalloc(1, sizeof(*f));
	*f = (struct shared_file){ .address = *a, .device = st.st_dev, .inode = st.st_ino, .users = 1 };
	f->fd = TAKE_FD(kept);
	list_append(&shared_files, &f->node);
	*ret = f;
	return TAKE_FD(fd);
}

static void close_shared(struct shared_file *f)
{
	struct stat st;
	pthread_mutex_lock(&shared_lock);
	if (--f->users == 0) {
		/* Not the file of a successor who has put his own in its place. */
		if (stat(file_of(&f->address), &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode)
			(void)unlink(file_of(&f->address));
		close(f->fd);
		list_remove(&f->node);
		free(f);
	}
	pthread_mutex_unlock(&shared_lock);
}

static int open_own(struct address *a, struct shared_file **ret)
{
	if (a->storage.ss_family == AF_UNIX) {
		pthread_mutex_lock(&shared_lock);
		int fd = open_shared(a, ret);
		pthread_mutex_unlock(&shared_lock);
		return fd;
	}
	_cleanup_(close_fdp) int fd = open_socket(a);
	if (fd < 0)
		return fd;
	set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	int r = bind_to(fd, a);
	if (r < 0)
		return r;
	return listen(fd, LISTEN_BACKLOG) < 0 ? -errno : TAKE_FD(fd);
}

/* Accepting. */

static int watch_socket(struct listener *s)
{
	return loop_watch(s->loop, &s->watch, EPOLLIN | (s->exclusive ? (uint32_t)EPOLLEXCLUSIVE : 0));
}

static void pause_accepting(struct listener *s, int error)
{
	char text[128];
	if (!s->starved)
		log_warn("cannot accept connections for now: %s", strerror_r(error, text, sizeof(text)));
	s->starved = true;
	loop_unwatch(s->loop, &s->watch);
	timer_set(&s->pause, loop_now(s->loop) + ACCEPT_PAUSE_NS);
}

static void pause_on_expire(struct timer *t)
{
	struct listener *s = CONTAINER_OF(t, struct listener, pause);
	if (watch_socket(s) < 0)
		timer_set(&s->pause, loop_now(s->loop) + ACCEPT_PAUSE_NS);
}

/* One connection; false when there is none for now. */
static bool accept_one(struct listener *s)
{
	struct address peer = { .len = sizeof(peer.storage) };
	int fd = accept4(s->watch.fd, (struct sockaddr *)&peer.storage, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		s->starved = false;
		s->on_accept(s->ctx, s->loop, fd, &peer);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM:
		pause_accepting(s, errno);
		return false;
	default:
		/* The connection that waited is gone already (accept(2), network errors); the next may be fine. */
		return true;
	}
}

static void accept_run(struct task *t)
{
	struct listener *s = CONTAINER_OF(t, struct listener, task);
	for (int i = 0; i < ACCEPT_TURN_MAX && accept_one(s); i++)
		;
}

static void listener_on_event(struct watch *w, uint32_t events)
{
	struct listener *s = CONTAINER_OF(w, struct listener, watch);
	loop_queue(s->loop, &s->task);
}

/* Life. */

int listener_open(struct loop *l, const struct address *a, int inherited_fd, listener_accept_fn *on_accept, void *ctx,
		  struct listener **ret)
{
	struct address bound = *a;
	struct shared_file *shared = NULL;
	_cleanup_(close_fdp) int fd =
		inherited_fd >= 0 ? fcntl(inherited_fd, F_DUPFD_CLOEXEC, 0) : open_own(&bound, &shared);
	if (fd < 0)
		return inherited_fd >= 0 ? -errno : fd;
	if (inherited_fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	bound.len = sizeof(bound.storage);
	int r = getsockname(fd, (struct sockaddr *)&bound.storage, &bound.len) < 0 ? -errno : 0;
	if (bound.storage.ss_family != AF_UNIX)
		conn_set_options(fd);

	struct listener *s = xcalloc(1, sizeof(*s));
	*s = (struct listener){ .watch = { .fd = fd, .on_event = listener_on_event },
				.loop = l,
				.address = bound,
				.shared = shared,
				.exclusive = inherited_fd >= 0 || shared,
				.on_accept = on_accept,
				.ctx = ctx };
	task_init(&s->task, accept_run);
	timer_init(&s->pause, l, pause_on_expire);
	if (r == 0)
		r = watch_socket(s);
	if (r < 0) {
		free(s);
		if (shared)
			close_shared(shared);
		return r;
	}
	TAKE_FD(fd);
	*ret = s;
	return 0;
}

struct listener *listener_close(struct listener *s)
{
	if (s) {
		task_cancel(&s->task);
		timer_cancel(&s->pause);
		loop_unwatch(s->loop, &s->watch);
		close(s->watch.fd);
		if (s->shared)
			close_shared(s->shared);
		free(s);
	}
	return NULL;
}

const struct address *listener_address(const struct listener *s)
{
	return &s->address;
}
