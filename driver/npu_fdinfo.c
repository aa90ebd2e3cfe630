// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: fdinfo, as Documentation/gpu/drm-usage-stats has it
 *
 * Use of engines comes from the counter block of each queue, which the device
 * writes when a job ends. Nothing is done then: what has been counted since the last
 * look is added up when somebody reads, and before a block is cleared or given
 * back. So it costs a job nothing, and a queue that is gone stays in the sum.
 *
 * Of a job that runs the firmware says with each heartbeat how far the engines are. That is told in
 * advance, and taken off when the counters have it: the sum is that of the counters
 * in the end. A job that a reset takes stays in it with what was told.
 *
 * The device's numbers are taken as differences. What goes backwards is ignored,
 * no engine works longer than its queue's work took, jobs that run get on no faster than can be
 * believed, and sums stop at their highest value: whatever a device writes, nothing that is told
 * goes down.
 *
 * Rejected: telling of a job when it has ended. Of a long one tools would see nothing, and then
 * all of it at once.
 *
 * Rejected: asking the firmware when somebody reads. A device that sleeps would be woken, one that
 * is being reset waited for, and every look of a tool would cost the firmware time.
 *
 * Rejected: drm_show_memory_stats(). It leaves out a key if the file has no such object, which
 * tools take for one that is not supported.
 */
#include <linux/dma-resv.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "npu_compat.h"
#include "npu_fdinfo.h"
#include "npu_hw.h"
#include "npu_queue.h"

/*
 * How much faster than the clock on the wall the modelled one of a job may seem to run. That of an
 * emulated device does: what it models as a wait for memory is none here.
 */
#define NPU_USAGE_PACE 1000
/* Who looks less often is told as if so much had passed; with it no product below overflows. */
#define NPU_USAGE_MAX_NS (60ull * NSEC_PER_SEC)

static const char * const npu_engine_names[NPU_ENGINES] = {
	[NPU_ENGINE_TILE] = "tile",
	[NPU_ENGINE_COPY] = "copy",
};

static const enum npu_counter npu_engine_counters[NPU_ENGINES] = {
	[NPU_ENGINE_TILE] = NPU_COUNTER_TILE_CYCLES,
	[NPU_ENGINE_COPY] = NPU_COUNTER_COPY_CYCLES,
};

static u32 npu_engine_capacity(const struct npu_device *npu, enum npu_engine engine)
{
	if (engine == NPU_ENGINE_TILE)
		return max(npu_tiles(npu), 1);
	return 1;
}

/**
 * npu_usage_create() - make the usage of a new file
 *
 * Return: usage that is all zero, with a reference for the caller, or NULL.
 */
struct npu_usage *npu_usage_create(void)
{
	struct npu_usage *usage = kzalloc_obj(*usage, GFP_KERNEL_ACCOUNT);

	if (!usage)
		return NULL;
	kref_init(&usage->kref);
	spin_lock_init(&usage->lock);
	return usage;
}

/**
 * npu_usage_get() - take a reference
 * @usage: usage that the caller has one of
 *
 * Return: @usage.
 */
struct npu_usage *npu_usage_get(struct npu_usage *usage)
{
	kref_get(&usage->kref);
	return usage;
}

static void npu_usage_free(struct kref *kref)
{
	kfree(container_of(kref, struct npu_usage, kref));
}

/**
 * npu_usage_put() - drop a reference
 * @usage: usage, or NULL
 */
void npu_usage_put(struct npu_usage *usage)
{
	if (usage)
		kref_put(&usage->kref, npu_usage_free);
}

/* How far a counter has come; nothing if it went backwards, which none does. */
static u64 npu_usage_step(u64 now, u64 before)
{
	return now > before ? now - before : 0;
}

static u64 npu_usage_sum(u64 a, u64 b)
{
	u64 sum;

	return check_add_overflow(a, b, &sum) ? U64_MAX : sum;
}

/*
 * Time of an engine that worked so many of a queue's cycles, which took that time in all. Its
 * cycles are less than twice NPU_MAX_TILES times the queue's.
 */
static u64 npu_usage_time(u64 worked, u64 cycles, u64 time)
{
	u64 product;

	/* The quotient fits, or else, after 20 hours, a few digits do. */
	if (!(time >> 56))
		return mul_u64_u64_div_u64(worked, time, cycles);
	return check_mul_overflow(div64_u64(time, cycles), worked, &product) ? U64_MAX : product;
}

/* Tells what is used, of which so much was told in advance. */
static void npu_usage_tell(u64 *told, u64 *ahead, u64 used)
{
	const u64 before = min(*ahead, used);

	*ahead -= before;
	*told = npu_usage_sum(*told, used - before);
}

/* Tells in advance as much as is known by now, within limits. */
static void npu_usage_tell_ahead(u64 *told, u64 *ahead, u64 known, u64 limit)
{
	const u64 more = min(npu_usage_step(known, *ahead), limit);

	*ahead += more;
	*told = npu_usage_sum(*told, more);
}

/* Adds what jobs have used that have ended. */
static void npu_usage_add_ended(struct npu_queue *queue)
{
	struct npu_queue_usage *seen = &queue->usage;
	const u64 *value = queue->mem->counters.value;
	u64 cycles, time;
	u32 i;

	cycles = npu_usage_step(READ_ONCE(value[NPU_COUNTER_CYCLES]), seen->cycles);
	time = npu_usage_step(READ_ONCE(value[NPU_COUNTER_TIME]), seen->time);
	/* No job has ended since, or the block is being written: the next look finds it. */
	if (!cycles || !time)
		return;
	seen->cycles += cycles;
	seen->time += time;
	guard(spinlock)(&seen->file->lock);
	for (i = 0; i < NPU_ENGINES; i++) {
		const u32 capacity = npu_engine_capacity(queue->npu, i);
		u64 now = READ_ONCE(value[npu_engine_counters[i]]);
		u64 worked = npu_usage_step(now, seen->engine[i]);
		u64 ps;

		seen->engine[i] += worked;
		if (div_u64(worked, capacity) > cycles)
			worked = cycles * capacity;
		ps = npu_usage_sum(npu_usage_time(worked, cycles, time), seen->rest[i]);
		npu_usage_tell(&seen->file->ns[i], &seen->ahead_ns[i],
			       div_u64_rem(ps, 1000, &seen->rest[i]));
		npu_usage_tell(&seen->file->cycles[i], &seen->ahead[i], worked);
	}
}

/* Length of a cycle of the job that runs, rounded down, ps; 0: not known. */
static u64 npu_usage_period(const struct npu_queue *queue)
{
	const struct npu_queue_wb *wb = &queue->mem->wb;
	u64 clock, time, cycles;

	clock = READ_ONCE(wb->clock);
	dma_rmb();
	time = READ_ONCE(wb->time);
	dma_rmb();
	/* Written in this order: with a clock that stays, time is its own, or older. */
	if (clock != READ_ONCE(wb->clock))
		return 0;
	cycles = npu_usage_step(clock, queue->usage.cycles);
	return cycles ? div64_u64(npu_usage_step(time, queue->usage.time), cycles) : 0;
}

/*
 * Adds what the job that runs has used. The clock of a queue waits for whole shares, and so is
 * behind the engines', but it tells how long a cycle is.
 */
static void npu_usage_add_running(struct npu_queue *queue)
{
	const struct npu_counter_block *block = &queue->mem->counters;
	struct npu_queue_usage *seen = &queue->usage;
	const u64 now = ktime_get_ns();
	u64 limit_ns, period, engine[NPU_ENGINES];
	u32 i;

	limit_ns = min_t(u64, npu_usage_step(now, seen->looked), NPU_USAGE_MAX_NS) * NPU_USAGE_PACE;
	seen->looked = now;
	engine[NPU_ENGINE_TILE] = READ_ONCE(block->tile_now);
	engine[NPU_ENGINE_COPY] = READ_ONCE(block->copy_now);
	/* The clock may be of later, not of earlier. */
	dma_rmb();
	period = npu_usage_period(queue);
	if (!period)
		return;
	guard(spinlock)(&seen->file->lock);
	for (i = 0; i < NPU_ENGINES; i++) {
		const u64 limit = limit_ns * npu_engine_capacity(queue->npu, i);
		u64 ps;

		npu_usage_tell_ahead(&seen->file->cycles[i], &seen->ahead[i],
				     npu_usage_step(engine[i], seen->engine[i]),
				     div_u64(limit, NSEC_PER_MSEC) * queue->npu->caps.clock_khz);
		if (check_mul_overflow(seen->ahead[i], period, &ps))
			ps = U64_MAX;
		npu_usage_tell_ahead(&seen->file->ns[i], &seen->ahead_ns[i], div_u64(ps, 1000),
				     limit);
	}
}

/**
 * npu_usage_add() - add what a queue has used since the last time
 * @queue: queue, locked
 *
 * May be called at any time, and has to be before the counters go.
 */
void npu_usage_add(struct npu_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	if (!queue->mem)
		return;
	npu_usage_add_ended(queue);
	/* What has ended by now is in one of the two. */
	dma_rmb();
	npu_usage_add_running(queue);
}

/**
 * npu_usage_restart() - the counters of a queue start at zero
 * @queue: queue, locked, whose memory is about to be cleared
 */
void npu_usage_restart(struct npu_queue *queue)
{
	struct npu_queue_usage *seen = &queue->usage;

	npu_usage_add(queue);
	seen->cycles = 0;
	seen->time = 0;
	memset(seen->engine, 0, sizeof(seen->engine));
	/* What was told stays so, and no counter will ever have it. */
	memset(seen->ahead, 0, sizeof(seen->ahead));
	memset(seen->ahead_ns, 0, sizeof(seen->ahead_ns));
	seen->looked = ktime_get_ns();
}

/* Has what the queues of a file have used until now added. */
static void npu_usage_collect(struct npu_file *nfile)
{
	struct npu_device *npu = nfile->npu;
	struct npu_queue *queue;
	u32 i;

	for (i = 0; i < npu->caps.queues; i++) {
		queue = npu_queue_get_slot(npu, i);
		if (!queue)
			continue;
		if (queue->usage.file == nfile->usage) {
			guard(spinlock_irqsave)(&queue->lock);
			npu_usage_add(queue);
		}
		npu_queue_put(queue);
	}
}

/* Clock that the tiles run at now, kHz, or 0: it cannot be told without waiting for it. */
static u32 npu_fdinfo_clock(struct npu_device *npu)
{
	u32 khz = 0;

	/* Operating points came with 1.6. */
	if ((npu->caps.hw_version & 0xffff) < 6)
		return npu->caps.clock_khz;
	if (!down_read_trylock(&npu->hw_sem))
		return 0;
	if (npu->hw_state == NPU_HW_UP)
		khz = npu_read32(npu, NPU_REG_OPP_KHZ);
	up_read(&npu->hw_sem);
	return khz <= npu->caps.clock_khz ? khz : 0;
}

static void npu_fdinfo_engines(struct drm_printer *p, struct npu_file *nfile)
{
	struct npu_device *npu = nfile->npu;
	u64 cycles[NPU_ENGINES], ns[NPU_ENGINES];
	u32 i, khz;

	npu_usage_collect(nfile);
	scoped_guard(spinlock_irqsave, &nfile->usage->lock) {
		memcpy(cycles, nfile->usage->cycles, sizeof(cycles));
		memcpy(ns, nfile->usage->ns, sizeof(ns));
	}
	khz = npu_fdinfo_clock(npu);
	for (i = 0; i < NPU_ENGINES; i++) {
		const char *name = npu_engine_names[i];

		drm_printf(p, "drm-engine-%s:\t%llu ns\n", name, ns[i]);
		drm_printf(p, "drm-engine-capacity-%s:\t%u\n", name, npu_engine_capacity(npu, i));
		drm_printf(p, "drm-cycles-%s:\t%llu\n", name, cycles[i]);
		drm_printf(p, "drm-maxfreq-%s:\t%u KHz\n", name, npu->caps.clock_khz);
		if (khz)
			drm_printf(p, "drm-curfreq-%s:\t%u KHz\n", name, khz);
	}
}

/* As drm_show_memory_stats() counts, but with every key there is. */
static void npu_fdinfo_memory(struct drm_printer *p, struct drm_file *file)
{
	struct drm_memory_stats stats = {};
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		enum drm_gem_object_status status = obj->funcs->status(obj);

		if (drm_gem_object_is_shared_for_memory_stats(obj))
			stats.shared += obj->size;
		else
			stats.private += obj->size;
		if (status & DRM_GEM_OBJECT_RESIDENT)
			stats.resident += obj->size;
		if (!dma_resv_test_signaled(obj->resv, dma_resv_usage_rw(true)))
			stats.active += obj->size;
		else if ((status & DRM_GEM_OBJECT_RESIDENT) && (status & DRM_GEM_OBJECT_PURGEABLE))
			stats.purgeable += obj->size;
	}
	spin_unlock(&file->table_lock);
	drm_print_memory_stats(p, &stats, NPU_MEMORY_STATS, "memory");
}

/**
 * npu_show_fdinfo() - tell what a file uses
 * @p: printer of its fdinfo
 * @file: file
 */
void npu_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	npu_fdinfo_engines(p, file->driver_priv);
	npu_fdinfo_memory(p, file);
}
