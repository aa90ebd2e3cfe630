/* SPDX-License-Identifier: MIT */
/*
 * Where a hart's modelled cycles go, instruction by instruction: exact counts for each address, and
 * samples at given cycles. A hart with a profile runs in a second copy of the interpreter
 * (rv_run_profile.c); without one nothing of this is looked at. Results, counters and
 * modelled time are the same with and without.
 *
 * Counting is by decoded block: how often each was entered, and beside it what single
 * instructions took beyond their fixed cost. The table is finite. When a block does not fit any
 * more the counts are handed out and it starts anew; when that happens depends on the
 * instructions run and on nothing else.
 *
 * Every cycle of the hart has one address and one cause. Within an instruction they come in this order:
 * walks, issue, fixed cost beyond it, then what it waited for, then the refill after a taken branch.
 *
 * A profile belongs to the thread that runs its hart.
 */
#ifndef NPU_RV_PROFILE_H
#define NPU_RV_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

struct rv_hart;
struct rv_block;

enum rv_profile_cause {
	RV_CYCLE_ISSUE, /* the one cycle that every instruction takes */
	RV_CYCLE_EXEC, /* as in hart->stall_exec */
	RV_CYCLE_VECTOR, /* as in hart->stall_vector */
	RV_CYCLE_MEMORY, /* as in hart->stall_memory */
	RV_CYCLE_TLB, /* as in hart->tlb_cycles */
	RV_CYCLE_START, /* given to rv_profile_start() */
	RV_CYCLE_WAIT, /* env->custom() waited, by what for: the first of RV_PROFILE_WAITS */
};
#define RV_PROFILE_WAITS  3
#define RV_PROFILE_CAUSES (RV_CYCLE_WAIT + RV_PROFILE_WAITS)

#define RV_PROFILE_ROWS	  4096 /* instructions of decoded blocks */
#define RV_PROFILE_BLOCKS 1024
#define RV_PROFILE_HASH	  1024
#define RV_PROFILE_EVENTS 272 /* more than one run of a block can make */

/* What an address took. cycles[RV_CYCLE_ISSUE] is the number of executions. */
struct rv_profile_pc {
	uint64_t pc;
	uint64_t cycles[RV_PROFILE_CAUSES];
};

/* Sampling points, one or several in a row, that fell on the same instruction and cause. */
struct rv_profile_sample {
	uint64_t time; /* of the first point: base + cycle of the hart */
	uint64_t count;
	uint64_t pc;
	enum rv_profile_cause cause;
};

struct rv_profile_ops {
	void (*sample)(void *opaque, const struct rv_profile_sample *sample);
	/* By ascending address, each once. */
	void (*pc)(void *opaque, const struct rv_profile_pc *pc);
};

/* One instruction of a decoded block. */
struct rv_profile_row {
	uint16_t offset; /* from the block's address */
	uint16_t stall; /* fixed cost beyond issue */
	uint32_t skipped; /* entries of the block that did not get to retire it */
	uint64_t extra[RV_PROFILE_CAUSES];
};

struct rv_profile_block {
	uint64_t pc; /* bit 0: no instruction, but time spent before the one at this address */
	uint64_t entered, taken;
	uint32_t cycles; /* fixed cost of all its instructions */
	uint16_t first, count; /* rows */
	uint16_t chain; /* next of the hash bucket, plus one */
};

struct rv_profile_event {
	uint16_t op; /* number in the block */
	uint8_t cause;
	uint64_t cycles;
};

struct rv_profile {
	/* The owner's, to be set before rv_profile_begin(). */
	const struct rv_profile_ops *ops;
	void *opaque;
	bool count; /* hand out counts; else only samples are wanted */
	uint64_t base; /* time at which the hart's cycle counter was 0 */
	/*
	 * Cycles between samples, 0: none. Point k is at time k * period; with jitter somewhere in
	 * [k * period, (k + 1) * period), by a fixed function of k and salt.
	 */
	uint32_t period, salt;
	bool jitter;
	const uint64_t *wait[RV_PROFILE_WAITS]; /* counters that env->custom() adds its waits to; or NULL */

	/* Private. */
	uint64_t now; /* cycle of the hart up to which all is accounted for */
	uint64_t next; /* cycle of the next sampling point */
	uint64_t k; /* its number */
	uint64_t cycles; /* fixed cost of the run of .block, of what has happened of it */
	struct rv_profile_block *block; /* entered last; accounted for when the next one is */
	unsigned int executed; /* of its instructions; UINT_MAX: all */
	unsigned int events;
	uint64_t seen_exec, seen_vector, seen_memory, seen_tlb; /* of the hart's, accounted for or in events */
	uint64_t wait_before[RV_PROFILE_WAITS];
	uint64_t taken_stall; /* cycles */
	uint32_t generation; /* of the table; what decoded blocks know of older ones is void */
	unsigned int blocks, rows;
	uint16_t hash[RV_PROFILE_HASH]; /* block number plus one */
	struct rv_profile_event event[RV_PROFILE_EVENTS];
	struct rv_profile_block table[RV_PROFILE_BLOCKS];
	struct rv_profile_row row[RV_PROFILE_ROWS];
	struct rv_profile_order {
		uint64_t pc;
		uint32_t block, row;
	} order[RV_PROFILE_ROWS]; /* for handing out */
};

/* Make and free; NULL: out of memory. The hart must have let go of it. */
struct rv_profile *rv_profile_new(void);
void rv_profile_free(struct rv_profile *profile);

/*
 * Have a user-mode hart profiled; NULL: not any more. Not while it runs. Drops decoded code if that
 * is a change. Begin with rv_profile_begin() before it is run.
 */
void rv_set_profile(struct rv_hart *hart, struct rv_profile *profile);
/* Account from the hart's present cycle on. The table must be empty, or kept from its last end. */
void rv_profile_begin(struct rv_hart *hart);
/* The owner is about to add cycles to the hart's counter, before the instruction at pc. */
void rv_profile_start(struct rv_hart *hart, uint64_t pc, uint64_t cycles);
/* Account for all up to the hart's present cycle: the end, but for more of the same kind. */
void rv_profile_end(struct rv_hart *hart);
/* Hand out the counts, if they are wanted, and empty the table. After rv_profile_end(). */
void rv_profile_flush(struct rv_profile *profile);
/* Visit what a hart that does not run has come to; the owner's part is the owner's to set before. */
void rv_profile_state(struct rv_profile *profile, struct state *s);

#endif /* NPU_RV_PROFILE_H */
