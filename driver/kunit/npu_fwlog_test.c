// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log and trace of the firmware: what is made of a ring, whatever is in it, and of what is written
 * to the control files. The ring is as large as it has to be and no larger, for KASAN.
 */
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/prandom.h>

#include "../npu_fwlog.c"

/* The most that a record is printed as: time, words and every character escaped. */
#define LONGEST 320
#define OUTPUT (NPU_FWLOG_RECORDS * LONGEST)

/** struct npu_fwlog_test - a ring of the firmware, and what is read from it */
struct npu_fwlog_test {
	/** @ring: the ring */
	struct npu_log_ring *ring;
	/** @records: its records */
	struct npu_log_record *records;
	/** @view: what the driver copies from @ring */
	struct npu_fwlog_view view;
	/** @m: what it prints */
	struct seq_file m;
};

/* Asked for by what is not tested here. */
int npu_hw_enter_asleep(struct npu_device *npu, bool *awake)
{
	return -ENODEV;
}

void npu_hw_exit(struct npu_device *npu)
{
}

static int npu_fwlog_test_init(struct kunit *test)
{
	struct npu_fwlog_test *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->ring = kunit_kzalloc(test, NPU_LOG_RING_SIZE(NPU_FWLOG_LOG2), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->ring);
	ctx->records = (void *)ctx->ring + NPU_LOG_RING_HEADER;
	ctx->view.records = kunit_kmalloc_array(test, NPU_FWLOG_RECORDS,
						sizeof(*ctx->view.records), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->view.records);
	ctx->m.size = OUTPUT;
	ctx->m.buf = kunit_kmalloc(test, OUTPUT, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->m.buf);
	test->priv = ctx;
	return 0;
}

static const char *npu_fwlog_test_lines(struct npu_fwlog_test *ctx)
{
	npu_fwlog_copy(ctx->ring, &ctx->view);
	ctx->m.count = 0;
	npu_fwlog_print_lines(&ctx->m, &ctx->view);
	seq_putc(&ctx->m, '\0');
	return ctx->m.buf;
}

static const char *npu_fwlog_test_events(struct npu_fwlog_test *ctx)
{
	npu_fwlog_copy(ctx->ring, &ctx->view);
	ctx->m.count = 0;
	npu_fwlog_print_events(&ctx->m, &ctx->view);
	seq_putc(&ctx->m, '\0');
	return ctx->m.buf;
}

/* Nothing but what a terminal takes for text, and it has fitted. */
static bool npu_fwlog_test_harmless(struct npu_fwlog_test *ctx)
{
	size_t i;

	if (seq_has_overflowed(&ctx->m))
		return false;
	for (i = 0; i + 1 < ctx->m.count; i++)
		if (ctx->m.buf[i] != '\n' && (!isascii(ctx->m.buf[i]) || !isprint(ctx->m.buf[i])))
			return false;
	return true;
}

static void npu_fwlog_test_garbage(struct kunit *test)
{
	struct npu_fwlog_test *ctx = test->priv;
	struct rnd_state rnd;
	u32 round, i;

	prandom_seed_state(&rnd, 1);
	for (round = 0; round < 8; round++) {
		prandom_bytes_state(&rnd, ctx->ring, NPU_LOG_RING_SIZE(NPU_FWLOG_LOG2));
		/* By themselves next to none would be text, or an event that is known. */
		for (i = 0; i < NPU_FWLOG_RECORDS; i++)
			ctx->records[i].event %= round % 2 ? 1 : NPU_LOG_EVENTS + 1;
		npu_fwlog_test_lines(ctx);
		KUNIT_EXPECT_EQ(test, ctx->view.count, NPU_FWLOG_RECORDS - NPU_LOG_AHEAD);
		KUNIT_EXPECT_TRUE(test, npu_fwlog_test_harmless(ctx));
		KUNIT_EXPECT_GT(test, ctx->m.count, 1);
		npu_fwlog_test_events(ctx);
		KUNIT_EXPECT_TRUE(test, npu_fwlog_test_harmless(ctx));
		KUNIT_EXPECT_EQ(test, ctx->m.count > 1, !(round % 2));
	}
}

/* The count may be anything. */
static void npu_fwlog_test_counts(struct kunit *test)
{
	static const u64 counts[] = {
		0, 1, NPU_FWLOG_RECORDS - NPU_LOG_AHEAD, NPU_FWLOG_RECORDS, NPU_FWLOG_RECORDS + 1,
		U32_MAX, 1ull << 32, S64_MAX, U64_MAX - 1, U64_MAX,
	};
	const u32 most = NPU_FWLOG_RECORDS - NPU_LOG_AHEAD;
	struct npu_fwlog_test *ctx = test->priv;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		const u64 want = min_t(u64, counts[i], most);

		ctx->ring->count = counts[i];
		/* Each record says which it is. */
		for (k = 0; k < NPU_FWLOG_RECORDS; k++)
			ctx->records[(counts[i] - 1 - k) % NPU_FWLOG_RECORDS].time =
				counts[i] - 1 - k;
		npu_fwlog_copy(ctx->ring, &ctx->view);
		KUNIT_EXPECT_EQ(test, ctx->view.count, want);
		KUNIT_EXPECT_EQ(test, ctx->view.first, counts[i] - want);
		for (k = 0; k < ctx->view.count; k++)
			KUNIT_ASSERT_EQ(test, ctx->view.records[k].time, ctx->view.first + k);
	}
}

/* What is written while it is read. */
static void npu_fwlog_test_overwritten(struct kunit *test)
{
	const u32 all = NPU_FWLOG_RECORDS, ahead = NPU_LOG_AHEAD;

	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 5000), ahead);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 5007), ahead + 7);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 5000 + all - ahead), all);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 5000 + 3 * all), all);
	/* One that is not full yet has room for them. */
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(100, 100, 100), 0);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(100, 100, all - ahead), 0);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(100, 100, all - ahead + 1), 1);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(100, 100, 2 * all), 100);
	/* A count that goes back is nonsense: nothing is believed. */
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 4999), all);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(all, 5000, 0), all);
	KUNIT_EXPECT_EQ(test, npu_fwlog_gone(0, 0, U64_MAX), 0);
}

static struct npu_log_record *npu_fwlog_test_put(struct npu_fwlog_test *ctx, const char *text)
{
	struct npu_log_record *record = &ctx->records[ctx->ring->count++];

	*record = (struct npu_log_record) {
		.time = 1234567890123ull,
		.level = NPU_LOG_LEVEL_INFO,
		.queue = NPU_LOG_NO_QUEUE,
	};
	memcpy(record->text, text, strnlen(text, sizeof(record->text)));
	return record;
}

/* As many characters as a record has. */
#define FULL "0123456789abcdef0123456789abcdef0123456789abcdef"

static void npu_fwlog_test_text(struct kunit *test)
{
	struct npu_fwlog_test *ctx = test->priv;

	/* Nothing ends it but its field. */
	npu_fwlog_test_put(ctx, FULL);
	npu_fwlog_test_put(ctx, FULL)->flags = NPU_LOG_CONTINUED;
	npu_fwlog_test_put(ctx, "end")->flags = NPU_LOG_CONTINUED;
	npu_fwlog_test_put(ctx, "a\033[31m\n\xff\x9b z")->level = 77;
	npu_fwlog_test_put(ctx, "of a queue")->queue = 5;
	KUNIT_EXPECT_STREQ(test, npu_fwlog_test_lines(ctx),
			   "1234.567890 info: " FULL FULL "end\n"
			   "1234.567890 level 77: a\\033[31m\\012\\377\\233 z\n"
			   "1234.567890 info: queue 5: of a queue\n");
	KUNIT_EXPECT_STREQ(test, npu_fwlog_test_events(ctx), "");
}

static void npu_fwlog_test_event(struct kunit *test)
{
	struct npu_fwlog_test *ctx = test->priv;
	struct npu_log_record *record;
	u32 i;

	record = npu_fwlog_test_put(ctx, "");
	record->event = NPU_LOG_JOB_BEGIN;
	record->queue = 7;
	record->arg[0] = 42;
	record->arg[1] = 3;
	record->arg[2] = 2;
	record->arg[3] = 0x10000;
	npu_fwlog_test_put(ctx, "")->event = NPU_LOG_SHUTDOWN;
	record = npu_fwlog_test_put(ctx, "");
	record->event = U16_MAX;
	record->arg[5] = U64_MAX;
	KUNIT_EXPECT_STREQ(test, npu_fwlog_test_events(ctx),
			   "1234.567890 job_begin queue=7 seqno=42 context=3 packets=2 addr=0x10000\n"
			   "1234.567890 shutdown\n"
			   "1234.567890 event 65535 0=0x0 1=0x0 2=0x0 3=0x0 4=0x0 5=0xffffffffffffffff\n");
	KUNIT_EXPECT_STREQ(test, npu_fwlog_test_lines(ctx), "");
	for (i = 1; i < NPU_LOG_EVENTS; i++)
		KUNIT_EXPECT_NOT_NULL(test, npu_fwlog_events[i].name);
}

static int npu_fwlog_test_parse(const char *text, u32 *groups)
{
	char line[NPU_FWLOG_LINE];

	strscpy(line, text, sizeof(line));
	return npu_fwlog_parse_mask(line, groups);
}

static void npu_fwlog_test_mask(struct kunit *test)
{
	static const char * const bad[] = {
		"", "\n", " , ", "jobs", "job queues", "-1", "0x", "0x100000000", "0x80000000",
		"JOB", "job\001", "0x4job",
	};
	u32 groups, i;

	KUNIT_EXPECT_EQ(test, npu_fwlog_test_parse("job\n", &groups), 0);
	KUNIT_EXPECT_EQ(test, groups, NPU_LOG_GROUP_JOB);
	KUNIT_EXPECT_EQ(test, npu_fwlog_test_parse("0x6 queue,job boot\n", &groups), 0);
	KUNIT_EXPECT_EQ(test, groups, 7);
	KUNIT_EXPECT_EQ(test, npu_fwlog_test_parse("0", &groups), 0);
	KUNIT_EXPECT_EQ(test, groups, 0);
	KUNIT_EXPECT_EQ(test, npu_fwlog_test_parse("all", &groups), 0);
	KUNIT_EXPECT_EQ(test, groups, NPU_LOG_GROUPS);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_LT_MSG(test, npu_fwlog_test_parse(bad[i], &groups), 0, "%s", bad[i]);
}

static struct kunit_case npu_fwlog_cases[] = {
	KUNIT_CASE(npu_fwlog_test_garbage),
	KUNIT_CASE(npu_fwlog_test_counts),
	KUNIT_CASE(npu_fwlog_test_overwritten),
	KUNIT_CASE(npu_fwlog_test_text),
	KUNIT_CASE(npu_fwlog_test_event),
	KUNIT_CASE(npu_fwlog_test_mask),
	{}
};

static struct kunit_suite npu_fwlog_suite = {
	.name = "npu_fwlog",
	.init = npu_fwlog_test_init,
	.test_cases = npu_fwlog_cases,
};

kunit_test_suite(npu_fwlog_suite);
