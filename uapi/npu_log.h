/* SPDX-License-Identifier: MIT */
/*
 * The firmware's log: lines of text and trace events, in a ring of records in host memory that the
 * firmware writes for people to read. Shared by firmware, driver and tools.
 *
 * The driver owns the ring: it allocates it, zeroes it once, and names it to each firmware that it
 * boots (NPU_MSG_LOG_SET, npu_fw.h), with a level for lines and a mask for events. Nobody waits for
 * a reader: the oldest records are overwritten, and who reads finds out by the count. Nothing in
 * the ring is for programs to depend on but its layout; events are added, and numbers are not used
 * again.
 */
#ifndef NPU_LOG_H
#define NPU_LOG_H

#include "npu_types.h"

#define NPU_LOG_VERSION 1

/* ---- ring ------------------------------------------------------------------------------------ */

#define NPU_LOG_RECORD	      64 /* bytes */
#define NPU_LOG_RING_HEADER   4096
#define NPU_LOG_RING_MIN_LOG2 4 /* records */
#define NPU_LOG_RING_MAX_LOG2 16 /* 4 MiB of records */
#define NPU_LOG_RING_SIZE(log2) (NPU_LOG_RING_HEADER + ((__u64)NPU_LOG_RECORD << (log2)))
/*
 * Records at most that are being written beyond count: as many of the oldest cannot be relied upon.
 */
#define NPU_LOG_AHEAD 4

/**
 * struct npu_log_ring - header of the ring
 *
 * The records follow at NPU_LOG_RING_HEADER, record n at n & ((1 << @records_log2) - 1). Written by
 * the firmware only, once the driver has zeroed it, in ascending 8-byte units, each of them atomic:
 * first up to NPU_LOG_AHEAD records, then the @count that has them in it. At NPU_MSG_LOG_SET the
 * firmware reads @count and @lost, and goes on from there, so what the firmware before it has
 * written stays until it is overwritten.
 *
 * To read: take @count; copy what is wanted of the last 1 << @records_log2 records; take @count
 * again, and of the copies trust those only whose number is at least that @count + NPU_LOG_AHEAD -
 * (1 << @records_log2).
 */
struct npu_log_ring {
	/** @version: NPU_LOG_VERSION */
	__u32 version;
	/** @records_log2: NPU_LOG_RING_MIN_LOG2..NPU_LOG_RING_MAX_LOG2 */
	__u32 records_log2;
	/** @count: records written since the ring was zeroed */
	__u64 count;
	/**
	 * @lost: records that could not be: more than the firmware keeps before it knows of a ring
	 */
	__u64 lost;
	/** @reserved: 0 */
	__u64 reserved[5];
};
NPU_ASSERT_SIZE(struct npu_log_ring, 64);
NPU_ASSERT_OFFSET(struct npu_log_ring, count, 8);
NPU_ASSERT_OFFSET(struct npu_log_ring, lost, 16);

#define NPU_LOG_ARGS 6
#define NPU_LOG_CHARS 48
#define NPU_LOG_NO_QUEUE 0xffffffffu

/** struct npu_log_record - a line of text, or an event */
struct npu_log_record {
	/** @time: ns, wall clock of the device, as NPU_REG_TIME_LO */
	__u64 time;
	/** @event: NPU_LOG_TEXT, or enum npu_log_event */
	__u16 event;
	/** @level: of text: enum npu_log_severity; of an event 0 */
	__u8 level;
	/** @flags: NPU_LOG_CONTINUED */
	__u8 flags;
	/** @queue: that it is about, or NPU_LOG_NO_QUEUE */
	__u32 queue;
	union {
		/** @arg: of an event: as NPU_LOG_EVENT_TABLE names them, the rest 0 */
		__u64 arg[NPU_LOG_ARGS];
		/** @text: NUL padded; a full one has no NUL */
		char text[NPU_LOG_CHARS];
	};
};
NPU_ASSERT_SIZE(struct npu_log_record, NPU_LOG_RECORD);
NPU_ASSERT_OFFSET(struct npu_log_record, queue, 12);
NPU_ASSERT_OFFSET(struct npu_log_record, arg, 16);

#define NPU_LOG_TEXT 0 /* npu_log_record.event: it is text */
/* Text that goes on in the line of the record before. A line has NPU_LOG_AHEAD records at most. */
#define NPU_LOG_CONTINUED (1u << 0)

/* ---- what is written ---------------------------------------------------------------------- */

/*
 * How much a line matters. A level is written with all that matter more; level 0 is no line at all.
 */
enum npu_log_severity {
	NPU_LOG_LEVEL_NONE = 0,
	NPU_LOG_LEVEL_ERROR = 1, /* the firmware gives up */
	NPU_LOG_LEVEL_WARNING = 2, /* something is not as it should be, and the firmware goes on */
	NPU_LOG_LEVEL_INFO = 3, /* what happens once in a while */
	NPU_LOG_LEVEL_DEBUG = 4, /* what programs can cause as often as they like */
	NPU_LOG_LEVELS
};

/*
 * X(symbol, bit, "name", "description"): groups of events, of which the trace mask has a bit each.
 */
#define NPU_LOG_GROUP_TABLE(X)                                                            \
	X(BOOT, 0, "boot", "boot and end of the firmware")                                \
	X(QUEUE, 1, "queue", "queues start and stop")                                     \
	X(JOB, 2, "job", "jobs begin, end and fail")                                      \
	X(DISPATCH, 3, "dispatch", "dispatches begin and end on the tiles")               \
	X(COPY, 4, "copy", "copies, fills and gathers begin and end on the copy engine")  \
	X(SLICE, 5, "slice", "dispatches make room for others, and go on")                \
	X(TILE, 6, "tile", "tiles are reset")                                             \
	X(PERF, 7, "perf", "performance streams start and end")                           \
	X(POWER, 8, "power", "power cap and operating point")                             \
	X(MAILBOX, 9, "mailbox", "messages, both ways")

enum npu_log_group {
#define NPU_LOG_GROUP_BIT(symbol, bit, name, description) NPU_LOG_GROUP_##symbol = 1 << bit,
	NPU_LOG_GROUP_TABLE(NPU_LOG_GROUP_BIT)
#undef NPU_LOG_GROUP_BIT
#define NPU_LOG_GROUP_SUM(symbol, bit, name, description) | 1 << bit
	NPU_LOG_GROUPS = 0 NPU_LOG_GROUP_TABLE(NPU_LOG_GROUP_SUM)
#undef NPU_LOG_GROUP_SUM
};

/*
 * X(symbol, number, group, "name", "arguments"): events. The names of their arguments, NPU_LOG_ARGS
 * at most, are in order, with a blank between two; a # before one says that it is best shown in
 * hexadecimal.
 */
#define NPU_LOG_EVENT_TABLE(X)                                                                    \
	X(BOOT, 1, BOOT, "boot", "#abi tiles queues")                                             \
	X(PANIC, 2, BOOT, "panic", "code #mcause #mepc #mtval")                                   \
	X(SHUTDOWN, 3, BOOT, "shutdown", "")                                                      \
	X(QUEUE_START, 4, QUEUE, "queue_start", "status priority ring_log2 completed")            \
	X(QUEUE_STOP, 5, QUEUE, "queue_stop", "where")                                            \
	X(QUEUE_STOPPED, 6, QUEUE, "queue_stopped", "aborted completed")                          \
	X(JOB_BEGIN, 7, JOB, "job_begin", "seqno context packets #addr")                          \
	X(JOB_END, 8, JOB, "job_end", "seqno cycles")                                             \
	X(JOB_FAULT, 9, JOB, "job_fault", "seqno error core #addr #pc #packet")                   \
	X(DISPATCH_BEGIN, 10, DISPATCH, "dispatch_begin", "seqno id #entry workgroups shares")    \
	X(DISPATCH_END, 11, DISPATCH, "dispatch_end", "seqno id error workgroups")                \
	X(COPY_BEGIN, 12, COPY, "copy_begin", "seqno id op")                                      \
	X(COPY_END, 13, COPY, "copy_end", "seqno id error")                                       \
	X(SLICE, 14, SLICE, "slice", "seqno cycles")                                              \
	X(YIELD, 15, SLICE, "yield", "seqno #tiles workgroups cycles")                            \
	X(RESUME, 16, SLICE, "resume", "seqno #tiles workgroups")                                 \
	X(TILE_RESET, 17, TILE, "tile_reset", "seqno #tiles")                                     \
	X(PERF_START, 18, PERF, "perf_start", "stream status #modes #tiles")                      \
	X(PERF_STOP, 19, PERF, "perf_stop", "stream")                                             \
	X(PERF_END, 20, PERF, "perf_end", "stream lost")                                          \
	X(POWER_SET, 21, POWER, "power_set", "status cap_mw max_opp")                             \
	X(POWER_OPP, 22, POWER, "power_opp", "opp limit cap_mw")                                  \
	X(REQUEST, 23, MAILBOX, "request", "#type seq cookie")                                    \
	X(MESSAGE, 24, MAILBOX, "message", "#type status seq cookie")

enum npu_log_event {
#define NPU_LOG_EVENT_NUMBER(symbol, number, group, name, arguments) NPU_LOG_##symbol = number,
	NPU_LOG_EVENT_TABLE(NPU_LOG_EVENT_NUMBER)
#undef NPU_LOG_EVENT_NUMBER
	NPU_LOG_EVENTS
};

#endif /* NPU_LOG_H */
