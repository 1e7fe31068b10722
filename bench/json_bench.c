/* SPDX-License-Identifier: Apache-2.0 */
/* How long the JSON reader and the event framer take for bodies like those a gateway sees: medians on standard output.
 *     cc -O2 -D_GNU_SOURCE -Isrc bench/json_bench.c src/json/{json,reader,writer,splice}.c src/http/framing.c \
 *        src/base/{arena,buf,cleanup,slice}.c -lm */
#include <stdio.h>
#include <time.h>
#include "base/buf.h"
#include "http/framing.h"
#include "json/json.h"
#include "json/splice.h"
#include "json/writer.h"

enum { ROUNDS = 15, BODY_LIMIT = 64 << 20 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs `step` so often that a round takes some 10 ms; prints the median of the rounds and the fastest, per call. */
static void measure(const char *name, struct slice input, void (*step)(struct slice input))
{
	double rounds[ROUNDS];
	unsigned calls = (unsigned)(20000000 / (input.len + 500)) + 1;

	for (unsigned r = 0; r < ROUNDS; r++) {
		double start = now_us();

		for (unsigned i = 0; i < calls; i++)
			step(input);
		rounds[r] = (now_us() - start) / calls;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_doubles);
	printf("%-34s %9zu bytes  median %10.3f us  fastest %10.3f us  %6.0f MB/s\n", name, input.len, rounds[ROUNDS / 2], rounds[0],
	       (double)input.len / rounds[ROUNDS / 2]);
}

static struct arena scratch;

static struct json_doc parse(struct slice input)
{
	struct json_doc doc;
	struct json_error error;

	arena_reset(&scratch);
	check(json_parse(&scratch, input, &doc, &error), "the benchmark's own body is refused");
	return doc;
}

static void step_parse(struct slice input)
{
	struct json_doc doc = parse(input);

	check(json_exists(json_get(json_root(&doc), "model")), "no model");
}

static void step_splice(struct slice input)
{
	struct json_doc doc = parse(input);
	struct slice pieces[SPLICE_PIECES_MAX];
	struct splice s;

	splice_init(&s, input);
	check(splice_replace(&s, json_get(json_root(&doc), "model"), SLICE("\"another-model\"")), "no splice");
	check(splice_insert(&s, json_root(&doc), SLICE("stream_options"), SLICE("{\"include_usage\":true}"), &scratch),
	      "no splice");
	check(splice_pieces(&s, pieces) >= 4, "too few pieces");
}

static void step_frames(struct slice input)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, input);
	while (framer_next(&f, &frame))
		;
	check(framer_is_complete(&f), "the benchmark's own stream is cut");
	framer_done(&f);
}

static void step_frames_bytewise(struct slice input)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	for (size_t i = 0; i < input.len; i++) {
		framer_feed(&f, slice_of(input.ptr + i, 1));
		while (framer_next(&f, &frame))
			;
	}
	check(framer_is_complete(&f), "the benchmark's own stream is cut");
	framer_done(&f);
}

/* A chat of turns of `text_len` bytes, with `tools` tools, up to `size` bytes. */
static void write_body(struct buf *out, size_t size, size_t text_len, unsigned tools, struct slice words)
{
	struct buf text;
	struct json_writer w;

	buf_init(out, BODY_LIMIT);
	buf_init(&text, BODY_LIMIT);
	while (text.len < text_len)
		check(buf_append_slice(&text, words), "no room");
	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_cstr(&w, "model", "gpt-5.4-mini");
	json_key(&w, SLICE("messages"));
	json_begin_array(&w);
	for (unsigned i = 0; i == 0 || out->len + text_len < size * (tools ? 3 : 4) / 4; i++) {
		json_begin_object(&w);
		json_member_cstr(&w, "role", i % 2 ? "assistant" : "user");
		json_member_string(&w, "content", buf_slice(&text));
		json_end_object(&w);
	}
	json_end_array(&w);
	json_key(&w, SLICE("tools"));
	json_begin_array(&w);
	for (unsigned i = 0; i < tools; i++) {
		json_begin_object(&w);
		json_member_cstr(&w, "type", "function");
		json_key(&w, SLICE("function"));
		json_value_raw(&w, SLICE("{\"name\":\"get_weather\",\"description\":\"The weather at a place, now or later.\",\"parameters\":"
					 "{\"type\":\"object\",\"properties\":{\"place\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\","
					 "\"minimum\":0}},\"required\":[\"place\"],\"additionalProperties\":false}}"));
		json_end_object(&w);
	}
	json_end_array(&w);
	json_member_bool(&w, "stream", true);
	json_end_object(&w);
	check(!w.overflow, "the body is too long");
	buf_done(&text);
}

static void bench_body(const char *name, size_t size, size_t text_len, unsigned tools, struct slice words)
{
	char splice_name[64];
	struct buf body;

	write_body(&body, size, text_len, tools, words);
	measure(name, buf_slice(&body), step_parse);
	snprintf(splice_name, sizeof(splice_name), "%s, two edits", name);
	measure(splice_name, buf_slice(&body), step_splice);
	buf_done(&body);
}

static void bench_stream(const char *name, unsigned events, size_t event_len, void (*step)(struct slice input))
{
	char *data = xmalloc(event_len);
	struct buf stream;

	memset(data, 'x', event_len);
	buf_init(&stream, BODY_LIMIT);
	for (unsigned i = 0; i < events; i++)
		check(sse_write(&stream, (struct slice){ 0 }, slice_of(data, event_len)), "the stream is too long");
	measure(name, buf_slice(&stream), step);
	buf_done(&stream);
	free(data);
}

int main(void)
{
	const struct slice latin = SLICE("The quick brown fox asks: \"why?\"\nand jumps over the lazy dog, again and again. ");
	const struct slice base64 = SLICE("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk");
	const struct slice chinese = SLICE("人工智能网关把请求转发给模型,然后把答案送回来。");
	static const char chunk[] = "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-5.4-mini\","
				    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" jumps\"},"
				    "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"abcdefghij\"}";

	bench_body("2 KB chat", 2000, 240, 0, latin);
	bench_body("56 KB turns and tools", 56000, 400, 50, latin);
	bench_body("60 KB Chinese", 60000, 6000, 0, chinese);
	bench_body("5 MB images", 5000000, 1000000, 0, base64);
	measure("chunk", slice_of(chunk, sizeof(chunk) - 1), step_parse);
	bench_stream("200,000 events", 200000, 215, step_frames);
	bench_stream("200,000 events, byte by byte", 200000, 20, step_frames_bytewise);
	bench_stream("one event of 15 MB, byte by byte", 1, 15 << 20, step_frames_bytewise);
	arena_done(&scratch);
	return 0;
}
