/* SPDX-License-Identifier: GPL-2.0-only */
/* Watchdog and reset. */
#ifndef NPU_RECOVERY_H
#define NPU_RECOVERY_H

#include <linux/atomic.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct npu_device;

/** struct npu_recovery - what brings a device back that went astray */
struct npu_recovery {
	/** @wq: ordered, so that watchdog and reset exclude each other */
	struct workqueue_struct *wq;
	/** @watchdog: looks after queues and firmware while jobs are in flight */
	struct delayed_work watchdog;
	/** @reset: resets the device */
	struct work_struct reset;
	/** @reason: why, of the first request since the last reset; a constant string */
	const char *reason;
	/** @inflight: jobs on the hardware, of all queues */
	atomic_t inflight;
	/** @heartbeat: firmware's counter as seen last; watchdog only */
	u32 heartbeat;
	/** @heartbeat_stamp: when it was last seen to move, jiffies; watchdog only */
	unsigned long heartbeat_stamp;
	/** @watching: @heartbeat is of this busy period; watchdog only */
	bool watching;
};

extern const struct pci_error_handlers npu_pci_error_handlers;

int npu_recovery_init(struct npu_device *npu);
void npu_recovery_shutdown(struct npu_device *npu);
void npu_recovery_request(struct npu_device *npu, const char *reason);
int npu_recovery_reset_sync(struct npu_device *npu, const char *reason);
void npu_recovery_job_began(struct npu_device *npu);
void npu_recovery_job_ended(struct npu_device *npu);

#endif /* NPU_RECOVERY_H */
