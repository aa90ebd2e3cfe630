// SPDX-License-Identifier: MIT
/*
 * Matrix engine, integers: every path against a naive loop that follows the contract's text, over
 * random shapes, strides, types, flags and extreme values. The whole SRAM is compared, so that a byte
 * changed outside of C's elements fails the test; it lies flush between pages without access, so
 * that reading past its end ends it.
 */
#include <stdlib.h>
#include <string.h>

#include "matrix_box.h"
#include "tap.h"

static const struct {
	const char *name;
	uint32_t flag;
} b_types[] = {{"s8", NPU_MATRIX_B_S8},
	       {"s4", NPU_MATRIX_B_S4},
	       {"s2", NPU_MATRIX_B_S2},
	       {"sparse s8", NPU_MATRIX_B_SPARSE_S8},
	       {"sparse s4", NPU_MATRIX_B_SPARSE_S4}};

static const struct {
	const char *name;
	uint32_t flags;
} c_types[] = {{"s32", NPU_MATRIX_C_SUM},
	       {"s32 added", NPU_MATRIX_C_SUM | NPU_MATRIX_ACCUMULATE},
	       {"u8", NPU_MATRIX_C_U8},
	       {"s8", NPU_MATRIX_C_S8}};

static struct box box;

static bool is_s8(const struct npu_matrix_desc *d)
{
	return (d->flags & NPU_MATRIX_A) == NPU_MATRIX_A_S8;
}

/* Returns the SRAM's size. Strides need the sizes to be modest. */
static uint32_t random_op(struct npu_matrix_desc *d, uint32_t b, uint32_t c, bool a_signed)
{
	bool bytes = c == NPU_MATRIX_C_U8 || c == NPU_MATRIX_C_S8;

	memset(d, 0, sizeof(*d));
	if (box_chance(16)) {
		d->m = box_random_in(1, 14);
		d->n = box_random_in(1, 70);
		d->k = box_random_in(2000, 6200); /* several blocks of k */
	} else {
		d->m = box_random_size(48);
		d->n = box_random_size(160);
		d->k = box_random_size(272);
	}
	d->flags = b | c | (a_signed ? NPU_MATRIX_A_S8 : NPU_MATRIX_A_U8) |
		   (box_chance(2) ? NPU_MATRIX_BIAS : 0) |
		   (box_chance(4) ? NPU_MATRIX_ACT_RELU : 0) |
		   (bytes && box_chance(4) ? NPU_MATRIX_ACT_TABLE : 0);
	d->a_stride = box_random_stride(d->k, 1);
	d->c_stride = bytes ? box_random_stride(d->n, 1) : box_random_stride(d->n * 4, 4);
	if (bytes) {
		const int32_t least = c == NPU_MATRIX_C_U8 ? 0 : -128, most = least + 255;

		d->zero_point =
			box_chance(2) ? (int32_t)box_random_in(0, 255) + least : box_random_s32();
		d->lo = box_chance(2) ? least : least + (int32_t)box_random_in(0, 255);
		d->hi = box_chance(2) ? most : d->lo + (int32_t)box_random_in(0, most - d->lo);
	}
	return box_place(d);
}

/* Random bytes everywhere, also in what must not matter (padding of B, gaps); sane channels. */
static void random_fill(const struct npu_matrix_desc *d, uint8_t *sram, uint32_t size)
{
	int style = box_random() % 6;

	for (uint32_t i = 0; i < (size + 63) / 64 * 64; i++)
		sram[i] = box_random();
	if (style == 0) { /* sums as large as they get */
		for (uint32_t m = 0; m < d->m; m++)
			memset(sram + d->a + (size_t)m * d->a_stride, is_s8(d) ? 0x80 : 0xff, d->k);
		memset(sram + d->b, box_chance(2) ? 0x80 : 0x7f,
		       NPU_PACKED_SIZE(d->flags & NPU_MATRIX_B, d->k, d->n));
	}
	if (!npu_matrix_has_channels(d))
		return;
	for (uint32_t n = 0; n < d->n; n++) {
		struct npu_channel channel = {
			.bias = box_random_s32(),
			.mult = style == 1 ? INT32_MAX : (box_random_s32() & INT32_MAX),
			.shift = style == 2 ? (box_chance(2) ? 1 : 62) : box_random_in(1, 62),
			.zero_point = box_chance(2) ? 0 : box_random_s32(),
		};

		if (style >= 3) { /* as a network would have them: most results inside the clamp */
			channel.bias = (int32_t)box_random() >> 16;
			channel.mult = (1 << 30) + (int32_t)(box_random() >> 2);
			channel.shift = box_random_in(36, 46);
			channel.zero_point = (int32_t)box_random_in(0, 40) - 20;
		}
		memcpy(sram + d->channels + n * sizeof(channel), &channel, sizeof(channel));
	}
}

static void test_random(enum npu_matrix_path path, int b, int c, bool a_signed)
{
	const int rounds = b ? 150 : 400;
	bool good = true;

	for (int i = 0; i < rounds && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, b_types[b].flag, c_types[c].flags, a_signed);

		random_fill(&d, box.before, size);
		good = box_agrees(&box, path, &d, size);
	}
	tap_ok(good, "%s: %s x %s to %s agrees with the naive loop, %d random operations",
	       npu_matrix_path_name(path), a_signed ? "s8" : "u8", b_types[b].name, c_types[c].name,
	       rounds);
}

/* The longest k there is makes sums that wrap without help from ACCUMULATE. */
static void test_long_k(enum npu_matrix_path path, bool a_signed)
{
	struct npu_matrix_desc d = {
		.m = 3,
		.n = 4,
		.k = 65535,
		.a_stride = 65535,
		.c_stride = 16,
		.c = 16 * 65536 + 3 * 65536,
		.b = 0,
		.a = 16 * 65536,
		.channels = 16 * 65536 + 3 * 65536 + 64,
		.flags = NPU_MATRIX_ACCUMULATE | NPU_MATRIX_BIAS | (a_signed ? NPU_MATRIX_A_S8 : 0),
	};
	uint32_t size = d.channels + 4 * 16;
	bool good = true, wrapped = false;

	for (int i = 0; i < 2; i++) {
		memset(box.before, 0, size);
		memset(box.before + d.b, i ? 0x7f : 0x80, d.a - d.b);
		memset(box.before + d.a, a_signed ? 0x80 : 0xff, d.c - d.a);
		for (int n = 0; n < 12; n++) {
			int32_t sum = (i ^ a_signed) ? INT32_MAX : INT32_MIN;

			memcpy(box.before + d.c + 4 * n, &sum, 4);
		}
		good = good && box_agrees(&box, path, &d, size);
		for (int n = 0; n < 4; n++) {
			int32_t sum;

			memcpy(&sum, box.wanted + d.c + 4 * n, 4);
			wrapped |= sum != INT32_MIN && sum != INT32_MAX && sum != 0;
		}
	}
	tap_ok(good && wrapped, "%s: %s, k = 65535, wraps as the naive loop does",
	       npu_matrix_path_name(path), a_signed ? "s8" : "u8");
}

/* Sums, multipliers, shifts and zero points from the ends of their ranges, all with one another. */
static void test_requantise(enum npu_matrix_path path)
{
	static const int32_t sums[] = {INT32_MIN, INT32_MIN + 1, -65536,	-2,	  -1, 0, 1,
				       2,	  65535,	 INT32_MAX - 1, INT32_MAX};
	static const int32_t mults[] = {0, 1, 2, 3, 0x40000000, INT32_MAX - 1, INT32_MAX};
	static const uint32_t shifts[] = {1, 2, 30, 31, 32, 33, 61, 62};
	static const int32_t zeros[] = {INT32_MIN, -129, -1, 0, 1, 128, INT32_MAX};
	uint32_t n = 0;
	bool good = true;
	struct npu_matrix_desc d = {.m = 2, .k = 1, .a_stride = 64, .a = 0, .channels = 128};

	for (unsigned int s = 0; s < 11; s++)
		for (unsigned int u = 0; u < 7; u++)
			for (unsigned int h = 0; h < 8; h++) {
				struct npu_channel channel = {sums[s], mults[u], shifts[h], 0};

				memcpy(box.before + d.channels + n++ * 16, &channel, 16);
			}
	d.n = n;
	d.b = (d.channels + n * 16 + 63) / 64 * 64;
	d.c = d.b + (uint32_t)NPU_PACKED_B_SIZE(1, n);
	d.c_stride = n;
	memset(box.before, 0, d.channels); /* A is 0: the sum is the bias */
	for (int s8 = 0; s8 < 2; s8++) {
		d.flags = NPU_MATRIX_BIAS | (s8 ? NPU_MATRIX_C_S8 : NPU_MATRIX_C_U8);
		d.lo = s8 ? -128 : 0;
		d.hi = s8 ? 127 : 255;
		for (unsigned int z = 0; z < 7; z++) {
			d.zero_point = zeros[z];
			good = good && box_agrees(&box, path, &d, d.c + 2 * n);
		}
	}
	tap_ok(good, "%s: requantise agrees over %u extreme channels and 7 zero points",
	       npu_matrix_path_name(path), n);
}

/* Every index there is, also those that name a place twice, and weights too long to unpack once. */
static void test_sparse(enum npu_matrix_path path)
{
	bool good = true;

	for (int s4 = 0; s4 < 2; s4++) {
		struct npu_matrix_desc d = {
			.m = 7,
			.n = 16,
			.k = 128,
			.a_stride = 128,
			.c_stride = 64,
			.flags = (s4 ? NPU_MATRIX_B_SPARSE_S4 : NPU_MATRIX_B_SPARSE_S8) |
				 NPU_MATRIX_A_S8,
		};
		uint32_t size = box_place(&d);

		for (uint32_t i = 0; i < size; i++)
			box.before[i] = box_random();
		for (uint32_t i = 0; i < 256; i++) /* 16 of k / 8, 16 columns */
			box.before[d.index + i] = i;
		good = good && box_agrees(&box, path, &d, size);
		d.k = d.a_stride = 20000;
		d.m = 3;
		size = box_place(&d);
		for (uint32_t i = 0; i < size; i++)
			box.before[i] = box_random();
		good = good && box_agrees(&box, path, &d, size);
	}
	tap_ok(good, "%s: every index byte, also with a place named twice",
	       npu_matrix_path_name(path));
}

/*
 * Operands on top of one another, channels of random bytes: anything may come out, but only in C.
 */
static void test_confined(enum npu_matrix_path path)
{
	bool good = true;

	for (int i = 0; i < 2000 && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, b_types[box_random() % 5].flag,
					  c_types[box_random() % 4].flags, box_chance(2));

		size = (size + 63) / 64 * 64;
		box_overlap(&d, size);
		for (uint32_t j = 0; j < size; j++)
			box.before[j] = box_random();
		good = box_confined(&box, path, &d, size);
	}
	tap_ok(good, "%s: overlapping operands and wild channels change nothing outside of C",
	       npu_matrix_path_name(path));
}

int main(void)
{
	box_init(&box);
	for (int path = 0; path < NPU_MATRIX_PATH_COUNT; path++) {
		const char *name = npu_matrix_path_name(path);

		if (npu_matrix_select(name) < 0) {
			tap_skip("%s: this CPU lacks it", name);
			continue;
		}
		for (int b = 0; b < 5; b++)
			for (int c = 0; c < 4; c++)
				for (int a_signed = 0; a_signed < 2; a_signed++)
					test_random(path, b, c, a_signed);
		test_long_k(path, false);
		test_long_k(path, true);
		test_requantise(path);
		test_sparse(path);
		test_confined(path);
	}
	return tap_done();
}
