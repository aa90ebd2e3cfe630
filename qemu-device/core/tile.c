/* SPDX-License-Identifier: MIT */
#include "tile_internal.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "gang.h"
#include "mmu.h"
#include "model.h"
#include "rv_profile.h"

/* Instructions that a tile runs at most between two looks at its budget. */
#define TILE_SLICE	     65536
/* Host work units of starting a workgroup. */
#define TILE_WORKGROUP_UNITS 100

#define PAGE_SHIFT	     NPU_PAGE_SHIFT

/* What npu_model.def says of the core; host memory's figures are set with each share. */
static const struct rv_costs core_costs = {
	.alu = NPU_MODEL_CORE_ALU,
	.mul = NPU_MODEL_CORE_MUL,
	.div = NPU_MODEL_CORE_DIV,
	.branch_taken = NPU_MODEL_CORE_BRANCH_TAKEN,
	.load_sram = NPU_MODEL_CORE_LOAD,
	.store_sram = NPU_MODEL_CORE_STORE,
	.atomic_sram = NPU_MODEL_CORE_ATOMIC,
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
	.vec_bytes = NPU_MODEL_VECTOR_BYTES,
	.vec_div = NPU_MODEL_VECTOR_DIV,
	.vec_reduce = NPU_MODEL_VECTOR_REDUCE,
	.vec_ordered = NPU_MODEL_VECTOR_ORDERED,
	.vec_permute = NPU_MODEL_VECTOR_PERMUTE,
	.vec_element = NPU_MODEL_VECTOR_ELEMENT,
};

/* ---- faults ------------------------------------------------------------------------------ */

uint32_t tile_workgroup(const struct npu_tile *tile)
{
	const struct tile_share *share = &tile->share;
	const uint32_t n = tile->workgroups;

	return share->first + (n && n == share->count ? n - 1 : n) * share->stride;
}

void tile_set_fault(struct npu_tile *tile, enum npu_job_error error, enum npu_access access,
		    uint64_t addr, uint64_t pc)
{
	tile->fault = (struct tile_fault){
		.error = error,
		.access = access,
		.addr = addr,
		.pc = pc,
		.workgroup = tile_workgroup(tile),
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
		tile_set_fault(tile, NPU_JOB_HW_ERROR, NPU_ACCESS_NONE, cause, hart->pc);
		return;
	}
	if (cause == RV_ECALL_U)
		addr = 0x73; /* there is no operating system: ecall is an illegal instruction */
	tile_set_fault(tile, map[cause].error, map[cause].access, addr, hart->pc);
}

/* ---- the core's surroundings ----------------------------------------------------------- */

static enum rv_result tile_custom(struct rv_hart *hart, uint32_t insn, uint64_t rs1, uint64_t rs2,
				  uint64_t *result)
{
	struct npu_tile *tile = hart->opaque;
	const unsigned int rd_field = insn >> 7 & 31, rs1_field = insn >> 15 & 31;

	if ((insn & 0x7f) != NPU_OPCODE_CUSTOM0 || insn >> 25)
		return RV_TRAP;
	if (insn >> 20 && (insn >> 12 & 7) != NPU_F3_SEM_WAIT)
		return RV_TRAP;
	switch (insn >> 12 & 7) {
	case NPU_F3_EXIT:
		if (rd_field || rs1_field)
			return RV_TRAP;
		tile_wait_all(tile);
		tile->exited = true;
		return RV_STOP;
	case NPU_F3_DMA:
		return tile_insn_dma(tile, rs1, result);
	case NPU_F3_MATRIX:
		return tile_insn_matrix(tile, rs1, result);
	case NPU_F3_WAIT:
		if (rd_field)
			return RV_TRAP;
		if (rs1)
			tile_wait_tag(tile, rs1);
		else
			tile_wait_all(tile);
		return RV_OK;
	case NPU_F3_POLL:
		*result = tile_tag_done(tile, rs1);
		return RV_OK;
	case NPU_F3_SEM_WAIT:
		if (rd_field)
			return RV_TRAP;
		return tile_insn_sem_wait(tile, rs1, rs2);
	default:
		return RV_TRAP;
	}
}

static enum rv_result tile_csr_read(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	const struct npu_tile *tile = hart->opaque;
	const uint32_t *grid = tile->share.grid;
	const uint32_t index = tile_workgroup(tile);

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
			tile_sram_touched(tile, start, NPU_PAGE_SIZE);
		return RV_OK;
	}
	error = mmu_map(tile->dev, &tile->mmu, tile->number, tile->share.as, va, access_of[access],
			&mapped, &page->host);
	if (error != NPU_JOB_OK) {
		rv_raise(hart, error == NPU_JOB_BUS_ERROR ? bus_error[access] : page_fault[access],
			 va);
		return RV_TRAP;
	}
	/* What is written to a page without memory must not be read back: reads ask again. */
	page->readable = mapped.readable && !(mapped.sparse && access == RV_WRITE);
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

void tile_set_costs(struct npu_tile *tile)
{
	const struct acct_point *point = &tile->engine.ticket.point;
	struct rv_costs costs = core_costs;
	uint64_t line;

	tile->rates = (struct npu_rates){
		.period = npu_model_opp[point->opp].period,
		.share = tile->share.sharers,
		.slow = point->slow,
	};
	line = npu_model_host(&tile->rates, NPU_MODEL_VECTOR_LINE_BYTES, 0);
	costs.load_remote = npu_model_round_trip(&tile->rates);
	costs.store_remote = npu_model_cycles(&tile->rates, NPU_MODEL_CORE_STORE_REMOTE);
	costs.atomic_remote = 2 * npu_model_round_trip(&tile->rates);
	costs.tlb_walk = npu_model_round_trip(&tile->rates);
	costs.vec_line = line > NPU_MODEL_VECTOR_LINE ? line : NPU_MODEL_VECTOR_LINE;
	rv_set_costs(&tile->hart, &costs);
}

static void start_share(struct npu_tile *tile)
{
	struct rv_hart *hart = &tile->hart;

	tile_set_costs(tile);
	tile_sram_open(tile);
	rv_reset_tlb(hart);
	memset(&tile->mmu, 0, sizeof(tile->mmu));
	dma_start_share(&tile->mover, tile->share.as, tile->share.gang);
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
	hart->stall_vector = 0;
	hart->tlb_cycles = 0;
	hart->vector = 0;
	hart->vector_bytes = 0;
	hart->vector_sram = 0;
	hart->vector_remote = 0;
	memset(&tile->dma, 0, sizeof(tile->dma));
	memset(&tile->matrix, 0, sizeof(tile->matrix));
	tile->in_workgroup = false;
	tile->exited = false;
	tile->blocked = false;
	tile->op = TILE_OP_NONE;
	tile->fresh = false;
	if (hart->profile)
		rv_profile_begin(hart);
}

static void start_workgroup(struct npu_tile *tile)
{
	struct rv_hart *hart = &tile->hart;

	rv_reset(hart, tile->share.entry);
	tile->core_own = true;
	hart->x[2] = NPU_VA_SRAM + tile->sram_size;
	hart->x[10] = tile->share.args;
	if (hart->profile)
		rv_profile_start(hart, tile->share.entry, NPU_MODEL_WORKGROUP);
	hart->cycles += NPU_MODEL_WORKGROUP;
	tile->counters.v[NPU_COUNTER_STALL_START] += NPU_MODEL_WORKGROUP;
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
	else
		tile_sram_open(tile); /* after RESUME somebody else's data may be in there */
	for (;;) {
		enum rv_stop stop;
		uint64_t before, slice;

		if (!*budget || __atomic_load_n(&tile->engine.attention, __ATOMIC_ACQUIRE))
			return ENGINE_MORE;
		if (fault_strikes(tile->dev, NPU_FAULT_ECC_UNCORRECTABLE, tile->number)) {
			tile_set_fault(tile, NPU_JOB_ECC, NPU_ACCESS_NONE, 0,
				       tile->in_workgroup ? hart->pc : tile->share.entry);
			tile->spoilt = true;
			return ENGINE_FAULT;
		}
		if (tile->op != TILE_OP_NONE) {
			if (tile_op_step(tile, budget) == ENGINE_FAULT)
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
			if (tile->blocked) {
				tile->blocked = false;
				return ENGINE_WAIT;
			}
			if (!tile->exited)
				break; /* an operation to go on with */
			tile->in_workgroup = false;
			__atomic_store_n(&tile->workgroups, tile->workgroups + 1, __ATOMIC_RELAXED);
			__atomic_store_n(&tile->reached, hart->cycles, __ATOMIC_RELAXED);
			/* So every share gets one workgroup further each time it is put in. */
			if (hart->cycles >= __atomic_load_n(&tile->yield_at, __ATOMIC_RELAXED) &&
			    tile->workgroups < tile->share.count)
				return ENGINE_YIELD;
			break;
		case RV_STOP_TRAP:
			set_trap_fault(tile);
			return ENGINE_FAULT;
		case RV_STOP_WFI: /* wfi is illegal at user level */
			tile_set_fault(tile, NPU_JOB_HW_ERROR, NPU_ACCESS_NONE, 0, hart->pc);
			return ENGINE_FAULT;
		}
	}
}

void tile_flush(struct npu_tile *tile)
{
	rv_flush_tlb(&tile->hart);
	memset(&tile->mmu, 0, sizeof(tile->mmu));
	dma_flush(&tile->mover);
}

void tile_stopped(struct npu_tile *tile)
{
	const bool began = !tile->fresh && (tile->in_workgroup || tile->workgroups);

	tile_set_fault(tile, NPU_JOB_STOPPED, NPU_ACCESS_NONE, 0,
		       began ? tile->hart.pc : tile->share.entry);
}

uint64_t tile_core_reg(struct npu_tile *tile, uint32_t regno)
{
	uint64_t value = 0;

	/* While it runs they are its thread's, and before its first workgroup another queue's. */
	if (tile->engine.status == NPU_SOC_BUSY || !tile->core_own ||
	    !rv_reg(&tile->hart, regno, &value))
		return 0;
	return value;
}

void tile_count(const struct rv_tally *tally, uint32_t workgroups, struct npu_counters *counters)
{
	uint64_t *v = counters->v;

	v[NPU_COUNTER_TILE_CYCLES] = tally->cycles;
	v[NPU_COUNTER_TILE_INSTRUCTIONS] = tally->instret;
	v[NPU_COUNTER_TILE_LOADS] = tally->loads;
	v[NPU_COUNTER_TILE_STORES] = tally->stores;
	v[NPU_COUNTER_TILE_REMOTE] = tally->remote;
	v[NPU_COUNTER_TILE_BRANCHES] = tally->branches;
	v[NPU_COUNTER_TILE_FP] = tally->fp;
	v[NPU_COUNTER_STALL_MEMORY] = tally->stall_memory;
	v[NPU_COUNTER_STALL_EXEC] = tally->stall_exec;
	v[NPU_COUNTER_STALL_VECTOR] = tally->stall_vector;
	v[NPU_COUNTER_TLB_MISSES] += tally->tlb_misses;
	v[NPU_COUNTER_TLB_CYCLES] = tally->tlb_cycles;
	v[NPU_COUNTER_WORKGROUPS] = workgroups;
	v[NPU_COUNTER_VECTOR_OPS] = tally->vector;
	v[NPU_COUNTER_VECTOR_BYTES] = tally->vector_bytes;
	v[NPU_COUNTER_VECTOR_SRAM] = tally->vector_sram;
	v[NPU_COUNTER_VECTOR_REMOTE] = tally->vector_remote;
}

uint64_t tile_close(struct npu_tile *tile)
{
	struct rv_tally tally;

	if (tile->fresh)
		return 0;
	rv_take_tally(&tile->hart, &tally);
	tile_count(&tally, tile->workgroups, &tile->counters);
	return tally.cycles;
}

bool tile_share_valid(const struct npu_dev *dev, const struct tile_share *share)
{
	uint64_t groups = 1;

	if (share->queue >= dev->queues || share->as >= NPU_MAX_AS || share->entry & 1 ||
	    !share->sharers || share->sharers > dev->tiles)
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

bool tile_can_go(const struct npu_tile *tile)
{
	return tile->engine.status == NPU_SOC_IDLE && tile_share_valid(tile->dev, &tile->next);
}

static void latch_share(struct npu_tile *tile)
{
	tile->share = tile->next;
	tile->workgroups = 0;
	tile->core_own = false;
	memset(&tile->fault, 0, sizeof(tile->fault));
	memset(&tile->counters, 0, sizeof(tile->counters));
}

void tile_refuse(struct npu_tile *tile)
{
	/* The front end made sure of this: nothing that can be charged to a queue. */
	latch_share(tile);
	tile->fault.error = NPU_JOB_HW_ERROR;
	tile->fault.access = NPU_ACCESS_NONE;
	tile->engine.status = NPU_SOC_FAULT;
	tile->dev->tile_events |= 1ull << tile->number;
}

void tile_go(struct npu_tile *tile)
{
	if (tile->engine.status != NPU_SOC_IDLE || gang_holds(tile))
		return;
	if (tile_can_go(tile))
		tile_go_gang(tile, 0);
	else
		tile_refuse(tile);
}

void tile_go_gang(struct npu_tile *tile, uint64_t gang)
{
	struct npu_dev *dev = tile->dev;

	/* What is kept of the queue is of a packet before this one. */
	tile_drop(tile, tile->next.queue);
	latch_share(tile);
	tile->since = 0;
	tile->reached = 0;
	__atomic_store_n(&tile->yield_at, UINT64_MAX, __ATOMIC_RELAXED);
	tile->share.life = dev->acct.queue[tile->share.queue].generation;
	tile->share.gang = gang;
	tile->sram_ready = false;
	tile->fresh = true;
	tile->engine.queue = tile->share.queue;
	tile->engine.as = tile->share.as;
	engine_go(dev, &tile->engine, ACCT_TILES);
	if (dev->pmu.active)
		tile_perf_go(tile);
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
	pthread_mutex_init(&tile->sram_lock, NULL);
	if (rv_init(&tile->hart, &tile_env, tile, RV_MODE_USER) < 0) {
		pthread_mutex_destroy(&tile->sram_lock);
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
	tile->semaphore = gang_semaphores_new(dev);
	tile->kept = calloc(dev->queues, sizeof(*tile->kept));
	if (!tile->sram || !tile->dirty || !tile->semaphore || !tile->kept) {
		tile_free(tile);
		return NULL;
	}
	memset(tile->sram, 0, tile->sram_size);
	tile->mover.dev = dev;
	tile->mover.core = number;
	tile->mover.attention = &tile->engine.attention;
	tile->mover.sram = tile->sram;
	tile->mover.sram_size = tile->sram_size;
	tile->mover.touched = tile_sram_touched;
	tile->mover.opaque = tile;
	return tile;
}

void tile_free(struct npu_tile *tile)
{
	if (!tile)
		return;
	rv_fini(&tile->hart);
	tile_perf_free(tile);
	pthread_mutex_destroy(&tile->sram_lock);
	for (unsigned int q = 0; tile->kept && q < tile->dev->queues; q++)
		free(tile->kept[q]);
	free(tile->kept);
	free(tile->semaphore);
	free(tile->sram);
	free(tile->dirty);
	free(tile);
}

void tile_cmd_reset(struct npu_tile *tile)
{
	struct npu_engine *engine = &tile->engine;

	if (engine->status != NPU_SOC_BUSY) {
		tile->spoilt = true;
		return;
	}
	engine->spoil = true;
	if (engine->hung == 1)
		engine_finish(tile->dev, engine, NPU_SOC_STOPPED);
	else
		engine_stop(tile->dev, engine);
}

void tile_reset(struct npu_tile *tile)
{
	engine_reset(&tile->engine);
	for (unsigned int q = 0; q < tile->dev->queues; q++) {
		free(tile->kept[q]);
		tile->kept[q] = NULL;
	}
	tile->since = 0;
	tile->reached = 0;
	tile->yield_at = UINT64_MAX;
	tile_sram_scrub(tile);
	tile_perf_reset(tile);
	tile->owned = false;
	tile->spoilt = false;
	memset(&tile->next, 0, sizeof(tile->next));
	memset(&tile->share, 0, sizeof(tile->share));
	tile->waits = 0;
	memset(&tile->fault, 0, sizeof(tile->fault));
	tile->workgroups = 0;
	tile->fresh = false;
	tile->core_own = false;
	tile->regno = 0;
}
