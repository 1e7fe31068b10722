/* SPDX-License-Identifier: Apache-2.0 */
/* The row of a model that no row of catalogue/rules.yaml matches. */
#include "llm/rules.h"

const struct model_rules model_rules_unknown = { .system_role = SYSTEM_AS_SYSTEM };
