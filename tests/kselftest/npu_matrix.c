// SPDX-License-Identifier: MIT
/*
 * Every fault that the device can inject, in every situation in which it may strike: the device is idle, it
 * is busy, memory is being bound, it is being reset. (While the machine falls asleep: npu_suspend.) Whatever
 * the driver makes of it, who waits is told in bounded time, with an error that fits the fault, and
 * afterwards the device works. docs/faults.md says more exactly what happens; npu_inject tests that.
 *
 * Needs what npu_inject needs.
 */
#include "npu_fault_table.h"

#define BESIDE_MS 3000

/* What a program that works beside the test has done. */
struct shared {
	uint32_t rounds;
	int ret;
	bool stop;
};

FIXTURE(matrix)
{
	struct fault_test test;
	volatile struct shared *shared;
	pid_t child;
};

FIXTURE_VARIANT(matrix)
{
	struct fault_case fault;
};

#define MATRIX_VARIANT(...) FAULT_VARIANT(matrix, __VA_ARGS__)
FAULT_TABLE(MATRIX_VARIANT)

FIXTURE_SETUP(matrix)
{
	const char *why;

	if (geteuid())
		SKIP(return, "only root reaches the registers");
	why = fault_test_init(&self->test);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(NULL, self->test.regs);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
	ASSERT_EQ(0, run_fill(&self->test.ctx));
}

FIXTURE_TEARDOWN(matrix)
{
	if (self->child > 0) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
	fault_test_exit(&self->test);
}

/* In a reset: one that a reset ends would not be seen to strike in one. */
static uint32_t flags_in_reset(const struct fault_case *fault)
{
	return fault->count ? NPU_FAULT_PERSIST : 0;
}

TEST_F(matrix, idle)
{
	arm(&self->test, &variant->fault, 0);
	settle(_metadata, &self->test, &variant->fault, variant->fault.errors);
}

TEST_F(matrix, busy)
{
	const struct fault_case *fault = &variant->fault;
	struct fault_jobs jobs;

	begin_endless(_metadata, &self->test, fault, &jobs, ENDLESS_MS);
	arm(&self->test, fault, 0);
	begin_more(_metadata, &self->test, &jobs, fault->errors);
	/* the fault's, or that it had no progress */
	end_jobs(_metadata, &self->test, &jobs, fault->errors | TIMES_OUT, fault->errors);
	if (!lasts(fault))
		EXPECT_TRUE(has_struck(&self->test, fault));
	settle(_metadata, &self->test, fault, fault->errors);
}

/* Counts its rounds, until it is to stop or something is in its way. */
static void beside(FIXTURE_DATA(matrix) *self, int (*round)(struct npu_ctx *ctx), bool with_work)
{
	volatile struct shared *shared = self->shared;
	struct npu_ctx ctx;
	int ret;

	self->child = fork();
	if (self->child)
		return;
	ret = npu_ctx_init(&ctx, BESIDE_MS);
	if (!ret && with_work) {
		npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 1);
		*(uint32_t *)(ctx.mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
		ret = npu_ctx_submit(&ctx, 1);
	}
	while (!ret && !shared->stop) {
		ret = round(&ctx);
		if (!ret)
			__atomic_add_fetch(&shared->rounds, 1, __ATOMIC_SEQ_CST);
	}
	shared->ret = ret;
	npu_ctx_exit(&ctx);
	_exit(0);
}

/* It has done so many rounds more, or has ended. */
static bool goes_on(FIXTURE_DATA(matrix) *self, uint32_t rounds)
{
	const int64_t start = npu_deadline(0);
	const uint32_t first = self->shared->rounds;

	while (self->shared->rounds - first < rounds && npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS) {
		if (waitpid(self->child, NULL, WNOHANG) == self->child) {
			self->child = 0;
			return true;
		}
		usleep(1000);
	}
	return self->shared->rounds - first >= rounds;
}

/* Return: what it saw in the end. */
static int stop_beside(FIXTURE_DATA(matrix) *self)
{
	self->shared->stop = true;
	if (self->child > 0)
		waitpid(self->child, NULL, 0);
	self->child = 0;
	return self->shared->ret;
}

TEST_F(matrix, in_bind)
{
	beside(self, bind_round, true);
	ASSERT_TRUE(goes_on(self, 3));
	ASSERT_NE(0, self->child);
	arm(&self->test, &variant->fault, 0);
	EXPECT_TRUE(goes_on(self, 10));
	settle(_metadata, &self->test, &variant->fault, variant->fault.errors);
	/* binding needs nothing of the device but that it is there */
	EXPECT_EXCUSED(variant->fault.errors & GOES, stop_beside(self));
}

static int reset_round(struct npu_ctx *ctx)
{
	const int ret = npu_reset_function(ctx->fd);

	/* one that does not answer cannot be reset; one that is gone has no such file */
	return ret == -ENOENT ? -ENODEV : 0;
}

TEST_F_TIMEOUT(matrix, in_reset, 300)
{
	const uint32_t errors = variant->fault.errors | LOSES;

	beside(self, reset_round, false);
	ASSERT_TRUE(goes_on(self, 1));
	ASSERT_NE(0, self->child);
	ASSERT_EQ(0, new_queue(&self->test.ctx, ENDLESS_MS));
	EXPECT_EXCUSED(errors, start_forever(&self->test.ctx));
	arm(&self->test, &variant->fault, flags_in_reset(&variant->fault));
	/* the kernel waits a minute for a link, as if it never came back; that is npu_pci_error's */
	if (link_dies(&variant->fault))
		EXPECT_TRUE(monitor_clear());
	EXPECT_TRUE(goes_on(self, 3));
	EXPECT_EXCUSED(errors | TIMES_OUT, wait_job(&self->test.ctx, NPU_TEST_WAIT_NS));
	/* if not in what a reset does, then in what is done between this one and the next */
	work_it_off(_metadata, &self->test, &variant->fault, errors);
	EXPECT_EXCUSED(errors & GOES, stop_beside(self));
	settle(_metadata, &self->test, &variant->fault, errors);
}

TEST_HARNESS_MAIN
