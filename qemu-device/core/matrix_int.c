// SPDX-License-Identifier: MIT
/* Matrix engine: the walk over the tiles of a product of integers. */
#include <stdalign.h>
#include <string.h>

#include "matrix.h"
#include "matrix_impl.h"

/*
 * Weights that are not s8 are unpacked to s8, a block of columns at a time, and all rows of C use
 * them. Where K is so large that not even one panel fits, they are unpacked in pieces for each tile of rows.
 */
#define SCRATCH_SIZE (256 * 1024)

/* The operation and the columns in hand. */
struct walk {
	const struct npu_matrix_ops *ops;
	const struct npu_matrix_desc *desc;
	uint8_t *sram;
	enum npu_matrix_output output;
	struct npu_matrix_columns cols;
	uint32_t first; /* number of the first panel */
	/* B as it is packed. */
	uint32_t type;		       /* NPU_MATRIX_B_* */
	const uint8_t *b;	       /* first panel */
	const uint8_t *index;	       /* and its index, if sparse */
	size_t panel_size, index_size; /* bytes from panel to panel */
	/* Weights that are not s8: */
	uint8_t *scratch; /* unpacked; else NULL */
	bool whole;	  /* all of K is in scratch */
	uint32_t opened; /* rows that the path is ready for; or 0 */
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t groups_of(uint32_t k)
{
	return (k + NPU_MATRIX_GROUP - 1) / NPU_MATRIX_GROUP;
}

/* What the channels say; for columns that have none, anything that does no harm. */
static void columns_init(struct walk *w)
{
	struct npu_matrix_columns *cols = &w->cols;
	const struct npu_matrix_desc *desc = w->desc;
	const bool bias = desc->flags & NPU_MATRIX_BIAS;
	const bool relu = desc->flags & NPU_MATRIX_ACT_RELU;
	const uint8_t *channels = w->sram + desc->channels +
				  (size_t)w->first * NPU_MATRIX_PANEL * sizeof(struct npu_channel);

	cols->columns =
		min_u32(cols->panels * NPU_MATRIX_PANEL, desc->n - w->first * NPU_MATRIX_PANEL);
	cols->floor = relu ? 0 : INT32_MIN;
	cols->a_signed = desc->flags & NPU_MATRIX_A_S8;
	memset(cols->start, 0, sizeof(cols->start));
	if (!npu_matrix_has_channels(desc))
		return;

	memset(cols->mult, 0, sizeof(cols->mult));
	memset(cols->shift, 0, sizeof(cols->shift));
	memset(cols->lo, 0, sizeof(cols->lo));
	memset(cols->hi, 0, sizeof(cols->hi));
	memset(cols->zero_point, 0, sizeof(cols->zero_point));
	for (uint32_t i = 0; i < cols->columns; i++) {
		const uint32_t lane = npu_matrix_lane64(i);
		struct npu_channel channel;
		int64_t zero_point;

		memcpy(&channel, channels + i * sizeof(channel), sizeof(channel));
		zero_point = (int64_t)desc->zero_point + channel.zero_point;
		if (bias)
			cols->start[i] = channel.bias;
		cols->mult[i] = channel.mult;
		cols->shift[i] = (channel.shift - 1) & 63;
		cols->lo[lane] = desc->lo - zero_point;
		if (relu && cols->lo[lane] < 0)
			cols->lo[lane] = 0;
		cols->hi[lane] = desc->hi - zero_point;
		cols->zero_point[i] = (int32_t)(uint32_t)(uint64_t)zero_point;
	}
}

/* Unpack the weights of count values from k on, k a multiple of the path's kc, of all panels. */
static void unpack(struct walk *w, uint32_t k, uint32_t count)
{
	const uint32_t group = NPU_PACKED_GROUP(w->type);
	const size_t from = k / group * NPU_MATRIX_GROUP_SIZE;
	const size_t at = (size_t)k / 8 * NPU_MATRIX_PANEL;

	for (uint32_t p = 0; p < w->cols.panels; p++)
		w->ops->unpack(w->scratch + p * w->cols.panel_size, w->type,
			       w->b + p * w->panel_size + from, w->index + p * w->index_size + at,
			       groups_of(count));
}

/* Bring the columns' weights into reach, and what depends on all of them. */
static void weights_init(struct walk *w)
{
	struct npu_matrix_columns *cols = &w->cols;
	const uint32_t k = w->desc->k;
	const bool correct = w->desc->flags & NPU_MATRIX_A_S8 && w->ops->correct;

	if (!w->scratch) {
		cols->b = w->b;
		cols->panel_size = w->panel_size;
		if (correct)
			w->ops->correct(cols, groups_of(k));
		return;
	}
	cols->b = w->scratch;
	cols->panel_size =
		(size_t)((w->whole ? k : w->ops->kc) + 15) / 16 * 4 * NPU_MATRIX_GROUP_SIZE;
	if (w->whole) {
		unpack(w, 0, k);
		if (correct)
			w->ops->correct(cols, groups_of(k));
		return;
	}
	if (!correct)
		return;
	for (uint32_t k0 = 0; k0 < k; k0 += w->ops->kc) {
		const uint32_t count = min_u32(k - k0, w->ops->kc);

		unpack(w, k0, count);
		w->ops->correct(cols, groups_of(count));
	}
}

/* Activation by table of what a tile has stored. */
static void apply_table(const struct walk *w, uint8_t *c, uint32_t rows)
{
	const uint8_t *table = w->sram + w->desc->table;

	for (uint32_t r = 0; r < rows; r++, c += w->desc->c_stride)
		for (uint32_t n = 0; n < w->cols.columns; n++)
			c[n] = table[c[n]];
}

/*
 * May sums go to C as multiply() leaves them? Then a tile needs no room of its own. With ACCUMULATE they also
 * start there, if nothing else does.
 */
static bool direct(const struct walk *w)
{
	const uint32_t flags = w->desc->flags;

	if (w->output == NPU_MATRIX_OUT_8 || flags & NPU_MATRIX_ACT_RELU ||
	    w->cols.columns < w->cols.panels * NPU_MATRIX_PANEL)
		return false;
	return w->output == NPU_MATRIX_OUT_S32 ||
	       !(flags & NPU_MATRIX_BIAS || (w->cols.a_signed && w->ops->correct));
}

/* One tile: rows rows of C from row m on, all of cols. */
static void run_tile(struct walk *w, uint32_t m, uint32_t rows)
{
	/* Paths with 16-bit values have half as many rows. */
	alignas(64) int16_t packed[NPU_MATRIX_ROWS * NPU_MATRIX_KC / 2];
	alignas(64) int32_t acc[NPU_MATRIX_TILE_SIZE];
	const struct npu_matrix_ops *ops = w->ops;
	const struct npu_matrix_desc *desc = w->desc;
	const struct npu_matrix_columns *cols = &w->cols;
	const bool a_signed = desc->flags & NPU_MATRIX_A_S8, to_c = direct(w);
	const bool in_place = (a_signed ? ops->a_signed_in_place : ops->a_in_place) &&
			      desc->k % NPU_MATRIX_GROUP == 0;
	const size_t packed_stride = ops->kc * ops->a_size;
	const size_t element = w->output == NPU_MATRIX_OUT_8 ? 1 : 4;
	uint8_t *c = w->sram + desc->c + (size_t)m * desc->c_stride +
		     (size_t)w->first * NPU_MATRIX_PANEL * element;
	const int32_t *from = cols->start;
	size_t from_stride = 0;

	if (to_c && w->output == NPU_MATRIX_OUT_S32_ADD) {
		from = (const int32_t *)c;
		from_stride = desc->c_stride / sizeof(*from);
	}
	if (ops->open && w->opened != rows) {
		ops->open(rows);
		w->opened = rows;
	}
	for (uint32_t k = 0; k < desc->k; k += ops->kc) {
		const uint32_t count = min_u32(desc->k - k, ops->kc);
		const bool last = to_c && k + count == desc->k;
		const void *a = w->sram + desc->a + (size_t)m * desc->a_stride + k;
		const uint8_t *b = cols->b;

		if (!w->scratch || w->whole)
			b += (size_t)k / NPU_MATRIX_GROUP * NPU_MATRIX_GROUP_SIZE;
		else
			unpack(w, k, count);
		if (!in_place) {
			ops->pack(packed, packed_stride, a, desc->a_stride, rows, count, a_signed);
			a = packed;
		}
		ops->multiply(cols, a, in_place ? desc->a_stride : packed_stride, b, rows,
			      groups_of(count), from, from_stride, last ? (int32_t *)c : acc,
			      last ? desc->c_stride / sizeof(*acc) : NPU_MATRIX_COLUMNS);
		from = acc;
		from_stride = NPU_MATRIX_COLUMNS;
	}
	if (!to_c)
		ops->store(cols, acc, rows, w->output, c, desc->c_stride);
	if (desc->flags & NPU_MATRIX_ACT_TABLE)
		apply_table(w, c, rows);
}

static void run(struct walk *w, uint32_t m0, uint32_t m1)
{
	const struct npu_matrix_desc *desc = w->desc;
	const uint32_t panels = (desc->n + NPU_MATRIX_PANEL - 1) / NPU_MATRIX_PANEL;
	const size_t unpacked = ((size_t)desc->k + 15) / 16 * 16 * NPU_MATRIX_PANEL;
	const bool sparse = w->type == NPU_MATRIX_B_SPARSE_S8 || w->type == NPU_MATRIX_B_SPARSE_S4;
	uint32_t most = w->ops->panels;

	w->panel_size = NPU_PACKED_SIZE(w->type, desc->k, 1);
	w->index_size = sparse ? NPU_PACKED_INDEX_SIZE(w->type, desc->k, 1) : 0;
	w->output = npu_matrix_c_size(desc) == 1	  ? NPU_MATRIX_OUT_8
		    : desc->flags & NPU_MATRIX_ACCUMULATE ? NPU_MATRIX_OUT_S32_ADD
							  : NPU_MATRIX_OUT_S32;
	w->whole = unpacked <= SCRATCH_SIZE;
	if (w->scratch && w->whole)
		most = min_u32(most, SCRATCH_SIZE / unpacked);

	for (w->first = 0; w->first < panels; w->first += w->cols.panels) {
		uint32_t left = m1 - m0;

		w->cols.panels = min_u32(panels - w->first, most);
		w->b = w->sram + desc->b + w->first * w->panel_size;
		w->index = w->sram + desc->index + w->first * w->index_size;
		columns_init(w);
		weights_init(w);
		while (left) {
			/* Even tiles: a last one of a row or two would wait for its own sums. */
			const uint32_t rows_most = w->ops->rows[w->cols.panels];
			const uint32_t tiles = (left + rows_most - 1) / rows_most;
			const uint32_t rows = (left + tiles - 1) / tiles;

			run_tile(w, m1 - left, rows);
			left -= rows;
		}
	}
}

/* A function of its own, so that s8 weights do without so large a frame. */
static __attribute__((noinline)) void run_unpacked(struct walk *w, uint32_t m0, uint32_t m1)
{
	alignas(64) uint8_t scratch[SCRATCH_SIZE];

	w->scratch = scratch;
	run(w, m0, m1);
}

void npu_matrix_int_rows(const struct npu_matrix_ops *ops, const struct npu_matrix_desc *desc,
			 uint8_t *sram, uint32_t m0, uint32_t m1)
{
	struct walk w = {
		.ops = ops,
		.desc = desc,
		.sram = sram,
		.type = desc->flags & NPU_MATRIX_B,
	};

	if (w.type == NPU_MATRIX_B_S8)
		run(&w, m0, m1);
	else
		run_unpacked(&w, m0, m1);
	if (w.opened)
		ops->close();
}
