/* SPDX-License-Identifier: MIT */
/* Arguments of the benchmarks' kernels, as both sides see them. Addresses are the device's. */
#ifndef NPU_BENCH_ARGS_H
#define NPU_BENCH_ARGS_H

#include <stdint.h>

struct vector_args {
	uint64_t x, y; /* floats, 64-byte aligned */
	uint64_t n; /* of them, a multiple of 4096 */
	float a;
	uint32_t reserved;
};

struct mix_args {
	uint64_t rounds;
	uint64_t result; /* address of what it computed and of how many instructions it took */
};

#endif /* NPU_BENCH_ARGS_H */
