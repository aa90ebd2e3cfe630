// SPDX-License-Identifier: MIT
/* From an address to a line of source, by the module that it lies in. */
#include <elfutils/libdw.h>
#include <stdlib.h>

#include "internal.h"
#include "source.h"

struct npurt_symbols {
	Elf *elf;     /* reads the module's image */
	Dwarf *dwarf; /* NULL: the module has none */
};

bool npurt_symbols_find(struct npurt_module *module, uint64_t address, struct npurt_symbol *symbol)
{
	struct npurt_symbols *symbols;
	bool found = false;

	pthread_mutex_lock(&module->lock);
	symbols = module->symbols;
	if (!symbols && (symbols = calloc(1, sizeof(*symbols)))) {
		elf_version(EV_CURRENT);
		symbols->elf = elf_memory(module->image, module->image_size);
		if (symbols->elf)
			symbols->dwarf = dwarf_begin_elf(symbols->elf, DWARF_C_READ, NULL);
		module->symbols = symbols;
	}
	if (symbols && symbols->dwarf)
		found = source_by_dwarf(symbols->dwarf, address, symbol);
	if (symbols && symbols->elf && !found)
		found = source_by_symtab(symbols->elf, address, symbol);
	pthread_mutex_unlock(&module->lock);
	return found;
}

void npurt_symbols_free(struct npurt_symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->dwarf)
		dwarf_end(symbols->dwarf);
	if (symbols->elf)
		elf_end(symbols->elf);
	free(symbols);
}
