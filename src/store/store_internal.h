/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's callers (store.c) and its thread (store_thread.c) share, under one lock. */
#pragma once

#include <pthread.h>
#include "base/secret.h"
#include "net/mailbox.h"
#include "store/database.h"
#include "store/document.h"

struct store {
	struct store_options options;  /* `path` is a copy */
	bool has_database;             /* set once, before anyone else sees the store */
	struct secret *root;           /* what secrets are derived from; likewise */
	pthread_t thread;

	struct database *database;     /* the thread's own */
	int64_t next_sweep;            /* monotonic; the thread's own, as all below */
	int64_t next_complaint;
	bool has_complained;           /* since it last worked */
	char open_error[DATABASE_ERROR_MAX]; /* why there is no database */

	pthread_mutex_t lock;          /* for all below */
	pthread_cond_t changed;
	struct documents documents;
	struct list asks;              /* for the thread */
	struct list undelivered;       /* answered, but the mailbox was full */
	uint64_t ask_numbers;
	struct store_counts counts;
	int64_t unwritten_since;       /* monotonic */
	int64_t next_try;              /* monotonic; while the disk fails, nothing is written before */
	int64_t retry_ms;              /* 0 = the disk works */
	bool is_open;                  /* the thread has tried to open the file */
	bool is_closing;
	bool has_tried_last;           /* a round began after it was to close */
};

enum ask_kind { ASK_GET, ASK_DELETE };

/* A question. Made by the asking thread; on one of the store's lists until its letter is posted; from then on the
 * letter's, which frees it when it is opened. */
struct store_ask {
	struct letter letter;
	struct list node;
	struct store_request *request; /* NULL: cancelled. Changed under the lock, by the asking thread only */
	struct mailbox *mailbox;
	enum ask_kind kind;
	enum store_found known;        /* delete: what memory said; STORE_UNKNOWN: nothing */
	uint64_t change;               /* delete: of the entry that says so */
	uint64_t number;               /* in the order of asking */
	bool is_answered;
	struct store_answer answer;
	struct document *document;     /* holds the answer's value */
	struct store_key key;          /* into `bytes` */
	char bytes[];
};

/* store.c, with the lock held: posts the answer, keeps it when the mailbox is full, or frees it when nobody waits. */
void store_deliver(struct store *s, struct store_ask *ask);
void store_ask_free(struct store_ask *ask);
static inline bool document_is_alive(const struct store *s, const struct document *d)
{
	return d->expires_ms > s->options.now_ms();
}

/* store_thread.c */
void *store_thread_run(void *store);
/* With the lock held: there is more to do than there was. */
static inline void store_thread_wake(struct store *s) { pthread_cond_signal(&s->changed); }
/* Bytes that wait before they are written without letting more gather. */
enum { STORE_HURRY = 1 << 20 };
