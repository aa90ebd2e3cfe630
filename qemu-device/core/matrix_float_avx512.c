// SPDX-License-Identifier: MIT
/* Matrix engine, floating point with AVX-512. */
#ifdef __x86_64__
#include <float.h>
#include <immintrin.h>
#include <string.h>

#include "matrix_impl.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
#define INLINE static inline __attribute__((always_inline)) TARGET

#define LANES  16

TARGET static void avx512_widen_a(float *dst, const uint8_t *a, uint32_t type, uint32_t k)
{
	for (uint32_t i = 0; i < k; i += LANES, a += 2 * LANES) {
		const __mmask16 mask = k - i >= LANES ? 0xffff : 0xffff >> (LANES - (k - i));
		const __m256i v = _mm256_maskz_loadu_epi16(mask, a);

		if (type == NPU_MATRIX_A_BF16)
			_mm512_storeu_si512(dst + i,
					    _mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
		else
			_mm512_storeu_ps(dst + i, _mm512_cvtph_ps(v));
	}
}

TARGET static void avx512_widen_b(float *dst, const uint8_t *b, uint32_t type, uint32_t k)
{
	const __m512i upper = _mm512_set1_epi32((int)0xffff0000);

	for (uint32_t i = 0; i < k; i += 2, b += NPU_MATRIX_GROUP_SIZE, dst += 2 * LANES) {
		const __m512i v = _mm512_loadu_si512(b);

		if (type == NPU_MATRIX_B_BF16) {
			_mm512_storeu_si512(dst, _mm512_slli_epi32(v, 16));
			_mm512_storeu_si512(dst + LANES, _mm512_and_si512(v, upper));
		} else {
			const __m512i high = _mm512_srli_epi32(v, 16);

			_mm512_storeu_ps(dst, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)));
			_mm512_storeu_ps(dst + LANES, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(high)));
		}
	}
}

/* Inlined with constant rows and panels: all sums live in registers. */
INLINE void tile(float *acc, const float *a, size_t a_stride, const float *b, size_t panel_size,
		 uint32_t k, const int rows, const int panels)
{
	__m512 sum[NPU_MATRIX_FLOAT_ROWS][2];

#pragma GCC unroll 14
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (int p = 0; p < panels; p++)
			sum[r][p] = _mm512_load_ps(acc + r * NPU_MATRIX_COLUMNS + p * LANES);

	for (uint32_t i = 0; i < k; i++) {
		__m512 column[2];

#pragma GCC unroll 2
		for (int p = 0; p < panels; p++)
			column[p] = _mm512_loadu_ps(b + p * panel_size);
#pragma GCC unroll 14
		for (int r = 0; r < rows; r++) {
			const __m512 value = _mm512_set1_ps(a[r * a_stride]);

#pragma GCC unroll 2
			for (int p = 0; p < panels; p++)
				sum[r][p] = _mm512_fmadd_ps(value, column[p], sum[r][p]);
		}
		a++;
		b += LANES;
	}

#pragma GCC unroll 14
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (int p = 0; p < panels; p++)
			_mm512_store_ps(acc + r * NPU_MATRIX_COLUMNS + p * LANES, sum[r][p]);
}

TARGET static void avx512_multiply(float *acc, const float *a, size_t a_stride, const float *b,
				   size_t panel_size, uint32_t rows, uint32_t panels, uint32_t k)
{
#define TILE(rows)                                                         \
	case rows:                                                         \
		if (panels == 2)                                           \
			tile(acc, a, a_stride, b, panel_size, k, rows, 2); \
		else                                                       \
			tile(acc, a, a_stride, b, panel_size, k, rows, 1); \
		break
	switch (rows) {
		TILE(1);
		TILE(2);
		TILE(3);
		TILE(4);
		TILE(5);
		TILE(6);
		TILE(7);
		TILE(8);
		TILE(9);
		TILE(10);
		TILE(11);
		TILE(12);
		TILE(13);
		TILE(14);
	}
#undef TILE
}

/* struct npu_matrix_curve; what NaNs become does not matter. */
INLINE __m512 curve(const struct npu_matrix_curve *table, __m512 x)
{
	float scale, offset;
	__m512i piece;
	__m512 t;

	memcpy(&scale, &table->scale, sizeof(scale));
	memcpy(&offset, &table->offset, sizeof(offset));
	x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-FLT_MAX)), _mm512_set1_ps(FLT_MAX));
	t = _mm512_fmadd_ps(x, _mm512_set1_ps(scale), _mm512_set1_ps(offset));
	/* Of a NaN and a number, both give the second. */
	t = _mm512_max_ps(t, _mm512_setzero_ps());
	t = _mm512_min_ps(t, _mm512_set1_ps(NPU_MATRIX_PIECES - 1));
	piece = _mm512_cvttps_epi32(t);
	return _mm512_fmadd_ps(_mm512_i32gather_ps(piece, &table->piece[0].slope, 8), x,
			       _mm512_i32gather_ps(piece, &table->piece[0].start, 8));
}

INLINE __m512 finish(const struct npu_matrix_epilogue *e, __m512 x, __m512 bias)
{
	__mmask16 nan;

	if (e->flags & NPU_MATRIX_BIAS)
		x = _mm512_add_ps(x, bias);
	/* vmaxps and vminps give the second operand if either is a NaN, or both are zeros. */
	if (e->flags & NPU_MATRIX_ACT_RELU)
		x = _mm512_max_ps(_mm512_setzero_ps(), x);
	if (e->flags & NPU_MATRIX_CLAMP) {
		x = _mm512_max_ps(_mm512_set1_ps(e->lo), x);
		x = _mm512_min_ps(_mm512_set1_ps(e->hi), x);
	}
	nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	if (e->flags & NPU_MATRIX_ACT_TABLE) {
		x = curve(e->curve, x);
		nan |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	}
	return _mm512_mask_blend_ps(nan, x, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)));
}

INLINE __m256i to_bf16(__m512 x)
{
	__m512i bits = _mm512_castps_si512(x);
	__m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));

	bits = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
	return _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16));
}

TARGET static void avx512_store(const struct npu_matrix_epilogue *e, const float *acc,
				uint32_t rows, uint8_t *c, size_t c_stride)
{
	const uint32_t type = e->flags & NPU_MATRIX_C;

	for (uint32_t n = 0; n < e->columns; n += LANES) {
		const uint32_t left = e->columns - n;
		const __mmask16 mask = left >= LANES ? 0xffff : 0xffff >> (LANES - left);
		const __m512 bias = _mm512_load_ps(e->bias + n);
		uint8_t *to = c + n * (type == NPU_MATRIX_C_SUM ? 4 : 2);

		for (uint32_t r = 0; r < rows; r++, to += c_stride) {
			const __m512 x =
				finish(e, _mm512_load_ps(acc + r * NPU_MATRIX_COLUMNS + n), bias);

			if (type == NPU_MATRIX_C_SUM)
				_mm512_mask_storeu_ps(to, mask, x);
			else if (type == NPU_MATRIX_C_BF16)
				_mm256_mask_storeu_epi16(to, mask, to_bf16(x));
			else
				_mm256_mask_storeu_epi16(
					to, mask,
					_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT |
								   _MM_FROUND_NO_EXC));
		}
	}
}

const struct npu_matrix_float_ops npu_matrix_float_ops_avx512 = {
	/* 28 of 32 registers are sums, which hides the latency of vfmadd and spares loads of B. */
	.rows = {0, 14, 14},	     .widen_a = avx512_widen_a, .widen_b = avx512_widen_b,
	.multiply = avx512_multiply, .store = avx512_store,
};
#endif /* __x86_64__ */
