/* SPDX-License-Identifier: MIT */
/*
 * Command packets: what a command buffer in user memory is made of. 64 bytes
 * each, 64-byte aligned. Reserved fields must be zero; a packet that breaks a
 * rule fails its job with NPU_JOB_BAD_PACKET.
 *
 * Packets of a command buffer start in order. Without a BARRIER between them
 * two packets may overlap, so a packet that needs the results of an earlier one
 * must be preceded by a BARRIER. The end of a command buffer is a barrier.
 * Addresses are virtual, in the address space the buffer runs in.
 */
#ifndef NPU_PACKET_H
#define NPU_PACKET_H

#include "npu_types.h"

#define NPU_PACKET_SIZE 64

enum npu_packet_op {
	NPU_PKT_NOP = 0,
	NPU_PKT_DISPATCH = 1,
	NPU_PKT_COPY = 2,
	NPU_PKT_FILL = 3,
	NPU_PKT_BARRIER = 4,
	NPU_PKT_TIMESTAMP = 5,
	NPU_PKT_COUNTERS = 6,
	/* 7, 8: reserved for bounded memory wait and write */
	NPU_PKT_GATHER = 9,
};

/** struct npu_pkt_header - head of every packet */
struct npu_pkt_header {
	/** @op: enum npu_packet_op */
	__u8 op;
	/** @flags: of the packet; 0 where it defines none */
	__u8 flags;
	/** @reserved: 0 */
	__u16 reserved;
	/** @id: the submitter's own; shows up in faults and traces */
	__u32 id;
};

/**
 * struct npu_pkt_dispatch - DISPATCH: run a kernel over a grid
 *
 * Every workgroup of @grid[0] x @grid[1] x @grid[2] runs once, on one tile, in no defined order.
 *
 * With GANG their number is at most that of the tiles: workgroup i runs on tile i, all of them
 * start together, and they may reach each other's SRAM and wait for each other through semaphores
 * (npu_isa.h).
 */
struct npu_pkt_dispatch {
	/** @hdr: flags: NPU_DISPATCH_* */
	struct npu_pkt_header hdr;
	/** @entry: virtual address of the kernel's first instruction, 2-byte aligned */
	__u64 entry;
	/** @args: handed to the kernel in a0; may be anything */
	__u64 args;
	/** @grid: each dimension 1..2^20, their product at most 2^32 - 1 */
	__u32 grid[3];
	/** @reserved0: 0 */
	__u32 reserved0;
	/** @reserved: 0 */
	__u64 reserved[3];
};

#define NPU_DISPATCH_GANG  (1u << 0)
#define NPU_DISPATCH_FLAGS 0x1u

/**
 * struct npu_pkt_copy - COPY: move a block of up to three dimensions
 *
 * @size[0] bytes make a row, @size[1] rows a plane, @size[2] planes the block. Source and
 * destination must not overlap.
 */
struct npu_pkt_copy {
	/** @hdr: no flags */
	struct npu_pkt_header hdr;
	/** @dst: where to */
	__u64 dst;
	/** @src: where from */
	__u64 src;
	/** @size: each at least 1 */
	__u32 size[3];
	/**
	 * @dst_stride: bytes from row to row and from plane to plane; ignored where its dimension
	 * is 1
	 */
	__u32 dst_stride[2];
	/** @src_stride: the same of the source */
	__u32 src_stride[2];
	/** @reserved: 0 */
	__u32 reserved[3];
};

/** struct npu_pkt_fill - FILL: write a repeated 32-bit value */
struct npu_pkt_fill {
	/** @hdr: no flags */
	struct npu_pkt_header hdr;
	/** @dst: where to, multiple of 4 */
	__u64 dst;
	/** @value: what to write */
	__u32 value;
	/** @reserved0: 0 */
	__u32 reserved0;
	/** @size: as of COPY; size[0] is a multiple of 4 */
	__u32 size[3];
	/** @dst_stride: as of COPY */
	__u32 dst_stride[2];
	/** @reserved: 0 */
	__u32 reserved[5];
};

/**
 * struct npu_pkt_gather - GATHER: copy rows whose places are named by a list of indices
 *
 * Row r comes from @src + indices[r] * @src_stride and goes to @dst + r * @dst_stride. With SCATTER
 * the indices name the places at @dst: from @src + r * @src_stride to @dst + indices[r] *
 * @dst_stride; rows that two indices name are written in the order of the list. Each index is read
 * once. Source, destination and list must not overlap.
 */
struct npu_pkt_gather {
	/** @hdr: flags: NPU_GATHER_* */
	struct npu_pkt_header hdr;
	/** @dst: where to */
	__u64 dst;
	/** @src: where from */
	__u64 src;
	/** @indices: address of 32-bit unsigned indices, multiple of 4 */
	__u64 indices;
	/** @bytes: in a row, at least 1 */
	__u32 bytes;
	/** @rows: at least 1 */
	__u32 rows;
	/** @dst_stride: bytes */
	__u32 dst_stride;
	/** @src_stride: bytes */
	__u32 src_stride;
	/**
	 * @bound: not 0: an index that is not below it fails the job with NPU_JOB_BAD_INDEX, or
	 * with PAD gives a row of zeros (SCATTER: drops the row)
	 */
	__u32 bound;
	/** @reserved: 0 */
	__u32 reserved[3];
};
#define NPU_GATHER_SCATTER (1u << 0)
#define NPU_GATHER_PAD	   (1u << 1) /* bound must not be 0 */
#define NPU_GATHER_FLAGS   0x3u

/**
 * struct npu_pkt_barrier - BARRIER: later packets start when all earlier ones have finished
 *
 * NOP has no fields either.
 */
struct npu_pkt_barrier {
	/** @hdr: no flags */
	struct npu_pkt_header hdr;
	/** @reserved: 0 */
	__u64 reserved[7];
};

/** struct npu_pkt_timestamp - TIMESTAMP: write the time, as a barrier would order it */
struct npu_pkt_timestamp {
	/** @hdr: no flags */
	struct npu_pkt_header hdr;
	/** @addr: where struct npu_timestamp goes, 32-byte aligned */
	__u64 addr;
	/** @reserved: 0 */
	__u64 reserved[6];
};

/** struct npu_timestamp - what TIMESTAMP writes */
struct npu_timestamp {
	/** @cycles: modelled cycles of the queue so far */
	__u64 cycles;
	/** @wall_ns: NPU_REG_TIME at that moment; not reproducible */
	__u64 wall_ns;
	/** @time_ps: modelled time of the queue so far, at the clocks that it ran at */
	__u64 time_ps;
	/** @reserved: 0 */
	__u64 reserved;
};

/*
 * COUNTERS: write a snapshot of this queue's counters at addr (64-byte aligned), as a barrier would
 * order it. With NPU_COUNTERS_CORES one struct npu_counter_block for each core: the tiles by
 * number, then the copy engine, then the front end. Their sum is what NPU_COUNTERS_QUEUE
 * writes, but for CYCLES, which is the queue's clock in each.
 */
enum npu_counters_scope {
	NPU_COUNTERS_QUEUE = 0,
	NPU_COUNTERS_CORES = 1,
};
#define NPU_COUNTERS_BLOCKS(tiles) ((tiles) + 2u) /* that NPU_COUNTERS_CORES writes */

/**
 * struct npu_pkt_counters - COUNTERS: write a snapshot of this queue's counters, as a barrier would
 * order it
 */
struct npu_pkt_counters {
	/** @hdr: no flags */
	struct npu_pkt_header hdr;
	/** @addr: where the blocks go, 64-byte aligned */
	__u64 addr;
	/** @size: bytes at addr; room for all blocks */
	__u32 size;
	/** @scope: enum npu_counters_scope */
	__u32 scope;
	/** @reserved: 0 */
	__u64 reserved[5];
};

/** union npu_packet - any packet, as it lies in memory */
union npu_packet {
	/** @hdr: of all of them */
	struct npu_pkt_header hdr;
	/** @dispatch: NPU_PKT_DISPATCH */
	struct npu_pkt_dispatch dispatch;
	/** @copy: NPU_PKT_COPY */
	struct npu_pkt_copy copy;
	/** @fill: NPU_PKT_FILL */
	struct npu_pkt_fill fill;
	/** @barrier: NPU_PKT_BARRIER, NPU_PKT_NOP */
	struct npu_pkt_barrier barrier;
	/** @timestamp: NPU_PKT_TIMESTAMP */
	struct npu_pkt_timestamp timestamp;
	/** @counters: NPU_PKT_COUNTERS */
	struct npu_pkt_counters counters;
	/** @gather: NPU_PKT_GATHER */
	struct npu_pkt_gather gather;
	/** @raw: as words */
	__u64 raw[8];
};

NPU_ASSERT_SIZE(struct npu_pkt_header, 8);
NPU_ASSERT_SIZE(struct npu_pkt_dispatch, 64);
NPU_ASSERT_SIZE(struct npu_pkt_copy, 64);
NPU_ASSERT_SIZE(struct npu_pkt_fill, 64);
NPU_ASSERT_SIZE(struct npu_pkt_barrier, 64);
NPU_ASSERT_SIZE(struct npu_pkt_timestamp, 64);
NPU_ASSERT_SIZE(struct npu_pkt_counters, 64);
NPU_ASSERT_SIZE(struct npu_pkt_gather, 64);
NPU_ASSERT_SIZE(union npu_packet, 64);
NPU_ASSERT_SIZE(struct npu_timestamp, 32);
NPU_ASSERT_OFFSET(struct npu_pkt_header, id, 4);
NPU_ASSERT_OFFSET(struct npu_pkt_dispatch, grid, 24);
NPU_ASSERT_OFFSET(struct npu_pkt_copy, size, 24);
NPU_ASSERT_OFFSET(struct npu_pkt_copy, dst_stride, 36);
NPU_ASSERT_OFFSET(struct npu_pkt_copy, src_stride, 44);
NPU_ASSERT_OFFSET(struct npu_pkt_fill, value, 16);
NPU_ASSERT_OFFSET(struct npu_pkt_fill, size, 24);
NPU_ASSERT_OFFSET(struct npu_pkt_fill, dst_stride, 36);
NPU_ASSERT_OFFSET(struct npu_pkt_counters, size, 16);
NPU_ASSERT_OFFSET(struct npu_pkt_gather, indices, 24);
NPU_ASSERT_OFFSET(struct npu_pkt_gather, bound, 48);

#define NPU_GRID_MAX (1u << 20)

#endif /* NPU_PACKET_H */
