/* SPDX-License-Identifier: Apache-2.0 */
/* The loader keeps a list of what is mapped (dl_iterate_phdr(3)). Segments that cannot be written are as they are in
 * their file: relocations are in the others, and none of ours has relocations in its code (DT_TEXTREL). */
#include "base/resident.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 8 };             /* linkers make three or four that are not written */

static bool is_within(uintptr_t address, const struct dl_phdr_info *o, const ElfW(Phdr) *segment)
{
	return segment->p_type == PT_LOAD && address - (o->dlpi_addr + segment->p_vaddr) < segment->p_memsz;
}

static bool holds(const struct dl_phdr_info *o, uintptr_t address)
{
	for (unsigned i = 0; i < o->dlpi_phnum; i++)
		if (is_within(address, o, &o->dlpi_phdr[i]))
			return true;
	return false;
}

static bool says_relocated_code(const ElfW(Dyn) *d)
{
	for (; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
			return true;
	return false;
}

static bool has_relocated_code(const struct dl_phdr_info *o)
{
	for (unsigned i = 0; i < o->dlpi_phnum; i++)
		if (o->dlpi_phdr[i].p_type == PT_DYNAMIC &&
		    says_relocated_code((const ElfW(Dyn) *)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr)))
			return true;
	return false;
}

static void release_segment(const struct dl_phdr_info *o, const ElfW(Phdr) *segment)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = (o->dlpi_addr + segment->p_vaddr) & ~(page - 1);
	uintptr_t end = (o->dlpi_addr + segment->p_vaddr + segment->p_filesz + page - 1) & ~(page - 1);

	/* Where that is refused the pages stay, as they would have. */
	(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static int release(struct dl_phdr_info *o, size_t size, void *address)
{
	/* The kernel's own object (vDSO) has no file behind it. */
	bool has_file = o->dlpi_name[0] == '/' || o->dlpi_name[0] == '\0'; /* the program itself has no name */
	bool is_meant = address ? holds(o, *(const uintptr_t *)address) : has_file;
	ElfW(Phdr) segments[SEGMENTS_MAX];
	unsigned count = 0;

	if (!is_meant || has_relocated_code(o))
		return 0;
	/* The list is in the first of them: once that is released it is not read again. */
	for (unsigned i = 0; i < o->dlpi_phnum && count < SEGMENTS_MAX; i++)
		if (o->dlpi_phdr[i].p_type == PT_LOAD && !(o->dlpi_phdr[i].p_flags & PF_W))
			segments[count++] = o->dlpi_phdr[i];
	for (unsigned i = 0; i < count; i++)
		release_segment(o, &segments[i]);
	return 0;
}

void resident_release(void (*function)(void))
{
	uintptr_t address = (uintptr_t)function;

	dl_iterate_phdr(release, function ? &address : NULL);
	if (!function)
		malloc_trim(0);
}
