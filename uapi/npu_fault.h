/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: what can be broken, and the debug registers that break it.
 * Shared by device, QMP commands and tests. docs/faults.md says of each fault
 * what the device does, what a driver sees, and how it ends.
 *
 * The registers are there if NPU_FEATURE_DEBUG_FAULTS is set; else they read 0
 * and ignore writes, and faults can be had by QMP only. One fault of a kind is
 * armed at a time: arming it again replaces it. Faults end when they are used
 * up (count), cleared, or when the device is reset unless NPU_FAULT_PERSIST; a card that was
 * pulled out (NPU_FAULT_SURPRISE_REMOVAL) no reset reaches.
 */
#ifndef NPU_FAULT_H
#define NPU_FAULT_H

#include "npu_types.h"

/*
 * X(symbol, number, name, target, description). The name is that of QMP's enum
 * NpuFaultKind, target one of enum npu_fault_target. Numbers are ABI: append only.
 */
#define NPU_FAULT_TABLE(X)                                                                       \
	X(HUNG_TILE, 1, "hung-tile", TILE, "a share never ends")                                 \
	X(HUNG_FIRMWARE, 2, "hung-firmware", NONE, "the management core stands still")           \
	X(DEAD_FIRMWARE, 3, "dead-firmware", NONE, "the management core stops for good")         \
	X(LOST_INTERRUPT, 4, "lost-interrupt", VECTOR, "an interrupt is not sent")               \
	X(SPURIOUS_INTERRUPT, 5, "spurious-interrupt", VECTOR, "an interrupt without a cause")   \
	X(INTERRUPT_STORM, 6, "interrupt-storm", VECTOR, "interrupts without a cause, no end")   \
	X(DMA_ERROR, 7, "dma-error", CORE, "an access to host memory fails")                     \
	X(MMU_ERROR, 8, "mmu-error", CORE, "a page-table walk fails")                            \
	X(ECC_CORRECTABLE, 9, "ecc-correctable", CORE, "a flipped bit, corrected and counted")   \
	X(ECC_UNCORRECTABLE, 10, "ecc-uncorrectable", CORE, "flipped bits: the data is lost")    \
	X(MAILBOX_CORRUPT, 11, "mailbox-corrupt", NONE, "a message to the host is garbled")      \
	X(MAILBOX_REPLAY, 12, "mailbox-replay", NONE, "an old message in place of a new one")    \
	X(RING_INDEX, 13, "ring-index", QUEUE, "an index of a ring is out of range")             \
	X(LINK_DOWN, 14, "link-down", NONE, "nobody answers: reads give all ones")               \
	X(SURPRISE_REMOVAL, 15, "surprise-removal", NONE, "the card is pulled out of its slot")  \
	X(SLOW_LINK, 16, "slow-link", NONE, "the link runs at a fraction of its speed")          \
	X(THERMAL_THROTTLE, 17, "thermal-throttle", NONE, "too hot: the clock goes down")         \
	X(REGISTER_READ, 18, "register-read", NONE, "a register reads as something else")

enum npu_fault {
	NPU_FAULT_NONE = 0,
#define NPU_FAULT_ENUM(symbol, number, name, target, description) NPU_FAULT_##symbol = number,
	NPU_FAULT_TABLE(NPU_FAULT_ENUM)
#undef NPU_FAULT_ENUM
	NPU_FAULT_COUNT
};

/* What the target of a fault is. NPU_FAULT_ANY means all of them. */
enum npu_fault_target {
	NPU_FAULT_TARGET_NONE, /* there is only one: the target is ignored */
	NPU_FAULT_TARGET_TILE, /* tile number */
	NPU_FAULT_TARGET_CORE, /* tile number, NPU_CORE_COPY or NPU_CORE_FRONT (npu_ring.h) */
	NPU_FAULT_TARGET_VECTOR, /* MSI-X vector; of a spurious one or a storm, ANY means 0 */
	NPU_FAULT_TARGET_QUEUE, /* hardware queue */
};
#define NPU_FAULT_ANY 0xffffffffu

/* ---- debug registers in BAR0 ---------------------------------------------------------- */
#define NPU_REG_FAULT_SELECT   0x200 /* enum npu_fault; the registers below speak of it */
#define NPU_REG_FAULT_TARGET   0x204 /* what is to fail, or NPU_FAULT_ANY */
#define NPU_REG_FAULT_COUNT    0x208 /* how often; 0: until cleared. Reads what is left */
#define NPU_REG_FAULT_AFTER    0x20c /* occasions that go well before. Reads what is left */
#define NPU_REG_FAULT_ARG_LO   0x210 /* depends on the fault, see enum npu_fault_arg */
#define NPU_REG_FAULT_ARG_HI   0x214
#define NPU_REG_FAULT_SIZE_LO  0x218 /* depends on the fault too, see there; of most 0 */
#define NPU_REG_FAULT_SIZE_HI  0x21c
#define NPU_REG_FAULT_FLAGS    0x220
#define NPU_FAULT_PERSIST	 (1u << 0) /* a reset of the device does not end it */
#define NPU_REG_FAULT_CMD      0x224 /* enum npu_fault_cmd; done when the write returns */
#define NPU_REG_FAULT_STATUS   0x228 /* RO: enum npu_fault_status of the last command */
#define NPU_REG_FAULT_HITS     0x22c /* RO: times that the selected fault has struck since power-on */
#define NPU_REG_FAULT_ARMED_LO 0x230 /* RO: bit (1 << enum npu_fault) for each that is armed */
#define NPU_REG_FAULT_ARMED_HI 0x234

enum npu_fault_cmd {
	NPU_FAULT_CMD_INJECT = 1, /* arm the selected fault as the registers say */
	NPU_FAULT_CMD_CLEAR = 2, /* the selected fault */
	NPU_FAULT_CMD_CLEAR_ALL = 3,
};

enum npu_fault_status {
	NPU_FAULT_STATUS_OK = 0,
	NPU_FAULT_STATUS_BAD_FAULT = 1, /* no such fault, or command */
	NPU_FAULT_STATUS_BAD_TARGET = 2, /* the device has no such tile, core, vector or queue */
	NPU_FAULT_STATUS_BAD_ARG = 3, /* argument, size, count or flags out of range */
	NPU_FAULT_STATUS_UNSUPPORTED = 4, /* the host has no way to do that: no slot to be pulled from */
};

/* ARG, by fault. Faults that are not named take 0. */
enum npu_fault_arg {
	/* HUNG_TILE */
	NPU_FAULT_HANG_SOFT = 0, /* ignores STOP; a reset of the tile ends it */
	NPU_FAULT_HANG_HARD = 1, /* ignores both; a reset of the device ends it */
	/* MMU_ERROR */
	NPU_FAULT_WALK_BUS = 0, /* the table does not answer: NPU_JOB_BUS_ERROR */
	NPU_FAULT_WALK_ENTRY = 1, /* the entry reads 0: NPU_JOB_PAGE_FAULT */
	/* MAILBOX_CORRUPT */
	NPU_FAULT_MSG_TYPE = 0, /* a type that does not exist */
	NPU_FAULT_MSG_NOISE = 1, /* every bit inverted */
	NPU_FAULT_MSG_INDEX = 2, /* not the message but the write index behind it: far ahead */
	/* RING_INDEX */
	NPU_FAULT_RING_HEAD = 0, /* in the writeback: head beyond the tail */
	NPU_FAULT_RING_COMPLETED = 1, /* in the writeback: completed beyond what was submitted */
	NPU_FAULT_RING_TAIL = 2, /* on the way to the firmware: tail beyond the ring's size */
	NPU_FAULT_RING_PERF = 3, /* of a performance stream: head beyond the ring's size; of any queue */
	NPU_FAULT_RING_RECORD = 4, /* not an index, but the size of a stream's record: 0; of any queue */
	/*
	 * INTERRUPT_STORM: ns from one to the next, 0: NPU_FAULT_STORM_NS, at least
	 * NPU_FAULT_STORM_MIN_NS. SLOW_LINK: how many times slower, 2..NPU_FAULT_SLOW_MAX, 0: 16.
	 * DMA_ERROR: the bus address from which on SIZE bytes fail; SIZE 0, and ARG too: all.
	 * REGISTER_READ: offset of a register of 32 bits in BAR0 that is neither a doorbell nor for
	 * debugging; SIZE is what it reads as, in 32 bits.
	 */
};
#define NPU_FAULT_STORM_NS     100000
#define NPU_FAULT_STORM_MIN_NS 20000
#define NPU_FAULT_SLOW_MAX     1024
/* ECC_CORRECTABLE: COUNT is at most this, as all of them happen before the command has ended. */
#define NPU_FAULT_ECC_MAX      65536

#endif /* NPU_FAULT_H */
