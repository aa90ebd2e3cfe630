// SPDX-License-Identifier: MIT
/*
 * Fused multiply-add over dense arrays of elements.
 *
 * Infinity times zero plus a quiet NaN is invalid for RISC-V and not for the host, which otherwise
 * agrees. So kernels for the host's vector instructions stop in front of the first few elements
 * among whose results there is a NaN, which are then computed one by one, NaNs in software.
 */
#include "rv_fp_host.h"
#include "rv_vec_float.h"

/* d = +-p q +- c; d may be p or c. q is one element if it is scalar. */
struct fma {
	struct rv_hart *hart;
	void *d;
	const void *p, *q, *c;
	size_t n;
	bool scalar, negate_p, negate_c;
};

/* Elements that a kernel does at a time in 512 bits, and a multiple of what others do. */
#define GROUP(suffix) (4 * 64 / sizeof(rv_u##suffix))

#if RV_HOST_FP && defined(__GNUC__)
#include <immintrin.h>

/*
 * A kernel does four vectors at a time, then one, and leaves the rest. It returns how many elements are
 * done.
 *
 * V: vector type, of width elements. is_scalar: q is one element.
 */
#define KERNEL(isa, suffix, V, width, form, is_scalar, op)                                    \
	TARGET_##isa static size_t isa##_##form##_##op##_##suffix(                            \
		rv_f##suffix *d, const rv_f##suffix *p, const rv_f##suffix *q,                \
		const rv_f##suffix *c, size_t n)                                              \
	{                                                                                     \
		const V s = isa##_set1_##suffix(*q);                                          \
		size_t i = 0;                                                                 \
		for (; i + 4 * (width) <= n; i += 4 * (width)) {                              \
			V r[4];                                                               \
			for (int k = 0; k < 4; k++) {                                         \
				const size_t at = i + (size_t)k * (width);                    \
				r[k] = isa##_##op##_##suffix(                                 \
					isa##_load_##suffix(p + at),                          \
					is_scalar ? s : isa##_load_##suffix(q + at),          \
					isa##_load_##suffix(c + at));                         \
			}                                                                     \
			if (__builtin_expect(isa##_any_nan_##suffix(r[0], r[1], r[2], r[3]), 0)) \
				return i;                                                     \
			for (int k = 0; k < 4; k++)                                           \
				isa##_store_##suffix(d + i + (size_t)k * (width), r[k]);      \
		}                                                                             \
		for (; i + (width) <= n; i += (width)) {                                      \
			const V r = isa##_##op##_##suffix(                                    \
				isa##_load_##suffix(p + i),                                   \
				is_scalar ? s : isa##_load_##suffix(q + i),                   \
				isa##_load_##suffix(c + i));                                  \
			if (__builtin_expect(isa##_any_nan_##suffix(r, r, r, r), 0))          \
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
#define AVX2_NAN_s(r) _mm256_cmp_ps(r, r, _CMP_UNORD_Q)
#define AVX2_NAN_d(r) _mm256_cmp_pd(r, r, _CMP_UNORD_Q)
#define avx2_any_nan_s(a, b, c, d)                                                            \
	_mm256_movemask_ps(_mm256_or_ps(_mm256_or_ps(AVX2_NAN_s(a), AVX2_NAN_s(b)),           \
					_mm256_or_ps(AVX2_NAN_s(c), AVX2_NAN_s(d))))
#define avx2_any_nan_d(a, b, c, d)                                                            \
	_mm256_movemask_pd(_mm256_or_pd(_mm256_or_pd(AVX2_NAN_d(a), AVX2_NAN_d(b)),           \
					_mm256_or_pd(AVX2_NAN_d(c), AVX2_NAN_d(d))))

#define KERNELS_OF(isa, suffix, V, width, op)                 \
	KERNEL(isa, suffix, V, width, vv, false, op)          \
	KERNEL(isa, suffix, V, width, vf, true, op)
/* The host's names for the signs: of the product, then of what is added. */
#define KERNELS(isa, suffix, V, width)                        \
	KERNELS_OF(isa, suffix, V, width, fmadd)              \
	KERNELS_OF(isa, suffix, V, width, fmsub)              \
	KERNELS_OF(isa, suffix, V, width, fnmadd)             \
	KERNELS_OF(isa, suffix, V, width, fnmsub)
KERNELS(avx512, s, __m512, 16)
KERNELS(avx512, d, __m512d, 8)
KERNELS(avx2, s, __m256, 8)
KERNELS(avx2, d, __m256d, 4)

#define TABLE_OF(isa, suffix)                                                                 \
	{                                                                                     \
		{ { isa##_vv_fmadd_##suffix, isa##_vv_fmsub_##suffix },                       \
		  { isa##_vv_fnmadd_##suffix, isa##_vv_fnmsub_##suffix } },                   \
		{                                                                             \
			{ isa##_vf_fmadd_##suffix, isa##_vf_fmsub_##suffix },                 \
			{ isa##_vf_fnmadd_##suffix, isa##_vf_fnmsub_##suffix }                \
		}                                                                             \
	}
/* By scalar, negate_p, negate_c. */
#define HOST_KERNEL(suffix)                                                                   \
	static size_t kernel_##suffix(const struct fma *f, size_t from)                       \
	{                                                                                     \
		typedef size_t (*fn)(rv_f##suffix *, const rv_f##suffix *,                    \
				     const rv_f##suffix *, const rv_f##suffix *, size_t);     \
		static const fn table[2][2][2][2] = { TABLE_OF(avx2, suffix),                 \
						      TABLE_OF(avx512, suffix) };             \
		return table[f->hart->vec_host == RV_VEC_AVX512][f->scalar][f->negate_p]      \
			    [f->negate_c]((rv_f##suffix *)f->d + from,                        \
					  (const rv_f##suffix *)f->p + from,                  \
					  (const rv_f##suffix *)f->q + (f->scalar ? 0 : from), \
					  (const rv_f##suffix *)f->c + from, f->n - from);    \
	}
HOST_KERNEL(s)
HOST_KERNEL(d)

#define FMA_ONE(suffix)                                                                       \
	static inline rv_u##suffix one_##suffix(rv_u##suffix p, rv_u##suffix q, rv_u##suffix c) \
	{                                                                                     \
		return (rv_u##suffix)rv_from_##suffix(rv_host_fma_##suffix(                   \
			rv_vto_##suffix(p), rv_vto_##suffix(q), rv_vto_##suffix(c)));         \
	}
FMA_ONE(s)
FMA_ONE(d)

#else /* any other host: everything in software */

static size_t kernel_s(const struct fma *f, size_t from)
{
	return (void)f, from * 0;
}

static size_t kernel_d(const struct fma *f, size_t from)
{
	return (void)f, from * 0;
}

static inline uint32_t one_s(uint32_t p, uint32_t q, uint32_t c)
{
	return (void)p, (void)q, (void)c, RV_NAN_S;
}

static inline uint64_t one_d(uint64_t p, uint64_t q, uint64_t c)
{
	return (void)p, (void)q, (void)c, RV_NAN_D;
}

#endif

#define RUN(suffix, FMT)                                                                      \
	/* Elements from i to end, one by one. */                                             \
	static void slow_##suffix(const struct fma *f, size_t i, size_t end, bool host)       \
	{                                                                                     \
		const rv_u##suffix sp = f->negate_p ? RV_SIGN_##suffix : 0;                   \
		const rv_u##suffix sc = f->negate_c ? RV_SIGN_##suffix : 0;                   \
		unsigned int flags = 0;                                                       \
		for (; i < end; i++) {                                                        \
			const rv_u##suffix p = ((const rv_u##suffix *)f->p)[i] ^ sp;          \
			const rv_u##suffix q = ((const rv_u##suffix *)f->q)[f->scalar ? 0 : i]; \
			const rv_u##suffix c = ((const rv_u##suffix *)f->c)[i] ^ sc;          \
			rv_u##suffix r = host ? one_##suffix(p, q, c) : RV_QNAN_##suffix;     \
			if (RV_IS_NAN_##suffix(r))                                            \
				r = (rv_u##suffix)rv_soft_fma(FMT, p, q, c,                   \
							      (enum rv_rm)f->hart->frm, &flags); \
			((rv_u##suffix *)f->d)[i] = r;                                        \
		}                                                                             \
		f->hart->fflags |= (uint8_t)flags;                                            \
	}                                                                                     \
	static void run_##suffix(const struct fma *f)                                         \
	{                                                                                     \
		const bool host = f->hart->fma_host_rm >> RV_DYN & 1;                         \
		size_t i = 0;                                                                 \
		if (!host || f->hart->vec_host == RV_VEC_PLAIN) {                             \
			slow_##suffix(f, 0, f->n, host);                                      \
			return;                                                               \
		}                                                                             \
		for (;;) {                                                                    \
			size_t end;                                                           \
			i += kernel_##suffix(f, i);                                           \
			if (i == f->n)                                                        \
				return;                                                       \
			end = f->n - i < GROUP(suffix) ? f->n : i + GROUP(suffix);            \
			slow_##suffix(f, i, end, true);                                       \
			i = end;                                                              \
		}                                                                             \
	}
RUN(s, RV_FMT_S)
RUN(d, RV_FMT_D)

/* macc: d is what is added; madd: d is a factor. */
#define FMA_OF(name, suffix, add, np, nc)                                                     \
	static void name##_##suffix(const struct rv_elems *e)                                 \
	{                                                                                     \
		const struct fma f = { .hart = e->hart, .d = e->d, .p = add ? e->a : e->d,    \
				       .q = e->b, .c = add ? e->d : e->a, .n = e->n,          \
				       .scalar = e->scalar, .negate_p = np, .negate_c = nc }; \
		run_##suffix(&f);                                                             \
	}
#define FMA(name, add, np, nc)                                                                \
	FMA_OF(name, s, add, np, nc)                                                          \
	FMA_OF(name, d, add, np, nc)                                                          \
	const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_s, name##_d };
FMA(fmacc, true, false, false)
FMA(fnmacc, true, true, true)
FMA(fmsac, true, false, true)
FMA(fnmsac, true, true, false)
FMA(fmadd, false, false, false)
FMA(fnmadd, false, true, true)
FMA(fmsub, false, false, true)
FMA(fnmsub, false, true, false)
