/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted faults: their words on the command line, and which one a request meets. */
#include "base/random.h"
#include "mock/mock_internal.h"

enum { AFTER_DEFAULT = 5 };

static const char *const kind_names[] = {
	[MOCK_NO_FAULT] = "none", [MOCK_STATUS] = "status", [MOCK_RESET] = "reset", [MOCK_SILENCE] = "silence",
	[MOCK_CUT] = "cut", [MOCK_END] = "end", [MOCK_STALL] = "stall", [MOCK_MALFORMED] = "malformed",
	[MOCK_ERROR_EVENT] = "error-event", [MOCK_NO_TERMINATOR] = "no-terminator",
};

const char *mock_fault_name(enum mock_fault_kind kind)
{
	return kind_names[kind];
}

static enum mock_fault_kind kind_by_name(struct slice name)
{
	for (unsigned i = 1; i < COUNT_OF(kind_names); i++)
		if (slice_eq(name, slice_cstr(kind_names[i])))
			return (enum mock_fault_kind)i;
	return MOCK_NO_FAULT;
}

static bool read_number(struct slice text, unsigned long long highest, unsigned *ret)
{
	unsigned long long value;

	if (!slice_to_u64(text, &value) || value > highest)
		return false;
	*ret = (unsigned)value;
	return true;
}

/* "0", "1", "0.25": a chance in thousandths. */
static bool read_chance(struct slice text, unsigned *ret)
{
	unsigned value = 0, scale = 1000;
	size_t i = 2;

	if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
	    (text.len > 1 && text.ptr[1] != '.'))
		return false;
	value = (unsigned)(text.ptr[0] - '0') * 1000;
	for (; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		scale /= 10;
		value += (unsigned)(text.ptr[i] - '0') * scale;
	}
	*ret = value;
	return value <= 1000;
}

static bool read_status(struct slice text, struct mock_fault *f)
{
	unsigned status;

	if (!read_number(text, 599, &status) || status < 400)
		return false;
	f->status = (int)status;
	return true;
}

static bool read_model(struct slice text, struct mock_fault *f)
{
	if (text.len == 0 || text.len >= sizeof(f->model))
		return false;
	memcpy(f->model, text.ptr, text.len);
	f->model[text.len] = '\0';
	return true;
}

static bool read_member(struct slice name, struct slice value, struct mock_fault *f, const char **reterr)
{
	unsigned seconds;

	*reterr = "after=, every=, times= and retry-after= take a number, chance= one from 0 to 1, model= a name";
	if (slice_eq(name, SLICE("after")))
		return read_number(value, MOCK_TOKENS_MAX, &f->after);
	if (slice_eq(name, SLICE("every")))
		return read_number(value, 1000000, &f->every) && f->every > 0;
	if (slice_eq(name, SLICE("times")))
		return read_number(value, 1000000, &f->times);
	if (slice_eq(name, SLICE("chance")))
		return read_chance(value, &f->permille);
	if (slice_eq(name, SLICE("model")))
		return read_model(value, f);
	if (slice_eq(name, SLICE("retry-after"))) {
		if (!read_number(value, 1000000, &seconds))
			return false;
		f->retry_after_s = seconds;
		return true;
	}
	*reterr = "after a fault's kind come after=, every=, times=, chance=, model=, retry-after=";
	return false;
}

static void fault_init(struct mock_fault *f)
{
	*f = (struct mock_fault){ .retry_after_s = -1, .after = AFTER_DEFAULT, .every = 1, .permille = 1000 };
}

bool mock_fault_parse(struct slice text, struct mock_fault *ret, const char **reterr)
{
	struct slice value = slice_next_token(&text, ',');
	struct slice kind = slice_next_token(&value, '=');

	fault_init(ret);
	*reterr = "a fault is one of status=CODE, reset, silence, cut, end, stall, malformed, error-event, no-terminator";
	ret->kind = kind_by_name(kind);
	if (ret->kind == MOCK_NO_FAULT)
		return false;
	if (ret->kind == MOCK_STATUS ? !value.ptr || !read_status(value, ret) : value.ptr != NULL) {
		*reterr = "only status takes a value, from 400 to 599";
		return false;
	}
	while (text.ptr) {
		struct slice member_value = slice_next_token(&text, ',');
		struct slice name = slice_next_token(&member_value, '=');

		if (!read_member(name, member_value, ret, reterr))
			return false;
	}
	return true;
}

/* "fault-503", "fault-stall". */
static bool fault_of_model(struct slice model, struct mock_fault *ret)
{
	struct slice prefix = SLICE("fault-");
	struct slice rest;

	if (!slice_starts_with(model, prefix))
		return false;
	rest = slice_after(model, prefix.len);
	fault_init(ret);
	ret->kind = read_status(rest, ret) ? MOCK_STATUS : kind_by_name(rest);
	return ret->kind != MOCK_NO_FAULT && (ret->kind != MOCK_STATUS || ret->status > 0);
}

static bool fires(struct mock_fault *f, struct slice model)
{
	if (f->model[0] != '\0' && !slice_eq(model, slice_cstr(f->model)))
		return false;
	f->seen++;
	if (f->times > 0 && f->fired >= f->times)
		return false;
	if (f->seen % f->every != 0 || (f->permille < 1000 && random_below(1000) >= f->permille))
		return false;
	f->fired++;
	return true;
}

struct mock_fault mock_fault_pick(struct mock_fault *faults, unsigned count, struct slice model)
{
	struct mock_fault fault;

	if (fault_of_model(model, &fault))
		return fault;
	for (unsigned i = 0; i < count; i++)
		if (fires(&faults[i], model))
			return faults[i];
	return (struct mock_fault){ .kind = MOCK_NO_FAULT };
}
