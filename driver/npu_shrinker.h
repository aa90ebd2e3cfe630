/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects whose memory the kernel may take. */
#ifndef NPU_SHRINKER_H
#define NPU_SHRINKER_H

struct drm_device;
struct drm_file;
struct npu_bo;
struct npu_device;

int npu_shrinker_init(struct npu_device *npu);
void npu_shrinker_forget(struct npu_bo *bo);
int npu_ioctl_bo_madvise(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_SHRINKER_H */
