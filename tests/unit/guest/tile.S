# SPDX-License-Identifier: MIT
# Kernels for tests of the tile, 128 bytes apart; enum tile_kernel in tiles.h has their numbers.
# a0 is the address of their arguments. Position independent.
#include "tile_isa.h"

	.macro slot n
	.org (\n) * 128
	.endm
	.macro npu_exit
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_EXIT, 0, x0, x0, x0
	.endm
	.macro npu_dma rd, rs1
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_DMA, 0, \rd, \rs1, x0
	.endm
	.macro npu_matrix rd, rs1
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_MATRIX, 0, \rd, \rs1, x0
	.endm
	.macro npu_wait rs1
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_WAIT, 0, x0, \rs1, x0
	.endm
	.macro npu_poll rd, rs1
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_POLL, 0, \rd, \rs1, x0
	.endm

	.section .text.start, "ax"
	.global _start
_start:
	.option push
	.option norvc

	slot 0				# exit
	npu_exit

	slot 1				# coordinates: u64 out[workgroups][10] at a0
	csrr	t0, TEST_CSR_WG_X
	csrr	t1, TEST_CSR_WG_Y
	csrr	t2, TEST_CSR_WG_Z
	csrr	t3, TEST_CSR_GRID_X
	csrr	t4, TEST_CSR_GRID_Y
	csrr	t5, TEST_CSR_GRID_Z
	mul	t6, t2, t4
	add	t6, t6, t1
	mul	t6, t6, t3
	add	t6, t6, t0
	li	a1, 80
	mul	t6, t6, a1
	add	t6, t6, a0
	sd	t0, 0(t6)
	sd	t1, 8(t6)
	sd	t2, 16(t6)
	sd	t3, 24(t6)
	sd	t4, 32(t6)
	sd	t5, 40(t6)
	csrr	t0, TEST_CSR_TILE
	sd	t0, 48(t6)
	csrr	t0, TEST_CSR_TILES
	sd	t0, 56(t6)
	csrr	t0, TEST_CSR_SRAM_SIZE
	sd	t0, 64(t6)
	sd	sp, 72(t6)
	npu_exit

	slot 2				# the script at a0 + 4096 * x
	csrr	t0, TEST_CSR_WG_X
	slli	t0, t0, 12
	add	a0, a0, t0
	j	script

	slot 3				# for ever
	j	.

	slot 4				# load from args[0]
	ld	t0, 0(a0)
	ld	t1, 0(t0)
	npu_exit

	slot 5				# store to args[0]
	ld	t0, 0(a0)
	sd	zero, 0(t0)
	npu_exit

	slot 6				# jump to args[0]
	ld	t0, 0(a0)
	jr	t0

	slot 7				# return
	ret

	slot 8				# ebreak
	ebreak

	slot 9				# illegal
	.word	0

	slot 10				# misaligned atomic
	ld	t0, 0(a0)
	amoadd.w t1, zero, (t0)
	npu_exit

	slot 11				# script at a0: { u64 op, u64 operand }, op 0 ends; result behind it:
					# u64 cycles, u64 last tag
script:	csrr	s0, cycle
1:	ld	t0, 0(a0)
	ld	t1, 8(a0)
	addi	a0, a0, 16
	li	t2, 1			# npu.dma
	bne	t0, t2, 2f
	npu_dma	s1, t1
	j	1b
2:	li	t2, 2			# npu.matrix
	bne	t0, t2, 3f
	npu_matrix s1, t1
	j	1b
3:	li	t2, 3			# wait for the tag in operand
	bne	t0, t2, 4f
	npu_wait t1
	j	1b
4:	li	t2, 4			# wait for the last tag
	bne	t0, t2, 5f
	npu_wait s1
	j	1b
5:	li	t2, 5			# take operand >> 32 signals of the semaphore that its low half names
	bne	t0, t2, 6f
	srli	t3, t1, 32
	slli	t1, t1, 32
	srli	t1, t1, 32
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_SEM_WAIT, 0, x0, t1, t3
	j	1b
6:	li	t2, 6			# keep the core busy: operand rounds
	bne	t0, t2, 8f
7:	addi	t1, t1, -1
	bgtz	t1, 7b
	j	1b
8:	li	t2, 7			# add the dword at operand + 8 to the one at operand
	bne	t0, t2, 9f
	ld	t3, 0(t1)
	ld	t4, 8(t1)
	add	t3, t3, t4
	sd	t3, 0(t1)
	j	1b
9:	csrr	t0, cycle
	sub	t0, t0, s0
	sd	t0, 0(a0)
	sd	s1, 8(a0)
	npu_exit

	slot 13				# dma with the descriptor at a0, for ever
1:	npu_dma	t0, a0
	npu_wait t0
	j	1b

	slot 14				# count at args[0] + 8 * x, for ever
	ld	t0, 0(a0)
	csrr	t1, TEST_CSR_WG_X
	slli	t1, t1, 3
	add	t0, t0, t1
1:	ld	t1, 0(t0)
	addi	t1, t1, 1
	sd	t1, 0(t0)
	j	1b

	slot 15				# SRAM dword at args[0] to args[1], then args[2] to SRAM
	csrr	t3, TEST_CSR_SRAM_SIZE
	ld	t0, 0(a0)
	sub	t1, sp, t3
	add	t1, t1, t0
	ld	t2, 0(t1)
	sd	t2, 8(a0)
	ld	t2, 16(a0)
	sd	t2, 0(t1)
	npu_exit

	slot 16				# work: args[0] rounds of integer, memory and floating-point
	ld	t0, 0(a0)
	csrr	t1, TEST_CSR_WG_X
	add	t0, t0, t1		# uneven workgroups
	fcvt.d.l fa0, t0
	li	t2, 0
1:	beqz	t0, 2f
	mul	t2, t2, t0
	xor	t2, t2, t1
	sd	t2, -8(sp)
	ld	t3, -8(sp)
	add	t1, t1, t3
	fadd.d	fa0, fa0, fa0
	divu	t4, t1, t0
	addi	t0, t0, -1
	j	1b
2:	npu_exit

	slot 17				# 40 times dma with the descriptor at args[0] in a row, then wait for all;
					# cycles at issue of the last and at the end to args[1..2]
	ld	t0, 0(a0)
	li	t1, 40
	csrr	s0, cycle
1:	npu_dma	t2, t0
	addi	t1, t1, -1
	bnez	t1, 1b
	csrr	t3, cycle
	npu_wait zero
	csrr	t4, cycle
	sub	t3, t3, s0
	sub	t4, t4, s0
	sd	t3, 8(a0)
	sd	t4, 16(a0)
	npu_exit

	slot 18				# dma with the descriptor at args[0]; polls that were not done yet to args[1]
	ld	t0, 0(a0)
	npu_dma	t2, t0
	li	t3, 0
1:	npu_poll t4, t2
	bnez	t4, 2f
	addi	t3, t3, 1
	j	1b
2:	sd	t3, 8(a0)
	npu_exit

	slot 19				# custom-0 with a funct7 that is not defined
	.insn r TEST_OPCODE_CUSTOM0, TEST_F3_POLL, 1, t0, t0, x0

	slot 20				# custom-0 with a funct3 that is not defined
	.insn r TEST_OPCODE_CUSTOM0, 7, 0, t0, t0, x0

	slot 21				# count remote stores for ever in SRAM's own code: copy to SRAM, fence.i, jump
	csrr	t3, TEST_CSR_SRAM_SIZE
	sub	t1, sp, t3
	li	t2, 0x0000000b		# npu.exit
	sw	t2, 0(t1)
	fence.i
	jr	t1

	slot 22				# matrix with the descriptor at a0, for ever
1:	npu_matrix t0, a0
	npu_wait t0
	j	1b

	slot 23				# an operation left running at exit
	npu_dma	t0, a0
	npu_exit

	slot 24				# vectors: words from args[1] to SRAM, added, multiplied, summed up
	.option push
	.option arch, +v
	ld	t0, 8(a0)
	csrr	t3, TEST_CSR_SRAM_SIZE
	sub	t1, sp, t3
	li	t4, 500
1:	vsetvli	t2, t4, e32, m4, ta, ma
	vle32.v	v0, (t0)
	vadd.vv	v4, v0, v0
	vdivu.vv v4, v4, v0
	vredsum.vs v8, v4, v8
	vse32.v	v4, (t1)
	sub	t4, t4, t2
	bnez	t4, 1b
	.option pop
	npu_exit
	.option pop
