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

struct npu_pkt_header {
	__u8 op; /* enum npu_packet_op */
	__u8 flags; /* of the packet; 0 where it defines none */
	__u16 reserved; /* 0 */
	__u32 id; /* the submitter's own; shows up in faults and traces */
};

/*
 * DISPATCH: run a kernel over a grid. Every workgroup of grid[0] x grid[1] x
 * grid[2] runs once, on one tile, in no defined order. Each grid dimension is
 * 1..2^20, their product at most 2^32 - 1.
 *
 * With GANG the product is at most the number of tiles: workgroup i runs on tile i, all of them start
 * together, and they may reach each other's SRAM and wait for each other through semaphores (npu_isa.h).
 */
struct npu_pkt_dispatch {
	struct npu_pkt_header hdr; /* flags: NPU_DISPATCH_* */
	__u64 entry; /* virtual address of the kernel's first instruction, 2-byte aligned */
	__u64 args; /* handed to the kernel in a0; may be anything */
	__u32 grid[3];
	__u32 reserved0;
	__u64 reserved[3];
};

#define NPU_DISPATCH_GANG  (1u << 0)
#define NPU_DISPATCH_FLAGS 0x1u

/*
 * COPY: move a block of up to three dimensions. size[0] bytes make a row,
 * size[1] rows a plane, size[2] planes the block; each at least 1. Strides are in
 * bytes: [0] from row to row, [1] from plane to plane; a stride is ignored
 * where its dimension is 1. Source and destination must not overlap.
 */
struct npu_pkt_copy {
	struct npu_pkt_header hdr;
	__u64 dst;
	__u64 src;
	__u32 size[3];
	__u32 dst_stride[2];
	__u32 src_stride[2];
	__u32 reserved[3];
};

/* FILL: write a repeated 32-bit value. dst and size[0] are multiples of 4. */
struct npu_pkt_fill {
	struct npu_pkt_header hdr;
	__u64 dst;
	__u32 value;
	__u32 reserved0;
	__u32 size[3];
	__u32 dst_stride[2];
	__u32 reserved[5];
};

/*
 * GATHER: copy rows of bytes each whose places at src are named by a list of 32-bit
 * unsigned indices: row r comes from src + indices[r] * src_stride and goes to dst + r * dst_stride. With
 * SCATTER the indices name the places at dst: from src + r * src_stride to
 * dst + indices[r] * dst_stride; rows that two indices name are written in the order of the list. Each
 * index is read once. bound not 0: an index that is not below it fails the job with
 * NPU_JOB_BAD_INDEX, or with PAD gives a row of zeros (SCATTER: drops the row).
 * Source, destination and list must not overlap.
 */
struct npu_pkt_gather {
	struct npu_pkt_header hdr; /* flags: NPU_GATHER_* */
	__u64 dst;
	__u64 src;
	__u64 indices; /* multiple of 4 */
	__u32 bytes; /* in a row, at least 1 */
	__u32 rows; /* at least 1 */
	__u32 dst_stride; /* bytes */
	__u32 src_stride;
	__u32 bound;
	__u32 reserved[3];
};
#define NPU_GATHER_SCATTER (1u << 0)
#define NPU_GATHER_PAD	   (1u << 1) /* bound must not be 0 */
#define NPU_GATHER_FLAGS   0x3u

/* BARRIER: later packets start when all earlier ones have finished. NOP has no fields either. */
struct npu_pkt_barrier {
	struct npu_pkt_header hdr;
	__u64 reserved[7];
};

/* TIMESTAMP: write a struct npu_timestamp at addr (32-byte aligned), as a barrier would order it. */
struct npu_pkt_timestamp {
	struct npu_pkt_header hdr;
	__u64 addr;
	__u64 reserved[6];
};

struct npu_timestamp {
	__u64 cycles; /* modelled cycles of the queue so far */
	__u64 wall_ns; /* NPU_REG_TIME at that moment; not reproducible */
	__u64 time_ps; /* modelled time of the queue so far, at the clocks that it ran at */
	__u64 reserved; /* 0 */
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

struct npu_pkt_counters {
	struct npu_pkt_header hdr;
	__u64 addr;
	__u32 size; /* bytes at addr; room for all blocks */
	__u32 scope; /* enum npu_counters_scope */
	__u64 reserved[5];
};

/* Any packet, as it lies in memory. */
union npu_packet {
	struct npu_pkt_header hdr;
	struct npu_pkt_dispatch dispatch;
	struct npu_pkt_copy copy;
	struct npu_pkt_fill fill;
	struct npu_pkt_barrier barrier;
	struct npu_pkt_timestamp timestamp;
	struct npu_pkt_counters counters;
	struct npu_pkt_gather gather;
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
