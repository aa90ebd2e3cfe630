// SPDX-License-Identifier: MIT
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"

#define BETA1	     0.9f
#define BETA2	     0.999f
#define WEIGHT_DECAY 2e-3f /* of the learning rate, per step */
#define SMOOTHING    0.05f /* of the target, spread over all classes */

/*
 * Kernel sizes are chosen so that K is a multiple of 4 and the padded inputs are 32 x 32 and
 * 16 x 16: no multiply of the matrix engine is spent on padding of K, and addresses are shifts.
 */
static const struct net_shape shapes[NET_LAYERS] = {
	{28, 28, 1, 14, 14, 16, 6, 6, 2, 2},
	{14, 14, 16, 7, 7, 32, 4, 4, 2, 1},
	{7, 7, 32, 1, 1, 128, 7, 7, 1, 0},
	{1, 1, 128, 1, 1, NET_CLASSES, 1, 1, 1, 0},
};

static const float keeps[NET_LAYERS] = {1.0f, 0.9f, 0.6f, 1.0f};

static float *floats(size_t count)
{
	float *memory = calloc(count, sizeof(*memory));

	if (!memory) {
		fprintf(stderr, "digits-train: no memory for %zu floats\n", count);
		exit(1);
	}
	return memory;
}

static void create_layer(struct net *net, int index)
{
	struct net_layer *layer = &net->layers[index];
	const struct net_shape *shape = &shapes[index];
	float limit;
	size_t k, n;

	layer->shape = *shape;
	layer->m = (size_t)shape->out_h * shape->out_w;
	layer->k = (size_t)shape->kernel_h * shape->kernel_w * shape->in_c;
	layer->n = (shape->out_c + GEMM_COLUMNS - 1) / GEMM_COLUMNS * GEMM_COLUMNS;
	layer->keep = keeps[index];
	layer->whole = layer->m == 1 && !shape->pad;

	layer->weights = floats(layer->k * layer->n);
	layer->used = floats(layer->k * layer->n);
	layer->transposed = floats(layer->k * layer->n);
	layer->weights_grad = floats(layer->k * layer->n);
	layer->weights_m = floats(layer->k * layer->n);
	layer->weights_v = floats(layer->k * layer->n);
	layer->bias = floats(layer->n);
	layer->bias_grad = floats(layer->n);
	layer->bias_m = floats(layer->n);
	layer->bias_v = floats(layer->n);
	layer->output = floats(NET_BATCH * layer->m * layer->n);
	layer->output_grad = floats(NET_BATCH * layer->m * layer->n);
	if (!layer->whole) {
		layer->columns = floats(NET_BATCH * layer->m * layer->k);
		layer->columns_grad = floats(NET_BATCH * layer->m * layer->k);
	} else {
		/* Its input is the output of the layer before, and so are the gradients. */
		layer->columns = layer[-1].output;
		layer->columns_grad = layer[-1].output_grad;
	}

	limit = sqrtf(6.0f / (float)layer->k);
	for (k = 0; k < layer->k; k++) {
		for (n = 0; n < shape->out_c; n++)
			layer->weights[k * layer->n + n] = random_spread(&net->random, limit);
	}
}

struct net *net_create(uint64_t seed)
{
	struct net *net = calloc(1, sizeof(*net));
	int i;

	if (!net) {
		fprintf(stderr, "digits-train: no memory for the network\n");
		exit(1);
	}
	net->random.counter = seed;
	net->beta1_power = 1.0;
	net->beta2_power = 1.0;
	for (i = 0; i < NET_LAYERS; i++)
		create_layer(net, i);
	net->input = floats((size_t)NET_BATCH * shapes[0].in_h * shapes[0].in_w * shapes[0].in_c);
	return net;
}

void net_destroy(struct net *net)
{
	int i;

	for (i = 0; i < NET_LAYERS; i++) {
		struct net_layer *layer = &net->layers[i];

		if (!layer->whole) {
			free(layer->columns);
			free(layer->columns_grad);
		}
		free(layer->weights);
		free(layer->used);
		free(layer->transposed);
		free(layer->weights_grad);
		free(layer->weights_m);
		free(layer->weights_v);
		free(layer->bias);
		free(layer->bias_grad);
		free(layer->bias_m);
		free(layer->bias_v);
		free(layer->output);
		free(layer->output_grad);
	}
	free(net->input);
	free(net);
}

/*
 * Walks over every run of kernel_w pixels that im2col copies. Calls are inlined, so that one walk
 * serves both directions: gathering inputs and scattering gradients.
 */
static inline __attribute__((always_inline)) void walk_columns(const struct net_layer *layer,
							       const float *input,
							       float *input_grad, float *columns,
							       const float *columns_grad)
{
	const struct net_shape *s = &layer->shape;
	size_t digit, y, x, ky, run = (size_t)s->kernel_w * s->in_c, at = 0, i;

	for (digit = 0; digit < NET_BATCH; digit++) {
		size_t plane = digit * s->in_h * s->in_w * s->in_c;

		for (y = 0; y < s->out_h; y++) {
			for (x = 0; x < s->out_w; x++) {
				for (ky = 0; ky < s->kernel_h; ky++, at += run) {
					long row = (long)(y * s->stride + ky) - (long)s->pad;
					long start = ((long)(x * s->stride) - (long)s->pad) *
						     (long)s->in_c;
					long width = (long)s->in_w * (long)s->in_c;
					size_t from = start < 0 ? (size_t)-start : 0;
					size_t to = start + (long)run > width
							    ? (size_t)(width - start)
							    : run;
					size_t base;

					if (columns &&
					    (from || to < run || row < 0 || row >= (long)s->in_h))
						memset(columns + at, 0, run * sizeof(*columns));
					if (row < 0 || row >= (long)s->in_h)
						continue;
					base = plane + (size_t)(row * width + start);
					for (i = from; i < to; i++) {
						if (columns)
							columns[at + i] = input[base + i];
						else
							input_grad[base + i] +=
								columns_grad[at + i];
					}
				}
			}
		}
	}
}

float net_weight_scale(const struct net_layer *layer, size_t channel, int last)
{
	float largest = 1e-12f;
	size_t k, n;

	for (k = 0; k < layer->k; k++) {
		for (n = last ? 0 : channel; n < (last ? layer->n : channel + 1); n++) {
			float size = fabsf(layer->weights[k * layer->n + n]);

			if (size > largest)
				largest = size;
		}
	}
	return largest / 127.0f;
}

/* Weights for the forward pass: as they are, or as the 8-bit network will see them. */
static void prepare_weights(struct net_layer *layer, int quantised, int last)
{
	size_t k, n;

	memcpy(layer->used, layer->weights, layer->k * layer->n * sizeof(float));
	if (!quantised)
		return;
	for (n = 0; n < layer->n; n++) {
		float scale = net_weight_scale(layer, n, last);

		for (k = 0; k < layer->k; k++) {
			float *weight = &layer->used[k * layer->n + n];

			*weight = rintf(*weight / scale) * scale;
		}
	}
}

static void activate(struct net *net, struct net_layer *layer, int last, int training)
{
	size_t rows = NET_BATCH * layer->m, row, n;
	float kept = 1.0f / layer->keep;

	for (row = 0; row < rows; row++) {
		float *output = layer->output + row * layer->n;

		for (n = 0; n < layer->n; n++)
			output[n] += layer->bias[n];
		if (last)
			continue;
		for (n = 0; n < layer->n; n++)
			output[n] = output[n] > 0.0f ? output[n] : 0.0f;
		if (layer->scale > 0.0f) {
			for (n = 0; n < layer->n; n++) {
				float level = rintf(output[n] / layer->scale);

				output[n] = (level > 255.0f ? 255.0f : level) * layer->scale;
			}
		}
		if (!training || layer->keep >= 1.0f)
			continue;
		for (n = 0; n < layer->n; n++) {
			if (random_unit(&net->random) < layer->keep)
				output[n] *= kept;
			else
				output[n] = 0.0f;
		}
	}
}

const float *net_forward(struct net *net, int training)
{
	/* Rounding starts for all layers at once, see quantise_calibrate(). */
	int quantised = net->layers[0].scale > 0.0f;
	int i;

	for (i = 0; i < NET_LAYERS; i++) {
		struct net_layer *layer = &net->layers[i];
		int last = i == NET_LAYERS - 1;

		prepare_weights(layer, quantised, last);
		if (!layer->whole)
			walk_columns(layer, i ? layer[-1].output : net->input, NULL, layer->columns,
				     NULL);
		gemm_nn(NET_BATCH * layer->m, layer->k, layer->n, layer->columns, layer->used,
			layer->output);
		activate(net, layer, last, training);
	}
	return net->layers[NET_LAYERS - 1].output;
}

/* exp() of a value that is 0 or less, without the library's, which differs between versions. */
static double exp_negative(double x)
{
	const double ln2 = 0.69314718055994530942;
	double power, rest, sum = 1.0;
	int i;

	if (x < -700.0)
		return 0.0;
	power = floor(x / ln2 + 0.5);
	rest = x - power * ln2;
	for (i = 13; i > 0; i--)
		sum = 1.0 + sum * rest / i;
	return ldexp(sum, (int)power);
}

/* Softmax and cross entropy with smoothed targets; leaves the gradient in the last layer. */
static double loss_gradient(struct net *net, const uint8_t *labels)
{
	struct net_layer *last = &net->layers[NET_LAYERS - 1];
	double loss = 0.0;
	size_t digit, n;

	for (digit = 0; digit < NET_BATCH; digit++) {
		const float *logits = last->output + digit * last->n;
		float *grad = last->output_grad + digit * last->n;
		double exps[NET_CLASSES], sum = 0.0;
		float top = logits[0];

		for (n = 1; n < NET_CLASSES; n++)
			top = logits[n] > top ? logits[n] : top;
		for (n = 0; n < NET_CLASSES; n++) {
			exps[n] = exp_negative((double)logits[n] - top);
			sum += exps[n];
		}
		for (n = 0; n < NET_CLASSES; n++) {
			float target = SMOOTHING / NET_CLASSES;

			if (n == labels[digit])
				target += 1.0f - SMOOTHING;
			grad[n] = ((float)(exps[n] / sum) - target) / NET_BATCH;
		}
		for (; n < last->n; n++)
			grad[n] = 0.0f;
		/* For the eye only: the library's logarithm does no harm here. */
		loss -= log(exps[labels[digit]] / sum);
	}
	return loss / NET_BATCH;
}

/* Turns the gradient of a layer's output into that of its sums. */
static void deactivate(struct net_layer *layer, int last)
{
	size_t count = NET_BATCH * layer->m * layer->n, i;
	float kept = 1.0f / layer->keep;
	float limit = layer->scale > 0.0f ? 254.5f * layer->scale * kept : INFINITY;

	if (last)
		return;
	/* What ReLU, dropout or the upper clamp cut off has no say in the gradient. */
	for (i = 0; i < count; i++) {
		int alive = layer->output[i] > 0.0f && layer->output[i] < limit;

		layer->output_grad[i] = alive ? layer->output_grad[i] * kept : 0.0f;
	}
}

static void transpose(const struct net_layer *layer)
{
	size_t k, n;

	for (k = 0; k < layer->k; k++) {
		for (n = 0; n < layer->n; n++)
			layer->transposed[n * layer->k + k] = layer->used[k * layer->n + n];
	}
}

static void backward(struct net *net)
{
	size_t row, n;
	int i;

	for (i = NET_LAYERS - 1; i >= 0; i--) {
		struct net_layer *layer = &net->layers[i];
		size_t rows = NET_BATCH * layer->m;

		deactivate(layer, i == NET_LAYERS - 1);
		memset(layer->bias_grad, 0, layer->n * sizeof(float));
		for (row = 0; row < rows; row++) {
			for (n = 0; n < layer->n; n++)
				layer->bias_grad[n] += layer->output_grad[row * layer->n + n];
		}
		gemm_tn(rows, layer->k, layer->n, layer->columns, layer->output_grad,
			layer->weights_grad);
		if (!i)
			break;
		transpose(layer);
		gemm_nn(rows, layer->n, layer->k, layer->output_grad, layer->transposed,
			layer->columns_grad);
		if (layer->whole)
			continue;
		memset(layer[-1].output_grad, 0,
		       NET_BATCH * layer[-1].m * layer[-1].n * sizeof(float));
		walk_columns(layer, NULL, layer[-1].output_grad, NULL, layer->columns_grad);
	}
}

static void adam(float *values, const float *grads, float *m, float *v, size_t count, float rate,
		 float decay, float correct1, float correct2)
{
	size_t i;

	for (i = 0; i < count; i++) {
		m[i] = BETA1 * m[i] + (1.0f - BETA1) * grads[i];
		v[i] = BETA2 * v[i] + (1.0f - BETA2) * grads[i] * grads[i];
		values[i] -= rate * (m[i] * correct1 / (sqrtf(v[i] * correct2) + 1e-8f) +
				     decay * values[i]);
	}
}

double net_step(struct net *net, const uint8_t *labels, float rate)
{
	float correct1, correct2;
	double loss;
	int i;

	net_forward(net, 1);
	loss = loss_gradient(net, labels);
	backward(net);

	net->beta1_power *= BETA1;
	net->beta2_power *= BETA2;
	correct1 = (float)(1.0 / (1.0 - net->beta1_power));
	correct2 = (float)(1.0 / (1.0 - net->beta2_power));
	for (i = 0; i < NET_LAYERS; i++) {
		struct net_layer *layer = &net->layers[i];

		adam(layer->weights, layer->weights_grad, layer->weights_m, layer->weights_v,
		     layer->k * layer->n, rate, WEIGHT_DECAY, correct1, correct2);
		adam(layer->bias, layer->bias_grad, layer->bias_m, layer->bias_v, layer->n, rate,
		     0.0f, correct1, correct2);
	}
	return loss;
}
