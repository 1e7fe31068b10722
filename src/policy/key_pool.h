/* SPDX-License-Identifier: Apache-2.0 */
/* The state of providers' keys: which are retired after a refusal, which have used up the limits the operator gave
 * them. Keyed by (provider name, base URL, credential), whatever the model; shared by all workers, outside the
 * configuration.
 *
 *   401, 402, 403   the key is retired: 1 minute, doubled at each further refusal up to 1 hour; one request may try it
 *                   again afterwards, and its success ends the retirement
 *   429             rotates: the target's breaker has the back-off, the next key is tried
 *   5xx             says nothing about the key */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "provider/provider.h"

enum { KEY_POOL_MAX = 4096 };          /* over it the least recently used is forgotten */

struct key_pool;

struct key_pool *key_pool_new(void);
struct key_pool *key_pool_free(struct key_pool *p);

enum key_answer { KEY_READY, KEY_RETIRED, KEY_LIMITED };

/* Looks, changes nothing; ret_until_ns (may be NULL): when it is worth asking again. */
enum key_answer key_pool_look(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens,
			      int64_t now_ns, int64_t *ret_until_ns);
/* Before an attempt. READY: the key's share is taken, and key_pool_give() must follow. */
enum key_answer key_pool_take(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens,
			      int64_t now_ns, int64_t *ret_until_ns);
/* After an attempt, and after key_pool_tell(): `tokens` as taken and when (`now_ns` then), `used` as it turned out
 * (-1 = unknown, nothing is corrected). */
void key_pool_give(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens, int64_t used,
		   int64_t taken_ns, int64_t now_ns);
enum key_news { KEY_WORKS, KEY_REFUSED };
void key_pool_tell(struct key_pool *p, uint64_t id, enum key_news news, int64_t now_ns);
/* Stable over reloads. */
uint64_t key_pool_id(struct slice provider, struct slice base_url, uint64_t credential);
