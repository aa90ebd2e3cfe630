/* SPDX-License-Identifier: MIT */
/* The management core's boot ROM; the image is built from firmware-stub/bootrom. */
#include "dev.h"
#include "npu_bootrom.h"

_Static_assert(sizeof(npu_bootrom) <= NPU_SOC_ROM_SIZE, "the boot ROM does not fit its window");

const uint8_t *const npu_bootrom_image = npu_bootrom;
const uint32_t npu_bootrom_size = sizeof(npu_bootrom);
