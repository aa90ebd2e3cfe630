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
#include <linux/netlink.h>
#include <sys/socket.h>

#include "npu_gone.h"
#include "npu_inject.h"

#define TIMEOUT_MS 1000 /* of queues whose job is to time out; others have the driver's default, 0 */

FIXTURE(inject)
{
	struct npu_ctx ctx;
	volatile uint32_t *regs; /* first page of BAR0 */
	char pci[64]; /* bus address of the device */
};

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
	const char *why;

	if (geteuid())
		SKIP(return, "only root reaches the registers");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->regs = map_debug_regs(self->pci, &why);
	if (!self->regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, run_fill(&self->ctx));
}

FIXTURE_TEARDOWN(inject)
{
	unmap_debug_regs(self->regs);
	npu_ctx_exit(&self->ctx);
}

/* ---- engines and firmware ---- */

TEST_F(inject, hung_tile)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	const int kills = recovery_count(self->pci, "queue_kills");
	const int tiles = recovery_count(self->pci, "tile_resets");
	const int restarts = recovery_count(self->pci, "firmware_restarts");
	const int64_t start = npu_deadline(0);
	uint32_t core;

	ASSERT_GE(tiles, 0);
	ASSERT_EQ(0, new_queue(ctx, TIMEOUT_MS));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_TILE, 1, 1, NPU_FAULT_HANG_SOFT));
	EXPECT_EQ(-ETIMEDOUT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_TIMEDOUT, state.state);
	EXPECT_EQ(NPU_JOB_HW_ERROR, fault_error(ctx, &core));
	EXPECT_EQ(1, core);
	EXPECT_TRUE(works(ctx));
	/* each step as far as needed, and no further */
	EXPECT_EQ(kills + 1, recovery_count(self->pci, "queue_kills"));
	EXPECT_EQ(tiles + 1, recovery_count(self->pci, "tile_resets"));
	EXPECT_EQ(restarts, recovery_count(self->pci, "firmware_restarts"));
}

/* Not even a reset of the tile helps: the device is reset, and who is idle goes on. */
TEST_F(inject, hung_tile_hard)
{
	struct npu_ctx *ctx = &self->ctx, idle;
	const int tiles = recovery_count(self->pci, "tile_resets");
	const int restarts = recovery_count(self->pci, "firmware_restarts");
	const int64_t start = npu_deadline(0);

	ASSERT_EQ(0, npu_ctx_init(&idle, 0));
	ASSERT_EQ(0, run_fill(&idle));
	ASSERT_EQ(0, new_queue(ctx, TIMEOUT_MS));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_TILE, ANY, 1, NPU_FAULT_HANG_HARD));
	EXPECT_EQ(-ETIMEDOUT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
	EXPECT_EQ(0, run_fill(&idle));
	EXPECT_TRUE(works(ctx));
	npu_ctx_exit(&idle);
	EXPECT_EQ(tiles + 1, recovery_count(self->pci, "tile_resets"));
	EXPECT_EQ(restarts + 1, recovery_count(self->pci, "firmware_restarts"));
}

TEST_F(inject, hung_firmware)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));

	/* nothing in flight: who starts a queue finds out */
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, dead_firmware)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));
}

/* Many find out at once that the firmware does not answer: it is restarted for all of them, and not for each. */
TEST_F(inject, asked_together)
{
	enum { PROGRAMS = 8, ROUNDS = 4 };
	const int restarts = recovery_count(self->pci, "firmware_restarts");
	int status, i, round;
	pid_t child[PROGRAMS];

	for (round = 1; round <= ROUNDS; round++) {
		const enum npu_fault fault = round & 1 ? NPU_FAULT_HUNG_FIRMWARE : NPU_FAULT_DEAD_FIRMWARE;

		ASSERT_EQ(0, inject(self->regs, fault, ANY, fault == NPU_FAULT_DEAD_FIRMWARE, 0));
		for (i = 0; i < PROGRAMS; i++) {
			child[i] = fork();
			if (!child[i]) {
				struct npu_ctx ctx;
				int ret = npu_ctx_init(&ctx, 0);

				/* begun by firmware that was still alive, it may be lost */
				if (!ret)
					ret = run_fill(&ctx);
				npu_ctx_exit(&ctx);
				_exit(ret == -ECANCELED ? 0 : -ret);
			}
		}
		for (i = 0; i < PROGRAMS; i++) {
			ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
			EXPECT_EQ(0, status);
		}
		EXPECT_TRUE(counted(self->pci, "firmware_restarts", restarts + round));
		EXPECT_EQ(restarts + round, recovery_count(self->pci, "firmware_restarts"));
	}
}

/* Counts of the steps of recovery that a test is about. */
struct ladder {
	int firmware, function, bus, wedged;
};

static struct ladder ladder(const char *pci)
{
	return (struct ladder){
		recovery_count(pci, "firmware_restarts"),
		recovery_count(pci, "function_resets"),
		recovery_count(pci, "bus_resets"),
		recovery_count(pci, "wedged"),
	};
}

static uint16_t pci_command(const char *pci)
{
	uint8_t config[256] = {};

	pci_capability(pci, PCI_CAP_ID_PM, config);
	return config[PCI_COMMAND] | config[PCI_COMMAND + 1] << 8;
}

/* The next boot fails too, so the function is reset; only then is it known that trying again makes sense. */
TEST_F(inject, dead_firmware_twice)
{
	struct npu_ctx *ctx = &self->ctx;
	const struct ladder before = ladder(self->pci);
	struct drm_npu_queue_get_state state;
	struct ladder after;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject_flags(self->regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 2, 0, NPU_FAULT_PERSIST));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_INNOCENT, state.state);
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(ctx, 1));
	EXPECT_TRUE(works(ctx));
	after = ladder(self->pci);
	EXPECT_EQ(before.firmware + 1, after.firmware);
	EXPECT_EQ(before.function + 1, after.function);
	EXPECT_EQ(before.bus, after.bus);
	EXPECT_EQ(before.wedged, after.wedged);
}

/*
 * The firmware hangs when it is to start a queue, and after the reset that follows its answer gets lost. How many
 * messages it sends before, behind the one that it is ready, is its own business: one of these is about the queue.
 */
TEST_F(inject, queue_not_started)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t queue = 0, after;
	int ret = 0;

	for (after = 1; after < 9 && ret != -EIO; after++) {
		const struct npu_injection lost = {
			.fault = NPU_FAULT_MAILBOX_CORRUPT,
			.target = ANY,
			.count = 1,
			.after = after,
			.arg = NPU_FAULT_MSG_TYPE,
			.flags = NPU_FAULT_PERSIST,
		};

		ASSERT_EQ(0, inject(self->regs, NPU_FAULT_HUNG_FIRMWARE, ANY, 0, 0));
		ASSERT_EQ(0, inject_as(self->regs, &lost));
		ret = npu_queue_create(ctx->fd, ctx->vm, 0, &queue);
		EXPECT_TRUE(!ret || ret == -EIO)
		{
			TH_LOG("message %u lost: %d", after, ret);
		}
		reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
		/* it was not in vain */
		ASSERT_TRUE(works(ctx));
		if (!ret) {
			ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
		}
	}
	EXPECT_EQ(-EIO, ret);
}

/* A socket that hears what the kernel tells udev, or a negative errno. */
static int uevent_open(void)
{
	const struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)&all, sizeof(all)))
		return fd;
	close(fd);
	return -EPERM;
}

/* Waits for an event of an accel node that has this among its variables. */
static bool uevent_came(int fd, const char *variable)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	while (poll(&wait, 1, NPU_TEST_WAIT_NS / 1000000) == 1) {
		char text[4096];
		ssize_t size = recv(fd, text, sizeof(text) - 1, 0);
		bool accel = false, found = false;

		if (size < 0)
			return false;
		text[size] = 0;
		/* the first is ACTION@DEVPATH, all end with a NUL */
		for (char *next = text; next < text + size; next += strlen(next) + 1) {
			accel |= !strcmp(next, "SUBSYSTEM=accel");
			found |= !strcmp(next, variable);
		}
		if (accel && found)
			return !strncmp(text, "change@", 7);
	}
	return false;
}

/* No boot is good any more: whatever was tried in between, everybody hears that the device is gone. */
TEST_F(inject, wedged)
{
	struct npu_ctx *ctx = &self->ctx, busy, idle, again;
	const struct ladder before = ladder(self->pci);
	const int uevents = uevent_open();
	struct ladder after;
	uint32_t perfmon;

	ASSERT_LE(0, uevents);
	ASSERT_EQ(0, npu_ctx_init(&busy, 60000));
	ASSERT_EQ(0, npu_ctx_init(&idle, 60000));
	ASSERT_EQ(0, run_fill(&idle));
	ASSERT_EQ(0, npu_gone_perfmon(&idle, &perfmon));
	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, start_forever(&busy));
	EXPECT_EQ(PCI_COMMAND_MASTER, pci_command(self->pci) & PCI_COMMAND_MASTER);
	ASSERT_EQ(0, inject_flags(self->regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 0, 0, NPU_FAULT_PERSIST));
	EXPECT_EQ(-ENODEV, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ENODEV, wait_job(&busy, SECONDS(1)));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	npu_expect_gone(_metadata, &idle, perfmon, true);
	EXPECT_TRUE(uevent_came(uevents, "WEDGED=rebind,bus-reset"));
	close(uevents);
	EXPECT_TRUE(device_says(self->pci, "npu/state", "wedged"));
	/* it reaches no memory, but answers */
	EXPECT_EQ(PCI_COMMAND_MEMORY, pci_command(self->pci) & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	after = ladder(self->pci);
	EXPECT_EQ(before.firmware + 1, after.firmware);
	EXPECT_EQ(before.function + 1, after.function);
	EXPECT_EQ(before.bus + 1, after.bus);
	EXPECT_EQ(before.wedged + 1, after.wedged);
	npu_ctx_exit(&busy);
	npu_ctx_exit(&idle);

	reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
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
		ASSERT_EQ(0, inject(self->regs, NPU_FAULT_LOST_INTERRUPT, ANY, 1, 0));
		EXPECT_EQ(0, run_fill(ctx));
	}
	/* those of the mailbox too */
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_LOST_INTERRUPT, ANY, 4, 0));
	EXPECT_TRUE(works(ctx));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
}

TEST_F(inject, spurious_interrupts_and_storm)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t vector;
	int i;

	for (vector = 0; vector < NPU_MSIX_VECTORS; vector++) {
		EXPECT_EQ(0, inject(self->regs, NPU_FAULT_SPURIOUS_INTERRUPT, vector, 1, 0));
		EXPECT_EQ(0, run_fill(ctx));
	}
	/* not so many that the kernel gives the vector up */
	for (vector = 0; vector < 3; vector++) {
		ASSERT_EQ(0, inject(self->regs, NPU_FAULT_INTERRUPT_STORM, vector, 2000, 50000));
		for (i = 0; i < 20; i++)
			EXPECT_EQ(0, run_fill(ctx));
		reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	}
	EXPECT_TRUE(works(ctx));
}

/* ---- memory ---- */

TEST_F(inject, dma_and_mmu_errors)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t core;

	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_DMA_ERROR, NPU_CORE_COPY, 1, 0));
	EXPECT_EQ(-EFAULT, run_fill(ctx));
	EXPECT_EQ(NPU_JOB_BUS_ERROR, fault_error(ctx, &core));
	EXPECT_EQ(NPU_CORE_COPY, core);
	EXPECT_TRUE(works(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_MMU_ERROR, 2, 1, NPU_FAULT_WALK_ENTRY));
	EXPECT_EQ(-EFAULT, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, fault_error(ctx, &core));
	EXPECT_EQ(2, core);
	EXPECT_TRUE(works(ctx));

	/* kernel memory: the firmware panics */
	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_DMA_ERROR, NPU_CORE_FRONT, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, memory_errors)
{
	struct npu_ctx *ctx = &self->ctx, other;
	uint32_t core;

	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_ECC_CORRECTABLE, 0, 3, 0));
	EXPECT_EQ(0, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(3, reg_read(self->regs, NPU_REG_ECC_CORRECTED));

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_ECC_UNCORRECTABLE, 3, 1, 0));
	EXPECT_EQ(-EIO, run_kernel(ctx, NPU_INSN_EXIT));
	EXPECT_EQ(NPU_JOB_ECC, fault_error(ctx, &core));
	EXPECT_EQ(3, core);
	EXPECT_EQ(0, run_kernel(&other, NPU_INSN_EXIT));
	EXPECT_TRUE(works(ctx));
	npu_ctx_exit(&other);

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_FRONT, 1, 0));
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
		ASSERT_EQ(0, inject(self->regs, NPU_FAULT_MAILBOX_CORRUPT, ANY, 1, args[i]));
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
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_MAILBOX_REPLAY, ANY, 1, 0));
	EXPECT_TRUE(works(ctx));
}

TEST_F(inject, ring_indices)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t core, args[] = { NPU_FAULT_RING_HEAD, NPU_FAULT_RING_COMPLETED };
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, new_queue(ctx, 60000));
		ASSERT_EQ(0, inject(self->regs, NPU_FAULT_RING_INDEX, ANY, 0, args[i]));
		ASSERT_EQ(0, start_forever(ctx));
		EXPECT_EQ(-ECANCELED, wait_job(ctx, NPU_TEST_WAIT_NS));
		EXPECT_TRUE(works(ctx));
	}
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_RING_INDEX, ANY, 1, NPU_FAULT_RING_TAIL));
	EXPECT_EQ(-EIO, run_fill(ctx));
	EXPECT_EQ(NPU_JOB_BAD_RING, fault_error(ctx, &core));
	EXPECT_TRUE(works(ctx));
}

/*
 * A device that boots, and talks nonsense as soon as there is work, is not restarted for ever. Each step
 * is tried some times, and then it is given up.
 */
TEST_F(inject, restarts_in_vain)
{
	struct npu_ctx *ctx = &self->ctx;
	const int restarts = recovery_count(self->pci, "firmware_restarts");
	const int resets = recovery_count(self->pci, "function_resets");
	const int wedged = recovery_count(self->pci, "wedged");
	int ret, i;

	ASSERT_EQ(0, inject_flags(self->regs, NPU_FAULT_RING_INDEX, ANY, 0, NPU_FAULT_RING_COMPLETED,
				  NPU_FAULT_PERSIST));
	for (i = 0; i < 50; i++) {
		ret = new_queue(ctx, 0);
		if (!ret)
			ret = run_fill(ctx);
		if (ret != -ECANCELED)
			break;
	}
	EXPECT_EQ(-ENODEV, ret);
	EXPECT_EQ(restarts + 5, recovery_count(self->pci, "firmware_restarts"));
	EXPECT_EQ(resets + 5, recovery_count(self->pci, "function_resets"));
	EXPECT_EQ(wedged + 1, recovery_count(self->pci, "wedged"));

	/* an administrator's reset begins all that anew */
	reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_TRUE(works(ctx));
	ASSERT_EQ(0, inject(self->regs, NPU_FAULT_DEAD_FIRMWARE, ANY, 1, 0));
	ASSERT_TRUE(counted(self->pci, "firmware_restarts", restarts + 6));
	EXPECT_TRUE(works(ctx));
	EXPECT_EQ(restarts + 6, recovery_count(self->pci, "firmware_restarts"));
}

/* ---- link and heat ---- */

TEST_F(inject, slow_and_hot)
{
	struct npu_ctx *ctx = &self->ctx;

	EXPECT_EQ(0, inject(self->regs, NPU_FAULT_SLOW_LINK, ANY, 0, 0));
	EXPECT_EQ(0, inject(self->regs, NPU_FAULT_THERMAL_THROTTLE, ANY, 0, 0));
	EXPECT_TRUE(works(ctx));
	EXPECT_EQ(NPU_STATUS_THROTTLED, reg_read(self->regs, NPU_REG_STATUS) & NPU_STATUS_THROTTLED);
	reg_write(self->regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	EXPECT_EQ(0, reg_read(self->regs, NPU_REG_STATUS) & NPU_STATUS_THROTTLED);
	EXPECT_TRUE(works(ctx));
}

/* Some reads are lost: whatever the driver makes of it, the device is back afterwards. */
TEST_F(inject, lost_reads)
{
	struct npu_ctx *ctx = &self->ctx;
	int ret;

	ASSERT_EQ(0, new_queue(ctx, 60000));
	ASSERT_EQ(0, start_forever(ctx));
	inject(self->regs, NPU_FAULT_LINK_DOWN, ANY, 4, 0);
	ret = wait_job(ctx, NPU_TEST_WAIT_NS);
	EXPECT_EQ(-ECANCELED, ret);
	EXPECT_TRUE(works(ctx));
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
	inject(self->regs, NPU_FAULT_SURPRISE_REMOVAL, ANY, 0, 0);
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
	while ((!access(path, F_OK) || !slot_is_off()) && npu_deadline(0) - start < SECONDS(60))
		usleep(20000);
	EXPECT_NE(0, access(path, F_OK));

	EXPECT_TRUE(monitor_clear());
	do {
		memset(&again, 0, sizeof(again));
		ret = npu_ctx_init(&again, 0);
		if (ret)
			usleep(20000);
	} while (ret && npu_deadline(0) - start < SECONDS(100));
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, run_fill(&again));
	npu_ctx_exit(&again);
}

TEST_HARNESS_MAIN
