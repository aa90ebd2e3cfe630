// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SUBMIT and VM_BIND wait for and signal: syncobjs, binary ones and points
 * of timelines. All that can fail is done before the fence exists; publishing it
 * does not fail.
 */
#include <linux/dma-fence-chain.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_sync.h"
#include "npu_uobj.h"

#define NPU_SYNC_OP_FLAGS (DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE)

/** struct npu_sync_signal - a syncobj to be signalled */
struct npu_sync_signal {
	/** @syncobj: the syncobj, held */
	struct drm_syncobj *syncobj;
	/** @chain: link for a new point of a timeline; NULL: binary, or used */
	struct dma_fence_chain *chain;
	/** @point: that point */
	u64 point;
};

static int npu_sync_check(const struct drm_npu_sync_op *op)
{
	if (op->flags & ~NPU_SYNC_OP_FLAGS)
		return -EINVAL;
	if (!(op->flags & DRM_NPU_SYNC_OP_TIMELINE))
		return op->point ? -EINVAL : 0;
	if ((op->flags & DRM_NPU_SYNC_OP_SIGNAL) && !op->point)
		return -EINVAL;
	return 0;
}

/**
 * npu_syncs_fetch() - copy and check what a program passed
 * @syncs: zeroed; to be ended with npu_syncs_fini(), whatever is returned
 * @file: whose syncobjs they are
 * @in: array of struct drm_npu_sync_op
 *
 * Return: 0; -EINVAL: too many, stride, flags, points; -E2BIG; -EFAULT; -ENOMEM.
 */
int npu_syncs_fetch(struct npu_syncs *syncs, struct drm_file *file,
		    const struct drm_npu_obj_array *in)
{
	struct drm_npu_sync_op *ops;
	u32 i;
	int ret;

	ops = NPU_UOBJ_GET(in, struct drm_npu_sync_op, point, NPU_MAX_SYNCS);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	syncs->file = file;
	syncs->ops = ops;
	syncs->count = in->count;
	for (i = 0; i < syncs->count; i++) {
		ret = npu_sync_check(&ops[i]);
		if (ret)
			return ret;
		syncs->waits += !(ops[i].flags & DRM_NPU_SYNC_OP_SIGNAL);
	}
	return 0;
}

static int npu_sync_add_signal(struct npu_syncs *syncs, const struct drm_npu_sync_op *op)
{
	struct npu_sync_signal *signal = &syncs->signals[syncs->signal_count];

	signal->syncobj = drm_syncobj_find(syncs->file, op->handle);
	if (!signal->syncobj)
		return -ENOENT;
	syncs->signal_count++;
	if (op->flags & DRM_NPU_SYNC_OP_TIMELINE) {
		signal->point = op->point;
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	return 0;
}

/**
 * npu_syncs_prepare() - look up and allocate all that signalling needs
 * @syncs: fetched
 *
 * Return: 0; -ENOENT: no such syncobj; -ENOMEM.
 */
int npu_syncs_prepare(struct npu_syncs *syncs)
{
	u32 i;
	int ret;

	if (syncs->count == syncs->waits)
		return 0;
	syncs->signals = kvcalloc(syncs->count - syncs->waits, sizeof(*syncs->signals),
				  GFP_KERNEL_ACCOUNT);
	if (!syncs->signals)
		return -ENOMEM;
	for (i = 0; i < syncs->count; i++) {
		if (!(syncs->ops[i].flags & DRM_NPU_SYNC_OP_SIGNAL))
			continue;
		ret = npu_sync_add_signal(syncs, &syncs->ops[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * npu_syncs_add_waits() - make a job wait
 * @syncs: fetched
 * @job: job of a scheduler, not armed yet
 *
 * Return: 0; -ENOENT: no such syncobj; -EINVAL: nobody has submitted what is to be waited for;
 * -ENOMEM.
 */
int npu_syncs_add_waits(const struct npu_syncs *syncs, struct drm_sched_job *job)
{
	struct dma_fence *fence;
	u32 i;
	int ret;

	for (i = 0; i < syncs->count; i++) {
		const struct drm_npu_sync_op *op = &syncs->ops[i];

		if (op->flags & DRM_NPU_SYNC_OP_SIGNAL)
			continue;
		/* Not the scheduler's own helper: it takes points of 32 bits only. */
		ret = drm_syncobj_find_fence(syncs->file, op->handle, op->point, 0, &fence);
		if (ret)
			return ret;
		ret = drm_sched_job_add_dependency(job, fence);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * npu_syncs_publish() - put a fence into all syncobjs that are to be signalled
 * @syncs: prepared
 * @fence: fence
 */
void npu_syncs_publish(struct npu_syncs *syncs, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < syncs->signal_count; i++) {
		struct npu_sync_signal *signal = &syncs->signals[i];

		if (signal->chain)
			drm_syncobj_add_point(signal->syncobj, no_free_ptr(signal->chain), fence,
					      signal->point);
		else
			drm_syncobj_replace_fence(signal->syncobj, fence);
	}
}

/**
 * npu_syncs_fini() - let go of everything
 * @syncs: fetched, prepared, published, or zeroed
 */
void npu_syncs_fini(struct npu_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->signal_count; i++) {
		dma_fence_chain_free(syncs->signals[i].chain);
		drm_syncobj_put(syncs->signals[i].syncobj);
	}
	kvfree(syncs->signals);
	kvfree(syncs->ops);
}
