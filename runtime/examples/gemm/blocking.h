/* SPDX-License-Identifier: MIT */
/* How a GEMM is cut up for the tiles. */
#ifndef GEMM_BLOCKING_H
#define GEMM_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>

#include "gemm.h"

struct gemm_blocking {
	uint32_t mb, nb, kb;
	uint32_t grid_x, grid_y;
};

/*
 * Choose the blocking that should take the fewest cycles on so many tiles, with so much SRAM below
 * the stack. args: m, n, k, flags and type are set. false: nothing fits.
 */
bool gemm_choose(const struct gemm_args *args, uint32_t tiles, uint32_t sram,
		 struct gemm_blocking *ret_blocking);

#endif /* GEMM_BLOCKING_H */
