/* SPDX-License-Identifier: MIT */
/* Tiles: start state, grids, faults, SRAM, stop. */
#include <string.h>

#include "dev.h"
#include "tap.h"
#include "tiles.h"

#define RW (NPU_PTE_R | NPU_PTE_W)

static struct tiles *t;

static void test_coordinates(void)
{
	const uint32_t grid[3] = {3, 4, 5};
	uint64_t(*out)[10];
	const uint64_t va = tiles_map(t, 60 * sizeof(*out), RW, &out);
	bool ok = true, tiles_ok = true;

	/* All regs are per tile; the grid is set by hand as it has three dimensions. */
	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	for (unsigned int i = 0; i < 4; i++) {
		tiles_set(t, TREG(i, NPU_TILE_QUEUE), 0, 4);
		tiles_set(t, TREG(i, NPU_TILE_AS), 1, 4);
		tiles_set(t, TREG(i, NPU_TILE_ENTRY), tiles_entry(K_COORDS), 8);
		tiles_set(t, TREG(i, NPU_TILE_ARGS), va, 8);
		for (unsigned int d = 0; d < 3; d++)
			tiles_set(t, TREG(i, NPU_TILE_GRID_X + 4 * d), grid[d], 4);
		tiles_set(t, TREG(i, NPU_TILE_WG_FIRST), i, 4);
		tiles_set(t, TREG(i, NPU_TILE_WG_STRIDE), 4, 4);
		tiles_set(t, TREG(i, NPU_TILE_SHARERS), 4, 4);
		tiles_set(t, TREG(i, NPU_TILE_WG_COUNT), 15, 4);
		tiles_set(t, TREG(i, NPU_TILE_CMD), NPU_SOC_CMD_GO, 4);
	}
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_get(t, NPU_SOC_TILE_EVENTS, 8), 0xf, "four tiles report");
	for (unsigned int i = 0; i < 4; i++) {
		tap_is(tiles_get(t, TREG(i, NPU_TILE_WG_DONE), 4), 15, "workgroups done");
		tap_is(tiles_ack(t, i), NPU_SOC_DONE, "a share of a 3-D grid ends");
	}
	tap_is(tiles_get(t, NPU_SOC_TILE_EVENTS, 8), 0, "events cleared");
	for (unsigned int i = 0; i < 60; i++) {
		ok &= out[i][0] == i % 3 && out[i][1] == i / 3 % 4 && out[i][2] == i / 12 &&
		      out[i][3] == 3 && out[i][4] == 4 && out[i][5] == 5;
		tiles_ok &= out[i][6] == i % 4 && out[i][7] == 4 &&
			    out[i][8] == t->dev->sram_size &&
			    out[i][9] == NPU_VA_SRAM + t->dev->sram_size;
	}
	tap_ok(ok, "grid coordinates");
	tap_ok(tiles_ok, "tile number, tiles, SRAM size and stack pointer");
}

struct expect {
	enum tile_kernel kernel;
	uint64_t operand;
	enum npu_job_error error;
	enum npu_access access;
	uint64_t addr, pc; /* pc: offset from the kernel's entry, or absolute if abs_pc */
	bool abs_pc;
	const char *name;
};

static void test_faults(void)
{
	uint64_t *args, *page, *ro, *nx;
	const uint64_t args_va = tiles_map(t, 4096, RW, &args);
	const uint64_t page_va = tiles_map(t, 4096, RW, &page);
	const uint64_t ro_va = tiles_map(t, 4096, NPU_PTE_R, &ro);
	const uint64_t nx_va = tiles_map(t, 4096, RW, &nx);
	const uint64_t sram_end = NPU_VA_SRAM + t->dev->sram_size;
	const uint64_t hole_va = tiles_map(t, 4096, RW, &page);
	const struct expect cases[] = {
		{K_LOAD, 0, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0, 4, false, "load from null"},
		{K_LOAD, 0xfff8, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0xfff8, 4, false,
		 "load below NPU_VA_MIN"},
		{K_LOAD, 0xdead0000, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0xdead0000, 4, false,
		 "load from nowhere"},
		{K_STORE, page_va + 4096, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, page_va + 4096, 4,
		 false, "store to nowhere"},
		{K_STORE, ro_va + 8, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, ro_va + 8, 4, false,
		 "store to a read-only page"},
		{K_LOAD, page_va + 4092, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, page_va + 4096, 4,
		 false, "load across the end of a page names the byte that failed"},
		{K_LOAD, sram_end, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, sram_end, 4, false,
		 "load behind the SRAM"},
		{K_LOAD, NPU_VA_SRAM - 8, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_VA_SRAM - 8, 4,
		 false, "load before the SRAM"},
		{K_LOAD, 1ull << 63, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 1ull << 63, 4, false,
		 "load from a non-canonical address"},
		{K_LOAD, UINT64_MAX - 3, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, UINT64_MAX - 3, 4,
		 false, "load across the end of the address space"},
		{K_JUMP, nx_va, NPU_JOB_PAGE_FAULT, NPU_ACCESS_EXEC, nx_va, nx_va, true,
		 "jump to a page without execute permission"},
		{K_JUMP, 0xdead0000, NPU_JOB_PAGE_FAULT, NPU_ACCESS_EXEC, 0xdead0000, 0xdead0000,
		 true, "jump to nowhere"},
		{K_RETURN, 0, NPU_JOB_PAGE_FAULT, NPU_ACCESS_EXEC, 0, 0, true,
		 "returning from the kernel is a fetch from 0"},
		{K_EBREAK, 0, NPU_JOB_BREAKPOINT, NPU_ACCESS_NONE, tiles_entry(K_EBREAK), 0, false,
		 "ebreak"},
		{K_ILLEGAL, 0, NPU_JOB_ILLEGAL, NPU_ACCESS_NONE, 0, 0, false,
		 "illegal instruction"},
		{K_BAD_FUNCT7, 0, NPU_JOB_ILLEGAL, NPU_ACCESS_NONE, 0x0202c28b, 0, false,
		 "custom-0 with an undefined funct7"},
		{K_BAD_FUNCT3, 0, NPU_JOB_ILLEGAL, NPU_ACCESS_NONE, 0x0002f28b, 0, false,
		 "custom-0 with an undefined funct3"},
		{K_MISALIGNED, page_va + 2, NPU_JOB_MISALIGNED, NPU_ACCESS_WRITE, page_va + 2, 4,
		 false, "misaligned atomic"},
		{K_LOAD, hole_va, NPU_JOB_BUS_ERROR, NPU_ACCESS_READ, hole_va, 4, false,
		 "load from a page that does not answer"},
		{K_STORE, hole_va, NPU_JOB_BUS_ERROR, NPU_ACCESS_WRITE, hole_va, 4, false,
		 "store to a page that does not answer"},
		{K_JUMP, hole_va, NPU_JOB_BUS_ERROR, NPU_ACCESS_EXEC, hole_va, hole_va, true,
		 "jump to a page that does not answer"},
	};

	/* The last page is executable and in a hole of the bus. */
	*host_pte(t->host, t->root[1], hole_va, 0) |= NPU_PTE_X;
	t->host->hole = host_bus(t->host, page);
	t->host->hole_size = 4096;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expect *c = &cases[i];
		const uint64_t pc = c->abs_pc ? c->pc : tiles_entry(c->kernel) + c->pc;
		unsigned int status;
		bool ok;

		args[0] = c->operand;
		tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
		tiles_go(t, 2, 0, 1, tiles_entry(c->kernel), args_va, 10, 7, 1, 2);
		npu_dev_wait_idle(t->dev);
		ok = tiles_get(t, TREG(2, NPU_TILE_FAULT_ERROR), 4) == c->error &&
		     tiles_get(t, TREG(2, NPU_TILE_FAULT_ACCESS), 4) == c->access &&
		     tiles_get(t, TREG(2, NPU_TILE_FAULT_ADDR), 8) == c->addr &&
		     tiles_get(t, TREG(2, NPU_TILE_FAULT_PC), 8) == pc &&
		     tiles_get(t, TREG(2, NPU_TILE_FAULT_WG), 4) == 7 &&
		     tiles_get(t, TREG(2, NPU_TILE_WG_DONE), 4) == 0;
		if (!ok)
			tap_diag("error %llu access %llu addr %#llx pc %#llx wg %llu",
				 (long long)tiles_get(t, TREG(2, NPU_TILE_FAULT_ERROR), 4),
				 (long long)tiles_get(t, TREG(2, NPU_TILE_FAULT_ACCESS), 4),
				 (long long)tiles_get(t, TREG(2, NPU_TILE_FAULT_ADDR), 8),
				 (long long)tiles_get(t, TREG(2, NPU_TILE_FAULT_PC), 8),
				 (long long)tiles_get(t, TREG(2, NPU_TILE_FAULT_WG), 4));
		status = tiles_ack(t, 2);
		tap_ok(ok && status == NPU_SOC_FAULT, "%s", c->name);
	}
	t->host->hole_size = 0;
	args[0] = nx_va;
	tap_is(tiles_run(t, K_LOAD, args_va), NPU_SOC_DONE, "a tile works again after faults");
}

static uint64_t sram_exchange(unsigned int queue, unsigned int as, uint64_t offset, uint64_t value)
{
	static uint64_t va;
	static uint64_t *args;

	if (!va)
		va = tiles_map(t, 4096, RW, &args);
	args[0] = offset;
	args[1] = ~0ull;
	args[2] = value;
	tiles_acct(t, queue, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(t, 0, queue, as, tiles_entry(K_SRAM), va, 1, 0, 1, 1);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_DONE, "SRAM can be read and written");
	return args[1];
}

static void test_sram(void)
{
	npu_dev_reset(t->dev);
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table), 8);
	tap_is(sram_exchange(0, 1, 0x1000, 111), 0, "SRAM is zero for the first workgroup");
	tap_is(sram_exchange(0, 1, 0x1000, 222), 111, "SRAM keeps its contents for the same queue");
	tap_is(sram_exchange(1, 1, 0x1000, 333), 0, "SRAM is scrubbed for another queue");
	tap_is(sram_exchange(1, 2, 0x1000, 444), 0, "SRAM is scrubbed for another address space");
	tap_is(sram_exchange(1, 2, 0x1000, 555), 444, "and then kept");
	tiles_acct(t, 1, NPU_SOC_ACCT_CLEAR, 0);
	tap_is(sram_exchange(1, 2, 0x1000, 666), 0,
	       "SRAM is scrubbed for a new queue of the same number");
	tap_is(sram_exchange(1, 2, 0x1000, 0), 666, "and then kept");
	sram_exchange(1, 2, 0x9000, 555);
	npu_dev_reset(t->dev);
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table), 8);
	tap_is(sram_exchange(1, 2, 0x9000, 0), 0, "SRAM is zero after a reset");
	tap_is(tiles_run(t, K_SRAM_CODE, 0), NPU_SOC_DONE,
	       "code written to SRAM runs after fence.i");
}

static void test_stop(void)
{
	uint64_t before;

	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(t, 1, 0, 1, tiles_entry(K_FOREVER), 0, 5, 3, 1, 2);
	tap_is(tiles_get(t, TREG(1, NPU_TILE_STATUS), 4), NPU_SOC_BUSY,
	       "an endless kernel is busy");
	tap_ok(host_read(t->host, NPU_REG_STATUS) & NPU_STATUS_BUSY, "the device says so too");
	tiles_set(t, TREG(1, NPU_TILE_STATUS), 0, 4);
	tap_is(tiles_get(t, TREG(1, NPU_TILE_STATUS), 4), NPU_SOC_BUSY,
	       "busy cannot be acknowledged");
	before = host_now();
	tiles_set(t, TREG(1, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	tap_ok(host_now() - before < HOST_PATIENCE_NS, "STOP ends it in bounded time");
	tap_is(tiles_get(t, TREG(1, NPU_TILE_FAULT_PC), 8), tiles_entry(K_FOREVER),
	       "and shows where the core stood");
	tap_is(tiles_get(t, TREG(1, NPU_TILE_FAULT_WG), 4), 3, "and in which workgroup");
	tap_is(tiles_ack(t, 1), NPU_SOC_STOPPED, "status stopped");
	tiles_set(t, TREG(1, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	tap_is(tiles_get(t, TREG(1, NPU_TILE_STATUS), 4), NPU_SOC_IDLE,
	       "STOP of an idle tile: nothing");

	/* Before a thread has taken it up; the core still stands where the last share left it. */
	tiles_set(t, TREG(1, NPU_TILE_ENTRY), tiles_entry(K_EXIT), 8);
	dev_lock(t->dev);
	soc_reg_write(&t->dev->soc, TREG(1, NPU_TILE_CMD), 4, NPU_SOC_CMD_GO);
	soc_reg_write(&t->dev->soc, TREG(1, NPU_TILE_CMD), 4, NPU_SOC_CMD_STOP);
	dev_unlock(t->dev);
	tap_is(tiles_get(t, TREG(1, NPU_TILE_FAULT_PC), 8), tiles_entry(K_EXIT),
	       "STOP of a share that has not begun: at the kernel's entry");
	tap_is(tiles_get(t, TREG(1, NPU_TILE_FAULT_WG), 4), 3, "of its first workgroup");
	tap_is(tiles_get(t, TREG(1, NPU_TILE_WG_DONE), 4), 0, "with nothing done");
	tap_is(tiles_ack(t, 1), NPU_SOC_STOPPED, "and it counts as stopped");
}

static uint64_t core_reg(unsigned int tile, uint32_t regno)
{
	tiles_set(t, TREG(tile, NPU_TILE_REGNO), regno, 4);
	return tiles_get(t, TREG(tile, NPU_TILE_REG), 8);
}

static bool core_shows_nothing(unsigned int tile)
{
	uint64_t any = 0;

	for (uint32_t regno = 0; regno < NPU_REGNO_F(32); regno++)
		any |= core_reg(tile, regno);
	return !any;
}

static void test_core_registers(void)
{
	uint64_t *args;
	const uint64_t va = tiles_map(t, 4096, RW, &args);
	uint64_t unknown = 0;

	npu_dev_reset(t->dev);
	npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table), 8);
	tap_ok(core_shows_nothing(0), "a core that did nothing since reset shows no register");

	args[0] = 0xdead0000;
	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(t, 0, 0, 1, tiles_entry(K_LOAD), va, 5, 3, 1, 1);
	npu_dev_wait_idle(t->dev);
	tap_is(core_reg(0, NPU_REGNO_DPC), tiles_entry(K_LOAD) + 4, "pc of a fault");
	tap_is(core_reg(0, NPU_REGNO_X(0)), 0, "x0");
	tap_is(core_reg(0, NPU_REGNO_X(2)), NPU_VA_SRAM + t->dev->sram_size, "sp");
	tap_is(core_reg(0, NPU_REGNO_X(5)), 0xdead0000, "what the instruction before loaded");
	tap_is(core_reg(0, NPU_REGNO_X(6)), 0, "the one that failed has loaded nothing");
	tap_is(core_reg(0, NPU_REGNO_X(10)), va, "a0");
	tap_is(core_reg(0, NPU_REGNO_F(0)), 0, "ft0");
	tap_is(core_reg(0, NPU_REGNO_INSTRET), 1, "instructions retired");
	tap_ok(core_reg(0, NPU_REGNO_CYCLE) > NPU_MODEL_WORKGROUP, "cycles");
	tap_is(core_reg(0, NPU_REGNO_VTYPE), 1ull << 63, "no vector type is set");
	tap_is(core_reg(0, NPU_REGNO_VLENB), t->dev->config.vlen / 8, "bytes of a vector register");
	tap_is(core_reg(0, NPU_CSR_WG_X), 3, "a custom CSR");
	for (uint32_t regno = NPU_REGNO_F(32); regno < 0x10000; regno++)
		unknown |= core_reg(0, regno);
	tap_is(unknown | core_reg(0, 0x300) | core_reg(0, UINT32_MAX), 0, "registers that there are not");
	tap_is(tiles_ack(t, 0), NPU_SOC_FAULT, "status");
	tap_is(core_reg(0, NPU_REGNO_X(10)), va, "they stay when the status was written");

	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(t, 0, 1, 2, tiles_entry(K_FOREVER), 0x123456, 1, 0, 1, 1);
	tap_ok(core_shows_nothing(0), "nothing while a share runs");
	tiles_set(t, TREG(0, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	tap_is(core_reg(0, NPU_REGNO_DPC), tiles_entry(K_FOREVER), "pc of one that was stopped");
	tap_is(core_reg(0, NPU_REGNO_X(10)), 0x123456, "and its a0");
	tiles_ack(t, 0);

	/* The core still holds what the last share had, and that was of another queue. */
	tiles_set(t, TREG(0, NPU_TILE_QUEUE), 0, 4);
	dev_lock(t->dev);
	soc_reg_write(&t->dev->soc, TREG(0, NPU_TILE_CMD), 4, NPU_SOC_CMD_GO);
	soc_reg_write(&t->dev->soc, TREG(0, NPU_TILE_CMD), 4, NPU_SOC_CMD_STOP);
	dev_unlock(t->dev);
	tap_ok(core_shows_nothing(0), "nothing of a share that has not begun");
	tap_is(tiles_ack(t, 0), NPU_SOC_STOPPED, "which was stopped");
	tiles_go(t, 0, 0, NPU_MAX_AS, tiles_entry(K_EXIT), 0, 1, 0, 1, 1);
	npu_dev_wait_idle(t->dev);
	tap_ok(core_shows_nothing(0), "nothing of a share that cannot be");
	tap_is(tiles_ack(t, 0), NPU_SOC_FAULT, "which was refused");
}

static void bad_share(const char *name, uint32_t queue, uint32_t as, uint32_t groups,
		      uint32_t first, uint32_t stride, uint32_t count)
{
	tiles_go(t, 0, queue, as, tiles_entry(K_EXIT), 0, groups, first, stride, count);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_FAULT, name);
}

static void test_share_rules(void)
{
	bad_share("queue out of range", 64, 1, 1, 0, 1, 1);
	bad_share("address space out of range", 0, NPU_MAX_AS, 1, 0, 1, 1);
	bad_share("empty grid", 0, 1, 0, 0, 1, 1);
	bad_share("grid dimension out of range", 0, 1, NPU_GRID_MAX + 1, 0, 1, 1);
	bad_share("first workgroup behind the grid", 0, 1, 4, 4, 1, 1);
	bad_share("last workgroup behind the grid", 0, 1, 4, 0, 2, 3);
	bad_share("share that wraps round", 0, 1, 4, 0, UINT32_MAX, UINT32_MAX);
	bad_share("address space without tables", 0, 77, 1, 0, 1, 1);
	tiles_go(t, 0, 0, 1, tiles_entry(K_EXIT), 0, 4, 0, 1, 0);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_DONE, "a share of no workgroups is done");
	tiles_go(t, 0, 0, 1, tiles_entry(K_EXIT), 0, 4, 3, UINT32_MAX, 1);
	npu_dev_wait_idle(t->dev);
	tap_is(tiles_ack(t, 0), NPU_SOC_DONE, "the stride of a single workgroup does not matter");
}

int main(void)
{
	struct npu_config config;

	npu_config_init(&config);
	config.threads = 2;
	t = tiles_new(&config);
	test_coordinates();
	test_faults();
	test_sram();
	test_stop();
	test_core_registers();
	test_share_rules();
	tiles_free(t);
	return tap_done();
}
