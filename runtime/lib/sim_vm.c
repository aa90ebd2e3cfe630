// SPDX-License-Identifier: MIT
/*
 * Buffers and address spaces of the simulated device, as the driver has them: a mapping holds its
 * buffer, a bind checks everything before it changes anything, each of its operations happens as a
 * whole or not at all, and what was unmapped is given back when no engine can reach it any more.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BO_MAX_SIZE (256ull << 30)
#define BIND_FLAGS \
	(DRM_NPU_VM_BIND_READONLY | DRM_NPU_VM_BIND_NOEXEC | (uint32_t)DRM_NPU_VM_BIND_TYPE_MASK)

/* ---- buffers --------------------------------------------------------------------------------- */

void sim_bo_put(struct sim_dev *dev, struct sim_bo *bo)
{
	if (atomic_fetch_sub(&bo->refs, 1) != 1)
		return;
	sim_mem_free(&dev->mem, bo->bus, bo->size);
	free(bo);
}

int sim_bo_create(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
		  uint32_t *ret_handle)
{
	struct sim_dev *dev = priv;
	struct sim_bo *bo;
	int err;

	if (sim_gone(dev))
		return -ENODEV;
	if (!*size || *size > BO_MAX_SIZE || flags & ~(uint32_t)DRM_NPU_BO_WC)
		return -EINVAL;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	atomic_init(&bo->refs, 1);
	bo->flags = flags;
	bo->size = (*size + NPU_PAGE_SIZE - 1) & ~(NPU_PAGE_SIZE - 1);
	err = sim_mem_alloc(&dev->mem, bo->size, &bo->bus);
	if (err) {
		free(bo);
		return err;
	}
	*size = bo->size;
	pthread_mutex_lock(&dev->lock);
	bo->vm = vm_id ? sim_table_get(&dev->vms, vm_id) : NULL;
	err = vm_id && !bo->vm ? -ENOENT : sim_table_add(&dev->bos, bo, ret_handle);
	pthread_mutex_unlock(&dev->lock);
	if (err)
		sim_bo_put(dev, bo);
	return err;
}

int sim_bo_destroy(void *priv, uint32_t handle)
{
	struct sim_dev *dev = priv;
	struct sim_bo *bo;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	bo = sim_table_take(&dev->bos, handle);
	pthread_mutex_unlock(&dev->lock);
	if (!bo)
		return -EINVAL; /* as GEM has it */
	sim_bo_put(dev, bo);
	return 0;
}

int sim_bo_query_info(void *priv, struct drm_npu_bo_query_info *info)
{
	struct sim_dev *dev = priv;
	const struct sim_bo *bo;

	if (sim_gone(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, info->handle);
	if (bo) {
		const size_t length = bo->label[0] ? strlen(bo->label) + 1 : 0;

		memcpy((void *)(uintptr_t)info->label, bo->label,
		       length < info->label_size ? length : info->label_size);
		info->flags = bo->flags;
		info->size = bo->size;
		info->resident = bo->size;
		info->kind = DRM_NPU_BO_KIND_SHMEM;
		info->state = bo->state;
		info->label_size = length;
	}
	pthread_mutex_unlock(&dev->lock);
	return bo ? 0 : -ENOENT;
}

int sim_bo_set_label(void *priv, uint32_t handle, const char *label)
{
	struct sim_dev *dev = priv;
	struct sim_bo *bo;

	if (sim_gone(dev))
		return -ENODEV;
	if (label && strlen(label) >= DRM_NPU_BO_LABEL_MAX)
		return -E2BIG;
	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, handle);
	if (bo)
		snprintf(bo->label, sizeof(bo->label), "%s", label ? label : "");
	pthread_mutex_unlock(&dev->lock);
	return bo ? 0 : -ENOENT;
}

/* The memory is the process's, and nobody takes it. */
int sim_bo_madvise(void *priv, uint32_t handle, uint32_t advice, bool *ret_retained)
{
	struct sim_dev *dev = priv;
	struct sim_bo *bo;

	if (sim_gone(dev))
		return -ENODEV;
	if (advice > DRM_NPU_BO_DONTNEED)
		return -EINVAL;
	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, handle);
	if (bo)
		bo->state = advice == DRM_NPU_BO_DONTNEED ? DRM_NPU_BO_DISCARDABLE : DRM_NPU_BO_NEEDED;
	pthread_mutex_unlock(&dev->lock);
	if (!bo)
		return -ENOENT;
	*ret_retained = true;
	return 0;
}

int sim_bo_map(void *priv, uint32_t handle, uint64_t size, void **ret_pointer)
{
	struct sim_dev *dev = priv;
	struct sim_bo *bo;
	int err = -ENOENT;

	if (sim_gone(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, handle);
	if (bo)
		err = size <= bo->size ? 0 : -EINVAL;
	if (!err)
		*ret_pointer = sim_mem_ptr(&dev->mem, bo->bus);
	pthread_mutex_unlock(&dev->lock);
	return err;
}

/* The pointer is the memory itself, and goes with it. */
void sim_bo_unmap(void *priv, uint32_t handle, void *pointer, uint64_t size)
{
	(void)priv;
	(void)handle;
	(void)pointer;
	(void)size;
}

/* ---- address spaces -------------------------------------------------------------------------- */

/* Wait until no engine uses an old translation of the space. */
static void invalidate(struct sim_dev *dev, uint32_t asid, uint64_t va, uint64_t size)
{
	pthread_rwlock_rdlock(&dev->hw);
	pthread_mutex_lock(&dev->tlb_lock);
	npu_dev_write(dev->core, NPU_REG_TLB_VA_LO, va, 8);
	npu_dev_write(dev->core, NPU_REG_TLB_SIZE_LO, size, 8);
	npu_dev_write(dev->core, NPU_REG_TLB_CMD, asid & NPU_TLB_CMD_ASID, 4);
	npu_dev_wait_tlb(dev->core);
	pthread_mutex_unlock(&dev->tlb_lock);
	pthread_rwlock_unlock(&dev->hw);
}

static void set_space(struct sim_dev *dev, uint32_t asid, uint64_t root)
{
	uint64_t satp = root ? NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT |
					(uint64_t)asid << NPU_SATP_ASID_SHIFT |
					root >> NPU_PAGE_SHIFT
			     : 0;

	__atomic_store_n(&dev->as_table[asid].satp, satp, __ATOMIC_RELEASE);
}

/* ASID 0 is never given out: a zeroed structure must not name anybody's memory. */
static int take_asid(struct sim_dev *dev, uint32_t *ret_asid)
{
	for (uint32_t asid = 1; asid < dev->spaces; asid++) {
		if (dev->asids[asid / 64] >> asid % 64 & 1)
			continue;
		dev->asids[asid / 64] |= 1ull << asid % 64;
		*ret_asid = asid;
		return 0;
	}
	return -ENOSPC;
}

static void give_asid(struct sim_dev *dev, uint32_t asid)
{
	pthread_mutex_lock(&dev->lock);
	dev->asids[asid / 64] &= ~(1ull << asid % 64);
	pthread_mutex_unlock(&dev->lock);
}

/* Without memory there is no buffer. */
static void put_bind(struct sim_dev *dev, struct sim_bind *bind)
{
	if (bind->bo)
		sim_bo_put(dev, bind->bo);
	free(bind);
}

void sim_vm_put(struct sim_dev *dev, struct sim_vm *vm)
{
	struct sim_bind *bind;

	if (atomic_fetch_sub(&vm->refs, 1) != 1)
		return;
	set_space(dev, vm->asid, 0);
	invalidate(dev, vm->asid, 0, 0);
	while ((bind = vm->binds)) {
		vm->binds = bind->next;
		put_bind(dev, bind);
	}
	sim_pt_fini(&vm->pt);
	give_asid(dev, vm->asid);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

int sim_vm_create(void *priv, uint32_t *ret_id)
{
	struct sim_dev *dev = priv;
	struct sim_vm *vm;
	int err;

	if (sim_gone(dev))
		return -ENODEV;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	if (sim_pt_init(&vm->pt, &dev->mem)) {
		free(vm);
		return -ENOMEM;
	}
	atomic_init(&vm->refs, 1);
	pthread_mutex_init(&vm->lock, NULL);
	pthread_mutex_lock(&dev->lock);
	err = dev->vms.count < SIM_MAX_VMS ? take_asid(dev, &vm->asid) : -ENOSPC;
	if (!err) {
		set_space(dev, vm->asid, vm->pt.root);
		err = sim_table_add(&dev->vms, vm, ret_id);
	}
	pthread_mutex_unlock(&dev->lock);
	if (!err)
		return 0;
	if (vm->asid) {
		sim_vm_put(dev, vm);
	} else {
		sim_pt_fini(&vm->pt);
		pthread_mutex_destroy(&vm->lock);
		free(vm);
	}
	return err;
}

int sim_vm_destroy(void *priv, uint32_t id)
{
	struct sim_dev *dev = priv;
	struct sim_vm *vm;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	vm = sim_table_take(&dev->vms, id);
	pthread_mutex_unlock(&dev->lock);
	if (!vm)
		return -ENOENT;
	sim_vm_put(dev, vm);
	return 0;
}

/* ---- binds ----------------------------------------------------------------------------------- */

/* One operation under way. */
struct change {
	struct sim_bind *spare[2]; /* a new mapping, and the second part of one that is cut */
	struct sim_bind *dead;	   /* mappings whose buffers are let go when nobody reaches them */
};

static struct sim_bind *take_spare(struct change *change)
{
	unsigned int i = change->spare[0] ? 0 : 1;
	struct sim_bind *bind = change->spare[i];

	change->spare[i] = NULL;
	return bind;
}

/* Take [va, end) out of the list. Returns the link at which a mapping of that range belongs. */
static struct sim_bind **carve(struct sim_vm *vm, struct change *change, uint64_t va, uint64_t end)
{
	struct sim_bind **link = &vm->binds, *bind;

	while ((bind = *link) && bind->va + bind->size <= va)
		link = &bind->next;
	while ((bind = *link) && bind->va < end) {
		uint64_t bind_end = bind->va + bind->size;

		if (bind_end > end) {
			struct sim_bind *rest = bind;

			if (bind->va < va) { /* it goes on behind the range */
				rest = take_spare(change);
				*rest = *bind;
				if (rest->bo)
					atomic_fetch_add(&rest->bo->refs, 1);
				bind->next = rest;
				bind->size = va - bind->va;
				link = &bind->next;
			}
			rest->va = end;
			rest->size = bind_end - end;
			break;
		}
		if (bind->va < va) {
			bind->size = va - bind->va;
			link = &bind->next;
			continue;
		}
		*link = bind->next;
		bind->next = change->dead;
		change->dead = bind;
	}
	return link;
}

/* vm->lock held; the operation is checked. bo is NULL but for a map. */
static int do_op(struct sim_dev *dev, struct sim_vm *vm, const struct drm_npu_vm_bind_op *op,
		 struct sim_bo *bo)
{
	const bool map = (op->flags & DRM_NPU_VM_BIND_TYPE_MASK) != DRM_NPU_VM_BIND_UNMAP;
	uint64_t bus = bo ? bo->bus + op->bo_offset : 0, prot = NPU_PTE_R;
	struct change change = {{malloc(sizeof(struct sim_bind)), malloc(sizeof(struct sim_bind))},
				NULL};
	struct sim_bind **link, *bind;
	int err = 0;

	if (!change.spare[0] || !change.spare[1] ||
	    sim_pt_prepare(&vm->pt, op->va, op->size, map, bus))
		err = -ENOMEM;
	if (!err) {
		/* Nothing fails after this point. */
		link = carve(vm, &change, op->va, op->va + op->size);
		if (map) {
			bind = take_spare(&change);
			*bind = (struct sim_bind){*link, op->va, op->size, bo};
			if (bo)
				atomic_fetch_add(&bo->refs, 1);
			else
				prot |= NPU_PTE_SPARSE;
			*link = bind;
			if (!(op->flags & DRM_NPU_VM_BIND_READONLY))
				prot |= NPU_PTE_W;
			if (!(op->flags & DRM_NPU_VM_BIND_NOEXEC))
				prot |= NPU_PTE_X;
			sim_pt_map(&vm->pt, op->va, op->size, bus, prot);
		} else {
			sim_pt_unmap(&vm->pt, op->va, op->size);
		}
		invalidate(dev, vm->asid, op->va, op->size);
	}
	while ((bind = change.dead)) {
		change.dead = bind->next;
		put_bind(dev, bind);
	}
	free(change.spare[0]);
	free(change.spare[1]);
	return err;
}

static int check_op(const struct drm_npu_vm_bind_op *op)
{
	uint32_t type = op->flags & (uint32_t)DRM_NPU_VM_BIND_TYPE_MASK;

	if (op->flags & ~BIND_FLAGS || !op->size || (op->size | op->va) % NPU_PAGE_SIZE)
		return -EINVAL;
	if (op->va < NPU_VA_MIN || op->va >= NPU_VA_MAX || op->size > NPU_VA_MAX - op->va)
		return -EINVAL;
	if (type == DRM_NPU_VM_BIND_MAP)
		return op->bo_offset % NPU_PAGE_SIZE ? -EINVAL : 0;
	if (type == DRM_NPU_VM_BIND_UNMAP)
		return op->flags == type && !op->bo_handle && !op->bo_offset ? 0 : -EINVAL;
	if (type == DRM_NPU_VM_BIND_SPARSE)
		return !op->bo_handle && !op->bo_offset ? 0 : -EINVAL;
	return -EINVAL;
}

/* Hold the buffers of all maps; bos is zeroed. dev->lock held. */
static int find_bos(struct sim_dev *dev, const struct sim_vm *vm,
		    const struct drm_npu_vm_bind_op *ops, struct sim_bo **bos, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sim_bo *bo;

		if (ops[i].flags & (uint32_t)DRM_NPU_VM_BIND_TYPE_MASK)
			continue;
		bo = sim_table_get(&dev->bos, ops[i].bo_handle);
		if (!bo)
			return -ENOENT;
		if (ops[i].bo_offset > bo->size || ops[i].size > bo->size - ops[i].bo_offset)
			return -EINVAL;
		if (bo->vm && bo->vm != vm)
			return -EACCES;
		atomic_fetch_add(&bo->refs, 1);
		bos[i] = bo;
	}
	return 0;
}

int sim_vm_bind(void *priv, uint32_t id, const struct drm_npu_vm_bind_op *ops, uint32_t count)
{
	struct sim_bo *bos[SIM_MAX_BIND_OPS] = {NULL};
	struct sim_dev *dev = priv;
	struct sim_vm *vm;
	int err = 0;

	if (sim_gone(dev))
		return -ENODEV;
	if (!count || count > SIM_MAX_BIND_OPS)
		return -EINVAL;
	for (uint32_t i = 0; i < count && !err; i++)
		err = check_op(&ops[i]);
	if (err)
		return err;
	pthread_mutex_lock(&dev->lock);
	vm = sim_table_get(&dev->vms, id);
	if (vm) {
		atomic_fetch_add(&vm->refs, 1);
		err = find_bos(dev, vm, ops, bos, count);
	}
	pthread_mutex_unlock(&dev->lock);
	if (!vm)
		return -ENOENT;
	pthread_mutex_lock(&vm->lock);
	for (uint32_t i = 0; i < count && !err; i++)
		err = do_op(dev, vm, &ops[i], bos[i]);
	pthread_mutex_unlock(&vm->lock);
	for (uint32_t i = 0; i < count; i++)
		if (bos[i])
			sim_bo_put(dev, bos[i]);
	sim_vm_put(dev, vm);
	return err;
}
