// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware fences. Allocated when a job is submitted, because between there
 * and its end no memory may be waited for.
 *
 * Somebody may hold a fence when the file, the queue's id and even the device
 * are gone. It holds the queue's memory, which holds device and module. As it
 * may be let go in an interrupt, a work frees that memory: whoever closes the
 * last fence after the last file finds the module in use for a moment longer.
 */
#include <linux/slab.h>

#include "npu_compat.h"
#include "npu_fence.h"
#include "npu_queue.h"

static const char *npu_fence_driver_name(struct dma_fence *base)
{
	return DRM_NPU_DRIVER_NAME;
}

static const char *npu_fence_timeline_name(struct dma_fence *base)
{
	return container_of(base, struct npu_fence, base)->queue->name;
}

static void npu_fence_release(struct dma_fence *base)
{
	struct npu_queue *queue = container_of(base, struct npu_fence, base)->queue;

	dma_fence_free(base);
	npu_queue_put(queue);
}

static const struct dma_fence_ops npu_fence_ops = {
	.get_driver_name = npu_fence_driver_name,
	.get_timeline_name = npu_fence_timeline_name,
	.release = npu_fence_release,
};

/**
 * npu_fence_alloc() - allocate a fence for a job to come
 * @queue: queue the job is for
 *
 * Return: the fence, to be passed to npu_fence_init() or npu_fence_free(), or NULL.
 */
struct npu_fence *npu_fence_alloc(struct npu_queue *queue)
{
	struct npu_fence *fence = kzalloc_obj(*fence, GFP_KERNEL_ACCOUNT);

	if (!fence)
		return NULL;
	fence->queue = npu_queue_get(queue);
	return fence;
}

/**
 * npu_fence_free() - free a fence that was never initialised
 * @fence: fence, or NULL
 */
void npu_fence_free(struct npu_fence *fence)
{
	if (!fence)
		return;
	npu_queue_put(fence->queue);
	kfree(fence);
}

/**
 * npu_fence_init() - make it a fence
 * @fence: from npu_fence_alloc()
 * @seqno: number of its job in the queue
 */
void npu_fence_init(struct npu_fence *fence, u64 seqno)
{
	struct npu_queue *queue = fence->queue;

	dma_fence_init(&fence->base, &npu_fence_ops, &queue->lock, queue->fence_context, seqno);
}
