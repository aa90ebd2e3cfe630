/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of a process as a BO. */
#ifndef NPU_USERPTR_H
#define NPU_USERPTR_H

struct drm_device;
struct drm_file;
struct npu_bo;

void npu_userptr_unplug(struct npu_bo *bo);
int npu_ioctl_bo_userptr(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_USERPTR_H */
