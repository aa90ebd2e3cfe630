/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc/PID/fdinfo tells of a file: use of engines and memory. */
#ifndef NPU_FDINFO_H
#define NPU_FDINFO_H

#include <linux/kref.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct drm_file;
struct drm_printer;
struct npu_queue;

/** enum npu_engine - engines whose use is told */
enum npu_engine {
	/** @NPU_ENGINE_TILE: tiles, as many as there are at once */
	NPU_ENGINE_TILE = 0,
	/** @NPU_ENGINE_COPY: copy engine */
	NPU_ENGINE_COPY,
	/** @NPU_ENGINES: how many of them */
	NPU_ENGINES,
};

/**
 * struct npu_usage - what the queues of a file have used, those that are gone included
 *
 * Shared by the file and its queues, which may outlive it. It only grows. Of jobs that run it has
 * what was known when somebody looked.
 */
struct npu_usage {
	/** @kref: file and queues */
	struct kref kref;
	/** @lock: protects what follows; taken in interrupts, inside of &npu_queue.lock */
	spinlock_t lock;
	/** @cycles: modelled cycles that each engine worked */
	u64 cycles[NPU_ENGINES];
	/** @ns: the same in ns, at the clocks that it ran at */
	u64 ns[NPU_ENGINES];
};

/**
 * struct npu_queue_usage - as much of a queue's counters as has been added to its file's usage
 *
 * Protected by &npu_queue.lock.
 */
struct npu_queue_usage {
	/** @file: usage of the file that made the queue; a reference */
	struct npu_usage *file;
	/** @cycles: counter of the queue's modelled cycles when it was last added */
	u64 cycles;
	/** @time: counter of the queue's modelled time, ps */
	u64 time;
	/** @engine: counter of each engine's cycles */
	u64 engine[NPU_ENGINES];
	/** @rest: what was left of each engine's time, less than a ns, ps */
	u32 rest[NPU_ENGINES];
	/** @ahead: cycles of each engine that @file has in advance, of a job that runs */
	u64 ahead[NPU_ENGINES];
	/** @ahead_ns: the same in ns */
	u64 ahead_ns[NPU_ENGINES];
	/** @looked: when that was last looked at, ns of the monotonic clock */
	u64 looked;
};

struct npu_usage *npu_usage_create(void);
struct npu_usage *npu_usage_get(struct npu_usage *usage);
void npu_usage_put(struct npu_usage *usage);
void npu_usage_add(struct npu_queue *queue);
void npu_usage_restart(struct npu_queue *queue);

void npu_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif /* NPU_FDINFO_H */
