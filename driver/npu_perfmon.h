/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of one's own work. */
#ifndef NPU_PERFMON_H
#define NPU_PERFMON_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "npu_counters.h"

struct drm_device;
struct drm_file;
struct npu_file;
struct npu_queue;

/** NPU_MAX_PERFMONS - perfmons that a file may have */
#define NPU_MAX_PERFMONS 64

/** struct npu_perfmon_count - counters of one queue, over all that it lives through */
struct npu_perfmon_count {
	/** @node: in &npu_perfmon_file.queues; with its lock */
	struct list_head node;
	/** @before: of its lives on the hardware that a reset has ended; with &npu_queue.lock */
	u64 before[NPU_COUNTER_COUNT];
	/** @seen: of the present one, as far as they were believed; with &npu_queue.lock */
	u64 seen[NPU_COUNTER_COUNT];
};

/** struct npu_perfmon_file - the perfmons of an open file, and what they count */
struct npu_perfmon_file {
	/** @lock: protects all of it; taken outside of &npu_queue.lock */
	struct mutex lock;
	/** @perfmons: struct npu_perfmon by id */
	struct xarray perfmons;
	/** @count: entries in @perfmons */
	u32 count;
	/** @queues: counts of all queues of the file, which are held by that */
	struct list_head queues;
	/** @ended: sum over the queues that are not in @queues any more */
	u64 ended[NPU_COUNTER_COUNT];
};

void npu_perfmon_open(struct npu_file *nfile);
void npu_perfmon_close(struct npu_file *nfile);
void npu_perfmon_add_queue(struct npu_file *nfile, struct npu_queue *queue);
void npu_perfmon_remove_queue(struct npu_file *nfile, struct npu_queue *queue);
void npu_perfmon_collect(struct npu_queue *queue);
void npu_perfmon_restart(struct npu_queue *queue);

int npu_ioctl_perfmon_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_perfmon_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_perfmon_read(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_PERFMON_H */
