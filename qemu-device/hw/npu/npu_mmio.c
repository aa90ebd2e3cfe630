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
 * memory dispatch is below us on the stack. A device that was tricked into DMA to this BAR is in
 * the middle of its own state, and must not see another vCPU enter it; the monitor and qtest run
 * on the main loop. DMA carries unspecified attributes or the requester's id, vCPUs neither.
 */
static bool npu_may_drop_bql(MemTxAttrs attrs)
{
	return qemu_in_vcpu_thread() && bql_locked() && !attrs.unspecified && !attrs.requester_id;
}

/*
 * Reads start no work, so they keep the BQL: to drop and retake it costs as much as the read.
 * They may wait for a slice of the management core on another thread, some ten microseconds.
 */
static MemTxResult npu_regs_read(void *opaque, hwaddr addr, uint64_t *value, unsigned int size,
				 MemTxAttrs attrs)
{
	NPUState *s = opaque;

	*value = s->dev ? npu_dev_read(s->dev, addr, size) : UINT64_MAX;
	trace_npu_read(addr, size, *value);
	return MEMTX_OK;
}

static MemTxResult npu_regs_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size,
				  MemTxAttrs attrs)
{
	NPUState *s = opaque;
	struct npu_dev *dev = s->dev;

	trace_npu_write(addr, size, value);
	if (!dev) {
		return MEMTX_OK;
	}
	if (!npu_may_drop_bql(attrs)) {
		npu_irq_enter(s);
		npu_dev_write(dev, addr, value, size);
		npu_irq_leave(s);
		npu_irq_deliver(s);
		return MEMTX_OK;
	}

	/* The BQL is what kept dev alive; from here on it is the count. */
	qatomic_inc(&s->users);
	npu_irq_enter(s);
	bql_unlock();
	npu_dev_write(dev, addr, value, size);
	npu_irq_leave(s);
	/* Before waiting for the BQL: npu_unrealize() holds it while it waits for the count. */
	if (qatomic_fetch_dec(&s->users) == 1) {
		smp_mb__after_rmw();
		if (!qatomic_read(&s->dev)) {
			qemu_event_set(&s->unused);
		}
	}
	bql_lock();
	npu_irq_deliver(s);
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
