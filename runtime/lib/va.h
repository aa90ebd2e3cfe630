/* SPDX-License-Identifier: MIT */
/*
 * Allocator of device address space: which ranges of [start, end) are free.
 * Not locked; the owner does that.
 */
#ifndef NPURT_VA_H
#define NPURT_VA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct npurt_va_range {
	uint64_t start;
	uint64_t end;
};

struct npurt_va {
	struct npurt_va_range *free; /* sorted, disjoint, none touching the next, none empty */
	size_t count;
	size_t room;
	size_t taken; /* ranges taken and not given back */
	uint64_t start;
	uint64_t end;
};

/* start < end. -ENOMEM. */
int npurt_va_init(struct npurt_va *va, uint64_t start, uint64_t end);
void npurt_va_fini(struct npurt_va *va);
/*
 * Take size bytes (not 0) at the lowest free multiple of align, a power of two. -ENOSPC: no gap is
 * large enough. -ENOMEM.
 */
int npurt_va_alloc(struct npurt_va *va, uint64_t size, uint64_t align, uint64_t *ret_start);
/* Take [start, start + size). -EBUSY: some of it is taken. -EINVAL: outside. -ENOMEM. */
int npurt_va_reserve(struct npurt_va *va, uint64_t start, uint64_t size);
/* Give back exactly what one call took. Cannot fail. */
void npurt_va_free(struct npurt_va *va, uint64_t start, uint64_t size);

#endif /* NPURT_VA_H */
