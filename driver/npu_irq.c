// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts. Vector 0 carries events and is handled in a thread but for the
 * acknowledgment. The others carry completions: fences are signalled in the
 * hard handler, from the queue's writeback in memory, without touching the
 * device; only a failed job needs the thread.
 *
 * A handler looks at what is there and not at how often it was called, so a
 * spurious interrupt does nothing and a lost one costs the watchdog's period.
 */
#include <linux/interrupt.h>

#include "npu_hw.h"
#include "npu_queue.h"

static irqreturn_t npu_irq_event(int irq, void *arg)
{
	struct npu_device *npu = arg;
	u32 status;

	/* Frozen by an error: the PCI core sees to that. */
	if (pci_channel_offline(npu_to_pci(npu)))
		return IRQ_NONE;
	status = npu_read32(npu, NPU_REG_IRQ_STATUS);
	if (status == NPU_ALL_ONES) {
		npu_recovery_request(npu, "registers read all ones");
		return IRQ_HANDLED;
	}
	status &= NPU_IRQ_ALL;
	if (!status)
		return IRQ_NONE;
	npu_write32(npu, NPU_REG_IRQ_STATUS, status);
	atomic_or(status, &npu->irq.events);
	return IRQ_WAKE_THREAD;
}

static irqreturn_t npu_irq_event_thread(int irq, void *arg)
{
	struct npu_device *npu = arg;
	u32 events = atomic_xchg(&npu->irq.events, 0);

	/* Last words come before death. */
	npu_mbox_drain(npu);
	if (events & (NPU_IRQ_FW_DEAD | NPU_IRQ_BOOT))
		npu_mbox_set_dead(npu);
	if (events & NPU_IRQ_FW_DEAD)
		npu_recovery_request(npu, "firmware died");
	if (events & (NPU_IRQ_ECC | NPU_IRQ_THERMAL))
		npu_hw_report(npu, events);
	return IRQ_HANDLED;
}

static irqreturn_t npu_irq_queue(int irq, void *arg)
{
	struct npu_irq_vector *vector = arg;
	struct npu_device *npu = vector->npu;
	irqreturn_t ret = IRQ_HANDLED;
	u32 i;

	for (i = vector->index; i < npu->caps.queues; i += npu->irq.queue_vectors) {
		struct npu_queue *queue = npu_queue_get_slot(npu, i);

		if (!queue)
			continue;
		if (npu_queue_update(queue))
			ret = IRQ_WAKE_THREAD;
		npu_queue_put(queue);
	}
	if (READ_ONCE(npu->perf.on))
		npu_perf_wake(npu);
	return ret;
}

static irqreturn_t npu_irq_queue_thread(int irq, void *arg)
{
	struct npu_irq_vector *vector = arg;
	struct npu_device *npu = vector->npu;
	u32 i;

	for (i = vector->index; i < npu->caps.queues; i += npu->irq.queue_vectors) {
		struct npu_queue *queue = npu_queue_get_slot(npu, i);

		if (!queue)
			continue;
		if (npu_queue_update(queue))
			npu_queue_handle_fault(queue);
		npu_queue_put(queue);
	}
	return IRQ_HANDLED;
}

/**
 * npu_irq_sync_events() - wait for event handlers that run, and drop what they have not handled
 * @npu: device in reset, which raises no new ones. May sleep.
 */
void npu_irq_sync_events(struct npu_device *npu)
{
	synchronize_irq(npu->irq.events_irq);
	atomic_set(&npu->irq.events, 0);
}

/**
 * npu_irq_disable_events() - have the event handler, which reads registers, called no more
 * @npu: device in reset. May sleep.
 */
void npu_irq_disable_events(struct npu_device *npu)
{
	disable_irq(npu->irq.events_irq);
	atomic_set(&npu->irq.events, 0);
}

/**
 * npu_irq_enable_events() - take npu_irq_disable_events() back
 * @npu: device in reset
 */
void npu_irq_enable_events(struct npu_device *npu)
{
	enable_irq(npu->irq.events_irq);
}

/**
 * npu_irq_queue_vector() - choose the vector of a queue
 * @irq: interrupts
 * @queue: hardware queue
 *
 * Return: the vector, to be put in the queue's descriptor.
 */
u32 npu_irq_queue_vector(const struct npu_irq *irq, u32 queue)
{
	return NPU_VECTOR_QUEUE_0 + queue % irq->queue_vectors;
}

/**
 * npu_irq_init() - allocate and request the vectors
 * @npu: device with its registers mapped and all else that handlers use in place
 *
 * They are freed with the device's other managed resources, before what was acquired earlier.
 *
 * Return: 0 or a negative errno after a message.
 */
int npu_irq_init(struct npu_device *npu)
{
	struct pci_dev *pdev = npu_to_pci(npu);
	struct npu_irq *irq = &npu->irq;
	struct device *dev = &pdev->dev;
	int count, ret;
	u32 i;

	count = pci_alloc_irq_vectors(pdev, NPU_VECTOR_QUEUE_0 + 1,
				      min(NPU_MSIX_VECTORS, NPU_VECTOR_QUEUE_0 + npu->caps.queues),
				      PCI_IRQ_MSIX);
	if (count < 0)
		return dev_err_probe(dev, count,
				     "no MSI-X vectors: at least two are needed; is MSI disabled (pci=nomsi)?\n");
	irq->queue_vectors = count - NPU_VECTOR_QUEUE_0;

	irq->events_irq = pci_irq_vector(pdev, NPU_VECTOR_EVENTS);
	ret = devm_request_threaded_irq(dev, irq->events_irq, npu_irq_event, npu_irq_event_thread,
					0, "npu-events", npu);
	if (ret)
		return dev_err_probe(dev, ret, "cannot request the event interrupt\n");

	for (i = 0; i < irq->queue_vectors; i++) {
		struct npu_irq_vector *vector = &irq->vectors[i];

		vector->npu = npu;
		vector->index = i;
		snprintf(vector->name, sizeof(vector->name), "npu-queues%u", i);
		ret = devm_request_threaded_irq(dev, pci_irq_vector(pdev, NPU_VECTOR_QUEUE_0 + i),
						npu_irq_queue, npu_irq_queue_thread, 0,
						vector->name, vector);
		if (ret)
			return dev_err_probe(dev, ret, "cannot request queue interrupt %u\n", i);
	}
	return 0;
}
