// SPDX-License-Identifier: MIT
/*
 * npu-prof stat: run a program and print what its queues counted.
 *
 * The program needs nothing but to be linked with libnpurt: the library adds its queues' counters
 * to memory that it inherits (lib/stat.h). Counters live in the device per queue, so the program
 * runs as fast as without; what is lost because it died is reported, never guessed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/stat.h"
#include "prof.h"
#include "report.h"

static void usage(FILE *out)
{
	fputs("usage: npu-prof stat [-j] [-o FILE] [--] PROGRAM [argument...]\n"
	      "\n"
	      "  -j, --json         print one JSON object\n"
	      "  -o, --output FILE  write to FILE instead of standard error\n"
	      "\n"
	      "The exit status is the program's; 128 + N if signal N killed it.\n",
	      out);
}

/* Shared memory for the library in the program, and its number in the environment. */
static struct npurt_stat *share(void)
{
	struct npurt_stat *page = NULL;
	char text[16];
	int fd = memfd_create("npu-prof", 0); /* inherited on purpose */

	if (fd < 0 || ftruncate(fd, sizeof(*page)))
		goto failed;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		goto failed;
	page->magic = NPURT_STAT_MAGIC;
	page->version = NPURT_STAT_VERSION;
	page->counter_count = NPU_COUNTER_COUNT;
	snprintf(text, sizeof(text), "%d", fd);
	if (setenv(NPURT_STAT_ENV, text, 1))
		goto failed;
	return page;
failed:
	fprintf(stderr, "npu-prof: cannot make shared memory: %s\n", strerror(errno));
	return NULL;
}

/* Start the program; returns its pid, or a negative exit status after a message. */
static pid_t start(char **argv)
{
	int ready[2], err = 0;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC)) {
		fprintf(stderr, "npu-prof: %s\n", strerror(errno));
		return -1;
	}
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		err = errno;
		/* Whoever reads this knows that exec failed; success closes the pipe. */
		if (write(ready[1], &err, sizeof(err)) != sizeof(err))
			_exit(126);
		_exit(127);
	}
	if (pid < 0)
		err = errno;
	close(ready[1]);
	if (pid > 0 && read(ready[0], &err, sizeof(err)) == sizeof(err))
		waitpid(pid, NULL, 0);
	close(ready[0]);
	if (!err)
		return pid;
	fprintf(stderr, "npu-prof: cannot run '%s': %s\n", argv[0], strerror(err));
	return err == ENOENT ? -127 : -126;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int prof_stat(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct report report = {0};
	const char *output = NULL;
	FILE *out = stderr;
	struct rusage usage_of_child;
	bool json = false;
	double began;
	pid_t pid;
	int c, wstatus;

	/* "+": the program's options are its own. */
	while ((c = getopt_long(argc, argv, "+jo:h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		fputs("npu-prof: no program given\n", stderr);
		usage(stderr);
		return 2;
	}
	/* Before the program runs: it would be a pity to lose the figures afterwards. */
	if (output) {
		out = fopen(output, "we");
		if (!out) {
			fprintf(stderr, "npu-prof: cannot write %s: %s\n", output, strerror(errno));
			return 1;
		}
	}
	report.stat = share();
	if (!report.stat)
		return 1;

	began = now();
	pid = start(argv + optind);
	if (pid < 0)
		return (int)-pid;
	/* Ctrl-C is for the program; its figures are still wanted. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (wait4(pid, &wstatus, 0, &usage_of_child) < 0 && errno == EINTR)
		;
	report.wall = now() - began;
	report.user = (double)usage_of_child.ru_utime.tv_sec +
		      1e-6 * (double)usage_of_child.ru_utime.tv_usec;
	report.sys = (double)usage_of_child.ru_stime.tv_sec +
		     1e-6 * (double)usage_of_child.ru_stime.tv_usec;
	report.argv = argv + optind;
	report.status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
	report.signal = WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) : 0;

	if (json)
		report_json(&report, out);
	else
		report_text(&report, out);
	if (report_losses(&report, stderr) && out != stderr && !json)
		report_losses(&report, out);
	if (out != stderr && fclose(out)) {
		fprintf(stderr, "npu-prof: cannot write %s: %s\n", output, strerror(errno));
		return report.status ? report.status : 1;
	}
	return report.status;
}
