/* SPDX-License-Identifier: GPL-2.0-only */
/* Core dumps of the device. */
#ifndef NPU_COREDUMP_H
#define NPU_COREDUMP_H

#include <linux/atomic.h>
#include <linux/workqueue.h>

#include <drm/npu_accel.h>

#include "npu_counters.h"
#include "npu_dump.h"

struct npu_device;
struct npu_queue;
struct npu_vm;

/** NPU_COREDUMP_RING - ring entries in a dump */
#define NPU_COREDUMP_RING 64
/** NPU_COREDUMP_REGISTERS - registers in a dump, at most */
#define NPU_COREDUMP_REGISTERS 24

/**
 * struct npu_coredump - what has been seen of the device in its trouble, until it is written down
 *
 * There is one, made with the device, so that taking a snapshot needs no memory. Whoever changes
 * @busy from 0 to 1 owns the rest, until the work is done and it is 0 again.
 */
struct npu_coredump {
	/** @npu: device, held while @busy */
	struct npu_device *npu;
	/** @busy: a snapshot is being taken or written down */
	atomic_t busy;
	/** @work: makes a dump of the snapshot */
	struct work_struct work;
	/** @header: what can be said of time and reason */
	struct npu_dump_header header;
	/** @vm: address space of @queue, a reference; or NULL */
	struct npu_vm *vm;
	/** @queue: queue that it is about; valid if header.queue names one */
	struct npu_dump_queue queue;
	/** @fault: fault of @queue; none if its error is 0 */
	struct drm_npu_fault fault;
	/** @core: registers of the tile that @fault is about; valid if its flags say so */
	struct npu_core_state core;
	/** @counters: counters of @queue */
	u64 counters[NPU_COUNTER_COUNT];
	/** @ring_count: entries in @ring */
	u32 ring_count;
	/** @ring: last entries of @queue's ring, oldest first */
	struct npu_dump_ring ring[NPU_COREDUMP_RING];
	/** @reg_count: entries in @regs; 0: to be read when it is written down */
	u32 reg_count;
	/** @regs: registers */
	struct npu_dump_register regs[NPU_COREDUMP_REGISTERS];
};

extern bool npu_coredump_enabled;

int npu_coredump_init(struct npu_device *npu);
void npu_coredump_queue(struct npu_queue *queue, enum npu_dump_reason reason, const char *why);
void npu_coredump_reset(struct npu_device *npu, const char *why);

#endif /* NPU_COREDUMP_H */
