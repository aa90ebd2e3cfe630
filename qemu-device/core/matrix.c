// SPDX-License-Identifier: MIT
/* Matrix engine: descriptor checks and choice of a path. */
#include <string.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "matrix.h"
#include "matrix_impl.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

static bool has_avx2(void)
{
#ifdef __x86_64__
	unsigned int eax, ebx, ecx, edx;

	/* FMA and F16C came no later; F16C is CPUID leaf 1, ECX bit 29. */
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	       __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 29 & 1);
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

/*
 * AMX has to be asked for: the kernel gives a process room for the tile registers only then, and may
 * refuse, for example where a signal stack is too small for them.
 */
static bool has_amx(void)
{
#if defined(__x86_64__) && defined(__linux__)
	enum {
		REQUEST_PERMISSION = 0x1023,
		XFEATURE_TILEDATA = 18
	};
	unsigned int eax, ebx, ecx, edx;

	/* CPUID leaf 7, EDX: amx-tile bit 24, amx-int8 bit 25. */
	return has_avx512() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       (edx >> 24 & 3) == 3 &&
	       !syscall(SYS_arch_prctl, REQUEST_PERMISSION, XFEATURE_TILEDATA);
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
	const struct npu_matrix_float_ops *float_ops;
} paths[NPU_MATRIX_PATH_COUNT] = {
	[NPU_MATRIX_PATH_C] = {"c", has_c, &npu_matrix_ops_c, &npu_matrix_float_ops_c},
#ifdef __x86_64__
	[NPU_MATRIX_PATH_AVX2] = {"avx2", has_avx2, &npu_matrix_ops_avx2,
				  &npu_matrix_float_ops_avx2},
	[NPU_MATRIX_PATH_AVXVNNI] = {"avxvnni", has_avxvnni, &npu_matrix_ops_avxvnni,
				     &npu_matrix_float_ops_avx2},
	[NPU_MATRIX_PATH_AVX512] = {"avx512", has_avx512, &npu_matrix_ops_avx512,
				    &npu_matrix_float_ops_avx512},
	[NPU_MATRIX_PATH_AMX] = {"amx", has_amx, &npu_matrix_ops_amx, &npu_matrix_float_ops_avx512},
#else
	[NPU_MATRIX_PATH_AVX2] = {"avx2", has_avx2, NULL, NULL},
	[NPU_MATRIX_PATH_AVXVNNI] = {"avxvnni", has_avxvnni, NULL, NULL},
	[NPU_MATRIX_PATH_AVX512] = {"avx512", has_avx512, NULL, NULL},
	[NPU_MATRIX_PATH_AMX] = {"amx", has_amx, NULL, NULL},
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

/* Which types go together, and what each allows. */
static bool flags_good(uint32_t flags)
{
	const uint32_t b = flags & NPU_MATRIX_B, c = flags & NPU_MATRIX_C;
	const bool sum = c == NPU_MATRIX_C_SUM;
	const bool float_c = sum || c == NPU_MATRIX_C_BF16 || c == NPU_MATRIX_C_FP16;

	if (flags & ~NPU_MATRIX_FLAGS || (flags & NPU_MATRIX_ACCUMULATE && !sum))
		return false;
	switch (flags & NPU_MATRIX_A) {
	case NPU_MATRIX_A_U8:
	case NPU_MATRIX_A_S8:
		if (b > NPU_MATRIX_B_SPARSE_S4 || c > NPU_MATRIX_C_S8 || flags & NPU_MATRIX_CLAMP)
			return false;
		return !sum || !(flags & NPU_MATRIX_ACT_TABLE);
	case NPU_MATRIX_A_BF16:
		return b == NPU_MATRIX_B_BF16 && float_c;
	case NPU_MATRIX_A_FP16:
		return b == NPU_MATRIX_B_FP16 && float_c;
	case NPU_MATRIX_A_FP32:
		return b == NPU_MATRIX_B_FP32 && float_c;
	default:
		return false;
	}
}

/* Bits of fp32 as a number that is ordered alike; -0 and +0 are 0. */
static int64_t order(int32_t bits)
{
	return bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
}

/*
 * Neither is a NaN, and lo <= hi. By integers: this may run while the host's floating-point flags
 * are those of a tile's core.
 */
static bool float_clamp_good(int32_t lo, int32_t hi)
{
	const int64_t infinity = 0x7f800000;

	return order(lo) >= -infinity && order(hi) <= infinity && order(lo) <= order(hi);
}

enum npu_matrix_error npu_matrix_check(const struct npu_matrix_desc *desc, uint32_t sram_size)
{
	const uint32_t flags = desc->flags, type = flags & NPU_MATRIX_B;
	const uint32_t c_type = flags & NPU_MATRIX_C;
	const bool sparse = type == NPU_MATRIX_B_SPARSE_S8 || type == NPU_MATRIX_B_SPARSE_S4;
	const uint32_t a_size = npu_matrix_a_size(desc), c_size = npu_matrix_c_size(desc);
	const uint64_t a_row = (uint64_t)desc->k * a_size, c_row = (uint64_t)desc->n * c_size;

	if (desc->reserved || (!sparse && desc->index) ||
	    (!(flags & NPU_MATRIX_ACT_TABLE) && desc->table))
		return NPU_MATRIX_BAD_RESERVED;
	if (!flags_good(flags))
		return NPU_MATRIX_BAD_FLAGS;
	if (desc->m - 1 > 65534 || desc->n - 1 > 65534 || desc->k - 1 > 65534)
		return NPU_MATRIX_BAD_SIZE;
	if (desc->a_stride < a_row || desc->c_stride < c_row || desc->a_stride % a_size ||
	    desc->c_stride % c_size)
		return NPU_MATRIX_BAD_STRIDE;
	if (desc->b % 64 || desc->a % a_size || desc->c % c_size)
		return NPU_MATRIX_BAD_ALIGN;
	if (!in_range(desc->a, desc->m, desc->a_stride, a_row, sram_size) ||
	    !in_range(desc->b, 1, 0, NPU_PACKED_SIZE(type, desc->k, desc->n), sram_size) ||
	    !in_range(desc->c, desc->m, desc->c_stride, c_row, sram_size))
		return NPU_MATRIX_BAD_RANGE;
	if (sparse) {
		if (desc->index % 16)
			return NPU_MATRIX_BAD_ALIGN;
		if (!in_range(desc->index, 1, 0, NPU_PACKED_INDEX_SIZE(type, desc->k, desc->n),
			      sram_size))
			return NPU_MATRIX_BAD_RANGE;
	}
	if (npu_matrix_has_channels(desc)) {
		const uint32_t size = npu_matrix_channel_size(desc);

		if (desc->channels % size)
			return NPU_MATRIX_BAD_ALIGN;
		if (!in_range(desc->channels, desc->n, size, size, sram_size))
			return NPU_MATRIX_BAD_RANGE;
	}
	if (flags & NPU_MATRIX_ACT_TABLE) {
		if (desc->table % 64)
			return NPU_MATRIX_BAD_ALIGN;
		if (!in_range(desc->table, 1, 0, npu_matrix_table_size(desc), sram_size))
			return NPU_MATRIX_BAD_RANGE;
	}
	if (c_type == NPU_MATRIX_C_U8 || c_type == NPU_MATRIX_C_S8) {
		const bool c_u8 = c_type == NPU_MATRIX_C_U8;

		if (desc->lo < (c_u8 ? 0 : -128) || desc->hi > (c_u8 ? 255 : 127) ||
		    desc->lo > desc->hi)
			return NPU_MATRIX_BAD_CLAMP;
	}
	if (flags & NPU_MATRIX_CLAMP && !float_clamp_good(desc->lo, desc->hi))
		return NPU_MATRIX_BAD_CLAMP;
	return NPU_MATRIX_OK;
}

void npu_matrix_run_rows(enum npu_matrix_path path, const struct npu_matrix_desc *desc,
			 uint8_t *sram, uint32_t m0, uint32_t m1)
{
	if (npu_matrix_is_float(desc))
		npu_matrix_float_rows(paths[path].float_ops, desc, sram, m0, m1);
	else
		npu_matrix_int_rows(paths[path].ops, desc, sram, m0, m1);
}

void npu_matrix_run(enum npu_matrix_path path, const struct npu_matrix_desc *desc, uint8_t *sram)
{
	npu_matrix_run_rows(path, desc, sram, 0, desc->m);
}

uint32_t npu_matrix_slice(const struct npu_matrix_desc *desc)
{
	const uint64_t macs = npu_matrix_is_float(desc) ? 1u << 23 : 1u << 26;
	uint64_t rows = macs / ((uint64_t)desc->n * desc->k);

	/* Whole tiles, and enough rows to be worth fetching B for. */
	const uint32_t tile = npu_matrix_is_float(desc) ? NPU_MATRIX_FLOAT_ROWS : NPU_MATRIX_ROWS;

	rows -= rows % tile;
	if (rows < tile)
		rows = tile;
	return rows < desc->m ? rows : desc->m;
}
