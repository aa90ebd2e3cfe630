/* SPDX-License-Identifier: GPL-2.0-only */
/* Watchdog and reset. */
#ifndef NPU_RECOVERY_H
#define NPU_RECOVERY_H

#include <linux/atomic.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct attribute_group;
struct npu_device;

/** enum npu_recovery_step - what is done about trouble, mildest first */
enum npu_recovery_step {
	/** @NPU_STEP_QUEUE_KILL: a queue whose time is over is stopped */
	NPU_STEP_QUEUE_KILL,
	/** @NPU_STEP_TILE_RESET: the firmware resets tiles that do not heed that */
	NPU_STEP_TILE_RESET,
	/** @NPU_STEP_FIRMWARE_RESTART: engines stop, the firmware boots again */
	NPU_STEP_FIRMWARE_RESTART,
	/** @NPU_STEP_FUNCTION_RESET: the PCI function is reset */
	NPU_STEP_FUNCTION_RESET,
	/** @NPU_STEP_BUS_RESET: the bus is reset */
	NPU_STEP_BUS_RESET,
	/** @NPU_STEP_WEDGED: the device is given up */
	NPU_STEP_WEDGED,
	/** @NPU_STEP_PCI_ERROR: no step, but errors that the bus has reported */
	NPU_STEP_PCI_ERROR,
	/** @NPU_STEP_COUNT: number of them */
	NPU_STEP_COUNT,
};

/** struct npu_recovery - what brings a device back that went astray */
struct npu_recovery {
	/** @wq: ordered, so that watchdog and reset exclude each other */
	struct workqueue_struct *wq;
	/** @watchdog: looks after queues and firmware while jobs are in flight */
	struct delayed_work watchdog;
	/** @reset: resets the device */
	struct work_struct reset;
	/** @request_lock: held while @reset is queued: who finds it queued may wait for it then */
	spinlock_t request_lock;
	/** @reason: why, of the first request since the last reset; a constant string */
	const char *reason;
	/** @inflight: jobs on the hardware, of all queues; while there are any it is kept awake */
	atomic_t inflight;
	/** @idle: woken when @inflight becomes 0 */
	wait_queue_head_t idle;
	/** @heartbeat: firmware's counter as seen last; watchdog only */
	u32 heartbeat;
	/** @heartbeat_stamp: when it was last seen to move, jiffies; watchdog only */
	unsigned long heartbeat_stamp;
	/** @watching: @heartbeat is of this busy period; watchdog only */
	bool watching;
	/**
	 * @frozen: the PCI core is recovering the device, which is down; changed with
	 * &npu_device.hw_sem for writing, but for the core's giving up
	 */
	bool frozen;
	/** @config: configuration space as it was when the driver was bound */
	struct pci_saved_state *config;
	/** @bars: of it, what says where the device's memory is */
	u32 bars[PCI_STD_NUM_BARS];
	/** @thaw: woken when @frozen becomes false, or the device is lost */
	wait_queue_head_t thaw;
	/** @in_vain: restarts since a job has ended well */
	atomic_t in_vain;
	/** @steps: how often each was taken */
	atomic_t steps[NPU_STEP_COUNT];
};

extern const struct attribute_group npu_recovery_group;

int npu_recovery_init(struct npu_device *npu);
void npu_recovery_shutdown(struct npu_device *npu);
void npu_recovery_count(struct npu_device *npu, enum npu_recovery_step step);
void npu_recovery_request(struct npu_device *npu, const char *reason);
void npu_recovery_thaw(struct npu_device *npu);
int npu_recovery_wait(struct npu_device *npu);
void npu_recovery_job_began(struct npu_device *npu);
void npu_recovery_job_ended(struct npu_device *npu, int error);

#endif /* NPU_RECOVERY_H */
