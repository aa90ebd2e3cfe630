// SPDX-License-Identifier: MIT
/* QUEUE_CREATE, QUEUE_DESTROY and QUEUE_GET_STATE. */
#include "npu_test.h"

FIXTURE(queue)
{
	int fd;
	uint32_t vm;
};

FIXTURE_SETUP(queue)
{
	self->fd = npu_test_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, npu_vm_create(self->fd, &self->vm));
}

FIXTURE_TEARDOWN(queue)
{
	close(self->fd);
}

static uint32_t device_info(int fd, size_t offset)
{
	struct drm_npu_device_info info = {};
	uint32_t value = 0;

	if (!npu_device_info(fd, &info))
		memcpy(&value, (char *)&info + offset, sizeof(value));
	return value;
}

TEST_F(queue, create_destroy)
{
	struct drm_npu_queue_get_state state;
	uint32_t id;

	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &id));
	EXPECT_NE(0, id);
	ASSERT_EQ(0, npu_queue_state(self->fd, id, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, state.completed);
	EXPECT_EQ(NPU_JOB_OK, state.fault.error);
	EXPECT_EQ(0, npu_queue_destroy(self->fd, id));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(self->fd, id));
	EXPECT_EQ(-ENOENT, npu_queue_state(self->fd, id, &state));
}

/* A queue holds its VM: the id may go first. */
TEST_F(queue, vm_id_may_go_first)
{
	struct drm_npu_queue_get_state state;
	uint32_t id;

	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &id));
	EXPECT_EQ(0, npu_vm_destroy(self->fd, self->vm));
	EXPECT_EQ(0, npu_queue_state(self->fd, id, &state));
	EXPECT_EQ(0, npu_queue_destroy(self->fd, id));
}

TEST_F(queue, create_bad)
{
	const struct drm_npu_queue_create good = { .vm_id = self->vm };
	uint32_t max = device_info(self->fd, offsetof(struct drm_npu_device_info, max_timeout_ms));
	struct drm_npu_queue_create req;
	int bit;

	req = good;
	req.vm_id = 4711;
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req = good;
	req.vm_id = 0;
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	for (bit = 0; bit < 32; bit++) {
		req = good;
		req.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	}
	req = good;
	req.pad = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req = good;
	req.priority = DRM_NPU_QUEUE_PRIORITY_REALTIME + 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req = good;
	req.priority = 0xffffffff;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	ASSERT_NE(0, max);
	req = good;
	req.timeout_ms = max + 1;
	EXPECT_EQ(-ERANGE, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req.timeout_ms = 0xffffffff;
	EXPECT_EQ(-ERANGE, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req.timeout_ms = max;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
}

TEST_F(queue, priorities)
{
	struct drm_npu_queue_create req = { .vm_id = self->vm };

	req.priority = DRM_NPU_QUEUE_PRIORITY_LOW;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	/* as root first, then without CAP_SYS_NICE; the test's own process is thrown away */
	req.priority = DRM_NPU_QUEUE_PRIORITY_REALTIME;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	req.priority = DRM_NPU_QUEUE_PRIORITY_HIGH;
	EXPECT_EQ(-EACCES, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req.priority = DRM_NPU_QUEUE_PRIORITY_REALTIME;
	EXPECT_EQ(-EACCES, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	req.priority = DRM_NPU_QUEUE_PRIORITY_NORMAL;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
}

TEST_F(queue, destroy_bad)
{
	struct drm_npu_queue_destroy req = {};

	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &req.id));
	req.pad = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_DESTROY, &req));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(self->fd, 0));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(self->fd, 0xffffffff));
	/* who destroys 0 does not make it an id */
	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &req.id));
	EXPECT_NE(0, req.id);
}

/* Hardware queues are finite: running out is an error, and giving one back cures it. */
TEST_F(queue, exhaust)
{
	uint32_t max = device_info(self->fd, offsetof(struct drm_npu_device_info, max_queues));
	uint32_t id, last = 0, count = 0;
	int ret;

	while (!(ret = npu_queue_create(self->fd, self->vm, 0, &id))) {
		last = id;
		ASSERT_LE(++count, max);
	}
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(max, count);
	EXPECT_EQ(0, npu_queue_destroy(self->fd, last));
	EXPECT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &id));
}

TEST_F(queue, get_state_counters)
{
	struct drm_npu_queue_get_state state;
	uint64_t value[NPU_COUNTER_MAX + 1];
	uint32_t id;

	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &id));
	memset(value, 0xaa, sizeof(value));
	memset(&state, 0, sizeof(state));
	state.id = id;
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_MAX, value);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_EQ(NPU_COUNTER_COUNT, state.counters.count);
	EXPECT_EQ(0, value[NPU_COUNTER_CYCLES]);
	EXPECT_EQ(0xaaaaaaaaaaaaaaaaull, value[NPU_COUNTER_COUNT]);

	/* room for fewer: gets fewer */
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(2, value);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_EQ(2, state.counters.count);

	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(2, value);
	state.counters.stride = 4;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	state.counters = (struct drm_npu_obj_array){ .stride = 8, .count = 2, .array = 0x1000 };
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	/* room for more than there will ever be: not a byte more is written for that */
	memset(value, 0xaa, sizeof(value));
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(0xffffffff, value);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_EQ(NPU_COUNTER_COUNT, state.counters.count);
	EXPECT_EQ(0xaaaaaaaaaaaaaaaaull, value[NPU_COUNTER_COUNT]);
}

TEST_F(queue, get_state_bad)
{
	static const uint32_t unknown[] = { 0, 4711, 0x80000000, 0xffffffff };
	struct drm_npu_queue_get_state state;
	int other = npu_test_open();
	uint32_t id;
	size_t i;

	ASSERT_GE(other, 0);
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		EXPECT_EQ(-ENOENT, npu_queue_state(self->fd, unknown[i], &state));
	/* ids are local to the file */
	ASSERT_EQ(0, npu_queue_create(self->fd, self->vm, 0, &id));
	EXPECT_EQ(-ENOENT, npu_queue_state(other, id, &state));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(other, id));
	EXPECT_EQ(0, npu_queue_state(self->fd, id, &state));
	close(other);
}

TEST_HARNESS_MAIN
