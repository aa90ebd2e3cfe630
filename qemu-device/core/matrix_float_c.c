// SPDX-License-Identifier: MIT
/* Matrix engine, floating point in plain C. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "matrix_impl.h"

#define ROWS 6

static uint32_t to_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t load16(const uint8_t *from)
{
	return from[0] | from[1] << 8;
}

static float from_fp16(uint32_t half)
{
	const uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31;
	const uint32_t fraction = half & 0x3ff;

	if (exponent == 31)
		return from_bits(sign | 0x7f800000 | fraction << 13);
	if (!exponent) /* a subnormal number there is a normal one here */
		return from_bits(sign | to_bits((float)fraction * 0x1p-24f));
	return from_bits(sign | ((exponent + 112) << 23 | fraction << 13));
}

/* bits: fp32, a NaN only as the canonical one */
static uint32_t to_bf16(uint32_t bits)
{
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static uint32_t to_fp16(uint32_t bits)
{
	const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
	uint32_t shift, fraction, rest, result;

	if (size > 0x7f800000)
		return 0x7e00;
	if (size >= 0x477ff000) /* from halfway between the largest number and the next on */
		return sign | 0x7c00;
	if (size >= 0x38800000) {
		result = size - 0x38000000;
		return sign | (result + 0xfff + (result >> 13 & 1)) >> 13;
	}
	/* Subnormal there: units of 2^-24. */
	if (size < 0x33000000)
		return sign;
	shift = 126 - (size >> 23);
	fraction = (size & 0x7fffff) | 0x800000;
	result = fraction >> shift;
	rest = fraction << (32 - shift);
	if (rest > 0x80000000 || (rest == 0x80000000 && result & 1))
		result++;
	return sign | result;
}

static void c_widen_a(float *dst, const uint8_t *a, uint32_t type, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++) {
		const uint32_t bits = load16(a + 2 * i);

		dst[i] = type == NPU_MATRIX_A_BF16 ? from_bits(bits << 16) : from_fp16(bits);
	}
}

static void c_widen_b(float *dst, const uint8_t *b, uint32_t type, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++)
		for (uint32_t n = 0; n < NPU_MATRIX_PANEL; n++) {
			const uint32_t bits =
				load16(b + i / 2 * NPU_MATRIX_GROUP_SIZE + n * 4 + i % 2 * 2);

			*dst++ =
				type == NPU_MATRIX_B_BF16 ? from_bits(bits << 16) : from_fp16(bits);
		}
}

static void c_multiply(float *acc, const float *a, size_t a_stride, const float *b,
		       size_t panel_size, uint32_t rows, uint32_t panels, uint32_t k)
{
	(void)panel_size;
	(void)panels;
	for (uint32_t r = 0; r < rows; r++, acc += NPU_MATRIX_COLUMNS, a += a_stride) {
		float sum[NPU_MATRIX_PANEL];

		memcpy(sum, acc, sizeof(sum));
		for (uint32_t i = 0; i < k; i++)
			for (int n = 0; n < NPU_MATRIX_PANEL; n++)
				sum[n] = fmaf(a[i], b[i * NPU_MATRIX_PANEL + n], sum[n]);
		memcpy(acc, sum, sizeof(sum));
	}
}

/* struct npu_matrix_curve */
static float curve(const struct npu_matrix_curve *table, float x)
{
	uint32_t piece;
	float t;

	x = x < -FLT_MAX ? -FLT_MAX : x > FLT_MAX ? FLT_MAX : x;
	t = fmaf(x, from_bits(table->scale), from_bits(table->offset));
	if (!(t > 0)) /* nor is a NaN */
		piece = 0;
	else if (t >= NPU_MATRIX_PIECES)
		piece = NPU_MATRIX_PIECES - 1;
	else
		piece = (uint32_t)t;
	return fmaf(from_bits(table->piece[piece].slope), x, from_bits(table->piece[piece].start));
}

static uint32_t finish(const struct npu_matrix_epilogue *e, float x, uint32_t n)
{
	if (e->flags & NPU_MATRIX_BIAS)
		x += e->bias[n];
	if (e->flags & NPU_MATRIX_ACT_RELU && x < 0)
		x = 0;
	if (e->flags & NPU_MATRIX_CLAMP) {
		x = x < e->lo ? e->lo : x;
		x = x > e->hi ? e->hi : x;
	}
	if (e->flags & NPU_MATRIX_ACT_TABLE && x == x)
		x = curve(e->curve, x);
	return x == x ? to_bits(x) : 0x7fc00000;
}

static void c_store(const struct npu_matrix_epilogue *e, const float *acc, uint32_t rows,
		    uint8_t *c, size_t c_stride)
{
	const uint32_t type = e->flags & NPU_MATRIX_C;

	for (uint32_t r = 0; r < rows; r++, acc += NPU_MATRIX_COLUMNS, c += c_stride) {
		for (uint32_t n = 0; n < e->columns; n++) {
			const uint32_t bits = finish(e, acc[n], n);
			uint16_t half;

			if (type == NPU_MATRIX_C_SUM) {
				memcpy(c + n * sizeof(bits), &bits, sizeof(bits));
				continue;
			}
			half = (uint16_t)(type == NPU_MATRIX_C_BF16 ? to_bf16(bits)
								    : to_fp16(bits));
			memcpy(c + n * sizeof(half), &half, sizeof(half));
		}
	}
}

const struct npu_matrix_float_ops npu_matrix_float_ops_c = {
	.rows = {0, ROWS},
	.widen_a = c_widen_a,
	.widen_b = c_widen_b,
	.multiply = c_multiply,
	.store = c_store,
};
