/* SPDX-License-Identifier: MIT */
/*
 * A tile: RISC-V core, SRAM, DMA and matrix engine. It runs shares of grids, workgroup by workgroup.
 *
 * Time: the core's cycle counter starts at 0 with each share. DMA and matrix operations take
 * effect on the host when they are issued; in the model they queue on their engine's time
 * line and the core meets them again when it waits.
 */
#ifndef NPU_TILE_H
#define NPU_TILE_H

#include <pthread.h>

#include "dma.h"
#include "engine.h"
#include "matrix.h"
#include "model.h"
#include "npu_isa.h"
#include "rv.h"
#include "tile_perf.h"

/* Work of a tile, as its registers describe it. */
struct tile_share {
	uint32_t queue, as;
	uint64_t entry, args;
	uint32_t grid[3];
	uint32_t first, stride, count;
	uint32_t sharers; /* tiles that the dispatch uses */
	uint32_t life; /* of the queue: a cleared one starts another. Set by GO. */
	uint64_t gang; /* its tiles, bit for each; 0: none. Set by GO. */
};

/* Why a share failed. */
struct tile_fault {
	enum npu_job_error error;
	enum npu_access access;
	uint64_t addr, pc;
	uint32_t workgroup;
};

/* Modelled queue of an asynchronous engine. Operation n, from 1, is done at done[n % DEPTH]. */
struct tile_line {
	uint64_t issued;
	uint64_t free; /* cycle from which the engine can start another */
	uint64_t done[NPU_ENGINE_DEPTH];
};

enum tile_op {
	TILE_OP_NONE,
	TILE_OP_DMA,
	TILE_OP_MATRIX
};

/* A share that has made room for another one between two of its workgroups. */
struct tile_kept {
	struct tile_share share;
	struct acct_ticket ticket;
	uint32_t workgroups;
	struct npu_counters counters;
	struct tile_line dma, matrix;
	uint64_t dma_tag[NPU_MODEL_DMA_TLB_ENTRIES];
	struct rv_tally tally;
};

struct npu_tile {
	struct npu_engine engine;
	struct npu_dev *dev;
	unsigned int number;
	uint8_t *sram;
	uint32_t sram_size;
	uint64_t *dirty; /* bit per 4 KiB of SRAM that may differ from zero; atomic */
	/* SRAM is the share's: scrubbed if that was needed, by whoever of its gang comes first. Atomic. */
	bool sram_ready;
	pthread_mutex_t sram_lock; /* protects scrubbing and the next ones */
	bool owned; /* SRAM holds data of owner_as and owner_queue, in that life of the queue */
	unsigned int owner_as, owner_queue;
	uint32_t owner_life;
	bool spoilt; /* to be zeroed before its next use: a memory error, or NPU_SOC_CMD_RESET */

	struct tile_share next;	 /* registers; dev's lock */
	uint32_t regno; /* register that NPU_TILE_REG shows; dev's lock */
	struct tile_share share; /* latched by GO */
	bool fresh;		 /* share has not been started */
	bool in_workgroup;
	bool exited;
	bool core_own; /* what the core's registers hold is of this share */
	uint32_t workgroups; /* retired; atomic, others read it */
	/* Cycle of the share from which on it yields between two workgroups; atomic. ~0: none. */
	uint64_t yield_at;
	uint64_t since; /* cycle of the share at its GO or RESUME */
	uint64_t reached; /* cycle of the share at the last end of a workgroup; atomic */
	struct tile_kept **kept; /* [queues]; NULL: none of that queue */
	struct tile_fault fault;

	struct mmu_cache mmu; /* for what the core touches */
	/* Semaphores, [sender * NPU_SEMAPHORES + number], and whom the core waits for; gang.c's. */
	struct gang_semaphore *semaphore;
	uint64_t waits;
	bool blocked; /* the instruction at pc cannot go on yet */

	struct rv_hart hart;
	struct dma_mover mover;
	struct npu_rates rates; /* of the share */
	struct tile_line dma, matrix;
	struct npu_counters counters;
	struct tile_perf perf;

	/* Operation that is being executed on the host; the core stands still meanwhile. */
	enum tile_op op;
	uint64_t op_pc;
	uint64_t op_signal; /* tiles to be signalled at its end, bit for each */
	unsigned int op_semaphore;
	uint64_t op_issue; /* modelled cycle it was issued at */
	uint64_t op_units; /* host work done inside of rv_run() */
	uint64_t op_limit; /* leave rv_run() when it is more than this */
	struct dma_block block;
	struct npu_matrix_desc desc;
	uint32_t desc_row;
};

/* Make and free a tile. NULL: out of memory. */
struct npu_tile *tile_new(struct npu_dev *dev, unsigned int number);
void tile_free(struct npu_tile *tile);
/* As at power-on: registers cleared, SRAM zero. Not while running. Needs the lock. */
void tile_reset(struct npu_tile *tile);

/* NPU_SOC_CMD_GO with the registers in next. Needs the lock. */
void tile_go(struct npu_tile *tile);
/* NPU_TILE_SLICE. Needs the lock. */
void tile_set_slice(struct npu_tile *tile, uint64_t cycles);
/* NPU_TILE_REG: a register of the core as the share that has ended left it. Needs the lock. */
uint64_t tile_core_reg(struct npu_tile *tile, uint32_t regno);
/* NPU_TILE_RAN. Needs the lock. */
uint64_t tile_ran(const struct npu_tile *tile);
/* NPU_SOC_CMD_RESUME: go on with the share that is kept of the queue in next. Needs the lock. */
void tile_resume(struct npu_tile *tile);
/* NPU_SOC_CMD_DROP: end the share that is kept of a queue, if one is. Needs the lock. */
void tile_drop(struct npu_tile *tile, unsigned int queue);
/*
 * The share in hand yields: keep it, and forget it here. False: there is no memory for that, it has to
 * go on. Needs the lock, and the tile not to run.
 */
bool tile_keep(struct npu_tile *tile);
/* Visit what is kept. Needs the lock. */
void tile_kept_state(struct npu_tile *tile, struct state *s);
/* NPU_SOC_CMD_RESET. Needs the lock. */
void tile_cmd_reset(struct npu_tile *tile);
/* The same as a member of a gang, whose tiles are all good for it. Needs the lock. */
void tile_go_gang(struct npu_tile *tile, uint64_t gang);
/* Would GO start a share? If not, and the tile is idle, it ends as NPU_JOB_HW_ERROR. Needs the lock. */
bool tile_can_go(const struct npu_tile *tile);
/* End an idle tile's share that cannot be: NPU_JOB_HW_ERROR, charged to nobody. Needs the lock. */
void tile_refuse(struct npu_tile *tile);
/* The SRAM of a tile whose share the caller runs, or is in the gang of. No lock. */
uint8_t *tile_sram_open(struct npu_tile *tile);
/* Opaque is the tile; [offset, offset + length) of its SRAM is about to be written. length > 0. */
void tile_sram_touched(void *opaque, uint32_t offset, uint32_t length);
/* Run the share; the caller has claimed the engine. No lock. */
enum engine_outcome tile_run(struct npu_tile *tile, uint64_t *budget);
/* Host pointers are stale. The caller has claimed the engine. */
void tile_flush(struct npu_tile *tile);
/* The share has been stopped: the fault registers say where the core stood. */
void tile_stopped(struct npu_tile *tile);
/* The share has ended: its modelled time. counters are complete after this. */
uint64_t tile_close(struct npu_tile *tile);

/* Visit all of it. Needs the lock, and the tile not to run; one that is loaded into has been reset. */
void tile_state(struct npu_tile *tile, struct state *s);

#endif /* NPU_TILE_H */
