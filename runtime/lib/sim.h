/* SPDX-License-Identifier: MIT */
/*
 * The sim backend: the device core in this process, with the firmware booted on it, and around it
 * what the driver does: address spaces, rings, timelines, a watchdog, recovery.
 *
 *	backend_sim.c	life of a device, handles, queries	sim_config.c	properties
 *	sim_mem.c	memory that the device reaches		sim_pt.c	page tables
 *	sim_vm.c	buffers, address spaces			sim_sync.c	timelines
 *	sim_queue.c	queues: start, stop, state		sim_job.c	jobs: submit, ring, end
 *	sim_fw.c	image, boot, mailbox			sim_host.c	what the core asks for
 *	sim_service.c	the one thread: timer, events, watchdog, reset
 *
 * Interrupts are calls out of the core, in the middle of its work, on whatever thread does that. They
 * do what needs only memory: take messages, end jobs, wake who waits. What needs the device, such as
 * ringing for a job whose dependency has just been met, is left to the service thread.
 *
 * Locks, in the order in which they nest:
 *	vm->lock, queue->stop_lock, dev->hw, dev->request_lock or dev->tlb_lock or queue->bell,
 *	dev->events_lock, dev->lock
 * dev->lock is taken in interrupts, so the core is never called with it held.
 */
#ifndef NPURT_SIM_H
#define NPURT_SIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "drm/npu_accel.h"
#include "npu_core.h"
#include "npu_counters.h"
#include "npu_fw.h"
#include "npu_pgtable.h"
#include "npu_regs.h"
#include "npu_ring.h"
#include "va.h"

/* The driver's limits; a program that keeps them here keeps them there. */
#define SIM_MAX_CMDBUFS	       64
#define SIM_MAX_SYNCS	       256
#define SIM_MAX_BIND_OPS       256
#define SIM_MAX_VMS	       64
#define SIM_MAX_TIMEOUT_MS     60000
#define SIM_DEFAULT_TIMEOUT_MS 10000
#define SIM_QUEUE_MAX_JOBS     1024 /* before SUBMIT waits */
#define SIM_RING_LOG2	       9
#define SIM_RING_CREDITS       (1u << (SIM_RING_LOG2 - 1)) /* entries in flight */
#define SIM_QUEUE_VECTORS      (NPU_MSIX_VECTORS - NPU_VECTOR_QUEUE_0)

struct sim_dev;

/* ---- sim_config.c ---------------------------------------------------------------------------- */

struct sim_config {
	struct npu_config core;
	char matrix[16];
	uint64_t memory; /* bytes that the device can reach */
	bool log;	 /* the device's messages on standard error */
};

/*
 * Properties as "name=value,...", NULL or "": the defaults. where: what the text is called in
 * messages. 0, or -EINVAL with a detail text.
 */
int sim_config_parse(struct sim_config *config, const char *text, const char *where);

/* ---- sim_mem.c: memory that the device reaches, at bus addresses ----------------------------- */

struct sim_mem {
	uint8_t *base;		   /* of the reserved range: bus address SIM_MEM_BASE */
	uint64_t size;		   /* of the range */
	uint64_t limit;		   /* bytes that may be allocated */
	_Atomic uint64_t *present; /* bit per page that answers */
	pthread_mutex_t lock;	   /* everything below */
	struct npurt_va ranges;
	uint64_t used;
	uint64_t free_page; /* bus address of the first of a list of free pages, or 0 */
	uint64_t *slabs;    /* where those come from */
	size_t slab_count;
};

#define SIM_MEM_BASE 0x80000000ull

/* At most limit bytes, whole pages. Only addresses are taken before something is allocated. */
int sim_mem_init(struct sim_mem *mem, uint64_t limit);
void sim_mem_fini(struct sim_mem *mem);
/* Zeroed memory, whole pages, contiguous; on a 2 MiB boundary if it is at least that large. */
int sim_mem_alloc(struct sim_mem *mem, uint64_t size, uint64_t *ret_bus);
/* Give it back; the device must not know it any more. */
void sim_mem_free(struct sim_mem *mem, uint64_t bus, uint64_t size);
/* One zeroed page. */
int sim_mem_page_alloc(struct sim_mem *mem, uint64_t *ret_bus);
void sim_mem_page_free(struct sim_mem *mem, uint64_t bus);
/* Pointer to an allocated bus address. */
static inline void *sim_mem_ptr(const struct sim_mem *mem, uint64_t bus)
{
	return mem->base + (bus - SIM_MEM_BASE);
}
/* The same for an address that may be anything; *len is cut to what answers. NULL: nothing does. */
void *sim_mem_find(const struct sim_mem *mem, uint64_t bus, size_t *len);

/* ---- sim_pt.c: a tree of Sv48 tables. For one thread at a time; the device may walk it meanwhile */

struct sim_pt {
	struct sim_mem *mem;
	uint64_t root; /* bus address */
};

int sim_pt_init(struct sim_pt *pt, struct sim_mem *mem);
void sim_pt_fini(struct sim_pt *pt);
/*
 * Do all of a change that can fail: add tables, split large leaves. map: the range will be mapped, to
 * bus, or to no memory if that is 0; else it will be unmapped. In any case every address translates as
 * before.
 */
int sim_pt_prepare(struct sim_pt *pt, uint64_t va, uint64_t size, bool map, uint64_t bus);
/* Map a prepared range, in place of what was there. prot: NPU_PTE_R, W, X, SPARSE */
void sim_pt_map(struct sim_pt *pt, uint64_t va, uint64_t size, uint64_t bus, uint64_t prot);
void sim_pt_unmap(struct sim_pt *pt, uint64_t va, uint64_t size);

/* ---- handles: backend_sim.c ------------------------------------------------------------------ */

/* Objects by handle, which is an index + 1. */
struct sim_table {
	void **object;
	uint32_t room;
	uint32_t count; /* objects */
};

int sim_table_add(struct sim_table *table, void *object, uint32_t *ret_handle);
void *sim_table_get(const struct sim_table *table, uint32_t handle);
void *sim_table_take(struct sim_table *table, uint32_t handle);

/* ---- sim_vm.c -------------------------------------------------------------------------------- */

struct sim_bo {
	atomic_uint refs; /* handle, mappings */
	uint64_t bus;
	uint64_t size;
	uint32_t flags; /* of its making */
	const struct sim_vm *vm; /* only for comparing: the one that may bind it, or NULL: all may */
	/* With the device's lock held: */
	uint32_t state; /* enum drm_npu_bo_state */
	char label[DRM_NPU_BO_LABEL_MAX];
};

struct sim_bind {
	struct sim_bind *next; /* by address */
	uint64_t va;
	uint64_t size;
	struct sim_bo *bo; /* NULL: without memory */
};

struct sim_vm {
	atomic_uint refs; /* id, queues */
	uint32_t asid;
	pthread_mutex_t lock; /* everything below */
	struct sim_pt pt;
	struct sim_bind *binds;
};

void sim_bo_put(struct sim_dev *dev, struct sim_bo *bo);
void sim_vm_put(struct sim_dev *dev, struct sim_vm *vm);

/* ---- sim_sync.c: timelines; all with dev->lock ----------------------------------------------- */

/* A point that was submitted. It is reached when it and all before it are done. */
struct sim_point {
	struct sim_point *next;
	uint64_t value;
	bool done;
};

struct sim_sync {
	unsigned int refs; /* handle, jobs, waiters */
	uint64_t reached;
	uint64_t last; /* highest point submitted */
	struct sim_point *first, **tail;
	pthread_cond_t moved; /* reached changed */
};

void sim_sync_get(struct sim_sync *sync);
void sim_sync_put(struct sim_sync *sync);
/* Append a point; point is from the caller's malloc() and belongs to the timeline. */
void sim_sync_append(struct sim_sync *sync, struct sim_point *point, uint64_t value);
/* A point is done. */
void sim_sync_done(struct sim_dev *dev, struct sim_sync *sync, struct sim_point *point);

/* ---- sim_job.c ------------------------------------------------------------------------------- */

struct sim_wait {
	struct sim_sync *sync;
	uint64_t value;
};

struct sim_signal {
	struct sim_sync *sync;
	uint64_t value;
	struct sim_point *point;
};

struct sim_job {
	struct sim_job *next;
	uint64_t seqno;
	uint32_t cmdbuf_count, wait_count, signal_count;
	struct drm_npu_cmdbuf *cmdbufs;
	struct sim_wait *waits;
	struct sim_signal *signals;
};

struct sim_jobs {
	struct sim_job *first, **tail;
};

/* ---- sim_queue.c ----------------------------------------------------------------------------- */

/* What a queue shares with the firmware. */
struct sim_queue_mem {
	struct npu_ring_entry ring[1 << SIM_RING_LOG2];
	struct npu_queue_wb wb;
	struct npu_counter_block counters;
};

/* Jobs run; none is given to the hardware any more; the queue has none. */
enum sim_life {
	SIM_LIVE,
	SIM_STOPPING,
	SIM_OVER
};

struct sim_queue {
	unsigned int refs; /* dev->lock; id and whoever uses it without the lock */
	struct sim_vm *vm;
	uint32_t slot; /* hardware queue */
	uint32_t priority;
	uint64_t timeout_ns;
	pthread_mutex_t stop_lock; /* the firmware is asked once to stop it */
	pthread_mutex_t bell;	   /* the doorbell */
	uint32_t rung;		   /* bell: tail that the device knows */

	/* the rest with dev->lock */
	struct sim_queue_mem *mem; /* NULL: given back */
	uint64_t mem_bus;
	bool active;  /* the firmware serves the ring */
	bool restart; /* hw for writing: it did before the reset, and shall again */
	enum sim_life life;
	uint32_t state; /* enum drm_npu_queue_state */
	uint32_t tail;	/* next ring entry */
	uint64_t emitted, completed, submitted;
	struct sim_jobs pending;  /* not in the ring yet */
	struct sim_jobs inflight; /* in the ring */
	uint32_t credits;	  /* ring entries of those */
	uint32_t job_count;	  /* of both */
	pthread_cond_t room;	  /* job_count fell, or the queue takes no more */
	struct drm_npu_fault fault;
	uint64_t seen_started, seen_progress,
		stamp_ns; /* watchdog: when it was last seen to get on */
	bool waits;	  /* watchdog: its job was not being worked on */
};

/* ---- the device ------------------------------------------------------------------------------ */

struct sim_dev {
	struct sim_config config;
	unsigned int forks; /* of this process when it was opened */
	struct npu_dev *core;
	struct sim_mem mem;
	char name[48];
	struct drm_npu_device_info info;
	struct drm_npu_fw_info fw;
	unsigned int spaces; /* address spaces, ASID 0 among them */

	/* memory that core and firmware know */
	uint64_t control_bus;
	uint64_t image_bus;
	uint32_t image_size;
	struct npu_mbox *mbox;
	struct npu_as_entry *as_table;
	struct npu_queue_desc *queue_table;

	/* For reading around register accesses and requests, for writing around a reset. */
	pthread_rwlock_t hw;
	atomic_bool lost;	  /* for good; changed with hw for writing */
	unsigned int resets;	  /* hw */
	pthread_mutex_t tlb_lock; /* the registers of an invalidation */
	pthread_mutex_t request_lock;
	pthread_mutex_t events_lock; /* what vector 0 was raised for: read to noted */
	pthread_t service;
	bool service_started;

	pthread_mutex_t lock; /* everything below */
	struct sim_table vms, bos, queues, syncs;
	uint64_t asids[NPU_MAX_AS / 64]; /* bit: taken */
	struct sim_queue *slots[NPU_MAX_QUEUES];
	uint32_t pending;  /* jobs that are in no ring yet */
	uint32_t inflight; /* jobs that are in one */

	/* mailbox */
	uint32_t h2f_write, f2h_read, seq;
	uint32_t cookie; /* of the request that is waited for, or 0 */
	uint16_t status; /* of its reply */
	bool replied, ready, dead;
	struct npu_msg ready_msg;
	pthread_cond_t mail; /* a message came, or dead changed */

	/* service thread */
	pthread_cond_t work;
	bool end;
	bool events; /* vector 0 was raised */
	bool kick;   /* a job may be ready for its ring */
	uint64_t timer_ns;
	const char *reset_reason; /* NULL: none wanted */
	uint64_t watch_ns;	  /* next look of the watchdog */
	bool watching;
	uint32_t heartbeat;
	uint64_t heartbeat_ns;
};

uint64_t sim_now(void);
/* Wait with dev->lock until woken or, false, the deadline (sim_now()) has passed. */
bool sim_wait_until(struct sim_dev *dev, pthread_cond_t *cond, uint64_t deadline_ns);
void sim_cond_init(pthread_cond_t *cond);
/* Was it opened by this process's parent? Its threads, and what they held, are not here. */
bool sim_forked(const struct sim_dev *dev);
/* That, or lost: takes no new work. */
bool sim_gone(struct sim_dev *dev);

/* sim_host.c */
extern const struct npu_host_ops sim_host_ops;

/* sim_fw.c */
/* Place the image: NPURT_FIRMWARE, else the one in the library. Sets the detail text. */
int sim_fw_load(struct sim_dev *dev);
/* Boot and wait until it is ready. hw held for writing, or nobody else about. Sets the detail text. */
int sim_fw_boot(struct sim_dev *dev);
/* Take messages; needs memory only. dev->lock held. */
void sim_fw_drain(struct sim_dev *dev);
/* Ask the firmware; 0, -EIO: refused, -ETIMEDOUT: no answer. hw held for reading or writing. */
int sim_fw_request(struct sim_dev *dev, enum npu_msg_type type, uint32_t queue);
/* Look what vector 0 was raised for. No lock held but hw. */
void sim_fw_events(struct sim_dev *dev);

/* sim_vm.c */
int sim_bo_create(void *priv, uint64_t *size, uint32_t flags, uint32_t vm_id,
		  uint32_t *ret_handle);
int sim_bo_query_info(void *priv, struct drm_npu_bo_query_info *info);
int sim_bo_set_label(void *priv, uint32_t handle, const char *label);
int sim_bo_madvise(void *priv, uint32_t handle, uint32_t advice, bool *ret_retained);
int sim_bo_destroy(void *priv, uint32_t handle);
int sim_bo_map(void *priv, uint32_t handle, uint64_t size, void **ret_pointer);
void sim_bo_unmap(void *priv, uint32_t handle, void *pointer, uint64_t size);
int sim_vm_create(void *priv, uint32_t *ret_id);
int sim_vm_destroy(void *priv, uint32_t id);
int sim_vm_bind(void *priv, uint32_t id, const struct drm_npu_vm_bind_op *ops, uint32_t count);

/* sim_sync.c */
int sim_sync_create(void *priv, uint32_t *ret_handle);
int sim_sync_destroy(void *priv, uint32_t handle);
int sim_sync_wait(void *priv, uint32_t handle, uint64_t point, int64_t deadline_ns);
int sim_sync_signal(void *priv, uint32_t handle, uint64_t point);
int sim_sync_query(void *priv, uint32_t handle, uint64_t *ret_point);

/* sim_job.c */
int sim_submit(void *priv, const struct drm_npu_submit *submit);
/* Write jobs whose dependencies are met to the ring. dev->lock held. True: sim_queue_ring() is due. */
bool sim_jobs_emit(struct sim_dev *dev, struct sim_queue *queue);
/* End the jobs that the device has done, and the queue if one failed. dev->lock held. */
void sim_jobs_update(struct sim_dev *dev, struct sim_queue *queue);
/* End all jobs that are left; the queue is over. dev->lock held. */
void sim_jobs_finish(struct sim_dev *dev, struct sim_queue *queue);
/* What there is to say where the firmware said nothing. dev->lock held. */
void sim_jobs_default_fault(struct sim_queue *queue, uint32_t error, uint64_t seqno);

/* sim_queue.c */
int sim_queue_create(void *priv, uint32_t vm_id, uint32_t priority, uint32_t timeout_ms,
		     uint32_t *ret_id);
int sim_queue_destroy(void *priv, uint32_t id);
int sim_queue_get_state(void *priv, struct drm_npu_queue_get_state *state);
/* Tell the device of new ring entries. No lock held. */
void sim_queue_ring(struct sim_dev *dev, struct sim_queue *queue);
/* End it with this state, if it still is usable. No lock held. An error: a reset is needed. */
int sim_queue_stop(struct sim_dev *dev, struct sim_queue *queue, uint32_t state);
/* The device was reset, or (lost) is gone: jobs in flight are. hw held for writing. */
void sim_queue_lose(struct sim_dev *dev, struct sim_queue *queue, bool lost);
/* Serve its ring from the start. hw held for reading or writing. */
int sim_queue_activate(struct sim_dev *dev, struct sim_queue *queue);
/* dev->lock held. */
void sim_queue_put(struct sim_queue *queue);

/* sim_service.c */
int sim_service_start(struct sim_dev *dev);
void sim_service_stop(struct sim_dev *dev);
/* Reset the device unless somebody has since resets was read. 0, or -ENODEV: it is lost. */
int sim_reset(struct sim_dev *dev, unsigned int resets, const char *reason);
/* Job began: have the watchdog look. dev->lock held. */
void sim_service_watch(struct sim_dev *dev);

#endif /* NPURT_SIM_H */
