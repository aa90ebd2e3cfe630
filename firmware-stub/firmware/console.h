/* SPDX-License-Identifier: MIT */
/* Text to the device's log. Slow, one register write per character: for boot and panic. */
#ifndef NPU_FW_CONSOLE_H
#define NPU_FW_CONSOLE_H

#include <stdint.h>

void console_puts(const char *text);
void console_hex(uint64_t value); /* 0x and no leading zeros */
void console_dec(uint64_t value);

#endif /* NPU_FW_CONSOLE_H */
