// SPDX-License-Identifier: MIT
/*
 * int8 GEMM by a gang. Each tile keeps its columns of B and needs all rows of A. Instead of reading A from
 * host memory as often as there are tiles, each block of rows is read by one of them, in turns,
 * and multicast to all: over the link between tiles it costs little, and host memory is read once.
 *
 * There is a buffer for A per tile of the gang, so a buffer always belongs to the same sender. It may send the
 * next block when all have said that they are done with the last: those are the signals on FREE.
 */
#include <npu.h>

#include "gang_gemm.h"

/* Semaphores. */
enum {
	DATA, /* from the owner: a block of A is there */
	FREE, /* to the owner: it is not needed any more */
};

#define TILES_MAX 64

struct gemm {
	const struct gang_gemm_args *args;
	uint32_t size, me;  /* of the gang, and place in it */
	uint32_t stride;    /* of A in SRAM */
	uint32_t row_blocks, steps;
	char *a, *b, *c[2]; /* a: a buffer for each of the gang */
	npu_tag loaded[TILES_MAX], stored[2];
};

static uint32_t min(uint32_t x, uint32_t y)
{
	return x < y ? x : y;
}

static uint32_t ceil_div(uint32_t x, uint32_t y)
{
	return (x + y - 1) / y;
}

/* Start bringing the block of A that step works on to where it is needed. */
static void bring(struct gemm *g, uint32_t step)
{
	const struct gang_gemm_args *args = g->args;
	const uint32_t row = step % g->row_blocks * args->mb, slot = step % g->size;
	const uint32_t rows = min(args->mb, args->m - row);
	const char *src = (const char *)npu_pointer(args->a) + (uint64_t)row * args->k;
	char *dst = g->a + slot * args->mb * g->stride;

	if (args->gang)
		npu_multicast_rows(npu_gang(), dst, g->stride, src, args->k, args->k, rows, DATA);
	else
		g->loaded[slot] = npu_dma_rows(dst, g->stride, src, args->k, args->k, rows);
}

/* After step - 1: its buffer's next block. */
static void refill(struct gemm *g, uint32_t step)
{
	const uint32_t done = step - 1;

	if (!step || done + g->size >= g->steps)
		return;
	if (g->args->gang) {
		if (done % g->size != g->me)
			return;
		for (uint32_t tile = 0; tile < g->size; tile++)
			npu_sem_wait(tile, FREE, 1);
	}
	bring(g, done + g->size);
}

static void load_b(const struct gemm *g, uint32_t n0, uint32_t columns)
{
	const uint32_t panel = ceil_div(g->args->k, 4) * 64; /* 16 columns */
	const char *src = npu_pointer(g->args->b);

	if (columns)
		npu_wait(npu_dma_bytes(g->b, src + (uint64_t)(n0 / 16) * panel,
				       ceil_div(columns, 16) * panel));
}

static void multiply(struct gemm *g, uint32_t step, uint32_t n0, uint32_t columns)
{
	const struct gang_gemm_args *args = g->args;
	const uint32_t row = step % g->row_blocks * args->mb, buffer = step % 2;
	struct npu_matrix_desc desc = {
		.a = npu_sram_offset(g->a + step % g->size * args->mb * g->stride),
		.b = npu_sram_offset(g->b),
		.c = npu_sram_offset(g->c[buffer]),
		.m = min(args->mb, args->m - row),
		.n = columns,
		.k = args->k,
		.a_stride = g->stride,
		.c_stride = args->nb * 4,
	};
	char *dst = (char *)npu_pointer(args->c) + ((uint64_t)row * args->n + n0) * 4;

	if (g->stored[buffer])
		npu_wait(g->stored[buffer]);
	npu_wait(npu_matrix(&desc));
	g->stored[buffer] =
		npu_dma_rows(dst, args->n * 4, g->c[buffer], args->nb * 4, columns * 4, desc.m);
}

NPU_KERNEL(gang_gemm, struct gang_gemm_args)
{
	struct gang_gemm_args local;
	struct gemm g = {.args = &local};
	struct npu_sram_pool sram = {0};
	uint32_t n0 = 0, columns = 0;

	npu_wait(npu_dma_bytes(&local, args, sizeof(local)));
	g.size = npu_grid_x();
	g.me = npu_wg_x();
	g.stride = GANG_GEMM_STRIDE(local.k);
	g.row_blocks = ceil_div(local.m, local.mb);
	g.steps = g.row_blocks * ceil_div(ceil_div(local.n, local.nb), g.size);
	/* The same places in all tiles of the gang. */
	g.a = npu_sram_take(&sram, g.size * local.mb * g.stride);
	g.b = npu_sram_take(&sram, local.nb * ((local.k + 3) & ~3u));
	for (int i = 0; i < 2; i++)
		g.c[i] = npu_sram_take(&sram, local.mb * local.nb * 4);

	for (uint32_t step = 0; step < min(g.size, g.steps); step++)
		if (!local.gang || step == g.me)
			bring(&g, step);
	for (uint32_t step = 0; step < g.steps; step++) {
		const uint32_t owner = step % g.size;

		if (step % g.row_blocks == 0) {
			n0 = (step / g.row_blocks * g.size + g.me) * local.nb;
			columns = n0 < local.n ? min(local.nb, local.n - n0) : 0;
			load_b(&g, n0, columns);
		}
		refill(&g, step);
		if (local.gang)
			npu_sem_wait(owner, DATA, 1);
		else
			npu_wait(g.loaded[owner]);
		if (columns)
			multiply(&g, step, n0, columns);
		if (local.gang && step + g.size < g.steps)
			npu_signal(owner, FREE);
	}
}
