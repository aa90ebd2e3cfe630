/* SPDX-License-Identifier: MIT */
/* What programs see of a device that is gone: unbound, pulled out, or wedged. */
#ifndef NPU_GONE_H
#define NPU_GONE_H

#include "npu_test.h"

/* A perfmon for npu_expect_gone(), made while the device is still there. */
static inline int npu_gone_perfmon(const struct npu_ctx *ctx, uint32_t *ret_id)
{
	struct drm_npu_device_info info = {};
	int ret = npu_device_info(ctx->fd, &info);
	struct drm_npu_perfmon_create req = {
		.counter_version = info.counter_version,
		.counters = 1,
	};

	if (!ret)
		ret = npu_ioctl(ctx->fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req);
	*ret_id = req.id;
	return ret;
}

#define NPU_GONE_ONE(want, name, type, ...)                                                     \
	do {                                                                                    \
		EXPECT_EQ(want, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_##name,                        \
					  &(struct drm_npu_##type){ __VA_ARGS__ }))             \
		{                                                                               \
			TH_LOG("ioctl " #name);                                                 \
		}                                                                               \
		made |= 1u << DRM_NPU_##name;                                                   \
	} while (0)

/*
 * Every ioctl, with good arguments, fails with ENODEV, and at once. On a wedged device those that destroy still
 * do it: they come last, and once.
 */
static inline void npu_expect_gone(struct __test_metadata *_metadata, const struct npu_ctx *ctx,
				   uint32_t perfmon, bool wedged)
{
	const int destroyed = wedged ? 0 : -ENODEV;
	const int64_t start = npu_deadline(0);
	uint8_t page[4096] __attribute__((aligned(4096))) = {};
	struct drm_npu_vm_bind_op op = {
		.bo_handle = ctx->bo,
		.va = 3 * NPU_TEST_VA,
		.size = sizeof(page),
	};
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	uint32_t made = 0;

	NPU_GONE_ONE(-ENODEV, DEV_QUERY, dev_query, .type = DRM_NPU_DEV_QUERY_DEVICE_INFO);
	NPU_GONE_ONE(-ENODEV, VM_CREATE, vm_create);
	NPU_GONE_ONE(-ENODEV, VM_BIND, vm_bind, .vm_id = ctx->vm, .ops = DRM_NPU_OBJ_ARRAY(1, &op));
	NPU_GONE_ONE(-ENODEV, VM_GET_STATE, vm_get_state, .vm_id = ctx->vm);
	NPU_GONE_ONE(-ENODEV, BO_CREATE, bo_create, .size = sizeof(page));
	NPU_GONE_ONE(-ENODEV, BO_MMAP_OFFSET, bo_mmap_offset, .handle = ctx->bo);
	NPU_GONE_ONE(-ENODEV, BO_QUERY_INFO, bo_query_info, .handle = ctx->bo);
	NPU_GONE_ONE(-ENODEV, BO_SET_LABEL, bo_set_label, .handle = ctx->bo,
		     .label = (uintptr_t) "gone");
	NPU_GONE_ONE(-ENODEV, BO_MADVISE, bo_madvise, .handle = ctx->bo);
	NPU_GONE_ONE(-ENODEV, BO_USERPTR, bo_userptr, .addr = (uintptr_t)page, .size = sizeof(page));
	NPU_GONE_ONE(-ENODEV, QUEUE_CREATE, queue_create, .vm_id = ctx->vm);
	NPU_GONE_ONE(-ENODEV, QUEUE_GET_STATE, queue_get_state, .id = ctx->queue);
	NPU_GONE_ONE(-ENODEV, SUBMIT, submit, .queue_id = ctx->queue,
		     .cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf));
	NPU_GONE_ONE(-ENODEV, PERFMON_CREATE, perfmon_create, .counters = 1);
	NPU_GONE_ONE(-ENODEV, PERFMON_READ, perfmon_read, .id = perfmon);
	NPU_GONE_ONE(-ENODEV, PERF_STREAM_OPEN, perf_stream_open,
		     .scope = DRM_NPU_PERF_SCOPE_QUEUE, .queue_id = ctx->queue, .lanes = 1,
		     .modes = NPU_PERF_MODE_PACKETS, .ring_log2 = NPU_PERF_RING_MIN_LOG2,
		     .threshold = 1);
	NPU_GONE_ONE(destroyed, PERFMON_DESTROY, perfmon_destroy, .id = perfmon);
	NPU_GONE_ONE(destroyed, QUEUE_DESTROY, queue_destroy, .id = ctx->queue);
	NPU_GONE_ONE(destroyed, VM_DESTROY, vm_destroy, .id = ctx->vm);
	/* far less than any attempt at anything takes */
	EXPECT_GT(1000000000, npu_deadline(0) - start);
	/* their numbers have no gap: these were all, up to the last, behind which there is none */
	EXPECT_EQ((2u << DRM_NPU_PERF_STREAM_OPEN) - 1, made);
	if (wedged) {
		EXPECT_EQ(-EINVAL,
			  drmCommandWriteRead(ctx->fd, DRM_NPU_PERF_STREAM_OPEN + 1, page, 8));
	}
}

#endif /* NPU_GONE_H */
