// SPDX-License-Identifier: MIT
/*
 * Faults of the device, injected while it works: the driver reports them, every
 * fence ends in bounded time with an error that fits, and the device works
 * afterwards. docs/faults.md is what is tested here.
 *
 * Faults are injected through the device's debug registers, mapped from sysfs:
 * that needs a device with debug-faults=on and a kernel with iomem=relaxed. What
 * cannot be undone that way, as nobody is there to take a write, is undone through
 * QEMU's monitor, if there is a port to it (tests/vm/run --qmp).
 */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <npu_fault.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define CODE_VA (NPU_TEST_VA + 0x20000)
#define TIMEOUT_MS 1000 /* of queues whose job is to time out; others have the driver's default, 0 */
#define ANY NPU_FAULT_ANY
#define SECONDS(n) ((n) * 1000000000ll)

FIXTURE(inject)
{
	struct npu_ctx ctx;
	volatile uint32_t *regs; /* first page of BAR0 */
	char pci[64]; /* bus address of the device */
};

/* ---- the way to the registers and to the monitor ---- */

static int find_pci(struct npu_ctx *ctx, char *name, size_t size)
{
	char link[64], path[PATH_MAX];
	struct stat st;

	if (fstat(ctx->fd, &st))
		return -errno;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(link, path))
		return -errno;
	snprintf(name, size, "%s", strrchr(path, '/') + 1);
	return 0;
}

static volatile uint32_t *map_regs(const char *pci)
{
	char path[128];
	void *regs;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	regs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return regs == MAP_FAILED ? NULL : regs;
}

static uint32_t reg_read(FIXTURE_DATA(inject) *self, uint32_t reg)
{
	return self->regs[reg / 4];
}

static void reg_write(FIXTURE_DATA(inject) *self, uint32_t reg, uint32_t value)
{
	self->regs[reg / 4] = value;
}

/* Returns the device's answer, or all ones if it does not give any. */
static uint32_t inject_flags(FIXTURE_DATA(inject) *self, enum npu_fault fault, uint32_t target,
			     uint32_t count, uint32_t arg, uint32_t flags)
{
	reg_write(self, NPU_REG_FAULT_SELECT, fault);
	reg_write(self, NPU_REG_FAULT_TARGET, target);
	reg_write(self, NPU_REG_FAULT_COUNT, count);
	reg_write(self, NPU_REG_FAULT_AFTER, 0);
	reg_write(self, NPU_REG_FAULT_ARG_LO, arg);
	reg_write(self, NPU_REG_FAULT_ARG_HI, 0);
	reg_write(self, NPU_REG_FAULT_FLAGS, flags);
	reg_write(self, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	return reg_read(self, NPU_REG_FAULT_STATUS);
}

static uint32_t inject(FIXTURE_DATA(inject) *self, enum npu_fault fault, uint32_t target,
		       uint32_t count, uint32_t arg)
{
	return inject_flags(self, fault, target, count, arg, 0);
}

/* Opens the port to QEMU's monitor; -1: there is none. */
static int monitor_open(void)
{
	struct dirent *entry;
	int fd = -1;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && fd < 0 && (entry = readdir(dir))) {
		char path[300], name[16] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strcmp(name, "qmp\n")) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* Sends a command and reads until its id comes back. False: it failed. */
static bool monitor_command(int fd, const char *command)
{
	static int id;
	char line[512], good[64];
	size_t length = 0;

	snprintf(line, sizeof(line), "{%s, 'id': %d}\n", command, ++id);
	snprintf(good, sizeof(good), "\"id\": %d", id);
	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		return false;
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, 10000) != 1 || length == sizeof(line) - 1)
			return false;
		if (read(fd, &line[length], 1) != 1)
			return false;
		if (line[length] != '\n') {
			length += length < sizeof(line) - 2;
			continue;
		}
		line[length] = 0;
		length = 0;
		if (strstr(line, good))
			return strstr(line, "\"return\"");
	}
}

static bool monitor_clear(void)
{
	int fd = monitor_open();
	bool good;

	if (fd < 0)
		return false;
	/* The second time it complains, and is right. */
	monitor_command(fd, "'execute': 'qmp_capabilities'");
	good = monitor_command(fd, "'execute': 'npu-clear-fault', 'arguments': {'id': 'npu0'}");
	close(fd);
	return good;
}

static bool have_monitor(void)
{
	int fd = monitor_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Writes text to a file below /sys/bus/pci. */
static int bus_write(const char *file, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* QEMU takes a card for unplugged that is in the slot when the guest cuts the power. */
static bool slot_powered(void)
{
	FILE *file = fopen("/sys/bus/pci/slots/1/power", "r");
	int power = file ? fgetc(file) : '0';

	if (file)
		fclose(file);
	return power != '0';
}

/* ---- work ---- */

static int run_kernel(struct npu_ctx *ctx, uint32_t insn)
{
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = insn;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	return npu_ctx_run(ctx, 1);
}

static int run_fill(struct npu_ctx *ctx)
{
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, 7, 4096);
	return npu_ctx_run(ctx, 1);
}

static int start_forever(struct npu_ctx *ctx)
{
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	return npu_ctx_submit(ctx, 1);
}

/* The last job's error, within this time; -ETIME: it has not ended. */
static int wait_job(struct npu_ctx *ctx, int64_t ns)
{
	int ret = npu_wait(ctx->fd, ctx->timeline, ctx->point, ns);

	return ret ? ret : npu_point_status(ctx->fd, ctx->timeline, ctx->point);
}

/* A queue in place of the one that is over, with another timeout. */
static int new_queue(struct npu_ctx *ctx, uint32_t timeout_ms)
{
	int ret = npu_queue_destroy(ctx->fd, ctx->queue);

	return ret ? ret : npu_queue_create(ctx->fd, ctx->vm, timeout_ms, &ctx->queue);
}

static bool works(struct npu_ctx *ctx)
{
	return !new_queue(ctx, 0) && !run_kernel(ctx, NPU_INSN_EXIT) && !run_fill(ctx);
}

static uint32_t fault_error(struct npu_ctx *ctx, uint32_t *ret_core)
{
	struct drm_npu_queue_get_state state;

	if (npu_queue_state(ctx->fd, ctx->queue, &state))
		return UINT32_MAX;
	*ret_core = state.fault.core;
	return state.fault.error;
}

FIXTURE_SETUP(inject)
{
	if (geteuid())
		SKIP(return, "only root reaches the registers");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->regs = map_regs(self->pci);
	if (!self->regs)
		SKIP(return, "the kernel does not let BAR0 be mapped: needs iomem=relaxed");
	if (!(reg_read(self, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS))
		SKIP(return, "the device has no debug registers: needs debug-faults=on");
	ASSERT_EQ(0, run_fill(&self->ctx));
}

FIXTURE_TEARDOWN(inject)
{
	if (self->regs) {
		reg_write(self, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
		munmap((void *)self->regs, 4096);
	}
	npu_ctx_exit(&self->ctx);
}

/* ---- engines and firmware ---- */

TEST_F(inject, hung_tile)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	const int64_t start = npu_deadline(0);
	uint32_t core;

	ASSERT_EQ(0, new_queue(ctx, TIMEOUT_MS));
	ASSERT_EQ(0, inject(self, NPU_FAULT_HUNG_TILE, 1, 1, NPU_FAULT_HANG_SOFT));
	EXPECT_EQ(-ETIMEDOUT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_TIMEDOUT, state.state);
	EXPECT_EQ(NPU_JOB_HW_ERROR, fault_error(ctx, &core));
	EXPECT_EQ(1, core);
	EXPECT_TRUE(works(ctx));
}

/* Not even a reset of the tile helps: the device is reset, and who is idle goes on. */
TEST_F(inject, hung_tile_hard)
{
	struct npu_ctx *ctx = &self->ctx, idle;
	const int64_t start = npu_deadline(0);

	ASSERT_EQ(0, npu_ctx_init(&idle, 0));
	ASSERT_EQ(0, run_fill(&idle));
	ASSERT_EQ(0, new_queue(ctx, TIMEOUT_MS));
	ASSERT_EQ(0, inject(self, NPU_FAULT_HUNG_TILE, ANY, 1, NPU_FAULT_HANG_HARD));
	EXPECT_EQ(-ETIMEDOUT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
	EXPECT_EQ(0, run_fill(&idle));
	EXPECT_TRUE(works(ctx));
	npu_ctx_exit(&idle);
}

TEST_F(inject, hung_firmware)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));

	/* nothing in flight: who starts a queue finds out */
	ASSERT_EQ(0, inject(self, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, dead_firmware)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self, NPU_FAULT_DEAD_FIRMWARE, ANY, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));
}

/* The next boot fails too, so the function is reset; only then is it known that trying again makes sense. */
TEST_F(inject, dead_firmware_twice)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject_flags(self, NPU_FAULT_DEAD_FIRMWARE, ANY, 2, 0, NPU_FAULT_PERSIST));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_INNOCENT, state.state);
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(ctx, 1));
	EXPECT_TRUE(works(ctx));
}

/* No boot is good any more: whatever was tried in between, everybody hears that the device is gone. */
TEST_F(inject, wedged)
{
	struct npu_ctx *ctx = &self->ctx, busy, idle, again;
	struct drm_npu_queue_get_state state;
	uint32_t queue;

	ASSERT_EQ(0, npu_ctx_init(&busy, 60000));
	ASSERT_EQ(0, npu_ctx_init(&idle, 60000));
	ASSERT_EQ(0, run_fill(&idle));
	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, start_forever(&busy));
	ASSERT_EQ(0, inject_flags(self, NPU_FAULT_DEAD_FIRMWARE, ANY, 0, 0, NPU_FAULT_PERSIST));
	EXPECT_EQ(-ENODEV, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ENODEV, wait_job(&busy, SECONDS(1)));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(&idle, 1));
	EXPECT_EQ(-ENODEV, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(-ENODEV, npu_queue_create(idle.fd, idle.vm, 0, &queue));
	npu_ctx_exit(&busy);
	npu_ctx_exit(&idle);

	reg_write(self, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	EXPECT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
	EXPECT_EQ(0, bus_write("drivers/npu/bind", self->pci));
	ASSERT_EQ(0, npu_ctx_init(&again, 0));
	EXPECT_EQ(0, run_fill(&again));
	npu_ctx_exit(&again);
}

/* ---- interrupts ---- */

TEST_F(inject, lost_interrupts)
{
	struct npu_ctx *ctx = &self->ctx;
	const int64_t start = npu_deadline(0);
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, inject(self, NPU_FAULT_LOST_INTERRUPT, ANY, 1, 0));
		EXPECT_EQ(0, run_fill(ctx));
	}
	/* those of the mailbox too */
	ASSERT_EQ(0, inject(self, NPU_FAULT_LOST_INTERRUPT, ANY, 4, 0));
	EXPECT_TRUE(works(ctx));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
}

TEST_F(inject, spurious_interrupts_and_storm)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t vector;
	int i;

	for (vector = 0; vector < NPU_MSIX_VECTORS; vector++) {
		EXPECT_EQ(0, inject(self, NPU_FAULT_SPURIOUS_INTERRUPT, vector, 1, 0));
		EXPECT_EQ(0, run_fill(ctx));
	}
	/* not so many that the kernel gives the vector up */
	for (vector = 0; vector < 3; vector++) {
		ASSERT_EQ(0, inject(self, NPU_FAULT_INTERRUPT_STORM, vector, 2000, 50000));
		for (i = 0; i < 20; i++)
			EXPECT_EQ(0, run_fill(ctx));
		reg_write(self, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	}
	EXPECT_TRUE(works(ctx));
}

/* ---- memory ---- */

TEST_F(inject, dma_and_mmu_errors)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t core;

	ASSERT_EQ(0, inject(self, NPU_FAULT_DMA_ERROR, NPU_CORE_COPY, 1, 0));
	EXPECT_EQ(-EFAULT, run_fill(ctx));
	EXPECT_EQ(NPU_JOB_BUS_ERROR, fault_error(ctx, &core));
	EXPECT_EQ(NPU_CORE_COPY, core);
	EXPECT_TRUE(works(ctx));
	ASSERT_EQ(0, inject(self, NPU_FAULT_MMU_ERROR, 2, 1, NPU_FAULT_WALK_ENTRY));
	EXPECT_EQ(-EFAULT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, fault_error(ctx, &core));
	EXPECT_EQ(2, core);
	EXPECT_TRUE(works(ctx));

	/* kernel memory: the firmware panics */
	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self, NPU_FAULT_DMA_ERROR, NPU_CORE_FRONT, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, memory_errors)
{
	struct npu_ctx *ctx = &self->ctx, other;
	uint32_t core;

	ASSERT_EQ(0, inject(self, NPU_FAULT_ECC_CORRECTABLE, 0, 3, 0));
	EXPECT_EQ(0, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(3, reg_read(self, NPU_REG_ECC_CORRECTED));

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	ASSERT_EQ(0, inject(self, NPU_FAULT_ECC_UNCORRECTABLE, 3, 1, 0));
	EXPECT_EQ(-EIO, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(NPU_JOB_ECC, fault_error(ctx, &core));
	EXPECT_EQ(3, core);
	EXPECT_EQ(0, run_kernel(&other, NPU_INSN_EXIT));
	EXPECT_TRUE(works(ctx));
	npu_ctx_exit(&other);

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self, NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_FRONT, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));
}

/* ---- messages and rings ---- */

TEST_F(inject, corrupt_messages)
{
	static const uint32_t args[] = { NPU_FAULT_MSG_TYPE, NPU_FAULT_MSG_NOISE, NPU_FAULT_MSG_INDEX };
	struct npu_ctx *ctx = &self->ctx;
	const int64_t start = npu_deadline(0);
	int i;

	/* the reply to a request is lost: a reset, and the request is made again */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, inject(self, NPU_FAULT_MAILBOX_CORRUPT, ANY, 1, args[i]));
		EXPECT_TRUE(works(ctx));
	}
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
}

/* An old message is not taken for a new one: that of a fault would end a queue that has none. */
TEST_F(inject, replayed_message)
{
	struct npu_ctx *ctx = &self->ctx;

	EXPECT_EQ(-EIO, run_kernel(ctx, NPU_INSN_ILLEGAL));
	ASSERT_EQ(0, new_queue(ctx, TIMEOUT_MS));
	ASSERT_EQ(0, inject(self, NPU_FAULT_MAILBOX_REPLAY, ANY, 1, 0));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, ring_indices)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t core, args[] = { NPU_FAULT_RING_HEAD, NPU_FAULT_RING_COMPLETED };
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, new_queue(ctx, 60000));
		ASSERT_EQ(0, inject(self, NPU_FAULT_RING_INDEX, ANY, 0, args[i]));
		ASSERT_EQ(0, start_forever(ctx));
		EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
		EXPECT_TRUE(works(ctx));
	}
	ASSERT_EQ(0, inject(self, NPU_FAULT_RING_INDEX, ANY, 1, NPU_FAULT_RING_TAIL));
	EXPECT_EQ(-EIO, run_fill(ctx));
	EXPECT_EQ(NPU_JOB_BAD_RING, fault_error(ctx, &core));
	EXPECT_TRUE(works(ctx));
}

/* ---- link and heat ---- */

TEST_F(inject, slow_and_hot)
{
	struct npu_ctx *ctx = &self->ctx;

	EXPECT_EQ(0, inject(self, NPU_FAULT_SLOW_LINK, ANY, 0, 0));
	EXPECT_EQ(0, inject(self, NPU_FAULT_THERMAL_THROTTLE, ANY, 0, 0));
	EXPECT_TRUE(works(ctx));
	EXPECT_EQ(NPU_STATUS_THROTTLED, reg_read(self, NPU_REG_STATUS) & NPU_STATUS_THROTTLED);
	reg_write(self, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	EXPECT_EQ(0, reg_read(self, NPU_REG_STATUS) & NPU_STATUS_THROTTLED);
	EXPECT_TRUE(works(ctx));
}

/* Some reads are lost: whatever the driver makes of it, the device is back afterwards. */
TEST_F(inject, lost_reads)
{
	struct npu_ctx *ctx = &self->ctx;
	int ret;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	inject(self, NPU_FAULT_LINK_DOWN, ANY, 4, 0);
	ret = wait_job(ctx, NPU_TEST_WAIT_NS);
	EXPECT_EQ(-ECANCELED, ret);
	EXPECT_TRUE(works(ctx));
}

/* Nobody answers any more: everything ends, and says so; it can be bound again when it is back. */
TEST_F(inject, link_down)
{
	struct npu_ctx *ctx = &self->ctx, again;

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to bring the link up again");
	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	inject(self, NPU_FAULT_LINK_DOWN, ANY, 0, 0);
	EXPECT_EQ(NPU_FAULT_ANY, reg_read(self, NPU_REG_ID));
	/* not "lost in a reset", as one may think who sees the reset tried first */
	EXPECT_EQ(-ENODEV, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));

	EXPECT_TRUE(monitor_clear());
	EXPECT_EQ(0, bus_write("drivers/npu/unbind", self->pci));
	EXPECT_EQ(0, bus_write("drivers/npu/bind", self->pci));
	ASSERT_EQ(0, npu_ctx_init(&again, 0));
	EXPECT_EQ(0, run_fill(&again));
	npu_ctx_exit(&again);
}

/* The card is pulled out and put back. The kernel does the rest, if the slot knows hot-plug. */
TEST_F(inject, surprise_removal)
{
	struct npu_ctx *ctx = &self->ctx, again;
	const int64_t start = npu_deadline(0);
	struct sync_file_info info = {};
	struct pollfd done = { .events = POLLIN };
	uint32_t job;
	char path[128];
	int ret;

	if (!have_monitor() || access("/sys/bus/pci/slots/1/power", F_OK))
		SKIP(return, "no slot with native hot-plug, or no port to QEMU's monitor");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", self->pci);
	ASSERT_EQ(0, new_queue(ctx, 60000));
	/* what a syncobj holds cannot be asked for without a device, a sync file can */
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &job));
	ASSERT_EQ(0, drmSyncobjExportSyncFile(ctx->fd, job, &done.fd));
	inject(self, NPU_FAULT_SURPRISE_REMOVAL, ANY, 0, 0);
	ASSERT_EQ(1, poll(&done, 1, 20000));
	ASSERT_EQ(0, npu_ioctl(done.fd, SYNC_IOC_FILE_INFO, &info));
	/* even if the driver tried a reset before it was told */
	EXPECT_EQ(-ENODEV, info.status);
	close(done.fd);
	while (npu_ctx_submit(ctx, 1) != -ENODEV && npu_deadline(0) - start < SECONDS(40))
		usleep(10000);
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	/* the mapping of BAR0 goes with the device */
	munmap((void *)self->regs, 4096);
	self->regs = NULL;
	while ((!access(path, F_OK) || slot_powered()) && npu_deadline(0) - start < SECONDS(60))
		usleep(20000);
	EXPECT_NE(0, access(path, F_OK));

	EXPECT_TRUE(monitor_clear());
	do {
		memset(&again, 0, sizeof(again));
		ret = npu_ctx_init(&again, 0);
		/* for a second after the power went off, pciehp does not look: then it must be told */
		if (ret && !bus_write("slots/1/power", "1"))
			usleep(20000);
	} while (ret && npu_deadline(0) - start < SECONDS(100));
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, run_fill(&again));
	npu_ctx_exit(&again);
}

TEST_HARNESS_MAIN
