// SPDX-License-Identifier: MIT
/*
 * Jobs of the simulated device, from SUBMIT to their end. A job waits in its queue until those before
 * it are in the ring and its dependencies are met; its last ring entry makes the firmware publish its
 * number and raise an interrupt, on which it ends.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "npu_packet.h"

#define SYNC_FLAGS (DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE)

/* ---- lists ----------------------------------------------------------------------------------- */

static void append(struct sim_jobs *jobs, struct sim_job *job)
{
	job->next = NULL;
	*jobs->tail = job;
	jobs->tail = &job->next;
}

static struct sim_job *take_first(struct sim_jobs *jobs)
{
	struct sim_job *job = jobs->first;

	jobs->first = job->next;
	if (!jobs->first)
		jobs->tail = &jobs->first;
	return job;
}

/* ---- a job ----------------------------------------------------------------------------------- */

/* Points that were not submitted are given back. */
static void job_free(struct sim_job *job)
{
	for (uint32_t i = 0; i < job->wait_count; i++)
		sim_sync_put(job->waits[i].sync);
	for (uint32_t i = 0; i < job->signal_count; i++) {
		free(job->signals[i].point);
		sim_sync_put(job->signals[i].sync);
	}
	free(job);
}

static int add_sync(struct sim_dev *dev, struct sim_job *job, const struct drm_npu_sync_op *op)
{
	struct sim_sync *sync = sim_table_get(&dev->syncs, op->handle);
	struct sim_signal *signal;

	if (!sync)
		return -ENOENT;
	if (op->flags & DRM_NPU_SYNC_OP_SIGNAL) {
		signal = &job->signals[job->signal_count];
		signal->point = malloc(sizeof(*signal->point));
		if (!signal->point)
			return -ENOMEM;
		signal->value = op->point;
		signal->sync = sync;
		sim_sync_get(sync);
		job->signal_count++;
		return 0;
	}
	if (op->point > sync->last)
		return -EINVAL; /* nobody has submitted it */
	if (op->point <= sync->reached)
		return 0;
	job->waits[job->wait_count++] = (struct sim_wait){sync, op->point};
	sim_sync_get(sync);
	return 0;
}

/* Make a job of a checked submit. dev->lock held. */
static int job_new(struct sim_dev *dev, const struct drm_npu_submit *submit,
		   struct sim_job **ret_job)
{
	const struct drm_npu_sync_op *syncs =
		(const struct drm_npu_sync_op *)(uintptr_t)submit->syncs.array;
	const size_t cmdbufs = submit->cmdbufs.count * sizeof(struct drm_npu_cmdbuf);
	struct sim_job *job = calloc(1, sizeof(*job) + cmdbufs +
						submit->syncs.count * (sizeof(struct sim_wait) +
								       sizeof(struct sim_signal)));
	int err = 0;

	if (!job)
		return -ENOMEM;
	job->cmdbufs = (struct drm_npu_cmdbuf *)(job + 1);
	job->waits = (struct sim_wait *)((uint8_t *)job->cmdbufs + cmdbufs);
	job->signals = (struct sim_signal *)(job->waits + submit->syncs.count);
	job->cmdbuf_count = submit->cmdbufs.count;
	if (cmdbufs)
		memcpy(job->cmdbufs, (const void *)(uintptr_t)submit->cmdbufs.array, cmdbufs);
	for (uint32_t i = 0; i < submit->syncs.count && !err; i++)
		err = add_sync(dev, job, &syncs[i]);
	if (err)
		job_free(job);
	else
		*ret_job = job;
	return err;
}

static bool is_ready(const struct sim_job *job)
{
	for (uint32_t i = 0; i < job->wait_count; i++)
		if (job->waits[i].sync->reached < job->waits[i].value)
			return false;
	return true;
}

/* A job ended, however; it is in no list any more. */
static void job_end(struct sim_dev *dev, struct sim_queue *queue, struct sim_job *job)
{
	queue->completed++;
	queue->job_count--;
	pthread_cond_broadcast(&queue->room);
	for (uint32_t i = 0; i < job->signal_count; i++) {
		struct sim_signal *signal = &job->signals[i];

		sim_sync_done(dev, signal->sync, signal->point);
		signal->point = NULL;
	}
	job_free(job);
}

/* ---- ring ------------------------------------------------------------------------------------ */

static void write_entry(struct sim_queue *queue, const struct npu_ring_entry *entry)
{
	queue->mem->ring[queue->tail++ % (1u << SIM_RING_LOG2)] = *entry;
}

static void write_job(struct sim_queue *queue, const struct sim_job *job)
{
	for (uint32_t i = 0; i < job->cmdbuf_count; i++)
		write_entry(queue, &(struct npu_ring_entry){
					   .op = NPU_RING_RUN,
					   .as_id = (uint16_t)queue->vm->asid,
					   .packets = job->cmdbufs[i].packets,
					   .addr = job->cmdbufs[i].va,
					   .seqno = job->seqno,
				   });
	write_entry(queue, &(struct npu_ring_entry){
				   .op = NPU_RING_FENCE,
				   .flags = NPU_RING_FENCE_IRQ,
				   .seqno = job->seqno,
			   });
	queue->emitted = job->seqno;
}

bool sim_jobs_emit(struct sim_dev *dev, struct sim_queue *queue)
{
	bool written = false;

	while (queue->life == SIM_LIVE && queue->active && queue->pending.first &&
	       is_ready(queue->pending.first) &&
	       queue->credits + queue->pending.first->cmdbuf_count + 1 <= SIM_RING_CREDITS) {
		struct sim_job *job = take_first(&queue->pending);

		if (!queue->inflight.first)
			queue->stamp_ns = sim_now();
		queue->credits += job->cmdbuf_count + 1;
		append(&queue->inflight, job);
		dev->pending--;
		dev->inflight++;
		sim_service_watch(dev);
		write_job(queue, job);
		written = true;
	}
	return written;
}

/* ---- end ------------------------------------------------------------------------------------- */

static void end_oldest(struct sim_dev *dev, struct sim_queue *queue)
{
	struct sim_job *job = take_first(&queue->inflight);

	queue->credits -= job->cmdbuf_count + 1;
	dev->inflight--;
	job_end(dev, queue, job);
}

void sim_jobs_finish(struct sim_dev *dev, struct sim_queue *queue)
{
	queue->life = SIM_OVER;
	while (queue->inflight.first)
		end_oldest(dev, queue);
	while (queue->pending.first) {
		dev->pending--;
		job_end(dev, queue, take_first(&queue->pending));
	}
	pthread_cond_broadcast(&queue->room);
}

void sim_jobs_default_fault(struct sim_queue *queue, uint32_t error, uint64_t seqno)
{
	if (queue->fault.error)
		return;
	queue->fault = (struct drm_npu_fault){
		.error = error < NPU_JOB_ERROR_COUNT ? error : NPU_JOB_HW_ERROR,
		.access = NPU_ACCESS_NONE,
		.core = NPU_CORE_FRONT,
		.as_id = queue->vm->asid,
		.seqno = seqno,
	};
}

void sim_jobs_update(struct sim_dev *dev, struct sim_queue *queue)
{
	struct npu_queue_wb *wb;
	uint64_t completed, failed;
	uint32_t error;

	if (!queue->mem || queue->life == SIM_OVER)
		return;
	wb = &queue->mem->wb;
	/* Written last, so read first. */
	completed = __atomic_load_n(&wb->completed, __ATOMIC_ACQUIRE);
	error = __atomic_load_n(&wb->error, __ATOMIC_RELAXED);
	failed = __atomic_load_n(&wb->error_seqno, __ATOMIC_RELAXED);
	if (completed > queue->emitted) {
		dev->reset_reason = "a queue completed jobs that it never got";
		pthread_cond_signal(&dev->work);
		return;
	}
	if (error && failed && failed <= completed)
		completed = failed - 1;
	while (queue->inflight.first && queue->inflight.first->seqno <= completed) {
		end_oldest(dev, queue);
		queue->stamp_ns = sim_now();
	}
	if (error && queue->life == SIM_LIVE) {
		/* Its message came before the writeback: who sees the end shall find the details. */
		sim_fw_drain(dev);
		if (queue->inflight.first)
			failed = queue->inflight.first->seqno;
		sim_jobs_default_fault(queue, error, failed);
		queue->state = DRM_NPU_QUEUE_FAULTED;
		sim_jobs_finish(dev, queue);
	} else if (queue->pending.first) {
		dev->kick = true; /* the ring may have room again */
		pthread_cond_signal(&dev->work);
	}
}

/* ---- submit ---------------------------------------------------------------------------------- */

static int check_cmdbuf(const struct drm_npu_cmdbuf *cmdbuf)
{
	const uint64_t size = (uint64_t)cmdbuf->packets * NPU_PACKET_SIZE;

	if (cmdbuf->flags || !cmdbuf->packets || cmdbuf->packets > NPU_CB_MAX_PACKETS ||
	    cmdbuf->va % NPU_PACKET_SIZE)
		return -EINVAL;
	if (cmdbuf->va < NPU_VA_MIN || cmdbuf->va >= NPU_VA_MAX || size > NPU_VA_MAX - cmdbuf->va)
		return -EINVAL;
	return 0;
}

static int check_submit(const struct drm_npu_submit *submit)
{
	const struct drm_npu_cmdbuf *cmdbufs =
		(const struct drm_npu_cmdbuf *)(uintptr_t)submit->cmdbufs.array;
	const struct drm_npu_sync_op *syncs =
		(const struct drm_npu_sync_op *)(uintptr_t)submit->syncs.array;

	if (submit->flags || submit->cmdbufs.count > SIM_MAX_CMDBUFS ||
	    submit->syncs.count > SIM_MAX_SYNCS || submit->accesses.count)
		return -EINVAL; /* it has no dma-bufs, so no BO is anybody else's */
	for (uint32_t i = 0; i < submit->cmdbufs.count; i++)
		if (check_cmdbuf(&cmdbufs[i]))
			return -EINVAL;
	/* libnpurt has no binary syncobjs. */
	for (uint32_t i = 0; i < submit->syncs.count; i++)
		if (syncs[i].flags & ~SYNC_FLAGS || !(syncs[i].flags & DRM_NPU_SYNC_OP_TIMELINE) ||
		    ((syncs[i].flags & DRM_NPU_SYNC_OP_SIGNAL) && !syncs[i].point))
			return -EINVAL;
	return 0;
}

/* dev->lock held. *ret_ring: sim_queue_ring() is due. */
static int submit_locked(struct sim_dev *dev, struct sim_queue *queue,
			 const struct drm_npu_submit *submit, bool *ret_ring)
{
	struct sim_job *job;
	int err;

	while (queue->life == SIM_LIVE && queue->job_count >= SIM_QUEUE_MAX_JOBS)
		pthread_cond_wait(&queue->room, &dev->lock);
	if (queue->life != SIM_LIVE)
		return -ECANCELED;
	err = job_new(dev, submit, &job);
	if (err)
		return err;

	/* Nothing fails after this point. */
	job->seqno = ++queue->submitted;
	for (uint32_t i = 0; i < job->signal_count; i++)
		sim_sync_append(job->signals[i].sync, job->signals[i].point, job->signals[i].value);
	queue->job_count++;
	dev->pending++;
	append(&queue->pending, job);
	*ret_ring = sim_jobs_emit(dev, queue);
	return 0;
}

int sim_submit(void *priv, const struct drm_npu_submit *submit)
{
	struct sim_dev *dev = priv;
	struct sim_queue *queue;
	bool ring = false;
	int err;

	if (sim_gone(dev))
		return -ENODEV;
	err = check_submit(submit);
	if (err)
		return err;
	pthread_mutex_lock(&dev->lock);
	queue = sim_table_get(&dev->queues, submit->queue_id);
	if (queue) {
		queue->refs++;
		err = submit_locked(dev, queue, submit, &ring);
	}
	pthread_mutex_unlock(&dev->lock);
	if (!queue)
		return -ENOENT;
	if (ring)
		sim_queue_ring(dev, queue);
	pthread_mutex_lock(&dev->lock);
	sim_queue_put(queue);
	pthread_mutex_unlock(&dev->lock);
	return err;
}
