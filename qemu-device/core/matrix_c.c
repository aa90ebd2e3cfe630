// SPDX-License-Identifier: MIT
/* Matrix engine in plain C, laid out so that a compiler can vectorise it. */
#include <string.h>

#include "matrix_impl.h"

#define ROWS 6

static void c_pack(void *dst, size_t dst_stride, const uint8_t *a, size_t a_stride, uint32_t rows,
		   uint32_t k, bool a_signed)
{
	for (uint32_t r = 0; r < rows; r++) {
		const uint8_t *from = a + r * a_stride;
		int16_t *to = (int16_t *)((uint8_t *)dst + r * dst_stride);
		uint32_t i;

		if (a_signed) {
			for (i = 0; i < k; i++)
				to[i] = (int8_t)from[i];
		} else {
			for (i = 0; i < k; i++)
				to[i] = from[i];
		}
		for (; i % NPU_MATRIX_GROUP; i++)
			to[i] = 0;
	}
}

static void c_multiply(const struct npu_matrix_columns *cols, const void *a, size_t a_stride,
		       const uint8_t *b, uint32_t rows, uint32_t groups, const int32_t *from,
		       size_t from_stride, int32_t *acc)
{
	/* Sums wrap: they are kept unsigned, where C lets them. */
	uint32_t sum[ROWS][NPU_MATRIX_PANEL];

	(void)cols;
	for (uint32_t r = 0; r < rows; r++)
		memcpy(sum[r], from + r * from_stride, sizeof(sum[r]));

	for (uint32_t g = 0; g < groups; g++, b += NPU_MATRIX_GROUP_SIZE) {
		int16_t column[NPU_MATRIX_GROUP][NPU_MATRIX_PANEL];

		for (int n = 0; n < NPU_MATRIX_PANEL; n++)
			for (int i = 0; i < NPU_MATRIX_GROUP; i++)
				column[i][n] = (int8_t)b[n * NPU_MATRIX_GROUP + i];

		for (uint32_t r = 0; r < rows; r++) {
			const int16_t *row = (const int16_t *)((const uint8_t *)a + r * a_stride) +
					     (size_t)g * NPU_MATRIX_GROUP;

			for (int i = 0; i < NPU_MATRIX_GROUP; i++) {
				int16_t value = row[i];

				for (int n = 0; n < NPU_MATRIX_PANEL; n++)
					sum[r][n] += (uint32_t)(value * column[i][n]);
			}
		}
	}

	for (uint32_t r = 0; r < rows; r++)
		memcpy(acc + r * NPU_MATRIX_COLUMNS, sum[r], sizeof(sum[r]));
}

static void c_store(const struct npu_matrix_columns *cols, const int32_t *acc, uint32_t rows,
		    enum npu_matrix_output output, uint8_t *c, size_t c_stride)
{
	for (uint32_t r = 0; r < rows; r++, acc += NPU_MATRIX_COLUMNS, c += c_stride) {
		if (output == NPU_MATRIX_OUT_S32) {
			memcpy(c, acc, cols->columns * sizeof(*acc));
			continue;
		}
		for (uint32_t n = 0; n < cols->columns; n++) {
			if (output == NPU_MATRIX_OUT_S32_ADD) {
				uint32_t old;

				memcpy(&old, c + n * sizeof(old), sizeof(old));
				old += (uint32_t)acc[n];
				memcpy(c + n * sizeof(old), &old, sizeof(old));
			} else {
				int64_t p = npu_matrix_round_shift((int64_t)acc[n] * cols->mult[n],
								   cols->shift[n]);

				p = p < cols->lo ? cols->lo : p > cols->hi ? cols->hi : p;
				c[n] = (uint8_t)(p + cols->zero_point);
			}
		}
	}
}

const struct npu_matrix_ops npu_matrix_ops_c = {
	.rows = {0, ROWS},
	.panels = 1,
	.a_size = 2,
	.pack = c_pack,
	.multiply = c_multiply,
	.store = c_store,
};
