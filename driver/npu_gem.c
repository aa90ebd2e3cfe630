// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Buffer objects
 *
 * GEM on shmem, zero-filled, charged to whoever touches them first, pinned from their
 * first mapping until they are freed, or purged.
 *
 * CPU mappings are cached unless the program asks for write-combined ones: the
 * device is a PCI function whose accesses snoop, and results are read as often
 * as inputs are written.
 *
 * An object may belong to one VM. It then shares the VM's reservation lock, as
 * do the page tables, so whoever must lock all that a VM maps takes one lock for
 * these, and one each for the others only.
 *
 * Other kinds of objects are dma-bufs of other devices (npu_prime.c) and memory of
 * a process (npu_userptr.c). To those who bind them all are the same.
 *
 * Rejected: TTM. There is no memory but the machine's, so there is nothing to move
 * things between, and that is what it is for.
 *
 * Rejected: unpinning what no job uses, so that it can be swapped. The device cannot wait
 * for a page in the middle of a job, so each SUBMIT would have to lock and check all
 * that its VM maps. Who can do without something says so, and the shrinker takes it.
 *
 * Rejected: memory without pages until the device touches it. A kernel would stop in the
 * middle for each page, or the driver would have to guess; a bind is when it is known.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_print.h>

#include "npu_compat.h"
#include "npu_account.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_prime.h"
#include "npu_shrinker.h"
#include "npu_userptr.h"
#include "npu_vm.h"

static bool npu_huge_pages = true;
module_param_named(huge_pages, npu_huge_pages, bool, 0444);
MODULE_PARM_DESC(huge_pages, "Give BOs pages of 2 MiB where the machine has them (default yes)");

/* The page list of the shmem helpers must stay below what kvmalloc() takes. */
#define NPU_BO_MAX_SIZE SZ_256G

#define NPU_BO_FLAGS DRM_NPU_BO_WC

/**
 * npu_gem_add() - make an object known to its device
 * @bo: new object
 * @kind: enum drm_npu_bo_kind
 * @flags: enum drm_npu_bo_flags
 */
void npu_gem_add(struct npu_bo *bo, u32 kind, u32 flags)
{
	struct npu_device *npu = to_npu(bo->base.base.dev);

	bo->kind = kind;
	bo->flags = flags;
	guard(mutex)(&npu->bos_lock);
	list_add_tail(&bo->node, &npu->bos);
}

/**
 * npu_gem_set_user() - say on whose account an object is
 * @bo: new object
 * @user: account that its size has been charged to; uncharged when the object is freed
 */
void npu_gem_set_user(struct npu_bo *bo, struct npu_user *user)
{
	bo->user = npu_user_get(user);
}

/* Unmaps an object from its device, which does not use it any more. */
static void npu_gem_unplug(struct npu_bo *bo)
{
	struct drm_gem_shmem_object *shmem = &bo->base;

	if (bo->kind == DRM_NPU_BO_KIND_IMPORTED) {
		npu_prime_unplug(bo);
		return;
	}
	dma_resv_lock(shmem->base.resv, NULL);
	if (bo->kind == DRM_NPU_BO_KIND_USERPTR) {
		npu_userptr_unplug(bo);
	} else if (shmem->sgt) {
		dma_unmap_sgtable(shmem->base.dev->dev, shmem->sgt, DMA_BIDIRECTIONAL, 0);
		sg_free_table(shmem->sgt);
		kfree(shmem->sgt);
		shmem->sgt = NULL;
		npu_shmem_put_pages(shmem);
	}
	dma_resv_unlock(shmem->base.resv);
}

/**
 * npu_gem_del() - take an object from its device, and make it unknown there
 * @bo: object that is being freed
 */
void npu_gem_del(struct npu_bo *bo)
{
	struct npu_device *npu = to_npu(bo->base.base.dev);

	npu_shrinker_forget(bo);
	/* While it is known: removal does not wait for an object that it does not find. */
	npu_gem_unplug(bo);
	scoped_guard(mutex, &npu->bos_lock)
		list_del(&bo->node);
	if (!bo->user)
		return;
	npu_user_uncharge(bo->user, NPU_RESOURCE_MEMORY, bo->base.base.size);
	npu_user_put(bo->user);
}

static void npu_gem_fini(struct npu_bo *bo)
{
	npu_gpuva_lock_destroy(&bo->gpuva_lock);
	mutex_destroy(&bo->label_lock);
	kfree(bo->label);
}

/**
 * npu_gem_destroy() - free the memory of an object that the shmem helpers do not know
 * @bo: object
 */
void npu_gem_destroy(struct npu_bo *bo)
{
	npu_gem_fini(bo);
	kfree(bo);
}

static void npu_gem_free(struct drm_gem_object *obj)
{
	struct npu_bo *bo = to_npu_bo(obj);
	struct drm_gem_object *vm_root = bo->vm_root;

	npu_gem_del(bo);
	drm_gem_free_mmap_offset(obj);
	npu_gem_fini(bo);
	drm_gem_shmem_free(&bo->base);
	/* The lock that was just used lives there. */
	if (vm_root)
		drm_gem_object_put(vm_root);
}

/**
 * npu_gem_status() - tell those who count memory what an object is
 * @obj: object
 *
 * Return: whether it has memory, and whether that may be taken.
 */
enum drm_gem_object_status npu_gem_status(struct drm_gem_object *obj)
{
	const struct npu_bo *bo = to_npu_bo(obj);
	enum drm_gem_object_status status = 0;

	if (bo->base.pages || (bo->kind != DRM_NPU_BO_KIND_SHMEM && bo->base.sgt))
		status |= DRM_GEM_OBJECT_RESIDENT;
	if (bo->base.madv > 0)
		status |= DRM_GEM_OBJECT_PURGEABLE;
	return status;
}

static const struct drm_gem_object_funcs npu_gem_funcs = {
	.free = npu_gem_free,
	.export = npu_prime_export,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.status = npu_gem_status,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * npu_gem_init() - set up where the memory of objects comes from
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_gem_init(struct npu_device *npu)
{
	int ret;

	if (!npu_huge_pages)
		return 0;
	ret = npu_huge_mnt_create(&npu->drm, &npu->huge_mnt);
	if (ret == -ENOMEM)
		return ret;
	/* A kernel without large pages knows no such option. */
	if (ret)
		drm_dbg(&npu->drm, "no large pages (%pe)\n", ERR_PTR(ret));
	return 0;
}

/**
 * npu_gem_create_object() - allocate an object for the shmem helpers
 * @drm: device
 * @size: its size, not used
 *
 * Return: the object or an ERR_PTR().
 */
struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size)
{
	struct npu_bo *bo = kzalloc_obj(*bo, GFP_KERNEL_ACCOUNT);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.base.funcs = &npu_gem_funcs;
	bo->base.map_wc = false;
	INIT_LIST_HEAD(&bo->node);
	INIT_LIST_HEAD(&bo->base.madv_list);
	mutex_init(&bo->label_lock);
	npu_gpuva_lock_init(&bo->gpuva_lock, &bo->base.base);
	return &bo->base.base;
}

/**
 * npu_bo_pin() - give an object its pages, for a bind
 * @bo: object
 *
 * Return: 0, with &drm_gem_shmem_object.sgt set until npu_bo_unpin(); -ENODATA: its memory was
 * taken; -ENOMEM; -EINTR; -ENODEV.
 */
int npu_bo_pin(struct npu_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct sg_table *sgt;
	int ret;

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		return ret;
	if (bo->base.madv < 0)
		ret = -ENODATA;
	else if (bo->kind != DRM_NPU_BO_KIND_SHMEM && !bo->base.sgt)
		ret = -ENODEV;
	else
		bo->pins++;
	dma_resv_unlock(obj->resv);
	if (ret || bo->kind != DRM_NPU_BO_KIND_SHMEM)
		return ret;
	sgt = drm_gem_shmem_get_pages_sgt(&bo->base);
	if (IS_ERR(sgt))
		npu_bo_unpin(bo);
	return PTR_ERR_OR_ZERO(sgt);
}

/**
 * npu_bo_unpin() - end what npu_bo_pin() began
 * @bo: object; its pages stay, but as far as this bind is concerned they need not
 */
void npu_bo_unpin(struct npu_bo *bo)
{
	dma_resv_lock(bo->base.base.resv, NULL);
	bo->pins--;
	dma_resv_unlock(bo->base.base.resv);
}

/**
 * npu_gem_unplug_all() - unmap all objects from a device that loses its driver
 * @npu: device, unplugged, with all its VMs emptied
 *
 * Programs may keep the objects and their own mappings.
 */
void npu_gem_unplug_all(struct npu_device *npu)
{
	struct npu_bo *bo;

	/* Who frees one waits for the lock before it touches the object. */
	guard(mutex)(&npu->bos_lock);
	list_for_each_entry(bo, &npu->bos, node)
		npu_gem_unplug(bo);
}

/* Makes an object; vm, if not NULL, is the only one to map it. */
static struct npu_bo *npu_bo_create(struct npu_device *npu, u64 size, u32 flags, struct npu_vm *vm)
{
	struct drm_gem_shmem_object *shmem;
	struct npu_bo *bo;

	shmem = npu_shmem_create(&npu->drm, size, npu->huge_mnt);
	/* shmem says so when there is no memory for an inode. */
	if (shmem == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	bo = to_npu_bo(&shmem->base);
	shmem->map_wc = flags & DRM_NPU_BO_WC;
	if (vm) {
		bo->vm_root = vm->base.r_obj;
		drm_gem_object_get(bo->vm_root);
		shmem->base.resv = bo->vm_root->resv;
	}
	npu_gem_add(bo, DRM_NPU_BO_KIND_SHMEM, flags);
	return bo;
}

/**
 * npu_ioctl_bo_create() - DRM_NPU_BO_CREATE
 * @drm: device
 * @data: struct drm_npu_bo_create
 * @file: file
 *
 * Return: 0; -EINVAL: size 0 or beyond any address space, flags or pad; -ENOENT: no such VM;
 * -ENOMEM: more than the machine has; -EDQUOT: more than the user may have; -ENODEV.
 */
int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_device *npu = to_npu(drm);
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_bo_create *args = data;
	struct npu_vm *vm __free(npu_vm_put) = NULL;
	struct npu_bo *bo;
	u64 size = args->size;
	int ret;

	args->handle = 0;
	if (npu_is_lost(npu))
		return -ENODEV;
	if ((args->flags & ~NPU_BO_FLAGS) || args->pad || !size || size > NPU_BO_MAX_SIZE)
		return -EINVAL;
	size = PAGE_ALIGN(size);
	/* It gets pinned, so swap does not count. */
	if (size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;

	if (args->vm_id) {
		vm = npu_vm_lookup(nfile, args->vm_id);
		if (!vm)
			return -ENOENT;
	}
	ret = npu_user_charge(nfile->user, NPU_RESOURCE_MEMORY, size);
	if (ret)
		return ret;
	bo = npu_bo_create(npu, size, args->flags, vm);
	if (IS_ERR(bo)) {
		npu_user_uncharge(nfile->user, NPU_RESOURCE_MEMORY, size);
		return PTR_ERR(bo);
	}
	npu_gem_set_user(bo, nfile->user);
	ret = drm_gem_handle_create(file, &bo->base.base, &args->handle);
	if (!ret)
		args->size = size;
	/* The handle holds it now, or nobody. */
	drm_gem_object_put(&bo->base.base);
	return ret;
}

/**
 * npu_ioctl_bo_mmap_offset() - DRM_NPU_BO_MMAP_OFFSET
 * @drm: device
 * @data: struct drm_npu_bo_mmap_offset
 * @file: file
 *
 * Return: 0; -EINVAL: pad, or memory of a process; -ENOENT: no such handle; -ENODATA: its memory
 * was taken; -ENODEV.
 */
int npu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (to_npu_bo(obj)->kind == DRM_NPU_BO_KIND_USERPTR)
		ret = -EINVAL;
	else if (READ_ONCE(to_npu_bo(obj)->base.madv) < 0)
		ret = -ENODATA;
	else
		ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

/* Copies as much of the label as there is room for, and tells how long it is. */
static int npu_bo_copy_label(struct npu_bo *bo, struct drm_npu_bo_query_info *args)
{
	u32 room = args->label ? args->label_size : 0;
	char label[DRM_NPU_BO_LABEL_MAX];

	/* Who has the object too shall not wait for a page of this process. */
	scoped_guard(mutex, &bo->label_lock) {
		args->label_size = bo->label ? strlen(bo->label) + 1 : 0;
		if (bo->label)
			memcpy(label, bo->label, args->label_size);
	}
	if (copy_to_user(u64_to_user_ptr(args->label), label, min(room, args->label_size)))
		return -EFAULT;
	return 0;
}

/**
 * npu_ioctl_bo_query_info() - DRM_NPU_BO_QUERY_INFO
 * @drm: device
 * @data: struct drm_npu_bo_query_info
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -ENOENT: no such handle; -EFAULT; -ENODEV.
 */
int npu_ioctl_bo_query_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_query_info *args = data;
	struct drm_gem_object *obj;
	struct npu_bo *bo;
	int ret;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	bo = to_npu_bo(obj);
	args->flags = bo->flags;
	args->size = obj->size;
	args->kind = bo->kind;
	dma_resv_lock(obj->resv, NULL);
	args->resident = npu_gem_status(obj) & DRM_GEM_OBJECT_RESIDENT ? obj->size : 0;
	args->state = bo->base.madv < 0 ? DRM_NPU_BO_PURGED :
		      bo->base.madv     ? DRM_NPU_BO_DISCARDABLE :
					  DRM_NPU_BO_NEEDED;
	dma_resv_unlock(obj->resv);
	ret = npu_bo_copy_label(bo, args);
	drm_gem_object_put(obj);
	return ret;
}

/**
 * npu_ioctl_bo_set_label() - DRM_NPU_BO_SET_LABEL
 * @drm: device
 * @data: struct drm_npu_bo_set_label
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -E2BIG: longer than DRM_NPU_BO_LABEL_MAX; -ENOENT: no such handle;
 * -EFAULT; -ENOMEM; -ENODEV.
 */
int npu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_set_label *args = data;
	struct drm_gem_object *obj;
	char *label = NULL;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	if (args->pad)
		return -EINVAL;
	if (args->label) {
		label = strndup_user(u64_to_user_ptr(args->label), DRM_NPU_BO_LABEL_MAX);
		/* What it says of a text without an end. */
		if (label == ERR_PTR(-EINVAL))
			return -E2BIG;
		if (IS_ERR(label))
			return PTR_ERR(label);
		if (!*label) {
			kfree(label);
			label = NULL;
		}
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (obj) {
		struct npu_bo *bo = to_npu_bo(obj);

		scoped_guard(mutex, &bo->label_lock)
			swap(bo->label, label);
		drm_gem_object_put(obj);
	}
	kfree(label);
	return obj ? 0 : -ENOENT;
}
