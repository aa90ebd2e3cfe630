// SPDX-License-Identifier: MIT
/* The peers of the tile's vector kernels: the loops of tile/loops.h, compiled for this machine. */
#include "tile_native.h"

#include "tile/loops.h"

void native_axpy(float *restrict y, const float *restrict x, float a, size_t n)
{
	axpy_loop(y, x, a, n);
}

void native_softmax(float *restrict y, const float *restrict x, size_t n)
{
	softmax_loop(y, x, n);
}

void native_softmax_plain(float *restrict y, const float *restrict x, size_t n)
{
	softmax_plain_loop(y, x, n);
}
