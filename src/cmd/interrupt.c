/* SPDX-License-Identifier: Apache-2.0 */
/* Signals through a signalfd on the loop. */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include "base/cleanup.h"
#include "cmd/interrupt.h"

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

static void on_signal(struct watch *w, uint32_t events)
{
	struct interrupt *i = CONTAINER_OF(w, struct interrupt, watch);
	struct signalfd_siginfo info;
	sigset_t set;

	if (read(w->fd, &info, sizeof(info)) < 0)
		return;
	fill(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	i->happened = true;
	loop_stop(i->loop);
}

bool interrupt_init(struct interrupt *i, struct loop *l)
{
	sigset_t set;

	fill(&set);
	i->loop = l;
	i->happened = false;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	i->watch = (struct watch){ .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .on_event = on_signal };
	return i->watch.fd >= 0 && loop_watch(l, &i->watch, EPOLLIN | EPOLLET) == 0;
}

void interrupt_done(struct interrupt *i)
{
	if (i->watch.fd < 0)
		return;
	loop_unwatch(i->loop, &i->watch);
	close(i->watch.fd);
	i->watch.fd = -1;
}
