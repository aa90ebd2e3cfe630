// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox: what the driver makes of messages and indices, true ones and false
 * ones. What it would tell other parts is noted here instead.
 */
/* The tracepoints are npu.ko's. */
#define NOTRACE

#include <kunit/device.h>
#include <kunit/test.h>

#include "../npu_mbox.c"

/** struct npu_mbox_test - a device with its mailbox, and what it made the driver do */
struct npu_mbox_test {
	/** @npu: device */
	struct npu_device npu;
	/** @regs: its registers, as far as the mailbox needs them */
	u32 regs[NPU_REG_MBOX_DOORBELL / 4 + 1];
	/** @faults: faults of queues */
	unsigned int faults;
	/** @fault_seqno: job of the last of them */
	u64 fault_seqno;
	/** @recoveries: how often recovery was asked for */
	unsigned int recoveries;
	/** @tile_resets: tiles that were told to be reset */
	unsigned int tile_resets;
};

static struct npu_mbox_test *to_test(struct npu_device *npu)
{
	return container_of(npu, struct npu_mbox_test, npu);
}

void npu_queue_note_fault(struct npu_device *npu, const struct npu_msg *msg)
{
	to_test(npu)->faults++;
	to_test(npu)->fault_seqno = msg->fault.seqno;
}

void npu_recovery_request(struct npu_device *npu, const char *why)
{
	to_test(npu)->recoveries++;
}

void npu_recovery_count(struct npu_device *npu, enum npu_recovery_step step)
{
	to_test(npu)->tile_resets += step == NPU_STEP_TILE_RESET;
}

static int npu_mbox_test_init(struct kunit *test)
{
	struct npu_mbox_test *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	struct npu_mbox_chan *mbox;

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	mbox = &ctx->npu.mbox;
	ctx->npu.drm.dev = kunit_device_register(test, "npu-mbox-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->npu.drm.dev);
	ctx->npu.regs = (void __iomem *)ctx->regs;
	mbox->mem = kunit_kzalloc(test, sizeof(*mbox->mem), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mbox->mem);
	mutex_init(&mbox->request_lock);
	mutex_init(&mbox->drain_lock);
	init_waitqueue_head(&mbox->wait);
	npu_msglog_init(&mbox->log);
	npu_mbox_reset(&ctx->npu);
	test->priv = ctx;
	return 0;
}

/* Puts a message into the ring as the firmware does, numbered as is due. */
static struct npu_msg *npu_mbox_test_post(struct npu_mbox_test *ctx, enum npu_msg_type type)
{
	struct npu_mbox *mem = ctx->npu.mbox.mem;
	u32 index = mem->f2h_write.index;
	struct npu_msg *msg = &mem->f2h[index % NPU_MBOX_ENTRIES];

	*msg = (struct npu_msg) { .type = type, .seq = index + 1 };
	mem->f2h_write.index = index + 1;
	return msg;
}

static void npu_mbox_test_messages(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;
	struct npu_mbox_chan *mbox = &ctx->npu.mbox;

	npu_mbox_test_post(ctx, NPU_MSG_READY)->ready.tiles = 4;
	npu_mbox_test_post(ctx, NPU_MSG_FAULT)->fault.seqno = 77;
	KUNIT_EXPECT_FALSE(test, npu_mbox_ready(&ctx->npu));
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_TRUE(test, npu_mbox_ready(&ctx->npu));
	KUNIT_EXPECT_EQ(test, mbox->ready_msg.ready.tiles, 4);
	KUNIT_EXPECT_EQ(test, ctx->faults, 1);
	KUNIT_EXPECT_EQ(test, ctx->fault_seqno, 77);
	KUNIT_EXPECT_EQ(test, mbox->mem->f2h_read.index, 2);

	/* Nothing new: nothing happens twice. */
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_EQ(test, ctx->faults, 1);

	/* Of no known type. */
	npu_mbox_test_post(ctx, 0xeeee);
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_EQ(test, mbox->mem->f2h_read.index, 3);
	KUNIT_EXPECT_FALSE(test, mbox->dead);
}

static void npu_mbox_test_wrap(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;
	unsigned int round, i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < NPU_MBOX_ENTRIES; i++)
			npu_mbox_test_post(ctx, NPU_MSG_FAULT)->fault.seqno = i;
		npu_mbox_drain(&ctx->npu);
	}
	KUNIT_EXPECT_EQ(test, ctx->faults, 3 * NPU_MBOX_ENTRIES);
	KUNIT_EXPECT_EQ(test, ctx->recoveries, 0);
}

/* A message that was there before, or comes out of turn, is not acted on. */
static void npu_mbox_test_replayed(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;

	npu_mbox_test_post(ctx, NPU_MSG_FAULT);
	npu_mbox_test_post(ctx, NPU_MSG_FAULT)->seq = 1;
	npu_mbox_test_post(ctx, NPU_MSG_FAULT)->seq = 0;
	npu_mbox_test_post(ctx, NPU_MSG_FAULT);
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_EQ(test, ctx->faults, 2);
	KUNIT_EXPECT_FALSE(test, ctx->npu.mbox.dead);
}

/* More than the ring holds cannot have been written. */
static void npu_mbox_test_indices(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;
	struct npu_mbox_chan *mbox = &ctx->npu.mbox;

	npu_mbox_test_post(ctx, NPU_MSG_FAULT);
	npu_mbox_drain(&ctx->npu);
	mbox->mem->f2h_write.index = 1 + NPU_MBOX_ENTRIES + 1;
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_EQ(test, ctx->faults, 1);
	KUNIT_EXPECT_TRUE(test, mbox->dead);
	KUNIT_EXPECT_EQ(test, ctx->recoveries, 1);
	KUNIT_EXPECT_EQ(test, mbox->mem->f2h_read.index, 1);
	/* Backwards is as wrong; to say it once is enough. */
	mbox->mem->f2h_write.index = 0;
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_EQ(test, ctx->recoveries, 1);
	/* Nobody waits for an answer from there. */
	KUNIT_EXPECT_EQ(test, npu_mbox_request(&ctx->npu, NPU_MSG_QUEUE_START, 3), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ctx->regs[NPU_REG_MBOX_DOORBELL / 4], 0);
}

static void npu_mbox_test_panic(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;

	npu_mbox_test_post(ctx, NPU_MSG_PANIC)->panic.code = 5;
	npu_mbox_drain(&ctx->npu);
	KUNIT_EXPECT_TRUE(test, ctx->npu.mbox.dead);
	KUNIT_EXPECT_EQ(test, ctx->recoveries, 1);
}

/* The cookie says whose the answer is. */
static void npu_mbox_test_request(struct kunit *test)
{
	struct npu_mbox_test *ctx = test->priv;
	struct npu_mbox_chan *mbox = &ctx->npu.mbox;
	struct npu_msg *msg;

	/* The answer is there before it is asked for, as the cookies are known: 1, 2, 3. */
	msg = npu_mbox_test_post(ctx, NPU_MSG_REPLY);
	msg->cookie = 9;
	msg = npu_mbox_test_post(ctx, NPU_MSG_REPLY);
	msg->cookie = 1;
	KUNIT_EXPECT_EQ(test, npu_mbox_request(&ctx->npu, NPU_MSG_QUEUE_START, 3), 0);
	KUNIT_EXPECT_EQ(test, ctx->regs[NPU_REG_MBOX_DOORBELL / 4], 1);
	KUNIT_EXPECT_EQ(test, mbox->mem->h2f[0].type, NPU_MSG_QUEUE_START);
	KUNIT_EXPECT_EQ(test, mbox->mem->h2f[0].queue, 3);
	KUNIT_EXPECT_EQ(test, mbox->mem->h2f[0].cookie, 1);
	KUNIT_EXPECT_EQ(test, mbox->mem->h2f_write.index, 1);

	msg = npu_mbox_test_post(ctx, NPU_MSG_REPLY);
	msg->cookie = 2;
	msg->status = NPU_MSG_OK + 1;
	KUNIT_EXPECT_EQ(test, npu_mbox_request(&ctx->npu, NPU_MSG_QUEUE_STOP, 3), -EIO);

	/* An answer to the one before is none to this. */
	msg = npu_mbox_test_post(ctx, NPU_MSG_REPLY);
	msg->cookie = 2;
	KUNIT_EXPECT_EQ(test, npu_mbox_request(&ctx->npu, NPU_MSG_QUEUE_STOP, 3), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, mbox->cookie, 0);
}

static struct kunit_case npu_mbox_cases[] = {
	KUNIT_CASE(npu_mbox_test_messages),
	KUNIT_CASE(npu_mbox_test_wrap),
	KUNIT_CASE(npu_mbox_test_replayed),
	KUNIT_CASE(npu_mbox_test_indices),
	KUNIT_CASE(npu_mbox_test_panic),
	KUNIT_CASE(npu_mbox_test_request),
	{}
};

static struct kunit_suite npu_mbox_suite = {
	.name = "npu_mbox",
	.init = npu_mbox_test_init,
	.test_cases = npu_mbox_cases,
};

kunit_test_suite(npu_mbox_suite);
