/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces as the hardware sees them. */
#ifndef NPU_MMU_H
#define NPU_MMU_H

#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "npu_pgtable.h"

struct npu_device;

/** struct npu_mmu - the table of address spaces, and invalidation */
struct npu_mmu {
	/** @table: entry per ASID */
	struct npu_as_entry *table;
	/** @table_dma: bus address of @table */
	dma_addr_t table_dma;
	/** @asids: those in use */
	struct ida asids;
	/** @lock: one invalidation at a time; taken inside of &npu_device.hw_sem */
	struct mutex lock;
};

int npu_mmu_init(struct npu_device *npu);
int npu_mmu_space_alloc(struct npu_device *npu);
void npu_mmu_space_free(struct npu_device *npu, u32 asid);
void npu_mmu_space_set(struct npu_device *npu, u32 asid, dma_addr_t root);
bool npu_mmu_try_invalidate(struct npu_device *npu, u32 asid);
int npu_mmu_invalidate(struct npu_device *npu, u32 asid, u64 va, u64 size);

#endif /* NPU_MMU_H */
