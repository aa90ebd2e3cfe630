// SPDX-License-Identifier: MIT
/* Performance streams through libnpurt: a queue of one's own is recorded while it works. */
#include "npu_perf.h"
#include "npu_runtime.h"

FIXTURE(stream)
{
	struct rt_ctx ctx;
};

FIXTURE_SETUP(stream)
{
	ASSERT_EQ(0, rt_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(stream)
{
	rt_exit(&self->ctx);
}

TEST_F(stream, records_a_queue)
{
	struct npurt_perf_options options = NPURT_PERF_OPTIONS_INIT;
	struct npurt_perf_status status = NPURT_PERF_STATUS_INIT;
	struct npurt_perf_stream *stream, *other;
	uint8_t buf[4096] __attribute__((aligned(8)));
	uint64_t done = 0;
	size_t bytes, at;

	options.scope = NPURT_PERF_QUEUE;
	options.queue = self->ctx.queue;
	options.modes = NPU_PERF_MODE_SHARES;
	options.threshold = 1;
	ASSERT_EQ(0, npurt_perf_stream_open(self->ctx.device, &options, &stream))
	TH_LOG("%s", npurt_error_detail());
	ASSERT_EQ(0, npurt_perf_stream_read(stream, buf, sizeof(buf), &bytes));
	EXPECT_EQ(0, bytes);
	EXPECT_EQ(-ETIME, npurt_perf_stream_wait(stream, 0));
	ASSERT_EQ(0, rt_work(&self->ctx, 1));
	ASSERT_EQ(0, npurt_perf_stream_wait(stream, RT_WAIT_NS));
	EXPECT_EQ(-EINVAL, npurt_perf_stream_read(stream, buf, 8, &bytes));
	ASSERT_EQ(0, npurt_perf_stream_get_status(stream, &status));
	EXPECT_GE(status.unread, 1);
	EXPECT_EQ(0, status.lost + status.missed + status.restarts);
	do {
		ASSERT_EQ(0, npurt_perf_stream_read(stream, buf, sizeof(buf), &bytes));
		for (at = 0; at < bytes; at += ((struct npu_perf_head *)(buf + at))->size) {
			struct npu_perf_share *share = (struct npu_perf_share *)(buf + at);

			ASSERT_EQ(NPU_PERF_SHARE, share->head.type);
			done += share->done;
		}
	} while (bytes);
	/* each workgroup of it is in one of the shares */
	EXPECT_EQ(64, done);

	/* nobody else may watch the same queue */
	EXPECT_EQ(-EBUSY, npurt_perf_stream_open(self->ctx.device, &options, &other));
	EXPECT_GE(npurt_perf_stream_fd(stream), 0);
	EXPECT_EQ(NULL, npurt_perf_stream_unref(npurt_perf_stream_ref(stream)));
	npurt_perf_stream_unref(stream);
	ASSERT_EQ(0, npurt_perf_stream_open(self->ctx.device, &options, &stream));
	npurt_perf_stream_unref(stream);
}

TEST_F(stream, bad)
{
	struct npurt_perf_options options = NPURT_PERF_OPTIONS_INIT;
	struct npurt_perf_stream *stream;

	EXPECT_EQ(-EINVAL, npurt_perf_stream_open(self->ctx.device, &options, &stream));
	options.scope = NPURT_PERF_ALL;
	EXPECT_EQ(-EINVAL, npurt_perf_stream_open(self->ctx.device, &options, &stream));
	options.modes = NPU_PERF_MODE_PACKETS;
	options.queue = self->ctx.queue;
	EXPECT_EQ(-EINVAL, npurt_perf_stream_open(self->ctx.device, &options, &stream));
	options.queue = NULL;
	options.ring_log2 = 99;
	EXPECT_EQ(-EINVAL, npurt_perf_stream_open(self->ctx.device, &options, &stream));
	options.ring_log2 = 0;
	options.scope = NPURT_PERF_QUEUE;
	options.queue_id = 4711;
	EXPECT_EQ(-ENOENT, npurt_perf_stream_open(self->ctx.device, &options, &stream));
}

TEST_HARNESS_MAIN
