// SPDX-License-Identifier: MIT
/* The scalar mix as a Linux program without a library. argv[1]: rounds; the result is its exit code, in part. */
#include "mix.h"

static struct mix_state state;

static void exit_with(long code)
{
	register long a0 __asm__("a0") = code;
	register long a7 __asm__("a7") = 93; /* exit */

	__asm__ volatile("ecall" : : "r"(a0), "r"(a7));
	__builtin_unreachable();
}

/* The stack holds argc, then argv. */
__attribute__((used)) static void run(const long *stack)
{
	const char *text = (const char *)stack[2];
	uint64_t rounds = 0;

	while (*text)
		rounds = rounds * 10 + (uint64_t)(*text++ - '0');
	exit_with((long)(mix_program(&state, rounds) & 63));
}

__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tandi sp, sp, -16\n\tj run\n");
