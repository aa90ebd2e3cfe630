/* SPDX-License-Identifier: MIT */
/* What host and kernel of the GEMM agree on. */
#ifndef GEMM_H
#define GEMM_H

#include <stdint.h>

#define GEMM_A_S8 (1u << 0) /* A is int8; else uint8 */
#define GEMM_C_S8 (1u << 1) /* C is requantised to int8; else int32 */

/*
 * C[m][n] = A[m][k] x B[k][n]. The grid is x = blocks of mb rows, y = how many workgroups share
 * the columns: each takes every y-th block of nb columns.
 */
struct gemm_args {
	uint64_t a;	   /* row major, lda bytes from row to row */
	uint64_t b;	   /* packed */
	uint64_t c;	   /* row major, ldc bytes from row to row */
	uint64_t channels; /* struct npu_channel[n]; GEMM_C_S8 only */
	uint32_t m, n, k;
	uint32_t lda, ldc;
	uint32_t mb; /* rows of A kept in SRAM */
	uint32_t nb; /* columns of B at a time, multiple of 16 */
	uint32_t kb; /* depth at a time, multiple of 4; less than k: C is accumulated */
	uint32_t flags;
};

/* Rows of A are laid this far apart in SRAM. */
#define GEMM_A_STRIDE(kb) (((kb) + 63u) & ~63u)

/* SRAM that a blocking needs; 64 bytes of each part go into alignment at most. */
static inline uint64_t gemm_sram(uint64_t mb, uint64_t nb, uint64_t kb, uint64_t k, uint32_t flags)
{
	uint64_t element = flags & GEMM_C_S8 ? 1 : 4;
	uint64_t a = mb * GEMM_A_STRIDE(kb) * (kb < k ? 2 : 1);
	uint64_t b = 2 * nb * ((kb + 3) & ~3ull);
	uint64_t c = 2 * mb * nb * element;

	return a + b + c + 2 * nb * 16 + 8 * 64;
}

#endif /* GEMM_H */
