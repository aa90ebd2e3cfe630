/* SPDX-License-Identifier: GPL-2.0-only */
/* The mailbox messages of late, for people who look. */
#ifndef NPU_MSGLOG_H
#define NPU_MSGLOG_H

#include <linux/ktime.h>
#include <linux/spinlock.h>

#include "npu_dump.h"

/** NPU_MSGLOG_ENTRIES - messages that are remembered */
#define NPU_MSGLOG_ENTRIES 64

/** struct npu_msglog - the last messages, both ways; what was zero at first never was one */
struct npu_msglog {
	/** @lock: protects what follows */
	spinlock_t lock;
	/** @count: messages so far */
	u64 count;
	/** @entries: message number n is at n modulo NPU_MSGLOG_ENTRIES */
	struct npu_dump_message entries[NPU_MSGLOG_ENTRIES];
};

/**
 * npu_msglog_init() - start with no message
 * @log: log, zeroed
 */
static inline void npu_msglog_init(struct npu_msglog *log)
{
	spin_lock_init(&log->lock);
}

/**
 * npu_msglog_add() - remember a message
 * @log: log
 * @to_host: it came from the firmware
 * @msg: message, unchecked
 */
static inline void npu_msglog_add(struct npu_msglog *log, bool to_host, const struct npu_msg *msg)
{
	struct npu_dump_message *entry;

	guard(spinlock_irqsave)(&log->lock);
	entry = &log->entries[log->count++ % NPU_MSGLOG_ENTRIES];
	entry->time = ktime_get_boottime_ns();
	entry->to_host = to_host;
	entry->msg = *msg;
}

/**
 * npu_msglog_copy() - copy what is remembered
 * @log: log
 * @out: NPU_MSGLOG_ENTRIES of them, filled from the start, oldest first
 *
 * Return: how many there are.
 */
static inline u32 npu_msglog_copy(struct npu_msglog *log, struct npu_dump_message *out)
{
	u32 count, i;

	guard(spinlock_irqsave)(&log->lock);
	count = min_t(u64, log->count, NPU_MSGLOG_ENTRIES);
	for (i = 0; i < count; i++)
		out[i] = log->entries[(log->count - count + i) % NPU_MSGLOG_ENTRIES];
	return count;
}

#endif /* NPU_MSGLOG_H */
