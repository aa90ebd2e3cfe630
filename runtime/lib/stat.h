/* SPDX-License-Identifier: MIT */
/*
 * Memory that npu-prof shares with the program it runs, and that program's
 * children: a memfd whose number is in NPURT_STAT_FD. The library adds a queue's
 * counters when the queue is destroyed or the process exits. Everything is a sum,
 * so processes and threads just add.
 */
#ifndef NPURT_STAT_H
#define NPURT_STAT_H

#include <stdatomic.h>
#include <stdint.h>

#include "npu_counters.h"

#define NPURT_STAT_ENV	   "NPURT_STAT_FD"
#define NPURT_STAT_MAGIC   0x545241545355504eull /* "NPUSTART" */
#define NPURT_STAT_VERSION 1

struct npurt_stat {
	/* written by npu-prof before the program starts */
	uint64_t magic;
	uint32_t version;
	uint32_t counter_count; /* of npu-prof's table */
	/* added to by the library */
	_Atomic uint64_t processes; /* that used the device */
	_Atomic uint64_t queues_created;
	_Atomic uint64_t queues_counted;    /* their counters are in */
	_Atomic uint64_t queues_unreadable; /* their counters could not be read */
	_Atomic uint64_t queues_failed;	    /* a job of theirs failed; among the counted */
	_Atomic uint64_t jobs_submitted;    /* by counted queues */
	_Atomic uint64_t jobs_completed;
	_Atomic uint64_t overhead_ns; /* spent on all this */
	_Atomic uint64_t clock_khz;   /* of the device last used */
	_Atomic uint64_t tiles;
	_Atomic uint64_t counters[NPU_COUNTER_MAX];
};

#endif /* NPURT_STAT_H */
