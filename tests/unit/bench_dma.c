// SPDX-License-Identifier: MIT
/*
 * How fast the block mover of copy engine and tile DMA is on this machine, beside plain loops over memcpy()
 * that know where everything lies: the copy engine's 64 MiB, and rows of the sizes that matrix kernels have.
 * CPU time of one thread, in turns, medians. Host memory is mapped by 4 KiB pages, in order or scattered.
 * Not a test: nothing is judged.
 *
 * usage: bench_dma [REPEATS [PATH]]	PATH: of the arithmetic, which copies go along with; default auto
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dev.h"

#define MIB	    (1ull << 20)
#define RAM_BASE    0x100000000ull
#define RAM_SIZE    (256 * MIB)
#define TABLES	    (192 * MIB) /* page tables lie above */
#define VA	    0x40000000ull
#define REPEATS_MAX 1000

static uint8_t *ram;
static uint64_t table_used = TABLES;
static uint32_t page_of[RAM_SIZE / 4096]; /* of each page of the address space */

static void *op_map(void *opaque, uint64_t addr, size_t *len, bool write)
{
	const uint64_t offset = addr - RAM_BASE;

	(void)opaque, (void)write;
	if (offset >= RAM_SIZE)
		return NULL;
	if (*len > RAM_SIZE - offset)
		*len = RAM_SIZE - offset;
	return ram + offset;
}

static void op_irq(void *opaque, unsigned int vector)
{
	(void)opaque, (void)vector;
}

static uint64_t op_time(void *opaque)
{
	(void)opaque;
	return 0;
}

static void op_timer(void *opaque, uint64_t deadline)
{
	(void)opaque, (void)deadline;
}

static const struct npu_host_ops ops = {
	.dma_map = op_map, .irq = op_irq, .time_ns = op_time, .set_timer = op_timer};

static uint64_t *table_new(uint64_t *ret_bus)
{
	uint64_t *table = (uint64_t *)(ram + table_used);

	*ret_bus = RAM_BASE + table_used;
	table_used += 4096;
	return table;
}

static uint64_t entry(uint64_t bus, uint64_t flags)
{
	return bus >> 12 << NPU_PTE_PPN_SHIFT | flags | NPU_PTE_V;
}

static void map_page(uint64_t *root, uint64_t va, uint64_t bus)
{
	uint64_t *table = root;

	for (unsigned int level = 3; level; level--) {
		uint64_t *pte = &table[va >> (12 + 9 * level) & 511], next;

		if (!*pte) {
			table_new(&next);
			*pte = entry(next, 0);
		}
		table = (uint64_t *)(ram + (*pte >> NPU_PTE_PPN_SHIFT << 12) - RAM_BASE);
	}
	table[va >> 12 & 511] = entry(bus, NPU_PTE_R | NPU_PTE_W | NPU_PTE_U | NPU_PTE_A | NPU_PTE_D);
}

/* An address space of all memory below the tables. */
static void map_all(struct npu_dev *dev, bool scatter)
{
	const uint32_t pages = TABLES / 4096;
	struct npu_as_entry *as;
	uint64_t *root, as_bus, root_bus;

	table_used = TABLES;
	memset(ram + TABLES, 0, RAM_SIZE - TABLES);
	as = (struct npu_as_entry *)table_new(&as_bus);
	root = table_new(&root_bus);
	as[1].satp = (uint64_t)NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT | root_bus >> 12;
	dev->regs.as_table = as_bus;
	srand(1);
	for (uint32_t i = 0; i < pages; i++)
		page_of[i] = i;
	for (uint32_t i = pages - 1; scatter && i; i--) {
		const uint32_t j = (uint32_t)rand() % (i + 1), page = page_of[i];

		page_of[i] = page_of[j];
		page_of[j] = page;
	}
	for (uint32_t i = 0; i < pages; i++)
		map_page(root, VA + 4096ull * i, RAM_BASE + 4096ull * page_of[i]);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double move(struct dma_mover *mover, const struct dma_block *block)
{
	struct dma_block work = *block;
	uint64_t budget = UINT64_MAX;
	const double start = now();

	if (dma_run(mover, &work, &budget) != DMA_DONE) {
		fprintf(stderr, "bench_dma: fault at %#llx\n", (unsigned long long)work.addr);
		exit(1);
	}
	return now() - start;
}

/* The same work: src and dst are where the block's ends would be if they lay in one piece. */
static double plain(uint8_t *dst, const uint8_t *src, const struct dma_block *block)
{
	const double start = now();

	for (uint32_t row = 0; row < block->size[1]; row++)
		memcpy(dst + (uint64_t)row * block->dst_stride[0],
		       src + (uint64_t)row * block->src_stride[0], block->size[0]);
	__asm__ volatile("" : : "r"(dst) : "memory");
	return now() - start;
}

static uint8_t *native(const struct dma_mover *mover, uint64_t va)
{
	return mover->sram && va - NPU_VA_SRAM < mover->sram_size ? mover->sram + (va - NPU_VA_SRAM)
								  : ram + (va - VA);
}

/* warm: address translations are known, as after the first blocks of a kernel. */
static void row(const char *name, struct dma_mover *mover, struct dma_block block, unsigned int repeats,
		bool warm)
{
	const uint64_t bytes = (uint64_t)block.size[0] * block.size[1];
	double mine[REPEATS_MAX], theirs[REPEATS_MAX];

	block.size[2] = 1;
	dma_start_share(mover, 1, 0);
	for (unsigned int i = 0; i < repeats; i++) {
		if (!warm)
			dma_start_share(mover, 1, 0);
		mine[i] = move(mover, &block);
		theirs[i] = plain(native(mover, block.dst), native(mover, block.src), &block);
	}
	qsort(mine, repeats, sizeof(*mine), compare);
	qsort(theirs, repeats, sizeof(*theirs), compare);
	printf("%-44s %7.2f GB/s, %6.1f ns a row, plain %7.2f GB/s, ratio %.2f\n", name,
	       1e-9 * (double)bytes / mine[repeats / 2], 1e9 * mine[repeats / 2] / block.size[1],
	       1e-9 * (double)bytes / theirs[repeats / 2],
	       theirs[repeats / 2] / mine[repeats / 2]);
}

int main(int argc, char **argv)
{
	const unsigned int repeats = argc > 1 ? (unsigned int)atoi(argv[1]) % REPEATS_MAX : 21;
	struct npu_config config;
	const char *error;
	struct npu_dev *dev;

	npu_config_init(&config);
	config.threads = 1;
	if (argc > 2)
		config.matrix_path = argv[2];
	dev = npu_dev_new(&config, &ops, NULL, &error);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!dev || ram == MAP_FAILED || !repeats) {
		fprintf(stderr, "bench_dma: %s\n", dev ? "no memory" : error);
		return 1;
	}
	madvise(ram, RAM_SIZE, MADV_HUGEPAGE);
	memset(ram, 0x5a, RAM_SIZE);
	tile_sram_open(dev->tile[0]);
	for (int scatter = 0; scatter < 2; scatter++) {
		struct dma_mover *copy = &dev->copy.mover, *tile = &dev->tile[0]->mover;
		const unsigned int many = 5 * repeats % REPEATS_MAX;

		map_all(dev, scatter);
		printf("pages %s:\n", scatter ? "scattered" : "in order");
		row("COPY of 64 MiB", copy,
		    (struct dma_block){.dst = VA + 64 * MIB, .src = VA, .size = {64 * MIB, 1}}, repeats,
		    false);
		row("COPY of 64 MiB, odd addresses", copy,
		    (struct dma_block){.dst = VA + 64 * MIB + 5, .src = VA + 3, .size = {64 * MIB, 1}},
		    repeats, false);
		row("COPY of 1 MiB", copy,
		    (struct dma_block){.dst = VA + 64 * MIB, .src = VA, .size = {MIB, 1}}, many, false);
		row("COPY of 1024 rows of 4000", copy,
		    (struct dma_block){.dst = VA + 64 * MIB,
				       .src = VA,
				       .size = {4000, 1024},
				       .dst_stride = {6000},
				       .src_stride = {5000}},
		    many, false);
		row("DMA in: 512 rows of 1536", tile,
		    (struct dma_block){.dst = NPU_VA_SRAM,
				       .src = VA,
				       .size = {1536, 512},
				       .dst_stride = {1600},
				       .src_stride = {1536}},
		    many, true);
		row("DMA in: 4 rows of 24 KiB", tile,
		    (struct dma_block){.dst = NPU_VA_SRAM,
				       .src = VA,
				       .size = {24576, 4},
				       .dst_stride = {24576},
				       .src_stride = {24576}},
		    many, true);
		row("DMA in: 256 rows of 64", tile,
		    (struct dma_block){.dst = NPU_VA_SRAM,
				       .src = VA,
				       .size = {64, 256},
				       .dst_stride = {64},
				       .src_stride = {512}},
		    many, true);
		row("DMA out: 384 rows of 256, a row in a page", tile,
		    (struct dma_block){.dst = VA,
				       .src = NPU_VA_SRAM,
				       .size = {256, 384},
				       .dst_stride = {6144},
				       .src_stride = {256}},
		    many, true);
		row("DMA out: 384 rows of 1536", tile,
		    (struct dma_block){.dst = VA,
				       .src = NPU_VA_SRAM,
				       .size = {1536, 384},
				       .dst_stride = {1536},
				       .src_stride = {1536}},
		    many, true);
		row("DMA inside: 512 rows of 128", tile,
		    (struct dma_block){.dst = NPU_VA_SRAM,
				       .src = NPU_VA_SRAM + 524288,
				       .size = {128, 512},
				       .dst_stride = {192},
				       .src_stride = {256}},
		    many, true);
	}
	npu_dev_free(dev);
	munmap(ram, RAM_SIZE);
	return 0;
}
