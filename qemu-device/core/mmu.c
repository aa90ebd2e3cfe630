/* SPDX-License-Identifier: MIT */
#include "mmu.h"

#include "dev.h"

/*
 * Read an aligned 64-bit word at a bus address, once. False: nothing answers, or it is not aligned,
 * as entries are when the host put their table to an odd place.
 */
static bool read_word(struct npu_dev *dev, uint64_t bus, uint64_t *value)
{
	size_t len = sizeof(*value);
	const void *host;

	if (bus % sizeof(*value))
		return false;
	host = dev_map(dev, bus, &len, false);
	if (!host || len < sizeof(*value))
		return false;
	*value = __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
	return true;
}

/* What all pages without memory read as. */
static const _Alignas(64) uint8_t zero_page[NPU_PAGE_SIZE];

/* Is the leaf entry pte at this level good for the access? */
static bool leaf_permits(uint64_t pte, unsigned int level, enum npu_access access)
{
	const uint64_t ppn = (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT;

	const bool sparse = pte & NPU_PTE_SPARSE;

	if ((level > 1 && !sparse) || !(pte & NPU_PTE_U))
		return false;
	if ((pte & NPU_PTE_W) && !(pte & NPU_PTE_R))
		return false;
	if (level == 1 && !sparse && (ppn & (NPU_PT_ENTRIES - 1)))
		return false; /* misaligned 2 MiB page */
	switch (access) {
	case NPU_ACCESS_READ:
		return pte & NPU_PTE_R;
	case NPU_ACCESS_WRITE:
		return pte & NPU_PTE_W;
	case NPU_ACCESS_EXEC:
		return (pte & NPU_PTE_X) && !sparse;
	default:
		return false;
	}
}

/* The leaf entry pte of va, found at this level. */
static enum npu_job_error leaf(uint64_t pte, unsigned int level, uint64_t va,
			       enum npu_access access, struct mmu_page *page)
{
	const unsigned int shift = NPU_PAGE_SHIFT + NPU_PT_INDEX_BITS * level;
	const uint64_t base = (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;

	if (!leaf_permits(pte, level, access))
		return NPU_JOB_PAGE_FAULT;
	page->sparse = pte & NPU_PTE_SPARSE;
	page->bus = page->sparse ? 0 : base | (va & ((1ull << shift) - 1) & ~(NPU_PAGE_SIZE - 1));
	page->readable = pte & NPU_PTE_R;
	page->writable = pte & NPU_PTE_W;
	page->executable = (pte & NPU_PTE_X) && !page->sparse;
	page->large = level > 0;
	return NPU_JOB_OK;
}

/* The part of the address space that one table of the last level covers. */
static uint64_t region_of(uint64_t va)
{
	return (va >> (NPU_PAGE_SHIFT + NPU_PT_INDEX_BITS)) + 1;
}

static struct mmu_line *next_line(struct mmu_cache *cache)
{
	struct mmu_line *line = &cache->line[cache->next];

	cache->next = (cache->next + 1) % MMU_CACHE_LINES;
	return line;
}

/* The table of va's last level is at bus. */
static void remember(struct npu_dev *dev, struct mmu_cache *cache, uint64_t va, uint64_t bus)
{
	size_t len = NPU_PAGE_SIZE;
	const void *host = dev_map(dev, bus, &len, false);

	if (!host || len < NPU_PAGE_SIZE || (uintptr_t)host % sizeof(uint64_t))
		return;
	*next_line(cache) = (struct mmu_line){.region = region_of(va), .table = host};
}

/* What is known of the last steps of va's walk, or NULL. */
static const struct mmu_line *recall(const struct mmu_cache *cache, uint64_t va)
{
	const uint64_t region = region_of(va);

	for (unsigned int i = 0; i < MMU_CACHE_LINES; i++)
		if (cache->line[i].region == region)
			return &cache->line[i];
	return NULL;
}

/* cache may be NULL. */
static enum npu_job_error walk(struct npu_dev *dev, struct mmu_cache *cache, unsigned int as,
			       uint64_t va, enum npu_access access, struct mmu_page *page)
{
	const uint64_t table = __atomic_load_n(&dev->regs.as_table, __ATOMIC_RELAXED);
	uint64_t entry = table + as * sizeof(struct npu_as_entry);
	uint64_t satp, reserved, base;
	const struct mmu_line *known;

	if (as >= NPU_MAX_AS || va < NPU_VA_MIN || va >= NPU_VA_MAX)
		return NPU_JOB_PAGE_FAULT;
	known = cache ? recall(cache, va) : NULL;
	if (known && !known->table)
		return leaf(known->large, 1, va, access, page);
	if (cache) {
		cache->walks += !known;
		cache->reads += known ? 1 : sizeof(struct npu_as_entry) / sizeof(satp);
	}
	if (known) {
		const uint64_t index = va >> NPU_PAGE_SHIFT & (NPU_PT_ENTRIES - 1);
		const uint64_t pte = __atomic_load_n(&known->table[index], __ATOMIC_RELAXED);

		if (!(pte & NPU_PTE_V) || (pte & NPU_PTE_RESERVED) ||
		    !(pte & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X)))
			return NPU_JOB_PAGE_FAULT;
		return leaf(pte, 0, va, access, page);
	}
	if (!read_word(dev, entry, &satp) || !read_word(dev, entry + 8, &reserved))
		return NPU_JOB_BUS_ERROR;
	if (satp >> NPU_SATP_MODE_SHIFT != NPU_SATP_MODE_SV48 || reserved)
		return NPU_JOB_PAGE_FAULT;

	base = (satp & NPU_SATP_PPN_MASK) << NPU_PAGE_SHIFT;
	for (unsigned int level = NPU_PT_LEVELS; level-- > 0;) {
		const unsigned int shift = NPU_PAGE_SHIFT + NPU_PT_INDEX_BITS * level;
		const uint64_t index = va >> shift & (NPU_PT_ENTRIES - 1);
		uint64_t pte;

		if (level == 0 && cache)
			remember(dev, cache, va, base);
		if (cache)
			cache->reads++;
		if (!read_word(dev, base + 8 * index, &pte))
			return NPU_JOB_BUS_ERROR;
		if (!(pte & NPU_PTE_V) || (pte & NPU_PTE_RESERVED))
			return NPU_JOB_PAGE_FAULT;
		if (pte & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X)) {
			if (level == 1 && cache)
				*next_line(cache) = (struct mmu_line){.region = region_of(va), .large = pte};
			return leaf(pte, level, va, access, page);
		}
		/* The specification reserves these bits in pointers to the next level. */
		if (pte & (NPU_PTE_U | NPU_PTE_A | NPU_PTE_D | NPU_PTE_SPARSE))
			return NPU_JOB_PAGE_FAULT;
		base = (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;
	}
	return NPU_JOB_PAGE_FAULT; /* a pointer where only a leaf may be */
}

enum npu_job_error mmu_walk(struct npu_dev *dev, unsigned int as, uint64_t va,
			    enum npu_access access, struct mmu_page *page)
{
	return walk(dev, NULL, as, va, access, page);
}

enum npu_job_error mmu_map(struct npu_dev *dev, struct mmu_cache *cache, unsigned int core,
			   unsigned int as, uint64_t va, enum npu_access access,
			   struct mmu_page *page, uint8_t **host)
{
	/* This is done for every page: one look for all of them. */
	const bool faults = fault_any(&dev->fault);
	enum npu_job_error error;
	size_t len = NPU_PAGE_SIZE;

	if (faults && fault_strikes_arg(dev, NPU_FAULT_MMU_ERROR, core, NPU_FAULT_WALK_BUS))
		return NPU_JOB_BUS_ERROR;
	if (faults && fault_strikes_arg(dev, NPU_FAULT_MMU_ERROR, core, NPU_FAULT_WALK_ENTRY))
		return NPU_JOB_PAGE_FAULT;
	error = walk(dev, cache, as, va, access, page);
	if (error != NPU_JOB_OK)
		return error;
	if (page->sparse) {
		*host = access == NPU_ACCESS_WRITE ? dev->sink : (uint8_t *)(uintptr_t)zero_page;
		return NPU_JOB_OK;
	}
	if (faults && fault_strikes_bus(dev, core, page->bus, NPU_PAGE_SIZE))
		return NPU_JOB_BUS_ERROR;
	*host = dev_map(dev, page->bus, &len, access == NPU_ACCESS_WRITE);
	if (!*host || len < NPU_PAGE_SIZE)
		return NPU_JOB_BUS_ERROR;
	return NPU_JOB_OK;
}
