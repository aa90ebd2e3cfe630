/* SPDX-License-Identifier: MIT */
/*
 * The seam between the objects of the library and what executes them. A
 * backend speaks the driver's own vocabulary (drm/npu_accel.h): handles, ids and
 * timeline points. Everything above it is the same for all backends.
 *
 * Functions return 0 or -errno and do not set the detail text; the caller knows
 * what was being tried. They may be called from any thread.
 */
#ifndef NPURT_BACKEND_H
#define NPURT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drm/npu_accel.h"

struct npurt_device_info;

struct npurt_backend {
	const char *name;

	/*
	 * Open a device; path is NULL where the backend has no nodes, or for its default. Sets the
	 * detail text itself.
	 * *ret_priv is handed to every other function.
	 */
	int (*open)(const char *path, void **ret_priv);
	void (*close)(void *priv);
	/* Driver name, version; sets the detail text. */
	int (*version)(void *priv, struct npurt_device_info *info);

	/* Bytes past what the backend knows are left alone: the caller zeroes the struct. */
	int (*query)(void *priv, uint32_t type, void *data, uint32_t size);

	int (*vm_create)(void *priv, uint32_t *ret_id);
	int (*vm_destroy)(void *priv, uint32_t id);
	int (*vm_bind)(void *priv, uint32_t id, const struct drm_npu_vm_bind_op *ops,
		       uint32_t count);

	/* *size: in: bytes, out: rounded up; flags: DRM_NPU_BO_*; vm_id: its only VM, or 0 */
	int (*bo_create)(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
			 uint32_t *ret_handle);
	int (*bo_destroy)(void *priv, uint32_t handle);
	int (*bo_map)(void *priv, uint32_t handle, uint64_t size, void **ret_pointer);
	void (*bo_unmap)(void *priv, uint32_t handle, void *pointer, uint64_t size);
	int (*bo_query_info)(void *priv, struct drm_npu_bo_query_info *info);
	int (*bo_set_label)(void *priv, uint32_t handle, const char *label);
	int (*bo_madvise)(void *priv, uint32_t handle, uint32_t advice, bool *ret_retained);
	/* NULL where the memory of buffers can be no other's: dma-bufs, memory of the process. */
	int (*bo_export)(void *priv, uint32_t handle, int *ret_fd);
	int (*bo_import)(void *priv, int fd, uint32_t *ret_handle);
	int (*bo_userptr)(void *priv, void *pointer, uint64_t size, uint32_t flags,
			  uint32_t *ret_handle);

	int (*queue_create)(void *priv, uint32_t vm_id, uint32_t priority, uint32_t timeout_ms,
			    uint32_t *ret_id);
	int (*queue_destroy)(void *priv, uint32_t id);
	int (*queue_get_state)(void *priv, struct drm_npu_queue_get_state *state);
	int (*submit)(void *priv, const struct drm_npu_submit *submit);

	/* Open a performance stream, which is a file of its own; NULL: there is none. */
	int (*perf_open)(void *priv, struct drm_npu_perf_stream_open *open);

	/* Timeline syncobjs. deadline_ns is CLOCK_MONOTONIC; past it wait returns -ETIME. */
	int (*sync_create)(void *priv, uint32_t *ret_handle);
	int (*sync_destroy)(void *priv, uint32_t handle);
	int (*sync_wait)(void *priv, uint32_t handle, uint64_t point, int64_t deadline_ns);
	int (*sync_signal)(void *priv, uint32_t handle, uint64_t point);
	int (*sync_query)(void *priv, uint32_t handle, uint64_t *ret_point);
};

extern const struct npurt_backend npurt_backend_drm;
extern const struct npurt_backend npurt_backend_null;
extern const struct npurt_backend npurt_backend_sim;

#endif /* NPURT_BACKEND_H */
