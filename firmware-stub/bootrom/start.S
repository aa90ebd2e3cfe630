/* SPDX-License-Identifier: MIT */
/*
 * Reset vector. The ROM runs in place and has no variables but those on its
 * stack, which lies in the last 16 KiB of RAM, where no firmware image may
 * claim memory. (RAM is further away than pc-relative addressing of variables
 * would reach.) RAM may hold anything.
 */
#include "stack.h"

	.option norvc
	.section .text.start, "ax"
	.globl	_start
_start:
	csrw	mie, zero
	csrw	mstatus, zero
	la	t0, rom_trap_entry
	csrw	mtvec, t0
	li	sp, ROM_STACK_TOP
	call	rom_main
	/* rom_main() never returns. */
1:	wfi
	j	1b

/* Nothing in the ROM traps; what does is an image that fails before it has set mtvec. */
	.balign	4
rom_trap_entry:
	la	t0, rom_trap_again
	csrw	mtvec, t0
	li	sp, ROM_STACK_TOP
	csrr	a0, mepc
	call	rom_trap
	.balign	4
rom_trap_again:
	wfi
	j	rom_trap_again
