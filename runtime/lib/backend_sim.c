// SPDX-License-Identifier: MIT
/*
 * A device in this process: the core of QEMU's NPU as a library, with its firmware. Programs and
 * kernels run on it as on the real one, and count the same cycles. Every open makes a device.
 *
 * Device and library are one file, so that a program that was linked on one machine finds it on
 * another. Those who do not use it pay some hundred KiB of a file that are never read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "sim.h"

/* ---- handles --------------------------------------------------------------------------------- */

int sim_table_add(struct sim_table *table, void *object, uint32_t *ret_handle)
{
	uint32_t i = 0;
	void **grown;

	while (i < table->room && table->object[i])
		i++;
	if (i == table->room) {
		uint32_t room = table->room ? 2 * table->room : 16;

		grown = reallocarray(table->object, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		memset(grown + table->room, 0, (room - table->room) * sizeof(*grown));
		table->object = grown;
		table->room = room;
	}
	table->object[i] = object;
	table->count++;
	*ret_handle = i + 1;
	return 0;
}

void *sim_table_get(const struct sim_table *table, uint32_t handle)
{
	return handle && handle <= table->room ? table->object[handle - 1] : NULL;
}

void *sim_table_take(struct sim_table *table, uint32_t handle)
{
	void *object = sim_table_get(table, handle);

	if (object) {
		table->object[handle - 1] = NULL;
		table->count--;
	}
	return object;
}

/* First object left, taken out, or NULL. */
static void *take_any(struct sim_table *table)
{
	for (uint32_t i = 0; i < table->room; i++)
		if (table->object[i])
			return sim_table_take(table, i + 1);
	return NULL;
}

/* ---- forks ----------------------------------------------------------------------------------- */

static atomic_uint forks; /* of this process and those it came from */
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
	atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

bool sim_forked(const struct sim_dev *dev)
{
	return atomic_load_explicit(&forks, memory_order_relaxed) != dev->forks;
}

bool sim_gone(struct sim_dev *dev)
{
	return sim_forked(dev) || dev->lost;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void init_locks(struct sim_dev *dev)
{
	pthread_rwlockattr_t attr;

	/* A reset must get its turn beside those who submit without end. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&dev->hw, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&dev->tlb_lock, NULL);
	pthread_mutex_init(&dev->request_lock, NULL);
	pthread_mutex_init(&dev->events_lock, NULL);
	pthread_mutex_init(&dev->lock, NULL);
	sim_cond_init(&dev->mail);
	sim_cond_init(&dev->work);
}

/* Memory that core and firmware know for good. */
static int init_memory(struct sim_dev *dev)
{
	const uint64_t as_table = sizeof(struct npu_mbox);
	const uint64_t queue_table = as_table + NPU_MAX_AS * sizeof(struct npu_as_entry);
	const uint64_t size = queue_table + NPU_MAX_QUEUES * sizeof(struct npu_queue_desc);
	uint8_t *control;

	if (sim_mem_alloc(&dev->mem, size, &dev->control_bus))
		return npurt_fail_nomem("the device");
	control = sim_mem_ptr(&dev->mem, dev->control_bus);
	dev->mbox = (struct npu_mbox *)control;
	dev->as_table = (struct npu_as_entry *)(control + as_table);
	dev->queue_table = (struct npu_queue_desc *)(control + queue_table);
	return sim_fw_load(dev);
}

/* What the device says about itself, and the limits of the driver. */
static void read_info(struct sim_dev *dev)
{
	const uint32_t caps0 = (uint32_t)npu_dev_read(dev->core, NPU_REG_CAPS0, 4);
	const uint32_t caps1 = (uint32_t)npu_dev_read(dev->core, NPU_REG_CAPS1, 4);
	const uint32_t caps2 = (uint32_t)npu_dev_read(dev->core, NPU_REG_CAPS2, 4);

	dev->spaces = caps2 & NPU_CAPS2_AS;
	dev->info = (struct drm_npu_device_info){
		.hw_version = (uint32_t)npu_dev_read(dev->core, NPU_REG_HW_VERSION, 4),
		.chiplets = caps0 & NPU_CAPS0_CHIPLETS,
		.tiles_per_chiplet = (caps0 & NPU_CAPS0_TILES_PER_CHIPLET) >> 8,
		.sram_size = (caps1 & NPU_CAPS1_SRAM_KIB) * 1024,
		.clock_khz = (uint32_t)npu_dev_read(dev->core, NPU_REG_CLOCK_KHZ, 4),
		.max_queues = (caps0 & NPU_CAPS0_QUEUES) >> 16,
		.features = npu_dev_read(dev->core, NPU_REG_FEATURES_LO, 8),
		.va_start = NPU_VA_MIN,
		.va_end = NPU_VA_MAX,
		.page_size = NPU_PAGE_SIZE,
		.max_cmdbufs = SIM_MAX_CMDBUFS,
		.max_packets = NPU_CB_MAX_PACKETS,
		.max_syncs = SIM_MAX_SYNCS,
		.max_bind_ops = SIM_MAX_BIND_OPS,
		.counter_count = NPU_COUNTER_COUNT,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.default_timeout_ms = SIM_DEFAULT_TIMEOUT_MS,
		.max_timeout_ms = SIM_MAX_TIMEOUT_MS,
	};
}

static void free_objects(struct sim_dev *dev)
{
	struct sim_queue *queue;
	struct sim_sync *sync;
	struct sim_bo *bo;
	struct sim_vm *vm;

	for (uint32_t i = 0; i < dev->queues.room; i++)
		if (dev->queues.object[i])
			sim_queue_destroy(dev, i + 1);
	while ((queue = take_any(&dev->queues)))
		sim_queue_put(queue);
	while ((vm = take_any(&dev->vms)))
		sim_vm_put(dev, vm);
	while ((bo = take_any(&dev->bos)))
		sim_bo_put(dev, bo);
	while ((sync = take_any(&dev->syncs)))
		sim_sync_put(sync);
	free(dev->queues.object);
	free(dev->vms.object);
	free(dev->bos.object);
	free(dev->syncs.object);
}

static void sim_close(void *priv)
{
	struct sim_dev *dev = priv;

	/* In a child of a fork the device's threads are not, and its locks are as they happened to be. */
	if (!sim_forked(dev)) {
		if (dev->core)
			free_objects(dev);
		sim_service_stop(dev);
		npu_dev_free(dev->core);
		pthread_cond_destroy(&dev->work);
		pthread_cond_destroy(&dev->mail);
		pthread_mutex_destroy(&dev->lock);
		pthread_mutex_destroy(&dev->request_lock);
		pthread_mutex_destroy(&dev->events_lock);
		pthread_mutex_destroy(&dev->tlb_lock);
		pthread_rwlock_destroy(&dev->hw);
	}
	sim_mem_fini(&dev->mem);
	free(dev);
}

/* Make and boot it. */
static int power_on(struct sim_dev *dev)
{
	const char *error;
	int err = init_memory(dev);

	if (err)
		return err;
	dev->core = npu_dev_new(&dev->config.core, &sim_host_ops, dev, &error);
	if (!dev->core)
		return npurt_fail(-EINVAL, "%s: the device cannot be made: %s", dev->name, error);
	read_info(dev);
	err = sim_service_start(dev);
	if (err)
		return npurt_fail(err, "%s: cannot start a thread: %s", dev->name,
				  npurt_errno_text(err));
	return sim_fw_boot(dev);
}

/* path: "sim" or "sim:PROPERTIES"; NULL or "sim": the environment has the properties. */
static int sim_open(const char *path, void **ret_priv)
{
	const char *text = path ? strchr(path, ':') : NULL;
	struct sim_dev *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev)
		return npurt_fail_nomem("the device");
	err = text ? sim_config_parse(&dev->config, text + 1, path)
		   : sim_config_parse(&dev->config, secure_getenv("NPURT_SIM"), "NPURT_SIM");
	if (!err && sim_mem_init(&dev->mem, dev->config.memory))
		err = npurt_fail(
			-ENOMEM,
			"cannot reserve %llu MiB of addresses for the simulated device; give it "
			"less with the property memory=...",
			(unsigned long long)dev->config.memory >> 20);
	if (err) {
		free(dev);
		return err;
	}
	pthread_once(&forks_once, watch_forks);
	dev->forks = atomic_load(&forks);
	dev->timer_ns = dev->watch_ns = UINT64_MAX;
	snprintf(dev->name, sizeof(dev->name), "%s", path ? path : "sim");
	init_locks(dev);
	err = power_on(dev);
	if (err)
		sim_close(dev);
	else
		*ret_priv = dev;
	return err;
}

static int sim_version(void *priv, struct npurt_device_info *info)
{
	const struct sim_dev *dev = priv;

	snprintf(info->driver_name, sizeof(info->driver_name), "sim");
	info->driver_major = DRM_NPU_DRIVER_MAJOR;
	info->driver_minor = DRM_NPU_DRIVER_MINOR;
	snprintf(info->path, sizeof(info->path), "%s", dev->name);
	return 0;
}

static int sim_query(void *priv, uint32_t type, void *data, uint32_t size)
{
	struct sim_dev *dev = priv;

	if (sim_gone(dev))
		return -ENODEV;
	switch (type) {
	case DRM_NPU_DEV_QUERY_DEVICE_INFO:
		memcpy(data, &dev->info, size < sizeof(dev->info) ? size : sizeof(dev->info));
		return 0;
	case DRM_NPU_DEV_QUERY_FW_INFO:
		memcpy(data, &dev->fw, size < sizeof(dev->fw) ? size : sizeof(dev->fw));
		return 0;
	default:
		return -EINVAL;
	}
}

const struct npurt_backend npurt_backend_sim = {
	.name = "sim",
	.open = sim_open,
	.close = sim_close,
	.version = sim_version,
	.query = sim_query,
	.vm_create = sim_vm_create,
	.vm_destroy = sim_vm_destroy,
	.vm_bind = sim_vm_bind,
	.bo_create = sim_bo_create,
	.bo_destroy = sim_bo_destroy,
	.bo_map = sim_bo_map,
	.bo_unmap = sim_bo_unmap,
	.bo_query_info = sim_bo_query_info,
	.bo_set_label = sim_bo_set_label,
	.bo_madvise = sim_bo_madvise,
	.queue_create = sim_queue_create,
	.queue_destroy = sim_queue_destroy,
	.queue_get_state = sim_queue_get_state,
	.submit = sim_submit,
	.sync_create = sim_sync_create,
	.sync_destroy = sim_sync_destroy,
	.sync_wait = sim_sync_wait,
	.sync_signal = sim_sync_signal,
	.sync_query = sim_sync_query,
};
