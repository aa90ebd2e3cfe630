/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <string.h>

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

/* ---- operating points ------------------------------------------------------------------------ */

#define OPP(n)                                                                     \
	{                                                                          \
		.khz = 1000000000u / NPU_MODEL_OPP##n##_PERIOD,                    \
		.period = NPU_MODEL_OPP##n##_PERIOD, .mv = NPU_MODEL_OPP##n##_MV, \
	}

const struct npu_opp npu_model_opp[NPU_MODEL_OPPS] = {OPP(0), OPP(1), OPP(2), OPP(3), OPP(4)};

#define NOMINAL_MV NPU_MODEL_OPP4_MV
_Static_assert(NPU_MODEL_OPP4_PERIOD * NPU_MODEL_CLOCK_KHZ == 1000000000,
	       "the last operating point is the nominal one");

/* ---- the host's memory ----------------------------------------------------------------------- */

/* Cycles for bytes at rate bytes/ns, slow times slower. */
static uint64_t stream(const struct npu_rates *rates, uint64_t bytes, uint64_t rate, uint64_t slow)
{
	const uint64_t per = rate * rates->period;
	const unsigned __int128 work = (unsigned __int128)bytes * rates->share * slow * 1000;

	return (work + per - 1) / per;
}

uint64_t npu_model_host(const struct npu_rates *rates, uint64_t in, uint64_t out)
{
	const uint64_t link =
		stream(rates, in > out ? in : out, NPU_MODEL_LINK_BYTES, rates->slow);
	const uint64_t dram = npu_model_dram(rates, in + out);

	return link > dram ? link : dram;
}

uint64_t npu_model_dram(const struct npu_rates *rates, uint64_t bytes)
{
	return stream(rates, bytes, NPU_MODEL_DRAM_BYTES, 1);
}

/* ---- energy ---------------------------------------------------------------------------------- */

#define T(counter, factor, row, scale) \
	{NPU_COUNTER_##counter, factor, #row, NPU_MODEL_##row, NPU_SCALE_##scale}

static const struct npu_model_term terms[] = {
	/* tiles */
	T(TILE_CYCLES, 1, E_TILE_CYCLE, V2),
	T(TILE_CYCLES, 1, LEAK_TILE, LEAK),
	T(TILE_IDLE, 1, LEAK_TILE_GATED, LEAK),
	T(TILE_INSTRUCTIONS, 1, E_INSTRUCTION, V2),
	T(TILE_FP, 1, E_FP, V2),
	T(TILE_LOADS, 1, E_SRAM_ACCESS, V2),
	T(TILE_STORES, 1, E_SRAM_ACCESS, V2),
	T(TILE_REMOTE, -1, E_SRAM_ACCESS, V2), /* they are loads or stores too */
	T(TILE_REMOTE, 8, E_LINK_BYTE, NONE),
	T(TILE_REMOTE, 8, E_DRAM_BYTE, MEMORY),
	T(TLB_MISSES, 8, E_LINK_BYTE, NONE),
	T(TLB_MISSES, 8, E_DRAM_BYTE, MEMORY),
	T(VECTOR_BYTES, 1, E_VECTOR_BYTE, V2),
	T(VECTOR_SRAM, 1, E_SRAM_BYTE, V2),
	T(VECTOR_REMOTE, 1, E_LINK_BYTE, NONE),
	T(VECTOR_REMOTE, 1, E_DRAM_BYTE, MEMORY),
	T(MATRIX_MACS, 1, E_MAC, V2), /* what is none of the following */
	T(MATRIX_SKIPPED, -1, E_MAC, V2),
	T(MATRIX_S4, -1, E_MAC, V2),
	T(MATRIX_S4, 1, E_MAC_S4, V2),
	T(MATRIX_S2, -1, E_MAC, V2),
	T(MATRIX_S2, 1, E_MAC_S2, V2),
	T(MATRIX_BF16, -1, E_MAC, V2),
	T(MATRIX_BF16, 1, E_MAC_BF16, V2),
	T(MATRIX_FP16, -1, E_MAC, V2),
	T(MATRIX_FP16, 1, E_MAC_FP16, V2),
	T(MATRIX_FP32, -1, E_MAC, V2),
	T(MATRIX_FP32, 1, E_MAC_FP32, V2),
	T(MATRIX_SRAM, 1, E_SRAM_BYTE, V2),
	T(DMA_SRAM, 1, E_SRAM_BYTE, V2),
	T(DMA_READ, 1, E_LINK_BYTE, NONE),
	T(DMA_READ, 1, E_DRAM_BYTE, MEMORY),
	T(DMA_WRITE, 1, E_LINK_BYTE, NONE),
	T(DMA_WRITE, 1, E_DRAM_BYTE, MEMORY),
	T(LINK_BYTES, 1, E_PORT_BYTE, V2),
	T(LINK_HOPS, 1, E_CHIPLET_BYTE, NONE), /* of signals too */
	T(DMA_SIGNALS, NPU_MODEL_SIGNAL_BYTES, E_PORT_BYTE, V2),
	/* copy engine */
	T(COPY_CYCLES, 1, E_COPY_CYCLE, V2),
	T(COPY_READ, 1, E_LINK_BYTE, NONE),
	T(COPY_READ, 1, E_DRAM_BYTE, MEMORY),
	T(COPY_BYTES, 1, E_LINK_BYTE, NONE),
	T(COPY_BYTES, 1, E_DRAM_BYTE, MEMORY),
	T(COPY_WALKS, 8, E_LINK_BYTE, NONE),
	T(COPY_WALKS, 8, E_DRAM_BYTE, MEMORY),
	/* front end; what leaks as long as the queue's clock runs */
	T(PACKETS, 1, E_PACKET, V2),
	T(CYCLES, 1, LEAK_FABRIC, LEAK),
	T(CYCLES, 1, LEAK_MANAGEMENT, LEAK),
};

const struct npu_model_term *npu_model_terms(size_t *count)
{
	*count = sizeof(terms) / sizeof(terms[0]);
	return terms;
}

static uint64_t divide_round(uint64_t value, uint64_t by)
{
	return (value + by / 2) / by;
}

/* fJ of a row at an operating point. This is the one place where energy is rounded. */
static uint64_t scaled(const struct npu_model_term *term, const struct npu_opp *opp)
{
	switch (term->scale) {
	case NPU_SCALE_V2:
		return divide_round(term->value * opp->mv * opp->mv, NOMINAL_MV * NOMINAL_MV);
	case NPU_SCALE_LEAK: /* uW x ps = 10^-3 fJ */
		return divide_round(term->value * opp->mv * opp->period, NOMINAL_MV * 1000);
	default:
		return term->value;
	}
}

void npu_model_energy(unsigned int opp, struct npu_energy *energy)
{
	memset(energy, 0, sizeof(*energy));
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		const struct npu_model_term *term = &terms[i];
		const uint64_t fj =
			(uint64_t)(int64_t)term->factor * scaled(term, &npu_model_opp[opp]);

		energy->total[term->counter] += fj;
		if (term->scale == NPU_SCALE_LEAK)
			energy->leakage[term->counter] += fj;
		if (term->scale == NPU_SCALE_MEMORY)
			energy->memory[term->counter] += fj;
	}
}

/* ---- matrix engine --------------------------------------------------------------------------- */

static uint64_t blocks(uint64_t n, uint64_t size)
{
	return (n + size - 1) / size;
}

/* What the types of A and B come to. */
struct matrix_rate {
	uint32_t k;		  /* products per output and cycle, of all that were asked for */
	enum npu_counter counter; /* of them; NPU_COUNTER_COUNT: what matrix.macs has left */
	bool sparse;
};

static struct matrix_rate matrix_rate(const struct npu_matrix_desc *desc)
{
	switch (desc->flags & NPU_MATRIX_B) {
	case NPU_MATRIX_B_S4:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S4, NPU_COUNTER_MATRIX_S4, false};
	case NPU_MATRIX_B_S2:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S2, NPU_COUNTER_MATRIX_S2, false};
	case NPU_MATRIX_B_SPARSE_S8:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K * NPU_MODEL_MATRIX_SPARSE, NPU_COUNTER_COUNT, true};
	case NPU_MATRIX_B_SPARSE_S4:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_S4 * NPU_MODEL_MATRIX_SPARSE, NPU_COUNTER_MATRIX_S4, true};
	case NPU_MATRIX_B_BF16:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_16, NPU_COUNTER_MATRIX_BF16, false};
	case NPU_MATRIX_B_FP16:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_16, NPU_COUNTER_MATRIX_FP16, false};
	case NPU_MATRIX_B_FP32:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K_FP32, NPU_COUNTER_MATRIX_FP32, false};
	default:
		return (struct matrix_rate){NPU_MODEL_MATRIX_K, NPU_COUNTER_COUNT,
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
	return cost;
}

/* ---- power ----------------------------------------------------------------------------------- */

/* fJ of the dearest cycle of the matrix engine, of any type, at these energies. */
static uint64_t matrix_peak(const struct npu_energy *energy)
{
	static const uint32_t types[] = {
		NPU_MATRIX_B_S8,
		NPU_MATRIX_B_S4,
		NPU_MATRIX_B_S2,
		NPU_MATRIX_B_SPARSE_S8,
		NPU_MATRIX_B_SPARSE_S4,
		NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16,
		NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16,
		NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32,
	};
	uint64_t peak = 0;

	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct npu_matrix_desc desc = {
			.m = NPU_MODEL_MATRIX_M,
			.n = NPU_MODEL_MATRIX_N,
			.k = 4096, /* a multiple of what any type takes in a cycle */
			.flags = types[i],
		};
		const struct npu_matrix_cost cost = npu_model_matrix(&desc);
		const uint64_t steps = cost.busy - NPU_MODEL_MATRIX_SETUP - NPU_MODEL_MATRIX_FILL;
		uint64_t fj = cost.macs * energy->total[NPU_COUNTER_MATRIX_MACS] +
			      cost.skipped * energy->total[NPU_COUNTER_MATRIX_SKIPPED] +
			      cost.sram * energy->total[NPU_COUNTER_MATRIX_SRAM];

		if (cost.counter != NPU_COUNTER_COUNT)
			fj += (cost.macs - cost.skipped) * energy->total[cost.counter];
		fj = blocks(fj, steps);
		peak = fj > peak ? fj : peak;
	}
	return peak + NPU_MODEL_MATRIX_PORT_BYTES * energy->total[NPU_COUNTER_MATRIX_SRAM];
}

/*
 * Every part of every tile at work in each cycle, a packet as often as the front end can, the copy
 * engine, and both directions of the host link, of each tile's port and of each link between chiplets full.
 */
uint32_t npu_model_peak(unsigned int opp, unsigned int chiplets, unsigned int tiles)
{
	const uint32_t period = npu_model_opp[opp].period;
	struct npu_energy energy;
	uint64_t core, tile, rest;

	npu_model_energy(opp, &energy);
	core = NPU_MODEL_VECTOR_BYTES * energy.total[NPU_COUNTER_VECTOR_BYTES];
	if (core < energy.total[NPU_COUNTER_TILE_FP])
		core = energy.total[NPU_COUNTER_TILE_FP];
	core += energy.total[NPU_COUNTER_TILE_INSTRUCTIONS] +
		NPU_MODEL_VECTOR_BYTES * energy.total[NPU_COUNTER_VECTOR_SRAM];
	tile = core + matrix_peak(&energy) + energy.total[NPU_COUNTER_TILE_CYCLES] +
	       2 * NPU_MODEL_DMA_LOCAL_BYTES * energy.total[NPU_COUNTER_DMA_SRAM] +
	       2 * NPU_MODEL_TILE_PORT_BYTES * energy.total[NPU_COUNTER_LINK_BYTES];
	if (chiplets < 2)
		chiplets = 0; /* no links */
	rest = 2ull * chiplets * NPU_MODEL_CHIPLET_BYTES * energy.total[NPU_COUNTER_LINK_HOPS] +
	       energy.total[NPU_COUNTER_CYCLES] + energy.total[NPU_COUNTER_COPY_CYCLES] +
	       blocks(energy.total[NPU_COUNTER_PACKETS], NPU_MODEL_FRONT_PACKET);
	/* fJ per ps is mW */
	return blocks(tiles * tile + rest, period) +
	       blocks(2ull * NPU_MODEL_LINK_BYTES * NPU_MODEL_E_LINK_BYTE, 1000);
}
