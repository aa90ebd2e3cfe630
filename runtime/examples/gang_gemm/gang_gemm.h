/* SPDX-License-Identifier: MIT */
/* What host and kernel agree on. */
#ifndef GANG_GEMM_H
#define GANG_GEMM_H

#include <stdint.h>

/*
 * C[m][n] = A[m][k] x B[k][n], u8 x s8 -> s32. The grid is x = workgroups, of which each takes every x-th
 * block of nb columns and all rows, a block of mb at a time.
 */
struct gang_gemm_args {
	uint64_t a;	/* row major, k bytes from row to row */
	uint64_t b;	/* packed */
	uint64_t c;	/* row major, n elements from row to row */
	uint32_t m, n, k;
	uint32_t mb;
	uint32_t nb;	/* multiple of 16 */
	uint32_t gang;	/* share A; else each fetches its own */
};

/* Rows of A are laid this far apart in SRAM. */
#define GANG_GEMM_STRIDE(k) (((k) + 63u) & ~63u)

/* SRAM that the blocks take with so many workgroups; 64 bytes of each part go into alignment at most. */
static inline uint64_t gang_gemm_sram(uint64_t mb, uint64_t nb, uint32_t k, uint32_t workgroups)
{
	return nb * ((k + 3u) & ~3u) + workgroups * mb * GANG_GEMM_STRIDE(k) + 2 * mb * nb * 4 +
	       (workgroups + 4) * 64;
}

#endif /* GANG_GEMM_H */
