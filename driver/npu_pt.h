/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables. */
#ifndef NPU_PT_H
#define NPU_PT_H

#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "npu_pgtable.h"

struct device;

/**
 * struct npu_pt - one table of NPU_PT_ENTRIES entries
 *
 * The device sees @ptes only. @child is the CPU's own view of the tree.
 */
struct npu_pt {
	/** @node: in a list of tables that are not in a tree: spare, or to be freed */
	struct list_head node;
	/** @ptes: the entries, one page */
	u64 *ptes;
	/** @dma: bus address of @ptes */
	dma_addr_t dma;
	/** @live: valid entries */
	u16 live;
	/** @level: 0 (4 KiB leaves) to NPU_PT_LEVELS - 1 (root) */
	u8 level;
	/** @child: tables that entries point to, where @level is not 0 */
	struct npu_pt *child[];
};

/** struct npu_pt_source - what to map: a range of DMA-mapped pages, or nothing at all */
struct npu_pt_source {
	/** @sgt: pages of the object; NULL: no memory, reads give zeros and writes are dropped */
	struct sg_table *sgt;
	/** @offset: first byte of the object, page aligned */
	u64 offset;
	/** @prot: NPU_PTE_* permissions of the leaves */
	u64 prot;
};

/**
 * struct npu_pt_ctx - one change to a tree of tables
 *
 * Use: npu_pt_prepare(), which may fail and needs no lock; then npu_pt_map() or npu_pt_unmap() over
 * the same range, serialised by the owner of the tree; then invalidate; then npu_pt_release().
 */
struct npu_pt_ctx {
	/** @dev: device that reads the tables */
	struct device *dev;
	/** @spare: tables that the change may need: of level 0, and of others */
	struct list_head spare[2];
	/** @dropped: tables that the device may still be reading until it is invalidated */
	struct list_head dropped;
};

struct npu_pt *npu_pt_create_root(struct device *dev);
void npu_pt_destroy(struct device *dev, struct npu_pt *root);
void npu_pt_ctx_init(struct npu_pt_ctx *ctx, struct device *dev);
int npu_pt_prepare(struct npu_pt_ctx *ctx, u64 va, u64 size, const struct npu_pt_source *src);
void npu_pt_map(struct npu_pt_ctx *ctx, struct npu_pt *root, u64 va, u64 size,
		const struct npu_pt_source *src);
void npu_pt_unmap(struct npu_pt_ctx *ctx, struct npu_pt *root, u64 va, u64 size);
void npu_pt_zap(struct device *dev, struct npu_pt *root, u64 va, u64 size);
void npu_pt_release(struct npu_pt_ctx *ctx);

#endif /* NPU_PT_H */
