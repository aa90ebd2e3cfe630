/* SPDX-License-Identifier: MIT */
/*
 * What the host program and the kernel of the digits example agree on.
 *
 * The host lays out the tile's SRAM and describes every layer by where its bytes lie; the kernel
 * only carries that out. Plan, weights and channel records form one block of memory, the resident
 * block, which every tile copies to the start of its SRAM and keeps there:
 *
 *   struct digits_plan	 at SRAM offset 0
 *   per layer		 packed weights, then channel records, each 64-byte aligned
 *
 * Behind it lie the activations, and the stack at the far end.
 */
#ifndef DIGITS_KERNELS_H
#define DIGITS_KERNELS_H

#include <stdint.h>

#define DIGITS_KERNEL	  "digits_batch"
#define DIGITS_PLAN_STEPS 16u /**< layers in a plan, at most */

/**
 * struct digits_step - one layer, as the kernel runs it
 *
 * Places are byte offsets in the SRAM. A layer whose kernel covers its whole input takes the output
 * of the layer before as it is. Any other layer, and the first one, has its input copied into
 * zeroed planes, so that there is padding around it; if @columns is not 0, im2col follows.
 *
 * @plane: padded input, [digit][row][pixel][channel]; 0: none
 * @plane_size: bytes of @plane for one digit
 * @plane_row: bytes of a row of @plane
 * @plane_rows: rows of @plane for one digit
 * @inner: bytes from the start of a plane to the first byte that is not padding
 * @in_row: bytes of a row of the input
 * @in_rows: rows of the input
 * @columns: halfway to im2col, [output column][digit][row of plane][kernel row]; 0: no im2col
 * @window: bytes of a kernel row, kernel width * channels
 * @step_x: bytes from one window to the next
 * @step_y: rows from one window to the next
 * @out_w: columns of the output
 * @out_h: rows of the output
 * @a: left matrix, [digit][output row][output column][@k]
 * @b: packed weights
 * @channels: channel records
 * @c: output, [digit][output row][output column][@n]
 * @m: rows of the product for one digit, @out_w * @out_h
 * @k: columns of the left matrix
 * @n: columns of the product
 * @raw: output is 32-bit sums; else u8
 * @zero_point: of the output, as all that follow 0 if @raw
 * @lo: lowest output
 * @hi: highest output
 */
struct digits_step {
	uint32_t plane, plane_size, plane_row, plane_rows, inner, in_row, in_rows;
	uint32_t columns, window, step_x, step_y, out_w, out_h;
	uint32_t a, b, channels, c;
	uint32_t m, k, n;
	uint32_t raw;
	int32_t zero_point, lo, hi;
};
_Static_assert(sizeof(struct digits_step) == 96, "known to both sides");

/**
 * struct digits_plan - how to run a network on a tile
 *
 * @generation: names the contents of the resident block; never 0, which is what SRAM holds before
 *     the first workgroup of a queue. Blocks of one queue that differ have different generations.
 * @count: number of @steps in use
 * @batch: digits that the SRAM has room for, at least 1
 * @size: bytes of the resident block, a multiple of 64
 * @cleared: where the planes lie, which have to be zero before their first use
 * @cleared_size: bytes to clear, a multiple of 64
 */
struct digits_plan {
	uint32_t generation;
	uint32_t count;
	uint32_t batch;
	uint32_t size;
	uint32_t cleared;
	uint32_t cleared_size;
	uint32_t reserved[10];
	struct digits_step steps[DIGITS_PLAN_STEPS];
};
_Static_assert(sizeof(struct digits_plan) == 64 + 96 * DIGITS_PLAN_STEPS, "known to both sides");

/**
 * struct digits_args - arguments of the kernel
 *
 * Workgroup w classifies digits w * @batch and on, at most @batch of them.
 *
 * @resident: device address of the resident block, which starts with a struct digits_plan
 * @images: device address of @count pictures, back to back
 * @logits: device address of @count rows of 32-bit logits, back to back
 * @resident_size: bytes of the resident block
 * @generation: its generation
 * @count: digits in all
 * @batch: the plan's
 */
struct digits_args {
	uint64_t resident;
	uint64_t images;
	uint64_t logits;
	uint32_t resident_size;
	uint32_t generation;
	uint32_t count;
	uint32_t batch;
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct digits_args) == 64, "known to both sides");

#endif
