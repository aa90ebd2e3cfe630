// SPDX-License-Identifier: MIT
/* Matrix products, element by element, after the text of npu_isa.h and nothing else. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "matrix_box.h"

static int32_t wrap(int64_t value)
{
	return (int32_t)(uint32_t)(uint64_t)value;
}

static uint32_t load32(const uint8_t *from)
{
	return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

static void store32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/* The 4 bytes of B that hold (k, n), k counted in values that are stored. */
static const uint8_t *slot(const struct npu_matrix_desc *d, const uint8_t *sram, uint32_t k,
			   uint32_t n)
{
	const uint32_t type = d->flags & NPU_MATRIX_B, g = NPU_PACKED_GROUP(type);
	const size_t groups = (d->k + g - 1) / g;

	return sram + d->b + (n / 16 * groups + k / g) * 64 + n % 16 * 4;
}

static int32_t sign_extend(uint32_t value, int bits)
{
	return (int32_t)(value << (32 - bits)) >> (32 - bits);
}

static int32_t weight(const struct npu_matrix_desc *d, const uint8_t *sram, uint32_t k, uint32_t n)
{
	const uint32_t type = d->flags & NPU_MATRIX_B, g = NPU_PACKED_GROUP(type);
	const uint8_t *bytes = slot(d, sram, k, n);
	uint32_t i = k % g;

	switch (type) {
	case NPU_MATRIX_B_S8:
		return (int8_t)bytes[i];
	case NPU_MATRIX_B_S4:
		return sign_extend(bytes[i % 4] >> (4 * (i / 4)), 4);
	case NPU_MATRIX_B_S2:
		return sign_extend(bytes[i % 4] >> (2 * (i / 4)), 2);
	default: {
		/* Which of the kept values, if one, is that of k? The second of two, if both. */
		const size_t groups = (d->k + g - 1) / g;
		const uint8_t places =
			sram[d->index + (n / 16 * groups * (g / 8) + k / 8) * 16 + n % 16] >>
			(k % 8 < 4 ? 0 : 4);
		const int bits = type == NPU_MATRIX_B_SPARSE_S8 ? 8 : 4;
		uint32_t kept;

		if ((places >> 2 & 3) == k % 4)
			kept = 2 * (i / 4) + 1;
		else if ((places & 3) == k % 4)
			kept = 2 * (i / 4);
		else
			return 0;
		return sign_extend(bytes[kept % 4] >> (4 * (kept / 4)), bits);
	}
	}
}

/* b: weights of the column */
static void naive_int(const struct npu_matrix_desc *d, uint8_t *sram, uint32_t m, uint32_t n,
		      const int8_t *b)
{
	const uint32_t size = npu_matrix_c_size(d);
	const uint8_t *a = sram + d->a + (size_t)m * d->a_stride;
	uint8_t *c = sram + d->c + (size_t)m * d->c_stride + (size_t)n * size;
	struct npu_channel channel = {0};
	int32_t acc = 0;
	__int128 p;

	if (npu_matrix_has_channels(d))
		memcpy(&channel, sram + d->channels + n * sizeof(channel), sizeof(channel));
	if (d->flags & NPU_MATRIX_ACCUMULATE)
		acc = (int32_t)load32(c);
	for (uint32_t k = 0; k < d->k; k++) {
		const bool a_signed = (d->flags & NPU_MATRIX_A) == NPU_MATRIX_A_S8;

		acc = wrap((int64_t)acc + (a_signed ? (int8_t)a[k] : a[k]) * b[k]);
	}
	if (d->flags & NPU_MATRIX_BIAS)
		acc = wrap((int64_t)acc + channel.bias);
	if (size == 4) {
		if (d->flags & NPU_MATRIX_ACT_RELU && acc < 0)
			acc = 0;
		store32(c, (uint32_t)acc);
		return;
	}
	p = (__int128)acc * channel.mult;
	p = (p + ((__int128)1 << (channel.shift - 1))) >> channel.shift;
	if (d->flags & NPU_MATRIX_ACT_RELU && p < 0)
		p = 0;
	p += (__int128)d->zero_point + channel.zero_point;
	p = p < d->lo ? d->lo : p;
	p = p > d->hi ? d->hi : p;
	*c = (uint8_t)p;
	if (d->flags & NPU_MATRIX_ACT_TABLE)
		*c = sram[d->table + *c];
}

/* ---- floating point ---- */

static float as_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static float float_at(const uint8_t *from)
{
	return as_float(load32(from));
}

static float from_fp16(uint32_t half)
{
	const int exponent = half >> 10 & 31;
	const float sign = half & 0x8000 ? -1 : 1, fraction = half & 0x3ff;

	if (exponent == 31)
		return fraction ? NAN : sign * INFINITY;
	return sign * (exponent ? ldexpf(fraction + 1024, exponent - 25) : ldexpf(fraction, -24));
}

static float element(uint32_t type_of_a, const uint8_t *from)
{
	const uint32_t half = from[0] | from[1] << 8;

	switch (type_of_a) {
	case NPU_MATRIX_A_BF16:
		return as_float(half << 16);
	case NPU_MATRIX_A_FP16:
		return from_fp16(half);
	default:
		return float_at(from);
	}
}

/* To a format with so many bits of fraction and of exponent, by way of exact arithmetic in double. */
static uint32_t round_to(float value, int fraction, int exponent)
{
	const int bias = (1 << (exponent - 1)) - 1;
	const uint32_t sign = signbit(value) ? 1u << (fraction + exponent) : 0;
	const uint32_t infinity = ((1u << exponent) - 1) << fraction;
	double size = fabs((double)value), units;
	int e;

	if (isnan(value))
		return infinity | 1u << (fraction - 1);
	if (isinf(value))
		return sign | infinity;
	if (!size)
		return sign;
	e = ilogb(size) < 1 - bias ? 1 - bias : ilogb(size);
	units = nearbyint(ldexp(size, fraction - e)); /* of the last bit; to even */
	/* In 1 << fraction units the exponent begins to count. */
	if (e > bias)
		return sign | infinity;
	return sign | ((uint32_t)((uint32_t)(e + bias - 1) << fraction) + (uint32_t)units);
}

static float curve(const uint8_t *table, float x)
{
	float t;
	int piece = 0;

	if (x > FLT_MAX)
		x = FLT_MAX;
	if (x < -FLT_MAX)
		x = -FLT_MAX;
	t = fmaf(x, float_at(table), float_at(table + 4));
	if (t >= 256)
		piece = 255;
	else if (t >= 0)
		piece = (int)t;
	return fmaf(float_at(table + 64 + 8 * piece), x, float_at(table + 64 + 8 * piece + 4));
}

/* b: weights of the column */
static void naive_float(const struct npu_matrix_desc *d, uint8_t *sram, uint32_t m, uint32_t n,
			const float *b)
{
	const uint32_t size = npu_matrix_c_size(d), type = d->flags & NPU_MATRIX_A;
	const uint8_t *a = sram + d->a + (size_t)m * d->a_stride;
	uint8_t *c = sram + d->c + (size_t)m * d->c_stride + (size_t)n * size;
	float acc = d->flags & NPU_MATRIX_ACCUMULATE ? float_at(c) : 0;
	uint32_t bits;

	for (uint32_t k = 0; k < d->k; k++)
		acc = fmaf(element(type, a + k * npu_matrix_a_size(d)), b[k], acc);
	if (d->flags & NPU_MATRIX_BIAS)
		acc = acc + float_at(sram + d->channels + 4 * n);
	if (d->flags & NPU_MATRIX_ACT_RELU && acc < 0)
		acc = 0;
	if (d->flags & NPU_MATRIX_CLAMP) {
		if (acc < as_float((uint32_t)d->lo))
			acc = as_float((uint32_t)d->lo);
		if (acc > as_float((uint32_t)d->hi))
			acc = as_float((uint32_t)d->hi);
	}
	if (d->flags & NPU_MATRIX_ACT_TABLE && !isnan(acc))
		acc = curve(sram + d->table, acc);
	switch (d->flags & NPU_MATRIX_C) {
	case NPU_MATRIX_C_SUM:
		memcpy(&bits, &acc, 4);
		store32(c, isnan(acc) ? 0x7fc00000 : bits);
		break;
	case NPU_MATRIX_C_BF16:
		bits = round_to(acc, 7, 8);
		memcpy(c, &bits, 2);
		break;
	default:
		bits = round_to(acc, 10, 5);
		memcpy(c, &bits, 2);
	}
}

static void naive_floats(const struct npu_matrix_desc *d, uint8_t *sram)
{
	const uint32_t type = d->flags & NPU_MATRIX_A,
		       g = NPU_PACKED_GROUP(d->flags & NPU_MATRIX_B);
	float column[65536];

	for (uint32_t n = 0; n < d->n; n++) {
		for (uint32_t k = 0; k < d->k; k++)
			column[k] = element(type, slot(d, sram, k, n) + k % g * 2);
		for (uint32_t m = 0; m < d->m; m++)
			naive_float(d, sram, m, n, column);
	}
}

void box_naive(const struct npu_matrix_desc *d, uint8_t *sram)
{
	int8_t column[65536];

	if (npu_matrix_is_float(d)) {
		naive_floats(d, sram);
		return;
	}
	for (uint32_t n = 0; n < d->n; n++) {
		for (uint32_t k = 0; k < d->k; k++)
			column[k] = (int8_t)weight(d, sram, k, n);
		for (uint32_t m = 0; m < d->m; m++)
			naive_int(d, sram, m, n, column);
	}
}
