// SPDX-License-Identifier: MIT
/*
 * Checks of a module file. It may come from anywhere: every offset is checked
 * against the file, every address against the segments, before it is used. Done
 * by hand rather than with a library, because the point is to say which rule a
 * file breaks and what to do about it.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "npu_isa.h"

#define MAX_KERNELS   4096
#define MAX_NAME      255
#define MAX_ARGS_SIZE 4096

#ifndef DT_RELR
#define DT_RELR 36
#endif

static int bad(const struct npurt_elf *elf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The file's name goes in front of every message. */
static int bad(const struct npurt_elf *elf, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return npurt_fail(-ENOEXEC, "%s: %s", elf->name, text);
}

static bool in_file(const struct npurt_elf *elf, uint64_t offset, uint64_t size)
{
	return offset <= elf->image_size && elf->image_size - offset >= size;
}

static int truncated(const struct npurt_elf *elf, const char *what, uint64_t offset, uint64_t size)
{
	return bad(
		elf,
		"file is truncated or damaged: its %s take %llu bytes from offset %llu, but it has "
		"only %zu bytes",
		what, (unsigned long long)size, (unsigned long long)offset, elf->image_size);
}

static const char *machine_name(unsigned int machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "AArch64";
	case EM_ARM:
		return "ARM";
	case EM_PPC64:
		return "PowerPC64";
	case EM_S390:
		return "s390";
	case EM_BPF:
		return "BPF";
	case EM_AMDGPU:
		return "AMD GPU";
	default:
		return NULL;
	}
}

static int check_header(const struct npurt_elf *elf, Elf64_Ehdr *header)
{
	const char *name;

	if (!elf->image_size)
		return bad(elf, "file is empty; compile a kernel with npucc");
	if (elf->image_size < SELFMAG || memcmp(elf->image, ELFMAG, SELFMAG))
		return bad(elf, "not an ELF file; compile kernels with npucc");
	if (elf->image_size < sizeof(*header))
		return truncated(elf, "ELF header", 0, sizeof(*header));
	memcpy(header, elf->image, sizeof(*header));
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return bad(elf, "32-bit ELF, the NPU needs a 64-bit one; compile with npucc");
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return bad(elf, "big-endian ELF, the NPU is little-endian; compile with npucc");
	if (header->e_machine != EM_RISCV) {
		name = machine_name(header->e_machine);
		if (name)
			return bad(elf, "ELF is for %s, the NPU needs RISC-V; compile with npucc",
				   name);
		return bad(elf,
			   "ELF is for machine %u, the NPU needs RISC-V (%u); compile with npucc",
			   header->e_machine, EM_RISCV);
	}
	if (header->e_type == ET_REL)
		return bad(elf,
			   "object file that is not linked yet; link it with npucc (without -c)");
	if (header->e_type != ET_DYN)
		return bad(elf,
			   "ELF of type %u is linked to a fixed address, the NPU needs a "
			   "position-independent one; link with npucc",
			   header->e_type);
	if (header->e_version != EV_CURRENT || header->e_ident[EI_VERSION] != EV_CURRENT)
		return bad(elf, "ELF version %u is unknown", header->e_version);
	if (!header->e_phnum)
		return bad(elf, "no program headers: there is nothing to load; link with npucc");
	if (header->e_phentsize != sizeof(Elf64_Phdr))
		return bad(elf, "program headers of %u bytes instead of %zu: the file is damaged",
			   header->e_phentsize, sizeof(Elf64_Phdr));
	if (!in_file(elf, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
		return truncated(elf, "program headers", header->e_phoff,
				 (uint64_t)header->e_phnum * sizeof(Elf64_Phdr));
	return 0;
}

static int add_segment(struct npurt_elf *elf, const Elf64_Phdr *ph, uint64_t page_size)
{
	struct npurt_elf_segment *segment = &elf->segments[elf->segment_count];
	uint64_t mask = page_size - 1, end;

	if (!ph->p_memsz)
		return 0;
	if (elf->segment_count == NPURT_MODULE_MAX_SEGMENTS)
		return bad(elf, "more than %d segments; link with npucc",
			   NPURT_MODULE_MAX_SEGMENTS);
	if (!in_file(elf, ph->p_offset, ph->p_filesz))
		return truncated(elf, "segment data", ph->p_offset, ph->p_filesz);
	if (ph->p_filesz > ph->p_memsz)
		return bad(elf,
			   "a segment has more bytes in the file (%llu) than in memory (%llu): the "
			   "file "
			   "is damaged",
			   (unsigned long long)ph->p_filesz, (unsigned long long)ph->p_memsz);
	if (ph->p_memsz > NPURT_MODULE_MAX_SIZE || ph->p_vaddr > UINT64_MAX / 2)
		return bad(elf,
			   "a segment of %llu bytes at 0x%llx is too large; modules may have %llu "
			   "bytes",
			   (unsigned long long)ph->p_memsz, (unsigned long long)ph->p_vaddr,
			   (unsigned long long)NPURT_MODULE_MAX_SIZE);
	if ((ph->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return bad(elf, "a segment is both writable and executable; link with npucc");

	end = (ph->p_vaddr + ph->p_memsz + mask) & ~mask;
	segment->vaddr = ph->p_vaddr & ~mask;
	segment->size = end - segment->vaddr;
	segment->data_vaddr = ph->p_vaddr;
	segment->file_offset = ph->p_offset;
	segment->file_size = ph->p_filesz;
	segment->flags = (ph->p_flags & PF_W ? 0 : NPURT_MAP_READONLY) |
			 (ph->p_flags & PF_X ? NPURT_MAP_EXEC : 0);
	if (!elf->segment_count) {
		elf->base = segment->vaddr;
	} else {
		const struct npurt_elf_segment *before = segment - 1;

		if (segment->vaddr < before->vaddr + before->size)
			return bad(elf,
				   "segments at 0x%llx and 0x%llx share a page of %llu bytes and "
				   "cannot have "
				   "permissions of their own; link with npucc",
				   (unsigned long long)before->data_vaddr,
				   (unsigned long long)segment->data_vaddr,
				   (unsigned long long)page_size);
	}
	elf->size = end - elf->base;
	if (elf->size > NPURT_MODULE_MAX_SIZE)
		return bad(elf, "module spans %llu bytes, at most %llu are allowed",
			   (unsigned long long)elf->size,
			   (unsigned long long)NPURT_MODULE_MAX_SIZE);
	elf->segment_count++;
	return 0;
}

/* The file's bytes for [vaddr, vaddr + size), if they lie in one segment; *flags are its. */
static const uint8_t *at_address(const struct npurt_elf *elf, uint64_t vaddr, uint64_t size,
				 unsigned int *flags)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct npurt_elf_segment *segment = &elf->segments[i];

		if (vaddr < segment->data_vaddr ||
		    vaddr - segment->data_vaddr > segment->file_size ||
		    segment->file_size - (vaddr - segment->data_vaddr) < size)
			continue;
		if (flags)
			*flags = segment->flags;
		return elf->image + segment->file_offset + (vaddr - segment->data_vaddr);
	}
	return NULL;
}

/* Is [vaddr, vaddr + 8) writable memory of the module? */
static bool writable_word(const struct npurt_elf *elf, uint64_t vaddr)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct npurt_elf_segment *segment = &elf->segments[i];

		if (vaddr >= segment->vaddr && vaddr - segment->vaddr <= segment->size - 8)
			return !(segment->flags & NPURT_MAP_READONLY);
	}
	return false;
}

static const char *reloc_name(uint32_t type)
{
	static const char *const names[] = {
		[0] = "R_RISCV_NONE",	      [1] = "R_RISCV_32",
		[2] = "R_RISCV_64",	      [3] = "R_RISCV_RELATIVE",
		[4] = "R_RISCV_COPY",	      [5] = "R_RISCV_JUMP_SLOT",
		[6] = "R_RISCV_TLS_DTPMOD32", [7] = "R_RISCV_TLS_DTPMOD64",
		[8] = "R_RISCV_TLS_DTPREL32", [9] = "R_RISCV_TLS_DTPREL64",
		[10] = "R_RISCV_TLS_TPREL32", [11] = "R_RISCV_TLS_TPREL64",
		[12] = "R_RISCV_TLSDESC",     [58] = "R_RISCV_IRELATIVE",
	};

	if (type >= sizeof(names) / sizeof(names[0]) || !names[type])
		return "of unknown kind";
	return names[type];
}

static void read_reloc(const struct npurt_elf *elf, size_t i, Elf64_Rela *rela)
{
	memcpy(rela, elf->relocs + i * sizeof(*rela), sizeof(*rela));
}

/* Name of a dynamic symbol, for a message. */
static const char *symbol_name(const struct npurt_elf *elf, uint64_t symtab, uint64_t strtab,
			       uint64_t strsz, uint32_t index)
{
	const uint8_t *raw = at_address(elf, symtab + (uint64_t)index * sizeof(Elf64_Sym),
					sizeof(Elf64_Sym), NULL);
	const uint8_t *strings = at_address(elf, strtab, strsz, NULL);
	Elf64_Sym symbol;

	if (!index || !raw || !strings)
		return NULL;
	memcpy(&symbol, raw, sizeof(symbol));
	if (symbol.st_name >= strsz || !memchr(strings + symbol.st_name, 0, strsz - symbol.st_name))
		return NULL;
	return (const char *)strings + symbol.st_name;
}

static int check_dynamic(struct npurt_elf *elf, const Elf64_Phdr *ph)
{
	uint64_t rela = 0, rela_size = 0, rela_entry = sizeof(Elf64_Rela);
	uint64_t symtab = 0, strtab = 0, strsz = 0;
	Elf64_Rela reloc;

	if (!in_file(elf, ph->p_offset, ph->p_filesz))
		return truncated(elf, "dynamic section", ph->p_offset, ph->p_filesz);
	for (uint64_t at = 0; ph->p_filesz - at >= sizeof(Elf64_Dyn); at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn dyn;

		memcpy(&dyn, elf->image + ph->p_offset + at, sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			break;
		switch (dyn.d_tag) {
		case DT_NEEDED:
			return bad(elf, "needs a shared library; kernels have none, link "
					"everything into the "
					"module with npucc");
		case DT_REL:
		case DT_RELR:
		case DT_JMPREL:
			return bad(elf, "unsupported relocation table (%s); link with npucc",
				   dyn.d_tag == DT_REL	  ? "DT_REL"
				   : dyn.d_tag == DT_RELR ? "DT_RELR"
							  : "DT_JMPREL");
		case DT_RELA:
			rela = dyn.d_un.d_ptr;
			break;
		case DT_RELASZ:
			rela_size = dyn.d_un.d_val;
			break;
		case DT_RELAENT:
			rela_entry = dyn.d_un.d_val;
			break;
		case DT_SYMTAB:
			symtab = dyn.d_un.d_ptr;
			break;
		case DT_STRTAB:
			strtab = dyn.d_un.d_ptr;
			break;
		case DT_STRSZ:
			strsz = dyn.d_un.d_val;
			break;
		}
	}
	if (!rela_size)
		return 0;
	if (rela_entry != sizeof(Elf64_Rela) || rela_size % sizeof(Elf64_Rela))
		return bad(elf,
			   "relocations of %llu bytes each instead of %zu: the file is damaged",
			   (unsigned long long)rela_entry, sizeof(Elf64_Rela));
	elf->relocs = at_address(elf, rela, rela_size, NULL);
	if (!elf->relocs)
		return bad(elf,
			   "relocation table at 0x%llx lies outside of the segments: the file is "
			   "damaged",
			   (unsigned long long)rela);
	elf->reloc_count = rela_size / sizeof(Elf64_Rela);

	for (size_t i = 0; i < elf->reloc_count; i++) {
		uint32_t type;

		read_reloc(elf, i, &reloc);
		type = (uint32_t)ELF64_R_TYPE(reloc.r_info);
		if (type == R_RISCV_NONE)
			continue;
		if (type != R_RISCV_RELATIVE) {
			const char *symbol = symbol_name(elf, symtab, strtab, strsz,
							 (uint32_t)ELF64_R_SYM(reloc.r_info));

			return bad(elf,
				   "unsupported relocation %s (%u) at 0x%llx%s%s%s; link with "
				   "npucc, and "
				   "define every symbol",
				   reloc_name(type), type, (unsigned long long)reloc.r_offset,
				   symbol ? " against '" : "", symbol ? symbol : "",
				   symbol ? "'" : "");
		}
		if (!writable_word(elf, reloc.r_offset))
			return bad(elf,
				   "relocation at 0x%llx changes memory that is not writable data; "
				   "compile "
				   "with npucc (-fpie)",
				   (unsigned long long)reloc.r_offset);
	}
	return 0;
}

static int check_segments(struct npurt_elf *elf, const Elf64_Ehdr *header, uint64_t page_size)
{
	Elf64_Phdr dynamic = {0}, relro = {0};
	int err;

	for (unsigned int i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, elf->image + header->e_phoff + i * sizeof(ph), sizeof(ph));
		switch (ph.p_type) {
		case PT_LOAD:
			err = add_segment(elf, &ph, page_size);
			if (err)
				return err;
			break;
		case PT_DYNAMIC:
			dynamic = ph;
			break;
		case PT_GNU_RELRO:
			relro = ph;
			break;
		case PT_INTERP:
			return bad(elf, "asks for a dynamic linker; link with npucc");
		case PT_TLS:
			if (ph.p_memsz)
				return bad(elf,
					   "has thread-local variables; kernels cannot have any");
			break;
		}
	}
	if (!elf->segment_count)
		return bad(elf, "no loadable segment; link with npucc");
	if (relro.p_memsz && relro.p_vaddr >= elf->base && relro.p_memsz <= elf->size &&
	    relro.p_vaddr - elf->base <= elf->size - relro.p_memsz) {
		uint64_t end = (relro.p_vaddr + relro.p_memsz) & ~(page_size - 1);
		uint64_t start = (relro.p_vaddr + page_size - 1) & ~(page_size - 1);

		if (end > start) {
			elf->relro_vaddr = start;
			elf->relro_size = end - start;
		}
	}
	return dynamic.p_type ? check_dynamic(elf, &dynamic) : 0;
}

static int find_section(const struct npurt_elf *elf, const Elf64_Ehdr *header, Elf64_Shdr *ret)
{
	Elf64_Shdr strings, section;
	const char *names;

	if (!header->e_shoff || !header->e_shnum)
		return bad(elf, "no section headers, so no table of kernels (" NPU_KERNEL_SECTION
				"); strip modules with --strip-debug at most");
	if (header->e_shentsize != sizeof(section))
		return bad(elf, "section headers of %u bytes instead of %zu: the file is damaged",
			   header->e_shentsize, sizeof(section));
	if (!in_file(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(section)))
		return truncated(elf, "section headers", header->e_shoff,
				 (uint64_t)header->e_shnum * sizeof(section));
	if (header->e_shstrndx >= header->e_shnum)
		return bad(elf, "no section names: the file is damaged");
	memcpy(&strings, elf->image + header->e_shoff + header->e_shstrndx * sizeof(strings),
	       sizeof(strings));
	if (!in_file(elf, strings.sh_offset, strings.sh_size) || !strings.sh_size)
		return truncated(elf, "section names", strings.sh_offset, strings.sh_size);
	names = (const char *)elf->image + strings.sh_offset;
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		memcpy(&section, elf->image + header->e_shoff + i * sizeof(section),
		       sizeof(section));
		if (section.sh_name < strings.sh_size &&
		    strings.sh_size - section.sh_name >= sizeof(NPU_KERNEL_SECTION) &&
		    !memcmp(names + section.sh_name, NPU_KERNEL_SECTION,
			    sizeof(NPU_KERNEL_SECTION))) {
			*ret = section;
			return 0;
		}
	}
	return bad(elf, "no section " NPU_KERNEL_SECTION
			", so no kernels; define one with NPU_KERNEL() from <npu.h>");
}

static int check_kernel(const struct npurt_elf *elf, const struct npu_kernel_desc *desc,
			unsigned int index, struct npurt_kernel_entry *entry)
{
	unsigned int flags = 0;
	const char *name;
	size_t length = 0;

	if (desc->abi != NPU_KERNEL_ABI)
		return bad(elf,
			   "kernel %u was compiled for kernel ABI %u, this libnpurt loads %u; "
			   "compile it "
			   "again with npucc",
			   index, desc->abi, NPU_KERNEL_ABI);
	name = (const char *)at_address(elf, desc->name, 1, NULL);
	while (name && length <= MAX_NAME && at_address(elf, desc->name + length, 1, NULL) &&
	       name[length])
		length++;
	if (!name || !length || length > MAX_NAME || !at_address(elf, desc->name + length, 1, NULL))
		return bad(elf, "kernel %u has no usable name (at 0x%llx, 1..%d characters)", index,
			   (unsigned long long)desc->name, MAX_NAME);
	if (!at_address(elf, desc->entry, 4, &flags) || !(flags & NPURT_MAP_EXEC) ||
	    desc->entry & 1)
		return bad(elf, "entry of kernel '%s' at 0x%llx is not executable code", name,
			   (unsigned long long)desc->entry);
	if (desc->args_size > MAX_ARGS_SIZE)
		return bad(
			elf,
			"kernel '%s' wants %u bytes of arguments, at most %d are allowed; pass a "
			"pointer to device memory",
			name, desc->args_size, MAX_ARGS_SIZE);
	if (desc->flags || desc->reserved[0] || desc->reserved[1] || desc->reserved[2] ||
	    desc->reserved[3])
		return bad(elf,
			   "kernel '%s' uses features that this libnpurt does not know; update "
			   "libnpurt",
			   name);
	entry->name = name;
	entry->entry = desc->entry;
	entry->args_size = desc->args_size;
	return 0;
}

/* The entries as they look after relocation to the link-time address. */
static int read_kernels(struct npurt_elf *elf, const Elf64_Shdr *section)
{
	uint64_t size = section->sh_size, at = 0;
	const uint8_t *raw = NULL;
	uint8_t *table;
	int err = 0;

	if (section->sh_type != SHT_NOBITS && section->sh_flags & SHF_ALLOC)
		raw = at_address(elf, section->sh_addr, size, NULL);
	if (!raw)
		return bad(elf,
			   "section " NPU_KERNEL_SECTION " is not part of what is loaded; define "
			   "kernels with NPU_KERNEL() from <npu.h>");
	if (!size)
		return bad(elf, "section " NPU_KERNEL_SECTION
				" is empty: there is no kernel in the module");
	if (size > (uint64_t)MAX_KERNELS * sizeof(struct npu_kernel_desc))
		return bad(elf,
			   "section " NPU_KERNEL_SECTION " has %llu bytes, at most %d kernels fit",
			   (unsigned long long)size, MAX_KERNELS);
	table = malloc(size);
	elf->kernels = calloc(size / sizeof(struct npu_kernel_desc) + 1, sizeof(*elf->kernels));
	if (!table || !elf->kernels) {
		free(table);
		return npurt_fail_nomem("a module");
	}
	memcpy(table, raw, size);
	for (size_t i = 0; i < elf->reloc_count; i++) {
		Elf64_Rela reloc;

		read_reloc(elf, i, &reloc);
		if (ELF64_R_TYPE(reloc.r_info) == R_RISCV_RELATIVE && size >= 8 &&
		    reloc.r_offset >= section->sh_addr &&
		    reloc.r_offset - section->sh_addr <= size - 8)
			memcpy(table + (reloc.r_offset - section->sh_addr), &reloc.r_addend, 8);
	}

	while (at < size && !err) {
		struct npu_kernel_desc desc;

		if (size - at >= sizeof(desc))
			memcpy(&desc, table + at, sizeof(desc));
		if (size - at < sizeof(desc) || desc.size < sizeof(desc) || desc.size % 8 ||
		    desc.size > size - at) {
			err = bad(elf,
				  "entry %u of " NPU_KERNEL_SECTION
				  " is damaged; define kernels with "
				  "NPU_KERNEL() from <npu.h> only",
				  elf->kernel_count);
			break;
		}
		err = check_kernel(elf, &desc, elf->kernel_count, &elf->kernels[elf->kernel_count]);
		for (unsigned int i = 0; i < elf->kernel_count && !err; i++)
			if (!strcmp(elf->kernels[i].name, elf->kernels[elf->kernel_count].name))
				err = bad(elf, "two kernels are called '%s'; rename one",
					  elf->kernels[i].name);
		elf->kernel_count += !err;
		at += desc.size;
	}
	free(table);
	return err;
}

int npurt_elf_parse(const char *name, const void *image, size_t size, uint64_t page_size,
		    struct npurt_elf *ret_elf)
{
	struct npurt_elf elf = {.name = name, .image = image, .image_size = size};
	Elf64_Ehdr header = {0};
	Elf64_Shdr section = {0};
	int err = check_header(&elf, &header);

	if (!err)
		err = check_segments(&elf, &header, page_size);
	if (!err)
		err = find_section(&elf, &header, &section);
	if (!err)
		err = read_kernels(&elf, &section);
	if (err)
		npurt_elf_release(&elf);
	else
		*ret_elf = elf;
	return err;
}

void npurt_elf_release(struct npurt_elf *elf)
{
	free(elf->kernels);
	elf->kernels = NULL;
}

void npurt_elf_place(const struct npurt_elf *elf, void *memory, uint64_t va)
{
	uint8_t *bytes = memory;

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct npurt_elf_segment *segment = &elf->segments[i];

		memcpy(bytes + (segment->data_vaddr - elf->base), elf->image + segment->file_offset,
		       segment->file_size);
	}
	for (size_t i = 0; i < elf->reloc_count; i++) {
		Elf64_Rela reloc;
		uint64_t value;

		read_reloc(elf, i, &reloc);
		if (ELF64_R_TYPE(reloc.r_info) != R_RISCV_RELATIVE)
			continue;
		value = (uint64_t)reloc.r_addend - elf->base + va;
		memcpy(bytes + (reloc.r_offset - elf->base), &value, sizeof(value));
	}
}
