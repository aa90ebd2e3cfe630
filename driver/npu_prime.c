// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-bufs: objects that go to other devices, and memory of other devices that
 * comes here. What is exported is pinned as long as somebody is attached. What is
 * imported is mapped for this device once, when it is imported, until the object
 * or the device goes; its pages are the exporter's, which is asked to keep them.
 *
 * An imported object shares the reservation object of its dma-buf, and one that
 * is exported has its own: fences of other devices can be found where they belong.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_prime.h"

NPU_IMPORT_NS(DMA_BUF);

/* Page tables can say no less than a page. */
static bool npu_prime_whole_pages(struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (!PAGE_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg)))
			return false;
	return true;
}

/**
 * npu_prime_import_sg_table() - make an object of a dma-buf that is mapped for this device
 * @drm: device
 * @attach: attachment
 * @sgt: where the memory is
 *
 * Return: the object or an ERR_PTR(): -EINVAL: it is not made of whole pages; -ENOMEM.
 */
struct drm_gem_object *npu_prime_import_sg_table(struct drm_device *drm,
						 struct dma_buf_attachment *attach,
						 struct sg_table *sgt)
{
	struct drm_gem_object *obj;

	if (!PAGE_ALIGNED(attach->dmabuf->size) || !npu_prime_whole_pages(sgt))
		return ERR_PTR(-EINVAL);
	obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);
	if (!IS_ERR(obj))
		npu_gem_add(to_npu_bo(obj), DRM_NPU_BO_KIND_IMPORTED, 0);
	return obj;
}

/**
 * npu_prime_import() - import a dma-buf
 * @drm: device
 * @dma_buf: dma-buf, of whatever device
 *
 * Removal waits for imports under way, and unmaps what they have mapped.
 *
 * Return: the object, this device's own if it was exported from here, or an ERR_PTR().
 */
struct drm_gem_object *npu_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj;
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	obj = drm_gem_prime_import(drm, dma_buf);
	drm_dev_exit(idx);
	return obj;
}

/**
 * npu_prime_unplug() - unmap an imported object from a device that loses its driver
 * @bo: object
 *
 * Older kernels, 6.12 among them, keep what an exporter has mapped that can move its memory until
 * the attachment goes, which is when the object is freed.
 */
void npu_prime_unplug(struct npu_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct sg_table *sgt;

	dma_resv_lock(obj->resv, NULL);
	sgt = bo->base.sgt;
	bo->base.sgt = NULL;
	if (sgt)
		dma_buf_unmap_attachment(obj->import_attach, sgt, DMA_BIDIRECTIONAL);
	dma_resv_unlock(obj->resv);
}

/**
 * npu_prime_export() - make a dma-buf of an object
 * @obj: object
 * @flags: of the file
 *
 * Return: the dma-buf or an ERR_PTR(): -EACCES: it belongs to one VM, or its memory to one
 * process; -ENODATA: its memory was taken; -ENOMEM.
 */
struct dma_buf *npu_prime_export(struct drm_gem_object *obj, int flags)
{
	struct npu_bo *bo = to_npu_bo(obj);
	bool taken;

	if (bo->vm_root || bo->kind == DRM_NPU_BO_KIND_USERPTR)
		return ERR_PTR(-EACCES);
	dma_resv_lock(obj->resv, NULL);
	taken = bo->base.madv < 0;
	bo->exported |= !taken;
	dma_resv_unlock(obj->resv);
	return taken ? ERR_PTR(-ENODATA) : drm_gem_prime_export(obj, flags);
}
