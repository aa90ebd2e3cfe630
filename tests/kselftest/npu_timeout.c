// SPDX-License-Identifier: MIT
/*
 * Kernels that fail or never end: killed in bounded time, with an error on
 * their fence, and nothing else is touched.
 */
#include <sys/wait.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define CODE_VA (NPU_TEST_VA + 0x20000)
#define TIMEOUT_MS 1000
#define JOB_MAX_MS 3600000 /* unless set */

static int set_parameter(const char *name, unsigned int ms)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), "/sys/module/npu/parameters/%s", name);
	snprintf(text, sizeof(text), "%u\n", ms);
	return npu_write_file(path, text);
}

FIXTURE(timeout)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(timeout)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(timeout)
{
	/* a test that was cut short may have left it */
	if (!geteuid())
		EXPECT_EQ(0, set_parameter("job_max_ms", JOB_MAX_MS));
	npu_ctx_exit(&self->ctx);
}

static void put_insn(struct npu_ctx *ctx, uint32_t insn)
{
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = insn;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
}

TEST_F(timeout, endless_kernel)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	int64_t start = npu_deadline(0), took;

	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, TIMEOUT_MS, &ctx->queue));
	put_insn(ctx, NPU_INSN_SELF);
	EXPECT_EQ(-ETIMEDOUT, npu_ctx_run(ctx, 1));
	took = npu_deadline(0) - start;
	EXPECT_GE(took, TIMEOUT_MS * 1000000ll);
	EXPECT_LT(took, NPU_TEST_WAIT_NS / 2);
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_TIMEDOUT, state.state);
	EXPECT_EQ(state.submitted, state.completed);
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(ctx, 1));

	/* the VM is none the worse: a new queue in it works */
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	put_insn(ctx, NPU_INSN_EXIT);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
}

/* The neighbours wait for the tiles while the hog is timed out, and are not blamed for it. */
TEST_F(timeout, neighbours_go_on)
{
	struct npu_ctx *hog = &self->ctx, other[3];
	struct drm_npu_queue_get_state state;
	int i, round;

	/* They wait for longer than their timeout. */
	ASSERT_EQ(0, npu_queue_destroy(hog->fd, hog->queue));
	ASSERT_EQ(0, npu_queue_create(hog->fd, hog->vm, 3 * TIMEOUT_MS, &hog->queue));
	put_insn(hog, NPU_INSN_SELF);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, npu_ctx_init(&other[i], 2 * TIMEOUT_MS));
		put_insn(&other[i], NPU_INSN_EXIT);
	}
	ASSERT_EQ(0, npu_ctx_submit(hog, 1));
	for (round = 0; round < 4; round++)
		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, npu_ctx_submit(&other[i], 1));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, npu_wait(other[i].fd, other[i].timeline, 4, NPU_TEST_WAIT_NS));
		EXPECT_EQ(0, npu_point_status(other[i].fd, other[i].timeline, 4));
		ASSERT_EQ(0, npu_queue_state(other[i].fd, other[i].queue, &state));
		EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
		EXPECT_EQ(4, state.completed);
	}
	ASSERT_EQ(0, npu_wait(hog->fd, hog->timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ETIMEDOUT, npu_point_status(hog->fd, hog->timeline, 1));
	for (i = 0; i < 3; i++)
		npu_ctx_exit(&other[i]);
}

/* Whoever lets queues time out one after the other does not keep another's endless job alive. */
TEST_F(timeout, endless_kernel_beside_others_that_time_out)
{
	const int64_t start = npu_deadline(0);
	struct npu_ctx *hog = &self->ctx, other;
	union npu_packet *pkt;
	int killed = 0, ret;

	ASSERT_EQ(0, npu_queue_destroy(hog->fd, hog->queue));
	ASSERT_EQ(0, npu_queue_create(hog->fd, hog->vm, 3 * TIMEOUT_MS, &hog->queue));
	put_insn(hog, NPU_INSN_SELF);
	ASSERT_EQ(0, npu_ctx_submit(hog, 1));
	do {
		/* on the copy engine, as the hog has the tiles */
		ASSERT_EQ(0, npu_ctx_init(&other, 50));
		pkt = npu_ctx_packets(&other);
		pkt[0] = npu_pkt_copy(DATA_VA, DATA_VA + 0x80000, 0x40000);
		pkt[0].copy.size[2] = 1000000;
		ASSERT_EQ(-ETIMEDOUT, npu_ctx_run(&other, 1));
		npu_ctx_exit(&other);
		killed++;
		ret = npu_wait(hog->fd, hog->timeline, 1, 0);
	} while (ret == -ETIME && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
	EXPECT_EQ(0, ret)
	TH_LOG("%d others have timed out, and it still runs", killed);
	if (!ret)
		EXPECT_EQ(-ETIMEDOUT, npu_point_status(hog->fd, hog->timeline, 1));
}

static int set_cap(unsigned int ms)
{
	return set_parameter("timeout_max_ms", ms);
}

/* The administrator's cap holds for what programs ask for, and for what they get who do not. */
TEST_F(timeout, cap)
{
	struct npu_ctx *ctx = &self->ctx;
	int64_t start = npu_deadline(0);
	uint32_t queue;
	int ret, own;

	if (geteuid())
		SKIP(return, "only root sets the cap");
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, set_cap(TIMEOUT_MS));
	ret = npu_queue_create(ctx->fd, ctx->vm, TIMEOUT_MS + 1, &queue);
	own = npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue);
	EXPECT_NE(0, set_cap(0));
	EXPECT_NE(0, set_cap(3600001));
	ASSERT_EQ(0, set_cap(60000));
	EXPECT_EQ(-ERANGE, ret);
	ASSERT_EQ(0, own);
	put_insn(ctx, NPU_INSN_SELF);
	EXPECT_EQ(-ETIMEDOUT, npu_ctx_run(ctx, 1));
	EXPECT_LT(npu_deadline(0) - start, NPU_TEST_WAIT_NS / 2);
}

/* Slow is not stuck: a job that retires work outlives its timeout. */
TEST_F(timeout, progress_extends)
{
	/* li t0, COUNT; 1: addi t0, t0, -1; bnez t0, 1b; exit */
	static const uint32_t code[] = { 0x001002b7, 0xfff28293, 0xfe029ee3, NPU_INSN_EXIT };
	struct npu_ctx *ctx = &self->ctx;
	uint32_t groups = 1200;
	int64_t took;

	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, TIMEOUT_MS, &ctx->queue));
	memcpy(ctx->mem + (CODE_VA - NPU_TEST_VA), code, sizeof(code));
	/* each workgroup takes a few ms of wall time, and all of them more than a second, how fast a host there is */
	do {
		const int64_t start = npu_deadline(0);

		npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, groups);
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
		took = npu_deadline(0) - start;
		groups *= 4;
	} while (took < TIMEOUT_MS * 1000000ll && groups <= 1 << 20);
	EXPECT_GE(took, TIMEOUT_MS * 1000000ll);
}

/*
 * Progress for years keeps a job alive for as long as the administrator says, and no longer: others may wait for
 * its fence. Who waits in the queue behind it is cancelled, and another queue goes on.
 */
TEST_F_TIMEOUT(timeout, progress_ends, 120)
{
	struct drm_npu_device_info info;
	struct npu_ctx *ctx = &self->ctx, other;
	struct drm_npu_queue_get_state state;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint32_t first, second;
	int64_t start, took;
	int i;

	if (geteuid())
		SKIP(return, "only root sets the limit");
	EXPECT_NE(0, set_parameter("job_max_ms", 0));
	EXPECT_NE(0, set_parameter("job_max_ms", 604800001));
	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	put_insn(ctx, NPU_INSN_EXIT);
	for (i = 0; i < 1024; i++)
		pkt[i] = npu_pkt_dispatch(CODE_VA, 0, 1 << 20);
	ASSERT_EQ(0, set_parameter("job_max_ms", 3 * TIMEOUT_MS));
	EXPECT_EQ(0, npu_device_info(ctx->fd, &info));
	EXPECT_EQ(3 * TIMEOUT_MS, info.max_job_ms);
	start = npu_deadline(0);
	EXPECT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1024, &first));
	EXPECT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &second));
	/* one whose jobs are done in time is not ended for the other's age */
	put_insn(&other, NPU_INSN_EXIT);
	do {
		ASSERT_EQ(0, npu_ctx_run(&other, 1));
	} while (npu_deadline(0) - start < 2 * TIMEOUT_MS * 1000000ll);
	EXPECT_EQ(-ETIMEDOUT, npu_wait_binary(ctx->fd, first));
	EXPECT_EQ(-ECANCELED, npu_wait_binary(ctx->fd, second));
	took = npu_deadline(0) - start;
	EXPECT_EQ(0, npu_ctx_run(&other, 1));
	EXPECT_GE(took, 3 * TIMEOUT_MS * 1000000ll);
	EXPECT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_TIMEDOUT, state.state);
	npu_ctx_exit(&other);
}

TEST_F(timeout, endless_copy_engine_user_is_bounded)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	int i;

	/* as much copying as packets can ask for; stopped by destroying the queue */
	for (i = 0; i < 1024; i++) {
		pkt[i] = npu_pkt_copy(DATA_VA, DATA_VA + 0x80000, 0x40000);
		pkt[i].copy.size[2] = 100000; /* the same plane, over and over */
	}
	ASSERT_EQ(0, npu_ctx_submit(ctx, 1024));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ECANCELED, npu_point_status(ctx->fd, ctx->timeline, 1));
}

static void expect_fault(struct __test_metadata *_metadata, struct npu_ctx *ctx, uint32_t insn,
			 int want, uint32_t error)
{
	struct drm_npu_queue_get_state state;

	put_insn(ctx, insn);
	EXPECT_EQ(want, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_FAULTED, state.state);
	EXPECT_EQ(error, state.fault.error);
	EXPECT_EQ(CODE_VA, state.fault.pc);
	EXPECT_EQ(NPU_TEST_VA, state.fault.packet);
	EXPECT_EQ(1, state.fault.seqno);
	EXPECT_NE(0, state.fault.as_id);
}

TEST_F(timeout, illegal_instruction)
{
	expect_fault(_metadata, &self->ctx, NPU_INSN_ILLEGAL, -EIO, NPU_JOB_ILLEGAL);
}

TEST_F(timeout, breakpoint)
{
	expect_fault(_metadata, &self->ctx, NPU_INSN_EBREAK, -EIO, NPU_JOB_BREAKPOINT);
}

TEST_F(timeout, privileged_instruction)
{
	expect_fault(_metadata, &self->ctx, 0x30200073 /* mret */, -EIO, NPU_JOB_ILLEGAL);
}

TEST_F(timeout, return_from_entry)
{
	struct drm_npu_queue_get_state state;

	put_insn(&self->ctx, 0x00008067 /* ret */);
	EXPECT_EQ(-EFAULT, npu_ctx_run(&self->ctx, 1));
	ASSERT_EQ(0, npu_queue_state(self->ctx.fd, self->ctx.queue, &state));
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, state.fault.error);
	EXPECT_EQ(NPU_ACCESS_EXEC, state.fault.access);
	EXPECT_EQ(0, state.fault.pc);
}

/* A process that dies with an endless kernel running leaves a device that works. */
TEST_F(timeout, killed_process)
{
	pid_t pid = fork();
	int status;

	ASSERT_GE(pid, 0);
	if (!pid) {
		struct npu_ctx ctx;

		if (npu_ctx_init(&ctx, 0))
			_exit(1);
		put_insn(&ctx, NPU_INSN_SELF);
		if (npu_ctx_submit(&ctx, 1))
			_exit(2);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	put_insn(&self->ctx, NPU_INSN_EXIT);
	EXPECT_EQ(0, npu_ctx_run(&self->ctx, 1));
}

TEST_HARNESS_MAIN
