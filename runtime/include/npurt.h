/* SPDX-License-Identifier: MIT */
/*
 * npurt: the runtime of the NPU.
 *
 * Rules that hold for every function:
 *
 *  - Names are npurt_<object>_<verb>. Objects are opaque and counted: whoever creates one holds a
 *    reference, npurt_<object>_ref() takes another, npurt_<object>_unref() gives one back, takes
 *    NULL, and returns NULL. An object keeps alive what it stands on: a queue its vm, a vm its
 *    device, a mapping its bo, a kernel its module.
 *  - Functions that can fail return 0 or a negative errno, and write through their ret_ pointers
 *    only when they return 0. npurt_error_detail() then says in words what happened and how to
 *    mend it.
 *  - -ENODEV: the device is gone for good. -ECONNRESET: the device was reset and the queue's work
 *    was lost through no fault of its own; make a new queue and go on. -ETIME: the time given to a
 *    wait ran out; the job goes on.
 *  - Structs with a leading size grow in later releases; start them from their _INIT macro. -EINVAL:
 *    the size was never set. -E2BIG: the program sets a member that the loaded library, an older
 *    one, does not know.
 *  - Every object may be used from several threads at once, except for command lists, which are
 *    for one thread at a time. There is no state outside of objects.
 *  - Device addresses are uint64_t, sizes are in bytes, times are in nanoseconds.
 */
#ifndef NPURT_H
#define NPURT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NPURT_VERSION_MAJOR 1
#define NPURT_VERSION_MINOR 0
#define NPURT_VERSION_PATCH 0

struct npurt_device_list;
struct npurt_device;
struct npurt_bo;
struct npurt_vm;
struct npurt_module;
struct npurt_kernel;
struct npurt_timeline;
struct npurt_cmdlist;
struct npurt_queue;

/* ---- library --------------------------------------------------------------------------------- */

/** Version of the library that is loaded: major << 16 | minor << 8 | patch. */
uint32_t npurt_version(void);

/**
 * What the last function that failed on this thread had to say: cause and cure, one or more lines
 * without a final newline. Valid until the next failure on this thread; "" if nothing has failed.
 */
const char *npurt_error_detail(void);

/* ---- devices --------------------------------------------------------------------------------- */

/**
 * List the NPUs of this machine, in the order of their nodes; if the environment's NPURT_BACKEND is
 * "sim", the one device "sim".
 *
 * An empty list is not an error; opening a device then says what is missing. -ENOMEM.
 */
int npurt_device_list_create(struct npurt_device_list **ret_list);
struct npurt_device_list *npurt_device_list_ref(struct npurt_device_list *list);
struct npurt_device_list *npurt_device_list_unref(struct npurt_device_list *list);
/** Number of devices in the list. */
unsigned int npurt_device_list_count(const struct npurt_device_list *list);
/** Path of device index, e.g. "/dev/accel/accel0", or NULL past the end. Owned by the list. */
const char *npurt_device_list_path(const struct npurt_device_list *list, unsigned int index);
/**
 * Bus address of device index, e.g. "0000:01:00.0", "" of a simulated one, or NULL past the end. Owned
 * by the list.
 */
const char *npurt_device_list_bus(const struct npurt_device_list *list, unsigned int index);

/** struct npurt_device_options - what to open. Zero members take the default. */
struct npurt_device_options {
	/** @size: sizeof(struct npurt_device_options) */
	size_t size;
	/** @backend: "drm", "sim" or "null"; NULL: the environment's NPURT_BACKEND, else "drm" */
	const char *backend;
	/** @path: device node, or "sim" or "sim:PROPERTIES"; NULL: the node of device @index */
	const char *path;
	/** @index: position in the device list, from 0 */
	unsigned int index;
};
#define NPURT_DEVICE_OPTIONS_INIT                           \
	{                                                   \
		.size = sizeof(struct npurt_device_options) \
	}

/**
 * Open a device. options may be NULL: the first device.
 *
 * The backend "sim" is a simulated device in this process, made anew by every open: the same kernels
 * give the same results and count the same as on the device of a VM. The path "sim" chooses it too;
 * "sim:tiles=4,threads=2" says what it is like, else NPURT_SIM in the environment does, as
 * libnpurt(3) describes. It belongs to the process that opened it: in a child of a fork it is gone.
 *
 * The backend "null" is a device without hardware: everything is accepted and every job completes
 * at once without being run. It serves to test programs' set-up code.
 *
 * -ENODEV: there is no such device. -EACCES: the node may not be opened. -ENOTSUP: the driver's or
 * the firmware's ABI is not one that this library knows. -EINVAL: unknown backend, or a property of
 * the simulated device that cannot be.
 */
int npurt_device_open(const struct npurt_device_options *options, struct npurt_device **ret_device);
struct npurt_device *npurt_device_ref(struct npurt_device *device);
struct npurt_device *npurt_device_unref(struct npurt_device *device);

/** struct npurt_device_info - what a device is */
struct npurt_device_info {
	/** @size: in: sizeof(struct npurt_device_info) of the caller */
	size_t size;
	/** @hw_version: major << 16 | minor of the hardware contract */
	uint32_t hw_version;
	/** @chiplets: number of chiplets */
	uint32_t chiplets;
	/** @tiles_per_chiplet: tiles on each chiplet */
	uint32_t tiles_per_chiplet;
	/** @tiles: tiles in all */
	uint32_t tiles;
	/** @sram_size: SRAM of one tile, bytes */
	uint32_t sram_size;
	/** @clock_khz: modelled clock, kHz; turns cycles into modelled time */
	uint32_t clock_khz;
	/** @max_queues: hardware queues, shared by all programs */
	uint32_t max_queues;
	/** @page_size: granularity of bo sizes and mappings, bytes */
	uint32_t page_size;
	/** @features: feature bits of the hardware */
	uint64_t features;
	/** @va_start: first device address that can be mapped */
	uint64_t va_start;
	/** @va_end: first device address past those that can be mapped */
	uint64_t va_end;
	/** @max_packets: packets in one command buffer */
	uint32_t max_packets;
	/** @max_cmdbufs: command buffers in one submit */
	uint32_t max_cmdbufs;
	/** @max_syncs: waits and signals in one submit */
	uint32_t max_syncs;
	/** @counter_count: counters that the device has */
	uint32_t counter_count;
	/** @default_timeout_ms: time a job may run without progress, if the queue does not say */
	uint32_t default_timeout_ms;
	/** @max_timeout_ms: highest timeout that a queue may ask for */
	uint32_t max_timeout_ms;
	/** @fw_abi_major: ABI of the firmware that runs */
	uint32_t fw_abi_major;
	/** @fw_abi_minor: ABI of the firmware that runs */
	uint32_t fw_abi_minor;
	/** @fw_features: feature bits of the firmware */
	uint64_t fw_features;
	/** @fw_build_id: GNU build id of the firmware */
	uint8_t fw_build_id[20];
	/** @fw_version: version text of the firmware */
	char fw_version[32];
	/** @driver_name: name of the kernel driver, or of the backend */
	char driver_name[32];
	/** @driver_major: uAPI version of the driver */
	uint32_t driver_major;
	/** @driver_minor: uAPI version of the driver */
	uint32_t driver_minor;
	/** @driver_patch: uAPI version of the driver */
	uint32_t driver_patch;
	/** @path: node that was opened, "" if there is none */
	char path[64];
	/** @bus: bus address, "" if there is none */
	char bus[32];
};
#define NPURT_DEVICE_INFO_INIT                           \
	{                                                \
		.size = sizeof(struct npurt_device_info) \
	}

/**
 * Fill info with what is known about the device; members past info->size are left out. -EINVAL:
 * info->size is nonsense.
 */
int npurt_device_get_info(const struct npurt_device *device, struct npurt_device_info *info);

/** struct npurt_limits - what the user may have of the device over all programs, and has */
struct npurt_limits {
	/** @size: in: sizeof(struct npurt_limits) of the caller */
	size_t size;
	/** @memory_limit: bytes of buffers; 0: no limit */
	uint64_t memory_limit;
	/** @memory_used: bytes of buffers */
	uint64_t memory_used;
	/** @vms_limit: address spaces; 0: no limit */
	uint64_t vms_limit;
	/** @vms_used: address spaces */
	uint64_t vms_used;
	/** @queues_limit: queues; 0: no limit */
	uint64_t queues_limit;
	/** @queues_used: queues */
	uint64_t queues_used;
};
#define NPURT_LIMITS_INIT                           \
	{                                           \
		.size = sizeof(struct npurt_limits) \
	}

/** Fill limits; members past limits->size are left out. Of the simulated device: all 0. */
int npurt_device_get_limits(struct npurt_device *device, struct npurt_limits *limits);

/* ---- memory ---------------------------------------------------------------------------------- */

/**
 * Make a buffer: size bytes of zero-filled memory that host and device share, rounded up to whole
 * pages. It has no device address before it is mapped into a vm. -EINVAL: size is 0. -ENOMEM.
 */
int npurt_bo_create(struct npurt_device *device, uint64_t size, struct npurt_bo **ret_bo);
struct npurt_bo *npurt_bo_ref(struct npurt_bo *bo);
struct npurt_bo *npurt_bo_unref(struct npurt_bo *bo);
/** enum npurt_bo_flags - properties of a buffer for life */
enum npurt_bo_flags {
	/**
	 * @NPURT_BO_WC: mapped write-combined into the process: for what it writes once, in order, and
	 * never reads, which would be very slow
	 */
	NPURT_BO_WC = 1 << 0,
};

/** struct npurt_bo_options - how to make a buffer. Zero members take the default. */
struct npurt_bo_options {
	/** @size: sizeof(struct npurt_bo_options) */
	size_t size;
	/** @flags: enum npurt_bo_flags */
	unsigned int flags;
	/** @vm: the only one that it will be mapped into, which makes submits cheaper; or NULL */
	struct npurt_vm *vm;
	/** @label: name for people who look at memory, at most 255 bytes; or NULL */
	const char *label;
};
#define NPURT_BO_OPTIONS_INIT                           \
	{                                               \
		.size = sizeof(struct npurt_bo_options) \
	}

/**
 * As npurt_bo_create(). options may be NULL. -EINVAL: unknown flags, or a vm of another device.
 * -E2BIG: the label is too long. -EDQUOT: the user may not have that much; the detail text names
 * the limit.
 */
int npurt_bo_create_with(struct npurt_device *device, uint64_t size,
			 const struct npurt_bo_options *options, struct npurt_bo **ret_bo);
/**
 * Make a buffer of memory that the process has: size bytes from pointer, both multiples of the page
 * size. Its pages stay pinned until the buffer is gone, and count against RLIMIT_MEMLOCK.
 *
 * @flags: NPURT_MAP_READONLY: memory that may only be read; it must then be mapped so.
 * -EPERM: more than RLIMIT_MEMLOCK. -EDQUOT: more than the user may have. -EFAULT: memory that is
 * not there. -EOPNOTSUPP: the simulated device, which has memory of its own only.
 */
int npurt_bo_wrap(struct npurt_device *device, void *pointer, uint64_t size, unsigned int flags,
		  struct npurt_bo **ret_bo);
/**
 * Make a dma-buf of a buffer, for another device or process; the caller closes it. -EACCES: a buffer
 * of one vm, or one that wraps memory. -EOPNOTSUPP: the simulated device.
 */
int npurt_bo_export(struct npurt_bo *bo, int *ret_fd);
/**
 * Make a buffer of a dma-buf, whosever it is; fd stays the caller's. -EINVAL: no dma-buf, or not whole
 * pages. -EOPNOTSUPP: the simulated device.
 */
int npurt_bo_import(struct npurt_device *device, int fd, struct npurt_bo **ret_bo);
/** Name a buffer for people who look at memory; NULL: no name. -E2BIG: above 255 bytes. */
int npurt_bo_set_label(struct npurt_bo *bo, const char *label);
/**
 * Say whether the content of a buffer is needed. While it is not, the system may take its memory when
 * it runs short. Say that it is before using it again, and look at *ret_retained: if that is false the
 * content is lost and the buffer is good for nothing any more. Wait for jobs that use it first.
 *
 * @ret_retained: may be NULL.
 * -EINVAL: an imported buffer, or one that wraps memory.
 */
int npurt_bo_set_needed(struct npurt_bo *bo, bool needed, bool *ret_retained);

/** enum npurt_bo_kind - where the memory of a buffer is from */
enum npurt_bo_kind {
	/** @NPURT_BO_OWN: npurt_bo_create() */
	NPURT_BO_OWN = 0,
	/** @NPURT_BO_IMPORTED: npurt_bo_import(), of another device */
	NPURT_BO_IMPORTED = 1,
	/** @NPURT_BO_WRAPPED: npurt_bo_wrap() */
	NPURT_BO_WRAPPED = 2,
};

/** struct npurt_bo_info - what a buffer is */
struct npurt_bo_info {
	/** @size: in: sizeof(struct npurt_bo_info) of the caller */
	size_t size;
	/** @bytes: its size */
	uint64_t bytes;
	/** @resident: bytes of it that have memory now */
	uint64_t resident;
	/** @flags: enum npurt_bo_flags */
	unsigned int flags;
	/** @kind: enum npurt_bo_kind */
	unsigned int kind;
	/** @needed: false: its memory may be taken */
	bool needed;
	/** @retained: false: it was */
	bool retained;
	/** @label: "" if it has none */
	char label[256];
};
#define NPURT_BO_INFO_INIT                           \
	{                                            \
		.size = sizeof(struct npurt_bo_info) \
	}

/** Fill info; members past info->size are left out. */
int npurt_bo_get_info(struct npurt_bo *bo, struct npurt_bo_info *info);
/** Size in bytes, after rounding. */
uint64_t npurt_bo_size(const struct npurt_bo *bo);
/**
 * Map the whole buffer into this process, read and write. Every call returns the same pointer; it
 * is valid as long as the bo lives. Host and device are coherent: what a job wrote is seen once
 * its point was waited for, what the host wrote before a submit is seen by the job.
 */
int npurt_bo_map(struct npurt_bo *bo, void **ret_pointer);

/** enum npurt_map_flags - how a mapping may be used by the device. Reading is always allowed. */
enum npurt_map_flags {
	/** @NPURT_MAP_READONLY: the device may not write */
	NPURT_MAP_READONLY = 1 << 0,
	/** @NPURT_MAP_EXEC: the device may execute */
	NPURT_MAP_EXEC = 1 << 1,
};

/**
 * Make an empty device address space. -ENOSPC: the device has no more. -EDQUOT: the user may have no
 * more.
 */
int npurt_vm_create(struct npurt_device *device, struct npurt_vm **ret_vm);
struct npurt_vm *npurt_vm_ref(struct npurt_vm *vm);
struct npurt_vm *npurt_vm_unref(struct npurt_vm *vm);
/**
 * Map size bytes of bo, from offset, at a device address that the library picks; size 0: up to the
 * end. The mapping holds the bo and is in effect when the call returns. It lasts until
 * npurt_vm_unmap() or the end of the vm.
 *
 * @offset, @size: multiples of the page size.
 * @flags: enum npurt_map_flags.
 * -EINVAL: a bad range or flag. -ENOSPC: no room in the address space.
 */
int npurt_vm_map(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t offset, uint64_t size,
		 unsigned int flags, uint64_t *ret_va);
/**
 * As npurt_vm_map(), at device address va, a multiple of the page size. -EBUSY: something is mapped
 * there. size must not be 0.
 */
int npurt_vm_map_at(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t offset, uint64_t size,
		    unsigned int flags, uint64_t va);
/**
 * Map size bytes at a device address that the library picks without memory behind: the device reads
 * zeros there, and what it writes is dropped, or faults with NPURT_MAP_READONLY. However large, it costs
 * next to nothing. It lasts until npurt_vm_unmap() or the end of the vm.
 *
 * -EINVAL: a bad size or flag. -ENOSPC: no room. -EOPNOTSUPP: the device cannot.
 */
int npurt_vm_map_sparse(struct npurt_vm *vm, uint64_t size, unsigned int flags, uint64_t *ret_va);
/**
 * Undo the mapping that starts at va, whole. A job that still uses it fails with a page fault.
 * -ENOENT: no mapping starts there.
 */
int npurt_vm_unmap(struct npurt_vm *vm, uint64_t va);
/**
 * The common case in one call: make a buffer of size bytes, map it into this process and into the
 * vm. ret_bo may be NULL: then the mapping alone keeps the buffer, and the pointer is valid until
 * npurt_vm_unmap(). ret_pointer may be NULL: not mapped into this process.
 */
int npurt_vm_alloc(struct npurt_vm *vm, uint64_t size, unsigned int flags, struct npurt_bo **ret_bo,
		   void **ret_pointer, uint64_t *ret_va);

/* ---- modules and kernels --------------------------------------------------------------------- */

/**
 * Load an ELF made by npucc into a vm: text read-only and executable, constants read-only, data
 * writable and not executable. Data is shared by all tiles and lives as long as the module.
 *
 * The module must stay until every job that uses it has finished; command lists hold the modules
 * of their kernels.
 *
 * -ENOENT and the like: the file cannot be read. -ENOEXEC: not an ELF that the NPU can run; the
 * detail text says why. -ENOSPC, -ENOMEM.
 */
int npurt_module_load_file(struct npurt_vm *vm, const char *path, struct npurt_module **ret_module);
/** The same from memory, which is copied. name stands for the file in messages. */
int npurt_module_load(struct npurt_vm *vm, const void *image, size_t size, const char *name,
		      struct npurt_module **ret_module);
struct npurt_module *npurt_module_ref(struct npurt_module *module);
struct npurt_module *npurt_module_unref(struct npurt_module *module);
/** Number of kernels in the module, at least 1. */
unsigned int npurt_module_kernel_count(const struct npurt_module *module);
/** Name of kernel index, or NULL past the end. Owned by the module. */
const char *npurt_module_kernel_name(const struct npurt_module *module, unsigned int index);
/** Look a kernel up by its name. -ENOENT: there is none; the detail text lists those there are. */
int npurt_module_get_kernel(struct npurt_module *module, const char *name,
			    struct npurt_kernel **ret_kernel);

struct npurt_kernel *npurt_kernel_ref(struct npurt_kernel *kernel);
struct npurt_kernel *npurt_kernel_unref(struct npurt_kernel *kernel);
/** Name, owned by the kernel. */
const char *npurt_kernel_name(const struct npurt_kernel *kernel);
/** Bytes of arguments that the kernel reads. */
size_t npurt_kernel_args_size(const struct npurt_kernel *kernel);
/** Device address of the kernel's first instruction. */
uint64_t npurt_kernel_entry(const struct npurt_kernel *kernel);

/** struct npurt_symbol - a place in a kernel's source */
struct npurt_symbol {
	/** @size: in: sizeof(struct npurt_symbol) of the caller */
	size_t size;
	/** @module: name of the module, "" if the address is in none */
	char module[128];
	/** @function: innermost function, inlined or not, "" if unknown */
	char function[128];
	/** @file: source file as the compiler was given it, "" if unknown */
	char file[256];
	/** @line: line in @file, from 1; 0 if unknown */
	uint32_t line;
	/** @column: column in @line, from 1; 0 if unknown */
	uint32_t column;
};
#define NPURT_SYMBOL_INIT                           \
	{                                           \
		.size = sizeof(struct npurt_symbol) \
	}

/** Find the source of a device address in the modules loaded into vm. -ENOENT: in none of them. */
int npurt_vm_symbolise(struct npurt_vm *vm, uint64_t pc, struct npurt_symbol *symbol);

/* ---- timelines ------------------------------------------------------------------------------- */

/**
 * Make a timeline: a number that only grows, from 0. "Point p is reached" when it is at least p.
 * Jobs signal points and wait for points; so may the host. Points signalled on one timeline should
 * grow in the order in which they are submitted.
 */
int npurt_timeline_create(struct npurt_device *device, struct npurt_timeline **ret_timeline);
struct npurt_timeline *npurt_timeline_ref(struct npurt_timeline *timeline);
struct npurt_timeline *npurt_timeline_unref(struct npurt_timeline *timeline);

/** For timeout_ns: wait without end. */
#define NPURT_WAIT_FOREVER INT64_MAX

/**
 * Wait until a point is reached and tell how the jobs that signalled it and the points before it
 * fared. The point need not have been submitted yet. A failure stays with its timeline: whoever
 * waits for that point or a later one is told; start over with a new queue and a new timeline.
 *
 * @timeout_ns: from now; 0: just look.
 * Returns 0, or
 * -ETIME: not reached in time.
 * -EFAULT: a job accessed an address that is not mapped so.
 * -ENOEXEC: a job ran into an illegal instruction.
 * -ECONNABORTED: a kernel called npu_abort().
 * -EBADMSG: a job's packet or descriptor broke a rule.
 * -ETIMEDOUT: a job made no progress within its queue's timeout, or took longer than any may, and was killed.
 * -ECANCELED: a job was cancelled, because an earlier job of its queue failed or the queue was
 *     destroyed.
 * -ECONNRESET: the device was reset while the job was there, on another job's account.
 * -EIO: the hardware failed.
 * -ENODEV: the device is gone.
 * The detail text holds the fault report, with the kernel's source line where it is known.
 */
int npurt_timeline_wait(struct npurt_timeline *timeline, uint64_t point, int64_t timeout_ns);
/** Signal a point from the host; it must be higher than all before it. -EINVAL: it is 0. */
int npurt_timeline_signal(struct npurt_timeline *timeline, uint64_t point);
/** Highest point that has been reached. */
int npurt_timeline_query(struct npurt_timeline *timeline, uint64_t *ret_point);

/* ---- command lists --------------------------------------------------------------------------- */

/**
 * Make an empty command list in a vm. Append commands, finish, submit as often as needed.
 *
 * Commands start in order, but a command may overlap those before it; put a barrier in front of a
 * command that needs the results of earlier ones. Not thread safe.
 */
int npurt_cmdlist_create(struct npurt_vm *vm, struct npurt_cmdlist **ret_list);
struct npurt_cmdlist *npurt_cmdlist_ref(struct npurt_cmdlist *list);
struct npurt_cmdlist *npurt_cmdlist_unref(struct npurt_cmdlist *list);

/**
 * Run a kernel over a grid of x * y * z workgroups.
 *
 * @args: args_size bytes, copied; the kernel sees them at a read-only address, 64-byte aligned.
 *     args_size must be the kernel's.
 * @x, @y, @z: 1..2^20 each, their product below 2^32.
 * -EINVAL: a bad grid or args_size, a kernel of another vm, a finished list.
 */
int npurt_cmdlist_dispatch(struct npurt_cmdlist *list, struct npurt_kernel *kernel,
			   const void *args, size_t args_size, uint32_t x, uint32_t y, uint32_t z);
/**
 * Run a kernel as a gang: all workgroups at the same time, workgroup i (counted x first) on tile i, so that they
 * may reach each other's SRAM and wait for each other; see <npu.h>. A gang that waits for ever is
 * ended by the queue's timeout.
 *
 * As npurt_cmdlist_dispatch(), but x * y * z is at most the number of tiles; more is -EINVAL.
 */
int npurt_cmdlist_dispatch_gang(struct npurt_cmdlist *list, struct npurt_kernel *kernel,
				const void *args, size_t args_size, uint32_t x, uint32_t y,
				uint32_t z);
/** Copy size bytes between device addresses. They must not overlap. */
int npurt_cmdlist_copy(struct npurt_cmdlist *list, uint64_t dst, uint64_t src, uint64_t size);
/** Fill size bytes at dst with a repeated 32-bit value. dst and size are multiples of 4. */
int npurt_cmdlist_fill(struct npurt_cmdlist *list, uint64_t dst, uint32_t value, uint64_t size);

/** struct npurt_block - a block of rows and planes, for copies and fills */
struct npurt_block {
	/** @size: sizeof(struct npurt_block) */
	size_t size;
	/** @dst: device address to write; a fill wants a multiple of 4 */
	uint64_t dst;
	/** @src: device address to read; copies only */
	uint64_t src;
	/** @bytes: bytes in a row, at least 1; a fill wants a multiple of 4 */
	uint32_t bytes;
	/** @rows: rows in a plane, at least 1 */
	uint32_t rows;
	/** @planes: planes, at least 1 */
	uint32_t planes;
	/** @dst_row: bytes from row to row at @dst */
	uint32_t dst_row;
	/** @dst_plane: bytes from plane to plane at @dst */
	uint32_t dst_plane;
	/** @src_row: bytes from row to row at @src */
	uint32_t src_row;
	/** @src_plane: bytes from plane to plane at @src */
	uint32_t src_plane;
	/** @value: what to fill with; fills only */
	uint32_t value;
};
#define NPURT_BLOCK_INIT                                                               \
	{                                                                              \
		.size = sizeof(struct npurt_block), .bytes = 1, .rows = 1, .planes = 1 \
	}

/** Copy a block. Source and destination must not overlap. -EINVAL: a dimension is 0. */
int npurt_cmdlist_copy_block(struct npurt_cmdlist *list, const struct npurt_block *block);
/** Fill a block. -EINVAL: a dimension is 0, dst or bytes is not a multiple of 4. */
int npurt_cmdlist_fill_block(struct npurt_cmdlist *list, const struct npurt_block *block);

/* npurt_gather.flags */
#define NPURT_GATHER_SCATTER 1u /* the indices name rows at dst, not at src */
#define NPURT_GATHER_PAD     2u /* an index out of bounds: a row of zeros; scatter: drop the row */

/** struct npurt_gather - rows that a list of indices names */
struct npurt_gather {
	/** @size: sizeof(struct npurt_gather) */
	size_t size;
	/** @dst: device address of the first row to write */
	uint64_t dst;
	/** @src: device address of row 0 to read */
	uint64_t src;
	/** @indices: device address of @rows uint32_t, a multiple of 4 */
	uint64_t indices;
	/** @bytes: bytes in a row, at least 1 */
	uint32_t bytes;
	/** @rows: number of indices, at least 1 */
	uint32_t rows;
	/** @dst_row: bytes from row to row at @dst */
	uint32_t dst_row;
	/** @src_row: bytes from row to row at @src */
	uint32_t src_row;
	/** @bound: indices must be below it, else the job fails; 0: any index */
	uint32_t bound;
	/** @flags: NPURT_GATHER_* */
	uint32_t flags;
};
#define NPURT_GATHER_INIT                                                  \
	{                                                                  \
		.size = sizeof(struct npurt_gather), .bytes = 1, .rows = 1 \
	}

/**
 * Gather: row r of dst becomes row indices[r] of src, as for embeddings. With NPURT_GATHER_SCATTER row
 * indices[r] of dst becomes row r of src; later rows go over earlier ones. Source, destination and
 * list must not overlap. The list is read when the command runs.
 * -EINVAL: no bytes or rows, indices not a multiple of 4, PAD without a bound, an unknown flag.
 */
int npurt_cmdlist_gather(struct npurt_cmdlist *list, const struct npurt_gather *gather);
/** Later commands start when all earlier ones have finished. */
int npurt_cmdlist_barrier(struct npurt_cmdlist *list);

/** struct npurt_timestamp - what npurt_cmdlist_timestamp() writes */
struct npurt_timestamp {
	/** @cycles: modelled cycles of the queue so far */
	uint64_t cycles;
	/** @wall_ns: clock of the device, ns; differs from run to run */
	uint64_t wall_ns;
	/** @time_ps: modelled time of the queue so far, at the clocks that it ran at */
	uint64_t time_ps;
	/** @reserved: 0 */
	uint64_t reserved;
};

/** Write a struct npurt_timestamp at device address va (32-byte aligned); orders like a barrier. */
int npurt_cmdlist_timestamp(struct npurt_cmdlist *list, uint64_t va);

/** Bytes that npurt_cmdlist_counters() writes: 64 bytes of header, then the 64-bit counters. */
#define NPURT_COUNTER_BLOCK_SIZE   576
#define NPURT_COUNTER_BLOCK_VALUES 64

/**
 * Write a snapshot of the queue's counters at device address va (64-byte aligned,
 * NPURT_COUNTER_BLOCK_SIZE bytes); counter i is the uint64_t at NPURT_COUNTER_BLOCK_VALUES + 8 * i.
 */
int npurt_cmdlist_counters(struct npurt_cmdlist *list, uint64_t va);
/**
 * The same by core: at va (64-byte aligned, size bytes) one block of NPURT_COUNTER_BLOCK_SIZE for each
 * tile, then one for the copy engine and one for the front end: npurt_device_info.tiles + 2
 * blocks. Each counter is the part of its core; their sum is what npurt_cmdlist_counters() writes,
 * but for "cycles", which is the queue's clock in each. -EINVAL: misaligned, or no room for all.
 */
int npurt_cmdlist_counters_by_core(struct npurt_cmdlist *list, uint64_t va, uint64_t size);

/** Commands appended so far. */
unsigned int npurt_cmdlist_length(const struct npurt_cmdlist *list);
/** End appending; the list can be submitted from now on. -EINVAL: it is empty. */
int npurt_cmdlist_finish(struct npurt_cmdlist *list);
/** Empty the list for new commands. -EBUSY: a job still runs it; wait for its point first. */
int npurt_cmdlist_reset(struct npurt_cmdlist *list);

/* ---- queues ---------------------------------------------------------------------------------- */

/** enum npurt_priority - scheduling priority of a queue */
enum npurt_priority {
	/** @NPURT_PRIORITY_NORMAL: default */
	NPURT_PRIORITY_NORMAL = 0,
	/** @NPURT_PRIORITY_LOW: background */
	NPURT_PRIORITY_LOW = 1,
	/** @NPURT_PRIORITY_HIGH: needs CAP_SYS_NICE */
	NPURT_PRIORITY_HIGH = 2,
	/** @NPURT_PRIORITY_REALTIME: needs CAP_SYS_NICE */
	NPURT_PRIORITY_REALTIME = 3,
};

/** struct npurt_queue_options - how to make a queue. Zero members take the default. */
struct npurt_queue_options {
	/** @size: sizeof(struct npurt_queue_options) */
	size_t size;
	/** @priority: enum npurt_priority */
	unsigned int priority;
	/** @timeout_ms: time a job may run without progress; 0: the device's default */
	unsigned int timeout_ms;
};
#define NPURT_QUEUE_OPTIONS_INIT                           \
	{                                                  \
		.size = sizeof(struct npurt_queue_options) \
	}

/**
 * Make a queue on a vm. Its jobs run in the order of their submits; jobs of different queues are
 * independent. options may be NULL. Destroying a queue (its last unref) cancels its jobs.
 *
 * -EBUSY: all hardware queues are taken. -EDQUOT: the user may have no more. -EACCES: the priority
 * needs CAP_SYS_NICE.
 */
int npurt_queue_create(struct npurt_vm *vm, const struct npurt_queue_options *options,
		       struct npurt_queue **ret_queue);
struct npurt_queue *npurt_queue_ref(struct npurt_queue *queue);
struct npurt_queue *npurt_queue_unref(struct npurt_queue *queue);

/** struct npurt_point - a point on a timeline */
struct npurt_point {
	/** @timeline: borrowed for the call */
	struct npurt_timeline *timeline;
	/** @point: the point; at least 1 when signalled */
	uint64_t point;
};

/** struct npurt_submit - one job */
struct npurt_submit {
	/** @size: sizeof(struct npurt_submit) */
	size_t size;
	/** @cmdlists: finished lists of the queue's vm, run one after the other */
	struct npurt_cmdlist *const *cmdlists;
	/** @cmdlist_count: number of @cmdlists; 0: only the points */
	unsigned int cmdlist_count;
	/** @wait_count: number of @waits */
	unsigned int wait_count;
	/** @waits: the job starts when these are reached; they must have been submitted */
	const struct npurt_point *waits;
	/** @signals: reached when the job has ended, well or not */
	const struct npurt_point *signals;
	/** @signal_count: number of @signals */
	unsigned int signal_count;
};
#define NPURT_SUBMIT_INIT                           \
	{                                           \
		.size = sizeof(struct npurt_submit) \
	}

/**
 * Hand a job to the device and return at once. The lists may be given back; memory and modules
 * that they use must stay until the job has ended.
 *
 * -ECANCELED: an earlier job of this queue failed, the queue takes no more work; the detail text
 * says how. -EINVAL: a list is not finished or of another vm, or a wait was not submitted yet.
 */
int npurt_queue_submit(struct npurt_queue *queue, const struct npurt_submit *submit);
/** Submit one list and wait for its end; returns what npurt_timeline_wait() would. */
int npurt_queue_run(struct npurt_queue *queue, struct npurt_cmdlist *list, int64_t timeout_ns);
/** Wait for the end of all that was submitted to the queue so far; as npurt_timeline_wait(). */
int npurt_queue_wait(struct npurt_queue *queue, int64_t timeout_ns);

/** enum npurt_fault_error - why a job failed */
enum npurt_fault_error {
	NPURT_FAULT_NONE = 0,
	NPURT_FAULT_PAGE = 1,	    /* address not mapped, or not so */
	NPURT_FAULT_BUS = 2,	    /* mapped, but the memory does not answer */
	NPURT_FAULT_ILLEGAL = 3,    /* illegal instruction */
	NPURT_FAULT_BREAKPOINT = 4, /* npu_abort() or ebreak */
	NPURT_FAULT_MISALIGNED = 5, /* misaligned atomic or instruction address */
	NPURT_FAULT_DESCRIPTOR = 6, /* DMA or matrix descriptor out of range */
	NPURT_FAULT_PACKET = 7,	    /* packet that breaks a rule */
	NPURT_FAULT_RING = 8,	    /* driver and firmware disagree */
	NPURT_FAULT_STOPPED = 9,    /* stopped while it ran */
	NPURT_FAULT_HARDWARE = 10,  /* tile error */
	NPURT_FAULT_INDEX = 11,	    /* index of a gather or scatter that is out of bounds */
	NPURT_FAULT_ECC = 12,	    /* uncorrectable error in a tile's or engine's memory */
};

/** enum npurt_fault_access - what a job was doing to memory when it failed */
enum npurt_fault_access {
	NPURT_ACCESS_READ = 0,
	NPURT_ACCESS_WRITE = 1,
	NPURT_ACCESS_EXEC = 2,
	NPURT_ACCESS_NONE = 3,
};

/* npurt_fault.core of a fault that happened in no tile */
#define NPURT_CORE_COPY	 0x100 /* copy engine */
#define NPURT_CORE_FRONT 0x101 /* command front end */

/** struct npurt_fault - the first fault of a queue */
struct npurt_fault {
	/** @size: in: sizeof(struct npurt_fault) of the caller */
	size_t size;
	/** @error: enum npurt_fault_error */
	uint32_t error;
	/** @access: enum npurt_fault_access */
	uint32_t access;
	/** @core: tile number, or NPURT_CORE_* */
	uint32_t core;
	/** @context: address space of the hardware that the job ran in */
	uint32_t context;
	/** @job: number of the failed job in its queue, from 1 */
	uint64_t job;
	/** @addr: address accessed; ILLEGAL: the instruction */
	uint64_t addr;
	/** @pc: program counter, 0 if no tile was involved */
	uint64_t pc;
	/** @packet: device address of the packet */
	uint64_t packet;
	/** @workgroup: linear index x + gx * (y + gy * z) */
	uint64_t workgroup;
	/** @symbol: where @pc is in the source; members are empty where it is not known */
	struct npurt_symbol symbol;
};
#define NPURT_FAULT_INIT                                                        \
	{                                                                       \
		.size = sizeof(struct npurt_fault), .symbol = NPURT_SYMBOL_INIT \
	}

/** enum npurt_queue_condition - how a queue fares */
enum npurt_queue_condition {
	/** @NPURT_QUEUE_USABLE: in order */
	NPURT_QUEUE_USABLE = 0,
	/** @NPURT_QUEUE_FAULTED: a job failed */
	NPURT_QUEUE_FAULTED = 1,
	/** @NPURT_QUEUE_TIMEDOUT: a job's time was over and it was killed */
	NPURT_QUEUE_TIMEDOUT = 2,
	/** @NPURT_QUEUE_INNOCENT: lost in a reset that another queue caused */
	NPURT_QUEUE_INNOCENT = 3,
};

/** struct npurt_queue_status - state of a queue */
struct npurt_queue_status {
	/** @size: in: sizeof(struct npurt_queue_status) of the caller */
	size_t size;
	/** @condition: enum npurt_queue_condition; other than USABLE: make a new queue */
	uint32_t condition;
	/** @id: number of the queue in the driver */
	uint32_t id;
	/** @submitted: jobs taken */
	uint64_t submitted;
	/** @completed: jobs ended, failed ones among them */
	uint64_t completed;
	/** @fault: the first fault; .error is NPURT_FAULT_NONE if there was none */
	struct npurt_fault fault;
};
#define NPURT_QUEUE_STATUS_INIT                                                      \
	{                                                                            \
		.size = sizeof(struct npurt_queue_status), .fault = NPURT_FAULT_INIT \
	}

/** Ask how the queue fares. -ENODEV: the device is gone. */
int npurt_queue_get_status(struct npurt_queue *queue, struct npurt_queue_status *status);
/**
 * Write a fault report of several lines to text: at most size bytes with its NUL. Returns the
 * length that the whole report has, as snprintf() does.
 */
int npurt_fault_text(const struct npurt_fault *fault, char *text, size_t size);

/* ---- counters -------------------------------------------------------------------------------- */

/** struct npurt_counter_info - what a counter counts */
struct npurt_counter_info {
	/** @size: in: sizeof(struct npurt_counter_info) of the caller */
	size_t size;
	/** @name: e.g. "matrix.macs"; static */
	const char *name;
	/** @unit: e.g. "cycles"; static */
	const char *unit;
	/** @description: one line; static */
	const char *description;
};
#define NPURT_COUNTER_INFO_INIT                           \
	{                                                 \
		.size = sizeof(struct npurt_counter_info) \
	}

/** Number of counters that this library knows. */
unsigned int npurt_counter_count(void);
/** Describe counter index. -EINVAL: index is past the end. */
int npurt_counter_get_info(unsigned int index, struct npurt_counter_info *info);
/** Find a counter by name. -ENOENT: there is none of that name. */
int npurt_counter_find(const char *name, unsigned int *ret_index);
/**
 * Read a queue's counters, as of its last job that ended. values has room for count; ret_count
 * tells how many were written. The values come from the device's model: the same work gives the
 * same numbers on every machine.
 */
int npurt_queue_get_counters(struct npurt_queue *queue, uint64_t *values, unsigned int count,
			     unsigned int *ret_count);

/* ---- performance streams --------------------------------------------------------------------- */

/** What a stream watches. */
enum npurt_perf_scope {
	NPURT_PERF_QUEUE = 1,  /* @queue, or with @pid queue @queue_id of that process */
	NPURT_PERF_ALL = 2,    /* all queues made through this device handle, or by process @pid */
	NPURT_PERF_DEVICE = 3, /* all queues of the device */
};

/** struct npurt_perf_options - what to record */
struct npurt_perf_options {
	/** @size: sizeof(struct npurt_perf_options) */
	size_t size;
	/** @queue: NPURT_PERF_QUEUE without @pid: queue of this device; borrowed for the call */
	struct npurt_queue *queue;
	/** @scope: enum npurt_perf_scope */
	unsigned int scope;
	/** @pid: process whose queues are meant, 0: this handle's. Needs CAP_PERFMON */
	unsigned int pid;
	/** @queue_id: NPURT_PERF_QUEUE with @pid: id of the queue there */
	unsigned int queue_id;
	/** @modes: NPU_PERF_MODE_* of npu_perf.h: kinds of records */
	unsigned int modes;
	/** @period: with samples: cycles between two; else 0 */
	unsigned int period;
	/** @ring_log2: slots of 64 bytes per queue, 6 to 15; 0: 12 */
	unsigned int ring_log2;
	/** @threshold: slots unread at which a wait ends; 0: half of the ring */
	unsigned int threshold;
	/** @lanes: NPURT_PERF_ALL: queues at once, 1 to 8; 0: 8 */
	unsigned int lanes;
	/** @tiles: bit per tile to watch; 0: all */
	uint64_t tiles;
};
#define NPURT_PERF_OPTIONS_INIT                            \
	{                                                  \
		.size = sizeof(struct npurt_perf_options), \
	}

/** struct npurt_perf_status - how a stream fares; sums over its queues */
struct npurt_perf_status {
	/** @size: sizeof(struct npurt_perf_status) */
	size_t size;
	/** @unread: slots that can be read */
	uint64_t unread;
	/** @lost: records for which there was no room */
	uint64_t lost;
	/** @missed: queues that could not be watched, as the hardware has few streams */
	uint64_t missed;
	/** @restarts: times that a device reset stopped it */
	unsigned int restarts;
};
#define NPURT_PERF_STATUS_INIT                            \
	{                                                 \
		.size = sizeof(struct npurt_perf_status), \
	}

struct npurt_perf_stream;

/**
 * Record what queues do while they do it, until the last unref. Who is watched need not know of it.
 *
 * -EBUSY: the queue is watched already, or the hardware has no free stream. -EACCES: pid or device
 * without CAP_PERFMON. -ENOENT, -ESRCH: no such queue or process. -EDQUOT: the user may have no more
 * memory. -EOPNOTSUPP: the device is simulated, or the driver is too old.
 */
int npurt_perf_stream_open(struct npurt_device *device, const struct npurt_perf_options *options,
			   struct npurt_perf_stream **ret_stream);
struct npurt_perf_stream *npurt_perf_stream_ref(struct npurt_perf_stream *stream);
struct npurt_perf_stream *npurt_perf_stream_unref(struct npurt_perf_stream *stream);
/** Descriptor for poll(), borrowed: POLLIN at the threshold. */
int npurt_perf_stream_fd(struct npurt_perf_stream *stream);
/**
 * Read whole records (npu_perf.h), as many as there are and fit; does not wait. ret_bytes 0: none is
 * there. -EINVAL: not even one fits: give 4096 bytes. -ENODEV: the device is gone.
 */
int npurt_perf_stream_read(struct npurt_perf_stream *stream, void *buffer, size_t size,
			   size_t *ret_bytes);
/** Wait until the threshold is reached, or no more will come. -ETIME: neither within timeout_ns. */
int npurt_perf_stream_wait(struct npurt_perf_stream *stream, int64_t timeout_ns);
int npurt_perf_stream_get_status(struct npurt_perf_stream *stream,
				 struct npurt_perf_status *status);

/* ---- weights --------------------------------------------------------------------------------- */

/** Types of weights that the matrix engine takes, and what they are packed from. */
enum npurt_weights {
	NPURT_WEIGHTS_S8 = 0,	     /* from int8_t */
	NPURT_WEIGHTS_S4 = 1,	     /* from int8_t, -8..7 */
	NPURT_WEIGHTS_S2 = 2,	     /* from int8_t, -2..1 */
	NPURT_WEIGHTS_SPARSE_S8 = 3, /* from int8_t; of each four down a column two at most are not 0 */
	NPURT_WEIGHTS_SPARSE_S4 = 4, /* from int8_t, -8..7; the same */
	NPURT_WEIGHTS_BF16 = 5,	     /* from uint16_t that hold bf16 */
	NPURT_WEIGHTS_FP16 = 6,	     /* from uint16_t that hold fp16 */
	NPURT_WEIGHTS_FP32 = 7,	     /* from float */
};

/** Bytes of a packed k x n weight matrix; 0: no such type, or it overflows. */
size_t npurt_weights_size(enum npurt_weights type, size_t k, size_t n);
/** Bytes of the index that goes with it; 0 if the type has none. */
size_t npurt_weights_index_size(enum npurt_weights type, size_t k, size_t n);
/**
 * Pack a row-major k x n matrix of weights for the matrix engine (npu_isa.h). What is added at the
 * ends of rows and columns is 0.
 *
 * @src: element (r, c) is number r * ld + c; ld is at least n.
 * @dst: npurt_weights_size() bytes; the device wants it 64-byte aligned.
 * @index: sparse types: npurt_weights_index_size() bytes; the device wants it 16-byte aligned. Else NULL.
 *
 * Errors, which leave @dst and @index alone: -EINVAL: no such type or size. -ERANGE: a weight does not fit
 * its type, or more than two of four are not 0; the detail names the first.
 */
int npurt_weights_pack(enum npurt_weights type, size_t k, size_t n, const void *src, size_t ld,
		       void *dst, void *index);
/**
 * Make weights 2:4 sparse in place: of each four down a column, the two smallest are set to 0; of
 * equal ones those further up.
 */
void npurt_weights_prune(size_t k, size_t n, int8_t *weights, size_t ld);

/** Short for npurt_weights_size(NPURT_WEIGHTS_S8, k, n). */
size_t npurt_pack_b_size(size_t k, size_t n);
/** Short for npurt_weights_pack(NPURT_WEIGHTS_S8, k, n, src, ld, dst, NULL). */
void npurt_pack_b_s8(size_t k, size_t n, const int8_t *src, size_t ld, void *dst);

/** Numbers of 16 bits. To them: to nearest, ties to even; a NaN becomes 0x7fc0 or 0x7e00. From them: exact. */
uint16_t npurt_to_bf16(float value);
uint16_t npurt_to_fp16(float value);
float npurt_from_bf16(uint16_t value);
float npurt_from_fp16(uint16_t value);

/* ---- activations ----------------------------------------------------------------------------- */

/** Functions that the matrix engine applies by table on the way out. */
enum npurt_activation {
	NPURT_GELU = 0, /* x * erfc(-x / sqrt(2)) / 2 */
	NPURT_SILU = 1, /* x / (1 + exp(-x)) */
};

/** Bytes of a table for 8-bit output, and of a curve for floating-point output; 64-byte aligned in SRAM. */
#define NPURT_TABLE_SIZE 256
#define NPURT_CURVE_SIZE 2112

/**
 * Table for requantised output: what is stored for every 8-bit value.
 *
 * A value q stands for in_scale * (q - in_zero) on its way in, and out_scale * (q - out_zero) on its way out: entry
 * q & 0xff is clamp(round(f(in_scale * (q - in_zero)) / out_scale) + out_zero), computed in double,
 * round() to nearest, ties to even, and clamp() to the range of the type.
 *
 * @is_signed: values are s8, else u8.
 * Errors: -EINVAL: no such function, or a scale that is not a finite number above 0.
 */
int npurt_activation_table(enum npurt_activation function, int is_signed, double in_scale, int in_zero,
			   double out_scale, int out_zero, void *table);
/**
 * Curve for floating-point output (struct npu_matrix_curve of npu_isa.h): 256 straight pieces of equal
 * width over [-r, r), r = 6 for GELU, 10 for SiLU. Piece i runs between the values of f at its ends x0 and x1: slope
 * (f(x1) - f(x0)) / (x1 - x0), start f(x0) - slope * x0, computed in double and rounded to float.
 * The first piece is 0 and the last one x, and so it is beyond them. The largest error is below 3e-4 for GELU,
 * 6e-4 for SiLU.
 *
 * @curve: NPURT_CURVE_SIZE bytes.
 * Errors: -EINVAL: no such function.
 */
int npurt_activation_curve(enum npurt_activation function, void *curve);

#ifdef __cplusplus
}
#endif

#endif /* NPURT_H */
