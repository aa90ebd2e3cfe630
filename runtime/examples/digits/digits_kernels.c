// SPDX-License-Identifier: MIT
/*
 * The kernel of the digits example: one workgroup takes a batch of digits through the network.
 *
 * Three engines of the tile work here side by side. The core, which runs this code, only tells the
 * others what to do; the DMA engine moves bytes; the matrix engine multiplies. Each engine does
 * what it was given in order, so only what one engine needs of the other is waited for: a product
 * waits for the DMA that gathers its left matrix, and a DMA waits for the product whose output it
 * reads. The batch is cut in two parts, so that one part is multiplied while the other is gathered.
 *
 * Host memory is hundreds of cycles away. Nothing here loads from it directly; even the arguments
 * are fetched by DMA.
 */
#include <npu.h>

#include "digits_kernels.h"

#define PARTS 2

/* Some digits of the batch, and the last operations on them. */
struct part {
	uint32_t first, count;
	npu_tag gathered, multiplied;
};

/* Device address of a place in the SRAM. */
static uint64_t sram(uint32_t offset)
{
	return NPU_VA_SRAM + offset;
}

/*
 * SRAM keeps its contents from one workgroup of a queue to the next, so the weights are copied only
 * by the first one on each tile, and by the first one with other weights. Which workgroups those are
 * is not for us to know; the generation in the resident block tells.
 */
static void make_resident(const struct digits_plan *plan, const struct digits_args *args)
{
	if (plan->generation == args->generation)
		return;
	npu_wait(npu_dma_bytes(npu_sram(0), npu_pointer(args->resident), args->resident_size));
	/* Padding is zeroed once: what is copied into the planes never touches it. */
	npu_wait(npu_dma_fill(npu_sram(plan->cleared), 0, plan->cleared_size));
}

/*
 * Bring a part's input to where the product wants it: row (digit, y, x) of the left matrix is the
 * window of the kernel at output pixel (y, x), row of pixels after row of pixels (im2col).
 *
 * The windows overlap, so bytes are copied several times. Doing that in two steps needs fewer and
 * longer rows than doing it at once: first every row of pixels is cut into its windows, one
 * column of the output after the other; there, the rows of one whole window lie one behind the other.
 */
static npu_tag gather(const struct digits_plan *plan, const struct digits_step *step,
		      uint64_t input, const struct part *part)
{
	const uint32_t in_size = step->in_row * step->in_rows;
	const uint32_t cut_size = step->plane_rows * step->window; /* one column of one digit */
	const uint32_t plane = step->plane + part->first * step->plane_size;
	const uint32_t cut = step->columns + part->first * cut_size;
	const uint32_t a = step->a + part->first * step->m * step->k;
	uint32_t x;
	npu_tag tag;

	/* into the middle of the zeroed planes */
	tag = npu_dma(&(struct npu_dma_desc){
		.dst = sram(plane + step->inner),
		.src = input + part->first * in_size,
		.size = {step->in_row, step->in_rows, part->count},
		.dst_stride = {step->plane_row, step->plane_size},
		.src_stride = {step->in_row, in_size},
	});
	if (!step->columns)
		return tag;

	/* [column][digit][row of plane][window]; the rows of all digits are one long run */
	npu_dma(&(struct npu_dma_desc){
		.dst = sram(cut),
		.src = sram(plane),
		.size = {step->window, part->count * step->plane_rows, step->out_w},
		.dst_stride = {step->window, plan->batch * cut_size},
		.src_stride = {step->plane_row, step->step_x},
	});

	/* [digit][y][column][whole window] */
	for (x = 0; x < step->out_w; x++)
		tag = npu_dma(&(struct npu_dma_desc){
			.dst = sram(a + x * step->k),
			.src = sram(cut + x * plan->batch * cut_size),
			.size = {step->k, step->out_h, part->count},
			.dst_stride = {step->out_w * step->k, step->m * step->k},
			.src_stride = {step->step_y * step->window, cut_size},
		});
	return tag;
}

/* One layer of one part: product, bias, and unless these are the logits scaling and ReLU. */
static npu_tag multiply(const struct digits_step *step, const struct part *part)
{
	const uint32_t first = part->first * step->m;
	const uint32_t c_row = step->raw ? step->n * 4 : step->n;

	return npu_matrix(&(struct npu_matrix_desc){
		.a = step->a + first * step->k,
		.b = step->b,
		.c = step->c + first * c_row,
		.channels = step->channels,
		.m = part->count * step->m,
		.n = step->n,
		.k = step->k,
		.a_stride = step->k,
		.c_stride = c_row,
		.flags = NPU_MATRIX_BIAS | (step->raw ? 0 : NPU_MATRIX_C_U8),
		.zero_point = step->zero_point,
		.lo = step->lo,
		.hi = step->hi,
	});
}

/* A layer that needs its input gathered; input is where part 0 begins. */
static void gather_and_multiply(const struct digits_plan *plan, const struct digits_step *step,
				uint64_t input, struct part *parts)
{
	uint32_t p;

	for (p = 0; p < PARTS; p++) {
		if (parts[p].multiplied)
			npu_wait(parts[p].multiplied);
		if (parts[p].count)
			parts[p].gathered = gather(plan, step, input, &parts[p]);
	}
	for (p = 0; p < PARTS; p++) {
		if (!parts[p].count)
			continue;
		npu_wait(parts[p].gathered);
		parts[p].multiplied = multiply(step, &parts[p]);
	}
}

/*
 * A layer that takes the output of the one before as it is. Both are the matrix engine's, which
 * keeps their order. The weights are the greater part of the work here: the batch stays whole.
 */
static void multiply_whole(const struct digits_step *step, uint32_t count, struct part *parts)
{
	const struct part whole = {.count = count};

	parts[0].multiplied = parts[1].multiplied = multiply(step, &whole);
}

NPU_KERNEL(digits_batch, struct digits_args)
{
	const struct digits_plan *plan = npu_sram(0);
	const struct digits_step *step = plan->steps;
	struct part parts[PARTS] = {0};
	struct digits_args here;
	uint32_t first, count, i;
	uint64_t input;

	npu_wait(npu_dma_bytes(&here, args, sizeof(here)));
	make_resident(plan, &here);

	first = npu_wg_x() * here.batch;
	count = here.count - first < here.batch ? here.count - first : here.batch;
	parts[0].count = (count + 1) / 2;
	parts[1].first = parts[0].count;
	parts[1].count = count - parts[0].count;

	input = here.images + (uint64_t)first * step->in_rows * step->in_row;
	for (i = 0; i < plan->count; i++, step++) {
		if (step->plane)
			gather_and_multiply(plan, step, input, parts);
		else
			multiply_whole(step, count, parts);
		input = sram(step->c);
	}

	step--;
	npu_wait(parts[PARTS - 1].multiplied);
	npu_dma_bytes(npu_pointer(here.logits + (uint64_t)first * step->n * 4), npu_sram(step->c),
		      count * step->n * 4);
	/* The workgroup ends when the copy has. */
}
