// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking the device down with all queues, and bringing it up again: what every kind of reset has
 * in common, whether driver, administrator or the error recovery of the bus began it, or it was
 * put to sleep. All of it is done with &npu_device.hw_sem held for writing. Nothing here
 * allocates memory, because fences wait for it.
 *
 * The halves may be far apart, and the semaphore released in between: then nobody
 * gets in (NPU_HW_DOWN), the schedulers stand, and queues collect their jobs.
 */
#include "npu_coredump.h"
#include "npu_hw.h"
#include "npu_queue.h"
#include "npu_reset.h"
#include "npu_trace.h"

static void npu_reset_stop_schedulers(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 i;

	npu_for_each_queue(npu, i, queue) {
		if (!queue->sched_stopped)
			drm_sched_wqueue_stop(&queue->sched);
		queue->sched_stopped = true;
	}
}

static void npu_reset_start_schedulers(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 i;

	npu_for_each_queue(npu, i, queue) {
		if (queue->sched_stopped)
			drm_sched_wqueue_start(&queue->sched);
		queue->sched_stopped = false;
		queue->restart = false;
	}
}

/**
 * npu_reset_drain() - give no more jobs to the device, and wait until it has done those it has
 * @npu: device that works, &npu_device.hw_sem held for writing
 * @timeout: how long, jiffies
 */
void npu_reset_drain(struct npu_device *npu, unsigned long timeout)
{
	const unsigned long end = jiffies + timeout;
	struct npu_recovery *rec = &npu->recovery;
	struct npu_queue *queue;
	u32 i;

	npu_reset_stop_schedulers(npu);
	while (atomic_read(&rec->inflight) && time_before(jiffies, end)) {
		/* The interrupt may get lost: look now and then. */
		wait_event_timeout(rec->idle, !atomic_read(&rec->inflight),
				   clamp_t(long, end - jiffies, 0, NPU_MBOX_POLL_JIFFIES));
		npu_for_each_queue(npu, i, queue)
			npu_queue_update(queue);
	}
}

/* Return: true: the device has stopped, and what it has written last is there. */
static bool npu_reset_hw(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 i;

	npu_for_each_queue(npu, i, queue)
		queue->restart |= npu_queue_cut_off(queue);
	return !npu_hw_reset(npu);
}

/**
 * npu_reset_pause() - stop the device and take its jobs away from it
 * @npu: device, &npu_device.hw_sem held for writing
 * @reason: why, for people
 *
 * What was in flight is lost, but not told so yet. A device that is cut off by its bus is not
 * touched.
 */
void npu_reset_pause(struct npu_device *npu, const char *reason)
{
	struct npu_queue *queue;
	bool sure;
	u32 i;

	trace_npu_reset(npu->drm.dev, reason);
	WRITE_ONCE(npu->hw_state, NPU_HW_DOWN);
	npu_reset_stop_schedulers(npu);
	/* Who has failed on its own account shall not be called innocent. */
	npu_for_each_queue(npu, i, queue)
		if (npu_queue_update(queue))
			npu_queue_handle_fault(queue);
	/* Of a device that does not answer the last words may have been lost. */
	sure = npu_reset_hw(npu);
	/* What the firmware that is gone had to say must not be taken for the next one's words. */
	npu_irq_sync_events(npu);
	npu_for_each_queue(npu, i, queue)
		npu_queue_lose(queue, sure);
	npu_perf_lose(npu);
	/* What was asked for until now is done; a writeback that is nonsense has asked again. */
	WRITE_ONCE(npu->recovery.reason, NULL);
}

/**
 * npu_reset_stop() - npu_reset_pause() of a device that is in trouble, which is written down
 * @npu: device, &npu_device.hw_sem held for writing
 * @reason: why, for people
 */
void npu_reset_stop(struct npu_device *npu, const char *reason)
{
	npu_coredump_reset(npu, reason);
	npu_reset_pause(npu, reason);
}

/**
 * npu_reset_start() - boot the firmware, serve queues again that lost nothing, and tell the others
 * @npu: device that comes from reset, &npu_device.hw_sem held for writing
 *
 * After an error jobs that were lost still wait for what comes of the next attempt; a device that
 * was wedged stays so.
 *
 * Return: 0 or a negative errno.
 */
int npu_reset_start(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 again = 0, i;
	int ret = 0;
	bool sure;

	if (pci_channel_offline(npu_to_pci(npu)))
		return -ENODEV;
	if (!npu_hw_present(npu))
		ret = -ENODEV;
	/* In a reset that does not end it may still know old translations: it stays cut off. */
	else if (npu_read32(npu, NPU_REG_STATUS) & NPU_STATUS_RESET_BUSY)
		ret = -ETIMEDOUT;
	if (!ret) {
		pci_set_master(npu_to_pci(npu));
		ret = npu_hw_start(npu);
		if (!ret)
			ret = npu_dvfs_start(npu);
	}
	npu_for_each_queue(npu, i, queue)
		if (!ret && queue->restart)
			ret = npu_queue_restart(queue);
	if (ret) {
		sure = npu_reset_hw(npu);
		npu_for_each_queue(npu, i, queue)
			npu_queue_lose(queue, sure);
		npu_perf_lose(npu);
		if (npu->hw_state != NPU_HW_DOWN)
			pci_clear_master(npu_to_pci(npu));
		trace_npu_reset_done(npu->drm.dev, ret);
		return ret;
	}
	npu->recovery.watching = false;
	WRITE_ONCE(npu->hw_state, NPU_HW_UP);
	/* The PCI core may have nothing more to say about a bus that it had frozen. */
	npu_recovery_thaw(npu);
	npu_perf_restart(npu);
	npu_for_each_queue(npu, i, queue) {
		npu_queue_end_lost(queue, -ECANCELED);
		again += npu_queue_go_on(queue);
	}
	npu_reset_start_schedulers(npu);
	trace_npu_reset_done(npu->drm.dev, 0);
	if (again)
		dev_info(npu->drm.dev, "%u jobs that had not begun are run now\n", again);
	return 0;
}

/**
 * npu_reset_give_up() - end everything, and cut the device off from memory
 * @npu: device, &npu_device.hw_sem held for writing
 * @state: NPU_HW_WEDGED or NPU_HW_GONE
 */
void npu_reset_give_up(struct npu_device *npu, enum npu_hw_state state)
{
	struct npu_queue *queue;
	u32 i;

	npu_reset_stop_schedulers(npu);
	npu_reset_hw(npu);
	pci_clear_master(npu_to_pci(npu));
	WRITE_ONCE(npu->hw_state, state);
	npu_mbox_set_dead(npu);
	npu_perf_lose(npu);
	npu_for_each_queue(npu, i, queue) {
		npu_queue_lose(queue, false);
		npu_queue_end_lost(queue, -ENODEV);
	}
	npu_reset_start_schedulers(npu);
}
