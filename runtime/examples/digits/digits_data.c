// SPDX-License-Identifier: MIT
#include "digits_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check(const char *path, const uint8_t *bytes, size_t size, struct digits_data *data,
		 struct digits_error *error)
{
	uint64_t expected;
	uint32_t version, crc, actual, i;

	if (size < DIGITS_DATA_HEADER)
		return digits_fail(error, EBADMSG,
				   "%s: %zu bytes is shorter than the %u-byte header", path, size,
				   DIGITS_DATA_HEADER);
	if (memcmp(bytes, DIGITS_DATA_MAGIC, 8))
		return digits_fail(error, EBADMSG,
				   "%s: not a set of digits (no \"%s\" at its start)", path,
				   DIGITS_DATA_MAGIC);
	version = digits_le32(bytes + 8);
	if (version != DIGITS_DATA_VERSION)
		return digits_fail(error, EPROTONOSUPPORT,
				   "%s: version %u, but this program reads version %u; "
				   "convert the data again with 'make data'",
				   path, version, DIGITS_DATA_VERSION);

	data->count = digits_le32(bytes + 12);
	data->height = digits_le32(bytes + 16);
	data->width = digits_le32(bytes + 20);
	if (data->count < 1 || data->count > DIGITS_DATA_MAX_COUNT || data->height < 1 ||
	    data->height > DIGITS_DATA_MAX_SIDE || data->width < 1 ||
	    data->width > DIGITS_DATA_MAX_SIDE)
		return digits_fail(
			error, ERANGE,
			"%s: %u images of %u x %u pixels; allowed are 1..%u of 1..%u a side", path,
			data->count, data->height, data->width, DIGITS_DATA_MAX_COUNT,
			DIGITS_DATA_MAX_SIDE);

	expected = DIGITS_DATA_HEADER +
		   (uint64_t)data->count * (1 + (uint64_t)data->height * data->width);
	if (size != expected)
		return digits_fail(error, EBADMSG,
				   "%s: %zu bytes, but its header promises %llu; the file is %s",
				   path, size, (unsigned long long)expected,
				   size < expected ? "truncated" : "too long");

	crc = digits_le32(bytes + 24);
	actual = digits_crc32(bytes + DIGITS_DATA_HEADER, size - DIGITS_DATA_HEADER);
	if (crc != actual)
		return digits_fail(
			error, EBADMSG,
			"%s: damaged (CRC-32 %08x, its header says %08x); fetch it again", path,
			actual, crc);
	if (digits_le32(bytes + 28))
		return digits_fail(error, EBADMSG, "%s: reserved word at offset 28 is not 0", path);

	for (i = 0; i < data->count; i++) {
		if (bytes[DIGITS_DATA_HEADER + i] >= DIGITS_CLASSES)
			return digits_fail(error, ERANGE, "%s: label %u of digit %u is not 0..9",
					   path, bytes[DIGITS_DATA_HEADER + i], i);
	}
	return 0;
}

int digits_data_load(const char *path, struct digits_data *ret_data, struct digits_error *error)
{
	struct digits_data data = {0};
	size_t size;
	int code;

	code = digits_file_read(path, DIGITS_DATA_MAX_BYTES, &data.bytes, &size, error);
	if (code)
		return code;
	code = check(path, data.bytes, size, &data, error);
	if (code) {
		free(data.bytes);
		return code;
	}
	data.labels = data.bytes + DIGITS_DATA_HEADER;
	data.pixels = data.labels + data.count;
	*ret_data = data;
	return 0;
}

void digits_data_release(struct digits_data *data)
{
	free(data->bytes);
	memset(data, 0, sizeof(*data));
}
