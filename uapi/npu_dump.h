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

struct npu_dump_header {
	__u64 magic; /* NPU_DUMP_MAGIC */
	__u16 major;
	__u16 minor;
	__u32 header_size; /* sizeof(struct npu_dump_header) of who wrote it: the first section's offset */
	__u32 size; /* bytes, with this header */
	__u32 sections; /* how many there are */
	__u64 time; /* since boot, ns */
	__u64 date; /* since 1970, ns */
	__u32 reason; /* enum npu_dump_reason */
	__u32 queue; /* hardware queue it is about, or all ones: none */
	__u32 flags; /* NPU_DUMP_CUT */
	__u32 reserved; /* 0 */
	char why[72]; /* in words, NUL terminated */
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

struct npu_dump_section {
	__u32 type; /* enum npu_dump_type */
	__u32 entry_size; /* bytes of one entry */
	__u64 size; /* bytes that follow, without padding: a multiple of entry_size */
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

struct npu_dump_device {
	__u32 hw_version; /* major << 16 | minor */
	__u32 chiplets;
	__u32 tiles_per_chiplet;
	__u32 sram_size; /* bytes */
	__u32 clock_khz;
	__u32 queues;
	__u64 hw_features;
	__u64 fw_features;
	__u32 fw_abi; /* major << 16 | minor */
	__u8 fw_build_id[NPU_FW_BUILD_ID_LEN];
	char fw_version[NPU_FW_VERSION_LEN];
	char address[32]; /* on the bus */
	char kernel[64]; /* release of the kernel */
};
NPU_ASSERT_SIZE(struct npu_dump_device, 192);
NPU_ASSERT_OFFSET(struct npu_dump_device, fw_abi, 40);

struct npu_dump_register {
	__u32 offset; /* NPU_REG_* */
	__u32 value;
};
NPU_ASSERT_SIZE(struct npu_dump_register, 8);

struct npu_dump_queue {
	__u32 slot; /* hardware queue */
	__u32 asid;
	__u32 priority; /* enum npu_queue_priority */
	__u32 timeout_ms;
	__u32 tail; /* of the ring, as the driver has it */
	__u32 reserved; /* 0 */
	__u64 context; /* timeline of its fences */
	__u64 emitted; /* number of the last job written to the ring */
	__u64 completed; /* jobs that have ended */
	__u64 oldest; /* number of the first job that has not, 0: none */
	struct npu_queue_wb wb; /* as it was found; nothing in it is checked */
	char owner[32]; /* command and process */
};
NPU_ASSERT_SIZE(struct npu_dump_queue, 152);
NPU_ASSERT_OFFSET(struct npu_dump_queue, wb, 56);

/* As struct drm_npu_fault. */
struct npu_dump_record {
	__u32 error; /* enum npu_job_error */
	__u32 access; /* enum npu_access */
	__u32 core; /* tile number or NPU_CORE_* */
	__u32 asid;
	__u64 seqno;
	__u64 addr;
	__u64 pc;
	__u64 packet;
	__u64 workgroup;
};
NPU_ASSERT_SIZE(struct npu_dump_record, 56);

struct npu_dump_ring {
	__u32 index; /* free-running */
	__u32 reserved; /* 0 */
	struct npu_ring_entry entry;
};
NPU_ASSERT_SIZE(struct npu_dump_ring, 40);

struct npu_dump_packet {
	__u64 va;
	__u8 bytes[64]; /* union npu_packet, as it was in memory afterwards */
};
NPU_ASSERT_SIZE(struct npu_dump_packet, 72);

struct npu_dump_code {
	__u64 va;
	__u8 bytes[16];
};
NPU_ASSERT_SIZE(struct npu_dump_code, 24);

struct npu_dump_walk {
	__u64 va; /* address that is looked up */
	__u64 table; /* bus address of the table */
	__u32 level; /* 3: root */
	__u32 index; /* of the entry */
	__u64 entry; /* NPU_PTE_* */
};
NPU_ASSERT_SIZE(struct npu_dump_walk, 32);

struct npu_dump_binding {
	__u64 va;
	__u64 size;
	__u64 offset; /* in the buffer */
	char label[40]; /* of the buffer, NUL terminated, cut; empty: none */
};
NPU_ASSERT_SIZE(struct npu_dump_binding, 64);

struct npu_dump_message {
	__u64 time; /* since boot, ns */
	__u32 to_host; /* 1: from the firmware; 0: to it */
	__u32 reserved; /* 0 */
	struct npu_msg msg;
};
NPU_ASSERT_SIZE(struct npu_dump_message, 80);

#endif /* NPU_DUMP_H */
