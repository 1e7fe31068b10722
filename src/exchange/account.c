/* SPDX-License-Identifier: Apache-2.0 */
/* What attempts have used and cost: the provider's own numbers, and estimates where it told none. */
#include "exchange/exchange_internal.h"

/* What the provider did not tell is estimated from what went through, and marked. A stream that broke off before its
 * last report has said less than it delivered: Anthropic's message_start counts one token, Gemini's first chunks none
 * (pain.md F1, F11). */
static void estimate_untold(struct exchange *x, const struct attempt *a, struct usage *u)
{
	int64_t delivered = (int64_t)((a->reader.output_bytes + 3) / 4);

	if (!u->reported)
		*u = (struct usage){ .estimated = true, .input = exchange_prompt_tokens(x), .output = delivered };
	else if (a->streams && !a->reader.finished && u->output < delivered) {
		u->output = delivered;
		u->estimated = true;
	}
}

static bool account(struct exchange *x, struct attempt *a, struct usage *ret)
{
	/* What a stored response has used was booked when it was made. */
	if (!a->live || !a->upstream || x->endpoint->kind == ENDPOINT_STORED)
		return false;
	*ret = a->reader.usage;
	if (a->upstream->request_sent)
		estimate_untold(x, a, ret);
	usage_clamp(ret);
	record_attempt(&x->record, a->row)->cost_nano_usd = price_cost(&a->price, ret);
	return true;
}

/* A provider that told its usage before it failed will bill it, and so will one whose answer was begun, or was cut off
 * because somebody else's came first. */
void exchange_account_lost(struct exchange *x, struct attempt *a)
{
	struct usage ignored;

	if (a->reader.usage.reported || a->reader.content || (a->lost && a->upstream && a->upstream->request_sent))
		account(x, a, &ignored);
}

void exchange_account(struct exchange *x)
{
	struct attempt *a = x->attempt;

	if (!account(x, a, &x->record.usage))
		return;
	x->record.cost_nano_usd = record_cost(&x->record);
	x->record.model_provider = exchange_keep(x, slice_cstr(a->reader.model));
}
