/* SPDX-License-Identifier: MIT */
/* Address translation: every rule about page-table entries, at every level. */
#include <string.h>

#include "dev.h"
#include "mmu.h"
#include "tap.h"
#include "tiles.h"

#define VA 0x0000123456789000ull

static struct tiles *t;
static struct host *host;
static uint64_t *root;

/* Outcome of a walk, as error << 8 | (page: R 1, W 2, X 4, large 8). */
static unsigned int walk(uint64_t va, enum npu_access access, uint64_t *bus)
{
	struct mmu_page page = {0};
	enum npu_job_error error = mmu_walk(t->dev, 3, va, access, &page);

	if (bus)
		*bus = page.bus;
	return error << 8 | page.readable | page.writable << 1 | page.executable << 2 |
	       page.large << 3;
}

#define FAULT (NPU_JOB_PAGE_FAULT << 8)
#define BUS   (NPU_JOB_BUS_ERROR << 8)

static void test_permissions(void)
{
	uint64_t *pte = host_pte(host, root, VA, 0);
	const uint64_t page = host_bus(host, host_alloc(host, 4096, 4096));

	for (unsigned int flags = 0; flags < 8; flags++) {
		const bool r = flags & 1, w = flags & 2, x = flags & 4;
		const bool leaf = flags && !(w && !r);
		uint64_t bus;
		bool ok = true;

		*pte = host_leaf(page, flags << 1);
		ok &= walk(VA, NPU_ACCESS_READ, &bus) == (leaf && r ? flags : FAULT);
		ok &= !(leaf && r) || bus == page;
		ok &= walk(VA + 0xfff, NPU_ACCESS_WRITE, NULL) == (leaf && w ? flags : FAULT);
		ok &= walk(VA + 8, NPU_ACCESS_EXEC, NULL) == (leaf && x ? flags : FAULT);
		tap_ok(ok, "4 KiB leaf with %s%s%s", r ? "R" : "-", w ? "W" : "-", x ? "X" : "-");
	}
	*pte = host_leaf(page, 2) & ~NPU_PTE_V;
	tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "leaf without V");
	*pte = host_leaf(page, 2) & ~NPU_PTE_U;
	tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "leaf without U");
	*pte = host_leaf(page, 2) & ~(NPU_PTE_A | NPU_PTE_D);
	tap_is(walk(VA, NPU_ACCESS_READ, NULL), 1, "A and D are ignored in leaves");
	*pte = host_leaf(page, 2) | NPU_PTE_G | 3ull << 8;
	tap_is(walk(VA, NPU_ACCESS_READ, NULL), 1, "G and the software bits are ignored");
	for (unsigned int bit = 54; bit < 64; bit++) {
		if (bit == 58)
			continue; /* SPARSE */
		*pte = host_leaf(page, 2) | 1ull << bit;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "reserved bit in a leaf");
	}
	*pte = host_leaf(page, 2);
	tap_is(walk(VA, NPU_ACCESS_NONE, NULL), FAULT, "no such access");
	tap_is(walk(VA + 4096, NPU_ACCESS_READ, NULL), FAULT, "the page behind");
	tap_is(walk(VA - 1, NPU_ACCESS_READ, NULL), FAULT, "the page before");
	*pte = 0;
}

static void test_levels(void)
{
	const uint64_t table = host_bus(host, host_alloc(host, 4096, 4096));
	const uint64_t large = host_bus(host, host_alloc(host, 2 << 20, 2 << 20));
	uint64_t *pte;
	uint64_t bus;

	pte = host_pte(host, root, VA, 0);
	*pte = table >> 12 << NPU_PTE_PPN_SHIFT | NPU_PTE_V;
	tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "pointer at the last level");
	*pte = 0;

	for (unsigned int level = 1; level < NPU_PT_LEVELS; level++) {
		const uint64_t saved = *host_pte(host, root, VA, level);

		pte = host_pte(host, root, VA, level);
		for (unsigned int bit = 4; bit < 8; bit++) {
			const uint64_t flag = 1ull << bit;

			if (flag == NPU_PTE_G)
				continue;
			*pte = saved | flag;
			tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "U, A or D in a pointer");
		}
		*pte = saved | 1ull << 60;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "reserved bit in a pointer");
		*pte = saved & ~NPU_PTE_V;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "pointer without V");
		*pte = (HOST_BASE + HOST_SIZE) >> 12 << NPU_PTE_PPN_SHIFT | NPU_PTE_V;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), BUS, "pointer to where nothing answers");
		*pte = host_leaf(large, NPU_PTE_R | NPU_PTE_W | NPU_PTE_X);
		tap_is(walk(VA + 0x3210, NPU_ACCESS_WRITE, &bus), level == 1 ? 15 : FAULT,
		       level == 1 ? "2 MiB leaf" : "leaf above 2 MiB");
		if (level == 1) {
			tap_is(bus, large + ((VA + 0x3210) & 0x1ff000),
			       "page inside of a 2 MiB leaf");
			*pte = host_leaf(large + 4096, NPU_PTE_R);
			tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "misaligned 2 MiB leaf");
			*pte = host_leaf(large, NPU_PTE_R | NPU_PTE_X);
			tap_is(walk(VA, NPU_ACCESS_WRITE, NULL), FAULT, "read-only 2 MiB leaf");
		}
		*pte = saved;
	}
}

/* Looks up each of count pages from va on, in steps of stride pages, round and round. */
static struct mmu_cache look_up(uint64_t va, uint64_t count, uint64_t stride)
{
	struct mmu_cache cache = {0};
	struct mmu_page page;
	uint64_t bad = 0;
	uint8_t *mem;

	for (uint64_t i = 0; i < count; i++)
		bad += mmu_map(t->dev, &cache, NPU_CORE_COPY, 3, va + i * stride % count * NPU_PAGE_SIZE,
			       NPU_ACCESS_READ, &page, &mem) != NPU_JOB_OK;
	tap_is(bad, 0, "all pages are there");
	return cache;
}

/*
 * What pages of 2 MiB save: the same 16 MiB with and without them. One page after the other, as a copy, and
 * each far away from the one before, as a gather. docs/uapi.md has the figures.
 */
static void test_large_pages(void)
{
	enum { REGIONS = 8, PAGES = REGIONS * NPU_PT_ENTRIES, FAR = 1537 };
	const uint64_t memory = host_bus(host, host_alloc(host, REGIONS << 21, 2 << 20));
	const uint64_t small = (VA & -(2ull << 20)) + (1ull << 30), large = small + (1ull << 30);
	struct mmu_cache without, with;

	for (uint64_t i = 0; i < PAGES; i++)
		*host_pte(host, root, small + i * NPU_PAGE_SIZE, 0) =
			host_leaf(memory + i * NPU_PAGE_SIZE, NPU_PTE_R);
	for (uint64_t i = 0; i < REGIONS; i++)
		*host_pte(host, root, large + (i << 21), 1) = host_leaf(memory + (i << 21), NPU_PTE_R);
	without = look_up(small, PAGES, 1);
	with = look_up(large, PAGES, 1);
	tap_diag("%u pages in order: %llu walks and %llu entries read, with pages of 2 MiB %llu and %llu", PAGES,
		 (unsigned long long)without.walks, (unsigned long long)without.reads,
		 (unsigned long long)with.walks, (unsigned long long)with.reads);
	/* of the address space 2, then one a level */
	tap_is(without.walks, REGIONS, "small pages: a walk for each table");
	tap_is(without.reads, REGIONS * (2 + NPU_PT_LEVELS - 1) + PAGES, "and an entry for each page");
	tap_is(with.walks, REGIONS, "large pages: a walk for each");
	tap_is(with.reads, REGIONS * (2 + NPU_PT_LEVELS - 1), "and nothing more");
	without = look_up(small, PAGES, FAR);
	with = look_up(large, PAGES, FAR);
	tap_diag("%u pages far from each other: %llu walks and %llu entries read, with pages of 2 MiB %llu and %llu",
		 PAGES, (unsigned long long)without.walks, (unsigned long long)without.reads,
		 (unsigned long long)with.walks, (unsigned long long)with.reads);
	tap_is(with.walks, without.walks, "out of order: walks depend on how far they are apart");
	tap_is(without.reads - with.reads, PAGES, "a large page saves an entry for each");
}

static void test_addresses(void)
{
	const uint64_t page = host_bus(host, host_alloc(host, 4096, 4096));
	const uint64_t satp = t->as_table[3].satp;
	struct mmu_page out;

	/* Map the edges; what lies outside must fault although an entry is there. */
	*host_pte(host, root, 0, 0) = host_leaf(page, NPU_PTE_R);
	*host_pte(host, root, NPU_VA_MIN - 4096, 0) = host_leaf(page, NPU_PTE_R);
	*host_pte(host, root, NPU_VA_MIN, 0) = host_leaf(page, NPU_PTE_R);
	*host_pte(host, root, NPU_VA_MAX - 4096, 0) = host_leaf(page, NPU_PTE_R);
	*host_pte(host, root, NPU_VA_MAX, 0) = host_leaf(page, NPU_PTE_R);
	*host_pte(host, root, 0xffffffffffff0000ull, 0) = host_leaf(page, NPU_PTE_R);
	tap_is(walk(0, NPU_ACCESS_READ, NULL), FAULT, "address 0");
	tap_is(walk(NPU_VA_MIN - 1, NPU_ACCESS_READ, NULL), FAULT, "below NPU_VA_MIN");
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), 1, "NPU_VA_MIN");
	tap_is(walk(NPU_VA_MAX - 1, NPU_ACCESS_READ, NULL), 1, "last address of user space");
	tap_is(walk(NPU_VA_MAX, NPU_ACCESS_READ, NULL), FAULT, "NPU_VA_MAX");
	tap_is(walk(0xffffffffffff0000ull, NPU_ACCESS_READ, NULL), FAULT, "upper half");
	tap_is(walk(NPU_VA_MIN | 1ull << 48, NPU_ACCESS_READ, NULL), FAULT,
	       "non-canonical address");
	tap_is(walk(NPU_VA_MIN | 1ull << 63, NPU_ACCESS_READ, NULL), FAULT,
	       "non-canonical address");

	t->as_table[3].satp = 0;
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), FAULT, "no address space");
	t->as_table[3].satp =
		(satp & ~(15ull << NPU_SATP_MODE_SHIFT)) | 8ull << NPU_SATP_MODE_SHIFT;
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), FAULT, "mode other than Sv48");
	t->as_table[3].satp = NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT | NPU_SATP_PPN_MASK;
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), BUS, "root where nothing answers");
	t->as_table[3].satp = satp;
	t->as_table[3].reserved = 1;
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), FAULT, "reserved field set");
	t->as_table[3].reserved = 0;
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), 1, "and as it was");
	tap_is(mmu_walk(t->dev, NPU_MAX_AS, NPU_VA_MIN, NPU_ACCESS_READ, &out), NPU_JOB_PAGE_FAULT,
	       "address space out of range");
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, HOST_BASE + HOST_SIZE, 8);
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), BUS,
	       "table of address spaces does not answer");
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(host, t->as_table) + 4, 8);
	tap_is(walk(NPU_VA_MIN, NPU_ACCESS_READ, NULL), BUS,
	       "table of address spaces is not aligned");
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(host, t->as_table), 8);
}

static void test_map(void)
{
	uint8_t *page = host_alloc(host, 8192, 4096), *ptr;
	struct mmu_page out;

	*host_pte(host, root, VA, 0) = host_leaf(host_bus(host, page), NPU_PTE_R | NPU_PTE_W);
	tap_is(mmu_map(t->dev, NULL, 0, 3, VA + 77, NPU_ACCESS_WRITE, &out, &ptr), NPU_JOB_OK, "page maps");
	tap_ok(ptr == page, "to its first byte");
	host->hole = host_bus(host, page) + 4095;
	host->hole_size = 1;
	tap_is(mmu_map(t->dev, NULL, 0, 3, VA, NPU_ACCESS_READ, &out, &ptr), NPU_JOB_BUS_ERROR,
	       "page of which a byte does not answer");
	host->hole_size = 0;
	*host_pte(host, root, VA, 0) = host_leaf(((1ull << 56) - 4096), NPU_PTE_R);
	tap_is(mmu_map(t->dev, NULL, 0, 3, VA, NPU_ACCESS_READ, &out, &ptr), NPU_JOB_BUS_ERROR,
	       "page at the end of the bus address space");
}

/* Leaves without memory, of every size. */
static void test_sparse(void)
{
	const uint64_t rwx = NPU_PTE_R | NPU_PTE_W | NPU_PTE_X;
	uint8_t *read, *write;
	struct mmu_page out;

	for (unsigned int level = 0; level < NPU_PT_LEVELS; level++) {
		uint64_t *pte = host_pte(host, root, VA, level);
		const uint64_t saved = *pte;
		bool zero = true;

		/* The page number is nonsense on purpose, and not aligned. */
		*pte = host_leaf((1ull << 56) - 4096, rwx) | NPU_PTE_SPARSE;
		tap_is(walk(VA + 0x210, NPU_ACCESS_WRITE, NULL), level ? 3 | 8 : 3,
		       "leaf without memory: read and write");
		tap_is(walk(VA, NPU_ACCESS_EXEC, NULL), FAULT, "and no execute");
		tap_ok(mmu_map(t->dev, NULL, 0, 3, VA, NPU_ACCESS_READ, &out, &read) == NPU_JOB_OK &&
			       mmu_map(t->dev, NULL, 0, 3, VA, NPU_ACCESS_WRITE, &out, &write) ==
				       NPU_JOB_OK &&
			       read != write,
		       "it maps, and what is written is not where it is read");
		memset(write, 0xff, 4096);
		for (unsigned int i = 0; i < 4096; i++)
			zero &= !read[i];
		tap_ok(zero, "it reads as zeros");
		*pte = host_leaf(0, NPU_PTE_R) | NPU_PTE_SPARSE;
		tap_is(walk(VA, NPU_ACCESS_WRITE, NULL), FAULT, "read-only one");
		*pte = host_leaf(0, NPU_PTE_W) | NPU_PTE_SPARSE;
		tap_is(walk(VA, NPU_ACCESS_WRITE, NULL), FAULT, "W without R");
		*pte = (host_leaf(0, rwx) | NPU_PTE_SPARSE) & ~NPU_PTE_U;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "without U");
		*pte = saved;
	}
	for (unsigned int level = 1; level < NPU_PT_LEVELS; level++) {
		uint64_t *pte = host_pte(host, root, VA, level);
		const uint64_t saved = *pte;

		*pte = saved | NPU_PTE_SPARSE;
		tap_is(walk(VA, NPU_ACCESS_READ, NULL), FAULT, "SPARSE in a pointer");
		*pte = saved;
	}
}

static void test_cache(void)
{
	uint8_t *page = host_alloc(host, 8192, 4096), *ptr;
	const uint64_t leaf = host_leaf(host_bus(host, page), NPU_PTE_R | NPU_PTE_W);
	struct mmu_cache cache = {0};
	struct mmu_page out;
	uint64_t *pte = host_pte(host, root, VA, 0), *table = host_pte(host, root, VA, 1);
	const uint64_t pointer = *table;
	uint64_t maps;

#define MAP(va, access) mmu_map(t->dev, &cache, 0, 3, va, access, &out, &ptr)
	pte[0] = leaf;
	pte[1] = 0;
	tap_ok(MAP(VA, NPU_ACCESS_READ) == NPU_JOB_OK && ptr == page, "a page maps through a cache");
	maps = host->maps;
	tap_ok(MAP(VA, NPU_ACCESS_WRITE) == NPU_JOB_OK && ptr == page && host->maps == maps + 1,
	       "and again, looking for nothing but itself");
	tap_is(MAP(VA + 4096, NPU_ACCESS_READ), NPU_JOB_PAGE_FAULT, "its neighbour does not");
	pte[1] = leaf + (1 << NPU_PTE_PPN_SHIFT);
	tap_ok(MAP(VA + 4096, NPU_ACCESS_READ) == NPU_JOB_OK && ptr == page + 4096,
	       "until it is there: failures are not kept");
	pte[0] = host_leaf(host_bus(host, page), NPU_PTE_R);
	tap_is(MAP(VA, NPU_ACCESS_WRITE), NPU_JOB_PAGE_FAULT, "leaves are read anew");
	pte[0] = leaf | 1ull << 60;
	tap_is(MAP(VA, NPU_ACCESS_READ), NPU_JOB_PAGE_FAULT, "with all of their rules");
	pte[0] = pointer;
	tap_is(MAP(VA, NPU_ACCESS_READ), NPU_JOB_PAGE_FAULT, "a pointer is no leaf");
	pte[0] = leaf;
	*table = 0;
	memset(&cache, 0, sizeof(cache));
	tap_is(MAP(VA, NPU_ACCESS_READ), NPU_JOB_PAGE_FAULT, "an emptied cache knows no table");
	*table = pointer;
	for (unsigned int i = 0; i < 3 * MMU_CACHE_LINES; i++)
		MAP(VA + i * (2ull << 20), NPU_ACCESS_READ);
	tap_ok(MAP(VA, NPU_ACCESS_READ) == NPU_JOB_OK && ptr == page, "one that was full works on");
#undef MAP
}

int main(void)
{
	struct npu_config config;

	npu_config_init(&config);
	config.threads = 1;
	t = tiles_new(&config);
	host = t->host;
	root = t->root[3];
	test_permissions();
	test_levels();
	test_large_pages();
	test_addresses();
	test_map();
	test_sparse();
	test_cache();
	tiles_free(t);
	return tap_done();
}
