/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to and from the firmware. */
#ifndef NPU_MBOX_H
#define NPU_MBOX_H

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "npu_fw.h"
#include "npu_msglog.h"

struct npu_device;

/** NPU_MBOX_POLL_JIFFIES - how long a waiter trusts in the interrupt before it looks itself */
#define NPU_MBOX_POLL_JIFFIES max(HZ / 10, 1)

/** struct npu_mbox_chan - the driver's end of the mailbox */
struct npu_mbox_chan {
	/** @mem: shared memory; nothing in it is believed unchecked */
	struct npu_mbox *mem;
	/** @dma: bus address of @mem */
	dma_addr_t dma;

	/** @request_lock: one request is under way at a time */
	struct mutex request_lock;
	/** @h2f_write: next index to write; with @request_lock */
	u32 h2f_write;
	/** @seq: last sequence number sent; with @request_lock */
	u32 seq;

	/** @drain_lock: one reader at a time; protects all that follows */
	struct mutex drain_lock;
	/** @f2h_read: next index to read */
	u32 f2h_read;
	/** @cookie: request that waits for its reply, 0: none */
	u32 cookie;
	/** @status: enum npu_msg_status of the reply */
	u16 status;
	/** @reply: the reply itself */
	struct npu_msg reply;
	/** @replied: @status and @reply are valid */
	bool replied;
	/** @ready: @ready_msg is valid */
	bool ready;
	/** @dead: firmware panicked, or broke the mailbox: no reply will come */
	bool dead;
	/** @ready_msg: the firmware's first message */
	struct npu_msg ready_msg;

	/** @wait: woken after messages were read, and when the firmware's state changed */
	wait_queue_head_t wait;
	/** @log: the last messages, over resets too */
	struct npu_msglog log;
};

int npu_mbox_init(struct npu_device *npu);
void npu_mbox_reset(struct npu_device *npu);
void npu_mbox_drain(struct npu_device *npu);
void npu_mbox_set_dead(struct npu_device *npu);
bool npu_mbox_ready(struct npu_device *npu);
int npu_mbox_call(struct npu_device *npu, const struct npu_msg *request, struct npu_msg *reply);
int npu_mbox_request(struct npu_device *npu, enum npu_msg_type type, u32 queue);

#endif /* NPU_MBOX_H */
