// SPDX-License-Identifier: MIT
/* Moves of elements between places: slides, gathers, compress, moves of registers. */
#include "rv_vec.h"

static bool is_active(const struct rv_vop *op, size_t i)
{
	return !op->masked || rv_vbit(rv_vreg(op->hart, 0), i);
}

/* vslideup: elements below the offset are left alone. */
bool rv_vec_slideup(const struct rv_vop *op)
{
	uint8_t *d = rv_vreg(op->hart, rv_vd(op->insn));
	const uint8_t *a = rv_vreg(op->hart, rv_vs2(op->insn));
	size_t i = op->x > op->start ? op->x : op->start;

	if (op->x >= op->vl || i >= op->vl)
		return true;
	if (!op->masked) {
		memcpy(d + (i << op->sew), a + ((i - op->x) << op->sew), (op->vl - i) << op->sew);
		return true;
	}
	for (; i < op->vl; i++)
		if (is_active(op, i))
			rv_vput(d, i, op->sew, rv_vget(a, i - op->x, op->sew));
	return true;
}

/* vslidedown: what comes from VLMAX on is 0. */
bool rv_vec_slidedown(const struct rv_vop *op)
{
	uint8_t *d = rv_vreg(op->hart, rv_vd(op->insn));
	const uint8_t *a = rv_vreg(op->hart, rv_vs2(op->insn));

	for (size_t i = op->start; i < op->vl; i++) {
		const bool inside = op->x < op->vlmax && i + op->x < op->vlmax;

		/* Reads are never behind writes, even if both are the same group. */
		if (is_active(op, i))
			rv_vput(d, i, op->sew, inside ? rv_vget(a, i + op->x, op->sew) : 0);
	}
	return true;
}

/* vslide1up, vfslide1up */
bool rv_vec_slide1up(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const void *a = rv_vreg(op->hart, rv_vs2(op->insn));

	for (size_t i = op->start; i < op->vl; i++)
		if (is_active(op, i))
			rv_vput(d, i, op->sew, i ? rv_vget(a, i - 1, op->sew) : op->x);
	return true;
}

/* vslide1down, vfslide1down */
bool rv_vec_slide1down(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const void *a = rv_vreg(op->hart, rv_vs2(op->insn));

	for (size_t i = op->start; i < op->vl; i++)
		if (is_active(op, i))
			rv_vput(d, i, op->sew,
				i + 1 < op->vl ? rv_vget(a, i + 1, op->sew) : op->x);
	return true;
}

/* vrgather.vv, .vx, .vi, vrgatherei16.vv */
bool rv_vec_gather(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const void *a = rv_vreg(op->hart, rv_vs2(op->insn)), *b = rv_vreg(op->hart, rv_vs1(op->insn));
	const unsigned int bsize = op->row->b == RV_K_E16 ? 1 : op->sew;

	for (size_t i = op->start; i < op->vl; i++) {
		uint64_t from = op->x;

		if (!is_active(op, i))
			continue;
		if (!op->scalar)
			from = rv_vget(b, i, bsize);
		rv_vput(d, i, op->sew, from < op->vlmax ? rv_vget(a, from, op->sew) : 0);
	}
	return true;
}

bool rv_vec_compress(const struct rv_vop *op)
{
	void *d = rv_vreg(op->hart, rv_vd(op->insn));
	const void *a = rv_vreg(op->hart, rv_vs2(op->insn));
	const uint8_t *b = rv_vreg(op->hart, rv_vs1(op->insn));
	size_t count = 0;

	for (size_t i = 0; i < op->vl; i++)
		if (rv_vbit(b, i))
			rv_vput(d, count++, op->sew, rv_vget(a, i, op->sew));
	return true;
}

/* vmv1r.v, vmv2r.v, vmv4r.v, vmv8r.v: vl does not matter, vstart counts elements of SEW. */
bool rv_vec_move_whole(const struct rv_vop *op)
{
	const unsigned int regs = rv_vs1(op->insn) + 1, d = rv_vd(op->insn), s = rv_vs2(op->insn);
	const size_t bytes = (size_t)regs * op->hart->vlenb, from = (size_t)op->start << op->sew;

	if (from < bytes && d != s)
		memcpy((uint8_t *)rv_vreg(op->hart, d) + from,
		       (uint8_t *)rv_vreg(op->hart, s) + from, bytes - from);
	return true;
}
