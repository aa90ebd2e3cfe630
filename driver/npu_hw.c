// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware as a whole: identity, who may touch it when, reset and start.
 *
 * Register accesses are guarded by a semaphore of the driver's own and not by
 * drm_dev_enter(): a reset must keep everybody out as well as a removal must,
 * and one lock for both leaves no gap between them. Interrupt handlers need no
 * guard, they are freed before the registers are unmapped; the doorbell of a
 * queue is guarded by the queue's lock.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/iopoll.h>

#include "npu_firmware.h"
#include "npu_hw.h"

/* A reset stops engines at the next instruction or burst. */
#define NPU_RESET_TIMEOUT_US (2 * USEC_PER_SEC)
/* For a reset that is under way; that of a bus may take longer. */
#define NPU_TRY_LOCK_TIMEOUT (10 * HZ)

/**
 * npu_hw_probe() - find out what the device is
 * @npu: device with its registers mapped
 *
 * Fills &npu_device.caps.
 *
 * Return: 0, or -ENODEV with a message if the device is not one that this driver can drive.
 */
int npu_hw_probe(struct npu_device *npu)
{
	struct npu_caps *caps = &npu->caps;
	struct device *dev = npu->drm.dev;
	u32 id, caps0, kib;

	id = npu_read32(npu, NPU_REG_ID);
	if (id == NPU_ALL_ONES)
		return dev_err_probe(dev, -ENODEV,
				     "registers read all ones: the device does not answer; rescan the bus or power it on\n");
	if (id != NPU_ID_MAGIC)
		return dev_err_probe(dev, -ENODEV,
				     "identity register reads %#x, not %#x: no NPU, or its register BAR is wrong\n",
				     id, NPU_ID_MAGIC);

	caps->hw_version = npu_read32(npu, NPU_REG_HW_VERSION);
	if (caps->hw_version >> 16 != NPU_HW_VERSION_MAJOR)
		return dev_err_probe(dev, -ENODEV,
				     "hardware contract %u.%u, this driver speaks %u.x: use the driver that came with the device\n",
				     caps->hw_version >> 16, caps->hw_version & 0xffff,
				     NPU_HW_VERSION_MAJOR);

	caps0 = npu_read32(npu, NPU_REG_CAPS0);
	caps->chiplets = FIELD_GET(NPU_CAPS0_CHIPLETS, caps0);
	caps->tiles_per_chiplet = FIELD_GET(NPU_CAPS0_TILES_PER_CHIPLET, caps0);
	caps->queues = FIELD_GET(NPU_CAPS0_QUEUES, caps0);
	kib = FIELD_GET(NPU_CAPS1_SRAM_KIB, npu_read32(npu, NPU_REG_CAPS1));
	caps->spaces = FIELD_GET(NPU_CAPS2_AS, npu_read32(npu, NPU_REG_CAPS2));
	caps->clock_khz = npu_read32(npu, NPU_REG_CLOCK_KHZ);
	caps->features = npu_read32(npu, NPU_REG_FEATURES_LO) |
			 (u64)npu_read32(npu, NPU_REG_FEATURES_HI) << 32;

	if (caps->features & NPU_FEATURE_THERMOMETER)
		caps->temp_crit = (s32)npu_read32(npu, NPU_REG_TEMP_CRIT);

	/* The limits size arrays here: who claims more is not believed, nor who has none. */
	if (!caps->queues || caps->queues > NPU_MAX_QUEUES || caps->spaces < 2 ||
	    caps->spaces > NPU_MAX_AS || !kib || kib > U32_MAX / 1024 || !caps->chiplets ||
	    !caps->tiles_per_chiplet || !caps->clock_khz ||
	    caps->chiplets * caps->tiles_per_chiplet > NPU_MAX_TILES)
		return dev_err_probe(dev, -ENODEV,
				     "capabilities out of range: %u queues, %u address spaces, %u x %u tiles, %u KiB, %u kHz: the device is broken\n",
				     caps->queues, caps->spaces, caps->chiplets,
				     caps->tiles_per_chiplet, kib, caps->clock_khz);
	caps->sram_size = kib * 1024;
	return 0;
}

/**
 * npu_hw_enter() - start using the hardware
 * @npu: device
 *
 * Waits for a reset that is under way. To be ended with npu_hw_exit(). May sleep.
 *
 * Return: 0; -EIO: the device is down, a recovery is due or being tried, or it is asleep, which
 * who holds it need not expect; -ENODEV: it is lost. After an error the device reaches no memory
 * of ours, so there is nothing to be undone on it.
 */
int npu_hw_enter(struct npu_device *npu)
{
	down_read(&npu->hw_sem);
	if (likely(npu->hw_state == NPU_HW_UP))
		return 0;
	up_read(&npu->hw_sem);
	return npu_is_lost(npu) ? -ENODEV : -EIO;
}

/**
 * npu_hw_enter_asleep() - npu_hw_enter(), or else keep a device asleep that is
 * @npu: device
 * @awake: result: it was entered
 *
 * Return: 0, -EIO, -ENODEV, as npu_hw_enter().
 */
int npu_hw_enter_asleep(struct npu_device *npu, bool *awake)
{
	down_read(&npu->hw_sem);
	*awake = npu->hw_state == NPU_HW_UP;
	if (*awake || npu->hw_state == NPU_HW_ASLEEP)
		return 0;
	up_read(&npu->hw_sem);
	return npu_is_lost(npu) ? -ENODEV : -EIO;
}

/**
 * npu_hw_exit() - end what npu_hw_enter() or npu_hw_enter_asleep() started
 * @npu: device
 */
void npu_hw_exit(struct npu_device *npu)
{
	up_read(&npu->hw_sem);
}

/**
 * npu_hw_try_lock() - take &npu_device.hw_sem for writing where the PCI core calls
 * @npu: device
 *
 * The core handles errors of a bus with its buses locked, and wakes devices so; a reset of the bus,
 * which its caller holds the semaphore over, locks them too. So it is tried and not waited for. May
 * sleep. To be ended with up_write().
 *
 * Return: false if somebody resets the device for longer than that, whose work it then is.
 */
bool npu_hw_try_lock(struct npu_device *npu)
{
	const unsigned long end = jiffies + NPU_TRY_LOCK_TIMEOUT;

	while (!down_write_trylock(&npu->hw_sem)) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(500, 1000);
	}
	return true;
}

/**
 * npu_hw_reset() - stop the device and make it forget everything
 * @npu: device, &npu_device.hw_sem held for writing or nobody else around yet
 *
 * Registers are left alone while the bus is frozen by an error. Not every bus stops a device
 * then: it may no more write by itself, if it still hears that.
 *
 * Return: 0, -ENODEV: nobody answers, -ETIMEDOUT: it did not come out of reset. In the error
 * cases it is cut off from memory.
 */
int npu_hw_reset(struct npu_device *npu)
{
	u32 status;
	int ret;

	if (pci_channel_offline(npu_to_pci(npu))) {
		pci_clear_master(npu_to_pci(npu));
		return -ENODEV;
	}
	npu_write32(npu, NPU_REG_RESET, NPU_RESET_KEY);
	ret = read_poll_timeout(npu_read32, status,
				!(status & NPU_STATUS_RESET_BUSY) || status == NPU_ALL_ONES, 50,
				NPU_RESET_TIMEOUT_US, false, npu, NPU_REG_STATUS);
	if (!ret && status != NPU_ALL_ONES)
		return 0;
	pci_clear_master(npu_to_pci(npu));
	return status == NPU_ALL_ONES ? -ENODEV : ret;
}

/**
 * npu_hw_start() - bring up a device that comes from reset
 * @npu: device, &npu_device.hw_sem held for writing or nobody else around yet
 *
 * Return: 0 with the firmware ready, or a negative errno after a message.
 */
int npu_hw_start(struct npu_device *npu)
{
	int ret;

	npu_write64(npu, NPU_REG_AS_TABLE_LO, npu->mmu.table_dma);
	npu_write64(npu, NPU_REG_QUEUE_TABLE_LO, npu->queue_table_dma);
	npu_mbox_reset(npu);
	/* Whatever was asked for until now was asked of the firmware before this. */
	WRITE_ONCE(npu->recovery.reason, NULL);
	npu_write64(npu, NPU_REG_MBOX_BASE_LO, npu->mbox.dma);
	npu_write32(npu, NPU_REG_IRQ_STATUS, NPU_IRQ_ALL);
	npu_write32(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
	ret = npu_fw_boot(npu);
	if (!ret)
		npu_fwlog_start(npu);
	return ret;
}

/**
 * npu_hw_report() - say what the hardware has found out about itself
 * @npu: device; called by the event interrupt's thread
 * @events: NPU_IRQ_*
 */
void npu_hw_report(struct npu_device *npu, u32 events)
{
	struct device *dev = npu->drm.dev;
	u32 last, status;

	if (events & NPU_IRQ_ECC) {
		last = npu_read32(npu, NPU_REG_ECC_LAST);
		/* A reset has come in between, or nobody answers. */
		if (!(last & NPU_ECC_LAST_VALID) || last == NPU_ALL_ONES)
			return;
		if (last & NPU_ECC_LAST_UNCORRECTED)
			dev_err_ratelimited(dev, "memory error in core %#x, data is lost (%u so far)\n",
					    FIELD_GET(NPU_ECC_LAST_CORE, last),
					    npu_read32(npu, NPU_REG_ECC_UNCORRECTED));
		else
			dev_info_ratelimited(dev, "memory error in core %#x, corrected (%u so far)\n",
					     FIELD_GET(NPU_ECC_LAST_CORE, last),
					     npu_read32(npu, NPU_REG_ECC_CORRECTED));
	}
	if (events & NPU_IRQ_THERMAL) {
		status = npu_read32(npu, NPU_REG_STATUS);
		if (status == NPU_ALL_ONES)
			return;
		if (status & NPU_STATUS_THROTTLED)
			dev_warn_ratelimited(dev, "too hot: tiles run slowly until it has cooled\n");
		else
			dev_info_ratelimited(dev, "cool again: tiles run as fast as they were\n");
	}
}
