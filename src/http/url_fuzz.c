/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and request targets: what is accepted holds nothing that two parties could read differently, and an accepted URL,
 * written out, is read as the same URL again. */
#include <stdint.h>
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(struct arena *a, struct slice text)
{
	struct request_target target, again;
	const char *error = NULL;

	if (!request_target_parse(text, &target, &error)) {
		check(error != NULL, "refused without a word");
		return;
	}
	check(slice_starts_with(target.path, SLICE("/")), "a path without a slash");
	check(slice_find(target.path, SLICE("//")) == SIZE_MAX, "an empty segment");
	check(slice_find(target.path, SLICE("/../")) == SIZE_MAX, "a dot segment");
	check(slice_find_nocase(target.path, SLICE("%2e")) == SIZE_MAX, "an encoded dot");
	check(request_target_parse(arena_printf(a, "%.*s?%.*s", SLICE_ARG(target.path), SLICE_ARG(target.query)), &again, &error) &&
		      slice_eq(again.path, target.path) && slice_eq(again.query, target.query),
	      "a target that reads differently the second time");
	path_segment_decode(a, target.path);
	check(!query_get(a, query_without(a, target.query, SLICE("key")), SLICE("key")).ptr, "a parameter that stays");
}

static void check_url(struct arena *a, struct slice text)
{
	struct url url, again;
	const char *error = NULL;

	if (!url_parse(a, text, &url, &error)) {
		check(error != NULL, "refused without a word");
		return;
	}
	text = arena_printf(a, "%s://%.*s%.*s?%.*s", url.tls ? "https" : "http", SLICE_ARG(url.authority), SLICE_ARG(url.path),
			    SLICE_ARG(url.query));
	check(url_parse(a, text, &again, &error) && again.tls == url.tls && again.port == url.port && slice_eq(again.host, url.host) &&
		      slice_eq(again.path, url.path) && slice_eq(again.query, url.query),
	      "a URL that reads differently the second time");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct arena a;

	arena_init(&a);
	check_target(&a, text);
	check_url(&a, text);
	arena_done(&a);
	return 0;
}
