/* SPDX-License-Identifier: Apache-2.0 */
/* One configuration, read whole and never changed: workers hold a reference and swap it when a new one is published. */
#pragma once

#include "base/map.h"
#include "net/address.h"
#include "policy/plan.h"
#include "provider/provider.h"

struct listen_on {
	struct address address;
	struct slice text;             /* as written */
};

struct api_key {
	struct slice name;             /* the owner in logs and records */
	unsigned char digest[32];      /* SHA-256 of the key; the key itself is not kept */
};

struct config {
	struct arena arena;            /* owns everything below */
	_Atomic unsigned references;
	uint64_t version;              /* counts published snapshots, for logs */
	struct slice file;             /* path, or "" for zero configuration */

	struct listen_on *listen;
	unsigned listen_count;
	struct listen_on admin;
	struct secret *admin_token;    /* NULL = none */
	unsigned workers;              /* resolved: at least 1 */
	const char *store_path;        /* of the store's database; NULL = memory only */
	bool store_has_no_place;       /* nothing is said, and the environment names no folder for it */
	struct tls_context *server_tls; /* NULL = plain */
	struct proxy_settings proxies;

	struct api_key *keys;
	unsigned key_count;            /* 0: loopback only, any or no key */

	struct routing routing;        /* providers, models, rules: what plans are made from */

	struct {
		int64_t request_timeout_ms;    /* whole request, 15 min */
		int attempts;                  /* all upstream tries of one request, 4 */
		int64_t heartbeat_after_ms, heartbeat_every_ms; /* 15 s, 15 s */
		uint32_t retry_budget;         /* extra load by retries, parts of a million of all requests: 10 % */
		int64_t affinity_for_ms;       /* how long a conversation's place is remembered, 10 min */
	} defaults;
	struct {
		size_t body;           /* 64 MB */
		size_t bodies;         /* in flight, all workers: 1 GB */
		size_t hold;           /* 8 MB of a whole answer are judged before it is relayed */
		size_t event;          /* 16 MB of one event */
	} limits;

	struct secret **secrets;       /* all provider credentials, for stripping messages */
	unsigned secret_count;
};

struct config_problem {
	bool warning;
	unsigned line, column;         /* 1-based; 0 = not about a place */
	struct slice text;             /* "unknown key 'prioritty'; did you mean 'priority'?" */
};

struct config_report {
	struct arena arena;
	struct config_problem *problems;
	unsigned count;
	unsigned errors;
	struct slice file;
};

/* Reads and checks. NULL when there are errors; the report (which the caller frees with config_report_done()) has all
 * of them, and the warnings, in file order. `path` NULL = zero configuration: the catalogue's providers whose key
 * variables are set. */
struct config *config_load(const char *path, struct config_report *report);
/* The same from text, for tests and the fuzzer; `name` is used in messages. */
struct config *config_parse(struct slice text, const char *name, struct config_report *report);
void config_report_done(struct config_report *r);
struct config *config_ref(struct config *c);
struct config *config_unref(struct config *c);
/* The first key that may not change without a restart but does, or NULL: "listen", "admin.listen", "workers",
 * "store". */
const char *config_needs_restart(const struct config *old, const struct config *new);
/* Who presented that key: its entry, or NULL. Constant time in the number of bytes. */
const struct api_key *config_find_key(const struct config *c, struct slice presented);
