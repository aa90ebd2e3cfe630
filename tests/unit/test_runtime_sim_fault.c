// SPDX-License-Identifier: MIT
/*
 * What goes wrong on the simulated device: kernels that fail, hang or stray, queues that are given
 * back under load, and what the others notice of it. The kernels are those of the kselftests.
 */
#include <errno.h>
#include <pthread.h>

#include "fault_kernels.h"
#include "fixture.h"

#define WAIT_NS	    60000000000ll
#define WILD	    0x123456789000ull /* nothing is mapped there */
#define KERNELS_ELF RUNTIME_OUT "/fault_kernels.elf"
#define TIMEOUT_MS  300

/* A device with an address space, the kernels loaded and some memory. */
struct ctx {
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	uint8_t *mem;
	uint64_t va;
};

static void ctx_init(struct ctx *ctx, const char *path)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;

	options.path = path;
	NEED(npurt_device_open(&options, &ctx->device));
	NEED(npurt_vm_create(ctx->device, &ctx->vm));
	NEED(npurt_module_load_file(ctx->vm, KERNELS_ELF, &ctx->module));
	NEED(npurt_vm_alloc(ctx->vm, 65536, 0, NULL, (void **)&ctx->mem, &ctx->va));
}

static void ctx_exit(struct ctx *ctx)
{
	npurt_module_unref(ctx->module);
	npurt_vm_unref(ctx->vm);
	npurt_device_unref(ctx->device);
}

static struct npurt_queue *new_queue(struct ctx *ctx, unsigned int timeout_ms)
{
	struct npurt_queue_options options = NPURT_QUEUE_OPTIONS_INIT;
	struct npurt_queue *queue;

	options.timeout_ms = timeout_ms;
	NEED(npurt_queue_create(ctx->vm, &options, &queue));
	return queue;
}

static struct npurt_cmdlist *dispatch(struct ctx *ctx, const char *name, const void *args,
				      size_t size, uint32_t groups)
{
	struct npurt_cmdlist *list;
	struct npurt_kernel *kernel;

	NEED(npurt_module_get_kernel(ctx->module, name, &kernel));
	NEED(npurt_cmdlist_create(ctx->vm, &list));
	NEED(npurt_cmdlist_dispatch(list, kernel, args, size, groups, 1, 1));
	NEED(npurt_cmdlist_finish(list));
	npurt_kernel_unref(kernel);
	return list;
}

/* Run the kernel that does not fail; true: it did not. */
static bool works(struct ctx *ctx, struct npurt_queue *queue)
{
	const struct work_args args = {.in = ctx->va + 4096, .out = ctx->va + 8192, .count = 64};
	const uint64_t *in = (const uint64_t *)(ctx->mem + 4096);
	uint64_t *out = (uint64_t *)(ctx->mem + 8192);
	struct npurt_cmdlist *list = dispatch(ctx, "work", &args, sizeof(args), 64);
	int err;
	bool right;

	memset(out, 0xff, 64 * sizeof(*out));
	err = npurt_queue_run(queue, list, WAIT_NS);
	right = !err;
	for (uint64_t i = 0; i < 64; i++)
		right &= out[i] == 3 * in[i] + i;
	npurt_cmdlist_unref(list);
	return right;
}

/* Runs a kernel that fails; checks error, words, source line, and that the queue is done for. */
static void failing(struct ctx *ctx, const char *kernel, struct fault_args *args, int want,
		    uint32_t error, const char *words)
{
	struct npurt_queue *queue = new_queue(ctx, 0);
	struct npurt_queue_status status = NPURT_QUEUE_STATUS_INIT;
	struct npurt_cmdlist *list;
	volatile uint32_t *line = (volatile uint32_t *)ctx->mem;
	char where[64];
	int err;

	*line = 0;
	args->line = ctx->va;
	list = dispatch(ctx, kernel, args, sizeof(*args),
			args->workgroup ? (uint32_t)args->workgroup + 3 : 1);
	err = npurt_queue_run(queue, list, WAIT_NS);
	snprintf(where, sizeof(where), "fault_kernels.c:%u", *line);
	if (!tap_ok(err == want && strstr(npurt_error_detail(), words) && *line &&
			    strstr(npurt_error_detail(), where),
		    "%s: %s at %s", kernel, words, where))
		tap_diag("%d: %s", err, npurt_error_detail());
	NEED(npurt_queue_get_status(queue, &status));
	tap_ok(status.condition == NPURT_QUEUE_FAULTED && status.fault.error == error &&
		       status.fault.job == 1 && status.fault.workgroup == args->workgroup &&
		       status.fault.context && status.fault.packet &&
		       status.submitted == status.completed,
	       "%s: the report is complete", kernel);
	fails(npurt_queue_run(queue, list, WAIT_NS), -ECANCELED, "make a new one",
	      "the queue takes no more");
	npurt_cmdlist_unref(list);
	npurt_queue_unref(queue);
}

static void test_faults(void)
{
	struct fault_args args = {.target = WILD + 4, .workgroup = 5};
	struct npurt_queue *queue;
	struct ctx ctx;

	ctx_init(&ctx, "sim");
	queue = new_queue(&ctx, 0);
	failing(&ctx, "wild_read", &args, -EFAULT, NPURT_FAULT_PAGE, "page fault: read from");
	failing(&ctx, "wild_write", &args, -EFAULT, NPURT_FAULT_PAGE, "page fault: write to");
	/* a module's text is mapped read-only */
	args.target = ctx.module->va;
	failing(&ctx, "wild_write", &args, -EFAULT, NPURT_FAULT_PAGE, "page fault: write to");
	args.target = WILD;
	args.workgroup = 0;
	failing(&ctx, "aborts", &args, -ECONNABORTED, NPURT_FAULT_BREAKPOINT, "npu_abort()");
	failing(&ctx, "illegal", &args, -ENOEXEC, NPURT_FAULT_ILLEGAL, "illegal instruction");
	failing(&ctx, "bad_dma", &args, -EBADMSG, NPURT_FAULT_DESCRIPTOR, "descriptor");
	failing(&ctx, "bad_matrix", &args, -EBADMSG, NPURT_FAULT_DESCRIPTOR, "descriptor");
	tap_ok(works(&ctx, queue), "a queue beside them did not notice");
	npurt_queue_unref(queue);
	ctx_exit(&ctx);
}

/* What one address space has mapped, another has not. */
static void test_isolation(void)
{
	struct fault_args args = {.workgroup = 0};
	struct npurt_vm *other;
	uint64_t secret;
	void *pointer;
	struct ctx ctx;

	ctx_init(&ctx, "sim");
	NEED(npurt_vm_create(ctx.device, &other));
	NEED(npurt_vm_alloc(other, 16 << 20, 0, NULL, &pointer, &secret));
	args.target = secret + (15 << 20); /* nothing of the first one's reaches so far */
	failing(&ctx, "wild_read", &args, -EFAULT, NPURT_FAULT_PAGE, "page fault: read from");
	npurt_vm_unref(other);
	ctx_exit(&ctx);
}

static void test_endless(const char *path)
{
	struct fault_args args = {.workgroup = 0};
	struct npurt_queue_status status = NPURT_QUEUE_STATUS_INIT;
	struct npurt_queue *hung, *good;
	struct npurt_cmdlist *list;
	char where[64];
	struct ctx ctx;
	int err;

	ctx_init(&ctx, path);
	args.line = ctx.va;
	hung = new_queue(&ctx, TIMEOUT_MS);
	good = new_queue(&ctx, TIMEOUT_MS);
	list = dispatch(&ctx, "endless", &args, sizeof(args), 1);
	fails(npurt_queue_run(hung, list, 1), -ETIME, "was not reached within",
	      "waiting ends before the job does");
	/* It waits for the tiles, longer than its timeout, and is not blamed for that. */
	tap_ok(works(&ctx, good), "%s: a queue that waited behind an endless kernel", path);
	err = npurt_queue_wait(hung, WAIT_NS);
	snprintf(where, sizeof(where), "fault_kernels.c:%u", *(volatile uint32_t *)ctx.mem);
	if (!tap_ok(err == -ETIMEDOUT && strstr(npurt_error_detail(), "killed") &&
			    strstr(npurt_error_detail(), where),
		    "%s: killed at %s", path, where))
		tap_diag("%d: %s", err, npurt_error_detail());
	NEED(npurt_queue_get_status(hung, &status));
	tap_is(status.condition, NPURT_QUEUE_TIMEDOUT, "its queue timed out");
	npurt_queue_unref(hung);

	/* given back while it runs: at once, not after a timeout */
	hung = new_queue(&ctx, 60000);
	fails(npurt_queue_run(hung, list, 1), -ETIME, "not reached", "another one");
	npurt_queue_unref(hung);
	tap_ok(works(&ctx, good), "%s: given back under it, the tiles are free", path);
	npurt_cmdlist_unref(list);
	npurt_queue_unref(good);
	ctx_exit(&ctx);
}

static int submit(struct npurt_queue *queue, struct npurt_cmdlist *list, struct npurt_point *wait,
		  struct npurt_point *signal)
{
	struct npurt_submit s = NPURT_SUBMIT_INIT;

	s.cmdlists = &list;
	s.cmdlist_count = !!list;
	s.waits = wait;
	s.wait_count = !!wait;
	s.signals = signal;
	s.signal_count = !!signal;
	return npurt_queue_submit(queue, &s);
}

struct signaller {
	struct npurt_timeline *timeline;
	struct npurt_queue *queue;
	bool early;
};

static void *signal_it(void *arg)
{
	struct signaller *signaller = arg;
	uint64_t point;

	/* Nothing can have moved: all of it waits for this thread. */
	NEED(npurt_timeline_query(signaller->timeline, &point));
	signaller->early = point != 0;
	NEED(npurt_timeline_signal(signaller->timeline, 1));
	return NULL;
}

static void test_timelines(void)
{
	struct npurt_queue *queues[3];
	struct npurt_timeline *timeline, *other;
	struct npurt_point points[4];
	struct signaller signaller;
	struct npurt_cmdlist *list;
	uint32_t *words;
	uint64_t point;
	pthread_t thread;
	struct ctx ctx;
	bool right = true;

	ctx_init(&ctx, "sim");
	words = (uint32_t *)ctx.mem;
	NEED(npurt_timeline_create(ctx.device, &timeline));
	NEED(npurt_timeline_create(ctx.device, &other));
	for (int i = 0; i < 3; i++)
		queues[i] = new_queue(&ctx, 0);
	for (uint64_t i = 0; i < 4; i++)
		points[i] = (struct npurt_point){timeline, i + 1};

	fails(submit(queues[0], NULL, &points[0], NULL), -EINVAL, "not submitted yet",
	      "a wait for what nobody has submitted");
	fails(npurt_timeline_wait(timeline, 1, 0), -ETIME, "not reached", "just a look");
	NEED(npurt_timeline_signal(timeline, 1));
	NEED(npurt_timeline_wait(timeline, 1, 0));
	npurt_timeline_unref(timeline);
	NEED(npurt_timeline_create(ctx.device, &timeline));
	for (uint64_t i = 0; i < 4; i++)
		points[i].timeline = timeline;

	/*
	 * Three queues copy a word on in turns, each when the one before has; the first fills it. They
	 * are submitted in the wrong order as far as that goes, behind a point of the host's that
	 * orders nothing yet.
	 */
	NEED(npurt_cmdlist_create(ctx.vm, &list));
	NEED(npurt_cmdlist_fill(list, ctx.va, 0x1234, 4));
	NEED(npurt_cmdlist_finish(list));
	for (unsigned int round = 0; round < 50; round++) {
		memset(words, 0, 64);
		for (int i = 0; i < 3; i++) {
			struct npurt_point wait = {other, 3 * round + (unsigned int)i};
			struct npurt_point signal = {other, 3 * round + (unsigned int)i + 1};
			struct npurt_cmdlist *copy = list;

			if (i) {
				NEED(npurt_cmdlist_create(ctx.vm, &copy));
				NEED(npurt_cmdlist_copy(copy, ctx.va + 4 * (uint64_t)i,
							ctx.va + 4 * (uint64_t)i - 4, 4));
				NEED(npurt_cmdlist_finish(copy));
			}
			NEED(submit(queues[i], copy, wait.point ? &wait : NULL, &signal));
			if (i)
				npurt_cmdlist_unref(copy);
		}
		NEED(npurt_timeline_wait(other, 3 * round + 3, WAIT_NS));
		right &= words[0] == 0x1234 && words[1] == 0x1234 && words[2] == 0x1234;
	}
	tap_ok(right, "jobs of three queues follow one another");
	NEED(npurt_timeline_query(other, &point));
	tap_is(point, 150, "the last point");

	/* a wait before the point is submitted; the signal comes from another thread */
	signaller = (struct signaller){timeline, queues[0], true};
	if (pthread_create(&thread, NULL, signal_it, &signaller))
		die("pthread_create");
	NEED(npurt_timeline_wait(timeline, 1, WAIT_NS));
	pthread_join(thread, NULL);
	tap_ok(!signaller.early, "a wait that came before the point");

	/* a point counts when those before it do */
	{
		struct fault_args args = {.line = ctx.va + 64};
		struct npurt_queue *hung = new_queue(&ctx, 60000);
		struct npurt_cmdlist *endless = dispatch(&ctx, "endless", &args, sizeof(args), 1);

		NEED(submit(hung, endless, NULL, &points[1]));
		NEED(npurt_timeline_signal(timeline, 3));
		NEED(submit(queues[1], NULL, &points[2], &points[3]));
		fails(npurt_timeline_wait(timeline, 3, 1000000), -ETIME, "not reached",
		      "a later point waits for an earlier one");
		npurt_queue_unref(hung);
		fails(npurt_timeline_wait(timeline, 4, WAIT_NS), -ECANCELED, "queue was destroyed",
		      "cancelled jobs signal, and those who wait are told");
		NEED(npurt_queue_wait(queues[1], WAIT_NS));
		tap_ok(true, "the job behind it ended well");
		npurt_cmdlist_unref(endless);
	}
	npurt_cmdlist_unref(list);
	for (int i = 0; i < 3; i++)
		npurt_queue_unref(queues[i]);
	npurt_timeline_unref(timeline);
	npurt_timeline_unref(other);
	ctx_exit(&ctx);
}

/* After a failure the jobs behind it are cancelled, and queues of every priority go on. */
static void test_cancel(void)
{
	struct fault_args args = {.target = WILD, .workgroup = 0};
	struct npurt_queue_options options = NPURT_QUEUE_OPTIONS_INIT;
	struct npurt_cmdlist *bad;
	struct npurt_queue *queue;
	struct ctx ctx;
	int err = 0, taken = 0;

	ctx_init(&ctx, "sim:threads=2,inline-budget=0");
	args.line = ctx.va;
	bad = dispatch(&ctx, "wild_read", &args, sizeof(args), 1);
	queue = new_queue(&ctx, 0);
	while (taken < 20 && !(err = submit(queue, bad, NULL, NULL)))
		taken++;
	tap_ok(taken && (!err || err == -ECANCELED), "jobs behind one that fails");
	err = npurt_queue_wait(queue, WAIT_NS);
	tap_ok(err == (taken > 1 ? -ECANCELED : -EFAULT), "the last one was cancelled");
	npurt_queue_unref(queue);
	npurt_cmdlist_unref(bad);
	for (unsigned int priority = 0; priority < 4; priority++) {
		options.priority = priority;
		NEED(npurt_queue_create(ctx.vm, &options, &queue));
		tap_ok(works(&ctx, queue), "priority %u", priority);
		npurt_queue_unref(queue);
	}
	ctx_exit(&ctx);
}

int main(void)
{
	test_faults();
	test_isolation();
	test_endless("sim");
	test_endless("sim:threads=1,inline-budget=0");
	test_timelines();
	test_cancel();
	return tap_done();
}
