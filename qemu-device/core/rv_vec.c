// SPDX-License-Identifier: MIT
/*
 * Vector configuration, legality, masks and the running of element functions.
 *
 * An element function sees dense arrays. What a mask leaves out is either computed and thrown away,
 * or, if computing it would show in fflags or vxsat, left out of the arrays.
 */
#include <errno.h>
#include <stdlib.h>

#include "rv_vec.h"

/* ---- configuration --------------------------------------------------------------------------- */

int rv_set_vlen(struct rv_hart *hart, unsigned int vlen)
{
	const size_t vlenb = vlen / 8, size = (32 + 8 * (size_t)RV_SCRATCH_COUNT) * vlenb;
	struct rv_vec_plan *plans;
	uint8_t *v;

	if (vlen < RV_VLEN_MIN || vlen > RV_VLEN_MAX || (vlen & (vlen - 1)))
		return -EINVAL;
	v = aligned_alloc(64, (size + 63) & ~(size_t)63);
	plans = calloc(RV_VEC_PLANS, sizeof(*plans));
	if (!v || !plans) {
		free(v);
		free(plans);
		return -ENOMEM;
	}
	free(hart->v);
	free(hart->vec_plans);
	hart->v = v;
	hart->vec_plans = plans;
	hart->vec_host = rv_vec_host_detect();
	hart->vlenb = (uint32_t)vlenb;
	rv_vec_reset(hart);
	rv_code_drop(hart);
	return 0;
}

void rv_vec_reset(struct rv_hart *hart)
{
	if (!hart->v)
		return;
	memset(hart->v, 0, (size_t)32 * hart->vlenb);
	hart->vl = 0;
	hart->vstart = 0;
	hart->vtype = RV_VTYPE_VILL;
	hart->vlmul = 0;
	hart->vsew = 0;
	hart->vxrm = 0;
	hart->vxsat = 0;
}

bool rv_vec_is_set(uint32_t insn)
{
	return !(insn >> 31) || insn >> 30 == 3 || insn >> 25 == 0x40;
}

/* VLMAX of a vtype, 0 if it is not supported. */
static uint32_t vlmax_of(const struct rv_hart *hart, uint64_t vtype)
{
	const unsigned int vlmul = vtype & 7, sew = vtype >> 3 & 7;
	const int lmul = vlmul < 4 ? (int)vlmul : (int)vlmul - 8;

	/* A fraction must leave room for an element of 64 bits: SEW <= LMUL * ELEN. */
	if (vtype >> 8 || vlmul == 4 || sew > 3 || (int)sew > 3 + lmul)
		return 0;
	return lmul < 0 ? hart->vlenb >> sew >> -lmul : hart->vlenb >> sew << lmul;
}

bool rv_vec_config(struct rv_hart *hart, uint64_t vtype, uint32_t vl)
{
	const bool vill = vtype == RV_VTYPE_VILL;
	const uint32_t vlmax = vill ? 0 : vlmax_of(hart, vtype);

	if ((!vill && !vlmax) || vl > vlmax) {
		rv_vec_reset(hart);
		return false;
	}
	hart->vtype = vtype;
	hart->vl = vl;
	hart->vsew = vill ? 0 : vtype >> 3 & 7;
	hart->vlmul = vill ? 0 : (int8_t)((vtype & 7) < 4 ? vtype & 7 : (vtype & 7) - 8);
	return true;
}

void rv_vec_set(struct rv_hart *hart, uint32_t insn)
{
	const unsigned int rd = rv_vd(insn), rs1 = rv_vs1(insn);
	const uint32_t before = hart->vtype & RV_VTYPE_VILL ? 0 : vlmax_of(hart, hart->vtype);
	uint64_t avl = hart->x[rs1], vtype;
	bool keep = false;
	uint32_t vlmax;

	if (insn >> 30 == 3) {
		avl = rs1;
		vtype = insn >> 20 & 0x3ff;
	} else {
		vtype = insn >> 31 ? hart->x[rv_vs2(insn)] : insn >> 20 & 0x7ff;
		if (rs1 == 0) {
			avl = UINT64_MAX;
			keep = rd == 0;
		}
	}
	vlmax = vlmax_of(hart, vtype);
	/* vl can be kept only while VLMAX is; anything else is reserved. */
	if (!vlmax || (keep && vlmax != before)) {
		hart->vtype = RV_VTYPE_VILL;
		hart->vsew = 0;
		hart->vlmul = 0;
		hart->vl = 0;
	} else {
		hart->vtype = vtype;
		hart->vsew = vtype >> 3 & 7;
		hart->vlmul = (int8_t)((vtype & 7) < 4 ? vtype & 7 : (vtype & 7) - 8);
		if (!keep)
			hart->vl = avl < vlmax ? (uint32_t)avl : vlmax;
	}
	hart->vstart = 0;
	if (rd)
		hart->x[rd] = hart->vl;
}

/* ---- legality -------------------------------------------------------------------------------- */

bool rv_vgroup_ok(const struct rv_vgroup *g)
{
	if (g->eew > 3 || g->emul > 3 || g->emul < -3 || (g->eew < 0 && g->eew != -3))
		return false;
	return !(g->reg & (g->regs - 1));
}

bool rv_vgroup_meet(const struct rv_vgroup *a, const struct rv_vgroup *b)
{
	return a->reg < b->reg + b->regs && b->reg < a->reg + a->regs;
}

bool rv_vgroup_may_write(const struct rv_vgroup *d, const struct rv_vgroup *s)
{
	if (!rv_vgroup_meet(d, s) || d->eew == s->eew)
		return true;
	/* Narrower: only over the lowest part of the source; wider: under its own highest part. */
	if (d->eew < s->eew)
		return d->reg == s->reg;
	return s->emul >= 0 && s->reg + s->regs == d->reg + d->regs;
}

static struct rv_vgroup group_of(const struct rv_vop *op, unsigned int kind, unsigned int reg)
{
	static const int8_t wider[] = { [RV_K_S] = 0, [RV_K_W] = 1, [RV_K_H2] = -1, [RV_K_H4] = -2,
					[RV_K_H8] = -3 };
	struct rv_vgroup g = { .reg = reg };

	switch (kind) {
	case RV_K_M:
		g.eew = -3;
		g.emul = 0;
		break;
	case RV_K_1:
	case RV_K_1W:
		g.eew = (int)op->sew + (kind == RV_K_1W);
		g.emul = 0;
		break;
	case RV_K_E16:
		g.eew = 1;
		g.emul = op->lmul + 1 - (int)op->sew;
		break;
	default:
		g.eew = (int)op->sew + wider[kind];
		g.emul = op->lmul + wider[kind];
		if (g.eew < 0)
			g.eew = 4; /* does not exist */
		break;
	}
	g.regs = rv_vregs(g.emul > 3 ? 3 : g.emul);
	return g;
}

static bool single(unsigned int kind)
{
	return kind == RV_K_1 || kind == RV_K_1W;
}

/*
 * Widths, alignment and overlaps of the operands. A register that is read in two widths is reserved,
 * but public test suites have some: each operand reads it as its own width says.
 */
static bool operands_ok(const struct rv_vop *op)
{
	const struct rv_vinsn *row = op->row;
	const uint32_t insn = op->insn;
	struct rv_vgroup d = { 0 }, s[3];
	unsigned int n = 0;

	if (row->a != RV_K_NONE)
		s[n++] = group_of(op, row->a, rv_vs2(insn));
	if (row->b != RV_K_NONE && !op->scalar)
		s[n++] = group_of(op, row->b, rv_vs1(insn));
	if (op->masked)
		s[n++] = (struct rv_vgroup){ .reg = 0, .regs = 1, .eew = -3 };
	if (row->d != RV_K_NONE) {
		d = group_of(op, row->d, rv_vd(insn));
		if (!rv_vgroup_ok(&d))
			return false;
		if (op->masked && d.reg == 0 &&
		    (row->flags & RV_VF_NO_OVL || (row->d != RV_K_M && !single(row->d))))
			return false;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (!rv_vgroup_ok(&s[i]))
			return false;
		if (row->d == RV_K_NONE || single(row->d))
			continue;
		if (row->flags & RV_VF_NO_OVL ? rv_vgroup_meet(&d, &s[i]) :
						!rv_vgroup_may_write(&d, &s[i]))
			return false;
	}
	return true;
}

/* ---- element-wise instructions --------------------------------------------------------------- */

/* Bits [start, start + n) of mask as bytes. */
static void mask_bytes(uint8_t *to, const uint8_t *mask, size_t start, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = rv_vbit(mask, start + i);
}

/* d[i] = from[i] where the mask is set. */
#define MERGE(bits)                                                                           \
	RV_CLONES static void merge##bits(uint##bits##_t *d, const uint##bits##_t *from,      \
					  const uint8_t *m, size_t n)                         \
	{                                                                                     \
		RV_IVDEP                                                                      \
		for (size_t i = 0; i < n; i++)                                                \
			d[i] = m[i] ? from[i] : d[i];                                         \
	}
MERGE(8)
MERGE(16)
MERGE(32)
MERGE(64)

static void merge(void *d, const void *from, const uint8_t *m, size_t n, unsigned int size)
{
	switch (size) {
	case 0:
		merge8(d, from, m, n);
		break;
	case 1:
		merge16(d, from, m, n);
		break;
	case 2:
		merge32(d, from, m, n);
		break;
	default:
		merge64(d, from, m, n);
		break;
	}
}

/* The elements of from that the mask selects, one after the other; returns how many. */
static size_t gather(void *to, const void *from, unsigned int size, const uint8_t *mask,
		     size_t start, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (rv_vbit(mask, start + i))
			rv_vput(to, count++, size, rv_vget(from, i, size));
	return count;
}

static void scatter(void *to, const void *from, unsigned int size, const uint8_t *mask,
		    size_t start, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (rv_vbit(mask, start + i))
			rv_vput(to, i, size, rv_vget(from, count++, size));
}

/* Bytes 0 and 1 to bits [start, start + n) of a mask register. */
static void pack(uint8_t *mask, const uint8_t *bytes, size_t start, size_t n)
{
	size_t i = 0;

	for (; i < n && (start + i) % 8; i++)
		rv_vset_bit(mask, start + i, bytes[i]);
	for (; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		/* Bit 8j of the word lands in bit 56 + j of the product. */
		mask[(start + i) >> 3] = (uint8_t)(word * 0x0102040810204080ull >> 56);
	}
	for (; i < n; i++)
		rv_vset_bit(mask, start + i, bytes[i]);
}

/* Bytes of an element, log2; masks as bytes. */
static unsigned int size_of(const struct rv_vop *op, unsigned int kind)
{
	return kind == RV_K_M ? 0 : (unsigned int)group_of(op, kind, 0).eew;
}

static void elementwise(const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const struct rv_vinsn *row = op->row;
	const unsigned int dsize = size_of(op, row->d), asize = size_of(op, row->a);
	const unsigned int bsize = row->b == RV_K_NONE ? 0 : size_of(op, row->b);
	const bool to_mask = row->d == RV_K_M, carry = row->flags & RV_VF_CARRY;
	const bool masked = op->masked && !carry;
	const bool pick = masked && (row->flags & RV_VF_IMPURE);
	uint8_t *const v0 = rv_vreg(hart, 0), *m = rv_vscratch(hart, RV_SCRATCH_M);
	uint8_t *const target = rv_vreg(hart, rv_vd(op->insn));
	void *const d = to_mask ? target : target + ((size_t)op->start << dsize);
	const size_t n = op->vl - op->start;
	struct rv_elems e = { .hart = hart, .n = n, .m = m, .d = d, .scalar = op->scalar };

	e.a = (uint8_t *)rv_vreg(hart, rv_vs2(op->insn)) + ((size_t)op->start << asize);
	if (op->scalar)
		e.b = &op->x;
	else if (row->b != RV_K_NONE)
		e.b = (uint8_t *)rv_vreg(hart, rv_vs1(op->insn)) + ((size_t)op->start << bsize);
	if (carry && !op->masked)
		memset(m, 0, n);
	else if (op->masked && !pick)
		mask_bytes(m, v0, op->start, n);
	if (masked || to_mask)
		e.d = rv_vscratch(hart, RV_SCRATCH_D);
	if (pick) {
		e.n = gather(rv_vscratch(hart, RV_SCRATCH_A), e.a, asize, v0, op->start, n);
		e.a = rv_vscratch(hart, RV_SCRATCH_A);
		if (row->b != RV_K_NONE && !op->scalar) {
			gather(rv_vscratch(hart, RV_SCRATCH_B), e.b, bsize, v0, op->start, n);
			e.b = rv_vscratch(hart, RV_SCRATCH_B);
		}
		if (row->flags & RV_VF_READ_D)
			gather(e.d, d, dsize, v0, op->start, n);
	} else if (masked && (row->flags & RV_VF_READ_D)) {
		memcpy(e.d, d, n << dsize);
	}
	row->fn[op->sew](&e);
	if (!masked) {
		if (to_mask)
			pack(target, e.d, op->start, n);
		return;
	}
	if (to_mask) {
		const uint8_t *result = e.d;
		size_t count = 0;

		for (size_t i = 0; i < n; i++)
			/* v0 may be the target: bit i is read before it is written. */
			if (rv_vbit(v0, op->start + i))
				rv_vset_bit(target, op->start + i, result[pick ? count++ : i]);
	} else if (pick) {
		scatter(d, e.d, dsize, v0, op->start, n);
	} else {
		merge(d, e.d, m, n, dsize);
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static void charge(const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const struct rv_vinsn *row = op->row;
	const struct rv_costs *costs = &hart->costs;
	const bool wide = row->d == RV_K_W || row->a == RV_K_W;
	uint64_t bytes = (uint64_t)op->vl << (op->sew + wide);
	uint64_t beats;

	if (row->a == RV_K_M && row->d != RV_K_S)
		bytes = (op->vl + 7) / 8;
	beats = rv_vec_beats(hart, bytes);
	switch (row->cost) {
	case RV_VC_DIV:
		beats *= costs->vec_div;
		break;
	case RV_VC_REDUCE:
		beats += costs->vec_reduce;
		break;
	case RV_VC_ORDERED:
		beats += (uint64_t)op->vl * costs->vec_ordered;
		break;
	case RV_VC_PERMUTE:
		beats *= costs->vec_permute;
		break;
	case RV_VC_MOVE: /* one element; vmv<n>r: n registers */
		bytes = row->whole == rv_vec_move_whole ?
				(uint64_t)hart->vlenb * ((op->insn >> 15 & 7) + 1) :
				1ull << op->sew;
		beats = rv_vec_beats(hart, bytes);
		break;
	}
	hart->vector_bytes += bytes;
	rv_vec_charge(hart, beats);
}

/* ---- execution ------------------------------------------------------------------------------- */

/* Fetch the scalar operand. */
static void get_scalar(struct rv_vop *op)
{
	const unsigned int funct3 = op->insn >> 12 & 7, rs1 = rv_vs1(op->insn);
	uint64_t f;

	op->scalar = true;
	switch (funct3) {
	case 3: /* OPIVI */
		op->x = op->row->flags & RV_VF_UIMM ? rs1 :
						      (uint64_t)((int64_t)((uint64_t)rs1 << 59) >> 59);
		break;
	case 4: /* OPIVX */
	case 6: /* OPMVX */
		op->x = op->hart->x[rs1];
		break;
	case 5: /* OPFVF; single precision that is not boxed is the canonical NaN */
		f = op->hart->f[rs1];
		op->x = op->sew == 3 ? f : f >= RV_BOX ? (uint32_t)f : RV_NAN_S;
		break;
	default:
		op->scalar = false;
		break;
	}
}

/* Note that the instruction is legal, and how to do it without looking at it again. */
static void learn(struct rv_vec_plan *plan, const struct rv_vop *op)
{
	struct rv_hart *hart = op->hart;
	const struct rv_vinsn *row = op->row;

	*plan = (struct rv_vec_plan){
		.key = rv_vec_key(hart, op->insn),
		.row = row,
		.d = rv_vd(op->insn) * hart->vlenb,
		.a = rv_vs2(op->insn) * hart->vlenb,
		.b = rv_vs1(op->insn) * hart->vlenb,
		.form = op->insn >> 12 & 7,
		.flags = row->flags & 0xff,
		.divides = row->cost == RV_VC_DIV,
	};
	if (row->fn && !op->masked && row->d != RV_K_M && !(row->flags & RV_VF_CARRY)) {
		plan->fn = row->fn[op->sew];
		plan->size = op->sew + (row->d == RV_K_W || row->a == RV_K_W);
	}
}

/* An instruction that is nothing but its element function. False: it is illegal after all. */
static inline bool straight(struct rv_hart *hart, uint32_t insn, const struct rv_vec_plan *plan)
{
	const unsigned int rs1 = rv_vs1(insn);
	const uint32_t n = hart->vl;
	struct rv_elems e = { .hart = hart, .n = n, .d = hart->v + plan->d, .a = hart->v + plan->a };
	const uint64_t bytes = (uint64_t)n << plan->size;
	uint64_t x, beats;

	if (plan->flags & RV_VF_FP) {
		if (unlikely((hart->mode != RV_MODE_USER && !rv_fp_enabled(hart)) ||
			     hart->frm > RV_RMM))
			return false;
		if (unlikely(!hart->fp_loaded))
			rv_fp_load(hart);
	}
	switch (plan->form) {
	case 3: /* OPIVI */
		x = plan->flags & RV_VF_UIMM ? rs1 :
					       (uint64_t)((int64_t)((uint64_t)rs1 << 59) >> 59);
		e.b = &x;
		e.scalar = true;
		break;
	case 4: /* OPIVX */
	case 6: /* OPMVX */
		e.b = &hart->x[rs1];
		e.scalar = true;
		break;
	case 5: /* OPFVF */
		x = hart->f[rs1];
		if (hart->vsew == 2 && x < RV_BOX)
			x = RV_NAN_S;
		e.b = &x;
		e.scalar = true;
		break;
	default:
		e.b = hart->v + plan->b;
		break;
	}
	plan->fn(&e);
	beats = rv_vec_beats(hart, bytes);
	if (unlikely(plan->divides))
		beats *= hart->costs.vec_div;
	hart->vector_bytes += bytes;
	rv_vec_charge(hart, beats);
	return true;
}

/* The long way: look at everything. */
static __attribute__((noinline)) bool exec_any(struct rv_hart *hart, uint32_t insn,
					       struct rv_vec_plan *plan)
{
	const bool known = plan->key == rv_vec_key(hart, insn);
	const struct rv_vinsn *row = known ? plan->row : rv_vec_rows[rv_vec_index(insn)];
	struct rv_vop op = {
		.hart = hart,
		.row = row,
		.insn = insn,
		.sew = hart->vsew,
		.lmul = hart->vlmul,
		.masked = !(insn >> 25 & 1),
		.vl = hart->vl,
		.start = hart->vstart,
	};

	/* Moves of whole registers do not depend on vtype. */
	if ((hart->vtype & RV_VTYPE_VILL) && row->whole != rv_vec_move_whole)
		return false;
	op.vlmax = hart->vlenb >> op.sew;
	op.vlmax = op.lmul < 0 ? op.vlmax >> -op.lmul : op.vlmax << op.lmul;
	get_scalar(&op);
	if (row->fn && !row->fn[op.sew])
		return false;
	if ((row->flags & RV_VF_START0) && op.start)
		return false;
	if (row->flags & RV_VF_FP) {
		if (op.sew < 2 && !row->fn)
			return false;
		if (!rv_fp_enabled(hart) || hart->frm > RV_RMM)
			return false;
		rv_fp_load(hart);
	}
	/* Whether operands go together depends on nothing but the instruction, SEW and LMUL. */
	if (!known) {
		if (!operands_ok(&op))
			return false;
		learn(plan, &op);
	}
	if (row->fn) {
		if (op.start < op.vl)
			elementwise(&op);
	} else if (!row->whole(&op)) {
		return false;
	}
	hart->vstart = 0;
	charge(&op);
	return true;
}

bool rv_vec_exec(struct rv_hart *hart, uint32_t insn, unsigned int number)
{
	struct rv_vec_plan *plan = &hart->vec_plans[number];

	if (likely(plan->key == rv_vec_key(hart, insn) && plan->fn && !hart->vstart)) {
		if (likely(straight(hart, insn, plan)))
			return true;
	} else if (likely(exec_any(hart, insn, plan))) {
		return true;
	}
	rv_raise(hart, RV_ILLEGAL, insn);
	return false;
}
