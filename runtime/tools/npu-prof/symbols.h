/* SPDX-License-Identifier: MIT */
/* From an address of the device to a function and a line, by the kernel's ELF file. */
#ifndef NPU_PROF_SYMBOLS_H
#define NPU_PROF_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <npurt.h>

struct symbols;

/* Open a file. NULL: it cannot be used, and why is in error. */
struct symbols *symbols_open(const char *path, char *error, size_t room);
void symbols_close(struct symbols *symbols);
/* The file was loaded so that its first byte is there. */
void symbols_place(struct symbols *symbols, uint64_t address);
/* It was placed, and address is in it. Fills *symbol, which has its size set, as far as is known. */
bool symbols_find(struct symbols *symbols, uint64_t address, struct npurt_symbol *symbol);

#endif /* NPU_PROF_SYMBOLS_H */
