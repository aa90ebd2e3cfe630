/* SPDX-License-Identifier: MIT */
/* Queue clocks: independent of the order in which shares end. Counters: nothing lost. */
#include <stdlib.h>
#include <string.h>

#include "acct.h"
#include "model.h"
#include "tap.h"

static struct acct acct;
static const struct npu_counters zero;

static const uint64_t front_dispatch = NPU_MODEL_FRONT_PACKET + NPU_MODEL_FRONT_DISPATCH;
static const uint64_t front_copy = NPU_MODEL_FRONT_PACKET + NPU_MODEL_FRONT_COPY;

static void end(unsigned int q, const struct acct_ticket *ticket, uint64_t cycles)
{
	acct_end(&acct, q, ticket, 0, cycles, &zero);
}

static void test_simple(void)
{
	struct acct_ticket a, b;

	tap_is(acct_clock(&acct, 0), 0, "the clock starts at 0");
	acct_begin(&acct, 0, NPU_PKT_DISPATCH);
	a = acct_start(&acct, 0, ACCT_TILES);
	b = acct_start(&acct, 0, ACCT_TILES);
	end(0, &b, 500);
	end(0, &a, 300);
	tap_is(acct_clock(&acct, 0), front_dispatch + 500,
	       "a dispatch takes as long as its longest share");
	acct_begin(&acct, 0, NPU_PKT_BARRIER);
	tap_is(acct_clock(&acct, 0), front_dispatch + 500 + NPU_MODEL_FRONT_PACKET,
	       "a barrier joins");
	acct_clear(&acct, 0);
	tap_is(acct_clock(&acct, 0), 0, "clear");
	end(0, &a, 1000);
	tap_is(acct_clock(&acct, 0), 0, "shares from before a clear do not count");
}

static void test_overlap(void)
{
	struct acct_ticket d, c;

	acct_clear(&acct, 0);
	acct_begin(&acct, 0, NPU_PKT_DISPATCH);
	d = acct_start(&acct, 0, ACCT_TILES);
	acct_begin(&acct, 0, NPU_PKT_COPY);
	c = acct_start(&acct, 0, ACCT_COPY);
	end(0, &d, 5000);
	end(0, &c, 6000);
	tap_is(acct_clock(&acct, 0), front_dispatch + front_copy + 6000,
	       "a copy overlaps a dispatch");

	acct_clear(&acct, 0);
	acct_begin(&acct, 0, NPU_PKT_DISPATCH);
	d = acct_start(&acct, 0, ACCT_TILES);
	end(0, &d, 5000);
	acct_begin(&acct, 0, NPU_PKT_DISPATCH);
	d = acct_start(&acct, 0, ACCT_TILES);
	end(0, &d, 100);
	tap_is(acct_clock(&acct, 0), front_dispatch + 5100, "dispatches follow one another");
	acct_barrier(&acct, 0);
	acct_begin(&acct, 0, NPU_PKT_NOP);
	tap_is(acct_clock(&acct, 0), front_dispatch + 5100 + NPU_MODEL_FRONT_PACKET,
	       "the end of a command buffer joins");
}

static uint64_t waited(enum npu_counter counter)
{
	struct npu_counter_block block;

	acct_snapshot(&acct, 0, ACCT_ALL, &block);
	return block.value[counter];
}

/* A copy beside a dispatch: no time is shorter than the bytes of both take, and the copy engine yields. */
static void test_shared(void)
{
	const uint64_t tile_bytes = 10000 * NPU_MODEL_LINK_BYTES;
	const uint64_t copy_bytes = 2000 * NPU_MODEL_LINK_BYTES;
	struct npu_counters dma = {0}, copied = {0}, loaded = {0};

	dma.v[NPU_COUNTER_DMA_READ] = tile_bytes;
	copied.v[NPU_COUNTER_COPY_READ] = copied.v[NPU_COUNTER_COPY_BYTES] = copy_bytes;
	loaded.v[NPU_COUNTER_VECTOR_REMOTE] = 20000 * NPU_MODEL_DRAM_BYTES;
	for (unsigned int copy_first = 0; copy_first < 2; copy_first++) {
		struct acct_ticket t[2];

		acct_clear(&acct, 0);
		for (unsigned int i = 0; i < 2; i++) {
			const bool copy = i != copy_first;

			acct_begin(&acct, 0, copy ? NPU_PKT_COPY : NPU_PKT_DISPATCH);
			t[copy] = acct_start(&acct, 0, copy ? ACCT_COPY : ACCT_TILES);
		}
		acct_end(&acct, 0, &t[1], ACCT_CORE_COPY(&acct), 3000, &copied);
		tap_is(acct_clock(&acct, 0),
		       copy_first ? front_copy + 3000 : front_dispatch + front_copy + 3000,
		       "a copy alone has all the bandwidth");
		acct_end(&acct, 0, &t[0], 0, 10000, &dma);
		tap_is(acct_clock(&acct, 0), 12000, "with a dispatch beside it, what is left");
		acct_begin(&acct, 0, NPU_PKT_BARRIER);
		tap_is(waited(NPU_COUNTER_WAIT_COPY), 12000 - front_dispatch - front_copy,
		       "it is waited for");
		tap_is(waited(NPU_COUNTER_WAIT_TILES), 0, "the tiles are done earlier");
		acct_begin(&acct, 0, NPU_PKT_DISPATCH);
		t[0] = acct_start(&acct, 0, ACCT_TILES);
		acct_end(&acct, 0, &t[0], 0, 10000, &dma);
		tap_is(acct_clock(&acct, 0), 12000 + NPU_MODEL_FRONT_PACKET + front_dispatch + 10000,
		       "what was before a barrier is over");
		acct_barrier(&acct, 0);
		acct_begin(&acct, 0, NPU_PKT_DISPATCH);
		t[0] = acct_start(&acct, 0, ACCT_TILES);
		acct_end(&acct, 0, &t[0], 0, 10000, &loaded);
		acct_barrier(&acct, 0);
		tap_is(waited(NPU_COUNTER_WAIT_TILES), 10000 + 20000 - front_dispatch,
		       "cores share the memory too");
	}
}

/* Random packets, shares ended in random order and at random moments: the same clock each time. */
struct plan {
	uint32_t op;
	unsigned int shares;
	uint64_t cycles[8], bytes[8];
};

/* An end with bytes from and to host memory. */
static void end_moved(unsigned int q, const struct acct_ticket *ticket, uint64_t cycles, uint64_t bytes)
{
	const bool copy = ticket->lane == ACCT_COPY;
	struct npu_counters moved = {0};

	moved.v[copy ? NPU_COUNTER_COPY_READ : NPU_COUNTER_DMA_READ] = bytes;
	moved.v[copy ? NPU_COUNTER_COPY_BYTES : NPU_COUNTER_DMA_WRITE] = bytes / 2;
	moved.v[NPU_COUNTER_VECTOR_REMOTE] = copy ? 0 : bytes / 4;
	acct_end(&acct, q, ticket, copy ? ACCT_CORE_COPY(&acct) : 0, cycles, &moved);
}

static uint64_t play(const struct plan *plan, unsigned int count, unsigned int seed)
{
	struct open {
		struct acct_ticket ticket;
		uint64_t cycles, bytes;
	} open[64];
	unsigned int opened = 0;

	srand(seed);
	acct_clear(&acct, 1);
	for (unsigned int i = 0; i <= count; i++) {
		const bool join = i == count || plan[i].op == NPU_PKT_BARRIER;

		/* seed 0: everything ends at once; else some, and all when it has to. */
		while (opened && (join || !seed || opened > 48 || rand() % 3)) {
			const unsigned int n = rand() % opened;

			end_moved(1, &open[n].ticket, open[n].cycles, open[n].bytes);
			open[n] = open[--opened];
		}
		if (i == count)
			break;
		acct_begin(&acct, 1, plan[i].op);
		for (unsigned int s = 0; s < plan[i].shares; s++) {
			open[opened].ticket = acct_start(
				&acct, 1, plan[i].op == NPU_PKT_COPY ? ACCT_COPY : ACCT_TILES);
			open[opened].bytes = plan[i].bytes[s];
			open[opened++].cycles = plan[i].cycles[s];
			if (seed && !(rand() % 4)) { /* ends before its dispatch is complete */
				opened--;
				end_moved(1, &open[opened].ticket, open[opened].cycles,
					  open[opened].bytes);
			}
		}
	}
	acct_barrier(&acct, 1);
	return acct_clock(&acct, 1);
}

static void test_order(void)
{
	enum {
		COUNT = 500
	};
	static struct plan plan[COUNT];
	bool ok = true;
	uint64_t want;

	for (unsigned int round = 0; ok && round < 20; round++) {
		srand(round + 100);
		for (unsigned int i = 0; i < COUNT; i++) {
			const unsigned int kind = rand() % 8;

			plan[i].op = kind == 0	? NPU_PKT_BARRIER
				     : kind < 3 ? NPU_PKT_COPY
						: NPU_PKT_DISPATCH;
			plan[i].shares = kind == 0 ? 0 : kind < 3 ? 1 : 1 + rand() % 8;
			for (unsigned int s = 0; s < 8; s++) {
				plan[i].cycles[s] = rand() % 4 ? rand() % 5000 : 0;
				plan[i].bytes[s] = rand() % 4 ? 0 : rand() % 1000000;
			}
		}
		want = play(plan, COUNT, 0);
		for (unsigned int seed = 1; ok && seed < 20; seed++)
			ok = play(plan, COUNT, seed) == want;
	}
	tap_ok(ok, "the clock does not depend on when shares end");
}

static void test_bounded(void)
{
	struct acct_ticket first[NPU_MAX_TILES], t;
	unsigned int most = 0;

	/* Every tile holds a share of a packet of its own open, thousands more come and go between. */
	acct_clear(&acct, 2);
	for (unsigned int i = 0; i < 63; i++) {
		acct_begin(&acct, 2, NPU_PKT_DISPATCH);
		first[i] = acct_start(&acct, 2, ACCT_TILES);
		for (unsigned int j = 0; j < 1000; j++) {
			acct_begin(&acct, 2, NPU_PKT_DISPATCH);
			t = acct_start(&acct, 2, ACCT_TILES);
			end(2, &t, 10);
			if (acct.queue[2].lane[ACCT_TILES].count > most)
				most = acct.queue[2].lane[ACCT_TILES].count;
		}
	}
	tap_ok(most <= 2 * 64 + 1, "memory is bounded: at most %u epochs", most);
	for (unsigned int i = 0; i < 63; i++)
		end(2, &first[i], 1);
	acct_barrier(&acct, 2);
	tap_is(acct_clock(&acct, 2), front_dispatch * 63 * 1001 + 10,
	       "and the sum is right: short shares hide behind the front end");
}

static void test_counters(void)
{
	struct npu_counters one = {0};
	struct npu_counter_block block;
	struct acct_ticket t;

	acct_clear(&acct, 3);
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		one.v[i] = i == NPU_COUNTER_CYCLES ? 0 : i + 1;
	acct_begin(&acct, 3, NPU_PKT_DISPATCH);
	for (unsigned int tile = 0; tile < 4; tile++) {
		t = acct_start(&acct, 3, ACCT_TILES);
		acct_end(&acct, 3, &t, tile, 10, &one);
	}
	acct_snapshot(&acct, 3, ACCT_ALL, &block);
	tap_is(block.version, NPU_COUNTER_TABLE_VERSION, "version of a snapshot");
	tap_is(block.count, NPU_COUNTER_COUNT, "count of a snapshot");
	tap_is(block.value[NPU_COUNTER_TILE_LOADS], 4 * (NPU_COUNTER_TILE_LOADS + 1),
	       "sum over tiles");
	tap_is(block.value[NPU_COUNTER_DISPATCHES], 1 + 4 * (NPU_COUNTER_DISPATCHES + 1),
	       "and the front end");
	tap_is(block.value[NPU_COUNTER_CYCLES], front_dispatch + 10, "the clock is a counter too");
	tap_is(block.value[NPU_COUNTER_COUNT], 0, "the rest is zero");
}

/* A block of 16 x 16 x 1024 of each type: its cycles, what it counts, what it takes. */
static void test_model_types(void)
{
	static const struct {
		const char *name;
		uint32_t flags;
		enum npu_counter counter;
		uint64_t steps, skipped, operands, mac;
	} types[] = {
		{"s8", NPU_MATRIX_B_S8, NPU_COUNTER_COUNT, 256, 0, 64 + 64, 100},
		{"s4", NPU_MATRIX_B_S4, NPU_COUNTER_MATRIX_S4, 128, 0, 128 + 64, 65},
		{"s2", NPU_MATRIX_B_S2, NPU_COUNTER_MATRIX_S2, 64, 0, 256 + 64, 48},
		{"sparse s8", NPU_MATRIX_B_SPARSE_S8, NPU_COUNTER_COUNT, 128, 512, 128 + 64 + 16,
		 100},
		{"sparse s4", NPU_MATRIX_B_SPARSE_S4, NPU_COUNTER_MATRIX_S4, 64, 512, 256 + 64 + 32,
		 65},
		{"bf16", NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16, NPU_COUNTER_MATRIX_BF16, 512, 0,
		 64 + 64, 590},
		{"fp16", NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16, NPU_COUNTER_MATRIX_FP16, 512, 0,
		 64 + 64, 720},
		{"fp32", NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32, NPU_COUNTER_MATRIX_FP32, 1024, 0,
		 64 + 64, 1690},
	};

	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct npu_matrix_desc desc = {
			.m = 16, .n = 16, .k = 1024, .flags = types[i].flags};
		const struct npu_matrix_cost cost = npu_model_matrix(&desc);
		const uint64_t sram = types[i].steps * types[i].operands + 16 * 16 * 4;
		const uint64_t done = 16 * 16 * (1024 - types[i].skipped);
		const uint64_t *fj = acct.energy[NPU_MODEL_OPPS - 1].total;
		uint64_t energy = cost.macs * fj[NPU_COUNTER_MATRIX_MACS] +
				  cost.skipped * fj[NPU_COUNTER_MATRIX_SKIPPED] +
				  cost.sram * fj[NPU_COUNTER_MATRIX_SRAM];

		if (cost.counter != NPU_COUNTER_COUNT)
			energy += done * fj[cost.counter];
		tap_ok(cost.busy == 64 + types[i].steps && cost.macs == 16 * 16 * 1024 &&
			       cost.skipped == 16 * 16 * types[i].skipped &&
			       cost.counter == types[i].counter && cost.sram == sram &&
			       energy == done * types[i].mac + sram * 1750,
		       "matrix: cycles, counts and energy of %s", types[i].name);
	}
}

static void test_model(void)
{
	struct npu_matrix_desc desc = {.m = 16, .n = 16, .k = 1024, .flags = NPU_MATRIX_C_S8};
	const struct npu_model_entry *table;
	struct npu_matrix_cost cost;
	uint64_t links;
	size_t count;
	bool ok = true;

	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++)
		ok &= table[i].name[0] && table[i].unit[0] && table[i].description[0] &&
		      table[i].source[0];
	tap_ok(ok && count > 30,
	       "every value of the model has a name, a unit, a meaning and a source");
	tap_is(table[0].value, NPU_MODEL_CLOCK_KHZ, "table and constants are one");
	cost = npu_model_matrix(&desc);
	tap_is(cost.busy, 64 + 256, "matrix: 1024 MACs a cycle when full");
	desc.k = 4;
	cost = npu_model_matrix(&desc);
	tap_is(cost.busy, 64 + 4, "matrix: a short K is bound by the port of C");
	desc.flags = NPU_MATRIX_ACCUMULATE;
	cost = npu_model_matrix(&desc);
	tap_is(cost.busy, 64 + 32, "matrix: accumulation reads C as well");
	desc = (struct npu_matrix_desc){.m = 4096, .n = 4096, .k = 4096};
	cost = npu_model_matrix(&desc);
	tap_is(cost.macs, 1ull << 36, "matrix: no overflow");
	test_model_types();
	tap_is(npu_model_transfer(65, 64), 2, "part of a cycle is a cycle");
	count = npu_model_peak(NPU_MODEL_OPPS - 1, 2, 4) - npu_model_peak(NPU_MODEL_OPPS - 1, 1, 4);
	links = 4ull * NPU_MODEL_CHIPLET_BYTES * NPU_MODEL_E_CHIPLET_BYTE;
	tap_ok(count >= links / 1000 && count <= links / 1000 + 1,
	       "the most that a device can take has both links of both chiplets in it");
}

int main(void)
{
	if (!acct_init(&acct, 4, 64))
		return 1;
	test_simple();
	test_overlap();
	test_shared();
	test_order();
	test_bounded();
	test_counters();
	test_model();
	acct_free(&acct);
	return tap_done();
}
