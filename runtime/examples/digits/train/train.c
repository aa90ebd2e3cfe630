// SPDX-License-Identifier: MIT
/*
 * digits-train: trains the network and writes its quantised weights.
 *
 *   digits-train [--epochs N] [--seed N] [--holdout N] <train file> <weights file>
 *
 * Training is in floating point with distorted digits; in the last tenth of the epochs the forward
 * pass sees weights and activations rounded to 8 bit, so that the network settles on values that
 * survive the rounding. The same seed gives the same file, byte for byte, on every host whose
 * floating point follows IEEE 754.
 *
 * --holdout N keeps every Nth digit out of training and prints how the integer network does on
 * them: that is what to tune by. The test set is no input of this program.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../digits_data.h"
#include "../digits_model.h"
#include "../digits_ref.h"
#include "augment.h"
#include "net.h"
#include "quantise.h"

#define RATE	  2e-3f /* at the top of the ramp */
#define WARM_UP	  0.1	/* share of all steps in which the rate rises; then it falls to 0 */
#define QUANTISED 0.1	/* share of the epochs, at the end, that see 8-bit values */

struct options {
	uint32_t epochs;
	uint64_t seed;
	uint32_t holdout;
	const char *data;
	const char *weights;
};

static int parse_number(const char *name, const char *text, uint64_t min, uint64_t max,
			uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < min || value > max) {
		fprintf(stderr, "digits-train: --%s %s: want a number from %llu to %llu\n", name,
			text, (unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"epochs", required_argument, NULL, 'e'},
		{"seed", required_argument, NULL, 's'},
		{"holdout", required_argument, NULL, 'h'},
		{0},
	};
	uint64_t value;
	int name;

	*options = (struct options){.epochs = 160, .seed = 1};
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == 'e') {
			if (parse_number("epochs", optarg, 1, 10000, &value))
				return -EINVAL;
			options->epochs = (uint32_t)value;
		} else if (name == 's') {
			if (parse_number("seed", optarg, 0, UINT64_MAX, &options->seed))
				return -EINVAL;
		} else if (name == 'h') {
			if (parse_number("holdout", optarg, 2, 1000, &value))
				return -EINVAL;
			options->holdout = (uint32_t)value;
		} else {
			return -EINVAL;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"usage: %s [--epochs N] [--seed N] [--holdout N] <train file> "
			"<weights file>\n",
			argv[0]);
		return -EINVAL;
	}
	options->data = argv[optind];
	options->weights = argv[optind + 1];
	return 0;
}

/* Share of the held-out digits that the written integer network gets right, in percent. */
static int report_holdout(const struct options *options, const struct digits_data *data,
			  struct digits_error *error)
{
	struct digits_model model;
	uint32_t i, total = 0, right = 0;
	void *scratch;
	int code;

	code = digits_model_load(options->weights, &model, error);
	if (code)
		return code;
	scratch = malloc(digits_ref_scratch_bytes(&model));
	if (!scratch) {
		digits_model_release(&model);
		return digits_fail(error, ENOMEM, "no memory for the reference");
	}
	for (i = 0; i < data->count; i += options->holdout) {
		int32_t logits[NET_CLASSES];

		digits_ref_run(&model, digits_data_image(data, i), scratch, logits);
		right += digits_argmax(logits, NET_CLASSES) == data->labels[i];
		total++;
	}
	printf("held out: %.2f %% of %u correct with the integer network\n", 100.0 * right / total,
	       total);
	free(scratch);
	digits_model_release(&model);
	return 0;
}

/* The same with the floating-point network, so that the cost of rounding can be told. */
static void report_float(struct net *net, const struct digits_data *data, uint32_t holdout)
{
	uint32_t picked[NET_BATCH] = {0}, filled = 0, total = 0, right = 0, i, j, n;
	size_t pixels = (size_t)data->height * data->width;

	for (i = 0; i < data->count; i += holdout) {
		picked[filled++] = i;
		if (filled < NET_BATCH && i + holdout < data->count)
			continue;
		for (j = 0; j < filled; j++)
			augment_none(digits_data_image(data, picked[j]), net->input + j * pixels);
		const float *logits = net_forward(net, 0);
		size_t stride = net->layers[NET_LAYERS - 1].n;

		for (j = 0; j < filled; j++) {
			uint32_t best = 0;

			for (n = 1; n < NET_CLASSES; n++) {
				if (logits[j * stride + n] > logits[j * stride + best])
					best = n;
			}
			right += best == data->labels[picked[j]];
			total++;
		}
		filled = 0;
	}
	printf("held out: %.2f %% of %u correct with the floating-point network\n",
	       100.0 * right / total, total);
}

static void train(struct net *net, const struct options *options, const struct digits_data *data,
		  uint32_t *indices, uint32_t count)
{
	struct random_state random = {options->seed ^ 0x6469676974730000u};
	size_t pixels = (size_t)data->height * data->width;
	uint32_t steps = count / NET_BATCH, epoch, step, i;
	double total = (double)steps * options->epochs;
	uint32_t rounded = (uint32_t)((double)options->epochs * (1.0 - QUANTISED));
	clock_t start = clock();

	for (epoch = 0; epoch < options->epochs; epoch++) {
		double loss = 0.0;

		if (epoch == rounded) {
			if (options->holdout)
				report_float(net, data, options->holdout);
			quantise_calibrate(net, data, indices, count);
		}
		for (i = count - 1; i > 0; i--) {
			uint32_t other = random_below(&random, i + 1), kept = indices[i];

			indices[i] = indices[other];
			indices[other] = kept;
		}
		for (step = 0; step < steps; step++) {
			double done = ((double)epoch * steps + step) / total;
			double ramp =
				done < WARM_UP ? done / WARM_UP : (1.0 - done) / (1.0 - WARM_UP);
			uint8_t labels[NET_BATCH];

			for (i = 0; i < NET_BATCH; i++) {
				uint32_t index = indices[step * NET_BATCH + i];

				augment(&random, digits_data_image(data, index),
					net->input + i * pixels);
				labels[i] = data->labels[index];
			}
			loss += net_step(net, labels, (float)(RATE * ramp));
		}
		printf("epoch %3u: loss %.4f, %.0f s\n", epoch + 1, loss / steps,
		       (double)(clock() - start) / CLOCKS_PER_SEC);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct digits_data data = {0};
	struct digits_error error;
	struct options options;
	uint32_t *indices, count = 0, i;
	struct net *net;
	int code;

	if (parse(argc, argv, &options))
		return 2;
	code = digits_data_load(options.data, &data, &error);
	if (code) {
		fprintf(stderr, "digits-train: %s\n", error.text);
		return 1;
	}
	if (data.height != AUGMENT_SIDE || data.width != AUGMENT_SIDE ||
	    data.count < 2 * NET_BATCH) {
		fprintf(stderr, "digits-train: %s: want %u or more digits of %d x %d pixels\n",
			options.data, 2 * NET_BATCH, AUGMENT_SIDE, AUGMENT_SIDE);
		digits_data_release(&data);
		return 1;
	}
	indices = calloc(data.count, sizeof(*indices));
	if (!indices) {
		fprintf(stderr, "digits-train: no memory for %u indices\n", data.count);
		digits_data_release(&data);
		return 1;
	}
	for (i = 0; i < data.count; i++) {
		if (!options.holdout || i % options.holdout)
			indices[count++] = i;
	}
	printf("training on %u digits for %u epochs, seed %llu\n", count, options.epochs,
	       (unsigned long long)options.seed);

	net = net_create(options.seed);
	train(net, &options, &data, indices, count);
	code = quantise_write(net, options.weights, &error);
	if (!code && options.holdout)
		code = report_holdout(&options, &data, &error);
	if (code)
		fprintf(stderr, "digits-train: %s\n", error.text);
	else
		printf("wrote %s\n", options.weights);
	net_destroy(net);
	free(indices);
	digits_data_release(&data);
	return code ? 1 : 0;
}
