// SPDX-License-Identifier: MIT
/*
 * Operating points, power cap and sensors, as sysfs and hwmon show them: what is set holds, over
 * resets too, what is wrong is refused and changes nothing, and energy only grows.
 */
#include <glob.h>

#include "npu_inject.h"

#define FILL_SIZE (NPU_TEST_SIZE / 2)
#define FILLS	  512

FIXTURE(power)
{
	struct npu_ctx ctx;
	char pci[64], hwmon[PATH_MAX];
	volatile uint32_t *regs; /* NULL: nothing can be injected */
	long points, khz;
};

static const char *dvfs_path(const char *pci, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "dvfs/%s", name);
	return device_path(pci, file);
}

static long dvfs_get(const char *pci, const char *name)
{
	return read_number(dvfs_path(pci, name));
}

static const char *hwmon_path(const char *hwmon, const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", hwmon, name);
	return path;
}

static long hwmon_get(const char *hwmon, const char *name)
{
	return read_number(hwmon_path(hwmon, name));
}

static int write_number(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return npu_write_file(path, text);
}

/* Work that costs something that can be seen in microjoules. */
static int work(struct npu_ctx *ctx)
{
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_SIZE - FILL_SIZE, 7, FILL_SIZE);
	return npu_ctx_run(ctx, 1);
}

FIXTURE_SETUP(power)
{
	char pattern[160];
	const char *why;
	glob_t found;

	if (geteuid())
		SKIP(return, "only root may set what is tested");
	self->ctx.fd = -1;
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->points = dvfs_get(self->pci, "points");
	ASSERT_LT(1, self->points);
	self->khz = dvfs_get(self->pci, "cur_khz");
	ASSERT_LT(0, self->khz);
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/hwmon/hwmon*", self->pci);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
	ASSERT_EQ(1, found.gl_pathc);
	snprintf(self->hwmon, sizeof(self->hwmon), "%s", found.gl_pathv[0]);
	globfree(&found);
	self->regs = map_debug_regs(self->pci, &why);
}

FIXTURE_TEARDOWN(power)
{
	unmap_debug_regs(self->regs);
	write_number(dvfs_path(self->pci, "max_point"), self->points - 1);
	write_number(hwmon_path(self->hwmon, "power1_cap"), 0);
	npu_ctx_exit(&self->ctx);
}

/* The device runs at the highest point unless something is against it. */
TEST_F(power, points)
{
	const char *pci = self->pci;
	long khz = self->khz, peak = dvfs_get(pci, "peak_mw");

	EXPECT_EQ(self->points - 1, dvfs_get(pci, "cur_point"));
	EXPECT_EQ(self->points - 1, dvfs_get(pci, "max_point"));
	EXPECT_EQ(self->points - 1, dvfs_get(pci, "heat_max_point"));
	for (long point = self->points - 2; point >= 0; point--) {
		ASSERT_EQ(0, write_number(dvfs_path(pci, "max_point"), point));
		EXPECT_EQ(point, dvfs_get(pci, "max_point"));
		EXPECT_EQ(point, dvfs_get(pci, "cur_point"));
		EXPECT_GT(khz, dvfs_get(pci, "cur_khz"));
		EXPECT_GT(peak, dvfs_get(pci, "peak_mw"));
		khz = dvfs_get(pci, "cur_khz");
		peak = dvfs_get(pci, "peak_mw");
		EXPECT_LT(0, khz);
		EXPECT_LT(0, peak);
		EXPECT_EQ(0, work(&self->ctx));
	}
	ASSERT_EQ(0, write_number(dvfs_path(pci, "max_point"), self->points - 1));
	EXPECT_EQ(self->khz, dvfs_get(pci, "cur_khz"));
}

TEST_F(power, points_bad)
{
	const char *bad[] = { "-1", "999", "4294967296", "fast", "1 1" };

	ASSERT_EQ(0, write_number(dvfs_path(self->pci, "max_point"), 0));
	EXPECT_EQ(-EINVAL, write_number(dvfs_path(self->pci, "max_point"), self->points));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_GT(0, npu_write_file(dvfs_path(self->pci, "max_point"), bad[i]));
	EXPECT_EQ(0, dvfs_get(self->pci, "max_point"));
	EXPECT_EQ(0, dvfs_get(self->pci, "cur_point"));
}

TEST_F(power, cap)
{
	const char *pci = self->pci;
	long min = hwmon_get(self->hwmon, "power1_cap_min"), cap;

	ASSERT_LT(0, min);
	EXPECT_EQ(0, hwmon_get(self->hwmon, "power1_cap"));
	/* between what the fastest point may take and the cap below that no point keeps to */
	for (cap = dvfs_get(pci, "peak_mw") * 1000 - 1000; cap > min; cap -= (cap - min + 1) / 2) {
		ASSERT_EQ(0, write_number(hwmon_path(self->hwmon, "power1_cap"), cap));
		EXPECT_EQ(cap / 1000 * 1000, hwmon_get(self->hwmon, "power1_cap"));
		EXPECT_GE(cap, dvfs_get(pci, "peak_mw") * 1000);
		EXPECT_GT(self->points - 1, dvfs_get(pci, "cur_point"));
		if (cap - min < 1000)
			break;
	}
	ASSERT_EQ(0, write_number(hwmon_path(self->hwmon, "power1_cap"), min));
	EXPECT_EQ(0, dvfs_get(pci, "cur_point"));
	EXPECT_EQ(0, work(&self->ctx));

	EXPECT_EQ(-EINVAL, write_number(hwmon_path(self->hwmon, "power1_cap"), min - 1000));
	EXPECT_EQ(-EINVAL, write_number(hwmon_path(self->hwmon, "power1_cap"), 1));
	EXPECT_EQ(-EINVAL, write_number(hwmon_path(self->hwmon, "power1_cap"), -1));
	EXPECT_EQ(min, hwmon_get(self->hwmon, "power1_cap"));

	/* more than there is to take is no limit */
	EXPECT_EQ(0, write_number(hwmon_path(self->hwmon, "power1_cap"), LONG_MAX));
	EXPECT_EQ(self->points - 1, dvfs_get(pci, "cur_point"));
	EXPECT_EQ(0, write_number(hwmon_path(self->hwmon, "power1_cap"), 0));
	EXPECT_EQ(self->points - 1, dvfs_get(pci, "cur_point"));
}

/* Firmware that boots anew is told what the one before was told, and the energy is not forgotten. */
TEST_F(power, over_a_reset)
{
	long min = hwmon_get(self->hwmon, "power1_cap_min"), energy;

	ASSERT_EQ(0, work(&self->ctx));
	energy = hwmon_get(self->hwmon, "energy1_input");
	EXPECT_LT(0, energy);
	ASSERT_EQ(0, write_number(dvfs_path(self->pci, "max_point"), 0));
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_EQ(0, dvfs_get(self->pci, "max_point"));
	EXPECT_EQ(0, dvfs_get(self->pci, "cur_point"));
	EXPECT_LE(energy, hwmon_get(self->hwmon, "energy1_input"));

	ASSERT_EQ(0, write_number(dvfs_path(self->pci, "max_point"), self->points - 1));
	ASSERT_EQ(0, write_number(hwmon_path(self->hwmon, "power1_cap"), min));
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_EQ(min, hwmon_get(self->hwmon, "power1_cap"));
	EXPECT_EQ(0, dvfs_get(self->pci, "cur_point"));
	EXPECT_EQ(self->points - 1, dvfs_get(self->pci, "heat_max_point"));

	energy = hwmon_get(self->hwmon, "energy1_input");
	EXPECT_EQ(0, work(&self->ctx));
	EXPECT_LT(energy, hwmon_get(self->hwmon, "energy1_input"));
}

TEST_F(power, energy_and_power)
{
	const int64_t start = npu_deadline(0);
	long before = hwmon_get(self->hwmon, "energy1_input"), after, mean;

	ASSERT_LE(0, before);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, work(&self->ctx));
		after = hwmon_get(self->hwmon, "energy1_input");
		EXPECT_LT(before, after);
		before = after;
	}
	/* a mean of a second in which there was work; the one before may have been of idleness */
	do {
		ASSERT_EQ(0, work(&self->ctx));
		mean = hwmon_get(self->hwmon, "power1_average");
		ASSERT_LE(0, mean);
	} while (!mean && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
	EXPECT_LT(0, mean);
}

/* Who may do what. */
TEST_F(power, modes)
{
	struct stat st;

	ASSERT_EQ(0, stat(dvfs_path(self->pci, "max_point"), &st));
	EXPECT_EQ(0644, st.st_mode & 07777);
	ASSERT_EQ(0, stat(dvfs_path(self->pci, "cur_khz"), &st));
	EXPECT_EQ(0444, st.st_mode & 07777);
	ASSERT_EQ(0, stat(hwmon_path(self->hwmon, "power1_cap"), &st));
	EXPECT_EQ(0644, st.st_mode & 07777);
	ASSERT_EQ(0, stat(hwmon_path(self->hwmon, "energy1_input"), &st));
	EXPECT_EQ(0444, st.st_mode & 07777);
	ASSERT_EQ(0, stat(hwmon_path(self->hwmon, "temp1_input"), &st));
	EXPECT_EQ(0444, st.st_mode & 07777);
	ASSERT_EQ(0, stat(hwmon_path(self->hwmon, "temp1_crit"), &st));
	EXPECT_EQ(0444, st.st_mode & 07777);
}

/* The die is as warm as something can be, and gets warmer with work. */
TEST_F(power, temperature)
{
	const int64_t start = npu_deadline(0);
	const long crit = hwmon_get(self->hwmon, "temp1_crit");
	union npu_packet *packets = npu_ctx_packets(&self->ctx);
	long now, cold;

	EXPECT_LT(NPU_TEMPERATURE_MIN, crit);
	EXPECT_GE(NPU_TEMPERATURE_MAX, crit);
	if (self->regs) {
		EXPECT_NE(0, reg_read(self->regs, NPU_REG_FEATURES_LO) & NPU_FEATURE_THERMOMETER);
		EXPECT_EQ(crit, (int32_t)reg_read(self->regs, NPU_REG_TEMP_CRIT));
	}
	cold = hwmon_get(self->hwmon, "temp1_input");
	EXPECT_LT(NPU_TEMPERATURE_MIN, cold);
	EXPECT_GT(crit, cold);
	/* More at once than any other test does; how warm that makes it depends on how fast the machine emulates. */
	for (int i = 0; i < FILLS; i++)
		packets[i] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_SIZE - FILL_SIZE, i, FILL_SIZE);
	do {
		ASSERT_EQ(0, npu_ctx_run(&self->ctx, FILLS));
		now = hwmon_get(self->hwmon, "temp1_input");
		ASSERT_LT(NPU_TEMPERATURE_MIN, now);
	} while (now < cold + 5 && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
	EXPECT_LE(cold + 5, now);
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_LT(NPU_TEMPERATURE_MIN, hwmon_get(self->hwmon, "temp1_input"));
}

/* Heat is stronger than anybody's wish. */
TEST_F(power, heat)
{
	if (!self->regs)
		SKIP(return, "needs debug-faults=on and iomem=relaxed");
	EXPECT_EQ(0, hwmon_get(self->hwmon, "temp1_max_alarm"));
	EXPECT_GT(hwmon_get(self->hwmon, "temp1_crit"), hwmon_get(self->hwmon, "temp1_input"));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_THERMAL_THROTTLE, ANY, 0, 0));
	EXPECT_EQ(1, hwmon_get(self->hwmon, "temp1_max_alarm"));
	EXPECT_LE(hwmon_get(self->hwmon, "temp1_crit"), hwmon_get(self->hwmon, "temp1_input"));
	EXPECT_EQ(0, dvfs_get(self->pci, "heat_max_point"));
	EXPECT_EQ(0, dvfs_get(self->pci, "cur_point"));
	EXPECT_EQ(self->points - 1, dvfs_get(self->pci, "max_point"));
	EXPECT_EQ(0, work(&self->ctx));
	reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	EXPECT_EQ(0, hwmon_get(self->hwmon, "temp1_max_alarm"));
	EXPECT_GT(hwmon_get(self->hwmon, "temp1_crit"), hwmon_get(self->hwmon, "temp1_input"));
	EXPECT_EQ(self->points - 1, dvfs_get(self->pci, "heat_max_point"));
	EXPECT_EQ(0, work(&self->ctx));
}

/* Who asks firmware that does not answer gets an error in time, and the device is brought back. */
TEST_F(power, no_answer)
{
	const int64_t start = npu_deadline(0);
	int restarts;

	if (!self->regs)
		SKIP(return, "needs debug-faults=on and iomem=relaxed");
	restarts = recovery_count(self->pci, "firmware_restarts");
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
	EXPECT_EQ(-EIO, hwmon_get(self->hwmon, "energy1_input"));
	while (recovery_count(self->pci, "firmware_restarts") == restarts &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(10000);
	EXPECT_LT(restarts, recovery_count(self->pci, "firmware_restarts"));
	EXPECT_TRUE(works(&self->ctx));
	EXPECT_LE(0, hwmon_get(self->hwmon, "energy1_input"));
}

TEST_HARNESS_MAIN
