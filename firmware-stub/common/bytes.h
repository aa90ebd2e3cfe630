/* SPDX-License-Identifier: MIT */
/* The three functions of <string.h> that freestanding code may use, from bytes.c or the C library. */
#ifndef NPU_BYTES_H
#define NPU_BYTES_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memset(void *dst, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif /* NPU_BYTES_H */
