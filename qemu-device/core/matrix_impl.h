/* SPDX-License-Identifier: MIT */
/*
 * What the paths of the matrix engine share; private to matrix*.c.
 *
 * C is computed in tiles of a few rows by up to NPU_MATRIX_PANELS panels, a panel being the 16
 * columns that lie together in packed B. matrix_int.c and matrix_float.c walk the tiles; a path
 * brings the inner loops: make A and B digestible, multiply a tile, write a tile out.
 */
#ifndef NPU_MATRIX_IMPL_H
#define NPU_MATRIX_IMPL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_isa.h"

#define NPU_MATRIX_PANEL      16 /* columns of a panel */
#define NPU_MATRIX_GROUP      4	 /* values of k that lie together */
#define NPU_MATRIX_GROUP_SIZE 64 /* bytes of B: NPU_MATRIX_GROUP x NPU_MATRIX_PANEL */
#define NPU_MATRIX_PANELS     4	 /* most panels of a tile */
#define NPU_MATRIX_COLUMNS    (NPU_MATRIX_PANELS * NPU_MATRIX_PANEL)
#define NPU_MATRIX_ROWS	      32   /* most rows of a tile */
#define NPU_MATRIX_KC	      2048 /* most values of k that a path takes at a time */

/* Accumulators of a tile: rows of NPU_MATRIX_COLUMNS. */
#define NPU_MATRIX_TILE_SIZE  (NPU_MATRIX_ROWS * NPU_MATRIX_COLUMNS)

/* A block of columns: what is the same for all of its rows. */
struct npu_matrix_columns {
	/* Where the sums start: bias and the path's own correction. 0 past the last column. */
	alignas(64) int32_t start[NPU_MATRIX_COLUMNS];
	/* For 8-bit output. */
	alignas(64) int32_t mult[NPU_MATRIX_COLUMNS];
	alignas(64) uint32_t shift[NPU_MATRIX_COLUMNS]; /* channel's shift - 1, modulo 64 */
	/*
	 * p is raised to lo, lowered to hi, then zero_point is added. In lo and hi a panel's eight even
	 * columns come before the odd ones: see npu_matrix_lane64().
	 */
	alignas(64) int64_t lo[NPU_MATRIX_COLUMNS];
	alignas(64) int64_t hi[NPU_MATRIX_COLUMNS];
	alignas(64) int32_t zero_point[NPU_MATRIX_COLUMNS];
	int32_t floor;	   /* s32 output is raised to this */
	bool a_signed;	   /* for paths that multiply signed A as it is */
	const uint8_t *b;  /* first panel, as s8 */
	size_t panel_size; /* bytes from panel to panel */
	uint32_t panels;   /* 1..NPU_MATRIX_PANELS */
	uint32_t columns;  /* real ones, 1..panels * NPU_MATRIX_PANEL */
};

/* Place in lo and hi of a column. */
static inline uint32_t npu_matrix_lane64(uint32_t column)
{
	return (column & ~15u) + (column & 1) * 8 + column % 16 / 2;
}

/* What is to become of a tile's sums. */
enum npu_matrix_output {
	NPU_MATRIX_OUT_S32,
	NPU_MATRIX_OUT_S32_ADD,
	NPU_MATRIX_OUT_8,
};

struct npu_matrix_ops {
	/* Rows of a tile that has [1], [2].. panels, at most NPU_MATRIX_ROWS. */
	uint8_t rows[NPU_MATRIX_PANELS + 1];
	uint8_t panels;		/* most panels of a tile */
	uint8_t a_size;		/* bytes of a value of A as pack() leaves it: 1 or 2 */
	bool a_in_place;	/* unsigned A with k a multiple of 4 needs no pack() */
	bool a_signed_in_place; /* nor does signed A */
	/*
	 * Values of k that multiply() takes at a time: a multiple of 64, at most NPU_MATRIX_KC. As
	 * many as let rows of A and panels of B stay near where they are multiplied.
	 */
	uint16_t kc;

	/*
	 * Get ready for tiles of so many rows, before the first multiply() and whenever their number
	 * changes; and give back what that took, after the last one. On the thread that calls
	 * multiply(). NULL: nothing to do.
	 */
	void (*open)(uint32_t rows);
	void (*close)(void);
	/*
	 * Unless NULL, signed A is multiplied as a + 128: subtract 128 times the column's sum of B
	 * from cols->start. groups: in all of k.
	 */
	void (*correct)(struct npu_matrix_columns *cols, uint32_t groups);
	/*
	 * Weights of a panel from type (NPU_MATRIX_B_*, not S8) to s8: groups groups of dst. b, index
	 * (sparse types): the first of them. dst has room up to the next multiple of 4 groups.
	 */
	void (*unpack)(uint8_t *dst, uint32_t type, const uint8_t *b, const uint8_t *index,
		       uint32_t groups);
	/*
	 * Copy k values of each of rows rows of A to dst, dst_stride bytes apart, and fill each
	 * row up to a multiple of NPU_MATRIX_GROUP values with what makes B's padding not matter.
	 * Rows of dst have room for k rounded up to a multiple of 64.
	 */
	void (*pack)(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride, uint32_t rows,
		     uint32_t k, bool a_signed);
	/*
	 * acc = from + A * B for rows x cols->panels panels and groups groups of k. b: the first
	 * of them in the first panel. Rows of from lie from_stride elements apart (0: they are all
	 * the same), those of acc acc_stride. from may be acc.
	 */
	void (*multiply)(const struct npu_matrix_columns *cols, const void *a, size_t a_stride,
			 const uint8_t *b, uint32_t rows, uint32_t groups, const int32_t *from,
			 size_t from_stride, int32_t *acc, size_t acc_stride);
	/* Write the tile's real columns to c. */
	void (*store)(const struct npu_matrix_columns *cols, const int32_t *acc, uint32_t rows,
		      enum npu_matrix_output output, uint8_t *c, size_t c_stride);
};

extern const struct npu_matrix_ops npu_matrix_ops_c;
#ifdef __x86_64__
extern const struct npu_matrix_ops npu_matrix_ops_avx2;
extern const struct npu_matrix_ops npu_matrix_ops_avxvnni;
extern const struct npu_matrix_ops npu_matrix_ops_avx512;
extern const struct npu_matrix_ops npu_matrix_ops_amx;

/* What AMX takes from AVX-512: members of npu_matrix_ops. */
void npu_matrix_avx512_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride,
			    uint32_t rows, uint32_t k, bool a_signed);
void npu_matrix_avx512_unpack(uint8_t *dst, uint32_t type, const uint8_t *b, const uint8_t *index,
			      uint32_t groups);
void npu_matrix_avx512_store(const struct npu_matrix_columns *cols, const int32_t *acc,
			     uint32_t rows, enum npu_matrix_output output, uint8_t *c,
			     size_t c_stride);
#endif

/*
 * The contract's rounding shift (p + (1 << (shift - 1))) >> shift, computed as
 * ((p >> (shift - 1)) + 1) >> 1: the same number, without overflow, and with one meaning for every
 * shift that a program can store.
 */
static inline int64_t npu_matrix_round_shift(int64_t p, uint32_t shift_less_1)
{
	return ((p >> shift_less_1) + 1) >> 1;
}

/* ---- floating point ---- */

#define NPU_MATRIX_FLOAT_ROWS	   14 /* most rows of a tile */
#define NPU_MATRIX_FLOAT_TILE_SIZE (NPU_MATRIX_FLOAT_ROWS * NPU_MATRIX_COLUMNS)

/* What becomes of sums on their way to C, for a block of columns. */
struct npu_matrix_epilogue {
	uint32_t flags;	  /* NPU_MATRIX_BIAS, _CLAMP, _ACT_*, _C */
	uint32_t columns; /* real ones, 1..NPU_MATRIX_COLUMNS */
	float lo, hi;
	alignas(64) float bias[NPU_MATRIX_COLUMNS];
	const struct npu_matrix_curve *curve;
};

/*
 * All operands are fp32; 16-bit ones are widened first. Every function runs with rounding to nearest and
 * subnormal numbers as they are.
 */
struct npu_matrix_float_ops {
	/* Rows of a tile that has [1], [2].. panels, at most NPU_MATRIX_FLOAT_ROWS; 0: it has not. */
	uint8_t rows[NPU_MATRIX_PANELS + 1];
	/* k values of type (NPU_MATRIX_A_BF16 or _FP16) to dst, which has room up to a multiple of 16. */
	void (*widen_a)(float *dst, const uint8_t *a, uint32_t type, uint32_t k);
	/*
	 * k rows of a packed panel of type (NPU_MATRIX_B_BF16 or _FP16) to rows of NPU_MATRIX_PANEL values.
	 * dst has room for a row more.
	 */
	void (*widen_b)(float *dst, const uint8_t *b, uint32_t type, uint32_t k);
	/*
	 * acc += A * B, k ascending, one fused multiply-add each. Rows of a lie a_stride values apart,
	 * panels of b panel_size values, rows of acc NPU_MATRIX_COLUMNS.
	 */
	void (*multiply)(float *acc, const float *a, size_t a_stride, const float *b,
			 size_t panel_size, uint32_t rows, uint32_t panels, uint32_t k);
	/* Write the real columns of a tile to c. */
	void (*store)(const struct npu_matrix_epilogue *e, const float *acc, uint32_t rows,
		      uint8_t *c, size_t c_stride);
};

extern const struct npu_matrix_float_ops npu_matrix_float_ops_c;
#ifdef __x86_64__
extern const struct npu_matrix_float_ops npu_matrix_float_ops_avx2;
extern const struct npu_matrix_float_ops npu_matrix_float_ops_avx512;
#endif

/* Rows m0..m1-1 of a product of floating-point numbers. */
void npu_matrix_float_rows(const struct npu_matrix_float_ops *ops,
			   const struct npu_matrix_desc *desc, uint8_t *sram, uint32_t m0,
			   uint32_t m1);

/* Rows m0..m1-1 of a product of integers. */
void npu_matrix_int_rows(const struct npu_matrix_ops *ops, const struct npu_matrix_desc *desc,
			 uint8_t *sram, uint32_t m0, uint32_t m1);

#endif /* NPU_MATRIX_IMPL_H */
