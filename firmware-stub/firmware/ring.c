// SPDX-License-Identifier: MIT
/* Kernel rings. */
#include "front.h"

#include "account.h"
#include "kmem.h"
#include "log.h"
#include "queue.h"

/* Read as many entries from the head on as there are and fit, up to the end of the ring. */
static void fetch(struct queue *queue)
{
	uint32_t size = 1u << queue->desc.ring_log2;
	uint32_t head = queue->wb.head;
	uint32_t count = queue->tail - head;

	if (count > QUEUE_ENTRIES_AHEAD)
		count = QUEUE_ENTRIES_AHEAD;
	if (count > size - head % size)
		count = size - head % size;
	kmem_read(queue->desc.ring + head % size * sizeof(struct npu_ring_entry), queue->entries,
		  count * (uint32_t)sizeof(struct npu_ring_entry));
	queue->entries_first = head;
	queue->entries_end = head + count;
}

static void bad_ring(struct queue *queue, uint64_t seqno, uint64_t addr)
{
	const struct queue_fault fault = {
		.error = NPU_JOB_BAD_RING,
		.access = NPU_ACCESS_NONE,
		.core = NPU_CORE_FRONT,
		.seqno = seqno,
		.addr = addr,
	};

	queue_fail(queue, &fault);
}

static bool run_good(const struct npu_ring_entry *entry)
{
	return !entry->flags && entry->as_id < NPU_MAX_AS && entry->packets &&
	       entry->packets <= NPU_CB_MAX_PACKETS && entry->addr % NPU_PACKET_SIZE == 0;
}

static void run(struct queue *queue, const struct npu_ring_entry *entry)
{
	bool first = !queue->job_open || queue->wb.started != entry->seqno;

	queue->as_id = entry->as_id;
	queue->packet_va = entry->addr;
	queue->packets_left = entry->packets;
	queue->packet_index = queue->packet_count = 0;
	queue->job_open = true;
	queue->wb.started = entry->seqno;
	queue->wb.state = NPU_QUEUE_RUNNING;
	if (!first)
		return;
	trace(JOB_BEGIN, queue->id, entry->seqno, entry->as_id, entry->packets, entry->addr);
	/* The clock stands since the last fence, so it need not be read. */
	queue_publish_as_is(queue);
}

enum sched_server ring_step(struct queue *queue)
{
	uint32_t head = queue->wb.head;
	const struct npu_ring_entry *entry;

	if (queue->tail_bad) {
		/* It is the kernel's bug; the job in progress, if there is one, pays for it. */
		bad_ring(queue, queue->job_open ? queue->wb.started : queue->wb.completed, head);
		return SCHED_NONE;
	}
	if (head == queue->tail) {
		queue->where = QUEUE_RESTING;
		return SCHED_NONE;
	}
	if (head - queue->entries_first >= queue->entries_end - queue->entries_first)
		fetch(queue);
	entry = &queue->entries[head - queue->entries_first];
	queue->wb.head = head + 1;

	if (entry->reserved) {
		bad_ring(queue, entry->seqno, head);
		return SCHED_NONE;
	}
	if (entry->op == NPU_RING_RUN && run_good(entry)) {
		run(queue, entry);
	} else if (entry->op == NPU_RING_FENCE && !(entry->flags & ~NPU_RING_FENCE_IRQ)) {
		queue_fence(queue, entry->seqno, entry->flags & NPU_RING_FENCE_IRQ);
	} else if (entry->op != NPU_RING_NOP || entry->flags) {
		bad_ring(queue, entry->seqno, head);
		return SCHED_NONE;
	}
	return SCHED_FRONT;
}
