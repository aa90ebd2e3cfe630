/* SPDX-License-Identifier: MIT */
/* Gangs: SRAM to SRAM over the link, multicast, semaphores; who may reach whom, and what it costs. */
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "dev.h"
#include "link.h"
#include "model.h"
#include "script.h"
#include "tap.h"

#define RW (NPU_PTE_R | NPU_PTE_W)

static struct tiles *t;
static uint8_t *pages; /* a script per workgroup, a page apart */
static uint64_t pages_va, data_va;
static uint8_t *data;

#define DATA (256 * 1024)

static struct script *script(unsigned int tile)
{
	return (struct script *)(pages + 4096 * tile);
}

static void setup(unsigned int chiplets, unsigned int tiles_per_chiplet, unsigned int threads,
		  uint64_t budget)
{
	struct npu_config config;

	npu_config_init(&config);
	config.chiplets = chiplets;
	config.tiles_per_chiplet = tiles_per_chiplet;
	config.sram_kib = 64;
	config.threads = threads;
	config.inline_budget = budget;
	t = tiles_new(&config);
	pages_va = tiles_map(t, 64 * 4096, RW, &pages);
	data_va = tiles_map(t, DATA, RW, &data);
}

/* Empty scripts for all tiles. */
static void begin(void)
{
	for (unsigned int i = 0; i < t->dev->tiles; i++)
		script_begin(script(i), pages_va + 4096 * i);
}

static void take(unsigned int tile, unsigned int sender, unsigned int sem, uint64_t count)
{
	script_add(script(tile), S_TAKE, NPU_SEM(sender, sem) | count << 32);
}

static void go(unsigned int queue, unsigned int groups)
{
	for (unsigned int i = 0; i < groups; i++)
		script_end(script(i));
	tiles_gang(t, queue, 1 + queue % 2, K_SCRIPTS, pages_va, groups);
}

/* Run the scripts to their end, or where they stick. True: all are done. */
static bool run(unsigned int groups)
{
	bool done = true;

	go(0, groups);
	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < groups; i++)
		done &= tiles_ack(t, i) == NPU_SOC_DONE;
	return done;
}

/* Stop what is left of a gang and acknowledge it. */
static void stop(unsigned int groups)
{
	for (unsigned int i = 0; i < groups; i++)
		tiles_set(t, TREG(i, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < groups; i++)
		tiles_ack(t, i);
}

static struct npu_dma_desc plain(uint64_t dst, uint64_t src, uint32_t bytes)
{
	return (struct npu_dma_desc){.dst = dst, .src = src, .size = {bytes, bytes != 0, bytes != 0}};
}

static struct npu_dma_desc to_peer(unsigned int tile, uint32_t offset, uint64_t src, uint32_t bytes,
				   unsigned int sem)
{
	struct npu_dma_desc d = plain(NPU_VA_PEER(tile) + offset, src, bytes);

	d.flags = NPU_DMA_SIGNAL;
	d.signal = sem;
	return d;
}

static void tile_counters(unsigned int tile, uint64_t *v)
{
	memcpy(v, t->dev->acct.queue[0].core[tile].v, NPU_COUNTER_COUNT * sizeof(*v));
}

/* ---- geometry -------------------------------------------------------------------------------- */

static void test_geometry(void)
{
	struct npu_dev *dev;
	bool symmetric = true, tree = true;

	setup(5, 2, 1, 0);
	dev = t->dev;
	tap_is(link_hops(dev, 0, 1), 0, "no link within a chiplet");
	tap_is(link_hops(dev, 0, 2), 1, "one to the neighbour");
	tap_is(link_hops(dev, 1, 5), 2, "two to the next");
	tap_is(link_hops(dev, 0, 7), 2, "the ring is closed");
	tap_is(link_hops(dev, 9, 0), 1, "at its end");
	for (unsigned int a = 0; a < 10; a++)
		for (unsigned int b = 0; b < 10; b++) {
			symmetric &= link_hops(dev, a, b) == link_hops(dev, b, a);
			tree &= link_tree(dev, a, 1ull << b) == link_hops(dev, a, b);
		}
	tap_ok(symmetric, "as far there as back");
	tap_ok(tree, "a tree to one tile is the way to it");
	tap_is(link_tree(dev, 0, 0x3ff), 4, "a tree to all crosses all links of the ring but one");
	tap_is(link_tree(dev, 4, 0x003), 2, "a tree downwards");
	tap_is(link_tree(dev, 4, 0x0c3), 3, "a tree both ways");
	tap_is(link_latency(dev, 0, 4), NPU_MODEL_TILE_PORT_LATENCY + 2 * NPU_MODEL_CHIPLET_LATENCY,
	       "latency");
	tap_is(link_transfer(dev, 1000, 0), 16, "time on the port");
	tap_is(link_transfer(dev, 640, 640), 40, "of five chiplets, the tiles of four share a link");
	tiles_free(t);
	setup(1, 4, 1, 0);
	tap_is(link_hops(t->dev, 0, 3) + link_tree(t->dev, 0, 0xf), 0, "one chiplet has no links");
	tap_is(link_transfer(t->dev, 640, 0), 10, "nor do they take time");
	tiles_free(t);
	setup(2, 2, 1, 0);
	tap_is(link_transfer(t->dev, 640, 640), 10, "half a link between chiplets is as wide");
	tiles_free(t);
	setup(2, 8, 1, 0);
	tap_is(link_transfer(t->dev, 640, 640), 40, "eight tiles share a link");
	tiles_free(t);
}

/* ---- data and time ----------------------------------------------------------------------------- */

/* A ring: what tile 0 sends comes back to it, each tile adding its own number. */
static void test_ring(void)
{
	const unsigned int n = t->dev->tiles;
	uint64_t *cell = (uint64_t *)data;
	bool ok;

	begin();
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int next = (i + 1) % n, last = (i + n - 1) % n;
		struct script *s = script(i);
		struct npu_dma_desc d;

		cell[8 * i] = 1 << i;
		if (i)
			take(i, last, 3, 1);
		/* Own number at 8; what came at 0. */
		d = plain(NPU_VA_SRAM + 8, data_va + 64 * i, 8);
		script_dma(s, &d);
		script_add(s, S_WAIT_LAST, 0);
		script_add(s, S_ADD, NPU_VA_SRAM);
		d = to_peer(next, 0, NPU_VA_SRAM, 8, 3);
		script_dma(s, &d);
		if (!i) {
			take(i, last, 3, 1);
			d = plain(data_va + 4096, NPU_VA_SRAM, 8);
			script_dma(s, &d);
		}
	}
	ok = run(n);
	tap_ok(ok && cell[512] == (1u << n) - 1, "a ring of tiles");
}

/* One message, to the cycle. */
static void test_cost(void)
{
	enum {
		BYTES = 4096
	};
	const unsigned int far = t->dev->config.tiles_per_chiplet; /* first tile of the next chiplet */
	uint64_t b0[NPU_COUNTER_COUNT], a0[NPU_COUNTER_COUNT], b1[NPU_COUNTER_COUNT],
		a1[NPU_COUNTER_COUNT], busy, arrival, hops = 0;
	struct npu_dma_desc d = to_peer(far, 0, NPU_VA_SRAM, BYTES, 0);

	begin();
	script_dma(script(0), &d);
	take(far, 0, 0, 1);
	tile_counters(0, b0);
	tile_counters(far, b1);
	tap_ok(run(far + 1), "a message to the next chiplet");
	tile_counters(0, a0);
	tile_counters(far, a1);
	busy = NPU_MODEL_DMA_SETUP + NPU_MODEL_DMA_ROW + BYTES / NPU_MODEL_TILE_PORT_BYTES;
	tap_is(a0[NPU_COUNTER_DMA_CYCLES] - b0[NPU_COUNTER_DMA_CYCLES], busy, "engine's cycles");
	tap_is(a0[NPU_COUNTER_LINK_CYCLES] - b0[NPU_COUNTER_LINK_CYCLES],
	       BYTES / NPU_MODEL_TILE_PORT_BYTES, "of which the link took");
	tap_is(a0[NPU_COUNTER_LINK_BYTES] - b0[NPU_COUNTER_LINK_BYTES], BYTES, "bytes");
	tap_is(a0[NPU_COUNTER_LINK_HOPS] - b0[NPU_COUNTER_LINK_HOPS],
	       BYTES + NPU_MODEL_SIGNAL_BYTES, "bytes times links, and the signal's");
	tap_is(a0[NPU_COUNTER_DMA_SIGNALS] - b0[NPU_COUNTER_DMA_SIGNALS], 1, "signals");
	tap_is(a0[NPU_COUNTER_DMA_LOCAL] - b0[NPU_COUNTER_DMA_LOCAL], 0, "nothing local");
	tap_is(a0[NPU_COUNTER_DMA_SRAM] - b0[NPU_COUNTER_DMA_SRAM], 2 * BYTES,
	       "SRAM is read here, written there");
	/* Both scripts take as long to get there, but for the extra step of the sender's wait at its end. */
	arrival = busy + NPU_MODEL_DMA_LOCAL_LATENCY + NPU_MODEL_TILE_PORT_LATENCY +
		     NPU_MODEL_CHIPLET_LATENCY;
	tap_ok(a1[NPU_COUNTER_STALL_SYNC] - b1[NPU_COUNTER_STALL_SYNC] <= arrival &&
		       a1[NPU_COUNTER_STALL_SYNC] - b1[NPU_COUNTER_STALL_SYNC] + 100 > arrival,
	       "the receiver waited for it");

	/* The same after the receiver was late: no stall. */
	begin();
	script_dma(script(0), &d);
	script_add(script(far), S_SPIN, 10000);
	take(far, 0, 0, 1);
	tile_counters(far, b1);
	run(far + 1);
	tile_counters(far, a1);
	tap_is(a1[NPU_COUNTER_STALL_SYNC] - b1[NPU_COUNTER_STALL_SYNC], 0,
	       "one that comes late does not");

	/* Multicast: read once, written everywhere. */
	begin();
	d = plain(NPU_VA_SRAM + 8192, NPU_VA_SRAM, BYTES);
	d.flags = NPU_DMA_MULTICAST | NPU_DMA_SIGNAL;
	d.tiles = (1u << t->dev->tiles) - 1;
	d.signal = 7;
	script_dma(script(0), &d);
	for (unsigned int i = 0; i < t->dev->tiles; i++)
		take(i, 0, 7, 1);
	for (unsigned int i = 0; i < t->dev->tiles; i++)
		hops += link_hops(t->dev, 0, i);
	tile_counters(0, b0);
	tap_ok(run(t->dev->tiles), "multicast");
	tile_counters(0, a0);
	tap_is(a0[NPU_COUNTER_DMA_CYCLES] - b0[NPU_COUNTER_DMA_CYCLES], busy,
	       "takes no longer than to one tile");
	tap_is(a0[NPU_COUNTER_LINK_BYTES] - b0[NPU_COUNTER_LINK_BYTES],
	       (uint64_t)BYTES * t->dev->tiles, "bytes are counted where they arrive");
	tap_is(a0[NPU_COUNTER_LINK_HOPS] - b0[NPU_COUNTER_LINK_HOPS],
	       (uint64_t)BYTES * (t->dev->config.chiplets - 1) + hops * NPU_MODEL_SIGNAL_BYTES,
	       "and cross each link once; signals go to each on its own");
	tap_is(a0[NPU_COUNTER_DMA_SIGNALS] - b0[NPU_COUNTER_DMA_SIGNALS], t->dev->tiles,
	       "a signal for each");

	/* From host memory to two tiles, in the time of one read. */
	begin();
	d = plain(NPU_VA_SRAM, data_va, BYTES);
	d.flags = NPU_DMA_MULTICAST;
	d.tiles = 3;
	script_dma(script(0), &d);
	tile_counters(0, b0);
	tap_ok(run(2), "multicast of host memory");
	tile_counters(0, a0);
	tap_is(a0[NPU_COUNTER_DMA_READ] - b0[NPU_COUNTER_DMA_READ], BYTES, "is read once");
	tap_ok(!memcmp(t->dev->tile[1]->sram, data, BYTES) &&
		       !memcmp(t->dev->tile[0]->sram, data, BYTES),
	       "and lies in both");
}

/* Signals run ahead of who takes them only as far as a semaphore holds. */
static void test_full(void)
{
	uint64_t b[NPU_COUNTER_COUNT], a[NPU_COUNTER_COUNT];
	struct npu_dma_desc d = to_peer(1, 0, 0, 0, 2);
	const uint64_t late = 30000;

	begin();
	for (unsigned int i = 0; i < NPU_SEM_DEPTH + 4; i++)
		script_dma(script(0), &d);
	script_add(script(1), S_SPIN, late);
	take(1, 0, 2, 4);
	take(1, 0, 2, NPU_SEM_DEPTH);
	tile_counters(0, b);
	tap_ok(run(2), "more signals than a semaphore holds");
	tile_counters(0, a);
	tap_ok(a[NPU_COUNTER_STALL_SYNC] - b[NPU_COUNTER_STALL_SYNC] > late / 2,
	       "the sender waits for the taker");
	tap_is(a[NPU_COUNTER_DMA_SIGNALS] - b[NPU_COUNTER_DMA_SIGNALS], NPU_SEM_DEPTH + 4,
	       "and sends them all");
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void expect_fault(const char *name, unsigned int tile, enum npu_job_error error,
			 enum npu_access access, uint64_t addr)
{
	const struct tile_fault *fault = &t->dev->tile[tile]->fault;

	if (!tap_ok(fault->error == error && fault->access == access && fault->addr == addr, "%s",
		    name))
		tap_diag("error %u access %u addr %#llx", fault->error, fault->access,
			 (long long)fault->addr);
}

static void bad_dma(const char *name, struct npu_dma_desc d, enum npu_job_error error,
		    enum npu_access access, uint64_t addr)
{
	begin();
	script_dma(script(0), &d);
	if (error == NPU_JOB_BAD_DESCRIPTOR)
		addr = script(0)->step[0].operand;
	run(2);
	expect_fault(name, 0, error, access, addr);
}

static void bad_take(const char *name, unsigned int sender, unsigned int sem, uint64_t count)
{
	begin();
	take(0, sender, sem, count);
	run(2);
	expect_fault(name, 0, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, NPU_SEM(sender, sem));
}

static void test_rules(void)
{
	const struct npu_dma_desc good = to_peer(1, 0, NPU_VA_SRAM, 64, 0);
	struct npu_dma_desc d;
	uint64_t *args = (uint64_t *)data;

	bad_dma("a tile that is not of the gang", to_peer(2, 16, NPU_VA_SRAM, 64, 0),
		NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_VA_PEER(2) + 16);
	bad_dma("a tile that does not exist", plain(NPU_VA_PEER(63), NPU_VA_SRAM, 64),
		NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_VA_PEER(63));
	bad_dma("reading one that is not of the gang", plain(NPU_VA_SRAM, NPU_VA_PEER(3) + 8, 64),
		NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_VA_PEER(3) + 8);
	bad_dma("leaving the SRAM of a peer", plain(NPU_VA_PEER(1) + 65536 - 32, NPU_VA_SRAM, 64),
		NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_VA_PEER(1) + 65536);
	bad_dma("far behind the SRAM of a peer", plain(NPU_VA_SRAM, NPU_VA_PEER(1) + 0xfffffff0, 8),
		NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_VA_PEER(1) + 0xfffffff0);
	d = plain(NPU_VA_SRAM + 32, NPU_VA_SRAM, 64);
	d.flags = NPU_DMA_MULTICAST;
	d.tiles = 7;
	bad_dma("multicast beyond the gang", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
		NPU_VA_PEER(2) + 32);
	d.tiles = 3;
	d.dst = NPU_VA_PEER(1);
	bad_dma("multicast to what is no place in SRAM", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
		NPU_VA_PEER(1));
	d.tiles = 0;
	bad_dma("multicast to nobody", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d.tiles = 3;
	d.flags |= NPU_DMA_GATHER;
	bad_dma("multicast of a gather", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = good;
	d.signal = NPU_SEMAPHORES;
	bad_dma("semaphore that does not exist", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = good;
	d.dst = NPU_VA_SRAM;
	bad_dma("signal to nobody", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = good;
	d.flags = 0;
	d.signal = 1;
	bad_dma("semaphore without signal", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = good;
	d.size[0] = 0;
	bad_dma("signal with half a size", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = to_peer(1, 0, 0, 0, 0);
	d.flags |= NPU_DMA_FILL;
	bad_dma("filling nothing", d, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);
	d = to_peer(2, 4, 0, 0, 0);
	bad_dma("signalling a stranger", d, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
		NPU_VA_PEER(2) + 4);
	bad_take("taking from a stranger", 2, 0, 1);
	bad_take("taking from nowhere", 200, 0, 1);
	bad_take("taking from a semaphore that does not exist", 1, NPU_SEMAPHORES, 1);
	bad_take("taking more than there can be", 1, 0, NPU_SEM_DEPTH + 1);
	begin();
	take(0, 1, 0, 0);
	tap_ok(run(2), "taking nothing does not wait");

	/* No gang, no peers: not even oneself. */
	begin();
	d = plain(NPU_VA_PEER(0), NPU_VA_SRAM, 64);
	script_dma(script(0), &d);
	script_end(script(0));
	tiles_run(t, K_SCRIPT, pages_va);
	expect_fault("without a gang no window", 0, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE,
		     NPU_VA_PEER(0));
	begin();
	take(0, 0, 0, 0);
	script_end(script(0));
	tiles_run(t, K_SCRIPT, pages_va);
	expect_fault("and no semaphore", 0, NPU_JOB_BAD_DESCRIPTOR, NPU_ACCESS_NONE, 0);

	/* The core itself has no way there. */
	args[0] = NPU_VA_PEER(1);
	tiles_gang(t, 0, 1, K_LOAD, data_va, 2);
	npu_dev_wait_idle(t->dev);
	tiles_ack(t, 0);
	tiles_ack(t, 1);
	expect_fault("loads do not go over the link", 0, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ,
		     NPU_VA_PEER(1));
}

/* ---- isolation --------------------------------------------------------------------------------- */

static void test_isolation(void)
{
	struct npu_dma_desc d;
	const uint8_t *sram = t->dev->tile[1]->sram;
	bool clean = true, sent;

	/* Another queue leaves something in tile 1; then a gang's tile 0 writes there, maybe first. */
	begin();
	d = plain(NPU_VA_SRAM, 0, 65536);
	d.flags = NPU_DMA_FILL;
	d.fill = 0x5ec2e700;
	script_dma(script(0), &d);
	script_end(script(0));
	tiles_go(t, 1, 1, 2, tiles_entry(K_SCRIPT), pages_va, 2, 1, 2, 1);
	npu_dev_wait_idle(t->dev);
	tap_ok(tiles_ack(t, 1) == NPU_SOC_DONE && sram[60001] == 0xe7, "a queue's data in tile 1");
	begin();
	memset(data, 0x77, 256);
	d = to_peer(1, 4096, data_va, 256, 0);
	script_dma(script(0), &d);
	script_add(script(1), S_SPIN, 5000);
	take(1, 0, 0, 1);
	sent = run(2) && !memcmp(sram + 4096, data, 256);
	/* Where the stack and the message lie aside. */
	for (unsigned int i = 0; i < 60000; i++)
		clean &= sram[i] == 0 || (i >= 4096 && i < 4096 + 256);
	tap_ok(sent, "a gang's message arrives there");
	tap_ok(clean, "and nothing of the other queue's is left");

	/* Two gangs side by side; then a tile of a live gang is not free though its share has ended. */
	begin();
	take(0, 1, 0, 1);
	go(0, 2);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 1), NPU_SOC_DONE, "one of a gang has ended");
	tap_is(tiles_get(t, TREG(0, NPU_TILE_STATUS), 4), NPU_SOC_BUSY, "the other has not");
	tiles_go(t, 1, 1, 2, tiles_entry(K_EXIT), 0, 2, 1, 2, 1);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 1), NPU_SOC_IDLE, "so nobody else gets the first");
	for (unsigned int i = 2; i < 4; i++)
		tiles_prepare(t, i, 1, 2, tiles_entry(K_EXIT), 0, 4, i, 4, 1);
	tiles_set(t, NPU_SOC_GANG_TILES, 0xc, 8);
	tiles_set(t, NPU_SOC_GANG_CMD, NPU_SOC_CMD_GO, 4);
	npu_dev_wait_idle(t->dev);
	tap_ok(tiles_ack(t, 2) == NPU_SOC_DONE && tiles_ack(t, 3) == NPU_SOC_DONE,
	       "another queue's gang runs beside it");
	stop(2);
	tiles_go(t, 1, 1, 2, tiles_entry(K_EXIT), 0, 2, 1, 2, 1);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 1), NPU_SOC_DONE, "when the gang has ended the tile is free");
}

/* Start tiles 0 and 1 as a gang after a change to what was prepared; true if both were refused. */
static bool refused(void)
{
	bool ok = true;

	tiles_set(t, NPU_SOC_GANG_CMD, NPU_SOC_CMD_GO, 4);
	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < 2; i++)
		ok &= tiles_get(t, TREG(i, NPU_TILE_STATUS), 4) == NPU_SOC_FAULT &&
		      tiles_get(t, TREG(i, NPU_TILE_FAULT_ERROR), 4) == NPU_JOB_HW_ERROR;
	tiles_ack(t, 0);
	tiles_ack(t, 1);
	return ok;
}

static void prepare_pair(void)
{
	for (unsigned int i = 0; i < 2; i++)
		tiles_prepare(t, i, 0, 1, tiles_entry(K_EXIT), 0, 2, i, 2, 1);
	tiles_set(t, NPU_SOC_GANG_TILES, 3, 8);
}

static void test_start(void)
{
	prepare_pair();
	tiles_set(t, TREG(1, NPU_TILE_AS), 2, 4);
	tap_ok(refused(), "tiles of two address spaces are no gang");
	prepare_pair();
	tiles_set(t, TREG(1, NPU_TILE_QUEUE), 1, 4);
	tap_ok(refused(), "nor of two queues");
	prepare_pair();
	tiles_set(t, TREG(0, NPU_TILE_GRID_X), 3, 4);
	tiles_set(t, TREG(0, NPU_TILE_WG_COUNT), 2, 4);
	tap_ok(refused(), "nor with two workgroups on one");
	prepare_pair();
	tiles_set(t, TREG(1, NPU_TILE_WG_FIRST), 2, 4);
	tap_ok(refused(), "nor with a workgroup outside of the grid");
	prepare_pair();
	tiles_set(t, NPU_SOC_GANG_TILES, 0x100000003ull, 8);
	tap_ok(refused(), "nor with a tile that does not exist");
	tap_is(tiles_get(t, NPU_SOC_GANG_TILES, 8), 0x100000003ull, "the register reads back");
	prepare_pair();
	tiles_go(t, 1, 1, 1, tiles_entry(K_FOREVER), 0, 2, 1, 2, 1);
	tiles_set(t, NPU_SOC_GANG_CMD, NPU_SOC_CMD_GO, 4);
	tap_ok(tiles_get(t, TREG(0, NPU_TILE_STATUS), 4) == NPU_SOC_FAULT &&
		       tiles_get(t, TREG(1, NPU_TILE_STATUS), 4) == NPU_SOC_BUSY,
	       "nor with one that is busy, which does not notice");
	stop(2);
	prepare_pair();
	tap_ok(!refused(), "but without any of that");
}

/* ---- getting stuck ----------------------------------------------------------------------------- */

static void test_deadlock(void)
{
	uint64_t v[NPU_COUNTER_COUNT];
	const uint64_t first = tiles_entry(K_SCRIPTS), last = tiles_entry(K_DMA_FOREVER);
	bool busy = true, stopped = true;

	begin();
	for (unsigned int i = 0; i < 4; i++)
		take(i, (i + 1) % 4, 0, 1);
	tiles_acct(t, 0, NPU_SOC_ACCT_CLEAR, 0);
	go(0, 4);
	npu_dev_wait_idle(t->dev); /* no thread is spent on it */
	for (unsigned int i = 0; i < 4; i++)
		busy &= tiles_get(t, TREG(i, NPU_TILE_STATUS), 4) == NPU_SOC_BUSY;
	tap_ok(busy, "four that wait for each other are busy, and cost nothing");
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t pc;
		const uint32_t *insn;

		tiles_set(t, TREG(i, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
		pc = tiles_get(t, TREG(i, NPU_TILE_FAULT_PC), 8);
		stopped &= tiles_get(t, TREG(i, NPU_TILE_STATUS), 4) == NPU_SOC_STOPPED &&
			   pc >= first && pc < last;
		insn = (const uint32_t *)((const uint8_t *)t->code + (pc - TILES_CODE));
		stopped &= stopped && (*insn & 0x707f) ==
					      (NPU_OPCODE_CUSTOM0 | NPU_F3_SEM_WAIT << 12);
		tiles_ack(t, i);
	}
	tap_ok(stopped, "they stop at once, and it shows where they waited");
	tiles_counters(t, 0, v);
	tap_ok(conserve_cycles(v, t->dev->tiles), "their cycles have causes");

	/* One waits for a tile that has ended, or that faults: it waits on until it is stopped. */
	begin();
	take(0, 1, 0, 1);
	script_dma(script(1), &(struct npu_dma_desc){.flags = 1u << 31});
	go(0, 2);
	npu_dev_wait_idle(t->dev);
	tap_ok(tiles_get(t, TREG(0, NPU_TILE_STATUS), 4) == NPU_SOC_BUSY &&
		       tiles_get(t, TREG(1, NPU_TILE_STATUS), 4) == NPU_SOC_FAULT,
	       "the fault of one does not wake the other");
	stop(2);

	/* A reset finds tiles that wait. */
	begin();
	take(0, 1, 0, 1);
	take(1, 0, 0, 1);
	go(0, 2);
	npu_dev_wait_idle(t->dev);
	npu_dev_reset(t->dev);
	tap_ok(tiles_get(t, TREG(0, NPU_TILE_STATUS), 4) == NPU_SOC_IDLE &&
		       !tiles_get(t, NPU_SOC_GANG_TILES, 8),
	       "reset ends waiting");
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table), 8);
	test_ring();
}

int main(void)
{
	test_geometry();
	setup(2, 2, 2, 32768);
	test_ring();
	test_cost();
	test_full();
	test_rules();
	test_isolation();
	test_start();
	test_deadlock();
	tiles_free(t);
	return tap_done();
}
