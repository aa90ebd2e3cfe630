/* SPDX-License-Identifier: MIT */
/*
 * What tiles and copy engine have in common: something that is given work by the management core,
 * runs it on one thread at a time, and reports.
 *
 *	idle -- GO --> ready <-- release/claim --> running -- release --> done, fault, stopped
 *
 * A tile that waits for another is busy, neither ready nor running, and takes no thread.
 *
 * Everything here needs the device's lock, but for attention. While an engine is running, its
 * insides belong to the thread that claimed it.
 */
#ifndef NPU_ENGINE_H
#define NPU_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "acct.h"
#include "npu_soc.h"
#include "state.h"

struct npu_dev;

/*
 * Unit of host work, by which budgets are counted: about one interpreted instruction, or so many
 * bytes moved.
 */
#define NPU_BYTES_PER_UNIT 16

enum engine_outcome {
	ENGINE_MORE, /* budget spent or attention called for; goes on when claimed again */
	ENGINE_WAIT, /* goes on when another engine has done something: see gang.h */
	ENGINE_YIELD, /* a tile's share wants to make room for another */
	ENGINE_DONE,
	ENGINE_FAULT,
};

struct npu_engine {
	enum npu_soc_status status; /* as the management core sees it */
	bool ready;		    /* busy, and waits for a thread */
	bool running;		    /* busy, and a thread has it */
	bool stop;		    /* end as stopped at the next release */
	bool spoil;	    /* then zero what it has in memory of its own */
	unsigned int hung;  /* busy, and no thread will have it: a fault. 2: not even a reset ends it */
	bool sync; /* someone waits for the release: translations or host pointers have changed */
	/* Atomic: the running thread shall release the engine soon. */
	bool attention;
	uint32_t *interrupt; /* set along with attention; or NULL */

	unsigned int core;			/* for accounting */
	unsigned int queue, as;			/* of the work in hand */
	uint64_t as_generation, map_generation; /* that its cached host pointers are good for */
	struct acct_ticket ticket;
};

/* Ask the running thread to release the engine soon. */
void engine_attention(struct npu_engine *engine);
/* New work has been put in: ready to be claimed. */
void engine_go(struct npu_dev *dev, struct npu_engine *engine, enum acct_lane_id lane);
/* The same of work that was put in before, and has yielded since. */
void engine_go_on(struct npu_dev *dev, struct npu_engine *engine);
/* NPU_SOC_CMD_STOP. */
void engine_stop(struct npu_dev *dev, struct npu_engine *engine);
/* Work ended: charge the queue and show status. */
void engine_finish(struct npu_dev *dev, struct npu_engine *engine, enum npu_soc_status status);
/* Forget all work; not while running. */
void engine_reset(struct npu_engine *engine);

/* Visit what of it is not the thread's that runs it; it is not running. Needs the lock. */
void engine_state(struct npu_dev *dev, struct npu_engine *engine, struct state *s);

/*
 * Claim a ready engine, run it without the lock for up to *budget host work units (what was used
 * is subtracted) and release it. probe: once that much was used and other engines are ready, wake
 * workers for them. True if the work has ended.
 */
bool engine_run(struct npu_dev *dev, struct npu_engine *engine, uint64_t *budget, uint64_t probe);

#endif /* NPU_ENGINE_H */
