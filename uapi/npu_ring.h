/* SPDX-License-Identifier: MIT */
/*
 * Kernel side of a hardware queue: descriptor, ring and writeback, all in host
 * memory at bus addresses. Written by the driver, decoded by the firmware.
 *
 * Life of a queue: the driver fills the descriptor, sends NPU_MSG_QUEUE_START,
 * then appends ring entries and writes the new tail to the queue's doorbell.
 * Entries run strictly in order. Different queues are independent.
 */
#ifndef NPU_RING_H
#define NPU_RING_H

#include "npu_types.h"

#define NPU_RING_MIN_LOG2 4
#define NPU_RING_MAX_LOG2 12

/**
 * struct npu_queue_desc - queue descriptor, 64 bytes
 *
 * Read once by the firmware at NPU_MSG_QUEUE_START.
 */
struct npu_queue_desc {
	/** @ring: bus address of struct npu_ring_entry[1 << ring_log2], 4 KiB aligned */
	__u64 ring;
	/** @writeback: bus address of struct npu_queue_wb, 64-byte aligned */
	__u64 writeback;
	/** @counters: bus address of struct npu_counter_block (npu_counters.h), or 0 */
	__u64 counters;
	/** @ring_log2: NPU_RING_MIN_LOG2..NPU_RING_MAX_LOG2 */
	__u32 ring_log2;
	/** @vector: MSI-X vector of this queue's completions */
	__u32 vector;
	/** @priority: enum npu_queue_priority */
	__u32 priority;
	/** @flags: 0 */
	__u32 flags;
	/** @core_state: bus address of a struct npu_core_state, 64-byte aligned, or 0 */
	__u64 core_state;
	/** @reserved: 0 */
	__u64 reserved[2];
};
NPU_ASSERT_SIZE(struct npu_queue_desc, 64);
NPU_ASSERT_OFFSET(struct npu_queue_desc, ring_log2, 24);
NPU_ASSERT_OFFSET(struct npu_queue_desc, flags, 36);
NPU_ASSERT_OFFSET(struct npu_queue_desc, core_state, 40);

enum npu_queue_priority {
	NPU_PRIO_LOW = 0,
	NPU_PRIO_NORMAL = 1,
	NPU_PRIO_HIGH = 2,
	NPU_PRIO_REALTIME = 3,
};

/** struct npu_ring_entry - ring entry, 32 bytes */
struct npu_ring_entry {
	/** @op: enum npu_ring_op */
	__u8 op;
	/** @flags: NPU_RING_FENCE_IRQ */
	__u8 flags;
	/** @as_id: RUN: address space, below NPU_MAX_AS */
	__u16 as_id;
	/** @packets: RUN: packets in the command buffer, 1..NPU_CB_MAX_PACKETS */
	__u32 packets;
	/** @addr: RUN: virtual address of the command buffer, 64-byte aligned */
	__u64 addr;
	/** @seqno: RUN: seqno of the job it belongs to; FENCE: value to publish */
	__u64 seqno;
	/** @reserved: 0 */
	__u64 reserved;
};
NPU_ASSERT_SIZE(struct npu_ring_entry, 32);
NPU_ASSERT_OFFSET(struct npu_ring_entry, as_id, 2);
NPU_ASSERT_OFFSET(struct npu_ring_entry, packets, 4);
NPU_ASSERT_OFFSET(struct npu_ring_entry, addr, 8);

enum npu_ring_op {
	NPU_RING_NOP = 0,
	/* Run a command buffer in an address space, until its last packet has finished. */
	NPU_RING_RUN = 1,
	/* Publish seqno in the writeback, after all effects of earlier entries. */
	NPU_RING_FENCE = 2,
};
#define NPU_RING_FENCE_IRQ (1u << 0) /* then raise the queue's vector */

#define NPU_CB_MAX_PACKETS 65536

enum npu_queue_state {
	NPU_QUEUE_STOPPED = 0, /* no descriptor in use */
	NPU_QUEUE_IDLE = 1,
	NPU_QUEUE_RUNNING = 2,
	/* A job failed. The queue consumes nothing until stopped and started again. */
	NPU_QUEUE_FAULTED = 3,
};

/**
 * struct npu_queue_wb - queue writeback, 64 bytes
 *
 * Written by the firmware, in ascending 8-byte units, each of them atomic, @completed last.
 *
 * When a job fails, @error and @error_seqno are set, @completed advances to the failed job's seqno
 * and the vector is raised, whatever its fence asked for; an NPU_MSG_FAULT with the details has
 * then been queued already.
 */
struct npu_queue_wb {
	/** @head: free-running index of the first ring entry not consumed */
	__u32 head;
	/** @state: enum npu_queue_state */
	__u32 state;
	/** @started: seqno of the job that runs or ran last */
	__u64 started;
	/** @progress: packets + workgroups retired; grows while the job gets on */
	__u64 progress;
	/** @error_seqno: seqno of the failed job */
	__u64 error_seqno;
	/** @error: enum npu_job_error */
	__u32 error;
	/**
	 * @begun: low half of the seqno of the last job of which a packet was begun; before, it has
	 * changed nothing
	 */
	__u32 begun;
	/** @clock: modelled cycles that this queue's work has taken, all jobs */
	__u64 clock;
	/** @time: the same in ps, at the clocks that it ran at */
	__u64 time;
	/** @completed: seqno published last */
	__u64 completed;
};
NPU_ASSERT_SIZE(struct npu_queue_wb, 64);
NPU_ASSERT_OFFSET(struct npu_queue_wb, started, 8);
NPU_ASSERT_OFFSET(struct npu_queue_wb, error_seqno, 24);
NPU_ASSERT_OFFSET(struct npu_queue_wb, error, 32);
NPU_ASSERT_OFFSET(struct npu_queue_wb, begun, 36);
NPU_ASSERT_OFFSET(struct npu_queue_wb, clock, 40);
NPU_ASSERT_OFFSET(struct npu_queue_wb, completed, 56);

/**
 * struct npu_core_state - registers of a tile's core when a job failed on it, or when it was
 * stopped; 640 bytes
 *
 * Written by the firmware before the NPU_MSG_FAULT that tells of the same, and not touched
 * otherwise: zeroed before the queue starts, it says by @flags whether there is something in it.
 * There is not if the tile had not begun its first workgroup. The names are those of the RISC-V
 * specifications.
 */
struct npu_core_state {
	/** @flags: NPU_CORE_STATE_VALID */
	__u32 flags;
	/** @core: tile number */
	__u32 core;
	/** @seqno: of the job */
	__u64 seqno;
	/** @workgroup: linear index */
	__u64 workgroup;
	/** @pc: the instruction has had no effect; but see vstart */
	__u64 pc;
	/** @x: integer registers */
	__u64 x[32];
	/** @f: floating-point registers; single precision is NaN-boxed */
	__u64 f[32];
	/** @cycle: of the tile's share of the grid */
	__u64 cycle;
	/** @instret: instructions retired, of the same */
	__u64 instret;
	/** @vtype: only the highest bit set (vill): no vector type is chosen */
	__u64 vtype;
	/** @vl: vector length, elements */
	__u32 vl;
	/** @vstart: element that a vector load or store is at */
	__u32 vstart;
	/** @vlenb: bytes of a vector register; 0: there are none */
	__u32 vlenb;
	/** @fcsr: floating-point control and status */
	__u32 fcsr;
	/** @vcsr: vector control and status */
	__u32 vcsr;
	/** @reserved0: 0 */
	__u32 reserved0;
	/** @reserved: 0 */
	__u64 reserved[6];
};
NPU_ASSERT_SIZE(struct npu_core_state, 640);
NPU_ASSERT_OFFSET(struct npu_core_state, pc, 24);
NPU_ASSERT_OFFSET(struct npu_core_state, f, 288);
NPU_ASSERT_OFFSET(struct npu_core_state, cycle, 544);
NPU_ASSERT_OFFSET(struct npu_core_state, vl, 568);

#define NPU_CORE_STATE_VALID (1u << 0)

/* Why a job failed. */
enum npu_job_error {
	NPU_JOB_OK = 0,
	NPU_JOB_PAGE_FAULT = 1, /* access outside of what is mapped, or not permitted */
	NPU_JOB_BUS_ERROR = 2, /* mapped, but the bus address does not answer */
	NPU_JOB_ILLEGAL = 3, /* illegal instruction */
	NPU_JOB_BREAKPOINT = 4, /* ebreak, npu_abort() */
	NPU_JOB_MISALIGNED = 5, /* misaligned atomic, or instruction address */
	NPU_JOB_BAD_DESCRIPTOR = 6, /* DMA or matrix descriptor out of range */
	NPU_JOB_BAD_PACKET = 7, /* unknown packet, reserved field set, or size out of range */
	NPU_JOB_BAD_RING = 8, /* unknown ring entry, or tail out of range */
	NPU_JOB_STOPPED = 9, /* stopped by NPU_MSG_QUEUE_STOP while it ran */
	NPU_JOB_HW_ERROR = 10, /* tile error that is nobody's fault */
	NPU_JOB_BAD_INDEX = 11, /* index of a gather or scatter that is not below its bound */
	NPU_JOB_ECC = 12, /* uncorrectable error in a tile's or engine's memory: data was lost */
	NPU_JOB_ERROR_COUNT
};

/* How memory was accessed when a job failed. */
enum npu_access {
	NPU_ACCESS_READ = 0,
	NPU_ACCESS_WRITE = 1,
	NPU_ACCESS_EXEC = 2,
	NPU_ACCESS_NONE = 3, /* no memory access: illegal instruction, bad packet, ... */
};

/* Which engine a fault or counter belongs to: a tile number, or one of these. */
#define NPU_CORE_COPY	0x100 /* copy engine */
#define NPU_CORE_FRONT	0x101 /* command front end (packet fetch, snapshots) */
#define NPU_CORE_ALL	0x1ff /* counters: the sum over all of them */

#endif /* NPU_RING_H */
