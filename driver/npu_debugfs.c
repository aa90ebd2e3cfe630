// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: queues, address spaces and buffers as they are, and the messages of
 * late. For people only: docs/sysfs.md says what is there, and nothing promises that
 * it stays. Reading takes the locks that the things have, one at a time, and does not
 * touch the device. What the firmware logs is in npu_fwlog.c; what it said to the driver is what
 * "mailbox" shows.
 */
#include <linux/mm.h>
#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>

#include "npu_device.h"
#include "npu_fence.h"
#include "npu_gem.h"
#include "npu_pt.h"
#include "npu_queue.h"
#include "npu_vm.h"

static struct npu_device *npu_of_seq(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_npu(entry->dev);
}

static int npu_debugfs_mailbox(struct seq_file *m, void *unused)
{
	struct npu_device *npu = npu_of_seq(m);
	struct npu_dump_message *messages;
	u32 count, i, k;

	messages = kvcalloc(NPU_MSGLOG_ENTRIES, sizeof(*messages), GFP_KERNEL);
	if (!messages)
		return -ENOMEM;
	count = npu_msglog_copy(&npu->mbox.log, messages);
	for (i = 0; i < count; i++) {
		const struct npu_msg *msg = &messages[i].msg;

		seq_printf(m, "%llu.%06u %s type %#x status %u seq %u cookie %u queue %u data",
			   messages[i].time / NSEC_PER_SEC,
			   (u32)(messages[i].time % NSEC_PER_SEC) / 1000,
			   messages[i].to_host ? "f2h" : "h2f", msg->type, msg->status, msg->seq,
			   msg->cookie, msg->queue);
		for (k = 0; k < ARRAY_SIZE(msg->data); k++)
			seq_printf(m, " %#llx", msg->data[k]);
		seq_putc(m, '\n');
	}
	kvfree(messages);
	return 0;
}

static void npu_debugfs_queue(struct seq_file *m, struct npu_queue *queue)
{
	static const char * const life[] = {
		[NPU_QUEUE_LIVE] = "live",
		[NPU_QUEUE_LOST] = "lost",
		[NPU_QUEUE_STOPPING] = "stopping",
		[NPU_QUEUE_OVER] = "over",
	};
	struct npu_queue_wb wb = {};
	struct npu_fence *fence;
	u32 inflight = 0, pending, tail, state, alive;
	u64 emitted, completed;

	scoped_guard(spinlock_irqsave, &queue->lock) {
		if (queue->mem)
			wb = queue->mem->wb;
		list_for_each_entry(fence, &queue->inflight, node)
			inflight++;
		pending = queue->pending;
		tail = queue->tail;
		state = queue->state;
		alive = queue->life;
		emitted = queue->emitted;
		completed = queue->completed;
	}
	seq_printf(m, "queue %u of %s: %s, state %u, asid %u, priority %u, timeout %u ms\n",
		   queue->slot, queue->owner, life[alive], state, queue->asid, queue->priority,
		   jiffies_to_msecs(queue->timeout));
	seq_printf(m, "  context %llu: emitted %llu, ended %llu, in flight %u, waiting %u\n",
		   queue->fence_context, emitted, completed, inflight, pending);
	seq_printf(m, "  ring: tail %u, head %u; state %u, started %llu, progress %llu, completed %llu, error %u of %llu, clock %llu\n",
		   tail, wb.head, wb.state, wb.started, wb.progress, wb.completed, wb.error,
		   wb.error_seqno, wb.clock);
}

static int npu_debugfs_queues(struct seq_file *m, void *unused)
{
	struct npu_device *npu = npu_of_seq(m);
	struct npu_queue *queue;
	u32 i;

	for (i = 0; i < npu->caps.queues; i++) {
		queue = npu_queue_get_slot(npu, i);
		if (!queue)
			continue;
		npu_debugfs_queue(m, queue);
		npu_queue_put(queue);
	}
	return 0;
}

static void npu_debugfs_label(struct seq_file *m, struct npu_bo *bo)
{
	/* Fences may wait for a lock of the caller's: no waiting for this one. */
	if (mutex_trylock(&bo->label_lock)) {
		if (bo->label) {
			seq_putc(m, ' ');
			/* It is the program's text. */
			seq_escape_str(m, bo->label, ESCAPE_NP | ESCAPE_OCTAL, NULL);
		}
		mutex_unlock(&bo->label_lock);
	}
	seq_putc(m, '\n');
}

static void npu_debugfs_vm(struct npu_vm *vm, void *m)
{
	struct drm_gpuva *map;

	lockdep_assert_held(&vm->lock);
	seq_printf(m, "vm %u: root %#llx, %llu bytes bound%s\n", vm->asid,
		   vm->root ? (u64)vm->root->dma : 0, vm->bound_bytes,
		   vm->unusable ? ", unusable" : "");
	drm_gpuvm_for_each_va(map, &vm->base) {
		if (map == &vm->base.kernel_alloc_node)
			continue;
		seq_printf(m, "  %#llx..%#llx offset %#llx", map->va.addr,
			   map->va.addr + map->va.range - 1, map->gem.offset);
		if (map->gem.obj)
			npu_debugfs_label(m, to_npu_bo(map->gem.obj));
		else
			seq_putc(m, '\n');
	}
}

static int npu_debugfs_vms(struct seq_file *m, void *unused)
{
	npu_vm_for_each(npu_of_seq(m), npu_debugfs_vm, m);
	return 0;
}

static int npu_debugfs_bos(struct seq_file *m, void *unused)
{
	struct npu_device *npu = npu_of_seq(m);
	struct npu_bo *bo;

	guard(mutex)(&npu->bos_lock);
	list_for_each_entry(bo, &npu->bos, node) {
		struct drm_gem_object *obj = &bo->base.base;
		bool resident = obj->funcs->status(obj) & DRM_GEM_OBJECT_RESIDENT;

		seq_printf(m, "size %zu flags %#x handles %u%s%s", obj->size, bo->flags,
			   READ_ONCE(obj->handle_count), resident ? " resident" : "",
			   bo->vm_root ? " of one vm" : "");
		npu_debugfs_label(m, bo);
	}
	return 0;
}

static const struct drm_debugfs_info npu_debugfs_files[] = {
	{ "mailbox", npu_debugfs_mailbox, 0, NULL },
	{ "queues", npu_debugfs_queues, 0, NULL },
	{ "vms", npu_debugfs_vms, 0, NULL },
	{ "bos", npu_debugfs_bos, 0, NULL },
};

/**
 * npu_debugfs_init() - add the files
 * @npu: device that is about to be registered
 */
void npu_debugfs_init(struct npu_device *npu)
{
	drm_debugfs_add_files(&npu->drm, npu_debugfs_files, ARRAY_SIZE(npu_debugfs_files));
	npu_fwlog_debugfs_init(npu);
}
