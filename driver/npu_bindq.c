// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Binds that wait
 *
 * A VM that has had an asynchronous bind has a scheduler of its
 * own for them: it starts each when all that it waits for has ended, and the one
 * before it too. Running one is what a synchronous bind does with the VM locked,
 * and then its fence signals. Freeing comes after that, on a workqueue, because it
 * takes locks under which others may be waiting for fences.
 *
 * A bind does not keep its VM alive. When the VM's id goes, binds that have not run
 * by then never do: they end with -ECANCELED when their turn comes.
 *
 * A VM that was lost, or its device, makes them end with an error too. So every
 * fence of a bind signals soon after those that it waited for.
 *
 * Rejected: one queue of binds for all VMs of a file or of the device. One program that
 * waits for something that takes long would hold up others, and two that wait for each
 * other would wait for ever.
 *
 * Rejected: having the device do binds, as packets between jobs. Page tables
 * would have to be memory that work of a VM can write, or the firmware would have to be
 * trusted with everybody's.
 */
#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>

#include "npu_bind.h"
#include "npu_bindq.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_sync.h"
#include "npu_vm.h"

/* Binds that a VM has pending before VM_BIND waits; each holds page tables. */
#define NPU_BINDQ_MAX_JOBS 1024

/**
 * struct npu_bindq - pending binds of a VM
 *
 * @users counts the VM and each bind; without users the scheduler goes.
 * @kref counts those who need the memory: the users as one, and each fence.
 */
struct npu_bindq {
	/** @kref: references to the memory */
	struct kref kref;
	/** @users: VM and binds that are not freed */
	refcount_t users;
	/** @npu: device; held */
	struct npu_device *npu;
	/** @sched: scheduler of these binds only */
	struct drm_gpu_scheduler sched;
	/** @entity: its only entity */
	struct drm_sched_entity entity;
	/** @submit_lock: keeps the order of binds and of their fences the same */
	struct mutex submit_lock;
	/** @jobs: binds that are not freed yet */
	atomic_t jobs;
	/** @room: woken when @jobs falls, and when the VM goes */
	wait_queue_head_t room;
	/** @release_work: runs when @users is 0 */
	struct work_struct release_work;
	/** @free_work: runs when @kref is 0 */
	struct work_struct free_work;
	/** @fence_context: timeline of the fences */
	u64 fence_context;
	/** @seqno: number of the last fence; only the scheduler's worker uses it */
	u64 seqno;
	/** @fence_lock: lock of all fences */
	spinlock_t fence_lock;
};

/** struct npu_bind_fence - end of a bind; holds the queue, where lock and scheduler are */
struct npu_bind_fence {
	/** @base: must be first, it is what gets freed */
	struct dma_fence base;
	/** @bindq: queue */
	struct npu_bindq *bindq;
};

static void npu_bindq_free_work(struct work_struct *work)
{
	struct npu_bindq *bindq = container_of(work, struct npu_bindq, free_work);
	struct npu_device *npu = bindq->npu;

	mutex_destroy(&bindq->submit_lock);
	kfree(bindq);
	drm_dev_put(&npu->drm);
	/* Module exit waits for this workqueue. */
	module_put(THIS_MODULE);
}

static void npu_bindq_free(struct kref *kref)
{
	/* Fences are released in interrupts. */
	queue_work(npu_module_wq, &container_of(kref, struct npu_bindq, kref)->free_work);
}

/* The scheduler holds the last fence, and that the memory: so it goes first. */
static void npu_bindq_release_work(struct work_struct *work)
{
	struct npu_bindq *bindq = container_of(work, struct npu_bindq, release_work);

	drm_sched_entity_fini(&bindq->entity);
	drm_sched_fini(&bindq->sched);
	/* One of the scheduler's works may just have queued another, which finds nothing to do. */
	flush_workqueue(bindq->npu->sched_wq);
	kref_put(&bindq->kref, npu_bindq_free);
}

/**
 * npu_bindq_put() - let go of a queue
 * @bindq: queue that the caller uses, or NULL
 */
void npu_bindq_put(struct npu_bindq *bindq)
{
	if (bindq && refcount_dec_and_test(&bindq->users))
		queue_work(npu_module_wq, &bindq->release_work);
}

/**
 * npu_bindq_wake() - let those go who wait for room
 * @bindq: queue of a VM that takes no more binds, or NULL
 */
void npu_bindq_wake(struct npu_bindq *bindq)
{
	if (bindq)
		wake_up_all(&bindq->room);
}

/**
 * npu_bindq_wait() - wait until all binds are freed
 * @bindq: queue, or NULL
 * @deadline: time to give up, jiffies
 */
void npu_bindq_wait(struct npu_bindq *bindq, unsigned long deadline)
{
	if (bindq)
		wait_event_timeout(bindq->room, !atomic_read(&bindq->jobs),
				   max_t(long, deadline - jiffies, 0));
}

static const char *npu_bind_fence_driver_name(struct dma_fence *base)
{
	return DRM_NPU_DRIVER_NAME;
}

static const char *npu_bind_fence_timeline_name(struct dma_fence *base)
{
	return "npu-bind";
}

static void npu_bind_fence_release(struct dma_fence *base)
{
	struct npu_bindq *bindq = container_of(base, struct npu_bind_fence, base)->bindq;

	dma_fence_free(base);
	kref_put(&bindq->kref, npu_bindq_free);
}

static const struct dma_fence_ops npu_bind_fence_ops = {
	.get_driver_name = npu_bind_fence_driver_name,
	.get_timeline_name = npu_bind_fence_timeline_name,
	.release = npu_bind_fence_release,
};

static int npu_bindq_exec(struct npu_bind *bind)
{
	struct npu_vm *vm = bind->vm;
	int ret;

	guard(mutex)(&vm->lock);
	list_del_init(&bind->node);
	if (vm->closed)
		return -ECANCELED;
	ret = npu_bind_exec(bind);
	return ret == -EINVAL ? -ECANCELED : ret;
}

/*
 * Not marked with dma_fence_begin_signalling(): running takes hw_sem, which a function reset holds
 * while the PCI core restores MSI-X with a lock under which, at setup, memory is allocated. For one
 * device the two never meet, but lockdep knows locks by class.
 */
static struct dma_fence *npu_bindq_run_job(struct drm_sched_job *job)
{
	struct npu_bind *bind = container_of(job, struct npu_bind, base);
	struct npu_bind_fence *fence = no_free_ptr(bind->fence);
	struct npu_bindq *bindq = bind->bindq;
	int ret;

	ret = npu_bindq_exec(bind);
	dma_fence_init(&fence->base, &npu_bind_fence_ops, &bindq->fence_lock, bindq->fence_context,
		       ++bindq->seqno);
	if (ret)
		dma_fence_set_error(&fence->base, ret);
	dma_fence_signal(&fence->base);
	/* The first reference is the scheduler's. */
	return &fence->base;
}

static void npu_bindq_free_bind(struct work_struct *work)
{
	struct npu_bind *bind = container_of(work, struct npu_bind, work);
	struct npu_bindq *bindq = bind->bindq;
	struct npu_vm *vm = bind->vm;

	npu_bind_free(bind);
	drm_gpuvm_put(&vm->base);
	atomic_dec(&bindq->jobs);
	wake_up_all(&bindq->room);
	npu_bindq_put(bindq);
}

static void npu_bindq_free_job(struct drm_sched_job *job)
{
	struct npu_bind *bind = container_of(job, struct npu_bind, base);

	drm_sched_job_cleanup(job);
	queue_work(npu_module_wq, &bind->work);
}

static const struct drm_sched_backend_ops npu_bindq_sched_ops = {
	.run_job = npu_bindq_run_job,
	.free_job = npu_bindq_free_job,
};

static struct npu_bindq *npu_bindq_create(struct npu_device *npu)
{
	static struct lock_class_key key;
	struct npu_bindq *bindq;
	int ret;

	bindq = kzalloc_obj(*bindq, GFP_KERNEL_ACCOUNT);
	if (!bindq)
		return ERR_PTR(-ENOMEM);
	ret = npu_sched_init(&bindq->sched, &npu_bindq_sched_ops, npu->sched_wq, 1, "npu-bind",
			     npu->drm.dev);
	if (ret)
		goto err_free;
	/*
	 * A reset holds hw_sem while it waits for what schedulers are doing. It never waits for
	 * this one, which takes hw_sem; but work is known to lockdep by class, and that is DRM's
	 * for all.
	 */
	lockdep_init_map(&bindq->sched.work_run_job.lockdep_map, "npu-bind", &key, 0);
	ret = npu_sched_entity_init(&bindq->entity, &bindq->sched);
	if (ret)
		goto err_fini_sched;
	kref_init(&bindq->kref);
	refcount_set(&bindq->users, 1);
	mutex_init(&bindq->submit_lock);
	init_waitqueue_head(&bindq->room);
	INIT_WORK(&bindq->release_work, npu_bindq_release_work);
	INIT_WORK(&bindq->free_work, npu_bindq_free_work);
	spin_lock_init(&bindq->fence_lock);
	bindq->fence_context = dma_fence_context_alloc(1);
	bindq->npu = npu;
	drm_dev_get(&npu->drm);
	__module_get(THIS_MODULE);
	return bindq;

err_fini_sched:
	drm_sched_fini(&bindq->sched);
err_free:
	kfree(bindq);
	return ERR_PTR(ret);
}

/* The VM's queue, made at the first bind that needs it; lives as long as the VM. */
static struct npu_bindq *npu_bindq_get(struct npu_vm *vm)
{
	struct npu_bindq *bindq;

	guard(mutex)(&vm->bindq_lock);
	if (vm->bindq)
		return vm->bindq;
	bindq = npu_bindq_create(vm->npu);
	if (!IS_ERR(bindq))
		/* Pairs with npu_vm_close(), which looks at it without the lock. */
		smp_store_release(&vm->bindq, bindq);
	return bindq;
}

/**
 * npu_bindq_reserve() - wait until there is room for a bind
 * @vm: VM
 *
 * Waits while the VM has as many binds pending as it takes, which what they wait for decides: so
 * not to be called where a removal of the device waits for the caller.
 *
 * Return: 0, and npu_bindq_push() or npu_bindq_unreserve() is due soon; -ENOENT: the VM was
 * destroyed meanwhile; -ERESTARTSYS; -ENOMEM.
 */
int npu_bindq_reserve(struct npu_vm *vm)
{
	struct npu_bindq *bindq = npu_bindq_get(vm);
	bool room = false;
	int ret;

	if (IS_ERR(bindq))
		return PTR_ERR(bindq);
	ret = wait_event_interruptible(bindq->room,
				       READ_ONCE(vm->closed) ||
				       (room = atomic_add_unless(&bindq->jobs, 1,
								 NPU_BINDQ_MAX_JOBS)));
	if (ret)
		return ret;
	return room ? 0 : -ENOENT;
}

/**
 * npu_bindq_unreserve() - give back what npu_bindq_reserve() got
 * @vm: VM
 */
void npu_bindq_unreserve(struct npu_vm *vm)
{
	atomic_dec(&vm->bindq->jobs);
	wake_up_all(&vm->bindq->room);
}

/* The point of no return. */
static int npu_bindq_submit(struct npu_bind *bind, struct npu_syncs *syncs)
{
	struct npu_bindq *bindq = bind->bindq;
	struct npu_vm *vm = bind->vm;
	struct dma_fence *fence;

	guard(mutex)(&bindq->submit_lock);
	scoped_guard(mutex, &vm->lock) {
		if (vm->closed)
			return -ENOENT;
		if (vm->unusable)
			return vm->root ? -EINVAL : -ENODEV;
		list_add_tail(&bind->node, &vm->binds);
	}
	drm_sched_job_arm(&bind->base);
	fence = dma_fence_get(&bind->base.s_fence->finished);
	drm_sched_entity_push_job(&bind->base);
	npu_syncs_publish(syncs, fence);
	dma_fence_put(fence);
	return 0;
}

/**
 * npu_bindq_push() - have a bind done later
 * @bind: prepared, and npu_bindq_reserve() has got room for it; both are the queue's from now on,
 * if there is no error
 * @syncs: what it waits for, and signals; prepared
 * @file: whose it is
 *
 * Return: 0; -ENOENT: the VM was destroyed meanwhile, or no such syncobj; -EINVAL: the VM is
 * unusable, or nobody has submitted what is to be waited for; -ENOMEM; -ENODEV.
 */
int npu_bindq_push(struct npu_bind *bind, struct npu_syncs *syncs, struct drm_file *file)
{
	struct npu_vm *vm = bind->vm;
	struct npu_bindq *bindq = vm->bindq;
	int ret;

	bind->fence = kzalloc_obj(*bind->fence, GFP_KERNEL_ACCOUNT);
	if (!bind->fence)
		return -ENOMEM;
	ret = npu_sched_job_init(&bind->base, &bindq->entity, 1, file);
	if (ret)
		goto err_free_fence;
	kref_get(&bindq->kref);
	refcount_inc(&bindq->users);
	bind->fence->bindq = bindq;
	bind->bindq = bindq;
	INIT_WORK(&bind->work, npu_bindq_free_bind);
	drm_gpuvm_get(&vm->base);

	ret = npu_syncs_add_waits(syncs, &bind->base);
	if (!ret)
		ret = npu_bindq_submit(bind, syncs);
	if (!ret)
		return 0;

	drm_sched_job_cleanup(&bind->base);
	drm_gpuvm_put(&vm->base);
	npu_bindq_put(bindq);
	kref_put(&bindq->kref, npu_bindq_free);
err_free_fence:
	kfree(bind->fence);
	return ret;
}
