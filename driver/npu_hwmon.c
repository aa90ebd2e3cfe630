// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tools for sensors read: mean power, power cap, energy, temperature, and
 * whether the device is too hot. In the units and by the names of the hwmon
 * interface. What there is depends on firmware (power) and device (thermometer).
 */
#include <linux/hwmon.h>

#include "npu_device.h"
#include "npu_dvfs.h"
#include "npu_hw.h"

#define NPU_UW_PER_MW 1000

static bool npu_hwmon_has_temperature(const struct npu_device *npu)
{
	return npu->caps.features & NPU_FEATURE_THERMOMETER;
}

static bool npu_hwmon_temperature_good(s32 temperature)
{
	return temperature >= NPU_TEMPERATURE_MIN && temperature <= NPU_TEMPERATURE_MAX;
}

static umode_t npu_hwmon_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				 int channel)
{
	const struct npu_device *npu = data;

	if (type == hwmon_temp && attr == hwmon_temp_input)
		return npu_hwmon_has_temperature(npu) ? 0444 : 0;
	if (type == hwmon_temp && attr == hwmon_temp_crit)
		return npu_hwmon_has_temperature(npu) &&
		       npu_hwmon_temperature_good(npu->caps.temp_crit) ? 0444 : 0;
	if (!npu->dvfs.points)
		return 0;
	return type == hwmon_power && attr == hwmon_power_cap ? 0644 : 0444;
}

static int npu_hwmon_read_power(struct npu_device *npu, u32 attr, long *value)
{
	u64 mean_uw;
	int ret;

	switch (attr) {
	case hwmon_power_average:
		ret = npu_dvfs_power(npu, &mean_uw);
		if (!ret)
			*value = min_t(u64, mean_uw, LONG_MAX);
		return ret;
	case hwmon_power_cap:
		*value = (long)READ_ONCE(npu->dvfs.cap_mw) * NPU_UW_PER_MW;
		return 0;
	case hwmon_power_cap_min:
		*value = (long)npu->dvfs.min_cap_mw * NPU_UW_PER_MW;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* Asleep, nobody knows: it is not woken for that, and what it was before is no answer. */
static int npu_hwmon_read_temperature(struct npu_device *npu, long *value)
{
	bool awake;
	u32 raw;
	int ret;

	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	raw = awake ? npu_read32(npu, NPU_REG_TEMPERATURE) : 0;
	npu_hw_exit(npu);
	if (!awake)
		return -ENODATA;
	if (raw == NPU_ALL_ONES)
		return -ENODEV;
	if (!npu_hwmon_temperature_good((s32)raw))
		return -EIO;
	*value = (s32)raw;
	return 0;
}

static int npu_hwmon_read_temp(struct npu_device *npu, u32 attr, long *value)
{
	struct npu_dvfs_state state;
	int ret;

	switch (attr) {
	case hwmon_temp_input:
		return npu_hwmon_read_temperature(npu, value);
	case hwmon_temp_crit:
		*value = npu->caps.temp_crit;
		return 0;
	case hwmon_temp_max_alarm:
		ret = npu_dvfs_get(npu, &state);
		if (!ret)
			*value = state.throttled;
		return ret;
	default:
		return -EOPNOTSUPP;
	}
}

static int npu_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
			  long *value)
{
	struct npu_device *npu = dev_get_drvdata(dev);
	u64 energy_uj;
	int ret;

	switch (type) {
	case hwmon_power:
		return npu_hwmon_read_power(npu, attr, value);
	case hwmon_energy:
		ret = npu_dvfs_energy(npu, &energy_uj);
		if (!ret)
			*value = min_t(u64, energy_uj, LONG_MAX);
		return ret;
	case hwmon_temp:
		return npu_hwmon_read_temp(npu, attr, value);
	default:
		return -EOPNOTSUPP;
	}
}

static int npu_hwmon_write(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
			   long value)
{
	if (type != hwmon_power || attr != hwmon_power_cap)
		return -EOPNOTSUPP;
	/* What is below 1 mW is a limit, and not the lack of one. */
	if (value < 0 || (value > 0 && value < NPU_UW_PER_MW))
		return -EINVAL;
	return npu_dvfs_set_cap(dev_get_drvdata(dev),
				min_t(unsigned long, value / NPU_UW_PER_MW, U32_MAX));
}

static const struct hwmon_ops npu_hwmon_ops = {
	.is_visible = npu_hwmon_visible,
	.read = npu_hwmon_read,
	.write = npu_hwmon_write,
};

static const struct hwmon_channel_info * const npu_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE | HWMON_P_CAP | HWMON_P_CAP_MIN),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_CRIT | HWMON_T_MAX_ALARM),
	NULL
};

static const struct hwmon_chip_info npu_hwmon_chip = {
	.ops = &npu_hwmon_ops,
	.info = npu_hwmon_channels,
};

/**
 * npu_hwmon_init() - offer the sensors, if kernel, firmware and device have what it takes
 * @npu: device that npu_dvfs_probe() was called for
 *
 * They go with the driver, when it is unbound.
 *
 * Return: 0 or a negative errno.
 */
int npu_hwmon_init(struct npu_device *npu)
{
	if (!IS_REACHABLE(CONFIG_HWMON))
		return 0;
	if (!npu->dvfs.points && !npu_hwmon_has_temperature(npu))
		return 0;
	return PTR_ERR_OR_ZERO(devm_hwmon_device_register_with_info(npu->drm.dev, "npu", npu,
								    &npu_hwmon_chip, NULL));
}
