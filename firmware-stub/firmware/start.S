/* SPDX-License-Identifier: MIT */
/*
 * Entry from the boot ROM, which has loaded the image and zeroed the rest of
 * its memory. Interrupts stay disabled for good: the event loop polls for them.
 */
	.section .text.start, "ax"
	.globl	_start
_start:
	csrw	mie, zero
	csrw	mstatus, zero
	la	t0, trap_entry
	csrw	mtvec, t0
	la	sp, fw_stack_top
	call	main
	/* main() never returns. */
	ebreak

/*
 * Any trap is a bug of the firmware: report it and stop. A stack of its own,
 * since the trap may be about the other one.
 */
	.balign	4
trap_entry:
	la	t0, trap_again
	csrw	mtvec, t0
	la	sp, fw_trap_stack_top
	csrr	a0, mcause
	csrr	a1, mepc
	csrr	a2, mtval
	call	trap_panic

/* A trap on the way out of a trap: stop the core, nothing else can be trusted. */
	.balign	4
trap_again:
	li	t0, 0x10000000 + 0x6c	/* NPU_SOC_HALT, checked in panic.c */
	sw	zero, 0(t0)
1:	wfi
	j	1b
