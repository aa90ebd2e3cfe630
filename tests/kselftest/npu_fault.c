// SPDX-License-Identifier: MIT
/*
 * Kernels that fail, through the runtime: the program learns what happened and on which line of
 * the kernel's source, and the program next to it does not notice.
 */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "npu_runtime.h"

#define TIMEOUT_MS 1000 /* of queues whose job is to time out; others have the driver's default, 0 */
#define WILD	   0x123456789000ull /* nothing is mapped there */

FIXTURE(fault)
{
	struct rt_ctx ctx;
	struct fault_args args;
	struct npurt_queue_status status;
	char detail[2048];
	char text[2048];
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, rt_init(&self->ctx, 0));
	self->args.line = self->ctx.va;
}

FIXTURE_TEARDOWN(fault)
{
	rt_exit(&self->ctx);
}

/* Source line that the kernel was on, as it says itself. */
static uint32_t line_of(const struct rt_ctx *ctx)
{
	return *(volatile uint32_t *)ctx->mem;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && !strcmp(text + length - strlen(end), end);
}

static bool contains(struct __test_metadata *_metadata, const char *text, const char *format, ...)
{
	char part[256];
	va_list list;

	va_start(list, format);
	vsnprintf(part, sizeof(part), format, list);
	va_end(list);
	if (strstr(text, part))
		return true;
	TH_LOG("no \"%s\" in \"%s\"", part, text);
	return false;
}

/* Runs a kernel that fails and keeps what the runtime says about it. */
static int run_failing(FIXTURE_DATA(fault) *self, const char *kernel, uint32_t groups)
{
	int ret;

	*(volatile uint32_t *)self->ctx.mem = 0;
	ret = rt_run(&self->ctx, kernel, &self->args, sizeof(self->args), groups);
	snprintf(self->detail, sizeof(self->detail), "%s", ret ? npurt_error_detail() : "");
	self->status = (struct npurt_queue_status)NPURT_QUEUE_STATUS_INIT;
	if (npurt_queue_get_status(self->ctx.queue, &self->status))
		return -EPROTO;
	npurt_fault_text(&self->status.fault, self->text, sizeof(self->text));
	return ret;
}

/* What holds for every fault of a kernel, wherever it was. */
static void expect_report(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			  uint32_t error, uint32_t access, const char *words)
{
	const struct npurt_fault *fault = &self->status.fault;

	EXPECT_EQ(NPURT_QUEUE_FAULTED, self->status.condition);
	EXPECT_EQ(self->status.submitted, self->status.completed);
	EXPECT_EQ(error, fault->error);
	EXPECT_EQ(access, fault->access);
	EXPECT_NE(0, fault->context);
	EXPECT_LT(fault->core, self->ctx.info.tiles);
	EXPECT_EQ(self->args.workgroup, fault->workgroup);
	EXPECT_EQ(1, fault->job);
	EXPECT_NE(0, fault->packet);
	EXPECT_TRUE(contains(_metadata, self->text, "%s", words));
	EXPECT_TRUE(contains(_metadata, self->text, "context %u", fault->context));
	EXPECT_TRUE(contains(_metadata, self->text, "tile %u", fault->core));
	EXPECT_TRUE(contains(_metadata, self->text, "pc 0x%llx", (unsigned long long)fault->pc));
	if (access != NPURT_ACCESS_NONE)
		EXPECT_TRUE(contains(_metadata, self->text, "0x%llx",
				     (unsigned long long)fault->addr));
	/* and waiting for the job told the same */
	EXPECT_TRUE(contains(_metadata, self->detail, "%s", self->text));
}

/* The report names the line that the kernel wrote down. */
static void expect_line(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			const char *function)
{
	const struct npurt_symbol *symbol = &self->status.fault.symbol;

	EXPECT_NE(0, line_of(&self->ctx));
	EXPECT_EQ(line_of(&self->ctx), symbol->line);
	EXPECT_TRUE(ends_with(symbol->file, "fault_kernels.c"))
	TH_LOG("file is \"%s\"", symbol->file);
	EXPECT_STREQ(function, symbol->function);
	EXPECT_TRUE(contains(_metadata, self->text, "fault_kernels.c:%u", line_of(&self->ctx)));
	EXPECT_TRUE(contains(_metadata, self->text, "fault_kernels.elf"));
}

TEST_F(fault, wild_read)
{
	self->args.target = WILD + 4;
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_read", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_READ, "page fault: read from");
	expect_line(_metadata, self, "wild_read");
	EXPECT_EQ(WILD + 4, self->status.fault.addr);

	/* the queue takes no more, the address space is none the worse */
	EXPECT_EQ(-ECANCELED, rt_submit(&self->ctx, "wild_read", &self->args, sizeof(self->args), 1));
	EXPECT_TRUE(contains(_metadata, npurt_error_detail(), "fault_kernels.c:%u",
			     line_of(&self->ctx)));
	ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	EXPECT_EQ(0, rt_work(&self->ctx, 1));
}

TEST_F(fault, null_pointer)
{
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_read", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_READ, "page fault: read from");
	expect_line(_metadata, self, "wild_read");
	EXPECT_EQ(0, self->status.fault.addr);
}

TEST_F(fault, wild_write)
{
	self->args.target = WILD;
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_write", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_WRITE, "page fault: write to");
	expect_line(_metadata, self, "wild_write");
	EXPECT_EQ(WILD, self->status.fault.addr);
}

/* Arguments and code are mapped, but not for writing. */
TEST_F(fault, write_to_code)
{
	struct npurt_kernel *kernel;

	ASSERT_EQ(0, npurt_module_get_kernel(self->ctx.module, "work", &kernel));
	self->args.target = npurt_kernel_entry(kernel) & ~7ull;
	npurt_kernel_unref(kernel);
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_write", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_WRITE, "page fault: write to");
	expect_line(_metadata, self, "wild_write");
	EXPECT_EQ(self->args.target, self->status.fault.addr);
	ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	EXPECT_EQ(0, rt_work(&self->ctx, 2));
}

/* One of many workgroups: the report says which. */
TEST_F(fault, one_workgroup_of_many)
{
	self->args.target = WILD;
	self->args.workgroup = 37;
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_write", 64));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_WRITE, "page fault: write to");
	expect_line(_metadata, self, "wild_write");
	EXPECT_TRUE(contains(_metadata, self->text, "workgroup 37"));
}

/* There is no line where it is, but it can be said where that is. */
TEST_F(fault, jump_to_nowhere)
{
	self->args.target = WILD;
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_jump", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_EXEC,
		      "page fault: execution of");
	EXPECT_EQ(WILD, self->status.fault.addr);
	EXPECT_EQ(WILD, self->status.fault.pc);
	EXPECT_STREQ("", self->status.fault.symbol.file);
	EXPECT_TRUE(contains(_metadata, self->text, "in no loaded module"));
}

TEST_F(fault, jump_to_data)
{
	self->args.target = self->ctx.va + 4096;
	EXPECT_EQ(-EFAULT, run_failing(self, "wild_jump", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_EXEC,
		      "page fault: execution of");
	EXPECT_EQ(self->ctx.va + 4096, self->status.fault.addr);
	EXPECT_EQ(self->ctx.va + 4096, self->status.fault.pc);
}

TEST_F(fault, abort)
{
	EXPECT_EQ(-ECONNABORTED, run_failing(self, "aborts", 1));
	expect_report(_metadata, self, NPURT_FAULT_BREAKPOINT, NPURT_ACCESS_NONE, "npu_abort()");
	expect_line(_metadata, self, "aborts");
}

TEST_F(fault, illegal_instruction)
{
	EXPECT_EQ(-ENOEXEC, run_failing(self, "illegal", 1));
	expect_report(_metadata, self, NPURT_FAULT_ILLEGAL, NPURT_ACCESS_NONE,
		      "illegal instruction");
	expect_line(_metadata, self, "illegal");
}

/* Descriptors that break a rule of npu_isa.h. */
FIXTURE(dma)
{
	FIXTURE_DATA(fault) fault;
};

FIXTURE_VARIANT(dma)
{
	struct npu_dma_desc desc;
	int want;
	uint32_t error;
	uint32_t access;
	uint64_t addr;
	const char *words;
};

/* In these, src and dst count from the start of the test's memory where they are 0. */
FIXTURE_VARIANT_ADD(dma, no_bytes){
	.desc = { .size = { 0, 1, 1 } },
	.want = -EBADMSG,
	.error = NPURT_FAULT_DESCRIPTOR,
	.access = NPURT_ACCESS_NONE,
	.words = "descriptor",
};

FIXTURE_VARIANT_ADD(dma, no_planes){
	.desc = { .size = { 64, 1, 0 } },
	.want = -EBADMSG,
	.error = NPURT_FAULT_DESCRIPTOR,
	.access = NPURT_ACCESS_NONE,
	.words = "descriptor",
};

FIXTURE_VARIANT_ADD(dma, unknown_flag){
	.desc = { .size = { 64, 1, 1 }, .flags = 1u << 31 },
	.want = -EBADMSG,
	.error = NPURT_FAULT_DESCRIPTOR,
	.access = NPURT_ACCESS_NONE,
	.words = "descriptor",
};

FIXTURE_VARIANT_ADD(dma, field_without_flag){
	.desc = { .size = { 64, 1, 1 }, .signal = 1 },
	.want = -EBADMSG,
	.error = NPURT_FAULT_DESCRIPTOR,
	.access = NPURT_ACCESS_NONE,
	.words = "descriptor",
};

FIXTURE_VARIANT_ADD(dma, unaligned_fill){
	.desc = { .size = { 6, 1, 1 }, .flags = NPU_DMA_FILL },
	.want = -EBADMSG,
	.error = NPURT_FAULT_DESCRIPTOR,
	.access = NPURT_ACCESS_NONE,
	.words = "descriptor",
};

FIXTURE_VARIANT_ADD(dma, from_nowhere){
	.desc = { .src = WILD, .size = { 64, 1, 1 } },
	.want = -EFAULT,
	.error = NPURT_FAULT_PAGE,
	.access = NPURT_ACCESS_READ,
	.addr = WILD,
	.words = "page fault: read from",
};

FIXTURE_VARIANT_ADD(dma, to_nowhere){
	.desc = { .dst = WILD, .size = { 64, 1, 1 } },
	.want = -EFAULT,
	.error = NPURT_FAULT_PAGE,
	.access = NPURT_ACCESS_WRITE,
	.addr = WILD,
	.words = "page fault: write to",
};

/* The strides lead the third row out of what is mapped. */
FIXTURE_VARIANT_ADD(dma, strides_away){
	.desc = { .size = { 64, 3, 1 }, .dst_stride = { 0x40000000 }, .src_stride = { 64 } },
	.want = -EFAULT,
	.error = NPURT_FAULT_PAGE,
	.access = NPURT_ACCESS_WRITE,
	.words = "page fault: write to",
};

FIXTURE_SETUP(dma)
{
	struct rt_ctx *ctx = &self->fault.ctx;
	struct npu_dma_desc *desc = &self->fault.args.dma;

	ASSERT_EQ(0, rt_init(ctx, 0));
	self->fault.args.line = ctx->va;
	*desc = variant->desc;
	if (!desc->src)
		desc->src = ctx->va + 4096;
	if (!desc->dst)
		desc->dst = ctx->va + 8192;
}

FIXTURE_TEARDOWN(dma)
{
	rt_exit(&self->fault.ctx);
}

TEST_F(dma, bad_descriptor)
{
	EXPECT_EQ(variant->want, run_failing(&self->fault, "bad_dma", 1));
	expect_report(_metadata, &self->fault, variant->error, variant->access, variant->words);
	expect_line(_metadata, &self->fault, "bad_dma");
	if (variant->addr)
		EXPECT_EQ(variant->addr, self->fault.status.fault.addr);
}

/* The last row of a block that begins in the SRAM ends behind it. */
TEST_F(fault, dma_past_sram)
{
	const uint64_t end = NPU_VA_SRAM + self->ctx.info.sram_size;

	self->args.dma = (struct npu_dma_desc){
		.dst = end - 4096,
		.src = self->ctx.va,
		.size = { 4096 + 64, 1, 1 },
	};
	EXPECT_EQ(-EFAULT, run_failing(self, "bad_dma", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_WRITE, "page fault: write to");
	expect_line(_metadata, self, "bad_dma");
	EXPECT_EQ(end, self->status.fault.addr);
}

/* A gather whose third index is not below the bound: the report names that index. */
TEST_F(fault, gather_out_of_bounds)
{
	const uint64_t indices = self->ctx.va + 16384;
	uint32_t *list = (uint32_t *)(self->ctx.mem + 16384);

	list[0] = 2;
	list[1] = 0;
	list[2] = 3;
	self->args.dma = (struct npu_dma_desc){
		.dst = NPU_VA_SRAM,
		.src = self->ctx.va,
		.size = { 64, 4, 1 },
		.flags = NPU_DMA_GATHER,
		.dst_stride = { 64 },
		.src_stride = { 64 },
		.bound = 3,
		.indices = indices,
	};
	EXPECT_EQ(-EBADMSG, run_failing(self, "bad_dma", 1));
	expect_report(_metadata, self, NPURT_FAULT_INDEX, NPURT_ACCESS_READ,
		      "index out of bounds: read from");
	expect_line(_metadata, self, "bad_dma");
	EXPECT_EQ(indices + 8, self->status.fault.addr);
}

FIXTURE(matrix)
{
	FIXTURE_DATA(fault) fault;
};

/* A product of 16 x 16 x 64 that is in order but for what the variant says. */
FIXTURE_VARIANT(matrix)
{
	struct npu_matrix_desc add; /* member by member, to the good one */
	bool past_sram; /* C begins within the SRAM's last bytes */
};

FIXTURE_VARIANT_ADD(matrix, c_past_sram){ .past_sram = true };
FIXTURE_VARIANT_ADD(matrix, a_far_outside){ .add = { .a = 0xffff0000 } };
FIXTURE_VARIANT_ADD(matrix, rows_outside){ .add = { .a_stride = 0x40000000 } };
FIXTURE_VARIANT_ADD(matrix, too_large){ .add = { .m = 65535 } };
FIXTURE_VARIANT_ADD(matrix, b_unaligned){ .add = { .b = 4 } };
FIXTURE_VARIANT_ADD(matrix, stride_below_k){ .add = { .a_stride = (__u32)-1 } };
FIXTURE_VARIANT_ADD(matrix, unknown_flag){ .add = { .flags = 1u << 20 } };
FIXTURE_VARIANT_ADD(matrix, reserved){ .add = { .reserved = 1 } };
FIXTURE_VARIANT_ADD(matrix, types_do_not_match){ .add = { .flags = NPU_MATRIX_A_FP32 } };
FIXTURE_VARIANT_ADD(matrix, index_outside){ .add = { .flags = NPU_MATRIX_B_SPARSE_S8,
						     .index = 0xfffffff0 } };
FIXTURE_VARIANT_ADD(matrix, table_of_sums){ .add = { .flags = NPU_MATRIX_ACT_TABLE } };

FIXTURE_SETUP(matrix)
{
	struct rt_ctx *ctx = &self->fault.ctx;
	struct npu_matrix_desc *desc = &self->fault.args.matrix;

	ASSERT_EQ(0, rt_init(ctx, 0));
	self->fault.args.line = ctx->va;
	*desc = (struct npu_matrix_desc){
		.a = 0x1000 + variant->add.a,
		.b = 0x2000 + variant->add.b,
		.c = 0x3000 + variant->add.c,
		.m = 16 + variant->add.m,
		.n = 16,
		.k = 64,
		.a_stride = 64 + variant->add.a_stride,
		.c_stride = 64,
		.flags = variant->add.flags,
		.index = variant->add.index,
		.reserved = variant->add.reserved,
	};
	if (variant->past_sram)
		desc->c = ctx->info.sram_size - 16 * 64 + 4;
}

FIXTURE_TEARDOWN(matrix)
{
	rt_exit(&self->fault.ctx);
}

TEST_F(matrix, bad_descriptor)
{
	EXPECT_EQ(-EBADMSG, run_failing(&self->fault, "bad_matrix", 1));
	expect_report(_metadata, &self->fault, NPURT_FAULT_DESCRIPTOR, NPURT_ACCESS_NONE,
		      "descriptor");
	expect_line(_metadata, &self->fault, "bad_matrix");
}

/* The descriptor that the variants above spoil is itself in order. */
TEST_F(fault, good_matrix)
{
	self->args.matrix = (struct npu_matrix_desc){
		.a = 0x1000, .b = 0x2000, .c = 0x3000, .m = 16, .n = 16, .k = 64,
		.a_stride = 64, .c_stride = 64,
	};
	EXPECT_EQ(0, run_failing(self, "bad_matrix", 1));
	EXPECT_EQ(NPURT_QUEUE_USABLE, self->status.condition);
	EXPECT_EQ(NPURT_FAULT_NONE, self->status.fault.error);
}

/* The stack ends where the SRAM begins; below it nothing is mapped. */
TEST_F(fault, stack_overflow)
{
	const struct npurt_fault *fault = &self->status.fault;

	self->args.target = UINT64_MAX;
	EXPECT_EQ(-EFAULT, run_failing(self, "deep", 1));
	expect_report(_metadata, self, NPURT_FAULT_PAGE, NPURT_ACCESS_WRITE, "page fault: write to");
	EXPECT_LT(fault->addr, NPU_VA_SRAM);
	EXPECT_GE(fault->addr, NPU_VA_SRAM - 4096);
	EXPECT_STREQ("recurse", fault->symbol.function);
	EXPECT_TRUE(ends_with(fault->symbol.file, "fault_kernels.c"));

	/* deep, but not too deep */
	ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	self->args.target = 100;
	EXPECT_EQ(0, run_failing(self, "deep", 1));
	EXPECT_EQ(100 * 99 / 2, *(uint64_t *)self->ctx.mem);
}

TEST_F(fault, endless)
{
	const struct npurt_symbol *symbol = &self->status.fault.symbol;

	ASSERT_EQ(0, rt_queue(&self->ctx, TIMEOUT_MS));
	EXPECT_EQ(-ETIMEDOUT, run_failing(self, "endless", 8));
	EXPECT_EQ(NPURT_QUEUE_TIMEDOUT, self->status.condition);
	EXPECT_TRUE(contains(_metadata, self->detail, "timeout"));
	EXPECT_TRUE(contains(_metadata, self->detail, "loop"));
	/* and where it was when it was stopped */
	EXPECT_EQ(NPURT_FAULT_STOPPED, self->status.fault.error);
	EXPECT_EQ(line_of(&self->ctx), symbol->line);
	EXPECT_TRUE(ends_with(symbol->file, "fault_kernels.c"));
	EXPECT_TRUE(contains(_metadata, self->detail, "fault_kernels.c:%u", line_of(&self->ctx)));

	ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	EXPECT_EQ(0, rt_work(&self->ctx, 3));
}

/* Tiles that run together pass numbers round; so do they after a gang of theirs got stuck. */
TEST_F(fault, gang)
{
	const struct work_args work = { .in = self->ctx.va + 4096, .out = self->ctx.va + 8192 };
	uint64_t *in = (uint64_t *)(self->ctx.mem + 4096);
	const uint64_t *out = (const uint64_t *)(self->ctx.mem + 8192);
	const uint32_t tiles = self->ctx.info.tiles;
	const struct npurt_fault *fault = &self->status.fault;
	uint32_t i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < tiles; i++)
			in[i] = 1000 * round + i + 1;
		ASSERT_EQ(0, rt_run_gang(&self->ctx, "ring", &work, sizeof(work), tiles));
		for (i = 0; i < tiles; i++)
			EXPECT_EQ(in[i], out[(i + 1) % tiles]);
		if (round)
			break;

		EXPECT_EQ(-EINVAL, rt_run_gang(&self->ctx, "ring", &work, sizeof(work), tiles + 1));
		ASSERT_EQ(0, rt_queue(&self->ctx, TIMEOUT_MS));
		EXPECT_EQ(-ETIMEDOUT, rt_run_gang(&self->ctx, "stuck", &self->args,
						  sizeof(self->args), tiles));
		self->status = (struct npurt_queue_status)NPURT_QUEUE_STATUS_INIT;
		ASSERT_EQ(0, npurt_queue_get_status(self->ctx.queue, &self->status));
		EXPECT_EQ(NPURT_QUEUE_TIMEDOUT, self->status.condition);
		EXPECT_EQ(NPURT_FAULT_STOPPED, fault->error);
		EXPECT_EQ(line_of(&self->ctx), fault->symbol.line);
		ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	}
}

/* The same kernel outside of a gang has no peers: its first message faults. */
TEST_F(fault, no_gang)
{
	const struct work_args work = { .in = self->ctx.va + 4096, .out = self->ctx.va + 8192 };

	EXPECT_EQ(-EFAULT, rt_run(&self->ctx, "ring", &work, sizeof(work), 1));
	self->status = (struct npurt_queue_status)NPURT_QUEUE_STATUS_INIT;
	ASSERT_EQ(0, npurt_queue_get_status(self->ctx.queue, &self->status));
	EXPECT_EQ(NPURT_FAULT_PAGE, self->status.fault.error);
	EXPECT_EQ(NPU_VA_PEER(0), self->status.fault.addr);
}

/* The process next door: works until it is told to stop, answers whether all was right. */
static void neighbour(int from, int to)
{
	struct pollfd asked = { .fd = from, .events = POLLIN };
	struct rt_ctx ctx;
	uint64_t rounds = 0;
	bool ok;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ok = !rt_init(&ctx, 0);
	for (;;) {
		int ready = poll(&asked, 1, ok ? 0 : -1);

		if (ready > 0) {
			if (read(from, &byte, 1) != 1)
				break;
			/* what is answered covers work begun after the question */
			ok = ok && !rt_work(&ctx, ++rounds);
			if (write(to, ok ? "y" : "n", 1) != 1)
				break;
		}
		if (ok && rt_work(&ctx, ++rounds)) {
			fprintf(stderr, "# neighbour, round %llu: %s\n", (unsigned long long)rounds,
				npurt_error_detail());
			ok = false;
		}
	}
	rt_exit(&ctx);
	_exit(!ok);
}

/* Whatever fails here, the process next to it goes on and gets its results. */
TEST_F(fault, neighbour_goes_on)
{
	static const struct {
		const char *kernel;
		int want;
	} kernels[] = {
		{ "wild_read", -EFAULT },      { "wild_write", -EFAULT },
		{ "wild_jump", -EFAULT },      { "aborts", -ECONNABORTED },
		{ "illegal", -ENOEXEC },       { "bad_dma", -EBADMSG },
		{ "bad_matrix", -EBADMSG },    { "deep", -EFAULT },
		{ "endless", -ETIMEDOUT },     { "wild_read", -EFAULT },
	};
	int to_child[2], to_parent[2], status;
	size_t i;
	pid_t pid;
	char byte;

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(to_child[1]);
		close(to_parent[0]);
		neighbour(to_child[0], to_parent[1]);
	}
	close(to_child[0]);
	close(to_parent[1]);
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	ASSERT_EQ('y', byte);
	for (i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		bool deep = !strcmp(kernels[i].kernel, "deep");

		self->args.target = deep ? UINT64_MAX : WILD;
		ASSERT_EQ(0, rt_queue(&self->ctx, kernels[i].want == -ETIMEDOUT ? TIMEOUT_MS : 0));
		EXPECT_EQ(kernels[i].want, run_failing(self, kernels[i].kernel, 1))
		TH_LOG("%s: %s", kernels[i].kernel, self->detail);
		ASSERT_EQ(1, write(to_child[1], "x", 1));
		ASSERT_EQ(1, read(to_parent[0], &byte, 1));
		EXPECT_EQ('y', byte)
		TH_LOG("after %s", kernels[i].kernel);
	}
	ASSERT_EQ(0, rt_queue(&self->ctx, 0));
	close(to_child[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_EQ(0, rt_work(&self->ctx, 4));
}

TEST_HARNESS_MAIN
