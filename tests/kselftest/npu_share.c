// SPDX-License-Identifier: MIT
/* Memory that is not only the driver's: dma-bufs of others, memory of a process. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

#include "npu_test.h"

#define SIZE 0x400000ull
#define VA (4 * NPU_TEST_VA)

FIXTURE(share)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(share)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(share)
{
	npu_ctx_exit(&self->ctx);
}

/* A dma-buf of a memfd, which the machine's udmabuf makes; *mem: the memory. */
static int udmabuf_create(uint64_t size, void **mem)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;
	int memfd = memfd_create("npu", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (dev < 0)
		return -errno;
	if (memfd >= 0 && !ftruncate(memfd, size) && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		*mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
		create.memfd = memfd;
		fd = ioctl(dev, UDMABUF_CREATE, &create);
	}
	if (fd < 0)
		fd = -errno;
	close(memfd);
	close(dev);
	return fd;
}

static int query_info(int fd, uint32_t handle, struct drm_npu_bo_query_info *info)
{
	*info = (struct drm_npu_bo_query_info){ .handle = handle };
	return npu_ioctl(fd, DRM_IOCTL_NPU_BO_QUERY_INFO, info);
}

/* ---- dma-bufs -------------------------------------------------------------------------------- */

TEST_F(share, import_udmabuf)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_bo_query_info info;
	void *mem = NULL, *mapped;
	uint32_t handle, again;
	int fd = udmabuf_create(SIZE, &mem);

	if (fd == -ENOENT)
		SKIP(return, "this kernel has no udmabuf");
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, fd, &handle));
	ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, fd, &again));
	EXPECT_EQ(handle, again);
	ASSERT_EQ(0, query_info(ctx->fd, handle, &info));
	EXPECT_EQ(DRM_NPU_BO_KIND_IMPORTED, info.kind);
	EXPECT_EQ(SIZE, info.size);
	EXPECT_EQ(SIZE, info.resident);
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, 0));
	close(fd);

	((uint32_t *)mem)[SIZE / 4 - 1] = 4711;
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(VA, VA + SIZE - 4, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, *(uint32_t *)mem);
	/* the same through the driver's own mapping, which the exporter makes */
	mapped = npu_bo_mmap(ctx->fd, handle, SIZE);
	ASSERT_NE(MAP_FAILED, mapped);
	EXPECT_EQ(4711, *(uint32_t *)mapped);
	munmap(mapped, SIZE);
	/* the binding keeps it */
	ASSERT_EQ(0, drmCloseBufferHandle(ctx->fd, handle));
	((uint32_t *)mem)[SIZE / 4 - 1] = 4712;
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4712, *(uint32_t *)mem);
	munmap(mem, SIZE);
}

/* ---- fences in dma-bufs ------------------------------------------------------------------------ */

/* Makes who wants to read the memory wait for what a binary syncobj holds. */
static int put_fence(int fd, uint32_t syncobj, int dmabuf)
{
	struct dma_buf_import_sync_file req = { .flags = DMA_BUF_SYNC_WRITE };
	int ret;

	if (drmSyncobjExportSyncFile(fd, syncobj, &req.fd))
		return -errno;
	ret = npu_ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &req);
	close(req.fd);
	return ret;
}

/* Puts what who reads the memory has to wait for into a new binary syncobj. */
static int take_fence(int fd, int dmabuf, uint32_t *ret_syncobj)
{
	struct dma_buf_export_sync_file req = { .flags = DMA_BUF_SYNC_READ, .fd = -1 };
	int ret = npu_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &req);

	if (ret)
		return ret;
	ret = drmSyncobjCreate(fd, 0, ret_syncobj) ? -errno : 0;
	if (!ret)
		ret = drmSyncobjImportSyncFile(fd, *ret_syncobj, req.fd) ? -errno : 0;
	close(req.fd);
	return ret;
}

/* One command buffer that starts after a binary syncobj, and signals another, new one. */
static int submit_after(int fd, uint32_t queue, uint64_t va, uint32_t before, uint32_t *ret_job)
{
	struct drm_npu_cmdbuf cmdbuf = { .va = va, .packets = 1 };
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_WAIT, .handle = before },
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL },
	};
	struct drm_npu_submit req = {
		.queue_id = queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};

	if (drmSyncobjCreate(fd, 0, &syncs[1].handle))
		return -errno;
	*ret_job = syncs[1].handle;
	return npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &req);
}

/* One command buffer that uses a BO, and says so; it signals a new binary syncobj. */
static int submit_access(int fd, uint32_t queue, uint64_t va, uint32_t bo, uint32_t flags,
			 uint32_t *ret_job)
{
	struct drm_npu_cmdbuf cmdbuf = { .va = va, .packets = 1 };
	struct drm_npu_sync_op sync = { .flags = DRM_NPU_SYNC_OP_SIGNAL };
	struct drm_npu_bo_access access = { .handle = bo, .flags = flags };
	struct drm_npu_submit req = {
		.queue_id = queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
		.accesses = DRM_NPU_OBJ_ARRAY(1, &access),
	};

	if (drmSyncobjCreate(fd, 0, &sync.handle))
		return -errno;
	*ret_job = sync.handle;
	return npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &req);
}

static int ready(int dmabuf, int timeout_ms)
{
	struct pollfd poll_in = { .fd = dmabuf, .events = POLLIN };

	return poll(&poll_in, 1, timeout_ms) == 1 && poll_in.revents == POLLIN;
}

/* The node of another npu than the context's, or a negative errno. */
static int open_other(int fd)
{
	struct stat mine, st;
	char path[32];
	int i, other;

	if (fstat(fd, &mine))
		return -errno;
	for (i = 0; i < 64; i++) {
		drmVersionPtr version;
		int ours;

		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		other = open(path, O_RDWR | O_CLOEXEC);
		if (other < 0)
			continue;
		version = drmGetVersion(other);
		ours = version && !strcmp(version->name, DRM_NPU_DRIVER_NAME);
		drmFreeVersion(version);
		if (ours && !fstat(other, &st) && st.st_rdev != mine.st_rdev)
			return other;
		close(other);
	}
	return -ENODEV;
}

/* Two devices work on the same memory, whichever of them it is from. */
TEST_F(share, second_npu)
{
	struct npu_ctx *ctx = &self->ctx, peer = {};
	struct drm_npu_bo_query_info info;
	uint32_t bo, imported, written, before, copied;
	uint32_t *mem;
	int fd = open_other(ctx->fd), dmabuf;

	if (fd == -ENODEV)
		SKIP(return, "the machine has one npu only");
	ASSERT_GE(fd, 0);
	peer.fd = fd;
	ASSERT_EQ(0, npu_vm_create(fd, &peer.vm));
	ASSERT_EQ(0, npu_queue_create(fd, peer.vm, 0, &peer.queue));
	ASSERT_EQ(0, drmSyncobjCreate(fd, 0, &peer.timeline));

	/* command buffers of the first are the second's too */
	ASSERT_EQ(0, drmPrimeHandleToFD(ctx->fd, ctx->bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	ASSERT_EQ(0, drmPrimeFDToHandle(fd, dmabuf, &imported));
	close(dmabuf);
	ASSERT_EQ(0, query_info(fd, imported, &info));
	EXPECT_EQ(DRM_NPU_BO_KIND_IMPORTED, info.kind);
	ASSERT_EQ(0, npu_map(fd, peer.vm, imported, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0));

	/* data of the second, the first's as well */
	ASSERT_EQ(0, npu_bo_create(fd, SIZE, &bo));
	mem = npu_bo_mmap(fd, bo, SIZE);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, drmPrimeHandleToFD(fd, bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, dmabuf, &imported));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, imported, 0, VA, SIZE, 0));
	ASSERT_EQ(0, npu_map(fd, peer.vm, bo, 0, VA, SIZE, 0));

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 4711, 4);
	npu_ctx_packets(ctx)[1] = npu_pkt_copy(VA + SIZE - 4, VA, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_submit(fd, peer.queue, NPU_TEST_VA + NPU_PACKET_SIZE, 1, peer.timeline, 1));
	ASSERT_EQ(0, npu_wait(fd, peer.timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(0, npu_point_status(fd, peer.timeline, 1));
	EXPECT_EQ(4711, mem[SIZE / 4 - 1]);

	/* the second waits for the first, by the fence in the memory */
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 4712, SIZE - 4);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &written));
	ASSERT_EQ(0, put_fence(ctx->fd, written, dmabuf));
	ASSERT_EQ(0, take_fence(fd, dmabuf, &before));
	ASSERT_EQ(0, submit_after(fd, peer.queue, NPU_TEST_VA + NPU_PACKET_SIZE, before, &copied));
	EXPECT_EQ(0, npu_wait_binary(fd, copied));
	EXPECT_EQ(4712, mem[SIZE / 4 - 1]);
	close(dmabuf);

	/* the same, and nobody hands a fence over */
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 4713, SIZE - 4);
	ASSERT_EQ(0, submit_access(ctx->fd, ctx->queue, NPU_TEST_VA, imported,
				   DRM_NPU_BO_ACCESS_WRITE, &written));
	ASSERT_EQ(0, submit_access(fd, peer.queue, NPU_TEST_VA + NPU_PACKET_SIZE, bo,
				   DRM_NPU_BO_ACCESS_WRITE, &copied));
	EXPECT_EQ(0, npu_wait_binary(fd, copied));
	EXPECT_EQ(4713, mem[SIZE / 4 - 1]);

	/* the exporter's file goes first */
	munmap(mem, SIZE);
	close(fd);
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x10000, VA + SIZE - 4, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4713, *(uint32_t *)((uint8_t *)ctx->mem + 0x10000));
}

/*
 * A job that has not ended is waited for by all who look at the dma-buf: poll(), and jobs that take
 * its fences from there. The memory of the context's own is good for that, whoever made it.
 */
static void fences_of(struct __test_metadata *_metadata, struct npu_ctx *ctx, uint32_t bo, int dmabuf)
{
	uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA);
	uint32_t queue, writer, before, reader;

	EXPECT_TRUE(ready(dmabuf, 0));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 60000, &queue));
	*(uint32_t *)(ctx->mem + 0x20000) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(NPU_TEST_VA + 0x20000, 0, 1);
	npu_ctx_packets(ctx)[1] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 4711, 4);
	data[0] = 0;
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, queue, NPU_TEST_VA, 1, &writer));
	ASSERT_EQ(0, put_fence(ctx->fd, writer, dmabuf));
	EXPECT_FALSE(ready(dmabuf, 0));
	ASSERT_EQ(0, take_fence(ctx->fd, dmabuf, &before));
	EXPECT_EQ(-EBUSY, npu_syncobj_status(ctx->fd, before));
	ASSERT_EQ(0, submit_after(ctx->fd, ctx->queue, NPU_TEST_VA + NPU_PACKET_SIZE, before, &reader));
	EXPECT_FALSE(ready(dmabuf, 100));
	EXPECT_EQ(-EBUSY, npu_syncobj_status(ctx->fd, reader));
	EXPECT_EQ(0, data[0]);

	/* the end of the first is the beginning of the second, whichever way it ended */
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	EXPECT_TRUE(ready(dmabuf, NPU_TEST_WAIT_NS / 1000000));
	EXPECT_EQ(0, npu_wait_binary(ctx->fd, reader));
	EXPECT_EQ(4711, data[0]);
	EXPECT_EQ(-ECANCELED, npu_syncobj_status(ctx->fd, writer));
}

/* Jobs that say what they use are ordered by it, and seen by others who have the dma-buf. */
static void implicit(struct __test_metadata *_metadata, struct npu_ctx *ctx, uint32_t bo, int dmabuf)
{
	uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA);
	const uint64_t fill = NPU_TEST_VA + NPU_PACKET_SIZE;
	uint32_t queue, endless, reader, writer, third, other;

	EXPECT_TRUE(ready(dmabuf, 0));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 60000, &queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 60000, &other));
	*(uint32_t *)(ctx->mem + 0x20000) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(NPU_TEST_VA + 0x20000, 0, 1);
	npu_ctx_packets(ctx)[1] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 4711, 4);
	data[0] = 0;

	/* one that never ends reads: others may read, but who writes waits, and who reads after that too */
	ASSERT_EQ(0, submit_access(ctx->fd, queue, NPU_TEST_VA, bo, DRM_NPU_BO_ACCESS_READ, &endless));
	EXPECT_TRUE(ready(dmabuf, 0));
	ASSERT_EQ(0, submit_access(ctx->fd, ctx->queue, fill, bo, DRM_NPU_BO_ACCESS_READ, &reader));
	EXPECT_EQ(0, npu_wait_binary(ctx->fd, reader));
	EXPECT_EQ(4711, data[0]);
	data[0] = 0;
	ASSERT_EQ(0, submit_access(ctx->fd, ctx->queue, fill, bo, DRM_NPU_BO_ACCESS_WRITE, &writer));
	EXPECT_FALSE(ready(dmabuf, 100));
	ASSERT_EQ(0, submit_access(ctx->fd, other, fill, bo, DRM_NPU_BO_ACCESS_READ, &third));
	EXPECT_FALSE(ready(dmabuf, 100));
	EXPECT_EQ(-EBUSY, npu_syncobj_status(ctx->fd, writer));
	EXPECT_EQ(-EBUSY, npu_syncobj_status(ctx->fd, third));
	EXPECT_EQ(0, data[0]);

	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	EXPECT_EQ(0, npu_wait_binary(ctx->fd, third));
	EXPECT_EQ(0, npu_syncobj_status(ctx->fd, writer));
	EXPECT_EQ(-ECANCELED, npu_syncobj_status(ctx->fd, endless));
	EXPECT_EQ(4711, data[0]);
	EXPECT_TRUE(ready(dmabuf, NPU_TEST_WAIT_NS / 1000000));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, other));
}

/* What is to be seen of jobs and a dma-buf, whichever side that is from. */
typedef void check_fn(struct __test_metadata *_metadata, struct npu_ctx *ctx, uint32_t bo, int dmabuf);

static void of_exported(struct __test_metadata *_metadata, struct npu_ctx *ctx, check_fn *check)
{
	int dmabuf;

	ASSERT_EQ(0, drmPrimeHandleToFD(ctx->fd, ctx->bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	check(_metadata, ctx, ctx->bo, dmabuf);
	close(dmabuf);
}

static void of_imported(struct __test_metadata *_metadata, struct npu_ctx *ctx, check_fn *check)
{
	void *mem = NULL;
	uint32_t handle;
	int dmabuf = udmabuf_create(SIZE, &mem);

	if (dmabuf == -ENOENT)
		SKIP(return, "this kernel has no udmabuf");
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, dmabuf, &handle));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, 0));
	check(_metadata, ctx, handle, dmabuf);
	close(dmabuf);
	munmap(mem, SIZE);
}

TEST_F(share, implicit_exported)
{
	of_exported(_metadata, &self->ctx, implicit);
}

TEST_F(share, implicit_imported)
{
	of_imported(_metadata, &self->ctx, implicit);
}

TEST_F(share, implicit_bad)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_bo_create private = { .size = SIZE, .vm_id = ctx->vm };
	struct drm_npu_bo_userptr userptr = { .size = 4096 };
	struct drm_npu_bo_access twice[2] = {
		{ .handle = ctx->bo },
		{ .handle = ctx->bo, .flags = DRM_NPU_BO_ACCESS_WRITE },
	};
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.accesses = DRM_NPU_OBJ_ARRAY(2, twice),
	};
	uint32_t job;
	void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	userptr.addr = (uintptr_t)mem;
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_CREATE, &private));
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_USERPTR, &userptr));
	EXPECT_EQ(-ENOENT, submit_access(ctx->fd, ctx->queue, NPU_TEST_VA, 4711, 0, &job));
	EXPECT_EQ(-EINVAL, submit_access(ctx->fd, ctx->queue, NPU_TEST_VA, ctx->bo, 2, &job));
	EXPECT_EQ(-EINVAL, submit_access(ctx->fd, ctx->queue, NPU_TEST_VA, private.handle, 0, &job));
	EXPECT_EQ(-EINVAL, submit_access(ctx->fd, ctx->queue, NPU_TEST_VA, userptr.handle, 0, &job));
	EXPECT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	req.accesses.count = 257;
	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	req.accesses.count = 2;
	req.accesses.array = 8;
	EXPECT_EQ(-EFAULT, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	munmap(mem, 4096);
}

TEST_F(share, fences_of_exported)
{
	of_exported(_metadata, &self->ctx, fences_of);
}

TEST_F(share, fences_of_imported)
{
	of_imported(_metadata, &self->ctx, fences_of);
}

TEST_F(share, import_bad)
{
	uint32_t handle;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	/* no dma-buf */
	EXPECT_NE(0, drmPrimeFDToHandle(self->ctx.fd, fd, &handle));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
	EXPECT_NE(0, drmPrimeFDToHandle(self->ctx.fd, 4711, &handle));
	EXPECT_EQ(EBADF, errno);
}

/* ---- memory of a process --------------------------------------------------------------------- */

static int userptr_create(int fd, void *addr, uint64_t size, uint32_t flags, uint32_t *ret_handle)
{
	struct drm_npu_bo_userptr req = {
		.addr = (uintptr_t)addr,
		.size = size,
		.flags = flags,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_BO_USERPTR, &req);

	*ret_handle = req.handle;
	return ret;
}

/* VmPin of this process, bytes. */
static long pinned(void)
{
	char line[128];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %ld kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

static void *anonymous(uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST_F(share, userptr)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_bo_query_info info;
	uint32_t *mem = anonymous(SIZE), handle;
	long before = pinned();
	int dmabuf;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, userptr_create(ctx->fd, mem, SIZE, 0, &handle));
	EXPECT_EQ(before + (long)SIZE, pinned());
	ASSERT_EQ(0, query_info(ctx->fd, handle, &info));
	EXPECT_EQ(DRM_NPU_BO_KIND_USERPTR, info.kind);
	EXPECT_EQ(SIZE, info.resident);
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, 0));
	mem[0] = 4711;
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(VA + SIZE - 4, VA, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, mem[SIZE / 4 - 1]);

	/* the process's own mapping is the mapping */
	EXPECT_EQ(MAP_FAILED, npu_bo_mmap(ctx->fd, handle, SIZE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_NE(0, drmPrimeHandleToFD(ctx->fd, handle, DRM_CLOEXEC, &dmabuf));
	EXPECT_EQ(EACCES, errno);

	/* which may go: the pages stay until the BO does */
	munmap(mem, SIZE);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(before + (long)SIZE, pinned());
	ASSERT_EQ(0, drmCloseBufferHandle(ctx->fd, handle));
	EXPECT_EQ(before + (long)SIZE, pinned());
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, VA, SIZE));
	EXPECT_EQ(before, pinned());
}

TEST_F(share, userptr_readonly)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t *mem = anonymous(SIZE), *out = (uint32_t *)((uint8_t *)ctx->mem + 0x10000), handle;

	ASSERT_NE(MAP_FAILED, mem);
	mem[1] = 4711;
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, userptr_create(ctx->fd, mem, SIZE, 0, &handle));
	EXPECT_EQ(0, handle);
	EXPECT_EQ(0, pinned());
	ASSERT_EQ(0, userptr_create(ctx->fd, mem, SIZE, DRM_NPU_BO_USERPTR_READONLY, &handle));
	EXPECT_EQ(-EACCES, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, 0));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, DRM_NPU_VM_BIND_READONLY));
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(NPU_TEST_VA + 0x10000, VA + 4, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, out[0]);
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(VA, 1, 4);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	munmap(mem, SIZE);
}

TEST_F(share, userptr_bad)
{
	struct npu_ctx *ctx = &self->ctx;
	uint8_t *mem = anonymous(SIZE);
	uint32_t handle;
	int bit;

	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, mem + 1, 4096, 0, &handle));
	EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, mem, 4097, 0, &handle));
	EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, mem, 0, 0, &handle));
	EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, mem, ~0xfffull, 0, &handle));
	EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, (void *)~0xfffull, 0x2000, 0, &handle));
	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, userptr_create(ctx->fd, mem, 4096, 1u << bit, &handle));
	/* nothing there, at the start and behind */
	EXPECT_EQ(-EFAULT, userptr_create(ctx->fd, (void *)0x1000, 0x1000, 0, &handle));
	ASSERT_EQ(0, munmap(mem + SIZE / 2, SIZE / 2));
	EXPECT_EQ(-EFAULT, userptr_create(ctx->fd, mem, SIZE, 0, &handle));
	/* kernel memory */
	EXPECT_EQ(-EFAULT,
		  userptr_create(ctx->fd, (void *)0xffff888000000000ull, 0x1000, 0, &handle));
	/* a BO's mapping, whose pages the kernel does not give away */
	EXPECT_EQ(-EFAULT, userptr_create(ctx->fd, ctx->mem, 0x1000, 0, &handle));
	EXPECT_EQ(0, pinned());
}

static int pin_too_much(void *arg)
{
	const int fd = *(const int *)arg;
	const struct rlimit limit = { SIZE / 2, SIZE / 2 };
	void *mem = anonymous(SIZE);
	uint32_t handle;

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return 1;
	if (userptr_create(fd, mem, SIZE, 0, &handle) != -EPERM || pinned())
		return 2;
	if (userptr_create(fd, mem, SIZE / 2, 0, &handle) || pinned() != SIZE / 2)
		return 3;
	if (userptr_create(fd, mem, 4096, 0, &handle) != -EPERM)
		return 4;
	if (drmCloseBufferHandle(fd, handle) != -EINVAL && pinned() != SIZE / 2)
		return 5;
	return 0;
}

TEST_F(share, userptr_memlock)
{
	EXPECT_EQ(0, npu_as_user(pin_too_much, &self->ctx.fd));
}

/* What a child does with its copy is not the device's business. */
TEST_F(share, userptr_and_fork)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t *mem = anonymous(SIZE), handle;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, userptr_create(ctx->fd, mem, SIZE, 0, &handle));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, handle, 0, VA, SIZE, 0));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		memset(mem, 0xff, SIZE);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	mem[0] = 4711; /* not a copy, though it was shared for a while */
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(VA + 4, VA, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(4711, mem[1]);
	munmap(mem, SIZE);
}

TEST_HARNESS_MAIN
