/* SPDX-License-Identifier: MIT */
/*
 * Core dump of the device, as the driver gives it to the kernel's devcoredump
 * and npu-prof coredump reads it. docs/coredump.md is its documentation.
 *
 * Little endian. A header, then sections one behind the other, each with a
 * header of its own and padded to 8 bytes. A reader skips sections that it does
 * not know, and takes entries by the section's entry_size: they may grow at their end.
 */
#ifndef NPU_DUMP_H
#define NPU_DUMP_H

#include "npu_fw.h"
#include "npu_log.h"
#include "npu_ring.h"
#include "npu_types.h"

#define NPU_DUMP_MAGIC 0x00504d554455504eull /* "NPUDUMP" */
#define NPU_DUMP_MAJOR 1 /* differs: cannot be read */
#define NPU_DUMP_MINOR 1 /* newer: more sections, and fields at the end of entries */
#define NPU_DUMP_MAX   (256u * 1024) /* bytes, all of it */

/** struct npu_dump_header - head of a core dump */
struct npu_dump_header {
	/** @magic: NPU_DUMP_MAGIC */
	__u64 magic;
	/** @major: NPU_DUMP_MAJOR */
	__u16 major;
	/** @minor: NPU_DUMP_MINOR */
	__u16 minor;
	/**
	 * @header_size: sizeof(struct npu_dump_header) of who wrote it: the first section's offset
	 */
	__u32 header_size;
	/** @size: bytes, with this header */
	__u32 size;
	/** @sections: how many there are */
	__u32 sections;
	/** @time: since boot, ns */
	__u64 time;
	/** @date: since 1970, ns */
	__u64 date;
	/** @reason: enum npu_dump_reason */
	__u32 reason;
	/** @queue: hardware queue it is about, or all ones: none */
	__u32 queue;
	/** @flags: NPU_DUMP_CUT */
	__u32 flags;
	/** @reserved: 0 */
	__u32 reserved;
	/** @why: in words, NUL terminated */
	char why[72];
};
NPU_ASSERT_SIZE(struct npu_dump_header, 128);
NPU_ASSERT_OFFSET(struct npu_dump_header, time, 24);
NPU_ASSERT_OFFSET(struct npu_dump_header, why, 56);

#define NPU_DUMP_CUT (1u << 0) /* there was more than fits */

enum npu_dump_reason {
	NPU_DUMP_FAULT = 1, /* a job failed */
	NPU_DUMP_TIMEOUT = 2, /* a job's time was over, and it was stopped */
	NPU_DUMP_RESET = 3, /* the device was reset */
};

/** struct npu_dump_section - head of a section */
struct npu_dump_section {
	/** @type: enum npu_dump_type */
	__u32 type;
	/** @entry_size: bytes of one entry */
	__u32 entry_size;
	/** @size: bytes that follow, without padding: a multiple of entry_size */
	__u64 size;
};
NPU_ASSERT_SIZE(struct npu_dump_section, 16);

enum npu_dump_type {
	NPU_DUMP_DEVICE = 1, /* one struct npu_dump_device */
	NPU_DUMP_REGISTERS = 2, /* struct npu_dump_register */
	NPU_DUMP_QUEUE = 3, /* one struct npu_dump_queue */
	NPU_DUMP_RECORD = 4, /* one struct npu_dump_record: the fault */
	NPU_DUMP_COUNTERS = 5, /* __u64, of the queue, in the order of npu_counters.h */
	NPU_DUMP_RING = 6, /* struct npu_dump_ring, oldest first */
	NPU_DUMP_PACKETS = 7, /* struct npu_dump_packet */
	NPU_DUMP_CODE = 8, /* struct npu_dump_code, around the program counter */
	NPU_DUMP_WALK = 9, /* struct npu_dump_walk, from the root to where it ends */
	NPU_DUMP_BINDINGS = 10, /* struct npu_dump_binding, by address */
	NPU_DUMP_MAILBOX = 11, /* struct npu_dump_message, oldest first */
	NPU_DUMP_CORE = 12, /* one struct npu_core_state: of the tile that RECORD names */
	NPU_DUMP_FW_LOG = 13, /* struct npu_log_record, oldest first, as the firmware wrote them */
};

/** struct npu_dump_device - device, driver and firmware that it is a dump of */
struct npu_dump_device {
	/** @hw_version: major << 16 | minor */
	__u32 hw_version;
	/** @chiplets: how many */
	__u32 chiplets;
	/** @tiles_per_chiplet: how many */
	__u32 tiles_per_chiplet;
	/** @sram_size: bytes */
	__u32 sram_size;
	/** @clock_khz: of the highest operating point */
	__u32 clock_khz;
	/** @queues: how many */
	__u32 queues;
	/** @hw_features: NPU_FEATURE_* */
	__u64 hw_features;
	/** @fw_features: NPU_FW_FEATURE_* */
	__u64 fw_features;
	/** @fw_abi: major << 16 | minor */
	__u32 fw_abi;
	/** @fw_build_id: GNU build id of the firmware's ELF */
	__u8 fw_build_id[NPU_FW_BUILD_ID_LEN];
	/** @fw_version: readable, NUL padded and terminated */
	char fw_version[NPU_FW_VERSION_LEN];
	/** @address: on the bus */
	char address[32];
	/** @kernel: release of the kernel */
	char kernel[64];
};
NPU_ASSERT_SIZE(struct npu_dump_device, 192);
NPU_ASSERT_OFFSET(struct npu_dump_device, fw_abi, 40);

/** struct npu_dump_register - a register and what was in it */
struct npu_dump_register {
	/** @offset: NPU_REG_* */
	__u32 offset;
	/** @value: what was read */
	__u32 value;
};
NPU_ASSERT_SIZE(struct npu_dump_register, 8);

/** struct npu_dump_queue - the hardware queue that it is about, and what the driver knew of it */
struct npu_dump_queue {
	/** @slot: hardware queue */
	__u32 slot;
	/** @asid: its address space on the device */
	__u32 asid;
	/** @priority: enum npu_queue_priority */
	__u32 priority;
	/** @timeout_ms: that its jobs may run without progress */
	__u32 timeout_ms;
	/** @tail: of the ring, as the driver has it */
	__u32 tail;
	/** @reserved: 0 */
	__u32 reserved;
	/** @context: timeline of its fences */
	__u64 context;
	/** @emitted: number of the last job written to the ring */
	__u64 emitted;
	/** @completed: jobs that have ended */
	__u64 completed;
	/** @oldest: number of the first job that has not, 0: none */
	__u64 oldest;
	/** @wb: as it was found; nothing in it is checked */
	struct npu_queue_wb wb;
	/** @owner: command and process */
	char owner[32];
};
NPU_ASSERT_SIZE(struct npu_dump_queue, 152);
NPU_ASSERT_OFFSET(struct npu_dump_queue, wb, 56);

/** struct npu_dump_record - the fault, as struct drm_npu_fault tells it */
struct npu_dump_record {
	/** @error: enum npu_job_error */
	__u32 error;
	/** @access: enum npu_access */
	__u32 access;
	/** @core: tile number or NPU_CORE_* */
	__u32 core;
	/** @asid: address space on the device */
	__u32 asid;
	/** @seqno: number of the failed job */
	__u64 seqno;
	/** @addr: address accessed; ILLEGAL: the instruction */
	__u64 addr;
	/** @pc: program counter, 0 if the core is not a tile */
	__u64 pc;
	/** @packet: virtual address of the packet */
	__u64 packet;
	/** @workgroup: linear index x + gx * (y + gy * z) */
	__u64 workgroup;
};
NPU_ASSERT_SIZE(struct npu_dump_record, 56);

/** struct npu_dump_ring - an entry of the queue's ring */
struct npu_dump_ring {
	/** @index: free-running */
	__u32 index;
	/** @reserved: 0 */
	__u32 reserved;
	/** @entry: as it was found */
	struct npu_ring_entry entry;
};
NPU_ASSERT_SIZE(struct npu_dump_ring, 40);

/** struct npu_dump_packet - a packet of the command buffer */
struct npu_dump_packet {
	/** @va: its address */
	__u64 va;
	/** @bytes: union npu_packet, as it was in memory afterwards */
	__u8 bytes[64];
};
NPU_ASSERT_SIZE(struct npu_dump_packet, 72);

/** struct npu_dump_code - instructions around the program counter */
struct npu_dump_code {
	/** @va: address of the first byte */
	__u64 va;
	/** @bytes: as they were in memory */
	__u8 bytes[16];
};
NPU_ASSERT_SIZE(struct npu_dump_code, 24);

/** struct npu_dump_walk - an entry of a page table that the address of the fault led to */
struct npu_dump_walk {
	/** @va: address that is looked up */
	__u64 va;
	/** @table: bus address of the table */
	__u64 table;
	/** @level: 3: root */
	__u32 level;
	/** @index: of the entry */
	__u32 index;
	/** @entry: NPU_PTE_* */
	__u64 entry;
};
NPU_ASSERT_SIZE(struct npu_dump_walk, 32);

/** struct npu_dump_binding - a range of the address space that a buffer is mapped at */
struct npu_dump_binding {
	/** @va: first address */
	__u64 va;
	/** @size: bytes */
	__u64 size;
	/** @offset: in the buffer */
	__u64 offset;
	/** @label: of the buffer, NUL terminated, cut; empty: none */
	char label[40];
};
NPU_ASSERT_SIZE(struct npu_dump_binding, 64);

/** struct npu_dump_message - a message of the mailbox */
struct npu_dump_message {
	/** @time: since boot, ns */
	__u64 time;
	/** @to_host: 1: from the firmware; 0: to it */
	__u32 to_host;
	/** @reserved: 0 */
	__u32 reserved;
	/** @msg: the message */
	struct npu_msg msg;
};
NPU_ASSERT_SIZE(struct npu_dump_message, 80);

#endif /* NPU_DUMP_H */
