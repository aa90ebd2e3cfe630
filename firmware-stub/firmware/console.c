// SPDX-License-Identifier: MIT
#include "console.h"

#include "soc.h"

void console_puts(const char *text)
{
	for (; *text; text++)
		soc_write32(NPU_SOC_CONSOLE, (uint8_t)*text);
}

static void put_number(uint64_t value, unsigned int base)
{
	char text[21];
	char *p = text + sizeof(text) - 1;

	*p = 0;
	do {
		*--p = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	console_puts(p);
}

void console_hex(uint64_t value)
{
	console_puts("0x");
	put_number(value, 16);
}

void console_dec(uint64_t value)
{
	put_number(value, 10);
}
