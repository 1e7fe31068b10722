/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a connection share: conn.c (open connections), conn_connect.c (getting one), conn_closing.c (ending
 * one behind its owner's back). */
#pragma once

#include "net/conn.h"

#define CONN_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* A conn without descriptor, CONNECTING. */
struct conn *conn_new(struct loop *l, void (*on_ready)(struct conn *), void *owner);
/* The edges of an open connection. */
void conn_on_event(struct watch *w, uint32_t events);
/* FAILED; reported from a task of its own. */
void conn_fail(struct conn *c, int kind, const char *sentence);
/* For people, without capital: "connection refused". */
const char *conn_errno_text(int error, char *text, size_t size);
/* What every TCP connection of ours has: no delay, keep-alive probes. On a listening socket its connections inherit it.
 */
void conn_set_options(int fd);
/* Closes the descriptor and frees, without any good-bye. */
void conn_free(struct conn *c);

void conn_race_cancel(struct conn_race *r);
/* Takes the connection from its owner: sends what is unsent, then (`drain`) ends our side and discards what comes. */
void conn_closing_start(struct conn *c, bool drain);
