/* SPDX-License-Identifier: GPL-2.0-only */
/* The device as the driver's parts share it. */
#ifndef NPU_DEVICE_H
#define NPU_DEVICE_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/npu_accel.h>

#include "npu_regs.h"
#include "npu_ring.h"

#include "npu_dvfs.h"
#include "npu_firmware.h"
#include "npu_fwlog.h"
#include "npu_irq.h"
#include "npu_mbox.h"
#include "npu_mmu.h"
#include "npu_perf_stream.h"
#include "npu_perfmon.h"
#include "npu_recovery.h"

struct npu_coredump;
struct npu_queue;
struct npu_usage;
struct npu_user;
struct vfsmount;

/** NPU_MAX_CMDBUFS - command buffers per SUBMIT */
#define NPU_MAX_CMDBUFS 64
/** NPU_MAX_SYNCS - sync operations per SUBMIT */
#define NPU_MAX_SYNCS 256
/** NPU_MAX_BIND_OPS - operations per VM_BIND */
#define NPU_MAX_BIND_OPS 256
/** NPU_TIMEOUT_LIMIT_MS - highest timeout that an administrator may allow */
#define NPU_TIMEOUT_LIMIT_MS 3600000
/** NPU_JOB_LIMIT_MS - highest limit of a job's whole time that an administrator may set: a week */
#define NPU_JOB_LIMIT_MS 604800000

/**
 * npu_id_limit - ids that programs get
 *
 * An array that is not to give out 0 does so after it was asked to erase it.
 */
#define npu_id_limit XA_LIMIT(1, INT_MAX)

/** enum npu_hw_state - whether the hardware may be touched */
enum npu_hw_state {
	/** @NPU_HW_DOWN: held in reset, or being brought up */
	NPU_HW_DOWN = 0,
	/** @NPU_HW_UP: firmware runs */
	NPU_HW_UP,
	/** @NPU_HW_ASLEEP: reset and then put to sleep; not to be touched until it was woken */
	NPU_HW_ASLEEP,
	/** @NPU_HW_WEDGED: could not be recovered; cut off from memory */
	NPU_HW_WEDGED,
	/** @NPU_HW_GONE: removed, or unbound; registers are unmapped soon */
	NPU_HW_GONE,
};

/** struct npu_caps - what the device said it is; constant after probe */
struct npu_caps {
	/** @hw_version: major << 16 | minor */
	u32 hw_version;
	/** @chiplets: number of chiplets */
	u32 chiplets;
	/** @tiles_per_chiplet: tiles on each */
	u32 tiles_per_chiplet;
	/** @sram_size: SRAM of a tile, bytes */
	u32 sram_size;
	/** @clock_khz: modelled clock */
	u32 clock_khz;
	/** @temp_crit: temperature from which on it is too hot, mC; 0 without a thermometer */
	s32 temp_crit;
	/** @queues: hardware queues, 1..NPU_MAX_QUEUES */
	u32 queues;
	/** @spaces: address spaces, 2..NPU_MAX_AS; ASID 0 is never used */
	u32 spaces;
	/** @features: NPU_FEATURE_* */
	u64 features;
};

/**
 * struct npu_device - one NPU
 *
 * Lock order: &npu_vm.lock, @hw_sem, &npu_perf.lock, &npu_dvfs.lock, &npu_fwlog.set_lock,
 * &npu_mbox_chan.request_lock, &npu_mbox_chan.drain_lock, &npu_queue.lock, @slots_lock.
 *
 * Who reclaims memory waits for @purge_lock and, inside of it, &npu_mmu.lock: nobody allocates any
 * with them, and all other locks are only tried there.
 */
struct npu_device {
	/** @drm: base */
	struct drm_device drm;
	/** @regs: BAR 0; valid while @hw_state is not NPU_HW_GONE */
	void __iomem *regs;
	/** @caps: what the device is */
	struct npu_caps caps;

	/**
	 * @hw_sem: held for reading around register accesses and mailbox requests, for writing
	 * by whoever resets the device or takes it away
	 */
	struct rw_semaphore hw_sem;
	/** @hw_state: enum npu_hw_state; written with @hw_sem held for writing */
	enum npu_hw_state hw_state;

	/** @fw: firmware */
	struct npu_fw fw;
	/** @irq: interrupts */
	struct npu_irq irq;
	/** @mbox: messages to and from the firmware */
	struct npu_mbox_chan mbox;
	/** @fwlog: log and trace of the firmware */
	struct npu_fwlog fwlog;
	/** @mmu: address spaces */
	struct npu_mmu mmu;
	/** @recovery: watchdog and reset */
	struct npu_recovery recovery;
	/** @dvfs: operating points, power cap, energy */
	struct npu_dvfs dvfs;
	/** @perf: performance streams */
	struct npu_perf perf;
	/** @coredump: snapshot of its last trouble */
	struct npu_coredump *coredump;

	/** @users: struct npu_user of all who have something of it */
	struct list_head users;
	/** @users_lock: protects @users and what is in it */
	spinlock_t users_lock;

	/** @purgeable: BOs whose memory may be taken, oldest first */
	struct list_head purgeable;
	/** @purgeable_pages: their pages; written with @purge_lock held */
	unsigned long purgeable_pages;
	/** @purge_lock: protects @purgeable; taken inside of reservation locks, and in reclaim */
	struct mutex purge_lock;

	/** @huge_mnt: file system of large pages, or NULL; constant after probe */
	struct vfsmount *huge_mnt;
	/** @bos: all struct npu_bo, so that removal can reach them */
	struct list_head bos;
	/** @bos_lock: protects @bos; taken outside of reservation locks */
	struct mutex bos_lock;

	/** @queue_table: descriptors, NPU_MAX_QUEUES of them */
	struct npu_queue_desc *queue_table;
	/** @queue_table_dma: bus address of @queue_table */
	dma_addr_t queue_table_dma;
	/** @slots: queue that owns each hardware queue, or NULL; see @slots_lock */
	struct npu_queue *slots[NPU_MAX_QUEUES];
	/** @slots_lock: protects @slots; taken in interrupts */
	spinlock_t slots_lock;
	/** @sched_wq: runs the schedulers of all queues */
	struct workqueue_struct *sched_wq;
};

/** struct npu_file - one open file */
struct npu_file {
	/** @npu: device */
	struct npu_device *npu;
	/** @client: what fdinfo calls it */
	u64 client;
	/** @user: whose account it is on */
	struct npu_user *user;
	/** @vms: struct npu_vm by id; the entry holds a reference */
	struct xarray vms;
	/** @queues: struct npu_queue by id; the entry holds a user */
	struct xarray queues;
	/** @usage: what its queues have used; a reference */
	struct npu_usage *usage;
	/** @perfmon: counters of the queues */
	struct npu_perfmon_file perfmon;
};

/**
 * to_npu() - the device that a DRM device is part of
 * @drm: one of this driver's
 *
 * Return: the device.
 */
static inline struct npu_device *to_npu(struct drm_device *drm)
{
	return container_of(drm, struct npu_device, drm);
}

/**
 * npu_to_pci() - the PCI function of a device
 * @npu: device
 *
 * Return: the function.
 */
static inline struct pci_dev *npu_to_pci(struct npu_device *npu)
{
	return to_pci_dev(npu->drm.dev);
}

/**
 * npu_tiles() - count the tiles
 * @npu: device
 *
 * Return: how many there are on all chiplets; 0 before the device was probed.
 */
static inline u32 npu_tiles(const struct npu_device *npu)
{
	return npu->caps.chiplets * npu->caps.tiles_per_chiplet;
}

/**
 * npu_is_lost() - tell whether the device will never work again
 * @npu: device
 *
 * Return: true if it is unplugged, unbound or wedged.
 */
static inline bool npu_is_lost(struct npu_device *npu)
{
	return READ_ONCE(npu->hw_state) >= NPU_HW_WEDGED;
}

/* npu_drv.c: work that may outlive the device, but never the module. */
extern struct workqueue_struct *npu_module_wq;
extern unsigned int npu_default_timeout_ms;
extern unsigned int npu_max_timeout_ms;
extern unsigned int npu_job_max_ms;

/* npu_query.c */
int npu_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);

/* npu_debugfs.c */
void npu_debugfs_init(struct npu_device *npu);

/* npu_sysfs.c */
extern const struct attribute_group *npu_sysfs_groups[];

#endif /* NPU_DEVICE_H */
