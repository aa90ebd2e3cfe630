// SPDX-License-Identifier: MIT
/*
 * The search is small enough to be exhaustive. Costs are in cycles of a tile whose matrix engine
 * does MACS_PER_CYCLE, whose share of the host link is LINK_BYTES, and whose DMA takes ROW_CYCLES for a row beside
 * its bytes, as the device's model has them; they need not be exact, only in proportion.
 */
#include "blocking.h"

#define MACS_PER_CYCLE 1024.0
#define LINK_BYTES     16.0
#define ROW_CYCLES     2.0
/* What a matrix operation costs beside its arithmetic, with its DMA and loop. */
#define STEP_CYCLES    1500.0

static uint32_t ceil_div(uint32_t x, uint32_t y)
{
	return (x + y - 1) / y;
}

static double cost(const struct gemm_args *args, const struct gemm_blocking *b, uint32_t tiles)
{
	double element = gemm_c_size(args->flags);
	double depth_blocks = ceil_div(args->k, b->kb);
	double column_blocks = ceil_div(ceil_div(args->n, b->nb), b->grid_y);
	double rounds = ceil_div(b->grid_x * b->grid_y, tiles);
	double columns = column_blocks * b->nb;
	double rate = MACS_PER_CYCLE * gemm_group(args->type) / 4;
	double compute = (double)b->mb * columns * args->k / rate +
			 STEP_CYCLES * column_blocks * depth_blocks;
	double a_bytes = (double)b->mb * args->k * gemm_a_size(args->type) *
			 (depth_blocks > 1 ? column_blocks : 1);
	double b_bytes =
		columns * args->k / gemm_group(args->type) * (64 + gemm_index(args->type)) / 16;
	double c_bytes = (double)b->mb * columns * element;
	/* Rows that the DMA engine moves, each way; C goes out in rows of a block. */
	double in_rows = b->mb * (depth_blocks > 1 ? column_blocks * depth_blocks : 1) +
			 columns / 16 * depth_blocks;
	double out_rows = b->mb * column_blocks;
	double in = (a_bytes + b_bytes) / LINK_BYTES + ROW_CYCLES * in_rows;
	double out = c_bytes / LINK_BYTES + ROW_CYCLES * out_rows;
	double slowest = compute > in ? compute : in;

	if (out > slowest)
		slowest = out;
	/* The first operands and the last result have nothing to hide behind. */
	return rounds * (slowest + (in + out) / (column_blocks + 1));
}

bool gemm_choose(const struct gemm_args *args, uint32_t tiles, uint32_t sram,
		 struct gemm_blocking *ret_blocking)
{
	static const uint32_t widths[] = {512, 384, 256, 192, 128, 96, 64, 48, 32, 16};
	uint32_t depth = (args->k + 15) & ~15u, rows = (args->m + 15) & ~15u;
	double best = 0;

	for (uint32_t parts = 1; parts <= 64 && parts * 64 <= depth + 63; parts++) {
		uint32_t kb = parts == 1 ? depth : ((ceil_div(depth, parts) + 63) & ~63u);

		/* 8-bit results cannot be accumulated. */
		if (kb < args->k && args->flags & GEMM_C_S8)
			break;
		for (unsigned int w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
			uint32_t nb = widths[w];

			if (nb > 16 && nb >= 2 * args->n)
				continue;
			for (uint32_t mb = 16; mb <= rows && mb <= 4096; mb += 16) {
				if (gemm_sram(args, mb, nb, kb) > sram)
					break;
				for (uint32_t y = 1; y <= tiles && y <= ceil_div(args->n, nb);
				     y++) {
					struct gemm_blocking b = {
						mb, nb, kb, ceil_div(args->m, mb), y,
					};
					double c = cost(args, &b, tiles);

					if (best && c >= best)
						continue;
					best = c;
					*ret_blocking = b;
				}
			}
		}
	}
	return best > 0;
}
