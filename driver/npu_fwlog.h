/* SPDX-License-Identifier: GPL-2.0-only */
/* Log and trace of the firmware. */
#ifndef NPU_FWLOG_H
#define NPU_FWLOG_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "npu_log.h"

struct npu_device;

/** NPU_FWLOG_LOG2 - records in the ring: 64 KiB of them */
#define NPU_FWLOG_LOG2 10
/** NPU_FWLOG_RECORDS - the same, as a number */
#define NPU_FWLOG_RECORDS 1024u

/** struct npu_fwlog - the ring that the firmware writes, and what it is to write there */
struct npu_fwlog {
	/** @lock: protects @ring from being taken away while it is read; innermost */
	struct mutex lock;
	/** @ring: shared memory, of which nothing is believed; NULL: there is none any more */
	struct npu_log_ring *ring;
	/** @dma: bus address of @ring; constant after probe */
	dma_addr_t dma;

	/** @set_lock: protects what follows; taken inside of &npu_device.hw_sem */
	struct mutex set_lock;
	/** @level: enum npu_log_severity up to which lines are written */
	u32 level;
	/** @groups: NPU_LOG_GROUP_* whose events are written */
	u32 groups;
};

/** struct npu_fwlog_view - what was in the ring at one time */
struct npu_fwlog_view {
	/** @first: number of the first record, as many came before it */
	u64 first;
	/** @lost: records that the firmware had no room for */
	u64 lost;
	/** @count: how many there are */
	u32 count;
	/** @records: as many, of NPU_FWLOG_RECORDS, oldest first; nothing in them is checked */
	struct npu_log_record *records;
};

int npu_fwlog_init(struct npu_device *npu);
void npu_fwlog_start(struct npu_device *npu);
void npu_fwlog_fini(struct npu_device *npu);
int npu_fwlog_view(struct npu_device *npu, struct npu_fwlog_view *view);
void npu_fwlog_view_free(struct npu_fwlog_view *view);
void npu_fwlog_debugfs_init(struct npu_device *npu);

#endif /* NPU_FWLOG_H */
