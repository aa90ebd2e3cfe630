/* SPDX-License-Identifier: GPL-2.0-only */
/* Performance streams. */
#ifndef NPU_PERF_STREAM_H
#define NPU_PERF_STREAM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "npu_perf.h"

struct drm_device;
struct drm_file;
struct npu_device;
struct npu_perf_lane;
struct npu_queue;

/** struct npu_perf - the streams of a device */
struct npu_perf {
	/** @lock: protects all that follows, and what the hardware is told of streams */
	struct mutex lock;
	/** @streams: all struct npu_perf_stream */
	struct list_head streams;
	/** @slots: who has each of the hardware's streams, or NULL */
	struct npu_perf_lane *slots[NPU_PERF_STREAMS];
	/** @on: streams of the hardware that are taken; may be looked at without @lock */
	u32 on;
	/** @wait: woken when there may be something to read */
	wait_queue_head_t wait;
};

int npu_perf_init(struct npu_device *npu);
void npu_perf_wake(struct npu_device *npu);
void npu_perf_lose(struct npu_device *npu);
void npu_perf_restart(struct npu_device *npu);
void npu_perf_unplug(struct npu_device *npu);
void npu_perf_add_queue(struct npu_queue *queue);
void npu_perf_remove_queue(struct npu_queue *queue);

int npu_ioctl_perf_stream_open(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_PERF_STREAM_H */
