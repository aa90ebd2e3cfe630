// SPDX-License-Identifier: MIT
/* DEV_QUERY, and how the device answers what is no ioctl of it. */
#include "npu_test.h"

FIXTURE(query)
{
	int fd;
};

FIXTURE_SETUP(query)
{
	self->fd = npu_test_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(query)
{
	close(self->fd);
}

TEST_F(query, device_info)
{
	struct drm_npu_device_info info = {};
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(info),
		.pointer = (uintptr_t)&info,
	};

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
	EXPECT_EQ(sizeof(info), req.size);
	EXPECT_EQ(NPU_HW_VERSION_MAJOR, info.hw_version >> 16);
	EXPECT_GE(info.chiplets, 1);
	EXPECT_GE(info.tiles_per_chiplet, 1);
	EXPECT_GE(info.sram_size, 64 * 1024);
	EXPECT_NE(0, info.clock_khz);
	EXPECT_GE(info.max_queues, 1);
	EXPECT_LE(info.max_queues, NPU_MAX_QUEUES);
	EXPECT_NE(0, info.features & NPU_FEATURE_MATRIX_INT8);
	EXPECT_EQ(NPU_VA_MIN, info.va_start);
	EXPECT_EQ(NPU_VA_MAX, info.va_end);
	EXPECT_EQ(4096, info.page_size);
	EXPECT_GE(info.max_cmdbufs, 1);
	EXPECT_GE(info.max_packets, 1);
	EXPECT_LE(info.max_packets, NPU_CB_MAX_PACKETS);
	EXPECT_GE(info.max_syncs, 1);
	EXPECT_GE(info.max_bind_ops, 1);
	EXPECT_EQ(NPU_COUNTER_COUNT, info.counter_count);
	EXPECT_EQ(NPU_COUNTER_TABLE_VERSION, info.counter_version);
	EXPECT_NE(0, info.default_timeout_ms);
	EXPECT_GE(info.max_timeout_ms, info.default_timeout_ms);
	EXPECT_GE(info.max_job_ms, info.max_timeout_ms);
}

TEST_F(query, fw_info)
{
	struct drm_npu_fw_info info = {};
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_FW_INFO,
		.size = sizeof(info),
		.pointer = (uintptr_t)&info,
	};
	uint8_t none[20] = {};

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
	EXPECT_EQ(1, info.abi_major);
	EXPECT_NE(0, memcmp(info.build_id, none, sizeof(none)));
	EXPECT_NE(NULL, memchr(info.version, 0, sizeof(info.version)));
	EXPECT_NE(0, info.version[0]);
}

TEST_F(query, size_only)
{
	struct drm_npu_dev_query req = { .type = DRM_NPU_DEV_QUERY_DEVICE_INFO };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
	EXPECT_EQ(sizeof(struct drm_npu_device_info), req.size);
}

/* A program built against an older, shorter struct gets just that; not a byte more is written. */
TEST_F(query, short_struct)
{
	uint32_t info[3] = { 0, 0, 0xdeadbeef };
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = 8,
		.pointer = (uintptr_t)info,
	};

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
	EXPECT_EQ(8, req.size);
	EXPECT_NE(0, info[0]);
	EXPECT_NE(0, info[1]);
	EXPECT_EQ(0xdeadbeef, info[2]);
}

/* A program built against a newer, longer struct learns how much this kernel knows. */
TEST_F(query, long_struct)
{
	uint8_t buf[sizeof(struct drm_npu_device_info) + 64];
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(buf),
		.pointer = (uintptr_t)buf,
	};

	memset(buf, 0xaa, sizeof(buf));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
	EXPECT_EQ(sizeof(struct drm_npu_device_info), req.size);
	EXPECT_EQ(0xaa, buf[sizeof(struct drm_npu_device_info)]);
}

TEST_F(query, unknown_type)
{
	struct drm_npu_dev_query req = { .type = 0x7fff };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
}

TEST_F(query, bad_pointer)
{
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(struct drm_npu_device_info),
		.pointer = 0x1000,
	};

	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_DEV_QUERY, &req));
}

TEST_F(query, unknown_ioctl)
{
	char arg[64] = {};

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOWR(DRM_COMMAND_BASE + 0x5f, arg), arg));
}

TEST_F(query, driver_version)
{
	drmVersionPtr version = drmGetVersion(self->fd);

	ASSERT_NE(NULL, version);
	EXPECT_STREQ("npu", version->name);
	EXPECT_EQ(DRM_NPU_DRIVER_MAJOR, version->version_major);
	EXPECT_GE(version->version_minor, DRM_NPU_DRIVER_MINOR);
	drmFreeVersion(version);
}

TEST_HARNESS_MAIN
