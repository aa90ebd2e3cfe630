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

	for (uint32_t page = offset >> PAGE_SHIFT; page <= last; page++)
		tile->dirty[page / 64] |= 1ull << page % 64;
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
