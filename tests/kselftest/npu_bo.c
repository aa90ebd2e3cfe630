// SPDX-License-Identifier: MIT
/* BO_CREATE, BO_MMAP_OFFSET, BO_QUERY_INFO and BO_SET_LABEL. */
#include "npu_test.h"

FIXTURE(bo)
{
	int fd;
};

FIXTURE_SETUP(bo)
{
	self->fd = npu_test_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
}

TEST_F(bo, create_rounds_up_and_zeroes)
{
	struct drm_npu_bo_create req = { .size = 5000 };
	uint8_t *mem;
	size_t i;

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	EXPECT_EQ(8192, req.size);
	EXPECT_NE(0, req.handle);
	mem = npu_bo_mmap(self->fd, req.handle, req.size);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < req.size; i++)
		ASSERT_EQ(0, mem[i]);
	memset(mem, 0x5a, req.size);
	EXPECT_EQ(0x5a, mem[8191]);
	munmap(mem, req.size);
}

/* Memory that was somebody's and is handed out again holds nothing of theirs. */
TEST_F(bo, no_leftovers)
{
	int round, dirty = 0;

	for (round = 0; round < 8; round++) {
		uint32_t handle;
		uint64_t *mem;
		size_t i;

		ASSERT_EQ(0, npu_bo_create(self->fd, NPU_TEST_SIZE, &handle));
		mem = npu_bo_mmap(self->fd, handle, NPU_TEST_SIZE);
		ASSERT_NE(MAP_FAILED, mem);
		for (i = 0; i < NPU_TEST_SIZE / 8; i++)
			dirty |= mem[i] != 0;
		memset(mem, 0xff, NPU_TEST_SIZE);
		munmap(mem, NPU_TEST_SIZE);
		ASSERT_EQ(0, drmCloseBufferHandle(self->fd, handle));
	}
	EXPECT_EQ(0, dirty);
}

TEST_F(bo, zero_size)
{
	struct drm_npu_bo_create req = { .size = 0 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
}

TEST_F(bo, size_overflow)
{
	struct drm_npu_bo_create req = { .size = UINT64_MAX };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	req = (struct drm_npu_bo_create){ .size = UINT64_MAX - 4095 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	/* the highest bits alone must not get lost */
	req = (struct drm_npu_bo_create){ .size = (1ull << 32) << 31 | 4096 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	/* a size that is allowed, but more than the machine has; it may have that much */
	req = (struct drm_npu_bo_create){ .size = 256ull << 30 };
	if (sysconf(_SC_PHYS_PAGES) < (256ll << 30) / 4096)
		EXPECT_EQ(-ENOMEM, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	EXPECT_EQ(0, req.handle);
}

TEST_F(bo, unknown_flag)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		struct drm_npu_bo_create req = { .size = 4096, .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	}
}

TEST_F(bo, create_bad)
{
	struct drm_npu_bo_create req = { .size = 4096, .pad = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	req = (struct drm_npu_bo_create){ .size = 4096, .vm_id = 4711 };
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	EXPECT_EQ(0, req.handle);
}

/* How fast it is cannot be seen from here; that it is memory, and zeroed, can. */
TEST_F(bo, write_combined)
{
	struct drm_npu_bo_create req = { .size = 8192, .flags = DRM_NPU_BO_WC };
	uint8_t *mem;
	int i, wrong = 0;

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	mem = npu_bo_mmap(self->fd, req.handle, req.size);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < 8192; i++)
		wrong += mem[i] != 0;
	EXPECT_EQ(0, wrong);
	memset(mem, 0x5a, 8192);
	for (i = 0; i < 8192; i++)
		wrong += mem[i] != 0x5a;
	EXPECT_EQ(0, wrong);
	munmap(mem, 8192);
}

/* The device sees what was written through such a mapping, and the other way round. */
TEST_F(bo, write_combined_on_the_device)
{
	struct drm_npu_bo_create req = { .size = NPU_TEST_SIZE, .flags = DRM_NPU_BO_WC };
	struct npu_ctx ctx;
	uint32_t *mem;

	ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
	ASSERT_EQ(0, npu_ioctl(ctx.fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	mem = npu_bo_mmap(ctx.fd, req.handle, req.size);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, npu_map(ctx.fd, ctx.vm, req.handle, 0, 2 * NPU_TEST_VA, req.size, 0));
	mem[0] = 4711;
	npu_ctx_packets(&ctx)[0] = npu_pkt_copy(2 * NPU_TEST_VA + 0x10000, 2 * NPU_TEST_VA, 4);
	ASSERT_EQ(0, npu_ctx_run(&ctx, 1));
	EXPECT_EQ(4711, mem[0x4000]);
	munmap(mem, req.size);
	npu_ctx_exit(&ctx);
}

/* A BO of one VM: no other VM, and nobody else. */
TEST_F(bo, private_to_a_vm)
{
	struct drm_npu_bo_create req = { .size = 4096 };
	uint32_t vm, other;
	int dmabuf;

	ASSERT_EQ(0, npu_vm_create(self->fd, &vm));
	ASSERT_EQ(0, npu_vm_create(self->fd, &other));
	req.vm_id = vm;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	EXPECT_EQ(-EACCES, npu_map(self->fd, other, req.handle, 0, NPU_TEST_VA, 4096, 0));
	EXPECT_EQ(0, npu_map(self->fd, vm, req.handle, 0, NPU_TEST_VA, 4096, 0));
	errno = 0;
	EXPECT_NE(0, drmPrimeHandleToFD(self->fd, req.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	EXPECT_EQ(EACCES, errno);
	/* and it may outlive its VM */
	ASSERT_EQ(0, npu_vm_destroy(self->fd, vm));
	EXPECT_EQ(-EACCES, npu_map(self->fd, other, req.handle, 0, NPU_TEST_VA, 4096, 0));
	EXPECT_EQ(0, drmCloseBufferHandle(self->fd, req.handle));
}

TEST_F(bo, query_info)
{
	struct drm_npu_bo_query_info info = {};
	struct drm_npu_bo_create req = { .size = 5000, .flags = DRM_NPU_BO_WC };
	uint32_t vm;

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &req));
	info.handle = req.handle;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(DRM_NPU_BO_WC, info.flags);
	EXPECT_EQ(8192, info.size);
	EXPECT_EQ(0, info.resident);
	EXPECT_EQ(DRM_NPU_BO_KIND_SHMEM, info.kind);
	EXPECT_EQ(DRM_NPU_BO_NEEDED, info.state);
	EXPECT_EQ(0, info.label_size);
	ASSERT_EQ(0, npu_vm_create(self->fd, &vm));
	ASSERT_EQ(0, npu_map(self->fd, vm, req.handle, 0, NPU_TEST_VA, 4096, 0));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(8192, info.resident);
}

TEST_F(bo, query_info_bad)
{
	struct drm_npu_bo_query_info info = { .handle = 4711 };
	uint32_t handle;

	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	info = (struct drm_npu_bo_query_info){ .handle = handle, .pad = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
}

static int set_label(int fd, uint32_t handle, const char *label)
{
	struct drm_npu_bo_set_label req = { .handle = handle, .label = (uintptr_t)label };

	return npu_ioctl(fd, DRM_IOCTL_NPU_BO_SET_LABEL, &req);
}

TEST_F(bo, label)
{
	char text[DRM_NPU_BO_LABEL_MAX] = {};
	struct drm_npu_bo_query_info info = {
		.label = (uintptr_t)text,
		.label_size = sizeof(text),
	};

	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &info.handle));
	ASSERT_EQ(0, set_label(self->fd, info.handle, "weights"));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(8, info.label_size);
	EXPECT_STREQ("weights", text);
	/* too little room: the start of it, and how much there is */
	memset(text, 'x', sizeof(text));
	info.label_size = 3;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(8, info.label_size);
	EXPECT_EQ(0, memcmp(text, "weix", 4));
	/* another, and none */
	ASSERT_EQ(0, set_label(self->fd, info.handle, "x"));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(2, info.label_size);
	ASSERT_EQ(0, set_label(self->fd, info.handle, ""));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(0, info.label_size);
	ASSERT_EQ(0, set_label(self->fd, info.handle, "y"));
	ASSERT_EQ(0, set_label(self->fd, info.handle, NULL));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
	EXPECT_EQ(0, info.label_size);
}

TEST_F(bo, label_bad)
{
	struct drm_npu_bo_query_info info = { .label = 0x1000, .label_size = 16 };
	struct drm_npu_bo_set_label req = {};
	char text[DRM_NPU_BO_LABEL_MAX + 1];

	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &req.handle));
	memset(text, 'a', sizeof(text));
	text[DRM_NPU_BO_LABEL_MAX] = 0;
	EXPECT_EQ(-E2BIG, set_label(self->fd, req.handle, text));
	text[DRM_NPU_BO_LABEL_MAX - 1] = 0;
	EXPECT_EQ(0, set_label(self->fd, req.handle, text));
	EXPECT_EQ(-EFAULT, set_label(self->fd, req.handle, (char *)0x1000));
	EXPECT_EQ(-ENOENT, set_label(self->fd, 4711, "a"));
	req.pad = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_SET_LABEL, &req));
	info.handle = req.handle;
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_QUERY_INFO, &info));
}

TEST_F(bo, mmap_offset_bad)
{
	struct drm_npu_bo_mmap_offset req = { .handle = 4711 };
	uint32_t handle;

	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req));
	req = (struct drm_npu_bo_mmap_offset){ .handle = 0 };
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req));
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	req = (struct drm_npu_bo_mmap_offset){ .handle = handle, .pad = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req));
}

/* An offset is worth nothing in a file that has no handle to the BO. */
TEST_F(bo, mmap_of_another_file)
{
	struct drm_npu_bo_mmap_offset req = {};
	int other = npu_test_open();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &req.handle));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, req.offset));
	EXPECT_EQ(EACCES, errno);
	close(other);
}

TEST_F(bo, mmap_past_end)
{
	struct drm_npu_bo_mmap_offset req = {};

	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &req.handle));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, req.offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, req.offset));
	EXPECT_EQ(EINVAL, errno);
}

/* A dma-buf is how another file gets at a BO: the same memory, under a handle of its own. */
TEST_F(bo, dma_buf_between_files)
{
	int other = npu_test_open(), dmabuf;
	uint32_t handle, imported, vm;
	uint8_t *mine, *theirs;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	ASSERT_EQ(0, drmPrimeFDToHandle(other, dmabuf, &imported));
	close(dmabuf);
	mine = npu_bo_mmap(self->fd, handle, 4096);
	ASSERT_NE(MAP_FAILED, mine);
	ASSERT_EQ(0, drmCloseBufferHandle(self->fd, handle));
	theirs = npu_bo_mmap(other, imported, 4096);
	ASSERT_NE(MAP_FAILED, theirs);
	mine[17] = 42;
	EXPECT_EQ(42, theirs[17]);
	ASSERT_EQ(0, npu_vm_create(other, &vm));
	EXPECT_EQ(0, npu_map(other, vm, imported, 0, NPU_TEST_VA, 4096, 0));
	munmap(mine, 4096);
	munmap(theirs, 4096);
	close(other);
}

TEST_F(bo, mapping_outlives_handle_and_file)
{
	uint32_t handle;
	uint8_t *mem;
	int fd = npu_test_open();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_bo_create(fd, 4096, &handle));
	mem = npu_bo_mmap(fd, handle, 4096);
	ASSERT_NE(MAP_FAILED, mem);
	mem[0] = 1;
	ASSERT_EQ(0, drmCloseBufferHandle(fd, handle));
	close(fd);
	mem[1] = 2;
	EXPECT_EQ(1, mem[0]);
	EXPECT_EQ(2, mem[1]);
	munmap(mem, 4096);
}

TEST_HARNESS_MAIN
