/* SPDX-License-Identifier: Apache-2.0 */
/* Looks after providers between requests, where `health` asks for it, and tells policy/health.h. Costs nothing at the
 * provider: a connection that is closed again (`connect`), or the list of models (`models`); never a prompt.
 *
 * The first worker does it for all. Each base URL of a provider is checked by itself, every `health.every` with a tenth
 * more or less, and one check at a time. */
#pragma once

#include "exchange/worker.h"

struct checkups;

/* For the worker's current snapshot, of which it takes a reference. NULL when nobody is to be checked. */
struct checkups *checkups_new(struct worker *w);
/* Accepts NULL, returns NULL. */
struct checkups *checkups_free(struct checkups *c);
