// SPDX-License-Identifier: GPL-2.0-only
/*
 * Implicit synchronisation. A SUBMIT may name BOs whose users do not tell each
 * other of their fences: dma-bufs, of this device or of others. The job waits
 * for the fences that it finds in their reservation objects and leaves its own
 * there, before anybody else can look. Writers are alone; readers are not in each
 * other's way.
 *
 * Only what is named is locked and looked at, so a submit that names nothing
 * pays nothing. Rejected: doing it for every dma-buf that the VM maps. Each submit
 * would have to lock them all, and queues that have nothing to do with each
 * other would wait for each other because of memory that neither uses just then.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include "npu_access.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_uobj.h"

/**
 * npu_accesses_fetch() - copy and check what a program passed, and look the BOs up
 * @accesses: zeroed; to be ended with npu_accesses_fini(), whatever is returned
 * @file: whose BOs they are
 * @in: array of struct drm_npu_bo_access
 *
 * Return: 0; -EINVAL: too many, stride, flags, or a BO that belongs to one VM or is memory of a
 * process, which no one else can have; -ENOENT: no such BO; -E2BIG; -EFAULT; -ENOMEM.
 */
int npu_accesses_fetch(struct npu_accesses *accesses, struct drm_file *file,
		       const struct drm_npu_obj_array *in)
{
	struct drm_npu_bo_access *list;
	u32 i;

	list = NPU_UOBJ_GET(in, struct drm_npu_bo_access, flags, NPU_MAX_SYNCS);
	if (IS_ERR(list))
		return PTR_ERR(list);
	accesses->list = list;
	for (i = 0; i < in->count; i++)
		if (list[i].flags & ~DRM_NPU_BO_ACCESS_WRITE)
			return -EINVAL;
	if (!in->count)
		return 0;
	accesses->objs = kvcalloc(in->count, sizeof(*accesses->objs), GFP_KERNEL_ACCOUNT);
	if (!accesses->objs)
		return -ENOMEM;
	accesses->count = in->count;
	for (i = 0; i < accesses->count; i++) {
		const struct npu_bo *bo;

		accesses->objs[i] = drm_gem_object_lookup(file, list[i].handle);
		if (!accesses->objs[i])
			return -ENOENT;
		bo = to_npu_bo(accesses->objs[i]);
		if (bo->vm_root || bo->kind == DRM_NPU_BO_KIND_USERPTR)
			return -EINVAL;
	}
	return 0;
}

static int npu_accesses_lock(struct npu_accesses *accesses)
{
	int ret = 0;

	/* The same BO may be named twice; then it needs room for two fences. */
	drm_exec_init(&accesses->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		      accesses->count);
	accesses->locked = true;
	drm_exec_until_all_locked(&accesses->exec) {
		ret = drm_exec_prepare_array(&accesses->exec, accesses->objs, accesses->count, 2);
		drm_exec_retry_on_contention(&accesses->exec);
		if (ret)
			break;
	}
	return ret;
}

/**
 * npu_accesses_add_waits() - lock the BOs, and make a job wait for those who use them
 * @accesses: fetched
 * @job: job of a scheduler, not armed yet
 *
 * They stay locked up to npu_accesses_fini().
 *
 * Return: 0; -EINTR; -ENOMEM.
 */
int npu_accesses_add_waits(struct npu_accesses *accesses, struct drm_sched_job *job)
{
	u32 i;
	int ret;

	if (!accesses->count)
		return 0;
	ret = npu_accesses_lock(accesses);
	for (i = 0; !ret && i < accesses->count; i++)
		ret = drm_sched_job_add_implicit_dependencies(job, accesses->objs[i],
							      accesses->list[i].flags &
							      DRM_NPU_BO_ACCESS_WRITE);
	return ret;
}

/**
 * npu_accesses_publish() - put a job's fence where others look
 * @accesses: with their waits added
 * @fence: fence
 */
void npu_accesses_publish(struct npu_accesses *accesses, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < accesses->count; i++)
		dma_resv_add_fence(accesses->objs[i]->resv, fence,
				   accesses->list[i].flags & DRM_NPU_BO_ACCESS_WRITE ?
				   DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
}

/**
 * npu_accesses_fini() - let go of everything
 * @accesses: fetched, published, or zeroed
 */
void npu_accesses_fini(struct npu_accesses *accesses)
{
	u32 i;

	if (accesses->locked)
		drm_exec_fini(&accesses->exec);
	for (i = 0; i < accesses->count; i++)
		drm_gem_object_put(accesses->objs[i]);
	kvfree(accesses->objs);
	kvfree(accesses->list);
}
