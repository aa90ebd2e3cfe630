/* SPDX-License-Identifier: MIT */
/*
 * From an address, as linked, to a place in the source, with what npucc leaves in a program. Knows
 * neither modules nor devices: the library and npu-prof are each built with it.
 */
#ifndef NPURT_SOURCE_H
#define NPURT_SOURCE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include <npurt.h>

/* Function, file and line by DWARF, inlined functions included. False: it knows neither. */
bool source_by_dwarf(Dwarf *dwarf, Dwarf_Addr address, struct npurt_symbol *symbol);
/* Without DWARF: the function symbol that address lies in. */
bool source_by_symtab(Elf *elf, uint64_t address, struct npurt_symbol *symbol);

#endif /* NPURT_SOURCE_H */
