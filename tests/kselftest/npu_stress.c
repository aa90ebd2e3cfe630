// SPDX-License-Identifier: MIT
/*
 * The device is reset, unbound, reloaded and pulled out again and again while programs use it. Each time it
 * takes work from them that is under way, and works afterwards, for them as for others.
 *
 * Only where NPU_STRESS says how many rounds of each.
 */
#include "npu_load.h"

FIXTURE(stress)
{
	struct npu_load load;
	char pci[64];
	int rounds, hit; /* those that took jobs from the one that has many in flight */
	uint64_t lost; /* its jobs */
};

FIXTURE_SETUP(stress)
{
	const char *full = getenv("NPU_STRESS");
	struct npu_ctx ctx;

	if (geteuid())
		SKIP(return, "only root may reset, unbind and reload");
	if (!full)
		SKIP(return, "only where NPU_STRESS says how many rounds");
	self->rounds = atoi(full);
	ASSERT_GT(self->rounds, 0);
	ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
	ASSERT_EQ(0, find_pci(&ctx, self->pci, sizeof(self->pci)));
	npu_ctx_exit(&ctx);
	ASSERT_TRUE(npu_load_start(&self->load));
	ASSERT_TRUE(npu_load_goes_on(&self->load));
}

FIXTURE_TEARDOWN(stress)
{
	EXPECT_TRUE(npu_load_stop(&self->load));
}

static bool goes_on(FIXTURE_DATA(stress) *self)
{
	const bool good = npu_load_back() && npu_load_goes_on(&self->load);
	const uint64_t lost = npu_load_lost(&self->load, NPU_LOAD_DEEP);

	self->hit += lost > self->lost;
	self->lost = lost;
	return good;
}

/* There was something to be lost when the device went. Once in a while the jobs may just have ended. */
static void expect_lost(struct __test_metadata *_metadata, FIXTURE_DATA(stress) *self)
{
	for (int i = 0; i < NPU_LOAD_WORKERS; i++)
		TH_LOG("%s: %ju done, %ju lost", npu_load_workers[i].name,
		       (uintmax_t)npu_load_done(&self->load, i), (uintmax_t)npu_load_lost(&self->load, i));
	EXPECT_GE(2 * self->hit, self->rounds);
}

/* The firmware dies, and the driver does what it does then. */
TEST_F_TIMEOUT(stress, reset, 14400)
{
	const char *why;
	volatile uint32_t *regs = map_debug_regs(self->pci, &why);
	int i, before = recovery_count(self->pci, "firmware_restarts"), count;
	int64_t start;

	if (!regs)
		SKIP(return, "%s", why);
	for (i = 0; i < self->rounds; i++) {
		start = npu_deadline(0);
		ASSERT_EQ(0, inject(regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 1, 0));
		do {
			usleep(1000);
			count = recovery_count(self->pci, "firmware_restarts");
		} while (count <= before && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
		ASSERT_GT(count, before);
		before = count;
		ASSERT_TRUE(goes_on(self));
	}
	expect_lost(_metadata, self);
	munmap((void *)regs, 4096);
}

TEST_F_TIMEOUT(stress, function_reset, 14400)
{
	char reset[96];
	int i;

	snprintf(reset, sizeof(reset), "devices/%s/reset", self->pci);
	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write(reset, "1"));
		ASSERT_TRUE(goes_on(self));
	}
	expect_lost(_metadata, self);
}

TEST_F_TIMEOUT(stress, unbind_and_bind, 14400)
{
	int i;

	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
		ASSERT_EQ(0, bus_write("drivers/npu/bind", self->pci));
		ASSERT_TRUE(goes_on(self));
	}
	expect_lost(_metadata, self);
}

TEST_F_TIMEOUT(stress, reload, 14400)
{
	int i;

	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
		/* programs find out that the device is gone, and close it */
		ASSERT_EQ(0, npu_unload());
		ASSERT_EQ(0, system("modprobe npu"));
		ASSERT_TRUE(goes_on(self));
	}
	expect_lost(_metadata, self);
}

TEST_F_TIMEOUT(stress, surprise_removal, 28800)
{
	volatile uint32_t *regs;
	const char *why;
	int i;

	if (!have_monitor() || access("/sys/bus/pci/slots/1/power", F_OK))
		SKIP(return, "no slot with native hot-plug, or no port to QEMU's monitor");
	for (i = 0; i < self->rounds; i++) {
		regs = map_debug_regs(self->pci, &why);
		ASSERT_NE(NULL, regs)
		{
			TH_LOG("%s", why);
		}
		inject(regs, NPU_FAULT_SURPRISE_REMOVAL, ANY, 0, 0);
		munmap((void *)regs, 4096);
		ASSERT_TRUE(put_back(self->pci));
		ASSERT_TRUE(goes_on(self));
	}
	expect_lost(_metadata, self);
}

TEST_HARNESS_MAIN
