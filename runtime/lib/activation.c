// SPDX-License-Identifier: MIT
/* Tables of the activations that the matrix engine applies on the way out (npu_isa.h). */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "internal.h"
#include "npu_isa.h"

NPU_STATIC_ASSERT(NPURT_TABLE_SIZE == NPU_MATRIX_TABLE_8, "size of a table");
NPU_STATIC_ASSERT(NPURT_CURVE_SIZE == sizeof(struct npu_matrix_curve), "size of a curve");

static double evaluate(enum npurt_activation function, double x)
{
	return function == NPURT_GELU ? x * erfc(-x * M_SQRT1_2) / 2 : x / (1 + exp(-x));
}

static int check(enum npurt_activation function)
{
	if ((unsigned int)function > NPURT_SILU)
		return npurt_fail(-EINVAL, "there is no activation %d", (int)function);
	return 0;
}

NPURT_EXPORT int npurt_activation_table(enum npurt_activation function, int is_signed,
					double in_scale, int in_zero, double out_scale,
					int out_zero, void *table)
{
	const int least = is_signed ? -128 : 0, most = least + 255;
	uint8_t *out = table;
	int err = check(function);

	if (err)
		return err;
	if (!(in_scale > 0) || !(out_scale > 0) || !isfinite(in_scale) || !isfinite(out_scale))
		return npurt_fail(-EINVAL, "the scales are %g and %g, must be numbers above 0",
				  in_scale, out_scale);
	for (int q = least; q <= most; q++) {
		const double y = evaluate(function, in_scale * ((double)q - in_zero));
		const double p = nearbyint(y / out_scale) + out_zero;

		out[q & 0xff] = (uint8_t)(int)fmin(fmax(p, least), most);
	}
	return 0;
}

static uint32_t float_bits(double value)
{
	const float rounded = (float)value;
	uint32_t bits;

	memcpy(&bits, &rounded, sizeof(bits));
	return bits;
}

NPURT_EXPORT int npurt_activation_curve(enum npurt_activation function, void *curve)
{
	const double range = function == NPURT_GELU ? 6 : 10;
	const double width = 2 * range / NPU_MATRIX_PIECES;
	struct npu_matrix_curve out = {
		.scale = float_bits(1 / width),
		.offset = float_bits(range / width),
	};
	int err = check(function);

	if (err)
		return err;
	/* Piece 0 stays 0. */
	for (int i = 1; i < NPU_MATRIX_PIECES; i++) {
		const double x0 = -range + i * width, x1 = x0 + width;
		const double f0 = evaluate(function, x0);
		const double slope = (evaluate(function, x1) - f0) / width;

		out.piece[i].slope = float_bits(slope);
		out.piece[i].start = float_bits(f0 - slope * x0);
	}
	out.piece[NPU_MATRIX_PIECES - 1].slope = float_bits(1);
	out.piece[NPU_MATRIX_PIECES - 1].start = 0;
	memcpy(curve, &out, sizeof(out));
	return 0;
}
