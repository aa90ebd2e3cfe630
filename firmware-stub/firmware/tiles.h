/* SPDX-License-Identifier: MIT */
/* The tiles, as one resource: they run one DISPATCH of one queue at a time. */
#ifndef NPU_FW_TILES_H
#define NPU_FW_TILES_H

#include <stdbool.h>
#include <stdint.h>

struct npu_counter_block;
struct queue;

void tiles_init(void);
unsigned int tiles_count(void);
/* No DISPATCH runs. */
bool tiles_free(void);
/* Run the DISPATCH that the queue is at, or go on with it. The tiles must be free. */
void tiles_start(struct queue *queue);
/* Give up the DISPATCH that runs; its queue is told when all tiles are quiet. */
void tiles_stop(void);
/* Who waits for the tiles has changed: how long may the DISPATCH that runs keep them? */
void tiles_share_time(void);
/* A DISPATCH of the queue that has made room, if there is one, is over. */
void tiles_drop(struct queue *queue);
/* For the heartbeat: reset tiles that do not heed being stopped. */
void tiles_tick(void);
/* Some tiles ended their shares (NPU_SOC_IRQ_TILE). */
void tiles_event(void);
/* Workgroups of the DISPATCH that runs which have retired so far. */
uint64_t tiles_retired(void);
/* Counters of the queue, with TILE_CYCLES as it is so far: cycles of shares that have not ended included. */
void tiles_snapshot(const struct queue *queue, struct npu_counter_block *block);
/* Panic: stop what runs, and do not look back. */
void tiles_halt(void);

#endif /* NPU_FW_TILES_H */
