/* SPDX-License-Identifier: MIT */
/*
 * Performance streams (npu_perf.h): who watches which queue, and the rings that records go to.
 *
 * Rings are written under the device's lock only. Tiles gather records while they run without it, and
 * hand them over when they are released; so records are complete, a stream that has ended touches
 * no memory, and nothing is written while the host's memory map changes.
 *
 * Everything here needs the lock.
 */
#ifndef NPU_PMU_H
#define NPU_PMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_perf.h"
#include "npu_regs.h"
#include "npu_soc.h"
#include "state.h"

struct npu_dev;
struct npu_engine;

/* How a stream is set up; the registers of npu_soc.h. */
struct pmu_setup {
	uint64_t ring, tiles;
	uint32_t queue, modes, period, ring_log2, vector, threshold;
};

struct pmu_stream {
	bool on;
	bool stopping; /* ends when no tile is gathering for it any more */
	bool dead; /* its ring has stopped answering: all is lost */
	struct pmu_setup setup;
	uint64_t head; /* slots written */
	uint64_t lost; /* records */
};

/* A packet that the front end has begun, until it and those before it are over. */
struct pmu_packet {
	uint64_t epoch; /* of its tickets */
	bool closed; /* the next one has begun */
	uint32_t working; /* shares and copies that have not ended */
	uint32_t id, op, shares, opp;
	uint64_t seqno, begin, start, end;
	uint16_t flags; /* NPU_PERF_FLAG_* */
};

/* Packets of a queue: a ring. More than these are not followed at the same time. */
#define PMU_PACKETS 8
struct pmu_packets {
	uint32_t id; /* of the packet begun last */
	uint64_t seqno;
	unsigned int first, count;
	struct pmu_packet packet[PMU_PACKETS];
};

struct pmu {
	unsigned int active; /* streams that are on; 0: nothing of all this costs anything */
	uint32_t epoch; /* grows when a stream comes or goes */
	uint32_t events; /* bit per stream that has ended */
	struct pmu_stream stream[NPU_PERF_STREAMS];
	struct pmu_packets packets[NPU_MAX_QUEUES];

	/* registers */
	uint32_t selected, result, next_id;
	uint64_t next_seqno;
	struct pmu_setup next;
};

/* As at power-on. */
void pmu_reset(struct npu_dev *dev);
/* Registers at offset (from NPU_SOC_PERF_STREAM to NPU_SOC_PERF_END) of the internal registers. */
uint32_t pmu_reg_read(struct npu_dev *dev, uint32_t offset);
void pmu_reg_write(struct npu_dev *dev, uint32_t offset, uint32_t value);
bool pmu_reg_is_u64(uint32_t offset);

/* The stream that watches a queue, or NULL. */
struct pmu_stream *pmu_watching(struct npu_dev *dev, unsigned int queue);
/* Append records. Those without room are dropped and counted. */
void pmu_append(struct npu_dev *dev, struct pmu_stream *stream, const void *records, size_t bytes);
/* Count records that were lost before they came to be appended. */
void pmu_lose(struct npu_dev *dev, struct pmu_stream *stream, uint64_t records);
/* If the stream is stopping and no tile gathers for it: it has ended. */
void pmu_end_if_quiet(struct npu_dev *dev, struct pmu_stream *stream);

/* For NPU_SOC_ACCT_CMD, while a stream is on: around acct_begin(), before acct_barrier() and acct_clear(). */
void pmu_packet_begin(struct npu_dev *dev, unsigned int queue, uint32_t op);
void pmu_packet_end(struct npu_dev *dev, unsigned int queue, bool cut);
/* Work of a packet begins, after acct_start(), and ends after so many cycles, before acct_end(). */
void pmu_work_begin(struct npu_dev *dev, const struct npu_engine *engine);
void pmu_work_end(struct npu_dev *dev, const struct npu_engine *engine, uint64_t cycles, bool cut);

/* Visit registers, streams and packets. What tiles gather is theirs. */
void pmu_state(struct npu_dev *dev, struct state *s);

#endif /* NPU_PMU_H */
