/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdlib.h>

#include "dev.h"

/* Slices of the management core, after which others may have the lock; host work units. */
#define SOC_SLICE    16384
/* What the management core gets of npu_dev_settle(), if it never waits. */
#define SOC_SETTLE   (1u << 22)
/* What a worker runs of an engine before it looks around; about a millisecond or two. */
#define ENGINE_SLICE (1u << 20)
/* A share that takes a worker longer than this is long enough to wake other workers for the rest. */
#define ENGINE_PROBE 8192
/* A synchronous device goes on by itself after this time with what an access had no budget for. */
#define RESUME_NS    1000000

static unsigned int ready_count(const struct npu_dev *dev)
{
	unsigned int count = dev->copy.engine.ready;

	if (dev_held(dev))
		return 0;
	for (unsigned int i = 0; i < dev->tiles; i++)
		count += dev->tile[i]->engine.ready;
	return count;
}

/* A ready engine, or NULL. In turns, so that long shares do not keep others waiting for ever. */
static struct npu_engine *next_ready(struct npu_dev *dev)
{
	const unsigned int count = dev->tiles + 1;

	if (dev_held(dev))
		return NULL;
	for (unsigned int i = 0; i < count; i++) {
		const unsigned int n = (dev->next_tile + i) % count;

		if (dev_engine(dev, n)->ready) {
			dev->next_tile = (n + 1) % count;
			return dev_engine(dev, n);
		}
	}
	return NULL;
}

bool pool_busy(struct npu_dev *dev)
{
	for (unsigned int i = 0; i <= dev->tiles; i++)
		if (dev_engine(dev, i)->ready || dev_engine(dev, i)->running)
			return true;
	return soc_runnable(&dev->soc);
}

bool pool_ready(struct npu_dev *dev)
{
	return ready_count(dev) || soc_runnable(&dev->soc);
}

void pool_wake(struct npu_dev *dev, unsigned int keep)
{
	const bool soc = soc_runnable(&dev->soc);
	unsigned int count = ready_count(dev) + soc;

	count -= keep < count ? keep : count;
	if (count > dev->pool.idle) {
		count = dev->pool.idle;
		/* The management core does not wait for the end of a share. */
		for (unsigned int i = 0; soc && !count && i <= dev->tiles; i++) {
			if (dev_engine(dev, i)->running) {
				engine_attention(dev_engine(dev, i));
				break;
			}
		}
	}
	if (dev->wake < count)
		dev->wake = count;
}

void pool_work(struct npu_dev *dev, uint64_t budget)
{
	uint64_t left = budget;

	dev->pool.resume = UINT64_MAX;
	while (left && !dev_held(dev)) {
		unsigned int ready;
		uint64_t used, share, given;

		if (soc_runnable(&dev->soc)) {
			used = soc_run(&dev->soc, left < SOC_SLICE ? left : SOC_SLICE);
			left -= used < left ? used : left;
			if (!dev->soc.waiting) {
				dev_unlock(dev);
				dev_lock_fair(dev);
			}
			continue;
		}
		ready = ready_count(dev);
		if (!ready || left < ready)
			break;
		given = share = left / ready;
		if (!engine_run(dev, next_ready(dev), &share, UINT64_MAX)) {
			if (!dev->config.sync)
				break;
			/* Whatever it was interrupted for, each turn brings the end of the budget nearer. */
			if (share == given)
				share--;
		}
		left -= given - share;
	}
	pool_wake(dev, 0);
	if (!pool_busy(dev))
		pthread_cond_broadcast(&dev->quiet);
	else if (dev->config.sync && !dev_held(dev))
		dev->pool.resume = dev->ops->time_ns(dev->opaque) + RESUME_NS;
}

void npu_dev_settle(struct npu_dev *dev)
{
	uint64_t left = SOC_SETTLE;

	dev_lock(dev);
	for (;;) {
		dev_wait_reset(dev);
		if (left && soc_runnable(&dev->soc)) {
			/* Whoever runs it has the lock, so it can be run here as well as waited for. */
			const uint64_t used = soc_run(&dev->soc, SOC_SLICE);

			left -= used < left ? used : left;
			pool_wake(dev, 0);
			dev_unlock(dev);
			dev_lock_fair(dev);
			continue;
		}
		dev_wait_told(dev);
		if (!dev->resetting && (!left || !soc_runnable(&dev->soc)))
			break;
	}
	if (!pool_busy(dev))
		pthread_cond_broadcast(&dev->quiet);
	dev_unlock(dev);
}

static void *worker(void *arg)
{
	struct npu_dev *dev = arg;
	struct pool *pool = &dev->pool;

	if (dev->ops->thread_enter)
		dev->ops->thread_enter(dev->opaque);
	dev_lock(dev);
	while (!pool->exit) {
		struct npu_engine *engine;
		uint64_t budget = ENGINE_SLICE;

		if (soc_runnable(&dev->soc)) {
			soc_run(&dev->soc, SOC_SLICE);
			dev_unlock(dev);
			dev_lock_fair(dev);
			continue;
		}
		engine = next_ready(dev);
		if (engine) {
			engine_run(dev, engine, &budget, ENGINE_PROBE);
			continue;
		}
		if (!pool_busy(dev))
			pthread_cond_broadcast(&dev->quiet);
		if (dev->vectors || dev->bus_events || dev->wake ||
		    dev->soc.timecmp < dev->timer) {
			/* Not with the lock held: see to it, then look again. */
			dev_unlock(dev);
			dev_lock(dev);
			if (pool->exit || dev->vectors || dev->wake || soc_runnable(&dev->soc) ||
			    ready_count(dev))
				continue;
		}
		pool->idle++;
		pthread_cond_wait(&pool->work, &dev->lock);
		pool->idle--;
	}
	dev_unlock(dev);
	if (dev->ops->thread_exit)
		dev->ops->thread_exit(dev->opaque);
	return NULL;
}

bool pool_start(struct npu_dev *dev, unsigned int threads)
{
	struct pool *pool = &dev->pool;

	pool->thread = calloc(threads, sizeof(*pool->thread));
	if (!pool->thread)
		return false;
	while (pool->threads < threads &&
	       !pthread_create(&pool->thread[pool->threads], NULL, worker, dev))
		pool->threads++;
	return pool->threads;
}

void pool_stop(struct npu_dev *dev)
{
	struct pool *pool = &dev->pool;

	dev_lock(dev);
	pool->exit = true;
	pthread_cond_broadcast(&pool->work);
	dev_unlock(dev);
	for (unsigned int i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	free(pool->thread);
	pool->thread = NULL;
	pool->threads = 0;
}
