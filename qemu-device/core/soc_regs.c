/* SPDX-License-Identifier: MIT */
/* Internal registers: what the management core reads and writes from NPU_SOC_REGS_BASE on. */
#include <stdio.h>
#include <string.h>

#include "dev.h"
#include "gang.h"
#include "model.h"

/* Lines of console output passed on in a second; more are counted and dropped. */
#define CONSOLE_LINES 100

static uint32_t lo(uint64_t value)
{
	return value;
}

static uint32_t hi(uint64_t value)
{
	return value >> 32;
}

static void set_lo(uint64_t *reg, uint32_t value)
{
	*reg = (*reg & ~0xffffffffull) | value;
}

static void set_hi(uint64_t *reg, uint32_t value)
{
	*reg = (*reg & 0xffffffffull) | (uint64_t)value << 32;
}

static void console_flush(struct soc *soc)
{
	const uint64_t second = soc->dev->ops->time_ns(soc->dev->opaque) / 1000000000;

	soc->line[soc->line_len] = 0;
	soc->line_len = 0;
	if (second != soc->log_second) {
		if (soc->log_lost)
			dev_log(soc->dev, NPU_LOG_INFO,
				"%u lines of the firmware's log dropped: too many", soc->log_lost);
		soc->log_second = second;
		soc->log_lines = 0;
		soc->log_lost = 0;
	}
	if (soc->log_lines < CONSOLE_LINES) {
		soc->log_lines++;
		dev_log(soc->dev, NPU_LOG_FIRMWARE, "%s", soc->line);
	} else {
		soc->log_lost++;
	}
}

static void console_put(struct soc *soc, uint8_t c)
{
	if (c == '\n') {
		console_flush(soc);
		return;
	}
	if (soc->line_len == sizeof(soc->line) - 1)
		console_flush(soc);
	soc->line[soc->line_len++] = c >= 0x20 && c < 0x7f ? c : '?';
}

/* ---- tiles -------------------------------------------------------------------------------- */

static uint32_t tile_reg_read(struct npu_tile *tile, uint32_t offset)
{
	const struct tile_share *next = &tile->next;
	const struct tile_fault *fault = &tile->fault;
	const bool ended = tile->engine.status != NPU_SOC_BUSY;

	switch (offset) {
	case NPU_TILE_STATUS:
		return tile->engine.status;
	case NPU_TILE_QUEUE:
		return next->queue;
	case NPU_TILE_AS:
		return next->as;
	case NPU_TILE_ENTRY:
		return lo(next->entry);
	case NPU_TILE_ENTRY + 4:
		return hi(next->entry);
	case NPU_TILE_ARGS:
		return lo(next->args);
	case NPU_TILE_ARGS + 4:
		return hi(next->args);
	case NPU_TILE_GRID_X:
	case NPU_TILE_GRID_Y:
	case NPU_TILE_GRID_Z:
		return next->grid[(offset - NPU_TILE_GRID_X) / 4];
	case NPU_TILE_WG_FIRST:
		return next->first;
	case NPU_TILE_WG_STRIDE:
		return next->stride;
	case NPU_TILE_WG_COUNT:
		return next->count;
	case NPU_TILE_SHARERS:
		return next->sharers;
	case NPU_TILE_WG_DONE:
		return __atomic_load_n(&tile->workgroups, __ATOMIC_RELAXED);
	case NPU_TILE_REGNO:
		return tile->regno;
	case NPU_TILE_REG:
		return lo(tile_core_reg(tile, tile->regno));
	case NPU_TILE_REG + 4:
		return hi(tile_core_reg(tile, tile->regno));
	case NPU_TILE_RAN:
		return lo(tile_ran(tile));
	case NPU_TILE_RAN + 4:
		return hi(tile_ran(tile));
	case NPU_TILE_CYCLES:
		return lo(__atomic_load_n(&tile->reached, __ATOMIC_RELAXED));
	case NPU_TILE_CYCLES + 4:
		return hi(__atomic_load_n(&tile->reached, __ATOMIC_RELAXED));
	}
	/* The fault registers belong to the thread that runs the share, until it ends. */
	if (!ended)
		return 0;
	switch (offset) {
	case NPU_TILE_FAULT_ERROR:
		return fault->error;
	case NPU_TILE_FAULT_ACCESS:
		return fault->access;
	case NPU_TILE_FAULT_ADDR:
		return lo(fault->addr);
	case NPU_TILE_FAULT_ADDR + 4:
		return hi(fault->addr);
	case NPU_TILE_FAULT_PC:
		return lo(fault->pc);
	case NPU_TILE_FAULT_PC + 4:
		return hi(fault->pc);
	case NPU_TILE_FAULT_WG:
		return fault->workgroup;
	default:
		return 0;
	}
}

static void tile_reg_write(struct npu_tile *tile, uint32_t offset, uint32_t value)
{
	struct tile_share *next = &tile->next;

	switch (offset) {
	case NPU_TILE_CMD:
		if (value == NPU_SOC_CMD_GO)
			tile_go(tile);
		else if (value == NPU_SOC_CMD_STOP)
			engine_stop(tile->dev, &tile->engine);
		else if (value == NPU_SOC_CMD_RESET)
			tile_cmd_reset(tile);
		else if (value == NPU_SOC_CMD_RESUME)
			tile_resume(tile);
		else if (value == NPU_SOC_CMD_DROP)
			tile_drop(tile, next->queue);
		break;
	case NPU_TILE_SLICE:
		tile_set_slice(tile, value);
		break;
	case NPU_TILE_REGNO:
		tile->regno = value;
		break;
	case NPU_TILE_STATUS:
		if (tile->engine.status != NPU_SOC_BUSY)
			tile->engine.status = NPU_SOC_IDLE;
		break;
	case NPU_TILE_QUEUE:
		next->queue = value & 0xff;
		break;
	case NPU_TILE_AS:
		next->as = value;
		break;
	case NPU_TILE_ENTRY:
		set_lo(&next->entry, value);
		break;
	case NPU_TILE_ENTRY + 4:
		set_hi(&next->entry, value);
		break;
	case NPU_TILE_ARGS:
		set_lo(&next->args, value);
		break;
	case NPU_TILE_ARGS + 4:
		set_hi(&next->args, value);
		break;
	case NPU_TILE_GRID_X:
	case NPU_TILE_GRID_Y:
	case NPU_TILE_GRID_Z:
		next->grid[(offset - NPU_TILE_GRID_X) / 4] = value;
		break;
	case NPU_TILE_WG_FIRST:
		next->first = value;
		break;
	case NPU_TILE_WG_STRIDE:
		next->stride = value;
		break;
	case NPU_TILE_WG_COUNT:
		next->count = value;
		break;
	case NPU_TILE_SHARERS:
		next->sharers = value;
		break;
	}
}

/* ---- copy engine and accounting ---------------------------------------------------------- */

static void copy_cmd(struct soc *soc, uint32_t cmd)
{
	struct npu_copy *copy = &soc->dev->copy;
	union npu_packet packet;
	const uint8_t *local;

	if (cmd == NPU_SOC_CMD_STOP) {
		engine_stop(soc->dev, &copy->engine);
	} else if (cmd == NPU_SOC_CMD_GO) {
		local = soc_local(soc, copy->packet_addr, sizeof(packet), false);
		if (local)
			memcpy(&packet, local, sizeof(packet));
		copy_go(copy, local ? &packet : NULL);
	}
}

/* Core number of a register; one that does not exist has no counts. */
static unsigned int acct_core(const struct acct *acct, uint32_t arg)
{
	switch (arg) {
	case NPU_CORE_ALL:
		return ACCT_ALL;
	case NPU_CORE_COPY:
		return ACCT_CORE_COPY(acct);
	case NPU_CORE_FRONT:
		return ACCT_CORE_FRONT(acct);
	default:
		return arg < acct->tiles ? arg : ACCT_CORES(acct);
	}
}

static void acct_cmd(struct soc *soc, uint32_t cmd)
{
	struct acct *acct = &soc->dev->acct;
	const unsigned int core = acct_core(acct, soc->acct_arg);
	struct npu_counter_block block;
	uint8_t *local;

	if (soc->acct_queue >= soc->dev->queues)
		return;
	switch (cmd) {
	case NPU_SOC_ACCT_BEGIN:
		if (soc->dev->pmu.active)
			pmu_packet_begin(soc->dev, soc->acct_queue, soc->acct_arg);
		else
			acct_begin(acct, soc->acct_queue, soc->acct_arg);
		break;
	case NPU_SOC_ACCT_BARRIER:
		if (soc->dev->pmu.active)
			pmu_packet_end(soc->dev, soc->acct_queue, false);
		acct_barrier(acct, soc->acct_queue);
		break;
	case NPU_SOC_ACCT_CLEAR:
		if (soc->dev->pmu.active)
			pmu_packet_end(soc->dev, soc->acct_queue, true);
		for (unsigned int i = 0; i < soc->dev->tiles; i++)
			tile_drop(soc->dev->tile[i], soc->acct_queue);
		acct_clear(acct, soc->acct_queue);
		break;
	case NPU_SOC_ACCT_SNAPSHOT:
	case NPU_SOC_ACCT_SNAPSHOT_CORE:
	case NPU_SOC_ACCT_DEVICE:
		local = soc_local(soc, soc->acct_addr, sizeof(block), true);
		if (!local || (cmd == NPU_SOC_ACCT_SNAPSHOT_CORE && core >= ACCT_CORES(acct)))
			break;
		if (cmd == NPU_SOC_ACCT_SNAPSHOT)
			acct_snapshot(acct, soc->acct_queue, ACCT_ALL, &block);
		else if (cmd == NPU_SOC_ACCT_DEVICE)
			acct_device(acct, core, &block);
		else
			acct_snapshot_core(acct, soc->acct_queue, core, &block);
		memcpy(local, &block, sizeof(block));
		break;
	}
}

static uint64_t acct_clock_reg(const struct soc *soc)
{
	return soc->acct_queue < soc->dev->queues ? acct_clock(&soc->dev->acct, soc->acct_queue)
						  : 0;
}

static uint64_t acct_time_reg(const struct soc *soc)
{
	return soc->acct_queue < soc->dev->queues ? acct_time(&soc->dev->acct, soc->acct_queue) : 0;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static bool is_perf(uint64_t offset)
{
	return offset >= NPU_SOC_PERF_STREAM && offset < NPU_SOC_PERF_END;
}

static uint32_t read32(struct soc *soc, uint32_t offset)
{
	struct npu_dev *dev = soc->dev;
	const struct npu_host_regs *regs = &dev->regs;
	const struct npu_copy *copy = &dev->copy;

	if (offset >= NPU_SOC_POWER_PEAK(0) && offset < NPU_SOC_POWER_PEAK(NPU_MODEL_OPPS))
		return npu_model_peak((offset - NPU_SOC_POWER_PEAK(0)) / 4, dev->config.chiplets,
				      dev->tiles);
	if (offset >= NPU_SOC_TAIL(0) && offset < NPU_SOC_TAIL(NPU_MAX_QUEUES))
		return fault_tail(dev, (offset - NPU_SOC_TAIL(0)) / 4,
				  regs->tail[(offset - NPU_SOC_TAIL(0)) / 4]);
	if (is_perf(offset))
		return pmu_reg_read(dev, offset);
	switch (offset) {
	case NPU_SOC_IRQ_PENDING:
		return soc_pending(soc);
	case NPU_SOC_IRQ_ENABLE:
		return soc->irq_enable;
	case NPU_SOC_DOORBELLS:
		return lo(dev->doorbells);
	case NPU_SOC_DOORBELLS + 4:
		return hi(dev->doorbells);
	case NPU_SOC_TILE_EVENTS:
		return lo(dev->tile_events);
	case NPU_SOC_TILE_EVENTS + 4:
		return hi(dev->tile_events);
	case NPU_SOC_TIME:
		return lo(dev->ops->time_ns(dev->opaque));
	case NPU_SOC_TIME + 4:
		return hi(dev->ops->time_ns(dev->opaque));
	case NPU_SOC_TIMECMP:
		return lo(soc->timecmp);
	case NPU_SOC_TIMECMP + 4:
		return hi(soc->timecmp);
	case NPU_SOC_FW_BASE:
		return lo(regs->fw_base);
	case NPU_SOC_FW_BASE + 4:
		return hi(regs->fw_base);
	case NPU_SOC_FW_SIZE:
		return regs->fw_size;
	case NPU_SOC_TOPOLOGY:
		return dev->tiles | dev->queues << 8 | dev->config.chiplets << 16;
	case NPU_SOC_MBOX_BASE:
		return lo(regs->mbox_base);
	case NPU_SOC_MBOX_BASE + 4:
		return hi(regs->mbox_base);
	case NPU_SOC_QUEUE_TABLE:
		return lo(regs->queue_table);
	case NPU_SOC_QUEUE_TABLE + 4:
		return hi(regs->queue_table);
	case NPU_SOC_BOOT_STATUS:
		return regs->boot_status;
	case NPU_SOC_BOOT_DETAIL:
		return regs->boot_detail;
	case NPU_SOC_HEARTBEAT:
		return regs->heartbeat;
	case NPU_SOC_FW_STATUS:
		return regs->fw_status;
	case NPU_SOC_PORT_HOST:
		return lo(soc->port_host);
	case NPU_SOC_PORT_HOST + 4:
		return hi(soc->port_host);
	case NPU_SOC_PORT_LOCAL:
		return lo(soc->port_local);
	case NPU_SOC_PORT_LOCAL + 4:
		return hi(soc->port_local);
	case NPU_SOC_PORT_LEN:
		return soc->port_len;
	case NPU_SOC_PORT_STATUS:
		return soc->port_status;
	case NPU_SOC_PORT_FAULT:
		return lo(soc->port_fault);
	case NPU_SOC_PORT_FAULT + 4:
		return hi(soc->port_fault);
	case NPU_SOC_COPY_PACKET:
		return lo(copy->packet_addr);
	case NPU_SOC_COPY_PACKET + 4:
		return hi(copy->packet_addr);
	case NPU_SOC_COPY_QUEUE:
		return copy->next_queue;
	case NPU_SOC_COPY_AS:
		return copy->next_as;
	case NPU_SOC_COPY_STATUS:
		return copy->engine.status;
	case NPU_SOC_COPY_ERROR:
		return copy->engine.status == NPU_SOC_BUSY ? 0 : copy->error;
	case NPU_SOC_COPY_ACCESS:
		return copy->engine.status == NPU_SOC_BUSY ? 0 : copy->access;
	case NPU_SOC_COPY_FAULT:
		return copy->engine.status == NPU_SOC_BUSY ? 0 : lo(copy->fault);
	case NPU_SOC_COPY_FAULT + 4:
		return copy->engine.status == NPU_SOC_BUSY ? 0 : hi(copy->fault);
	case NPU_SOC_ACCT_QUEUE:
		return soc->acct_queue;
	case NPU_SOC_ACCT_ARG:
		return soc->acct_arg;
	case NPU_SOC_ACCT_ADDR:
		return lo(soc->acct_addr);
	case NPU_SOC_ACCT_ADDR + 4:
		return hi(soc->acct_addr);
	case NPU_SOC_GANG_TILES:
		return lo(soc->gang_tiles);
	case NPU_SOC_GANG_TILES + 4:
		return hi(soc->gang_tiles);
	case NPU_SOC_ACCT_CLOCK:
		return lo(acct_clock_reg(soc));
	case NPU_SOC_ACCT_CLOCK + 4:
		return hi(acct_clock_reg(soc));
	case NPU_SOC_ACCT_TIME:
		return lo(acct_time_reg(soc));
	case NPU_SOC_ACCT_TIME + 4:
		return hi(acct_time_reg(soc));
	case NPU_SOC_POWER_OPPS:
		return NPU_MODEL_OPPS;
	case NPU_SOC_POWER_LIMIT:
		return power_limit(dev);
	case NPU_SOC_POWER_OPP:
		return dev->power.opp;
	case NPU_SOC_POWER_CAP:
		return dev->power.cap;
	default:
		return 0;
	}
}

static void write32(struct soc *soc, uint32_t offset, uint32_t value)
{
	struct npu_dev *dev = soc->dev;
	struct npu_host_regs *regs = &dev->regs;
	struct npu_copy *copy = &dev->copy;

	if (is_perf(offset)) {
		pmu_reg_write(dev, offset, value);
		return;
	}
	switch (offset) {
	case NPU_SOC_IRQ_PENDING:
		if (value & NPU_SOC_IRQ_MBOX)
			soc->mbox_pending = false;
		if (value & NPU_SOC_IRQ_POWER)
			dev->power.event = false;
		break;
	case NPU_SOC_IRQ_ENABLE:
		soc->irq_enable = value;
		break;
	case NPU_SOC_DOORBELLS:
		dev->doorbells &= ~(uint64_t)value;
		break;
	case NPU_SOC_DOORBELLS + 4:
		dev->doorbells &= ~((uint64_t)value << 32);
		break;
	case NPU_SOC_TILE_EVENTS:
		dev->tile_events &= ~(uint64_t)value;
		break;
	case NPU_SOC_TILE_EVENTS + 4:
		dev->tile_events &= ~((uint64_t)value << 32);
		break;
	case NPU_SOC_TIMECMP:
		set_lo(&soc->timecmp, value);
		soc_update_timer(soc);
		break;
	case NPU_SOC_TIMECMP + 4:
		set_hi(&soc->timecmp, value);
		soc_update_timer(soc);
		break;
	case NPU_SOC_BOOT_STATUS:
		if (NPU_BOOT_STAGE(value) == NPU_BOOT_FAILED &&
		    NPU_BOOT_STAGE(regs->boot_status) != NPU_BOOT_FAILED) {
			regs->boot_status = value;
			dev_event(dev, NPU_IRQ_BOOT);
		}
		regs->boot_status = value;
		break;
	case NPU_SOC_BOOT_DETAIL:
		regs->boot_detail = value;
		break;
	case NPU_SOC_HEARTBEAT:
		regs->heartbeat = value;
		thermal_look(dev);
		break;
	case NPU_SOC_FW_STATUS:
		regs->fw_status = value;
		break;
	case NPU_SOC_HOST_VECTOR:
		if (value >= NPU_VECTOR_QUEUE_0 && value < NPU_MSIX_VECTORS)
			dev_raise(dev, value);
		break;
	case NPU_SOC_HOST_EVENT:
		dev_event(dev, value & NPU_IRQ_ALL);
		break;
	case NPU_SOC_CONSOLE:
		console_put(soc, value);
		break;
	case NPU_SOC_HALT:
		soc_die(soc, "halted by the firmware");
		break;
	case NPU_SOC_PORT_HOST:
		set_lo(&soc->port_host, value);
		break;
	case NPU_SOC_PORT_HOST + 4:
		set_hi(&soc->port_host, value);
		break;
	case NPU_SOC_PORT_LOCAL:
		set_lo(&soc->port_local, value);
		break;
	case NPU_SOC_PORT_LOCAL + 4:
		set_hi(&soc->port_local, value);
		break;
	case NPU_SOC_PORT_LEN:
		soc->port_len = value;
		break;
	case NPU_SOC_PORT_CMD:
		port_run(soc, value);
		break;
	case NPU_SOC_COPY_PACKET:
		set_lo(&copy->packet_addr, value);
		break;
	case NPU_SOC_COPY_PACKET + 4:
		set_hi(&copy->packet_addr, value);
		break;
	case NPU_SOC_COPY_QUEUE:
		copy->next_queue = value & 0xff;
		break;
	case NPU_SOC_COPY_AS:
		copy->next_as = value;
		break;
	case NPU_SOC_COPY_CMD:
		copy_cmd(soc, value);
		break;
	case NPU_SOC_COPY_STATUS:
		if (copy->engine.status != NPU_SOC_BUSY)
			copy->engine.status = NPU_SOC_IDLE;
		break;
	case NPU_SOC_ACCT_QUEUE:
		soc->acct_queue = value;
		break;
	case NPU_SOC_ACCT_ARG:
		soc->acct_arg = value;
		break;
	case NPU_SOC_ACCT_ADDR:
		set_lo(&soc->acct_addr, value);
		break;
	case NPU_SOC_ACCT_ADDR + 4:
		set_hi(&soc->acct_addr, value);
		break;
	case NPU_SOC_ACCT_CMD:
		acct_cmd(soc, value);
		break;
	case NPU_SOC_POWER_OPP:
		power_select(dev, value);
		break;
	case NPU_SOC_POWER_CAP:
		dev->power.cap = value;
		break;
	case NPU_SOC_GANG_TILES:
		set_lo(&soc->gang_tiles, value);
		break;
	case NPU_SOC_GANG_TILES + 4:
		set_hi(&soc->gang_tiles, value);
		break;
	case NPU_SOC_GANG_CMD:
		if (value == NPU_SOC_CMD_GO)
			gang_go(dev, soc->gang_tiles);
		break;
	}
}

/* Offset in the tiles' block, or false if offset is before it. */
static struct npu_tile *tile_at(struct soc *soc, uint64_t offset, uint32_t *reg)
{
	const uint64_t base = NPU_SOC_TILES_BASE - NPU_SOC_REGS_BASE;
	const uint64_t number = (offset - base) / NPU_SOC_TILE_STRIDE;

	if (offset < base || number >= soc->dev->tiles)
		return NULL;
	*reg = (offset - base) % NPU_SOC_TILE_STRIDE;
	return soc->dev->tile[number];
}

/* May offset be accessed as a whole 64-bit register? */
static bool is_u64(uint64_t offset, bool tile)
{
	if (tile)
		return offset == NPU_TILE_ENTRY || offset == NPU_TILE_ARGS ||
		       offset == NPU_TILE_FAULT_ADDR || offset == NPU_TILE_FAULT_PC ||
		       offset == NPU_TILE_RAN || offset == NPU_TILE_REG || offset == NPU_TILE_CYCLES;
	if (is_perf(offset))
		return pmu_reg_is_u64(offset);
	switch (offset) {
	case NPU_SOC_DOORBELLS:
	case NPU_SOC_TILE_EVENTS:
	case NPU_SOC_TIME:
	case NPU_SOC_TIMECMP:
	case NPU_SOC_FW_BASE:
	case NPU_SOC_MBOX_BASE:
	case NPU_SOC_QUEUE_TABLE:
	case NPU_SOC_PORT_HOST:
	case NPU_SOC_PORT_LOCAL:
	case NPU_SOC_PORT_FAULT:
	case NPU_SOC_COPY_PACKET:
	case NPU_SOC_COPY_FAULT:
	case NPU_SOC_ACCT_ADDR:
	case NPU_SOC_ACCT_CLOCK:
	case NPU_SOC_ACCT_TIME:
	case NPU_SOC_GANG_TILES:
		return true;
	default:
		return false;
	}
}

bool soc_reg_read(struct soc *soc, uint64_t offset, unsigned int size, uint64_t *value)
{
	uint32_t reg = 0;
	struct npu_tile *tile = tile_at(soc, offset, &reg);

	if (size == 8 && !is_u64(tile ? reg : offset, tile))
		return false;
	if (tile) {
		*value = tile_reg_read(tile, reg);
		if (size == 8)
			*value |= (uint64_t)tile_reg_read(tile, reg + 4) << 32;
	} else if (size == 8 && offset == NPU_SOC_TIME) {
		*value = soc->dev->ops->time_ns(soc->dev->opaque); /* halves of one moment */
	} else {
		*value = read32(soc, offset);
		if (size == 8)
			*value |= (uint64_t)read32(soc, offset + 4) << 32;
	}
	return true;
}

bool soc_reg_write(struct soc *soc, uint64_t offset, unsigned int size, uint64_t value)
{
	uint32_t reg = 0;
	struct npu_tile *tile = tile_at(soc, offset, &reg);

	if (size == 8 && !is_u64(tile ? reg : offset, tile))
		return false;
	if (tile) {
		tile_reg_write(tile, reg, value);
		if (size == 8)
			tile_reg_write(tile, reg + 4, value >> 32);
	} else {
		write32(soc, offset, value);
		if (size == 8)
			write32(soc, offset + 4, value >> 32);
	}
	soc_update_irq(soc);
	return true;
}
