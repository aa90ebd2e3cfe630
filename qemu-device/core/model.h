/* SPDX-License-Identifier: MIT */
/*
 * Model of time and energy: the values of npu_model.def as constants, the same table for tools,
 * and the formulas that need more than one of them.
 */
#ifndef NPU_MODEL_H
#define NPU_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "npu_counters.h"
#include "npu_isa.h"

/* Grows with every change of a value or a formula: figures of different versions do not compare. */
#define NPU_MODEL_VERSION 3

enum npu_model_value {
#define M(id, value, unit, description, source, node) NPU_MODEL_##id = (value),
#include "npu_model.def"
};

/* A row of the table. */
struct npu_model_entry {
	const char *name; /* as in npu_model.def */
	uint64_t value;
	const char *unit;
	const char *description;
	const char *source;
	const char *node; /* technology that the source speaks of, or "-" */
};

/* The whole table. Static, *count rows. */
const struct npu_model_entry *npu_model_table(size_t *count);

/* A work that rows cite: their source begins with its key, unless with "choice". */
struct npu_model_source {
	const char *key, *work, *where;
};

/* All works. Static, *count of them. */
const struct npu_model_source *npu_model_sources(size_t *count);

/* ---- operating points ------------------------------------------------------------------------ */

#define NPU_MODEL_OPPS 5

/* Clock and supply of all of the device but its host link, which has its own. */
struct npu_opp {
	uint32_t khz;
	uint32_t period; /* of a cycle, ps: khz x period = 10^9 */
	uint32_t mv;
};

/* The slowest one first; the last one is the nominal one, at which the table's values hold. */
extern const struct npu_opp npu_model_opp[NPU_MODEL_OPPS];

/* ---- the host's memory ----------------------------------------------------------------------- */

/* What the way to host memory depends on. */
struct npu_rates {
	uint32_t period; /* of the operating point, ps */
	uint32_t share;	 /* tiles that divide the bandwidth, 1..NPU_MAX_TILES */
	uint32_t slow;	 /* the host link is so many times slower, at least 1 */
};

/* What takes ns, in cycles of the device. */
static inline uint64_t npu_model_cycles(const struct npu_rates *rates, uint64_t ns)
{
	return (ns * 1000 + rates->period - 1) / rates->period;
}

/* A read of host memory: there and back, in cycles. */
static inline uint64_t npu_model_round_trip(const struct npu_rates *rates)
{
	return npu_model_cycles(rates, 2 * NPU_MODEL_LINK_LATENCY + NPU_MODEL_DRAM_LATENCY);
}

/*
 * Cycles to move in bytes from host memory and out bytes to it: the longest of the link's two
 * directions and the memory behind it.
 */
uint64_t npu_model_host(const struct npu_rates *rates, uint64_t in, uint64_t out);
/* Cycles that the memory alone takes to move bytes, whichever way they go. */
uint64_t npu_model_dram(const struct npu_rates *rates, uint64_t bytes);

/* Cycles for moving bytes inside of the device, at rate bytes per cycle. */
static inline uint64_t npu_model_transfer(uint64_t bytes, unsigned int rate)
{
	return (bytes + rate - 1) / rate;
}

/* ---- energy ---------------------------------------------------------------------------------- */

/* fJ for each count at an operating point. The energy of any work is the sum over its counters. */
struct npu_energy {
	uint64_t total[NPU_COUNTER_COUNT]; /* modulo 2^64: tile.remote takes back a part of tile.loads */
	uint64_t leakage[NPU_COUNTER_COUNT]; /* part of it */
	uint64_t memory[NPU_COUNTER_COUNT]; /* part of it, in the host's memory and not in the device */
};

void npu_model_energy(unsigned int opp, struct npu_energy *energy);

/*
 * The most that a device of so many chiplets, and so many tiles in all, can take at an operating point, mW,
 * without the host's memory.
 */
uint32_t npu_model_peak(unsigned int opp, unsigned int chiplets, unsigned int tiles);

enum npu_model_scale {
	NPU_SCALE_V2,	  /* switching: with the square of the voltage */
	NPU_SCALE_LEAK,	  /* leakage, uW: with the voltage, and a cycle's length */
	NPU_SCALE_NONE,	  /* links: not at all */
	NPU_SCALE_MEMORY, /* host memory: not at all, and it is not in the device */
};

/* A term of the energy: factor x row for each count. */
struct npu_model_term {
	enum npu_counter counter;
	int factor;
	const char *row;
	uint64_t value; /* of the row */
	enum npu_model_scale scale;
};

/* All terms. Static, *count of them. */
const struct npu_model_term *npu_model_terms(size_t *count);

/* ---- matrix engine --------------------------------------------------------------------------- */

/* What a matrix operation costs. */
struct npu_matrix_cost {
	uint64_t busy;	  /* cycles that the engine is taken */
	uint64_t macs;	  /* M x N x K */
	uint64_t skipped; /* of them, for weights that are not there */
	enum npu_counter counter; /* of the others by type; NPU_COUNTER_COUNT: 8 bits, it has none */
	uint64_t sram;	  /* bytes read and written */
};

/* Cost of a checked descriptor. */
struct npu_matrix_cost npu_model_matrix(const struct npu_matrix_desc *desc);

#endif /* NPU_MODEL_H */
