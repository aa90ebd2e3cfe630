/* SPDX-License-Identifier: GPL-2.0-only */
/* Hardware fences. */
#ifndef NPU_FENCE_H
#define NPU_FENCE_H

#include <linux/dma-fence.h>
#include <linux/list.h>

struct npu_job;
struct npu_queue;

/** struct npu_fence - end of a job on the hardware */
struct npu_fence {
	/** @base: must be first, it is what gets freed */
	struct dma_fence base;
	/** @node: in &npu_queue.inflight */
	struct list_head node;
	/** @queue: keeps the queue's memory, and with it the lock and the timeline's name */
	struct npu_queue *queue;
	/** @first: index of the job's first entry in the ring */
	u32 first;
	/** @job: the job, which the scheduler keeps for now, if it is not in the ring yet */
	const struct npu_job *job;
	/** @direct: ring entries that the job took without the scheduler's knowledge */
	u32 direct;
};

struct npu_fence *npu_fence_alloc(struct npu_queue *queue);
void npu_fence_free(struct npu_fence *fence);
void npu_fence_init(struct npu_fence *fence, u64 seqno);

#endif /* NPU_FENCE_H */
