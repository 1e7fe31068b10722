/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapping reasoning state: base64 there and back. */
#include "llm/state.h"

#include "base/base64.h"

enum { STATE_HEAD = 7, PROVIDER_MAX = 255 }; /* "weir\1", dialect, length of the provider's name */

/* Runs per request. The mark's third letter is rare in prose and in JSON, and memchr() is many times faster than
 * memmem(), except where that letter is frequent. */
bool state_is_in(struct slice body)
{
	enum { RARE = 2, SPARSE = 64 }; /* one such letter in 64 is what base64 has */
	const char *at = body.ptr, *end;
	size_t met = 0;

	_Static_assert(sizeof(STATE_MARK) - 1 > RARE, "the mark has that letter");
	if (body.len == 0)
		return false;
	end = at + body.len;
	while ((size_t)(end - at) >= sizeof(STATE_MARK) - 1) {
		const char *rare = memchr(at + RARE, STATE_MARK[RARE], (size_t)(end - at) - RARE);

		if (!rare)
			return false;
		if (slice_starts_with(slice_of(rare - RARE, (size_t)(end - rare) + RARE), SLICE(STATE_MARK)))
			return true;
		at = rare - RARE + 1;
		if (++met > SPARSE + (size_t)(at - body.ptr) / SPARSE * 2)
			return slice_find(slice_of(at, (size_t)(end - at)), SLICE(STATE_MARK)) != SIZE_MAX;
	}
	return false;
}

struct slice state_wrap(struct slice payload, struct slice provider, enum dialect_id dialect, struct arena *a)
{
	size_t name = provider.len < PROVIDER_MAX ? provider.len : PROVIDER_MAX;
	char *head = arena_alloc(a, STATE_HEAD + name + payload.len);

	memcpy(head, "weir\1", 5);
	head[5] = (char)dialect;
	head[6] = (char)name;
	if (name > 0)
		memcpy(head + STATE_HEAD, provider.ptr, name);
	if (payload.len > 0)
		memcpy(head + STATE_HEAD + name, payload.ptr, payload.len);
	return base64_encode(slice_of(head, STATE_HEAD + name + payload.len), a);
}

struct reasoning_state state_read(struct slice text, enum dialect_id dialect, struct arena *a)
{
	struct slice bytes;
	size_t name;

	if (text.len == 0)
		return (struct reasoning_state){ 0 };
	if (!slice_starts_with(text, SLICE(STATE_MARK)))
		return (struct reasoning_state){ .payload = text, .dialect = dialect };
	/* Google's SDKs re-encode bytes with the URL's alphabet; base64_decode() takes both. */
	if (!base64_decode(text, a, &bytes))
		bytes.len = 0;
	name = bytes.len >= STATE_HEAD ? (unsigned char)bytes.ptr[6] : 0;
	/* What only looks like ours belongs to nobody: state of no dialect is at home nowhere. */
	if (bytes.len < STATE_HEAD + name || memcmp(bytes.ptr, "weir\1", 5) != 0 || (unsigned char)bytes.ptr[5] >= DIALECT_COUNT)
		return (struct reasoning_state){ .payload = text, .dialect = DIALECT_COUNT };
	return (struct reasoning_state){
		.payload = slice_after(bytes, STATE_HEAD + name),
		.provider = slice_of(bytes.ptr + STATE_HEAD, name),
		.dialect = (enum dialect_id)bytes.ptr[5],
	};
}

bool state_is_at_home(const struct reasoning_state *s, struct slice provider, enum dialect_id dialect)
{
	if (!s->payload.ptr || s->dialect != dialect)
		return false;
	return s->provider.len == 0 || slice_eq(s->provider, provider);
}

bool state_loses_reasoning(const struct chat *c, struct slice provider, enum dialect_id target,
			   const struct model_rules *rules)
{
	if (c->dialect == target)
		return false;
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_REASONING && !state_is_at_home(&p->state, provider, target) &&
			    !(rules->replay == REPLAY_CONTENT && p->text.len > 0))
				return true;
	return false;
}
