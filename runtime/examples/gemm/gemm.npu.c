// SPDX-License-Identifier: MIT
/*
 * GEMM of any type that the matrix engine has. A workgroup keeps mb rows of A in SRAM and walks over its columns of B, a block at
 * a time. While the matrix engine is at one block, the DMA engine brings the next block of B and
 * takes the previous block of C away: B, C and, if the depth is split too, A have two buffers.
 *
 * Every byte of B is read once per mb rows, so mb is made as large as fits.
 */
#include <npu.h>

#include "gemm.h"

/* A's first rows come in pieces, so that the matrix engine can start before the last one is in. */
#define PIECES 4

struct gemm {
	const struct gemm_args *args;
	uint32_t row, rows;    /* this workgroup's rows */
	uint32_t depth_blocks; /* blocks of kb in k */
	uint32_t element;      /* bytes of an element of C */
	uint32_t a_size;       /* and of A */
	uint32_t a_stride;     /* bytes from row to row of A in SRAM */
	uint32_t types;	       /* flags of the matrix engine */
	void *a[2], *b[2], *index[2], *c[2];
	struct npu_channel *channels[2];
};

static uint32_t min(uint32_t x, uint32_t y)
{
	return x < y ? x : y;
}

static uint32_t ceil_div(uint32_t x, uint32_t y)
{
	return (x + y - 1) / y;
}

/* Rows first.. of A at depth k0 into dst. */
static npu_tag load_a(const struct gemm *g, char *dst, uint32_t first, uint32_t rows, uint32_t k0)
{
	const struct gemm_args *args = g->args;
	const char *src = npu_pointer(args->a);

	return npu_dma_rows(dst + first * g->a_stride, g->a_stride,
			    src + (uint64_t)(g->row + first) * args->lda + (uint64_t)k0 * g->a_size,
			    args->lda, min(args->kb, args->k - k0) * g->a_size, rows);
}

/* Columns n0.. of B at depth k0, and what belongs to the columns. */
static npu_tag load_b(const struct gemm *g, uint32_t buffer, uint32_t n0, uint32_t k0)
{
	const struct gemm_args *args = g->args;
	uint32_t columns = min(args->nb, args->n - n0);
	uint32_t depth = min(args->kb, args->k - k0), panels = ceil_div(columns, 16);
	uint32_t panel = gemm_b_panel(args->type, args->k); /* 16 columns, whole depth */
	uint32_t bytes = gemm_b_panel(args->type, depth);
	const char *src = npu_pointer(args->b);
	const struct npu_channel *channels = npu_pointer(args->channels);

	if (args->flags & GEMM_C_S8)
		npu_dma_bytes(g->channels[buffer], channels + n0, columns * sizeof(*channels));
	if (gemm_index(args->type)) {
		const char *index = npu_pointer(args->index);
		uint32_t stride = gemm_index_panel(args->type, args->k);
		uint32_t part = gemm_index_panel(args->type, depth);

		npu_dma_rows(g->index[buffer], part,
			     index + (uint64_t)(n0 / 16) * stride +
				     gemm_index_panel(args->type, k0),
			     stride, part, panels);
	}
	return npu_dma_rows(g->b[buffer], bytes,
			    src + (uint64_t)(n0 / 16) * panel + gemm_b_panel(args->type, k0), panel,
			    bytes, panels);
}

static npu_tag multiply(const struct gemm *g, const char *a, uint32_t b, uint32_t c, uint32_t first,
			uint32_t rows, uint32_t n0, uint32_t k0)
{
	const struct gemm_args *args = g->args;
	uint32_t c_stride = args->nb * g->element;
	struct npu_matrix_desc desc = {
		.a = npu_sram_offset(a + first * g->a_stride),
		.b = npu_sram_offset(g->b[b]),
		.c = npu_sram_offset((char *)g->c[c] + first * c_stride),
		.m = rows,
		.n = min(args->nb, args->n - n0),
		.k = min(args->kb, args->k - k0),
		.a_stride = g->a_stride,
		.c_stride = c_stride,
		.flags = g->types | (k0 ? NPU_MATRIX_ACCUMULATE : 0),
	};

	if (gemm_index(args->type))
		desc.index = npu_sram_offset(g->index[b]);

	if (args->flags & GEMM_C_S8) {
		desc.flags |= NPU_MATRIX_C_S8 | NPU_MATRIX_BIAS;
		desc.channels = npu_sram_offset(g->channels[b]);
		desc.lo = -128;
		desc.hi = 127;
	}
	return npu_matrix(&desc);
}

static npu_tag store_c(const struct gemm *g, uint32_t buffer, uint32_t n0)
{
	const struct gemm_args *args = g->args;
	char *dst = npu_pointer(args->c);

	return npu_dma_rows(dst + (uint64_t)g->row * args->ldc + (uint64_t)n0 * g->element,
			    args->ldc, g->c[buffer], args->nb * g->element,
			    min(args->nb, args->n - n0) * g->element, g->rows);
}

/*
 * The first block of columns, piece by piece of A as it comes in. The block at next is loaded
 * meanwhile; returns the tag of that.
 */
static npu_tag first_block(struct gemm *g, uint32_t n0, uint32_t next)
{
	uint32_t piece = (ceil_div(g->rows, PIECES) + 15) & ~15u, pieces = 0;
	npu_tag tags[PIECES], b = 0, next_b = 0;

	for (uint32_t first = 0; first < g->rows; first += piece) {
		tags[pieces++] = load_a(g, g->a[0], first, min(piece, g->rows - first), 0);
		if (!first)
			b = load_b(g, 0, n0, 0);
	}
	if (next < g->args->n)
		next_b = load_b(g, 1, next, 0);
	npu_wait(b);
	for (uint32_t i = 0, first = 0; i < pieces; i++, first += piece) {
		npu_wait(tags[i]);
		b = multiply(g, g->a[0], 0, 0, first, min(piece, g->rows - first), n0, 0);
	}
	npu_wait(b);
	return next_b;
}

/* The depth fits: A comes in once. */
static void whole_depth(struct gemm *g, uint32_t step)
{
	const struct gemm_args *args = g->args;
	uint32_t n0 = npu_wg_y() * args->nb, buffer = 1;
	npu_tag stored[2] = {0, 0}, loaded, next;

	if (n0 >= args->n)
		return;
	loaded = first_block(g, n0, n0 + step);
	stored[0] = store_c(g, 0, n0);
	for (n0 += step; n0 < args->n; n0 += step, buffer ^= 1) {
		next = n0 + step < args->n ? load_b(g, buffer ^ 1, n0 + step, 0) : 0;
		npu_wait(loaded);
		if (stored[buffer])
			npu_wait(stored[buffer]);
		npu_wait(multiply(g, g->a[0], buffer, buffer, 0, g->rows, n0, 0));
		stored[buffer] = store_c(g, buffer, n0);
		loaded = next;
	}
}

/* The depth is split: blocks of A and B come in together, and C adds up in SRAM. */
static void split_depth(struct gemm *g, uint32_t step)
{
	const struct gemm_args *args = g->args;
	uint32_t n0 = npu_wg_y() * args->nb, k0 = 0, buffer = 0, c = 0;
	npu_tag stored[2] = {0, 0}, loaded, next = 0;

	if (n0 >= args->n)
		return;
	load_a(g, g->a[0], 0, g->rows, 0);
	loaded = load_b(g, 0, n0, 0);
	while (n0 < args->n) {
		uint32_t next_k = k0 + args->kb, next_n = n0;

		if (next_k >= args->k) {
			next_k = 0;
			next_n += step;
		}
		if (next_n < args->n) {
			load_a(g, g->a[buffer ^ 1], 0, g->rows, next_k);
			next = load_b(g, buffer ^ 1, next_n, next_k);
		}
		npu_wait(loaded);
		if (!k0 && stored[c])
			npu_wait(stored[c]);
		npu_wait(multiply(g, g->a[buffer], buffer, c, 0, g->rows, n0, k0));
		if (next_n != n0) {
			stored[c] = store_c(g, c, n0);
			c ^= 1;
		}
		loaded = next;
		buffer ^= 1;
		n0 = next_n;
		k0 = next_k;
	}
}

/* Weights are numbered as the matrix engine does it. */
static uint32_t types_of(const struct gemm_args *args)
{
	switch (args->type) {
	case GEMM_BF16:
		return NPU_MATRIX_BF16;
	case GEMM_FP16:
		return NPU_MATRIX_FP16;
	case GEMM_FP32:
		return NPU_MATRIX_FP32;
	default:
		return args->type << 4 | (args->flags & GEMM_A_S8 ? NPU_MATRIX_A_S8 : 0);
	}
}

NPU_KERNEL(gemm, struct gemm_args)
{
	struct gemm_args local;
	struct gemm g = {.args = &local};
	struct npu_sram_pool sram = {0};
	uint32_t step, a_bytes, panels;

	/* The arguments lie in host memory: every look at them would be a trip over the link. */
	npu_wait(npu_dma_bytes(&local, args, sizeof(local)));
	step = npu_grid_y() * local.nb;
	panels = local.nb / 16;
	g.a_stride = gemm_a_stride(local.type, local.kb);
	g.a_size = gemm_a_size(local.type);
	a_bytes = local.mb * g.a_stride;
	g.element = gemm_c_size(local.flags);
	g.types = types_of(&local);
	g.row = npu_wg_x() * local.mb;
	g.rows = min(local.mb, local.m - g.row);
	g.depth_blocks = ceil_div(local.k, local.kb);
	g.a[0] = npu_sram_take(&sram, a_bytes);
	g.a[1] = g.depth_blocks > 1 ? npu_sram_take(&sram, a_bytes) : g.a[0];
	for (int i = 0; i < 2; i++) {
		g.b[i] = npu_sram_take(&sram, panels * gemm_b_panel(local.type, local.kb));
		g.index[i] = npu_sram_take(&sram, panels * gemm_index_panel(local.type, local.kb));
		g.c[i] = npu_sram_take(&sram, local.mb * local.nb * g.element);
		g.channels[i] = npu_sram_take(&sram, local.nb * sizeof(struct npu_channel));
	}
	if (g.depth_blocks > 1)
		split_depth(&g, step);
	else
		whole_depth(&g, step);
}
