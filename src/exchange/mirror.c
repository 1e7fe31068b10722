/* SPDX-License-Identifier: Apache-2.0 */
/* Shadows (`mirror:`): a share of the requests is asked of another target as well. The shadow is an exchange of its own
 * whose client takes everything and keeps nothing; it has its own record, so that its cost is booked apart, and nothing
 * of it can touch the answer. */
#include "exchange/exchange_internal.h"

void mirror_start(struct exchange *x)
{
	struct server_stream *sink;
	struct exchange *shadow;

	if (!x->plan.mirror || x->is_shadow || stored_is_referred_to(x))
		return;
	sink = server_stream_new_sink(x->worker->server, x->stream, buf_slice(&x->body));
	if (!sink)
		return;
	exchange_accept(sink, x->worker);
	shadow = sink->owner;
	shadow->draw = x->draw;
	shadow->is_shadow = true;
	memcpy(shadow->record.mirror_of, x->record.request_id, sizeof(shadow->record.mirror_of));
}

void mirror_plan(struct exchange *x)
{
	struct plan *plan = &x->plan;

	if (!x->is_shadow || !plan->mirror)
		return;
	plan->candidates = plan->mirror;
	plan->count = plan->usable = 1;
	plan->mirror = NULL;
	plan->hedge.on = false;
	plan->rescue = (struct rescue_list){ 0 };
	plan->when_down = WHEN_DOWN_REFUSE;
	plan->conversation = 0;
}
