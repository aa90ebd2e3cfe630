// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Perfmons
 *
 * A perfmon is a set of counters, a queue or all queues of its file, and the
 * values that the counters had when it was made: reading it gives what has come
 * since. Nothing is set up on the device. The firmware writes each queue's
 * counters to memory before it reports a job's end, perfmon or not.
 *
 * What the device has written starts anew when a reset puts a queue back on
 * the hardware, is gone when the queue is, and may be anything if the device is out of
 * its mind. So the driver keeps a sum of its own for each queue, to which the device's
 * values are only ever added, and only what is ahead of what was there: no value that
 * a program reads is ever less than the one before it.
 *
 * The block may be read while the firmware writes it. Counters only grow, so a
 * block that reads the same twice in a row was like that in between; one that
 * does not settle leaves the driver with the values of an earlier job, which belong
 * together too.
 *
 * Rejected: reading the counters by message. They are live then, in the
 * middle of a job, cost the firmware time for every look, and need a device
 * that answers. Rejected: counters of a queue by core. The packet COUNTERS
 * tells those to the program, at the point of its own work where it wants them.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_perfmon.h"
#include "npu_queue.h"

/* How often a block is read before what was known is taken for good enough. */
#define NPU_PERFMON_TRIES 8

/** struct npu_perfmon - a set of counters, with the values from which it counts */
struct npu_perfmon {
	/** @queue: queue whose counters they are, held; NULL: the sum of all of the file */
	struct npu_queue *queue;
	/** @mask: the counters, bits of enum npu_counter */
	u64 mask;
	/** @start: value of each when the set was made or last reset */
	u64 start[NPU_COUNTER_COUNT];
};

static void npu_perfmon_copy(const struct npu_counter_block *block, u32 count, u64 *values)
{
	u32 i;

	for (i = 0; i < count; i++)
		values[i] = READ_ONCE(block->value[i]);
}

/* Return: how many values belong together and to one moment; 0: none that could be had. */
static u32 npu_perfmon_snapshot(const struct npu_counter_block *block, u64 *values)
{
	u64 again[NPU_COUNTER_COUNT];
	u32 count, i;

	count = min_t(u32, READ_ONCE(block->count), NPU_COUNTER_COUNT);
	if (READ_ONCE(block->version) != NPU_COUNTER_TABLE_VERSION)
		return 0;
	npu_perfmon_copy(block, count, values);
	for (i = 0; i < NPU_PERFMON_TRIES; i++) {
		dma_rmb();
		npu_perfmon_copy(block, count, again);
		if (!memcmp(values, again, count * sizeof(*values)))
			return count;
		memcpy(values, again, count * sizeof(*values));
	}
	return 0;
}

/**
 * npu_perfmon_collect() - take over what the device says that a queue has done
 * @queue: queue, its lock held
 */
void npu_perfmon_collect(struct npu_queue *queue)
{
	u64 *seen = queue->count.seen;
	u64 now[NPU_COUNTER_COUNT];
	u32 count, i;

	lockdep_assert_held(&queue->lock);
	if (!queue->mem)
		return;
	count = npu_perfmon_snapshot(&queue->mem->counters, now);
	/* Backwards, or half the range at once: nothing that counts does that. */
	for (i = 0; i < count; i++)
		if ((s64)(now[i] - seen[i]) > 0)
			seen[i] = now[i];
}

/**
 * npu_perfmon_restart() - a queue is about to count from 0 again
 * @queue: queue that the device does not serve, its lock held
 */
void npu_perfmon_restart(struct npu_queue *queue)
{
	struct npu_perfmon_count *count = &queue->count;
	u32 i;

	npu_perfmon_collect(queue);
	for (i = 0; i < NPU_COUNTER_COUNT; i++) {
		count->before[i] += count->seen[i];
		count->seen[i] = 0;
	}
}

static void npu_perfmon_add_count(struct npu_queue *queue, u64 *values)
{
	struct npu_perfmon_count *count = &queue->count;
	u32 i;

	guard(spinlock_irqsave)(&queue->lock);
	npu_perfmon_collect(queue);
	for (i = 0; i < NPU_COUNTER_COUNT; i++)
		values[i] += count->before[i] + count->seen[i];
}

/* What queue, or all of the file together, have done so far. */
static void npu_perfmon_total(struct npu_perfmon_file *pfile, struct npu_queue *queue, u64 *values)
{
	struct npu_perfmon_count *count;

	lockdep_assert_held(&pfile->lock);
	memset(values, 0, NPU_COUNTER_COUNT * sizeof(*values));
	if (queue) {
		npu_perfmon_add_count(queue, values);
		return;
	}
	memcpy(values, pfile->ended, sizeof(pfile->ended));
	list_for_each_entry(count, &pfile->queues, node)
		npu_perfmon_add_count(container_of(count, struct npu_queue, count), values);
}

/**
 * npu_perfmon_add_queue() - count a queue among those of its file
 * @nfile: file
 * @queue: new queue
 */
void npu_perfmon_add_queue(struct npu_file *nfile, struct npu_queue *queue)
{
	guard(mutex)(&nfile->perfmon.lock);
	npu_queue_get(queue);
	list_add_tail(&queue->count.node, &nfile->perfmon.queues);
}

static void npu_perfmon_drop_queue(struct npu_perfmon_file *pfile, struct npu_queue *queue)
{
	lockdep_assert_held(&pfile->lock);
	npu_perfmon_add_count(queue, pfile->ended);
	list_del(&queue->count.node);
	npu_queue_put(queue);
}

/**
 * npu_perfmon_remove_queue() - a queue counts no more; what it did stays in the file's sum
 * @nfile: file
 * @queue: queue that has ended
 */
void npu_perfmon_remove_queue(struct npu_file *nfile, struct npu_queue *queue)
{
	guard(mutex)(&nfile->perfmon.lock);
	npu_perfmon_drop_queue(&nfile->perfmon, queue);
}

/**
 * npu_perfmon_open() - make a file ready for perfmons
 * @nfile: new file
 */
void npu_perfmon_open(struct npu_file *nfile)
{
	struct npu_perfmon_file *pfile = &nfile->perfmon;

	mutex_init(&pfile->lock);
	xa_init_flags(&pfile->perfmons, XA_FLAGS_ALLOC1);
	INIT_LIST_HEAD(&pfile->queues);
}

static void npu_perfmon_free(struct npu_perfmon *perfmon)
{
	if (perfmon->queue)
		npu_queue_put(perfmon->queue);
	kfree(perfmon);
}

/**
 * npu_perfmon_close() - free the perfmons of a file, and let go of its queues
 * @nfile: file that is being closed, its queues ended
 */
void npu_perfmon_close(struct npu_file *nfile)
{
	struct npu_perfmon_file *pfile = &nfile->perfmon;
	struct npu_perfmon_count *count, *next;
	struct npu_perfmon *perfmon;
	unsigned long id;

	xa_for_each(&pfile->perfmons, id, perfmon)
		npu_perfmon_free(perfmon);
	xa_destroy(&pfile->perfmons);
	scoped_guard(mutex, &pfile->lock)
		list_for_each_entry_safe(count, next, &pfile->queues, node)
			npu_perfmon_drop_queue(pfile, container_of(count, struct npu_queue, count));
	mutex_destroy(&pfile->lock);
}

static int npu_perfmon_check_create(const struct drm_npu_perfmon_create *args)
{
	if (args->flags || args->counter_version != NPU_COUNTER_TABLE_VERSION)
		return -EINVAL;
	if (!args->counters || args->counters & ~GENMASK_ULL(NPU_COUNTER_COUNT - 1, 0))
		return -EINVAL;
	return 0;
}

/* Takes the place of the new perfmon among the others; its id is known when it counts. */
static int npu_perfmon_publish(struct npu_perfmon_file *pfile, struct npu_perfmon *perfmon, u32 *id)
{
	int ret;

	guard(mutex)(&pfile->lock);
	if (pfile->count >= NPU_MAX_PERFMONS)
		return -ENOSPC;
	npu_perfmon_total(pfile, perfmon->queue, perfmon->start);
	ret = xa_alloc(&pfile->perfmons, id, perfmon, npu_id_limit, GFP_KERNEL_ACCOUNT);
	if (!ret)
		pfile->count++;
	return ret;
}

/**
 * npu_ioctl_perfmon_create() - DRM_NPU_PERFMON_CREATE
 * @drm: device
 * @data: struct drm_npu_perfmon_create
 * @file: file
 *
 * Return: 0; -EINVAL: flags, version, no counter or one that there is not; -ENOENT: no such
 * queue; -ENOSPC: the file has as many as it may have; -ENOMEM; -ENODEV.
 */
int npu_ioctl_perfmon_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_perfmon_create *args = data;
	struct npu_perfmon *perfmon;
	struct npu_queue *queue;
	int ret;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	ret = npu_perfmon_check_create(args);
	if (ret)
		return ret;
	perfmon = kzalloc_obj(*perfmon, GFP_KERNEL_ACCOUNT);
	if (!perfmon)
		return -ENOMEM;
	perfmon->mask = args->counters;
	if (args->queue_id) {
		queue = npu_queue_lookup(nfile, args->queue_id);
		if (!queue) {
			kfree(perfmon);
			return -ENOENT;
		}
		/* No user: the queue may go, its counts stay. */
		perfmon->queue = npu_queue_get(queue);
		npu_queue_user_put(queue);
	}
	ret = npu_perfmon_publish(&nfile->perfmon, perfmon, &args->id);
	if (ret)
		npu_perfmon_free(perfmon);
	return ret;
}

/**
 * npu_ioctl_perfmon_destroy() - DRM_NPU_PERFMON_DESTROY
 * @drm: device
 * @data: struct drm_npu_perfmon_destroy
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -ENOENT: no such perfmon.
 */
int npu_ioctl_perfmon_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct npu_perfmon_file *pfile = &nfile->perfmon;
	struct drm_npu_perfmon_destroy *args = data;
	struct npu_perfmon *perfmon;

	if (args->pad)
		return -EINVAL;
	scoped_guard(mutex, &pfile->lock) {
		perfmon = xa_erase(&pfile->perfmons, args->id);
		if (!perfmon)
			return -ENOENT;
		pfile->count--;
	}
	npu_perfmon_free(perfmon);
	return 0;
}

/* Return: number of values, packed in the order of their counters, or -ENOENT. */
static int npu_perfmon_values(struct npu_perfmon_file *pfile, u32 id, bool reset, u64 *values)
{
	struct npu_perfmon *perfmon;
	u64 now[NPU_COUNTER_COUNT];
	u32 i, count = 0;

	guard(mutex)(&pfile->lock);
	perfmon = xa_load(&pfile->perfmons, id);
	if (!perfmon)
		return -ENOENT;
	npu_perfmon_total(pfile, perfmon->queue, now);
	for (i = 0; i < NPU_COUNTER_COUNT; i++)
		if (perfmon->mask & BIT_ULL(i))
			values[count++] = now[i] - perfmon->start[i];
	if (reset)
		memcpy(perfmon->start, now, sizeof(now));
	return count;
}

/**
 * npu_ioctl_perfmon_read() - DRM_NPU_PERFMON_READ
 * @drm: device
 * @data: struct drm_npu_perfmon_read
 * @file: file
 *
 * Return: 0; -EINVAL: flags, or stride of the values is not 8; -ENOENT: no such perfmon; -EFAULT;
 * -ENODEV.
 */
int npu_ioctl_perfmon_read(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_perfmon_read *args = data;
	struct drm_npu_obj_array *out = &args->values;
	u64 values[NPU_COUNTER_COUNT];
	int count;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	if (args->flags & ~DRM_NPU_PERFMON_READ_RESET)
		return -EINVAL;
	if (out->count && out->stride != sizeof(u64))
		return -EINVAL;
	count = npu_perfmon_values(&nfile->perfmon, args->id,
				   args->flags & DRM_NPU_PERFMON_READ_RESET, values);
	if (count < 0)
		return count;
	out->count = min_t(u32, out->count, count);
	if (copy_to_user(u64_to_user_ptr(out->array), values, out->count * sizeof(u64)))
		return -EFAULT;
	return 0;
}
