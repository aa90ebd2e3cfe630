/* SPDX-License-Identifier: MIT */
/* Firmware images as npu_fw.h defines them: make and check. */
#ifndef NPU_PACKER_FW_IMAGE_H
#define NPU_PACKER_FW_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "npu_fw.h"

struct elf_image;

/*
 * Make an image from a linked firmware. version is cut to NPU_FW_VERSION_LEN - 1
 * bytes. Returns malloc()ed bytes, or NULL after a message on stderr.
 */
uint8_t *fw_image_make(const struct elf_image *elf, const char *version, uint64_t features,
		       size_t *ret_len);

/* SHA-256 of an image of len >= NPU_FW_HEADER_SIZE bytes, with the hash field taken as zeros. */
void fw_image_hash(const uint8_t *image, size_t len, uint8_t hash[NPU_FW_HASH_LEN]);

/*
 * What keeps the boot ROM from starting this image, as a text to print; NULL if
 * nothing does. *header receives the header as far as there is one.
 */
const char *fw_image_check(const uint8_t *image, size_t len, struct npu_fw_header *header);

#endif /* NPU_PACKER_FW_IMAGE_H */
