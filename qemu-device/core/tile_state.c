/* SPDX-License-Identifier: MIT */
/* A tile's state, for saving and loading it (state.h). */
#include "tile_internal.h"

#include "dev.h"
#include "gang.h"

void tile_share_state(struct npu_dev *dev, struct tile_share *share, struct state *s)
{
	STATE(s, share->queue);
	STATE(s, share->as);
	STATE(s, share->entry);
	STATE(s, share->args);
	STATE(s, share->grid);
	STATE(s, share->first);
	STATE(s, share->stride);
	STATE(s, share->count);
	STATE(s, share->sharers);
	STATE(s, share->life);
	STATE(s, share->gang);
	state_check(s, !(share->gang & ~dev_tile_mask(dev)), "a gang of tiles that do not exist");
}

void tile_line_state(struct tile_line *line, struct state *s)
{
	STATE(s, line->issued);
	STATE(s, line->free);
	STATE(s, line->done);
}

/* Only what may differ from zero; a tile that is loaded into has been reset. */
static void sram_state(struct npu_tile *tile, struct state *s)
{
	const uint32_t pages = tile->sram_size >> NPU_PAGE_SHIFT;
	const uint32_t words = (pages + 63) / 64;

	STATE(s, tile->owned);
	STATE(s, tile->owner_as);
	STATE(s, tile->owner_queue);
	STATE(s, tile->owner_life);
	STATE(s, tile->spoilt);
	STATE(s, tile->sram_ready);
	state_raw(s, tile->dirty, words * sizeof(*tile->dirty));
	if (!state_check(s, pages % 64 == 0 || !(tile->dirty[words - 1] >> pages % 64),
			 "pages behind the end of SRAM"))
		tile->dirty[words - 1] = 0;
	for (uint32_t page = 0; page < pages; page++)
		if (tile->dirty[page / 64] >> page % 64 & 1)
			state_raw(s, tile->sram + ((size_t)page << NPU_PAGE_SHIFT), NPU_PAGE_SIZE);
}

/* The operation that is being executed on the host, if the share has one. */
static void op_state(struct npu_tile *tile, bool active, struct state *s)
{
	enum tile_op op = active ? tile->op : TILE_OP_NONE;

	STATE_MAX(s, op, TILE_OP_MATRIX);
	tile->op = op;
	if (op == TILE_OP_NONE)
		return;
	STATE(s, tile->op_pc);
	STATE(s, tile->op_issue);
	STATE(s, tile->op_signal);
	STATE_MAX(s, tile->op_semaphore, NPU_SEMAPHORES - 1);
	state_check(s, !(tile->op_signal & ~tile->share.gang), "a signal out of the gang");
	if (op == TILE_OP_DMA) {
		dma_block_state(tile->dev, &tile->block, s);
		return;
	}
	STATE(s, tile->desc);
	STATE(s, tile->desc_row);
	state_check(s, npu_matrix_check(&tile->desc, tile->sram_size) == NPU_MATRIX_OK &&
			       tile->desc_row < tile->desc.m,
		    "a matrix operation that cannot be");
}

/* Can the share that was loaded be gone on with? */
static bool share_good(const struct npu_tile *tile)
{
	const struct npu_engine *engine = &tile->engine;
	const struct tile_share *share = &tile->share;

	return tile_share_valid(tile->dev, share) && engine->queue == share->queue &&
	       engine->as == share->as && tile->workgroups <= share->count &&
	       (!tile->in_workgroup || tile->workgroups < share->count) &&
	       (engine->ready || engine->hung || tile->waits);
}

void tile_state(struct npu_tile *tile, struct state *s)
{
	struct npu_engine *engine = &tile->engine;
	bool busy;

	engine_state(tile->dev, engine, s);
	busy = engine->status == NPU_SOC_BUSY;
	tile_share_state(tile->dev, &tile->next, s);
	tile_share_state(tile->dev, &tile->share, s);
	STATE(s, tile->fresh);
	STATE(s, tile->in_workgroup);
	STATE(s, tile->exited);
	STATE(s, tile->core_own);
	STATE(s, tile->regno);
	STATE(s, tile->workgroups);
	STATE_MAX(s, tile->fault.error, NPU_JOB_ERROR_COUNT - 1);
	STATE_MAX(s, tile->fault.access, NPU_ACCESS_NONE);
	STATE(s, tile->fault.addr);
	STATE(s, tile->fault.pc);
	STATE(s, tile->fault.workgroup);
	gang_state(tile, s);
	rv_state(&tile->hart, s);
	dma_mover_state(&tile->mover, tile->share.as, tile->share.gang, s);
	tile_line_state(&tile->dma, s);
	tile_line_state(&tile->matrix, s);
	STATE(s, tile->counters.v);
	op_state(tile, busy && !tile->fresh, s);
	tile_kept_state(tile, s);
	sram_state(tile, s);
	tile_perf_state(tile, s);
	if (!s->load)
		return;
	tile->blocked = false;
	tile_flush(tile);
	state_check(s, !busy || share_good(tile), "a share that cannot be");
	if (s->failed)
		engine_reset(engine);
	else if (busy && !tile->fresh)
		tile_set_costs(tile);
}
