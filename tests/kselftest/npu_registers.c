// SPDX-License-Identifier: MIT
/*
 * Registers that read as they never should: the driver does not bind to a device that claims what cannot be,
 * and one that talks nonsense later costs jobs at most. docs/trust.md is what is tested here.
 *
 * Needs what npu_inject needs, the port to QEMU's monitor too: nobody has the debug registers while the driver
 * looks at the device for the first time.
 */
#include <npu_fw.h>

#include "npu_load.h"

#define FIELD(mask, value) ((uint32_t)(value) * ((mask) & -(mask)))

/* From now on the register reads as this, for so many reads; 0: until cleared. */
static bool reads_as(uint32_t reg, uint32_t value, uint32_t count)
{
	char more[96];

	snprintf(more, sizeof(more), ", 'arg': %u, 'size': %u, 'count': %u, 'persist': true", reg, value,
		 count);
	return monitor_inject("register-read", more);
}

static int find_device(char *pci, size_t size)
{
	struct npu_ctx ctx;
	int ret = npu_ctx_init(&ctx, 0);

	if (!ret)
		ret = find_pci(&ctx, pci, size);
	npu_ctx_exit(&ctx);
	return ret;
}

/* ---- a device that is being bound ---- */

FIXTURE(identity)
{
	char pci[64];
};

FIXTURE_VARIANT(identity)
{
	uint32_t reg, value;
	int error;
	bool hung; /* the firmware does not boot */
};

/* clang-format off */
#define REGISTER(name, ...) FIXTURE_VARIANT_ADD(identity, name) { __VA_ARGS__ }

REGISTER(silent, NPU_REG_ID, UINT32_MAX, -ENODEV);
REGISTER(other, NPU_REG_ID, 0x12345678, -ENODEV);
REGISTER(version, NPU_REG_HW_VERSION, (NPU_HW_VERSION_MAJOR + 1) << 16, -ENODEV);
REGISTER(no_queues, NPU_REG_CAPS0, FIELD(NPU_CAPS0_CHIPLETS, 1) | FIELD(NPU_CAPS0_TILES_PER_CHIPLET, 4), -ENODEV);
REGISTER(queues, NPU_REG_CAPS0, FIELD(NPU_CAPS0_CHIPLETS, 1) | FIELD(NPU_CAPS0_TILES_PER_CHIPLET, 4) |
	 FIELD(NPU_CAPS0_QUEUES, NPU_MAX_QUEUES + 1), -ENODEV);
REGISTER(no_tiles, NPU_REG_CAPS0, FIELD(NPU_CAPS0_CHIPLETS, 1) | FIELD(NPU_CAPS0_QUEUES, 4), -ENODEV);
REGISTER(no_chiplets, NPU_REG_CAPS0, FIELD(NPU_CAPS0_TILES_PER_CHIPLET, 4) | FIELD(NPU_CAPS0_QUEUES, 4), -ENODEV);
REGISTER(tiles, NPU_REG_CAPS0, FIELD(NPU_CAPS0_CHIPLETS, 255) | FIELD(NPU_CAPS0_TILES_PER_CHIPLET, 255) |
	 FIELD(NPU_CAPS0_QUEUES, 4), -ENODEV);
REGISTER(no_sram, NPU_REG_CAPS1, 0, -ENODEV);
REGISTER(sram, NPU_REG_CAPS1, NPU_CAPS1_SRAM_KIB, -ENODEV);
REGISTER(no_spaces, NPU_REG_CAPS2, 1, -ENODEV);
REGISTER(spaces, NPU_REG_CAPS2, NPU_CAPS2_AS, -ENODEV);
REGISTER(clock, NPU_REG_CLOCK_KHZ, 0, -ENODEV);
REGISTER(no_points, NPU_REG_OPP, 0, -ENODEV);
REGISTER(points, NPU_REG_OPP, NPU_OPP_COUNT, -ENODEV);
REGISTER(in_reset, NPU_REG_STATUS, NPU_STATUS_RESET_BUSY, -ETIMEDOUT);
REGISTER(status, NPU_REG_STATUS, UINT32_MAX, -ENODEV);
/* what the register says counts as long as the firmware has not */
REGISTER(boot_error, NPU_REG_BOOT_STATUS, NPU_BOOT_FAILED | 0xff00, -EINVAL, true);
REGISTER(boot_silent, NPU_REG_BOOT_STATUS, UINT32_MAX, -ENODEV, true);
REGISTER(boot_stage, NPU_REG_BOOT_STATUS, 0xff, -ETIMEDOUT, true);
/* clang-format on */

FIXTURE_SETUP(identity)
{
	if (geteuid())
		SKIP(return, "only root binds drivers");
	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor");
	ASSERT_EQ(0, find_device(self->pci, sizeof(self->pci)));
}

FIXTURE_TEARDOWN(identity)
{
	EXPECT_TRUE(monitor_clear());
	if (access(device_path(self->pci, "driver"), F_OK))
		EXPECT_EQ(0, bus_write("drivers/npu/bind", self->pci));
}

TEST_F(identity, probe)
{
	int ret;

	ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
	ASSERT_TRUE(reads_as(variant->reg, variant->value, 0));
	if (variant->hung)
		ASSERT_TRUE(monitor_inject("hung-firmware", ", 'persist': true"));
	ret = bus_write("drivers/npu/bind", self->pci);
	EXPECT_EQ(variant->error, ret);
	EXPECT_NE(0, access(device_path(self->pci, "accel"), F_OK));
	ASSERT_TRUE(monitor_clear());
	EXPECT_EQ(0, bus_write("drivers/npu/bind", self->pci));
	EXPECT_TRUE(npu_load_back());
}

/* ---- one that works ---- */

FIXTURE(registers)
{
	struct npu_ctx ctx;
	volatile uint32_t *regs; /* only to see what was read */
	int restarts;
	char pci[64];
};

FIXTURE_SETUP(registers)
{
	const char *why;

	if (geteuid())
		SKIP(return, "only root resets devices");
	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->regs = map_debug_regs(self->pci, &why);
	if (!self->regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, run_fill(&self->ctx));
	self->restarts = recovery_count(self->pci, "firmware_restarts");
	ASSERT_LE(0, self->restarts);
}

FIXTURE_TEARDOWN(registers)
{
	EXPECT_TRUE(monitor_clear());
	EXPECT_TRUE(works(&self->ctx));
	unmap_debug_regs(self->regs);
	npu_ctx_exit(&self->ctx);
}

/* How often a register has read as it should not. */
static uint32_t misread(FIXTURE_DATA(registers) *self)
{
	reg_write(self->regs, NPU_REG_FAULT_SELECT, NPU_FAULT_REGISTER_READ);
	return reg_read(self->regs, NPU_REG_FAULT_HITS);
}

/* The driver's look at it may come later than what made it look. */
static bool misread_again(FIXTURE_DATA(registers) *self, uint32_t before)
{
	const int64_t start = npu_deadline(0);

	while (misread(self) == before && npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(1000);
	return misread(self) != before;
}

/* TLBs that are never empty: what they may still know of is not freed before the device was reset. */
TEST_F(registers, invalidation_does_not_end)
{
	ASSERT_TRUE(reads_as(NPU_REG_TLB_STATUS, NPU_TLB_STATUS_BUSY, 0));
	EXPECT_EQ(0, npu_unmap(self->ctx.fd, self->ctx.vm, NPU_TEST_VA, NPU_TEST_SIZE));
	EXPECT_LT(self->restarts, recovery_count(self->pci, "firmware_restarts"));
	ASSERT_TRUE(monitor_clear());
	EXPECT_EQ(0, npu_map(self->ctx.fd, self->ctx.vm, self->ctx.bo, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0));
}

/* A reset that does not end: each step of recovery is tried, and then no more. */
TEST_F_TIMEOUT(registers, reset_does_not_end, 180)
{
	const int functions = recovery_count(self->pci, "function_resets");
	const int wedged = recovery_count(self->pci, "wedged");

	ASSERT_EQ(0, new_queue(&self->ctx, 60000));
	ASSERT_EQ(0, start_forever(&self->ctx));
	ASSERT_TRUE(reads_as(NPU_REG_STATUS, NPU_STATUS_RESET_BUSY | NPU_STATUS_FW_DEAD, 0));
	EXPECT_EQ(-ENODEV, wait_job(&self->ctx, SECONDS(150)));
	EXPECT_EQ(-ENODEV, run_fill(&self->ctx));
	EXPECT_EQ(self->restarts + 1, recovery_count(self->pci, "firmware_restarts"));
	EXPECT_EQ(functions + 1, recovery_count(self->pci, "function_resets"));
	EXPECT_EQ(wedged + 1, recovery_count(self->pci, "wedged"));
	/* an administrator's gives it another chance */
	ASSERT_TRUE(monitor_clear());
	EXPECT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_TRUE(device_says(self->pci, "npu/state", "up"));
}

/* A job that never ends is lost, as the firmware is restarted for what the register says, and no more than once. */
static void restarts_once(struct __test_metadata *_metadata, FIXTURE_DATA(registers) *self, uint32_t reg,
			  uint32_t value, uint32_t count)
{
	ASSERT_EQ(0, new_queue(&self->ctx, 60000));
	ASSERT_EQ(0, start_forever(&self->ctx));
	ASSERT_TRUE(reads_as(reg, value, count));
	EXPECT_EQ(-ECANCELED, wait_job(&self->ctx, NPU_TEST_WAIT_NS));
	EXPECT_EQ(self->restarts + 1, recovery_count(self->pci, "firmware_restarts"));
}

/* Firmware that is taken for dead for one look. */
TEST_F(registers, dead_for_a_moment)
{
	restarts_once(_metadata, self, NPU_REG_STATUS, NPU_STATUS_FW_DEAD, 1);
}

/* A heart that stands still, though all else is well. */
TEST_F(registers, no_heartbeat)
{
	restarts_once(_metadata, self, NPU_REG_HEARTBEAT, 0x4711, 0);
}

/* One that has another identity, for the time of a look, while an answer decides. */
TEST_F(registers, identity_is_lost)
{
	restarts_once(_metadata, self, NPU_REG_ID, 0, 1);
}

/* Events that do not exist, and those that do but for the two of a firmware that has failed, without a cause. */
TEST_F(registers, all_events)
{
	const int spurious = 5;
	int i;

	for (i = 0; i < spurious; i++) {
		const uint32_t before = misread(self);

		ASSERT_TRUE(reads_as(NPU_REG_IRQ_STATUS, ~NPU_IRQ_FW_DEAD & ~NPU_IRQ_BOOT, 1));
		ASSERT_TRUE(monitor_inject("spurious-interrupt", ""));
		EXPECT_TRUE(misread_again(self, before));
		EXPECT_EQ(0, run_fill(&self->ctx));
	}
	EXPECT_EQ(self->restarts, recovery_count(self->pci, "firmware_restarts"));
}

/* The place of a memory error is only printed. */
TEST_F(registers, memory_errors)
{
	const uint32_t before = misread(self);

	ASSERT_TRUE(reads_as(NPU_REG_ECC_LAST, NPU_ECC_LAST_VALID | NPU_ECC_LAST_CORE, 1));
	ASSERT_TRUE(monitor_inject("ecc-correctable", ""));
	EXPECT_TRUE(misread_again(self, before));
	EXPECT_EQ(0, run_fill(&self->ctx));
	EXPECT_EQ(self->restarts, recovery_count(self->pci, "firmware_restarts"));
}

/* What a file says of a nonsensical point, clock or temperature is an error, and not that. */
TEST_F(registers, nonsense_is_not_shown)
{
	const char *point = device_path(self->pci, "dvfs/cur_point");
	const long before = read_number(point);
	struct npu_ctx *ctx = &self->ctx;
	glob_t files;

	ASSERT_LE(0, before);
	ASSERT_TRUE(reads_as(NPU_REG_OPP, FIELD(NPU_OPP_CURRENT, 200) | FIELD(NPU_OPP_COUNT, 3), 0));
	EXPECT_EQ(-EIO, read_number(device_path(self->pci, "dvfs/cur_point")));
	EXPECT_EQ(0, run_fill(ctx));
	ASSERT_TRUE(reads_as(NPU_REG_OPP, UINT32_MAX, 0));
	EXPECT_EQ(-EIO, read_number(device_path(self->pci, "dvfs/cur_point")));
	ASSERT_TRUE(reads_as(NPU_REG_OPP_KHZ, UINT32_MAX - 1, 0));
	EXPECT_EQ(-EIO, read_number(device_path(self->pci, "dvfs/cur_point")));
	EXPECT_EQ(0, run_fill(ctx));
	ASSERT_TRUE(monitor_clear());
	EXPECT_EQ(before, read_number(device_path(self->pci, "dvfs/cur_point")));

	ASSERT_EQ(0, glob(device_path(self->pci, "hwmon/hwmon*/temp1_input"), 0, NULL, &files));
	EXPECT_LT(0, read_number(files.gl_pathv[0]));
	ASSERT_TRUE(reads_as(NPU_REG_TEMPERATURE, UINT32_MAX, 0));
	EXPECT_EQ(-ENODEV, read_number(files.gl_pathv[0]));
	ASSERT_TRUE(reads_as(NPU_REG_TEMPERATURE, INT32_MAX, 0));
	EXPECT_EQ(-EIO, read_number(files.gl_pathv[0]));
	globfree(&files);
}

TEST_HARNESS_MAIN
