/* SPDX-License-Identifier: MIT */
/* Life of a device: making, lock, reset. */
#include "dev.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* About 50 us of host work: what waking a worker costs. */
#define DEFAULT_INLINE_BUDGET 32768

void npu_config_init(struct npu_config *config)
{
	*config = (struct npu_config){
		.chiplets = 2,
		.tiles_per_chiplet = 2,
		.vlen = 2048,
		.sram_kib = 1024,
		.threads = 0,
		.queues = NPU_MAX_QUEUES,
		.inline_budget = DEFAULT_INLINE_BUDGET,
		.matrix_path = "auto",
	};
}

/* ---- lock --------------------------------------------------------------------------------- */

void dev_lock_fair(struct npu_dev *dev)
{
	pthread_mutex_lock(&dev->gate);
	pthread_mutex_lock(&dev->lock);
	pthread_mutex_unlock(&dev->gate);
}

void dev_lock(struct npu_dev *dev)
{
	if (pthread_mutex_trylock(&dev->lock))
		dev_lock_fair(dev);
}

/*
 * When the host's timer has to fire; UINT64_MAX: never. Not again for a deadline that the core has
 * been told of: it may take its time to set another, or never do.
 */
static uint64_t timer_wanted(const struct npu_dev *dev)
{
	uint64_t wanted = dev->fault.storm_due;

	if (dev->paused)
		return UINT64_MAX;
	if (dev->soc.state == SOC_ON && !dev->soc.timer_due && dev->soc.timecmp < wanted &&
	    !fault_armed(&dev->fault, NPU_FAULT_HUNG_FIRMWARE))
		wanted = dev->soc.timecmp;
	return dev->pool.resume < wanted ? dev->pool.resume : wanted;
}

/*
 * Set the host's timer. Only one thread at a time does, so that an older deadline cannot overtake a
 * newer one; who finds it at work leaves the change to it. The timer is never
 * moved back: one that fires early finds nothing to do and is set anew.
 */
static void set_timer(struct npu_dev *dev)
{
	for (;;) {
		uint64_t deadline;

		dev_lock(dev);
		deadline = timer_wanted(dev);
		if (deadline >= dev->timer) {
			dev->timer_busy = false;
			if (dev->tell_waiters)
				pthread_cond_broadcast(&dev->quiet);
			pthread_mutex_unlock(&dev->lock);
			return;
		}
		dev->timer = deadline;
		pthread_mutex_unlock(&dev->lock);
		dev->ops->set_timer(dev->opaque, deadline);
	}
}

void dev_unlock(struct npu_dev *dev)
{
	uint32_t vectors = dev->vectors;
	unsigned int wake = dev->wake;
	const uint32_t events = dev->bus_events;
	const bool timer = !dev->timer_busy && timer_wanted(dev) < dev->timer;
	bool tell;

	/* Messages are writes: they do not get through a dead link. */
	if (dev->fault.link_dead)
		vectors = 0;
	tell = vectors || events;
	dev->vectors = 0;
	dev->wake = 0;
	dev->bus_events = 0;
	if (timer)
		dev->timer_busy = true;
	if (tell)
		__atomic_add_fetch(&dev->telling, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&dev->lock);

	while (wake--)
		pthread_cond_signal(&dev->pool.work);
	for (unsigned int vector = 0; vectors; vector++, vectors >>= 1)
		if (vectors & 1)
			dev->ops->irq(dev->opaque, vector);
	if (events && dev->ops->bus_event)
		dev->ops->bus_event(dev->opaque, events);
	/* In this order: who waits looks at them in the other one. */
	if (tell && !__atomic_sub_fetch(&dev->telling, 1, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&dev->tell_waiters, __ATOMIC_SEQ_CST)) {
		dev_lock(dev);
		pthread_cond_broadcast(&dev->quiet);
		pthread_mutex_unlock(&dev->lock);
	}
	if (timer)
		set_timer(dev);
}

void dev_wait_told(struct npu_dev *dev)
{
	__atomic_add_fetch(&dev->tell_waiters, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&dev->telling, __ATOMIC_SEQ_CST) || dev->timer_busy)
		pthread_cond_wait(&dev->quiet, &dev->lock);
	__atomic_sub_fetch(&dev->tell_waiters, 1, __ATOMIC_SEQ_CST);
}

/* ---- events ---------------------------------------------------------------------------------- */

void dev_raise(struct npu_dev *dev, unsigned int vector)
{
	if (!fault_strikes(dev, NPU_FAULT_LOST_INTERRUPT, vector))
		dev->vectors |= 1u << vector;
}

void dev_bus_event(struct npu_dev *dev, uint32_t events)
{
	dev->bus_events |= events;
}

void dev_event(struct npu_dev *dev, uint32_t bits)
{
	dev->regs.irq_status |= bits;
	if (bits & dev->regs.irq_enable)
		dev_raise(dev, NPU_VECTOR_EVENTS);
}

void dev_log(struct npu_dev *dev, enum npu_log_level level, const char *format, ...)
{
	char line[256];
	va_list args;

	if (!dev->ops->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dev->ops->log(dev->opaque, level, line);
}

/* ---- host pointers and translations ------------------------------------------------------ */

struct npu_engine *dev_engine(struct npu_dev *dev, unsigned int i)
{
	return i < dev->tiles ? &dev->tile[i]->engine : &dev->copy.engine;
}

void dev_invalidate(struct npu_dev *dev, unsigned int as)
{
	for (unsigned int i = 0; i < NPU_MAX_AS; i++)
		if (as == NPU_MAX_AS || as == i)
			dev->as_generation[i]++;
	/* Others compare generations when they are claimed. */
	for (unsigned int i = 0; i <= dev->tiles; i++) {
		struct npu_engine *engine = dev_engine(dev, i);

		if (!engine->running || (as != NPU_MAX_AS && engine->as != as))
			continue;
		engine->sync = true;
		engine_attention(engine);
	}
}

void dev_wait_sync(struct npu_dev *dev)
{
	for (unsigned int i = 0; i <= dev->tiles; i++)
		while (dev_engine(dev, i)->sync)
			pthread_cond_wait(&dev->quiet, &dev->lock);
}

void *dev_map(struct npu_dev *dev, uint64_t addr, size_t *len, bool write)
{
	if (npu_dev_link_dead(dev))
		return NULL;
	return dev->ops->dma_map(dev->opaque, addr, len, write);
}

void dev_sync_engines(struct npu_dev *dev)
{
	for (unsigned int i = 0; i <= dev->tiles; i++) {
		struct npu_engine *engine = dev_engine(dev, i);

		if (!engine->running)
			continue;
		engine->sync = true;
		engine_attention(engine);
	}
	dev_wait_sync(dev);
}

void npu_dev_flush_maps(struct npu_dev *dev)
{
	dev_lock(dev);
	dev->map_generation++;
	dev_sync_engines(dev);
	dev_unlock(dev);
}

void npu_dev_wait_tlb(struct npu_dev *dev)
{
	dev_lock(dev);
	dev_wait_sync(dev);
	dev_unlock(dev);
}

void npu_dev_wait_idle(struct npu_dev *dev)
{
	dev_lock(dev);
	for (;;) {
		if (!dev->resetting && !pool_busy(dev)) {
			dev_wait_told(dev);
			if (!dev->resetting && !pool_busy(dev))
				break;
		} else if (dev->config.sync && !dev->resetting && pool_ready(dev)) {
			pool_work(dev, dev->config.inline_budget);
		} else {
			pthread_cond_wait(&dev->quiet, &dev->lock);
		}
	}
	dev_unlock(dev);
}

/* ---- reset ------------------------------------------------------------------------------------ */

void dev_wait_reset(struct npu_dev *dev)
{
	while (dev->resetting)
		pthread_cond_wait(&dev->quiet, &dev->lock);
}

void npu_dev_reset(struct npu_dev *dev)
{
	dev_lock(dev);
	dev_wait_reset(dev); /* another one's */
	dev->resetting = true;
	for (unsigned int i = 0; i <= dev->tiles; i++)
		if (dev_engine(dev, i)->running)
			engine_attention(dev_engine(dev, i));
	for (unsigned int i = 0; i <= dev->tiles; i++)
		while (dev_engine(dev, i)->running)
			pthread_cond_wait(&dev->quiet, &dev->lock);
	/* Nothing of the time before comes after. */
	dev_wait_told(dev);

	memset(&dev->regs, 0, sizeof(dev->regs));
	dev->doorbells = 0;
	dev->tile_events = 0;
	dev->vectors = 0;
	soc_reset(&dev->soc);
	for (unsigned int i = 0; i < dev->tiles; i++)
		tile_reset(dev->tile[i]);
	copy_reset(&dev->copy);
	pmu_reset(dev);
	thermal_reset(dev);
	acct_reset(&dev->acct);
	power_reset(dev);
	fault_reset(dev);
	dev->next_tile = 0;
	dev->pool.resume = UINT64_MAX;
	dev->resetting = false;
	pthread_cond_broadcast(&dev->quiet);
	dev_unlock(dev);
}

/* ---- making and freeing --------------------------------------------------------------------- */

static const char *check_config(const struct npu_config *config)
{
	if (config->chiplets < 1 || config->chiplets > 8)
		return "chiplets must be 1 to 8";
	if (config->tiles_per_chiplet < 1 || config->tiles_per_chiplet > 8)
		return "tiles per chiplet must be 1 to 8";
	if (config->sram_kib < 64 || config->sram_kib > 16384 || config->sram_kib % 64)
		return "sram must be 64 to 16384 KiB, a multiple of 64";
	if (config->vlen < RV_VLEN_MIN || config->vlen > RV_VLEN_MAX ||
	    (config->vlen & (config->vlen - 1)))
		return "vlen must be a power of two from 128 to 16384";
	if (config->threads > 64)
		return "threads must be 0 (one per CPU) to 64";
	if (config->sync && !config->inline_budget)
		return "inline budget must not be 0 if the device is synchronous";
	if (config->queues < 1 || config->queues > NPU_MAX_QUEUES)
		return "queues must be 1 to 64";
	if (npu_matrix_select(config->matrix_path) == NPU_MATRIX_PATH_UNKNOWN)
		return "matrix path must be auto, amx, avx512, avxvnni, avx2 or c";
	if (npu_matrix_select(config->matrix_path) < 0)
		return "this CPU cannot run the matrix path asked for; auto picks one that it can";
	return NULL;
}

static void dev_destroy(struct npu_dev *dev)
{
	for (unsigned int i = 0; i < dev->tiles; i++)
		tile_free(dev->tile[i]);
	soc_fini(&dev->soc);
	fault_fini(&dev->fault);
	acct_free(&dev->acct);
	pthread_cond_destroy(&dev->pool.work);
	pthread_cond_destroy(&dev->quiet);
	pthread_mutex_destroy(&dev->gate);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

struct npu_dev *npu_dev_new(const struct npu_config *config, const struct npu_host_ops *ops,
			    void *opaque, const char **error)
{
	unsigned int threads = config->threads;
	struct npu_dev *dev;
	bool ok;

	*error = check_config(config);
	if (*error)
		return NULL;
	*error = "out of memory";
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return NULL;
	dev->config = *config;
	dev->ops = ops;
	dev->opaque = opaque;
	dev->tiles = config->chiplets * config->tiles_per_chiplet;
	dev->queues = config->queues;
	dev->sram_size = config->sram_kib * 1024;
	dev->matrix_path = npu_matrix_select(config->matrix_path);
	dev->timer = UINT64_MAX;
	dev->pool.resume = UINT64_MAX;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->gate, NULL);
	pthread_cond_init(&dev->quiet, NULL);
	pthread_cond_init(&dev->pool.work, NULL);
	fault_init(&dev->fault);

	ok = acct_init(&dev->acct, dev->queues, dev->tiles) && soc_init(&dev->soc, dev);
	for (unsigned int i = 0; ok && i < dev->tiles; i++) {
		dev->tile[i] = tile_new(dev, i);
		ok = dev->tile[i];
	}
	if (!ok) {
		dev_destroy(dev);
		return NULL;
	}
	copy_init(&dev->copy, dev);
	power_reset(dev);
	thermal_init(dev);

	if (config->sync) {
		*error = NULL;
		return dev;
	}
	if (!threads) {
		const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		threads = cpus < 1 ? 1 : cpus > 64 ? 64 : cpus;
	}
	if (!pool_start(dev, threads)) {
		*error = "cannot start worker threads";
		pool_stop(dev);
		dev_destroy(dev);
		return NULL;
	}
	*error = NULL;
	return dev;
}

void npu_dev_free(struct npu_dev *dev)
{
	if (!dev)
		return;
	npu_dev_reset(dev);
	pool_stop(dev);
	dev->ops->set_timer(dev->opaque, UINT64_MAX);
	dev_destroy(dev);
}
