/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded provider streams, where they are at hand (../shared/recordings, or the folder that WEIR_RECORDINGS names), at
 * random split points: not a byte may be lost, and the events may not depend on the split. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include "base/base64.h"
#include "http/framing_event_stream_property.h"
#include "json/seed_support.h"

enum { FILE_MAX = 32 << 20, SPLITS = 5 };

static bool read_whole(const char *path, struct buf *ret)
{
	FILE *file = fopen(path, "re");
	char block[65536];
	size_t len;
	bool ok = file;

	while (ok && (len = fread(block, 1, sizeof(block), file)) > 0)
		ok = buf_append(ret, block, len);
	if (file)
		fclose(file);
	return ok;
}

/* Mostly small portions, so that boundaries fall everywhere. */
static size_t random_len(void *userdata)
{
	return random() % 4 ? (size_t)random() % 50 + 1 : (size_t)random() % 3000 + 1;
}

typedef void property_function(struct slice input, size_t (*next_len)(void *), void *userdata);

/* NULL: the recording is no stream. */
static property_function *property_of(struct slice framing, struct slice wire, struct slice body)
{
	if (slice_eq(framing, SLICE("sse")))
		return sse_property;
	if (slice_eq(framing, SLICE("aws-eventstream")))
		return event_stream_property;
	if (slice_eq(framing, SLICE("ndjson")))
		return ndjson_property;
	if (slice_eq(framing, SLICE("json")) && slice_starts_with(wire, SLICE("gemini.stream")) && slice_starts_with(body, SLICE("[")))
		return json_array_property;
	return NULL;
}

/* What a provider sent whole has only good frames. */
static void assert_good_event_stream(struct slice body)
{
	struct framing_outcome o;

	framing_replay(&o, FRAMING_EVENT_STREAM, body, FRAME_MAX, random_len, NULL);
	assert_true(o.complete);
	assert_true(o.events.len > 0);
	outcome_done(&o);
}

/* Returns whether the recording is a stream. */
static bool replay(struct slice recording)
{
	struct json_error error;
	struct json_doc doc;
	struct json root;
	property_function *property;
	struct slice body;
	struct arena a;

	arena_init(&a);
	assert_true(json_parse(&a, recording, &doc, &error));
	root = json_root(&doc);
	assert_true(base64_decode(json_text(json_get(json_get(root, "response"), "body_base64"), &a), &a, &body));
	property = property_of(json_text(json_get(root, "framing"), &a), json_text(json_get(root, "wire"), &a), body);
	for (unsigned i = 0; i < SPLITS && property; i++)
		property(body, random_len, NULL);
	if (property == event_stream_property)
		assert_good_event_stream(body);
	arena_done(&a);
	return property != NULL;
}

static DIR *open_recordings(char *path, size_t size)
{
	const char *named = getenv("WEIR_RECORDINGS");
	const char *folders[] = { named, named ? NULL : "../shared/recordings", named ? NULL : "../../shared/recordings" };
	DIR *folder = NULL;

	for (size_t i = 0; i < COUNT_OF(folders) && !folder; i++) {
		if (!folders[i])
			continue;
		snprintf(path, size, "%s/open", folders[i]);
		folder = opendir(path);
	}
	if (!folder && named) {
		snprintf(path, size, "%s", named);
		folder = opendir(path);
	}
	return folder;
}

static void test_recordings(void **state)
{
	unsigned streams = 0;
	char path[512], file[1024];
	struct buf recording;
	struct dirent *entry;
	DIR *folder = open_recordings(path, sizeof(path));

	if (!folder) {
		print_message("no recordings here: skipped\n");
		skip();
	}
	srandom(test_seed());
	buf_init(&recording, FILE_MAX);
	while ((entry = readdir(folder))) {
		if (!slice_ends_with(slice_cstr(entry->d_name), SLICE(".json")))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		buf_clear(&recording);
		assert_true(read_whole(file, &recording));
		streams += replay(buf_slice(&recording));
	}
	closedir(folder);
	buf_done(&recording);
	print_message("%u streams\n", streams);
	assert_true(streams > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_recordings) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
