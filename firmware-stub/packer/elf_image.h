/* SPDX-License-Identifier: MIT */
/* A linked, bare-metal RISC-V ELF, flattened to the bytes that lie in memory. */
#ifndef NPU_PACKER_ELF_IMAGE_H
#define NPU_PACKER_ELF_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct elf_image {
	uint8_t *bytes; /* load_addr .. load_addr + size; gaps between segments are zeros */
	size_t size;
	uint64_t load_addr; /* lowest address of a loaded segment */
	uint64_t entry;
	uint64_t mem_size; /* from load_addr to the highest address in use, .bss included */
	uint8_t build_id[64];
	size_t build_id_len; /* 0: the ELF has no GNU build id */
};

/*
 * Read an ELF64 RISC-V executable. At most max_size bytes of memory image are
 * accepted. Returns 0; or -1 after a message that names file, cause and cure on
 * stderr. elf_image_free() releases what was read.
 */
int elf_image_read(const char *path, size_t max_size, struct elf_image *image);
void elf_image_free(struct elf_image *image);

#endif /* NPU_PACKER_ELF_IMAGE_H */
