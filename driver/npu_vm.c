// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Address spaces
 *
 * A VM owns a hardware address space (ASID), a tree of page tables, and the record
 * of what is mapped where. How these change is npu_bind.c's part; here is how they
 * come and go. A VM is never left half changed.
 *
 * Rejected: adding job fences to the reservation objects of all mapped buffers.
 * Nothing is evicted while it is mapped and needed, so nobody would wait for these
 * fences, and each submit would have to lock every buffer of the VM.
 */
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "npu_account.h"
#include "npu_bind.h"
#include "npu_bindq.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_pt.h"
#include "npu_vm.h"

/* So long a closing file waits for its binds to be freed, so that rmmod works right after it. */
#define NPU_VM_CLOSE_JIFFIES (HZ / 2)

/* All VMs of all devices, so that removal can reach them. */
static LIST_HEAD(npu_vm_list);
static DEFINE_MUTEX(npu_vm_list_lock);

static struct npu_vm *to_npu_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct npu_vm, base);
}

/**
 * npu_vm_free() - free a VM that nobody refers to
 * @gpuvm: its record
 */
void npu_vm_free(struct drm_gpuvm *gpuvm)
{
	struct npu_vm *vm = to_npu_vm(gpuvm);

	mutex_destroy(&vm->bindq_lock);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

/*
 * Takes everything out of a VM that no engine can reach any more, into a list of what is to be
 * freed when the VM is unlocked: that takes locks of objects, which nobody waits for in a VM's.
 */
static void npu_vm_clear(struct npu_vm *vm, struct list_head *dead)
{
	struct drm_gpuva *va, *next;

	lockdep_assert_held(&vm->lock);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		drm_gpuva_remove(va);
		list_add_tail(&container_of(va, struct npu_vma, base)->node, dead);
	}
	vm->bound_bytes = 0;
	npu_bind_void_all(vm);
	npu_pt_destroy(vm->npu->drm.dev, vm->root);
	vm->root = NULL;
}

static void npu_vm_free_dead(struct list_head *dead)
{
	struct npu_vma *vma, *next;

	list_for_each_entry_safe(vma, next, dead, node)
		npu_vma_free(vma);
}

static void npu_vm_release(struct kref *kref)
{
	struct npu_vm *vm = container_of(kref, struct npu_vm, kref);
	LIST_HEAD(dead);

	scoped_guard(mutex, &vm->lock) {
		if (vm->root) {
			npu_mmu_space_set(vm->npu, vm->asid, 0);
			npu_mmu_invalidate(vm->npu, vm->asid, 0, 0);
			npu_vm_clear(vm, &dead);
		}
	}
	/* Not before: removal has to wait for that, and waits for those that it finds. */
	scoped_guard(mutex, &npu_vm_list_lock)
		list_del(&vm->node);
	npu_vm_free_dead(&dead);
	npu_mmu_space_free(vm->npu, vm->asid);
	npu_user_uncharge(vm->user, NPU_RESOURCE_VMS, 1);
	npu_user_put(vm->user);
	npu_bindq_put(vm->bindq);
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

/* The id is gone: binds that have not run never will. */
static void npu_vm_close(struct npu_vm *vm)
{
	scoped_guard(mutex, &vm->lock) {
		vm->closed = true;
		npu_bind_void_all(vm);
	}
	/* Pairs with npu_bindq_get(). */
	npu_bindq_wake(smp_load_acquire(&vm->bindq));
}

/**
 * npu_vm_cancel_all() - cancel the pending binds of a file that is being closed
 * @nfile: file
 *
 * To be called while its queues are there: when these end, the binds would be free to run.
 */
void npu_vm_cancel_all(struct npu_file *nfile)
{
	struct npu_vm *vm;
	unsigned long id;

	xa_for_each(&nfile->vms, id, vm)
		npu_vm_close(vm);
}

/**
 * npu_vm_close_all() - drop all ids of a file that is being closed
 * @nfile: file, after npu_vm_cancel_all()
 */
void npu_vm_close_all(struct npu_file *nfile)
{
	unsigned long deadline = jiffies + NPU_VM_CLOSE_JIFFIES;
	struct npu_vm *vm;
	unsigned long id;

	xa_for_each(&nfile->vms, id, vm) {
		/* Binds that wait for somebody else's fence may take longer, and do no harm. */
		npu_bindq_wait(vm->bindq, deadline);
		npu_vm_put(vm);
	}
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
		LIST_HEAD(dead);

		if (vm->npu != npu)
			continue;
		scoped_guard(mutex, &vm->lock) {
			if (vm->root)
				npu_vm_clear(vm, &dead);
			vm->unusable = true;
		}
		npu_vm_free_dead(&dead);
	}
}

/**
 * npu_vm_for_each() - look at all VMs of a device
 * @npu: device
 * @look: called for each, with its lock held: it must not allocate, and wait for no lock
 * @arg: passed on
 */
void npu_vm_for_each(struct npu_device *npu, void (*look)(struct npu_vm *vm, void *arg), void *arg)
{
	struct npu_vm *vm;

	guard(mutex)(&npu_vm_list_lock);
	list_for_each_entry(vm, &npu_vm_list, node) {
		if (vm->npu != npu)
			continue;
		guard(mutex)(&vm->lock);
		look(vm, arg);
	}
}

static struct npu_vm *npu_vm_create(struct npu_device *npu, struct npu_user *user)
{
	struct drm_gem_object *resv;
	struct npu_vm *vm;
	int ret;

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	ret = npu_user_charge(user, NPU_RESOURCE_VMS, 1);
	if (ret)
		goto err_free;
	ret = npu_mmu_space_alloc(npu);
	if (ret < 0)
		goto err_uncharge;
	vm->asid = ret;
	ret = -ENOMEM;
	vm->root = npu_pt_create_root(npu->drm.dev);
	if (!vm->root)
		goto err_free_asid;
	resv = drm_gpuvm_resv_object_alloc(&npu->drm);
	if (!resv)
		goto err_free_root;

	vm->npu = npu;
	vm->user = npu_user_get(user);
	kref_init(&vm->kref);
	mutex_init(&vm->lock);
	mutex_init(&vm->bindq_lock);
	INIT_LIST_HEAD(&vm->binds);
	drm_gpuvm_init(&vm->base, "npu", NPU_GPUVM_FLAGS, &npu->drm, resv, NPU_VA_MIN,
		       NPU_VA_MAX - NPU_VA_MIN, 0, 0, &npu_bind_gpuvm_ops);
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
err_uncharge:
	npu_user_uncharge(user, NPU_RESOURCE_VMS, 1);
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
 * Return: 0; -EINVAL: flags; -ENOSPC: no address space is free; -EDQUOT: the user has as many as it
 * may; -ENOMEM; -ENODEV.
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
	vm = npu_vm_create(nfile->npu, nfile->user);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = xa_alloc(&nfile->vms, &args->id, vm, npu_id_limit, GFP_KERNEL_ACCOUNT);
	if (ret)
		npu_vm_put(vm);
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
	npu_vm_close(vm);
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
