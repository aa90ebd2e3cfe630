/* SPDX-License-Identifier: MIT */
/* Arguments of the kernels in fault_kernels.c, for both sides. */
#ifndef FAULT_KERNELS_H
#define FAULT_KERNELS_H

#include <stdint.h>

#include "npu_isa.h"

/**
 * struct fault_args - how a kernel shall fail
 * @line: device address of a uint32_t that gets the source line of what is going to fail
 * @target: address to access
 * @workgroup: workgroup that fails; the others do nothing
 * @dma: descriptor to issue, by the kernel that issues one
 * @matrix: the same
 */
struct fault_args {
	uint64_t line;
	uint64_t target;
	uint64_t workgroup;
	struct npu_dma_desc dma;
	struct npu_matrix_desc matrix;
};

/**
 * struct work_args - what the kernel that does not fail computes: out[i] = 3 * in[i] + i
 * @in: device address of @count numbers
 * @out: device address of @count numbers
 * @count: one per workgroup
 */
struct work_args {
	uint64_t in;
	uint64_t out;
	uint64_t count;
};

#endif
