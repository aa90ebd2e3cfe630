// SPDX-License-Identifier: MIT
#include "symbols.h"

#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source.h"

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
		source_by_dwarf(symbols->dwarf, address, symbol);
	if (!symbol->function[0])
		source_by_symtab(symbols->elf, address, symbol);
	return true;
}
