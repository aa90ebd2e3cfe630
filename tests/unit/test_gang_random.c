/* SPDX-License-Identifier: MIT */
/*
 * Gangs that talk at random: messages, multicasts, reads and signals, taken sooner or later. What arrives
 * is checked against a plain replay; figures and data are the same whatever the host does, and a gang that
 * is stopped anywhere leaves a device that still gives them.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "dev.h"
#include "model.h"
#include "script.h"
#include "npu_perf.h"
#include "tap.h"
#include "xorshift.h"

#define RW    (NPU_PTE_R | NPU_PTE_W)
#define MAX   6 /* tiles */
#define SLOT  256
#define FIRST 4 /* slots that are filled to begin with */
#define MOVES 24
#define SLOTS (FIRST + MOVES)
#define IMAGE (SLOTS * SLOT)

static uint32_t random_state;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

struct world {
	struct tiles *t;
	unsigned int n; /* tiles in the gang */
	uint8_t *pages, *in, *out;
	uint64_t pages_va, in_va, out_va;
	uint8_t want[MAX][IMAGE];
	uint64_t full[MAX]; /* bit per slot that can be read there */
	struct {
		unsigned int sender, sem;
	} pending[MAX][MOVES]; /* signals that a tile has not taken yet */
	unsigned int pendings[MAX];
};

static struct script *script(struct world *w, unsigned int tile)
{
	return (struct script *)(w->pages + 4096 * tile);
}

static struct world *world_new(unsigned int chiplets, unsigned int tiles_per_chiplet,
			       unsigned int threads, uint64_t budget)
{
	struct world *w = calloc(1, sizeof(*w));
	struct npu_config config;

	npu_config_init(&config);
	config.chiplets = chiplets;
	config.tiles_per_chiplet = tiles_per_chiplet;
	config.sram_kib = 64;
	config.threads = threads;
	config.inline_budget = budget;
	w->t = tiles_new(&config);
	w->pages_va = tiles_map(w->t, MAX * 4096, RW, &w->pages);
	w->in_va = tiles_map(w->t, 65536, RW, &w->in);
	w->out_va = tiles_map(w->t, MAX * IMAGE, RW, &w->out);
	return w;
}

static void world_free(struct world *w)
{
	tiles_free(w->t);
	free(w);
}

static void take_all(struct world *w, unsigned int tile)
{
	for (unsigned int i = 0; i < w->pendings[tile]; i++) {
		uint64_t count = 1;

		/* Of the same kind in a row sometimes at once. */
		while (i + 1 < w->pendings[tile] && rnd() & 1 &&
		       w->pending[tile][i + 1].sender == w->pending[tile][i].sender &&
		       w->pending[tile][i + 1].sem == w->pending[tile][i].sem) {
			i++;
			count++;
		}
		script_add(script(w, tile), S_TAKE,
			   NPU_SEM(w->pending[tile][i].sender, w->pending[tile][i].sem) |
				   count << 32);
	}
	w->pendings[tile] = 0;
}

/* A slot of the tile that may be read once its signals are taken. */
static unsigned int any_slot(const struct world *w, unsigned int tile)
{
	unsigned int slot;

	do
		slot = rnd() % SLOTS;
	while (!(w->full[tile] >> slot & 1));
	return slot;
}

static uint64_t sram(unsigned int slot)
{
	return NPU_VA_SRAM + slot * SLOT;
}

static uint64_t peer(unsigned int tile, unsigned int slot)
{
	return NPU_VA_PEER(tile) + slot * SLOT;
}

/*
 * Move number m goes to its own slot, so nothing is written twice. In the order of their numbers the moves
 * could run one after the other, so no gang gets stuck.
 */
static void add_move(struct world *w, unsigned int m)
{
	const unsigned int sender = rnd() % w->n, slot = FIRST + m, sem = rnd() % 3;
	unsigned int to = rnd() % w->n, from;
	struct npu_dma_desc d = {.size = {SLOT, 1, 1}, .flags = NPU_DMA_SIGNAL, .signal = sem};
	uint64_t targets = 1ull << to;
	uint8_t bytes[SLOT];

	if (rnd() % 3 == 0)
		script_add(script(w, sender), S_SPIN, 1 + rnd() % 3000);
	d.dst = peer(to, slot);
	switch (rnd() % 5) {
	case 0: /* a message out of own SRAM */
		take_all(w, sender);
		from = any_slot(w, sender);
		d.src = sram(from);
		memcpy(bytes, w->want[sender] + from * SLOT, SLOT);
		break;
	case 1: /* multicast out of own SRAM, or of host memory */
		targets = 1 + rnd() % ((1u << w->n) - 1);
		d.flags |= NPU_DMA_MULTICAST;
		d.tiles = targets;
		d.dst = sram(slot);
		if (rnd() & 1) {
			take_all(w, sender);
			from = any_slot(w, sender);
			d.src = sram(from);
			memcpy(bytes, w->want[sender] + from * SLOT, SLOT);
		} else {
			from = rnd() % 30000;
			d.src = w->in_va + from;
			memcpy(bytes, w->in + from, SLOT);
		}
		break;
	case 2: { /* four rows that indices name, out of own SRAM */
		uint32_t *list = (uint32_t *)(w->in + 61440) + 4 * m;

		take_all(w, sender);
		from = any_slot(w, sender);
		d.src = sram(from);
		d.size[0] = SLOT / 4;
		d.size[1] = 4;
		d.flags |= NPU_DMA_GATHER;
		d.src_stride[0] = d.dst_stride[0] = SLOT / 4;
		d.bound = 4;
		d.indices = w->in_va + 61440 + 16 * m;
		for (unsigned int i = 0; i < 4; i++) {
			list[i] = rnd() % 4;
			memcpy(bytes + i * SLOT / 4,
			       w->want[sender] + from * SLOT + list[i] * SLOT / 4, SLOT / 4);
		}
		break;
	}
	case 3: /* fill */
		d.flags |= NPU_DMA_FILL;
		d.fill = rnd();
		for (unsigned int i = 0; i < SLOT; i += 4)
			memcpy(bytes + i, &d.fill, 4);
		break;
	default: /* a signal, upon which the other end reads it from here */
		take_all(w, sender);
		from = any_slot(w, sender);
		memcpy(bytes, w->want[sender] + from * SLOT, SLOT);
		d.size[0] = d.size[1] = d.size[2] = 0;
		script_dma(script(w, sender), &d);
		w->pending[to][w->pendings[to]].sender = sender;
		w->pending[to][w->pendings[to]++].sem = sem;
		take_all(w, to);
		d = (struct npu_dma_desc){
			.dst = sram(slot), .src = peer(sender, from), .size = {SLOT, 1, 1}};
		script_dma(script(w, to), &d);
		script_add(script(w, to), S_WAIT_LAST, 0);
		memcpy(w->want[to] + slot * SLOT, bytes, SLOT);
		w->full[to] |= 1ull << slot;
		return;
	}
	script_dma(script(w, sender), &d);
	for (unsigned int i = 0; i < w->n; i++) {
		if (!(targets >> i & 1))
			continue;
		w->pending[i][w->pendings[i]].sender = sender;
		w->pending[i][w->pendings[i]++].sem = sem;
		memcpy(w->want[i] + slot * SLOT, bytes, SLOT);
		w->full[i] |= 1ull << slot;
		if (w->pendings[i] >= 10 || rnd() % 3 == 0)
			take_all(w, i);
	}
}

static void build(struct world *w, uint32_t seed)
{
	random_state = seed * 2654435761u | 1;
	w->n = 2 + rnd() % (w->t->dev->tiles - 1);
	memset(w->want, 0, sizeof(w->want));
	memset(w->pendings, 0, sizeof(w->pendings));
	for (unsigned int i = 0; i < 65536; i++)
		w->in[i] = rnd();
	memset(w->out, 0, MAX * IMAGE);
	for (unsigned int i = 0; i < w->n; i++) {
		const struct npu_dma_desc fetch = {.dst = NPU_VA_SRAM,
						   .src = w->in_va + 32768 + i * FIRST * SLOT,
						   .size = {FIRST * SLOT, 1, 1}};

		script_begin(script(w, i), w->pages_va + 4096 * i);
		script_dma(script(w, i), &fetch);
		script_add(script(w, i), S_WAIT_LAST, 0);
		memcpy(w->want[i], w->in + 32768 + i * FIRST * SLOT, FIRST * SLOT);
		w->full[i] = (1u << FIRST) - 1;
	}
	for (unsigned int m = 0; m < MOVES; m++)
		add_move(w, m);
	for (unsigned int i = 0; i < w->n; i++) {
		struct npu_dma_desc store = {.dst = w->out_va + i * IMAGE,
					     .src = NPU_VA_SRAM,
					     .size = {IMAGE, 1, 1}};

		take_all(w, i);
		script_add(script(w, i), S_WAIT, 0);
		script_dma(script(w, i), &store);
		script_add(script(w, i), S_WAIT_LAST, 0);
		script_end(script(w, i));
	}
}

static void go(struct world *w)
{
	tiles_gang(w->t, 0, 1, K_SCRIPTS, w->pages_va, w->n);
}

static bool finish(struct world *w)
{
	bool done = true;

	npu_dev_wait_idle(w->t->dev);
	for (unsigned int i = 0; i < w->n; i++)
		done &= tiles_ack(w->t, i) == NPU_SOC_DONE;
	return done;
}

/* Slots that nothing was sent to may hold what an earlier gang of the queue left. */
static bool right(const struct world *w)
{
	bool ok = true;

	for (unsigned int i = 0; i < w->n; i++)
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			if (w->full[i] >> slot & 1)
				ok &= !memcmp(w->out + i * IMAGE + slot * SLOT,
					      w->want[i] + slot * SLOT, SLOT);
	return ok;
}

/* Each cycle has a cause, and the energy is counts times the table. */
static bool conserved(const uint64_t *v, unsigned int tiles)
{
	uint64_t leakage;

	return conserve_cycles(v, tiles) &&
	       conserve_energy(v, NPU_MODEL_OPPS - 1, &leakage) == v[NPU_COUNTER_ENERGY] &&
	       leakage == v[NPU_COUNTER_LEAKAGE];
}

#define GANGS 12

struct outcome {
	bool right, conserved;
	uint64_t total[NPU_COUNTER_COUNT], tile[MAX][NPU_COUNTER_COUNT];
	uint64_t cycles[GANGS][MAX]; /* that each script saw */
	/* Of a performance stream, if there was one: cycles by address in all, and waiting; all records. */
	uint64_t seen, seen_sync, records;
};

#define RING_LOG2 16

static struct npu_perf_ring *watch(struct world *w)
{
	struct npu_perf_ring *ring = host_alloc(w->t->host, NPU_PERF_RING_SIZE(RING_LOG2), 4096);

	tiles_set(w->t, NPU_SOC_PERF_RING, host_bus(w->t->host, ring), 8);
	tiles_set(w->t, NPU_SOC_PERF_RING_LOG2, RING_LOG2, 4);
	tiles_set(w->t, NPU_SOC_PERF_TILES, ~0ull, 8);
	tiles_set(w->t, NPU_SOC_PERF_MODES, NPU_PERF_MODES & ~NPU_PERF_MODE_KEEP, 4);
	tiles_set(w->t, NPU_SOC_PERF_PERIOD, 300, 4);
	tiles_set(w->t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_START, 4);
	return ring;
}

/* What the stream has seen; records is the same for any order of them. */
static void look(struct world *w, const struct npu_perf_ring *ring, struct outcome *o)
{
	const uint8_t *at = (const uint8_t *)ring + NPU_PERF_RING_HEADER, *end;

	tiles_set(w->t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP, 4);
	o->right &= tiles_get(w->t, NPU_SOC_PERF_EVENTS, 4) == 1 && !ring->lost;
	for (end = at + ring->head * NPU_PERF_SLOT; at < end;) {
		const struct npu_perf_pc *pc = (const struct npu_perf_pc *)at;
		uint64_t hash = 0xcbf29ce484222325ull;

		for (unsigned int i = 0; i < pc->head.size; i++)
			hash = (hash ^ at[i]) * 0x100000001b3ull;
		o->records += hash;
		if (pc->head.type == NPU_PERF_PC) {
			o->seen += pc->total;
			o->seen_sync += pc->cycles[NPU_PERF_WAIT_SYNC];
		}
		at += pc->head.size;
	}
}

/* Another CPU takes memory from under the device, and gives it back, all the time. */
static bool disturb_end;

static void *disturb(void *arg)
{
	struct world *w = arg;

	while (!__atomic_load_n(&disturb_end, __ATOMIC_RELAXED)) {
		npu_dev_flush_maps(w->t->dev);
		npu_dev_write(w->t->dev, NPU_REG_TLB_CMD, 1, 4);
	}
	return NULL;
}

static struct outcome measure(unsigned int chiplets, unsigned int per_chiplet, unsigned int threads,
			      uint64_t budget, bool disturbed, bool watched)
{
	struct world *w = world_new(chiplets, per_chiplet, threads, budget);
	struct npu_perf_ring *ring = watched ? watch(w) : NULL;
	struct outcome o = {.right = true};
	pthread_t thread;

	disturb_end = false;
	if (disturbed)
		pthread_create(&thread, NULL, disturb, w);
	for (unsigned int g = 0; g < GANGS; g++) {
		build(w, g + 1);
		go(w);
		o.right &= finish(w) && right(w);
		for (unsigned int i = 0; i < w->n; i++)
			o.cycles[g][i] = script(w, i)->step[script(w, i)->steps].op;
	}
	__atomic_store_n(&disturb_end, true, __ATOMIC_RELAXED);
	if (disturbed)
		pthread_join(thread, NULL);
	if (watched)
		look(w, ring, &o);
	tiles_counters(w->t, 0, o.total);
	o.conserved = conserved(o.total, w->t->dev->tiles);
	for (unsigned int i = 0; i < w->t->dev->tiles; i++)
		memcpy(o.tile[i], w->t->dev->acct.queue[0].core[i].v, sizeof(o.tile[i]));
	world_free(w);
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return !memcmp(a->total, b->total, sizeof(a->total)) &&
	       !memcmp(a->tile, b->tile, sizeof(a->tile)) &&
	       !memcmp(a->cycles, b->cycles, sizeof(a->cycles));
}

static void test_determinism(unsigned int chiplets, unsigned int per_chiplet)
{
	static const struct {
		unsigned int threads;
		uint64_t budget;
		bool disturbed;
	} cases[] = {{1, 0, false},	{2, 0, false},	   {3, 0, false},    {4, 0, false},
		     {1, 1, false},	{4, 50, false},	   {1, 700, false},  {3, 5000, false},
		     {2, 32768, false}, {4, 200000, false}, {1, UINT64_MAX, false}, {1, 300, true},
		     {3, 0, true},	{4, 20000, true}};
	const struct outcome want = measure(chiplets, per_chiplet, 2, 32768, false, false);
	const struct outcome watched = measure(chiplets, per_chiplet, 2, 32768, false, true);

	tap_ok(want.right, "%u x %u tiles: everything arrives", chiplets, per_chiplet);
	tap_ok(want.conserved && want.total[NPU_COUNTER_STALL_SYNC],
	       "%u x %u tiles: each cycle has a cause", chiplets, per_chiplet);
	tap_ok(watched.right && same(&want, &watched) &&
		       watched.seen == want.total[NPU_COUNTER_TILE_CYCLES] &&
		       watched.seen_sync == want.total[NPU_COUNTER_STALL_SYNC],
	       "%u x %u tiles: watched, each cycle has an address", chiplets, per_chiplet);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct outcome got =
			measure(chiplets, per_chiplet, cases[i].threads, cases[i].budget,
				cases[i].disturbed, true);

		if (tap_ok(got.right && got.conserved && same(&want, &got) &&
				   got.records == watched.records,
			   "%u x %u tiles, %u threads, budget %lld%s: the same", chiplets,
			   per_chiplet, cases[i].threads, (long long)cases[i].budget,
			   cases[i].disturbed ? ", disturbed" : ""))
			continue;
		for (unsigned int c = 0; c < NPU_COUNTER_COUNT; c++)
			if (got.total[c] != want.total[c])
				tap_diag("counter %u: %llu, want %llu", c,
					 (long long)got.total[c], (long long)want.total[c]);
	}
}

/* Stop a gang after some while, in a time that the host makes different each time. */
static void test_stop(void)
{
	struct world *w = world_new(2, 2, 2, 0);
	unsigned int stopped = 0, done = 0;
	uint64_t want[NPU_COUNTER_COUNT], before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];
	bool ok = true, same = true;

	tiles_acct(w->t, 0, NPU_SOC_ACCT_CLEAR, 0);
	build(w, 5);
	go(w);
	ok &= finish(w);
	tiles_acct(w->t, 0, NPU_SOC_ACCT_BARRIER, 0);
	tiles_counters(w->t, 0, want);
	for (unsigned int round = 0; round < 120; round++) {
		build(w, round);
		go(w);
		for (unsigned int i = 0; i < round * 40; i++)
			__asm__ volatile("" : : : "memory");
		for (unsigned int i = 0; i < w->n; i++)
			tiles_set(w->t, TREG((i + round) % w->n, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
		npu_dev_wait_idle(w->t->dev);
		for (unsigned int i = 0; i < w->n; i++) {
			const unsigned int status = tiles_ack(w->t, i);

			stopped += status == NPU_SOC_STOPPED;
			done += status == NPU_SOC_DONE;
		}
		if (round % 10)
			continue;
		tiles_acct(w->t, 0, NPU_SOC_ACCT_BARRIER, 0);
		tiles_counters(w->t, 0, before);
		build(w, 5);
		go(w);
		ok &= finish(w) && right(w);
		tiles_acct(w->t, 0, NPU_SOC_ACCT_BARRIER, 0);
		tiles_counters(w->t, 0, after);
		for (unsigned int c = 0; c < NPU_COUNTER_COUNT; c++)
			same &= after[c] - before[c] == want[c];
	}
	tap_ok(stopped, "%u tiles were stopped, %u had done", stopped, done);
	tap_ok(ok, "after each of them a gang works");
	tap_ok(same, "with the figures that it has alone");
	world_free(w);
}

int main(void)
{
	test_determinism(2, 2);
	test_determinism(3, 2);
	test_stop();
	return tap_done();
}
