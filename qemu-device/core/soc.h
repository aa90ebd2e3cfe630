/* SPDX-License-Identifier: MIT */
/*
 * The management core and what it sees: ROM, RAM, internal registers (npu_soc.h), and the port to
 * host memory. It runs under the device's lock, in bounded slices.
 */
#ifndef NPU_SOC_CORE_H
#define NPU_SOC_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_pgtable.h"
#include "npu_soc.h"
#include "rv.h"
#include "state.h"

struct npu_dev;

enum soc_state {
	SOC_OFF, /* held in reset */
	SOC_ON,
	SOC_DEAD, /* halted for good, or until reset */
};

struct soc {
	struct npu_dev *dev;
	enum soc_state state;
	bool waiting; /* in wfi */
	struct rv_hart hart;
	uint8_t *rom, *ram;
	uint64_t units; /* host work of the slice that is not instructions */
	uint64_t limit; /* of units, in this slice */

	/* internal registers */
	bool mbox_pending;
	uint32_t irq_enable;
	uint64_t timecmp;
	bool timer_due; /* as last sampled */
	uint64_t port_host, port_local, port_fault;
	uint32_t port_len, port_status;
	uint32_t acct_queue, acct_arg;
	uint64_t acct_addr;
	uint64_t gang_tiles;

	/* console */
	char line[160];
	unsigned int line_len;
	uint64_t log_second;		  /* wall clock, s */
	unsigned int log_lines, log_lost; /* in that second */
};

/* false: out of memory. */
bool soc_init(struct soc *soc, struct npu_dev *dev);
void soc_fini(struct soc *soc);

/* The rest needs the device's lock. */
void soc_reset(struct soc *soc);
/* Release the core into its boot ROM; nothing if it is not held in reset. */
void soc_start(struct soc *soc);
/* Has the core anything to do? Samples its interrupt lines. */
bool soc_runnable(struct soc *soc);
/* Run a slice of about max host work units. Returns what was used, at least 1. */
uint64_t soc_run(struct soc *soc, uint64_t max);
/* Stop the core for good: STATUS.FW_DEAD. */
void soc_die(struct soc *soc, const char *why);
/* NPU_SOC_IRQ_PENDING. */
uint32_t soc_pending(const struct soc *soc);
/* Set the hart's interrupt lines after a change of their sources; the second reads the clock too. */
void soc_update_irq(struct soc *soc);
void soc_update_timer(struct soc *soc);

/* Visit core, memory and registers. */
void soc_state(struct soc *soc, struct state *s);

/* Host address of [addr, addr + len) of the management core's RAM, or (write false) ROM; else NULL. */
uint8_t *soc_local(struct soc *soc, uint64_t addr, uint64_t len, bool write);

/* soc_regs.c: internal registers at offset from NPU_SOC_REGS_BASE; size 4 or 8. False: access fault. */
bool soc_reg_read(struct soc *soc, uint64_t offset, unsigned int size, uint64_t *value);
bool soc_reg_write(struct soc *soc, uint64_t offset, unsigned int size, uint64_t value);

/* port.c: NPU_SOC_PORT_CMD. Sets port_status and port_fault. */
void port_run(struct soc *soc, uint32_t cmd);

#endif /* NPU_SOC_CORE_H */
