/* SPDX-License-Identifier: MIT */
/*
 * Shares that have yielded. A tile keeps one of each queue at most, as a queue has one dispatch at a time.
 *
 * What is kept is all that a share has between two workgroups: counters, clock, modelled TLBs, the time
 * lines of its engines, and the ticket by which the accounting knows it. So no modelled figure tells
 * whether and where a share has yielded. SRAM is not kept: it has an owner (tile_sram.c), and is
 * zero when another one comes.
 */
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "gang.h"
#include "tile_internal.h"

void tile_set_slice(struct npu_tile *tile, uint64_t cycles)
{
	const uint64_t at = tile->since + cycles;

	if (tile->engine.status == NPU_SOC_BUSY)
		__atomic_store_n(&tile->yield_at, at < cycles ? UINT64_MAX : at, __ATOMIC_RELAXED);
}

uint64_t tile_ran(const struct npu_tile *tile)
{
	return __atomic_load_n(&tile->reached, __ATOMIC_RELAXED) - tile->since;
}

bool tile_keep(struct npu_tile *tile)
{
	struct tile_kept *kept = malloc(sizeof(*kept));

	if (!kept)
		return false;
	kept->share = tile->share;
	kept->ticket = tile->engine.ticket;
	kept->workgroups = tile->workgroups;
	kept->counters = tile->counters;
	kept->dma = tile->dma;
	kept->matrix = tile->matrix;
	memcpy(kept->dma_tag, tile->mover.model_tag, sizeof(kept->dma_tag));
	rv_take_tally(&tile->hart, &kept->tally);
	free(tile->kept[tile->share.queue]);
	tile->kept[tile->share.queue] = kept;
	return true;
}

/* Put a share in as it was kept. */
static void put_in(struct npu_tile *tile, const struct tile_kept *kept)
{
	struct npu_engine *engine = &tile->engine;

	tile->share = kept->share;
	engine->queue = kept->share.queue;
	engine->as = kept->share.as;
	engine->ticket = kept->ticket;
	tile->workgroups = kept->workgroups;
	tile->counters = kept->counters;
	tile->dma = kept->dma;
	tile->matrix = kept->matrix;
	memset(&tile->fault, 0, sizeof(tile->fault));
	tile->fresh = false;
	tile->in_workgroup = false;
	tile->exited = false;
	tile->core_own = false;
	tile->blocked = false;
	tile->op = TILE_OP_NONE;
	tile->sram_ready = false;
	rv_set_tally(&tile->hart, &kept->tally);
	memset(&tile->mmu, 0, sizeof(tile->mmu));
	dma_start_share(&tile->mover, kept->share.as, 0);
	memcpy(tile->mover.model_tag, kept->dma_tag, sizeof(kept->dma_tag));
	tile->since = kept->tally.cycles;
	tile->reached = kept->tally.cycles;
	__atomic_store_n(&tile->yield_at, UINT64_MAX, __ATOMIC_RELAXED);
	tile_set_costs(tile);
}

void tile_resume(struct npu_tile *tile)
{
	const unsigned int queue = tile->next.queue;
	struct npu_dev *dev = tile->dev;
	struct tile_kept *kept;

	if (tile->engine.status != NPU_SOC_IDLE || gang_holds(tile))
		return;
	kept = queue < dev->queues ? tile->kept[queue] : NULL;
	if (!kept) {
		tile_refuse(tile);
		return;
	}
	tile->kept[queue] = NULL;
	put_in(tile, kept);
	free(kept);
	engine_go_on(dev, &tile->engine);
	if (dev->pmu.active)
		tile_perf_go(tile);
}

void tile_drop(struct npu_tile *tile, unsigned int queue)
{
	struct tile_kept *kept = queue < tile->dev->queues ? tile->kept[queue] : NULL;

	if (!kept)
		return;
	tile->kept[queue] = NULL;
	if (tile->dev->pmu.active) {
		const struct npu_engine engine = {
			.core = tile->number,
			.queue = queue,
			.as = kept->share.as,
			.ticket = kept->ticket,
		};

		pmu_work_end(tile->dev, &engine, kept->tally.cycles, true);
	}
	tile_count(&kept->tally, kept->workgroups, &kept->counters);
	acct_end(&tile->dev->acct, queue, &kept->ticket, tile->number, kept->tally.cycles,
		 &kept->counters);
	free(kept);
}

/* ---- saving and loading ------------------------------------------------------------------------ */

static void visit(struct npu_tile *tile, unsigned int queue, struct tile_kept *kept, struct state *s)
{
	tile_share_state(tile->dev, &kept->share, s);
	STATE_MAX(s, kept->ticket.lane, ACCT_TILES);
	STATE(s, kept->ticket.generation);
	STATE(s, kept->ticket.epoch);
	acct_point_state(&kept->ticket.point, s);
	STATE(s, kept->workgroups);
	STATE(s, kept->counters.v);
	tile_line_state(&kept->dma, s);
	tile_line_state(&kept->matrix, s);
	STATE(s, kept->dma_tag);
	rv_tally_state(&kept->tally, s);
	state_check(s,
		    tile_share_valid(tile->dev, &kept->share) && kept->share.queue == queue &&
			    !kept->share.gang && kept->ticket.point.slow && kept->workgroups &&
			    kept->workgroups < kept->share.count,
		    "a share that cannot have been kept");
}

void tile_kept_state(struct npu_tile *tile, struct state *s)
{
	STATE(s, tile->since);
	STATE(s, tile->reached);
	STATE(s, tile->yield_at);
	for (unsigned int q = 0; q < tile->dev->queues; q++) {
		bool there = tile->kept[q];

		STATE(s, there);
		if (!there || s->failed)
			continue;
		if (s->load)
			tile->kept[q] = calloc(1, sizeof(*tile->kept[q]));
		if (!tile->kept[q]) {
			state_fail(s, "out of memory");
			continue;
		}
		visit(tile, q, tile->kept[q], s);
		if (s->failed) {
			free(tile->kept[q]);
			tile->kept[q] = NULL;
		}
	}
}
