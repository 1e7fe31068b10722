/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in a failure's fixed fields, and the names of the kinds. */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/utf8.h"

static const char *const kind_names[FAILURE_KIND_COUNT] = {
	[FAILURE_NONE] = "ok",
	[FAILURE_REQUEST] = "request",
	[FAILURE_CONTEXT_LENGTH] = "context_length",
	[FAILURE_CONTENT_FILTER] = "content_filter",
	[FAILURE_CREDENTIALS] = "credentials",
	[FAILURE_MODEL_UNKNOWN] = "model_unknown",
	[FAILURE_RATE_LIMITED] = "rate_limited",
	[FAILURE_OVERLOADED] = "overloaded",
	[FAILURE_QUOTA] = "quota",
	[FAILURE_SERVER] = "server",
	[FAILURE_DNS] = "dns",
	[FAILURE_REFUSED] = "refused",
	[FAILURE_TLS] = "tls",
	[FAILURE_RESET] = "reset",
	[FAILURE_MALFORMED] = "malformed",
	[FAILURE_IN_BAND] = "in_band",
	[FAILURE_CUT] = "cut",
	[FAILURE_DIVERGED] = "diverged",
	[FAILURE_TIMEOUT_CONNECT] = "timeout_connect",
	[FAILURE_TIMEOUT_FIRST_TOKEN] = "timeout_first_token",
	[FAILURE_TIMEOUT_SLOW_STREAM] = "timeout_slow_stream",
	[FAILURE_TIMEOUT_IDLE] = "timeout_idle",
	[FAILURE_TIMEOUT_TOTAL] = "timeout_total",
	[FAILURE_BAD_REQUEST] = "bad_request",
	[FAILURE_UNAUTHENTICATED] = "unauthenticated",
	[FAILURE_FORBIDDEN] = "forbidden",
	[FAILURE_DENIED] = "denied",
	[FAILURE_NO_ENDPOINT] = "no_endpoint",
	[FAILURE_NO_MODEL] = "no_model",
	[FAILURE_NO_PREVIOUS] = "no_previous",
	[FAILURE_NOT_STORED] = "not_stored",
	[FAILURE_METHOD] = "method",
	[FAILURE_REQUEST_TIMEOUT] = "request_timeout",
	[FAILURE_TOO_LARGE] = "too_large",
	[FAILURE_MEDIA_TYPE] = "media_type",
	[FAILURE_HEADERS_TOO_LARGE] = "headers_too_large",
	[FAILURE_NOT_BUILT] = "not_built",
	[FAILURE_UNSUPPORTED] = "unsupported",
	[FAILURE_NEEDS_TRANSLATION] = "needs_translation",
	[FAILURE_NO_CREDENTIALS] = "no_credentials",
	[FAILURE_KEYS_EXHAUSTED] = "keys_exhausted",
	[FAILURE_UNAVAILABLE] = "unavailable",
	[FAILURE_DEADLINE] = "deadline",
	[FAILURE_INTERNAL] = "internal",
	[FAILURE_CLIENT_GONE] = "client_gone",
};

const char *failure_kind_name(enum failure_kind kind)
{
	check((unsigned)kind < FAILURE_KIND_COUNT && kind_names[kind], "a failure kind without a name");
	return kind_names[kind];
}

/* Malformed bytes become '?' so that whatever embeds the field stays valid UTF-8. */
void failure_copy_text(char *field, size_t size, struct slice text)
{
	size_t used = 0;
	check(size > 0, "a field needs room for its NUL");
	for (size_t i = 0; i < text.len;) {
		size_t len = utf8_sequence(text.ptr + i, text.len - i);
		size_t written = len > 0 ? len : 1;
		if (written >= size - used)
			break;
		if (len == 0)
			field[used] = '?';
		else if (len == 1 && ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f))
			field[used] = ' ';
		else
			memcpy(field + used, text.ptr + i, len);
		used += written;
		i += written;
	}
	field[used] = '\0';
}

bool failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
{
	char message[FAILURE_MESSAGE_MAX + 4];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	check(len >= 0, "a format that cannot be printed");

	f->kind = kind;
	f->status = 0;
	f->retry_after_ms = -1;
	f->type[0] = f->code[0] = f->param[0] = '\0';
	failure_copy_text(f->message, sizeof(f->message), slice_cstr(message));
	return false;
}
