/* SPDX-License-Identifier: MIT */
/*
 * What the kselftests that go through libnpurt share: a context with everything that a job needs,
 * and finding the kernels that are installed beside the tests.
 */
#ifndef NPU_RUNTIME_H
#define NPU_RUNTIME_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <npurt.h>

#include "kernels/fault_kernels.h"

#include "kselftest_harness.h"
/* The guest is emulated, and what emulates it may have to share its processors. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/* Longest that any wait of a test may take; far above what the slowest host needs. */
#define RT_WAIT_NS (20ll * 1000 * 1000 * 1000)

/* Path of a file in the folder of the running test. */
static inline const char *rt_beside(const char *name, char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	slash = slash ? slash + 1 : path;
	snprintf(slash, size - (slash - path), "%s", name);
	return path;
}

/* A device with one address space, the kernels loaded, a queue, and 64 KiB of memory. */
struct rt_ctx {
	struct npurt_device *device;
	struct npurt_device_info info;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_queue *queue;
	struct npurt_timeline *timeline;
	uint64_t point; /* last one submitted */
	struct npurt_bo *bo;
	uint8_t *mem;
	uint64_t va;
};

#define RT_MEM_SIZE 65536u

/* A new queue, with a new timeline: the points of a timeline remember the jobs that failed before. */
static inline int rt_queue(struct rt_ctx *ctx, unsigned int timeout_ms)
{
	struct npurt_queue_options options = NPURT_QUEUE_OPTIONS_INIT;
	int ret;

	options.timeout_ms = timeout_ms;
	ctx->queue = npurt_queue_unref(ctx->queue);
	ctx->timeline = npurt_timeline_unref(ctx->timeline);
	ctx->point = 0;
	ret = npurt_timeline_create(ctx->device, &ctx->timeline);
	return ret ? ret : npurt_queue_create(ctx->vm, &options, &ctx->queue);
}

static inline int rt_init(struct rt_ctx *ctx, unsigned int timeout_ms)
{
	char path[PATH_MAX];
	void *pointer;
	int ret;

	*ctx = (struct rt_ctx){ .info = NPURT_DEVICE_INFO_INIT };
	ret = npurt_device_open(NULL, &ctx->device);
	if (!ret)
		ret = npurt_device_get_info(ctx->device, &ctx->info);
	if (!ret)
		ret = npurt_vm_create(ctx->device, &ctx->vm);
	if (!ret)
		ret = npurt_module_load_file(ctx->vm,
					     rt_beside("fault_kernels.elf", path, sizeof(path)),
					     &ctx->module);
	if (!ret)
		ret = npurt_vm_alloc(ctx->vm, RT_MEM_SIZE, 0, &ctx->bo, &pointer, &ctx->va);
	if (!ret) {
		ctx->mem = pointer;
		ret = rt_queue(ctx, timeout_ms);
	}
	if (ret)
		fprintf(stderr, "# %s\n", npurt_error_detail());
	return ret;
}

static inline void rt_exit(struct rt_ctx *ctx)
{
	npurt_queue_unref(ctx->queue);
	npurt_timeline_unref(ctx->timeline);
	npurt_bo_unref(ctx->bo);
	npurt_module_unref(ctx->module);
	npurt_vm_unref(ctx->vm);
	npurt_device_unref(ctx->device);
}

/*
 * Submits a kernel over groups workgroups, as a gang or not, as the next point of the timeline; does not
 * wait.
 */
static inline int rt_submit_as(struct rt_ctx *ctx, const char *name, const void *args, size_t size,
			       uint32_t groups, bool gang)
{
	struct npurt_point signal = { .timeline = ctx->timeline, .point = ctx->point + 1 };
	struct npurt_submit submit = NPURT_SUBMIT_INIT;
	struct npurt_kernel *kernel = NULL;
	struct npurt_cmdlist *list = NULL;
	int ret;

	ret = npurt_module_get_kernel(ctx->module, name, &kernel);
	if (!ret)
		ret = npurt_cmdlist_create(ctx->vm, &list);
	if (!ret && gang)
		ret = npurt_cmdlist_dispatch_gang(list, kernel, args, size, groups, 1, 1);
	else if (!ret)
		ret = npurt_cmdlist_dispatch(list, kernel, args, size, groups, 1, 1);
	if (!ret)
		ret = npurt_cmdlist_finish(list);
	if (!ret) {
		submit.cmdlists = &list;
		submit.cmdlist_count = 1;
		submit.signals = &signal;
		submit.signal_count = 1;
		ret = npurt_queue_submit(ctx->queue, &submit);
	}
	if (!ret)
		ctx->point++;
	npurt_cmdlist_unref(list);
	npurt_kernel_unref(kernel);
	return ret;
}

static inline int rt_submit(struct rt_ctx *ctx, const char *name, const void *args, size_t size,
			    uint32_t groups)
{
	return rt_submit_as(ctx, name, args, size, groups, false);
}

/* A gang, and waits: the job's error, or that of submitting or waiting. */
static inline int rt_run_gang(struct rt_ctx *ctx, const char *name, const void *args, size_t size,
			      uint32_t groups)
{
	int ret = rt_submit_as(ctx, name, args, size, groups, true);

	return ret ? ret : npurt_timeline_wait(ctx->timeline, ctx->point, RT_WAIT_NS);
}

/* The same without a gang. */
static inline int rt_run(struct rt_ctx *ctx, const char *name, const void *args, size_t size,
			 uint32_t groups)
{
	int ret = rt_submit(ctx, name, args, size, groups);

	return ret ? ret : npurt_timeline_wait(ctx->timeline, ctx->point, RT_WAIT_NS);
}

/* Runs the kernel that does not fail on numbers that depend on seed; 0 if all results are right. */
static inline int rt_work(struct rt_ctx *ctx, uint64_t seed)
{
	const struct work_args args = { .in = ctx->va + 4096, .out = ctx->va + 8192, .count = 64 };
	uint64_t *in = (uint64_t *)(ctx->mem + 4096), *out = (uint64_t *)(ctx->mem + 8192);
	uint64_t i;
	int ret;

	for (i = 0; i < args.count; i++) {
		in[i] = seed * 1000 + i;
		out[i] = 0;
	}
	ret = rt_run(ctx, "work", &args, sizeof(args), args.count);
	for (i = 0; !ret && i < args.count; i++)
		if (out[i] != 3 * in[i] + i)
			ret = -EILSEQ;
	return ret;
}

#endif
