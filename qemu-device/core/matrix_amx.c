// SPDX-License-Identifier: MIT
/*
 * Matrix engine with AMX: products of 16 x 64 by 64 x 16 bytes in one instruction, tdpbusd for
 * unsigned A, tdpbssd for signed. Its sums are 32-bit and wrap, as the contract's do, and 16 groups of a panel of packed
 * B are just what a tile register wants. Weights, packing and output are those of AVX-512, which
 * every CPU with AMX has.
 *
 * The state of the tile registers is 8 KiB that a thread would carry along: it is given back after
 * each run of rows. Not after each block: to configure and release them costs as much as a fifth of
 * the products of one.
 *
 * 512 values of k at a time are what fits the first-level cache: 16 KiB of A and 32 KiB of B, and rows of A that
 * come from there for the second pair of panels. The sums wait in memory meanwhile, which is cheaper.
 */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "matrix_impl.h"

#define TARGET	    __attribute__((target("amx-tile,amx-int8")))
#define INLINE	    static inline __attribute__((always_inline)) TARGET

#define TILE_ROWS   16
#define TILE_GROUPS 16 /* of k in a tile register */
#define TILE_SIZE   1024

/* Operand of ldtilecfg, palette 1. */
struct tile_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t bytes[16]; /* of a row, per register */
	uint8_t rows[16];
};

/*
 * The compiler is not told what a load of tiles or of their configuration reads: what was stored by
 * other means has to be in memory by then.
 */
INLINE void before_loads(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Two by two sums in registers 0 to 3, A in 4 and 5, B in 6 and 7. low: rows of 1, 3 and 5. */
TARGET static void amx_open(uint32_t rows)
{
	struct tile_config config = {.palette = 1};
	const uint32_t high = rows < TILE_ROWS ? rows : TILE_ROWS, low = rows - high;
	const uint8_t of[8] = {high, low, high, low, high, low, TILE_GROUPS, TILE_GROUPS};

	for (int i = 0; i < 8; i++) {
		config.rows[i] = of[i];
		config.bytes[i] = of[i] ? 64 : 0;
	}
	before_loads();
	_tile_loadconfig(&config);
}

TARGET static void amx_close(void)
{
	_tile_release();
}

/* One step of k. Everything but the pointers is constant where this is inlined. */
INLINE void step(const uint8_t *a, size_t a_stride, const uint8_t *b, size_t panel_size,
		 const bool low, const bool two, const bool a_signed)
{
	_tile_loadd(4, a, a_stride);
	_tile_loadd(6, b, 64);
	if (low)
		_tile_loadd(5, a + TILE_ROWS * a_stride, a_stride);
	if (two)
		_tile_loadd(7, b + panel_size, 64);
	if (a_signed) {
		_tile_dpbssd(0, 4, 6);
		if (low)
			_tile_dpbssd(1, 5, 6);
		if (two)
			_tile_dpbssd(2, 4, 7);
		if (low && two)
			_tile_dpbssd(3, 5, 7);
	} else {
		_tile_dpbusd(0, 4, 6);
		if (low)
			_tile_dpbusd(1, 5, 6);
		if (two)
			_tile_dpbusd(2, 4, 7);
		if (low && two)
			_tile_dpbusd(3, 5, 7);
	}
}

/* What is left of k when all whole tile registers are done, with zeros behind it. */
struct rest {
	alignas(64) uint8_t a[2 * TILE_ROWS][64];
	alignas(64) uint8_t b[2][TILE_SIZE];
};

INLINE void pair(const struct npu_matrix_columns *cols, const uint8_t *a, size_t a_stride,
		 const uint8_t *b, uint32_t groups, const int32_t *from, size_t from_stride,
		 int32_t *acc, size_t acc_stride, struct rest *rest, const bool low, const bool two,
		 const bool a_signed)
{
	const uint32_t left = groups % TILE_GROUPS;

	_tile_loadd(0, from, from_stride * sizeof(*from));
	if (low)
		_tile_loadd(1, from + TILE_ROWS * from_stride, from_stride * sizeof(*from));
	if (two)
		_tile_loadd(2, from + NPU_MATRIX_PANEL, from_stride * sizeof(*from));
	if (low && two)
		_tile_loadd(3, from + TILE_ROWS * from_stride + NPU_MATRIX_PANEL,
			    from_stride * sizeof(*from));

	for (uint32_t g = 0; g + TILE_GROUPS <= groups; g += TILE_GROUPS) {
		step(a, a_stride, b, cols->panel_size, low, two, a_signed);
		a += TILE_GROUPS * NPU_MATRIX_GROUP;
		b += TILE_SIZE;
	}
	if (left) {
		memcpy(rest->b[0], b, left * NPU_MATRIX_GROUP_SIZE);
		if (two)
			memcpy(rest->b[1], b + cols->panel_size, left * NPU_MATRIX_GROUP_SIZE);
		before_loads();
		step(rest->a[0], sizeof(rest->a[0]), rest->b[0], sizeof(rest->b[0]), low, two,
		     a_signed);
	}

	_tile_stored(0, acc, acc_stride * sizeof(*acc));
	if (low)
		_tile_stored(1, acc + TILE_ROWS * acc_stride, acc_stride * sizeof(*acc));
	if (two)
		_tile_stored(2, acc + NPU_MATRIX_PANEL, acc_stride * sizeof(*acc));
	if (low && two)
		_tile_stored(3, acc + TILE_ROWS * acc_stride + NPU_MATRIX_PANEL,
			     acc_stride * sizeof(*acc));
}

TARGET static void amx_multiply(const struct npu_matrix_columns *cols, const void *a,
				size_t a_stride, const uint8_t *b, uint32_t rows, uint32_t groups,
				const int32_t *from, size_t from_stride, int32_t *acc,
				size_t acc_stride)
{
	const uint32_t high = rows < TILE_ROWS ? rows : TILE_ROWS;
	const uint32_t left = groups % TILE_GROUPS;
	struct rest rest;

	if (left) {
		const uint8_t *tail =
			(const uint8_t *)a + (size_t)(groups - left) * NPU_MATRIX_GROUP;

		memset(&rest, 0, sizeof(rest));
		for (uint32_t r = 0; r < rows; r++)
			memcpy(rest.a[r], tail + r * a_stride, left * NPU_MATRIX_GROUP);
	}
	before_loads();
	for (uint32_t p = 0; p < cols->panels; p += 2) {
		const bool two = p + 1 < cols->panels;

#define PAIR(LOW, TWO, SIGNED)                                                                  \
	pair(cols, a, a_stride, b, groups, from, from_stride, acc, acc_stride, &rest, LOW, TWO, \
	     SIGNED)
#define PAIR_OF(LOW, TWO)                      \
	do {                                   \
		if (cols->a_signed)            \
			PAIR(LOW, TWO, true);  \
		else                           \
			PAIR(LOW, TWO, false); \
	} while (0)
		if (rows > high && two)
			PAIR_OF(true, true);
		else if (rows > high)
			PAIR_OF(true, false);
		else if (two)
			PAIR_OF(false, true);
		else
			PAIR_OF(false, false);
#undef PAIR_OF
#undef PAIR
		b += 2 * cols->panel_size;
		from += 2 * NPU_MATRIX_PANEL;
		acc += 2 * NPU_MATRIX_PANEL;
	}
}

/* Signed values stay as they are. */
static void amx_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride, uint32_t rows,
		     uint32_t k, bool a_signed)
{
	(void)a_signed;
	npu_matrix_avx512_pack(dst, dst_stride, a, a_stride, rows, k, false);
}

const struct npu_matrix_ops npu_matrix_ops_amx = {
	.rows = {0, 32, 32, 32, 32},
	.panels = 4,
	.a_size = 1,
	.a_in_place = true,
	.a_signed_in_place = true,
	.kc = 512,
	.open = amx_open,
	.close = amx_close,
	.pack = amx_pack,
	.unpack = npu_matrix_avx512_unpack,
	.multiply = amx_multiply,
	.store = npu_matrix_avx512_store,
};
#endif /* __x86_64__ */
