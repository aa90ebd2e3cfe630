/* SPDX-License-Identifier: MIT */
/* A kernel whose workgroups talk to each other, for tests of gangs. */
#ifndef NPU_TEST_FW_TALK_H
#define NPU_TEST_FW_TALK_H

#include <stddef.h>

#include "fw_code.h"

/* What a workgroup is told; 256 bytes apart. */
struct part {
	struct npu_dma_desc send, store;
	uint32_t sem, count;
	uint32_t reserved[30];
};
_Static_assert(sizeof(struct part) == 256, "the kernel shifts by 8");

#define DMA(rs1)	   ((uint32_t)(rs1) << 15 | NPU_F3_DMA << 12 | T1 << 7 | NPU_OPCODE_CUSTOM0)
#define WAIT_ALL	   (NPU_F3_WAIT << 12 | NPU_OPCODE_CUSTOM0)
#define SEM_WAIT(rs1, rs2) \
	((uint32_t)(rs2) << 20 | (rs1) << 15 | NPU_F3_SEM_WAIT << 12 | NPU_OPCODE_CUSTOM0)

/* Send, take, store what came. */
static const uint32_t talk[] = {
	CSRR(T0, NPU_CSR_WG_X), SLLI(T0, T0, 8), ADD(A0, A0, T0), DMA(A0),
	LW(T1, A0, offsetof(struct part, sem)), LW(T2, A0, offsetof(struct part, count)),
	SEM_WAIT(T1, T2), ADDI(A1, A0, offsetof(struct part, store)), DMA(A1), WAIT_ALL, EXIT,
};
#define TAKE_AT (6 * 4) /* where it waits */

#endif /* NPU_TEST_FW_TALK_H */
