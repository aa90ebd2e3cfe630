// SPDX-License-Identifier: MIT
/*
 * Matrix engine with AVX-512 VNNI: vpdpbusd multiplies unsigned by signed bytes and adds four
 * products to a 32-bit sum, which wraps. Signed A is fed as a + 128; see npu_matrix_ops.correct.
 */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "matrix_impl.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* Columns of a zmm register. */
#define LANES  16

TARGET static void avx512_correct(struct npu_matrix_columns *cols, uint32_t groups)
{
	const __m512i ones = _mm512_set1_epi8(1);

	for (uint32_t p = 0; p < cols->panels; p++) {
		const uint8_t *b = cols->b + p * cols->panel_size;
		int32_t *start = cols->start + p * LANES;
		__m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(),
				  _mm512_setzero_si512(), _mm512_setzero_si512()};
		uint32_t g = 0;

		for (; g + 4 <= groups; g += 4, b += 4 * NPU_MATRIX_GROUP_SIZE)
			for (int i = 0; i < 4; i++)
				sum[i] = _mm512_dpbusd_epi32(sum[i], ones,
							     _mm512_loadu_si512(b + i * 64));
		for (; g < groups; g++, b += NPU_MATRIX_GROUP_SIZE)
			sum[0] = _mm512_dpbusd_epi32(sum[0], ones, _mm512_loadu_si512(b));
		sum[0] = _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]),
					  _mm512_add_epi32(sum[2], sum[3]));
		_mm512_store_si512(start, _mm512_sub_epi32(_mm512_load_si512(start),
							   _mm512_slli_epi32(sum[0], 7)));
	}
}

TARGET void npu_matrix_avx512_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride,
				   uint32_t rows, uint32_t k, bool a_signed)
{
	const __m512i flip = _mm512_set1_epi8(a_signed ? (char)0x80 : 0);

	for (uint32_t r = 0; r < rows; r++) {
		const uint8_t *from = a + r * a_stride;
		uint8_t *to = (uint8_t *)dst + r * dst_stride;
		uint32_t i = 0;

		for (; i + 64 <= k; i += 64)
			_mm512_store_si512(to + i,
					   _mm512_xor_si512(flip, _mm512_loadu_si512(from + i)));
		if (i < k) {
			/*
			 * Masked, as nothing past the row may be read. The rest becomes what 0
			 * would, so that correct() takes away what B's padding adds.
			 */
			__mmask64 mask = ~0ull >> (64 - (k - i));

			_mm512_store_si512(to + i, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(
										  mask, from + i)));
		}
	}
}

/*
 * Kept bytes to their places among four: nibble i of an index byte names the places of values 2 * i
 * and 2 * i + 1 of a column. places holds, for each nibble, the shuffle of four bytes that does it
 * for the lowest lane: 0 or 1 where a value comes to lie, the top bit where zero does.
 */
INLINE __m512i sparse_places(void)
{
	alignas(64) uint8_t control[16][4];

	memset(control, 0x80, sizeof(control));
	for (int nibble = 0; nibble < 16; nibble++) {
		control[nibble][nibble & 3] = 0;
		control[nibble][nibble >> 2] = 1;
	}
	return _mm512_load_si512(control);
}

INLINE void sparse_group(uint8_t *dst, __m512i value, const uint8_t *index, __m512i places)
{
	/* Byte 4 * lane of the 128 bits is where a lane's values begin. */
	const __m512i lane =
		_mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
	const __m512i second = _mm512_set1_epi32(0x02020202);
	__m512i where = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)index));
	/* vpermd looks at four bits only. */
	__m512i low = _mm512_or_si512(_mm512_permutexvar_epi32(where, places), lane);
	__m512i high = _mm512_permutexvar_epi32(_mm512_srli_epi32(where, 4), places);

	high = _mm512_or_si512(_mm512_or_si512(high, lane), second);
	_mm512_storeu_si512(dst, _mm512_shuffle_epi8(value, low));
	_mm512_storeu_si512(dst + NPU_MATRIX_GROUP_SIZE, _mm512_shuffle_epi8(value, high));
}

TARGET void npu_matrix_avx512_unpack(uint8_t *dst, uint32_t type, const uint8_t *b,
				     const uint8_t *index, uint32_t groups)
{
	/* Four bits to a signed byte; two bits, whatever the two above them. */
	const __m512i four = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
	const __m512i two = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1));
	const __m512i nibble = _mm512_set1_epi8(0x0f);
	const __m512i places = sparse_places();
	uint32_t g = 0;

	switch (type) {
	case NPU_MATRIX_B_S4:
		for (; g < groups; g += 2, b += 64, dst += 128) {
			__m512i v = _mm512_loadu_si512(b);

			_mm512_storeu_si512(dst,
					    _mm512_shuffle_epi8(four, _mm512_and_si512(v, nibble)));
			v = _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble);
			_mm512_storeu_si512(dst + 64, _mm512_shuffle_epi8(four, v));
		}
		break;
	case NPU_MATRIX_B_S2:
		for (; g < groups; g += 4, b += 64, dst += 256) {
			__m512i v = _mm512_loadu_si512(b);

#pragma GCC unroll 4
			for (int i = 0; i < 4; i++)
				_mm512_storeu_si512(
					dst + 64 * i,
					_mm512_shuffle_epi8(
						two, _mm512_and_si512(_mm512_srli_epi16(v, 2 * i),
								      nibble)));
		}
		break;
	case NPU_MATRIX_B_SPARSE_S8:
		for (; g < groups; g += 2, b += 64, dst += 128, index += LANES)
			sparse_group(dst, _mm512_loadu_si512(b), index, places);
		break;
	case NPU_MATRIX_B_SPARSE_S4:
		for (; g < groups; g += 4, b += 64, dst += 256, index += 2 * LANES) {
			__m512i v = _mm512_loadu_si512(b);

			sparse_group(dst, _mm512_shuffle_epi8(four, _mm512_and_si512(v, nibble)),
				     index, places);
			v = _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble);
			sparse_group(dst + 128, _mm512_shuffle_epi8(four, v), index + LANES,
				     places);
		}
		break;
	}
}

/* Inlined with constant rows and panels: all sums live in registers. */
INLINE void tile(const struct npu_matrix_columns *cols, const void *a, size_t a_stride,
		 const uint8_t *b, uint32_t groups, const int32_t *from, size_t from_stride,
		 int32_t *acc, size_t acc_stride, const int rows, const int panels)
{
	size_t panel_size = cols->panel_size;
	const uint8_t *row = a;
	__m512i sum[NPU_MATRIX_ROWS][NPU_MATRIX_PANELS];

#pragma GCC unroll 12
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++)
			sum[r][p] = _mm512_loadu_si512(from + r * from_stride + p * LANES);

	for (uint32_t g = 0; g < groups; g++) {
		__m512i column[NPU_MATRIX_PANELS];

#pragma GCC unroll 4
		for (int p = 0; p < panels; p++)
			column[p] = _mm512_loadu_si512(b + p * panel_size);
#pragma GCC unroll 12
		for (int r = 0; r < rows; r++) {
			int32_t four;

			memcpy(&four, row + r * a_stride, sizeof(four));
			__m512i value = _mm512_set1_epi32(four);
#pragma GCC unroll 4
			for (int p = 0; p < panels; p++)
				sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], value, column[p]);
		}
		row += NPU_MATRIX_GROUP;
		b += NPU_MATRIX_GROUP_SIZE;
	}

#pragma GCC unroll 12
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++)
			_mm512_storeu_si512(acc + r * acc_stride + p * LANES, sum[r][p]);
}

TARGET static void avx512_multiply(const struct npu_matrix_columns *cols, const void *a,
				   size_t a_stride, const uint8_t *b, uint32_t rows,
				   uint32_t groups, const int32_t *from, size_t from_stride,
				   int32_t *acc, size_t acc_stride)
{
#define TILE(rows, panels)                                                                   \
	case (panels)*16 + (rows):                                                           \
		tile(cols, a, a_stride, b, groups, from, from_stride, acc, acc_stride, rows, \
		     panels);                                                                \
		break
#define TILES(panels)    \
	TILE(1, panels); \
	TILE(2, panels); \
	TILE(3, panels); \
	TILE(4, panels); \
	TILE(5, panels); \
	TILE(6, panels)
#define TALL_TILES(panels) \
	TILE(7, panels);   \
	TILE(8, panels);   \
	TILE(9, panels);   \
	TILE(10, panels);  \
	TILE(11, panels);  \
	TILE(12, panels)

	switch (cols->panels * 16 + rows) {
		TILES(1);
		TALL_TILES(1);
		TILES(2);
		TALL_TILES(2);
		TILES(3);
		TILES(4);
	}
#undef TALL_TILES
#undef TILES
#undef TILE
}

/* Requantise 16 sums of a panel to bytes. Even and odd lanes go separate ways at 64 bits. */
struct requant {
	__m512i mult, mult_odd, shift_even, shift_odd, one, zero_point;
	__m512i lo_even, lo_odd, hi_even, hi_odd;
};

INLINE struct requant requant_init(const struct npu_matrix_columns *cols, uint32_t panel)
{
	__m512i mult = _mm512_load_si512(cols->mult + panel * LANES);
	__m512i shift = _mm512_load_si512(cols->shift + panel * LANES);

	return (struct requant){
		.mult = mult,
		.mult_odd = _mm512_srli_epi64(mult, 32),
		.shift_even = _mm512_and_si512(shift, _mm512_set1_epi64(0xffffffff)),
		.shift_odd = _mm512_srli_epi64(shift, 32),
		.one = _mm512_set1_epi64(1),
		.lo_even = _mm512_load_si512(cols->lo + panel * LANES),
		.lo_odd = _mm512_load_si512(cols->lo + panel * LANES + LANES / 2),
		.hi_even = _mm512_load_si512(cols->hi + panel * LANES),
		.hi_odd = _mm512_load_si512(cols->hi + panel * LANES + LANES / 2),
		.zero_point = _mm512_load_si512(cols->zero_point + panel * LANES),
	};
}

INLINE __m512i requant_half(__m512i p, __m512i shift, __m512i one, __m512i lo, __m512i hi)
{
	p = _mm512_srai_epi64(_mm512_add_epi64(_mm512_srav_epi64(p, shift), one), 1);
	return _mm512_min_epi64(_mm512_max_epi64(p, lo), hi);
}

INLINE __m128i requant(const struct requant *q, __m512i sum)
{
	__m512i even = requant_half(_mm512_mul_epi32(sum, q->mult), q->shift_even, q->one,
				    q->lo_even, q->hi_even);
	__m512i odd = requant_half(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), q->mult_odd),
				   q->shift_odd, q->one, q->lo_odd, q->hi_odd);

	/* The low halves are all that is wanted: p + zero_point fits 8 bits. */
	even = _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA);
	return _mm512_cvtepi32_epi8(_mm512_add_epi32(even, q->zero_point));
}

TARGET void npu_matrix_avx512_store(const struct npu_matrix_columns *cols, const int32_t *acc,
				    uint32_t rows, enum npu_matrix_output output, uint8_t *c,
				    size_t c_stride)
{
	const __m512i floor = _mm512_set1_epi32(cols->floor);

	for (uint32_t p = 0; p < cols->panels; p++) {
		uint32_t columns = cols->columns - p * LANES;
		__mmask16 mask = columns >= LANES ? 0xffff : 0xffff >> (LANES - columns);
		const int32_t *sum = acc + p * LANES;

		if (output == NPU_MATRIX_OUT_8) {
			struct requant q = requant_init(cols, p);
			uint8_t *to = c + p * LANES;

			for (uint32_t r = 0; r < rows; r++) {
				_mm_mask_storeu_epi8(to, mask, requant(&q, _mm512_load_si512(sum)));
				sum += NPU_MATRIX_COLUMNS;
				to += c_stride;
			}
		} else {
			uint8_t *to = c + p * LANES * 4;

			for (uint32_t r = 0; r < rows; r++) {
				__m512i value = _mm512_load_si512(sum);

				if (output == NPU_MATRIX_OUT_S32_ADD)
					value = _mm512_add_epi32(
						value, _mm512_maskz_loadu_epi32(mask, to));
				_mm512_mask_storeu_epi32(to, mask, _mm512_max_epi32(value, floor));
				sum += NPU_MATRIX_COLUMNS;
				to += c_stride;
			}
		}
	}
}

const struct npu_matrix_ops npu_matrix_ops_avx512 = {
	/* 24 of 32 registers are sums, which also hides the latency of vpdpbusd. */
	.rows = {0, 12, 12, 6, 6},
	.panels = 4,
	.a_size = 1,
	.kc = NPU_MATRIX_KC,
	.a_in_place = true,
	.correct = avx512_correct,
	.pack = npu_matrix_avx512_pack,
	.unpack = npu_matrix_avx512_unpack,
	.multiply = avx512_multiply,
	.store = npu_matrix_avx512_store,
};
#endif /* __x86_64__ */
