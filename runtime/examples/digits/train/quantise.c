// SPDX-License-Identifier: MIT
#include "quantise.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../digits_model.h"
#include "augment.h"

/* Of all activations above 0, this share is cut off by the upper clamp. */
#define CLIPPED	  1e-4

#define BINS	  65536u
#define BIN_WIDTH (1.0f / 1024.0f) /* activations up to 64 are told apart; real ones are below 30 */

static uint32_t round_up(uint32_t value, uint32_t step)
{
	return (value + step - 1) / step * step;
}

static void count_activations(const struct net_layer *layer, uint64_t *bins)
{
	size_t total = NET_BATCH * layer->m * layer->n, i;

	for (i = 0; i < total; i++) {
		float value = layer->output[i];
		float bin = value / BIN_WIDTH;

		if (value > 0.0f)
			bins[bin < (float)(BINS - 1) ? (uint32_t)bin : BINS - 1]++;
	}
}

/* Upper end of the bin above which at most CLIPPED of all counts lie. */
static float threshold(const uint64_t *bins)
{
	uint64_t total = 0, above = 0;
	uint32_t bin;

	for (bin = 0; bin < BINS; bin++)
		total += bins[bin];
	for (bin = BINS - 1; bin > 0; bin--) {
		above += bins[bin];
		if ((double)above > CLIPPED * (double)total)
			break;
	}
	return (float)(bin + 1) * BIN_WIDTH;
}

void quantise_calibrate(struct net *net, const struct digits_data *data, const uint32_t *indices,
			uint32_t count)
{
	size_t pixels = (size_t)data->height * data->width;
	uint64_t *bins = calloc((NET_LAYERS - 1) * (size_t)BINS, sizeof(*bins));
	uint32_t batch, i;
	int layer;

	if (!bins) {
		fprintf(stderr, "digits-train: no memory for histograms\n");
		exit(1);
	}
	for (batch = 0; batch + NET_BATCH <= count; batch += NET_BATCH) {
		for (i = 0; i < NET_BATCH; i++)
			augment_none(digits_data_image(data, indices[batch + i]),
				     net->input + i * pixels);
		net_forward(net, 0);
		for (layer = 0; layer < NET_LAYERS - 1; layer++)
			count_activations(&net->layers[layer], bins + (size_t)layer * BINS);
	}
	for (layer = 0; layer < NET_LAYERS - 1; layer++) {
		net->layers[layer].scale = threshold(bins + (size_t)layer * BINS) / 255.0f;
		printf("layer %d: activations up to %.3f\n", layer,
		       (double)net->layers[layer].scale * 255.0);
	}
	free(bins);
}

/* Writes @factor as mult * 2^-shift with 31 significant bits. */
static int split_factor(double factor, int32_t *ret_mult, uint32_t *ret_shift)
{
	int exponent;
	double fraction = frexp(factor, &exponent);
	int64_t mult = llrint(fraction * 0x1p31);

	if (mult == (int64_t)1 << 31) {
		mult >>= 1;
		exponent++;
	}
	if (31 - exponent < 1 || 31 - exponent > 62)
		return -ERANGE;
	*ret_mult = (int32_t)mult;
	*ret_shift = (uint32_t)(31 - exponent);
	return 0;
}

static int put_layer(const struct net *net, int index, uint8_t *weights, uint8_t *channels,
		     struct digits_error *error)
{
	const struct net_layer *layer = &net->layers[index];
	uint32_t n, k, count = layer->shape.out_c;
	int last = index == NET_LAYERS - 1;
	/* Pixels are bytes that stand for 0..1. */
	double in_scale = index ? (double)layer[-1].scale : 1.0 / 255.0;

	for (n = 0; n < count; n++) {
		float scale = net_weight_scale(layer, n, last);
		double bias = rint((double)layer->bias[n] / (in_scale * scale));
		uint32_t shift = 1;
		int32_t mult = 0;

		for (k = 0; k < layer->k; k++)
			weights[(size_t)k * count + n] =
				(uint8_t)(int8_t)lrintf(layer->weights[k * layer->n + n] / scale);
		if (!(fabs(bias) < 0x1p31))
			return digits_fail(error, ERANGE,
					   "layer %d channel %u: bias %g does not "
					   "fit 32 bits",
					   index, n, bias);
		/* The raw sums of the last layer pass by the scaling: any valid record will do. */
		if (!last && split_factor(in_scale * scale / (double)layer->scale, &mult, &shift))
			return digits_fail(error, ERANGE,
					   "layer %d channel %u: the scale is out of range", index,
					   n);
		digits_put_le32(channels + n * 16, (uint32_t)(int32_t)bias);
		digits_put_le32(channels + n * 16 + 4, (uint32_t)mult);
		digits_put_le32(channels + n * 16 + 8, shift);
	}
	return 0;
}

static void put_descriptor(uint8_t *to, const struct net_layer *layer, int last, uint32_t weights,
			   uint32_t channels)
{
	const struct net_shape *shape = &layer->shape;
	const uint32_t words[DIGITS_WORDS] = {
		[DIGITS_WORD_IN_H] = shape->in_h,
		[DIGITS_WORD_IN_W] = shape->in_w,
		[DIGITS_WORD_IN_C] = shape->in_c,
		[DIGITS_WORD_OUT_H] = shape->out_h,
		[DIGITS_WORD_OUT_W] = shape->out_w,
		[DIGITS_WORD_OUT_C] = shape->out_c,
		[DIGITS_WORD_KERNEL_H] = shape->kernel_h,
		[DIGITS_WORD_KERNEL_W] = shape->kernel_w,
		[DIGITS_WORD_STRIDE] = shape->stride,
		[DIGITS_WORD_PAD] = shape->pad,
		[DIGITS_WORD_K] = (uint32_t)layer->k,
		[DIGITS_WORD_N] = shape->out_c,
		[DIGITS_WORD_FLAGS] = last ? DIGITS_LAYER_RAW : 0,
		[DIGITS_WORD_HI] = last ? 0 : 255,
		[DIGITS_WORD_WEIGHTS_OFFSET] = weights,
		[DIGITS_WORD_WEIGHTS_BYTES] = (uint32_t)layer->k * shape->out_c,
		[DIGITS_WORD_CHANNELS_OFFSET] = channels,
		[DIGITS_WORD_CHANNELS_BYTES] = shape->out_c * 16,
	};
	uint32_t i;

	for (i = 0; i < DIGITS_WORDS; i++)
		digits_put_le32(to + i * 4, words[i]);
}

int quantise_write(const struct net *net, const char *path, struct digits_error *error)
{
	uint32_t at = round_up(DIGITS_MODEL_HEADER + NET_LAYERS * DIGITS_MODEL_LAYER_BYTES,
			       DIGITS_MODEL_ALIGN);
	uint32_t weights[NET_LAYERS], channels[NET_LAYERS];
	uint8_t *bytes;
	FILE *file;
	int i, code = 0;

	for (i = 0; i < NET_LAYERS; i++) {
		uint32_t out_c = net->layers[i].shape.out_c;

		weights[i] = at;
		at = round_up(at + (uint32_t)net->layers[i].k * out_c, DIGITS_MODEL_ALIGN);
		channels[i] = at;
		at = round_up(at + out_c * 16, DIGITS_MODEL_ALIGN);
	}
	bytes = calloc(1, at);
	if (!bytes)
		return digits_fail(error, ENOMEM, "%s: no memory for %u bytes", path, at);

	for (i = 0; i < NET_LAYERS && !code; i++) {
		put_descriptor(bytes + DIGITS_MODEL_HEADER + i * DIGITS_MODEL_LAYER_BYTES,
			       &net->layers[i], i == NET_LAYERS - 1, weights[i], channels[i]);
		code = put_layer(net, i, bytes + weights[i], bytes + channels[i], error);
	}
	if (code)
		goto out;
	memcpy(bytes, DIGITS_MODEL_MAGIC, 8);
	digits_put_le32(bytes + 8, DIGITS_MODEL_VERSION);
	digits_put_le32(bytes + 12, NET_LAYERS);
	digits_put_le32(bytes + 16, at);
	digits_put_le32(bytes + 20,
			digits_crc32(bytes + DIGITS_MODEL_HEADER, at - DIGITS_MODEL_HEADER));

	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, at, file) != at)
		code = digits_fail(error, errno, "%s: cannot write: %s", path, strerror(errno));
	if (file && fclose(file) && !code)
		code = digits_fail(error, errno, "%s: cannot write: %s", path, strerror(errno));
out:
	free(bytes);
	return code;
}
