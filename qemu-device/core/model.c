/* SPDX-License-Identifier: MIT */
#include "model.h"

#include "matrix.h"

static const struct npu_model_entry table[] = {
#define M(id, value, unit, description, source, node) {#id, value, unit, description, source, node},
#include "npu_model.def"
};

const struct npu_model_entry *npu_model_table(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}

static const struct npu_model_source sources[] = {
#define S(key, work, where) {#key, work, where},
#include "npu_model.def"
};

const struct npu_model_source *npu_model_sources(size_t *count)
{
	*count = sizeof(sources) / sizeof(sources[0]);
	return sources;
}

static uint64_t blocks(uint64_t n, uint64_t size)
{
	return (n + size - 1) / size;
}

/*
 * The engine computes C in blocks of MATRIX_M x MATRIX_N, one after the other. A block takes a cycle
 * per MATRIX_K of K. Its accumulators are double buffered, so C of the block before goes out (and
 * with ACCUMULATE the next one's comes in) meanwhile: a block takes the longer of the two.
 */
struct npu_matrix_cost npu_model_matrix(const struct npu_matrix_desc *desc)
{
	const uint64_t count =
		blocks(desc->m, NPU_MODEL_MATRIX_M) * blocks(desc->n, NPU_MODEL_MATRIX_N);
	const uint64_t steps = blocks(desc->k, NPU_MODEL_MATRIX_K);
	const uint64_t elem = npu_matrix_c_size(desc);
	const uint64_t passes = desc->flags & NPU_MATRIX_ACCUMULATE ? 2 : 1;
	const uint64_t port = NPU_MODEL_MATRIX_M * NPU_MODEL_MATRIX_N * elem * passes /
			      NPU_MODEL_MATRIX_PORT_BYTES;
	const uint64_t operand_bytes =
		(NPU_MODEL_MATRIX_M + NPU_MODEL_MATRIX_N) * NPU_MODEL_MATRIX_K;
	uint64_t bytes =
		count * steps * operand_bytes + (uint64_t)desc->m * desc->n * elem * passes;
	struct npu_matrix_cost cost;

	if (npu_matrix_has_channels(desc))
		bytes += (uint64_t)desc->n * npu_matrix_channel_size(desc);
	cost.busy = NPU_MODEL_MATRIX_SETUP + NPU_MODEL_MATRIX_FILL +
		    count * (steps > port ? steps : port);
	cost.macs = (uint64_t)desc->m * desc->n * desc->k;
	cost.energy = cost.macs * NPU_MODEL_E_MAC + bytes * NPU_MODEL_E_SRAM_BYTE;
	return cost;
}
