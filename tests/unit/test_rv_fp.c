// SPDX-License-Identifier: MIT
/*
 * Every instruction of F and D in every rounding mode, static and dynamic, results and flags,
 * against the host's own arithmetic (fenv.h, libm). What the host cannot do, round to nearest
 * with ties away from zero and conversions to integers, is derived from it with the help
 * of exact 113-bit numbers. The stubs are in guest/fp.S.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"
#include "tap.h"
#include "xorshift.h"

BOX_GUEST(fp);

typedef uint64_t u64;
typedef uint32_t u32;
typedef __float128 quad;

enum { RNE, RTZ, RDN, RUP, RMM };
enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };

#define BOXED	0xffffffff00000000ull
#define NAN_S	0x7fc00000u
#define NAN_D	0x7ff8000000000000ull

struct outcome {
	u64 value;
	unsigned int flags;
};

static u64 random_state = 0x2545f4914f6cdd1d;

static u64 next_random(void)
{
	return xorshift64(&random_state);
}

static double to_d(u64 bits)
{
	double d;

	memcpy(&d, &bits, 8);
	return d;
}

static float to_s(u64 bits)
{
	u32 low = (bits & BOXED) == BOXED ? (u32)bits : NAN_S;
	float f;

	memcpy(&f, &low, 4);
	return f;
}

static u64 from_d(double d)
{
	u64 bits;

	memcpy(&bits, &d, 8);
	return isnan(d) ? NAN_D : bits;
}

static u64 from_s(float f)
{
	u32 bits;

	memcpy(&bits, &f, 4);
	return BOXED | (isnan(f) ? NAN_S : bits);
}

static bool is_snan(char fmt, u64 bits)
{
	if (fmt == 'd')
		return (bits & 0x7ff8000000000000) == 0x7ff0000000000000 && bits << 12;
	if ((bits & BOXED) != BOXED)
		return false;
	return (bits & 0x7fc00000) == 0x7f800000 && (u32)bits << 10;
}

static unsigned int host_flags(void)
{
	int e = fetestexcept(FE_ALL_EXCEPT);

	return (e & FE_INEXACT ? NX : 0) | (e & FE_UNDERFLOW ? UF : 0) |
	       (e & FE_OVERFLOW ? OF : 0) | (e & FE_DIVBYZERO ? DZ : 0) | (e & FE_INVALID ? NV : 0);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

enum operation { ADD, SUB, MUL, DIV, SQRT, FMADD, FMSUB, FNMSUB, FNMADD, CONVERT };

/* Volatile, so that everything happens when it is written to. */
static struct outcome host_d(enum operation op, int mode, double x, double y, double z)
{
	volatile double a = x, b = y, c = z, r = 0;
	struct outcome o;

	fesetround(mode);
	feclearexcept(FE_ALL_EXCEPT);
	switch (op) {
	case ADD:
		r = a + b;
		break;
	case SUB:
		r = a - b;
		break;
	case MUL:
		r = a * b;
		break;
	case DIV:
		r = a / b;
		break;
	case SQRT:
		__asm__ volatile("sqrtsd %1, %0" : "=x"(x) : "x"(a));
		r = x;
		break;
	case FMADD:
		r = fma(a, b, c);
		break;
	case FMSUB:
		r = fma(a, b, -c);
		break;
	case FNMSUB:
		r = fma(-a, b, c);
		break;
	case FNMADD:
		r = fma(-a, b, -c);
		break;
	default:
		abort();
	}
	o.flags = host_flags();
	fesetround(FE_TONEAREST);
	o.value = from_d(r);
	return o;
}

static struct outcome host_s(enum operation op, int mode, float x, float y, float z, double w)
{
	volatile float a = x, b = y, c = z, r = 0;
	volatile double d = w;
	struct outcome o;

	fesetround(mode);
	feclearexcept(FE_ALL_EXCEPT);
	switch (op) {
	case ADD:
		r = a + b;
		break;
	case SUB:
		r = a - b;
		break;
	case MUL:
		r = a * b;
		break;
	case DIV:
		r = a / b;
		break;
	case SQRT:
		__asm__ volatile("sqrtss %1, %0" : "=x"(x) : "x"(a));
		r = x;
		break;
	case FMADD:
		r = fmaf(a, b, c);
		break;
	case FMSUB:
		r = fmaf(a, b, -c);
		break;
	case FNMSUB:
		r = fmaf(-a, b, c);
		break;
	case FNMADD:
		r = fmaf(-a, b, -c);
		break;
	case CONVERT:
		r = (float)d;
		break;
	}
	o.flags = host_flags();
	fesetround(FE_TONEAREST);
	o.value = from_s(r);
	return o;
}

/* x + y is exactly m. Rounded to nearest, the error of a sum is a number itself (Dekker, Knuth). */
static bool sum_is(quad x, quad y, quad m)
{
	volatile quad s = x + y, v = s - x;
	volatile quad error = (x - (s - v)) + (y - v);

	return s == m && error == 0;
}

/* The exact result of the operation is m, which has at most one bit more than the format. */
static bool exact_is(enum operation op, quad a, quad b, quad c, quad m)
{
	switch (op) {
	case ADD:
		return sum_is(a, b, m);
	case SUB:
		return sum_is(a, -b, m);
	case MUL:
		return a * b == m;
	case DIV:
		return m * b == a;
	case SQRT:
		return m * m == a;
	case FMADD:
		return sum_is(a * b, c, m);
	case FMSUB:
		return sum_is(a * b, -c, m);
	case FNMSUB:
		return sum_is(-a * b, c, m);
	case FNMADD:
		return sum_is(-a * b, -c, m);
	default:
		return a == m;
	}
}

static quad value_of(char fmt, u64 bits)
{
	return fmt == 'd' ? (quad)to_d(bits) : (quad)to_s(bits);
}

static struct outcome host(enum operation op, char fmt, int mode, u64 a, u64 b, u64 c)
{
	if (fmt == 'd')
		return host_d(op, mode, to_d(a), to_d(b), to_d(c));
	if (op == CONVERT)
		return host_s(op, mode, 0, 0, 0, to_d(a));
	return host_s(op, mode, to_s(a), to_s(b), to_s(c), 0);
}

static struct outcome arithmetic(enum operation op, char fmt, int rm, u64 a, u64 b, u64 c)
{
	static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD,
				     FE_TONEAREST };
	struct outcome o = host(op, fmt, modes[rm], a, b, c);
	char from = op == CONVERT ? 'd' : fmt;
	quad qa = value_of(from, a), qb = value_of(from, b), down, up, middle;

	if (op >= FMADD && op <= FNMADD) {
		/* The standard leaves this one to the implementation, RISC-V does not. */
		bool inf_zero = (qa == 0 && isinf((double)qb)) || (qb == 0 && isinf((double)qa));

		if (inf_zero && !is_snan(fmt, c))
			o.flags |= NV;
	}
	if (rm != RMM || !(o.flags & NX) || (o.flags & OF))
		return o;
	/* Ties differ from round to even; flags never do. */
	down = value_of(fmt, host(op, fmt, FE_DOWNWARD, a, b, c).value);
	up = value_of(fmt, host(op, fmt, FE_UPWARD, a, b, c).value);
	middle = (down + up) / 2;
	if (exact_is(op, qa, qb, value_of(from, c), middle)) {
		quad away = middle > 0 ? up : down;

		o.value = fmt == 'd' ? from_d((double)away) : from_s((float)away);
	}
	return o;
}

/* ---- conversions ----------------------------------------------------------------------------- */

static struct outcome to_integer(char fmt, const char *type, int rm, u64 bits)
{
	bool is_signed = type[1] != 'u';
	int size = type[0] == 'w' ? 32 : 64;
	__int128 low = is_signed ? -((__int128)1 << (size - 1)) : 0;
	__int128 high = ((__int128)1 << (is_signed ? size - 1 : size)) - 1, n;
	quad v = value_of(fmt, bits), rest;
	struct outcome o = { 0, 0 };
	bool nan = v != v;

	if (nan || v > (quad)1e30 || v < (quad)-1e30) {
		n = nan || v > 0 ? high : low;
		o.flags = NV;
	} else {
		n = (__int128)v;
		rest = v - (quad)n;
		if (rest < 0)
			rest = -rest;
		if (rest != 0) {
			bool away = rm == RNE ? rest > 0.5Q || (rest == 0.5Q && (n & 1)) :
				    rm == RMM ? rest >= 0.5Q :
				    rm == RDN ? v < 0 :
				    rm == RUP ? v > 0 :
						false;

			o.flags = NX;
			if (away)
				n += v < 0 ? -1 : 1;
		}
		if (n < low || n > high) {
			n = n < low ? low : high;
			o.flags = NV;
		}
	}
	o.value = size == 32 ? (u64)(int64_t)(int32_t)(u32)n : (u64)n;
	return o;
}

static struct outcome from_integer(char fmt, const char *type, int rm, u64 bits)
{
	bool is_signed = type[1] != 'u';
	__int128 n = type[0] == 'w' ? (is_signed ? (__int128)(int32_t)bits : (__int128)(u32)bits) :
				      (is_signed ? (__int128)(int64_t)bits : (__int128)bits);
	quad exact = (quad)n, result[3], middle;
	static const int all[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD };
	struct outcome o = { 0, 0 };
	quad r;

	for (int i = 0; i < 3; i++) {
		volatile quad q = exact;
		volatile double d;
		volatile float f;

		fesetround(all[i]);
		d = (double)q;
		f = (float)q;
		fesetround(FE_TONEAREST);
		result[i] = fmt == 'd' ? (quad)d : (quad)f;
	}
	r = result[0];
	if (rm == RDN || (rm == RTZ && n > 0))
		r = result[1];
	else if (rm == RUP || rm == RTZ)
		r = result[2];
	middle = (result[1] + result[2]) / 2;
	if (rm == RMM && exact == middle)
		r = n > 0 ? result[2] : result[1];
	if (r != exact)
		o.flags = NX;
	o.value = fmt == 'd' ? from_d((double)r) : from_s((float)r);
	return o;
}

/* ---- without rounding ------------------------------------------------------------------------ */

static u64 sign_of(char fmt)
{
	return fmt == 'd' ? 1ull << 63 : 1ull << 31;
}

/* A single operand as bits: NaN if it is not boxed. */
static u64 operand(char fmt, u64 bits)
{
	if (fmt == 'd')
		return bits;
	return (bits & BOXED) == BOXED ? bits : BOXED | NAN_S;
}

static struct outcome min_max(char fmt, bool max, u64 a, u64 b)
{
	quad x = value_of(fmt, a), y = value_of(fmt, b);
	bool a_first; /* a is the lesser one */
	struct outcome o = { 0, 0 };

	a = operand(fmt, a);
	b = operand(fmt, b);
	if (is_snan(fmt, a) || is_snan(fmt, b))
		o.flags = NV;
	if (x != x && y != y) {
		o.value = fmt == 'd' ? NAN_D : BOXED | NAN_S;
		return o;
	}
	a_first = x < y || (x == y && (a & sign_of(fmt)));
	if (x != x)
		o.value = b;
	else if (y != y)
		o.value = a;
	else
		o.value = a_first != max ? a : b;
	return o;
}

static struct outcome compare(char fmt, const char *op, u64 a, u64 b)
{
	quad x = value_of(fmt, a), y = value_of(fmt, b);
	bool nan = x != x || y != y;
	struct outcome o = { 0, 0 };

	if (!strncmp(op, "feq", 3)) {
		o.value = x == y;
		o.flags = is_snan(fmt, a) || is_snan(fmt, b) ? NV : 0;
	} else {
		o.value = op[2] == 't' ? x < y : x <= y;
		o.flags = nan ? NV : 0;
	}
	return o;
}

static u64 classify(char fmt, u64 bits)
{
	double d = fmt == 'd' ? to_d(bits) : (double)to_s(bits);
	bool negative = operand(fmt, bits) & sign_of(fmt);
	int kind = fmt == 'd' ? fpclassify(d) : fpclassify(to_s(bits));

	switch (kind) {
	case FP_INFINITE:
		return negative ? 1 << 0 : 1 << 7;
	case FP_NORMAL:
		return negative ? 1 << 1 : 1 << 6;
	case FP_SUBNORMAL:
		return negative ? 1 << 2 : 1 << 5;
	case FP_ZERO:
		return negative ? 1 << 3 : 1 << 4;
	default:
		return is_snan(fmt, bits) ? 1 << 8 : 1 << 9;
	}
}

static u64 inject(char fmt, const char *op, u64 a, u64 b)
{
	u64 s = sign_of(fmt), x = operand(fmt, a), y = operand(fmt, b);
	bool negative = op[5] == 'n' ? !(y & s) : op[5] == 'x' ? !(x & s) != !(y & s) : y & s;

	return negative ? x | s : x & ~s;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const char *const arithmetic_names[] = { "fadd",	 "fsub",  "fmul",   "fdiv",  "fsqrt",
						"fmadd", "fmsub", "fnmsub", "fnmadd" };

/* op without rounding mode; a is what is in fa1 and in a1. False: not known. */
static bool expect(const char *op, int rm, u64 a, u64 b, u64 c, struct outcome *o)
{
	const char *dot = strchr(op, '.');
	size_t stem = dot ? (size_t)(dot - op) : strlen(op);
	char fmt = op[strlen(op) - 1];

	o->flags = 0;
	for (unsigned int i = 0; i < sizeof(arithmetic_names) / sizeof(arithmetic_names[0]); i++)
		if (strlen(arithmetic_names[i]) == stem && !strncmp(op, arithmetic_names[i], stem)) {
			*o = arithmetic((enum operation)i, fmt, rm, a, b, c);
			return true;
		}
	if (!strcmp(op, "fcvt.s.d"))
		*o = arithmetic(CONVERT, 's', rm, a, 0, 0);
	else if (!strcmp(op, "fcvt.d.s"))
		*o = (struct outcome){ from_d((double)to_s(a)), is_snan('s', a) ? NV : 0 };
	else if (!strncmp(op, "fcvt.w", 6) || !strncmp(op, "fcvt.l", 6))
		*o = to_integer(fmt, op + 5, rm, a);
	else if (!strncmp(op, "fcvt", 4))
		*o = from_integer(op[5], op + 7, rm, a);
	else if (!strncmp(op, "fsgnj", 5))
		o->value = inject(fmt, op, a, b);
	else if (!strncmp(op, "fmin", 4) || !strncmp(op, "fmax", 4))
		*o = min_max(fmt, op[2] == 'a', a, b);
	else if (!strncmp(op, "feq", 3) || !strncmp(op, "flt", 3) || !strncmp(op, "fle", 3))
		*o = compare(fmt, op, a, b);
	else if (!strncmp(op, "fclass", 6))
		o->value = classify(fmt, a);
	else if (!strcmp(op, "fmv.x.w"))
		o->value = (u64)(int64_t)(int32_t)a;
	else if (!strcmp(op, "fmv.w.x") || !strcmp(op, "flw"))
		o->value = BOXED | (u32)a;
	else if (!strcmp(op, "fsw"))
		o->value = (u32)a;
	else if (!strcmp(op, "fmv.x.d") || !strcmp(op, "fmv.d.x") || !strcmp(op, "fld") ||
		 !strcmp(op, "fsd"))
		o->value = a;
	else
		return false;
	return true;
}

/* True if the result is in a0. */
static bool integer_result(const char *op)
{
	return !strncmp(op, "fcvt.w", 6) || !strncmp(op, "fcvt.l", 6) || !strncmp(op, "feq", 3) ||
	       !strncmp(op, "flt", 3) || !strncmp(op, "fle", 3) || !strncmp(op, "fclass", 6) ||
	       !strncmp(op, "fmv.x", 5) || !strcmp(op, "fsw") || !strcmp(op, "fsd");
}

static const u64 edges_d[] = {
	0, 1, 0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x3ff0000000000000,
	0x3ff0000000000001, 0x3fefffffffffffff, 0x3fe0000000000000, 0x3ff8000000000000,
	0x4004000000000000, 0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e0000000000000,
	0x41efffffffe00000, 0x41effffffff00000, 0x41f0000000000000, 0x43e0000000000000,
	0x43dfffffffffffff, 0x43f0000000000000, 0x43efffffffffffff, 0x47efffffe0000000,
	0x47effffff0000000, 0x47f0000000000000, 0x36a0000000000000, 0x3690000000000000,
	0x380fffffe0000000, 0x380ffffff0000000, 0x7fefffffffffffff, 0x7ff0000000000000,
	0x7ff8000000000000, 0x7ff0000000000001, 0x7fffffffffffffff, 0x1ff0000000000000,
};
static const u32 edges_s[] = {
	0, 1, 2, 0x007fffff, 0x00800000, 0x00800001, 0x3f800000, 0x3f800001, 0x3f7fffff,
	0x3f000000, 0x3fc00000, 0x40200000, 0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000,
	0x5effffff, 0x5f000000, 0x5f7fffff, 0x5f800000, 0x7f7fffff, 0x7f800000, 0x7fc00000,
	0x7f800001, 0x7fffffff, 0x20000000, 0x1f800000,
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An operand: an edge, random bits, or a number of few bits near one, for ties. */
static u64 pick(bool single, bool integer)
{
	u64 r = next_random(), choice = next_random() % 8;

	if (integer) {
		/* Few bits set near the ends make ties. */
		r >>= next_random() % 64;
		if (choice < 3)
			r = (r & 0x7ff) << next_random() % 54 | choice;
		return choice & 1 ? 0 - r : r;
	}
	if (single) {
		u32 s;

		if (choice == 0)
			s = edges_s[r % COUNT(edges_s)];
		else if (choice < 3)
			s = (u32)r;
		else if (choice < 6)
			s = (u32)(r & 0x807ff000u) | (u32)(127 - 24 + next_random() % 40) << 23 |
			    (choice == 5 ? (u32)next_random() & 3 : 0);
		else
			s = (u32)(r & 0x80ffffffu);
		if (next_random() & 1)
			s ^= 1u << 31;
		/* Rarely not boxed. */
		return next_random() % 32 ? BOXED | s : (r & BOXED) | s;
	}
	if (choice == 0)
		r = edges_d[r % COUNT(edges_d)];
	else if (choice < 3)
		;
	else if (choice < 6)
		r = (r & 0x800fffffe0000000) | (1023 - 53 + next_random() % 90) << 52 |
		    (choice == 5 ? next_random() & 3 : 0);
	else
		r &= 0x801fffffffffffff;
	return next_random() & 1 ? r ^ 1ull << 63 : r;
}

/* The kind of the first operand: 's', 'd', or 'x' for an integer. */
static char source(const char *op)
{
	size_t n = strlen(op);

	if (!strncmp(op, "fmv", 3) || !strchr(op, '.'))
		return n % 2 ? 'x' : 'd'; /* any bits will do */
	if (op[n - 1] == 'u' || op[n - 1] == 'w' || op[n - 1] == 'l' || op[n - 1] == 'x')
		return 'x';
	return op[n - 1];
}

static bool run_one(struct box *box, const char *op, u64 pc, int static_rm, int frm, u64 a, u64 b,
		    u64 c)
{
	struct rv_hart *hart = &box->hart;
	int rm = static_rm < 0 ? frm : static_rm;
	struct outcome want;
	unsigned int flags;
	u64 got;

	if (!expect(op, rm, a, b, c, &want)) {
		tap_diag("no expectation for '%s'", op);
		return false;
	}
	/* Set frm as programs do: fscsr a0; then the stub. */
	rv_reset(hart, BOX_END - BOX_PAGE);
	hart->x[10] = (u64)frm << 5;
	if (rv_run(hart, 10) != RV_STOP_ENV)
		return false;
	hart->pc = pc;
	hart->x[10] = 0;
	hart->x[11] = a;
	hart->f[11] = a;
	hart->f[12] = b;
	hart->f[13] = c;
	if (rv_run(hart, 100) != RV_STOP_ENV) {
		tap_diag("trap %u", hart->trap_cause);
		return false;
	}
	got = integer_result(op) ? hart->x[10] : hart->f[10];
	/* frcsr a0 */
	hart->pc = BOX_END - BOX_PAGE + 16;
	rv_run(hart, 10);
	flags = hart->x[10] & 31;
	if (got == want.value && flags == want.flags && hart->x[10] >> 5 == (u64)frm)
		return true;
	tap_diag("frm %d rm %d a %#llx b %#llx c %#llx: got %#llx %#x, want %#llx %#x", frm,
		 static_rm, (unsigned long long)a, (unsigned long long)b, (unsigned long long)c,
		 (unsigned long long)got, flags, (unsigned long long)want.value, want.flags);
	return false;
}

static bool run_stub(struct box *box, const char *op, u64 pc, int static_rm, unsigned int rounds)
{
	char kind = source(op), fmt = op[strlen(op) - 1] == 's' ? 's' : 'd';
	unsigned int few = kind == 'x' ? 0 : kind == 's' ? COUNT(edges_s) : COUNT(edges_d);

	for (unsigned int i = 0; i < few * few * 2; i++) {
		u64 a = kind == 's' ? BOXED | edges_s[i % few] : edges_d[i % few];
		u64 b = kind == 's' ? BOXED | edges_s[i / few % few] : edges_d[i / few % few];
		u64 c = pick(fmt == 's', false);

		if (i & 1)
			a ^= sign_of(kind);
		if (i & 2)
			b ^= sign_of(kind);
		if (!run_one(box, op, pc, static_rm, (int)(i % 5), a, b, c))
			return false;
	}
	for (unsigned int i = 0; i < rounds; i++) {
		u64 a = pick(kind == 's', kind == 'x'), b = pick(fmt == 's', false);
		u64 c = pick(fmt == 's', false);

		/* Cancellation is rare among random numbers. */
		if (i % 4 == 0 && fmt == 'd' && kind == 'd')
			c = from_d(-(to_d(a) * to_d(b))) + (next_random() % 3) - 1;
		if (i % 4 == 0 && fmt == 's' && kind == 's')
			c = from_s(-(to_s(a) * to_s(b))) ^ (next_random() % 2);
		if (!run_one(box, op, pc, static_rm, (int)(i % 5), a, b, c))
			return false;
	}
	return true;
}

/* An frm of 5, 6 or 7 makes every instruction that uses it illegal, and no other. */
static void test_bad_frm(struct box *box, u64 fadd_dyn, u64 fadd_rne)
{
	struct rv_hart *hart = &box->hart;

	for (u64 frm = 5; frm < 8; frm++) {
		rv_reset(hart, BOX_END - BOX_PAGE);
		hart->x[10] = frm << 5;
		rv_run(hart, 10);
		hart->pc = fadd_dyn;
		tap_ok(rv_run(hart, 10) == RV_STOP_TRAP && hart->trap_cause == RV_ILLEGAL &&
			       hart->pc == fadd_dyn,
		       "frm %d: dynamic rounding is illegal", (int)frm);
		hart->pc = fadd_rne;
		tap_ok(rv_run(hart, 10) == RV_STOP_ENV, "frm %d: static rounding is not", (int)frm);
	}
}

int main(int argc, char **argv)
{
	/* More rounds than by default, for a longer look. */
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 3000;
	static const char *const modes[] = { "rne", "rtz", "rdn", "rup", "rmm" };
	struct box *box = box_new(RV_MODE_USER);
	const uint8_t *entry = guest_fp;
	unsigned int count = 0;
	u64 fadd_dyn = 0, fadd_rne = 0, va;

	box_put(box, BOX_BASE, guest_fp, guest_fp_size);
	va = BOX_END - BOX_PAGE;
	box_put32(box, &va, 0x00351073); /* fscsr a0 */
	box_put32(box, &va, 0x0000000b);
	va = BOX_END - BOX_PAGE + 16;
	box_put32(box, &va, 0x00302573); /* frcsr a0 */
	box_put32(box, &va, 0x0000000b);
	for (; entry[0]; entry += 32, count++) {
		const char *name = (const char *)entry;
		int static_rm = -1;
		char op[24];
		u64 pc;

		memcpy(&pc, entry + 24, 8);
		strcpy(op, name);
		if (strchr(op, '/')) {
			for (int i = 0; i < 5; i++)
				if (!strcmp(strchr(op, '/') + 1, modes[i]))
					static_rm = i;
			*strchr(op, '/') = 0;
		}
		if (!strcmp(name, "fadd.d"))
			fadd_dyn = pc;
		if (!strcmp(name, "fadd.d/rne"))
			fadd_rne = pc;
		tap_ok(run_stub(box, op, pc, static_rm, rounds), "%s", name);
	}
	tap_ok(count > 200, "the table of stubs is whole (%u)", count);
	test_bad_frm(box, fadd_dyn, fadd_rne);
	box_free(box);
	return tap_done();
}
