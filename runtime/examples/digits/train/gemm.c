// SPDX-License-Identifier: MIT
#include "gemm.h"

#include <string.h>

/* Eight lanes: one AVX register, two SSE or NEON ones. Lanes never mix. */
typedef float lanes __attribute__((vector_size(32)));

/* Rows of a and b that gemm_tn() takes at a time, so that they stay in the first-level caches. */
#define TN_BLOCK 128u

static inline lanes load(const float *from)
{
	lanes value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void store(float *to, lanes value)
{
	memcpy(to, &value, sizeof(value));
}

/*
 * A 4 x 16 tile of c: c[r][0..15] += sum over i of a[i * step + r * pitch] * b[i][0..15].
 * For gemm_nn() i runs along a row of a, for gemm_tn() down a column.
 */
static inline void tile(size_t count, const float *a, size_t step, size_t pitch, const float *b,
			size_t n, float *c)
{
	lanes c00 = load(c), c01 = load(c + 8);
	lanes c10 = load(c + n), c11 = load(c + n + 8);
	lanes c20 = load(c + 2 * n), c21 = load(c + 2 * n + 8);
	lanes c30 = load(c + 3 * n), c31 = load(c + 3 * n + 8);
	size_t i;

	for (i = 0; i < count; i++, a += step, b += n) {
		lanes b0 = load(b), b1 = load(b + 8);

		c00 += a[0] * b0;
		c01 += a[0] * b1;
		c10 += a[pitch] * b0;
		c11 += a[pitch] * b1;
		c20 += a[2 * pitch] * b0;
		c21 += a[2 * pitch] * b1;
		c30 += a[3 * pitch] * b0;
		c31 += a[3 * pitch] * b1;
	}
	store(c, c00);
	store(c + 8, c01);
	store(c + n, c10);
	store(c + n + 8, c11);
	store(c + 2 * n, c20);
	store(c + 2 * n + 8, c21);
	store(c + 3 * n, c30);
	store(c + 3 * n + 8, c31);
}

void gemm_nn(size_t m, size_t k, size_t n, const float *a, const float *b, float *c)
{
	size_t row, column;

	memset(c, 0, m * n * sizeof(*c));
	for (row = 0; row < m; row += GEMM_ROWS) {
		for (column = 0; column < n; column += GEMM_COLUMNS)
			tile(k, a + row * k, 1, k, b + column, n, c + row * n + column);
	}
}

void gemm_tn(size_t m, size_t k, size_t n, const float *a, const float *b, float *c)
{
	size_t block, row, column;

	memset(c, 0, k * n * sizeof(*c));
	for (block = 0; block < m; block += TN_BLOCK) {
		size_t count = m - block < TN_BLOCK ? m - block : TN_BLOCK;

		for (row = 0; row < k; row += GEMM_ROWS) {
			for (column = 0; column < n; column += GEMM_COLUMNS)
				tile(count, a + block * k + row, k, 1, b + block * n + column, n,
				     c + row * n + column);
		}
	}
}
