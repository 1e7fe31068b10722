/* SPDX-License-Identifier: Apache-2.0 */
/* A request that is still running, as the admin plane shows it. */
#include "exchange/exchange_internal.h"

bool exchange_write_running(const struct worker *w, struct slice id, struct json_writer *to, struct arena *a)
{
	LIST_EACH(node, &w->exchanges) {
		const struct exchange *x = LIST_ENTRY(node, struct exchange, node);

		if (!slice_eq(slice_cstr(x->record.request_id), id))
			continue;
		json_begin_object(to);
		json_member_cstr(to, "request_id", x->record.request_id);
		json_member_cstr(to, "step", exchange_step_name(x->step));
		json_member_int(to, "attempt_count", x->record.attempt_count);
		json_literal_key(to, "decision");
		if (x->explanation) {
			json_begin_object(to);
			explanation_write(x->explanation, &x->snapshot->config->routing, to, a);
			json_end_object(to);
		} else {
			json_null(to);
		}
		json_end_object(to);
		return true;
	}
	return false;
}
