/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand (npu_fault.h): which are armed, and whether one strikes now.
 *
 * Each place of the core that can fail asks fault_strikes() there. While nothing is armed that is one
 * load of a word that is 0, and no place asks more often than about once per page, packet, message
 * or slice. Faults that are a state (a dead link, a hot die) are a bit of the same word.
 */
#ifndef NPU_FAULT_CORE_H
#define NPU_FAULT_CORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_core.h"
#include "npu_fault.h"
#include "state.h"

struct npu_dev;

struct fault_slot {
	struct npu_fault_spec spec; /* count and after are what is left; count 0: no end */
	uint64_t hits;
};

struct fault {
	uint64_t armed; /* atomic: bit per enum npu_fault; written with lock held */
	bool link_dead; /* atomic: the link is gone for good, not for some reads only */
	pthread_mutex_t lock; /* of slots, which engines look at without the device's lock */
	struct fault_slot slot[NPU_FAULT_COUNT];

	/* Device's lock: */
	struct npu_fault_spec regs; /* debug registers */
	uint32_t status;
	uint64_t storm_due; /* of the next interrupt; UINT64_MAX: no storm */
};

void fault_init(struct fault *fault);
void fault_fini(struct fault *fault);
/* The device was reset: ends what does not persist. Needs the device's lock. */
void fault_reset(struct npu_dev *dev);

/* Is it armed, for whatever target? */
static inline bool fault_armed(const struct fault *fault, enum npu_fault which)
{
	return __atomic_load_n(&fault->armed, __ATOMIC_RELAXED) >> which & 1;
}

/* Is any fault armed? */
static inline bool fault_any(const struct fault *fault)
{
	return __atomic_load_n(&fault->armed, __ATOMIC_RELAXED);
}

/*
 * The slow half of fault_strikes(). target NPU_FAULT_ANY: whichever it is armed for; arg UINT64_MAX: the
 * same; range: start and length of bus addresses, or NULL. ret_spec: as it was before this; or NULL.
 */
bool fault_take(struct npu_dev *dev, enum npu_fault which, uint32_t target, uint64_t arg,
		const uint64_t range[2], struct npu_fault_spec *ret_spec);

/* Does it strike this target now? Counts the occasion. Any thread, with or without the lock. */
bool fault_strikes(struct npu_dev *dev, enum npu_fault which, uint32_t target);
/* The same for a fault of which the argument says where it strikes: only if it is arg. */
bool fault_strikes_arg(struct npu_dev *dev, enum npu_fault which, uint32_t target, uint64_t arg);
/* DMA_ERROR in an access by core to [bus, bus + length). */
bool fault_strikes_bus(struct npu_dev *dev, uint32_t core, uint64_t bus, uint64_t length);

/* A share begins on a tile: 0, or 1 + enum npu_fault_arg if it is to hang. Needs the device's lock. */
unsigned int fault_hang(struct npu_dev *dev, unsigned int tile);
/*
 * What the port is about to write to host memory at bus: local, or room (64 bytes) with what a fault
 * made of it. Needs the device's lock.
 */
const uint8_t *fault_outgoing(struct npu_dev *dev, uint64_t bus, const uint8_t *local,
			      uint64_t length, uint8_t *room);
/* A doorbell's value on its way to the firmware. Needs the device's lock. */
uint32_t fault_tail(struct npu_dev *dev, unsigned int queue, uint32_t tail);
/* What the host reads in place of a register's value; or that. Any thread. */
uint32_t fault_register(struct npu_dev *dev, uint64_t offset, uint32_t value);
/* An error of core's memory was found: counts and reports it. Needs the device's lock. */
void fault_ecc(struct npu_dev *dev, uint32_t core, bool corrected);
/* The host's timer fired. Needs the device's lock. */
void fault_timer(struct npu_dev *dev);
/* How many times slower the link is, at least 1. Any thread. */
uint32_t fault_slow_link(struct npu_dev *dev);

/* Debug registers. Need the device's lock; the caller has looked at the device's configuration. */
uint32_t fault_reg_read(struct npu_dev *dev, uint64_t offset);
void fault_reg_write(struct npu_dev *dev, uint64_t offset, uint32_t value);
/* NPU_REG_FAULT_CMD. Needs the lock, which it may drop and take again. */
void fault_command(struct npu_dev *dev, uint32_t cmd);

/* Both need the device's lock. The second clears all faults without a trace of them. */
void fault_state(struct npu_dev *dev, struct state *s);
void fault_forget(struct npu_dev *dev);

#endif /* NPU_FAULT_CORE_H */
