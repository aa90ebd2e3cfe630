/* SPDX-License-Identifier: MIT */
/*
 * Sets of labelled handwritten digits and the file they are kept in.
 *
 * File format, version 1, all words little-endian:
 *
 *   offset  size           what
 *        0  8              magic "NPUDIGIT"
 *        8  4              version, 1
 *       12  4              count of digits
 *       16  4              height in pixels
 *       20  4              width in pixels
 *       24  4              CRC-32 of everything from offset 32 to the end
 *       28  4              reserved, 0
 *       32  count          labels, one byte each, 0..9
 *   32 + count  count*h*w  pixels, row by row from the top left, 0 is paper and 255 is ink
 *
 * Nothing follows the pixels.
 */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "digits_file.h"

#define DIGITS_DATA_MAGIC     "NPUDIGIT"
#define DIGITS_DATA_VERSION   1u
#define DIGITS_DATA_HEADER    32u /**< bytes before the labels */

/** Limits of a set; a file beyond them is refused. */
#define DIGITS_DATA_MAX_COUNT 1000000u
#define DIGITS_DATA_MAX_SIDE  256u
#define DIGITS_DATA_MAX_BYTES ((size_t)256 << 20)

#define DIGITS_CLASSES	      10u /**< labels are 0 .. DIGITS_CLASSES - 1 */

/**
 * struct digits_data - a set of digits in memory
 * @count: how many
 * @height: pixels from top to bottom, 1..DIGITS_DATA_MAX_SIDE
 * @width: pixels from left to right, 1..DIGITS_DATA_MAX_SIDE
 * @labels: @count labels, each below DIGITS_CLASSES; points into @bytes
 * @pixels: @count images of @height x @width bytes back to back; points into @bytes
 * @bytes: the whole file; owned, freed by digits_data_release()
 *
 * Read-only after loading, so any number of threads may read one set.
 */
struct digits_data {
	uint32_t count;
	uint32_t height;
	uint32_t width;
	const uint8_t *labels;
	const uint8_t *pixels;
	uint8_t *bytes;
};

/**
 * digits_data_load() - read and check a set of digits
 * @path: file name
 * @ret_data: receives the set, to be released with digits_data_release(); untouched on failure
 * @error: receives the reason on failure; may be NULL
 *
 * Return: 0; -EBADMSG if the content is damaged or is no such file; -EPROTONOSUPPORT if its version
 * is unknown; -ERANGE if a value is out of range; or what reading it returned (-ENOENT, ...).
 */
int digits_data_load(const char *path, struct digits_data *ret_data, struct digits_error *error);

/** digits_data_release() - free what digits_data_load() allocated; a zeroed set is fine. */
void digits_data_release(struct digits_data *data);

/** digits_data_image() - pixels of digit @index, which must be below @data->count. */
static inline const uint8_t *digits_data_image(const struct digits_data *data, uint32_t index)
{
	return data->pixels + (size_t)index * data->height * data->width;
}

#endif
