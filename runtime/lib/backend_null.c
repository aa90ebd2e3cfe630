// SPDX-License-Identifier: MIT
/*
 * A device without hardware: checks what the driver would check of its
 * arguments, keeps memory, and completes every job at once without running it.
 * For programs' set-up code and for the library's own tests.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "npu_fw.h"
#include "npu_pgtable.h"
#include "npu_regs.h"

#define NULL_MAX_QUEUES 64

enum null_kind {
	NULL_FREE = 0,
	NULL_VM,
	NULL_BO,
	NULL_QUEUE,
	NULL_SYNC
};

/* Handles of all kinds share a table; a handle is an index + 1. */
struct null_object {
	enum null_kind kind;
	uint64_t size;	/* BO */
	int fd;		/* BO: memory */
	uint32_t flags; /* BO: of its making */
	uint32_t state; /* BO: enum drm_npu_bo_state */
	char label[DRM_NPU_BO_LABEL_MAX]; /* BO */
	uint64_t jobs;	/* QUEUE */
	uint64_t point; /* SYNC */
};

struct null_priv {
	pthread_mutex_t lock; /* everything below */
	pthread_cond_t signalled;
	struct null_object *objects;
	uint32_t count;
	uint32_t queues;
};

static int null_open(const char *path, void **ret_priv)
{
	struct null_priv *priv = calloc(1, sizeof(*priv));
	pthread_condattr_t attr;

	(void)path;
	if (!priv)
		return npurt_fail_nomem("the device");
	pthread_mutex_init(&priv->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&priv->signalled, &attr);
	pthread_condattr_destroy(&attr);
	*ret_priv = priv;
	return 0;
}

static void null_close(void *data)
{
	struct null_priv *priv = data;

	for (uint32_t i = 0; i < priv->count; i++)
		if (priv->objects[i].kind == NULL_BO)
			close(priv->objects[i].fd);
	free(priv->objects);
	pthread_cond_destroy(&priv->signalled);
	pthread_mutex_destroy(&priv->lock);
	free(priv);
}

static int null_version(void *priv, struct npurt_device_info *info)
{
	(void)priv;
	snprintf(info->driver_name, sizeof(info->driver_name), "null");
	info->driver_major = DRM_NPU_DRIVER_MAJOR;
	info->driver_minor = DRM_NPU_DRIVER_MINOR;
	return 0;
}

static int null_query(void *priv, uint32_t type, void *data, uint32_t size)
{
	static const struct drm_npu_device_info device = {
		.hw_version = NPU_HW_VERSION_MAJOR << 16 | NPU_HW_VERSION_MINOR,
		.chiplets = 2,
		.tiles_per_chiplet = 2,
		.sram_size = 1 << 20,
		.clock_khz = 1000000,
		.max_queues = NULL_MAX_QUEUES,
		.va_start = NPU_VA_MIN,
		.va_end = NPU_VA_MAX,
		.page_size = NPU_PAGE_SIZE,
		.max_cmdbufs = 64,
		.max_packets = 65536,
		.max_syncs = 64,
		.max_bind_ops = 4096,
		.counter_count = NPU_COUNTER_COUNT,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.default_timeout_ms = 5000,
		.max_timeout_ms = 600000,
	};
	static const struct drm_npu_fw_info fw = {
		.abi_major = NPU_FW_ABI_MAJOR,
		.abi_minor = NPU_FW_ABI_MINOR,
		.version = "none (null backend)",
	};

	(void)priv;
	switch (type) {
	case DRM_NPU_DEV_QUERY_DEVICE_INFO:
		memcpy(data, &device, size < sizeof(device) ? size : sizeof(device));
		return 0;
	case DRM_NPU_DEV_QUERY_FW_INFO:
		memcpy(data, &fw, size < sizeof(fw) ? size : sizeof(fw));
		return 0;
	default:
		return -EINVAL;
	}
}

/* Called with the lock held. */
static struct null_object *find(struct null_priv *priv, uint32_t handle, enum null_kind kind)
{
	if (!handle || handle > priv->count || priv->objects[handle - 1].kind != kind)
		return NULL;
	return &priv->objects[handle - 1];
}

static int add(struct null_priv *priv, const struct null_object *object, uint32_t *ret_handle)
{
	struct null_object *grown;
	uint32_t i;
	int err = 0;

	pthread_mutex_lock(&priv->lock);
	for (i = 0; i < priv->count && priv->objects[i].kind != NULL_FREE; i++)
		;
	if (object->kind == NULL_QUEUE && priv->queues == NULL_MAX_QUEUES) {
		err = -EBUSY;
	} else if (i == priv->count) {
		grown = reallocarray(priv->objects, i + 1, sizeof(*grown));
		if (grown) {
			priv->objects = grown;
			priv->count++;
		} else {
			err = -ENOMEM;
		}
	}
	if (!err) {
		priv->objects[i] = *object;
		priv->queues += object->kind == NULL_QUEUE;
		*ret_handle = i + 1;
	}
	pthread_mutex_unlock(&priv->lock);
	return err;
}

static int drop(struct null_priv *priv, uint32_t handle, enum null_kind kind)
{
	struct null_object *object;

	pthread_mutex_lock(&priv->lock);
	object = find(priv, handle, kind);
	if (object) {
		if (kind == NULL_BO)
			close(object->fd);
		priv->queues -= kind == NULL_QUEUE;
		object->kind = NULL_FREE;
	}
	pthread_mutex_unlock(&priv->lock);
	return object ? 0 : -ENOENT;
}

static int null_vm_create(void *priv, uint32_t *ret_id)
{
	return add(priv, &(struct null_object){.kind = NULL_VM}, ret_id);
}

static int null_vm_destroy(void *priv, uint32_t id)
{
	return drop(priv, id, NULL_VM);
}

static int null_vm_bind(void *data, uint32_t id, const struct drm_npu_vm_bind_op *ops,
			uint32_t count)
{
	struct null_priv *priv = data;
	int err = 0;

	pthread_mutex_lock(&priv->lock);
	if (!find(priv, id, NULL_VM))
		err = -ENOENT;
	if (!count)
		err = -EINVAL;
	for (uint32_t i = 0; i < count && !err; i++) {
		const struct drm_npu_vm_bind_op *op = &ops[i];
		const struct null_object *bo = NULL;

		if ((op->va | op->size | op->bo_offset) & (NPU_PAGE_SIZE - 1) || !op->size ||
		    op->va < NPU_VA_MIN || op->va >= NPU_VA_MAX || NPU_VA_MAX - op->va < op->size) {
			err = -EINVAL;
		} else if ((op->flags & DRM_NPU_VM_BIND_TYPE_MASK) == DRM_NPU_VM_BIND_MAP) {
			bo = find(priv, op->bo_handle, NULL_BO);
			if (!bo)
				err = -ENOENT;
			else if (op->bo_offset >= bo->size || bo->size - op->bo_offset < op->size)
				err = -EINVAL;
		}
	}
	pthread_mutex_unlock(&priv->lock);
	return err;
}

static int null_bo_create(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
			  uint32_t *ret_handle)
{
	struct null_object object = {.kind = NULL_BO, .flags = flags};
	int err;

	(void)vm_id;

	object.size = (*size + NPU_PAGE_SIZE - 1) & ~(NPU_PAGE_SIZE - 1);
	if (!*size || object.size < *size || object.size > INT64_MAX)
		return -EINVAL;
	object.fd = memfd_create("npurt-null", MFD_CLOEXEC);
	if (object.fd < 0)
		return -errno;
	err = ftruncate(object.fd, (off_t)object.size) ? -errno : add(priv, &object, ret_handle);
	if (err)
		close(object.fd);
	else
		*size = object.size;
	return err;
}

static int null_bo_destroy(void *priv, uint32_t handle)
{
	return drop(priv, handle, NULL_BO);
}

static int null_bo_query_info(void *data, struct drm_npu_bo_query_info *info)
{
	struct null_priv *priv = data;
	const struct null_object *bo;

	pthread_mutex_lock(&priv->lock);
	bo = find(priv, info->handle, NULL_BO);
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
	pthread_mutex_unlock(&priv->lock);
	return bo ? 0 : -ENOENT;
}

static int null_bo_set_label(void *data, uint32_t handle, const char *label)
{
	struct null_priv *priv = data;
	struct null_object *bo;

	if (label && strlen(label) >= DRM_NPU_BO_LABEL_MAX)
		return -E2BIG;
	pthread_mutex_lock(&priv->lock);
	bo = find(priv, handle, NULL_BO);
	if (bo)
		snprintf(bo->label, sizeof(bo->label), "%s", label ? label : "");
	pthread_mutex_unlock(&priv->lock);
	return bo ? 0 : -ENOENT;
}

/* Nobody takes the memory. */
static int null_bo_madvise(void *data, uint32_t handle, uint32_t advice, bool *ret_retained)
{
	struct null_priv *priv = data;
	struct null_object *bo;

	pthread_mutex_lock(&priv->lock);
	bo = find(priv, handle, NULL_BO);
	if (bo)
		bo->state = advice == DRM_NPU_BO_DONTNEED ? DRM_NPU_BO_DISCARDABLE : DRM_NPU_BO_NEEDED;
	pthread_mutex_unlock(&priv->lock);
	if (!bo)
		return -ENOENT;
	*ret_retained = true;
	return 0;
}

static int null_bo_map(void *data, uint32_t handle, uint64_t size, void **ret_pointer)
{
	struct null_priv *priv = data;
	const struct null_object *bo;
	void *pointer = MAP_FAILED;

	pthread_mutex_lock(&priv->lock);
	bo = find(priv, handle, NULL_BO);
	errno = ENOENT;
	if (bo)
		pointer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bo->fd, 0);
	pthread_mutex_unlock(&priv->lock);
	if (pointer == MAP_FAILED)
		return -errno;
	*ret_pointer = pointer;
	return 0;
}

static void null_bo_unmap(void *priv, uint32_t handle, void *pointer, uint64_t size)
{
	(void)priv;
	(void)handle;
	munmap(pointer, size);
}

static int null_queue_create(void *data, uint32_t vm_id, uint32_t priority, uint32_t timeout_ms,
			     uint32_t *ret_id)
{
	struct null_priv *priv = data;
	bool known;

	if (priority > DRM_NPU_QUEUE_PRIORITY_REALTIME)
		return -EINVAL;
	if (timeout_ms > 600000)
		return -ERANGE;
	pthread_mutex_lock(&priv->lock);
	known = find(priv, vm_id, NULL_VM);
	pthread_mutex_unlock(&priv->lock);
	if (!known)
		return -ENOENT;
	return add(priv, &(struct null_object){.kind = NULL_QUEUE}, ret_id);
}

static int null_queue_destroy(void *priv, uint32_t id)
{
	return drop(priv, id, NULL_QUEUE);
}

static int null_queue_get_state(void *data, struct drm_npu_queue_get_state *state)
{
	struct null_priv *priv = data;
	const struct null_object *queue;
	uint64_t *counters = (uint64_t *)(uintptr_t)state->counters.array;

	pthread_mutex_lock(&priv->lock);
	queue = find(priv, state->id, NULL_QUEUE);
	if (queue) {
		state->state = DRM_NPU_QUEUE_USABLE;
		state->submitted = queue->jobs;
		state->completed = queue->jobs;
		memset(&state->fault, 0, sizeof(state->fault));
		if (state->counters.count > NPU_COUNTER_COUNT)
			state->counters.count = NPU_COUNTER_COUNT;
		for (uint32_t i = 0; i < state->counters.count; i++)
			counters[i] = 0;
	}
	pthread_mutex_unlock(&priv->lock);
	return queue ? 0 : -ENOENT;
}

static int null_submit(void *data, const struct drm_npu_submit *submit)
{
	struct null_priv *priv = data;
	const struct drm_npu_sync_op *syncs =
		(const struct drm_npu_sync_op *)(uintptr_t)submit->syncs.array;
	struct null_object *queue, *sync;
	int err = 0;

	pthread_mutex_lock(&priv->lock);
	queue = find(priv, submit->queue_id, NULL_QUEUE);
	if (!queue)
		err = -ENOENT;
	for (uint32_t i = 0; i < submit->syncs.count && !err; i++) {
		sync = find(priv, syncs[i].handle, NULL_SYNC);
		if (!sync)
			err = -ENOENT;
		else if (!(syncs[i].flags & DRM_NPU_SYNC_OP_SIGNAL) && sync->point < syncs[i].point)
			err = -EINVAL; /* not submitted: every submitted point is signalled here */
	}
	if (!err) {
		queue->jobs++;
		for (uint32_t i = 0; i < submit->syncs.count; i++) {
			sync = find(priv, syncs[i].handle, NULL_SYNC);
			if (syncs[i].flags & DRM_NPU_SYNC_OP_SIGNAL && sync->point < syncs[i].point)
				sync->point = syncs[i].point;
		}
		pthread_cond_broadcast(&priv->signalled);
	}
	pthread_mutex_unlock(&priv->lock);
	return err;
}

static int null_sync_create(void *priv, uint32_t *ret_handle)
{
	return add(priv, &(struct null_object){.kind = NULL_SYNC}, ret_handle);
}

static int null_sync_destroy(void *priv, uint32_t handle)
{
	return drop(priv, handle, NULL_SYNC);
}

static int null_sync_wait(void *data, uint32_t handle, uint64_t point, int64_t deadline_ns)
{
	struct null_priv *priv = data;
	struct timespec deadline = {
		.tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000,
	};
	const struct null_object *sync;
	int err = 0;

	pthread_mutex_lock(&priv->lock);
	for (;;) {
		sync = find(priv, handle, NULL_SYNC);
		if (!sync)
			err = -ENOENT;
		if (err || sync->point >= point)
			break;
		if (deadline_ns == INT64_MAX)
			pthread_cond_wait(&priv->signalled, &priv->lock);
		else if (pthread_cond_timedwait(&priv->signalled, &priv->lock, &deadline))
			err = -ETIME;
	}
	pthread_mutex_unlock(&priv->lock);
	return err;
}

static int null_sync_signal(void *data, uint32_t handle, uint64_t point)
{
	struct null_priv *priv = data;
	struct null_object *sync;

	pthread_mutex_lock(&priv->lock);
	sync = find(priv, handle, NULL_SYNC);
	if (sync && sync->point < point)
		sync->point = point;
	pthread_cond_broadcast(&priv->signalled);
	pthread_mutex_unlock(&priv->lock);
	return sync ? 0 : -ENOENT;
}

static int null_sync_query(void *data, uint32_t handle, uint64_t *ret_point)
{
	struct null_priv *priv = data;
	const struct null_object *sync;

	pthread_mutex_lock(&priv->lock);
	sync = find(priv, handle, NULL_SYNC);
	if (sync)
		*ret_point = sync->point;
	pthread_mutex_unlock(&priv->lock);
	return sync ? 0 : -ENOENT;
}

const struct npurt_backend npurt_backend_null = {
	.name = "null",
	.open = null_open,
	.close = null_close,
	.version = null_version,
	.query = null_query,
	.vm_create = null_vm_create,
	.vm_destroy = null_vm_destroy,
	.vm_bind = null_vm_bind,
	.bo_create = null_bo_create,
	.bo_destroy = null_bo_destroy,
	.bo_map = null_bo_map,
	.bo_unmap = null_bo_unmap,
	.bo_query_info = null_bo_query_info,
	.bo_set_label = null_bo_set_label,
	.bo_madvise = null_bo_madvise,
	.queue_create = null_queue_create,
	.queue_destroy = null_queue_destroy,
	.queue_get_state = null_queue_get_state,
	.submit = null_submit,
	.sync_create = null_sync_create,
	.sync_destroy = null_sync_destroy,
	.sync_wait = null_sync_wait,
	.sync_signal = null_sync_signal,
	.sync_query = null_sync_query,
};
