/* SPDX-License-Identifier: MIT */
/*
 * A driver in miniature for tests of the firmware: host memory, page tables,
 * mailbox and queues on top of the device core, without any of a real driver's
 * caution. Time is virtual: it passes only while something is waited for.
 */
#ifndef NPU_TEST_FW_DRIVER_H
#define NPU_TEST_FW_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "npu_core.h"
#include "npu_counters.h"
#include "npu_fw.h"
#include "npu_isa.h"
#include "npu_packet.h"
#include "npu_pgtable.h"
#include "npu_regs.h"
#include "npu_ring.h"

#define MEM_BASE 0x40000000ull /* bus address of the first byte of host memory */
#define MEM_SIZE (64ull << 20)
#define VA_BASE	 0x200000ull /* where map_new() starts to hand out virtual addresses */
#define MS	 1000000ull

/* A queue as the driver sees it. */
struct queue_mem {
	struct npu_queue_desc desc;
	struct npu_ring_entry *ring;
	struct npu_queue_wb *wb;
	struct npu_counter_block *counters;
	struct npu_core_state *core;
	uint32_t tail;
	uint64_t seqno; /* used last */
};

/* Device and driver. For one test thread; what the device's workers touch is atomic. */
struct drv {
	struct npu_config config;
	struct npu_dev *dev;
	uint8_t *mem;
	uint64_t used; /* bytes of mem handed out */
	_Atomic uint64_t hole_start, hole_end; /* bus addresses that do not answer */
	_Atomic uint64_t now, deadline;
	_Atomic unsigned int irqs[NPU_MSIX_VECTORS];
	_Atomic uint32_t bus_events; /* enum npu_bus_event so far */
	_Atomic uint64_t slow_ns; /* of real time that the host needs to take note of either */
	char last_log[256];

	uint8_t *image;
	size_t image_len;
	uint64_t image_bus;
	struct npu_mbox *mbox;
	struct npu_as_entry *as_table;
	struct npu_queue_desc *queue_table;
	uint32_t h2f_seq, f2h_seq;
	struct npu_msg stopped; /* the last request's NPU_JOB_STOPPED; type 0: none */
	uint64_t tiles_reset; /* of the last request: bit per tile that was reset for it */
	struct queue_mem queue[NPU_MAX_QUEUES];
	uint64_t next_va[NPU_MAX_AS]; /* of each address space in use */
};

/* ---- time and registers --------------------------------------------------------------------- */

/* A fatal mistake of the test itself. */
_Noreturn void drv_die(const char *what);

/* Let ns of virtual time pass in steps of a millisecond, timers and all. */
void pass_time(struct drv *d, uint64_t ns);

/*
 * Wait for a condition while virtual time passes. The workers of the device
 * run in real time, so leave them some. False after a minute or more of real time;
 * less once that has happened: a device that does not answer is broken.
 */
extern unsigned int wait_turns;
#define WAIT_FOR(d, cond)                                                              \
	({                                                                             \
		bool waited_;                                                          \
		for (unsigned int turn_ = 0; !(waited_ = (cond)) && turn_ < wait_turns; turn_++) \
			wait_a_little(d);                                              \
		if (!waited_)                                                          \
			wait_turns = 1000;                                             \
		waited_;                                                               \
	})

void wait_a_little(struct drv *d);

/* Registers of BAR0. */
uint32_t reg_read(struct drv *d, uint64_t reg);
void reg_write(struct drv *d, uint64_t reg, uint32_t value);
void reg_write64(struct drv *d, uint64_t reg, uint64_t value);

/* ---- memory ---------------------------------------------------------------------------------- */

/* Zeroed whole pages, until the next drv_prepare(). */
void *mem_alloc(struct drv *d, uint64_t size);
uint64_t bus_of(const struct drv *d, const void *p);
/* An empty address space of this number. */
void as_create(struct drv *d, unsigned int as);
/* New memory in an address space, with an unmapped page behind it. Returns its virtual address. */
uint64_t map_new(struct drv *d, unsigned int as, uint64_t size, uint64_t flags, void *ret_ptr);

/* ---- device and boot ------------------------------------------------------------------------- */

/* Where the image under test lies: first argument, NPU_FW, or where the build leaves it. */
const char *fw_image_path(int argc, char **argv);
/* A device with this many tiles. inline_budget as in struct npu_config, -1: as it comes. */
struct drv *drv_new(const char *fw_path, unsigned int tiles, int64_t inline_budget);
/* A device of this make. */
struct drv *drv_new_config(const char *fw_path, const struct npu_config *config);
void drv_free(struct drv *d);
/* Save the device as it stands, and go on with another one that is loaded with that. False: it does not load. */
bool drv_move(struct drv *d);
/* For another device; opaque is a struct drv. */
const struct npu_host_ops *drv_host_ops(void);
/* Reset the device and host memory, set everything up for a boot, but do not start it. */
void drv_prepare(struct drv *d);
uint32_t boot_stage(struct drv *d);
/* Start the core and wait for the end of its boot, good or bad. */
void drv_start(struct drv *d);
/*
 * Both of these, and take the firmware's first message, into *ret_ready unless that is NULL. Ends the
 * test if it does not say that it is ready.
 */
void drv_boot(struct drv *d, struct npu_msg *ret_ready);

/* ---- mailbox ------------------------------------------------------------------------------------ */

/* A word that the device may be writing. */
uint32_t peek(const volatile uint32_t *p);
/* Queue a request without ringing. */
void mbox_put(struct drv *d, uint16_t type, uint32_t queue, uint32_t cookie);
void mbox_ring(struct drv *d);
/* Next message of the firmware's; false if none comes. */
bool mbox_get(struct drv *d, struct npu_msg *msg);
bool mbox_empty(struct drv *d);
/*
 * Send a request and wait for its reply, which must be the next message but for what was stopped by
 * the request (.stopped). Returns its status, or -1.
 */
int request(struct drv *d, uint16_t type, uint32_t queue);

/* ---- queues -------------------------------------------------------------------------------------- */

/* Memory and descriptor for queue q; vector 1 + q % 16. */
struct queue_mem *queue_setup(struct drv *d, unsigned int q, unsigned int ring_log2,
			      unsigned int priority);
/* The same with a ring of 64 entries, and started. */
struct queue_mem *queue_start(struct drv *d, unsigned int q, unsigned int priority);
/* Append an entry, without a look at whether there is room. */
void ring_put(struct queue_mem *queue, const struct npu_ring_entry *entry);
void ring_bell(struct drv *d, unsigned int q);
/* Append a job of one command buffer with its fence, and ring. Returns its seqno. */
uint64_t submit(struct drv *d, unsigned int q, unsigned int as, uint64_t va, uint32_t packets);
uint64_t completed(const struct queue_mem *queue);
bool wait_done(struct drv *d, unsigned int q, uint64_t seqno);

#endif /* NPU_TEST_FW_DRIVER_H */
