/* SPDX-License-Identifier: MIT */
/*
 * The network in plain C on the CPU, in the same integers that the NPU computes.
 *
 * This is what the NPU's logits are compared with, so it shares no code with the NPU's path: it
 * convolves directly, without im2col and without packed weights.
 */
#ifndef DIGITS_REF_H
#define DIGITS_REF_H

#include <stddef.h>
#include <stdint.h>

#include "digits_model.h"

/** digits_ref_scratch_bytes() - size of the scratch memory that digits_ref_run() needs. */
size_t digits_ref_scratch_bytes(const struct digits_model *model);

/**
 * digits_ref_run() - run the network on one digit
 * @model: a loaded model
 * @image: in_h * in_w * in_c bytes of the first layer
 * @scratch: digits_ref_scratch_bytes() bytes, aligned as malloc() aligns; one per thread
 * @ret_logits: receives the raw output of the last layer, out_h * out_w * out_c values
 *
 * Cannot fail. Thread-safe as long as each thread has its own @scratch and @ret_logits.
 */
void digits_ref_run(const struct digits_model *model, const uint8_t *image, void *scratch,
		    int32_t *ret_logits);

/**
 * digits_requantise() - one value through the matrix engine's output stage
 * @acc: the sum
 * @channel: bias, factor and shift of its channel
 * @zp: added after scaling
 * @lo: lower clamp
 * @hi: upper clamp
 */
int32_t digits_requantise(int32_t acc, const struct npu_channel *channel, int32_t zp, int32_t lo,
			  int32_t hi);

/** digits_argmax() - index of the largest of @count values, the first one if several are equal. */
uint32_t digits_argmax(const int32_t *values, uint32_t count);

#endif
