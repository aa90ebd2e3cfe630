/* SPDX-License-Identifier: MIT */
/*
 * What the kselftests of the npu driver share: the device node, each ioctl as
 * a function that returns 0 or -errno, and a small context (VM, queue,
 * timeline, mapped memory) to run packets in. Speaks the raw uAPI on purpose:
 * the driver is tested here, not the runtime.
 */
#ifndef NPU_TEST_H
#define NPU_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#include <drm/npu_accel.h>
#include <npu_counters.h>
#include <npu_isa.h>
#include <npu_packet.h>
#include <npu_perf.h>
#include <npu_pgtable.h>
#include <npu_regs.h>
#include <npu_ring.h>

#include "kselftest_harness.h"
/* The guest is emulated, and what emulates it may have to share its processors. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/* Longest that any wait of a test may take; far above what the slowest host needs. */
#define NPU_TEST_WAIT_NS (60ll * 1000 * 1000 * 1000)

#define NPU_TEST_VA 0x10000000ull /* where a context's memory is bound */
#define NPU_TEST_SIZE 0x200000ull

static inline int npu_ioctl(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

/* Opens the first npu accel node; -errno if there is none. */
static inline int npu_test_open(void)
{
	char path[32];
	int i;

	for (i = 0; i < 64; i++) {
		drmVersionPtr version;
		int fd, ours;

		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		ours = version && !strcmp(version->name, DRM_NPU_DRIVER_NAME);
		drmFreeVersion(version);
		if (ours)
			return fd;
		close(fd);
	}
	return -ENODEV;
}

/* PCI address of an open node, as sysfs has it; 0 or -errno. */
static inline int npu_test_pci(int fd, char *address, size_t size)
{
	char path[64], target[256] = "";
	struct stat node;
	ssize_t length;

	if (fstat(fd, &node))
		return -errno;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(node.st_rdev),
		 minor(node.st_rdev));
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	snprintf(address, size, "%s", strrchr(target, '/') + 1);
	return 0;
}

/* Writes text to a file of the kernel's, opened as a shell's > does it; 0 or -errno. */
static inline int npu_write_file(const char *path, const char *text)
{
	const ssize_t length = (ssize_t)strlen(text);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), ret = 0;
	ssize_t done;

	if (fd < 0)
		return -errno;
	done = write(fd, text, length);
	if (done != length)
		ret = done < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

/* Resets the function behind a node as an administrator does, and waits until it is done. */
static inline int npu_reset_function(int node)
{
	char path[64];
	struct stat st;

	if (fstat(node, &st))
		return -errno;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/reset", major(st.st_rdev),
		 minor(st.st_rdev));
	return npu_write_file(path, "1");
}

/*
 * Runs as a user of its own without capabilities, who may open the nodes: whose a file is is decided by who
 * opens it. What it returns becomes the exit status, which is returned; -1: there is none.
 */
static inline int npu_as_user(int (*run)(void *arg), void *arg)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char path[32];

		for (int i = 0; i < 64; i++) {
			snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
			chmod(path, 0666);
		}
		if (setgid(1000) || setuid(1000))
			_exit(99);
		_exit(run(arg));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int npu_vm_create(int fd, uint32_t *ret_id)
{
	struct drm_npu_vm_create req = {};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_VM_CREATE, &req);

	if (!ret)
		*ret_id = req.id;
	return ret;
}

static inline int npu_vm_destroy(int fd, uint32_t id)
{
	struct drm_npu_vm_destroy req = { .id = id };

	return npu_ioctl(fd, DRM_IOCTL_NPU_VM_DESTROY, &req);
}

static inline int npu_vm_bind(int fd, uint32_t vm, struct drm_npu_vm_bind_op *ops, uint32_t count)
{
	struct drm_npu_vm_bind req = { .vm_id = vm, .ops = DRM_NPU_OBJ_ARRAY(count, ops) };

	return npu_ioctl(fd, DRM_IOCTL_NPU_VM_BIND, &req);
}

static inline int npu_map(int fd, uint32_t vm, uint32_t bo, uint64_t offset, uint64_t va,
			  uint64_t size, uint32_t flags)
{
	struct drm_npu_vm_bind_op op = {
		.flags = DRM_NPU_VM_BIND_MAP | flags,
		.bo_handle = bo,
		.bo_offset = offset,
		.va = va,
		.size = size,
	};

	return npu_vm_bind(fd, vm, &op, 1);
}

static inline int npu_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size)
{
	struct drm_npu_vm_bind_op op = { .flags = DRM_NPU_VM_BIND_UNMAP, .va = va, .size = size };

	return npu_vm_bind(fd, vm, &op, 1);
}

static inline int npu_bo_create(int fd, uint64_t size, uint32_t *ret_handle)
{
	struct drm_npu_bo_create req = { .size = size };
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_BO_CREATE, &req);

	if (!ret)
		*ret_handle = req.handle;
	return ret;
}

static inline void *npu_bo_mmap(int fd, uint32_t handle, uint64_t size)
{
	struct drm_npu_bo_mmap_offset req = { .handle = handle };

	if (npu_ioctl(fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &req))
		return MAP_FAILED;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, req.offset);
}

static inline int npu_queue_create(int fd, uint32_t vm, uint32_t timeout_ms, uint32_t *ret_id)
{
	struct drm_npu_queue_create req = { .vm_id = vm, .timeout_ms = timeout_ms };
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req);

	if (!ret)
		*ret_id = req.id;
	return ret;
}

static inline int npu_queue_destroy(int fd, uint32_t id)
{
	struct drm_npu_queue_destroy req = { .id = id };

	return npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_DESTROY, &req);
}

static inline int npu_queue_state(int fd, uint32_t id, struct drm_npu_queue_get_state *ret_state)
{
	memset(ret_state, 0, sizeof(*ret_state));
	ret_state->id = id;
	return npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, ret_state);
}

static inline int npu_device_info(int fd, struct drm_npu_device_info *ret_info)
{
	struct drm_npu_dev_query req = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(*ret_info),
		.pointer = (uintptr_t)ret_info,
	};

	return npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &req);
}

/* What to ask for to be told of each packet of a queue, at once. */
static inline struct drm_npu_perf_stream_open npu_stream_of(uint32_t queue)
{
	return (struct drm_npu_perf_stream_open){
		.scope = DRM_NPU_PERF_SCOPE_QUEUE,
		.flags = DRM_NPU_PERF_STREAM_NONBLOCK,
		.queue_id = queue,
		.lanes = 1,
		.modes = NPU_PERF_MODE_PACKETS,
		.ring_log2 = 8,
		.threshold = 1,
	};
}

/* Return: the stream, or a negative errno. */
static inline int npu_stream_open(int fd, struct drm_npu_perf_stream_open req)
{
	const int ret = npu_ioctl(fd, DRM_IOCTL_NPU_PERF_STREAM_OPEN, &req);

	return ret ? ret : req.fd;
}

/* The number in the first line of a file that is so. Return: 0, or -ENOENT if there is none. */
static inline int npu_read_line(const char *path, const char *format, long *value)
{
	FILE *file = fopen(path, "r");
	char line[128];
	int found = -ENOENT;

	while (file && found && fgets(line, sizeof(line), file))
		found = sscanf(line, format, value) == 1 ? 0 : -ENOENT;
	if (file)
		fclose(file);
	return found;
}

/* One command buffer that signals a point of a timeline. */
static inline int npu_submit(int fd, uint32_t queue, uint64_t va, uint32_t packets,
			     uint32_t timeline, uint64_t point)
{
	struct drm_npu_cmdbuf cmdbuf = { .va = va, .packets = packets };
	struct drm_npu_sync_op sync = {
		.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		.handle = timeline,
		.point = point,
	};
	struct drm_npu_submit req = {
		.queue_id = queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};

	return npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &req);
}

static inline int64_t npu_deadline(int64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + ns;
}

/* Return: 0 when the driver is unloaded. What fences hold of it is let go a little later than their file. */
static inline int npu_unload(void)
{
	const int64_t start = npu_deadline(0);
	int ret;

	while ((ret = system("rmmod npu 2>/dev/null")) &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(10000);
	return ret;
}

/* Waits for a point that is or will be submitted; 0, or -ETIME after ns. */
static inline int npu_wait(int fd, uint32_t timeline, uint64_t point, int64_t ns)
{
	return drmSyncobjTimelineWait(fd, &timeline, &point, 1, npu_deadline(ns),
				      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL);
}

/*
 * Error of the fence in a binary syncobj: 0, or the negative errno it was signalled
 * with; -EBUSY if it has not signalled. What a sync file contains is asked one by one, as the
 * node of a timeline's chain knows no error of its own.
 */
static inline int npu_syncobj_status(int fd, uint32_t handle)
{
	struct sync_fence_info fences[8] = {};
	struct sync_file_info info = {
		.num_fences = 8,
		.sync_fence_info = (uintptr_t)fences,
	};
	int sync_file = -1, ret;
	uint32_t i;

	if (drmSyncobjExportSyncFile(fd, handle, &sync_file))
		return -errno;
	ret = npu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
	close(sync_file);
	for (i = 0; !ret && i < info.num_fences; i++)
		if (fences[i].status < 0)
			ret = fences[i].status;
	if (!ret && info.status == 0)
		ret = -EBUSY;
	return ret;
}

/*
 * The same for the last point that a timeline has been given. Earlier points are
 * forgotten once they have signalled: give jobs whose errors matter a binary syncobj.
 */
static inline int npu_point_status(int fd, uint32_t timeline, uint64_t point)
{
	uint32_t binary;
	int ret;

	if (drmSyncobjCreate(fd, 0, &binary))
		return -errno;
	ret = drmSyncobjTransfer(fd, binary, 0, timeline, point, 0) ? -errno : 0;
	if (!ret)
		ret = npu_syncobj_status(fd, binary);
	drmSyncobjDestroy(fd, binary);
	return ret;
}

/* One command buffer that signals a new binary syncobj. */
static inline int npu_submit_binary(int fd, uint32_t queue, uint64_t va, uint32_t packets,
				    uint32_t *ret_handle)
{
	struct drm_npu_cmdbuf cmdbuf = { .va = va, .packets = packets };
	struct drm_npu_sync_op sync = { .flags = DRM_NPU_SYNC_OP_SIGNAL };
	struct drm_npu_submit req = {
		.queue_id = queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};
	int ret = drmSyncobjCreate(fd, 0, &sync.handle) ? -errno : 0;

	if (!ret)
		ret = npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &req);
	if (!ret)
		*ret_handle = sync.handle;
	return ret;
}

/* Waits for a binary syncobj and returns its fence's error. */
static inline int npu_wait_binary(int fd, uint32_t handle)
{
	int ret = drmSyncobjWait(fd, &handle, 1, npu_deadline(NPU_TEST_WAIT_NS), 0, NULL);

	return ret ? ret : npu_syncobj_status(fd, handle);
}

/* A VM with one mapped BO, a queue and a timeline. */
struct npu_ctx {
	int fd;
	uint32_t vm, queue, bo, timeline;
	uint64_t point; /* last one submitted */
	uint8_t *mem; /* NPU_TEST_SIZE bytes, at NPU_TEST_VA in the VM */
};

/* First 64 KiB: command buffers; the rest is for data. */
#define NPU_TEST_DATA 0x10000ull

static inline int npu_ctx_init(struct npu_ctx *ctx, uint32_t timeout_ms)
{
	int ret;

	memset(ctx, 0, sizeof(*ctx));
	ctx->fd = npu_test_open();
	if (ctx->fd < 0)
		return ctx->fd;
	ret = npu_vm_create(ctx->fd, &ctx->vm);
	if (!ret)
		ret = npu_bo_create(ctx->fd, NPU_TEST_SIZE, &ctx->bo);
	if (!ret)
		ret = npu_map(ctx->fd, ctx->vm, ctx->bo, 0, NPU_TEST_VA, NPU_TEST_SIZE, 0);
	if (!ret)
		ret = npu_queue_create(ctx->fd, ctx->vm, timeout_ms, &ctx->queue);
	if (!ret)
		ret = drmSyncobjCreate(ctx->fd, 0, &ctx->timeline) ? -errno : 0;
	if (ret)
		return ret;
	ctx->mem = npu_bo_mmap(ctx->fd, ctx->bo, NPU_TEST_SIZE);
	return ctx->mem == MAP_FAILED ? -errno : 0;
}

/* Closing the file is what frees everything; the tests lean on that. */
static inline void npu_ctx_exit(struct npu_ctx *ctx)
{
	if (ctx->mem && ctx->mem != MAP_FAILED)
		munmap(ctx->mem, NPU_TEST_SIZE);
	if (ctx->fd >= 0)
		close(ctx->fd);
}

static inline union npu_packet *npu_ctx_packets(struct npu_ctx *ctx)
{
	return (union npu_packet *)ctx->mem;
}

/* Runs the first count packets of the command area as a job; does not wait. */
static inline int npu_ctx_submit(struct npu_ctx *ctx, uint32_t count)
{
	int ret = npu_submit(ctx->fd, ctx->queue, NPU_TEST_VA, count, ctx->timeline, ctx->point + 1);

	if (!ret)
		ctx->point++;
	return ret;
}

/* Submits and waits: the job's error, or that of submitting or waiting. */
static inline int npu_ctx_run(struct npu_ctx *ctx, uint32_t count)
{
	int ret = npu_ctx_submit(ctx, count);

	if (!ret)
		ret = npu_wait(ctx->fd, ctx->timeline, ctx->point, NPU_TEST_WAIT_NS);
	return ret ? ret : npu_point_status(ctx->fd, ctx->timeline, ctx->point);
}

static inline union npu_packet npu_pkt_fill(uint64_t dst, uint32_t value, uint32_t bytes)
{
	return (union npu_packet){ .fill = { .hdr.op = NPU_PKT_FILL,
					     .dst = dst,
					     .value = value,
					     .size = { bytes, 1, 1 } } };
}

static inline union npu_packet npu_pkt_copy(uint64_t dst, uint64_t src, uint32_t bytes)
{
	return (union npu_packet){ .copy = { .hdr.op = NPU_PKT_COPY,
					     .dst = dst,
					     .src = src,
					     .size = { bytes, 1, 1 } } };
}

/* rows of bytes each, named by a list of indices. */
static inline union npu_packet npu_pkt_gather(uint64_t dst, uint64_t src, uint64_t indices,
					      uint32_t bytes, uint32_t rows)
{
	return (union npu_packet){ .gather = { .hdr.op = NPU_PKT_GATHER,
					       .dst = dst,
					       .src = src,
					       .indices = indices,
					       .bytes = bytes,
					       .rows = rows,
					       .dst_stride = bytes,
					       .src_stride = bytes } };
}

static inline union npu_packet npu_pkt_dispatch(uint64_t entry, uint64_t args, uint32_t groups)
{
	return (union npu_packet){ .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
						 .entry = entry,
						 .args = args,
						 .grid = { groups, 1, 1 } } };
}

static inline union npu_packet npu_pkt_barrier(void)
{
	return (union npu_packet){ .barrier = { .hdr.op = NPU_PKT_BARRIER } };
}

/* Instructions for kernels so small that they are clearest as words. */
#define NPU_INSN_EXIT	 (NPU_OPCODE_CUSTOM0 | NPU_F3_EXIT << 12)
#define NPU_INSN_SELF	 0x0000006fu /* j . */
#define NPU_INSN_EBREAK	 0x00100073u
#define NPU_INSN_ILLEGAL 0x00000000u
#define NPU_INSN_LD_A1_A0 0x00053583u /* ld a1, 0(a0) */
#define NPU_INSN_SD_A1_A0 0x00b53023u /* sd a1, 0(a0) */

#endif /* NPU_TEST_H */
