/* SPDX-License-Identifier: MIT */
/*
 * From the floating-point network to the integers of digits_model.h.
 *
 * Weights: symmetric s8, one step size per output channel. The last layer has one step size for
 * all channels instead: its sums are compared with each other, so they must share a unit.
 * Activations: u8 with zero point 0, one step size per layer, taken from the training set.
 */
#ifndef DIGITS_QUANTISE_H
#define DIGITS_QUANTISE_H

#include "../digits_data.h"
#include "net.h"

/**
 * quantise_calibrate() - choose the activations' step sizes and round from now on
 * @net: sets layers[].scale; net_forward() and net_step() see 8-bit values from then on
 * @data: digits to run, without distortion
 * @indices: which of them
 * @count: how many indices; a last part batch is left out
 */
void quantise_calibrate(struct net *net, const struct digits_data *data, const uint32_t *indices,
			uint32_t count);

/**
 * quantise_write() - write the weights file
 * @net: a calibrated network
 * @path: file name
 * @error: receives the reason on failure
 *
 * Return: 0 or -errno.
 */
int quantise_write(const struct net *net, const char *path, struct digits_error *error);

#endif
