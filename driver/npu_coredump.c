// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Core dumps
 *
 * When a job fails, is stopped for want of progress, or is lost in a reset, the
 * state of its queue is written down for people to look at: through the kernel's
 * devcoredump, in the format of npu_dump.h.
 *
 * It is done in two steps, because fences wait for the first. The snapshot is taken with the
 * queue locked, before the fence of the job signals: it copies a few KiB into memory that was
 * allocated with the device, and takes a reference to the address space. The rest is a
 * work's, which may allocate and wait, and for which no fence waits: it walks
 * the page table of the fault's address, reads packets and code where they are mapped, and
 * hands all over. By then the job's owner may have changed its memory. So a dump can be
 * wrong about a program that goes on at once, but no program waits for a dump.
 *
 * One at a time: while a dump is being made, and until somebody has read the last one or five
 * minutes are over, others are dropped. A tenant that fails again and again gets no more than that.
 *
 * Rejected: copying whole buffers, as crash dumps of GPUs may. What a tenant computes is not the
 * administrator's to read; the packets and the code that failed are enough to find where.
 *
 * Rejected: a ring of dumps in debugfs. devcoredump has its readers, its limit in time, and its
 * switch.
 */
#include <linux/devcoredump.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "npu_compat.h"
#include "npu_coredump.h"
#include "npu_fence.h"
#include "npu_fwlog.h"
#include "npu_gem.h"
#include "npu_hw.h"
#include "npu_packet.h"
#include "npu_pt.h"
#include "npu_queue.h"
#include "npu_vm.h"

/* Packets before the one that failed, and with it and after it. */
#define NPU_COREDUMP_BEFORE 8
#define NPU_COREDUMP_AFTER 24
#define NPU_COREDUMP_BINDINGS 512
/* Pieces of code around the program counter. */
#define NPU_COREDUMP_CODE 16

/* Whether dumps are made: module parameter coredump. */
bool npu_coredump_enabled = true;

/* Registers that have no side effect and say how the device is. */
static const u32 npu_coredump_regs[] = {
	NPU_REG_ID, NPU_REG_HW_VERSION, NPU_REG_STATUS, NPU_REG_TIME_LO, NPU_REG_TIME_HI,
	NPU_REG_BOOT_STATUS, NPU_REG_BOOT_DETAIL, NPU_REG_HEARTBEAT, NPU_REG_FW_STATUS,
	NPU_REG_IRQ_STATUS, NPU_REG_IRQ_ENABLE, NPU_REG_TLB_STATUS, NPU_REG_OPP,
	NPU_REG_OPP_KHZ, NPU_REG_POWER_CAP, NPU_REG_MODEL_VERSION, NPU_REG_ECC_CORRECTED,
	NPU_REG_ECC_UNCORRECTED, NPU_REG_ECC_LAST,
};

static_assert(ARRAY_SIZE(npu_coredump_regs) <= NPU_COREDUMP_REGISTERS);

/** struct npu_dump_writer - a dump while it is written */
struct npu_dump_writer {
	/** @data: NPU_DUMP_MAX bytes, zeroed where nothing was written yet */
	u8 *data;
	/** @used: bytes of it that are written */
	size_t used;
	/** @section: what the next entries belong to, in @data; NULL: none, or it is cut */
	struct npu_dump_section *section;
};

static struct npu_dump_header *npu_dump_header(struct npu_dump_writer *w)
{
	return (struct npu_dump_header *)w->data;
}

/* Room for size bytes, zeroed, or NULL: the dump is cut. */
static void *npu_dump_room(struct npu_dump_writer *w, size_t size)
{
	void *at = w->data + w->used;

	if (size > NPU_DUMP_MAX - w->used) {
		npu_dump_header(w)->flags |= NPU_DUMP_CUT;
		return NULL;
	}
	w->used += size;
	return at;
}

/* Begins a section, which the next entries belong to; one that stays empty is taken back. */
static void npu_dump_begin(struct npu_dump_writer *w, enum npu_dump_type type, u32 entry_size)
{
	w->section = npu_dump_room(w, sizeof(*w->section));
	if (!w->section)
		return;
	w->section->type = type;
	w->section->entry_size = entry_size;
}

/* An entry of the section, zeroed, or NULL. */
static void *npu_dump_entry(struct npu_dump_writer *w)
{
	void *entry;

	if (!w->section)
		return NULL;
	entry = npu_dump_room(w, w->section->entry_size);
	if (entry)
		w->section->size += w->section->entry_size;
	return entry;
}

static void npu_dump_end(struct npu_dump_writer *w)
{
	if (!w->section)
		return;
	if (w->section->size) {
		w->used = min_t(size_t, ALIGN(w->used, 8), NPU_DUMP_MAX);
		npu_dump_header(w)->sections++;
	} else {
		w->used -= sizeof(*w->section);
		memset(w->section, 0, sizeof(*w->section));
	}
	w->section = NULL;
}

/* A section of entries that are there already. */
static void npu_dump_put(struct npu_dump_writer *w, enum npu_dump_type type, const void *entries,
			 u32 entry_size, u32 count)
{
	u32 i;

	npu_dump_begin(w, type, entry_size);
	for (i = 0; i < count; i++) {
		void *entry = npu_dump_entry(w);

		if (!entry)
			break;
		memcpy(entry, entries + (size_t)i * entry_size, entry_size);
	}
	npu_dump_end(w);
}

static void npu_dump_device(struct npu_dump_writer *w, struct npu_device *npu)
{
	const struct npu_caps *caps = &npu->caps;
	struct npu_dump_device *dev;

	npu_dump_begin(w, NPU_DUMP_DEVICE, sizeof(*dev));
	dev = npu_dump_entry(w);
	if (dev) {
		dev->hw_version = caps->hw_version;
		dev->chiplets = caps->chiplets;
		dev->tiles_per_chiplet = caps->tiles_per_chiplet;
		dev->sram_size = caps->sram_size;
		dev->clock_khz = caps->clock_khz;
		dev->queues = caps->queues;
		dev->hw_features = caps->features;
		dev->fw_features = npu->fw.info.features;
		dev->fw_abi = npu->fw.info.abi_major << 16 | npu->fw.info.abi_minor;
		memcpy(dev->fw_build_id, npu->fw.info.build_id, sizeof(dev->fw_build_id));
		memcpy(dev->fw_version, npu->fw.info.version, sizeof(dev->fw_version));
		strscpy(dev->address, dev_name(npu->drm.dev), sizeof(dev->address));
		strscpy(dev->kernel, utsname()->release, sizeof(dev->kernel));
	}
	npu_dump_end(w);
}

/* The device's registers are there and it answers, or all ones are what there is to say. */
static void npu_coredump_read_regs(struct npu_coredump *dump)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(npu_coredump_regs); i++)
		dump->regs[i] = (struct npu_dump_register) {
			.offset = npu_coredump_regs[i],
			.value = npu_read32(dump->npu, npu_coredump_regs[i]),
		};
	dump->reg_count = i;
}

/* The size bytes of one page that a VM has mapped at va; false: nothing that can be read. */
static bool npu_coredump_read(struct npu_vm *vm, u64 va, void *buffer, u32 size)
{
	struct drm_gem_shmem_object *shmem;
	struct drm_gpuva *map;
	bool found;
	u64 offset;

	lockdep_assert_held(&vm->lock);
	map = drm_gpuva_find_first(&vm->base, va, size);
	if (!map || !map->gem.obj || va < map->va.addr ||
	    va - map->va.addr > map->va.range - size)
		return false;
	shmem = &to_npu_bo(map->gem.obj)->base;
	offset = map->gem.offset + (va - map->va.addr);
	/* What the device says of where its packets are need not be aligned. */
	if (offset_in_page(offset) + size > PAGE_SIZE)
		return false;
	/* Others' memory has no pages of ours; and who holds the lock may be taking ours away. */
	if (to_npu_bo(map->gem.obj)->kind != DRM_NPU_BO_KIND_SHMEM ||
	    offset + size > shmem->base.size || !dma_resv_trylock(shmem->base.resv))
		return false;
	found = shmem->pages;
	if (found)
		memcpy_from_page(buffer, shmem->pages[offset >> PAGE_SHIFT],
				 offset_in_page(offset), size);
	dma_resv_unlock(shmem->base.resv);
	return found;
}

/* Which packets: about the one that failed, or the first of the job that did not end. */
static void npu_coredump_range(const struct npu_coredump *dump, u64 *ret_start, u64 *ret_end)
{
	const u64 failed = dump->fault.packet;
	u32 i;

	for (i = 0; i < dump->ring_count; i++) {
		const struct npu_ring_entry *entry = &dump->ring[i].entry;
		u64 start = entry->addr, end = start + (u64)entry->packets * NPU_PACKET_SIZE;

		if (entry->op != NPU_RING_RUN)
			continue;
		if (failed ? failed < start || failed >= end : entry->seqno != dump->queue.oldest)
			continue;
		if (failed && failed - start > NPU_COREDUMP_BEFORE * NPU_PACKET_SIZE)
			start = failed - NPU_COREDUMP_BEFORE * NPU_PACKET_SIZE;
		*ret_start = start;
		*ret_end = min(end, max(start, failed) + NPU_COREDUMP_AFTER * NPU_PACKET_SIZE);
		return;
	}
	*ret_start = failed;
	*ret_end = failed ? failed + NPU_PACKET_SIZE : 0;
}

static void npu_dump_packets(struct npu_dump_writer *w, struct npu_coredump *dump)
{
	u64 va, end;

	npu_coredump_range(dump, &va, &end);
	npu_dump_begin(w, NPU_DUMP_PACKETS, sizeof(struct npu_dump_packet));
	for (; va < end; va += NPU_PACKET_SIZE) {
		struct npu_dump_packet packet = { .va = va };
		struct npu_dump_packet *entry;

		if (!npu_coredump_read(dump->vm, va, packet.bytes, sizeof(packet.bytes)))
			break;
		entry = npu_dump_entry(w);
		if (!entry)
			break;
		*entry = packet;
	}
	npu_dump_end(w);
}

static void npu_dump_code(struct npu_dump_writer *w, struct npu_coredump *dump)
{
	const u32 piece = sizeof_field(struct npu_dump_code, bytes);
	u64 va;
	u32 i;

	if (!dump->fault.pc)
		return;
	npu_dump_begin(w, NPU_DUMP_CODE, sizeof(struct npu_dump_code));
	va = round_down(dump->fault.pc, piece) - NPU_COREDUMP_CODE / 2 * piece;
	for (i = 0; i < NPU_COREDUMP_CODE; i++, va += piece) {
		struct npu_dump_code code = { .va = va };
		struct npu_dump_code *entry;

		if (!npu_coredump_read(dump->vm, va, code.bytes, piece))
			continue;
		entry = npu_dump_entry(w);
		if (!entry)
			break;
		*entry = code;
	}
	npu_dump_end(w);
}

static void npu_dump_walk(struct npu_dump_writer *w, struct npu_vm *vm, u64 va)
{
	struct npu_pt *pt = vm->root;

	npu_dump_begin(w, NPU_DUMP_WALK, sizeof(struct npu_dump_walk));
	while (pt) {
		u32 shift = NPU_PAGE_SHIFT + pt->level * NPU_PT_INDEX_BITS;
		u32 index = va >> shift & (NPU_PT_ENTRIES - 1);
		struct npu_dump_walk *entry = npu_dump_entry(w);

		if (!entry)
			break;
		entry->va = va;
		entry->table = pt->dma;
		entry->level = pt->level;
		entry->index = index;
		entry->entry = pt->ptes[index];
		pt = pt->level ? pt->child[index] : NULL;
	}
	npu_dump_end(w);
}

static void npu_dump_bindings(struct npu_dump_writer *w, struct npu_vm *vm)
{
	struct drm_gpuva *map;
	u32 count = 0;

	npu_dump_begin(w, NPU_DUMP_BINDINGS, sizeof(struct npu_dump_binding));
	drm_gpuvm_for_each_va(map, &vm->base) {
		struct npu_dump_binding *entry;
		struct npu_bo *bo;

		if (map == &vm->base.kernel_alloc_node)
			continue;
		if (count++ == NPU_COREDUMP_BINDINGS) {
			npu_dump_header(w)->flags |= NPU_DUMP_CUT;
			break;
		}
		entry = npu_dump_entry(w);
		if (!entry)
			break;
		entry->va = map->va.addr;
		entry->size = map->va.range;
		entry->offset = map->gem.offset;
		if (!map->gem.obj)
			continue;
		bo = to_npu_bo(map->gem.obj);
		/* Fences wait for the VM's lock: no waiting for others with it. */
		if (!mutex_trylock(&bo->label_lock))
			continue;
		if (bo->label)
			strscpy(entry->label, bo->label, sizeof(entry->label));
		mutex_unlock(&bo->label_lock);
	}
	npu_dump_end(w);
}

static void npu_dump_record(struct npu_dump_writer *w, const struct drm_npu_fault *fault)
{
	struct npu_dump_record *record;

	npu_dump_begin(w, NPU_DUMP_RECORD, sizeof(*record));
	record = npu_dump_entry(w);
	if (record)
		*record = (struct npu_dump_record) {
			.error = fault->error,
			.access = fault->access,
			.core = fault->core,
			.asid = fault->as_id,
			.seqno = fault->seqno,
			.addr = fault->addr,
			.pc = fault->pc,
			.packet = fault->packet,
			.workgroup = fault->workgroup,
		};
	npu_dump_end(w);
}

static void npu_dump_space(struct npu_dump_writer *w, struct npu_coredump *dump)
{
	guard(mutex)(&dump->vm->lock);
	if (dump->fault.error && dump->fault.access != NPU_ACCESS_NONE)
		npu_dump_walk(w, dump->vm, dump->fault.addr);
	npu_dump_packets(w, dump);
	npu_dump_code(w, dump);
	npu_dump_bindings(w, dump->vm);
}

static void npu_dump_mailbox(struct npu_dump_writer *w, struct npu_device *npu)
{
	struct npu_dump_message *messages;
	u32 count;

	messages = kvcalloc(NPU_MSGLOG_ENTRIES, sizeof(*messages), GFP_KERNEL);
	if (!messages)
		return;
	count = npu_msglog_copy(&npu->mbox.log, messages);
	npu_dump_put(w, NPU_DUMP_MAILBOX, messages, sizeof(*messages), count);
	kvfree(messages);
}

/* Until now, which is not long after the trouble: that of firmware that died includes its panic. */
static void npu_dump_fw_log(struct npu_dump_writer *w, struct npu_device *npu)
{
	struct npu_fwlog_view view;

	if (npu_fwlog_view(npu, &view))
		return;
	npu_dump_put(w, NPU_DUMP_FW_LOG, view.records, sizeof(*view.records), view.count);
	npu_fwlog_view_free(&view);
}

static void npu_coredump_write(struct npu_dump_writer *w, struct npu_coredump *dump)
{
	struct npu_device *npu = dump->npu;
	struct npu_dump_header *header = npu_dump_room(w, sizeof(*header));

	*header = dump->header;
	npu_dump_device(w, npu);
	if (!dump->reg_count && !npu_hw_enter(npu)) {
		npu_coredump_read_regs(dump);
		npu_hw_exit(npu);
	}
	npu_dump_put(w, NPU_DUMP_REGISTERS, dump->regs, sizeof(dump->regs[0]), dump->reg_count);
	if (dump->vm) {
		npu_dump_put(w, NPU_DUMP_QUEUE, &dump->queue, sizeof(dump->queue), 1);
		if (dump->fault.error)
			npu_dump_record(w, &dump->fault);
		if (dump->core.flags & NPU_CORE_STATE_VALID)
			npu_dump_put(w, NPU_DUMP_CORE, &dump->core, sizeof(dump->core), 1);
		npu_dump_put(w, NPU_DUMP_COUNTERS, dump->counters, sizeof(dump->counters[0]),
			     ARRAY_SIZE(dump->counters));
		npu_dump_put(w, NPU_DUMP_RING, dump->ring, sizeof(dump->ring[0]),
			     dump->ring_count);
		npu_dump_space(w, dump);
	}
	npu_dump_mailbox(w, npu);
	npu_dump_fw_log(w, npu);
	header->size = w->used;
}

static void npu_coredump_work(struct work_struct *work)
{
	struct npu_coredump *dump = container_of(work, struct npu_coredump, work);
	struct npu_device *npu = dump->npu;
	struct npu_dump_writer w = {};

	w.data = vzalloc(NPU_DUMP_MAX);
	if (w.data) {
		npu_coredump_write(&w, dump);
		/* It is devcoredump's now, which frees it at once if it has one already. */
		dev_coredumpv(npu->drm.dev, w.data, w.used, GFP_KERNEL);
	}
	npu_vm_put(dump->vm);
	dump->vm = NULL;
	/* The next owner finds all that was done here. */
	atomic_set_release(&dump->busy, 0);
	drm_dev_put(&npu->drm);
}

/* Become the owner of the snapshot, and say what it is about; false: there is no need for one. */
static bool npu_coredump_claim(struct npu_coredump *dump, enum npu_dump_reason reason,
			       const char *why)
{
	if (!READ_ONCE(npu_coredump_enabled) || atomic_cmpxchg_acquire(&dump->busy, 0, 1))
		return false;
	drm_dev_get(&dump->npu->drm);
	dump->header = (struct npu_dump_header) {
		.magic = NPU_DUMP_MAGIC,
		.major = NPU_DUMP_MAJOR,
		.minor = NPU_DUMP_MINOR,
		.header_size = sizeof(dump->header),
		.time = ktime_get_boottime_ns(),
		.date = ktime_get_real_ns(),
		.reason = reason,
		.queue = U32_MAX,
	};
	strscpy(dump->header.why, why, sizeof(dump->header.why));
	dump->fault = (struct drm_npu_fault) {};
	dump->ring_count = 0;
	dump->reg_count = 0;
	return true;
}

/* The registers that the firmware left, if they are those of the fault that it told of. */
static void npu_coredump_take_core(struct npu_coredump *dump, const struct npu_queue *queue)
{
	const struct drm_npu_fault *fault = &dump->fault;

	dump->core = queue->mem->core;
	if (!fault->error || dump->core.core != fault->core || dump->core.pc != fault->pc ||
	    dump->core.seqno != fault->seqno || dump->core.workgroup != fault->workgroup)
		dump->core.flags = 0;
}

static void npu_coredump_take(struct npu_coredump *dump, struct npu_queue *queue)
{
	const u32 mask = (1u << NPU_QUEUE_RING_LOG2) - 1;
	u32 count = min_t(u32, queue->tail, NPU_COREDUMP_RING), i;
	struct npu_fence *oldest;

	lockdep_assert_held(&queue->lock);
	oldest = list_first_entry_or_null(&queue->inflight, struct npu_fence, node);
	dump->vm = npu_vm_get(queue->vm);
	dump->header.queue = queue->slot;
	dump->queue = (struct npu_dump_queue) {
		.slot = queue->slot,
		.asid = queue->asid,
		.priority = queue->priority,
		.timeout_ms = jiffies_to_msecs(queue->timeout),
		.tail = queue->tail,
		.context = queue->fence_context,
		.emitted = queue->emitted,
		.completed = queue->completed,
		.oldest = oldest ? oldest->base.seqno : 0,
		.wb = queue->mem->wb,
	};
	strscpy(dump->queue.owner, queue->owner, sizeof(dump->queue.owner));
	dump->fault = queue->fault;
	npu_coredump_take_core(dump, queue);
	memcpy(dump->counters, queue->mem->counters.value, sizeof(dump->counters));
	for (i = 0; i < count; i++) {
		u32 index = queue->tail - count + i;

		dump->ring[i] = (struct npu_dump_ring) {
			.index = index,
			.entry = queue->mem->ring[index & mask],
		};
	}
	dump->ring_count = count;
}

/**
 * npu_coredump_queue() - take a snapshot of a queue, to be dumped
 * @queue: queue, locked, whose jobs have not been told yet
 * @reason: why
 * @why: the same in words
 *
 * Allocates nothing and does not sleep: fences wait for the caller.
 */
void npu_coredump_queue(struct npu_queue *queue, enum npu_dump_reason reason, const char *why)
{
	struct npu_coredump *dump = queue->npu->coredump;

	lockdep_assert_held(&queue->lock);
	if (!queue->mem || !npu_coredump_claim(dump, reason, why))
		return;
	npu_coredump_take(dump, queue);
	queue_work(npu_module_wq, &dump->work);
}

/**
 * npu_coredump_reset() - take a snapshot of a device that is about to be reset
 * @npu: device, &npu_device.hw_sem held for writing, registers there
 * @why: why
 *
 * Of the queues it is about the first that has jobs in flight. Allocates nothing.
 */
void npu_coredump_reset(struct npu_device *npu, const char *why)
{
	struct npu_coredump *dump = npu->coredump;
	struct npu_queue *queue;
	u32 i;

	if (!npu_coredump_claim(dump, NPU_DUMP_RESET, why))
		return;
	if (!pci_channel_offline(npu_to_pci(npu)))
		npu_coredump_read_regs(dump);
	for (i = 0; i < npu->caps.queues && !dump->vm; i++) {
		queue = npu_queue_get_slot(npu, i);
		if (!queue)
			continue;
		scoped_guard(spinlock_irqsave, &queue->lock)
			if (queue->mem && !list_empty(&queue->inflight))
				npu_coredump_take(dump, queue);
		npu_queue_put(queue);
	}
	queue_work(npu_module_wq, &dump->work);
}

/**
 * npu_coredump_init() - allocate what snapshots are taken into
 * @npu: device
 *
 * Return: 0 or -ENOMEM.
 */
int npu_coredump_init(struct npu_device *npu)
{
	struct npu_coredump *dump = drmm_kzalloc(&npu->drm, sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->npu = npu;
	INIT_WORK(&dump->work, npu_coredump_work);
	npu->coredump = dump;
	return 0;
}
