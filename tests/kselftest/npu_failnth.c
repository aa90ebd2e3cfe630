// SPDX-License-Identifier: MIT
/*
 * Every allocation and every copy from or to a program fails once, in every ioctl
 * that makes or changes something: the first in the first try, the second in the
 * next, until a try meets no failure. Each error is one that the caller can
 * understand, and the context works on. What such a path would leak or use after
 * it is freed, KASAN and kmemleak tell.
 *
 * Needs a kernel with fault injection, as the debug kernel is.
 */
#include <sys/syscall.h>

#include "npu_perf.h"
#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
/* No ioctl allocates so often. */
#define MOST_FAILURES 2000

FIXTURE(failnth)
{
	struct npu_ctx ctx;
	int fail_nth; /* /proc/self/task/TID/fail-nth */
	unsigned int failures; /* of the last sweep */
};

/* Also allocations that may sleep, which is what the driver's do, and not a word in the log. */
static bool set_up_injection(void)
{
	return !npu_write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") &&
	       !npu_write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N") &&
	       !npu_write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N") &&
	       !npu_write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0") &&
	       !npu_write_file("/sys/kernel/debug/failslab/verbose", "0") &&
	       !npu_write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0") &&
	       !npu_write_file("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

static bool works(struct npu_ctx *ctx)
{
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, 7, 4096);
	return !npu_ctx_run(ctx, 1);
}

FIXTURE_SETUP(failnth)
{
	char path[64];

	self->ctx.fd = -1;
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	self->fail_nth = open(path, O_RDWR | O_CLOEXEC);
	if (self->fail_nth < 0 || !set_up_injection())
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(failnth)
{
	npu_ctx_exit(&self->ctx);
	close(self->fail_nth);
}

/* The nth from now on fails. */
static bool arm(FIXTURE_DATA(failnth) *self, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	return pwrite(self->fail_nth, text, length, 0) == length;
}

/* No more; true if it has. */
static bool disarm(FIXTURE_DATA(failnth) *self)
{
	char text[16] = "";

	/* The count that is left, 0 when it has come to its end. */
	if (pread(self->fail_nth, text, sizeof(text) - 1, 0) < 1)
		return false;
	return pwrite(self->fail_nth, "0", 1, 0) == 1 && atoi(text) == 0;
}

/*
 * Does CALL, which returns 0 or a negative errno, again and again; UNDO after each success.
 * An allocation that may be done without, or be tried in another way, is no failure of CALL.
 */
#define SWEEP(call, undo) \
	do { \
		int ret; \
		bool failed; \
\
		for (self->failures = 0; self->failures < MOST_FAILURES; self->failures++) { \
			ASSERT_TRUE(arm(self, self->failures + 1)); \
			ret = (call); \
			failed = disarm(self); \
			if (!ret) { \
				undo; \
			} \
			if (!failed) \
				break; \
			if (ret) \
				ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT) \
				{ \
					TH_LOG("failure %u: %d", self->failures + 1, ret); \
				} \
			ASSERT_TRUE(works(&self->ctx)); \
		} \
		ASSERT_EQ(0, ret); \
		TH_LOG("%u failures", self->failures); \
		EXPECT_GT(self->failures, 0); \
		EXPECT_LT(self->failures, MOST_FAILURES); \
		EXPECT_TRUE(works(&self->ctx)); \
	} while (0)

static int open_node(FIXTURE_DATA(failnth) *self, int *ret_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->ctx.fd);
	*ret_fd = open(path, O_RDWR | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

TEST_F(failnth, open)
{
	int fd;

	SWEEP(open_node(self, &fd), close(fd));
}

TEST_F(failnth, bo_create)
{
	uint32_t bo;

	SWEEP(npu_bo_create(self->ctx.fd, 0x10000, &bo), drmCloseBufferHandle(self->ctx.fd, bo));
}

TEST_F(failnth, bo_mmap)
{
	void *mem;

	SWEEP((mem = npu_bo_mmap(self->ctx.fd, self->ctx.bo, NPU_TEST_SIZE)) == MAP_FAILED ? -errno : 0,
	      munmap(mem, NPU_TEST_SIZE));
}

TEST_F(failnth, vm_create)
{
	uint32_t vm;

	SWEEP(npu_vm_create(self->ctx.fd, &vm), npu_vm_destroy(self->ctx.fd, vm));
}

/* Pages that nobody has touched, an address that has no tables yet. */
TEST_F(failnth, map_fresh)
{
	const uint64_t va = 0x123450000000ull;
	uint32_t bo;
	int n = 0;

	/* Once pinned they stay, so each try has an object of its own. */
	do {
		ASSERT_EQ(0, npu_bo_create(self->ctx.fd, 0x20000, &bo));
		ASSERT_TRUE(arm(self, ++n));
		int ret = npu_map(self->ctx.fd, self->ctx.vm, bo, 0, va, 0x20000, 0);
		bool failed = disarm(self);

		if (ret)
			ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT)
			{
				TH_LOG("failure %d: %d", n, ret);
			}
		if (!ret)
			ASSERT_EQ(0, npu_unmap(self->ctx.fd, self->ctx.vm, va, 0x20000));
		drmCloseBufferHandle(self->ctx.fd, bo);
		ASSERT_TRUE(works(&self->ctx));
		if (!failed) {
			EXPECT_EQ(0, ret);
			break;
		}
	} while (n < MOST_FAILURES);
	TH_LOG("%d failures", n - 1);
	EXPECT_GT(n, 1);
	EXPECT_LT(n, MOST_FAILURES);
}

/* Over the middle of what is mapped: a mapping is split, and a large page may be. */
TEST_F(failnth, map_over)
{
	struct npu_ctx *ctx = &self->ctx;
	const uint64_t va = NPU_TEST_VA + 0x80000;

	SWEEP(npu_map(ctx->fd, ctx->vm, ctx->bo, 0x100000, va, 0x3000, DRM_NPU_VM_BIND_READONLY),
	      ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0)));
}

TEST_F(failnth, unmap_middle)
{
	struct npu_ctx *ctx = &self->ctx;

	SWEEP(npu_unmap(ctx->fd, ctx->vm, NPU_TEST_VA + 0x80000, 0x3000),
	      ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0)));
}

TEST_F(failnth, map_sparse)
{
	struct drm_npu_vm_bind_op op = {
		.flags = (uint32_t)DRM_NPU_VM_BIND_SPARSE,
		.va = NPU_TEST_VA + NPU_TEST_SIZE - 0x1000,
		.size = 0x123456000,
	};

	SWEEP(npu_vm_bind(self->ctx.fd, self->ctx.vm, &op, 1),
	      ASSERT_EQ(0, npu_unmap(self->ctx.fd, self->ctx.vm, op.va, op.size)));
}

TEST_F(failnth, map_async)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_vm_bind_op op = {
		.bo_handle = ctx->bo,
		.va = 0x123450000000ull,
		.size = 0x3000,
	};
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_TIMELINE, .handle = ctx->timeline },
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL },
	};
	struct drm_npu_vm_bind req = {
		.vm_id = ctx->vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.ops = DRM_NPU_OBJ_ARRAY(1, &op),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &syncs[1].handle));
	ASSERT_TRUE(works(ctx));
	syncs[0].point = ctx->point;
	SWEEP((req.ops.count = 1, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &req)),
	      ASSERT_EQ(0, npu_wait_binary(ctx->fd, syncs[1].handle)));
	drmSyncobjDestroy(ctx->fd, syncs[1].handle);
}

TEST_F(failnth, bo_userptr)
{
	struct drm_npu_bo_userptr req = { .size = 0x10000 };
	void *mem = mmap(NULL, req.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	memset(mem, 1, req.size);
	req.addr = (uintptr_t)mem;
	SWEEP(npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_BO_USERPTR, &req),
	      drmCloseBufferHandle(self->ctx.fd, req.handle));
	munmap(mem, req.size);
}

TEST_F(failnth, bo_set_label)
{
	struct drm_npu_bo_set_label req = { .handle = self->ctx.bo, .label = (uintptr_t)"weights" };

	SWEEP(npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_BO_SET_LABEL, &req), (void)0);
}

TEST_F(failnth, perfmon_create)
{
	struct drm_npu_perfmon_create req = {
		.queue_id = self->ctx.queue,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.counters = 1,
	};
	struct drm_npu_perfmon_destroy end = {};

	SWEEP(npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req),
	      (end.id = req.id, npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_PERFMON_DESTROY, &end)));
}

/* Of the file, so that one whose number could not be told is not in the next one's way. */
TEST_F(failnth, perf_stream_open)
{
	struct drm_npu_perf_stream_open req = {
		.scope = DRM_NPU_PERF_SCOPE_ALL,
		.lanes = 2,
		.modes = NPU_PERF_MODE_PACKETS,
		.ring_log2 = NPU_PERF_RING_MIN_LOG2,
		.threshold = 1,
	};

	SWEEP(npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req), close(req.fd));
}

TEST_F(failnth, export)
{
	int dmabuf;

	SWEEP(drmPrimeHandleToFD(self->ctx.fd, self->ctx.bo, DRM_CLOEXEC, &dmabuf) ? -errno : 0,
	      close(dmabuf));
}

TEST_F(failnth, queue_create)
{
	uint32_t queue;

	SWEEP(npu_queue_create(self->ctx.fd, self->ctx.vm, 0, &queue),
	      npu_queue_destroy(self->ctx.fd, queue));
}

TEST_F(failnth, submit)
{
	struct npu_ctx *ctx = &self->ctx;

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, 7, 4096);
	SWEEP(npu_ctx_submit(ctx, 1),
	      ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, ctx->point, NPU_TEST_WAIT_NS)));
}

/* Behind another job, so that it passes through the scheduler, and with memory that others may use. */
TEST_F(failnth, submit_waiting)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_TIMELINE, .handle = ctx->timeline },
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL },
	};
	struct drm_npu_bo_access access = { .handle = ctx->bo, .flags = DRM_NPU_BO_ACCESS_WRITE };
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
		.accesses = DRM_NPU_OBJ_ARRAY(1, &access),
	};

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &syncs[1].handle));
	ASSERT_TRUE(works(ctx));
	syncs[0].point = ctx->point;
	SWEEP(npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req),
	      ASSERT_EQ(0, npu_wait_binary(ctx->fd, syncs[1].handle)));
	drmSyncobjDestroy(ctx->fd, syncs[1].handle);
}

TEST_HARNESS_MAIN
