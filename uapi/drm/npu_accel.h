/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * User interface of the npu DRM accel driver.
 *
 * Rules, for every ioctl:
 *  - A struct may grow at its end; the kernel takes missing bytes as 0 and a
 *    zero in a new field keeps the old meaning. The kernel ignores bytes past the end of
 *    its own struct: ask for the driver's version before using what a newer one added.
 *  - Reserved fields, pads and undefined flag bits must be 0, else -EINVAL.
 *  - Arrays are passed as struct drm_npu_obj_array. stride is sizeof the element the
 *    caller was built with; bytes that the kernel does not know must be 0, else -E2BIG.
 *  - Everything is validated before anything takes effect.
 *  - Handles and ids are local to the open file and never 0. An unknown one is -ENOENT.
 *  - There is no wait ioctl: completion is a point on a (timeline) syncobj.
 *  - After the device is gone every ioctl returns -ENODEV.
 */
#ifndef _UAPI_NPU_ACCEL_H_
#define _UAPI_NPU_ACCEL_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_NPU_DRIVER_NAME  "npu"
#define DRM_NPU_DRIVER_MAJOR 1
#define DRM_NPU_DRIVER_MINOR 1

enum drm_npu_ioctl_id {
	DRM_NPU_DEV_QUERY = 0,
	DRM_NPU_VM_CREATE,
	DRM_NPU_VM_DESTROY,
	DRM_NPU_VM_BIND,
	DRM_NPU_VM_GET_STATE,
	DRM_NPU_BO_CREATE,
	DRM_NPU_BO_MMAP_OFFSET,
	DRM_NPU_QUEUE_CREATE,
	DRM_NPU_QUEUE_DESTROY,
	DRM_NPU_QUEUE_GET_STATE,
	DRM_NPU_SUBMIT,
	DRM_NPU_BO_QUERY_INFO,
	DRM_NPU_BO_SET_LABEL,
	DRM_NPU_BO_MADVISE,
	DRM_NPU_BO_USERPTR,
	DRM_NPU_PERFMON_CREATE,
	DRM_NPU_PERFMON_DESTROY,
	DRM_NPU_PERFMON_READ,
	DRM_NPU_PERF_STREAM_OPEN,
};

/** struct drm_npu_obj_array - array of objects that may grow between releases */
struct drm_npu_obj_array {
	/** @stride: size of one object, bytes */
	__u32 stride;
	/** @count: number of objects */
	__u32 count;
	/** @array: user pointer to the first object */
	__u64 array;
};

#define DRM_NPU_OBJ_ARRAY(cnt, ptr) \
	{ .stride = sizeof((ptr)[0]), .count = (cnt), .array = (__u64)(__UINTPTR_TYPE__)(ptr) }

/** enum drm_npu_dev_query_type - what DEV_QUERY can tell */
enum drm_npu_dev_query_type {
	/** @DRM_NPU_DEV_QUERY_DEVICE_INFO: struct drm_npu_device_info */
	DRM_NPU_DEV_QUERY_DEVICE_INFO = 0,
	/** @DRM_NPU_DEV_QUERY_FW_INFO: struct drm_npu_fw_info */
	DRM_NPU_DEV_QUERY_FW_INFO,
	/** @DRM_NPU_DEV_QUERY_LIMITS: struct drm_npu_limits */
	DRM_NPU_DEV_QUERY_LIMITS,
};

/** struct drm_npu_device_info - the hardware, and this driver's limits */
struct drm_npu_device_info {
	/** @hw_version: major << 16 | minor of the hardware contract */
	__u32 hw_version;
	/** @chiplets: number of chiplets */
	__u32 chiplets;
	/** @tiles_per_chiplet: tiles on each */
	__u32 tiles_per_chiplet;
	/** @sram_size: SRAM of a tile, bytes */
	__u32 sram_size;
	/** @clock_khz: modelled clock of the tiles */
	__u32 clock_khz;
	/** @max_queues: hardware queues, shared by all users */
	__u32 max_queues;
	/** @features: NPU_FEATURE_* */
	__u64 features;
	/** @va_start: first virtual address that can be bound */
	__u64 va_start;
	/** @va_end: first address past those that can be bound */
	__u64 va_end;
	/** @page_size: granularity of BO sizes and bindings, bytes */
	__u32 page_size;
	/** @max_cmdbufs: command buffers per SUBMIT */
	__u32 max_cmdbufs;
	/** @max_packets: packets per command buffer */
	__u32 max_packets;
	/** @max_syncs: sync operations per SUBMIT */
	__u32 max_syncs;
	/** @max_bind_ops: operations per VM_BIND */
	__u32 max_bind_ops;
	/** @counter_count: counters that QUEUE_GET_STATE can return (npu_counters.h) */
	__u32 counter_count;
	/** @counter_version: version of the counter table */
	__u32 counter_version;
	/** @default_timeout_ms: job timeout of a queue created with timeout_ms = 0 */
	__u32 default_timeout_ms;
	/** @max_timeout_ms: highest timeout a queue may ask for, as the administrator has set it */
	__u32 max_timeout_ms;
	/**
	 * @max_job_ms: how long a job gets from when it is its queue's oldest, waiting and resets
	 * included, whatever progress it makes, as the administrator has set it
	 */
	__u32 max_job_ms;
};

/** struct drm_npu_fw_info - the firmware that runs */
struct drm_npu_fw_info {
	/** @abi_major: ABI version */
	__u32 abi_major;
	/** @abi_minor: ABI version */
	__u32 abi_minor;
	/** @features: NPU_FW_FEATURE_* */
	__u64 features;
	/** @build_id: GNU build id */
	__u8 build_id[20];
	/** @pad: 0 */
	__u8 pad[4];
	/** @version: readable, NUL terminated */
	char version[32];
};

/**
 * struct drm_npu_limits - what the user who opened the file may have of the device, and has
 *
 * Counted over all files and processes of the user. A limit of 0: there is none; limits do not hold
 * for who has CAP_SYS_RESOURCE.
 */
struct drm_npu_limits {
	/** @memory_limit: bytes of BOs; module parameter user_memory_mib */
	__u64 memory_limit;
	/** @memory_used: bytes of BOs */
	__u64 memory_used;
	/** @vms_limit: VMs; module parameter user_vms */
	__u64 vms_limit;
	/** @vms_used: VMs */
	__u64 vms_used;
	/** @queues_limit: queues; module parameter user_queues */
	__u64 queues_limit;
	/** @queues_used: queues */
	__u64 queues_used;
};

/**
 * struct drm_npu_dev_query - DRM_NPU_DEV_QUERY
 *
 * With @pointer 0, @size returns the size of the kernel's struct. Otherwise at most @size bytes are
 * written and @size returns how many. -EINVAL: unknown @type.
 */
struct drm_npu_dev_query {
	/** @type: enum drm_npu_dev_query_type */
	__u32 type;
	/** @size: in: bytes at @pointer; out: bytes written, or needed */
	__u32 size;
	/** @pointer: user pointer to the struct of @type */
	__u64 pointer;
};

/**
 * struct drm_npu_vm_create - DRM_NPU_VM_CREATE: make an address space
 *
 * -ENOSPC: none is free. -EDQUOT: the user has as many as it may.
 */
struct drm_npu_vm_create {
	/** @flags: 0 */
	__u32 flags;
	/** @id: out: id of the VM */
	__u32 id;
};

/**
 * struct drm_npu_vm_destroy - DRM_NPU_VM_DESTROY
 *
 * The id is gone at once; the VM itself when its last queue and job are.
 */
struct drm_npu_vm_destroy {
	/** @id: VM */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
};

/** enum drm_npu_vm_bind_op_flags - operation in bits 31:28, modifiers below */
enum drm_npu_vm_bind_op_flags {
	/** @DRM_NPU_VM_BIND_READONLY: map without write permission */
	DRM_NPU_VM_BIND_READONLY = 1u << 0,
	/** @DRM_NPU_VM_BIND_NOEXEC: map without execute permission */
	DRM_NPU_VM_BIND_NOEXEC = 1u << 1,
	/** @DRM_NPU_VM_BIND_TYPE_MASK: where the operation is */
	DRM_NPU_VM_BIND_TYPE_MASK = (int)(0xfu << 28),
	/** @DRM_NPU_VM_BIND_MAP: map a range of a BO, replacing what was there */
	DRM_NPU_VM_BIND_MAP = 0 << 28,
	/** @DRM_NPU_VM_BIND_UNMAP: unmap a range; holes in it are fine */
	DRM_NPU_VM_BIND_UNMAP = 1 << 28,
	/**
	 * @DRM_NPU_VM_BIND_SPARSE: map a range without memory, replacing what was there: reads give
	 * zeros, writes are dropped, atomics and instruction fetches fault
	 */
	DRM_NPU_VM_BIND_SPARSE = 2 << 28,
};

/** struct drm_npu_vm_bind_op - one change to an address space */
struct drm_npu_vm_bind_op {
	/** @flags: enum drm_npu_vm_bind_op_flags */
	__u32 flags;
	/** @bo_handle: MAP: GEM handle; else 0 */
	__u32 bo_handle;
	/** @bo_offset: MAP: offset in the BO, page aligned; else 0 */
	__u64 bo_offset;
	/** @va: page aligned, in [va_start, va_end) with its whole range */
	__u64 va;
	/** @size: bytes, page aligned, not 0 */
	__u64 size;
};

/** enum drm_npu_vm_bind_flags - how operations are done */
enum drm_npu_vm_bind_flags {
	/** @DRM_NPU_VM_BIND_ASYNC: later, in order with others of this kind in the same VM */
	DRM_NPU_VM_BIND_ASYNC = 1u << 0,
};

/**
 * struct drm_npu_vm_bind - DRM_NPU_VM_BIND: change an address space
 *
 * Operations are done in order, all or none of them. Without ASYNC they have taken effect on the
 * device when the ioctl returns. With it they are done when what @syncs wait for has happened, and
 * have taken effect when @syncs are signalled; all that can fail but the device has been done when
 * the ioctl returns.
 * On error @ops.count returns 0: nothing has been done; but after -EINTR it is as it was, and the
 * call can be repeated.
 */
struct drm_npu_vm_bind {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @flags: enum drm_npu_vm_bind_flags */
	__u32 flags;
	/** @ops: array of struct drm_npu_vm_bind_op, 1..max_bind_ops; with ASYNC also none */
	struct drm_npu_obj_array ops;
	/** @syncs: ASYNC: array of struct drm_npu_sync_op, 0..max_syncs; else none */
	struct drm_npu_obj_array syncs;
};

/** enum drm_npu_vm_state - state of a VM */
enum drm_npu_vm_state {
	/** @DRM_NPU_VM_USABLE: in order */
	DRM_NPU_VM_USABLE = 0,
	/** @DRM_NPU_VM_UNUSABLE: a bind failed half way; only destroying it is possible */
	DRM_NPU_VM_UNUSABLE,
};

/** struct drm_npu_vm_get_state - DRM_NPU_VM_GET_STATE */
struct drm_npu_vm_get_state {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @state: out: enum drm_npu_vm_state */
	__u32 state;
	/** @bound_bytes: out: bytes of address space that are mapped */
	__u64 bound_bytes;
};

/** enum drm_npu_bo_flags - properties of a BO for life */
enum drm_npu_bo_flags {
	/**
	 * @DRM_NPU_BO_WC: CPU mappings are write-combined: for what the CPU writes in order and
	 * never reads. Else they are cached. The device snoops in both cases.
	 */
	DRM_NPU_BO_WC = 1u << 0,
};

/** struct drm_npu_bo_create - DRM_NPU_BO_CREATE: zero-filled memory */
struct drm_npu_bo_create {
	/** @size: in: bytes, not 0; out: rounded up to whole pages */
	__u64 size;
	/** @flags: enum drm_npu_bo_flags */
	__u32 flags;
	/** @handle: out: GEM handle */
	__u32 handle;
	/**
	 * @vm_id: VM that alone may bind it, which makes submits cheaper; no dma-buf can be made of
	 * it. 0: every VM of every file that has it
	 */
	__u32 vm_id;
	/** @pad: 0 */
	__u32 pad;
};

/** struct drm_npu_bo_mmap_offset - DRM_NPU_BO_MMAP_OFFSET */
struct drm_npu_bo_mmap_offset {
	/** @handle: GEM handle */
	__u32 handle;
	/** @pad: 0 */
	__u32 pad;
	/** @offset: out: offset for mmap() on the device node */
	__u64 offset;
};

/** enum drm_npu_bo_kind - where the memory of a BO is from */
enum drm_npu_bo_kind {
	/** @DRM_NPU_BO_KIND_SHMEM: BO_CREATE */
	DRM_NPU_BO_KIND_SHMEM = 0,
	/** @DRM_NPU_BO_KIND_IMPORTED: a dma-buf of another device */
	DRM_NPU_BO_KIND_IMPORTED,
	/** @DRM_NPU_BO_KIND_USERPTR: BO_USERPTR */
	DRM_NPU_BO_KIND_USERPTR,
};

/** enum drm_npu_bo_state - what BO_MADVISE made of it */
enum drm_npu_bo_state {
	/** @DRM_NPU_BO_NEEDED: it keeps its content */
	DRM_NPU_BO_NEEDED = 0,
	/** @DRM_NPU_BO_DISCARDABLE: the kernel may take its memory */
	DRM_NPU_BO_DISCARDABLE,
	/** @DRM_NPU_BO_PURGED: the kernel has taken it; good for nothing but being closed */
	DRM_NPU_BO_PURGED,
};

/** struct drm_npu_bo_query_info - DRM_NPU_BO_QUERY_INFO */
struct drm_npu_bo_query_info {
	/** @handle: GEM handle */
	__u32 handle;
	/** @flags: out: enum drm_npu_bo_flags */
	__u32 flags;
	/** @size: out: bytes */
	__u64 size;
	/** @resident: out: bytes that have memory now */
	__u64 resident;
	/** @kind: out: enum drm_npu_bo_kind */
	__u32 kind;
	/** @state: out: enum drm_npu_bo_state */
	__u32 state;
	/** @label: user pointer for the label, or 0 */
	__u64 label;
	/**
	 * @label_size: in: bytes at @label; out: bytes of the label with its NUL, 0: it has none.
	 * If that is more than there was room for, the start of the label was written, without NUL
	 */
	__u32 label_size;
	/** @pad: 0 */
	__u32 pad;
};

/** DRM_NPU_BO_LABEL_MAX - bytes that a label may have, with its NUL */
#define DRM_NPU_BO_LABEL_MAX 256

/**
 * struct drm_npu_bo_set_label - DRM_NPU_BO_SET_LABEL: name a BO, for people who look at memory
 *
 * A label belongs to the BO, not to the handle: the last one set is what all who share it see.
 */
struct drm_npu_bo_set_label {
	/** @handle: GEM handle */
	__u32 handle;
	/** @pad: 0 */
	__u32 pad;
	/** @label: user pointer to a NUL-terminated text; 0, or an empty one: no label any more */
	__u64 label;
};

/** enum drm_npu_bo_advice - what will become of the content of a BO */
enum drm_npu_bo_advice {
	/** @DRM_NPU_BO_WILLNEED: it is needed */
	DRM_NPU_BO_WILLNEED = 0,
	/** @DRM_NPU_BO_DONTNEED: it can be made again; the kernel may take its memory */
	DRM_NPU_BO_DONTNEED,
};

/** struct drm_npu_bo_madvise - DRM_NPU_BO_MADVISE */
struct drm_npu_bo_madvise {
	/** @handle: GEM handle */
	__u32 handle;
	/** @advice: enum drm_npu_bo_advice */
	__u32 advice;
	/** @retained: out: 1: the content is there; 0: the memory has been taken, for good */
	__u32 retained;
	/** @pad: 0 */
	__u32 pad;
};

/** enum drm_npu_bo_userptr_flags - how the device may use a process's memory */
enum drm_npu_bo_userptr_flags {
	/** @DRM_NPU_BO_USERPTR_READONLY: it can only be bound READONLY; for read-only memory */
	DRM_NPU_BO_USERPTR_READONLY = 1u << 0,
};

/**
 * struct drm_npu_bo_userptr - DRM_NPU_BO_USERPTR: make a BO of memory of the calling process
 *
 * Its pages are pinned until the BO is freed, and counted as the process's pinned memory
 * (RLIMIT_MEMLOCK). -EPERM: too much of it.
 */
struct drm_npu_bo_userptr {
	/** @addr: first byte, page aligned */
	__u64 addr;
	/** @size: bytes, whole pages, not 0 */
	__u64 size;
	/** @flags: enum drm_npu_bo_userptr_flags */
	__u32 flags;
	/** @handle: out: GEM handle */
	__u32 handle;
};

/** enum drm_npu_queue_priority - scheduling priority of a queue */
enum drm_npu_queue_priority {
	/** @DRM_NPU_QUEUE_PRIORITY_NORMAL: default */
	DRM_NPU_QUEUE_PRIORITY_NORMAL = 0,
	/** @DRM_NPU_QUEUE_PRIORITY_LOW: background */
	DRM_NPU_QUEUE_PRIORITY_LOW,
	/** @DRM_NPU_QUEUE_PRIORITY_HIGH: needs CAP_SYS_NICE, else -EACCES */
	DRM_NPU_QUEUE_PRIORITY_HIGH,
	/** @DRM_NPU_QUEUE_PRIORITY_REALTIME: needs CAP_SYS_NICE, else -EACCES */
	DRM_NPU_QUEUE_PRIORITY_REALTIME,
};

/**
 * struct drm_npu_queue_create - DRM_NPU_QUEUE_CREATE
 *
 * -EBUSY: all hardware queues are taken. -EDQUOT: the user has as many as it may.
 */
struct drm_npu_queue_create {
	/** @vm_id: VM that the queue's commands run in */
	__u32 vm_id;
	/** @priority: enum drm_npu_queue_priority */
	__u32 priority;
	/** @timeout_ms: time a job may run without progress; 0: the default */
	__u32 timeout_ms;
	/** @flags: 0 */
	__u32 flags;
	/** @id: out: id of the queue */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_npu_queue_destroy - DRM_NPU_QUEUE_DESTROY
 *
 * Jobs that have not finished are cancelled; their fences signal with -ECANCELED.
 */
struct drm_npu_queue_destroy {
	/** @id: queue */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
};

/** enum drm_npu_queue_state - how a queue fares */
enum drm_npu_queue_state {
	/** @DRM_NPU_QUEUE_USABLE: in order */
	DRM_NPU_QUEUE_USABLE = 0,
	/** @DRM_NPU_QUEUE_FAULTED: a job of it failed; &drm_npu_queue_get_state.fault says how */
	DRM_NPU_QUEUE_FAULTED,
	/**
	 * @DRM_NPU_QUEUE_TIMEDOUT: a job made no progress within the timeout, or was not done
	 * within &drm_npu_device_info.max_job_ms, and was killed
	 */
	DRM_NPU_QUEUE_TIMEDOUT,
	/** @DRM_NPU_QUEUE_INNOCENT: lost in a reset that another queue caused */
	DRM_NPU_QUEUE_INNOCENT,
};

/** struct drm_npu_fault - why a job failed, as the device reported it */
struct drm_npu_fault {
	/** @error: enum npu_job_error (npu_ring.h); 0: there was no fault */
	__u32 error;
	/** @access: enum npu_access */
	__u32 access;
	/** @core: tile number, or NPU_CORE_* */
	__u32 core;
	/** @as_id: hardware address space, the context */
	__u32 as_id;
	/**
	 * @seqno: the failed job's number in its queue, from 1; of a queue that is INNOCENT, with
	 * @error 0: the first job that was lost, 0: none was
	 */
	__u64 seqno;
	/** @addr: address accessed, or the illegal instruction */
	__u64 addr;
	/** @pc: program counter of the tile, or 0 */
	__u64 pc;
	/** @packet: address of the packet */
	__u64 packet;
	/** @workgroup: linear index of the workgroup */
	__u64 workgroup;
};

/**
 * struct drm_npu_queue_get_state - DRM_NPU_QUEUE_GET_STATE
 *
 * A queue that is not USABLE takes no more work; destroy it and make another.
 */
struct drm_npu_queue_get_state {
	/** @id: queue */
	__u32 id;
	/** @state: out: enum drm_npu_queue_state */
	__u32 state;
	/** @submitted: out: jobs taken */
	__u64 submitted;
	/** @completed: out: jobs finished, failed ones among them */
	__u64 completed;
	/** @fault: out: the first fault */
	struct drm_npu_fault fault;
	/**
	 * @counters: in: array of __u64 (stride 8, count may be 0); out: count returns how many
	 * were written, in the order of npu_counters.h, as of the last job that finished
	 */
	struct drm_npu_obj_array counters;
};

/** enum drm_npu_sync_op_flags - what to do with a syncobj */
enum drm_npu_sync_op_flags {
	/** @DRM_NPU_SYNC_OP_WAIT: the job starts after it */
	DRM_NPU_SYNC_OP_WAIT = 0,
	/** @DRM_NPU_SYNC_OP_SIGNAL: the job's end signals it */
	DRM_NPU_SYNC_OP_SIGNAL = 1u << 0,
	/** @DRM_NPU_SYNC_OP_TIMELINE: a timeline syncobj; else a binary one */
	DRM_NPU_SYNC_OP_TIMELINE = 1u << 1,
};

/** struct drm_npu_sync_op - wait for or signal a syncobj */
struct drm_npu_sync_op {
	/** @flags: enum drm_npu_sync_op_flags */
	__u32 flags;
	/** @handle: syncobj */
	__u32 handle;
	/** @point: TIMELINE: point, not 0 when signalled; else 0 */
	__u64 point;
};

/** struct drm_npu_cmdbuf - command buffer: packets (npu_packet.h) in the queue's VM */
struct drm_npu_cmdbuf {
	/** @va: address of the first packet, 64-byte aligned */
	__u64 va;
	/** @packets: 1..max_packets */
	__u32 packets;
	/** @flags: 0 */
	__u32 flags;
};

/** enum drm_npu_bo_access_flags - what a job does with a BO */
enum drm_npu_bo_access_flags {
	/** @DRM_NPU_BO_ACCESS_READ: it reads: it waits for who writes */
	DRM_NPU_BO_ACCESS_READ = 0,
	/** @DRM_NPU_BO_ACCESS_WRITE: it writes: it waits for all who use it, and they for it */
	DRM_NPU_BO_ACCESS_WRITE = 1u << 0,
};

/**
 * struct drm_npu_bo_access - a BO that is synchronised implicitly, by the fences of its dma-buf
 *
 * The BO need not be bound, nor is it bound by this.
 */
struct drm_npu_bo_access {
	/** @handle: BO, none that belongs to one VM or is memory of a process */
	__u32 handle;
	/** @flags: enum drm_npu_bo_access_flags */
	__u32 flags;
};

/**
 * struct drm_npu_submit - DRM_NPU_SUBMIT: run command buffers on a queue, in order, as one job
 *
 * -ECANCELED: the queue is not usable any more (QUEUE_GET_STATE tells why).
 */
struct drm_npu_submit {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @flags: 0 */
	__u32 flags;
	/** @cmdbufs: array of struct drm_npu_cmdbuf, 0..max_cmdbufs; none: only the syncs */
	struct drm_npu_obj_array cmdbufs;
	/** @syncs: array of struct drm_npu_sync_op, 0..max_syncs */
	struct drm_npu_obj_array syncs;
	/**
	 * @accesses: array of struct drm_npu_bo_access, 0..max_syncs: memory shared with
	 * others that the job waits for, and that others wait for, without a sync op. Since 1.1.
	 */
	struct drm_npu_obj_array accesses;
};

/**
 * struct drm_npu_perfmon_create - DRM_NPU_PERFMON_CREATE: count what one's own queues do
 *
 * Values count from here. -ENOSPC: the file has 64 already.
 */
struct drm_npu_perfmon_create {
	/** @queue_id: queue, or 0: all of the file, later ones and those gone by then too */
	__u32 queue_id;
	/** @counter_version: &drm_npu_device_info.counter_version that @counters is meant for */
	__u32 counter_version;
	/** @counters: bit per counter, in the order of npu_counters.h; not 0 */
	__u64 counters;
	/** @flags: 0 */
	__u32 flags;
	/** @id: out: id of the perfmon */
	__u32 id;
};

/** struct drm_npu_perfmon_destroy - DRM_NPU_PERFMON_DESTROY */
struct drm_npu_perfmon_destroy {
	/** @id: perfmon */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
};

/** enum drm_npu_perfmon_read_flags - how to read a perfmon */
enum drm_npu_perfmon_read_flags {
	/** @DRM_NPU_PERFMON_READ_RESET: count from here on the next time, without a gap */
	DRM_NPU_PERFMON_READ_RESET = 1u << 0,
};

/**
 * struct drm_npu_perfmon_read - DRM_NPU_PERFMON_READ
 *
 * A value never is less than when it was read before, whatever became of queue or device.
 */
struct drm_npu_perfmon_read {
	/** @id: perfmon */
	__u32 id;
	/** @flags: enum drm_npu_perfmon_read_flags */
	__u32 flags;
	/**
	 * @values: in: array of __u64 (stride 8); out: count returns how many were written: those
	 * of the counters chosen, in their order, as of the last job of each queue that finished
	 */
	struct drm_npu_obj_array values;
};

/** enum drm_npu_perf_scope - what a performance stream watches */
enum drm_npu_perf_scope {
	/** @DRM_NPU_PERF_SCOPE_QUEUE: one queue of this file, or with a pid of that process */
	DRM_NPU_PERF_SCOPE_QUEUE = 1,
	/** @DRM_NPU_PERF_SCOPE_ALL: all queues of this file, or of a process; later ones too */
	DRM_NPU_PERF_SCOPE_ALL,
	/** @DRM_NPU_PERF_SCOPE_DEVICE: all queues of the device; needs CAP_PERFMON */
	DRM_NPU_PERF_SCOPE_DEVICE,
};

/** enum drm_npu_perf_stream_flags - properties of a stream's file */
enum drm_npu_perf_stream_flags {
	/** @DRM_NPU_PERF_STREAM_NONBLOCK: as O_NONBLOCK */
	DRM_NPU_PERF_STREAM_NONBLOCK = 1u << 0,
};

/**
 * struct drm_npu_perf_stream_open - DRM_NPU_PERF_STREAM_OPEN: records about work while it runs
 *
 * read() gives whole records (npu_perf.h). With a pid: needs CAP_PERFMON, else -EACCES.
 */
struct drm_npu_perf_stream_open {
	/** @scope: enum drm_npu_perf_scope */
	__u32 scope;
	/** @flags: enum drm_npu_perf_stream_flags */
	__u32 flags;
	/** @queue_id: QUEUE: queue; else 0 */
	__u32 queue_id;
	/** @pid: process whose queues are meant, or 0: those of this file */
	__u32 pid;
	/** @lanes: ALL: rings, and queues at once at most, 1..8; else 1 */
	__u32 lanes;
	/** @modes: NPU_PERF_MODE_* (npu_perf.h) */
	__u32 modes;
	/** @period: with SAMPLES: cycles, NPU_PERF_PERIOD_MIN..MAX; else 0 */
	__u32 period;
	/** @ring_log2: slots of 64 bytes in each ring, 6..15 */
	__u32 ring_log2;
	/** @threshold: slots unread in a ring at which poll() wakes, 1..1 << @ring_log2 */
	__u32 threshold;
	/** @pad: 0 */
	__u32 pad;
	/** @tiles: bit per tile to watch, 0: all */
	__u64 tiles;
	/** @fd: out: the stream, close-on-exec */
	__s32 fd;
	/** @pad2: not looked at */
	__u32 pad2;
};

/** enum drm_npu_perf_lane_state - what a lane of a stream does */
enum drm_npu_perf_lane_state {
	/** @DRM_NPU_PERF_LANE_FREE: waits for a queue */
	DRM_NPU_PERF_LANE_FREE = 0,
	/** @DRM_NPU_PERF_LANE_ON: records */
	DRM_NPU_PERF_LANE_ON,
	/** @DRM_NPU_PERF_LANE_WAITS: a reset stopped it; goes on when what it holds was taken */
	DRM_NPU_PERF_LANE_WAITS,
	/** @DRM_NPU_PERF_LANE_OVER: its queue is gone; free when what it holds was taken */
	DRM_NPU_PERF_LANE_OVER,
};

/** struct drm_npu_perf_status - DRM_NPU_PERF_IOC_STATUS, on the stream's file */
struct drm_npu_perf_status {
	/** @lane: in: lane */
	__u32 lane;
	/** @state: out: enum drm_npu_perf_lane_state */
	__u32 state;
	/** @lanes: out: lanes of the stream */
	__u32 lanes;
	/** @hw_queue: out: what records call its queue; 0xffffffff: all, or none */
	__u32 hw_queue;
	/** @queue_id: out: id of the queue in its file */
	__u32 queue_id;
	/** @pid: out: process that made the queue; 0: not one of here */
	__u32 pid;
	/** @head: out: slots written to the ring */
	__u64 head;
	/** @tail: out: slots taken from it */
	__u64 tail;
	/** @lost: out: records lost since the stream was opened, in this lane */
	__u64 lost;
	/** @missed: out: queues of the stream that could not be watched */
	__u64 missed;
	/** @restarts: out: times that a reset stopped a lane of the stream */
	__u32 restarts;
	/** @pad: out: 0 */
	__u32 pad;
};

/** struct drm_npu_perf_consume - DRM_NPU_PERF_IOC_CONSUME: give slots of a mapped ring back */
struct drm_npu_perf_consume {
	/** @lane: lane */
	__u32 lane;
	/** @pad: 0 */
	__u32 pad;
	/** @tail: all before it has been taken; the end of a record */
	__u64 tail;
};

#define DRM_NPU_PERF_IOC_STATUS	 _IOWR('n', 0x50, struct drm_npu_perf_status)
#define DRM_NPU_PERF_IOC_CONSUME _IOW('n', 0x51, struct drm_npu_perf_consume)

#define DRM_IOCTL_NPU(access, name, type) \
	DRM_##access(DRM_COMMAND_BASE + DRM_NPU_##name, struct drm_npu_##type)

#define DRM_IOCTL_NPU_DEV_QUERY	      DRM_IOCTL_NPU(IOWR, DEV_QUERY, dev_query)
#define DRM_IOCTL_NPU_VM_CREATE	      DRM_IOCTL_NPU(IOWR, VM_CREATE, vm_create)
#define DRM_IOCTL_NPU_VM_DESTROY      DRM_IOCTL_NPU(IOW, VM_DESTROY, vm_destroy)
#define DRM_IOCTL_NPU_VM_BIND	      DRM_IOCTL_NPU(IOWR, VM_BIND, vm_bind)
#define DRM_IOCTL_NPU_VM_GET_STATE    DRM_IOCTL_NPU(IOWR, VM_GET_STATE, vm_get_state)
#define DRM_IOCTL_NPU_BO_CREATE	      DRM_IOCTL_NPU(IOWR, BO_CREATE, bo_create)
#define DRM_IOCTL_NPU_BO_MMAP_OFFSET  DRM_IOCTL_NPU(IOWR, BO_MMAP_OFFSET, bo_mmap_offset)
#define DRM_IOCTL_NPU_QUEUE_CREATE    DRM_IOCTL_NPU(IOWR, QUEUE_CREATE, queue_create)
#define DRM_IOCTL_NPU_QUEUE_DESTROY   DRM_IOCTL_NPU(IOW, QUEUE_DESTROY, queue_destroy)
#define DRM_IOCTL_NPU_QUEUE_GET_STATE DRM_IOCTL_NPU(IOWR, QUEUE_GET_STATE, queue_get_state)
#define DRM_IOCTL_NPU_SUBMIT	      DRM_IOCTL_NPU(IOW, SUBMIT, submit)
#define DRM_IOCTL_NPU_BO_QUERY_INFO   DRM_IOCTL_NPU(IOWR, BO_QUERY_INFO, bo_query_info)
#define DRM_IOCTL_NPU_BO_SET_LABEL    DRM_IOCTL_NPU(IOW, BO_SET_LABEL, bo_set_label)
#define DRM_IOCTL_NPU_BO_MADVISE      DRM_IOCTL_NPU(IOWR, BO_MADVISE, bo_madvise)
#define DRM_IOCTL_NPU_BO_USERPTR      DRM_IOCTL_NPU(IOWR, BO_USERPTR, bo_userptr)
#define DRM_IOCTL_NPU_PERFMON_CREATE  DRM_IOCTL_NPU(IOWR, PERFMON_CREATE, perfmon_create)
#define DRM_IOCTL_NPU_PERFMON_DESTROY DRM_IOCTL_NPU(IOW, PERFMON_DESTROY, perfmon_destroy)
#define DRM_IOCTL_NPU_PERFMON_READ    DRM_IOCTL_NPU(IOWR, PERFMON_READ, perfmon_read)
#define DRM_IOCTL_NPU_PERF_STREAM_OPEN DRM_IOCTL_NPU(IOWR, PERF_STREAM_OPEN, perf_stream_open)

/* Layouts are ABI, the same for 32-bit and 64-bit programs. */
#if !defined(__cplusplus)
#define DRM_NPU_LAYOUT(type, bytes) \
	_Static_assert(sizeof(struct drm_npu_##type) == (bytes), "size of struct drm_npu_" #type)
DRM_NPU_LAYOUT(obj_array, 16);
DRM_NPU_LAYOUT(device_info, 88);
DRM_NPU_LAYOUT(fw_info, 72);
DRM_NPU_LAYOUT(dev_query, 16);
DRM_NPU_LAYOUT(vm_create, 8);
DRM_NPU_LAYOUT(vm_destroy, 8);
DRM_NPU_LAYOUT(vm_bind_op, 32);
DRM_NPU_LAYOUT(vm_bind, 40);
DRM_NPU_LAYOUT(vm_get_state, 16);
DRM_NPU_LAYOUT(bo_create, 24);
DRM_NPU_LAYOUT(bo_mmap_offset, 16);
DRM_NPU_LAYOUT(queue_create, 24);
DRM_NPU_LAYOUT(queue_destroy, 8);
DRM_NPU_LAYOUT(fault, 56);
DRM_NPU_LAYOUT(queue_get_state, 96);
DRM_NPU_LAYOUT(sync_op, 16);
DRM_NPU_LAYOUT(cmdbuf, 16);
DRM_NPU_LAYOUT(submit, 56);
DRM_NPU_LAYOUT(bo_query_info, 48);
DRM_NPU_LAYOUT(bo_set_label, 16);
DRM_NPU_LAYOUT(bo_madvise, 16);
DRM_NPU_LAYOUT(bo_userptr, 24);
DRM_NPU_LAYOUT(limits, 48);
DRM_NPU_LAYOUT(perfmon_create, 24);
DRM_NPU_LAYOUT(perfmon_destroy, 8);
DRM_NPU_LAYOUT(perfmon_read, 24);
DRM_NPU_LAYOUT(perf_stream_open, 56);
DRM_NPU_LAYOUT(perf_status, 64);
DRM_NPU_LAYOUT(perf_consume, 16);
#undef DRM_NPU_LAYOUT
#endif

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_NPU_ACCEL_H_ */
