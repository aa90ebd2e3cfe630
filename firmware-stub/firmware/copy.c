// SPDX-License-Identifier: MIT
#include "copy.h"

#include <stddef.h>

#include "account.h"
#include "front.h"
#include "log.h"
#include "panic.h"
#include "perf.h"
#include "queue.h"
#include "soc.h"

static struct queue *owner; /* whose packet runs; NULL: nobody's */

bool copy_free(void)
{
	return !owner;
}

void copy_start(struct queue *queue)
{
	const union npu_packet *packet = front_packet(queue);

	fw_assert(!owner);
	queue_begin(queue);
	queue->where = QUEUE_ON_COPY;
	owner = queue;
	perf_packet(queue);
	account_begin(queue->id, packet->hdr.op);
	trace(COPY_BEGIN, queue->id, queue->wb.started, packet->hdr.id, packet->hdr.op);
	soc_write64(NPU_SOC_COPY_PACKET, (uintptr_t)packet);
	soc_write32(NPU_SOC_COPY_QUEUE, queue->id);
	soc_write32(NPU_SOC_COPY_AS, queue->as_id);
	ram_fence();
	soc_write32(NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO);
}

void copy_stop(void)
{
	soc_write32(NPU_SOC_COPY_CMD, NPU_SOC_CMD_STOP);
}

void copy_event(void)
{
	uint32_t status = soc_read32(NPU_SOC_COPY_STATUS);
	struct queue *queue = owner;
	struct queue_fault fault;

	if (status == NPU_SOC_IDLE || status == NPU_SOC_BUSY)
		return; /* spurious */
	if (status == NPU_SOC_FAULT) {
		fault = (struct queue_fault){
			.error = soc_read32(NPU_SOC_COPY_ERROR),
			.access = soc_read32(NPU_SOC_COPY_ACCESS),
			.addr = soc_read64(NPU_SOC_COPY_FAULT),
		};
		if (fault.error <= NPU_JOB_OK || fault.error >= NPU_JOB_ERROR_COUNT)
			fault.error = NPU_JOB_HW_ERROR;
	} else {
		/* Of use only where it stopped though nobody told it to. */
		fault = (struct queue_fault){
			.error = NPU_JOB_HW_ERROR,
			.access = NPU_ACCESS_NONE,
		};
	}
	soc_write32(NPU_SOC_COPY_STATUS, 0);
	if (!queue)
		return;
	owner = NULL;
	trace(COPY_END, queue->id, queue->wb.started, front_packet(queue)->hdr.id,
	      status == NPU_SOC_DONE ? NPU_JOB_OK :
	      queue->stopping && status == NPU_SOC_STOPPED ? NPU_JOB_STOPPED : fault.error);
	if (status == NPU_SOC_FAULT || (status == NPU_SOC_STOPPED && !queue->stopping)) {
		fault.core = NPU_CORE_COPY;
		fault.seqno = queue->wb.started;
		fault.packet = queue->packet_va;
		queue_fail(queue, &fault);
	} else if (queue->stopping) {
		queue_stopped(queue);
	} else {
		front_packet_done(queue);
		queue_wait(queue, SCHED_FRONT);
	}
}

void copy_halt(void)
{
	if (owner)
		copy_stop();
}
