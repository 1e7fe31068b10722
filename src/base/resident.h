/* SPDX-License-Identifier: Apache-2.0 */
/* What a start or a rare task has made resident, given back: code and tables that nothing runs again. The pages stay
 * in the kernel's cache and are mapped again by whoever touches them, sixteen at a time. A debugger's breakpoints from
 * before go with them. */
#pragma once

/* Of the library or program that has this function in it; NULL: of all of them, and what the allocator has to spare. */
void resident_release(void (*function)(void));
