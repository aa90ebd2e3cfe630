/* SPDX-License-Identifier: MIT */
/* Access to the internal registers of npu_soc.h, CSRs and interrupts of the management core. */
#ifndef NPU_FW_SOC_H
#define NPU_FW_SOC_H

#include <stdint.h>

#include "npu_soc.h"

static inline uint32_t soc_read32(unsigned long offset)
{
	return *(volatile uint32_t *)(NPU_SOC_REGS_BASE + offset);
}

static inline uint64_t soc_read64(unsigned long offset)
{
	return *(volatile uint64_t *)(NPU_SOC_REGS_BASE + offset);
}

static inline void soc_write32(unsigned long offset, uint32_t value)
{
	*(volatile uint32_t *)(NPU_SOC_REGS_BASE + offset) = value;
}

static inline void soc_write64(unsigned long offset, uint64_t value)
{
	*(volatile uint64_t *)(NPU_SOC_REGS_BASE + offset) = value;
}

#define csr_read(csr)                                                         \
	({                                                                    \
		unsigned long csr_value_;                                     \
		__asm__ volatile("csrr %0, " #csr : "=r"(csr_value_)::"memory"); \
		csr_value_;                                                   \
	})
#define csr_write(csr, value) __asm__ volatile("csrw " #csr ", %0" ::"rK"((unsigned long)(value)) : "memory")

/* Bits of mie and mip. */
#define MIP_MTIP (1ul << 7)
#define MIP_MEIP (1ul << 11)

/* Sleep until a bit of mip & mie is set; returns at once if one is. mstatus.MIE plays no part. */
static inline void wait_for_interrupt(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* Order RAM accesses of this core and accesses of the device's engines to the same RAM. */
static inline void ram_fence(void)
{
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

#endif /* NPU_FW_SOC_H */
