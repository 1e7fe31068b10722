/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of JSON in its original bytes.
 *
 * A replaced value is an edit of its own. Removals and insertions of one object depend on each other (which comma goes?
 * does the inserted member need one?), so whenever one is added all edits of that object are worked out anew:
 *
 *     a removed run before a kept member   from the run's first key up to that member's key
 *     the removed run at the end           from the end of the last kept value to the end of the last value;
 *     inserted members                     stand there too (in an empty object: after the opening brace)
 */
#include "json/json_internal.h"
#include "json/splice.h"
#include "json/writer.h"

enum { NO_OBJECT = -1 };

void splice_init(struct splice *s, struct slice source)
{
	s->source = source;
	s->count = 0;
}

static size_t edit_end(const struct splice_edit *e)
{
	return e->at + e->removed;
}

/* Keeps the edits in order; false when there is no room or another one touches the same bytes. */
static bool add_edit(struct splice *s, struct splice_edit edit)
{
	unsigned i = s->count;

	if (s->count == SPLICE_EDITS_MAX)
		return false;
	while (i > 0 && s->edits[i - 1].at > edit.at)
		i--;
	if (i > 0 && (edit_end(&s->edits[i - 1]) > edit.at || s->edits[i - 1].at == edit.at))
		return false;
	if (i < s->count && edit_end(&edit) > s->edits[i].at)
		return false;
	memmove(&s->edits[i + 1], &s->edits[i], (s->count - i) * sizeof(s->edits[0]));
	s->edits[i] = edit;
	s->count++;
	return true;
}

static void check_source(const struct splice *s, struct json v)
{
	check(v.node && v.doc->text.ptr == s->source.ptr && v.doc->text.len == s->source.len, "a splice of another document");
}

bool splice_replace(struct splice *s, struct json value, struct slice json)
{
	check_source(s, value);
	return add_edit(s, (struct splice_edit){ value.node->at, value.node->len, json, NO_OBJECT });
}

/* What is known of one object's edits while they are worked out. */
struct object_edits {
	struct json object;
	struct splice_edit old[SPLICE_EDITS_MAX];
	unsigned old_count;
	struct slice removed_name;     /* the member that is being removed now, or a NULL pointer */
	struct slice inserted;         /* `,"name":value` for each member, with the first comma */
};

/* Takes the object's edits out of the splice. */
static void take_edits(struct splice *s, struct object_edits *o)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->count; i++) {
		struct splice_edit *e = &s->edits[i];

		if (e->object_at != (int64_t)o->object.node->at) {
			s->edits[kept++] = *e;
			continue;
		}
		o->old[o->old_count++] = *e;
		/* Texts are always built with a comma in front, though the edit may leave it out. */
		if (e->text.len > 0)
			o->inserted = *e->text.ptr == ',' ? e->text : slice_of(e->text.ptr - 1, e->text.len + 1);
	}
	s->count = kept;
}

static bool is_removed(const struct object_edits *o, struct json key)
{
	for (unsigned i = 0; i < o->old_count; i++) {
		if (key.node->at >= o->old[i].at && key.node->at < edit_end(&o->old[i]))
			return true;
	}
	return o->removed_name.ptr && json_text_eq(key, o->removed_name);
}

static bool put_edits(struct splice *s, const struct object_edits *o)
{
	struct splice_edit edit = { .object_at = (int64_t)o->object.node->at };
	size_t after_brace = o->object.node->at + 1;
	size_t run = 0, kept_end = 0, last_end = 0;    /* 0: none; offset 0 is never inside an object */

	for (struct json_walk w = json_walk(o->object); json_walk_next(&w);) {
		last_end = w.value.node->at + w.value.node->len;
		if (is_removed(o, w.key)) {
			if (run == 0)
				run = w.key.node->at;
			continue;
		}
		if (run > 0) {
			edit.at = run;
			edit.removed = w.key.node->at - run;
			if (!add_edit(s, edit))
				return false;
			run = 0;
		}
		kept_end = last_end;
	}
	if (run == 0 && o->inserted.len == 0)
		return true;
	edit.at = kept_end > 0 ? kept_end : run > 0 ? run : after_brace;
	edit.removed = run > 0 ? last_end - edit.at : 0;
	edit.text = o->inserted;
	if (kept_end == 0 && edit.text.len > 0)
		edit.text = slice_after(edit.text, 1);
	return add_edit(s, edit);
}

bool splice_insert(struct splice *s, struct json object, struct slice name, struct slice json, struct arena *a)
{
	enum { AROUND = sizeof(",\"\":") - 1, LONGEST_ESCAPE = sizeof("\\u0000") - 1 };
	struct object_edits o = { .object = object };
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w;
	struct splice before = *s;

	check_source(s, object);
	check(json_is(object, JSON_OBJECT), "a member inserted into what is no object");
	take_edits(s, &o);
	buf_init(&text, o.inserted.len + AROUND + LONGEST_ESCAPE * name.len + json.len);
	json_writer_init(&w, &text);
	if (o.inserted.len > 0)
		json_value_raw(&w, o.inserted);
	w.need_comma = true;
	json_key(&w, name);
	json_value_raw(&w, json);
	check(!w.overflow, "an inserted member was reckoned too short");
	o.inserted = arena_dup(a, buf_slice(&text));
	if (!put_edits(s, &o)) {
		*s = before;
		return false;
	}
	return true;
}

bool splice_remove(struct splice *s, struct json object, struct slice name)
{
	struct object_edits o = { .object = object, .removed_name = name };
	struct splice before = *s;

	check_source(s, object);
	check(json_is(object, JSON_OBJECT), "a member removed from what is no object");
	if (!json_exists(json_member(object, name)))
		return true;
	take_edits(s, &o);
	if (!put_edits(s, &o)) {
		*s = before;
		return false;
	}
	return true;
}

size_t splice_len(const struct splice *s)
{
	size_t len = s->source.len;

	for (unsigned i = 0; i < s->count; i++)
		len += s->edits[i].text.len - s->edits[i].removed;
	return len;
}

unsigned splice_pieces(const struct splice *s, struct slice ret[static SPLICE_PIECES_MAX])
{
	unsigned count = 0;
	size_t done = 0;

	for (unsigned i = 0; i < s->count; i++) {
		const struct splice_edit *e = &s->edits[i];

		if (e->at > done)
			ret[count++] = slice_of(s->source.ptr + done, e->at - done);
		if (e->text.len > 0)
			ret[count++] = e->text;
		done = edit_end(e);
	}
	if (s->source.len > done)
		ret[count++] = slice_after(s->source, done);
	return count;
}

struct slice splice_flatten(const struct splice *s, struct arena *a)
{
	struct slice pieces[SPLICE_PIECES_MAX];
	unsigned count = splice_pieces(s, pieces);
	size_t len = splice_len(s);
	char *out = arena_alloc(a, len), *p = out;

	for (unsigned i = 0; i < count; i++) {
		memcpy(p, pieces[i].ptr, pieces[i].len);
		p += pieces[i].len;
	}
	return slice_of(out, len);
}
