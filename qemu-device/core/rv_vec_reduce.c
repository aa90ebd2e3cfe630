// SPDX-License-Identifier: MIT
/* Reductions. Elements are taken in their order, unordered sums too: that is one of their orders. */
#include "rv_fp_host.h"
#include "rv_vec_float.h"

static bool is_active(const struct rv_vop *op, size_t i)
{
	return !op->masked || rv_vbit(rv_vreg(op->hart, 0), i);
}

static uint64_t combine(unsigned int which, uint64_t a, uint64_t b, unsigned int size)
{
	switch (which) {
	case 0:
		return a + b;
	case 1:
		return a & b;
	case 2:
		return a | b;
	case 3:
		return a ^ b;
	case 4:
		return a < b ? a : b;
	case 5:
		return rv_vsext(a, size) < rv_vsext(b, size) ? a : b;
	case 6:
		return a > b ? a : b;
	default:
		return rv_vsext(a, size) > rv_vsext(b, size) ? a : b;
	}
}

/* Sums of unmasked vectors are what compilers make most of. */
#define SUM(bits)                                                                             \
	RV_CLONES static uint64_t sum##bits(const uint##bits##_t *a, size_t n)                \
	{                                                                                     \
		uint##bits##_t sum = 0;                                                       \
		for (size_t i = 0; i < n; i++)                                                \
			sum = (uint##bits##_t)(sum + a[i]);                                   \
		return sum;                                                                   \
	}
SUM(8)
SUM(16)
SUM(32)
SUM(64)

/* vredsum and the like, vwredsumu, vwredsum */
bool rv_vec_reduce(const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const unsigned int funct6 = op->insn >> 26;
	const bool wide = op->row->d == RV_K_1W, extend = wide && (funct6 & 1);
	const unsigned int size = op->sew + wide, which = wide ? 0 : funct6 & 7;
	const void *a = rv_vreg(hart, rv_vs2(op->insn));
	uint64_t value = rv_vget(rv_vreg(hart, rv_vs1(op->insn)), 0, size);

	if (op->vl == 0)
		return true;
	if (!wide && which == 0 && !op->masked) {
		value += op->sew == 0 ? sum8(a, op->vl) :
			 op->sew == 1 ? sum16(a, op->vl) :
			 op->sew == 2 ? sum32(a, op->vl) :
					sum64(a, op->vl);
	} else {
		for (size_t i = 0; i < op->vl; i++) {
			uint64_t e = rv_vget(a, i, op->sew);

			if (!is_active(op, i))
				continue;
			if (extend)
				e = (uint64_t)rv_vsext(e, op->sew);
			value = combine(which, value, e, size);
		}
	}
	rv_vput(rv_vreg(hart, rv_vd(op->insn)), 0, size, value);
	return true;
}

/* ---- floating point -------------------------------------------------------------------------- */

static uint64_t add(struct rv_hart *hart, enum rv_fmt fmt, uint64_t a, uint64_t b,
		    unsigned int *flags)
{
#if RV_HOST_FP
	if (rv_vhost_rounds(hart)) {
		if (fmt == RV_FMT_S) {
			const uint32_t r = rv_vfrom_s(rv_host_add_s(rv_vto_s((uint32_t)a),
								   rv_vto_s((uint32_t)b)));

			return RV_IS_NAN_s(r) ? RV_QNAN_s : r;
		} else {
			const uint64_t r = rv_vfrom_d(rv_host_add_d(rv_vto_d(a), rv_vto_d(b)));

			return RV_IS_NAN_d(r) ? RV_QNAN_d : r;
		}
	}
#endif
	return rv_soft_add(fmt, a, b, (enum rv_rm)hart->frm, flags);
}

/*
 * The extreme of n > 0 elements, to *value: the upper half against the lower one, until one is left.
 * The order does not matter, to NaNs, zeroes and flags neither.
 */
static void extreme_of(const struct rv_vop *op, rv_elem_fn extreme, const void *from, size_t n,
		       uint64_t *value)
{
	void *const scratch = rv_vscratch(op->hart, RV_SCRATCH_D);
	struct rv_elems e = { .d = scratch, .a = from, .hart = op->hart };

	while (n > 1) {
		const size_t half = (n + 1) / 2;

		e.b = (const uint8_t *)e.a + (half << op->sew);
		e.n = n - half;
		if (e.a == from && n % 2)
			memcpy((uint8_t *)scratch + (e.n << op->sew),
			       (const uint8_t *)from + (e.n << op->sew), 1u << op->sew);
		extreme(&e);
		e.a = scratch;
		n = half;
	}
	e.d = value;
	e.b = e.a;
	e.a = value;
	e.n = 1;
	extreme(&e);
}

/* vfredosum, vfredusum, vfredmin, vfredmax, vfwredosum, vfwredusum */
bool rv_vec_freduce(const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const unsigned int funct6 = op->insn >> 26;
	const bool wide = op->row->d == RV_K_1W, sum = wide || funct6 == 0x01 || funct6 == 0x03;
	const unsigned int size = op->sew + wide;
	const enum rv_fmt fmt = size == 2 ? RV_FMT_S : RV_FMT_D;
	const rv_elem_fn extreme = (funct6 == 0x05 ? rv_v_fmin : rv_v_fmax)[op->sew];
	const void *a = rv_vreg(hart, rv_vs2(op->insn));
	uint64_t value = rv_vget(rv_vreg(hart, rv_vs1(op->insn)), 0, size);
	unsigned int flags = 0;
	bool added = false;

	if (wide && op->sew != 2)
		return false;
	if (op->vl == 0)
		return true;
	if (!sum && !op->masked) {
		extreme_of(op, extreme, a, op->vl, &value);
		rv_vput(rv_vreg(hart, rv_vd(op->insn)), 0, size, value);
		return true;
	}
	for (size_t i = 0; i < op->vl; i++) {
		uint64_t e = rv_vget(a, i, op->sew);

		if (!is_active(op, i))
			continue;
		added = true;
		if (wide)
			e = rv_soft_convert(RV_FMT_D, RV_FMT_S, e, RV_RNE, &flags);
		if (sum) {
			value = add(hart, fmt, value, e, &flags);
		} else {
			const struct rv_elems one = { .d = &value, .a = &value, .b = &e, .n = 1,
						      .hart = hart };

			extreme(&one);
		}
	}
	/* Unordered sums of nothing: as if the identity had been added, which shows in a NaN. */
	if (!added && (funct6 == 0x01 || funct6 == 0x31))
		value = rv_soft_add(fmt, value, fmt == RV_FMT_S ? RV_SIGN_s : RV_SIGN_d, RV_RNE,
				    &flags);
	hart->fflags |= (uint8_t)flags;
	rv_vput(rv_vreg(hart, rv_vd(op->insn)), 0, size, value);
	return true;
}
