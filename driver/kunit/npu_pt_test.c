// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: KUnit tests of page tables
 *
 * Page tables, read as the device reads them: from the entries alone. The pages
 * that get mapped exist as bus addresses only, as nobody touches them.
 *
 * Rejected: looking at what the driver notes beside its tables. It may agree with itself and not
 * with what the device finds; only that nothing stays of what was unmapped is looked up there.
 *
 * Rejected: mapping memory that is there. Nobody could ask the allocator for the runs of pages,
 * aligned and not, that make or break large leaves.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/io.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../npu_pt.c"

#define VA_BASE 0x40000000ull
#define BUS_BASE 0x200000000ull
/* What the random walk plays with: eight large pages. */
#define WALK_PAGES (8 * NPU_PT_ENTRIES)

/** struct npu_pt_test - page tables of a device that is not there */
struct npu_pt_test {
	/** @dev: what they are mapped for */
	struct device *dev;
	/** @root: where the walk begins */
	struct npu_pt *root;
};

static int npu_pt_test_init(struct kunit *test)
{
	struct npu_pt_test *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->dev = kunit_device_register(test, "npu-pt-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->dev);
	ctx->dev->dma_mask = &ctx->dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(ctx->dev, DMA_BIT_MASK(64)), 0);
	ctx->root = npu_pt_create_root(ctx->dev);
	KUNIT_ASSERT_NOT_NULL(test, ctx->root);
	test->priv = ctx;
	return 0;
}

static void npu_pt_test_exit(struct kunit *test)
{
	struct npu_pt_test *ctx = test->priv;

	if (ctx && ctx->root)
		npu_pt_destroy(ctx->dev, ctx->root);
}

/* What the device would find for va: the leaf, or 0; ret_level: where. */
static u64 npu_pt_test_walk(struct npu_pt_test *ctx, u64 va, unsigned int *ret_level)
{
	u64 *ptes = phys_to_virt(dma_to_phys(ctx->dev, ctx->root->dma));
	unsigned int level = NPU_PT_LEVELS - 1;

	for (;; level--) {
		u64 pte = READ_ONCE(ptes[npu_pt_index(va, level)]);
		dma_addr_t addr = pte >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;

		*ret_level = level;
		if (!(pte & NPU_PTE_V))
			return 0;
		if (pte & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X))
			return pte;
		if (!level)
			return 0;
		ptes = phys_to_virt(dma_to_phys(ctx->dev, addr));
	}
}

/* The bus address that va translates to, or U64_MAX. */
static u64 npu_pt_test_bus(struct npu_pt_test *ctx, u64 va)
{
	unsigned int level;
	u64 pte = npu_pt_test_walk(ctx, va, &level);

	if (!pte)
		return U64_MAX;
	return (pte >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT) +
	       (va & (BIT_ULL(npu_pt_shift(level)) - 1));
}

/* An object of runs of pages; run i has pages[i] of them from bus[i] on. */
static struct sg_table *npu_pt_test_object(struct kunit *test, unsigned int runs, const u64 *bus,
					   const u32 *pages)
{
	struct sg_table *sgt = kunit_kzalloc(test, sizeof(*sgt), GFP_KERNEL);
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, sgt);
	sgt->sgl = kunit_kcalloc(test, runs, sizeof(*sgt->sgl), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgt->sgl);
	sg_init_table(sgt->sgl, runs);
	sgt->nents = runs;
	sgt->orig_nents = runs;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		sg_dma_address(sg) = bus[i];
		sg_dma_len(sg) = pages[i] * NPU_PAGE_SIZE;
	}
	return sgt;
}

static void npu_pt_test_map(struct kunit *test, u64 va, u64 size, struct sg_table *sgt, u64 offset,
			    u64 prot)
{
	struct npu_pt_source src = { .sgt = sgt, .offset = offset, .prot = prot };
	struct npu_pt_test *ctx = test->priv;
	struct npu_pt_ctx pt;

	npu_pt_ctx_init(&pt, ctx->dev);
	KUNIT_ASSERT_EQ(test, npu_pt_prepare(&pt, va, size, &src), 0);
	npu_pt_map(&pt, ctx->root, va, size, &src);
	npu_pt_release(&pt);
}

static void npu_pt_test_unmap(struct kunit *test, u64 va, u64 size)
{
	struct npu_pt_test *ctx = test->priv;
	struct npu_pt_ctx pt;

	npu_pt_ctx_init(&pt, ctx->dev);
	KUNIT_ASSERT_EQ(test, npu_pt_prepare(&pt, va, size, NULL), 0);
	npu_pt_unmap(&pt, ctx->root, va, size);
	npu_pt_release(&pt);
}

static void npu_pt_test_small(struct kunit *test)
{
	const u64 bus[] = { BUS_BASE, BUS_BASE + 0x100000, BUS_BASE + 0x50000 };
	const u32 pages[] = { 1, 2, 1 };
	struct npu_pt_test *ctx = test->priv;
	unsigned int level;
	u64 pte;

	npu_pt_test_map(test, VA_BASE, 4 * NPU_PAGE_SIZE,
			npu_pt_test_object(test, 3, bus, pages), 0, NPU_PTE_R | NPU_PTE_W);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE - 1), U64_MAX);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x123), bus[0] + 0x123);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x1000), bus[1]);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x2fff), bus[1] + 0x1fff);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x3000), bus[2]);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x4000), U64_MAX);

	pte = npu_pt_test_walk(ctx, VA_BASE, &level);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, pte & ~NPU_PTE_PPN_MASK, NPU_PT_LEAF_BITS | NPU_PTE_R | NPU_PTE_W);
}

static void npu_pt_test_large(struct kunit *test)
{
	const u64 bus[] = { BUS_BASE };
	const u32 pages[] = { 3 * NPU_PT_ENTRIES };
	struct sg_table *sgt = npu_pt_test_object(test, 1, bus, pages);
	struct npu_pt_test *ctx = test->priv;
	unsigned int level;

	npu_pt_test_map(test, VA_BASE, 2 * NPU_LARGE_PAGE_SIZE, sgt, 0, NPU_PTE_R);
	npu_pt_test_walk(ctx, VA_BASE + NPU_LARGE_PAGE_SIZE, &level);
	KUNIT_EXPECT_EQ(test, level, NPU_PT_LARGE_LEVEL);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x234567), bus[0] + 0x234567);

	/* Only what is aligned on both sides can be. */
	npu_pt_test_map(test, VA_BASE, 2 * NPU_LARGE_PAGE_SIZE, sgt, NPU_PAGE_SIZE, NPU_PTE_R);
	npu_pt_test_walk(ctx, VA_BASE, &level);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x234567), bus[0] + 0x235567);

	/* And back: the tables of small leaves go. */
	npu_pt_test_map(test, VA_BASE, 2 * NPU_LARGE_PAGE_SIZE, sgt, NPU_LARGE_PAGE_SIZE,
			NPU_PTE_R);
	npu_pt_test_walk(ctx, VA_BASE, &level);
	KUNIT_EXPECT_EQ(test, level, NPU_PT_LARGE_LEVEL);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE), bus[0] + NPU_LARGE_PAGE_SIZE);
}

static void npu_pt_test_split(struct kunit *test)
{
	const u64 bus[] = { BUS_BASE };
	const u32 pages[] = { NPU_PT_ENTRIES };
	struct npu_pt_test *ctx = test->priv;
	struct npu_pt_ctx pt;

	npu_pt_test_map(test, VA_BASE, NPU_LARGE_PAGE_SIZE,
			npu_pt_test_object(test, 1, bus, pages), 0, NPU_PTE_R | NPU_PTE_X);
	/* To prepare changes nothing that the device sees. */
	npu_pt_ctx_init(&pt, ctx->dev);
	KUNIT_ASSERT_EQ(test, npu_pt_prepare(&pt, VA_BASE + 0x5000, 0x2000, NULL), 0);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x5000), bus[0] + 0x5000);
	npu_pt_unmap(&pt, ctx->root, VA_BASE + 0x5000, 0x2000);
	npu_pt_release(&pt);

	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x4fff), bus[0] + 0x4fff);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x5000), U64_MAX);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x6fff), U64_MAX);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x7000), bus[0] + 0x7000);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, VA_BASE + 0x1fffff), bus[0] + 0x1fffff);
}

/* Nothing stays of what is unmapped, wherever in the address space it was. */
static void npu_pt_test_empty(struct kunit *test)
{
	const u64 where[] = { NPU_VA_MIN, VA_BASE, 0x123456000ull, NPU_VA_MAX - NPU_PAGE_SIZE };
	const u64 bus[] = { BUS_BASE };
	const u32 pages[] = { 1 };
	struct sg_table *sgt = npu_pt_test_object(test, 1, bus, pages);
	struct npu_pt_test *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(where); i++)
		npu_pt_test_map(test, where[i], NPU_PAGE_SIZE, sgt, 0, NPU_PTE_R);
	for (i = 0; i < ARRAY_SIZE(where); i++)
		KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, where[i]), bus[0]);
	npu_pt_test_unmap(test, NPU_VA_MIN, NPU_VA_MAX - NPU_VA_MIN);
	KUNIT_EXPECT_EQ(test, ctx->root->live, 0);
	for (i = 0; i < NPU_PT_ENTRIES; i++) {
		KUNIT_EXPECT_EQ(test, ctx->root->ptes[i], 0);
		KUNIT_EXPECT_NULL(test, ctx->root->child[i]);
	}
}

/* Ranges without memory: few entries, and split where something else goes into them. */
static void npu_pt_test_sparse(struct kunit *test)
{
	const u64 size = 5ull << 40, hole = VA_BASE + (2ull << 40) + 0x7000;
	const u64 bus[] = { BUS_BASE };
	const u32 pages[] = { 1 };
	struct npu_pt_test *ctx = test->priv;
	unsigned int level;

	npu_pt_test_map(test, VA_BASE, size, NULL, 0, NPU_PTE_R | NPU_PTE_W);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, VA_BASE, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, VA_BASE + size - 1, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, hole, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_EQ(test, level, NPU_PT_LEVELS - 1);

	npu_pt_test_map(test, hole, NPU_PAGE_SIZE, npu_pt_test_object(test, 1, bus, pages), 0,
			NPU_PTE_R);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, hole), bus[0]);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, hole - 1, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, hole + 0x1000, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_TRUE(test, npu_pt_test_walk(ctx, hole + SZ_1G, &level) & NPU_PTE_SPARSE);
	KUNIT_EXPECT_EQ(test, level, 2);

	npu_pt_test_unmap(test, hole + NPU_PAGE_SIZE, NPU_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, npu_pt_test_bus(ctx, hole + NPU_PAGE_SIZE), U64_MAX);
	KUNIT_EXPECT_TRUE(test,
			  npu_pt_test_walk(ctx, hole + 2 * NPU_PAGE_SIZE, &level) & NPU_PTE_SPARSE);
	npu_pt_test_unmap(test, VA_BASE, size);
	KUNIT_EXPECT_EQ(test, ctx->root->live, 0);
}

/* Maps and unmaps at random, against a plain list of what each page must translate to. */
static void npu_pt_test_random(struct kunit *test)
{
	const u64 bus[] = { BUS_BASE, BUS_BASE + 0x10000000, BUS_BASE + 0x20003000,
			    BUS_BASE + 0x30000000 };
	const u32 pages[] = { 2 * NPU_PT_ENTRIES + 7, NPU_PT_ENTRIES - 7, 3 * NPU_PT_ENTRIES,
			      2 * NPU_PT_ENTRIES };
	struct sg_table *sgt = npu_pt_test_object(test, ARRAY_SIZE(bus), bus, pages);
	struct npu_pt_test *ctx = test->priv;
	struct rnd_state rnd;
	u64 *object, *want;
	u32 i, j, round;

	object = kunit_kmalloc_array(test, WALK_PAGES, sizeof(*object), GFP_KERNEL);
	want = kunit_kmalloc_array(test, WALK_PAGES, sizeof(*want), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_ASSERT_NOT_NULL(test, want);
	for (i = 0, round = 0; i < ARRAY_SIZE(bus); i++)
		for (j = 0; j < pages[i]; j++)
			object[round++] = bus[i] + j * NPU_PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, round, WALK_PAGES);
	memset(want, 0xff, WALK_PAGES * sizeof(*want));

	prandom_seed_state(&rnd, 4711);
	for (round = 0; round < 300; round++) {
		/* Half of the time on edges of large pages. */
		u32 mask = prandom_u32_state(&rnd) & 1 ? ~0u : ~(u32)(NPU_PT_ENTRIES - 1);
		u32 from = prandom_u32_state(&rnd) % WALK_PAGES & mask;
		u32 start = prandom_u32_state(&rnd) % WALK_PAGES & mask;
		u32 count = 1 + prandom_u32_state(&rnd) % (WALK_PAGES - max(from, start));

		if (prandom_u32_state(&rnd) % 3) {
			npu_pt_test_map(test, VA_BASE + start * NPU_PAGE_SIZE,
					count * NPU_PAGE_SIZE, sgt, from * NPU_PAGE_SIZE,
					NPU_PTE_R);
			memcpy(&want[start], &object[from], count * sizeof(*want));
		} else {
			npu_pt_test_unmap(test, VA_BASE + start * NPU_PAGE_SIZE,
					  count * NPU_PAGE_SIZE);
			memset(&want[start], 0xff, count * sizeof(*want));
		}
		for (i = 0; i < WALK_PAGES; i++) {
			u64 got = npu_pt_test_bus(ctx, VA_BASE + i * NPU_PAGE_SIZE);

			if (got != want[i])
				KUNIT_FAIL_AND_ABORT(test,
						     "round %u, page %u: %#llx instead of %#llx",
						     round, i, got, want[i]);
		}
	}
}

static struct kunit_case npu_pt_cases[] = {
	KUNIT_CASE(npu_pt_test_small),
	KUNIT_CASE(npu_pt_test_large),
	KUNIT_CASE(npu_pt_test_split),
	KUNIT_CASE(npu_pt_test_empty),
	KUNIT_CASE(npu_pt_test_sparse),
	KUNIT_CASE(npu_pt_test_random),
	{}
};

static struct kunit_suite npu_pt_suite = {
	.name = "npu_pt",
	.init = npu_pt_test_init,
	.exit = npu_pt_test_exit,
	.test_cases = npu_pt_cases,
};

kunit_test_suite(npu_pt_suite);

MODULE_DESCRIPTION("KUnit tests of the NPU driver");
MODULE_LICENSE("GPL");
