/* SPDX-License-Identifier: MIT */
#include "tile.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "mmu.h"
#include "model.h"

/* Instructions that a tile runs at most between two looks at its budget. */
#define TILE_SLICE	     65536
/* Host work that an operation may do inside of rv_run(); longer ones continue outside. */
#define TILE_OP_UNITS	     4096
/* Host work units of starting a workgroup. */
#define TILE_WORKGROUP_UNITS 100

#define PAGE_SHIFT	     NPU_PAGE_SHIFT

/* What model.def says of the core. */
static const struct rv_costs core_costs = {
	.alu = NPU_MODEL_CORE_ALU,
	.mul = NPU_MODEL_CORE_MUL,
	.div = NPU_MODEL_CORE_DIV,
	.branch_taken = NPU_MODEL_CORE_BRANCH_TAKEN,
	.load_sram = NPU_MODEL_CORE_LOAD,
	.load_remote = NPU_MODEL_CORE_LOAD_REMOTE,
	.store_sram = NPU_MODEL_CORE_STORE,
	.store_remote = NPU_MODEL_CORE_STORE_REMOTE,
	.atomic_sram = NPU_MODEL_CORE_ATOMIC,
	.atomic_remote = NPU_MODEL_CORE_ATOMIC_REMOTE,
	.fp_add = NPU_MODEL_CORE_FP_ADD,
	.fp_mul = NPU_MODEL_CORE_FP_MUL,
	.fp_div = NPU_MODEL_CORE_FP_DIV,
	.fp_sqrt = NPU_MODEL_CORE_FP_SQRT,
	.fp_fma = NPU_MODEL_CORE_FP_FMA,
	.fp_cvt = NPU_MODEL_CORE_FP_CVT,
	.fp_misc = NPU_MODEL_CORE_FP_MISC,
	.csr = NPU_MODEL_CORE_CSR,
	.system = NPU_MODEL_CORE_SYSTEM,
	.fence_i = NPU_MODEL_CORE_FENCE_I,
	.custom = NPU_MODEL_CORE_CUSTOM,
	.tlb_walk = NPU_MODEL_TLB_WALK,
	.vec_bytes = NPU_MODEL_VECTOR_BYTES,
	.vec_div = NPU_MODEL_VECTOR_DIV,
	.vec_reduce = NPU_MODEL_VECTOR_REDUCE,
	.vec_ordered = NPU_MODEL_VECTOR_ORDERED,
	.vec_permute = NPU_MODEL_VECTOR_PERMUTE,
	.vec_element = NPU_MODEL_VECTOR_ELEMENT,
	.vec_line = NPU_MODEL_VECTOR_LINE,
};

/* Multiply-accumulates that a path of the matrix arithmetic does in a host work unit. */
static const unsigned int macs_per_unit[NPU_MATRIX_PATH_COUNT] = {
	[NPU_MATRIX_PATH_C] = 8,
	[NPU_MATRIX_PATH_AVX2] = 128,
	[NPU_MATRIX_PATH_AVXVNNI] = 256,
	[NPU_MATRIX_PATH_AVX512] = 256,
};

/* ---- SRAM ------------------------------------------------------------------------------- */

static void sram_touched(void *opaque, uint32_t offset, uint32_t length)
{
	struct npu_tile *tile = opaque;
	const uint32_t last = (offset + length - 1) >> PAGE_SHIFT;

	for (uint32_t page = offset >> PAGE_SHIFT; page <= last; page++)
		tile->dirty[page / 64] |= 1ull << page % 64;
}

static void sram_scrub(struct npu_tile *tile)
{
	const uint32_t pages = tile->sram_size >> PAGE_SHIFT;

	for (uint32_t page = 0; page < pages; page++) {
		if (!(page % 64) && !tile->dirty[page / 64]) {
			page += 63;
			continue;
		}
		if (tile->dirty[page / 64] >> page % 64 & 1)
			memset(tile->sram + ((size_t)page << PAGE_SHIFT), 0, NPU_PAGE_SIZE);
	}
	memset(tile->dirty, 0, (pages + 63) / 64 * sizeof(*tile->dirty));
}

/* ---- faults ------------------------------------------------------------------------------ */

/* The workgroup that runs or comes next; the last one if all are retired. */
static uint32_t current_workgroup(const struct npu_tile *tile)
{
	const struct tile_share *share = &tile->share;
	const uint32_t n = tile->workgroups;

	return share->first + (n && n == share->count ? n - 1 : n) * share->stride;
}

static void set_fault(struct npu_tile *tile, enum npu_job_error error, enum npu_access access,
		      uint64_t addr, uint64_t pc)
{
	tile->fault = (struct tile_fault){
		.error = error,
		.access = access,
		.addr = addr,
		.pc = pc,
		.workgroup = current_workgroup(tile),
	};
}

/* Fault from the trap that the core took. */
static void set_trap_fault(struct npu_tile *tile)
{
	static const struct {
		uint8_t error, access;
	} map[] = {
		[RV_INSN_MISALIGNED] = {NPU_JOB_MISALIGNED, NPU_ACCESS_EXEC},
		[RV_INSN_ACCESS] = {NPU_JOB_BUS_ERROR, NPU_ACCESS_EXEC},
		[RV_ILLEGAL] = {NPU_JOB_ILLEGAL, NPU_ACCESS_NONE},
		[RV_BREAKPOINT] = {NPU_JOB_BREAKPOINT, NPU_ACCESS_NONE},
		[RV_LOAD_MISALIGNED] = {NPU_JOB_MISALIGNED, NPU_ACCESS_READ},
		[RV_LOAD_ACCESS] = {NPU_JOB_BUS_ERROR, NPU_ACCESS_READ},
		[RV_STORE_MISALIGNED] = {NPU_JOB_MISALIGNED, NPU_ACCESS_WRITE},
		[RV_STORE_ACCESS] = {NPU_JOB_BUS_ERROR, NPU_ACCESS_WRITE},
		[RV_ECALL_U] = {NPU_JOB_ILLEGAL, NPU_ACCESS_NONE},
		[RV_INSN_PAGE_FAULT] = {NPU_JOB_PAGE_FAULT, NPU_ACCESS_EXEC},
		[RV_LOAD_PAGE_FAULT] = {NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ},
		[RV_STORE_PAGE_FAULT] = {NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE},
	};
	const struct rv_hart *hart = &tile->hart;
	const uint32_t cause = hart->trap_cause;
	uint64_t addr = hart->trap_value;

	if (cause >= sizeof(map) / sizeof(map[0]) || !map[cause].error) {
		set_fault(tile, NPU_JOB_HW_ERROR, NPU_ACCESS_NONE, cause, hart->pc);
		return;
	}
	if (cause == RV_ECALL_U)
		addr = 0x73; /* there is no operating system: ecall is an illegal instruction */
	set_fault(tile, map[cause].error, map[cause].access, addr, hart->pc);
}

/* ---- asynchronous engines ------------------------------------------------------------- */

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

/* Put an operation issued at cycle issue into the line. */
static void line_push(struct tile_line *line, uint64_t issue, uint64_t busy, uint64_t latency)
{
	const uint64_t last = line->issued ? line->done[line->issued % NPU_ENGINE_DEPTH] : 0;
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

static bool tag_done(const struct npu_tile *tile, uint64_t tag)
{
	const struct tile_line *line = tag & 1 ? &tile->matrix : &tile->dma;
	uint64_t n = tag >> 1;

	if (n > line->issued)
		n = line->issued;
	if (!n || line->issued - n >= NPU_ENGINE_DEPTH)
		return true;
	return line->done[n % NPU_ENGINE_DEPTH] <= tile->hart.cycles;
}

static void wait_all(struct npu_tile *tile)
{
	line_wait(tile, &tile->dma, tile->dma.issued, NPU_COUNTER_STALL_DMA);
	line_wait(tile, &tile->matrix, tile->matrix.issued, NPU_COUNTER_STALL_MATRIX);
}

static void dma_retire(struct npu_tile *tile)
{
	const struct dma_block *block = &tile->block;
	const unsigned int tiles = tile->dev->tiles;
	const uint64_t in = npu_model_transfer(block->host_read, NPU_MODEL_LINK_BYTES, tiles);
	const uint64_t out = npu_model_transfer(block->host_write, NPU_MODEL_LINK_BYTES, tiles);
	const uint64_t local = npu_model_transfer(block->local, NPU_MODEL_DMA_LOCAL_BYTES, 1);
	const bool host = block->host_read || block->host_write;
	const uint64_t busy = NPU_MODEL_DMA_SETUP + block->rows * NPU_MODEL_DMA_ROW +
			      (in > out ? in : out) + local + block->misses * NPU_MODEL_TLB_WALK;
	uint64_t *v = tile->counters.v;

	line_push(&tile->dma, tile->op_issue, busy,
		  host ? NPU_MODEL_DMA_LATENCY : NPU_MODEL_DMA_LOCAL_LATENCY);
	v[NPU_COUNTER_DMA_OPS]++;
	v[NPU_COUNTER_DMA_READ] += block->host_read;
	v[NPU_COUNTER_DMA_WRITE] += block->host_write;
	v[NPU_COUNTER_DMA_LOCAL] += block->local;
	v[NPU_COUNTER_DMA_CYCLES] += busy;
	v[NPU_COUNTER_TLB_MISSES] += block->misses;
	v[NPU_COUNTER_ENERGY] += (block->host_read + block->host_write) * NPU_MODEL_E_HOST_BYTE +
				 block->sram * NPU_MODEL_E_SRAM_BYTE +
				 block->misses * NPU_MODEL_E_WALK;
}

static void matrix_retire(struct npu_tile *tile)
{
	const struct npu_matrix_cost cost = npu_model_matrix(&tile->desc);
	uint64_t *v = tile->counters.v;

	line_push(&tile->matrix, tile->op_issue, cost.busy, 0);
	v[NPU_COUNTER_MATRIX_OPS]++;
	v[NPU_COUNTER_MATRIX_MACS] += cost.macs;
	v[NPU_COUNTER_MATRIX_CYCLES] += cost.busy;
	v[NPU_COUNTER_ENERGY] += cost.energy;
}

/* Execute a part of the operation in hand on the host. */
static enum engine_outcome op_step(struct npu_tile *tile, uint64_t *budget)
{
	uint32_t rows, end;
	uint64_t units;

	if (tile->op == TILE_OP_DMA) {
		switch (dma_run(&tile->mover, &tile->block, budget)) {
		case DMA_MORE:
			return ENGINE_MORE;
		case DMA_FAULT:
			set_fault(tile, tile->block.error, tile->block.access, tile->block.addr,
				  tile->op_pc);
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
			     macs_per_unit[tile->dev->matrix_path];
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
	outcome = op_step(tile, &left);
	tile->op_units += TILE_OP_UNITS - left;
	if (outcome != ENGINE_DONE || tile->op_units > tile->op_limit ||
	    __atomic_load_n(&tile->engine.attention, __ATOMIC_ACQUIRE))
		return RV_STOP;
	return RV_OK;
}

static enum rv_result bad_descriptor(struct npu_tile *tile, uint64_t addr)
{
	set_fault(tile, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, addr, tile->hart.pc);
	return RV_STOP;
}

static enum rv_result insn_dma(struct npu_tile *tile, uint64_t addr, uint64_t *tag)
{
	struct npu_dma_desc desc;
	enum rv_result result = rv_read(&tile->hart, addr, &desc, sizeof(desc));
	bool fill;

	if (result != RV_OK)
		return result;
	fill = desc.flags & NPU_DMA_FILL;
	if ((desc.flags & ~NPU_DMA_FILL) || desc.reserved[0] || desc.reserved[1] ||
	    desc.reserved[2] || !desc.size[0] || !desc.size[1] || !desc.size[2] ||
	    (fill && ((desc.dst | desc.size[0]) & 3)))
		return bad_descriptor(tile, addr);

	line_reserve(tile, &tile->dma, NPU_COUNTER_STALL_DMA);
	*tag = make_tag(tile->dma.issued + 1, false);
	memset(&tile->block, 0, sizeof(tile->block));
	tile->block.dst = desc.dst;
	tile->block.src = desc.src;
	memcpy(tile->block.size, desc.size, sizeof(desc.size));
	memcpy(tile->block.dst_stride, desc.dst_stride, sizeof(desc.dst_stride));
	memcpy(tile->block.src_stride, desc.src_stride, sizeof(desc.src_stride));
	tile->block.fill = fill;
	tile->block.value = desc.fill;
	return op_start(tile, TILE_OP_DMA);
}

static enum rv_result insn_matrix(struct npu_tile *tile, uint64_t addr, uint64_t *tag)
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
	elem = desc->flags & (NPU_MATRIX_C_U8 | NPU_MATRIX_C_S8) ? 1 : 4;
	sram_touched(tile, desc->c, (desc->m - 1) * desc->c_stride + desc->n * elem);
	tile->desc_row = 0;
	return op_start(tile, TILE_OP_MATRIX);
}

/* ---- the core's surroundings ----------------------------------------------------------- */

static enum rv_result tile_custom(struct rv_hart *hart, uint32_t insn, uint64_t rs1, uint64_t rs2,
				  uint64_t *result)
{
	struct npu_tile *tile = hart->opaque;
	const unsigned int rd_field = insn >> 7 & 31, rs1_field = insn >> 15 & 31;

	(void)rs2;
	if ((insn & 0x7f) != NPU_OPCODE_CUSTOM0 || insn >> 20)
		return RV_TRAP;
	switch (insn >> 12 & 7) {
	case NPU_F3_EXIT:
		if (rd_field || rs1_field)
			return RV_TRAP;
		wait_all(tile);
		tile->exited = true;
		return RV_STOP;
	case NPU_F3_DMA:
		return insn_dma(tile, rs1, result);
	case NPU_F3_MATRIX:
		return insn_matrix(tile, rs1, result);
	case NPU_F3_WAIT:
		if (rd_field)
			return RV_TRAP;
		if (!rs1)
			wait_all(tile);
		else if (rs1 & 1)
			line_wait(tile, &tile->matrix, rs1 >> 1, NPU_COUNTER_STALL_MATRIX);
		else
			line_wait(tile, &tile->dma, rs1 >> 1, NPU_COUNTER_STALL_DMA);
		return RV_OK;
	case NPU_F3_POLL:
		*result = tag_done(tile, rs1);
		return RV_OK;
	default:
		return RV_TRAP;
	}
}

static enum rv_result tile_csr_read(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	const struct npu_tile *tile = hart->opaque;
	const uint32_t *grid = tile->share.grid;
	const uint32_t index = current_workgroup(tile);

	switch (csr) {
	case NPU_CSR_WG_X:
		*value = index % grid[0];
		return RV_OK;
	case NPU_CSR_WG_Y:
		*value = index / grid[0] % grid[1];
		return RV_OK;
	case NPU_CSR_WG_Z:
		*value = index / grid[0] / grid[1];
		return RV_OK;
	case NPU_CSR_GRID_X:
	case NPU_CSR_GRID_Y:
	case NPU_CSR_GRID_Z:
		*value = grid[csr - NPU_CSR_GRID_X];
		return RV_OK;
	case NPU_CSR_TILE:
		*value = tile->number;
		return RV_OK;
	case NPU_CSR_TILES:
		*value = tile->dev->tiles;
		return RV_OK;
	case NPU_CSR_SRAM_SIZE:
		*value = tile->sram_size;
		return RV_OK;
	default:
		return RV_TRAP;
	}
}

static enum rv_result tile_fill(struct rv_hart *hart, uint64_t va, enum rv_access access,
				struct rv_page *page)
{
	static const enum rv_cause page_fault[] = {
		[RV_READ] = RV_LOAD_PAGE_FAULT,
		[RV_WRITE] = RV_STORE_PAGE_FAULT,
		[RV_EXEC] = RV_INSN_PAGE_FAULT,
	};
	static const enum rv_cause bus_error[] = {
		[RV_READ] = RV_LOAD_ACCESS,
		[RV_WRITE] = RV_STORE_ACCESS,
		[RV_EXEC] = RV_INSN_ACCESS,
	};
	static const enum npu_access access_of[] = {
		[RV_READ] = NPU_ACCESS_READ,
		[RV_WRITE] = NPU_ACCESS_WRITE,
		[RV_EXEC] = NPU_ACCESS_EXEC,
	};
	struct npu_tile *tile = hart->opaque;
	const uint64_t offset = va - NPU_VA_SRAM;
	struct mmu_page mapped;
	enum npu_job_error error;

	if (offset < tile->sram_size) {
		const uint32_t start = offset & ~(NPU_PAGE_SIZE - 1);

		page->host = tile->sram + start;
		page->readable = true;
		page->executable = true;
		/* Not writable before the first write: that is when the page gets dirty. */
		page->writable = access == RV_WRITE;
		page->remote = false;
		if (page->writable)
			sram_touched(tile, start, NPU_PAGE_SIZE);
		return RV_OK;
	}
	error = mmu_map(tile->dev, tile->share.as, va, access_of[access], &mapped, &page->host);
	if (error != NPU_JOB_OK) {
		rv_raise(hart, error == NPU_JOB_BUS_ERROR ? bus_error[access] : page_fault[access],
			 va);
		return RV_TRAP;
	}
	page->readable = mapped.readable;
	/* The host may have mapped it for reading only: writes ask again. */
	page->writable = mapped.writable && access == RV_WRITE;
	page->executable = mapped.executable;
	page->remote = true;
	return RV_OK;
}

static const struct rv_env tile_env = {
	.fill = tile_fill,
	.csr_read = tile_csr_read,
	.custom = tile_custom,
};

/* ---- shares --------------------------------------------------------------------------------- */

static void start_share(struct npu_tile *tile)
{
	struct rv_hart *hart = &tile->hart;

	/* Numbers of queues and address spaces are used again: the same ones may be another program. */
	if (tile->owned &&
	    (tile->owner_as != tile->share.as || tile->owner_queue != tile->share.queue ||
	     tile->owner_life != tile->share.life))
		sram_scrub(tile);
	tile->owned = true;
	tile->owner_as = tile->share.as;
	tile->owner_queue = tile->share.queue;
	tile->owner_life = tile->share.life;

	rv_reset_tlb(hart);
	dma_start_share(&tile->mover, tile->share.as);
	hart->cycles = 0;
	hart->instret = 0;
	hart->loads = 0;
	hart->stores = 0;
	hart->remote = 0;
	hart->branches = 0;
	hart->fp = 0;
	hart->tlb_misses = 0;
	hart->stall_exec = 0;
	hart->stall_memory = 0;
	hart->tlb_cycles = 0;
	hart->vector = 0;
	hart->vector_bytes = 0;
	hart->vector_sram = 0;
	hart->vector_remote = 0;
	memset(&tile->dma, 0, sizeof(tile->dma));
	memset(&tile->matrix, 0, sizeof(tile->matrix));
	tile->in_workgroup = false;
	tile->exited = false;
	tile->op = TILE_OP_NONE;
	tile->fresh = false;
}

static void start_workgroup(struct npu_tile *tile)
{
	struct rv_hart *hart = &tile->hart;

	rv_reset(hart, tile->share.entry);
	hart->x[2] = NPU_VA_SRAM + tile->sram_size;
	hart->x[10] = tile->share.args;
	hart->cycles += NPU_MODEL_WORKGROUP;
	tile->exited = false;
	tile->in_workgroup = true;
}

static void spend(uint64_t *budget, uint64_t units)
{
	*budget -= units < *budget ? units : *budget;
}

enum engine_outcome tile_run(struct npu_tile *tile, uint64_t *budget)
{
	struct rv_hart *hart = &tile->hart;

	if (tile->fresh)
		start_share(tile);
	for (;;) {
		enum rv_stop stop;
		uint64_t before, slice;

		if (!*budget || __atomic_load_n(&tile->engine.attention, __ATOMIC_ACQUIRE))
			return ENGINE_MORE;
		if (tile->op != TILE_OP_NONE) {
			if (op_step(tile, budget) == ENGINE_FAULT)
				return ENGINE_FAULT;
			continue;
		}
		if (!tile->in_workgroup) {
			if (tile->workgroups == tile->share.count)
				return ENGINE_DONE;
			start_workgroup(tile);
			spend(budget, TILE_WORKGROUP_UNITS);
		}

		before = hart->instret;
		slice = *budget < TILE_SLICE ? *budget : TILE_SLICE;
		tile->op_units = 0;
		tile->op_limit = *budget;
		stop = rv_run(hart, slice ? slice : 1);
		spend(budget, hart->instret - before + tile->op_units + 1);
		switch (stop) {
		case RV_STOP_BUDGET:
			break;
		case RV_STOP_ENV:
			if (tile->fault.error)
				return ENGINE_FAULT;
			if (!tile->exited)
				break; /* an operation to go on with */
			tile->in_workgroup = false;
			__atomic_store_n(&tile->workgroups, tile->workgroups + 1, __ATOMIC_RELAXED);
			break;
		case RV_STOP_TRAP:
			set_trap_fault(tile);
			return ENGINE_FAULT;
		case RV_STOP_WFI: /* wfi is illegal at user level */
			set_fault(tile, NPU_JOB_HW_ERROR, NPU_ACCESS_NONE, 0, hart->pc);
			return ENGINE_FAULT;
		}
	}
}

void tile_flush(struct npu_tile *tile)
{
	rv_flush_tlb(&tile->hart);
	dma_flush(&tile->mover);
}

void tile_stopped(struct npu_tile *tile)
{
	const bool began = !tile->fresh && (tile->in_workgroup || tile->workgroups);

	set_fault(tile, NPU_JOB_STOPPED, NPU_ACCESS_NONE, 0,
		  began ? tile->hart.pc : tile->share.entry);
}

uint64_t tile_close(struct npu_tile *tile)
{
	const struct rv_hart *hart = &tile->hart;
	uint64_t *v = tile->counters.v;

	if (tile->fresh)
		return 0;
	v[NPU_COUNTER_TILE_CYCLES] = hart->cycles;
	v[NPU_COUNTER_TILE_INSTRUCTIONS] = hart->instret;
	v[NPU_COUNTER_TILE_LOADS] = hart->loads;
	v[NPU_COUNTER_TILE_STORES] = hart->stores;
	v[NPU_COUNTER_TILE_REMOTE] = hart->remote;
	v[NPU_COUNTER_TILE_BRANCHES] = hart->branches;
	v[NPU_COUNTER_TILE_FP] = hart->fp;
	v[NPU_COUNTER_STALL_MEMORY] = hart->stall_memory;
	v[NPU_COUNTER_STALL_EXEC] = hart->stall_exec;
	v[NPU_COUNTER_TLB_MISSES] += hart->tlb_misses;
	v[NPU_COUNTER_TLB_CYCLES] = hart->tlb_cycles;
	v[NPU_COUNTER_WORKGROUPS] = tile->workgroups;
	v[NPU_COUNTER_VECTOR_OPS] = hart->vector;
	v[NPU_COUNTER_VECTOR_BYTES] = hart->vector_bytes;
	v[NPU_COUNTER_VECTOR_SRAM] = hart->vector_sram;
	v[NPU_COUNTER_VECTOR_REMOTE] = hart->vector_remote;
	v[NPU_COUNTER_ENERGY] +=
		hart->instret * NPU_MODEL_E_INSTRUCTION + hart->fp * NPU_MODEL_E_FP +
		(hart->loads + hart->stores - hart->remote) * NPU_MODEL_E_SRAM_ACCESS +
		hart->vector_bytes * NPU_MODEL_E_VECTOR_BYTE +
		hart->vector_sram * NPU_MODEL_E_SRAM_BYTE +
		hart->vector_remote * NPU_MODEL_E_HOST_BYTE +
		hart->remote * NPU_MODEL_E_HOST_ACCESS + hart->tlb_misses * NPU_MODEL_E_WALK +
		hart->cycles * NPU_MODEL_E_TILE_CYCLE;
	return hart->cycles;
}

/* Do the registers describe a share? */
static bool share_valid(const struct npu_dev *dev, const struct tile_share *share)
{
	uint64_t groups = 1;

	if (share->queue >= dev->queues || share->as >= NPU_MAX_AS || share->entry & 1)
		return false;
	for (unsigned int i = 0; i < 3; i++) {
		if (!share->grid[i] || share->grid[i] > NPU_GRID_MAX)
			return false;
		groups *= share->grid[i];
		if (groups > UINT32_MAX)
			return false;
	}
	return !share->count ||
	       share->first + (uint64_t)(share->count - 1) * share->stride < groups;
}

void tile_go(struct npu_tile *tile)
{
	struct npu_dev *dev = tile->dev;

	if (tile->engine.status != NPU_SOC_IDLE)
		return;
	tile->share = tile->next;
	tile->workgroups = 0;
	memset(&tile->fault, 0, sizeof(tile->fault));
	memset(&tile->counters, 0, sizeof(tile->counters));
	if (!share_valid(dev, &tile->share)) {
		/* The front end made sure of this: nothing that can be charged to a queue. */
		tile->fault.error = NPU_JOB_HW_ERROR;
		tile->fault.access = NPU_ACCESS_NONE;
		tile->engine.status = NPU_SOC_FAULT;
		dev->tile_events |= 1ull << tile->number;
		return;
	}
	tile->share.life = dev->acct.queue[tile->share.queue].generation;
	tile->fresh = true;
	tile->engine.queue = tile->share.queue;
	tile->engine.as = tile->share.as;
	engine_go(dev, &tile->engine, ACCT_TILES);
}

struct npu_tile *tile_new(struct npu_dev *dev, unsigned int number)
{
	struct npu_tile *tile = calloc(1, sizeof(*tile));

	if (!tile)
		return NULL;
	tile->dev = dev;
	tile->number = number;
	tile->sram_size = dev->sram_size;
	tile->engine.core = number;
	if (rv_init(&tile->hart, &tile_env, tile, RV_MODE_USER) < 0) {
		free(tile);
		return NULL;
	}
	if (rv_set_vlen(&tile->hart, dev->config.vlen) < 0) {
		tile_free(tile);
		return NULL;
	}
	rv_set_costs(&tile->hart, &core_costs);
	tile->engine.interrupt = &tile->hart.interrupt_run;
	tile->sram = aligned_alloc(NPU_PAGE_SIZE, tile->sram_size);
	tile->dirty = calloc(((tile->sram_size >> PAGE_SHIFT) + 63) / 64, sizeof(*tile->dirty));
	if (!tile->sram || !tile->dirty) {
		tile_free(tile);
		return NULL;
	}
	memset(tile->sram, 0, tile->sram_size);
	tile->mover.dev = dev;
	tile->mover.attention = &tile->engine.attention;
	tile->mover.sram = tile->sram;
	tile->mover.sram_size = tile->sram_size;
	tile->mover.touched = sram_touched;
	tile->mover.opaque = tile;
	return tile;
}

void tile_free(struct npu_tile *tile)
{
	if (!tile)
		return;
	rv_fini(&tile->hart);
	free(tile->sram);
	free(tile->dirty);
	free(tile);
}

void tile_reset(struct npu_tile *tile)
{
	engine_reset(&tile->engine);
	sram_scrub(tile);
	tile->owned = false;
	memset(&tile->next, 0, sizeof(tile->next));
	memset(&tile->fault, 0, sizeof(tile->fault));
	tile->workgroups = 0;
	tile->fresh = false;
}
