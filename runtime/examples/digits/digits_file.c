// SPDX-License-Identifier: MIT
#include "digits_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int digits_fail(struct digits_error *error, int code, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return -code;
}

int digits_file_read(const char *path, size_t max_bytes, uint8_t **ret_bytes, size_t *ret_size,
		     struct digits_error *error)
{
	struct stat status;
	uint8_t *bytes;
	FILE *file;
	size_t size;
	int code;

	file = fopen(path, "rb");
	if (!file)
		return digits_fail(error, errno, "%s: cannot open: %s", path, strerror(errno));

	if (fstat(fileno(file), &status)) {
		code = digits_fail(error, errno, "%s: cannot stat: %s", path, strerror(errno));
		goto close;
	}
	if (!S_ISREG(status.st_mode)) {
		code = digits_fail(error, EINVAL, "%s: not a regular file", path);
		goto close;
	}
	if (status.st_size < 0 || (uintmax_t)status.st_size > max_bytes) {
		code = digits_fail(error, EFBIG, "%s: %jd bytes, the limit is %zu", path,
				   (intmax_t)status.st_size, max_bytes);
		goto close;
	}

	size = (size_t)status.st_size;
	bytes = malloc(size ? size : 1);
	if (!bytes) {
		code = digits_fail(error, ENOMEM, "%s: no memory for %zu bytes", path, size);
		goto close;
	}
	if (fread(bytes, 1, size, file) != size) {
		code = digits_fail(error, EIO, "%s: read stopped before %zu bytes", path, size);
		free(bytes);
		goto close;
	}

	*ret_bytes = bytes;
	*ret_size = size;
	code = 0;
close:
	fclose(file);
	return code;
}

uint32_t digits_crc32(const uint8_t *bytes, size_t size)
{
	uint32_t table[256];
	uint32_t crc = ~0u;
	uint32_t i, bit;
	size_t at;

	/* The table is rebuilt per call: 2048 steps against megabytes of data, and no globals. */
	for (i = 0; i < 256; i++) {
		table[i] = i;
		for (bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (at = 0; at < size; at++)
		crc = crc >> 8 ^ table[(crc ^ bytes[at]) & 0xff];
	return ~crc;
}
