/* SPDX-License-Identifier: MIT */
/*
 * Whole-file reading and little-endian decoding, shared by the readers of the digits example.
 *
 * Both file formats of the example are small, so a file is read in one go, checked in memory and
 * then decoded: no reader ever works on a half-checked stream.
 */
#ifndef DIGITS_FILE_H
#define DIGITS_FILE_H

#include <stddef.h>
#include <stdint.h>

/** Size of the text buffer that struct digits_error holds, with its terminating NUL. */
#define DIGITS_ERROR_MAX 320

/**
 * struct digits_error - why the last call failed, in words
 * @text: one line without newline that names the cause and, where there is one, the cure
 *
 * Owned by the caller. Only written when a call fails.
 */
struct digits_error {
	char text[DIGITS_ERROR_MAX];
};

/**
 * digits_fail() - write an error text and hand back the code that goes with it
 * @error: where the text goes; may be NULL
 * @code: positive errno value
 * @format: printf format
 *
 * Return: -@code, so that callers can write "return digits_fail(...)".
 */
int digits_fail(struct digits_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * digits_file_read() - read a whole regular file into memory
 * @path: file name
 * @max_bytes: a longer file is refused with -EFBIG
 * @ret_bytes: receives a malloc()ed buffer that the caller frees; untouched on failure
 * @ret_size: receives its size in bytes; untouched on failure
 * @error: receives the reason on failure; may be NULL
 *
 * Return: 0 or -errno.
 */
int digits_file_read(const char *path, size_t max_bytes, uint8_t **ret_bytes, size_t *ret_size,
		     struct digits_error *error);

/** digits_le32() - decode a little-endian 32-bit word at any alignment. */
static inline uint32_t digits_le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/** digits_put_le32() - encode a little-endian 32-bit word at any alignment. */
static inline void digits_put_le32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)(value >> 16);
	bytes[3] = (uint8_t)(value >> 24);
}

/**
 * digits_crc32() - CRC-32 as Ethernet and zlib define it (reflected, polynomial 0x04c11db7)
 * @bytes: data
 * @size: its length in bytes
 */
uint32_t digits_crc32(const uint8_t *bytes, size_t size);

#endif
