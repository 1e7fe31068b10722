/* SPDX-License-Identifier: Apache-2.0 */
/* Bookkeeping that every dialect's reader of answers needs. */
#include "dialect/dialect_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* Only what is looked at without a flag: the failure inside is large, and this runs for every event. */
void reading_init(struct reading *ret)
{
	ret->flags = 0;
	ret->usage_member = (struct slice){ 0 };
	ret->failure.kind = FAILURE_NONE;
}

void reading_malformed(struct reading *ret, enum failure_kind kind, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failure_set(&ret->failure, kind, "%s", text);
	ret->flags |= READING_MALFORMED;
}

void reader_init(struct event_reader *r, const struct dialect *d, enum operation op)
{
	memset(r, 0, sizeof(*r));
	r->dialect = d;
	r->operation = op;
	r->sequence = -1;
	usage_init_absent(&r->usage);
}

/* "\ud83d", with the low half of the pair behind it or not. */
static bool is_surrogate(const char *p, const char *end, bool low)
{
	return end - p >= 6 && p[0] == '\\' && p[1] == 'u' && (p[2] | 0x20) == 'd' &&
	       strchr(low ? "cdefCDEF" : "89abAB", p[3]) && p[3] != '\0';
}

/* HALF_MARK: \ud800 to \udfff become \ue000 to \ue7ff. */
static void mark_half(char *escape)
{
	unsigned digit =
		(escape[3] | 0x20) >= 'a' ? (unsigned)(escape[3] | 0x20) - 'a' + 10 : (unsigned)(escape[3] - '0');

	escape[2] = 'e';
	escape[3] = (char)('0' + digit - 8);
}

/* Texts that were cut in the middle of a character, by bytes or by UTF-16 units, are shown with a mark there, as the
 * official SDKs do it; the rest of the answer is as good as any. As long as before: places stay what they are. With
 * `ret_halves`, what stands at either end of a string may find its other half: it is marked instead. */
static struct slice mend_characters(struct slice text, struct arena *a, bool *ret_halves)
{
	char *copy = arena_alloc(a, text.len);
	const char *end = copy + text.len, *quote = NULL;

	memcpy(copy, text.ptr, text.len);
	for (char *p = copy; p < end;) {
		size_t len = utf8_sequence(p, (size_t)(end - p));

		if (len == 0) {
			*p++ = '?';
		} else if (*p != '\\') {
			if (*p == '"')
				quote = p;
			p += len;
		} else if (is_surrogate(p, end, false) && is_surrogate(p + 6, end, true)) {
			p += 12;
		} else if (ret_halves && ((is_surrogate(p, end, false) && p + 6 < end && p[6] == '"') ||
					  (is_surrogate(p, end, true) && quote && quote == p - 1))) {
			mark_half(p);
			*ret_halves = true;
			p += 6;
		} else if (is_surrogate(p, end, false) || is_surrogate(p, end, true)) {
			memcpy(p + 2, "fffd", 4);
			p += 6;
		} else {
			p += end - p >= 2 ? 2 : 1;
		}
	}
	return slice_of(copy, text.len);
}

static bool parse_leniently(struct arena *a, struct slice text, struct json_doc *ret, struct json_error *reterr,
			    bool *ret_halves)
{
	if (json_parse(a, text, ret, reterr))
		return true;
	if (strcmp(reterr->message, "bad escape") != 0 && strcmp(reterr->message, "invalid UTF-8") != 0)
		return false;
	return json_parse(a, mend_characters(text, a, ret_halves), ret, reterr);
}

bool event_parse(struct event_reader *r, struct slice data, struct arena *scratch, struct json_doc *doc,
		 struct json *root, struct reading *ret)
{
	struct json_error error;
	if (!parse_leniently(scratch, data, doc, &error, r->sink ? &r->sink->halves : NULL)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider sent an event that is not JSON: %s at byte %zu",
				  error.message, error.offset);
		return false;
	}
	*root = json_root(doc);
	if (!json_is(*root, JSON_OBJECT)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider sent an event that is not a JSON object");
		return false;
	}
	return true;
}

bool whole_parse(struct slice body, struct arena *scratch, struct json_doc *doc, struct json *root, struct reading *ret)
{
	struct json_error error;
	if (!parse_leniently(scratch, body, doc, &error, NULL)) {
		size_t at = 0;
		while (at < body.len && strchr(" \t\r\n", body.ptr[at]))
			at++;
		if (at == body.len)
			reading_malformed(ret, FAILURE_MALFORMED, "the provider answered with an empty body");
		else if (body.ptr[at] == '<')
			reading_malformed(ret, FAILURE_MALFORMED, "the provider answered with a page of HTML instead of JSON");
		else
			reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer is not JSON: %s at byte %zu",
					  error.message, error.offset);
		return false;
	}
	*root = json_root(doc);
	/* Google wraps errors of streaming calls in an array: DIALECTS §6.1. */
	if (json_is(*root, JSON_ARRAY) && json_is(json_at(*root, 0), JSON_OBJECT) &&
	    failure_in_band(json_at(*root, 0), NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return false;
	}
	if (!json_is(*root, JSON_OBJECT)) {
		reading_malformed(ret, FAILURE_MALFORMED, json_is(*root, JSON_NULL) ? "the provider answered null" :
				  "the provider's answer is not a JSON object");
		return false;
	}
	return true;
}

void whole_complete(struct event_reader *r, struct reading *ret)
{
	r->started = r->content = r->finished = r->terminated = true;
	ret->flags |= READING_PROGRESS | READING_CONTENT | READING_FINISH | READING_TERMINATOR;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* With the comma before it, so that what is left reads as if the provider had not written the member at all; the first
 * member goes with the comma after it. */
struct slice member_span(struct json object, const char *name)
{
	if (json_member_count(object, slice_cstr(name)) != 1)
		return (struct slice){ 0 };
	struct json_walk w = json_walk(object);
	while (json_walk_next(&w))
		if (json_text_eq(w.key, slice_cstr(name)))
			break;
	struct slice whole = json_raw(object), value = json_raw(w.value);
	const char *from = json_raw(w.key).ptr, *to = value.ptr + value.len;
	const char *before = from;
	while (before > whole.ptr && is_blank(before[-1]))
		before--;
	if (before[-1] == ',')
		return slice_of(before - 1, (size_t)(to - (before - 1)));
	const char *after = to, *end = whole.ptr + whole.len;
	while (after < end && is_blank(*after))
		after++;
	if (*after != ',')
		return slice_of(from, (size_t)(to - from));
	after++;
	while (after < end && is_blank(*after))
		after++;
	return slice_of(from, (size_t)(after - from));
}

void reader_note_model(struct event_reader *r, struct json model, struct arena *scratch)
{
	if (r->model[0] != '\0' || !json_is(model, JSON_STRING))
		return;
	failure_copy_text(r->model, sizeof(r->model), json_text(model, scratch));
}

bool reader_count_output(struct event_reader *r, struct json v)
{
	if (!json_is_filled(v))
		return false;
	r->output_bytes += json_raw(v).len - (json_is(v, JSON_STRING) ? 2 : 0);
	return true;
}

int64_t count_of(struct json object, const char *name)
{
	int64_t n = json_i64_or(json_member(object, slice_cstr(name)), -1);
	return n <= COUNT_OF_TOKENS_MAX ? n : -1;
}

void reader_note_usage(struct event_reader *r, struct usage *report)
{
	int64_t *counters[] = {
		&report->input, &report->input_cached, &report->input_written_5m, &report->input_written_1h,
		&report->input_audio, &report->output, &report->output_reasoning, &report->output_audio,
	};
	const int64_t before[] = {
		r->usage.input, r->usage.input_cached, r->usage.input_written_5m, r->usage.input_written_1h,
		r->usage.input_audio, r->usage.output, r->usage.output_reasoning, r->usage.output_audio,
	};
	if (report->input <= 0 && report->output <= 0)
		return;
	for (size_t i = 0; i < COUNT_OF(counters); i++)
		if (*counters[i] == 0 && before[i] > 0)
			*counters[i] = -1;
	report->reported = true;
	report->estimated = false;
	usage_update(&r->usage, report);
	r->usage.reported = true;
}

bool reader_note_choice(struct event_reader *r, int64_t index, bool finished)
{
	/* Numbers beyond the limit share the last bit: an answer that large is still read, only its finish is
	 * judged coarsely. */
	unsigned number = index < 0 ? 0 : index >= READER_CHOICES_MAX ? READER_CHOICES_MAX - 1 : (unsigned)index;
	uint64_t bit = 1ull << (number % 64);
	unsigned word = number / 64;

	if (!(r->choices_seen[word] & bit)) {
		r->choices_seen[word] |= bit;
		r->choices_open[word] |= bit;
	}
	if (finished && (r->choices_open[word] & bit)) {
		r->choices_open[word] &= ~bit;
		r->finished_choices++;
	}
	bool was_finished = r->finished;
	r->finished = r->finished_choices > 0 && r->choices_open[0] == 0 && r->choices_open[1] == 0;
	return r->finished && !was_finished;
}

void event_begin(struct json_writer *w, struct buf *data)
{
	buf_init(data, FAILURE_EVENT_MAX);
	json_writer_init(w, data);
	json_begin_object(w);
}

void event_end(struct json_writer *w, struct slice event, struct buf *out)
{
	json_end_object(w);
	(void)!sse_write(out, event, buf_slice(w->out));
	buf_done(w->out);
}

struct slice writer_make_id(struct event_writer *w, const char *prefix, char ret[static WRITER_ID_MAX])
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t mixed = w->seed ^ ++w->ids * 0xd1342543de82ef95u; /* another step than the letters take */
	size_t len = strlen(prefix);

	check(len + 24 < WRITER_ID_MAX, "an id's prefix is short");
	memcpy(ret, prefix, len);
	/* splitmix64: every letter takes its own step. */
	for (unsigned i = 0; i < 24; i++) {
		mixed += 0x9e3779b97f4a7c15u;
		uint64_t z = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		ret[len++] = letters[(z ^ z >> 31) % 62];
	}
	ret[len] = '\0';
	return slice_of(ret, len);
}
