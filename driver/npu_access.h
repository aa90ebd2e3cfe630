/* SPDX-License-Identifier: GPL-2.0-only */
/* Implicit synchronisation: what a SUBMIT does with memory that others use as well. */
#ifndef NPU_ACCESS_H
#define NPU_ACCESS_H

#include <linux/types.h>

#include <drm/drm_exec.h>
#include <drm/npu_accel.h>

struct dma_fence;
struct drm_file;
struct drm_gem_object;
struct drm_sched_job;

/** struct npu_accesses - BOs that a SUBMIT names, while it is done; all zero: none */
struct npu_accesses {
	/** @list: what the program passed, checked */
	struct drm_npu_bo_access *list;
	/** @objs: the BOs, in the same order, each with a reference */
	struct drm_gem_object **objs;
	/** @count: entries of @list */
	u32 count;
	/** @locked: @exec holds the locks of all @objs */
	bool locked;
	/** @exec: locks */
	struct drm_exec exec;
};

int npu_accesses_fetch(struct npu_accesses *accesses, struct drm_file *file,
		       const struct drm_npu_obj_array *in);
int npu_accesses_add_waits(struct npu_accesses *accesses, struct drm_sched_job *job);
void npu_accesses_publish(struct npu_accesses *accesses, struct dma_fence *fence);
void npu_accesses_fini(struct npu_accesses *accesses);

#endif /* NPU_ACCESS_H */
