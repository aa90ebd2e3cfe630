// SPDX-License-Identifier: MIT
/* What the core asks of its host. See sim.h for what interrupts may do. */
#include "sim.h"

#include <stdio.h>
#include <time.h>

uint64_t sim_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sim_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool sim_wait_until(struct sim_dev *dev, pthread_cond_t *cond, uint64_t deadline_ns)
{
	const struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000),
	};

	if (deadline_ns == UINT64_MAX)
		return !pthread_cond_wait(cond, &dev->lock);
	return !pthread_cond_timedwait(cond, &dev->lock, &deadline);
}

static void *host_dma_map(void *opaque, uint64_t addr, size_t *len, bool write)
{
	const struct sim_dev *dev = opaque;

	(void)write;
	return sim_mem_find(&dev->mem, addr, len);
}

static void host_irq(void *opaque, unsigned int vector)
{
	struct sim_dev *dev = opaque;

	pthread_mutex_lock(&dev->lock);
	if (vector == NPU_VECTOR_EVENTS) {
		sim_fw_drain(dev);
		dev->events = true;
		pthread_cond_signal(&dev->work);
	} else {
		for (unsigned int i = vector - NPU_VECTOR_QUEUE_0; i < NPU_MAX_QUEUES;
		     i += SIM_QUEUE_VECTORS)
			if (dev->slots[i])
				sim_jobs_update(dev, dev->slots[i]);
	}
	pthread_mutex_unlock(&dev->lock);
}

static uint64_t host_time(void *opaque)
{
	(void)opaque;
	return sim_now();
}

static void host_set_timer(void *opaque, uint64_t deadline_ns)
{
	struct sim_dev *dev = opaque;

	pthread_mutex_lock(&dev->lock);
	dev->timer_ns = deadline_ns;
	pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&dev->lock);
}

static void host_log(void *opaque, enum npu_log_level level, const char *line)
{
	const struct sim_dev *dev = opaque;

	if (dev->config.log)
		fprintf(stderr, "npurt: %s: %s%s\n", dev->name,
			level == NPU_LOG_FIRMWARE ? "firmware: "
			: level == NPU_LOG_ERROR  ? "error: "
						  : "",
			line);
}

const struct npu_host_ops sim_host_ops = {
	.dma_map = host_dma_map,
	.irq = host_irq,
	.time_ns = host_time,
	.set_timer = host_set_timer,
	.log = host_log,
};
