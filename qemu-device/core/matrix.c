// SPDX-License-Identifier: MIT
/* Matrix engine: descriptor checks, choice of a path, and the walk over a product's tiles. */
#include <stdalign.h>
#include <string.h>

#include "matrix.h"
#include "matrix_impl.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

static bool has_avx2(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

static bool has_avxvnni(void)
{
#ifdef __x86_64__
	unsigned int eax, ebx, ecx, edx;

	/* Not a feature name that every compiler knows: CPUID leaf 7.1, EAX bit 4. */
	return has_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
#else
	return false;
#endif
}

static bool has_avx512(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
	return false;
#endif
}

static bool has_c(void)
{
	return true;
}

static const struct {
	const char *name;
	bool (*supported)(void);
	const struct npu_matrix_ops *ops;
} paths[NPU_MATRIX_PATH_COUNT] = {
	[NPU_MATRIX_PATH_C] = {"c", has_c, &npu_matrix_ops_c},
#ifdef __x86_64__
	[NPU_MATRIX_PATH_AVX2] = {"avx2", has_avx2, &npu_matrix_ops_avx2},
	[NPU_MATRIX_PATH_AVXVNNI] = {"avxvnni", has_avxvnni, &npu_matrix_ops_avxvnni},
	[NPU_MATRIX_PATH_AVX512] = {"avx512", has_avx512, &npu_matrix_ops_avx512},
#else
	[NPU_MATRIX_PATH_AVX2] = {"avx2", has_avx2, NULL},
	[NPU_MATRIX_PATH_AVXVNNI] = {"avxvnni", has_avxvnni, NULL},
	[NPU_MATRIX_PATH_AVX512] = {"avx512", has_avx512, NULL},
#endif
};

enum npu_matrix_path npu_matrix_select(const char *name)
{
	bool best = !strcmp(name, "auto");

	for (int path = NPU_MATRIX_PATH_COUNT - 1; path >= 0; path--) {
		if (best && paths[path].supported())
			return path;
		if (!best && !strcmp(name, paths[path].name))
			return paths[path].supported() ? path : NPU_MATRIX_PATH_UNSUPPORTED;
	}
	return NPU_MATRIX_PATH_UNKNOWN;
}

const char *npu_matrix_path_name(enum npu_matrix_path path)
{
	return paths[path].name;
}

/* Last element's end of rows x row_size bytes, stride apart: does it stay below size? */
static bool in_range(uint64_t offset, uint64_t rows, uint64_t stride, uint64_t row_size,
		     uint64_t size)
{
	/* rows < 2^16, all others < 2^33: no overflow. */
	return offset + (rows - 1) * stride + row_size <= size;
}

enum npu_matrix_error npu_matrix_check(const struct npu_matrix_desc *desc, uint32_t sram_size)
{
	bool c_u8 = desc->flags & NPU_MATRIX_C_U8, c_s8 = desc->flags & NPU_MATRIX_C_S8;
	bool c_8bit = c_u8 || c_s8;
	uint64_t c_row = (uint64_t)desc->n * (c_8bit ? 1 : 4);

	for (unsigned int i = 0; i < sizeof(desc->reserved) / sizeof(desc->reserved[0]); i++)
		if (desc->reserved[i])
			return NPU_MATRIX_BAD_RESERVED;
	if (desc->flags & ~NPU_MATRIX_FLAGS || (c_u8 && c_s8) ||
	    (c_8bit && desc->flags & NPU_MATRIX_ACCUMULATE))
		return NPU_MATRIX_BAD_FLAGS;
	if (desc->m - 1 > 65534 || desc->n - 1 > 65534 || desc->k - 1 > 65534)
		return NPU_MATRIX_BAD_SIZE;
	if (desc->a_stride < desc->k || desc->c_stride < c_row || (!c_8bit && desc->c_stride % 4))
		return NPU_MATRIX_BAD_STRIDE;
	if (desc->b % 64 || (!c_8bit && desc->c % 4))
		return NPU_MATRIX_BAD_ALIGN;
	if (!in_range(desc->a, desc->m, desc->a_stride, desc->k, sram_size) ||
	    !in_range(desc->b, 1, 0, NPU_PACKED_B_SIZE(desc->k, desc->n), sram_size) ||
	    !in_range(desc->c, desc->m, desc->c_stride, c_row, sram_size))
		return NPU_MATRIX_BAD_RANGE;
	if (c_8bit || desc->flags & NPU_MATRIX_BIAS) {
		if (desc->channels % sizeof(struct npu_channel))
			return NPU_MATRIX_BAD_ALIGN;
		if (!in_range(desc->channels, desc->n, sizeof(struct npu_channel),
			      sizeof(struct npu_channel), sram_size))
			return NPU_MATRIX_BAD_RANGE;
	}
	if (c_8bit &&
	    (desc->lo < (c_u8 ? 0 : -128) || desc->hi > (c_u8 ? 255 : 127) || desc->lo > desc->hi))
		return NPU_MATRIX_BAD_CLAMP;
	return NPU_MATRIX_OK;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Fill in cols for the panels panels from panel number first on. */
static void columns_init(struct npu_matrix_columns *cols, const struct npu_matrix_desc *desc,
			 const uint8_t *sram, uint32_t first, uint32_t panels)
{
	bool c_8bit = desc->flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8);
	bool bias = desc->flags & NPU_MATRIX_BIAS;
	const uint8_t *channels = sram + desc->channels +
				  (size_t)first * NPU_MATRIX_PANEL * sizeof(struct npu_channel);

	cols->panels = panels;
	cols->columns = min_u32(panels * NPU_MATRIX_PANEL, desc->n - first * NPU_MATRIX_PANEL);
	cols->panel_size = ((size_t)desc->k + 3) / 4 * NPU_MATRIX_GROUP_SIZE;
	cols->b = sram + desc->b + first * cols->panel_size;
	memset(cols->start, 0, sizeof(cols->start));
	if (!bias && !c_8bit)
		return;

	memset(cols->mult, 0, sizeof(cols->mult));
	memset(cols->shift, 0, sizeof(cols->shift));
	for (uint32_t i = 0; i < cols->columns; i++) {
		struct npu_channel channel;

		memcpy(&channel, channels + i * sizeof(channel), sizeof(channel));
		if (bias)
			cols->start[i] = channel.bias;
		cols->mult[i] = channel.mult;
		cols->shift[i] = (channel.shift - 1) & 63;
	}
	cols->zero_point = desc->zero_point;
	cols->lo = (int64_t)desc->lo - desc->zero_point;
	cols->hi = (int64_t)desc->hi - desc->zero_point;
}

/* One tile: rows rows of C from row m on, all of cols. */
static void run_tile(const struct npu_matrix_ops *ops, const struct npu_matrix_columns *cols,
		     const struct npu_matrix_desc *desc, uint8_t *sram, uint32_t m, uint32_t rows,
		     enum npu_matrix_output output)
{
	/* Paths with 16-bit values have half as many rows. */
	alignas(64) int16_t packed[NPU_MATRIX_ROWS * NPU_MATRIX_KC / 2];
	alignas(64) int32_t acc[NPU_MATRIX_TILE_SIZE];
	bool a_signed = desc->flags & NPU_MATRIX_A_S8;
	bool in_place = ops->a_in_place && !a_signed && desc->k % NPU_MATRIX_GROUP == 0;
	const uint8_t *a = sram + desc->a + (size_t)m * desc->a_stride;
	size_t packed_stride = NPU_MATRIX_KC * ops->a_size;
	size_t element = output == NPU_MATRIX_OUT_8 ? 1 : 4;
	const int32_t *from = cols->start;
	size_t from_stride = 0;

	for (uint32_t k = 0; k < desc->k; k += NPU_MATRIX_KC) {
		uint32_t count = min_u32(desc->k - k, NPU_MATRIX_KC);
		uint32_t groups = (count + NPU_MATRIX_GROUP - 1) / NPU_MATRIX_GROUP;
		const uint8_t *b = cols->b + (size_t)k / NPU_MATRIX_GROUP * NPU_MATRIX_GROUP_SIZE;

		if (in_place) {
			ops->multiply(cols, a + k, desc->a_stride, b, rows, groups, from,
				      from_stride, acc);
		} else {
			ops->pack(packed, packed_stride, a + k, desc->a_stride, rows, count,
				  a_signed);
			ops->multiply(cols, packed, packed_stride, b, rows, groups, from,
				      from_stride, acc);
		}
		from = acc;
		from_stride = NPU_MATRIX_COLUMNS;
	}
	ops->store(cols, acc, rows, output,
		   sram + desc->c + (size_t)m * desc->c_stride +
			   (cols->b - (sram + desc->b)) / cols->panel_size * NPU_MATRIX_PANEL *
				   element,
		   desc->c_stride);
}

void npu_matrix_run_rows(enum npu_matrix_path path, const struct npu_matrix_desc *desc,
			 uint8_t *sram, uint32_t m0, uint32_t m1)
{
	const struct npu_matrix_ops *ops = paths[path].ops;
	uint32_t panels = (desc->n + NPU_MATRIX_PANEL - 1) / NPU_MATRIX_PANEL;
	uint32_t groups = (desc->k + NPU_MATRIX_GROUP - 1) / NPU_MATRIX_GROUP;
	enum npu_matrix_output output =
		desc->flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8) ? NPU_MATRIX_OUT_8
		: desc->flags & NPU_MATRIX_ACCUMULATE		  ? NPU_MATRIX_OUT_S32_ADD
								  : NPU_MATRIX_OUT_S32;
	struct npu_matrix_columns cols;

	for (uint32_t panel = 0; panel < panels; panel += cols.panels) {
		uint32_t left = m1 - m0;

		columns_init(&cols, desc, sram, panel, min_u32(panels - panel, ops->panels));
		if (desc->flags & NPU_MATRIX_A_S8 && ops->correct)
			ops->correct(&cols, groups);

		while (left) {
			/* Even tiles: a last one of a row or two would wait for its own sums. */
			uint32_t most = ops->rows[cols.panels];
			uint32_t tiles = (left + most - 1) / most;
			uint32_t rows = (left + tiles - 1) / tiles;

			run_tile(ops, &cols, desc, sram, m1 - left, rows, output);
			left -= rows;
		}
	}
}

void npu_matrix_run(enum npu_matrix_path path, const struct npu_matrix_desc *desc, uint8_t *sram)
{
	npu_matrix_run_rows(path, desc, sram, 0, desc->m);
}

uint32_t npu_matrix_slice(const struct npu_matrix_desc *desc)
{
	const uint64_t macs = 1u << 26;
	uint64_t rows = macs / ((uint64_t)desc->n * desc->k);

	/* Whole tiles, and enough rows to be worth fetching B for. */
	rows -= rows % NPU_MATRIX_ROWS;
	if (rows < 2 * NPU_MATRIX_ROWS)
		rows = 2 * NPU_MATRIX_ROWS;
	return rows < desc->m ? rows : desc->m;
}
