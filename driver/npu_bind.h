/* SPDX-License-Identifier: GPL-2.0-only */
/* VM_BIND: changes of address spaces. */
#ifndef NPU_BIND_H
#define NPU_BIND_H

#include <linux/list.h>
#include <linux/workqueue.h>

#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/npu_accel.h>

#include "npu_pt.h"

struct drm_device;
struct drm_file;
struct npu_bind_fence;
struct npu_bindq;
struct npu_vm;

/** struct npu_vma - a mapping */
struct npu_vma {
	/** @base: what is mapped where */
	struct drm_gpuva base;
	/** @node: in a list of mappings to be freed */
	struct list_head node;
};

/** struct npu_bind_op - one operation, with all that it may need */
struct npu_bind_op {
	/** @arg: what was asked for, checked */
	struct drm_npu_vm_bind_op arg;
	/** @obj: MAP: object, with its pages; a reference */
	struct drm_gem_object *obj;
	/** @vm_bo: MAP: link between VM and object */
	struct drm_gpuvm_bo *vm_bo;
	/** @spare: a split makes two mappings of one, a map adds one */
	struct npu_vma *spare[3];
	/** @pt: page tables */
	struct npu_pt_ctx pt;
	/** @dead: mappings to be freed after the invalidation */
	struct list_head dead;
};

/** struct npu_bind - operations that are done together */
struct npu_bind {
	/** @base: scheduler's part, if @bindq */
	struct drm_sched_job base;
	/** @vm: VM; with @bindq its memory is held, not its life */
	struct npu_vm *vm;
	/** @bindq: queue that it is in, or NULL: it is done at once */
	struct npu_bindq *bindq;
	/** @fence: its end, if @bindq, until it runs */
	struct npu_bind_fence *fence;
	/** @node: in &npu_vm.binds until it runs; protected by &npu_vm.lock */
	struct list_head node;
	/** @work: frees it */
	struct work_struct work;
	/** @count: entries of @ops */
	u32 count;
	/** @ops: the operations */
	struct npu_bind_op ops[] __counted_by(count);
};

extern const struct drm_gpuvm_ops npu_bind_gpuvm_ops;

void npu_vma_free(struct npu_vma *vma);
int npu_bind_exec(struct npu_bind *bind);
void npu_bind_free(struct npu_bind *bind);
void npu_bind_void_all(struct npu_vm *vm);

int npu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_BIND_H */
