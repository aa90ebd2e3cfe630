/* SPDX-License-Identifier: MIT */
/*
 * The same work gives the same results, clocks and counters whatever the host does: any number
 * of threads, any inline budget, any path of the matrix arithmetic.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "dev.h"
#include "tap.h"
#include "tiles.h"

#define RW (NPU_PTE_R | NPU_PTE_W)

struct outcome {
	uint64_t counters[2][NPU_COUNTER_COUNT]; /* of queues 0 and 1 */
	uint64_t capped[3][NPU_COUNTER_COUNT];	 /* of queues 0 to 2, after work at a lower clock */
	uint64_t device[NPU_COUNTER_COUNT];	 /* then */
	uint64_t tile[4][NPU_COUNTER_COUNT];	 /* of queue 0 */
	uint64_t hash;				 /* of what was written */
	bool done, conserved;
	bool sliced; /* the long matrix operations are more than a slice */
};

static uint64_t hash(const uint8_t *p, uint64_t size)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (uint64_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

#define GROUPS 9
#define OUT    0x40000 /* bytes that a workgroup writes */

/* What a workgroup does; everything in its own page, the results in its own place. */
struct work {
	struct script_step script[16];
	struct npu_dma_desc desc[3];
	struct npu_matrix_desc matrix[2];
};

static void build(struct work *w, uint64_t va, uint64_t in, uint64_t out)
{
	const uint64_t desc = va + offsetof(struct work, desc);
	const uint64_t matrix = va + offsetof(struct work, matrix);
	struct script_step *s = w->script;

	w->desc[0] = (struct npu_dma_desc){.dst = NPU_VA_SRAM, .src = in, .size = {0x40000, 1, 1}};
	w->desc[1] = (struct npu_dma_desc){.dst = NPU_VA_SRAM + 0x40000,
					   .src = in + 7,
					   .size = {1000, 64, 2},
					   .dst_stride = {1024, 65536},
					   .src_stride = {1001, 65000}};
	w->desc[2] = (struct npu_dma_desc){
		.dst = out, .src = NPU_VA_SRAM + 0x80000, .size = {OUT, 1, 1}};
	w->matrix[0] = (struct npu_matrix_desc){.a = 0,
						.b = 0x40000,
						.c = 0x80000,
						.m = 256,
						.n = 256,
						.k = 512,
						.a_stride = 512,
						.c_stride = 1024};
	w->matrix[1] = w->matrix[0];
	w->matrix[1].flags = NPU_MATRIX_ACCUMULATE | NPU_MATRIX_A_S8;
	*s++ = (struct script_step){S_DMA, desc};
	*s++ = (struct script_step){S_DMA, desc + sizeof(w->desc[0])};
	*s++ = (struct script_step){S_WAIT_LAST, 0};
	*s++ = (struct script_step){S_MATRIX, matrix};
	*s++ = (struct script_step){S_MATRIX, matrix + sizeof(w->matrix[0])};
	*s++ = (struct script_step){S_WAIT, 0};
	*s++ = (struct script_step){S_DMA, desc + sizeof(w->desc[0])};
	*s++ = (struct script_step){S_DMA, desc + 2 * sizeof(w->desc[0])};
	*s++ = (struct script_step){S_END, 0};
}

#define LONG_M	 320
#define LONG_N	 512
#define LONG_K	 1024
#define LONG_OUT (LONG_M * LONG_N * 4)

/* One workgroup whose matrix operations are so long that the host runs them in slices. */
static void build_long(struct work *w, uint64_t va, uint64_t in, uint64_t out)
{
	const uint64_t desc = va + offsetof(struct work, desc);
	const uint64_t matrix = va + offsetof(struct work, matrix);
	const uint32_t b = 0x60000, c = b + LONG_N * LONG_K;
	struct script_step *s = w->script;

	w->desc[0] = (struct npu_dma_desc){
		.dst = NPU_VA_SRAM, .src = in, .size = {LONG_M * LONG_K, 1, 1}};
	w->desc[1] = (struct npu_dma_desc){.dst = NPU_VA_SRAM + b,
					   .src = in,
					   .size = {LONG_N * LONG_K / 2, 2, 1},
					   .dst_stride = {LONG_N * LONG_K / 2},
					   .src_stride = {0x8000}};
	w->desc[2] =
		(struct npu_dma_desc){.dst = out, .src = NPU_VA_SRAM + c, .size = {LONG_OUT, 1, 1}};
	w->matrix[0] = (struct npu_matrix_desc){.b = b,
						.c = c,
						.m = LONG_M,
						.n = LONG_N,
						.k = LONG_K,
						.a_stride = LONG_K,
						.c_stride = LONG_N * 4};
	w->matrix[1] = w->matrix[0];
	w->matrix[1].flags = NPU_MATRIX_ACCUMULATE | NPU_MATRIX_A_S8;
	*s++ = (struct script_step){S_DMA, desc};
	*s++ = (struct script_step){S_DMA, desc + sizeof(w->desc[0])};
	*s++ = (struct script_step){S_WAIT, 0};
	*s++ = (struct script_step){S_MATRIX, matrix};
	*s++ = (struct script_step){S_MATRIX, matrix + sizeof(w->matrix[0])};
	*s++ = (struct script_step){S_WAIT, 0};
	*s++ = (struct script_step){S_DMA, desc + 2 * sizeof(w->desc[0])};
	*s++ = (struct script_step){S_END, 0};
}

static bool all_done(struct tiles *t)
{
	bool done = true;

	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < t->dev->tiles; i++)
		done &= tiles_ack(t, i) == NPU_SOC_DONE;
	return done;
}

/* Every cycle has a cause, and energy is counts times the table. */
static bool conserved(struct tiles *t, unsigned int queues)
{
	bool ok = true;

	for (unsigned int q = 0; q < queues; q++) {
		uint64_t total[NPU_COUNTER_COUNT], leakage;

		tiles_counters(t, q, total);
		ok &= conserve_cycles(total, t->dev->tiles);
		ok &= conserve_energy(total, NPU_MODEL_OPPS - 1, &leakage) ==
		      total[NPU_COUNTER_ENERGY];
		ok &= leakage == total[NPU_COUNTER_LEAKAGE];
	}
	return ok;
}

/* Three queues at once, two of them on two tiles each, the third on the copy engine, at a lower clock. */
static bool capped_work(struct tiles *t, uint64_t scripts, uint64_t args,
			const union npu_packet *packet, struct outcome *o)
{
	struct npu_counter_block block;
	bool done;

	tiles_acct(t, 0, NPU_SOC_ACCT_BARRIER, 0);
	tiles_acct(t, 1, NPU_SOC_ACCT_BARRIER, 0);
	tiles_set(t, NPU_SOC_POWER_OPP, 1, 4);
	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_acct(t, 2, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	for (unsigned int i = 0; i < 2; i++) {
		tiles_go(t, i, 0, 1, tiles_entry(K_SCRIPTS), scripts, 4, i, 2, 2);
		tiles_go(t, 2 + i, 2, 2, tiles_entry(K_WORK), args, 7, i, 2, 4 - i);
	}
	done = tiles_copy(t, 1, 2, packet) == NPU_SOC_DONE;
	done &= all_done(t);
	for (unsigned int q = 0; q < 3; q++) {
		tiles_acct(t, q, NPU_SOC_ACCT_BARRIER, 0);
		tiles_counters(t, q, o->capped[q]);
		o->conserved &= conserve_cycles(o->capped[q], t->dev->tiles);
	}
	dev_lock(t->dev);
	acct_device(&t->dev->acct, ACCT_ALL, &block);
	dev_unlock(t->dev);
	memcpy(o->device, block.value, sizeof(o->device));
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		o->conserved &= o->device[i] ==
				o->capped[0][i] + o->capped[1][i] + o->capped[2][i];
	/* Queue 2 has only run at that clock, of 2 ns. */
	o->conserved &= o->capped[2][NPU_COUNTER_TIME] == o->capped[2][NPU_COUNTER_CYCLES] * 2000;
	return done;
}

static struct outcome run(unsigned int threads, uint64_t budget, const char *path, bool sync)
{
	struct npu_config config;
	uint64_t work_va, in_va, out_va, copy_va, args_va, long_va, long_out_va, *args;
	uint8_t *work, *in, *out, *copy, *long_out;
	struct work *long_work;
	struct outcome o = {0};
	struct tiles *t;
	union npu_packet p;

	npu_config_init(&config);
	config.threads = threads;
	config.inline_budget = budget;
	config.matrix_path = path;
	config.sync = sync;
	config.sram_kib = 2048;
	t = tiles_new(&config);
	work_va = tiles_map(t, GROUPS * 4096, RW, &work);
	in_va = tiles_map(t, 0x50000, NPU_PTE_R, &in);
	out_va = tiles_map(t, GROUPS * OUT, RW, &out);
	copy_va = tiles_map(t, 0x20000, RW, &copy);
	args_va = tiles_map(t, 4096, RW, &args);
	long_va = tiles_map(t, 4096, RW, &long_work);
	long_out_va = tiles_map(t, LONG_OUT, RW, &long_out);
	srand(1);
	for (unsigned int i = 0; i < 0x50000; i++)
		in[i] = rand();
	for (unsigned int i = 0; i < GROUPS; i++)
		build((struct work *)(work + i * 4096), work_va + i * 4096, in_va,
		      out_va + i * OUT);
	build_long(long_work, long_va, in_va, long_out_va);
	args[0] = 5000;
	p = (union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY},
					.dst = copy_va,
					.src = in_va,
					.size = {0x1000, 8, 2},
					.dst_stride = {0x2000, 0x10000},
					.src_stride = {4099, 77}}};

	o.done = true;
	for (unsigned int round = 0; round < 3; round++) {
		tiles_dispatch(t, 0, 1, K_SCRIPTS, work_va, GROUPS);
		o.done &= all_done(t);
		tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_BARRIER);
		tiles_dispatch(t, 1, 2, K_WORK, args_va, 21);
		o.done &= tiles_copy(t, 1, 2, &p) == NPU_SOC_DONE; /* while the tiles are at work */
		o.done &= all_done(t);
		tiles_dispatch(t, 0, 1, K_EXIT, 0, 100);
		o.done &= all_done(t);
		tiles_acct(t, 1, NPU_SOC_ACCT_BARRIER, 0);
	}
	tiles_dispatch(t, 0, 1, K_SCRIPTS, long_va, 1);
	npu_dev_wait_idle(t->dev);
	o.done &= tiles_ack(t, 0) == NPU_SOC_DONE;
	o.sliced = npu_matrix_slice(&long_work->matrix[0]) <= LONG_M / 2;
	o.hash = hash(out, GROUPS * OUT) ^ hash(copy, 0x20000) ^ hash(work, GROUPS * 4096) ^
		 hash(long_out, LONG_OUT) ^ hash((uint8_t *)long_work, 4096);
	tiles_counters(t, 0, o.counters[0]);
	tiles_counters(t, 1, o.counters[1]);
	for (unsigned int i = 0; i < 4; i++)
		memcpy(o.tile[i], t->dev->acct.queue[0].core[i].v, sizeof(o.tile[i]));
	o.conserved = conserved(t, 2);
	o.done &= capped_work(t, work_va, args_va, &p, &o);
	tiles_free(t);
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return !memcmp(a->counters, b->counters, sizeof(a->counters)) &&
	       !memcmp(a->capped, b->capped, sizeof(a->capped)) &&
	       !memcmp(a->device, b->device, sizeof(a->device)) &&
	       !memcmp(a->tile, b->tile, sizeof(a->tile)) && a->hash == b->hash;
}

int main(void)
{
	static const struct {
		unsigned int threads;
		uint64_t budget;
		const char *path, *name;
		bool sync;
	} cases[] = {
		{1, 0, "auto", "1 thread, nothing inline", false},
		{2, 0, "auto", "2 threads, nothing inline", false},
		{4, 0, "auto", "4 threads, nothing inline", false},
		{2, 1, "auto", "budget of 1", false},
		{2, 100, "auto", "budget of 100", false},
		{1, 5000, "auto", "budget of 5000", false},
		{4, 100000, "auto", "budget of 100000", false},
		{1, UINT64_MAX, "auto", "everything inline", false},
		{2, 32768, "c", "plain C arithmetic", false},
		{0, 1u << 24, "auto", "synchronous", true},
		{0, 777, "auto", "synchronous, budget of 777", true},
	};
	const struct outcome want = run(2, 32768, "auto", false);

	tap_ok(want.done, "the work gets done");
	tap_ok(want.conserved, "no cycle and no count is lost");
	tap_ok(want.sliced, "there are matrix operations of several slices");
	tap_ok(want.counters[0][NPU_COUNTER_MATRIX_MACS] ==
		       3 * GROUPS * 2 * 256ull * 256 * 512 + 2ull * LONG_M * LONG_N * LONG_K,
	       "MACs");
	tap_ok(want.counters[0][NPU_COUNTER_ENERGY] > want.counters[0][NPU_COUNTER_MATRIX_MACS],
	       "energy is counted");
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct outcome got = run(cases[i].threads, cases[i].budget, cases[i].path,
						cases[i].sync);

		if (tap_ok(got.done && got.conserved && same(&want, &got), "%s", cases[i].name))
			continue;
		for (unsigned int c = 0; c < NPU_COUNTER_COUNT; c++)
			for (unsigned int q = 0; q < 2; q++)
				if (got.counters[q][c] != want.counters[q][c])
					tap_diag("queue %u counter %u: %llu, want %llu", q, c,
						 (long long)got.counters[q][c],
						 (long long)want.counters[q][c]);
	}
	return tap_done();
}
