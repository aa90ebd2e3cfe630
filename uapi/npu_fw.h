/* SPDX-License-Identifier: MIT */
/*
 * Firmware of the management core: image, boot and mailbox. Shared by the
 * firmware and its packer, the boot ROM and the driver.
 */
#ifndef NPU_FW_H
#define NPU_FW_H

#include "npu_types.h"

/* ---- image: npu/npu_fw.bin ----------------------------------------------------------------- */

#define NPU_FW_MAGIC	    0x57465550454e5021ull /* "!PNEPUFW", little endian */
#define NPU_FW_HEADER_SIZE  256
#define NPU_FW_MAX_SIZE	    (256u * 1024) /* whole image */
#define NPU_FW_ABI_MAJOR    1 /* differs: driver and ROM refuse the image */
/* newer: more messages, older ones keep their meaning; docs/firmware.md has the list */
#define NPU_FW_ABI_MINOR    7
#define NPU_FW_BUILD_ID_LEN 20
#define NPU_FW_HASH_LEN	    32
#define NPU_FW_VERSION_LEN  32

/**
 * struct npu_fw_header - image header, at offset 0
 *
 * The payload follows at @header_size.
 */
struct npu_fw_header {
	/** @magic: NPU_FW_MAGIC */
	__u64 magic;
	/** @header_size: NPU_FW_HEADER_SIZE */
	__u32 header_size;
	/** @image_size: header and payload, bytes, multiple of 16 */
	__u32 image_size;
	/** @abi_major: NPU_FW_ABI_MAJOR */
	__u16 abi_major;
	/** @abi_minor: NPU_FW_ABI_MINOR */
	__u16 abi_minor;
	/** @reserved0: 0 */
	__u32 reserved0;
	/** @features: NPU_FW_FEATURE_* */
	__u64 features;
	/** @load_addr: management core address of the payload's first byte */
	__u64 load_addr;
	/** @entry: management core address to start at */
	__u64 entry;
	/** @mem_size: bytes from load_addr that the firmware uses, with .bss and stack */
	__u64 mem_size;
	/** @build_id: GNU build id of the linked ELF */
	__u8 build_id[NPU_FW_BUILD_ID_LEN];
	/** @reserved1: 0 */
	__u8 reserved1[4];
	/** @version: readable version, NUL padded and terminated */
	__u8 version[NPU_FW_VERSION_LEN];
	/** @hash: SHA-256 (FIPS 180-4) over the whole image, with this field taken as zeros */
	__u8 hash[NPU_FW_HASH_LEN];
	/** @reserved2: 0 */
	__u8 reserved2[112];
};
NPU_ASSERT_SIZE(struct npu_fw_header, NPU_FW_HEADER_SIZE);
NPU_ASSERT_OFFSET(struct npu_fw_header, image_size, 12);
NPU_ASSERT_OFFSET(struct npu_fw_header, features, 24);
NPU_ASSERT_OFFSET(struct npu_fw_header, load_addr, 32);
NPU_ASSERT_OFFSET(struct npu_fw_header, mem_size, 48);
NPU_ASSERT_OFFSET(struct npu_fw_header, build_id, 56);
NPU_ASSERT_OFFSET(struct npu_fw_header, version, 80);
NPU_ASSERT_OFFSET(struct npu_fw_header, hash, 112);

#define NPU_FW_FEATURE_QUEUE_STOP (1ull << 0)
#define NPU_FW_FEATURE_COUNTERS	  (1ull << 1)
#define NPU_FW_FEATURE_POWER	  (1ull << 9) /* power cap, counters of the device */
#define NPU_FW_FEATURE_RECOVERY	  (1ull << 10) /* npu_queue_wb.begun, NPU_MSG_TILE_RESET */
#define NPU_FW_FEATURE_CORE_STATE (1ull << 11) /* npu_queue_desc.core_state */
#define NPU_FW_FEATURE_PERF	  (1ull << 8) /* performance streams, counters by core */
#define NPU_FW_FEATURE_LOG	  (1ull << 12) /* log and trace in host memory */

/* NPU_REG_BOOT_STATUS: stage in [7:0], error in [15:8]. */
#define NPU_BOOT_STAGE(status) ((status) & 0xff)
#define NPU_BOOT_ERROR(status) (((status) >> 8) & 0xff)

enum npu_boot_stage {
	NPU_BOOT_OFF = 0, /* held in reset */
	NPU_BOOT_ROM = 1, /* boot ROM reads and checks the image */
	NPU_BOOT_FIRMWARE = 2, /* ROM jumped to the firmware */
	NPU_BOOT_READY = 3, /* firmware sent NPU_MSG_READY */
	NPU_BOOT_FAILED = 4, /* error says why; the core waits for reset */
};

enum npu_boot_error { /* BOOT_DETAIL holds: */
	NPU_BOOT_ERR_NONE = 0,
	NPU_BOOT_ERR_DMA = 1, /* low 32 bits of the bus address that did not answer */
	NPU_BOOT_ERR_MAGIC = 2, /* low 32 bits of the magic found */
	NPU_BOOT_ERR_SIZE = 3, /* image_size found */
	NPU_BOOT_ERR_ABI = 4, /* abi_major found << 16 | abi_minor found */
	NPU_BOOT_ERR_RANGE = 5, /* low 32 bits of load_addr, entry or end out of local memory */
	NPU_BOOT_ERR_HASH = 6, /* first four bytes of the hash computed, little endian */
	/* header_size found, or offset of a reserved field that is not zero */
	NPU_BOOT_ERR_HEADER = 7,
	NPU_BOOT_ERR_MBOX = 8, /* firmware: low 32 bits of a bad NPU_REG_MBOX_BASE */
	/* image trapped before its own handler was set: low 32 bits of the pc */
	NPU_BOOT_ERR_TRAP = 9,
};

/* ---- mailbox ------------------------------------------------------------------------------ */

#define NPU_MBOX_ENTRIES 64 /* messages per direction */

/** struct npu_msg - a message of the mailbox, 64 bytes */
struct npu_msg {
	/** @type: enum npu_msg_type */
	__u16 type;
	/** @status: replies: enum npu_msg_status */
	__u16 status;
	/** @seq: sender's count, from 1, +1 each; a reply carries its request's in cookie */
	__u32 seq;
	/** @cookie: H2F: chosen by the driver; F2H: the request's, or 0 if unasked */
	__u32 cookie;
	/** @queue: queue spoken of, or 0 */
	__u32 queue;
	union {
		/** @data: all that follows, as words */
		__u64 data[6];
		/** @ready: NPU_MSG_READY */
		struct {
			/** @ready.abi_major: of the firmware */
			__u16 abi_major;
			/** @ready.abi_minor: of the firmware */
			__u16 abi_minor;
			/** @ready.tiles: tiles the firmware will use */
			__u32 tiles;
			/** @ready.features: NPU_FW_FEATURE_* */
			__u64 features;
			/** @ready.build_id: of the image header */
			__u8 build_id[NPU_FW_BUILD_ID_LEN];
			/** @ready.reserved: 0 */
			__u8 reserved[12];
		} ready;
		/** @fault: NPU_MSG_FAULT */
		struct {
			/** @fault.error: enum npu_job_error */
			__u8 error;
			/** @fault.access: enum npu_access */
			__u8 access;
			/** @fault.as_id: address space */
			__u16 as_id;
			/** @fault.core: tile number or NPU_CORE_* */
			__u16 core;
			/** @fault.reserved: 0 */
			__u16 reserved;
			/** @fault.seqno: failed job */
			__u64 seqno;
			/** @fault.addr: address accessed; ILLEGAL: the instruction */
			__u64 addr;
			/** @fault.pc: program counter, 0 if the core is not a tile */
			__u64 pc;
			/** @fault.packet: virtual address of the packet */
			__u64 packet;
			/** @fault.workgroup: linear index x + gx * (y + gy * z) */
			__u64 workgroup;
		} fault;
		/** @tile_reset: NPU_MSG_TILE_RESET */
		struct {
			/** @tile_reset.tiles: bit per tile that is being reset */
			__u64 tiles;
			/** @tile_reset.reserved: 0 */
			__u64 reserved[5];
		} tile_reset;
		/** @panic: NPU_MSG_PANIC */
		struct {
			/** @panic.code: enum npu_fw_panic */
			__u64 code;
			/** @panic.mcause: register of the management core */
			__u64 mcause;
			/** @panic.mepc: register of the management core */
			__u64 mepc;
			/** @panic.mtval: register of the management core */
			__u64 mtval;
		} panic;
		/** @perf: NPU_MSG_PERF_START, and NPU_MSG_PERF_STOP, which looks at .stream only */
		struct {
			/**
			 * @perf.ring: bus address of struct npu_perf_ring, 4 KiB aligned, header
			 * zeroed
			 */
			__u64 ring;
			/**
			 * @perf.tiles: bit per tile to watch; those that are not there do not
			 * matter
			 */
			__u64 tiles;
			/** @perf.modes: NPU_PERF_MODE_* */
			__u32 modes;
			/** @perf.period: cycles, NPU_PERF_PERIOD_MIN..MAX; 0 without SAMPLES */
			__u32 period;
			/** @perf.threshold: slots unread, at reaching which the vector is raised */
			__u32 threshold;
			/** @perf.vector: MSI-X vector, 1 and up, or 0: none, and threshold 0 */
			__u16 vector;
			/** @perf.ring_log2: slots, NPU_PERF_RING_MIN_LOG2..MAX_LOG2 */
			__u8 ring_log2;
			/** @perf.stream: below NPU_PERF_STREAMS */
			__u8 stream;
			/** @perf.reserved: 0 */
			__u64 reserved[2];
		} perf;
		/** @power_set: NPU_MSG_POWER_SET */
		struct {
			/** @power_set.cap_mw: 0: none */
			__u32 cap_mw;
			/**
			 * @power_set.max_opp: highest operating point wanted; one that does not
			 * exist: any
			 */
			__u32 max_opp;
			/** @power_set.reserved: 0 */
			__u64 reserved[5];
		} power_set;
		/** @power: reply to NPU_MSG_POWER_SET and NPU_MSG_POWER_GET */
		struct {
			/** @power.cap_mw: as set */
			__u32 cap_mw;
			/** @power.max_opp: as set */
			__u32 max_opp;
			/** @power.limit: highest operating point that the heat permits */
			__u32 limit;
			/** @power.opp: the one in force */
			__u32 opp;
			/** @power.peak_mw: most that the device can take at it */
			__u32 peak_mw;
			/** @power.min_cap_mw: lowest cap that can be set */
			__u32 min_cap_mw;
			/** @power.reserved: 0 */
			__u64 reserved[3];
		} power;
		/** @counters: NPU_MSG_COUNTERS */
		struct {
			/**
			 * @counters.addr: bus address of a struct npu_counter_block, 64-byte
			 * aligned
			 */
			__u64 addr;
			/** @counters.core: tile or NPU_CORE_* */
			__u32 core;
			/** @counters.reserved0: 0 */
			__u32 reserved0;
			/** @counters.reserved: 0 */
			__u64 reserved[4];
		} counters;
		/** @log_set: NPU_MSG_LOG_SET */
		struct {
			/**
			 * @log_set.ring: bus address of struct npu_log_ring, 4 KiB aligned; 0:
			 * none, and all else 0
			 */
			__u64 ring;
			/**
			 * @log_set.trace: bit per enum npu_log_group whose events are to be written
			 */
			__u32 trace;
			/** @log_set.ring_log2: records, NPU_LOG_RING_MIN_LOG2..MAX_LOG2 */
			__u8 ring_log2;
			/**
			 * @log_set.level: enum npu_log_severity up to which lines are to be written
			 */
			__u8 level;
			/** @log_set.reserved0: 0 */
			__u16 reserved0;
			/** @log_set.reserved: 0 */
			__u64 reserved[4];
		} log_set;
		/** @perf_end: reply to NPU_MSG_PERF_STOP */
		struct {
			/** @perf_end.lost: records dropped since the start */
			__u64 lost;
			/** @perf_end.reserved: 0 */
			__u64 reserved[5];
		} perf_end;
	};
};
NPU_ASSERT_SIZE(struct npu_msg, 64);
NPU_ASSERT_OFFSET(struct npu_msg, data, 16);
NPU_ASSERT_OFFSET(struct npu_msg, ready.features, 24);
NPU_ASSERT_OFFSET(struct npu_msg, ready.build_id, 32);
NPU_ASSERT_OFFSET(struct npu_msg, fault.as_id, 18);
NPU_ASSERT_OFFSET(struct npu_msg, fault.seqno, 24);
NPU_ASSERT_OFFSET(struct npu_msg, fault.workgroup, 56);
NPU_ASSERT_OFFSET(struct npu_msg, panic.mtval, 40);
NPU_ASSERT_OFFSET(struct npu_msg, perf.modes, 32);
NPU_ASSERT_OFFSET(struct npu_msg, perf.stream, 47);
NPU_ASSERT_OFFSET(struct npu_msg, log_set.level, 29);

enum npu_msg_type {
	/* host to firmware; each is answered by NPU_MSG_REPLY with the same cookie */
	NPU_MSG_PING = 1,
	NPU_MSG_QUEUE_START = 2, /* read descriptor of .queue and serve its ring from index 0 */
	/*
	 * Stop .queue: its running job is aborted (NPU_JOB_STOPPED, nothing if idle), nothing
	 * more is fetched, and after the reply the device touches no memory for this queue.
	 * Where a tile stood that had to be stopped is told before, in an NPU_MSG_FAULT.
	 */
	NPU_MSG_QUEUE_STOP = 3,
	NPU_MSG_SHUTDOWN = 4, /* stop all queues, then idle until reset */
	/*
	 * Start a performance stream (npu_perf.h) that watches .queue, or NPU_PERF_ALL_QUEUES. The
	 * queue need not be started, and may be in the middle of a job.
	 */
	NPU_MSG_PERF_START = 0x10,
	/*
	 * Stop it. After the reply everything is in its ring, and the device does not touch that.
	 */
	NPU_MSG_PERF_STOP = 0x11,
	/*
	 * Set the power cap and the highest operating point that is wanted. The firmware then
	 * chooses the highest point at which the most that the device can take is within the cap;
	 * command buffers that begin after the reply run at it.
	 */
	NPU_MSG_POWER_SET = 0x20,
	NPU_MSG_POWER_GET = 0x21, /* its reply tells the state */
	/*
	 * Write the counters of the whole device, all queues that ever were since reset, or of one
	 * core of it, to host memory, before the reply.
	 */
	NPU_MSG_COUNTERS = 0x22,
	/*
	 * Write log and trace (npu_log.h) to this ring from now on, with this level and mask.
	 * Before the reply the firmware has written there what it has kept since its boot. What it
	 * was told before does not count any more: after the reply the ring before is not touched.
	 */
	NPU_MSG_LOG_SET = 0x30,

	/* firmware to host */
	NPU_MSG_REPLY = 0x80,
	NPU_MSG_READY = 0x81, /* first message after boot */
	NPU_MSG_FAULT = 0x82, /* a job failed; sent before its writeback */
	NPU_MSG_PANIC = 0x83, /* firmware gives up; STATUS.FW_DEAD follows */
	/* tiles that do .queue's work do not heed a stop, and are being reset */
	NPU_MSG_TILE_RESET = 0x84,
};

enum npu_msg_status {
	NPU_MSG_OK = 0,
	NPU_MSG_BAD_TYPE = 1,
	NPU_MSG_BAD_QUEUE = 2, /* no such queue, or in the wrong state */
	NPU_MSG_BAD_DESC = 3, /* queue descriptor breaks a rule */
	/* stream: a field breaks a rule, or it is not on, or its ring does not answer */
	NPU_MSG_BAD_PERF = 8,
	NPU_MSG_BAD_POWER = 10, /* not even the slowest operating point keeps to the cap */
	/* no such core, or the address is misaligned or does not answer */
	NPU_MSG_BAD_COUNTERS = 11,
	NPU_MSG_BUSY = 9, /* stream is on, or another one watches the queue */
	/* a field breaks a rule, or the ring does not answer; log and trace are as they were */
	NPU_MSG_BAD_LOG = 16,
};

enum npu_fw_panic {
	NPU_PANIC_TRAP = 1, /* unexpected trap in the firmware */
	NPU_PANIC_BUS = 2, /* kernel memory did not answer: mailbox, ring or writeback */
	NPU_PANIC_MBOX = 3, /* mailbox indices out of range */
	NPU_PANIC_ASSERT = 4, /* own invariant broken */
};

/**
 * struct npu_mbox - mailbox memory: index lines, then the two message rings
 *
 * Indices run freely modulo 2^32; entry = index % NPU_MBOX_ENTRIES; write - read <=
 * NPU_MBOX_ENTRIES.
 */
struct npu_mbox {
	/** @h2f_write: the host has written so many */
	/** @h2f_read: the firmware has read so many */
	/** @f2h_write: the firmware has written so many */
	/** @f2h_read: the host has read so many */
	struct {
		/** @h2f_write.index: free-running, as of the three others */
		__u32 index;
		/** @h2f_write.pad: 0 */
		__u32 pad[15];
	} h2f_write, h2f_read, f2h_write, f2h_read;
	/** @reserved: 0 */
	__u8 reserved[4096 - 4 * 64];
	/** @h2f: messages of the driver */
	struct npu_msg h2f[NPU_MBOX_ENTRIES];
	/** @f2h: messages of the firmware */
	struct npu_msg f2h[NPU_MBOX_ENTRIES];
};
NPU_ASSERT_SIZE(struct npu_mbox, 3 * 4096);
NPU_ASSERT_OFFSET(struct npu_mbox, h2f, 4096);
NPU_ASSERT_OFFSET(struct npu_mbox, f2h, 8192);

#endif /* NPU_FW_H */
