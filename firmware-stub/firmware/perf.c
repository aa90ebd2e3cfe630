/* SPDX-License-Identifier: MIT */
#include "perf.h"

#include "npu_perf.h"

#include "account.h"
#include "bits.h"
#include "front.h"
#include "log.h"
#include "mailbox.h"
#include "outbox.h"
#include "queue.h"
#include "soc.h"

bool perf_on;

static struct {
	bool on;
	bool stopping;
	bool reply; /* is owed, with this cookie */
	uint32_t cookie;
	uint64_t lost; /* of one that has ended */
} streams[NPU_PERF_STREAMS];

/* What the hardware cannot know, or would not say a word about. */
static bool fields_good(const struct npu_msg *msg)
{
	return msg->perf.stream < NPU_PERF_STREAMS && !msg->perf.reserved[0] &&
	       !msg->perf.reserved[1] &&
	       (msg->queue < queues_count() || msg->queue == NPU_PERF_ALL_QUEUES) &&
	       (msg->perf.modes & NPU_PERF_MODE_SAMPLES || !msg->perf.period) &&
	       (msg->perf.vector || !msg->perf.threshold);
}

/* Packets that engines are at work on were begun without a word about which they are. */
static void note_running(uint32_t which)
{
	for (unsigned int i = 0; i < queues_count(); i++) {
		if (which != NPU_PERF_ALL_QUEUES && which != i)
			continue;
		if (queues[i].where != QUEUE_ON_TILES && queues[i].where != QUEUE_ON_COPY &&
		    !queues[i].kept)
			continue;
		perf_note(&queues[i]);
		account_select(i);
		soc_write32(NPU_SOC_PERF_CMD, NPU_SOC_PERF_NOTE);
	}
}

static enum npu_msg_status start(const struct npu_msg *msg)
{
	const unsigned int stream = msg->perf.stream;

	if (!fields_good(msg))
		return NPU_MSG_BAD_PERF;
	if (streams[stream].on || streams[stream].reply)
		return NPU_MSG_BUSY;
	note_running(msg->queue);
	soc_write32(NPU_SOC_PERF_STREAM, stream);
	soc_write64(NPU_SOC_PERF_RING, msg->perf.ring);
	soc_write64(NPU_SOC_PERF_TILES, msg->perf.tiles);
	soc_write32(NPU_SOC_PERF_QUEUE, msg->queue);
	soc_write32(NPU_SOC_PERF_MODES, msg->perf.modes);
	soc_write32(NPU_SOC_PERF_PERIOD, msg->perf.period);
	soc_write32(NPU_SOC_PERF_RING_LOG2, msg->perf.ring_log2);
	soc_write32(NPU_SOC_PERF_VECTOR, msg->perf.vector);
	soc_write32(NPU_SOC_PERF_THRESHOLD, msg->perf.threshold);
	soc_write32(NPU_SOC_PERF_CMD, NPU_SOC_PERF_START);
	switch (soc_read32(NPU_SOC_PERF_RESULT)) {
	case NPU_SOC_PERF_OK:
		streams[stream].on = true;
		perf_on = true;
		return NPU_MSG_OK;
	case NPU_SOC_PERF_BUSY:
		return NPU_MSG_BUSY;
	default:
		return NPU_MSG_BAD_PERF;
	}
}

enum npu_msg_status perf_start(const struct npu_msg *msg)
{
	enum npu_msg_status status = start(msg);

	trace(PERF_START, msg->queue, msg->perf.stream, status, msg->perf.modes, msg->perf.tiles);
	return status;
}

static void stop(unsigned int stream)
{
	trace(PERF_STOP, NPU_LOG_NO_QUEUE, stream);
	streams[stream].stopping = true;
	soc_write32(NPU_SOC_PERF_STREAM, stream);
	soc_write32(NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP);
}

bool perf_stop(unsigned int stream, uint32_t cookie)
{
	if (stream >= NPU_PERF_STREAMS || !streams[stream].on || streams[stream].stopping)
		return false;
	streams[stream].reply = true;
	streams[stream].cookie = cookie;
	stop(stream);
	return true;
}

void perf_stop_all(void)
{
	for (unsigned int i = 0; i < NPU_PERF_STREAMS; i++) {
		if (streams[i].on && !streams[i].stopping)
			stop(i);
	}
}

bool perf_idle(void)
{
	return !perf_on;
}

void perf_event(void)
{
	uint64_t events = soc_read32(NPU_SOC_PERF_EVENTS);
	bool on = false;
	unsigned int n;

	soc_write32(NPU_SOC_PERF_EVENTS, (uint32_t)events);
	for_each_bit (n, events) {
		if (n >= NPU_PERF_STREAMS)
			break;
		soc_write32(NPU_SOC_PERF_STREAM, n);
		streams[n].lost = soc_read64(NPU_SOC_PERF_LOST);
		trace(PERF_END, NPU_LOG_NO_QUEUE, n, streams[n].lost);
		streams[n].on = false;
		streams[n].stopping = false;
		if (streams[n].reply)
			outbox_perf(n);
	}
	for (unsigned int i = 0; i < NPU_PERF_STREAMS; i++)
		on |= streams[i].on;
	perf_on = on;
	/* A shutdown may have waited for it. */
	outbox_flush();
}

void perf_reply(unsigned int stream)
{
	struct npu_msg msg __attribute__((aligned(8))) = {
		.type = NPU_MSG_REPLY,
		.status = NPU_MSG_OK,
		.cookie = streams[stream].cookie,
		.perf_end = { .lost = streams[stream].lost },
	};

	streams[stream].reply = false;
	mailbox_send(&msg);
}

void perf_note(const struct queue *queue)
{
	soc_write32(NPU_SOC_PERF_PACKET, queue->packets[queue->packet_index].hdr.id);
	soc_write64(NPU_SOC_PERF_SEQNO, queue->wb.started);
}
