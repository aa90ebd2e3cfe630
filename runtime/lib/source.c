// SPDX-License-Identifier: MIT
#include "source.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>

/* Innermost function at address, inlined ones included. */
static void find_function(Dwarf_Die *unit, Dwarf_Addr address, struct npurt_symbol *symbol)
{
	Dwarf_Die *scopes = NULL;
	int count = dwarf_getscopes(unit, address, &scopes);

	for (int i = 0; i < count; i++) {
		int tag = dwarf_tag(&scopes[i]);
		const char *name;

		if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
			continue;
		name = dwarf_diename(&scopes[i]);
		if (name)
			snprintf(symbol->function, sizeof(symbol->function), "%s", name);
		break;
	}
	free(scopes);
}

static void find_line(Dwarf_Die *unit, Dwarf_Addr address, struct npurt_symbol *symbol)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0, column = 0;

	if (!file)
		return;
	snprintf(symbol->file, sizeof(symbol->file), "%s", file);
	dwarf_lineno(line, &number);
	dwarf_linecol(line, &column);
	symbol->line = (uint32_t)number;
	symbol->column = (uint32_t)column;
}

/*
 * clang writes no .debug_aranges, so look through the units. Modules have a handful.
 */
bool source_by_dwarf(Dwarf *dwarf, Dwarf_Addr address, struct npurt_symbol *symbol)
{
	Dwarf_Off at = 0, next;
	size_t header;

	while (!dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL)) {
		Dwarf_Die unit;

		if (dwarf_offdie(dwarf, at + header, &unit) && dwarf_haspc(&unit, address) > 0) {
			find_function(&unit, address, symbol);
			find_line(&unit, address, symbol);
			return symbol->function[0] || symbol->file[0];
		}
		at = next;
	}
	return false;
}

bool source_by_symtab(Elf *elf, uint64_t address, struct npurt_symbol *symbol)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		GElf_Shdr section;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &section) || section.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *name;

			if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || address < sym.st_value ||
			    address - sym.st_value >= sym.st_size)
				continue;
			name = elf_strptr(elf, section.sh_link, sym.st_name);
			if (!name)
				continue;
			snprintf(symbol->function, sizeof(symbol->function), "%s", name);
			return true;
		}
	}
	return false;
}
