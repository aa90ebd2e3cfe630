/* SPDX-License-Identifier: MIT */
/*
 * The NPU as a library: a whole device in plain C11, without a bus. Whoever
 * embeds it (QEMU's PCI glue, the simulation backend, unit tests) supplies
 * guest memory, interrupts and time through struct npu_host_ops, and forwards
 * register accesses.
 *
 * Threads: every function may be called from any thread unless it says
 * otherwise. The core has one lock of its own; it is never held while a host op other than dma_map,
 * time_ns and log is called, so those ops may take the embedder's locks.
 *
 * Work: an access that gives the device something to do runs up to an inline
 * budget of it on the calling thread and leaves the rest to worker threads (or,
 * if it was made synchronous, to the next access or timer).
 * Neither the budget nor the number of workers changes any result,
 * modelled cycle or counter.
 */
#ifndef NPU_CORE_H
#define NPU_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_fault.h"

struct npu_dev;

/* What npu_host_ops.bus_event tells of, bits. */
enum npu_bus_event {
	NPU_BUS_CORRECTABLE = 1, /* an internal error that was corrected */
	NPU_BUS_UNCORRECTABLE = 2, /* one that was not, and that is no single job's */
	NPU_BUS_LINK = 4, /* npu_dev_link_dead() or a fault of the link has changed */
};

enum npu_log_level { NPU_LOG_ERROR, NPU_LOG_INFO, NPU_LOG_FIRMWARE };

/* What the embedder provides. All members are required unless marked optional. */
struct npu_host_ops {
	/*
	 * Host address of guest memory at bus address addr, for reading or (write) writing.
	 * *len: in: bytes wanted, out: contiguous bytes available at the result, at least 1.
	 * NULL: nothing answers there, or bus mastering is off. The result stays valid until
	 * npu_dev_flush_maps() returns. Called from any thread, possibly with the core's lock held.
	 */
	void *(*dma_map)(void *opaque, uint64_t addr, size_t *len, bool write);
	/*
	 * Raise MSI-X vector (edge). Called without the core's lock, but in the middle of work: it
	 * must not call the core, nor wait for a thread that does.
	 */
	void (*irq)(void *opaque, unsigned int vector);
	/* Monotonic wall clock, ns. */
	uint64_t (*time_ns)(void *opaque);
	/* Ask for npu_dev_timer() at this time_ns() or later; UINT64_MAX: never. Without the lock; as irq. */
	void (*set_timer)(void *opaque, uint64_t deadline_ns);
	/* A worker thread starts or ends (register with RCU and the like); optional. */
	void (*thread_enter)(void *opaque);
	void (*thread_exit)(void *opaque);
	/*
	 * Something that a bus would notice: enum npu_bus_event. As irq; optional, and without it there
	 * is no surprise removal.
	 */
	void (*bus_event)(void *opaque, uint32_t events);
	/* A line of text without newline; optional. */
	void (*log)(void *opaque, enum npu_log_level level, const char *line);
};

struct npu_config {
	unsigned int chiplets; /* 1..8 */
	unsigned int tiles_per_chiplet; /* 1..8 */
	unsigned int vlen; /* bits of a tile's vector registers, 128..16384, a power of two */
	unsigned int sram_kib; /* SRAM per tile, 64..16384, multiple of 64 */
	unsigned int threads; /* worker threads, 1..64; 0: one per online CPU */
	unsigned int queues; /* hardware queues, 1..NPU_MAX_QUEUES */
	uint64_t inline_budget; /* host work units run on the caller per access; 0: all to workers */
	/*
	 * No workers: an access does all the work that it causes before it returns, in an order that
	 * depends on the accesses alone (as long as they come one after the other). For fuzzers and
	 * debuggers. inline_budget, not 0 then, bounds one access: what an endless kernel has left goes
	 * on with the next one, or when the host's timer fires a millisecond later. threads is ignored.
	 */
	bool sync;
	bool debug_faults; /* debug registers of npu_fault.h in BAR0; NPU_FEATURE_DEBUG_FAULTS */
	const char *matrix_path; /* "auto", "amx", "avx512", "avxvnni", "avx2" or "c" */
};

/* Defaults: 2 chiplets x 2 tiles, 1024 KiB, vlen 2048, threads 0, 64 queues, matrix "auto". */
void npu_config_init(struct npu_config *config);

/*
 * Make a device in its reset state. Returns NULL and points *error at a static
 * text naming the bad property and its range. ops and opaque must outlive it.
 */
struct npu_dev *npu_dev_new(const struct npu_config *config, const struct npu_host_ops *ops,
			    void *opaque, const char **error);
/* Stop all work, join the workers and free. No other call may be running or follow. */
void npu_dev_free(struct npu_dev *dev);

/* BAR0. size is 4 or 8, offset aligned to it; anything else reads 0 and is ignored. */
uint64_t npu_dev_read(struct npu_dev *dev, uint64_t offset, unsigned int size);
void npu_dev_write(struct npu_dev *dev, uint64_t offset, uint64_t value, unsigned int size);

/* The deadline given to set_timer has come. */
void npu_dev_timer(struct npu_dev *dev);

/* Full reset, as NPU_REG_RESET, FLR or power-on; done when it returns: no irq from before it comes after. */
void npu_dev_reset(struct npu_dev *dev);

/*
 * Forget every pointer that dma_map returned and wait until no thread uses one, or is in a call of
 * dma_map that began before this one. For changes of the guest's memory map and of bus mastering.
 * Work in progress goes on and maps again.
 */
void npu_dev_flush_maps(struct npu_dev *dev);

/*
 * ---- pause, save, load ----
 *
 * A paused device runs nothing: what is in hand stops where it is, within a fraction of a second, no
 * interrupt is raised by work and no timer fires. When npu_dev_pause() returns irq and bus_event have been
 * called for all that had happened, and no pointer that dma_map returned is in use, nor will be before
 * npu_dev_resume(). Registers and doorbells are taken as ever, and a reset is done, all without ending the
 * pause. Where work is interrupted shows in no result and no modelled figure. npu_dev_wait_idle() does not
 * return while there is work and a pause.
 *
 * The state of a paused device is all that a driver, firmware or kernel could see of it; guest memory is
 * its host's to save, with it. The clock of the host that it is loaded into, time_ns, has to go on from
 * where it stood, since firmware and drivers know points of it. Threads, inline budget and matrix path may
 * be others than it was saved with; what the guest sees of the configuration may not.
 */
void npu_dev_pause(struct npu_dev *dev);
void npu_dev_resume(struct npu_dev *dev);

#define NPU_STATE_ERROR 128 /* bytes of an error text */

/*
 * State of a paused device, *size bytes that the caller frees. NULL: error says why.
 */
uint8_t *npu_dev_save(struct npu_dev *dev, size_t *size, char error[NPU_STATE_ERROR]);
/*
 * Make a paused device what was saved. No other call may be running. The bytes may be anything. False:
 * error names the part that does not fit and why, and the device has been reset, with all faults cleared;
 * it stays paused in any case.
 */
bool npu_dev_load(struct npu_dev *dev, const void *data, size_t size, char error[NPU_STATE_ERROR]);

/* Wait until NPU_REG_TLB_STATUS is not busy, for embedders that would have to poll it. */
void npu_dev_wait_tlb(struct npu_dev *dev);

/*
 * Wait until nothing runs or is queued to run, the management core waits for interrupts, and the host has been
 * told of all that came of it: no irq, bus_event or set_timer is in progress or follows.
 */
void npu_dev_wait_idle(struct npu_dev *dev);

/*
 * Wait until the management core waits for interrupts, and the host has been told what it did and when it wants
 * the timer; engines may be at work. For hosts whose time is not the wall clock, before they let more of it pass.
 * Firmware that never waits is waited for some milliseconds.
 */
void npu_dev_settle(struct npu_dev *dev);

/* ---- faults on demand: npu_fault.h, docs/faults.md ---- */

/* A fault, as the debug registers describe it. */
struct npu_fault_spec {
	uint32_t fault; /* enum npu_fault */
	uint32_t target; /* or NPU_FAULT_ANY */
	uint32_t count, after;
	uint64_t arg, size;
	uint32_t flags;
};

/*
 * Arm a fault, whether or not there are debug registers. May wait for engines to take notice. What it causes at
 * once (interrupts, bus events) has been told when it returns; so it has when the debug register was written.
 */
enum npu_fault_status npu_dev_fault_inject(struct npu_dev *dev, const struct npu_fault_spec *spec);
/* End a fault, or with 0 all of them. A link that comes up again resets the device. */
enum npu_fault_status npu_dev_fault_clear(struct npu_dev *dev, uint32_t which);
/* Is it armed? What is left of it, and how often it has struck since the device was made. */
bool npu_dev_fault_get(struct npu_dev *dev, uint32_t which, struct npu_fault_spec *ret_spec,
		       uint64_t *ret_hits);
/* Name in npu_fault.h's table; NULL: there is no such fault. */
const char *npu_fault_name(enum npu_fault which);
/* Count for who does not say any: 1, or 0 for faults that last. */
uint32_t npu_fault_default_count(enum npu_fault which);
/* Nobody answers: the host is to let configuration space read all ones too. */
bool npu_dev_link_dead(const struct npu_dev *dev);

#endif /* NPU_CORE_H */
