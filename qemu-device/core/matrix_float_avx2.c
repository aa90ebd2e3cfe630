// SPDX-License-Identifier: MIT
/* Matrix engine, floating point with AVX2, FMA and F16C. */
#ifdef __x86_64__
#include <float.h>
#include <immintrin.h>
#include <string.h>

#include "matrix_impl.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* A panel is two registers. */
#define LANES  8
#define ROWS   6

TARGET static void avx2_widen_a(float *dst, const uint8_t *a, uint32_t type, uint32_t k)
{
	for (uint32_t i = 0; i < k; i += LANES, a += 2 * LANES) {
		__m128i v;

		if (k - i >= LANES) {
			v = _mm_loadu_si128((const __m128i *)a);
		} else {
			/* Nothing past the row may be read. dst has room for whole vectors. */
			uint8_t rest[2 * LANES] = {0};

			memcpy(rest, a, 2 * (k - i));
			v = _mm_loadu_si128((const __m128i *)rest);
		}
		if (type == NPU_MATRIX_A_BF16)
			_mm256_storeu_si256((__m256i *)(dst + i),
					    _mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
		else
			_mm256_storeu_ps(dst + i, _mm256_cvtph_ps(v));
	}
}

TARGET static void avx2_widen_b(float *dst, const uint8_t *b, uint32_t type, uint32_t k)
{
	const __m256i lower = _mm256_set1_epi32(0xffff);

	for (uint32_t i = 0; i < k; i += 2, b += NPU_MATRIX_GROUP_SIZE, dst += 4 * LANES) {
		for (int half = 0; half < 2; half++) {
			const __m256i v = _mm256_loadu_si256((const __m256i *)(b + half * 32));
			float *to = dst + half * LANES;

			if (type == NPU_MATRIX_B_BF16) {
				_mm256_storeu_si256((__m256i *)to, _mm256_slli_epi32(v, 16));
				_mm256_storeu_si256((__m256i *)(to + 2 * LANES),
						    _mm256_andnot_si256(lower, v));
			} else {
				__m256i both = _mm256_packus_epi32(_mm256_and_si256(v, lower),
								   _mm256_srli_epi32(v, 16));

				both = _mm256_permute4x64_epi64(both, _MM_SHUFFLE(3, 1, 2, 0));
				_mm256_storeu_ps(to, _mm256_cvtph_ps(_mm256_castsi256_si128(both)));
				_mm256_storeu_ps(
					to + 2 * LANES,
					_mm256_cvtph_ps(_mm256_extracti128_si256(both, 1)));
			}
		}
	}
}

INLINE void tile(float *acc, const float *a, size_t a_stride, const float *b, uint32_t k,
		 const int rows)
{
	__m256 sum[ROWS][2];

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		sum[r][0] = _mm256_load_ps(acc + r * NPU_MATRIX_COLUMNS);
		sum[r][1] = _mm256_load_ps(acc + r * NPU_MATRIX_COLUMNS + LANES);
	}

	for (uint32_t i = 0; i < k; i++) {
		const __m256 low = _mm256_loadu_ps(b), high = _mm256_loadu_ps(b + LANES);

#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			const __m256 value = _mm256_set1_ps(a[r * a_stride]);

			sum[r][0] = _mm256_fmadd_ps(value, low, sum[r][0]);
			sum[r][1] = _mm256_fmadd_ps(value, high, sum[r][1]);
		}
		a++;
		b += NPU_MATRIX_PANEL;
	}

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		_mm256_store_ps(acc + r * NPU_MATRIX_COLUMNS, sum[r][0]);
		_mm256_store_ps(acc + r * NPU_MATRIX_COLUMNS + LANES, sum[r][1]);
	}
}

TARGET static void avx2_multiply(float *acc, const float *a, size_t a_stride, const float *b,
				 size_t panel_size, uint32_t rows, uint32_t panels, uint32_t k)
{
	(void)panel_size;
	(void)panels;
#define TILE(rows)                                  \
	case rows:                                  \
		tile(acc, a, a_stride, b, k, rows); \
		break
	switch (rows) {
		TILE(1);
		TILE(2);
		TILE(3);
		TILE(4);
		TILE(5);
		TILE(6);
	}
#undef TILE
}

/* struct npu_matrix_curve; what NaNs become does not matter. */
INLINE __m256 curve(const struct npu_matrix_curve *table, __m256 x)
{
	float scale, offset;
	__m256i piece;
	__m256 t;

	memcpy(&scale, &table->scale, sizeof(scale));
	memcpy(&offset, &table->offset, sizeof(offset));
	x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-FLT_MAX)), _mm256_set1_ps(FLT_MAX));
	t = _mm256_fmadd_ps(x, _mm256_set1_ps(scale), _mm256_set1_ps(offset));
	/* Of a NaN and a number, both give the second. */
	t = _mm256_max_ps(t, _mm256_setzero_ps());
	t = _mm256_min_ps(t, _mm256_set1_ps(NPU_MATRIX_PIECES - 1));
	piece = _mm256_cvttps_epi32(t);
	return _mm256_fmadd_ps(
		_mm256_i32gather_ps((const float *)&table->piece[0].slope, piece, 8), x,
		_mm256_i32gather_ps((const float *)&table->piece[0].start, piece, 8));
}

INLINE __m256 finish(const struct npu_matrix_epilogue *e, __m256 x, __m256 bias)
{
	const __m256 canonical = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
	__m256 nan;

	if (e->flags & NPU_MATRIX_BIAS)
		x = _mm256_add_ps(x, bias);
	/* vmaxps and vminps give the second operand if either is a NaN, or both are zeros. */
	if (e->flags & NPU_MATRIX_ACT_RELU)
		x = _mm256_max_ps(_mm256_setzero_ps(), x);
	if (e->flags & NPU_MATRIX_CLAMP) {
		x = _mm256_max_ps(_mm256_set1_ps(e->lo), x);
		x = _mm256_min_ps(_mm256_set1_ps(e->hi), x);
	}
	nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
	if (e->flags & NPU_MATRIX_ACT_TABLE) {
		x = curve(e->curve, x);
		nan = _mm256_or_ps(nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	}
	return _mm256_blendv_ps(x, canonical, nan);
}

INLINE __m128i to_bf16(__m256 x)
{
	__m256i bits = _mm256_castps_si256(x);
	__m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));

	bits = _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
	bits = _mm256_srli_epi32(bits, 16);
	bits = _mm256_permute4x64_epi64(_mm256_packus_epi32(bits, bits), _MM_SHUFFLE(3, 1, 2, 0));
	return _mm256_castsi256_si128(bits);
}

TARGET static void avx2_store(const struct npu_matrix_epilogue *e, const float *acc, uint32_t rows,
			      uint8_t *c, size_t c_stride)
{
	const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const uint32_t type = e->flags & NPU_MATRIX_C;

	for (uint32_t n = 0; n < e->columns; n += LANES) {
		const uint32_t left = e->columns - n < LANES ? e->columns - n : LANES;
		const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lanes);
		const __m256 bias = _mm256_load_ps(e->bias + n);
		uint8_t *to = c + n * (type == NPU_MATRIX_C_SUM ? 4 : 2);

		for (uint32_t r = 0; r < rows; r++, to += c_stride) {
			const __m256 x =
				finish(e, _mm256_load_ps(acc + r * NPU_MATRIX_COLUMNS + n), bias);
			__m128i half;

			if (type == NPU_MATRIX_C_SUM) {
				_mm256_maskstore_ps((float *)to, mask, x);
				continue;
			}
			half = type == NPU_MATRIX_C_BF16
				       ? to_bf16(x)
				       : _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT |
								    _MM_FROUND_NO_EXC);
			if (left == LANES)
				_mm_storeu_si128((__m128i *)to, half);
			else
				memcpy(to, &half, 2 * left);
		}
	}
}

const struct npu_matrix_float_ops npu_matrix_float_ops_avx2 = {
	/* 12 of 16 registers are sums. */
	.rows = {0, ROWS},	   .widen_a = avx2_widen_a, .widen_b = avx2_widen_b,
	.multiply = avx2_multiply, .store = avx2_store,
};
#endif /* __x86_64__ */
