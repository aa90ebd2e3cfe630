// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* Values of the driver are handed through. */
_Static_assert((int)NPURT_BO_WC == (int)DRM_NPU_BO_WC, "flags are the driver's");
_Static_assert((int)NPURT_BO_IMPORTED == (int)DRM_NPU_BO_KIND_IMPORTED &&
		       (int)NPURT_BO_WRAPPED == (int)DRM_NPU_BO_KIND_USERPTR,
	       "kinds are the driver's");

/* A buffer without memory yet. */
static struct npurt_bo *bo_new(struct npurt_device *device)
{
	struct npurt_bo *bo = calloc(1, sizeof(*bo));

	if (!bo)
		return NULL;
	refs_init(&bo->refs);
	bo->device = npurt_device_ref(device);
	pthread_mutex_init(&bo->lock, NULL);
	return bo;
}

/* Take back what has no handle. */
static void bo_free(struct npurt_bo *bo)
{
	pthread_mutex_destroy(&bo->lock);
	npurt_device_unref(bo->device);
	free(bo);
}

NPURT_EXPORT int npurt_bo_create_with(struct npurt_device *device, uint64_t size,
				      const struct npurt_bo_options *options,
				      struct npurt_bo **ret_bo)
{
	const struct npurt_backend *backend = device->backend;
	struct npurt_bo_options opts;
	struct npurt_bo *bo;
	uint64_t rounded;
	int err = npurt_struct_in(&opts, sizeof(opts), options, "npurt_bo_options");

	if (err)
		return err;
	if (opts.flags & ~(unsigned int)NPURT_BO_WC)
		return npurt_fail(-EINVAL, "unknown buffer flags 0x%x",
				  opts.flags & ~(unsigned int)NPURT_BO_WC);
	if (opts.vm && opts.vm->device != device)
		return npurt_fail(-EINVAL, "buffer and address space are of different devices");
	if (!npurt_page_round(device, size, &rounded))
		return npurt_fail(-EINVAL,
				  "a buffer of %llu bytes cannot be: size must be at least 1",
				  (unsigned long long)size);
	bo = bo_new(device);
	if (!bo)
		return npurt_fail_nomem("a buffer");
	bo->size = rounded;
	err = backend->bo_create(device->priv, &bo->size, opts.flags, opts.vm ? opts.vm->id : 0,
				 &bo->handle);
	if (err) {
		bo_free(bo);
		if (err == -EDQUOT)
			return npurt_fail_quota(device, "a buffer");
		return npurt_fail(err, "cannot make a buffer of %llu bytes: %s",
				  (unsigned long long)size, npurt_errno_text(err));
	}
	err = opts.label ? npurt_bo_set_label(bo, opts.label) : 0;
	if (err) {
		npurt_bo_unref(bo);
		return err;
	}
	*ret_bo = bo;
	return 0;
}

NPURT_EXPORT int npurt_bo_create(struct npurt_device *device, uint64_t size,
				 struct npurt_bo **ret_bo)
{
	return npurt_bo_create_with(device, size, NULL, ret_bo);
}

/* What only real memory and a real driver can do. */
static int fail_backend(const struct npurt_device *device, const char *what)
{
	return npurt_fail(-EOPNOTSUPP,
			  "the %s backend cannot %s: its buffers are memory of its own; copy the data, or "
			  "use a real device (NPURT_BACKEND=drm)",
			  device->backend->name, what);
}

NPURT_EXPORT int npurt_bo_wrap(struct npurt_device *device, void *pointer, uint64_t size,
			       unsigned int flags, struct npurt_bo **ret_bo)
{
	const uint32_t page = device->info.page_size;
	struct npurt_bo *bo;
	int err;

	if (flags & ~(unsigned int)NPURT_MAP_READONLY)
		return npurt_fail(-EINVAL, "unknown flags 0x%x for memory to be wrapped",
				  flags & ~(unsigned int)NPURT_MAP_READONLY);
	if (!size || ((uintptr_t)pointer | size) % page)
		return npurt_fail(-EINVAL,
				  "cannot wrap %llu bytes at %p: address and size must be multiples of %u",
				  (unsigned long long)size, pointer, page);
	if (!device->backend->bo_userptr)
		return fail_backend(device, "wrap memory of the process");
	bo = bo_new(device);
	if (!bo)
		return npurt_fail_nomem("a buffer");
	bo->size = size;
	bo->wrapped = pointer;
	err = device->backend->bo_userptr(device->priv, pointer, size,
					  flags ? DRM_NPU_BO_USERPTR_READONLY : 0, &bo->handle);
	if (!err) {
		*ret_bo = bo;
		return 0;
	}
	bo_free(bo);
	switch (err) {
	case -EDQUOT:
		return npurt_fail_quota(device, "a buffer");
	case -EPERM:
		return npurt_fail(err,
				  "cannot wrap %llu bytes: more pinned memory than RLIMIT_MEMLOCK allows; "
				  "raise it ('ulimit -l', or limits.conf)",
				  (unsigned long long)size);
	case -EFAULT:
		return npurt_fail(err, "cannot wrap %llu bytes at %p: not all of that is memory%s",
				  (unsigned long long)size, pointer,
				  flags ? "" : " that can be written; NPURT_MAP_READONLY takes what "
					       "can only be read");
	default:
		return npurt_fail(err, "cannot wrap %llu bytes at %p: %s", (unsigned long long)size,
				  pointer, npurt_errno_text(err));
	}
}

NPURT_EXPORT int npurt_bo_export(struct npurt_bo *bo, int *ret_fd)
{
	int err;

	if (!bo->device->backend->bo_export)
		return fail_backend(bo->device, "make a dma-buf");
	err = bo->device->backend->bo_export(bo->device->priv, bo->handle, ret_fd);
	if (err == -EACCES)
		return npurt_fail(err, "cannot make a dma-buf of a buffer that %s",
				  bo->wrapped ? "wraps memory of the process" : "belongs to one vm");
	return err ? npurt_fail(err, "cannot make a dma-buf: %s", npurt_errno_text(err)) : 0;
}

NPURT_EXPORT int npurt_bo_import(struct npurt_device *device, int fd, struct npurt_bo **ret_bo)
{
	const struct npurt_backend *backend = device->backend;
	struct drm_npu_bo_query_info info = {0};
	struct npurt_bo *bo;
	int err;

	if (!backend->bo_import)
		return fail_backend(device, "import a dma-buf");
	bo = bo_new(device);
	if (!bo)
		return npurt_fail_nomem("a buffer");
	err = backend->bo_import(device->priv, fd, &bo->handle);
	if (!err) {
		info.handle = bo->handle;
		err = backend->bo_query_info(device->priv, &info);
		if (err)
			backend->bo_destroy(device->priv, bo->handle);
	}
	if (err) {
		bo_free(bo);
		return npurt_fail(err, "cannot import file descriptor %d as a dma-buf: %s", fd,
				  npurt_errno_text(err));
	}
	bo->size = info.size;
	*ret_bo = bo;
	return 0;
}

NPURT_EXPORT int npurt_bo_set_label(struct npurt_bo *bo, const char *label)
{
	int err = bo->device->backend->bo_set_label(bo->device->priv, bo->handle, label);

	if (err == -E2BIG)
		return npurt_fail(err, "the label of a buffer may have %d bytes at most",
				  DRM_NPU_BO_LABEL_MAX - 1);
	return err ? npurt_fail(err, "cannot label a buffer: %s", npurt_errno_text(err)) : 0;
}

NPURT_EXPORT int npurt_bo_set_needed(struct npurt_bo *bo, bool needed, bool *ret_retained)
{
	bool retained;
	int err = bo->device->backend->bo_madvise(
		bo->device->priv, bo->handle, needed ? DRM_NPU_BO_WILLNEED : DRM_NPU_BO_DONTNEED,
		&retained);

	if (err == -EINVAL)
		return npurt_fail(err, "only memory that npurt_bo_create() made can be given up");
	if (err)
		return npurt_fail(err, "cannot say whether a buffer is needed: %s",
				  npurt_errno_text(err));
	if (ret_retained)
		*ret_retained = retained;
	return 0;
}

NPURT_EXPORT int npurt_bo_get_info(struct npurt_bo *bo, struct npurt_bo_info *info)
{
	struct npurt_bo_info known = {.size = sizeof(known)};
	struct drm_npu_bo_query_info query = {
		.handle = bo->handle,
		.label = (uintptr_t)known.label,
		.label_size = sizeof(known.label),
	};
	int err = bo->device->backend->bo_query_info(bo->device->priv, &query);

	_Static_assert(sizeof(known.label) >= DRM_NPU_BO_LABEL_MAX, "a label has room");
	if (err)
		return npurt_fail(err, "cannot ask about a buffer: %s", npurt_errno_text(err));
	known.bytes = query.size;
	known.resident = query.resident;
	known.flags = query.flags;
	known.kind = query.kind;
	known.needed = query.state == DRM_NPU_BO_NEEDED;
	known.retained = query.state != DRM_NPU_BO_PURGED;
	return npurt_struct_out(info, &known, sizeof(known), "npurt_bo_info");
}

NPURT_EXPORT struct npurt_bo *npurt_bo_ref(struct npurt_bo *bo)
{
	refs_get(&bo->refs);
	return bo;
}

NPURT_EXPORT struct npurt_bo *npurt_bo_unref(struct npurt_bo *bo)
{
	if (bo && refs_put(&bo->refs)) {
		const struct npurt_backend *backend = bo->device->backend;

		if (bo->pointer)
			backend->bo_unmap(bo->device->priv, bo->handle, bo->pointer, bo->size);
		backend->bo_destroy(bo->device->priv, bo->handle);
		bo_free(bo);
	}
	return NULL;
}

NPURT_EXPORT uint64_t npurt_bo_size(const struct npurt_bo *bo)
{
	return bo->size;
}

NPURT_EXPORT int npurt_bo_map(struct npurt_bo *bo, void **ret_pointer)
{
	int err = 0;

	if (bo->wrapped) {
		*ret_pointer = bo->wrapped;
		return 0;
	}
	pthread_mutex_lock(&bo->lock);
	if (!bo->pointer)
		err = bo->device->backend->bo_map(bo->device->priv, bo->handle, bo->size,
						  &bo->pointer);
	if (!err)
		*ret_pointer = bo->pointer;
	pthread_mutex_unlock(&bo->lock);
	if (err)
		return npurt_fail(err, "cannot map a buffer of %llu bytes into the process: %s",
				  (unsigned long long)bo->size, npurt_errno_text(err));
	return 0;
}
