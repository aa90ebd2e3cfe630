// SPDX-License-Identifier: MIT
#include "digits_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A file that is being checked. */
struct source {
	const char *path;
	const uint8_t *bytes;
	size_t size;
	struct digits_error *error;
};

static uint32_t word(const struct source *source, uint32_t layer, uint32_t index)
{
	return digits_le32(source->bytes + DIGITS_MODEL_HEADER + layer * DIGITS_MODEL_LAYER_BYTES +
			   index * 4);
}

static int check_header(const struct source *source)
{
	const uint8_t *bytes = source->bytes;
	uint32_t version, layers, crc, actual;

	if (source->size < DIGITS_MODEL_HEADER)
		return digits_fail(source->error, EBADMSG,
				   "%s: %zu bytes is shorter than the %u-byte header", source->path,
				   source->size, DIGITS_MODEL_HEADER);
	if (memcmp(bytes, DIGITS_MODEL_MAGIC, 8))
		return digits_fail(source->error, EBADMSG,
				   "%s: not a weights file (no \"%s\" at its start)", source->path,
				   DIGITS_MODEL_MAGIC);
	version = digits_le32(bytes + 8);
	if (version != DIGITS_MODEL_VERSION)
		return digits_fail(source->error, EPROTONOSUPPORT,
				   "%s: version %u, but this program reads version %u; "
				   "make the weights again with 'make train'",
				   source->path, version, DIGITS_MODEL_VERSION);
	if (source->size != digits_le32(bytes + 16))
		return digits_fail(source->error, EBADMSG,
				   "%s: %zu bytes, but its header promises %u; the file is %s",
				   source->path, source->size, digits_le32(bytes + 16),
				   source->size < digits_le32(bytes + 16) ? "truncated"
									  : "too long");
	crc = digits_le32(bytes + 20);
	actual = digits_crc32(bytes + DIGITS_MODEL_HEADER, source->size - DIGITS_MODEL_HEADER);
	if (crc != actual)
		return digits_fail(
			source->error, EBADMSG,
			"%s: damaged (CRC-32 %08x, its header says %08x); fetch it again",
			source->path, actual, crc);
	if (digits_le32(bytes + 24) || digits_le32(bytes + 28))
		return digits_fail(source->error, EBADMSG, "%s: reserved header words are not 0",
				   source->path);

	layers = digits_le32(bytes + 12);
	if (layers < 1 || layers > DIGITS_MAX_LAYERS)
		return digits_fail(source->error, ERANGE, "%s: %u layers; allowed are 1..%u",
				   source->path, layers, DIGITS_MAX_LAYERS);
	if ((source->size - DIGITS_MODEL_HEADER) / DIGITS_MODEL_LAYER_BYTES < layers)
		return digits_fail(source->error, EBADMSG,
				   "%s: %zu bytes do not hold the descriptors of %u layers",
				   source->path, source->size, layers);
	return 0;
}

static int check_range(const struct source *source, uint32_t layer, const char *name,
		       uint32_t value, uint32_t min, uint32_t max)
{
	if (value >= min && value <= max)
		return 0;
	return digits_fail(source->error, ERANGE, "%s: layer %u: %s is %u; allowed are %u..%u",
			   source->path, layer, name, value, min, max);
}

static int check_block(const struct source *source, uint32_t layer, const char *name,
		       uint32_t offset, uint32_t bytes, uint64_t expected)
{
	uint64_t start = DIGITS_MODEL_HEADER +
			 (uint64_t)digits_le32(source->bytes + 12) * DIGITS_MODEL_LAYER_BYTES;

	if (bytes != expected)
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u: %u bytes of %s, its shape needs %llu",
				   source->path, layer, bytes, name, (unsigned long long)expected);
	if (offset % DIGITS_MODEL_ALIGN)
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u: %s at offset %u, not a multiple of %u",
				   source->path, layer, name, offset, DIGITS_MODEL_ALIGN);
	if (offset < start || (uint64_t)offset + bytes > source->size)
		return digits_fail(
			source->error, EBADMSG,
			"%s: layer %u: %s at offset %u, %u bytes, lie outside the file's "
			"data (%llu..%zu)",
			source->path, layer, name, offset, bytes, (unsigned long long)start,
			source->size);
	return 0;
}

/* Everything about a layer's shape, none of which depends on its neighbours. */
static int check_shape(const struct source *source, uint32_t index, struct digits_layer *layer)
{
	const struct {
		const char *name;
		uint32_t value, min, max;
	} ranges[] = {
		{"input height", layer->in_h, 1, DIGITS_MAX_SIDE},
		{"input width", layer->in_w, 1, DIGITS_MAX_SIDE},
		{"input channels", layer->in_c, 1, DIGITS_MAX_N},
		{"output height", layer->out_h, 1, DIGITS_MAX_SIDE},
		{"output width", layer->out_w, 1, DIGITS_MAX_SIDE},
		{"output channels", layer->out_c, 1, DIGITS_MAX_N},
		{"kernel height", layer->kernel_h, 1, DIGITS_MAX_SIDE},
		{"kernel width", layer->kernel_w, 1, DIGITS_MAX_SIDE},
		{"stride", layer->stride, 1, DIGITS_MAX_SIDE},
		{"padding", layer->pad, 0, DIGITS_MAX_SIDE},
	};
	uint32_t rows = layer->in_h + 2 * layer->pad;
	uint32_t columns = layer->in_w + 2 * layer->pad;
	size_t i;
	int code;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		code = check_range(source, index, ranges[i].name, ranges[i].value, ranges[i].min,
				   ranges[i].max);
		if (code)
			return code;
	}

	/* No product below can overflow now: sides are at most 256, channels at most 4096. */
	if (layer->kernel_h > rows || layer->kernel_w > columns ||
	    layer->out_h != (rows - layer->kernel_h) / layer->stride + 1 ||
	    layer->out_w != (columns - layer->kernel_w) / layer->stride + 1)
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u: %ux%u input, %ux%u kernel, stride %u and padding "
				   "%u do not give %ux%u output",
				   source->path, index, layer->in_h, layer->in_w, layer->kernel_h,
				   layer->kernel_w, layer->stride, layer->pad, layer->out_h,
				   layer->out_w);
	if (layer->k != layer->kernel_h * layer->kernel_w * layer->in_c || layer->n != layer->out_c)
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u: matrix of %u x %u, its shape needs %u x %u",
				   source->path, index, layer->k, layer->n,
				   layer->kernel_h * layer->kernel_w * layer->in_c, layer->out_c);
	code = check_range(source, index, "K", layer->k, 1, DIGITS_MAX_K);
	if (code)
		return code;
	code = check_range(source, index, "size of the padded input", rows * columns * layer->in_c,
			   1, DIGITS_MAX_PLANE);
	if (code)
		return code;
	return check_range(source, index, "size of the output",
			   layer->out_h * layer->out_w * layer->out_c, 1, DIGITS_MAX_PLANE);
}

static int check_output(const struct source *source, uint32_t index, uint32_t flags, int last,
			const struct digits_layer *layer)
{
	if (flags & ~DIGITS_LAYER_RAW)
		return digits_fail(source->error, EBADMSG, "%s: layer %u: unknown flags %#x",
				   source->path, index, flags);
	if (layer->raw != last)
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u: the last layer, and only that, gives raw sums",
				   source->path, index);
	if (layer->raw) {
		if (layer->zp || layer->lo || layer->hi)
			return digits_fail(source->error, EBADMSG,
					   "%s: layer %u: zp, lo and hi of a raw layer are not 0",
					   source->path, index);
		return 0;
	}
	if (layer->zp || layer->lo < 0 || layer->lo > layer->hi || layer->hi > 255)
		return digits_fail(source->error, ERANGE,
				   "%s: layer %u: zp %d, lo %d, hi %d; allowed are zp 0 and "
				   "0 <= lo <= hi <= 255",
				   source->path, index, layer->zp, layer->lo, layer->hi);
	return 0;
}

static int read_channels(const struct source *source, uint32_t index, uint32_t offset, uint32_t n,
			 struct npu_channel *channels)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		const uint8_t *bytes = source->bytes + offset + (size_t)i * sizeof(*channels);

		channels[i].bias = (int32_t)digits_le32(bytes);
		channels[i].mult = (int32_t)digits_le32(bytes + 4);
		channels[i].shift = digits_le32(bytes + 8);
		channels[i].zero_point = (int32_t)digits_le32(bytes + 12);
		if (channels[i].mult < 0 || channels[i].shift < 1 || channels[i].shift > 62 ||
		    channels[i].zero_point)
			return digits_fail(
				source->error, ERANGE,
				"%s: layer %u channel %u: mult %d, shift %u, zero point %d; "
				"allowed are mult >= 0, shift 1..62, zero point 0",
				source->path, index, i, channels[i].mult, channels[i].shift,
				channels[i].zero_point);
	}
	return 0;
}

/* Decodes and checks layer @index; its channel records are left for later. */
static int read_layer(const struct source *source, struct digits_model *model, uint32_t index)
{
	struct digits_layer *layer = &model->layers[index];
	const struct digits_layer *before = index ? layer - 1 : NULL;
	uint32_t flags = word(source, index, DIGITS_WORD_FLAGS);
	uint32_t weights = word(source, index, DIGITS_WORD_WEIGHTS_OFFSET);
	uint32_t i;
	int code;

	layer->in_h = word(source, index, DIGITS_WORD_IN_H);
	layer->in_w = word(source, index, DIGITS_WORD_IN_W);
	layer->in_c = word(source, index, DIGITS_WORD_IN_C);
	layer->out_h = word(source, index, DIGITS_WORD_OUT_H);
	layer->out_w = word(source, index, DIGITS_WORD_OUT_W);
	layer->out_c = word(source, index, DIGITS_WORD_OUT_C);
	layer->kernel_h = word(source, index, DIGITS_WORD_KERNEL_H);
	layer->kernel_w = word(source, index, DIGITS_WORD_KERNEL_W);
	layer->stride = word(source, index, DIGITS_WORD_STRIDE);
	layer->pad = word(source, index, DIGITS_WORD_PAD);
	layer->k = word(source, index, DIGITS_WORD_K);
	layer->n = word(source, index, DIGITS_WORD_N);
	layer->raw = (flags & DIGITS_LAYER_RAW) != 0;
	layer->zp = (int32_t)word(source, index, DIGITS_WORD_ZP);
	layer->lo = (int32_t)word(source, index, DIGITS_WORD_LO);
	layer->hi = (int32_t)word(source, index, DIGITS_WORD_HI);

	code = check_shape(source, index, layer);
	if (code)
		return code;
	layer->m = layer->out_h * layer->out_w;
	if (before && (layer->in_h != before->out_h || layer->in_w != before->out_w ||
		       layer->in_c != before->out_c)) {
		return digits_fail(source->error, EBADMSG,
				   "%s: layer %u takes %ux%ux%u but layer %u gives %ux%ux%u",
				   source->path, index, layer->in_h, layer->in_w, layer->in_c,
				   index - 1, before->out_h, before->out_w, before->out_c);
	}
	code = check_output(source, index, flags, index + 1 == model->layer_count, layer);
	if (code)
		return code;
	for (i = DIGITS_WORD_RESERVED; i < DIGITS_WORDS; i++) {
		if (word(source, index, i))
			return digits_fail(source->error, EBADMSG,
					   "%s: layer %u: reserved word %u is not 0", source->path,
					   index, i);
	}

	code = check_block(source, index, "weights", weights,
			   word(source, index, DIGITS_WORD_WEIGHTS_BYTES),
			   (uint64_t)layer->k * layer->n);
	if (code)
		return code;
	code = check_block(source, index, "channel records",
			   word(source, index, DIGITS_WORD_CHANNELS_OFFSET),
			   word(source, index, DIGITS_WORD_CHANNELS_BYTES),
			   (uint64_t)layer->n * sizeof(struct npu_channel));
	if (code)
		return code;
	layer->weights = (const int8_t *)(source->bytes + weights);
	return 0;
}

static int read_model(const struct source *source, struct digits_model *model)
{
	uint32_t i, total = 0;
	int code;

	code = check_header(source);
	if (code)
		return code;
	model->layer_count = digits_le32(source->bytes + 12);
	for (i = 0; i < model->layer_count; i++) {
		code = read_layer(source, model, i);
		if (code)
			return code;
		total += model->layers[i].n;
	}

	model->channels = calloc(total, sizeof(*model->channels));
	if (!model->channels)
		return digits_fail(source->error, ENOMEM, "%s: no memory for %u channel records",
				   source->path, total);
	for (i = 0, total = 0; i < model->layer_count; i++) {
		code = read_channels(source, i, word(source, i, DIGITS_WORD_CHANNELS_OFFSET),
				     model->layers[i].n, model->channels + total);
		if (code)
			return code;
		model->layers[i].channels = model->channels + total;
		total += model->layers[i].n;
	}
	return 0;
}

int digits_model_load(const char *path, struct digits_model *ret_model, struct digits_error *error)
{
	struct digits_model model = {0};
	struct source source = {.path = path, .error = error};
	int code;

	code = digits_file_read(path, DIGITS_MODEL_MAX_BYTES, &model.bytes, &source.size, error);
	if (code)
		return code;
	source.bytes = model.bytes;
	code = read_model(&source, &model);
	if (code) {
		digits_model_release(&model);
		return code;
	}
	*ret_model = model;
	return 0;
}

void digits_model_release(struct digits_model *model)
{
	free(model->channels);
	free(model->bytes);
	memset(model, 0, sizeof(*model));
}

uint64_t digits_model_macs(const struct digits_model *model)
{
	uint64_t macs = 0;
	uint32_t i;

	for (i = 0; i < model->layer_count; i++)
		macs += digits_layer_macs(&model->layers[i]);
	return macs;
}
