// SPDX-License-Identifier: MIT
/*
 * The driver is unbound while a program uses the device: its jobs end with an
 * error, its ioctls say so, its memory stays, and the device works again after
 * it was bound.
 */
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <linux/udmabuf.h>

#include "npu_gone.h"

#define DRIVER "/sys/bus/pci/drivers/npu/"

FIXTURE(unbind)
{
	struct npu_ctx ctx;
	uint32_t perfmon;
	char pci[64]; /* bus address of the device */
};

/* Writes text to a file of the driver in sysfs. */
static int driver_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DRIVER "%s", file);
	return npu_write_file(path, text);
}

FIXTURE_SETUP(unbind)
{
	if (geteuid())
		SKIP(return, "only root may unbind a driver");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, npu_gone_perfmon(&self->ctx, &self->perfmon));
	ASSERT_EQ(0, npu_test_pci(self->ctx.fd, self->pci, sizeof(self->pci)));
}

FIXTURE_TEARDOWN(unbind)
{
	npu_ctx_exit(&self->ctx);
	/* whatever failed, the tests that follow need the device; EBUSY: it is bound */
	driver_write("bind", self->pci);
}

TEST_F(unbind, while_a_kernel_runs)
{
	struct npu_ctx *ctx = &self->ctx, again;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct sync_fence_info fence = {};
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&fence };
	uint32_t job;
	int file;

	*(uint32_t *)(ctx->mem + NPU_TEST_DATA) = NPU_INSN_SELF;
	pkt[0] = npu_pkt_dispatch(NPU_TEST_VA + NPU_TEST_DATA, 0, 8);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &job));
	/* what a syncobj holds cannot be asked for later, a sync file can */
	ASSERT_EQ(0, drmSyncobjExportSyncFile(ctx->fd, job, &file));

	ASSERT_EQ(0, driver_write("unbind", self->pci));

	/* unbinding has ended the job: no need to wait for it */
	ASSERT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ENODEV, info.status);
	EXPECT_EQ(-ENODEV, fence.status);
	npu_expect_gone(_metadata, ctx, self->perfmon, false);
	EXPECT_EQ(-ENODEV, npu_test_open());

	/* the mapping stays, old pages and those never touched before */
	EXPECT_EQ(NPU_INSN_SELF, *(uint32_t *)(ctx->mem + NPU_TEST_DATA));
	memset(ctx->mem, 0x5a, NPU_TEST_SIZE);
	EXPECT_EQ(0x5a, ctx->mem[NPU_TEST_SIZE - 1]);

	/* the device serves others while the old file, mapping and fence are still there */
	ASSERT_EQ(0, driver_write("bind", self->pci));
	ASSERT_EQ(0, npu_ctx_init(&again, 0));
	npu_ctx_packets(&again)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 7, 4);
	EXPECT_EQ(0, npu_ctx_run(&again, 1));
	EXPECT_EQ(7, *(uint32_t *)(again.mem + NPU_TEST_DATA));
	npu_expect_gone(_metadata, ctx, self->perfmon, false);
	npu_ctx_exit(&again);

	/* a fence may outlive its file and its device */
	npu_ctx_exit(ctx);
	*ctx = (struct npu_ctx){ .fd = -1 };
	ASSERT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ENODEV, info.status);
	EXPECT_NE(0, fence.driver_name[0]);
	close(file);
}

/* Memory that is somebody else's, or a bind's that has not run: all of it is let go, and in time. */
TEST_F(unbind, with_all_kinds_of_memory)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_bo_userptr userptr = { .size = NPU_TEST_SIZE };
	struct drm_npu_bo_madvise madvise = { .handle = ctx->bo, .advice = DRM_NPU_BO_DONTNEED };
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = NPU_TEST_SIZE };
	struct drm_npu_sync_op syncs[2] = { {}, { .flags = DRM_NPU_SYNC_OP_SIGNAL } };
	struct drm_npu_vm_bind_op op = { .va = 6 * NPU_TEST_VA, .size = NPU_TEST_SIZE };
	struct drm_npu_vm_bind bind = {
		.vm_id = ctx->vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.ops = DRM_NPU_OBJ_ARRAY(1, &op),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};
	struct sync_fence_info fence = {};
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&fence };
	int memfd = memfd_create("npu", MFD_CLOEXEC | MFD_ALLOW_SEALING), dmabuf = -1, file;
	int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	uint32_t imported, private_vm, *mem;
	struct pollfd poller = { .events = POLLIN };

	mem = mmap(NULL, NPU_TEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	userptr.addr = (uintptr_t)mem;
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_USERPTR, &userptr));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, userptr.handle, 0, 4 * NPU_TEST_VA, NPU_TEST_SIZE, 0));
	if (udmabuf >= 0) {
		ASSERT_EQ(0, ftruncate(memfd, NPU_TEST_SIZE));
		ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
		create.memfd = memfd;
		dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &create);
		ASSERT_GE(dmabuf, 0);
		ASSERT_EQ(0, drmPrimeFDToHandle(ctx->fd, dmabuf, &imported));
		ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, imported, 0, 5 * NPU_TEST_VA, NPU_TEST_SIZE, 0));
	}
	ASSERT_EQ(0, npu_vm_create(ctx->fd, &private_vm));
	ASSERT_EQ(0, npu_vm_bind(ctx->fd, private_vm,
				 &(struct drm_npu_vm_bind_op){
					 .flags = (uint32_t)DRM_NPU_VM_BIND_SPARSE,
					 .va = NPU_TEST_VA,
					 .size = 1ull << 40,
				 },
				 1));

	/* a job that never ends, and a bind that waits for it */
	*(uint32_t *)(ctx->mem + NPU_TEST_DATA) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(NPU_TEST_VA + NPU_TEST_DATA, 0, 8);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &syncs[0].handle));
	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &syncs[1].handle));
	op.bo_handle = userptr.handle;
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &bind));
	ASSERT_EQ(0, drmSyncobjExportSyncFile(ctx->fd, syncs[1].handle, &file));
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_MADVISE, &madvise));

	ASSERT_EQ(0, driver_write("unbind", self->pci));

	poller.fd = file;
	ASSERT_EQ(1, poll(&poller, 1, NPU_TEST_WAIT_NS / 1000000));
	ASSERT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ENODEV, info.status);
	npu_expect_gone(_metadata, ctx, self->perfmon, false);
	memset(mem, 0x5a, NPU_TEST_SIZE);
	ASSERT_EQ(0, driver_write("bind", self->pci));
	/* handles, bindings and pins go with the file, the device long gone */
	npu_ctx_exit(ctx);
	*ctx = (struct npu_ctx){ .fd = -1 };
	munmap(mem, NPU_TEST_SIZE);
	close(file);
	close(dmabuf);
	close(memfd);
	close(udmabuf);
	ASSERT_EQ(0, npu_ctx_init(ctx, 0));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 7, 4);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
}

/* Nor may a program put removal off by having so many binds pending that one more has to wait. */
TEST_F(unbind, while_a_bind_waits_for_room)
{
	enum { ROOM = 1024 };
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op wait = {};
	struct drm_npu_vm_bind bind = {
		.vm_id = ctx->vm,
		.flags = DRM_NPU_VM_BIND_ASYNC,
		.syncs = DRM_NPU_OBJ_ARRAY(1, &wait),
	};
	struct sync_fence_info fence = {};
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&fence };
	char path[64], state = 0;
	uint32_t queue;
	int file, status;
	FILE *stat;
	pid_t pid;

	/* longer than this test may take */
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 60000, &queue));
	*(uint32_t *)(ctx->mem + NPU_TEST_DATA) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(NPU_TEST_VA + NPU_TEST_DATA, 0, 8);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, queue, NPU_TEST_VA, 1, &wait.handle));
	ASSERT_EQ(0, drmSyncobjExportSyncFile(ctx->fd, wait.handle, &file));
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &bind));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_BIND, &bind));
	/* nothing that it does before that sleeps so that it can be interrupted */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		stat = fopen(path, "re");
		ASSERT_NE(NULL, stat);
		ASSERT_EQ(1, fscanf(stat, "%*d (%*[^)]) %c", &state));
		fclose(stat);
		ASSERT_NE('Z', state);
	}

	ASSERT_EQ(0, driver_write("unbind", self->pci));

	/* it was not the end of its time that ended the job */
	ASSERT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ENODEV, info.status);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENODEV, WEXITSTATUS(status));
	close(file);
}

TEST_HARNESS_MAIN
