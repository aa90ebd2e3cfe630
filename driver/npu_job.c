// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs between SUBMIT and the hardware, as the scheduler handles them.
 *
 * run_job() never fails: whether a job can still run is decided under the
 * queue's lock, and a job that cannot gets a fence that has ended. Timeouts are
 * the watchdog's, so there is no timedout_job().
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "npu_compat.h"
#include "npu_device.h"
#include "npu_fence.h"
#include "npu_job.h"
#include "npu_pm.h"
#include "npu_queue.h"

static struct npu_job *to_npu_job(struct drm_sched_job *base)
{
	return container_of(base, struct npu_job, base);
}

static struct dma_fence *npu_job_run(struct drm_sched_job *base)
{
	struct npu_job *job = to_npu_job(base);
	struct npu_fence *fence = no_free_ptr(job->fence);

	npu_queue_emit(job->queue, job, fence);
	/* The first reference is the scheduler's. */
	return &fence->base;
}

/**
 * npu_job_destroy() - destroy a job
 * @job: job that the scheduler has not got, or has done with
 */
void npu_job_destroy(struct npu_job *job)
{
	struct npu_queue *queue = job->queue;
	struct npu_device *npu = queue->npu;

	if (job->scheduled)
		drm_sched_job_cleanup(&job->base);
	npu_fence_free(job->fence);
	kvfree(job->cmdbufs);
	kfree(job);
	atomic_dec(&queue->jobs);
	wake_up_all(&queue->room);
	/* The queue holds the structure. */
	npu_pm_put(npu);
	npu_queue_user_put(queue);
}

static void npu_job_sched_free(struct drm_sched_job *base)
{
	npu_job_destroy(to_npu_job(base));
}

const struct drm_sched_backend_ops npu_job_sched_ops = {
	.run_job = npu_job_run,
	.free_job = npu_job_sched_free,
};

/**
 * npu_job_create() - make a job
 * @queue: queue to run it
 * @cmdbufs: checked command buffers from kvmalloc(), or NULL; owned by the job if there is one
 * @count: number of them
 *
 * Waits while the queue has as many jobs as it takes, and wakes the device if it sleeps.
 *
 * Return: the job, or an ERR_PTR(): -ECANCELED: the queue takes no more jobs; -ERESTARTSYS;
 * -ENOMEM; -EIO, -ENODEV, as npu_pm_get().
 */
struct npu_job *npu_job_create(struct npu_queue *queue, struct drm_npu_cmdbuf *cmdbufs, u32 count)
{
	struct npu_job *job;
	bool room = false;
	int ret;

	ret = wait_event_interruptible(queue->room,
				       !npu_queue_usable(queue) ||
				       (room = atomic_add_unless(&queue->jobs, 1,
								 NPU_QUEUE_MAX_JOBS)));
	if (ret)
		return ERR_PTR(ret);
	if (!room)
		return ERR_PTR(-ECANCELED);

	ret = npu_pm_get(queue->npu);
	if (ret)
		goto err_leave;
	job = kzalloc_obj(*job, GFP_KERNEL_ACCOUNT);
	if (!job) {
		ret = -ENOMEM;
		goto err_put;
	}
	job->fence = npu_fence_alloc(queue);
	if (!job->fence) {
		ret = -ENOMEM;
		goto err_free;
	}
	npu_queue_user_get(queue);
	job->queue = queue;
	job->cmdbufs = cmdbufs;
	job->cmdbuf_count = count;
	return job;

err_free:
	kfree(job);
err_put:
	npu_pm_put(queue->npu);
err_leave:
	atomic_dec(&queue->jobs);
	wake_up_all(&queue->room);
	return ERR_PTR(ret);
}

/**
 * npu_job_schedule() - make a job one of the scheduler's
 * @job: new job
 * @file: who submits it
 *
 * Jobs that npu_queue_emit_direct() takes need not be. Does nothing the second time.
 *
 * Return: 0, -ENOMEM, or what else the scheduler says.
 */
int npu_job_schedule(struct npu_job *job, struct drm_file *file)
{
	int ret;

	if (job->scheduled)
		return 0;
	ret = npu_sched_job_init(&job->base, &job->queue->entity, npu_job_entries(job), file);
	if (!ret)
		job->scheduled = true;
	return ret;
}
