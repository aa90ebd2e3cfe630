/* SPDX-License-Identifier: MIT */
/* BAR0: registers and doorbells (npu_regs.h). */
#include "dev.h"
#include "model.h"

static uint32_t status(struct npu_dev *dev)
{
	const uint32_t stage = NPU_BOOT_STAGE(dev->regs.boot_status);
	uint32_t value = 0;

	if (dev->resetting)
		value |= NPU_STATUS_RESET_BUSY;
	if (dev->soc.state == SOC_ON && (stage == NPU_BOOT_FIRMWARE || stage == NPU_BOOT_READY))
		value |= NPU_STATUS_FW_RUNNING;
	if (dev->soc.state == SOC_DEAD)
		value |= NPU_STATUS_FW_DEAD;
	for (unsigned int i = 0; i <= dev->tiles; i++)
		if (dev_engine(dev, i)->status == NPU_SOC_BUSY)
			value |= NPU_STATUS_BUSY;
	if (fault_armed(&dev->fault, NPU_FAULT_THERMAL_THROTTLE))
		value |= NPU_STATUS_THROTTLED;
	return value;
}

static uint32_t tlb_status(struct npu_dev *dev)
{
	for (unsigned int i = 0; i <= dev->tiles; i++)
		if (dev_engine(dev, i)->sync)
			return NPU_TLB_STATUS_BUSY;
	return 0;
}

static uint64_t features(const struct npu_dev *dev)
{
	return NPU_FEATURES_MATRIX | NPU_FEATURE_RVV | NPU_FEATURE_PERF | NPU_FEATURE_SPARSE |
	       NPU_FEATURE_THERMOMETER |
	       (dev->config.debug_faults ? NPU_FEATURE_DEBUG_FAULTS : 0);
}

static bool is_debug(const struct npu_dev *dev, uint64_t offset)
{
	return offset >= NPU_REG_FAULT_SELECT && offset <= NPU_REG_FAULT_ARMED_HI &&
	       dev->config.debug_faults;
}

static uint32_t pair(uint64_t value, uint64_t offset)
{
	return offset & 4 ? value >> 32 : value;
}

static uint32_t read32(struct npu_dev *dev, uint64_t offset)
{
	const struct npu_host_regs *regs = &dev->regs;
	const struct npu_config *config = &dev->config;

	if (offset >= NPU_DOORBELL_BASE) {
		const uint64_t queue = (offset - NPU_DOORBELL_BASE) / NPU_DOORBELL_STRIDE;

		return offset % NPU_DOORBELL_STRIDE == NPU_DOORBELL_REG_TAIL && queue < dev->queues
			       ? regs->tail[queue]
			       : 0;
	}
	switch (offset) {
	case NPU_REG_ID:
		return NPU_ID_MAGIC;
	case NPU_REG_HW_VERSION:
		return NPU_HW_VERSION_MAJOR << 16 | NPU_HW_VERSION_MINOR;
	case NPU_REG_CAPS0:
		return config->chiplets | config->tiles_per_chiplet << 8 | config->queues << 16;
	case NPU_REG_CAPS1:
		return config->sram_kib;
	case NPU_REG_CAPS2:
		return NPU_MAX_AS;
	case NPU_REG_CLOCK_KHZ:
		return NPU_MODEL_CLOCK_KHZ;
	case NPU_REG_FEATURES_LO:
	case NPU_REG_FEATURES_HI:
		return pair(features(dev), offset);
	case NPU_REG_STATUS:
		return status(dev);
	case NPU_REG_TIME_LO:
		return dev->ops->time_ns(dev->opaque);
	case NPU_REG_TIME_HI:
		return dev->ops->time_ns(dev->opaque) >> 32;
	case NPU_REG_FW_BASE_LO:
	case NPU_REG_FW_BASE_HI:
		return pair(regs->fw_base, offset);
	case NPU_REG_FW_SIZE:
		return regs->fw_size;
	case NPU_REG_BOOT_CTRL:
		return dev->soc.state != SOC_OFF ? NPU_BOOT_CTRL_START : 0;
	case NPU_REG_BOOT_STATUS:
		return regs->boot_status;
	case NPU_REG_BOOT_DETAIL:
		return regs->boot_detail;
	case NPU_REG_HEARTBEAT:
		return regs->heartbeat;
	case NPU_REG_FW_STATUS:
		return regs->fw_status;
	case NPU_REG_MBOX_BASE_LO:
	case NPU_REG_MBOX_BASE_HI:
		return pair(regs->mbox_base, offset);
	case NPU_REG_IRQ_STATUS:
		return regs->irq_status;
	case NPU_REG_IRQ_ENABLE:
		return regs->irq_enable;
	case NPU_REG_AS_TABLE_LO:
	case NPU_REG_AS_TABLE_HI:
		return pair(__atomic_load_n(&regs->as_table, __ATOMIC_RELAXED), offset);
	case NPU_REG_TLB_VA_LO:
	case NPU_REG_TLB_VA_HI:
		return pair(regs->tlb_va, offset);
	case NPU_REG_TLB_SIZE_LO:
	case NPU_REG_TLB_SIZE_HI:
		return pair(regs->tlb_size, offset);
	case NPU_REG_TLB_STATUS:
		return tlb_status(dev);
	case NPU_REG_QUEUE_TABLE_LO:
	case NPU_REG_QUEUE_TABLE_HI:
		return pair(regs->queue_table, offset);
	case NPU_REG_OPP:
		return power_opp(dev) | power_limit(dev) << 8 | NPU_MODEL_OPPS << 16;
	case NPU_REG_OPP_KHZ:
		return npu_model_opp[power_opp(dev)].khz;
	case NPU_REG_POWER_CAP:
		return dev->power.cap;
	case NPU_REG_POWER_PEAK:
		return npu_model_peak(power_opp(dev), dev->config.chiplets, dev->tiles);
	case NPU_REG_MODEL_VERSION:
		return NPU_MODEL_VERSION;
	case NPU_REG_TEMPERATURE:
		return thermal_read(dev);
	case NPU_REG_TEMP_CRIT:
		return NPU_MODEL_THERMAL_CRITICAL;
	case NPU_REG_ECC_CORRECTED:
		return regs->ecc_corrected;
	case NPU_REG_ECC_UNCORRECTED:
		return regs->ecc_uncorrected;
	case NPU_REG_ECC_LAST:
		return regs->ecc_last;
	default:
		return is_debug(dev, offset) ? fault_reg_read(dev, offset) : 0;
	}
}

static void set_pair(uint64_t *reg, uint64_t offset, uint32_t value)
{
	const unsigned int shift = offset & 4 ? 32 : 0;
	const uint64_t merged = (*reg & ~(0xffffffffull << shift)) | (uint64_t)value << shift;

	/* Engines read the base of the table of address spaces without the lock. */
	__atomic_store_n(reg, merged, __ATOMIC_RELAXED);
}

static void ring_doorbell(struct npu_dev *dev, uint64_t offset, uint32_t tail)
{
	const uint64_t queue = (offset - NPU_DOORBELL_BASE) / NPU_DOORBELL_STRIDE;

	if (offset % NPU_DOORBELL_STRIDE != NPU_DOORBELL_REG_TAIL || queue >= dev->queues)
		return;
	dev->regs.tail[queue] = tail;
	dev->doorbells |= 1ull << queue;
	soc_update_irq(&dev->soc);
}

static void write32(struct npu_dev *dev, uint64_t offset, uint32_t value)
{
	struct npu_host_regs *regs = &dev->regs;
	uint32_t enabled;

	if (offset >= NPU_DOORBELL_BASE) {
		ring_doorbell(dev, offset, value);
		return;
	}
	switch (offset) {
	case NPU_REG_FW_BASE_LO:
	case NPU_REG_FW_BASE_HI:
		set_pair(&regs->fw_base, offset, value);
		break;
	case NPU_REG_FW_SIZE:
		regs->fw_size = value;
		break;
	case NPU_REG_BOOT_CTRL:
		if (value & NPU_BOOT_CTRL_START)
			soc_start(&dev->soc);
		break;
	case NPU_REG_MBOX_BASE_LO:
	case NPU_REG_MBOX_BASE_HI:
		set_pair(&regs->mbox_base, offset, value);
		break;
	case NPU_REG_MBOX_DOORBELL:
		dev->soc.mbox_pending = true;
		soc_update_irq(&dev->soc);
		break;
	case NPU_REG_IRQ_STATUS:
		regs->irq_status &= ~value;
		break;
	case NPU_REG_IRQ_ENABLE:
		enabled = value & ~regs->irq_enable & NPU_IRQ_ALL;
		regs->irq_enable = value & NPU_IRQ_ALL;
		/* An event that came before it was enabled must not be lost. */
		if (regs->irq_status & enabled)
			dev_raise(dev, NPU_VECTOR_EVENTS);
		break;
	case NPU_REG_AS_TABLE_LO:
	case NPU_REG_AS_TABLE_HI:
		set_pair(&regs->as_table, offset, value);
		break;
	case NPU_REG_TLB_VA_LO:
	case NPU_REG_TLB_VA_HI:
		set_pair(&regs->tlb_va, offset, value);
		break;
	case NPU_REG_TLB_SIZE_LO:
	case NPU_REG_TLB_SIZE_HI:
		set_pair(&regs->tlb_size, offset, value);
		break;
	case NPU_REG_TLB_CMD:
		/* Whole address spaces are invalidated: refilling costs less than finding the range. */
		if (value & NPU_TLB_CMD_ALL)
			dev_invalidate(dev, NPU_MAX_AS);
		else if ((value & NPU_TLB_CMD_ASID) < NPU_MAX_AS)
			dev_invalidate(dev, value & NPU_TLB_CMD_ASID);
		break;
	case NPU_REG_QUEUE_TABLE_LO:
	case NPU_REG_QUEUE_TABLE_HI:
		set_pair(&regs->queue_table, offset, value);
		break;
	case NPU_REG_FAULT_CMD:
		if (is_debug(dev, offset))
			fault_command(dev, value);
		break;
	default:
		if (is_debug(dev, offset))
			fault_reg_write(dev, offset, value);
	}
}

static bool valid(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset % size) && offset < NPU_BAR0_SIZE &&
	       (offset < NPU_REGS_SIZE || offset >= NPU_DOORBELL_BASE);
}

/* Accesses do not get through: as long as the link is dead, or a number of reads is to fail. */
static bool link_lost(struct npu_dev *dev)
{
	return npu_dev_link_dead(dev) || fault_armed(&dev->fault, NPU_FAULT_LINK_DOWN);
}

static bool link_fails(struct npu_dev *dev)
{
	return npu_dev_link_dead(dev) || fault_strikes(dev, NPU_FAULT_LINK_DOWN, 0);
}

/* read32(), and what NPU_FAULT_REGISTER_READ makes of it. */
static uint32_t read_register(struct npu_dev *dev, uint64_t offset)
{
	return fault_register(dev, offset, read32(dev, offset));
}

uint64_t npu_dev_read(struct npu_dev *dev, uint64_t offset, unsigned int size)
{
	uint64_t value;

	if (link_fails(dev))
		return size == 8 ? UINT64_MAX : UINT64_MAX >> (64 - 8 * (size & 7));
	if (!valid(offset, size))
		return 0;
	if (offset == NPU_REG_TIME_LO) { /* needs no lock, and its halves one moment */
		const uint64_t now = dev->ops->time_ns(dev->opaque);

		value = fault_register(dev, offset, now);
		if (size == 8)
			value |= (uint64_t)fault_register(dev, offset + 4, now >> 32) << 32;
		return value;
	}
	dev_lock(dev);
	value = read_register(dev, offset);
	if (size == 8)
		value |= (uint64_t)read_register(dev, offset + 4) << 32;
	dev_unlock(dev);
	return value;
}

void npu_dev_write(struct npu_dev *dev, uint64_t offset, uint64_t value, unsigned int size)
{
	if (!valid(offset, size) || link_lost(dev))
		return;
	if (offset == NPU_REG_RESET) {
		if ((uint32_t)value == NPU_RESET_KEY)
			npu_dev_reset(dev);
		return;
	}
	dev_lock(dev);
	dev_wait_reset(dev);
	write32(dev, offset, value);
	if (size == 8)
		write32(dev, offset + 4, value >> 32);
	pool_work(dev, dev->config.inline_budget);
	dev_unlock(dev);
}

void npu_dev_timer(struct npu_dev *dev)
{
	dev_lock(dev);
	dev->timer = UINT64_MAX;
	if (!dev->paused)
		fault_timer(dev);
	/*
	 * No work here: timers run where everybody's do, and in QEMU with the lock that all devices
	 * share. But without workers nobody else is there.
	 */
	pool_work(dev, dev->config.sync ? dev->config.inline_budget : 0);
	dev_unlock(dev);
}
