// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Objects whose memory the kernel may take
 *
 * A program says of an object that its content can be made again (BO_MADVISE). When
 * memory runs short, the kernel takes the pages of such objects, oldest first.
 * Nobody is asked: bindings of the object are emptied, the device made to forget
 * them, CPU mappings zapped. Who touches it after that faults, be it a job or the
 * CPU. Before the program uses the object again it says that it needs it, and is
 * told whether there is anything left.
 *
 * All this runs where memory is waited for, so it may wait for no lock under which
 * memory is allocated, directly or not. It waits for those of the list and of
 * invalidations only: an object of which any lock is taken is passed over. The device
 * is waited for, which answers an invalidation in time or is reset. If it has not
 * answered, its pages stay until the object is freed, as they may still be in use.
 *
 * Not taken are objects that somebody else may be using: exported or imported ones,
 * those of a process's own memory, and those that a pending bind counts on.
 *
 * Rejected: swapping out what is needed, as drivers of GPUs do. Jobs would have
 * to be stopped for it, or every submit would have to lock all objects of its VM.
 */
#include <linux/dma-resv.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

#include <drm/drm_gem.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_pt.h"
#include "npu_shrinker.h"
#include "npu_vm.h"

/* All of the machine may be waiting for memory, and a device may be slow to forget. */
#define NPU_PURGE_TIME (HZ / 10)

static struct npu_vm *npu_purge_vm(struct drm_gpuvm_bo *vm_bo)
{
	return container_of(vm_bo->vm, struct npu_vm, base);
}

/* Unlocks the VMs that map an object, up to but not including one of them. */
static void npu_purge_unlock(struct npu_bo *bo, const struct drm_gpuvm_bo *end)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base.base) {
		if (vm_bo == end)
			break;
		mutex_unlock(&npu_purge_vm(vm_bo)->lock);
	}
}

static bool npu_purge_lock(struct npu_bo *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base.base) {
		if (mutex_trylock(&npu_purge_vm(vm_bo)->lock))
			continue;
		npu_purge_unlock(bo, vm_bo);
		return false;
	}
	return true;
}

/* Empties the bindings of an object in one VM. Return: whether the device has forgotten them. */
static bool npu_purge_unmap(struct drm_gpuvm_bo *vm_bo)
{
	struct npu_vm *vm = npu_purge_vm(vm_bo);
	struct drm_gpuva *va;

	/* Never bound there, or no longer, or the device has lost its driver. */
	if (list_empty(&vm_bo->list.gpuva) || !vm->root)
		return true;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		/* What a bind has replaced is linked for a little longer: others have the range. */
		if (list_empty(&va->rb.entry))
			continue;
		npu_pt_zap(vm->npu->drm.dev, vm->root, va->va.addr, va->va.range);
	}
	return npu_mmu_try_invalidate(vm->npu, vm->asid);
}

/*
 * Takes an object's memory if nobody is in the way, and adds what that frees; purge_lock is held.
 * Pages that a process has mapped stay until it lets go of them.
 */
static bool npu_purge(struct npu_bo *bo, unsigned long *freed)
{
	struct drm_gem_shmem_object *shmem = &bo->base;
	struct mutex *gpuva_lock = npu_bo_gpuva_lock(bo);
	struct drm_gpuvm_bo *vm_bo;
	bool purged = false, forgotten = true;

	if (!dma_resv_trylock(shmem->base.resv))
		return false;
	if (!drm_gem_shmem_is_purgeable(shmem) || bo->exported || bo->pins ||
	    !mutex_trylock(gpuva_lock))
		goto out_unlock_resv;
	if (!npu_purge_lock(bo))
		goto out_unlock_gpuva;
	drm_gem_for_each_gpuvm_bo(vm_bo, &shmem->base)
		forgotten &= npu_purge_unmap(vm_bo);
	npu_purge_unlock(bo, NULL);
	if (forgotten)
		npu_shmem_purge(shmem);
	else
		shmem->madv = -1;
	if (!shmem->pages)
		*freed += shmem->base.size >> PAGE_SHIFT;
	purged = true;
out_unlock_gpuva:
	mutex_unlock(gpuva_lock);
out_unlock_resv:
	dma_resv_unlock(shmem->base.resv);
	return purged;
}

static unsigned long npu_shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct npu_device *npu = shrinker->private_data;

	return READ_ONCE(npu->purgeable_pages) ?: SHRINK_EMPTY;
}

static unsigned long npu_shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct npu_device *npu = shrinker->private_data;
	struct drm_gem_shmem_object *shmem, *next;
	const unsigned long deadline = jiffies + NPU_PURGE_TIME;
	unsigned long taken = 0, freed = 0;

	/*
	 * Waited for, as nobody allocates who has it: who was told that there is nothing, while
	 * another takes it, would have a program killed for the want of memory.
	 */
	mutex_lock(&npu->purge_lock);
	list_for_each_entry_safe(shmem, next, &npu->purgeable, madv_list) {
		if (taken >= sc->nr_to_scan || (taken && time_after(jiffies, deadline)))
			break;
		if (!npu_purge(to_npu_bo(&shmem->base), &freed))
			continue;
		taken += shmem->base.size >> PAGE_SHIFT;
		list_del_init(&shmem->madv_list);
	}
	npu->purgeable_pages -= taken;
	mutex_unlock(&npu->purge_lock);
	sc->nr_scanned = taken;
	return taken ? freed : SHRINK_STOP;
}

static void npu_shrinker_fini(void *shrinker)
{
	shrinker_free(shrinker);
}

/**
 * npu_shrinker_init() - offer the kernel memory
 * @npu: device; what it has to offer is offered until it loses its driver
 *
 * Return: 0 or a negative errno.
 */
int npu_shrinker_init(struct npu_device *npu)
{
	struct shrinker *shrinker = shrinker_alloc(0, "drm-npu:%s", dev_name(npu->drm.dev));

	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = npu_shrinker_count;
	shrinker->scan_objects = npu_shrinker_scan;
	shrinker->private_data = npu;
	/* Lockdep shall know before memory is short that these are waited for then. */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&npu->purge_lock);
	might_lock(&npu->mmu.lock);
	fs_reclaim_release(GFP_KERNEL);
	shrinker_register(shrinker);
	return devm_add_action_or_reset(npu->drm.dev, npu_shrinker_fini, shrinker);
}

/* Puts an object on the list, or takes it off; purge_lock is held. */
static void npu_shrinker_list(struct npu_bo *bo, bool purgeable)
{
	struct npu_device *npu = to_npu(bo->base.base.dev);
	const unsigned long pages = bo->base.base.size >> PAGE_SHIFT;

	lockdep_assert_held(&npu->purge_lock);
	if (purgeable == !list_empty(&bo->base.madv_list))
		return;
	if (purgeable) {
		list_add_tail(&bo->base.madv_list, &npu->purgeable);
		npu->purgeable_pages += pages;
	} else {
		list_del_init(&bo->base.madv_list);
		npu->purgeable_pages -= pages;
	}
}

/**
 * npu_shrinker_forget() - offer an object no more
 * @bo: object that is being freed
 */
void npu_shrinker_forget(struct npu_bo *bo)
{
	guard(mutex)(&to_npu(bo->base.base.dev)->purge_lock);
	npu_shrinker_list(bo, false);
}

static int npu_bo_madvise(struct npu_bo *bo, struct drm_npu_bo_madvise *args)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct npu_device *npu = to_npu(obj->dev);
	int ret;

	if (bo->kind != DRM_NPU_BO_KIND_SHMEM)
		return -EINVAL;
	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		return ret;
	scoped_guard(mutex, &npu->purge_lock) {
		args->retained = npu_shmem_madvise(&bo->base,
						   args->advice == DRM_NPU_BO_DONTNEED);
		npu_shrinker_list(bo, bo->base.madv > 0);
	}
	dma_resv_unlock(obj->resv);
	return 0;
}

/**
 * npu_ioctl_bo_madvise() - DRM_NPU_BO_MADVISE
 * @drm: device
 * @data: struct drm_npu_bo_madvise
 * @file: file
 *
 * Return: 0; -EINVAL: pad, unknown advice, or memory that is not this driver's to take; -ENOENT:
 * no such handle; -EINTR; -ENODEV.
 */
int npu_ioctl_bo_madvise(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_madvise *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->pad || args->advice > DRM_NPU_BO_DONTNEED)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = npu_bo_madvise(to_npu_bo(obj), args);
	drm_gem_object_put(obj);
	return ret;
}
