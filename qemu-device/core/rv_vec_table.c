// SPDX-License-Identifier: MIT
/* Which vector instructions there are, and what they are made of. */
#include "rv_vec.h"

#define ROW(...) &(const struct rv_vinsn){ __VA_ARGS__ }
#define V   RV_VF_VV
#define X   RV_VF_VX
#define I   RV_VF_VI
#define U   (RV_VF_VI | RV_VF_UIMM)
#define K(d_, a_, b_) .d = RV_K_##d_, .a = RV_K_##a_, .b = RV_K_##b_

/* Element-wise, by operand widths. */
#define E(name, forms, ...) ROW(.fn = rv_v_##name, .flags = (forms), K(S, S, S), ##__VA_ARGS__)
#define CMP(name, forms)    ROW(.fn = rv_v_##name, .flags = (forms), K(M, S, S))
#define WID(name, forms)    ROW(.fn = rv_v_##name, .flags = (forms), K(W, S, S))
#define WIDW(name, forms)   ROW(.fn = rv_v_##name, .flags = (forms), K(W, W, S))
#define NAR(name, forms)    ROW(.fn = rv_v_##name, .flags = (forms), K(S, W, S))
#define EXT(name, kind)	    ROW(.fn = rv_v_##name, .flags = V, K(S, kind, NONE))
#define DIVIDE		    .cost = RV_VC_DIV
/* vxsat and fflags depend on every element that is computed. */
#define SAT RV_VF_IMPURE
#define FP  (RV_VF_FP | RV_VF_IMPURE)
#define FV  (V | FP)
#define FX  (X | FP)
#define FVX (V | X | FP)
#define RD  RV_VF_READ_D

/* Whole instructions. */
#define RED(kd, kb)		ROW(.whole = rv_vec_reduce, .flags = V | RV_VF_START0, K(kd, S, kb), \
				    .cost = RV_VC_REDUCE)
#define FRED(kd, kind)		ROW(.whole = rv_vec_freduce, .flags = FV | RV_VF_START0, K(kd, S, kd), \
				    .cost = RV_VC_##kind)
#define LOGIC			ROW(.whole = rv_vec_mask_logic, .flags = V | RV_VF_VM1, K(M, M, M))
#define WHOLE(fn_, flags_, ...) ROW(.whole = rv_vec_##fn_, .flags = (flags_), ##__VA_ARGS__)

enum {
	OPI = 0,
	OPM = 64,
	OPF = 128,
	XUNARY = 192, /* vzext, vsext */
	WXUNARY = 224, /* vmv.x.s, vcpop, vfirst */
	FUNARY0 = 256, /* conversions */
	FUNARY1 = 288,
	MUNARY = 320,
	OTHER = 352,
	GATHER16 = OTHER,
	MOVE_WHOLE,
	MOVE,
	MV_S_X,
	FMV_F_S,
	FMV_S_F,
	FMOVE,
};

const struct rv_vinsn *const rv_vec_rows[RV_VEC_INDEX_MAX] = {
	[OPI + 0x00] = E(add, V | X | I),
	[OPI + 0x02] = E(sub, V | X),
	[OPI + 0x03] = E(rsub, X | I),
	[OPI + 0x04] = E(minu, V | X),
	[OPI + 0x05] = E(min, V | X),
	[OPI + 0x06] = E(maxu, V | X),
	[OPI + 0x07] = E(max, V | X),
	[OPI + 0x09] = E(and, V | X | I),
	[OPI + 0x0a] = E(or, V | X | I),
	[OPI + 0x0b] = E(xor, V | X | I),
	[OPI + 0x0c] = WHOLE(gather, V | X | U | RV_VF_NO_OVL, K(S, S, S), .cost = RV_VC_PERMUTE),
	[OPI + 0x0e] = WHOLE(slideup, X | U | RV_VF_NO_OVL, K(S, S, NONE)),
	[OPI + 0x0f] = WHOLE(slidedown, X | U, K(S, S, NONE)),
	[OPI + 0x10] = E(adc, V | X | I | RV_VF_CARRY | RV_VF_VM0),
	[OPI + 0x11] = CMP(madc, V | X | I | RV_VF_CARRY),
	[OPI + 0x12] = E(sbc, V | X | RV_VF_CARRY | RV_VF_VM0),
	[OPI + 0x13] = CMP(msbc, V | X | RV_VF_CARRY),
	[OPI + 0x17] = E(merge, V | X | I | RV_VF_CARRY | RV_VF_VM0),
	[OPI + 0x18] = CMP(mseq, V | X | I),
	[OPI + 0x19] = CMP(msne, V | X | I),
	[OPI + 0x1a] = CMP(msltu, V | X),
	[OPI + 0x1b] = CMP(mslt, V | X),
	[OPI + 0x1c] = CMP(msleu, V | X | I),
	[OPI + 0x1d] = CMP(msle, V | X | I),
	[OPI + 0x1e] = CMP(msgtu, X | I),
	[OPI + 0x1f] = CMP(msgt, X | I),
	[OPI + 0x20] = E(saddu, V | X | I | SAT),
	[OPI + 0x21] = E(sadd, V | X | I | SAT),
	[OPI + 0x22] = E(ssubu, V | X | SAT),
	[OPI + 0x23] = E(ssub, V | X | SAT),
	[OPI + 0x25] = E(sll, V | X | U),
	[OPI + 0x27] = E(smul, V | X | SAT),
	[OPI + 0x28] = E(srl, V | X | U),
	[OPI + 0x29] = E(sra, V | X | U),
	[OPI + 0x2a] = E(ssrl, V | X | U),
	[OPI + 0x2b] = E(ssra, V | X | U),
	[OPI + 0x2c] = NAR(nsrl, V | X | U),
	[OPI + 0x2d] = NAR(nsra, V | X | U),
	[OPI + 0x2e] = NAR(nclipu, V | X | U | SAT),
	[OPI + 0x2f] = NAR(nclip, V | X | U | SAT),
	[OPI + 0x30] = RED(1W, 1W),
	[OPI + 0x31] = RED(1W, 1W),

	[OPM + 0x00] = RED(1, 1),
	[OPM + 0x01] = RED(1, 1),
	[OPM + 0x02] = RED(1, 1),
	[OPM + 0x03] = RED(1, 1),
	[OPM + 0x04] = RED(1, 1),
	[OPM + 0x05] = RED(1, 1),
	[OPM + 0x06] = RED(1, 1),
	[OPM + 0x07] = RED(1, 1),
	[OPM + 0x08] = E(aaddu, V | X),
	[OPM + 0x09] = E(aadd, V | X),
	[OPM + 0x0a] = E(asubu, V | X),
	[OPM + 0x0b] = E(asub, V | X),
	[OPM + 0x0e] = WHOLE(slide1up, X | RV_VF_NO_OVL, K(S, S, NONE)),
	[OPM + 0x0f] = WHOLE(slide1down, X, K(S, S, NONE)),
	[OPM + 0x17] = WHOLE(compress, V | RV_VF_VM1 | RV_VF_START0 | RV_VF_NO_OVL, K(S, S, M),
			     .cost = RV_VC_PERMUTE),
	[OPM + 0x18] = LOGIC,
	[OPM + 0x19] = LOGIC,
	[OPM + 0x1a] = LOGIC,
	[OPM + 0x1b] = LOGIC,
	[OPM + 0x1c] = LOGIC,
	[OPM + 0x1d] = LOGIC,
	[OPM + 0x1e] = LOGIC,
	[OPM + 0x1f] = LOGIC,
	[OPM + 0x20] = E(divu, V | X, DIVIDE),
	[OPM + 0x21] = E(div, V | X, DIVIDE),
	[OPM + 0x22] = E(remu, V | X, DIVIDE),
	[OPM + 0x23] = E(rem, V | X, DIVIDE),
	[OPM + 0x24] = E(mulhu, V | X),
	[OPM + 0x25] = E(mul, V | X),
	[OPM + 0x26] = E(mulhsu, V | X),
	[OPM + 0x27] = E(mulh, V | X),
	[OPM + 0x29] = E(madd, V | X | RD),
	[OPM + 0x2b] = E(nmsub, V | X | RD),
	[OPM + 0x2d] = E(macc, V | X | RD),
	[OPM + 0x2f] = E(nmsac, V | X | RD),
	[OPM + 0x30] = WID(waddu, V | X),
	[OPM + 0x31] = WID(wadd, V | X),
	[OPM + 0x32] = WID(wsubu, V | X),
	[OPM + 0x33] = WID(wsub, V | X),
	[OPM + 0x34] = WIDW(wadduw, V | X),
	[OPM + 0x35] = WIDW(waddw, V | X),
	[OPM + 0x36] = WIDW(wsubuw, V | X),
	[OPM + 0x37] = WIDW(wsubw, V | X),
	[OPM + 0x38] = WID(wmulu, V | X),
	[OPM + 0x3a] = WID(wmulsu, V | X),
	[OPM + 0x3b] = WID(wmul, V | X),
	[OPM + 0x3c] = WID(wmaccu, V | X | RD),
	[OPM + 0x3d] = WID(wmacc, V | X | RD),
	[OPM + 0x3e] = WID(wmaccus, X | RD),
	[OPM + 0x3f] = WID(wmaccsu, V | X | RD),

	[OPF + 0x00] = E(fadd, FVX),
	[OPF + 0x01] = FRED(1, REDUCE),
	[OPF + 0x02] = E(fsub, FVX),
	[OPF + 0x03] = FRED(1, ORDERED),
	[OPF + 0x04] = E(fmin, FVX),
	[OPF + 0x05] = FRED(1, REDUCE),
	[OPF + 0x06] = E(fmax, FVX),
	[OPF + 0x07] = FRED(1, REDUCE),
	[OPF + 0x08] = E(fsgnj, FVX),
	[OPF + 0x09] = E(fsgnjn, FVX),
	[OPF + 0x0a] = E(fsgnjx, FVX),
	[OPF + 0x0e] = WHOLE(slide1up, FX | RV_VF_NO_OVL, K(S, S, NONE)),
	[OPF + 0x0f] = WHOLE(slide1down, FX, K(S, S, NONE)),
	[OPF + 0x17] = E(fmerge, X | RV_VF_FP | RV_VF_CARRY | RV_VF_VM0),
	[OPF + 0x18] = CMP(mfeq, FVX),
	[OPF + 0x19] = CMP(mfle, FVX),
	[OPF + 0x1b] = CMP(mflt, FVX),
	[OPF + 0x1c] = CMP(mfne, FVX),
	[OPF + 0x1d] = CMP(mfgt, FX),
	[OPF + 0x1f] = CMP(mfge, FX),
	[OPF + 0x20] = E(fdiv, FVX, DIVIDE),
	[OPF + 0x21] = E(frdiv, FX, DIVIDE),
	[OPF + 0x24] = E(fmul, FVX),
	[OPF + 0x27] = E(frsub, FX),
	[OPF + 0x28] = E(fmadd, FVX | RD),
	[OPF + 0x29] = E(fnmadd, FVX | RD),
	[OPF + 0x2a] = E(fmsub, FVX | RD),
	[OPF + 0x2b] = E(fnmsub, FVX | RD),
	[OPF + 0x2c] = E(fmacc, FVX | RD),
	[OPF + 0x2d] = E(fnmacc, FVX | RD),
	[OPF + 0x2e] = E(fmsac, FVX | RD),
	[OPF + 0x2f] = E(fnmsac, FVX | RD),
	[OPF + 0x30] = WID(fwadd, FVX),
	[OPF + 0x31] = FRED(1W, REDUCE),
	[OPF + 0x32] = WID(fwsub, FVX),
	[OPF + 0x33] = FRED(1W, ORDERED),
	[OPF + 0x34] = WIDW(fwaddw, FVX),
	[OPF + 0x36] = WIDW(fwsubw, FVX),
	[OPF + 0x38] = WID(fwmul, FVX),
	[OPF + 0x3c] = WID(fwmacc, FVX | RD),
	[OPF + 0x3d] = WID(fwnmacc, FVX | RD),
	[OPF + 0x3e] = WID(fwmsac, FVX | RD),
	[OPF + 0x3f] = WID(fwnmsac, FVX | RD),

	[XUNARY + 2] = EXT(zext8, H8),
	[XUNARY + 3] = EXT(sext8, H8),
	[XUNARY + 4] = EXT(zext4, H4),
	[XUNARY + 5] = EXT(sext4, H4),
	[XUNARY + 6] = EXT(zext2, H2),
	[XUNARY + 7] = EXT(sext2, H2),

	[WXUNARY + 0] = WHOLE(mv_x_s, V | RV_VF_VM1, K(NONE, 1, NONE), .cost = RV_VC_MOVE),
	[WXUNARY + 16] = WHOLE(vcpop, V | RV_VF_START0, K(NONE, M, NONE), .cost = RV_VC_REDUCE),
	[WXUNARY + 17] = WHOLE(vfirst, V | RV_VF_START0, K(NONE, M, NONE), .cost = RV_VC_REDUCE),

#define UNARY(name, kd, ka, ...) \
	ROW(.fn = rv_v_##name, .flags = FV, K(kd, ka, NONE), ##__VA_ARGS__)
	[FUNARY0 + 0] = UNARY(fcvt_xu_f, S, S),
	[FUNARY0 + 1] = UNARY(fcvt_x_f, S, S),
	[FUNARY0 + 2] = UNARY(fcvt_f_xu, S, S),
	[FUNARY0 + 3] = UNARY(fcvt_f_x, S, S),
	[FUNARY0 + 6] = UNARY(fcvt_rtz_xu_f, S, S),
	[FUNARY0 + 7] = UNARY(fcvt_rtz_x_f, S, S),
	[FUNARY0 + 8] = UNARY(fwcvt_xu_f, W, S),
	[FUNARY0 + 9] = UNARY(fwcvt_x_f, W, S),
	[FUNARY0 + 10] = UNARY(fwcvt_f_xu, W, S),
	[FUNARY0 + 11] = UNARY(fwcvt_f_x, W, S),
	[FUNARY0 + 12] = UNARY(fwcvt_f_f, W, S),
	[FUNARY0 + 14] = UNARY(fwcvt_rtz_xu_f, W, S),
	[FUNARY0 + 15] = UNARY(fwcvt_rtz_x_f, W, S),
	[FUNARY0 + 16] = UNARY(fncvt_xu_f, S, W),
	[FUNARY0 + 17] = UNARY(fncvt_x_f, S, W),
	[FUNARY0 + 18] = UNARY(fncvt_f_xu, S, W),
	[FUNARY0 + 19] = UNARY(fncvt_f_x, S, W),
	[FUNARY0 + 20] = UNARY(fncvt_f_f, S, W),
	[FUNARY0 + 21] = UNARY(fncvt_rod_f_f, S, W),
	[FUNARY0 + 22] = UNARY(fncvt_rtz_xu_f, S, W),
	[FUNARY0 + 23] = UNARY(fncvt_rtz_x_f, S, W),
	[FUNARY1 + 0] = UNARY(fsqrt, S, S, DIVIDE),
	[FUNARY1 + 4] = UNARY(frsqrt7, S, S),
	[FUNARY1 + 5] = UNARY(frec7, S, S),
	[FUNARY1 + 16] = UNARY(fclass, S, S),

	[MUNARY + 1] = WHOLE(set_first, V | RV_VF_START0 | RV_VF_NO_OVL, K(M, M, NONE)),
	[MUNARY + 2] = WHOLE(set_first, V | RV_VF_START0 | RV_VF_NO_OVL, K(M, M, NONE)),
	[MUNARY + 3] = WHOLE(set_first, V | RV_VF_START0 | RV_VF_NO_OVL, K(M, M, NONE)),
	[MUNARY + 16] = WHOLE(viota, V | RV_VF_START0 | RV_VF_NO_OVL, K(S, M, NONE)),
	[MUNARY + 17] = WHOLE(vid, V, K(S, NONE, NONE)),

	[GATHER16] = WHOLE(gather, V | RV_VF_NO_OVL, K(S, S, E16), .cost = RV_VC_PERMUTE),
	[MOVE_WHOLE] = WHOLE(move_whole, I | RV_VF_VM1, K(NONE, NONE, NONE), .cost = RV_VC_MOVE),
	[MOVE] = ROW(.fn = rv_v_mv, .flags = V | X | I | RV_VF_VM1, K(S, NONE, S)),
	[MV_S_X] = WHOLE(mv_s_x, X | RV_VF_VM1, K(1, NONE, NONE), .cost = RV_VC_MOVE),
	[FMV_F_S] = WHOLE(fmv_f_s, FV | RV_VF_VM1, K(NONE, 1, NONE), .cost = RV_VC_MOVE),
	[FMV_S_F] = WHOLE(mv_s_x, FX | RV_VF_VM1, K(1, NONE, NONE), .cost = RV_VC_MOVE),
	[FMOVE] = ROW(.fn = rv_v_fmv, .flags = FX | RV_VF_VM1, K(S, NONE, S)),
};

/* Where fields beyond funct6 name the instruction. -1: nowhere. */
static int locate(uint32_t insn)
{
	const unsigned int funct3 = insn >> 12 & 7, funct6 = insn >> 26;
	const bool vm = insn >> 25 & 1;

	switch (funct3) {
	case 0: /* OPIVV */
	case 3: /* OPIVI */
	case 4: /* OPIVX */
		if (funct6 == 0x0e && funct3 == 0)
			return GATHER16;
		if (funct6 == 0x27 && funct3 == 3) {
			/* 1, 2, 4 or 8 registers, from and to a multiple of that. */
			const unsigned int nr = rv_vs1(insn);

			return nr > 7 || (nr & (nr + 1)) || ((rv_vd(insn) | rv_vs2(insn)) & nr) ?
				       -1 :
				       MOVE_WHOLE;
		}
		if (funct6 == 0x17 && vm)
			return rv_vs2(insn) ? -1 : MOVE;
		return OPI + (int)funct6;
	case 2: /* OPMVV */
		if (funct6 == 0x10)
			return WXUNARY + (int)rv_vs1(insn);
		if (funct6 == 0x12)
			return XUNARY + (int)rv_vs1(insn);
		if (funct6 == 0x14) {
			if (rv_vs1(insn) == 17 && rv_vs2(insn))
				return -1; /* vid has no source */
			return MUNARY + (int)rv_vs1(insn);
		}
		return OPM + (int)funct6;
	case 6: /* OPMVX */
		if (funct6 == 0x10)
			return rv_vs2(insn) ? -1 : MV_S_X;
		return OPM + (int)funct6;
	case 1: /* OPFVV */
		if (funct6 == 0x10)
			return rv_vs1(insn) ? -1 : FMV_F_S;
		if (funct6 == 0x12)
			return FUNARY0 + (int)rv_vs1(insn);
		if (funct6 == 0x13)
			return FUNARY1 + (int)rv_vs1(insn);
		return OPF + (int)funct6;
	case 5: /* OPFVF */
		if (funct6 == 0x10)
			return rv_vs2(insn) ? -1 : FMV_S_F;
		if (funct6 == 0x17 && vm)
			return rv_vs2(insn) ? -1 : FMOVE;
		return OPF + (int)funct6;
	default:
		return -1;
	}
}

int rv_vec_index(uint32_t insn)
{
	static const uint8_t form[8] = { V, V, V, I, X, X, X, 0 };
	const unsigned int vm = insn >> 25 & 1;
	const int index = locate(insn);
	const struct rv_vinsn *row;

	if (index < 0)
		return -1;
	row = rv_vec_rows[index];
	if (!row || !(row->flags & form[insn >> 12 & 7]) || (vm && (row->flags & RV_VF_VM0)) ||
	    (!vm && (row->flags & RV_VF_VM1)))
		return -1;
	return index;
}
