/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper of small documents that survive a restart: stored responses, conversations, reasoning state.
 *
 *   put     never waits: the document is readable by every worker at once, and is written to the database by the
 *           store's own thread, many in one transaction
 *   peek    never waits: copies what is in memory
 *   get     asks the store's thread; the answer comes through the asking loop's mailbox
 *   delete  at once invisible to every worker; the answer says whether it existed
 *
 * Every document has an owner (a key's name; "local" without keys): with another owner it does not exist. Every
 * document may expire: then it is never returned, and the thread deletes its row some time later.
 *
 * No worker ever waits for the disk. A database that is full, locked, damaged or read-only is said once in the log and
 * counted; meanwhile documents live in memory, within bounds, and what waits is written when the disk works again.
 *
 * Several processes may have the file open, as two have during a restart, and see what the other has written; but what
 * is in a process's memory is taken from there, whatever another one has made of it since.
 *
 * All functions are safe from any thread unless they say otherwise. The store does not know what a value means. */
#pragma once

#include "base/arena.h"
#include "net/loop.h"

struct store;

/* Stored as numbers: only ever append. */
enum store_kind {
	STORE_RESPONSES = 1,
	STORE_CONVERSATIONS = 2,
	STORE_REASONING = 3,           /* what providers want back: signatures, encrypted reasoning */
};

enum {
	STORE_OWNER_MAX = 256,
	STORE_ID_MAX = 512,
	STORE_VALUE_MAX = 32 << 20,    /* one document */
	STORE_REQUESTS_MAX = 8192,     /* asked and not yet answered */
	STORE_SECRET_SIZE = 32,
};
#define STORE_NEVER_EXPIRES INT64_MAX

/* Compared byte by byte. Borrowed for the call only. */
struct store_key {
	enum store_kind kind;
	struct slice owner;            /* at most STORE_OWNER_MAX */
	struct slice id;               /* 1 to STORE_ID_MAX; unique per kind and owner */
};

struct store_options {
	const char *path;              /* of the database file; NULL: memory only, without a thread */
	size_t memory_max;             /* bytes of documents that are only kept for speed, or have no disk */
	size_t unwritten_max;          /* bytes of documents that wait to be written */
	unsigned unwritten_count_max;
	int64_t file_max;              /* bytes of the database; over it the disk counts as full */
	int64_t retry_ms;              /* after a failed write; doubled up to 32 times that */
	int64_t (*now_ms)(void);       /* Unix time; tests bring their own */
};

/* Memory only, and the bounds that the gateway has. */
void store_options_init(struct store_options *o);
/* Opens the file, makes it (0600, its folders 0700) when it is not there, and starts the thread. Waits for the disk, so
 * not on a worker. A file that cannot be used (damaged, from a newer weir, not writable, …) is one warning in the log
 * and a store in memory: never NULL. */
struct store *store_open(const struct store_options *o);
/* Writes what waits, ends the thread, frees. Every request must be answered or cancelled before, and nobody else may
 * use the store any more. What could not be written is counted in the log. Accepts NULL, returns NULL. */
struct store *store_close(struct store *s);
/* False: what is put is gone after a restart. */
bool store_survives_restart(const struct store *s);

/* Adds or replaces. `expires_ms`: Unix time or STORE_NEVER_EXPIRES.
 *
 * True: readable at once, and written soon (a store in memory keeps it as long as there is room). False, and counted as
 * dropped: more waits to be written than may. The document is then in memory only and can be read as long as there is
 * room; if it replaced one that is on disk, that one may be seen again later. False, too, when key or value is over its
 * bound: then nothing has changed. */
bool store_put(struct store *s, const struct store_key *key, struct slice value, int64_t expires_ms);

enum store_found {
	STORE_FOUND,
	STORE_ABSENT,                  /* not there, not of this owner, or expired */
	STORE_UNKNOWN,                 /* store_peek() only: not in memory, ask with store_get() */
	STORE_UNAVAILABLE,             /* answers only: the disk does not answer; try again later (503) */
};

/* Copies from memory into the arena. `ret` and `ret_expires_ms` (may be NULL) are set when found. A store in memory
 * never answers STORE_UNKNOWN. */
enum store_found store_peek(struct store *s, const struct store_key *key, struct arena *a, struct slice *ret,
			    int64_t *ret_expires_ms) MUSTCHECK;

struct store_answer {
	enum store_found found;        /* delete: STORE_FOUND = it existed and is gone */
	struct slice value;            /* store_get() only; lives until the callback returns: copy it */
	int64_t expires_ms;
};

struct store_ask;

/* A question on its way; lives in the caller's memory until it is answered or cancelled. Zero it, set the callback. */
struct store_request {
	/* Runs once, on the loop that asked, never from within store_get() or store_delete(). The request may be used
	 * again or freed from within. */
	void (*on_answer)(struct store_request *r, const struct store_answer *answer);
	struct store_ask *ask;         /* the store's; NULL when idle */
};

/* From the thread of `l`, which needs a mailbox. False: too much is asked already, or the mailbox is full; on_answer()
 * does not run. Sees every put and delete that came before it. */
bool store_get(struct store *s, struct loop *l, const struct store_key *key, struct store_request *r) MUSTCHECK;
/* The same; false: nothing was deleted. The answer comes when the row is gone from the database. After
 * STORE_UNAVAILABLE the document is invisible all the same, and its row is deleted when the disk works again. */
bool store_delete(struct store *s, struct loop *l, const struct store_key *key, struct store_request *r) MUSTCHECK;
/* From the thread of the loop that asked, or after it has ended: on_answer() does not run any more, and no letter goes
 * to the mailbox any more. A delete that was asked for happens all the same. Harmless on an idle request. */
void store_cancel(struct store *s, struct store_request *r);

/* Derived from one random value that is made once and kept in the database: the same over restarts for the same name (a
 * store in memory: for the life of the store). For signing what clients bring back. Does not wait. */
void store_secret(const struct store *s, const char *name, unsigned char ret[static STORE_SECRET_SIZE]);

struct store_counts {
	unsigned documents;            /* in memory */
	size_t bytes;
	unsigned unwritten;            /* of these: waiting to be written */
	size_t unwritten_bytes;
	unsigned requests;             /* asked and not yet answered */
	uint64_t written;              /* rows written or deleted */
	uint64_t expired;              /* rows deleted for their age */
	uint64_t dropped;              /* puts that do not survive a restart because too much waited */
	uint64_t refused;              /* puts over a bound, requests over STORE_REQUESTS_MAX */
	uint64_t errors;               /* operations of the database that failed */
};

void store_get_counts(struct store *s, struct store_counts *ret);
