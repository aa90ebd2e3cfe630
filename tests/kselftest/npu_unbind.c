// SPDX-License-Identifier: MIT
/*
 * The driver is unbound while a program uses the device: its jobs end with an
 * error, its ioctls say so, its memory stays, and the device works again after
 * it was bound.
 */
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "npu_test.h"

#define DRIVER "/sys/bus/pci/drivers/npu/"

FIXTURE(unbind)
{
	struct npu_ctx ctx;
	char pci[64]; /* bus address of the device */
};

/* Writes text to a file of the driver in sysfs. */
static int driver_write(const char *file, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), DRIVER "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

FIXTURE_SETUP(unbind)
{
	char link[64], path[PATH_MAX];
	struct stat st;

	if (geteuid())
		SKIP(return, "only root may unbind a driver");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, fstat(self->ctx.fd, &st));
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	ASSERT_NE(NULL, realpath(link, path));
	snprintf(self->pci, sizeof(self->pci), "%s", strrchr(path, '/') + 1);
}

FIXTURE_TEARDOWN(unbind)
{
	npu_ctx_exit(&self->ctx);
	/* whatever failed, the tests that follow need the device; EBUSY: it is bound */
	driver_write("bind", self->pci);
}

/* Every ioctl, with what would be good arguments, fails like this. */
static void expect_gone(struct __test_metadata *_metadata, struct npu_ctx *ctx)
{
	struct drm_npu_dev_query query = {};
	struct drm_npu_vm_get_state vm_state = { .vm_id = ctx->vm };
	struct drm_npu_bo_mmap_offset offset = { .handle = ctx->bo };
	struct drm_npu_queue_get_state state;
	uint32_t id;

	EXPECT_EQ(-ENODEV, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_DEV_QUERY, &query));
	EXPECT_EQ(-ENODEV, npu_vm_create(ctx->fd, &id));
	EXPECT_EQ(-ENODEV, npu_vm_destroy(ctx->fd, ctx->vm));
	EXPECT_EQ(-ENODEV, npu_map(ctx->fd, ctx->vm, ctx->bo, 0, NPU_TEST_VA, 0x1000, 0));
	EXPECT_EQ(-ENODEV, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_VM_GET_STATE, &vm_state));
	EXPECT_EQ(-ENODEV, npu_bo_create(ctx->fd, 4096, &id));
	EXPECT_EQ(-ENODEV, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &offset));
	EXPECT_EQ(-ENODEV, npu_queue_create(ctx->fd, ctx->vm, 0, &id));
	EXPECT_EQ(-ENODEV, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(-ENODEV, npu_ctx_submit(ctx, 1));
	EXPECT_EQ(-ENODEV, npu_queue_destroy(ctx->fd, ctx->queue));
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
	expect_gone(_metadata, ctx);
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
	expect_gone(_metadata, ctx);
	npu_ctx_exit(&again);

	/* a fence may outlive its file and its device */
	npu_ctx_exit(ctx);
	*ctx = (struct npu_ctx){ .fd = -1 };
	ASSERT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ENODEV, info.status);
	EXPECT_NE(0, fence.driver_name[0]);
	close(file);
}

TEST_HARNESS_MAIN
