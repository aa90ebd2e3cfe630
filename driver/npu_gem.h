/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffer objects. */
#ifndef NPU_GEM_H
#define NPU_GEM_H

#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/drm_gem_shmem_helper.h>

#include "npu_compat.h"

struct drm_device;
struct drm_file;
struct mm_struct;
struct npu_device;
struct npu_user;
struct page;

/** struct npu_userptr - pinned memory of a process */
struct npu_userptr {
	/** @mm: address space that it counts for */
	struct mm_struct *mm;
	/** @pages: the pages */
	struct page **pages;
	/** @count: number of them */
	unsigned long count;
	/** @pinned: those that are pinned; all, but while it is made */
	unsigned long pinned;
	/** @readonly: the device may not write */
	bool readonly;
};

/** struct npu_bo - memory that programs and the device share */
struct npu_bo {
	/** @base: shmem object */
	struct drm_gem_shmem_object base;
	/** @node: in &npu_device.bos */
	struct list_head node;
	/** @gpuva_lock: protects the list of VMs that map this object, where it has no such lock */
	struct npu_gpuva_lock gpuva_lock;
	/**
	 * @exported: a dma-buf was made of it, which DRM forgets with the last handle, and which
	 * others may have still; protected by the reservation lock
	 */
	bool exported;
	/** @pins: binds under way that count on its pages; protected by the reservation lock */
	u32 pins;
	/** @flags: enum drm_npu_bo_flags */
	u32 flags;
	/** @kind: enum drm_npu_bo_kind */
	u32 kind;
	/** @user: whose account it is on, or NULL: nobody's */
	struct npu_user *user;
	/** @userptr: USERPTR: memory of a process */
	struct npu_userptr userptr;
	/**
	 * @vm_root: object with the reservation lock of the only VM that may map this object, which
	 * uses it too; a reference. NULL: all VMs may
	 */
	struct drm_gem_object *vm_root;
	/** @label_lock: protects @label */
	struct mutex label_lock;
	/** @label: for people, or NULL */
	char *label;
};

/**
 * to_npu_bo() - the BO that a GEM object is part of
 * @obj: one of this driver's
 *
 * Return: the BO.
 */
static inline struct npu_bo *to_npu_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct npu_bo, base);
}

/**
 * npu_bo_gpuva_lock() - the lock of the list of VMs that map an object
 * @bo: object
 *
 * Return: the lock. Nothing is allocated while it is held.
 */
static inline struct mutex *npu_bo_gpuva_lock(struct npu_bo *bo)
{
	return npu_gpuva_mutex(&bo->gpuva_lock, &bo->base.base);
}

int npu_gem_init(struct npu_device *npu);
void npu_gem_add(struct npu_bo *bo, u32 kind, u32 flags);
void npu_gem_set_user(struct npu_bo *bo, struct npu_user *user);
void npu_gem_del(struct npu_bo *bo);
void npu_gem_destroy(struct npu_bo *bo);
enum drm_gem_object_status npu_gem_status(struct drm_gem_object *obj);

int npu_bo_pin(struct npu_bo *bo);
void npu_bo_unpin(struct npu_bo *bo);

void npu_gem_unplug_all(struct npu_device *npu);
struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size);
int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_query_info(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_GEM_H */
