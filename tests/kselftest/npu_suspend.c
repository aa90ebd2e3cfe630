// SPDX-License-Identifier: MIT
/*
 * The machine sleeps while jobs are queued and running: those that had begun say that they were lost,
 * all others are done afterwards, by queues that notice nothing.
 *
 * Only where NPU_SUSPEND says how many rounds of each. Most rounds are rehearsals (/sys/power/pm_test):
 * the device is put in D3hot and woken, the machine is not. Where NPU_WAKER is set somebody will
 * wake a machine that sleeps (S3), in which the device loses all it knows; tests/vm/sleep does both.
 */

#include "npu_fault_table.h"

#define WAITING 50 /* jobs that wait for the tiles */
#define ROUND_SECONDS 120

FIXTURE(suspend)
{
	struct npu_ctx busy, waits, later;
	struct npu_load load;
	char pci[64];
	uint8_t chipset[8];
	int rounds, stream;
};

FIXTURE_VARIANT(suspend)
{
	bool rehearsed;
};

FIXTURE_VARIANT_ADD(suspend, rehearsed)
{
	.rehearsed = true,
};

FIXTURE_VARIANT_ADD(suspend, slept)
{
	.rehearsed = false,
};

/*
 * QEMU's chipset forgets in S3 where its power registers are, and no BIOS tells it again: without this
 * the machine could be put to sleep once only, and not be switched off.
 */
static bool chipset(uint8_t *registers, size_t size, bool restore)
{
	int fd = open("/sys/bus/pci/devices/0000:00:1f.0/config", O_RDWR | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return false;
	done = restore ? pwrite(fd, registers, size, 0x40) : pread(fd, registers, size, 0x40);
	close(fd);
	return done == (ssize_t)size;
}

FIXTURE_SETUP(suspend)
{
	const char *rounds = getenv("NPU_SUSPEND");
	struct drm_npu_perf_stream_open req = npu_stream_of(0);

	if (!rounds)
		SKIP(return, "only where NPU_SUSPEND says how many rounds");
	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "only root may put the machine to sleep, and needs CONFIG_PM_SLEEP_DEBUG for this");
	if (!variant->rehearsed && !getenv("NPU_WAKER"))
		SKIP(return, "nobody would wake it; NPU_WAKER says that somebody does");
	self->rounds = atoi(rounds);
	ASSERT_GT(self->rounds, 0);
	ASSERT_TRUE(variant->rehearsed || chipset(self->chipset, sizeof(self->chipset), false));
	ASSERT_EQ(0, npu_ctx_init(&self->busy, 60000));
	ASSERT_EQ(0, npu_ctx_init(&self->waits, 60000));
	ASSERT_EQ(0, npu_ctx_init(&self->later, 60000));
	ASSERT_EQ(0, find_pci(&self->busy, self->pci, sizeof(self->pci)));
	req.queue_id = self->waits.queue;
	ASSERT_EQ(0, npu_ioctl(self->waits.fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req));
	self->stream = req.fd;
}

FIXTURE_TEARDOWN(suspend)
{
	npu_write_file("/sys/power/pm_test", "none");
	EXPECT_TRUE(npu_load_stop(&self->load));
	if (self->stream > 0)
		close(self->stream);
	npu_ctx_exit(&self->busy);
	npu_ctx_exit(&self->waits);
	npu_ctx_exit(&self->later);
}

/* Return: 0 after the machine has slept, as far as this of pm_test. */
static int sleep_until(const char *pm_test)
{
	int ret = npu_write_file("/sys/power/pm_test", pm_test);

	/* nothing is to be seen in between that would take time */
	if (!ret)
		ret = npu_write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	return ret ? ret : npu_write_file("/sys/power/state", "mem");
}

/* Return: 0 after the machine has slept, or seemed to. */
static int sleep_once(FIXTURE_DATA(suspend) *self, bool rehearsed)
{
	const int ret = sleep_until(rehearsed ? "platform" : "none");

	if (!rehearsed && !chipset(self->chipset, sizeof(self->chipset), true))
		return -EIO;
	return ret;
}

/* A job that never ends and has begun, and some fills that are through. */
static int begin_busy(FIXTURE_DATA(suspend) *self)
{
	union npu_packet *pkt = npu_ctx_packets(&self->busy);
	int ret;

	*(uint32_t *)(self->busy.mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	pkt[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	ret = npu_ctx_submit(&self->busy, 1);
	/* it has the tiles before others want them: they only get to run when it has */
	npu_ctx_packets(&self->waits)[2] = npu_pkt_fill(DATA_VA, 1, 4);
	for (int i = 0; !ret && i < 100; i++)
		ret = npu_submit(self->waits.fd, self->waits.queue, NPU_TEST_VA + 128, 1,
				 self->waits.timeline, ++self->waits.point);
	return ret ? ret : npu_wait(self->waits.fd, self->waits.timeline, self->waits.point,
				    NPU_TEST_WAIT_NS);
}

/* Jobs that wait for the tiles; the last one fills in what the first ones did not. */
static int begin_waiting(struct npu_ctx *waits, uint32_t *jobs, uint32_t value)
{
	int ret = 0;

	*(uint32_t *)(waits->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_EXIT;
	npu_ctx_packets(waits)[0] = npu_pkt_dispatch(CODE_VA, 0, 8);
	npu_ctx_packets(waits)[1] = npu_pkt_fill(DATA_VA + 4, value, 4);
	for (int i = 0; !ret && i < WAITING; i++)
		ret = npu_submit_binary(waits->fd, waits->queue, NPU_TEST_VA, 2, &jobs[i]);
	return ret;
}

/* A job of another file's queue that waits for one of these. The scheduler has it meanwhile. */
static int begin_later(struct npu_ctx *later, int waits_fd, uint32_t job, uint32_t value)
{
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_WAIT },
		{
			.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
			.handle = later->timeline,
			.point = ++later->point,
		},
	};
	struct drm_npu_submit req = {
		.queue_id = later->queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};
	int fd = -1, ret;

	if (drmSyncobjHandleToFD(waits_fd, job, &fd))
		return -errno;
	ret = drmSyncobjFDToHandle(later->fd, fd, &syncs[0].handle) ? -errno : 0;
	close(fd);
	npu_ctx_packets(later)[0] = npu_pkt_fill(DATA_VA, value, 4);
	if (!ret)
		ret = npu_ioctl(later->fd, DRM_IOCTL_NPU_SUBMIT, &req);
	drmSyncobjDestroy(later->fd, syncs[0].handle);
	return ret;
}

static int end_waiting(struct npu_ctx *waits, uint32_t *jobs)
{
	int ret = 0;

	for (int i = 0; !ret && i < WAITING; i++) {
		ret = npu_wait_binary(waits->fd, jobs[i]);
		drmSyncobjDestroy(waits->fd, jobs[i]);
	}
	return ret;
}

/* Takes all records, which is what a stream waits for that is to start anew. Return: its restarts. */
static int drain(int stream)
{
	struct drm_npu_perf_status status = {};
	char records[4096];
	ssize_t got;

	while ((got = read(stream, records, sizeof(records))) > 0)
		;
	if (got < 0 && errno != EAGAIN)
		return -errno;
	if (npu_ioctl(stream, DRM_NPU_PERF_IOC_STATUS, &status))
		return -errno;
	return status.state == DRM_NPU_PERF_LANE_ON ? (int)status.restarts : -EIO;
}

TEST_F_TIMEOUT(suspend, jobs_queued_and_running, 50 * ROUND_SECONDS)
{
	struct npu_ctx *busy = &self->busy, *waits = &self->waits, *later = &self->later;
	const int restarts = recovery_count(self->pci, "firmware_restarts");
	const int wedged = recovery_count(self->pci, "wedged");
	struct drm_npu_queue_get_state state;
	uint32_t jobs[WAITING];

	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "dvfs/max_point"), "0"));
	for (int round = 1; round <= self->rounds; round++) {
		ASSERT_EQ(0, begin_busy(self));
		ASSERT_EQ(0, begin_waiting(waits, jobs, round));
		ASSERT_EQ(0, begin_later(later, waits->fd, jobs[WAITING - 1], round));
		ASSERT_EQ(0, sleep_once(self, variant->rehearsed));

		ASSERT_EQ(-ECANCELED, wait_job(busy, NPU_TEST_WAIT_NS));
		ASSERT_EQ(0, npu_queue_state(busy->fd, busy->queue, &state));
		EXPECT_EQ(DRM_NPU_QUEUE_INNOCENT, state.state);
		EXPECT_EQ(0, state.fault.error);
		ASSERT_EQ(0, new_queue(busy, 60000));

		ASSERT_EQ(0, end_waiting(waits, jobs));
		EXPECT_EQ(round, *(volatile uint32_t *)(waits->mem + NPU_TEST_DATA + 4));
		ASSERT_EQ(0, wait_job(later, NPU_TEST_WAIT_NS));
		EXPECT_EQ(round, *(volatile uint32_t *)(later->mem + NPU_TEST_DATA));

		/* what was set, and what was watched */
		EXPECT_EQ(0, read_number(device_path(self->pci, "dvfs/cur_point")));
		EXPECT_EQ(round, drain(self->stream));
	}
	ASSERT_EQ(0, npu_queue_state(waits->fd, waits->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(self->rounds * (WAITING + 100), state.completed);
	/* nothing of this was trouble */
	EXPECT_EQ(restarts, recovery_count(self->pci, "firmware_restarts"));
	EXPECT_EQ(wedged, recovery_count(self->pci, "wedged"));
}

/* Programs in the middle of whatever they do. */
TEST_F_TIMEOUT(suspend, under_load, 50 * ROUND_SECONDS)
{
	ASSERT_TRUE(npu_load_start(&self->load));
	for (int round = 0; round < self->rounds; round++) {
		ASSERT_TRUE(npu_load_goes_on(&self->load));
		ASSERT_EQ(0, sleep_once(self, variant->rehearsed));
	}
	ASSERT_TRUE(npu_load_goes_on(&self->load));
	EXPECT_TRUE(npu_load_stop(&self->load));
}

/* A device that nobody needs when the machine goes to sleep is left alone, and wakes when it is needed. */
TEST_F_TIMEOUT(suspend, while_it_sleeps_itself, 50 * ROUND_SECONDS)
{
	const int64_t start = npu_deadline(0);

	close(self->stream);
	self->stream = 0;
	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "power/autosuspend_delay_ms"), "0"));
	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "power/control"), "auto"));
	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0, run_fill(&self->waits));
		while (!device_says(self->pci, "npu/state", "asleep") &&
		       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
			usleep(1000);
		ASSERT_TRUE(device_says(self->pci, "npu/state", "asleep"));
		ASSERT_EQ(0, sleep_once(self, variant->rehearsed));
		EXPECT_EQ(0, run_fill(&self->waits));
	}
	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "power/control"), "on"));
	EXPECT_TRUE(device_says(self->pci, "npu/state", "up"));
}

/* Binds the ports of virtio, or unbinds them; who starts the test says which they are. */
static bool ports(bool bound)
{
	char names[128], *name, *next = names;
	const int64_t start = npu_deadline(0);
	bool good = true;

	snprintf(names, sizeof(names), "%s", getenv("NPU_PORTS"));
	while ((name = strsep(&next, " ")))
		good &= !npu_write_file(bound ? "/sys/bus/virtio/drivers/virtio_console/bind" :
						"/sys/bus/virtio/drivers/virtio_console/unbind",
					name);
	/* QEMU tells what they are called after they are there */
	while (good && bound && !have_monitor() && npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(1000);
	return good;
}

/* It is pulled out at night: who has work on it is told so in the morning, and it can be put in again. */
TEST_F_TIMEOUT(suspend, pulled_out, 50 * ROUND_SECONDS)
{
	const char *why;
	volatile uint32_t *regs = map_debug_regs(self->pci, &why);
	struct npu_ctx *busy = &self->busy, *waits = &self->waits;

	if (!getenv("NPU_PORTS") || access("/sys/bus/pci/slots/1/power", F_OK))
		SKIP(return, "no slot with native hot-plug, or NPU_PORTS does not say what has QEMU's monitor");
	if (!regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, start_forever(busy));
	ASSERT_EQ(0, start_forever(waits));
	inject(regs, NPU_FAULT_SURPRISE_REMOVAL, ANY, 0, 0);
	munmap((void *)regs, 4096);
	EXPECT_EQ(0, sleep_once(self, variant->rehearsed));
	EXPECT_EQ(-ENODEV, wait_job(busy, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ENODEV, wait_job(waits, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(ports(true));
	EXPECT_TRUE(put_back(self->pci));
	EXPECT_TRUE(ports(false));
	EXPECT_TRUE(npu_load_back());
}

/*
 * It sleeps idle, and does not answer when it is woken, whatever resets it: it is given up, and who wants
 * something is told so. When it answers again, an administrator's reset brings it back.
 */
TEST_F_TIMEOUT(suspend, does_not_answer, 50 * ROUND_SECONDS)
{
	const char *why;
	volatile uint32_t *regs = map_debug_regs(self->pci, &why);
	const int wedged = recovery_count(self->pci, "wedged");
	struct npu_ctx *ctx = &self->waits;

	if (!getenv("NPU_PORTS"))
		SKIP(return, "NPU_PORTS does not say what has QEMU's monitor");
	if (!regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, run_fill(ctx));
	/* its configuration space does, or it would be taken for pulled out */
	inject_flags(regs, NPU_FAULT_LINK_DOWN, ANY, 1u << 30, 0, NPU_FAULT_PERSIST);
	munmap((void *)regs, 4096);
	EXPECT_EQ(0, sleep_once(self, variant->rehearsed));
	EXPECT_TRUE(counted(self->pci, "wedged", wedged + 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(&self->busy, 1));
	EXPECT_TRUE(ports(true));
	EXPECT_TRUE(monitor_clear());
	EXPECT_TRUE(ports(false));
	EXPECT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_TRUE(works(ctx));
	EXPECT_TRUE(works(&self->busy));
}

FIXTURE(suspend_fault)
{
	struct fault_test test;
};

FIXTURE_VARIANT(suspend_fault)
{
	struct fault_case fault;
};

#define SUSPEND_VARIANT(...) FAULT_VARIANT(suspend_fault, __VA_ARGS__)
FAULT_TABLE(SUSPEND_VARIANT)

FIXTURE_SETUP(suspend_fault)
{
	const char *why;

	if (!getenv("NPU_SUSPEND") || !getenv("NPU_PORTS"))
		SKIP(return, "only where NPU_SUSPEND says so, and NPU_PORTS what has QEMU's monitor");
	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "only root may put the machine to sleep, and needs CONFIG_PM_SLEEP_DEBUG for this");
	/* a test that was ended in its midst may have left them so */
	if (!have_monitor())
		ASSERT_TRUE(ports(true));
	why = fault_test_init(&self->test);
	ASSERT_TRUE(ports(false));
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, self->test.regs);
}

/*
 * Binds the slot's driver, or unbinds it: it takes a card for pulled out whose link is down after sleep, and then
 * QEMU one for unplugged that is in a slot without power and light.
 */
static bool slot_driver(bool bound)
{
	static char name[64];
	glob_t slots;

	if (!*name && !glob("/sys/bus/pci_express/drivers/pciehp/*:pcie*", 0, NULL, &slots)) {
		snprintf(name, sizeof(name), "%s", strrchr(slots.gl_pathv[0], '/') + 1);
		globfree(&slots);
	}
	return !npu_write_file(bound ? "/sys/bus/pci_express/drivers/pciehp/bind" :
				       "/sys/bus/pci_express/drivers/pciehp/unbind",
			       name);
}

FIXTURE_TEARDOWN(suspend_fault)
{
	/* where a test was cut short; else it has it already */
	slot_driver(true);
	npu_write_file("/sys/power/pm_test", "none");
	fault_test_exit(&self->test);
}

/* Only what a reset ends that it leads to cannot outlast the one that the sleep itself is. */
static uint32_t flags_in_sleep(const struct fault_case *fault)
{
	const bool until_reset = fault->fault == NPU_FAULT_HUNG_FIRMWARE ||
				 link_dies(fault);

	return until_reset ? 0 : NPU_FAULT_PERSIST;
}

/* So often that there is some left for the waking. */
static uint32_t times_in_sleep(const struct fault_case *fault)
{
	switch (fault->fault) {
	case NPU_FAULT_SPURIOUS_INTERRUPT: /* has no occasions */
		return 1;
	case NPU_FAULT_MMU_ERROR: /* jobs alone, which have many of them */
		return 8;
	case NPU_FAULT_DMA_ERROR: /* jobs too; with one more no reset would have a firmware started */
	case NPU_FAULT_ECC_UNCORRECTABLE:
		return 3;
	default:
		return 2;
	}
}

/*
 * Every fault, armed when the machine goes to sleep with work under way. The machine's part of it is rehearsed; for
 * the driver it is the same.
 */
TEST_F_TIMEOUT(suspend_fault, strikes, 300)
{
	struct fault_case fault = variant->fault;
	/* with jobs in flight the driver sees that, and resets the bus, before anybody sleeps */
	const bool dead_link = link_dies(&fault);
	struct fault_jobs jobs = {};

	if (fault.count == 1)
		fault.count = times_in_sleep(&fault);
	if (dead_link) {
		ASSERT_TRUE(slot_driver(false));
	} else {
		begin_endless(_metadata, &self->test, &fault, &jobs, 60000);
	}
	arm(&self->test, &fault, flags_in_sleep(&fault));
	if (!dead_link)
		begin_more(_metadata, &self->test, &jobs, fault.errors);
	EXPECT_EQ(0, sleep_until("platform"));
	if (!lasts(&fault))
		EXPECT_TRUE(has_struck(&self->test, &fault));
	/* what never ends is lost in the sleep; the others have time to end, or have not begun and are done now */
	if (!dead_link)
		end_jobs(_metadata, &self->test, &jobs, fault.errors | LOSES, fault.errors);
	EXPECT_TRUE(ports(true));
	settle(_metadata, &self->test, &fault, fault.errors);
	EXPECT_TRUE(ports(false));
	if (dead_link)
		EXPECT_TRUE(slot_driver(true));
}

TEST_HARNESS_MAIN
