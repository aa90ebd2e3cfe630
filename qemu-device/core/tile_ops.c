/* SPDX-License-Identifier: MIT */
/* The tile's asynchronous engines: DMA and matrix operations, their time lines and tags. */
#include "tile_internal.h"

#include <string.h>

#include "dev.h"
#include "gang.h"
#include "link.h"
#include "model.h"

/* Host work that an operation may do inside of rv_run(); longer ones continue outside. */
#define TILE_OP_UNITS 4096

/* Multiply-accumulates that a path of the matrix arithmetic does in a host work unit: integers, others. */
static const uint16_t macs_per_unit[NPU_MATRIX_PATH_COUNT][2] = {
	[NPU_MATRIX_PATH_C] = {8, 1},
	[NPU_MATRIX_PATH_AVX2] = {128, 32},
	[NPU_MATRIX_PATH_AVXVNNI] = {256, 32},
	[NPU_MATRIX_PATH_AVX512] = {256, 48},
	[NPU_MATRIX_PATH_AMX] = {1024, 48},
};

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The core waits until operation number n of a line is done. */
static void line_wait(struct npu_tile *tile, const struct tile_line *line, uint64_t n,
		      enum npu_counter stall)
{
	uint64_t done;

	if (n > line->issued)
		n = line->issued;
	if (!n || line->issued - n >= NPU_ENGINE_DEPTH)
		return;
	done = line->done[n % NPU_ENGINE_DEPTH];
	if (tile->hart.cycles < done) {
		tile->counters.v[stall] += done - tile->hart.cycles;
		tile->hart.cycles = done;
	}
}

/* The core waits for a place in the line's queue. */
static void line_reserve(struct npu_tile *tile, const struct tile_line *line,
			 enum npu_counter stall)
{
	if (line->issued >= NPU_ENGINE_DEPTH)
		line_wait(tile, line, line->issued + 1 - NPU_ENGINE_DEPTH, stall);
}

/* When all operations of the line are done. */
static uint64_t line_end(const struct tile_line *line)
{
	return line->issued ? line->done[line->issued % NPU_ENGINE_DEPTH] : 0;
}

/* Put an operation issued at cycle issue into the line. */
static void line_push(struct tile_line *line, uint64_t issue, uint64_t busy, uint64_t latency)
{
	const uint64_t last = line_end(line);
	uint64_t done;

	line->free = (line->free > issue ? line->free : issue) + busy;
	done = line->free + latency;
	line->issued++;
	/* In order: a short operation is not done before a long one ahead of it. */
	line->done[line->issued % NPU_ENGINE_DEPTH] = done > last ? done : last;
}

/* Tags: number of the operation in its line, and which line. */
static uint64_t make_tag(uint64_t n, bool matrix)
{
	return n << 1 | matrix;
}

bool tile_tag_done(const struct npu_tile *tile, uint64_t tag)
{
	const struct tile_line *line = tag & 1 ? &tile->matrix : &tile->dma;
	uint64_t n = tag >> 1;

	if (n > line->issued)
		n = line->issued;
	if (!n || line->issued - n >= NPU_ENGINE_DEPTH)
		return true;
	return line->done[n % NPU_ENGINE_DEPTH] <= tile->hart.cycles;
}

void tile_wait_all(struct npu_tile *tile)
{
	line_wait(tile, &tile->dma, tile->dma.issued, NPU_COUNTER_STALL_DMA);
	line_wait(tile, &tile->matrix, tile->matrix.issued, NPU_COUNTER_STALL_MATRIX);
}

void tile_wait_tag(struct npu_tile *tile, uint64_t tag)
{
	if (tag & 1)
		line_wait(tile, &tile->matrix, tag >> 1, NPU_COUNTER_STALL_MATRIX);
	else
		line_wait(tile, &tile->dma, tag >> 1, NPU_COUNTER_STALL_DMA);
}

static void dma_retire(struct npu_tile *tile)
{
	const struct dma_block *block = &tile->block;
	const uint64_t local = npu_model_transfer(block->local, NPU_MODEL_DMA_LOCAL_BYTES);
	const uint64_t round_trip = npu_model_round_trip(&tile->rates);
	const bool host = block->host_read || block->host_write;
	const struct dma_link *link = &block->link;
	const uint64_t link_cycles = max_u64(link_transfer(tile->dev, link->in, link->far_in),
					     link_transfer(tile->dev, link->out, link->far_out));
	const uint64_t host_cycles =
		npu_model_host(&tile->rates, block->host_read, block->host_write);
	const uint64_t busy = NPU_MODEL_DMA_SETUP + block->rows * NPU_MODEL_DMA_ROW +
			      block->named_rows * NPU_MODEL_INDEX_ROW +
			      max_u64(host_cycles, link_cycles) + local +
			      block->misses * round_trip;
	/* Nothing can be moved before the first indices are there. */
	const uint64_t list = !block->named	 ? 0 :
			      block->remote_list ? round_trip :
						   NPU_MODEL_DMA_LOCAL_LATENCY;
	const uint64_t latency = list + link->latency_in +
				 (host ? round_trip : NPU_MODEL_DMA_LOCAL_LATENCY);
	const uint64_t before = line_end(&tile->dma);
	uint64_t *v = tile->counters.v;

	line_push(&tile->dma, tile->op_issue, busy, latency + link->latency_out);
	if (tile->op_signal)
		gang_signal(tile, tile->op_signal, tile->op_semaphore, tile->dma.free + latency,
			    before);
	if (tile->perf.stream)
		tile_perf_op(tile, NPU_PERF_DMA, &tile->dma, busy,
			     max_u64(max_u64(block->host_read, block->host_write),
				     max_u64(link->in, link->out)) +
				     block->local);
	v[NPU_COUNTER_LINK_BYTES] += link->bytes;
	v[NPU_COUNTER_LINK_HOPS] += link->hops;
	v[NPU_COUNTER_LINK_CYCLES] += link_cycles;
	v[NPU_COUNTER_DMA_OPS]++;
	v[NPU_COUNTER_DMA_READ] += block->host_read;
	v[NPU_COUNTER_DMA_WRITE] += block->host_write;
	v[NPU_COUNTER_DMA_LOCAL] += block->local;
	v[NPU_COUNTER_DMA_CYCLES] += busy;
	v[NPU_COUNTER_GATHER_ROWS] += block->named_rows;
	v[NPU_COUNTER_DMA_SRAM] += block->sram;
	v[NPU_COUNTER_TLB_MISSES] += block->misses;
}

static void matrix_retire(struct npu_tile *tile)
{
	const struct npu_matrix_cost cost = npu_model_matrix(&tile->desc);
	uint64_t *v = tile->counters.v;

	line_push(&tile->matrix, tile->op_issue, cost.busy, 0);
	if (tile->perf.stream)
		tile_perf_op(tile, NPU_PERF_MATRIX, &tile->matrix, cost.busy, cost.macs);
	v[NPU_COUNTER_MATRIX_OPS]++;
	v[NPU_COUNTER_MATRIX_MACS] += cost.macs;
	v[NPU_COUNTER_MATRIX_SKIPPED] += cost.skipped;
	if (cost.counter != NPU_COUNTER_COUNT)
		v[cost.counter] += cost.macs - cost.skipped;
	v[NPU_COUNTER_MATRIX_CYCLES] += cost.busy;
	v[NPU_COUNTER_MATRIX_SRAM] += cost.sram;
}

/* Execute a part of the operation in hand on the host. */
enum engine_outcome tile_op_step(struct npu_tile *tile, uint64_t *budget)
{
	uint32_t rows, end;
	uint64_t units;

	if (tile->op == TILE_OP_DMA) {
		/* One that only signals has no bytes. */
		switch (!tile->block.size[0] ? DMA_DONE : dma_run(&tile->mover, &tile->block, budget)) {
		case DMA_MORE:
			return ENGINE_MORE;
		case DMA_FAULT:
			tile_set_fault(tile, tile->block.error, tile->block.access,
				       tile->block.addr, tile->op_pc);
			return ENGINE_FAULT;
		case DMA_DONE:
			dma_retire(tile);
		}
		tile->op = TILE_OP_NONE;
		return ENGINE_DONE;
	}

	rows = npu_matrix_slice(&tile->desc);
	end = rows < tile->desc.m - tile->desc_row ? tile->desc_row + rows : tile->desc.m;
	npu_matrix_run_rows(tile->dev->matrix_path, &tile->desc, tile->sram, tile->desc_row, end);
	units = 16 + (uint64_t)(end - tile->desc_row) * tile->desc.n * tile->desc.k /
			     macs_per_unit[tile->dev->matrix_path][npu_matrix_is_float(&tile->desc)];
	*budget -= units < *budget ? units : *budget;
	tile->desc_row = end;
	if (end < tile->desc.m)
		return ENGINE_MORE;
	matrix_retire(tile);
	tile->op = TILE_OP_NONE;
	return ENGINE_DONE;
}

/*
 * First part of an operation, from inside of rv_run(). How far it gets must not show: the
 * instruction retires in any case, and the rest, or the fault, is seen to by tile_run().
 */
static enum rv_result op_start(struct npu_tile *tile, enum tile_op op)
{
	uint64_t left = TILE_OP_UNITS;
	enum engine_outcome outcome;

	tile->op = op;
	tile->op_pc = tile->hart.pc;
	tile->op_issue = tile->hart.cycles;
	outcome = tile_op_step(tile, &left);
	tile->op_units += TILE_OP_UNITS - left;
	if (outcome != ENGINE_DONE || tile->op_units > tile->op_limit ||
	    __atomic_load_n(&tile->engine.attention, __ATOMIC_ACQUIRE))
		return RV_STOP;
	return RV_OK;
}

static enum rv_result bad_descriptor(struct npu_tile *tile, uint64_t addr)
{
	tile_set_fault(tile, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, addr, tile->hart.pc);
	return RV_STOP;
}

#define DMA_NAMED (NPU_DMA_GATHER | NPU_DMA_SCATTER)

/* The tile whose window va is in, as a bit; 0: none. */
static uint64_t peer_of(uint64_t va)
{
	const uint64_t window = (va - NPU_VA_PEER(0)) >> NPU_VA_PEER_SHIFT;

	return va >= NPU_VA_PEER(0) && window < NPU_MAX_TILES ? 1ull << window : 0;
}

/* The rules of struct npu_dma_desc. Addresses are checked when they are used. */
static bool dma_desc_valid(const struct npu_dma_desc *desc)
{
	const uint32_t named = desc->flags & DMA_NAMED;
	const bool multicast = desc->flags & NPU_DMA_MULTICAST;

	if (desc->flags & ~(NPU_DMA_FILL | DMA_NAMED | NPU_DMA_PAD | NPU_DMA_MULTICAST |
			    NPU_DMA_SIGNAL))
		return false;
	if (desc->flags & NPU_DMA_SIGNAL) {
		if (desc->signal >= NPU_SEMAPHORES || (!multicast && !peer_of(desc->dst)))
			return false;
		if (!(desc->size[0] | desc->size[1] | desc->size[2]))
			return !(desc->flags & ~(NPU_DMA_MULTICAST | NPU_DMA_SIGNAL)) &&
			       !multicast == !desc->tiles;
	} else if (desc->signal) {
		return false;
	}
	if (!desc->size[0] || !desc->size[1] || !desc->size[2])
		return false;
	if (multicast)
		return desc->tiles && !named && !(desc->flags & NPU_DMA_PAD) &&
		       (!(desc->flags & NPU_DMA_FILL) || !((desc->dst | desc->size[0]) & 3));
	if (desc->flags & NPU_DMA_FILL && (desc->dst | desc->size[0]) & 3)
		return false;
	if (desc->flags & NPU_DMA_PAD && (!named || !desc->bound))
		return false;
	if (!named)
		return !desc->indices;
	return named != DMA_NAMED && !(desc->flags & NPU_DMA_FILL) && !(desc->indices & 3);
}

enum rv_result tile_insn_dma(struct npu_tile *tile, uint64_t addr, uint64_t *tag)
{
	struct npu_dma_desc desc;
	enum rv_result result = rv_read(&tile->hart, addr, &desc, sizeof(desc));
	uint64_t targets;

	if (result != RV_OK)
		return result;
	if (!dma_desc_valid(&desc))
		return bad_descriptor(tile, addr);

	targets = desc.flags & NPU_DMA_MULTICAST ? desc.tiles : peer_of(desc.dst);
	if (desc.flags & (NPU_DMA_SIGNAL | NPU_DMA_MULTICAST) && targets & ~tile->share.gang) {
		const unsigned int stranger = __builtin_ctzll(targets & ~tile->share.gang);

		tile_set_fault(tile, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
			       NPU_VA_PEER(stranger) + (uint32_t)desc.dst, tile->hart.pc);
		return RV_STOP;
	}
	if (desc.flags & NPU_DMA_SIGNAL && !gang_reserve(tile, targets, desc.signal)) {
		tile->blocked = true;
		return RV_AGAIN;
	}
	tile->op_signal = desc.flags & NPU_DMA_SIGNAL ? targets : 0;
	tile->op_semaphore = desc.signal;
	line_reserve(tile, &tile->dma, NPU_COUNTER_STALL_DMA);
	*tag = make_tag(tile->dma.issued + 1, false);
	memset(&tile->block, 0, sizeof(tile->block));
	if (desc.flags & NPU_DMA_MULTICAST)
		tile->block.tiles = targets;
	if (tile->op_signal)
		dma_link_reach(&tile->mover, &tile->block, targets);
	tile->block.dst = desc.dst;
	tile->block.src = desc.src;
	memcpy(tile->block.size, desc.size, sizeof(desc.size));
	memcpy(tile->block.dst_stride, desc.dst_stride, sizeof(desc.dst_stride));
	memcpy(tile->block.src_stride, desc.src_stride, sizeof(desc.src_stride));
	if (desc.flags & NPU_DMA_FILL) {
		tile->block.fill = true;
		tile->block.value = desc.fill;
	} else if (desc.flags & DMA_NAMED) {
		tile->block.named = desc.flags & NPU_DMA_GATHER ? DMA_NAMED_SRC : DMA_NAMED_DST;
		tile->block.indices = desc.indices;
		tile->block.bound = desc.bound;
		tile->block.pad = desc.flags & NPU_DMA_PAD;
	}
	return op_start(tile, TILE_OP_DMA);
}

enum rv_result tile_insn_matrix(struct npu_tile *tile, uint64_t addr, uint64_t *tag)
{
	struct npu_matrix_desc *desc = &tile->desc;
	enum rv_result result = rv_read(&tile->hart, addr, desc, sizeof(*desc));
	uint32_t elem;

	if (result != RV_OK)
		return result;
	if (npu_matrix_check(desc, tile->sram_size) != NPU_MATRIX_OK)
		return bad_descriptor(tile, addr);

	line_reserve(tile, &tile->matrix, NPU_COUNTER_STALL_MATRIX);
	*tag = make_tag(tile->matrix.issued + 1, true);
	elem = npu_matrix_c_size(desc);
	tile_sram_touched(tile, desc->c, (desc->m - 1) * desc->c_stride + desc->n * elem);
	tile->desc_row = 0;
	return op_start(tile, TILE_OP_MATRIX);
}

enum rv_result tile_insn_sem_wait(struct npu_tile *tile, uint64_t semaphore, uint64_t count)
{
	const uint64_t sender = semaphore & 0xff, sem = semaphore >> 8;

	if (sender >= NPU_MAX_TILES || !(tile->share.gang >> sender & 1) ||
	    sem >= NPU_SEMAPHORES || count > NPU_SEM_DEPTH)
		return bad_descriptor(tile, semaphore);
	if (gang_take(tile, sender, sem, count))
		return RV_OK;
	tile->blocked = true;
	return RV_AGAIN;
}
