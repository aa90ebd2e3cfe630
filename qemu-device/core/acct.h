/* SPDX-License-Identifier: MIT */
/*
 * Accounting: modelled clock and counters of every queue, and their sums over the device.
 *
 * The clock of a queue is computed from what its packets cost, never from when the host happened to
 * run them. Packets begin in order on the front end's time line. Work then goes to one of two lanes,
 * tiles and copy engine; in a lane the packets of the queue follow one another. An epoch is
 * one packet's work in a lane; it lasts as long as its longest share.
 *
 * Both lanes share the host link and the memory behind it, and tiles come first. So what the copy
 * engine gets depends on work that is not over, or not even begun, while it copies, and what it needs shows when the
 * front end joins the lanes: that is no earlier than all that both moved since they were joined last can have been.
 *
 * Operating point and speed of the host link are latched for a whole command buffer, when its first
 * packet begins: what ACCT_BARRIER ended is over, so cycles of one clock follow those of another.
 *
 * Counts are kept in cells, one per queue and core: tiles, copy engine, front end. The same amounts are added
 * to the device's cells, of which there is one per core; these outlive the queues. What passes with the
 * clock itself (idle tiles, leakage, the clock) is settled when a command buffer ends, and before that
 * computed when somebody looks. Energy is never counted by engines: it is counts times the table,
 * at the operating point they were made at.
 *
 * All functions need the device's lock.
 */
#ifndef NPU_ACCT_H
#define NPU_ACCT_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_counters.h"
#include "npu_packet.h"
#include "npu_regs.h"
#include "npu_ring.h"
#include "state.h"

struct npu_energy; /* model.h */

struct npu_counters {
	uint64_t v[NPU_COUNTER_COUNT];
};

/* Core number of the functions below that means the sum of all. */
#define ACCT_ALL (~0u)

enum acct_lane_id {
	ACCT_TILES,
	ACCT_COPY,
	ACCT_LANES
};

/* What the modelled speed of work depends on and its packets do not say. */
struct acct_point {
	uint8_t opp;   /* below NPU_MODEL_OPPS */
	uint16_t slow; /* the host link is so many times slower, at least 1 */
};

/* Names an epoch to acct_end(). */
struct acct_ticket {
	enum acct_lane_id lane;
	uint32_t generation; /* of the queue's counters: CLEAR voids older tickets */
	uint64_t epoch;
	struct acct_point point; /* that the work runs at */
};

struct acct_epoch {
	uint64_t id;
	uint64_t start; /* starts no earlier than this, nor than the epoch before ends */
	uint64_t span;	/* longest share so far */
	uint32_t open;	/* shares that have not ended */
};

/*
 * Neighbouring epochs without an open share melt into one, so that no more than one lies between
 * two with an open share, of which there are no more than tiles.
 */
#define ACCT_EPOCHS (2 * NPU_MAX_TILES + 4)

struct acct_lane {
	uint64_t end; /* when the retired epochs ended */
	unsigned int count;
	struct acct_epoch epoch[ACCT_EPOCHS];
};

/* Bytes that work moved over the host link. */
struct acct_traffic {
	uint64_t in, out; /* by engines: from host memory and to it */
	uint64_t core;	  /* by the cores themselves and walks, either way */
};

struct acct_queue {
	uint32_t generation;
	uint64_t front; /* time line of the front end */
	uint64_t begun; /* id of the packet begun last */
	struct acct_lane lane[ACCT_LANES];
	/* What shares moved that ended since the front end joined the lanes, when that was, and when it can be over. */
	struct acct_traffic traffic[ACCT_LANES];
	uint64_t joined, moved;
	bool open;		 /* a command buffer has begun */
	struct acct_point point; /* latched for it */
	uint64_t settled;	 /* clock up to which the cells hold what passes with it */
	struct npu_counters *core; /* [cores]: tiles, then copy engine, then front end */
	uint64_t *busy;		   /* [tiles]: cycles of shares that ended since then */
};

struct acct {
	unsigned int queues, tiles;
	struct acct_queue *queue;
	struct npu_counters *device; /* [cores]: of all queues that there ever were since reset */
	struct acct_point point;     /* what the next command buffer of any queue will latch */
	struct npu_energy *energy;   /* [NPU_MODEL_OPPS] */
};

#define ACCT_CORE_COPY(acct)  ((acct)->tiles)
#define ACCT_CORE_FRONT(acct) ((acct)->tiles + 1)
#define ACCT_CORES(acct)      ((acct)->tiles + 2)

/* Allocate; false: out of memory. */
bool acct_init(struct acct *acct, unsigned int queues, unsigned int tiles);
void acct_free(struct acct *acct);
/* All queues as at power-on. */
void acct_reset(struct acct *acct);

/* The commands of NPU_SOC_ACCT_CMD. queue must exist; op may be anything. */
void acct_begin(struct acct *acct, unsigned int queue, uint32_t op);
void acct_barrier(struct acct *acct, unsigned int queue);
void acct_clear(struct acct *acct, unsigned int queue);
/* Counters of a queue, of one core or ACCT_ALL. */
void acct_snapshot(const struct acct *acct, unsigned int queue, unsigned int core,
		   struct npu_counter_block *block);
/* The same of the device: the sum of all queues, those that were cleared included. */
void acct_device(const struct acct *acct, unsigned int core, struct npu_counter_block *block);
/* Of ENERGY of the above what was used in the device itself and not in the host's memory, fJ modulo 2^64. */
uint64_t acct_energy(const struct acct *acct);
/* Modelled cycles of a queue, and the same as time, in ps. */
uint64_t acct_clock(const struct acct *acct, unsigned int queue);
uint64_t acct_time(const struct acct *acct, unsigned int queue);
/* The part of core, an index of acct_queue.core; CYCLES is the queue's clock in each. */
void acct_snapshot_core(const struct acct *acct, unsigned int queue, unsigned int core,
			struct npu_counter_block *block);
/* Operating point that the queue's work runs at, that which was begun last. */
unsigned int acct_opp(const struct acct *acct, unsigned int queue);
/* The front end's time line. */
uint64_t acct_front(const struct acct *acct, unsigned int queue);

/* A share or copy starts, and ends after cycles having counted counters on core. */
struct acct_ticket acct_start(struct acct *acct, unsigned int queue, enum acct_lane_id lane);
void acct_end(struct acct *acct, unsigned int queue, const struct acct_ticket *ticket,
	      unsigned int core, uint64_t cycles, const struct npu_counters *counters);
/*
 * When an open share started on the queue's clock. False: earlier work in its lane is still open, and
 * *start is as if that had ended; or the queue was cleared, then it is 0.
 */
bool acct_started(const struct acct *acct, unsigned int queue, const struct acct_ticket *ticket,
		  uint64_t *start);

/* Visit all of it. The caller sees that engines hold the tickets of the shares that are open. */
void acct_state(struct acct *acct, struct state *s);
void acct_point_state(struct acct_point *point, struct state *s);

#endif /* NPU_ACCT_H */
