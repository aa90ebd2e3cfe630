// SPDX-License-Identifier: MIT
/*
 * Matrix engine: every path against a naive loop that follows the contract's text, over random
 * shapes, strides, flags and extreme values. The whole SRAM is compared, so that a byte changed
 * outside of C's elements fails the test; it lies flush between pages without access, so that
 * reading past its end ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"
#include "tap.h"

#define SRAM_MAX (2u << 20)

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

/* first..last, both included */
static uint32_t random_in(uint32_t first, uint32_t last)
{
	return first + (uint32_t)(random_u32() % ((uint64_t)last - first + 1));
}

static bool chance(unsigned int one_in)
{
	return random_u32() % one_in == 0;
}

static const char *const c_types[] = {"s32", "s32 added", "u8", "s8"};

/* ---- the contract, word for word ---- */

static int32_t wrap(int64_t value)
{
	return (int32_t)(uint32_t)(uint64_t)value;
}

static void naive(const struct npu_matrix_desc *d, uint8_t *sram)
{
	uint32_t groups = (d->k + 3) / 4;

	for (uint32_t m = 0; m < d->m; m++) {
		for (uint32_t n = 0; n < d->n; n++) {
			const uint8_t *a = sram + d->a + (size_t)m * d->a_stride;
			const uint8_t *b = sram + d->b;
			uint8_t *c = sram + d->c + (size_t)m * d->c_stride;
			struct npu_channel channel = {0};
			int32_t acc = 0;

			if (d->flags & (NPU_MATRIX_BIAS | NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8))
				memcpy(&channel, sram + d->channels + n * sizeof(channel),
				       sizeof(channel));
			if (d->flags & NPU_MATRIX_ACCUMULATE)
				memcpy(&acc, c + n * 4, 4);
			for (uint32_t k = 0; k < d->k; k++) {
				size_t at = ((size_t)(n / 16) * groups + k / 4) * 64 + n % 16 * 4 +
					    k % 4;
				int32_t av = d->flags & NPU_MATRIX_A_S8 ? (int8_t)a[k] : a[k];

				acc = wrap((int64_t)acc + av * (int8_t)b[at]);
			}
			if (d->flags & NPU_MATRIX_BIAS)
				acc = wrap((int64_t)acc + channel.bias);
			if (d->flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8)) {
				__int128 p = (__int128)acc * channel.mult;

				p = (p + ((__int128)1 << (channel.shift - 1))) >> channel.shift;
				p += d->zero_point;
				p = p < d->lo ? d->lo : p > d->hi ? d->hi : p;
				c[n] = (uint8_t)p;
			} else {
				memcpy(c + n * 4, &acc, 4);
			}
		}
	}
}

/* ---- SRAM between pages without access ---- */

static uint8_t *guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *whole = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (whole == MAP_FAILED || mprotect(whole + page, size, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(1);
	}
	return whole + page;
}

/* ---- random operations ---- */

static uint32_t random_size(uint32_t most)
{
	switch (random_u32() % 8) {
	case 0:
		return 1;
	case 1:
		return random_in(1, 4);
	case 2:
		return random_in(1, most / 16) * 16;
	case 3:
		return most;
	default:
		return random_in(1, most);
	}
}

static uint32_t random_stride(uint32_t least, uint32_t align)
{
	uint32_t stride = chance(3) ? least : least + random_in(0, 150);

	return (stride + align - 1) / align * align;
}

static int32_t random_s32(void)
{
	static const int32_t extreme[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT32_MIN + 1, 255, -128};

	return chance(4) ? extreme[random_u32() % 8] : (int32_t)random_u32() >> random_in(0, 31);
}

/* Place the operands at random without overlap, the last one flush with the end of the SRAM. */
static uint32_t place(struct npu_matrix_desc *d, bool channels)
{
	uint32_t c_size = d->flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8) ? 1 : 4;
	struct {
		uint32_t *offset;
		uint32_t size, align;
	} operands[4] = {
		{&d->a, (d->m - 1) * d->a_stride + d->k, 1},
		{&d->b, (uint32_t)NPU_PACKED_B_SIZE(d->k, d->n), 64},
		{&d->c, (d->m - 1) * d->c_stride + d->n * c_size, c_size},
		{&d->channels, channels ? d->n * 16 : 0, 16},
	};
	uint32_t end = 0;

	for (int i = 3; i > 0; i--) {
		int j = random_u32() % (i + 1);
		typeof(operands[0]) swap = operands[i];

		operands[i] = operands[j];
		operands[j] = swap;
	}
	for (int i = 0; i < 4; i++) {
		end += chance(2) ? 0 : random_in(0, 200);
		end = (end + operands[i].align - 1) / operands[i].align * operands[i].align;
		*operands[i].offset = end;
		end += operands[i].size;
	}
	return end;
}

/* Returns the SRAM's size. Strides above need the sizes to be modest. */
static uint32_t random_op(struct npu_matrix_desc *d, int c_type, bool a_signed)
{
	static const uint32_t flags[] = {0, NPU_MATRIX_ACCUMULATE, NPU_MATRIX_C_U8,
					 NPU_MATRIX_C_S8};
	uint32_t channels;

	memset(d, 0, sizeof(*d));
	if (chance(16)) {
		d->m = random_in(1, 14);
		d->n = random_in(1, 70);
		d->k = random_in(2000, 6200); /* several blocks of k */
	} else {
		d->m = random_size(48);
		d->n = random_size(160);
		d->k = random_size(272);
	}
	d->flags = flags[c_type] | (a_signed ? NPU_MATRIX_A_S8 : 0) |
		   (chance(2) ? NPU_MATRIX_BIAS : 0);
	d->a_stride = random_stride(d->k, 1);
	d->c_stride = c_type < 2 ? random_stride(d->n * 4, 4) : random_stride(d->n, 1);
	if (c_type >= 2) {
		int32_t least = c_type == 2 ? 0 : -128, most = c_type == 2 ? 255 : 127;

		d->zero_point = chance(2) ? (int32_t)random_in(0, 255) + least : random_s32();
		d->lo = chance(2) ? least : least + (int32_t)random_in(0, 255);
		d->hi = chance(2) ? most : d->lo + (int32_t)random_in(0, most - d->lo);
		if (d->hi < d->lo)
			d->hi = d->lo;
	}
	channels = d->flags & (NPU_MATRIX_BIAS | NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8);
	return place(d, channels);
}

/* Random bytes everywhere, also in what must not matter (padding of B, gaps); sane channels. */
static void random_fill(const struct npu_matrix_desc *d, uint8_t *sram, uint32_t size)
{
	int style = random_u32() % 6;

	for (uint32_t i = 0; i < size; i++)
		sram[i] = random_u32();
	if (style == 0) { /* sums as large as they get */
		uint8_t a = d->flags & NPU_MATRIX_A_S8 ? 0x80 : 0xff;

		for (uint32_t m = 0; m < d->m; m++)
			memset(sram + d->a + (size_t)m * d->a_stride, a, d->k);
		memset(sram + d->b, chance(2) ? 0x80 : 0x7f, NPU_PACKED_B_SIZE(d->k, d->n));
	}
	if (!(d->flags & (NPU_MATRIX_BIAS | NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8)))
		return;
	for (uint32_t n = 0; n < d->n; n++) {
		struct npu_channel channel = {
			.bias = random_s32(),
			.mult = style == 1 ? INT32_MAX : (random_s32() & INT32_MAX),
			.shift = style == 2 ? (chance(2) ? 1 : 62) : random_in(1, 62),
		};

		if (style >= 3) { /* as a network would have them: most results inside the clamp */
			channel.bias = (int32_t)random_u32() >> 16;
			channel.mult = (1 << 30) + (int32_t)(random_u32() >> 2);
			channel.shift = random_in(36, 46);
		}
		memcpy(sram + d->channels + n * sizeof(channel), &channel, sizeof(channel));
	}
}

static void describe(const struct npu_matrix_desc *d, uint32_t size)
{
	tap_diag("m %u n %u k %u flags %#x strides %u %u a %#x b %#x c %#x channels %#x "
		 "zero point %d clamp %d..%d, SRAM %u",
		 d->m, d->n, d->k, d->flags, d->a_stride, d->c_stride, d->a, d->b, d->c,
		 d->channels, d->zero_point, d->lo, d->hi, size);
}

/* Run in random row ranges, in random order when there are two. */
static void run_split(enum npu_matrix_path path, const struct npu_matrix_desc *d, uint8_t *sram)
{
	uint32_t middle = random_in(0, d->m);

	if (middle == 0 || middle == d->m) {
		npu_matrix_run(path, d, sram);
	} else {
		npu_matrix_run_rows(path, d, sram, middle, d->m);
		npu_matrix_run_rows(path, d, sram, 0, middle);
	}
}

/* One operation on a path; true if the whole SRAM is as the naive loop leaves it. */
static bool agrees(enum npu_matrix_path path, const struct npu_matrix_desc *d, uint32_t size,
		   uint8_t *end, uint8_t *before, uint8_t *wanted)
{
	uint8_t *sram = end - (size + 63) / 64 * 64;
	uint32_t whole = (uint32_t)(end - sram);

	if (npu_matrix_check(d, whole) != NPU_MATRIX_OK) {
		tap_diag("check refuses a good operation: %d", npu_matrix_check(d, whole));
		describe(d, whole);
		return false;
	}
	memcpy(wanted, before, whole);
	naive(d, wanted);
	memcpy(sram, before, whole);
	run_split(path, d, sram);
	for (uint32_t i = 0; i < whole; i++) {
		if (sram[i] != wanted[i]) {
			tap_diag("byte %#x is %02x, wanted %02x", i, sram[i], wanted[i]);
			describe(d, whole);
			return false;
		}
	}
	return true;
}

static uint8_t *sram_end, *before, *wanted;

static void test_random(enum npu_matrix_path path, int c_type, bool a_signed)
{
	const int rounds = 400;
	bool good = true;

	for (int i = 0; i < rounds && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, c_type, a_signed);

		random_fill(&d, before, (size + 63) / 64 * 64);
		good = agrees(path, &d, size, sram_end, before, wanted);
	}
	tap_ok(good, "%s: %s x s8 to %s agrees with the naive loop, %d random operations",
	       npu_matrix_path_name(path), a_signed ? "s8" : "u8", c_types[c_type], rounds);
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
		memset(before, 0, size);
		memset(before + d.b, i ? 0x7f : 0x80, d.a - d.b);
		memset(before + d.a, a_signed ? 0x80 : 0xff, d.c - d.a);
		for (int n = 0; n < 12; n++) {
			int32_t sum = (i ^ a_signed) ? INT32_MAX : INT32_MIN;

			memcpy(before + d.c + 4 * n, &sum, 4);
		}
		good = good && agrees(path, &d, size, sram_end, before, wanted);
		for (int n = 0; n < 4; n++) {
			int32_t sum;

			memcpy(&sum, wanted + d.c + 4 * n, 4);
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

				memcpy(before + d.channels + n++ * 16, &channel, 16);
			}
	d.n = n;
	d.b = (d.channels + n * 16 + 63) / 64 * 64;
	d.c = d.b + (uint32_t)NPU_PACKED_B_SIZE(1, n);
	d.c_stride = n;
	memset(before, 0, d.channels); /* A is 0: the sum is the bias */
	for (int s8 = 0; s8 < 2; s8++) {
		d.flags = NPU_MATRIX_BIAS | (s8 ? NPU_MATRIX_C_S8 : NPU_MATRIX_C_U8);
		d.lo = s8 ? -128 : 0;
		d.hi = s8 ? 127 : 255;
		for (unsigned int z = 0; z < 7; z++) {
			d.zero_point = zeros[z];
			good = good && agrees(path, &d, d.c + 2 * n, sram_end, before, wanted);
		}
	}
	tap_ok(good, "%s: requantise agrees over %u extreme channels and 7 zero points",
	       npu_matrix_path_name(path), n);
}

/*
 * Operands on top of one another, channels of random bytes: anything may come out, but only in C.
 */
static void test_confined(enum npu_matrix_path path)
{
	bool good = true;

	for (int i = 0; i < 2000 && good; i++) {
		struct npu_matrix_desc d;
		uint32_t size = random_op(&d, random_u32() % 4, chance(2)), end = 0, c_size;

		/* Throw them together again, each anywhere it fits. */
		size = (size + 63) / 64 * 64;
		c_size = d.flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8) ? 1 : 4;
		d.a = random_in(0, size - ((d.m - 1) * d.a_stride + d.k));
		d.b = random_in(0, (size - (uint32_t)NPU_PACKED_B_SIZE(d.k, d.n)) / 64) * 64;
		end = (d.m - 1) * d.c_stride + d.n * c_size;
		d.c = random_in(0, (size - end) / c_size) * c_size;
		if (d.flags & (NPU_MATRIX_BIAS | NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8))
			d.channels = random_in(0, (size - d.n * 16) / 16) * 16;
		for (uint32_t j = 0; j < size; j++)
			before[j] = random_u32();

		uint8_t *sram = sram_end - size;

		memcpy(sram, before, size);
		if (npu_matrix_check(&d, size) != NPU_MATRIX_OK) {
			good = false;
		} else {
			run_split(path, &d, sram);
			/* Make C's own elements equal, then nothing may differ. */
			for (uint32_t m = 0; m < d.m; m++)
				memcpy(before + d.c + (size_t)m * d.c_stride,
				       sram + d.c + (size_t)m * d.c_stride, d.n * c_size);
			good = !memcmp(sram, before, size);
		}
		if (!good)
			describe(&d, size);
	}
	tap_ok(good, "%s: overlapping operands and wild channels change nothing outside of C",
	       npu_matrix_path_name(path));
}

/* ---- descriptors ---- */

static void expect(const struct npu_matrix_desc *d, uint32_t size, enum npu_matrix_error error,
		   const char *what)
{
	enum npu_matrix_error got = npu_matrix_check(d, size);

	if (!tap_ok(got == error, "check: %s", what))
		tap_diag("got %d, wanted %d", got, error);
}

static void test_check(void)
{
	const uint32_t size = 1 << 20;
	const struct npu_matrix_desc good = {.a = 0,
					     .b = 65536,
					     .c = 131072,
					     .channels = 4096,
					     .m = 16,
					     .n = 16,
					     .k = 16,
					     .a_stride = 16,
					     .c_stride = 64};
	const struct npu_matrix_desc good8 = {.a = 0,
					      .b = 65536,
					      .c = 131073,
					      .channels = 4096,
					      .m = 16,
					      .n = 16,
					      .k = 16,
					      .a_stride = 17,
					      .c_stride = 17,
					      .flags = NPU_MATRIX_C_S8,
					      .lo = -128,
					      .hi = 127};
	struct npu_matrix_desc d;

#define BAD(base, error, field, value)                                                        \
	do {                                                                                  \
		d = base;                                                                     \
		d.field = value;                                                              \
		expect(&d, size, error, #field " = " #value " gives " #error " with " #base); \
	} while (0)

	expect(&good, size, NPU_MATRIX_OK, "s32 output");
	expect(&good8, size, NPU_MATRIX_OK, "s8 output");
	BAD(good, NPU_MATRIX_BAD_SIZE, m, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, n, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, k, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, m, 65536);
	BAD(good, NPU_MATRIX_BAD_SIZE, n, UINT32_MAX);
	BAD(good, NPU_MATRIX_BAD_SIZE, k, 0x80000000);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x20);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x80000000);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8);
	BAD(good8, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_C_S8 | NPU_MATRIX_ACCUMULATE);
	BAD(good, NPU_MATRIX_BAD_STRIDE, a_stride, 15);
	BAD(good, NPU_MATRIX_BAD_STRIDE, a_stride, 0);
	BAD(good, NPU_MATRIX_BAD_STRIDE, c_stride, 60);
	BAD(good, NPU_MATRIX_BAD_STRIDE, c_stride, 66);
	BAD(good8, NPU_MATRIX_BAD_STRIDE, c_stride, 15);
	BAD(good, NPU_MATRIX_BAD_ALIGN, b, 65552);
	BAD(good, NPU_MATRIX_BAD_ALIGN, c, 131074);
	BAD(good8, NPU_MATRIX_BAD_ALIGN, channels, 4104);
	BAD(good, NPU_MATRIX_OK, channels, 4104);
	BAD(good, NPU_MATRIX_OK, a, size - 256);
	BAD(good, NPU_MATRIX_BAD_RANGE, a, size - 255);
	BAD(good, NPU_MATRIX_BAD_RANGE, a, UINT32_MAX);
	BAD(good, NPU_MATRIX_BAD_RANGE, a_stride, UINT32_MAX);
	BAD(good, NPU_MATRIX_OK, b, size - 256);
	BAD(good, NPU_MATRIX_BAD_RANGE, b, size - 192);
	BAD(good, NPU_MATRIX_BAD_RANGE, b, 0xffffffc0);
	BAD(good, NPU_MATRIX_OK, c, size - 1024);
	BAD(good, NPU_MATRIX_BAD_RANGE, c, size - 1020);
	BAD(good, NPU_MATRIX_BAD_RANGE, c, 0xfffffffc);
	BAD(good, NPU_MATRIX_BAD_RANGE, c_stride, 0xfffffffc);
	BAD(good, NPU_MATRIX_BAD_RANGE, c_stride, 0x11111110); /* 15 of them pass 2^32 by 80 */
	BAD(good, NPU_MATRIX_BAD_RANGE, a_stride, 0x11111112);
	BAD(good8, NPU_MATRIX_OK, channels, size - 256);
	BAD(good8, NPU_MATRIX_BAD_RANGE, channels, size - 240);
	BAD(good8, NPU_MATRIX_BAD_RANGE, channels, 0xfffffff0);
	BAD(good8, NPU_MATRIX_BAD_CLAMP, lo, -129);
	BAD(good8, NPU_MATRIX_BAD_CLAMP, hi, 128);
	BAD(good8, NPU_MATRIX_BAD_CLAMP, hi, -129);
	BAD(good8, NPU_MATRIX_BAD_CLAMP, flags, NPU_MATRIX_C_U8);
	BAD(good, NPU_MATRIX_OK, lo, 5); /* no clamp, no check */
	BAD(good, NPU_MATRIX_BAD_RESERVED, reserved[0], 1);
	BAD(good, NPU_MATRIX_BAD_RESERVED, reserved[2], 0x80000000);
#undef BAD

	d = good;
	d.flags = NPU_MATRIX_BIAS;
	d.channels = size;
	expect(&d, size, NPU_MATRIX_BAD_RANGE, "BIAS needs its channels in range");
	d = good;
	d.m = d.n = d.k = d.a_stride = 65535;
	d.c_stride = 65535 * 4;
	expect(&d, UINT32_MAX, NPU_MATRIX_BAD_RANGE, "sizes that overflow 32 bits");
}

static void test_slice(void)
{
	struct npu_matrix_desc d = {.m = 4096, .n = 4096, .k = 4096};
	uint32_t rows = npu_matrix_slice(&d);
	bool bounded = rows >= 1 && rows < d.m && (uint64_t)rows * d.n * d.k <= 1u << 29;

	tap_ok(bounded, "slice: the longest operation comes in slices of at most 2^29 MACs");
	d = (struct npu_matrix_desc){.m = 7, .n = 16, .k = 64};
	tap_ok(npu_matrix_slice(&d) == 7, "slice: a short operation is one slice");
	d = (struct npu_matrix_desc){.m = 1, .n = 65535, .k = 65535};
	tap_ok(npu_matrix_slice(&d) == 1, "slice: one row is one slice");
}

static void test_select(void)
{
	enum npu_matrix_path best = npu_matrix_select("auto");

	tap_ok(npu_matrix_select("c") == NPU_MATRIX_PATH_C, "select: plain C is everywhere");
	tap_ok(npu_matrix_select("avx1024") == NPU_MATRIX_PATH_UNKNOWN &&
		       npu_matrix_select("") == NPU_MATRIX_PATH_UNKNOWN,
	       "select: unknown names are refused");
	tap_ok(best >= 0 && npu_matrix_select(npu_matrix_path_name(best)) == best,
	       "select: auto finds a path that this host has (%s)", npu_matrix_path_name(best));
}

int main(void)
{
	sram_end = guarded(SRAM_MAX) + SRAM_MAX;
	before = malloc(SRAM_MAX);
	wanted = malloc(SRAM_MAX);
	if (!before || !wanted)
		return 1;

	test_select();
	test_check();
	test_slice();
	for (int path = 0; path < NPU_MATRIX_PATH_COUNT; path++) {
		const char *name = npu_matrix_path_name(path);

		if (npu_matrix_select(name) < 0) {
			tap_skip("%s: this CPU lacks it", name);
			continue;
		}
		for (int c_type = 0; c_type < 4; c_type++)
			for (int a_signed = 0; a_signed < 2; a_signed++)
				test_random(path, c_type, a_signed);
		test_long_k(path, false);
		test_long_k(path, true);
		test_requantise(path);
		test_confined(path);
	}
	free(before);
	free(wanted);
	return tap_done();
}
