// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects: GEM on shmem, zero-filled, charged to whoever touches them
 * first, pinned from their first mapping until they are freed.
 *
 * CPU mappings are cached and not write-combined: the device is a PCI function
 * whose accesses snoop, and results are read as often as inputs are written.
 *
 * There is no implicit synchronisation, so objects of other drivers are not
 * imported: their fences would be ignored. Between files of this device,
 * sharing through a dma-buf finds the same object and works.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "npu_device.h"
#include "npu_gem.h"

/* The page list of the shmem helpers must stay below what kvmalloc() takes. */
#define NPU_BO_MAX_SIZE SZ_256G

static void npu_gem_free(struct drm_gem_object *obj)
{
	struct npu_device *npu = to_npu(obj->dev);
	struct npu_bo *bo = to_npu_bo(obj);

	scoped_guard(mutex, &npu->bos_lock)
		list_del(&bo->node);
	drm_gem_free_mmap_offset(obj);
	mutex_destroy(&bo->gpuva_lock);
	drm_gem_shmem_free(&bo->base);
}

static enum drm_gem_object_status npu_gem_status(struct drm_gem_object *obj)
{
	return to_npu_bo(obj)->base.pages ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs npu_gem_funcs = {
	.free = npu_gem_free,
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
 * npu_gem_create_object() - allocate an object for the shmem helpers
 * @drm: device
 * @size: its size, not used
 *
 * Return: the object or an ERR_PTR().
 */
struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size)
{
	struct npu_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.base.funcs = &npu_gem_funcs;
	bo->base.map_wc = false;
	INIT_LIST_HEAD(&bo->node);
	mutex_init(&bo->gpuva_lock);
	drm_gem_gpuva_set_lock(&bo->base.base, &bo->gpuva_lock);
	return &bo->base.base;
}

static void npu_gem_unplug(struct npu_bo *bo)
{
	struct drm_gem_shmem_object *shmem = &bo->base;

	dma_resv_lock(shmem->base.resv, NULL);
	if (shmem->sgt) {
		dma_unmap_sgtable(shmem->base.dev->dev, shmem->sgt, DMA_BIDIRECTIONAL, 0);
		sg_free_table(shmem->sgt);
		kfree(shmem->sgt);
		shmem->sgt = NULL;
		drm_gem_shmem_put_pages(shmem);
	}
	dma_resv_unlock(shmem->base.resv);
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

/**
 * npu_ioctl_bo_create() - DRM_NPU_BO_CREATE
 * @drm: device
 * @data: struct drm_npu_bo_create
 * @file: file
 *
 * Return: 0; -EINVAL: size 0 or beyond any address space, or flags; -ENOMEM: more than the machine
 * has; -ENODEV.
 */
int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_device *npu = to_npu(drm);
	struct drm_npu_bo_create *args = data;
	struct drm_gem_shmem_object *shmem;
	u64 size = args->size;
	int ret;

	args->handle = 0;
	if (npu_is_lost(npu))
		return -ENODEV;
	if (args->flags || !size || size > NPU_BO_MAX_SIZE)
		return -EINVAL;
	size = PAGE_ALIGN(size);
	/* It gets pinned, so swap does not count. */
	if (size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;

	shmem = drm_gem_shmem_create(drm, size);
	if (IS_ERR(shmem))
		return PTR_ERR(shmem);
	scoped_guard(mutex, &npu->bos_lock)
		list_add_tail(&to_npu_bo(&shmem->base)->node, &npu->bos);
	ret = drm_gem_handle_create(file, &shmem->base, &args->handle);
	if (!ret)
		args->size = shmem->base.size;
	/* The handle holds it now, or nobody. */
	drm_gem_object_put(&shmem->base);
	return ret;
}

/**
 * npu_ioctl_bo_mmap_offset() - DRM_NPU_BO_MMAP_OFFSET
 * @drm: device
 * @data: struct drm_npu_bo_mmap_offset
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -ENOENT: no such handle; -ENODEV.
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
	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}
