// SPDX-License-Identifier: MIT
/* npu-rv-run, run-suite, random-program: how programs end, what they say, what is left of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tap.h"

static char output[8192];

/* Run a command of the shell in a folder of its own; its status, and what it wrote in output. */
static int shell(const char *command)
{
	char line[1024];
	FILE *pipe;
	size_t used;
	int status;

	snprintf(line, sizeof(line),
		 "R=%s/npu-rv-run P=%s S=%s CC='%s'; T=$(mktemp -d) && cd $T && { %s; } 2>&1; "
		 "s=$?; rm -rf $T; exit $s",
		 ISA_OUT, ISA_OUT, ISA, ISA_CC, command);
	pipe = popen(line, "r");
	if (!pipe) {
		printf("Bail out! no shell\n");
		exit(1);
	}
	used = fread(output, 1, sizeof(output) - 1, pipe);
	output[used] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The command ends with status and says words. */
static void says(const char *command, int status, const char *words)
{
	const int got = shell(command);

	if (!tap_ok(got == status && strstr(output, words), "%s", command))
		tap_diag("status %d: %s", got, output);
}

int main(void)
{
	says("$R $P/fail.elf", 1, "test 5 failed");
	says("$R $P/console.elf", 0, "hello\n!");
	says("$R --max 100000 $P/stuck.elf", 3,
	     "after 100000 instructions; last trap: mcause 1, mepc 0x0, mtval 0x0");
	says("$R --signature s $P/signature.elf && cat s", 0,
	     "00000100\n00000005\n90000004\n00000002\nffffffff\n00000000\n");
	says("$R --vlen 128 --signature s --granularity 8 $P/signature.elf && cat s", 0,
	     "0000000500000010\n0000000290000004\n00000000ffffffff\n");
	/* no vectors: reading vlenb is the first illegal instruction, and t0 keeps the mask */
	says("$R --vlen 0 --signature s $P/signature.elf; head -n 2 s", 0, "00000002\nc22022f3\n");
	says("$R --ram 0x80000000,0x20000000 --signature s $P/signature.elf && head -n 2 s", 0,
	     "00000100\n00000002\n");
	says("$R --trace $P/fail.elf", 1, "0000000080000000 x5=b");
	says("$R --ram 0x1000,0x1000 $P/fail.elf", 2, "is not in RAM");
	says("$R $S/Makefile", 2, "not a 64-bit RISC-V ELF file");
	says("$R --vlen 100 $P/fail.elf", 2, "--vlen 100");
	says("$R --signature s $P/fail.elf", 2, "no begin_signature");
	says("$S/run-suite $R $P --max 1000", 1, "not ok 2 - fail.elf");
	says("mkdir suite && cp $P/signature.elf suite && $S/run-suite $R suite", 0, "1..1\nok 1 - signature.elf");
	says("mkdir suite && cp $P/signature.elf suite && $R --signature suite/signature.signature "
	     "suite/signature.elf && $S/run-suite $R suite && $S/run-suite $R suite --vlen 256", 1,
	     "ok 1 - signature.elf\n# 1 of 1 passed\n1..1\nnot ok 1 - signature.elf");
	says("mkdir suite && $S/run-suite $R suite", 2, "no ELF file");

	/* However often a run is interrupted, the result is the same. */
	says("$S/random-program --seed 1 --count 300 --vlen 512 >r.S && "
	     "$CC -Wl,-T,$S/programs/program.ld r.S -o r && "
	     "$R --vlen 512 --signature a r && $R --vlen 512 --trace --signature b r >/dev/null && "
	     "cmp a b && wc -l <a", 0, "6000\n");
	says("$S/random-program --count 10 --only 3 >r.S && "
	     "$CC -Wl,-T,$S/programs/program.ld r.S -o r && $R --vlen 256 --signature a r && wc -l <a",
	     0, "404\n");
	return tap_done();
}
