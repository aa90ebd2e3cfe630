// SPDX-License-Identifier: MIT
/*
 * Vector instructions whose expectation is more than a line for an element: estimates, all five
 * rounding modes, flags of multiply-adds, reductions of numbers, and moves of single elements,
 * slides by one, gathers with indices of 16 bits and logic of masks.
 *
 * Round to nearest, ties away, is a mode that hosts lack. It is had from the result to
 * nearest even and from the same operation in quadruple precision: that one is exact if there is
 * a tie, since a tie has but one bit more than a result.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>

#include "rv_vec_box.h"
#include "tap.h"

typedef uint64_t u64;
typedef int64_t s64;
#if defined(__x86_64__)
typedef __float128 quad;
#else
typedef long double quad; /* where it is quadruple; see tie_to_away() */
#endif

#define RMM   4
#define NAN_S 0x7fc00000u
#define NAN_D 0x7ff8000000000000ull

static unsigned int bits; /* SEW */
static unsigned int frm;

/* ---- numbers as bits ------------------------------------------------------------------------- */

static float to_s(u64 u)
{
	const uint32_t low = (uint32_t)u;
	float v;

	memcpy(&v, &low, 4);
	return v;
}

static double to_d(u64 u)
{
	double v;

	memcpy(&v, &u, 8);
	return v;
}

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

/* The fields of a format, n bits in all. */
static u64 sign_of(unsigned int n)
{
	return 1ull << (n - 1);
}

static u64 inf_of(unsigned int n)
{
	return n == 32 ? 0x7f800000 : 0x7ffull << 52;
}

static u64 nan_of(unsigned int n)
{
	return n == 32 ? NAN_S : NAN_D;
}

static bool is_nan(u64 a, unsigned int n)
{
	return (a & (sign_of(n) - 1)) > inf_of(n);
}

static bool is_signaling(u64 a, unsigned int n)
{
	return is_nan(a, n) && !(a & (n == 32 ? 1u << 22 : 1ull << 51));
}

static u64 cut(u64 a, unsigned int n)
{
	return n == 64 ? a : a & ((1ull << n) - 1);
}

/* ---- arithmetic in the mode of frm ----------------------------------------------------------- */

enum op {
	ADD,
	MUL,
	DIV,
	SQRT,
	FMA
};

static void set_host_mode(void)
{
	static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD,
				    FE_TONEAREST};

	fesetround(modes[frm]);
}

static quad exactly(enum op op, quad a, quad b, quad c)
{
	volatile quad p = a, q = b, r = c;

	switch (op) {
	case ADD:
		return p + q;
	case MUL:
		return p * q;
	case DIV:
		return p / q;
	case FMA:
		p = p * q; /* of doubles: always exact */
		return p + r;
	default: /* no root is halfway between two numbers */
		return p;
	}
}

/* r was rounded to nearest even: what ties away from zero make of it. */
static u64 tie_to_away(enum op op, u64 r, quad a, quad b, quad c, unsigned int n)
{
	fexcept_t flags;
	volatile quad exact, low, high;

	if ((r & (sign_of(n) - 1)) + 1 >= inf_of(n) || op == SQRT)
		return r;
	fegetexceptflag(&flags, FE_ALL_EXCEPT);
	feclearexcept(FE_ALL_EXCEPT);
	exact = exactly(op, a, b, c);
	if (!fetestexcept(FE_INEXACT)) {
		low = n == 32 ? (quad)to_s(r) : (quad)to_d(r);
		high = n == 32 ? (quad)to_s(r + 1) : (quad)to_d(r + 1);
		if (low + high == 2 * exact)
			r++;
	}
	fesetexceptflag(&flags, FE_ALL_EXCEPT);
	return r;
}

/* a op b, or a * b + c, of formats of n bits; flags gather in the host's. */
static u64 rounded(enum op op, u64 a, u64 b, u64 c, unsigned int n)
{
	volatile float as = to_s(a), bs = to_s(b), cs = to_s(c), rs = 0;
	volatile double ad = to_d(a), bd = to_d(b), cd = to_d(c), rd = 0;
	u64 r;

	set_host_mode();
	switch (op) {
	case ADD:
		if (n == 32)
			rs = as + bs;
		else
			rd = ad + bd;
		break;
	case MUL:
		if (n == 32)
			rs = as * bs;
		else
			rd = ad * bd;
		break;
	case DIV:
		if (n == 32)
			rs = as / bs;
		else
			rd = ad / bd;
		break;
	case SQRT:
		if (n == 32)
			rs = sqrtf(as);
		else
			rd = sqrt(ad);
		break;
	case FMA:
		/* Invalid even if what is added is a quiet NaN. */
		if ((cut(a << 1, n) == 0 && (b & (sign_of(n) - 1)) == inf_of(n)) ||
		    (cut(b << 1, n) == 0 && (a & (sign_of(n) - 1)) == inf_of(n)))
			feraiseexcept(FE_INVALID);
		if (n == 32)
			rs = fmaf(as, bs, cs);
		else
			rd = fma(ad, bd, cd);
		break;
	}
	r = n == 32 ? from_s(rs) : from_d(rd);
	if (frm == RMM && !is_nan(r, n))
		r = n == 32 ? tie_to_away(op, r, as, bs, cs, n) : tie_to_away(op, r, ad, bd, cd, n);
	return r;
}

static u64 widened(u64 a)
{
	volatile float v = to_s(a);

	return from_d((double)v);
}

static u64 narrowed(u64 a)
{
	volatile double v = to_d(a);
	volatile float r;
	u64 u;

	set_host_mode();
	r = (float)v;
	u = from_s(r);
	if (frm == RMM && !is_nan(u, 32))
		u = tie_to_away(MUL, u, v, 1, 0, 32);
	return u;
}

/* A number to an integer of n bits. */
static u64 to_integer(double v, unsigned int n, bool is_signed)
{
	const double low = is_signed ? -ldexp(1, (int)n - 1) : 0;
	const double high = ldexp(1, is_signed ? (int)n - 1 : (int)n); /* first too large */
	volatile double r;
	fexcept_t flags;

	fegetexceptflag(&flags, FE_ALL_EXCEPT);
	set_host_mode();
	r = frm == RMM ? round(v) : nearbyint(v);
	fesetexceptflag(&flags, FE_ALL_EXCEPT);
	if (isnan(v) || r >= high || r < low) {
		feraiseexcept(FE_INVALID);
		if (!isnan(v) && v < 0)
			return is_signed ? sign_of(n) : 0;
		return is_signed ? sign_of(n) - 1 : cut(~0ull, n);
	}
	if (r != v)
		feraiseexcept(FE_INEXACT);
	return is_signed     ? (u64)(s64)r
	       : r >= 0x1p63 ? (u64)(s64)(r - 0x1p63) + (1ull << 63)
			     : (u64)r;
}

/* An integer to a number of n bits. */
static u64 from_integer(u64 a, bool is_signed, unsigned int n)
{
	const bool negative = is_signed && a >> 63;
	const u64 size = negative ? -a : a;
	/* Both halves and their sum are exact in quadruple precision, the sum is what is rounded. */
	const u64 high = from_d((double)(size >> 32) * (negative ? -0x1p32 : 0x1p32)),
		  low = from_d((double)(size & 0xffffffff) * (negative ? -1 : 1));

	if (size == 0)
		return 0;
	if (n == 64)
		return rounded(ADD, high, low, 0, 64);
	/* To odd in double precision first, then to single: rounding twice does no harm. */
	const unsigned int mode = frm;
	fexcept_t flags;
	u64 odd;

	fegetexceptflag(&flags, FE_ALL_EXCEPT);
	feclearexcept(FE_ALL_EXCEPT);
	frm = 1;
	odd = rounded(ADD, high, low, 0, 64);
	if (fetestexcept(FE_INEXACT))
		odd |= 1;
	frm = mode;
	fesetexceptflag(&flags, FE_ALL_EXCEPT);
	return narrowed(odd);
}

/* ---- estimates ------------------------------------------------------------------------------- */

static uint8_t rec_table[128], rsqrt_table[128];

/* Fraction of 1/2 <= r < 1 whose relative error over an interval is least at its worst end. */
static uint8_t best(double at_left, double at_right)
{
	double least = 1;
	uint8_t result = 0;

	for (unsigned int y = 0; y < 128; y++) {
		const double r = (1 + y / 128.) / 2;
		const double error = fmax(fabs(r * at_left - 1), fabs(r * at_right - 1));

		if (error < least) {
			least = error;
			result = (uint8_t)y;
		}
	}
	return result;
}

static void make_tables(void)
{
	for (unsigned int i = 0; i < 128; i++) {
		/* 1 <= x < 2 by 7 bits; 1 <= x < 4 by the exponent and 6 bits */
		const double left = 1 + (i & 63) / 64., right = left + 1 / 64.;
		const double scale = i < 64 ? 2 : 1;

		rec_table[i] = best(1 + i / 128., 1 + (i + 1) / 128.);
		rsqrt_table[i] = best(sqrt(scale * left), sqrt(scale * right));
	}
}

/* NaN, and what else has no estimate; true if *r is the result. */
static bool special(u64 a, bool root, u64 *r)
{
	const u64 sign = a & sign_of(bits), size = a & (sign_of(bits) - 1);

	if (is_nan(a, bits) || (root && sign && size)) {
		if (is_signaling(a, bits) || !is_nan(a, bits))
			feraiseexcept(FE_INVALID);
		*r = nan_of(bits);
		return true;
	}
	if (size == 0)
		feraiseexcept(FE_DIVBYZERO);
	*r = size ? sign : sign | inf_of(bits);
	return size == 0 || size == inf_of(bits);
}

/* Neither special() nor too small: exact in doubles, but for indices into the tables. */
static u64 look_up(u64 a, bool root)
{
	int e;
	double m;
	u64 r;

	m = 2 * frexp(fabs(bits == 32 ? (double)to_s(a) : to_d(a)), &e); /* |a| = m 2^e, m >= 1 */
	e--;
	if (root) {
		const bool odd = e & 1; /* then the biased exponent is even */
		const unsigned int index = (odd ? 0 : 64) + (unsigned int)((m - 1) * 64);

		/* 1/sqrt(m 2^odd), times 2^-(e - odd)/2 */
		m = ldexp((1 + rsqrt_table[index] / 128.) / 2, -((e - odd) / 2));
		return bits == 32 ? from_s((float)m) : from_d(m);
	}
	/* Subnormal results are exact: of 8 bits, at most 2 below the least normal exponent. */
	m = ldexp((1 + rec_table[(unsigned int)((m - 1) * 128)] / 128.) / 2, -e);
	r = bits == 32 ? from_s((float)m) : from_d(m);
	return r | (a & sign_of(bits));
}

static u64 estimate(u64 a, bool root)
{
	/* 2^-(B + 1): of anything smaller, the reciprocal is too large. */
	const u64 sign = a & sign_of(bits), least = bits == 32 ? 1ull << 21 : 1ull << 50;
	fexcept_t flags;
	u64 r;

	if (special(a, root, &r))
		return r;
	if (!root && (a ^ sign) < least) {
		feraiseexcept(FE_OVERFLOW | FE_INEXACT);
		return sign |
		       (inf_of(bits) - (frm == 1 || (frm == 2 && !sign) || (frm == 3 && sign)));
	}
	fegetexceptflag(&flags, FE_ALL_EXCEPT);
	fesetround(FE_TONEAREST);
	r = look_up(a, root);
	fesetexceptflag(&flags, FE_ALL_EXCEPT);
	return r;
}

/* ---- what an element becomes ----------------------------------------------------------------- */

typedef u64 (*reference)(u64 a, u64 b, u64 d);
#define REF(name, expression)                \
	static u64 name(u64 a, u64 b, u64 d) \
	{                                    \
		(void)a, (void)b, (void)d;   \
		return (u64)(expression);    \
	}
#define NEG(v) ((v) ^ sign_of(bits))
REF(r_rec, estimate(a, false))
REF(r_rsqrt, estimate(a, true))
REF(r_add, rounded(ADD, a, b, 0, bits))
REF(r_sub, rounded(ADD, a, NEG(b), 0, bits))
REF(r_rsub, rounded(ADD, b, NEG(a), 0, bits))
REF(r_mul, rounded(MUL, a, b, 0, bits))
REF(r_div, rounded(DIV, a, b, 0, bits))
REF(r_rdiv, rounded(DIV, b, a, 0, bits))
REF(r_sqrt, rounded(SQRT, a, 0, 0, bits))
REF(r_macc, rounded(FMA, a, b, d, bits))
REF(r_nmacc, rounded(FMA, NEG(a), b, NEG(d), bits))
REF(r_msac, rounded(FMA, a, b, NEG(d), bits))
REF(r_nmsac, rounded(FMA, NEG(a), b, d, bits))
REF(r_madd, rounded(FMA, d, b, a, bits))
REF(r_nmadd, rounded(FMA, NEG(d), b, NEG(a), bits))
REF(r_msub, rounded(FMA, d, b, NEG(a), bits))
REF(r_nmsub, rounded(FMA, NEG(d), b, a, bits))
#define WNEG(v) ((v) ^ sign_of(64))
REF(r_wadd, rounded(ADD, widened(a), widened(b), 0, 64))
REF(r_wsub, rounded(ADD, widened(a), WNEG(widened(b)), 0, 64))
REF(r_waddw, rounded(ADD, a, widened(b), 0, 64))
REF(r_wsubw, rounded(ADD, a, WNEG(widened(b)), 0, 64))
REF(r_wmul, rounded(MUL, widened(a), widened(b), 0, 64))
REF(r_wmacc, rounded(FMA, widened(a), widened(b), d, 64))
REF(r_wnmacc, rounded(FMA, WNEG(widened(a)), widened(b), WNEG(d), 64))
REF(r_wmsac, rounded(FMA, widened(a), widened(b), WNEG(d), 64))
REF(r_wnmsac, rounded(FMA, WNEG(widened(a)), widened(b), d, 64))
#define VALUE (bits == 32 ? (double)to_s(a) : to_d(a))
REF(r_cvt_xu, to_integer(VALUE, bits, false))
REF(r_cvt_x, to_integer(VALUE, bits, true))
REF(r_wcvt_xu, to_integer(to_s(a), 64, false))
REF(r_wcvt_x, to_integer(to_s(a), 64, true))
REF(r_ncvt_xu, to_integer(bits == 16 ? (double)to_s(a) : to_d(a), bits, false))
REF(r_ncvt_x, to_integer(bits == 16 ? (double)to_s(a) : to_d(a), bits, true))
REF(r_cvt_f_xu, from_integer(a, false, bits))
REF(r_cvt_f_x, from_integer(bits == 32 ? (u64)(s64)(int32_t)a : a, true, bits))
REF(r_ncvt_f_xu, from_integer(a, false, 32))
REF(r_ncvt_f_x, from_integer(a, true, 32))
REF(r_ncvt_f, narrowed(a))

enum {
	VV = 1,
	VF = 2
};

/* Element-wise: funct6, forms, log2 of destination and vs2 widths over SEW, and SEWs by bits. */
static const struct instruction {
	const char *name;
	unsigned int funct6, forms, dw, aw, sews;
	int vs1; /* unary: what is in its place; else -1 */
	reference ref;
} instructions[] = {
	{"vfrec7", 0x13, VV, 0, 0, 12, 5, r_rec},
	{"vfrsqrt7", 0x13, VV, 0, 0, 12, 4, r_rsqrt},
	{"vfsqrt", 0x13, VV, 0, 0, 12, 0, r_sqrt},
	{"vfadd", 0x00, VV | VF, 0, 0, 12, -1, r_add},
	{"vfsub", 0x02, VV | VF, 0, 0, 12, -1, r_sub},
	{"vfrsub", 0x27, VF, 0, 0, 12, -1, r_rsub},
	{"vfmul", 0x24, VV | VF, 0, 0, 12, -1, r_mul},
	{"vfdiv", 0x20, VV | VF, 0, 0, 12, -1, r_div},
	{"vfrdiv", 0x21, VF, 0, 0, 12, -1, r_rdiv},
	{"vfmadd", 0x28, VV | VF, 0, 0, 12, -1, r_madd},
	{"vfnmadd", 0x29, VV | VF, 0, 0, 12, -1, r_nmadd},
	{"vfmsub", 0x2a, VV | VF, 0, 0, 12, -1, r_msub},
	{"vfnmsub", 0x2b, VV | VF, 0, 0, 12, -1, r_nmsub},
	{"vfmacc", 0x2c, VV | VF, 0, 0, 12, -1, r_macc},
	{"vfnmacc", 0x2d, VV | VF, 0, 0, 12, -1, r_nmacc},
	{"vfmsac", 0x2e, VV | VF, 0, 0, 12, -1, r_msac},
	{"vfnmsac", 0x2f, VV | VF, 0, 0, 12, -1, r_nmsac},
	{"vfwadd", 0x30, VV | VF, 1, 0, 4, -1, r_wadd},
	{"vfwsub", 0x32, VV | VF, 1, 0, 4, -1, r_wsub},
	{"vfwadd.w", 0x34, VV | VF, 1, 1, 4, -1, r_waddw},
	{"vfwsub.w", 0x36, VV | VF, 1, 1, 4, -1, r_wsubw},
	{"vfwmul", 0x38, VV | VF, 1, 0, 4, -1, r_wmul},
	{"vfwmacc", 0x3c, VV | VF, 1, 0, 4, -1, r_wmacc},
	{"vfwnmacc", 0x3d, VV | VF, 1, 0, 4, -1, r_wnmacc},
	{"vfwmsac", 0x3e, VV | VF, 1, 0, 4, -1, r_wmsac},
	{"vfwnmsac", 0x3f, VV | VF, 1, 0, 4, -1, r_wnmsac},
	{"vfcvt.xu.f", 0x12, VV, 0, 0, 12, 0, r_cvt_xu},
	{"vfcvt.x.f", 0x12, VV, 0, 0, 12, 1, r_cvt_x},
	{"vfcvt.f.xu", 0x12, VV, 0, 0, 12, 2, r_cvt_f_xu},
	{"vfcvt.f.x", 0x12, VV, 0, 0, 12, 3, r_cvt_f_x},
	{"vfwcvt.xu.f", 0x12, VV, 1, 0, 4, 8, r_wcvt_xu},
	{"vfwcvt.x.f", 0x12, VV, 1, 0, 4, 9, r_wcvt_x},
	{"vfncvt.xu.f", 0x12, VV, 0, 1, 6, 16, r_ncvt_xu},
	{"vfncvt.x.f", 0x12, VV, 0, 1, 6, 17, r_ncvt_x},
	{"vfncvt.f.xu", 0x12, VV, 0, 1, 4, 18, r_ncvt_f_xu},
	{"vfncvt.f.x", 0x12, VV, 0, 1, 4, 19, r_ncvt_f_x},
	{"vfncvt.f.f", 0x12, VV, 0, 1, 4, 20, r_ncvt_f},
};

/* ---- running --------------------------------------------------------------------------------- */

/* Numbers of n bits: edges, short fractions (which make ties), anything near 1, any bits. */
static u64 interesting(unsigned int n)
{
	static const uint32_t edges_s[] = {0,	       0x80000000, 0x3f800000, 0x7f800000,
					   0xff800000, NAN_S,	   0x7fa00000, 1,
					   0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
					   0x00400000, 0x00200000, 0x801fffff, 0x7e800000};
	static const u64 edges_d[] = {0,
				      1ull << 63,
				      1023ull << 52,
				      2047ull << 52,
				      4095ull << 52,
				      NAN_D,
				      0x7ff4ull << 48,
				      1,
				      0x800fffffffffffff,
				      1ull << 52,
				      0x7fefffffffffffff,
				      0xffefffffffffffff,
				      1ull << 51,
				      1ull << 50,
				      0x8003ffffffffffff,
				      0x7fdull << 52};
	const u64 r = vec_random(), s = vec_random();
	const unsigned int fraction = n == 32 ? 23 : 52, bias = n == 32 ? 127 : 1023;
	const unsigned int keep = (unsigned int)(s >> 8 & 3), span = 2 * fraction;
	u64 f = r >> 8 & ((1ull << fraction) - 1);

	switch (s % 8) {
	case 0:
	case 1:
		return n == 32 ? edges_s[r % 16] : edges_d[r % 16];
	case 2:
		return n == 32 ? (uint32_t)r : r;
	case 3: /* subnormal, any size */
		return (r & 1 ? sign_of(n) : 0) | f >> s / 16 % fraction;
	default:
		if (keep == 0)
			f &= 7ull << (fraction - 3);
		else if (keep == 1)
			f = s >> 16 & 3;
		return (r & 1 ? sign_of(n) : 0) |
		       (u64)(bias - span / 2 + s / 4096 % span) << fraction | f;
	}
}

static u64 interesting_integer(unsigned int n)
{
	const u64 r = vec_random(), s = vec_random();

	/* Halfway between numbers as well. */
	return cut(s & 1 ? r : ((s & 2 ? r | 1 : 3) << 24 | (s & 4 ? 1u << 23 : 0)) << s / 16 % 24,
		   n);
}

static unsigned int host_flags(void)
{
	const int f = fetestexcept(FE_ALL_EXCEPT);

	return (f & FE_INVALID ? 16 : 0) | (f & FE_DIVBYZERO ? 8 : 0) | (f & FE_OVERFLOW ? 4 : 0) |
	       (f & FE_UNDERFLOW ? 2 : 0) | (f & FE_INEXACT ? 1 : 0);
}

static void fill(struct vec *t)
{
	for (unsigned int i = 0; i < 4 * t->vlenb; i++)
		vec_put(t->v, i, 3, vec_random());
}

static void fill_numbers(struct vec *t, unsigned int reg, uint32_t n, unsigned int size)
{
	for (uint32_t i = 0; i < n; i++)
		vec_put(t->v + reg * t->vlenb, i, size,
			size < 2 ? vec_random() : interesting(8u << size));
}

/* Run; registers, flags and vstart must be as wanted. */
static bool same(struct vec *t, uint32_t insn, u64 x5, u64 f5, const uint8_t *want,
		 unsigned int flags, const char *name)
{
	const struct rv_hart *h = &t->box->hart;
	unsigned int got;

	fesetround(FE_TONEAREST);
	if (vec_run(t, insn, x5, f5, 0, frm << 5) != RV_STOP_ENV) {
		tap_diag("%s: %08x trapped, vtype %#x", name, insn, vec_vtype(t));
		return false;
	}
	for (size_t i = 0; i < 32 * (size_t)t->vlenb; i++)
		if (h->v[i] != want[i]) {
			tap_diag("%s: %08x vtype %#x vl %u vstart %u frm %u: byte %zu of v%zu is "
				 "%02x, not %02x",
				 name, insn, vec_vtype(t), t->vl, t->start, frm, i % t->vlenb,
				 i / t->vlenb, h->v[i], want[i]);
			return false;
		}
	got = h->fflags;
	if (got != flags || h->vstart) {
		tap_diag("%s: %08x vtype %#x vl %u frm %u: fflags %#x, not %#x; vstart %u", name,
			 insn, vec_vtype(t), t->vl, frm, got, flags, h->vstart);
		return false;
	}
	return true;
}

#define OPV(f6, f3, vm, vs2, vs1, vd)                                          \
	((uint32_t)(f6) << 26 | (uint32_t)(vm) << 25 | (uint32_t)(vs2) << 20 | \
	 (uint32_t)(vs1) << 15 | (uint32_t)(f3) << 12 | (uint32_t)(vd) << 7 | 0x57)
#define OPF_VV 1
#define OPF_VF 5

/* A scalar for f5, and as an instruction takes it. */
static u64 scalar(unsigned int n, u64 *taken)
{
	u64 f = interesting(n);

	if (n == 64)
		return *taken = f;
	if (vec_random() % 8 == 0) { /* not boxed */
		*taken = NAN_S;
		return f | (vec_random() >> 1) << 32;
	}
	*taken = f;
	return f | 0xffffffffull << 32;
}

/* vl, and vstart if it may be other than 0; the seldom cases often. */
static void shape(struct vec *t, bool with_start)
{
	const uint32_t vlmax = vec_vlmax(t);

	t->vl = vec_random() % 4 ? (uint32_t)(vec_random() % (vlmax + 1)) : vlmax;
	t->start = with_start && vec_random() % 4 == 0 ? (uint32_t)(vec_random() % (vlmax + 1)) : 0;
	t->start &= 8 * t->vlenb - 1; /* as many bits as there are */
	fill(t);
}

static bool one(struct vec *t, const struct instruction *in, bool vf, u64 *count)
{
	static uint8_t want[VEC_MAX];
	const unsigned int ds = t->sew + in->dw, as = t->sew + in->aw;
	const bool vm = vec_random() & 1, integers = in->funct6 == 0x12 && (in->vs1 & 6) == 2;
	u64 f5, b = 0;

	bits = 8u << t->sew;
	shape(t, true);
	/* Few elements, so that a flag is seen to be missing. */
	if (vec_random() % 2)
		t->vl = t->vl % 4;
	f5 = scalar(bits == 16 ? 32 : bits, &b);
	fill_numbers(t, 8, vec_vlmax(t), ds);
	fill_numbers(t, 16, vec_vlmax(t), as);
	fill_numbers(t, 24, vec_vlmax(t), t->sew);
	for (uint32_t i = 0; integers && i < vec_vlmax(t); i++)
		vec_put(t->v + 16 * t->vlenb, i, as, interesting_integer(8u << as));
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	feclearexcept(FE_ALL_EXCEPT);
	for (uint32_t i = t->start; i < t->vl; i++) {
		if (!vm && !vec_bit(t->v, i))
			continue;
		if (!vf)
			b = vec_get(t->v + 24 * t->vlenb, i, t->sew);
		vec_put(want + 8 * t->vlenb, i, ds,
			in->ref(vec_get(t->v + 16 * t->vlenb, i, as), b,
				vec_get(t->v + 8 * t->vlenb, i, ds)));
		++*count;
	}
	return same(t,
		    OPV(in->funct6, vf ? OPF_VF : OPF_VV, vm, 16,
			in->vs1 >= 0 ? (unsigned int)in->vs1
			: vf	     ? 5
				     : 24,
			8),
		    0, f5, want, host_flags(), in->name);
}

static void test_instruction(struct vec *t, const struct instruction *in)
{
	bool good = true;
	u64 count = 0;

	for (unsigned int form = VV; form <= VF; form <<= 1)
		for (t->sew = 1; t->sew < 4; t->sew++)
			for (t->lmul = -2; t->lmul <= 3 - (int)(in->dw | in->aw); t->lmul++)
				for (frm = 0; frm <= RMM; frm++)
					for (int i = 0; i < 6 && good; i++)
						if ((in->forms & form) &&
						    (in->sews >> t->sew & 1) && vec_valid(t))
							good = one(t, in, form == VF, &count);
	tap_ok(good && count, "VLEN %u: %s in five modes, with flags, %llu elements", 8 * t->vlenb,
	       in->name, (unsigned long long)count);
}

/* Every entry of the estimates' tables, for both signs and formats, and known results. */
static void test_estimates(struct vec *t)
{
	static const struct {
		bool root;
		uint32_t a, r;
	} known[] = {
		{false, 0x00718abc, 0x7e900000}, {false, 0x7f765432, 0x00214000},
		{true, 0x00718abc, 0x5f080000},	 {true, 0x7f765432, 0x1f820000},
		{false, 0x3f800000, 0x3f7f0000}, {true, 0x3f800000, 0x3f7f0000},
	};
	const uint8_t *d = t->box->hart.v + 8 * t->vlenb;
	bool good = true;

	frm = 0;
	t->start = 0;
	t->lmul = 0;
	t->sew = 2;
	t->vl = 1;
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		bits = 32;
		vec_put(t->v + 16 * t->vlenb, 0, 2, known[i].a);
		good &= vec_run(t, OPV(0x13, 1, 1, 16, 5 - known[i].root, 8), 0, 0, 0, 0) ==
				RV_STOP_ENV &&
			vec_get(d, 0, 2) == known[i].r &&
			estimate(known[i].a, known[i].root) == known[i].r;
	}
	tap_ok(good, "VLEN %u: estimates that are known", 8 * t->vlenb);
	good = true;
	for (t->sew = 2; t->sew < 4; t->sew++)
		for (unsigned int root = 0; root < 2; root++)
			for (unsigned int i = 0; i < 256; i++) {
				const unsigned int fraction = t->sew == 2 ? 23 : 52;
				const u64 a = (u64)((t->sew == 2 ? 127 : 1023) - 1 + (i >> 7))
						      << fraction |
					      (u64)(i & 127) << (fraction - 7);

				bits = 8u << t->sew;
				vec_put(t->v + 16 * t->vlenb, 0, t->sew, a);
				good &= vec_run(t, OPV(0x13, 1, 1, 16, 5 - root, 8), 0, 0, 0, 0) ==
						RV_STOP_ENV &&
					vec_get(d, 0, t->sew) == estimate(a, root);
			}
	tap_ok(good, "VLEN %u: estimates, every entry of their tables", 8 * t->vlenb);
}

/* ---- reductions ------------------------------------------------------------------------------ */

/* minimumNumber, maximumNumber; of zeroes, the negative one is less. */
static u64 extreme(u64 a, u64 b, bool max)
{
	const u64 sign = sign_of(bits);

	if (is_signaling(a, bits) || is_signaling(b, bits))
		feraiseexcept(FE_INVALID);
	if (is_nan(a, bits))
		return is_nan(b, bits) ? nan_of(bits) : b;
	if (is_nan(b, bits))
		return a;
	if ((a & sign) != (b & sign))
		return !(a & sign) == max ? a : b;
	return (a > b) == (max != !!(a & sign)) ? a : b;
}

static bool one_reduction(struct vec *t, unsigned int funct6)
{
	static const uint8_t targets[] = {8, 16, 24, 0};
	static uint8_t want[VEC_MAX];
	const bool wide = funct6 >= 0x30, vm = vec_random() & 1;
	const unsigned int vd = targets[vec_random() & 3], size = t->sew + wide;
	bool added = false;
	u64 value;

	bits = 8u << t->sew;
	shape(t, false);
	if (vec_random() % 2)
		t->vl = t->vl % 4;
	fill_numbers(t, 16, vec_vlmax(t), t->sew);
	fill_numbers(t, 24, 1, size);
	if (!vm && vec_random() % 4 == 0)
		memset(t->v, 0, t->vlenb); /* none takes part */
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	value = vec_get(t->v + 24 * t->vlenb, 0, size);
	feclearexcept(FE_ALL_EXCEPT);
	for (uint32_t i = 0; i < t->vl; i++) {
		const u64 e = vec_get(t->v + 16 * t->vlenb, i, t->sew);

		if (!vm && !vec_bit(t->v, i))
			continue;
		added = true;
		/* Unordered sums are those in order here, that guests may rely on the same result. */
		value = funct6 == 0x05 ? extreme(value, e, false)
			: funct6 == 0x07
				? extreme(value, e, true)
				: rounded(ADD, value, wide ? widened(e) : e, 0, 8u << size);
	}
	/* Unordered sums of nothing add the identity. */
	if (t->vl && !added && (funct6 & 0x0f) == 1 && is_nan(value, 8u << size)) {
		if (is_signaling(value, 8u << size))
			feraiseexcept(FE_INVALID);
		value = nan_of(8u << size);
	}
	if (t->vl)
		vec_put(want + vd * t->vlenb, 0, size, value);
	return same(t, OPV(funct6, OPF_VV, vm, 16, 24, vd), 0, 0, want, host_flags(), "reduction");
}

static void test_reductions(struct vec *t)
{
	static const struct {
		const char *name;
		unsigned int funct6;
	} reductions[] = {
		{"vfredusum", 0x01}, {"vfredosum", 0x03},  {"vfredmin", 0x05},
		{"vfredmax", 0x07},  {"vfwredusum", 0x31}, {"vfwredosum", 0x33},
	};

	for (unsigned int r = 0; r < 6; r++) {
		bool good = true;

		for (t->sew = 2; t->sew < (reductions[r].funct6 >= 0x30 ? 3 : 4); t->sew++)
			for (t->lmul = -1; t->lmul <= 3; t->lmul++)
				for (frm = 0; frm <= RMM && vec_valid(t); frm++)
					for (int i = 0; i < 30 && good; i++)
						good = one_reduction(t, reductions[r].funct6);
		tap_ok(good, "VLEN %u: %s in five modes, with flags", 8 * t->vlenb,
		       reductions[r].name);
	}
	/* vfwredosum, vfwredusum of SEW 64: there is no wider format */
	t->sew = 3;
	t->lmul = 0;
	frm = 0;
	shape(t, false);
	tap_ok(vec_run(t, OPV(0x33, 1, 1, 16, 24, 8), 0, 0, 0, 0) == RV_STOP_TRAP &&
		       vec_run(t, OPV(0x31, 1, 1, 16, 24, 8), 0, 0, 0, 0) == RV_STOP_TRAP,
	       "VLEN %u: widening sums of doubles are illegal", 8 * t->vlenb);
}

/* ---- slides by one, gathers ------------------------------------------------------------------ */

enum slide {
	GATHER16,
	UP,
	DOWN,
	F_UP,
	F_DOWN
};

static bool one_slide(struct vec *t, enum slide which)
{
	static uint8_t want[VEC_MAX];
	const bool vm = vec_random() & 1, up = which == UP || which == F_UP;
	const bool number = which >= F_UP;
	/* Down, but not up, onto the source itself. */
	const unsigned int vd = !up && which != GATHER16 && vec_random() % 2 ? 16 : 8;
	const uint32_t vlmax = vec_vlmax(t);
	u64 x5 = vec_random(), taken = x5, f5 = 0;
	uint32_t insn;

	shape(t, true);
	if (number)
		f5 = scalar(8u << t->sew, &taken);
	for (uint32_t i = 0; which == GATHER16 && i < vlmax; i++)
		if (vec_random() % 4)
			vec_put(t->v + 24 * t->vlenb, i, 1, vec_random() % (vlmax + vlmax / 4 + 1));
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	for (uint32_t i = t->start; i < t->vl; i++) {
		const uint8_t *a = t->v + 16 * t->vlenb;
		u64 r, from;

		if (!vm && !vec_bit(t->v, i))
			continue;
		if (which == GATHER16) {
			from = vec_get(t->v + 24 * t->vlenb, i, 1);
			r = from < vlmax ? vec_get(a, from, t->sew) : 0;
		} else if (up) {
			r = i == 0 ? taken : vec_get(a, i - 1, t->sew);
		} else {
			r = i == t->vl - 1 ? taken : vec_get(a, i + 1, t->sew);
		}
		vec_put(want + vd * t->vlenb, i, t->sew, r);
	}
	insn = which == GATHER16 ? OPV(0x0e, 0, vm, 16, 24, vd)
				 : OPV(up ? 0x0e : 0x0f, number ? 5 : 6, vm, 16, 5, vd);
	return same(t, insn, x5, f5, want, 0, "slide or gather");
}

static void test_slides(struct vec *t)
{
	static const char *const names[] = {"vrgatherei16.vv", "vslide1up.vx", "vslide1down.vx",
					    "vfslide1up.vf", "vfslide1down.vf"};

	for (unsigned int which = 0; which < 5; which++) {
		bool good = true;
		u64 count = 0;

		frm = 0;
		for (t->sew = which >= F_UP ? 2 : 0; t->sew < 4; t->sew++)
			for (t->lmul = -3; t->lmul <= 3; t->lmul++) {
				/* Of indices: LMUL * 16 / SEW. */
				const int emul = t->lmul + 1 - (int)t->sew;

				if (!vec_valid(t))
					continue;
				if (which == GATHER16 && (emul > 3 || emul < -3)) {
					shape(t, false);
					good &= vec_run(t, OPV(0x0e, 0, 1, 16, 24, 8), 0, 0, 0,
							0) == RV_STOP_TRAP;
					continue;
				}
				for (int i = 0; i < 20 && good; i++, count++)
					good = one_slide(t, (enum slide)which);
			}
		tap_ok(good && count, "VLEN %u: %s", 8 * t->vlenb, names[which]);
	}
}

/* ---- single elements ------------------------------------------------------------------------- */

/* For any vl and vstart, and registers that are no multiple of LMUL. */
static bool one_move(struct vec *t, unsigned int which)
{
	static uint8_t want[VEC_MAX];
	const struct rv_hart *h = &t->box->hart;
	const unsigned int reg = vec_random() & 31, n = 8u << t->sew;
	u64 x5 = vec_random(), taken = 0, f5 = 0, element, result;
	uint32_t insn;

	frm = (unsigned int)(vec_random() % 5);
	shape(t, true);
	if (t->sew >= 2)
		f5 = scalar(n, &taken);
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	element = vec_get(t->v + reg * t->vlenb, 0, t->sew);
	switch (which) {
	case 0: /* vmv.x.s x10, reg */
		insn = OPV(0x10, 2, 1, reg, 0, 10);
		break;
	case 1: /* vmv.s.x reg, x5 */
		insn = OPV(0x10, 6, 1, 0, 5, reg);
		break;
	case 2: /* vfmv.f.s f10, reg */
		insn = OPV(0x10, 1, 1, reg, 0, 10);
		break;
	default: /* vfmv.s.f reg, f5 */
		insn = OPV(0x10, 5, 1, 0, 5, reg);
		break;
	}
	if ((which & 1) && t->start < t->vl)
		vec_put(want + reg * t->vlenb, 0, t->sew, which == 1 ? x5 : taken);
	if (!same(t, insn, x5, f5, want, 0, "move"))
		return false;
	if (which == 0) {
		result = (u64)((s64)(element << (64 - n)) >> (64 - n));
		return h->x[10] == result;
	}
	if (which == 2) {
		result = t->sew == 2 ? element | 0xffffffffull << 32 : element;
		return h->f[10] == result;
	}
	return true;
}

static void test_moves(struct vec *t)
{
	static const char *const names[] = {"vmv.x.s", "vmv.s.x", "vfmv.f.s", "vfmv.s.f"};

	for (unsigned int which = 0; which < 4; which++) {
		bool good = true;

		for (t->sew = which < 2 ? 0 : 2; t->sew < 4; t->sew++)
			for (t->lmul = -3; t->lmul <= 3; t->lmul++)
				for (int i = 0; i < 30 && good && vec_valid(t); i++)
					good = one_move(t, which);
		tap_ok(good, "VLEN %u: %s", 8 * t->vlenb, names[which]);
	}
}

/* ---- masks ----------------------------------------------------------------------------------- */

static bool logic(unsigned int funct6, bool a, bool b)
{
	switch (funct6) {
	case 0x18:
		return a && !b;
	case 0x19:
		return a && b;
	case 0x1a:
		return a || b;
	case 0x1b:
		return a != b;
	case 0x1c:
		return a || !b;
	case 0x1d:
		return !(a && b);
	case 0x1e:
		return !(a || b);
	default:
		return a == b;
	}
}

static bool one_logic(struct vec *t, unsigned int funct6)
{
	static const uint8_t targets[] = {7, 17, 25, 0};
	static uint8_t want[VEC_MAX];
	const unsigned int vd = targets[vec_random() & 3], vs2 = 17, vs1 = 25;
	uint8_t *d = want + vd * t->vlenb;

	shape(t, true);
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	for (uint32_t i = t->start; i < t->vl; i++) {
		const bool r = logic(funct6, vec_bit(t->v + vs2 * t->vlenb, i),
				     vec_bit(t->v + vs1 * t->vlenb, i));

		d[i / 8] = (uint8_t)((d[i / 8] & ~(1u << i % 8)) | (unsigned int)r << i % 8);
	}
	return same(t, OPV(funct6, 2, 1, vs2, vs1, vd), 0, 0, want, 0, "logic");
}

static void test_logic(struct vec *t)
{
	static const char *const names[] = {"vmandn", "vmand",	"vmor",	 "vmxor",
					    "vmorn",  "vmnand", "vmnor", "vmxnor"};

	for (unsigned int which = 0; which < 8; which++) {
		bool good = true;

		frm = 0;
		for (t->sew = 0; t->sew < 4; t->sew++)
			for (t->lmul = -3; t->lmul <= 3; t->lmul++)
				for (int i = 0; i < 20 && good && vec_valid(t); i++)
					good = one_logic(t, 0x18 + which);
		t->sew = 0;
		t->lmul = 0;
		shape(t, false);
		good &= vec_run(t, OPV(0x18 + which, 2, 0, 17, 25, 7), 0, 0, 0, 0) == RV_STOP_TRAP;
		tap_ok(good, "VLEN %u: %s, never masked", 8 * t->vlenb, names[which]);
	}
}

int main(void)
{
	static const unsigned int vlens[] = {128, 2048};

	make_tables();
	for (unsigned int v = 0; v < 2; v++) {
		struct vec *t = vec_new(vlens[v]);

		test_estimates(t);
		for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
			test_instruction(t, &instructions[i]);
		test_reductions(t);
		test_slides(t);
		test_moves(t);
		test_logic(t);
		vec_free(t);
	}
	return tap_done();
}
