/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of the NPU's PCI function: what a driver meets before any firmware runs, and what a hostile
 * guest may try. The VM's CPU never runs, so no BIOS is needed but a file in its place.
 */
#include "npu-qtest.h"

static void expect_boot_error(Npu *npu, enum npu_boot_error error, uint32_t detail)
{
	uint32_t status = npu_wait_boot(npu);

	g_assert_cmpuint(NPU_BOOT_ERROR(status), ==, error);
	g_assert_cmphex(reg_read(npu, NPU_REG_BOOT_DETAIL), ==, detail);
	g_assert_cmphex(reg_read(npu, NPU_REG_STATUS) & NPU_STATUS_FW_RUNNING, ==, 0);
}

/* What every reset must lead back to. */
static void expect_reset_state(Npu *npu)
{
	static const uint32_t zero[] = {
		NPU_REG_FW_BASE_LO,  NPU_REG_FW_BASE_HI,   NPU_REG_FW_SIZE,
		NPU_REG_BOOT_STATUS, NPU_REG_BOOT_DETAIL,  NPU_REG_HEARTBEAT,
		NPU_REG_FW_STATUS,   NPU_REG_MBOX_BASE_LO, NPU_REG_MBOX_BASE_HI,
		NPU_REG_IRQ_STATUS,  NPU_REG_IRQ_ENABLE,   NPU_REG_AS_TABLE_LO,
		NPU_REG_AS_TABLE_HI, NPU_REG_TLB_STATUS,   NPU_REG_QUEUE_TABLE_LO,
		NPU_REG_STATUS,	     NPU_REG_QUEUE_TABLE_HI,
	};

	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, NPU_ID_MAGIC);
	for (unsigned int i = 0; i < ARRAY_SIZE(zero); i++) {
		if (reg_read(npu, zero[i])) {
			g_error("register 0x%03x is 0x%x after reset", zero[i], reg_read(npu, zero[i]));
		}
	}
}

static void dirty_registers(Npu *npu)
{
	reg_write(npu, NPU_REG_AS_TABLE_LO, 0x1000);
	reg_write(npu, NPU_REG_AS_TABLE_HI, 0x1);
	reg_write(npu, NPU_REG_QUEUE_TABLE_LO, 0x2000);
	reg_write(npu, NPU_REG_QUEUE_TABLE_HI, 0x2);
	reg_write(npu, NPU_REG_MBOX_BASE_LO, 0x3000);
	reg_write(npu, NPU_REG_MBOX_BASE_HI, 0x3);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
	reg_write(npu, NPU_DOORBELL(3), 7);
	g_assert_cmphex(reg_read(npu, NPU_REG_QUEUE_TABLE_LO), ==, 0x2000);
	npu_boot(npu, NO_MEMORY, 4096);
	npu_wait_boot(npu);
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS) & NPU_IRQ_BOOT, ==, NPU_IRQ_BOOT);
}

/* ---- tests ---- */

static void test_identity(void)
{
	Npu *npu = npu_start("");
	uint32_t caps0;

	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_VENDOR_ID), ==, NPU_PCI_VENDOR_ID);
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_DEVICE_ID), ==, NPU_PCI_DEVICE_ID);
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_CLASS_DEVICE), ==, NPU_PCI_CLASS);
	g_assert_cmphex(qpci_config_readb(npu->dev, PCI_REVISION_ID), ==, NPU_PCI_REVISION);
	g_assert_cmphex(qpci_config_readb(npu->dev, PCI_INTERRUPT_PIN), ==, 0);

	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, NPU_ID_MAGIC);
	g_assert_cmphex(reg_read(npu, NPU_REG_HW_VERSION), ==,
			NPU_HW_VERSION_MAJOR << 16 | NPU_HW_VERSION_MINOR);
	caps0 = reg_read(npu, NPU_REG_CAPS0);
	g_assert_cmpuint(caps0 & 0xff, ==, 2);
	g_assert_cmpuint(caps0 >> 8 & 0xff, ==, 2);
	g_assert_cmpuint(caps0 >> 16 & 0xff, ==, NPU_MAX_QUEUES);
	g_assert_cmpuint(reg_read(npu, NPU_REG_CAPS1) & NPU_CAPS1_SRAM_KIB, ==, 1024);
	g_assert_cmpuint(reg_read(npu, NPU_REG_CAPS2) & NPU_CAPS2_AS, ==, NPU_MAX_AS);
	g_assert_cmpuint(reg_read(npu, NPU_REG_CLOCK_KHZ), >, 0);
	/* Both halves in one access. */
	g_assert_cmphex(qpci_io_readq(npu->dev, npu->regs, NPU_REG_FEATURES_LO), ==,
			reg_read(npu, NPU_REG_FEATURES_LO) |
				(uint64_t)reg_read(npu, NPU_REG_FEATURES_HI) << 32);
	expect_reset_state(npu);
	npu_stop(npu);
}

static void test_properties(void)
{
	Npu *npu = npu_start("chiplets=4,tiles=1,sram=256K,queues=8,threads=1,matrix=c");
	uint32_t caps0 = reg_read(npu, NPU_REG_CAPS0);

	g_assert_cmpuint(caps0 & 0xff, ==, 4);
	g_assert_cmpuint(caps0 >> 8 & 0xff, ==, 1);
	g_assert_cmpuint(caps0 >> 16 & 0xff, ==, 8);
	g_assert_cmpuint(reg_read(npu, NPU_REG_CAPS1) & NPU_CAPS1_SRAM_KIB, ==, 256);
	npu_stop(npu);
}

/* QEMU must refuse to start, and name the property. */
static void test_bad_properties(void)
{
	static const struct {
		const char *props, *name;
	} bad[] = {
		{"chiplets=0", "chiplets"}, {"chiplets=9", "chiplets"}, {"tiles=0", "tiles"},
		{"tiles=9", "tiles"},	    {"sram=1M1", "sram"},	{"sram=4K", "sram"},
		{"sram=32M", "sram"},	    {"sram=100K", "sram"},	{"sram=65537", "sram"},
		{"queues=0", "queues"},	    {"queues=65", "queues"},	{"threads=65", "threads"},
		{"matrix=mmx", "matrix"},   {"nonsense=1", "nonsense"}, {"vlen=64", "vlen"},
		{"vlen=100", "vlen"},	    {"inline-budget=16777217", "inline-budget"},
		{"sync=on,inline-budget=0", "inline budget"},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		g_autofree char *cmdline = npu_cmdline(bad[i].props);
		g_autofree char *whole = g_strdup_printf("%s -accel qtest -display none -S %s",
							 g_getenv("QTEST_QEMU_BINARY"), cmdline);
		g_autofree char *errors = NULL;
		g_autoptr(GError) error = NULL;
		int status;

		g_spawn_command_line_sync(whole, NULL, &errors, &status, &error);
		g_assert_no_error(error);
		if (!status || !strstr(errors, bad[i].name)) {
			g_error("%s: status %d, said: %s", bad[i].props, status, errors);
		}
	}
}

static void test_capabilities(void)
{
	Npu *npu = npu_start("");
	QPCIDevice *host = qpci_device_find(npu->bus, QPCI_DEVFN(0, 0));
	uint64_t config = ECAM_BASE + (BUS << 20);
	uint8_t cap;
	uint32_t bar;

	cap = qpci_find_capability(npu->dev, PCI_CAP_ID_EXP, 0);
	g_assert_cmphex(cap, !=, 0);
	g_assert_cmphex(qpci_config_readl(npu->dev, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR, !=, 0);
	cap = qpci_find_capability(npu->dev, PCI_CAP_ID_PM, 0);
	g_assert_cmphex(cap, !=, 0);
	g_assert_cmphex(qpci_config_readw(npu->dev, cap + PCI_PM_CTRL) & PCI_PM_CTRL_NO_SOFT_RESET, !=,
			0);
	cap = qpci_find_capability(npu->dev, PCI_CAP_ID_MSIX, 0);
	g_assert_cmphex(cap, !=, 0);
	g_assert_cmpuint(qpci_msix_table_size(npu->dev), ==, NPU_MSIX_VECTORS);
	g_assert_cmpuint(qpci_config_readl(npu->dev, cap + PCI_MSIX_TABLE) & PCI_MSIX_TABLE_BIR, ==,
			 NPU_BAR_MSIX);

	/* 64 bit, not prefetchable. */
	bar = qpci_config_readl(npu->dev, PCI_BASE_ADDRESS_0);
	g_assert_cmphex(bar & 0xf, ==, PCI_BASE_ADDRESS_MEM_TYPE_64);
	g_assert_cmphex(qpci_config_readl(npu->dev, PCI_BASE_ADDRESS_2), ==, 0);

	/* Extended capabilities are only seen through ECAM. */
	qpci_config_writel(host, 0x60, ECAM_BASE | 1);
	qpci_config_writel(host, 0x64, 0);
	g_assert_cmphex(qtest_readl(npu->qts, config), ==,
			NPU_PCI_DEVICE_ID << 16 | NPU_PCI_VENDOR_ID);
	g_assert_cmphex(qtest_readl(npu->qts, config + 0x100) & 0xffff, ==, PCI_EXT_CAP_ID_ERR);
	g_free(host);
	npu_stop(npu);
}

/* In the root complex there is no port, so no AER, but all else. */
static void test_root_complex(void)
{
	g_autofree char *cmdline =
		g_strdup_printf("-machine q35 -m 64M -nodefaults -global apic.vapic=off "
				"-bios %s -device npu,addr=5.0", bios);
	QTestState *qts = qtest_init(cmdline);
	QPCIBus *bus = qpci_new_pc(qts, NULL);
	QPCIDevice *dev = qpci_device_find(bus, QPCI_DEVFN(5, 0));
	QPCIBar regs;

	g_assert_nonnull(dev);
	qpci_device_enable(dev);
	regs = qpci_iomap(dev, NPU_BAR_REGS, NULL);
	g_assert_cmphex(qpci_io_readl(dev, regs, NPU_REG_ID), ==, NPU_ID_MAGIC);
	g_free(dev);
	qpci_free_pc(bus);
	qtest_quit(qts);
}

/* Accesses that the contract does not know read 0 and change nothing. */
static void test_odd_accesses(void)
{
	Npu *npu = npu_start("");

	reg_write(npu, NPU_REG_QUEUE_TABLE_LO, 0x12345000);
	g_assert_cmphex(qpci_io_readb(npu->dev, npu->regs, NPU_REG_ID), ==, 0);
	g_assert_cmphex(qpci_io_readw(npu->dev, npu->regs, NPU_REG_ID), ==, 0);
	qpci_io_writeb(npu->dev, npu->regs, NPU_REG_QUEUE_TABLE_LO, 0xff);
	qpci_io_writew(npu->dev, npu->regs, NPU_REG_QUEUE_TABLE_LO + 2, 0xffff);
	qpci_io_writel(npu->dev, npu->regs, NPU_REG_QUEUE_TABLE_LO + 2, 0xffffffff);
	g_assert_cmphex(reg_read(npu, NPU_REG_QUEUE_TABLE_LO), ==, 0x12345000);
	g_assert_cmphex(reg_read(npu, NPU_REG_QUEUE_TABLE_HI), ==, 0);

	/* Read only. */
	reg_write(npu, NPU_REG_ID, 0);
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, NPU_ID_MAGIC);
	/* Undefined ones, in the registers and at both ends of what follows them. */
	reg_write(npu, 0xffc, 0xdeadbeef);
	g_assert_cmphex(reg_read(npu, 0xffc), ==, 0);
	reg_write(npu, NPU_REGS_SIZE, 0xdeadbeef);
	g_assert_cmphex(reg_read(npu, NPU_REGS_SIZE), ==, 0);
	reg_write(npu, NPU_BAR0_SIZE - 4, 0xdeadbeef);
	g_assert_cmphex(reg_read(npu, NPU_BAR0_SIZE - 4), ==, 0);
	/* A wrong key is no reset. */
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY + 1);
	g_assert_cmphex(reg_read(npu, NPU_REG_QUEUE_TABLE_LO), ==, 0x12345000);
	npu_stop(npu);
}

static void test_boot_no_memory(void)
{
	Npu *npu = npu_start("");

	npu_boot(npu, NO_MEMORY, 64 * KiB);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
	npu_stop(npu);
}

static void test_boot_no_bus_master(void)
{
	Npu *npu = npu_start("");
	uint16_t command = qpci_config_readw(npu->dev, PCI_COMMAND);

	qpci_config_writew(npu->dev, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
	npu_boot(npu, FW_ADDR, 64 * KiB);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, FW_ADDR);

	/* With it, the very same start gets to look at the image. */
	qpci_config_writew(npu->dev, PCI_COMMAND, command);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	npu_boot(npu, FW_ADDR, 64 * KiB);
	expect_boot_error(npu, NPU_BOOT_ERR_MAGIC, 0);
	npu_stop(npu);
}

static void test_boot_no_image(void)
{
	Npu *npu = npu_start("");

	qtest_writel(npu->qts, FW_ADDR, 0xcafef00d);
	npu_boot(npu, FW_ADDR, 64 * KiB);
	expect_boot_error(npu, NPU_BOOT_ERR_MAGIC, 0xcafef00d);
	npu_stop(npu);
}

/* The device's own registers are not memory, however one gets there. */
static void test_boot_from_bar(void)
{
	Npu *npu = npu_start("");

	npu_boot(npu, npu->regs.addr, 4096);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, npu->regs.addr);
	npu_stop(npu);
}

static void test_interrupt(void)
{
	Npu *npu = npu_start("");
	gint64 end = g_get_monotonic_time() + PATIENCE;

	qpci_msix_enable(npu->dev);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_LOWER_ADDR, MSI_ADDR);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_DATA, 0x4711);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);

	/* Masked: it waits in the PBA. */
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	npu_boot(npu, NO_MEMORY, 4096);
	npu_wait_boot(npu);
	while (!qpci_msix_pending(npu->dev, NPU_VECTOR_EVENTS)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	}
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, NPU_IRQ_BOOT);
	g_assert_cmphex(qtest_readl(npu->qts, MSI_ADDR), ==, 0);

	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	g_assert_cmphex(qtest_readl(npu->qts, MSI_ADDR), ==, 0x4711);

	/* Write one to clear; then it comes again, unmasked. */
	reg_write(npu, NPU_REG_IRQ_STATUS, NPU_IRQ_BOOT);
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, 0);
	qtest_writel(npu->qts, MSI_ADDR, 0);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);
	npu_boot(npu, NO_MEMORY, 4096);
	while (qtest_readl(npu->qts, MSI_ADDR) != 0x4711) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		qtest_clock_step(npu->qts, 1000 * 1000);
	}
	npu_stop(npu);
}

/* A guest may have messages sent anywhere, to the register that resets the function for one. */
static void test_interrupt_to_self(void)
{
	Npu *npu = npu_start("");
	gint64 end = g_get_monotonic_time() + PATIENCE;
	uint64_t regs = npu->regs.addr;

	qpci_msix_enable(npu->dev);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_LOWER_ADDR, regs + NPU_REG_RESET);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_UPPER_ADDR, regs >> 32);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_DATA, NPU_RESET_KEY);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);
	npu_boot(npu, NO_MEMORY, 4096);
	while (reg_read(npu, NPU_REG_IRQ_ENABLE)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		qtest_clock_step(npu->qts, 1000 * 1000);
	}
	expect_reset_state(npu);

	/* To the one that enables it: one event, one message. */
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_LOWER_ADDR, regs + NPU_REG_IRQ_ENABLE);
	msix_write(npu, NPU_VECTOR_EVENTS, PCI_MSIX_ENTRY_DATA, NPU_IRQ_ALL);
	npu_boot(npu, NO_MEMORY, 4096);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);
	while (reg_read(npu, NPU_REG_IRQ_ENABLE) != NPU_IRQ_ALL) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		qtest_clock_step(npu->qts, 1000 * 1000);
	}
	npu_stop(npu);
}

static void test_reset_register(void)
{
	Npu *npu = npu_start("");

	dirty_registers(npu);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	expect_reset_state(npu);
	/* The function itself stays as it was. */
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_COMMAND) & PCI_COMMAND_MASTER, !=, 0);
	npu_stop(npu);
}

static void test_reset_flr(void)
{
	Npu *npu = npu_start("");
	uint8_t cap = qpci_find_capability(npu->dev, PCI_CAP_ID_EXP, 0);

	dirty_registers(npu);
	qpci_config_writew(npu->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_COMMAND) & PCI_COMMAND_MASTER, ==, 0);
	npu->regs = qpci_iomap(npu->dev, NPU_BAR_REGS, NULL);
	qpci_device_enable(npu->dev);
	expect_reset_state(npu);
	/* And it starts again. */
	npu_boot(npu, FW_ADDR, 4096);
	expect_boot_error(npu, NPU_BOOT_ERR_MAGIC, 0);
	npu_stop(npu);
}

static void test_reset_system(void)
{
	Npu *npu = npu_start("");

	dirty_registers(npu);
	qtest_system_reset(npu->qts);
	npu_unmap(npu);
	npu_map(npu);
	expect_reset_state(npu);
	npu_stop(npu);
}

/* So little at a time that a boot is in its ROM for long after it was asked for. */
#define SLOWLY "sync=on,inline-budget=1"

/* In D3hot nobody answers, and what the device was at stands still. */
static void expect_asleep(Npu *npu)
{
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), !=, NPU_ID_MAGIC);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	for (int i = 0; i < 1000; i++) {
		qtest_clock_step(npu->qts, 1000 * 1000);
	}
}

/* D3hot and back: nothing is lost, and the ROM goes on where it was. */
static void test_power(void)
{
	Npu *npu = npu_start(SLOWLY);

	reg_write(npu, NPU_REG_QUEUE_TABLE_LO, 0x5000);
	npu_boot(npu, NO_MEMORY, 4096);
	g_assert_cmphex(reg_read(npu, NPU_REG_BOOT_STATUS), ==, NPU_BOOT_ROM);
	npu_set_power(npu, 3);
	expect_asleep(npu);
	npu_set_power(npu, 0);
	g_assert_cmphex(reg_read(npu, NPU_REG_BOOT_STATUS), ==, NPU_BOOT_ROM);
	g_assert_cmphex(reg_read(npu, NPU_REG_QUEUE_TABLE_LO), ==, 0x5000);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
	npu_stop(npu);

	/* The same with workers, which may be in the middle of anything. */
	npu = npu_start("inline-budget=0");
	for (int i = 0; i < 20; i++) {
		reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
		reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);
		npu_boot(npu, NO_MEMORY, 4096);
		npu_set_power(npu, 3);
		npu_set_power(npu, 0);
		expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
		g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, NPU_IRQ_BOOT);
	}
	npu_stop(npu);
}

/* Every reset of the function ends in D0, with a device that runs. */
static void test_power_reset(void)
{
	Npu *npu = npu_start("");
	uint8_t cap = qpci_find_capability(npu->dev, PCI_CAP_ID_PM, 0);
	uint8_t exp = qpci_find_capability(npu->dev, PCI_CAP_ID_EXP, 0);

	for (int i = 0; i < 3; i++) {
		dirty_registers(npu);
		npu_set_power(npu, 3);
		if (i == 0) {
			qpci_config_writew(npu->dev, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
			npu->regs = qpci_iomap(npu->dev, NPU_BAR_REGS, NULL);
			qpci_device_enable(npu->dev);
		} else {
			if (i == 1) {
				qpci_config_writew(npu->port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
				qpci_config_writew(npu->port, PCI_BRIDGE_CONTROL, 0);
			} else {
				qtest_system_reset(npu->qts);
			}
			npu_unmap(npu);
			npu_map(npu);
		}
		g_assert_cmphex(qpci_config_readw(npu->dev, cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK,
				==, 0);
		expect_reset_state(npu);
		npu_boot(npu, FW_ADDR, 4096);
		expect_boot_error(npu, NPU_BOOT_ERR_MAGIC, 0);
		reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	}
	npu_stop(npu);
}

/*
 * Random writes all over BAR0 with the guest's RAM full of random bytes, so that whatever the
 * device takes from there is wrong too. It must survive, and work after a reset.
 */
static void test_hostile(void)
{
	Npu *npu = npu_start("sram=64K");
	GRand *rand = g_rand_new_with_seed(0x4e5055);
	g_autofree uint32_t *noise = g_malloc(1 * MiB);

	for (unsigned int i = 0; i < MiB / 4; i++) {
		noise[i] = g_rand_int(rand);
	}
	qtest_memwrite(npu->qts, FW_ADDR, noise, 1 * MiB);
	for (int i = 0; i < 20000; i++) {
		uint32_t where = g_rand_int_range(rand, 0, 4), value = g_rand_int(rand);
		uint32_t offset = where == 0 ? g_rand_int(rand) % NPU_BAR0_SIZE :
				  where == 1 ? NPU_DOORBELL(g_rand_int(rand) % NPU_MAX_QUEUES) :
					       g_rand_int(rand) % 0x100;

		switch (g_rand_int(rand) % 6) {
		case 0: /* an address that there is memory at */
			value = FW_ADDR + value % (1 * MiB);
			break;
		case 1:
			value &= ~4095;
			break;
		case 2:
			value &= 0xff;
			break;
		case 3: /* upper halves and small sizes */
			value = 0;
			break;
		}
		switch (g_rand_int(rand) % 8) {
		case 0:
			qpci_io_writeq(npu->dev, npu->regs, offset & ~7,
				       value | (uint64_t)g_rand_int(rand) << 32);
			break;
		case 1:
			qpci_io_readq(npu->dev, npu->regs, offset & ~7);
			break;
		case 2:
			qpci_io_readl(npu->dev, npu->regs, offset & ~3);
			break;
		case 3:
			qpci_io_writel(npu->dev, npu->regs, offset, value);
			break;
		case 4:
			reg_write(npu, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
			break;
		default:
			qpci_io_writel(npu->dev, npu->regs, offset & ~3, value);
		}
		if (i % 1000 == 0) {
			qtest_clock_step(npu->qts, 100 * 1000 * 1000);
			reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
		}
	}
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	expect_reset_state(npu);
	npu_boot(npu, NO_MEMORY, 4096);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
	g_rand_free(rand);
	npu_stop(npu);
}

/* Out and in again, with the boot ROM having run. */
static void test_unplug(void)
{
	Npu *npu = npu_start("");

	dirty_registers(npu);
	qtest_qmp_device_del_send(npu->qts, "npu0");
	/* No guest acknowledges; a system reset carries it out. */
	qtest_system_reset_nowait(npu->qts);
	qtest_qmp_eventwait(npu->qts, "DEVICE_DELETED");
	qtest_qmp_device_add(npu->qts, "npu", "npu0", "{'bus': 'rp0'}");
	qtest_system_reset(npu->qts);
	npu_unmap(npu);
	npu_map(npu);
	expect_reset_state(npu);
	npu_boot(npu, NO_MEMORY, 4096);
	expect_boot_error(npu, NPU_BOOT_ERR_DMA, NO_MEMORY);
	npu_stop(npu);
}

/* Wait for this end of a migration, with the capability "events" set. */
static void wait_migrated(Npu *npu)
{
	bool done = false;

	while (!done) {
		QDict *event = qtest_qmp_eventwait_ref(npu->qts, "MIGRATION");
		const char *status = qdict_get_str(qdict_get_qdict(event, "data"), "status");

		g_assert_cmpstr(status, !=, "failed");
		done = g_str_equal(status, "completed");
		qobject_unref(event);
	}
}

static void migrate(Npu *npu, const char *command, const char *uri)
{
	qtest_qmp_assert_success(npu->qts,
				 "{'execute': 'migrate-set-capabilities', 'arguments': {'capabilities': "
				 "[{'capability': 'events', 'state': true}]}}");
	qtest_qmp_assert_success(npu->qts, "{'execute': %s, 'arguments': {'uri': %s}}", command, uri);
	wait_migrated(npu);
}

/* Registers, a doorbell and a boot ROM that has given up go on in another QEMU, and so does what is done there. */
static void test_migration(void)
{
	g_autofree char *path = g_strdup_printf("%s/npu-test-%d.state", g_get_tmp_dir(), getpid());
	g_autofree char *uri = g_strdup_printf("file:%s", path);
	Npu *npu = npu_start("sram=128K"), *other = npu_start_with("sram=128K", "-incoming defer");

	dirty_registers(npu);
	migrate(npu, "migrate", uri);
	/* The one that was saved stands still, but can be looked at. */
	g_assert_cmphex(reg_read(npu, NPU_REG_MBOX_BASE_LO), ==, 0x3000);
	npu_stop(npu);
	migrate(other, "migrate-incoming", uri);
	unlink(path);
	g_assert_cmphex(reg_read(other, NPU_REG_AS_TABLE_HI), ==, 0x1);
	g_assert_cmphex(reg_read(other, NPU_REG_QUEUE_TABLE_LO), ==, 0x2000);
	g_assert_cmphex(reg_read(other, NPU_REG_MBOX_BASE_LO), ==, 0x3000);
	g_assert_cmphex(reg_read(other, NPU_REG_IRQ_ENABLE), ==, NPU_IRQ_ALL);
	g_assert_cmphex(reg_read(other, NPU_REG_IRQ_STATUS) & NPU_IRQ_BOOT, ==, NPU_IRQ_BOOT);
	expect_boot_error(other, NPU_BOOT_ERR_DMA, NO_MEMORY);
	reg_write(other, NPU_REG_RESET, NPU_RESET_KEY);
	expect_reset_state(other);
	npu_boot(other, FW_ADDR, 4096);
	expect_boot_error(other, NPU_BOOT_ERR_MAGIC, 0);
	npu_stop(other);
}

/* Saved asleep, in the middle of a boot: it sleeps on at the other end, and wakes there. */
static void test_migration_asleep(void)
{
	g_autofree char *path = g_strdup_printf("%s/npu-test-%d.state", g_get_tmp_dir(), getpid());
	g_autofree char *uri = g_strdup_printf("file:%s", path);
	Npu *npu = npu_start(SLOWLY), *other = npu_start_with(SLOWLY, "-incoming defer");
	uint8_t cap = qpci_find_capability(npu->dev, PCI_CAP_ID_PM, 0);

	reg_write(npu, NPU_REG_QUEUE_TABLE_LO, 0x5000);
	npu_boot(npu, NO_MEMORY, 4096);
	npu_set_power(npu, 3);
	migrate(npu, "migrate", uri);
	npu_stop(npu);
	migrate(other, "migrate-incoming", uri);
	unlink(path);
	g_assert_cmpuint(qpci_config_readw(other->dev, cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK, ==, 3);
	expect_asleep(other);
	npu_set_power(other, 0);
	g_assert_cmphex(reg_read(other, NPU_REG_BOOT_STATUS), ==, NPU_BOOT_ROM);
	g_assert_cmphex(reg_read(other, NPU_REG_QUEUE_TABLE_LO), ==, 0x5000);
	expect_boot_error(other, NPU_BOOT_ERR_DMA, NO_MEMORY);
	npu_stop(other);
}

/* A device of another size is refused, and that QEMU stays as it was. */
static void test_migration_other(void)
{
	g_autofree char *path = g_strdup_printf("%s/npu-test-%d.state", g_get_tmp_dir(), getpid());
	g_autofree char *uri = g_strdup_printf("file:%s", path);
	Npu *npu = npu_start("tiles=2"), *other = npu_start_with("tiles=3", "-incoming defer");
	bool failed = false;

	migrate(npu, "migrate", uri);
	npu_stop(npu);
	qtest_qmp_assert_success(other->qts,
				 "{'execute': 'migrate-set-capabilities', 'arguments': {'capabilities': "
				 "[{'capability': 'events', 'state': true}]}}");
	qtest_qmp_assert_success(other->qts,
				 "{'execute': 'migrate-incoming', 'arguments': {'uri': %s, "
				 "'exit-on-error': false}}",
				 uri);
	while (!failed) {
		QDict *event = qtest_qmp_eventwait_ref(other->qts, "MIGRATION");
		const char *status = qdict_get_str(qdict_get_qdict(event, "data"), "status");

		g_assert_cmpstr(status, !=, "completed");
		failed = g_str_equal(status, "failed");
		qobject_unref(event);
	}
	unlink(path);
	expect_reset_state(other);
	npu_stop(other);
}

int main(int argc, char **argv)
{
	npu_test_init(&argc, &argv);

	qtest_add_func("/npu/identity", test_identity);
	qtest_add_func("/npu/properties", test_properties);
	qtest_add_func("/npu/bad-properties", test_bad_properties);
	qtest_add_func("/npu/capabilities", test_capabilities);
	qtest_add_func("/npu/root-complex", test_root_complex);
	qtest_add_func("/npu/odd-accesses", test_odd_accesses);
	qtest_add_func("/npu/boot/no-memory", test_boot_no_memory);
	qtest_add_func("/npu/boot/no-bus-master", test_boot_no_bus_master);
	qtest_add_func("/npu/boot/no-image", test_boot_no_image);
	qtest_add_func("/npu/boot/from-bar", test_boot_from_bar);
	qtest_add_func("/npu/interrupt", test_interrupt);
	qtest_add_func("/npu/interrupt/to-self", test_interrupt_to_self);
	qtest_add_func("/npu/reset/register", test_reset_register);
	qtest_add_func("/npu/reset/flr", test_reset_flr);
	qtest_add_func("/npu/reset/system", test_reset_system);
	qtest_add_func("/npu/power", test_power);
	qtest_add_func("/npu/power/reset", test_power_reset);
	qtest_add_func("/npu/hostile", test_hostile);
	qtest_add_func("/npu/unplug", test_unplug);
	qtest_add_func("/npu/migration", test_migration);
	qtest_add_func("/npu/migration/asleep", test_migration_asleep);
	qtest_add_func("/npu/migration/other", test_migration_other);
	return npu_test_run();
}
