/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include "dev.h"
#include "gang.h"

static bool is_tile(const struct npu_dev *dev, const struct npu_engine *engine)
{
	return engine->core < dev->tiles;
}

void engine_attention(struct npu_engine *engine)
{
	__atomic_store_n(&engine->attention, true, __ATOMIC_RELEASE);
	if (engine->interrupt)
		__atomic_store_n(engine->interrupt, 1, __ATOMIC_RELEASE);
}

void engine_go(struct npu_dev *dev, struct npu_engine *engine, enum acct_lane_id lane)
{
	engine->ticket = acct_start(&dev->acct, engine->queue, lane);
	if (dev->pmu.active)
		pmu_work_begin(dev, engine);
	engine_go_on(dev, engine);
}

void engine_go_on(struct npu_dev *dev, struct npu_engine *engine)
{
	engine->status = NPU_SOC_BUSY;
	engine->stop = false;
	engine->spoil = false;
	engine->hung = is_tile(dev, engine) ? fault_hang(dev, engine->core) : 0;
	engine->ready = !engine->hung;
}

void engine_finish(struct npu_dev *dev, struct npu_engine *engine, enum npu_soc_status status)
{
	const struct npu_counters *counters;
	uint64_t cycles;

	if (is_tile(dev, engine)) {
		struct npu_tile *tile = dev->tile[engine->core];

		cycles = tile_close(tile);
		gang_leave(tile);
		counters = &tile->counters;
		if (status == NPU_SOC_STOPPED)
			tile_stopped(tile);
		else if (status == NPU_SOC_FAULT && tile->fault.error == NPU_JOB_ECC)
			fault_ecc(dev, engine->core, false);
		tile->spoilt |= engine->spoil;
		dev->tile_events |= 1ull << engine->core;
	} else {
		cycles = copy_close(&dev->copy);
		counters = &dev->copy.counters;
		if (status == NPU_SOC_STOPPED) {
			dev->copy.error = NPU_JOB_STOPPED;
			dev->copy.access = NPU_ACCESS_NONE;
		} else if (status == NPU_SOC_FAULT && dev->copy.error == NPU_JOB_ECC) {
			fault_ecc(dev, NPU_CORE_COPY, false);
		}
	}
	if (dev->pmu.active) {
		pmu_work_end(dev, engine, cycles, status != NPU_SOC_DONE);
		if (is_tile(dev, engine) && dev->tile[engine->core]->perf.stream)
			tile_perf_end(dev->tile[engine->core], status);
	}
	acct_end(&dev->acct, engine->queue, &engine->ticket, engine->core, cycles, counters);
	engine->ready = false;
	engine->stop = false;
	engine->hung = 0;
	engine->status = status;
	soc_update_irq(&dev->soc);
}

/* The share in hand makes room. Its counters and its ticket stay with what is kept of it. */
static void yield(struct npu_dev *dev, struct npu_engine *engine)
{
	struct npu_tile *tile = dev->tile[engine->core];

	if (!tile_keep(tile)) {
		engine->ready = true;
		return;
	}
	if (tile->perf.stream)
		tile_perf_end(tile, NPU_SOC_YIELDED);
	engine->status = NPU_SOC_YIELDED;
	dev->tile_events |= 1ull << engine->core;
	soc_update_irq(&dev->soc);
}

void engine_stop(struct npu_dev *dev, struct npu_engine *engine)
{
	if (engine->status != NPU_SOC_BUSY || engine->hung)
		return;
	if (engine->running) {
		engine->stop = true;
		engine_attention(engine);
	} else {
		engine_finish(dev, engine, NPU_SOC_STOPPED);
	}
}

void engine_reset(struct npu_engine *engine)
{
	engine->status = NPU_SOC_IDLE;
	engine->ready = false;
	engine->stop = false;
	engine->sync = false;
	engine->hung = 0;
}

static enum engine_outcome run(struct npu_dev *dev, struct npu_engine *engine, uint64_t *budget)
{
	if (is_tile(dev, engine))
		return tile_run(dev->tile[engine->core], budget);
	return copy_run(&dev->copy, budget);
}

bool engine_run(struct npu_dev *dev, struct npu_engine *engine, uint64_t *budget, uint64_t probe)
{
	const bool stale = engine->as_generation != dev->as_generation[engine->as] ||
			   engine->map_generation != dev->map_generation;
	enum engine_outcome outcome = ENGINE_MORE;

	engine->as_generation = dev->as_generation[engine->as];
	engine->map_generation = dev->map_generation;
	if (is_tile(dev, engine) && dev->tile[engine->core]->perf.epoch != dev->pmu.epoch)
		tile_perf_claim(dev->tile[engine->core]);
	engine->ready = false;
	engine->running = true;
	__atomic_store_n(&engine->attention, false, __ATOMIC_RELEASE);
	dev_unlock(dev);

	if (stale && is_tile(dev, engine))
		tile_flush(dev->tile[engine->core]);
	else if (stale)
		copy_flush(&dev->copy);
	if (probe < *budget) {
		uint64_t first = probe;

		outcome = run(dev, engine, &first);
		*budget -= probe - first;
		if (outcome == ENGINE_MORE) {
			dev_lock(dev);
			pool_wake(dev, 0);
			dev_unlock(dev);
		}
	}
	if (outcome == ENGINE_MORE)
		outcome = run(dev, engine, budget);

	dev_lock_fair(dev);
	engine->running = false;
	engine->sync = false;
	pthread_cond_broadcast(&dev->quiet);
	if (dev->resetting)
		return true;
	if (outcome == ENGINE_DONE)
		engine_finish(dev, engine, NPU_SOC_DONE);
	else if (outcome == ENGINE_FAULT)
		engine_finish(dev, engine, NPU_SOC_FAULT);
	else if (engine->stop)
		engine_finish(dev, engine, NPU_SOC_STOPPED);
	else if (outcome == ENGINE_YIELD)
		yield(dev, engine);
	else
		engine->ready = outcome != ENGINE_WAIT || !gang_waits(dev->tile[engine->core]);
	if (engine->status == NPU_SOC_BUSY && is_tile(dev, engine) &&
	    dev->tile[engine->core]->perf.stream)
		tile_perf_release(dev->tile[engine->core]);
	return !engine->ready;
}

void engine_state(struct npu_dev *dev, struct npu_engine *engine, struct state *s)
{
	struct acct_ticket *ticket = &engine->ticket;
	const bool tile = is_tile(dev, engine);

	STATE_MAX(s, engine->status, tile ? NPU_SOC_YIELDED : NPU_SOC_STOPPED);
	STATE(s, engine->ready);
	STATE(s, engine->spoil);
	STATE_MAX(s, engine->hung, tile ? 2 : 0);
	STATE_MAX(s, engine->queue, dev->queues - 1);
	STATE_MAX(s, engine->as, NPU_MAX_AS - 1);
	STATE_MAX(s, ticket->lane, ACCT_LANES - 1);
	STATE(s, ticket->generation);
	STATE(s, ticket->epoch);
	acct_point_state(&ticket->point, s);
	if (!s->load)
		return;
	engine->stop = false;
	engine->sync = false;
	engine->attention = false;
	state_check(s, engine->status == NPU_SOC_BUSY || !(engine->ready || engine->hung),
		    "an engine without work is to run");
	state_check(s, !engine->ready || !engine->hung, "an engine that hangs is to run");
	state_check(s, engine->status != NPU_SOC_BUSY ||
			       ticket->lane == (tile ? ACCT_TILES : ACCT_COPY),
		    "a share in the wrong lane");
	if (s->failed) /* it must not be taken for one that holds a ticket, nor be run */
		engine_reset(engine);
}
