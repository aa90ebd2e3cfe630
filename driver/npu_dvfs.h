/* SPDX-License-Identifier: GPL-2.0-only */
/* Operating points, power cap and energy. */
#ifndef NPU_DVFS_H
#define NPU_DVFS_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>
#include <linux/types.h>

struct npu_counter_block;
struct npu_device;

/** NPU_DVFS_POINTS - operating points that a device may have at most */
#define NPU_DVFS_POINTS 8

/** struct npu_dvfs - what the firmware is told about power, and what it has told */
struct npu_dvfs {
	/** @points: number of operating points, or 0: the firmware knows nothing of power */
	u32 points;
	/** @min_cap_mw: lowest cap that there is; constant after probe, as is @points */
	u32 min_cap_mw;

	/** @lock: protects all that follows; taken inside of &npu_device.hw_sem */
	struct mutex lock;
	/** @cap_mw: cap that was asked for, 0: none */
	u32 cap_mw;
	/** @max_point: highest point that was asked for */
	u32 max_point;

	/** @block: where the firmware writes counters */
	struct npu_counter_block *block;
	/** @block_dma: bus address of @block */
	dma_addr_t block_dma;
	/** @counter_fj: energy counter as last read; the device starts it anew in a reset */
	u64 counter_fj;
	/** @energy_uj: energy since probe */
	u64 energy_uj;
	/** @rest_fj: what is missing in @energy_uj, below 1 uJ */
	u32 rest_fj;
	/** @mean_from: when the mean of the power began to be taken */
	ktime_t mean_from;
	/** @mean_uj: @energy_uj at @mean_from */
	u64 mean_uj;
	/** @mean_uw: mean of the power up to @mean_from */
	u64 mean_uw;
};

/** struct npu_dvfs_state - how fast the device is now */
struct npu_dvfs_state {
	/** @point: operating point in force */
	u32 point;
	/** @limit: highest one that the heat permits */
	u32 limit;
	/** @khz: clock at @point */
	u32 khz;
	/** @peak_mw: most that the device can take at @point */
	u32 peak_mw;
	/** @throttled: too hot */
	bool throttled;
};

int npu_dvfs_init(struct npu_device *npu);
int npu_dvfs_start(struct npu_device *npu);
void npu_dvfs_rest(struct npu_device *npu);
int npu_dvfs_probe(struct npu_device *npu);
int npu_dvfs_get(struct npu_device *npu, struct npu_dvfs_state *state);
int npu_dvfs_set_cap(struct npu_device *npu, u32 cap_mw);
int npu_dvfs_energy(struct npu_device *npu, u64 *energy_uj);
int npu_dvfs_power(struct npu_device *npu, u64 *mean_uw);

extern const struct attribute_group npu_dvfs_group;

/* npu_hwmon.c */
int npu_hwmon_init(struct npu_device *npu);

#endif /* NPU_DVFS_H */
