/* SPDX-License-Identifier: MIT */
/* What host and kernel of the GEMM agree on. */
#ifndef GEMM_H
#define GEMM_H

#include <stdint.h>

#define GEMM_A_S8 (1u << 0) /* 8-bit A is int8; else uint8 */
#define GEMM_C_S8 (1u << 1) /* C is requantised to int8; else int32 or float */

/* Types of weights, numbered as npurt.h does. A is of 8 bits, or of the type of floating-point weights. */
enum gemm_type {
	GEMM_S8,
	GEMM_S4,
	GEMM_S2,
	GEMM_SPARSE_S8,
	GEMM_SPARSE_S4,
	GEMM_BF16,
	GEMM_FP16,
	GEMM_FP32,
	GEMM_TYPES,
};

/*
 * C[m][n] = A[m][k] x B[k][n]. The grid is x = blocks of mb rows, y = how many workgroups share
 * the columns: each takes every y-th block of nb columns.
 */
struct gemm_args {
	uint64_t a;	   /* row major, lda bytes from row to row */
	uint64_t b;	   /* packed */
	uint64_t index;	   /* of sparse weights */
	uint64_t c;	   /* row major, ldc bytes from row to row */
	uint64_t channels; /* struct npu_channel[n]; GEMM_C_S8 only */
	uint32_t m, n, k;
	uint32_t lda, ldc;
	uint32_t mb; /* rows of A kept in SRAM */
	uint32_t nb; /* columns of B at a time, multiple of 16 */
	uint32_t kb; /* depth at a time, multiple of 16; less than k: C is accumulated */
	uint32_t flags;
	uint32_t type; /* enum gemm_type */
};

/* Bytes of an element of A and of C. */
static inline uint32_t gemm_a_size(uint32_t type)
{
	return type < GEMM_BF16 ? 1 : type == GEMM_FP32 ? 4 : 2;
}

static inline uint32_t gemm_c_size(uint32_t flags)
{
	return flags & GEMM_C_S8 ? 1 : 4;
}

/* Values of k in 64 bytes of packed B, all divisors of 16, and bytes of index that go with them. */
static inline uint32_t gemm_group(uint32_t type)
{
	static const uint8_t groups[GEMM_TYPES] = {4, 8, 16, 8, 16, 2, 2, 1};

	return groups[type];
}

static inline uint32_t gemm_index(uint32_t type)
{
	return type == GEMM_SPARSE_S8 ? 16 : type == GEMM_SPARSE_S4 ? 32 : 0;
}

/* Rows of A are laid this far apart in SRAM: an odd number of lines, so that they spread over all banks. */
static inline uint32_t gemm_a_stride(uint32_t type, uint32_t kb)
{
	return (((kb * gemm_a_size(type) + 63u) & ~63u) | 64u);
}

/* Bytes of 16 columns of so much depth: of B, and of its index. */
static inline uint32_t gemm_b_panel(uint32_t type, uint32_t depth)
{
	return (depth + gemm_group(type) - 1) / gemm_group(type) * 64;
}

static inline uint32_t gemm_index_panel(uint32_t type, uint32_t depth)
{
	return (depth + gemm_group(type) - 1) / gemm_group(type) * gemm_index(type);
}

/* SRAM that a blocking needs; 64 bytes of each part go into alignment at most. */
static inline uint64_t gemm_sram(const struct gemm_args *args, uint64_t mb, uint64_t nb,
				 uint32_t kb)
{
	uint64_t a = mb * gemm_a_stride(args->type, kb) * (kb < args->k ? 2 : 1);
	uint64_t b = 2 * nb / 16 *
		     ((uint64_t)gemm_b_panel(args->type, kb) + gemm_index_panel(args->type, kb));
	uint64_t c = 2 * mb * nb * gemm_c_size(args->flags);

	return a + b + c + 2 * nb * 16 + 10 * 64;
}

#endif /* GEMM_H */
