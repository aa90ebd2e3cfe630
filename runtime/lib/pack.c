// SPDX-License-Identifier: MIT
/* Weights in the order in which the matrix engine reads them (npu_isa.h). */
#include <string.h>

#include "internal.h"
#include "npu_isa.h"

NPURT_EXPORT size_t npurt_pack_b_size(size_t k, size_t n)
{
	size_t groups, quads, size;

	if (k > SIZE_MAX - 3 || n > SIZE_MAX - 15)
		return 0;
	groups = (n + 15) / 16;
	quads = (k + 3) / 4;
	if (__builtin_mul_overflow(groups, quads, &size) || __builtin_mul_overflow(size, 64, &size))
		return 0;
	return size;
}

NPURT_EXPORT void npurt_pack_b_s8(size_t k, size_t n, const int8_t *src, size_t ld, void *dst)
{
	int8_t *out = dst;

	for (size_t n0 = 0; n0 < n; n0 += 16) {
		size_t columns = n - n0 < 16 ? n - n0 : 16;

		for (size_t k0 = 0; k0 < k; k0 += 4, out += 64) {
			size_t rows = k - k0 < 4 ? k - k0 : 4;

			if (rows < 4 || columns < 16)
				memset(out, 0, 64);
			for (size_t r = 0; r < rows; r++)
				for (size_t c = 0; c < columns; c++)
					out[4 * c + r] = src[(k0 + r) * ld + n0 + c];
		}
	}
}
