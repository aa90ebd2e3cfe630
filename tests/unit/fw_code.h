/* SPDX-License-Identifier: MIT */
/* A few RISC-V instructions, for kernels that tests write down by hand. */
#ifndef NPU_TEST_FW_CODE_H
#define NPU_TEST_FW_CODE_H

#include <stdint.h>

#include "npu_isa.h"

enum { X0 = 0, SP = 2, T0 = 5, T1 = 6, T2 = 7, A0 = 10, A1 = 11 };

#define RV_I(imm, rs1, f3, rd, op) \
	((uint32_t)(imm) << 20 | (uint32_t)(rs1) << 15 | (f3) << 12 | (rd) << 7 | (op))
#define RV_S(imm, rs2, rs1, f3)                                                     \
	(((uint32_t)(imm) >> 5 & 0x7f) << 25 | (uint32_t)(rs2) << 20 | (rs1) << 15 | \
	 (f3) << 12 | ((uint32_t)(imm) & 0x1f) << 7 | 0x23)

#define CSRR(rd, csr)	     RV_I(csr, 0, 2, rd, 0x73)
#define ADDI(rd, rs1, imm)   RV_I(imm, rs1, 0, rd, 0x13)
#define SLLI(rd, rs1, shift) RV_I(shift, rs1, 1, rd, 0x13)
#define ADD(rd, rs1, rs2)    ((uint32_t)(rs2) << 20 | (rs1) << 15 | (rd) << 7 | 0x33)
#define LW(rd, rs1, imm)     RV_I(imm, rs1, 2, rd, 0x03)
#define SW(rs2, rs1, imm)    RV_S(imm, rs2, rs1, 2u)
/* Skip the next instruction if the two are equal. */
#define SKIP_EQ(rs1, rs2) ((uint32_t)(rs2) << 20 | (rs1) << 15 | 4u << 8 | 0x63)
/* Stay here for ever. */
#define LOOP   0x0000006fu
#define EBREAK 0x00100073u
#define EXIT   (NPU_F3_EXIT << 12 | NPU_OPCODE_CUSTOM0)
#define UNIMP  0x00000000u

#endif /* NPU_TEST_FW_CODE_H */
