// SPDX-License-Identifier: MIT
/*
 * The device is reset, unbound, reloaded and pulled out again and again while programs use it. Each
 * of them may see its jobs lost and the device gone, and nothing else; and each time the device
 * works afterwards.
 *
 * Only where NPU_STRESS says how many rounds of each; NPU_STRESS=1 stands for 200.
 */
#include <signal.h>
#include <sys/wait.h>

#include "npu_inject.h"

#define WORKERS 4
#define ROUNDS_FULL 200

FIXTURE(stress)
{
	pid_t worker[WORKERS];
	char pci[64];
	int rounds;
};

/* What may become of work on a device that is reset and taken away. */
static bool excused(int ret)
{
	return !ret || ret == -ECANCELED || ret == -ENODEV;
}

/* One program's life: some jobs, until something ends them. False: it saw what it must not see. */
static bool live(void)
{
	struct npu_ctx ctx;
	int i, ret = npu_ctx_init(&ctx, 60000);

	for (i = 0; !ret && i < 20; i++)
		ret = i % 2 ? run_fill(&ctx) : run_kernel(&ctx, NPU_INSN_EXIT);
	npu_ctx_exit(&ctx);
	if (!excused(ret))
		fprintf(stderr, "# a program saw %s in its step %d\n", strerror(-ret), i);
	return excused(ret);
}

static void work(void)
{
	while (live())
		;
	_exit(1);
}

static void start_workers(FIXTURE_DATA(stress) *self)
{
	int i;

	for (i = 0; i < WORKERS; i++) {
		self->worker[i] = fork();
		if (!self->worker[i])
			work();
	}
}

/* True: none had ended by itself. */
static bool stop_workers(FIXTURE_DATA(stress) *self)
{
	bool good = true;
	int i, status;

	for (i = 0; i < WORKERS; i++) {
		if (self->worker[i] <= 0)
			continue;
		kill(self->worker[i], SIGKILL);
		good &= waitpid(self->worker[i], &status, 0) == self->worker[i] &&
			WIFSIGNALED(status);
		self->worker[i] = 0;
	}
	return good;
}

/* The device works, within a time in which it may have to come back. */
static bool back(void)
{
	const int64_t start = npu_deadline(0);
	struct npu_ctx ctx;
	int ret;

	do {
		ret = npu_ctx_init(&ctx, 0);
		if (!ret)
			ret = run_fill(&ctx);
		npu_ctx_exit(&ctx);
		if (ret)
			usleep(20000);
	} while (ret && npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS);
	return !ret;
}

FIXTURE_SETUP(stress)
{
	const char *full = getenv("NPU_STRESS");
	struct npu_ctx ctx;

	if (geteuid())
		SKIP(return, "only root may reset, unbind and reload");
	if (!full)
		SKIP(return, "only where NPU_STRESS says how many rounds");
	self->rounds = atoi(full);
	if (self->rounds == 1)
		self->rounds = ROUNDS_FULL;
	ASSERT_GT(self->rounds, 0);
	ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
	ASSERT_EQ(0, find_pci(&ctx, self->pci, sizeof(self->pci)));
	npu_ctx_exit(&ctx);
	start_workers(self);
}

FIXTURE_TEARDOWN(stress)
{
	EXPECT_TRUE(stop_workers(self));
}

/* The firmware dies, and the driver does what it does then. */
TEST_F_TIMEOUT(stress, reset, 14400)
{
	volatile uint32_t *regs = map_regs(self->pci);
	int i, before = recovery_count(self->pci, "firmware_restarts"), count;
	int64_t start;

	if (!regs || !(reg_read(regs, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS))
		SKIP(return, "no way to the debug registers");
	for (i = 0; i < self->rounds; i++) {
		start = npu_deadline(0);
		ASSERT_EQ(0, inject(regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 1, 0));
		do {
			usleep(1000);
			count = recovery_count(self->pci, "firmware_restarts");
		} while (count <= before && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
		ASSERT_GT(count, before);
		before = count;
		ASSERT_TRUE(back());
	}
	munmap((void *)regs, 4096);
}

TEST_F_TIMEOUT(stress, function_reset, 14400)
{
	char reset[96];
	int i;

	snprintf(reset, sizeof(reset), "devices/%s/reset", self->pci);
	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write(reset, "1"));
		ASSERT_TRUE(back());
	}
}

TEST_F_TIMEOUT(stress, unbind_and_bind, 14400)
{
	int i;

	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
		ASSERT_EQ(0, bus_write("drivers/npu/bind", self->pci));
		ASSERT_TRUE(back());
	}
}

TEST_F_TIMEOUT(stress, reload, 14400)
{
	int64_t start;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
		start = npu_deadline(0);
		/* programs find out that the device is gone, and close it */
		while ((ret = system("rmmod npu 2>/dev/null")) &&
		       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
			usleep(10000);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, system("modprobe npu"));
		ASSERT_TRUE(back());
	}
}

TEST_F_TIMEOUT(stress, surprise_removal, 28800)
{
	volatile uint32_t *regs;
	char path[128];
	int64_t start;
	int i;

	if (!have_monitor() || access("/sys/bus/pci/slots/1/power", F_OK))
		SKIP(return, "no slot with native hot-plug, or no port to QEMU's monitor");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", self->pci);
	for (i = 0; i < self->rounds; i++) {
		regs = map_regs(self->pci);
		if (!regs || !(reg_read(regs, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS))
			SKIP(return, "no way to the debug registers");
		inject(regs, NPU_FAULT_SURPRISE_REMOVAL, ANY, 0, 0);
		munmap((void *)regs, 4096);
		start = npu_deadline(0);
		while ((!access(path, F_OK) || slot_powered()) &&
		       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
			usleep(20000);
		ASSERT_NE(0, access(path, F_OK));
		ASSERT_TRUE(monitor_clear());
		/* for a second after the power went off, pciehp does not look */
		while (access(path, F_OK) && npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS) {
			bus_write("slots/1/power", "1");
			usleep(100000);
		}
		ASSERT_TRUE(back());
	}
}

TEST_HARNESS_MAIN
