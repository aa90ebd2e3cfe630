// SPDX-License-Identifier: MIT
/* VM_BIND beyond the plain: asynchronous, with what it waits for and signals; without memory. */
#include "npu_test.h"

#define BO_SIZE 0x400000ull
#define VA (4 * NPU_TEST_VA) /* nothing of the context lies there */
#define LARGE 0x200000ull
#define MOST_PENDING 1024 /* binds of a VM that have not ended */

FIXTURE(bind)
{
	struct npu_ctx ctx;
	uint32_t bo;
	uint32_t *mem;
};

FIXTURE_SETUP(bind)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, npu_bo_create(self->ctx.fd, BO_SIZE, &self->bo));
	self->mem = npu_bo_mmap(self->ctx.fd, self->bo, BO_SIZE);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(bind)
{
	munmap(self->mem, BO_SIZE);
	npu_ctx_exit(&self->ctx);
}

static uint64_t bound(struct npu_ctx *ctx)
{
	struct drm_npu_vm_get_state req = { .vm_id = ctx->vm };

	if (npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_GET_STATE, &req) || req.state != DRM_NPU_VM_USABLE)
		return UINT64_MAX;
	return req.bound_bytes - NPU_TEST_SIZE;
}

static struct drm_npu_vm_bind_op map_op(uint32_t bo, uint64_t offset, uint64_t va, uint64_t size)
{
	return (struct drm_npu_vm_bind_op){
		.bo_handle = bo,
		.bo_offset = offset,
		.va = va,
		.size = size,
	};
}

static struct drm_npu_sync_op wait_for(uint32_t timeline, uint64_t point)
{
	return (struct drm_npu_sync_op){
		.flags = DRM_NPU_SYNC_OP_TIMELINE,
		.handle = timeline,
		.point = point,
	};
}

static struct drm_npu_sync_op signal_at(uint32_t timeline, uint64_t point)
{
	struct drm_npu_sync_op op = wait_for(timeline, point);

	op.flags |= DRM_NPU_SYNC_OP_SIGNAL;
	return op;
}

static int bind_async(int fd, uint32_t vm, struct drm_npu_vm_bind_op *ops, uint32_t count,
		      struct drm_npu_sync_op *syncs, uint32_t sync_count)
{
	struct drm_npu_vm_bind req = {
		.vm_id = vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.ops = DRM_NPU_OBJ_ARRAY(count, ops),
		.syncs = DRM_NPU_OBJ_ARRAY(sync_count, syncs),
	};

	return npu_ioctl(fd, DRM_IOCTL_NPU_VM_BIND, &req);
}

/* Submits a kernel that never ends, in a queue of its own: it ends when the queue is destroyed. */
static int submit_stuck(struct npu_ctx *ctx, uint32_t timeline, uint64_t point,
			uint32_t *ret_queue)
{
	uint32_t *code = (uint32_t *)((uint8_t *)ctx->mem + 0x10000);
	int ret = npu_queue_create(ctx->fd, ctx->vm, 60000, ret_queue);

	if (ret)
		return ret;
	code[0] = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[8] = npu_pkt_dispatch(NPU_TEST_VA + 0x10000, NPU_TEST_VA, 1);
	return npu_submit(ctx->fd, *ret_queue, NPU_TEST_VA + 8 * NPU_PACKET_SIZE, 1, timeline,
			  point);
}

/* ---- asynchronous ---------------------------------------------------------------------------- */

TEST_F(bind, async_map_and_unmap)
{
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, BO_SIZE);
	struct drm_npu_sync_op sync;
	struct npu_ctx *ctx = &self->ctx;
	uint32_t timeline;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &timeline));
	sync = signal_at(timeline, 1);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, &sync, 1));
	ASSERT_EQ(0, npu_wait(ctx->fd, timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, npu_point_status(ctx->fd, timeline, 1));
	EXPECT_EQ(BO_SIZE, bound(ctx));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA + BO_SIZE - 4, 4711, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, self->mem[BO_SIZE / 4 - 1]);

	op = (struct drm_npu_vm_bind_op){
		.flags = DRM_NPU_VM_BIND_UNMAP,
		.va = VA,
		.size = BO_SIZE,
	};
	sync = signal_at(timeline, 2);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, &sync, 1));
	ASSERT_EQ(0, npu_wait(ctx->fd, timeline, 2, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, bound(ctx));
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
}

/* A job waits for the bind, the next bind for the job: all submitted at once. */
TEST_F(bind, async_between_jobs)
{
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, LARGE);
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_cmdbuf cmdbuf[2] = {
		{ .va = NPU_TEST_VA, .packets = 1 },
		{ .va = NPU_TEST_VA + NPU_PACKET_SIZE, .packets = 1 },
	};
	struct drm_npu_submit submit = { .queue_id = ctx->queue };
	struct drm_npu_sync_op syncs[2];
	uint32_t t;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 1, 4);
	npu_ctx_packets(ctx)[1] = npu_pkt_fill(VA, 2, 4);

	syncs[0] = signal_at(t, 1);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, syncs, 1));
	syncs[0] = wait_for(t, 1);
	syncs[1] = signal_at(t, 2);
	submit.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &cmdbuf[0]);
	submit.syncs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(2, syncs);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &submit));
	/* the other half of the BO, in its place */
	op.bo_offset = LARGE;
	syncs[0] = wait_for(t, 2);
	syncs[1] = signal_at(t, 3);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, syncs, 2));
	syncs[0] = wait_for(t, 3);
	syncs[1] = signal_at(t, 4);
	submit.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &cmdbuf[1]);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &submit));

	ASSERT_EQ(0, npu_wait(ctx->fd, t, 4, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, npu_point_status(ctx->fd, t, 4));
	EXPECT_EQ(1, self->mem[0]);
	EXPECT_EQ(2, self->mem[LARGE / 4]);
}

/* It starts after what it waits for, however that ends; a synchronous one does not wait for it. */
TEST_F(bind, async_waits)
{
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, BO_SIZE);
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op syncs[2];
	uint32_t t, queue;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	ASSERT_EQ(0, submit_stuck(ctx, t, 1, &queue));
	syncs[0] = wait_for(t, 1);
	syncs[1] = signal_at(t, 2);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, syncs, 2));
	EXPECT_EQ(0, bound(ctx));
	EXPECT_EQ(0, npu_map(ctx->fd, ctx->vm, self->bo, 0, 2 * VA, 0x1000, 0));
	EXPECT_EQ(0x1000, bound(ctx));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, npu_wait(ctx->fd, t, 2, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, npu_point_status(ctx->fd, t, 2));
	EXPECT_EQ(BO_SIZE + 0x1000, bound(ctx));
}

/* In order, though only the first waits for something. */
TEST_F(bind, async_in_order)
{
	struct drm_npu_vm_bind_op op;
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op syncs[2];
	uint32_t t, queue, i;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	ASSERT_EQ(0, submit_stuck(ctx, t, 1, &queue));
	syncs[0] = wait_for(t, 1);
	syncs[1] = signal_at(t, 2);
	op = map_op(self->bo, 0, VA, 0x1000);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, syncs, 2));
	for (i = 1; i < 64; i++) {
		syncs[0] = signal_at(t, 2 + i);
		op = map_op(self->bo, i * 0x1000, VA, 0x1000);
		ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, syncs, 1));
	}
	/* none, only its place among the others */
	syncs[0] = signal_at(t, 2 + i);
	ASSERT_EQ(0, bind_async(ctx->fd, ctx->vm, NULL, 0, syncs, 1));
	EXPECT_EQ(0, bound(ctx));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, npu_wait(ctx->fd, t, 2 + i, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0x1000, bound(ctx));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 4711, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, self->mem[63 * 0x400]);
}

/* The id goes: what has not run never will, and says so. */
TEST_F(bind, async_and_vm_destroy)
{
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, BO_SIZE);
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op syncs[2];
	uint32_t t, queue, vm;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	ASSERT_EQ(0, npu_vm_create(ctx->fd, &vm));
	ASSERT_EQ(0, submit_stuck(ctx, t, 1, &queue));
	syncs[0] = wait_for(t, 1);
	syncs[1] = signal_at(t, 2);
	ASSERT_EQ(0, bind_async(ctx->fd, vm, &op, 1, syncs, 2));
	ASSERT_EQ(0, npu_vm_destroy(ctx->fd, vm));
	EXPECT_EQ(-ENOENT, bind_async(ctx->fd, vm, &op, 1, syncs, 2));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, npu_wait(ctx->fd, t, 2, NPU_TEST_WAIT_NS));
	EXPECT_EQ(-ECANCELED, npu_point_status(ctx->fd, t, 2));
}

static bool is_asleep(pid_t pid)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state == 'S';
}

/* Who waits for room among those that have not run hears that there will never be any. */
TEST_F(bind, async_full_and_vm_destroy)
{
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, 0x1000);
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op syncs[2];
	uint32_t t, queue, vm, i;
	int status;
	pid_t pid;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	ASSERT_EQ(0, npu_vm_create(ctx->fd, &vm));
	ASSERT_EQ(0, submit_stuck(ctx, t, 1, &queue));
	syncs[0] = wait_for(t, 1);
	for (i = 0; i < MOST_PENDING; i++) {
		syncs[1] = signal_at(t, 2 + i);
		ASSERT_EQ(0, bind_async(ctx->fd, vm, &op, 1, syncs, 2));
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		syncs[1] = signal_at(t, 2 + i);
		_exit(-bind_async(ctx->fd, vm, &op, 1, syncs, 2));
	}
	/* one that has ended does not sleep */
	while (!is_asleep(pid) && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
	ASSERT_EQ(0, npu_vm_destroy(ctx->fd, vm));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENOENT, WEXITSTATUS(status));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, npu_wait(ctx->fd, t, 1 + MOST_PENDING, NPU_TEST_WAIT_NS));
}

/* The file goes, and with it the VM, the queue, and everything that anybody waits for. */
TEST_F(bind, async_and_close)
{
	struct drm_npu_vm_bind_op op;
	struct npu_ctx other;
	struct drm_npu_sync_op syncs[2];
	uint32_t t, queue, bo, theirs;
	int fd;

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	ASSERT_EQ(0, npu_bo_create(other.fd, 0x1000, &bo));
	ASSERT_EQ(0, drmSyncobjCreate(other.fd, 0, &t));
	ASSERT_EQ(0, submit_stuck(&other, t, 1, &queue));
	syncs[0] = wait_for(t, 1);
	syncs[1] = (struct drm_npu_sync_op){ .flags = DRM_NPU_SYNC_OP_SIGNAL };
	ASSERT_EQ(0, drmSyncobjCreate(other.fd, 0, &syncs[1].handle));
	op = map_op(bo, 0, VA, 0x1000);
	ASSERT_EQ(0, bind_async(other.fd, other.vm, &op, 1, syncs, 2));
	ASSERT_EQ(0, drmSyncobjHandleToFD(other.fd, syncs[1].handle, &fd));
	ASSERT_EQ(0, drmSyncobjFDToHandle(self->ctx.fd, fd, &theirs));
	close(fd);
	npu_ctx_exit(&other);
	ASSERT_EQ(0, drmSyncobjWait(self->ctx.fd, &theirs, 1, npu_deadline(NPU_TEST_WAIT_NS), 0,
				    NULL));
	EXPECT_EQ(-ECANCELED, npu_syncobj_status(self->ctx.fd, theirs));
}

TEST_F(bind, async_bad)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_vm_bind_op op = map_op(self->bo, 0, VA, 0x1000), bad;
	struct drm_npu_sync_op sync, wrong;
	struct drm_npu_vm_bind req = {
		.vm_id = ctx->vm,
		.ops = DRM_NPU_OBJ_ARRAY(1, &op),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};
	uint32_t t;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &t));
	sync = signal_at(t, 1);
	/* syncs are for ASYNC */
	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &req));
	EXPECT_EQ(0, req.ops.count);
	/* no such syncobj, to be signalled and to be waited for */
	wrong = signal_at(4711, 1);
	EXPECT_EQ(-ENOENT, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	wrong = wait_for(4711, 1);
	EXPECT_EQ(-ENOENT, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	/* what nobody has submitted */
	wrong = wait_for(t, 77);
	EXPECT_EQ(-EINVAL, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	/* points, flags */
	wrong = signal_at(t, 0);
	EXPECT_EQ(-EINVAL, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	wrong = sync;
	wrong.flags |= 4;
	EXPECT_EQ(-EINVAL, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	wrong = (struct drm_npu_sync_op){
		.flags = DRM_NPU_SYNC_OP_SIGNAL,
		.handle = t,
		.point = 1,
	};
	EXPECT_EQ(-EINVAL, bind_async(ctx->fd, ctx->vm, &op, 1, &wrong, 1));
	/* what is wrong with the operation is said at once */
	bad = op;
	bad.va++;
	EXPECT_EQ(-EINVAL, bind_async(ctx->fd, ctx->vm, &bad, 1, &sync, 1));
	bad = op;
	bad.bo_handle = 4711;
	EXPECT_EQ(-ENOENT, bind_async(ctx->fd, ctx->vm, &bad, 1, &sync, 1));
	EXPECT_EQ(-ENOENT, bind_async(ctx->fd, 4711, &op, 1, &sync, 1));
	/* pointers */
	EXPECT_EQ(-EFAULT, bind_async(ctx->fd, ctx->vm, (void *)0x1000, 1, &sync, 1));
	EXPECT_EQ(-EFAULT, bind_async(ctx->fd, ctx->vm, &op, 1, (void *)0x1000, 1));
	/* nothing of all that has been done, and nothing been signalled */
	EXPECT_EQ(0, bound(ctx));
	EXPECT_EQ(-ETIME, npu_wait(ctx->fd, t, 1, 0));
	EXPECT_EQ(0, bind_async(ctx->fd, ctx->vm, &op, 1, &sync, 1));
	EXPECT_EQ(0, npu_wait(ctx->fd, t, 1, NPU_TEST_WAIT_NS));
}

/* ---- without memory -------------------------------------------------------------------------- */

static int map_sparse(struct npu_ctx *ctx, uint64_t va, uint64_t size, uint32_t flags)
{
	struct drm_npu_vm_bind_op op = {
		.flags = (uint32_t)DRM_NPU_VM_BIND_SPARSE | flags,
		.va = va,
		.size = size,
	};

	return npu_vm_bind(ctx->fd, ctx->vm, &op, 1);
}

TEST_F(bind, sparse_reads_zero_and_drops)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t *out = (uint32_t *)((uint8_t *)ctx->mem + 0x20000);

	ASSERT_EQ(0, map_sparse(ctx, VA, LARGE, 0));
	EXPECT_EQ(LARGE, bound(ctx));
	memset(out, 0xff, 0x2000);
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA + 0x800, 0x5a5a5a5a, 0x1000);
	npu_ctx_packets(ctx)[1] = npu_pkt_barrier();
	npu_ctx_packets(ctx)[2] = npu_pkt_copy(NPU_TEST_VA + 0x20000, VA, 0x2000);
	ASSERT_EQ(0, npu_ctx_run(ctx, 3));
	for (int i = 0; i < 0x2000 / 4; i++)
		ASSERT_EQ(0, out[i]);
}

/* A tile's core stores, loads what is still 0, and stores that elsewhere. */
TEST_F(bind, sparse_of_a_core)
{
	static const uint32_t code[] = {
		NPU_INSN_LD_A1_A0, /* what the arguments hold first: the address */
		0x00058613, /* mv a2, a1 */
		0x00c63023, /* sd a2, 0(a2) */
		0x00063683, /* ld a3, 0(a2) */
		0x00d53423, /* sd a3, 8(a0) */
		NPU_INSN_EXIT,
	};
	struct npu_ctx *ctx = &self->ctx;
	uint64_t *args = (uint64_t *)((uint8_t *)ctx->mem + 0x20000);

	ASSERT_EQ(0, map_sparse(ctx, VA, 0x1000, 0));
	memcpy((uint8_t *)ctx->mem + 0x10000, code, sizeof(code));
	args[0] = VA;
	args[1] = ~0ull;
	npu_ctx_packets(ctx)[0] =
		npu_pkt_dispatch(NPU_TEST_VA + 0x10000, NPU_TEST_VA + 0x20000, 1);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(0, args[1]);
}

/* Neither atomics nor instructions, and no stores where it is read-only. */
TEST_F(bind, sparse_faults)
{
	static const uint32_t amo[] = {
		NPU_INSN_LD_A1_A0,
		0x00b5b02f, /* amoadd.d zero, a1, (a1) */
		NPU_INSN_EXIT,
	};
	struct npu_ctx *ctx = &self->ctx;
	uint64_t *args = (uint64_t *)((uint8_t *)ctx->mem + 0x20000);

	ASSERT_EQ(0, map_sparse(ctx, VA, 0x1000, 0));
	memcpy((uint8_t *)ctx->mem + 0x10000, amo, sizeof(amo));
	args[0] = VA;
	npu_ctx_packets(ctx)[0] =
		npu_pkt_dispatch(NPU_TEST_VA + 0x10000, NPU_TEST_VA + 0x20000, 1);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
}

TEST_F(bind, sparse_does_not_execute)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, map_sparse(ctx, VA, 0x1000, 0));
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(VA, NPU_TEST_VA + 0x20000, 1);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
}

TEST_F(bind, sparse_readonly)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, map_sparse(ctx, VA, 0x1000, DRM_NPU_VM_BIND_READONLY));
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x20000, VA, 0x1000);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 1, 4);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
}

/* Terabytes cost nothing, and memory goes into them, and out again, piece by piece. */
TEST_F(bind, sparse_huge)
{
	const uint64_t tib = 1ull << 40, va = 3 * tib + 0x7000, size = 20 * tib + 0x12000;
	const uint64_t hole = va + 5 * tib + (3ull << 30) + 0x5000;
	struct npu_ctx *ctx = &self->ctx;
	uint32_t *out = (uint32_t *)((uint8_t *)ctx->mem + 0x20000);
	const uint64_t probe[] = { va, va + size - 4096, va + tib, hole - 4096, hole + 0x6000 };

	ASSERT_EQ(0, map_sparse(ctx, va, size, 0));
	EXPECT_EQ(size, bound(ctx));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, self->bo, 0, hole, 0x6000, 0));
	EXPECT_EQ(size, bound(ctx));
	self->mem[0x1400] = 4711;
	out[0] = 1;
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x20000, hole + 0x5000, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, out[0]);
	for (size_t i = 0; i < sizeof(probe) / sizeof(probe[0]); i++) {
		out[0] = 1;
		npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x20000, probe[i], 4);
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
		EXPECT_EQ(0, out[0]);
	}
	/* without memory once more, and then nothing at all */
	ASSERT_EQ(0, map_sparse(ctx, hole, 0x6000, 0));
	out[0] = 1;
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x20000, hole + 0x5000, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(0, out[0]);
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, va + tib, tib));
	EXPECT_EQ(size - tib, bound(ctx));
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, NPU_VA_MIN, NPU_TEST_VA - NPU_VA_MIN));
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, va - tib, 40 * tib));
	EXPECT_EQ(0, bound(ctx));
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
}

TEST_F(bind, sparse_bad)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_vm_bind_op op = {
		.flags = (uint32_t)DRM_NPU_VM_BIND_SPARSE,
		.va = VA,
		.size = 0x1000,
	};

	op.bo_handle = self->bo;
	EXPECT_EQ(-EINVAL, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
	op.bo_handle = 0;
	op.bo_offset = 0x1000;
	EXPECT_EQ(-EINVAL, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
	op.bo_offset = 0;
	op.flags |= 4;
	EXPECT_EQ(-EINVAL, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
	EXPECT_EQ(0, bound(ctx));
}

/* ---- overlaps -------------------------------------------------------------------------------- */

/*
 * Random binds over a few MiB, against a plain array of what each page must be: 0 nothing, 1 without
 * memory, else 2 + a page of the BO. Crosses 2 MiB leaves, tables and ranges without memory in
 * every way.
 */
TEST_F(bind, overlap_random)
{
	enum { PAGES = 4096, STEPS = 150, PROBES = 8, BATCH = 512 };
	static uint16_t want[PAGES];
	struct npu_ctx *ctx = &self->ctx;
	uint32_t *out = (uint32_t *)((uint8_t *)ctx->mem + 0x20000);
	uint32_t seed = 1, i, step;

#define RANDOM(n) ((seed = seed * 1103515245u + 12345u) >> 8) % (n)
	for (i = 0; i < BO_SIZE / 4096; i++)
		self->mem[i * 1024] = i + 100;
	for (step = 0; step < STEPS; step++) {
		struct drm_npu_vm_bind_op op = {};
		uint32_t kind = RANDOM(4), page = RANDOM(PAGES), count = 1 + RANDOM(900), first = 0;
		uint64_t total = 0;

		if (RANDOM(3) == 0) /* on boundaries of 2 MiB */
			page &= ~511u, count = 512 * (1 + RANDOM(2));
		if (count > PAGES - page)
			count = PAGES - page;
		if (kind < 2) {
			first = RANDOM(BO_SIZE / 4096);
			if (RANDOM(2))
				first &= ~511u;
			if (count > BO_SIZE / 4096 - first)
				count = BO_SIZE / 4096 - first;
			op.bo_handle = self->bo;
			op.bo_offset = first * 4096ull;
		} else {
			op.flags = kind == 2 ? (uint32_t)DRM_NPU_VM_BIND_SPARSE :
					       (uint32_t)DRM_NPU_VM_BIND_UNMAP;
		}
		op.va = VA + page * 4096ull;
		op.size = count * 4096ull;
		ASSERT_EQ(0, npu_vm_bind(ctx->fd, ctx->vm, &op, 1));
		for (i = 0; i < count; i++)
			want[page + i] = kind < 2 ? 2 + first + i : kind == 2;
		for (i = 0; i < PAGES; i++)
			total += want[i] ? 4096 : 0;
		ASSERT_EQ(total, bound(ctx));
	}
	/* every page that is there, by the device's own eyes */
	memset(out, 0xff, PAGES * sizeof(*out));
	for (uint32_t first = 0; first < PAGES; first += BATCH) {
		uint32_t packets = 0;

		for (i = first; i < first + BATCH; i++)
			if (want[i])
				npu_ctx_packets(ctx)[packets++] = npu_pkt_copy(
					NPU_TEST_VA + 0x20000 + 4 * i, VA + i * 4096ull, 4);
		if (packets)
			ASSERT_EQ(0, npu_ctx_run(ctx, packets));
	}
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(!want[i] ? ~0u : want[i] == 1 ? 0 : want[i] - 2 + 100, out[i])
		TH_LOG("page %u", i);
	/* and some that are not: each costs a queue */
	for (step = 0; step < PROBES; step++) {
		i = RANDOM(PAGES);
		if (want[i])
			continue;
		npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x20000, VA + i * 4096ull, 4);
		ASSERT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
		ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
		ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	}
}

TEST_HARNESS_MAIN
