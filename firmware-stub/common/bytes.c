// SPDX-License-Identifier: MIT
/*
 * memcpy, memset and memcmp for the management core. The compiler calls them
 * too, for structures. Eight bytes at a time where both ends allow it: most of
 * what the firmware moves is aligned.
 */
#include "bytes.h"

#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (!(((uintptr_t)d | (uintptr_t)s) % 8)) {
		for (; len >= 8; len -= 8, d += 8, s += 8)
			*(uint64_t *)d = *(const uint64_t *)s;
	}
	while (len--)
		*d++ = *s++;
	return dst;
}

void *memset(void *dst, int value, size_t len)
{
	uint8_t *d = dst;

	if (!((uintptr_t)d % 8)) {
		uint64_t word = (uint8_t)value * 0x0101010101010101ull;

		for (; len >= 8; len -= 8, d += 8)
			*(uint64_t *)d = word;
	}
	while (len--)
		*d++ = (uint8_t)value;
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;

	for (; len; len--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}
