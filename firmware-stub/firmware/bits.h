/* SPDX-License-Identifier: MIT */
/* Sets of up to 64 as bits of a word. */
#ifndef NPU_FW_BITS_H
#define NPU_FW_BITS_H

#include <stdint.h>

/* Number of the lowest bit set; bits must not be 0. Without a helper from a library. */
static inline unsigned int first_bit(uint64_t bits)
{
	unsigned int n = 0;

	if (!(uint32_t)bits) {
		n += 32;
		bits >>= 32;
	}
	if (!(uint16_t)bits) {
		n += 16;
		bits >>= 16;
	}
	if (!(uint8_t)bits) {
		n += 8;
		bits >>= 8;
	}
	if (!(bits & 0xf)) {
		n += 4;
		bits >>= 4;
	}
	if (!(bits & 3)) {
		n += 2;
		bits >>= 2;
	}
	return n + !(bits & 1);
}

/* for each number whose bit is set in the uint64_t copy `rest`, lowest first */
#define for_each_bit(n, rest) for (; (rest) && ((n) = first_bit(rest), 1); (rest) &= (rest) - 1)

#endif /* NPU_FW_BITS_H */
