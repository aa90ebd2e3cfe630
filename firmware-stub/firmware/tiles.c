// SPDX-License-Identifier: MIT
/*
 * Tiles. A grid is cut into strided shares, one per tile: tile t runs the
 * workgroups t, t + n, t + 2n ... of n tiles. The cut depends on the grid and
 * the number of tiles and on nothing else, so the modelled time of a DISPATCH
 * is the same in every run. A gang has a tile for each workgroup: the same cut gives one to each, and the
 * hardware starts them together. There is no more to it here, as a DISPATCH gets all tiles or none.
 *
 * Time slices: when somebody waits for the tiles, each share yields at the end of a workgroup, after the time that
 * sched.c says. When all shares have ended or yielded, the tiles are free for the next queue, and that of the
 * shares goes on as these are when it is its turn again. The tile keeps what a share needs for that,
 * so the cut and all modelled figures stay as if nobody else were there. Gangs have one workgroup on each tile, and
 * so stay together.
 */
#include "tiles.h"

#include <stddef.h>

#include "npu_counters.h"

#include "account.h"
#include "bits.h"
#include "bytes.h"
#include "front.h"
#include "log.h"
#include "outbox.h"
#include "panic.h"
#include "perf.h"
#include "queue.h"
#include "soc.h"

/*
 * A tile heeds STOP at once; one that has not after this time hangs, and is reset. Long enough for a
 * busy machine, and short enough that the host, which waits for the end, does not give up.
 */
#define STOP_PATIENCE_NS 1000000000ull

/* What a tile's registers hold. All 0 after reset, and nobody else writes them. */
struct share {
	uint64_t entry, args;
	uint32_t queue, as, grid[3], count, sharers;
};

static struct {
	unsigned int count;
	struct share share[NPU_MAX_TILES];
	struct queue *owner; /* whose DISPATCH runs; NULL: nobody's */
	uint64_t busy; /* bit per tile whose share has not ended */
	uint64_t retired; /* workgroups of shares that have ended */
	uint64_t kept; /* bit per tile whose share has yielded */
	uint64_t kept_retired; /* workgroups of those */
	uint64_t kept_cycles; /* that those have run */
	bool contended; /* somebody has waited for the tiles, from when .before was noted */
	uint64_t before[NPU_MAX_TILES]; /* what each share had run by then, cycles */
	uint64_t ran; /* longest that a share has run since, cycles */
	bool resumed; /* the shares are not those of the registers */
	uint64_t stop_time; /* when they were told to stop, ns; 0: they were not */
	uint64_t reset; /* bit per tile that did not heed that and was reset */
	bool failed; /* .fault is valid */
	struct queue_fault fault;
	struct npu_core_state state __attribute__((aligned(8))); /* what .fault.state points to */
} tiles;

static uint32_t read32(unsigned int tile, unsigned long reg)
{
	return *(volatile uint32_t *)(NPU_SOC_TILE(tile) + reg);
}

static uint64_t read64(unsigned int tile, unsigned long reg)
{
	return *(volatile uint64_t *)(NPU_SOC_TILE(tile) + reg);
}

static void write32(unsigned int tile, unsigned long reg, uint32_t value)
{
	*(volatile uint32_t *)(NPU_SOC_TILE(tile) + reg) = value;
}

static void write64(unsigned int tile, unsigned long reg, uint64_t value)
{
	*(volatile uint64_t *)(NPU_SOC_TILE(tile) + reg) = value;
}

/* Write a register that does not hold the value yet: a kernel is often run many times in a row. */
static void set32(unsigned int tile, unsigned long reg, uint32_t *held, uint32_t value)
{
	if (*held == value)
		return;
	write32(tile, reg, value);
	*held = value;
}

static void set64(unsigned int tile, unsigned long reg, uint64_t *held, uint64_t value)
{
	if (*held == value)
		return;
	write64(tile, reg, value);
	*held = value;
}

void tiles_init(void)
{
	tiles.count = soc_read32(NPU_SOC_TOPOLOGY) & 0xff;
	fw_assert(tiles.count >= 1 && tiles.count <= NPU_MAX_TILES);
	for (unsigned int t = 0; t < tiles.count; t++) {
		write32(t, NPU_TILE_WG_FIRST, t);
		write32(t, NPU_TILE_WG_STRIDE, tiles.count);
	}
}

unsigned int tiles_count(void)
{
	return tiles.count;
}

bool tiles_free(void)
{
	return !tiles.owner;
}

void tiles_share_time(void)
{
	uint64_t slice, rest = tiles.busy;
	unsigned int t;

	if (!tiles.owner || !rest)
		return;
	slice = sched_slice(&sched, tiles.owner->id, tiles.owner->desc.priority);
	if (slice == SCHED_FOREVER)
		return;
	trace(SLICE, tiles.owner->id, tiles.owner->wb.started, slice);
	for_each_bit (t, rest) {
		uint64_t end;

		/* Time that nobody else wanted is free. */
		if (!tiles.contended)
			tiles.before[t] = read64(t, NPU_TILE_RAN);
		end = slice ? tiles.before[t] + slice : 0;
		write32(t, NPU_TILE_SLICE, end < UINT32_MAX ? (uint32_t)end : UINT32_MAX);
	}
	tiles.contended = true;
}

static void begin(struct queue *queue, uint64_t busy)
{
	fw_assert(!tiles.owner);
	queue_begin(queue);
	queue->where = QUEUE_ON_TILES;
	tiles.owner = queue;
	tiles.busy = busy;
	tiles.retired = 0;
	tiles.kept = 0;
	tiles.kept_retired = 0;
	tiles.kept_cycles = 0;
	tiles.contended = false;
	tiles.ran = 0;
	tiles.resumed = false;
	tiles.stop_time = 0;
	tiles.reset = 0;
	tiles.failed = false;
}

static void command_kept(const struct queue *queue, enum npu_soc_cmd cmd)
{
	uint64_t rest = queue->kept;
	unsigned int t;

	for_each_bit (t, rest) {
		set32(t, NPU_TILE_QUEUE, &tiles.share[t].queue, queue->id);
		write32(t, NPU_TILE_CMD, cmd);
	}
}

static void go_on(struct queue *queue)
{
	begin(queue, queue->kept);
	tiles.retired = queue->ended_retired;
	tiles.resumed = true;
	trace(RESUME, queue->id, queue->wb.started, queue->kept,
	      queue->ended_retired + queue->kept_retired);
	command_kept(queue, NPU_SOC_CMD_RESUME);
	queue->kept = 0;
}

void tiles_drop(struct queue *queue)
{
	command_kept(queue, NPU_SOC_CMD_DROP);
	queue->kept = 0;
}

static void start(struct queue *queue)
{
	const struct npu_pkt_dispatch *packet = &front_packet(queue)->dispatch;
	uint64_t groups = (uint64_t)packet->grid[0] * packet->grid[1] * packet->grid[2];
	bool gang = packet->hdr.flags & NPU_DISPATCH_GANG;
	unsigned int used = groups < tiles.count ? (unsigned int)groups : tiles.count;

	begin(queue, used == 64 ? ~0ull : (1ull << used) - 1);
	perf_packet(queue);
	account_begin(queue->id, NPU_PKT_DISPATCH);
	trace(DISPATCH_BEGIN, queue->id, queue->wb.started, packet->hdr.id, packet->entry, groups,
	      used);
	for (unsigned int t = 0; t < used; t++) {
		struct share *share = &tiles.share[t];

		set32(t, NPU_TILE_QUEUE, &share->queue, queue->id);
		set32(t, NPU_TILE_AS, &share->as, queue->as_id);
		set64(t, NPU_TILE_ENTRY, &share->entry, packet->entry);
		set64(t, NPU_TILE_ARGS, &share->args, packet->args);
		set32(t, NPU_TILE_GRID_X, &share->grid[0], packet->grid[0]);
		set32(t, NPU_TILE_GRID_Y, &share->grid[1], packet->grid[1]);
		set32(t, NPU_TILE_GRID_Z, &share->grid[2], packet->grid[2]);
		set32(t, NPU_TILE_WG_COUNT, &share->count,
		      (uint32_t)((groups - t + tiles.count - 1) / tiles.count));
		set32(t, NPU_TILE_SHARERS, &share->sharers, used);
		if (!gang)
			write32(t, NPU_TILE_CMD, NPU_SOC_CMD_GO);
	}
	if (gang) {
		soc_write64(NPU_SOC_GANG_TILES, tiles.busy);
		soc_write32(NPU_SOC_GANG_CMD, NPU_SOC_CMD_GO);
	}
}

void tiles_start(struct queue *queue)
{
	if (queue->kept)
		go_on(queue);
	else
		start(queue);
	tiles_share_time();
}

void tiles_stop(void)
{
	uint64_t rest = tiles.busy;
	unsigned int t;

	for_each_bit (t, rest)
		write32(t, NPU_TILE_CMD, NPU_SOC_CMD_STOP);
	if (!tiles.stop_time)
		tiles.stop_time = soc_read64(NPU_SOC_TIME);
}

void tiles_tick(void)
{
	uint64_t rest = tiles.busy & ~tiles.reset;
	unsigned int t;

	if (!tiles.owner || !tiles.stop_time || !rest ||
	    soc_read64(NPU_SOC_TIME) - tiles.stop_time < STOP_PATIENCE_NS)
		return;
	tiles.reset |= rest;
	log_puts("tiles do not stop and are reset: ");
	log_hex(rest);
	log_end(NPU_LOG_LEVEL_WARNING, tiles.owner->id);
	trace(TILE_RESET, tiles.owner->id, tiles.owner->wb.started, rest);
	outbox_tile_reset(tiles.owner, rest);
	for_each_bit (t, rest)
		write32(t, NPU_TILE_CMD, NPU_SOC_CMD_RESET);
}

static uint64_t core_reg(unsigned int tile, uint32_t regno)
{
	write32(tile, NPU_TILE_REGNO, regno);
	return read64(tile, NPU_TILE_REG);
}

/* The registers of a tile that stands, to .state; false: its core has done nothing for the share yet. */
static bool note_state(unsigned int t, uint64_t seqno, uint32_t workgroup)
{
	struct npu_core_state *state = &tiles.state;

	memset(state, 0, sizeof(*state));
	/* The start of a workgroup takes time. */
	state->cycle = core_reg(t, NPU_REGNO_CYCLE);
	if (!state->cycle)
		return false;
	state->flags = NPU_CORE_STATE_VALID;
	state->core = t;
	state->seqno = seqno;
	state->workgroup = workgroup;
	state->pc = core_reg(t, NPU_REGNO_DPC);
	for (unsigned int i = 0; i < 32; i++) {
		state->x[i] = core_reg(t, NPU_REGNO_X(i));
		state->f[i] = core_reg(t, NPU_REGNO_F(i));
	}
	state->instret = core_reg(t, NPU_REGNO_INSTRET);
	state->vtype = core_reg(t, NPU_REGNO_VTYPE);
	state->vl = (uint32_t)core_reg(t, NPU_REGNO_VL);
	state->vstart = (uint32_t)core_reg(t, NPU_REGNO_VSTART);
	state->vlenb = (uint32_t)core_reg(t, NPU_REGNO_VLENB);
	state->fcsr = (uint32_t)core_reg(t, NPU_REGNO_FCSR);
	state->vcsr = (uint32_t)core_reg(t, NPU_REGNO_VCSR);
	return true;
}

/*
 * Several tiles may have failed before the others could be stopped: what gets
 * reported is the failure of the lowest workgroup among them. Which of them had
 * got that far depends on the host's timing. Where a tile stood when it was
 * stopped is worth a report only if none has failed.
 */
static void note_fault(unsigned int t, enum npu_job_error error)
{
	uint32_t workgroup = read32(t, NPU_TILE_FAULT_WG);

	if (tiles.failed) {
		bool stopped = error == NPU_JOB_STOPPED;
		bool stopped_before = tiles.fault.error == NPU_JOB_STOPPED;

		if (stopped == stopped_before ? tiles.fault.workgroup <= workgroup : stopped)
			return;
	}
	tiles.fault = (struct queue_fault){
		.error = error,
		.access = read32(t, NPU_TILE_FAULT_ACCESS),
		.core = (uint16_t)t,
		.seqno = tiles.owner->wb.started,
		.addr = read64(t, NPU_TILE_FAULT_ADDR),
		.pc = read64(t, NPU_TILE_FAULT_PC),
		.packet = tiles.owner->packet_va,
		.workgroup = workgroup,
	};
	if (tiles.owner->desc.core_state && note_state(t, tiles.fault.seqno, workgroup))
		tiles.fault.state = &tiles.state;
	tiles.failed = true;
}

/* The last share has ended or yielded. */
static void finish(void)
{
	struct queue *queue = tiles.owner;

	tiles.owner = NULL;
	queue->kept = tiles.kept;
	/* Who is over owes nobody anything. */
	if (tiles.contended && !tiles.failed && !queue->stopping)
		sched_charge(&sched, queue->id, queue->desc.priority, tiles.ran);
	if (queue->kept && !tiles.failed && !queue->stopping) {
		queue->ended_retired = tiles.retired;
		queue->kept_retired = tiles.kept_retired;
		queue->kept_cycles = tiles.kept_cycles;
		trace(YIELD, queue->id, queue->wb.started, queue->kept,
		      tiles.retired + tiles.kept_retired, tiles.ran);
		queue_wait(queue, SCHED_TILES);
		return;
	}
	tiles_drop(queue);
	trace(DISPATCH_END, queue->id, queue->wb.started, front_packet(queue)->hdr.id,
	      tiles.failed ? tiles.fault.error : queue->stopping ? NPU_JOB_STOPPED : NPU_JOB_OK,
	      tiles.retired + tiles.kept_retired);
	queue->wb.progress += tiles.retired + tiles.kept_retired;
	if (tiles.failed) {
		queue_fail(queue, &tiles.fault);
	} else if (queue->stopping) {
		queue_stopped(queue);
	} else {
		front_packet_done(queue);
		queue_wait(queue, SCHED_FRONT);
	}
}

void tiles_event(void)
{
	uint64_t events = soc_read64(NPU_SOC_TILE_EVENTS), rest;
	bool failed_before = tiles.failed;
	unsigned int t;

	soc_write64(NPU_SOC_TILE_EVENTS, events);
	rest = events & tiles.busy;
	if (!rest)
		return;
	for_each_bit (t, rest) {
		uint32_t status = read32(t, NPU_TILE_STATUS);

		if (status == NPU_SOC_BUSY)
			continue; /* spurious */
		if (status == NPU_SOC_FAULT) {
			enum npu_job_error error = read32(t, NPU_TILE_FAULT_ERROR);

			note_fault(t, error > NPU_JOB_OK && error < NPU_JOB_ERROR_COUNT ?
					      error :
					      NPU_JOB_HW_ERROR);
		} else if (status == NPU_SOC_STOPPED && tiles.reset & 1ull << t) {
			/* It hung, and that is not the kernel's doing. */
			note_fault(t, NPU_JOB_HW_ERROR);
		} else if (status == NPU_SOC_STOPPED && tiles.owner->stopping) {
			note_fault(t, NPU_JOB_STOPPED);
		} else if (status == NPU_SOC_YIELDED) {
			tiles.kept |= 1ull << t;
			tiles.kept_cycles += read64(t, NPU_TILE_CYCLES);
		} else if (status != NPU_SOC_DONE && !(status == NPU_SOC_STOPPED && tiles.failed)) {
			/* Stopped, or idle, though nobody told it to be. */
			note_fault(t, NPU_JOB_HW_ERROR);
		}
		if (status == NPU_SOC_YIELDED)
			tiles.kept_retired += read32(t, NPU_TILE_WG_DONE);
		else if (status == NPU_SOC_DONE && !tiles.resumed)
			tiles.retired += tiles.share[t].count;
		else
			tiles.retired += read32(t, NPU_TILE_WG_DONE);
		if (tiles.contended) {
			uint64_t ran = read64(t, NPU_TILE_RAN) - tiles.before[t];

			if (ran > tiles.ran)
				tiles.ran = ran;
		}
		tiles.busy &= ~(1ull << t);
		write32(t, NPU_TILE_STATUS, 0);
	}
	if (!tiles.busy)
		finish();
	else if (tiles.failed && !failed_before)
		tiles_stop();
}

uint64_t tiles_retired(void)
{
	uint64_t retired = tiles.retired + tiles.kept_retired, rest = tiles.busy;
	unsigned int t;

	for_each_bit (t, rest)
		retired += read32(t, NPU_TILE_WG_DONE);
	return retired;
}

void tiles_snapshot(const struct queue *queue, struct npu_counter_block *block)
{
	static uint64_t cycles[NPU_MAX_TILES];
	const bool runs = tiles.owner == queue;
	const uint64_t busy = runs ? tiles.busy : 0;
	uint64_t rest = busy;
	unsigned int t;

	for_each_bit (t, rest)
		cycles[t] = read64(t, NPU_TILE_CYCLES);
	account_snapshot(queue->id, block);
	rest = busy;
	for_each_bit (t, rest) {
		/* A share that has ended meanwhile may be in the snapshot already. */
		if (read32(t, NPU_TILE_STATUS) == NPU_SOC_BUSY)
			block->value[NPU_COUNTER_TILE_CYCLES] += cycles[t];
	}
	if (runs)
		block->value[NPU_COUNTER_TILE_CYCLES] += tiles.kept_cycles;
	else if (queue->kept)
		block->value[NPU_COUNTER_TILE_CYCLES] += queue->kept_cycles;
}

void tiles_halt(void)
{
	tiles_stop();
}
