/* SPDX-License-Identifier: MIT */
/* How the programs of the runner's own test begin and end. */
#ifndef PROGRAM_H
#define PROGRAM_H

/* What is written to tohost: 1 passes, any other odd value fails. */
.macro END value
	li t0, \value
	la t1, tohost
	sd t0, 0(t1)
0:	j 0b
.endm

	.data
	.balign 64
	.global tohost, fromhost
tohost:	.dword 0
fromhost: .dword 0

	.text
	.global _start
_start:

#endif /* PROGRAM_H */
