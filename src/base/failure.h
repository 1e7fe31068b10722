/* SPDX-License-Identifier: Apache-2.0 */
/* Expected trouble: what went wrong, said once, in the words of the place that saw it. It is carried by value and
 * rendered only by the client's dialect. The kinds are the rows of PRODUCT's failure table; what follows from each
 * (next target, client status, code) stands in exchange/outcome_table.h and nowhere else. */
#pragma once

#include <stdint.h>
#include "base/cleanup.h"
#include "base/slice.h"

enum failure_kind {
	FAILURE_NONE,

	/* At a target: what the provider or the way to it did. */
	FAILURE_REQUEST,        /* 400, 413, 422 and other 4xx: it does not like the request */
	FAILURE_CONTEXT_LENGTH, /* the prompt does not fit this model */
	FAILURE_CONTENT_FILTER, /* refused by the provider's policy filter */
	FAILURE_CREDENTIALS,    /* 401, 402, 403: our key there */
	FAILURE_MODEL_UNKNOWN,  /* 404: no such model there */
	FAILURE_RATE_LIMITED,   /* 429 */
	FAILURE_OVERLOADED,     /* 529 */
	FAILURE_QUOTA,          /* money or monthly quota at the provider is gone */
	FAILURE_SERVER,         /* 5xx */
	FAILURE_DNS,            /* the name does not resolve */
	FAILURE_REFUSED,        /* connection refused, unreachable */
	FAILURE_TLS,            /* handshake or certificate */
	FAILURE_RESET,          /* connection lost before any answer */
	FAILURE_MALFORMED,      /* not HTTP, not JSON, not the dialect's grammar, over a limit */
	FAILURE_IN_BAND,        /* an error inside a 200 or inside a stream, of no kind above */
	FAILURE_CUT,            /* the answer ended before it was complete */
	FAILURE_DIVERGED,       /* it should have repeated what was delivered already, and says something else */
	FAILURE_TIMEOUT_CONNECT,
	FAILURE_TIMEOUT_FIRST_TOKEN,
	FAILURE_TIMEOUT_SLOW_STREAM, /* it began, but slower than the route allows */
	FAILURE_TIMEOUT_IDLE,
	FAILURE_TIMEOUT_TOTAL,

	/* weir's own refusals. */
	FAILURE_BAD_REQUEST,       /* 400 */
	FAILURE_UNAUTHENTICATED,   /* 401 */
	FAILURE_FORBIDDEN,         /* 403 */
	FAILURE_DENIED,            /* 403: a rule's `deny`, with its message */
	FAILURE_NO_ENDPOINT,       /* 404 */
	FAILURE_NO_MODEL,          /* 404 model_not_found */
	FAILURE_NO_PREVIOUS,       /* 400: previous_response_id names nothing that this client has */
	FAILURE_NOT_STORED,        /* 404: so does an id in the path, or a conversation's */
	FAILURE_METHOD,            /* 405 */
	FAILURE_REQUEST_TIMEOUT,   /* 408: the client was too slow to send */
	FAILURE_TOO_LARGE,         /* 413 */
	FAILURE_MEDIA_TYPE,        /* 415 */
	FAILURE_HEADERS_TOO_LARGE, /* 431 */
	FAILURE_NOT_BUILT,         /* 501: named by the contract, comes later */
	FAILURE_UNSUPPORTED,       /* 400: no candidate can carry what the request asks for */
	FAILURE_NEEDS_TRANSLATION, /* 501: every candidate speaks another dialect, and this operation is not translated
				    */
	FAILURE_NO_CREDENTIALS,    /* 503: no candidate has a key; the message names the variables */
	FAILURE_KEYS_EXHAUSTED,    /* 502: every key of every candidate is retired after refusals */
	FAILURE_UNAVAILABLE,       /* 503: all breakers open, over capacity, draining */
	FAILURE_DEADLINE,          /* 504: the request's own deadline */
	FAILURE_INTERNAL,          /* 500: a bug that was survived */
	FAILURE_CLIENT_GONE,       /* 499, logged only */
	FAILURE_KIND_COUNT
};

enum { FAILURE_MESSAGE_MAX = 1024, FAILURE_CODE_MAX = 96 };

struct failure {
	enum failure_kind kind;
	int status;                    /* what the provider answered, 0 when it did not get that far */
	int64_t retry_after_ms;        /* as the provider asked; -1 when it did not */
	char type[FAILURE_CODE_MAX];   /* the provider's own error type, or empty */
	char code[FAILURE_CODE_MAX];   /* the provider's own machine-readable code, or empty */
	char param[FAILURE_CODE_MAX];  /* the field it complains about, or empty */
	char message[FAILURE_MESSAGE_MAX]; /* UTF-8, bounded at a character boundary, secrets stripped; for people */
};

/* Fills in kind and message (truncated at a character boundary), clears the rest, sets retry_after_ms to -1. Always
 * returns false, so that a reader can say `return failure_set(...)`. */
bool failure_set(struct failure *f, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
/* "rate_limited", "timeout_first_token", …: log field, metric label, attempt reason. */
const char *failure_kind_name(enum failure_kind kind);
/* Copies text into one of the fixed fields, cut at a UTF-8 boundary, control characters replaced by spaces. */
void failure_copy_text(char *field, size_t size, struct slice text);
