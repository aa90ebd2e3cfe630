/* SPDX-License-Identifier: MIT */
#include "conserve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "tap.h"

uint64_t conserve_row(const char *name)
{
	const struct npu_model_entry *table;
	size_t count;

	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].name, name))
			return table[i].value;
	printf("Bail out! the model's table has no %s\n", name);
	exit(1);
}

static uint64_t opp_row(unsigned int opp, const char *what)
{
	char name[32];

	snprintf(name, sizeof(name), "OPP%u_%s", opp, what);
	return conserve_row(name);
}

static uint64_t rounded(uint64_t value, uint64_t by)
{
	return (value + by / 2) / by;
}

/* Of a row that scales with the square of the supply. */
static uint64_t switching(unsigned int opp, const char *name)
{
	const uint64_t mv = opp_row(opp, "MV"), nominal = opp_row(NPU_MODEL_OPPS - 1, "MV");

	return rounded(conserve_row(name) * mv * mv, nominal * nominal);
}

/* Per cycle, of a row in uW: a uW for a ps is a thousandth of a fJ. */
static uint64_t leaking(unsigned int opp, const char *name)
{
	const uint64_t mv = opp_row(opp, "MV"), nominal = opp_row(NPU_MODEL_OPPS - 1, "MV");

	return rounded(conserve_row(name) * mv * opp_row(opp, "PERIOD"), nominal * 1000);
}

uint64_t conserve_energy(const uint64_t c[NPU_COUNTER_COUNT], unsigned int opp, uint64_t *leakage)
{
	const uint64_t sram_accesses =
		c[NPU_COUNTER_TILE_LOADS] + c[NPU_COUNTER_TILE_STORES] - c[NPU_COUNTER_TILE_REMOTE];
	const uint64_t sram_bytes = c[NPU_COUNTER_VECTOR_SRAM] + c[NPU_COUNTER_MATRIX_SRAM] +
				    c[NPU_COUNTER_DMA_SRAM];
	const uint64_t host_bytes = c[NPU_COUNTER_VECTOR_REMOTE] + c[NPU_COUNTER_DMA_READ] +
				    c[NPU_COUNTER_DMA_WRITE] + c[NPU_COUNTER_COPY_READ] +
				    c[NPU_COUNTER_COPY_BYTES] +
				    8 * (c[NPU_COUNTER_TILE_REMOTE] + c[NPU_COUNTER_TLB_MISSES] +
					 c[NPU_COUNTER_COPY_WALKS]);
	const uint64_t typed = c[NPU_COUNTER_MATRIX_S4] + c[NPU_COUNTER_MATRIX_S2] +
			       c[NPU_COUNTER_MATRIX_BF16] + c[NPU_COUNTER_MATRIX_FP16] +
			       c[NPU_COUNTER_MATRIX_FP32];
	const uint64_t macs =
		(c[NPU_COUNTER_MATRIX_MACS] - c[NPU_COUNTER_MATRIX_SKIPPED] - typed) *
			switching(opp, "E_MAC") +
		c[NPU_COUNTER_MATRIX_S4] * switching(opp, "E_MAC_S4") +
		c[NPU_COUNTER_MATRIX_S2] * switching(opp, "E_MAC_S2") +
		c[NPU_COUNTER_MATRIX_BF16] * switching(opp, "E_MAC_BF16") +
		c[NPU_COUNTER_MATRIX_FP16] * switching(opp, "E_MAC_FP16") +
		c[NPU_COUNTER_MATRIX_FP32] * switching(opp, "E_MAC_FP32");
	const uint64_t leaks =
		c[NPU_COUNTER_TILE_CYCLES] * leaking(opp, "LEAK_TILE") +
		c[NPU_COUNTER_TILE_IDLE] * leaking(opp, "LEAK_TILE_GATED") +
		c[NPU_COUNTER_CYCLES] *
			(leaking(opp, "LEAK_FABRIC") + leaking(opp, "LEAK_MANAGEMENT"));

	*leakage = leaks;
	return leaks + macs + c[NPU_COUNTER_TILE_INSTRUCTIONS] * switching(opp, "E_INSTRUCTION") +
	       c[NPU_COUNTER_TILE_FP] * switching(opp, "E_FP") +
	       c[NPU_COUNTER_VECTOR_BYTES] * switching(opp, "E_VECTOR_BYTE") +
	       sram_accesses * switching(opp, "E_SRAM_ACCESS") +
	       sram_bytes * switching(opp, "E_SRAM_BYTE") +
	       (c[NPU_COUNTER_LINK_BYTES] +
		c[NPU_COUNTER_DMA_SIGNALS] * conserve_row("SIGNAL_BYTES")) *
		       switching(opp, "E_PORT_BYTE") +
	       c[NPU_COUNTER_LINK_HOPS] * conserve_row("E_CHIPLET_BYTE") +
	       c[NPU_COUNTER_PACKETS] * switching(opp, "E_PACKET") +
	       c[NPU_COUNTER_TILE_CYCLES] * switching(opp, "E_TILE_CYCLE") +
	       c[NPU_COUNTER_COPY_CYCLES] * switching(opp, "E_COPY_CYCLE") +
	       host_bytes * (conserve_row("E_LINK_BYTE") + conserve_row("E_DRAM_BYTE"));
}

static bool law(const char *name, uint64_t sum, uint64_t want)
{
	if (sum != want)
		tap_diag("%s: %llu, want %llu", name, (unsigned long long)sum,
			 (unsigned long long)want);
	return sum == want;
}

bool conserve_cycles(const uint64_t c[NPU_COUNTER_COUNT], unsigned int tiles)
{
	bool ok = law("causes of tile.cycles",
		      c[NPU_COUNTER_TILE_INSTRUCTIONS] + c[NPU_COUNTER_STALL_EXEC] +
			      c[NPU_COUNTER_STALL_VECTOR] + c[NPU_COUNTER_STALL_MEMORY] +
			      c[NPU_COUNTER_STALL_DMA] + c[NPU_COUNTER_STALL_MATRIX] +
			      c[NPU_COUNTER_STALL_SYNC] +
			      c[NPU_COUNTER_STALL_START] + c[NPU_COUNTER_TLB_CYCLES],
		      c[NPU_COUNTER_TILE_CYCLES]);

	ok &= law("causes of cycles",
		  c[NPU_COUNTER_FRONT_CYCLES] + c[NPU_COUNTER_WAIT_TILES] +
			  c[NPU_COUNTER_WAIT_COPY],
		  c[NPU_COUNTER_CYCLES]);
	return ok & law("tiles over the clock",
			c[NPU_COUNTER_TILE_CYCLES] + c[NPU_COUNTER_TILE_IDLE],
			c[NPU_COUNTER_CYCLES] * tiles);
}
