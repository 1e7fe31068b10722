/* SPDX-License-Identifier: Apache-2.0 */
/* A running gateway: worker threads with their listeners, the admin plane, reload and drain. One per process, or more
 * in tests and in `weir demo`. */
#pragma once

#include "config/config.h"

struct gateway;

/* Sockets that were opened for us (systemd); -1 entries are none. */
struct inherited_sockets {
	int data[16];
	unsigned data_count;
	int admin;
};

/* Opens the listeners and starts the threads. `config` is referenced; `inherited` may be NULL. NULL with a sentence in
 * reterr when a listener cannot be opened. */
struct gateway *gateway_start(struct config *config, const struct inherited_sockets *inherited, char *reterr,
			      size_t size);
/* Publishes a new configuration to all workers; running requests finish on the old one. False with a sentence when it
 * needs a restart; then nothing has changed. */
bool gateway_reload(struct gateway *g, struct config *config, char *reterr, size_t size) MUSTCHECK;
/* The first data listener and the admin listener, with their real ports. */
void gateway_address(const struct gateway *g, char ret[static ADDRESS_TEXT_MAX]);
void gateway_admin_address(const struct gateway *g, char ret[static ADDRESS_TEXT_MAX]);
/* No new connections; open requests go on. */
void gateway_drain(struct gateway *g);
/* True when a drained gateway has nothing left to do. */
bool gateway_is_idle(const struct gateway *g);
/* Ends what is left, joins the threads and frees. Accepts NULL, returns NULL. */
struct gateway *gateway_stop(struct gateway *g);
