// SPDX-License-Identifier: MIT
/* Opening devices, and what can go wrong with memory, address spaces and queues. */
#include <errno.h>

#include "fixture.h"
#include "npu_fw.h"
#include "npu_regs.h"

/* What the driver says about the device; a test changes it before opening. */
static struct drm_npu_device_info hw;
static struct drm_npu_fw_info fw;
static int query_error;

static int play_query(void *priv, uint32_t type, void *data, uint32_t size)
{
	(void)priv;
	if (query_error)
		return query_error;
	if (type == DRM_NPU_DEV_QUERY_DEVICE_INFO)
		memcpy(data, &hw, size < sizeof(hw) ? size : sizeof(hw));
	else
		memcpy(data, &fw, size < sizeof(fw) ? size : sizeof(fw));
	return 0;
}

static void good_answers(void)
{
	NEED(npurt_backend_null.query(NULL, DRM_NPU_DEV_QUERY_DEVICE_INFO, &hw, sizeof(hw)));
	NEED(npurt_backend_null.query(NULL, DRM_NPU_DEV_QUERY_FW_INFO, &fw, sizeof(fw)));
}

/* A driver that says what hw and fw hold is refused. */
static void refused(int err, const char *words, const char *name)
{
	struct npurt_backend backend = npurt_backend_null;
	struct npurt_device *device = (void *)1;

	backend.query = play_query;
	fails(npurt_device_open_backend(&backend, NULL, &device), err, words, name);
	if (device != (void *)1)
		tap_ok(false, "%s: ret_device was touched", name);
	good_answers();
	query_error = 0;
}

static void test_versions(void)
{
	good_answers();
	hw.hw_version = (NPU_HW_VERSION_MAJOR + 1) << 16;
	refused(-ENOTSUP, "hardware contract 2.0", "other hardware contract");
	fw.abi_major = NPU_FW_ABI_MAJOR + 1;
	fw.abi_minor = 0;
	refused(-ENOTSUP, "firmware has ABI 2.0", "other firmware ABI");
	hw.counter_version++;
	refused(-ENOTSUP, "counter table", "other counter table");
	query_error = -EIO;
	refused(-EIO, "cannot ask the driver", "driver that does not answer");
	hw.page_size = 4095;
	refused(-ENOTSUP, "cannot be", "page size that is no power of two");
	hw.va_end = hw.va_start;
	refused(-ENOTSUP, "cannot be", "no addresses");
	hw.max_packets = 0;
	refused(-ENOTSUP, "cannot be", "no packets");
	hw.chiplets = 0;
	refused(-ENOTSUP, "cannot be", "no tiles");
}

/* Minor versions may be newer: they only add. */
static void test_minor(void)
{
	struct npurt_backend backend = npurt_backend_null;
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;
	struct npurt_device *device;

	backend.query = play_query;
	hw.hw_version = NPU_HW_VERSION_MAJOR << 16 | (NPU_HW_VERSION_MINOR + 1);
	fw.abi_minor = NPU_FW_ABI_MINOR + 1;
	memset(fw.version, 'x', sizeof(fw.version)); /* without its NUL */
	NEED(npurt_device_open_backend(&backend, NULL, &device));
	NEED(npurt_device_get_info(device, &info));
	tap_ok(info.hw_version == hw.hw_version && info.fw_abi_minor == NPU_FW_ABI_MINOR + 1,
	       "newer minor versions");
	tap_is(strlen(info.fw_version), sizeof(fw.version) - 1, "version text is ended");
	tap_is(info.tiles, hw.chiplets * hw.tiles_per_chiplet, "tiles");
	npurt_device_unref(device);
	good_answers();
}

static void test_open(void)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device_list *list;
	struct npurt_device *device;
	struct {
		size_t size;
		uint32_t hw_version, chiplets;
		uint32_t guard;
	} old = {.size = 16, .guard = 0x55};
	struct npurt_device_info info = {.size = 4};

	options.backend = "nul";
	fails(npurt_device_open(&options, &device), -EINVAL, "'drm', 'sim' or 'null'", "unknown backend");
	options.backend = NULL;
	setenv("NPURT_BACKEND", "nul", 1);
	fails(npurt_device_open(&options, &device), -EINVAL, "set NPURT_BACKEND",
	      "unknown backend in the environment");
	unsetenv("NPURT_BACKEND");
	options.path = "/dev/null";
	fails(npurt_device_open(&options, &device), -ENODEV, "not an NPU", "another device's node");
	options.path = "/nonexistent/accel0";
	fails(npurt_device_open(&options, &device), -ENODEV, "npu-prof info", "no such node");
	options.path = NULL;
	options.size = 0;
	fails(npurt_device_open(&options, &device), -EINVAL, "_INIT", "size was never set");
	options.size = sizeof(options);
	NEED(npurt_device_list_create(&list));
	options.index = npurt_device_list_count(list);
	fails(npurt_device_open(&options, &device), -ENODEV, "no NPU",
	      "index past the last device");
	tap_ok(!npurt_device_list_path(list, options.index) &&
		       !npurt_device_list_bus(list, options.index),
	       "nothing past the end of the list");
	npurt_device_list_unref(list);

	setenv("NPURT_BACKEND", "null", 1);
	NEED(npurt_device_open(NULL, &device));
	unsetenv("NPURT_BACKEND");
	fails(npurt_device_get_info(device, &info), -EINVAL, "_INIT", "info of a nonsense size");
	NEED(npurt_device_get_info(device, (struct npurt_device_info *)&old));
	tap_ok(old.size == 16 && old.chiplets == 2 && old.guard == 0x55,
	       "info of an older program");
	npurt_device_unref(device);
}

/* What buffers are besides memory. */
static void test_buffers(struct npurt_device *device)
{
	struct npurt_bo_options options = NPURT_BO_OPTIONS_INIT;
	struct npurt_bo_info info = NPURT_BO_INFO_INIT;
	struct npurt_limits limits = NPURT_LIMITS_INIT;
	static char memory[4096] __attribute__((aligned(4096))), label[300];
	struct npurt_bo *bo, *none = (void *)1;
	struct npurt_vm *vm, *other;
	bool retained = false;
	uint64_t va;
	int fd = -7;

	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_vm_create(device, &other));
	options.flags = 1u << 9;
	fails(npurt_bo_create_with(device, 4096, &options, &none), -EINVAL, "unknown buffer flags",
	      "flags of a buffer");
	options.flags = NPURT_BO_WC;
	options.label = "weights";
	NEED(npurt_bo_create_with(device, 5000, &options, &bo));
	NEED(npurt_bo_get_info(bo, &info));
	tap_ok(info.bytes == 8192 && info.flags == NPURT_BO_WC && info.kind == NPURT_BO_OWN &&
		       info.needed && info.retained && !strcmp(info.label, "weights"),
	       "a buffer tells what it is");
	NEED(npurt_bo_set_needed(bo, false, &retained));
	NEED(npurt_bo_get_info(bo, &info));
	tap_ok(retained && !info.needed && info.retained, "it is not needed");
	NEED(npurt_bo_set_needed(bo, true, NULL));
	NEED(npurt_bo_set_label(bo, NULL));
	NEED(npurt_bo_get_info(bo, &info));
	tap_ok(info.needed && !info.label[0], "it is needed again, and has no name");
	memset(label, 'x', sizeof(label) - 1);
	fails(npurt_bo_set_label(bo, label), -E2BIG, "255 bytes", "a label that is too long");
	fails(npurt_bo_export(bo, &fd), -EOPNOTSUPP, "cannot make a dma-buf", "export");
	tap_is(fd, -7, "ret_fd untouched");
	npurt_bo_unref(bo);
	fails(npurt_bo_import(device, 0, &none), -EOPNOTSUPP, "cannot import", "import");
	fails(npurt_bo_wrap(device, memory, sizeof(memory), 0, &none), -EOPNOTSUPP, "cannot wrap memory",
	      "memory of the process");
	fails(npurt_bo_wrap(device, memory + 1, sizeof(memory), 0, &none), -EINVAL, "multiples of",
	      "memory that is not aligned");
	fails(npurt_bo_wrap(device, memory, sizeof(memory), NPURT_MAP_EXEC, &none), -EINVAL,
	      "unknown flags", "flags of memory");
	tap_ok(none == (void *)1, "ret_bo untouched");

	NEED(npurt_vm_map_sparse(vm, 1ull << 30, NPURT_MAP_READONLY, &va));
	fails(npurt_vm_map_sparse(vm, 100, 0, &va), -EINVAL, "not a multiple", "odd size");
	fails(npurt_vm_map_sparse(vm, 4096, NPURT_MAP_EXEC, &va), -EINVAL, "do not go with",
	      "nothing to execute");
	NEED(npurt_vm_unmap(vm, va));
	NEED(npurt_vm_map_sparse(vm, 1ull << 30, 0, &va));
	NEED(npurt_device_get_limits(device, &limits));
	tap_ok(!limits.memory_limit && !limits.vms_limit && !limits.queues_limit, "no limits");
	npurt_vm_unref(other);
	npurt_vm_unref(vm);
}

static int full_bo_create(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
			  uint32_t *ret_handle)
{
	(void)priv, (void)size, (void)flags, (void)vm_id, (void)ret_handle;
	return -EDQUOT;
}

static int full_query(void *priv, uint32_t type, void *data, uint32_t size)
{
	const struct drm_npu_limits limits = {.memory_limit = 8 << 20, .memory_used = 7 << 20};

	if (type != DRM_NPU_DEV_QUERY_LIMITS)
		return npurt_backend_null.query(priv, type, data, size);
	memcpy(data, &limits, size < sizeof(limits) ? size : sizeof(limits));
	return 0;
}

/* Who runs into a limit is told which. */
static void test_quota(void)
{
	struct npurt_backend backend = npurt_backend_null;
	struct npurt_limits limits = NPURT_LIMITS_INIT;
	struct npurt_device *device;
	struct npurt_bo *bo;

	backend.bo_create = full_bo_create;
	backend.query = full_query;
	NEED(npurt_device_open_backend(&backend, NULL, &device));
	fails(npurt_bo_create(device, 2 << 20, &bo), -EDQUOT, "7 of 8 MiB are in use (user_memory_mib)",
	      "a buffer beyond the limit");
	NEED(npurt_device_get_limits(device, &limits));
	tap_ok(limits.memory_limit == 8 << 20 && limits.memory_used == 7 << 20 && !limits.vms_limit,
	       "limits are told");
	npurt_device_unref(device);
}

static void test_memory(struct npurt_device *device)
{
	struct npurt_bo *bo, *none = (void *)1;
	struct npurt_vm *vm;
	void *pointer, *again;
	uint64_t va, other = 1;
	uint8_t *bytes;

	fails(npurt_bo_create(device, 0, &none), -EINVAL, "at least 1", "buffer of nothing");
	fails(npurt_bo_create(device, UINT64_MAX, &none), -EINVAL, "cannot be", "buffer of 2^64");
	tap_ok(none == (void *)1, "ret_bo untouched");
	NEED(npurt_bo_create(device, 5000, &bo));
	tap_is(npurt_bo_size(bo), 8192, "whole pages");
	NEED(npurt_bo_map(bo, &pointer));
	NEED(npurt_bo_map(bo, &again));
	tap_ok(pointer == again, "one mapping");

	NEED(npurt_vm_create(device, &vm));
	fails(npurt_vm_map(vm, bo, 0, 0, 4, &other), -EINVAL, "unknown mapping flags", "flags");
	fails(npurt_vm_map(vm, bo, 100, 4096, 0, &other), -EINVAL, "multiples", "odd offset");
	fails(npurt_vm_map(vm, bo, 8192, 0, 0, &other), -EINVAL, "lie in the buffer",
	      "offset at the end");
	fails(npurt_vm_map(vm, bo, 4096, 8192, 0, &other), -EINVAL, "lie in the buffer",
	      "more than there is");
	fails(npurt_vm_map(vm, bo, 4096, UINT64_MAX - 4095, 0, &other), -EINVAL,
	      "lie in the buffer", "size that wraps");
	fails(npurt_vm_map_at(vm, bo, 0, 4096, 0, 0), -EINVAL, "device addresses run",
	      "at address 0");
	fails(npurt_vm_map_at(vm, bo, 0, 4096, 0, UINT64_MAX - 4095), -EINVAL,
	      "device addresses run", "at the end of all addresses");
	tap_ok(other == 1 && !vm->va.taken, "nothing was mapped, ret_va untouched");

	NEED(npurt_vm_map(vm, bo, 4096, 0, NPURT_MAP_READONLY, &va));
	fails(npurt_vm_map_at(vm, bo, 0, 4096, 0, va), -EBUSY, "something is mapped there",
	      "where something is mapped");
	fails(npurt_vm_unmap(vm, va + 4096), -ENOENT, "no mapping starts", "unmap nothing");
	NEED(npurt_vm_map_at(vm, bo, 0, 8192, 0, va + 4096));
	npurt_bo_unref(bo); /* its mappings hold it */
	((char *)pointer)[8191] = 1;
	NEED(npurt_vm_unmap(vm, va));
	NEED(npurt_vm_unmap(vm, va + 4096));

	NEED(npurt_vm_alloc(vm, 3 << 20, 0, NULL, &pointer, &va));
	bytes = pointer;
	tap_ok(!(va & ((2 << 20) - 1)) && !bytes[0] && !bytes[(3 << 20) - 1],
	       "large buffers start on a large page, and are zero");
	NEED(npurt_vm_unmap(vm, va));
	tap_is(vm->va.taken, 0, "all given back");
	npurt_vm_unref(vm);
}

static void test_queues(struct npurt_device *device)
{
	struct npurt_queue_options options = NPURT_QUEUE_OPTIONS_INIT;
	struct npurt_queue *queues[64], *none = (void *)1;
	struct npurt_vm *vm;

	NEED(npurt_vm_create(device, &vm));
	options.priority = 4;
	fails(npurt_queue_create(vm, &options, &none), -EINVAL, "priorities are 0 to 3",
	      "priority");
	options.priority = 0;
	options.timeout_ms = 600001;
	fails(npurt_queue_create(vm, &options, &none), -ERANGE, "timeouts 1 to 600000 ms",
	      "timeout");
	for (int i = 0; i < 64; i++)
		NEED(npurt_queue_create(vm, NULL, &queues[i]));
	fails(npurt_queue_create(vm, NULL, &none), -EBUSY, "all 64 hardware queues",
	      "one too many");
	tap_ok(none == (void *)1, "ret_queue untouched");
	npurt_queue_unref(queues[0]);
	tap_is((unsigned long long)npurt_queue_create(vm, NULL, &queues[0]), 0,
	       "one was given back, one is free");
	npurt_vm_unref(vm); /* queues hold it */
	for (int i = 0; i < 64; i++)
		npurt_queue_unref(queues[i]);
}

int main(void)
{
	struct npurt_device *device;

	test_versions();
	test_minor();
	test_open();
	device = null_device();
	test_quota();
	test_buffers(device);
	test_memory(device);
	test_queues(device);
	npurt_device_unref(device);
	return tap_done();
}
