// SPDX-License-Identifier: MIT
/*
 * SHA-256 of boot ROM and packer against the example vectors of FIPS 180-4 and
 * of NIST's short-message tests, and against itself with the message split in
 * every possible way.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../firmware-stub/common/sha256.c"
#include "tap.h"

static void hex_of(const uint8_t digest[SHA256_DIGEST_LEN], char text[2 * SHA256_DIGEST_LEN + 1])
{
	for (unsigned int i = 0; i < SHA256_DIGEST_LEN; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
}

static void hash_once(const void *data, size_t len, uint8_t digest[SHA256_DIGEST_LEN])
{
	struct sha256 ctx;

	/* What was in the context before must not matter. */
	memset(&ctx, 0xa5, sizeof(ctx));
	sha256_init(&ctx);
	sha256_update(&ctx, data, len);
	sha256_final(&ctx, digest);
}

static void check(const char *name, const void *data, size_t len, const char *want)
{
	uint8_t digest[SHA256_DIGEST_LEN];
	char text[2 * SHA256_DIGEST_LEN + 1];

	hash_once(data, len, digest);
	hex_of(digest, text);
	if (!tap_ok(!strcmp(text, want), "%s", name))
		tap_diag("got %s, want %s", text, want);
}

static void test_vectors(void)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const uint8_t one_byte[] = {0xbd};
	static const uint8_t four_bytes[] = {0xc9, 0x8c, 0x8e, 0x55};
	uint8_t *million = malloc(1000000);

	check("empty message", "", 0,
	      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check("56 bytes: the length needs a block of its own", two_blocks, 56,
	      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check("one byte", one_byte, 1,
	      "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
	check("four bytes", four_bytes, 4,
	      "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504");
	if (!million)
		exit(1);
	memset(million, 0, 1000000);
	check("55 zeros", million, 55,
	      "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
	check("56 zeros", million, 56,
	      "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb");
	check("57 zeros", million, 57,
	      "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785");
	check("64 zeros", million, 64,
	      "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
	check("1,000,000 zeros", million, 1000000,
	      "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025");
	memset(million, 'a', 1000000);
	check("1,000,000 times a", million, 1000000,
	      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

static void test_splits(void)
{
	uint8_t message[200], whole[SHA256_DIGEST_LEN], parts[SHA256_DIGEST_LEN];
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7 + 3);
	hash_once(message, sizeof(message), whole);
	for (size_t first = 0; first <= sizeof(message); first++) {
		for (size_t second = first; second <= sizeof(message); second++) {
			struct sha256 ctx;

			sha256_init(&ctx);
			sha256_update(&ctx, message, first);
			sha256_update(&ctx, message + first, second - first);
			sha256_update(&ctx, message + second, sizeof(message) - second);
			sha256_final(&ctx, parts);
			wrong += !!memcmp(whole, parts, sizeof(whole));
		}
	}
	tap_ok(!wrong, "200 bytes in three parts, split anywhere, hash alike");
	message[100] ^= 1;
	hash_once(message, sizeof(message), parts);
	tap_ok(memcmp(whole, parts, sizeof(whole)), "one flipped bit changes the hash");
}

int main(void)
{
	test_vectors();
	test_splits();
	return tap_done();
}
