// SPDX-License-Identifier: MIT
#include "digits_ref.h"

#include <string.h>

/* Bytes of the largest activation plane and sums of the widest layer. */
static void largest(const struct digits_model *model, size_t *ret_plane, size_t *ret_n)
{
	uint32_t i;

	*ret_plane = 0;
	*ret_n = 0;
	for (i = 0; i < model->layer_count; i++) {
		const struct digits_layer *layer = &model->layers[i];
		size_t plane = (size_t)layer->m * layer->n;

		if (plane > *ret_plane)
			*ret_plane = plane;
		if (layer->n > *ret_n)
			*ret_n = layer->n;
	}
}

size_t digits_ref_scratch_bytes(const struct digits_model *model)
{
	size_t plane, n;

	largest(model, &plane, &n);
	return n * sizeof(uint32_t) + 2 * plane;
}

int32_t digits_requantise(int32_t acc, const struct npu_channel *channel, int32_t zp, int32_t lo,
			  int32_t hi)
{
	int32_t a = (int32_t)((uint32_t)acc + (uint32_t)channel->bias);
	int64_t p = (int64_t)a * channel->mult;

	/* |a * mult| < 2^62 and the rounding term is at most 2^61: the sum stays within s64. */
	p = (p + ((int64_t)1 << (channel->shift - 1))) >> channel->shift;
	p += zp;
	return p < lo ? lo : p > hi ? hi : (int32_t)p;
}

uint32_t digits_argmax(const int32_t *values, uint32_t count)
{
	uint32_t best = 0, i;

	for (i = 1; i < count; i++) {
		if (values[i] > values[best])
			best = i;
	}
	return best;
}

/* Sums of all channels of output pixel (y, x). Unsigned, because sums are defined to wrap. */
static void pixel_sums(const struct digits_layer *layer, const uint8_t *input, uint32_t y,
		       uint32_t x, uint32_t *sums)
{
	uint32_t ky, kx, c, n;

	memset(sums, 0, layer->n * sizeof(*sums));
	for (ky = 0; ky < layer->kernel_h; ky++) {
		int64_t row = (int64_t)y * layer->stride + ky - layer->pad;

		if (row < 0 || row >= layer->in_h)
			continue;
		for (kx = 0; kx < layer->kernel_w; kx++) {
			int64_t column = (int64_t)x * layer->stride + kx - layer->pad;
			const uint8_t *pixel;
			const int8_t *weights;

			if (column < 0 || column >= layer->in_w)
				continue;
			pixel = input + ((size_t)row * layer->in_w + column) * layer->in_c;
			weights = layer->weights +
				  (size_t)(ky * layer->kernel_w + kx) * layer->in_c * layer->n;
			for (c = 0; c < layer->in_c; c++, weights += layer->n) {
				int32_t value = pixel[c];

				/* Paper and what ReLU cut off: most of the work, and no effect. */
				if (!value)
					continue;
				for (n = 0; n < layer->n; n++)
					sums[n] += (uint32_t)(value * weights[n]);
			}
		}
	}
}

static void run_layer(const struct digits_layer *layer, const uint8_t *input, uint32_t *sums,
		      uint8_t *output, int32_t *logits)
{
	uint32_t y, x, n;

	for (y = 0; y < layer->out_h; y++) {
		for (x = 0; x < layer->out_w; x++) {
			size_t at = ((size_t)y * layer->out_w + x) * layer->n;

			pixel_sums(layer, input, y, x, sums);
			for (n = 0; n < layer->n; n++) {
				const struct npu_channel *channel = &layer->channels[n];

				if (layer->raw)
					logits[at + n] =
						(int32_t)(sums[n] + (uint32_t)channel->bias);
				else
					output[at + n] = (uint8_t)digits_requantise(
						(int32_t)sums[n], channel, layer->zp, layer->lo,
						layer->hi);
			}
		}
	}
}

void digits_ref_run(const struct digits_model *model, const uint8_t *image, void *scratch,
		    int32_t *ret_logits)
{
	const uint8_t *input = image;
	uint8_t *planes[2];
	uint32_t *sums = scratch;
	size_t plane, n;
	uint32_t i;

	largest(model, &plane, &n);
	planes[0] = (uint8_t *)(sums + n);
	planes[1] = planes[0] + plane;
	for (i = 0; i < model->layer_count; i++) {
		run_layer(&model->layers[i], input, sums, planes[i & 1], ret_logits);
		input = planes[i & 1];
	}
}
