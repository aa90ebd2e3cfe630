/* SPDX-License-Identifier: MIT */
#include "dma.h"

#include <string.h>

#include "dev.h"
#include "link.h"
#include "mmu.h"
#include "npu_isa.h"

void dma_flush(struct dma_mover *mover)
{
	mover->generation++;
	memset(&mover->mmu, 0, sizeof(mover->mmu));
}

void dma_start_share(struct dma_mover *mover, unsigned int as, uint64_t gang)
{
	mover->as = as;
	mover->gang = gang;
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

/* Where an address leads. */
enum place {
	PLACE_HOST,
	PLACE_SRAM,
	PLACE_PEER, /* SRAM of a tile of the gang, over the link */
};

/* Note that va cannot be accessed, and why. */
static void set_fault(struct dma_block *block, enum npu_job_error error, bool write, uint64_t va)
{
	block->error = error;
	block->access = write ? NPU_ACCESS_WRITE : NPU_ACCESS_READ;
	block->addr = va;
}

/*
 * The same as locate() for the SRAM of a tile. Its owner may be running: what bytes it sees there
 * before it took the signal that tells of them is undefined.
 */
static uint8_t *locate_peer(struct dma_mover *mover, struct dma_block *block, unsigned int tile,
			    uint64_t offset, bool write, uint64_t *length)
{
	const uint64_t va = NPU_VA_PEER(tile) + offset;
	uint8_t *sram;

	if (tile >= NPU_MAX_TILES || !(mover->gang >> tile & 1) || offset >= mover->sram_size) {
		set_fault(block, NPU_JOB_PAGE_FAULT, write, va);
		return NULL;
	}
	if (*length > mover->sram_size - offset)
		*length = mover->sram_size - offset;
	sram = tile_sram_open(mover->dev->tile[tile]);
	if (write)
		tile_sram_touched(mover->dev->tile[tile], offset, *length);
	return sram + offset;
}

/*
 * Host address of va for reading or writing; *length is cut to what lies in one piece there.
 * NULL: block's error, access and addr are set.
 */
static uint8_t *locate(struct dma_mover *mover, struct dma_block *block, uint64_t va, bool write,
		       uint64_t *length, enum place *place)
{
	const uint64_t window = (va - NPU_VA_PEER(0)) >> NPU_VA_PEER_SHIFT;
	const uint64_t offset = va - NPU_VA_SRAM;
	const uint64_t page = va >> NPU_PAGE_SHIFT;
	const uint64_t in_page = va & (NPU_PAGE_SIZE - 1);
	struct dma_line *line = &(write ? mover->write : mover->read)[page % DMA_HOST_TLB];

	if (mover->sram && offset < mover->sram_size) {
		if (*length > mover->sram_size - offset)
			*length = mover->sram_size - offset;
		*place = PLACE_SRAM;
		return mover->sram + offset;
	}
	if (va >= NPU_VA_PEER(0) && window < NPU_MAX_TILES) {
		*place = PLACE_PEER;
		return locate_peer(mover, block, window, (uint32_t)va, write, length);
	}
	*place = PLACE_HOST;
	if (line->page != page || line->generation != mover->generation) {
		const enum npu_access access = write ? NPU_ACCESS_WRITE : NPU_ACCESS_READ;
		struct mmu_page mapped;
		uint8_t *host;
		enum npu_job_error error =
			mmu_map(mover->dev, &mover->mmu, mover->core, mover->as, va, access,
				&mapped, &host);

		if (error != NPU_JOB_OK) {
			set_fault(block, error, write, va);
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

/* Pieces are no longer, nor are many together, so that a mover can be interrupted. A multiple of 4. */
#define PIECE_MAX 65536

/*
 * Have a piece moved with the next ones, as far as it goes on where the last one ends. Copies onto
 * themselves stay pieces, as what they leave depends on it.
 */
static void push(struct dma_mover *mover, uint8_t *dst, const uint8_t *src, uint32_t length,
		 unsigned int phase)
{
	struct move_span *last = mover->spans ? &mover->span[mover->spans - 1] : NULL;

	if (src && last && last->src && last->src + last->length == src &&
	    last->dst + last->length == dst) {
		const uintptr_t apart = dst > src ? (uintptr_t)dst - (uintptr_t)src
						  : (uintptr_t)src - (uintptr_t)dst;

		if (apart >= last->length + length) {
			last->length += length;
			return;
		}
	}
	mover->span[mover->spans++] = (struct move_span){dst, src, length, phase};
}

/* length bytes came over the link from the window that va is in. */
static void count_in(struct dma_mover *mover, struct dma_block *block, uint64_t va, uint64_t length)
{
	const unsigned int tile = (va - NPU_VA_PEER(0)) >> NPU_VA_PEER_SHIFT;
	const unsigned int hops = link_hops(mover->dev, mover->core, tile);
	/* There and back. */
	const uint64_t latency = 2 * link_latency(mover->dev, mover->core, tile);
	struct dma_link *link = &block->link;

	link->in += length;
	link->far_in += hops ? length : 0;
	link->bytes += length;
	link->hops += hops * length;
	if (link->latency_in < latency)
		link->latency_in = latency;
}

/* length bytes went over the link to these tiles. */
static void count_out(struct dma_mover *mover, struct dma_block *block, uint64_t tiles,
		      uint64_t length)
{
	const unsigned int hops = link_tree(mover->dev, mover->core, tiles);
	struct dma_link *link = &block->link;

	link->out += length;
	link->far_out += hops ? length : 0;
	link->bytes += (unsigned int)__builtin_popcountll(tiles) * length;
	link->hops += hops * length;
	dma_link_reach(mover, block, tiles);
}

void dma_link_reach(struct dma_mover *mover, struct dma_block *block, uint64_t tiles)
{
	for (unsigned int tile = 0; tile < mover->dev->tiles; tile++) {
		const uint64_t latency = link_latency(mover->dev, mover->core, tile);

		if (tiles >> tile & 1 && block->link.latency_out < latency)
			block->link.latency_out = latency;
	}
}

/* Write length bytes, of src or to be filled, at dst_va of this tile's window, to the same place of each. */
static bool multicast(struct dma_mover *mover, struct dma_block *block, uint64_t dst_va,
		      const uint8_t *src, unsigned int phase, uint64_t *length)
{
	const uint64_t offset = dst_va - NPU_VA_SRAM;

	if (offset >= mover->sram_size) {
		set_fault(block, NPU_JOB_PAGE_FAULT, true, dst_va);
		return false;
	}
	for (unsigned int tile = 0; tile < NPU_MAX_TILES; tile++) {
		uint8_t *dst;

		if (!(block->tiles >> tile & 1))
			continue;
		dst = locate_peer(mover, block, tile, offset, true, length);
		if (!dst)
			return false;
		push(mover, dst, src, *length, phase);
	}
	block->sram += (unsigned int)__builtin_popcountll(block->tiles) * *length;
	count_out(mover, block, block->tiles, *length);
	return true;
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
		enum place place;

		if (count > left)
			count = left;
		length = 4 * count;
		list = (const uint32_t *)locate(mover, block, va, false, &length, &place);
		if (!list)
			return false;
		for (unsigned int i = 0; i < count; i++)
			block->line[slot + i] = __atomic_load_n(&list[i], __ATOMIC_RELAXED);
		if (place != PLACE_HOST) {
			block->sram += length;
		} else {
			block->host_read += length;
			block->remote_list = true;
		}
		if (place == PLACE_PEER)
			count_in(mover, block, va, length);
	}
	block->named_rows++;
	block->index = block->line[slot];
	block->no_row = block->bound && block->index >= block->bound;
	if (block->no_row && !block->pad) {
		set_fault(block, NPU_JOB_BAD_INDEX, false, va);
		return false;
	}
	return true;
}

/* Take one piece in hand: what remains of the row, as far as it is contiguous at both ends. */
static bool take_piece(struct dma_mover *mover, struct dma_block *block, uint64_t *moved)
{
	uint64_t dst_row = block->row, src_row = block->row, dst_va, src_va;
	uint64_t length = block->size[0] - block->done;
	bool fills = block->fill;
	const unsigned int phase = block->done & 3;
	enum place dst_place = PLACE_PEER, src_place = PLACE_SRAM;
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
		src = locate(mover, block, src_va, false, &length, &src_place);
		if (!src)
			return false;
	}
	if (block->tiles) {
		if (!multicast(mover, block, dst_va, src, phase, &length))
			return false;
	} else {
		dst = locate(mover, block, dst_va, true, &length, &dst_place);
		if (!dst)
			return false;
		if (dst_place == PLACE_SRAM)
			mover->touched(mover->opaque, dst_va - NPU_VA_SRAM, length);
		push(mover, dst, src, length, phase);
		if (dst_place == PLACE_HOST)
			block->host_write += length;
		else
			block->sram += length;
		if (dst_place == PLACE_PEER)
			count_out(mover, block,
				  1ull << ((dst_va - NPU_VA_PEER(0)) >> NPU_VA_PEER_SHIFT), length);
	}
	if (!fills) {
		if (src_place == PLACE_HOST)
			block->host_read += length;
		else
			block->sram += length;
		if (src_place == PLACE_PEER)
			count_in(mover, block, src_va, length);
	}
	if (dst_place == PLACE_SRAM && src_place == PLACE_SRAM)
		block->local += length;
	*moved = length;
	return true;
}

/* Host address of length bytes of host memory at va, if its page is known and they lie in it; or NULL. */
static inline uint8_t *known(const struct dma_mover *mover, const struct dma_line *lines, uint64_t va,
			     uint32_t length)
{
	const uint64_t page = va >> NPU_PAGE_SHIFT, in_page = va & (NPU_PAGE_SIZE - 1);
	const struct dma_line *line = &lines[page % DMA_HOST_TLB];

	if (line->page != page || line->generation != mover->generation ||
	    length > NPU_PAGE_SIZE - in_page)
		return NULL;
	return line->host + in_page;
}

/* Do rows from va on all lie in the tile's own SRAM? */
static bool in_sram(const struct dma_mover *mover, uint64_t va, uint32_t length, uint32_t stride,
		    uint32_t rows)
{
	const uint64_t offset = va - NPU_VA_SRAM;

	return mover->sram && rows && offset < mover->sram_size &&
	       (uint64_t)(rows - 1) * stride + length <= mover->sram_size - offset;
}

/* Rows from src_va to dst_va; what take_rows() makes of them depends on where these are. */
static inline __attribute__((always_inline)) uint32_t
rows_between(struct dma_mover *mover, struct dma_block *block, uint64_t src_va, bool src_sram,
	     uint64_t dst_va, bool dst_sram, uint32_t max)
{
	const uint32_t length = block->size[0];
	const uint32_t src_stride = block->src_stride[0], dst_stride = block->dst_stride[0];
	const bool joined = src_stride == length && dst_stride == length;
	uint8_t *sram = mover->sram;
	uint32_t row;

	for (row = 0; row < max; row++, src_va += src_stride, dst_va += dst_stride) {
		const uint8_t *src = src_sram ? sram + (src_va - NPU_VA_SRAM)
					      : known(mover, mover->read, src_va, length);
		uint8_t *dst = dst_sram ? sram + (dst_va - NPU_VA_SRAM)
					: known(mover, mover->write, dst_va, length);

		if ((!src_sram && !src) || (!dst_sram && !dst))
			break;
		if (!src_sram)
			model_lookup(mover, block, src_va >> NPU_PAGE_SHIFT);
		if (!dst_sram)
			model_lookup(mover, block, dst_va >> NPU_PAGE_SHIFT);
		if (joined)
			push(mover, dst, src, length, 0);
		else
			mover->span[mover->spans++] = (struct move_span){dst, src, length, 0};
	}
	return row;
}

/*
 * What take_piece() does, for up to max whole rows of a plain copy whose places are known. Returns how
 * many, maybe none.
 */
static uint32_t take_rows(struct dma_mover *mover, struct dma_block *block, uint32_t max)
{
	const uint32_t length = block->size[0], src_stride = block->src_stride[0];
	const uint32_t dst_stride = block->dst_stride[0];
	const uint64_t dst_va = block->dst + (uint64_t)block->plane * block->dst_stride[1] +
				(uint64_t)block->row * dst_stride;
	const uint64_t src_va = block->src + (uint64_t)block->plane * block->src_stride[1] +
				(uint64_t)block->row * src_stride;
	const bool src_sram = in_sram(mover, src_va, length, src_stride, max);
	const bool dst_sram = in_sram(mover, dst_va, length, dst_stride, max);
	uint32_t rows;
	uint64_t bytes;

	if (src_sram && dst_sram)
		rows = rows_between(mover, block, src_va, true, dst_va, true, max);
	else if (src_sram)
		rows = rows_between(mover, block, src_va, true, dst_va, false, max);
	else if (dst_sram)
		rows = rows_between(mover, block, src_va, false, dst_va, true, max);
	else
		rows = rows_between(mover, block, src_va, false, dst_va, false, max);
	if (!rows)
		return 0;

	if (dst_sram && dst_stride <= NPU_PAGE_SIZE) /* no page is left out */
		mover->touched(mover->opaque, dst_va - NPU_VA_SRAM, (rows - 1) * dst_stride + length);
	else if (dst_sram)
		for (uint32_t row = 0; row < rows; row++)
			mover->touched(mover->opaque, dst_va - NPU_VA_SRAM + row * dst_stride, length);
	bytes = (uint64_t)rows * length;
	block->rows += rows;
	*(src_sram ? &block->sram : &block->host_read) += bytes;
	*(dst_sram ? &block->sram : &block->host_write) += bytes;
	if (src_sram && dst_sram)
		block->local += bytes;
	return rows;
}

/* Rows of the plane are done. True: all of the block is. */
static bool next_row(struct dma_block *block, uint32_t rows)
{
	block->row += rows;
	if (block->row < block->size[1])
		return false;
	block->row = 0;
	return ++block->plane == block->size[2];
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What to tell move_spans() of a block: nothing that changes a byte. */
static unsigned int how(const struct dma_mover *mover, const struct dma_block *block)
{
	const uint64_t rows = (uint64_t)block->size[1] * block->size[2];
	unsigned int hints = 0;

	if (!in_sram(mover, block->src, 1, 0, 1))
		hints |= MOVE_SRC_FAR;
	if (!in_sram(mover, block->dst, 1, 0, 1))
		hints |= MOVE_DST_FAR;
	if (!mover->sram && (rows >= MOVE_PAST_MIN || block->size[0] * rows >= MOVE_PAST_MIN))
		hints |= MOVE_PAST;
	return hints;
}

/* Take pieces in hand and move them together. */
static enum dma_result move_some(struct dma_mover *mover, struct dma_block *block, uint64_t *budget)
{
	/* A piece takes as many places as there are tiles to write it to. */
	const unsigned int each = block->tiles ? __builtin_popcountll(block->tiles) : 1;
	const bool plain = !block->fill && !block->named && !block->tiles;
	enum dma_result result = DMA_MORE;
	uint64_t bytes = 0;

	mover->spans = 0;
	do {
		const uint32_t places = (DMA_SPANS - mover->spans) / each;
		uint64_t moved = block->size[0], units = 8 + moved / NPU_BYTES_PER_UNIT;
		uint32_t rows = 0;

		if (plain && !block->done && moved <= NPU_PAGE_SIZE) {
			const uint64_t most = (PIECE_MAX - 1 - bytes) / moved + 1;
			const uint64_t paid = (*budget - 1) / units + 1;

			rows = min_u32(block->size[1] - block->row, places);
			rows = min_u32(rows, most);
			rows = take_rows(mover, block, paid < rows ? paid : rows);
		}
		if (rows) {
			moved *= rows;
			units *= rows;
			if (next_row(block, rows))
				result = DMA_DONE;
		} else if (take_piece(mover, block, &moved)) {
			units = 8 + moved / NPU_BYTES_PER_UNIT;
			block->done += moved;
			if (block->done == block->size[0]) {
				block->done = 0;
				if (next_row(block, 1))
					result = DMA_DONE;
			}
		} else {
			result = DMA_FAULT; /* the pieces before it are moved */
			moved = units = 0;
		}
		bytes += moved;
		*budget -= units < *budget ? units : *budget;
	} while (result == DMA_MORE && *budget && bytes < PIECE_MAX &&
		 DMA_SPANS - mover->spans >= each);
	move_spans(mover->dev->matrix_path, mover->span, mover->spans, block->value, how(mover, block));
	return result;
}

enum dma_result dma_run(struct dma_mover *mover, struct dma_block *block, uint64_t *budget)
{
	enum dma_result result;

	do
		result = move_some(mover, block, budget);
	while (result == DMA_MORE && *budget &&
	       !__atomic_load_n(mover->attention, __ATOMIC_ACQUIRE));
	return result;
}

/* ---- saving and loading ------------------------------------------------------------------------ */

void dma_block_state(struct npu_dev *dev, struct dma_block *block, struct state *s)
{
	struct dma_link *link = &block->link;

	STATE(s, block->dst);
	STATE(s, block->src);
	STATE(s, block->size);
	STATE(s, block->dst_stride);
	STATE(s, block->src_stride);
	STATE(s, block->fill);
	STATE(s, block->value);
	STATE_MAX(s, block->named, DMA_NAMED_DST);
	STATE(s, block->indices);
	STATE(s, block->bound);
	STATE(s, block->pad);
	STATE(s, block->tiles);
	STATE(s, block->done);
	STATE(s, block->row);
	STATE(s, block->plane);
	STATE(s, block->line);
	STATE(s, block->index);
	STATE(s, block->no_row);
	STATE(s, block->rows);
	STATE(s, block->named_rows);
	STATE(s, block->remote_list);
	STATE(s, block->host_read);
	STATE(s, block->host_write);
	STATE(s, block->local);
	STATE(s, block->sram);
	STATE(s, block->misses);
	STATE(s, link->in);
	STATE(s, link->out);
	STATE(s, link->far_in);
	STATE(s, link->far_out);
	STATE(s, link->bytes);
	STATE(s, link->hops);
	STATE(s, link->latency_in);
	STATE(s, link->latency_out);
	STATE_MAX(s, block->error, NPU_JOB_ERROR_COUNT - 1);
	STATE_MAX(s, block->access, NPU_ACCESS_NONE);
	STATE(s, block->addr);
	state_check(s, !(block->tiles & ~dev_tile_mask(dev)), "a multicast to tiles that do not exist");
	state_check(s, !(block->indices & 3), "a list of indices that is not aligned");
	/* A block without bytes only signals, and has no position. */
	state_check(s, block->size[0] ? block->done < block->size[0] && block->row < block->size[1] &&
						block->plane < block->size[2]
				      : !(block->done | block->row | block->plane),
		    "a position outside of the block");
}

void dma_mover_state(struct dma_mover *mover, unsigned int as, uint64_t gang, struct state *s)
{
	if (s->load)
		dma_start_share(mover, as, gang);
	STATE(s, mover->model_tag);
}
