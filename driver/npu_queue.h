/* SPDX-License-Identifier: GPL-2.0-only */
/* Hardware queues. */
#ifndef NPU_QUEUE_H
#define NPU_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>
#include <drm/npu_accel.h>

#include "npu_counters.h"
#include "npu_fdinfo.h"
#include "npu_fw.h"
#include "npu_perfmon.h"
#include "npu_ring.h"

struct drm_device;
struct drm_file;
struct npu_device;
struct npu_fence;
struct npu_file;
struct npu_job;
struct npu_vm;

/** NPU_QUEUE_RING_LOG2 - size of a queue's ring */
#define NPU_QUEUE_RING_LOG2 9
/** NPU_QUEUE_CREDITS - ring entries that jobs of the scheduler may have in flight */
#define NPU_QUEUE_CREDITS (1u << (NPU_QUEUE_RING_LOG2 - 1))
/** NPU_QUEUE_DIRECT - ring entries that other jobs may have in flight */
#define NPU_QUEUE_DIRECT ((1u << NPU_QUEUE_RING_LOG2) - NPU_QUEUE_CREDITS)
/** NPU_QUEUE_MAX_JOBS - jobs that a queue takes before SUBMIT waits */
#define NPU_QUEUE_MAX_JOBS 1024

/** struct npu_queue_mem - what a queue shares with the firmware, one allocation */
struct npu_queue_mem {
	/** @ring: entries */
	struct npu_ring_entry ring[1 << NPU_QUEUE_RING_LOG2];
	/** @wb: writeback */
	struct npu_queue_wb wb;
	/** @counters: counters as of the last job that ended */
	struct npu_counter_block counters;
	/** @core: registers of the tile that a job failed or was stopped on */
	struct npu_core_state core __aligned(64);
};

/** enum npu_queue_life - what becomes of a queue's jobs */
enum npu_queue_life {
	/** @NPU_QUEUE_LIVE: they run */
	NPU_QUEUE_LIVE = 0,
	/** @NPU_QUEUE_LOST: a reset took them; what they are told depends on how it ends */
	NPU_QUEUE_LOST,
	/** @NPU_QUEUE_STOPPING: none is given to the hardware; those there may still end */
	NPU_QUEUE_STOPPING,
	/** @NPU_QUEUE_OVER: they end at once, with an error */
	NPU_QUEUE_OVER,
};

/**
 * struct npu_queue - a hardware queue and its scheduler
 *
 * @users counts the id and every job; without users the scheduler goes, and the VM.
 * @kref counts those who need the memory: the users as one, each fence, whoever looks at a slot.
 * It holds the device and the module.
 */
struct npu_queue {
	/** @kref: references to the memory */
	struct kref kref;
	/** @users: id and jobs that are not in the ring, or are the scheduler's */
	refcount_t users;
	/** @npu: device */
	struct npu_device *npu;
	/** @vm: address space of all jobs; held until @users is 0 */
	struct npu_vm *vm;
	/** @slot: hardware queue; constant once claimed */
	u32 slot;
	/** @asid: of @vm */
	u32 asid;
	/** @priority: enum npu_queue_priority */
	u32 priority;
	/** @timeout: time without progress, jiffies */
	unsigned long timeout;
	/** @owner: who made it, for messages */
	char owner[32];
	/** @name: timeline of its fences */
	char name[24];
	/** @fence_context: timeline of its fences */
	u64 fence_context;

	/** @sched: scheduler of this queue only */
	struct drm_gpu_scheduler sched;
	/** @entity: its only entity */
	struct drm_sched_entity entity;
	/** @sched_stopped: a reset stopped @sched; changed with &npu_device.hw_sem for writing */
	bool sched_stopped;
	/** @restart: to be served after a reset if live; with &npu_device.hw_sem for writing */
	bool restart;
	/** @stop_lock: the firmware is asked once to stop the queue */
	struct mutex stop_lock;
	/** @submit_lock: keeps numbers and order of jobs the same */
	struct mutex submit_lock;
	/** @submitted: number of the last job taken; with @submit_lock */
	u64 submitted;
	/** @jobs: jobs that are not freed yet */
	atomic_t jobs;
	/** @room: woken when @jobs falls, and when the queue stops */
	wait_queue_head_t room;
	/** @release_work: runs when @users is 0 */
	struct work_struct release_work;
	/** @free_work: runs when @kref is 0 */
	struct work_struct free_work;
	/** @id: in its file; 0: not known yet */
	u32 id;
	/** @client: &npu_file.client of who made it */
	u64 client;
	/** @pid: process that made it; a reference */
	struct pid *pid;
	/** @perf_ready: streams may watch it; with &npu_perf.lock */
	bool perf_ready;
	/** @count: what it has done */
	struct npu_perfmon_count count;

	/** @lock: protects all that follows; taken in interrupts */
	spinlock_t lock;
	/** @mem: shared memory, or NULL: given back */
	struct npu_queue_mem *mem;
	/** @mem_dma: bus address of @mem */
	dma_addr_t mem_dma;
	/** @unwritten: jobs of @inflight that are not in the ring, all after those that are */
	u32 unwritten;
	/** @hw_active: the firmware serves the ring */
	bool hw_active;
	/** @life: what becomes of jobs */
	enum npu_queue_life life;
	/** @state: enum drm_npu_queue_state */
	u32 state;
	/** @first_error: error of the oldest job in flight when the queue ends */
	int first_error;
	/** @rest_error: error of those after it */
	int rest_error;
	/** @tail: next ring entry to write */
	u32 tail;
	/** @pending: jobs that the scheduler has and has not run yet */
	u32 pending;
	/** @direct: ring entries of jobs in flight that the scheduler does not know */
	u32 direct;
	/** @emitted: number of the last job in the ring */
	u64 emitted;
	/** @completed: jobs that ended */
	u64 completed;
	/** @inflight: struct npu_fence of jobs that have not ended, oldest first */
	struct list_head inflight;
	/** @fault: first fault */
	struct drm_npu_fault fault;
	/** @seen_started: &npu_queue_wb.started as the watchdog saw it last */
	u64 seen_started;
	/** @seen_progress: &npu_queue_wb.progress as the watchdog saw it last */
	u64 seen_progress;
	/** @stamp: when the oldest job in flight was last seen to get on, jiffies */
	unsigned long stamp;
	/** @oldest_seqno: number of the oldest job in flight as the watchdog saw it last */
	u64 oldest_seqno;
	/** @oldest_stamp: when the watchdog saw it first, jiffies */
	unsigned long oldest_stamp;
	/** @waits: the watchdog saw it last with a job that was not being worked on */
	bool waits;
	/** @usage: what fdinfo knows of the counters */
	struct npu_queue_usage usage;
};

/** struct npu_queue_health - a queue as the watchdog sees it */
struct npu_queue_health {
	/** @busy: jobs are in flight */
	bool busy;
	/** @running: the oldest of them is being worked on */
	bool running;
	/** @idle_for: how long it has not got on, jiffies */
	unsigned long idle_for;
	/** @age: how long it has been the oldest, jiffies */
	unsigned long age;
};

/* life */
struct npu_queue *npu_queue_get(struct npu_queue *queue);
void npu_queue_put(struct npu_queue *queue);
struct npu_queue *npu_queue_get_slot(struct npu_device *npu, u32 slot);
struct npu_queue *npu_queue_lookup(struct npu_file *nfile, u32 id);
void npu_queue_user_get(struct npu_queue *queue);
void npu_queue_user_put(struct npu_queue *queue);
void npu_queue_close_all(struct npu_file *nfile);

/* jobs, npu_queue_hw.c */
void npu_queue_expect(struct npu_queue *queue);
void npu_queue_emit(struct npu_queue *queue, struct npu_job *job, struct npu_fence *fence);
struct dma_fence *npu_queue_emit_direct(struct npu_queue *queue, struct npu_job *job);
bool npu_queue_update(struct npu_queue *queue);
void npu_queue_note_fault(struct npu_device *npu, const struct npu_msg *msg);
void npu_queue_handle_fault(struct npu_queue *queue);

/* recovery, npu_queue_hw.c */
int npu_queue_start(struct npu_queue *queue);
int npu_queue_stop(struct npu_queue *queue, u32 state, int error);
bool npu_queue_cut_off(struct npu_queue *queue);
void npu_queue_lose(struct npu_queue *queue, bool sure);
void npu_queue_end_lost(struct npu_queue *queue, int error);
int npu_queue_restart(struct npu_queue *queue);
u32 npu_queue_go_on(struct npu_queue *queue);
bool npu_queue_usable(struct npu_queue *queue);
void npu_queue_check(struct npu_queue *queue, struct npu_queue_health *health);
void npu_queue_excuse(struct npu_queue *queue);
void npu_queue_end(struct npu_queue *queue);
void npu_queue_free_mem(struct npu_queue *queue);

/*
 * The body is run for each queue that has a slot, and holds it; it must not leave the loop.
 */
#define npu_for_each_queue(npu, i, queue) \
	for (i = 0; i < (npu)->caps.queues; i++) \
		for (queue = npu_queue_get_slot(npu, i); queue; npu_queue_put(queue), queue = NULL)

int npu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_QUEUE_H */
