/* SPDX-License-Identifier: MIT */
#include "gang.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "link.h"

/* Signals number n, from 0, is at index n % NPU_SEM_DEPTH. One writer, one reader. */
struct gang_semaphore {
	uint64_t raised, taken;		  /* signals so far */
	uint64_t arrival[NPU_SEM_DEPTH];  /* modelled cycle */
	uint64_t taken_at[NPU_SEM_DEPTH]; /* modelled cycle of the taker's core */
};

struct gang_semaphore *gang_semaphores_new(const struct npu_dev *dev)
{
	return calloc(dev->tiles * NPU_SEMAPHORES, sizeof(struct gang_semaphore));
}

static struct gang_semaphore *semaphore(struct npu_dev *dev, unsigned int at, unsigned int sender,
					unsigned int sem)
{
	return &dev->tile[at]->semaphore[sender * NPU_SEMAPHORES + sem];
}

/* ---- life ---------------------------------------------------------------------------------- */

bool gang_holds(const struct npu_tile *tile)
{
	const struct npu_dev *dev = tile->dev;

	for (unsigned int i = 0; i < dev->tiles; i++) {
		const struct npu_tile *other = dev->tile[i];

		if (other->engine.status == NPU_SOC_BUSY && other->share.gang >> tile->number & 1)
			return true;
	}
	return false;
}

void gang_go(struct npu_dev *dev, uint64_t tiles)
{
	const struct tile_share *first = NULL;
	bool good = true;

	for (unsigned int i = 0; i < NPU_MAX_TILES; i++) {
		const struct npu_tile *tile = i < dev->tiles ? dev->tile[i] : NULL;

		if (!(tiles >> i & 1))
			continue;
		if (!tile || !tile_can_go(tile) || gang_holds(tile) || tile->next.count != 1) {
			good = false;
			continue;
		}
		if (!first)
			first = &tile->next;
		good &= tile->next.queue == first->queue && tile->next.as == first->as;
	}
	for (unsigned int i = 0; i < dev->tiles; i++) {
		struct npu_tile *tile = dev->tile[i];

		if (!(tiles >> i & 1))
			continue;
		if (good) {
			memset(tile->semaphore, 0,
			       dev->tiles * NPU_SEMAPHORES * sizeof(*tile->semaphore));
			tile->waits = 0;
			tile_go_gang(tile, tiles);
		} else if (tile->engine.status == NPU_SOC_IDLE && !gang_holds(tile)) {
			tile_refuse(tile);
		}
	}
}

void gang_leave(struct npu_tile *tile)
{
	tile->waits = 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

bool gang_waits(const struct npu_tile *tile)
{
	return tile->waits;
}

/* The tile has done what others may wait for. */
static void wake(struct npu_dev *dev, const struct npu_tile *tile, uint64_t others)
{
	bool woken = false;

	for (unsigned int i = 0; i < dev->tiles; i++) {
		struct npu_tile *other = dev->tile[i];

		if (!(others >> i & 1) || !(other->waits >> tile->number & 1))
			continue;
		other->waits = 0;
		/* One that has not given its thread back yet finds out when it does. */
		if (!other->engine.running) {
			other->engine.ready = true;
			woken = true;
		}
	}
	/* The thread at hand will do one of them itself, soon: whoever talks waits for an answer. */
	if (woken)
		pool_wake(dev, 1);
}

/* The core waits until a modelled time. */
static void wait_until(struct npu_tile *tile, uint64_t time)
{
	if (tile->hart.cycles >= time)
		return;
	tile->counters.v[NPU_COUNTER_STALL_SYNC] += time - tile->hart.cycles;
	tile->hart.cycles = time;
}

bool gang_reserve(struct npu_tile *tile, uint64_t targets, unsigned int sem)
{
	struct npu_dev *dev = tile->dev;
	uint64_t full = 0, time = 0;

	dev_lock(dev);
	for (unsigned int i = 0; i < dev->tiles; i++) {
		const struct gang_semaphore *s = semaphore(dev, i, tile->number, sem);
		uint64_t room;

		if (!(targets >> i & 1) || s->raised < NPU_SEM_DEPTH)
			continue;
		if (s->raised - s->taken >= NPU_SEM_DEPTH) {
			full |= 1ull << i;
			continue;
		}
		/* The place of the signal to come was another's before. */
		room = s->taken_at[s->raised % NPU_SEM_DEPTH] + link_latency(dev, i, tile->number);
		if (time < room)
			time = room;
	}
	tile->waits = full;
	dev_unlock(dev);
	if (!full)
		wait_until(tile, time);
	return !full;
}

void gang_signal(struct npu_tile *tile, uint64_t targets, unsigned int sem, uint64_t base,
		 uint64_t floor)
{
	struct npu_dev *dev = tile->dev;

	dev_lock(dev);
	for (unsigned int i = 0; i < dev->tiles; i++) {
		struct gang_semaphore *s = semaphore(dev, i, tile->number, sem);
		uint64_t time;

		if (!(targets >> i & 1))
			continue;
		time = base + link_latency(dev, tile->number, i);
		s->arrival[s->raised++ % NPU_SEM_DEPTH] = time > floor ? time : floor;
		tile->counters.v[NPU_COUNTER_DMA_SIGNALS]++;
		tile->counters.v[NPU_COUNTER_LINK_HOPS] +=
			link_hops(dev, tile->number, i) * NPU_MODEL_SIGNAL_BYTES;
	}
	wake(dev, tile, targets);
	dev_unlock(dev);
}

bool gang_take(struct npu_tile *tile, unsigned int sender, unsigned int sem, unsigned int count)
{
	struct npu_dev *dev = tile->dev;
	struct gang_semaphore *s = semaphore(dev, tile->number, sender, sem);
	bool there;

	dev_lock(dev);
	there = s->raised - s->taken >= count;
	tile->waits = there ? 0 : 1ull << sender;
	if (there && count) {
		/* Arrivals of one sender never go back: the last one is the latest. */
		wait_until(tile, s->arrival[(s->taken + count - 1) % NPU_SEM_DEPTH]);
		for (unsigned int i = 0; i < count; i++)
			s->taken_at[s->taken++ % NPU_SEM_DEPTH] = tile->hart.cycles;
		wake(dev, tile, 1ull << sender);
	}
	dev_unlock(dev);
	return there;
}

/* ---- saving and loading ------------------------------------------------------------------------ */

void gang_state(struct npu_tile *tile, struct state *s)
{
	STATE(s, tile->waits);
	state_sparse(s, tile->semaphore, sizeof(*tile->semaphore), tile->dev->tiles * NPU_SEMAPHORES);
	state_check(s, !(tile->waits & ~tile->share.gang), "a tile waits for one that is not in its gang");
}
