/* SPDX-License-Identifier: MIT */
/*
 * A host for the device core: flat guest memory, interrupts that can be counted and waited for, and
 * a timer thread on the wall clock. All functions are for one test thread, the host ops for any.
 */
#ifndef NPU_TEST_HOST_H
#define NPU_TEST_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "npu_core.h"
#include "npu_pgtable.h"
#include "npu_regs.h"

#define HOST_BASE 0x100000000ull /* bus address of the first byte of guest memory */
#define HOST_SIZE (64ull << 20)
/* For what comes at once on an idle machine, and is missing for good if it does not come at all. */
#define HOST_PATIENCE_NS 60000000000ull

struct host {
	uint8_t *ram;
	uint64_t used;		  /* bytes handed out by host_alloc() */
	uint64_t hole, hole_size; /* bus addresses that do not answer; atomic */
	bool off;		  /* nothing answers: bus mastering is off; atomic */
	uint64_t maps;		  /* calls of dma_map; atomic */

	pthread_mutex_t lock;
	pthread_cond_t change;		     /* an interrupt came, or the timer was set */
	unsigned int irqs[NPU_MSIX_VECTORS]; /* lock */
	unsigned int lines;		     /* of log; lock */
	char line[256];			     /* last one; lock */
	uint64_t deadline;		     /* of the timer; lock */
	unsigned int timers;		     /* times it fired; lock */
	bool end;			     /* lock */
	pthread_t timer;
	struct npu_dev *dev;
};

/* Guest memory, without a device yet. */
struct host *host_new(void);
/* Make the device. Ends the test program if that fails. */
void host_start(struct host *host, const struct npu_config *config);
/* Free device and host. */
void host_free(struct host *host);

/* Zeroed pages of guest memory; alignment a power of two, at least 4096. */
void *host_alloc(struct host *host, uint64_t size, uint64_t alignment);
/* Bus address of a pointer into guest memory. */
uint64_t host_bus(const struct host *host, const void *p);
/* Pointer for a bus address in guest memory. */
void *host_ptr(const struct host *host, uint64_t bus);
/* Wait up to HOST_PATIENCE_NS until vector has been raised count times in all. */
bool host_wait_irq(struct host *host, unsigned int vector, unsigned int count);
/* Monotonic time, ns. */
uint64_t host_now(void);

/* The table of address spaces; *as_table[NPU_MAX_AS], and its register set. */
struct npu_as_entry *host_as_table(struct host *host);
/* A page table's root for address space as. Returns the root's entries. */
uint64_t *host_as_new(struct host *host, struct npu_as_entry *table, unsigned int as);
/* Entry of va at level, with tables made on the way. */
uint64_t *host_pte(struct host *host, uint64_t *root, uint64_t va, unsigned int level);
/* A leaf entry for bus address with flags, V, U, A and D added. */
uint64_t host_leaf(uint64_t bus, uint64_t flags);
/* Map size bytes at bus to va with 4 KiB pages. */
void host_map(struct host *host, uint64_t *root, uint64_t va, uint64_t bus, uint64_t size,
	      uint64_t flags);

/* Invalidate translations of an address space through the registers and wait for it. False: HOST_PATIENCE_NS. */
bool host_tlb_flush(struct host *host, uint32_t cmd);

uint32_t host_read(struct host *host, uint64_t reg);
void host_write(struct host *host, uint64_t reg, uint32_t value);

#endif /* NPU_TEST_HOST_H */
