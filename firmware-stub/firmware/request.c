// SPDX-License-Identifier: MIT
#include "request.h"

#include <stdbool.h>

#include "account.h"
#include "log.h"
#include "mailbox.h"
#include "outbox.h"
#include "perf.h"
#include "port.h"
#include "power.h"
#include "queue.h"
#include "soc.h"
#include "tiles.h"

static bool shut_down; /* NPU_MSG_SHUTDOWN was seen: no queue starts any more */

static enum npu_msg_status start(uint32_t id)
{
	if (id >= queues_count() || shut_down || queues[id].where != QUEUE_STOPPED)
		return NPU_MSG_BAD_QUEUE;
	return queue_start(&queues[id]);
}

static void stop(const struct npu_msg *msg)
{
	struct queue *queue;

	if (msg->queue >= queues_count() || queues[msg->queue].where == QUEUE_STOPPED ||
	    queues[msg->queue].stopping) {
		mailbox_reply(msg->cookie, msg->queue, NPU_MSG_BAD_QUEUE);
		return;
	}
	queue = &queues[msg->queue];
	queue->stop_reply = true;
	queue->stop_cookie = msg->cookie;
	queue_stop(queue);
}

static void shutdown(uint32_t cookie)
{
	if (shut_down) {
		mailbox_reply(cookie, 0, NPU_MSG_BAD_QUEUE);
		return;
	}
	shut_down = true;
	log_puts("shut down by the host");
	log_end(NPU_LOG_LEVEL_INFO, NPU_LOG_NO_QUEUE);
	trace(SHUTDOWN, NPU_LOG_NO_QUEUE);
	for (unsigned int i = 0; i < queues_count(); i++) {
		if (queues[i].where != QUEUE_STOPPED && !queues[i].stopping)
			queue_stop(&queues[i]);
	}
	perf_stop_all();
	outbox_shutdown(cookie);
}

static void reply_power(uint32_t cookie, enum npu_msg_status status)
{
	struct npu_msg reply __attribute__((aligned(8))) = {
		.type = NPU_MSG_REPLY,
		.status = (uint16_t)status,
		.cookie = cookie,
	};

	power_get(&reply);
	mailbox_send(&reply);
}

/* The address is the host's, and it can be told if it is wrong. */
static enum npu_msg_status counters(const struct npu_msg *msg)
{
	static struct npu_counter_block block __attribute__((aligned(64)));
	uint32_t core = msg->counters.core;

	if (msg->counters.reserved0 || msg->counters.addr % 64 ||
	    (core >= tiles_count() && core != NPU_CORE_COPY && core != NPU_CORE_FRONT &&
	     core != NPU_CORE_ALL))
		return NPU_MSG_BAD_COUNTERS;
	account_device(core, &block);
	if (port_transfer(msg->counters.addr, &block, sizeof(block), NPU_SOC_PORT_WRITE))
		return NPU_MSG_BAD_COUNTERS;
	return NPU_MSG_OK;
}

void request_serve(const struct npu_msg *msg)
{
	trace(REQUEST, msg->queue, msg->type, msg->seq, msg->cookie);
	switch (msg->type) {
	case NPU_MSG_PING:
		mailbox_reply(msg->cookie, 0, NPU_MSG_OK);
		break;
	case NPU_MSG_QUEUE_START:
		mailbox_reply(msg->cookie, msg->queue, start(msg->queue));
		break;
	case NPU_MSG_QUEUE_STOP:
		stop(msg);
		break;
	case NPU_MSG_SHUTDOWN:
		shutdown(msg->cookie);
		break;
	case NPU_MSG_PERF_START:
		mailbox_reply(msg->cookie, msg->queue,
			      shut_down ? NPU_MSG_BAD_QUEUE : perf_start(msg));
		break;
	case NPU_MSG_PERF_STOP:
		if (!perf_stop(msg->perf.stream, msg->cookie))
			mailbox_reply(msg->cookie, msg->queue, NPU_MSG_BAD_PERF);
		break;
	case NPU_MSG_POWER_SET:
		reply_power(msg->cookie, power_set(msg));
		break;
	case NPU_MSG_POWER_GET:
		reply_power(msg->cookie, NPU_MSG_OK);
		break;
	case NPU_MSG_COUNTERS:
		mailbox_reply(msg->cookie, 0, counters(msg));
		break;
	case NPU_MSG_LOG_SET:
		mailbox_reply(msg->cookie, 0, log_set(msg));
		break;
	default:
		mailbox_reply(msg->cookie, msg->queue, NPU_MSG_BAD_TYPE);
	}
}
