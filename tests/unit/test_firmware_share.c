/* SPDX-License-Identifier: MIT */
/*
 * Tiles and copy engine at the host's memory at the same time: the firmware runs a dispatch that streams through tile
 * DMA beside a COPY packet. No clock is shorter than link and memory take for the bytes of both, the copy
 * engine is who waits, and the figures are the same on every host: inline or on workers, one or several.
 */
#include <string.h>

#include "conserve.h"
#include "fw_code.h"
#include "fw_driver.h"
#include "model.h"
#include "npu_packet.h"
#include "tap.h"

#define TILES	   4
#define OPERATIONS 16
#define BLOCK	   32768u /* bytes that an operation reads */
#define COPIED	   (512u << 10)
#define DMA(rd, rs1) RV_I(0, rs1, NPU_F3_DMA, rd, NPU_OPCODE_CUSTOM0)

enum order { DISPATCH, COPY, DISPATCH_COPY, COPY_DISPATCH, APART, ORDERS };

static const char *const names[ORDERS] = {
	[DISPATCH] = "dispatch", [COPY] = "copy", [DISPATCH_COPY] = "dispatch, copy",
	[COPY_DISPATCH] = "copy, dispatch", [APART] = "dispatch, barrier, copy",
};

static const uint8_t orders[ORDERS][3] = {
	[DISPATCH] = {NPU_PKT_DISPATCH}, [COPY] = {NPU_PKT_COPY},
	[DISPATCH_COPY] = {NPU_PKT_DISPATCH, NPU_PKT_COPY},
	[COPY_DISPATCH] = {NPU_PKT_COPY, NPU_PKT_DISPATCH},
	[APART] = {NPU_PKT_DISPATCH, NPU_PKT_BARRIER, NPU_PKT_COPY},
};

/* Each order as a job of its own: what it counted. */
static bool run(const char *image, int64_t budget, unsigned int threads,
		uint64_t counted[ORDERS][NPU_COUNTER_COUNT])
{
	struct npu_config config;
	struct queue_mem *queue;
	union npu_packet *cb;
	uint64_t code_va, desc_va, cb_va, in_va, out_va;
	uint32_t *code;
	uint8_t *in, *out;
	struct npu_dma_desc *desc;
	struct drv *d;
	bool ok = true;

	npu_config_init(&config);
	config.chiplets = 2;
	config.tiles_per_chiplet = TILES / 2;
	config.sram_kib = 64;
	config.threads = threads;
	if (budget >= 0)
		config.inline_budget = (uint64_t)budget;
	d = drv_new_config(image, &config);
	drv_boot(d, NULL);
	as_create(d, 1);
	code_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	desc_va = map_new(d, 1, 4096, NPU_PTE_R, &desc);
	cb_va = map_new(d, 1, 4096, NPU_PTE_R, &cb);
	in_va = map_new(d, 1, COPIED, NPU_PTE_R, &in);
	out_va = map_new(d, 1, COPIED, NPU_PTE_R | NPU_PTE_W, &out);
	for (unsigned int i = 0; i < OPERATIONS; i++)
		code[i] = DMA(T0, A0);
	code[OPERATIONS] = EXIT;
	*desc = (struct npu_dma_desc){.dst = NPU_VA_SRAM, .src = in_va, .size = {BLOCK, 1, 1}};
	for (unsigned int i = 0; i < COPIED; i++)
		in[i] = (uint8_t)(i * 2654435761u >> 24);
	queue = queue_start(d, 0, NPU_PRIO_NORMAL);
	for (unsigned int o = 0; o < ORDERS; o++) {
		unsigned int packets = 0;
		uint64_t before[NPU_COUNTER_COUNT];

		memset(cb, 0, 4096);
		memset(out, 0, COPIED);
		for (; packets < 3 && orders[o][packets]; packets++) {
			union npu_packet *p = &cb[packets];

			p->hdr.op = orders[o][packets];
			if (p->hdr.op == NPU_PKT_DISPATCH) {
				p->dispatch.entry = code_va;
				p->dispatch.args = desc_va;
				p->dispatch.grid[0] = TILES;
				p->dispatch.grid[1] = p->dispatch.grid[2] = 1;
			} else if (p->hdr.op == NPU_PKT_COPY) {
				p->copy.dst = out_va;
				p->copy.src = in_va;
				p->copy.size[0] = COPIED;
				p->copy.size[1] = p->copy.size[2] = 1;
			}
		}
		memcpy(before, queue->counters->value, sizeof(before));
		ok &= wait_done(d, 0, submit(d, 0, 1, cb_va, packets)) &&
		      queue->wb->error == NPU_JOB_OK;
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			counted[o][i] = queue->counters->value[i] - before[i];
		ok &= o == DISPATCH || !memcmp(in, out, COPIED);
	}
	drv_free(d);
	return ok;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void test_figures(uint64_t c[ORDERS][NPU_COUNTER_COUNT])
{
	const struct npu_rates all = {
		.period = npu_model_opp[NPU_MODEL_OPPS - 1].period, .share = 1, .slow = 1};
	const uint64_t least = npu_model_host(&all, (uint64_t)TILES * OPERATIONS * BLOCK + COPIED, COPIED);
	const uint64_t dispatch = c[DISPATCH][NPU_COUNTER_CYCLES], copy = c[COPY][NPU_COUNTER_CYCLES];

	tap_diag("dispatch %llu, copy %llu, together %llu, apart %llu cycles",
		 (unsigned long long)dispatch, (unsigned long long)copy,
		 (unsigned long long)c[DISPATCH_COPY][NPU_COUNTER_CYCLES],
		 (unsigned long long)c[APART][NPU_COUNTER_CYCLES]);
	tap_ok(least > larger(dispatch, copy), "together they want more than there is");
	for (unsigned int o = DISPATCH_COPY; o <= COPY_DISPATCH; o++) {
		tap_is(c[o][NPU_COUNTER_CYCLES], least, names[o]);
		tap_is(c[o][NPU_COUNTER_WAIT_COPY], least - c[o][NPU_COUNTER_FRONT_CYCLES],
		       "the copy engine waits for what tiles leave");
		tap_is(c[o][NPU_COUNTER_WAIT_TILES], 0, "and nobody for the tiles");
		tap_is(c[o][NPU_COUNTER_TILE_CYCLES], c[DISPATCH][NPU_COUNTER_TILE_CYCLES],
		       "whose time is what it is without a copy");
		tap_is(c[o][NPU_COUNTER_COPY_CYCLES], c[COPY][NPU_COUNTER_COPY_CYCLES],
		       "as are the copy's own cycles");
	}
	tap_ok(c[APART][NPU_COUNTER_CYCLES] > least && c[APART][NPU_COUNTER_WAIT_TILES],
	       "one after the other takes longer than together");
	for (unsigned int o = 0; o < ORDERS; o++) {
		uint64_t leakage;

		tap_ok(conserve_cycles(c[o], TILES) &&
			       c[o][NPU_COUNTER_ENERGY] ==
				       conserve_energy(c[o], NPU_MODEL_OPPS - 1, &leakage) &&
			       c[o][NPU_COUNTER_LEAKAGE] == leakage,
		       "%s: cycles have causes, energy is counts times the table", names[o]);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		int64_t budget;
		unsigned int threads;
	} hosts[] = {{-1, 1}, {0, 1}, {0, 4}, {1000, 3}};
	const char *image = fw_image_path(argc, argv);
	static uint64_t first[ORDERS][NPU_COUNTER_COUNT], counted[ORDERS][NPU_COUNTER_COUNT];

	tap_ok(run(image, hosts[0].budget, hosts[0].threads, first), "a dispatch and a copy, in each order");
	test_figures(first);
	for (unsigned int i = 1; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		tap_ok(run(image, hosts[i].budget, hosts[i].threads, counted) &&
			       !memcmp(counted, first, sizeof(first)),
		       "the same figures with %u threads and %lld units inline", hosts[i].threads,
		       (long long)hosts[i].budget);
	return tap_done();
}
