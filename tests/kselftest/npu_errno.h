/* SPDX-License-Identifier: MIT */
/*
 * What the requests of npu_errno.c are about, and who makes them: good objects of every kind, and some that have
 * gone bad.
 */
#ifndef NPU_ERRNO_H
#define NPU_ERRNO_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/resource.h>

#include "npu_perf.h"
#include "npu_test.h"

#define PAGE	4096ull
#define NOBODYS 4711 /* id or handle that is nobody's */
#define FREE_VA (4 * NPU_TEST_VA)

/* What the requests are about. */
struct env {
	struct npu_ctx ctx;
	int fd;
	uint32_t vm, bo, queue;
	uint32_t other_vm, private_bo; /* the BO belongs to that VM */
	uint32_t over;		       /* a queue that is not usable any more */
	uint32_t own, own_readonly;    /* memory of this process */
	uint32_t taken;		       /* a BO whose memory was taken */
	uint32_t perfmon;
	uint32_t binary, timeline; /* syncobjs that hold nothing */
	int stream;
	struct drm_npu_device_info info;
	uint8_t *pages; /* four, the third of which may only be read, and the last not even that */
};

#define REQUEST(name, type, ...) \
	npu_ioctl(env->fd, DRM_IOCTL_NPU_##name, &(struct drm_npu_##type){__VA_ARGS__})

static struct drm_npu_perf_stream_open perf(const struct env *env)
{
	return (struct drm_npu_perf_stream_open){
		.scope = DRM_NPU_PERF_SCOPE_QUEUE,
		.queue_id = env->queue,
		.lanes = 1,
		.modes = NPU_PERF_MODE_PACKETS,
		.ring_log2 = 6,
		.threshold = 1,
	};
}

/* Return: the stream, or a negative errno. */
static int perf_open(const struct env *env, struct drm_npu_perf_stream_open req)
{
	int ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req);

	return ret ? ret : req.fd;
}

static int env_init(struct env *env)
{
	struct drm_npu_bo_create private = {.size = PAGE};
	struct drm_npu_bo_userptr own = {.size = PAGE};
	struct drm_npu_perfmon_create perfmon = {.counters = 1};
	int ret = npu_ctx_init(&env->ctx, 0);

	env->stream = -1;
	env->fd = env->ctx.fd;
	env->vm = env->ctx.vm;
	env->bo = env->ctx.bo;
	env->queue = env->ctx.queue;
	env->pages =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ret || env->pages == MAP_FAILED)
		return ret ? ret : -ENOMEM;
	memset(env->pages, 1, 4 * PAGE);
	if (mprotect(env->pages + 2 * PAGE, PAGE, PROT_READ) || munmap(env->pages + 3 * PAGE, PAGE))
		return -errno;
	ret = npu_device_info(env->fd, &env->info);
	if (!ret)
		ret = npu_vm_create(env->fd, &env->other_vm);
	private.vm_id = env->other_vm;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_BO_CREATE, &private);
	env->private_bo = private.handle;
	own.addr = (uintptr_t)env->pages;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_BO_USERPTR, &own);
	env->own = own.handle;
	own.addr += 2 * PAGE;
	own.flags = DRM_NPU_BO_USERPTR_READONLY;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_BO_USERPTR, &own);
	env->own_readonly = own.handle;
	perfmon.counter_version = env->info.counter_version;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_PERFMON_CREATE, &perfmon);
	env->perfmon = perfmon.id;
	if (!ret && (drmSyncobjCreate(env->fd, 0, &env->binary) ||
		     drmSyncobjCreate(env->fd, 0, &env->timeline)))
		ret = -errno;
	return ret;
}

/* What takes time, or other rights, and only few need. */
static int env_init_rest(struct env *env)
{
	struct npu_ctx *ctx = &env->ctx;
	struct drm_npu_bo_madvise advice = {.advice = DRM_NPU_BO_DONTNEED};
	int ret;

	/* a packet that there is not */
	npu_ctx_packets(ctx)[0] = (union npu_packet){.hdr.op = 0xff};
	if (npu_ctx_run(ctx, 1) != -EIO)
		return -EPROTO;
	env->over = env->queue;
	ret = npu_queue_create(env->fd, env->vm, 0, &ctx->queue);
	env->queue = ctx->queue;
	if (!ret)
		ret = npu_bo_create(env->fd, PAGE, &env->taken);
	if (!ret)
		ret = npu_map(env->fd, env->other_vm, env->taken, 0, FREE_VA, PAGE, 0);
	advice.handle = env->taken;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_BO_MADVISE, &advice);
	if (!ret)
		ret = npu_write_file("/proc/sys/vm/drop_caches", "2");
	advice.advice = DRM_NPU_BO_WILLNEED;
	if (!ret)
		ret = npu_ioctl(env->fd, DRM_IOCTL_NPU_BO_MADVISE, &advice);
	if (!ret && advice.retained)
		ret = -EPROTO;
	if (!ret) {
		env->stream = perf_open(env, perf(env));
		ret = env->stream < 0 ? env->stream : 0;
	}
	return ret;
}

static void env_exit(struct env *env)
{
	if (env->stream >= 0)
		close(env->stream);
	npu_ctx_exit(&env->ctx);
	if (env->pages && env->pages != MAP_FAILED)
		munmap(env->pages, 3 * PAGE);
}

/* Makes request number i of a case. Return: 0 or a negative errno, or END: there are no more. */
#define END 1
typedef int requests(struct env *env, int i);

/* A case with two requests. */
#define TWO(name, first, second)                                   \
	static int name(struct env *env, int i)                    \
	{                                                          \
		return i == 0 ? (first) : i == 1 ? (second) : END; \
	}

/* A case with one request. */
#define ONE(name, ...)                          \
	static int name(struct env *env, int i) \
	{                                       \
		return i ? END : (__VA_ARGS__); \
	}

/* Request number i of a case, for who is somebody else. */
struct request {
	requests *make;
	int i;
};

static int make_request(void *arg)
{
	const struct request *request = arg;
	struct env env = {};

	return env_init(&env) ? EPROTO : -request->make(&env, request->i);
}

/* As a user without any capabilities, who opens the node himself. */
static int as_user(requests *make, int i)
{
	struct request request = {make, i};

	return -npu_as_user(make_request, &request);
}

#endif /* NPU_ERRNO_H */
