/* SPDX-License-Identifier: Apache-2.0 */
/* The admin plane: liveness, readiness, metrics and the API of docs/admin-api.md on their own listener, loop and
 * credential. It reads what the workers have by asking each through its mailbox; nothing on the data plane waits for
 * it. */
#pragma once

#include "exchange/worker.h"
#include "http/server.h"

struct admin;

/* `workers` (the array and each worker) outlive the admin plane; `config` is referenced. All calls on the loop's thread
 * (or before it runs). */
struct admin *admin_new(struct loop *loop, struct shared *shared, struct worker *const *workers, unsigned worker_count,
			struct config *config);
void admin_swap_config(struct admin *a, struct config *config);
/* http_handler of the admin listeners. */
const struct http_handler *admin_handler(struct admin *a);
struct http_server *admin_server(struct admin *a);
struct admin *admin_free(struct admin *a);
