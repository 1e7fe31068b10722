/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a resolver that asks given servers instead of the system's. */
#pragma once

#include "net/loop.h"

/* "127.0.0.1:5300,…" */
bool dns_use_servers(struct loop *l, const char *servers);
