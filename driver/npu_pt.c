// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Page tables
 *
 * RISC-V Sv48 tables in pages of their own, in three steps per change:
 *
 * - npu_pt_prepare() does all that can fail: it allocates as many tables as the
 *   change can need at most. It does not look at the tree, which may change
 *   until the next step, and needs none of its locks.
 * - npu_pt_map() and npu_pt_unmap() change the tree and cannot fail. Tables that
 *   become empty, or are replaced by a larger leaf, leave the tree but not yet
 *   memory. They allocate nothing and wait for nothing, so that a fence may
 *   depend on them.
 * - After the TLB invalidation, which also waits for walks that are under way,
 *   npu_pt_release() frees those tables, and the spare ones.
 *
 * Every entry is written with one 64-bit store, so a walk in parallel sees the
 * old entry or the new one. Replacing a mapping writes over it: there is no
 * moment at which the range is unmapped. A large leaf that is replaced in part is
 * first split: a table that says the same is filled, then put in its place.
 *
 * Memory is mapped by leaves of 4 KiB, and of 2 MiB where address, pages and size
 * allow. Ranges without memory have leaves of every size that the tables have,
 * so that a terabyte of them takes two entries and not a million.
 *
 * Rejected: io-pgtable. It has no Sv48, maps one contiguous block per call and
 * allocates while it maps, so an operation could fail half way and would need
 * an undo path that is never exercised.
 *
 * Rejected: tables from dma_alloc_coherent(). They are the one kernel memory
 * of which a program can ask for much, by mapping sparsely; pages can be
 * charged to its memory cgroup.
 *
 * Rejected: looking which tables are there already before allocating. Binds that
 * wait for fences would have to count on tables that an earlier one may have
 * dropped by the time they run. What is left over is freed.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "npu_pt.h"

#define NPU_PT_LARGE_LEVEL 1
#define NPU_PT_ROOT_LEVEL (NPU_PT_LEVELS - 1)
#define NPU_PT_LEAF_BITS (NPU_PTE_V | NPU_PTE_U | NPU_PTE_A | NPU_PTE_D)

/** struct npu_pt_cursor - position in the pages of an object, as the device sees them */
struct npu_pt_cursor {
	/** @sg: run of pages; NULL: a range without memory */
	struct scatterlist *sg;
	/** @offset: bytes into @sg */
	u64 offset;
	/** @bits: what leaves have beside the address */
	u64 bits;
};

static void npu_pt_cursor_init(struct npu_pt_cursor *cur, const struct npu_pt_source *src)
{
	u64 skip = src->offset;

	*cur = (struct npu_pt_cursor) { .bits = NPU_PT_LEAF_BITS | src->prot };
	if (!src->sgt) {
		cur->bits |= NPU_PTE_SPARSE;
		return;
	}
	cur->sg = src->sgt->sgl;
	while (skip >= sg_dma_len(cur->sg)) {
		skip -= sg_dma_len(cur->sg);
		cur->sg = sg_next(cur->sg);
	}
	cur->offset = skip;
}

static dma_addr_t npu_pt_cursor_addr(const struct npu_pt_cursor *cur)
{
	return cur->sg ? sg_dma_address(cur->sg) + cur->offset : 0;
}

static void npu_pt_cursor_advance(struct npu_pt_cursor *cur, u64 bytes)
{
	cur->offset += bytes;
	while (cur->sg && cur->offset >= sg_dma_len(cur->sg)) {
		cur->offset -= sg_dma_len(cur->sg);
		cur->sg = sg_next(cur->sg);
	}
}

static unsigned int npu_pt_shift(unsigned int level)
{
	return NPU_PAGE_SHIFT + level * NPU_PT_INDEX_BITS;
}

static unsigned int npu_pt_index(u64 va, unsigned int level)
{
	return (va >> npu_pt_shift(level)) & (NPU_PT_ENTRIES - 1);
}

/* First address after the entry of a level that translates va. */
static u64 npu_pt_next(u64 va, unsigned int level)
{
	return ((va >> npu_pt_shift(level)) + 1) << npu_pt_shift(level);
}

/* Tables of a level that translate [va, end). */
static u64 npu_pt_tables(u64 va, u64 end, unsigned int level)
{
	return ((end - 1) >> npu_pt_shift(level + 1)) - (va >> npu_pt_shift(level + 1)) + 1;
}

static u64 npu_pte(dma_addr_t addr, u64 bits)
{
	return (u64)addr >> NPU_PAGE_SHIFT << NPU_PTE_PPN_SHIFT | bits;
}

static void npu_pt_sync(struct device *dev, struct npu_pt *pt)
{
	dma_sync_single_for_device(dev, pt->dma, NPU_PAGE_SIZE, DMA_TO_DEVICE);
}

static void npu_pt_set(struct npu_pt *pt, unsigned int index, u64 pte)
{
	pt->live += !!(pte & NPU_PTE_V) - !!(pt->ptes[index] & NPU_PTE_V);
	WRITE_ONCE(pt->ptes[index], pte);
}

static void npu_pt_free(struct device *dev, struct npu_pt *pt)
{
	dma_unmap_single(dev, pt->dma, NPU_PAGE_SIZE, DMA_TO_DEVICE);
	free_page((unsigned long)pt->ptes);
	kvfree(pt);
}

static struct npu_pt *npu_pt_alloc(struct device *dev, bool parent)
{
	struct npu_pt *pt;

	pt = kvzalloc(struct_size(pt, child, parent ? NPU_PT_ENTRIES : 0), GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;
	pt->ptes = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!pt->ptes)
		goto err_free;
	pt->dma = dma_map_single(dev, pt->ptes, NPU_PAGE_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, pt->dma))
		goto err_free_page;
	return pt;

err_free_page:
	free_page((unsigned long)pt->ptes);
err_free:
	kvfree(pt);
	return NULL;
}

/**
 * npu_pt_create_root() - make an empty tree
 * @dev: device that will read it
 *
 * Return: the root table, or NULL.
 */
struct npu_pt *npu_pt_create_root(struct device *dev)
{
	struct npu_pt *root = npu_pt_alloc(dev, true);

	if (root)
		root->level = NPU_PT_ROOT_LEVEL;
	return root;
}

/**
 * npu_pt_destroy() - free a whole tree
 * @dev: device, which does not use it any more
 * @root: root table, or a subtree's top
 */
void npu_pt_destroy(struct device *dev, struct npu_pt *root)
{
	unsigned int i;

	/* As deep as there are levels. */
	for (i = 0; root->level && i < NPU_PT_ENTRIES; i++)
		if (root->child[i])
			npu_pt_destroy(dev, root->child[i]);
	npu_pt_free(dev, root);
	cond_resched();
}

/**
 * npu_pt_ctx_init() - start a change
 * @ctx: change
 * @dev: device that reads the tables
 */
void npu_pt_ctx_init(struct npu_pt_ctx *ctx, struct device *dev)
{
	ctx->dev = dev;
	INIT_LIST_HEAD(&ctx->spare[0]);
	INIT_LIST_HEAD(&ctx->spare[1]);
	INIT_LIST_HEAD(&ctx->dropped);
}

static void npu_pt_free_list(struct device *dev, struct list_head *list)
{
	struct npu_pt *pt, *next;

	list_for_each_entry_safe(pt, next, list, node)
		npu_pt_destroy(dev, pt);
	INIT_LIST_HEAD(list);
}

/**
 * npu_pt_release() - free what the change dropped, and what it did not need
 * @ctx: change; if it was made, the device has been invalidated
 */
void npu_pt_release(struct npu_pt_ctx *ctx)
{
	npu_pt_free_list(ctx->dev, &ctx->spare[0]);
	npu_pt_free_list(ctx->dev, &ctx->spare[1]);
	npu_pt_free_list(ctx->dev, &ctx->dropped);
}

static bool npu_pt_is_leaf(const struct npu_pt *pt, unsigned int index)
{
	return (pt->ptes[index] & NPU_PTE_V) && (!pt->level || !pt->child[index]);
}

/* May an entry of this level, whole from va on, be one leaf? */
static bool npu_pt_can_be_leaf(const struct npu_pt_cursor *cur, u64 va, u64 end, unsigned int level)
{
	const u64 size = 1ull << npu_pt_shift(level);

	if (!level)
		return true;
	if (!IS_ALIGNED(va, size) || end - va < size)
		return false;
	if (!cur->sg)
		return true;
	return level == NPU_PT_LARGE_LEVEL && IS_ALIGNED(npu_pt_cursor_addr(cur), size) &&
	       sg_dma_len(cur->sg) - cur->offset >= size;
}

static int npu_pt_add_spares(struct npu_pt_ctx *ctx, bool parents, u64 count)
{
	while (count--) {
		struct npu_pt *pt = npu_pt_alloc(ctx->dev, parents);

		if (!pt)
			return -ENOMEM;
		list_add_tail(&pt->node, &ctx->spare[parents]);
		cond_resched();
	}
	return 0;
}

/* Tables of level 0 that mapping a source takes. */
static u64 npu_pt_count_small(u64 va, u64 end, const struct npu_pt_source *src)
{
	struct npu_pt_cursor cur;
	u64 count = 0;

	npu_pt_cursor_init(&cur, src);
	while (va < end) {
		u64 next = min(npu_pt_next(va, NPU_PT_LARGE_LEVEL), end);

		count += !npu_pt_can_be_leaf(&cur, va, end, NPU_PT_LARGE_LEVEL);
		npu_pt_cursor_advance(&cur, next - va);
		va = next;
	}
	return count;
}

/**
 * npu_pt_prepare() - do all of a change that can fail
 * @ctx: change
 * @va: first address, page aligned
 * @size: bytes, page aligned
 * @src: what will be mapped, or NULL: the range will be unmapped
 *
 * Return: 0 or -ENOMEM; npu_pt_release() is due in both cases.
 */
int npu_pt_prepare(struct npu_pt_ctx *ctx, u64 va, u64 size, const struct npu_pt_source *src)
{
	const u64 end = va + size;
	unsigned int level;
	u64 parents = 0;
	int ret;

	if (src && src->sgt) {
		ret = npu_pt_add_spares(ctx, false, npu_pt_count_small(va, end, src));
		for (level = 1; level < NPU_PT_ROOT_LEVEL; level++)
			parents += npu_pt_tables(va, end, level);
	} else {
		/* Only the two ends can lie within a leaf, of any level. */
		ret = npu_pt_add_spares(ctx, false, 2);
		parents = 2 * (NPU_PT_ROOT_LEVEL - 1);
	}
	if (!ret)
		ret = npu_pt_add_spares(ctx, true, parents);
	return ret;
}

static void npu_pt_drop_child(struct npu_pt_ctx *ctx, struct npu_pt *pt, unsigned int index)
{
	if (!pt->level || !pt->child[index])
		return;
	list_add_tail(&pt->child[index]->node, &ctx->dropped);
	pt->child[index] = NULL;
}

/* Fill a table so that it says what the leaf says that it is to replace. */
static void npu_pt_fill(struct npu_pt *pt, u64 leaf)
{
	u64 step = 0;
	unsigned int i;

	if (!(leaf & NPU_PTE_SPARSE))
		step = 1ull << (pt->level * NPU_PT_INDEX_BITS + NPU_PTE_PPN_SHIFT);
	for (i = 0; i < NPU_PT_ENTRIES; i++)
		npu_pt_set(pt, i, leaf + i * step);
}

/* The table below an entry; made of a spare one if there is none. */
static struct npu_pt *npu_pt_get_child(struct npu_pt_ctx *ctx, struct npu_pt *pt,
				       unsigned int index)
{
	struct npu_pt *child = pt->child[index];

	if (child)
		return child;
	child = list_first_entry_or_null(&ctx->spare[pt->level > 1], struct npu_pt, node);
	if (WARN_ON_ONCE(!child))
		return NULL;
	list_del(&child->node);
	child->level = pt->level - 1;
	if (npu_pt_is_leaf(pt, index))
		npu_pt_fill(child, pt->ptes[index]);
	npu_pt_sync(ctx->dev, child);
	/* The table is filled before a walk can come to it. */
	dma_wmb();
	pt->child[index] = child;
	npu_pt_set(pt, index, npu_pte(child->dma, NPU_PTE_V));
	npu_pt_sync(ctx->dev, pt);
	return child;
}

/* As deep as there are levels. */
static void npu_pt_map_in(struct npu_pt_ctx *ctx, struct npu_pt *pt, u64 va, u64 end,
			  struct npu_pt_cursor *cur)
{
	while (va < end) {
		unsigned int index = npu_pt_index(va, pt->level);
		u64 next = min(npu_pt_next(va, pt->level), end);

		if (npu_pt_can_be_leaf(cur, va, end, pt->level)) {
			npu_pt_set(pt, index, npu_pte(npu_pt_cursor_addr(cur), cur->bits));
			npu_pt_drop_child(ctx, pt, index);
			npu_pt_cursor_advance(cur, next - va);
		} else {
			struct npu_pt *child = npu_pt_get_child(ctx, pt, index);

			if (!child)
				return;
			npu_pt_map_in(ctx, child, va, next, cur);
		}
		va = next;
	}
	npu_pt_sync(ctx->dev, pt);
	cond_resched();
}

/**
 * npu_pt_map() - map pages, in place of whatever was mapped there
 * @ctx: change, prepared with the same arguments
 * @root: root table
 * @va: first address
 * @size: bytes
 * @src: what to map
 */
void npu_pt_map(struct npu_pt_ctx *ctx, struct npu_pt *root, u64 va, u64 size,
		const struct npu_pt_source *src)
{
	struct npu_pt_cursor cur;

	npu_pt_cursor_init(&cur, src);
	npu_pt_map_in(ctx, root, va, va + size, &cur);
}

/* As deep as there are levels. */
static void npu_pt_unmap_in(struct npu_pt_ctx *ctx, struct npu_pt *pt, u64 va, u64 end)
{
	while (va < end) {
		const u64 size = 1ull << npu_pt_shift(pt->level);
		unsigned int index = npu_pt_index(va, pt->level);
		u64 next = min(npu_pt_next(va, pt->level), end);
		struct npu_pt *child = NULL;

		/* What goes in part is looked into, what goes as a whole is not. */
		if (pt->ptes[index] && next - va < size)
			child = npu_pt_get_child(ctx, pt, index);
		if (child)
			npu_pt_unmap_in(ctx, child, va, next);
		if (pt->ptes[index] && (!child || !child->live)) {
			npu_pt_set(pt, index, 0);
			npu_pt_drop_child(ctx, pt, index);
		}
		va = next;
	}
	npu_pt_sync(ctx->dev, pt);
}

/**
 * npu_pt_unmap() - unmap a range, holes and all
 * @ctx: change, prepared with the same arguments
 * @root: root table
 * @va: first address
 * @size: bytes
 */
void npu_pt_unmap(struct npu_pt_ctx *ctx, struct npu_pt *root, u64 va, u64 size)
{
	npu_pt_unmap_in(ctx, root, va, va + size);
}

/* As deep as there are levels. */
static void npu_pt_zap_in(struct device *dev, struct npu_pt *pt, u64 va, u64 end)
{
	while (va < end) {
		unsigned int index = npu_pt_index(va, pt->level);
		u64 next = min(npu_pt_next(va, pt->level), end);

		if (pt->level && pt->child[index])
			npu_pt_zap_in(dev, pt->child[index], va, next);
		else if (pt->ptes[index])
			npu_pt_set(pt, index, 0);
		va = next;
	}
	npu_pt_sync(dev, pt);
}

/**
 * npu_pt_zap() - take the leaves out of a range, and leave its tables
 * @dev: device
 * @root: root table
 * @va: first address
 * @size: bytes: a whole mapping, beyond which no leaf of it reaches
 *
 * Needs nothing to be prepared, and drops nothing.
 */
void npu_pt_zap(struct device *dev, struct npu_pt *root, u64 va, u64 size)
{
	npu_pt_zap_in(dev, root, va, va + size);
}
