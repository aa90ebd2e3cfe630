/* SPDX-License-Identifier: GPL-2.0-only */
/* Firmware image and boot. */
#ifndef NPU_FIRMWARE_H
#define NPU_FIRMWARE_H

#include <drm/npu_accel.h>

#include "npu_fw.h"

struct npu_device;

/** struct npu_fw - the firmware image; constant after npu_fw_load() but for @booted and @quiet */
struct npu_fw {
	/** @image: the whole file, in memory that the device can read */
	void *image;
	/** @dma: bus address of @image */
	dma_addr_t dma;
	/** @size: bytes of @image */
	u32 size;
	/** @info: what DEV_QUERY tells; versions as in the image's header */
	struct drm_npu_fw_info info;
	/** @booted: the firmware was ready once */
	bool booted;
	/** @quiet: that it is ready again is not worth a line; &npu_device.hw_sem for writing */
	bool quiet;
};

int npu_fw_load(struct npu_device *npu);
int npu_fw_boot(struct npu_device *npu);

#endif /* NPU_FIRMWARE_H */
