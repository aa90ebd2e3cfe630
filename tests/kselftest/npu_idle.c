// SPDX-License-Identifier: MIT
/*
 * Runtime PM: a device that nobody needs sleeps, if an administrator allows it; who needs it wakes it
 * and notices nothing, and what can be done without it does not wake it.
 */

#include "npu_load.h"

#define CYCLES 20

FIXTURE(idle)
{
	struct npu_ctx ctx;
	char pci[64];
};

FIXTURE_SETUP(idle)
{
	if (geteuid())
		SKIP(return, "only root may let a device sleep");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	if (access(device_path(self->pci, "power/control"), F_OK))
		SKIP(return, "a kernel without runtime PM");
	ASSERT_EQ(0, allow_sleep(self->pci));
}

FIXTURE_TEARDOWN(idle)
{
	forbid_sleep(self->pci);
	npu_ctx_exit(&self->ctx);
}

/* A queue, its memory and its numbers outlast sleep; so does what it has counted. */
TEST_F(idle, sleeps_and_wakes)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	int i;

	for (i = 1; i <= CYCLES; i++) {
		ASSERT_TRUE(falls_asleep(self->pci));
		npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, i, 4);
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
		EXPECT_EQ(i, *(volatile uint32_t *)(ctx->mem + NPU_TEST_DATA));
	}
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(CYCLES, state.submitted);
	EXPECT_EQ(CYCLES, state.completed);
	EXPECT_EQ(0, state.fault.error);
}

/* What the function says of itself in configuration space, which is read without waking it. */
static int power_state(const char *pci)
{
	uint8_t config[256];
	const uint8_t cap = pci_capability(pci, PCI_CAP_ID_PM, config);

	return cap ? config[cap + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK : -ENOENT;
}

TEST_F(idle, the_function_is_in_d3hot)
{
	ASSERT_TRUE(falls_asleep(self->pci));
	EXPECT_EQ(3, power_state(self->pci));
	ASSERT_EQ(0, set_device(self->pci, "power/control", "on"));
	EXPECT_TRUE(device_says(self->pci, "npu/state", "up"));
	EXPECT_EQ(0, power_state(self->pci));
	EXPECT_EQ(0, run_fill(&self->ctx));
}

TEST_F(idle, jobs_keep_it_awake)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_EQ(0, start_forever(ctx));
	usleep(200000);
	EXPECT_TRUE(device_says(self->pci, "power/runtime_status", "active"));
	EXPECT_EQ(-ETIME, wait_job(ctx, 0));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(falls_asleep(self->pci));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	EXPECT_EQ(0, run_fill(ctx));
}

/* Records are of one life of the device. */
TEST_F(idle, streams_keep_it_awake)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_status status = {};
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);

	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req));
	ASSERT_EQ(0, run_fill(ctx));
	usleep(200000);
	EXPECT_TRUE(device_says(self->pci, "power/runtime_status", "active"));
	ASSERT_EQ(0, npu_ioctl(req.fd, DRM_NPU_PERF_IOC_STATUS, &status));
	EXPECT_EQ(0, status.restarts);
	EXPECT_LT(status.tail, status.head);
	close(req.fd);
	EXPECT_TRUE(falls_asleep(self->pci));
	/* one that is refused holds nothing either */
	req.queue_id = UINT32_MAX;
	EXPECT_EQ(-ENOENT, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req));
	EXPECT_TRUE(falls_asleep(self->pci));
}

/* Page tables are in memory: what changes in them meanwhile is what the device finds. */
TEST_F(idle, bind_does_not_wake_it)
{
	struct npu_ctx *ctx = &self->ctx;
	const uint64_t va = NPU_TEST_VA + 2 * NPU_TEST_SIZE;
	uint32_t bo[2], i;
	volatile uint32_t *mem[2];

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, npu_bo_create(ctx->fd, 4096, &bo[i]));
		mem[i] = npu_bo_mmap(ctx->fd, bo[i], 4096);
		ASSERT_NE(MAP_FAILED, (void *)mem[i]);
	}
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, bo[0], 0, va, 4096, 0));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(va, 1, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_TRUE(falls_asleep(self->pci));

	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, va, 4096));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, bo[1], 0, va, 4096, 0));
	EXPECT_TRUE(sleeps(self->pci));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(va, 2, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(1, mem[0][0]);
	EXPECT_EQ(2, mem[1][0]);
}

TEST_F(idle, ending_does_not_wake_it)
{
	struct npu_ctx other;

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	ASSERT_EQ(0, run_fill(&other));
	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_EQ(0, npu_queue_destroy(other.fd, other.queue));
	EXPECT_TRUE(sleeps(self->pci));
	npu_ctx_exit(&other);
	EXPECT_TRUE(sleeps(self->pci));
	EXPECT_EQ(0, run_fill(&self->ctx));
}

/* Sensors are read all the time; what is set holds from when it wakes. */
TEST_F(idle, sensors_do_not_wake_it)
{
	char pattern[160], path[PATH_MAX];
	long points, energy;
	glob_t found;

	points = read_number(device_path(self->pci, "dvfs/points"));
	if (points < 2)
		SKIP(return, "firmware that knows nothing of power");
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/hwmon/hwmon*/energy1_input",
		 self->pci);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
	snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
	globfree(&found);

	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(DATA_VA, 7, NPU_TEST_SIZE / 2);
	ASSERT_EQ(0, npu_ctx_run(&self->ctx, 1));
	ASSERT_TRUE(falls_asleep(self->pci));
	snprintf(strrchr(path, '/'), 16, "/temp1_crit");
	if (!access(path, F_OK)) {
		EXPECT_LT(0, read_number(path));
		snprintf(strrchr(path, '/'), 16, "/temp1_input");
		EXPECT_EQ(-ENODATA, read_number(path));
	}
	snprintf(strrchr(path, '/'), 16, "/energy1_input");
	/* nobody has asked for it before it fell asleep */
	energy = read_number(path);
	EXPECT_LT(0, energy);
	EXPECT_EQ(energy, read_number(path));
	ASSERT_EQ(0, set_device(self->pci, "dvfs/max_point", "0"));
	EXPECT_EQ(0, read_number(device_path(self->pci, "dvfs/max_point")));
	EXPECT_TRUE(sleeps(self->pci));
	/* the device's own word takes the device */
	EXPECT_EQ(0, read_number(device_path(self->pci, "dvfs/cur_point")));
	EXPECT_LT(0, read_number(device_path(self->pci, "dvfs/cur_khz")));
	EXPECT_LE(energy, read_number(path));

	ASSERT_TRUE(falls_asleep(self->pci));
	snprintf(pattern, sizeof(pattern), "%ld", points - 1);
	ASSERT_EQ(0, set_device(self->pci, "dvfs/max_point", pattern));
	EXPECT_EQ(points - 1, read_number(device_path(self->pci, "dvfs/cur_point")));
}

TEST_F(idle, reset_and_unbind_wake_it)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_EQ(0, run_fill(ctx));
	ASSERT_TRUE(falls_asleep(self->pci));
	npu_ctx_exit(ctx);
	ctx->mem = NULL;
	ctx->fd = -1;
	ASSERT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
	ASSERT_EQ(0, bus_write("drivers/npu/bind", self->pci));
	ASSERT_EQ(0, npu_ctx_init(ctx, 0));
	EXPECT_EQ(0, run_fill(ctx));
	ASSERT_EQ(0, set_device(self->pci, "power/autosuspend_delay_ms", "0"));
	EXPECT_TRUE(falls_asleep(self->pci));
}

/* What fails to wake is recovered as if it had been awake, and the job has to wait, no more. */
TEST_F(idle, does_not_come_back_at_once)
{
	struct npu_ctx *ctx = &self->ctx;
	int firmware = recovery_count(self->pci, "firmware_restarts");
	int buses = recovery_count(self->pci, "bus_resets");

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor");
	/* the boot that wakes it fails */
	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_TRUE(monitor_inject("dead-firmware", ", 'count': 1, 'persist': true"));
	EXPECT_EQ(0, run_fill(ctx));
	EXPECT_EQ(firmware + 1, recovery_count(self->pci, "firmware_restarts"));

	/* nobody is there to be woken, until the bus is reset */
	ASSERT_TRUE(falls_asleep(self->pci));
	ASSERT_TRUE(monitor_inject("link-down", ""));
	EXPECT_EQ(0, run_fill(ctx));
	EXPECT_EQ(buses + 1, recovery_count(self->pci, "bus_resets"));
	monitor_clear();
	EXPECT_TRUE(works(ctx));
	EXPECT_TRUE(falls_asleep(self->pci));
}

/* Nor does it ever: who wanted it hears that it is gone, and not that it could not be woken. */
TEST_F(idle, does_not_come_back)
{
	struct npu_ctx *ctx = &self->ctx;
	const int wedged = recovery_count(self->pci, "wedged");
	struct drm_npu_perf_stream_open stream = npu_stream_of(ctx->queue);
	uint32_t queue;

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor");
	/* each is the first to want it once */
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(falls_asleep(self->pci));
		ASSERT_TRUE(monitor_inject("dead-firmware", ", 'persist': true"));
		EXPECT_EQ(-ENODEV, i ? npu_queue_create(ctx->fd, ctx->vm, 0, &queue) : run_fill(ctx));
		EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
		EXPECT_EQ(-ENODEV, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
		EXPECT_EQ(-ENODEV, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &stream));
		EXPECT_EQ(wedged + 1 + i, recovery_count(self->pci, "wedged"));
		ASSERT_TRUE(monitor_clear());
		ASSERT_EQ(0, npu_reset_function(ctx->fd));
		ASSERT_TRUE(works(ctx));
		stream.queue_id = ctx->queue;
	}
}

/* Programs come and go, and with each moment of rest the device falls asleep. */
TEST_F_TIMEOUT(idle, under_load, 600)
{
	struct npu_ctx *ctx = &self->ctx;
	struct npu_load load = {};
	int i;

	ASSERT_TRUE(npu_load_start(&load));
	ASSERT_TRUE(npu_load_goes_on(&load));
	for (i = 0; i < CYCLES; i++) {
		EXPECT_EQ(0, run_fill(ctx));
		/* falls_asleep() may not come true while others work */
		ASSERT_EQ(0, set_device(self->pci, "power/control", i % 2 ? "auto" : "on"));
		EXPECT_EQ(0, run_kernel(ctx, NPU_INSN_EXIT));
		usleep(10000);
	}
	EXPECT_TRUE(npu_load_stop(&load));
	ASSERT_EQ(0, set_device(self->pci, "power/control", "auto"));
	EXPECT_TRUE(falls_asleep(self->pci));
	EXPECT_EQ(0, run_fill(ctx));
}

TEST_HARNESS_MAIN
