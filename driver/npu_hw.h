/* SPDX-License-Identifier: GPL-2.0-only */
/* Register accesses. Nothing else in the driver reads or writes @npu->regs. */
#ifndef NPU_HW_H
#define NPU_HW_H

#include <linux/io.h>

#include "npu_device.h"

/** NPU_ALL_ONES - what a read gives when nobody answers on the bus */
#define NPU_ALL_ONES 0xffffffffu

/**
 * npu_read32() - read a register
 * @npu: device, entered with npu_hw_enter()
 * @reg: NPU_REG_*
 *
 * Return: its value; NPU_ALL_ONES may mean that the device is gone, see npu_hw_present().
 */
static inline u32 npu_read32(struct npu_device *npu, u32 reg)
{
	return readl(npu->regs + reg);
}

/**
 * npu_write32() - write a register
 * @npu: device, entered with npu_hw_enter()
 * @reg: NPU_REG_*, or a doorbell
 * @value: new value
 */
static inline void npu_write32(struct npu_device *npu, u32 reg, u32 value)
{
	writel(value, npu->regs + reg);
}

/**
 * npu_write64() - write a _LO/_HI pair, low half first
 * @npu: device, entered with npu_hw_enter()
 * @reg_lo: NPU_REG_*_LO
 * @value: new value
 */
static inline void npu_write64(struct npu_device *npu, u32 reg_lo, u64 value)
{
	npu_write32(npu, reg_lo, lower_32_bits(value));
	npu_write32(npu, reg_lo + 4, upper_32_bits(value));
}

/**
 * npu_hw_present() - ask the device whether it is there
 * @npu: device, entered with npu_hw_enter()
 *
 * Return: false if nobody answers, or somebody else.
 */
static inline bool npu_hw_present(struct npu_device *npu)
{
	return npu_read32(npu, NPU_REG_ID) == NPU_ID_MAGIC;
}

int npu_hw_probe(struct npu_device *npu);
int npu_hw_enter(struct npu_device *npu);
int npu_hw_enter_asleep(struct npu_device *npu, bool *awake);
void npu_hw_exit(struct npu_device *npu);
bool npu_hw_try_lock(struct npu_device *npu);
int npu_hw_reset(struct npu_device *npu);
int npu_hw_start(struct npu_device *npu);
void npu_hw_report(struct npu_device *npu, u32 events);

#endif /* NPU_HW_H */
