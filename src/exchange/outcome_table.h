/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from each kind of trouble: PRODUCT §4's failure table, once, as data. A test walks it.
 *
 *   OUTCOME(kind, next, status, code, breaker)
 *
 *   next     what the exchange does after an attempt ended so:
 *              STOP      the client hears it now
 *              FITTING   next target with a larger context (CONTEXT_LENGTH), else STOP
 *              KEY       next key of this provider, then next target
 *              TARGET    next target, never this one again
 *              WAIT      next key; else a retry-after of at most RETRY_AFTER_WAIT_MAX_MS, once; else next target
 *              SAME      this target again (`retries`, default 1) after a jittered back-off, then next target
 *              NONE      no attempt ends so: weir's own refusals
 *   status   what the client gets if nobody answers; 0 = the provider's own status
 *   code     the stable machine-readable code; NULL = the provider's own code
 *   breaker  how the target's breaker counts it */
#ifndef OUTCOME
#error "define OUTCOME(kind, next, status, code, breaker) before including this table"
#endif

/*      kind                 next     status code                         breaker */
OUTCOME(NONE,                NONE,    200,   NULL,                        OK)
OUTCOME(REQUEST,             STOP,    0,     NULL,                        NEUTRAL)
OUTCOME(CONTEXT_LENGTH,      FITTING, 0,     "context_length_exceeded",   NEUTRAL)
OUTCOME(CONTENT_FILTER,      STOP,    0,     "content_filter",            NEUTRAL)
OUTCOME(CREDENTIALS,         KEY,     502,   "weir_upstream_credentials", FAULT)
OUTCOME(MODEL_UNKNOWN,       TARGET,  404,   "model_not_found",           NEUTRAL)
OUTCOME(RATE_LIMITED,        WAIT,    429,   "weir_upstream_rate_limited", LIMITED)
OUTCOME(OVERLOADED,          WAIT,    429,   "weir_upstream_overloaded",  LIMITED)
OUTCOME(QUOTA,               WAIT,    429,   "weir_upstream_quota",       LIMITED)
OUTCOME(SERVER,              SAME,    502,   "weir_upstream_error",       FAULT)
OUTCOME(DNS,                 SAME,    502,   "weir_upstream_unreachable", FAULT)
OUTCOME(REFUSED,             SAME,    502,   "weir_upstream_unreachable", FAULT)
OUTCOME(TLS,                 SAME,    502,   "weir_upstream_tls",         FAULT)
OUTCOME(RESET,               SAME,    502,   "weir_upstream_reset",       FAULT)
OUTCOME(MALFORMED,           SAME,    502,   "weir_upstream_malformed",   FAULT)
OUTCOME(IN_BAND,             SAME,    502,   "weir_upstream_error",       FAULT)
OUTCOME(CUT,                 SAME,    502,   "weir_upstream_cut",         FAULT)
OUTCOME(DIVERGED,            TARGET,  502,   "weir_upstream_cut",         NEUTRAL)
OUTCOME(TIMEOUT_CONNECT,     TARGET,  504,   "weir_timeout_connect",      FAULT)
OUTCOME(TIMEOUT_FIRST_TOKEN, TARGET,  504,   "weir_timeout_first_token",  FAULT)
OUTCOME(TIMEOUT_SLOW_STREAM, TARGET,  504,   "weir_timeout_slow_stream",  FAULT)
OUTCOME(TIMEOUT_IDLE,        TARGET,  504,   "weir_timeout_idle",         FAULT)
OUTCOME(TIMEOUT_TOTAL,       TARGET,  504,   "weir_timeout_total",        FAULT)

OUTCOME(BAD_REQUEST,         NONE,    400,   "weir_bad_request",          NEUTRAL)
OUTCOME(UNAUTHENTICATED,     NONE,    401,   "weir_invalid_api_key",      NEUTRAL)
OUTCOME(FORBIDDEN,           NONE,    403,   "weir_forbidden",            NEUTRAL)
OUTCOME(DENIED,              NONE,    403,   "weir_denied",               NEUTRAL)
OUTCOME(NO_ENDPOINT,         NONE,    404,   "weir_unknown_endpoint",     NEUTRAL)
OUTCOME(NO_MODEL,            NONE,    404,   "model_not_found",           NEUTRAL)
OUTCOME(NO_PREVIOUS,         NONE,    400,   "previous_response_not_found", NEUTRAL)
OUTCOME(NOT_STORED,          NONE,    404,   "weir_not_stored",           NEUTRAL)
OUTCOME(METHOD,              NONE,    405,   "weir_method_not_allowed",   NEUTRAL)
OUTCOME(REQUEST_TIMEOUT,     NONE,    408,   "weir_request_timeout",      NEUTRAL)
OUTCOME(TOO_LARGE,           NONE,    413,   "weir_request_too_large",    NEUTRAL)
OUTCOME(MEDIA_TYPE,          NONE,    415,   "weir_unsupported_media_type", NEUTRAL)
OUTCOME(HEADERS_TOO_LARGE,   NONE,    431,   "weir_headers_too_large",    NEUTRAL)
OUTCOME(NOT_BUILT,           NONE,    501,   "weir_not_implemented",      NEUTRAL)
OUTCOME(UNSUPPORTED,         NONE,    400,   "weir_unsupported",          NEUTRAL)
OUTCOME(NEEDS_TRANSLATION,   NONE,    501,   "weir_needs_translation",    NEUTRAL)
OUTCOME(NO_CREDENTIALS,      NONE,    503,   "weir_no_credentials",       NEUTRAL)
OUTCOME(KEYS_EXHAUSTED,      NONE,    502,   "weir_upstream_keys_exhausted", NEUTRAL)
OUTCOME(UNAVAILABLE,         NONE,    503,   "weir_unavailable",          NEUTRAL)
OUTCOME(DEADLINE,            NONE,    504,   "weir_timeout_request",      NEUTRAL)
OUTCOME(INTERNAL,            NONE,    500,   "weir_internal",             NEUTRAL)
OUTCOME(CLIENT_GONE,         NONE,    499,   "weir_client_gone",          NEUTRAL)
