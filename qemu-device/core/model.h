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
#define NPU_MODEL_VERSION 1

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

/* A work that rows cite: their source begins with its key, unless with "estimate". */
struct npu_model_source {
	const char *key, *work, *where;
};

/* All works. Static, *count of them. */
const struct npu_model_source *npu_model_sources(size_t *count);

/* Cycles for moving bytes at rate bytes per cycle; bytes below 2^57, share 1..64: that many share it. */
static inline uint64_t npu_model_transfer(uint64_t bytes, unsigned int rate, unsigned int share)
{
	return (bytes * share + rate - 1) / rate;
}

/* What a matrix operation costs. */
struct npu_matrix_cost {
	uint64_t busy;	 /* cycles that the engine is taken */
	uint64_t macs;	 /* M x N x K */
	uint64_t skipped; /* of them, for weights that are not there */
	enum npu_counter counter; /* of the others by type; NPU_COUNTER_COUNT: 8 bits, it has none */
	uint64_t sram;	 /* bytes read and written */
	uint64_t energy; /* fJ */
};

/* Cost of a checked descriptor. */
struct npu_matrix_cost npu_model_matrix(const struct npu_matrix_desc *desc);

#endif /* NPU_MODEL_H */
