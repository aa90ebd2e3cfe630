// SPDX-License-Identifier: MIT
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *file_read(const char *path, size_t max, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(max + 1);
	size_t len;

	if (!file || !bytes) {
		fprintf(stderr, "%s: cannot read: %s\n", path, strerror(errno));
		goto fail;
	}
	/* One byte more than allowed tells a file that is too large from one that just fits. */
	len = fread(bytes, 1, max + 1, file);
	if (ferror(file)) {
		fprintf(stderr, "%s: cannot read: %s\n", path, strerror(errno));
		goto fail;
	}
	if (len > max) {
		fprintf(stderr, "%s: larger than %zu bytes, which is not expected of this file\n",
			path, max);
		goto fail;
	}
	fclose(file);
	*ret_len = len;
	return bytes;
fail:
	if (file)
		fclose(file);
	free(bytes);
	return NULL;
}

static int holds(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *now = malloc(len + 1);
	int same = 0;

	if (file && now)
		same = fread(now, 1, len + 1, file) == len && !memcmp(now, bytes, len);
	if (file)
		fclose(file);
	free(now);
	return same;
}

int file_write_if_changed(const char *path, const void *bytes, size_t len)
{
	char temporary[4096];
	FILE *file;
	int bad;

	if (holds(path, bytes, len))
		return 0;
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= sizeof(temporary)) {
		fprintf(stderr, "%s: path is too long\n", path);
		return -1;
	}
	file = fopen(temporary, "wb");
	if (!file) {
		fprintf(stderr, "%s: cannot write: %s\n", temporary, strerror(errno));
		return -1;
	}
	bad = fwrite(bytes, 1, len, file) != len;
	bad |= fclose(file);
	if (bad || rename(temporary, path)) {
		fprintf(stderr, "%s: cannot write: %s\n", path, strerror(errno));
		remove(temporary);
		return -1;
	}
	return 0;
}
