// SPDX-License-Identifier: GPL-2.0-only
/*
 * SUBMIT: from a checked request to a job that the hardware or the scheduler
 * has, with its fence in the syncobjs that it signals.
 *
 * All that can fail is done first: copying, checking, looking up, allocating.
 * Then, under the queue's submit lock, the job gets its number, is handed over
 * and its fence published. Between arming and pushing nothing may fail, and
 * nothing does. Memory that is shared with others is locked from where the job
 * looks whom to wait for up to where it leaves its own fence.
 *
 * A job that waits for nothing, and finds nothing of its queue waiting, goes to
 * the hardware from here. The scheduler would hand it to a worker, and the
 * two switches to it and back cost more than all else on the way to the device.
 */
#include <linux/dma-fence.h>
#include <linux/mm.h>

#include "npu_access.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_job.h"
#include "npu_packet.h"
#include "npu_pgtable.h"
#include "npu_queue.h"
#include "npu_sync.h"
#include "npu_trace.h"
#include "npu_uobj.h"

/** struct npu_submit - a SUBMIT while it is done */
struct npu_submit {
	/** @file: who submits */
	struct drm_file *file;
	/** @queue: where to, held */
	struct npu_queue *queue;
	/** @job: what comes of it; NULL again when the queue has it */
	struct npu_job *job;
	/** @cmdbufs: its command buffers, as the program gave them */
	struct drm_npu_cmdbuf *cmdbufs;
	/** @syncs: what it waits for, and what it signals */
	struct npu_syncs syncs;
	/** @accesses: buffers that it announces to others */
	struct npu_accesses accesses;
};

static int npu_submit_check_cmdbuf(const struct drm_npu_cmdbuf *cmdbuf)
{
	u64 size = (u64)cmdbuf->packets * NPU_PACKET_SIZE;

	if (cmdbuf->flags || !cmdbuf->packets || cmdbuf->packets > NPU_CB_MAX_PACKETS)
		return -EINVAL;
	if (!IS_ALIGNED(cmdbuf->va, NPU_PACKET_SIZE))
		return -EINVAL;
	if (cmdbuf->va < NPU_VA_MIN || cmdbuf->va >= NPU_VA_MAX || size > NPU_VA_MAX - cmdbuf->va)
		return -EINVAL;
	return 0;
}

/* Copies what the program passed, and checks all of it that does not need looking up. */
static int npu_submit_fetch(struct npu_submit *submit, const struct drm_npu_submit *args)
{
	struct drm_npu_cmdbuf *cmdbufs;
	u32 i;
	int ret;

	cmdbufs = NPU_UOBJ_GET(&args->cmdbufs, struct drm_npu_cmdbuf, flags, NPU_MAX_CMDBUFS);
	if (IS_ERR(cmdbufs))
		return PTR_ERR(cmdbufs);
	submit->cmdbufs = cmdbufs;
	for (i = 0; i < args->cmdbufs.count; i++) {
		ret = npu_submit_check_cmdbuf(&cmdbufs[i]);
		if (ret)
			return ret;
	}
	ret = npu_syncs_fetch(&submit->syncs, submit->file, &args->syncs);
	if (ret)
		return ret;
	return npu_accesses_fetch(&submit->accesses, submit->file, &args->accesses);
}

static int npu_submit_prepare(struct npu_submit *submit)
{
	int ret;

	ret = npu_syncs_prepare(&submit->syncs);
	if (ret || !(submit->syncs.waits || submit->accesses.count))
		return ret;
	ret = npu_job_schedule(submit->job, submit->file);
	if (ret)
		return ret;
	ret = npu_syncs_add_waits(&submit->syncs, &submit->job->base);
	if (ret)
		return ret;
	return npu_accesses_add_waits(&submit->accesses, &submit->job->base);
}

/* The point of no return. */
static int npu_submit_push(struct npu_submit *submit)
{
	struct npu_queue *queue = submit->queue;
	struct npu_job *job = submit->job;
	struct dma_fence *fence = NULL;
	int ret;

	guard(mutex)(&queue->submit_lock);
	/* It may end a moment later; then the job ends where it runs. */
	if (!npu_queue_usable(queue))
		return -ECANCELED;
	job->seqno = queue->submitted + 1;
	if (!job->scheduled)
		fence = npu_queue_emit_direct(queue, job);
	if (!fence) {
		ret = npu_job_schedule(job, submit->file);
		if (ret)
			return ret;
		drm_sched_job_arm(&job->base);
		fence = dma_fence_get(&job->base.s_fence->finished);
		submit->job = NULL;
		trace_npu_submit(queue, job);
		npu_queue_expect(queue);
		drm_sched_entity_push_job(&job->base);
	}
	queue->submitted++;
	npu_syncs_publish(&submit->syncs, fence);
	npu_accesses_publish(&submit->accesses, fence);
	dma_fence_put(fence);
	return 0;
}

static void npu_submit_fini(struct npu_submit *submit)
{
	npu_accesses_fini(&submit->accesses);
	npu_syncs_fini(&submit->syncs);
	if (submit->job)
		npu_job_destroy(submit->job);
	kvfree(submit->cmdbufs);
	if (submit->queue)
		npu_queue_user_put(submit->queue);
}

static int npu_submit_run(struct npu_submit *submit, const struct drm_npu_submit *args)
{
	struct npu_file *nfile = submit->file->driver_priv;
	struct npu_job *job;
	int ret;

	ret = npu_submit_fetch(submit, args);
	if (ret)
		return ret;
	submit->queue = npu_queue_lookup(nfile, args->queue_id);
	if (!submit->queue)
		return -ENOENT;
	job = npu_job_create(submit->queue, submit->cmdbufs, args->cmdbufs.count);
	if (IS_ERR(job))
		return PTR_ERR(job);
	submit->job = job;
	submit->cmdbufs = NULL;
	ret = npu_submit_prepare(submit);
	if (ret)
		return ret;
	return npu_submit_push(submit);
}

/**
 * npu_ioctl_submit() - DRM_NPU_SUBMIT
 * @drm: device
 * @data: struct drm_npu_submit
 * @file: file
 *
 * Return: 0; -EINVAL: flags, counts, strides, addresses, points, a point to wait for that nobody
 * has submitted yet, or a BO that nobody else can have; -E2BIG: unknown bytes in an element;
 * -ENOENT: no such queue, syncobj or BO;
 * -ECANCELED: the queue is not usable any more; -EFAULT; -ENOMEM; -EINTR; -EIO: the device sleeps
 * and cannot be woken; -ENODEV.
 */
int npu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_submit *args = data;
	struct npu_submit submit = { .file = file };
	int ret;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->flags)
		return -EINVAL;
	ret = npu_submit_run(&submit, args);
	npu_submit_fini(&submit);
	return ret;
}
