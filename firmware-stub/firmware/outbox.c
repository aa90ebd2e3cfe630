// SPDX-License-Identifier: MIT
#include "outbox.h"

#include "bits.h"
#include "mailbox.h"
#include "perf.h"
#include "queue.h"

static uint64_t faults; /* bit per queue */
static uint64_t stopped; /* bit per queue */
static uint64_t perf_ended; /* bit per performance stream */
static uint64_t tile_reset; /* bit per tile */
static uint8_t tile_reset_queue;
static bool shutdown; /* a reply to NPU_MSG_SHUTDOWN is owed */
static uint32_t shutdown_cookie;

/* Take one number out of a set. */
static unsigned int take(uint64_t *bits)
{
	unsigned int n = first_bit(*bits);

	*bits &= *bits - 1;
	return n;
}

void outbox_fault(struct queue *queue)
{
	faults |= 1ull << queue->id;
	outbox_flush();
}

void outbox_stopped(struct queue *queue)
{
	if (queue->stop_reply)
		stopped |= 1ull << queue->id;
	outbox_flush();
}

void outbox_perf(unsigned int stream)
{
	perf_ended |= 1ull << stream;
	outbox_flush();
}

void outbox_tile_reset(const struct queue *queue, uint64_t tiles)
{
	tile_reset |= tiles;
	tile_reset_queue = queue->id;
	outbox_flush();
}

static void send_tile_reset(void)
{
	struct npu_msg msg __attribute__((aligned(8))) = {
		.type = NPU_MSG_TILE_RESET,
		.queue = tile_reset_queue,
		.tile_reset = { .tiles = tile_reset },
	};

	tile_reset = 0;
	mailbox_send(&msg);
}

void outbox_shutdown(uint32_t cookie)
{
	shutdown = true;
	shutdown_cookie = cookie;
	outbox_flush();
}

bool outbox_empty(void)
{
	return !tile_reset && !faults && !stopped && !perf_ended && !(shutdown && queues_stopped() && perf_idle());
}

void outbox_flush(void)
{
	static bool busy;

	/* queue_faulted() may add to the outbox while we empty it; the loop sees that. */
	if (busy)
		return;
	busy = true;
	while (!outbox_empty() && mailbox_room()) {
		struct queue *queue;

		if (tile_reset) {
			send_tile_reset();
		} else if (faults) {
			queue = &queues[take(&faults)];
			mailbox_send(&queue->fault);
			queue_faulted(queue);
		} else if (stopped) {
			queue = &queues[take(&stopped)];
			queue->stop_reply = false;
			mailbox_reply(queue->stop_cookie, queue->id, NPU_MSG_OK);
		} else if (perf_ended) {
			perf_reply(take(&perf_ended));
		} else {
			shutdown = false;
			mailbox_reply(shutdown_cookie, 0, NPU_MSG_OK);
		}
	}
	busy = false;
}
