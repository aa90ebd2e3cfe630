// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Page tables
 *
 * RISC-V Sv48 tables in pages of their own, in three steps per change:
 *
 * - npu_pt_prepare() does all that can fail. It adds the tables that will be
 *   needed and splits large leaves that the range cuts. None of this changes
 *   what any address translates to, so it can simply be left when the operation
 *   fails afterwards.
 * - npu_pt_map() and npu_pt_unmap() write leaves and cannot fail. Tables that
 *   become empty, or are replaced by a large leaf, leave the tree but not yet
 *   memory.
 * - After the TLB invalidation, which also waits for walks that are under way,
 *   npu_pt_release() frees those tables.
 *
 * Every entry is written with one 64-bit store, so a walk in parallel sees the
 * old entry or the new one. Replacing a mapping writes over it: there is no
 * moment at which the range is unmapped.
 *
 * Rejected: io-pgtable. It has no Sv48, maps one contiguous block per call and
 * allocates while it maps, so an operation could fail half way and would need
 * an undo path that is never exercised.
 *
 * Rejected: tables from dma_alloc_coherent(). They are the one kernel memory
 * of which a program can ask for much, by mapping sparsely; pages can be
 * charged to its memory cgroup.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "npu_pt.h"

#define NPU_PT_LARGE_LEVEL 1
#define NPU_PT_LEAF_BITS (NPU_PTE_V | NPU_PTE_U | NPU_PTE_A | NPU_PTE_D)

/* Position in the pages of an object, as the device sees them. */
struct npu_pt_cursor {
	struct scatterlist *sg;
	u64 offset; /* in sg */
};

static void npu_pt_cursor_init(struct npu_pt_cursor *cur, const struct npu_pt_source *src)
{
	u64 skip = src->offset;

	cur->sg = src->sgt->sgl;
	while (skip >= sg_dma_len(cur->sg)) {
		skip -= sg_dma_len(cur->sg);
		cur->sg = sg_next(cur->sg);
	}
	cur->offset = skip;
}

static dma_addr_t npu_pt_cursor_addr(const struct npu_pt_cursor *cur)
{
	return sg_dma_address(cur->sg) + cur->offset;
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

static struct npu_pt *npu_pt_alloc(struct device *dev, u8 level)
{
	struct npu_pt *pt;

	pt = kvzalloc(struct_size(pt, child, level ? NPU_PT_ENTRIES : 0), GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;
	pt->level = level;
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
	return npu_pt_alloc(dev, NPU_PT_LEVELS - 1);
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
}

/**
 * npu_pt_ctx_init() - start a change
 * @ctx: change
 * @dev: device that reads the tables
 * @root: root table
 */
void npu_pt_ctx_init(struct npu_pt_ctx *ctx, struct device *dev, struct npu_pt *root)
{
	ctx->dev = dev;
	ctx->root = root;
	INIT_LIST_HEAD(&ctx->dropped);
}

/**
 * npu_pt_release() - free what the change dropped
 * @ctx: change; the device has been invalidated
 */
void npu_pt_release(struct npu_pt_ctx *ctx)
{
	struct npu_pt *pt, *next;

	list_for_each_entry_safe(pt, next, &ctx->dropped, node)
		npu_pt_destroy(ctx->dev, pt);
	INIT_LIST_HEAD(&ctx->dropped);
}

/* The level 1 table that covers va, or NULL where there is none. */
static struct npu_pt *npu_pt_find(const struct npu_pt_ctx *ctx, u64 va)
{
	struct npu_pt *pt = ctx->root;

	while (pt && pt->level > NPU_PT_LARGE_LEVEL)
		pt = pt->child[npu_pt_index(va, pt->level)];
	return pt;
}

static struct npu_pt *npu_pt_add_child(struct npu_pt_ctx *ctx, struct npu_pt *pt,
				       unsigned int index)
{
	struct npu_pt *child = npu_pt_alloc(ctx->dev, pt->level - 1);

	if (!child)
		return NULL;
	pt->child[index] = child;
	npu_pt_set(pt, index, npu_pte(child->dma, NPU_PTE_V));
	npu_pt_sync(ctx->dev, pt);
	return child;
}

static struct npu_pt *npu_pt_find_or_add(struct npu_pt_ctx *ctx, u64 va)
{
	struct npu_pt *pt = ctx->root;

	while (pt && pt->level > NPU_PT_LARGE_LEVEL) {
		unsigned int index = npu_pt_index(va, pt->level);

		pt = pt->child[index] ?: npu_pt_add_child(ctx, pt, index);
	}
	return pt;
}

/* Replace a large leaf by a table of small ones that say the same. */
static int npu_pt_split(struct npu_pt_ctx *ctx, struct npu_pt *pt, unsigned int index)
{
	u64 large = pt->ptes[index];
	struct npu_pt *child;
	unsigned int i;

	child = npu_pt_alloc(ctx->dev, 0);
	if (!child)
		return -ENOMEM;
	for (i = 0; i < NPU_PT_ENTRIES; i++)
		npu_pt_set(child, i, large + ((u64)i << NPU_PTE_PPN_SHIFT));
	npu_pt_sync(ctx->dev, child);
	/* The table is filled before a walk can come to it. */
	dma_wmb();
	pt->child[index] = child;
	npu_pt_set(pt, index, npu_pte(child->dma, NPU_PTE_V));
	npu_pt_sync(ctx->dev, pt);
	return 0;
}

static bool npu_pt_is_large(const struct npu_pt *pt, unsigned int index)
{
	return (pt->ptes[index] & NPU_PTE_V) && !pt->child[index];
}

static bool npu_pt_can_be_large(const struct npu_pt_cursor *cur, u64 va, u64 end)
{
	return IS_ALIGNED(va | npu_pt_cursor_addr(cur), NPU_LARGE_PAGE_SIZE) &&
	       end - va >= NPU_LARGE_PAGE_SIZE &&
	       sg_dma_len(cur->sg) - cur->offset >= NPU_LARGE_PAGE_SIZE;
}

static int npu_pt_prepare_map(struct npu_pt_ctx *ctx, u64 va, u64 end,
			      const struct npu_pt_source *src)
{
	struct npu_pt_cursor cur;

	npu_pt_cursor_init(&cur, src);
	while (va < end) {
		unsigned int index = npu_pt_index(va, NPU_PT_LARGE_LEVEL);
		u64 next = min(npu_pt_next(va, NPU_PT_LARGE_LEVEL), end);
		struct npu_pt *pt = npu_pt_find_or_add(ctx, va);

		if (!pt)
			return -ENOMEM;
		if (!npu_pt_can_be_large(&cur, va, end) && !pt->child[index]) {
			if (npu_pt_is_large(pt, index)) {
				if (npu_pt_split(ctx, pt, index))
					return -ENOMEM;
			} else if (!npu_pt_add_child(ctx, pt, index)) {
				return -ENOMEM;
			}
		}
		npu_pt_cursor_advance(&cur, next - va);
		va = next;
	}
	return 0;
}

static int npu_pt_split_at(struct npu_pt_ctx *ctx, u64 va)
{
	unsigned int index = npu_pt_index(va, NPU_PT_LARGE_LEVEL);
	struct npu_pt *pt;

	if (IS_ALIGNED(va, NPU_LARGE_PAGE_SIZE))
		return 0;
	pt = npu_pt_find(ctx, va);
	if (!pt || !npu_pt_is_large(pt, index))
		return 0;
	return npu_pt_split(ctx, pt, index);
}

/**
 * npu_pt_prepare() - do all of a change that can fail
 * @ctx: change
 * @va: first address, page aligned
 * @size: bytes, page aligned
 * @src: what will be mapped, or NULL: nothing, the range will be unmapped
 *
 * Return: 0 or -ENOMEM; in both cases every address still translates as before.
 */
int npu_pt_prepare(struct npu_pt_ctx *ctx, u64 va, u64 size, const struct npu_pt_source *src)
{
	int ret;

	ret = npu_pt_split_at(ctx, va);
	if (!ret)
		ret = npu_pt_split_at(ctx, va + size);
	if (!ret && src)
		ret = npu_pt_prepare_map(ctx, va, va + size, src);
	return ret;
}

static void npu_pt_drop_child(struct npu_pt_ctx *ctx, struct npu_pt *pt, unsigned int index)
{
	list_add_tail(&pt->child[index]->node, &ctx->dropped);
	pt->child[index] = NULL;
}

/**
 * npu_pt_map() - map pages, in place of whatever was mapped there
 * @ctx: change, prepared with the same arguments
 * @va: first address
 * @size: bytes
 * @src: what to map
 */
void npu_pt_map(struct npu_pt_ctx *ctx, u64 va, u64 size, const struct npu_pt_source *src)
{
	u64 end = va + size, bits = NPU_PT_LEAF_BITS | src->prot;
	struct npu_pt_cursor cur;

	npu_pt_cursor_init(&cur, src);
	while (va < end) {
		unsigned int index = npu_pt_index(va, NPU_PT_LARGE_LEVEL);
		struct npu_pt *pt = npu_pt_find(ctx, va);

		if (npu_pt_can_be_large(&cur, va, end)) {
			npu_pt_set(pt, index, npu_pte(npu_pt_cursor_addr(&cur), bits));
			npu_pt_sync(ctx->dev, pt);
			if (pt->child[index])
				npu_pt_drop_child(ctx, pt, index);
			npu_pt_cursor_advance(&cur, NPU_LARGE_PAGE_SIZE);
			va += NPU_LARGE_PAGE_SIZE;
		} else {
			u64 stop = min(npu_pt_next(va, NPU_PT_LARGE_LEVEL), end);

			pt = pt->child[index];
			for (; va < stop; va += NPU_PAGE_SIZE) {
				npu_pt_set(pt, npu_pt_index(va, 0),
					   npu_pte(npu_pt_cursor_addr(&cur), bits));
				npu_pt_cursor_advance(&cur, NPU_PAGE_SIZE);
			}
			npu_pt_sync(ctx->dev, pt);
		}
		cond_resched();
	}
}

/* As deep as there are levels. */
static void npu_pt_unmap_in(struct npu_pt_ctx *ctx, struct npu_pt *pt, u64 va, u64 end)
{
	while (va < end) {
		unsigned int index = npu_pt_index(va, pt->level);
		u64 next = min(npu_pt_next(va, pt->level), end);

		if (pt->level && pt->child[index]) {
			npu_pt_unmap_in(ctx, pt->child[index], va, next);
			if (!pt->child[index]->live) {
				npu_pt_set(pt, index, 0);
				npu_pt_drop_child(ctx, pt, index);
			}
		} else if (pt->ptes[index]) {
			npu_pt_set(pt, index, 0);
		}
		va = next;
	}
	npu_pt_sync(ctx->dev, pt);
}

/**
 * npu_pt_unmap() - unmap a range, holes and all
 * @ctx: change, prepared with the same arguments
 * @va: first address
 * @size: bytes
 *
 * Also sweeps up empty tables that a failed npu_pt_prepare() left.
 */
void npu_pt_unmap(struct npu_pt_ctx *ctx, u64 va, u64 size)
{
	npu_pt_unmap_in(ctx, ctx->root, va, va + size);
}
