// SPDX-License-Identifier: MIT
/*
 * Hardware and firmware that fail, on the simulated device: nobody waits for ever, who is to blame is
 * told so, who is not goes on, and a device that does not come back is gone for everybody.
 */
#include <errno.h>

#include "fault_kernels.h"
#include "fixture.h"
#include "sim.h"

#define WAIT_NS	    60000000000ll
#define KERNELS_ELF RUNTIME_OUT "/fault_kernels.elf"

/* A device with a queue at work on an endless kernel, and one that is idle. */
struct ctx {
	struct npurt_device *device;
	struct npu_dev *core;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_queue *busy, *idle;
	struct npurt_cmdlist *endless, *copy;
	uint32_t *mem;
	uint64_t va;
	bool running;
};

/* The idle queue copies a word; true: it arrived, and the job ended well. */
static bool works(struct ctx *ctx, struct npurt_queue *queue)
{
	static uint32_t seed = 0x1000;
	int err;

	ctx->mem[0] = ++seed;
	ctx->mem[1] = 0;
	err = npurt_queue_run(queue, ctx->copy, WAIT_NS);
	if (err)
		tap_diag("%d: %s", err, npurt_error_detail());
	return !err && ctx->mem[1] == seed;
}

static void ctx_init(struct ctx *ctx, bool running)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_queue_options slow = NPURT_QUEUE_OPTIONS_INIT;
	struct fault_args args = {0};
	struct npurt_kernel *kernel;

	options.path = "sim:threads=2";
	slow.timeout_ms = 60000;
	NEED(npurt_device_open(&options, &ctx->device));
	ctx->core = ((struct sim_dev *)ctx->device->priv)->core;
	NEED(npurt_vm_create(ctx->device, &ctx->vm));
	NEED(npurt_module_load_file(ctx->vm, KERNELS_ELF, &ctx->module));
	NEED(npurt_vm_alloc(ctx->vm, 65536, 0, NULL, (void **)&ctx->mem, &ctx->va));
	NEED(npurt_queue_create(ctx->vm, &slow, &ctx->busy));
	NEED(npurt_queue_create(ctx->vm, &slow, &ctx->idle));
	args.line = ctx->va + 1024;
	NEED(npurt_module_get_kernel(ctx->module, "endless", &kernel));
	NEED(npurt_cmdlist_create(ctx->vm, &ctx->endless));
	NEED(npurt_cmdlist_dispatch(ctx->endless, kernel, &args, sizeof(args), 1, 1, 1));
	NEED(npurt_cmdlist_finish(ctx->endless));
	npurt_kernel_unref(kernel);
	NEED(npurt_cmdlist_create(ctx->vm, &ctx->copy));
	NEED(npurt_cmdlist_copy(ctx->copy, ctx->va + 4, ctx->va, 4));
	NEED(npurt_cmdlist_finish(ctx->copy));
	if (!works(ctx, ctx->idle))
		die("a new device does not work");
	ctx->running = running;
	if (running && npurt_queue_run(ctx->busy, ctx->endless, 1) != -ETIME)
		die("the endless kernel ended");
}

static void ctx_exit(struct ctx *ctx)
{
	npurt_cmdlist_unref(ctx->endless);
	npurt_cmdlist_unref(ctx->copy);
	npurt_queue_unref(ctx->busy);
	npurt_queue_unref(ctx->idle);
	npurt_module_unref(ctx->module);
	npurt_vm_unref(ctx->vm);
	npurt_device_unref(ctx->device);
}

static void inject(struct ctx *ctx, uint32_t fault, uint32_t target, uint64_t arg, uint32_t flags)
{
	const struct npu_fault_spec spec = {
		.fault = fault,
		.target = target,
		.count = npu_fault_default_count(fault),
		.arg = arg,
		.flags = flags,
	};

	if (npu_dev_fault_inject(ctx->core, &spec) != NPU_FAULT_STATUS_OK)
		die(npu_fault_name(fault));
}

/* The job in flight is lost in a reset and told so; the idle queue and a new one go on. */
static void reset_by(uint32_t fault, uint64_t arg, bool poke)
{
	const char *name = npu_fault_name(fault);
	struct npurt_queue_status status = NPURT_QUEUE_STATUS_INIT;
	struct npurt_queue *queue;
	struct ctx ctx;
	int err;

	ctx_init(&ctx, true);
	inject(&ctx, fault, NPU_FAULT_ANY, arg, 0);
	if (poke) { /* it strikes when the firmware is asked for something */
		NEED(npurt_queue_create(ctx.vm, NULL, &queue));
		npurt_queue_unref(queue);
	}
	err = npurt_queue_wait(ctx.busy, WAIT_NS);
	if (!tap_ok(err == -ECONNRESET, "%s: the job in flight was lost", name))
		tap_diag("%d: %s", err, npurt_error_detail());
	NEED(npurt_queue_get_status(ctx.busy, &status));
	tap_is(status.condition, NPURT_QUEUE_INNOCENT, "its queue is innocent");
	tap_ok(npurt_queue_run(ctx.busy, ctx.copy, WAIT_NS) == -ECONNRESET,
	       "%s: it takes no more work", name);
	tap_ok(works(&ctx, ctx.idle), "%s: the idle queue goes on", name);
	NEED(npurt_queue_create(ctx.vm, NULL, &queue));
	tap_ok(works(&ctx, queue), "%s: a new queue works", name);
	npurt_queue_unref(queue);
	ctx_exit(&ctx);
}

/* Firmware dies while nobody uses it: whoever wants something of it finds out, and gets it. */
static void test_dead_idle(void)
{
	struct npurt_queue *queue;
	struct ctx ctx;

	ctx_init(&ctx, false);
	inject(&ctx, NPU_FAULT_DEAD_FIRMWARE, 0, 0, 0);
	NEED(npurt_queue_create(ctx.vm, NULL, &queue));
	tap_ok(works(&ctx, queue) && works(&ctx, ctx.idle), "firmware that died idle is replaced");
	npurt_queue_unref(queue);
	ctx_exit(&ctx);
}

/* Firmware that does not come back: the device is lost, and nobody waits for it. */
static void test_lost(void)
{
	struct npurt_queue *queue = NULL;
	struct npurt_bo *bo;
	struct ctx ctx;

	ctx_init(&ctx, true);
	inject(&ctx, NPU_FAULT_DEAD_FIRMWARE, 0, 0, NPU_FAULT_PERSIST);
	fails(npurt_queue_wait(ctx.busy, WAIT_NS), -ENODEV, "the device is gone",
	      "a device that does not come back");
	fails(npurt_queue_run(ctx.idle, ctx.copy, WAIT_NS), -ENODEV, "the device is gone",
	      "an idle queue of it");
	tap_ok(npurt_queue_create(ctx.vm, NULL, &queue) == -ENODEV &&
		       npurt_bo_create(ctx.device, 4096, &bo) == -ENODEV,
	       "nothing new can be made");
	ctx_exit(&ctx);
	tap_ok(true, "all can be given back");
}

/* Interrupts that get lost are made up for, those without a cause do nothing. */
static void test_interrupts(void)
{
	struct ctx ctx;
	bool good = true;

	ctx_init(&ctx, false);
	inject(&ctx, NPU_FAULT_LOST_INTERRUPT, NPU_FAULT_ANY, 0, 0);
	tap_ok(works(&ctx, ctx.idle), "a lost interrupt is made up for");
	npu_dev_fault_clear(ctx.core, 0);
	for (uint32_t vector = 0; vector < NPU_MSIX_VECTORS; vector++)
		inject(&ctx, NPU_FAULT_SPURIOUS_INTERRUPT, vector, 0, 0);
	inject(&ctx, NPU_FAULT_INTERRUPT_STORM, NPU_VECTOR_QUEUE_0 + 1, 0, 0);
	for (int i = 0; i < 100; i++)
		good &= works(&ctx, ctx.idle);
	tap_ok(good, "interrupts without a cause, once and in a storm");
	npu_dev_fault_clear(ctx.core, 0);
	ctx_exit(&ctx);
}

/* Hardware that fails under one job: that job is told, nobody else. */
static void test_hardware(void)
{
	struct npurt_queue *queue;
	struct ctx ctx;
	int err;

	ctx_init(&ctx, false);
	NEED(npurt_queue_create(ctx.vm, NULL, &queue));
	inject(&ctx, NPU_FAULT_DMA_ERROR, NPU_CORE_COPY, 0, 0);
	err = npurt_queue_run(queue, ctx.copy, WAIT_NS);
	if (!tap_ok(err == -EIO && strstr(npurt_error_detail(), "bus error"),
		    "an access that fails"))
		tap_diag("%d: %s", err, npurt_error_detail());
	npurt_queue_unref(queue);
	tap_ok(works(&ctx, ctx.idle), "the other queue does not notice");
	ctx_exit(&ctx);
}

int main(void)
{
	reset_by(NPU_FAULT_DEAD_FIRMWARE, 0, false);
	reset_by(NPU_FAULT_HUNG_FIRMWARE, 0, false);
	reset_by(NPU_FAULT_MAILBOX_CORRUPT, NPU_FAULT_MSG_INDEX, true);
	test_dead_idle();
	test_lost();
	test_interrupts();
	test_hardware();
	return tap_done();
}
