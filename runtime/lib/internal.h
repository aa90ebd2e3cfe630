/* SPDX-License-Identifier: MIT */
/*
 * The objects of the library as they look from inside. Who holds whom:
 *
 *	queue -> vm -> device		queue -> timeline (its own) -> device
 *	queue -> jobs (its ledger)	timeline -> jobs of all queues that signal it
 *	kernel -> module -> vm		cmdlist -> vm, kernels, timelines it is in flight on
 *	mapping -> bo -> device
 *
 * The ledger exists so that a timeline can tell how a job ended without
 * keeping the job's queue, which takes one of few hardware queues, alive.
 *
 * Locks, in the order in which they nest: queue, timeline, ledger, vm, module, bo.
 */
#ifndef NPURT_INTERNAL_H
#define NPURT_INTERNAL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "npu_counters.h"
#include "npurt.h"
#include "va.h"

struct npurt_device;

#define NPURT_EXPORT __attribute__((visibility("default")))

/* ---- references ------------------------------------------------------------------------------ */

typedef atomic_uint npurt_refs;

static inline void refs_init(npurt_refs *refs)
{
	atomic_init(refs, 1);
}

static inline void refs_get(npurt_refs *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True if that was the last one. */
static inline bool refs_put(npurt_refs *refs)
{
	if (atomic_fetch_sub_explicit(refs, 1, memory_order_release) != 1)
		return false;
	atomic_thread_fence(memory_order_acquire);
	return true;
}

/* ---- error.c --------------------------------------------------------------------------------- */

/* Set the thread's detail text; returns err, so that a function can end with it. */
int npurt_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "out of memory" for what; returns -ENOMEM. */
int npurt_fail_nomem(const char *what);
/* The limit of the user that what ran into, from the backend; returns -EDQUOT. */
int npurt_fail_quota(struct npurt_device *device, const char *what);
/* Text of an errno, positive or negative; static or thread-local. */
const char *npurt_errno_text(int err);

/* ---- structs that grow: struct.c ------------------------------------------------------------- */

/*
 * Take a caller's options of src_size bytes into dst of our dst_size: what the caller does not
 * know becomes 0. -E2BIG: the caller sets something that this library does not know. src_size
 * is the struct's own first member.
 */
int npurt_struct_in(void *dst, size_t dst_size, const void *src, const char *name);
/* Hand out src to a caller's struct, as much as its size member says; that member is kept. */
int npurt_struct_out(void *dst, const void *src, size_t src_size, const char *name);

/* ---- device.c -------------------------------------------------------------------------------- */

struct npurt_device {
	npurt_refs refs;
	const struct npurt_backend *backend;
	void *priv; /* the backend's */
	struct npurt_device_info info;
};

/* Open with a given backend, for unit tests too. path may be NULL. */
int npurt_device_open_backend(const struct npurt_backend *backend, const char *path,
			      struct npurt_device **ret_device);

/* ---- enumerate.c ----------------------------------------------------------------------------- */

/* Set the detail text to why there is no usable device, from what the machine shows; -ENODEV. */
int npurt_fail_no_device(unsigned int index, unsigned int found);
/* Bus address of an open node, "" if it cannot be told. */
void npurt_node_bus(const char *path, char *bus, size_t size);

/* ---- bo.c ------------------------------------------------------------------------------------ */

struct npurt_bo {
	npurt_refs refs;
	struct npurt_device *device;
	uint64_t size;
	void *wrapped; /* memory of the process that it is made of, or NULL */
	uint32_t handle;
	pthread_mutex_t lock; /* pointer */
	void *pointer;	      /* CPU mapping, or NULL */
};

/* ---- vm.c ------------------------------------------------------------------------------------ */

struct npurt_mapping {
	struct npurt_mapping *next;
	uint64_t va;
	uint64_t size;
	struct npurt_bo *bo; /* NULL: without memory */
};

struct npurt_vm {
	npurt_refs refs;
	struct npurt_device *device;
	uint32_t id;
	pthread_mutex_t lock; /* everything below */
	struct npurt_va va;
	struct npurt_mapping *mappings;
	struct npurt_module *modules; /* not counted: a module takes itself out */
};

/* A part of a mapping with permissions of its own. Offsets are within the mapping. */
struct npurt_vm_part {
	uint64_t offset;
	uint64_t size;
	unsigned int flags; /* enum npurt_map_flags */
};

/*
 * Reserve size bytes of address space; then map parts of bo there, with one VM_BIND, and
 * hold bo until npurt_vm_unmap(va). Pages in no part stay unmapped.
 */
int npurt_vm_reserve(struct npurt_vm *vm, uint64_t size, uint64_t *ret_va);
void npurt_vm_release(struct npurt_vm *vm, uint64_t va, uint64_t size);
int npurt_vm_map_parts(struct npurt_vm *vm, struct npurt_bo *bo, uint64_t va, uint64_t size,
		       const struct npurt_vm_part *parts, unsigned int count);
/* Round up to whole pages; false if it overflows. */
bool npurt_page_round(const struct npurt_device *device, uint64_t size, uint64_t *ret_size);

/* ---- module.c, elf.c, symbol.c, kernel.c ----------------------------------------------------- */

struct npurt_kernel_entry {
	const char *name; /* in the module's image */
	uint64_t entry;	  /* link-time address */
	uint32_t args_size;
};

struct npurt_symbols; /* symbol.c */

struct npurt_module {
	npurt_refs refs;
	struct npurt_vm *vm;
	struct npurt_module *next; /* in vm->modules */
	char *name;
	void *image; /* the ELF file, as given */
	size_t image_size;
	struct npurt_kernel_entry *kernels;
	unsigned int kernel_count;
	uint64_t link_base; /* link-time address of va */
	uint64_t va;	    /* where it is mapped */
	uint64_t size;
	pthread_mutex_t lock;	       /* symbols */
	struct npurt_symbols *symbols; /* made when first asked for */
};

struct npurt_kernel {
	npurt_refs refs;
	struct npurt_module *module;
	const struct npurt_kernel_entry *entry;
};

#define NPURT_MODULE_MAX_SEGMENTS 16
#define NPURT_MODULE_MAX_SIZE	  (1ull << 30)

struct npurt_elf_segment {
	uint64_t vaddr;	     /* page aligned, link time */
	uint64_t size;	     /* whole pages */
	uint64_t data_vaddr; /* first byte from the file */
	uint64_t file_offset;
	uint64_t file_size;
	unsigned int flags; /* enum npurt_map_flags */
};

/* A checked ELF. Everything in it lies within the image and within [base, base + size). */
struct npurt_elf {
	const char *name; /* for messages */
	const uint8_t *image;
	size_t image_size;
	uint64_t base; /* lowest page, link time */
	uint64_t size; /* whole pages */
	struct npurt_elf_segment segments[NPURT_MODULE_MAX_SEGMENTS];
	unsigned int segment_count;
	uint64_t relro_vaddr; /* page aligned part that is read-only once relocated, or size 0 */
	uint64_t relro_size;
	const uint8_t *relocs; /* Elf64_Rela[], maybe not aligned */
	size_t reloc_count;
	struct npurt_kernel_entry *kernels; /* owned until taken */
	unsigned int kernel_count;
};

/* Check an ELF; -ENOEXEC with a detail text that says what is wrong. page_size: power of two. */
int npurt_elf_parse(const char *name, const void *image, size_t size, uint64_t page_size,
		    struct npurt_elf *ret_elf);
void npurt_elf_release(struct npurt_elf *elf);
/* Lay the segments out in memory (elf->size bytes, zeroed) and relocate them to address va. */
void npurt_elf_place(const struct npurt_elf *elf, void *memory, uint64_t va);

/* Source of a link-time address. false: nothing known. */
bool npurt_symbols_find(struct npurt_module *module, uint64_t address, struct npurt_symbol *symbol);
void npurt_symbols_free(struct npurt_symbols *symbols);

/* ---- job.c: how the jobs of a queue end ------------------------------------------------------ */

struct npurt_jobs {
	npurt_refs refs;
	struct npurt_device *device;
	pthread_mutex_t lock; /* everything below */
	struct npurt_vm *vm;  /* NULL once the queue is destroyed */
	uint32_t queue_id;
	uint64_t good; /* jobs up to this one are known to have ended well */
	int gone;      /* error once the state can no longer be asked for, else 0 */
	struct drm_npu_queue_get_state state; /* as last read; counters unused */
	struct npurt_fault fault;	      /* with symbol; error is 0 if there is none */
};

int npurt_jobs_new(struct npurt_vm *vm, uint32_t queue_id, struct npurt_jobs **ret_jobs);
struct npurt_jobs *npurt_jobs_ref(struct npurt_jobs *jobs);
void npurt_jobs_unref(struct npurt_jobs *jobs);
/* Read the state anew. Lock not held. */
int npurt_jobs_refresh(struct npurt_jobs *jobs);
/* The queue is about to go: keep what there is to know. */
void npurt_jobs_close(struct npurt_jobs *jobs);
/*
 * How job seqno, whose point was reached, ended: 0 or an error with detail text. *ret_good: it is
 * certain that it ended well, and need not be asked again.
 */
int npurt_jobs_result(struct npurt_jobs *jobs, uint64_t seqno, bool *ret_good);

/* ---- timeline.c ------------------------------------------------------------------------------ */

/* "point is signalled by job seqno of that queue" */
struct npurt_signal {
	uint64_t point;
	struct npurt_jobs *jobs;
	uint64_t seqno;
};

struct npurt_timeline {
	npurt_refs refs;
	struct npurt_device *device;
	uint32_t handle;
	pthread_mutex_t lock;	      /* everything below */
	struct npurt_signal *signals; /* not yet seen to have ended well */
	size_t signal_count;
	size_t signal_room;
};

/*
 * Note that job seqno, which is about to be submitted, signals point; take the note back if the
 * submit fails. The note comes first because a waiter may wake before the submit returns.
 */
int npurt_timeline_add(struct npurt_timeline *timeline, uint64_t point, struct npurt_jobs *jobs,
		       uint64_t seqno);
void npurt_timeline_remove(struct npurt_timeline *timeline, const struct npurt_jobs *jobs,
			   uint64_t seqno);
/* Wait for the point alone, without asking how its jobs fared. */
int npurt_timeline_wait_point(struct npurt_timeline *timeline, uint64_t point, int64_t timeout_ns);

/* ---- cmdlist.c ------------------------------------------------------------------------------- */

/* A piece of memory that a list writes packets or arguments to. */
struct npurt_chunk {
	struct npurt_chunk *next;
	struct npurt_bo *bo;
	uint8_t *pointer;
	uint64_t va;
	uint64_t size;
	uint64_t used;
};

struct npurt_use {
	struct npurt_timeline *timeline;
	uint64_t point;
};

struct npurt_cmdlist {
	npurt_refs refs;
	struct npurt_vm *vm;
	bool finished;
	unsigned int length;		  /* packets */
	struct npurt_chunk *packets;	  /* in order */
	struct npurt_chunk *packets_tail; /* being filled */
	struct npurt_chunk *args;
	struct npurt_chunk *args_tail;
	struct npurt_kernel **kernels; /* held, each once in a row */
	size_t kernel_count;
	size_t kernel_room;
	struct npurt_use *uses; /* submits that may not have ended */
	size_t use_count;
	size_t use_room;
};

/* Command buffers that the list consists of. */
unsigned int npurt_cmdlist_buffers(const struct npurt_cmdlist *list);
/* Write them to cmdbufs; returns how many. */
unsigned int npurt_cmdlist_emit(const struct npurt_cmdlist *list, struct drm_npu_cmdbuf *cmdbufs);
/* Make room for, then note, that the list is in flight until point. */
int npurt_cmdlist_prepare_use(struct npurt_cmdlist *list);
void npurt_cmdlist_add_use(struct npurt_cmdlist *list, struct npurt_timeline *timeline,
			   uint64_t point);

/* ---- queue.c --------------------------------------------------------------------------------- */

/* A list that the device may be reading. */
struct npurt_flight {
	uint64_t point;
	struct npurt_cmdlist *list;
};

struct npurt_queue {
	npurt_refs refs;
	struct npurt_vm *vm;
	uint32_t id;
	struct npurt_jobs *jobs;
	struct npurt_timeline *timeline; /* point n: job n has ended; keeps no signals */
	struct npurt_queue *stat_next;	 /* stat.c */
	pthread_mutex_t lock; /* everything below; held across SUBMIT, so that numbers keep order */
	uint64_t submitted;
	struct npurt_flight *flights; /* in order of points */
	size_t flight_count;
	size_t flight_room;
};

/* ---- fault.c --------------------------------------------------------------------------------- */

/* Translate the driver's report and find its source line. vm may be NULL. */
void npurt_fault_fill(struct npurt_vm *vm, const struct drm_npu_fault *raw,
		      struct npurt_fault *fault);
/* Hand out to a caller's struct with its nested sizes. */
int npurt_fault_out(struct npurt_fault *dst, const struct npurt_fault *src);
/* errno of a fault, for npurt_timeline_wait(). */
int npurt_fault_errno(uint32_t error);

/* ---- stat.c: counters for npu-prof stat ------------------------------------------------------ */

void npurt_stat_queue_created(struct npurt_queue *queue);
void npurt_stat_queue_destroyed(struct npurt_queue *queue);

#endif /* NPURT_INTERNAL_H */
