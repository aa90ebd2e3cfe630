// SPDX-License-Identifier: MIT
/*
 * The bus between the kernel and the device fails: the link goes down, or errors are reported (AER).
 * The driver does without registers while it has to, the device comes back without being bound anew
 * where the bus gives it back, and where it does not everything ends and says so.
 *
 * Errors come from the kernel's aer_inject, where it has that. From then on no program may read configuration
 * space: aer_inject takes a lock then that lockdep does not want to see in that place.
 */
#include <sys/wait.h>

#include "npu_load.h"

/* Bits of the uncorrectable error status: not fatal, and fatal, unless somebody has said otherwise. */
#define AER_COMPLETION_TIMEOUT (1u << 14)
#define AER_DATA_LINK (1u << 4)

FIXTURE(pci_error)
{
	struct npu_ctx ctx, idle;
	volatile uint32_t *regs;
	char pci[64];
};

FIXTURE_SETUP(pci_error)
{
	const char *why;

	if (geteuid())
		SKIP(return, "only root reaches the registers");
	self->ctx.fd = self->idle.fd = -1;
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, npu_ctx_init(&self->idle, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->regs = map_debug_regs(self->pci, &why);
	if (!self->regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, run_fill(&self->idle));
	ASSERT_EQ(0, new_queue(&self->ctx, 60000));
	ASSERT_EQ(0, start_forever(&self->ctx));
}

FIXTURE_TEARDOWN(pci_error)
{
	unmap_debug_regs(self->regs);
	npu_ctx_exit(&self->ctx);
	npu_ctx_exit(&self->idle);
}

/* The link comes back when the bus is reset, which the driver does: nobody has to bind it anew. */
TEST_F(pci_error, link_down_and_back)
{
	const int before = recovery_count(self->pci, "bus_resets");

	ASSERT_GE(before, 0);
	inject(self->regs, NPU_FAULT_LINK_DOWN, ANY, 0, 0);
	EXPECT_EQ(-ECANCELED, wait_job(&self->ctx, NPU_TEST_WAIT_NS));
	EXPECT_EQ(before + 1, recovery_count(self->pci, "bus_resets"));
	EXPECT_EQ(0, run_fill(&self->idle));
	EXPECT_TRUE(works(&self->ctx));
}

/*
 * It does not: everything ends, and says so. When the link is there again, an administrator's reset
 * brings the device back, and files that are open can go on with new queues.
 */
TEST_F_TIMEOUT(pci_error, link_down_for_long, 300)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	const int wedged = recovery_count(self->pci, "wedged");
	char reset[96];

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to bring the link up again");
	inject_flags(self->regs, NPU_FAULT_LINK_DOWN, ANY, 0, 0, NPU_FAULT_PERSIST);
	/* not "lost in a reset", as one may think who sees the resets tried first */
	EXPECT_EQ(-ENODEV, wait_job(ctx, 2 * NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(&self->idle, 1));
	EXPECT_TRUE(counted(self->pci, "wedged", wedged + 1));

	EXPECT_TRUE(monitor_clear());
	snprintf(reset, sizeof(reset), "devices/%s/reset", self->pci);
	ASSERT_EQ(0, bus_write(reset, "1"));
	ASSERT_EQ(0, npu_queue_state(self->idle.fd, self->idle.queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_INNOCENT, state.state);
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(&self->idle, 1));
	EXPECT_TRUE(works(ctx));
	EXPECT_TRUE(works(&self->idle));
}

/*
 * It goes down anywhere in an administrator's reset, and is back before the kernel gives up. What the kernel saved of
 * the device may be all ones then, or those from some place on.
 */
TEST_F_TIMEOUT(pci_error, link_down_within_a_reset, 300)
{
	struct npu_ctx *ctx = &self->ctx;
	struct timespec wait = {};
	pid_t child;

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to bring the link up again");
	for (int i = 0; i < 40; i++) {
		/* there is something to stop, which takes the reset's first milliseconds */
		ASSERT_EQ(0, new_queue(ctx, 60000));
		ASSERT_EQ(0, start_forever(ctx));
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			_exit(-npu_reset_function(ctx->fd));
		/* at another time in each round */
		wait.tv_nsec = i * 500000;
		nanosleep(&wait, NULL);
		inject(self->regs, NPU_FAULT_LINK_DOWN, ANY, 0, 0);
		EXPECT_TRUE(monitor_clear());
		ASSERT_EQ(child, waitpid(child, NULL, 0));
		ASSERT_EQ(0, npu_reset_function(ctx->fd));
		ASSERT_TRUE(works(ctx));
	}
}

/*
 * Ends what is under way. The driver looks once more at a device whose last job has ended, and then no more: it is known
 * that it will not when the device may sleep, and does.
 */
static bool leave_alone(FIXTURE_DATA(pci_error) *self)
{
	return !new_queue(&self->ctx, 0) && !allow_sleep(self->pci) && falls_asleep(self->pci) &&
	       !forbid_sleep(self->pci);
}

static int vm_state(const struct npu_ctx *ctx)
{
	struct drm_npu_vm_get_state req = { .vm_id = ctx->vm };
	int ret = npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_GET_STATE, &req);

	return ret ? ret : (int)req.state;
}

/*
 * A bind finds out that no register answers, and nothing helps: its VM was left half-way, and is good for nothing but
 * being destroyed when the device is back. Others are as they were.
 */
TEST_F(pci_error, bind_when_it_is_lost)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_vm_bind_op op = {
		.bo_handle = ctx->bo,
		.va = 2 * NPU_TEST_VA,
		.size = 4096,
	};
	struct drm_npu_vm_bind async = {
		.vm_id = ctx->vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.ops = DRM_NPU_OBJ_ARRAY(1, &op),
	};

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to end the fault");
	/* nobody else finds out before */
	ASSERT_TRUE(leave_alone(self));
	inject_flags(self->regs, NPU_FAULT_LINK_DOWN, ANY, 1u << 30, 0, NPU_FAULT_PERSIST);
	EXPECT_EQ(-ENODEV, npu_unmap(ctx->fd, ctx->vm, NPU_TEST_VA + NPU_TEST_DATA, 4096));
	EXPECT_TRUE(device_says(self->pci, "npu/state", "wedged"));
	EXPECT_EQ(-ENODEV, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
	EXPECT_EQ(-ENODEV, vm_state(ctx));

	EXPECT_TRUE(monitor_clear());
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_EQ(DRM_NPU_VM_UNUSABLE, vm_state(ctx));
	EXPECT_EQ(-EINVAL, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &async));
	EXPECT_EQ(DRM_NPU_VM_USABLE, vm_state(&self->idle));
	EXPECT_TRUE(works(&self->idle));
	ASSERT_EQ(0, npu_vm_destroy(ctx->fd, ctx->vm));
	ASSERT_EQ(0, npu_vm_create(ctx->fd, &ctx->vm));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0));
	EXPECT_TRUE(works(ctx));
}

/* struct aer_error_inj of the kernel's drivers/pci/pcie/aer_inject.c. */
struct aer_error {
	uint8_t bus, dev, fn;
	uint32_t uncor_status, cor_status;
	uint32_t header_log[4];
	uint32_t domain;
};

/* Return: 0; -EOPNOTSUPP: nobody listens to errors of the bus; or another negative errno. */
static int aer_inject(const char *pci, uint32_t uncor_status)
{
	unsigned int domain, bus, dev, fn;
	struct aer_error error = { .uncor_status = uncor_status };
	int file, ret;

	/* what AER in the kernel does not look at cannot be tested */
	if (access("/sys/bus/pci_express/drivers/aer", F_OK))
		return -EOPNOTSUPP;
	if (access("/dev/aer_inject", F_OK) && system("modprobe aer_inject 2>/dev/null"))
		return -ENOENT;
	if (sscanf(pci, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return -EINVAL;
	error.domain = domain;
	error.bus = bus;
	error.dev = dev;
	error.fn = fn;
	file = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	ret = write(file, &error, sizeof(error)) == sizeof(error) ? 0 : -errno;
	close(file);
	return ret;
}

/* Nothing but the report of an error: work goes on. */
TEST_F(pci_error, injected_nonfatal)
{
	const int before = recovery_count(self->pci, "pci_errors");
	int ret;

	ret = aer_inject(self->pci, AER_COMPLETION_TIMEOUT);
	if (ret)
		SKIP(return, "the kernel cannot inject errors of the bus: %d", ret);
	EXPECT_TRUE(counted(self->pci, "pci_errors", before + 1));
	EXPECT_EQ(0, run_fill(&self->idle));
	EXPECT_EQ(-ETIME, wait_job(&self->ctx, SECONDS(1)));
	EXPECT_TRUE(works(&self->ctx));
}

/* Fatal, while the device has nothing: the bus is reset under it. */
TEST_F(pci_error, injected_fatal)
{
	const int before = recovery_count(self->pci, "pci_errors");
	int ret;

	ret = aer_inject(self->pci, AER_DATA_LINK);
	if (ret)
		SKIP(return, "the kernel cannot inject errors of the bus: %d", ret);
	EXPECT_EQ(-ECANCELED, wait_job(&self->ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(counted(self->pci, "pci_errors", before + 1));
	EXPECT_EQ(0, run_fill(&self->idle));
	EXPECT_TRUE(works(&self->ctx));
}

/* Address of the port that a device is behind. */
static bool find_port(const char *pci, char *port, size_t size)
{
	char *path = realpath(device_path(pci, ".."), NULL);
	const bool good = path && strchr(path, ':');

	if (good)
		snprintf(port, size, "%s", strrchr(path, '/') + 1);
	free(path);
	return good;
}

/*
 * The device does not answer that many reads, or at all (0), and its port reports a fatal error. Return: as
 * aer_inject(), after whose errors the device answers.
 */
static int port_reports_silence(FIXTURE_DATA(pci_error) *self, const char *port, uint32_t reads)
{
	int ret;

	inject_flags(self->regs, NPU_FAULT_LINK_DOWN, ANY, reads, 0, NPU_FAULT_PERSIST);
	ret = aer_inject(port, AER_DATA_LINK);
	if (ret)
		monitor_clear();
	return ret;
}

/*
 * Fatal, and the link does not come up again: the driver does not wait for that as long as the kernel does, which
 * is for more than a minute. When the link is there after all, the kernel brings the device back if it still waits,
 * and else an administrator.
 */
TEST_F_TIMEOUT(pci_error, injected_fatal_for_long, 300)
{
	struct npu_ctx *ctx = &self->ctx;
	const int errors = recovery_count(self->pci, "pci_errors");
	const int wedged = recovery_count(self->pci, "wedged");
	struct drm_npu_perf_stream_open stream = npu_stream_of(0);
	char port[64];
	int64_t start;
	int ret;

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to bring the link up again");
	ASSERT_TRUE(find_port(self->pci, port, sizeof(port)));
	/* the driver hears of it by the error that the port reports */
	ASSERT_TRUE(leave_alone(self));
	ret = port_reports_silence(self, port, 0);
	if (ret)
		SKIP(return, "the kernel cannot inject errors of the bus: %d", ret);
	ASSERT_TRUE(counted(self->pci, "pci_errors", errors + 1));
	start = npu_deadline(0);
	while (!device_says(self->pci, "npu/state", "down") && npu_deadline(0) - start < SECONDS(10))
		usleep(1000);
	stream.scope = DRM_NPU_PERF_SCOPE_ALL;
	/* jobs wait for what comes of it, who wants to watch them does not */
	EXPECT_EQ(-EIO, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &stream));
	EXPECT_EQ(0, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, wait_job(ctx, 3 * NPU_TEST_WAIT_NS));
	EXPECT_TRUE(counted(self->pci, "wedged", wedged + 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(&self->idle, 1));

	EXPECT_TRUE(monitor_clear());
	start = npu_deadline(0);
	while (!device_says(self->pci, "npu/state", "up") &&
	       npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS) {
		usleep(100000);
		npu_write_file(device_path(self->pci, "reset"), "1");
	}
	ASSERT_TRUE(device_says(self->pci, "npu/state", "up"));
	/* who was told that it is gone is over, and new queues work */
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(&self->idle, 1));
	EXPECT_TRUE(works(ctx));
	EXPECT_TRUE(works(&self->idle));
}

/*
 * Fatal, and the device does not answer after the reset of its bus: the kernel gives it up, and the driver with it:
 * at once where the kernel says so, else when it has waited long enough. It has to be found anew.
 */
TEST_F_TIMEOUT(pci_error, injected_fatal_given_up, 300)
{
	struct npu_ctx *ctx = &self->ctx;
	const int wedged = recovery_count(self->pci, "wedged");
	char port[64], remove[96];
	int ret;

	if (!have_monitor())
		SKIP(return, "no port to QEMU's monitor to end the fault");
	ASSERT_TRUE(find_port(self->pci, port, sizeof(port)));
	ASSERT_EQ(0, new_queue(ctx, 0));
	ret = port_reports_silence(self, port, 1u << 30);
	if (ret)
		SKIP(return, "the kernel cannot inject errors of the bus: %d", ret);
	EXPECT_TRUE(counted(self->pci, "wedged", wedged + 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(&self->idle, 1));

	EXPECT_TRUE(monitor_clear());
	snprintf(remove, sizeof(remove), "devices/%s/remove", self->pci);
	ASSERT_EQ(0, bus_write(remove, "1"));
	ASSERT_EQ(0, bus_write("rescan", "1"));
	EXPECT_TRUE(npu_load_back());
}

/* The kernel wakes the device to reset its bus. What has reset it before is in the way of nobody. */
TEST_F(pci_error, injected_fatal_while_asleep)
{
	const int before = recovery_count(self->pci, "pci_errors");
	const int wedged = recovery_count(self->pci, "wedged");

	if (access(device_path(self->pci, "power/control"), F_OK))
		SKIP(return, "a kernel without runtime PM");
	ASSERT_EQ(0, new_queue(&self->ctx, 0));
	ASSERT_EQ(0, allow_sleep(self->pci));
	for (int i = 1; i <= 3; i++) {
		int ret;

		ASSERT_TRUE(falls_asleep(self->pci));
		ret = aer_inject(self->pci, AER_DATA_LINK);
		if (ret)
			SKIP(break, "the kernel cannot inject errors of the bus: %d", ret);
		ASSERT_TRUE(counted(self->pci, "pci_errors", before + i));
		EXPECT_EQ(0, run_fill(&self->ctx));
	}
	EXPECT_EQ(wedged, recovery_count(self->pci, "wedged"));
	ASSERT_EQ(0, forbid_sleep(self->pci));
}

TEST_HARNESS_MAIN
