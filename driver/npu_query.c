// SPDX-License-Identifier: GPL-2.0-only
/* DEV_QUERY: what hardware and firmware are, and this driver's limits. */
#include <linux/uaccess.h>

#include "npu_account.h"
#include "npu_counters.h"
#include "npu_device.h"
#include "npu_pgtable.h"

static void npu_query_device(const struct npu_device *npu, struct drm_npu_device_info *info)
{
	*info = (struct drm_npu_device_info) {
		.hw_version = npu->caps.hw_version,
		.chiplets = npu->caps.chiplets,
		.tiles_per_chiplet = npu->caps.tiles_per_chiplet,
		.sram_size = npu->caps.sram_size,
		.clock_khz = npu->caps.clock_khz,
		.max_queues = npu->caps.queues,
		.features = npu->caps.features,
		.va_start = NPU_VA_MIN,
		.va_end = NPU_VA_MAX,
		.page_size = NPU_PAGE_SIZE,
		.max_cmdbufs = NPU_MAX_CMDBUFS,
		.max_packets = NPU_CB_MAX_PACKETS,
		.max_syncs = NPU_MAX_SYNCS,
		.max_bind_ops = NPU_MAX_BIND_OPS,
		.counter_count = NPU_COUNTER_COUNT,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.default_timeout_ms = npu_default_timeout_ms,
		.max_timeout_ms = npu_max_timeout_ms,
		.max_job_ms = npu_job_max_ms,
	};
}

static int npu_query_copy(struct drm_npu_dev_query *args, const void *info, u32 size)
{
	if (!args->pointer) {
		args->size = size;
		return 0;
	}
	args->size = min(args->size, size);
	if (copy_to_user(u64_to_user_ptr(args->pointer), info, args->size))
		return -EFAULT;
	return 0;
}

/**
 * npu_ioctl_dev_query() - DRM_NPU_DEV_QUERY
 * @drm: device
 * @data: struct drm_npu_dev_query
 * @file: file
 *
 * Return: 0; -EINVAL: unknown type; -EFAULT: bad pointer; -ENODEV.
 */
int npu_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_device *npu = to_npu(drm);
	struct drm_npu_dev_query *args = data;
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_device_info info;
	struct drm_npu_limits limits;

	if (npu_is_lost(npu))
		return -ENODEV;
	switch (args->type) {
	case DRM_NPU_DEV_QUERY_DEVICE_INFO:
		npu_query_device(npu, &info);
		return npu_query_copy(args, &info, sizeof(info));
	case DRM_NPU_DEV_QUERY_FW_INFO:
		return npu_query_copy(args, &npu->fw.info, sizeof(npu->fw.info));
	case DRM_NPU_DEV_QUERY_LIMITS:
		npu_user_limits(nfile->user, &limits);
		return npu_query_copy(args, &limits, sizeof(limits));
	default:
		return -EINVAL;
	}
}
