// SPDX-License-Identifier: MIT
/* Matrix engine: the walk over the tiles of a product of floating-point numbers. */
#include <stdalign.h>
#include <string.h>

#include "matrix.h"
#include "matrix_impl.h"

#ifndef __x86_64__
#include <fenv.h>
#endif

/*
 * Most values of k that are taken at a time. Sums pass through memory between two lots, which changes
 * nothing: they are fp32 there too.
 */
#define DEPTH	     2048
/* A block of rows of A, as fp32 and out of step with the host's caches, for all columns. */
#define A_SIZE	     (256 * 1024 / sizeof(float))
/* A block of columns of B, if it has to be widened. */
#define B_PANEL_SIZE (DEPTH * NPU_MATRIX_PANEL + NPU_MATRIX_PANEL)
#define B_PANELS     2
/* Most tiles of a block of rows. */
#define TILES	     32

struct walk {
	const struct npu_matrix_float_ops *ops;
	const struct npu_matrix_desc *desc;
	uint8_t *sram;
	uint32_t type; /* NPU_MATRIX_A_* */
	size_t group_size,
		panel_bytes; /* of packed B: for one value of k (two of 16 bits), a panel */
	float *a;	     /* A_SIZE; NULL: A is fp32 and used where it lies */
	size_t a_stride;     /* values */
	float *b;	     /* B_PANELS of B_PANEL_SIZE; NULL: B is fp32 and used where it lies */
	struct npu_matrix_epilogue epilogue;
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* count values of k, from k on, of rows rows of A from row m on. */
static const float *load_a(const struct walk *w, uint32_t m, uint32_t rows, uint32_t k,
			   uint32_t count)
{
	const size_t size = npu_matrix_a_size(w->desc);
	const uint8_t *from = w->sram + w->desc->a + (size_t)m * w->desc->a_stride + k * size;

	if (!w->a)
		return (const float *)from;
	for (uint32_t r = 0; r < rows; r++, from += w->desc->a_stride) {
		float *to = w->a + r * w->a_stride;

		if (w->type == NPU_MATRIX_A_FP32)
			memcpy(to, from, count * sizeof(*to));
		else
			w->ops->widen_a(to, from, w->type, count);
	}
	return w->a;
}

/*
 * count values of k, from k on, a multiple of DEPTH, of panels of B from panel number first on.
 * *stride: values from panel to panel of what is returned.
 */
static const float *load_b(const struct walk *w, uint32_t first, uint32_t panels, uint32_t k,
			   uint32_t count, size_t *stride)
{
	const uint8_t *from = w->sram + w->desc->b + first * w->panel_bytes;

	if (!w->b) {
		*stride = w->panel_bytes / sizeof(float);
		return (const float *)from + (size_t)k * NPU_MATRIX_PANEL;
	}
	from += (size_t)k / 2 * NPU_MATRIX_GROUP_SIZE;
	*stride = B_PANEL_SIZE;
	for (uint32_t p = 0; p < panels; p++)
		w->ops->widen_b(w->b + p * B_PANEL_SIZE, from + p * w->panel_bytes,
				w->desc->flags & NPU_MATRIX_B, count);
	return w->b;
}

static void epilogue_init(struct walk *w, uint32_t first, uint32_t panels)
{
	struct npu_matrix_epilogue *e = &w->epilogue;
	const struct npu_matrix_desc *desc = w->desc;
	const uint32_t n = first * NPU_MATRIX_PANEL;

	e->columns = min_u32(panels * NPU_MATRIX_PANEL, desc->n - n);
	memset(e->bias, 0, sizeof(e->bias));
	if (desc->flags & NPU_MATRIX_BIAS)
		memcpy(e->bias, w->sram + desc->channels + n * sizeof(float),
		       e->columns * sizeof(float));
}

/* Where the sums of a tile start. */
static void sums_init(const struct walk *w, float *acc, uint32_t rows, const uint8_t *c)
{
	if (!(w->desc->flags & NPU_MATRIX_ACCUMULATE)) {
		memset(acc, 0, rows * NPU_MATRIX_COLUMNS * sizeof(*acc));
		return;
	}
	for (uint32_t r = 0; r < rows; r++, acc += NPU_MATRIX_COLUMNS, c += w->desc->c_stride) {
		memcpy(acc, c, w->epilogue.columns * sizeof(*acc));
		memset(acc + w->epilogue.columns, 0,
		       (NPU_MATRIX_COLUMNS - w->epilogue.columns) * sizeof(*acc));
	}
}

/* Tiles of rows rows[] from row m on, for all columns. */
static void run_block(struct walk *w, uint32_t m, const uint8_t *rows, uint32_t tiles,
		      uint32_t most_panels)
{
	const struct npu_matrix_desc *desc = w->desc;
	const uint32_t panels = (desc->n + NPU_MATRIX_PANEL - 1) / NPU_MATRIX_PANEL;
	const bool whole = desc->k <= DEPTH;
	alignas(64) float acc[NPU_MATRIX_FLOAT_TILE_SIZE];
	const float *a = NULL;
	uint32_t count = 0, all = 0;

	for (uint32_t t = 0; t < tiles; t++)
		all += rows[t];
	if (whole)
		a = load_a(w, m, all, 0, desc->k);
	for (uint32_t first = 0; first < panels; first += count) {
		const float *b = NULL;
		size_t stride = 0;
		uint32_t done = 0;

		count = min_u32(panels - first, most_panels);
		epilogue_init(w, first, count);
		if (whole)
			b = load_b(w, first, count, 0, desc->k, &stride);
		for (uint32_t t = 0; t < tiles; done += rows[t++]) {
			uint8_t *c = w->sram + desc->c + (size_t)(m + done) * desc->c_stride +
				     (size_t)first * NPU_MATRIX_PANEL * npu_matrix_c_size(desc);

			sums_init(w, acc, rows[t], c);
			if (whole)
				w->ops->multiply(acc, a + done * w->a_stride, w->a_stride, b,
						 stride, rows[t], count, desc->k);
			for (uint32_t k = 0; !whole && k < desc->k; k += DEPTH) {
				const uint32_t depth = min_u32(desc->k - k, DEPTH);

				a = load_a(w, m + done, rows[t], k, depth);
				b = load_b(w, first, count, k, depth, &stride);
				w->ops->multiply(acc, a, w->a_stride, b, stride, rows[t], count,
						 depth);
			}
			w->ops->store(&w->epilogue, acc, rows[t], c, desc->c_stride);
		}
	}
}

/*
 * Rows of A whose distance is a multiple of this fall into few sets of the host's L1 cache, and drive each
 * other out: they are copied first.
 */
#define BAD_STRIDE 1024

static void run(struct walk *w, uint32_t m0, uint32_t m1)
{
	alignas(64) float a[A_SIZE];
	const uint32_t depth = min_u32(w->desc->k, DEPTH);
	uint32_t panels = B_PANELS, most, tiles;

	if (w->type == NPU_MATRIX_A_FP32 && w->desc->a_stride % BAD_STRIDE) {
		w->a_stride = w->desc->a_stride / sizeof(float);
	} else {
		/* One line more than a row needs, for the same reason. */
		w->a = a;
		w->a_stride = (depth + 15) / 16 * 16 + 16;
	}
	while (!w->ops->rows[panels])
		panels--;
	most = w->ops->rows[panels];
	tiles = w->desc->k > DEPTH ? 1 : w->a ? min_u32(A_SIZE / w->a_stride / most, TILES) : TILES;
	while (m0 < m1) {
		uint8_t rows[TILES];
		uint32_t count = 0, next = m0;

		while (next < m1 && count < tiles) {
			/* Even tiles: a last one of a row or two would wait for its own sums. */
			const uint32_t left = m1 - next, parts = (left + most - 1) / most;

			rows[count] = (uint8_t)((left + parts - 1) / parts);
			next += rows[count++];
		}
		run_block(w, m0, rows, count, panels);
		m0 = next;
	}
}

/* A function of its own, so that fp32 does without so large a frame. */
static __attribute__((noinline)) void run_widened(struct walk *w, uint32_t m0, uint32_t m1)
{
	alignas(64) float b[B_PANELS * B_PANEL_SIZE];

	w->b = b;
	run(w, m0, m1);
}

void npu_matrix_float_rows(const struct npu_matrix_float_ops *ops,
			   const struct npu_matrix_desc *desc, uint8_t *sram, uint32_t m0,
			   uint32_t m1)
{
	struct walk w = {
		.ops = ops,
		.desc = desc,
		.sram = sram,
		.type = desc->flags & NPU_MATRIX_A,
		.panel_bytes = NPU_PACKED_SIZE(desc->flags & NPU_MATRIX_B, desc->k, 1),
		.epilogue =
			{
				.flags = desc->flags,
				.curve = (const void *)(sram + desc->table),
			},
	};
	/* The thread may be set to round otherwise: for the core's arithmetic, or by its owner. */
#ifdef __x86_64__
	const uint32_t standard = 0x1f80;
	uint32_t before;

	__asm__ volatile("stmxcsr %0" : "=m"(before));
	__asm__ volatile("ldmxcsr %0" : : "m"(standard) : "memory");
#else
	fenv_t before;

	fegetenv(&before);
	fesetenv(FE_DFL_ENV);
#endif
	memcpy(&w.epilogue.lo, &desc->lo, sizeof(w.epilogue.lo));
	memcpy(&w.epilogue.hi, &desc->hi, sizeof(w.epilogue.hi));
	if (w.type == NPU_MATRIX_A_FP32)
		run(&w, m0, m1);
	else
		run_widened(&w, m0, m1);
#ifdef __x86_64__
	__asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory");
#else
	fesetenv(&before);
#endif
}
