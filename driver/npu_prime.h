/* SPDX-License-Identifier: GPL-2.0-only */
/* dma-bufs. */
#ifndef NPU_PRIME_H
#define NPU_PRIME_H

struct dma_buf;
struct dma_buf_attachment;
struct drm_device;
struct drm_gem_object;
struct npu_bo;
struct sg_table;

struct drm_gem_object *npu_prime_import_sg_table(struct drm_device *drm,
						 struct dma_buf_attachment *attach,
						 struct sg_table *sgt);
struct drm_gem_object *npu_prime_import(struct drm_device *drm, struct dma_buf *dma_buf);
struct dma_buf *npu_prime_export(struct drm_gem_object *obj, int flags);
void npu_prime_unplug(struct npu_bo *bo);

#endif /* NPU_PRIME_H */
