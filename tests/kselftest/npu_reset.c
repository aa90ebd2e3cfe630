// SPDX-License-Identifier: MIT
/*
 * The PCI function is reset under the driver's feet: queues with jobs in flight
 * are lost and told so, idle ones go on, and memory keeps what it holds.
 */
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define CODE_VA (NPU_TEST_VA + 0x20000)

FIXTURE(reset)
{
	struct npu_ctx busy, idle;
};

FIXTURE_SETUP(reset)
{
	if (geteuid())
		SKIP(return, "only root may reset a device");
	ASSERT_EQ(0, npu_ctx_init(&self->busy, 0));
	ASSERT_EQ(0, npu_ctx_init(&self->idle, 0));
}

FIXTURE_TEARDOWN(reset)
{
	npu_ctx_exit(&self->busy);
	npu_ctx_exit(&self->idle);
}

TEST_F(reset, while_a_kernel_runs)
{
	struct npu_ctx *busy = &self->busy, *idle = &self->idle;
	union npu_packet *pkt = npu_ctx_packets(busy);
	struct drm_npu_queue_get_state state;
	const int64_t start = npu_deadline(0);
	uint32_t job[4], i;

	/* the idle queue has a past; it is to keep its numbers */
	npu_ctx_packets(idle)[0] = npu_pkt_fill(DATA_VA, 1, 4);
	npu_ctx_packets(idle)[1] = npu_pkt_fill(DATA_VA + 4, 2, 4);
	ASSERT_EQ(0, npu_ctx_run(idle, 1));

	/* two that end, one that never does, and one behind it */
	*(uint32_t *)(busy->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	pkt[0] = npu_pkt_fill(DATA_VA, 42, 4);
	pkt[1] = npu_pkt_fill(DATA_VA + 4, 43, 4);
	pkt[2] = npu_pkt_barrier();
	pkt[3] = npu_pkt_dispatch(CODE_VA, 0, 8);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, npu_submit_binary(busy->fd, busy->queue, NPU_TEST_VA + 64 * (i == 2),
					       i == 2 ? 3 : 1, &job[i]));
	EXPECT_EQ(0, npu_wait_binary(busy->fd, job[0]));
	EXPECT_EQ(0, npu_wait_binary(busy->fd, job[1]));
	/* a job that has not begun would survive */
	while (*(volatile uint32_t *)(busy->mem + NPU_TEST_DATA + 4) != 43 &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		sched_yield();
	ASSERT_EQ(43, *(volatile uint32_t *)(busy->mem + NPU_TEST_DATA + 4));

	ASSERT_EQ(0, npu_reset_function(busy->fd));

	EXPECT_EQ(-ECANCELED, npu_wait_binary(busy->fd, job[2]));
	EXPECT_EQ(-ECANCELED, npu_wait_binary(busy->fd, job[3]));
	ASSERT_EQ(0, npu_queue_state(busy->fd, busy->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_INNOCENT, state.state);
	EXPECT_EQ(4, state.submitted);
	EXPECT_EQ(4, state.completed);
	EXPECT_EQ(0, state.fault.error);
	EXPECT_EQ(3, state.fault.seqno);
	EXPECT_EQ(-ECANCELED, npu_ctx_submit(busy, 1));

	/* its VM is as good as before: a new queue in it finds memory and mappings */
	ASSERT_EQ(0, npu_queue_destroy(busy->fd, busy->queue));
	ASSERT_EQ(0, npu_queue_create(busy->fd, busy->vm, 0, &busy->queue));
	EXPECT_EQ(42, *(uint32_t *)(busy->mem + NPU_TEST_DATA));
	pkt[0] = npu_pkt_copy(DATA_VA + 64, DATA_VA, 4);
	EXPECT_EQ(0, npu_ctx_run(busy, 1));
	EXPECT_EQ(42, *(uint32_t *)(busy->mem + NPU_TEST_DATA + 64));

	/* the idle queue goes on where it was */
	EXPECT_EQ(0, npu_submit(idle->fd, idle->queue, NPU_TEST_VA + 64, 1, idle->timeline, 2));
	ASSERT_EQ(0, npu_wait(idle->fd, idle->timeline, 2, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, npu_point_status(idle->fd, idle->timeline, 2));
	EXPECT_EQ(1, *(uint32_t *)(idle->mem + NPU_TEST_DATA));
	EXPECT_EQ(2, *(uint32_t *)(idle->mem + NPU_TEST_DATA + 4));
	ASSERT_EQ(0, npu_queue_state(idle->fd, idle->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(2, state.submitted);
	EXPECT_EQ(2, state.completed);
	EXPECT_EQ(0, state.fault.seqno);
}

/* Jobs that wait for the tiles, and have not begun, are none the worse for a reset. */
TEST_F(reset, while_a_job_waits_for_its_turn)
{
	struct npu_ctx *busy = &self->busy, *waits = &self->idle;
	struct drm_npu_queue_get_state state;
	uint32_t job[200], i;

	*(uint32_t *)(busy->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(busy)[0] = npu_pkt_dispatch(CODE_VA, 0, 8);
	ASSERT_EQ(0, npu_ctx_submit(busy, 1));
	/* not at the ring's beginning, and then around its end */
	npu_ctx_packets(waits)[2] = npu_pkt_fill(DATA_VA, 1, 4);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, npu_submit(waits->fd, waits->queue, NPU_TEST_VA + 128, 1,
					waits->timeline, ++waits->point));
	ASSERT_EQ(0, npu_wait(waits->fd, waits->timeline, waits->point, NPU_TEST_WAIT_NS));
	*(uint32_t *)(waits->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_EXIT;
	npu_ctx_packets(waits)[0] = npu_pkt_dispatch(CODE_VA, 0, 8);
	npu_ctx_packets(waits)[1] = npu_pkt_fill(DATA_VA + 4, 43, 4);
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, npu_submit_binary(waits->fd, waits->queue, NPU_TEST_VA, 2, &job[i]));

	ASSERT_EQ(0, npu_reset_function(busy->fd));

	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, npu_wait_binary(waits->fd, job[i]));
	EXPECT_EQ(43, *(uint32_t *)(waits->mem + NPU_TEST_DATA + 4));
	ASSERT_EQ(0, npu_queue_state(waits->fd, waits->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(300, state.submitted);
	EXPECT_EQ(300, state.completed);
	ASSERT_EQ(0, npu_wait(busy->fd, busy->timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ECANCELED, npu_point_status(busy->fd, busy->timeline, 1));
}

TEST_HARNESS_MAIN
