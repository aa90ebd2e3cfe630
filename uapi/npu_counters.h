/* SPDX-License-Identifier: MIT */
/*
 * Counter table. All counters are 64 bits, count up from the start of their
 * queue, and come from the device's model: the same work gives the same
 * numbers on every host. Shared by device, driver, runtime and tools.
 *
 * The order is ABI: counters are only ever appended.
 */
#ifndef NPU_COUNTERS_H
#define NPU_COUNTERS_H

#include "npu_types.h"

#define NPU_COUNTER_TABLE_VERSION 1

/* X(symbol, "name", "unit", "description") */
#define NPU_COUNTER_TABLE(X)                                                                     \
	X(CYCLES, "cycles", "cycles", "modelled time of the queue's work, start to end")         \
	X(TILE_CYCLES, "tile.cycles", "cycles", "cycles in which tiles ran workgroups, summed")  \
	X(TILE_INSTRUCTIONS, "tile.instructions", "instructions", "RISC-V instructions retired") \
	X(TILE_LOADS, "tile.loads", "accesses", "scalar loads")                                  \
	X(TILE_STORES, "tile.stores", "accesses", "scalar stores and atomics")                   \
	X(TILE_REMOTE, "tile.remote", "accesses",                                                \
	  "scalar accesses that left the tile for host memory")                                  \
	X(TILE_BRANCHES, "tile.branches", "instructions", "branches and jumps taken")            \
	X(TILE_FP, "tile.fp", "instructions", "floating-point instructions")                     \
	X(STALL_MEMORY, "stall.memory", "cycles", "core waited for host memory")                 \
	X(STALL_DMA, "stall.dma", "cycles", "core waited for tile DMA")                          \
	X(STALL_MATRIX, "stall.matrix", "cycles", "core waited for the matrix engine")           \
	X(STALL_EXEC, "stall.exec", "cycles", "core waited for multi-cycle instructions")        \
	X(TLB_MISSES, "tlb.misses", "walks", "page-table walks by tiles")                        \
	X(TLB_CYCLES, "tlb.cycles", "cycles", "core waited for page-table walks")                \
	X(MATRIX_OPS, "matrix.ops", "operations", "matrix operations")                           \
	X(MATRIX_MACS, "matrix.macs", "MACs", "multiply-accumulates asked for: M x N x K")       \
	X(MATRIX_CYCLES, "matrix.cycles", "cycles", "matrix engine busy")                        \
	X(DMA_OPS, "dma.ops", "operations", "tile DMA descriptors")                              \
	X(DMA_READ, "dma.read", "bytes", "host memory read by tile DMA")                         \
	X(DMA_WRITE, "dma.write", "bytes", "host memory written by tile DMA")                    \
	X(DMA_LOCAL, "dma.local", "bytes", "SRAM to SRAM bytes moved by tile DMA")               \
	X(DMA_CYCLES, "dma.cycles", "cycles", "tile DMA engine busy")                            \
	X(COPY_BYTES, "copy.bytes", "bytes", "bytes written by COPY and FILL packets")           \
	X(COPY_CYCLES, "copy.cycles", "cycles", "copy engine busy")                              \
	X(PACKETS, "packets", "packets", "command packets retired")                              \
	X(DISPATCHES, "dispatches", "packets", "DISPATCH packets retired")                       \
	X(WORKGROUPS, "workgroups", "workgroups", "workgroups retired")                          \
	X(ENERGY, "energy", "fJ", "modelled energy, dynamic and leakage")                        \
	X(VECTOR_OPS, "vector.ops", "instructions", "vector instructions, loads and stores too") \
	X(VECTOR_BYTES, "vector.bytes", "bytes", "widest operands of vector computations")       \
	X(VECTOR_SRAM, "vector.sram", "bytes", "vector loads and stores to SRAM")                \
	X(VECTOR_REMOTE, "vector.remote", "bytes", "vector loads and stores to host memory")     \
	X(GATHER_ROWS, "gather.rows", "rows", "rows named by indices, in tile DMA and packets") \
	X(MATRIX_SKIPPED, "matrix.skipped", "MACs",                                              \
	  "of matrix.macs, with weights left out by sparsity")                                   \
	X(MATRIX_S4, "matrix.s4", "MACs", "of matrix.macs, not skipped, with weights of 4 bits") \
	X(MATRIX_S2, "matrix.s2", "MACs", "of matrix.macs, with weights of 2 bits") \
	X(MATRIX_BF16, "matrix.bf16", "MACs", "of matrix.macs, bf16") \
	X(MATRIX_FP16, "matrix.fp16", "MACs", "of matrix.macs, fp16") \
	X(MATRIX_FP32, "matrix.fp32", "MACs", "of matrix.macs, fp32") \
	X(TIME, "time", "ps", "modelled time of the queue's work, at the clocks it ran at")      \
	X(TILE_IDLE, "tile.idle", "cycles", "cycles in which tiles had no share, summed")        \
	X(STALL_VECTOR, "stall.vector", "cycles", "core waited for its vector lanes")            \
	X(STALL_START, "stall.start", "cycles", "tiles started workgroups")                      \
	X(MATRIX_SRAM, "matrix.sram", "bytes", "SRAM read and written by the matrix engine")     \
	X(DMA_SRAM, "dma.sram", "bytes", "SRAM read and written by tile DMA")                    \
	X(COPY_READ, "copy.read", "bytes", "host memory read by COPY packets")                   \
	X(COPY_WALKS, "copy.walks", "walks", "page-table walks by the copy engine")              \
	X(COPY_WAIT, "copy.wait", "cycles", "copy engine waited for host memory and walks")      \
	X(FRONT_CYCLES, "front.cycles", "cycles", "front end worked on packets")                 \
	X(WAIT_TILES, "wait.tiles", "cycles", "queue waited for its tiles")                      \
	X(WAIT_COPY, "wait.copy", "cycles", "queue waited for the copy engine")                  \
	X(LEAKAGE, "energy.leakage", "fJ", "part of energy that leaks")                          \
	X(STALL_SYNC, "stall.sync", "cycles", "core waited for other tiles of its gang")         \
	X(DMA_SIGNALS, "dma.signals", "signals", "semaphores raised, once per tile")             \
	X(LINK_BYTES, "link.bytes", "bytes", "bytes to and from tiles' SRAM over the link")      \
	X(LINK_HOPS, "link.hops", "bytes", "bytes times links between chiplets crossed")         \
	X(LINK_CYCLES, "link.cycles", "cycles", "tile DMA moved bytes over the link")

enum npu_counter {
#define NPU_COUNTER_ENUM(symbol, name, unit, description) NPU_COUNTER_##symbol,
	NPU_COUNTER_TABLE(NPU_COUNTER_ENUM)
#undef NPU_COUNTER_ENUM
	NPU_COUNTER_COUNT
};

/* Room for the table to grow in memory that is laid out once. */
#define NPU_COUNTER_MAX 64
NPU_STATIC_ASSERT(NPU_COUNTER_COUNT <= NPU_COUNTER_MAX, "counter table outgrew its block");

/**
 * struct npu_counter_block - snapshot of one queue's counters, or of one core's part of them
 *
 * The device writes it.
 */
struct npu_counter_block {
	/** @version: NPU_COUNTER_TABLE_VERSION */
	__u32 version;
	/** @count: values that follow and are valid; the rest is 0 */
	__u32 count;
	/** @core: tile number or NPU_CORE_* (npu_ring.h) */
	__u32 core;
	/** @reserved0: 0 */
	__u32 reserved0;
	/**
	 * @tile_now: TILE_CYCLES so far, in the block of a queue's descriptor while a job runs, the
	 * job included, as far as its shares have ended workgroups. A heartbeat of the firmware
	 * old, and not more than @value will be. 0: it has not been looked at, or is in @value. In
	 * other blocks 0
	 */
	__u64 tile_now;
	/** @copy_now: the same of COPY_CYCLES */
	__u64 copy_now;
	/** @reserved: 0 */
	__u64 reserved[4];
	/** @value: the counters, by enum npu_counter */
	__u64 value[NPU_COUNTER_MAX];
};
NPU_ASSERT_OFFSET(struct npu_counter_block, core, 8);
NPU_ASSERT_OFFSET(struct npu_counter_block, tile_now, 16);
NPU_ASSERT_OFFSET(struct npu_counter_block, value, 64);
NPU_ASSERT_SIZE(struct npu_counter_block, 64 + 8 * NPU_COUNTER_MAX);

#endif /* NPU_COUNTERS_H */
