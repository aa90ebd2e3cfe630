/* SPDX-License-Identifier: MIT */
/*
 * Address translation: walks the Sv48 tables of an address space (npu_pgtable.h) and maps the pages
 * found. Tiles, tile DMA and copy engine keep the pointers they get in TLBs of their own, and the last
 * tables of walks in a struct mmu_cache, and drop both when told to.
 *
 * Tables and host memory belong to the guest and may change at any time: every entry is read once.
 */
#ifndef NPU_MMU_H
#define NPU_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_pgtable.h"
#include "npu_ring.h"

struct npu_dev;

/* A 4 KiB page of an address space. */
struct mmu_page {
	uint64_t bus; /* bus address */
	bool readable, writable, executable;
	bool large; /* part of a page larger than 4 KiB */
	bool sparse; /* there is no memory: reads give zeros, writes are dropped; bus is 0 */
};

/*
 * Look up the page of va in address space as. Returns NPU_JOB_OK, NPU_JOB_PAGE_FAULT, or
 * NPU_JOB_BUS_ERROR if a table lies where nothing answers. access must be READ, WRITE or EXEC.
 * The tile's own windows are not known here: they fault.
 */
enum npu_job_error mmu_walk(struct npu_dev *dev, unsigned int as, uint64_t va,
			    enum npu_access access, struct mmu_page *page);

/*
 * Where the last walks ended, for the next ones, in the same address space. All zero: empty. As many
 * as a kernel has arrays in hand.
 */
#define MMU_CACHE_LINES 4

struct mmu_line {
	uint64_t region;       /* number of the 2 MiB that it is about, + 1; 0: none */
	const uint64_t *table; /* of the last level, on the host; NULL: it is a large page, */
	uint64_t large;	       /* and this is its entry */
};

struct mmu_cache {
	struct mmu_line line[MMU_CACHE_LINES];
	unsigned int next; /* to be replaced */
	/*
	 * What was really done for it, which the host's choice of pages decides and the modelled figures
	 * must not know: walks from the root on, and entries read.
	 */
	uint64_t walks, reads;
};

/*
 * Walk and map: *host is the host address of the page's first byte, for writing if access is
 * NPU_ACCESS_WRITE, else for reading only; for a sparse page the two are different. Pages of which a part does not answer are bus errors.
 * cache is the caller's, to be emptied with its TLB; NULL: none. core: who asks, a tile number or
 * NPU_CORE_*.
 */
enum npu_job_error mmu_map(struct npu_dev *dev, struct mmu_cache *cache, unsigned int core,
			   unsigned int as, uint64_t va, enum npu_access access,
			   struct mmu_page *page, uint8_t **host);

#endif /* NPU_MMU_H */
