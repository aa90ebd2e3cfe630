// SPDX-License-Identifier: MIT
/* Matrix engine: which descriptors are refused, slices, and the choice of a path. */
#include <string.h>

#include "matrix.h"
#include "tap.h"

static void expect(const struct npu_matrix_desc *d, uint32_t size, enum npu_matrix_error error,
		   const char *what)
{
	enum npu_matrix_error got = npu_matrix_check(d, size);

	if (!tap_ok(got == error, "check: %s", what))
		tap_diag("got %d, wanted %d", got, error);
}

#define BAD(base, error, field, value)                                                        \
	do {                                                                                  \
		d = base;                                                                     \
		d.field = value;                                                              \
		expect(&d, size, error, #field " = " #value " gives " #error " with " #base); \
	} while (0)

/* Sparse weights, tables and floating point. */
static void check_types(uint32_t size)
{
	const struct npu_matrix_desc sparse = {
		.b = 65536,
		.c = 131072,
		.index = 4096,
		.m = 16,
		.n = 32,
		.k = 33,
		.a_stride = 33,
		.c_stride = 128,
		.flags = NPU_MATRIX_B_SPARSE_S4,
	};
	const struct npu_matrix_desc table8 = {
		.b = 65536,
		.c = 131072,
		.table = 8192,
		.m = 16,
		.n = 16,
		.k = 16,
		.a_stride = 16,
		.c_stride = 16,
		.flags = NPU_MATRIX_C_U8 | NPU_MATRIX_ACT_TABLE,
		.hi = 255,
	};
	const struct npu_matrix_desc fp32 = {
		.b = 65536,
		.c = 131072,
		.channels = 4,
		.table = 8192,
		.a = 16384,
		.m = 16,
		.n = 16,
		.k = 16,
		.a_stride = 64,
		.c_stride = 64,
		.flags = NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32 | NPU_MATRIX_BIAS |
			 NPU_MATRIX_CLAMP | NPU_MATRIX_ACT_TABLE | NPU_MATRIX_ACT_RELU,
		.lo = (int32_t)0xff800000,
		.hi = 0x7f800000,
	};
	const struct npu_matrix_desc bf16 = {
		.b = 65536,
		.c = 131072,
		.m = 16,
		.n = 16,
		.k = 17,
		.a_stride = 34,
		.c_stride = 32,
		.flags = NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16 | NPU_MATRIX_C_FP16,
	};
	struct npu_matrix_desc d;

	expect(&sparse, size, NPU_MATRIX_OK, "sparse weights");
	BAD(sparse, NPU_MATRIX_BAD_ALIGN, index, 4104);
	BAD(sparse, NPU_MATRIX_OK, index, size - 2 * 3 * 32); /* 33 of k are three groups of 16 */
	BAD(sparse, NPU_MATRIX_BAD_RANGE, index, size - 2 * 3 * 32 + 16);
	BAD(sparse, NPU_MATRIX_BAD_RANGE, index, 0xfffffff0);
	BAD(sparse, NPU_MATRIX_OK, b, size - 2 * 3 * 64);
	BAD(sparse, NPU_MATRIX_BAD_RANGE, b, size - 2 * 3 * 64 + 64);
	BAD(sparse, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_B_SPARSE_S4 | NPU_MATRIX_A_FP16);
	BAD(sparse, NPU_MATRIX_BAD_RESERVED, flags, NPU_MATRIX_B_S4);

	expect(&table8, size, NPU_MATRIX_OK, "a table of bytes");
	BAD(table8, NPU_MATRIX_BAD_ALIGN, table, 8224);
	BAD(table8, NPU_MATRIX_OK, table, size - 256);
	BAD(table8, NPU_MATRIX_BAD_RANGE, table, size - 192);
	BAD(table8, NPU_MATRIX_BAD_RANGE, table, 0xffffffc0);

	expect(&fp32, size, NPU_MATRIX_OK, "fp32 with all there is");
	BAD(fp32, NPU_MATRIX_BAD_ALIGN, a, 16386);
	BAD(fp32, NPU_MATRIX_BAD_STRIDE, a_stride, 60);
	BAD(fp32, NPU_MATRIX_BAD_STRIDE, a_stride, 66);
	BAD(fp32, NPU_MATRIX_OK, a, size - 1024);
	BAD(fp32, NPU_MATRIX_BAD_RANGE, a, size - 1020);
	BAD(fp32, NPU_MATRIX_BAD_RANGE, b, size - 960);
	BAD(fp32, NPU_MATRIX_BAD_ALIGN, channels, 6);
	BAD(fp32, NPU_MATRIX_OK, channels, size - 64);
	BAD(fp32, NPU_MATRIX_BAD_RANGE, channels, size - 60);
	BAD(fp32, NPU_MATRIX_BAD_ALIGN, table, 8208);
	BAD(fp32, NPU_MATRIX_OK, table, size - 2112);
	BAD(fp32, NPU_MATRIX_BAD_RANGE, table, size - 2048);
	BAD(fp32, NPU_MATRIX_BAD_CLAMP, lo, 0x7fc00000); /* NaNs */
	BAD(fp32, NPU_MATRIX_BAD_CLAMP, lo, (int32_t)0xff800001);
	BAD(fp32, NPU_MATRIX_BAD_CLAMP, hi, 0x7f800001);
	BAD(fp32, NPU_MATRIX_BAD_CLAMP, hi, (int32_t)0xffffffff);
	BAD(fp32, NPU_MATRIX_OK, lo, 0x7f800000);
	d = fp32;
	d.lo = 0x3f800000; /* 1, 0.5 */
	d.hi = 0x3f000000;
	expect(&d, size, NPU_MATRIX_BAD_CLAMP, "lo above hi");
	d.lo = (int32_t)0xbf000000; /* -0.5, -1 */
	d.hi = (int32_t)0xbf800000;
	expect(&d, size, NPU_MATRIX_BAD_CLAMP, "lo above hi, both negative");
	d.lo = 0; /* 0, -0 */
	d.hi = (int32_t)0x80000000;
	expect(&d, size, NPU_MATRIX_OK, "zeros are equal");
	BAD(fp32, NPU_MATRIX_BAD_FLAGS, flags, fp32.flags & ~NPU_MATRIX_B);
	BAD(fp32, NPU_MATRIX_BAD_FLAGS, flags,
	    NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP16 | NPU_MATRIX_ACT_TABLE);
	BAD(fp32, NPU_MATRIX_BAD_FLAGS, flags, fp32.flags | NPU_MATRIX_C_U8);
	BAD(fp32, NPU_MATRIX_BAD_FLAGS, flags, fp32.flags | NPU_MATRIX_C_S8);

	expect(&bf16, size, NPU_MATRIX_OK, "bf16 to fp16");
	BAD(bf16, NPU_MATRIX_BAD_ALIGN, a, 1);
	BAD(bf16, NPU_MATRIX_BAD_ALIGN, c, 131073);
	BAD(bf16, NPU_MATRIX_BAD_STRIDE, a_stride, 35);
	BAD(bf16, NPU_MATRIX_BAD_STRIDE, a_stride, 32);
	BAD(bf16, NPU_MATRIX_BAD_STRIDE, c_stride, 33);
	BAD(bf16, NPU_MATRIX_BAD_STRIDE, c_stride, 30);
	BAD(bf16, NPU_MATRIX_OK, b, size - 9 * 64);
	BAD(bf16, NPU_MATRIX_BAD_RANGE, b, size - 8 * 64);
	BAD(bf16, NPU_MATRIX_OK, c, size - 512);
	BAD(bf16, NPU_MATRIX_BAD_RANGE, c, size - 510);
	BAD(bf16, NPU_MATRIX_BAD_FLAGS, flags, bf16.flags | NPU_MATRIX_ACCUMULATE);
	BAD(bf16, NPU_MATRIX_BAD_RESERVED, index, 16);
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

	expect(&good, size, NPU_MATRIX_OK, "s32 output");
	expect(&good8, size, NPU_MATRIX_OK, "s8 output");
	BAD(good, NPU_MATRIX_BAD_SIZE, m, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, n, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, k, 0);
	BAD(good, NPU_MATRIX_BAD_SIZE, m, 65536);
	BAD(good, NPU_MATRIX_BAD_SIZE, n, UINT32_MAX);
	BAD(good, NPU_MATRIX_BAD_SIZE, k, 0x80000000);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x8000);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x80000000);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x5);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x80);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, 0x500);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_B_BF16);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_C_BF16);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_CLAMP);
	BAD(good, NPU_MATRIX_BAD_FLAGS, flags, NPU_MATRIX_ACT_TABLE);
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
	BAD(good, NPU_MATRIX_BAD_RESERVED, reserved, 1);
	BAD(good, NPU_MATRIX_BAD_RESERVED, reserved, 0x80000000);
	BAD(good, NPU_MATRIX_BAD_RESERVED, table, 64);
	BAD(good, NPU_MATRIX_BAD_RESERVED, index, 16);
	BAD(good8, NPU_MATRIX_BAD_RESERVED, table, 64);
	check_types(size);

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
	test_select();
	test_check();
	test_slice();
	return tap_done();
}
