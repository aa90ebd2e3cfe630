/* SPDX-License-Identifier: MIT */
#include "soc.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"

/* The registers' pages, each tile's block among them. */
#define REGS_END (NPU_SOC_TILES_BASE + NPU_MAX_TILES * NPU_SOC_TILE_STRIDE)

static const enum rv_cause access_fault[] = {
	[RV_READ] = RV_LOAD_ACCESS,
	[RV_WRITE] = RV_STORE_ACCESS,
	[RV_EXEC] = RV_INSN_ACCESS,
};

static enum rv_result soc_fill(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       struct rv_page *page)
{
	struct soc *soc = hart->opaque;

	memset(page, 0, sizeof(*page));
	page->readable = true;
	if (va - NPU_SOC_RAM_BASE < NPU_SOC_RAM_SIZE) {
		page->host = soc->ram + ((va - NPU_SOC_RAM_BASE) & ~(NPU_PAGE_SIZE - 1));
		page->writable = true;
		page->executable = true;
		return RV_OK;
	}
	if (va - NPU_SOC_ROM_BASE < NPU_SOC_ROM_SIZE && access != RV_WRITE) {
		page->host = soc->rom + ((va - NPU_SOC_ROM_BASE) & ~(NPU_PAGE_SIZE - 1));
		page->executable = true;
		return RV_OK;
	}
	if (va >= NPU_SOC_REGS_BASE && va < REGS_END && access != RV_EXEC) {
		page->writable = true;
		return RV_OK;
	}
	/*
	 * A trap handler that cannot be fetched would trap for ever. A real core would do
	 * just that; here it would take a host thread.
	 */
	if (access == RV_EXEC && !((va ^ hart->mtvec) & ~(NPU_PAGE_SIZE - 1)))
		soc_die(soc, "no trap handler");
	rv_raise(hart, access_fault[access], va);
	return RV_TRAP;
}

static enum rv_result soc_mmio(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       unsigned int size, uint64_t *value)
{
	struct soc *soc = hart->opaque;
	const uint64_t offset = va - NPU_SOC_REGS_BASE;
	bool ok;

	if (size != 4 && size != 8)
		return RV_TRAP;
	if (access == RV_WRITE)
		ok = soc_reg_write(soc, offset, size, *value);
	else
		ok = soc_reg_read(soc, offset, size, value);
	return ok ? RV_OK : RV_TRAP;
}

static const struct rv_env soc_env = {
	.fill = soc_fill,
	.mmio = soc_mmio,
};

bool soc_init(struct soc *soc, struct npu_dev *dev)
{
	soc->dev = dev;
	if (rv_init(&soc->hart, &soc_env, soc, RV_MODE_MACHINE) < 0)
		return false;
	soc->rom = aligned_alloc(NPU_PAGE_SIZE, NPU_SOC_ROM_SIZE);
	soc->ram = aligned_alloc(NPU_PAGE_SIZE, NPU_SOC_RAM_SIZE);
	if (!soc->rom || !soc->ram) {
		soc_fini(soc);
		return false;
	}
	memset(soc->rom, 0, NPU_SOC_ROM_SIZE);
	memcpy(soc->rom, npu_bootrom_image,
	       npu_bootrom_size < NPU_SOC_ROM_SIZE ? npu_bootrom_size : NPU_SOC_ROM_SIZE);
	soc_reset(soc);
	return true;
}

void soc_fini(struct soc *soc)
{
	if (!soc->dev)
		return;
	rv_fini(&soc->hart);
	free(soc->rom);
	free(soc->ram);
	soc->rom = NULL;
	soc->ram = NULL;
	soc->dev = NULL;
}

void soc_reset(struct soc *soc)
{
	soc->state = SOC_OFF;
	soc->waiting = false;
	memset(soc->ram, 0, NPU_SOC_RAM_SIZE);
	rv_reset(&soc->hart, NPU_SOC_ROM_BASE);
	rv_set_irq(&soc->hart, 0);
	soc->mbox_pending = false;
	soc->irq_enable = 0;
	soc->timecmp = UINT64_MAX;
	soc->timer_due = false;
	soc->port_host = 0;
	soc->port_local = 0;
	soc->port_fault = 0;
	soc->port_len = 0;
	soc->port_status = NPU_JOB_OK;
	soc->acct_queue = 0;
	soc->acct_arg = 0;
	soc->acct_addr = 0;
	soc->gang_tiles = 0;
	soc->line_len = 0;
}

void soc_start(struct soc *soc)
{
	if (soc->state != SOC_OFF)
		return;
	soc->state = SOC_ON;
	soc->waiting = false;
	soc->dev->regs.boot_status = NPU_BOOT_ROM;
	soc->dev->regs.boot_detail = 0;
	if (fault_strikes(soc->dev, NPU_FAULT_DEAD_FIRMWARE, 0)) {
		soc_die(soc, "fault injected");
	} else if (fault_strikes(soc->dev, NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_FRONT)) {
		fault_ecc(soc->dev, NPU_CORE_FRONT, false);
		soc_die(soc, "uncorrectable error in its memory");
	}
}

void soc_die(struct soc *soc, const char *why)
{
	if (soc->state != SOC_ON)
		return;
	soc->state = SOC_DEAD;
	__atomic_store_n(&soc->hart.interrupt_run, 1, __ATOMIC_RELAXED);
	dev_log(soc->dev, NPU_LOG_ERROR, "management core stopped at pc 0x%llx: %s",
		(unsigned long long)soc->hart.pc, why);
	dev_event(soc->dev, NPU_IRQ_FW_DEAD);
}

uint32_t soc_pending(const struct soc *soc)
{
	const struct npu_dev *dev = soc->dev;
	const enum npu_soc_status copy = dev->copy.engine.status;
	uint32_t pending = 0;

	if (soc->mbox_pending)
		pending |= NPU_SOC_IRQ_MBOX;
	if (dev->doorbells)
		pending |= NPU_SOC_IRQ_DOORBELL;
	if (dev->tile_events)
		pending |= NPU_SOC_IRQ_TILE;
	if (copy != NPU_SOC_IDLE && copy != NPU_SOC_BUSY)
		pending |= NPU_SOC_IRQ_COPY;
	if (dev->pmu.events)
		pending |= NPU_SOC_IRQ_PERF;
	if (dev->power.event)
		pending |= NPU_SOC_IRQ_POWER;
	return pending;
}

void soc_update_irq(struct soc *soc)
{
	rv_set_irq(&soc->hart, (soc_pending(soc) & soc->irq_enable ? RV_MIP_MEIP : 0) |
				       (soc->timer_due ? RV_MIP_MTIP : 0));
}

void soc_update_timer(struct soc *soc)
{
	soc->timer_due = soc->timecmp != UINT64_MAX &&
			 soc->dev->ops->time_ns(soc->dev->opaque) >= soc->timecmp;
	soc_update_irq(soc);
}

bool soc_runnable(struct soc *soc)
{
	if (soc->state != SOC_ON || dev_held(soc->dev) ||
	    fault_armed(&soc->dev->fault, NPU_FAULT_HUNG_FIRMWARE))
		return false;
	if (!soc->waiting)
		return true;
	soc_update_timer(soc);
	return rv_irq_pending(&soc->hart);
}

uint64_t soc_run(struct soc *soc, uint64_t max)
{
	const uint64_t before = soc->hart.instret;
	enum rv_stop stop;

	soc->units = 0;
	soc->limit = max;
	soc->waiting = false;
	soc_update_timer(soc);
	stop = rv_run(&soc->hart, max);
	if (stop == RV_STOP_WFI)
		soc->waiting = true;
	return 1 + soc->hart.instret - before + soc->units;
}

uint8_t *soc_local(struct soc *soc, uint64_t addr, uint64_t len, bool write)
{
	const uint64_t in_ram = addr - NPU_SOC_RAM_BASE;
	const uint64_t in_rom = addr - NPU_SOC_ROM_BASE;

	if (in_ram < NPU_SOC_RAM_SIZE && len <= NPU_SOC_RAM_SIZE - in_ram)
		return soc->ram + in_ram;
	if (!write && in_rom < NPU_SOC_ROM_SIZE && len <= NPU_SOC_ROM_SIZE - in_rom)
		return soc->rom + in_rom;
	return NULL;
}

void soc_state(struct soc *soc, struct state *s)
{
	STATE_MAX(s, soc->state, SOC_DEAD);
	STATE(s, soc->waiting);
	rv_state(&soc->hart, s);
	STATE(s, soc->mbox_pending);
	STATE(s, soc->irq_enable);
	STATE(s, soc->timecmp);
	STATE(s, soc->timer_due);
	STATE(s, soc->port_host);
	STATE(s, soc->port_local);
	STATE(s, soc->port_fault);
	STATE(s, soc->port_len);
	STATE_MAX(s, soc->port_status, NPU_JOB_ERROR_COUNT - 1);
	STATE(s, soc->acct_queue);
	STATE(s, soc->acct_arg);
	STATE(s, soc->acct_addr);
	STATE(s, soc->gang_tiles);
	STATE_MAX(s, soc->line_len, sizeof(soc->line) - 1);
	state_raw(s, soc->line, soc->line_len);
	state_sparse(s, soc->ram, NPU_PAGE_SIZE, NPU_SOC_RAM_SIZE / NPU_PAGE_SIZE);
}
