// SPDX-License-Identifier: MIT
/*
 * digits-cpu: classifies a set of digits with the integer reference on the CPU.
 *
 *   digits-cpu [--confusion] <weights file> <digits file>
 *
 * Its last line names the share of correct digits, the multiply-accumulates of the network's
 * layers for the whole set, and a CRC-32 over all logits (little-endian, in order), so that two
 * runs can be compared at a glance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits_data.h"
#include "digits_model.h"
#include "digits_ref.h"

static void print_layers(const struct digits_model *model)
{
	uint32_t i;

	for (i = 0; i < model->layer_count; i++) {
		const struct digits_layer *layer = &model->layers[i];

		printf("layer %u: %ux%ux%u -> %ux%ux%u, kernel %ux%u, stride %u, padding %u: "
		       "M %u, K %u, N %u, %llu MACs\n",
		       i, layer->in_h, layer->in_w, layer->in_c, layer->out_h, layer->out_w,
		       layer->out_c, layer->kernel_h, layer->kernel_w, layer->stride, layer->pad,
		       layer->m, layer->k, layer->n, (unsigned long long)digits_layer_macs(layer));
	}
}

static void print_confusion(const uint32_t counts[DIGITS_CLASSES][DIGITS_CLASSES])
{
	uint32_t label, guess;

	printf("label \\ guess\n");
	for (label = 0; label < DIGITS_CLASSES; label++) {
		printf("%5u", label);
		for (guess = 0; guess < DIGITS_CLASSES; guess++)
			printf(" %5u", counts[label][guess]);
		putchar('\n');
	}
}

static int classify(const struct digits_model *model, const struct digits_data *data,
		    int show_confusion)
{
	const struct digits_layer *first = &model->layers[0], *last = digits_model_last(model);
	uint32_t counts[DIGITS_CLASSES][DIGITS_CLASSES] = {{0}};
	uint32_t right = 0, i, n;
	uint8_t *scratch, *all;
	int code = 0;

	if (first->in_h != data->height || first->in_w != data->width || first->in_c != 1 ||
	    last->m != 1 || last->n != DIGITS_CLASSES) {
		fprintf(stderr,
			"digits-cpu: the network takes %ux%ux%u and gives %u logits, but the set "
			"has %ux%u digits of %u classes: these two files do not belong together\n",
			first->in_h, first->in_w, first->in_c, last->m * last->n, data->height,
			data->width, DIGITS_CLASSES);
		return 1;
	}
	scratch = malloc(digits_ref_scratch_bytes(model));
	all = malloc((size_t)data->count * DIGITS_CLASSES * 4);
	if (!scratch || !all) {
		fprintf(stderr, "digits-cpu: no memory\n");
		code = 1;
		goto out;
	}
	for (i = 0; i < data->count; i++) {
		int32_t logits[DIGITS_CLASSES];
		uint32_t guess;

		digits_ref_run(model, digits_data_image(data, i), scratch, logits);
		guess = digits_argmax(logits, DIGITS_CLASSES);
		counts[data->labels[i]][guess]++;
		right += guess == data->labels[i];
		for (n = 0; n < DIGITS_CLASSES; n++)
			digits_put_le32(all + ((size_t)i * DIGITS_CLASSES + n) * 4,
					(uint32_t)logits[n]);
	}
	if (show_confusion)
		print_confusion((const uint32_t(*)[DIGITS_CLASSES])counts);
	printf("digits-cpu: %.2f %% of %u correct, %llu MACs, logits %08x\n",
	       100.0 * right / data->count, data->count,
	       (unsigned long long)digits_model_macs(model) * data->count,
	       digits_crc32(all, (size_t)data->count * DIGITS_CLASSES * 4));
out:
	free(all);
	free(scratch);
	return code;
}

int main(int argc, char **argv)
{
	struct digits_model model = {0};
	struct digits_data data = {0};
	struct digits_error error;
	int confusion = argc == 4 && !strcmp(argv[1], "--confusion");
	int code;

	if (argc != 3 + confusion) {
		fprintf(stderr, "usage: %s [--confusion] <weights file> <digits file>\n", argv[0]);
		return 2;
	}
	if (digits_model_load(argv[1 + confusion], &model, &error) ||
	    digits_data_load(argv[2 + confusion], &data, &error)) {
		fprintf(stderr, "digits-cpu: %s\n", error.text);
		code = 1;
	} else {
		print_layers(&model);
		code = classify(&model, &data, confusion);
	}
	digits_data_release(&data);
	digits_model_release(&model);
	return code;
}
