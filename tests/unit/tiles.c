/* SPDX-License-Identifier: MIT */
#include "tiles.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "tile_isa.h"

/* guest/tile.S agrees with the contract. */
_Static_assert(TEST_CSR_WG_X == NPU_CSR_WG_X, "tile_isa.h");
_Static_assert(TEST_CSR_WG_Y == NPU_CSR_WG_Y, "tile_isa.h");
_Static_assert(TEST_CSR_WG_Z == NPU_CSR_WG_Z, "tile_isa.h");
_Static_assert(TEST_CSR_GRID_X == NPU_CSR_GRID_X, "tile_isa.h");
_Static_assert(TEST_CSR_GRID_Y == NPU_CSR_GRID_Y, "tile_isa.h");
_Static_assert(TEST_CSR_GRID_Z == NPU_CSR_GRID_Z, "tile_isa.h");
_Static_assert(TEST_CSR_TILE == NPU_CSR_TILE, "tile_isa.h");
_Static_assert(TEST_CSR_TILES == NPU_CSR_TILES, "tile_isa.h");
_Static_assert(TEST_CSR_SRAM_SIZE == NPU_CSR_SRAM_SIZE, "tile_isa.h");
_Static_assert(TEST_OPCODE_CUSTOM0 == NPU_OPCODE_CUSTOM0, "tile_isa.h");
_Static_assert(TEST_F3_EXIT == NPU_F3_EXIT, "tile_isa.h");
_Static_assert(TEST_F3_DMA == NPU_F3_DMA, "tile_isa.h");
_Static_assert(TEST_F3_MATRIX == NPU_F3_MATRIX, "tile_isa.h");
_Static_assert(TEST_F3_WAIT == NPU_F3_WAIT, "tile_isa.h");
_Static_assert(TEST_F3_SEM_WAIT == NPU_F3_SEM_WAIT, "tile_isa.h");
_Static_assert(TEST_F3_POLL == NPU_F3_POLL, "tile_isa.h");

extern const uint8_t guest_tile[];
extern const uint64_t guest_tile_size;

const struct npu_rates tiles_alone = {
	.period = 1000000000 / NPU_MODEL_CLOCK_KHZ,
	.share = 1,
	.slow = 1,
};

struct tiles *tiles_new(const struct npu_config *config)
{
	struct tiles *t = calloc(1, sizeof(*t));

	t->host = host_new();
	host_start(t->host, config);
	t->dev = t->host->dev;
	t->as_table = host_as_table(t->host);
	t->code = host_alloc(t->host, guest_tile_size, 4096);
	memcpy(t->code, guest_tile, guest_tile_size);
	t->next_va = TILES_DATA;
	for (unsigned int as = 1; as <= 3; as++) {
		t->root[as] = host_as_new(t->host, t->as_table, as);
		if (as < 3)
			host_map(t->host, t->root[as], TILES_CODE, host_bus(t->host, t->code),
				 (guest_tile_size + 4095) & ~4095ull, NPU_PTE_R | NPU_PTE_X);
	}
	return t;
}

void tiles_free(struct tiles *t)
{
	host_free(t->host);
	free(t);
}

uint64_t tiles_map(struct tiles *t, uint64_t size, uint64_t flags, void *ret_ptr)
{
	const uint64_t va = t->next_va;
	void *p = host_alloc(t->host, size, 4096);

	size = (size + 4095) & ~4095ull;
	for (unsigned int as = 1; as <= 2; as++)
		host_map(t->host, t->root[as], va, host_bus(t->host, p), size, flags);
	t->next_va += size + 4096;
	*(void **)ret_ptr = p;
	return va;
}

uint64_t tiles_entry(enum tile_kernel kernel)
{
	return TILES_CODE + 128ull * kernel;
}

uint64_t tiles_get(struct tiles *t, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	dev_lock(t->dev);
	if (!soc_reg_read(&t->dev->soc, offset, size, &value))
		abort();
	dev_unlock(t->dev);
	return value;
}

void tiles_set(struct tiles *t, uint64_t offset, uint64_t value, unsigned int size)
{
	dev_lock(t->dev);
	if (!soc_reg_write(&t->dev->soc, offset, size, value))
		abort();
	pool_work(t->dev, t->dev->config.inline_budget);
	dev_unlock(t->dev);
}

void tiles_prepare(struct tiles *t, unsigned int tile, unsigned int queue, unsigned int as,
		   uint64_t entry, uint64_t args, uint32_t groups, uint32_t first,
		   uint32_t stride, uint32_t count)
{
	uint32_t sharers;

	tiles_set(t, TREG(tile, NPU_TILE_QUEUE), queue, 4);
	tiles_set(t, TREG(tile, NPU_TILE_AS), as, 4);
	tiles_set(t, TREG(tile, NPU_TILE_ENTRY), entry, 8);
	tiles_set(t, TREG(tile, NPU_TILE_ARGS), args, 8);
	tiles_set(t, TREG(tile, NPU_TILE_GRID_X), groups, 4);
	tiles_set(t, TREG(tile, NPU_TILE_GRID_Y), 1, 4);
	tiles_set(t, TREG(tile, NPU_TILE_GRID_Z), 1, 4);
	tiles_set(t, TREG(tile, NPU_TILE_WG_FIRST), first, 4);
	tiles_set(t, TREG(tile, NPU_TILE_WG_STRIDE), stride, 4);
	tiles_set(t, TREG(tile, NPU_TILE_WG_COUNT), count, 4);
	sharers = stride < groups ? stride : groups;
	tiles_set(t, TREG(tile, NPU_TILE_SHARERS),
		  !sharers ? 1 : sharers < t->dev->tiles ? sharers : t->dev->tiles, 4);
}

void tiles_go(struct tiles *t, unsigned int tile, unsigned int queue, unsigned int as,
	      uint64_t entry, uint64_t args, uint32_t groups, uint32_t first, uint32_t stride,
	      uint32_t count)
{
	tiles_prepare(t, tile, queue, as, entry, args, groups, first, stride, count);
	tiles_set(t, TREG(tile, NPU_TILE_CMD), NPU_SOC_CMD_GO, 4);
}

unsigned int tiles_ack(struct tiles *t, unsigned int tile)
{
	const unsigned int status = tiles_get(t, TREG(tile, NPU_TILE_STATUS), 4);

	tiles_set(t, TREG(tile, NPU_TILE_STATUS), 0, 4);
	tiles_set(t, NPU_SOC_TILE_EVENTS, 1ull << tile, 8);
	return status;
}

unsigned int tiles_run(struct tiles *t, enum tile_kernel kernel, uint64_t args)
{
	tiles_acct(t, 0, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	tiles_go(t, 0, 0, 1, tiles_entry(kernel), args, 1, 0, 1, 1);
	npu_dev_wait_idle(t->dev);
	return tiles_ack(t, 0);
}

void tiles_dispatch(struct tiles *t, unsigned int queue, unsigned int as, enum tile_kernel kernel,
		    uint64_t args, uint32_t groups)
{
	const unsigned int tiles = t->dev->tiles;

	tiles_acct(t, queue, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	for (unsigned int i = 0; i < tiles && i < groups; i++)
		tiles_go(t, i, queue, as, tiles_entry(kernel), args, groups, i, tiles,
			 (groups - i + tiles - 1) / tiles);
}

void tiles_gang(struct tiles *t, unsigned int queue, unsigned int as, enum tile_kernel kernel,
		uint64_t args, uint32_t groups)
{
	tiles_acct(t, queue, NPU_SOC_ACCT_BEGIN, NPU_PKT_DISPATCH);
	for (unsigned int i = 0; i < groups; i++)
		tiles_prepare(t, i, queue, as, tiles_entry(kernel), args, groups, i, t->dev->tiles,
			      1);
	tiles_set(t, NPU_SOC_GANG_TILES, groups == 64 ? ~0ull : (1ull << groups) - 1, 8);
	tiles_set(t, NPU_SOC_GANG_CMD, NPU_SOC_CMD_GO, 4);
}

unsigned int tiles_copy(struct tiles *t, unsigned int queue, unsigned int as,
			const union npu_packet *packet)
{
	unsigned int status;

	dev_lock(t->dev);
	memcpy(t->dev->soc.ram, packet, sizeof(*packet));
	dev_unlock(t->dev);
	tiles_acct(t, queue, NPU_SOC_ACCT_BEGIN, packet->hdr.op);
	tiles_set(t, NPU_SOC_COPY_PACKET, NPU_SOC_RAM_BASE, 8);
	tiles_set(t, NPU_SOC_COPY_QUEUE, queue, 4);
	tiles_set(t, NPU_SOC_COPY_AS, as, 4);
	tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO, 4);
	npu_dev_wait_idle(t->dev);
	status = tiles_get(t, NPU_SOC_COPY_STATUS, 4);
	tiles_set(t, NPU_SOC_COPY_STATUS, 0, 4);
	return status;
}

void tiles_acct(struct tiles *t, unsigned int queue, uint32_t cmd, uint32_t arg)
{
	tiles_set(t, NPU_SOC_ACCT_QUEUE, queue, 4);
	tiles_set(t, NPU_SOC_ACCT_ARG, arg, 4);
	tiles_set(t, NPU_SOC_ACCT_CMD, cmd, 4);
}

void tiles_counters(struct tiles *t, unsigned int queue, uint64_t *values)
{
	struct npu_counter_block block;

	dev_lock(t->dev);
	acct_snapshot(&t->dev->acct, queue, ACCT_ALL, &block);
	dev_unlock(t->dev);
	memcpy(values, block.value, NPU_COUNTER_COUNT * sizeof(*values));
}
