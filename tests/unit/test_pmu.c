/* SPDX-License-Identifier: MIT */
/*
 * Performance streams of the device, driven through the internal registers: what is recorded adds up to
 * the counters, is the same on any host, and changes nothing; rings of hostile hosts; starting and
 * stopping in the middle of work.
 */
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "npu_perf.h"
#include "tap.h"
#include "tiles.h"

#define RW     (NPU_PTE_R | NPU_PTE_W)
#define ALL    (NPU_PERF_MODES & ~(NPU_PERF_MODE_JITTER | NPU_PERF_MODE_KEEP))
#define GUARD  4096
#define QUEUES 2

/* ---- a consumer ------------------------------------------------------------------------------ */

struct consumer {
	struct npu_perf_ring *ring;
	uint64_t bus;
	unsigned int log2;
	uint8_t *guard; /* behind the ring; must not change */
	uint8_t *taken; /* records read, as they came */
	size_t size, room;
};

static struct consumer consumer_new(struct tiles *t, unsigned int log2)
{
	struct consumer c = {.log2 = log2};

	c.ring = host_alloc(t->host, NPU_PERF_RING_SIZE(log2) + GUARD, 4096);
	memset(c.ring, 0, NPU_PERF_RING_SIZE(log2));
	c.bus = host_bus(t->host, c.ring);
	c.guard = (uint8_t *)c.ring + NPU_PERF_RING_SIZE(log2);
	memset(c.guard, 0xa5, GUARD);
	return c;
}

static uint64_t ring_head(const struct consumer *c)
{
	return __atomic_load_n(&c->ring->head, __ATOMIC_ACQUIRE);
}

/* Read what is there, and make room. False: a record that cannot be. */
static bool consume(struct consumer *c)
{
	const uint64_t mask = (1ull << c->log2) - 1, head = ring_head(c);
	uint64_t tail = c->ring->tail;

	if (head - tail > mask + 1)
		return false;
	while (tail != head) {
		const uint8_t *slot = (const uint8_t *)c->ring + NPU_PERF_RING_HEADER +
				      (tail & mask) * NPU_PERF_SLOT;
		const struct npu_perf_head *record = (const struct npu_perf_head *)slot;
		const unsigned int slots = record->size / NPU_PERF_SLOT;

		if (!slots || record->size % NPU_PERF_SLOT || slots > head - tail ||
		    slots > mask + 1 - (tail & mask) || record->type >= NPU_PERF_TYPES)
			return false;
		if (record->type != NPU_PERF_PAD) {
			if (c->room - c->size < record->size)
				c->taken = realloc(c->taken, c->room = 2 * c->room + 65536);
			memcpy(c->taken + c->size, slot, record->size);
			c->size += record->size;
		}
		tail += slots;
	}
	__atomic_store_n(&c->ring->tail, tail, __ATOMIC_RELEASE);
	return true;
}

static bool guard_whole(const struct consumer *c)
{
	for (unsigned int i = 0; i < GUARD; i++)
		if (c->guard[i] != 0xa5)
			return false;
	return true;
}

#define FOR_EACH(record, c)                                                                       \
	for (const struct npu_perf_head *record = (const struct npu_perf_head *)(c)->taken;       \
	     (const uint8_t *)record < (c)->taken + (c)->size;                                    \
	     record = (const struct npu_perf_head *)((const uint8_t *)record + record->size))

static unsigned int records(const struct consumer *c, enum npu_perf_type type)
{
	unsigned int count = 0;

	FOR_EACH (record, c)
		count += record->type == type;
	return count;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct npu_perf_pc));
}

/* The set of records, whatever order they came in: sorted, and hashed. */
static uint64_t hash_set(const struct consumer *c)
{
	const size_t size = sizeof(struct npu_perf_pc);
	uint64_t hash = 0xcbf29ce484222325ull;
	unsigned int count = 0;
	uint8_t *all;

	all = calloc(c->size / NPU_PERF_SLOT + 1, size);
	FOR_EACH (record, c)
		memcpy(all + size * count++, record, record->size);
	qsort(all, count, size, compare);
	for (size_t i = 0; i < size * count; i++)
		hash = (hash ^ all[i]) * 0x100000001b3ull;
	free(all);
	return hash;
}

/* ---- streams ----------------------------------------------------------------------------------- */

struct setup {
	uint32_t stream, queue, modes, period, vector, threshold;
	uint64_t tiles;
};

static unsigned int start(struct tiles *t, const struct consumer *c, const struct setup *s)
{
	tiles_set(t, NPU_SOC_PERF_STREAM, s->stream, 4);
	tiles_set(t, NPU_SOC_PERF_RING, c->bus, 8);
	tiles_set(t, NPU_SOC_PERF_RING_LOG2, c->log2, 4);
	tiles_set(t, NPU_SOC_PERF_TILES, s->tiles ? s->tiles : ~0ull, 8);
	tiles_set(t, NPU_SOC_PERF_QUEUE, s->queue, 4);
	tiles_set(t, NPU_SOC_PERF_MODES, s->modes, 4);
	tiles_set(t, NPU_SOC_PERF_PERIOD, s->period, 4);
	tiles_set(t, NPU_SOC_PERF_VECTOR, s->vector, 4);
	tiles_set(t, NPU_SOC_PERF_THRESHOLD, s->threshold, 4);
	tiles_set(t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_START, 4);
	return tiles_get(t, NPU_SOC_PERF_RESULT, 4);
}

/* Stop and wait for the end. Returns the records lost. */
static uint64_t stop(struct tiles *t, unsigned int stream)
{
	const uint64_t begin = host_now();

	tiles_set(t, NPU_SOC_PERF_STREAM, stream, 4);
	tiles_set(t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP, 4);
	while (!(tiles_get(t, NPU_SOC_PERF_EVENTS, 4) >> stream & 1))
		if (host_now() - begin > HOST_PATIENCE_NS) {
			printf("Bail out! a stream does not stop\n");
			exit(1);
		}
	tiles_set(t, NPU_SOC_PERF_EVENTS, 1u << stream, 4);
	return tiles_get(t, NPU_SOC_PERF_LOST, 8);
}

/* ---- work ---------------------------------------------------------------------------------------- */

#define GROUPS 7

struct script {
	struct script_step step[12];
	struct npu_dma_desc desc[2];
	struct npu_matrix_desc matrix;
};

struct bench {
	struct tiles *t;
	uint64_t script_va, args_va, in_va, out_va;
	uint8_t *script, *out;
	uint64_t *args;
	uint32_t id;
};

static void build(struct script *s, uint64_t va, uint64_t in, uint64_t out)
{
	struct script_step *step = s->step;
	const uint64_t desc = va + offsetof(struct script, desc);

	s->desc[0] = (struct npu_dma_desc){.dst = NPU_VA_SRAM, .src = in, .size = {0x8000, 2, 1},
					   .dst_stride = {0x8000}, .src_stride = {0x4000}};
	s->desc[1] = (struct npu_dma_desc){.dst = out, .src = NPU_VA_SRAM + 0x10000, .size = {0x4000, 1, 1}};
	s->matrix = (struct npu_matrix_desc){.b = 0x8000, .c = 0x10000, .m = 64, .n = 64, .k = 256,
					     .a_stride = 256, .c_stride = 256};
	*step++ = (struct script_step){S_DMA, desc};
	*step++ = (struct script_step){S_WAIT_LAST, 0};
	for (unsigned int i = 0; i < 3; i++)
		*step++ = (struct script_step){S_MATRIX, va + offsetof(struct script, matrix)};
	*step++ = (struct script_step){S_WAIT, 0};
	*step++ = (struct script_step){S_DMA, desc + sizeof(s->desc[0])};
	*step++ = (struct script_step){S_END, 0};
}

static struct bench bench_new(unsigned int threads, uint64_t budget)
{
	struct npu_config config;
	struct bench b = {0};
	uint8_t *in;

	npu_config_init(&config);
	config.threads = threads;
	config.inline_budget = budget;
	b.t = tiles_new(&config);
	b.script_va = tiles_map(b.t, GROUPS * 4096, RW, &b.script);
	b.in_va = tiles_map(b.t, 0x10000, NPU_PTE_R, &in);
	b.out_va = tiles_map(b.t, GROUPS * 0x4000, RW, &b.out);
	b.args_va = tiles_map(b.t, 4096, RW, &b.args);
	for (unsigned int i = 0; i < 0x10000; i++)
		in[i] = i * 7 + (i >> 8);
	for (unsigned int i = 0; i < GROUPS; i++)
		build((struct script *)(b.script + i * 4096), b.script_va + i * 4096, b.in_va,
		      b.out_va + i * 0x4000);
	b.args[0] = 3000;
	return b;
}

static void packet(struct bench *b)
{
	tiles_set(b->t, NPU_SOC_PERF_PACKET, ++b->id, 4);
	tiles_set(b->t, NPU_SOC_PERF_SEQNO, 1000 + b->id, 8);
}

static bool all_done(struct tiles *t)
{
	bool done = true;

	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < t->dev->tiles; i++)
		done &= tiles_ack(t, i) == NPU_SOC_DONE;
	return done;
}

/* Two queues, dispatches, a copy beside one of them. c: consume on the way; or NULL. */
static bool work(struct bench *b, struct consumer *c)
{
	const union npu_packet copy = {.copy = {.hdr = {.op = NPU_PKT_COPY}, .dst = b->out_va,
						.src = b->in_va, .size = {0x2000, 1, 1}}};
	bool ok = true;

	b->id = 0;
	for (unsigned int round = 0; round < 2; round++) {
		packet(b);
		tiles_dispatch(b->t, 0, 1, K_SCRIPTS, b->script_va, GROUPS);
		ok &= all_done(b->t);
		packet(b);
		tiles_dispatch(b->t, 1, 2, K_WORK, b->args_va, 13);
		packet(b);
		ok &= tiles_copy(b->t, 1, 2, &copy) == NPU_SOC_DONE;
		ok &= all_done(b->t);
		packet(b);
		tiles_dispatch(b->t, 0, 1, K_WORK, b->args_va, 9);
		ok &= all_done(b->t);
		tiles_acct(b->t, 0, NPU_SOC_ACCT_BARRIER, 0);
		tiles_acct(b->t, 1, NPU_SOC_ACCT_BARRIER, 0);
		if (c)
			ok &= consume(c);
	}
	return ok;
}

struct outcome {
	uint64_t counters[QUEUES][NPU_COUNTER_COUNT];
	uint64_t tile[4][QUEUES]; /* tile.cycles */
	uint64_t out;
};

static struct outcome outcome(struct bench *b)
{
	struct outcome o = {.out = 1};

	for (unsigned int q = 0; q < QUEUES; q++) {
		tiles_counters(b->t, q, o.counters[q]);
		for (unsigned int i = 0; i < 4; i++)
			o.tile[i][q] =
				b->t->dev->acct.queue[q].core[i].v[NPU_COUNTER_TILE_CYCLES];
	}
	for (unsigned int i = 0; i < GROUPS * 0x4000; i++)
		o.out = (o.out ^ b->out[i]) * 0x100000001b3ull;
	return o;
}

/* ---- what is recorded ---------------------------------------------------------------------------- */

static struct outcome plain;

/* Cycles by cause, and in all, of a queue's records of one tile (or ~0u: all). */
static uint64_t pc_sum(const struct consumer *c, unsigned int queue, unsigned int tile, int cause)
{
	uint64_t sum = 0;

	FOR_EACH (record, c) {
		const struct npu_perf_pc *pc = (const struct npu_perf_pc *)record;

		if (record->type == NPU_PERF_PC && record->queue == queue &&
		    (tile == ~0u || record->core == tile))
			sum += cause < 0 ? pc->total : pc->cycles[cause];
	}
	return sum;
}

static bool pcs_conserve(const struct consumer *c, const struct outcome *o)
{
	static const struct {
		int cause;
		enum npu_counter counter;
	} same[] = {
		{-1, NPU_COUNTER_TILE_CYCLES},
		{NPU_PERF_ISSUE, NPU_COUNTER_TILE_INSTRUCTIONS},
		{NPU_PERF_EXEC, NPU_COUNTER_STALL_EXEC},
		{NPU_PERF_VECTOR, NPU_COUNTER_STALL_VECTOR},
		{NPU_PERF_MEMORY, NPU_COUNTER_STALL_MEMORY},
		{NPU_PERF_START, NPU_COUNTER_STALL_START},
		{NPU_PERF_TLB, NPU_COUNTER_TLB_CYCLES},
		{NPU_PERF_WAIT_DMA, NPU_COUNTER_STALL_DMA},
		{NPU_PERF_WAIT_MATRIX, NPU_COUNTER_STALL_MATRIX},
	};
	bool ok = true;

	for (unsigned int q = 0; q < QUEUES; q++) {
		for (unsigned int i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			ok &= pc_sum(c, q, ~0u, same[i].cause) == o->counters[q][same[i].counter];
		for (unsigned int i = 0; i < 4; i++)
			ok &= pc_sum(c, q, i, -1) == o->tile[i][q];
		ok &= pc_sum(c, q, ~0u, NPU_PERF_START) ==
		      o->counters[q][NPU_COUNTER_WORKGROUPS] * NPU_MODEL_WORKGROUP;
	}
	FOR_EACH (record, c) {
		const struct npu_perf_pc *pc = (const struct npu_perf_pc *)record;

		if (record->type == NPU_PERF_PC)
			ok &= pc->executions == pc->cycles[NPU_PERF_ISSUE] &&
			      pc->pc >= TILES_CODE && pc->pc < TILES_CODE + 8192;
	}
	return ok;
}

/* Shares cover the tiles' cycles, and each lies in the packet that it is of. */
static bool shares_fit(const struct consumer *c, const struct outcome *o)
{
	uint64_t sum[4][QUEUES] = {{0}}, done = 0;
	bool ok = true;

	FOR_EACH (record, c) {
		const struct npu_perf_share *share = (const struct npu_perf_share *)record;
		bool inside = false;

		if (record->type != NPU_PERF_SHARE)
			continue;
		sum[record->core][record->queue] += share->end - record->time;
		done += share->done;
		ok &= share->done == share->count && !share->error && !record->flags;
		FOR_EACH (other, c) {
			const struct npu_perf_packet *p = (const struct npu_perf_packet *)other;

			inside |= other->type == NPU_PERF_PACKET && other->packet == record->packet &&
				  other->queue == record->queue && p->op == NPU_PKT_DISPATCH &&
				  p->start <= record->time && p->end >= share->end;
		}
		ok &= inside;
	}
	for (unsigned int q = 0; q < QUEUES; q++)
		for (unsigned int i = 0; i < 4; i++)
			ok &= sum[i][q] == o->tile[i][q];
	return ok && done == o->counters[0][NPU_COUNTER_WORKGROUPS] +
				     o->counters[1][NPU_COUNTER_WORKGROUPS];
}

/* Every point that falls into a share is there, once, and in no other place. */
static bool samples_fit(const struct consumer *c, uint64_t period)
{
	uint64_t want = 0, got = 0;
	bool ok = true;

	FOR_EACH (record, c) {
		const struct npu_perf_share *share = (const struct npu_perf_share *)record;
		const struct npu_perf_sample *sample = (const struct npu_perf_sample *)record;

		if (record->type == NPU_PERF_SHARE)
			want += (share->end + period - 1) / period - (record->time + period - 1) / period;
		if (record->type != NPU_PERF_SAMPLE)
			continue;
		got += sample->count;
		ok &= record->time % period == 0 && sample->cause < NPU_PERF_CAUSES &&
		      sample->pc >= TILES_CODE && sample->pc < TILES_CODE + 8192;
	}
	return ok && got == want && got;
}

static bool packets_fit(const struct consumer *c, const struct outcome *o)
{
	uint64_t count = 0, last[QUEUES] = {0}, copies = 0;
	bool ok = true;

	FOR_EACH (record, c) {
		const struct npu_perf_packet *p = (const struct npu_perf_packet *)record;

		if (record->type != NPU_PERF_PACKET)
			continue;
		count++;
		ok &= record->core == NPU_CORE_FRONT && p->seqno == 1000 + record->packet &&
		      record->time <= p->start && p->start <= p->end;
		if (p->op == NPU_PKT_COPY)
			copies += p->end - p->start;
		if (p->end > last[record->queue])
			last[record->queue] = p->end;
	}
	for (unsigned int q = 0; q < QUEUES; q++)
		ok &= last[q] == o->counters[q][NPU_COUNTER_CYCLES];
	return ok && copies == o->counters[1][NPU_COUNTER_COPY_CYCLES] &&
	       count == o->counters[0][NPU_COUNTER_PACKETS] + o->counters[1][NPU_COUNTER_PACKETS];
}

static bool ops_fit(const struct consumer *c, const struct outcome *o)
{
	uint64_t busy[2] = {0}, amount[2] = {0}, count[2] = {0};
	bool ok = true;

	FOR_EACH (record, c) {
		const struct npu_perf_op *op = (const struct npu_perf_op *)record;
		const unsigned int i = record->type == NPU_PERF_MATRIX;

		if (record->type != NPU_PERF_DMA && record->type != NPU_PERF_MATRIX)
			continue;
		busy[i] += op->busy;
		amount[i] += op->amount;
		count[i]++;
		ok &= op->start >= record->time && op->end >= op->start + op->busy;
	}
	return ok && busy[0] == o->counters[0][NPU_COUNTER_DMA_CYCLES] &&
	       busy[1] == o->counters[0][NPU_COUNTER_MATRIX_CYCLES] &&
	       amount[0] == o->counters[0][NPU_COUNTER_DMA_READ] + o->counters[0][NPU_COUNTER_DMA_WRITE] &&
	       amount[1] == o->counters[0][NPU_COUNTER_MATRIX_MACS] &&
	       count[0] == o->counters[0][NPU_COUNTER_DMA_OPS] &&
	       count[1] == o->counters[0][NPU_COUNTER_MATRIX_OPS];
}

/* By core and type, times go up. */
static bool ordered(const struct consumer *c)
{
	uint64_t last[5][NPU_PERF_TYPES][QUEUES] = {{{0}}};
	bool ok = true;

	FOR_EACH (record, c) {
		uint64_t *time = &last[record->core < 4 ? record->core : 4][record->type][record->queue];

		ok &= record->time >= *time;
		*time = record->time;
	}
	return ok;
}

static uint64_t reference; /* the set of records of a run with all modes */

static void test_all(void)
{
	const struct setup all = {.queue = NPU_PERF_ALL_QUEUES, .modes = ALL, .period = 500};
	struct bench b = bench_new(2, 32768);
	struct outcome o;
	struct consumer c;

	tap_ok(work(&b, NULL), "work without a stream");
	plain = outcome(&b);
	tiles_free(b.t);

	b = bench_new(2, 32768);
	c = consumer_new(b.t, 14);
	tap_is(start(b.t, &c, &all), NPU_SOC_PERF_OK, "a stream starts");
	tap_ok(work(&b, &c), "work with one");
	tap_is(stop(b.t, 0), 0, "it stops, and has lost nothing");
	tap_ok(consume(&c) && guard_whole(&c) && !c.ring->lost, "all of its records are good");
	o = outcome(&b);
	tap_ok(!memcmp(&o, &plain, sizeof(o)), "results, clocks and counters are the same");
	tap_ok(pcs_conserve(&c, &o), "the cycles of all addresses add up to the counters, cause by cause");
	tap_ok(shares_fit(&c, &o), "so do shares, which lie in their packets");
	tap_ok(samples_fit(&c, 500), "there is a sample for each point, and no other");
	tap_ok(packets_fit(&c, &o), "packets, to the end of the clock");
	tap_ok(ops_fit(&c, &o), "operations of DMA and matrix engine");
	tap_ok(ordered(&c), "by core and type they come in order of time");
	reference = hash_set(&c);
	tap_diag("%u samples, %u addresses, %u shares, %u packets, %u operations",
		 records(&c, NPU_PERF_SAMPLE), records(&c, NPU_PERF_PC), records(&c, NPU_PERF_SHARE),
		 records(&c, NPU_PERF_PACKET), records(&c, NPU_PERF_DMA) + records(&c, NPU_PERF_MATRIX));
	free(c.taken);
	tiles_free(b.t);
}

static void test_determinism(void)
{
	static const struct {
		unsigned int threads;
		uint64_t budget;
	} hosts[] = {{1, 0}, {4, 0}, {2, 1}, {2, 100}, {1, UINT64_MAX}};
	const struct setup all = {.queue = NPU_PERF_ALL_QUEUES, .modes = ALL, .period = 500, .stream = 3};

	for (unsigned int i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct bench b = bench_new(hosts[i].threads, hosts[i].budget);
		struct consumer c = consumer_new(b.t, 14);
		bool ok = start(b.t, &c, &all) == NPU_SOC_PERF_OK && work(&b, &c) && !stop(b.t, 3) &&
			  consume(&c);
		const struct outcome o = outcome(&b);

		tap_ok(ok && hash_set(&c) == reference && !memcmp(&o, &plain, sizeof(o)) && ordered(&c),
		       "%u threads, budget %lld: the same records", hosts[i].threads,
		       (long long)hosts[i].budget);
		free(c.taken);
		tiles_free(b.t);
	}
}

static void test_modes(void)
{
	static const struct {
		const char *name;
		struct setup setup;
		unsigned int types; /* bit per type that may and must come */
	} cases[] = {
		{"samples", {.modes = NPU_PERF_MODE_SAMPLES, .period = 1000}, 1 << NPU_PERF_SAMPLE},
		{"samples with jitter", {.modes = NPU_PERF_MODE_SAMPLES | NPU_PERF_MODE_JITTER, .period = 1000},
		 1 << NPU_PERF_SAMPLE},
		{"addresses", {.modes = NPU_PERF_MODE_PCS}, 1 << NPU_PERF_PC},
		{"shares", {.modes = NPU_PERF_MODE_SHARES}, 1 << NPU_PERF_SHARE},
		{"packets", {.modes = NPU_PERF_MODE_PACKETS}, 1 << NPU_PERF_PACKET},
		{"operations", {.modes = NPU_PERF_MODE_OPS}, 1 << NPU_PERF_DMA | 1 << NPU_PERF_MATRIX},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b = bench_new(2, 32768);
		struct consumer c = consumer_new(b.t, 14);
		bool ok = start(b.t, &c, &cases[i].setup) == NPU_SOC_PERF_OK && work(&b, &c) &&
			  !stop(b.t, 0) && consume(&c);
		unsigned int types = 0;
		struct outcome o = outcome(&b);

		FOR_EACH (record, &c) {
			types |= 1u << record->type;
			ok &= record->queue == 0;
		}
		tap_ok(ok && types == cases[i].types && !memcmp(&o, &plain, sizeof(o)),
		       "%s alone, of queue 0 alone", cases[i].name);
		free(c.taken);
		tiles_free(b.t);
	}
}

/* Tile masks, and two streams beside each other. */
static void test_two(void)
{
	const struct setup first = {.stream = 7, .queue = 1, .modes = NPU_PERF_MODE_PCS, .tiles = 2};
	const struct setup second = {.stream = 0, .queue = 0, .modes = NPU_PERF_MODE_PCS};
	struct bench b = bench_new(2, 32768);
	struct consumer c1 = consumer_new(b.t, 12), c0 = consumer_new(b.t, 12);
	struct outcome o;
	bool ok = start(b.t, &c1, &first) == NPU_SOC_PERF_OK &&
		  start(b.t, &c0, &second) == NPU_SOC_PERF_OK && work(&b, NULL) && !stop(b.t, 7) &&
		  !stop(b.t, 0) && consume(&c1) && consume(&c0);

	o = outcome(&b);
	FOR_EACH (record, &c1)
		ok &= record->core == 1 && record->queue == 1;
	FOR_EACH (record, &c0)
		ok &= record->queue == 0;
	tap_ok(ok && pc_sum(&c1, 1, 1, -1) == o.tile[1][1] &&
		       pc_sum(&c0, 0, ~0u, -1) == o.counters[0][NPU_COUNTER_TILE_CYCLES],
	       "two streams, each with its queue; one tile of four");
	free(c0.taken);
	free(c1.taken);
	tiles_free(b.t);
}

static void test_keep(void)
{
	const struct setup keep = {.queue = 0, .modes = NPU_PERF_MODE_PCS | NPU_PERF_MODE_KEEP};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 12);
	bool ok = start(b.t, &c, &keep) == NPU_SOC_PERF_OK;
	uint64_t before;
	unsigned int pcs;
	struct outcome o;

	for (unsigned int i = 0; i < 50; i++) {
		tiles_dispatch(b.t, 0, 1, K_WORK, b.args_va, 4);
		ok &= all_done(b.t);
	}
	before = ring_head(&c);
	ok &= !stop(b.t, 0) && consume(&c);
	o = outcome(&b);
	pcs = records(&c, NPU_PERF_PC);
	tap_ok(ok && !before && pcs && pcs <= 4 * 16 &&
		       pc_sum(&c, 0, ~0u, -1) == o.counters[0][NPU_COUNTER_TILE_CYCLES],
	       "kept: 50 dispatches in one record per address and tile");
	free(c.taken);
	tiles_free(b.t);
}

/* ---- rings --------------------------------------------------------------------------------------- */

static void test_full(void)
{
	const struct setup all = {.queue = NPU_PERF_ALL_QUEUES, .modes = ALL, .period = 500};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, NPU_PERF_RING_MIN_LOG2);
	uint8_t *copy = malloc(NPU_PERF_RING_SIZE(NPU_PERF_RING_MIN_LOG2));
	uint64_t lost, head, more;
	struct outcome o;

	start(b.t, &c, &all);
	work(&b, NULL);
	head = ring_head(&c);
	lost = tiles_get(b.t, NPU_SOC_PERF_LOST, 8);
	tap_ok(head <= 64 && head >= 63 && lost > 100 && c.ring->lost == lost,
	       "a small ring gets full; what is lost is counted, in the ring and in the register");
	memcpy(copy, c.ring, NPU_PERF_RING_SIZE(NPU_PERF_RING_MIN_LOG2));
	work(&b, NULL);
	tap_ok(ring_head(&c) <= 64 &&
		       !memcmp((uint8_t *)c.ring + 4096, copy + 4096, 63 * NPU_PERF_SLOT) &&
		       c.ring->lost > lost,
	       "what was not read is not overwritten");
	tap_ok(consume(&c) && guard_whole(&c), "what is in it is whole");
	head = ring_head(&c);
	lost = c.ring->lost;
	work(&b, NULL);
	more = ring_head(&c) - head;
	tap_ok(more && more <= 64, "there is room again when it was read");
	stop(b.t, 0);
	tap_ok(consume(&c), "records do not go across the end of the ring");
	o = outcome(&b);
	tap_ok(o.counters[0][NPU_COUNTER_MATRIX_OPS] == 3 * plain.counters[0][NPU_COUNTER_MATRIX_OPS] &&
		       o.counters[1][NPU_COUNTER_TILE_CYCLES] ==
			       3 * plain.counters[1][NPU_COUNTER_TILE_CYCLES],
	       "the work does not mind");
	free(copy);
	free(c.taken);
	tiles_free(b.t);
}

static void test_hostile(void)
{
	static const uint64_t tails[] = {1,	  64,		  65,		~0ull,
					 1ull << 63, 0x123456789abcull, 0 - 64ull, 1ull << 32};
	const struct setup all = {.queue = NPU_PERF_ALL_QUEUES, .modes = ALL, .period = 100};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 7);
	uint64_t lost;
	bool ok = true;

	start(b.t, &c, &all);
	for (unsigned int i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		c.ring->tail = tails[i];
		/* What it wrote itself is nothing to it. */
		c.ring->head = 0x5a5a5a5a5a5a;
		c.ring->lost = ~0ull;
		c.ring->slots_log2 = 63;
		c.ring->version = i;
		packet(&b);
		tiles_dispatch(b.t, 0, 1, K_SCRIPTS, b.script_va, GROUPS);
		ok &= all_done(b.t) && guard_whole(&c) && ring_head(&c) < 100000;
	}
	lost = stop(b.t, 0);
	tap_ok(ok && lost && c.ring->lost == lost, "indices out of range do no harm");
	tiles_free(b.t);

	/* The ring goes away. */
	b = bench_new(2, 32768);
	c = consumer_new(b.t, 12);
	b.t->host->hole = c.bus;
	b.t->host->hole_size = 4096;
	tap_is(start(b.t, &c, &all), NPU_SOC_PERF_BUS, "a ring that does not answer: no start");
	b.t->host->hole_size = 0;
	tap_is(start(b.t, &c, &all), NPU_SOC_PERF_OK, "with one that does there is");
	b.t->host->hole = c.bus + 3 * 4096;
	b.t->host->hole_size = 4096;
	ok = work(&b, NULL);
	lost = stop(b.t, 0);
	tap_ok(ok && lost && ring_head(&c) <= 128, "a hole in the ring ends the recording, not the work");
	b.t->host->hole_size = 0;
	tap_is(start(b.t, &c, &all), NPU_SOC_PERF_OK, "the stream can be started again");
	stop(b.t, 0);
	tiles_free(b.t);
}

static void test_rules(void)
{
	const struct setup good = {.queue = 1, .modes = ALL, .period = 500, .vector = 3, .threshold = 64};
	struct bench b = bench_new(1, 32768);
	struct consumer c = consumer_new(b.t, 6), odd;
	struct setup bad[12];
	unsigned int n = 0;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad[i] = good;
	bad[n++].stream = NPU_PERF_STREAMS;
	bad[n++].queue = 64;
	bad[n++].queue = 0xfffffffe;
	bad[n++].modes = 0;
	bad[n++].modes = NPU_PERF_MODE_KEEP | NPU_PERF_MODE_JITTER;
	bad[n++].modes = NPU_PERF_MODES + 1;
	bad[n++].period = NPU_PERF_PERIOD_MIN - 1;
	bad[n++].period = NPU_PERF_PERIOD_MAX + 1;
	bad[n++].vector = NPU_MSIX_VECTORS;
	bad[n++].threshold = 0;
	bad[n++].threshold = 65;
	bad[n++].tiles = 0xf0;
	for (unsigned int i = 0; i < n; i++)
		tap_is(start(b.t, &c, &bad[i]), NPU_SOC_PERF_BAD, "a setup that breaks a rule");
	odd = c;
	odd.bus = 0;
	tap_is(start(b.t, &odd, &good), NPU_SOC_PERF_BAD, "no ring");
	odd.bus = c.bus + 64;
	tap_is(start(b.t, &odd, &good), NPU_SOC_PERF_BAD, "a misaligned ring");
	odd = c;
	odd.log2 = 5;
	tap_is(start(b.t, &odd, &good), NPU_SOC_PERF_BAD, "a ring that is too small");
	odd.log2 = 21;
	tap_is(start(b.t, &odd, &good), NPU_SOC_PERF_BAD, "a ring that is too large");
	odd.log2 = 64 + 6;
	tap_is(start(b.t, &odd, &good), NPU_SOC_PERF_BAD, "a ring of nonsense");
	tap_is(start(b.t, &c, &good), NPU_SOC_PERF_OK, "the setup itself is good");
	bad[0] = good;
	tap_is(start(b.t, &c, &bad[0]), NPU_SOC_PERF_BUSY, "the stream is on");
	bad[0].stream = 1;
	tap_is(start(b.t, &c, &bad[0]), NPU_SOC_PERF_BUSY, "its queue is watched");
	bad[0].queue = NPU_PERF_ALL_QUEUES;
	tap_is(start(b.t, &c, &bad[0]), NPU_SOC_PERF_BUSY, "so all are not free");
	stop(b.t, 0);
	tiles_set(b.t, NPU_SOC_PERF_STREAM, 5, 4);
	tiles_set(b.t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP, 4);
	tiles_set(b.t, NPU_SOC_PERF_STREAM, 77, 4);
	tiles_set(b.t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_STOP, 4);
	tap_is(tiles_get(b.t, NPU_SOC_PERF_EVENTS, 4), 0, "stopping what is not on is nothing");
	tap_is(tiles_get(b.t, NPU_SOC_PERF_LOST, 8), 0, "nor is there anything to lose");
	tiles_free(b.t);
}

static void test_vector(void)
{
	const struct setup s = {.queue = 0, .modes = NPU_PERF_MODE_SHARES, .vector = 5, .threshold = 10};
	struct bench b = bench_new(1, 32768);
	struct consumer c = consumer_new(b.t, 6);

	start(b.t, &c, &s);
	for (unsigned int i = 0; i < 2; i++) {
		tiles_dispatch(b.t, 0, 1, K_EXIT, 0, 4);
		all_done(b.t);
	}
	tap_is(b.t->host->irqs[5], 0, "no interrupt below the threshold");
	for (unsigned int i = 0; i < 3; i++) {
		tiles_dispatch(b.t, 0, 1, K_EXIT, 0, 4);
		all_done(b.t);
	}
	tap_ok(host_wait_irq(b.t->host, 5, 1) && b.t->host->irqs[5] == 1, "one at the threshold");
	consume(&c);
	for (unsigned int i = 0; i < 3; i++) {
		tiles_dispatch(b.t, 0, 1, K_EXIT, 0, 4);
		all_done(b.t);
	}
	tap_ok(host_wait_irq(b.t->host, 5, 2) && b.t->host->irqs[5] == 2, "the next when it is reached again");
	stop(b.t, 0);
	free(c.taken);
	tiles_free(b.t);
}

/* ---- in the middle of work ----------------------------------------------------------------------- */

/* Wait until there is something in the ring. */
static bool wait_head(struct consumer *c, uint64_t more_than)
{
	const uint64_t begin = host_now();

	while (ring_head(c) <= more_than)
		if (host_now() - begin > HOST_PATIENCE_NS)
			return false;
	return true;
}

static void test_middle(uint64_t budget)
{
	const struct setup all = {.queue = 0, .modes = ALL, .period = 100000};
	struct bench b = bench_new(2, budget);
	struct consumer c = consumer_new(b.t, 16);
	uint64_t covered = 0, sampled = 0;
	bool ok = true, joined = true;
	unsigned int shares = 0;

	b.args[0] = b.out_va;
	for (unsigned int round = 0; round < 3; round++) {
		uint8_t *after;
		const size_t size = NPU_PERF_RING_SIZE(16);

		if (!round) {
			tiles_dispatch(b.t, 0, 1, K_COUNT_FOREVER, b.args_va, 4);
			tiles_set(b.t, NPU_SOC_PERF_PACKET, 0xabc, 4);
			tiles_set(b.t, NPU_SOC_PERF_CMD, NPU_SOC_PERF_NOTE, 4);
			for (unsigned int i = 0; i < 4; i++)
				while (!__atomic_load_n((uint64_t *)b.out + i, __ATOMIC_RELAXED))
					sched_yield();
		}
		memset(c.ring, 0, 4096);
		ok &= start(b.t, &c, &all) == NPU_SOC_PERF_OK && wait_head(&c, 20);
		ok &= !stop(b.t, 0);
		/* From now on the memory is ours. */
		after = malloc(size);
		memcpy(after, c.ring, size);
		for (unsigned int i = 0; i < 200; i++)
			tiles_get(b.t, NPU_SOC_PERF_LOST, 8);
		ok &= !memcmp(after, c.ring, size) && consume(&c);
		free(after);
	}
	FOR_EACH (record, &c) {
		const struct npu_perf_share *share = (const struct npu_perf_share *)record;

		if (record->type == NPU_PERF_SHARE) {
			shares++;
			covered += share->end - record->time;
			joined &= record->flags == (NPU_PERF_FLAG_JOINED | NPU_PERF_FLAG_CUT);
		}
		if (record->type == NPU_PERF_SAMPLE)
			sampled += ((const struct npu_perf_sample *)record)->count;
		ok &= record->packet == 0xabc;
	}
	tap_ok(ok, "a stream starts and stops three times in the middle of a share; then its memory is free");
	tap_ok(shares >= 3 && joined, "the shares say that they were joined and left");
	tap_ok(pc_sum(&c, 0, ~0u, -1) == covered, "the cycles in between are all accounted for");
	tap_ok(sampled + shares >= covered / 100000 && sampled <= covered / 100000 + shares, "and sampled");

	/* A reset with a stream on. */
	for (unsigned int i = 0; i < GROUPS; i++)
		memset(b.out + i * 0x4000, 0, 0x4000);
	memset(c.ring, 0, 4096);
	ok = start(b.t, &c, &all) == NPU_SOC_PERF_OK && wait_head(&c, 5);
	npu_dev_reset(b.t->dev);
	memset(c.ring, 0x11, NPU_PERF_RING_SIZE(16));
	tap_ok(ok && !tiles_get(b.t, NPU_SOC_PERF_EVENTS, 4) && !tiles_get(b.t, NPU_SOC_PERF_LOST, 8) &&
		       !tiles_get(b.t, NPU_SOC_PERF_RING, 8),
	       "a reset forgets streams");
	b.args[0] = 3000;
	host_write(b.t->host, NPU_REG_AS_TABLE_LO, host_bus(b.t->host, b.t->as_table));
	host_write(b.t->host, NPU_REG_AS_TABLE_HI, host_bus(b.t->host, b.t->as_table) >> 32);
	ok = work(&b, NULL);
	for (size_t i = 0; i < NPU_PERF_RING_SIZE(16); i++)
		ok &= ((uint8_t *)c.ring)[i] == 0x11;
	tap_ok(ok, "and their memory");
	memset(c.ring, 0, 4096);
	c.size = 0;
	ok = start(b.t, &c, &all) == NPU_SOC_PERF_OK && work(&b, &c);
	stop(b.t, 0);
	tap_ok(ok && consume(&c) && pc_sum(&c, 0, ~0u, -1) == plain.counters[0][NPU_COUNTER_TILE_CYCLES],
	       "and a new one has nothing of the old");
	free(c.taken);
	tiles_free(b.t);
}

/* Shares that fail, are stopped, or are stopped before they began. */
static void test_ends(void)
{
	const struct setup all = {.queue = 0, .modes = ALL & ~NPU_PERF_MODE_SAMPLES};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 12);
	struct outcome o;
	unsigned int shares = 0;
	bool ok = true;

	start(b.t, &c, &all);
	tiles_run(b.t, K_ILLEGAL, 0);
	tiles_run(b.t, K_LOAD, 0x123450000);
	tiles_acct(b.t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(b.t, 1, 0, 1, tiles_entry(K_FOREVER), 0, 5, 3, 1, 2);
	tiles_set(b.t, TREG(1, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(b.t->dev);
	tiles_ack(b.t, 1);
	dev_lock(b.t->dev);
	soc_reg_write(&b.t->dev->soc, TREG(1, NPU_TILE_CMD), 4, NPU_SOC_CMD_GO);
	soc_reg_write(&b.t->dev->soc, TREG(1, NPU_TILE_CMD), 4, NPU_SOC_CMD_STOP);
	dev_unlock(b.t->dev);
	tiles_ack(b.t, 1);
	stop(b.t, 0);
	ok = consume(&c);
	o = outcome(&b);
	FOR_EACH (record, &c) {
		static const uint32_t errors[] = {NPU_JOB_ILLEGAL, NPU_JOB_PAGE_FAULT, NPU_JOB_STOPPED,
						  NPU_JOB_STOPPED};
		const struct npu_perf_share *share = (const struct npu_perf_share *)record;

		if (record->type == NPU_PERF_SHARE) {
			ok &= shares < 4 && share->error == errors[shares & 3] &&
			      record->flags == NPU_PERF_FLAG_CUT;
			shares++;
		}
	}
	tap_ok(ok && shares == 4, "shares that end badly say so");
	tap_is(pc_sum(&c, 0, ~0u, -1), o.counters[0][NPU_COUNTER_TILE_CYCLES],
	       "and their cycles are accounted for");
	free(c.taken);
	tiles_free(b.t);
}

/* Firmware that starts a dispatch before the one before has ended: times say that they are not certain. */
static void test_overlap(void)
{
	const struct setup all = {.queue = 0, .modes = NPU_PERF_MODE_SHARES | NPU_PERF_MODE_PACKETS};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 8);
	const struct npu_perf_head *seen[4];
	unsigned int count = 0;

	b.args[0] = b.out_va;
	start(b.t, &c, &all);
	packet(&b);
	tiles_acct(b.t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(b.t, 0, 0, 1, tiles_entry(K_COUNT_FOREVER), b.args_va, 1, 0, 1, 1);
	packet(&b);
	tiles_acct(b.t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(b.t, 1, 0, 1, tiles_entry(K_EXIT), 0, 1, 0, 1, 1);
	while (tiles_ack(b.t, 1) != NPU_SOC_DONE)
		sched_yield();
	tiles_set(b.t, TREG(0, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(b.t->dev);
	tiles_ack(b.t, 0);
	tiles_acct(b.t, 0, NPU_SOC_ACCT_BARRIER, 0);
	stop(b.t, 0);
	consume(&c);
	FOR_EACH (record, &c)
		if (count < 4)
			seen[count++] = record;
	tap_ok(count == 4 && seen[0]->type == NPU_PERF_SHARE && seen[0]->packet == 2 &&
		       seen[0]->flags == NPU_PERF_FLAG_EARLY && seen[2]->type == NPU_PERF_SHARE &&
		       seen[2]->packet == 1 && seen[2]->flags == NPU_PERF_FLAG_CUT,
	       "a share that began before its time was known says so");
	tap_ok(count == 4 && seen[1]->type == NPU_PERF_PACKET && seen[1]->packet == 1 &&
		       seen[3]->type == NPU_PERF_PACKET && seen[3]->packet == 2 &&
		       seen[3]->flags == NPU_PERF_FLAG_EARLY,
	       "packets come in the order in which they began, whichever ends first");
	free(c.taken);
	tiles_free(b.t);
}

/* Each record that has one names the operating point that its work ran at. */
static void test_opp(void)
{
	const struct setup all = {.queue = 0, .modes = ALL, .period = 500};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 12);
	const uint32_t highest = tiles_get(b.t, NPU_SOC_POWER_OPP, 4);
	unsigned int count[2] = {0};
	bool ok = start(b.t, &c, &all) == NPU_SOC_PERF_OK && highest > 0;

	for (unsigned int round = 0; round < 2; round++) {
		packet(&b);
		tiles_dispatch(b.t, 0, 1, K_WORK, b.args_va, 4);
		ok &= all_done(b.t);
		tiles_acct(b.t, 0, NPU_SOC_ACCT_BARRIER, 0);
		tiles_set(b.t, NPU_SOC_POWER_OPP, 0, 4);
	}
	ok &= !stop(b.t, 0) && consume(&c);
	FOR_EACH (record, &c) {
		const uint32_t want = record->packet == 1 ? highest : 0;

		if (record->type == NPU_PERF_SAMPLE)
			ok &= ((const struct npu_perf_sample *)record)->opp == want;
		else if (record->type == NPU_PERF_SHARE)
			ok &= ((const struct npu_perf_share *)record)->opp == want;
		else if (record->type == NPU_PERF_PACKET)
			ok &= ((const struct npu_perf_packet *)record)->opp == want;
		else
			continue;
		count[record->packet - 1]++;
	}
	tap_ok(ok && count[0] > 10 && count[1] > 10, "records name the operating point");
	free(c.taken);
	tiles_free(b.t);
}

/* What is kept for one queue is handed out when the tile turns to another. */
static void test_keep_switch(void)
{
	const struct setup keep = {.queue = NPU_PERF_ALL_QUEUES,
				   .modes = NPU_PERF_MODE_PCS | NPU_PERF_MODE_KEEP};
	struct bench b = bench_new(2, 32768);
	struct consumer c = consumer_new(b.t, 14);
	bool ok = start(b.t, &c, &keep) == NPU_SOC_PERF_OK && work(&b, &c);
	struct outcome o;

	ok &= c.size > 0; /* before the stop */
	ok &= !stop(b.t, 0) && consume(&c);
	o = outcome(&b);
	tap_ok(ok && pcs_conserve(&c, &o) && !memcmp(&o, &plain, sizeof(o)),
	       "kept: each queue gets its own");
	free(c.taken);
	tiles_free(b.t);
}

static void test_cores(void)
{
	struct bench b = bench_new(2, 32768);
	struct npu_counter_block sum = {0}, all;
	bool ok = work(&b, NULL);

	for (unsigned int i = 0; i < 6; i++) {
		const uint32_t core = i < 4 ? i : i == 4 ? NPU_CORE_COPY : NPU_CORE_FRONT;
		struct npu_counter_block *block = (struct npu_counter_block *)b.t->dev->soc.ram;

		tiles_set(b.t, NPU_SOC_ACCT_ADDR, NPU_SOC_RAM_BASE, 8);
		tiles_acct(b.t, 1, NPU_SOC_ACCT_SNAPSHOT_CORE, core);
		ok &= block->core == core && block->count == NPU_COUNTER_COUNT;
		for (unsigned int v = 0; v < NPU_COUNTER_MAX; v++)
			sum.value[v] += block->value[v];
		ok &= block->value[NPU_COUNTER_CYCLES] == plain.counters[1][NPU_COUNTER_CYCLES];
	}
	memset(b.t->dev->soc.ram, 0, sizeof(all));
	tiles_acct(b.t, 1, NPU_SOC_ACCT_SNAPSHOT_CORE, 4);
	tiles_acct(b.t, 1, NPU_SOC_ACCT_SNAPSHOT_CORE, ~0u);
	memcpy(&all, b.t->dev->soc.ram, sizeof(all));
	ok &= !all.count;
	tiles_acct(b.t, 1, NPU_SOC_ACCT_SNAPSHOT, 0);
	memcpy(&all, b.t->dev->soc.ram, sizeof(all));
	sum.value[NPU_COUNTER_CYCLES] = all.value[NPU_COUNTER_CYCLES];
	tap_ok(ok && all.core == NPU_CORE_ALL && !memcmp(sum.value, all.value, sizeof(sum.value)),
	       "snapshots of all cores add up to the queue's");
	tiles_free(b.t);
}

int main(void)
{
	test_all();
	test_determinism();
	test_modes();
	test_two();
	test_keep();
	test_keep_switch();
	test_overlap();
	test_opp();
	test_full();
	test_hostile();
	test_rules();
	test_vector();
	test_middle(0);
	test_middle(32768);
	test_ends();
	test_cores();
	return tap_done();
}
