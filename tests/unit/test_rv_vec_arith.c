// SPDX-License-Identifier: MIT
/*
 * Vector arithmetic, integer, fixed-point and floating: every instruction against one line of plain
 * C for an element, on random registers with edge values, for all SEW and LMUL, random vl, vstart
 * and masks. Elements that do not take part must keep their value.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>

#include "rv_vec_box.h"
#include "tap.h"

typedef uint64_t u64;
typedef int64_t s64;
typedef __int128 s128;
typedef unsigned __int128 u128;

/* What a reference is given beside its operands, and what it may raise. */
static unsigned int bits; /* SEW */
static unsigned int vxrm;
static bool carry; /* of v0 */
static bool sat;

static u64 cut(u64 v, unsigned int n)
{
	return n == 64 ? v : v & ((1ull << n) - 1);
}

static s64 sx(u64 v, unsigned int n)
{
	return (s64)(v << (64 - n)) >> (64 - n);
}

#define U(v)   cut(v, bits)
#define S(v)   sx(v, bits)
#define UW(v)  cut(v, 2 * bits)
#define SW(v)  sx(v, 2 * bits)
#define SHIFT  (b & (bits - 1))
#define WSHIFT (b & (2 * bits - 1))

/* v / 2^n, rounded as vxrm says; by its definition on the exact quotient and rest. */
static s128 scaled(s128 v, unsigned int n)
{
	const s128 unit = (s128)1 << n, quotient = v >> n, rest = v - quotient * unit;

	switch (vxrm) {
	case 0:
		return quotient + (2 * rest >= unit);
	case 1:
		return quotient + (2 * rest > unit || (2 * rest == unit && (quotient & 1)));
	case 2:
		return quotient;
	default:
		return rest ? quotient | 1 : quotient;
	}
}

static u64 clamp(s128 v, s128 low, s128 high)
{
	if (v < low || v > high)
		sat = true;
	return (u64)(v < low ? low : v > high ? high : v);
}

#define SLOW  (-((s128)1 << (bits - 1)))
#define SHIGH (((s128)1 << (bits - 1)) - 1)
#define UHIGH (((s128)1 << bits) - 1)

typedef u64 (*reference)(u64 a, u64 b, u64 d);
#define REF(name, expression)                \
	static u64 name(u64 a, u64 b, u64 d) \
	{                                    \
		(void)a, (void)b, (void)d;   \
		return (u64)(expression);    \
	}

REF(r_add, a + b)
REF(r_sub, a - b)
REF(r_rsub, b - a)
REF(r_and, a &b)
REF(r_or, a | b)
REF(r_xor, a ^ b)
REF(r_sll, a << SHIFT)
REF(r_srl, U(a) >> SHIFT)
REF(r_sra, S(a) >> SHIFT)
REF(r_minu, U(a) < U(b) ? a : b)
REF(r_min, S(a) < S(b) ? a : b)
REF(r_maxu, U(a) > U(b) ? a : b)
REF(r_max, S(a) > S(b) ? a : b)
REF(r_mul, a *b)
REF(r_mulh, (s128)S(a) * S(b) >> bits)
REF(r_mulhu, (u128)U(a) * U(b) >> bits)
REF(r_mulhsu, (s128)S(a) * (s128)U(b) >> bits)
REF(r_divu, U(b) ? U(a) / U(b) : ~0ull)
REF(r_remu, U(b) ? U(a) % U(b) : a)
REF(r_div, S(b) == 0 ? -1 : (s128)S(a) / S(b))
REF(r_rem, S(b) == 0 ? S(a) : (s128)S(a) % S(b))
REF(r_macc, d + a * b)
REF(r_nmsac, d - a * b)
REF(r_madd, d *b + a)
REF(r_nmsub, a - d * b)
REF(r_adc, a + b + carry)
REF(r_sbc, a - b - carry)
REF(r_madc, ((u128)U(a) + U(b) + carry) >> bits)
REF(r_msbc, (s128)U(a) - (s128)U(b) - carry < 0)
REF(r_merge, carry ? b : a)
REF(r_seq, U(a) == U(b))
REF(r_sne, U(a) != U(b))
REF(r_sltu, U(a) < U(b))
REF(r_slt, S(a) < S(b))
REF(r_sleu, U(a) <= U(b))
REF(r_sle, S(a) <= S(b))
REF(r_sgtu, U(a) > U(b))
REF(r_sgt, S(a) > S(b))
REF(r_nsrl, UW(a) >> WSHIFT)
REF(r_nsra, SW(a) >> WSHIFT)
REF(r_waddu, U(a) + U(b))
REF(r_wadd, S(a) + S(b))
REF(r_wsubu, U(a) - U(b))
REF(r_wsub, S(a) - S(b))
REF(r_wadduw, a + U(b))
REF(r_waddw, a + (u64)S(b))
REF(r_wsubuw, a - U(b))
REF(r_wsubw, a - (u64)S(b))
REF(r_wmulu, (u128)U(a) * U(b))
REF(r_wmulsu, (s128)S(a) * (s128)U(b))
REF(r_wmul, (s128)S(a) * S(b))
REF(r_wmaccu, d + (u64)((u128)U(a) * U(b)))
REF(r_wmacc, d + (u64)((s128)S(a) * S(b)))
REF(r_wmaccus, d + (u64)((s128)S(a) * (s128)U(b)))
REF(r_wmaccsu, d + (u64)((s128)U(a) * (s128)S(b)))
REF(r_zext, a)
REF(r_sext8, sx(a, bits / 8))
REF(r_sext4, sx(a, bits / 4))
REF(r_sext2, sx(a, bits / 2))
REF(r_saddu, clamp((s128)U(a) + U(b), 0, UHIGH))
REF(r_sadd, clamp((s128)S(a) + S(b), SLOW, SHIGH))
REF(r_ssubu, clamp((s128)U(a) - (s128)U(b), 0, UHIGH))
REF(r_ssub, clamp((s128)S(a) - S(b), SLOW, SHIGH))
REF(r_aaddu, scaled((s128)U(a) + U(b), 1))
REF(r_aadd, scaled((s128)S(a) + S(b), 1))
REF(r_asubu, scaled((s128)U(a) - (s128)U(b), 1))
REF(r_asub, scaled((s128)S(a) - S(b), 1))
REF(r_smul, clamp(scaled((s128)S(a) * S(b), bits - 1), SLOW, SHIGH))
REF(r_ssrl, scaled((s128)U(a), SHIFT))
REF(r_ssra, scaled((s128)S(a), SHIFT))
REF(r_nclipu, clamp(scaled((s128)UW(a), WSHIFT), 0, UHIGH))
REF(r_nclip, clamp(scaled((s128)SW(a), WSHIFT), SLOW, SHIGH))

/* ---- floating point: what this machine computes in the same rounding mode -------------------- */

#define NAN_S 0x7fc00000u
#define NAN_D 0x7ff8000000000000ull

static volatile float as, bs, ds;
static volatile double ad, bd, dd;

static u64 from_s(float v)
{
	uint32_t u;

	memcpy(&u, &v, 4);
	return isnan(v) ? NAN_S : u;
}

static u64 from_d(double v)
{
	u64 u;

	memcpy(&u, &v, 8);
	return isnan(v) ? NAN_D : u;
}

static void load(u64 a, u64 b, u64 d)
{
	uint32_t u;
	u = (uint32_t)a;
	memcpy((void *)&as, &u, 4);
	u = (uint32_t)b;
	memcpy((void *)&bs, &u, 4);
	u = (uint32_t)d;
	memcpy((void *)&ds, &u, 4);
	memcpy((void *)&ad, &a, 8);
	memcpy((void *)&bd, &b, 8);
	memcpy((void *)&dd, &d, 8);
}

/* single, double */
#define FREF(name, s, d_)                       \
	static u64 name(u64 a, u64 b, u64 d)    \
	{                                       \
		load(a, b, d);                  \
		return bits == 32 ? (s) : (d_); \
	}
#define FOP(name, op) FREF(name, from_s(as op bs), from_d(ad op bd))
FOP(f_add, +)
FOP(f_sub, -)
FOP(f_mul, *)
FOP(f_div, /)
FREF(f_rsub, from_s(bs - as), from_d(bd - ad))
FREF(f_rdiv, from_s(bs / as), from_d(bd / ad))
FREF(f_sqrt, from_s(sqrtf(as)), from_d(sqrt(ad)))
#define FFMA(name, p, q, c) \
	FREF(name, from_s(fmaf(p##s, q##s, c##s)), from_d(fma(p##d, q##d, c##d)))
FREF(f_macc, from_s(fmaf(as, bs, ds)), from_d(fma(ad, bd, dd)))
FREF(f_nmacc, from_s(fmaf(-as, bs, -ds)), from_d(fma(-ad, bd, -dd)))
FREF(f_msac, from_s(fmaf(as, bs, -ds)), from_d(fma(ad, bd, -dd)))
FREF(f_nmsac, from_s(fmaf(-as, bs, ds)), from_d(fma(-ad, bd, dd)))
FREF(f_madd, from_s(fmaf(ds, bs, as)), from_d(fma(dd, bd, ad)))
FREF(f_nmadd, from_s(fmaf(-ds, bs, -as)), from_d(fma(-dd, bd, -ad)))
FREF(f_msub, from_s(fmaf(ds, bs, -as)), from_d(fma(dd, bd, -ad)))
FREF(f_nmsub, from_s(fmaf(-ds, bs, as)), from_d(fma(-dd, bd, ad)))
FREF(f_eq, as == bs, ad == bd)
FREF(f_ne, as != bs, ad != bd)
FREF(f_lt, as < bs, ad < bd)
FREF(f_le, as <= bs, ad <= bd)
FREF(f_gt, as > bs, ad > bd)
FREF(f_ge, as >= bs, ad >= bd)
#define SIGN (1ull << (bits - 1))
REF(f_sgnj, (a & ~SIGN) | (b & SIGN))
REF(f_sgnjn, (a & ~SIGN) | (~b & SIGN))
REF(f_sgnjx, a ^ (b & SIGN))
/* Only where SEW is 32: double results of single operands. */
#define WREF(name, expression) FREF(name, from_d(expression), 0)
WREF(w_add, (double)as + (double)bs)
WREF(w_sub, (double)as - (double)bs)
WREF(w_addw, ad + (double)bs)
WREF(w_subw, ad - (double)bs)
WREF(w_mul, (double)as *(double)bs)
WREF(w_macc, fma((double)as, (double)bs, dd))
WREF(w_nmacc, fma(-(double)as, (double)bs, -dd))
WREF(w_msac, fma((double)as, (double)bs, -dd))
WREF(w_nmsac, fma(-(double)as, (double)bs, dd))
WREF(w_cvt, (double)as)
static u64 n_cvt(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return from_s((float)ad);
}

static void signal_nans(u64 a, u64 b)
{
	const u64 inf = bits == 32 ? 0x7f800000 : 0x7ffull << 52,
		  quiet = bits == 32 ? 1u << 22 : 1ull << 51;

	a = U(a) & ~SIGN;
	b = U(b) & ~SIGN;
	if ((a > inf && !(a & quiet)) || (b > inf && !(b & quiet)))
		feraiseexcept(FE_INVALID);
}

/* minimumNumber, maximumNumber; of zeroes, the negative one is less. */
static u64 extreme(u64 a, u64 b, bool max)
{
	double x, y;

	signal_nans(a, b);
	const int flags = fetestexcept(FE_ALL_EXCEPT);
	load(a, b, 0);
	x = bits == 32 ? as : ad;
	y = bits == 32 ? bs : bd;
	feclearexcept(FE_ALL_EXCEPT);
	feraiseexcept(flags);
	if (isnan(x) || isnan(y))
		return !isnan(x) ? a : !isnan(y) ? b : bits == 32 ? NAN_S : NAN_D;
	if (x == y)
		return !signbit(x) == max ? a : b;
	return (x < y) != max ? a : b;
}
REF(f_min, extreme(a, b, false))
REF(f_max, extreme(a, b, true))

static u64 f_class(u64 a, u64 b, u64 d)
{
	const u64 quiet = bits == 32 ? 1u << 22 : 1ull << 51;
	int kind, negative;

	load(a, b, d);
	kind = bits == 32 ? fpclassify(as) : fpclassify(ad);
	negative = bits == 32 ? signbit(as) : signbit(ad);
	feclearexcept(FE_ALL_EXCEPT);
	return kind == FP_NAN	      ? (a & quiet ? 1u << 9 : 1u << 8)
	       : kind == FP_INFINITE  ? (negative ? 1u << 0 : 1u << 7)
	       : kind == FP_NORMAL    ? (negative ? 1u << 1 : 1u << 6)
	       : kind == FP_SUBNORMAL ? (negative ? 1u << 2 : 1u << 5)
				      : (negative ? 1u << 3 : 1u << 4);
}

/* Toward zero, then odd if it was not exact. */
static u64 n_rod(u64 a, u64 b, u64 d)
{
	const int rm = fegetround(), flags = fetestexcept(FE_ALL_EXCEPT);
	u64 r;

	load(a, b, d);
	feclearexcept(FE_ALL_EXCEPT);
	fesetround(FE_TOWARDZERO);
	r = from_s((float)ad);
	if (fetestexcept(FE_INEXACT))
		r |= 1;
	fesetround(rm);
	feraiseexcept(flags);
	return r;
}

/* An integer of n bits from a number that rint() made whole. */
static u64 whole(double v, unsigned int n, bool is_signed, double source)
{
	const double low = is_signed ? -ldexp(1, (int)n - 1) : 0;
	const double high = ldexp(1, is_signed ? (int)n - 1 : (int)n); /* first too large */

	if (isnan(v) || v >= high || v < low) {
		feclearexcept(FE_INEXACT);
		feraiseexcept(FE_INVALID);
		if (!isnan(v) && v < 0)
			return is_signed ? 1ull << (n - 1) : 0;
		return is_signed ? (1ull << (n - 1)) - 1 : cut(~0ull, n);
	}
	(void)source;
	return is_signed     ? (u64)(s64)v
	       : v >= 0x1p63 ? (u64)(s64)(v - 0x1p63) + (1ull << 63)
			     : (u64)(s64)v;
}

/* The flags of other elements must survive whole()'s clearing. */
static u64 to_int(double v, unsigned int n, bool is_signed, bool toward_zero)
{
	const int rm = fegetround(), flags = fetestexcept(FE_ALL_EXCEPT);
	volatile double r;
	u64 result;

	feclearexcept(FE_ALL_EXCEPT);
	if (toward_zero)
		fesetround(FE_TOWARDZERO);
	r = nearbyint(v);
	if (!isnan(v) && r != v)
		feraiseexcept(FE_INEXACT);
	fesetround(rm);
	result = whole(r, n, is_signed, v);
	feraiseexcept(flags);
	return result;
}
#define SOURCE (bits == 32 ? (double)as : ad)
static u64 c_x_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(SOURCE, bits, true, false);
}
static u64 c_xu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(SOURCE, bits, false, false);
}
static u64 c_rx_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(SOURCE, bits, true, true);
}
static u64 c_rxu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(SOURCE, bits, false, true);
}
#define NSOURCE (bits == 16 ? (double)as : ad)
static u64 n_x_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(NSOURCE, bits, true, false);
}
static u64 n_xu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(NSOURCE, bits, false, false);
}
static u64 n_rx_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(NSOURCE, bits, true, true);
}
static u64 n_rxu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(NSOURCE, bits, false, true);
}
static u64 w_x_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(as, 64, true, false);
}
static u64 w_xu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(as, 64, false, false);
}
static u64 w_rx_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(as, 64, true, true);
}
static u64 w_rxu_f(u64 a, u64 b, u64 d)
{
	load(a, b, d);
	return to_int(as, 64, false, true);
}
/* By way of long double, which holds 64 bits exactly. */
static u64 c_f_x(u64 a, u64 b, u64 d)
{
	volatile long double v = (long double)S(a);
	(void)b, (void)d;
	return bits == 32 ? from_s((float)v) : from_d((double)v);
}
static u64 c_f_xu(u64 a, u64 b, u64 d)
{
	volatile long double v = (long double)(s64)(U(a) >> 1) * 2 + (long double)(s64)(a & 1);
	(void)b, (void)d;
	return bits == 32 ? from_s((float)v) : from_d((double)v);
}
static u64 w_f_x(u64 a, u64 b, u64 d)
{
	(void)b, (void)d;
	return bits == 16 ? from_s((float)S(a)) : from_d((double)S(a));
}
static u64 w_f_xu(u64 a, u64 b, u64 d)
{
	(void)b, (void)d;
	return bits == 16 ? from_s((float)(s64)U(a)) : from_d((double)(s64)U(a));
}
static u64 n_f_x(u64 a, u64 b, u64 d)
{
	volatile long double v = (long double)(s64)a;
	(void)b, (void)d;
	return from_s((float)v);
}
static u64 n_f_xu(u64 a, u64 b, u64 d)
{
	volatile long double v = (long double)(s64)(a >> 1) * 2 + (long double)(s64)(a & 1);
	(void)b, (void)d;
	return from_s((float)v);
}

/* ---- the instructions ------------------------------------------------------------------------ */

enum {
	VV = 1,
	VX = 2,
	VI = 4,
	UI = 8
};
enum kind {
	S1,
	W2,
	H2,
	H4,
	H8,
	MASK,
	NONE
};
enum set {
	OPI,
	OPM,
	OPF
};
/* Properties. CARRY0: v0 is the carry, and must be there; FLAGS: compare fflags. */
enum {
	CARRY0 = 1,
	CARRY_MAY = 2
};

struct instruction {
	const char *name;
	enum set set;
	unsigned int funct6, forms;
	enum kind d, a, b;
	reference ref;
	int vs1;		  /* unary: what vs1 holds; else -1 */
	unsigned int flags, sews; /* bit per log2 of bytes */
};

#define N(name, f6, forms, ref)                                  \
	{                                                        \
		name, OPI, f6, forms, S1, S1, S1, ref, -1, 0, 15 \
	}
#define M(name, f6, forms, ref)                                  \
	{                                                        \
		name, OPM, f6, forms, S1, S1, S1, ref, -1, 0, 15 \
	}
#define C(name, f6, forms, ref)                                    \
	{                                                          \
		name, OPI, f6, forms, MASK, S1, S1, ref, -1, 0, 15 \
	}
#define NA(name, f6, ref)                                                   \
	{                                                                   \
		name, OPI, f6, VV | VX | VI | UI, S1, W2, S1, ref, -1, 0, 7 \
	}
#define W(name, f6, forms, ka, ref)                             \
	{                                                       \
		name, OPM, f6, forms, W2, ka, S1, ref, -1, 0, 7 \
	}
#define X(name, vs1, ka, sews, ref)                                  \
	{                                                            \
		name, OPM, 0x12, VV, S1, ka, NONE, ref, vs1, 0, sews \
	}
#define F(name, f6, forms, ref)                                  \
	{                                                        \
		name, OPF, f6, forms, S1, S1, S1, ref, -1, 0, 12 \
	}
#define FC(name, f6, forms, ref)                                   \
	{                                                          \
		name, OPF, f6, forms, MASK, S1, S1, ref, -1, 0, 12 \
	}
#define FW(name, f6, ka, ref)                                     \
	{                                                         \
		name, OPF, f6, VV | VX, W2, ka, S1, ref, -1, 0, 4 \
	}
#define F1(name, f6, vs1, kd, ka, sews, ref)                       \
	{                                                          \
		name, OPF, f6, VV, kd, ka, NONE, ref, vs1, 0, sews \
	}

static const struct instruction instructions[] = {
	N("vadd", 0x00, VV | VX | VI, r_add),
	N("vsub", 0x02, VV | VX, r_sub),
	N("vrsub", 0x03, VX | VI, r_rsub),
	N("vminu", 0x04, VV | VX, r_minu),
	N("vmin", 0x05, VV | VX, r_min),
	N("vmaxu", 0x06, VV | VX, r_maxu),
	N("vmax", 0x07, VV | VX, r_max),
	N("vand", 0x09, VV | VX | VI, r_and),
	N("vor", 0x0a, VV | VX | VI, r_or),
	N("vxor", 0x0b, VV | VX | VI, r_xor),
	{"vadc", OPI, 0x10, VV | VX | VI, S1, S1, S1, r_adc, -1, CARRY0, 15},
	{"vmadc", OPI, 0x11, VV | VX | VI, MASK, S1, S1, r_madc, -1, CARRY_MAY, 15},
	{"vsbc", OPI, 0x12, VV | VX, S1, S1, S1, r_sbc, -1, CARRY0, 15},
	{"vmsbc", OPI, 0x13, VV | VX, MASK, S1, S1, r_msbc, -1, CARRY_MAY, 15},
	{"vmerge", OPI, 0x17, VV | VX | VI, S1, S1, S1, r_merge, -1, CARRY0, 15},
	{"vfmerge", OPF, 0x17, VX, S1, S1, S1, r_merge, -1, CARRY0, 12},
	C("vmseq", 0x18, VV | VX | VI, r_seq),
	C("vmsne", 0x19, VV | VX | VI, r_sne),
	C("vmsltu", 0x1a, VV | VX, r_sltu),
	C("vmslt", 0x1b, VV | VX, r_slt),
	C("vmsleu", 0x1c, VV | VX | VI, r_sleu),
	C("vmsle", 0x1d, VV | VX | VI, r_sle),
	C("vmsgtu", 0x1e, VX | VI, r_sgtu),
	C("vmsgt", 0x1f, VX | VI, r_sgt),
	N("vsaddu", 0x20, VV | VX | VI, r_saddu),
	N("vsadd", 0x21, VV | VX | VI, r_sadd),
	N("vssubu", 0x22, VV | VX, r_ssubu),
	N("vssub", 0x23, VV | VX, r_ssub),
	N("vsll", 0x25, VV | VX | VI | UI, r_sll),
	N("vsmul", 0x27, VV | VX, r_smul),
	N("vsrl", 0x28, VV | VX | VI | UI, r_srl),
	N("vsra", 0x29, VV | VX | VI | UI, r_sra),
	N("vssrl", 0x2a, VV | VX | VI | UI, r_ssrl),
	N("vssra", 0x2b, VV | VX | VI | UI, r_ssra),
	NA("vnsrl", 0x2c, r_nsrl),
	NA("vnsra", 0x2d, r_nsra),
	NA("vnclipu", 0x2e, r_nclipu),
	NA("vnclip", 0x2f, r_nclip),
	M("vaaddu", 0x08, VV | VX, r_aaddu),
	M("vaadd", 0x09, VV | VX, r_aadd),
	M("vasubu", 0x0a, VV | VX, r_asubu),
	M("vasub", 0x0b, VV | VX, r_asub),
	M("vdivu", 0x20, VV | VX, r_divu),
	M("vdiv", 0x21, VV | VX, r_div),
	M("vremu", 0x22, VV | VX, r_remu),
	M("vrem", 0x23, VV | VX, r_rem),
	M("vmulhu", 0x24, VV | VX, r_mulhu),
	M("vmul", 0x25, VV | VX, r_mul),
	M("vmulhsu", 0x26, VV | VX, r_mulhsu),
	M("vmulh", 0x27, VV | VX, r_mulh),
	M("vmadd", 0x29, VV | VX, r_madd),
	M("vnmsub", 0x2b, VV | VX, r_nmsub),
	M("vmacc", 0x2d, VV | VX, r_macc),
	M("vnmsac", 0x2f, VV | VX, r_nmsac),
	W("vwaddu", 0x30, VV | VX, S1, r_waddu),
	W("vwadd", 0x31, VV | VX, S1, r_wadd),
	W("vwsubu", 0x32, VV | VX, S1, r_wsubu),
	W("vwsub", 0x33, VV | VX, S1, r_wsub),
	W("vwaddu.w", 0x34, VV | VX, W2, r_wadduw),
	W("vwadd.w", 0x35, VV | VX, W2, r_waddw),
	W("vwsubu.w", 0x36, VV | VX, W2, r_wsubuw),
	W("vwsub.w", 0x37, VV | VX, W2, r_wsubw),
	W("vwmulu", 0x38, VV | VX, S1, r_wmulu),
	W("vwmulsu", 0x3a, VV | VX, S1, r_wmulsu),
	W("vwmul", 0x3b, VV | VX, S1, r_wmul),
	W("vwmaccu", 0x3c, VV | VX, S1, r_wmaccu),
	W("vwmacc", 0x3d, VV | VX, S1, r_wmacc),
	W("vwmaccus", 0x3e, VX, S1, r_wmaccus),
	W("vwmaccsu", 0x3f, VV | VX, S1, r_wmaccsu),
	X("vzext.vf8", 2, H8, 8, r_zext),
	X("vsext.vf8", 3, H8, 8, r_sext8),
	X("vzext.vf4", 4, H4, 12, r_zext),
	X("vsext.vf4", 5, H4, 12, r_sext4),
	X("vzext.vf2", 6, H2, 14, r_zext),
	X("vsext.vf2", 7, H2, 14, r_sext2),
	F("vfadd", 0x00, VV | VX, f_add),
	F("vfsub", 0x02, VV | VX, f_sub),
	F("vfmin", 0x04, VV | VX, f_min),
	F("vfmax", 0x06, VV | VX, f_max),
	F("vfsgnj", 0x08, VV | VX, f_sgnj),
	F("vfsgnjn", 0x09, VV | VX, f_sgnjn),
	F("vfsgnjx", 0x0a, VV | VX, f_sgnjx),
	F("vfdiv", 0x20, VV | VX, f_div),
	F("vfrdiv", 0x21, VX, f_rdiv),
	F("vfmul", 0x24, VV | VX, f_mul),
	F("vfrsub", 0x27, VX, f_rsub),
	F("vfmadd", 0x28, VV | VX, f_madd),
	F("vfnmadd", 0x29, VV | VX, f_nmadd),
	F("vfmsub", 0x2a, VV | VX, f_msub),
	F("vfnmsub", 0x2b, VV | VX, f_nmsub),
	F("vfmacc", 0x2c, VV | VX, f_macc),
	F("vfnmacc", 0x2d, VV | VX, f_nmacc),
	F("vfmsac", 0x2e, VV | VX, f_msac),
	F("vfnmsac", 0x2f, VV | VX, f_nmsac),
	FC("vmfeq", 0x18, VV | VX, f_eq),
	FC("vmfle", 0x19, VV | VX, f_le),
	FC("vmflt", 0x1b, VV | VX, f_lt),
	FC("vmfne", 0x1c, VV | VX, f_ne),
	FC("vmfgt", 0x1d, VX, f_gt),
	FC("vmfge", 0x1f, VX, f_ge),
	FW("vfwadd", 0x30, S1, w_add),
	FW("vfwsub", 0x32, S1, w_sub),
	FW("vfwadd.w", 0x34, W2, w_addw),
	FW("vfwsub.w", 0x36, W2, w_subw),
	FW("vfwmul", 0x38, S1, w_mul),
	FW("vfwmacc", 0x3c, S1, w_macc),
	FW("vfwnmacc", 0x3d, S1, w_nmacc),
	FW("vfwmsac", 0x3e, S1, w_msac),
	FW("vfwnmsac", 0x3f, S1, w_nmsac),
	F1("vfsqrt", 0x13, 0, S1, S1, 12, f_sqrt),
	F1("vfcvt.xu.f", 0x12, 0, S1, S1, 12, c_xu_f),
	F1("vfcvt.x.f", 0x12, 1, S1, S1, 12, c_x_f),
	F1("vfcvt.f.xu", 0x12, 2, S1, S1, 12, c_f_xu),
	F1("vfcvt.f.x", 0x12, 3, S1, S1, 12, c_f_x),
	F1("vfcvt.rtz.xu.f", 0x12, 6, S1, S1, 12, c_rxu_f),
	F1("vfcvt.rtz.x.f", 0x12, 7, S1, S1, 12, c_rx_f),
	F1("vfwcvt.xu.f", 0x12, 8, W2, S1, 4, w_xu_f),
	F1("vfwcvt.x.f", 0x12, 9, W2, S1, 4, w_x_f),
	F1("vfwcvt.f.xu", 0x12, 10, W2, S1, 6, w_f_xu),
	F1("vfwcvt.f.x", 0x12, 11, W2, S1, 6, w_f_x),
	F1("vfwcvt.f.f", 0x12, 12, W2, S1, 4, w_cvt),
	F1("vfwcvt.rtz.xu.f", 0x12, 14, W2, S1, 4, w_rxu_f),
	F1("vfwcvt.rtz.x.f", 0x12, 15, W2, S1, 4, w_rx_f),
	F1("vfncvt.xu.f", 0x12, 16, S1, W2, 6, n_xu_f),
	F1("vfncvt.x.f", 0x12, 17, S1, W2, 6, n_x_f),
	F1("vfncvt.f.xu", 0x12, 18, S1, W2, 4, n_f_xu),
	F1("vfncvt.f.x", 0x12, 19, S1, W2, 4, n_f_x),
	F1("vfncvt.f.f", 0x12, 20, S1, W2, 4, n_cvt),
	F1("vfncvt.rod.f.f", 0x12, 21, S1, W2, 4, n_rod),
	F1("vfclass", 0x13, 16, S1, S1, 12, f_class),
	F1("vfncvt.rtz.xu.f", 0x12, 22, S1, W2, 6, n_rxu_f),
	F1("vfncvt.rtz.x.f", 0x12, 23, S1, W2, 6, n_rx_f),
};

/* ---- running them ---------------------------------------------------------------------------- */

static u64 interesting_s(void)
{
	static const uint32_t edges[] = {0,	     0x80000000, 0x3f800000, 0x7f800000,
					 0xff800000, NAN_S,	 0x7fa00000, 1,
					 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
					 0x4f000000, 0x5f000000, 0x3f000000, 0x46fffe00};
	u64 r = vec_random();

	if (r % 3 == 0)
		return edges[r / 3 % 16];
	return (r & 0x80000000) | (127 + r / 7 % 70 - 35) << 23 |
	       (r >> 40 & 0x7fffff & -(r >> 33 & 1 ? 1 : 0x10000));
}

static u64 interesting_d(void)
{
	static const u64 edges[] = {0,
				    1ull << 63,
				    0x3ff0000000000000,
				    0x7ff0000000000000,
				    0xfff0000000000000,
				    NAN_D,
				    0x7ff4000000000000,
				    1,
				    0x000fffffffffffff,
				    0x0010000000000000,
				    0x7fefffffffffffff,
				    0x41e0000000000000,
				    0xc1e0000000200000,
				    0x43e0000000000000,
				    0x47efffffe0000000,
				    0x380fffffffffffff};
	u64 r = vec_random();

	if (r % 3 == 0)
		return edges[r / 3 % 16];
	return (r & 1ull << 63) | (1023 + r / 7 % 140 - 70) << 52 |
	       (vec_random() >> 12 & -(r >> 33 & 1 ? 1ull : 1ull << 40));
}

static u64 interesting(unsigned int width, bool fp)
{
	static const u64 edges[] = {0,
				    1,
				    ~0ull,
				    0x8080808080808080,
				    0x7f7f7f7f7f7f7f7f,
				    0x8000800080008000,
				    0x7fff7fff7fff7fff,
				    0x8000000080000000,
				    0x7fffffff7fffffff,
				    1ull << 63,
				    ~0ull >> 1,
				    2,
				    0xfe};
	u64 r = vec_random();

	if (fp && width >= 32)
		return width == 32 ? interesting_s() : interesting_d();
	return r % 3 ? r : edges[r / 3 % 13];
}

static unsigned int size_of(enum kind k, unsigned int sew)
{
	return k == W2 ? sew + 1 : k == H2 ? sew - 1 : k == H4 ? sew - 2 : k == H8 ? sew - 3 : sew;
}

/* Which format an operand has, for choosing values. */
static bool is_float(const struct instruction *in)
{
	return in->set == OPF;
}

static unsigned int host_flags(void)
{
	const int f = fetestexcept(FE_ALL_EXCEPT);

	return (f & FE_INVALID ? 16 : 0) | (f & FE_DIVBYZERO ? 8 : 0) | (f & FE_OVERFLOW ? 4 : 0) |
	       (f & FE_UNDERFLOW ? 2 : 0) | (f & FE_INEXACT ? 1 : 0);
}

/* Infinity times zero plus a quiet NaN: hosts differ in what they raise. */
static bool flags_comparable(const struct instruction *in)
{
	return !(in->set == OPF &&
		 ((in->funct6 >= 0x28 && in->funct6 <= 0x2f) || in->funct6 >= 0x3c));
}

static bool one(struct vec *t, const struct instruction *in, unsigned int form, u64 *count)
{
	static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
	static uint8_t want[VEC_MAX];
	const unsigned int ds = in->d == MASK ? 0 : size_of(in->d, t->sew),
			   as_ = size_of(in->a, t->sew);
	const bool fp = is_float(in), scalar = form != VV;
	bool masked = vec_random() & 1;
	const unsigned int vd = 8, vs2 = 16, vs1 = 24, frm = fp ? vec_random() & 3 : 0;
	const unsigned int imm = vec_random() & 31;
	struct rv_hart *h = &t->box->hart;
	unsigned int funct3, got_flags;
	u64 x5, f5, mask_sat = 0;
	uint32_t insn, vlmax = vec_vlmax(t);
	const uint8_t *v0 = t->v;

	if (in->flags & CARRY0)
		masked = true;
	bits = 8u << t->sew;
	t->vl = vec_random() % 4 ? vec_random() % (vlmax + 1) : vlmax;
	t->start = vec_random() % 4 ? 0 : vec_random() % (vlmax + 1) & (8 * t->vlenb - 1);
	vxrm = vec_random() & 3;
	for (unsigned int i = 0; i < 4 * t->vlenb; i++)
		vec_put(t->v, i, 3, vec_random());
	for (unsigned int i = 0; i < vlmax; i++) {
		if (in->d != MASK)
			vec_put(t->v + vd * t->vlenb, i, ds, interesting(8u << ds, fp));
		vec_put(t->v + vs2 * t->vlenb, i, as_, interesting(8u << as_, fp));
		if (in->b != NONE)
			vec_put(t->v + vs1 * t->vlenb, i, t->sew, interesting(bits, fp));
	}
	x5 = vec_random() % 4 ? interesting(64, false) : vec_random() % 64;
	f5 = t->sew == 2 ? ~0xffffffffull | interesting_s() : interesting_d();
	funct3 = in->set == OPI	  ? (form == VV	  ? 0
				     : form == VX ? 4
						  : 3)
		 : in->set == OPM ? (form == VV ? 2 : 6)
				  : (form == VV ? 1 : 5);
	insn = in->funct6 << 26 | (unsigned int)!masked << 25 | vs2 << 20 | funct3 << 12 | vd << 7 |
	       0x57;
	insn |= (in->vs1 >= 0 ? (unsigned int)in->vs1
		 : form == VV ? vs1
		 : form == VX ? 5
			      : imm)
		<< 15;

	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	feclearexcept(FE_ALL_EXCEPT);
	fesetround(modes[frm]);
	sat = false;
	for (uint32_t i = t->start; i < t->vl; i++) {
		u64 a = vec_get(t->v + vs2 * t->vlenb, i, as_), b = 0, d = 0, r;

		carry = masked && vec_bit(v0, i);
		if (masked && !carry && !(in->flags & (CARRY0 | CARRY_MAY)))
			continue;
		if (in->d != MASK)
			d = vec_get(t->v + vd * t->vlenb, i, ds);
		if (in->b != NONE)
			b = !scalar	 ? vec_get(t->v + vs1 * t->vlenb, i, t->sew)
			    : form == VI ? ((in->forms & UI) ? imm : (u64)sx(imm, 5))
			    : fp	 ? f5
					 : x5;
		r = in->ref(a, b, d);
		if (in->d == MASK)
			want[vd * t->vlenb + i / 8] =
				(uint8_t)((want[vd * t->vlenb + i / 8] & ~(1u << i % 8)) |
					  r << i % 8);
		else
			vec_put(want + vd * t->vlenb, i, ds, r);
		++*count;
	}
	fesetround(FE_TONEAREST);
	mask_sat = sat;
	got_flags = host_flags();
	if (vec_run(t, insn, x5, f5, vxrm << 1, frm << 5) != RV_STOP_ENV) {
		tap_diag("%s: insn %08x trapped, vtype %#x", in->name, insn, vec_vtype(t));
		return false;
	}
	for (size_t i = 0; i < 32 * (size_t)t->vlenb; i++)
		if (h->v[i] != want[i]) {
			tap_diag("%s: insn %08x vtype %#x vl %u vstart %u vxrm %u frm %u: byte %zu "
				 "of v%zu is %02x, not %02x",
				 in->name, insn, vec_vtype(t), t->vl, t->start, vxrm, frm,
				 i % t->vlenb, i / t->vlenb, h->v[i], want[i]);
			return false;
		}
	if (h->vxsat != mask_sat || (fp && flags_comparable(in) && h->fflags != got_flags) ||
	    h->vstart) {
		tap_diag(
			"%s: insn %08x vtype %#x: vxsat %u, not %u; fflags %#x, not %#x; vstart %u",
			in->name, insn, vec_vtype(t), h->vxsat, (unsigned int)mask_sat, h->fflags,
			got_flags, h->vstart);
		return false;
	}
	return true;
}

static void test_instruction(struct vec *t, const struct instruction *in)
{
	bool good = true;
	u64 count = 0;

	for (unsigned int form = VV; form <= VI; form <<= 1)
		for (t->sew = 0; t->sew < 4 && good; t->sew++)
			for (t->lmul = -3; t->lmul <= 3 && good; t->lmul++) {
				const int other = in->a == W2 || in->d == W2 ? t->lmul + 1
						  : in->a == H2		     ? t->lmul - 1
						  : in->a == H4		     ? t->lmul - 2
						  : in->a == H8		     ? t->lmul - 3
									     : t->lmul;

				if (!(in->forms & form) || !(in->sews >> t->sew & 1) ||
				    !vec_valid(t) || other > 3 || other < -3)
					continue;
				for (int i = 0; i < 4 && good; i++)
					good = one(t, in, form, &count);
			}
	tap_ok(good && count, "VLEN %u: %s, %llu elements", 8 * t->vlenb, in->name,
	       (unsigned long long)count);
}

int main(void)
{
	static const unsigned int vlens[] = {128, 256, 2048};

	for (unsigned int v = 0; v < 3; v++) {
		struct vec *t = vec_new(vlens[v]);

		for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
			test_instruction(t, &instructions[i]);
		vec_free(t);
	}
	return tap_done();
}
