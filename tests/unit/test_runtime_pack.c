// SPDX-License-Identifier: MIT
/*
 * Packed weights of every type: against the formulas of the device's contract, and nothing written beside;
 * numbers of 16 bits; tables of activations.
 */
#include <errno.h>
#include <math.h>

#include "fixture.h"
#include "npu_isa.h"

static const char *const names[] = {"s8",	 "s4",	 "s2",	 "sparse s8",
				    "sparse s4", "bf16", "fp16", "fp32"};

static bool is_sparse(int type)
{
	return type == NPURT_WEIGHTS_SPARSE_S8 || type == NPURT_WEIGHTS_SPARSE_S4;
}

static size_t element(int type)
{
	return type < NPURT_WEIGHTS_BF16 ? 1 : type == NPURT_WEIGHTS_FP32 ? 4 : 2;
}

static int sign_extend(unsigned int value, int bits)
{
	return (int)(value << (32 - bits)) >> (32 - bits);
}

/* What packed weights hold at (k, n), as npu_isa.h says it. */
static uint32_t unpack(int type, const uint8_t *b, const uint8_t *index, size_t rows, size_t k,
		       size_t n)
{
	const size_t g = NPU_PACKED_GROUP(type << 4), groups = (rows + g - 1) / g, i = k % g;
	const uint8_t *lane = b + (n / 16 * groups + k / g) * 64 + n % 16 * 4;

	switch (type) {
	case NPURT_WEIGHTS_S8:
		return (uint32_t)(int8_t)lane[i];
	case NPURT_WEIGHTS_S4:
		return (uint32_t)sign_extend(lane[i % 4] >> (4 * (i / 4)), 4);
	case NPURT_WEIGHTS_S2:
		return (uint32_t)sign_extend(lane[i % 4] >> (2 * (i / 4)), 2);
	case NPURT_WEIGHTS_BF16:
	case NPURT_WEIGHTS_FP16:
		return lane[2 * i] | (uint32_t)lane[2 * i + 1] << 8;
	case NPURT_WEIGHTS_FP32:
		return lane[0] | lane[1] << 8 | lane[2] << 16 | (uint32_t)lane[3] << 24;
	default: {
		const uint8_t places =
			index[(n / 16 * groups * (g / 8) + k / 8) * 16 + n % 16] >> (k % 8 / 4 * 4);
		size_t j;

		if ((places >> 2 & 3) == k % 4)
			j = i / 4 * 2 + 1;
		else if ((places & 3) == k % 4)
			j = i / 4 * 2;
		else
			return 0;
		return (uint32_t)sign_extend(lane[j % 4] >> (4 * (j / 4)),
					     type == NPURT_WEIGHTS_SPARSE_S8 ? 8 : 4);
	}
	}
}

static uint32_t source(int type, const uint8_t *src, size_t at)
{
	uint32_t value = 0;

	if (element(type) == 1)
		return (uint32_t)(int8_t)src[at];
	memcpy(&value, src + at * element(type), element(type));
	return value;
}

static void fill(int type, uint8_t *src, size_t k, size_t n, size_t ld)
{
	const int bits = type == NPURT_WEIGHTS_S2				       ? 2
			 : type == NPURT_WEIGHTS_S4 || type == NPURT_WEIGHTS_SPARSE_S4 ? 4
										       : 8;

	for (size_t i = 0; i < k * ld * element(type); i++)
		src[i] = (uint8_t)(i * 37 + i / 7 + 11);
	for (size_t i = 0; i < k * ld && element(type) == 1; i++)
		src[i] = (uint8_t)sign_extend(src[i], bits);
	if (is_sparse(type))
		npurt_weights_prune(k, n, (int8_t *)src, ld);
}

static bool right(int type, size_t k, size_t n, size_t ld)
{
	const size_t size = npurt_weights_size(type, k, n);
	const size_t index_size = npurt_weights_index_size(type, k, n);
	const size_t g = NPU_PACKED_GROUP(type << 4);
	uint8_t *src = malloc(k * ld * element(type));
	uint8_t *got = malloc(size + 1), *index = malloc(index_size + 1);
	bool ok;

	if (!src || !got || !index)
		die("memory");
	fill(type, src, k, n, ld);
	memset(got, 0x55, size + 1);
	memset(index, 0x55, index_size + 1);
	ok = !npurt_weights_pack(type, k, n, src, ld, got, index) && got[size] == 0x55 &&
	     index[index_size] == 0x55;
	/* Also what is past the ends: 0. */
	for (size_t r = 0; ok && r < (k + g - 1) / g * g; r++)
		for (size_t c = 0; ok && c < (n + 15) / 16 * 16; c++)
			ok = unpack(type, got, index, k, r, c) ==
			     (r < k && c < n ? source(type, src, r * ld + c) : 0);
	free(src);
	free(got);
	free(index);
	return ok;
}

static void test_shapes(int type)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 64, 100};
	unsigned int wrong = 0;

	for (size_t i = 0; i < 12; i++) {
		for (size_t j = 0; j < 12; j++) {
			wrong += !right(type, sizes[i], sizes[j], sizes[j]);
			wrong += !right(type, sizes[i], sizes[j], sizes[j] + 5);
			wrong += npurt_weights_size(type, sizes[i], sizes[j]) !=
				 NPU_PACKED_SIZE(type << 4, sizes[i], sizes[j]);
			wrong += npurt_weights_index_size(type, sizes[i], sizes[j]) !=
				 (is_sparse(type)
					  ? NPU_PACKED_INDEX_SIZE(type << 4, sizes[i], sizes[j])
					  : 0);
		}
	}
	tap_is(wrong, 0, names[type]);
}

static void test_errors(void)
{
	int8_t src[16] = {0}, out[64], index[16], before[64];

	memset(out, 0x55, sizeof(out));
	memcpy(before, out, sizeof(out));
	src[5] = 8;
	tap_is(-npurt_weights_pack(NPURT_WEIGHTS_S4, 16, 1, src, 1, out, NULL), ERANGE,
	       "8 does not fit 4 bits");
	src[5] = -3;
	tap_is(-npurt_weights_pack(NPURT_WEIGHTS_S2, 16, 1, src, 1, out, NULL), ERANGE,
	       "-3 does not fit 2 bits");
	tap_is(-npurt_weights_pack(NPURT_WEIGHTS_SPARSE_S8, 8, 1, src, 1, out, NULL), EINVAL,
	       "sparse weights without room for an index");
	src[4] = src[7] = 1;
	tap_is(-npurt_weights_pack(NPURT_WEIGHTS_SPARSE_S8, 8, 1, src, 1, out, index), ERANGE,
	       "three of four");
	tap_is(-npurt_weights_pack(8, 8, 1, src, 1, out, index), EINVAL, "no such type");
	tap_ok(!memcmp(out, before, sizeof(out)), "errors leave the output alone");
	npurt_weights_prune(8, 1, src, 1);
	tap_ok(src[5] == -3 && src[4] + src[7] == 1, "the largest two stay");
	tap_is(npurt_weights_size(8, 1, 1), 0, "size of no such type");
	tap_is(npurt_pack_b_size(SIZE_MAX, 1), 0, "rows overflow");
	tap_is(npurt_pack_b_size(1, SIZE_MAX), 0, "columns overflow");
	tap_is(npurt_pack_b_size((size_t)1 << 33, (size_t)1 << 33), 0, "product overflows");
}

static void test_halves(void)
{
	unsigned int wrong_fp16 = 0, wrong_bf16 = 0;

	for (uint32_t bits = 0; bits < 65536; bits++) {
		const float fp16 = npurt_from_fp16((uint16_t)bits);
		const float bf16 = npurt_from_bf16((uint16_t)bits);
		const float up = npurt_from_fp16((uint16_t)(bits + 1));

		wrong_fp16 += npurt_to_fp16(fp16) != (isnan(fp16) ? 0x7e00 : bits);
		wrong_bf16 += npurt_to_bf16(bf16) != (isnan(bf16) ? 0x7fc0 : bits);
		/* Halfway to the next number goes to the even one. */
		if (isfinite(fp16) && isfinite(up) && (bits & 0x7fff) < 0x7bff) {
			const float half = (float)(((double)fp16 + up) / 2);

			wrong_fp16 += npurt_to_fp16(half) != bits + (bits & 1);
			wrong_fp16 += npurt_to_fp16(nextafterf(half, fp16)) != bits;
			wrong_fp16 += npurt_to_fp16(nextafterf(half, up)) != bits + 1;
		}
	}
	tap_is(wrong_fp16, 0, "fp16 there and back, and all that lies halfway");
	tap_is(wrong_bf16, 0, "bf16 there and back");
	tap_is(npurt_to_fp16(65519.99f), 0x7bff, "the largest fp16");
	tap_is(npurt_to_fp16(65520), 0x7c00, "infinity from there on");
	tap_is(npurt_to_fp16(0x1p-25f), 0, "half of the smallest fp16");
	tap_is(npurt_to_bf16(1.00390625f), 0x3f80, "halfway in bf16, to even");
	tap_is(npurt_to_bf16(1.01171875f), 0x3f82, "halfway in bf16, to even again");
	tap_is(npurt_to_bf16(3.4e38f), 0x7f80, "infinity in bf16");
}

static double exact(int function, double x)
{
	return function == NPURT_GELU ? 0.5 * x * (1 + erf(x / sqrt(2))) : x / (1 + exp(-x));
}

/* As the engine evaluates it. */
static float evaluate(const struct npu_matrix_curve *curve, float x)
{
	float scale, offset, slope, start, t;
	int i;

	memcpy(&scale, &curve->scale, 4);
	memcpy(&offset, &curve->offset, 4);
	t = fmaf(x, scale, offset);
	i = t < 0 ? 0 : t >= NPU_MATRIX_PIECES ? NPU_MATRIX_PIECES - 1 : (int)t;
	memcpy(&slope, &curve->piece[i].slope, 4);
	memcpy(&start, &curve->piece[i].start, 4);
	return fmaf(slope, x, start);
}

static void test_activations(void)
{
	static const double limits[] = {3e-4, 6e-4};
	static const char *const functions[] = {"GELU", "SiLU"};
	struct npu_matrix_curve curve;
	int8_t table[256];
	uint8_t wide[256];

	for (int f = NPURT_GELU; f <= NPURT_SILU; f++) {
		double worst = 0, off = 0;

		tap_is(npurt_activation_curve(f, &curve), 0, functions[f]);
		for (double x = -40; x < 40; x += 1.0 / 512)
			worst = fmax(worst, fabs(evaluate(&curve, (float)x) - exact(f, x)));
		if (!tap_ok(worst < limits[f], "curve of %s: largest error", functions[f]))
			tap_diag("%g", worst);
		tap_ok(evaluate(&curve, -1e30f) == 0 && evaluate(&curve, 1e30f) == 1e30f,
		       "curve of %s: far out", functions[f]);
		tap_is(npurt_activation_table(f, 1, 0.05, 3, 0.03, -100, table), 0, functions[f]);
		for (int q = -128; q < 128; q++) {
			const double want =
				fmin(fmax(exact(f, 0.05 * (q - 3)) / 0.03 - 100, -128), 127);

			off = fmax(off, fabs(table[q & 0xff] - want));
		}
		tap_ok(off <= 0.5 + 1e-9, "table of %s: nearest numbers", functions[f]);
	}
	tap_is(npurt_activation_table(NPURT_SILU, 0, 0.1, 128, 0.1, 3, wide), 0, "u8");
	tap_ok(wide[128] == 3 && wide[255] == 130 && wide[0] == 3, "table of u8");
	tap_is(-npurt_activation_curve(2, &curve), EINVAL, "no such function");
	tap_is(-npurt_activation_table(NPURT_GELU, 0, 0, 0, 1, 0, wide), EINVAL, "scale 0");
	tap_is(-npurt_activation_table(NPURT_GELU, 0, 1, 0, NAN, 0, wide), EINVAL, "scale NaN");
}

int main(void)
{
	for (int type = 0; type <= NPURT_WEIGHTS_FP32; type++)
		test_shapes(type);
	test_errors();
	test_halves();
	test_activations();
	return tap_done();
}
