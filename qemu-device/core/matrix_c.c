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

/*
 * One packed group at a time: first to bytes, kept ones in order of k, then, if sparse, to their
 * places.
 */
static void c_unpack(uint8_t *dst, uint32_t type, const uint8_t *b, const uint8_t *index,
		     uint32_t groups)
{
	const bool sparse = type == NPU_MATRIX_B_SPARSE_S8 || type == NPU_MATRIX_B_SPARSE_S4;
	const uint32_t bits = type == NPU_MATRIX_B_SPARSE_S8 ? 8 : type == NPU_MATRIX_B_S2 ? 2 : 4;
	/* Groups of stored values, and of values of k, in a packed one. */
	const uint32_t stored = 8 / bits, whole = sparse ? 2 * stored : stored;

	for (uint32_t g = 0; g < groups; g += whole, b += NPU_MATRIX_GROUP_SIZE) {
		for (uint32_t s = 0; s < stored; s++) {
			int8_t value[NPU_MATRIX_GROUP_SIZE];

			for (int i = 0; i < NPU_MATRIX_GROUP_SIZE; i++)
				value[i] = (int8_t)(b[i] << (8 - bits - s * bits)) >> (8 - bits);
			if (!sparse) {
				memcpy(dst, value, sizeof(value));
				dst += sizeof(value);
				continue;
			}
			memset(dst, 0, 2 * sizeof(value));
			for (int i = 0; i < NPU_MATRIX_GROUP_SIZE; i++) {
				/* Value j of column n belongs to group j / 2 of the two. */
				int n = i / 4, j = i % 4;
				int place = index[n] >> (2 * j) & 3;

				dst[j / 2 * NPU_MATRIX_GROUP_SIZE + n * 4 + place] = value[i];
			}
			dst += 2 * sizeof(value);
			index += NPU_MATRIX_PANEL;
		}
	}
}

static void c_multiply(const struct npu_matrix_columns *cols, const void *a, size_t a_stride,
		       const uint8_t *b, uint32_t rows, uint32_t groups, const int32_t *from,
		       size_t from_stride, int32_t *acc, size_t acc_stride)
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
		memcpy(acc + r * acc_stride, sum[r], sizeof(sum[r]));
}

static void c_store(const struct npu_matrix_columns *cols, const int32_t *acc, uint32_t rows,
		    enum npu_matrix_output output, uint8_t *c, size_t c_stride)
{
	for (uint32_t r = 0; r < rows; r++, acc += NPU_MATRIX_COLUMNS, c += c_stride) {
		for (uint32_t n = 0; n < cols->columns; n++) {
			if (output != NPU_MATRIX_OUT_8) {
				uint32_t old = 0;
				int32_t sum;

				if (output == NPU_MATRIX_OUT_S32_ADD)
					memcpy(&old, c + n * sizeof(old), sizeof(old));
				sum = (int32_t)(old + (uint32_t)acc[n]);
				sum = sum < cols->floor ? cols->floor : sum;
				memcpy(c + n * sizeof(sum), &sum, sizeof(sum));
			} else {
				int64_t p = npu_matrix_round_shift((int64_t)acc[n] * cols->mult[n],
								   cols->shift[n]);
				const uint32_t lane = npu_matrix_lane64(n);

				p = p < cols->lo[lane] ? cols->lo[lane] : p;
				p = p > cols->hi[lane] ? cols->hi[lane] : p;
				c[n] = (uint8_t)((uint64_t)p + (uint32_t)cols->zero_point[n]);
			}
		}
	}
}

const struct npu_matrix_ops npu_matrix_ops_c = {
	.rows = {0, ROWS},
	.panels = 1,
	.a_size = 2,
	.kc = NPU_MATRIX_KC,
	.pack = c_pack,
	.unpack = c_unpack,
	.multiply = c_multiply,
	.store = c_store,
};
