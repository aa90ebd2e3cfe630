// SPDX-License-Identifier: MIT
/* Floating-point numbers of 16 bits. */
#include <string.h>

#include "internal.h"

static uint32_t to_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

NPURT_EXPORT uint16_t npurt_to_bf16(float value)
{
	const uint32_t bits = to_bits(value);

	if (value != value)
		return 0x7fc0;
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

NPURT_EXPORT float npurt_from_bf16(uint16_t value)
{
	return from_bits((uint32_t)value << 16);
}

NPURT_EXPORT uint16_t npurt_to_fp16(float value)
{
	const uint32_t bits = to_bits(value), size = bits & 0x7fffffff;
	const uint32_t sign = bits >> 16 & 0x8000;
	uint32_t rest;

	if (value != value)
		return 0x7e00;
	if (size >= 0x477ff000) /* rounds to more than the largest number, 65504 */
		return (uint16_t)(sign | 0x7c00);
	if (size < 0x38800000) {
		/* Below 2^-14: with 0.5 added, the last bit of a float is worth 2^-24, which is one here. */
		rest = to_bits(from_bits(size) + 0.5f) - to_bits(0.5f);
		return (uint16_t)(sign | rest);
	}
	rest = size - 0x38000000;
	return (uint16_t)(sign | (rest + 0xfff + (rest >> 13 & 1)) >> 13);
}

NPURT_EXPORT float npurt_from_fp16(uint16_t value)
{
	const uint32_t sign = (uint32_t)(value & 0x8000) << 16, exponent = value >> 10 & 31;
	const uint32_t fraction = value & 0x3ff;

	if (exponent == 31)
		return from_bits(sign | 0x7f800000 | fraction << 13);
	if (!exponent)
		return from_bits(sign | to_bits((float)fraction * 0x1p-24f));
	return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}
