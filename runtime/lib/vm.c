// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* Mappings at least this large start on such a boundary, so that large pages fit. */
#define LARGE_PAGE (2ull << 20)

NPURT_EXPORT int npurt_vm_create(struct npurt_device *device, struct npurt_vm **ret_vm)
{
	struct npurt_vm *vm = calloc(1, sizeof(*vm));
	int err;

	if (!vm)
		return npurt_fail_nomem("an address space");
	err = npurt_va_init(&vm->va, device->info.va_start, device->info.va_end);
	if (err) {
		free(vm);
		return npurt_fail_nomem("an address space");
	}
	err = device->backend->vm_create(device->priv, &vm->id);
	if (err) {
		npurt_va_fini(&vm->va);
		free(vm);
		if (err == -EDQUOT)
			return npurt_fail_quota(device, "an address space");
		if (err == -ENOSPC)
			return npurt_fail(
				err, "the device has no free address space; end a program that "
				     "uses it, or share one vm between queues");
		return npurt_fail(err, "cannot make an address space: %s", npurt_errno_text(err));
	}
	refs_init(&vm->refs);
	vm->device = npurt_device_ref(device);
	pthread_mutex_init(&vm->lock, NULL);
	*ret_vm = vm;
	return 0;
}

NPURT_EXPORT struct npurt_vm *npurt_vm_ref(struct npurt_vm *vm)
{
	refs_get(&vm->refs);
	return vm;
}

NPURT_EXPORT struct npurt_vm *npurt_vm_unref(struct npurt_vm *vm)
{
	struct npurt_mapping *mapping;

	if (!vm || !refs_put(&vm->refs))
		return NULL;
	vm->device->backend->vm_destroy(vm->device->priv, vm->id);
	while ((mapping = vm->mappings)) {
		vm->mappings = mapping->next;
		npurt_bo_unref(mapping->bo);
		free(mapping);
	}
	npurt_va_fini(&vm->va);
	pthread_mutex_destroy(&vm->lock);
	npurt_device_unref(vm->device);
	free(vm);
	return NULL;
}

/* Lock held. */
static int reserve(struct npurt_vm *vm, uint64_t size, uint64_t *ret_va)
{
	uint64_t align = size >= LARGE_PAGE ? LARGE_PAGE : vm->device->info.page_size;
	int err = npurt_va_alloc(&vm->va, size, align, ret_va);

	if (err == -ENOSPC)
		return npurt_fail(err, "no room for %llu bytes in the address space",
				  (unsigned long long)size);
	return err ? npurt_fail_nomem("a mapping") : 0;
}

int npurt_vm_reserve(struct npurt_vm *vm, uint64_t size, uint64_t *ret_va)
{
	int err;

	pthread_mutex_lock(&vm->lock);
	err = reserve(vm, size, ret_va);
	pthread_mutex_unlock(&vm->lock);
	return err;
}

void npurt_vm_release(struct npurt_vm *vm, uint64_t va, uint64_t size)
{
	pthread_mutex_lock(&vm->lock);
	npurt_va_free(&vm->va, va, size);
	pthread_mutex_unlock(&vm->lock);
}

/*
 * Map parts of bo into [va, va + size), which the caller has reserved and from now on belongs to
 * the mapping. Lock held.
 */
static int map_parts(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t bo_offset, uint64_t va,
		     uint64_t size, const struct npurt_vm_part *parts, unsigned int count)
{
	struct drm_npu_vm_bind_op ops[2 * NPURT_MODULE_MAX_SEGMENTS];
	struct npurt_mapping *mapping = malloc(sizeof(*mapping));
	const struct npurt_backend *backend = vm->device->backend;
	int err = 0;

	if (!mapping)
		return npurt_fail_nomem("a mapping");
	for (unsigned int i = 0; i < count; i++)
		ops[i] = (struct drm_npu_vm_bind_op){
			.flags = DRM_NPU_VM_BIND_MAP |
				 (parts[i].flags & NPURT_MAP_READONLY ? DRM_NPU_VM_BIND_READONLY
								      : 0) |
				 (parts[i].flags & NPURT_MAP_EXEC ? 0 : DRM_NPU_VM_BIND_NOEXEC),
			.bo_handle = bo->handle,
			.bo_offset = bo_offset + parts[i].offset,
			.va = va + parts[i].offset,
			.size = parts[i].size,
		};
	err = backend->vm_bind(vm->device->priv, vm->id, ops, count);
	if (err) {
		struct drm_npu_vm_bind_op undo = {
			.flags = DRM_NPU_VM_BIND_UNMAP,
			.va = va,
			.size = size,
		};

		/* Some of the operations may be done; the range is handed out again. */
		backend->vm_bind(vm->device->priv, vm->id, &undo, 1);
		free(mapping);
		return npurt_fail(err, "cannot map %llu bytes at 0x%llx into the device: %s",
				  (unsigned long long)size, (unsigned long long)va,
				  npurt_errno_text(err));
	}
	mapping->va = va;
	mapping->size = size;
	mapping->bo = npurt_bo_ref(bo);
	mapping->next = vm->mappings;
	vm->mappings = mapping;
	return 0;
}

int npurt_vm_map_parts(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t va, uint64_t size,
		       const struct npurt_vm_part *parts, unsigned int count)
{
	int err;

	pthread_mutex_lock(&vm->lock);
	err = map_parts(vm, bo, 0, va, size, parts, count);
	pthread_mutex_unlock(&vm->lock);
	return err;
}

/* What map and map_at have in common; *va is 0 if the library is to choose. */
static int map(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t offset, uint64_t size,
	       unsigned int flags, bool fixed, uint64_t *va)
{
	uint32_t page = vm->device->info.page_size;
	struct npurt_vm_part part = {.size = size, .flags = flags};
	int err;

	if (flags & ~(unsigned int)(NPURT_MAP_READONLY | NPURT_MAP_EXEC))
		return npurt_fail(-EINVAL, "unknown mapping flags 0x%x",
				  flags & ~(unsigned int)(NPURT_MAP_READONLY | NPURT_MAP_EXEC));
	if (bo->device != vm->device)
		return npurt_fail(-EINVAL, "buffer and address space are of different devices");
	if (!size || (offset | size | *va) % page || offset >= bo->size || bo->size - offset < size)
		return npurt_fail(
			-EINVAL,
			"cannot map %llu bytes from offset %llu of a buffer of %llu bytes: "
			"range and address must be multiples of %u and lie in the buffer",
			(unsigned long long)size, (unsigned long long)offset,
			(unsigned long long)bo->size, page);

	pthread_mutex_lock(&vm->lock);
	if (!fixed) {
		err = reserve(vm, size, va);
	} else {
		err = npurt_va_reserve(&vm->va, *va, size);
		if (err == -EBUSY)
			npurt_fail(0, "cannot map %llu bytes at 0x%llx: something is mapped there",
				   (unsigned long long)size, (unsigned long long)*va);
		else if (err)
			npurt_fail(
				0,
				"cannot map %llu bytes at 0x%llx: device addresses run from 0x%llx "
				"to 0x%llx",
				(unsigned long long)size, (unsigned long long)*va,
				(unsigned long long)vm->va.start, (unsigned long long)vm->va.end);
	}
	if (!err) {
		err = map_parts(vm, bo, offset, *va, size, &part, 1);
		if (err)
			npurt_va_free(&vm->va, *va, size);
	}
	pthread_mutex_unlock(&vm->lock);
	return err;
}

NPURT_EXPORT int npurt_vm_map(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t offset,
			      uint64_t size, unsigned int flags, uint64_t *ret_va)
{
	uint64_t va = 0;
	int err;

	if (!size && offset < bo->size)
		size = bo->size - offset;
	err = map(vm, bo, offset, size, flags, false, &va);
	if (!err)
		*ret_va = va;
	return err;
}

NPURT_EXPORT int npurt_vm_map_at(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t offset,
				 uint64_t size, unsigned int flags, uint64_t va)
{
	return map(vm, bo, offset, size, flags, true, &va);
}

NPURT_EXPORT int npurt_vm_map_sparse(struct npurt_vm *vm, uint64_t size, unsigned int flags,
				     uint64_t *ret_va)
{
	struct drm_npu_vm_bind_op op = {
		.flags = (uint32_t)DRM_NPU_VM_BIND_SPARSE |
			 (flags & NPURT_MAP_READONLY ? DRM_NPU_VM_BIND_READONLY : 0),
		.size = size,
	};
	struct npurt_mapping *mapping;
	int err;

	if (flags & ~(unsigned int)NPURT_MAP_READONLY)
		return npurt_fail(-EINVAL, "flags 0x%x do not go with a range without memory",
				  flags & ~(unsigned int)NPURT_MAP_READONLY);
	if (!size || size % vm->device->info.page_size)
		return npurt_fail(-EINVAL,
				  "cannot map %llu bytes without memory: not a multiple of %u",
				  (unsigned long long)size, vm->device->info.page_size);
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return npurt_fail_nomem("a mapping");
	pthread_mutex_lock(&vm->lock);
	err = reserve(vm, size, &mapping->va);
	if (!err) {
		op.va = mapping->va;
		err = vm->device->backend->vm_bind(vm->device->priv, vm->id, &op, 1);
		if (err) {
			npurt_va_free(&vm->va, mapping->va, size);
			npurt_fail(err, "cannot map %llu bytes without memory: %s",
				   (unsigned long long)size,
				   err == -EOPNOTSUPP ? "the device cannot" : npurt_errno_text(err));
		}
	}
	if (!err) {
		mapping->size = size;
		mapping->next = vm->mappings;
		vm->mappings = mapping;
		*ret_va = mapping->va;
	}
	pthread_mutex_unlock(&vm->lock);
	if (err)
		free(mapping);
	return err;
}

NPURT_EXPORT int npurt_vm_unmap(struct npurt_vm *vm, uint64_t va)
{
	struct npurt_mapping **link, *mapping;
	int err = 0;

	pthread_mutex_lock(&vm->lock);
	for (link = &vm->mappings; (mapping = *link) && mapping->va != va; link = &mapping->next)
		;
	if (mapping) {
		struct drm_npu_vm_bind_op op = {
			.flags = DRM_NPU_VM_BIND_UNMAP,
			.va = va,
			.size = mapping->size,
		};

		err = vm->device->backend->vm_bind(vm->device->priv, vm->id, &op, 1);
		if (!err) {
			*link = mapping->next;
			npurt_va_free(&vm->va, va, mapping->size);
		}
	}
	pthread_mutex_unlock(&vm->lock);
	if (!mapping)
		return npurt_fail(-ENOENT, "no mapping starts at 0x%llx", (unsigned long long)va);
	if (err)
		return npurt_fail(err, "cannot unmap 0x%llx from the device: %s",
				  (unsigned long long)va, npurt_errno_text(err));
	npurt_bo_unref(mapping->bo);
	free(mapping);
	return 0;
}

NPURT_EXPORT int npurt_vm_alloc(struct npurt_vm *vm, uint64_t size, unsigned int flags,
				struct npurt_bo **ret_bo, void **ret_pointer, uint64_t *ret_va)
{
	struct npurt_bo *bo;
	void *pointer = NULL;
	int err = npurt_bo_create(vm->device, size, &bo);

	if (err)
		return err;
	if (ret_pointer)
		err = npurt_bo_map(bo, &pointer);
	if (!err)
		err = npurt_vm_map(vm, bo, 0, 0, flags, ret_va);
	if (err) {
		npurt_bo_unref(bo);
		return err;
	}
	if (ret_pointer)
		*ret_pointer = pointer;
	if (ret_bo)
		*ret_bo = bo;
	else
		npurt_bo_unref(bo);
	return 0;
}
