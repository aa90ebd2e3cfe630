/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: interrupts from the core to MSI-X.
 *
 * Sending an MSI needs the BQL, and it is a memory write to wherever the guest says: to another
 * device, to this one's own registers, or to the register that resets it. So none is sent from
 * inside of the core, where a reset would wait for the very thread that asks for it; a vector that
 * the core raises is noted, and sent
 *  - on a thread that entered the core through us (an access, the timer): when it has left it, at
 *    no cost, as it holds the BQL or takes it back anyway;
 *  - for a worker of the core: by a bottom half on the main loop. Waiting for the BQL instead
 *    would be a little quicker when nobody holds it, and a deadlock when its holder waits for
 *    the worker; see npu.h.
 *
 * A function that is not in D0 sends none: they wait until it is.
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

/* The device whose core this thread is in, and for which it delivers interrupts after. */
static __thread NPUState *npu_irq_owner;

void npu_irq_deliver(NPUState *s)
{
	uint32_t irqs;

	if (!qatomic_read(&s->irqs) || npu_is_asleep(s)) {
		return;
	}
	/* A message to our own registers brought us here again: no deeper, but soon. */
	if (s->delivering) {
		qemu_bh_schedule(s->irq_bh);
		return;
	}
	s->delivering = true;
	irqs = qatomic_xchg(&s->irqs, 0);
	/* A message may even have unplugged us, or put us to sleep. */
	while (irqs && s->dev && !npu_is_asleep(s)) {
		unsigned int vector = ctz32(irqs);

		irqs &= irqs - 1;
		msix_notify(PCI_DEVICE(s), vector);
	}
	qatomic_or(&s->irqs, s->dev ? irqs : 0);
	s->delivering = false;
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
	qatomic_or(&s->irqs, 1u << vector);
	if (npu_irq_owner != s) {
		qemu_bh_schedule(s->irq_bh);
	}
}

void npu_irq_enter(NPUState *s)
{
	assert(!npu_irq_owner);
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
	/* A vCPU that was inside of the core waits for the BQL, to deliver what is not there any more. */
	npu_irq_reset(s);
}
