/* SPDX-License-Identifier: MIT */
/* What the subcommands of npu-prof share. */
#ifndef NPU_PROF_H
#define NPU_PROF_H

/* Each gets its own argv, argv[0] being its name, and returns the exit status. */
int prof_stat(int argc, char **argv);
int prof_list(int argc, char **argv);
int prof_model(int argc, char **argv);
int prof_info(int argc, char **argv);

#endif /* NPU_PROF_H */
