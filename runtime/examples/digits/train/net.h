/* SPDX-License-Identifier: MIT */
/*
 * The network in floating point: forward, backward and the Adam optimiser.
 *
 * Layers are convolutions as in digits_model.h; a fully connected layer is one whose kernel covers
 * its input. All but the last end in ReLU.
 */
#ifndef DIGITS_NET_H
#define DIGITS_NET_H

#include <stddef.h>
#include <stdint.h>

#include "random.h"

#define NET_LAYERS  4
#define NET_BATCH   40u /**< digits per step, a multiple of GEMM_ROWS */
#define NET_CLASSES 10u

/** struct net_shape - geometry of a layer, in the words of struct digits_layer */
struct net_shape {
	uint32_t in_h, in_w, in_c;
	uint32_t out_h, out_w, out_c;
	uint32_t kernel_h, kernel_w;
	uint32_t stride, pad;
};

/**
 * struct net_layer - one layer
 * @shape: its geometry
 * @m: output pixels of one digit
 * @k: rows of @weights
 * @n: columns of @weights, out_c rounded up to what gemm wants; the ones beyond out_c stay 0
 * @weights: [k][n]
 * @bias: [n]
 * @used: weights as the forward pass sees them: @weights, or those rounded to 8 bit
 * @keep: share of the outputs that dropout keeps in training, 1 for no dropout
 * @scale: size of one step of the output when it is rounded to 8 bit, 0 as long as it is not
 * @columns: input of the batch as im2col rows, [batch * m][k]
 * @output: output of the batch, [batch * m][n]
 */
struct net_layer {
	struct net_shape shape;
	size_t m, k, n;
	float *weights, *bias, *used;
	float keep, scale;
	float *columns, *output;
	/* Gradients, Adam's two moments and the transposed weights. */
	float *weights_grad, *bias_grad, *output_grad, *columns_grad, *transposed;
	float *weights_m, *weights_v, *bias_m, *bias_v;
	int whole; /* the kernel covers the input: columns is the input itself */
};

/**
 * struct net - the network and its working memory for one batch
 * @layers: from input to output
 * @input: pixels in 0..1 of the batch, [batch][in_h][in_w][in_c]; filled in by the caller
 * @random: source of dropout
 * @beta1_power: Adam's first decay to the power of the steps taken
 * @beta2_power: Adam's second decay to the power of the steps taken
 */
struct net {
	struct net_layer layers[NET_LAYERS];
	float *input;
	struct random_state random;
	double beta1_power, beta2_power;
};

/** net_create() - a network with random weights from @seed; exits if there is no memory. */
struct net *net_create(uint64_t seed);

/** net_destroy() - free it. */
void net_destroy(struct net *net);

/**
 * net_forward() - run the batch in @net->input
 * @training: dropout is applied
 *
 * Return: logits, [NET_BATCH][layers[last].n]; valid until the next call.
 */
const float *net_forward(struct net *net, int training);

/**
 * net_step() - one step of training on the batch in @net->input
 * @labels: NET_BATCH labels
 * @rate: learning rate
 *
 * Return: mean loss of the batch before the step.
 */
double net_step(struct net *net, const uint8_t *labels, float rate);

/** net_weight_scale() - step of the 8-bit weights of channel @channel; see quantise.h for why. */
float net_weight_scale(const struct net_layer *layer, size_t channel, int last);

#endif
