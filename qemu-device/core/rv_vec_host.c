// SPDX-License-Identifier: MIT
/*
 * Loops for the host's vector instructions, where compilers do not find the right ones.
 *
 * Hosts and RISC-V differ about NaNs: infinity times zero plus a quiet NaN is invalid for RISC-V only;
 * of two operands it is not the NaN that wins; a NaN that results is the canonical one. So a loop stops
 * in front of the first few elements that have to do with one, and whoever called it goes on
 * from there in another way. Anything else has the host's results and leaves the host's flags.
 */
#include "rv_fp_host.h"
#include "rv_vec_float.h"

#if RV_HOST_FP && defined(__GNUC__)
#include <immintrin.h>

/*
 * d = op(p, q, c), four vectors at a time, then one. V: vector type, of width elements. is_scalar: q is
 * one element. Results are looked at before the first of them is stored: d may be any operand.
 */
#define LOOP(isa, suffix, V, width, form, is_scalar, op)                                      \
	TARGET_##isa static size_t isa##_##form##_##op##_##suffix(                            \
		rv_f##suffix *d, const rv_f##suffix *p, const rv_f##suffix *q,                \
		const rv_f##suffix *c, size_t n)                                              \
	{                                                                                     \
		const V s = isa##_set1_##suffix(*q);                                          \
		size_t i = 0;                                                                 \
		(void)c;                                                                      \
		for (; i + 4 * (width) <= n; i += 4 * (width)) {                              \
			V r[4];                                                               \
			for (int k = 0; k < 4; k++) {                                         \
				const size_t at = i + (size_t)k * (width);                    \
				r[k] = isa##_##op##_##suffix(                                 \
					isa##_load_##suffix(p + at),                          \
					is_scalar ? s : isa##_load_##suffix(q + at),          \
					isa##_load_##suffix(c + at));                         \
			}                                                                     \
			if (unlikely(isa##_any_nan_##suffix(r[0], r[1], r[2], r[3])))         \
				return i;                                                     \
			for (int k = 0; k < 4; k++)                                           \
				isa##_store_##suffix(d + i + (size_t)k * (width), r[k]);      \
		}                                                                             \
		for (; i + (width) <= n; i += (width)) {                                      \
			const V r = isa##_##op##_##suffix(                                    \
				isa##_load_##suffix(p + i),                                   \
				is_scalar ? s : isa##_load_##suffix(q + i),                   \
				isa##_load_##suffix(c + i));                                  \
			if (unlikely(isa##_any_nan_##suffix(r, r, r, r)))                     \
				return i;                                                     \
			isa##_store_##suffix(d + i, r);                                       \
		}                                                                             \
		return i;                                                                     \
	}

#define TARGET_avx512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define avx512_set1_s _mm512_set1_ps
#define avx512_set1_d _mm512_set1_pd
#define avx512_load_s _mm512_loadu_ps
#define avx512_load_d _mm512_loadu_pd
#define avx512_store_s _mm512_storeu_ps
#define avx512_store_d _mm512_storeu_pd
#define avx512_fmadd_s _mm512_fmadd_ps
#define avx512_fmadd_d _mm512_fmadd_pd
#define avx512_fmsub_s _mm512_fmsub_ps
#define avx512_fmsub_d _mm512_fmsub_pd
#define avx512_fnmadd_s _mm512_fnmadd_ps
#define avx512_fnmadd_d _mm512_fnmadd_pd
#define avx512_fnmsub_s _mm512_fnmsub_ps
#define avx512_fnmsub_d _mm512_fnmsub_pd
#define avx512_add_s(p, q, c) _mm512_add_ps(p, q)
#define avx512_add_d(p, q, c) _mm512_add_pd(p, q)
#define avx512_sub_s(p, q, c) _mm512_sub_ps(p, q)
#define avx512_sub_d(p, q, c) _mm512_sub_pd(p, q)
#define avx512_rsub_s(p, q, c) _mm512_sub_ps(q, p)
#define avx512_rsub_d(p, q, c) _mm512_sub_pd(q, p)
#define avx512_mul_s(p, q, c) _mm512_mul_ps(p, q)
#define avx512_mul_d(p, q, c) _mm512_mul_pd(p, q)
/* The smaller, the larger, with its sign; a number wins over a quiet NaN. */
#define avx512_min_s(p, q, c) _mm512_range_ps(p, q, 4)
#define avx512_min_d(p, q, c) _mm512_range_pd(p, q, 4)
#define avx512_max_s(p, q, c) _mm512_range_ps(p, q, 5)
#define avx512_max_d(p, q, c) _mm512_range_pd(p, q, 5)
#define AVX512_NAN_s(r) _mm512_cmp_ps_mask(r, r, _CMP_UNORD_Q)
#define AVX512_NAN_d(r) _mm512_cmp_pd_mask(r, r, _CMP_UNORD_Q)
#define avx512_any_nan_s(a, b, c, d)                                                          \
	!_kortestz_mask16_u8(_kor_mask16(AVX512_NAN_s(a), AVX512_NAN_s(b)),                   \
			     _kor_mask16(AVX512_NAN_s(c), AVX512_NAN_s(d)))
#define avx512_any_nan_d(a, b, c, d)                                                          \
	!_kortestz_mask8_u8(_kor_mask8(AVX512_NAN_d(a), AVX512_NAN_d(b)),                     \
			    _kor_mask8(AVX512_NAN_d(c), AVX512_NAN_d(d)))

#define TARGET_avx2 __attribute__((target("avx2,fma")))
#define avx2_set1_s _mm256_set1_ps
#define avx2_set1_d _mm256_set1_pd
#define avx2_load_s _mm256_loadu_ps
#define avx2_load_d _mm256_loadu_pd
#define avx2_store_s _mm256_storeu_ps
#define avx2_store_d _mm256_storeu_pd
#define avx2_fmadd_s _mm256_fmadd_ps
#define avx2_fmadd_d _mm256_fmadd_pd
#define avx2_fmsub_s _mm256_fmsub_ps
#define avx2_fmsub_d _mm256_fmsub_pd
#define avx2_fnmadd_s _mm256_fnmadd_ps
#define avx2_fnmadd_d _mm256_fnmadd_pd
#define avx2_fnmsub_s _mm256_fnmsub_ps
#define avx2_fnmsub_d _mm256_fnmsub_pd
#define avx2_add_s(p, q, c) _mm256_add_ps(p, q)
#define avx2_add_d(p, q, c) _mm256_add_pd(p, q)
#define avx2_sub_s(p, q, c) _mm256_sub_ps(p, q)
#define avx2_sub_d(p, q, c) _mm256_sub_pd(p, q)
#define avx2_rsub_s(p, q, c) _mm256_sub_ps(q, p)
#define avx2_rsub_d(p, q, c) _mm256_sub_pd(q, p)
#define avx2_mul_s(p, q, c) _mm256_mul_ps(p, q)
#define avx2_mul_d(p, q, c) _mm256_mul_pd(p, q)
#define AVX2_NAN_s(r) _mm256_cmp_ps(r, r, _CMP_UNORD_Q)
#define AVX2_NAN_d(r) _mm256_cmp_pd(r, r, _CMP_UNORD_Q)
#define avx2_any_nan_s(a, b, c, d)                                                            \
	_mm256_movemask_ps(_mm256_or_ps(_mm256_or_ps(AVX2_NAN_s(a), AVX2_NAN_s(b)),           \
					_mm256_or_ps(AVX2_NAN_s(c), AVX2_NAN_s(d))))
#define avx2_any_nan_d(a, b, c, d)                                                            \
	_mm256_movemask_pd(_mm256_or_pd(_mm256_or_pd(AVX2_NAN_d(a), AVX2_NAN_d(b)),           \
					_mm256_or_pd(AVX2_NAN_d(c), AVX2_NAN_d(d))))
/*
 * The host takes its second operand if both are zeroes, and calls quiet NaNs invalid too: so it is asked
 * both ways, with no NaN among the operands; all ones is one.
 */
#define AVX2_EXTREME(name, suffix, V, ps, of_zeroes)                                          \
	TARGET_avx2 static inline V avx2_##name##_##suffix(V p, V q, V c)                     \
	{                                                                                     \
		const V nan = _mm256_cmp_##ps(p, q, _CMP_UNORD_Q);                            \
		const V a = _mm256_andnot_##ps(nan, p), b = _mm256_andnot_##ps(nan, q);       \
		(void)c;                                                                      \
		return _mm256_or_##ps(nan, of_zeroes(_mm256_##name##_##ps(a, b),              \
						     _mm256_##name##_##ps(b, a)));            \
	}
AVX2_EXTREME(min, s, __m256, ps, _mm256_or_ps)
AVX2_EXTREME(min, d, __m256d, pd, _mm256_or_pd)
AVX2_EXTREME(max, s, __m256, ps, _mm256_and_ps)
AVX2_EXTREME(max, d, __m256d, pd, _mm256_and_pd)

#define LOOPS_OF(isa, suffix, V, width, op)                  \
	LOOP(isa, suffix, V, width, vv, false, op)           \
	LOOP(isa, suffix, V, width, vf, true, op)
#define LOOPS(isa, suffix, V, width)                         \
	LOOPS_OF(isa, suffix, V, width, fmadd)               \
	LOOPS_OF(isa, suffix, V, width, fmsub)               \
	LOOPS_OF(isa, suffix, V, width, fnmadd)              \
	LOOPS_OF(isa, suffix, V, width, fnmsub)              \
	LOOPS_OF(isa, suffix, V, width, add)                 \
	LOOPS_OF(isa, suffix, V, width, sub)                 \
	LOOPS_OF(isa, suffix, V, width, rsub)                \
	LOOPS_OF(isa, suffix, V, width, mul)                 \
	LOOPS_OF(isa, suffix, V, width, min)                 \
	LOOPS_OF(isa, suffix, V, width, max)
LOOPS(avx512, s, __m512, 16)
LOOPS(avx512, d, __m512d, 8)
LOOPS(avx2, s, __m256, 8)
LOOPS(avx2, d, __m256d, 4)

#define ROW(isa, suffix, op) { isa##_vv_##op##_##suffix, isa##_vf_##op##_##suffix }
#define ROWS(isa, suffix)                                                                     \
	{                                                                                     \
		[RV_VHOST_FMADD] = ROW(isa, suffix, fmadd),                                   \
		[RV_VHOST_FMSUB] = ROW(isa, suffix, fmsub),                                   \
		[RV_VHOST_FNMADD] = ROW(isa, suffix, fnmadd),                                 \
		[RV_VHOST_FNMSUB] = ROW(isa, suffix, fnmsub),                                 \
		[RV_VHOST_ADD] = ROW(isa, suffix, add),                                       \
		[RV_VHOST_SUB] = ROW(isa, suffix, sub),                                       \
		[RV_VHOST_RSUB] = ROW(isa, suffix, rsub),                                     \
		[RV_VHOST_MUL] = ROW(isa, suffix, mul),                                       \
		[RV_VHOST_MIN] = ROW(isa, suffix, min),                                       \
		[RV_VHOST_MAX] = ROW(isa, suffix, max),                                       \
	}
#define NONE_OF(suffix)                                                                       \
	{                                                                                     \
		[0 ... RV_VHOST_OPS - 1] = { none_##suffix, none_##suffix },                  \
	}
#define TABLE(suffix)                                                                         \
	static size_t none_##suffix(rv_f##suffix *d, const rv_f##suffix *p,                   \
				    const rv_f##suffix *q, const rv_f##suffix *c, size_t n)   \
	{                                                                                     \
		(void)d, (void)p, (void)q, (void)c, (void)n;                                  \
		return 0;                                                                     \
	}                                                                                     \
	const rv_vhost_##suffix##_fn rv_vhost_##suffix[RV_VEC_HOSTS][RV_VHOST_OPS][2] = {     \
		[RV_VEC_PLAIN] = NONE_OF(suffix),                                             \
		[RV_VEC_AVX2] = ROWS(avx2, suffix),                                           \
		[RV_VEC_AVX512] = ROWS(avx512, suffix),                                       \
	};
TABLE(s)
TABLE(d)

enum rv_vec_host rv_vec_host_detect(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		return RV_VEC_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return RV_VEC_AVX2;
	return RV_VEC_PLAIN;
}

#else /* any other host */

enum rv_vec_host rv_vec_host_detect(void)
{
	return RV_VEC_PLAIN;
}

#endif
