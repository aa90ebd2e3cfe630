/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows about kernel versions. The driver is written
 * against the oldest kernel named here; what a newer one calls differently
 * is to be bridged in this file and nowhere else.
 */
#ifndef NPU_COMPAT_H
#define NPU_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "npu needs Linux 6.12 or newer: build against the headers of such a kernel"
#endif

#ifdef __BIG_ENDIAN
#error "npu shares structures with a little-endian device: big-endian kernels are not supported"
#endif

#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/gpu_scheduler.h>

/* By type and not by size, since 7.0. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp) kzalloc(sizeof(obj), gfp)
#endif

/**
 * npu_sched_init() - set up a scheduler without time limit and with one run queue
 * @sched: scheduler
 * @ops: backend
 * @wq: workqueue that the backend is called on
 * @credit_limit: credits that may be in flight
 * @name: name of the timeline; lives as long as any fence of it
 * @dev: device
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_init(struct drm_gpu_scheduler *sched,
				 const struct drm_sched_backend_ops *ops,
				 struct workqueue_struct *wq, u32 credit_limit,
				 const char *name, struct device *dev)
{
	return drm_sched_init(sched, ops, wq, 1, credit_limit, 0, MAX_SCHEDULE_TIMEOUT,
			      NULL, NULL, name, dev);
}

/**
 * npu_sched_entity_init() - set up the only entity of a scheduler
 * @entity: entity
 * @sched: its scheduler
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_entity_init(struct drm_sched_entity *entity,
					struct drm_gpu_scheduler *sched)
{
	/* One run queue: priority 0 is the only one there is. */
	return drm_sched_entity_init(entity, DRM_SCHED_PRIORITY_KERNEL, &sched, 1, NULL);
}

/**
 * npu_sched_job_init() - set up a scheduler's job
 * @job: job, zeroed
 * @entity: entity that it will be pushed to
 * @credits: credits that it takes while in flight
 * @file: who submits it
 *
 * The client's number became an argument with 6.17, and with a 6.12 stable
 * release, so no version tells which it is: Kbuild looks into the header.
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_job_init(struct drm_sched_job *job,
				     struct drm_sched_entity *entity, u32 credits,
				     struct drm_file *file)
{
#ifdef NPU_SCHED_JOB_HAS_CLIENT
	return drm_sched_job_init(job, entity, credits, file, file->client_id);
#else
	return drm_sched_job_init(job, entity, credits, file);
#endif
}

#endif /* NPU_COMPAT_H */
