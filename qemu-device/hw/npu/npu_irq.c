/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: interrupts from the core to MSI-X.
 *
 * Sending an MSI needs the BQL. The core raises interrupts on three kinds of thread:
 *  - with the BQL held (reset, timer, an access that kept it): sent at once;
 *  - on a vCPU thread that dropped the BQL for the time of an access: it takes the lock back a
 *    moment later anyway, so the vector is noted and sent then, at no cost;
 *  - on a worker of the core: noted, and a bottom half on the main loop sends it. Waiting for the
 *    BQL instead would be a little quicker when nobody holds it, and a deadlock when its holder
 *    waits for the worker; see npu.h.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "qemu/main-loop.h"
#include "hw/pci/msix.h"
#include "hw/qdev-core.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

/* Vectors are bits of NPUState.irqs. */
QEMU_BUILD_BUG_ON(NPU_MSIX_VECTORS > 32);

/* The device whose core this thread is in after dropping the BQL. */
static __thread NPUState *npu_irq_owner;

void npu_irq_deliver(NPUState *s)
{
	uint32_t irqs;

	if (!qatomic_read(&s->irqs)) {
		return;
	}
	irqs = qatomic_xchg(&s->irqs, 0);
	while (irqs) {
		unsigned int vector = ctz32(irqs);

		irqs &= irqs - 1;
		msix_notify(PCI_DEVICE(s), vector);
	}
}

static void npu_irq_bh(void *opaque)
{
	npu_irq_deliver(opaque);
}

void npu_irq_raise(NPUState *s, unsigned int vector)
{
	if (vector >= NPU_MSIX_VECTORS) {
		return;
	}
	trace_npu_irq(vector);
	if (bql_locked()) {
		msix_notify(PCI_DEVICE(s), vector);
		return;
	}
	qatomic_or(&s->irqs, 1u << vector);
	if (npu_irq_owner != s) {
		qemu_bh_schedule(s->irq_bh);
	}
}

void npu_irq_enter(NPUState *s)
{
	npu_irq_owner = s;
}

void npu_irq_leave(NPUState *s)
{
	assert(npu_irq_owner == s);
	npu_irq_owner = NULL;
}

void npu_irq_reset(NPUState *s)
{
	qatomic_set(&s->irqs, 0);
}

void npu_irq_init(NPUState *s)
{
	s->irq_bh = qemu_bh_new_guarded(npu_irq_bh, s, &DEVICE(s)->mem_reentrancy_guard);
}

void npu_irq_exit(NPUState *s)
{
	if (s->irq_bh) {
		qemu_bh_delete(s->irq_bh);
		s->irq_bh = NULL;
	}
}
