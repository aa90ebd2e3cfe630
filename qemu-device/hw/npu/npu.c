/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: the PCI Express function.
 *
 *   -device pcie-root-port,id=rp0 -device npu,bus=rp0,chiplets=2,tiles=2
 *
 * chiplets       number of chiplets, 1..8
 * tiles          tiles per chiplet, 1..8
 * sram           SRAM per tile, 64K..16M, multiple of 64K
 * vlen           bits of a tile's vector registers, 128..16384, a power of two
 * queues         hardware queues, 1..64
 * threads        host threads that run tiles, 1..64; 0: one per online host CPU
 * matrix         host instructions of the matrix engine: auto, amx, avx512, avxvnni, avx2 or c
 * log            show firmware console and errors on QEMU's standard error
 * inline-budget  work done on the vCPU thread that rings a doorbell before workers take over;
 *                0: workers do everything; at most 2^24
 * sync           no workers: an access does all the work that it causes, in an order that the
 *                accesses alone decide; for fuzzing and debugging
 *
 * debug-faults   debug registers by which the guest can make the device fail (npu_fault.h); off unless
 *                set, as on a part that was sold. QMP's npu-inject-fault needs no permission
 *
 * Only chiplets, tiles, sram, vlen and queues are visible to the guest; the others change neither results
 * nor the modelled time.
 *
 * While a VM is stopped, so is the device, in the middle of what it does; and in D3hot (npu_power.c).
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

/* Configuration space. */
#define NPU_PM_CAP   0x40
#define NPU_MSIX_CAP 0x50
#define NPU_EXP_CAP  0x60
#define NPU_AER_CAP  0x100

/* BAR4: table first, pending bits in the second half. */
#define NPU_MSIX_BAR_SIZE 0x1000
#define NPU_MSIX_PBA	  0x800

/* inline-budget was not given: the core's default. */
#define NPU_BUDGET_DEFAULT UINT64_MAX
/* Some 25 ms of host time; with more an endless kernel would keep the vCPU from its guest. */
#define NPU_BUDGET_MAX (1ull << 24)
/* Unless given, with sync=on: what a fuzzer has patience for, some 2 ms. */
#define NPU_BUDGET_SYNC (1ull << 20)

static uint32_t npu_read_config(PCIDevice *pdev, uint32_t addr, int len)
{
	NPUState *s = NPU(pdev);

	return s->dev && npu_dev_link_dead(s->dev) ? UINT32_MAX >> (32 - 8 * len) :
						     pci_default_read_config(pdev, addr, len);
}

static void npu_write_config(PCIDevice *pdev, uint32_t addr, uint32_t value, int len)
{
	NPUState *s = NPU(pdev);

	if (s->dev && npu_dev_link_dead(s->dev)) {
		return;
	}
	/* May enable or disable bus mastering, which npu_dma.c learns from the memory map. */
	pci_default_write_config(pdev, addr, value, len);
	pcie_cap_flr_write_config(pdev, addr, value, len);
	if (pdev->exp.aer_cap) {
		pcie_aer_write_config(pdev, addr, value, len);
	}
	/* Of PMCSR, or a function level reset, which ends in D0. */
	if (s->dev) {
		npu_power_update(s);
	}
}

static void npu_reset_hold(Object *obj, ResetType type)
{
	NPUState *s = NPU(obj);

	trace_npu_reset(type);
	if (s->dev) {
		npu_dev_reset(s->dev);
		npu_irq_reset(s);
	}
}

/* A reset of the bus has reset configuration space by now, and with it the power state. */
static void npu_reset_exit(Object *obj, ResetType type)
{
	NPUState *s = NPU(obj);

	if (s->dev) {
		npu_power_update(s);
	}
}

static bool npu_init_pm(PCIDevice *pdev, Error **errp)
{
	if (pci_pm_init(pdev, NPU_PM_CAP, errp) < 0) {
		return false;
	}
	pci_set_word(pdev->config + NPU_PM_CAP + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
	/* Going back to D0 is no reset: see npu_power.c. */
	pci_set_word(pdev->config + NPU_PM_CAP + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	pci_set_word(pdev->wmask + NPU_PM_CAP + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
	return true;
}

static bool npu_init_msix(NPUState *s, Error **errp)
{
	PCIDevice *pdev = PCI_DEVICE(s);

	memory_region_init(&s->msix, OBJECT(s), "npu-msix", NPU_MSIX_BAR_SIZE);
	pci_register_bar(pdev, NPU_BAR_MSIX,
			 PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64, &s->msix);
	if (msix_init(pdev, NPU_MSIX_VECTORS, &s->msix, NPU_BAR_MSIX, 0, &s->msix, NPU_BAR_MSIX,
		      NPU_MSIX_PBA, NPU_MSIX_CAP, errp) < 0) {
		return false;
	}
	for (int i = 0; i < NPU_MSIX_VECTORS; i++) {
		msix_vector_use(pdev, i);
	}
	return true;
}

static void npu_exit_msix(NPUState *s)
{
	msix_unuse_all_vectors(PCI_DEVICE(s));
	msix_uninit(PCI_DEVICE(s), &s->msix, &s->msix);
}

static struct npu_dev *npu_new_core(NPUState *s, Error **errp)
{
	struct npu_config config;
	struct npu_dev *dev;
	const char *error;

	if (s->sram % KiB || s->sram / KiB > UINT32_MAX) {
		error_setg(errp, "npu: sram must be a whole number of KiB");
		return NULL;
	}
	npu_config_init(&config);
	config.chiplets = s->chiplets;
	config.tiles_per_chiplet = s->tiles;
	config.sram_kib = s->sram / KiB;
	config.threads = s->threads;
	config.vlen = s->vlen;
	config.queues = s->queues;
	if (s->matrix) {
		config.matrix_path = s->matrix;
	}
	if (s->inline_budget != NPU_BUDGET_DEFAULT) {
		if (s->inline_budget > NPU_BUDGET_MAX) {
			error_setg(errp, "npu: inline-budget must be 0..%llu", NPU_BUDGET_MAX);
			return NULL;
		}
		config.inline_budget = s->inline_budget;
	} else if (s->sync) {
		config.inline_budget = NPU_BUDGET_SYNC;
	}
	config.sync = s->sync;
	config.debug_faults = s->debug_faults;
	dev = npu_dev_new(&config, &npu_host_ops, s, &error);
	if (!dev) {
		error_setg(errp, "npu: %s", error);
	}
	return dev;
}

static void npu_realize(PCIDevice *pdev, Error **errp)
{
	NPUState *s = NPU(pdev);

	if (!pci_bus_is_express(pci_get_bus(pdev))) {
		error_setg(errp, "npu: needs a PCI Express bus; use -machine q35");
		return;
	}

	pdev->config_read = npu_read_config;
	pdev->config_write = npu_write_config;
	/* Messages only. */
	pci_config_set_interrupt_pin(pdev->config, 0);

	memory_region_init_io(&s->regs, OBJECT(s), &npu_regs_ops, s, "npu-regs", NPU_BAR0_SIZE);
	/* Accesses drop the BQL, so that other vCPUs get in; the guard would refuse theirs. */
	s->regs.disable_reentrancy_guard = true;
	pci_register_bar(pdev, NPU_BAR_REGS,
			 PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64, &s->regs);

	if (!npu_init_pm(pdev, errp) || !npu_init_msix(s, errp)) {
		return;
	}
	if (pcie_endpoint_cap_init(pdev, NPU_EXP_CAP) < 0) {
		error_setg(errp, "npu: no room for the PCI Express capability");
		goto err_msix;
	}
	pcie_cap_flr_init(pdev);
	/* A function in the root complex has no port to report errors to. */
	if (!pci_bus_is_root(pci_get_bus(pdev)) &&
	    pcie_aer_init(pdev, PCI_ERR_VER, NPU_AER_CAP, PCI_ERR_SIZEOF, errp) < 0) {
		goto err_exp;
	}

	npu_irq_init(s);
	npu_fault_init(s);
	npu_timer_init(s);
	npu_dma_init(s);
	s->dev = npu_new_core(s, errp);
	if (!s->dev) {
		goto err_core;
	}
	npu_dma_start(s);
	npu_power_init(s);
	return;

err_core:
	npu_dma_exit(s);
	npu_timer_exit(s);
	npu_fault_exit(s);
	npu_irq_exit(s);
	if (pdev->exp.aer_cap) {
		pcie_aer_exit(pdev);
	}
err_exp:
	pcie_cap_exit(pdev);
err_msix:
	npu_exit_msix(s);
}

static void npu_unrealize(PCIDevice *pdev)
{
	NPUState *s = NPU(pdev);
	struct npu_dev *dev = s->dev;

	npu_power_exit(s);
	npu_dma_stop(s);

	/* vCPUs may be inside the core, without the BQL. They need nothing from us to get out. */
	qemu_event_reset(&s->unused);
	qatomic_set_mb(&s->dev, NULL);
	if (qatomic_read(&s->users)) {
		qemu_event_wait(&s->unused);
	}
	npu_dev_free(dev);

	npu_dma_exit(s);
	npu_timer_exit(s);
	npu_fault_exit(s);
	npu_irq_exit(s);
	if (pdev->exp.aer_cap) {
		pcie_aer_exit(pdev);
	}
	pcie_cap_exit(pdev);
	npu_exit_msix(s);
}

static const Property npu_properties[] = {
	DEFINE_PROP_UINT8("chiplets", NPUState, chiplets, 2),
	DEFINE_PROP_UINT8("tiles", NPUState, tiles, 2),
	DEFINE_PROP_SIZE("sram", NPUState, sram, 1 * MiB),
	DEFINE_PROP_UINT16("vlen", NPUState, vlen, 2048),
	DEFINE_PROP_UINT8("queues", NPUState, queues, NPU_MAX_QUEUES),
	DEFINE_PROP_UINT32("threads", NPUState, threads, 0),
	DEFINE_PROP_STRING("matrix", NPUState, matrix),
	DEFINE_PROP_UINT64("inline-budget", NPUState, inline_budget, NPU_BUDGET_DEFAULT),
	DEFINE_PROP_BOOL("debug-faults", NPUState, debug_faults, false),
	DEFINE_PROP_BOOL("sync", NPUState, sync, false),
	DEFINE_PROP_BOOL("log", NPUState, log, false),
};

static void npu_class_init(ObjectClass *klass, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(klass);
	PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
	ResettableClass *rc = RESETTABLE_CLASS(klass);

	k->realize = npu_realize;
	k->exit = npu_unrealize;
	k->vendor_id = NPU_PCI_VENDOR_ID;
	k->device_id = NPU_PCI_DEVICE_ID;
	k->revision = NPU_PCI_REVISION;
	k->class_id = NPU_PCI_CLASS;
	k->subsystem_vendor_id = NPU_PCI_VENDOR_ID;
	k->subsystem_id = NPU_PCI_DEVICE_ID;
	rc->phases.hold = npu_reset_hold;
	rc->phases.exit = npu_reset_exit;
	dc->vmsd = &npu_vmstate;
	dc->desc = "NPU (neural processing unit)";
	device_class_set_props(dc, npu_properties);
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

/* Outlives unrealize: a vCPU that was waiting for the BQL meanwhile may still come in. */
static void npu_instance_init(Object *obj)
{
	qemu_event_init(&NPU(obj)->unused, false);
}

static void npu_instance_finalize(Object *obj)
{
	qemu_event_destroy(&NPU(obj)->unused);
}

static const TypeInfo npu_info = {
	.name = TYPE_NPU,
	.parent = TYPE_PCI_DEVICE,
	.instance_size = sizeof(NPUState),
	.instance_init = npu_instance_init,
	.instance_finalize = npu_instance_finalize,
	.class_init = npu_class_init,
	.interfaces = (InterfaceInfo[]) {
		{ INTERFACE_PCIE_DEVICE },
		{ }
	},
};

static void npu_register_types(void)
{
	type_register_static(&npu_info);
}

type_init(npu_register_types)
