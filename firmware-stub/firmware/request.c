// SPDX-License-Identifier: MIT
#include "request.h"

#include <stdbool.h>

#include "mailbox.h"
#include "outbox.h"
#include "perf.h"
#include "queue.h"

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
	for (unsigned int i = 0; i < queues_count(); i++) {
		if (queues[i].where != QUEUE_STOPPED && !queues[i].stopping)
			queue_stop(&queues[i]);
	}
	perf_stop_all();
	outbox_shutdown(cookie);
}

void request_serve(const struct npu_msg *msg)
{
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
	default:
		mailbox_reply(msg->cookie, msg->queue, NPU_MSG_BAD_TYPE);
	}
}
