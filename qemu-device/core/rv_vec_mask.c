// SPDX-License-Identifier: MIT
/* Mask instructions. */
#include "rv_vec.h"

bool rv_vec_mask_logic(const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const uint8_t *a = rv_vreg(hart, rv_vs2(op->insn)), *b = rv_vreg(hart, rv_vs1(op->insn));
	const unsigned int funct6 = op->insn >> 26;
	uint8_t *d = rv_vreg(hart, rv_vd(op->insn));

	/* Byte by byte; of the bytes at either end only some bits belong to the body. */
	for (size_t i = op->start / 8; i * 8 < op->vl && op->start < op->vl; i++) {
		uint8_t body = 0xff, r;

		if (i == op->start / 8)
			body &= (uint8_t)(0xff << op->start % 8);
		if (op->vl - i * 8 < 8)
			body &= (uint8_t)((1u << (op->vl - i * 8)) - 1);
		switch (funct6) {
		case 0x18: /* vmandn */
			r = a[i] & (uint8_t)~b[i];
			break;
		case 0x19: /* vmand */
			r = a[i] & b[i];
			break;
		case 0x1a: /* vmor */
			r = a[i] | b[i];
			break;
		case 0x1b: /* vmxor */
			r = a[i] ^ b[i];
			break;
		case 0x1c: /* vmorn */
			r = a[i] | (uint8_t)~b[i];
			break;
		case 0x1d: /* vmnand */
			r = (uint8_t)~(a[i] & b[i]);
			break;
		case 0x1e: /* vmnor */
			r = (uint8_t)~(a[i] | b[i]);
			break;
		default: /* vmxnor */
			r = (uint8_t)~(a[i] ^ b[i]);
			break;
		}
		d[i] = (uint8_t)((d[i] & ~body) | (r & body));
	}
	return true;
}

/* Bits 8i..8i+7 of the source that take part. */
static uint8_t active(const struct rv_vop *op, size_t i)
{
	const uint8_t *a = rv_vreg(op->hart, rv_vs2(op->insn)), *v0 = rv_vreg(op->hart, 0);
	uint8_t bits = a[i];

	if (op->masked)
		bits &= v0[i];
	if (op->vl - i * 8 < 8)
		bits &= (uint8_t)((1u << (op->vl - i * 8)) - 1);
	return bits;
}

static void put_x(const struct rv_vop *op, uint64_t value)
{
	if (rv_vd(op->insn))
		op->hart->x[rv_vd(op->insn)] = value;
}

bool rv_vec_vcpop(const struct rv_vop *op)
{
	uint64_t count = 0;

	for (size_t i = 0; i * 8 < op->vl; i++)
		count += (unsigned int)__builtin_popcount(active(op, i));
	put_x(op, count);
	return true;
}

bool rv_vec_vfirst(const struct rv_vop *op)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i * 8 < op->vl && first == UINT64_MAX; i++) {
		const uint8_t bits = active(op, i);

		if (bits)
			first = i * 8 + (unsigned int)__builtin_ctz(bits);
	}
	put_x(op, first);
	return true;
}

/* vmsbf, vmsof, vmsif: before, only and including the first that is set. */
bool rv_vec_set_first(const struct rv_vop *op)
{
	const unsigned int which = rv_vs1(op->insn);
	uint8_t *d = rv_vreg(op->hart, rv_vd(op->insn));
	const uint8_t *a = rv_vreg(op->hart, rv_vs2(op->insn)), *v0 = rv_vreg(op->hart, 0);
	bool found = false;

	for (size_t i = 0; i < op->vl; i++) {
		bool set;

		if (op->masked && !rv_vbit(v0, i))
			continue;
		set = !found && rv_vbit(a, i);
		rv_vset_bit(d, i, which == 2 ? set : which == 1 ? !found && !set : !found);
		found |= set;
	}
	return true;
}

bool rv_vec_viota(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const uint8_t *a = rv_vreg(op->hart, rv_vs2(op->insn)), *v0 = rv_vreg(op->hart, 0);
	uint64_t count = 0;

	for (size_t i = 0; i < op->vl; i++) {
		if (op->masked && !rv_vbit(v0, i))
			continue;
		rv_vput(d, i, op->sew, count);
		count += rv_vbit(a, i);
	}
	return true;
}

bool rv_vec_vid(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const uint8_t *v0 = rv_vreg(op->hart, 0);

	for (size_t i = op->start; i < op->vl; i++)
		if (!op->masked || rv_vbit(v0, i))
			rv_vput(d, i, op->sew, i);
	return true;
}

/* ---- element 0 ------------------------------------------------------------------------------- */

bool rv_vec_mv_x_s(const struct rv_vop *op)
{
	const void *a = rv_vreg(op->hart, rv_vs2(op->insn));

	/* Whatever vl and vstart are. */
	put_x(op, (uint64_t)rv_vsext(rv_vget(a, 0, op->sew), op->sew));
	return true;
}

bool rv_vec_fmv_f_s(const struct rv_vop *op)
{
	const uint64_t value = rv_vget(rv_vreg(op->hart, rv_vs2(op->insn)), 0, op->sew);

	op->hart->f[rv_vd(op->insn)] = op->sew == 2 ? RV_BOX | value : value;
	return true;
}

/* vmv.s.x, vfmv.s.f */
bool rv_vec_mv_s_x(const struct rv_vop *op)
{
	if (op->start < op->vl)
		rv_vput(rv_vreg(op->hart, rv_vd(op->insn)), 0, op->sew, op->x);
	return true;
}
