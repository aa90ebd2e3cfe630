// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

NPURT_EXPORT int npurt_bo_create(struct npurt_device *device, uint64_t size,
				 struct npurt_bo **ret_bo)
{
	struct npurt_bo *bo;
	uint64_t rounded;
	int err;

	if (!npurt_page_round(device, size, &rounded))
		return npurt_fail(-EINVAL,
				  "a buffer of %llu bytes cannot be: size must be at least 1",
				  (unsigned long long)size);
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return npurt_fail_nomem("a buffer");
	bo->size = rounded;
	err = device->backend->bo_create(device->priv, &bo->size, &bo->handle);
	if (err) {
		free(bo);
		return npurt_fail(err, "cannot make a buffer of %llu bytes: %s",
				  (unsigned long long)size, npurt_errno_text(err));
	}
	refs_init(&bo->refs);
	bo->device = npurt_device_ref(device);
	pthread_mutex_init(&bo->lock, NULL);
	*ret_bo = bo;
	return 0;
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
		pthread_mutex_destroy(&bo->lock);
		npurt_device_unref(bo->device);
		free(bo);
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
