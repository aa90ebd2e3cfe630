/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts. */
#ifndef NPU_IRQ_H
#define NPU_IRQ_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "npu_regs.h"

struct npu_device;

/** struct npu_irq_vector - cookie of one queue vector's handler */
struct npu_irq_vector {
	/** @npu: device */
	struct npu_device *npu;
	/** @index: counted from 0; serves the queues whose number modulo the count is this */
	u32 index;
	/** @name: as in /proc/interrupts */
	char name[24];
};

/** struct npu_irq - interrupt vectors */
struct npu_irq {
	/**
	 * @events_irq: number of the event interrupt. It is kept, for asking for it takes a lock
	 * under which memory is allocated, and a reset must not wait for that
	 */
	unsigned int events_irq;
	/** @queue_vectors: vectors that carry completions, at least 1 */
	u32 queue_vectors;
	/** @events: NPU_IRQ_* acknowledged by the hard handler, for the thread */
	atomic_t events;
	/** @vectors: one per queue vector */
	struct npu_irq_vector vectors[NPU_MSIX_VECTORS - NPU_VECTOR_QUEUE_0];
};

int npu_irq_init(struct npu_device *npu);
void npu_irq_sync_events(struct npu_device *npu);
void npu_irq_disable_events(struct npu_device *npu);
void npu_irq_enable_events(struct npu_device *npu);
u32 npu_irq_queue_vector(const struct npu_irq *irq, u32 queue);

#endif /* NPU_IRQ_H */
