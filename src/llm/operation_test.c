/* SPDX-License-Identifier: Apache-2.0 */
/* The operations' names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "llm/operation.h"

static void test_names_lead_back(void **state)
{
	for (unsigned op = 0; op < OPERATION_COUNT; op++)
		assert_int_equal(operation_by_name(slice_cstr(operation_name((enum operation)op))), op);
	assert_int_equal(operation_by_name(SLICE("embeddings")), OPERATION_EMBEDDINGS);
	assert_int_equal(operation_by_name(SLICE("chats")), OPERATION_COUNT);
	assert_int_equal(operation_by_name((struct slice){ 0 }), OPERATION_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names_lead_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
