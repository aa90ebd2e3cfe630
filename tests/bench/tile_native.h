/* SPDX-License-Identifier: MIT */
/* Native peers of the tile's vector kernels. Arrays do not overlap; counts are multiples of 64. */
#ifndef NPU_BENCH_TILE_NATIVE_H
#define NPU_BENCH_TILE_NATIVE_H

#include <stddef.h>

/* y = a x + y */
void native_axpy(float *restrict y, const float *restrict x, float a, size_t n);
/* y = softmax of x, with partial maxima and sums that the compiler can vectorise. */
void native_softmax(float *restrict y, const float *restrict x, size_t n);
/* The same with one maximum and one sum. */
void native_softmax_plain(float *restrict y, const float *restrict x, size_t n);

#endif /* NPU_BENCH_TILE_NATIVE_H */
