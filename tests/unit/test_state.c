/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading in the middle of work: a device is paused at random points, saved, and goes on as
 * another one in other memory, while the old memory is spoilt. Data, counters and clocks are those of a run
 * without all that. Streams that are cut, or have bits flipped, make no device that cannot be reset.
 */
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "dev.h"
#include "npu_perf.h"
#include "script.h"
#include "tap.h"
#include "xorshift.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RW     (NPU_PTE_R | NPU_PTE_W)
#define TILES  4
#define QUEUES 3
#define GROUPS 6
#define IN     0x20000
#define OUT    0x4000
#define COPY   0x100000
#define RING_LOG2 16

static uint32_t random_state = 1;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

/* Bus addresses, since memory moves. */
struct world {
	struct tiles *t;
	struct npu_config config;
	uint64_t scripts, scripts_va, in, in_va, out, out_va, copy, copy_va, args, args_va;
	uint64_t ring; /* behind all other memory */
	uint32_t modes; /* of a performance stream; 0: none */
	unsigned int moves;
	/* In hand at some move: */
	unsigned int dma, matrix, copying, waiting, vector;
};

struct outcome {
	bool done, conserved, armed;
	uint64_t counters[QUEUES][NPU_COUNTER_COUNT], clock[QUEUES], time[QUEUES];
	uint64_t core[TILES + 2][NPU_COUNTER_COUNT]; /* of the device */
	uint64_t status[TILES], faults[TILES], pcs[TILES];
	uint64_t hits;
	uint64_t hash; /* of guest memory but the ring */
	uint64_t records, record_hash; /* in any order */
};

static void *at(const struct world *w, uint64_t bus)
{
	return host_ptr(w->t->host, bus);
}

static uint64_t map(struct world *w, uint64_t size, uint64_t *ret_bus)
{
	uint8_t *p;
	const uint64_t va = tiles_map(w->t, size, RW, &p);

	*ret_bus = host_bus(w->t->host, p);
	return va;
}

static struct script *script(const struct world *w, unsigned int i)
{
	return at(w, w->scripts + 4096 * i);
}

/* DMA of all kinds, and a matrix operation, which is kept in the last quarter of the page. */
static void build(struct world *w, unsigned int i)
{
	const uint64_t va = w->scripts_va + 4096 * i;
	struct npu_dma_desc in = {.dst = NPU_VA_SRAM,
				  .src = w->in_va + 64 * i,
				  .size = {1000, 60, 2},
				  .dst_stride = {1024, 0x10000},
				  .src_stride = {1001, 40000}};
	struct npu_dma_desc gather = {.dst = NPU_VA_SRAM + 0x20000,
				      .src = w->in_va,
				      .size = {300, 40, 1},
				      .dst_stride = {512},
				      .src_stride = {300},
				      .flags = NPU_DMA_GATHER,
				      .bound = 100,
				      .indices = w->args_va + 1024};
	struct npu_dma_desc out = {.dst = w->out_va + OUT * i,
				   .src = NPU_VA_SRAM + 0x40000,
				   .size = {OUT, 1, 1}};
	struct npu_matrix_desc *matrix = (struct npu_matrix_desc *)((uint8_t *)script(w, i) + 3968);

	*matrix = (struct npu_matrix_desc){.b = 0x20000,
					   .c = 0x40000,
					   .m = 64,
					   .n = 64,
					   .k = 256,
					   .a_stride = 256,
					   .c_stride = 256};
	if (i == 1) /* more than a slice of it on the host */
		*matrix = (struct npu_matrix_desc){.flags = NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16,
						   .b = 0x20000,
						   .c = 0x40000,
						   .m = 256,
						   .n = 256,
						   .k = 256,
						   .a_stride = 512,
						   .c_stride = 1024};
	script_begin(script(w, i), va);
	script_dma(script(w, i), &in);
	script_dma(script(w, i), &gather);
	script_add(script(w, i), S_SPIN, 300 + 100 * i);
	script_add(script(w, i), S_WAIT_LAST, 0);
	script_add(script(w, i), S_MATRIX, va + 3968);
	script_add(script(w, i), S_SPIN, 1000);
	script_add(script(w, i), S_WAIT, 0);
	script_dma(script(w, i), &out);
	script_add(script(w, i), S_WAIT_LAST, 0);
	script_end(script(w, i));
}

/* A gang in which each sends to the next what it got from the one before. */
static void build_ring(struct world *w, unsigned int i)
{
	const unsigned int next = (i + 1) % TILES, last = (i + TILES - 1) % TILES;
	struct npu_dma_desc in = {.dst = NPU_VA_SRAM, .src = w->in_va + 777 * i, .size = {4096, 1, 1}};
	struct npu_dma_desc send = {.src = NPU_VA_SRAM,
				    .size = {512, 8, 1},
				    .dst_stride = {600},
				    .src_stride = {512},
				    .flags = NPU_DMA_SIGNAL,
				    .signal = 3};
	struct npu_dma_desc keep = {.dst = NPU_VA_SRAM, .size = {4096, 1, 1}};
	struct npu_dma_desc out = {
		.dst = w->out_va + OUT * i, .src = NPU_VA_SRAM, .size = {0x2000, 1, 1}};

	script_begin(script(w, i), w->scripts_va + 4096 * i);
	script_dma(script(w, i), &in);
	for (unsigned int round = 0; round < 5; round++) {
		/* Each round has its own place: the one before may not have been looked at yet. */
		const unsigned int place = 0x1000 + round * 0x2000;

		send.dst = NPU_VA_PEER(next) + place;
		keep.src = NPU_VA_SRAM + place;
		script_add(script(w, i), S_SPIN, 100 * (i + 1));
		script_dma(script(w, i), &send);
		script_add(script(w, i), S_TAKE, NPU_SEM(last, 3) | 1ull << 32);
		script_dma(script(w, i), &keep);
		script_add(script(w, i), S_WAIT_LAST, 0);
	}
	script_dma(script(w, i), &out);
	script_add(script(w, i), S_WAIT_LAST, 0);
	script_end(script(w, i));
}

static struct world *world_new(bool sync, unsigned int threads, uint64_t budget, const char *path)
{
	struct world *w = calloc(1, sizeof(*w));
	uint32_t noise = 12345;
	uint64_t *args;
	uint8_t *in;

	npu_config_init(&w->config);
	w->config.sync = sync;
	w->config.threads = threads;
	w->config.inline_budget = budget;
	w->config.matrix_path = path;
	w->config.sram_kib = 1024;
	w->config.vlen = 512;
	w->config.debug_faults = true;
	w->t = tiles_new(&w->config);
	w->scripts_va = map(w, GROUPS * 4096, &w->scripts);
	w->in_va = map(w, IN, &w->in);
	w->out_va = map(w, GROUPS * OUT, &w->out);
	w->copy_va = map(w, COPY, &w->copy);
	w->args_va = map(w, 4096, &w->args);
	in = at(w, w->in);
	for (unsigned int i = 0; i < IN; i++)
		in[i] = (noise = noise * 1103515245 + 12345) >> 16;
	w->ring = host_bus(w->t->host,
			   host_alloc(w->t->host,
				      NPU_PERF_RING_HEADER + (NPU_PERF_SLOT << RING_LOG2), 4096));
	args = at(w, w->args);
	args[0] = 2000;
	args[1] = w->in_va;
	for (unsigned int i = 0; i < 40; i++)
		((uint32_t *)(args + 128))[i] = i * 7 % 100;
	return w;
}

static void world_free(struct world *w)
{
	tiles_free(w->t);
	free(w);
}

/* ---- moving ---------------------------------------------------------------------------------- */

static void look(struct world *w)
{
	for (unsigned int i = 0; i < TILES; i++) {
		const struct npu_tile *tile = w->t->dev->tile[i];

		if (tile->engine.status != NPU_SOC_BUSY)
			continue;
		w->dma += tile->op == TILE_OP_DMA;
		w->matrix += tile->op == TILE_OP_MATRIX;
		w->waiting += !!tile->waits;
		w->vector += tile->hart.vl && tile->hart.vl != UINT32_MAX;
	}
	w->copying += w->t->dev->copy.engine.status == NPU_SOC_BUSY && w->t->dev->copy.block.rows;
}

/* Go on as another device of another configuration, as far as it does not show, in other memory. */
static bool move(struct world *w)
{
	struct host *old = w->t->host, *new;
	char error[NPU_STATE_ERROR];
	size_t size;
	uint8_t *state;
	bool ok;

	npu_dev_pause(w->t->dev);
	look(w);
	state = npu_dev_save(w->t->dev, &size, error);
	if (!state) {
		tap_diag("saving: %s", error);
		return false;
	}
	new = host_new();
	memcpy(new->ram, old->ram, old->used);
	memset(old->ram, 0xa5, old->used);
	new->used = old->used;
	host_start(new, &w->config);
	npu_dev_pause(new->dev);
	ok = npu_dev_load(new->dev, state, size, error);
	if (!ok)
		tap_diag("loading: %s", error);
	free(state);
	host_free(old);
	w->t->host = new;
	w->t->dev = new->dev;
	npu_dev_resume(new->dev);
	w->moves++;
	return ok;
}

/* Moves of a run, after which it ends in peace. */
#define MOST_MOVES 60

/* To the end of what was started, with moves every so many accesses; 0: none. */
static bool finish(struct world *w, unsigned int every)
{
	for (unsigned int n = 1; every && n < 1000000; n++) {
		bool busy;

		/* On a quick host a worker hardly gets anywhere between two moves. */
		if (w->moves < MOST_MOVES && rnd() % every == 0 && !move(w))
			return false;
		npu_dev_timer(w->t->dev);
		dev_lock(w->t->dev);
		busy = pool_busy(w->t->dev);
		dev_unlock(w->t->dev);
		if (!busy)
			break;
	}
	npu_dev_wait_idle(w->t->dev);
	return true;
}

static void start_copy(struct world *w, unsigned int queue)
{
	const union npu_packet p = {.copy = {.hdr = {.op = NPU_PKT_COPY},
					     .dst = w->copy_va,
					     .src = w->in_va,
					     .size = {1000, 31, 32},
					     .dst_stride = {1024, 0x8000},
					     .src_stride = {1001, 77}}};

	tiles_acct(w->t, queue, NPU_SOC_ACCT_BEGIN, NPU_PKT_COPY);
	dev_lock(w->t->dev);
	memcpy(w->t->dev->soc.ram, &p, sizeof(p));
	dev_unlock(w->t->dev);
	tiles_set(w->t, NPU_SOC_COPY_PACKET, NPU_SOC_RAM_BASE, 8);
	tiles_set(w->t, NPU_SOC_COPY_QUEUE, queue, 4);
	tiles_set(w->t, NPU_SOC_COPY_AS, 2, 4);
	tiles_set(w->t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO, 4);
}

static void ack(struct world *w, struct outcome *o)
{
	for (unsigned int i = 0; i < TILES; i++) {
		o->faults[i] = tiles_get(w->t, TREG(i, NPU_TILE_FAULT_ADDR), 8);
		o->pcs[i] = tiles_get(w->t, TREG(i, NPU_TILE_FAULT_PC), 8);
		o->status[i] = o->status[i] << 4 | tiles_ack(w->t, i);
	}
}

static uint64_t hash(const uint8_t *p, uint64_t size)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (uint64_t i = 0; i < size; i += 8)
		h = (h ^ *(const uint64_t *)(p + i)) * 0x100000001b3ull;
	return h;
}

static void start_stream(struct world *w)
{
	tiles_set(w->t, NPU_SOC_PERF_STREAM, 2, 4);
	tiles_set(w->t, NPU_SOC_PERF_RING, w->ring, 8);
	tiles_set(w->t, NPU_SOC_PERF_RING_LOG2, RING_LOG2, 4);
	tiles_set(w->t, NPU_SOC_PERF_TILES, ~0ull, 8);
	tiles_set(w->t, NPU_SOC_PERF_QUEUE, NPU_PERF_ALL_QUEUES, 4);
	tiles_set(w->t, NPU_SOC_PERF_MODES, w->modes, 4);
	tiles_set(w->t, NPU_SOC_PERF_PERIOD, w->modes & NPU_PERF_MODE_SAMPLES ? 777 : 0, 4);
	tiles_set(w->t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_START, 4);
}

/* End the stream and count its records; those of different tiles may come in any order. */
static bool stop_stream(struct world *w, struct outcome *o)
{
	const uint8_t *slots = (uint8_t *)at(w, w->ring) + NPU_PERF_RING_HEADER;
	uint64_t head, n = 0;

	tiles_set(w->t, NPU_SOC_PERF_STREAM, 2, 4);
	tiles_set(w->t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP, 4);
	head = w->t->dev->pmu.stream[2].head;
	while (n < head) {
		const struct npu_perf_head *record = (const void *)(slots + n * NPU_PERF_SLOT);

		if (record->type != NPU_PERF_PAD) {
			o->records++;
			o->record_hash += hash((const uint8_t *)record, record->size);
		}
		n += record->size / NPU_PERF_SLOT;
	}
	return tiles_get(w->t, NPU_SOC_PERF_EVENTS, 4) == 1u << 2 &&
	       !tiles_get(w->t, NPU_SOC_PERF_LOST, 8) && o->records;
}

static struct outcome run(struct world *w, unsigned int every)
{
	const struct npu_fault_spec hang = {
		.fault = NPU_FAULT_HUNG_TILE, .target = 3, .count = 1, .after = 2};
	struct outcome o = {.done = true, .conserved = true};
	struct npu_fault_spec spec;

	npu_dev_fault_inject(w->t->dev, &hang);
	if (w->modes)
		start_stream(w);

	/* Scripts on two tiles, scalars and vectors on one each, and a copy, for three queues. */
	for (unsigned int i = 0; i < GROUPS; i++)
		build(w, i);
	tiles_acct(w->t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_acct(w->t, 2, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	start_copy(w, 1);
	for (unsigned int i = 0; i < 2; i++)
		tiles_go(w->t, i, 0, 1, tiles_entry(K_SCRIPTS), w->scripts_va, GROUPS, i, 2, 3);
	tiles_go(w->t, 2, 2, 2, tiles_entry(K_WORK), w->args_va, 7, 0, 2, 3);
	tiles_go(w->t, 3, 2, 2, tiles_entry(K_VECTOR), w->args_va, 70, 0, 1, 70);
	/* The copy has had a few of its slices by now; it may be over before the first random move. */
	if (every && w->config.sync)
		o.done &= move(w);
	o.done &= finish(w, every);
	ack(w, &o);
	for (unsigned int i = 0; i < TILES; i++)
		o.done &= o.status[i] == NPU_SOC_DONE;
	o.done &= tiles_get(w->t, NPU_SOC_COPY_STATUS, 4) == NPU_SOC_DONE;
	tiles_set(w->t, NPU_SOC_COPY_STATUS, 0, 4);

	/* A lower clock, and a gang. */
	for (unsigned int q = 0; q < QUEUES; q++)
		tiles_acct(w->t, q, NPU_SOC_ACCT_BARRIER, 0);
	tiles_set(w->t, NPU_SOC_POWER_OPP, 1, 4);
	for (unsigned int i = 0; i < TILES; i++)
		build_ring(w, i);
	tiles_gang(w->t, 0, 1, K_SCRIPTS, w->scripts_va, TILES);
	o.done &= finish(w, every);
	ack(w, &o);

	/* A share that faults, one that is stopped, and one that hangs until its tile is reset. */
	tiles_acct(w->t, 1, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(w->t, 0, 1, 1, tiles_entry(K_STORE), w->in_va + 64, 1, 0, 1, 1);
	tiles_go(w->t, 3, 1, 2, tiles_entry(K_EXIT), 0, 1, 0, 1, 1);
	o.done &= finish(w, every);
	if (every)
		o.done &= move(w);
	o.armed = npu_dev_fault_get(w->t->dev, NPU_FAULT_HUNG_TILE, &spec, &o.hits);
	o.done &= tiles_get(w->t, TREG(3, NPU_TILE_STATUS), 4) == NPU_SOC_BUSY;
	tiles_set(w->t, TREG(3, NPU_TILE_CMD), NPU_SOC_CMD_RESET, 4);
	ack(w, &o);

	for (unsigned int q = 0; q < QUEUES; q++) {
		tiles_acct(w->t, q, NPU_SOC_ACCT_BARRIER, 0);
		tiles_counters(w->t, q, o.counters[q]);
		o.conserved &= conserve_cycles(o.counters[q], TILES);
		o.clock[q] = acct_clock(&w->t->dev->acct, q);
		o.time[q] = acct_time(&w->t->dev->acct, q);
	}
	for (unsigned int c = 0; c < TILES + 2; c++) {
		struct npu_counter_block block;

		dev_lock(w->t->dev);
		acct_device(&w->t->dev->acct, c, &block);
		dev_unlock(w->t->dev);
		memcpy(o.core[c], block.value, sizeof(o.core[c]));
	}
	if (w->modes)
		o.done &= stop_stream(w, &o);
	o.hash = hash(w->t->host->ram, w->ring - HOST_BASE);
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return !memcmp(a->counters, b->counters, sizeof(a->counters)) &&
	       !memcmp(a->clock, b->clock, sizeof(a->clock)) &&
	       !memcmp(a->time, b->time, sizeof(a->time)) &&
	       !memcmp(a->core, b->core, sizeof(a->core)) &&
	       !memcmp(a->status, b->status, sizeof(a->status)) &&
	       !memcmp(a->faults, b->faults, sizeof(a->faults)) &&
	       !memcmp(a->pcs, b->pcs, sizeof(a->pcs)) && a->armed == b->armed &&
	       a->hits == b->hits && a->hash == b->hash && a->records == b->records &&
	       a->record_hash == b->record_hash;
}

static void explain(const struct outcome *got, const struct outcome *want)
{
	for (unsigned int q = 0; q < QUEUES; q++)
		for (unsigned int c = 0; c < NPU_COUNTER_COUNT; c++)
			if (got->counters[q][c] != want->counters[q][c])
				tap_diag("queue %u counter %u: %llu, want %llu", q, c,
					 (long long)got->counters[q][c],
					 (long long)want->counters[q][c]);
	for (unsigned int i = 0; i < TILES; i++)
		if (got->status[i] != want->status[i] || got->faults[i] != want->faults[i] ||
		    got->pcs[i] != want->pcs[i])
			tap_diag("tile %u: status %llx, want %llx", i, (long long)got->status[i],
				 (long long)want->status[i]);
	if (got->hash != want->hash)
		tap_diag("memory differs");
	if (got->records != want->records || got->record_hash != want->record_hash)
		tap_diag("%llu records, want %llu", (long long)got->records, (long long)want->records);
}

static void test_moves(uint32_t modes)
{
	static const struct {
		bool sync;
		unsigned int threads;
		uint64_t budget;
		unsigned int every;
		const char *path, *name;
	} cases[] = {
		{true, 0, 64, 100, "c", "a small step at a time"},
		{true, 0, 700, 10, "c", "steps of 700"},
		{true, 0, 3000, 3, "auto", "steps of 3000"},
		{true, 0, 40000, 1, "c", "large steps"},
		{false, 1, 0, 1, "c", "one worker"},
		{false, 3, 100, 1, "c", "three workers"},
		{false, 2, 5000, 1, "auto", "two workers and some work inline"},
	};
	const char *what = !modes ? "" : modes & NPU_PERF_MODE_KEEP ? "; kept profile" : "; stream";
	struct world *w = world_new(false, 2, 32768, "auto");
	struct outcome want;
	unsigned int dma = 0, matrix = 0, copying = 0, waiting = 0, vector = 0;

	w->modes = modes;
	want = run(w, 0);
	world_free(w);
	tap_ok(want.done && want.conserved && want.hits == 1, "the work gets done without any move%s",
	       what);
	/* Where moves fall depends on the host's speed: more of them, if something was not met. */
	for (unsigned int n = 0; n < COUNT(cases) ||
				 (n < 30 && !(dma && matrix && copying && waiting && vector)); n++) {
		const unsigned int i = n % COUNT(cases);
		struct outcome got;

		w = world_new(cases[i].sync, cases[i].threads, cases[i].budget, cases[i].path);
		w->modes = modes;
		got = run(w, cases[i].every);
		if (!tap_ok(got.done && same(&got, &want), "%s, %u moves: the same%s", cases[i].name,
			    w->moves, what))
			explain(&got, &want);
		dma += w->dma;
		matrix += w->matrix;
		copying += w->copying;
		waiting += w->waiting;
		vector += w->vector;
		world_free(w);
	}
	tap_diag("in hand at a move: %u DMA, %u matrix, %u copies, %u waits, %u vectors", dma, matrix,
		 copying, waiting, vector);
	tap_ok(dma && matrix && copying && waiting && vector, "operations of each kind were in hand");
}

/* ---- a pause ----------------------------------------------------------------------------------- */

static uint64_t maps(const struct world *w)
{
	return __atomic_load_n(&w->t->host->maps, __ATOMIC_RELAXED);
}

static void test_pause(void)
{
	struct world *w = world_new(false, 2, 100, "auto");
	uint64_t before, *args = at(w, w->args);
	char error[NPU_STATE_ERROR];
	size_t size;

	args[0] = w->copy_va;
	tiles_go(w->t, 0, 0, 1, tiles_entry(K_COUNT_FOREVER), w->args_va, 1, 0, 1, 1);
	npu_dev_pause(w->t->dev);
	before = *(uint64_t *)at(w, w->copy);
	tiles_go(w->t, 1, 0, 1, tiles_entry(K_EXIT), 0, 1, 0, 1, 1);
	host_write(w->t->host, NPU_DOORBELL_BASE, 1);
	npu_dev_timer(w->t->dev);
	npu_dev_flush_maps(w->t->dev);
	npu_dev_pause(w->t->dev);
	{
		const uint64_t mapped = maps(w);

		for (unsigned int i = 0; i < 1000; i++)
			host_read(w->t->host, NPU_REG_STATUS);
		tap_ok(*(uint64_t *)at(w, w->copy) == before && maps(w) == mapped &&
			       tiles_get(w->t, TREG(1, NPU_TILE_STATUS), 4) == NPU_SOC_BUSY &&
			       w->t->dev->doorbells == 1,
		       "nothing runs in a pause, but registers are taken");
	}
	npu_dev_resume(w->t->dev);
	tiles_set(w->t, TREG(0, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(w->t->dev);
	tap_ok(tiles_ack(w->t, 1) == NPU_SOC_DONE && tiles_ack(w->t, 0) == NPU_SOC_STOPPED,
	       "and goes on after it");
	tap_ok(!npu_dev_save(w->t->dev, &size, error) && strstr(error, "paused"),
	       "a device that is not paused is not saved: %s", error);
	npu_dev_pause(w->t->dev);
	npu_dev_reset(w->t->dev);
	tap_ok(w->t->dev->paused && !w->t->dev->doorbells, "a reset does not end a pause");
	world_free(w);
}

/* One that has done nothing yet is no exception. */
static void test_new(void)
{
	struct world *w = world_new(false, 2, 100, "auto");

	tap_ok(move(w), "a device that is new moves");
	*(uint64_t *)at(w, w->args) = 100;
	tiles_go(w->t, 0, 0, 1, tiles_entry(K_WORK), w->args_va, 1, 0, 1, 1);
	npu_dev_wait_idle(w->t->dev);
	tap_ok(tiles_ack(w->t, 0) == NPU_SOC_DONE && move(w), "works, and moves on");
	world_free(w);
}

/* ---- bad streams ------------------------------------------------------------------------------- */

/* A state with something of everything in hand. */
static uint8_t *rich_state(size_t *size)
{
	struct world *w = world_new(true, 0, 200, "c");
	const struct npu_fault_spec slow = {.fault = NPU_FAULT_SLOW_LINK, .arg = 3};
	char error[NPU_STATE_ERROR];
	uint8_t *state;

	for (unsigned int i = 0; i < GROUPS; i++)
		build(w, i);
	npu_dev_fault_inject(w->t->dev, &slow);
	w->modes = NPU_PERF_MODE_PCS | NPU_PERF_MODE_SHARES | NPU_PERF_MODE_OPS;
	start_stream(w);
	start_copy(w, 1);
	for (unsigned int i = 0; i < 2; i++)
		tiles_go(w->t, i, 0, 1, tiles_entry(K_SCRIPTS), w->scripts_va, GROUPS, i, 2, 3);
	tiles_go(w->t, 2, 2, 2, tiles_entry(K_VECTOR), w->args_va, 70, 0, 1, 70);
	/* An operation in hand, if the host lets us see one before the work is done. */
	while (!w->dma && !w->matrix && w->t->dev->tile[1]->engine.status == NPU_SOC_BUSY) {
		npu_dev_timer(w->t->dev);
		look(w);
	}
	npu_dev_pause(w->t->dev);
	state = npu_dev_save(w->t->dev, size, error);
	world_free(w);
	return state;
}

/* Does the device do plain work after whatever it was loaded with? */
static bool works(struct world *w)
{
	npu_dev_resume(w->t->dev);
	/* What was loaded may run for ever, or touch any memory of this guest, but no other. */
	npu_dev_timer(w->t->dev);
	npu_dev_timer(w->t->dev);
	npu_dev_fault_clear(w->t->dev, 0);
	npu_dev_reset(w->t->dev);
	return tiles_get(w->t, TREG(0, NPU_TILE_STATUS), 4) == NPU_SOC_IDLE &&
	       host_read(w->t->host, NPU_REG_MODEL_VERSION) == NPU_MODEL_VERSION;
}

static void test_bad(void)
{
	size_t size;
	uint8_t *state = rich_state(&size), *bad;
	struct world *w = world_new(true, 0, 2000, "c");
	char error[NPU_STATE_ERROR];
	unsigned int refused = 0, taken = 0;
	bool ok = true;

	if (!tap_ok(state, "a state to be spoilt"))
		return;
	tap_diag("%zu bytes", size);
	bad = malloc(size);
	npu_dev_pause(w->t->dev);
	tap_ok(npu_dev_load(w->t->dev, state, size, error), "it loads %s", error);
	for (unsigned int i = 0; i < 300; i++) {
		/* Half of them near the ends of the small sections. */
		const size_t cut = i & 1 ? rnd() % size : rnd() % 4096;
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, state, cut);
		ok &= !npu_dev_load(w->t->dev, part, cut, error) && error[0] &&
		      w->t->dev->tile[0]->engine.status == NPU_SOC_IDLE;
		free(part);
	}
	tap_ok(ok, "none that is cut: %s", error);
	memcpy(bad, state, size);
	bad[24 + 16]++; /* chiplets */
	ok = !npu_dev_load(w->t->dev, bad, size, error) && strstr(error, "chiplets");
	tap_ok(ok || strstr(error, "config"), "nor one of another device: %s", error);
	ok = works(w);
	for (unsigned int i = 0; i < 3000; i++) {
		memcpy(bad, state, size);
		for (unsigned int n = rnd() % 3; n < 3; n++) {
			const size_t where = rnd() % 3 ? rnd() % size : rnd() % 20000;

			bad[where] ^= 1u << rnd() % 8;
		}
		npu_dev_pause(w->t->dev);
		if (npu_dev_load(w->t->dev, bad, size, error))
			taken++;
		else
			refused++;
		ok &= works(w);
	}
	tap_ok(ok && refused && taken, "3000 with flipped bits: %u refused, %u taken, all harmless",
	       refused, taken);
	free(bad);
	free(state);
	world_free(w);
}

int main(void)
{
	const uint32_t all = NPU_PERF_MODE_SAMPLES | NPU_PERF_MODE_PCS | NPU_PERF_MODE_SHARES |
			     NPU_PERF_MODE_PACKETS | NPU_PERF_MODE_OPS;

	test_moves(0);
	test_moves(all | NPU_PERF_MODE_JITTER);
	test_moves(all | NPU_PERF_MODE_KEEP);
	test_pause();
	test_new();
	test_bad();
	return tap_done();
}
