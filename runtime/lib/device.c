// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "npu_fw.h"
#include "npu_regs.h"

/* The contracts that command packets are written by; minor versions only add. */
static int check_versions(const struct drm_npu_device_info *hw, const struct drm_npu_fw_info *fw)
{
	if (hw->hw_version >> 16 != NPU_HW_VERSION_MAJOR)
		return npurt_fail(-ENOTSUP,
				  "the device follows hardware contract %u.%u, this libnpurt needs "
				  "%u.x\nInstall a libnpurt that is made for this device.",
				  hw->hw_version >> 16, hw->hw_version & 0xffff,
				  NPU_HW_VERSION_MAJOR);
	if (fw->abi_major != NPU_FW_ABI_MAJOR)
		return npurt_fail(-ENOTSUP,
				  "the firmware has ABI %u.%u, this libnpurt needs %u.x\n"
				  "Install npu_fw.bin and libnpurt of the same release.",
				  fw->abi_major, fw->abi_minor, NPU_FW_ABI_MAJOR);
	if (hw->counter_version != NPU_COUNTER_TABLE_VERSION)
		return npurt_fail(-ENOTSUP,
				  "the device has counter table %u, this libnpurt knows %u\n"
				  "Install npu.ko and libnpurt of the same release.",
				  hw->counter_version, NPU_COUNTER_TABLE_VERSION);
	return 0;
}

/* What the rest of the library takes for granted; a driver that breaks it is not ours. */
static int check_info(const struct drm_npu_device_info *info)
{
	if (info->page_size < 4096 || info->page_size & (info->page_size - 1) ||
	    info->va_start >= info->va_end || (info->va_start | info->va_end) % info->page_size ||
	    !info->max_cmdbufs || info->max_packets < 64 || info->max_syncs < 2 ||
	    info->max_bind_ops < 1 || !info->chiplets || !info->tiles_per_chiplet ||
	    info->chiplets > 256 || info->tiles_per_chiplet > 256)
		return npurt_fail(
			-ENOTSUP,
			"the driver reports a device that cannot be (page size %u, addresses "
			"0x%llx-0x%llx, %u packets, %u syncs)\n"
			"Install npu.ko and libnpurt of the same release.",
			info->page_size, (unsigned long long)info->va_start,
			(unsigned long long)info->va_end, info->max_packets, info->max_syncs);
	return 0;
}

static int load_info(struct npurt_device *device)
{
	struct npurt_device_info *info = &device->info;
	struct drm_npu_device_info hw = {0};
	struct drm_npu_fw_info fw = {0};
	int err;

	info->size = sizeof(*info);
	err = device->backend->version(device->priv, info);
	if (err)
		return err;
	err = device->backend->query(device->priv, DRM_NPU_DEV_QUERY_DEVICE_INFO, &hw, sizeof(hw));
	if (err)
		return npurt_fail(err, "cannot ask the driver about the device: %s",
				  npurt_errno_text(err));
	err = device->backend->query(device->priv, DRM_NPU_DEV_QUERY_FW_INFO, &fw, sizeof(fw));
	if (err)
		return npurt_fail(err, "cannot ask the driver about the firmware: %s",
				  npurt_errno_text(err));
	err = check_versions(&hw, &fw);
	if (!err)
		err = check_info(&hw);
	if (err)
		return err;

	info->hw_version = hw.hw_version;
	info->chiplets = hw.chiplets;
	info->tiles_per_chiplet = hw.tiles_per_chiplet;
	info->tiles = hw.chiplets * hw.tiles_per_chiplet;
	info->sram_size = hw.sram_size;
	info->clock_khz = hw.clock_khz;
	info->max_queues = hw.max_queues;
	info->page_size = hw.page_size;
	info->features = hw.features;
	info->va_start = hw.va_start;
	info->va_end = hw.va_end;
	info->max_packets = hw.max_packets;
	info->max_cmdbufs = hw.max_cmdbufs;
	info->max_syncs = hw.max_syncs;
	info->counter_count = hw.counter_count;
	info->default_timeout_ms = hw.default_timeout_ms;
	info->max_timeout_ms = hw.max_timeout_ms;
	info->fw_abi_major = fw.abi_major;
	info->fw_abi_minor = fw.abi_minor;
	info->fw_features = fw.features;
	memcpy(info->fw_build_id, fw.build_id, sizeof(info->fw_build_id));
	snprintf(info->fw_version, sizeof(info->fw_version), "%.*s", (int)sizeof(fw.version) - 1,
		 fw.version);
	return 0;
}

int npurt_device_open_backend(const struct npurt_backend *backend, const char *path,
			      struct npurt_device **ret_device)
{
	struct npurt_device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return npurt_fail_nomem("the device");
	refs_init(&device->refs);
	device->backend = backend;
	err = backend->open(path, &device->priv);
	if (err) {
		free(device);
		return err;
	}
	err = load_info(device);
	if (err) {
		npurt_device_unref(device);
		return err;
	}
	*ret_device = device;
	return 0;
}

static int open_index(unsigned int index, struct npurt_device **ret_device)
{
	struct npurt_device_list *list;
	int err = npurt_device_list_create(&list);

	if (err)
		return err;
	if (index < npurt_device_list_count(list))
		err = npurt_device_open_backend(&npurt_backend_drm,
						npurt_device_list_path(list, index), ret_device);
	else
		err = npurt_fail_no_device(index, npurt_device_list_count(list));
	npurt_device_list_unref(list);
	return err;
}

static const char *environment_backend(void)
{
	const char *backend = secure_getenv("NPURT_BACKEND");

	return backend && backend[0] ? backend : "drm";
}

NPURT_EXPORT int npurt_device_open(const struct npurt_device_options *options,
				   struct npurt_device **ret_device)
{
	struct npurt_device_options opts;
	const char *backend;
	int err = npurt_struct_in(&opts, sizeof(opts), options, "npurt_device_options");

	if (err)
		return err;
	backend = opts.backend ? opts.backend : environment_backend();
	/* The simulated device's name says all; a node is never called so. */
	if (opts.path && (!strcmp(opts.path, "sim") || !strncmp(opts.path, "sim:", 4)))
		backend = "sim";
	if (!strcmp(backend, "null"))
		return npurt_device_open_backend(&npurt_backend_null, NULL, ret_device);
	if (!strcmp(backend, "sim")) {
		if (opts.path && strncmp(opts.path, "sim", 3))
			return npurt_fail(-EINVAL,
					  "cannot open %s: the backend is 'sim', whose device is called "
					  "'sim' or 'sim:PROPERTIES'; unset NPURT_BACKEND to use a node",
					  opts.path);
		if (opts.index)
			return npurt_fail_no_device(opts.index, 1);
		return npurt_device_open_backend(&npurt_backend_sim, opts.path, ret_device);
	}
	if (strcmp(backend, "drm"))
		return npurt_fail(-EINVAL, "there is no backend '%s'; %s 'drm', 'sim' or 'null'", backend,
				  opts.backend ? "choose" : "set NPURT_BACKEND to");
	if (opts.path)
		return npurt_device_open_backend(&npurt_backend_drm, opts.path, ret_device);
	return open_index(opts.index, ret_device);
}

NPURT_EXPORT struct npurt_device *npurt_device_ref(struct npurt_device *device)
{
	refs_get(&device->refs);
	return device;
}

NPURT_EXPORT struct npurt_device *npurt_device_unref(struct npurt_device *device)
{
	if (device && refs_put(&device->refs)) {
		device->backend->close(device->priv);
		free(device);
	}
	return NULL;
}

NPURT_EXPORT int npurt_device_get_info(const struct npurt_device *device,
				       struct npurt_device_info *info)
{
	return npurt_struct_out(info, &device->info, sizeof(device->info), "npurt_device_info");
}

NPURT_EXPORT int npurt_device_get_limits(struct npurt_device *device, struct npurt_limits *limits)
{
	struct npurt_limits known = {.size = sizeof(known)};
	struct drm_npu_limits query = {0};
	int err = device->backend->query(device->priv, DRM_NPU_DEV_QUERY_LIMITS, &query,
					 sizeof(query));

	/* Who does not know of limits has none. */
	if (err && err != -EINVAL)
		return npurt_fail(err, "cannot ask the driver for limits: %s",
				  npurt_errno_text(err));
	known.memory_limit = query.memory_limit;
	known.memory_used = query.memory_used;
	known.vms_limit = query.vms_limit;
	known.vms_used = query.vms_used;
	known.queues_limit = query.queues_limit;
	known.queues_used = query.queues_used;
	return npurt_struct_out(limits, &known, sizeof(known), "npurt_limits");
}

int npurt_fail_quota(struct npurt_device *device, const char *what)
{
	struct drm_npu_limits query = {0};

	device->backend->query(device->priv, DRM_NPU_DEV_QUERY_LIMITS, &query, sizeof(query));
	return npurt_fail(-EDQUOT,
			  "no room for %s within the limits of this user: of memory %llu of %llu MiB "
			  "are in use (user_memory_mib), of address spaces %llu of %llu (user_vms), of "
			  "queues %llu of %llu (user_queues); a limit of 0 is none\n"
			  "End a program of this user, or raise the limit as root: "
			  "'echo NUMBER >/sys/module/npu/parameters/NAME'.",
			  what, (unsigned long long)query.memory_used >> 20,
			  (unsigned long long)query.memory_limit >> 20,
			  (unsigned long long)query.vms_used, (unsigned long long)query.vms_limit,
			  (unsigned long long)query.queues_used,
			  (unsigned long long)query.queues_limit);
}

bool npurt_page_round(const struct npurt_device *device, uint64_t size, uint64_t *ret_size)
{
	uint64_t mask = device->info.page_size - 1;

	if (!size || size > UINT64_MAX - mask)
		return false;
	*ret_size = (size + mask) & ~mask;
	return true;
}
