/* SPDX-License-Identifier: MIT */
#include "dma.h"

#include <string.h>

#include "dev.h"
#include "mmu.h"
#include "npu_isa.h"

void dma_flush(struct dma_mover *mover)
{
	mover->generation++;
	memset(&mover->mmu, 0, sizeof(mover->mmu));
}

void dma_start_share(struct dma_mover *mover, unsigned int as)
{
	mover->as = as;
	dma_flush(mover);
	memset(mover->model_tag, 0, sizeof(mover->model_tag));
}

/* Note the use of a page in the modelled TLB, which knows pages in groups. */
static void model_lookup(struct dma_mover *mover, struct dma_block *block, uint64_t page)
{
	const uint64_t group = page / NPU_MODEL_DMA_TLB_PAGES;
	const uint64_t tag = group + 1;
	uint64_t *line = &mover->model_tag[group % NPU_MODEL_DMA_TLB_ENTRIES];

	if (*line == tag)
		return;
	*line = tag;
	block->misses++;
}

/*
 * Host address of va for reading or writing; *length is cut to what lies in one piece there.
 * NULL: block's error, access and addr are set.
 */
static uint8_t *locate(struct dma_mover *mover, struct dma_block *block, uint64_t va, bool write,
		       uint64_t *length, bool *local)
{
	const uint64_t offset = va - NPU_VA_SRAM;
	const uint64_t page = va >> NPU_PAGE_SHIFT;
	const uint64_t in_page = va & (NPU_PAGE_SIZE - 1);
	struct dma_line *line = &(write ? mover->write : mover->read)[page % DMA_HOST_TLB];

	if (mover->sram && offset < mover->sram_size) {
		if (*length > mover->sram_size - offset)
			*length = mover->sram_size - offset;
		*local = true;
		return mover->sram + offset;
	}
	*local = false;
	if (line->page != page || line->generation != mover->generation) {
		const enum npu_access access = write ? NPU_ACCESS_WRITE : NPU_ACCESS_READ;
		struct mmu_page mapped;
		uint8_t *host;
		enum npu_job_error error =
			mmu_map(mover->dev, &mover->mmu, mover->core, mover->as, va, access,
				&mapped, &host);

		if (error != NPU_JOB_OK) {
			block->error = error;
			block->access = access;
			block->addr = va;
			return NULL;
		}
		line->page = page;
		line->generation = mover->generation;
		line->host = host;
	}
	if (*length > NPU_PAGE_SIZE - in_page)
		*length = NPU_PAGE_SIZE - in_page;
	model_lookup(mover, block, page);
	return line->host + in_page;
}

/* Rows ahead whose start is fetched, and how much of it. */
#define PREFETCH_ROWS 4
#define PREFETCH_MAX  512

/* Pieces are no longer, so that a mover can be interrupted. A multiple of 4. */
#define PIECE_MAX     65536

/* Repeat value over dst; phase: bytes of value that lie before dst, 0..3. */
static void fill(uint8_t *dst, uint32_t value, uint64_t length, unsigned int phase)
{
	uint8_t pattern[8];

	if (value == (value & 0xff) * 0x01010101u) {
		memset(dst, value & 0xff, length);
		return;
	}
	memcpy(pattern, &value, 4);
	memcpy(pattern + 4, &value, 4);
	for (; length >= 4; length -= 4, dst += 4)
		memcpy(dst, pattern + phase, 4);
	memcpy(dst, pattern + phase, length);
}

/*
 * Take the index of the row that begins. The list is the guest's and may change under us: each
 * index is read once, and what was read is what is checked and used.
 */
static bool take_index(struct dma_mover *mover, struct dma_block *block)
{
	const uint64_t n = (uint64_t)block->plane * block->size[1] + block->row;
	const uint64_t left = (uint64_t)block->size[1] * block->size[2] - n;
	const uint64_t va = block->indices + 4 * n;
	const unsigned int slot = va / 4 % DMA_INDEX_LINE;

	if (!n || !slot) {
		unsigned int count = DMA_INDEX_LINE - slot;
		const uint32_t *list;
		uint64_t length;
		bool local;

		if (count > left)
			count = left;
		length = 4 * count;
		list = (const uint32_t *)locate(mover, block, va, false, &length, &local);
		if (!list)
			return false;
		for (unsigned int i = 0; i < count; i++)
			block->line[slot + i] = __atomic_load_n(&list[i], __ATOMIC_RELAXED);
		if (local) {
			block->sram += length;
		} else {
			block->host_read += length;
			block->remote_list = true;
		}
	}
	block->named_rows++;
	block->index = block->line[slot];
	block->no_row = block->bound && block->index >= block->bound;
	if (block->no_row && !block->pad) {
		block->error = NPU_JOB_BAD_INDEX;
		block->access = NPU_ACCESS_READ;
		block->addr = va;
		return false;
	}
	return true;
}

/*
 * Bring the start of a row that is to be written later into the host's cache: short rows far apart
 * are more than it foresees by itself. Does nothing where the page is not known, and shows in nothing.
 */
static void prefetch_row(const struct dma_mover *mover, uint64_t va, uint64_t length)
{
	const uint64_t page = va >> NPU_PAGE_SHIFT, in_page = va & (NPU_PAGE_SIZE - 1);
	const struct dma_line *line = &mover->write[page % DMA_HOST_TLB];

	if (line->page != page || line->generation != mover->generation)
		return;
	if (length > NPU_PAGE_SIZE - in_page)
		length = NPU_PAGE_SIZE - in_page;
	for (uint64_t i = 0; i < length && i < PREFETCH_MAX; i += 64)
		__builtin_prefetch(line->host + in_page + i, 1);
}

/* Move one piece: what remains of the row, as far as it is contiguous at both ends. */
static bool move_piece(struct dma_mover *mover, struct dma_block *block, uint64_t *moved)
{
	uint64_t dst_row = block->row, src_row = block->row, dst_va, src_va;
	uint64_t length = block->size[0] - block->done;
	bool fills = block->fill;
	const unsigned int phase = block->done & 3;
	bool dst_local, src_local = false;
	uint8_t *dst, *src = NULL;

	if (!block->done) {
		block->rows++;
		if (block->named && !take_index(mover, block))
			return false;
	}
	if (block->named == DMA_NAMED_SRC) {
		src_row = block->index;
		fills = block->no_row; /* with zeros: value is 0 */
	} else if (block->named == DMA_NAMED_DST) {
		dst_row = block->index;
		if (block->no_row) {
			*moved = length;
			return true;
		}
	}
	dst_va = block->dst + (uint64_t)block->plane * block->dst_stride[1] +
		 dst_row * block->dst_stride[0] + block->done;
	src_va = block->src + (uint64_t)block->plane * block->src_stride[1] +
		 src_row * block->src_stride[0] + block->done;
	if (length > PIECE_MAX)
		length = PIECE_MAX;
	if (!fills) {
		src = locate(mover, block, src_va, false, &length, &src_local);
		if (!src)
			return false;
	}
	dst = locate(mover, block, dst_va, true, &length, &dst_local);
	if (!dst)
		return false;

	if (!dst_local && !block->named)
		prefetch_row(mover, dst_va + (uint64_t)PREFETCH_ROWS * block->dst_stride[0],
			     length);
	if (dst_local)
		mover->touched(mover->opaque, dst_va - NPU_VA_SRAM, length);
	if (fills)
		fill(dst, block->value, length, phase);
	else
		memmove(dst, src, length); /* overlap is a rule broken by the guest, not by us */

	if (!fills && !src_local)
		block->host_read += length;
	if (!dst_local)
		block->host_write += length;
	else if (fills || src_local)
		block->local += length;
	block->sram += (dst_local + src_local) * length;
	*moved = length;
	return true;
}

enum dma_result dma_run(struct dma_mover *mover, struct dma_block *block, uint64_t *budget)
{
	for (;;) {
		uint64_t moved, units;

		if (!move_piece(mover, block, &moved))
			return DMA_FAULT;
		block->done += moved;
		if (block->done == block->size[0]) {
			block->done = 0;
			if (++block->row == block->size[1]) {
				block->row = 0;
				if (++block->plane == block->size[2])
					return DMA_DONE;
			}
		}
		units = 8 + moved / NPU_BYTES_PER_UNIT;
		*budget -= units < *budget ? units : *budget;
		if (!*budget || __atomic_load_n(mover->attention, __ATOMIC_ACQUIRE))
			return DMA_MORE;
	}
}
