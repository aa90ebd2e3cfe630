/* SPDX-License-Identifier: MIT */
/*
 * Leaves in its signature: bytes of a vector register, cause and value of a load beyond RAM, of an illegal
 * instruction and of a trigger's register (which is 0).
 */
#include "program.h"
	la t0, handler
	csrw mtvec, t0
	li t0, 0x600 | 0x6000
	csrs mstatus, t0
	la s0, begin_signature
	csrr t0, vlenb
	sw t0, 0(s0)
	addi s0, s0, 4
	li t0, 0x90000004
	lw t0, 0(t0)
	.insn 4, 0xffffffff
	csrr t0, tdata1
	sw t0, 0(s0)
	END 1

	.balign 4
handler:
	csrr t0, mcause
	sw t0, 0(s0)
	csrr t0, mtval
	sw t0, 4(s0)
	addi s0, s0, 8
	csrr t0, mepc
	addi t0, t0, 4
	csrw mepc, t0
	mret

	.data
	.balign 16
	.global begin_signature, end_signature
begin_signature:
	.fill 6, 4, -1
end_signature:
