// SPDX-License-Identifier: MIT
/*
 * The F and D instructions, complete, in software; and the host's floating-point environment, for
 * those that rv_run.c computes with the host's own instructions.
 */
#include "rv_fp_host.h"
#include "rv_internal.h"

/* ---- the host's environment ------------------------------------------------------------------ */

#if RV_HOST_FP

#define MXCSR_MASK_ALL 0x1f80u
#define MXCSR_IE       0x01u
#define MXCSR_ZE       0x04u
#define MXCSR_OE       0x08u
#define MXCSR_UE       0x10u
#define MXCSR_PE       0x20u

static inline uint32_t get_mxcsr(void)
{
	uint32_t value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static inline void set_mxcsr(uint32_t value)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(value));
}

void rv_fp_load(struct rv_hart *hart)
{
	/* RNE, RTZ, RDN, RUP as MXCSR.RC has them; the host is not asked to do the others. */
	static const uint8_t rc[4] = { 0, 3, 1, 2 };

	if (hart->fp_loaded)
		return;
	hart->host_fpcr = get_mxcsr();
	set_mxcsr(MXCSR_MASK_ALL | (uint32_t)rc[hart->frm & 3] << 13);
	hart->fp_loaded = true;
	hart->fp_host_rm = hart->frm < RV_RMM ? (uint8_t)(1u << hart->frm | 1u << RV_DYN) : 0;
	hart->fma_host_rm = __builtin_cpu_supports("fma") ? hart->fp_host_rm : 0;
}

void rv_fp_unload_now(struct rv_hart *hart)
{
	uint32_t value = get_mxcsr();

	set_mxcsr(hart->host_fpcr);
	hart->fp_loaded = false;
	hart->fp_host_rm = 0;
	hart->fma_host_rm = 0;
	hart->fflags |= (value & MXCSR_IE ? RV_F_NV : 0) | (value & MXCSR_ZE ? RV_F_DZ : 0) |
			(value & MXCSR_OE ? RV_F_OF : 0) | (value & MXCSR_UE ? RV_F_UF : 0) |
			(value & MXCSR_PE ? RV_F_NX : 0);
}

#else /* any other host: everything in software */

void rv_fp_load(struct rv_hart *hart)
{
	(void)hart;
}

void rv_fp_unload_now(struct rv_hart *hart)
{
	(void)hart;
}

#endif

/* ---- operands -------------------------------------------------------------------------------- */

/* A single-precision operand that is not properly boxed is the canonical NaN. */
static uint64_t get(const struct rv_hart *hart, enum rv_fmt fmt, unsigned int reg)
{
	uint64_t value = hart->f[reg];

	if (fmt == RV_FMT_D)
		return value;
	return value >= RV_BOX ? (uint32_t)value : RV_NAN_S;
}

static void put(struct rv_hart *hart, enum rv_fmt fmt, unsigned int reg, uint64_t value)
{
	hart->f[reg] = fmt == RV_FMT_D ? value : RV_BOX | (uint32_t)value;
}

static void put_int(struct rv_hart *hart, unsigned int reg, uint64_t value)
{
	if (reg)
		hart->x[reg] = value;
}

static uint64_t sign_bit(enum rv_fmt fmt)
{
	return fmt == RV_FMT_S ? 1ull << 31 : 1ull << 63;
}

static uint64_t infinity(enum rv_fmt fmt)
{
	return fmt == RV_FMT_S ? 0x7f800000ull : 0x7ff0000000000000ull;
}

static bool is_nan(enum rv_fmt fmt, uint64_t a)
{
	return (a & ~sign_bit(fmt)) > infinity(fmt);
}

static bool is_signaling(enum rv_fmt fmt, uint64_t a)
{
	uint64_t quiet = fmt == RV_FMT_S ? 1ull << 22 : 1ull << 51;

	return is_nan(fmt, a) && !(a & quiet);
}

/* ---- comparisons and the like ---------------------------------------------------------------- */

/* a < b for operands that are no NaNs; -0 < +0 if zeros_differ. */
static bool less(enum rv_fmt fmt, uint64_t a, uint64_t b, bool zeros_differ)
{
	bool na = a & sign_bit(fmt), nb = b & sign_bit(fmt);

	if (!zeros_differ && ((a | b) & ~sign_bit(fmt)) == 0)
		return false;
	if (na != nb)
		return na;
	return na ? a > b : a < b;
}

static bool compare(enum rv_fmt fmt, uint64_t a, uint64_t b, unsigned int funct3,
		    unsigned int *flags)
{
	if (is_nan(fmt, a) || is_nan(fmt, b)) {
		/* fle and flt signal for any NaN, feq for signaling ones only. */
		if (funct3 != 2 || is_signaling(fmt, a) || is_signaling(fmt, b))
			*flags |= RV_F_NV;
		return false;
	}
	switch (funct3) {
	case 0:
		return !less(fmt, b, a, false);
	case 1:
		return less(fmt, a, b, false);
	default:
		return !less(fmt, a, b, false) && !less(fmt, b, a, false);
	}
}

/* minimumNumber and maximumNumber: a NaN loses against a number. */
static uint64_t min_max(enum rv_fmt fmt, uint64_t a, uint64_t b, bool max, unsigned int *flags)
{
	if (is_signaling(fmt, a) || is_signaling(fmt, b))
		*flags |= RV_F_NV;
	if (is_nan(fmt, a) && is_nan(fmt, b))
		return fmt == RV_FMT_S ? RV_NAN_S : RV_NAN_D;
	if (is_nan(fmt, a))
		return b;
	if (is_nan(fmt, b))
		return a;
	return less(fmt, a, b, true) != max ? a : b;
}

static uint64_t classify(enum rv_fmt fmt, uint64_t a)
{
	uint64_t magnitude = a & ~sign_bit(fmt);
	uint64_t normal = fmt == RV_FMT_S ? 0x00800000ull : 0x0010000000000000ull;
	bool negative = a & sign_bit(fmt);
	unsigned int distance; /* from zero */

	if (is_nan(fmt, a))
		return is_signaling(fmt, a) ? 1u << 8 : 1u << 9;
	distance = magnitude == 0		 ? 0 :
		   magnitude < normal		 ? 1 :
		   magnitude < infinity(fmt)	 ? 2 :
						   3;
	return negative ? 1u << (3 - distance) : 1u << (4 + distance);
}

static uint64_t inject_sign(enum rv_fmt fmt, uint64_t a, uint64_t b, unsigned int funct3)
{
	uint64_t sign = funct3 == 0 ? b : funct3 == 1 ? ~b : a ^ b;

	return (a & ~sign_bit(fmt)) | (sign & sign_bit(fmt));
}

/* ---- instructions ---------------------------------------------------------------------------- */

static void fused(struct rv_hart *hart, enum rv_fmt fmt, uint32_t insn, enum rv_rm rm,
		  unsigned int *flags)
{
	unsigned int which = insn >> 2 & 3; /* fmadd, fmsub, fnmsub, fnmadd */
	uint64_t a = get(hart, fmt, insn >> 15 & 31), b = get(hart, fmt, insn >> 20 & 31);
	uint64_t c = get(hart, fmt, insn >> 27);

	if (which & 2)
		a ^= sign_bit(fmt);
	if (which == 1 || which == 3)
		c ^= sign_bit(fmt);
	put(hart, fmt, insn >> 7 & 31, rv_soft_fma(fmt, a, b, c, rm, flags));
}

/* fcvt and fmv and fclass between register files; rs2 says which integer. */
static void to_integer(struct rv_hart *hart, enum rv_fmt fmt, uint32_t insn, enum rv_rm rm,
		       unsigned int *flags)
{
	unsigned int rd = insn >> 7 & 31, which = insn >> 20 & 31;
	uint64_t a = get(hart, fmt, insn >> 15 & 31);

	put_int(hart, rd, rv_soft_to_int(fmt, a, which & 2 ? 64 : 32, !(which & 1), rm, flags));
}

static void from_integer(struct rv_hart *hart, enum rv_fmt fmt, uint32_t insn, enum rv_rm rm,
			 unsigned int *flags)
{
	unsigned int which = insn >> 20 & 31;
	uint64_t a = hart->x[insn >> 15 & 31];

	if (!(which & 2))
		a = which & 1 ? (uint32_t)a : (uint64_t)(int64_t)(int32_t)a;
	put(hart, fmt, insn >> 7 & 31, rv_soft_from_int(fmt, a, !(which & 1), rm, flags));
}

static void move_or_classify(struct rv_hart *hart, enum rv_fmt fmt, uint32_t insn)
{
	unsigned int rd = insn >> 7 & 31, rs1 = insn >> 15 & 31;

	if (insn >> 12 & 7)
		put_int(hart, rd, classify(fmt, get(hart, fmt, rs1)));
	else /* the bits as they are, boxed or not */
		put_int(hart, rd, fmt == RV_FMT_D ? hart->f[rs1] :
						    (uint64_t)(int64_t)(int32_t)hart->f[rs1]);
}

/* Opcode OP-FP; the decoder has seen to it that the instruction exists. */
static void op_fp(struct rv_hart *hart, enum rv_fmt fmt, uint32_t insn, enum rv_rm rm,
		  unsigned int *flags)
{
	unsigned int rd = insn >> 7 & 31, rs1 = insn >> 15 & 31, rs2 = insn >> 20 & 31;
	unsigned int funct3 = insn >> 12 & 7;
	uint64_t a = get(hart, fmt, rs1), b = get(hart, fmt, rs2);

	switch (insn >> 27) {
	case 0x00:
		put(hart, fmt, rd, rv_soft_add(fmt, a, b, rm, flags));
		break;
	case 0x01:
		/* The sign of a NaN is of no consequence. */
		put(hart, fmt, rd, rv_soft_add(fmt, a, b ^ sign_bit(fmt), rm, flags));
		break;
	case 0x02:
		put(hart, fmt, rd, rv_soft_mul(fmt, a, b, rm, flags));
		break;
	case 0x03:
		put(hart, fmt, rd, rv_soft_div(fmt, a, b, rm, flags));
		break;
	case 0x0b:
		put(hart, fmt, rd, rv_soft_sqrt(fmt, a, rm, flags));
		break;
	case 0x04:
		put(hart, fmt, rd, inject_sign(fmt, a, b, funct3));
		break;
	case 0x05:
		put(hart, fmt, rd, min_max(fmt, a, b, funct3, flags));
		break;
	case 0x08: { /* fmt is the destination's, rs2 the source's */
		enum rv_fmt from = rs2 ? RV_FMT_D : RV_FMT_S;

		put(hart, fmt, rd, rv_soft_convert(fmt, from, get(hart, from, rs1), rm, flags));
		break;
	}
	case 0x14:
		put_int(hart, rd, compare(fmt, a, b, funct3, flags));
		break;
	case 0x18:
		to_integer(hart, fmt, insn, rm, flags);
		break;
	case 0x1a:
		from_integer(hart, fmt, insn, rm, flags);
		break;
	case 0x1c:
		move_or_classify(hart, fmt, insn);
		break;
	case 0x1e:
		put(hart, fmt, rd, hart->x[rs1]);
		break;
	}
}

/* True for the OP-FP instructions whose funct3 is a rounding mode. */
static bool rounds(uint32_t insn)
{
	unsigned int funct5 = insn >> 27;

	return (insn & 0x7f) != 0x53 || funct5 <= 0x03 || funct5 == 0x08 || funct5 == 0x0b ||
	       funct5 == 0x18 || funct5 == 0x1a;
}

bool rv_fp_exec(struct rv_hart *hart, uint32_t insn)
{
	enum rv_fmt fmt = insn >> 25 & 3 ? RV_FMT_D : RV_FMT_S;
	unsigned int rm = insn >> 12 & 7, flags = 0;

	if (rounds(insn)) {
		if (rm == RV_DYN)
			rm = hart->frm;
		if (rm > RV_RMM)
			return false;
	}
	if ((insn & 0x7f) == 0x53)
		op_fp(hart, fmt, insn, (enum rv_rm)rm, &flags);
	else
		fused(hart, fmt, insn, (enum rv_rm)rm, &flags);
	hart->fflags |= (uint8_t)flags;
	return true;
}
