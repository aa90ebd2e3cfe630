// SPDX-License-Identifier: MIT
/*
 * Packets. Each is executed to completion before the next of its queue starts.
 * npu_packet.h allows two packets without a BARRIER between them to overlap but
 * does not promise it, so this is a legal order, and it makes BARRIER, TIMESTAMP
 * and COUNTERS trivial. Overlap would be added here: count the packets in
 * flight, let the queue wait for its next server as soon as an engine has taken
 * one, and hold it at a BARRIER until the count is 0. Modelled time already does
 * so, in hardware: it overlaps copies with dispatches between two barriers.
 */
#include "front.h"

#include <stddef.h>

#include "npu_counters.h"
#include "npu_pgtable.h"

#include "account.h"
#include "packet.h"
#include "perf.h"
#include "port.h"
#include "queue.h"
#include "soc.h"
#include "tiles.h"

static void fail(struct queue *queue, enum npu_job_error error, enum npu_access access,
		 uint64_t addr)
{
	const struct queue_fault fault = {
		.error = error,
		.access = access,
		.core = NPU_CORE_FRONT,
		.seqno = queue->wb.started,
		.addr = addr,
		.packet = queue->packet_va,
	};

	queue_fail(queue, &fault);
}

/*
 * Read packets from the current one on. Not across a page boundary: then a page
 * that is not mapped fails the packet that lies in it and not an earlier one.
 */
static bool fetch(struct queue *queue)
{
	uint32_t page_left = (uint32_t)((NPU_PAGE_SIZE - queue->packet_va % NPU_PAGE_SIZE) /
					NPU_PACKET_SIZE);
	uint32_t count = queue->packets_left;
	enum npu_job_error error;

	if (count > QUEUE_PACKETS_AHEAD)
		count = QUEUE_PACKETS_AHEAD;
	if (count > page_left)
		count = page_left;
	error = port_transfer(queue->packet_va, queue->packets, count * NPU_PACKET_SIZE,
			      NPU_SOC_PORT_READ | NPU_SOC_PORT_XLATE |
				      NPU_SOC_PORT_AS(queue->as_id));
	if (error) {
		fail(queue, error, NPU_ACCESS_READ, port_fault());
		return false;
	}
	queue->packet_index = 0;
	queue->packet_count = count;
	return true;
}

union npu_packet *front_packet(struct queue *queue)
{
	return &queue->packets[queue->packet_index];
}

void front_packet_done(struct queue *queue)
{
	queue->wb.progress++;
	queue->packet_va += NPU_PACKET_SIZE;
	queue->packet_index++;
	if (!--queue->packets_left)
		account_barrier(queue->id);
}

/* Write what a packet asked for to user memory; true if that worked. */
static bool write_result(struct queue *queue, uint64_t va, const void *local, uint32_t len)
{
	enum npu_job_error error =
		port_transfer(va, local, len, NPU_SOC_PORT_WRITE | NPU_SOC_PORT_XLATE |
						      NPU_SOC_PORT_AS(queue->as_id));

	if (error)
		fail(queue, error, NPU_ACCESS_WRITE, port_fault());
	return !error;
}

static bool timestamp(struct queue *queue, uint64_t va)
{
	struct npu_timestamp stamp __attribute__((aligned(32))) = {
		.cycles = account_clock(queue->id),
		.time_ps = account_time(queue->id),
		.wall_ns = soc_read64(NPU_SOC_TIME),
	};

	return write_result(queue, va, &stamp, sizeof(stamp));
}

static uint32_t counters_size(const struct npu_pkt_counters *packet)
{
	const uint32_t block = sizeof(struct npu_counter_block);

	return packet->scope == NPU_COUNTERS_CORES ? NPU_COUNTERS_BLOCKS(tiles_count()) * block : block;
}

static bool counters(struct queue *queue, const struct npu_pkt_counters *packet)
{
	struct npu_counter_block block __attribute__((aligned(64)));
	const uint32_t tiles = tiles_count();
	uint64_t va = packet->addr;

	if (packet->scope == NPU_COUNTERS_QUEUE) {
		account_snapshot(queue->id, &block);
		return write_result(queue, va, &block, sizeof(block));
	}
	for (uint32_t i = 0; i < NPU_COUNTERS_BLOCKS(tiles); i++, va += sizeof(block)) {
		account_snapshot_core(queue->id,
				      i < tiles ? i : i == tiles ? NPU_CORE_COPY : NPU_CORE_FRONT,
				      &block);
		if (!write_result(queue, va, &block, sizeof(block)))
			return false;
	}
	return true;
}

static enum sched_server packet_step(struct queue *queue)
{
	const union npu_packet *packet;
	bool done = true;
	int bad;

	if (queue->packet_index == queue->packet_count && !fetch(queue))
		return SCHED_NONE;
	packet = front_packet(queue);
	bad = packet_check(packet, tiles_count());
	/* How much it takes is not a matter of the packet alone. */
	if (bad == PACKET_OK && packet->hdr.op == NPU_PKT_COUNTERS &&
	    packet->counters.size < counters_size(&packet->counters))
		bad = offsetof(struct npu_pkt_counters, size);
	if (bad != PACKET_OK) {
		fail(queue, NPU_JOB_BAD_PACKET, NPU_ACCESS_NONE,
		     queue->packet_va + (unsigned int)bad);
		return SCHED_NONE;
	}
	switch (packet->hdr.op) {
	case NPU_PKT_DISPATCH:
		return SCHED_TILES;
	case NPU_PKT_COPY:
	case NPU_PKT_FILL:
	case NPU_PKT_GATHER:
		return SCHED_COPY;
	}
	queue_begin(queue);
	perf_packet(queue);
	account_begin(queue->id, packet->hdr.op);
	if (packet->hdr.op == NPU_PKT_TIMESTAMP)
		done = timestamp(queue, packet->timestamp.addr);
	else if (packet->hdr.op == NPU_PKT_COUNTERS)
		done = counters(queue, &packet->counters);
	if (!done)
		return SCHED_NONE;
	front_packet_done(queue);
	return SCHED_FRONT;
}

enum sched_server front_step(struct queue *queue)
{
	return queue->packets_left ? packet_step(queue) : ring_step(queue);
}
