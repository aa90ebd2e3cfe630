// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Memory of a process as a BO
 *
 * The pages of a range of the process are pinned for good, when the object is
 * made, until it is freed, and counted as pinned memory of the process, which
 * RLIMIT_MEMLOCK limits. What the process does with the range later is its own
 * business: unmapping it, or mapping something else there, leaves the object with
 * the pages that it has. After fork() the parent's pages are those pinned.
 *
 * Rejected: following the process's page tables with an MMU notifier, as drivers
 * do whose devices can wait for a page. This device cannot: a job that finds a
 * page missing has failed. So a notifier would have to stop every queue of the
 * VM until the pages are back, while whoever changes the process's memory,
 * reclaim among them, waits for work to end that nobody promises to be short.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "npu_account.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_prime.h"
#include "npu_userptr.h"

/* One table of pages and one of addresses are allocated for it. */
#define NPU_USERPTR_MAX_SIZE SZ_16G

/* Pages pinned at once, so that a signal does not wait for long. */
#define NPU_USERPTR_BATCH 512

static int npu_userptr_count(struct mm_struct *mm, unsigned long pages)
{
	const unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long pinned = atomic64_add_return(pages, &mm->pinned_vm);

	if (pinned <= limit || capable(CAP_IPC_LOCK))
		return 0;
	atomic64_sub(pages, &mm->pinned_vm);
	return -EPERM;
}

static int npu_userptr_pin_pages(struct npu_userptr *up, u64 addr)
{
	const unsigned int flags = FOLL_LONGTERM | (up->readonly ? 0 : FOLL_WRITE);
	int ret;

	while (up->pinned < up->count) {
		unsigned long batch = min(up->count - up->pinned, NPU_USERPTR_BATCH);

		if (fatal_signal_pending(current))
			return -EINTR;
		ret = pin_user_pages_fast(addr + ((u64)up->pinned << PAGE_SHIFT), batch, flags,
					  up->pages + up->pinned);
		if (ret <= 0)
			return ret ?: -EFAULT;
		up->pinned += ret;
		cond_resched();
	}
	return 0;
}

static void npu_userptr_unpin(struct npu_userptr *up)
{
	unpin_user_pages_dirty_lock(up->pages, up->pinned, !up->readonly);
	kvfree(up->pages);
	atomic64_sub(up->count, &up->mm->pinned_vm);
	mmdrop(up->mm);
}

static struct sg_table *npu_userptr_map(struct npu_device *npu, struct npu_userptr *up)
{
	struct sg_table *sgt = kzalloc_obj(*sgt, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages_segment(sgt, up->pages, up->count, 0,
						(u64)up->count << PAGE_SHIFT, UINT_MAX,
						GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(npu->drm.dev, sgt,
			      up->readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL, 0);
	if (ret)
		goto err_free_table;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

/**
 * npu_userptr_unplug() - unmap an object from its device, which reaches it no more
 * @bo: object; its reservation lock is held
 */
void npu_userptr_unplug(struct npu_bo *bo)
{
	struct sg_table *sgt = bo->base.sgt;

	bo->base.sgt = NULL;
	if (!sgt)
		return;
	dma_unmap_sgtable(bo->base.base.dev->dev, sgt,
			  bo->userptr.readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static void npu_userptr_free(struct drm_gem_object *obj)
{
	struct npu_bo *bo = to_npu_bo(obj);

	npu_gem_del(bo);
	npu_userptr_unpin(&bo->userptr);
	drm_gem_object_release(obj);
	npu_gem_destroy(bo);
}

static const struct drm_gem_object_funcs npu_userptr_funcs = {
	.free = npu_userptr_free,
	.export = npu_prime_export,
	.status = npu_gem_status,
};

/* Pins and counts; what is in up is to be undone with npu_userptr_unpin() if there is no error. */
static int npu_userptr_pin(struct npu_userptr *up, u64 addr, u64 size, bool readonly)
{
	int ret;

	up->count = size >> PAGE_SHIFT;
	up->readonly = readonly;
	up->mm = current->mm;
	up->pages = kvmalloc_array(up->count, sizeof(*up->pages), GFP_KERNEL_ACCOUNT);
	if (!up->pages)
		return -ENOMEM;
	ret = npu_userptr_count(up->mm, up->count);
	if (ret) {
		kvfree(up->pages);
		return ret;
	}
	mmgrab(up->mm);
	ret = npu_userptr_pin_pages(up, addr);
	if (ret) {
		up->readonly = true; /* nothing was written */
		npu_userptr_unpin(up);
	}
	return ret;
}

/*
 * Removal waits for this, and unmaps what was mapped. It does not wait for pages to be pinned, for
 * which others of user space may be asked.
 */
static int npu_userptr_add(struct npu_device *npu, struct npu_bo *bo, u64 size)
{
	struct sg_table *sgt;
	int idx;

	if (!drm_dev_enter(&npu->drm, &idx))
		return -ENODEV;
	sgt = npu_userptr_map(npu, &bo->userptr);
	if (!IS_ERR(sgt)) {
		bo->base.sgt = sgt;
		drm_gem_private_object_init(&npu->drm, &bo->base.base, size);
		npu_gem_add(bo, DRM_NPU_BO_KIND_USERPTR, 0);
	}
	drm_dev_exit(idx);
	return PTR_ERR_OR_ZERO(sgt);
}

static struct npu_bo *npu_userptr_create(struct npu_device *npu,
					 const struct drm_npu_bo_userptr *args)
{
	struct drm_gem_object *obj = npu_gem_create_object(&npu->drm, args->size);
	struct npu_bo *bo;
	int ret;

	if (IS_ERR(obj))
		return ERR_CAST(obj);
	bo = to_npu_bo(obj);
	obj->funcs = &npu_userptr_funcs;
	ret = npu_userptr_pin(&bo->userptr, args->addr, args->size,
			      args->flags & DRM_NPU_BO_USERPTR_READONLY);
	if (ret)
		goto err_free;
	ret = npu_userptr_add(npu, bo, args->size);
	if (!ret)
		return bo;
	npu_userptr_unpin(&bo->userptr);
err_free:
	npu_gem_destroy(bo);
	return ERR_PTR(ret);
}

static int npu_userptr_ioctl(struct npu_device *npu, struct drm_npu_bo_userptr *args,
			     struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct npu_bo *bo;
	int ret;

	ret = npu_user_charge(nfile->user, NPU_RESOURCE_MEMORY, args->size);
	if (ret)
		return ret;
	bo = npu_userptr_create(npu, args);
	if (IS_ERR(bo)) {
		npu_user_uncharge(nfile->user, NPU_RESOURCE_MEMORY, args->size);
		return PTR_ERR(bo);
	}
	npu_gem_set_user(bo, nfile->user);
	ret = drm_gem_handle_create(file, &bo->base.base, &args->handle);
	/* The handle holds it now, or nobody. */
	drm_gem_object_put(&bo->base.base);
	return ret;
}

/**
 * npu_ioctl_bo_userptr() - DRM_NPU_BO_USERPTR
 * @drm: device
 * @data: struct drm_npu_bo_userptr
 * @file: file
 *
 * Return: 0; -EINVAL: flags, alignment, size; -EPERM: more than RLIMIT_MEMLOCK, without
 * CAP_IPC_LOCK; -EDQUOT: more than the user may have; -EFAULT: memory that is not there, or of a
 * kind that cannot be pinned; -ENOMEM; -EINTR; -ENODEV.
 */
int npu_ioctl_bo_userptr(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_userptr *args = data;

	args->handle = 0;
	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->flags & ~DRM_NPU_BO_USERPTR_READONLY)
		return -EINVAL;
	if (!args->size || args->size > NPU_USERPTR_MAX_SIZE)
		return -EINVAL;
	if (!PAGE_ALIGNED(args->addr | args->size) || args->addr + args->size < args->addr)
		return -EINVAL;
	return npu_userptr_ioctl(to_npu(drm), args, file);
}
