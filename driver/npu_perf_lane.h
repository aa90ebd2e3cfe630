/* SPDX-License-Identifier: GPL-2.0-only */
/* Lanes of performance streams. */
#ifndef NPU_PERF_LANE_H
#define NPU_PERF_LANE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "npu_perf.h"

struct inode;
struct npu_device;
struct npu_perf_stream;
struct npu_queue;
struct npu_user;
struct pid;

/* What a read takes out of a ring at a time; more than any record. */
#define NPU_PERF_CHUNK SZ_4K

/**
 * struct npu_perf_lane - a ring and who fills it
 *
 * @queue and @hw are protected by &npu_perf.lock. @ring to @lost are changed with it and
 * &npu_perf_stream.lock, and looked at with either.
 */
struct npu_perf_lane {
	/** @stream: whose lane it is */
	struct npu_perf_stream *stream;
	/** @queue: what it watches, held; NULL: nothing, or all of the device */
	struct npu_queue *queue;
	/** @hw: the hardware's stream, while @on */
	u32 hw;
	/** @ring: the ring; NULL: given back */
	struct npu_perf_ring *ring;
	/** @used: it is somebody's: watches, is to watch, or holds records of the past */
	bool used;
	/** @on: the hardware writes to it */
	bool on;
	/** @over: it will not be started again for this queue */
	bool over;
	/** @broken: its indices or records make no sense */
	bool broken;
	/** @lost: records that were lost in rings before this one */
	u64 lost;
	/** @tail: index of what has not been taken; with &npu_perf_stream.lock */
	u64 tail;
	/** @dma: bus address of @ring; constant */
	dma_addr_t dma;
	/** @sgt: pages of @ring; constant */
	struct sg_table sgt;
};

/** struct npu_perf_stream - an open stream; what it watches is constant */
struct npu_perf_stream {
	/** @npu: device, held */
	struct npu_device *npu;
	/** @awake: the device is kept awake too; constant */
	bool awake;
	/** @user: whose account it is on, held */
	struct npu_user *user;
	/** @node: in &npu_perf.streams */
	struct list_head node;
	/** @inode: of its file */
	struct inode *inode;
	/** @device: watches all of the device */
	bool device;
	/** @one: watches a single queue */
	bool one;
	/** @client: watches queues of this file, or 0 */
	u64 client;
	/** @pid: watches queues of this process, or NULL */
	struct pid *pid;
	/** @modes: what is recorded */
	u32 modes;
	/** @period: of samples */
	u32 period;
	/** @threshold: slots to be read before a reader is woken */
	u32 threshold;
	/** @log2: of the slots of each ring */
	u32 log2;
	/** @tiles: which of them are watched */
	u64 tiles;
	/** @missed: queues that no stream of the hardware was free for; with &npu_perf.lock */
	u64 missed;
	/** @closing: no lane will be started any more; with &npu_perf.lock */
	bool closing;
	/** @lock: protects @gone, @restarts, @told and lanes; nothing is waited for with it */
	spinlock_t lock;
	/** @gone: the device does not work any more */
	bool gone;
	/** @restarts: how often a reset stopped a lane */
	u32 restarts;
	/** @told: the program knows of all @restarts */
	bool told;
	/** @read_lock: one reader at a time */
	struct mutex read_lock;
	/** @chunk: NPU_PERF_CHUNK bytes of who reads */
	void *chunk;
	/** @lanes: entries of @lane */
	u32 lanes;
	/** @lane: its lanes */
	struct npu_perf_lane lane[] __counted_by(lanes);
};

/**
 * npu_perf_ring_bytes() - size of a ring
 * @stream: whose rings
 *
 * Return: bytes.
 */
static inline u64 npu_perf_ring_bytes(const struct npu_perf_stream *stream)
{
	return NPU_PERF_RING_SIZE(stream->log2);
}

int npu_perf_lane_alloc(struct npu_perf_lane *lane);
void npu_perf_lane_free(struct npu_perf_lane *lane);
int npu_perf_lane_start(struct npu_perf_lane *lane);
int npu_perf_lane_stop(struct npu_perf_lane *lane);
void npu_perf_lane_is_off(struct npu_perf_lane *lane);
void npu_perf_lane_end(struct npu_perf_lane *lane);
u64 npu_perf_lane_unread(struct npu_perf_lane *lane);
bool npu_perf_lane_drained(struct npu_perf_lane *lane);
ssize_t npu_perf_lane_copy(struct npu_perf_lane *lane, size_t room, u64 *ret_tail);
void npu_perf_lane_take(struct npu_perf_lane *lane, u64 from, u64 tail);
int npu_perf_lane_consume(struct npu_perf_lane *lane, u64 tail);

#endif /* NPU_PERF_LANE_H */
