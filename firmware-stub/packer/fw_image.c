// SPDX-License-Identifier: MIT
#include "fw_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu_soc.h"

#include "elf_image.h"
#include "sha256.h"

#define HASH_OFFSET offsetof(struct npu_fw_header, hash)

void fw_image_hash(const uint8_t *image, size_t len, uint8_t hash[NPU_FW_HASH_LEN])
{
	static const uint8_t zeros[NPU_FW_HASH_LEN];
	struct sha256 ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, image, HASH_OFFSET);
	sha256_update(&ctx, zeros, sizeof(zeros));
	sha256_update(&ctx, image + HASH_OFFSET + sizeof(zeros),
		      len - HASH_OFFSET - sizeof(zeros));
	sha256_final(&ctx, hash);
}

uint8_t *fw_image_make(const struct elf_image *elf, const char *version, uint64_t features,
		       size_t *ret_len)
{
	size_t payload = (elf->size + 15) / 16 * 16;
	size_t len = NPU_FW_HEADER_SIZE + payload;
	struct npu_fw_header header = {
		.magic = NPU_FW_MAGIC,
		.header_size = NPU_FW_HEADER_SIZE,
		.image_size = (uint32_t)len,
		.abi_major = NPU_FW_ABI_MAJOR,
		.abi_minor = NPU_FW_ABI_MINOR,
		.features = features,
		.load_addr = elf->load_addr,
		.entry = elf->entry,
		/* Padding of the payload is loaded too. */
		.mem_size = elf->mem_size > payload ? elf->mem_size : payload,
	};
	const char *wrong;
	uint8_t *image;

	if (elf->build_id_len != NPU_FW_BUILD_ID_LEN) {
		fprintf(stderr, "the firmware has no %d-byte GNU build id; link with "
				"--build-id=sha1\n", NPU_FW_BUILD_ID_LEN);
		return NULL;
	}
	memcpy(header.build_id, elf->build_id, NPU_FW_BUILD_ID_LEN);
	snprintf((char *)header.version, sizeof(header.version), "%s", version);

	image = calloc(1, len);
	if (!image) {
		fprintf(stderr, "out of memory\n");
		return NULL;
	}
	memcpy(image, &header, sizeof(header));
	memcpy(image + NPU_FW_HEADER_SIZE, elf->bytes, elf->size);
	fw_image_hash(image, len, header.hash);
	memcpy(image, &header, sizeof(header));

	wrong = fw_image_check(image, len, &header);
	if (wrong) {
		fprintf(stderr, "this firmware would not boot: %s\n", wrong);
		free(image);
		return NULL;
	}
	*ret_len = len;
	return image;
}

static int all_zero(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len--) {
		if (*p++)
			return 0;
	}
	return 1;
}

const char *fw_image_check(const uint8_t *image, size_t len, struct npu_fw_header *header)
{
	const uint64_t ram_end = NPU_SOC_RAM_BASE + NPU_SOC_RAM_SIZE - NPU_SOC_ROM_SCRATCH_SIZE;
	uint8_t hash[NPU_FW_HASH_LEN];
	uint64_t payload;

	memset(header, 0, sizeof(*header));
	memcpy(header, image, len < sizeof(*header) ? len : sizeof(*header));
	if (len < NPU_FW_HEADER_SIZE)
		return "it is shorter than its header; build or copy it again";
	if (header->magic != NPU_FW_MAGIC)
		return "the magic is wrong: this is no NPU firmware";
	if (header->abi_major != NPU_FW_ABI_MAJOR)
		return "its ABI major version is another one; take the firmware that fits";
	if (header->header_size != NPU_FW_HEADER_SIZE || header->reserved0 ||
	    !all_zero(header->reserved1, sizeof(header->reserved1)) ||
	    !all_zero(header->reserved2, sizeof(header->reserved2)))
		return "its header has another size, or a reserved field that is not zero";
	if (header->image_size <= NPU_FW_HEADER_SIZE || header->image_size % 16 ||
	    header->image_size > NPU_FW_MAX_SIZE)
		return "its size is not a multiple of 16, or too large";
	if (header->image_size > len)
		return "it is truncated; build or copy it again";
	payload = header->image_size - NPU_FW_HEADER_SIZE;
	if (header->load_addr < NPU_SOC_RAM_BASE || header->load_addr >= ram_end ||
	    header->load_addr % 16 || header->mem_size < payload ||
	    header->mem_size > ram_end - header->load_addr)
		return "it does not fit the management core's RAM; check its linker script";
	if (header->entry < header->load_addr || header->entry - header->load_addr >= payload ||
	    header->entry % 2)
		return "its entry lies outside of the image; check its linker script";
	fw_image_hash(image, header->image_size, hash);
	if (memcmp(hash, header->hash, sizeof(hash)))
		return "the hash does not match: it was damaged or edited; build or copy it again";
	return NULL;
}
