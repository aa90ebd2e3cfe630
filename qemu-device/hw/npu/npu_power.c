/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: when the device runs, and when it stands still.
 *
 * It runs while the VM does and the function is in D0. In D3hot it keeps all that it knows and does nothing: the
 * core is paused in the middle of what it did, so no memory is read or written and no timer fires; BARs are not
 * decoded, which is QEMU's doing; and messages, interrupts as those of errors, wait for D0. What comes from
 * outside of the function (a card that is pulled out, a reset of the bus) takes effect as ever.
 *
 * The power state is where the guest has put it, in configuration space, and is saved and loaded with that.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "hw/qdev-core.h"
#include "system/runstate.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

bool npu_is_asleep(NPUState *s)
{
	PCIDevice *pdev = PCI_DEVICE(s);

	return pci_get_word(pdev->config + pdev->pm_cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
}

void npu_power_update(NPUState *s)
{
	bool run = s->vm_runs && !npu_is_asleep(s);

	if (run == s->runs) {
		return;
	}
	s->runs = run;
	trace_npu_running(run);
	if (run) {
		npu_irq_enter(s);
		npu_dev_resume(s->dev);
		npu_irq_leave(s);
		npu_bus_deliver(s);
	} else {
		npu_dev_pause(s->dev);
	}
	/* A VM that has stopped still gets what was raised: its memory is about to be saved. */
	npu_irq_deliver(s);
}

static void npu_vm_state(void *opaque, bool running, RunState state)
{
	NPUState *s = opaque;

	s->vm_runs = running;
	npu_power_update(s);
	if (!running) {
		npu_dma_mark_written(s);
	}
}

void npu_power_init(NPUState *s)
{
	s->vm_runs = runstate_is_running();
	s->runs = s->vm_runs;
	/* Plugged into a VM that stands still, or waits for what is to be loaded. */
	if (!s->runs) {
		npu_dev_pause(s->dev);
	}
	s->vm_state = qdev_add_vm_change_state_handler(DEVICE(s), npu_vm_state, s);
}

void npu_power_exit(NPUState *s)
{
	qemu_del_vm_change_state_handler(s->vm_state);
	s->vm_state = NULL;
}
