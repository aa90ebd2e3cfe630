/* SPDX-License-Identifier: MIT */
/* Insides of a device, for the files of the core and its unit tests. */
#ifndef NPU_DEV_H
#define NPU_DEV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "acct.h"
#include "copy.h"
#include "fault.h"
#include "matrix.h"
#include "npu_core.h"
#include "npu_fw.h"
#include "npu_regs.h"
#include "pmu.h"
#include "pool.h"
#include "power.h"
#include "soc.h"
#include "thermal.h"
#include "tile.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the device core needs a little-endian host"
#endif

/* What is behind BAR0 and not elsewhere. */
struct npu_host_regs {
	uint64_t fw_base, mbox_base, as_table, queue_table, tlb_va, tlb_size;
	uint32_t fw_size, boot_status, boot_detail, heartbeat, fw_status;
	uint32_t irq_status, irq_enable;
	uint32_t ecc_corrected, ecc_uncorrected, ecc_last;
	uint32_t tail[NPU_MAX_QUEUES];
};

struct npu_dev {
	struct npu_config config;
	const struct npu_host_ops *ops;
	void *opaque;
	unsigned int tiles, queues;
	uint32_t sram_size;
	enum npu_matrix_path matrix_path;

	/* Protects all but the insides of running engines. gate: see dev_lock_fair(). */
	pthread_mutex_t lock, gate;
	pthread_cond_t quiet; /* an engine was released, the device went idle, or all is told */
	bool resetting;	      /* nothing may be claimed or run */
	bool paused;	      /* the same, until npu_dev_resume() */

	struct npu_host_regs regs;
	uint64_t doorbells;   /* bit per queue */
	uint64_t tile_events; /* bit per tile */
	uint64_t as_generation[NPU_MAX_AS], map_generation;
	/* Where writes to pages without memory go. Nobody reads it. */
	_Alignas(16) uint8_t sink[NPU_PAGE_SIZE];
	struct soc soc;
	struct npu_tile *tile[NPU_MAX_TILES];
	struct npu_copy copy;
	struct acct acct;
	struct power power;
	struct thermal thermal;
	struct pmu pmu;
	struct pool pool;
	struct fault fault;
	unsigned int next_tile; /* where the search for a ready engine starts */

	/* To be done by dev_unlock() when it has let go of the lock. */
	uint32_t vectors;  /* MSI-X vectors to raise */
	uint32_t bus_events; /* enum npu_bus_event to tell */
	unsigned int wake; /* workers to wake */
	uint64_t timer;	   /* deadline that the host's timer is set to; UINT64_MAX: none */
	bool timer_busy;   /* some thread is setting the host's timer */
	/* Threads that have taken vectors or events, and may not have told of them yet; atomic. */
	unsigned int telling;
	unsigned int tell_waiters; /* in dev_wait_told(); atomic, changed with the lock held */
};

/* May nothing be claimed or run? Needs the lock. */
static inline bool dev_held(const struct npu_dev *dev)
{
	return dev->resetting || dev->paused;
}

/* The tiles that there are, bit for each. */
static inline uint64_t dev_tile_mask(const struct npu_dev *dev)
{
	return dev->tiles == 64 ? ~0ull : (1ull << dev->tiles) - 1;
}

void dev_lock(struct npu_dev *dev);
/*
 * For a thread that takes the lock again and again: lets others that wait have it first. (A mutex
 * alone goes to whoever is quickest, that is the thread that just released it.)
 */
void dev_lock_fair(struct npu_dev *dev);
/* Release the lock, then raise interrupts, set the timer and wake workers as collected. */
void dev_unlock(struct npu_dev *dev);

/* Engine number i of tiles + 1; the last one is the copy engine. */
struct npu_engine *dev_engine(struct npu_dev *dev, unsigned int i);
/* Set bits of IRQ_STATUS; raises vector 0 if one of them is enabled. Needs the lock. */
void dev_event(struct npu_dev *dev, uint32_t bits);
/* Raise a vector when the lock is released. Needs the lock. */
void dev_raise(struct npu_dev *dev, unsigned int vector);
/* Tell the bus when the lock is released. Needs the lock. */
void dev_bus_event(struct npu_dev *dev, uint32_t events);
/*
 * Wait until other threads have told the host of all that they have taken for that, and set its timer. What is
 * still to be taken is left to the caller's dev_unlock(). Needs the lock, which it may drop and take again.
 */
void dev_wait_told(struct npu_dev *dev);
/* Host address of guest memory, as npu_host_ops.dma_map; nothing answers behind a dead link. */
void *dev_map(struct npu_dev *dev, uint64_t addr, size_t *len, bool write);
/* Have all running engines released once, and wait for that. Needs the lock. */
void dev_sync_engines(struct npu_dev *dev);
/* Wait for a reset that is under way. Needs the lock. */
void dev_wait_reset(struct npu_dev *dev);
/* Translations of address space as (NPU_MAX_AS: of all) have changed. Needs the lock. */
void dev_invalidate(struct npu_dev *dev, unsigned int as);
/* Wait until no running engine uses pointers or translations from before the call. Needs the lock. */
void dev_wait_sync(struct npu_dev *dev);
/* printf to the host's log. Any thread, with or without the lock. */
void dev_log(struct npu_dev *dev, enum npu_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Boot ROM image (bootrom.c). */
extern const uint8_t *const npu_bootrom_image;
extern const uint32_t npu_bootrom_size;

#endif /* NPU_DEV_H */
