/* SPDX-License-Identifier: MIT */
/*
 * Single-precision matrix products of the trainer.
 *
 * Every sum is taken in the order of its index and no multiply is fused with an add (the Makefile
 * says -ffp-contract=off), so that results do not depend on the host's vector width.
 */
#ifndef DIGITS_GEMM_H
#define DIGITS_GEMM_H

#include <stddef.h>

#define GEMM_ROWS    4u	 /**< row counts must be a multiple of this */
#define GEMM_COLUMNS 16u /**< N must be a multiple of this */

/**
 * gemm_nn() - c[m][n] = sum over k of a[m][k] * b[k][n]
 * @m: rows of a and c, a multiple of GEMM_ROWS
 * @k: columns of a
 * @n: columns of b and c, a multiple of GEMM_COLUMNS
 */
void gemm_nn(size_t m, size_t k, size_t n, const float *a, const float *b, float *c);

/**
 * gemm_tn() - c[k][n] = sum over m of a[m][k] * b[m][n]
 * @m: rows of a and b
 * @k: columns of a and rows of c, a multiple of GEMM_ROWS
 * @n: columns of b and c, a multiple of GEMM_COLUMNS
 */
void gemm_tn(size_t m, size_t k, size_t n, const float *a, const float *b, float *c);

#endif
