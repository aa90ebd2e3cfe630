/* SPDX-License-Identifier: MIT */
/*
 * The vector extension's insides. Nothing outside of rv_*.c includes this.
 *
 * An instruction is a row of a table (rv_vec_table.c): what widths its operands have, and either a
 * function over dense arrays of elements, which knows nothing of masks, vstart and register
 * numbers, or one that does the whole instruction. rv_vec.c checks registers and widths by
 * the row, gathers what a mask selects, and calls it.
 *
 * Choices where the specification leaves one: tail and masked-off elements are left undisturbed
 * whatever vta and vma say; reserved encodings are illegal instructions; vl = min(AVL, VLMAX).
 */
#ifndef NPU_RV_VEC_H
#define NPU_RV_VEC_H

#include <string.h>

#include "rv_internal.h"

#define RV_VTYPE_VILL (1ull << 63)

/* Most elements of a group: LMUL 8, SEW 8. Bytes of a group too. */
#define RV_VEC_GROUP(hart) (8u * (hart)->vlenb)

/*
 * Loops over elements are compiled for several generations of hosts. Destination and
 * source may be the same register group, or overlap as far as the specification allows: an element
 * is never written before it was read, however many are done at a time. Not with ThreadSanitizer, as
 * what chooses the generation runs before it is ready.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(RV_NO_CLONES) && \
	!defined(__SANITIZE_THREAD__)
#define RV_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RV_CLONES
#endif
/* Loops of which there are copies, for operands that are known beforehand. */
#define RV_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define RV_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define RV_IVDEP _Pragma("GCC ivdep")
#endif

/* Elements to work on. Arrays are dense, and may overlap as register groups may. */
struct rv_elems {
	void *d; /* destination; also a source of multiply-add */
	const void *a, *b; /* vs2; vs1, or the scalar: one element */
	bool scalar; /* b is a scalar */
	const uint8_t *m; /* bits of v0 as bytes 0 and 1, for carries and merges */
	size_t n;
	struct rv_hart *hart;
};

typedef void (*rv_elem_fn)(const struct rv_elems *e);

/* Width of an operand, relative to SEW. */
enum rv_vkind {
	RV_K_NONE,
	RV_K_S, /* SEW */
	RV_K_W, /* 2 SEW */
	RV_K_H2, /* SEW / 2, / 4, / 8 */
	RV_K_H4,
	RV_K_H8,
	RV_K_M, /* mask */
	RV_K_1, /* element 0 of a single register, SEW */
	RV_K_1W, /* the same, 2 SEW */
	RV_K_E16, /* 16 bits, for vrgatherei16 */
};

/* Which of the host's vector instructions kernels written for them may use. */
enum rv_vec_host { RV_VEC_PLAIN, RV_VEC_AVX2, RV_VEC_AVX512, RV_VEC_HOSTS };

/* An instruction in execution. */
struct rv_vop {
	struct rv_hart *hart;
	const struct rv_vinsn *row;
	uint32_t insn;
	unsigned int sew; /* log2 of bytes */
	int lmul; /* log2 */
	bool masked;
	bool scalar; /* second operand is x, not a vector */
	uint32_t vl, start, vlmax;
	uint64_t x; /* scalar operand, in the low SEW bits; beyond them sign or zero as for x[] */
};

/* Flags of a row. */
#define RV_VF_VV     0x001u /* forms that exist */
#define RV_VF_VX     0x002u
#define RV_VF_VI     0x004u
#define RV_VF_UIMM   0x008u /* immediate is unsigned */
#define RV_VF_FP     0x010u /* floating point: frm must be valid */
#define RV_VF_IMPURE 0x020u /* sets fflags or vxsat: masked-off elements must not be computed */
#define RV_VF_READ_D 0x040u /* destination is a source too */
#define RV_VF_CARRY  0x080u /* v0 is an operand, not a mask */
#define RV_VF_START0 0x100u /* vstart must be 0 */
#define RV_VF_NO_OVL 0x200u /* destination may overlap no source, nor v0 if that masks */
#define RV_VF_VM1    0x400u /* no masked form */
#define RV_VF_VM0    0x800u /* no unmasked form */

/* Kinds of cost. */
enum rv_vcost { RV_VC_PLAIN, RV_VC_DIV, RV_VC_REDUCE, RV_VC_ORDERED, RV_VC_PERMUTE, RV_VC_MOVE };

struct rv_vinsn {
	const rv_elem_fn *fn; /* by SEW; NULL: reserved */
	/* The whole instruction; false: illegal. */
	bool (*whole)(const struct rv_vop *op);
	uint16_t flags;
	uint8_t d, a, b; /* enum rv_vkind */
	uint8_t cost;
};

/* rv_vec_table.c: rows by rv_vec_index(); NULL: no such instruction. */
#define RV_VEC_INDEX_MAX 512
extern const struct rv_vinsn *const rv_vec_rows[RV_VEC_INDEX_MAX];
/* Index of the row of an instruction of opcode 0x57 other than vset*, or -1: illegal. */
int rv_vec_index(uint32_t insn);

static inline unsigned int rv_vd(uint32_t insn)
{
	return insn >> 7 & 31;
}

static inline unsigned int rv_vs1(uint32_t insn)
{
	return insn >> 15 & 31;
}

static inline unsigned int rv_vs2(uint32_t insn)
{
	return insn >> 20 & 31;
}

static inline void *rv_vreg(const struct rv_hart *hart, unsigned int reg)
{
	return hart->v + (size_t)reg * hart->vlenb;
}

/* Scratch areas, each as large as the largest group. */
enum { RV_SCRATCH_D, RV_SCRATCH_A, RV_SCRATCH_B, RV_SCRATCH_M, RV_SCRATCH_COUNT };

static inline void *rv_vscratch(const struct rv_hart *hart, unsigned int which)
{
	return hart->v + (size_t)(32 + 8 * which) * hart->vlenb;
}

static inline bool rv_vbit(const uint8_t *mask, size_t i)
{
	return mask[i >> 3] >> (i & 7) & 1;
}

static inline void rv_vset_bit(uint8_t *mask, size_t i, bool value)
{
	uint8_t bit = (uint8_t)(1u << (i & 7));

	mask[i >> 3] = (uint8_t)(value ? mask[i >> 3] | bit : mask[i >> 3] & ~bit);
}

/* Element i of width 1 << size, zero-extended. */
static inline uint64_t rv_vget(const void *base, size_t i, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)base + (i << size), (size_t)1 << size);
	return value;
}

static inline void rv_vput(void *base, size_t i, unsigned int size, uint64_t value)
{
	memcpy((uint8_t *)base + (i << size), &value, (size_t)1 << size);
}

static inline int64_t rv_vsext(uint64_t value, unsigned int size)
{
	unsigned int shift = 64 - (8u << size);

	return (int64_t)(value << shift) >> shift;
}

/* Registers of a group of 1 << lmul; lmul may be negative. */
static inline unsigned int rv_vregs(int lmul)
{
	return lmul > 0 ? 1u << lmul : 1;
}

/* rv_vec.c */

/*
 * What is known of an instruction at one vtype, once it was found legal there. fn: it is one call of an
 * element function over whole registers, or, for loads and stores, one run of bytes, as long
 * as vstart is 0; NULL: the long way.
 */
struct rv_vec_plan {
	uint64_t key; /* rv_vec_key(); 0: none */
	rv_elem_fn fn;
	const struct rv_vinsn *row;
	uint32_t d, a, b; /* offsets of the operands in hart->v */
	uint8_t form; /* funct3 */
	uint8_t size; /* bytes of an element of the widest operand, log2 */
	uint8_t flags; /* low byte of the row's */
	bool divides; /* cost is that of a division */
	uint32_t bytes; /* of loads and stores of whole registers; else 0: vl decides */
};

static inline uint64_t rv_vec_key(const struct rv_hart *hart, uint32_t insn)
{
	return (uint64_t)insn << 8 | 0x80 | hart->vtype >> 63 << 6 | (hart->vtype & 0x3f);
}

/* Beats of an operand of so many bytes. */
static inline uint64_t rv_vec_beats(const struct rv_hart *hart, uint64_t bytes)
{
	const uint64_t width = hart->costs.vec_bytes;

	if (likely(width == 64))
		return (bytes + 63) / 64;
	return width ? (bytes + width - 1) / width : bytes;
}

/* A group of registers as legality sees it: eew in log2 of bytes, -3 for a mask. */
struct rv_vgroup {
	unsigned int reg, regs;
	int eew, emul;
};

/* True if the group's EMUL and EEW exist and its number is a multiple of its size. */
bool rv_vgroup_ok(const struct rv_vgroup *g);
bool rv_vgroup_meet(const struct rv_vgroup *a, const struct rv_vgroup *b);
/* True if destination d may be written while s is read. */
bool rv_vgroup_may_write(const struct rv_vgroup *d, const struct rv_vgroup *s);
/* Charge the modelled time of an instruction that moves bytes through the data path. */
static inline void rv_vec_charge(struct rv_hart *hart, uint64_t cycles)
{
	const uint64_t stall = cycles > 1 ? cycles - 1 : 0;

	hart->stall_vector += stall;
	hart->cycles += stall;
	hart->vector++;
}

/* Instructions of opcode 0x57 other than vset*; plan: its number. False: trap raised. */
bool rv_vec_exec(struct rv_hart *hart, uint32_t insn, unsigned int plan);
/* vsetvli, vsetivli, vsetvl: decode (is there such an instruction) and execute. */
bool rv_vec_is_set(uint32_t insn);
void rv_vec_set(struct rv_hart *hart, uint32_t insn);

/* rv_vec_host.c: the best of this host */
enum rv_vec_host rv_vec_host_detect(void);

/* rv_vec_mem.c: vector loads and stores; decode by the fields that do not depend on vtype. */
bool rv_vec_mem_exists(uint32_t insn, bool store);
bool rv_vec_mem(struct rv_hart *hart, uint32_t insn, unsigned int plan);

/* rv_vec_mask.c, rv_vec_permute.c, rv_vec_reduce.c: whole instructions */
bool rv_vec_mask_logic(const struct rv_vop *op);
bool rv_vec_vcpop(const struct rv_vop *op);
bool rv_vec_vfirst(const struct rv_vop *op);
bool rv_vec_set_first(const struct rv_vop *op);
bool rv_vec_viota(const struct rv_vop *op);
bool rv_vec_vid(const struct rv_vop *op);
bool rv_vec_mv_x_s(const struct rv_vop *op);
bool rv_vec_mv_s_x(const struct rv_vop *op);
bool rv_vec_fmv_f_s(const struct rv_vop *op);
bool rv_vec_slideup(const struct rv_vop *op);
bool rv_vec_slidedown(const struct rv_vop *op);
bool rv_vec_slide1up(const struct rv_vop *op);
bool rv_vec_slide1down(const struct rv_vop *op);
bool rv_vec_gather(const struct rv_vop *op);
bool rv_vec_compress(const struct rv_vop *op);
bool rv_vec_move_whole(const struct rv_vop *op);
bool rv_vec_reduce(const struct rv_vop *op);
bool rv_vec_freduce(const struct rv_vop *op);

/* Rounded right shift of the fixed-point instructions: what to add to v >> shift. */
static inline uint64_t rv_vround(uint64_t v, unsigned int shift, unsigned int vxrm)
{
	uint64_t half, rest;

	if (shift == 0)
		return 0;
	half = v >> (shift - 1) & 1;
	rest = v & (((uint64_t)1 << (shift - 1)) - 1);
	switch (vxrm) {
	case 0: /* rnu */
		return half;
	case 1: /* rne */
		return half && (rest || (v >> 1 >> (shift - 1) & 1));
	case 2: /* rdn */
		return 0;
	default: /* rod */
		return !(v >> 1 >> (shift - 1) & 1) && (half || rest);
	}
}

/* Element functions, a table of four by SEW each. */
#define RV_VEC_INT_FNS(X)                                                                       \
	X(add) X(sub) X(rsub) X(and) X(or) X(xor) X(sll) X(srl) X(sra)                          \
	X(minu) X(min) X(maxu) X(max) X(mul) X(mulh) X(mulhu) X(mulhsu)                         \
	X(divu) X(div) X(remu) X(rem) X(macc) X(nmsac) X(madd) X(nmsub)                         \
	X(adc) X(sbc) X(madc) X(msbc) X(merge) X(fmerge) X(mv) X(fmv)                                                \
	X(mseq) X(msne) X(msltu) X(mslt) X(msleu) X(msle) X(msgtu) X(msgt)                      \
	X(nsrl) X(nsra) X(zext2) X(sext2) X(zext4) X(sext4) X(zext8) X(sext8)                   \
	X(waddu) X(wadd) X(wsubu) X(wsub) X(wadduw) X(waddw) X(wsubuw) X(wsubw)                 \
	X(wmulu) X(wmulsu) X(wmul) X(wmaccu) X(wmacc) X(wmaccus) X(wmaccsu)
#define RV_VEC_FIXED_FNS(X)                                                                     \
	X(saddu) X(sadd) X(ssubu) X(ssub) X(aaddu) X(aadd) X(asubu) X(asub)                     \
	X(smul) X(ssrl) X(ssra) X(nclipu) X(nclip)
#define RV_VEC_FLOAT_FNS(X)                                                                     \
	X(fadd) X(fsub) X(frsub) X(fmul) X(fdiv) X(frdiv) X(fmin) X(fmax)                       \
	X(fsgnj) X(fsgnjn) X(fsgnjx) X(mfeq) X(mfle) X(mflt) X(mfne) X(mfgt) X(mfge)            \
	X(fmacc) X(fnmacc) X(fmsac) X(fnmsac) X(fmadd) X(fnmadd) X(fmsub) X(fnmsub)             \
	X(fwadd) X(fwsub) X(fwaddw) X(fwsubw) X(fwmul) X(fwmacc) X(fwnmacc) X(fwmsac) X(fwnmsac)  \
	X(fsqrt) X(frsqrt7) X(frec7) X(fclass)                                                  \
	X(fcvt_xu_f) X(fcvt_x_f) X(fcvt_f_xu) X(fcvt_f_x) X(fcvt_rtz_xu_f) X(fcvt_rtz_x_f)      \
	X(fwcvt_xu_f) X(fwcvt_x_f) X(fwcvt_f_xu) X(fwcvt_f_x) X(fwcvt_f_f)                      \
	X(fwcvt_rtz_xu_f) X(fwcvt_rtz_x_f)                                                      \
	X(fncvt_xu_f) X(fncvt_x_f) X(fncvt_f_xu) X(fncvt_f_x) X(fncvt_f_f) X(fncvt_rod_f_f)     \
	X(fncvt_rtz_xu_f) X(fncvt_rtz_x_f)
#define RV_VEC_DECLARE(name) extern const rv_elem_fn rv_v_##name[4];
RV_VEC_INT_FNS(RV_VEC_DECLARE)
RV_VEC_FIXED_FNS(RV_VEC_DECLARE)
RV_VEC_FLOAT_FNS(RV_VEC_DECLARE)
#undef RV_VEC_DECLARE

#endif /* NPU_RV_VEC_H */
