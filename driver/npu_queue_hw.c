// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Queues on the hardware
 *
 * Jobs go to the firmware through a ring of the queue's own; a job's last
 * entry makes the firmware publish the job's number in the writeback and raise
 * the queue's interrupt. The handler signals all fences up to that number.
 *
 * A queue is in one of four lives. LIVE: jobs are written to the ring. When
 * it is to end, for whatever reason, it is STOPPING: jobs are collected but not
 * written, because those in the ring may still end properly, and fences of one
 * timeline must signal in order. Once the firmware has stopped it, or the
 * device was reset, or the firmware itself reported a failed job, it is OVER:
 * all fences that are left are signalled with an error, and jobs that come
 * later end where they arrive. Whoever decides that a queue is to end does it
 * under its lock, and with it what its state and its errors are; the others find
 * it done. LOST: a reset has taken jobs of a queue that was LIVE. Jobs are
 * collected as when it is STOPPING, and nothing is decided: that the jobs are to be
 * submitted again is good advice only if the device comes back.
 *
 * The writeback is only believed within bounds. A number beyond the last job
 * that was written means that firmware or device are out of their mind, and
 * leads to a reset.
 *
 * Rejected: the scheduler's own timeouts. They count from the moment a job was
 * handed over, know nothing of progress, and take the job off the scheduler's
 * list before asking, so a job that ends in that moment can be lost track of.
 * The watchdog in npu_recovery.c looks at progress instead.
 *
 * Rejected: a page per process with doorbell and ring. The layout of the BAR
 * allows it; the driver keeps submission to itself until then.
 */
#include <linux/dma-mapping.h>

#include "npu_coredump.h"
#include "npu_fence.h"
#include "npu_hw.h"
#include "npu_job.h"
#include "npu_queue.h"
#include "npu_trace.h"

static struct npu_fence *npu_queue_oldest(struct npu_queue *queue)
{
	return list_first_entry_or_null(&queue->inflight, struct npu_fence, node);
}

static void npu_queue_end_fence(struct npu_queue *queue, struct npu_fence *fence, int error)
{
	list_del(&fence->node);
	trace_npu_done(queue, fence->base.seqno, error);
	if (error)
		dma_fence_set_error(&fence->base, error);
	dma_fence_signal_locked(&fence->base);
	queue->completed++;
	queue->direct -= fence->direct;
	npu_recovery_job_ended(queue->npu, error);
	dma_fence_put(&fence->base);
}

/* Ends what is left: job number bad with bad_error, the others with rest_error. */
static void npu_queue_finish(struct npu_queue *queue, u64 bad, int bad_error, int rest_error)
{
	struct npu_fence *fence, *next;

	lockdep_assert_held(&queue->lock);
	queue->life = NPU_QUEUE_OVER;
	queue->rest_error = rest_error;
	list_for_each_entry_safe(fence, next, &queue->inflight, node)
		npu_queue_end_fence(queue, fence,
				    fence->base.seqno == bad ? bad_error : rest_error);
	wake_up_all(&queue->room);
}

/* What there is to say where the firmware said nothing. */
static void npu_queue_default_fault(struct npu_queue *queue, u32 error, u64 seqno)
{
	lockdep_assert_held(&queue->lock);
	if (queue->fault.error)
		return;
	queue->fault = (struct drm_npu_fault) {
		.error = error < NPU_JOB_ERROR_COUNT ? error : NPU_JOB_HW_ERROR,
		.access = NPU_ACCESS_NONE,
		.core = NPU_CORE_FRONT,
		.as_id = queue->asid,
		.seqno = seqno,
	};
}

static void npu_queue_finish_stopped(struct npu_queue *queue)
{
	struct npu_fence *oldest = npu_queue_oldest(queue);

	if (oldest && queue->state == DRM_NPU_QUEUE_TIMEDOUT) {
		npu_queue_default_fault(queue, NPU_JOB_STOPPED, oldest->base.seqno);
		npu_coredump_queue(queue, NPU_DUMP_TIMEOUT, "timed out");
	}
	/* No fault of this queue, but jobs before this one have ended well. */
	if (oldest && queue->state == DRM_NPU_QUEUE_INNOCENT && !queue->fault.error)
		queue->fault.seqno = oldest->base.seqno;
	npu_queue_finish(queue, oldest ? oldest->base.seqno : 0, queue->first_error,
			 queue->rest_error);
}

/* Decides how a queue ends; false: somebody else did. */
static bool npu_queue_begin_stop(struct npu_queue *queue, u32 state, int error)
{
	lockdep_assert_held(&queue->lock);
	if (queue->life != NPU_QUEUE_LIVE && queue->life != NPU_QUEUE_LOST)
		return false;
	queue->life = NPU_QUEUE_STOPPING;
	queue->state = state;
	queue->first_error = error;
	/* Of a device that is gone everybody shall hear so. */
	queue->rest_error = error == -ENODEV ? error : -ECANCELED;
	wake_up_all(&queue->room);
	return true;
}

static void npu_queue_write_ring(struct npu_queue *queue, const struct npu_ring_entry *entry)
{
	u32 mask = (1u << NPU_QUEUE_RING_LOG2) - 1;

	queue->mem->ring[queue->tail++ & mask] = *entry;
}

static void npu_queue_ring(struct npu_queue *queue)
{
	/* Entries are written before the device may look at them. */
	dma_wmb();
	npu_write32(queue->npu, NPU_DOORBELL(queue->slot) + NPU_DOORBELL_REG_TAIL, queue->tail);
}

static void npu_queue_write_job(struct npu_queue *queue, const struct npu_job *job)
{
	struct npu_ring_entry entry = { .seqno = job->seqno };
	u32 i;

	for (i = 0; i < job->cmdbuf_count; i++) {
		entry.op = NPU_RING_RUN;
		entry.as_id = queue->asid;
		entry.packets = job->cmdbufs[i].packets;
		entry.addr = job->cmdbufs[i].va;
		npu_queue_write_ring(queue, &entry);
	}
	entry = (struct npu_ring_entry) {
		.op = NPU_RING_FENCE,
		.flags = NPU_RING_FENCE_IRQ,
		.seqno = job->seqno,
	};
	npu_queue_write_ring(queue, &entry);
	queue->emitted = job->seqno;
	trace_npu_run(queue, job);
	npu_queue_ring(queue);
}

/**
 * npu_queue_expect() - note that a job is given to the scheduler
 * @queue: queue, with its submit lock held
 *
 * Until npu_queue_emit() gets it, no job may go past the scheduler.
 */
void npu_queue_expect(struct npu_queue *queue)
{
	guard(spinlock_irqsave)(&queue->lock);
	queue->pending++;
}

/* The job is in flight; hardware that is not there is the caller's business. */
static void npu_queue_begin(struct npu_queue *queue, struct npu_fence *fence)
{
	lockdep_assert_held(&queue->lock);
	if (list_empty(&queue->inflight))
		queue->stamp = jiffies;
	fence->first = queue->tail;
	dma_fence_get(&fence->base);
	list_add_tail(&fence->node, &queue->inflight);
	npu_recovery_job_began(queue->npu);
}

/**
 * npu_queue_emit() - give a job to the hardware, or end it if the queue has ended
 * @queue: queue
 * @job: job whose dependencies are met; the scheduler's credits make sure that it fits the ring
 * @fence: its fence, to be initialised here
 */
void npu_queue_emit(struct npu_queue *queue, struct npu_job *job, struct npu_fence *fence)
{
	guard(spinlock_irqsave)(&queue->lock);
	npu_fence_init(fence, job->seqno);
	queue->pending--;
	if (queue->life == NPU_QUEUE_OVER) {
		trace_npu_done(queue, job->seqno, queue->rest_error);
		dma_fence_set_error(&fence->base, queue->rest_error);
		dma_fence_signal_locked(&fence->base);
		queue->completed++;
		return;
	}
	npu_queue_begin(queue, fence);
	if (queue->life != NPU_QUEUE_LIVE)
		return;
	/*
	 * A scheduler that is stopped may yet be started by who looked before that. What comes then
	 * waits, and what comes after it too, until the reset is over.
	 */
	if (queue->hw_active && !queue->unwritten) {
		npu_queue_write_job(queue, job);
	} else {
		fence->job = job;
		queue->unwritten++;
	}
}

/* Writes the jobs that came while the queue was not served. */
static void npu_queue_write_late(struct npu_queue *queue)
{
	struct npu_fence *fence;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry(fence, &queue->inflight, node) {
		if (!fence->job)
			continue;
		fence->first = queue->tail;
		npu_queue_write_job(queue, fence->job);
		fence->job = NULL;
	}
	queue->unwritten = 0;
}

/**
 * npu_queue_emit_direct() - give a job to the hardware here and now, if that can be
 * @queue: queue, with its submit lock held
 * @job: numbered job that depends on nothing and is not the scheduler's
 *
 * It can while the queue is served, the scheduler has no job that came earlier, and the part of the
 * ring that is not promised to the scheduler has room.
 *
 * Return: a reference to the job's fence; the job can go. NULL: give it to the scheduler.
 */
struct dma_fence *npu_queue_emit_direct(struct npu_queue *queue, struct npu_job *job)
{
	const u32 entries = npu_job_entries(job);
	struct npu_fence *fence = job->fence;

	guard(spinlock_irqsave)(&queue->lock);
	if (queue->life != NPU_QUEUE_LIVE || !queue->hw_active || queue->pending ||
	    queue->unwritten || entries > NPU_QUEUE_DIRECT - queue->direct)
		return NULL;
	job->fence = NULL;
	npu_fence_init(fence, job->seqno);
	fence->direct = entries;
	queue->direct += entries;
	trace_npu_submit(queue, job);
	npu_queue_begin(queue, fence);
	npu_queue_write_job(queue, job);
	return &fence->base;
}

/*
 * Signals what has ended well. Return: the error of a job that failed, if nobody has dealt with it
 * yet; who does takes it from here, as the next look may find another.
 */
static u32 npu_queue_update_locked(struct npu_queue *queue)
{
	struct device *dev = queue->npu->drm.dev;
	struct npu_fence *fence;
	u64 completed, failed;
	u32 error, head;

	lockdep_assert_held(&queue->lock);
	if (!queue->mem || queue->life == NPU_QUEUE_OVER)
		return 0;
	completed = READ_ONCE(queue->mem->wb.completed);
	/* Written last, so read first. */
	dma_rmb();
	error = READ_ONCE(queue->mem->wb.error);
	failed = READ_ONCE(queue->mem->wb.error_seqno);
	if (completed > queue->emitted) {
		dev_err_ratelimited(dev, "queue %u: %llu jobs completed of %llu\n", queue->slot,
				    completed, queue->emitted);
		npu_recovery_request(queue->npu, "a queue completed jobs that it never got");
		return 0;
	}
	head = READ_ONCE(queue->mem->wb.head);
	if (queue->tail - head > 1u << NPU_QUEUE_RING_LOG2) {
		dev_err_ratelimited(dev, "queue %u: head %u, tail %u\n", queue->slot, head,
				    queue->tail);
		npu_recovery_request(queue->npu, "a queue's head is not in its ring");
		return 0;
	}
	if (error && failed && failed <= completed)
		completed = failed - 1;
	while ((fence = npu_queue_oldest(queue)) && fence->base.seqno <= completed) {
		npu_queue_end_fence(queue, fence, 0);
		queue->stamp = jiffies;
	}
	return queue->life == NPU_QUEUE_LIVE ? error : 0;
}

/**
 * npu_queue_update() - signal the fences of jobs that have ended
 * @queue: queue
 *
 * May be called from interrupts, and at any time.
 *
 * Return: true if a job failed, and npu_queue_handle_fault() is to be called.
 */
bool npu_queue_update(struct npu_queue *queue)
{
	guard(spinlock_irqsave)(&queue->lock);
	return npu_queue_update_locked(queue);
}

/**
 * npu_queue_note_fault() - remember what the firmware said about a failed job
 * @npu: device
 * @msg: NPU_MSG_FAULT, not checked yet
 */
void npu_queue_note_fault(struct npu_device *npu, const struct npu_msg *msg)
{
	struct npu_queue *queue = NULL;

	if (msg->queue < npu->caps.queues)
		queue = npu_queue_get_slot(npu, msg->queue);
	if (!queue || !msg->fault.error || msg->fault.error >= NPU_JOB_ERROR_COUNT) {
		dev_warn_ratelimited(npu->drm.dev, "fault %u reported for queue %u, ignored\n",
				     msg->fault.error, msg->queue);
	} else {
		guard(spinlock_irqsave)(&queue->lock);
		if (!queue->fault.error)
			queue->fault = (struct drm_npu_fault) {
				.error = msg->fault.error,
				.access = min_t(u32, msg->fault.access, NPU_ACCESS_NONE),
				.core = msg->fault.core,
				.as_id = msg->fault.as_id,
				.seqno = msg->fault.seqno,
				.addr = msg->fault.addr,
				.pc = msg->fault.pc,
				.packet = msg->fault.packet,
				.workgroup = msg->fault.workgroup,
			};
	}
	if (queue)
		npu_queue_put(queue);
}

static int npu_job_errno(u32 error)
{
	switch (error) {
	case NPU_JOB_PAGE_FAULT:
	case NPU_JOB_BUS_ERROR:
		return -EFAULT;
	default:
		return -EIO;
	}
}

static const char *npu_job_error_name(u32 error)
{
	static const char * const name[NPU_JOB_ERROR_COUNT] = {
		[NPU_JOB_PAGE_FAULT] = "page fault",
		[NPU_JOB_BUS_ERROR] = "bus error",
		[NPU_JOB_ILLEGAL] = "illegal instruction",
		[NPU_JOB_BREAKPOINT] = "breakpoint",
		[NPU_JOB_MISALIGNED] = "misaligned access",
		[NPU_JOB_BAD_DESCRIPTOR] = "bad descriptor",
		[NPU_JOB_BAD_PACKET] = "bad packet",
		[NPU_JOB_BAD_RING] = "bad ring entry",
		[NPU_JOB_STOPPED] = "stopped",
		[NPU_JOB_HW_ERROR] = "hardware error",
		[NPU_JOB_BAD_INDEX] = "index out of bounds",
		[NPU_JOB_ECC] = "uncorrectable memory error",
	};

	return error < NPU_JOB_ERROR_COUNT && name[error] ? name[error] : "unknown error";
}

static void npu_queue_log_fault(struct npu_queue *queue, const struct drm_npu_fault *fault)
{
	static const char * const access[] = { "read", "write", "fetch", "no access" };

	dev_info_ratelimited(queue->npu->drm.dev,
			     "queue %u of %s: %s: job %llu, context %u, %s at %#llx, core %#x, pc %#llx, packet %#llx, workgroup %llu\n",
			     queue->slot, queue->owner, npu_job_error_name(fault->error),
			     fault->seqno, fault->as_id, access[fault->access], fault->addr,
			     fault->core, fault->pc, fault->packet, fault->workgroup);
}

/**
 * npu_queue_handle_fault() - end a queue whose job failed
 * @queue: queue
 *
 * The failed job ends with what its error means, those after it with -ECANCELED. May sleep.
 */
void npu_queue_handle_fault(struct npu_queue *queue)
{
	struct drm_npu_fault fault;
	u64 failed;
	u32 error;

	/* The message came before the writeback: who sees the fence shall find the details. */
	npu_mbox_drain(queue->npu);

	scoped_guard(spinlock_irqsave, &queue->lock) {
		struct npu_fence *oldest;

		error = npu_queue_update_locked(queue);
		if (!error)
			return;
		oldest = npu_queue_oldest(queue);
		/* Whichever job it names, the oldest one is where things stopped. */
		failed = oldest ? oldest->base.seqno : queue->completed;
		npu_queue_default_fault(queue, error, failed);
		fault = queue->fault;
		trace_npu_fault(queue, &fault);
		npu_coredump_queue(queue, NPU_DUMP_FAULT, npu_job_error_name(fault.error));
		queue->state = DRM_NPU_QUEUE_FAULTED;
		npu_queue_finish(queue, failed, npu_job_errno(error), -ECANCELED);
	}
	npu_queue_log_fault(queue, &fault);
}

static int npu_queue_claim_slot(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	u32 i;

	guard(spinlock_irqsave)(&npu->slots_lock);
	for (i = 0; i < npu->caps.queues; i++) {
		if (npu->slots[i])
			continue;
		queue->slot = i;
		snprintf(queue->name, sizeof(queue->name), "npu-queue%u", i);
		npu->slots[i] = npu_queue_get(queue);
		return 0;
	}
	return -EBUSY;
}

static void npu_queue_release_slot(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;

	down_read(&npu->hw_sem);
	/* A reset that is half done will not find it any more. */
	if (queue->sched_stopped) {
		queue->sched_stopped = false;
		drm_sched_wqueue_start(&queue->sched);
	}
	scoped_guard(spinlock_irqsave, &npu->slots_lock)
		npu->slots[queue->slot] = NULL;
	up_read(&npu->hw_sem);
	npu_queue_put(queue);
}

static void npu_ring_reverse(struct npu_ring_entry *ring, u32 first, u32 end)
{
	for (; first + 1 < end; first++, end--)
		swap(ring[first], ring[end - 1]);
}

/* Moves the jobs that are in flight to the ring's beginning, where the firmware will look. */
static void npu_queue_rewind(struct npu_queue *queue)
{
	const u32 size = 1u << NPU_QUEUE_RING_LOG2;
	struct npu_fence *fence, *oldest = npu_queue_oldest(queue);
	u32 first = oldest ? oldest->first : queue->tail;
	u32 by = first & (size - 1);

	lockdep_assert_held(&queue->lock);
	/* In place, as a reset allocates no memory. */
	npu_ring_reverse(queue->mem->ring, 0, by);
	npu_ring_reverse(queue->mem->ring, by, size);
	npu_ring_reverse(queue->mem->ring, 0, size);
	list_for_each_entry(fence, &queue->inflight, node)
		fence->first -= first;
	queue->tail -= first;
	npu_usage_restart(queue);
	npu_perfmon_restart(queue);
	memset(&queue->mem->counters, 0, sizeof(queue->mem->counters));
	memset(&queue->mem->wb, 0, sizeof(queue->mem->wb));
	memset(&queue->mem->core, 0, sizeof(queue->mem->core));
	queue->mem->wb.completed = oldest ? oldest->base.seqno - 1 : queue->emitted;
	queue->seen_started = 0;
	queue->seen_progress = 0;
	queue->stamp = jiffies;
}

/* Has the firmware serve the ring, from its beginning; the hardware is ours. */
static int npu_queue_activate(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	struct npu_queue_desc *desc = &npu->queue_table[queue->slot];
	int ret;

	scoped_guard(spinlock_irqsave, &queue->lock)
		npu_queue_rewind(queue);
	*desc = (struct npu_queue_desc) {
		.ring = queue->mem_dma + offsetof(struct npu_queue_mem, ring),
		.writeback = queue->mem_dma + offsetof(struct npu_queue_mem, wb),
		.counters = queue->mem_dma + offsetof(struct npu_queue_mem, counters),
		.ring_log2 = NPU_QUEUE_RING_LOG2,
		.vector = npu_irq_queue_vector(&npu->irq, queue->slot),
		.priority = queue->priority,
	};
	if (npu->fw.info.features & NPU_FW_FEATURE_CORE_STATE)
		desc->core_state = queue->mem_dma + offsetof(struct npu_queue_mem, core);
	/* What the firmware reads is written before the message that it gets. */
	dma_wmb();
	ret = npu_mbox_request(npu, NPU_MSG_QUEUE_START, queue->slot);
	if (ret)
		return ret;
	scoped_guard(spinlock_irqsave, &queue->lock)
		queue->hw_active = true;
	return 0;
}

/**
 * npu_queue_start() - get a hardware queue
 * @queue: new queue
 *
 * Return: 0; -EBUSY: all are taken; -EIO, -ETIMEDOUT: the device does not do as told, or is down,
 * and after npu_recovery_wait() it may be tried again; -ENODEV: it is lost. After an error the
 * queue has no hardware queue.
 */
int npu_queue_start(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	int ret;

	ret = npu_queue_claim_slot(queue);
	if (ret)
		return ret;
	ret = npu_hw_enter(npu);
	if (!ret) {
		ret = npu_queue_activate(queue);
		if (ret)
			npu_recovery_request(npu, "a queue cannot be started");
		npu_hw_exit(npu);
	}
	if (ret)
		npu_queue_release_slot(queue);
	return ret;
}

/**
 * npu_queue_stop() - end a queue
 * @queue: queue
 * @state: its state, if it still was usable
 * @error: error of its oldest job
 *
 * Return: 0: it is over, and the device touches none of its memory; -ETIMEDOUT or -EIO: the
 * firmware would not stop it, and the reset that was asked for ends it as asked for here.
 */
int npu_queue_stop(struct npu_queue *queue, u32 state, int error)
{
	struct npu_device *npu = queue->npu;
	int ret = 0;

	guard(mutex)(&queue->stop_lock);
	scoped_guard(spinlock_irqsave, &queue->lock)
		npu_queue_begin_stop(queue, state, error);

	/* If it cannot be entered, the device is in reset or cut off. */
	if (!npu_hw_enter(npu)) {
		/* Changed by us and by those who keep us out. */
		if (queue->hw_active)
			ret = npu_mbox_request(npu, NPU_MSG_QUEUE_STOP, queue->slot);
		if (ret) {
			npu_recovery_request(npu, "a queue cannot be stopped");
		} else {
			guard(spinlock_irqsave)(&queue->lock);
			queue->hw_active = false;
		}
		npu_hw_exit(npu);
	}
	if (ret)
		return ret;

	guard(spinlock_irqsave)(&queue->lock);
	npu_queue_update_locked(queue);
	if (queue->life == NPU_QUEUE_STOPPING)
		npu_queue_finish_stopped(queue);
	return 0;
}

/**
 * npu_queue_end() - end a queue and give its hardware queue back
 * @queue: queue
 *
 * Jobs that have not ended are cancelled. May sleep, and may reset the device.
 */
void npu_queue_end(struct npu_queue *queue)
{
	/* Each time the device has been reset, until that is in vain and it is lost. */
	while (npu_queue_stop(queue, DRM_NPU_QUEUE_INNOCENT, -ECANCELED))
		npu_recovery_wait(queue->npu);
	npu_perf_remove_queue(queue);
	/* While it is known: removal does not wait for a queue that it does not find. */
	scoped_guard(rwsem_read, &queue->npu->hw_sem)
		npu_queue_free_mem(queue);
	npu_queue_release_slot(queue);
}

/*
 * Whether a queue can go on after a reset with the jobs that it has: none of them has had effects.
 * That a job has begun is published before its first effect, by firmware that knows how.
 */
static bool npu_queue_untouched(struct npu_queue *queue)
{
	struct npu_fence *oldest = npu_queue_oldest(queue);
	u64 begun;

	if (!oldest)
		return true;
	if (queue->npu->fw.info.features & NPU_FW_FEATURE_RECOVERY)
		/* Only the lower half is told; the distance is never as much as half of that. */
		begun = oldest->base.seqno +
			(s32)(READ_ONCE(queue->mem->wb.begun) - (u32)oldest->base.seqno);
	else
		begun = READ_ONCE(queue->mem->wb.started);
	return begun < oldest->base.seqno;
}

/**
 * npu_queue_cut_off() - write no more jobs for the device, which is about to be reset
 * @queue: queue
 *
 * A doorbell that rings between the reset and npu_queue_restart() would be taken for that of the
 * ring that begins anew: the firmware would run what is left in it once more.
 * &npu_device.hw_sem is held for writing.
 *
 * Return: true if it was served.
 */
bool npu_queue_cut_off(struct npu_queue *queue)
{
	bool served;

	guard(spinlock_irqsave)(&queue->lock);
	served = queue->hw_active;
	queue->hw_active = false;
	return served;
}

/**
 * npu_queue_lose() - tell a queue that the device was reset
 * @queue: queue, cut off before
 * @sure: the writeback says how far the device has got; else whatever is in flight is lost
 *
 * It stays live if it can go on when the device does: it was idle, or none of its jobs has begun.
 * Jobs in flight that are lost wait for npu_queue_end_lost(). The device touches no memory any more
 * and &npu_device.hw_sem is held for writing.
 */
void npu_queue_lose(struct npu_queue *queue, bool sure)
{
	struct npu_fence *oldest;

	guard(spinlock_irqsave)(&queue->lock);
	npu_queue_update_locked(queue);
	oldest = npu_queue_oldest(queue);
	/* Of one that is not in the ring the device cannot have heard. */
	if (queue->life == NPU_QUEUE_LIVE && oldest && !oldest->job &&
	    !(sure && npu_queue_untouched(queue)))
		queue->life = NPU_QUEUE_LOST;
	/* Who was to be stopped has been. */
	if (queue->life == NPU_QUEUE_STOPPING)
		npu_queue_finish_stopped(queue);
}

/**
 * npu_queue_end_lost() - end the jobs that were lost in a reset
 * @queue: queue that npu_queue_lose() was called for
 * @error: -ECANCELED: the device works again; -ENODEV: nothing will ever run again, which ends
 * every queue
 *
 * &npu_device.hw_sem is held for writing.
 */
void npu_queue_end_lost(struct npu_queue *queue, int error)
{
	guard(spinlock_irqsave)(&queue->lock);
	if (error == -ENODEV || queue->life == NPU_QUEUE_LOST)
		npu_queue_begin_stop(queue, DRM_NPU_QUEUE_INNOCENT, error);
	if (queue->life == NPU_QUEUE_STOPPING)
		npu_queue_finish_stopped(queue);
}

/**
 * npu_queue_restart() - serve a queue again after a reset
 * @queue: queue for which npu_queue_cut_off() returned true
 *
 * Its counters start anew. Jobs that it has wait for npu_queue_go_on(). &npu_device.hw_sem is held
 * for writing.
 *
 * Return: 0 or a negative errno.
 */
int npu_queue_restart(struct npu_queue *queue)
{
	/* The reset, or an attempt to start it since, has cost it its jobs. */
	if (queue->life != NPU_QUEUE_LIVE)
		return 0;
	return npu_queue_activate(queue);
}

/**
 * npu_queue_go_on() - have a queue's jobs done that had not begun before a reset
 * @queue: queue
 *
 * &npu_device.hw_sem is held for writing.
 *
 * Return: how many they are.
 */
u32 npu_queue_go_on(struct npu_queue *queue)
{
	guard(spinlock_irqsave)(&queue->lock);
	if (queue->life != NPU_QUEUE_LIVE || !queue->hw_active || !npu_queue_oldest(queue))
		return 0;
	npu_queue_write_late(queue);
	npu_queue_ring(queue);
	return list_count_nodes(&queue->inflight);
}

/**
 * npu_queue_usable() - tell whether a queue takes jobs
 * @queue: queue
 *
 * One whose jobs a reset has taken does until it is known what they are told; later ones share
 * that.
 *
 * Return: true if it did a moment ago.
 */
bool npu_queue_usable(struct npu_queue *queue)
{
	return READ_ONCE(queue->life) <= NPU_QUEUE_LOST;
}

/**
 * npu_queue_check() - see how a queue gets on
 * @queue: queue
 * @health: result
 */
void npu_queue_check(struct npu_queue *queue, struct npu_queue_health *health)
{
	struct npu_fence *oldest;
	u64 started, progress;

	*health = (struct npu_queue_health) {};
	guard(spinlock_irqsave)(&queue->lock);
	oldest = npu_queue_oldest(queue);
	if (!oldest || !queue->mem || queue->life != NPU_QUEUE_LIVE)
		return;
	started = READ_ONCE(queue->mem->wb.started);
	progress = READ_ONCE(queue->mem->wb.progress);
	if (started != queue->seen_started || progress != queue->seen_progress) {
		queue->seen_started = started;
		queue->seen_progress = progress;
		queue->stamp = jiffies;
	}
	if (queue->oldest_seqno != oldest->base.seqno) {
		queue->oldest_seqno = oldest->base.seqno;
		queue->oldest_stamp = jiffies;
	}
	health->busy = true;
	/* IDLE with a job begun: it waits for an engine that another queue holds. */
	health->running = started >= oldest->base.seqno &&
			  READ_ONCE(queue->mem->wb.state) == NPU_QUEUE_RUNNING;
	health->idle_for = jiffies - queue->stamp;
	health->age = jiffies - queue->oldest_stamp;
	queue->waits = !health->running;
}

/**
 * npu_queue_excuse() - give the oldest job its whole time again if it waited for others
 * @queue: queue
 *
 * What counts is what npu_queue_check() saw last. A job that was worked on gets nothing: who
 * lets queues time out one after the other must not keep another's endless job alive.
 */
void npu_queue_excuse(struct npu_queue *queue)
{
	guard(spinlock_irqsave)(&queue->lock);
	if (queue->waits)
		queue->stamp = jiffies;
}

/**
 * npu_queue_free_mem() - give the shared memory back
 * @queue: queue that is over, or never was served
 */
void npu_queue_free_mem(struct npu_queue *queue)
{
	struct npu_queue_mem *mem;

	scoped_guard(spinlock_irqsave, &queue->lock) {
		npu_usage_add(queue);
		npu_perfmon_collect(queue);
		mem = no_free_ptr(queue->mem);
	}
	if (mem)
		dma_free_coherent(queue->npu->drm.dev, sizeof(*mem), mem, queue->mem_dma);
}
