// SPDX-License-Identifier: MIT
/* The real thing: the npu driver, through libdrm. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

struct drm_priv {
	int fd;
	char path[64];
};

static int drm_fd(void *priv)
{
	return ((struct drm_priv *)priv)->fd;
}

static int npu_ioctl(void *priv, unsigned long request, void *arg)
{
	return drmIoctl(drm_fd(priv), request, arg) ? -errno : 0;
}

/* libdrm returns -errno from some functions, and -1 with errno set from others. */
static int drm_result(int ret)
{
	if (!ret)
		return 0;
	return ret == -1 ? -errno : ret;
}

/* Who may open the node, and how to become one of them. */
static int fail_access(const char *path, int err)
{
	struct group group, *found = NULL;
	struct stat st;
	char buffer[1024], name[64] = "?";

	if (stat(path, &st))
		return npurt_fail(-err, "cannot open %s: %s", path, npurt_errno_text(err));
	if (!getgrgid_r(st.st_gid, &group, buffer, sizeof(buffer), &found) && found)
		snprintf(name, sizeof(name), "%s", found->gr_name);
	else
		snprintf(name, sizeof(name), "%u", st.st_gid);
	if (st.st_gid && (st.st_mode & 0060) == 0060)
		return npurt_fail(
			-err,
			"cannot open %s: %s\n"
			"The node has mode %04o and belongs to group '%s'. Join that group "
			"('adduser USER %s', as root) and log in again.",
			path, npurt_errno_text(err), st.st_mode & 07777, name, name);
	return npurt_fail(
		-err,
		"cannot open %s: %s\n"
		"The node has mode %04o and group '%s', so only root may use it. As root, hand "
		"it to a group: 'chgrp render %s && chmod 0660 %s', or for good with the udev "
		"rule 'SUBSYSTEM==\"accel\", GROUP=\"render\", MODE=\"0660\"'.",
		path, npurt_errno_text(err), st.st_mode & 07777, name, path, path);
}

static int drm_open(const char *path, void **ret_priv)
{
	struct drm_priv *priv = calloc(1, sizeof(*priv));
	drmVersionPtr version;
	int err;

	if (!priv)
		return npurt_fail_nomem("the device");
	snprintf(priv->path, sizeof(priv->path), "%s", path);
	priv->fd = open(path, O_RDWR | O_CLOEXEC);
	if (priv->fd < 0) {
		err = errno;
		free(priv);
		if (err == EACCES || err == EPERM)
			return fail_access(path, err);
		if (err == ENOENT || err == ENXIO)
			return npurt_fail(
				-ENODEV,
				"cannot open %s: %s\n"
				"No device has that node; 'npu-prof info' lists those there are.",
				path, npurt_errno_text(err));
		return npurt_fail(-err, "cannot open %s: %s", path, npurt_errno_text(err));
	}
	version = drmGetVersion(priv->fd);
	if (!version || strcmp(version->name, DRM_NPU_DRIVER_NAME)) {
		npurt_fail(0, "%s is not an NPU: its driver is '%s', not '" DRM_NPU_DRIVER_NAME "'",
			   path, version ? version->name : "unknown");
		err = -ENODEV;
	} else if (version->version_major != DRM_NPU_DRIVER_MAJOR) {
		npurt_fail(0,
			   "%s: the driver speaks uAPI %d.%d, this libnpurt needs %d.x\n"
			   "Install npu.ko and libnpurt of the same release.",
			   path, version->version_major, version->version_minor,
			   DRM_NPU_DRIVER_MAJOR);
		err = -ENOTSUP;
	} else {
		err = 0;
	}
	drmFreeVersion(version);
	if (err) {
		close(priv->fd);
		free(priv);
		return err;
	}
	*ret_priv = priv;
	return 0;
}

static void drm_close(void *priv)
{
	close(drm_fd(priv));
	free(priv);
}

static int drm_version(void *data, struct npurt_device_info *info)
{
	struct drm_priv *priv = data;
	drmVersionPtr version = drmGetVersion(priv->fd);

	if (!version)
		return npurt_fail(-ENODEV, "%s: the driver does not tell its version", priv->path);
	snprintf(info->driver_name, sizeof(info->driver_name), "%s", version->name);
	info->driver_major = version->version_major;
	info->driver_minor = version->version_minor;
	info->driver_patch = version->version_patchlevel;
	snprintf(info->path, sizeof(info->path), "%s", priv->path);
	npurt_node_bus(priv->path, info->bus, sizeof(info->bus));
	drmFreeVersion(version);
	return 0;
}

static int drm_query(void *priv, uint32_t type, void *data, uint32_t size)
{
	struct drm_npu_dev_query query = {
		.type = type,
		.size = size,
		.pointer = (uintptr_t)data,
	};

	return npu_ioctl(priv, DRM_IOCTL_NPU_DEV_QUERY, &query);
}

static int drm_vm_create(void *priv, uint32_t *ret_id)
{
	struct drm_npu_vm_create create = {0};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_VM_CREATE, &create);

	if (!err)
		*ret_id = create.id;
	return err;
}

static int drm_vm_destroy(void *priv, uint32_t id)
{
	struct drm_npu_vm_destroy destroy = {.id = id};

	return npu_ioctl(priv, DRM_IOCTL_NPU_VM_DESTROY, &destroy);
}

static int drm_vm_bind(void *priv, uint32_t id, const struct drm_npu_vm_bind_op *ops,
		       uint32_t count)
{
	struct drm_npu_vm_bind bind = {.vm_id = id, .ops = DRM_NPU_OBJ_ARRAY(count, ops)};

	return npu_ioctl(priv, DRM_IOCTL_NPU_VM_BIND, &bind);
}

static int drm_bo_create(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
			 uint32_t *ret_handle)
{
	struct drm_npu_bo_create create = {.size = *size, .flags = flags, .vm_id = vm_id};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_BO_CREATE, &create);

	if (!err) {
		*size = create.size;
		*ret_handle = create.handle;
	}
	return err;
}

static int drm_bo_destroy(void *priv, uint32_t handle)
{
	return drm_result(drmCloseBufferHandle(drm_fd(priv), handle));
}

static int drm_bo_map(void *priv, uint32_t handle, uint64_t size, void **ret_pointer)
{
	struct drm_npu_bo_mmap_offset offset = {.handle = handle};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &offset);
	void *pointer;

	if (err)
		return err;
	pointer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, drm_fd(priv),
		       (off_t)offset.offset);
	if (pointer == MAP_FAILED)
		return -errno;
	*ret_pointer = pointer;
	return 0;
}

static void drm_bo_unmap(void *priv, uint32_t handle, void *pointer, uint64_t size)
{
	(void)priv;
	(void)handle;
	munmap(pointer, size);
}

static int drm_bo_query_info(void *priv, struct drm_npu_bo_query_info *info)
{
	return npu_ioctl(priv, DRM_IOCTL_NPU_BO_QUERY_INFO, info);
}

static int drm_bo_set_label(void *priv, uint32_t handle, const char *label)
{
	struct drm_npu_bo_set_label set = {.handle = handle, .label = (uintptr_t)label};

	return npu_ioctl(priv, DRM_IOCTL_NPU_BO_SET_LABEL, &set);
}

static int drm_bo_madvise(void *priv, uint32_t handle, uint32_t advice, bool *ret_retained)
{
	struct drm_npu_bo_madvise madv = {.handle = handle, .advice = advice};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_BO_MADVISE, &madv);

	if (!err)
		*ret_retained = madv.retained;
	return err;
}

static int drm_bo_export(void *priv, uint32_t handle, int *ret_fd)
{
	return drm_result(
		drmPrimeHandleToFD(drm_fd(priv), handle, DRM_CLOEXEC | DRM_RDWR, ret_fd));
}

static int drm_bo_import(void *priv, int fd, uint32_t *ret_handle)
{
	return drm_result(drmPrimeFDToHandle(drm_fd(priv), fd, ret_handle));
}

static int drm_bo_userptr(void *priv, void *pointer, uint64_t size, uint32_t flags,
			  uint32_t *ret_handle)
{
	struct drm_npu_bo_userptr userptr = {
		.addr = (uintptr_t)pointer,
		.size = size,
		.flags = flags,
	};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_BO_USERPTR, &userptr);

	if (!err)
		*ret_handle = userptr.handle;
	return err;
}

static int drm_queue_create(void *priv, uint32_t vm_id, uint32_t priority, uint32_t timeout_ms,
			    uint32_t *ret_id)
{
	struct drm_npu_queue_create create = {
		.vm_id = vm_id,
		.priority = priority,
		.timeout_ms = timeout_ms,
	};
	int err = npu_ioctl(priv, DRM_IOCTL_NPU_QUEUE_CREATE, &create);

	if (!err)
		*ret_id = create.id;
	return err;
}

static int drm_queue_destroy(void *priv, uint32_t id)
{
	struct drm_npu_queue_destroy destroy = {.id = id};

	return npu_ioctl(priv, DRM_IOCTL_NPU_QUEUE_DESTROY, &destroy);
}

static int drm_queue_get_state(void *priv, struct drm_npu_queue_get_state *state)
{
	return npu_ioctl(priv, DRM_IOCTL_NPU_QUEUE_GET_STATE, state);
}

static int drm_submit(void *priv, const struct drm_npu_submit *submit)
{
	struct drm_npu_submit copy = *submit;

	return npu_ioctl(priv, DRM_IOCTL_NPU_SUBMIT, &copy);
}

static int drm_perf_open(void *priv, struct drm_npu_perf_stream_open *open)
{
	return npu_ioctl(priv, DRM_IOCTL_NPU_PERF_STREAM_OPEN, open);
}

static int drm_sync_create(void *priv, uint32_t *ret_handle)
{
	return drm_result(drmSyncobjCreate(drm_fd(priv), 0, ret_handle));
}

static int drm_sync_destroy(void *priv, uint32_t handle)
{
	return drm_result(drmSyncobjDestroy(drm_fd(priv), handle));
}

static int drm_sync_wait(void *priv, uint32_t handle, uint64_t point, int64_t deadline_ns)
{
	return drm_result(drmSyncobjTimelineWait(drm_fd(priv), &handle, &point, 1, deadline_ns,
						 DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL));
}

static int drm_sync_signal(void *priv, uint32_t handle, uint64_t point)
{
	return drm_result(drmSyncobjTimelineSignal(drm_fd(priv), &handle, &point, 1));
}

static int drm_sync_query(void *priv, uint32_t handle, uint64_t *ret_point)
{
	uint64_t point;
	int err = drm_result(drmSyncobjQuery(drm_fd(priv), &handle, &point, 1));

	if (!err)
		*ret_point = point;
	return err;
}

const struct npurt_backend npurt_backend_drm = {
	.name = "drm",
	.open = drm_open,
	.close = drm_close,
	.version = drm_version,
	.query = drm_query,
	.vm_create = drm_vm_create,
	.vm_destroy = drm_vm_destroy,
	.vm_bind = drm_vm_bind,
	.bo_create = drm_bo_create,
	.bo_destroy = drm_bo_destroy,
	.bo_map = drm_bo_map,
	.bo_unmap = drm_bo_unmap,
	.bo_query_info = drm_bo_query_info,
	.bo_set_label = drm_bo_set_label,
	.bo_madvise = drm_bo_madvise,
	.bo_export = drm_bo_export,
	.bo_import = drm_bo_import,
	.bo_userptr = drm_bo_userptr,
	.queue_create = drm_queue_create,
	.queue_destroy = drm_queue_destroy,
	.queue_get_state = drm_queue_get_state,
	.submit = drm_submit,
	.perf_open = drm_perf_open,
	.sync_create = drm_sync_create,
	.sync_destroy = drm_sync_destroy,
	.sync_wait = drm_sync_wait,
	.sync_signal = drm_sync_signal,
	.sync_query = drm_sync_query,
};
