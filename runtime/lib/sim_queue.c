// SPDX-License-Identifier: MIT
/*
 * Queues of the simulated device: a hardware queue each, with a ring in memory that the firmware
 * serves. See enum sim_life for how they end; whoever takes a queue out of LIVE decides what its
 * state is, and the others find it done.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEM_SIZE ((sizeof(struct sim_queue_mem) + NPU_PAGE_SIZE - 1) & ~(NPU_PAGE_SIZE - 1))

static uint32_t hw_priority(uint32_t priority)
{
	switch (priority) {
	case DRM_NPU_QUEUE_PRIORITY_LOW:
		return NPU_PRIO_LOW;
	case DRM_NPU_QUEUE_PRIORITY_HIGH:
		return NPU_PRIO_HIGH;
	case DRM_NPU_QUEUE_PRIORITY_REALTIME:
		return NPU_PRIO_REALTIME;
	default:
		return NPU_PRIO_NORMAL;
	}
}

void sim_queue_put(struct sim_queue *queue)
{
	if (--queue->refs)
		return;
	pthread_cond_destroy(&queue->room);
	pthread_mutex_destroy(&queue->bell);
	pthread_mutex_destroy(&queue->stop_lock);
	free(queue);
}

static struct sim_queue *queue_new(struct sim_dev *dev, uint32_t priority, uint32_t timeout_ms)
{
	struct sim_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	if (sim_mem_alloc(&dev->mem, MEM_SIZE, &queue->mem_bus)) {
		free(queue);
		return NULL;
	}
	queue->mem = sim_mem_ptr(&dev->mem, queue->mem_bus);
	queue->refs = 1;
	queue->priority = hw_priority(priority);
	queue->timeout_ns = (timeout_ms ? timeout_ms : SIM_DEFAULT_TIMEOUT_MS) * 1000000ull;
	queue->pending.tail = &queue->pending.first;
	queue->inflight.tail = &queue->inflight.first;
	pthread_mutex_init(&queue->stop_lock, NULL);
	pthread_mutex_init(&queue->bell, NULL);
	sim_cond_init(&queue->room);
	return queue;
}

/* The device has forgotten the queue's memory, or never knew it. */
static void free_mem(struct sim_dev *dev, struct sim_queue *queue)
{
	pthread_mutex_lock(&dev->lock);
	queue->mem = NULL;
	pthread_mutex_unlock(&dev->lock);
	sim_mem_free(&dev->mem, queue->mem_bus, MEM_SIZE);
}

int sim_queue_activate(struct sim_dev *dev, struct sim_queue *queue)
{
	int err;

	pthread_mutex_lock(&queue->bell);
	pthread_mutex_lock(&dev->lock);
	memset(queue->mem, 0, sizeof(*queue->mem));
	queue->mem->wb.completed = queue->emitted;
	queue->tail = 0;
	queue->rung = 0;
	dev->queue_table[queue->slot] = (struct npu_queue_desc){
		.ring = queue->mem_bus + offsetof(struct sim_queue_mem, ring),
		.writeback = queue->mem_bus + offsetof(struct sim_queue_mem, wb),
		.counters = queue->mem_bus + offsetof(struct sim_queue_mem, counters),
		.ring_log2 = SIM_RING_LOG2,
		.vector = NPU_VECTOR_QUEUE_0 + queue->slot % SIM_QUEUE_VECTORS,
		.priority = queue->priority,
	};
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_unlock(&queue->bell);
	err = sim_fw_request(dev, NPU_MSG_QUEUE_START, queue->slot);
	if (err)
		return err;
	pthread_mutex_lock(&dev->lock);
	queue->active = true;
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

static int claim_slot(struct sim_dev *dev, struct sim_queue *queue)
{
	int err = -EBUSY;

	pthread_mutex_lock(&dev->lock);
	for (uint32_t i = 0; i < dev->info.max_queues && err; i++) {
		if (dev->slots[i])
			continue;
		queue->slot = i;
		queue->refs++;
		dev->slots[i] = queue;
		err = 0;
	}
	pthread_mutex_unlock(&dev->lock);
	return err;
}

static void release_slot(struct sim_dev *dev, struct sim_queue *queue)
{
	pthread_mutex_lock(&dev->lock);
	dev->slots[queue->slot] = NULL;
	sim_queue_put(queue);
	pthread_mutex_unlock(&dev->lock);
}

/* Get a hardware queue and have it served. An error but -EBUSY and -ENODEV: a reset may help. */
static int start(struct sim_dev *dev, struct sim_queue *queue, unsigned int *ret_resets)
{
	int err = claim_slot(dev, queue);

	if (err)
		return err;
	pthread_rwlock_rdlock(&dev->hw);
	*ret_resets = dev->resets;
	err = dev->lost ? -ENODEV : sim_queue_activate(dev, queue);
	pthread_rwlock_unlock(&dev->hw);
	if (err)
		release_slot(dev, queue);
	return err;
}

void sim_queue_ring(struct sim_dev *dev, struct sim_queue *queue)
{
	uint32_t tail;
	bool ring;

	pthread_rwlock_rdlock(&dev->hw);
	/* One at a time: a tail must not overtake a later one. */
	pthread_mutex_lock(&queue->bell);
	pthread_mutex_lock(&dev->lock);
	tail = queue->tail;
	ring = queue->active && queue->life == SIM_LIVE && tail != queue->rung;
	pthread_mutex_unlock(&dev->lock);
	if (ring) {
		queue->rung = tail;
		npu_dev_write(dev->core, NPU_DOORBELL(queue->slot) + NPU_DOORBELL_REG_TAIL, tail,
			      4);
	}
	pthread_mutex_unlock(&queue->bell);
	pthread_rwlock_unlock(&dev->hw);
}

/* Take it out of LIVE. dev->lock held. */
static void begin_stop(struct sim_queue *queue, uint32_t state)
{
	if (queue->life != SIM_LIVE)
		return;
	queue->life = SIM_STOPPING;
	queue->state = state;
	pthread_cond_broadcast(&queue->room);
}

/* The device has let go of it. dev->lock held. */
static void finish_stopped(struct sim_dev *dev, struct sim_queue *queue)
{
	const struct sim_job *oldest = queue->inflight.first;

	if (queue->life != SIM_STOPPING)
		return;
	if (oldest && queue->state == DRM_NPU_QUEUE_TIMEDOUT)
		sim_jobs_default_fault(queue, NPU_JOB_STOPPED, oldest->seqno);
	/* No fault of this queue, but jobs before this one have ended well. */
	if (oldest && queue->state == DRM_NPU_QUEUE_INNOCENT && !queue->fault.error)
		queue->fault.seqno = oldest->seqno;
	sim_jobs_finish(dev, queue);
}

int sim_queue_stop(struct sim_dev *dev, struct sim_queue *queue, uint32_t state)
{
	bool active;
	int err = 0;

	pthread_mutex_lock(&queue->stop_lock);
	pthread_mutex_lock(&dev->lock);
	begin_stop(queue, state);
	pthread_mutex_unlock(&dev->lock);

	pthread_rwlock_rdlock(&dev->hw);
	/* Whoever is ringing is through with it after this. */
	pthread_mutex_lock(&queue->bell);
	pthread_mutex_unlock(&queue->bell);
	pthread_mutex_lock(&dev->lock);
	active = queue->active;
	pthread_mutex_unlock(&dev->lock);
	if (active)
		err = sim_fw_request(dev, NPU_MSG_QUEUE_STOP, queue->slot);
	pthread_mutex_lock(&dev->lock);
	if (!err) {
		queue->active = false;
		sim_jobs_update(dev, queue);
		finish_stopped(dev, queue);
	}
	pthread_mutex_unlock(&dev->lock);
	pthread_rwlock_unlock(&dev->hw);
	pthread_mutex_unlock(&queue->stop_lock);
	return err;
}

void sim_queue_lose(struct sim_dev *dev, struct sim_queue *queue, bool lost)
{
	pthread_mutex_lock(&dev->lock);
	sim_jobs_update(dev, queue);
	if (lost || queue->inflight.first)
		begin_stop(queue, DRM_NPU_QUEUE_INNOCENT);
	finish_stopped(dev, queue);
	queue->restart &= queue->life == SIM_LIVE;
	pthread_mutex_unlock(&dev->lock);
}

/* End it and give the hardware queue back. */
static void end(struct sim_dev *dev, struct sim_queue *queue)
{
	unsigned int resets;

	pthread_rwlock_rdlock(&dev->hw);
	resets = dev->resets;
	pthread_rwlock_unlock(&dev->hw);
	if (sim_queue_stop(dev, queue, DRM_NPU_QUEUE_INNOCENT)) {
		sim_reset(dev, resets, "a queue cannot be stopped");
		sim_queue_stop(dev, queue, DRM_NPU_QUEUE_INNOCENT);
	}
	release_slot(dev, queue);
	free_mem(dev, queue);
	sim_vm_put(dev, queue->vm);
}

int sim_queue_create(void *priv, uint32_t vm_id, uint32_t priority, uint32_t timeout_ms,
		     uint32_t *ret_id)
{
	struct sim_dev *dev = priv;
	struct sim_queue *queue;
	unsigned int resets = 0;
	struct sim_vm *vm;
	int err;

	if (sim_gone(dev))
		return -ENODEV;
	/* Priorities need no privilege: there is nobody else on the device. */
	if (priority > DRM_NPU_QUEUE_PRIORITY_REALTIME)
		return -EINVAL;
	if (timeout_ms > SIM_MAX_TIMEOUT_MS)
		return -ERANGE;
	pthread_mutex_lock(&dev->lock);
	vm = sim_table_get(&dev->vms, vm_id);
	if (vm)
		atomic_fetch_add(&vm->refs, 1);
	pthread_mutex_unlock(&dev->lock);
	if (!vm)
		return -ENOENT;
	queue = queue_new(dev, priority, timeout_ms);
	if (!queue) {
		sim_vm_put(dev, vm);
		return -ENOMEM;
	}
	queue->vm = vm;
	err = start(dev, queue, &resets);
	if (err == -EIO || err == -ETIMEDOUT) {
		/* Firmware that died while nobody used it is found out here. */
		err = sim_reset(dev, resets, "a queue cannot be started");
		if (!err)
			err = start(dev, queue, &resets);
	}
	if (err) {
		free_mem(dev, queue);
		sim_vm_put(dev, vm);
	} else {
		pthread_mutex_lock(&dev->lock);
		err = sim_table_add(&dev->queues, queue, ret_id);
		pthread_mutex_unlock(&dev->lock);
		if (!err)
			return 0;
		end(dev, queue);
	}
	pthread_mutex_lock(&dev->lock);
	sim_queue_put(queue);
	pthread_mutex_unlock(&dev->lock);
	return err == -ETIMEDOUT ? -EIO : err;
}

int sim_queue_destroy(void *priv, uint32_t id)
{
	struct sim_dev *dev = priv;
	struct sim_queue *queue;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	queue = sim_table_take(&dev->queues, id);
	pthread_mutex_unlock(&dev->lock);
	if (!queue)
		return -ENOENT;
	end(dev, queue);
	pthread_mutex_lock(&dev->lock);
	sim_queue_put(queue);
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

int sim_queue_get_state(void *priv, struct drm_npu_queue_get_state *state)
{
	uint64_t *counters = (uint64_t *)(uintptr_t)state->counters.array;
	struct sim_dev *dev = priv;
	const struct sim_queue *queue;

	if (sim_forked(dev))
		return -ENODEV;
	if (state->counters.count && state->counters.stride != sizeof(uint64_t))
		return -EINVAL;
	/*
	 * Whoever lost a job in a reset that is under way is told when it is known whether the device
	 * comes back: to try again is no advice for one that is lost.
	 */
	pthread_rwlock_rdlock(&dev->hw);
	if (dev->lost) {
		pthread_rwlock_unlock(&dev->hw);
		return -ENODEV;
	}
	pthread_mutex_lock(&dev->lock);
	queue = sim_table_get(&dev->queues, state->id);
	if (queue) {
		state->state = queue->state;
		state->submitted = queue->submitted;
		state->completed = queue->completed;
		state->fault = queue->fault;
		if (state->counters.count > NPU_COUNTER_COUNT)
			state->counters.count = NPU_COUNTER_COUNT;
		if (!queue->mem)
			state->counters.count = 0;
		for (uint32_t i = 0; i < state->counters.count; i++)
			counters[i] =
				__atomic_load_n(&queue->mem->counters.value[i], __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&dev->lock);
	pthread_rwlock_unlock(&dev->hw);
	return queue ? 0 : -ENOENT;
}
