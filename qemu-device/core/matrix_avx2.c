// SPDX-License-Identifier: MIT
/*
 * Matrix engine with 256-bit vectors, in two ways that differ in how they multiply:
 *
 * avx2: both operands are extended to 16 bits, vpmaddwd adds pairs of products. pmaddubsw, which
 * would take bytes, saturates, and the contract wants every bit.
 * avxvnni: vpdpbusd, as in matrix_avx512.c; signed A is fed as a + 128.
 */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "matrix_impl.h"

#define TARGET	    __attribute__((target("avx2")))
#define TARGET_VNNI __attribute__((target("avx2,avxvnni")))
#define INLINE	    static inline __attribute__((always_inline))

/* Columns of a ymm register with 32-bit lanes; a panel is two of them. */
#define LANES	    8
#define ROWS	    6

INLINE TARGET __m256i load(const void *from)
{
	return _mm256_loadu_si256(from);
}

INLINE TARGET void store(void *to, __m256i value)
{
	_mm256_storeu_si256(to, value);
}

/* ---- weights, for both ---- */

/* As in matrix_avx512.c; one register of eight lanes at a time. */
struct places {
	__m256i low, high; /* of nibbles below 8, and of others */
};

INLINE TARGET struct places sparse_places(void)
{
	uint8_t control[16][4];

	memset(control, 0x80, sizeof(control));
	for (int nibble = 0; nibble < 16; nibble++) {
		control[nibble][nibble & 3] = 0;
		control[nibble][nibble >> 2] = 1;
	}
	return (struct places){load(control[0]), load(control[8])};
}

/* where: nibble in the low bits of each lane. */
INLINE TARGET __m256i sparse_control(__m256i where, struct places places)
{
	__m256i low = _mm256_permutevar8x32_epi32(places.low, where);
	__m256i high = _mm256_permutevar8x32_epi32(places.high, where);

	/* Bit 3 of the nibble becomes the sign that chooses. */
	return _mm256_castps_si256(
		_mm256_blendv_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high),
				 _mm256_castsi256_ps(_mm256_slli_epi32(where, 28))));
}

/* Eight columns: half of a group. */
INLINE TARGET void sparse_half(uint8_t *dst, __m256i value, const uint8_t *index,
			       struct places places)
{
	const __m256i lane = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404,
					       0x08080808, 0x0c0c0c0c);
	const __m256i second = _mm256_or_si256(lane, _mm256_set1_epi32(0x02020202));
	__m256i where = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)index));
	__m256i low = sparse_control(where, places);
	__m256i high = sparse_control(_mm256_srli_epi32(where, 4), places);

	store(dst, _mm256_shuffle_epi8(value, _mm256_or_si256(low, lane)));
	store(dst + NPU_MATRIX_GROUP_SIZE,
	      _mm256_shuffle_epi8(value, _mm256_or_si256(high, second)));
}

TARGET static void avx2_unpack(uint8_t *dst, uint32_t type, const uint8_t *b, const uint8_t *index,
			       uint32_t groups)
{
	const __m256i four = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
	const __m256i two = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1));
	const __m256i nibble = _mm256_set1_epi8(0x0f);
	const struct places places = sparse_places();
	const uint32_t whole = type == NPU_MATRIX_B_S2 || type == NPU_MATRIX_B_SPARSE_S4 ? 4 : 2;

	for (uint32_t g = 0; g < groups; g += whole) {
		for (int half = 0; half < 2; half++) {
			uint8_t *to = dst + half * 32;
			const uint8_t *where = index + half * LANES;
			__m256i v = load(b + half * 32), low = _mm256_and_si256(v, nibble);
			__m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble);

			switch (type) {
			case NPU_MATRIX_B_S4:
				store(to, _mm256_shuffle_epi8(four, low));
				store(to + 64, _mm256_shuffle_epi8(four, high));
				break;
			case NPU_MATRIX_B_S2:
#pragma GCC unroll 4
				for (int i = 0; i < 4; i++)
					store(to + 64 * i,
					      _mm256_shuffle_epi8(
						      two,
						      _mm256_and_si256(_mm256_srli_epi16(v, 2 * i),
								       nibble)));
				break;
			case NPU_MATRIX_B_SPARSE_S8:
				sparse_half(to, v, where, places);
				break;
			case NPU_MATRIX_B_SPARSE_S4:
				sparse_half(to, _mm256_shuffle_epi8(four, low), where, places);
				sparse_half(to + 128, _mm256_shuffle_epi8(four, high),
					    where + NPU_MATRIX_PANEL, places);
				break;
			}
		}
		b += NPU_MATRIX_GROUP_SIZE;
		dst += whole * NPU_MATRIX_GROUP_SIZE;
		if (type == NPU_MATRIX_B_SPARSE_S8 || type == NPU_MATRIX_B_SPARSE_S4)
			index += whole / 2 * NPU_MATRIX_PANEL;
	}
}

/* ---- avx2 ---- */

TARGET static void avx2_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride,
			     uint32_t rows, uint32_t k, bool a_signed)
{
	for (uint32_t r = 0; r < rows; r++) {
		const uint8_t *from = a + r * a_stride;
		int16_t *to = (int16_t *)((uint8_t *)dst + r * dst_stride);
		uint32_t i = 0;

		for (; i + 16 <= k; i += 16) {
			__m128i bytes = _mm_loadu_si128((const __m128i *)(from + i));

			store(to + i,
			      a_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes));
		}
		if (i < k) {
			/* Nothing past the row may be read. dst has room for whole vectors. */
			uint8_t rest[16] = {0};
			__m128i bytes;

			memcpy(rest, from + i, k - i);
			bytes = _mm_loadu_si128((const __m128i *)rest);
			store(to + i,
			      a_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes));
		}
	}
}

/*
 * rows rows of half a panel. Each register of sums holds four columns with two sums, of even and
 * odd pairs of k, which meet at the end.
 */
INLINE TARGET void avx2_tile(const void *a, size_t a_stride, const uint8_t *b, uint32_t groups,
			     const int32_t *from, size_t from_stride, int32_t *acc,
			     size_t acc_stride, const int rows)
{
	const uint8_t *row = a;
	__m256i sum[ROWS][2];

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
		sum[r][0] = sum[r][1] = _mm256_setzero_si256();

	for (uint32_t g = 0; g < groups; g++) {
		__m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)b));
		__m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + 16)));

#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			int64_t four;

			memcpy(&four, row + r * a_stride, sizeof(four));
			__m256i value = _mm256_set1_epi64x(four);

			sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(value, low));
			sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(value, high));
		}
		row += NPU_MATRIX_GROUP * sizeof(int16_t);
		b += NPU_MATRIX_GROUP_SIZE;
	}

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		__m256i whole = _mm256_hadd_epi32(sum[r][0], sum[r][1]);

		whole = _mm256_permute4x64_epi64(whole, _MM_SHUFFLE(3, 1, 2, 0));
		whole = _mm256_add_epi32(whole, load(from + r * from_stride));
		store(acc + r * acc_stride, whole);
	}
}

TARGET static void avx2_multiply(const struct npu_matrix_columns *cols, const void *a,
				 size_t a_stride, const uint8_t *b, uint32_t rows, uint32_t groups,
				 const int32_t *from, size_t from_stride, int32_t *acc,
				 size_t acc_stride)
{
	(void)cols;
	for (int half = 0; half < 2; half++) {
#define TILE(rows)                                                                           \
	case rows:                                                                           \
		avx2_tile(a, a_stride, b, groups, from, from_stride, acc, acc_stride, rows); \
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
		b += NPU_MATRIX_GROUP_SIZE / 2;
		from += LANES;
		acc += LANES;
	}
}

/* ---- avxvnni ---- */

TARGET_VNNI static void vnni_correct(struct npu_matrix_columns *cols, uint32_t groups)
{
	const __m256i ones = _mm256_set1_epi8(1);

	for (uint32_t p = 0; p < cols->panels; p++) {
		const uint8_t *b = cols->b + p * cols->panel_size;
		int32_t *start = cols->start + p * NPU_MATRIX_PANEL;
		__m256i low = _mm256_setzero_si256(), high = low;

		for (uint32_t g = 0; g < groups; g++, b += NPU_MATRIX_GROUP_SIZE) {
			low = _mm256_dpbusd_avx_epi32(low, ones, load(b));
			high = _mm256_dpbusd_avx_epi32(high, ones, load(b + 32));
		}
		store(start, _mm256_sub_epi32(load(start), _mm256_slli_epi32(low, 7)));
		start += LANES;
		store(start, _mm256_sub_epi32(load(start), _mm256_slli_epi32(high, 7)));
	}
}

TARGET_VNNI static void vnni_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride,
				  uint32_t rows, uint32_t k, bool a_signed)
{
	const __m256i flips = _mm256_set1_epi8(a_signed ? (char)0x80 : 0);

	for (uint32_t r = 0; r < rows; r++) {
		const uint8_t *from = a + r * a_stride;
		uint8_t *to = (uint8_t *)dst + r * dst_stride;
		uint32_t i = 0;

		for (; i + 32 <= k; i += 32)
			store(to + i, _mm256_xor_si256(flips, load(from + i)));
		if (i < k) {
			/* What follows the row becomes what 0 does: correct() takes away what it adds. */
			uint8_t rest[32] = {0};

			memcpy(rest, from + i, k - i);
			store(to + i, _mm256_xor_si256(flips, load(rest)));
		}
	}
}

INLINE TARGET_VNNI void vnni_tile(const void *a, size_t a_stride, const uint8_t *b, uint32_t groups,
				  const int32_t *from, size_t from_stride, int32_t *acc,
				  size_t acc_stride, const int rows)
{
	const uint8_t *row = a;
	__m256i sum[ROWS][2];

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		sum[r][0] = load(from + r * from_stride);
		sum[r][1] = load(from + r * from_stride + LANES);
	}

	for (uint32_t g = 0; g < groups; g++) {
		__m256i low = load(b), high = load(b + 32);

#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			int32_t four;

			memcpy(&four, row + r * a_stride, sizeof(four));
			__m256i value = _mm256_set1_epi32(four);

			sum[r][0] = _mm256_dpbusd_avx_epi32(sum[r][0], value, low);
			sum[r][1] = _mm256_dpbusd_avx_epi32(sum[r][1], value, high);
		}
		row += NPU_MATRIX_GROUP;
		b += NPU_MATRIX_GROUP_SIZE;
	}

#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		store(acc + r * acc_stride, sum[r][0]);
		store(acc + r * acc_stride + LANES, sum[r][1]);
	}
}

TARGET_VNNI static void vnni_multiply(const struct npu_matrix_columns *cols, const void *a,
				      size_t a_stride, const uint8_t *b, uint32_t rows,
				      uint32_t groups, const int32_t *from, size_t from_stride,
				      int32_t *acc, size_t acc_stride)
{
	(void)cols;
#define TILE(rows)                                                                           \
	case rows:                                                                           \
		vnni_tile(a, a_stride, b, groups, from, from_stride, acc, acc_stride, rows); \
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

/* ---- output, for both ---- */

/* Arithmetic shift right of 64-bit lanes, which AVX2 lacks: complement negative ones around it. */
INLINE TARGET __m256i srav_epi64(__m256i p, __m256i shift)
{
	__m256i sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), p);

	return _mm256_xor_si256(_mm256_srlv_epi64(_mm256_xor_si256(p, sign), shift), sign);
}

/* Four 64-bit products to p without the zero point; only the low 32 bits of a lane are valid. */
INLINE TARGET __m256i requant_half(__m256i p, __m256i shift, __m256i lo, __m256i hi)
{
	p = _mm256_add_epi64(srav_epi64(p, shift), _mm256_set1_epi64x(1));
	p = srav_epi64(p, _mm256_set1_epi64x(1));
	p = _mm256_blendv_epi8(p, lo, _mm256_cmpgt_epi64(lo, p));
	return _mm256_blendv_epi8(p, hi, _mm256_cmpgt_epi64(p, hi));
}

TARGET static void store_8(const struct npu_matrix_columns *cols, const int32_t *acc, uint32_t rows,
			   uint8_t *c, size_t c_stride)
{
	/* The low byte of each lane, to the low half of its 128 bits. */
	const __m256i gather = _mm256_set1_epi64x(0x808080800c080400);

	for (uint32_t n = 0; n < cols->columns; n += LANES) {
		uint32_t columns = cols->columns - n < LANES ? cols->columns - n : LANES;
		__m256i mult = load(cols->mult + n), shift = load(cols->shift + n);
		__m256i mult_odd = _mm256_srli_epi64(mult, 32);
		__m256i shift_even = _mm256_and_si256(shift, _mm256_set1_epi64x(0xffffffff));
		__m256i shift_odd = _mm256_srli_epi64(shift, 32);
		const uint32_t even64 = npu_matrix_lane64(n), odd64 = npu_matrix_lane64(n + 1);
		__m256i lo_even = load(cols->lo + even64), hi_even = load(cols->hi + even64);
		__m256i lo_odd = load(cols->lo + odd64), hi_odd = load(cols->hi + odd64);
		__m256i zero_point = load(cols->zero_point + n);
		const int32_t *sum = acc + n;
		uint8_t *to = c + n;

		for (uint32_t r = 0; r < rows; r++) {
			__m256i value = load(sum);
			__m256i even = requant_half(_mm256_mul_epi32(value, mult), shift_even,
						    lo_even, hi_even);
			__m256i odd = requant_half(
				_mm256_mul_epi32(_mm256_srli_epi64(value, 32), mult_odd), shift_odd,
				lo_odd, hi_odd);
			uint64_t bytes;

			value = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
			value = _mm256_shuffle_epi8(_mm256_add_epi32(value, zero_point), gather);
			bytes = (uint32_t)_mm256_extract_epi32(value, 0) |
				(uint64_t)(uint32_t)_mm256_extract_epi32(value, 4) << 32;
			if (columns == LANES)
				memcpy(to, &bytes, LANES);
			else
				memcpy(to, &bytes, columns);
			sum += NPU_MATRIX_COLUMNS;
			to += c_stride;
		}
	}
}

TARGET static void store_32(const struct npu_matrix_columns *cols, const int32_t *acc,
			    uint32_t rows, bool add, uint8_t *c, size_t c_stride)
{
	const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const __m256i floor = _mm256_set1_epi32(cols->floor);

	for (uint32_t n = 0; n < cols->columns; n += LANES) {
		__m256i left = _mm256_set1_epi32((int)(cols->columns - n));
		__m256i mask = _mm256_cmpgt_epi32(left, lanes);
		const int32_t *sum = acc + n;
		int *to = (int *)c + n;

		for (uint32_t r = 0; r < rows; r++) {
			__m256i value = load(sum);

			if (add)
				value = _mm256_add_epi32(value, _mm256_maskload_epi32(to, mask));
			_mm256_maskstore_epi32(to, mask, _mm256_max_epi32(value, floor));
			sum += NPU_MATRIX_COLUMNS;
			to = (int *)((uint8_t *)to + c_stride);
		}
	}
}

TARGET static void avx2_store(const struct npu_matrix_columns *cols, const int32_t *acc,
			      uint32_t rows, enum npu_matrix_output output, uint8_t *c,
			      size_t c_stride)
{
	if (output == NPU_MATRIX_OUT_8)
		store_8(cols, acc, rows, c, c_stride);
	else
		store_32(cols, acc, rows, output == NPU_MATRIX_OUT_S32_ADD, c, c_stride);
}

const struct npu_matrix_ops npu_matrix_ops_avx2 = {
	/* 12 of 16 registers are sums. */
	.rows = {0, ROWS},
	.panels = 1,
	.a_size = 2,
	.kc = NPU_MATRIX_KC,
	.pack = avx2_pack,
	.unpack = avx2_unpack,
	.multiply = avx2_multiply,
	.store = avx2_store,
};

const struct npu_matrix_ops npu_matrix_ops_avxvnni = {
	.rows = {0, ROWS},
	.panels = 1,
	.a_size = 1,
	.kc = NPU_MATRIX_KC,
	.a_in_place = true,
	.correct = vnni_correct,
	.pack = vnni_pack,
	.unpack = avx2_unpack,
	.multiply = vnni_multiply,
	.store = avx2_store,
};
#endif /* __x86_64__ */
