/* SPDX-License-Identifier: MIT */
/* The figures of npu-prof stat, for readers and for programs. */
#ifndef NPU_PROF_REPORT_H
#define NPU_PROF_REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct npurt_stat;

struct report {
	const struct npurt_stat *stat;
	char **argv;		/* of the program */
	int status;		/* exit status to pass on */
	int signal;		/* that killed the program, or 0 */
	double wall, user, sys; /* seconds */
};

void report_text(const struct report *report, FILE *out);
void report_json(const struct report *report, FILE *out);
/* Say what was not counted and why; false: everything was. */
bool report_losses(const struct report *report, FILE *out);

#endif /* NPU_PROF_REPORT_H */
