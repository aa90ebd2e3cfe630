// SPDX-License-Identifier: MIT
/*
 * The size of the struct, for every ioctl: a program built against an older or a
 * newer header passes fewer or more bytes than the kernel's struct has.
 */
#include "npu_perf.h"
#include "npu_test.h"

#define TAIL 64 /* bytes that a newer struct has more */
#define ARG_MAX_SIZE 256

struct abi {
	int fd;
	uint32_t vm, bo, queue;
	/* what the requests point to */
	struct drm_npu_device_info info;
	struct drm_npu_vm_bind_op op;
	uint8_t page[4096] __attribute__((aligned(4096)));
};

/* Makes a request that succeeds, whatever was asked for before. */
typedef int make_request(struct abi *abi, void *arg);

static int make_dev_query(struct abi *abi, void *arg)
{
	*(struct drm_npu_dev_query *)arg = (struct drm_npu_dev_query){
		.size = sizeof(abi->info),
		.pointer = (uintptr_t)&abi->info,
	};
	return 0;
}

static int make_nothing(struct abi *abi, void *arg)
{
	return 0;
}

static int make_vm_destroy(struct abi *abi, void *arg)
{
	return npu_vm_create(abi->fd, &((struct drm_npu_vm_destroy *)arg)->id);
}

static int make_vm_bind(struct abi *abi, void *arg)
{
	abi->op = (struct drm_npu_vm_bind_op){
		.bo_handle = abi->bo,
		.va = NPU_TEST_VA,
		.size = 0x1000,
	};
	*(struct drm_npu_vm_bind *)arg = (struct drm_npu_vm_bind){
		.vm_id = abi->vm,
		.ops = DRM_NPU_OBJ_ARRAY(1, &abi->op),
	};
	return 0;
}

static int make_vm_get_state(struct abi *abi, void *arg)
{
	((struct drm_npu_vm_get_state *)arg)->vm_id = abi->vm;
	return 0;
}

static int make_bo_create(struct abi *abi, void *arg)
{
	((struct drm_npu_bo_create *)arg)->size = 4096;
	return 0;
}

static int make_bo_mmap_offset(struct abi *abi, void *arg)
{
	((struct drm_npu_bo_mmap_offset *)arg)->handle = abi->bo;
	return 0;
}

static int make_queue_create(struct abi *abi, void *arg)
{
	((struct drm_npu_queue_create *)arg)->vm_id = abi->vm;
	return 0;
}

static int make_queue_destroy(struct abi *abi, void *arg)
{
	return npu_queue_create(abi->fd, abi->vm, 0, &((struct drm_npu_queue_destroy *)arg)->id);
}

static int make_queue_get_state(struct abi *abi, void *arg)
{
	((struct drm_npu_queue_get_state *)arg)->id = abi->queue;
	return 0;
}

static int make_submit(struct abi *abi, void *arg)
{
	((struct drm_npu_submit *)arg)->queue_id = abi->queue;
	return 0;
}

static int make_bo_query_info(struct abi *abi, void *arg)
{
	((struct drm_npu_bo_query_info *)arg)->handle = abi->bo;
	return 0;
}

static int make_bo_set_label(struct abi *abi, void *arg)
{
	((struct drm_npu_bo_set_label *)arg)->handle = abi->bo;
	return 0;
}

static int make_bo_madvise(struct abi *abi, void *arg)
{
	((struct drm_npu_bo_madvise *)arg)->handle = abi->bo;
	return 0;
}

static int make_bo_userptr(struct abi *abi, void *arg)
{
	*(struct drm_npu_bo_userptr *)arg = (struct drm_npu_bo_userptr){
		.addr = (uintptr_t)abi->page,
		.size = 4096,
	};
	return 0;
}

static int make_perfmon_create(struct abi *abi, void *arg)
{
	*(struct drm_npu_perfmon_create *)arg = (struct drm_npu_perfmon_create){
		.queue_id = abi->queue,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.counters = 1,
	};
	return 0;
}

static int make_perfmon(struct abi *abi, uint32_t *ret_id)
{
	struct drm_npu_perfmon_create req;
	int ret;

	make_perfmon_create(abi, &req);
	ret = npu_ioctl(abi->fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req);
	*ret_id = req.id;
	return ret;
}

static int make_perfmon_destroy(struct abi *abi, void *arg)
{
	return make_perfmon(abi, &((struct drm_npu_perfmon_destroy *)arg)->id);
}

static int make_perfmon_read(struct abi *abi, void *arg)
{
	return make_perfmon(abi, &((struct drm_npu_perfmon_read *)arg)->id);
}

/* Of the file: there may be any number of them. */
static int make_perf_stream_open(struct abi *abi, void *arg)
{
	*(struct drm_npu_perf_stream_open *)arg = (struct drm_npu_perf_stream_open){
		.scope = DRM_NPU_PERF_SCOPE_ALL,
		.lanes = 1,
		.modes = NPU_PERF_MODE_PACKETS,
		.ring_log2 = NPU_PERF_RING_MIN_LOG2,
		.threshold = 1,
	};
	return 0;
}

/* without: what it says when the first member, a 0 now, is not there. */
static const struct {
	const char *name;
	unsigned long request;
	make_request *make;
	int without;
} ioctls[] = {
	{ "DEV_QUERY", DRM_IOCTL_NPU_DEV_QUERY, make_dev_query, 0 },
	{ "VM_CREATE", DRM_IOCTL_NPU_VM_CREATE, make_nothing, 0 },
	{ "VM_DESTROY", DRM_IOCTL_NPU_VM_DESTROY, make_vm_destroy, -ENOENT },
	{ "VM_BIND", DRM_IOCTL_NPU_VM_BIND, make_vm_bind, -EINVAL },
	{ "VM_GET_STATE", DRM_IOCTL_NPU_VM_GET_STATE, make_vm_get_state, -ENOENT },
	{ "BO_CREATE", DRM_IOCTL_NPU_BO_CREATE, make_bo_create, -EINVAL },
	{ "BO_MMAP_OFFSET", DRM_IOCTL_NPU_BO_MMAP_OFFSET, make_bo_mmap_offset, -ENOENT },
	{ "QUEUE_CREATE", DRM_IOCTL_NPU_QUEUE_CREATE, make_queue_create, -ENOENT },
	{ "QUEUE_DESTROY", DRM_IOCTL_NPU_QUEUE_DESTROY, make_queue_destroy, -ENOENT },
	{ "QUEUE_GET_STATE", DRM_IOCTL_NPU_QUEUE_GET_STATE, make_queue_get_state, -ENOENT },
	{ "SUBMIT", DRM_IOCTL_NPU_SUBMIT, make_submit, -ENOENT },
	{ "BO_QUERY_INFO", DRM_IOCTL_NPU_BO_QUERY_INFO, make_bo_query_info, -ENOENT },
	{ "BO_SET_LABEL", DRM_IOCTL_NPU_BO_SET_LABEL, make_bo_set_label, -ENOENT },
	{ "BO_MADVISE", DRM_IOCTL_NPU_BO_MADVISE, make_bo_madvise, -ENOENT },
	{ "BO_USERPTR", DRM_IOCTL_NPU_BO_USERPTR, make_bo_userptr, -EINVAL },
	{ "PERFMON_CREATE", DRM_IOCTL_NPU_PERFMON_CREATE, make_perfmon_create, -EINVAL },
	{ "PERFMON_DESTROY", DRM_IOCTL_NPU_PERFMON_DESTROY, make_perfmon_destroy, -ENOENT },
	{ "PERFMON_READ", DRM_IOCTL_NPU_PERFMON_READ, make_perfmon_read, -ENOENT },
	{ "PERF_STREAM_OPEN", DRM_IOCTL_NPU_PERF_STREAM_OPEN, make_perf_stream_open, -EINVAL },
};
#define IOCTLS (sizeof(ioctls) / sizeof(ioctls[0]))

/* Not inlined: where loops are unrolled, gcc takes the names for NULL. */
static __attribute__((noinline)) const char *name_of(size_t i)
{
	return ioctls[i].name;
}

static unsigned long resized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
}

/* Bytes from offset up to the buffer's end that are not the pattern that they were. */
static size_t touched(const uint8_t *buf, size_t offset, size_t end)
{
	size_t count = 0;

	for (; offset < end; offset++)
		count += buf[offset] != 0xaa;
	return count;
}

FIXTURE(abi)
{
	struct abi abi;
};

FIXTURE_SETUP(abi)
{
	struct abi *abi = &self->abi;

	abi->fd = npu_test_open();
	ASSERT_GE(abi->fd, 0);
	ASSERT_EQ(0, npu_vm_create(abi->fd, &abi->vm));
	ASSERT_EQ(0, npu_bo_create(abi->fd, 4096, &abi->bo));
	ASSERT_EQ(0, npu_queue_create(abi->fd, abi->vm, 0, &abi->queue));
}

FIXTURE_TEARDOWN(abi)
{
	close(self->abi.fd);
}

/* Calls with the first size bytes of a good request: the rest counts as 0, and is not written. */
static int call_short(struct __test_metadata *_metadata, struct abi *abi, size_t i, size_t size)
{
	uint8_t arg[ARG_MAX_SIZE] = {};
	int ret;

	EXPECT_EQ(0, ioctls[i].make(abi, arg));
	memset(arg + size, 0xaa, sizeof(arg) - size);
	ret = npu_ioctl(abi->fd, resized(ioctls[i].request, size), arg);
	EXPECT_EQ(0, touched(arg, size, sizeof(arg)))
	TH_LOG("%s with %zu bytes", name_of(i), size);
	return ret;
}

/* Calls with a good request whose bytes from size on are 0. */
static int call_zeroed(struct __test_metadata *_metadata, struct abi *abi, size_t i, size_t size)
{
	uint8_t arg[ARG_MAX_SIZE] = {};

	EXPECT_EQ(0, ioctls[i].make(abi, arg));
	memset(arg + size, 0, sizeof(arg) - size);
	return npu_ioctl(abi->fd, ioctls[i].request, arg);
}

TEST_F(abi, no_bytes)
{
	size_t i;

	for (i = 0; i < IOCTLS; i++)
		EXPECT_EQ(ioctls[i].without, call_short(_metadata, &self->abi, i, 0))
		TH_LOG("%s", name_of(i));
}

TEST_F(abi, whole)
{
	size_t i;

	for (i = 0; i < IOCTLS; i++)
		EXPECT_EQ(0, call_short(_metadata, &self->abi, i, _IOC_SIZE(ioctls[i].request)))
		TH_LOG("%s", name_of(i));
}

TEST_F(abi, shorter)
{
	size_t i, size;

	for (i = 0; i < IOCTLS; i++)
		for (size = 4; size < _IOC_SIZE(ioctls[i].request); size += 4)
			EXPECT_EQ(call_zeroed(_metadata, &self->abi, i, size),
				  call_short(_metadata, &self->abi, i, size))
			TH_LOG("%s with %zu bytes", name_of(i), size);
}

/* What a newer struct has more is neither looked at nor written. */
TEST_F(abi, longer)
{
	size_t i;

	for (i = 0; i < IOCTLS; i++)
		EXPECT_EQ(0, call_short(_metadata, &self->abi, i, _IOC_SIZE(ioctls[i].request)));
	for (i = 0; i < IOCTLS; i++) {
		size_t size = _IOC_SIZE(ioctls[i].request);
		uint8_t arg[ARG_MAX_SIZE] = {};

		ASSERT_EQ(0, ioctls[i].make(&self->abi, arg));
		memset(arg + size, 0xaa, sizeof(arg) - size);
		EXPECT_EQ(0, npu_ioctl(self->abi.fd, resized(ioctls[i].request, size + TAIL), arg))
		TH_LOG("%s", name_of(i));
		EXPECT_EQ(0, touched(arg, size, sizeof(arg)))
		TH_LOG("%s", name_of(i));
	}
}

/* A struct that ends where the memory does: EFAULT, not a byte read past it, and nothing done. */
TEST_F(abi, beyond_memory)
{
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, mprotect(page + 4096, 4096, PROT_NONE));
	for (i = 0; i < IOCTLS; i++) {
		size_t size = _IOC_SIZE(ioctls[i].request);
		uint8_t arg[ARG_MAX_SIZE] = {};

		ASSERT_EQ(0, ioctls[i].make(&self->abi, arg));
		memcpy(page + 4096 - size + 4, arg, size - 4);
		EXPECT_EQ(-EFAULT, npu_ioctl(self->abi.fd, ioctls[i].request, page + 4096 - size + 4))
		TH_LOG("%s", name_of(i));
	}
	munmap(page, 8192);
}

TEST_HARNESS_MAIN
