/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: faults on demand, from QMP; and what a bus sees of faults, wherever they were asked for.
 *
 *   { "execute": "npu-inject-fault", "arguments": { "id": "npu0", "fault": "hung-tile", "target": 2 } }
 *
 * The core knows nothing of a bus. It tells us of errors, which go to AER, and that the
 * link has changed, from any thread; a bottom half does what needs the BQL:
 *  - behind a dead link BAR4 too reads all ones (BAR0 and configuration space ask the core);
 *  - a slow link shows in the link's status;
 *  - a card that was pulled out is missed by its slot, which tells the guest: presence and link are
 *    gone, with the event for the first. The device stays with QEMU as the card stays on the table:
 *    clearing the fault puts it back, and device_del takes it for good.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-npu.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/qdev-core.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

/* The enum of npu.json is the table of npu_fault.h without the 0. */
#define NPU_FAULT_SAME(symbol, number, name, target, description) \
	QEMU_BUILD_BUG_ON((int)NPU_FAULT_KIND_##symbol != (number) - 1);
NPU_FAULT_TABLE(NPU_FAULT_SAME)
QEMU_BUILD_BUG_ON((int)NPU_FAULT_KIND__MAX != NPU_FAULT_COUNT - 1);

/* ---- what the bus sees ---- */

/* The slot that the device is in, if it can tell of hot-plug itself (and ACPI does not); or NULL. */
static PCIDevice *npu_slot(NPUState *s)
{
	PCIBus *bus = pci_get_bus(PCI_DEVICE(s));
	PCIDevice *port = pci_bus_is_root(bus) ? NULL : pci_bridge_get_device(bus);

	if (!port || !pci_is_express(port) ||
	    !(pci_get_word(port->config + port->exp.exp_cap + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_SLOT)) {
		return NULL;
	}
	return OBJECT(qdev_get_bus_hotplug_handler(DEVICE(s))) == OBJECT(port) ? port : NULL;
}

/*
 * Presence and link of the slot, with the event for a change of presence, as a connector's pins make it.
 * QEMU's ports have no event for the link: a guest could not clear it, and would try for ever.
 */
static void npu_slot_set(PCIDevice *port, bool present)
{
	uint8_t *exp = port->config + port->exp.exp_cap;
	uint16_t control = pci_get_word(exp + PCI_EXP_SLTCTL);
	uint16_t status = pci_get_word(exp + PCI_EXP_SLTSTA);

	if (present) {
		pci_word_test_and_set_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);
		pci_word_test_and_set_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
	} else {
		pci_word_test_and_clear_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);
		pci_word_test_and_clear_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
	}
	pci_word_test_and_set_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC);
	/*
	 * QEMU has no function to say just that; this one ends with it. Told that the guest has written to
	 * Slot Control what was there already, it does nothing else but note a completed command.
	 */
	pcie_cap_slot_write_config(port, control, status, port->exp.exp_cap + PCI_EXP_SLTCTL, control,
				   2);
}

static void npu_update_link_status(NPUState *s)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	struct npu_fault_spec spec;
	uint64_t hits;

	if (!pdev->exp.exp_cap) {
		return;
	}
	/* A link that has trained down to the first generation says so. */
	pci_set_word(pdev->config + pdev->exp.exp_cap + PCI_EXP_LNKSTA,
		     npu_dev_fault_get(s->dev, NPU_FAULT_SLOW_LINK, &spec, &hits) ?
			     (s->link_status & ~PCI_EXP_LNKSTA_CLS) | PCI_EXP_LNKSTA_CLS_2_5GB :
			     s->link_status);
}

static void npu_update_link(NPUState *s)
{
	struct npu_fault_spec spec;
	uint64_t hits;
	bool out = npu_dev_fault_get(s->dev, NPU_FAULT_SURPRISE_REMOVAL, &spec, &hits);
	PCIDevice *port = npu_slot(s);

	memory_region_set_enabled(&s->dead, npu_dev_link_dead(s->dev));
	npu_update_link_status(s);
	if (out == s->pulled_out) {
		return;
	}
	s->pulled_out = out;
	trace_npu_removal(out);
	if (!out) {
		pci_device_reset(PCI_DEVICE(s)); /* power-on */
		npu_power_update(s);
	}
	if (port) {
		npu_slot_set(port, !out);
	}
}

static void npu_report_error(NPUState *s, bool corrected)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	PCIEAERErr error = {
		.status = corrected ? PCI_ERR_COR_INTERNAL : PCI_ERR_UNC_INTN,
		.source_id = pci_requester_id(pdev),
		.flags = corrected ? PCIE_AER_ERR_IS_CORRECTABLE : 0,
	};

	if (pdev->exp.aer_cap) {
		pcie_aer_inject_error(pdev, &error);
	}
}

static void npu_bus_bh(void *opaque)
{
	NPUState *s = opaque;
	uint32_t events = qatomic_xchg(&s->bus_events, 0);

	if (!s->dev) {
		return;
	}
	if (events & NPU_BUS_LINK) {
		npu_update_link(s);
	}
	events &= ~NPU_BUS_LINK;
	if (npu_dev_link_dead(s->dev)) {
		return; /* no way for messages */
	}
	if (npu_is_asleep(s)) {
		qatomic_or(&s->bus_events, events);
		return;
	}
	if (events & NPU_BUS_CORRECTABLE) {
		npu_report_error(s, true);
	}
	if (events & NPU_BUS_UNCORRECTABLE) {
		npu_report_error(s, false);
	}
}

void npu_bus_event(NPUState *s, uint32_t events)
{
	qatomic_or(&s->bus_events, events);
	qemu_bh_schedule(s->bus_bh);
}

void npu_bus_deliver(NPUState *s)
{
	if (qatomic_read(&s->bus_events)) {
		qemu_bh_schedule(s->bus_bh);
	}
}

static uint64_t npu_dead_read(void *opaque, hwaddr addr, unsigned int size)
{
	return UINT64_MAX;
}

static void npu_dead_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size)
{
}

static const MemoryRegionOps npu_dead_ops = {
	.read = npu_dead_read,
	.write = npu_dead_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 1, .max_access_size = 8 },
	.impl = { .min_access_size = 1, .max_access_size = 8 },
};

void npu_fault_init(NPUState *s)
{
	PCIDevice *pdev = PCI_DEVICE(s);

	/* Over the table of BAR4, which is not the core's. */
	memory_region_init_io(&s->dead, OBJECT(s), &npu_dead_ops, s, "npu-dead",
			      memory_region_size(&s->msix));
	memory_region_set_enabled(&s->dead, false);
	memory_region_add_subregion_overlap(&s->msix, 0, &s->dead, 10);
	s->bus_bh = qemu_bh_new_guarded(npu_bus_bh, s, &DEVICE(s)->mem_reentrancy_guard);
	s->link_status = pci_get_word(pdev->config + pdev->exp.exp_cap + PCI_EXP_LNKSTA);
}

void npu_fault_exit(NPUState *s)
{
	qemu_bh_delete(s->bus_bh);
	s->bus_bh = NULL;
	memory_region_del_subregion(&s->msix, &s->dead);
}

/* ---- QMP ---- */

static NPUState *npu_find(const char *id, Error **errp)
{
	bool ambiguous = false;
	Object *obj = object_resolve_path_type(id, TYPE_NPU, &ambiguous);
	NPUState *s = obj ? NPU(obj) : NULL;

	if (!s || !s->dev) {
		error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "%s '%s'; info qom-tree shows those there are",
			  ambiguous ? "more than one NPU is called" : "there is no NPU", id);
		return NULL;
	}
	return s;
}

/* A device that is not in a slot cannot be pulled out of it. */
static bool npu_can_be_pulled(NPUState *s, Error **errp)
{
	if (npu_slot(s)) {
		return true;
	}
	error_setg(errp, "npu: surprise removal needs a slot with native hot-plug: put the device behind "
			 "a pcie-root-port, and on q35 add "
			 "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
	return false;
}

void qmp_npu_inject_fault(const char *id, NpuFaultKind fault, bool has_target, uint32_t target,
			  bool has_count, uint32_t count, bool has_after, uint32_t after,
			  bool has_arg, uint64_t arg, bool has_size, uint64_t size,
			  bool has_persist, bool persist, Error **errp)
{
	NPUState *s = npu_find(id, errp);
	struct npu_fault_spec spec = {
		.fault = fault + 1,
		.target = has_target ? target : NPU_FAULT_ANY,
		.count = has_count ? count : npu_fault_default_count(fault + 1),
		.after = has_after ? after : 0,
		.arg = has_arg ? arg : 0,
		.size = has_size ? size : 0,
		.flags = has_persist && persist ? NPU_FAULT_PERSIST : 0,
	};
	enum npu_fault_status status;

	if (!s || (spec.fault == NPU_FAULT_SURPRISE_REMOVAL && !npu_can_be_pulled(s, errp))) {
		return;
	}
	npu_irq_enter(s);
	status = npu_dev_fault_inject(s->dev, &spec);
	npu_irq_leave(s);
	npu_irq_deliver(s);
	switch (status) {
	case NPU_FAULT_STATUS_OK:
		break;
	case NPU_FAULT_STATUS_BAD_TARGET:
		error_setg(errp, "npu: %s: this device has no target %" PRIu32, npu_fault_name(spec.fault),
			   spec.target);
		break;
	case NPU_FAULT_STATUS_BAD_ARG:
		error_setg(errp, "npu: %s: arg, size or count out of range; see docs/faults.md",
			   npu_fault_name(spec.fault));
		break;
	default:
		error_setg(errp, "npu: %s is not supported here", npu_fault_name(spec.fault));
		break;
	}
}

void qmp_npu_clear_fault(const char *id, bool has_fault, NpuFaultKind fault, Error **errp)
{
	NPUState *s = npu_find(id, errp);

	if (!s) {
		return;
	}
	npu_irq_enter(s);
	npu_dev_fault_clear(s->dev, has_fault ? fault + 1 : NPU_FAULT_NONE);
	npu_irq_leave(s);
	npu_irq_deliver(s);
}

NpuFaultInfoList *qmp_npu_query_faults(const char *id, Error **errp)
{
	NPUState *s = npu_find(id, errp);
	NpuFaultInfoList *list = NULL, **tail = &list;

	for (uint32_t which = 1; s && which < NPU_FAULT_COUNT; which++) {
		NpuFaultInfo *info = g_new0(NpuFaultInfo, 1);
		struct npu_fault_spec spec;

		info->armed = npu_dev_fault_get(s->dev, which, &spec, &info->hits);
		info->fault = which - 1;
		info->target = spec.target;
		info->count = spec.count;
		info->after = spec.after;
		info->arg = spec.arg;
		info->size = spec.size;
		info->persist = spec.flags & NPU_FAULT_PERSIST;
		QAPI_LIST_APPEND(tail, info);
	}
	return list;
}
