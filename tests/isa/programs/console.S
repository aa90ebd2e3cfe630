/* SPDX-License-Identifier: MIT */
/* Says hello by the system call write, then a character by the console, then exits with a2. */
#include "program.h"
	la a0, call
	la t1, tohost
	sd a0, 0(t1)
	la t2, fromhost
1:	ld t3, 0(t2)
	beqz t3, 1b
	sd zero, 0(t2)
	ld t3, 0(a0) /* bytes written */
	li t4, 6
	bne t3, t4, bad
	li t3, 0x0101000000000021
	sd t3, 0(t1)
1:	ld t3, 0(t1)
	bnez t3, 1b
	li t3, 93
	sd t3, 0(a0)
	sd zero, 8(a0)
	sd a0, 0(t1)
1:	j 1b
bad:	END 3

	.data
	.balign 64
call:	.dword 64, 1, text, 6, 0, 0, 0, 0
text:	.ascii "hello\n"
