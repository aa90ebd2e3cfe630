/* SPDX-License-Identifier: MIT */
/* Tile DMA, matrix engine as seen from a kernel, copy engine: data, faults, modelled time. */
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "model.h"
#include "tap.h"
#include "tiles.h"
#include "xorshift.h"

#define RW (NPU_PTE_R | NPU_PTE_W)

static struct tiles *t;
static struct script_step *script; /* in guest memory */
static uint64_t script_va;
static unsigned int steps;
static struct npu_dma_desc *descs;
static uint64_t descs_va;

static void script_begin(void)
{
	steps = 0;
}

static void script_add(enum script_op op, uint64_t operand)
{
	script[steps++] = (struct script_step){op, operand};
}

/* Run the script; its cycles are returned if it ends well, else 0. */
static uint64_t script_run(void)
{
	script_add(S_END, 0);
	script[steps].op = 0;
	return tiles_run(t, K_SCRIPT, script_va) == NPU_SOC_DONE ? script[steps].op : 0;
}

static bool dma(const struct npu_dma_desc *desc)
{
	descs[0] = *desc;
	script_begin();
	script_add(S_DMA, descs_va);
	script_add(S_WAIT, 0);
	return script_run();
}

static uint32_t random_state = 1;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

/* Random blocks, memory to SRAM to memory, against a plain loop. */
static void test_blocks(void)
{
	enum {
		SIZE = 256 * 1024
	};
	uint8_t *src, *dst, *want = malloc(SIZE);
	const uint64_t src_va = tiles_map(t, SIZE, NPU_PTE_R, &src);
	const uint64_t dst_va = tiles_map(t, SIZE, RW, &dst);
	bool ok = true;

	for (unsigned int i = 0; i < SIZE; i++)
		src[i] = rnd();
	for (unsigned int round = 0; ok && round < 40; round++) {
		const uint32_t w = 1 + rnd() % 300, h = 1 + rnd() % 20, d = 1 + rnd() % 5;
		const uint32_t ss[2] = {w + rnd() % 50, 0}, ds[2] = {w + rnd() % 50, 0};
		const uint32_t sp = ss[0] * h + rnd() % 100, dp = ds[0] * h + rnd() % 100;
		const uint32_t s0 = rnd() % 5000, d0 = rnd() % 5000, sram0 = rnd() % 5000;
		struct npu_dma_desc *in = &descs[0], *mid = &descs[1], *out = &descs[2];

		memset(dst, 0xee, SIZE);
		memset(want, 0xee, SIZE);
		for (uint32_t z = 0; z < d; z++)
			for (uint32_t y = 0; y < h; y++)
				memcpy(want + d0 + z * dp + y * ds[0],
				       src + s0 + z * sp + y * ss[0], w);
		*in = (struct npu_dma_desc){
			.dst = NPU_VA_SRAM + sram0,
			.src = src_va + s0,
			.size = {w, h, d},
			.dst_stride = {w, w * h},
			.src_stride = {ss[0], sp},
		};
		*mid = (struct npu_dma_desc){
			/* one long row inside the SRAM */
			.dst = NPU_VA_SRAM + SIZE,
			.src = NPU_VA_SRAM + sram0,
			.size = {w * h * d, 1, 1},
		};
		*out = (struct npu_dma_desc){
			.dst = dst_va + d0,
			.src = NPU_VA_SRAM + SIZE,
			.size = {w, h, d},
			.dst_stride = {ds[0], dp},
			.src_stride = {w, w * h},
		};
		script_begin();
		for (unsigned int i = 0; i < 3; i++)
			script_add(S_DMA, descs_va + i * sizeof(*descs));
		script_add(S_WAIT_LAST, 0);
		ok = script_run() && !memcmp(dst, want, SIZE);
	}
	tap_ok(ok, "random blocks through the SRAM");
	free(want);
}

static void test_fill(void)
{
	uint8_t *dst;
	const uint64_t va = tiles_map(t, 16384, RW, &dst);
	static uint8_t want[16384];
	const uint32_t value = 0x04030201;
	struct npu_dma_desc desc = {
		.dst = va + 4088,
		.size = {5000, 2, 1},
		.dst_stride = {5003, 0},
		.flags = NPU_DMA_FILL,
		.fill = value,
		.src = 1,
	};

	memset(dst, 0, sizeof(want));
	memset(want, 0, sizeof(want));
	for (unsigned int row = 0; row < 2; row++)
		for (unsigned int i = 0; i < 5000; i++)
			want[4088 + row * 5003 + i] = 1 + i % 4;
	tap_ok(dma(&desc) && !memcmp(dst, want, sizeof(want)),
	       "fill, over a page's end and with an odd stride");
	desc.dst = NPU_VA_SRAM;
	tap_ok(dma(&desc) && t->dev->tile[0]->sram[5003] == 1 &&
		       t->dev->tile[0]->sram[5003 + 4999] == 4,
	       "fill of SRAM");
}

static void bad(const char *name, struct npu_dma_desc desc, enum npu_job_error error,
		enum npu_access access, uint64_t addr)
{
	const uint64_t dma_pc = tiles_entry(K_SCRIPT) + 6 * 4;
	bool ok = !dma(&desc);
	const struct tile_fault *fault = &t->dev->tile[0]->fault;

	ok &= fault->error == error && fault->access == access && fault->addr == addr &&
	      fault->pc == dma_pc;
	if (!tap_ok(ok, "%s", name))
		tap_diag("error %u access %u addr %#llx pc %#llx, expected pc %#llx", fault->error,
			 fault->access, (long long)fault->addr, (long long)fault->pc,
			 (long long)dma_pc);
}

static void test_faults(void)
{
	uint8_t *mem, *ro;
	const uint64_t va = tiles_map(t, 8192, RW, &mem);
	const uint64_t ro_va = tiles_map(t, 4096, NPU_PTE_R, &ro);
	const uint64_t end = NPU_VA_SRAM + t->dev->sram_size;
	const struct npu_dma_desc good = {.dst = va, .src = NPU_VA_SRAM, .size = {64, 1, 1}};
	struct npu_dma_desc d;

	tap_ok(dma(&good), "a good descriptor");
	d = good;
	d.flags = 1u << 20;
	bad("unknown flag", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, descs_va);
	d = good;
	d.signal = 1;
	bad("field without its flag", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, descs_va);
	for (unsigned int i = 0; i < 3; i++) {
		d = good;
		d.size[i] = 0;
		bad("size of 0", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, descs_va);
	}
	d = good;
	d.flags = NPU_DMA_FILL;
	d.dst += 2;
	bad("misaligned fill", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, descs_va);
	d = good;
	d.src = 0x5000;
	bad("source nowhere", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0x5000);
	d = good;
	d.dst = ro_va + 16;
	bad("destination read-only", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, ro_va + 16);
	d = good;
	d.size[0] = 8192 + 100;
	bad("destination too short", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, va + 8192);
	d = good;
	d.src = end - 32;
	bad("source leaves the SRAM", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, end);
	d = good;
	d.size[1] = 3;
	d.dst_stride[0] = 0xffffffff;
	bad("second row far away", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, va + 0xffffffff);
	d = good;
	d.src = UINT64_MAX - 15;
	bad("source at the end of all addresses", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ,
	    UINT64_MAX - 15);

	/* A long one that fails late: the same fault wherever it is interrupted. */
	d = (struct npu_dma_desc){.dst = va, .src = NPU_VA_SRAM, .size = {4096, 2000, 1}};
	d.src_stride[0] = t->dev->sram_size / 1999;
	bad("fault after megabytes", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, end);

	script_begin();
	script_add(S_DMA, 0x2000);
	tap_ok(!script_run() && t->dev->tile[0]->fault.error == NPU_JOB_PAGE_FAULT &&
		       t->dev->tile[0]->fault.addr == 0x2000,
	       "descriptor nowhere");
	script_begin();
	script_add(S_MATRIX, descs_va);
	descs[0] = good;
	tap_ok(!script_run() && t->dev->tile[0]->fault.error == NPU_JOB_BAD_DESCRIPTOR,
	       "matrix descriptor that breaks a rule");
}

static void test_matrix(void)
{
	enum {
		M = 70,
		N = 33,
		K = 129,
		A = 0,
		B = 0x10000,
		C = 0x20000
	};
	struct npu_matrix_desc *m;
	uint8_t *image;
	const uint64_t image_va = tiles_map(t, 0x30000, RW, &image);
	const uint64_t m_va = tiles_map(t, 4096, RW, &m);
	static int32_t want[M][N];
	uint64_t before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];
	struct npu_matrix_cost cost;
	bool ok;

	memset(want, 0, sizeof(want));
	for (unsigned int i = 0; i < 0x20000; i++)
		image[i] = rnd();
	for (unsigned int r = 0; r < M; r++)
		for (unsigned int c = 0; c < N; c++)
			for (unsigned int k = 0; k < K; k++)
				want[r][c] +=
					image[A + r * K + k] *
					(int8_t)image[B + ((c / 16) * ((K + 3) / 4) + k / 4) * 64 +
						      c % 16 * 4 + k % 4];
	*m = (struct npu_matrix_desc){
		.a = A, .b = B, .c = C, .m = M, .n = N, .k = K, .a_stride = K, .c_stride = N * 4};
	descs[0] =
		(struct npu_dma_desc){.dst = NPU_VA_SRAM, .src = image_va, .size = {0x20000, 1, 1}};
	descs[1] = (struct npu_dma_desc){
		.dst = image_va + C, .src = NPU_VA_SRAM + C, .size = {sizeof(want), 1, 1}};
	script_begin();
	script_add(S_DMA, descs_va);
	script_add(S_WAIT_LAST, 0);
	script_add(S_MATRIX, m_va);
	script_add(S_WAIT_LAST, 0);
	script_add(S_DMA, descs_va + sizeof(*descs));
	script_add(S_WAIT_LAST, 0);
	tiles_counters(t, 0, before);
	ok = script_run();
	tiles_counters(t, 0, after);
	/* Padding of B is not zero here: K is not a multiple of 4, so A must have been cut, not padded. */
	tap_ok(ok && !memcmp(image + C, want, sizeof(want)), "matrix product against a plain loop");
	cost = npu_model_matrix(m);
	tap_is(after[NPU_COUNTER_MATRIX_MACS] - before[NPU_COUNTER_MATRIX_MACS], M * N * K, "MACs");
	tap_is(after[NPU_COUNTER_MATRIX_CYCLES] - before[NPU_COUNTER_MATRIX_CYCLES], cost.busy,
	       "busy cycles");
	tap_is(cost.busy, 32 + 32 + 5 * 3 * 33, "which are as the table says");

	/* Long enough that the core, which loads its script from host memory, has to wait. */
	*m = (struct npu_matrix_desc){
		.c = C, .m = 1000, .n = 64, .k = 64, .a_stride = 64, .c_stride = 256};
	script_begin();
	script_add(S_MATRIX, m_va);
	script_add(S_WAIT_LAST, 0);
	ok = script_run();
	tiles_counters(t, 0, before);
	tap_ok(ok && before[NPU_COUNTER_STALL_MATRIX] > after[NPU_COUNTER_STALL_MATRIX] + 1000 &&
		       before[NPU_COUNTER_STALL_MATRIX] < after[NPU_COUNTER_STALL_MATRIX] + 4000,
	       "the core waits for a long one");
}

static void test_time(void)
{
	uint8_t *mem, *large;
	const uint64_t va = tiles_map(t, 65536, RW, &mem);
	uint64_t one, two, overlapped, *args, host_busy;
	const uint64_t args_va = tiles_map(t, 4096, RW, &args);
	const uint64_t trip = npu_model_round_trip(&tiles_alone);

	descs[0] = (struct npu_dma_desc){.dst = NPU_VA_SRAM, .src = va, .size = {65536, 1, 1}};
	script_begin();
	script_add(S_DMA, descs_va);
	script_add(S_WAIT_LAST, 0);
	one = script_run();
	script_begin();
	script_add(S_DMA, descs_va);
	script_add(S_WAIT_LAST, 0);
	script_add(S_DMA, descs_va);
	script_add(S_WAIT_LAST, 0);
	two = script_run();
	script_begin();
	script_add(S_DMA, descs_va);
	script_add(S_DMA, descs_va);
	script_add(S_WAIT_LAST, 0);
	overlapped = script_run();
	host_busy = NPU_MODEL_DMA_SETUP + NPU_MODEL_DMA_ROW + 65536 / NPU_MODEL_LINK_BYTES;
	tap_is(trip, 600, "a round trip to host memory");
	tap_ok(one > host_busy + 3 * trip, "time of a transfer");
	tap_ok(two - one > host_busy + trip && two - one < host_busy + 2 * trip + 6 * trip,
	       "a second transfer finds its pages in the TLB");
	/* Overlap saves the wait for the first one's latency, and the loads of the script in it. */
	tap_ok(overlapped < two - trip, "two in the queue overlap the latency");

	/* A row in each of 64 pages: a walk for every 8 of them, large pages or not. */
	large = host_alloc(t->host, 2 << 20, 2 << 20);
	*host_pte(t->host, t->root[1], 0x40000000, 1) =
		host_leaf(host_bus(t->host, large), NPU_PTE_R);
	for (unsigned int pass = 0; pass < 2; pass++) {
		uint64_t pages;

		if (pass) /* the same memory in small pages */
			host_map(t->host, t->root[1], 0x80000000, host_bus(t->host, large),
				 64 * 4096, NPU_PTE_R);
		descs[0] = (struct npu_dma_desc){.dst = NPU_VA_SRAM,
						 .src = pass ? 0x80000000 : 0x40000000,
						 .size = {64, 64, 1},
						 .dst_stride = {64},
						 .src_stride = {4096}};
		script_begin();
		script_add(S_DMA, descs_va);
		pages = script_run() ? t->dev->tile[0]->block.misses : 0;
		tap_is(pages, 8, pass ? "walks for small pages" : "walks for a large page");
	}

	/* 40 transfers in a queue of 16: the core has to wait for the 24th when it issues the 40th. */
	args[0] = descs_va;
	descs[0] = (struct npu_dma_desc){
		.dst = NPU_VA_SRAM, .src = NPU_VA_SRAM + 65536, .size = {64000, 1, 1}};
	tap_is(tiles_run(t, K_DMA_QUEUE, args_va), NPU_SOC_DONE, "forty operations");
	tap_ok(args[1] >= 24 * 1034 && args[1] < 24 * 1034 + 900, "a full queue holds the core up");
	tap_ok(args[2] > 40 * 1034 && args[2] < 40 * 1034 + 800, "npu.wait 0 waits for everything");
	tap_is(tiles_run(t, K_DMA_POLL, args_va), NPU_SOC_DONE, "npu.poll comes to an end");
	tap_ok(args[1] > 20 && args[1] < 1034, "after a while of modelled time");
}

static void test_exit_waits(void)
{
	uint8_t *mem;
	const uint64_t va = tiles_map(t, 1 << 20, RW, &mem);
	uint64_t before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];

	descs[0] = (struct npu_dma_desc){.dst = va, .src = NPU_VA_SRAM, .size = {1 << 19, 1, 1}};
	tiles_counters(t, 0, before);
	tap_is(tiles_run(t, K_DMA_EXIT, descs_va), NPU_SOC_DONE, "exit with an operation running");
	tiles_counters(t, 0, after);
	tap_ok(after[NPU_COUNTER_TILE_CYCLES] - before[NPU_COUNTER_TILE_CYCLES] >=
		       after[NPU_COUNTER_DMA_CYCLES] - before[NPU_COUNTER_DMA_CYCLES],
	       "npu.exit waits for it");
	tap_is(after[NPU_COUNTER_DMA_WRITE] - before[NPU_COUNTER_DMA_WRITE], 1 << 19,
	       "bytes written");
}

static void expect_copy(const char *name, const union npu_packet *packet, unsigned int status,
			enum npu_job_error error, uint64_t addr)
{
	const unsigned int got = tiles_copy(t, 3, 1, packet);

	if (!tap_ok(got == status && t->dev->copy.error == error && t->dev->copy.fault == addr,
		    "%s", name))
		tap_diag("status %u error %u addr %#llx", got, t->dev->copy.error,
			 (long long)t->dev->copy.fault);
}

static void test_copy(void)
{
	uint8_t *src, *dst;
	uint32_t *words;
	const uint64_t src_va = tiles_map(t, 1 << 20, NPU_PTE_R, &src);
	const uint64_t dst_va = tiles_map(t, 1 << 20, RW, &dst);
	union npu_packet p = {.copy = {.hdr = {.op = NPU_PKT_COPY, .id = 7},
				       .dst = dst_va + 5,
				       .src = src_va + 3,
				       .size = {1000, 100, 2},
				       .dst_stride = {1500, 200000},
				       .src_stride = {1001, 300000}}};
	union npu_packet q;
	uint64_t v[NPU_COUNTER_COUNT];
	bool ok = true;

	for (unsigned int i = 0; i < 1 << 20; i++)
		src[i] = rnd();
	tiles_acct(t, 3, NPU_SOC_ACCT_CLEAR, 0);
	expect_copy("COPY in three dimensions", &p, NPU_SOC_DONE, NPU_JOB_OK, 0);
	for (unsigned int z = 0; z < 2; z++)
		for (unsigned int y = 0; y < 100; y++)
			ok &= !memcmp(dst + 5 + z * 200000 + y * 1500,
				      src + 3 + z * 300000 + y * 1001, 1000);
	tap_ok(ok, "copied as a plain loop does");
	tiles_counters(t, 3, v);
	tap_is(v[NPU_COUNTER_COPY_BYTES], 200000, "bytes");
	/* Pages: all of a plane's rows, and whole TLB refills; here every page once for each side. */
	tap_is(v[NPU_COUNTER_PACKETS], 1, "packets");
	tap_is(v[NPU_COUNTER_CYCLES],
	       v[NPU_COUNTER_COPY_CYCLES] + NPU_MODEL_FRONT_PACKET + NPU_MODEL_FRONT_COPY,
	       "the clock");

	q = p;
	q.copy.reserved[1] = 1;
	expect_copy("reserved field", &q, NPU_SOC_FAULT, NPU_JOB_BAD_PACKET, 0);
	q = p;
	q.hdr.flags = 1;
	expect_copy("unknown flag", &q, NPU_SOC_FAULT, NPU_JOB_BAD_PACKET, 0);
	q = p;
	q.copy.size[1] = 0;
	expect_copy("size of 0", &q, NPU_SOC_FAULT, NPU_JOB_BAD_PACKET, 0);
	q = p;
	q.hdr.op = NPU_PKT_BARRIER;
	expect_copy("a packet that is none of its own", &q, NPU_SOC_FAULT, NPU_JOB_BAD_PACKET, 0);
	q = p;
	q.copy.dst = NPU_VA_SRAM;
	expect_copy("the copy engine has no SRAM", &q, NPU_SOC_FAULT, NPU_JOB_PAGE_FAULT,
		    NPU_VA_SRAM);
	q = p;
	q.copy.src = src_va + (1 << 20) - 10;
	expect_copy("source too short", &q, NPU_SOC_FAULT, NPU_JOB_PAGE_FAULT, src_va + (1 << 20));
	q = p;
	q.copy.dst = src_va;
	expect_copy("destination read-only", &q, NPU_SOC_FAULT, NPU_JOB_PAGE_FAULT, src_va);

	memset(&q, 0, sizeof(q));
	q.fill = (struct npu_pkt_fill){.hdr = {.op = NPU_PKT_FILL},
				       .dst = dst_va,
				       .value = 0xa1b2c3d4,
				       .size = {1 << 20, 1, 1}};
	expect_copy("FILL", &q, NPU_SOC_DONE, NPU_JOB_OK, 0);
	words = (uint32_t *)dst;
	ok = true;
	for (unsigned int i = 0; i < 1 << 18; i++)
		ok &= words[i] == 0xa1b2c3d4;
	tap_ok(ok, "filled");
	q.fill.dst += 2;
	expect_copy("misaligned FILL", &q, NPU_SOC_FAULT, NPU_JOB_BAD_PACKET, 0);

	/* 2^96 bytes: only STOP ends it. */
	p.copy = (struct npu_pkt_copy){.hdr = {.op = NPU_PKT_COPY},
				       .dst = dst_va,
				       .src = src_va,
				       .size = {1 << 20, 0xffffffff, 0xffffffff}};
	dev_lock(t->dev);
	memcpy(t->dev->soc.ram, &p, sizeof(p));
	dev_unlock(t->dev);
	tiles_set(t, NPU_SOC_COPY_PACKET, NPU_SOC_RAM_BASE, 8);
	tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO, 4);
	tap_is(tiles_get(t, NPU_SOC_COPY_STATUS, 4), NPU_SOC_BUSY, "an endless copy is busy");
	tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_get(t, NPU_SOC_COPY_STATUS, 4), NPU_SOC_STOPPED, "and can be stopped");
	tiles_set(t, NPU_SOC_COPY_STATUS, 0, 4);
}

static void test_stop_long_operations(void)
{
	struct npu_matrix_desc *m;
	const uint64_t m_va = tiles_map(t, 4096, RW, &m);

	descs[0] = (struct npu_dma_desc){
		.dst = NPU_VA_SRAM, .src = NPU_VA_SRAM, .size = {65536, 0xffffffff, 0xffffffff}};
	tiles_go(t, 0, 0, 1, tiles_entry(K_DMA_FOREVER), descs_va, 1, 0, 1, 1);
	tap_is(tiles_get(t, TREG(0, NPU_TILE_STATUS), 4), NPU_SOC_BUSY, "an endless DMA is busy");
	tiles_set(t, TREG(0, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_STOPPED, "and can be stopped");

	*m = (struct npu_matrix_desc){.a = 0,
				      .b = 0,
				      .c = 512 * 1024,
				      .m = 500,
				      .n = 256,
				      .k = 1024,
				      .a_stride = 1024,
				      .c_stride = 1024};
	tiles_go(t, 0, 0, 1, tiles_entry(K_MATRIX_FOREVER), m_va, 1, 0, 1, 1);
	tiles_set(t, TREG(0, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_STOPPED, "so can endless matrix operations");
}

int main(void)
{
	struct npu_config config;

	npu_config_init(&config);
	config.threads = 2;
	t = tiles_new(&config);
	script_va = tiles_map(t, 4096, RW, &script);
	descs_va = tiles_map(t, 4096, RW, &descs);
	test_blocks();
	test_fill();
	test_faults();
	test_matrix();
	test_time();
	test_exit_waits();
	test_copy();
	test_stop_long_operations();
	tiles_free(t);
	return tap_done();
}
