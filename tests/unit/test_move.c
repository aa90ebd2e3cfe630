/* SPDX-License-Identifier: MIT */
/*
 * The block mover against a plain one, on every path of the arithmetic that this host has: the same bytes,
 * counts and faults for random blocks over scattered pages, wherever a move is interrupted. And its inner
 * loops alone: nothing but the bytes asked for is written, at any alignment, also onto themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "move.h"
#include "tap.h"
#include "tiles.h"
#include "xorshift.h"

#define RW	 (NPU_PTE_R | NPU_PTE_W)
#define PAGES	 10240 /* of host memory, in scattered order, the last ones not as they should be */
#define BAD	 24
#define VA	 0x40000000ull
#define SRAM	 (1u << 20)

static uint32_t random_state = 1;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

static bool one_in(uint32_t n)
{
	return rnd() % n == 0;
}

/* ---- inner loops ---- */

static uint32_t some_length(void)
{
	static const uint32_t most[] = {4, 64, 130, 300, 1100, 2200, 5000, 70000};

	return 1 + rnd() % most[rnd() % 8];
}

static void reference_span(const struct move_span *span, uint32_t value)
{
	if (span->src)
		memmove(span->dst, span->src, span->length);
	else
		for (uint32_t i = 0; i < span->length; i++)
			span->dst[i] = value >> 8 * ((i + span->phase) & 3);
}

static void test_spans(enum npu_matrix_path path)
{
	enum {
		SIZE = 1 << 20,
		SPANS = 40
	};
	uint8_t *start = malloc(SIZE), *got = malloc(SIZE), *want = malloc(SIZE);
	bool ok = true;

	for (unsigned int i = 0; i < SIZE; i++)
		start[i] = rnd();
	for (unsigned int round = 0; ok && round < 300; round++) {
		struct move_span spans[SPANS];
		const unsigned int count = 1 + rnd() % SPANS, hints = rnd() % 8;
		const uint32_t value = one_in(2) ? rnd() : rnd() % 256 * 0x01010101u;

		memcpy(got, start, SIZE);
		memcpy(want, start, SIZE);
		for (unsigned int i = 0; i < count; i++) {
			const uint32_t length = some_length();
			const uint32_t dst = rnd() % (SIZE - length);
			uint32_t src = rnd() % (SIZE - length);
			struct move_span *span = &spans[i];

			/* Close to each other, and onto each other. */
			if (one_in(3))
				src = dst + rnd() % 300 < SIZE - length ? dst + rnd() % 300 : dst;
			if (one_in(6))
				src = dst > 200 ? dst - rnd() % 200 : dst;
			if (src > SIZE - length)
				src = SIZE - length;
			span->dst = want + dst;
			span->src = one_in(8) ? NULL : want + src;
			span->length = length;
			span->phase = span->src ? 0 : rnd() % 4;
			reference_span(span, value);
			span->dst = got + dst;
			if (span->src)
				span->src = got + src;
		}
		move_spans(path, spans, count, value, hints);
		ok = !memcmp(got, want, SIZE);
	}
	tap_ok(ok, "%s: spans of any length and place", npu_matrix_path_name(path));
	free(start);
	free(got);
	free(want);
}

/* ---- blocks ---- */

static struct tiles *t;
static uint8_t *pages;			/* host memory behind the pages */
static uint32_t place[PAGES];		/* of a page of the address space */
static uint8_t rights[PAGES];		/* NPU_PTE_R, NPU_PTE_W; 0: not there */
static uint8_t *memory, *sram;		/* the reference's, of pages and SRAM */
static uint64_t tags[NPU_MODEL_DMA_TLB_ENTRIES];

/* The second 2 MiB are a large page. */
static bool large_page(unsigned int page)
{
	return page / 512 == 1;
}

static void map_pages(void)
{
	pages = host_alloc(t->host, PAGES * 4096ull, 2 << 20);
	for (unsigned int i = 0; i < PAGES; i++) {
		place[i] = i;
		rights[i] = i < PAGES - BAD ? RW : i % 3 == 0 ? 0 : i % 3 == 1 ? NPU_PTE_R : RW;
	}
	/* In runs, so that some go on where others end. */
	for (unsigned int i = 0; i + 8 < PAGES; i += 1 + rnd() % 4) {
		const unsigned int j = rnd() % PAGES;
		const uint32_t swap = place[i];

		if (large_page(i) || large_page(j))
			continue;
		place[i] = place[j];
		place[j] = swap;
	}
	*host_pte(t->host, t->root[1], VA + (2 << 20), 1) =
		host_leaf(host_bus(t->host, pages) + (2 << 20), RW);
	for (unsigned int i = 0; i < PAGES; i++)
		if (!large_page(i))
			*host_pte(t->host, t->root[1], VA + 4096ull * i, 0) =
				rights[i] ? host_leaf(host_bus(t->host, pages) + 4096ull * place[i],
						      rights[i])
					  : 0;
}

/* Where va leads for the reference, and how far; NULL: nowhere. */
static uint8_t *lookup(bool tile, struct dma_block *block, uint64_t va, bool write, uint64_t *length,
		       bool *host)
{
	const uint64_t page = (va - VA) / 4096, group = va / 4096 / NPU_MODEL_DMA_TLB_PAGES;
	uint64_t *tag = &tags[group % NPU_MODEL_DMA_TLB_ENTRIES];

	*host = !(tile && va - NPU_VA_SRAM < SRAM);
	if (!*host) {
		if (*length > SRAM - (va - NPU_VA_SRAM))
			*length = SRAM - (va - NPU_VA_SRAM);
		return sram + (va - NPU_VA_SRAM);
	}
	if (va < VA || page >= PAGES || !(rights[page] & (write ? NPU_PTE_W : NPU_PTE_R))) {
		block->error = NPU_JOB_PAGE_FAULT;
		block->access = write ? NPU_ACCESS_WRITE : NPU_ACCESS_READ;
		block->addr = va;
		return NULL;
	}
	if (*length > 4096 - va % 4096)
		*length = 4096 - va % 4096;
	block->misses += *tag != group + 1;
	*tag = group + 1;
	return memory + 4096ull * place[page] + va % 4096;
}

/* A piece after the other, each looked up anew. */
static bool reference(bool tile, struct dma_block *b)
{
	memset(tags, 0, sizeof(tags));
	for (uint64_t n = 0; n < (uint64_t)b->size[1] * b->size[2]; n++) {
		const uint64_t plane = n / b->size[1], row = n % b->size[1];
		uint64_t length;

		b->rows++;
		for (uint64_t done = 0; done < b->size[0]; done += length) {
			struct move_span span = {.phase = done & 3};
			bool from_host = false, to_host;

			length = b->size[0] - done;
			if (length > 65536)
				length = 65536;
			if (!b->fill) {
				span.src = lookup(tile, b,
						  b->src + plane * b->src_stride[1] +
							  row * b->src_stride[0] + done,
						  false, &length, &from_host);
				if (!span.src)
					return false;
			}
			span.dst = lookup(tile, b,
					  b->dst + plane * b->dst_stride[1] +
						  row * b->dst_stride[0] + done,
					  true, &length, &to_host);
			if (!span.dst)
				return false;
			span.length = length;
			reference_span(&span, b->value);
			*(to_host ? &b->host_write : &b->sram) += length;
			if (!b->fill)
				*(from_host ? &b->host_read : &b->sram) += length;
			if (!to_host && !from_host)
				b->local += length;
		}
	}
	return true;
}

/* An address of a block whose extent is known. */
static uint64_t some_place(bool tile, uint64_t extent)
{
	const uint64_t good = (PAGES - BAD) * 4096ull;

	if (tile && extent < SRAM && one_in(2))
		return NPU_VA_SRAM + rnd() % (SRAM - extent);
	/* Now and then out of one or the other. */
	if (one_in(8))
		return tile && one_in(2) ? NPU_VA_SRAM + SRAM - 1 - rnd() % (extent + 1)
					 : VA + good + rnd() % (BAD * 4096) - rnd() % (extent + 1);
	if (extent > good)
		return VA + rnd() % 8192;
	return VA + rnd() % (good - extent + 1);
}

static void some_block(struct dma_block *block, bool tile, bool large)
{
	uint64_t src_extent, dst_extent;

	memset(block, 0, sizeof(*block));
	block->size[0] = large ? (14u << 20) + rnd() % (5 << 20) : some_length();
	block->size[1] = one_in(3) ? 1 : 1 + rnd() % 120;
	block->size[2] = one_in(2) ? 1 : 1 + rnd() % 3;
	if (block->size[0] > 5000)
		block->size[1] = 1 + rnd() % 2;
	if (large)
		block->size[2] = 1;
	if (large && one_in(3)) { /* in rows */
		block->size[1] = block->size[0] / 4000;
		block->size[0] = 4000 + rnd() % 200;
	}
	for (unsigned int i = 0; i < 2; i++) {
		const uint32_t least = !i ? block->size[0] : block->size[0] * block->size[1];
		const uint32_t gap = one_in(3) ? 0 : rnd() % (one_in(2) ? 100 : 6000);

		block->src_stride[i] = one_in(12) ? 0 : least + gap;
		block->dst_stride[i] = one_in(3) ? least : least + rnd() % 5000;
	}
	src_extent = block->size[0] + (uint64_t)(block->size[1] - 1) * block->src_stride[0] +
		     (uint64_t)(block->size[2] - 1) * block->src_stride[1];
	dst_extent = block->size[0] + (uint64_t)(block->size[1] - 1) * block->dst_stride[0] +
		     (uint64_t)(block->size[2] - 1) * block->dst_stride[1];
	block->src = some_place(tile, src_extent);
	block->dst = some_place(tile, dst_extent);
	if (one_in(6)) /* onto itself */
		block->dst = block->src + rnd() % (one_in(2) ? 9000 : 200);
	if (one_in(8)) {
		block->fill = true;
		block->value = rnd();
		block->dst &= ~3ull;
		block->size[0] = (block->size[0] + 3) & ~3u;
	}
}

static bool same(const struct dma_block *got, const struct dma_block *want, bool fault)
{
	return got->rows == want->rows && got->host_read == want->host_read &&
	       got->host_write == want->host_write && got->local == want->local &&
	       got->sram == want->sram && got->misses == want->misses &&
	       (!fault || (got->error == want->error && got->access == want->access &&
			   got->addr == want->addr));
}

/* Every page of SRAM that is not zero is marked. */
static bool marked(const struct npu_tile *tile)
{
	static const uint8_t zero[4096];

	for (uint32_t page = 0; page < SRAM / 4096; page++)
		if (!(tile->dirty[page / 64] >> page % 64 & 1) &&
		    memcmp(tile->sram + 4096 * page, zero, 4096))
			return false;
	return true;
}

static void test_blocks(enum npu_matrix_path path, bool large)
{
	const char *name = npu_matrix_path_name(path);
	bool bytes = true, figures = true, ends = true;
	unsigned int faults = 0;

	for (unsigned int round = 0; bytes && figures && ends && round < (large ? 8 : 400); round++) {
		const bool tile = !large && one_in(2);
		struct dma_mover *mover = tile ? &t->dev->tile[0]->mover : &t->dev->copy.mover;
		enum dma_result result;
		struct dma_block got, want;
		bool good;

		some_block(&got, tile, large);
		want = got;
		good = reference(tile, &want);
		faults += !good;
		dma_start_share(mover, 1, 0);
		do {
			uint64_t budget = one_in(2) ? 1 + rnd() % 500 : 1 + rnd() % 20000;

			result = dma_run(mover, &got, &budget);
			if (one_in(20))
				dma_flush(mover); /* shows in nothing */
		} while (result == DMA_MORE);
		ends = result == (good ? DMA_DONE : DMA_FAULT);
		figures = same(&got, &want, !good);
		/* All of it takes its time. */
		bytes = (!(large || round % 10 == 9) || !memcmp(pages, memory, PAGES * 4096ull)) &&
			!memcmp(t->dev->tile[0]->sram, sram, SRAM) && marked(t->dev->tile[0]);
		if (!bytes || !figures || !ends)
			tap_diag("round %u, %s: size %u %u %u, src %#llx %u %u, dst %#llx %u %u, "
				 "fill %u, good %u result %u at %#llx, not %#llx, misses %llu, not %llu",
				 round, tile ? "tile" : "copy", got.size[0], got.size[1], got.size[2],
				 (long long)got.src, got.src_stride[0], got.src_stride[1],
				 (long long)got.dst, got.dst_stride[0], got.dst_stride[1], got.fill,
				 good, result, (long long)got.addr, (long long)want.addr,
				 (long long)got.misses, (long long)want.misses);
	}
	tap_ok(bytes, "%s: bytes of %s blocks", name, large ? "large" : "random");
	tap_ok(figures, "%s: what is counted, and where a fault is", name);
	tap_ok(ends && faults, "%s: who faults, %u of them", name, faults);
}

int main(void)
{
	for (int path = 0; path < NPU_MATRIX_PATH_COUNT; path++) {
		struct npu_config config;

		if (npu_matrix_select(npu_matrix_path_name(path)) < 0)
			continue;
		test_spans(path);
		npu_config_init(&config);
		config.matrix_path = npu_matrix_path_name(path);
		t = tiles_new(&config);
		map_pages();
		memory = malloc(PAGES * 4096ull);
		sram = calloc(1, SRAM);
		for (uint64_t i = 0; i < PAGES * 4096ull; i += 4) {
			const uint32_t word = rnd();

			memcpy(pages + i, &word, 4);
		}
		memcpy(memory, pages, PAGES * 4096ull);
		tile_sram_open(t->dev->tile[0]);
		test_blocks(path, false);
		test_blocks(path, true);
		tiles_free(t);
		free(memory);
		free(sram);
	}
	return tap_done();
}
