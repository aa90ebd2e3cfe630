/* SPDX-License-Identifier: MIT */
/*
 * Gangs: tiles that run the workgroups of one dispatch together and talk to each other.
 *
 * Time. All shares of a gang start in the same modelled cycle, so the cycles of their cores are one
 * time. What a tile can learn of another is what DMA brought, and when, and it may look at that
 * only after it took a signal. A signal carries its modelled time of arrival; taking it waits for that
 * time. Who waits names the sender and waits until the signal is there: there is no way to ask whether
 * it is. So tiles are processes that do nothing but blocking reads from channels with one writer and one
 * reader each, and what they compute, time included, does not depend on the order in which the host
 * runs them (G. Kahn, The Semantics of a Simple Language for Parallel Programming, 1974). A
 * semaphore that is full holds its sender up in the same way: the room for one more signal is a token
 * that comes back, with a time, when one was taken.
 *
 * Host. A tile that waits gives its thread back and is no longer ready (ENGINE_WAIT). Its instruction has
 * not retired; it runs again when a tile it waits for has done something.
 */
#ifndef NPU_GANG_H
#define NPU_GANG_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

struct npu_dev;
struct npu_tile;
struct gang_semaphore;

/* Semaphores of one tile; free() them. NULL: out of memory. */
struct gang_semaphore *gang_semaphores_new(const struct npu_dev *dev);

/* ---- with the lock ---- */

/* NPU_SOC_GANG_CMD: start all of the tiles together. */
void gang_go(struct npu_dev *dev, uint64_t tiles);
/* May this idle tile not start, because others of its last gang still run and may reach its SRAM? */
bool gang_holds(const struct npu_tile *tile);
/* The tile's share has ended. */
void gang_leave(struct npu_tile *tile);
/* Does a tile whose run ended with ENGINE_WAIT still have to wait? */
bool gang_waits(const struct npu_tile *tile);

/* Visit the tile's semaphores. */
void gang_state(struct npu_tile *tile, struct state *s);

/* ---- without the lock, from the thread that runs the tile ---- */

/*
 * Wait until semaphore sem of all targets, bit per tile of the gang, has room for a signal. False:
 * one has not; the core has to try again. Else the core's time has gone on to when they all had.
 */
bool gang_reserve(struct npu_tile *tile, uint64_t targets, unsigned int sem);
/*
 * Raise semaphore sem of the targets, after gang_reserve(). It arrives after base cycles and the way
 * to each of them, but not before the time floor.
 */
void gang_signal(struct npu_tile *tile, uint64_t targets, unsigned int sem, uint64_t base,
		 uint64_t floor);
/*
 * Take count signals, at most NPU_SEM_DEPTH, of a sender in the gang. False: there are not that many; the
 * core has to try again. Else the core's time has gone on to the arrival of the last of them.
 */
bool gang_take(struct npu_tile *tile, unsigned int sender, unsigned int sem, unsigned int count);

#endif /* NPU_GANG_H */
