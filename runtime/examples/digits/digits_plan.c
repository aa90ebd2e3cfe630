// SPDX-License-Identifier: MIT
#include "digits_plan.h"

#include <errno.h>

#include "npu_isa.h"

_Static_assert(DIGITS_PLAN_STEPS >= DIGITS_MAX_LAYERS, "a plan holds any model");

/* Limit of the matrix engine's m, n and k. */
#define MATRIX_MAX 65535u

/* Take size bytes of SRAM behind those at *top. No sum of a plan comes near 2^64. */
static uint64_t place(uint64_t *top, uint64_t size)
{
	uint64_t start = *top;

	*top = (start + size + 63) & ~(uint64_t)63;
	return start;
}

static int is_full(const struct digits_layer *layer)
{
	return layer->m == 1 && !layer->pad && layer->kernel_h == layer->in_h &&
	       layer->kernel_w == layer->in_w;
}

/* Shape of a layer, all that does not depend on where things lie. */
static void describe(const struct digits_layer *layer, struct digits_step *step)
{
	*step = (struct digits_step){
		.plane_row = (layer->in_w + 2 * layer->pad) * layer->in_c,
		.plane_rows = layer->in_h + 2 * layer->pad,
		.in_row = layer->in_w * layer->in_c,
		.in_rows = layer->in_h,
		.window = layer->kernel_w * layer->in_c,
		.step_x = layer->stride * layer->in_c,
		.step_y = layer->stride,
		.out_w = layer->out_w,
		.out_h = layer->out_h,
		.m = layer->m,
		.k = layer->k,
		.n = layer->n,
		.raw = layer->raw,
		.zero_point = layer->zp,
		.lo = layer->lo,
		.hi = layer->hi,
	};
	step->plane_size = step->plane_row * step->plane_rows;
	step->inner = layer->pad * (step->plane_row + layer->in_c);
}

/* Place everything for batches of the given size. Returns the bytes that are taken. */
static uint64_t lay_out(const struct digits_model *model, uint32_t batch, struct digits_plan *plan)
{
	uint64_t top = sizeof(*plan), start;
	uint32_t i;

	/* Places may overflow 32 bits here; then the sum does not fit the SRAM and they are not used. */
	for (i = 0; i < model->layer_count; i++) {
		struct digits_step *step = &plan->steps[i];

		describe(&model->layers[i], step);
		step->b = place(&top, NPU_PACKED_B_SIZE(step->k, step->n));
		step->channels = place(&top, step->n * sizeof(struct npu_channel));
	}
	plan->size = top;

	start = top;
	for (i = 0; i < model->layer_count; i++) {
		if (!i || !is_full(&model->layers[i]))
			plan->steps[i].plane =
				place(&top, (uint64_t)batch * plan->steps[i].plane_size);
	}
	plan->cleared = start;
	plan->cleared_size = top - start;

	for (i = 0; i < model->layer_count; i++) {
		struct digits_step *step = &plan->steps[i];

		if (is_full(&model->layers[i])) {
			step->a = i ? plan->steps[i - 1].c : step->plane;
		} else {
			step->columns = place(&top, (uint64_t)batch * step->out_w *
							    step->plane_rows * step->window);
			step->a = place(&top, (uint64_t)batch * step->m * step->k);
		}
		step->c = place(&top, (uint64_t)batch * step->m * step->n * (step->raw ? 4 : 1));
	}
	plan->count = model->layer_count;
	plan->batch = batch;
	return top;
}

int digits_plan_lay_out(const struct digits_model *model, uint32_t sram_size, uint32_t batch,
			struct digits_plan *ret_plan, struct digits_error *error)
{
	uint64_t need = 0, rows = 1;
	uint32_t i;

	for (i = 0; i < model->layer_count; i++) {
		const struct digits_layer *layer = &model->layers[i];

		/* m, which is at most 256 * 256, is of one digit here */
		if (layer->k > MATRIX_MAX || layer->n > MATRIX_MAX || layer->m > MATRIX_MAX)
			return digits_fail(
				error, ENOTSUP,
				"layer %u is a product of %u x %u x %u; the matrix engine "
				"takes up to %u each way",
				i, layer->m, layer->k, layer->n, MATRIX_MAX);
		if (layer->m > rows)
			rows = layer->m;
	}
	if (batch > MATRIX_MAX / rows)
		batch = MATRIX_MAX / rows;
	for (; batch; batch--) {
		struct digits_plan plan = {0};

		need = lay_out(model, batch, &plan) + DIGITS_PLAN_STACK;
		if (need <= sram_size) {
			*ret_plan = plan;
			return 0;
		}
	}
	return digits_fail(error, ENOSPC,
			   "the network needs %llu bytes of SRAM in a tile even for single digits, "
			   "the device has %u; give the device more, as with its property sram",
			   (unsigned long long)need, sram_size);
}
