// SPDX-License-Identifier: GPL-2.0-only
/*
 * SUBMIT: from a checked request to a job that the hardware or the scheduler
 * has, with its fence in the syncobjs that it signals.
 *
 * All that can fail is done first: copying, checking, looking up, allocating.
 * Then, under the queue's submit lock, the job gets its number, is handed over
 * and its fence published. Between arming and pushing nothing may fail, and
 * nothing does.
 *
 * A job that waits for nothing, and finds nothing of its queue waiting, goes to
 * the hardware from here. The scheduler would hand it to a worker, and the
 * two switches to it and back cost more than all else on the way to the device.
 */
#include <linux/dma-fence-chain.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_job.h"
#include "npu_packet.h"
#include "npu_pgtable.h"
#include "npu_queue.h"
#include "npu_uobj.h"

#define NPU_SYNC_OP_FLAGS (DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE)

/* A syncobj to be signalled. */
struct npu_submit_signal {
	struct drm_syncobj *syncobj;
	/* timeline: link for the new point, or NULL once used */
	struct dma_fence_chain *chain;
	u64 point;
};

/* A SUBMIT while it is done. */
struct npu_submit {
	struct drm_file *file;
	struct npu_queue *queue;
	struct npu_job *job;
	struct drm_npu_cmdbuf *cmdbufs;
	struct drm_npu_sync_op *syncs;
	u32 sync_count;
	struct npu_submit_signal *signals;
	u32 signal_count;
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

static int npu_submit_check_sync(const struct drm_npu_sync_op *sync)
{
	if (sync->flags & ~NPU_SYNC_OP_FLAGS)
		return -EINVAL;
	if (!(sync->flags & DRM_NPU_SYNC_OP_TIMELINE))
		return sync->point ? -EINVAL : 0;
	if ((sync->flags & DRM_NPU_SYNC_OP_SIGNAL) && !sync->point)
		return -EINVAL;
	return 0;
}

/* Copies what the program passed, and checks all of it that does not need looking up. */
static int npu_submit_fetch(struct npu_submit *submit, const struct drm_npu_submit *args)
{
	struct drm_npu_cmdbuf *cmdbufs;
	struct drm_npu_sync_op *syncs;
	u32 i;
	int ret;

	cmdbufs = NPU_UOBJ_GET(&args->cmdbufs, struct drm_npu_cmdbuf, flags, NPU_MAX_CMDBUFS);
	if (IS_ERR(cmdbufs))
		return PTR_ERR(cmdbufs);
	submit->cmdbufs = cmdbufs;
	syncs = NPU_UOBJ_GET(&args->syncs, struct drm_npu_sync_op, point, NPU_MAX_SYNCS);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	submit->syncs = syncs;
	submit->sync_count = args->syncs.count;

	for (i = 0; i < args->cmdbufs.count; i++) {
		ret = npu_submit_check_cmdbuf(&cmdbufs[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < args->syncs.count; i++) {
		ret = npu_submit_check_sync(&syncs[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int npu_submit_add_wait(struct npu_submit *submit, const struct drm_npu_sync_op *sync)
{
	struct dma_fence *fence;
	int ret;

	ret = npu_job_schedule(submit->job, submit->file);
	if (ret)
		return ret;
	/* Not the scheduler's own helper: it takes points of 32 bits only. */
	ret = drm_syncobj_find_fence(submit->file, sync->handle, sync->point, 0, &fence);
	if (ret)
		return ret;
	return drm_sched_job_add_dependency(&submit->job->base, fence);
}

static int npu_submit_add_signal(struct npu_submit *submit, const struct drm_npu_sync_op *sync)
{
	struct npu_submit_signal *signal = &submit->signals[submit->signal_count];

	signal->syncobj = drm_syncobj_find(submit->file, sync->handle);
	if (!signal->syncobj)
		return -ENOENT;
	submit->signal_count++;
	if (sync->flags & DRM_NPU_SYNC_OP_TIMELINE) {
		signal->point = sync->point;
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	return 0;
}

static int npu_submit_prepare(struct npu_submit *submit)
{
	u32 i;
	int ret;

	if (!submit->sync_count)
		return 0;
	submit->signals = kvcalloc(submit->sync_count, sizeof(*submit->signals),
				   GFP_KERNEL_ACCOUNT);
	if (!submit->signals)
		return -ENOMEM;
	for (i = 0; i < submit->sync_count; i++) {
		const struct drm_npu_sync_op *sync = &submit->syncs[i];

		if (sync->flags & DRM_NPU_SYNC_OP_SIGNAL)
			ret = npu_submit_add_signal(submit, sync);
		else
			ret = npu_submit_add_wait(submit, sync);
		if (ret)
			return ret;
	}
	return 0;
}

static void npu_submit_publish(struct npu_submit *submit, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < submit->signal_count; i++) {
		struct npu_submit_signal *signal = &submit->signals[i];

		if (signal->chain)
			drm_syncobj_add_point(signal->syncobj, no_free_ptr(signal->chain), fence,
					      signal->point);
		else
			drm_syncobj_replace_fence(signal->syncobj, fence);
	}
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
		npu_queue_expect(queue);
		drm_sched_entity_push_job(&job->base);
	}
	queue->submitted++;
	npu_submit_publish(submit, fence);
	dma_fence_put(fence);
	return 0;
}

static void npu_submit_fini(struct npu_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->signal_count; i++) {
		dma_fence_chain_free(submit->signals[i].chain);
		drm_syncobj_put(submit->signals[i].syncobj);
	}
	kvfree(submit->signals);
	if (submit->job)
		npu_job_destroy(submit->job);
	kvfree(submit->cmdbufs);
	kvfree(submit->syncs);
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
 * Return: 0; -EINVAL: flags, counts, strides, addresses, points, or a point to wait for that nobody
 * has submitted yet; -E2BIG: unknown bytes in an element; -ENOENT: no such queue or syncobj;
 * -ECANCELED: the queue is not usable any more; -EFAULT; -ENOMEM; -EINTR; -ENODEV.
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
