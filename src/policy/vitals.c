/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of targets. The table is a fixed array of pointers (open addressing, linear probing) that is only ever
 * added to: a pointer once seen stays good, so looking takes no lock. Adding takes one.
 *
 * Every number of an entry is a single relaxed atomic. Averages are exchanged in a loop; the time of the last
 * measurement is taken over first, so that of two threads each accounts for its own stretch of time. The histogram of
 * first tokens is made with the first measurement: names that never answered stay small. */
#include "policy/vitals.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/cleanup.h"
#include "base/clock.h"

enum {
	SLOT_BITS = 15,
	SLOTS = 1 << SLOT_BITS,        /* at most half full */
	NAME_MAX_SHOWN = 255,
	/* Eighths of an octave from 64 us to 2^30 us (18 minutes): a bucket's middle is within 6 % of what is in it. */
	EIGHTHS_BITS = 3,
	EIGHTHS = 1 << EIGHTHS_BITS,
	FIRST_OCTAVE = 6,
	LAST_OCTAVE = 30,
	BUCKETS = (LAST_OCTAVE - FIRST_OCTAVE) * EIGHTHS,
	MEASUREMENTS_MIN = 20,
};

_Static_assert(VITALS_MAX * 2 <= SLOTS, "a table that gets full is searched for ever");

#define FIRST_TOKEN_HALF_LIFE_NS (10 * NS_PER_S)
#define OUTCOME_HALF_LIFE_NS (60 * NS_PER_S)
/* Of the mean: where requests are many, the last dozens say what to expect; where they are few, one alone does not. */
#define GAIN_LEAST (1.0 / 32)
#define GAIN_MOST (3.0 / 4)
#define HALF_NS (60 * NS_PER_S)
/* How long "so many left" is believed when it was not said when the window ends: windows of a minute are usual, and
 * the next answer says it anew. */
#define WINDOW_UNSAID_NS (10 * NS_PER_S)
/* Daily limits are the longest that are worth keeping in mind. */
#define WINDOW_LONGEST_NS (24 * 3600 * NS_PER_S)
#define UNKNOWN (-1)

struct half {
	_Atomic int64_t number;        /* now / HALF_NS when it was last counted in */
	_Atomic uint32_t counts[BUCKETS];
};

struct histogram {
	struct half halves[2];
};

/* So many are left until then; UNKNOWN when nothing was said. */
struct window {
	_Atomic int64_t left, until_ns;
};

struct vital {
	uint64_t key;
	bool is_spare;                 /* the one of all that the table has no room for: it learns nothing */
	/* Averages, or UNKNOWN; success is a share. */
	_Atomic double first_token_us, first_token_mean_us, token_ns, connect_us, success;
	_Atomic int64_t first_token_seen_ns, outcome_seen_ns;
	_Atomic unsigned in_flight;
	_Atomic uint64_t requests, faults;
	_Atomic int64_t saturated_until_ns;
	struct window requests_window, tokens_window;
	_Atomic(struct histogram *) histogram;
	const char *provider, *model, *credential;
	char names[];
};

struct vitals {
	_Atomic(struct vital *) slots[SLOTS];
	pthread_mutex_t adding;
	unsigned count;                /* under `adding` */
	struct vital *spare;
};

#define LOAD(field) atomic_load_explicit(field, memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(field, value, memory_order_relaxed)
#define ADD(field) atomic_fetch_add_explicit(field, 1, memory_order_relaxed)
#define EXCHANGE(field, seen, value) \
	atomic_compare_exchange_weak_explicit(field, seen, value, memory_order_relaxed, memory_order_relaxed)

/* ---- the table ---- */

static const char *copy_name(char **at, struct slice name)
{
	char *start = *at;

	if (name.len > 0)
		memcpy(start, name.ptr, name.len);
	start[name.len] = '\0';
	*at += name.len + 1;
	return start;
}

static struct slice shorten(struct slice name)
{
	return slice_of(name.ptr, name.len < NAME_MAX_SHOWN ? name.len : NAME_MAX_SHOWN);
}

static struct vital *make(uint64_t key, struct slice provider, struct slice model, struct slice credential)
{
	struct vital *v;
	char *at;

	provider = shorten(provider);
	model = shorten(model);
	credential = shorten(credential);
	v = xcalloc(1, sizeof(*v) + provider.len + model.len + credential.len + 3);
	v->key = key;
	at = v->names;
	v->provider = copy_name(&at, provider);
	v->model = copy_name(&at, model);
	v->credential = copy_name(&at, credential);
	STORE(&v->first_token_us, UNKNOWN);
	STORE(&v->first_token_mean_us, UNKNOWN);
	STORE(&v->token_ns, UNKNOWN);
	STORE(&v->connect_us, UNKNOWN);
	STORE(&v->success, UNKNOWN);
	STORE(&v->requests_window.left, UNKNOWN);
	STORE(&v->tokens_window.left, UNKNOWN);
	return v;
}

struct vitals *vitals_new(void)
{
	struct vitals *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->adding, NULL);
	t->spare = make(0, SLICE(""), SLICE(""), SLICE(""));
	t->spare->is_spare = true;
	return t;
}

static void vital_free(struct vital *v)
{
	if (v)
		free(LOAD(&v->histogram));
	free(v);
}

struct vitals *vitals_free(struct vitals *t)
{
	if (!t)
		return NULL;
	for (unsigned i = 0; i < SLOTS; i++)
		vital_free(LOAD(&t->slots[i]));
	vital_free(t->spare);
	pthread_mutex_destroy(&t->adding);
	free(t);
	return NULL;
}

/* The entry, or NULL and the empty slot where it would go. */
static struct vital *find(struct vitals *t, uint64_t key, unsigned *ret_slot)
{
	/* Fibonacci hashing: keys are hashes already, but nothing here should rest on which of their bits are good. */
	unsigned slot = (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SLOT_BITS));
	struct vital *v;

	while ((v = atomic_load_explicit(&t->slots[slot], memory_order_acquire)) && v->key != key)
		slot = (slot + 1) % SLOTS;
	*ret_slot = slot;
	return v;
}

struct vital *vitals_find(struct vitals *t, uint64_t key)
{
	unsigned slot;

	return find(t, key, &slot);
}

struct vital *vitals_use(struct vitals *t, uint64_t key, struct slice provider, struct slice model,
			 struct slice credential)
{
	unsigned slot;
	struct vital *v = find(t, key, &slot);

	if (v)
		return v;
	pthread_mutex_lock(&t->adding);
	v = find(t, key, &slot);
	if (!v && t->count == VITALS_MAX) {
		v = t->spare;
	} else if (!v) {
		v = make(key, provider, model, credential);
		t->count++;
		atomic_store_explicit(&t->slots[slot], v, memory_order_release);
	}
	pthread_mutex_unlock(&t->adding);
	return v;
}

/* ---- averages ---- */

/* Takes the time since the last measurement for this one: no stretch of time counts twice. */
static int64_t take_time(_Atomic int64_t *seen_ns, int64_t now_ns)
{
	int64_t last = LOAD(seen_ns);

	do {
		if (now_ns <= last)
			return 0;
	} while (!EXCHANGE(seen_ns, &last, now_ns));
	return now_ns - last;
}

/* How much of what was known has faded after so long. */
static double faded(int64_t elapsed_ns, int64_t half_life_ns)
{
	return 1 - exp2(-(double)elapsed_ns / (double)half_life_ns);
}

static double between(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

static double blend(double old, double sample, double gain)
{
	return old < 0 ? sample : old + (sample - old) * gain;
}

static void average(_Atomic double *field, double sample, double gain)
{
	double old = LOAD(field);

	while (!EXCHANGE(field, &old, blend(old, sample, gain)))
		;
}

static void average_peak(_Atomic double *field, double sample, double gain)
{
	double old = LOAD(field);

	while (!EXCHANGE(field, &old, sample >= old ? sample : blend(old, sample, gain)))
		;
}

/* ---- the histogram ---- */

static unsigned bucket_of(int64_t us)
{
	unsigned octave, eighth;

	if (us < 1 << FIRST_OCTAVE)
		return 0;
	octave = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
	if (octave >= LAST_OCTAVE)
		return BUCKETS - 1;
	eighth = (unsigned)(us >> (octave - EIGHTHS_BITS)) % EIGHTHS;
	return (octave - FIRST_OCTAVE) * EIGHTHS + eighth;
}

/* Where a bucket begins; the one after the last begins where the last ends. */
static int64_t bucket_start(unsigned bucket)
{
	unsigned octave = FIRST_OCTAVE + bucket / EIGHTHS;

	return (int64_t)(EIGHTHS + bucket % EIGHTHS) << (octave - EIGHTHS_BITS);
}

static struct histogram *histogram_of(struct vital *v)
{
	struct histogram *h = atomic_load_explicit(&v->histogram, memory_order_acquire), *made;

	if (h)
		return h;
	made = xcalloc(1, sizeof(*made));
	if (atomic_compare_exchange_strong(&v->histogram, &h, made))
		return made;
	free(made);
	return h;
}

/* The first one of a new minute empties its half; what others count meanwhile may be lost with it. */
static void count_first_token(struct vital *v, int64_t us, int64_t now_ns)
{
	int64_t number = now_ns / HALF_NS;
	struct half *half = &histogram_of(v)->halves[(uint64_t)number % 2];
	int64_t old = LOAD(&half->number);

	if (old < number && atomic_compare_exchange_strong(&half->number, &old, number)) {
		for (unsigned i = 0; i < BUCKETS; i++)
			STORE(&half->counts[i], 0);
	}
	ADD(&half->counts[bucket_of(us)]);
}

static uint64_t sum_halves(struct histogram *h, int64_t now_ns, uint32_t counts[static BUCKETS])
{
	int64_t oldest = now_ns / HALF_NS - 1;
	uint64_t total = 0;

	for (unsigned half = 0; half < 2; half++) {
		if (LOAD(&h->halves[half].number) < oldest)
			continue;
		for (unsigned i = 0; i < BUCKETS; i++) {
			uint32_t n = LOAD(&h->halves[half].counts[i]);

			counts[i] += n;
			total += n;
		}
	}
	return total;
}

int64_t vital_percentile(const struct vital *v, unsigned percent, int64_t now_ns)
{
	struct histogram *h = atomic_load_explicit(&v->histogram, memory_order_acquire);
	uint32_t counts[BUCKETS] = { 0 };
	uint64_t total, wanted, before = 0;
	unsigned i;

	total = h ? sum_halves(h, now_ns, counts) : 0;
	if (total < MEASUREMENTS_MIN)
		return UNKNOWN;
	wanted = (total * (percent < 100 ? percent : 100) + 99) / 100;
	wanted += wanted == 0;
	for (i = 0; i < BUCKETS - 1 && before + counts[i] < wanted; i++)
		before += counts[i];

	int64_t start = bucket_start(i), width = bucket_start(i + 1) - start;
	/* As if those in the bucket lay evenly in it. */
	double inside = ((double)(wanted - before) - 0.5) / (double)(counts[i] > 0 ? counts[i] : 1);

	return start + (int64_t)((double)width * inside);
}

/* ---- what happened ---- */

/* What was left, less what was sent since it was said. */
static void spend_one(struct window *w)
{
	int64_t left = LOAD(&w->left);

	while (left > 0 && !EXCHANGE(&w->left, &left, left - 1))
		;
}

void vital_begin(struct vital *v)
{
	if (v->is_spare)
		return;
	ADD(&v->requests);
	ADD(&v->in_flight);
	spend_one(&v->requests_window);
}

/* A target is thought good until it fails: the first fault of all does not make it useless. Where requests are rare
 * each outcome weighs more. */
static void count_outcome(struct vital *v, bool fault, int64_t now_ns)
{
	double gain = faded(take_time(&v->outcome_seen_ns, now_ns), OUTCOME_HALF_LIFE_NS);
	double old = LOAD(&v->success), sample = fault ? 0 : 1;

	gain = between(gain, 1.0 / 16, 1.0 / 4);
	while (!EXCHANGE(&v->success, &old, blend(old < 0 ? 1 : old, sample, gain)))
		;
}

void vital_end(struct vital *v, bool fault, int64_t now_ns)
{
	unsigned in_flight = LOAD(&v->in_flight);

	if (v->is_spare)
		return;
	while (in_flight > 0 && !EXCHANGE(&v->in_flight, &in_flight, in_flight - 1))
		;
	if (fault)
		ADD(&v->faults);
	count_outcome(v, fault, now_ns);
}

void vital_connected(struct vital *v, int64_t us, int64_t now_ns)
{
	if (v->is_spare || us < 0)
		return;
	average(&v->connect_us, (double)us, 1.0 / 8);
}

void vital_first_token(struct vital *v, int64_t us, int64_t now_ns)
{
	double gain;

	if (v->is_spare || us < 0)
		return;
	gain = faded(take_time(&v->first_token_seen_ns, now_ns), FIRST_TOKEN_HALF_LIFE_NS);
	average_peak(&v->first_token_us, (double)us, gain);
	average(&v->first_token_mean_us, (double)us, between(gain, GAIN_LEAST, GAIN_MOST));
	count_first_token(v, us, now_ns);
}

/* A long answer says more about the speed than a short one, whose tokens may all have come in one piece. */
void vital_streamed(struct vital *v, int64_t tokens, int64_t us, int64_t now_ns)
{
	if (v->is_spare || tokens <= 0 || us < 0)
		return;
	average(&v->token_ns, (double)us * 1000 / (double)tokens, (double)tokens / ((double)tokens + 512));
}

static void window_note(struct window *w, int64_t left, int64_t reset_ms, int64_t now_ns)
{
	int64_t length_ns = WINDOW_UNSAID_NS;

	if (left < 0)
		return;
	if (reset_ms >= 0)
		length_ns = reset_ms < WINDOW_LONGEST_NS / NS_PER_MS ? reset_ms * NS_PER_MS : WINDOW_LONGEST_NS;
	STORE(&w->until_ns, now_ns + length_ns);
	STORE(&w->left, left);
}

void vital_limits(struct vital *v, const struct rate_limit *limit, int64_t now_ns)
{
	if (v->is_spare)
		return;
	if (!limit->said) {
		STORE(&v->requests_window.left, UNKNOWN);
		STORE(&v->tokens_window.left, UNKNOWN);
		return;
	}
	window_note(&v->requests_window, limit->requests_left, limit->requests_reset_ms, now_ns);
	window_note(&v->tokens_window, limit->tokens_left, limit->tokens_reset_ms, now_ns);
}

void vital_saturated(struct vital *v, int64_t until_ns)
{
	int64_t old = LOAD(&v->saturated_until_ns);

	if (v->is_spare)
		return;
	while (old < until_ns && !EXCHANGE(&v->saturated_until_ns, &old, until_ns))
		;
}

/* ---- what is known ---- */

/* What is left in the window, and the later of `until_ns` and its end when that is less than `needed`. */
static int64_t window_look(const struct window *w, int64_t needed, int64_t now_ns, int64_t *until_ns)
{
	int64_t left = LOAD(&w->left), end_ns = LOAD(&w->until_ns);

	if (left < 0 || end_ns <= now_ns)
		return UNKNOWN;
	if (left < needed && end_ns > *until_ns)
		*until_ns = end_ns;
	return left;
}

static int64_t whole(double value)
{
	return value < 0 ? UNKNOWN : (int64_t)(value + 0.5);
}

void vital_look(const struct vital *v, int64_t tokens, int64_t now_ns, struct vital_signs *ret)
{
	double success = LOAD(&v->success);
	int64_t age_ns = now_ns - LOAD(&v->first_token_seen_ns), until_ns = LOAD(&v->saturated_until_ns);

	ret->first_token_us = whole(LOAD(&v->first_token_us));
	ret->first_token_mean_us = whole(LOAD(&v->first_token_mean_us));
	ret->first_token_age_ns = age_ns > 0 ? age_ns : 0;
	ret->token_ns = whole(LOAD(&v->token_ns));
	ret->connect_us = whole(LOAD(&v->connect_us));
	ret->in_flight = LOAD(&v->in_flight);
	ret->success_permille = success < 0 ? UNKNOWN : (int)(success * 1000 + 0.5);
	until_ns = until_ns > now_ns ? until_ns : 0;
	ret->requests_left = window_look(&v->requests_window, 1, now_ns, &until_ns);
	ret->tokens_left = window_look(&v->tokens_window, tokens > 0 ? tokens : 1, now_ns, &until_ns);
	ret->saturated_until_ns = until_ns;
}

void vitals_each(struct vitals *t, int64_t now_ns, void (*each)(const struct vital_view *view, void *ctx), void *ctx)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct vital *v = atomic_load_explicit(&t->slots[i], memory_order_acquire);
		struct vital_view view;

		if (!v)
			continue;
		view = (struct vital_view){
			.provider = v->provider, .model = v->model, .credential = v->credential, .key = v->key,
			.p50_us = vital_percentile(v, 50, now_ns), .p95_us = vital_percentile(v, 95, now_ns),
			.requests = LOAD(&v->requests), .faults = LOAD(&v->faults),
		};
		vital_look(v, 0, now_ns, &view.signs);
		each(&view, ctx);
	}
}
