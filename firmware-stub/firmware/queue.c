// SPDX-License-Identifier: MIT
#include "queue.h"

#include <stddef.h>

#include "npu_counters.h"

#include "account.h"
#include "bits.h"
#include "bytes.h"
#include "copy.h"
#include "kmem.h"
#include "log.h"
#include "outbox.h"
#include "panic.h"
#include "port.h"
#include "soc.h"
#include "tiles.h"

struct queue queues[NPU_MAX_QUEUES] __attribute__((aligned(64)));
struct sched sched;

static unsigned int count;
static uint64_t rung_early; /* stopped queues whose doorbell rang: NPU_MSG_QUEUE_START may be behind it */

void queues_init(void)
{
	count = soc_read32(NPU_SOC_TOPOLOGY) >> 8 & 0xff;
	fw_assert(count >= 1 && count <= NPU_MAX_QUEUES);
	for (unsigned int i = 0; i < count; i++)
		queues[i].id = (uint8_t)i;
}

unsigned int queues_count(void)
{
	return count;
}

bool queues_stopped(void)
{
	for (unsigned int i = 0; i < count; i++) {
		if (queues[i].where != QUEUE_STOPPED)
			return false;
	}
	return true;
}

static bool desc_good(const struct npu_queue_desc *desc)
{
	return desc->ring && desc->ring % 4096 == 0 &&
	       desc->writeback && desc->writeback % sizeof(struct npu_queue_wb) == 0 &&
	       desc->counters % 8 == 0 &&
	       desc->ring_log2 >= NPU_RING_MIN_LOG2 && desc->ring_log2 <= NPU_RING_MAX_LOG2 &&
	       desc->vector >= NPU_VECTOR_QUEUE_0 && desc->vector < NPU_MSIX_VECTORS &&
	       desc->priority < SCHED_CLASSES && !desc->flags &&
	       desc->core_state % 64 == 0 && !desc->reserved[0] && !desc->reserved[1];
}

static enum npu_msg_status start(struct queue *queue)
{
	uint64_t table = soc_read64(NPU_SOC_QUEUE_TABLE);
	struct npu_queue_desc desc __attribute__((aligned(8)));
	struct npu_queue_wb wb __attribute__((aligned(8)));
	uint8_t id = queue->id;

	/* A descriptor that points nowhere is the host's mistake, and it can be told so. */
	if (port_transfer(table + id * sizeof(desc), &desc, sizeof(desc), NPU_SOC_PORT_READ) ||
	    !desc_good(&desc) ||
	    port_transfer(desc.writeback, &wb, sizeof(wb), NPU_SOC_PORT_READ))
		return NPU_MSG_BAD_DESC;

	memset(queue, 0, sizeof(*queue));
	queue->id = id;
	queue->desc = desc;
	queue->where = QUEUE_RESTING;
	queue->wb.state = NPU_QUEUE_IDLE;
	/* A queue that starts again goes on where its seqnos were. */
	queue->wb.started = queue->wb.completed = wb.completed;
	queue->wb.begun = (uint32_t)wb.completed;
	account_clear(id);
	sched_forget(&sched, id);
	if (port_transfer(desc.writeback, &queue->wb, sizeof(queue->wb), NPU_SOC_PORT_WRITE)) {
		queue->where = QUEUE_STOPPED;
		return NPU_MSG_BAD_DESC;
	}
	/* A doorbell may overtake the request, since they come by different ways. */
	queues_doorbell(rung_early & 1ull << id);
	return NPU_MSG_OK;
}

enum npu_msg_status queue_start(struct queue *queue)
{
	enum npu_msg_status status = start(queue);

	if (status != NPU_MSG_OK) {
		log_puts("descriptor refused");
		log_end(NPU_LOG_LEVEL_WARNING, queue->id);
	}
	trace(QUEUE_START, queue->id, status, queue->desc.priority, queue->desc.ring_log2,
	      queue->wb.completed);
	return status;
}

static void doorbell(struct queue *queue)
{
	uint32_t tail = soc_read32(NPU_SOC_TAIL(queue->id));
	uint32_t size = 1u << queue->desc.ring_log2;
	uint32_t head = queue->wb.head;

	/* Tails only go forward, and never further than the ring is long. */
	if (tail - head > size || tail - head < queue->tail - head)
		queue->tail_bad = true;
	else
		queue->tail = tail;
	if (queue->where == QUEUE_RESTING && (queue->tail_bad || queue->tail != head))
		queue_wait(queue, SCHED_FRONT);
}

void queues_doorbell(uint64_t rung)
{
	unsigned int id;

	for_each_bit (id, rung) {
		if (id >= count)
			return;
		if (queues[id].where == QUEUE_STOPPED) {
			rung_early |= 1ull << id;
		} else {
			rung_early &= ~(1ull << id);
			if (queues[id].where != QUEUE_FAILING && queues[id].where != QUEUE_FAULTED)
				doorbell(&queues[id]);
		}
	}
}

void queue_wait(struct queue *queue, enum sched_server server)
{
	queue->where = QUEUE_WAITING;
	queue->server = (uint8_t)server;
	sched_add(&sched, server, queue->id, queue->desc.priority);
	if (server == SCHED_TILES)
		tiles_share_time();
}

void queue_begin(struct queue *queue)
{
	if (queue->wb.begun == (uint32_t)queue->wb.started)
		return;
	queue->wb.begun = (uint32_t)queue->wb.started;
	queue_publish_as_is(queue);
}

void queue_publish_as_is(struct queue *queue)
{
	kmem_write(queue->desc.writeback, &queue->wb, sizeof(queue->wb));
}

void queue_publish(struct queue *queue)
{
	queue->wb.clock = account_clock(queue->id);
	queue->wb.time = account_time(queue->id);
	queue_publish_as_is(queue);
}

/* Something of the queue's job is being done, here or by an engine. */
static bool gets_on(const struct queue *queue)
{
	switch (queue->where) {
	case QUEUE_ON_TILES:
	case QUEUE_ON_COPY:
		return true;
	case QUEUE_WAITING:
		return queue->server == SCHED_FRONT;
	default:
		return false;
	}
}

static struct npu_counter_block block __attribute__((aligned(64)));

/* What engines have done of the open job. The values in the block stay those of the last fence. */
static void publish_engines(const struct queue *queue)
{
	uint64_t now[2] __attribute__((aligned(8)));

	if (!queue->desc.counters)
		return;
	tiles_snapshot(queue, &block);
	now[0] = block.value[NPU_COUNTER_TILE_CYCLES];
	now[1] = block.value[NPU_COUNTER_COPY_CYCLES];
	kmem_write(queue->desc.counters + offsetof(struct npu_counter_block, tile_now), now,
		   sizeof(now));
}

void queues_publish_progress(void)
{
	for (unsigned int i = 0; i < count; i++) {
		struct queue *queue = &queues[i];
		uint64_t progress = queue->wb.progress;

		if (!queue->job_open || queue->where == QUEUE_FAILING)
			continue;
		/*
		 * A job that waits for an engine that another queue holds shows as IDLE: it is
		 * not to blame that it gets no further, and time must not run against it.
		 */
		queue->wb.state = gets_on(queue) ? NPU_QUEUE_RUNNING : NPU_QUEUE_IDLE;
		if (queue->where == QUEUE_ON_TILES)
			queue->wb.progress += tiles_retired();
		else if (queue->kept)
			queue->wb.progress += queue->ended_retired + queue->kept_retired;
		queue_publish(queue);
		queue->wb.progress = progress;
		publish_engines(queue);
	}
}

static void publish_counters(struct queue *queue)
{
	if (!queue->desc.counters)
		return;
	account_snapshot(queue->id, &block);
	kmem_write(queue->desc.counters, &block, sizeof(block));
}

static void raise_vector(struct queue *queue)
{
	soc_write32(NPU_SOC_HOST_VECTOR, queue->desc.vector);
}

void queue_fence(struct queue *queue, uint64_t seqno, bool irq)
{
	queue->job_open = false;
	queue->wb.state = NPU_QUEUE_IDLE;
	queue->wb.completed = seqno;
	trace(JOB_END, queue->id, seqno, account_clock(queue->id));
	publish_counters(queue);
	queue_publish(queue);
	if (irq)
		raise_vector(queue);
}

/* The job is over without its fence. completed never goes back, whatever seqno a bad entry named. */
static void end_job(struct queue *queue, enum npu_job_error error, uint64_t seqno)
{
	queue->job_open = false;
	queue->wb.error = error;
	queue->wb.error_seqno = seqno;
	if (seqno > queue->wb.completed)
		queue->wb.completed = seqno;
}

void queue_fail(struct queue *queue, const struct queue_fault *fault)
{
	if (fault->state && queue->desc.core_state)
		kmem_write(queue->desc.core_state, fault->state, sizeof(*fault->state));
	queue->where = QUEUE_FAILING;
	memset(&queue->fault, 0, sizeof(queue->fault));
	queue->fault.type = NPU_MSG_FAULT;
	queue->fault.queue = queue->id;
	queue->fault.fault.error = (uint8_t)fault->error;
	queue->fault.fault.access = (uint8_t)fault->access;
	queue->fault.fault.as_id = queue->as_id;
	queue->fault.fault.core = fault->core;
	queue->fault.fault.seqno = fault->seqno;
	queue->fault.fault.addr = fault->addr;
	queue->fault.fault.pc = fault->pc;
	queue->fault.fault.packet = fault->packet;
	queue->fault.fault.workgroup = fault->workgroup;
	trace(JOB_FAULT, queue->id, fault->seqno, fault->error, fault->core, fault->addr, fault->pc,
	      fault->packet);
	if (fault->error == NPU_JOB_BAD_RING || fault->error == NPU_JOB_HW_ERROR) {
		log_puts(fault->error == NPU_JOB_BAD_RING ? "bad ring, job " : "hardware error, job ");
		log_dec(fault->seqno);
		log_end(NPU_LOG_LEVEL_WARNING, queue->id);
	}
	/* The message goes first; while the mailbox is full, the writeback waits for it. */
	outbox_fault(queue);
}

void queue_faulted(struct queue *queue)
{
	end_job(queue, queue->fault.fault.error, queue->fault.fault.seqno);
	queue->where = QUEUE_FAULTED;
	queue->wb.state = NPU_QUEUE_FAULTED;
	publish_counters(queue);
	queue_publish(queue);
	raise_vector(queue);
	if (queue->stopping)
		queue_stopped(queue);
}

void queue_stop(struct queue *queue)
{
	trace(QUEUE_STOP, queue->id, queue->where);
	queue->stopping = true;
	switch (queue->where) {
	case QUEUE_ON_TILES:
		tiles_stop();
		break;
	case QUEUE_ON_COPY:
		copy_stop();
		break;
	case QUEUE_FAILING:
		break;
	default:
		sched_remove(&sched, queue->id, queue->desc.priority);
		tiles_drop(queue);
		queue_stopped(queue);
	}
}

void queue_stopped(struct queue *queue)
{
	bool aborted = queue->job_open;

	if (aborted)
		end_job(queue, NPU_JOB_STOPPED, queue->wb.started);
	queue->wb.state = NPU_QUEUE_STOPPED;
	trace(QUEUE_STOPPED, queue->id, aborted, queue->wb.completed);
	publish_counters(queue);
	queue_publish(queue);
	if (aborted)
		raise_vector(queue);
	/* From here on nothing of the queue's memory is touched. */
	queue->where = QUEUE_STOPPED;
	queue->stopping = false;
	queue->packets_left = 0;
	/* Doorbells until now were for the old ring, those not looked at yet included. */
	rung_early &= ~(1ull << queue->id);
	soc_write64(NPU_SOC_DOORBELLS, 1ull << queue->id);
	outbox_stopped(queue);
}
