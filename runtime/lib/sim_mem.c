// SPDX-License-Identifier: MIT
/*
 * Memory of the simulated machine. A range of addresses is reserved once, and parts of it become
 * memory as they are allocated; a bus address is an offset into it. So the device finds a page
 * without a lock, and addresses without memory do not answer, to whoever tries them. Behind every
 * allocation a page stays without memory: a program that runs past a buffer's end hits it.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE	  NPU_LARGE_PAGE_SIZE
#define PAGE	  NPU_PAGE_SIZE
#define SLAB_SIZE LARGE

int sim_mem_init(struct sim_mem *mem, uint64_t limit)
{
	/* Gaps and boundaries take as many addresses again. */
	const uint64_t size = 2 * limit;
	uint8_t *base;
	uintptr_t skip;

	memset(mem, 0, sizeof(*mem));
	mem->limit = limit;
	base = mmap(NULL, size + LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	/* On a boundary that large pages of the host want. */
	skip = -(uintptr_t)base & (LARGE - 1);
	if (skip)
		munmap(base, skip);
	munmap(base + skip + size, LARGE - skip);
	mem->base = base + skip;
	mem->size = size;
	mem->present = calloc((size / PAGE + 63) / 64, sizeof(*mem->present));
	if (!mem->present || npurt_va_init(&mem->ranges, SIM_MEM_BASE, SIM_MEM_BASE + size)) {
		munmap(mem->base, size);
		free(mem->present);
		return -ENOMEM;
	}
	pthread_mutex_init(&mem->lock, NULL);
	return 0;
}

void sim_mem_fini(struct sim_mem *mem)
{
	munmap(mem->base, mem->size);
	free(mem->present);
	free(mem->slabs);
	npurt_va_fini(&mem->ranges);
	pthread_mutex_destroy(&mem->lock);
}

static void set_present(struct sim_mem *mem, uint64_t bus, uint64_t size, bool present)
{
	uint64_t page = (bus - SIM_MEM_BASE) / PAGE, end = page + size / PAGE;

	while (page < end) {
		uint64_t bit = page % 64;
		uint64_t count = end - page < 64 - bit ? end - page : 64 - bit;
		uint64_t mask = (count == 64 ? ~0ull : (1ull << count) - 1) << bit;

		if (present)
			atomic_fetch_or(&mem->present[page / 64], mask);
		else
			atomic_fetch_and(&mem->present[page / 64], ~mask);
		page += count;
	}
}

/* Lock held. */
static int alloc(struct sim_mem *mem, uint64_t size, uint64_t *ret_bus)
{
	uint64_t bus;

	if (size > mem->limit - mem->used ||
	    npurt_va_alloc(&mem->ranges, size + PAGE, size >= LARGE ? LARGE : PAGE, &bus))
		return -ENOMEM;
	if (mprotect(sim_mem_ptr(mem, bus), size, PROT_READ | PROT_WRITE)) {
		npurt_va_free(&mem->ranges, bus, size + PAGE);
		return -ENOMEM;
	}
	if (size >= LARGE)
		madvise(sim_mem_ptr(mem, bus), size, MADV_HUGEPAGE);
	set_present(mem, bus, size, true);
	mem->used += size;
	*ret_bus = bus;
	return 0;
}

int sim_mem_alloc(struct sim_mem *mem, uint64_t size, uint64_t *ret_bus)
{
	int err;

	pthread_mutex_lock(&mem->lock);
	err = alloc(mem, size, ret_bus);
	pthread_mutex_unlock(&mem->lock);
	return err;
}

void sim_mem_free(struct sim_mem *mem, uint64_t bus, uint64_t size)
{
	pthread_mutex_lock(&mem->lock);
	set_present(mem, bus, size, false);
	mem->used -= size;
	/* Fresh addresses in its place. Should that fail, nobody may have these any more. */
	if (mmap(sim_mem_ptr(mem, bus), size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		npurt_va_free(&mem->ranges, bus, size + PAGE);
	pthread_mutex_unlock(&mem->lock);
}

/* Cut a new slab into pages. Lock held. */
static int add_slab(struct sim_mem *mem)
{
	uint64_t *grown = reallocarray(mem->slabs, mem->slab_count + 1, sizeof(*grown));
	uint64_t bus;

	if (!grown)
		return -ENOMEM;
	mem->slabs = grown;
	if (alloc(mem, SLAB_SIZE, &bus))
		return -ENOMEM;
	mem->slabs[mem->slab_count++] = bus;
	for (uint64_t at = SLAB_SIZE; at; at -= PAGE) {
		*(uint64_t *)sim_mem_ptr(mem, bus + at - PAGE) = mem->free_page;
		mem->free_page = bus + at - PAGE;
	}
	return 0;
}

int sim_mem_page_alloc(struct sim_mem *mem, uint64_t *ret_bus)
{
	uint64_t *page;
	int err = 0;

	pthread_mutex_lock(&mem->lock);
	if (!mem->free_page)
		err = add_slab(mem);
	if (!err) {
		*ret_bus = mem->free_page;
		page = sim_mem_ptr(mem, mem->free_page);
		mem->free_page = *page;
		memset(page, 0, PAGE);
	}
	pthread_mutex_unlock(&mem->lock);
	return err;
}

void sim_mem_page_free(struct sim_mem *mem, uint64_t bus)
{
	pthread_mutex_lock(&mem->lock);
	*(uint64_t *)sim_mem_ptr(mem, bus) = mem->free_page;
	mem->free_page = bus;
	pthread_mutex_unlock(&mem->lock);
}

static bool is_present(const struct sim_mem *mem, uint64_t page)
{
	return atomic_load_explicit(&mem->present[page / 64], memory_order_relaxed) >> page % 64 &
	       1;
}

void *sim_mem_find(const struct sim_mem *mem, uint64_t bus, size_t *len)
{
	const uint64_t offset = bus - SIM_MEM_BASE;
	uint64_t page = offset / PAGE, got = PAGE - offset % PAGE;

	if (offset >= mem->size || !is_present(mem, page))
		return NULL;
	while (got < *len && ++page < mem->size / PAGE && is_present(mem, page))
		got += PAGE;
	if (*len > got)
		*len = got;
	return mem->base + offset;
}
