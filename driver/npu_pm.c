// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep: the machine's, and the device's own while nobody needs it.
 *
 * Both are a reset that is long: the device is stopped, and when it is needed again the firmware
 * is booted and queues are served as after any other reset, in npu_reset.c. Nothing is saved, as
 * nothing that counts is on the device alone: page tables, rings and counters are in memory, cap
 * and operating point are npu_dvfs.c's. In between the device is asleep (NPU_HW_ASLEEP): it
 * reaches no memory, has no translations, raises no interrupt, and nobody touches its registers.
 *
 * The machine's sleep waits some time for jobs in flight. Those that have begun by then are lost
 * and say so (INNOCENT); those that wait for their turn are run afterwards, by queues that notice
 * nothing. The recovery worker is frozen with user space, so neither of the two finds the other
 * half-way. A device whose bus is being recovered is not put to sleep, nor is the machine then.
 *
 * The device's own (runtime PM) begins when it has been idle for some time, if an administrator
 * allows it in power/control. Who needs the device awake holds it: a job from before it is made
 * until it is freed, and while it is in flight; a performance stream while it is open; who asks
 * the firmware for something until it has answered. What can be done without waking it is:
 * binding, ending a queue, the shrinker, sensors.
 *
 * Rejected: leaving the firmware as it is in D3hot, which loses nothing. Whether power was lost
 * after all (D3cold, a machine that slept meanwhile) would have to be found out, and the way that
 * is rarely taken is the one with the bugs. Booting takes a moment; the delay before sleep
 * outweighs it.
 *
 * Rejected: sleep without being asked. Tools map the registers from sysfs, and a first job that
 * takes longer for the boot is the administrator's trade to make.
 */
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "npu_dvfs.h"
#include "npu_hw.h"
#include "npu_pci_error.h"
#include "npu_pm.h"
#include "npu_reset.h"

/* Idle for so long, the device may sleep; power/autosuspend_delay_ms changes it. */
#define NPU_AUTOSUSPEND_MS 2000
/* What jobs in flight get to end before the machine sleeps. */
#define NPU_SLEEP_GRACE (2 * HZ)

/**
 * npu_pm_get() - wake the device, and keep it awake
 * @npu: device, not entered
 *
 * To be ended with npu_pm_put(), unless it fails. May sleep. That the device could be booted is not
 * said: if not, recovery sees to it, as after any reset.
 *
 * Return: 0; -EIO: it sleeps and cannot be woken; -ENODEV: it is lost.
 */
int npu_pm_get(struct npu_device *npu)
{
	if (npu_is_lost(npu))
		return -ENODEV;
	return pm_runtime_resume_and_get(npu->drm.dev) < 0 ? -EIO : 0;
}

/**
 * npu_pm_hold() - keep a device awake that is, or asleep
 * @npu: device
 *
 * To be ended with npu_pm_put(). May be called from anywhere.
 */
void npu_pm_hold(struct npu_device *npu)
{
	pm_runtime_get_noresume(npu->drm.dev);
}

/**
 * npu_pm_put() - have no need of the device any more
 * @npu: device that is held; it may sleep from now on, when some time has passed
 *
 * May be called from anywhere.
 */
void npu_pm_put(struct npu_device *npu)
{
	pm_runtime_mark_last_busy(npu->drm.dev);
	pm_runtime_put_autosuspend(npu->drm.dev);
}

/**
 * npu_pm_begin() - let a device sleep that is ready for use
 * @npu: device, held by who probes it
 */
void npu_pm_begin(struct npu_device *npu)
{
	pm_runtime_set_autosuspend_delay(npu->drm.dev, NPU_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(npu->drm.dev);
	npu_pm_put(npu);
}

/**
 * npu_pm_end() - take npu_pm_begin() back
 * @npu: device that is about to be removed, and was woken for it
 */
void npu_pm_end(struct npu_device *npu)
{
	npu_pm_hold(npu);
	pm_runtime_dont_use_autosuspend(npu->drm.dev);
}

static int npu_pm_sleep(struct npu_device *npu, const char *reason, unsigned long grace)
{
	guard(rwsem_write)(&npu->hw_sem);
	/* Lost: there is nothing to be stopped. Asleep: the machine falls asleep over it. */
	if (npu_is_lost(npu) || npu->hw_state == NPU_HW_ASLEEP)
		return 0;
	if (npu->hw_state == NPU_HW_DOWN)
		return -EBUSY;
	npu_reset_drain(npu, grace);
	npu_dvfs_rest(npu);
	npu_reset_pause(npu, reason);
	pci_clear_master(npu_to_pci(npu));
	/* A handler would read registers that are not there. */
	npu_irq_disable_events(npu);
	WRITE_ONCE(npu->hw_state, NPU_HW_ASLEEP);
	return 0;
}

/* &npu_device.hw_sem is held for writing. Return: 0 or a negative errno. */
static int npu_pm_boot(struct npu_device *npu, bool quiet)
{
	int ret;

	npu_pci_restore_config(npu);
	npu_irq_enable_events(npu);
	WRITE_ONCE(npu->hw_state, NPU_HW_DOWN);
	if (npu_to_pci(npu)->error_state == pci_channel_io_frozen) {
		/* Its bus had an error in its sleep: resume() boots it. */
		WRITE_ONCE(npu->recovery.frozen, true);
		return -EIO;
	}
	/* Where it has been meanwhile, and who had it, nobody says. */
	ret = npu_hw_reset(npu);
	npu->fw.quiet = quiet;
	if (!ret)
		ret = npu_reset_start(npu);
	npu->fw.quiet = false;
	return ret;
}

static void npu_pm_wake(struct npu_device *npu, bool quiet)
{
	int ret = 0;

	if (!npu_hw_try_lock(npu)) {
		npu_recovery_request(npu, "it was being reset when it was to be woken");
		return;
	}
	if (npu->hw_state == NPU_HW_ASLEEP)
		ret = npu_pm_boot(npu, quiet);
	if (ret)
		npu_recovery_request(npu, "the device did not come back from sleep");
	up_write(&npu->hw_sem);
}

/**
 * npu_pm_wake_late() - boot a device that is held and yet asleep
 * @npu: device that the caller holds
 *
 * It could not be when it was to be woken, as somebody else was resetting it. May sleep.
 */
void npu_pm_wake_late(struct npu_device *npu)
{
	if (READ_ONCE(npu->hw_state) == NPU_HW_ASLEEP)
		npu_pm_wake(npu, true);
}

/* Waking is never an error, after which nobody would try again: recovery is what is called for. */
static int npu_pm_suspend(struct device *dev)
{
	return npu_pm_sleep(dev_get_drvdata(dev), "the machine goes to sleep", NPU_SLEEP_GRACE);
}

static int npu_pm_resume(struct device *dev)
{
	npu_pm_wake(dev_get_drvdata(dev), false);
	return 0;
}

static int npu_pm_runtime_suspend(struct device *dev)
{
	return npu_pm_sleep(dev_get_drvdata(dev), "idle", 0);
}

static int npu_pm_runtime_resume(struct device *dev)
{
	npu_pm_wake(dev_get_drvdata(dev), true);
	return 0;
}

const struct dev_pm_ops npu_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(npu_pm_suspend, npu_pm_resume)
	RUNTIME_PM_OPS(npu_pm_runtime_suspend, npu_pm_runtime_resume, NULL)
};
