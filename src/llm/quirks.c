/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the quirks, for the configuration. */
#include "llm/quirks.h"

const char *const quirk_names[QUIRK_COUNT] = {
#define X(name) [QUIRK_INDEX_##name] = #name,
	QUIRKS(X)
#undef X
};
