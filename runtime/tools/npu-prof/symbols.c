// SPDX-License-Identifier: MIT
#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Segments start on pages of the device. */
#define PAGE 4096ull

struct symbols {
	const char *path;
	int fd;
	Elf *elf;
	Dwarf *dwarf; /* NULL: it has none */
	uint64_t start, end; /* of what is loaded, as linked */
	uint64_t bias; /* added to what was linked */
	bool placed;
};

/* What addresses the file's segments take. */
static bool find_span(struct symbols *symbols)
{
	size_t count = 0;

	symbols->start = UINT64_MAX;
	if (elf_getphdrnum(symbols->elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(symbols->elf, (int)i, &segment) || segment.p_type != PT_LOAD)
			continue;
		if (segment.p_vaddr < symbols->start)
			symbols->start = segment.p_vaddr / PAGE * PAGE;
		if (segment.p_vaddr + segment.p_memsz > symbols->end)
			symbols->end = segment.p_vaddr + segment.p_memsz;
	}
	return symbols->start < symbols->end;
}

struct symbols *symbols_open(const char *path, char *error, size_t room)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	GElf_Ehdr header;

	if (!symbols) {
		snprintf(error, room, "out of memory");
		return NULL;
	}
	symbols->path = path;
	elf_version(EV_CURRENT);
	symbols->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (symbols->fd < 0) {
		snprintf(error, room, "cannot open %s: %s", path, strerror(errno));
		free(symbols);
		return NULL;
	}
	symbols->elf = elf_begin(symbols->fd, ELF_C_READ, NULL);
	if (!symbols->elf || !gelf_getehdr(symbols->elf, &header) ||
	    header.e_machine != EM_RISCV || !find_span(symbols)) {
		snprintf(error, room, "%s is no RISC-V program; give the file that npucc made", path);
		symbols_close(symbols);
		return NULL;
	}
	symbols->dwarf = dwarf_begin_elf(symbols->elf, DWARF_C_READ, NULL);
	return symbols;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->dwarf)
		dwarf_end(symbols->dwarf);
	if (symbols->elf)
		elf_end(symbols->elf);
	close(symbols->fd);
	free(symbols);
}

void symbols_place(struct symbols *symbols, uint64_t address)
{
	symbols->bias = address - symbols->start;
	symbols->placed = true;
}

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

/* clang writes no table of which unit has which address: ask each. */
static void find_dwarf(Dwarf *dwarf, Dwarf_Addr address, struct npurt_symbol *symbol)
{
	Dwarf_Off at = 0, next;
	size_t header;

	while (!dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL)) {
		Dwarf_Line *line;
		Dwarf_Die unit;

		if (dwarf_offdie(dwarf, at + header, &unit) && dwarf_haspc(&unit, address) > 0) {
			const char *file;
			int number = 0, column = 0;

			find_function(&unit, address, symbol);
			line = dwarf_getsrc_die(&unit, address);
			file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
			if (file) {
				snprintf(symbol->file, sizeof(symbol->file), "%s", file);
				dwarf_lineno(line, &number);
				dwarf_linecol(line, &column);
				symbol->line = (uint32_t)number;
				symbol->column = (uint32_t)column;
			}
			return;
		}
		at = next;
	}
}

/* Without DWARF: the function symbol that address lies in. */
static void find_symtab(Elf *elf, uint64_t address, struct npurt_symbol *symbol)
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
			if (name)
				snprintf(symbol->function, sizeof(symbol->function), "%s", name);
			return;
		}
	}
}

bool symbols_find(struct symbols *symbols, uint64_t address, struct npurt_symbol *symbol)
{
	const char *name;

	if (!symbols || !symbols->placed)
		return false;
	address -= symbols->bias;
	if (address < symbols->start || address >= symbols->end)
		return false;
	name = strrchr(symbols->path, '/');
	snprintf(symbol->module, sizeof(symbol->module), "%s", name ? name + 1 : symbols->path);
	if (symbols->dwarf)
		find_dwarf(symbols->dwarf, address, symbol);
	if (!symbol->function[0])
		find_symtab(symbols->elf, address, symbol);
	return true;
}
