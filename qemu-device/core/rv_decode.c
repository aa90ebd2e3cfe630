// SPDX-License-Identifier: MIT
/* Instruction decoder: compressed instructions are expanded first, so there is one of it. */
#include "rv_vec.h"

const uint8_t rv_op_class[RV_OP_COUNT] = {
#define RV_OP_CLASS(name, class) [RV_OP_##name] = RV_C_##class,
	RV_OPS(RV_OP_CLASS)
#undef RV_OP_CLASS
};

/* Bits hi..lo of v. */
static inline uint32_t bits(uint32_t v, unsigned int hi, unsigned int lo)
{
	return (v >> lo) & ((1u << (hi - lo + 1)) - 1);
}

/* Sign-extend the low n bits of v. */
static inline int32_t sext(uint32_t v, unsigned int n)
{
	return (int32_t)(v << (32 - n)) >> (32 - n);
}

/* ---- encoders for rv_expand() ---------------------------------------------------------------- */

static uint32_t enc_r(unsigned int funct7, unsigned int rs2, unsigned int rs1, unsigned int funct3,
		      unsigned int rd, unsigned int opcode)
{
	return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static uint32_t enc_i(int32_t imm, unsigned int rs1, unsigned int funct3, unsigned int rd,
		      unsigned int opcode)
{
	return ((uint32_t)imm & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static uint32_t enc_s(uint32_t imm, unsigned int rs2, unsigned int rs1, unsigned int funct3,
		      unsigned int opcode)
{
	return bits(imm, 11, 5) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 |
	       bits(imm, 4, 0) << 7 | opcode;
}

static uint32_t enc_b(int32_t imm, unsigned int rs2, unsigned int rs1, unsigned int funct3)
{
	uint32_t u = (uint32_t)imm;

	return bits(u, 12, 12) << 31 | bits(u, 10, 5) << 25 | rs2 << 20 | rs1 << 15 |
	       funct3 << 12 | bits(u, 4, 1) << 8 | bits(u, 11, 11) << 7 | 0x63;
}

static uint32_t enc_j(int32_t imm, unsigned int rd)
{
	uint32_t u = (uint32_t)imm;

	return bits(u, 20, 20) << 31 | bits(u, 10, 1) << 21 | bits(u, 11, 11) << 20 |
	       bits(u, 19, 12) << 12 | rd << 7 | 0x6f;
}

/* ---- compressed ------------------------------------------------------------------------------ */

static uint32_t expand_q0(uint32_t c)
{
	unsigned int rd = 8 + bits(c, 4, 2), rs1 = 8 + bits(c, 9, 7);
	uint32_t word = bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2 | bits(c, 5, 5) << 6;
	uint32_t dword = bits(c, 12, 10) << 3 | bits(c, 6, 5) << 6;

	switch (bits(c, 15, 13)) {
	case 0: { /* c.addi4spn */
		uint32_t imm = bits(c, 12, 11) << 4 | bits(c, 10, 7) << 6 | bits(c, 6, 6) << 2 |
			       bits(c, 5, 5) << 3;

		return imm ? enc_i((int32_t)imm, 2, 0, rd, 0x13) : 0;
	}
	case 1: /* c.fld */
		return enc_i((int32_t)dword, rs1, 3, rd, 0x07);
	case 2: /* c.lw */
		return enc_i((int32_t)word, rs1, 2, rd, 0x03);
	case 3: /* c.ld */
		return enc_i((int32_t)dword, rs1, 3, rd, 0x03);
	case 5: /* c.fsd */
		return enc_s(dword, rd, rs1, 3, 0x27);
	case 6: /* c.sw */
		return enc_s(word, rd, rs1, 2, 0x23);
	case 7: /* c.sd */
		return enc_s(dword, rd, rs1, 3, 0x23);
	default:
		return 0;
	}
}

static uint32_t expand_alu(uint32_t c)
{
	static const uint8_t funct3[2][4] = { { 0, 4, 6, 7 }, { 0, 0, 0, 0 } };
	unsigned int rd = 8 + bits(c, 9, 7), rs2 = 8 + bits(c, 4, 2);
	unsigned int shamt = bits(c, 12, 12) << 5 | bits(c, 6, 2);
	unsigned int wide = bits(c, 12, 12), op = bits(c, 6, 5);

	switch (bits(c, 11, 10)) {
	case 0: /* c.srli */
		return enc_i((int32_t)shamt, rd, 5, rd, 0x13);
	case 1: /* c.srai */
		return enc_i((int32_t)(shamt | 0x400), rd, 5, rd, 0x13);
	case 2: /* c.andi */
		return enc_i(sext(shamt, 6), rd, 7, rd, 0x13);
	default: /* c.sub, c.xor, c.or, c.and; c.subw, c.addw */
		if (wide && op > 1)
			return 0;
		return enc_r(op == 0 ? 0x20 : 0, rs2, rd, funct3[wide][op], rd, wide ? 0x3b : 0x33);
	}
}

static uint32_t expand_q1(uint32_t c)
{
	unsigned int rd = bits(c, 11, 7), rs1 = 8 + bits(c, 9, 7);
	int32_t imm = sext(bits(c, 12, 12) << 5 | bits(c, 6, 2), 6);
	int32_t branch = sext(bits(c, 12, 12) << 8 | bits(c, 11, 10) << 3 | bits(c, 6, 5) << 6 |
				      bits(c, 4, 3) << 1 | bits(c, 2, 2) << 5, 9);

	switch (bits(c, 15, 13)) {
	case 0: /* c.addi, c.nop */
		return enc_i(imm, rd, 0, rd, 0x13);
	case 1: /* c.addiw */
		return rd ? enc_i(imm, rd, 0, rd, 0x1b) : 0;
	case 2: /* c.li */
		return enc_i(imm, 0, 0, rd, 0x13);
	case 3:
		if (rd == 2) { /* c.addi16sp */
			imm = sext(bits(c, 12, 12) << 9 | bits(c, 6, 6) << 4 | bits(c, 5, 5) << 6 |
					   bits(c, 4, 3) << 7 | bits(c, 2, 2) << 5, 10);
			return imm ? enc_i(imm, 2, 0, 2, 0x13) : 0;
		}
		/* c.lui */
		return imm ? ((uint32_t)imm & 0xfffff) << 12 | rd << 7 | 0x37 : 0;
	case 4:
		return expand_alu(c);
	case 5: /* c.j */
		return enc_j(sext(bits(c, 12, 12) << 11 | bits(c, 11, 11) << 4 |
					  bits(c, 10, 9) << 8 | bits(c, 8, 8) << 10 |
					  bits(c, 7, 7) << 6 | bits(c, 6, 6) << 7 |
					  bits(c, 5, 3) << 1 | bits(c, 2, 2) << 5, 12), 0);
	case 6: /* c.beqz */
		return enc_b(branch, 0, rs1, 0);
	default: /* c.bnez */
		return enc_b(branch, 0, rs1, 1);
	}
}

static uint32_t expand_q2(uint32_t c)
{
	unsigned int rd = bits(c, 11, 7), rs2 = bits(c, 6, 2);
	uint32_t ldsp = bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3 | bits(c, 4, 2) << 6;
	uint32_t lwsp = bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2 | bits(c, 3, 2) << 6;
	uint32_t sdsp = bits(c, 12, 10) << 3 | bits(c, 9, 7) << 6;
	uint32_t swsp = bits(c, 12, 9) << 2 | bits(c, 8, 7) << 6;

	switch (bits(c, 15, 13)) {
	case 0: /* c.slli */
		return enc_i((int32_t)(bits(c, 12, 12) << 5 | rs2), rd, 1, rd, 0x13);
	case 1: /* c.fldsp */
		return enc_i((int32_t)ldsp, 2, 3, rd, 0x07);
	case 2: /* c.lwsp */
		return rd ? enc_i((int32_t)lwsp, 2, 2, rd, 0x03) : 0;
	case 3: /* c.ldsp */
		return rd ? enc_i((int32_t)ldsp, 2, 3, rd, 0x03) : 0;
	case 4:
		if (rs2) /* c.mv, c.add */
			return enc_r(0, rs2, bits(c, 12, 12) ? rd : 0, 0, rd, 0x33);
		if (rd) /* c.jr, c.jalr */
			return enc_i(0, rd, 0, bits(c, 12, 12), 0x67);
		return bits(c, 12, 12) ? 0x00100073 /* c.ebreak */ : 0;
	case 5: /* c.fsdsp */
		return enc_s(sdsp, rs2, 2, 3, 0x27);
	case 6: /* c.swsp */
		return enc_s(swsp, rs2, 2, 2, 0x23);
	default: /* c.sdsp */
		return enc_s(sdsp, rs2, 2, 3, 0x23);
	}
}

uint32_t rv_expand(uint16_t insn)
{
	switch (insn & 3) {
	case 0:
		return expand_q0(insn);
	case 1:
		return expand_q1(insn);
	case 2:
		return expand_q2(insn);
	default:
		return 0;
	}
}

/* ---- 32-bit ---------------------------------------------------------------------------------- */

/*
 * The functions below return an enum rv_op_id, ILLEGAL if there is none, and set op->imm where it
 * is not the instruction itself.
 */
static int decode_op_imm(uint32_t insn, struct rv_op *op)
{
	static const uint8_t plain[8] = { RV_OP_ADDI, 0,	   RV_OP_SLTI, RV_OP_SLTIU,
					  RV_OP_XORI, 0,	   RV_OP_ORI,  RV_OP_ANDI };
	unsigned int funct3 = bits(insn, 14, 12), funct6 = bits(insn, 31, 26);

	op->imm = sext(insn >> 20, 12);
	switch (funct3) {
	case 1:
		op->imm &= 63;
		return funct6 == 0 ? RV_OP_SLLI : RV_OP_ILLEGAL;
	case 5:
		op->imm &= 63;
		return funct6 == 0 ? RV_OP_SRLI : funct6 == 0x10 ? RV_OP_SRAI : RV_OP_ILLEGAL;
	case 0:
		/* Moves and constants are worth handlers of their own. */
		if (op->rs1 == 0)
			return RV_OP_LI;
		if (op->imm == 0)
			return RV_OP_MV;
		return RV_OP_ADDI;
	default:
		return plain[funct3];
	}
}

static int decode_op_imm_32(uint32_t insn, struct rv_op *op)
{
	unsigned int funct7 = bits(insn, 31, 25);

	op->imm = sext(insn >> 20, 12);
	switch (bits(insn, 14, 12)) {
	case 0:
		return RV_OP_ADDIW;
	case 1:
		op->imm &= 31;
		return funct7 == 0 ? RV_OP_SLLIW : RV_OP_ILLEGAL;
	case 5:
		op->imm &= 31;
		return funct7 == 0 ? RV_OP_SRLIW : funct7 == 0x20 ? RV_OP_SRAIW : RV_OP_ILLEGAL;
	default:
		return RV_OP_ILLEGAL;
	}
}

static int decode_op(uint32_t insn, struct rv_op *op)
{
	static const uint8_t base[8] = { RV_OP_ADD, RV_OP_SLL, RV_OP_SLT, RV_OP_SLTU,
					 RV_OP_XOR, RV_OP_SRL, RV_OP_OR,  RV_OP_AND };
	static const uint8_t muldiv[8] = { RV_OP_MUL, RV_OP_MULH, RV_OP_MULHSU, RV_OP_MULHU,
					   RV_OP_DIV, RV_OP_DIVU, RV_OP_REM,	RV_OP_REMU };
	unsigned int funct3 = bits(insn, 14, 12);

	switch (bits(insn, 31, 25)) {
	case 0x00:
		if (funct3 == 0 && op->rs1 == 0) { /* c.mv */
			op->rs1 = op->rs2;
			return RV_OP_MV;
		}
		return base[funct3];
	case 0x01:
		return muldiv[funct3];
	case 0x20:
		return funct3 == 0 ? RV_OP_SUB : funct3 == 5 ? RV_OP_SRA : RV_OP_ILLEGAL;
	default:
		return RV_OP_ILLEGAL;
	}
}

static int decode_op_32(uint32_t insn)
{
	/* ILLEGAL where there is no W form. */
	static const uint8_t muldiv[8] = { RV_OP_MULW, RV_OP_ILLEGAL, RV_OP_ILLEGAL, RV_OP_ILLEGAL,
					   RV_OP_DIVW, RV_OP_DIVUW,   RV_OP_REMW,    RV_OP_REMUW };
	unsigned int funct3 = bits(insn, 14, 12);

	switch (bits(insn, 31, 25)) {
	case 0x00:
		return funct3 == 0 ? RV_OP_ADDW :
		       funct3 == 1 ? RV_OP_SLLW :
		       funct3 == 5 ? RV_OP_SRLW :
				     RV_OP_ILLEGAL;
	case 0x01:
		return muldiv[funct3];
	case 0x20:
		return funct3 == 0 ? RV_OP_SUBW : funct3 == 5 ? RV_OP_SRAW : RV_OP_ILLEGAL;
	default:
		return RV_OP_ILLEGAL;
	}
}

static int decode_load(uint32_t insn, struct rv_op *op)
{
	static const uint8_t ids[8] = { RV_OP_LB,  RV_OP_LH,  RV_OP_LW,	 RV_OP_LD,
					RV_OP_LBU, RV_OP_LHU, RV_OP_LWU, RV_OP_ILLEGAL };

	op->imm = sext(insn >> 20, 12);
	return ids[bits(insn, 14, 12)];
}

static int decode_store(uint32_t insn, struct rv_op *op)
{
	static const uint8_t ids[4] = { RV_OP_SB, RV_OP_SH, RV_OP_SW, RV_OP_SD };
	unsigned int funct3 = bits(insn, 14, 12);

	op->imm = sext(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12);
	return funct3 < 4 ? ids[funct3] : RV_OP_ILLEGAL;
}

static int decode_branch(uint32_t insn, struct rv_op *op)
{
	static const uint8_t ids[8] = { RV_OP_BEQ, RV_OP_BNE, RV_OP_ILLEGAL, RV_OP_ILLEGAL,
					RV_OP_BLT, RV_OP_BGE, RV_OP_BLTU,    RV_OP_BGEU };
	unsigned int funct3 = bits(insn, 14, 12);

	op->imm = sext(bits(insn, 31, 31) << 12 | bits(insn, 7, 7) << 11 | bits(insn, 30, 25) << 5 |
			       bits(insn, 11, 8) << 1, 13);
	if (funct3 < 2 && op->rs2 == 0)
		return funct3 ? RV_OP_BNEZ : RV_OP_BEQZ;
	return ids[funct3];
}

static int decode_fence(uint32_t insn)
{
	unsigned int pred = bits(insn, 27, 24), succ = bits(insn, 23, 20);

	switch (bits(insn, 14, 12)) {
	case 0:
		/* Other fields are hints of later extensions and must be ignored. Only an earlier
		 * write before a later read needs more than the host's acquire and release. */
		return (pred & 5) && (succ & 10) && bits(insn, 31, 28) != 8 ? RV_OP_FENCE_FULL :
									     RV_OP_FENCE_ACQ_REL;
	case 1:
		return RV_OP_FENCE_I;
	default:
		return RV_OP_ILLEGAL;
	}
}

static int decode_system(const struct rv_hart *hart, uint32_t insn)
{
	bool machine = hart->mode == RV_MODE_MACHINE;

	if (bits(insn, 14, 12) & 3)
		return RV_OP_CSR;
	switch (insn) {
	case 0x00000073:
		return RV_OP_ECALL;
	case 0x00100073:
		return RV_OP_EBREAK;
	case 0x30200073:
		return machine ? RV_OP_MRET : RV_OP_ILLEGAL;
	case 0x10500073:
		return machine ? RV_OP_WFI : RV_OP_ILLEGAL;
	default:
		return RV_OP_ILLEGAL;
	}
}

static int decode_atomic(uint32_t insn)
{
	unsigned int funct3 = bits(insn, 14, 12);

	if (funct3 != 2 && funct3 != 3)
		return RV_OP_ILLEGAL;
	switch (bits(insn, 31, 27)) {
	case 0x02:
		return bits(insn, 24, 20) ? RV_OP_ILLEGAL : RV_OP_LR;
	case 0x03:
		return RV_OP_SC;
	case 0x00: /* amoadd */
	case 0x01: /* amoswap */
	case 0x04: /* amoxor */
	case 0x08: /* amoor */
	case 0x0c: /* amoand */
	case 0x10: /* amomin */
	case 0x14: /* amomax */
	case 0x18: /* amominu */
	case 0x1c: /* amomaxu */
		return funct3 == 2 ? RV_OP_AMO_W : RV_OP_AMO_D;
	default:
		return RV_OP_ILLEGAL;
	}
}

/* A static rounding mode that exists, or the dynamic one. */
static bool rm_valid(uint32_t insn)
{
	unsigned int rm = bits(insn, 14, 12);

	return rm <= RV_RMM || rm == RV_DYN;
}

static int decode_fma(uint32_t insn)
{
	static const uint8_t ids[4][2] = { { RV_OP_FMADD_S, RV_OP_FMADD_D },
					   { RV_OP_FMSUB_S, RV_OP_FMSUB_D },
					   { RV_OP_FNMSUB_S, RV_OP_FNMSUB_D },
					   { RV_OP_FNMADD_S, RV_OP_FNMADD_D } };
	unsigned int fmt = bits(insn, 26, 25);

	return fmt < 2 && rm_valid(insn) ? ids[bits(insn, 3, 2)][fmt] : RV_OP_ILLEGAL;
}

/* fcvt between floating point and integers: rs2 says which integer. */
static int decode_fcvt_int(uint32_t insn, bool to_int, unsigned int fmt)
{
	static const uint8_t from[2][4] = {
		{ RV_OP_FCVT_S_W, RV_OP_FCVT_S_WU, RV_OP_FCVT_S_L, RV_OP_FCVT },
		{ RV_OP_FCVT_D_W, RV_OP_FCVT_D_WU, RV_OP_FCVT_D_L, RV_OP_FCVT }
	};
	static const uint8_t to[2][4] = {
		{ RV_OP_FCVT_W_S, RV_OP_FCVT, RV_OP_FCVT_L_S, RV_OP_FCVT },
		{ RV_OP_FCVT_W_D, RV_OP_FCVT, RV_OP_FCVT_L_D, RV_OP_FCVT }
	};
	unsigned int which = bits(insn, 24, 20);

	if (which > 3 || !rm_valid(insn))
		return RV_OP_ILLEGAL;
	return to_int ? to[fmt][which] : from[fmt][which];
}

static int decode_fp(uint32_t insn)
{
	static const uint8_t arith[4][2] = { { RV_OP_FADD_S, RV_OP_FADD_D },
					     { RV_OP_FSUB_S, RV_OP_FSUB_D },
					     { RV_OP_FMUL_S, RV_OP_FMUL_D },
					     { RV_OP_FDIV_S, RV_OP_FDIV_D } };
	static const uint8_t compare[2][3] = { { RV_OP_FLE_S, RV_OP_FLT_S, RV_OP_FEQ_S },
					       { RV_OP_FLE_D, RV_OP_FLT_D, RV_OP_FEQ_D } };
	static const uint8_t sign[3] = { RV_OP_FSGNJ_D, RV_OP_FSGNJN_D, RV_OP_FSGNJX_D };
	unsigned int funct5 = bits(insn, 31, 27), fmt = bits(insn, 26, 25);
	unsigned int rs2 = bits(insn, 24, 20), funct3 = bits(insn, 14, 12);

	if (fmt > 1)
		return RV_OP_ILLEGAL;
	switch (funct5) {
	case 0x00:
	case 0x01:
	case 0x02:
	case 0x03:
		return rm_valid(insn) ? arith[funct5][fmt] : RV_OP_ILLEGAL;
	case 0x0b:
		if (rs2 || !rm_valid(insn))
			return RV_OP_ILLEGAL;
		return fmt ? RV_OP_FSQRT_D : RV_OP_FSQRT_S;
	case 0x04:
		return funct3 > 2 ? RV_OP_ILLEGAL : fmt ? sign[funct3] : RV_OP_FMISC;
	case 0x05: /* fmin, fmax */
		return funct3 > 1 ? RV_OP_ILLEGAL : RV_OP_FMISC;
	case 0x08:
		if (rs2 != !fmt || !rm_valid(insn))
			return RV_OP_ILLEGAL;
		return fmt ? RV_OP_FCVT_D_S : RV_OP_FCVT_S_D;
	case 0x14:
		return funct3 > 2 ? RV_OP_ILLEGAL : compare[fmt][funct3];
	case 0x18:
		return decode_fcvt_int(insn, true, fmt);
	case 0x1a:
		return decode_fcvt_int(insn, false, fmt);
	case 0x1c:
		if (rs2 || funct3 > 1)
			return RV_OP_ILLEGAL;
		return funct3 ? RV_OP_FMISC /* fclass */ : fmt ? RV_OP_FMV_X_D : RV_OP_FMV_X_W;
	case 0x1e:
		if (rs2 || funct3)
			return RV_OP_ILLEGAL;
		return fmt ? RV_OP_FMV_D_X : RV_OP_FMV_W_X;
	default:
		return RV_OP_ILLEGAL;
	}
}

/* True for OP-FP instructions whose rd is an integer register. */
static bool fp_writes_integer(uint32_t insn)
{
	unsigned int funct5 = bits(insn, 31, 27);

	return funct5 == 0x14 || funct5 == 0x18 || funct5 == 0x1c;
}

/* Loads and stores of floating point and, with widths 0, 5, 6 and 7, of vectors. */
static int decode_fp_memory(const struct rv_hart *hart, uint32_t insn, struct rv_op *op, bool store)
{
	unsigned int width = bits(insn, 14, 12);

	if (width != 2 && width != 3)
		return rv_vec_enabled(hart) && rv_vec_mem_exists(insn, store) ? RV_OP_VMEM :
										RV_OP_ILLEGAL;
	if (!rv_fp_enabled(hart))
		return RV_OP_ILLEGAL;

	op->imm = store ? sext(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12) :
			  sext(insn >> 20, 12);
	if (width == 2)
		return store ? RV_OP_FSW : RV_OP_FLW;
	return store ? RV_OP_FSD : RV_OP_FLD;
}

/* Opcode OP-V. What depends on vtype is checked when it runs. */
static int decode_vector(const struct rv_hart *hart, uint32_t insn)
{
	if (!rv_vec_enabled(hart))
		return RV_OP_ILLEGAL;
	if (bits(insn, 14, 12) == 7)
		return rv_vec_is_set(insn) ? RV_OP_VSET : RV_OP_ILLEGAL;
	return rv_vec_index(insn) < 0 ? RV_OP_ILLEGAL : RV_OP_VEC;
}

static bool ends_block(int id)
{
	switch (id) {
	case RV_OP_ILLEGAL:
	case RV_OP_BEQ:
	case RV_OP_BNE:
	case RV_OP_BLT:
	case RV_OP_BGE:
	case RV_OP_BLTU:
	case RV_OP_BGEU:
	case RV_OP_BEQZ:
	case RV_OP_BNEZ:
	case RV_OP_JAL:
	case RV_OP_JALR:
	case RV_OP_FENCE_I:
	case RV_OP_ECALL:
	case RV_OP_EBREAK:
	case RV_OP_MRET:
	case RV_OP_WFI:
	case RV_OP_CSR:
	case RV_OP_CUSTOM:
		return true;
	default:
		return false;
	}
}

bool rv_decode(const struct rv_hart *hart, uint32_t insn, uint32_t raw, unsigned int offset,
	       struct rv_op *op)
{
	bool fp = rv_fp_enabled(hart);
	bool alu = false; /* has no effect but on rd */
	int id = RV_OP_ILLEGAL;

	op->rd = (uint8_t)bits(insn, 11, 7);
	op->rs1 = (uint8_t)bits(insn, 19, 15);
	op->rs2 = (uint8_t)bits(insn, 24, 20);
	op->imm = (int32_t)insn;
	switch (bits(insn, 6, 0)) {
	case 0x03:
		id = decode_load(insn, op);
		break;
	case 0x07:
		id = decode_fp_memory(hart, insn, op, false);
		break;
	case 0x0b:
	case 0x2b:
	case 0x5b:
	case 0x7b:
		id = RV_OP_CUSTOM;
		break;
	case 0x0f:
		id = decode_fence(insn);
		break;
	case 0x13:
		id = decode_op_imm(insn, op);
		alu = true;
		break;
	case 0x17:
		id = RV_OP_AUIPC;
		op->offset = (uint16_t)offset;
		op->imm = (int32_t)(insn & 0xfffff000);
		alu = true;
		break;
	case 0x1b:
		id = decode_op_imm_32(insn, op);
		alu = true;
		break;
	case 0x23:
		id = decode_store(insn, op);
		break;
	case 0x27:
		id = decode_fp_memory(hart, insn, op, true);
		break;
	case 0x2f:
		id = decode_atomic(insn);
		break;
	case 0x33:
		id = decode_op(insn, op);
		alu = id < RV_OP_MUL; /* multiplications cost what they cost */
		break;
	case 0x37:
		id = RV_OP_LI;
		op->imm = (int32_t)(insn & 0xfffff000);
		alu = true;
		break;
	case 0x3b:
		id = decode_op_32(insn);
		alu = id < RV_OP_MUL;
		break;
	case 0x43:
	case 0x47:
	case 0x4b:
	case 0x4f:
		id = fp ? decode_fma(insn) : RV_OP_ILLEGAL;
		break;
	case 0x53:
		id = fp ? decode_fp(insn) : RV_OP_ILLEGAL;
		break;
	case 0x57:
		id = decode_vector(hart, insn);
		break;
	case 0x63:
		id = decode_branch(insn, op);
		break;
	case 0x67:
		id = bits(insn, 14, 12) ? RV_OP_ILLEGAL : RV_OP_JALR;
		op->imm = sext(insn >> 20, 12);
		break;
	case 0x6f:
		id = RV_OP_JAL;
		op->imm = sext(bits(insn, 31, 31) << 20 | bits(insn, 19, 12) << 12 |
				       bits(insn, 20, 20) << 11 | bits(insn, 30, 21) << 1, 21);
		break;
	case 0x73:
		id = decode_system(hart, insn);
		break;
	}
	if (id == RV_OP_ILLEGAL) {
		op->imm = (int32_t)raw;
	} else if (op->rd == 0) {
		bool fp_rd = id == RV_OP_FLW || id == RV_OP_FLD ||
			     (id >= RV_OP_FADD_S && id <= RV_OP_FMISC &&
			      !(bits(insn, 6, 0) == 0x53 && fp_writes_integer(insn)));

		if (alu)
			id = RV_OP_NOP;
		else if (!fp_rd)
			op->rd = 32;
	}
	op->id = (uint8_t)id;
	return ends_block(id);
}
