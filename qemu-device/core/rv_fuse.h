/* SPDX-License-Identifier: MIT */
/*
 * Pairs of operations that one handler runs, so that the second needs no jump of its own. A pair is
 * nothing but another handler for its first operation: both stay in their block as they are, and
 * whoever counts, traps or asks for an address sees two.
 *
 * The pairs are those that compilers write often, in programs of all kinds; blocks are some four
 * instructions long, so what comes with the branch at their end is most of it.
 */
#ifndef NPU_RV_FUSE_H
#define NPU_RV_FUSE_H

#include "rv_internal.h"

/*
 * X(first, second): the second has the first's result as its rs1, which then need not be read back. Where
 * an operation does not mind the order of its operands, rs2 will do.
 */
#define RV_CHAINS(X)                                                                      \
	X(SLLI, ADD) X(SLLI, SRLI) X(SLLI, SRAI) X(SLLI, OR) X(SLLI, XOR)                 \
	X(SRLI, ADD) X(SRLI, XOR) X(SRLI, OR) X(SRLI, AND) X(SRLI, ANDI)                  \
	X(ANDI, SLLI) X(ANDI, SUBW) X(ADDI, ANDI) X(ADD, ANDI) X(ADD, SRLI) X(ADD, ADD)   \
	X(ADD, XOR) X(XOR, ADD) X(XOR, ANDI) X(XOR, SLLI) X(XOR, SRLI) X(AND, XOR)        \
	X(OR, OR) X(OR, XOR) X(SLTU, AND) X(SUBW, SLLI) X(MUL, ADD) X(MULW, ADDW)         \
	X(ADD, LBU) X(ADD, LH) X(ADD, LW) X(ADD, LD) X(ADD, SW)                           \
	X(LBU, ANDI) X(LBU, XOR) X(LBU, SLLI) X(LH, SLLI) X(LH, ADD) X(LH, MUL)           \
	X(LW, ADDW) X(LW, SLLI)                                                           \
	X(LBU, BEQZ) X(LBU, BNEZ) X(LW, BEQZ) X(LW, BNEZ) X(LD, BEQZ) X(LD, BNEZ)         \
	X(LH, BLT) X(LH, BGE)                                                             \
	X(ADDI, BEQ) X(ADDI, BNE) X(ADDI, BLT) X(ADDI, BLTU) X(ADDI, BEQZ) X(ADDI, BNEZ)  \
	X(ADDIW, BEQZ) X(ADDIW, BNEZ) X(ADDIW, BNE) X(ANDI, BEQ) X(ANDI, BNE)             \
	X(ANDI, BEQZ) X(ANDI, BNEZ) X(AND, BEQZ) X(AND, BNEZ) X(SRLI, BEQZ) X(SRLI, BNEZ) \
	X(SRAI, BEQ) X(SRAI, BNE) X(XOR, BEQZ) X(XOR, BNEZ) X(SLTU, BEQZ) X(SLTU, BNEZ)   \
	X(SLT, BEQZ) X(SLT, BNEZ)

/* X(first, second): whatever their registers are. */
#define RV_PAIRS(X)                                                                       \
	X(MV, MV) X(MV, LI) X(MV, ADDI) X(MV, SLTU) X(LI, MV) X(LI, LI) X(LI, ADDI)       \
	X(ADDI, MV) X(ADDI, LI) X(ADDI, ADDI) X(ADDI, ADDIW) X(ADDI, XOR) X(ADDI, ANDI)   \
	X(ADDIW, MV) X(ADDIW, ADDI) X(ADD, ADD) X(ADD, ADDI) X(ADD, MUL) X(ADD, SRLI)     \
	X(SLLI, SLLI) X(SLLI, OR) X(SRLI, ADD) X(SRLI, AND) X(SRAI, SRLI) X(SLTU, SLTU)   \
	X(MUL, MUL) X(MUL, ADD) X(OR, SLLI) X(XOR, SRLI) X(XOR, ADDI)                     \
	X(LBU, LBU) X(LBU, ADDI) X(LBU, SLLI) X(LBU, XOR) X(LH, LH) X(LH, MUL) X(LH, ADD) \
	X(LW, LW) X(LW, ADDI) X(LW, SRLIW) X(LD, LD) X(LD, ADDI) X(LD, ADDIW)             \
	X(ADDI, LW) X(ADDI, LD) X(ADDI, LBU) X(ADD, LBU) X(ADD, LH) X(ADD, LW) X(ADD, LD) \
	X(ADDI, SB) X(ADDI, SW) X(ADDI, SD) X(SB, ADDI) X(SB, ADD) X(SB, MV) X(SB, SB)    \
	X(SW, ADDI) X(SW, SW) X(SD, ADDI) X(SD, SD)                                       \
	X(MV, BEQ) X(MV, BNE) X(MV, BGE) X(MV, BLTU) X(MV, BEQZ) X(MV, BNEZ) X(MV, JAL)   \
	X(MV, JALR) X(LI, BEQ) X(LI, BNE) X(LI, BLTU) X(LI, BEQZ) X(LI, JAL)              \
	X(ADDI, BEQ) X(ADDI, BNE) X(ADDI, BLT) X(ADDI, BLTU) X(ADDI, BGEU) X(ADDI, BEQZ)  \
	X(ADDI, BNEZ) X(ADDI, JAL) X(ADDI, JALR) X(ADDIW, BEQZ) X(ADDIW, BNEZ)            \
	X(ADDIW, BNE) X(ADD, BEQZ) X(ADD, BNEZ) X(ADD, BNE) X(ADD, BLTU) X(ADD, JAL)      \
	X(AND, BEQZ) X(AND, BNEZ) X(XOR, BNE) X(SD, JAL) X(SD, BNE) X(SW, JAL)            \
	X(SW, BNE) X(LD, JALR) X(LD, BEQ) X(LD, BNE) X(LW, BEQ) X(LW, BNE) X(LBU, BEQ)    \
	X(LBU, BNE) X(LBU, BGEU) X(LBU, BLTU)

/* Numbers of their handlers, behind those of single operations. */
enum rv_fused {
	RV_FUSED_NONE = 0,
	RV_FUSED_FIRST = RV_OP_COUNT - 1,
#define RV_FUSED_ENUM(first, second) RV_PAIR_##first##_##second,
	RV_PAIRS(RV_FUSED_ENUM)
#undef RV_FUSED_ENUM
#define RV_FUSED_ENUM(first, second) RV_CHAIN_##first##_##second,
	RV_CHAINS(RV_FUSED_ENUM)
#undef RV_FUSED_ENUM
	RV_HANDLERS
};

#endif /* NPU_RV_FUSE_H */
