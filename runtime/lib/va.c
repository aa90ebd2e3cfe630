// SPDX-License-Identifier: MIT
/*
 * Free ranges as a sorted array: programs map hundreds of buffers, not
 * millions, and first fit keeps the array short. Two free ranges have at least one
 * taken range between them, so n taken ranges leave at most n + 1 free ones:
 * room for those is made when taking, and giving back never allocates.
 */
#include "va.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct npurt_va *va, size_t slots)
{
	struct npurt_va_range *grown;
	size_t room;

	if (slots <= va->room)
		return 0;
	room = slots * 2;
	grown = reallocarray(va->free, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	va->free = grown;
	va->room = room;
	return 0;
}

int npurt_va_init(struct npurt_va *va, uint64_t start, uint64_t end)
{
	memset(va, 0, sizeof(*va));
	if (make_room(va, 4))
		return -ENOMEM;
	va->free[0] = (struct npurt_va_range){start, end};
	va->count = 1;
	va->start = start;
	va->end = end;
	return 0;
}

void npurt_va_fini(struct npurt_va *va)
{
	free(va->free);
	memset(va, 0, sizeof(*va));
}

/* Cut [start, end), which lies within range i, out of it. There is room for one range more. */
static void cut(struct npurt_va *va, size_t i, uint64_t start, uint64_t end)
{
	struct npurt_va_range *range = &va->free[i];

	if (range->start == start && range->end == end) {
		memmove(range, range + 1, (va->count - i - 1) * sizeof(*range));
		va->count--;
	} else if (range->start == start) {
		range->start = end;
	} else if (range->end == end) {
		range->end = start;
	} else {
		memmove(range + 1, range, (va->count - i) * sizeof(*range));
		va->count++;
		range[0].end = start;
		range[1].start = end;
	}
}

int npurt_va_alloc(struct npurt_va *va, uint64_t size, uint64_t align, uint64_t *ret_start)
{
	if (make_room(va, va->taken + 2))
		return -ENOMEM;
	for (size_t i = 0; i < va->count; i++) {
		uint64_t start = (va->free[i].start + align - 1) & ~(align - 1);

		if (start < va->free[i].start || start >= va->free[i].end ||
		    va->free[i].end - start < size)
			continue;
		cut(va, i, start, start + size);
		va->taken++;
		*ret_start = start;
		return 0;
	}
	return -ENOSPC;
}

int npurt_va_reserve(struct npurt_va *va, uint64_t start, uint64_t size)
{
	if (!size || start < va->start || start >= va->end || va->end - start < size)
		return -EINVAL;
	if (make_room(va, va->taken + 2))
		return -ENOMEM;
	for (size_t i = 0; i < va->count; i++) {
		if (va->free[i].start <= start && va->free[i].end >= start + size) {
			cut(va, i, start, start + size);
			va->taken++;
			return 0;
		}
	}
	return -EBUSY;
}

void npurt_va_free(struct npurt_va *va, uint64_t start, uint64_t size)
{
	uint64_t end = start + size;
	bool joins_left, joins_right;
	size_t i = 0;

	va->taken--;
	while (i < va->count && va->free[i].end < start)
		i++;
	/* Range i, if any, ends at start or lies behind it. */
	joins_left = i < va->count && va->free[i].end == start;
	if (joins_left) {
		joins_right = i + 1 < va->count && va->free[i + 1].start == end;
		if (!joins_right) {
			va->free[i].end = end;
			return;
		}
		va->free[i].end = va->free[i + 1].end;
		memmove(&va->free[i + 1], &va->free[i + 2],
			(va->count - i - 2) * sizeof(va->free[0]));
		va->count--;
		return;
	}
	joins_right = i < va->count && va->free[i].start == end;
	if (joins_right) {
		va->free[i].start = start;
		return;
	}
	memmove(&va->free[i + 1], &va->free[i], (va->count - i) * sizeof(va->free[0]));
	va->free[i] = (struct npurt_va_range){start, end};
	va->count++;
}
