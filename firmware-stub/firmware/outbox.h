/* SPDX-License-Identifier: MIT */
/*
 * Messages to the host that may have to wait for room in the mailbox. There is
 * at most one of each kind per queue and per performance stream, so the outbox cannot overflow; and
 * requests are left in the mailbox while it is not empty, so it empties.
 */
#ifndef NPU_FW_OUTBOX_H
#define NPU_FW_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

struct queue;

/* Send queue->fault, then call queue_faulted(). */
void outbox_fault(struct queue *queue);
/* The queue has stopped: send the replies that waited for it. */
void outbox_stopped(struct queue *queue);
/* The performance stream has ended: send the reply to NPU_MSG_PERF_STOP. */
void outbox_perf(unsigned int stream);
/* These tiles, which do the queue's work, are being reset: tell the host. */
void outbox_tile_reset(const struct queue *queue, uint64_t tiles);
/* Reply to NPU_MSG_SHUTDOWN as soon as all queues and streams have stopped. */
void outbox_shutdown(uint32_t cookie);

/* Send what there is room for. */
void outbox_flush(void);
bool outbox_empty(void);

#endif /* NPU_FW_OUTBOX_H */
