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

void box_naive(const struct npu_matrix_desc *d, uint8_t *sram)
{
	int8_t column[65536];

	for (uint32_t n = 0; n < d->n; n++) {
		for (uint32_t k = 0; k < d->k; k++)
			column[k] = (int8_t)weight(d, sram, k, n);
		for (uint32_t m = 0; m < d->m; m++)
			naive_int(d, sram, m, n, column);
	}
}
