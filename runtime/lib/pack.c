// SPDX-License-Identifier: MIT
/* Weights in the order in which the matrix engine reads them (npu_isa.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "npu_isa.h"

#define PANEL 16 /* columns */

#define SAME(name) \
	NPU_STATIC_ASSERT(NPURT_WEIGHTS_##name << 4 == NPU_MATRIX_B_##name, "number of " #name)
SAME(S8);
SAME(S4);
SAME(S2);
SAME(SPARSE_S8);
SAME(SPARSE_S4);
SAME(BF16);
SAME(FP16);
SAME(FP32);

static bool known(enum npurt_weights type)
{
	return (unsigned int)type <= NPURT_WEIGHTS_FP32;
}

static bool sparse(enum npurt_weights type)
{
	return type == NPURT_WEIGHTS_SPARSE_S8 || type == NPURT_WEIGHTS_SPARSE_S4;
}

static size_t group(enum npurt_weights type)
{
	return NPU_PACKED_GROUP(type << 4);
}

NPURT_EXPORT size_t npurt_weights_size(enum npurt_weights type, size_t k, size_t n)
{
	size_t panels, groups, size;

	if (!known(type) || k > SIZE_MAX - 15 || n > SIZE_MAX - 15)
		return 0;
	panels = (n + PANEL - 1) / PANEL;
	groups = (k + group(type) - 1) / group(type);
	if (__builtin_mul_overflow(panels, groups, &size) ||
	    __builtin_mul_overflow(size, 64, &size))
		return 0;
	return size;
}

NPURT_EXPORT size_t npurt_weights_index_size(enum npurt_weights type, size_t k, size_t n)
{
	/* 16 bytes for 8 values of k: less than the weights themselves. */
	return sparse(type) ? npurt_weights_size(type, k, n) / 64 * (group(type) * 2) : 0;
}

/* Value (r, c) as 32 bits, of which the lowest count. */
static uint32_t value(enum npurt_weights type, const void *src, size_t at)
{
	uint32_t bits;

	switch (type) {
	case NPURT_WEIGHTS_BF16:
	case NPURT_WEIGHTS_FP16:
		return ((const uint16_t *)src)[at];
	case NPURT_WEIGHTS_FP32:
		memcpy(&bits, (const float *)src + at, sizeof(bits));
		return bits;
	default:
		return (uint32_t)((const int8_t *)src)[at];
	}
}

/* Do all weights fit the type? */
static int check(enum npurt_weights type, size_t k, size_t n, const int8_t *src, size_t ld)
{
	const int bits = type == NPURT_WEIGHTS_S2				       ? 2
			 : type == NPURT_WEIGHTS_S4 || type == NPURT_WEIGHTS_SPARSE_S4 ? 4
										       : 8;
	const int limit = 1 << (bits - 1);

	for (size_t r = 0; r < k && bits < 8; r++)
		for (size_t c = 0; c < n; c++)
			if (src[r * ld + c] < -limit || src[r * ld + c] >= limit)
				return npurt_fail(
					-ERANGE,
					"weight (%zu, %zu) is %d, which does not fit %d bits", r, c,
					src[r * ld + c], bits);
	if (!sparse(type))
		return 0;
	for (size_t c = 0; c < n; c++)
		for (size_t r0 = 0; r0 < k; r0 += 4) {
			unsigned int kept = 0;

			for (size_t r = r0; r < r0 + 4 && r < k; r++)
				kept += src[r * ld + c] != 0;
			if (kept > 2)
				return npurt_fail(
					-ERANGE,
					"%u of the four weights from (%zu, %zu) down are not "
					"0, and two may be: npurt_weights_prune() first",
					kept, r0, c);
		}
	return 0;
}

/* Put value number i of a group of its four bytes. */
static void put(enum npurt_weights type, uint8_t *lane, size_t i, uint32_t bits)
{
	switch (type) {
	case NPURT_WEIGHTS_S8:
	case NPURT_WEIGHTS_SPARSE_S8:
		lane[i] = (uint8_t)bits;
		break;
	case NPURT_WEIGHTS_S4:
	case NPURT_WEIGHTS_SPARSE_S4:
		lane[i % 4] |= (uint8_t)((bits & 15) << (4 * (i / 4)));
		break;
	case NPURT_WEIGHTS_S2:
		lane[i % 4] |= (uint8_t)((bits & 3) << (2 * (i / 4)));
		break;
	case NPURT_WEIGHTS_BF16:
	case NPURT_WEIGHTS_FP16:
		lane[2 * i] = (uint8_t)bits;
		lane[2 * i + 1] = (uint8_t)(bits >> 8);
		break;
	default:
		for (int b = 0; b < 4; b++)
			lane[b] = (uint8_t)(bits >> (8 * b));
	}
}

/* A column's part of a group: rows of it from src down, which a row's ld lies between. */
static void pack_dense(enum npurt_weights type, uint8_t *lane, const void *src, size_t at,
		       size_t ld, size_t rows)
{
	for (size_t r = 0; r < rows; r++)
		put(type, lane, r, value(type, src, at + r * ld));
}

/* index: the column's byte in the first of the group's pieces of index, which lie PANEL apart. */
static void pack_sparse(enum npurt_weights type, uint8_t *lane, uint8_t *index, const int8_t *src,
			size_t ld, size_t rows)
{
	for (size_t quad = 0; quad < group(type) / 4; quad++) {
		uint8_t places[2] = {0, 1};
		unsigned int kept = 0;

		for (size_t i = 0; i < 4 && quad * 4 + i < rows; i++) {
			const int8_t weight = src[(quad * 4 + i) * ld];

			if (!weight)
				continue;
			places[kept] = (uint8_t)i;
			put(type, lane, quad * 2 + kept++, (uint32_t)weight);
		}
		/* What is left names another place, and holds 0. */
		if (kept == 1)
			places[1] = (places[0] + 1) & 3;
		index[quad / 2 * PANEL] |=
			(uint8_t)((places[0] | places[1] << 2) << (quad % 2 * 4));
	}
}

NPURT_EXPORT int npurt_weights_pack(enum npurt_weights type, size_t k, size_t n, const void *src,
				    size_t ld, void *dst, void *index)
{
	const size_t size = npurt_weights_size(type, k, n);
	uint8_t *out = dst, *places = index;
	int err;

	if (!size)
		return npurt_fail(-EINVAL, "no such weights: type %d, %zu x %zu", (int)type, k, n);
	if (sparse(type) && !index)
		return npurt_fail(-EINVAL, "sparse weights need room for their index");
	if (type <= NPURT_WEIGHTS_SPARSE_S4) {
		err = check(type, k, n, src, ld);
		if (err)
			return err;
	}
	memset(dst, 0, size);
	if (sparse(type))
		memset(index, 0, npurt_weights_index_size(type, k, n));
	for (size_t n0 = 0; n0 < n; n0 += PANEL) {
		const size_t columns = n - n0 < PANEL ? n - n0 : PANEL;

		for (size_t k0 = 0; k0 < k; k0 += group(type), out += 64) {
			const size_t rows = k - k0 < group(type) ? k - k0 : group(type);

			for (size_t c = 0; c < columns; c++) {
				const size_t at = k0 * ld + n0 + c;

				if (sparse(type))
					pack_sparse(type, out + 4 * c, places + c,
						    (const int8_t *)src + at, ld, rows);
				else
					pack_dense(type, out + 4 * c, src, at, ld, rows);
			}
			if (sparse(type))
				places += group(type) / 8 * PANEL;
		}
	}
	return 0;
}

/* Zero the smallest of rows weights ld apart until two are left. */
static void prune(int8_t *weights, size_t ld, size_t rows)
{
	for (;;) {
		size_t kept = 0, least = 0;

		for (size_t r = 0; r < rows; r++) {
			const int size = abs(weights[r * ld]);

			if (size && (!kept++ || size < abs(weights[least * ld])))
				least = r;
		}
		if (kept <= 2)
			return;
		weights[least * ld] = 0;
	}
}

NPURT_EXPORT void npurt_weights_prune(size_t k, size_t n, int8_t *weights, size_t ld)
{
	for (size_t r = 0; r < k; r += 4)
		for (size_t c = 0; c < n; c++)
			prune(weights + r * ld + c, ld, k - r < 4 ? k - r : 4);
}

NPURT_EXPORT size_t npurt_pack_b_size(size_t k, size_t n)
{
	return npurt_weights_size(NPURT_WEIGHTS_S8, k, n);
}

NPURT_EXPORT void npurt_pack_b_s8(size_t k, size_t n, const int8_t *src, size_t ld, void *dst)
{
	/* s8 takes every weight: this cannot fail but for sizes that no memory holds. */
	(void)npurt_weights_pack(NPURT_WEIGHTS_S8, k, n, src, ld, dst, NULL);
}
