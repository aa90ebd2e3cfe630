/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the qtests of the NPU share: a VM whose CPU never runs, with the device behind a root port.
 * No BIOS is needed but a file in its place.
 */
#ifndef NPU_QTEST_H
#define NPU_QTEST_H

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

#include "hw/npu/uapi/npu_fault.h"
#include "hw/npu/uapi/npu_fw.h"
#include "hw/npu/uapi/npu_regs.h"
#include "hw/npu/uapi/npu_types.h"

#define BUS	  1
#define RAM_SIZE  (64 * MiB)
#define ECAM_BASE 0xb0000000u
#define MSI_ADDR  0x100000u
#define FW_ADDR	  0x200000u
#define NO_MEMORY 0x80000000u /* between RAM and the devices */

/* Wall-clock time after which the device is taken for stuck. */
#define PATIENCE (60 * G_TIME_SPAN_SECOND)

typedef struct Npu {
	QTestState *qts;
	QPCIBus *bus;
	QPCIDevice *port, *dev;
	QPCIBar regs;
} Npu;

static char *bios;

static inline uint32_t reg_read(Npu *npu, uint32_t reg)
{
	return qpci_io_readl(npu->dev, npu->regs, reg);
}

static inline void reg_write(Npu *npu, uint32_t reg, uint32_t value)
{
	qpci_io_writel(npu->dev, npu->regs, reg, value);
}

static inline char *npu_cmdline(const char *props)
{
	return g_strdup_printf("-machine q35 -m 64M -nodefaults -global apic.vapic=off -bios %s "
			       "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=1.0 "
			       "-device npu,id=npu0,bus=rp0%s%s",
			       bios, *props ? "," : "", props);
}

/* Map the function behind its port; also after a reset has undone it. */
static inline void npu_map(Npu *npu)
{
	npu->port = qpci_device_find(npu->bus, QPCI_DEVFN(1, 0));
	g_assert_nonnull(npu->port);
	g_assert_cmpint(qpci_secondary_buses_init(npu->bus), >=, BUS);
	/* The windows that libqos hands out addresses from, and none for prefetchable memory. */
	qpci_config_writew(npu->port, PCI_MEMORY_BASE, 0xe000);
	qpci_config_writew(npu->port, PCI_MEMORY_LIMIT, 0xeff0);
	qpci_device_enable(npu->port);

	npu->dev = qpci_device_find(npu->bus, QPCI_DEVFN(BUS << 5, 0));
	g_assert_nonnull(npu->dev);
	npu->regs = qpci_iomap(npu->dev, NPU_BAR_REGS, NULL);
	qpci_device_enable(npu->dev);
}

static inline void npu_unmap(Npu *npu)
{
	g_clear_pointer(&npu->dev, g_free);
	g_clear_pointer(&npu->port, g_free);
}

/* A VM with one device that has these properties, and more options of QEMU. */
static inline Npu *npu_start_with(const char *props, const char *more)
{
	Npu *npu = g_new0(Npu, 1);
	g_autofree char *cmdline = npu_cmdline(props);
	g_autofree char *whole = g_strdup_printf("%s %s", cmdline, more);

	npu->qts = qtest_init(whole);
	npu->bus = qpci_new_pc(npu->qts, NULL);
	npu_map(npu);
	return npu;
}

static inline Npu *npu_start(const char *props)
{
	return npu_start_with(props, "");
}

static inline void npu_stop(Npu *npu)
{
	npu_unmap(npu);
	qpci_free_pc(npu->bus);
	qtest_quit(npu->qts);
	g_free(npu);
}

/* Let the device work until the management core has got as far as it will. */
static inline uint32_t npu_wait_boot(Npu *npu)
{
	gint64 end = g_get_monotonic_time() + PATIENCE;
	uint32_t status;

	do {
		status = reg_read(npu, NPU_REG_BOOT_STATUS);
		if (NPU_BOOT_STAGE(status) == NPU_BOOT_FAILED) {
			return status;
		}
		qtest_clock_step(npu->qts, 1000 * 1000);
	} while (g_get_monotonic_time() < end);
	g_error("boot status is still 0x%x", status);
}

static inline void npu_boot(Npu *npu, uint64_t base, uint32_t size)
{
	reg_write(npu, NPU_REG_FW_BASE_LO, base);
	reg_write(npu, NPU_REG_FW_BASE_HI, base >> 32);
	reg_write(npu, NPU_REG_FW_SIZE, size);
	reg_write(npu, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
}

/* Put the function in D0 (0) or D3hot (3). */
static inline void npu_set_power(Npu *npu, unsigned int state)
{
	uint8_t cap = qpci_find_capability(npu->dev, PCI_CAP_ID_PM, 0);

	qpci_config_writew(npu->dev, cap + PCI_PM_CTRL, state);
	g_assert_cmpuint(qpci_config_readw(npu->dev, cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK, ==,
			 state);
}

static inline void msix_write(Npu *npu, unsigned int vector, uint32_t offset, uint32_t value)
{
	qpci_io_writel(npu->dev, npu->dev->msix_table_bar,
		       npu->dev->msix_table_off + vector * PCI_MSIX_ENTRY_SIZE + offset, value);
}

/* The first and the last thing that main() does. */
static inline void npu_test_init(int *argc, char ***argv)
{
	char blank[4096] = {0};
	int fd;

	g_test_init(argc, argv, NULL);
	fd = g_file_open_tmp("npu-bios-XXXXXX", &bios, NULL);
	g_assert_cmpint(fd, >=, 0);
	for (int i = 0; i < 16; i++) {
		g_assert_cmpint(write(fd, blank, sizeof(blank)), ==, sizeof(blank));
	}
	close(fd);
}

static inline int npu_test_run(void)
{
	int status = g_test_run();

	g_unlink(bios);
	g_free(bios);
	return status;
}

#endif /* NPU_QTEST_H */
