/* SPDX-License-Identifier: MIT */
/*
 * Every fault that the device can inject, with what a program may see of it; and what tests of them have in
 * common: arming a fault, knowing that it has struck, work that it disturbs, and an end of it.
 */
#ifndef NPU_FAULT_TABLE_H
#define NPU_FAULT_TABLE_H

#include "npu_load.h"

/* What a program may see: nothing, or these. */
enum {
	LOSES = 1 << 0, /* ECANCELED: what it had begun is lost in a reset, or with the job before */
	FAULTS = 1 << 1, /* EFAULT: the job's memory */
	FAILS = 1 << 2, /* EIO: the job, or a request to the firmware */
	TIMES_OUT = 1 << 3, /* ETIMEDOUT */
	GOES = 1 << 4, /* ENODEV: there is no device for a while */
};

struct fault_case {
	uint32_t fault, vector, count, arg, size, errors;
	bool stream; /* it is a performance stream's, so there must be one */
};

/* X(name, values of a struct fault_case). */
/* clang-format off */
#define FAULT_TABLE(X) \
	X(hung_tile, .fault = NPU_FAULT_HUNG_TILE, .count = 1, .errors = TIMES_OUT | LOSES) \
	X(hung_tile_hard, .fault = NPU_FAULT_HUNG_TILE, .count = 1, .arg = NPU_FAULT_HANG_HARD, \
	  .errors = TIMES_OUT | LOSES) \
	X(hung_firmware, .fault = NPU_FAULT_HUNG_FIRMWARE, .errors = LOSES) \
	X(dead_firmware, .fault = NPU_FAULT_DEAD_FIRMWARE, .count = 1, .errors = LOSES) \
	X(lost_interrupt, .fault = NPU_FAULT_LOST_INTERRUPT, .count = 4) \
	X(spurious_interrupt, .fault = NPU_FAULT_SPURIOUS_INTERRUPT, .count = 1) \
	X(spurious_completion, .fault = NPU_FAULT_SPURIOUS_INTERRUPT, .count = 1, \
	  .vector = NPU_VECTOR_QUEUE_0) \
	/* not so fast that the kernel gives the vector up, however slow it is */ \
	X(interrupt_storm, .fault = NPU_FAULT_INTERRUPT_STORM, .count = 2000, .arg = 1000000) \
	X(completion_storm, .fault = NPU_FAULT_INTERRUPT_STORM, .count = 2000, .arg = 1000000, \
	  .vector = NPU_VECTOR_QUEUE_0) \
	X(dma_error, .fault = NPU_FAULT_DMA_ERROR, .count = 1, .errors = FAULTS | LOSES) \
	X(mmu_error, .fault = NPU_FAULT_MMU_ERROR, .count = 1, .errors = FAULTS | LOSES) \
	X(mmu_error_entry, .fault = NPU_FAULT_MMU_ERROR, .count = 1, .arg = NPU_FAULT_WALK_ENTRY, \
	  .errors = FAULTS | LOSES) \
	X(ecc_correctable, .fault = NPU_FAULT_ECC_CORRECTABLE, .count = 3) \
	X(ecc_uncorrectable, .fault = NPU_FAULT_ECC_UNCORRECTABLE, .count = 1, .errors = FAILS | LOSES) \
	X(message_type, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_TYPE, \
	  .errors = FAILS | LOSES) \
	X(message_noise, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_NOISE, \
	  .errors = FAILS | LOSES) \
	X(message_index, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_INDEX, \
	  .errors = FAILS | LOSES) \
	X(message_replay, .fault = NPU_FAULT_MAILBOX_REPLAY, .count = 1, .errors = FAILS | LOSES) \
	X(ring_head, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_HEAD, \
	  .errors = LOSES) \
	X(ring_completed, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_COMPLETED, \
	  .errors = LOSES) \
	X(ring_tail, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_TAIL, \
	  .errors = FAILS | LOSES) \
	X(ring_perf, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_PERF, \
	  .errors = LOSES, .stream = true) \
	X(ring_record, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_RECORD, \
	  .errors = LOSES, .stream = true) \
	/* some of them are those of who looks whether it is over */ \
	X(lost_reads, .fault = NPU_FAULT_LINK_DOWN, .count = 8, .errors = LOSES) \
	X(link_down, .fault = NPU_FAULT_LINK_DOWN, .errors = LOSES | GOES) \
	X(surprise_removal, .fault = NPU_FAULT_SURPRISE_REMOVAL, .errors = LOSES | GOES) \
	X(slow_link, .fault = NPU_FAULT_SLOW_LINK) \
	X(thermal_throttle, .fault = NPU_FAULT_THERMAL_THROTTLE) \
	/* one that is looked at whenever there is work; the others: npu_registers */ \
	X(register_read, .fault = NPU_FAULT_REGISTER_READ, .count = 1, .arg = NPU_REG_STATUS, \
	  .size = NPU_STATUS_FW_DEAD, .errors = LOSES)
/* clang-format on */

#define FAULT_VARIANT(fixture, name, ...) \
	FIXTURE_VARIANT_ADD(fixture, name) \
	{ \
		.fault = { __VA_ARGS__ }, \
	};

/* The device that is to fail, and a program that uses it. */
struct fault_test {
	struct npu_ctx ctx;
	volatile uint32_t *regs;
	uint32_t hits; /* before the fault */
	uint32_t flags; /* with which it was armed */
	int steps; /* of recovery, before the fault */
	char pci[64];
};

/* Of jobs that never end; they are there to be disturbed. */
#define ENDLESS_MS 500

static inline bool excused(uint32_t errors, int ret)
{
	switch (-ret) {
	case 0:
		return true;
	case ECANCELED:
		return errors & LOSES;
	case EFAULT:
		return errors & FAULTS;
	case EIO:
		return errors & FAILS;
	case ETIMEDOUT:
		return errors & TIMES_OUT;
	case ENODEV:
		return errors & GOES;
	default:
		return false;
	}
}

#define EXPECT_EXCUSED(errors, expression) \
	do { \
		const int ret_ = (expression); \
		EXPECT_TRUE(excused(errors, ret_)) \
		{ \
			TH_LOG(#expression ": %s", strerror(-ret_)); \
		} \
	} while (0)

/* Until somebody ends it; else it is some reads that are lost. */
static inline bool link_dies(const struct fault_case *fault)
{
	return fault->fault == NPU_FAULT_LINK_DOWN && !fault->count;
}

/* Strikes for as long as it is there, and so cannot be waited for to have struck. */
static inline bool lasts(const struct fault_case *fault)
{
	return fault->fault == NPU_FAULT_INTERRUPT_STORM || fault->fault == NPU_FAULT_SURPRISE_REMOVAL ||
	       fault->fault == NPU_FAULT_SLOW_LINK || fault->fault == NPU_FAULT_THERMAL_THROTTLE ||
	       link_dies(fault);
}

/* Of a device that is gone everything may be read, ones as well as zeros. */
static inline bool is_there(struct fault_test *test)
{
	return !access(device_path(test->pci, ""), F_OK);
}

/* Is it, as far as can be known? All ones are read where the link is down, and in the midst of a reset. */
static inline bool armed(struct fault_test *test, uint32_t fault)
{
	return reg_read(test->regs, NPU_REG_FAULT_ARMED_LO) >> fault & 1;
}

/* A reset in between would have it say how often no fault at all has struck. */
static inline uint32_t hits(struct fault_test *test, uint32_t fault)
{
	uint32_t hits;

	do {
		reg_write(test->regs, NPU_REG_FAULT_SELECT, fault);
		hits = reg_read(test->regs, NPU_REG_FAULT_HITS);
	} while ((hits == UINT32_MAX || reg_read(test->regs, NPU_REG_FAULT_SELECT) != fault) &&
		 is_there(test));
	return hits;
}

/* How often the driver had to do something about the device. */
static inline int steps(struct fault_test *test)
{
	return recovery_count(test->pci, "firmware_restarts") +
	       recovery_count(test->pci, "function_resets") + recovery_count(test->pci, "bus_resets");
}

/* Reads nothing after it, which might be what is to be lost. */
static inline void arm(struct fault_test *test, const struct fault_case *fault, uint32_t flags)
{
	test->flags = flags;
	test->steps = steps(test);
	test->hits = hits(test, fault->fault);
	inject_write(test->regs, &(struct npu_injection){
					 .fault = fault->fault,
					 .target = fault->vector ? fault->vector : ANY,
					 .count = fault->count,
					 .arg = fault->arg,
					 .size = fault->size,
					 .flags = flags,
				 });
}

/* Who looks may lose the reads that are to be lost: of those it is what the driver does that tells. */
static inline bool has_struck(struct fault_test *test, const struct fault_case *fault)
{
	return fault->fault == NPU_FAULT_LINK_DOWN ? steps(test) > test->steps :
						     hits(test, fault->fault) != test->hits;
}

/*
 * It has struck as often as it was to, or was ended by the reset that it led to. Armed again where a reset has taken
 * the registers before they were all written, or before it struck.
 */
static inline bool is_over(struct fault_test *test, const struct fault_case *fault)
{
	if (armed(test, fault->fault))
		return false;
	if (!has_struck(test, fault)) {
		arm(test, fault, test->flags);
		return false;
	}
	return true;
}

/* A test that was ended in its midst may have left the device broken: that one has failed, and not the rest. */
static inline void repair(void)
{
	struct npu_ctx ctx;

	if (npu_ctx_init(&ctx, 0) && monitor_clear())
		npu_load_back();
	npu_ctx_exit(&ctx);
}

/* Return: NULL, or why such tests cannot be done. */
static inline const char *fault_test_init(struct fault_test *test)
{
	const char *why = NULL;

	if (!have_monitor() || access("/sys/bus/pci/slots/1/power", F_OK))
		return "no slot with native hot-plug, or no port to QEMU's monitor";
	repair();
	if (npu_ctx_init(&test->ctx, 0) || find_pci(&test->ctx, test->pci, sizeof(test->pci)))
		return NULL;
	test->regs = map_debug_regs(test->pci, &why);
	return test->regs ? NULL : why;
}

static inline void fault_test_exit(struct fault_test *test)
{
	unmap_debug_regs(test->regs);
	npu_ctx_exit(&test->ctx);
}

/* A queue's life with one job of every kind, watched if there is to be a stream. */
static inline int work(struct npu_ctx *ctx, const struct fault_case *fault)
{
	int ret = new_queue(ctx, ENDLESS_MS), stream = -1;

	if (!ret && fault->stream)
		ret = stream = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	if (ret >= 0)
		ret = run_kernel(ctx, NPU_INSN_EXIT);
	if (!ret)
		ret = run_fill(ctx);
	if (stream >= 0)
		close(stream);
	return ret;
}

/* What is under way: a workgroup that never ends and has a tile, and jobs of a queue that go on beside it. */
struct fault_jobs {
	uint32_t endless, queue;
	uint32_t more[16];
	int count; /* of those */
	int stream; /* of the queue, or -1 */
};

static inline void begin_endless(struct __test_metadata *_metadata, struct fault_test *test,
				 const struct fault_case *fault, struct fault_jobs *jobs,
				 uint32_t timeout_ms)
{
	struct npu_ctx *ctx = &test->ctx;

	ASSERT_EQ(0, new_queue(ctx, timeout_ms));
	((uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)))[0] = NPU_INSN_SELF;
	((uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)))[1] = NPU_INSN_EXIT;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 1);
	npu_ctx_packets(ctx)[1] = npu_pkt_dispatch(CODE_VA + 4, 0, 8);
	npu_ctx_packets(ctx)[2] = npu_pkt_fill(DATA_VA, 1, 4096);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &jobs->endless));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, ENDLESS_MS, &jobs->queue));
	jobs->stream = -1;
	if (fault->stream)
		jobs->stream = npu_stream_open(ctx->fd, npu_stream_of(jobs->queue));
	ASSERT_LE(fault->stream ? 0 : -1, jobs->stream);
}

static inline void begin_more(struct __test_metadata *_metadata, struct fault_test *test,
			      struct fault_jobs *jobs, uint32_t errors)
{
	const int most = sizeof(jobs->more) / sizeof(*jobs->more);
	int ret = 0;

	for (jobs->count = 0; !ret && jobs->count < most; jobs->count += !ret) {
		ret = npu_submit_binary(test->ctx.fd, jobs->queue, NPU_TEST_VA + NPU_PACKET_SIZE, 2,
					&jobs->more[jobs->count]);
		EXPECT_EXCUSED(errors, ret);
	}
}

static inline void end_jobs(struct __test_metadata *_metadata, struct fault_test *test,
			    struct fault_jobs *jobs, uint32_t endless_errors, uint32_t errors)
{
	const int ret = npu_wait_binary(test->ctx.fd, jobs->endless);

	EXPECT_NE(0, ret);
	EXPECT_EXCUSED(endless_errors, ret);
	while (jobs->count)
		EXPECT_EXCUSED(errors, npu_wait_binary(test->ctx.fd, jobs->more[--jobs->count]));
	if (jobs->stream >= 0)
		close(jobs->stream);
	EXPECT_EXCUSED(errors & GOES, npu_queue_destroy(test->ctx.fd, jobs->queue));
}

/* Work is done until the fault is over. */
static inline void work_it_off(struct __test_metadata *_metadata, struct fault_test *test,
			       const struct fault_case *fault, uint32_t errors)
{
	const int64_t start = npu_deadline(0);
	bool over;

	do {
		EXPECT_EXCUSED(errors, work(&test->ctx, fault));
		over = lasts(fault) || is_over(test, fault);
	} while (!over && npu_deadline(0) - start < NPU_TEST_WAIT_NS);
	EXPECT_TRUE(over);
}

/* The fault is worked off, or ended; then the device is there for everybody. */
static inline void settle(struct __test_metadata *_metadata, struct fault_test *test,
			  const struct fault_case *fault, uint32_t errors)
{
	work_it_off(_metadata, test, fault, errors);
	if (fault->fault == NPU_FAULT_SURPRISE_REMOVAL) {
		/* the mapping goes with the device */
		munmap((void *)test->regs, 4096);
		test->regs = NULL;
		npu_ctx_exit(&test->ctx);
		test->ctx = (struct npu_ctx){ .fd = -1 };
		ASSERT_TRUE(put_back(test->pci));
	} else {
		ASSERT_TRUE(monitor_clear());
	}
	ASSERT_TRUE(npu_load_back());
	EXPECT_TRUE(device_says(test->pci, "npu/state", "up"));
	if (test->ctx.fd >= 0)
		EXPECT_TRUE(works(&test->ctx));
}

#endif /* NPU_FAULT_TABLE_H */
