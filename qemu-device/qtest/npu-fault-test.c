/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of the NPU's faults on demand: QMP commands, debug registers, and what PCI Express sees of it.
 * What the firmware and its host see is tested with the core (tests/unit/test_fault.c).
 */
#include "npu-qtest.h"

#define AER	0x100
#define CONFIG	(ECAM_BASE + (BUS << 20))
#define DEBUG	"debug-faults=on"
#define NATIVE_HOTPLUG "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
#define PORT_EXP(npu) qpci_find_capability((npu)->port, PCI_CAP_ID_EXP, 0)

static const char *const names[] = {
#define NAME(symbol, number, name, target, description) [number] = name,
	NPU_FAULT_TABLE(NAME)
#undef NAME
};

/* ---- helpers ---- */

static uint32_t inject(Npu *npu, enum npu_fault fault, uint32_t target, uint32_t count, uint32_t arg)
{
	reg_write(npu, NPU_REG_FAULT_SELECT, fault);
	reg_write(npu, NPU_REG_FAULT_TARGET, target);
	reg_write(npu, NPU_REG_FAULT_COUNT, count);
	reg_write(npu, NPU_REG_FAULT_ARG_LO, arg);
	reg_write(npu, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	return reg_read(npu, NPU_REG_FAULT_STATUS);
}

static void qmp_inject(Npu *npu, enum npu_fault fault, const char *more)
{
	g_autofree char *command =
		g_strdup_printf("{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', "
				"'fault': '%s'%s}}", names[fault], more);

	qtest_qmp_assert_success(npu->qts, command, NULL);
}

static void qmp_clear(Npu *npu)
{
	qtest_qmp_assert_success(npu->qts, "{'execute': 'npu-clear-fault', "
					   "'arguments': {'id': 'npu0'}}");
}

/* The command fails, and its message has this in it. */
static void qmp_fails(Npu *npu, const char *command, const char *message)
{
	QDict *reply = qtest_qmp(npu->qts, command, NULL);
	QDict *error = qdict_get_qdict(reply, "error");

	g_assert_nonnull(error);
	if (!strstr(qdict_get_str(error, "desc"), message)) {
		g_error("\"%s\" does not say \"%s\"", qdict_get_str(error, "desc"), message);
	}
	qobject_unref(reply);
}

/* What QMP says of a fault; to be unref'd. */
static QDict *qmp_query(Npu *npu, enum npu_fault fault)
{
	QDict *reply = qtest_qmp(npu->qts, "{'execute': 'npu-query-faults', "
					   "'arguments': {'id': 'npu0'}}");
	QList *list = qdict_get_qlist(reply, "return");
	const QListEntry *entry;
	uint32_t which = 0;
	QDict *info = NULL;

	g_assert_nonnull(list);
	QLIST_FOREACH_ENTRY(list, entry)
	{
		QDict *found = qobject_to(QDict, qlist_entry_obj(entry));

		g_assert_cmpstr(qdict_get_str(found, "fault"), ==, names[++which]);
		if (which == fault) {
			info = qobject_ref(found);
		}
	}
	g_assert_cmpuint(which, ==, NPU_FAULT_COUNT - 1);
	qobject_unref(reply);
	return info;
}

static bool qmp_armed(Npu *npu, enum npu_fault fault)
{
	QDict *info = qmp_query(npu, fault);
	bool armed = qdict_get_bool(info, "armed");

	qobject_unref(info);
	return armed;
}

static int64_t qmp_hits(Npu *npu, enum npu_fault fault)
{
	QDict *info = qmp_query(npu, fault);
	int64_t hits = qdict_get_int(info, "hits");

	qobject_unref(info);
	return hits;
}

static void enable_ecam(Npu *npu)
{
	QPCIDevice *host = qpci_device_find(npu->bus, QPCI_DEVFN(0, 0));

	qpci_config_writel(host, 0x60, ECAM_BASE | 1);
	qpci_config_writel(host, 0x64, 0);
	g_free(host);
}

static void vector_to(Npu *npu, unsigned int vector, uint32_t data)
{
	msix_write(npu, vector, PCI_MSIX_ENTRY_LOWER_ADDR, MSI_ADDR + 4 * vector);
	msix_write(npu, vector, PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	msix_write(npu, vector, PCI_MSIX_ENTRY_DATA, data);
	msix_write(npu, vector, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

/* The vector's message, taken out of memory; 0: none. */
static uint32_t take(Npu *npu, unsigned int vector)
{
	uint32_t data = qtest_readl(npu->qts, MSI_ADDR + 4 * vector);

	qtest_writel(npu->qts, MSI_ADDR + 4 * vector, 0);
	return data;
}

#define WAIT_UNTIL(npu, condition)                                          \
	do {                                                                \
		gint64 end_ = g_get_monotonic_time() + PATIENCE;            \
		while (!(condition)) {                                      \
			g_assert_cmpint(g_get_monotonic_time(), <, end_);   \
			qtest_clock_step((npu)->qts, 1000 * 1000);          \
		}                                                           \
	} while (0)

static bool works(Npu *npu)
{
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	npu_boot(npu, NO_MEMORY, 4096);
	return NPU_BOOT_ERROR(npu_wait_boot(npu)) == NPU_BOOT_ERR_DMA &&
	       reg_read(npu, NPU_REG_BOOT_DETAIL) == NO_MEMORY;
}

/* ---- tests ---- */

static void test_qmp(void)
{
	Npu *npu = npu_start("");
	QDict *info;

	for (uint32_t fault = 1; fault < NPU_FAULT_COUNT; fault++) {
		g_assert_false(qmp_armed(npu, fault));
	}
	qmp_inject(npu, NPU_FAULT_HUNG_TILE, ", 'target': 2, 'count': 7, 'after': 3, 'arg': 1, "
					     "'persist': true");
	info = qmp_query(npu, NPU_FAULT_HUNG_TILE);
	g_assert_true(qdict_get_bool(info, "armed"));
	g_assert_cmpint(qdict_get_int(info, "target"), ==, 2);
	g_assert_cmpint(qdict_get_int(info, "count"), ==, 7);
	g_assert_cmpint(qdict_get_int(info, "after"), ==, 3);
	g_assert_cmpint(qdict_get_int(info, "arg"), ==, 1);
	g_assert_true(qdict_get_bool(info, "persist"));
	g_assert_cmpint(qdict_get_int(info, "hits"), ==, 0);
	qobject_unref(info);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	g_assert_true(qmp_armed(npu, NPU_FAULT_HUNG_TILE));
	/* Others stay when one is cleared. */
	qmp_inject(npu, NPU_FAULT_THERMAL_THROTTLE, "");
	qtest_qmp_assert_success(npu->qts, "{'execute': 'npu-clear-fault', 'arguments': "
					   "{'id': 'npu0', 'fault': 'hung-tile'}}");
	g_assert_false(qmp_armed(npu, NPU_FAULT_HUNG_TILE));
	g_assert_true(qmp_armed(npu, NPU_FAULT_THERMAL_THROTTLE));
	qmp_clear(npu);
	g_assert_false(qmp_armed(npu, NPU_FAULT_THERMAL_THROTTLE));
	/* A path does as well as an ID. */
	qtest_qmp_assert_success(npu->qts, "{'execute': 'npu-clear-fault', 'arguments': "
					   "{'id': '/machine/peripheral/npu0'}}");

	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu1', "
		       "'fault': 'link-down'}}", "no NPU 'npu1'");
	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'rp0', "
		       "'fault': 'link-down'}}", "no NPU 'rp0'");
	qmp_fails(npu, "{'execute': 'npu-query-faults', 'arguments': {'id': 'npu1'}}", "no NPU");
	qmp_fails(npu, "{'execute': 'npu-clear-fault', 'arguments': {'id': 'npu1'}}", "no NPU");
	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', "
		       "'fault': 'bad-luck'}}", "bad-luck");
	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', "
		       "'fault': 'hung-tile', 'target': 4}}", "no target 4");
	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', "
		       "'fault': 'interrupt-storm', 'arg': 1}}", "out of range");
	npu_stop(npu);
}

/* Nobody finds the registers on a device that was not given them. */
static void test_registers(void)
{
	Npu *npu = npu_start("");

	for (uint32_t reg = NPU_REG_FAULT_SELECT; reg <= NPU_REG_FAULT_ARMED_HI; reg += 4) {
		reg_write(npu, reg, NPU_FAULT_CMD_INJECT);
		g_assert_cmphex(reg_read(npu, reg), ==, 0);
	}
	g_assert_cmphex(reg_read(npu, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS, ==, 0);
	for (uint32_t fault = 1; fault < NPU_FAULT_COUNT; fault++) {
		g_assert_false(qmp_armed(npu, fault));
	}
	npu_stop(npu);

	npu = npu_start(DEBUG);
	g_assert_cmphex(reg_read(npu, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS, !=, 0);
	g_assert_cmphex(inject(npu, NPU_FAULT_THERMAL_THROTTLE, NPU_FAULT_ANY, 0, 0), ==,
			NPU_FAULT_STATUS_OK);
	g_assert_true(qmp_armed(npu, NPU_FAULT_THERMAL_THROTTLE));
	g_assert_cmphex(reg_read(npu, NPU_REG_STATUS), ==, NPU_STATUS_THROTTLED);
	g_assert_cmphex(inject(npu, NPU_FAULT_HUNG_TILE, 64, 0, 0), ==, NPU_FAULT_STATUS_BAD_TARGET);
	reg_write(npu, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	g_assert_cmphex(reg_read(npu, NPU_REG_STATUS), ==, 0);
	npu_stop(npu);
}

static void test_firmware(void)
{
	Npu *npu = npu_start("");

	qmp_inject(npu, NPU_FAULT_HUNG_FIRMWARE, "");
	npu_boot(npu, NO_MEMORY, 4096);
	qtest_clock_step(npu->qts, 1000 * 1000 * 1000);
	g_assert_cmphex(reg_read(npu, NPU_REG_BOOT_STATUS), ==, NPU_BOOT_ROM);
	qmp_clear(npu);
	g_assert_cmphex(NPU_BOOT_ERROR(npu_wait_boot(npu)), ==, NPU_BOOT_ERR_DMA);

	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
	qmp_inject(npu, NPU_FAULT_DEAD_FIRMWARE, "");
	npu_boot(npu, NO_MEMORY, 4096);
	WAIT_UNTIL(npu, reg_read(npu, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD);
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, NPU_IRQ_FW_DEAD);

	/* There is memory, but the port does not get to it. */
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	qmp_inject(npu, NPU_FAULT_DMA_ERROR, ", 'target': 257, 'arg': 2097152, 'size': 4096");
	npu_boot(npu, FW_ADDR, 64 * KiB);
	g_assert_cmphex(NPU_BOOT_ERROR(npu_wait_boot(npu)), ==, NPU_BOOT_ERR_DMA);
	g_assert_cmphex(reg_read(npu, NPU_REG_BOOT_DETAIL), ==, FW_ADDR);
	npu_stop(npu);
}

static void test_interrupts(void)
{
	Npu *npu = npu_start("");
	unsigned int seen = 0;

	qpci_msix_enable(npu->dev);
	vector_to(npu, 0, 0x100);
	vector_to(npu, 5, 0x105);
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, ", 'target': 5");
	g_assert_cmphex(take(npu, 5), ==, 0x105);
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, "");
	g_assert_cmphex(take(npu, 0), ==, 0); /* no event is enabled */
	reg_write(npu, NPU_REG_IRQ_ENABLE, NPU_IRQ_BOOT);
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, "");
	g_assert_cmphex(take(npu, 0), ==, 0x100);
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, 0);

	/* All of them: ROM and hardware both tell of a boot that failed. */
	qmp_inject(npu, NPU_FAULT_LOST_INTERRUPT, ", 'target': 0, 'count': 0");
	npu_boot(npu, NO_MEMORY, 4096);
	npu_wait_boot(npu);
	WAIT_UNTIL(npu, qmp_hits(npu, NPU_FAULT_LOST_INTERRUPT));
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, NPU_IRQ_BOOT);
	g_assert_cmphex(take(npu, 0), ==, 0);
	qmp_clear(npu);

	/* A storm: one for each step of its interval, until it is cleared. */
	qmp_inject(npu, NPU_FAULT_INTERRUPT_STORM, ", 'target': 5, 'arg': 1000000");
	for (int i = 0; i < 50; i++) {
		qtest_clock_step(npu->qts, 1000 * 1000);
		seen += take(npu, 5) == 0x105;
	}
	g_assert_cmpuint(seen, >=, 25);
	/* Masked in the table they melt into one that waits. */
	msix_write(npu, 5, PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	take(npu, 5);
	WAIT_UNTIL(npu, qpci_msix_pending(npu->dev, 5));
	qmp_clear(npu);
	qtest_clock_step(npu->qts, 10 * 1000 * 1000);
	g_assert_cmphex(take(npu, 5), ==, 0);
	msix_write(npu, 5, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	g_assert_cmphex(take(npu, 5), ==, 0x105);
	qtest_clock_step(npu->qts, 10 * 1000 * 1000);
	g_assert_cmphex(take(npu, 5), ==, 0);
	npu_stop(npu);
}

static void test_ecc(void)
{
	Npu *npu = npu_start("");

	enable_ecam(npu);
	qmp_inject(npu, NPU_FAULT_ECC_CORRECTABLE, ", 'target': 1, 'count': 3");
	g_assert_cmpuint(reg_read(npu, NPU_REG_ECC_CORRECTED), ==, 3);
	g_assert_cmphex(reg_read(npu, NPU_REG_ECC_LAST), ==, NPU_ECC_LAST_VALID | 1);
	g_assert_cmphex(reg_read(npu, NPU_REG_IRQ_STATUS), ==, NPU_IRQ_ECC);
	WAIT_UNTIL(npu, qtest_readl(npu->qts, CONFIG + AER + PCI_ERR_COR_STATUS) & PCI_ERR_COR_INTERNAL);
	g_assert_cmphex(qtest_readl(npu->qts, CONFIG + AER + PCI_ERR_UNCOR_STATUS), ==, 0);

	/* The management core's memory, when it next uses it. */
	qmp_inject(npu, NPU_FAULT_ECC_UNCORRECTABLE, ", 'target': 257");
	npu_boot(npu, NO_MEMORY, 4096);
	WAIT_UNTIL(npu, reg_read(npu, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD);
	g_assert_cmphex(reg_read(npu, NPU_REG_ECC_LAST), ==,
			NPU_ECC_LAST_VALID | NPU_ECC_LAST_UNCORRECTED | 0x101);
	WAIT_UNTIL(npu, qtest_readl(npu->qts, CONFIG + AER + PCI_ERR_UNCOR_STATUS) & PCI_ERR_UNC_INTN);
	npu_stop(npu);
}

/* In D3hot messages wait: of interrupts as of errors. A storm's clock stands still. */
static void test_asleep(void)
{
	Npu *npu = npu_start("");
	int64_t hits;

	enable_ecam(npu);
	qpci_msix_enable(npu->dev);
	vector_to(npu, 5, 0x105);
	vector_to(npu, 6, 0x106);
	qmp_inject(npu, NPU_FAULT_INTERRUPT_STORM, ", 'target': 6, 'arg': 1000000");
	WAIT_UNTIL(npu, take(npu, 6) == 0x106);

	npu_set_power(npu, 3);
	hits = qmp_hits(npu, NPU_FAULT_INTERRUPT_STORM);
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, ", 'target': 5");
	qmp_inject(npu, NPU_FAULT_ECC_CORRECTABLE, "");
	take(npu, 6);
	for (int i = 0; i < 100; i++) {
		qtest_clock_step(npu->qts, 1000 * 1000);
	}
	g_assert_cmphex(take(npu, 5), ==, 0);
	g_assert_cmphex(take(npu, 6), ==, 0);
	g_assert_cmpint(qmp_hits(npu, NPU_FAULT_INTERRUPT_STORM), ==, hits);
	g_assert_cmphex(qtest_readl(npu->qts, CONFIG + AER + PCI_ERR_COR_STATUS), ==, 0);

	npu_set_power(npu, 0);
	g_assert_cmphex(take(npu, 5), ==, 0x105);
	WAIT_UNTIL(npu, qtest_readl(npu->qts, CONFIG + AER + PCI_ERR_COR_STATUS) & PCI_ERR_COR_INTERNAL);
	WAIT_UNTIL(npu, take(npu, 6) == 0x106);
	qmp_clear(npu);

	/* The link may go and come meanwhile. */
	npu_set_power(npu, 3);
	qmp_inject(npu, NPU_FAULT_LINK_DOWN, "");
	g_assert_cmphex(qpci_config_readl(npu->dev, PCI_VENDOR_ID), ==, UINT32_MAX);
	qmp_clear(npu);
	WAIT_UNTIL(npu, qpci_config_readl(npu->dev, PCI_VENDOR_ID) != UINT32_MAX);
	npu_set_power(npu, 0);
	g_assert_true(works(npu));
	npu_stop(npu);
}

static void expect_all_ones(Npu *npu)
{
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, UINT32_MAX);
	g_assert_cmphex(qpci_io_readq(npu->dev, npu->regs, NPU_REG_TIME_LO), ==, UINT64_MAX);
	g_assert_cmphex(qpci_io_readl(npu->dev, npu->dev->msix_table_bar, 0), ==, UINT32_MAX);
	g_assert_cmphex(qpci_config_readl(npu->dev, PCI_VENDOR_ID), ==, UINT32_MAX);
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_COMMAND), ==, UINT16_MAX);
	g_assert_cmphex(qpci_config_readb(npu->dev, PCI_REVISION_ID), ==, UINT8_MAX);
}

static void test_link_down(void)
{
	Npu *npu = npu_start("");
	uint8_t exp = qpci_find_capability(npu->dev, PCI_CAP_ID_EXP, 0);

	qpci_msix_enable(npu->dev);
	vector_to(npu, 5, 0x105);
	/* Some reads only. */
	qmp_inject(npu, NPU_FAULT_LINK_DOWN, ", 'count': 2");
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, UINT32_MAX);
	g_assert_cmphex(qpci_config_readw(npu->dev, PCI_VENDOR_ID), ==, NPU_PCI_VENDOR_ID);
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, UINT32_MAX);
	g_assert_cmphex(reg_read(npu, NPU_REG_ID), ==, NPU_ID_MAGIC);

	qmp_inject(npu, NPU_FAULT_LINK_DOWN, "");
	WAIT_UNTIL(npu, qpci_io_readl(npu->dev, npu->dev->msix_table_bar, 0) == UINT32_MAX);
	expect_all_ones(npu);
	reg_write(npu, NPU_REG_RESET, NPU_RESET_KEY);
	qpci_config_writew(npu->dev, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, ", 'target': 5");
	expect_all_ones(npu);
	g_assert_cmphex(take(npu, 5), ==, 0);
	qmp_clear(npu);
	WAIT_UNTIL(npu, qpci_io_readl(npu->dev, npu->dev->msix_table_bar, 5 * 16) == MSI_ADDR + 20);
	g_assert_true(works(npu));
	qmp_inject(npu, NPU_FAULT_SPURIOUS_INTERRUPT, ", 'target': 5");
	g_assert_cmphex(take(npu, 5), ==, 0x105);

	/* The bus's reset ends it. */
	qmp_inject(npu, NPU_FAULT_LINK_DOWN, "");
	qtest_system_reset(npu->qts);
	npu_unmap(npu);
	npu_map(npu);
	g_assert_true(works(npu));
	npu_stop(npu);
}

static void test_removal(void)
{
	Npu *npu = npu_start_with("", NATIVE_HOTPLUG);
	uint8_t exp = PORT_EXP(npu);

	qpci_msix_enable(npu->dev);
	g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS, !=, 0);
	qpci_config_writew(npu->port, exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC);
	for (int round = 0; round < 2; round++) {
		/* The second time it is asleep. */
		npu_set_power(npu, round ? 3 : 0);
		qmp_inject(npu, NPU_FAULT_SURPRISE_REMOVAL, "");
		WAIT_UNTIL(npu, qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDC);
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) &
				PCI_EXP_SLTSTA_PDS, ==, 0);
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_LNKSTA) &
				PCI_EXP_LNKSTA_DLLLA, ==, 0);
		g_assert_cmphex(qpci_config_readl(npu->dev, PCI_VENDOR_ID), ==, UINT32_MAX);
		if (!round) {
			expect_all_ones(npu);
		}
		qpci_config_writew(npu->port, exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC);
		/* What a guest cannot clear would keep it busy for ever. */
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) &
				(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC), ==, 0);

		/* Back in: powered on anew, and nobody knows its BARs any more. */
		qmp_clear(npu);
		WAIT_UNTIL(npu, qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDC);
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS,
				!=, 0);
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_LNKSTA) &
				PCI_EXP_LNKSTA_DLLLA, !=, 0);
		g_assert_cmphex(qpci_config_readw(npu->dev, PCI_COMMAND), ==, 0);
		qpci_config_writew(npu->port, exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC);
		/* What a guest cannot clear would keep it busy for ever. */
		g_assert_cmphex(qpci_config_readw(npu->port, exp + PCI_EXP_SLTSTA) &
				(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC), ==, 0);
		npu->regs = qpci_iomap(npu->dev, NPU_BAR_REGS, NULL);
		qpci_device_enable(npu->dev);
		qpci_msix_enable(npu->dev);
		g_assert_true(works(npu));
	}
	npu_stop(npu);

	/* Soldered in: a slot that knows of no hot-plug. By register it is just gone. */
	npu = npu_start(DEBUG);
	qmp_fails(npu, "{'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', "
		       "'fault': 'surprise-removal'}}", "slot");
	inject(npu, NPU_FAULT_SURPRISE_REMOVAL, 0, 0, 0);
	WAIT_UNTIL(npu, qpci_io_readl(npu->dev, npu->regs, NPU_REG_ID) == UINT32_MAX);
	qmp_clear(npu);
	WAIT_UNTIL(npu, qpci_config_readw(npu->dev, PCI_VENDOR_ID) == NPU_PCI_VENDOR_ID);
	npu_stop(npu);
}

static void test_link_speed(void)
{
	Npu *npu = npu_start("");
	uint16_t where = qpci_find_capability(npu->dev, PCI_CAP_ID_EXP, 0) + PCI_EXP_LNKSTA;
	uint16_t before = qpci_config_readw(npu->dev, where);

	qmp_inject(npu, NPU_FAULT_SLOW_LINK, "");
	WAIT_UNTIL(npu, (qpci_config_readw(npu->dev, where) & PCI_EXP_LNKSTA_CLS) ==
				PCI_EXP_LNKSTA_CLS_2_5GB);
	g_assert_true(works(npu));
	qmp_inject(npu, NPU_FAULT_SLOW_LINK, ", 'persist': true");
	qmp_clear(npu);
	WAIT_UNTIL(npu, qpci_config_readw(npu->dev, where) == before);
	npu_stop(npu);
}

/* Unplugged with everything wrong that can be. */
static void test_unplug(void)
{
	Npu *npu = npu_start("");

	for (uint32_t fault = 1; fault < NPU_FAULT_COUNT; fault++) {
		if (fault != NPU_FAULT_SURPRISE_REMOVAL) {
			qmp_inject(npu, fault, ", 'persist': true, 'count': 0");
		}
	}
	qtest_qmp_device_del_send(npu->qts, "npu0");
	qtest_system_reset_nowait(npu->qts);
	qtest_qmp_eventwait(npu->qts, "DEVICE_DELETED");
	qtest_qmp_device_add(npu->qts, "npu", "npu0", "{'bus': 'rp0'}");
	qtest_system_reset(npu->qts);
	npu_unmap(npu);
	npu_map(npu);
	g_assert_true(works(npu));
	npu_stop(npu);
}

/* Random faults by register amid random writes: survived, and over once all are cleared. */
static void hostile(const char *props)
{
	Npu *npu = npu_start(props);
	GRand *rand = g_rand_new_with_seed(0x6661);

	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 200; i++) {
			uint32_t value = g_rand_int(rand);
			uint32_t offset = NPU_REG_FAULT_SELECT + 4 * g_rand_int_range(rand, 0, 16);

			switch (g_rand_int(rand) % 8) {
			case 0:
				value %= 0x110;
				break;
			case 1:
				value %= 4;
				break;
			case 2: /* a fault as it should be */
				inject(npu, g_rand_int_range(rand, 1, NPU_FAULT_COUNT),
				       g_rand_boolean(rand) ? NPU_FAULT_ANY : value % 4, value % 3, 0);
				break;
			case 3:
				offset = g_rand_int(rand) % 0x100 & ~3;
				break;
			case 4:
				npu_boot(npu, value & 1 ? NO_MEMORY : FW_ADDR, 64 * KiB);
				break;
			case 5:
				qpci_io_writeq(npu->dev, npu->regs, offset & ~7,
					       (uint64_t)g_rand_int(rand) << 32 | value);
				break;
			case 6:
				reg_read(npu, offset);
				continue;
			}
			reg_write(npu, offset, value);
		}
		qtest_clock_step(npu->qts, 10 * 1000 * 1000);
		qmp_clear(npu);
		/* It may have been out of its slot. */
		npu->regs = qpci_iomap(npu->dev, NPU_BAR_REGS, NULL);
		qpci_device_enable(npu->dev);
		g_assert_true(works(npu));
	}
	g_rand_free(rand);
	npu_stop(npu);
}

static void test_hostile(void)
{
	hostile(DEBUG ",sram=64K");
}

static void test_hostile_sync(void)
{
	hostile(DEBUG ",sram=64K,sync=on");
}

int main(int argc, char **argv)
{
	npu_test_init(&argc, &argv);
	qtest_add_func("/npu/fault/qmp", test_qmp);
	qtest_add_func("/npu/fault/registers", test_registers);
	qtest_add_func("/npu/fault/firmware", test_firmware);
	qtest_add_func("/npu/fault/interrupts", test_interrupts);
	qtest_add_func("/npu/fault/ecc", test_ecc);
	qtest_add_func("/npu/fault/asleep", test_asleep);
	qtest_add_func("/npu/fault/link-down", test_link_down);
	qtest_add_func("/npu/fault/surprise-removal", test_removal);
	qtest_add_func("/npu/fault/slow-link", test_link_speed);
	qtest_add_func("/npu/fault/unplug", test_unplug);
	qtest_add_func("/npu/fault/hostile", test_hostile);
	qtest_add_func("/npu/fault/hostile-sync", test_hostile_sync);
	return npu_test_run();
}
