/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NPU as a PCI Express function of QEMU. What the device is and does lives in the core
 * (npu_core.h); these files give it a bus, interrupts, guest memory and time.
 *
 * Locks
 *
 * QEMU calls register accesses with the big QEMU lock (BQL) held. Work that a doorbell starts is
 * done on the vCPU thread, so npu_mmio.c drops the BQL around the core: other vCPUs and the main
 * loop go on meanwhile, and may enter the device too, which the core's own lock provides for.
 *
 * One rule keeps this free of deadlocks: nothing that the core calls ever waits for the BQL. Reset
 * and npu_dev_flush_maps() run under the BQL and wait for other threads of the core to leave it; a
 * thread inside of the core that waited for the BQL would never leave. Therefore
 *  - interrupts are only noted, and delivered by someone who may wait: the thread that entered the
 *    core through us, with the BQL, when it is out again, or else a bottom half (npu_irq.c);
 *  - bus addresses are looked up in a list that changes only as a whole (npu_dma.c);
 *  - timers are modified, not run, on the core's threads (npu_host.c).
 */
#ifndef HW_NPU_NPU_H
#define HW_NPU_NPU_H

#include "qemu/thread.h"
#include "qemu/timer.h"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "system/runstate.h"
#include "qom/object.h"

#include "npu_core.h"
#include "npu_regs.h"

#define TYPE_NPU "npu"
OBJECT_DECLARE_SIMPLE_TYPE(NPUState, NPU)

typedef struct NPUMap NPUMap;

struct NPUState {
	PCIDevice parent_obj;

	MemoryRegion regs; /* BAR0 */
	MemoryRegion msix; /* BAR4 */

	/* Properties; see npu.c. */
	uint8_t chiplets;
	uint8_t tiles;
	uint64_t sram;
	uint32_t threads;
	uint16_t vlen;
	uint8_t queues;
	char *matrix;
	uint64_t inline_budget;
	bool sync;
	bool debug_faults;
	bool log;

	/*
	 * The device itself, NULL before realize and after exit. Written and read under the BQL. Who
	 * drops the BQL while using it is counted in users.
	 */
	struct npu_dev *dev;
	unsigned int users;
	QemuEvent unused; /* set when users drops to 0 while dev is NULL */

	uint32_t irqs; /* bit per vector raised and not delivered yet; atomic */
	bool delivering; /* some of them are being delivered; BQL */
	QEMUBH *irq_bh;
	QEMUTimer *timer;

	/* npu_fault.c */
	uint32_t bus_events; /* enum npu_bus_event not dealt with yet; atomic */
	QEMUBH *bus_bh;
	MemoryRegion dead; /* over BAR4 while the link is dead */
	bool pulled_out; /* as the slot knows it */
	uint16_t link_status; /* of a link in good health */

	MemoryListener listener;
	bool map_changed; /* within a transaction of the listener */
	GArray *sections; /* of NPURange: memory in the DMA address space */
	NPUMap *map; /* list of it for npu_dma_map(); atomic */
	bool logging; /* a migration wants to know of what is written; atomic */
	QemuMutex written_lock;
	GHashTable *written; /* numbers of pages mapped for writing since then; written_lock */

	/* npu_power.c; BQL */
	bool vm_runs;
	bool runs; /* the core is not paused */
	VMChangeStateEntry *vm_state;
};

extern const MemoryRegionOps npu_regs_ops;
extern const struct npu_host_ops npu_host_ops;

/* npu_irq.c */
void npu_irq_init(NPUState *s);
void npu_irq_exit(NPUState *s);
/* The core's interrupt op: raise vector. Any thread, with or without the BQL; never waits. */
void npu_irq_raise(NPUState *s, unsigned int vector);
/* This thread enters or leaves the core, with or without the BQL, and promises npu_irq_deliver() after. */
void npu_irq_enter(NPUState *s);
void npu_irq_leave(NPUState *s);
/* Deliver what was raised. Called with the BQL held, outside of the core. */
void npu_irq_deliver(NPUState *s);
/* Forget what was raised and not delivered. */
void npu_irq_reset(NPUState *s);

/* npu_fault.c */
void npu_fault_init(NPUState *s);
void npu_fault_exit(NPUState *s);
/* The core's bus_event op. Any thread; never waits. */
void npu_bus_event(NPUState *s, uint32_t events);
/* Have what waits for the function to be in D0 reported, soon. */
void npu_bus_deliver(NPUState *s);

/* npu_dma.c */
/* Before the core is made and after it is freed: memory that does not answer. */
void npu_dma_init(NPUState *s);
void npu_dma_exit(NPUState *s);
/* Show memory to the core, and follow its changes. */
void npu_dma_start(NPUState *s);
/* Take all memory away from the core again. */
void npu_dma_stop(NPUState *s);
/* The core's dma_map op. Any thread; never waits for the BQL. */
void *npu_dma_map(NPUState *s, uint64_t addr, size_t *len, bool write);

/* All that may have been written since a migration began is dirty. Nothing may be mapped meanwhile. */
void npu_dma_mark_written(NPUState *s);

/* npu_power.c: with the BQL */
void npu_power_init(NPUState *s);
void npu_power_exit(NPUState *s);
/* Is the function in another state than D0? */
bool npu_is_asleep(NPUState *s);
/* Run or stand still as the power state in configuration space says, which may have changed. */
void npu_power_update(NPUState *s);

/* npu_vmstate.c */
extern const VMStateDescription npu_vmstate;

/* npu_host.c */
void npu_timer_init(NPUState *s);
void npu_timer_exit(NPUState *s);

#endif /* HW_NPU_NPU_H */
