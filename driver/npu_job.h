/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs. */
#ifndef NPU_JOB_H
#define NPU_JOB_H

#include <drm/gpu_scheduler.h>
#include <drm/npu_accel.h>

struct drm_device;
struct drm_file;
struct npu_fence;
struct npu_queue;

/** struct npu_job - a SUBMIT: command buffers that run in order, and end as one */
struct npu_job {
	/** @base: scheduler's part, if @scheduled */
	struct drm_sched_job base;
	/** @scheduled: npu_job_schedule() was called */
	bool scheduled;
	/** @queue: queue; the job is a user of it, and holds the device */
	struct npu_queue *queue;
	/** @fence: fence, until the job is given to the hardware */
	struct npu_fence *fence;
	/** @seqno: number in the queue, from 1 */
	u64 seqno;
	/** @cmdbuf_count: entries of @cmdbufs */
	u32 cmdbuf_count;
	/** @cmdbufs: command buffers, checked */
	struct drm_npu_cmdbuf *cmdbufs;
};

extern const struct drm_sched_backend_ops npu_job_sched_ops;

/**
 * npu_job_entries() - count the ring entries of a job
 * @job: job
 *
 * Return: one per command buffer, and the fence's.
 */
static inline u32 npu_job_entries(const struct npu_job *job)
{
	return job->cmdbuf_count + 1;
}

struct npu_job *npu_job_create(struct npu_queue *queue, struct drm_npu_cmdbuf *cmdbufs, u32 count);
int npu_job_schedule(struct npu_job *job, struct drm_file *file);
void npu_job_destroy(struct npu_job *job);

int npu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_JOB_H */
