// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Operating points, power cap, energy
 *
 * The firmware chooses the operating point: the highest one that heat, the power
 * cap and an administrator's wish allow. It is nearer to the work than a driver
 * could be, and keeps to the cap in between two command buffers. The driver passes cap and
 * wish on, and again after each reset and sleep, of which the new firmware knows nothing. Files in
 * sysfs for points are here; power, energy and heat are in npu_hwmon.c.
 *
 * The energy counter is the device's. It starts from 0 in a reset and, being in
 * femtojoules, wraps after 18 kJ. So it is read whenever somebody asks, and differences are
 * added up here. What was used between the last reading and a reset is lost;
 * and so are 18 kJ, if nobody asks for that long. Before sleep it is read.
 *
 * Sensors are read by programs that never stop, so they do not wake the device: asleep it uses
 * nothing, and what it had used is known. Who looks at operating points wants the device's own
 * answer.
 *
 * Rejected: devfreq. Its governors look at the load from time to time and choose
 * a frequency; here nothing would be left for them but to undo what the firmware does.
 *
 * Rejected: a timer that reads the counter so that no wrap is missed. It would wake
 * an idle machine for numbers that nobody may want.
 */
#include <linux/bitfield.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/math64.h>

#include <drm/drm_managed.h>

#include "npu_counters.h"
#include "npu_dvfs.h"
#include "npu_hw.h"
#include "npu_mbox.h"
#include "npu_pm.h"

#define NPU_FJ_PER_UJ 1000000000u
/* Means over less say little. */
#define NPU_DVFS_MEAN_NS NSEC_PER_SEC

/**
 * npu_dvfs_init() - prepare what needs no answer from the device
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_dvfs_init(struct npu_device *npu)
{
	struct npu_dvfs *dvfs = &npu->dvfs;

	dvfs->block = dmam_alloc_coherent(npu->drm.dev, sizeof(*dvfs->block), &dvfs->block_dma,
					  GFP_KERNEL);
	if (!dvfs->block)
		return -ENOMEM;
	return drmm_mutex_init(&npu->drm, &dvfs->lock);
}

static int npu_dvfs_send(struct npu_device *npu, u32 cap_mw, u32 max_point)
{
	const struct npu_msg request = {
		.type = NPU_MSG_POWER_SET,
		.power_set = { .cap_mw = cap_mw, .max_opp = max_point },
	};

	return npu_mbox_call(npu, &request, NULL);
}

/**
 * npu_dvfs_start() - tell firmware that has just booted what was asked of the one before
 * @npu: device, &npu_device.hw_sem held for writing
 *
 * Return: 0 or a negative errno, as npu_mbox_call().
 */
int npu_dvfs_start(struct npu_device *npu)
{
	struct npu_dvfs *dvfs = &npu->dvfs;

	dvfs->counter_fj = 0;
	if (!dvfs->points || (!dvfs->cap_mw && dvfs->max_point == dvfs->points - 1))
		return 0;
	return npu_dvfs_send(npu, dvfs->cap_mw, dvfs->max_point);
}

/**
 * npu_dvfs_probe() - find out what can be set
 * @npu: device with its firmware booted, nobody else around yet
 *
 * Return: 0, also if the firmware knows nothing of power; or a negative errno after a message.
 */
int npu_dvfs_probe(struct npu_device *npu)
{
	const struct npu_msg request = { .type = NPU_MSG_POWER_GET };
	struct npu_dvfs *dvfs = &npu->dvfs;
	struct npu_msg reply;
	u32 points;
	int ret;

	if (!(npu->fw.info.features & NPU_FW_FEATURE_POWER))
		return 0;
	ret = npu_mbox_call(npu, &request, &reply);
	if (ret)
		return ret;
	points = FIELD_GET(NPU_OPP_COUNT, npu_read32(npu, NPU_REG_OPP));
	if (!points || points > NPU_DVFS_POINTS)
		return dev_err_probe(npu->drm.dev, -ENODEV,
				     "%u operating points, not 1 to %u: the device is broken\n",
				     points, NPU_DVFS_POINTS);
	dvfs->min_cap_mw = reply.power.min_cap_mw;
	dvfs->max_point = points - 1;
	dvfs->mean_from = ktime_get();
	dvfs->points = points;
	return 0;
}

/**
 * npu_dvfs_get() - ask the device how fast it is
 * @npu: device
 * @state: result; of one that is asleep it is all 0
 *
 * Return: 0; -EIO: it is down, or talks nonsense; -ENODEV: it is lost.
 */
int npu_dvfs_get(struct npu_device *npu, struct npu_dvfs_state *state)
{
	u32 opp, status;
	bool awake;
	int ret;

	*state = (struct npu_dvfs_state) {};
	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	if (!awake) {
		npu_hw_exit(npu);
		return 0;
	}
	opp = npu_read32(npu, NPU_REG_OPP);
	status = npu_read32(npu, NPU_REG_STATUS);
	state->khz = npu_read32(npu, NPU_REG_OPP_KHZ);
	state->peak_mw = npu_read32(npu, NPU_REG_POWER_PEAK);
	npu_hw_exit(npu);

	state->point = FIELD_GET(NPU_OPP_CURRENT, opp);
	state->limit = FIELD_GET(NPU_OPP_LIMIT, opp);
	state->throttled = status & NPU_STATUS_THROTTLED;
	if (opp == NPU_ALL_ONES || status == NPU_ALL_ONES || state->point >= npu->dvfs.points ||
	    state->limit >= npu->dvfs.points || state->khz > npu->caps.clock_khz)
		return -EIO;
	return 0;
}

/* A device that does not answer its mailbox needs a reset; one that refuses does not. */
static int npu_dvfs_failed(struct npu_device *npu, int ret)
{
	if (ret != -ETIMEDOUT)
		return ret;
	npu_recovery_request(npu, "no answer about power");
	return -EIO;
}

/* Asleep, it is told when it is woken. */
static int npu_dvfs_set(struct npu_device *npu, bool awake, u32 cap_mw, u32 max_point)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	int ret;

	lockdep_assert_held(&dvfs->lock);
	if (awake) {
		ret = npu_dvfs_failed(npu, npu_dvfs_send(npu, cap_mw, max_point));
		if (ret)
			return ret;
	}
	dvfs->cap_mw = cap_mw;
	dvfs->max_point = max_point;
	return 0;
}

/**
 * npu_dvfs_set_cap() - limit the power that the device may take
 * @npu: device whose firmware knows about power
 * @cap_mw: most, in mW; 0: no limit
 *
 * It holds for command buffers that begin from now on, and over resets and sleep.
 *
 * Return: 0; -EINVAL: the slowest operating point may take more; -EIO: the device is down, or did
 * not obey; -ENODEV: it is lost.
 */
int npu_dvfs_set_cap(struct npu_device *npu, u32 cap_mw)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	bool awake;
	int ret;

	if (cap_mw && cap_mw < dvfs->min_cap_mw)
		return -EINVAL;
	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	scoped_guard(mutex, &dvfs->lock)
		ret = npu_dvfs_set(npu, awake, cap_mw, dvfs->max_point);
	npu_hw_exit(npu);
	return ret;
}

static int npu_dvfs_set_max_point(struct npu_device *npu, u32 point)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	bool awake;
	int ret;

	if (point >= dvfs->points)
		return -EINVAL;
	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	scoped_guard(mutex, &dvfs->lock)
		ret = npu_dvfs_set(npu, awake, dvfs->cap_mw, point);
	npu_hw_exit(npu);
	return ret;
}

/* Adds what the counter has grown by. */
static int npu_dvfs_sample(struct npu_device *npu)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	const struct npu_msg request = {
		.type = NPU_MSG_COUNTERS,
		.counters = { .addr = dvfs->block_dma, .core = NPU_CORE_ALL },
	};
	u64 now, grown, uj;
	u32 rest;
	int ret;

	lockdep_assert_held(&dvfs->lock);
	ret = npu_dvfs_failed(npu, npu_mbox_call(npu, &request, NULL));
	if (ret)
		return ret;
	now = READ_ONCE(dvfs->block->value[NPU_COUNTER_ENERGY]);
	grown = now - dvfs->counter_fj;
	dvfs->counter_fj = now;
	/* It wraps, but never goes back: that is a device's nonsense. */
	if (grown > S64_MAX)
		return 0;
	uj = div_u64_rem(grown, NPU_FJ_PER_UJ, &rest);
	dvfs->rest_fj += rest;
	if (dvfs->rest_fj >= NPU_FJ_PER_UJ) {
		dvfs->rest_fj -= NPU_FJ_PER_UJ;
		uj++;
	}
	dvfs->energy_uj += uj;
	return 0;
}

/**
 * npu_dvfs_rest() - read the energy counter before the device forgets it
 * @npu: device that works, &npu_device.hw_sem held for writing
 */
void npu_dvfs_rest(struct npu_device *npu)
{
	if (!npu->dvfs.points)
		return;
	guard(mutex)(&npu->dvfs.lock);
	/* If it does not answer, that much is lost, as with other resets. */
	npu_dvfs_sample(npu);
}

/**
 * npu_dvfs_energy() - tell what the device has used since it was bound
 * @npu: device whose firmware knows about power
 * @energy_uj: result, uJ
 *
 * Return: 0; -EIO: it is down, or did not answer; -ENODEV: it is lost.
 */
int npu_dvfs_energy(struct npu_device *npu, u64 *energy_uj)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	bool awake;
	int ret;

	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	scoped_guard(mutex, &dvfs->lock) {
		ret = awake ? npu_dvfs_sample(npu) : 0;
		*energy_uj = dvfs->energy_uj;
	}
	npu_hw_exit(npu);
	return ret;
}

/**
 * npu_dvfs_power() - tell the mean of the power that the device has taken lately
 * @npu: device whose firmware knows about power
 * @mean_uw: result, uW: from the call before to this one, and at least over a second; calls in
 *	     between get the mean that was taken last
 *
 * Return: as npu_dvfs_energy().
 */
int npu_dvfs_power(struct npu_device *npu, u64 *mean_uw)
{
	struct npu_dvfs *dvfs = &npu->dvfs;
	bool awake;
	ktime_t now;
	s64 ns;
	int ret;

	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	scoped_guard(mutex, &dvfs->lock) {
		ret = awake ? npu_dvfs_sample(npu) : 0;
		now = ktime_get();
		ns = ktime_to_ns(ktime_sub(now, dvfs->mean_from));
		if (!ret && ns >= NPU_DVFS_MEAN_NS) {
			dvfs->mean_uw = mul_u64_u64_div_u64(dvfs->energy_uj - dvfs->mean_uj,
							    NSEC_PER_SEC, ns);
			dvfs->mean_from = now;
			dvfs->mean_uj = dvfs->energy_uj;
		}
		*mean_uw = dvfs->mean_uw;
	}
	npu_hw_exit(npu);
	return ret;
}

/* ---- sysfs; docs/sysfs.md is its documentation ---- */

/* Of a device that is awake, and has been woken for that if need be. */
static int npu_dvfs_get_awake(struct npu_device *npu, struct npu_dvfs_state *state)
{
	int ret = npu_pm_get(npu);

	if (ret)
		return ret;
	ret = npu_dvfs_get(npu, state);
	npu_pm_put(npu);
	return ret;
}

#define NPU_DVFS_ATTR(name, field) \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{ \
		struct npu_dvfs_state state; \
		int ret = npu_dvfs_get_awake(dev_get_drvdata(dev), &state); \
\
		return ret ? ret : sysfs_emit(buf, "%u\n", state.field); \
	}

NPU_DVFS_ATTR(cur_point, point)
static DEVICE_ATTR_RO(cur_point);
NPU_DVFS_ATTR(heat_max_point, limit)
static DEVICE_ATTR_RO(heat_max_point);
NPU_DVFS_ATTR(cur_khz, khz)
static DEVICE_ATTR_RO(cur_khz);
NPU_DVFS_ATTR(peak_mw, peak_mw)
static DEVICE_ATTR_RO(peak_mw);

static ssize_t points_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct npu_device *npu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", npu->dvfs.points);
}
static DEVICE_ATTR_RO(points);

static ssize_t max_point_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct npu_device *npu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(npu->dvfs.max_point));
}

static ssize_t max_point_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	u32 point;
	int ret;

	ret = kstrtou32(buf, 0, &point);
	if (!ret)
		ret = npu_dvfs_set_max_point(dev_get_drvdata(dev), point);
	return ret ? ret : count;
}
static DEVICE_ATTR_RW(max_point);

static struct attribute *npu_dvfs_attrs[] = {
	&dev_attr_points.attr,
	&dev_attr_cur_point.attr,
	&dev_attr_max_point.attr,
	&dev_attr_heat_max_point.attr,
	&dev_attr_cur_khz.attr,
	&dev_attr_peak_mw.attr,
	NULL
};

static umode_t npu_dvfs_visible(struct kobject *kobj, struct attribute *attr, int i)
{
	struct npu_device *npu = dev_get_drvdata(kobj_to_dev(kobj));

	return npu->dvfs.points ? attr->mode : 0;
}

/** npu_dvfs_group - operating points; empty if the firmware knows nothing of power */
const struct attribute_group npu_dvfs_group = {
	.name = "dvfs",
	.attrs = npu_dvfs_attrs,
	.is_visible = npu_dvfs_visible,
};
