// SPDX-License-Identifier: MIT
#include "elf_image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define ELF_MAX (16u << 20) /* debug information included */

struct elf_file {
	const char *path;
	const uint8_t *bytes;
	size_t len;
	Elf64_Ehdr header;
};

/* Program header i; segments were checked to lie in the file by check_segments(). */
static Elf64_Phdr segment(const struct elf_file *elf, unsigned int i)
{
	Elf64_Phdr ph;

	memcpy(&ph, elf->bytes + elf->header.e_phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

static int complain(const struct elf_file *elf, const char *what)
{
	fprintf(stderr, "%s: %s\n", elf->path, what);
	return -1;
}

static int check_header(struct elf_file *elf)
{
	Elf64_Ehdr *eh = &elf->header;

	if (elf->len < sizeof(*eh))
		return complain(elf, "too short for an ELF file; link it again");
	memcpy(eh, elf->bytes, sizeof(*eh));
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return complain(elf, "not an ELF file; give the linker's output");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != EM_RISCV)
		return complain(elf, "not for 64-bit RISC-V; compile with "
				     "--target=riscv64-unknown-elf");
	if (eh->e_type != ET_EXEC)
		return complain(elf, "not an executable with fixed addresses; link it statically, "
				     "with -no-pie");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phoff > elf->len ||
	    eh->e_phnum > (elf->len - eh->e_phoff) / sizeof(Elf64_Phdr))
		return complain(elf, "program headers lie outside of the file; link it again");
	return 0;
}

static int check_segments(const struct elf_file *elf, uint64_t *ret_low, uint64_t *ret_file_end,
			  uint64_t *ret_mem_end)
{
	uint64_t low = UINT64_MAX, file_end = 0, mem_end = 0;

	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		Elf64_Phdr ph = segment(elf, i);

		if (ph.p_offset > elf->len || ph.p_filesz > elf->len - ph.p_offset)
			return complain(elf, "truncated: a segment ends outside of the file");
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (ph.p_filesz > ph.p_memsz || ph.p_paddr > UINT64_MAX - ph.p_memsz)
			return complain(elf, "a segment's sizes make no sense; link it again");
		if (ph.p_paddr < low)
			low = ph.p_paddr;
		if (ph.p_filesz && ph.p_paddr + ph.p_filesz > file_end)
			file_end = ph.p_paddr + ph.p_filesz;
		if (ph.p_paddr + ph.p_memsz > mem_end)
			mem_end = ph.p_paddr + ph.p_memsz;
	}
	if (file_end <= low)
		return complain(elf, "has nothing to load; check its linker script");
	*ret_low = low;
	*ret_file_end = file_end;
	*ret_mem_end = mem_end;
	return 0;
}

/* Find the GNU build id among the notes of one segment. */
static void find_build_id(const uint8_t *notes, size_t len, struct elf_image *image)
{
	Elf64_Nhdr nh;

	while (len >= sizeof(nh)) {
		uint64_t name, desc;

		memcpy(&nh, notes, sizeof(nh));
		name = ((uint64_t)nh.n_namesz + 3) / 4 * 4;
		desc = ((uint64_t)nh.n_descsz + 3) / 4 * 4;
		if (name + desc > len - sizeof(nh))
			return;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 &&
		    !memcmp(notes + sizeof(nh), "GNU", 4) &&
		    nh.n_descsz <= sizeof(image->build_id)) {
			memcpy(image->build_id, notes + sizeof(nh) + name, nh.n_descsz);
			image->build_id_len = nh.n_descsz;
			return;
		}
		notes += sizeof(nh) + name + desc;
		len -= sizeof(nh) + name + desc;
	}
}

int elf_image_read(const char *path, size_t max_size, struct elf_image *image)
{
	struct elf_file elf = { .path = path };
	uint8_t *file = file_read(path, ELF_MAX, &elf.len);
	uint64_t low, file_end, mem_end;

	*image = (struct elf_image){ 0 };
	if (!file)
		return -1;
	elf.bytes = file;
	if (check_header(&elf) || check_segments(&elf, &low, &file_end, &mem_end))
		goto fail;
	if (file_end - low > max_size) {
		fprintf(stderr, "%s: %llu bytes to load, %zu are possible; make it smaller\n", path,
			(unsigned long long)(file_end - low), max_size);
		goto fail;
	}
	image->size = file_end - low;
	image->bytes = calloc(1, image->size);
	if (!image->bytes) {
		complain(&elf, "out of memory");
		goto fail;
	}
	image->load_addr = low;
	image->entry = elf.header.e_entry;
	image->mem_size = mem_end - low;
	for (unsigned int i = 0; i < elf.header.e_phnum; i++) {
		Elf64_Phdr ph = segment(&elf, i);

		if (ph.p_type == PT_LOAD && ph.p_filesz)
			memcpy(image->bytes + (ph.p_paddr - low), elf.bytes + ph.p_offset,
			       ph.p_filesz);
		else if (ph.p_type == PT_NOTE && !image->build_id_len)
			find_build_id(elf.bytes + ph.p_offset, ph.p_filesz, image);
	}
	free(file);
	return 0;
fail:
	free(file);
	return -1;
}

void elf_image_free(struct elf_image *image)
{
	free(image->bytes);
	image->bytes = NULL;
}
