# SPDX-License-Identifier: MIT
# Small pieces for tests of memory, traps and code, by name: see test_rv_memory.c, test_rv_code.c and
# test_rv_machine.c. The table at the start lists name and address; it ends with an empty name.
	.section .text.start, "ax"
	.global _start
_start:

	.macro piece name:req
	.section .text.start, "ax"
	.p2align 3
1:	.asciz	"\name"
	.org	1b + 24
	.quad	piece\@
	.section .text.pieces, "ax"
	.p2align 3
piece\@:
	.endm
	.macro stop
	.insn	r 0x0b, 0, 0, zero, zero, zero
	.endm

	.option norvc

# a1: address, a2: value. Two instructions before the one under test, so that it is in
# mid-block; the trap is at the third.
	.irp op, lb, lh, lw, ld, lbu, lhu, lwu
	piece	\op
	addi	t0, t0, 1
	addi	t1, t1, 1
	\op	a0, 0(a1)
	addi	t2, t2, 1
	stop
	.endr
	.irp op, sb, sh, sw, sd
	piece	\op
	addi	t0, t0, 1
	addi	t1, t1, 1
	\op	a2, 0(a1)
	addi	t2, t2, 1
	stop
	.endr
	.irp op, fsw, fsd
	piece	\op
	fmv.d.x	fa0, a2
	addi	t1, t1, 1
	\op	fa0, 0(a1)
	addi	t2, t2, 1
	stop
	.endr
	.irp op, flw, fld
	piece	\op
	addi	t0, t0, 1
	addi	t1, t1, 1
	\op	fa0, 0(a1)
	fmv.x.d	a0, fa0
	stop
	.endr
	.irp size, w, d
	piece	lr.\size
	addi	t0, t0, 1
	addi	t1, t1, 1
	lr.\size a0, (a1)
	stop
	piece	sc.\size
	addi	t0, t0, 1
	addi	t1, t1, 1
	sc.\size a0, a2, (a1)
	stop
	piece	amoadd.\size
	addi	t0, t0, 1
	addi	t1, t1, 1
	amoadd.\size a0, a2, (a1)
	stop
	.endr

	.macro trapping name, text:vararg
	piece	"\name"
	addi	t0, t0, 1
	addi	t1, t1, 1
	\text
	addi	t2, t2, 1
	stop
	.endm
	trapping ecall, ecall
	trapping ebreak, ebreak
	trapping zeros, .word 0
	trapping ones, .word 0xffffffff
	trapping vector, .word 0x0d0072d7
	trapping wfi, wfi
	trapping mret, mret
	trapping sret, sret
	trapping "mstatus", csrr a0, mstatus
	trapping "write cycle", csrw cycle, a0
	trapping "no csr", csrr a0, 0x7c0
	trapping "no user csr", csrr a0, 0xcc9
	trapping "custom illegal", .insn r 0x7b, 0, 0, a0, a1, a2
	trapping "custom fault", .insn r 0x5b, 0, 0, a0, a1, a2
	trapping "jump", jalr ra, 0(a1)
	# with C, 2-byte ones
	.option	rvc
	piece	c.ebreak
	addi	t0, t0, 1
	addi	t1, t1, 1
	c.ebreak
	piece	c.illegal
	.option	norvc
	addi	t0, t0, 1
	addi	t1, t1, 1
	.2byte	0
	.2byte	0

# Reads of a remote array: a1 address, a2 stride, a3 count
	piece	walk
1:	ld	a0, 0(a1)
	add	a1, a1, a2
	addi	a3, a3, -1
	bnez	a3, 1b
	stop
	piece	rdcycle
	rdcycle	a0
	rdtime	a4
	rdinstret a5
	csrr	a6, 0xcc1
	stop
	piece	stall
	rdcycle	a0
	.insn	r 0x2b, 0, 0, t0, a1, a2
	rdcycle	a4
	sub	a0, a4, a0
	stop

# a1: address of code that is called, patched with a2 and called again; with and without fence.i
	piece	patch
	mv	s0, ra
	jalr	0(a1)
	mv	s1, a0
	sw	a2, 0(a1)
	jalr	0(a1)
	mv	s2, a0
	fence.i
	jalr	0(a1)
	mv	s3, a0
	stop
# The loop overwrites an instruction that comes later in its own block.
	piece	"patch self"
	la	a1, 1f
	lw	a2, 2f
	sw	a2, 0(a1)
	fence.i
1:	li	a0, 1
	stop
2:	li	a0, 77
	piece	spin
1:	j	1b
	piece	count
	li	a0, 0
1:	addi	a0, a0, 1
	j	1b

# Concurrent: a1 counter, a2 rounds
	piece	"amo loop"
	li	t0, 1
1:	amoadd.d x0, t0, (a1)
	addi	a2, a2, -1
	bnez	a2, 1b
	stop
	piece	"lrsc loop"
1:	lr.d	t0, (a1)
	addi	t0, t0, 1
	sc.d	t1, t0, (a1)
	bnez	t1, 1b
	addi	a2, a2, -1
	bnez	a2, 1b
	stop

# ---- machine mode ----
# The handler counts in s11 and leaves cause, epc, tval in s8, s9, s10; it skips the instruction
# that trapped if it was an exception, else it masks the interrupt and appends its number to a7.
# Vectors other than the first put their number into a6.
	.p2align 2
handler:
	csrr	s8, mcause
	csrr	s9, mepc
	csrr	s10, mtval
	addi	s11, s11, 1
	bltz	s8, 1f
	addi	s9, s9, 4
	csrw	mepc, s9
	addi	s9, s9, -4
	mret
1:	slli	t6, s8, 1
	srli	t6, t6, 1
	slli	a7, a7, 4
	add	a7, a7, t6
	li	t5, 1
	sll	t5, t5, t6
	csrc	mie, t5
	mret
	.p2align 8
vectors:
	j	handler
	.irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	j	vector\n
	.endr
	.irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
vector\n:
	li	a6, \n
	j	handler
	.endr

	piece	"m ecall"
	la	t0, handler
	csrw	mtvec, t0
	ecall
	csrr	a0, mstatus
	stop
	piece	"m vectored ecall"
	la	t0, vectors
	addi	t0, t0, 1
	csrw	mtvec, t0
	ecall
	stop
	piece	"m faults"
	la	t0, handler
	csrw	mtvec, t0
	ld	a0, 0(zero)
	mv	s1, s8
	mv	s2, s10
	sd	a0, 8(zero)
	mv	s3, s8
	mv	s4, s10
	.word	0xffffffff
	mv	s5, s8
	mv	s6, s10
	ebreak
	mv	s7, s8
	stop
	# a1: mie bits; enables, then waits in a loop for s11
	piece	"m interrupt"
	la	t0, handler
	csrw	mtvec, t0
	csrw	mie, a1
	csrsi	mstatus, 8
1:	beqz	s11, 1b
	csrr	a0, mstatus
	csrr	a4, mie
	csrr	a5, mip
	stop
	piece	"m vectored interrupt"
	la	t0, vectors
	addi	t0, t0, 1
	csrw	mtvec, t0
	csrw	mie, a1
	csrsi	mstatus, 8
1:	beqz	s11, 1b
	stop
	piece	"m wfi"
	la	t0, handler
	csrw	mtvec, t0
	csrw	mie, a1
	wfi
	li	a0, 1
	csrsi	mstatus, 8
	li	a4, 2
	csrci	mstatus, 8
	stop
	piece	"m registers"
	li	t0, -1
	csrw	mstatus, t0
	csrr	a0, mstatus
	csrw	mstatus, zero
	csrr	a1, mstatus
	csrw	mie, t0
	csrr	a2, mie
	csrw	mtvec, t0
	csrr	a3, mtvec
	csrw	mepc, t0
	csrr	a4, mepc
	csrw	mscratch, t0
	csrr	a5, mscratch
	csrw	mcause, t0
	csrr	a6, mcause
	csrr	a7, misa
	csrr	s2, mhartid
	csrr	s3, mvendorid
	csrr	s4, mhpmcounter3
	csrw	mhpmevent31, t0
	csrr	s5, mhpmevent31
	csrw	mip, t0
	csrr	s6, mip
	stop
	piece	"m counters"
	csrw	mcycle, zero
	csrr	a0, mcycle
	csrwi	minstret, 16
	csrr	a1, minstret
	rdinstret a2
	rdcycle	a3
	stop
	piece	"m fp off"
	la	t0, handler
	csrw	mtvec, t0
	fadd.d	fa0, fa0, fa0
	mv	s1, s8
	mv	s2, s10
	frflags	a0
	mv	s3, s11
	li	t0, 0x6000
	csrs	mstatus, t0
	fadd.d	fa0, fa0, fa0
	frflags	a0
	csrr	a4, mstatus
	csrc	mstatus, t0
	fadd.d	fa0, fa0, fa0
	stop
	piece	"m device"
	lw	a0, 0(a1)
	sw	a2, 4(a1)
	ld	a4, 8(a1)
	lbu	a5, 3(a1)
	stop
	# mtvec points nowhere: the trap traps
	piece	"m lost"
	csrw	mtvec, zero
	ecall
	# a device access raises the interrupt, which must come soon
	piece	"m poke"
	la	t0, handler
	csrw	mtvec, t0
	csrw	mie, a1
	csrsi	mstatus, 8
	sw	a0, 0(a2)
	li	a4, 0
1:	addi	a4, a4, 1
	beqz	s11, 1b
	stop

	.section .text.start, "ax"
	.p2align 3
	.quad	0, 0, 0, 0
