// SPDX-License-Identifier: MIT
/*
 * The few functions that a compiler takes for granted. Eight bytes at a time
 * where both ends allow it: a tile retires one scalar access per instruction.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

typedef uint64_t __attribute__((may_alias)) word;

static int words_fit(const void *a, const void *b)
{
	return !(((uintptr_t)a | (uintptr_t)b) & 7);
}

void *memcpy(void *dst, const void *src, size_t size)
{
	const unsigned char *in = src;
	unsigned char *out = dst;

	if (words_fit(dst, src))
		for (; size >= 8; size -= 8, in += 8, out += 8)
			*(word *)out = *(const word *)in;
	for (; size; size--)
		*out++ = *in++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
	const unsigned char *in = src;
	unsigned char *out = dst;

	if ((uintptr_t)dst - (uintptr_t)src >= size)
		return memcpy(dst, src, size);
	in += size;
	out += size;
	if (words_fit(in, out))
		for (; size >= 8; size -= 8)
			*(word *)(out -= 8) = *(const word *)(in -= 8);
	for (; size; size--)
		*--out = *--in;
	return dst;
}

void *memset(void *dst, int value, size_t size)
{
	uint64_t pattern = (unsigned char)value * 0x0101010101010101ull;
	unsigned char *out = dst;

	for (; size && (uintptr_t)out & 7; size--)
		*out++ = (unsigned char)value;
	for (; size >= 8; size -= 8, out += 8)
		*(word *)out = pattern;
	for (; size; size--)
		*out++ = (unsigned char)value;
	return dst;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *text)
{
	const char *end = text;

	while (*end)
		end++;
	return (size_t)(end - text);
}
