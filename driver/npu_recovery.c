// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Watchdog and reset
 *
 * While jobs are in flight the watchdog looks at all queues and at the
 * firmware ten times a second. It finds what interrupts would have told, had
 * they not been lost. It ends the queue that has been stuck longest, if longer
 * than its timeout, and gives those that waited their time anew, for they may
 * only have waited for what that queue held. A queue whose oldest job is not being
 * worked on while others run waits for its turn and gets longer, but not for
 * ever, so that every fence signals in bounded time.
 *
 * Recovery has these steps, each taken when the one before did not do:
 *
 * - The firmware stops a queue; nobody else is affected.
 * - The device is reset and the firmware booted again. Queues with jobs in
 *   flight are lost and told so (INNOCENT) when that has worked; idle ones go on.
 * - The PCI function is reset, and the same done.
 * - The device is wedged: cut off from memory, every fence ended, every later
 *   ioctl fails, and user space is told by a uevent.
 *
 * Watchdog and reset run on one ordered workqueue and never at the same time.
 * Neither allocates memory: fences wait for them, and memory may wait for fences.
 *
 * Rejected: ending the fences of lost jobs as soon as the device is reset. Their
 * owners would be told to make a new queue and try again, of a device that may
 * turn out to be wedged a moment later, and some that it is gone, as chance
 * has it. Each attempt has a time limit, so the outcome is there in bounded time too.
 *
 * Rejected: resubmitting the jobs of innocent queues after a reset. A job may
 * have run half, and nothing says that running it again gives the same.
 *
 * Rejected: a heartbeat check while idle. It would wake machine and device for
 * the sake of a fault that hurts nobody; who starts a queue finds out.
 */
#include <linux/kobject.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "npu_compat.h"
#include "npu_hw.h"
#include "npu_queue.h"

#define NPU_WATCHDOG_PERIOD max(HZ / 10, 1)
/* The firmware promises one per 100 ms; a busy host may let it wait. */
#define NPU_HEARTBEAT_TIMEOUT (5 * HZ)
/* What a job gets on top of its timeout as long as it waits for others. */
#define NPU_START_GRACE (60 * HZ)

/* The body is run for each queue that has a slot, and holds it; it must not leave the loop. */
#define npu_for_each_queue(npu, i, queue) \
	for (i = 0; i < (npu)->caps.queues; i++) \
		for (queue = npu_queue_get_slot(npu, i); queue; npu_queue_put(queue), queue = NULL)

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

/* Stops the device; what was in flight is lost, but not told so yet. hw_sem is held for writing. */
static void npu_reset_stop(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 i;

	npu->hw_state = NPU_HW_DOWN;
	npu_reset_stop_schedulers(npu);
	/* Who has failed on its own account shall not be called innocent. */
	npu_for_each_queue(npu, i, queue)
		if (npu_queue_update(queue))
			npu_queue_handle_fault(queue);
	npu_hw_reset(npu);
	/* What the firmware that is gone had to say must not be taken for the next one's words. */
	npu_irq_sync_events(npu);
	npu_for_each_queue(npu, i, queue)
		queue->restart |= npu_queue_lose(queue);
	/* What was asked for until now is done; a writeback that is nonsense has asked again. */
	WRITE_ONCE(npu->recovery.reason, NULL);
}

/*
 * Boots the firmware, serves the idle queues again, and tells the others. After an error they
 * still wait for what comes of the next attempt. hw_sem is held for writing.
 */
static int npu_reset_start(struct npu_device *npu)
{
	struct npu_queue *queue;
	int ret = 0;
	u32 i;

	/* In a reset that does not end it may still know old translations: it stays cut off. */
	if (npu_read32(npu, NPU_REG_STATUS) & NPU_STATUS_RESET_BUSY)
		ret = -ETIMEDOUT;
	if (!ret) {
		pci_set_master(npu_to_pci(npu));
		ret = npu_hw_start(npu);
	}
	npu_for_each_queue(npu, i, queue)
		if (!ret && queue->restart)
			ret = npu_queue_restart(queue);
	if (ret) {
		npu_hw_reset(npu);
		npu_for_each_queue(npu, i, queue)
			queue->restart |= npu_queue_lose(queue);
		return ret;
	}
	npu->recovery.watching = false;
	npu->hw_state = NPU_HW_UP;
	npu_for_each_queue(npu, i, queue)
		npu_queue_end_lost(queue, -ECANCELED);
	npu_reset_start_schedulers(npu);
	return 0;
}

/* Ends everything for good; hw_sem is held for writing. */
static void npu_reset_give_up(struct npu_device *npu, enum npu_hw_state state)
{
	struct npu_queue *queue;
	u32 i;

	npu_reset_stop_schedulers(npu);
	npu_hw_reset(npu);
	pci_clear_master(npu_to_pci(npu));
	WRITE_ONCE(npu->hw_state, state);
	npu_mbox_set_dead(npu);
	npu_for_each_queue(npu, i, queue) {
		npu_queue_lose(queue);
		npu_queue_end_lost(queue, -ENODEV);
	}
	npu_reset_start_schedulers(npu);
}

static void npu_recovery_wedge(struct npu_device *npu)
{
	char *env[2] = { "WEDGED=rebind", NULL };

	down_write(&npu->hw_sem);
	if (npu_is_lost(npu)) {
		up_write(&npu->hw_sem);
		return;
	}
	npu_reset_give_up(npu, NPU_HW_WEDGED);
	up_write(&npu->hw_sem);
	dev_err(npu->drm.dev,
		"device is wedged: resets did not bring it back; unbind and bind the driver, or power-cycle the device\n");
	kobject_uevent_env(&npu->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
}

static void npu_recovery_do_reset(struct npu_device *npu, const char *reason)
{
	int ret;

	down_write(&npu->hw_sem);
	if (npu_is_lost(npu)) {
		up_write(&npu->hw_sem);
		return;
	}
	dev_err(npu->drm.dev, "resetting the device: %s\n", reason);
	npu_reset_stop(npu);
	ret = npu_reset_start(npu);
	up_write(&npu->hw_sem);
	if (!ret)
		return;

	dev_err(npu->drm.dev, "reset failed (%pe), trying to reset the PCI function\n",
		ERR_PTR(ret));
	/* Comes back through the handlers at this file's end. Who is gone is not waited for. */
	ret = pci_device_is_present(npu_to_pci(npu)) ? pci_try_reset_function(npu_to_pci(npu)) :
						       -ENODEV;
	if (ret || READ_ONCE(npu->hw_state) != NPU_HW_UP)
		npu_recovery_wedge(npu);
}

static void npu_recovery_reset_work(struct work_struct *work)
{
	struct npu_device *npu = container_of(work, struct npu_device, recovery.reset);
	const char *reason = READ_ONCE(npu->recovery.reason);

	if (reason)
		npu_recovery_do_reset(npu, reason);
}

/**
 * npu_recovery_request() - ask for a reset
 * @npu: device
 * @reason: why, a constant string
 *
 * May be called from anywhere. Requests made until a reset begins are served by it.
 */
void npu_recovery_request(struct npu_device *npu, const char *reason)
{
	cmpxchg(&npu->recovery.reason, NULL, reason);
	queue_work(npu->recovery.wq, &npu->recovery.reset);
}

/**
 * npu_recovery_reset_sync() - ask for a reset and wait until it is over
 * @npu: device, not entered
 * @reason: why, a constant string
 *
 * Return: 0: the device has been reset and works; -ENODEV: it is lost and cut off from memory.
 */
int npu_recovery_reset_sync(struct npu_device *npu, const char *reason)
{
	npu_recovery_request(npu, reason);
	flush_work(&npu->recovery.reset);
	return npu_is_lost(npu) ? -ENODEV : 0;
}

/* Return: what is wrong with the firmware, or NULL. */
static const char *npu_watchdog_firmware(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;
	u32 heartbeat;

	if (!npu_hw_present(npu))
		return "the device does not answer";
	if (npu_read32(npu, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD)
		return "firmware died";
	npu_mbox_drain(npu);

	heartbeat = npu_read32(npu, NPU_REG_HEARTBEAT);
	if (!rec->watching || heartbeat != rec->heartbeat) {
		rec->watching = true;
		rec->heartbeat = heartbeat;
		rec->heartbeat_stamp = jiffies;
	}
	if (time_after(jiffies, rec->heartbeat_stamp + NPU_HEARTBEAT_TIMEOUT))
		return "no heartbeat from the firmware";
	return NULL;
}

/* Does what interrupts that got lost would have done; tells whether any queue runs. */
static bool npu_watchdog_update(struct npu_device *npu)
{
	struct npu_queue_health health;
	struct npu_queue *queue;
	bool running = false;
	u32 i;

	npu_for_each_queue(npu, i, queue) {
		if (npu_queue_update(queue))
			npu_queue_handle_fault(queue);
		npu_queue_check(queue, &health);
		running |= health.running;
	}
	return running;
}

/* Finds the queue that has been stuck longest, if there is one; to be put. */
static struct npu_queue *npu_watchdog_victim(struct npu_device *npu, bool running)
{
	struct npu_queue *queue, *victim = NULL;
	struct npu_queue_health health;
	unsigned long worst = 0;
	u32 i;

	npu_for_each_queue(npu, i, queue) {
		unsigned long limit = queue->timeout;

		npu_queue_check(queue, &health);
		if (running && !health.running)
			limit += NPU_START_GRACE;
		if (!health.busy || health.idle_for <= limit || health.idle_for <= worst)
			continue;
		worst = health.idle_for;
		if (victim)
			npu_queue_put(victim);
		victim = npu_queue_get(queue);
	}
	return victim;
}

/* Return: what is wrong that the firmware could not mend, or NULL. */
static const char *npu_watchdog_queues(struct npu_device *npu)
{
	struct npu_queue *queue, *victim;
	bool running;
	int ret;
	u32 i;

	running = npu_watchdog_update(npu);
	victim = npu_watchdog_victim(npu, running);
	if (!victim)
		return NULL;
	dev_info_ratelimited(npu->drm.dev, "queue %u of %s: no progress within %u ms, stopping it\n",
			     victim->slot, victim->owner, jiffies_to_msecs(victim->timeout));
	ret = npu_queue_stop(victim, DRM_NPU_QUEUE_TIMEDOUT, -ETIMEDOUT);
	npu_queue_put(victim);
	npu_for_each_queue(npu, i, queue)
		npu_queue_excuse(queue);
	return ret ? "a queue that timed out cannot be stopped" : NULL;
}

static void npu_recovery_watchdog(struct work_struct *work)
{
	struct npu_device *npu = container_of(to_delayed_work(work), struct npu_device,
					      recovery.watchdog);
	struct npu_recovery *rec = &npu->recovery;
	const char *wrong = NULL;

	/* Down: a reset will end all that is in flight, or it is being brought up. */
	if (!npu_hw_enter(npu)) {
		wrong = npu_watchdog_firmware(npu);
		npu_hw_exit(npu);
		if (!wrong)
			wrong = npu_watchdog_queues(npu);
		if (wrong)
			npu_recovery_do_reset(npu, wrong);
	}
	if (atomic_read(&rec->inflight) && !npu_is_lost(npu))
		queue_delayed_work(rec->wq, &rec->watchdog, NPU_WATCHDOG_PERIOD);
	else
		rec->watching = false;
}

/**
 * npu_recovery_job_began() - watch, a job is on its way
 * @npu: device
 */
void npu_recovery_job_began(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;

	if (atomic_inc_return(&rec->inflight) == 1)
		queue_delayed_work(rec->wq, &rec->watchdog, NPU_WATCHDOG_PERIOD);
}

/**
 * npu_recovery_job_ended() - a job ended, however
 * @npu: device
 */
void npu_recovery_job_ended(struct npu_device *npu)
{
	atomic_dec(&npu->recovery.inflight);
}

static void npu_recovery_fini(struct drm_device *drm, void *arg)
{
	destroy_workqueue(arg);
}

/**
 * npu_recovery_init() - set up watchdog and reset
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_recovery_init(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;

	INIT_DELAYED_WORK(&rec->watchdog, npu_recovery_watchdog);
	INIT_WORK(&rec->reset, npu_recovery_reset_work);
	rec->wq = alloc_ordered_workqueue("npu-recovery", WQ_MEM_RECLAIM);
	if (!rec->wq)
		return -ENOMEM;
	return drmm_add_action_or_reset(&npu->drm, npu_recovery_fini, rec->wq);
}

/**
 * npu_recovery_shutdown() - take the device out of service for good
 * @npu: device that is being removed, or whose probe failed
 *
 * When it returns, every fence has ended, the device reaches no memory, and neither watchdog nor
 * reset will run again.
 */
void npu_recovery_shutdown(struct npu_device *npu)
{
	struct npu_queue *queue;
	u32 i;

	down_write(&npu->hw_sem);
	npu_reset_give_up(npu, NPU_HW_GONE);
	/* Memory of the device must go before its driver does; queues may stay longer. */
	npu_for_each_queue(npu, i, queue)
		npu_queue_free_mem(queue);
	up_write(&npu->hw_sem);
	disable_delayed_work_sync(&npu->recovery.watchdog);
	disable_work_sync(&npu->recovery.reset);
}

static void npu_pci_reset_prepare(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);

	/* Released when the reset is done; nobody gets at the device in between. */
	down_write(&npu->hw_sem);
	if (!npu_is_lost(npu))
		npu_reset_stop(npu);
}

static void npu_pci_reset_done(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);
	int ret = 0;

	if (!npu_is_lost(npu))
		ret = npu_reset_start(npu);
	up_write(&npu->hw_sem);
	if (ret)
		npu_recovery_request(npu, "the device did not come back from a function reset");
}

const struct pci_error_handlers npu_pci_error_handlers = {
	.reset_prepare = npu_pci_reset_prepare,
	.reset_done = npu_pci_reset_done,
};
