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
struct npu_device;

/** struct npu_bo - memory that programs and the device share */
struct npu_bo {
	/** @base: shmem object */
	struct drm_gem_shmem_object base;
	/** @node: in &npu_device.bos */
	struct list_head node;
	/** @gpuva_lock: protects the list of VMs that map this object */
	struct npu_gpuva_lock gpuva_lock;
	/** @flags: enum drm_npu_bo_flags */
	u32 flags;
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

static inline struct npu_bo *to_npu_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct npu_bo, base);
}

/* Protects the object's list of the VMs that map it. */
static inline struct mutex *npu_bo_gpuva_mutex(struct drm_gem_object *obj)
{
	return npu_gpuva_mutex(&to_npu_bo(obj)->gpuva_lock, obj);
}

void npu_gem_unplug_all(struct npu_device *npu);
struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size);
int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_query_info(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_set_label(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_GEM_H */
