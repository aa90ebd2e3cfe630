// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs attributes of the PCI device: what it is, and what firmware runs on it.
 * docs/sysfs.md is their documentation. None of those here touches the device.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "npu_device.h"

static struct npu_device *npu_of_dev(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t hw_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct npu_caps *caps = &npu_of_dev(dev)->caps;

	return sysfs_emit(buf, "%u.%u\n", caps->hw_version >> 16, caps->hw_version & 0xffff);
}
static DEVICE_ATTR_RO(hw_version);

static ssize_t hw_features_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%#018llx\n", npu_of_dev(dev)->caps.features);
}
static DEVICE_ATTR_RO(hw_features);

#define NPU_ATTR_CAP(name) \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{ \
		return sysfs_emit(buf, "%u\n", npu_of_dev(dev)->caps.name); \
	} \
	static DEVICE_ATTR_RO(name)

NPU_ATTR_CAP(chiplets);
NPU_ATTR_CAP(tiles_per_chiplet);
NPU_ATTR_CAP(sram_size);
NPU_ATTR_CAP(clock_khz);
NPU_ATTR_CAP(queues);
NPU_ATTR_CAP(spaces);

static ssize_t fw_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", npu_of_dev(dev)->fw.info.version);
}
static DEVICE_ATTR_RO(fw_version);

static ssize_t fw_abi_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct drm_npu_fw_info *info = &npu_of_dev(dev)->fw.info;

	return sysfs_emit(buf, "%u.%u\n", info->abi_major, info->abi_minor);
}
static DEVICE_ATTR_RO(fw_abi);

static ssize_t fw_features_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%#018llx\n", npu_of_dev(dev)->fw.info.features);
}
static DEVICE_ATTR_RO(fw_features);

static ssize_t fw_build_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct drm_npu_fw_info *info = &npu_of_dev(dev)->fw.info;

	return sysfs_emit(buf, "%*phN\n", (int)sizeof(info->build_id), info->build_id);
}
static DEVICE_ATTR_RO(fw_build_id);

static const char * const npu_state_names[] = {
	[NPU_HW_DOWN] = "down",
	[NPU_HW_UP] = "up",
	[NPU_HW_ASLEEP] = "asleep",
	[NPU_HW_WEDGED] = "wedged",
	[NPU_HW_GONE] = "gone",
};

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", npu_state_names[READ_ONCE(npu_of_dev(dev)->hw_state)]);
}
static DEVICE_ATTR_RO(state);

static struct attribute *npu_sysfs_attrs[] = {
	&dev_attr_hw_version.attr,
	&dev_attr_hw_features.attr,
	&dev_attr_chiplets.attr,
	&dev_attr_tiles_per_chiplet.attr,
	&dev_attr_sram_size.attr,
	&dev_attr_clock_khz.attr,
	&dev_attr_queues.attr,
	&dev_attr_spaces.attr,
	&dev_attr_fw_version.attr,
	&dev_attr_fw_abi.attr,
	&dev_attr_fw_features.attr,
	&dev_attr_fw_build_id.attr,
	&dev_attr_state.attr,
	NULL
};

static const struct attribute_group npu_sysfs_group = {
	/* Beside what every PCI device has. */
	.name = "npu",
	.attrs = npu_sysfs_attrs,
};

/** npu_sysfs_groups - attributes of the PCI device, there while the driver is bound */
const struct attribute_group *npu_sysfs_groups[] = {
	&npu_sysfs_group,
	&npu_recovery_group,
	&npu_dvfs_group,
	NULL
};
