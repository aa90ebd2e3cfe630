/* SPDX-License-Identifier: MIT */
/*
 * The quantised network and the file it is kept in.
 *
 * Every layer is a matrix product on the NPU's matrix engine. A layer is described as a
 * convolution; a fully connected layer is one whose kernel covers its whole input, so that nothing
 * has to tell the two apart.
 *
 * Arithmetic of a layer, bit for bit (A is the layer's input as im2col rows, W its weights):
 *
 *   acc[m][n] = sum over k of A[m][k] * W[k][n]       A u8, W s8, acc s32 that wraps
 *   a = (s32)(acc + bias[n])                          wraps
 *   raw layer:  the output is a
 *   otherwise:  p = (s64)a * mult[n]
 *               p = (p + (1 << (shift[n] - 1))) >> shift[n]      arithmetic shift
 *               the output is clamp(p + zp, lo, hi), stored as u8
 *
 * Activations are u8 with zero point 0. Padding a picture with zero bytes is therefore exact, and
 * ReLU is the clamp at lo = 0.
 *
 * im2col: row m of A belongs to output pixel (m / out_w, m % out_w). Its K bytes are ordered
 * (kernel row, kernel column, input channel), so that every kernel row is one run of
 * kernel_w * in_c bytes of the input, which is stored row by row, pixel by pixel, channel by
 * channel. The output rows [m][n] have that same order and are the next layer's input as they are.
 *
 * File format, version 1, all words little-endian:
 *
 *   offset  size    what
 *        0  8       magic "NPUDIGWT"
 *        8  4       version, 1
 *       12  4       count of layers, 1..DIGITS_MAX_LAYERS
 *       16  4       size of the whole file in bytes
 *       20  4       CRC-32 of everything from offset 32 to the end
 *       24  8       reserved, 0
 *       32  96 per layer: 24 words, see enum digits_layer_word
 *   then, each at a multiple of 64 bytes from the start of the file, where the layer says:
 *           k * n   weights, s8, row-major [k][n]
 *           16 * n  channel records, struct npu_channel
 *
 * The weights are stored plain, not in the order the matrix engine wants: packing is the runtime's
 * business and may differ between devices.
 */
#ifndef DIGITS_MODEL_H
#define DIGITS_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "digits_file.h"
#include "npu_isa.h"

#define DIGITS_MODEL_MAGIC	 "NPUDIGWT"
#define DIGITS_MODEL_VERSION	 1u
#define DIGITS_MODEL_HEADER	 32u /**< bytes before the layer descriptors */
#define DIGITS_MODEL_LAYER_BYTES 96u /**< bytes of a layer descriptor */
#define DIGITS_MODEL_ALIGN	 64u /**< alignment of weights and channel records in the file */
#define DIGITS_MODEL_MAX_BYTES	 ((size_t)64 << 20)

#define DIGITS_MAX_LAYERS	 16u
#define DIGITS_MAX_SIDE		 256u	    /**< height or width of a layer's input or output */
#define DIGITS_MAX_K		 65536u	    /**< bytes of an im2col row */
#define DIGITS_MAX_N		 4096u	    /**< channels */
#define DIGITS_MAX_PLANE	 (1u << 20) /**< bytes of one layer's input or output, one digit */

/** Words of a layer descriptor in the file, in this order. */
enum digits_layer_word {
	DIGITS_WORD_IN_H,
	DIGITS_WORD_IN_W,
	DIGITS_WORD_IN_C,
	DIGITS_WORD_OUT_H,
	DIGITS_WORD_OUT_W,
	DIGITS_WORD_OUT_C,
	DIGITS_WORD_KERNEL_H,
	DIGITS_WORD_KERNEL_W,
	DIGITS_WORD_STRIDE,
	DIGITS_WORD_PAD,
	DIGITS_WORD_K,
	DIGITS_WORD_N,
	DIGITS_WORD_FLAGS, /* DIGITS_LAYER_RAW or 0 */
	DIGITS_WORD_ZP,
	DIGITS_WORD_LO,
	DIGITS_WORD_HI,
	DIGITS_WORD_WEIGHTS_OFFSET,
	DIGITS_WORD_WEIGHTS_BYTES,
	DIGITS_WORD_CHANNELS_OFFSET,
	DIGITS_WORD_CHANNELS_BYTES,
	DIGITS_WORD_RESERVED, /* this one and the rest are 0 */
	DIGITS_WORDS = 24,
};

/** Flag of a layer that gives out s32 sums instead of u8 activations; the last layer, only. */
#define DIGITS_LAYER_RAW 1u

/**
 * struct digits_layer - one layer
 * @in_h: height of the input in pixels, without padding
 * @in_w: width of the input in pixels, without padding
 * @in_c: channels of the input, bytes per pixel
 * @out_h: height of the output in pixels
 * @out_w: width of the output in pixels
 * @out_c: channels of the output
 * @kernel_h: height of the kernel in pixels
 * @kernel_w: width of the kernel in pixels
 * @stride: step of the kernel in pixels, both ways
 * @pad: rows and columns of zero around the input, on each side
 * @m: rows of the matrix product for one digit, @out_h * @out_w
 * @k: columns of A, rows of W: @kernel_h * @kernel_w * @in_c
 * @n: columns of W: @out_c
 * @raw: output is the s32 sum plus bias; @zp, @lo and @hi are 0 then
 * @zp: zero point of the output, always 0 in this version of the file
 * @lo: lowest output value, 0..@hi
 * @hi: highest output value, @lo..255
 * @weights: @k x @n, row-major; owned by the model
 * @channels: @n records; owned by the model
 */
struct digits_layer {
	uint32_t in_h, in_w, in_c;
	uint32_t out_h, out_w, out_c;
	uint32_t kernel_h, kernel_w;
	uint32_t stride, pad;
	uint32_t m, k, n;
	int raw;
	int32_t zp, lo, hi;
	const int8_t *weights;
	const struct npu_channel *channels;
};

/**
 * struct digits_model - the network
 * @layer_count: how many layers, 1..DIGITS_MAX_LAYERS
 * @layers: the layers from input to output; each one's input is the output of the one before
 * @bytes: the whole file, which the weights point into; owned
 * @channels: the channel records of all layers; owned
 *
 * Read-only after loading, so any number of threads may use one model.
 */
struct digits_model {
	uint32_t layer_count;
	struct digits_layer layers[DIGITS_MAX_LAYERS];
	uint8_t *bytes;
	struct npu_channel *channels;
};

/**
 * digits_model_load() - read and check a weights file
 * @path: file name
 * @ret_model: receives the model, to be released with digits_model_release(); untouched on failure
 * @error: receives the reason on failure; may be NULL
 *
 * A model that loads is safe to run: shapes agree with each other and with the sizes in the file,
 * and every channel record is within the range that the matrix engine accepts.
 *
 * Return: 0; -EBADMSG if the content is damaged, inconsistent or is no such file; -EPROTONOSUPPORT
 * if its version is unknown; -ERANGE if a value is out of range; -ENOMEM; or what reading it
 * returned (-ENOENT, ...).
 */
int digits_model_load(const char *path, struct digits_model *ret_model, struct digits_error *error);

/** digits_model_release() - free what digits_model_load() allocated; a zeroed model is fine. */
void digits_model_release(struct digits_model *model);

/** digits_layer_macs() - multiply-accumulates of @layer for one digit: m * k * n, no padding. */
static inline uint64_t digits_layer_macs(const struct digits_layer *layer)
{
	return (uint64_t)layer->m * layer->k * layer->n;
}

/** digits_model_macs() - multiply-accumulates of the whole network for one digit. */
uint64_t digits_model_macs(const struct digits_model *model);

/** digits_model_last() - the layer that gives out the logits. */
static inline const struct digits_layer *digits_model_last(const struct digits_model *model)
{
	return &model->layers[model->layer_count - 1];
}

#endif
