/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NPU: BAR0, registers and doorbells. */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "exec/memattrs.h"
#include "system/cpus.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

/*
 * May the BQL be dropped for this access? Only when a vCPU made it: then nothing but QEMU's own
 * memory dispatch is below us on the stack. A device that was tricked into DMA to this BAR is in the
 * middle of its own state, and must not see another vCPU enter it; the monitor and qtest run on
 * the main loop. DMA carries unspecified attributes or the requester's id, vCPUs neither.
 */
static bool npu_may_drop_bql(MemTxAttrs attrs)
{
	return qemu_in_vcpu_thread() && bql_locked() && !attrs.unspecified && !attrs.requester_id;
}

/*
 * Get the device for an access, dropping the BQL if possible; *dropped says whether. NULL: it is gone.
 * Counting comes first and looking after it, the reverse of npu_unrealize()'s order, so that
 * one of the two always sees the other.
 */
static struct npu_dev *npu_enter(NPUState *s, MemTxAttrs attrs, bool *dropped)
{
	struct npu_dev *dev;

	qatomic_inc(&s->users);
	smp_mb__after_rmw();
	dev = qatomic_read(&s->dev);
	*dropped = dev && npu_may_drop_bql(attrs);
	if (*dropped) {
		npu_irq_enter(s);
		bql_unlock();
	}
	return dev;
}

static void npu_leave(NPUState *s, bool dropped)
{
	/* The count goes down before the BQL is waited for: its holder may wait for the count. */
	if (qatomic_fetch_dec(&s->users) == 1 && !qatomic_read(&s->dev)) {
		qemu_event_set(&s->unused);
	}
	if (dropped) {
		npu_irq_leave(s);
		bql_lock();
		npu_irq_deliver(s);
	}
}

static MemTxResult npu_regs_read(void *opaque, hwaddr addr, uint64_t *value, unsigned int size,
				 MemTxAttrs attrs)
{
	NPUState *s = opaque;
	struct npu_dev *dev;
	bool dropped;

	dev = npu_enter(s, attrs, &dropped);
	*value = dev ? npu_dev_read(dev, addr, size) : UINT64_MAX;
	npu_leave(s, dropped);
	trace_npu_read(addr, size, *value);
	return MEMTX_OK;
}

static MemTxResult npu_regs_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size,
				  MemTxAttrs attrs)
{
	NPUState *s = opaque;
	struct npu_dev *dev;
	bool dropped;

	trace_npu_write(addr, size, value);
	dev = npu_enter(s, attrs, &dropped);
	if (dev) {
		npu_dev_write(dev, addr, value, size);
	}
	npu_leave(s, dropped);
	return MEMTX_OK;
}

/* Accesses of other sizes, or unaligned ones, read 0 and are ignored. */
const MemoryRegionOps npu_regs_ops = {
	.read_with_attrs = npu_regs_read,
	.write_with_attrs = npu_regs_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = {
		.min_access_size = 4,
		.max_access_size = 8,
	},
	.impl = {
		.min_access_size = 4,
		.max_access_size = 8,
	},
};
