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
 * ever. Nor is what the device says of progress believed for ever: a job that
 * has been its queue's oldest for the administrator's job_max_ms is ended. So every
 * fence signals in bounded time, whatever device and programs do.
 *
 * Recovery has these steps, each taken when the one before did not do:
 *
 * - The firmware stops a queue; nobody else is affected.
 * - The firmware resets the tiles that do not heed that, and says so.
 * - All engines are stopped and the firmware is booted again. Queues with a job that
 *   had begun are lost and told so (INNOCENT) when that has worked; idle ones, and those whose jobs
 *   all waited for their turn, go on.
 * - The PCI function is reset, and the same done.
 * - The bus is reset, if the function is alone on it and its port still sees it: that
 *   helps where the function does not answer any more.
 * - The device is wedged: cut off from memory, every fence ended, every later
 *   ioctl fails, and user space is told by a uevent. A reset that an administrator
 *   asks the PCI core for may still bring it back. A device that comes back from resets
 *   again and again, and yet does no job, gets there too.
 *
 * Each step is logged, and counted in the folder "recovery" of the device in sysfs.
 * What the bus finds out by itself (AER, DPC) is recovered by the PCI core, see
 * npu_pci_error.c; the steps here wait for that, and go on if it comes to nothing.
 *
 * Who finds that the device does not do as told asks for a reset before letting go of it, and the
 * worker looks, with the device for itself, whether anybody still asks: each boot forgets what was
 * asked for before it. So nobody is reset for what the firmware before has done.
 *
 * Watchdog and reset run on one ordered workqueue and never at the same time.
 * Neither allocates memory: fences wait for them, and memory may wait for fences.
 *
 * Rejected: ending the fences of lost jobs as soon as the device is reset. Their
 * owners would be told to make a new queue and try again, of a device that may
 * turn out to be wedged a moment later, and some that it is gone, as chance
 * has it. Each attempt has a time limit, so the outcome is there in bounded time too.
 *
 * Rejected: numbering the boots of the firmware, and asking for the reset of a number. That says
 * the same, and everybody who waits for an answer would have to carry the number.
 *
 * Rejected: resubmitting all jobs of innocent queues after a reset. One that
 * has begun may have run half, and nothing says that running it again gives the same.
 *
 * Rejected: a heartbeat check while idle. It would wake machine and device for
 * the sake of a fault that hurts nobody; who starts a queue finds out.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "npu_compat.h"
#include "npu_hw.h"
#include "npu_pci_error.h"
#include "npu_pm.h"
#include "npu_queue.h"
#include "npu_reset.h"

#define NPU_WATCHDOG_PERIOD max(HZ / 10, 1)
/* The firmware promises one per 100 ms; a busy host may let it wait. */
#define NPU_HEARTBEAT_TIMEOUT (5 * HZ)
/* What a job gets on top of its timeout as long as it waits for others. */
#define NPU_START_GRACE (60 * HZ)
/*
 * So often the firmware is restarted, and then the function reset, without a job done in between:
 * a device that boots, and falls over when there is work, shall not keep everybody busy for ever.
 */
#define NPU_RESTARTS_IN_VAIN 5
/* How long the PCI core gets to bring a bus back that was frozen. */
#define NPU_THAW_TIMEOUT (30 * HZ)
/* How long somebody else may be busy with the PCI function before it is given up. */
#define NPU_LOCK_TIMEOUT (10 * HZ)

/**
 * npu_recovery_count() - note that a step of recovery is taken
 * @npu: device
 * @step: which
 */
void npu_recovery_count(struct npu_device *npu, enum npu_recovery_step step)
{
	atomic_inc(&npu->recovery.steps[step]);
}

/*
 * Gives the device up, and tells user space. Nothing if it is lost already, or works: unless told
 * to do it even so. May sleep. The event is the one that drm_dev_wedged_event() sends on newer
 * kernels; that one sends it for the primary node, which accel devices do not have.
 */
static void npu_recovery_wedge(struct npu_device *npu, bool even_up)
{
	char *env[2] = { "WEDGED=rebind,bus-reset", NULL };

	down_write(&npu->hw_sem);
	if (npu_is_lost(npu) || (npu->hw_state == NPU_HW_UP && !even_up)) {
		up_write(&npu->hw_sem);
		return;
	}
	npu_reset_give_up(npu, NPU_HW_WEDGED);
	up_write(&npu->hw_sem);
	wake_up_all(&npu->recovery.thaw);
	npu_recovery_count(npu, NPU_STEP_WEDGED);
	dev_err(npu->drm.dev,
		"device is wedged: resets did not bring it back; reset it through sysfs, unbind and bind the driver, or power-cycle it\n");
	kobject_uevent_env(&npu->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
}

/*
 * Calls a reset of the PCI core, which comes back through the handlers in npu_pci_error.c. It
 * wants the device's lock and so must not be waited for: who holds it may be removing the device,
 * and wait for us. Nobody says when it is free again; whoever has it lets go, or the device is
 * lost.
 */
static bool npu_recovery_pci_reset(struct npu_device *npu, int (*reset)(struct pci_dev *pdev))
{
	unsigned long deadline = jiffies + NPU_LOCK_TIMEOUT;
	int ret;

	do {
		ret = reset(npu_to_pci(npu));
		if (ret != -EAGAIN)
			break;
		msleep(50);
	} while (!npu_is_lost(npu) && READ_ONCE(npu->hw_state) != NPU_HW_UP &&
		 time_before(jiffies, deadline));
	if (ret)
		dev_err(npu->drm.dev, "that cannot be done (%pe)\n", ERR_PTR(ret));
	/* Another reset may have waited for this one, and have it now: what counts is its end. */
	guard(rwsem_read)(&npu->hw_sem);
	return npu->hw_state == NPU_HW_UP;
}

/**
 * npu_recovery_thaw() - the PCI core has done with a device that was frozen, or given it up
 * @npu: device
 */
void npu_recovery_thaw(struct npu_device *npu)
{
	WRITE_ONCE(npu->recovery.frozen, false);
	wake_up_all(&npu->recovery.thaw);
}

/*
 * The PCI core recovers a device that its bus has frozen, and this waits for what comes of it.
 * Return: false: nothing, for so long that it is not to be waited for any more.
 */
static bool npu_recovery_thawed(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;

	return wait_event_timeout(rec->thaw, !READ_ONCE(rec->frozen) || npu_is_lost(npu),
				  NPU_THAW_TIMEOUT);
}

/* Return: 0: nothing is left to be done; -EAGAIN: its bus has frozen since; or another error. */
static int npu_recovery_restart_firmware(struct npu_device *npu, const char *reason, bool thawed)
{
	int ret;

	down_write(&npu->hw_sem);
	/*
	 * Who came before has done it, if nobody asks any more. Asleep it was reset for that, and
	 * will boot when it is woken.
	 */
	if (!READ_ONCE(npu->recovery.reason) || npu_is_lost(npu) ||
	    npu->hw_state == NPU_HW_ASLEEP) {
		up_write(&npu->hw_sem);
		return 0;
	}
	if (thawed && npu->recovery.frozen) {
		up_write(&npu->hw_sem);
		return -EAGAIN;
	}
	if (atomic_inc_return(&npu->recovery.in_vain) > NPU_RESTARTS_IN_VAIN) {
		/* What follows looks whether it has come up again, and who waits frees memory. */
		npu_reset_stop(npu, reason);
		up_write(&npu->hw_sem);
		return -ELOOP;
	}
	dev_err(npu->drm.dev, "restarting the firmware: %s\n", reason);
	npu_recovery_count(npu, NPU_STEP_FIRMWARE_RESTART);
	npu_reset_stop(npu, reason);
	ret = npu_reset_start(npu);
	/*
	 * What was wrong was the bus, and the PCI core has found it out too. It tells us in a
	 * moment, and brings the device back or not: waited for as if it had told us already.
	 */
	if (ret && thawed && npu_to_pci(npu)->error_state == pci_channel_io_frozen) {
		WRITE_ONCE(npu->recovery.frozen, true);
		/* Pausing has taken it for done. */
		cmpxchg(&npu->recovery.reason, NULL, reason);
		ret = -EAGAIN;
	}
	up_write(&npu->hw_sem);
	return ret;
}

/* The ladder from the firmware's restart on: each step if the one before it did not do. */
static void npu_recovery_do_reset(struct npu_device *npu, const char *reason)
{
	struct pci_dev *pdev = npu_to_pci(npu);
	bool thawed;
	int ret;

	do {
		thawed = npu_recovery_thawed(npu);
		ret = npu_recovery_restart_firmware(npu, reason, thawed);
	} while (ret == -EAGAIN);
	if (!ret)
		return;
	/* A channel that is still frozen is not ours to reset. */
	if (pci_channel_offline(pdev) ||
	    atomic_read(&npu->recovery.in_vain) > 2 * NPU_RESTARTS_IN_VAIN) {
		npu_recovery_wedge(npu, true);
		return;
	}
	/* Who is gone does not hear of a reset of its function. */
	if (pci_device_is_present(pdev)) {
		if (ret == -ELOOP)
			dev_err(npu->drm.dev,
				"restarts of the firmware do not help, resetting the PCI function: %s\n",
				reason);
		else
			dev_err(npu->drm.dev, "that failed (%pe), resetting the PCI function\n",
				ERR_PTR(ret));
		npu_recovery_count(npu, NPU_STEP_FUNCTION_RESET);
		if (npu_recovery_pci_reset(npu, pci_try_reset_function))
			return;
	}
	if (npu_pci_may_return(pdev)) {
		dev_err(npu->drm.dev, "no good, resetting the bus, for which the kernel waits up to a minute\n");
		npu_recovery_count(npu, NPU_STEP_BUS_RESET);
		if (npu_recovery_pci_reset(npu, pci_reset_bus))
			return;
	}
	/* Unless an administrator has brought it back meanwhile. */
	npu_recovery_wedge(npu, false);
}

static void npu_recovery_reset_work(struct work_struct *work)
{
	struct npu_device *npu = container_of(work, struct npu_device, recovery.reset);
	const char *reason;

	/* What was asked for may have been done since. */
	if (!READ_ONCE(npu->recovery.reason))
		return;
	/* One that cannot be woken is in reset; its boot forgets what was asked for. */
	if (npu_pm_get(npu))
		return;
	npu_pm_wake_late(npu);
	reason = READ_ONCE(npu->recovery.reason);
	if (reason)
		npu_recovery_do_reset(npu, reason);
	npu_pm_put(npu);
}

/**
 * npu_recovery_request() - ask for a reset
 * @npu: device
 * @reason: why, a constant string
 *
 * May be called from anywhere. Requests made until a reset begins are served by it. So who finds
 * that a device that was entered does not do as told asks before npu_hw_exit(): afterwards the
 * trouble may be over, and the next firmware would be restarted for what the last one did.
 */
void npu_recovery_request(struct npu_device *npu, const char *reason)
{
	cmpxchg(&npu->recovery.reason, NULL, reason);
	/*
	 * Work that somebody else is just about to queue is pending for queue_work(), and not there
	 * yet for flush_work(): npu_recovery_wait() would not wait.
	 */
	guard(spinlock_irqsave)(&npu->recovery.request_lock);
	queue_work(npu->recovery.wq, &npu->recovery.reset);
}

/**
 * npu_recovery_wait() - wait until what was asked for is done
 * @npu: device, not entered
 *
 * Return: 0: nothing is left of what was wrong when this was called; -ENODEV: the device is lost
 * and cut off from memory.
 */
int npu_recovery_wait(struct npu_device *npu)
{
	/* The PCI core may be at it without having been asked. */
	npu_recovery_thawed(npu);
	flush_work(&npu->recovery.reset);
	return npu_is_lost(npu) ? -ENODEV : 0;
}

/* The device is entered. Asks for a reset if something is wrong with it or its firmware. */
static bool npu_watchdog_firmware(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;
	const char *wrong = NULL;
	u32 heartbeat;

	if (!npu_hw_present(npu)) {
		wrong = "the device does not answer";
	} else if (npu_read32(npu, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) {
		wrong = "firmware died";
	} else {
		npu_mbox_drain(npu);
		heartbeat = npu_read32(npu, NPU_REG_HEARTBEAT);
		if (!rec->watching || heartbeat != rec->heartbeat) {
			rec->watching = true;
			rec->heartbeat = heartbeat;
			rec->heartbeat_stamp = jiffies;
		}
		if (time_after(jiffies, rec->heartbeat_stamp + NPU_HEARTBEAT_TIMEOUT))
			wrong = "no heartbeat from the firmware";
	}
	if (wrong)
		npu_recovery_request(npu, wrong);
	return !wrong;
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

/*
 * Finds the queue that is to be stopped, if there is one; to be put. Of those that are stuck, or
 * have a job that is too old, the one that has been stuck longest.
 */
static struct npu_queue *npu_watchdog_victim(struct npu_device *npu, bool running, bool *ret_old)
{
	unsigned long max_age = msecs_to_jiffies(READ_ONCE(npu_job_max_ms));
	struct npu_queue *queue, *victim = NULL;
	unsigned long worst = 0;
	u32 i;

	npu_for_each_queue(npu, i, queue) {
		unsigned long limit = queue->timeout;
		struct npu_queue_health health;

		npu_queue_check(queue, &health);
		if (running && !health.running)
			limit += NPU_START_GRACE;
		if (!health.busy || (health.idle_for <= limit && health.age <= max_age))
			continue;
		if (victim && health.idle_for <= worst)
			continue;
		worst = health.idle_for;
		*ret_old = health.idle_for <= limit;
		if (victim)
			npu_queue_put(victim);
		victim = npu_queue_get(queue);
	}
	return victim;
}

/* What the firmware cannot mend, a reset is asked for. */
static void npu_watchdog_queues(struct npu_device *npu)
{
	struct npu_queue *queue, *victim;
	bool running, old;
	u32 i;

	running = npu_watchdog_update(npu);
	victim = npu_watchdog_victim(npu, running, &old);
	if (!victim)
		return;
	if (old)
		dev_info_ratelimited(npu->drm.dev,
				     "queue %u of %s: a job is not done within job_max_ms, stopping it\n",
				     victim->slot, victim->owner);
	else
		dev_info_ratelimited(npu->drm.dev,
				     "queue %u of %s: no progress within %u ms, stopping it\n",
				     victim->slot, victim->owner,
				     jiffies_to_msecs(victim->timeout));
	npu_recovery_count(npu, NPU_STEP_QUEUE_KILL);
	npu_queue_stop(victim, DRM_NPU_QUEUE_TIMEDOUT, -ETIMEDOUT);
	npu_queue_put(victim);
	npu_for_each_queue(npu, i, queue)
		npu_queue_excuse(queue);
}

static void npu_recovery_watchdog(struct work_struct *work)
{
	struct npu_device *npu = container_of(to_delayed_work(work), struct npu_device,
					      recovery.watchdog);
	struct npu_recovery *rec = &npu->recovery;
	bool good;

	npu_pm_hold(npu);
	/* Down: a reset will end all that is in flight, or it is being brought up. */
	if (!npu_hw_enter(npu)) {
		good = npu_watchdog_firmware(npu);
		npu_hw_exit(npu);
		if (good)
			npu_watchdog_queues(npu);
		if (READ_ONCE(npu->perf.on))
			npu_perf_wake(npu);
	}
	if (atomic_read(&rec->inflight) && !npu_is_lost(npu))
		queue_delayed_work(rec->wq, &rec->watchdog, NPU_WATCHDOG_PERIOD);
	else
		rec->watching = false;
	npu_pm_put(npu);
}

/**
 * npu_recovery_job_began() - watch, a job is on its way
 * @npu: device, held by the job
 */
void npu_recovery_job_began(struct npu_device *npu)
{
	struct npu_recovery *rec = &npu->recovery;

	if (atomic_inc_return(&rec->inflight) > 1)
		return;
	npu_pm_hold(npu);
	queue_delayed_work(rec->wq, &rec->watchdog, NPU_WATCHDOG_PERIOD);
}

/**
 * npu_recovery_job_ended() - a job ended
 * @npu: device
 * @error: how: 0 or a negative errno
 */
void npu_recovery_job_ended(struct npu_device *npu, int error)
{
	if (!error && unlikely(atomic_read(&npu->recovery.in_vain)))
		atomic_set(&npu->recovery.in_vain, 0);
	if (!atomic_dec_and_test(&npu->recovery.inflight))
		return;
	wake_up_all(&npu->recovery.idle);
	npu_pm_put(npu);
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
	spin_lock_init(&rec->request_lock);
	init_waitqueue_head(&rec->thaw);
	init_waitqueue_head(&rec->idle);
	/*
	 * Who puts the machine to sleep waits for what has been begun, and nothing is begun then.
	 */
	rec->wq = alloc_ordered_workqueue("npu-recovery", WQ_MEM_RECLAIM | WQ_FREEZABLE);
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
	npu_fwlog_fini(npu);
	/* Memory of the device must go before its driver does; queues may stay longer. */
	npu_for_each_queue(npu, i, queue)
		npu_queue_free_mem(queue);
	/* The next driver needs it as much. */
	if (npu->recovery.config)
		npu_pci_restore_config(npu);
	pci_clear_master(npu_to_pci(npu));
	up_write(&npu->hw_sem);
	wake_up_all(&npu->recovery.thaw);
	disable_delayed_work_sync(&npu->recovery.watchdog);
	disable_work_sync(&npu->recovery.reset);
}

/** struct npu_step_attribute - file in sysfs that tells how often a step was taken */
struct npu_step_attribute {
	/** @attr: the file */
	struct device_attribute attr;
	/** @step: the step */
	enum npu_recovery_step step;
};

static ssize_t npu_step_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct npu_device *npu = pci_get_drvdata(to_pci_dev(dev));
	enum npu_recovery_step step = container_of(attr, struct npu_step_attribute, attr)->step;

	return sysfs_emit(buf, "%d\n", atomic_read(&npu->recovery.steps[step]));
}

#define NPU_STEP_ATTR(name, number) \
	static struct npu_step_attribute npu_step_##name = { \
		.attr = __ATTR(name, 0444, npu_step_show, NULL), \
		.step = number, \
	}

NPU_STEP_ATTR(queue_kills, NPU_STEP_QUEUE_KILL);
NPU_STEP_ATTR(tile_resets, NPU_STEP_TILE_RESET);
NPU_STEP_ATTR(firmware_restarts, NPU_STEP_FIRMWARE_RESTART);
NPU_STEP_ATTR(function_resets, NPU_STEP_FUNCTION_RESET);
NPU_STEP_ATTR(bus_resets, NPU_STEP_BUS_RESET);
NPU_STEP_ATTR(wedged, NPU_STEP_WEDGED);
NPU_STEP_ATTR(pci_errors, NPU_STEP_PCI_ERROR);

static struct attribute *npu_step_attrs[] = {
	&npu_step_queue_kills.attr.attr,
	&npu_step_tile_resets.attr.attr,
	&npu_step_firmware_restarts.attr.attr,
	&npu_step_function_resets.attr.attr,
	&npu_step_bus_resets.attr.attr,
	&npu_step_wedged.attr.attr,
	&npu_step_pci_errors.attr.attr,
	NULL
};

/** npu_recovery_group - how often each step was taken since the driver was bound */
const struct attribute_group npu_recovery_group = {
	.name = "recovery",
	.attrs = npu_step_attrs,
};
