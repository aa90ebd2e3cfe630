/* SPDX-License-Identifier: MIT */
/*
 * Softmax and axpy in plain C, for compilers to vectorise: natively they are what the tile is
 * measured against, on the tile they show what its compiler makes of them.
 *
 * Arrays do not overlap; n is a multiple of LANES. Reductions have LANES partial results, without
 * which no compiler may vectorise them; the versions called plain have one, as one would write them
 * without a thought of that.
 */
#ifndef NPU_BENCH_LOOPS_H
#define NPU_BENCH_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#define LANES 64

/*
 * e^x for x <= 0, relative error below 4e-7: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, and
 * n added to the exponent. Below EXP_LOW, whose power is still a normal number, the result stays what
 * it is there. The coefficients are those with the smallest largest relative error, 1.05e-7.
 */
#define EXP_LOW	  (-87.0f)
#define EXP_LOG2E 0x1.715476p+0f
#define EXP_LN2	  0x1.62e430p-1f
#define EXP_MAGIC 0x1.8p+23f /* adding it rounds to an integer, which is in the low bits then */
#define EXP_C2	  0x1.fffdfcp-2f
#define EXP_C3	  0x1.5557aep-3f
#define EXP_C4	  0x1.572a06p-5f
#define EXP_C5	  0x1.106278p-7f

static inline float exp_of(float x)
{
	union {
		float f;
		uint32_t u;
	} t, e;
	float n, r, q;

	x = x > EXP_LOW ? x : EXP_LOW;
	t.f = __builtin_fmaf(EXP_LOG2E, x, EXP_MAGIC);
	n = t.f - EXP_MAGIC;
	r = __builtin_fmaf(-EXP_LN2, n, x);
	q = __builtin_fmaf(EXP_C5, r, EXP_C4);
	q = __builtin_fmaf(q, r, EXP_C3);
	q = __builtin_fmaf(q, r, EXP_C2);
	e.f = __builtin_fmaf(q, r * r, r) + 1;
	e.u += t.u << 23;
	return e.f;
}

/* y = a x + y */
static inline void axpy_loop(float *restrict y, const float *restrict x, float a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = __builtin_fmaf(a, x[i], y[i]);
}

static inline void softmax_loop(float *restrict y, const float *restrict x, size_t n)
{
	float most[LANES], sums[LANES], top = -__builtin_inff(), sum = 0, scale;

	for (size_t j = 0; j < LANES; j++) {
		most[j] = -__builtin_inff();
		sums[j] = 0;
	}
	for (size_t i = 0; i < n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
	for (size_t j = 0; j < LANES; j++)
		top = most[j] > top ? most[j] : top;
	for (size_t i = 0; i < n; i += LANES)
		for (size_t j = 0; j < LANES; j++) {
			const float e = exp_of(x[i + j] - top);

			y[i + j] = e;
			sums[j] += e;
		}
	for (size_t j = 0; j < LANES; j++)
		sum += sums[j];
	scale = 1 / sum;
	for (size_t i = 0; i < n; i++)
		y[i] *= scale;
}

static inline void softmax_plain_loop(float *restrict y, const float *restrict x, size_t n)
{
	float top = -__builtin_inff(), sum = 0, scale;

	for (size_t i = 0; i < n; i++)
		top = x[i] > top ? x[i] : top;
	for (size_t i = 0; i < n; i++) {
		y[i] = exp_of(x[i] - top);
		sum += y[i];
	}
	scale = 1 / sum;
	for (size_t i = 0; i < n; i++)
		y[i] *= scale;
}

#endif /* NPU_BENCH_LOOPS_H */
