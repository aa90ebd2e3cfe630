// SPDX-License-Identifier: MIT
/*
 * npu-fw-pack: make the firmware image from a linked ELF, turn the boot ROM
 * into a C array, or show and check an image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu_soc.h"

#include "elf_image.h"
#include "fw_features.h"
#include "file.h"
#include "fw_image.h"

static const char usage[] =
	"usage: npu-fw-pack image FIRMWARE.ELF VERSION IMAGE.BIN   make a firmware image\n"
	"       npu-fw-pack rom ROM.ELF HEADER.H                   make the ROM's C array\n"
	"       npu-fw-pack info IMAGE.BIN                         show and check an image\n";

static int make_image(const char *elf_path, const char *version, const char *out)
{
	struct elf_image elf;
	uint8_t *image;
	size_t len;
	int ret = -1;

	if (elf_image_read(elf_path, NPU_FW_MAX_SIZE - NPU_FW_HEADER_SIZE, &elf))
		return -1;
	image = fw_image_make(&elf, version, NPU_FW_FEATURES, &len);
	if (image)
		ret = file_write_if_changed(out, image, len);
	free(image);
	elf_image_free(&elf);
	return ret;
}

static int make_rom(const char *elf_path, const char *out)
{
	struct elf_image elf;
	size_t len;
	char *text;
	FILE *stream;
	int ret;

	if (elf_image_read(elf_path, NPU_SOC_ROM_SIZE, &elf))
		return -1;
	if (elf.load_addr != NPU_SOC_ROM_BASE || elf.entry != NPU_SOC_ROM_BASE) {
		fprintf(stderr, "%s: must start at %#lx, where the core comes out of reset; check "
				"its linker script\n", elf_path, NPU_SOC_ROM_BASE);
		elf_image_free(&elf);
		return -1;
	}
	stream = open_memstream(&text, &len);
	if (!stream) {
		perror(out);
		elf_image_free(&elf);
		return -1;
	}
	fprintf(stream, "/* SPDX-License-Identifier: MIT */\n"
			"/* Boot ROM of the management core; generated from firmware-stub/bootrom. */\n"
			"static const unsigned char npu_bootrom[] = {");
	for (size_t i = 0; i < elf.size; i++)
		fprintf(stream, "%s0x%02x,", i % 12 ? " " : "\n\t", elf.bytes[i]);
	fprintf(stream, "\n};\n");
	elf_image_free(&elf);
	if (fclose(stream)) {
		perror(out);
		return -1;
	}
	ret = file_write_if_changed(out, text, len);
	free(text);
	return ret;
}

static int show_image(const char *path)
{
	struct npu_fw_header header;
	const char *wrong;
	uint8_t *image;
	size_t len;

	image = file_read(path, NPU_FW_MAX_SIZE, &len);
	if (!image)
		return -1;
	wrong = fw_image_check(image, len, &header);
	printf("version   %.*s\n", NPU_FW_VERSION_LEN, (const char *)header.version);
	printf("abi       %u.%u\n", header.abi_major, header.abi_minor);
	printf("features  %#llx\n", (unsigned long long)header.features);
	printf("build id  ");
	for (unsigned int i = 0; i < NPU_FW_BUILD_ID_LEN; i++)
		printf("%02x", header.build_id[i]);
	printf("\nimage     %u bytes\n", header.image_size);
	printf("memory    %#llx + %llu bytes, entry %#llx\n", (unsigned long long)header.load_addr,
	       (unsigned long long)header.mem_size, (unsigned long long)header.entry);
	printf("sha256    ");
	for (unsigned int i = 0; i < NPU_FW_HASH_LEN; i++)
		printf("%02x", header.hash[i]);
	printf("\n");
	free(image);
	if (wrong) {
		fflush(stdout);
		fprintf(stderr, "%s: would not boot: %s\n", path, wrong);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc == 5 && !strcmp(argv[1], "image")) {
		ret = make_image(argv[2], argv[3], argv[4]);
	} else if (argc == 4 && !strcmp(argv[1], "rom")) {
		ret = make_rom(argv[2], argv[3]);
	} else if (argc == 3 && !strcmp(argv[1], "info")) {
		ret = show_image(argv[2]);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	return ret ? 1 : 0;
}
