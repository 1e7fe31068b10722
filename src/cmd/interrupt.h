/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM as an event of a loop, for commands that run one in the foreground. */
#pragma once

#include "net/loop.h"

struct interrupt {
	struct watch watch;
	struct loop *loop;
	bool happened;
};

/* Blocks the two signals in this thread (and those it starts from now on); when one comes, the loop stops. A second one
 * ends the process in the usual way. False: the reason is in errno. */
bool interrupt_init(struct interrupt *i, struct loop *l);
void interrupt_done(struct interrupt *i);
