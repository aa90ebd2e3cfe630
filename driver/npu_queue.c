// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Queues
 *
 * Each queue owns one hardware queue, one scheduler and one entity. The
 * scheduler only sequences jobs by their dependencies; which queue gets the
 * tiles is the firmware's business. Jobs without dependencies go past it while it
 * has none of this queue to come first. The two share the ring, half each, so
 * that neither has to know what the other has in flight.
 *
 * Lifetimes. The id and every job are users of the queue. When the last is
 * gone, the scheduler is dismantled and the VM released, from a work item,
 * because the last user may be a job that the scheduler itself just freed.
 * Fences are no users: a program may keep one for ever, and must not keep an
 * address space by that. But the fences of the scheduler name their timeline
 * through the scheduler, and its finished fences hold ours, so a fence holds
 * the memory in which the scheduler lives, the device, and the module.
 *
 * The rule that makes this work: every job of the scheduler passes through
 * run_job(), where it gets a fence of ours, even if only to be ended. The entity
 * is therefore never torn down with jobs in it, which would leave fences behind
 * that hold nothing. Jobs that go past the scheduler are users only until they are in
 * the ring: who gives the id up has stopped the ring before.
 *
 * Rejected: one scheduler with many entities, whose jobs share few hardware queues. It decides
 * between whole jobs, of which one may take seconds; the firmware shares the tiles out by
 * workgroups, but only among queues that it sees.
 *
 * Rejected: rings that programs write themselves. Submitting would cost no system call,
 * but fences that others wait for would then depend on what programs do.
 */
#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "npu_account.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_job.h"
#include "npu_pm.h"
#include "npu_queue.h"
#include "npu_vm.h"

/* So long a closing file waits for its jobs to be freed, so that rmmod works right after it. */
#define NPU_QUEUE_CLOSE_JIFFIES (HZ / 2)

static void npu_queue_free_work(struct work_struct *work)
{
	struct npu_queue *queue = container_of(work, struct npu_queue, free_work);
	struct npu_device *npu = queue->npu;

	mutex_destroy(&queue->submit_lock);
	mutex_destroy(&queue->stop_lock);
	put_pid(queue->pid);
	npu_usage_put(queue->usage.file);
	kfree(queue);
	drm_dev_put(&npu->drm);
	/* Module exit waits for this workqueue. */
	module_put(THIS_MODULE);
}

static void npu_queue_free(struct kref *kref)
{
	struct npu_queue *queue = container_of(kref, struct npu_queue, kref);

	/* Fences are released in interrupts. */
	queue_work(npu_module_wq, &queue->free_work);
}

/**
 * npu_queue_get() - hold a queue's memory
 * @queue: queue
 *
 * Return: @queue.
 */
struct npu_queue *npu_queue_get(struct npu_queue *queue)
{
	kref_get(&queue->kref);
	return queue;
}

/**
 * npu_queue_put() - let go of a queue's memory
 * @queue: queue
 */
void npu_queue_put(struct npu_queue *queue)
{
	kref_put(&queue->kref, npu_queue_free);
}

/**
 * npu_queue_get_slot() - find the queue that owns a hardware queue
 * @npu: device
 * @slot: hardware queue
 *
 * Return: the queue, to be let go with npu_queue_put(), or NULL.
 */
struct npu_queue *npu_queue_get_slot(struct npu_device *npu, u32 slot)
{
	guard(spinlock_irqsave)(&npu->slots_lock);
	return npu->slots[slot] ? npu_queue_get(npu->slots[slot]) : NULL;
}

static void npu_queue_release_work(struct work_struct *work)
{
	struct npu_queue *queue = container_of(work, struct npu_queue, release_work);

	drm_sched_entity_fini(&queue->entity);
	drm_sched_fini(&queue->sched);
	/* One of the scheduler's works may just have queued another, which finds nothing to do. */
	flush_workqueue(queue->npu->sched_wq);
	npu_user_uncharge(queue->vm->user, NPU_RESOURCE_QUEUES, 1);
	npu_vm_put(queue->vm);
	npu_queue_put(queue);
}

/**
 * npu_queue_user_get() - become a user
 * @queue: queue that has one already
 */
void npu_queue_user_get(struct npu_queue *queue)
{
	refcount_inc(&queue->users);
}

/**
 * npu_queue_user_put() - be a user no more
 * @queue: queue
 */
void npu_queue_user_put(struct npu_queue *queue)
{
	if (refcount_dec_and_test(&queue->users))
		queue_work(npu_module_wq, &queue->release_work);
}

/**
 * npu_queue_lookup() - find a queue by its id
 * @nfile: file
 * @id: id
 *
 * Return: the queue with the caller as a user, or NULL.
 */
struct npu_queue *npu_queue_lookup(struct npu_file *nfile, u32 id)
{
	struct npu_queue *queue;

	xa_lock(&nfile->queues);
	queue = xa_load(&nfile->queues, id);
	if (queue)
		npu_queue_user_get(queue);
	xa_unlock(&nfile->queues);
	return queue;
}

/**
 * npu_queue_close_all() - end all queues of a file that is being closed
 * @nfile: file
 */
void npu_queue_close_all(struct npu_file *nfile)
{
	unsigned long deadline = jiffies + NPU_QUEUE_CLOSE_JIFFIES;
	struct npu_queue *queue;
	unsigned long id;

	xa_for_each(&nfile->queues, id, queue)
		npu_queue_end(queue);
	xa_for_each(&nfile->queues, id, queue) {
		/* Jobs that wait for somebody else's fence may take longer, and do no harm. */
		wait_event_timeout(queue->room, !atomic_read(&queue->jobs),
				   max_t(long, deadline - jiffies, 0));
		npu_queue_user_put(queue);
	}
	xa_destroy(&nfile->queues);
}

static u32 npu_queue_hw_priority(u32 priority)
{
	switch (priority) {
	case DRM_NPU_QUEUE_PRIORITY_LOW:
		return NPU_PRIO_LOW;
	case DRM_NPU_QUEUE_PRIORITY_HIGH:
		return NPU_PRIO_HIGH;
	case DRM_NPU_QUEUE_PRIORITY_REALTIME:
		return NPU_PRIO_REALTIME;
	default:
		return NPU_PRIO_NORMAL;
	}
}

static struct npu_queue *npu_queue_alloc(struct npu_file *nfile, struct npu_vm *vm,
					 const struct drm_npu_queue_create *args)
{
	struct npu_device *npu = nfile->npu;
	struct npu_queue *queue;
	int ret;

	ret = npu_user_charge(vm->user, NPU_RESOURCE_QUEUES, 1);
	if (ret)
		return ERR_PTR(ret);
	ret = -ENOMEM;
	queue = kzalloc_obj(*queue, GFP_KERNEL_ACCOUNT);
	if (!queue)
		goto err_uncharge;
	queue->mem = dma_alloc_coherent(npu->drm.dev, sizeof(*queue->mem), &queue->mem_dma,
					GFP_KERNEL);
	if (!queue->mem)
		goto err_free;
	ret = npu_sched_init(&queue->sched, &npu_job_sched_ops, npu->sched_wq, NPU_QUEUE_CREDITS,
			     queue->name, npu->drm.dev);
	if (ret)
		goto err_free_mem;
	ret = npu_sched_entity_init(&queue->entity, &queue->sched);
	if (ret)
		goto err_fini_sched;

	kref_init(&queue->kref);
	refcount_set(&queue->users, 1);
	queue->npu = npu;
	queue->vm = npu_vm_get(vm);
	queue->asid = vm->asid;
	queue->usage.file = npu_usage_get(nfile->usage);
	queue->client = nfile->client;
	queue->pid = get_pid(task_tgid(current));
	queue->priority = npu_queue_hw_priority(args->priority);
	/* The cap is the administrator's word, over the default too. */
	queue->timeout = msecs_to_jiffies(min(args->timeout_ms ?: npu_default_timeout_ms,
					      npu_max_timeout_ms));
	queue->fence_context = dma_fence_context_alloc(1);
	snprintf(queue->owner, sizeof(queue->owner), "%s[%d]", current->comm,
		 task_tgid_nr(current));
	mutex_init(&queue->submit_lock);
	mutex_init(&queue->stop_lock);
	init_waitqueue_head(&queue->room);
	INIT_WORK(&queue->release_work, npu_queue_release_work);
	INIT_WORK(&queue->free_work, npu_queue_free_work);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->inflight);
	drm_dev_get(&npu->drm);
	__module_get(THIS_MODULE);
	return queue;

err_fini_sched:
	drm_sched_fini(&queue->sched);
err_free_mem:
	dma_free_coherent(npu->drm.dev, sizeof(*queue->mem), queue->mem, queue->mem_dma);
err_free:
	kfree(queue);
err_uncharge:
	npu_user_uncharge(vm->user, NPU_RESOURCE_QUEUES, 1);
	return ERR_PTR(ret);
}

static struct npu_queue *npu_queue_create(struct npu_file *nfile, struct npu_vm *vm,
					  const struct drm_npu_queue_create *args)
{
	struct npu_queue *queue = npu_queue_alloc(nfile, vm, args);
	struct npu_device *npu = nfile->npu;
	int ret;

	if (IS_ERR(queue))
		return queue;
	ret = npu_queue_start(queue);
	if (ret == -EIO || ret == -ETIMEDOUT) {
		/* Firmware that died while nobody used it is found out here. */
		ret = npu_recovery_wait(npu);
		if (!ret)
			ret = npu_queue_start(queue);
		/* Firmware that is only slow may know the queue by now. */
		if (ret == -EIO || ret == -ETIMEDOUT)
			npu_recovery_wait(npu);
	}
	if (!ret)
		return queue;
	npu_queue_free_mem(queue);
	npu_queue_user_put(queue);
	return ERR_PTR(ret == -ETIMEDOUT ? -EIO : ret);
}

static int npu_queue_check_create(const struct drm_npu_queue_create *args)
{
	if (args->flags || args->pad)
		return -EINVAL;
	if (args->timeout_ms > READ_ONCE(npu_max_timeout_ms))
		return -ERANGE;
	switch (args->priority) {
	case DRM_NPU_QUEUE_PRIORITY_NORMAL:
	case DRM_NPU_QUEUE_PRIORITY_LOW:
		return 0;
	case DRM_NPU_QUEUE_PRIORITY_HIGH:
	case DRM_NPU_QUEUE_PRIORITY_REALTIME:
		return capable(CAP_SYS_NICE) ? 0 : -EACCES;
	default:
		return -EINVAL;
	}
}

/**
 * npu_ioctl_queue_create() - DRM_NPU_QUEUE_CREATE
 * @drm: device
 * @data: struct drm_npu_queue_create
 * @file: file
 *
 * Return: 0; -EINVAL: flags, pad or priority; -ERANGE: timeout above the cap; -EACCES: priority
 * needs CAP_SYS_NICE; -ENOENT: no such VM; -EBUSY: all hardware queues are taken; -EDQUOT: the user
 * has as many as it may; -ENOMEM; -EIO: the device does not do as told, not even after a reset;
 * -ENODEV.
 */
int npu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_queue_create *args = data;
	struct npu_queue *queue;
	struct npu_vm *vm;
	int ret;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	ret = npu_queue_check_create(args);
	if (ret)
		return ret;
	vm = npu_vm_lookup(nfile, args->vm_id);
	if (!vm)
		return -ENOENT;
	ret = npu_pm_get(nfile->npu);
	if (ret) {
		npu_vm_put(vm);
		return ret;
	}
	queue = npu_queue_create(nfile, vm, args);
	npu_vm_put(vm);
	npu_pm_put(nfile->npu);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	npu_perfmon_add_queue(nfile, queue);
	npu_perf_add_queue(queue);
	npu_queue_get(queue);
	/* From here on another thread may use the id, and destroy it. */
	ret = xa_alloc(&nfile->queues, &queue->id, queue, npu_id_limit, GFP_KERNEL_ACCOUNT);
	args->id = queue->id;
	npu_queue_put(queue);
	if (ret) {
		npu_queue_end(queue);
		npu_perfmon_remove_queue(nfile, queue);
		npu_queue_user_put(queue);
	}
	return ret;
}

/**
 * npu_ioctl_queue_destroy() - DRM_NPU_QUEUE_DESTROY
 * @drm: device
 * @data: struct drm_npu_queue_destroy
 * @file: file
 *
 * Return: 0; -EINVAL: pad; -ENOENT: no such queue.
 */
int npu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_queue_destroy *args = data;
	struct npu_queue *queue;

	if (args->pad)
		return -EINVAL;
	queue = xa_erase(&nfile->queues, args->id);
	if (!queue)
		return -ENOENT;
	npu_queue_end(queue);
	npu_perfmon_remove_queue(nfile, queue);
	npu_queue_user_put(queue);
	return 0;
}

/* Copies state and counters; the latter are consistent while no job runs. */
static u32 npu_queue_snapshot(struct npu_queue *queue, struct drm_npu_queue_get_state *args,
			      u64 *counters, u32 room)
{
	u32 count = min_t(u32, room, NPU_COUNTER_COUNT);

	/* Both locks at once, or more jobs might have ended than were taken. */
	guard(mutex)(&queue->submit_lock);
	guard(spinlock_irqsave)(&queue->lock);
	args->submitted = queue->submitted;
	args->state = queue->state;
	args->completed = queue->completed;
	args->fault = queue->fault;
	if (!queue->mem)
		return 0;
	memcpy(counters, queue->mem->counters.value, count * sizeof(*counters));
	return count;
}

/**
 * npu_ioctl_queue_get_state() - DRM_NPU_QUEUE_GET_STATE
 * @drm: device
 * @data: struct drm_npu_queue_get_state
 * @file: file
 *
 * Return: 0; -EINVAL: stride of the counters is not 8; -ENOENT: no such queue; -EFAULT; -ENODEV.
 */
int npu_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	struct drm_npu_queue_get_state *args = data;
	struct drm_npu_obj_array *out = &args->counters;
	u64 counters[NPU_COUNTER_COUNT];
	struct npu_queue *queue;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	if (out->count && out->stride != sizeof(u64))
		return -EINVAL;
	queue = npu_queue_lookup(nfile, args->id);
	if (!queue)
		return -ENOENT;
	out->count = npu_queue_snapshot(queue, args, counters, out->count);
	npu_queue_user_put(queue);
	if (copy_to_user(u64_to_user_ptr(out->array), counters, out->count * sizeof(u64)))
		return -EFAULT;
	return 0;
}
