// SPDX-License-Identifier: MIT
/*
 * IEEE 754 arithmetic in integers, single and double precision, all five rounding modes. Slow and
 * plain; the host's own arithmetic is used wherever it gives the same result.
 *
 * A number is unpacked to (-1)^sign * mant * 2^(exp - 63) with bit 63 of mant set, so every
 * operation ends in round_pack() with 64 bits, the last of which is sticky: it is set
 * if anything below it was lost.
 */
#include "rv_internal.h"

typedef unsigned __int128 u128;

struct format {
	int precision; /* bits of the significand, the hidden one too */
	int emax; /* largest exponent; emin is 1 - emax */
	int width;
};

static const struct format formats[] = {
	[RV_FMT_S] = { 24, 127, 32 },
	[RV_FMT_D] = { 53, 1023, 64 },
};

enum kind { ZERO, FINITE, INF, QNAN, SNAN };

struct number {
	enum kind kind;
	bool sign;
	int exp;
	uint64_t mant;
};

static uint64_t canonical_nan(enum rv_fmt fmt)
{
	return fmt == RV_FMT_S ? RV_NAN_S : RV_NAN_D;
}

static uint64_t pack(enum rv_fmt fmt, bool sign, uint64_t exponent, uint64_t fraction)
{
	const struct format *f = &formats[fmt];

	return (uint64_t)sign << (f->width - 1) | exponent << (f->precision - 1) | fraction;
}

static uint64_t pack_zero(enum rv_fmt fmt, bool sign)
{
	return pack(fmt, sign, 0, 0);
}

static uint64_t pack_inf(enum rv_fmt fmt, bool sign)
{
	return pack(fmt, sign, (uint64_t)formats[fmt].emax * 2 + 1, 0);
}

static struct number unpack(enum rv_fmt fmt, uint64_t a)
{
	const struct format *f = &formats[fmt];
	int fraction_bits = f->precision - 1;
	uint64_t fraction = a & ((1ull << fraction_bits) - 1);
	int exponent = (int)(a >> fraction_bits & ((uint64_t)f->emax * 2 + 1));
	struct number n = { .sign = a >> (f->width - 1) & 1 };

	if (exponent == f->emax * 2 + 1) {
		n.kind = fraction == 0			       ? INF :
			 fraction >> (fraction_bits - 1) & 1 ? QNAN :
							       SNAN;
	} else if (exponent == 0 && fraction == 0) {
		n.kind = ZERO;
	} else {
		n.kind = FINITE;
		if (exponent)
			fraction |= 1ull << fraction_bits;
		else
			exponent = 1;
		/* Bring the leading one to bit 63. */
		int shift = __builtin_clzll(fraction);

		n.mant = fraction << shift;
		n.exp = exponent - f->emax - fraction_bits + 63 - shift;
	}
	return n;
}

static bool is_nan(struct number n)
{
	return n.kind >= QNAN;
}

static uint64_t invalid(enum rv_fmt fmt, unsigned int *flags)
{
	*flags |= RV_F_NV;
	return canonical_nan(fmt);
}

/* Result of an operation with a NaN among its operands. */
static uint64_t nan_result(enum rv_fmt fmt, bool signaling, unsigned int *flags)
{
	return signaling ? invalid(fmt, flags) : canonical_nan(fmt);
}

static uint64_t shift_right_sticky(uint64_t v, unsigned int n)
{
	if (n == 0)
		return v;
	if (n >= 64)
		return v != 0;
	return v >> n | ((v << (64 - n)) != 0);
}

static u128 shift_right_sticky_128(u128 v, unsigned int n)
{
	if (n == 0)
		return v;
	if (n >= 128)
		return v != 0;
	return v >> n | ((v << (128 - n)) != 0);
}

/* Whether to add one to a value whose lost part is rest, out of half * 2. */
static bool round_up(bool sign, bool odd, uint64_t rest, uint64_t half, enum rv_rm rm)
{
	switch (rm) {
	case RV_RNE:
		return rest > half || (rest == half && odd);
	case RV_RMM:
		return rest >= half;
	case RV_RDN:
		return sign && rest;
	case RV_RUP:
		return !sign && rest;
	default:
		return false;
	}
}

static uint64_t overflow(enum rv_fmt fmt, bool sign, enum rv_rm rm, unsigned int *flags)
{
	bool to_inf = rm == RV_RNE || rm == RV_RMM || (rm == RV_RDN && sign) ||
		      (rm == RV_RUP && !sign);

	*flags |= RV_F_OF | RV_F_NX;
	/* The pattern before infinity is the largest number. */
	return pack_inf(fmt, sign) - !to_inf;
}

/* Round (-1)^sign * mant * 2^(exp - 63), bit 63 of mant set, bit 0 sticky. */
static uint64_t round_pack(enum rv_fmt fmt, bool sign, int exp, uint64_t mant, enum rv_rm rm,
			   unsigned int *flags)
{
	const struct format *f = &formats[fmt];
	int drop = 64 - f->precision, emin = 1 - f->emax;
	uint64_t half = 1ull << (drop - 1), mask = half * 2 - 1, kept;
	bool tiny = false;

	if (exp < emin) {
		/* Tiny is judged after rounding as if exponents had no bound. */
		kept = mant >> drop;
		kept += round_up(sign, kept & 1, mant & mask, half, rm);
		tiny = exp < emin - 1 || kept >> f->precision == 0;
		mant = shift_right_sticky(mant, (unsigned int)(emin - exp));
		exp = emin;
	}
	kept = mant >> drop;
	if (mant & mask) {
		*flags |= RV_F_NX | (tiny ? RV_F_UF : 0);
		kept += round_up(sign, kept & 1, mant & mask, half, rm);
	}
	/* A carry out of the significand lands in the exponent, as it should. */
	if (kept >> f->precision) {
		kept >>= 1;
		exp++;
	}
	if (exp > f->emax)
		return overflow(fmt, sign, rm, flags);
	if (kept >> (f->precision - 1) == 0)
		return pack(fmt, sign, 0, kept); /* subnormal or zero */
	return pack(fmt, sign, (uint64_t)(exp + f->emax), kept & ~(1ull << (f->precision - 1)));
}

/* The same for 128 bits, of which any may lead; bit 127 stands for 2^exp. */
static uint64_t round_pack_128(enum rv_fmt fmt, bool sign, int exp, u128 mant, enum rv_rm rm,
			       unsigned int *flags)
{
	uint64_t high = (uint64_t)(mant >> 64);
	int shift = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)mant);

	mant <<= shift;
	return round_pack(fmt, sign, exp - shift,
			  (uint64_t)(mant >> 64) | ((uint64_t)mant != 0), rm, flags);
}

/*
 * Sum of two finite numbers given with 128 bits each: bit 126 or below leads, and stands for
 * 2^exp. At least the 20 low bits of both are 0, so that what alignment loses is sticky
 * far below any rounding.
 */
static uint64_t add_128(enum rv_fmt fmt, bool sign_a, int exp_a, u128 a, bool sign_b, int exp_b,
			u128 b, enum rv_rm rm, unsigned int *flags)
{
	bool sign = sign_a;
	u128 sum;
	int exp = exp_a;

	if (exp_a >= exp_b) {
		b = shift_right_sticky_128(b, (unsigned int)(exp_a - exp_b));
	} else {
		a = shift_right_sticky_128(a, (unsigned int)(exp_b - exp_a));
		exp = exp_b;
	}
	if (sign_a == sign_b) {
		sum = a + b;
	} else if (a >= b) {
		sum = a - b;
	} else {
		sum = b - a;
		sign = sign_b;
	}
	if (sum == 0)
		return pack_zero(fmt, rm == RV_RDN);
	return round_pack_128(fmt, sign, exp + 1, sum, rm, flags);
}

uint64_t rv_soft_add(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags)
{
	struct number x = unpack(fmt, a), y = unpack(fmt, b);

	if (is_nan(x) || is_nan(y))
		return nan_result(fmt, x.kind == SNAN || y.kind == SNAN, flags);
	if (x.kind == INF)
		return y.kind == INF && x.sign != y.sign ? invalid(fmt, flags) : a;
	if (y.kind == INF)
		return b;
	if (x.kind == ZERO && y.kind == ZERO)
		return pack_zero(fmt, x.sign == y.sign ? x.sign : rm == RV_RDN);
	if (x.kind == ZERO)
		return b;
	if (y.kind == ZERO)
		return a;
	return add_128(fmt, x.sign, x.exp, (u128)x.mant << 63, y.sign, y.exp, (u128)y.mant << 63,
		       rm, flags);
}

uint64_t rv_soft_mul(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags)
{
	struct number x = unpack(fmt, a), y = unpack(fmt, b);
	bool sign = x.sign != y.sign;

	if (is_nan(x) || is_nan(y))
		return nan_result(fmt, x.kind == SNAN || y.kind == SNAN, flags);
	if (x.kind == INF || y.kind == INF)
		return x.kind == ZERO || y.kind == ZERO ? invalid(fmt, flags) : pack_inf(fmt, sign);
	if (x.kind == ZERO || y.kind == ZERO)
		return pack_zero(fmt, sign);
	return round_pack_128(fmt, sign, x.exp + y.exp + 1, (u128)x.mant * y.mant, rm, flags);
}

uint64_t rv_soft_div(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags)
{
	struct number x = unpack(fmt, a), y = unpack(fmt, b);
	bool sign = x.sign != y.sign;
	u128 dividend;
	uint64_t quotient;
	int exp = x.exp - y.exp;

	if (is_nan(x) || is_nan(y))
		return nan_result(fmt, x.kind == SNAN || y.kind == SNAN, flags);
	if (x.kind == INF)
		return y.kind == INF ? invalid(fmt, flags) : pack_inf(fmt, sign);
	if (y.kind == INF)
		return pack_zero(fmt, sign);
	if (y.kind == ZERO) {
		if (x.kind == ZERO)
			return invalid(fmt, flags);
		*flags |= RV_F_DZ;
		return pack_inf(fmt, sign);
	}
	if (x.kind == ZERO)
		return pack_zero(fmt, sign);
	/* Chosen so that the quotient has 64 bits. */
	dividend = (u128)x.mant << 63;
	if (x.mant < y.mant) {
		dividend <<= 1;
		exp--;
	}
	quotient = (uint64_t)(dividend / y.mant);
	return round_pack(fmt, sign, exp, quotient | (dividend % y.mant != 0), rm, flags);
}

uint64_t rv_soft_sqrt(enum rv_fmt fmt, uint64_t a, enum rv_rm rm, unsigned int *flags)
{
	struct number x = unpack(fmt, a);
	u128 rest = 0;
	uint64_t root = 0;
	u128 value;

	if (is_nan(x))
		return nan_result(fmt, x.kind == SNAN, flags);
	if (x.kind == ZERO)
		return a;
	if (x.sign)
		return invalid(fmt, flags);
	if (x.kind == INF)
		return a;
	/* x = value * 2^(exponent - 126) with an even exponent, value of 127 or 128 bits */
	value = (u128)x.mant << (x.exp & 1 ? 64 : 63);
	/* Digit by digit, two bits of value and one of root at a time. */
	for (int i = 0; i < 64; i++) {
		u128 trial = (u128)root << 2 | 1;

		rest = rest << 2 | (uint64_t)(value >> 126);
		value <<= 2;
		root <<= 1;
		if (rest >= trial) {
			rest -= trial;
			root |= 1;
		}
	}
	return round_pack(fmt, false, x.exp >> 1, root | (rest != 0), rm, flags);
}

uint64_t rv_soft_fma(enum rv_fmt fmt, uint64_t a, uint64_t b, uint64_t c, enum rv_rm rm,
		     unsigned int *flags)
{
	struct number x = unpack(fmt, a), y = unpack(fmt, b), z = unpack(fmt, c);
	bool sign = x.sign != y.sign;

	/* Infinity times zero is invalid even if what is added is a quiet NaN. */
	if ((x.kind == INF && y.kind == ZERO) || (x.kind == ZERO && y.kind == INF))
		return invalid(fmt, flags);
	if (is_nan(x) || is_nan(y) || is_nan(z))
		return nan_result(fmt, x.kind == SNAN || y.kind == SNAN || z.kind == SNAN, flags);
	if (x.kind == INF || y.kind == INF) {
		if (z.kind == INF && z.sign != sign)
			return invalid(fmt, flags);
		return pack_inf(fmt, sign);
	}
	if (z.kind == INF)
		return c;
	if (x.kind == ZERO || y.kind == ZERO) {
		if (z.kind == ZERO)
			return pack_zero(fmt, sign == z.sign ? sign : rm == RV_RDN);
		return c;
	}
	/* The low 22 bits of the product are 0: half of it is exact, and leaves room for a carry. */
	if (z.kind == ZERO)
		return round_pack_128(fmt, sign, x.exp + y.exp + 1, (u128)x.mant * y.mant, rm,
				      flags);
	return add_128(fmt, sign, x.exp + y.exp + 1, (u128)x.mant * y.mant >> 1, z.sign, z.exp,
		       (u128)z.mant << 63, rm, flags);
}

uint64_t rv_soft_convert(enum rv_fmt to, enum rv_fmt from, uint64_t a, enum rv_rm rm,
			 unsigned int *flags)
{
	struct number x = unpack(from, a);

	if (is_nan(x))
		return nan_result(to, x.kind == SNAN, flags);
	if (x.kind == INF)
		return pack_inf(to, x.sign);
	if (x.kind == ZERO)
		return pack_zero(to, x.sign);
	return round_pack(to, x.sign, x.exp, x.mant, rm, flags);
}

/* ---- integers -------------------------------------------------------------------------------- */

uint64_t rv_soft_to_int(enum rv_fmt fmt, uint64_t a, unsigned int bits, bool is_signed,
			enum rv_rm rm, unsigned int *flags)
{
	uint64_t largest = is_signed ? (1ull << (bits - 1)) - 1 : ~0ull >> (64 - bits);
	uint64_t smallest = is_signed ? 0 - (1ull << (bits - 1)) : 0; /* sign-extended */
	struct number x = unpack(fmt, a);
	bool negative = x.sign && !is_nan(x);
	uint64_t saturated = negative ? smallest : largest;
	uint64_t value = 0, rest = 0;
	uint64_t magnitude_limit = !negative ? largest : is_signed ? 1ull << (bits - 1) : 0;

	if (bits == 32)
		saturated = (uint64_t)(int64_t)(int32_t)saturated;
	if (x.kind == ZERO)
		return 0;
	if (x.kind != FINITE || x.exp > 63) {
		*flags |= RV_F_NV;
		return saturated;
	}
	if (x.exp == 63) {
		value = x.mant;
	} else if (x.exp >= 0) {
		value = x.mant >> (63 - x.exp);
		rest = x.mant << (x.exp + 1);
	} else {
		/* Below one: half or more only if the exponent is -1. */
		rest = shift_right_sticky(x.mant, (unsigned int)(-1 - x.exp));
	}
	if (rest && round_up(x.sign, value & 1, rest, 1ull << 63, rm)) {
		value++;
		if (value == 0) { /* 2^64 */
			*flags |= RV_F_NV;
			return saturated;
		}
	}
	if (value > magnitude_limit) {
		*flags |= RV_F_NV;
		return saturated;
	}
	if (rest)
		*flags |= RV_F_NX;
	if (negative)
		value = 0 - value;
	return bits == 32 ? (uint64_t)(int64_t)(int32_t)value : value;
}

uint64_t rv_soft_from_int(enum rv_fmt fmt, uint64_t a, bool is_signed, enum rv_rm rm,
			  unsigned int *flags)
{
	bool sign = is_signed && a >> 63;
	int shift;

	if (a == 0)
		return pack_zero(fmt, false);
	if (sign)
		a = 0 - a;
	shift = __builtin_clzll(a);
	return round_pack(fmt, sign, 63 - shift, a << shift, rm, flags);
}
