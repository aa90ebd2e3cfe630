// SPDX-License-Identifier: MIT
/* npu-prof: one program, a file and a man page per subcommand. */
#include <errno.h>
#include <npurt.h>
#include <stdio.h>
#include <string.h>

#include "prof.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"stat", prof_stat, "run a program and print its counters"},
	{"list", prof_list, "list the counters"},
	{"model", prof_model, "show the table of cycles and energies"},
	{"info", prof_info, "show devices, firmware, driver and their versions"},
	{"coredump", prof_coredump, "show what the driver wrote down of a job that failed"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: npu-prof [--version] [--help] COMMAND [option...]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'npu-prof COMMAND --help' lists a command's options; see also npu-prof(1).\n",
	      out);
}

/* Output that did not get to where it was sent is an error. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "npu-prof: cannot write the output: %s\n", strerror(errno));
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return finish(0);
	}
	if (!strcmp(argv[1], "--version")) {
		uint32_t v = npurt_version();

		printf("npu-prof %d.%d.%d, libnpurt %u.%u.%u\n", NPURT_VERSION_MAJOR,
		       NPURT_VERSION_MINOR, NPURT_VERSION_PATCH, v >> 16, v >> 8 & 255, v & 255);
		return finish(0);
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return finish(commands[i].run(argc - 1, argv + 1));
	fprintf(stderr, "npu-prof: there is no command '%s'\n", argv[1]);
	usage(stderr);
	return 2;
}
