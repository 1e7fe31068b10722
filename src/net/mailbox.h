/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which a thread makes a loop act: a bounded queue of letters and an eventfd. */
#pragma once

#include "net/loop.h"

struct mailbox;

struct letter {
	struct letter *next;
	/* Runs on the loop's thread; owns the letter from then on. */
	void (*open)(struct letter *letter, struct loop *loop);
};

enum { MAILBOX_MAX = 65536 };

/* Attaches a mailbox to the loop; freed with it (undelivered letters are opened first). */
struct mailbox *mailbox_new(struct loop *l);
struct mailbox *loop_mailbox(struct loop *l);
/* From any thread. False when the box is full: the caller keeps the letter. */
bool mailbox_post(struct mailbox *m, struct letter *letter) MUSTCHECK;
/* Opens what is in it, on the caller's thread. For the end: the loop must not run any more. */
void mailbox_empty(struct mailbox *m);
