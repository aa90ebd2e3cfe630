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

/* Is the leaf entry pte at this level good for the access? */
static bool leaf_permits(uint64_t pte, unsigned int level, enum npu_access access)
{
	const uint64_t ppn = (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT;

	if (level > 1 || !(pte & NPU_PTE_U))
		return false;
	if ((pte & NPU_PTE_W) && !(pte & NPU_PTE_R))
		return false;
	if (level == 1 && (ppn & (NPU_PT_ENTRIES - 1)))
		return false; /* misaligned 2 MiB page */
	switch (access) {
	case NPU_ACCESS_READ:
		return pte & NPU_PTE_R;
	case NPU_ACCESS_WRITE:
		return pte & NPU_PTE_W;
	case NPU_ACCESS_EXEC:
		return pte & NPU_PTE_X;
	default:
		return false;
	}
}

enum npu_job_error mmu_walk(struct npu_dev *dev, unsigned int as, uint64_t va,
			    enum npu_access access, struct mmu_page *page)
{
	const uint64_t table = __atomic_load_n(&dev->regs.as_table, __ATOMIC_RELAXED);
	uint64_t entry = table + as * sizeof(struct npu_as_entry);
	uint64_t satp, reserved, base;

	if (as >= NPU_MAX_AS || va < NPU_VA_MIN || va >= NPU_VA_MAX)
		return NPU_JOB_PAGE_FAULT;
	if (!read_word(dev, entry, &satp) || !read_word(dev, entry + 8, &reserved))
		return NPU_JOB_BUS_ERROR;
	if (satp >> NPU_SATP_MODE_SHIFT != NPU_SATP_MODE_SV48 || reserved)
		return NPU_JOB_PAGE_FAULT;

	base = (satp & NPU_SATP_PPN_MASK) << NPU_PAGE_SHIFT;
	for (unsigned int level = NPU_PT_LEVELS; level-- > 0;) {
		const unsigned int shift = NPU_PAGE_SHIFT + NPU_PT_INDEX_BITS * level;
		const uint64_t index = va >> shift & (NPU_PT_ENTRIES - 1);
		uint64_t pte;

		if (!read_word(dev, base + 8 * index, &pte))
			return NPU_JOB_BUS_ERROR;
		if (!(pte & NPU_PTE_V) || (pte & NPU_PTE_RESERVED))
			return NPU_JOB_PAGE_FAULT;
		base = (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;
		if (pte & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X)) {
			if (!leaf_permits(pte, level, access))
				return NPU_JOB_PAGE_FAULT;
			page->bus = base | (va & ((1ull << shift) - 1) & ~(NPU_PAGE_SIZE - 1));
			page->readable = pte & NPU_PTE_R;
			page->writable = pte & NPU_PTE_W;
			page->executable = pte & NPU_PTE_X;
			page->large = level == 1;
			return NPU_JOB_OK;
		}
		/* The specification reserves these bits in pointers to the next level. */
		if (pte & (NPU_PTE_U | NPU_PTE_A | NPU_PTE_D))
			return NPU_JOB_PAGE_FAULT;
	}
	return NPU_JOB_PAGE_FAULT; /* a pointer where only a leaf may be */
}

enum npu_job_error mmu_map(struct npu_dev *dev, unsigned int core, unsigned int as, uint64_t va,
			   enum npu_access access, struct mmu_page *page, uint8_t **host)
{
	enum npu_job_error error;
	size_t len = NPU_PAGE_SIZE;

	if (fault_strikes_arg(dev, NPU_FAULT_MMU_ERROR, core, NPU_FAULT_WALK_BUS))
		return NPU_JOB_BUS_ERROR;
	if (fault_strikes_arg(dev, NPU_FAULT_MMU_ERROR, core, NPU_FAULT_WALK_ENTRY))
		return NPU_JOB_PAGE_FAULT;
	error = mmu_walk(dev, as, va, access, page);
	if (error != NPU_JOB_OK)
		return error;
	if (fault_strikes_bus(dev, core, page->bus, NPU_PAGE_SIZE))
		return NPU_JOB_BUS_ERROR;
	*host = dev_map(dev, page->bus, &len, access == NPU_ACCESS_WRITE);
	if (!*host || len < NPU_PAGE_SIZE)
		return NPU_JOB_BUS_ERROR;
	return NPU_JOB_OK;
}
