// SPDX-License-Identifier: MIT
/*
 * Matrix engine, floating point: every path against the naive loop, bit for bit, over random shapes,
 * strides, types and flags, with numbers from all over their ranges: subnormal ones, infinities and
 * NaNs, sums that overflow and cancel. As test_matrix.c does it for integers.
 */
#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "matrix_box.h"
#include "tap.h"

static const struct {
	const char *name;
	uint32_t flags;
} ab_types[] = {{"bf16", NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16},
		{"fp16", NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16},
		{"fp32", NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32}};

static const struct {
	const char *name;
	uint32_t flags;
} c_types[] = {{"fp32", NPU_MATRIX_C_SUM},
	       {"fp32 added", NPU_MATRIX_C_SUM | NPU_MATRIX_ACCUMULATE},
	       {"bf16", NPU_MATRIX_C_BF16},
	       {"fp16", NPU_MATRIX_C_FP16}};

static struct box box;

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Numbers of an operation come from one of these. */
enum style {
	STYLE_BITS,  /* anything, also infinities and NaNs */
	STYLE_SMALL, /* subnormal, and what becomes so */
	STYLE_LARGE, /* sums overflow */
	STYLE_WHOLE, /* small whole numbers: sums are exact, ties are common */
	STYLE_USUAL, /* between -1 and 1 */
	STYLES = STYLE_USUAL + 4,
};

static uint32_t random_fp32(enum style style)
{
	const uint32_t sign = box_random() << 31;

	switch (style) {
	case STYLE_BITS:
		return box_random() << 16 ^ box_random();
	case STYLE_SMALL:
		return sign | (box_random_in(0, 80) << 23 | (box_random() & 0x7fffff));
	case STYLE_LARGE:
		return sign | (box_random_in(180, 200) << 23 | (box_random() & 0x7fffff));
	case STYLE_WHOLE:
		return sign | bits_of((float)box_random_in(0, 9));
	default:
		return sign | bits_of((float)(box_random() & 0xffffff) * 0x1p-24f);
	}
}

static uint32_t random_fp16(enum style style)
{
	const uint32_t sign = (box_random() & 1) << 15;

	switch (style) {
	case STYLE_BITS:
		return box_random() & 0xffff;
	case STYLE_SMALL:
		return sign | (box_random() & 0x7ff);
	case STYLE_LARGE:
		return sign | (box_random_in(28, 30) << 10 | (box_random() & 0x3ff));
	case STYLE_WHOLE:
		return sign | (box_random_in(14, 16) << 10 | (box_random() & 0x300));
	default:
		return sign | (box_random_in(5, 14) << 10 | (box_random() & 0x3ff));
	}
}

static void put(uint8_t *to, uint32_t type_of_a, enum style style)
{
	uint32_t bits = type_of_a == NPU_MATRIX_A_FP16 ? random_fp16(style) : random_fp32(style);

	if (type_of_a == NPU_MATRIX_A_BF16)
		bits >>= 16;
	memcpy(to, &bits, type_of_a == NPU_MATRIX_A_FP32 ? 4 : 2);
}

/* Returns the SRAM's size. */
static uint32_t random_op(struct npu_matrix_desc *d, uint32_t types, uint32_t c)
{
	uint32_t a_size, c_size;

	memset(d, 0, sizeof(*d));
	if (box_chance(24)) {
		d->m = box_random_in(1, 18);
		d->n = box_random_in(1, 40);
		d->k = box_random_in(2000, 4400); /* several blocks of k */
	} else {
		d->m = box_random_size(48);
		d->n = box_random_size(96);
		d->k = box_random_size(144);
	}
	d->flags = types | c | (box_chance(2) ? NPU_MATRIX_BIAS : 0) |
		   (box_chance(4) ? NPU_MATRIX_ACT_RELU : 0) |
		   (box_chance(3) ? NPU_MATRIX_CLAMP : 0) |
		   (box_chance(3) ? NPU_MATRIX_ACT_TABLE : 0);
	a_size = npu_matrix_a_size(d);
	c_size = npu_matrix_c_size(d);
	d->a_stride = box_random_stride(d->k * a_size, a_size);
	d->c_stride = box_random_stride(d->n * c_size, c_size);
	if (d->flags & NPU_MATRIX_CLAMP) {
		static const float ends[] = {-INFINITY, -65504, -1, -0.0f, 0, 0x1p-140f, 6};
		const uint32_t lo = box_random() % 7, hi = lo + box_random() % (7 - lo);

		d->lo = (int32_t)bits_of(ends[lo]);
		d->hi = (int32_t)(box_chance(4) ? 0x7f800000 : bits_of(ends[hi]));
	}
	return box_place(d);
}

/* Random bytes in all that must not matter, numbers elsewhere. */
static void random_fill(const struct npu_matrix_desc *d, uint8_t *sram, uint32_t size)
{
	const uint32_t type = d->flags & NPU_MATRIX_A, a_size = npu_matrix_a_size(d);
	const uint32_t g = NPU_PACKED_GROUP(d->flags & NPU_MATRIX_B);
	const enum style style = box_random() % STYLES;

	for (uint32_t i = 0; i < (size + 63) / 64 * 64; i++)
		sram[i] = box_random();
	for (uint32_t m = 0; m < d->m; m++) {
		for (uint32_t k = 0; k < d->k; k++)
			put(sram + d->a + (size_t)m * d->a_stride + k * a_size, type, style);
		for (uint32_t n = 0; n < d->n && d->flags & NPU_MATRIX_ACCUMULATE; n++)
			put(sram + d->c + (size_t)m * d->c_stride + n * 4, NPU_MATRIX_A_FP32,
			    style);
	}
	for (uint32_t k = 0; k < d->k; k++)
		for (uint32_t n = 0; n < d->n; n++)
			put(sram + d->b + ((n / 16) * ((d->k + g - 1) / g) + k / g) * 64 +
				    n % 16 * 4 + k % g * a_size,
			    type, style);
	for (uint32_t n = 0; n < d->n && d->flags & NPU_MATRIX_BIAS; n++)
		put(sram + d->channels + n * 4, NPU_MATRIX_A_FP32, style);
	if (d->flags & NPU_MATRIX_ACT_TABLE && !box_chance(8)) {
		/* As one would be; else it stays what random bytes make of it. */
		struct npu_matrix_curve curve = {.scale = bits_of(16), .offset = bits_of(128)};

		if (box_chance(4))
			curve.scale = random_fp32(STYLE_BITS);
		for (int i = 0; i < NPU_MATRIX_PIECES; i++) {
			curve.piece[i].slope = random_fp32(STYLE_USUAL);
			curve.piece[i].start = random_fp32(STYLE_USUAL);
		}
		memcpy(sram + d->table, &curve, sizeof(curve));
	}
}

static void test_random(enum npu_matrix_path path, int ab, int c)
{
	const int rounds = 150;
	bool good = true;

	for (int i = 0; i < rounds && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, ab_types[ab].flags, c_types[c].flags);

		random_fill(&d, box.before, size);
		good = box_agrees(&box, path, &d, size);
	}
	tap_ok(good, "%s: %s to %s agrees with the naive loop, %d random operations",
	       npu_matrix_path_name(path), ab_types[ab].name, c_types[c].name, rounds);
}

/* Every 16-bit number, as an operand (times 1) and, fp32 around it, on the way out. */
static void test_conversion(enum npu_matrix_path path, int ab, int c)
{
	struct npu_matrix_desc d = {
		.m = 256, .n = 256, .k = 1, .flags = ab_types[ab].flags | c_types[c].flags};
	const uint32_t one = ab == 0 ? 0x3f80 : 0x3c00;
	uint32_t size;
	bool good = true;

	if (ab < 2) {
		/* A[m][0] = 1 in all rows: 256 columns at a time of all numbers. */
		d.m = 1;
		d.a_stride = 2;
		d.c_stride = 256 * npu_matrix_c_size(&d);
		size = box_place(&d);
		for (uint32_t high = 0; high < 256 && good; high++) {
			memset(box.before, 0, (size + 63) / 64 * 64);
			memcpy(box.before + d.a, &one, 2);
			for (uint32_t n = 0; n < 256; n++) {
				const uint32_t value = high << 8 | n;

				memcpy(box.before + d.b + n / 16 * 64 + n % 16 * 4, &value, 2);
			}
			good = box_agrees(&box, path, &d, size);
		}
	} else {
		/* Halfway and beside it, for all that rounds to 16 bits. */
		static const uint32_t rest[] = {0,	1,	0xfff,	0x1000,
						0x1001, 0x7fff, 0x8000, 0x8001};
		const float whole = 1;

		d.m = 1;
		d.a_stride = 4;
		d.c_stride = 256 * npu_matrix_c_size(&d);
		size = box_place(&d);
		for (uint32_t i = 0; i < 2048 && good; i++) {
			memset(box.before, 0, (size + 63) / 64 * 64);
			memcpy(box.before + d.a, &whole, 4);
			for (uint32_t n = 0; n < 256; n++) {
				const uint32_t value = (i / 8 << 8 | n) << 16 | rest[i % 8] |
						       (box_chance(4) ? 0x2000 : 0);

				memcpy(box.before + d.b + n / 16 * 64 + n % 16 * 4, &value, 4);
			}
			good = box_agrees(&box, path, &d, size);
		}
	}
	tap_ok(good, "%s: every %s to %s", npu_matrix_path_name(path), ab_types[ab].name,
	       c_types[c].name);
}

/* The thread's own rounding and flags change nothing, and are as before afterwards. */
static void test_environment(enum npu_matrix_path path)
{
	bool good = true, kept = true;

	for (int i = 0; i < 60 && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, ab_types[i % 3].flags, c_types[i % 4].flags);
		uint8_t *sram;
		fenv_t before;
		int flags;

		size = (size + 63) / 64 * 64;
		sram = box.end - size;
		random_fill(&d, box.before, size);
		memcpy(box.wanted, box.before, size);
		box_naive(&d, box.wanted);
		memcpy(sram, box.before, size);
		fegetenv(&before);
		feclearexcept(FE_ALL_EXCEPT);
		fesetround(FE_UPWARD);
#ifdef __x86_64__
		{
			uint32_t mxcsr;

			/* Subnormal numbers as zero, in and out. */
			__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
			mxcsr |= 0x8040;
			__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
		}
#endif
		npu_matrix_run(path, &d, sram);
		kept = kept && fegetround() == FE_UPWARD;
		flags = fetestexcept(FE_ALL_EXCEPT);
		kept = kept && !flags;
		fesetenv(&before);
		good = !memcmp(sram, box.wanted, size);
	}
	tap_ok(good, "%s: the thread's rounding mode does not matter", npu_matrix_path_name(path));
	tap_ok(kept, "%s: and neither it nor the flags change", npu_matrix_path_name(path));
}

static void test_confined(enum npu_matrix_path path)
{
	bool good = true;

	for (int i = 0; i < 800 && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, ab_types[box_random() % 3].flags,
					  c_types[box_random() % 4].flags);

		size = (size + 63) / 64 * 64;
		box_overlap(&d, size);
		for (uint32_t j = 0; j < size; j++)
			box.before[j] = box_random();
		good = box_confined(&box, path, &d, size);
	}
	tap_ok(good, "%s: overlapping operands and wild curves change nothing outside of C",
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
		for (int ab = 0; ab < 3; ab++)
			for (int c = 0; c < 4; c++)
				test_random(path, ab, c);
		for (int ab = 0; ab < 3; ab++)
			for (int c = 0; c < 4; c++)
				if (c != 1)
					test_conversion(path, ab, c);
		test_environment(path);
		test_confined(path);
	}
	return tap_done();
}
