// SPDX-License-Identifier: MIT
/*
 * Every fault that the device can inject, in every situation in which it may strike: the device is idle, it
 * is busy, memory is being bound, it is being reset. (While the machine falls asleep: npu_suspend.) Whatever
 * the driver makes of it, who waits is told in bounded time, with an error that fits the fault, and
 * afterwards the device works. docs/faults.md says more exactly what happens; npu_inject tests that.
 *
 * Needs what npu_inject needs.
 */
#include "npu_load.h"

/* What a program may see: nothing, or these. */
enum {
	LOSES = 1 << 0, /* ECANCELED: what it had begun is lost in a reset, or with the job before */
	FAULTS = 1 << 1, /* EFAULT: the job's memory */
	FAILS = 1 << 2, /* EIO: the job, or a request to the firmware */
	TIMES_OUT = 1 << 3, /* ETIMEDOUT */
	GOES = 1 << 4, /* ENODEV: there is no device for a while */
};

/* Of jobs that never end; they are there to be disturbed. */
#define ENDLESS_MS 500
#define BESIDE_MS 3000
#define MORE 16 /* jobs that wait for their turn meanwhile */

/* What a program that works beside the test has done. */
struct shared {
	uint32_t rounds;
	int ret;
	bool stop;
};

FIXTURE(matrix)
{
	struct npu_ctx ctx;
	volatile uint32_t *regs;
	volatile struct shared *shared;
	uint32_t hits; /* before the fault */
	pid_t child;
	char pci[64];
};

FIXTURE_VARIANT(matrix)
{
	uint32_t fault, count, arg, errors;
};

#define FAULT(name, ...) \
	FIXTURE_VARIANT_ADD(matrix, name) \
	{ \
		__VA_ARGS__ \
	}

/* clang-format off */
FAULT(hung_tile, .fault = NPU_FAULT_HUNG_TILE, .count = 1, .errors = TIMES_OUT | LOSES);
FAULT(hung_tile_hard, .fault = NPU_FAULT_HUNG_TILE, .count = 1, .arg = NPU_FAULT_HANG_HARD,
      .errors = TIMES_OUT | LOSES);
FAULT(hung_firmware, .fault = NPU_FAULT_HUNG_FIRMWARE, .errors = LOSES);
FAULT(dead_firmware, .fault = NPU_FAULT_DEAD_FIRMWARE, .count = 1, .errors = LOSES);
FAULT(lost_interrupt, .fault = NPU_FAULT_LOST_INTERRUPT, .count = 4);
FAULT(spurious_interrupt, .fault = NPU_FAULT_SPURIOUS_INTERRUPT, .count = 1);
/* not so fast that the kernel gives the vector up, however slow it is */
FAULT(interrupt_storm, .fault = NPU_FAULT_INTERRUPT_STORM, .count = 2000, .arg = 1000000);
FAULT(dma_error, .fault = NPU_FAULT_DMA_ERROR, .count = 1, .errors = FAULTS | LOSES);
FAULT(mmu_error, .fault = NPU_FAULT_MMU_ERROR, .count = 1, .errors = FAULTS | LOSES);
FAULT(ecc_correctable, .fault = NPU_FAULT_ECC_CORRECTABLE, .count = 3);
FAULT(ecc_uncorrectable, .fault = NPU_FAULT_ECC_UNCORRECTABLE, .count = 1, .errors = FAILS | LOSES);
FAULT(message_type, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_TYPE,
      .errors = FAILS | LOSES);
FAULT(message_noise, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_NOISE,
      .errors = FAILS | LOSES);
FAULT(message_index, .fault = NPU_FAULT_MAILBOX_CORRUPT, .count = 1, .arg = NPU_FAULT_MSG_INDEX,
      .errors = FAILS | LOSES);
FAULT(message_replay, .fault = NPU_FAULT_MAILBOX_REPLAY, .count = 1, .errors = FAILS | LOSES);
FAULT(ring_head, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_HEAD,
      .errors = LOSES);
FAULT(ring_completed, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_COMPLETED,
      .errors = LOSES);
FAULT(ring_tail, .fault = NPU_FAULT_RING_INDEX, .count = 1, .arg = NPU_FAULT_RING_TAIL,
      .errors = FAILS | LOSES);
FAULT(lost_reads, .fault = NPU_FAULT_LINK_DOWN, .count = 4, .errors = LOSES);
FAULT(link_down, .fault = NPU_FAULT_LINK_DOWN, .errors = LOSES | GOES);
FAULT(surprise_removal, .fault = NPU_FAULT_SURPRISE_REMOVAL, .errors = LOSES | GOES);
FAULT(slow_link, .fault = NPU_FAULT_SLOW_LINK);
FAULT(thermal_throttle, .fault = NPU_FAULT_THERMAL_THROTTLE);
/* clang-format on */

/* A test that was ended in its midst may have left the device broken: that one has failed, and not the rest. */
static void repair(void)
{
	struct npu_ctx ctx;

	if (npu_ctx_init(&ctx, 0) && monitor_clear())
		npu_load_back();
	npu_ctx_exit(&ctx);
}

FIXTURE_SETUP(matrix)
{
	const char *why;

	if (geteuid())
		SKIP(return, "only root reaches the registers");
	repair();
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	self->regs = map_debug_regs(self->pci, &why);
	if (!self->regs)
		SKIP(return, "%s", why);
	if (!have_monitor() || access("/sys/bus/pci/slots/1/power", F_OK))
		SKIP(return, "no slot with native hot-plug, or no port to QEMU's monitor");
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
	ASSERT_EQ(0, run_fill(&self->ctx));
}

FIXTURE_TEARDOWN(matrix)
{
	if (self->child > 0) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
	unmap_debug_regs(self->regs);
	npu_ctx_exit(&self->ctx);
}

static bool excused(uint32_t errors, int ret)
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

/* Strikes for as long as it is there, and so cannot be waited for to have struck. */
static bool lasts(uint32_t fault)
{
	return fault == NPU_FAULT_INTERRUPT_STORM || fault == NPU_FAULT_LINK_DOWN ||
	       fault == NPU_FAULT_SURPRISE_REMOVAL || fault == NPU_FAULT_SLOW_LINK ||
	       fault == NPU_FAULT_THERMAL_THROTTLE;
}

/* In a reset: one that a reset ends would not be seen to strike in one. */
static uint32_t flags_in_reset(const FIXTURE_VARIANT(matrix) *variant)
{
	return variant->count && variant->fault != NPU_FAULT_LINK_DOWN ? NPU_FAULT_PERSIST : 0;
}

static bool armed(volatile uint32_t *regs, uint32_t fault)
{
	return reg_read(regs, NPU_REG_FAULT_ARMED_LO) >> fault & 1;
}

/* Of a device that is gone everything may be read, ones as well as zeros. */
static bool is_there(FIXTURE_DATA(matrix) *self)
{
	return !access(device_path(self->pci, ""), F_OK);
}

/* A reset in between would have it say how often no fault at all has struck. */
static uint32_t hits(FIXTURE_DATA(matrix) *self, uint32_t fault)
{
	uint32_t hits;

	do {
		reg_write(self->regs, NPU_REG_FAULT_SELECT, fault);
		hits = reg_read(self->regs, NPU_REG_FAULT_HITS);
	} while (reg_read(self->regs, NPU_REG_FAULT_SELECT) != fault && hits != UINT32_MAX &&
		 is_there(self));
	return hits;
}

/* Again where a reset has taken the registers before they were all written. */
static void arm(FIXTURE_DATA(matrix) *self, const FIXTURE_VARIANT(matrix) *variant, uint32_t flags)
{
	self->hits = hits(self, variant->fault);
	do
		inject_flags(self->regs, variant->fault, ANY, variant->count, variant->arg, flags);
	while (!armed(self->regs, variant->fault) && hits(self, variant->fault) == self->hits &&
	       is_there(self));
}

/* It has struck as often as it was to, or was ended by the reset that it led to. */
static bool has_struck(FIXTURE_DATA(matrix) *self, uint32_t fault)
{
	return !armed(self->regs, fault) && hits(self, fault) != self->hits;
}

/* A queue's life with one job of every kind. */
static int work(struct npu_ctx *ctx)
{
	int ret = new_queue(ctx, ENDLESS_MS);

	if (!ret)
		ret = run_kernel(ctx, NPU_INSN_EXIT);
	return ret ? ret : run_fill(ctx);
}

/* Work is done until the fault has struck; then it is ended, and the device is there for everybody. */
static void settle(struct __test_metadata *_metadata, FIXTURE_DATA(matrix) *self,
		   const FIXTURE_VARIANT(matrix) *variant, uint32_t errors)
{
	const int64_t start = npu_deadline(0);

	do
		EXPECT_EXCUSED(errors, work(&self->ctx));
	while (!lasts(variant->fault) && !has_struck(self, variant->fault) &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS);
	if (!lasts(variant->fault))
		EXPECT_TRUE(has_struck(self, variant->fault));

	if (variant->fault == NPU_FAULT_SURPRISE_REMOVAL) {
		/* the mapping goes with the device */
		munmap((void *)self->regs, 4096);
		self->regs = NULL;
		npu_ctx_exit(&self->ctx);
		self->ctx = (struct npu_ctx){ .fd = -1 };
		ASSERT_TRUE(put_back(self->pci));
	} else {
		ASSERT_TRUE(monitor_clear());
	}
	ASSERT_TRUE(npu_load_back());
	EXPECT_TRUE(device_says(self->pci, "npu/state", "up"));
	if (self->ctx.fd >= 0)
		EXPECT_TRUE(works(&self->ctx));
}

TEST_F(matrix, idle)
{
	arm(self, variant, 0);
	settle(_metadata, self, variant, variant->errors);
}

TEST_F(matrix, busy)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t endless, more[MORE], queue;
	int i;

	/* a workgroup that never ends has a tile; another queue's jobs go on beside it */
	ASSERT_EQ(0, new_queue(ctx, ENDLESS_MS));
	((uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)))[0] = NPU_INSN_SELF;
	((uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)))[1] = NPU_INSN_EXIT;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 1);
	npu_ctx_packets(ctx)[1] = npu_pkt_dispatch(CODE_VA + 4, 0, 8);
	npu_ctx_packets(ctx)[2] = npu_pkt_fill(DATA_VA, 1, 4096);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &endless));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, ENDLESS_MS, &queue));
	arm(self, variant, 0);
	for (i = 0; i < MORE; i++) {
		int ret = npu_submit_binary(ctx->fd, queue, NPU_TEST_VA + NPU_PACKET_SIZE, 2,
					    &more[i]);

		EXPECT_EXCUSED(variant->errors, ret);
		if (ret)
			break;
	}
	/* the fault's, or that it had no progress */
	EXPECT_EXCUSED(variant->errors | TIMES_OUT, npu_wait_binary(ctx->fd, endless));
	while (i--)
		EXPECT_EXCUSED(variant->errors, npu_wait_binary(ctx->fd, more[i]));
	EXPECT_EXCUSED(variant->errors & GOES, npu_queue_destroy(ctx->fd, queue));
	settle(_metadata, self, variant, variant->errors);
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
	arm(self, variant, 0);
	EXPECT_TRUE(goes_on(self, 10));
	settle(_metadata, self, variant, variant->errors);
	/* binding needs nothing of the device but that it is there */
	EXPECT_EXCUSED(variant->errors & GOES, stop_beside(self));
}

static int reset_round(struct npu_ctx *ctx)
{
	const int ret = npu_reset_function(ctx->fd);

	/* one that does not answer cannot be reset; one that is gone has no such file */
	return ret == -ENOENT ? -ENODEV : 0;
}

TEST_F_TIMEOUT(matrix, in_reset, 300)
{
	const uint32_t errors = variant->errors | LOSES;

	beside(self, reset_round, false);
	ASSERT_TRUE(goes_on(self, 1));
	ASSERT_NE(0, self->child);
	ASSERT_EQ(0, new_queue(&self->ctx, ENDLESS_MS));
	EXPECT_EXCUSED(errors, start_forever(&self->ctx));
	arm(self, variant, flags_in_reset(variant));
	/* the kernel waits a minute for a link, as if it never came back; that is npu_pci_error's */
	if (variant->fault == NPU_FAULT_LINK_DOWN)
		EXPECT_TRUE(monitor_clear());
	EXPECT_TRUE(goes_on(self, 3));
	EXPECT_EXCUSED(errors | TIMES_OUT, wait_job(&self->ctx, NPU_TEST_WAIT_NS));
	EXPECT_EXCUSED(errors & GOES, stop_beside(self));
	settle(_metadata, self, variant, errors);
}

TEST_HARNESS_MAIN
