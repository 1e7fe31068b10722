/* SPDX-License-Identifier: Apache-2.0 */
/* A server with a scripted owner and a client socket, all on one loop: what the tests of the server share. */
#pragma once

#include "http/server.h"

enum { OWNED_MAX = 512 };

/* What the owner of a request does with it. */
enum script {
	SCRIPT_ECHO,                   /* read the body, answer 200 with it */
	SCRIPT_HOLD,                   /* take it and wait: the test acts itself */
	SCRIPT_READ,                   /* read the body, then wait */
	SCRIPT_AT_ONCE,                /* answer 200 "ok" and release inside on_request() */
	SCRIPT_REFUSE,                 /* answer 401 without reading the body */
};

struct owned {
	struct server_stream *stream;  /* NULL after release */
	struct task task;
	struct world *world;
	unsigned events;
	bool answered;
	bool was_gone;                 /* as seen at the last event */
	bool was_flushed;
	enum body_state body_state;
	enum failure_kind body_failure;
};

struct world {
	struct loop *loop;
	struct http_server *server;
	struct http_server_options options;
	struct http_handler handler;
	struct byte_budget bodies;
	enum script script;
	bool chunked_answer;           /* ECHO: without content-length */
	int client;                    /* the test's end */
	struct buf received;           /* by the test */
	bool closed, reset;            /* the server closed the connection */
	struct owned owned[OWNED_MAX];
	unsigned owned_count;
	struct slice last_refused;     /* path given to write_error() */
	char last_body[256];           /* ECHO: the body of the newest request, cut */
};

/* Cmocka's setup and teardown: the state is a struct world with a server; options may be changed before connecting. */
int world_setup(void **state);
int world_teardown(void **state);
/* A new server with the (changed) options. */
void world_restart(struct world *w);
/* Connects a client: over a socket pair, or over TCP on the loopback where resets matter. */
void world_connect(struct world *w);
void world_connect_tcp(struct world *w);
void world_disconnect(struct world *w);
void world_send(struct world *w, struct slice bytes);
#define SEND(w, literal) world_send(w, SLICE(literal))
/* Turns the loop and collects what the client gets until nothing happens any more. */
void world_settle(struct world *w);
/* Turns, with waiting, until the condition holds; bounded. */
#define WORLD_UNTIL(w, condition) \
	do { \
		for (int turns_ = 0; turns_ < 2000 && !(condition); turns_++) \
			world_turn(w, 10); \
		assert_true(condition); \
	} while (0)
void world_turn(struct world *w, int wait_ms);
/* Forgets what was received. */
void world_forget(struct world *w);
struct slice world_received(const struct world *w);
/* Received bytes with the date header's value blanked out, for exact comparison. */
const char *world_text(struct world *w);
void owned_release(struct owned *o);
