// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the PCI core does about errors and resets, and what the driver does then.
 *
 * Resets of function or bus, the driver's own and an administrator's, come
 * through reset_prepare() and reset_done(), with the device kept from everybody
 * in between. One that is wedged is given another chance by that.
 *
 * Errors that the bus reports (AER, DPC) come as error_detected(). A non-fatal one
 * has cost a transaction: whose it was fails by itself, as the device reports bus
 * errors by job, so work goes on if the device still answers as it should. After a fatal
 * one the channel is frozen: no register is touched, jobs are collected, and the reset worker waits
 * for slot_reset() and resume(), for so long as it takes them at most.
 *
 * Rejected: keeping the semaphore from error_detected() to resume(). Another
 * device on the bus can spoil the recovery, and older kernels then call nobody.
 *
 * A device that is asleep has nothing to lose, and is left so: what comes of its bus it meets
 * when it is woken.
 *
 * Configuration space is restored from a copy of the time when the driver was
 * bound where the core has none: what it saves of a device that does not answer is all ones.
 *
 * Rejected: looking in reset_prepare() whether the device answers. It may stop to
 * between that and what the core saves then. What was restored can be looked at.
 */
#include "npu_hw.h"
#include "npu_pci_error.h"
#include "npu_reset.h"

static void npu_pci_free_config(void *config)
{
	kfree(config);
}

/**
 * npu_pci_save_config() - keep a copy of configuration space, for when the device has lost it
 * @npu: device, enabled and with its interrupts set up
 *
 * Return: 0 or -ENOMEM.
 */
int npu_pci_save_config(struct npu_device *npu)
{
	struct pci_dev *pdev = npu_to_pci(npu);
	u32 i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * i, &npu->recovery.bars[i]);
	pci_save_state(pdev);
	npu->recovery.config = pci_store_saved_state(pdev);
	if (!npu->recovery.config)
		return -ENOMEM;
	return devm_add_action_or_reset(&pdev->dev, npu_pci_free_config, npu->recovery.config);
}

/*
 * Not after a reset, which leaves zeros; nor with all ones in what the core goes by. What of its
 * copy comes after that, and is ones alone, is not seen: registers of AER, and of no use to us.
 */
static bool npu_pci_config_is_good(struct npu_device *npu)
{
	struct pci_dev *pdev = npu_to_pci(npu);
	u16 command, control, msix = PCI_MSIX_FLAGS_ENABLE;
	u32 bar, i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * i, &bar);
		if (bar != npu->recovery.bars[i])
			return false;
	}
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	/* there is no payload of more */
	pcie_capability_read_word(pdev, PCI_EXP_DEVCTL, &control);
	if (pdev->msix_enabled)
		pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &msix);
	return (command & PCI_COMMAND_MEMORY) && (msix & PCI_MSIX_FLAGS_ENABLE) &&
	       (control & PCI_EXP_DEVCTL_PAYLOAD) <= PCI_EXP_DEVCTL_PAYLOAD_4096B;
}

/**
 * npu_pci_restore_config() - give a function its configuration back that a reset has taken
 * @npu: device, nobody else around
 *
 * Nothing if it has not lost it, or does not answer yet.
 */
void npu_pci_restore_config(struct npu_device *npu)
{
	struct pci_dev *pdev = npu_to_pci(npu);

	if (!pci_device_is_present(pdev) || npu_pci_config_is_good(npu))
		return;
	pci_load_saved_state(pdev, npu->recovery.config);
	pci_restore_state(pdev);
}

/**
 * npu_pci_may_return() - tell whether a reset of the bus can bring a device back
 * @pdev: its function
 *
 * Return: false if the slot is empty, or the link says that nobody is there.
 */
bool npu_pci_may_return(struct pci_dev *pdev)
{
	struct pci_dev *port = pci_upstream_bridge(pdev);
	u32 caps;
	u16 status;

	if (!port || pci_dev_is_disconnected(pdev))
		return false;
	pcie_capability_read_dword(port, PCI_EXP_LNKCAP, &caps);
	pcie_capability_read_word(port, PCI_EXP_LNKSTA, &status);
	if ((caps & PCI_EXP_LNKCAP_DLLLARC) && !(status & PCI_EXP_LNKSTA_DLLLA))
		return false;
	if (!(pcie_caps_reg(port) & PCI_EXP_FLAGS_SLOT))
		return true;
	pcie_capability_read_word(port, PCI_EXP_SLTSTA, &status);
	return status & PCI_EXP_SLTSTA_PDS;
}

static void npu_pci_reset_prepare(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);

	/* Released when the reset is done; nobody gets at the device in between. */
	down_write(&npu->hw_sem);
	if (!npu_is_lost(npu) && npu->hw_state != NPU_HW_ASLEEP)
		npu_reset_stop(npu, "reset of the PCI function");
}

static void npu_pci_reset_done(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);
	bool was_lost = npu_is_lost(npu);
	int ret = 0;

	if (npu->hw_state != NPU_HW_GONE && npu->hw_state != NPU_HW_ASLEEP) {
		npu_pci_restore_config(npu);
		ret = npu_reset_start(npu);
		if (!ret && was_lost) {
			atomic_set(&npu->recovery.in_vain, 0);
			dev_info(&pdev->dev, "reset has brought the wedged device back\n");
		}
	}
	if (ret && !was_lost)
		npu_recovery_request(npu, "the device did not come back from a reset");
	up_write(&npu->hw_sem);
}

/* The channel is frozen, or the device no more itself: what follows decides. */
static void npu_pci_freeze(struct npu_device *npu)
{
	/* Who waits for a reply has the semaphore. */
	npu_mbox_set_dead(npu);
	if (npu_hw_try_lock(npu)) {
		if (npu->hw_state == NPU_HW_ASLEEP) {
			up_write(&npu->hw_sem);
			return;
		}
		if (!npu_is_lost(npu))
			npu_reset_stop(npu, "an error of the bus");
		WRITE_ONCE(npu->recovery.frozen, true);
		up_write(&npu->hw_sem);
	}
	/* It waits for resume(), and helps itself if that does not come. */
	if (!npu_is_lost(npu))
		npu_recovery_request(npu, "the bus did not recover");
}

static pci_ers_result_t npu_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct npu_device *npu = pci_get_drvdata(pdev);

	npu_recovery_count(npu, NPU_STEP_PCI_ERROR);
	if (state == pci_channel_io_normal) {
		dev_warn(&pdev->dev, "the bus has reported an error, going on\n");
		return PCI_ERS_RESULT_CAN_RECOVER;
	}
	if (state == pci_channel_io_frozen) {
		dev_err(&pdev->dev, "the bus has reported a fatal error, waiting for its reset\n");
		npu_pci_freeze(npu);
		return PCI_ERS_RESULT_NEED_RESET;
	}
	dev_err(&pdev->dev, "the bus has given the device up\n");
	/* The worker wedges it: nothing can be tried any more. */
	npu_mbox_set_dead(npu);
	npu_recovery_request(npu, "the bus has given the device up");
	npu_recovery_thaw(npu);
	return PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t npu_pci_mmio_enabled(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);
	bool good;

	/* Being reset, or down: that is somebody else's work already. */
	if (!down_read_trylock(&npu->hw_sem))
		return PCI_ERS_RESULT_RECOVERED;
	good = npu->hw_state != NPU_HW_UP ||
	       (npu_hw_present(npu) && !(npu_read32(npu, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD));
	npu_hw_exit(npu);
	if (good)
		return PCI_ERS_RESULT_RECOVERED;
	npu_pci_freeze(npu);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t npu_pci_slot_reset(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);
	int ret;

	if (!npu_hw_try_lock(npu))
		return PCI_ERS_RESULT_RECOVERED;
	if (npu->hw_state == NPU_HW_ASLEEP) {
		up_write(&npu->hw_sem);
		return PCI_ERS_RESULT_RECOVERED;
	}
	/* Another function's error: nobody asked us. */
	if (npu->hw_state == NPU_HW_UP)
		npu_reset_stop(npu, "reset of the slot");
	WRITE_ONCE(npu->recovery.frozen, true);
	/* As above: not every kernel calls somebody when it comes to nothing. */
	npu_recovery_request(npu, "the bus did not recover");
	npu_pci_restore_config(npu);
	/* Not every kernel has reset anything when it calls this after a non-fatal error. */
	ret = npu_hw_present(npu) ? npu_hw_reset(npu) : -ENODEV;
	up_write(&npu->hw_sem);
	if (!ret)
		return PCI_ERS_RESULT_RECOVERED;
	dev_err(&pdev->dev, "the device does not answer after a reset of its bus\n");
	return PCI_ERS_RESULT_DISCONNECT;
}

static void npu_pci_resume(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);
	int ret = 0;

	if (!npu_hw_try_lock(npu)) {
		npu_recovery_request(npu, "the bus was reset in another reset");
		npu_recovery_thaw(npu);
		return;
	}
	if (npu->recovery.frozen && npu->hw_state != NPU_HW_GONE) {
		ret = npu_reset_start(npu);
		if (!ret)
			dev_info(&pdev->dev, "works again after a reset of its bus\n");
	}
	if (ret && !npu_is_lost(npu))
		npu_recovery_request(npu, "the device did not come back from a reset of its bus");
	npu_recovery_thaw(npu);
	up_write(&npu->hw_sem);
}

const struct pci_error_handlers npu_pci_error_handlers = {
	.error_detected = npu_pci_error_detected,
	.mmio_enabled = npu_pci_mmio_enabled,
	.slot_reset = npu_pci_slot_reset,
	.resume = npu_pci_resume,
	.reset_prepare = npu_pci_reset_prepare,
	.reset_done = npu_pci_reset_done,
};
