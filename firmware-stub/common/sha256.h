/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4). Freestanding: needs nothing but memcpy and memset, so
 * that boot ROM and packer hash with the same code.
 */
#ifndef NPU_SHA256_H
#define NPU_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK_LEN  64
#define SHA256_DIGEST_LEN 32

/* A hash in progress; owned by the caller, no clean-up needed. */
struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes taken in so far */
	uint8_t block[SHA256_BLOCK_LEN]; /* bytes that do not fill a block yet */
};

void sha256_init(struct sha256 *ctx);
/* Take in len bytes; any split of a message into calls gives the same digest. */
void sha256_update(struct sha256 *ctx, const void *data, size_t len);
/* Write the digest. ctx must be initialised again before it is used further. */
void sha256_final(struct sha256 *ctx, uint8_t digest[SHA256_DIGEST_LEN]);

#endif /* NPU_SHA256_H */
