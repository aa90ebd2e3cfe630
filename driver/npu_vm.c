// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Address spaces
 *
 * A VM owns a hardware address space (ASID) and a tree of page tables. What is
 * mapped where is kept in a &drm_gpuvm, which also works out the splits when
 * an operation overlaps earlier mappings.
 *
 * VM_BIND is synchronous. Its operations are checked, their objects looked up
 * and pinned before the first takes effect. Each then runs in four steps:
 * allocate everything, change the records, write the page tables, invalidate.
 * Only the first can fail, so an operation happens as a whole or not at all,
 * and a VM is never left half changed. Objects lose the reference of a mapping
 * after the invalidation, when no engine can reach their pages any more; jobs
 * may run all the while.
 *
 * Rejected: asynchronous binds through a scheduler, as GPUs have them. They pay
 * where binds are part of a frame. Here buffers are bound when a model is
 * loaded, and synchronous binds can report errors and need no rule against
 * allocating memory.
 *
 * Rejected: adding job fences to the reservation objects of all mapped buffers.
 * Nothing is ever evicted, so nobody would wait for these fences, and each
 * submit would have to lock every buffer of the VM.
 */
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_gem.h"
#include "npu_pt.h"
#include "npu_uobj.h"
#include "npu_vm.h"

/* Address spaces that one file may have; the hardware has NPU_MAX_AS for all. */
#define NPU_FILE_MAX_VMS 64

#define NPU_VM_BIND_FLAGS \
	(DRM_NPU_VM_BIND_READONLY | DRM_NPU_VM_BIND_NOEXEC | (u32)DRM_NPU_VM_BIND_TYPE_MASK)

/* All VMs of all devices, so that removal can reach them. */
static LIST_HEAD(npu_vm_list);
static DEFINE_MUTEX(npu_vm_list_lock);

/* A mapping. */
struct npu_vma {
	struct drm_gpuva base;
	/* in npu_vm_op.dead */
	struct list_head node;
};

static struct npu_vma *to_npu_vma(struct drm_gpuva *va)
{
	return container_of(va, struct npu_vma, base);
}

static struct npu_vm *to_npu_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct npu_vm, base);
}

/* One operation while it is done. */
struct npu_vm_op {
	struct npu_vm *vm;
	/* a split makes two mappings of one, a map adds one */
	struct npu_vma *spare[3];
	/* map: link between VM and object */
	struct drm_gpuvm_bo *vm_bo;
	/* mappings to be freed after the invalidation */
	struct list_head dead;
};

static struct npu_vma *npu_vm_op_take(struct npu_vm_op *op)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op->spare); i++)
		if (op->spare[i])
			return no_free_ptr(op->spare[i]);
	return NULL;
}

static void npu_vma_link(struct npu_vma *vma, struct drm_gpuvm_bo *vm_bo)
{
	guard(mutex)(npu_bo_gpuva_mutex(vm_bo->obj));
	drm_gpuva_link(&vma->base, vm_bo);
}

static void npu_vm_bo_put(struct drm_gpuvm_bo *vm_bo)
{
	struct drm_gem_object *obj = vm_bo->obj;

	/* The lock lives in the object, whose last reference this may be. */
	drm_gem_object_get(obj);
	scoped_guard(mutex, npu_bo_gpuva_mutex(obj))
		drm_gpuvm_bo_put(vm_bo);
	drm_gem_object_put(obj);
}

static void npu_vma_free(struct npu_vma *vma)
{
	struct drm_gem_object *obj = vma->base.gem.obj;

	drm_gem_object_get(obj);
	scoped_guard(mutex, npu_bo_gpuva_mutex(obj))
		drm_gpuva_unlink(&vma->base);
	drm_gem_object_put(obj);
	kfree(vma);
}

static void npu_vm_op_kill(struct npu_vm_op *op, struct drm_gpuva *va)
{
	op->vm->bound_bytes -= va->va.range;
	list_add_tail(&to_npu_vma(va)->node, &op->dead);
}

static int npu_vm_step_map(struct drm_gpuva_op *step, void *priv)
{
	struct npu_vm_op *op = priv;
	struct npu_vma *vma = npu_vm_op_take(op);

	if (WARN_ON_ONCE(!vma))
		return -EINVAL;
	drm_gpuva_map(&op->vm->base, &vma->base, &step->map);
	npu_vma_link(vma, op->vm_bo);
	op->vm->bound_bytes += vma->base.va.range;
	return 0;
}

static int npu_vm_step_remap(struct drm_gpuva_op *step, void *priv)
{
	struct npu_vm_op *op = priv;
	struct drm_gpuva *old = step->remap.unmap->va;
	struct npu_vma *prev = step->remap.prev ? npu_vm_op_take(op) : NULL;
	struct npu_vma *next = step->remap.next ? npu_vm_op_take(op) : NULL;

	if (WARN_ON_ONCE((step->remap.prev && !prev) || (step->remap.next && !next)))
		return -EINVAL;
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, &step->remap);
	if (prev) {
		npu_vma_link(prev, old->vm_bo);
		op->vm->bound_bytes += prev->base.va.range;
	}
	if (next) {
		npu_vma_link(next, old->vm_bo);
		op->vm->bound_bytes += next->base.va.range;
	}
	npu_vm_op_kill(op, old);
	return 0;
}

static int npu_vm_step_unmap(struct drm_gpuva_op *step, void *priv)
{
	drm_gpuva_unmap(&step->unmap);
	npu_vm_op_kill(priv, step->unmap.va);
	return 0;
}

static void npu_vm_free(struct drm_gpuvm *gpuvm)
{
	struct npu_vm *vm = to_npu_vm(gpuvm);

	mutex_destroy(&vm->lock);
	kfree(vm);
}

static const struct drm_gpuvm_ops npu_vm_ops = {
	.vm_free = npu_vm_free,
	.sm_step_map = npu_vm_step_map,
	.sm_step_remap = npu_vm_step_remap,
	.sm_step_unmap = npu_vm_step_unmap,
};

static int npu_vm_op_init(struct npu_vm_op *op, struct npu_vm *vm, struct drm_gem_object *obj)
{
	unsigned int i;

	*op = (struct npu_vm_op) { .vm = vm };
	INIT_LIST_HEAD(&op->dead);
	for (i = 0; i < ARRAY_SIZE(op->spare); i++) {
		op->spare[i] = kzalloc_obj(*op->spare[i], GFP_KERNEL_ACCOUNT);
		if (!op->spare[i])
			return -ENOMEM;
	}
	if (obj) {
		struct drm_gpuvm_bo *vm_bo;

		vm_bo = npu_gpuvm_bo_obtain(&vm->base, obj, &to_npu_bo(obj)->gpuva_lock);
		if (IS_ERR(vm_bo))
			return PTR_ERR(vm_bo);
		op->vm_bo = vm_bo;
		/* For who locks all that a VM maps; does nothing for what shares the VM's lock. */
		drm_gpuvm_bo_extobj_add(vm_bo);
	}
	return 0;
}

static void npu_vm_op_fini(struct npu_vm_op *op)
{
	struct npu_vma *vma, *next;
	unsigned int i;

	list_for_each_entry_safe(vma, next, &op->dead, node)
		npu_vma_free(vma);
	if (op->vm_bo)
		npu_vm_bo_put(op->vm_bo);
	for (i = 0; i < ARRAY_SIZE(op->spare); i++)
		kfree(op->spare[i]);
}

static u64 npu_vm_prot(u32 flags)
{
	u64 prot = NPU_PTE_R;

	if (!(flags & DRM_NPU_VM_BIND_READONLY))
		prot |= NPU_PTE_W;
	if (!(flags & DRM_NPU_VM_BIND_NOEXEC))
		prot |= NPU_PTE_X;
	return prot;
}

/* Does one checked operation; obj is pinned, or NULL for an unmap. */
static int npu_vm_do_op(struct npu_vm *vm, const struct drm_npu_vm_bind_op *arg,
			struct drm_gem_object *obj)
{
	struct npu_pt_source src = {
		.sgt = obj ? to_npu_bo(obj)->base.sgt : NULL,
		.offset = arg->bo_offset,
		.prot = npu_vm_prot(arg->flags),
	};
	struct npu_pt_ctx pt;
	struct npu_vm_op op;
	int ret;

	lockdep_assert_held(&vm->lock);
	if (!vm->root)
		return -ENODEV;
	npu_pt_ctx_init(&pt, vm->npu->drm.dev, vm->root);
	ret = npu_vm_op_init(&op, vm, obj);
	if (!ret)
		ret = npu_pt_prepare(&pt, arg->va, arg->size, obj ? &src : NULL);
	if (ret)
		goto out;

	/* Nothing fails after this point, but for the device being lost. */
	if (obj) {
		WARN_ON_ONCE(npu_gpuvm_sm_map(&vm->base, &op, arg->va, arg->size, obj,
					      arg->bo_offset));
		npu_pt_map(&pt, arg->va, arg->size, &src);
	} else {
		WARN_ON_ONCE(drm_gpuvm_sm_unmap(&vm->base, &op, arg->va, arg->size));
		npu_pt_unmap(&pt, arg->va, arg->size);
	}
	ret = npu_mmu_invalidate(vm->npu, vm->asid, arg->va, arg->size);
	if (ret)
		vm->unusable = true;
	npu_pt_release(&pt);
out:
	npu_vm_op_fini(&op);
	return ret;
}

/* Takes everything out of a VM that no engine can reach any more. */
static void npu_vm_clear(struct npu_vm *vm)
{
	struct drm_gpuva *va, *next;

	lockdep_assert_held(&vm->lock);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		drm_gpuva_remove(va);
		npu_vma_free(to_npu_vma(va));
	}
	vm->bound_bytes = 0;
	npu_pt_destroy(vm->npu->drm.dev, vm->root);
	vm->root = NULL;
}

static void npu_vm_release(struct kref *kref)
{
	struct npu_vm *vm = container_of(kref, struct npu_vm, kref);

	/* From here on npu_vm_unplug_all() does not find it. */
	scoped_guard(mutex, &npu_vm_list_lock)
		list_del(&vm->node);
	scoped_guard(mutex, &vm->lock) {
		if (vm->root) {
			npu_mmu_space_set(vm->npu, vm->asid, 0);
			npu_mmu_invalidate(vm->npu, vm->asid, 0, 0);
			npu_vm_clear(vm);
		}
	}
	npu_mmu_space_free(vm->npu, vm->asid);
	drm_gpuvm_put(&vm->base);
}

/**
 * npu_vm_get() - take a user reference
 * @vm: VM that the caller has one of
 *
 * Return: @vm.
 */
struct npu_vm *npu_vm_get(struct npu_vm *vm)
{
	kref_get(&vm->kref);
	return vm;
}

/**
 * npu_vm_put() - drop a user reference
 * @vm: VM, or NULL; with the last user go its mappings. May sleep.
 */
void npu_vm_put(struct npu_vm *vm)
{
	if (vm)
		kref_put(&vm->kref, npu_vm_release);
}

DEFINE_FREE(npu_vm_put, struct npu_vm *, npu_vm_put(_T))

/**
 * npu_vm_lookup() - find a VM by its id
 * @nfile: file
 * @id: id
 *
 * Return: the VM with a reference for the caller, or NULL.
 */
struct npu_vm *npu_vm_lookup(struct npu_file *nfile, u32 id)
{
	struct npu_vm *vm;

	xa_lock(&nfile->vms);
	vm = xa_load(&nfile->vms, id);
	if (vm)
		npu_vm_get(vm);
	xa_unlock(&nfile->vms);
	return vm;
}

/**
 * npu_vm_close_all() - drop all ids of a file that is being closed
 * @nfile: file
 */
void npu_vm_close_all(struct npu_file *nfile)
{
	struct npu_vm *vm;
	unsigned long id;

	xa_for_each(&nfile->vms, id, vm)
		npu_vm_put(vm);
	xa_destroy(&nfile->vms);
}

/**
 * npu_vm_unplug_all() - take everything out of all VMs of a device that is gone
 * @npu: device, which reaches no memory any more
 *
 * Page tables and objects must not stay mapped for a device that loses its driver.
 */
void npu_vm_unplug_all(struct npu_device *npu)
{
	struct npu_vm *vm;

	guard(mutex)(&npu_vm_list_lock);
	list_for_each_entry(vm, &npu_vm_list, node) {
		if (vm->npu != npu)
			continue;
		guard(mutex)(&vm->lock);
		if (vm->root)
			npu_vm_clear(vm);
		vm->unusable = true;
	}
}

static struct npu_vm *npu_vm_create(struct npu_device *npu)
{
	struct drm_gem_object *resv;
	struct npu_vm *vm;
	int ret;

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	ret = npu_mmu_space_alloc(npu);
	if (ret < 0)
		goto err_free;
	vm->asid = ret;
	ret = -ENOMEM;
	vm->root = npu_pt_create_root(npu->drm.dev);
	if (!vm->root)
		goto err_free_asid;
	resv = drm_gpuvm_resv_object_alloc(&npu->drm);
	if (!resv)
		goto err_free_root;

	vm->npu = npu;
	kref_init(&vm->kref);
	mutex_init(&vm->lock);
	drm_gpuvm_init(&vm->base, "npu", NPU_GPUVM_FLAGS, &npu->drm, resv, NPU_VA_MIN,
		       NPU_VA_MAX - NPU_VA_MIN, 0, 0, &npu_vm_ops);
	drm_gem_object_put(resv);

	scoped_guard(mutex, &npu_vm_list_lock) {
		list_add_tail(&vm->node, &npu_vm_list);
		/* Removal marks the device before it walks the list: one of us sees the other. */
		ret = npu_is_lost(npu) ? -ENODEV : 0;
	}
	if (ret) {
		npu_vm_put(vm);
		return ERR_PTR(ret);
	}
	npu_mmu_space_set(npu, vm->asid, vm->root->dma);
	return vm;

err_free_root:
	npu_pt_destroy(npu->drm.dev, vm->root);
err_free_asid:
	npu_mmu_space_free(npu, vm->asid);
err_free:
	kfree(vm);
	return ERR_PTR(ret);
}

/**
 * npu_ioctl_vm_create() - DRM_NPU_VM_CREATE
 * @drm: device
 * @data: struct drm_npu_vm_create
 * @file: file
 *
 * Return: 0; -EINVAL: flags; -ENOSPC: no address space is free, or the file has its share;
 * -ENOMEM; -ENODEV.
 */
int npu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_vm_create *args = data;
	struct npu_vm *vm;
	int ret;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	if (args->flags)
		return -EINVAL;
	if (!atomic_add_unless(&nfile->vm_count, 1, NPU_FILE_MAX_VMS))
		return -ENOSPC;
	vm = npu_vm_create(nfile->npu);
	if (IS_ERR(vm)) {
		ret = PTR_ERR(vm);
		goto err_uncount;
	}
	ret = xa_alloc(&nfile->vms, &args->id, vm, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_put;
	return 0;

err_put:
	npu_vm_put(vm);
err_uncount:
	atomic_dec(&nfile->vm_count);
	return ret;
}

/**
 * npu_ioctl_vm_destroy() - DRM_NPU_VM_DESTROY
 * @drm: device
 * @data: struct drm_npu_vm_destroy
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -ENOENT: no such VM.
 */
int npu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_vm_destroy *args = data;
	struct npu_vm *vm;

	if (args->pad)
		return -EINVAL;
	vm = xa_erase(&nfile->vms, args->id);
	if (!vm)
		return -ENOENT;
	atomic_dec(&nfile->vm_count);
	npu_vm_put(vm);
	return 0;
}

/**
 * npu_ioctl_vm_get_state() - DRM_NPU_VM_GET_STATE
 * @drm: device
 * @data: struct drm_npu_vm_get_state
 * @file: file
 *
 * Return: 0; -ENOENT: no such VM; -ENODEV.
 */
int npu_ioctl_vm_get_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_vm_get_state *args = data;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	struct npu_vm *vm __free(npu_vm_put) = npu_vm_lookup(nfile, args->vm_id);
	if (!vm)
		return -ENOENT;
	guard(mutex)(&vm->lock);
	args->state = vm->unusable ? DRM_NPU_VM_UNUSABLE : DRM_NPU_VM_USABLE;
	args->bound_bytes = vm->bound_bytes;
	return 0;
}

static int npu_vm_check_op(const struct drm_npu_vm_bind_op *op)
{
	u32 type = op->flags & (u32)DRM_NPU_VM_BIND_TYPE_MASK;

	if (op->flags & ~NPU_VM_BIND_FLAGS)
		return -EINVAL;
	if (!op->size || !PAGE_ALIGNED(op->size | op->va))
		return -EINVAL;
	if (op->va < NPU_VA_MIN || op->va >= NPU_VA_MAX || op->size > NPU_VA_MAX - op->va)
		return -EINVAL;
	switch (type) {
	case DRM_NPU_VM_BIND_MAP:
		return PAGE_ALIGNED(op->bo_offset) ? 0 : -EINVAL;
	case DRM_NPU_VM_BIND_UNMAP:
		return op->flags == type && !op->bo_handle && !op->bo_offset ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* Looks up and pins the object of a map. */
static struct drm_gem_object *npu_vm_op_object(struct drm_file *file, struct npu_vm *vm,
					       const struct drm_npu_vm_bind_op *op)
{
	struct drm_gem_object *obj;
	struct sg_table *sgt;
	int ret;

	obj = drm_gem_object_lookup(file, op->bo_handle);
	if (!obj)
		return ERR_PTR(-ENOENT);
	ret = -EINVAL;
	if (op->bo_offset > obj->size || op->size > obj->size - op->bo_offset)
		goto err_put;
	ret = -EACCES;
	if (to_npu_bo(obj)->vm_root && to_npu_bo(obj)->vm_root != vm->base.r_obj)
		goto err_put;
	sgt = drm_gem_shmem_get_pages_sgt(&to_npu_bo(obj)->base);
	ret = PTR_ERR_OR_ZERO(sgt);
	if (ret)
		goto err_put;
	return obj;

err_put:
	drm_gem_object_put(obj);
	return ERR_PTR(ret);
}

/* Checks all operations and fetches their objects; objs is zeroed. */
static int npu_vm_bind_prepare(struct drm_file *file, struct npu_vm *vm,
			       const struct drm_npu_vm_bind_op *ops, struct drm_gem_object **objs,
			       u32 count)
{
	u32 i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = npu_vm_check_op(&ops[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < count; i++) {
		struct drm_gem_object *obj;

		if (ops[i].flags & (u32)DRM_NPU_VM_BIND_TYPE_MASK)
			continue;
		obj = npu_vm_op_object(file, vm, &ops[i]);
		if (IS_ERR(obj))
			return PTR_ERR(obj);
		objs[i] = obj;
	}
	return 0;
}

static int npu_vm_bind_run(struct npu_vm *vm, const struct drm_npu_vm_bind_op *ops,
			   struct drm_gem_object **objs, u32 count, u32 *done)
{
	int ret;

	guard(mutex)(&vm->lock);
	if (vm->unusable)
		return -EINVAL;
	for (*done = 0; *done < count; ++*done) {
		ret = npu_vm_do_op(vm, &ops[*done], objs[*done]);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * npu_ioctl_vm_bind() - DRM_NPU_VM_BIND
 * @drm: device
 * @data: struct drm_npu_vm_bind
 * @file: file
 *
 * Return: 0; -EINVAL: flags, counts, alignment, ranges, or the VM is unusable; -E2BIG: unknown
 * bytes in an operation; -ENOENT: no such VM or object; -EACCES: an object that belongs to another
 * VM; -EFAULT; -ENOMEM; -EINTR; -ENODEV.
 */
int npu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_vm_bind *args = data;
	struct drm_npu_vm_bind_op *ops;
	struct drm_gem_object **objs;
	u32 count = args->ops.count, i;
	int ret;

	/* Said so in every error case: nothing has been done yet. */
	args->ops.count = 0;
	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	if (args->flags || !count)
		return -EINVAL;
	struct npu_vm *vm __free(npu_vm_put) = npu_vm_lookup(nfile, args->vm_id);
	if (!vm)
		return -ENOENT;

	args->ops.count = count;
	ops = NPU_UOBJ_GET(&args->ops, struct drm_npu_vm_bind_op, size, NPU_MAX_BIND_OPS);
	args->ops.count = 0;
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	objs = kvcalloc(count, sizeof(*objs), GFP_KERNEL_ACCOUNT);
	if (!objs) {
		ret = -ENOMEM;
		goto out_free_ops;
	}
	ret = npu_vm_bind_prepare(file, vm, ops, objs, count);
	if (!ret)
		ret = npu_vm_bind_run(vm, ops, objs, count, &args->ops.count);
	/* Nothing has been done, and the same struct comes again: drmIoctl() keeps no copy. */
	if (ret == -EINTR || ret == -ERESTARTSYS)
		args->ops.count = count;
	for (i = 0; i < count; i++)
		if (objs[i])
			drm_gem_object_put(objs[i]);
	kvfree(objs);
out_free_ops:
	kvfree(ops);
	return ret;
}
