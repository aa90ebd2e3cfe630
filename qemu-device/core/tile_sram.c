/* SPDX-License-Identifier: MIT */
/* A tile's SRAM: which pages may differ from zero, and making them zero again. */
#include "tile_internal.h"

#include <string.h>

#include "npu_pgtable.h"

#define PAGE_SHIFT NPU_PAGE_SHIFT

void tile_sram_touched(void *opaque, uint32_t offset, uint32_t length)
{
	struct npu_tile *tile = opaque;
	const uint32_t last = (offset + length - 1) >> PAGE_SHIFT;

	/* Tiles of a gang write each other's SRAM at the same time; mostly the bit is set already. */
	for (uint32_t page = offset >> PAGE_SHIFT; page <= last; page++) {
		uint64_t *word = &tile->dirty[page / 64];
		const uint64_t bit = 1ull << page % 64;

		if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
			__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
	}
}

uint8_t *tile_sram_open(struct npu_tile *tile)
{
	const struct tile_share *share = &tile->share;

	if (__atomic_load_n(&tile->sram_ready, __ATOMIC_ACQUIRE))
		return tile->sram;
	pthread_mutex_lock(&tile->sram_lock);
	if (!tile->sram_ready) {
		/*
		 * Numbers of queues and address spaces are used again: the same ones may be
		 * another program.
		 */
		if (tile->owned && (tile->spoilt || tile->owner_as != share->as ||
				    tile->owner_queue != share->queue ||
				    tile->owner_life != share->life))
			tile_sram_scrub(tile);
		tile->owned = true;
		tile->spoilt = false;
		tile->owner_as = share->as;
		tile->owner_queue = share->queue;
		tile->owner_life = share->life;
		__atomic_store_n(&tile->sram_ready, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&tile->sram_lock);
	return tile->sram;
}

void tile_sram_scrub(struct npu_tile *tile)
{
	const uint32_t pages = tile->sram_size >> PAGE_SHIFT;

	for (uint32_t page = 0; page < pages; page++) {
		if (!(page % 64) && !tile->dirty[page / 64]) {
			page += 63;
			continue;
		}
		if (tile->dirty[page / 64] >> page % 64 & 1)
			memset(tile->sram + ((size_t)page << PAGE_SHIFT), 0, NPU_PAGE_SIZE);
	}
	memset(tile->dirty, 0, (pages + 63) / 64 * sizeof(*tile->dirty));
}
