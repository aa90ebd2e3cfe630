/* SPDX-License-Identifier: MIT */
/* What the files of the tile share. All of it belongs to the thread that runs the tile. */
#ifndef NPU_TILE_INTERNAL_H
#define NPU_TILE_INTERNAL_H

#include "tile.h"

/* tile.c: why the share fails; the first fault of a share is the one that counts. */
void tile_set_fault(struct npu_tile *tile, enum npu_job_error error, enum npu_access access,
		    uint64_t addr, uint64_t pc);

/* tile.c: the workgroup that runs or comes next; the last one if all are retired. */
uint32_t tile_workgroup(const struct npu_tile *tile);

/* tile.c: set the core's costs at the operating point, and on the way to host memory, of the share. */
void tile_set_costs(struct npu_tile *tile);
/* tile.c: do the registers describe a share? */
bool tile_share_valid(const struct npu_dev *dev, const struct tile_share *share);

/* tile.c: add what the core counted to what the share's engines did, once. */
void tile_count(const struct rv_tally *tally, uint32_t workgroups, struct npu_counters *counters);

/* tile_state.c: parts that a kept share has too. */
void tile_share_state(struct npu_dev *dev, struct tile_share *share, struct state *s);
void tile_line_state(struct tile_line *line, struct state *s);

/* tile_sram.c: make all of it zero. */
void tile_sram_scrub(struct npu_tile *tile);

/* tile_ops.c: npu.dma and npu.matrix with their descriptor at addr. *tag is set unless they trap. */
enum rv_result tile_insn_dma(struct npu_tile *tile, uint64_t addr, uint64_t *tag);
enum rv_result tile_insn_matrix(struct npu_tile *tile, uint64_t addr, uint64_t *tag);
/* npu.sem.wait */
enum rv_result tile_insn_sem_wait(struct npu_tile *tile, uint64_t semaphore, uint64_t count);
/* Go on with the operation in hand on the host. DONE: there is none any more. */
enum engine_outcome tile_op_step(struct npu_tile *tile, uint64_t *budget);
/* The core waits in modelled time for a tag and all before it on that engine; for everything. */
void tile_wait_tag(struct npu_tile *tile, uint64_t tag);
void tile_wait_all(struct npu_tile *tile);
/* npu.poll: is it done at the core's modelled time? */
bool tile_tag_done(const struct npu_tile *tile, uint64_t tag);

#endif /* NPU_TILE_INTERNAL_H */
