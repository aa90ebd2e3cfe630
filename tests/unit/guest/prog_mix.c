// SPDX-License-Identifier: MIT
/*
 * A mix of loads, stores, arithmetic and branches as compiled code has it: CRC with a table, sorting
 * passes, a sieve. seed is the number of rounds.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static u32 table[256];
static u8 buffer[4096];
static u8 composite[4096];

u64 program(u64 seed);
u64 program(u64 seed)
{
	u32 crc = ~0u;
	u64 primes = 0;

	for (u32 i = 0; i < 256; i++) {
		u32 c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	for (int i = 0; i < 4096; i++)
		buffer[i] = (u8)(i * 7);
	for (u64 round = 0; round < seed; round++) {
		for (int i = 0; i < 4096; i++)
			crc = table[(crc ^ buffer[i]) & 255] ^ crc >> 8;
		for (int i = 1; i < 4096; i++)
			if (buffer[i] < buffer[i - 1]) {
				u8 t = buffer[i];

				buffer[i] = buffer[i - 1];
				buffer[i - 1] = t;
			}
		for (int i = 0; i < 4096; i++)
			composite[i] = 0;
		for (int i = 2; i < 4096; i++) {
			if (composite[i])
				continue;
			primes += (u64)i;
			for (int k = 2 * i; k < 4096; k += i)
				composite[k] = 1;
		}
	}
	return crc ^ primes << 20;
}
