# SPDX-License-Identifier: MIT
# A stub per instruction under test: operands in a1 and a2, result in a0. The table at the start
# lists them: name, address; it ends with an empty name.
	.section .text.start, "ax"
	.global _start
_start:
	.section .text.stubs, "ax"

	.macro stop
	.insn	r 0x0b, 0, 0, zero, zero, zero
	.endm

	.macro stub name:req, text:req
	.section .text.start, "ax"
	.p2align 3
1:	.asciz	"\name"
	.org	1b + 24
	.quad	stub\@
	.section .text.stubs, "ax"
	.p2align 3
stub\@:
	\text
	stop
	.endm

	.macro rr names:vararg
	.irp op, \names
	stub	\op, "\op a0, a1, a2"
	.endr
	.endm

	.option norvc
	rr	add, sub, sll, slt, sltu, xor, srl, sra, or, and
	rr	addw, subw, sllw, srlw, sraw
	rr	mul, mulh, mulhsu, mulhu, mulw
	rr	div, divu, rem, remu, divw, divuw, remw, remuw

	.macro ri names:vararg
	.irp op, \names
	.irp imm, 0, 1, -1, 2047, -2048, 1365
	stub	"\op \imm", "\op a0, a1, \imm"
	.endr
	.endr
	.endm
	ri	addi, slti, sltiu, xori, ori, andi, addiw

	.macro shifts names:vararg
	.irp op, \names
	.irp imm, 0, 1, 12, 31
	stub	"\op \imm", "\op a0, a1, \imm"
	.endr
	.endr
	.endm
	shifts	slli, srli, srai, slliw, srliw, sraiw
	.irp op, slli, srli, srai
	.irp imm, 32, 33, 63
	stub	"\op \imm", "\op a0, a1, \imm"
	.endr
	.endr

	.irp imm, 0, 1, 0x7ffff, 0x80000, 0xfffff, 0x12345
	stub	"lui \imm", "lui a0, \imm"
	stub	"auipc \imm", "auipc a0, \imm"
	.endr

	# rd is also a source, and x0 is a source and a destination
	stub	"add same", "mv a0, a1; add a0, a0, a0"
	stub	"sub x0", "mv a0, a1; sub x0, a0, a2"
	stub	"mul x0", "mv a0, a1; mul x0, a0, a2"
	stub	"lui x0", "mv a0, x0; lui x0, 0x12345; mv a0, x0"
	stub	"jal x0", "mv a0, x0; jal x0, 1f; nop; 1: mv a0, x0"
	stub	"sltu x0", "sltu a0, x0, a1"

	# 1 if the branch is taken
	.irp op, beq, bne, blt, bge, bltu, bgeu
	stub	\op, "li a0, 1; \op a1, a2, 1f; li a0, 0; 1:"
	.endr
	stub	beqz, "li a0, 1; beqz a1, 1f; li a0, 0; 1:"
	stub	bnez, "li a0, 1; bnez a1, 1f; li a0, 0; 1:"
	stub	"beq same", "li a0, 1; beq a1, a1, 1f; li a0, 0; 1:"
	stub	"bne x0", "li a0, 1; bne x0, a1, 1f; li a0, 0; 1:"

	# links, as distance from the jump
	stub	jal, "auipc a0, 0; jal a1, 1f; nop; 1: sub a0, a1, a0"
	stub	"jal back", "j 2f; 1: sub a0, a1, a0; j 3f; 2: auipc a0, 0; jal a1, 1b; 3:"
	stub	jalr, "auipc a0, 0; addi a2, a0, 17; jalr a1, a2, 0; nop; sub a0, a1, a0"
	stub	"jalr same", "auipc a0, 0; addi a1, a0, 16; jalr a1, a1, 0; nop; sub a0, a1, a0"
	stub	"jalr imm", "auipc a0, 0; mv a2, a0; jalr a1, a2, 16; nop; sub a0, a1, a0"

	# with a1 the value and a2 the old contents; what is then in memory is added shifted
	.irp op, amoadd, amoswap, amoxor, amoand, amoor, amomin, amomax, amominu, amomaxu
	stub	\op\().w, "auipc t0, 16; sw a2, 0(t0); \op\().w a0, a1, (t0)"
	stub	\op\().d, "auipc t0, 16; sd a2, 0(t0); \op\().d a0, a1, (t0)"
	stub	"\op\().w memory", "auipc t0, 16; li a0, -1; sd a0, 0(t0); sw a2, 0(t0); \op\().w.aqrl a0, a1, (t0); ld a0, 0(t0)"
	stub	"\op\().d memory", "auipc t0, 16; sd a2, 0(t0); \op\().d.aqrl a0, a1, (t0); ld a0, 0(t0)"
	.endr
	stub	"amoadd.d x0", "auipc t0, 16; sd a2, 0(t0); amoadd.d x0, a1, (t0); ld a0, 0(t0)"

	# pseudo-code in test_rv_insn.c
	stub	lr.w, "auipc t0, 16; sd a1, 0(t0); lr.w a0, (t0)"
	stub	lr.d, "auipc t0, 16; sd a1, 0(t0); lr.d a0, (t0)"
	stub	"sc.w good", "auipc t0, 16; lr.w t1, (t0); sc.w a0, a1, (t0); lwu t1, 0(t0); slli t1, t1, 1; add a0, a0, t1"
	stub	"sc.d good", "auipc t0, 16; lr.d t1, (t0); sc.d a0, a1, (t0); ld t1, 0(t0); slli t1, t1, 1; add a0, a0, t1"
	stub	"sc.d none", "auipc t0, 16; sd x0, 0(t0); sc.d a0, a1, (t0); ld t1, 0(t0); slli t1, t1, 1; add a0, a0, t1"
	stub	"sc.d twice", "auipc t0, 16; lr.d t1, (t0); sc.d a0, x0, (t0); sc.d a0, a1, (t0); ld t1, 0(t0); slli t1, t1, 1; add a0, a0, t1"
	stub	"sc.d other", "auipc t0, 16; sd x0, 0(t0); lr.d t1, (t0); addi t0, t0, 8; sc.d a0, a1, (t0)"
	stub	"sc.w size", "auipc t0, 16; sd x0, 0(t0); lr.d t1, (t0); sc.w a0, a1, (t0)"
	stub	"sc.d stored", "auipc t0, 16; sd x0, 0(t0); lr.d t1, (t0); li t2, 5; sd t2, 0(t0); sc.d a0, a1, (t0)"

	# loads of what a1 was stored as, 8 bytes; stores of a1 into all ones
	.irp op, lb, lbu, lh, lhu, lw, lwu, ld
	.irp at, 0, 1, 3
	stub	"\op \at", "auipc t0, 16; sd a2, 8(t0); sd a1, 0(t0); addi t0, t0, 2047; \op a0, \at-2047(t0)"
	.endr
	.endr
	.irp op, sb, sh, sw, sd
	.irp at, 0, 1, 3
	stub	"\op \at", "auipc t0, 16; li a0, -1; sd a0, 0(t0); sd a0, 8(t0); addi t0, t0, 2044; \op a1, \at-2044(t0); addi t0, t0, -2044; ld a0, 0(t0)"
	.endr
	.endr
	stub	fence, "mv a0, a1; fence; fence rw, w; fence.tso; .word 0x0100000f"
	stub	fence.i, "mv a0, a1; fence.i"

	# Zicsr on fflags, frm, fcsr: what is read and what is then there
	stub	csrrw, "fscsr a1; csrrw a0, fcsr, a2; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	csrrs, "fscsr a1; csrrs a0, fcsr, a2; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	csrrc, "fscsr a1; csrrc a0, fcsr, a2; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	csrrwi, "fscsr a1; csrrwi a0, fcsr, 21; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	csrrsi, "fscsr a1; csrrsi a0, fcsr, 21; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	csrrci, "fscsr a1; csrrci a0, fcsr, 21; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	frm, "fscsr a1; fsrm a0, a2; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	fflags, "fscsr a1; fsflags a0, a2; frcsr t0; slli t0, t0, 8; add a0, a0, t0"
	stub	"csr env", "csrr a0, 0xcc0"
	stub	custom, ".insn r 0x2b, 0, 0, a0, a1, a2"

	# end of the table
	.section .text.start, "ax"
	.p2align 3
	.quad	0, 0, 0, 0
