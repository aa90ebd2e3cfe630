// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Performance streams
 *
 * A stream is a file of records (npu_perf.h) about the work of some queues. It has one
 * lane (npu_perf_lane.c) for each queue that it may watch at once. Nothing of a queue or of
 * who made it takes part: a lane starts and stops beside the queue's work, so a profiler
 * can come and go at any time.
 *
 * A lane is over when its queue is, and is stopped before the hardware queue may get
 * another owner, whose work is none of its business. A reset stops all lanes. What they
 * have recorded stays; a lane starts anew when its last record was taken, as a ring
 * starts from its beginning. The order is therefore what came before
 * the reset, then what came after it.
 *
 * Who may watch whom. An open device file is a capability: who has it can
 * submit to its queues, so may watch them. A profiler gets the file of another process by
 * pidfd_getfd(), where the kernel makes its own check for ptrace, security
 * modules included. Going by process number, without its file, or watching
 * the whole device takes CAP_PERFMON.
 *
 * Rejected: checking for ptrace access here. ptrace_may_access() is not there for
 * modules, and a copy of it would miss what security modules have to say.
 *
 * While a stream is open the device is kept awake: what it records goes by the device's clock, and
 * sleep would show as a reset. The machine's own sleep does.
 *
 * Interrupts come by the vectors of the queues. The watchdog wakes readers too, so a lost
 * one costs its period.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "npu_account.h"
#include "npu_compat.h"
#include "npu_device.h"
#include "npu_hw.h"
#include "npu_perf_lane.h"
#include "npu_perf_stream.h"
#include "npu_pm.h"
#include "npu_queue.h"

/* Contiguous memory: more than 2 MiB of it is hardly ever there. */
#define NPU_PERF_MAX_LOG2 15

/* ---- the hardware's streams --------------------------------------------------------------- */

/*
 * Starts what waits for it. Device entered or &npu_device.hw_sem held for writing, lock held.
 * Return: false if the firmware does not answer, so that there is no sense in asking it more.
 */
static bool npu_perf_stream_start(struct npu_perf_stream *stream)
{
	u32 i;

	if (stream->closing)
		return true;
	for (i = 0; i < stream->lanes; i++) {
		struct npu_perf_lane *lane = &stream->lane[i];

		if (!lane->used || lane->on || lane->over || !lane->ring)
			continue;
		if (!npu_perf_lane_drained(lane))
			continue;
		switch (npu_perf_lane_start(lane)) {
		case -ETIMEDOUT:
			npu_recovery_request(stream->npu, "a performance stream cannot be started");
			return false;
		case -EBUSY:
			/* Others have all of the hardware's. */
			npu_perf_lane_end(lane);
			stream->missed++;
			break;
		}
	}
	return true;
}

/* ---- queues that come and go -------------------------------------------------------------- */

static bool npu_perf_matches(const struct npu_perf_stream *stream, const struct npu_queue *queue)
{
	return (!stream->client || stream->client == queue->client) &&
	       (!stream->pid || stream->pid == queue->pid);
}

static bool npu_perf_has(struct npu_perf_stream *stream, const struct npu_queue *queue)
{
	u32 i;

	for (i = 0; i < stream->lanes; i++)
		if (stream->lane[i].used && stream->lane[i].queue == queue)
			return true;
	return false;
}

/* The hardware lets no two streams watch one queue. */
static bool npu_perf_is_watched(struct npu_device *npu, const struct npu_queue *queue)
{
	struct npu_perf_stream *stream;
	u32 i;

	lockdep_assert_held(&npu->perf.lock);
	list_for_each_entry(stream, &npu->perf.streams, node)
		for (i = 0; i < stream->lanes; i++) {
			struct npu_perf_lane *lane = &stream->lane[i];

			if (lane->used && !lane->over &&
			    (!queue || stream->device || lane->queue == queue))
				return true;
		}
	return false;
}

static struct npu_perf_lane *npu_perf_free_lane(struct npu_perf_stream *stream)
{
	u32 i;

	for (i = 0; i < stream->lanes; i++) {
		struct npu_perf_lane *lane = &stream->lane[i];

		if (!lane->used)
			return lane;
		if (lane->over && !lane->on && lane->ring && npu_perf_lane_drained(lane))
			return lane;
	}
	return NULL;
}

/* Has a lane watch a queue from when it is started on. Lock held. */
static int npu_perf_assign(struct npu_perf_stream *stream, struct npu_queue *queue)
{
	struct npu_perf_lane *lane = npu_perf_free_lane(stream);
	struct npu_queue *old;

	if (!lane || npu_perf_is_watched(stream->npu, queue))
		return -EBUSY;
	old = lane->queue;
	lane->queue = queue ? npu_queue_get(queue) : NULL;
	scoped_guard(spinlock, &stream->lock) {
		lane->used = true;
		lane->over = false;
	}
	if (old)
		npu_queue_put(old);
	return 0;
}

/**
 * npu_perf_add_queue() - have the streams watch a new queue that want it
 * @queue: queue that has its hardware, and no jobs yet
 */
void npu_perf_add_queue(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	struct npu_perf_stream *stream;
	bool entered = !npu_hw_enter(npu), answers = entered;

	/* Where it cannot be entered, the end of the reset starts what is waiting. */
	scoped_guard(mutex, &npu->perf.lock) {
		queue->perf_ready = true;
		list_for_each_entry(stream, &npu->perf.streams, node) {
			if (stream->one || stream->device || stream->closing ||
			    !npu_perf_matches(stream, queue) || npu_perf_has(stream, queue))
				continue;
			if (npu_perf_assign(stream, queue))
				stream->missed++;
			else if (answers)
				answers = npu_perf_stream_start(stream);
		}
	}
	if (entered)
		npu_hw_exit(npu);
}

static int npu_perf_stop_queue(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	struct npu_perf_stream *stream;
	bool entered = !npu_hw_enter(npu);
	int ret = 0;
	u32 i;

	scoped_guard(mutex, &npu->perf.lock) {
		queue->perf_ready = false;
		list_for_each_entry(stream, &npu->perf.streams, node)
			for (i = 0; i < stream->lanes; i++) {
				struct npu_perf_lane *lane = &stream->lane[i];

				if (lane->queue != queue)
					continue;
				npu_perf_lane_end(lane);
				if (entered && !ret)
					ret = npu_perf_lane_stop(lane);
			}
	}
	if (ret)
		npu_recovery_request(npu, "a performance stream cannot be stopped");
	if (entered)
		npu_hw_exit(npu);
	return ret;
}

/**
 * npu_perf_remove_queue() - nobody watches a queue any more
 * @queue: queue that is over and whose hardware is about to be somebody else's
 *
 * May sleep, and may reset the device.
 */
void npu_perf_remove_queue(struct npu_queue *queue)
{
	if (npu_perf_stop_queue(queue))
		npu_recovery_wait(queue->npu);
	npu_perf_wake(queue->npu);
}

/* ---- resets and removal ------------------------------------------------------------------- */

/**
 * npu_perf_wake() - wake who waits for records
 * @npu: device; may be called in interrupts
 */
void npu_perf_wake(struct npu_device *npu)
{
	if (wq_has_sleeper(&npu->perf.wait))
		wake_up_interruptible_all(&npu->perf.wait);
}

/**
 * npu_perf_lose() - the device was reset, and has forgotten its streams
 * @npu: device, which writes to no memory; &npu_device.hw_sem held for writing
 */
void npu_perf_lose(struct npu_device *npu)
{
	struct npu_perf_stream *stream;
	u32 i;

	scoped_guard(mutex, &npu->perf.lock) {
		for (i = 0; i < NPU_PERF_STREAMS; i++) {
			struct npu_perf_lane *lane = npu->perf.slots[i];

			if (!lane)
				continue;
			npu_perf_lane_is_off(lane);
			scoped_guard(spinlock, &lane->stream->lock) {
				lane->stream->restarts++;
				lane->stream->told = false;
				/* What was in a ring that makes no sense is lost. */
				lane->lost += lane->broken;
			}
		}
		if (npu_is_lost(npu)) {
			list_for_each_entry(stream, &npu->perf.streams, node) {
				guard(spinlock)(&stream->lock);
				stream->gone = true;
			}
		}
	}
	npu_perf_wake(npu);
}

/**
 * npu_perf_restart() - the device works again
 * @npu: device, &npu_device.hw_sem held for writing
 */
void npu_perf_restart(struct npu_device *npu)
{
	struct npu_perf_stream *stream;
	bool answers = true;

	guard(mutex)(&npu->perf.lock);
	list_for_each_entry(stream, &npu->perf.streams, node) {
		/* Also from being wedged. */
		scoped_guard(spinlock, &stream->lock)
			stream->gone = false;
		/* Everybody else waits meanwhile; the reset that is due now starts the others. */
		answers = answers && npu_perf_stream_start(stream);
	}
}

/**
 * npu_perf_unplug() - give back all memory of streams
 * @npu: device that is being removed and reaches no memory any more
 */
void npu_perf_unplug(struct npu_device *npu)
{
	struct npu_perf_stream *stream;
	u32 i;

	scoped_guard(mutex, &npu->perf.lock)
		list_for_each_entry(stream, &npu->perf.streams, node) {
			scoped_guard(spinlock, &stream->lock)
				stream->gone = true;
			for (i = 0; i < stream->lanes; i++)
				npu_perf_lane_free(&stream->lane[i]);
		}
	npu_perf_wake(npu);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Lanes that a reset has stopped go on when the last of their records is taken. */
static void npu_perf_stream_resume(struct npu_perf_stream *stream)
{
	struct npu_device *npu = stream->npu;
	bool waits = false;
	u32 i;

	scoped_guard(spinlock, &stream->lock)
		for (i = 0; i < stream->lanes; i++)
			waits |= stream->lane[i].used && !stream->lane[i].on &&
				 !stream->lane[i].over;
	if (!waits || npu_hw_enter(npu))
		return;
	scoped_guard(mutex, &npu->perf.lock)
		npu_perf_stream_start(stream);
	npu_hw_exit(npu);
}

static ssize_t npu_perf_read_lane(struct npu_perf_lane *lane, char __user *buf, size_t count)
{
	struct npu_perf_stream *stream = lane->stream;
	ssize_t bytes;
	u64 from, tail;

	scoped_guard(spinlock, &stream->lock)
		from = lane->tail;
	bytes = npu_perf_lane_copy(lane, min_t(size_t, count, NPU_PERF_CHUNK), &tail);
	if (bytes < 0)
		return bytes;
	if (copy_to_user(buf, stream->chunk, bytes))
		return -EFAULT;
	npu_perf_lane_take(lane, from, tail);
	return bytes;
}

/* All that is there and fits. Return: bytes, or -EINVAL or -EFAULT if nothing was read. */
static ssize_t npu_perf_read_all(struct npu_perf_stream *stream, char __user *buf, size_t count)
{
	ssize_t done = 0, bytes = 0;
	u32 i;

	for (i = 0; i < stream->lanes; i++)
		do {
			bytes = npu_perf_read_lane(&stream->lane[i], buf + done, count - done);
			if (bytes < 0)
				return done ?: bytes;
			done += bytes;
		} while (bytes);
	return done;
}

/* Whether a reader should come: enough to read, or no more to come. */
static __poll_t npu_perf_events(struct npu_perf_stream *stream)
{
	bool over = stream->one, broken = false;
	__poll_t events = 0;
	u64 unread;
	u32 i;

	guard(spinlock)(&stream->lock);
	for (i = 0; i < stream->lanes; i++) {
		struct npu_perf_lane *lane = &stream->lane[i];

		unread = npu_perf_lane_unread(lane);
		if (unread && (unread >= stream->threshold || !lane->on))
			events |= EPOLLIN | EPOLLRDNORM;
		over &= lane->over && !lane->on && !unread;
		broken |= lane->broken;
	}
	if (!stream->told)
		events |= EPOLLPRI;
	if (stream->gone || over)
		events |= EPOLLHUP;
	if (broken)
		events |= EPOLLERR;
	return events;
}

static ssize_t npu_perf_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct npu_perf_stream *stream = file->private_data;
	ssize_t ret;

	if (!count)
		return 0;
	for (;;) {
		if (mutex_lock_interruptible(&stream->read_lock))
			return -EINTR;
		ret = npu_perf_read_all(stream, buf, count);
		mutex_unlock(&stream->read_lock);
		if (ret > 0)
			npu_perf_stream_resume(stream);
		if (ret)
			return ret;
		if (READ_ONCE(stream->gone))
			return -ENODEV;
		if (npu_perf_events(stream) & EPOLLHUP)
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(stream->npu->perf.wait,
					       npu_perf_events(stream) & (EPOLLIN | EPOLLHUP));
		if (ret)
			return ret;
	}
}

static __poll_t npu_perf_poll(struct file *file, poll_table *wait)
{
	struct npu_perf_stream *stream = file->private_data;

	poll_wait(file, &stream->npu->perf.wait, wait);
	return npu_perf_events(stream);
}

/* ---- ioctls of a stream -------------------------------------------------------------------- */

static long npu_perf_status(struct npu_perf_stream *stream, void __user *user)
{
	struct drm_npu_perf_status status;
	struct npu_perf_lane *lane;

	if (copy_from_user(&status, user, sizeof(status)))
		return -EFAULT;
	if (status.lane >= stream->lanes)
		return -EINVAL;
	lane = &stream->lane[status.lane];
	status = (struct drm_npu_perf_status) {
		.lane = status.lane,
		.lanes = stream->lanes,
		.hw_queue = NPU_PERF_ALL_QUEUES,
	};
	scoped_guard(mutex, &stream->npu->perf.lock) {
		status.missed = stream->missed;
		if (lane->queue) {
			status.hw_queue = lane->queue->slot;
			status.queue_id = READ_ONCE(lane->queue->id);
			status.pid = pid_vnr(lane->queue->pid);
		}
	}
	scoped_guard(spinlock, &stream->lock) {
		status.state = !lane->used ? DRM_NPU_PERF_LANE_FREE :
			       lane->on ? DRM_NPU_PERF_LANE_ON :
			       lane->over || stream->gone ? DRM_NPU_PERF_LANE_OVER :
			       DRM_NPU_PERF_LANE_WAITS;
		status.tail = lane->tail;
		status.head = lane->tail + npu_perf_lane_unread(lane);
		status.lost = lane->lost + (lane->ring ? READ_ONCE(lane->ring->lost) : 0);
		status.restarts = stream->restarts;
		stream->told = true;
	}
	return copy_to_user(user, &status, sizeof(status)) ? -EFAULT : 0;
}

static long npu_perf_consume(struct npu_perf_stream *stream, void __user *user)
{
	struct drm_npu_perf_consume args;
	int ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.pad || args.lane >= stream->lanes)
		return -EINVAL;
	scoped_guard(mutex, &stream->read_lock)
		ret = npu_perf_lane_consume(&stream->lane[args.lane], args.tail);
	if (!ret)
		npu_perf_stream_resume(stream);
	return ret;
}

static long npu_perf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct npu_perf_stream *stream = file->private_data;

	switch (cmd) {
	case DRM_NPU_PERF_IOC_STATUS:
		return npu_perf_status(stream, (void __user *)arg);
	case DRM_NPU_PERF_IOC_CONSUME:
		return npu_perf_consume(stream, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* The device snoops, so that the processor's mapping is as cached as the driver's is. */
static vm_fault_t npu_perf_fault(struct vm_fault *vmf)
{
	struct npu_perf_stream *stream = vmf->vma->vm_private_data;
	unsigned long pages = PAGE_ALIGN(npu_perf_ring_bytes(stream)) >> PAGE_SHIFT;
	struct npu_perf_lane *lane = &stream->lane[vmf->pgoff / pages];
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct sg_page_iter iter;
	int idx;

	/* Removal waits, then unmaps what was mapped, then gives the ring back. */
	if (!drm_dev_enter(&stream->npu->drm, &idx))
		return ret;
	for_each_sgtable_page(&lane->sgt, &iter, vmf->pgoff % pages) {
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(sg_page_iter_page(&iter)));
		break;
	}
	drm_dev_exit(idx);
	return ret;
}

static const struct vm_operations_struct npu_perf_vm_ops = {
	.fault = npu_perf_fault,
};

static int npu_perf_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct npu_perf_stream *stream = file->private_data;
	unsigned long pages = PAGE_ALIGN(npu_perf_ring_bytes(stream)) >> PAGE_SHIFT;
	unsigned long in_lane = vma->vm_pgoff % pages;

	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	/* Of a file that can only be read the kernel takes VM_SHARED away. */
	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff / pages >= stream->lanes ||
	    vma_pages(vma) > pages - in_lane)
		return -EINVAL;
	if (READ_ONCE(stream->gone))
		return -ENODEV;
	vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE);
	vma->vm_private_data = stream;
	vma->vm_ops = &npu_perf_vm_ops;
	return 0;
}

/* ---- opening and closing ---------------------------------------------------------------- */

static int npu_perf_stream_stop(struct npu_perf_stream *stream)
{
	struct npu_device *npu = stream->npu;
	bool entered = !npu_hw_enter(npu);
	int ret = 0;
	u32 i;

	scoped_guard(mutex, &npu->perf.lock) {
		stream->closing = true;
		for (i = 0; i < stream->lanes; i++) {
			npu_perf_lane_end(&stream->lane[i]);
			if (entered && !ret)
				ret = npu_perf_lane_stop(&stream->lane[i]);
		}
	}
	if (ret)
		npu_recovery_request(npu, "a performance stream cannot be stopped");
	if (entered)
		npu_hw_exit(npu);
	return ret;
}

/* Afterwards the device writes to none of its rings. */
static void npu_perf_stream_end(struct npu_perf_stream *stream)
{
	if (npu_perf_stream_stop(stream))
		npu_recovery_wait(stream->npu);
}

static void npu_perf_stream_free_rings(struct npu_perf_stream *stream)
{
	u32 i;

	for (i = 0; i < stream->lanes; i++)
		npu_perf_lane_free(&stream->lane[i]);
}

static void npu_perf_stream_free(struct npu_perf_stream *stream)
{
	u32 i;

	npu_perf_stream_free_rings(stream);
	for (i = 0; i < stream->lanes; i++)
		if (stream->lane[i].queue)
			npu_queue_put(stream->lane[i].queue);
	put_pid(stream->pid);
	npu_user_put(stream->user);
	mutex_destroy(&stream->read_lock);
	kfree(stream->chunk);
	if (stream->awake)
		npu_pm_put(stream->npu);
	drm_dev_put(&stream->npu->drm);
	kfree(stream);
}

static void npu_perf_stream_close(struct npu_perf_stream *stream)
{
	npu_perf_stream_end(stream);
	/* Removal finds it in the list, or not: one of us gives the memory back. */
	scoped_guard(mutex, &stream->npu->perf.lock) {
		list_del(&stream->node);
		npu_perf_stream_free_rings(stream);
	}
	npu_perf_stream_free(stream);
}

static int npu_perf_release(struct inode *inode, struct file *file)
{
	npu_perf_stream_close(file->private_data);
	return 0;
}

static const struct file_operations npu_perf_fops = {
	.owner = THIS_MODULE,
	.release = npu_perf_release,
	.read = npu_perf_read,
	.poll = npu_perf_poll,
	.unlocked_ioctl = npu_perf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = npu_perf_mmap,
};

static int npu_perf_check_open(struct npu_device *npu, const struct drm_npu_perf_stream_open *args)
{
	const u32 what = NPU_PERF_MODE_SAMPLES | NPU_PERF_MODE_PCS | NPU_PERF_MODE_SHARES |
			 NPU_PERF_MODE_PACKETS | NPU_PERF_MODE_OPS;
	bool samples = args->modes & NPU_PERF_MODE_SAMPLES;

	if (args->tiles && !(args->tiles & GENMASK_ULL(npu_tiles(npu) - 1, 0)))
		return -EINVAL;
	if (args->flags & ~DRM_NPU_PERF_STREAM_NONBLOCK || args->pad)
		return -EINVAL;
	if (args->modes & ~NPU_PERF_MODES || !(args->modes & what))
		return -EINVAL;
	if (samples ? args->period < NPU_PERF_PERIOD_MIN || args->period > NPU_PERF_PERIOD_MAX :
		      args->period)
		return -EINVAL;
	if (args->ring_log2 < NPU_PERF_RING_MIN_LOG2 || args->ring_log2 > NPU_PERF_MAX_LOG2 ||
	    !args->threshold || args->threshold > 1u << args->ring_log2)
		return -EINVAL;
	switch (args->scope) {
	case DRM_NPU_PERF_SCOPE_QUEUE:
		return args->queue_id && args->lanes == 1 ? 0 : -EINVAL;
	case DRM_NPU_PERF_SCOPE_ALL:
		return !args->queue_id && args->lanes && args->lanes <= NPU_PERF_STREAMS ? 0 :
		       -EINVAL;
	case DRM_NPU_PERF_SCOPE_DEVICE:
		return args->queue_id || args->pid || args->lanes != 1 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static struct npu_perf_stream *npu_perf_stream_alloc(struct npu_file *nfile,
						     const struct drm_npu_perf_stream_open *args)
{
	struct npu_perf_stream *stream;
	int ret;
	u32 i;

	stream = kzalloc(struct_size(stream, lane, args->lanes), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->lanes = args->lanes;
	stream->chunk = kmalloc(NPU_PERF_CHUNK, GFP_KERNEL_ACCOUNT);
	if (!stream->chunk) {
		kfree(stream);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&stream->node);
	spin_lock_init(&stream->lock);
	mutex_init(&stream->read_lock);
	stream->npu = nfile->npu;
	drm_dev_get(&stream->npu->drm);
	stream->user = npu_user_get(nfile->user);
	stream->device = args->scope == DRM_NPU_PERF_SCOPE_DEVICE;
	stream->one = args->scope == DRM_NPU_PERF_SCOPE_QUEUE;
	stream->client = args->pid || stream->device ? 0 : nfile->client;
	stream->modes = args->modes;
	stream->period = args->period;
	stream->threshold = args->threshold;
	stream->log2 = args->ring_log2;
	stream->tiles = args->tiles ?: ~0ull;
	stream->told = true;
	ret = npu_pm_get(stream->npu);
	stream->awake = !ret;
	if (args->pid && !ret) {
		stream->pid = find_get_pid(args->pid);
		if (!stream->pid)
			ret = -ESRCH;
	}
	for (i = 0; i < stream->lanes; i++) {
		stream->lane[i].stream = stream;
		if (!ret)
			ret = npu_perf_lane_alloc(&stream->lane[i]);
	}
	if (!ret)
		return stream;
	npu_perf_stream_free(stream);
	return ERR_PTR(ret);
}

/* Has lanes watch the queues that are there. Lock held. */
static int npu_perf_attach(struct npu_perf_stream *stream, u32 queue_id)
{
	struct npu_device *npu = stream->npu;
	struct npu_queue *found = NULL;
	u32 i;
	int ret = 0;

	if (stream->device)
		return npu_perf_assign(stream, NULL);
	for (i = 0; i < npu->caps.queues; i++) {
		struct npu_queue *queue = npu_queue_get_slot(npu, i);

		if (!queue)
			continue;
		if (!queue->perf_ready || !npu_perf_matches(stream, queue) ||
		    (stream->one && READ_ONCE(queue->id) != queue_id)) {
			npu_queue_put(queue);
			continue;
		}
		if (stream->one) {
			/* Files of one process may have queues of the same id. */
			if (found)
				ret = -ENOTUNIQ;
			else
				found = npu_queue_get(queue);
		} else if (npu_perf_assign(stream, queue)) {
			stream->missed++;
		}
		npu_queue_put(queue);
	}
	if (!stream->one)
		return 0;
	if (!found)
		return -ENOENT;
	if (!ret)
		ret = npu_perf_assign(stream, found);
	npu_queue_put(found);
	return ret;
}

/* A stream of one queue, or of the device, that cannot start is none. */
static int npu_perf_stream_begin(struct npu_perf_stream *stream, u32 queue_id)
{
	struct npu_device *npu = stream->npu;
	int ret;

	ret = npu_hw_enter(npu);
	if (ret)
		return ret;
	scoped_guard(mutex, &npu->perf.lock) {
		ret = npu_perf_attach(stream, queue_id);
		if (ret)
			break;
		list_add_tail(&stream->node, &npu->perf.streams);
		npu_perf_stream_start(stream);
		if ((stream->one || stream->device) && !stream->lane[0].on) {
			list_del_init(&stream->node);
			ret = -EBUSY;
		}
	}
	npu_hw_exit(npu);
	return ret;
}

/**
 * npu_ioctl_perf_stream_open() - DRM_NPU_PERF_STREAM_OPEN
 * @drm: device
 * @data: struct drm_npu_perf_stream_open
 * @file: file
 *
 * Return: 0; -EINVAL: scope, flags, pad, modes, tiles, period, ring, threshold, lanes, or a
 * queue where none is to be named; -EACCES: needs CAP_PERFMON; -ENOENT: no such queue;
 * -ENOTUNIQ: the process has more than one of that id; -ESRCH: no such process; -EBUSY: the
 * queue is watched already, or the hardware has no free stream; -EDQUOT: the user's limit of
 * memory; -ENOMEM; -EMFILE; -EIO: the device is down; -ENODEV.
 */
int npu_ioctl_perf_stream_open(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_perf_stream_open *args = data;
	struct npu_file *nfile = file->driver_priv;
	struct npu_perf_stream *stream;
	struct file *filp;
	int fd, ret;

	if (npu_is_lost(nfile->npu))
		return -ENODEV;
	ret = npu_perf_check_open(nfile->npu, args);
	if (ret)
		return ret;
	if ((args->scope == DRM_NPU_PERF_SCOPE_DEVICE || args->pid) && !perfmon_capable())
		return -EACCES;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	stream = npu_perf_stream_alloc(nfile, args);
	if (IS_ERR(stream)) {
		put_unused_fd(fd);
		return PTR_ERR(stream);
	}
	/* An inode of its own, as its mappings have to be found. */
	filp = anon_inode_create_getfile("[npu-perf]", &npu_perf_fops, stream, O_RDONLY |
					 (args->flags ? O_NONBLOCK : 0), NULL);
	if (IS_ERR(filp)) {
		npu_perf_stream_free(stream);
		put_unused_fd(fd);
		return PTR_ERR(filp);
	}
	stream->inode = file_inode(filp);
	ret = npu_perf_stream_begin(stream, args->queue_id);
	if (ret) {
		npu_perf_stream_end(stream);
		/* The file is closed later; removal must not have to wait for that. */
		npu_perf_stream_free_rings(stream);
		put_unused_fd(fd);
		fput(filp);
		return ret;
	}
	args->fd = fd;
	fd_install(fd, filp);
	return 0;
}

/**
 * npu_perf_init() - set up
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_perf_init(struct npu_device *npu)
{
	INIT_LIST_HEAD(&npu->perf.streams);
	init_waitqueue_head(&npu->perf.wait);
	return drmm_mutex_init(&npu->drm, &npu->perf.lock);
}
