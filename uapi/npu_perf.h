/* SPDX-License-Identifier: MIT */
/*
 * Performance streams: what the device writes down about work while it runs, into
 * a ring of records in host memory. Shared by device, firmware, driver and tools.
 *
 * A stream watches one hardware queue or all of them, on some tiles. It is started and
 * stopped by message (NPU_MSG_PERF_START, NPU_MSG_PERF_STOP, npu_fw.h) at any time, also in the
 * middle of work, which needs no preparation and does not notice. Two streams
 * never watch the same queue.
 *
 * All times are modelled cycles of the watched queue's clock; nothing in a record depends on the
 * host. A record names its queue, the core that it is about, and its time. Records of one core and
 * one type come in the order of their times; between cores, and types, the order is not defined:
 * sort by (queue, time).
 */
#ifndef NPU_PERF_H
#define NPU_PERF_H

#include "npu_types.h"

#define NPU_PERF_VERSION 1
#define NPU_PERF_STREAMS 8 /* at the same time */
#define NPU_PERF_ALL_QUEUES 0xffffffffu /* in place of a queue's number */

/* ---- ring ------------------------------------------------------------------------------------ */

#define NPU_PERF_SLOT	       64 /* bytes; a record fills one or more */
#define NPU_PERF_RING_HEADER   4096
#define NPU_PERF_RING_MIN_LOG2 6 /* slots: 4 KiB of records */
#define NPU_PERF_RING_MAX_LOG2 20 /* 64 MiB */
#define NPU_PERF_RING_SIZE(log2) (NPU_PERF_RING_HEADER + ((__u64)NPU_PERF_SLOT << (log2)))

/**
 * struct npu_perf_ring - header of the ring
 *
 * The slots follow at NPU_PERF_RING_HEADER. Indices count slots, run freely and start at 0; slot =
 * index & ((1 << @slots_log2) - 1); @head - @tail is at most 1 << @slots_log2. The driver zeroes
 * the header before the start. Then the device writes its line, which ends before @tail, in
 * ascending 8-byte units, each of them atomic, and @head only after the slots that it counts are in
 * memory: a consumer that has read @head finds complete records up to there. The consumer writes
 * @tail when it has taken them.
 *
 * A record that finds no room is dropped and counted in @lost; what was not read is never
 * overwritten. The device never reads what it wrote here, and takes nothing but @tail; a @tail
 * ahead of @head, or more than the ring behind it, is a ring without room.
 */
struct npu_perf_ring {
	/** @version: NPU_PERF_VERSION */
	__u32 version;
	/** @slots_log2: NPU_PERF_RING_MIN_LOG2..NPU_PERF_RING_MAX_LOG2 */
	__u32 slots_log2;
	/** @lost: records dropped since the start */
	__u64 lost;
	/** @head: slots written */
	__u64 head;
	/** @reserved0: 0 */
	__u64 reserved0[5];
	/** @tail: slots read; the line of the consumer begins here */
	__u64 tail;
	/** @reserved1: 0 */
	__u64 reserved1[7];
};
NPU_ASSERT_SIZE(struct npu_perf_ring, 128);
NPU_ASSERT_OFFSET(struct npu_perf_ring, lost, 8);
NPU_ASSERT_OFFSET(struct npu_perf_ring, head, 16);
NPU_ASSERT_OFFSET(struct npu_perf_ring, tail, 64);

/* ---- what is recorded ------------------------------------------------------------------------ */

#define NPU_PERF_MODE_SAMPLES (1u << 0) /* NPU_PERF_SAMPLE, every period */
#define NPU_PERF_MODE_PCS     (1u << 1) /* NPU_PERF_PC, exact, at the end of a share */
#define NPU_PERF_MODE_SHARES  (1u << 2) /* NPU_PERF_SHARE */
#define NPU_PERF_MODE_PACKETS (1u << 3) /* NPU_PERF_PACKET */
#define NPU_PERF_MODE_OPS     (1u << 4) /* NPU_PERF_DMA, NPU_PERF_MATRIX */
/*
 * Sampling points are multiples of the period on the queue's clock, the same ones on all tiles.
 * With jitter point k is anywhere in [k * period, (k + 1) * period), by a fixed function of k and
 * tile: against loops that keep step with the period.
 */
#define NPU_PERF_MODE_JITTER  (1u << 5)
/*
 * PCS: do not write the counts at the end of each share but go on adding, until the table is full,
 * the tile turns to another queue, life of the queue or address space, or the stream is stopped.
 * For many short dispatches. The records' packet is 0.
 */
#define NPU_PERF_MODE_KEEP    (1u << 6)
#define NPU_PERF_MODES	      0x7fu

#define NPU_PERF_PERIOD_MIN 32u /* cycles */
#define NPU_PERF_PERIOD_MAX (1u << 30)

enum npu_perf_type {
	NPU_PERF_PAD = 0, /* nothing; fills the slots up to the end of the ring */
	NPU_PERF_SAMPLE = 1,
	NPU_PERF_PC = 2,
	NPU_PERF_SHARE = 3,
	NPU_PERF_PACKET = 4,
	NPU_PERF_DMA = 5,
	NPU_PERF_MATRIX = 6,
	NPU_PERF_TYPES
};

/* What a core's cycle was spent on. The sum over all is the counter tile.cycles. */
enum npu_perf_cause {
	NPU_PERF_ISSUE = 0, /* the cycle that every instruction takes: tile.instructions */
	NPU_PERF_EXEC = 1, /* stall.exec */
	NPU_PERF_VECTOR = 2, /* stall.vector */
	NPU_PERF_MEMORY = 3, /* stall.memory */
	NPU_PERF_TLB = 4, /* tlb.cycles */
	NPU_PERF_START = 5, /* start of a workgroup, at the kernel's entry: stall.start */
	NPU_PERF_WAIT_DMA = 6, /* stall.dma */
	NPU_PERF_WAIT_MATRIX = 7, /* stall.matrix */
	NPU_PERF_WAIT_SYNC = 8, /* stall.sync */
	NPU_PERF_CAUSES
};

/**
 * struct npu_perf_head - head of every record
 *
 * A consumer skips types that it does not know by @size, and reads no more of a record than @size
 * says: later versions append.
 */
struct npu_perf_head {
	/** @type: enum npu_perf_type */
	__u16 type;
	/** @size: bytes of the whole record, a multiple of NPU_PERF_SLOT */
	__u16 size;
	/** @core: tile number or NPU_CORE_* (npu_ring.h) */
	__u16 core;
	/** @flags: NPU_PERF_FLAG_* */
	__u16 flags;
	/** @queue: hardware queue */
	__u16 queue;
	/** @as_id: address space of the addresses in it */
	__u16 as_id;
	/** @packet: id of the packet (npu_packet.h) that it belongs to, or 0 */
	__u32 packet;
	/** @time: modelled cycles, queue's clock */
	__u64 time;
};
NPU_ASSERT_SIZE(struct npu_perf_head, 24);
NPU_ASSERT_OFFSET(struct npu_perf_head, packet, 12);

/* The stream was started when this was under way: what came before is not in it. */
#define NPU_PERF_FLAG_JOINED (1u << 0)
/* It was not over yet when the stream was stopped, or it was stopped, or it failed. */
#define NPU_PERF_FLAG_CUT    (1u << 1)
/*
 * Earlier work of the queue in the same lane had not ended when this began, so its
 * begin on the queue's clock is not known; times are as if it had.
 */
#define NPU_PERF_FLAG_EARLY  (1u << 2)

/**
 * struct npu_perf_sample - where the core stood at a sampling point
 *
 * Points in a row that say the same are one record.
 */
struct npu_perf_sample {
	/** @head: time: of the first point */
	struct npu_perf_head head;
	/** @count: points */
	__u64 count;
	/** @pc: program counter */
	__u64 pc;
	/** @workgroup: linear index */
	__u32 workgroup;
	/** @cause: enum npu_perf_cause */
	__u32 cause;
	/** @opp: operating point that the work runs at: how long a cycle is (npu_model.def) */
	__u32 opp;
	/** @reserved0: 0 */
	__u32 reserved0;
	/** @reserved: 0 */
	__u64 reserved;
};
NPU_ASSERT_SIZE(struct npu_perf_sample, 64);

/**
 * struct npu_perf_pc - what the instruction at an address took, exactly, since the record of it
 * before
 */
struct npu_perf_pc {
	/** @head: time: of writing it down */
	struct npu_perf_head head;
	/** @pc: address of the instruction */
	__u64 pc;
	/** @executions: times it retired */
	__u64 executions;
	/** @total: cycles, sum of the following */
	__u64 total;
	/** @cycles: by enum npu_perf_cause */
	__u64 cycles[NPU_PERF_CAUSES];
	/** @reserved: 0 */
	__u64 reserved;
};
NPU_ASSERT_SIZE(struct npu_perf_pc, 128);
NPU_ASSERT_OFFSET(struct npu_perf_pc, cycles, 48);

/** struct npu_perf_share - a tile's part of a dispatch, or of what was seen of it */
struct npu_perf_share {
	/** @head: time: begin */
	struct npu_perf_head head;
	/** @end: time when it was over */
	__u64 end;
	/** @entry: kernel */
	__u64 entry;
	/** @first: first of its workgroups */
	__u32 first;
	/** @stride: from one of them to the next */
	__u32 stride;
	/** @count: how many they are */
	__u32 count;
	/** @done: of these, retired */
	__u32 done;
	/** @error: enum npu_job_error; 0: it ended well, or is not over */
	__u32 error;
	/** @opp: operating point */
	__u32 opp;
};
NPU_ASSERT_SIZE(struct npu_perf_share, 64);
NPU_ASSERT_OFFSET(struct npu_perf_share, first, 40);

/**
 * struct npu_perf_packet - a command packet
 *
 * It is written when the packet is over and the next one of its queue has begun or its command
 * buffer ended.
 */
struct npu_perf_packet {
	/** @head: core: NPU_CORE_FRONT; time: front end takes it up */
	struct npu_perf_head head;
	/**
	 * @start: its work starts: first share, or copy; for others the front end is done with it
	 */
	__u64 start;
	/** @end: time when it was over */
	__u64 end;
	/** @seqno: job */
	__u64 seqno;
	/** @op: enum npu_packet_op */
	__u32 op;
	/** @shares: of its work, copies included */
	__u32 shares;
	/** @opp: operating point */
	__u32 opp;
	/** @reserved: 0 */
	__u32 reserved;
};
NPU_ASSERT_SIZE(struct npu_perf_packet, 64);

/** struct npu_perf_op - an operation of a tile's DMA or matrix engine */
struct npu_perf_op {
	/** @head: time: issued by the core */
	struct npu_perf_head head;
	/** @start: the engine takes it up */
	__u64 start;
	/** @end: it is done, for who waits for it */
	__u64 end;
	/** @amount: DMA: bytes moved; MATRIX: multiply-accumulates */
	__u64 amount;
	/** @pc: of the npu.dma or npu.matrix */
	__u64 pc;
	/** @workgroup: linear index */
	__u32 workgroup;
	/** @busy: cycles that the engine was taken; all ones if more */
	__u32 busy;
};
NPU_ASSERT_SIZE(struct npu_perf_op, 64);

#endif /* NPU_PERF_H */
