// SPDX-License-Identifier: MIT
/* How much memory there may be, when it is taken, and in what pages it comes. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "npu_test.h"

#define SIZE 0x1000000ull
#define VA (4 * NPU_TEST_VA)

/* ---- limits ---------------------------------------------------------------------------------- */

#define PARAM "/sys/module/npu/parameters/"

static int query_limits(int fd, struct drm_npu_limits *limits)
{
	struct drm_npu_dev_query query = {
		.type = DRM_NPU_DEV_QUERY_LIMITS,
		.size = sizeof(*limits),
		.pointer = (uintptr_t)limits,
	};

	return npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &query);
}

#define DRM_DEBUG "/sys/module/drm/parameters/debug"
#define DRM_DEBUG_DRIVER "2" /* drm_dbg() */

FIXTURE(limits)
{
	long memory, vms, queues, debug;
	int log;
};

FIXTURE_SETUP(limits)
{
	if (npu_read_line(PARAM "user_memory_mib", "%ld", &self->memory) ||
	    npu_read_line(PARAM "user_vms", "%ld", &self->vms) ||
	    npu_read_line(PARAM "user_queues", "%ld", &self->queues) ||
	    npu_read_line(DRM_DEBUG, "%li", &self->debug))
		SKIP(return, "the driver's parameters cannot be read");
	ASSERT_EQ(0, npu_write_file(PARAM "user_memory_mib", "8"));
	ASSERT_EQ(0, npu_write_file(PARAM "user_vms", "3"));
	ASSERT_EQ(0, npu_write_file(PARAM "user_queues", "2"));
	ASSERT_EQ(0, npu_write_file(DRM_DEBUG, DRM_DEBUG_DRIVER));
	/* what comes from now on */
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, lseek(self->log, 0, SEEK_END));
}

FIXTURE_TEARDOWN(limits)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", self->memory);
	npu_write_file(PARAM "user_memory_mib", text);
	snprintf(text, sizeof(text), "%ld", self->vms);
	npu_write_file(PARAM "user_vms", text);
	snprintf(text, sizeof(text), "%ld", self->queues);
	npu_write_file(PARAM "user_queues", text);
	snprintf(text, sizeof(text), "%ld", self->debug);
	npu_write_file(DRM_DEBUG, text);
	close(self->log);
}

/* The kernel has told, after what was read of its log before, which limit it was. */
static bool told(int log, const char *limit)
{
	char line[4096];
	ssize_t length;

	/* a record each; EPIPE: some are lost, it goes on with the next */
	while ((length = read(log, line, sizeof(line) - 1)) >= 0 || errno == EPIPE) {
		if (length < 0)
			continue;
		line[length] = 0;
		if (strstr(line, "uid 1000 has ") && strstr(line, limit))
			return true;
	}
	return false;
}

static int use_memory(void *unused)
{
	struct drm_npu_limits limits = {};
	int fd = npu_test_open(), second = npu_test_open();
	uint32_t bo, other;
	void *mem;

	if (query_limits(fd, &limits) || limits.memory_limit != 8 << 20 || limits.memory_used)
		return 1;
	if (npu_bo_create(fd, 5 << 20, &bo))
		return 2;
	/* another file, the same user */
	if (npu_bo_create(second, 4 << 20, &other) != -EDQUOT)
		return 3;
	if (npu_bo_create(second, 3 << 20, &other))
		return 4;
	if (query_limits(second, &limits) || limits.memory_used != 8 << 20)
		return 5;
	if (npu_bo_create(fd, 4096, &other) != -EDQUOT)
		return 6;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (npu_ioctl(fd, DRM_IOCTL_NPU_BO_USERPTR,
		      &(struct drm_npu_bo_userptr){ .addr = (uintptr_t)mem, .size = 4096 }) !=
	    -EDQUOT)
		return 7;
	if (drmCloseBufferHandle(fd, bo) || query_limits(fd, &limits) ||
	    limits.memory_used != 3 << 20)
		return 8;
	if (npu_bo_create(fd, 5 << 20, &bo))
		return 9;
	close(second);
	if (query_limits(fd, &limits) || limits.memory_used != 5 << 20)
		return 10;
	return 0;
}

TEST_F(limits, memory)
{
	EXPECT_EQ(0, npu_as_user(use_memory, NULL));
	EXPECT_TRUE(told(self->log, ": limit 8388608 of npu.user_memory_mib\n"));
}

static int use_vms(void *unused)
{
	struct drm_npu_limits limits = {};
	int fd = npu_test_open();
	uint32_t vm[3], more, queue[2];

	for (int i = 0; i < 3; i++)
		if (npu_vm_create(fd, &vm[i]))
			return 1;
	if (npu_vm_create(fd, &more) != -EDQUOT)
		return 2;
	if (npu_queue_create(fd, vm[0], 0, &queue[0]) || npu_queue_create(fd, vm[1], 0, &queue[1]))
		return 3;
	if (npu_queue_create(fd, vm[0], 0, &more) != -EDQUOT)
		return 4;
	if (query_limits(fd, &limits) || limits.vms_limit != 3 || limits.vms_used != 3 ||
	    limits.queues_limit != 2 || limits.queues_used != 2)
		return 5;
	if (npu_vm_destroy(fd, vm[2]) || npu_vm_create(fd, &vm[2]))
		return 6;
	return 0;
}

TEST_F(limits, vms_and_queues)
{
	EXPECT_EQ(0, npu_as_user(use_vms, NULL));
	EXPECT_TRUE(told(self->log, ": limit 3 of npu.user_vms\n"));
	EXPECT_TRUE(told(self->log, ": limit 2 of npu.user_queues\n"));
}

#define RING_LOG2 15 /* the largest there is, 2 MiB and a page */

/* Rings of a stream are memory too: three fit. */
static int use_rings(void *unused)
{
	const uint64_t ring = 4096 + (NPU_PERF_SLOT << RING_LOG2);
	struct drm_npu_perf_stream_open req = {
		.scope = DRM_NPU_PERF_SCOPE_ALL,
		.lanes = 4,
		.modes = NPU_PERF_MODE_PACKETS,
		.ring_log2 = RING_LOG2,
		.threshold = 1,
	};
	struct drm_npu_limits limits = {};
	int fd = npu_test_open();
	uint32_t bo;

	if (npu_ioctl(fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req) != -EDQUOT)
		return 1;
	if (query_limits(fd, &limits) || limits.memory_used)
		return 2;
	req.lanes = 3;
	if (npu_ioctl(fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req))
		return 3;
	if (query_limits(fd, &limits) || limits.memory_used != 3 * ring)
		return 4;
	if (npu_bo_create(fd, 2 << 20, &bo) != -EDQUOT)
		return 5;
	close(req.fd);
	if (query_limits(fd, &limits) || limits.memory_used)
		return 6;
	return npu_bo_create(fd, 8 << 20, &bo) ? 7 : 0;
}

TEST_F(limits, rings)
{
	EXPECT_EQ(0, npu_as_user(use_rings, NULL));
}

/* Who may take all is counted, and not limited. */
TEST_F(limits, of_root)
{
	struct drm_npu_limits limits = {};
	int fd = npu_test_open();
	uint32_t bo, vm;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, npu_bo_create(fd, 16 << 20, &bo));
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(0, npu_vm_create(fd, &vm));
	ASSERT_EQ(0, query_limits(fd, &limits));
	EXPECT_EQ(16 << 20, limits.memory_used);
	EXPECT_EQ(5, limits.vms_used);
	close(fd);
}

/* ---- BO_MADVISE ------------------------------------------------------------------------------ */

FIXTURE(purge)
{
	struct npu_ctx ctx;
	uint32_t bo;
	uint32_t *mem;
};

FIXTURE_SETUP(purge)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, npu_bo_create(self->ctx.fd, SIZE, &self->bo));
	self->mem = npu_bo_mmap(self->ctx.fd, self->bo, SIZE);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, npu_map(self->ctx.fd, self->ctx.vm, self->bo, 0, VA, SIZE, 0));
}

FIXTURE_TEARDOWN(purge)
{
	if (self->mem)
		munmap(self->mem, SIZE);
	npu_ctx_exit(&self->ctx);
}

static int madvise_bo(int fd, uint32_t handle, uint32_t advice, uint32_t *ret_retained)
{
	struct drm_npu_bo_madvise req = { .handle = handle, .advice = advice, .retained = 77 };
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_BO_MADVISE, &req);

	*ret_retained = req.retained;
	return ret;
}

static int state_of(int fd, uint32_t handle, uint64_t *ret_resident)
{
	struct drm_npu_bo_query_info info = { .handle = handle };
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info);

	*ret_resident = info.resident;
	return ret ? ret : (int)info.state;
}

/* Makes the kernel ask all who have memory to spare for it. */
static int drop_caches(void)
{
	return npu_write_file("/proc/sys/vm/drop_caches", "2");
}

TEST_F(purge, needed_is_kept)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t resident;
	uint32_t retained;

	self->mem[0] = 4711;
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_DONTNEED, &retained));
	EXPECT_EQ(1, retained);
	EXPECT_EQ(DRM_NPU_BO_DISCARDABLE, state_of(ctx->fd, self->bo, &resident));
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_WILLNEED, &retained));
	EXPECT_EQ(1, retained);
	ASSERT_EQ(0, drop_caches());
	EXPECT_EQ(DRM_NPU_BO_NEEDED, state_of(ctx->fd, self->bo, &resident));
	EXPECT_EQ(SIZE, resident);
	EXPECT_EQ(4711, self->mem[0]);
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA + 4, 1, 4);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(1, self->mem[1]);
}

/* Bound in two VMs, mapped by the CPU; all of that ends in faults, and none in anybody's memory. */
TEST_F(purge, dontneed_is_taken)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t resident;
	uint32_t retained, vm, queue;
	long before, after;
	int dmabuf;

	ASSERT_EQ(0, npu_vm_create(ctx->fd, &vm));
	ASSERT_EQ(0, npu_map(ctx->fd, vm, self->bo, 0x201000, VA, 0x400000, 0));
	munmap(self->mem, SIZE);
	self->mem = NULL;
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 4711, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_read_line("/proc/meminfo", "Shmem: %ld kB", &before));
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_DONTNEED, &retained));
	ASSERT_EQ(0, drop_caches());
	EXPECT_EQ(DRM_NPU_BO_PURGED, state_of(ctx->fd, self->bo, &resident));
	EXPECT_EQ(0, resident);
	ASSERT_EQ(0, npu_read_line("/proc/meminfo", "Shmem: %ld kB", &after));
	EXPECT_LE(after, before - (long)(SIZE / 1024) + 1024);
	/* for good */
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_WILLNEED, &retained));
	EXPECT_EQ(0, retained);
	EXPECT_EQ(DRM_NPU_BO_PURGED, state_of(ctx->fd, self->bo, &resident));
	EXPECT_EQ(-ENODATA, npu_map(ctx->fd, ctx->vm, self->bo, 0, 2 * VA, SIZE, 0));
	EXPECT_EQ(MAP_FAILED, npu_bo_mmap(ctx->fd, self->bo, SIZE));
	EXPECT_NE(0, drmPrimeHandleToFD(ctx->fd, self->bo, DRM_CLOEXEC, &dmabuf));
	EXPECT_EQ(ENODATA, errno);
	/* the device finds nothing */
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, vm, 0, &queue));
	/* what was bound can be unbound, and bound over */
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, VA, SIZE));
	ASSERT_EQ(0, npu_map(ctx->fd, vm, ctx->bo, 0, VA + 0x100000, NPU_TEST_SIZE, 0));
	ASSERT_EQ(0, npu_unmap(ctx->fd, vm, VA, 0x100000));
}

/* A page that is still mapped by the CPU: SIGBUS for who touches it. */
TEST_F(purge, cpu_mapping)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t resident;
	uint32_t retained;
	int status;
	pid_t pid;

	self->mem[0] = 1;
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_DONTNEED, &retained));
	ASSERT_EQ(0, drop_caches());
	EXPECT_EQ(DRM_NPU_BO_PURGED, state_of(ctx->fd, self->bo, &resident));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		_exit(*(volatile uint32_t *)self->mem);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

/* Whose memory others may be using is not taken. */
TEST_F(purge, shared_is_kept)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t resident;
	uint32_t retained;
	int dmabuf;

	ASSERT_EQ(0, drmPrimeHandleToFD(ctx->fd, self->bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_DONTNEED, &retained));
	ASSERT_EQ(0, drop_caches());
	EXPECT_EQ(DRM_NPU_BO_DISCARDABLE, state_of(ctx->fd, self->bo, &resident));
	EXPECT_EQ(SIZE, resident);
	close(dmabuf);
}

/* The same of what its maker has a binding of left, and no handle. */
TEST_F(purge, given_away_is_kept)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t resident;
	uint32_t retained;
	int dmabuf;

	self->mem[0] = 4711;
	ASSERT_EQ(0, drmPrimeHandleToFD(ctx->fd, self->bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_DONTNEED, &retained));
	ASSERT_EQ(0, drmCloseBufferHandle(ctx->fd, self->bo));
	ASSERT_EQ(0, drop_caches());
	ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, dmabuf, &self->bo));
	EXPECT_EQ(DRM_NPU_BO_DISCARDABLE, state_of(ctx->fd, self->bo, &resident));
	EXPECT_EQ(SIZE, resident);
	ASSERT_EQ(0, madvise_bo(ctx->fd, self->bo, DRM_NPU_BO_WILLNEED, &retained));
	ASSERT_EQ(1, retained);
	EXPECT_EQ(4711, self->mem[0]);
	close(dmabuf);
}

/*
 * A range that another object has taken is that one's, whatever becomes of the first: also in the
 * moment after a bind in which what it has replaced is not freed yet.
 */
TEST_F_TIMEOUT(purge, what_replaced_it_is_kept, 300)
{
	enum { ROUNDS = 8, PIECE = 0x1000, PIECES = SIZE / PIECE };
	static struct drm_npu_vm_bind_op pieces[256];
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op signal = { .flags = DRM_NPU_SYNC_OP_SIGNAL };
	struct drm_npu_vm_bind_op whole = { .bo_handle = self->bo, .va = 2 * VA, .size = SIZE };
	struct drm_npu_vm_bind bind = {
		.vm_id = ctx->vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.syncs = DRM_NPU_OBJ_ARRAY(1, &signal),
	};
	const int64_t start = npu_deadline(0);
	uint32_t bo, retained;
	uint64_t resident;
	pid_t reclaimer;

	reclaimer = fork();
	ASSERT_LE(0, reclaimer);
	if (!reclaimer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!drop_caches())
			;
		_exit(1);
	}
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(2 * VA, 4711, SIZE);
	/* once at least: where every allocation is checked, binding so many pieces takes very long */
	for (int round = 0; round < ROUNDS && npu_deadline(0) - start < 60000000000; round++) {
		/* in many pieces, which take long to be freed */
		ASSERT_EQ(0, kill(reclaimer, SIGSTOP));
		ASSERT_EQ(0, npu_bo_create(ctx->fd, SIZE, &bo));
		for (int i = 0; i < PIECES; i++) {
			pieces[i % 256] = (struct drm_npu_vm_bind_op){
				.bo_handle = bo,
				.bo_offset = i * PIECE,
				.va = 2 * VA + i * PIECE,
				.size = PIECE,
			};
			if (i % 256 == 255)
				ASSERT_EQ(0, npu_vm_bind(ctx->fd, ctx->vm, pieces, 256));
		}
		ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &signal.handle));
		bind.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &whole);
		ASSERT_EQ(0, kill(reclaimer, SIGCONT));
		ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &bind));
		ASSERT_EQ(0, npu_wait_binary(ctx->fd, signal.handle));
		ASSERT_EQ(0, madvise_bo(ctx->fd, bo, DRM_NPU_BO_DONTNEED, &retained));
		ASSERT_EQ(1, retained);
		while (state_of(ctx->fd, bo, &resident) != DRM_NPU_BO_PURGED)
			usleep(1000);
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
		ASSERT_EQ(0, drmSyncobjDestroy(ctx->fd, signal.handle));
		ASSERT_EQ(0, drmCloseBufferHandle(ctx->fd, bo));
	}
	EXPECT_EQ(0, kill(reclaimer, SIGKILL));
	EXPECT_EQ(reclaimer, waitpid(reclaimer, NULL, 0));
}

/* While jobs run that use it: faults, nothing worse. */
TEST_F(purge, under_load)
{
	enum { BOS = 16, ROUNDS = 4 };
	struct npu_ctx *ctx = &self->ctx;
	uint32_t bo[BOS], retained, queue;
	uint64_t resident, taken = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < BOS; i++) {
			ASSERT_EQ(0, npu_bo_create(ctx->fd, 0x200000, &bo[i]));
			ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, bo[i], 0, 2 * VA + i * 0x200000,
					     0x200000, 0));
			npu_ctx_packets(ctx)[i] =
				npu_pkt_fill(2 * VA + i * 0x200000, i, 0x200000);
		}
		ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
		ASSERT_EQ(0, npu_submit(ctx->fd, queue, NPU_TEST_VA, BOS, ctx->timeline,
					++ctx->point));
		for (int i = 0; i < BOS; i++)
			ASSERT_EQ(0, madvise_bo(ctx->fd, bo[i], DRM_NPU_BO_DONTNEED, &retained));
		ASSERT_EQ(0, drop_caches());
		ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, ctx->point, NPU_TEST_WAIT_NS));
		for (int i = 0; i < BOS; i++) {
			taken += state_of(ctx->fd, bo[i], &resident) == DRM_NPU_BO_PURGED;
			ASSERT_EQ(0, drmCloseBufferHandle(ctx->fd, bo[i]));
		}
		ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
		ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, 2 * VA, BOS * 0x200000));
	}
	EXPECT_GT(taken, 0);
	/* and what was not given away works on */
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 1, 4);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(1, self->mem[0]);
}

/* ---- memory runs short ----------------------------------------------------------------------- */

enum { GIVEN_AWAY = 16 };

struct short_of_memory {
	int fd;
	uint32_t bo[GIVEN_AWAY];
	volatile bool stop;
	volatile int jobs; /* of the neighbour */
};

/* Takes memory that nobody can take back, until the last BO has lost its own. */
static int fill_memory(const struct short_of_memory *all)
{
	const size_t step = 4 << 20;
	uint64_t resident;
	long total, taken;

	/* who is to blame, should it come to that */
	if (npu_write_file("/proc/self/oom_score_adj", "1000") ||
	    npu_read_line("/proc/meminfo", "MemTotal: %ld kB", &total))
		return 1;
	for (taken = 0; taken < total; taken += step / 1024) {
		int i;

		for (i = 0; i < GIVEN_AWAY; i++)
			if (state_of(all->fd, all->bo[i], &resident) != DRM_NPU_BO_PURGED)
				break;
		if (i == GIVEN_AWAY)
			return 0;
		if (mmap(NULL, step, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
			return 2;
	}
	return 3;
}

/* Jobs, binds and new BOs, all of which have to go well. Return: the number of the step that did not. */
static int work_beside(struct short_of_memory *all)
{
	struct npu_ctx ctx;
	uint32_t bo;

	if (npu_ctx_init(&ctx, 0))
		return 1;
	while (!all->stop) {
		const uint32_t value = 1 + all->jobs;

		if (npu_bo_create(ctx.fd, 0x200000, &bo))
			return 2;
		if (npu_map(ctx.fd, ctx.vm, bo, 0, VA, 0x200000, 0))
			return 3;
		npu_ctx_packets(&ctx)[0] = npu_pkt_fill(VA, value, 0x10000);
		npu_ctx_packets(&ctx)[1] = npu_pkt_barrier();
		npu_ctx_packets(&ctx)[2] = npu_pkt_copy(NPU_TEST_VA + NPU_TEST_DATA, VA, 0x10000);
		if (npu_ctx_run(&ctx, 3))
			return 4;
		if (*(uint32_t *)(ctx.mem + NPU_TEST_DATA + 0xfffc) != value)
			return 5;
		if (npu_unmap(ctx.fd, ctx.vm, VA, 0x200000) || drmCloseBufferHandle(ctx.fd, bo))
			return 6;
		all->jobs++;
	}
	npu_ctx_exit(&ctx);
	return 0;
}

/* No memory is left but what was given away: the kernel takes that, and who works beside notices nothing. */
TEST_F_TIMEOUT(purge, memory_runs_short, 600)
{
	struct short_of_memory *all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, jobs_before, jobs_between;
	uint32_t retained;
	uint64_t resident;
	pid_t filler, neighbour;

	ASSERT_NE(MAP_FAILED, all);
	if (geteuid())
		SKIP(return, "only root may say who is to be killed when no memory is left");
	all->fd = self->ctx.fd;
	self->mem[SIZE / 4 - 1] = 4711;
	for (int i = 0; i < GIVEN_AWAY; i++) {
		ASSERT_EQ(0, npu_bo_create(all->fd, SIZE, &all->bo[i]));
		ASSERT_EQ(0, npu_map(all->fd, self->ctx.vm, all->bo[i], 0, VA + (i + 1) * SIZE,
				     SIZE, 0));
		ASSERT_EQ(0, madvise_bo(all->fd, all->bo[i], DRM_NPU_BO_DONTNEED, &retained));
		ASSERT_EQ(1, retained);
	}
	neighbour = fork();
	ASSERT_LE(0, neighbour);
	if (!neighbour)
		_exit(work_beside(all));
	while (!all->jobs && !waitpid(neighbour, &status, WNOHANG))
		usleep(1000);
	jobs_before = all->jobs;
	filler = fork();
	ASSERT_LE(0, filler);
	if (!filler)
		_exit(fill_memory(all));
	ASSERT_EQ(filler, waitpid(filler, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	jobs_between = all->jobs - jobs_before;
	all->stop = true;
	ASSERT_EQ(neighbour, waitpid(neighbour, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_LT(0, jobs_between);

	for (int i = 0; i < GIVEN_AWAY; i++) {
		ASSERT_EQ(0, madvise_bo(all->fd, all->bo[i], DRM_NPU_BO_WILLNEED, &retained));
		EXPECT_EQ(0, retained);
		EXPECT_EQ(DRM_NPU_BO_PURGED, state_of(all->fd, all->bo[i], &resident));
		EXPECT_EQ(0, resident);
	}
	/* what is needed was not to be had */
	EXPECT_EQ(DRM_NPU_BO_NEEDED, state_of(all->fd, self->bo, &resident));
	EXPECT_EQ(SIZE, resident);
	EXPECT_EQ(4711, self->mem[SIZE / 4 - 1]);
	TH_LOG("%d jobs meanwhile", jobs_between);
}

/* ---- what is refused ---------------------------------------------------------------------------- */

TEST_F(purge, bad)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_bo_madvise req = { .handle = self->bo, .pad = 1 };
	struct drm_npu_bo_userptr userptr = { .size = 4096 };
	uint32_t retained;

	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_MADVISE, &req));
	EXPECT_EQ(-EINVAL, madvise_bo(ctx->fd, self->bo, 2, &retained));
	EXPECT_EQ(-ENOENT, madvise_bo(ctx->fd, 4711, DRM_NPU_BO_DONTNEED, &retained));
	userptr.addr = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_USERPTR, &userptr));
	EXPECT_EQ(-EINVAL, madvise_bo(ctx->fd, userptr.handle, DRM_NPU_BO_DONTNEED, &retained));
}

/* ---- large pages ----------------------------------------------------------------------------- */

/* Where the kernel can, and the driver was not told otherwise, memory comes in pages of 2 MiB. */
TEST_F(purge, large_pages)
{
	char huge[4] = {};
	long before, after;
	uint32_t bo;
	int fd = open(PARAM "huge_pages", O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_GT(read(fd, huge, 1), 0);
	close(fd);
	if (huge[0] != 'Y' || access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP(return, "no large pages");
	ASSERT_EQ(0, npu_read_line("/proc/meminfo", "ShmemHugePages: %ld kB", &before));
	ASSERT_EQ(0, npu_bo_create(self->ctx.fd, SIZE, &bo));
	ASSERT_EQ(0, npu_map(self->ctx.fd, self->ctx.vm, bo, 0, 2 * VA, SIZE, 0));
	ASSERT_EQ(0, npu_read_line("/proc/meminfo", "ShmemHugePages: %ld kB", &after));
	/* the machine may be out of some */
	EXPECT_GE(after - before, (long)(SIZE / 1024 / 2));
}

TEST_HARNESS_MAIN
