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

/* What the types of A and B come to. */
struct matrix_rate {
	uint32_t k;		  /* products per output and cycle, of all that were asked for */
	uint32_t mac;		  /* fJ */
	enum npu_counter counter; /* of them; NPU_COUNTER_COUNT: what matrix.macs has left */
	bool sparse;
};

static struct matrix_rate matrix_rate(const struct npu_matrix_desc *desc)
{
	switch (desc->flags & NPU_MATRIX_B) {
	case NPU_MATRIX_B_S4:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S4, NPU_MODEL_E_MAC_S4,
					    NPU_COUNTER_MATRIX_S4, false};
	case NPU_MATRIX_B_S2:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S2, NPU_MODEL_E_MAC_S2,
					    NPU_COUNTER_MATRIX_S2, false};
	case NPU_MATRIX_B_SPARSE_S8:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K * NPU_MODEL_MATRIX_SPARSE,
					    NPU_MODEL_E_MAC, NPU_COUNTER_COUNT, true};
	case NPU_MATRIX_B_SPARSE_S4:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S4 * NPU_MODEL_MATRIX_SPARSE,
					    NPU_MODEL_E_MAC_S4, NPU_COUNTER_MATRIX_S4, true};
	case NPU_MATRIX_B_BF16:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_16, NPU_MODEL_E_MAC_BF16,
					    NPU_COUNTER_MATRIX_BF16, false};
	case NPU_MATRIX_B_FP16:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_16, NPU_MODEL_E_MAC_FP16,
					    NPU_COUNTER_MATRIX_FP16, false};
	case NPU_MATRIX_B_FP32:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_FP32, NPU_MODEL_E_MAC_FP32,
					    NPU_COUNTER_MATRIX_FP32, false};
	default:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K, NPU_MODEL_E_MAC, NPU_COUNTER_COUNT,
					    false};
	}
}

/*
 * The engine computes C in blocks of MATRIX_M x MATRIX_N, one after the other. A block takes a cycle
 * per rate.k of K. Its accumulators are double buffered, so C of the block before goes out (and
 * with ACCUMULATE the next one's comes in) meanwhile: a block takes the longer of the two. A cycle
 * reads rate.k values of each of 16 rows of A, a group of packed B and, if it is sparse, the group's index.
 * Channels and table come in once, over the same port as C.
 */
struct npu_matrix_cost npu_model_matrix(const struct npu_matrix_desc *desc)
{
	const struct matrix_rate rate = matrix_rate(desc);
	const uint64_t count =
		blocks(desc->m, NPU_MODEL_MATRIX_M) * blocks(desc->n, NPU_MODEL_MATRIX_N);
	const uint64_t steps = blocks(desc->k, rate.k);
	const uint64_t elem = npu_matrix_c_size(desc);
	const uint64_t passes = desc->flags & NPU_MATRIX_ACCUMULATE ? 2 : 1;
	const uint64_t port = NPU_MODEL_MATRIX_M * NPU_MODEL_MATRIX_N * elem * passes /
			      NPU_MODEL_MATRIX_PORT_BYTES;
	const uint64_t operand_bytes = NPU_MODEL_MATRIX_M * rate.k * npu_matrix_a_size(desc) +
				       NPU_MODEL_MATRIX_N * 4 +
				       (rate.sparse ? NPU_MODEL_MATRIX_N * rate.k / 8 : 0);
	const uint64_t table = desc->flags & NPU_MATRIX_ACT_TABLE ? npu_matrix_table_size(desc) : 0;
	const uint64_t channels = npu_matrix_has_channels(desc)
					  ? (uint64_t)desc->n * npu_matrix_channel_size(desc)
					  : 0;
	struct npu_matrix_cost cost;

	cost.busy = NPU_MODEL_MATRIX_SETUP + NPU_MODEL_MATRIX_FILL +
		    blocks(table, NPU_MODEL_MATRIX_PORT_BYTES) +
		    count * (steps > port ? steps : port);
	cost.macs = (uint64_t)desc->m * desc->n * desc->k;
	cost.skipped = rate.sparse ? (uint64_t)desc->m * desc->n * (desc->k / 2) : 0;
	cost.counter = rate.counter;
	cost.sram = count * steps * operand_bytes + (uint64_t)desc->m * desc->n * elem * passes +
		    channels + table;
	cost.energy = (cost.macs - cost.skipped) * rate.mac + cost.sram * NPU_MODEL_E_SRAM_BYTE;
	return cost;
}
