/* SPDX-License-Identifier: MIT */
/* What the subcommands of npu-prof share. */
#ifndef NPU_PROF_H
#define NPU_PROF_H

#include <stdbool.h>

/* Each gets its own argv, argv[0] being its name, and returns the exit status. */
int prof_stat(int argc, char **argv);
int prof_list(int argc, char **argv);
int prof_model(int argc, char **argv);
int prof_info(int argc, char **argv);
int prof_coredump(int argc, char **argv);

/*
 * Arguments of a subcommand that takes -j, --json and nothing else. -1: go on, *json is set if asked for;
 * else the exit status, after the usage or a message.
 */
int prof_json_option(int argc, char **argv, bool *json);

#endif /* NPU_PROF_H */
