// SPDX-License-Identifier: MIT
/* The scalar mix on a tile, its data in SRAM. */
#include <npu.h>

#include "args.h"
#include "mix.h"

NPU_KERNEL(mix, struct mix_args)
{
	uint64_t *result = npu_pointer(args->result), before, after;

	__asm__ volatile("rdinstret %0" : "=r"(before) : : "memory");
	result[0] = mix_program(npu_sram(0), args->rounds);
	__asm__ volatile("rdinstret %0" : "=r"(after) : : "memory");
	result[1] = after - before;
}
