/* SPDX-License-Identifier: MIT */
/*
 * Accounting: modelled clock and counters of every queue.
 *
 * The clock of a queue is computed from what its packets cost, never from when the host happened to
 * run them. Packets begin in order on the front end's time line. Work then goes to one of two lanes,
 * tiles and copy engine; in a lane the packets of the queue follow one another. An epoch is
 * one packet's work in a lane; it lasts as long as its longest share.
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

struct npu_counters {
	uint64_t v[NPU_COUNTER_COUNT]; /* CYCLES is unused here: it belongs to the queue */
};

enum acct_lane_id {
	ACCT_TILES,
	ACCT_COPY,
	ACCT_LANES
};

/* Names an epoch to acct_end(). */
struct acct_ticket {
	enum acct_lane_id lane;
	uint32_t generation; /* of the queue's counters: CLEAR voids older tickets */
	uint64_t epoch;
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

struct acct_queue {
	uint32_t generation;
	uint64_t front; /* time line of the front end */
	uint64_t begun; /* id of the packet begun last */
	struct acct_lane lane[ACCT_LANES];
	struct npu_counters *core; /* [cores]: tiles, then copy engine, then front end */
};

struct acct {
	unsigned int queues, tiles;
	struct acct_queue *queue;
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
void acct_snapshot(const struct acct *acct, unsigned int queue, struct npu_counter_block *block);
uint64_t acct_clock(const struct acct *acct, unsigned int queue);
/* The part of core, an index of acct_queue.core; CYCLES is the queue's clock in each. */
void acct_snapshot_core(const struct acct *acct, unsigned int queue, unsigned int core,
			struct npu_counter_block *block);
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

#endif /* NPU_ACCT_H */
