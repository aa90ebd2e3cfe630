// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Changes of address spaces
 *
 * What is mapped where is kept in a &drm_gpuvm, which also works out the splits
 * when an operation overlaps earlier mappings. A VM_BIND has three parts:
 *
 * - Prepare: everything is checked, objects are looked up and given pages, and all
 *   memory that the operations can need is allocated, for the worst case of what
 *   they may find. No lock of the VM is held.
 * - Do: with the VM locked, records and page tables are changed and the device is
 *   told to forget what was replaced. Nothing is allocated and nothing fails but
 *   a device that is lost, so the operations happen as a whole or not at all, and
 *   a fence may depend on them.
 * - Clean up: what was replaced, and what was not needed, is freed. Objects lose the
 *   reference of a mapping here, when no engine can reach their pages any more.
 *
 * Synchronous binds do all three in the ioctl. Asynchronous ones prepare in the
 * ioctl; the rest happens in the VM's bind queue (npu_bindq.c). A synchronous
 * bind does not wait for asynchronous ones that were asked for earlier.
 *
 * Jobs may run all the while. The device is told only of what may be in its TLBs:
 * it keeps no failures, so new mappings where there was nothing need nothing.
 *
 * Rejected: working out the changes when asked for, and only writing page tables
 * later. Later operations would have to be planned on top of changes that may
 * yet be cancelled.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "npu_bind.h"
#include "npu_bindq.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_sync.h"
#include "npu_trace.h"
#include "npu_uobj.h"
#include "npu_vm.h"

#define NPU_VM_BIND_PERMISSIONS (DRM_NPU_VM_BIND_READONLY | DRM_NPU_VM_BIND_NOEXEC)

static struct npu_vma *to_npu_vma(struct drm_gpuva *va)
{
	return container_of(va, struct npu_vma, base);
}

static u32 npu_bind_type(const struct drm_npu_vm_bind_op *arg)
{
	return arg->flags & (u32)DRM_NPU_VM_BIND_TYPE_MASK;
}

/* The mappings and the VM's record of them. */

/** struct npu_bind_step - what the steps that the GPUVM calls for need to know */
struct npu_bind_step {
	/** @vm: VM that is changed */
	struct npu_vm *vm;
	/** @op: operation that changes it, and brings all that a step takes */
	struct npu_bind_op *op;
};

static struct npu_vma *npu_bind_take_spare(struct npu_bind_op *op)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op->spare); i++)
		if (op->spare[i])
			return no_free_ptr(op->spare[i]);
	return NULL;
}

/* vm_bo is NULL for a range without memory. */
static void npu_vma_link(struct npu_vma *vma, struct drm_gpuvm_bo *vm_bo)
{
	if (!vm_bo)
		return;
	guard(mutex)(npu_bo_gpuva_lock(to_npu_bo(vm_bo->obj)));
	drm_gpuva_link(&vma->base, vm_bo);
}

static void npu_vm_bo_put(struct drm_gpuvm_bo *vm_bo)
{
	struct drm_gem_object *obj = vm_bo->obj;

	/* The lock lives in the object, whose last reference this may be. */
	drm_gem_object_get(obj);
	scoped_guard(mutex, npu_bo_gpuva_lock(to_npu_bo(obj)))
		drm_gpuvm_bo_put(vm_bo);
	drm_gem_object_put(obj);
}

/**
 * npu_vma_free() - free a mapping and its reference to the object
 * @vma: mapping that is in no VM's record any more
 */
void npu_vma_free(struct npu_vma *vma)
{
	struct drm_gem_object *obj = vma->base.gem.obj;

	if (obj) {
		drm_gem_object_get(obj);
		scoped_guard(mutex, npu_bo_gpuva_lock(to_npu_bo(obj)))
			drm_gpuva_unlink(&vma->base);
		drm_gem_object_put(obj);
	}
	kfree(vma);
}

static void npu_bind_kill(struct npu_bind_step *step, struct drm_gpuva *va)
{
	step->vm->bound_bytes -= va->va.range;
	list_add_tail(&to_npu_vma(va)->node, &step->op->dead);
}

static int npu_bind_step_map(struct drm_gpuva_op *gop, void *priv)
{
	struct npu_bind_step *step = priv;
	struct npu_vma *vma = npu_bind_take_spare(step->op);

	if (WARN_ON_ONCE(!vma))
		return -EINVAL;
	drm_gpuva_map(&step->vm->base, &vma->base, &gop->map);
	npu_vma_link(vma, step->op->vm_bo);
	step->vm->bound_bytes += vma->base.va.range;
	return 0;
}

static int npu_bind_step_remap(struct drm_gpuva_op *gop, void *priv)
{
	struct npu_bind_step *step = priv;
	struct drm_gpuva *old = gop->remap.unmap->va;
	struct npu_vma *prev = gop->remap.prev ? npu_bind_take_spare(step->op) : NULL;
	struct npu_vma *next = gop->remap.next ? npu_bind_take_spare(step->op) : NULL;

	if (WARN_ON_ONCE((gop->remap.prev && !prev) || (gop->remap.next && !next)))
		return -EINVAL;
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, &gop->remap);
	if (prev) {
		npu_vma_link(prev, old->vm_bo);
		step->vm->bound_bytes += prev->base.va.range;
	}
	if (next) {
		npu_vma_link(next, old->vm_bo);
		step->vm->bound_bytes += next->base.va.range;
	}
	npu_bind_kill(step, old);
	return 0;
}

static int npu_bind_step_unmap(struct drm_gpuva_op *gop, void *priv)
{
	drm_gpuva_unmap(&gop->unmap);
	npu_bind_kill(priv, gop->unmap.va);
	return 0;
}

const struct drm_gpuvm_ops npu_bind_gpuvm_ops = {
	.vm_free = npu_vm_free,
	.sm_step_map = npu_bind_step_map,
	.sm_step_remap = npu_bind_step_remap,
	.sm_step_unmap = npu_bind_step_unmap,
};

/* Do. */

static void npu_bind_op_source(const struct npu_bind_op *op, struct npu_pt_source *src)
{
	*src = (struct npu_pt_source) {
		.sgt = op->obj ? to_npu_bo(op->obj)->base.sgt : NULL,
		.offset = op->arg.bo_offset,
		.prot = NPU_PTE_R,
	};
	if (!(op->arg.flags & DRM_NPU_VM_BIND_READONLY))
		src->prot |= NPU_PTE_W;
	if (!(op->arg.flags & DRM_NPU_VM_BIND_NOEXEC) && op->obj)
		src->prot |= NPU_PTE_X;
}

/* Return: whether the device may know what was there before. */
static bool npu_bind_op_exec(struct npu_vm *vm, struct npu_bind_op *op)
{
	struct npu_bind_step step = { .vm = vm, .op = op };
	const struct drm_npu_vm_bind_op *arg = &op->arg;
	struct npu_pt_source src;

	if (npu_bind_type(arg) == (u32)DRM_NPU_VM_BIND_UNMAP) {
		WARN_ON_ONCE(drm_gpuvm_sm_unmap(&vm->base, &step, arg->va, arg->size));
		npu_pt_unmap(&op->pt, vm->root, arg->va, arg->size);
	} else {
		npu_bind_op_source(op, &src);
		WARN_ON_ONCE(npu_gpuvm_sm_map(&vm->base, &step, arg->va, arg->size, op->obj,
					      arg->bo_offset));
		npu_pt_map(&op->pt, vm->root, arg->va, arg->size, &src);
	}
	return !list_empty(&op->dead) || !list_empty(&op->pt.dropped);
}

/**
 * npu_bind_exec() - do all operations
 * @bind: prepared operations; &npu_vm.lock is held
 *
 * Page tables that were dropped or not needed are freed, for the device may lose its driver before
 * npu_bind_free(). Allocates nothing; may wait for the device.
 *
 * Return: 0; -EINVAL: the VM is unusable; -ENODEV: the device is lost.
 */
int npu_bind_exec(struct npu_bind *bind)
{
	struct npu_vm *vm = bind->vm;
	u64 start = U64_MAX, end = 0;
	int ret = 0;
	u32 i;

	lockdep_assert_held(&vm->lock);
	if (!vm->root || npu_is_lost(vm->npu))
		ret = -ENODEV;
	else if (vm->unusable)
		ret = -EINVAL;
	if (ret)
		goto out_release;
	/* Nothing fails after this point, but for the device being lost. */
	for (i = 0; i < bind->count; i++) {
		struct npu_bind_op *op = &bind->ops[i];

		if (npu_bind_op_exec(vm, op)) {
			start = min(start, op->arg.va);
			end = max(end, op->arg.va + op->arg.size);
		}
	}
	if (end)
		ret = npu_mmu_invalidate(vm->npu, vm->asid, start, end - start);
	if (ret)
		vm->unusable = true;
	for (i = 0; i < bind->count; i++)
		trace_npu_bind(vm->npu->drm.dev, vm->asid, &bind->ops[i].arg, ret);
out_release:
	for (i = 0; i < bind->count; i++)
		npu_pt_release(&bind->ops[i].pt);
	return ret;
}

/**
 * npu_bind_void_all() - take the page tables from all binds that have not run
 * @vm: VM that they will not change any more; its lock is held
 */
void npu_bind_void_all(struct npu_vm *vm)
{
	struct npu_bind *bind;
	u32 i;

	lockdep_assert_held(&vm->lock);
	list_for_each_entry(bind, &vm->binds, node)
		for (i = 0; i < bind->count; i++)
			npu_pt_release(&bind->ops[i].pt);
}

/* Clean up. */

static void npu_bind_op_fini(struct npu_bind_op *op)
{
	struct npu_vma *vma, *next;
	unsigned int i;

	list_for_each_entry_safe(vma, next, &op->dead, node)
		npu_vma_free(vma);
	npu_pt_release(&op->pt);
	if (op->vm_bo)
		npu_vm_bo_put(op->vm_bo);
	if (op->obj) {
		npu_bo_unpin(to_npu_bo(op->obj));
		drm_gem_object_put(op->obj);
	}
	for (i = 0; i < ARRAY_SIZE(op->spare); i++)
		kfree(op->spare[i]);
}

/**
 * npu_bind_free() - free operations that have been done, or never will be
 * @bind: operations; not needed to fulfil any promise any more
 *
 * May sleep, and takes locks of objects.
 */
void npu_bind_free(struct npu_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++)
		npu_bind_op_fini(&bind->ops[i]);
	kvfree(bind);
}

/* Prepare. */

static int npu_bind_check_op(const struct npu_device *npu, const struct drm_npu_vm_bind_op *arg)
{
	const u32 permissions = arg->flags & ~(u32)DRM_NPU_VM_BIND_TYPE_MASK;

	if (permissions & ~NPU_VM_BIND_PERMISSIONS)
		return -EINVAL;
	if (!arg->size || !PAGE_ALIGNED(arg->size | arg->va))
		return -EINVAL;
	if (arg->va < NPU_VA_MIN || arg->va >= NPU_VA_MAX || arg->size > NPU_VA_MAX - arg->va)
		return -EINVAL;
	switch (npu_bind_type(arg)) {
	case DRM_NPU_VM_BIND_MAP:
		return PAGE_ALIGNED(arg->bo_offset) ? 0 : -EINVAL;
	case DRM_NPU_VM_BIND_UNMAP:
		return !permissions && !arg->bo_handle && !arg->bo_offset ? 0 : -EINVAL;
	case DRM_NPU_VM_BIND_SPARSE:
		if (arg->bo_handle || arg->bo_offset)
			return -EINVAL;
		return npu->caps.features & NPU_FEATURE_SPARSE ? 0 : -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* Looks up the object of a map and gives it pages. */
static int npu_bind_find_object(struct drm_file *file, struct npu_vm *vm, struct npu_bind_op *op)
{
	const struct drm_npu_vm_bind_op *arg = &op->arg;
	struct drm_gem_object *obj;
	int ret;

	obj = drm_gem_object_lookup(file, arg->bo_handle);
	if (!obj)
		return -ENOENT;
	if (arg->bo_offset > obj->size || arg->size > obj->size - arg->bo_offset)
		ret = -EINVAL;
	else if (to_npu_bo(obj)->vm_root && to_npu_bo(obj)->vm_root != vm->base.r_obj)
		ret = -EACCES;
	else if (to_npu_bo(obj)->userptr.readonly && !(arg->flags & DRM_NPU_VM_BIND_READONLY))
		ret = -EACCES;
	else
		ret = npu_bo_pin(to_npu_bo(obj));
	if (ret)
		drm_gem_object_put(obj);
	else
		op->obj = obj;
	return ret;
}

static int npu_bind_link_object(struct npu_vm *vm, struct npu_bind_op *op)
{
	struct drm_gpuvm_bo *vm_bo;

	vm_bo = npu_gpuvm_bo_obtain(&vm->base, op->obj, &to_npu_bo(op->obj)->gpuva_lock);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	op->vm_bo = vm_bo;
	/* For who locks all that a VM maps; does nothing for what shares the VM's lock. */
	drm_gpuvm_bo_extobj_add(op->vm_bo);
	return 0;
}

static int npu_bind_prepare_op(struct npu_vm *vm, struct npu_bind_op *op)
{
	const bool unmap = npu_bind_type(&op->arg) == (u32)DRM_NPU_VM_BIND_UNMAP;
	struct npu_pt_source src;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(op->spare); i++) {
		op->spare[i] = kzalloc_obj(*op->spare[i], GFP_KERNEL_ACCOUNT);
		if (!op->spare[i])
			return -ENOMEM;
	}
	if (op->obj) {
		ret = npu_bind_link_object(vm, op);
		if (ret)
			return ret;
	}
	npu_bind_op_source(op, &src);
	return npu_pt_prepare(&op->pt, op->arg.va, op->arg.size, unmap ? NULL : &src);
}

/* Checks all operations, and gets all that they need. */
static int npu_bind_prepare(struct npu_bind *bind, struct drm_file *file)
{
	struct npu_vm *vm = bind->vm;
	u32 i;
	int ret;

	for (i = 0; i < bind->count; i++) {
		ret = npu_bind_check_op(vm->npu, &bind->ops[i].arg);
		if (ret)
			return ret;
	}
	for (i = 0; i < bind->count; i++) {
		if (npu_bind_type(&bind->ops[i].arg) != (u32)DRM_NPU_VM_BIND_MAP)
			continue;
		ret = npu_bind_find_object(file, vm, &bind->ops[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < bind->count; i++) {
		ret = npu_bind_prepare_op(vm, &bind->ops[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static struct npu_bind *npu_bind_alloc(struct npu_vm *vm, const struct drm_npu_obj_array *in)
{
	struct drm_npu_vm_bind_op *args;
	struct npu_bind *bind;
	u32 i;

	args = NPU_UOBJ_GET(in, struct drm_npu_vm_bind_op, size, NPU_MAX_BIND_OPS);
	if (IS_ERR(args))
		return ERR_CAST(args);
	bind = kvzalloc(struct_size(bind, ops, in->count), GFP_KERNEL_ACCOUNT);
	if (!bind) {
		kvfree(args);
		return ERR_PTR(-ENOMEM);
	}
	bind->vm = vm;
	bind->count = in->count;
	INIT_LIST_HEAD(&bind->node);
	for (i = 0; i < bind->count; i++) {
		bind->ops[i].arg = args[i];
		INIT_LIST_HEAD(&bind->ops[i].dead);
		npu_pt_ctx_init(&bind->ops[i].pt, vm->npu->drm.dev);
	}
	kvfree(args);
	return bind;
}

static int npu_bind_sync(struct npu_vm *vm, struct drm_file *file,
			 const struct drm_npu_obj_array *ops)
{
	struct npu_bind *bind = npu_bind_alloc(vm, ops);
	int ret, idx;

	if (IS_ERR(bind))
		return PTR_ERR(bind);
	if (!drm_dev_enter(&vm->npu->drm, &idx)) {
		npu_bind_free(bind);
		return -ENODEV;
	}
	ret = npu_bind_prepare(bind, file);
	if (!ret) {
		mutex_lock(&vm->lock);
		ret = npu_bind_exec(bind);
		mutex_unlock(&vm->lock);
	}
	npu_bind_free(bind);
	drm_dev_exit(idx);
	return ret;
}

/* Prepares the bind and has it done later, or frees it. There is room for it. */
static int npu_bind_push(struct npu_bind *bind, struct npu_syncs *syncs, struct drm_file *file)
{
	int ret, idx;

	if (!drm_dev_enter(&bind->vm->npu->drm, &idx)) {
		npu_bind_free(bind);
		return -ENODEV;
	}
	ret = npu_bind_prepare(bind, file);
	if (!ret)
		ret = npu_bindq_push(bind, syncs, file);
	if (ret)
		npu_bind_free(bind);
	drm_dev_exit(idx);
	return ret;
}

static int npu_bind_async(struct npu_vm *vm, struct drm_file *file,
			  const struct drm_npu_vm_bind *args, u32 count)
{
	const struct drm_npu_obj_array ops = {
		.stride = args->ops.stride,
		.count = count,
		.array = args->ops.array,
	};
	struct npu_syncs syncs = {};
	struct npu_bind *bind;
	int ret;

	bind = npu_bind_alloc(vm, &ops);
	if (IS_ERR(bind))
		return PTR_ERR(bind);
	ret = npu_syncs_fetch(&syncs, file, &args->syncs);
	if (!ret)
		ret = npu_syncs_prepare(&syncs);
	if (!ret)
		ret = npu_bindq_reserve(vm);
	if (ret) {
		npu_bind_free(bind);
	} else {
		ret = npu_bind_push(bind, &syncs, file);
		if (ret)
			npu_bindq_unreserve(vm);
	}
	npu_syncs_fini(&syncs);
	return ret;
}

/**
 * npu_ioctl_vm_bind() - DRM_NPU_VM_BIND
 * @drm: device
 * @data: struct drm_npu_vm_bind
 * @file: file
 *
 * Return: 0; -EINVAL: flags, counts, alignment, ranges, points, the VM is unusable, or a point to
 * wait for that nobody has submitted yet; -E2BIG: unknown bytes in an operation; -ENOENT: no such
 * VM, object or syncobj; -EACCES: an object that belongs to another VM, or read-only memory without
 * READONLY; -ENODATA: an object whose memory was taken; -EOPNOTSUPP: SPARSE on a device that
 * cannot; -EFAULT; -ENOMEM; -EINTR; -ENODEV.
 */
int npu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_vm_bind *args = data;
	struct drm_npu_obj_array ops = args->ops;
	const bool async = args->flags & DRM_NPU_VM_BIND_ASYNC;
	int ret;

	/* Said so in every error case: nothing has been done. */
	args->ops.count = 0;
	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	if (args->flags & ~DRM_NPU_VM_BIND_ASYNC)
		return -EINVAL;
	if (!async && (!ops.count || args->syncs.count))
		return -EINVAL;
	struct npu_vm *vm __free(npu_vm_put) = npu_vm_lookup(nfile, args->vm_id);
	if (!vm)
		return -ENOENT;
	if (async)
		ret = npu_bind_async(vm, file, args, ops.count);
	else
		ret = npu_bind_sync(vm, file, &ops);
	/* After an interruption the same struct comes again: drmIoctl() keeps no copy. */
	if (!ret || ret == -EINTR || ret == -ERESTARTSYS)
		args->ops.count = ops.count;
	return ret;
}
