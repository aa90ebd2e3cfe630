/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of the matrix engine: matrix products on operands in a tile's SRAM, exactly as
 * struct npu_matrix_desc (npu_isa.h) defines them. Every path computes the same bytes.
 *
 * Nothing here keeps state: the functions may be called from any thread, also for the same SRAM
 * as long as the rows of C that they write and the operands they read do not overlap. The time an
 * operation is modelled to take is not this file's business.
 */
#ifndef NPU_MATRIX_H
#define NPU_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_isa.h"

/* Ways to do the arithmetic, slowest first. */
enum npu_matrix_path {
	NPU_MATRIX_PATH_UNKNOWN = -2,	  /* no path has this name */
	NPU_MATRIX_PATH_UNSUPPORTED = -1, /* there is such a path, but this host cannot run it */
	NPU_MATRIX_PATH_C = 0,		  /* plain C, any host */
	NPU_MATRIX_PATH_AVX2,
	NPU_MATRIX_PATH_AVXVNNI, /* AVX2 with the 256-bit vpdpbusd of AVX-VNNI */
	NPU_MATRIX_PATH_AVX512,	 /* AVX-512 with VNNI */
	NPU_MATRIX_PATH_AMX,	 /* AMX for products of integers, AVX-512 for the rest */
	NPU_MATRIX_PATH_COUNT
};

/*
 * Path by name: "c", "avx2", "avxvnni", "avx512", "amx", or "auto" for the fastest that this host has.
 * Returns NPU_MATRIX_PATH_UNKNOWN or NPU_MATRIX_PATH_UNSUPPORTED (both negative) on error.
 */
enum npu_matrix_path npu_matrix_select(const char *name);

/* Name of a path, as npu_matrix_select() takes it. path must be one of the real ones. */
const char *npu_matrix_path_name(enum npu_matrix_path path);

/* What is wrong with a descriptor. */
enum npu_matrix_error {
	NPU_MATRIX_OK = 0,
	NPU_MATRIX_BAD_SIZE,	 /* m, n or k is 0 or above 65535 */
	NPU_MATRIX_BAD_FLAGS,	 /* unknown flag, or types and flags that do not go together */
	NPU_MATRIX_BAD_STRIDE,	 /* rows of A or C overlap, or are not whole elements apart */
	NPU_MATRIX_BAD_ALIGN,	 /* an operand */
	NPU_MATRIX_BAD_RANGE,	 /* an operand leaves the SRAM */
	NPU_MATRIX_BAD_CLAMP,	 /* lo and hi do not suit the output type */
	NPU_MATRIX_BAD_RESERVED, /* a field that is not used is not 0 */
};

/* Bytes of an element of A and of C, of what a column has in channels, and of the table. */
static inline uint32_t npu_matrix_a_size(const struct npu_matrix_desc *desc)
{
	const uint32_t type = desc->flags & NPU_MATRIX_A;

	return type <= NPU_MATRIX_A_S8 ? 1 : type == NPU_MATRIX_A_FP32 ? 4 : 2;
}

static inline uint32_t npu_matrix_c_size(const struct npu_matrix_desc *desc)
{
	const uint32_t type = desc->flags & NPU_MATRIX_C;

	return type == NPU_MATRIX_C_SUM ? 4 : type <= NPU_MATRIX_C_S8 ? 1 : 2;
}

static inline bool npu_matrix_is_float(const struct npu_matrix_desc *desc)
{
	return (desc->flags & NPU_MATRIX_A) > NPU_MATRIX_A_S8;
}

static inline uint32_t npu_matrix_channel_size(const struct npu_matrix_desc *desc)
{
	return npu_matrix_is_float(desc) ? 4 : sizeof(struct npu_channel);
}

static inline uint32_t npu_matrix_table_size(const struct npu_matrix_desc *desc)
{
	return npu_matrix_is_float(desc) ? sizeof(struct npu_matrix_curve) : NPU_MATRIX_TABLE_8;
}

/* Does the operation read channels? */
static inline bool npu_matrix_has_channels(const struct npu_matrix_desc *desc)
{
	return desc->flags & NPU_MATRIX_BIAS || npu_matrix_c_size(desc) == 1;
}

/*
 * Check a descriptor, which may hold anything, against an SRAM of sram_size bytes. Only one that
 * gets NPU_MATRIX_OK may be run. The SRAM's contents, among them struct npu_channel, need no check:
 * whatever they hold, a run writes to elements of C only and reads inside the SRAM only.
 */
enum npu_matrix_error npu_matrix_check(const struct npu_matrix_desc *desc, uint32_t sram_size);

/*
 * Run a whole operation. sram: first byte of the SRAM, 64-byte aligned. desc: a copy that nobody
 * can change, in particular none that lies in the SRAM.
 */
void npu_matrix_run(enum npu_matrix_path path, const struct npu_matrix_desc *desc, uint8_t *sram);

/*
 * Run rows m0..m1-1 of an operation, m0 < m1 <= desc->m. The rows of an operation may be run in
 * any split and order, with the same result as a whole run.
 *
 * Operands that just fit 16 MiB of SRAM make operations of 2^36 multiply-accumulates, which take
 * parts of a second. A caller that must stay responsive runs npu_matrix_slice() rows at a time.
 */
void npu_matrix_run_rows(enum npu_matrix_path path, const struct npu_matrix_desc *desc,
			 uint8_t *sram, uint32_t m0, uint32_t m1);

/*
 * Rows that make a slice of some hundred microseconds on a vector path; at least 1. Short
 * operations are one slice.
 */
uint32_t npu_matrix_slice(const struct npu_matrix_desc *desc);

#endif /* NPU_MATRIX_H */
