// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox: requests to the firmware and what it has to say.
 *
 * Requests are rare (a queue starts or stops), so there is one at a time and
 * its sender waits. The message ring can then never be full from this side.
 *
 * Everything in the shared memory may be nonsense: indices are kept here and
 * only compared with the ones there, and a message is copied before it is
 * looked at.
 */
#include <linux/dma-mapping.h>

#include <drm/drm_managed.h>

#include "npu_hw.h"
#include "npu_queue.h"
#include "npu_trace.h"

#define NPU_MBOX_REPLY_TIMEOUT_MS 3000

/**
 * npu_mbox_init() - allocate the mailbox
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_mbox_init(struct npu_device *npu)
{
	struct npu_mbox_chan *mbox = &npu->mbox;
	int ret;

	init_waitqueue_head(&mbox->wait);
	npu_msglog_init(&mbox->log);
	ret = drmm_mutex_init(&npu->drm, &mbox->request_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(&npu->drm, &mbox->drain_lock);
	if (ret)
		return ret;
	mbox->mem = dmam_alloc_coherent(npu->drm.dev, sizeof(*mbox->mem), &mbox->dma, GFP_KERNEL);
	return mbox->mem ? 0 : -ENOMEM;
}

/**
 * npu_mbox_reset() - empty the mailbox for firmware that is about to boot
 * @npu: device in reset
 */
void npu_mbox_reset(struct npu_device *npu)
{
	struct npu_mbox_chan *mbox = &npu->mbox;

	guard(mutex)(&mbox->request_lock);
	guard(mutex)(&mbox->drain_lock);
	memset(mbox->mem, 0, sizeof(*mbox->mem));
	mbox->h2f_write = 0;
	mbox->f2h_read = 0;
	mbox->seq = 0;
	mbox->replied = false;
	mbox->ready = false;
	mbox->dead = false;
}

/**
 * npu_mbox_ready() - tell whether the firmware has reported ready
 * @npu: device
 *
 * Return: true if &npu_mbox_chan.ready_msg may be read.
 */
bool npu_mbox_ready(struct npu_device *npu)
{
	/* Pairs with the release in npu_mbox_handle(). */
	return smp_load_acquire(&npu->mbox.ready);
}

/**
 * npu_mbox_set_dead() - tell those who wait that no reply will come
 * @npu: device
 */
void npu_mbox_set_dead(struct npu_device *npu)
{
	WRITE_ONCE(npu->mbox.dead, true);
	wake_up_all(&npu->mbox.wait);
}

static void npu_mbox_handle(struct npu_device *npu, const struct npu_msg *msg)
{
	struct npu_mbox_chan *mbox = &npu->mbox;
	struct device *dev = npu->drm.dev;

	switch (msg->type) {
	case NPU_MSG_REPLY:
		/* A reply to somebody who gave up waiting finds another cookie. */
		if (msg->cookie && msg->cookie == mbox->cookie) {
			mbox->status = msg->status;
			mbox->reply = *msg;
			WRITE_ONCE(mbox->replied, true);
		}
		break;
	case NPU_MSG_READY:
		mbox->ready_msg = *msg;
		/* Pairs with npu_mbox_ready(). */
		smp_store_release(&mbox->ready, true);
		break;
	case NPU_MSG_FAULT:
		npu_queue_note_fault(npu, msg);
		break;
	case NPU_MSG_TILE_RESET:
		npu_recovery_count(npu, NPU_STEP_TILE_RESET);
		dev_warn_ratelimited(dev, "queue %u: tiles %#llx do not stop, the firmware resets them\n",
				     msg->queue, msg->tile_reset.tiles);
		break;
	case NPU_MSG_PANIC:
		dev_err_ratelimited(dev, "firmware panic %llu: mcause %#llx, mepc %#llx, mtval %#llx\n",
				    msg->panic.code, msg->panic.mcause, msg->panic.mepc,
				    msg->panic.mtval);
		WRITE_ONCE(mbox->dead, true);
		npu_recovery_request(npu, "firmware panic");
		break;
	default:
		dev_warn_ratelimited(dev, "unknown message %#x from the firmware, ignored\n",
				     msg->type);
	}
}

/**
 * npu_mbox_drain() - read and handle all messages that are there
 * @npu: device; its registers are not touched
 *
 * May be called by anybody who cares for the messages; when it returns, every message that
 * had been queued when it was called has been handled. May sleep.
 */
void npu_mbox_drain(struct npu_device *npu)
{
	struct npu_mbox_chan *mbox = &npu->mbox;
	struct npu_msg msg;
	u32 write, first;

	mutex_lock(&mbox->drain_lock);
	write = READ_ONCE(mbox->mem->f2h_write.index);
	if (write - mbox->f2h_read > NPU_MBOX_ENTRIES) {
		if (!mbox->dead) {
			dev_err_ratelimited(npu->drm.dev,
					    "firmware broke the mailbox: index %u after %u\n",
					    write, mbox->f2h_read);
			WRITE_ONCE(mbox->dead, true);
			npu_recovery_request(npu, "mailbox indices out of range");
		}
		write = mbox->f2h_read;
	}
	/* The index tells that the messages before it are written. */
	dma_rmb();
	first = mbox->f2h_read;
	while (mbox->f2h_read != write) {
		memcpy(&msg, &mbox->mem->f2h[mbox->f2h_read % NPU_MBOX_ENTRIES], sizeof(msg));
		mbox->f2h_read++;
		npu_msglog_add(&mbox->log, true, &msg);
		trace_npu_mbox(npu->drm.dev, true, &msg);
		/* Numbers and indices both start with the boot: an old message shows. */
		if (msg.seq == mbox->f2h_read)
			npu_mbox_handle(npu, &msg);
		else
			dev_warn_ratelimited(npu->drm.dev,
					     "message %u from the firmware where %u was due, ignored\n",
					     msg.seq, mbox->f2h_read);
	}
	/* Messages are copied before their entries are given back. */
	dma_mb();
	WRITE_ONCE(mbox->mem->f2h_read.index, mbox->f2h_read);
	mutex_unlock(&mbox->drain_lock);
	if (write != first)
		wake_up_all(&mbox->wait);
}

static void npu_mbox_send(struct npu_device *npu, const struct npu_msg *request)
{
	struct npu_mbox_chan *mbox = &npu->mbox;
	struct npu_msg *msg = &mbox->mem->h2f[mbox->h2f_write % NPU_MBOX_ENTRIES];

	*msg = *request;
	msg->seq = mbox->seq;
	msg->cookie = mbox->seq;
	npu_msglog_add(&mbox->log, false, msg);
	trace_npu_mbox(npu->drm.dev, false, msg);
	mbox->h2f_write++;
	/* The message is there before the index says so. */
	dma_wmb();
	WRITE_ONCE(mbox->mem->h2f_write.index, mbox->h2f_write);
	npu_write32(npu, NPU_REG_MBOX_DOORBELL, 1);
}

static bool npu_mbox_answered(struct npu_mbox_chan *mbox)
{
	return READ_ONCE(mbox->replied) || READ_ONCE(mbox->dead);
}

static void npu_mbox_set_cookie(struct npu_mbox_chan *mbox, u32 cookie)
{
	guard(mutex)(&mbox->drain_lock);
	mbox->cookie = cookie;
	mbox->replied = false;
}

/**
 * npu_mbox_call() - ask the firmware for something and wait until it is done
 * @npu: device, entered with npu_hw_enter()
 * @request: message; its numbers are filled in here
 * @reply: where to copy what the firmware answered, or NULL; after an error it is not written
 *
 * Return: 0; -EIO: the firmware refused; -ETIMEDOUT: it did not answer in time or is dead. After
 * -ETIMEDOUT nothing is known about the device, and only a reset helps.
 */
int npu_mbox_call(struct npu_device *npu, const struct npu_msg *request, struct npu_msg *reply)
{
	const u32 type = request->type, queue = request->queue;
	struct npu_mbox_chan *mbox = &npu->mbox;
	unsigned long deadline;
	bool replied, late;
	u16 status;

	guard(mutex)(&mbox->request_lock);
	if (READ_ONCE(mbox->dead))
		return -ETIMEDOUT;
	if (!++mbox->seq)
		mbox->seq = 1;
	npu_mbox_set_cookie(mbox, mbox->seq);
	npu_mbox_send(npu, request);

	deadline = jiffies + msecs_to_jiffies(NPU_MBOX_REPLY_TIMEOUT_MS);
	do {
		late = time_after(jiffies, deadline);
		/* The interrupt may get lost: look at the ring now and then. */
		wait_event_timeout(mbox->wait, npu_mbox_answered(mbox), NPU_MBOX_POLL_JIFFIES);
		npu_mbox_drain(npu);
	} while (!npu_mbox_answered(mbox) && !late);

	scoped_guard(mutex, &mbox->drain_lock) {
		replied = mbox->replied;
		status = mbox->status;
		if (replied && status == NPU_MSG_OK && reply)
			*reply = mbox->reply;
		mbox->cookie = 0;
	}
	if (!replied) {
		dev_err_ratelimited(npu->drm.dev,
				    "firmware did not answer request %u for queue %u\n", type,
				    queue);
		/* The next one need not wait to hear the same. Who boots it decides for himself. */
		if (READ_ONCE(npu->hw_state) == NPU_HW_UP)
			WRITE_ONCE(mbox->dead, true);
		return -ETIMEDOUT;
	}
	if (status != NPU_MSG_OK) {
		dev_err_ratelimited(npu->drm.dev,
				    "firmware refused request %u for queue %u: status %u\n", type,
				    queue, status);
		return -EIO;
	}
	return 0;
}

/**
 * npu_mbox_request() - npu_mbox_call() for a request that says no more than this
 * @npu: device, entered with npu_hw_enter()
 * @type: request
 * @queue: hardware queue spoken of, or 0
 *
 * Return: as npu_mbox_call().
 */
int npu_mbox_request(struct npu_device *npu, enum npu_msg_type type, u32 queue)
{
	const struct npu_msg request = { .type = type, .queue = queue };

	return npu_mbox_call(npu, &request, NULL);
}
