/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the demo through the gateway, told on the terminal as it happens. */
#pragma once

#include <stdbool.h>
#include "base/slice.h"
#include "net/loop.h"

struct demo_request {
	const char *title;
	const char *path;
	const char *body;              /* JSON; its "stream" decides how the answer is read */
};

/* Sends it to `url` and turns the loop until it is over. False, with a message, when it was not answered with 200
 * within ten seconds; true also when *stop became true. */
bool demo_request_run(const struct demo_request *r, struct slice url, struct loop *l, const bool *stop);
