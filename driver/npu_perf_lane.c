// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Lanes of performance streams
 *
 * The hardware has few streams, each of which watches one queue or all of them, and
 * writes to a ring of its own. A lane is a ring, and the hardware's stream that fills it
 * while it is on.
 *
 * The rings are the driver's. Programs may map them, but not write to them: the
 * index of what has been taken is written here, on request, so that no program can
 * make the device overwrite or the driver believe anything.
 *
 * Rejected: one stream of the hardware for all, sorted out here. Every record would have to be
 * looked at and copied, no ring could be mapped, and one profiler would exclude all others.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "npu_account.h"
#include "npu_device.h"
#include "npu_perf_lane.h"
#include "npu_queue.h"

/* The lane's ring is empty and as new. */
static void npu_perf_lane_clear(struct npu_perf_lane *lane)
{
	struct npu_perf_stream *stream = lane->stream;

	guard(spinlock)(&stream->lock);
	lane->lost += READ_ONCE(lane->ring->lost);
	lane->tail = 0;
	lane->broken = false;
	memset(lane->ring, 0, sizeof(*lane->ring));
}

/**
 * npu_perf_lane_start() - have the hardware fill the ring of a lane
 * @lane: lane whose records were all taken; device entered, &npu_perf.lock held
 *
 * Return: 0, -EBUSY: others have all of the hardware's streams; -ETIMEDOUT: it may write, until the
 * device is reset; or another negative errno.
 */
int npu_perf_lane_start(struct npu_perf_lane *lane)
{
	struct npu_perf_stream *stream = lane->stream;
	struct npu_device *npu = stream->npu;
	u32 slot = lane->queue ? lane->queue->slot : 0;
	struct npu_msg msg = {
		.type = NPU_MSG_PERF_START,
		.queue = stream->device ? NPU_PERF_ALL_QUEUES : slot,
		.perf = {
			.ring = lane->dma,
			.tiles = stream->tiles,
			.modes = stream->modes,
			.period = stream->period,
			.threshold = stream->threshold,
			.vector = npu_irq_queue_vector(&npu->irq, slot),
			.ring_log2 = stream->log2,
		},
	};
	int ret;
	u32 i;

	lockdep_assert_held(&npu->perf.lock);
	for (i = 0; i < NPU_PERF_STREAMS && npu->perf.slots[i]; i++)
		;
	if (i == NPU_PERF_STREAMS)
		return -EBUSY;
	msg.perf.stream = i;
	npu_perf_lane_clear(lane);
	/* The ring is as new before the device hears of it. */
	dma_wmb();
	ret = npu_mbox_call(npu, &msg, NULL);
	/* Without an answer it may write, until the device is reset. */
	if (ret && ret != -ETIMEDOUT)
		return ret;
	npu->perf.slots[i] = lane;
	WRITE_ONCE(npu->perf.on, npu->perf.on + 1);
	lane->hw = i;
	scoped_guard(spinlock, &stream->lock)
		lane->on = true;
	return ret;
}

/**
 * npu_perf_lane_is_off() - the hardware does not write to a lane any more
 * @lane: lane that was on; &npu_perf.lock held
 */
void npu_perf_lane_is_off(struct npu_perf_lane *lane)
{
	struct npu_device *npu = lane->stream->npu;

	lockdep_assert_held(&npu->perf.lock);
	npu->perf.slots[lane->hw] = NULL;
	WRITE_ONCE(npu->perf.on, npu->perf.on - 1);
	scoped_guard(spinlock, &lane->stream->lock)
		lane->on = false;
}

/**
 * npu_perf_lane_stop() - have the hardware write no more to a lane
 * @lane: lane, on or not; device entered, &npu_perf.lock held
 *
 * Return: 0, or a negative errno: only a reset will stop it.
 */
int npu_perf_lane_stop(struct npu_perf_lane *lane)
{
	struct npu_msg msg = {
		.type = NPU_MSG_PERF_STOP,
		.perf.stream = lane->hw,
	};
	int ret;

	if (!lane->on)
		return 0;
	ret = npu_mbox_call(lane->stream->npu, &msg, NULL);
	if (!ret)
		npu_perf_lane_is_off(lane);
	return ret;
}

/**
 * npu_perf_lane_end() - a lane will not be started again for its queue
 * @lane: lane
 */
void npu_perf_lane_end(struct npu_perf_lane *lane)
{
	guard(spinlock)(&lane->stream->lock);
	lane->over = true;
}

/* The ring makes no sense. With the stream's lock. */
static void npu_perf_lane_break(struct npu_perf_lane *lane, const char *why)
{
	lane->broken = true;
	/* What wrote it is gone if the lane is off. */
	if (lane->on)
		npu_recovery_request(lane->stream->npu, why);
}

/**
 * npu_perf_lane_unread() - how much there is to be read
 * @lane: lane; &npu_perf_stream.lock held
 *
 * Return: slots that have not been taken.
 */
u64 npu_perf_lane_unread(struct npu_perf_lane *lane)
{
	struct npu_perf_stream *stream = lane->stream;
	u64 unread;

	lockdep_assert_held(&stream->lock);
	if (!lane->ring || !lane->used || lane->broken)
		return 0;
	unread = READ_ONCE(lane->ring->head) - lane->tail;
	if (unread <= 1ull << stream->log2)
		return unread;
	npu_perf_lane_break(lane, "head of a performance stream is not in its ring");
	return 0;
}

/**
 * npu_perf_lane_drained() - whether all records of a lane were taken
 * @lane: lane
 *
 * Return: whether there is nothing to be read.
 */
bool npu_perf_lane_drained(struct npu_perf_lane *lane)
{
	guard(spinlock)(&lane->stream->lock);
	return !npu_perf_lane_unread(lane);
}

static const void *npu_perf_slot(const struct npu_perf_lane *lane, u64 index)
{
	u64 mask = (1ull << lane->stream->log2) - 1;

	return (const u8 *)lane->ring + NPU_PERF_RING_HEADER + (index & mask) * NPU_PERF_SLOT;
}

/* Return: slots of the record at an index, 0: it is none that can be. */
static u32 npu_perf_record_slots(const struct npu_perf_lane *lane, u64 index, u64 unread,
				 u16 *type)
{
	const struct npu_perf_head *head = npu_perf_slot(lane, index);
	u64 size = 1ull << lane->stream->log2;
	u16 bytes = READ_ONCE(head->size);
	u32 slots = bytes / NPU_PERF_SLOT;

	*type = READ_ONCE(head->type);
	if (!slots || bytes % NPU_PERF_SLOT || slots > unread ||
	    slots > size - (index & (size - 1)))
		return 0;
	/* Pads are not copied, so they may be as large as they like. */
	return *type == NPU_PERF_PAD || bytes <= NPU_PERF_CHUNK ? slots : 0;
}

/**
 * npu_perf_lane_copy() - copy whole records to the stream's chunk
 * @lane: lane
 * @room: bytes that may be copied, NPU_PERF_CHUNK at most
 * @ret_tail: index behind what they came from
 *
 * Return: bytes, or -EINVAL: not even one record fits.
 */
ssize_t npu_perf_lane_copy(struct npu_perf_lane *lane, size_t room, u64 *ret_tail)
{
	struct npu_perf_stream *stream = lane->stream;
	size_t done = 0;
	u64 unread;

	guard(spinlock)(&stream->lock);
	unread = npu_perf_lane_unread(lane);
	/* The index tells that the records before it are written. */
	dma_rmb();
	*ret_tail = lane->tail;
	while (unread) {
		u16 type;
		u32 slots = npu_perf_record_slots(lane, *ret_tail, unread, &type);
		size_t bytes = slots * NPU_PERF_SLOT;
		struct npu_perf_head *head = stream->chunk + done;

		if (!slots) {
			npu_perf_lane_break(lane, "a record of a performance stream has no size");
			break;
		}
		if (type != NPU_PERF_PAD) {
			if (bytes > room - done)
				return done ?: -EINVAL;
			memcpy(head, npu_perf_slot(lane, *ret_tail), bytes);
			/* What was checked is what is told, whatever is written meanwhile. */
			head->type = type;
			head->size = bytes;
			done += bytes;
		}
		*ret_tail += slots;
		unread -= slots;
	}
	return done;
}

/**
 * npu_perf_lane_take() - what was copied has been taken
 * @lane: lane
 * @from: its index before npu_perf_lane_copy()
 * @tail: index that this told
 */
void npu_perf_lane_take(struct npu_perf_lane *lane, u64 from, u64 tail)
{
	guard(spinlock)(&lane->stream->lock);
	/* Not if the ring has started anew in between. */
	if (!lane->ring || lane->tail != from)
		return;
	lane->tail = tail;
	/* Records are copied before their slots are given back. */
	dma_mb();
	WRITE_ONCE(lane->ring->tail, tail);
}

/**
 * npu_perf_lane_consume() - records were taken from the mapped ring
 * @lane: lane
 * @tail: index behind them
 *
 * Return: 0, -EINVAL: that is not the end of a record that is there, or -ENODEV.
 */
int npu_perf_lane_consume(struct npu_perf_lane *lane, u64 tail)
{
	u64 at, unread;
	u16 type;
	u32 slots;

	guard(spinlock)(&lane->stream->lock);
	unread = npu_perf_lane_unread(lane);
	if (tail - lane->tail > unread)
		return -EINVAL;
	/* Who stops in the middle of a record would have the rest taken for one. */
	for (at = lane->tail; at != tail; at += slots, unread -= slots) {
		slots = npu_perf_record_slots(lane, at, unread, &type);
		if (!slots || slots > tail - at)
			return -EINVAL;
	}
	if (!lane->ring)
		return -ENODEV;
	lane->tail = tail;
	dma_mb();
	WRITE_ONCE(lane->ring->tail, tail);
	return 0;
}

/**
 * npu_perf_lane_alloc() - give a lane its ring, on the user's account
 * @lane: lane, all zero but for its stream
 *
 * Return: 0 or a negative errno.
 */
int npu_perf_lane_alloc(struct npu_perf_lane *lane)
{
	struct npu_perf_stream *stream = lane->stream;
	struct device *dev = stream->npu->drm.dev;
	u64 size = npu_perf_ring_bytes(stream);
	int ret;

	ret = npu_user_charge(stream->user, NPU_RESOURCE_MEMORY, size);
	if (ret)
		return ret;
	lane->ring = dma_alloc_coherent(dev, size, &lane->dma, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!lane->ring) {
		npu_user_uncharge(stream->user, NPU_RESOURCE_MEMORY, size);
		return -ENOMEM;
	}
	ret = dma_get_sgtable(dev, &lane->sgt, lane->ring, lane->dma, size);
	if (ret) {
		dma_free_coherent(dev, size, no_free_ptr(lane->ring), lane->dma);
		npu_user_uncharge(stream->user, NPU_RESOURCE_MEMORY, size);
	}
	return ret;
}

/**
 * npu_perf_lane_free() - give back the ring of a lane
 * @lane: lane that the device does not write to; one without a ring is left so
 */
void npu_perf_lane_free(struct npu_perf_lane *lane)
{
	struct npu_perf_stream *stream = lane->stream;
	struct npu_perf_ring *ring;

	scoped_guard(spinlock, &stream->lock)
		ring = no_free_ptr(lane->ring);
	if (!ring)
		return;
	/* Faults that come now find no ring. */
	if (stream->inode)
		unmap_mapping_range(stream->inode->i_mapping, 0, 0, 1);
	sg_free_table(&lane->sgt);
	dma_free_coherent(stream->npu->drm.dev, npu_perf_ring_bytes(stream), ring, lane->dma);
	npu_user_uncharge(stream->user, NPU_RESOURCE_MEMORY, npu_perf_ring_bytes(stream));
}
