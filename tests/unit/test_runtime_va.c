// SPDX-License-Identifier: MIT
/* Device address allocator: against a map of single pages. */
#include <errno.h>

#include "fixture.h"
#include "va.h"

#define PAGE  4096ull
#define PAGES 512u
#define BASE  0x10000ull

/* The free ranges are sorted, apart, and exactly the pages that taken[] says are free. */
static bool consistent(const struct npurt_va *va, const bool *taken)
{
	unsigned int page = 0;

	for (size_t i = 0; i < va->count; i++) {
		uint64_t first = (va->free[i].start - BASE) / PAGE;
		uint64_t end = (va->free[i].end - BASE) / PAGE;

		if (first >= end || (i && va->free[i - 1].end >= va->free[i].start))
			return false;
		for (; page < first; page++)
			if (!taken[page])
				return false;
		for (; page < end; page++)
			if (taken[page])
				return false;
	}
	for (; page < PAGES; page++)
		if (!taken[page])
			return false;
	return true;
}

static void test_edges(void)
{
	struct npurt_va va;
	uint64_t at;

	NEED(npurt_va_init(&va, BASE, BASE + 8 * PAGE));
	tap_is((unsigned long long)-npurt_va_alloc(&va, 9 * PAGE, PAGE, &at), ENOSPC, "too large");
	tap_ok(!npurt_va_alloc(&va, 8 * PAGE, PAGE, &at) && at == BASE, "exactly all");
	tap_is((unsigned long long)-npurt_va_alloc(&va, PAGE, PAGE, &at), ENOSPC, "full");
	npurt_va_free(&va, BASE, 8 * PAGE);
	tap_is((unsigned long long)-npurt_va_reserve(&va, BASE - PAGE, PAGE), EINVAL, "below");
	tap_is((unsigned long long)-npurt_va_reserve(&va, BASE + 8 * PAGE, PAGE), EINVAL, "above");
	tap_is((unsigned long long)-npurt_va_reserve(&va, BASE, 0), EINVAL, "empty range");
	tap_is((unsigned long long)-npurt_va_reserve(&va, BASE + PAGE, UINT64_MAX - BASE), EINVAL,
	       "range that wraps");
	tap_ok(!npurt_va_reserve(&va, BASE + 2 * PAGE, 2 * PAGE), "reserve in the middle");
	tap_is((unsigned long long)-npurt_va_reserve(&va, BASE + 3 * PAGE, 2 * PAGE), EBUSY,
	       "overlap");
	tap_ok(!npurt_va_alloc(&va, PAGE, 4 * PAGE, &at) && at == BASE, "lowest");
	tap_ok(!npurt_va_alloc(&va, PAGE, 4 * PAGE, &at) && at == BASE + 4 * PAGE,
	       "lowest that is aligned");
	npurt_va_fini(&va);
	NEED(npurt_va_init(&va, BASE, 0x7f0000000000));
	tap_is((unsigned long long)-npurt_va_alloc(&va, UINT64_MAX & ~(PAGE - 1), PAGE, &at),
	       ENOSPC, "size near 2^64");
	npurt_va_fini(&va);
}

static void test_random(void)
{
	static struct {
		uint64_t at, pages;
	} held[PAGES];
	static bool taken[PAGES];
	unsigned int count = 0, state = 12345, steps = 20000, wrong = 0, refused = 0;
	struct npurt_va va;

	NEED(npurt_va_init(&va, BASE, BASE + PAGES * PAGE));
	for (unsigned int step = 0; step < steps; step++) {
		uint64_t pages, align, at;

		state = state * 1103515245 + 12345;
		pages = 1 + (state >> 16) % 20;
		align = PAGE << (state >> 24) % 4;
		if (count && (state >> 8) % 5 < 2) {
			unsigned int i = (state >> 12) % count;

			npurt_va_free(&va, held[i].at, held[i].pages * PAGE);
			for (uint64_t p = 0; p < held[i].pages; p++)
				taken[(held[i].at - BASE) / PAGE + p] = false;
			held[i] = held[--count];
		} else if (!npurt_va_alloc(&va, pages * PAGE, align, &at)) {
			wrong += at % align != 0;
			for (uint64_t p = 0; p < pages; p++) {
				wrong += taken[(at - BASE) / PAGE + p];
				taken[(at - BASE) / PAGE + p] = true;
			}
			held[count].at = at;
			held[count++].pages = pages;
		} else {
			refused++;
		}
		wrong += !consistent(&va, taken);
		wrong += va.taken != count;
	}
	tap_is(wrong, 0, "20000 random steps agree with a page map");
	tap_ok(refused > 100, "and ran out of space %u times", refused);
	while (count) {
		count--;
		npurt_va_free(&va, held[count].at, held[count].pages * PAGE);
	}
	tap_ok(va.count == 1 && va.free[0].start == BASE && va.free[0].end == BASE + PAGES * PAGE,
	       "all given back: one range again");
	npurt_va_fini(&va);
}

int main(void)
{
	test_edges();
	test_random();
	return tap_done();
}
