/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: snapshots and migration.
 *
 * When the VM stops, the device is paused in the middle of what it does (npu_power.c), and guest memory stands
 * still with it. Its state is the core's stream (npu_dev_save()), with what only this function knows of around it.
 * Guest memory, and what the device has written to it while a migration went on, is npu_dma.c's concern.
 *
 * A stream may come from anywhere. The core checks its own; here its length is only believed as far as
 * bytes come.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie_aer.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"

#include "npu.h"

/* Step in which room is made for what comes. */
#define NPU_STATE_STEP (1u << 20)

static int npu_core_put(QEMUFile *f, void *pv, size_t unused, const VMStateField *field,
			JSONWriter *vmdesc)
{
	NPUState *s = pv;
	char error[NPU_STATE_ERROR];
	uint8_t *data;
	size_t size;

	data = npu_dev_save(s->dev, &size, error);
	if (!data) {
		error_report("npu: cannot be saved: %s", error);
		return -EBUSY;
	}
	qemu_put_be64(f, size);
	qemu_put_buffer(f, data, size);
	free(data);
	return 0;
}

static int npu_core_get(QEMUFile *f, void *pv, size_t unused, const VMStateField *field)
{
	NPUState *s = pv;
	g_autofree uint8_t *data = NULL;
	char error[NPU_STATE_ERROR];
	uint64_t size = qemu_get_be64(f), done = 0;

	while (done < size) {
		size_t step = MIN(size - done, NPU_STATE_STEP);

		data = g_realloc(data, done + step);
		if (qemu_get_buffer(f, data + done, step) != step) {
			error_report("npu: the state of the device is cut off");
			return -EIO;
		}
		done += step;
	}
	npu_dev_pause(s->dev);
	if (!npu_dev_load(s->dev, data, size, error)) {
		error_report("npu: cannot be loaded: %s", error);
		return -EINVAL;
	}
	return 0;
}

static const VMStateInfo npu_core_info = {
	.name = "npu-core",
	.get = npu_core_get,
	.put = npu_core_put,
};

const VMStateDescription npu_vmstate = {
	.name = TYPE_NPU,
	.version_id = 1,
	.minimum_version_id = 1,
	.fields = (const VMStateField[]) {
		VMSTATE_PCI_DEVICE(parent_obj, NPUState),
		VMSTATE_STRUCT(parent_obj.exp.aer_log, NPUState, 0, vmstate_pcie_aer_log, PCIEAERLog),
		VMSTATE_MSIX(parent_obj, NPUState),
		VMSTATE_UINT32(irqs, NPUState),
		VMSTATE_UINT32(bus_events, NPUState),
		VMSTATE_BOOL(pulled_out, NPUState),
		{
			.name = "core",
			.info = &npu_core_info,
			.flags = VMS_SINGLE,
		},
		VMSTATE_END_OF_LIST()
	}
};
