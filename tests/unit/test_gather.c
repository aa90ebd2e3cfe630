/* SPDX-License-Identifier: MIT */
/* Rows named by indices, in tile DMA and in packets of the copy engine. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "model.h"
#include "script.h"
#include "tap.h"
#include "xorshift.h"

#define RW   (NPU_PTE_R | NPU_PTE_W)
#define SIZE (256 * 1024)
#define LIST 4096 /* bytes of indices */

static struct tiles *t;
static struct script *s;
static uint64_t s_va, table_va, out_va, list_va;
static uint8_t *table, *out;
static uint32_t *list;

static uint32_t random_state = 7;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

static void setup(unsigned int threads, uint64_t budget)
{
	struct npu_config config;

	npu_config_init(&config);
	config.threads = threads;
	config.inline_budget = budget;
	t = tiles_new(&config);
	s_va = tiles_map(t, sizeof(*s), RW, &s);
	table_va = tiles_map(t, SIZE, NPU_PTE_R, &table);
	out_va = tiles_map(t, SIZE, RW, &out);
	list_va = tiles_map(t, LIST, RW, &list);
	for (unsigned int i = 0; i < SIZE; i++)
		table[i] = rnd();
}

/* A case: what is moved, and what memory must look like behind it. */
struct shape {
	uint32_t bytes, rows, planes, dst_row, src_row, dst_plane, src_plane;
	uint32_t range; /* indices are below */
	uint32_t bound;
	bool scatter, pad;
	uint64_t src0, dst0, list0; /* offsets; list0: entries */
};

static struct shape random_shape(void)
{
	struct shape c = {.bytes = 1 + rnd() % 200, .rows = 1 + rnd() % 60, .planes = 1 + rnd() % 4};

	c.scatter = rnd() & 1;
	c.pad = rnd() & 1;
	c.range = 1 + rnd() % 80;
	c.bound = c.pad ? 1 + rnd() % c.range : rnd() & 1 ? c.range : 0;
	c.dst_row = c.bytes + rnd() % 30;
	c.src_row = c.bytes + rnd() % 30;
	c.dst_plane = c.dst_row * 81 + rnd() % 100;
	c.src_plane = c.src_row * 81 + rnd() % 100;
	c.src0 = rnd() % 3000;
	c.dst0 = rnd() % 3000;
	c.list0 = rnd() % 40;
	for (unsigned int i = 0; i < c.rows * c.planes; i++)
		list[c.list0 + i] = rnd() % c.range;
	return c;
}

static void expect(const struct shape *c, uint8_t *want)
{
	for (uint32_t p = 0; p < c->planes; p++)
		for (uint32_t r = 0; r < c->rows; r++) {
			const uint32_t index = list[c->list0 + p * c->rows + r];
			const bool named = !c->bound || index < c->bound;
			uint8_t *to = want + c->dst0 + (uint64_t)p * c->dst_plane +
				      (uint64_t)(c->scatter ? index : r) * c->dst_row;
			const uint8_t *from = table + c->src0 + (uint64_t)p * c->src_plane +
					      (uint64_t)(c->scatter ? r : index) * c->src_row;

			if (named)
				memcpy(to, from, c->bytes);
			else if (!c->scatter)
				memset(to, 0, c->bytes);
		}
}

static struct npu_dma_desc desc_of(const struct shape *c)
{
	return (struct npu_dma_desc){
		.dst = out_va + c->dst0,
		.src = table_va + c->src0,
		.size = {c->bytes, c->rows, c->planes},
		.flags = (c->scatter ? NPU_DMA_SCATTER : NPU_DMA_GATHER) |
			 (c->pad ? NPU_DMA_PAD : 0),
		.dst_stride = {c->dst_row, c->dst_plane},
		.src_stride = {c->src_row, c->src_plane},
		.bound = c->bound,
		.indices = list_va + 4 * c->list0,
	};
}

static const struct npu_dma_desc *move(struct npu_dma_desc *desc, uint64_t dst, uint64_t src,
				       uint32_t bytes)
{
	*desc = (struct npu_dma_desc){.dst = dst, .src = src, .size = {bytes, 1, 1}};
	return desc;
}

/* List and table, or neither, in SRAM; the result goes there too, and comes out by a plain move. */
static bool through_sram(const struct shape *c, bool list_in_sram)
{
	const uint64_t sram_table = NPU_VA_SRAM, sram_out = NPU_VA_SRAM + SIZE;
	const uint64_t sram_list = NPU_VA_SRAM + 2 * SIZE;
	struct npu_dma_desc desc = desc_of(c), d;

	script_begin(s, s_va);
	script_dma(s, move(&d, sram_table, table_va, SIZE));
	script_dma(s, move(&d, sram_out, out_va, SIZE));
	script_dma(s, move(&d, sram_list, list_va, LIST));
	desc.src += sram_table - table_va;
	desc.dst += sram_out - out_va;
	if (list_in_sram)
		desc.indices += sram_list - list_va;
	script_dma(s, &desc);
	script_dma(s, move(&d, out_va, sram_out, SIZE));
	return script_run(t, s);
}

static void test_random(void)
{
	static uint8_t want[SIZE];
	bool direct = true, sram = true;
	uint64_t rows = 0, before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];

	tiles_counters(t, 0, before);
	for (unsigned int round = 0; round < 60; round++) {
		const struct shape c = random_shape();
		const struct npu_dma_desc desc = desc_of(&c);

		for (unsigned int i = 0; i < SIZE; i++)
			want[i] = i ^ round;
		expect(&c, want);
		for (unsigned int i = 0; i < SIZE; i++)
			out[i] = i ^ round;
		script_begin(s, s_va);
		script_dma(s, &desc);
		direct &= script_run(t, s) && !memcmp(out, want, SIZE);
		for (unsigned int i = 0; i < SIZE; i++)
			out[i] = i ^ round;
		sram &= through_sram(&c, round & 1) && !memcmp(out, want, SIZE);
		rows += 2 * c.rows * c.planes;
	}
	tiles_counters(t, 0, after);
	tap_ok(direct, "random gathers and scatters of host memory");
	tap_ok(sram, "the same in SRAM, with the list there or not");
	tap_is(after[NPU_COUNTER_GATHER_ROWS] - before[NPU_COUNTER_GATHER_ROWS], rows,
	       "rows are counted");
}

static void bad(const char *name, const struct npu_dma_desc *desc, enum npu_job_error error,
		enum npu_access access, uint64_t addr)
{
	const struct tile_fault *fault = &t->dev->tile[0]->fault;
	bool ok;

	script_begin(s, s_va);
	script_dma(s, desc);
	if (error == NPU_JOB_BAD_DESCRIPTOR)
		addr = s->step[0].operand;
	ok = !script_run(t, s);
	if (!tap_ok(ok && fault->error == error && fault->access == access && fault->addr == addr,
		    "%s", name))
		tap_diag("error %u access %u addr %#llx", fault->error, fault->access,
			 (long long)fault->addr);
}

static void bad_desc(const char *name, struct npu_dma_desc desc, uint32_t flags, uint32_t bound,
		     uint64_t indices)
{
	desc.flags = flags;
	desc.bound = bound;
	desc.indices = indices;
	bad(name, &desc, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
}

static void test_faults(void)
{
	struct shape c = {.bytes = 16, .rows = 40, .planes = 2, .dst_row = 16, .src_row = 16,
			  .dst_plane = 640, .range = 100, .bound = 100};
	struct npu_dma_desc d;

	for (unsigned int i = 0; i < 80; i++)
		list[i] = 99 - i;
	d = desc_of(&c);
	bad_desc("gather and scatter", d, NPU_DMA_GATHER | NPU_DMA_SCATTER, 0, list_va);
	bad_desc("gather and fill", d, NPU_DMA_GATHER | NPU_DMA_FILL, 0, list_va);
	bad_desc("padding without a bound", d, NPU_DMA_GATHER | NPU_DMA_PAD, 0, list_va);
	bad_desc("padding without indices", d, NPU_DMA_PAD, 5, 0);
	bad_desc("misaligned list", d, NPU_DMA_SCATTER, 0, list_va + 2);
	bad_desc("a list that is not asked for", d, 0, 0, list_va);
	bad_desc("unknown flag", d, NPU_DMA_GATHER | 1u << 31, 0, list_va);

	list[45] = 100;
	memset(out, 0xee, SIZE);
	bad("index out of bounds", &d, NPU_JOB_BAD_INDEX, NPU_ACCESS_READ, list_va + 4 * 45);
	tap_ok(!memcmp(out + 640 + 4 * 16, table + (99 - 44) * 16, 16) && out[640 + 5 * 16] == 0xee,
	       "the rows before it were moved, it was not");
	d.bound = 0;
	d.src_stride[0] = 0x80000000;
	list[0] = 0xffffffff;
	bad("index that leads nowhere", &d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ,
	    table_va + 0xffffffffull * 0x80000000);
	d.flags = NPU_DMA_SCATTER;
	d.src_stride[0] = 16;
	d.dst_stride[0] = 0xffffffff;
	bad("scatter to nowhere", &d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
	    out_va + 0xffffffffull * 0xffffffff);
	d = desc_of(&c);
	list[0] = 0;
	d.indices = 0x8000;
	bad("list that is not mapped", &d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0x8000);
	d.indices = list_va + LIST - 12;
	list[LIST / 4 - 3] = list[LIST / 4 - 2] = list[LIST / 4 - 1] = 0;
	bad("list that ends too early", &d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, list_va + LIST);
	d.indices = NPU_VA_SRAM + t->dev->sram_size - 8;
	bad("list that leaves the SRAM", &d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ,
	    NPU_VA_SRAM + t->dev->sram_size);
}

static void test_time(void)
{
	struct npu_dma_desc plain = {.dst = NPU_VA_SRAM + 65536, .src = NPU_VA_SRAM,
				     .size = {64, 256, 1}, .dst_stride = {64}, .src_stride = {64}};
	struct npu_dma_desc gather = plain;
	uint64_t before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT], cycles[3];

	for (unsigned int i = 0; i < 256; i++)
		list[i] = 255 - i;
	gather.flags = NPU_DMA_GATHER;
	for (unsigned int kind = 0; kind < 3; kind++) {
		struct npu_dma_desc d;

		tiles_counters(t, 0, before);
		script_begin(s, s_va);
		if (kind == 2)
			script_dma(s, move(&d, NPU_VA_SRAM + 0x40000, list_va, 1024));
		gather.indices = kind == 2 ? NPU_VA_SRAM + 0x40000 : list_va;
		script_dma(s, kind ? &gather : &plain);
		if (!script_run(t, s))
			tap_ok(false, "the script ends");
		tiles_counters(t, 0, after);
		cycles[kind] = after[NPU_COUNTER_DMA_CYCLES] - before[NPU_COUNTER_DMA_CYCLES];
	}
	tap_is(cycles[1] - cycles[0],
	       256 * NPU_MODEL_INDEX_ROW +
		       npu_model_host(&tiles_alone, 1024, 0) +
		       npu_model_round_trip(&tiles_alone),
	       "what the indices cost, in host memory");
	tap_is(cycles[2] - cycles[1], NPU_MODEL_DMA_SETUP + NPU_MODEL_DMA_ROW,
	       "in SRAM only the rows, and the move that brought them");
}

static unsigned int copy(const struct shape *c, union npu_packet *p)
{
	*p = (union npu_packet){
		.gather = {.hdr = {.op = NPU_PKT_GATHER,
				   .flags = (c->scatter ? NPU_GATHER_SCATTER : 0) |
					    (c->pad ? NPU_GATHER_PAD : 0)},
			   .dst = out_va + c->dst0,
			   .src = table_va + c->src0,
			   .indices = list_va + 4 * c->list0,
			   .bytes = c->bytes,
			   .rows = c->rows,
			   .dst_stride = c->dst_row,
			   .src_stride = c->src_row,
			   .bound = c->bound}};
	return tiles_copy(t, 0, 1, p);
}

static void expect_bad(const char *name, const union npu_packet *p, enum npu_job_error error,
		       uint64_t addr)
{
	const struct npu_copy *engine = &t->dev->copy;
	const unsigned int status = tiles_copy(t, 0, 1, p);

	if (!tap_ok(status == NPU_SOC_FAULT && engine->error == error && engine->fault == addr,
		    "packet: %s", name))
		tap_diag("status %u error %u addr %#llx", status, engine->error,
			 (long long)engine->fault);
}

static void test_packets(void)
{
	static uint8_t want[SIZE];
	uint64_t before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT], rows = 0, bytes = 0;
	union npu_packet p, good;
	struct shape c;
	bool ok = true;

	tiles_counters(t, 0, before);
	for (unsigned int round = 0; round < 60; round++) {
		c = random_shape();
		c.planes = 1;
		for (unsigned int i = 0; i < SIZE; i++)
			out[i] = want[i] = i + round;
		expect(&c, want);
		ok &= copy(&c, &p) == NPU_SOC_DONE && !memcmp(out, want, SIZE);
		rows += c.rows;
		for (unsigned int i = 0; i < c.rows; i++)
			if (!c.scatter || !c.bound || list[c.list0 + i] < c.bound)
				bytes += c.bytes;
	}
	tiles_counters(t, 0, after);
	tap_ok(ok, "packet: random gathers and scatters");
	tap_is(after[NPU_COUNTER_GATHER_ROWS] - before[NPU_COUNTER_GATHER_ROWS], rows,
	       "packet: rows are counted");
	tap_is(after[NPU_COUNTER_COPY_BYTES] - before[NPU_COUNTER_COPY_BYTES], bytes,
	       "packet: bytes are counted");

	c = (struct shape){.bytes = 8, .rows = 20, .planes = 1, .dst_row = 8, .src_row = 8,
			   .bound = 20};
	for (unsigned int i = 0; i < 20; i++)
		list[i] = i;
	tiles_counters(t, 0, before);
	tap_is(copy(&c, &good), NPU_SOC_DONE, "packet: a good one");
	tiles_counters(t, 0, after);
	tap_is(after[NPU_COUNTER_COPY_CYCLES] - before[NPU_COUNTER_COPY_CYCLES],
	       NPU_MODEL_COPY_SETUP + 20 * (NPU_MODEL_COPY_ROW + NPU_MODEL_INDEX_ROW) +
		       160 / NPU_MODEL_COPY_BYTES + (3 + 1 + 2) * npu_model_round_trip(&tiles_alone),
	       "packet: its cycles");
	list[13] = 20;
	expect_bad("index out of bounds", &good, NPU_JOB_BAD_INDEX, list_va + 13 * 4);
	list[13] = 13;
	p = good;
	p.hdr.flags = NPU_GATHER_PAD;
	p.gather.bound = 0;
	expect_bad("padding without a bound", &p, NPU_JOB_BAD_PACKET, 0);
	p = good;
	p.hdr.flags = 4;
	expect_bad("unknown flag", &p, NPU_JOB_BAD_PACKET, 0);
	p = good;
	p.gather.reserved[2] = 1;
	expect_bad("reserved field", &p, NPU_JOB_BAD_PACKET, 0);
	p = good;
	p.gather.indices += 1;
	expect_bad("misaligned list", &p, NPU_JOB_BAD_PACKET, 0);
	p = good;
	p.gather.rows = 0;
	expect_bad("no rows", &p, NPU_JOB_BAD_PACKET, 0);
	p = good;
	p.gather.indices = NPU_VA_SRAM;
	expect_bad("the copy engine has no SRAM", &p, NPU_JOB_PAGE_FAULT, NPU_VA_SRAM);

	/* Rows without end, all of them the same: only STOP ends it. */
	p = good;
	p.gather.rows = 0xffffffff;
	p.gather.bytes = 0xffffffff;
	p.gather.bound = 1;
	p.hdr.flags = NPU_GATHER_PAD | NPU_GATHER_SCATTER;
	for (unsigned int i = 0; i < LIST / 4; i++)
		list[i] = 5;
	dev_lock(t->dev);
	memcpy(t->dev->soc.ram, &p, sizeof(p));
	dev_unlock(t->dev);
	tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO, 4);
	tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	/* The list is a page: it either was stopped before its end, or faulted there. */
	tap_ok(tiles_get(t, NPU_SOC_COPY_STATUS, 4) >= NPU_SOC_FAULT, "packet: a long one ends");
	tiles_set(t, NPU_SOC_COPY_STATUS, 0, 4);
}

/* ---- the list is the guest's ----------------------------------------------------------------- */

static bool spoil_end;

/* Another CPU of the guest writes the list while it is used. */
static void *spoil(void *arg)
{
	uint32_t state = 1;

	(void)arg;
	while (!__atomic_load_n(&spoil_end, __ATOMIC_RELAXED)) {
		state = state * 1664525 + 1013904223;
		__atomic_store_n(&list[(state >> 8) % 256],
				 state >> 31 ? 0xffffffff : (state >> 16) % 64, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_changing_list(void)
{
	struct shape c = {.bytes = 64, .rows = 256, .planes = 1, .dst_row = 64, .src_row = 64,
			  .bound = 64, .pad = true};
	const struct npu_dma_desc desc = desc_of(&c);
	pthread_t thread;
	bool ok = true;

	pthread_create(&thread, NULL, spoil, NULL);
	for (unsigned int round = 0; ok && round < 200; round++) {
		script_begin(s, s_va);
		script_dma(s, &desc);
		ok = script_run(t, s);
		/* Each row is one of the table, whole, or zeros. */
		for (unsigned int r = 0; ok && r < 256; r++) {
			static const uint8_t zeros[64];
			bool found = !memcmp(out + r * 64, zeros, 64);

			for (unsigned int i = 0; i < 64 && !found; i++)
				found = !memcmp(out + r * 64, table + i * 64, 64);
			ok = found;
		}
	}
	__atomic_store_n(&spoil_end, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tap_ok(ok, "a list that changes gives rows of the table");
}

/* ---- the same figures everywhere ------------------------------------------------------------- */

static void measure(unsigned int threads, uint64_t budget, uint64_t *counters)
{
	union npu_packet p;

	random_state = 99;
	setup(threads, budget);
	for (unsigned int round = 0; round < 8; round++) {
		const struct shape c = random_shape();
		const struct npu_dma_desc desc = desc_of(&c);
		struct shape flat = c;

		script_begin(s, s_va);
		for (unsigned int i = 0; i < 20; i++)
			script_dma(s, &desc);
		script_run(t, s);
		flat.planes = 1;
		copy(&flat, &p);
	}
	tiles_counters(t, 0, counters);
	tiles_free(t);
}

static void test_determinism(void)
{
	static const struct {
		unsigned int threads;
		uint64_t budget;
	} cases[] = {{1, 0}, {2, 0}, {4, 0}, {1, 1}, {2, 50}, {3, 1000}, {4, UINT64_MAX}};
	uint64_t want[NPU_COUNTER_COUNT], got[NPU_COUNTER_COUNT];

	measure(2, 32768, want);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		measure(cases[i].threads, cases[i].budget, got);
		tap_ok(!memcmp(want, got, sizeof(want)), "same figures with %u threads, budget %lld",
		       cases[i].threads, (long long)cases[i].budget);
	}
}

int main(void)
{
	setup(2, 32768);
	test_random();
	test_faults();
	test_time();
	test_packets();
	test_changing_list();
	tiles_free(t);
	test_determinism();
	return tap_done();
}
