/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. Own sockets are bound once per worker with SO_REUSEPORT, after a trial bind without it, so that a
 * second instance fails with "address in use"; sockets inherited from systemd are shared with EPOLLEXCLUSIVE. */
#pragma once

#include "net/address.h"
#include "net/loop.h"

struct listener;

/* `fd` is a new, non-blocking connection that now belongs to the callee, who may not close the listener from inside. */
typedef void listener_accept_fn(void *ctx, struct loop *loop, int fd, const struct address *peer);

/* Proves that `a` is free and usable. 0 or -errno. */
int listener_probe(const struct address *a);
/* Opens (or with `inherited_fd` >= 0 duplicates; the caller keeps its own) a socket on this loop. Own unix sockets are
 * bound once per process and shared by its loops; a stale file is replaced. 0 or -errno. */
int listener_open(struct loop *l, const struct address *a, int inherited_fd, listener_accept_fn *on_accept, void *ctx,
		  struct listener **ret);
/* Stops accepting; accepts NULL, returns NULL. */
struct listener *listener_close(struct listener *s);
/* The bound address, with the real port where 0 was asked for. */
const struct address *listener_address(const struct listener *s);
