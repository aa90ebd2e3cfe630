// SPDX-License-Identifier: MIT
/* VM_CREATE, VM_DESTROY, VM_BIND and VM_GET_STATE. */
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "npu_test.h"

#define BO_SIZE 0x100000ull

FIXTURE(vm)
{
	int fd;
	uint32_t vm, bo;
};

FIXTURE_SETUP(vm)
{
	self->fd = npu_test_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, npu_vm_create(self->fd, &self->vm));
	ASSERT_EQ(0, npu_bo_create(self->fd, BO_SIZE, &self->bo));
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
}

static uint64_t bound(int fd, uint32_t vm)
{
	struct drm_npu_vm_get_state req = { .vm_id = vm };

	if (npu_ioctl(fd, DRM_IOCTL_NPU_VM_GET_STATE, &req) || req.state != DRM_NPU_VM_USABLE)
		return UINT64_MAX;
	return req.bound_bytes;
}

TEST_F(vm, create_destroy)
{
	uint32_t other;

	EXPECT_NE(0, self->vm);
	ASSERT_EQ(0, npu_vm_create(self->fd, &other));
	EXPECT_NE(self->vm, other);
	EXPECT_EQ(0, npu_vm_destroy(self->fd, other));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(self->fd, other));
}

TEST_F(vm, create_unknown_flag)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		struct drm_npu_vm_create req = { .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_CREATE, &req));
	}
}

TEST_F(vm, destroy_bad)
{
	struct drm_npu_vm_destroy req = { .id = self->vm, .pad = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_DESTROY, &req));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(self->fd, 0));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(self->fd, 0xffffffff));
	EXPECT_EQ(0, npu_vm_destroy(self->fd, self->vm));
}

/* Address spaces are finite: running out is an error, and giving one back cures it. */
TEST_F(vm, exhaust)
{
	uint32_t id, last = 0;
	int count = 0, ret;

	while (!(ret = npu_vm_create(self->fd, &id))) {
		last = id;
		ASSERT_LE(++count, 4 * NPU_MAX_AS);
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_GT(count, 0);
	EXPECT_EQ(0, npu_vm_destroy(self->fd, last));
	EXPECT_EQ(0, npu_vm_create(self->fd, &id));
}

TEST_F(vm, ids_are_local_to_the_file)
{
	struct drm_npu_vm_get_state req = { .vm_id = self->vm };
	int other = npu_test_open();

	ASSERT_GE(other, 0);
	EXPECT_EQ(-ENOENT, npu_ioctl(other, DRM_IOCTL_NPU_VM_GET_STATE, &req));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(other, self->vm));
	close(other);
}

TEST_F(vm, map_unmap)
{
	EXPECT_EQ(0, bound(self->fd, self->vm));
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0, NPU_TEST_VA, BO_SIZE, 0));
	EXPECT_EQ(BO_SIZE, bound(self->fd, self->vm));
	EXPECT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA, BO_SIZE));
	EXPECT_EQ(0, bound(self->fd, self->vm));
}

TEST_F(vm, unmap_middle_and_overlap)
{
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0, NPU_TEST_VA, BO_SIZE, 0));
	EXPECT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA + 0x4000, 0x2000));
	EXPECT_EQ(BO_SIZE - 0x2000, bound(self->fd, self->vm));
	/* over the hole and both its neighbours */
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0x8000, NPU_TEST_VA + 0x3000, 0x4000,
			     DRM_NPU_VM_BIND_READONLY));
	EXPECT_EQ(BO_SIZE, bound(self->fd, self->vm));
	/* unmap a range with holes */
	EXPECT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA - BO_SIZE, 3 * BO_SIZE));
	EXPECT_EQ(0, bound(self->fd, self->vm));
}

TEST_F(vm, ends_of_the_address_space)
{
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0, NPU_VA_MIN, 0x1000, 0));
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0, NPU_VA_MAX - 0x1000, 0x1000, 0));
	EXPECT_EQ(-EINVAL, npu_map(self->fd, self->vm, self->bo, 0, NPU_VA_MIN - 0x1000, 0x1000, 0));
	EXPECT_EQ(-EINVAL, npu_map(self->fd, self->vm, self->bo, 0, NPU_VA_MAX, 0x1000, 0));
	EXPECT_EQ(-EINVAL, npu_map(self->fd, self->vm, self->bo, 0, NPU_VA_MAX - 0x1000, 0x2000, 0));
	EXPECT_EQ(0x2000, bound(self->fd, self->vm));
}

/* Each row breaks one rule of an otherwise good operation. */
TEST_F(vm, bind_bad_op)
{
	static const struct {
		const char *what;
		struct drm_npu_vm_bind_op op;
		int want;
	} row[] = {
		{ "size 0", { .va = NPU_TEST_VA, .size = 0 }, -EINVAL },
		{ "unaligned size", { .va = NPU_TEST_VA, .size = 0x1001 }, -EINVAL },
		{ "unaligned va", { .va = NPU_TEST_VA + 1, .size = 0x1000 }, -EINVAL },
		{ "unaligned offset",
		  { .va = NPU_TEST_VA, .size = 0x1000, .bo_offset = 0x10 },
		  -EINVAL },
		{ "va overflow", { .va = ~0xfffull, .size = 0x2000 }, -EINVAL },
		{ "va + size wraps to good",
		  { .va = ~0ull << 20, .size = (1ull << 20) + 0x20000 },
		  -EINVAL },
		{ "past end of bo",
		  { .va = NPU_TEST_VA, .size = 0x2000, .bo_offset = BO_SIZE - 0x1000 },
		  -EINVAL },
		{ "offset overflow",
		  { .va = NPU_TEST_VA, .size = 0x2000, .bo_offset = ~0xfffull },
		  -EINVAL },
		{ "larger than bo", { .va = NPU_TEST_VA, .size = 2 * BO_SIZE }, -EINVAL },
		{ "unknown flag", { .va = NPU_TEST_VA, .size = 0x1000, .flags = 1u << 2 }, -EINVAL },
		{ "unknown type",
		  { .va = NPU_TEST_VA, .size = 0x1000, .flags = 0xfu << 28 },
		  -EINVAL },
		{ "unknown handle",
		  { .va = NPU_TEST_VA, .size = 0x1000, .bo_handle = 4711 },
		  -ENOENT },
	};
	struct drm_npu_vm_bind_op op;
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		op = row[i].op;
		if (!op.bo_handle)
			op.bo_handle = self->bo;
		EXPECT_EQ(row[i].want, npu_vm_bind(self->fd, self->vm, &op, 1))
		TH_LOG("row: %s", row[i].what);
	}
	op = (struct drm_npu_vm_bind_op){ .va = NPU_TEST_VA, .size = 0x1000 };
	EXPECT_EQ(-ENOENT, npu_vm_bind(self->fd, self->vm, &op, 1));
	/* unmap must not name a BO, an offset or permissions */
	op = (struct drm_npu_vm_bind_op){ .flags = DRM_NPU_VM_BIND_UNMAP,
					  .va = NPU_TEST_VA,
					  .size = 0x1000,
					  .bo_handle = self->bo };
	EXPECT_EQ(-EINVAL, npu_vm_bind(self->fd, self->vm, &op, 1));
	op.bo_handle = 0;
	op.bo_offset = 0x1000;
	EXPECT_EQ(-EINVAL, npu_vm_bind(self->fd, self->vm, &op, 1));
	op.bo_offset = 0;
	op.flags |= DRM_NPU_VM_BIND_READONLY;
	EXPECT_EQ(-EINVAL, npu_vm_bind(self->fd, self->vm, &op, 1));
	EXPECT_EQ(0, bound(self->fd, self->vm));
}

TEST_F(vm, bind_bad_array)
{
	struct drm_npu_vm_bind_op op = {
		.bo_handle = self->bo,
		.va = NPU_TEST_VA,
		.size = 0x1000,
	};
	struct drm_npu_vm_bind req = { .vm_id = self->vm, .ops = DRM_NPU_OBJ_ARRAY(1, &op) };
	struct drm_npu_device_info info = {};
	struct drm_npu_vm_bind bad;
	int bit;

	ASSERT_EQ(0, npu_device_info(self->fd, &info));
	bad = req;
	bad.vm_id = 4711;
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	for (bit = 1; bit < 32; bit++) {
		bad = req;
		bad.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	}
	/* the error says that none has been done */
	EXPECT_EQ(0, bad.ops.count);
	bad = req;
	bad.ops.count = info.max_bind_ops + 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.stride = 0xffffffff;
	EXPECT_EQ(-E2BIG, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	/* an array whose end wraps around */
	bad = req;
	bad.ops.count = 2;
	bad.ops.array = UINT64_MAX - sizeof(op) + 1;
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.count = 0;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.count = 0xffffffff;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.stride = 0;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.stride = sizeof(op) - 8;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	bad = req;
	bad.ops.array = 0x1000;
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &bad));
	EXPECT_EQ(0, bound(self->fd, self->vm));
}

/* A newer program's longer elements: fine while what is unknown is zero. */
TEST_F(vm, bind_longer_stride)
{
	struct {
		struct drm_npu_vm_bind_op op;
		uint64_t unknown;
	} ops[2] = {
		{ .op = { .bo_handle = self->bo, .va = NPU_TEST_VA, .size = 0x1000 } },
		{ .op = { .bo_handle = self->bo, .va = NPU_TEST_VA + 0x10000, .size = 0x1000 } },
	};
	struct drm_npu_vm_bind req = { .vm_id = self->vm };

	req.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(2, ops);
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &req));
	EXPECT_EQ(0x2000, bound(self->fd, self->vm));
	ops[1].unknown = 1;
	req.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(2, ops);
	EXPECT_EQ(-E2BIG, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &req));
}

/* All operations are looked at before the first one is done. */
TEST_F(vm, bind_validates_all_first)
{
	struct drm_npu_vm_bind_op ops[2] = {
		{ .bo_handle = self->bo, .va = NPU_TEST_VA, .size = 0x1000 },
		{ .bo_handle = self->bo, .va = NPU_TEST_VA + 1, .size = 0x1000 },
	};
	struct drm_npu_vm_bind req = { .vm_id = self->vm, .ops = DRM_NPU_OBJ_ARRAY(2, ops) };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &req));
	EXPECT_EQ(0, bound(self->fd, self->vm));
}

static void on_alarm(int signal)
{
}

/*
 * A bind that a signal interrupts, while another process holds the object to fill it with pages,
 * leaves the request as it was: drmIoctl() calls again with the same struct.
 *
 * 64 MiB, up to twenty times: much for a kernel that looks at every access.
 */
TEST_F_TIMEOUT(vm, bind_interrupted, 200)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval never = {};
	int interrupted = 0, round;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	for (round = 0; round < 20 && !interrupted; round++) {
		struct drm_npu_vm_bind_op op = { .va = NPU_TEST_VA, .size = 32 << 20 };
		struct drm_npu_vm_bind req = { .vm_id = self->vm };
		struct itimerval soon = { .it_value.tv_usec = 1000 };
		int status, ret;
		uint32_t bo;
		pid_t pid;

		ASSERT_EQ(0, npu_bo_create(self->fd, op.size, &bo));
		op.bo_handle = bo;
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(npu_map(self->fd, self->vm, bo, 0, NPU_TEST_VA + op.size, op.size, 0));
		do {
			/*
			 * Once for each try, later each time: a slow machine must get something done
			 * in between, and more than to find the pages that it has already.
			 */
			ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
			soon.it_value.tv_usec = soon.it_value.tv_usec < 400000 ? 2 * soon.it_value.tv_usec : 800000;
			req.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &op);
			ret = ioctl(self->fd, DRM_IOCTL_NPU_VM_BIND, &req) ? -errno : 0;
			interrupted += ret == -EINTR;
			EXPECT_EQ(1, req.ops.count);
		} while (ret == -EINTR);
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
		EXPECT_EQ(0, ret);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(2 * op.size, bound(self->fd, self->vm));
		ASSERT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA, 2 * op.size));
		ASSERT_EQ(0, drmCloseBufferHandle(self->fd, bo));
	}
	if (!interrupted)
		SKIP(return, "no bind was interrupted in %d tries", round);
}

TEST_F(vm, get_state_bad)
{
	static const uint32_t unknown[] = { 0, 4711, 0x80000000, 0xffffffff };
	struct drm_npu_vm_get_state req;
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		req = (struct drm_npu_vm_get_state){ .vm_id = unknown[i] };
		EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_VM_GET_STATE, &req));
	}
}

TEST_F(vm, bo_may_be_closed_while_bound)
{
	EXPECT_EQ(0, npu_map(self->fd, self->vm, self->bo, 0, NPU_TEST_VA, BO_SIZE, 0));
	EXPECT_EQ(0, drmCloseBufferHandle(self->fd, self->bo));
	EXPECT_EQ(BO_SIZE, bound(self->fd, self->vm));
	EXPECT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA, BO_SIZE));
}

TEST_F(vm, many_small_maps)
{
	uint64_t i;

	/* each in another 2 MiB range, so that page tables are made and freed */
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, npu_map(self->fd, self->vm, self->bo, (i % 256) << 12,
				     NPU_TEST_VA + (i << 21), 0x1000, 0));
	EXPECT_EQ(300 * 0x1000, bound(self->fd, self->vm));
	for (i = 0; i < 300; i += 2)
		ASSERT_EQ(0, npu_unmap(self->fd, self->vm, NPU_TEST_VA + (i << 21), 0x1000));
	EXPECT_EQ(150 * 0x1000, bound(self->fd, self->vm));
}

TEST_HARNESS_MAIN
