// SPDX-License-Identifier: MIT
/*
 * Floating point over dense arrays of elements: arithmetic. The host computes in bulk where
 * rv_fp_load() made it compute as the hart would; anything else is software, element by element.
 *
 * Plain C is good enough for the host's share: each loop does one operation per element, whose
 * operands no compiler knows, on the rounding mode and flags that the function is called with.
 */
#include "rv_fp_host.h"
#include "rv_vec_float.h"

/* ---- host loops ------------------------------------------------------------------------------ */

#define HOST_BINARY(name, suffix, expression)                                                \
	RV_INLINE void name##_loop_##suffix(const struct rv_elems *e, const bool scalar)     \
	{                                                                                    \
		rv_u##suffix *d = e->d;                                                      \
		const rv_u##suffix *as = e->a, *bs = e->b, s = scalar ? *bs : 0;             \
		const size_t n = e->n;                                                       \
		RV_IVDEP                                                                     \
		for (size_t i = 0; i < n; i++) {                                             \
			const rv_f##suffix a = rv_vto_##suffix(as[i]);                       \
			const rv_f##suffix b = rv_vto_##suffix(scalar ? s : bs[i]);          \
			const rv_f##suffix r = expression;                                   \
			d[i] = r != r ? RV_QNAN_##suffix : rv_vfrom_##suffix(r);             \
		}                                                                            \
	}                                                                                    \
	RV_CLONES static void name##_host_##suffix(const struct rv_elems *e)                 \
	{                                                                                    \
		if (e->scalar)                                                               \
			name##_loop_##suffix(e, true);                                       \
		else                                                                         \
			name##_loop_##suffix(e, false);                                      \
	}

#define SOFT_BINARY(name, suffix, FMT, call, x, y)                                           \
	static void name##_soft_##suffix(const struct rv_elems *e)                           \
	{                                                                                    \
		rv_u##suffix *d = e->d;                                                      \
		const rv_u##suffix *as = e->a, *bs = e->b;                                   \
		unsigned int flags = 0;                                                      \
		for (size_t i = 0; i < e->n; i++) {                                          \
			const rv_u##suffix a = as[i], b = bs[e->scalar ? 0 : i];             \
			d[i] = (rv_u##suffix)call(FMT, x, y, (enum rv_rm)e->hart->frm, &flags); \
		}                                                                            \
		e->hart->fflags |= (uint8_t)flags;                                           \
	}

#define BINARY_OF(name, suffix, FMT, expression, call, x, y)                                  \
	HOST_BINARY(name, suffix, expression)                                                 \
	SOFT_BINARY(name, suffix, FMT, call, x, y)                                            \
	static void name##_any_##suffix(const struct rv_elems *e)                             \
	{                                                                                     \
		if (rv_vhost_rounds(e->hart))                                                 \
			name##_host_##suffix(e);                                              \
		else                                                                          \
			name##_soft_##suffix(e);                                              \
	}
#define BINARY(name, op, expression, call, xs, ys, xd, yd)                                    \
	BINARY_OF(name, s, RV_FMT_S, expression, call, xs, ys)                                \
	BINARY_OF(name, d, RV_FMT_D, expression, call, xd, yd)                                \
	RV_VHOST_BINARY(name, s, op, RV_VHOST && rv_vhost_rounds(e->hart), name##_any_s)      \
	RV_VHOST_BINARY(name, d, op, RV_VHOST && rv_vhost_rounds(e->hart), name##_any_d)      \
	const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_s, name##_d };
#define DIVISION(name, expression, call, xs, ys, xd, yd)                                      \
	BINARY_OF(name, s, RV_FMT_S, expression, call, xs, ys)                                \
	BINARY_OF(name, d, RV_FMT_D, expression, call, xd, yd)                                \
	const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_any_s, name##_any_d };

BINARY(fadd, RV_VHOST_ADD, a + b, rv_soft_add, a, b, a, b)
BINARY(fsub, RV_VHOST_SUB, a - b, rv_soft_add, a, b ^ RV_SIGN_s, a, b ^ RV_SIGN_d)
BINARY(frsub, RV_VHOST_RSUB, b - a, rv_soft_add, b, a ^ RV_SIGN_s, b, a ^ RV_SIGN_d)
BINARY(fmul, RV_VHOST_MUL, a * b, rv_soft_mul, a, b, a, b)
DIVISION(fdiv, a / b, rv_soft_div, a, b, a, b)
DIVISION(frdiv, b / a, rv_soft_div, b, a, b, a)

#define SQRT(suffix, FMT)                                                                     \
	static void fsqrt_##suffix(const struct rv_elems *e)                                  \
	{                                                                                     \
		rv_u##suffix *d = e->d;                                                       \
		const rv_u##suffix *a = e->a;                                                 \
		unsigned int flags = 0;                                                       \
		for (size_t i = 0; i < e->n; i++)                                             \
			d[i] = rv_vsqrt_##suffix(e->hart, a[i], &flags);                      \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}

static inline uint32_t rv_vsqrt_s(const struct rv_hart *hart, uint32_t a, unsigned int *flags)
{
#if RV_HOST_FP
	if (rv_vhost_rounds(hart)) {
		const uint32_t r = (uint32_t)rv_from_s(rv_host_sqrt_s(rv_vto_s(a)));

		return RV_IS_NAN_s(r) ? RV_QNAN_s : r;
	}
#endif
	return (uint32_t)rv_soft_sqrt(RV_FMT_S, a, (enum rv_rm)hart->frm, flags);
}

static inline uint64_t rv_vsqrt_d(const struct rv_hart *hart, uint64_t a, unsigned int *flags)
{
#if RV_HOST_FP
	if (rv_vhost_rounds(hart)) {
		const uint64_t r = rv_from_d(rv_host_sqrt_d(rv_vto_d(a)));

		return RV_IS_NAN_d(r) ? RV_QNAN_d : r;
	}
#endif
	return rv_soft_sqrt(RV_FMT_D, a, (enum rv_rm)hart->frm, flags);
}
SQRT(s, RV_FMT_S)
SQRT(d, RV_FMT_D)
const rv_elem_fn rv_v_fsqrt[4] = { NULL, NULL, fsqrt_s, fsqrt_d };

/* ---- multiply-add ---------------------------------------------------------------------------- */

#if RV_HOST_FP
#define ONE_FMA(suffix, p, q, c)                                                              \
	(rv_u##suffix)rv_from_##suffix(                                                       \
		rv_host_fma_##suffix(rv_vto_##suffix(p), rv_vto_##suffix(q), rv_vto_##suffix(c)))
#else
#define ONE_FMA(suffix, p, q, c) RV_QNAN_##suffix
#endif

/* p, q and c of the instruction: macc: d is what is added; madd: d is a factor. */
#define FMA_P(e, add) ((add) ? (e)->a : (e)->d)
#define FMA_C(e, add) ((add) ? (e)->d : (e)->a)

#define FMA_REST(suffix, FMT)                                                                 \
	/* Elements of [i, end) one by one, NaNs in software. */                              \
	static void fma_some_##suffix(const struct rv_elems *e, bool add, bool negate_p,      \
				      bool negate_c, size_t i, size_t end, bool host)         \
	{                                                                                     \
		const rv_u##suffix sp = negate_p ? RV_SIGN_##suffix : 0;                      \
		const rv_u##suffix sc = negate_c ? RV_SIGN_##suffix : 0;                      \
		const rv_u##suffix *ps = FMA_P(e, add), *qs = e->b, *cs = FMA_C(e, add);      \
		rv_u##suffix *d = e->d;                                                       \
		unsigned int flags = 0;                                                       \
		for (; i < end; i++) {                                                        \
			const rv_u##suffix p = ps[i] ^ sp, q = qs[e->scalar ? 0 : i];         \
			const rv_u##suffix c = cs[i] ^ sc;                                    \
			rv_u##suffix r = host ? ONE_FMA(suffix, p, q, c) : RV_QNAN_##suffix;  \
			if (RV_IS_NAN_##suffix(r))                                            \
				r = (rv_u##suffix)rv_soft_fma(FMT, p, q, c,                   \
							      (enum rv_rm)e->hart->frm, &flags); \
			d[i] = r;                                                             \
		}                                                                             \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}                                                                                     \
	/* What the host's loop left from i on. */                                            \
	static void fma_rest_##suffix(const struct rv_elems *e, enum rv_vhost_op op, bool add, \
				      bool negate_p, bool negate_c, size_t i, bool host)      \
	{                                                                                     \
		const size_t step = host ? RV_VHOST_STEP(suffix) : e->n;                      \
		while (i < e->n) {                                                            \
			const size_t end = e->n - i < step ? e->n : i + step;                 \
			fma_some_##suffix(e, add, negate_p, negate_c, i, end, host);          \
			i = end;                                                              \
			if (!host)                                                            \
				continue;                                                     \
			i += RV_VHOST_CALL(suffix, e->hart, op, e->scalar,                    \
					   (rv_f##suffix *)e->d + i,                          \
					   (const rv_f##suffix *)FMA_P(e, add) + i,           \
					   (const rv_f##suffix *)e->b + (e->scalar ? 0 : i),  \
					   (const rv_f##suffix *)FMA_C(e, add) + i, e->n - i); \
		}                                                                             \
	}
FMA_REST(s, RV_FMT_S)
FMA_REST(d, RV_FMT_D)

#define FMA_OF(name, suffix, op, add, np, nc)                                                 \
	static void name##_##suffix(const struct rv_elems *e)                                 \
	{                                                                                     \
		const bool host = e->hart->fma_host_rm >> RV_DYN & 1;                         \
		size_t done = 0;                                                              \
		if (likely(host))                                                             \
			done = RV_VHOST_CALL(suffix, e->hart, op, e->scalar, e->d,            \
					     FMA_P(e, add), e->b, FMA_C(e, add), e->n);       \
		if (unlikely(done < e->n))                                                    \
			fma_rest_##suffix(e, op, add, np, nc, done, host);                    \
	}
#define FMA(name, op, add, np, nc)                                                            \
	FMA_OF(name, s, op, add, np, nc)                                                      \
	FMA_OF(name, d, op, add, np, nc)                                                      \
	const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_s, name##_d };
FMA(fmacc, RV_VHOST_FMADD, true, false, false)
FMA(fnmacc, RV_VHOST_FNMSUB, true, true, true)
FMA(fmsac, RV_VHOST_FMSUB, true, false, true)
FMA(fnmsac, RV_VHOST_FNMADD, true, true, false)
FMA(fmadd, RV_VHOST_FMADD, false, false, false)
FMA(fnmadd, RV_VHOST_FNMSUB, false, true, true)
FMA(fmsub, RV_VHOST_FMSUB, false, false, true)
FMA(fnmsub, RV_VHOST_FNMADD, false, true, false)

/* ---- widening -------------------------------------------------------------------------------- */

RV_CLONES static void widen_host(uint64_t *to, const uint32_t *from, size_t n)
{
	RV_IVDEP
	for (size_t i = 0; i < n; i++)
		to[i] = rv_vfrom_d((double)rv_vto_s(from[i]));
}

/* Single to double: exact, but a signaling NaN is invalid. */
static void widen(struct rv_hart *hart, uint64_t *to, const uint32_t *from, size_t n)
{
	unsigned int flags = 0;

	if (rv_vhost_rounds(hart)) {
		widen_host(to, from, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = rv_soft_convert(RV_FMT_D, RV_FMT_S, from[i], RV_RNE, &flags);
	hart->fflags |= (uint8_t)flags;
}

/* Elements that are widened at a time; the rest is left to the function for doubles. */
#define CHUNK 256

#define WIDENING(name, a_is_wide, call)                                                       \
	static void name##_s(const struct rv_elems *e)                                        \
	{                                                                                     \
		for (size_t i = 0; i < e->n;) {                                               \
			const size_t part = e->n - i < CHUNK ? e->n - i : CHUNK;              \
			uint64_t a[CHUNK], b[CHUNK];                                          \
			struct rv_elems w = { .d = (uint64_t *)e->d + i, .a = a, .b = b,      \
					      .n = part, .hart = e->hart, .scalar = e->scalar }; \
			if (a_is_wide)                                                        \
				w.a = (const uint64_t *)e->a + i;                             \
			else                                                                  \
				widen(e->hart, a, (const uint32_t *)e->a + i, part);          \
			widen(e->hart, b, (const uint32_t *)e->b + (e->scalar ? 0 : i),       \
			      e->scalar ? 1 : part);                                          \
			call(&w);                                                             \
			i += part;                                                            \
		}                                                                             \
	}                                                                                     \
	const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_s, NULL };
WIDENING(fwadd, false, fadd_d)
WIDENING(fwsub, false, fsub_d)
WIDENING(fwaddw, true, fadd_d)
WIDENING(fwsubw, true, fsub_d)
WIDENING(fwmul, false, fmul_d)
WIDENING(fwmacc, false, rv_v_fmacc[3])
WIDENING(fwnmacc, false, rv_v_fnmacc[3])
WIDENING(fwmsac, false, rv_v_fmsac[3])
WIDENING(fwnmsac, false, rv_v_fnmsac[3])

/* ---- minimum, maximum, signs, comparisons ---------------------------------------------------- */

/*
 * Where the host's floating-point environment is the hart's, comparisons are the host's and leave
 * its flags; else they are done in integers. Clang knows of no flags here and may change them.
 */
#if defined(__clang__)
#define HOST_COMPARES(hart) false
#else
#define HOST_COMPARES(hart) ((hart)->fp_loaded)
#endif

/* As signed integers, these are in the order of the numbers; -0 is below +0. */
#define KEY(suffix, u) \
	((rv_i##suffix)((u) ^ ((rv_u##suffix)((rv_i##suffix)(u) >> (8 * sizeof(u) - 1)) & \
			       ~RV_SIGN_##suffix)))
#define SIGNALING(suffix, u) (RV_IS_NAN_##suffix(u) & !((u) & RV_QUIET_##suffix))

/* A loop over bits a and b; what is invalid raises its flag. */
#define INTEGER_LOOP(name, suffix, dtype, expression, invalid)                                \
	RV_INLINE void name##_loop_##suffix(const struct rv_elems *e, const bool scalar)      \
	{                                                                                     \
		dtype *d = e->d;                                                              \
		const rv_u##suffix *as = e->a, *bs = e->b, s = scalar ? *bs : 0;              \
		const size_t n = e->n;                                                        \
		rv_u##suffix nv = 0;                                                          \
		RV_IVDEP                                                                      \
		for (size_t i = 0; i < n; i++) {                                              \
			const rv_u##suffix a = as[i], b = scalar ? s : bs[i];                 \
			nv |= (rv_u##suffix)(invalid);                                        \
			d[i] = (dtype)(expression);                                           \
		}                                                                             \
		if (nv)                                                                       \
			e->hart->fflags |= RV_F_NV;                                           \
	}                                                                                     \
	RV_CLONES static void name##_##suffix(const struct rv_elems *e)                       \
	{                                                                                     \
		if (e->scalar)                                                                \
			name##_loop_##suffix(e, true);                                        \
		else                                                                          \
			name##_loop_##suffix(e, false);                                       \
	}
/* The same over the numbers fa and fb too. */
#define HOST_LOOP(name, suffix, dtype, expression)                                            \
	RV_INLINE void name##_loop_##suffix(const struct rv_elems *e, const bool scalar)      \
	{                                                                                     \
		dtype *d = e->d;                                                              \
		const rv_u##suffix *as = e->a, *bs = e->b, s = scalar ? *bs : 0;              \
		const size_t n = e->n;                                                        \
		RV_IVDEP                                                                      \
		for (size_t i = 0; i < n; i++) {                                              \
			const rv_u##suffix a = as[i], b = scalar ? s : bs[i];                 \
			const rv_f##suffix fa = rv_vto_##suffix(a), fb = rv_vto_##suffix(b);  \
			(void)a, (void)b;                                                     \
			d[i] = (dtype)(expression);                                           \
		}                                                                             \
	}                                                                                     \
	RV_CLONES static void name##_##suffix(const struct rv_elems *e)                       \
	{                                                                                     \
		if (e->scalar)                                                                \
			name##_loop_##suffix(e, true);                                        \
		else                                                                          \
			name##_loop_##suffix(e, false);                                       \
	}
#define EITHER_OF(name, suffix, dtype, host, expression, invalid)                             \
	HOST_LOOP(name##_host, suffix, dtype, host)                                           \
	INTEGER_LOOP(name##_int, suffix, dtype, expression, invalid)                          \
	static void name##_##suffix(const struct rv_elems *e)                                 \
	{                                                                                     \
		if (HOST_COMPARES(e->hart))                                                       \
			name##_host_##suffix(e);                                              \
		else                                                                          \
			name##_int_##suffix(e);                                               \
	}
#define TABLE_2(name) const rv_elem_fn rv_v_##name[4] = { NULL, NULL, name##_s, name##_d };
#define INTEGER(name, expression)                                                             \
	INTEGER_LOOP(name, s, rv_us, expression(s), 0)                                        \
	INTEGER_LOOP(name, d, rv_ud, expression(d), 0)                                        \
	TABLE_2(name)
#define EXTREME_OF(name, suffix, op, expression)                                              \
	INTEGER_LOOP(name##_int, suffix, rv_u##suffix, expression, EITHER_SNAN(suffix))       \
	RV_VHOST_BINARY(name, suffix, op, RV_VHOST && e->hart->fp_loaded, name##_int_##suffix)
#define EXTREME(name, op, expression)                                                         \
	EXTREME_OF(name, s, op, expression(s))                                                \
	EXTREME_OF(name, d, op, expression(d))                                                \
	TABLE_2(name)
#define COMPARE(name, operator, expression, invalid)                                          \
	EITHER_OF(name, s, uint8_t, fa operator fb, expression(s), invalid(s))                \
	EITHER_OF(name, d, uint8_t, fa operator fb, expression(d), invalid(d))                \
	TABLE_2(name)

#define EITHER_SNAN(x)	  (SIGNALING(x, a) | SIGNALING(x, b))
#define EITHER_NAN(x)	  (RV_IS_NAN_##x(a) | RV_IS_NAN_##x(b))
/* A NaN loses against a number. */
#define PICK(x, first)                                                       \
	(RV_IS_NAN_##x(a) ? (RV_IS_NAN_##x(b) ? RV_QNAN_##x : b) :           \
	 RV_IS_NAN_##x(b) ? a :                                              \
	 (first)	  ? a :                                              \
			    b)
#define MIN(x)	  PICK(x, KEY(x, a) < KEY(x, b))
#define MAX(x)	  PICK(x, KEY(x, a) > KEY(x, b))
#define SGNJ(x)	  ((a & ~RV_SIGN_##x) | (b & RV_SIGN_##x))
#define SGNJN(x)  ((a & ~RV_SIGN_##x) | (~b & RV_SIGN_##x))
#define SGNJX(x)  (a ^ (b & RV_SIGN_##x))
#define ZEROES(x) (((a | b) & ~RV_SIGN_##x) == 0)
#define EQ(x)	  ((EITHER_NAN(x) == 0) & ((a == b) | ZEROES(x)))
#define NE(x)	  (!EQ(x))
#define LT(x)	  ((EITHER_NAN(x) == 0) & (KEY(x, a) < KEY(x, b)) & !ZEROES(x))
#define LE(x)	  ((EITHER_NAN(x) == 0) & ((KEY(x, a) <= KEY(x, b)) | ZEROES(x)))
#define GT(x)	  ((EITHER_NAN(x) == 0) & (KEY(x, a) > KEY(x, b)) & !ZEROES(x))
#define GE(x)	  ((EITHER_NAN(x) == 0) & ((KEY(x, a) >= KEY(x, b)) | ZEROES(x)))
EXTREME(fmin, RV_VHOST_MIN, MIN)
EXTREME(fmax, RV_VHOST_MAX, MAX)
INTEGER(fsgnj, SGNJ)
INTEGER(fsgnjn, SGNJN)
INTEGER(fsgnjx, SGNJX)
COMPARE(mfeq, ==, EQ, EITHER_SNAN)
COMPARE(mfne, !=, NE, EITHER_SNAN)
COMPARE(mflt, <, LT, EITHER_NAN)
COMPARE(mfle, <=, LE, EITHER_NAN)
COMPARE(mfgt, >, GT, EITHER_NAN)
COMPARE(mfge, >=, GE, EITHER_NAN)

#define CLASSIFY(suffix)                                                                      \
	static void fclass_##suffix(const struct rv_elems *e)                                 \
	{                                                                                     \
		rv_u##suffix *d = e->d;                                                       \
		const rv_u##suffix *a = e->a;                                                 \
		for (size_t i = 0; i < e->n; i++) {                                           \
			const rv_u##suffix u = a[i], magnitude = u & ~RV_SIGN_##suffix;       \
			const unsigned int distance = /* from zero */                         \
				magnitude == 0			      ? 0 :                   \
				magnitude < RV_QUIET_##suffix << 1    ? 1 :                   \
				magnitude < RV_INF_##suffix	      ? 2 :                   \
								       3;                     \
			d[i] = SIGNALING(suffix, u)    ? 1u << 8 :                            \
			       RV_IS_NAN_##suffix(u)   ? 1u << 9 :                            \
			       u & RV_SIGN_##suffix    ? 1u << (3 - distance) :               \
						 1u << (4 + distance);                        \
		}                                                                             \
	}
CLASSIFY(s)
CLASSIFY(d)
const rv_elem_fn rv_v_fclass[4] = { NULL, NULL, fclass_s, fclass_d };

/* ---- estimates ------------------------------------------------------------------------------- */

/*
 * Fractions of the estimates, 7 bits: 2 / sqrt(x) and 2 / x in the middle of each interval, as the
 * specification tabulates them. For the square root, the low bit of the exponent comes first.
 */
static const uint8_t rsqrt7_table[128] = {
	52, 51, 50, 48, 47, 46, 44, 43, 42, 41, 40, 39, 38, 36, 35, 34,
	33, 32, 31, 30, 30, 29, 28, 27, 26, 25, 24, 23, 23, 22, 21, 20,
	19, 19, 18, 17, 16, 16, 15, 14, 14, 13, 12, 12, 11, 10, 10, 9,
	9, 8, 7, 7, 6, 6, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0,
	127, 125, 123, 121, 119, 118, 116, 114, 113, 111, 109, 108, 106, 105, 103, 102,
	100, 99, 97, 96, 95, 93, 92, 91, 90, 88, 87, 86, 85, 84, 83, 82,
	80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 70, 69, 68, 67, 66,
	65, 64, 63, 63, 62, 61, 60, 59, 59, 58, 57, 56, 56, 55, 54, 53,
};

static const uint8_t rec7_table[128] = {
	127, 125, 123, 121, 119, 117, 116, 114, 112, 110, 109, 107, 105, 104, 102, 100,
	99, 97, 96, 94, 93, 91, 90, 88, 87, 85, 84, 83, 81, 80, 79, 77,
	76, 75, 74, 72, 71, 70, 69, 68, 66, 65, 64, 63, 62, 61, 60, 59,
	58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
	42, 41, 40, 40, 39, 38, 37, 36, 35, 35, 34, 33, 32, 31, 31, 30,
	29, 28, 28, 27, 26, 25, 25, 24, 23, 23, 22, 21, 21, 20, 19, 19,
	18, 17, 17, 16, 15, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9, 9,
	8, 8, 7, 7, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0,
};

static uint64_t estimate_rsqrt(enum rv_fmt fmt, uint64_t a, unsigned int *flags)
{
	const int fraction_bits = fmt == RV_FMT_S ? 23 : 52, bias = fmt == RV_FMT_S ? 127 : 1023;
	const uint64_t sign = fmt == RV_FMT_S ? RV_SIGN_s : RV_SIGN_d;
	const uint64_t inf = fmt == RV_FMT_S ? RV_INF_s : RV_INF_d;
	const uint64_t nan = fmt == RV_FMT_S ? RV_QNAN_s : RV_QNAN_d;
	const uint64_t mask = ((uint64_t)1 << fraction_bits) - 1;
	uint64_t fraction = a & mask;
	int exponent = (int)((a & ~sign) >> fraction_bits);
	unsigned int index;

	if ((a & ~sign) > inf) {
		*flags |= fraction >> (fraction_bits - 1) ? 0 : RV_F_NV;
		return nan;
	}
	if ((a & ~sign) == 0) {
		*flags |= RV_F_DZ;
		return (a & sign) | inf;
	}
	if (a & sign) {
		*flags |= RV_F_NV;
		return nan;
	}
	if (a == inf)
		return 0;
	if (exponent == 0) { /* subnormal */
		exponent = 1;
		while (!(fraction >> fraction_bits)) {
			fraction <<= 1;
			exponent--;
		}
		fraction &= mask;
	}
	index = (unsigned int)(exponent & 1) << 6 | (unsigned int)(fraction >> (fraction_bits - 6));
	exponent = (3 * bias - 1 - exponent) / 2;
	return (uint64_t)exponent << fraction_bits |
	       (uint64_t)rsqrt7_table[index] << (fraction_bits - 7);
}

static uint64_t estimate_rec(enum rv_fmt fmt, uint64_t a, enum rv_rm rm, unsigned int *flags)
{
	const int fraction_bits = fmt == RV_FMT_S ? 23 : 52, bias = fmt == RV_FMT_S ? 127 : 1023;
	const uint64_t sign_bit = fmt == RV_FMT_S ? RV_SIGN_s : RV_SIGN_d;
	const uint64_t inf = fmt == RV_FMT_S ? RV_INF_s : RV_INF_d;
	const uint64_t nan = fmt == RV_FMT_S ? RV_QNAN_s : RV_QNAN_d;
	const uint64_t mask = ((uint64_t)1 << fraction_bits) - 1, sign = a & sign_bit;
	uint64_t fraction = a & mask, result;
	int exponent = (int)((a & ~sign_bit) >> fraction_bits);

	if ((a & ~sign_bit) > inf) {
		*flags |= fraction >> (fraction_bits - 1) ? 0 : RV_F_NV;
		return nan;
	}
	if ((a & ~sign_bit) == inf)
		return sign;
	if ((a & ~sign_bit) == 0) {
		*flags |= RV_F_DZ;
		return sign | inf;
	}
	if (exponent == 0) { /* subnormal */
		exponent = 1;
		while (!(fraction >> fraction_bits)) {
			fraction <<= 1;
			exponent--;
		}
		fraction &= mask;
		if (exponent < -1) { /* too small for its reciprocal to be finite */
			*flags |= RV_F_OF | RV_F_NX;
			return sign | (rm == RV_RTZ || (rm == RV_RDN && !sign) ||
						       (rm == RV_RUP && sign) ?
					       inf - 1 :
					       inf);
		}
	}
	result = (uint64_t)rec7_table[fraction >> (fraction_bits - 7)] << (fraction_bits - 7);
	exponent = 2 * bias - 1 - exponent;
	if (exponent < 1) { /* subnormal; what is shifted out is 0 */
		result = (result | (mask + 1)) >> (1 - exponent);
		exponent = 0;
	}
	return sign | (uint64_t)exponent << fraction_bits | result;
}

#define ESTIMATE(suffix, FMT)                                                                 \
	static void frsqrt7_##suffix(const struct rv_elems *e)                                \
	{                                                                                     \
		rv_u##suffix *d = e->d;                                                       \
		const rv_u##suffix *a = e->a;                                                 \
		unsigned int flags = 0;                                                       \
		for (size_t i = 0; i < e->n; i++)                                             \
			d[i] = (rv_u##suffix)estimate_rsqrt(FMT, a[i], &flags);               \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}                                                                                     \
	static void frec7_##suffix(const struct rv_elems *e)                                  \
	{                                                                                     \
		rv_u##suffix *d = e->d;                                                       \
		const rv_u##suffix *a = e->a;                                                 \
		unsigned int flags = 0;                                                       \
		for (size_t i = 0; i < e->n; i++)                                             \
			d[i] = (rv_u##suffix)estimate_rec(FMT, a[i], (enum rv_rm)e->hart->frm, \
							  &flags);                            \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}
ESTIMATE(s, RV_FMT_S)
ESTIMATE(d, RV_FMT_D)
const rv_elem_fn rv_v_frsqrt7[4] = { NULL, NULL, frsqrt7_s, frsqrt7_d };
const rv_elem_fn rv_v_frec7[4] = { NULL, NULL, frec7_s, frec7_d };
